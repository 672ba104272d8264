"""Compiled repair of a reach: what an edit makes shorter spreads, what it makes longer is redone.

Distances are whole centimetres, ``FAR`` where nothing is reached. The arcs of a node are those of
the network, from ``first[v]`` on, and those added, a list from ``head[v]`` on through ``extra``
(rows of next, node, cm, link). The way is the one in which the search follows them, away from the
sources; the ``back`` arcs are the same the other way. ``shut`` says which links are closed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled

FAR: Final = np.int32(2**31 - 1)
_LOW: Final = 2**32 - 1


@compiled
def _push(heap: NDArray[np.int64], size: int, cm: int, node: int) -> NDArray[np.int64]:
    """Put a node into the heap (size entries so far); return the heap, which may be a larger one.

    An entry is the distance above the node in 64 bits, so that numbers compare as pairs would.
    """
    if size == len(heap):
        larger = np.empty(2 * size, np.int64)
        larger[:size] = heap
        heap = larger
    key = (np.int64(cm) << 32) | np.int64(node)
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[above] <= key:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = key
    return heap


@compiled
def _pop(heap: NDArray[np.int64], size: int) -> int:
    """Take the least entry out of a heap of ``size`` entries."""
    least = heap[0]
    last = heap[size - 1]
    size -= 1
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= last:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = last
    return int(least)


@compiled
def _write(
    log: NDArray[np.int32], logged: int, row: int, node: int, before: int
) -> NDArray[np.int32]:
    """Note what stood at a node; return the log, which may be a larger one."""
    if logged == len(log):
        larger = np.empty((2 * logged, 3), np.int32)
        larger[:logged] = log
        log = larger
    log[logged, 0] = row
    log[logged, 1] = node
    log[logged, 2] = before
    return log


@compiled
def _settle(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    head: NDArray[np.int32],
    extra: NDArray[np.int32],
    shut: NDArray[np.bool_],
    reached: NDArray[np.int32],
    limit: int,
    heap: NDArray[np.int64],
    size: int,
    row: int,
    log: NDArray[np.int32],
    logged: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
    """Spread shorter ways from the nodes in the heap, whose own values stand already."""
    given = len(first) - 1
    while size > 0:
        key = _pop(heap, size)
        size -= 1
        v = key & _LOW
        here = key >> 32
        if here > reached[v]:
            continue
        if v < given:
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                there = here + arcs[arc, 1]
                if there > limit or there >= reached[t] or shut[link[arc]]:
                    continue
                log = _write(log, logged, row, t, reached[t])
                logged += 1
                reached[t] = there
                heap = _push(heap, size, there, t)
                size += 1
        at = head[v]
        while at >= 0:
            t = extra[at, 1]
            there = here + extra[at, 2]
            if there <= limit and there < reached[t] and not shut[extra[at, 3]]:
                log = _write(log, logged, row, t, reached[t])
                logged += 1
                reached[t] = there
                heap = _push(heap, size, there, t)
                size += 1
            at = extra[at, 0]
    return heap, log, logged


@compiled
def improve(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    head: NDArray[np.int32],
    extra: NDArray[np.int32],
    shut: NDArray[np.bool_],
    cm: NDArray[np.int32],
    limits: NDArray[np.int64],
    new: NDArray[np.int32],
    sources: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Repair all rows after the arcs ``new`` (m, 3) and ``sources`` (s, 2: row, node) have come.

    An arc is from, to, cm. Returns what stood there before: (n, 3) of row, node, cm, in the order
    of writing.
    """
    log = np.empty((1024, 3), np.int32)
    logged = 0
    heap = np.empty(1024, np.int64)
    for row in range(len(cm)):
        reached = cm[row]
        size = 0
        for i in range(len(sources)):
            v = sources[i, 1]
            if sources[i, 0] == row and reached[v] > 0:
                log = _write(log, logged, row, v, reached[v])
                logged += 1
                reached[v] = 0
                heap = _push(heap, size, 0, v)
                size += 1
        for i in range(len(new)):
            if reached[new[i, 0]] == FAR:
                continue
            t = new[i, 1]
            there = reached[new[i, 0]] + new[i, 2]
            if there > limits[row] or there >= reached[t]:
                continue
            log = _write(log, logged, row, t, reached[t])
            logged += 1
            reached[t] = there
            heap = _push(heap, size, there, t)
            size += 1
        heap, log, logged = _settle(
            first, arcs, link, head, extra, shut, reached, limits[row], heap, size, row, log, logged
        )
    return log[:logged].copy()


@compiled
def _vouched(
    v: int,
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    head: NDArray[np.int32],
    extra: NDArray[np.int32],
    shut: NDArray[np.bool_],
    reached: NDArray[np.int32],
    lost: NDArray[np.bool_],
) -> bool:
    """Say whether a strictly nearer node that is not lost leads to v on a shortest way."""
    here = reached[v]
    if v < len(first) - 1:
        for arc in range(first[v], first[v + 1]):
            p = arcs[arc, 0]
            nearer = reached[p] < here and not lost[p] and not shut[link[arc]]
            if nearer and reached[p] + arcs[arc, 1] == here:
                return True
    at = head[v]
    while at >= 0:
        p = extra[at, 1]
        nearer = reached[p] < here and not lost[p] and not shut[extra[at, 3]]
        if nearer and reached[p] + extra[at, 2] == here:
            return True
        at = extra[at, 0]
    return False


