"""Water, barriers, green and heights."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely

from gis.model import Layer
from gis.sample.fabric import Fabric, bank_parks, corridor_line
from gis.sample.frames import make_layer, uids
from gis.sample.names import Names
from gis.sample.streets import EXPRESSWAY, RAIL
from gis.sample.terrain import Floats

HEIGHTS_EVERY_M: Final = 100.0
HILLS_DEEP_M: Final = 800.0
ROUND_THE_CITY_M: Final = 400.0


def water_layer(river: Any, names: Names) -> Layer:
    """Return the river."""
    name = names.words["other"]["river"]
    return make_layer(
        "water", np.array([river]), {"uid": ["W0001"], "name": [name], "use": ["河流"]}
    )


def barrier_layer(fabric: Fabric, river: Any, names: Names) -> Layer:
    """Return river, railway and expressway."""
    words = names.words["other"]
    shapes = [river, *(corridor_line(fabric.terrain, kind) for kind in (RAIL, EXPRESSWAY))]
    return make_layer(
        "barriers",
        np.array(shapes, dtype=object),
        {
            "uid": uids("B", 3),
            "name": [words["river"], words["railway"], words["expressway"]],
            "barrier": ["river", "railway", "expressway"],
        },
    )


def _hills(fabric: Fabric) -> list[Any]:
    """Return the wild land in and above the city, in pieces."""
    terrain = fabric.terrain
    layout = terrain.layout
    s = np.arange(-500.0, layout.length_m + 500.0, 30.0)
    parts = list(fabric.face[fabric.wild])
    for edge, side in ((layout.borders[0], -1), (layout.borders[-1], 1)):
        near = np.stack([s, np.full(len(s), edge + side * 1.0)], axis=1)
        ridge = edge + side * (HILLS_DEEP_M + 140 * np.sin(s / 310.0) + 70 * np.sin(s / 130.0))
        far = np.stack([s, ridge], axis=1)[::-1]
        strip = shapely.Polygon(terrain.to_map(np.concatenate([near, far])))
        # Far out, where nothing is built, the bent strip may touch itself.
        parts.append(shapely.buffer(strip, 0.0))
    whole = shapely.union_all(shapely.buffer(shapely.union_all(parts), 3.0, join_style="mitre"))
    pieces = shapely.get_parts(shapely.buffer(whole, -3.0, join_style="mitre"))
    pieces = pieces[shapely.is_valid(pieces) & (shapely.area(pieces) > 500)]
    return list(pieces)


def green_layer(fabric: Fabric, parks: Any, names: Names) -> Layer:
    """Return parks on plots, parks along the banks and the hills."""
    words = names.words["other"]
    hills = _hills(fabric)
    banks = bank_parks(fabric)
    order = [("公园", p) for p in parks] + [("滨水绿地", p) for p in banks]
    order += [("山体林地", p) for p in hills]
    shown: list[str] = []
    for k, (use, _) in enumerate(order):
        if use == "公园":
            shown.append(names.once(words["parks"][1 + k % (len(words["parks"]) - 1)]))
        elif use == "滨水绿地":
            shown.append(names.once(words["parks"][0], pattern="{name}{number}段"))
        else:
            shown.append(names.once(words["hill"][k % len(words["hill"])]))
    return make_layer(
        "green",
        np.array([shape for _, shape in order], dtype=object),
        {"uid": uids("L", len(order)), "name": shown, "use": [use for use, _ in order]},
    )


def heights_layer(fabric: Fabric, bounds: Floats) -> Layer:
    """Return spot heights in a square grid over and around ``bounds`` (4,)."""
    west, south = np.floor((bounds[:2] - ROUND_THE_CITY_M) / HEIGHTS_EVERY_M) * HEIGHTS_EVERY_M
    east, north = bounds[2:] + ROUND_THE_CITY_M
    x = np.arange(west, east, HEIGHTS_EVERY_M)
    y = np.arange(south, north, HEIGHTS_EVERY_M)
    xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    height = fabric.terrain.elevation_m(fabric.terrain.to_plan(xy))
    return make_layer(
        "heights", shapely.points(xy), {"uid": uids("H", len(xy)), "elevation_m": height}
    )
