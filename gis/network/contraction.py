"""Most nodes of a network taken out once, so that searches run over what is left.

Taking a node out joins its neighbours by the way over it, so that nothing between the others gets
longer or shorter. Dead ends go first, then the inner nodes of streets, then crossings with few
neighbours; what is left, a few nodes in a hundred, is the core. A search then sweeps once up (from
each node to its neighbours that went later), searches the core, and sweeps once down; see `sweep`.
(Geisberger et al. 2008, "Contraction hierarchies"; as in Dibbelt et al. 2016, "Customizable
contraction hierarchies", no ways are compared when a node goes, so nothing depends on a limit.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.network.search import MAX_CM, compiled, for_each, inlined

_SLOTS: Final = 10
"""Neighbours a crossing can hold; one with more stays in the core, its links in a list."""

_MOST: Final = 4
"""A crossing with more neighbours than this is not taken out: it would join too many."""

PART_BITS: Final = 16
"""Nodes of a part, as a power of two. Parts are contracted side by side and fit the cache."""

_FIXED: Final = 1_000_000
"""Added to the degree of a node with links to another part, which must not go yet."""


class _Eliminated(NamedTuple):
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


@inlined
def _spread_bits(x: Any) -> Any:
    """Put a zero before each of the lowest 16 bits."""
    x = (x | (x << 8)) & 0x00FF00FF
    x = (x | (x << 4)) & 0x0F0F0F0F
    x = (x | (x << 2)) & 0x33333333
    return (x | (x << 1)) & 0x55555555


@compiled
def places_of(xy: NDArray[np.float64], bits: int) -> NDArray[np.int32]:
    """Number nodes so that near ones have near numbers: cells of 2^bits by 2^bits in Z-order."""
    nodes = len(xy)
    place = np.empty(nodes, np.int32)
    if nodes == 0:
        return place
    low_x = high_x = xy[0, 0]
    low_y = high_y = xy[0, 1]
    for v in range(nodes):
        low_x = min(low_x, xy[v, 0])
        high_x = max(high_x, xy[v, 0])
        low_y = min(low_y, xy[v, 1])
        high_y = max(high_y, xy[v, 1])
    width = max(high_x - low_x, high_y - low_y)
    scale = ((1 << bits) - 1) / width if width > 0 else 0.0
    first = np.zeros((1 << (2 * bits)) + 1, np.int32)
    cell = np.empty(nodes, np.int32)
    for v in range(nodes):
        column = np.int64((xy[v, 0] - low_x) * scale)
        row = np.int64((xy[v, 1] - low_y) * scale)
        cell[v] = _spread_bits(column) | (_spread_bits(row) << 1)
        first[cell[v] + 1] += 1
    for c in range(len(first) - 1):
        first[c + 1] += first[c]
    for v in range(nodes):
        place[v] = first[cell[v]]
        first[cell[v]] += 1
    return place


@compiled
def _by_part(
    links: NDArray[np.int32],
    cost_cm: NDArray[np.int32],
    place: NDArray[np.int32],
    part_bits: int,
    start: NDArray[np.int64],
    stays: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Return rows of place, place, cm for links that lead somewhere and are open, part by part.

    Part p has the rows from ``start[p]`` to ``start[p + 1]``; the last ones are the links between
    parts, whose ends are marked in ``stays`` (v,).
    """
    between = len(start) - 2
    part = np.full(len(links), -1, np.int32)
    for i in range(len(links)):
        a = place[links[i, 0]]
        b = place[links[i, 1]]
        if a == b or cost_cm[i] < 0:
            continue
        part[i] = a >> part_bits
        if (a ^ b) >> part_bits != 0:
            part[i] = between
            stays[a] = True
            stays[b] = True
        start[part[i] + 1] += 1
    for p in range(between + 1):
        start[p + 1] += start[p]
    rows = np.empty((start[between + 1], 3), np.int32)
    for i in range(len(links)):
        if part[i] >= 0:
            row = start[part[i]]
            rows[row, 0] = place[links[i, 0]]
            rows[row, 1] = place[links[i, 1]]
            rows[row, 2] = cost_cm[i]
            start[part[i]] = row + 1
    for p in range(between + 1, 0, -1):
        start[p] = start[p - 1]
    start[0] = 0
    return rows


