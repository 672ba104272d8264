"""Compiled drawing: the outlines of the ground around the reached stretches of many sources."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.isochrones.cells import OUTSIDE, Walls, mark_cells, near_rings
from gis.isochrones.contour import link_points, rings, stamp
from gis.isochrones.cutting import cut_out
from gis.isochrones.parts import Found, add_parts, straightened


class _Window(NamedTuple):
    """The part of the grid around one source: node (r, c) is (row0 + r, column0 + c) of the grid.

    ``field`` (ny, nx) squared distances; ``mark`` (ny, nx) what blocks each cell; ``near`` the
    blocker rings inside the window; ``is_open`` where nothing blocks any cell.
    """

    row0: int
    column0: int
    field: NDArray[np.float64]
    mark: NDArray[np.int32]
    near: NDArray[np.int32]
    is_open: bool


@compiled
def _segments(
    xy: NDArray[np.float64], start: NDArray[np.int64], low: int, high: int
) -> NDArray[np.float64]:
    """Return the pieces (n, 4) of the lines from ``low`` to ``high``."""
    pieces = np.empty((start[high] - start[low] - (high - low), 4))
    used = 0
    for line in range(low, high):
        for n in range(start[line], start[line + 1] - 1):
            pieces[used, 0] = xy[n, 0]
            pieces[used, 1] = xy[n, 1]
            pieces[used, 2] = xy[n + 1, 0]
            pieces[used, 3] = xy[n + 1, 1]
            used += 1
    return pieces


@compiled
def _size(points: NDArray[np.float64], margin_m: float, cell_m: float) -> tuple[int, int, int, int]:
    """Return row, column, rows and columns of the window that holds points and a margin."""
    column0 = int(np.floor((points[:, 0].min() - margin_m) / cell_m)) - 1
    row0 = int(np.floor((points[:, 1].min() - margin_m) / cell_m)) - 1
    columns = int(np.ceil((points[:, 0].max() + margin_m) / cell_m)) + 2 - column0
    rows = int(np.ceil((points[:, 1].max() + margin_m) / cell_m)) + 2 - row0
    return row0, column0, rows, columns


@compiled
def _window(
    row0: int, column0: int, field: NDArray[np.float64], cell_m: float, walls: Walls
) -> _Window:
    ny, nx = field.shape
    field[:] = np.inf
    x0 = column0 * cell_m
    y0 = row0 * cell_m
    near = near_rings(walls, (x0, y0, x0 + (nx - 1) * cell_m, y0 + (ny - 1) * cell_m))
    mark = mark_cells(walls, row0, column0, ny, nx)
    is_open = mark.max() == OUTSIDE and mark.min() == OUTSIDE
    return _Window(row0, column0, field, mark, near, is_open)


@compiled
def _starts_within(window: _Window, walls: Walls, square: float, cell_m: float) -> NDArray[np.int8]:
    """Say of the cell in which each near ring begins: all corners within 1, none 0, some -1."""
    is_in = np.empty(len(window.near), np.int8)
    for i in range(len(is_in)):
        x, y = walls.xy[walls.start[window.near[i]]]
        r = int(np.floor(y / cell_m)) - window.row0
        c = int(np.floor(x / cell_m)) - window.column0
        corners = 0
        for j in range(4):
            if window.field[r + (j >> 1), c + (j & 1)] < square:
                corners += 1
        is_in[i] = 1 if corners == 4 else 0 if corners == 0 else -1
    return is_in


@compiled
def _draw(
    window: _Window,
    walls: Walls,
    width_m: float,
    cell_m: float,
    after: NDArray[np.int32],
    starts: NDArray[np.int32],
    rows: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int32], bool]:
    """Return the rings of the ground within the width: xy, ring starts, whether cutting failed."""
    count = link_points(window.field, width_m * width_m, rows, after, starts)
    xy, cell, first, made = rings(window.field, starts, count, after, width_m, cell_m)
    for n in range(len(xy)):
        xy[n, 0] += window.column0 * cell_m
        xy[n, 1] += window.row0 * cell_m
    failed = False
    if not window.is_open:
        is_in = _starts_within(window, walls, width_m * width_m, cell_m)
        out, out_first, cut = cut_out(xy, cell, first, made, is_in, window.near, window.mark, walls)
        if cut >= 0:
            xy, first = straightened(out, out_first, cut)
            return xy, first, False
        failed = True
    out = np.ones((len(xy), 3))
    out[:, :2] = xy
    xy, first = straightened(out, first, made)
    return xy, first, failed


@compiled
def outlines(
    xy: NDArray[np.float64],
    start: NDArray[np.int64],
    first: NDArray[np.int64],
    bands: int,
    width_m: float,
    cell_m: float,
    walls: Walls,
) -> tuple[Found, NDArray[np.int64], NDArray[np.bool_]]:
    """Draw the ground around reached stretches, band by band, each with all bands before it.

    Parameters
    ----------
    xy, start
        Courses of the stretches: line n has the vertices ``start[n]`` to ``start[n + 1]``, in
        metres from the origin of the grid.
    first
        (k * bands + 1,) the lines of each source and band.

    Returns
    -------
    found
        Closed rings, shells before their holes.
    parts
        (k * bands,) how many shells each source and band has.
    failed
        (k * bands,) True where the blockers could not be cut out; those are drawn with them.
    """
    sources = (len(first) - 1) // bands
    found = Found(np.empty((4096, 2)), np.empty(256, np.int64), np.empty(256, np.int64))
    used = np.zeros(3, np.int64)
    parts = np.zeros(sources * bands, np.int64)
    failed = np.zeros(sources * bands, np.bool_)
    after = np.full(1, -1, np.int32)
    starts = np.empty(1, np.int32)
    nodes = np.empty(0)
    for s in range(sources):
        begin = first[s * bands]
        points = xy[start[begin] : start[first[(s + 1) * bands]]]
        if len(points) == 0:
            continue
        row0, column0, ny, nx = _size(points, width_m + cell_m, cell_m)
        if nx * ny > len(nodes):
            nodes = np.empty(nx * ny)
            after = np.full(2 * nx * ny, -1, np.int32)
            starts = np.empty(nx * ny * 2, np.int32)
        window = _window(row0, column0, nodes[: nx * ny].reshape(ny, nx), cell_m, walls)
        segments = _segments(xy, start, begin, first[(s + 1) * bands])
        drawn = 0
        rows = np.array([ny, 0])
        for place in range(s * bands, (s + 1) * bands):
            until = first[place + 1]
            until = start[until] - start[begin] - (until - begin)
            some = segments[drawn:until]
            stamp(window.field, some, row0, column0, cell_m, width_m + cell_m, rows)
            drawn = until
            ring_xy, ring_first, failed[place] = _draw(
                window, walls, width_m, cell_m, after, starts, rows
            )
            before = used[2]
            step_m = 0.0 if window.is_open else cell_m / 2
            found = add_parts(found, used, ring_xy, ring_first, segments[:until], step_m)
            parts[place] = used[2] - before
    return found, parts, failed
