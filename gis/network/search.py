"""Compiled search: centimetres from many sources at once, with a queue of buckets.

Distances are whole centimetres, so that sums are exact and "exactly the limit" has a meaning. A
node waits in the bucket of its distance; buckets are emptied in order, each first in, first out.
A shorter way found later lets the node wait again, so the answer does not depend on the width
of a bucket, which only sets the speed (Dial 1969, "Algorithm 360", with wide buckets).

Each link is two arcs, so that uphill and downhill may differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled

MAX_CM: Final = 2**30 - 1
"""Longest link and farthest limit: the sum of two of them still fits 32 bits."""

BUCKET_BITS: Final = 10
"""Width of a bucket, as a power of two in cm: 10.24 m. On street networks 2^9 to 2^12 are alike."""

_FAR: Final = np.int32(2**31 - 1)


@compiled
def arcs_of(
    nodes: int,
    links: NDArray[np.int32],
    along_cm: NDArray[np.int32],
    against_cm: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Turn links (e, 2) into arcs sorted by their node.

    ``along_cm`` (e,) is the cost of the arc from ``links[:, 0]`` to ``links[:, 1]``, ``against_cm``
    (e,) that of the arc the other way; a negative cost means that there is no such arc.

    Returns ``first`` (nodes + 1,), ``arcs`` (a, 2) of node and cm and ``link`` (a,) the link of
    each arc: the arcs that leave node v are those from ``first[v]`` up to ``first[v + 1]``. Links
    from a node to itself shorten no way and are left out.
    """
    first = np.zeros(nodes + 1, np.int32)
    for i in range(len(links)):
        if links[i, 0] != links[i, 1]:
            if along_cm[i] >= 0:
                first[links[i, 0] + 1] += 1
            if against_cm[i] >= 0:
                first[links[i, 1] + 1] += 1
    for v in range(nodes):
        first[v + 1] += first[v]
    arcs = np.empty((first[nodes], 2), np.int32)
    link = np.empty(first[nodes], np.int32)
    place = first.copy()
    for i in range(len(links)):
        a = links[i, 0]
        b = links[i, 1]
        if a != b:
            if along_cm[i] >= 0:
                arcs[place[a], 0] = b
                arcs[place[a], 1] = along_cm[i]
                link[place[a]] = i
                place[a] += 1
            if against_cm[i] >= 0:
                arcs[place[b], 0] = a
                arcs[place[b], 1] = against_cm[i]
                link[place[b]] = i
                place[b] += 1
    return first, arcs, link


@compiled
def _doubled(entries: NDArray[np.int32]) -> NDArray[np.int32]:
    larger = np.empty((2 * len(entries), 3), np.int32)
    larger[: len(entries)] = entries
    return larger


@compiled
def _append(entry: int, slot: int, entries: NDArray[np.int32], ends: NDArray[np.int32]) -> None:
    """Let an entry wait as the last of its bucket."""
    entries[entry, 0] = -1
    if ends[slot, 1] >= 0:
        entries[ends[slot, 1], 0] = entry
    else:
        ends[slot, 0] = entry
    ends[slot, 1] = entry


@compiled
def _start(sources: NDArray[np.int32], reached: NDArray[np.int32]) -> NDArray[np.int32]:
    """Put each source at 0 cm, and return the different ones."""
    reached[:] = _FAR
    starts = np.empty(len(sources), np.int32)
    count = 0
    for s in sources:
        if reached[s] != 0:
            reached[s] = 0
            starts[count] = s
            count += 1
    return starts[:count]


@compiled
def _mark_beyond(reached: NDArray[np.int32]) -> None:
    for v in range(len(reached)):
        if reached[v] == _FAR:
            reached[v] = -1


@compiled
def spread(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    sources: NDArray[np.int32],
    limit: int,
    slots: int,
    reached: NDArray[np.int32],
) -> None:
    """Fill ``reached`` (v,) with the centimetres from the nearest source, -1 beyond the limit.

    ``slots`` is a power of two; all distances that wait at the same time fit into that many
    buckets, which are used in a circle. ``entries`` are rows of next, node, cm; an entry whose
    node was reached on a shorter way meanwhile is passed over.
    """
    mask = slots - 1
    ends = np.full((slots, 2), -1, np.int32)
    starts = _start(sources, reached)
    used = len(starts)
    entries = np.empty((max(2 * used, 1024), 3), np.int32)
    for i in range(used):
        entries[i, 1] = starts[i]
        entries[i, 2] = 0
        _append(i, 0, entries, ends)
    free = -1
    waiting = used
    turn = 0
    while waiting > 0:
        slot = turn & mask
        while ends[slot, 0] >= 0:
            entry = ends[slot, 0]
            v = entries[entry, 1]
            here = entries[entry, 2]
            ends[slot, 0] = entries[entry, 0]
            if entries[entry, 0] < 0:
                ends[slot, 1] = -1
            entries[entry, 0] = free
            free = entry
            waiting -= 1
            if here > reached[v]:
                continue
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                there = here + arcs[arc, 1]
                if there > limit or there >= reached[t]:
                    continue
                reached[t] = there
                if free >= 0:
                    new = free
                    free = entries[new, 0]
                else:
                    if used == len(entries):
                        entries = _doubled(entries)
                    new = used
                    used += 1
                entries[new, 1] = t
                entries[new, 2] = there
                _append(new, (there >> BUCKET_BITS) & mask, entries, ends)
                waiting += 1
        turn += 1
    _mark_beyond(reached)


@compiled
def to_metres(centimetres: NDArray[np.int32], metres: NDArray[np.float32]) -> None:
    """Write metres (v,) for centimetres (v,); NaN for -1."""
    for v in range(len(centimetres)):
        metres[v] = np.nan if centimetres[v] < 0 else centimetres[v] / 100.0


@compiled
def claim(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    sources: NDArray[np.int32],
    reached: NDArray[np.int32],
    owner: NDArray[np.int32],
) -> None:
    """Fill ``owner`` (v,) with the place in ``sources`` of the nearest one, the first of equals.

    From each source in turn it follows the arcs that lie on shortest ways and takes all nodes not
    yet taken; so each node is visited once, and the earliest source wins a tie.
    """
    owner[:] = -1
    stack = np.empty(len(owner), np.int32)
    for place in range(len(sources)):
        s = sources[place]
        if owner[s] >= 0:
            continue
        owner[s] = place
        stack[0] = s
        height = 1
        while height > 0:
            height -= 1
            v = stack[height]
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                if owner[t] < 0 and reached[v] + arcs[arc, 1] == reached[t]:
                    owner[t] = place
                    stack[height] = t
                    height += 1


def for_each(fill: Callable[[int], None], count: int, *, worth: bool) -> None:
    """Call ``fill`` for 0..count-1; in threads (compiled loops let go of Python) if worth it.

    Threads of Python rather than of numba: several requests may search at the same time, which
    numba's own pool forbids.
    """
    threads = min(count, os.cpu_count() or 1)
    if threads < 2 or not worth:
        for k in range(count):
            fill(k)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(count)))


def slots_for(longest_cm: int, limit_cm: int) -> int:
    """Return how many buckets hold all that waits at once: a power of two."""
    needed = (min(longest_cm, limit_cm) >> BUCKET_BITS) + 3
    return 1 << (needed - 1).bit_length()
