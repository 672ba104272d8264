"""Compiled outlines: the ground within a width of reached streets.

Distances to the streets are taken exactly at the nodes of a grid; between them the outline is drawn
by marching squares (Lorensen and Cline 1987, in the plane). The corners of a cell that a street
runs through are nearer to it than the diagonal, so that reached streets are always inside where
the width is more than that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled


@compiled
def stamp(
    field: NDArray[np.float64],
    segments: NDArray[np.float64],
    row0: int,
    column0: int,
    cell_m: float,
    reach_m: float,
    rows: NDArray[np.int64],
) -> None:
    """Lower the squared distances (ny, nx) to those from segments (n, 4), up to ``reach_m``.

    Node (r, c) of the field stands at x = (column0 + c) * cell_m, y = (row0 + r) * cell_m. The
    least and the last row that was lowered are kept in ``rows`` (2,).
    """
    for n in range(len(segments)):
        ax = segments[n, 0] - column0 * cell_m
        ay = segments[n, 1] - row0 * cell_m
        bx = segments[n, 2] - column0 * cell_m
        by = segments[n, 3] - row0 * cell_m
        dx = bx - ax
        dy = by - ay
        square = dx * dx + dy * dy
        scale = 1.0 / square if square > 0.0 else 0.0
        left = int(np.ceil((min(ax, bx) - reach_m) / cell_m))
        right = int(np.floor((max(ax, bx) + reach_m) / cell_m))
        low = int(np.ceil((min(ay, by) - reach_m) / cell_m))
        high = int(np.floor((max(ay, by) + reach_m) / cell_m))
        rows[0] = min(rows[0], low)
        rows[1] = max(rows[1], high)
        for r in range(low, high + 1):
            py = r * cell_m - ay
            row = field[r, left : right + 1]
            for c in range(len(row)):
                px = (left + c) * cell_m - ax
                t = min(max((px * dx + py * dy) * scale, 0.0), 1.0)
                x = px - t * dx
                y = py - t * dy
                row[c] = min(row[c], x * x + y * y)


@compiled
def link_points(
    field: NDArray[np.float64],
    square: float,
    rows: NDArray[np.int64],
    after: NDArray[np.int32],
    starts: NDArray[np.int32],
) -> int:
    """Fill ``after`` with the next point of the outline for each point, and list all points.

    Points are numbered by the side of the grid they lie on: 2 n for the side from node n to the
    next column, 2 n + 1 to the next row. Where two opposite corners are within, they are kept
    apart. Nothing outside of ``rows`` (2,) is within. Returns the number of points.
    """
    nx = field.shape[1]
    count = 0
    above = field[rows[0]] < square
    for r in range(rows[0], rows[1]):
        below = above
        above = field[r + 1] < square
        for c in range(nx - 1):
            code = below[c] + 2 * below[c + 1] + 4 * above[c + 1] + 8 * above[c]
            if code == 0 or code == 15:
                continue
            south = 2 * (r * nx + c)
            west = south + 1
            east = west + 2
            north = south + 2 * nx
            begin = end = -1
            if code in (1, 5, 13, 9):
                begin = south
            elif code in (2, 3, 11, 10):
                begin = east
            elif code in (4, 6, 7):
                begin = north
            else:
                begin = west
            if code in (1, 5, 3, 7):
                end = west
            elif code in (2, 6, 14, 10):
                end = south
            elif code in (4, 12, 13):
                end = east
            else:
                end = north
            after[begin] = end
            starts[count] = begin
            count += 1
            if code == 5:
                after[north] = east
                starts[count] = north
                count += 1
            elif code == 10:
                after[west] = north
                starts[count] = west
                count += 1
    return count


@compiled
def rings(
    field: NDArray[np.float64],
    starts: NDArray[np.int32],
    count: int,
    after: NDArray[np.int32],
    width_m: float,
    cell_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], int]:
    """Follow the points: xy (n, 2), the cell (n,) of the piece that begins there, ring starts.

    Clears ``after`` on the way. A cell is numbered like its lower left node.
    """
    nx = field.shape[1]
    xy = np.empty((count, 2))
    cell = np.empty(count, np.int32)
    first = np.empty(count + 1, np.int32)
    made = 0
    used = 0
    for s in range(count):
        point = starts[s]
        if after[point] < 0:
            continue
        first[made] = used
        made += 1
        r = (point >> 1) // nx
        c = (point >> 1) - r * nx
        while after[point] >= 0:
            up = point & 1
            here = np.sqrt(field[r, c])
            there = np.sqrt(field[r + up, c + 1 - up])
            # Never on the node itself, where several sides meet and rings would touch.
            share = min(max((width_m - here) / (there - here), 1e-3), 1.0 - 1e-3)
            xy[used, 0] = (c + share * (1 - up)) * cell_m
            xy[used, 1] = (r + share * up) * cell_m
            following = after[point]
            after[point] = -1
            next_r = (following >> 1) // nx
            next_c = (following >> 1) - next_r * nx
            # Both points lie on sides of one cell: its node is the least of theirs.
            cell[used] = min(r, next_r) * nx + min(c, next_c)
            used += 1
            point = following
            r = next_r
            c = next_c
    first[made] = used
    return xy, cell, first, made