@compiled
def _arcs_of(
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
    first: NDArray[np.int32], arcs: NDArray[np.int32], degree: NDArray[np.int32], out: _Eliminated
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
    out: _Eliminated,
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
def _take_crossings(left: _Crossings, out: _Eliminated) -> None:
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


@dataclass(frozen=True, eq=False)
class _Part:
    """What went from a part of the places, those from ``low``, and what is left of it."""

    low: int
    out: _Eliminated
    nodes: NDArray[np.int32]
    links: NDArray[np.int32]


def _contract_part(links: NDArray[np.int32], stays: NDArray[np.bool_], low: int) -> _Part:
    """Take nodes out of the part that begins at ``low``; the numbers told are counted from there.

    Returns what went, and the nodes and links that stay. Not compiled as one: the compiler would
    work through each step twice.
    """
    nodes = len(stays)
    first, arcs = _arcs_of(links, low, nodes)
    degree = np.diff(first)
    inner = int((degree <= 2).sum())
    degree[stays] += _FIXED
    # Dead ends have one arc, inner nodes of streets two, crossings no more than they may hold.
    arcs_up = 2 * nodes + (_MOST - 2) * (nodes - inner)
    out = _Eliminated(
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
    return _Part(low, out, there, between)


@compiled
def _write_arcs(
    out: _Eliminated,
    row: NDArray[np.int32],
    used: int,
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
) -> None:
    """Write the arcs of what went by their rows; ``used`` arcs went before."""
    for r in range(out.used[0]):
        first[r] = used + out.first[r]
    for arc in range(out.used[1]):
        arcs[arc, 0] = row[out.arcs[arc, 0]]
        arcs[arc, 1] = out.arcs[arc, 1]


@dataclass(frozen=True, eq=False)
class Contraction:
    """A network in the order in which its nodes went, the core last.

    ``row`` (v,) of each node; the arcs up of row r, of those that went, are ``arcs`` (a, 2) of
    row and cm from ``first[r]`` to ``first[r + 1]``. The arcs among the rows of the core are
    ``core_arcs`` in the same way, both counted from the first row of the core;
    ``core_longest`` is the dearest of them in cm.
    """

    row: NDArray[np.int32]
    first: NDArray[np.int32]
    arcs: NDArray[np.int32]
    core_first: NDArray[np.int32]
    core_arcs: NDArray[np.int32]
    core_longest: int

    @property
    def core(self) -> int:
        """The first row of the core: how many nodes went."""
        return len(self.first) - 1


def contract(
    xy: NDArray[np.float64],
    links: NDArray[np.int32],
    cost_cm: NDArray[np.int32],
    *,
    part_bits: int = PART_BITS,
) -> Contraction:
    """Contract a network whose links cost the same both ways.

    Parameters
    ----------
    xy
        (v, 2) m. They only decide which nodes lie beside each other in memory.
    links
        (e, 2) nodes.
    cost_cm
        (e,) whole cm, at most `MAX_CM`; below 0 the link is closed.
    part_bits
        How large a part is that one thread contracts; changes nothing in any answer.
    """
    nodes = len(xy)
    place = places_of(xy, min(10, nodes.bit_length() // 2))
    lows = range(0, nodes, 1 << part_bits)
    start = np.zeros(len(lows) + 2, dtype=np.int64)
    stays = np.zeros(nodes, dtype=np.bool_)
    rows = _by_part(links, cost_cm, place, part_bits, start, stays)
    done: dict[int, _Part] = {}

    def contract_one(p: int) -> None:
        own = stays[lows[p] : lows[p] + (1 << part_bits)]
        done[p] = _contract_part(rows[start[p] : start[p + 1]], own, lows[p])

    for_each(contract_one, len(lows), worth=len(lows) > 1)
    parts = [done[p] for p in range(len(lows))]

    # What is left of the parts and the links between them are contracted once more, as a whole.
    number = np.full(nodes, -1, dtype=np.int32)
    left = 0
    for part in parts:
        number[part.low + part.nodes] = np.arange(left, left + len(part.nodes))
        part.links[:, :2] += left
        left += len(part.nodes)
    between = rows[start[-2] :]
    between[:, :2] = number[between[:, :2]]
    whole = np.concatenate([*(part.links for part in parts), between])
    top = _contract_part(whole, np.zeros(left, dtype=np.bool_), 0)
    return _in_order(place, parts, number, top)


def _in_order(
    place: NDArray[np.int32], parts: list[_Part], number: NDArray[np.int32], top: _Part
) -> Contraction:
    """Give each node its row: part by part as they went, then those that went last, the core."""
    rows = np.empty(len(place), dtype=np.int32)  # by place
    row = 0
    for part in parts:
        went = int(part.out.used[0])
        rows[part.low + part.out.node[:went]] = np.arange(row, row + went)
        row += went
    went = int(top.out.used[0])
    last = np.empty(len(top.out.rank), dtype=np.int32)
    last[top.out.node[:went]] = np.arange(row, row + went)
    row += went
    last[top.nodes] = np.arange(row, row + len(top.nodes))
    stayed = number >= 0
    rows[stayed] = last[number[stayed]]

    first = np.empty(row + 1, dtype=np.int32)
    arcs = np.empty((sum(int(p.out.used[1]) for p in [*parts, top]), 2), dtype=np.int32)
    row = used = 0
    for part, named in [*((part, rows[part.low :]) for part in parts), (top, last)]:
        _write_arcs(part.out, named, used, first[row:], arcs[used:])
        row += int(part.out.used[0])
        used += int(part.out.used[1])
    first[row] = used
    core_first, core_arcs = _arcs_of(top.links, 0, len(top.nodes))
    return Contraction(
        rows[place], first, arcs, core_first, core_arcs, int(core_arcs[:, 1].max(initial=0))
    )
