"""Bytes of a tile, written by compiled loops: numbers in seven-bit pieces, commands of a pen.

A buffer is a growing array of bytes; who writes asks for room first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.compiling import inner

MOVE, LINE_TO, CLOSE = 1, 2, 15
"""Commands; the first two take how often above their three bits."""


@inner
def with_room(buffer: NDArray[np.uint8], used: int, needed: int) -> NDArray[np.uint8]:
    """Return the buffer, or a larger copy of what is used."""
    if used + needed <= len(buffer):
        return buffer
    larger = np.empty(2 * (used + needed), np.uint8)
    larger[:used] = buffer[:used]
    return larger


@inner
def write_number(buffer: NDArray[np.uint8], used: int, number: int) -> int:
    """Write a number of zero or more (at most 10 bytes); return where the next goes."""
    rest = np.uint64(number)
    while rest > np.uint64(127):
        buffer[used] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
        used += 1
        rest >>= np.uint64(7)
    buffer[used] = np.uint8(rest)
    return used + 1


@inner
def size_of_number(number: int) -> int:
    """Return how many bytes a number takes."""
    rest = np.uint64(number)
    size = 1
    while rest > np.uint64(127):
        rest >>= np.uint64(7)
        size += 1
    return size


@inner
def write_bytes(
    buffer: NDArray[np.uint8], used: int, source: NDArray[np.uint8], start: int, end: int
) -> int:
    """Write a part of other bytes; return where the next goes."""
    for i in range(start, end):
        buffer[used] = source[i]
        used += 1
    return used


@inner
def write_path(
    buffer: NDArray[np.uint8],
    used: int,
    corners: NDArray[np.int64],
    start: int,
    end: int,
    pen: NDArray[np.int64],
    closed: bool,
) -> tuple[NDArray[np.uint8], int]:
    """Move to the first corner, draw to the others, and close; ``pen`` (2,) is where it stands."""
    buffer = with_room(buffer, used, 20 * (end - start) + 24)
    used = write_number(buffer, used, 1 << 3 | MOVE)
    for i in range(start, end):
        if i == start + 1:
            used = write_number(buffer, used, (end - start - 1) << 3 | LINE_TO)
        used = _write_step(buffer, used, corners[i, 0], corners[i, 1], pen)
    if closed:
        used = write_number(buffer, used, CLOSE)
    return buffer, used


@inner
def write_points(
    buffer: NDArray[np.uint8],
    used: int,
    corners: NDArray[np.int64],
    count: int,
    pen: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], int]:
    """Write places."""
    buffer = with_room(buffer, used, 20 * count + 10)
    used = write_number(buffer, used, count << 3 | MOVE)
    for i in range(count):
        used = _write_step(buffer, used, corners[i, 0], corners[i, 1], pen)
    return buffer, used


@inner
def _write_step(
    buffer: NDArray[np.uint8], used: int, x: int, y: int, pen: NDArray[np.int64]
) -> int:
    step = x - pen[0]
    used = write_number(buffer, used, step << 1 ^ step >> 63)
    step = y - pen[1]
    used = write_number(buffer, used, step << 1 ^ step >> 63)
    pen[0] = x
    pen[1] = y
    return used
