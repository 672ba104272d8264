"""Which nodes of a network go, and in which order: dead ends, inner nodes of streets, crossings.

A node that goes has arcs up, to its neighbours that stay; these are joined by the way over it.
`contraction` puts parts together. Compiled functions pass arrays, not tuples of them, to each
other: counting who holds a tuple takes as long as the work itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled, inlined
from gis.network.search import MAX_CM

_SLOTS: Final = 10
"""Neighbours a crossing can hold; one with more stays in the core, its links in a list."""

_MOST: Final = 4
"""A crossing with more neighbours than this is not taken out: it would join too many."""

_FIXED: Final = 1_000_000
"""Added to the degree of a node with links to another part, which must not go yet."""


class Eliminated(NamedTuple):
    """The nodes that went, in that order: ``rank`` (n,) of each node, -1 while it stays.

    ``node`` (n,) by rank; the arcs up of rank r are ``arcs`` (m, 2) of node and cm from
    ``first[r]`` to ``first[r + 1]``; ``used`` counts ranks and arcs.
    """

    rank: NDArray[np.int32]
    node: NDArray[np.int32]
    first: NDArray[np.int32]
    arcs: NDArray[np.int32]
    used: NDArray[np.int64]


class _Crossings(NamedTuple):
    """The nodes that are left when dead ends and inner nodes of streets are gone.

    ``node`` (c,); their neighbours are ``near`` (c, slots, 2) of crossing and cm, of which
    ``held`` (c,) are used. A crossing with too many is full: ``held`` is beyond the slots, and
    only its neighbours hold the link. Links between two full ones are rows of ``spare``.
    """

    node: NDArray[np.int32]
    near: NDArray[np.int32]
    held: NDArray[np.int32]
    spare: NDArray[np.int32]
    spares: NDArray[np.int64]
    stays: NDArray[np.bool_]


@compiled
def arcs_of(
    links: NDArray[np.int32], low: int, nodes: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return ``first`` and ``arcs`` of links (m, 3) among nodes that are numbered from ``low``."""
    first = np.zeros(nodes + 1, np.int32)
    for i in range(len(links)):
        first[links[i, 0] - low + 1] += 1
        first[links[i, 1] - low + 1] += 1
    for v in range(nodes):
        first[v + 1] += first[v]
    arcs = np.empty((first[nodes], 2), np.int32)
    for i in range(len(links)):
        for side in range(2):
            v = links[i, side] - low
            arc = first[v]
            arcs[arc, 0] = links[i, 1 - side] - low
            arcs[arc, 1] = links[i, 2]
            first[v] = arc + 1
    for v in range(nodes, 0, -1):
        first[v] = first[v - 1]
    first[0] = 0
    return first, arcs


@inlined
def _take_out(
    v: int,
    rank: NDArray[np.int32],
    node: NDArray[np.int32],
    up_first: NDArray[np.int32],
    used: NDArray[np.int64],
) -> None:
    rank[v] = used[0]
    node[used[0]] = v
    up_first[used[0]] = used[1]
    used[0] += 1


@inlined
def _arc_up(t: int, cm: int, up: NDArray[np.int32], used: NDArray[np.int64]) -> None:
    """Give the node taken out last an arc to one that stays."""
    up[used[1], 0] = t
    up[used[1], 1] = cm
    used[1] += 1


@compiled
def _take_dead_ends(
    first: NDArray[np.int32], arcs: NDArray[np.int32], degree: NDArray[np.int32], out: Eliminated
) -> None:
    rank, node, up_first, up, used = out
    for start in range(len(degree)):
        v = start
        while rank[v] < 0 and degree[v] <= 1:
            _take_out(v, rank, node, up_first, used)
            if degree[v] == 0:
                break
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                if rank[t] < 0:
                    _arc_up(t, arcs[arc, 1], up, used)
                    degree[t] -= 1
                    v = t
                    break


@inlined
def _take_street(
    start: int,
    arc: int,
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    degree: NDArray[np.int32],
    rank: NDArray[np.int32],
    node: NDArray[np.int32],
    up_first: NDArray[np.int32],
    up: NDArray[np.int32],
    used: NDArray[np.int64],
) -> tuple[int, int]:
    """Take out the inner nodes of the street that leaves ``start`` by ``arc``.

    Returns its other end and its length, which counts no farther than just beyond MAX_CM.
    """
    v = arcs[arc, 0]
    step = arcs[arc, 1]
    before = start
    total = step
    while degree[v] == 2 and v != start:
        there = v
        onward = step
        came = False
        for other in range(first[v], first[v + 1]):
            t = arcs[other, 0]
            if t == before:
                if not came and arcs[other, 1] == step:
                    came = True  # the way back; a second link there leads on, round a ring
                    continue
            elif rank[t] >= 0:
                continue
            there = t
            onward = arcs[other, 1]
        _take_out(v, rank, node, up_first, used)
        if total <= MAX_CM:
            _arc_up(start, total, up, used)
        _arc_up(there, onward, up, used)
        total = min(total + onward, MAX_CM + 1)
        before = v
        step = onward
        v = there
    return v, total


