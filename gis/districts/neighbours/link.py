"""`neighbours`: which estates can be renewed together, with every reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.coverage.areas import areas_of
from gis.districts.adjacency import Adjacency
from gis.districts.neighbours.arterials import Roads, with_sides
from gis.districts.neighbours.barriers import Stops, crossing_lines, parted
from gis.districts.neighbours.found import Found
from gis.districts.neighbours.options import LinkOptions
from gis.districts.neighbours.outlines import (
    ACROSS,
    near_pairs,
    nearest_pairs,
    shared_outline,
)
from gis.districts.neighbours.pairs import place_in, unparted
from gis.districts.neighbours.walk import (
    LOOKED_FOR_M,
    EstateWalk,
    estate_walk,
    walk_between,
    walk_pairs,
)
from gis.errors import OptionError
from gis.model import Study

LOOKED_FOR_GAP_M: Final = 300.0
"""How far beside an estate others are looked for, to say why they are not linked."""
_ON_LINE_M: Final = 0.05


def neighbours(
    study: Study,
    rows: ArrayLike,
    *,
    options: LinkOptions | None = None,
    walk: EstateWalk | None = None,
) -> Adjacency:
    """Find which estates can be renewed together.

    On foot two estates are linked when the walk from gate to gate is within the limit and no third
    estate lies in between (`walk_pairs`), or when they share a wall that could be opened: outlines
    that face each other closely over some metres, with no river, railway, expressway, arterial
    road and no wall that stays in between; or when they face each other across a street with
    nothing in between and the walk is within the limit, whoever else has a gate on it. Without
    streets they are linked when their outlines are close and no barrier runs all along the gap.
    Each pair that lies near and is not linked keeps the reason why not.

    Parameters
    ----------
    study
        Needs estates, and streets for walks; barriers, walls, gates and communities are used where
        there are.
    rows
        (k,) rows of the estates that take part; nobody else is linked, or lies in between.
    options
        What counts; all that is usual unless given.
    walk
        What `estate_walk` made of the same study and rows, where that was done already.

    Raises
    ------
    MissingLayerError
        The study has no estates, or no streets to walk on.
    OptionError
        Estates are points, which cannot touch, and it is not said how near they have to be.
    """
    options = options if options is not None else LinkOptions()
    estates = study.layer("estates")
    part = np.unique(np.asarray(rows, dtype=np.int64))
    shapes = estates.geometries
    if options.kind == "walk":
        if walk is None:
            walk = estate_walk(study, part, longest_link_m=options.longest_link_m, at=options.at)
        found = _on_foot(study, shapes, part, options, walk)
    else:
        found = _touching(study, shapes, part, options)
    if options.border is not None:
        _part_by_border(study, found, options.border)
    found.edit(options.edits)
    return found.adjacency(options.kind)


def _all_pairs(
    shapes: NDArray[np.object_],
    pairs: list[NDArray[np.int64]],
    part: NDArray[np.int64],
    options: LinkOptions,
) -> NDArray[np.int64]:
    """All pairs to speak of: those of the edits too, and of each estate at least the nearest."""
    edited = options.edits.pairs
    told = np.concatenate([*pairs, edited[np.isin(edited, part).all(axis=1)]]).reshape(-1, 2)
    lone = np.setdiff1d(part, told)
    return np.unique(np.concatenate([told, nearest_pairs(shapes, part, lone)]), axis=0)


def _gaps(shapes: NDArray[np.object_], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    gap = shapely.distance(shapes[pairs[:, 0]], shapes[pairs[:, 1]])
    return np.asarray(np.round(gap, 2), dtype=float)


def _on_foot(
    study: Study,
    shapes: NDArray[np.object_],
    part: NDArray[np.int64],
    options: LinkOptions,
    walk: EstateWalk,
) -> Found:
    own = np.isin(walk.estate, part)
    node, estate = walk.node[own], walk.estate[own]
    farthest = max(LOOKED_FOR_M, options.max_walk_m)
    walked, metres = walk_pairs(walk.network, node, estate, limit_m=farthest)
    sides, sides_m = walked, metres
    across = (walk.network, node)
    if options.arterials:
        cut = with_sides(walk.network, Roads.of(study.layer("streets")))
        inside = shapely.get_coordinates(shapely.point_on_surface(shapes[estate]))
        across = (cut.network, cut.places(node, inside))
        sides, sides_m = walk_pairs(*across, estate, limit_m=farthest)
    reach_m = max(LOOKED_FOR_GAP_M, options.wall_gap_m, options.street_gap_m)
    near, near_m = near_pairs(shapes, part, reach_m)
    kept = unparted(near, near_m) | (options.walls & (near_m <= options.wall_gap_m))
    # What is nearer has no street in between: whether it is joined is up to the wall.
    beside = (near_m > options.wall_gap_m) & (near_m <= options.street_gap_m)
    facing, front_m = _facing(study, shapes, part, near[beside], options)
    pairs = _all_pairs(shapes, [walked, sides, near[kept], facing], part, options)
    found = Found.of(pairs, _gaps(shapes, pairs))
    found.walk_m[place_in(walked, pairs)] = metres
    without_roads = found.walk_m.copy()
    if options.arterials:
        found.walk_m[:] = np.nan
        found.walk_m[place_in(sides, pairs)] = sides_m
    found.how[found.walk_m <= options.max_walk_m] = "walk"
    shared_stop = _share_walls(study, shapes, found, options)
    rows = place_in(facing, pairs)
    new = (found.how[rows] == "") & np.isnan(found.walk_m[rows])
    _join_across(found, rows[new], front_m[new], lambda asked, limit_m: walk_between(
        *across, estate, asked, limit_m=limit_m), options.max_walk_m)  # fmt: skip
    _say_why_not(study, shapes, found, options, without_roads, shared_stop)
    rest = np.flatnonzero(found.why == "around")
    found.why[rest[~walk.joined(pairs[rest])]] = "island"
    return found


def _facing(
    study: Study,
    shapes: NDArray[np.object_],
    part: NDArray[np.int64],
    near: NDArray[np.int64],
    options: LinkOptions,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of the ``near`` pairs those that face each other across a street, and the front in metres.

    Walls do not count: people walk along the street from gate to gate.
    """
    if not options.streets or len(near) == 0:
        return near[:0], np.empty(0)
    stops = Stops.of(study, arterials=options.arterials, walls=False)
    shared = shared_outline(
        shapes, near, gap_m=options.street_gap_m, stops=stops, facing=ACROSS, thirds=part
    )
    enough = (shared.free_m >= options.street_front_m) & (shared.free_m > 0)
    return near[enough], shared.free_m[enough]


