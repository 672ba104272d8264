"""Corners on the grid of a tile: snapped, freed of what shows nothing, their area, what is inside.

All are compiled. Corners are whole steps of the tile, y running down, counted from its upper left
corner; ``corners`` (c, 2) are lists with room, read from ``start`` to ``end``. Snapping depends on
the zoom only, so neighbouring tiles agree about every corner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.compiling import inner

HALF_WORLD_M = np.pi * 6378137.0


@inner
def snapped(at_m: float, cells_per_m: float, cell: int) -> int:
    """Return the nearest corner of the grid, in steps from the edge of the world."""
    return int(np.floor((at_m + HALF_WORLD_M) * cells_per_m + 0.5)) * cell


@inner
def snap(
    xy: NDArray[np.float64],
    first: int,
    end: int,
    cells_per_m: float,
    cell: int,
    left: int,
    top: int,
    corners: NDArray[np.int64],
) -> int:
    """Snap corners to the grid, without repeats; return how many there are."""
    count = 0
    for i in range(first, end):
        x = snapped(xy[i, 0], cells_per_m, cell) - left
        y = snapped(-xy[i, 1], cells_per_m, cell) - top
        if count == 0 or corners[count - 1, 0] != x or corners[count - 1, 1] != y:
            corners[count, 0] = x
            corners[count, 1] = y
            count += 1
    return count


@inner
def turn(corners: NDArray[np.int64], a: int, b: int, c: int) -> float:
    """Return a number that is positive where a, b, c turn right on the map, 0 where straight.

    In floats, like all products here: those of a large shape at a deep zoom pass 64 bits.
    """
    ux = float(corners[b, 0] - corners[a, 0])
    uy = float(corners[b, 1] - corners[a, 1])
    vx = float(corners[c, 0] - corners[b, 0])
    vy = float(corners[c, 1] - corners[b, 1])
    return ux * vy - uy * vx


@inner
def tidy_ring(corners: NDArray[np.int64], start: int, end: int) -> tuple[int, int]:
    """Leave out corners on straight edges, and spikes; return the new start and end.

    The ring is not closed by a repeated corner. Nothing is left of a ring without area.
    """
    top = start
    for i in range(start, end):
        x, y = corners[i, 0], corners[i, 1]
        corners[top, 0] = x
        corners[top, 1] = y
        while top - start >= 2 and turn(corners, top - 2, top - 1, top) == 0:
            top -= 1
            corners[top, 0] = x
            corners[top, 1] = y
        if top == start or corners[top - 1, 0] != x or corners[top - 1, 1] != y:
            top += 1
    while top - start >= 2:
        last = top - 1
        if turn(corners, last - 1, last, start) == 0:  # also where the last repeats the first
            top = last
        elif turn(corners, last, start, start + 1) == 0:
            start += 1
        else:
            break
    if top - start < 3:
        return start, start
    return start, top


@inner
def tidy_line(corners: NDArray[np.int64], start: int, end: int) -> int:
    """Leave out corners of a line that are passed straight on; return the new end."""
    top = start
    for i in range(start, end):
        x, y = corners[i, 0], corners[i, 1]
        corners[top, 0] = x
        corners[top, 1] = y
        while top - start >= 2 and turn(corners, top - 2, top - 1, top) == 0:
            ux = float(corners[top - 1, 0] - corners[top - 2, 0])
            uy = float(corners[top - 1, 1] - corners[top - 2, 1])
            if ux * (x - corners[top - 1, 0]) + uy * (y - corners[top - 1, 1]) < 0:
                break
            top -= 1
            corners[top, 0] = x
            corners[top, 1] = y
        if top == start or corners[top - 1, 0] != x or corners[top - 1, 1] != y:
            top += 1
    return top


@inner
def double_area(corners: NDArray[np.int64], start: int, end: int) -> float:
    """Return twice the area, positive for a ring that runs clockwise on the map."""
    double = 0.0
    x, y = corners[start, 0], corners[start, 1]
    for i in range(start + 1, end - 1):
        double += float(corners[i, 0] - x) * float(corners[i + 1, 1] - y)
        double -= float(corners[i + 1, 0] - x) * float(corners[i, 1] - y)
    return double


@inner
def side_of_ring(corners: NDArray[np.int64], start: int, end: int, x: int, y: int) -> int:
    """Return 1 for a place inside a ring, 0 on it, -1 outside."""
    inside = -1
    j = end - 1
    for i in range(start, end):
        ax, ay = float(corners[j, 0] - x), float(corners[j, 1] - y)
        bx, by = float(corners[i, 0] - x), float(corners[i, 1] - y)
        j = i
        across = ax * by - ay * bx
        if across == 0 and ax * bx <= 0 and ay * by <= 0:
            return 0
        if (ay > 0) != (by > 0) and (across > 0) == (by > ay):
            inside = -inside
    return inside