@inlined
def _spare(a: int, b: int, cm: int, spare: NDArray[np.int32], spares: NDArray[np.int64]) -> None:
    spare[spares[0], 0] = a
    spare[spares[0], 1] = b
    spare[spares[0], 2] = cm
    spares[0] += 1


@compiled
def _fill_up(
    a: int,
    near: NDArray[np.int32],
    held: NDArray[np.int32],
    spare: NDArray[np.int32],
    spares: NDArray[np.int64],
) -> None:
    """Make a crossing full, which holds no links itself."""
    held[a] = _SLOTS + 1
    for i in range(_SLOTS):
        if held[near[a, i, 0]] > _SLOTS:
            _spare(a, near[a, i, 0], near[a, i, 1], spare, spares)


@inlined
def _join(
    a: int,
    b: int,
    cm: int,
    near: NDArray[np.int32],
    held: NDArray[np.int32],
    spare: NDArray[np.int32],
    spares: NDArray[np.int64],
) -> None:
    """Link two crossings, by the shorter of two links, unless no way may be that long."""
    if a != b and cm <= MAX_CM:
        for side in range(2):
            here = b if side else a
            there = a if side else b
            count = held[here]
            place = 0
            while place < min(count, _SLOTS) and near[here, place, 0] != there:
                place += 1
            if count > _SLOTS:
                pass
            elif place < count:
                near[here, place, 1] = min(near[here, place, 1], cm)
            elif count < _SLOTS:
                near[here, count, 0] = there
                near[here, count, 1] = cm
                held[here] = count + 1
            else:
                _fill_up(here, near, held, spare, spares)
        if held[a] > _SLOTS and held[b] > _SLOTS:
            _spare(a, b, cm, spare, spares)


@compiled
def _take_streets(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    degree: NDArray[np.int32],
    stays: NDArray[np.bool_],
    out: Eliminated,
) -> _Crossings:
    """Take out the inner nodes of streets, and link the crossings that are left."""
    rank, node, up_first, up, used = out
    nodes = len(degree)
    number = np.full(nodes, -1, np.int32)
    count = 0
    for v in range(nodes):
        if rank[v] < 0 and degree[v] > 2:
            number[v] = count
            count += 1
    left = _Crossings(
        np.empty(count, np.int32),
        np.empty((count, _SLOTS, 2), np.int32),
        np.zeros(count, np.int32),
        np.empty((len(arcs) + (_SLOTS + _MOST * _MOST) * count, 3), np.int32),
        np.zeros(1, np.int64),
        np.zeros(count, np.bool_),
    )
    crossing, near, held, spare, spares, left_stays = left
    for v in range(nodes):
        if number[v] < 0:
            continue
        crossing[number[v]] = v
        left_stays[number[v]] = stays[v]
        for arc in range(first[v], first[v + 1]):
            t = arcs[arc, 0]
            if rank[t] >= 0 or (number[t] >= 0 and t < v):
                continue
            end, cm = _take_street(v, arc, first, arcs, degree, rank, node, up_first, up, used)
            _join(number[v], number[end], cm, near, held, spare, spares)
    for v in range(nodes):  # rings without a crossing
        if rank[v] < 0 and number[v] < 0:
            for arc in range(first[v], first[v + 1]):
                if rank[arcs[arc, 0]] < 0:
                    _take_street(v, arc, first, arcs, degree, rank, node, up_first, up, used)
            _take_out(v, rank, node, up_first, used)
    return left


@inlined
def _has_room(v: int, near: NDArray[np.int32], held: NDArray[np.int32]) -> bool:
    """Whether all neighbours of ``v`` could hold the links that its going would give them."""
    for i in range(held[v]):
        a = near[v, i, 0]
        if held[a] > _SLOTS:
            continue
        room = _SLOTS + 1 - held[a]
        for j in range(held[v]):
            if j == i:
                continue
            room -= 1
            for q in range(held[a]):
                if near[a, q, 0] == near[v, j, 0]:
                    room += 1
                    break
        if room < 0:
            return False
    return True