@compiled
def _around(
    v: int,
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    head: NDArray[np.int32],
    extra: NDArray[np.int32],
    shut: NDArray[np.bool_],
    reached: NDArray[np.int32],
) -> int:
    """Return the shortest way to v over what is reached around it; FAR or more: none."""
    best = np.int64(FAR)
    if v < len(first) - 1:
        for arc in range(first[v], first[v + 1]):
            there = np.int64(reached[arcs[arc, 0]]) + arcs[arc, 1]
            if there < best and not shut[link[arc]]:
                best = there
    at = head[v]
    while at >= 0:
        there = np.int64(reached[extra[at, 1]]) + extra[at, 2]
        if there < best and not shut[extra[at, 3]]:
            best = there
        at = extra[at, 0]
    return int(best)


@compiled
def _lose(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    head: NDArray[np.int32],
    extra: NDArray[np.int32],
    back_first: NDArray[np.int32],
    back_arcs: NDArray[np.int32],
    back_link: NDArray[np.int32],
    back_head: NDArray[np.int32],
    back_extra: NDArray[np.int32],
    shut: NDArray[np.bool_],
    reached: NDArray[np.int32],
    held: NDArray[np.bool_],
    lost: NDArray[np.bool_],
    heap: NDArray[np.int64],
    size: int,
) -> NDArray[np.int32]:
    """Find and mark the nodes that have lost every shortest way, from the heap on."""
    found = np.empty(256, np.int32)
    count = 0
    while size > 0:
        key = _pop(heap, size)
        size -= 1
        v = key & _LOW
        if (
            lost[v]
            or held[v]
            or _vouched(
                v, back_first, back_arcs, back_link, back_head, back_extra, shut, reached, lost
            )
        ):
            continue
        lost[v] = True
        if count == len(found):
            larger = np.empty(2 * count, np.int32)
            larger[:count] = found
            found = larger
        found[count] = v
        count += 1
        here = reached[v]
        if v < len(first) - 1:
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                if here + arcs[arc, 1] == reached[t] and not lost[t] and not shut[link[arc]]:
                    heap = _push(heap, size, reached[t], t)
                    size += 1
        at = head[v]
        while at >= 0:
            t = extra[at, 1]
            if here + extra[at, 2] == reached[t] and not lost[t] and not shut[extra[at, 3]]:
                heap = _push(heap, size, reached[t], t)
                size += 1
            at = extra[at, 0]
    return found[:count]


@compiled
def worsen(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    head: NDArray[np.int32],
    extra: NDArray[np.int32],
    back_first: NDArray[np.int32],
    back_arcs: NDArray[np.int32],
    back_link: NDArray[np.int32],
    back_head: NDArray[np.int32],
    back_extra: NDArray[np.int32],
    shut: NDArray[np.bool_],
    cm: NDArray[np.int32],
    held: NDArray[np.bool_],
    limits: NDArray[np.int64],
    lost: NDArray[np.bool_],
    gone: NDArray[np.int32],
    sources: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Repair all rows after the arcs ``gone`` (m, 3) are shut and ``sources`` (s, 2) are no more.

    Returns what stood there before, as `improve` does. ``lost`` is all False before and after.
    """
    log = np.empty((1024, 3), np.int32)
    logged = 0
    heap = np.empty(1024, np.int64)
    for row in range(len(cm)):
        reached = cm[row]
        size = 0
        for i in range(len(sources)):
            if sources[i, 0] == row:
                heap = _push(heap, size, reached[sources[i, 1]], sources[i, 1])
                size += 1
        for i in range(len(gone)):
            t = gone[i, 1]
            if reached[t] != FAR and reached[gone[i, 0]] + np.int64(gone[i, 2]) == reached[t]:
                heap = _push(heap, size, reached[t], t)
                size += 1
        if size == 0:
            continue
        found = _lose(
            first, arcs, link, head, extra, back_first, back_arcs, back_link, back_head, back_extra,
            shut, reached, held[row], lost, heap, size,
        )  # fmt: skip
        for v in found:
            log = _write(log, logged, row, v, reached[v])
            logged += 1
            reached[v] = FAR
            lost[v] = False
        size = 0
        for v in found:
            near = _around(
                v, back_first, back_arcs, back_link, back_head, back_extra, shut, reached
            )
            if near <= limits[row]:
                log = _write(log, logged, row, v, reached[v])
                logged += 1
                reached[v] = near
                heap = _push(heap, size, near, v)
                size += 1
        heap, log, logged = _settle(
            first, arcs, link, head, extra, shut, reached, limits[row], heap, size, row, log, logged
        )
    return log[:logged].copy()


@compiled
def restore(cm: NDArray[np.int32], log: NDArray[np.int32]) -> None:
    """Put back what stood there before, the last written first."""
    for i in range(len(log) - 1, -1, -1):
        cm[log[i, 0], log[i, 1]] = log[i, 2]


@compiled
def take(reach_cm: NDArray[np.int32], limit: int, reached: NDArray[np.int32]) -> None:
    """Copy a row of a reach; what lies beyond the limit is FAR, as all spare nodes are."""
    reached[len(reach_cm) :] = FAR
    for v in range(len(reach_cm)):
        beyond = reach_cm[v] < 0 or reach_cm[v] > limit
        reached[v] = FAR if beyond else reach_cm[v]
