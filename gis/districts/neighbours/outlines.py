"""Estates on the plan: how far their outlines are apart, and how much of them face each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.districts.neighbours.barriers import BESIDE_M, Stops

_PIECES: Final = 10
"""Outlines are looked at in pieces of 1 m, or of this part of the widest gap where it is longer."""
_FACING: Final = 2**-0.5
"""A piece of outline faces the other estate when, along it, the distance to it changes by at most
this share of the way: the two are less than 45 degrees from parallel."""
ACROSS: Final = 0.5
"""The same across a street, 30 degrees: at a wide crossroads the corners do not face each other."""


def near_pairs(
    shapes: NDArray[np.object_], rows: NDArray[np.int64], within_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return pairs (m, 2) of ``rows`` at most so far apart, sorted, and their gap (m,), m to cm."""
    own = shapes[rows]
    # By boxes first: asking the tree for distances takes four times as long.
    bounds = shapely.bounds(own) + np.array([-1.0, -1.0, 1.0, 1.0]) * within_m
    i, j = shapely.STRtree(own).query(np.asarray(shapely.box(*bounds.T), dtype=object))
    i, j = rows[i[i < j]], rows[j[i < j]]
    pairs = np.sort(np.column_stack([i, j]).astype(np.int64).reshape(-1, 2), axis=1)
    gap = np.round(shapely.distance(shapes[pairs[:, 0]], shapes[pairs[:, 1]]), 2)
    near = gap <= within_m
    pairs, gap = pairs[near], np.asarray(gap[near], dtype=float)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], gap[order]


def nearest_pairs(
    shapes: NDArray[np.object_], rows: NDArray[np.int64], lone: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return pairs (m, 2) of each of the ``lone`` rows and the nearest other of ``rows``."""
    if len(lone) == 0 or len(rows) < 2:
        return np.empty((0, 2), dtype=np.int64)
    other = rows
    found = []
    for row in lone:
        others = other[other != row]
        far = shapely.distance(shapes[others], shapes[row])
        found.append((int(row), int(others[int(np.argmin(far))])))
    return np.sort(np.array(found, dtype=np.int64), axis=1)


@dataclass(frozen=True, eq=False)
class Shared:
    """How much outline the estates of each pair (m,) share.

    ``metres`` (m,) faces the other estate at most the gap away; ``free_m`` (m,) of it nothing that
    parts estates lies between or on; ``stop`` (m,) a piece of the `Stops` that does, -1: none.
    """

    metres: NDArray[np.float64]
    free_m: NDArray[np.float64]
    stop: NDArray[np.int64]


def shared_outline(
    shapes: NDArray[np.object_],
    pairs: NDArray[np.int64],
    *,
    gap_m: float,
    stops: Stops,
    facing: float = _FACING,
    thirds: NDArray[np.int64] | None = None,
) -> Shared:
    """Measure how many metres of their outlines two areas (of each pair) have in common.

    A piece of the outline of one counts when it is at most ``gap_m`` from the other and runs at
    less than 45 degrees to it, so that a corner that touches counts for nothing. Of the two
    outlines the shorter length counts.

    Parameters
    ----------
    shapes
        (n,) outlines; pairs with one that is no area share nothing.
    pairs
        (m, 2)
    gap_m
        Inclusive.
    stops
        What parts estates where it lies between the two, or within 1 m of the outline.
    facing
        By how much of its length the distance may change along a piece that counts.
    thirds
        (t,) rows of the estates that part a piece from the other estate too, if asked for.
    """
    count = len(pairs)
    areas = shapely.get_dimensions(shapes[pairs]).reshape(-1, 2).min(axis=1) == 2
    rows = np.flatnonzero(areas)
    both = np.stack([pairs[rows], pairs[rows][:, ::-1]], axis=1).reshape(-1, 2)
    metres = np.zeros((2, count))
    free = np.zeros((2, count))
    stop = np.full(count, -1, dtype=np.int64)
    if len(rows):
        used, inverse = np.unique(both, return_inverse=True)
        wide = shapely.buffer(shapes[used], gap_m + 0.01, quad_segs=4)
        inverse = inverse.reshape(-1, 2)
        faces = _Faces.of(
            shapes[both[:, 0]], shapes[both[:, 1]], wide[inverse[:, 1]], gap_m, facing
        )
        blocked = faces.blocked(shapes[both[:, 1]], stops)
        open_ = blocked < 0
        if thirds is not None:
            open_ &= ~faces.hidden(shapes, both, thirds)
        pair, side = rows[faces.pair // 2], faces.pair % 2
        np.add.at(metres, (side, pair), faces.length_m)
        np.add.at(free, (side[open_], pair[open_]), faces.length_m[open_])
        stop[pair[blocked >= 0]] = blocked[blocked >= 0]
    return Shared(np.round(metres.min(axis=0), 2), np.round(free.min(axis=0), 2), stop)


@dataclass(frozen=True, eq=False)
class _Faces:
    """Pieces of outline that face the other estate: of which pair, from where, how long."""

    pair: NDArray[np.int64]
    middle: NDArray[np.float64]
    length_m: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        shapes: NDArray[np.object_],
        others: NDArray[np.object_],
        around: NDArray[np.object_],
        gap_m: float,
        facing: float,
    ) -> _Faces:
        """Look at the outlines of ``shapes`` (k,) where they lie ``around`` the ``others`` (k,)."""
        lines = shapely.intersection(shapely.boundary(shapes), around)
        lines, row = shapely.get_parts(lines, return_index=True)
        is_line = shapely.get_dimensions(lines) == 1
        # A ring that is cut open comes in two pieces; no matter, each piece is looked at alone.
        lines, row = shapely.segmentize(lines[is_line], max(1.0, gap_m / _PIECES)), row[is_line]
        xy, line = shapely.get_coordinates(lines, return_index=True)
        to_other = shapely.distance(shapely.points(xy), others[row[line]])
        same = line[1:] == line[:-1]
        length = np.hypot(*np.diff(xy, axis=0).T)
        near = np.maximum(to_other[1:], to_other[:-1]) <= gap_m + 0.02
        faces = np.abs(np.diff(to_other)) <= facing * length + 1e-6
        chosen = np.flatnonzero(same & near & faces & (length > 0))
        middle = (xy[chosen] + xy[chosen + 1]) / 2
        return cls(row[line[chosen]], middle, length[chosen])

    def blocked(self, others: NDArray[np.object_], stops: Stops) -> NDArray[np.int64]:
        """(f,) the piece of ``stops`` between each and the other estate, -1 where there is none."""
        out = np.full(len(self.pair), -1, dtype=np.int64)
        if len(stops) == 0 or len(self.pair) == 0:
            return out
        points = np.asarray(shapely.points(self.middle), dtype=object)
        ways = shapely.shortest_line(points, others[self.pair])
        return stops.touched(ways, within_m=BESIDE_M)

    def hidden(
        self, shapes: NDArray[np.object_], both: NDArray[np.int64], thirds: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(f,) whether one of the ``thirds`` lies between each and the other of ``both`` (k, 2)."""
        out = np.zeros(len(self.pair), dtype=bool)
        if len(out):
            points = np.asarray(shapely.points(self.middle), dtype=object)
            ways = shapely.shortest_line(points, shapes[both[self.pair, 1]])
            way, place = shapely.STRtree(shapes[thirds]).query(ways, "intersects")
            other = (both[self.pair[way]] != thirds[place][:, None]).all(axis=1)
            out[way[other]] = True
        return out