@inlined
def _forget(a: int, v: int, near: NDArray[np.int32], held: NDArray[np.int32]) -> None:
    """Take the link to ``v`` from crossing ``a``."""
    last = held[a] - 1
    if last >= _SLOTS:
        return
    for i in range(last + 1):
        if near[a, i, 0] == v:
            near[a, i, 0] = near[a, last, 0]
            near[a, i, 1] = near[a, last, 1]
            break
    held[a] = last


@compiled
def _take_crossings(left: _Crossings, out: Eliminated) -> None:
    """Take out crossings, those with the fewest neighbours first."""
    rank, node, up_first, up, used = out
    crossing, near, held, spare, spares, stays = left
    gone = np.zeros(len(crossing), np.bool_)
    stack = np.empty(len(crossing) + 1, np.int32)
    waits = np.zeros(len(crossing), np.bool_)
    for most in range(1, _MOST + 1):
        for start in range(len(crossing)):
            stack[0] = start
            height = 1
            while height > 0:
                height -= 1
                v = stack[height]
                waits[v] = False
                if gone[v] or held[v] > most or stays[v]:
                    continue
                if held[v] > 2 and not _has_room(v, near, held):
                    continue
                gone[v] = True
                _take_out(crossing[v], rank, node, up_first, used)
                for i in range(held[v]):
                    _arc_up(crossing[near[v, i, 0]], near[v, i, 1], up, used)
                    _forget(near[v, i, 0], v, near, held)
                for i in range(held[v]):
                    for j in range(i):
                        cm = near[v, i, 1] + near[v, j, 1]
                        _join(near[v, i, 0], near[v, j, 0], cm, near, held, spare, spares)
                for i in range(held[v]):
                    a = near[v, i, 0]
                    if held[a] <= most and not waits[a]:
                        waits[a] = True
                        stack[height] = a
                        height += 1


@compiled
def _links_left(
    left: _Crossings, rank: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the nodes (c,) that are still there, and their links (m, 3): two of these, and cm."""
    number = np.full(len(left.node), -1, np.int32)
    count = 0
    most = left.spares[0]
    for i in range(len(left.node)):
        if rank[left.node[i]] < 0:
            number[i] = count
            count += 1
            most += min(left.held[i], _SLOTS)
    nodes = np.empty(count, np.int32)
    links = np.empty((most, 3), np.int32)
    used = 0
    for i in range(len(left.node)):
        if number[i] < 0:
            continue
        nodes[number[i]] = left.node[i]
        if left.held[i] > _SLOTS:
            continue
        for q in range(left.held[i]):
            t = left.near[i, q, 0]
            if t > i or left.held[t] > _SLOTS:
                links[used, 0] = number[i]
                links[used, 1] = number[t]
                links[used, 2] = left.near[i, q, 1]
                used += 1
    for row in range(left.spares[0]):
        links[used, 0] = number[left.spare[row, 0]]
        links[used, 1] = number[left.spare[row, 1]]
        links[used, 2] = left.spare[row, 2]
        used += 1
    return nodes, links[:used]


def take_out(
    links: NDArray[np.int32], stays: NDArray[np.bool_], low: int
) -> tuple[Eliminated, NDArray[np.int32], NDArray[np.int32]]:
    """Take nodes out of the nodes from ``low`` on; the numbers told are counted from there.

    Parameters
    ----------
    links
        (m, 3) node, node, cm; both nodes are of these.
    stays
        (n,) which of these nodes must not go.
    low
        Number of the first node.

    Returns
    -------
    What went, the nodes (c,) that are left, and their links (m, 3): two of these, and cm.
    """
    nodes = len(stays)
    first, arcs = arcs_of(links, low, nodes)
    degree = np.diff(first)
    inner = int((degree <= 2).sum())
    degree[stays] += _FIXED
    # Dead ends have one arc, inner nodes of streets two, crossings no more than they may hold.
    arcs_up = 2 * nodes + (_MOST - 2) * (nodes - inner)
    out = Eliminated(
        np.full(nodes, -1, dtype=np.int32),
        np.empty(nodes, dtype=np.int32),
        np.empty(nodes + 1, dtype=np.int32),
        np.empty((arcs_up, 2), dtype=np.int32),
        np.zeros(2, dtype=np.int64),
    )
    _take_dead_ends(first, arcs, degree, out)
    left = _take_streets(first, arcs, degree, stays, out)
    _take_crossings(left, out)
    out.first[out.used[0]] = out.used[1]
    there, between = _links_left(left, out.rank)
    return out, there, between
