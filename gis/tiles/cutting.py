"""Rings and lines cut to the square of a tile, by compiled loops.

Cutting a ring leaves chains that lie in the square and begin and end on its edge. Chains of a
polygon, those of its holes included, are joined along the edge to new outer rings, so that the
parts of a cut polygon are rings of their own and none runs to and fro along the edge.

The square reaches from ``low`` to ``high`` both ways, edges included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.compiling import inner


@inner
def is_within(corners: NDArray[np.int64], i: int, low: int, high: int) -> bool:
    """Whether a corner lies in the square."""
    x, y = corners[i, 0], corners[i, 1]
    return bool(low <= x <= high and low <= y <= high)


@inner
def where(corners: NDArray[np.int64], start: int, end: int, low: int, high: int) -> int:
    """Return 1 when all corners lie in the square, -1 when all lie on one side of it, else 0."""
    west = east = corners[start, 0]
    north = south = corners[start, 1]
    for i in range(start + 1, end):
        west = min(west, corners[i, 0])
        east = max(east, corners[i, 0])
        north = min(north, corners[i, 1])
        south = max(south, corners[i, 1])
    if west >= low and east <= high and north >= low and south <= high:
        return 1
    if east < low or west > high or south < low or north > high:
        return -1
    return 0


@inner
def _level(ax: int, ay: int, bx: int, by: int, x: int) -> int:
    """Return y of the line a-b at x, rounded; the same for b-a."""
    if (bx, by) < (ax, ay):
        ax, ay, bx, by = bx, by, ax, ay
    share = (float(x) - float(ax)) / (float(bx) - float(ax))
    return int(np.floor(float(ay) + share * (float(by) - float(ay)) + 0.5))


@inner
def _crossing(ax: int, ay: int, bx: int, by: int, low: int, high: int) -> tuple[bool, int, int]:
    """Return whether a-b comes into the square, and where; a lies outside."""
    best = -1.0
    at_x = at_y = 0
    if ax < low or ax > high:
        x = low if ax < low else high
        if (ax < low and bx < low) or (ax > high and bx > high):
            return False, 0, 0
        best = (float(x) - float(ax)) / (float(bx) - float(ax))
        at_x, at_y = x, _level(ax, ay, bx, by, x)
    if ay < low or ay > high:
        y = low if ay < low else high
        if (ay < low and by < low) or (ay > high and by > high):
            return False, 0, 0
        share = (float(y) - float(ay)) / (float(by) - float(ay))
        if share > best:
            at_x, at_y = _level(ay, ax, by, bx, y), y
    if at_x < low or at_x > high or at_y < low or at_y > high:
        return False, at_x, at_y
    return True, at_x, at_y


@inner
def _put(corners: NDArray[np.int64], first: int, end: int, x: int, y: int) -> int:
    """Add a corner to the chain from ``first`` unless it repeats the last."""
    if end > first and corners[end - 1, 0] == x and corners[end - 1, 1] == y:
        return end
    corners[end, 0] = x
    corners[end, 1] = y
    return end + 1


@inner
def cut_path(
    corners: NDArray[np.int64],
    start: int,
    end: int,
    closed: bool,
    low: int,
    high: int,
    chains: NDArray[np.int64],
    ends: NDArray[np.int64],
    count: int,
) -> int:
    """Add to ``chains`` what of a ring or line lies in the square; return how many there are now.

    Chain ``c`` are the corners from ``ends[c]`` to ``ends[c + 1]``. A ring must have a corner
    outside or none of its edges crosses.
    """
    number = end - start
    begin = 0
    if closed:
        while begin < number and is_within(corners, start + begin, low, high):
            begin += 1
        begin %= number
    a = start + begin
    first = last = ends[count]
    is_in = is_within(corners, a, low, high)
    if is_in:
        last = _put(chains, first, last, corners[a, 0], corners[a, 1])
    for step in range(1, number + (1 if closed else 0)):
        b = start + (begin + step) % number
        ax, ay = corners[a, 0], corners[a, 1]
        bx, by = corners[b, 0], corners[b, 1]
        a = b
        was_in, is_in = is_in, is_within(corners, b, low, high)
        if was_in and is_in:
            last = _put(chains, first, last, bx, by)
            continue
        if not was_in:
            comes, x, y = _crossing(ax, ay, bx, by, low, high)
            if is_in and not comes:  # lost to rounding: it comes in where the corner is nearest
                x, y = min(max(x, low), high), min(max(y, low), high)
            elif not comes:
                continue
            last = _put(chains, first, last, x, y)
        if is_in:
            last = _put(chains, first, last, bx, by)
            continue
        goes, x, y = _crossing(bx, by, ax, ay, low, high)
        if not goes and not was_in:
            last = first  # past a corner of the square
            continue
        last = _put(chains, first, last, min(max(x, low), high), min(max(y, low), high))
        if last - first > 1:
            count += 1
            ends[count] = first = last
        else:
            last = first  # touches the edge only
    if is_in and not closed and last - first > 1:
        count += 1
        ends[count] = last
    return count


@inner
def _along(x: int, y: int, low: int, high: int) -> int:
    """Return how far a place on the edge lies from the upper left corner, clockwise."""
    side = high - low
    if y == low:
        return x - low
    if x == high:
        return side + y - low
    if y == high:
        return 2 * side + high - x
    return 3 * side + high - y


@inner
def join_chains(
    chains: NDArray[np.int64],
    ends: NDArray[np.int64],
    count: int,
    low: int,
    high: int,
    following: NDArray[np.int64],
) -> bool:
    """Find the chain that each one goes on with, clockwise along the edge, into ``following``.

    Where the chain ends the polygon lies ahead on the edge, where one begins it lies behind, so
    ends and beginnings take turns. Those at the same place may come in any order. Return False
    where they do not take turns: the polygon was not valid, or nothing on the edge tells.
    """
    place = np.empty(2 * count, np.int64)
    for c in range(count):
        place[c] = _along(chains[ends[c + 1] - 1, 0], chains[ends[c + 1] - 1, 1], low, high)
        place[count + c] = _along(chains[ends[c], 0], chains[ends[c], 1], low, high)
    order = np.argsort(place)
    total = 2 * count
    begin = -1
    i = 0
    while i < total:  # a place where more chains end than begin: before it is outside
        j = i
        net = 0
        while j < total and place[order[j]] == place[order[i]]:
            net += 1 if order[j] < count else -1
            j += 1
        if net > 1 or net < -1:
            return False
        if net == 1 and begin < 0:
            begin = i
        i = j
    if begin < 0:
        return False
    pending = -1
    i = begin
    for _ in range(total):
        if i >= begin + total:
            break
        j = i
        while j < begin + total and place[order[j % total]] == place[order[i % total]]:
            j += 1
        # Of one place: an end and a beginning by turns, whichever is due.
        done = 0
        while done < j - i:
            found = False
            for k in range(i, j):
                event = order[k % total]
                if place[event] < 0:
                    continue
                if (event < count) == (pending < 0):
                    if event < count:
                        pending = event
                    else:
                        following[pending] = event - count
                        pending = -1
                    place[event] = -1 - place[event]
                    done += 1
                    found = True
                    break
            if not found:
                return False
        i = j
    return pending < 0


@inner
def ring_of(
    chains: NDArray[np.int64],
    ends: NDArray[np.int64],
    begin: int,
    following: NDArray[np.int64],
    low: int,
    high: int,
    corners: NDArray[np.int64],
) -> int:
    """Lay the chains from ``begin`` on to a ring; they are taken out of ``following`` (-1)."""
    side = high - low
    end = 0
    chain = begin
    while following[chain] >= 0:
        for i in range(ends[chain], ends[chain + 1]):
            corners[end] = chains[i]
            end += 1
        following_chain = following[chain]
        following[chain] = -1
        here = _along(corners[end - 1, 0], corners[end - 1, 1], low, high)
        first = ends[following_chain]
        there = _along(chains[first, 0], chains[first, 1], low, high)
        if there < here:
            there += 4 * side
        corner = here // side + 1
        while corner * side < there:
            quarter = corner % 4
            corners[end, 0] = low if quarter == 0 or quarter == 3 else high
            corners[end, 1] = low if quarter < 2 else high
            end += 1
            corner += 1
        chain = following_chain
    return end


@inner
def cut_ring(
    corners: NDArray[np.int64],
    start: int,
    end: int,
    low: int,
    high: int,
    cut: NDArray[np.int64],
    spare: NDArray[np.int64],
) -> int:
    """Cut one ring side by side, for polygons that `join_chains` refuses; return its corners.

    The area is right; parts hang together by lines to and fro along the edge.
    """
    count = end - start
    for i in range(count):
        cut[i] = corners[start + i]
    for side in range(4):
        axis = side % 2
        bound = low if side < 2 else high
        sign = 1 if side < 2 else -1
        for i in range(count):
            spare[i] = cut[i]
        kept = 0
        for i in range(count):
            j = i - 1 if i else count - 1
            was_in = sign * (spare[j, axis] - bound) >= 0
            is_in = sign * (spare[i, axis] - bound) >= 0
            if was_in != is_in:
                other = 1 - axis
                cut[kept, axis] = bound
                cut[kept, other] = _level(
                    spare[j, axis], spare[j, other], spare[i, axis], spare[i, other], bound
                )
                kept += 1
            if is_in:
                cut[kept] = spare[i]
                kept += 1
        count = kept
    return count