def _join_across(
    found: Found,
    rows: NDArray[np.int64],
    front_m: NDArray[np.float64],
    walked: Callable[[NDArray[np.int64], float], NDArray[np.float64]],
    limit_m: float,
) -> None:
    """Link what faces each other across a street; of the rest note how far the walk is."""
    metres = walked(found.pairs[rows], limit_m)
    near = ~np.isnan(metres)
    found.how[rows[near]] = "street"
    found.shared_m[rows[near]] = front_m[near]
    # Few are left, and what is farther takes long to search.
    metres[~near] = walked(found.pairs[rows[~near]], LOOKED_FOR_M)
    found.walk_m[rows] = metres


def _share_walls(
    study: Study, shapes: NDArray[np.object_], found: Found, options: LinkOptions
) -> dict[int, str]:
    """Link what shares a wall; return what is in the way of those that else would."""
    if not options.walls:
        return {}
    rows = np.flatnonzero(found.gap_m <= options.wall_gap_m)
    stops = Stops.of(study, arterials=True, walls=True)
    shared = shared_outline(shapes, found.pairs[rows], gap_m=options.wall_gap_m, stops=stops)
    areas = shapely.get_dimensions(shapes[found.pairs[rows]]).reshape(-1, 2).min(axis=1) == 2
    found.shared_m[rows[areas]] = shared.free_m[areas]
    enough = areas & (shared.free_m >= options.wall_length_m) & (shared.free_m > 0)
    new = rows[enough]
    found.how[new[found.how[new] == ""]] = "wall"
    stopped = areas & ~enough & (shared.metres >= options.wall_length_m) & (shared.stop >= 0)
    return {int(rows[k]): stops.word(int(shared.stop[k])) for k in np.flatnonzero(stopped)}


