"""One row of a layer drawn into the commands of a tile, by compiled loops."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gis.compiling import inner
from gis.tiles.cutting import cut_path, cut_ring, join_chains, ring_of, where
from gis.tiles.packing import write_path, write_points
from gis.tiles.rings import double_area, side_of_ring, snap, tidy_line, tidy_ring

_Desk: TypeAlias = tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]
]
"""Room to work in: snapped corners, chains, where chains end, a cut ring, and a spare one."""


@inner
def desk_for(corners: int) -> _Desk:
    """Return room for rows of so many corners."""
    return (
        np.empty((corners + 8, 2), np.int64),
        np.empty((4 * corners + 8, 2), np.int64),
        np.empty(2 * corners + 8, np.int64),
        np.empty((16 * corners + 64, 2), np.int64),
        np.empty((16 * corners + 64, 2), np.int64),
    )


@inner
def draw_points(
    xy: NDArray[np.float64],
    ring: NDArray[np.int64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
    desk: _Desk,
    buffer: NDArray[np.uint8],
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int]:
    """Draw the points of a row; ``frame`` is cell, left, top, low and high of the tile."""
    work = desk[0]
    cell, left, top, low, high = frame
    count = snap(xy, ring[0], ring[1], cells_per_m, cell, left, top, work)
    kept = 0
    for i in range(count):
        if low <= work[i, 0] <= high and low <= work[i, 1] <= high:
            work[kept] = work[i]
            kept += 1
    if kept == 0:
        return buffer, 0
    return write_points(buffer, 0, work, kept, pen)


@inner
def draw_lines(
    xy: NDArray[np.float64],
    rings: NDArray[np.int64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
    desk: _Desk,
    buffer: NDArray[np.uint8],
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int]:
    """Draw the lines of a row; one that is shorter than the grid tells is left out."""
    work, chains, ends, _, _ = desk
    cell, left, top, low, high = frame
    used = 0
    for ring in range(len(rings)):
        count = snap(xy, rings[ring, 0], rings[ring, 1], cells_per_m, cell, left, top, work)
        count = tidy_line(work, 0, count)
        if count < 2:
            continue
        lies = where(work, 0, count, low, high)
        if lies == 1:
            buffer, used = write_path(buffer, used, work, 0, count, pen, False)
        elif lies == 0:
            ends[0] = 0
            parts = cut_path(work, 0, count, False, low, high, chains, ends, 0)
            for part in range(parts):
                buffer, used = write_path(
                    buffer, used, chains, ends[part], ends[part + 1], pen, False
                )
    return buffer, used


@inner
def draw_polygons(
    xy: NDArray[np.float64],
    rings: NDArray[np.int64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
    desk: _Desk,
    buffer: NDArray[np.uint8],
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int, bool]:
    """Draw the polygons of a row; the last answer is whether the grid tells anything of it."""
    used = 0
    seen = False
    ring = 0
    while ring < len(rings):
        last = ring + 1
        while last < len(rings) and rings[last, 2] == 1:
            last += 1
        buffer, used, shows = _draw_polygon(
            xy, rings[ring:last], cells_per_m, frame, desk, buffer, used, pen
        )
        seen = seen or shows
        ring = last
    return buffer, used, seen


@inner
def _draw_polygon(
    xy: NDArray[np.float64],
    rings: NDArray[np.int64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
    desk: _Desk,
    buffer: NDArray[np.uint8],
    used: int,
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int, bool]:
    """Draw an outer ring and its holes; the last answer is whether the grid tells of it."""
    work, chains, ends, _, _ = desk
    low, high = frame[3], frame[4]
    start, end = _snap_ring(xy, rings[0], cells_per_m, frame, work, 0)
    if end == start:
        return buffer, used, False
    lies = where(work, start, end, low, high)
    if lies < 0:
        return buffer, used, True
    if lies > 0:
        buffer, used = write_path(buffer, used, work, start, end, pen, True)
        for ring in range(1, len(rings)):
            start, end = _snap_ring(xy, rings[ring], cells_per_m, frame, work, 0)
            if end > start:
                buffer, used = write_path(buffer, used, work, start, end, pen, True)
        return buffer, used, True
    ends[0] = 0
    count = cut_path(work, start, end, True, low, high, chains, ends, 0)
    if count == 0 and side_of_ring(work, start, end, low, low) < 0:
        return buffer, used, True
    holes = np.empty((len(rings), 2), np.int64)
    kept, filled = 0, end
    for ring in range(1, len(rings)):
        a, b = _snap_ring(xy, rings[ring], cells_per_m, frame, work, filled)
        lies = where(work, a, b, low, high) if b > a else -1
        if lies < 0:
            continue
        if lies == 0:
            before = count
            count = cut_path(work, a, b, True, low, high, chains, ends, count)
            if count == before:
                if side_of_ring(work, a, b, low, low) > 0:
                    return buffer, used, True  # all that is shown lies in the hole
                continue
        holes[kept, 0] = a
        holes[kept, 1] = b
        kept += 1
        filled = b
    buffer, used = _draw_cut(start, end, holes[:kept], low, high, desk, count, buffer, used, pen)
    return buffer, used, True


@inner
def _snap_ring(
    xy: NDArray[np.float64],
    ring: NDArray[np.int64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
    work: NDArray[np.int64],
    filled: int,
) -> tuple[int, int]:
    """Lay a ring into ``work``, which is filled so far; return where it begins and ends.

    Nothing is left of a ring smaller than the grid tells, or turned over by it.
    """
    cell, left, top, _, _ = frame
    count = snap(xy, ring[0], ring[1], cells_per_m, cell, left, top, work[filled:])
    start, end = tidy_ring(work, filled, filled + count)
    if end > start and (double_area(work, start, end) > 0) == (ring[2] == 0):
        return start, end
    return filled, filled


@inner
def _draw_cut(
    start: int,
    end: int,
    holes: NDArray[np.int64],
    low: int,
    high: int,
    desk: _Desk,
    count: int,
    buffer: NDArray[np.uint8],
    used: int,
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int]:
    """Draw what of a polygon lies in the square: its ring in ``work``, its holes, its chains."""
    work, chains, ends, cut, spare = desk
    following = np.full(max(count, 1), -1, np.int64)
    if count > 0 and not join_chains(chains, ends, count, low, high, following):
        for part in range(-1, len(holes)):
            first, last = (start, end) if part < 0 else (holes[part, 0], holes[part, 1])
            size = cut_ring(work, first, last, low, high, cut, spare)
            first, last = tidy_ring(cut, 0, size)
            area = double_area(cut, first, last) if last > first else 0.0
            if (part < 0 and area <= 0) or area == 0:
                if part < 0:
                    break
                continue
            buffer, used = write_path(buffer, used, cut, first, last, pen, True)
        return buffer, used
    drawn = np.zeros(len(holes), np.bool_)
    for chain in range(max(count, 1)):
        if count == 0:
            size = 4
            for i in range(4):
                cut[i, 0] = low if i == 0 or i == 3 else high
                cut[i, 1] = low if i < 2 else high
        else:
            size = ring_of(chains, ends, chain, following, low, high, cut)
        first, last = tidy_ring(cut, 0, size)
        if last == first or double_area(cut, first, last) <= 0:
            continue
        buffer, used = write_path(buffer, used, cut, first, last, pen, True)
        for hole in range(len(holes)):
            a, b = holes[hole, 0], holes[hole, 1]
            if drawn[hole] or where(work, a, b, low, high) != 1:
                continue
            within = 0
            for i in range(a, b):
                within = side_of_ring(cut, first, last, work[i, 0], work[i, 1])
                if within != 0:
                    break
            if within >= 0:
                drawn[hole] = True
                buffer, used = write_path(buffer, used, work, a, b, pen, True)
    return buffer, used
