"""Districts on the map: the ground of each, and what makes estates neighbours or parts them."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gis.districts import DistrictPlan
from gis.maps.shapes import ShapeWriter
from gis.model import Layer, Study

AROUND_M: Final = 45.0
"""How far the ground of a district reaches beyond its estates: over the streets between them."""
AROUND_POINT_M: Final = 160.0
"""The same around an estate of which only a point is known."""
_STEP_M: Final = 12.0
_WAY_HALF_M: Final = 12.0
_SIMPLIFY_M: Final = 3.0

_LINK_CLASSES: Final = (
    ("片区内相邻", "Neighbours in one district", {"color": "#176b5b", "weight": 2.2}),
    ("片区间相邻", "Neighbours in two districts", {"color": "#6b7280", "weight": 1.6}),
    (
        "相近但不相邻",
        "Near, but no neighbours",
        {"color": "#b91c1c", "weight": 1.4, "dashArray": "4 4"},
    ),
)


def district_grounds(plan: DistrictPlan, study: Study) -> gpd.GeoSeries:
    """Draw the ground of each district, in the order of ``plan.districts``.

    Every place within `AROUND_M` of the estates goes to the estate that it is nearest to, so that
    the grounds of two districts never overlap; water is taken out. It is drawn for the eye: what a
    district holds is its estates.
    """
    estates = study.layer("estates")
    shapes = estates.geometries
    cells = _cells(shapes)
    member = dict(zip(plan.estates, plan.district, strict=True))
    district = np.array([member.get(uid) for uid in estates.uids], dtype=object)
    water = study.frame("water").geometry.dropna()
    wet = shapely.union_all(np.asarray(water, dtype=object)) if len(water) else None
    grounds = []
    for name in plan.districts:
        ground = shapely.union_all(cells[district == name])
        ground = shapely.simplify(ground.buffer(4.0).buffer(-4.0), _SIMPLIFY_M)
        if wet is not None:
            ground = ground.difference(wet)
        grounds.append(shapely.union_all([ground, *shapes[district == name]]))
    return gpd.GeoSeries(_joined(grounds, plan, estates), crs=estates.crs)


def _joined(grounds: list[Any], plan: DistrictPlan, estates: Layer) -> list[Any]:
    """Join the pieces of each ground along its shortest links, drawn as narrow ways.

    So that one sees that a district hangs together where its estates lie apart.
    """
    if list(estates.uids) != list(plan.estates):
        return grounds
    beside = plan.adjacency
    lines = beside.lines(estates)
    inside = _links_inside(plan)
    taken = shapely.STRtree(grounds)
    out = []
    for i, name in enumerate(plan.districts):
        ground = grounds[i]
        own = inside[name]
        for link in own[np.argsort(beside.metres[own], kind="stable")]:
            if ground.geom_type == "Polygon":
                break
            way = lines[link].buffer(_WAY_HALF_M, cap_style="flat")
            joined = shapely.union(ground, way)
            if len(shapely.get_parts(joined)) < len(shapely.get_parts(ground)):
                others = [grounds[j] for j in taken.query(way) if j != i]
                ground = joined.difference(shapely.union_all(others)) if others else joined
        out.append(ground)
    return out


def _links_inside(plan: DistrictPlan) -> dict[str, NDArray[np.intp]]:
    """Rows of the links whose both ends are in one district, for each district."""
    found: dict[str, list[int]] = {name: [] for name in plan.districts}
    for row, (one, other) in enumerate(plan.district[plan.adjacency.links].tolist()):
        if one is not None and one == other:
            found[one].append(row)
    return {name: np.array(rows, dtype=np.intp) for name, rows in found.items()}


def _cells(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """(n,) what lies nearer to each estate than to any other, within the distance around it."""
    points = shapely.get_type_id(shapes) == 0
    near = shapely.buffer(shapes, np.where(points, AROUND_POINT_M, AROUND_M))
    dense = shapely.segmentize(shapely.simplify(shapes, 1.0), _STEP_M)
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    xy, first = np.unique(np.round(xy, 2), axis=0, return_index=True)
    owner = owner[first]
    if len(np.unique(xy, axis=0)) < 2:
        return near
    parts = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(xy), ordered=True, extend_to=_hull(near))
    )
    out = near.copy()
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(len(shapes) + 1))
    for i in range(len(shapes)):
        own = order[ends[i] : ends[i + 1]]
        if len(own):
            # Cells of a diagram touch along whole edges: such a union is much the faster one.
            out[i] = shapely.coverage_union_all(parts[own]).intersection(near[i])
    return out


def _hull(shapes: NDArray[np.object_]) -> Any:
    return shapely.box(*shapely.total_bounds(shapes))


def links_overlay(plan: DistrictPlan, estates: Layer, writer: ShapeWriter) -> dict[str, Any] | None:
    """Return the neighbours that the plan rests on as a layer to switch on, each with its reason.

    None where the layer does not hold the estates of the plan, or nothing lies near another.
    """
    beside = plan.adjacency
    pairs = np.concatenate([beside.links, beside.beyond]).reshape(-1, 2)
    if not len(pairs) or list(estates.uids) != list(plan.estates):
        return None
    linked = np.arange(len(pairs)) < len(beside.links)
    ends = plan.district[pairs]
    one = np.array([a is not None and a == b for a, b in ends])
    of = np.where(~linked, 2, np.where(one, 0, 1))
    points = shapely.get_coordinates(shapely.point_on_surface(estates.geometries))
    lines = gpd.GeoSeries(
        shapely.linestrings(points[pairs.reshape(-1)].reshape(-1, 2, 2)), crs=estates.crs
    )
    names = estates.frame["name"].fillna(estates.frame["uid"]).to_numpy(dtype=object)
    zh, en = (beside.table(estates, language=lang)["reason"].tolist() for lang in ("zh", "en"))
    return {
        "key": "links",
        "zh": "相邻关系",
        "en": "Neighbours",
        "geometry": "line",
        "n": len(pairs),
        "shown": False,
        "legend": True,
        "search": False,
        "shapes": writer.write(lines),
        "of": of.tolist(),
        "classes": [
            {"zh": word, "en": word_en, "n": int((of == i).sum()), "style": style}
            for i, (word, word_en, style) in enumerate(_LINK_CLASSES)
        ],
        "rows": {
            "uid": [None] * len(pairs),
            "name": [f"{names[a]} — {names[b]}" for a, b in pairs],
            "reason": [{"zh": a, "en": b} for a, b in zip(zh, en, strict=True)],
        },
        "columns": [
            {"name": "reason", "zh": "依据", "en": "Reason", "unit": None, "type": "words"}
        ],
    }
