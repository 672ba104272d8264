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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled, inlined
from gis.network.elimination import Eliminated, arcs_of, take_out
from gis.network.search import for_each

PART_BITS: Final = 16
"""Nodes of a part, as a power of two. Parts are contracted side by side and fit the cache."""


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


@dataclass(frozen=True, eq=False)
class _Part:
    """What went from a part of the places, those from ``low``, and what is left of it."""

    low: int
    out: Eliminated
    nodes: NDArray[np.int32]
    links: NDArray[np.int32]


@compiled
def _write_arcs(
    out: Eliminated,
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
        done[p] = _Part(lows[p], *take_out(rows[start[p] : start[p + 1]], own, lows[p]))

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
    top = _Part(0, *take_out(whole, np.zeros(left, dtype=np.bool_), 0))
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
    core_first, core_arcs = arcs_of(top.links, 0, len(top.nodes))
    return Contraction(
        rows[place], first, arcs, core_first, core_arcs, int(core_arcs[:, 1].max(initial=0))
    )