def _say_why_not(
    study: Study,
    shapes: NDArray[np.object_],
    found: Found,
    options: LinkOptions,
    without_roads: NDArray[np.float64],
    shared_stop: dict[int, str],
) -> None:
    """Give each pair that is not linked its reason, on foot."""
    rest = np.flatnonzero(found.how == "")
    stops = Stops.of(study, arterials=options.arterials, walls=False)
    between = _between(shapes, found.pairs[rest], stops)
    limit = f"{options.max_walk_m:,.0f}"
    for row, piece in zip(rest.tolist(), between.tolist(), strict=True):
        told = stops.word(piece) if piece >= 0 else ""
        if not np.isnan(found.walk_m[row]):
            found.refuse(row, "far", [f"{limit}|{told}" if told else limit])
        elif row in shared_stop:
            word = shared_stop[row]
            kind, name = word.split("|")
            code = {"wall": "wall", "arterial": "arterial"}.get(kind, "barrier")
            found.refuse(row, code, [name if kind == "wall" else word])
        elif without_roads[row] <= options.max_walk_m:
            found.refuse(row, "arterial", [told if told.startswith("arterial") else "arterial|"])
        elif told:
            code = "arterial" if told.startswith("arterial") else "barrier"
            found.refuse(row, code, [told])
        else:
            found.refuse(row, "around", [""])


def _between(
    shapes: NDArray[np.object_], pairs: NDArray[np.int64], stops: Stops
) -> NDArray[np.int64]:
    """(m,) what the shortest way between the outlines of each pair crosses, -1: nothing."""
    ways = shapely.shortest_line(shapes[pairs[:, 0]], shapes[pairs[:, 1]])
    return stops.touched(ways, within_m=_ON_LINE_M)


def _touching(
    study: Study, shapes: NDArray[np.object_], part: NDArray[np.int64], options: LinkOptions
) -> Found:
    area = shapely.get_dimensions(shapes) == 2
    points = int((~area[part]).sum())
    if points and options.near_m is None:
        raise OptionError(
            f"{points} of {len(part)} estates are points, which cannot touch; "
            "use adjacency walk, or say how near they have to be (--near-metres)"
        )
    near_m = options.near_m or 0.0
    near, gap = near_pairs(shapes, part, max(LOOKED_FOR_GAP_M, options.max_gap_m, near_m))
    alone = unparted(near, gap)
    both = area[near].reshape(-1, 2).all(axis=1)
    kept = alone | (both & (gap <= options.max_gap_m))
    pairs = _all_pairs(shapes, [near[kept]], part, options)
    found = Found.of(pairs, _gaps(shapes, pairs))
    stops = Stops.of(study, arterials=options.arterials, walls=False)
    both = area[pairs].reshape(-1, 2).all(axis=1)
    limit = np.where(both, options.max_gap_m, near_m)
    place = place_in(pairs, near)
    free = both.copy()
    free[place >= 0] |= alone[place[place >= 0]]
    close = (found.gap_m <= limit) & free
    stop = np.full(len(pairs), -1, dtype=np.int64)
    rows = np.flatnonzero(close & both)
    crossings = crossing_lines(study, arterials=options.arterials)
    stop[rows] = parted(shapes, pairs[rows], found.gap_m[rows], stops, crossings)
    rest = np.flatnonzero(~(close & both))
    stop[rest] = _between(shapes, pairs[rest], stops)
    linked = close & (stop < 0)
    found.how[linked] = "touch"
    rows = np.flatnonzero(linked & both)
    found.shared_m[rows] = shared_outline(
        shapes, pairs[rows], gap_m=options.max_gap_m, stops=stops
    ).free_m
    for row in np.flatnonzero(~linked):
        told = stops.word(int(stop[row])) if stop[row] >= 0 else ""
        if told:
            code = "arterial" if told.startswith("arterial") else "barrier"
            found.refuse(row, code, [told])
        elif found.gap_m[row] > limit[row]:
            found.refuse(row, "gap", [f"{limit[row]:,.0f}"])
        else:
            found.refuse(row, "around", [""])
    return found


def _part_by_border(study: Study, found: Found, border: str) -> None:
    """Take back the links between two communities (or subdistricts), and say so."""
    areas: dict[str, Any] = areas_of(study)[0]
    keys = ("subdistrict", "community") if border == "community" else ("subdistrict",)
    words = list(zip(*(areas[key] for key in keys), strict=True))
    for row in np.flatnonzero(found.how != ""):
        one, other = (words[i] for i in found.pairs[row])
        if one[-1] is None and other[-1] is None:
            continue
        if one != other:
            named = [str(w[-1] or "").replace("|", "/") for w in (one, other)]
            found.refuse(row, "border", [f"{border}|{named[0]}|{named[1]}"])
