"""Rings of blockers by the cells of a grid, so that each place knows what is near it.

All coordinates are metres from the grid's origin; insides are to the left of rings.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled

OUTSIDE: Final = -1
INSIDE: Final = -2


class Walls(NamedTuple):
    """Rings of blockers, with lists of what lies in each cell of the grid; see ``blockers.py``.

    ``xy`` (n, 2); ``after`` and ``before`` (n,) the neighbours of each vertex in its ring; edge n
    runs from vertex n to the one after it. ``ring`` (n,) of each; ``box`` (r, 4) of each ring and
    ``start`` (r,) a vertex of it. Cells with an edge in them are listed row by row: row
    ``low_row + i`` has those from ``row_first[i]`` on, in columns ``column`` with the edges
    ``edge[edge_first[c]:edge_first[c + 1]]``; ``right`` says whether the cells between it and the
    next one listed are `INSIDE` or `OUTSIDE`.
    """

    xy: NDArray[np.float64]
    after: NDArray[np.int32]
    before: NDArray[np.int32]
    ring: NDArray[np.int32]
    box: NDArray[np.float64]
    start: NDArray[np.int32]
    low_row: int
    row_first: NDArray[np.int64]
    column: NDArray[np.int32]
    right: NDArray[np.int32]
    edge_first: NDArray[np.int64]
    edge: NDArray[np.int32]


@compiled
def edges_by_cell(
    xy: NDArray[np.float64], after: NDArray[np.int32], cell_m: float
) -> NDArray[np.int64]:
    """List (m, 3) row, column and edge for each cell that an edge touches."""
    slack = 1e-6
    found = np.empty((max(64, 4 * len(xy)), 3), np.int64)
    used = 0
    for edge in range(len(xy)):
        ax, ay = xy[edge]
        bx, by = xy[after[edge]]
        low = int(np.floor(min(ay, by) / cell_m - slack))
        high = int(np.floor(max(ay, by) / cell_m + slack))
        for row in range(low, high + 1):
            t0 = 0.0
            t1 = 1.0
            if low != high:
                # Where the edge crosses the lower and the upper side of this row of cells.
                ta = ((row - slack) * cell_m - ay) / (by - ay)
                tb = ((row + 1 + slack) * cell_m - ay) / (by - ay)
                t0 = min(max(min(ta, tb), 0.0), 1.0)
                t1 = max(min(max(ta, tb), 1.0), 0.0)
            x0 = ax + t0 * (bx - ax)
            x1 = ax + t1 * (bx - ax)
            left = int(np.floor(min(x0, x1) / cell_m - slack))
            right = int(np.floor(max(x0, x1) / cell_m + slack))
            for column in range(left, right + 1):
                if used == len(found):
                    larger = np.empty((2 * used, 3), np.int64)
                    larger[:used] = found
                    found = larger
                found[used, 0] = row
                found[used, 1] = column
                found[used, 2] = edge
                used += 1
    return found[:used].copy()


@compiled
def mark_cells(walls: Walls, row0: int, column0: int, ny: int, nx: int) -> NDArray[np.int32]:
    """Return for each cell (ny, nx) of a window the list of its edges, or `INSIDE`, `OUTSIDE`."""
    mark = np.full((ny, nx), OUTSIDE, np.int32)
    rows = len(walls.row_first) - 1
    for r in range(ny):
        i = r + row0 - walls.low_row
        if i < 0 or i >= rows:
            continue
        begin = walls.row_first[i]
        end = walls.row_first[i + 1]
        at = begin + np.searchsorted(walls.column[begin:end], column0)
        row = mark[r]
        filled = 0
        is_inside = at > begin and walls.right[at - 1] == INSIDE
        while filled < nx:
            until = nx
            if at < end:
                until = min(walls.column[at] - column0, nx)
            if is_inside:
                row[filled:until] = INSIDE
            if until < nx:
                row[until] = at
                is_inside = walls.right[at] == INSIDE
                at += 1
            filled = until + 1
    return mark


@compiled
def near_rings(walls: Walls, box: tuple[float, float, float, float]) -> NDArray[np.int32]:
    """Return the rings (n,) that lie inside a box of low x, low y, high x, high y."""
    near = np.empty(len(walls.box), np.int32)
    count = 0
    for r in range(len(walls.box)):
        b = walls.box[r]
        if b[0] > box[0] and b[1] > box[1] and b[2] < box[2] and b[3] < box[3]:
            near[count] = r
            count += 1
    return near[:count].copy()
