"""Compiled parts: rings into shells with their holes, without what no street enters."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.isochrones.cutting import is_within, side

_STRAIGHT_M: Final = 0.005
"""Vertices this close to a straight line are left out; blockers are grown by more than that."""

_LONGEST_RUN: Final = 32


@compiled
def straightened(
    out: NDArray[np.float64], first: NDArray[np.int32], rings: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Leave out vertices of the outline that lie on straight lines: xy (n, 2) and ring starts."""
    xy = np.empty((first[rings], 2))
    new_first = np.zeros(rings + 1, np.int32)
    used = 0
    for k in range(rings):
        begin = used
        last = first[k]
        xy[used, 0] = out[last, 0]
        xy[used, 1] = out[last, 1]
        used += 1
        for n in range(first[k] + 1, first[k + 1]):
            m = n + 1 if n + 1 < first[k + 1] else first[k]
            far = np.hypot(out[m, 0] - out[last, 0], out[m, 1] - out[last, 1])
            straight = out[n, 2] > 0 and n - last < _LONGEST_RUN and used - begin > 0
            i = n
            while straight and i > last:
                area = side(out[last, 0], out[last, 1], out[m, 0], out[m, 1], out[i, 0], out[i, 1])
                straight = abs(area) <= _STRAIGHT_M * far
                i -= 1
            if not straight:
                xy[used, 0] = out[n, 0]
                xy[used, 1] = out[n, 1]
                used += 1
                last = n
        if used - begin < 3:
            # A ring of so little has no inside to speak of.
            used = begin
        new_first[k + 1] = used
    return xy, new_first


@compiled
def _areas(xy: NDArray[np.float64], first: NDArray[np.int32], rings: int) -> NDArray[np.float64]:
    area = np.zeros(rings)
    for k in range(rings):
        a = first[k]
        total = 0.0
        for n in range(a + 1, first[k + 1] - 1):
            total += side(xy[a, 0], xy[a, 1], xy[n, 0], xy[n, 1], xy[n + 1, 0], xy[n + 1, 1])
        area[k] = total / 2
    return area


@compiled
def _shells(
    xy: NDArray[np.float64], first: NDArray[np.int32], area: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return for each ring the least shell around it, itself for a shell, -1 for none."""
    rings = len(area)
    shell = np.full(rings, -1, np.int32)
    for k in range(rings):
        if area[k] > 0:
            shell[k] = k
    order = np.flatnonzero(area > 0)
    order = order[np.argsort(area[order])]
    for k in range(rings):
        if area[k] >= 0:
            continue
        x, y = xy[first[k]]
        for j in order:
            # Rings do not cross, so a hole is in one of several shells, and in the only one.
            around = len(order) == 1
            if not around and area[j] > -area[k]:
                around = is_within(x, y, xy, first[j], first[j + 1])
            if around:
                shell[k] = j
                break
    return shell


@compiled
def _has_street(
    ring: int,
    xy: NDArray[np.float64],
    first: NDArray[np.int32],
    shell: NDArray[np.int32],
    segments: NDArray[np.float64],
    step_m: float,
) -> bool:
    """Whether a segment (x, y, x, y) enters a part, looked at every ``step_m`` or closer."""
    part = xy[first[ring] : first[ring + 1]]
    left = part[:, 0].min()
    right = part[:, 0].max()
    low = part[:, 1].min()
    high = part[:, 1].max()
    for s in range(len(segments)):
        ax, ay, bx, by = segments[s]
        if max(ax, bx) < left or min(ax, bx) > right or max(ay, by) < low or min(ay, by) > high:
            continue
        steps = int(np.hypot(bx - ax, by - ay) / step_m) + 1
        for i in range(steps + 1):
            x = ax + (bx - ax) * i / steps
            y = ay + (by - ay) * i / steps
            if not is_within(x, y, xy, first[ring], first[ring + 1]):
                continue
            free = True
            for k in range(len(shell)):
                if k != ring and shell[k] == ring:
                    free = free and not is_within(x, y, xy, first[k], first[k + 1])
            if free:
                return True
    return False


class Found(NamedTuple):
    """What was drawn so far: closed rings one after the other, and how many of each."""

    xy: NDArray[np.float64]
    ring_size: NDArray[np.int64]
    part_rings: NDArray[np.int64]


@compiled
def _room(found: Found, points: int, rings: int, more_points: int, more_rings: int) -> Found:
    xy, ring_size, part_rings = found
    if points + more_points > len(xy):
        xy = np.empty((2 * (points + more_points), 2))
        xy[:points] = found.xy[:points]
    if rings + more_rings > len(ring_size):
        ring_size = np.empty(2 * (rings + more_rings), np.int64)
        ring_size[:rings] = found.ring_size[:rings]
        part_rings = np.empty(2 * (rings + more_rings), np.int64)
        part_rings[: len(found.part_rings)] = found.part_rings
    return Found(xy, ring_size, part_rings)


@compiled
def add_parts(
    found: Found,
    used: NDArray[np.int64],
    xy: NDArray[np.float64],
    first: NDArray[np.int32],
    segments: NDArray[np.float64],
    step_m: float,
) -> Found:
    """Add each shell with its holes; ``used`` counts points, rings and parts.

    With a ``step_m`` above 0, parts that no segment enters are left out.
    """
    rings = len(first) - 1
    found = _room(found, used[0], used[1], first[rings] + rings, rings)
    shell = _shells(xy, first, _areas(xy, first, rings))
    for k in range(rings):
        if shell[k] != k or (step_m > 0 and not _has_street(k, xy, first, shell, segments, step_m)):
            continue
        own = 0
        for turn in range(2):
            for j in range(rings):
                if shell[j] != k or (j == k) != (turn == 0):
                    continue
                size = first[j + 1] - first[j]
                found.xy[used[0] : used[0] + size] = xy[first[j] : first[j + 1]]
                found.xy[used[0] + size] = xy[first[j]]
                found.ring_size[used[1]] = size + 1
                used[0] += size + 1
                used[1] += 1
                own += 1
        found.part_rings[used[2]] = own
        used[2] += 1
    return found
