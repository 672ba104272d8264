"""Facilities of every category, and idle rooms and plots where missing ones could go.

Numbers per 10,000 people, places and names are data (``data/sample/facilities.toml``). What goes
round the communities one by one still leaves gaps, because there is less of it than communities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from gis.model import Categories, Layer
from gis.sample.communities import Communities
from gis.sample.compounds import Compounds
from gis.sample.fabric import Fabric
from gis.sample.frames import make_layer, pick, read_table, uids
from gis.sample.lots import Lots
from gis.sample.names import Names
from gis.sample.streets import HALF_WIDTH_M
from gis.sample.terrain import Floats, Ints

FRONT_EVERY_M: Final = 40.0
OFF_STREET_M: Final = 2.5
OFF_CROSSING_M: Final = 23.0
"""No shop in the middle of the street that joins here."""
FRONT_CLASSES: Final = ("primary", "secondary", "tertiary", "residential", "living_street")


@dataclass(frozen=True, eq=False)
class Spots:
    """Places where a facility may stand: ``xy`` (m, 2), ``block`` (m,), ``line`` (m,) street."""

    xy: Floats
    block: Ints
    line: Ints
    lot: Ints

    def take(self, rows: Any) -> Spots:
        """Return some of the places."""
        return Spots(self.xy[rows], self.block[rows], self.line[rows], self.lot[rows])


@dataclass(frozen=True, eq=False)
class Town:
    """What is needed to place things in the city and to name them."""

    fabric: Fabric
    lots: Lots
    plan: Compounds
    estate_lot: Ints
    parks: Ints
    communities: Communities
    community_name: list[str]
    subdistrict_name: list[str]
    line_name: list[str | None]
    names: Names
    people: float


def front_spots(fabric: Fabric, *, classes: tuple[str, ...] = FRONT_CLASSES) -> Spots:
    """Return places on the pavement, on the built sides of the streets of ``classes``."""
    mesh = fabric.mesh
    use = fabric.kept & (mesh.crossing == 0) & np.isin(fabric.highway, classes)
    edges = np.flatnonzero(use)
    length = np.asarray(shapely.length(fabric.edge_line[edges]))
    room = np.maximum(0.0, length - 2 * OFF_CROSSING_M)
    count = np.ceil(room / FRONT_EVERY_M).astype(np.int64)
    edge = np.repeat(edges, count)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    share = (place + 0.5) / np.repeat(count, count)
    at_m = OFF_CROSSING_M + share * np.repeat(room, count)
    line = fabric.edge_line[edge]
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, at_m))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, at_m + 1.0))
    step = ahead - here
    step /= np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    half = np.array([HALF_WIDTH_M[word] for word in fabric.highway[edge]]) + OFF_STREET_M
    parts = []
    for side, turn in ((0, 1.0), (1, -1.0)):
        block = mesh.edge_blocks[edge, side]
        off = np.stack([-step[:, 1], step[:, 0]], axis=1) * (turn * half)[:, None]
        xy = np.round(here + off, 3)
        good = (block >= 0) & ~np.where(block >= 0, fabric.wild[block], True)
        good &= shapely.contains_xy(fabric.face[block], xy)
        parts.append((xy[good], block[good], mesh.edge_line[edge][good]))
    xy, block, lines = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Spots(xy, block, lines, np.full(len(xy), -1))


def _lot_spots(town: Town) -> Spots:
    """Return a place on each plot that is no estate, in front of its first street side."""
    taken = np.concatenate([town.estate_lot, town.parks])
    free = np.setdiff1d(np.arange(len(town.lots)), taken)
    xy = np.round(shapely.get_coordinates(shapely.point_on_surface(town.lots.shape[free])), 3)
    block = town.lots.block[free]
    return Spots(xy, block, _line_of_lot(town, free), free)


def _line_of_lot(town: Town, lots: Ints) -> Ints:
    side = town.lots.street[lots].argmax(axis=1)
    return np.asarray(town.fabric.mesh.side_line[town.lots.block[lots], side])


def _estate_spots(town: Town) -> Spots:
    """Return places inside estates: beside the lanes, off the spine."""
    plan = town.plan
    lane = np.flatnonzero(np.isin(plan.lane_lot, town.estate_lot))
    lot = plan.lane_lot[lane]
    x = plan.spine_x[lot] + np.where(lane % 2 == 0, 3.2, -3.2)
    xy = plan.frames.to_map(lot, np.stack([x, plan.lane_y[lane] + 1.5], axis=1))
    return Spots(xy, town.lots.block[lot], _line_of_lot(town, lot), lot)


def _corner_spots(town: Town) -> Spots:
    """Return shops cut out of compounds' corners, and as many places along the streets again."""
    rows = np.flatnonzero([shape is not None for shape in town.lots.notch])
    front = front_spots(town.fabric)
    xy = np.round(shapely.get_coordinates(town.lots.notch[rows]).reshape(-1, 2), 3)
    return Spots(
        np.concatenate([xy, front.xy[::3]]),
        np.concatenate([town.lots.block[rows], front.block[::3]]),
        np.concatenate([_line_of_lot(town, rows), front.line[::3]]),
        np.full(len(xy) + len(front.xy[::3]), -1),
    )


