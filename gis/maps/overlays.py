"""The layers below the estates (the base map from our own layers) and above them (switched on)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import MultiLineString, MultiPolygon, get_parts

from gis.maps import styles
from gis.maps.columns import heading, values
from gis.maps.shapes import ShapeWriter
from gis.model import KINDS, Categories, Study

SIMPLIFY_M: Final = 1.0
BUILDING_SIMPLIFY_M: Final = 0.5
BASE_MARGIN_M: Final = 1500.0
"""Streets further than this from the estates are not drawn."""

Drawn = dict[str, Any]


def base_layers(study: Study, writer: ShapeWriter) -> list[Drawn]:
    """Return water, green and streets in the order in which they are drawn.

    ``styles`` holds one style per pass: all edges (casings) are drawn before all fillings, so that
    streets run into each other at junctions. The geometry stands once for both.
    """
    layers: list[Drawn] = []
    for kind, style in (("green", styles.GREEN), ("water", styles.WATER)):
        frame = _near_estates(study, kind)
        if len(frame):
            shapes = writer.write(_merged(frame), simplify_m=SIMPLIFY_M)
            layers.append({"styles": [style], "shapes": shapes})
    return layers + _streets(study, writer)


def _streets(study: Study, writer: ShapeWriter) -> list[Drawn]:
    frame = _near_estates(study, "streets")
    named = {name for style in styles.STREETS for name in style.classes}
    word = frame["highway"].fillna("").astype(str)
    word = word.where(word.isin(named), "")
    layers: list[Drawn] = []
    for style in styles.STREETS:
        rows = frame[word.isin(style.classes)]
        if not len(rows):
            continue
        line = {"color": style.colour, "weight": style.width_px, "dashArray": style.dash}
        case = {"color": styles.CASE_COLOUR, "weight": style.case_px} if style.case_px else None
        shapes = writer.write(_merged(rows), simplify_m=SIMPLIFY_M)
        layers.append({"styles": [case, line], "shapes": shapes})
    return layers


def _near_estates(study: Study, kind: str) -> gpd.GeoDataFrame:
    frame = study.frame(kind)
    if "estates" not in study or not len(frame):
        return frame
    west, south, east, north = study.frame("estates").total_bounds
    return frame.cx[
        west - BASE_MARGIN_M : east + BASE_MARGIN_M, south - BASE_MARGIN_M : north + BASE_MARGIN_M
    ]


def _merged(frame: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """All areas and all lines of a frame, each as one geometry: far shorter than one row each."""
    parts = get_parts(np.asarray(frame.geometry.to_numpy(), dtype=object))
    areas = [part for part in parts if part.geom_type == "Polygon"]
    lines = [part for part in parts if part.geom_type == "LineString"]
    merged = [MultiPolygon(areas)] if areas else []
    return gpd.GeoSeries([*merged, *([MultiLineString(lines)] if lines else [])], crs=frame.crs)


def overlay_layers(study: Study, writer: ShapeWriter) -> list[Drawn]:
    """Return what a reader can switch on and off, in the order in which it is listed."""
    made = [
        _facilities(study, writer),
        _barriers(study, writer),
        _pipelines(study, writer),
        _projects(study, writer),
        _outline(study, writer, "communities", styles.COMMUNITY),
        _outline(study, writer, "buildings", styles.BUILDING, BUILDING_SIMPLIFY_M),
        _outline(study, writer, "walls", styles.WALL),
        _points(study, writer, "gates", "#111827", 2.6),
        _points(study, writer, "sites", "#0369a1", 4.0),
    ]
    return [layer for layer in made if layer is not None]


def _layer(kind: str, geometry: str, n: int, **more: Any) -> Drawn:
    return {
        "key": kind,
        "zh": KINDS[kind].zh,
        "en": KINDS[kind].en,
        "geometry": geometry,
        "n": n,
        "shown": False,
        "legend": False,
        **more,
    }


def _rows(kind: str, frame: gpd.GeoDataFrame, columns: Sequence[str]) -> Drawn:
    # A row is called by its name; the key is needed, and worth its bytes, only where there is none.
    keys = frame["uid"].where(frame["name"].isna())
    return {
        "rows": {"uid": values(keys)} | {n: values(frame[n]) for n in ("name", *columns)},
        "columns": [heading(KINDS[kind].column(name)) for name in columns],
    }


def _classed(words: pd.Series[Any], known: Sequence[str]) -> tuple[list[int], list[str]]:
    """Place of each row's class among the classes that occur, in the order of ``known``."""
    plain = words.where(words.isin(list(known)), "other").fillna("other").astype(str)
    present = [name for name in [*known, "other"] if (plain == name).any()]
    present = list(dict.fromkeys(present))
    place = {name: i for i, name in enumerate(present)}
    return [place[name] for name in plain], present


