"""Pairs of estates: each once, sorted, and which of them no third estate parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def shortest_pairs(
    a: NDArray[np.int64], b: NDArray[np.int64], metres: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return each pair once, the smaller first, sorted, with the least metres; none with itself."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((metres, high, low))
    order = order[low[order] != high[order]]
    pairs = np.column_stack([low[order], high[order]]).astype(np.int64).reshape(-1, 2)
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[first], np.asarray(metres[order][first], dtype=float)


def place_in(pairs: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (m,) the row of each pair in ``table`` (t, 2), which is sorted; -1 where it is not."""
    if len(table) == 0 or len(pairs) == 0:
        return np.full(len(pairs), -1, dtype=np.int64)
    base = int(max(pairs.max(), table.max())) + 1
    keys = table[:, 0] * base + table[:, 1]
    asked = pairs[:, 0] * base + pairs[:, 1]
    row = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[row] == asked, row, -1)


def unparted(pairs: NDArray[np.int64], gap_m: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say of which pairs no third estate lies in between.

    A third one lies between two when it is so near to both that the squares of its gaps add up to
    less than the square of theirs (for points: it is within the circle whose diameter joins them,
    Gabriel and Sokal 1969). Each estate keeps its nearest one, and what hangs together by pairs
    within reach hangs together by the pairs that are left.

    Parameters
    ----------
    pairs
        (m, 2) all pairs of estates within reach, the smaller first, sorted, each once.
    gap_m
        (m,) how far their outlines are apart.
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    gap = np.concatenate([gap_m, gap_m])
    order = np.lexsort((gap, both[:, 0]))
    both, gap = both[order], gap[order]
    size = int(both.max(initial=-1)) + 1
    first = np.searchsorted(both[:, 0], np.arange(size + 1))
    out = np.ones(len(pairs), dtype=bool)
    # Each pair asks what is nearer to its first estate than its second one is.
    count = np.zeros(len(pairs), dtype=np.int64)
    key = both[:, 0] * (gap.max(initial=0.0) + 1.0) + gap
    a, b = pairs[:, 0], pairs[:, 1]
    end = np.searchsorted(key, a * (gap.max(initial=0.0) + 1.0) + gap_m, side="left")
    count = np.maximum(end - first[a], 0) if len(pairs) else count
    pair = np.repeat(np.arange(len(pairs)), count)
    nth = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count) + first[a[pair]]
    third = both[nth, 1]
    asked = np.column_stack([np.minimum(third, b[pair]), np.maximum(third, b[pair])])
    row = place_in(asked.reshape(-1, 2), pairs)
    known = row >= 0
    nearer = np.zeros(len(pair), dtype=bool)
    nearer[known] = gap[nth[known]] ** 2 + gap_m[row[known]] ** 2 < gap_m[pair[known]] ** 2
    out[pair[nearer]] = False
    return out