def _park_spots(park_xy: Floats, fronts: Spots) -> Spots:
    """Return the entrances of parks, with the street next to each."""
    tree = shapely.STRtree(np.asarray(shapely.points(fronts.xy)))
    near = tree.nearest(shapely.points(park_xy))
    return Spots(park_xy, fronts.block[near], fronts.line[near], np.full(len(park_xy), -1))


def facility_layer(town: Town, park_xy: Floats, rng: np.random.Generator) -> tuple[Layer, Ints]:
    """Return the facilities, and the plots (k,) that they fill."""
    fronts = front_spots(town.fabric)
    pools = {
        "front": fronts,
        "corner": _corner_spots(town),
        "lot": _lot_spots(town),
        "estate": _estate_spots(town),
        "stop": front_spots(town.fabric, classes=("primary", "secondary")),
        "green": _park_spots(park_xy, fronts),
    }
    taken = {name: np.zeros(len(pool.xy), dtype=bool) for name, pool in pools.items()}
    table = read_table("facilities")
    rows: dict[str, list[Any]] = {}
    filled = []
    for category in Categories.load():
        entry = table[category]
        pool_name = entry["place"] if len(pools[entry["place"]].xy) else "front"
        pool, used = pools[pool_name], taken[pool_name]
        count = max(1, round(entry["per_10k"] * town.people / 1e4))
        chosen = _choose(town, pool, used, entry, count, rng)
        used[chosen] = True
        _write(town, rows, category, entry, pool.take(chosen), rng)
        filled.append(pool.lot[chosen] if pool_name == "lot" else np.empty(0, dtype=np.int64))
    points = np.asarray(shapely.points(np.array(rows.pop("xy"))))
    rows["uid"] = uids("F", len(points))
    return make_layer("facilities", points, rows), np.concatenate(filled)


def _choose(
    town: Town, pool: Spots, used: Any, entry: dict[str, Any], count: int,
    rng: np.random.Generator,
) -> Ints:  # fmt: skip
    """Draw places by weight, none twice; "even" ones go round the communities.

    When all places of a pool are used, they are used again: a small city has few plots.
    """
    old = town.fabric.old[pool.block]
    luck = rng.lognormal(0.0, 0.7, len(town.communities.shape))
    home = town.communities.of_block[pool.block]
    weight = np.exp(entry["old"] * old) * np.where(home >= 0, luck[home], 0.2)
    key = -np.log(rng.random(len(weight))) / weight + 1e6 * used
    order = np.argsort(key, kind="stable")
    if entry["spread"] == "even":
        turn = np.zeros(len(order), dtype=np.int64)
        by_home = order[np.argsort(home[order], kind="stable")]
        starts = np.searchsorted(home[by_home], home[by_home])
        turn[by_home] = np.arange(len(by_home)) - starts
        order = order[np.argsort(turn[order] + 1000 * used[order], kind="stable")]
    return np.asarray(order[:count])


