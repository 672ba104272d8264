"""Compiled cutting: outlines less what blocks them, exactly.

The outline and the rings of the blockers are followed from crossing to crossing (Weiler and
Atherton 1977). Each piece of an outline lies in one cell of the grid and can only cross the edges
that are listed for this cell.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.isochrones.cells import INSIDE, Walls

_ENTERS: Final = 1


@compiled
def side(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Return twice the area of a, b, p: above 0 where p is to the left of the way from a to b."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@compiled
def is_within(x: float, y: float, xy: NDArray[np.float64], low: int, high: int) -> bool:
    """Whether a point is inside the ring of the vertices ``low`` to ``high``, or of several."""
    inside = False
    j = high - 1
    for i in range(low, high):
        if (xy[i, 1] > y) != (xy[j, 1] > y) and x < xy[i, 0] + (y - xy[i, 1]) * (
            xy[j, 0] - xy[i, 0]
        ) / (xy[j, 1] - xy[i, 1]):
            inside = not inside
        j = i
    return inside


class _Crossings(NamedTuple):
    """Where outlines cross edges, in the order of the outlines.

    ``piece`` (m,) of the outline, ``edge`` (m,), ``along`` (m,) edge number and share of it,
    ``xy`` (m, 2), ``kind`` (m,) 1 where the outline enters the blocker, ``ring`` (m,) of outline.
    """

    piece: NDArray[np.int32]
    edge: NDArray[np.int32]
    along: NDArray[np.float64]
    xy: NDArray[np.float64]
    kind: NDArray[np.int8]
    ring: NDArray[np.int32]


@compiled
def _meet(
    a: NDArray[np.float64], b: NDArray[np.float64], n: NDArray[np.float64], m: NDArray[np.float64]
) -> tuple[float, float, int]:
    """Return the shares of n to m and of a to b where they cross, -1 if they do not.

    The third is 1 where the way from n to m enters what is left of the way from a to b. What lies
    on a line counts as right of it, so that ways past a common vertex cross once.
    """
    n_side = side(a[0], a[1], b[0], b[1], n[0], n[1])
    m_side = side(a[0], a[1], b[0], b[1], m[0], m[1])
    if (n_side > 0) == (m_side > 0):
        return -1.0, -1.0, 0
    a_side = side(n[0], n[1], m[0], m[1], a[0], a[1])
    b_side = side(n[0], n[1], m[0], m[1], b[0], b[1])
    if (a_side > 0) == (b_side > 0):
        return -1.0, -1.0, 0
    share = min(max(a_side / (a_side - b_side), 0.0), 1.0 - 1e-9)
    return n_side / (n_side - m_side), share, int(m_side > 0)


@compiled
def _crossings(
    xy: NDArray[np.float64],
    cell: NDArray[np.int32],
    first: NDArray[np.int32],
    rings: int,
    mark: NDArray[np.int32],
    walls: Walls,
) -> _Crossings:
    marks = mark.ravel()
    room = 16
    for n in range(first[rings]):
        at = marks[cell[n]]
        if at >= 0:
            room += walls.edge_first[at + 1] - walls.edge_first[at]
    piece = np.empty(room, np.int32)
    edge = np.empty(room, np.int32)
    along = np.empty(room)
    share = np.empty(room)
    place = np.empty((room, 2))
    kind = np.empty(room, np.int8)
    ring = np.empty(room, np.int32)
    used = 0
    for k in range(rings):
        for n in range(first[k], first[k + 1]):
            at = marks[cell[n]]
            if at < 0:
                continue
            m = n + 1 if n + 1 < first[k + 1] else first[k]
            begin = used
            for i in range(walls.edge_first[at], walls.edge_first[at + 1]):
                e = walls.edge[i]
                t, u, enters = _meet(walls.xy[e], walls.xy[walls.after[e]], xy[n], xy[m])
                if t < 0:
                    continue
                # Sorted along the piece as they are found: there are hardly ever more than two.
                j = used
                while j > begin and share[j - 1] > t:
                    edge[j] = edge[j - 1]
                    along[j] = along[j - 1]
                    share[j] = share[j - 1]
                    place[j] = place[j - 1]
                    kind[j] = kind[j - 1]
                    j -= 1
                edge[j] = e
                along[j] = e + u
                share[j] = t
                place[j, 0] = xy[n, 0] + t * (xy[m, 0] - xy[n, 0])
                place[j, 1] = xy[n, 1] + t * (xy[m, 1] - xy[n, 1])
                kind[j] = enters
                piece[used] = n
                ring[used] = k
                used += 1
    return _Crossings(
        piece[:used], edge[:used], along[:used], place[:used], kind[:used], ring[:used]
    )


@compiled
def push(
    out: NDArray[np.float64], used: int, x: float, y: float, plain: float
) -> NDArray[np.float64]:
    """Write a vertex; ``plain`` 1 where it may be left out if it lies on a straight line."""
    if used == len(out):
        larger = np.empty((2 * used, 3))
        larger[:used] = out
        out = larger
    out[used, 0] = x
    out[used, 1] = y
    out[used, 2] = plain
    return out


@compiled
def _previous_on_wall(at: _Crossings, walls: Walls) -> NDArray[np.int64]:
    """Return for each crossing the one before it on the ring of the blocker."""
    order = np.argsort(at.along)
    previous = np.empty(len(order), np.int64)
    i = 0
    while i < len(order):
        # The edges of a ring are numbered in a row.
        j = i
        ring = walls.ring[at.edge[order[i]]]
        while j < len(order) and walls.ring[at.edge[order[j]]] == ring:
            j += 1
        for k in range(i, j):
            previous[order[k]] = order[k - 1] if k > i else order[j - 1]
        i = j
    return previous


@compiled
def _trace(
    xy: NDArray[np.float64],
    first: NDArray[np.int32],
    at: _Crossings,
    walls: Walls,
    out: NDArray[np.float64],
    out_first: NDArray[np.int32],
) -> tuple[NDArray[np.float64], int]:
    """Write the rings that run along outlines outside blockers and back along the blockers.

    Returns -1 rings where the crossings do not alternate, as rounding may have it where an outline
    runs along an edge.
    """
    count = len(at.piece)
    previous = _previous_on_wall(at, walls)
    done = np.zeros(count, np.bool_)
    used = 0
    rings = 0
    for begin in range(count):
        if done[begin] or at.kind[begin] == _ENTERS:
            continue
        k = begin
        out_first[rings] = used
        while True:
            if done[k]:
                return out, -1
            done[k] = True
            out = push(out, used, at.xy[k, 0], at.xy[k, 1], 0.0)
            used += 1
            ring = at.ring[k]
            enter = k + 1
            wraps = enter == count or at.ring[enter] != ring
            if wraps:
                enter = k
                while enter > 0 and at.ring[enter - 1] == ring:
                    enter -= 1
            if at.kind[enter] != _ENTERS:
                return out, -1
            if wraps or at.piece[enter] != at.piece[k]:
                n = at.piece[k]
                while True:
                    n = n + 1 if n + 1 < first[ring + 1] else first[ring]
                    out = push(out, used, xy[n, 0], xy[n, 1], 1.0)
                    used += 1
                    if n == at.piece[enter]:
                        break
            out = push(out, used, at.xy[enter, 0], at.xy[enter, 1], 0.0)
            used += 1
            leave = previous[enter]
            if at.kind[leave] == _ENTERS:
                return out, -1
            if at.edge[leave] != at.edge[enter] or at.along[leave] >= at.along[enter]:
                n = at.edge[enter]
                while True:
                    out = push(out, used, walls.xy[n, 0], walls.xy[n, 1], 0.0)
                    used += 1
                    n = walls.before[n]
                    if n == at.edge[leave]:
                        break
            k = leave
            if k == begin:
                break
        rings += 1
    out_first[rings] = used
    return out, rings


@compiled
def _is_in_wall(
    x: float, y: float, marks: NDArray[np.int32], cells: NDArray[np.int32], walls: Walls
) -> bool:
    """Whether a ring that crosses no edge is inside a blocker: its first point and all its cells.

    Only a ring that never leaves cells with edges in them needs the edges themselves.
    """
    for cell in cells:
        if marks[cell] < 0:
            return bool(marks[cell] == INSIDE)
    inside = False
    for r in range(len(walls.box)):
        if walls.box[r, 0] <= x <= walls.box[r, 2] and walls.box[r, 1] <= y <= walls.box[r, 3]:
            low = walls.start[r]
            high = low
            while high < len(walls.ring) and walls.ring[high] == r:
                high += 1
            inside ^= is_within(x, y, walls.xy, low, high)
    return inside


@compiled
def _is_in_outline(
    x: float, y: float, xy: NDArray[np.float64], first: NDArray[np.int32], rings: int
) -> bool:
    inside = False
    for k in range(rings):
        inside ^= is_within(x, y, xy, first[k], first[k + 1])
    return inside


@compiled
def cut_out(
    xy: NDArray[np.float64],
    cell: NDArray[np.int32],
    first: NDArray[np.int32],
    rings: int,
    is_in: NDArray[np.int8],
    near: NDArray[np.int32],
    mark: NDArray[np.int32],
    walls: Walls,
) -> tuple[NDArray[np.float64], NDArray[np.int32], int]:
    """Take the blockers out of the outlines: rows of x, y, plain, and ring starts.

    ``near`` are the blocker rings inside the window, ``is_in`` says whether one begins within (1),
    beyond (0) or near the outline (-1). Returns -1 rings where that fails.
    """
    marks = mark.ravel()
    at = _crossings(xy, cell, first, rings, mark, walls)
    out = np.empty((first[rings] + 4 * len(at.piece) + 64, 3))
    out_first = np.zeros(rings + len(at.piece) + len(near) + 1, np.int32)
    out, made = _trace(xy, first, at, walls, out, out_first)
    if made < 0:
        return out, out_first, -1
    used = out_first[made]
    crossed = np.zeros(rings, np.bool_)
    crossed[at.ring] = True
    for k in range(rings):
        low = first[k]
        high = first[k + 1]
        if crossed[k] or _is_in_wall(xy[low, 0], xy[low, 1], marks, cell[low:high], walls):
            continue
        for n in range(low, high):
            out = push(out, used, xy[n, 0], xy[n, 1], 1.0)
            used += 1
        made += 1
        out_first[made] = used
    met = np.zeros(len(walls.box), np.bool_)
    met[walls.ring[at.edge]] = True
    for i in range(len(near)):
        begin = walls.start[near[i]]
        x, y = walls.xy[begin]
        if met[near[i]] or is_in[i] == 0:
            continue
        if is_in[i] < 0 and not _is_in_outline(x, y, xy, first, rings):
            continue
        n = begin
        while True:
            out = push(out, used, walls.xy[n, 0], walls.xy[n, 1], 0.0)
            used += 1
            n = walls.before[n]
            if n == begin:
                break
        made += 1
        out_first[made] = used
    return out, out_first, made
