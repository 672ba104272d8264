"""Compiled courses: stretches of lines as lines of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled


@compiled
def courses(
    xy: NDArray[np.float64],
    start: NDArray[np.int64],
    along_m: NDArray[np.float64],
    line: NDArray[np.int32],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cut the stretches from share ``low`` to share ``high`` (m,) of the length of ``line`` (m,).

    ``xy``, ``start`` and ``along_m`` are those of `gis.network.polylines.Polylines`; the result
    has the form of the first two.
    """
    new_start = np.zeros(len(line) + 1, np.int64)
    new_xy = np.empty((4 * len(line) + 64, 2))
    used = 0
    for i in range(len(line)):
        begin = start[line[i]]
        end = start[line[i] + 1]
        if used + end - begin + 2 > len(new_xy):
            larger = np.empty((2 * (used + end - begin + 2), 2))
            larger[:used] = new_xy[:used]
            new_xy = larger
        total = along_m[end - 1]
        a = low[i] * total
        b = high[i] * total
        n = begin
        while n + 2 < end and along_m[n + 1] <= a:
            n += 1
        _between(xy, along_m, n, a, new_xy, used)
        used += 1
        while n + 2 < end and along_m[n + 1] < b:
            n += 1
            new_xy[used] = xy[n]
            used += 1
        _between(xy, along_m, n, b, new_xy, used)
        used += 1
        new_start[i + 1] = used
    return new_xy[:used].copy(), new_start


@compiled
def _between(
    xy: NDArray[np.float64],
    along_m: NDArray[np.float64],
    n: int,
    at_m: float,
    out: NDArray[np.float64],
    place: int,
) -> None:
    """Write the point ``at_m`` on the piece from vertex n to the next."""
    step = along_m[n + 1] - along_m[n]
    if at_m >= along_m[n + 1] or step <= 0.0:
        out[place] = xy[n + 1]
        return
    share = (at_m - along_m[n]) / step
    for k in range(2):
        out[place, k] = xy[n, k] + share * (xy[n + 1, k] - xy[n, k])