def _write(
    town: Town, rows: dict[str, list[Any]], category: str, entry: dict[str, Any], at: Spots,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    count = len(at.xy)
    for k in range(count):
        home = int(town.communities.of_block[at.block[k]])
        words = {
            "c": town.community_name[home].removesuffix("社区"),
            "b": town.subdistrict_name[int(town.communities.subdistrict[home])],
            "s": town.line_name[int(at.line[k])] or town.community_name[home].removesuffix("社区"),
        }
        pattern = entry["names"][int(rng.integers(len(entry["names"])))]
        name = town.names.once(pattern.format(**words), pattern="{name}（{number}）")
        rows.setdefault("name", []).append(name)
        rows.setdefault("address", []).append(f"{words['s']}{int(rng.integers(1, 220))}号")
    rows.setdefault("xy", []).extend(at.xy)
    rows.setdefault("category", []).extend([category] * count)
    for column, key in (
        ("floor_area_m2", "floor_m2"), ("land_area_m2", "land_m2"),
        ("places", "places"), ("capacity", "capacity"),
    ):  # fmt: skip
        low, high = entry.get(key, (np.nan, np.nan))
        rows.setdefault(column, []).extend(np.round(low + (high - low) * rng.random(count)))


UNKNOWN_YEAR_SHARE: Final = 0.15
"""Of the rooms and plots: nobody says from when on they are free."""


def site_layer(town: Town, filled: Ints, rng: np.random.Generator) -> tuple[Layer, Ints]:
    """Return idle rooms and plots inside estates, and plots that nothing fills; and these (k,)."""
    inside = _estate_spots(town)
    wanted = max(4, len(town.estate_lot) // 6)
    rooms = inside.take(rng.permutation(len(inside.xy))[:wanted])
    free = _lot_spots(town)
    empty = np.flatnonzero(~np.isin(free.lot, filled))
    land = free.take(rng.permutation(empty)[: max(2, len(town.estate_lot) // 14)])
    table = read_table("sites")
    plot = {"use": "空地", "tenure": "国有储备土地", "means": "补建", "yuan": 900.0}
    order = rng.permutation(len(table["rooms"]))
    kinds = [table["rooms"][order[i % len(order)]] for i in range(len(rooms.xy))]
    kinds += [plot] * len(land.xy)
    columns = _site_columns(kinds, table, rng)
    columns["land_area_m2"][len(rooms.xy) :] = np.round(
        np.minimum(shapely.area(town.lots.shape[land.lot]) * 0.3, 3600)
    )
    size = np.fmax(columns["floor_area_m2"], columns["land_area_m2"])
    columns["cost_yuan"] = np.round(size * [kind.get("yuan", np.nan) for kind in kinds])
    streets = [town.line_name[int(k)] or "云溪" for k in [*rooms.line, *land.line]]
    columns["name"] = [
        town.names.once(street + use) for street, use in zip(streets, columns["use"], strict=True)
    ]
    points = shapely.points(np.concatenate([rooms.xy, land.xy]))
    return make_layer("sites", points, columns), land.lot


def _site_columns(
    kinds: list[dict[str, Any]], table: dict[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the columns of the sites that follow from what they are, some of them unknown."""
    count = len(kinds)
    share = rng.random(count)
    year = rng.integers(2026, 2029, count).astype(float)
    year[rng.random(count) < UNKNOWN_YEAR_SHARE] = np.nan
    said = [table["condition" if "floor_m2" in kind else "land_condition"] for kind in kinds]
    picks = rng.random(count)
    condition = [words[int(p * len(words))] or None for words, p in zip(said, picks, strict=True)]
    sizes = {
        column: np.array([kind.get(key, (np.nan, np.nan)) for kind in kinds])
        for column, key in (("floor_area_m2", "floor_m2"), ("land_area_m2", "land_m2"))
    }
    return {
        "uid": uids("S", count),
        "use": [kind["use"] for kind in kinds],
        **{c: np.round(s[:, 0] + (s[:, 1] - s[:, 0]) * share) for c, s in sizes.items()},
        "storey": np.array([kind.get("storey", np.nan) for kind in kinds], dtype=float),
        "tenure": [kind["tenure"] for kind in kinds],
        "condition": condition,
        "means": [kind.get("means") for kind in kinds],
        "available_year": year,
    }


def other_use(town: Town, filled: Ints, rng: np.random.Generator) -> tuple[Ints, list[str]]:
    """Return the plots that are no estate and what they are used for."""
    free = np.setdiff1d(np.arange(len(town.lots)), town.estate_lot)
    served = np.isin(free, filled)
    words = pick(rng, ["商业", "办公", "商业", "厂房"], len(free))
    return free, ["公共服务" if s else w for s, w in zip(served, words, strict=True)]
