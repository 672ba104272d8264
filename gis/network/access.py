"""Where estates and facilities touch the walk: gates, else where their outline meets a street."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.model import Layer, Study
from gis.network.attach import LONGEST_LINK_M, blockers_of, nearest_free
from gis.network.streets import walkable_lines
from gis.network.walkable import WalkableTable

GATE_M: Final = 5.0
"""A gate without a known estate belongs to the estate whose outline is this close, inclusive."""

_NOT_FOR_WALKERS: Final = ("cars", "closed")


@dataclass(frozen=True, eq=False)
class AccessPoints:
    """p places where estates touch the walk, sorted by estate; an estate may have several.

    ``xy`` (p, 2) m; ``estate`` (p,) int64 row of the estates layer; ``source`` (p,) "gate",
    "boundary" (no gate is known: where the outline meets a street, or comes nearest to one) or
    "point" (the estate was given as a point). The walk of an estate is the shortest of its places'.
    Opening hours of gates are not looked at here.
    """

    xy: NDArray[np.float64]
    estate: NDArray[np.int64]
    source: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class _Places:
    """Places (p, 2) and the row (p,) each belongs to."""

    xy: NDArray[np.float64]
    row: NDArray[np.int64]


def estate_access(
    study: Study,
    *,
    longest_link_m: float = LONGEST_LINK_M,
    walkable: WalkableTable | None = None,
) -> AccessPoints:
    """Find where each estate touches the walk.

    An estate whose gates are all closed or for cars only has no place: it is walled and shut, and
    its outline does not stand in for a gate that is known to be none.

    1. Its gates that walkers may use. A gate belongs to the estate that its column ``estate``
       names by uid or name, else to the nearest estate within 5 m (to all that are equally near).
    2. Without any gate, all places where its outline meets a walkable street; where a street
       runs along the outline, the middle of that stretch.
    3. Where none does, the place of its outline from which the nearest street is reached without
       crossing a barrier or wall. If there is none within the longest link, the place nearest to
       any street stands for it, and `attach` will leave it unlinked.
    4. An estate given as points: those points.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    """
    estates = study.layer("estates")
    shapes = estates.geometries
    gates = _gates(study, estates, usable=True)
    shut = _gates(study, estates, usable=False)
    gated = np.isin(np.arange(len(estates)), np.concatenate([gates.row, shut.row]))
    is_area = shapely.get_dimensions(shapes) == 2
    parts = [(gates, "gate")]
    rows = np.flatnonzero(~gated & is_area)
    on_outline = _on_outline(study, shapes[rows], longest_link_m, walkable)
    parts.append((_Places(on_outline.xy, rows[on_outline.row]), "boundary"))
    rows = np.flatnonzero(~gated & ~is_area)
    xy, index = shapely.get_coordinates(shapes[rows], return_index=True)
    parts.append((_Places(xy, rows[index]), "point"))
    row = np.concatenate([places.row for places, _ in parts])
    order = np.argsort(row, kind="stable")
    source = np.concatenate([np.full(len(p.row), word, dtype=object) for p, word in parts])
    xy = np.concatenate([places.xy for places, _ in parts])
    return AccessPoints(xy[order], row[order], source[order])


def facility_access(
    study: Study,
    *,
    longest_link_m: float = LONGEST_LINK_M,
    walkable: WalkableTable | None = None,
) -> NDArray[np.float64]:
    """Return one place (n, 2) for each facility: where one gets in.

    A point stands for itself. An area is entered where its outline meets a walkable street (of
    several such places the one nearest to its centre), else where it comes nearest to one.

    Raises
    ------
    MissingLayerError
        The study has no facilities or no streets.
    """
    shapes = study.layer("facilities").geometries
    xy = shapely.get_coordinates(shapely.point_on_surface(shapes))
    rows = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    places = _on_outline(study, shapes[rows], longest_link_m, walkable)
    row = rows[places.row]
    centre = shapely.get_coordinates(shapely.centroid(shapes[row]))
    away = np.hypot(*(places.xy - centre).T)
    order = np.lexsort((away, row))
    found, first = np.unique(row[order], return_index=True)
    xy[found] = places.xy[order[first]]
    return xy


def _gates(study: Study, estates: Layer, *, usable: bool) -> _Places:
    """Find the gates that walkers may use, or the others, and the estate of each.

    A gate of no estate is left out.
    """
    frame = study.frame("gates")
    chosen = frame[frame["access"].isin(_NOT_FOR_WALKERS) != usable]
    points = np.asarray(chosen.geometry.to_numpy(), dtype=object)
    if len(points) == 0:
        return _Places(np.empty((0, 2)), np.empty(0, dtype=np.int64))
    points = np.asarray(shapely.point_on_surface(points), dtype=object)
    gate, estate = _named_estates(chosen["estate"], points, estates)
    rest = np.setdiff1d(np.arange(len(points)), gate)
    outlines = _outlines(estates.geometries)
    tree = shapely.STRtree(outlines)
    (found, near), metres = tree.query_nearest(
        points[rest], max_distance=GATE_M + 1.0, return_distance=True
    )
    close = metres <= GATE_M
    gate = np.concatenate([gate, rest[found[close]]])
    row = np.concatenate([estate, near[close]])
    order = np.lexsort((gate, row))
    return _Places(shapely.get_coordinates(points)[gate[order]], row[order])


def _named_estates(
    names: pd.Series[str], points: NDArray[np.object_], estates: Layer
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Match gates to estates by uid, else by name; of estates of one name the nearest counts."""
    by_uid = {uid: row for row, uid in enumerate(estates.uids)}
    by_name: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(estates.frame["name"]):
        if not pd.isna(name):
            by_name[str(name).strip()].append(row)
    shapes = estates.geometries
    pairs = []
    for gate, given in enumerate(names):
        if pd.isna(given):
            continue
        word = str(given).strip()
        rows = [by_uid[word]] if word in by_uid else by_name.get(word, [])
        if rows:
            metres = [shapely.distance(shapes[row], points[gate]) for row in rows]
            pairs.append((gate, rows[int(np.argmin(metres))]))
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _outlines(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Outer rings of areas, without the holes; other geometries as they are."""
    result = shapes.copy()
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    parts, index = shapely.get_parts(shapes[areas], return_index=True)
    if len(parts):
        rings = shapely.get_exterior_ring(parts)
        result[areas] = shapely.multilinestrings(rings, indices=index)
    return result


def _on_outline(
    study: Study,
    areas: NDArray[np.object_],
    longest_link_m: float,
    walkable: WalkableTable | None,
) -> _Places:
    """Find where the outlines of areas (n,) meet streets, else come nearest to one."""
    lines = walkable_lines(study.layer("streets"), walkable=walkable)
    outlines = _outlines(areas)
    met = _meetings(outlines, lines)
    rest = np.setdiff1d(np.arange(len(areas)), met.row)
    links = nearest_free(
        outlines[rest], lines, longest_link_m=longest_link_m, blockers=blockers_of(study)
    )
    xy = links.start
    far = links.line < 0
    xy[far] = _nearest_at_all(outlines[rest[far]], lines)
    return _Places(np.concatenate([met.xy, xy]), np.concatenate([met.row, rest]))


def _meetings(outlines: NDArray[np.object_], lines: NDArray[np.object_]) -> _Places:
    row, line = shapely.STRtree(lines).query(outlines, predicate="intersects")
    common, pair = shapely.get_parts(
        shapely.intersection(outlines[row], lines[line]), return_index=True
    )
    middle = shapely.get_dimensions(common) == 1
    common[middle] = shapely.line_interpolate_point(common[middle], 0.5, normalized=True)
    table = np.column_stack([row[pair], shapely.get_coordinates(common).reshape(-1, 2)])
    table = np.unique(table, axis=0)
    return _Places(table[:, 1:], table[:, 0].astype(np.int64))


def _nearest_at_all(
    outlines: NDArray[np.object_], lines: NDArray[np.object_]
) -> NDArray[np.float64]:
    if len(outlines) == 0 or len(lines) == 0:
        return shapely.get_coordinates(shapely.get_point(shapely.get_geometry(outlines, 0), 0))
    nearest = lines[shapely.STRtree(lines).nearest(outlines)]
    ways = shapely.get_coordinates(shapely.shortest_line(outlines, nearest))
    starts: NDArray[np.float64] = ways.reshape(-1, 2, 2)[:, 0]
    return starts
