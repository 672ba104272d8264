"""The features of a tile with their keys and values, written in one compiled loop."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled, inner
from gis.tiles.drawing import desk_for, draw_lines, draw_points, draw_polygons
from gis.tiles.packing import size_of_number, with_room, write_bytes, write_number, write_path
from gis.tiles.rings import HALF_WORLD_M
from gis.tiles.shapes import LINE, POINT

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)

_Book: TypeAlias = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
]
"""Keys and values of the tile so far: number of each key (-1: none yet), keys in that order; a set
of values, the number of each member, values in that order; how many keys and values there are."""


@compiled
def write_features(
    rows: NDArray[np.int64],
    table: tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    places: tuple[NDArray[np.int64], NDArray[np.float64]],
    numbers: NDArray[np.int32],
    packed: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]],
    ids: NDArray[np.uint64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
) -> tuple[NDArray[np.uint8], int, int]:
    """Write the features, keys and values of some rows.

    Parameters
    ----------
    rows
        Which, in their order.
    table
        Kind, first ring, number of rings and bounds of each row of the layer.
    places
        Rings and corners.
    numbers
        (n, k) number of the value of each property, -1 without.
    packed
        Keys and where they end, values and where they end.
    ids
        Of each row, or none at all.
    frame
        Cell of the grid, left and top of the tile in steps from the edge of the world, low and
        high of what is shown in steps of the tile.

    Returns
    -------
    tuple
        The bytes, how many features, and how many polygons shared the cell of another one.
    """
    kind, first, count, bounds = table
    rings, xy = places
    desk = desk_for(_most_corners(rows, first, count, rings))
    cells = _set_of(len(rows))
    columns = numbers.shape[1]
    book = (
        np.full(columns, -1, np.int64),
        np.empty(columns, np.int64),
        _set_of(len(rows) * columns),
        np.empty(4 * len(rows) * columns + 16, np.int64),
        np.empty(len(rows) * columns, np.int64),
        np.zeros(2, np.int64),
    )
    tags = np.empty(20 * columns + 20, np.uint8)
    path = np.empty(1024, np.uint8)
    out = np.empty(64 * len(rows) + 1024, np.uint8)
    used = features = merged = 0
    pen = np.zeros(2, np.int64)
    for row in rows:
        pen[:] = 0
        own = rings[first[row] : first[row] + count[row]]
        if kind[row] == POINT:
            path, size = draw_points(xy, own[0], cells_per_m, frame, desk, path, pen)
        elif kind[row] == LINE:
            path, size = draw_lines(xy, own, cells_per_m, frame, desk, path, pen)
        else:
            path, size, seen = draw_polygons(xy, own, cells_per_m, frame, desk, path, pen)
            if not seen:
                path, size, shared = _draw_cell(
                    bounds[row], cells_per_m, frame, cells, desk[0], path, pen
                )
                merged += shared
        if size == 0:
            continue
        tag_size = _write_tags(numbers[row], book, tags)
        out, used = _write_feature(
            out, used, ids[row : row + 1], tags, tag_size, kind[row], path, size
        )
        features += 1
    keys, key_ends, values, value_ends = packed
    out, used = _write_pieces(out, used, book[1][: book[5][0]], keys, key_ends)
    out, used = _write_pieces(out, used, book[4][: book[5][1]], values, value_ends)
    return out[:used], features, merged


@inner
def _write_tags(numbers: NDArray[np.int32], book: _Book, tags: NDArray[np.uint8]) -> int:
    """Write the properties of a row: a key and a value each, by their numbers in the tile."""
    key_of, used_keys, slots, local, used_values, counts = book
    size = 0
    for column in range(len(numbers)):
        value = numbers[column]
        if value < 0:
            continue
        if key_of[column] < 0:
            key_of[column] = counts[0]
            used_keys[counts[0]] = column
            counts[0] += 1
        slot, new = _find(slots, value)
        if new:
            local[slot] = counts[1]
            used_values[counts[1]] = value
            counts[1] += 1
        size = write_number(tags, size, key_of[column])
        size = write_number(tags, size, local[slot])
    return size


@inner
def _write_pieces(
    out: NDArray[np.uint8],
    used: int,
    which: NDArray[np.int64],
    pieces: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int]:
    for i in range(len(which)):
        start, end = ends[which[i]], ends[which[i] + 1]
        out = with_room(out, used, end - start)
        used = write_bytes(out, used, pieces, start, end)
    return out, used


@inner
def _most_corners(
    rows: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    rings: NDArray[np.int64],
) -> int:
    """Return how many corners a row has at most."""
    longest = 0
    for row in rows:
        corners = 0
        for ring in range(first[row], first[row] + count[row]):
            corners += rings[ring, 1] - rings[ring, 0]
        longest = max(longest, corners)
    return longest


@inner
def _set_of(most: int) -> NDArray[np.int64]:
    """Return a set of numbers of zero or more with room for some."""
    size = 16
    while size < 2 * most:
        size *= 2
    return np.full(size, -1, np.int64)


@inner
def _find(members: NDArray[np.int64], number: int) -> tuple[int, bool]:
    """Return where a number stands in a set, and whether it is there only now."""
    mask = np.uint64(len(members) - 1)
    at = (np.uint64(number) * _SPREAD >> np.uint64(20)) & mask
    while members[at] >= 0:
        if members[at] == number:
            return int(at), False
        at = (at + np.uint64(1)) & mask
    members[at] = number
    return int(at), True


@inner
def _draw_cell(
    bounds: NDArray[np.float64],
    cells_per_m: float,
    frame: tuple[int, int, int, int, int],
    cells: NDArray[np.int64],
    work: NDArray[np.int64],
    path: NDArray[np.uint8],
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int, int]:
    """Draw the cell around the middle of some bounds, unless it is drawn; return bytes, merged."""
    cell, left, top, low, high = frame
    x = ((bounds[0] + bounds[2]) / 2 + HALF_WORLD_M) * cells_per_m
    y = (HALF_WORLD_M - (bounds[1] + bounds[3]) / 2) * cells_per_m
    west = int(np.floor(x)) * cell - left
    north = int(np.floor(y)) * cell - top
    if west < low or north < low or west + cell > high or north + cell > high:
        return path, 0, 0
    _, new = _find(cells, (west - low) << 32 | (north - low))
    if not new:
        return path, 0, 1
    for i in range(4):
        work[i, 0] = west if i == 0 or i == 3 else west + cell
        work[i, 1] = north if i < 2 else north + cell
    path, size = write_path(path, 0, work, 0, 4, pen, True)
    return path, size, 0


@inner
def _write_feature(
    out: NDArray[np.uint8],
    used: int,
    ids: NDArray[np.uint64],
    tags: NDArray[np.uint8],
    tag_size: int,
    kind: int,
    path: NDArray[np.uint8],
    size: int,
) -> tuple[NDArray[np.uint8], int]:
    """Write one feature: its id if there is one, its tags, what it is, and how it is drawn."""
    inside = 2 + 1 + size_of_number(size) + size
    if len(ids) > 0:
        inside += 1 + size_of_number(ids[0])
    if tag_size > 0:
        inside += 1 + size_of_number(tag_size) + tag_size
    out = with_room(out, used, inside + 12)
    out[used] = 0x12
    used = write_number(out, used + 1, inside)
    if len(ids) > 0:
        out[used] = 0x08
        used = write_number(out, used + 1, ids[0])
    if tag_size > 0:
        out[used] = 0x12
        used = write_number(out, used + 1, tag_size)
        used = write_bytes(out, used, tags, 0, tag_size)
    out[used] = 0x18
    out[used + 1] = kind
    out[used + 2] = 0x22
    used = write_number(out, used + 3, size)
    return out, write_bytes(out, used, path, 0, size)