def _facilities(study: Study, writer: ShapeWriter) -> Drawn | None:
    frame = study.frame("facilities")
    if not len(frame):
        return None
    categories = Categories.load()
    groups = frame["category"].map(lambda c: categories[c].group if c in categories else "other")
    of, present = _classed(groups, tuple(styles.GROUP_COLOURS))
    shown = frame.assign(category=[_category(categories, c) for c in frame["category"]])
    classes = [
        {
            "zh": styles.GROUP_WORDS[group][0],
            "en": styles.GROUP_WORDS[group][1],
            "n": of.count(i),
            "style": {
                "color": "#fff", "weight": 1, "fillColor": styles.GROUP_COLOURS[group],
                "fillOpacity": 0.95, "radius": 4.2 if group in ("elderly", "childcare") else 3.2,
            },
        }
        for i, group in enumerate(present)
    ]  # fmt: skip
    return _layer(
        "facilities",
        "point",
        len(frame),
        shapes=writer.write(_as_points(frame)),
        classes=classes,
        of=of,
        codes=values(frame["category"]),
        legend=True,
        shown=True,
        search=True,
        **_rows("facilities", shown, ("category", "places", "floor_area_m2", "address")),
    )


def _category(categories: Categories, code: Any) -> str | None:
    if pd.isna(code):
        return None
    return categories[code].zh if code in categories else str(code)


def _as_points(frame: gpd.GeoDataFrame) -> gpd.GeoSeries:
    points = frame.geometry.type.isin(["Point"])
    return frame.geometry.where(points, frame.geometry.representative_point())


def _pipelines(study: Study, writer: ShapeWriter) -> Drawn | None:
    frame = study.frame("pipelines")
    if not len(frame):
        return None
    of, present = _classed(frame["pipe"], tuple(styles.PIPE_STYLES))
    classes = []
    for i, pipe in enumerate(present):
        zh, en, colour = styles.PIPE_STYLES[pipe]
        style = {"color": colour, "weight": 2, "opacity": 0.9}
        classes.append({"zh": zh, "en": en, "n": of.count(i), "style": style})
    columns = ("material", "diameter_mm", "built_year", "owner", "planned_year")
    return _layer(
        "pipelines",
        "line",
        len(frame),
        shapes=writer.write(frame.geometry, simplify_m=SIMPLIFY_M),
        classes=classes,
        of=of,
        legend=True,
        **_rows("pipelines", frame, columns),
    )


def _barriers(study: Study, writer: ShapeWriter) -> Drawn | None:
    frame = _near_estates(study, "barriers")
    if not len(frame):
        return None
    of, present = _classed(frame["barrier"], tuple(styles.BARRIER_STYLES))
    classes, shapes = [], []
    for i, barrier in enumerate(present):
        zh, en, colour, dash = styles.BARRIER_STYLES[barrier]
        style = {"color": colour, "weight": 2.4, "dashArray": dash, "fill": False}
        rows = frame[np.array(of) == i]
        merged = writer.write(_merged(rows), simplify_m=SIMPLIFY_M)
        for shape in merged:
            shapes.append(shape)
            classes.append({"zh": zh, "en": en, "n": len(rows), "style": style})
    return _layer(
        "barriers", "line", len(frame), shapes=shapes, classes=classes, legend=True, shown=True
    )


def _projects(study: Study, writer: ShapeWriter) -> Drawn | None:
    frame = study.frame("projects")
    if not len(frame):
        return None
    estates = study.frame("estates")
    place = dict(zip(estates["uid"], estates.geometry.representative_point(), strict=True))
    by_name = dict(zip(estates["name"], place.values(), strict=True))
    at = [
        own.representative_point() if own is not None and not own.is_empty
        else place.get(estate, by_name.get(estate))
        for own, estate in zip(frame.geometry, frame["estate"], strict=True)
    ]  # fmt: skip
    points = gpd.GeoSeries(at, index=frame.index, crs=study.crs)
    of, present = _classed(frame["stage"], tuple(styles.STAGE_STYLES))
    classes = []
    for i, stage in enumerate(present):
        zh, en, colour = styles.STAGE_STYLES[stage]
        style = {
            "color": "#1f2933",
            "weight": 1,
            "fillColor": colour,
            "fillOpacity": 1,
            "radius": 6,
        }
        classes.append({"zh": zh, "en": en, "n": of.count(i), "style": style})
    columns = ("year", "planned_yuan", "spent_yuan", "start", "end", "contractor")
    return _layer(
        "projects",
        "point",
        len(frame),
        shapes=writer.write(points),
        classes=classes,
        of=of,
        legend=True,
        **_rows("projects", frame, columns),
    )


def _outline(
    study: Study,
    writer: ShapeWriter,
    kind: str,
    style: styles.Style,
    simplify_m: float = SIMPLIFY_M,
) -> Drawn | None:
    frame = _near_estates(study, kind)
    if not len(frame):
        return None
    shapes = writer.write(_merged(frame), simplify_m=simplify_m)
    one = {"zh": KINDS[kind].zh, "en": KINDS[kind].en, "style": style}
    return _layer(kind, "line", len(frame), shapes=shapes, classes=[one] * len(shapes))


def _points(
    study: Study, writer: ShapeWriter, kind: str, colour: str, radius: float
) -> Drawn | None:
    frame = study.frame(kind)
    if not len(frame):
        return None
    style = {
        "color": "#fff",
        "weight": 0.8,
        "fillColor": colour,
        "fillOpacity": 1,
        "radius": radius,
    }
    columns = ("access", "hours") if kind == "gates" else ("use", "floor_area_m2", "tenure")
    return _layer(
        kind,
        "point",
        len(frame),
        shapes=writer.write(_as_points(frame)),
        classes=[{"zh": KINDS[kind].zh, "en": KINDS[kind].en, "style": style}],
        of=[0] * len(frame),
        **_rows(kind, frame, columns),
    )
