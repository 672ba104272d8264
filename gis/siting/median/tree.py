"""Branch and bound for the p-median, by the Lagrangian bound alone."""

from __future__ import annotations

import heapq
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.siting.median.bound import CLOSED, FREE, OPEN, Prices, climb
from gis.siting.median.root import ROUNDING, Search, fix
from gis.siting.median.swap import Rows, Sides, within

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDS: Final = 40
_PATIENCE: Final = 8
_STEP: Final = 0.5
_SHAKEN: Final = 200
_SHAKES: Final = 20
_MEMORY: Final = 60_000_000


class _Node(NamedTuple):
    bound: float
    number: int
    state: Ints
    price: Floats


def branch(search: Search) -> None:
    """Search what is left, the most promising part first, until proof or the deadline."""
    root = _Node(search.bound, 0, search.state.copy(), search.prices.price.copy())
    queue, number = [root], 0
    while queue and not search.proved:
        search.bound = max(search.bound, min(queue[0].bound, search.value))
        if search.over:
            return
        node = heapq.heappop(queue)
        if node.bound >= search.cutoff:
            continue
        if number < _SHAKEN:
            search.polish(_SHAKES)
        for child in _children(search, node):
            number += 1
            held = child.price if len(queue) * len(child.price) < _MEMORY else root.price
            heapq.heappush(queue, child._replace(number=number, price=held))
    if not queue:
        search.bound = max(search.bound, search.cutoff)


def _children(search: Search, node: _Node) -> list[_Node]:
    """Return the two halves of a part, or nothing where it holds no better choice."""
    k = len(node.state)
    state, bound = node.state, node.bound
    prices = Prices(
        node.price.copy(), np.zeros(k), np.zeros(k, bool), np.zeros(k), np.full(1, _STEP)
    )
    while True:
        if not settle(search.rows, search.sides, state):
            return []
        if not (state == FREE).any():
            search.take(search.expand(state == OPEN))
            return []
        found, last, further = climb(
            search.rows, search.sides, state, prices, search.value, _ROUNDS, _PATIENCE,
            search.cutoff,
        )  # fmt: skip
        found *= 1 - ROUNDING
        bound = max(bound, found)
        if bound >= search.cutoff:
            return []
        if within(search.sides, prices.picked):
            search.improve(search.expand(prices.picked))
        if found < bound or fix(state, prices, found, search.cutoff, last, further) == 0:
            break
    j = _divide(state, prices)
    out = []
    for side in (OPEN, CLOSED):
        half = state.copy()
        half[j] = side
        out.append(_Node(bound, 0, half, prices.price))
    return out


def _divide(state: Ints, prices: Prices) -> int:
    """Choose the free site that the prices are least sure of."""
    unsure = np.minimum(prices.often, 1 - prices.often)
    unsure[state != FREE] = -1.0
    if unsure.max() > 0.02:
        return int(np.argmax(unsure))
    return int(np.argmin(np.where(state == FREE, prices.worth, np.inf)))


@compiled
def settle(rows: Rows, sides: Sides, state: Ints) -> bool:
    """Close what may not be opened any more, open who alone serves one; False: it cannot be."""
    slack = 1e-12 * abs(sides.money) if np.isfinite(sides.money) else 0.0
    while True:
        left, money = sides.left, sides.money
        used = np.zeros(sides.groups + 1, np.int64)
        for j in np.flatnonzero(state == OPEN):
            left -= 1
            money -= sides.pay[j]
            if sides.group[j] >= 0:
                used[sides.group[j]] += 1
        if left < 0 or money < -slack or (used > 1).any():
            return False
        for j in np.flatnonzero(state == FREE):
            g = sides.group[j]
            if left == 0 or sides.pay[j] > money + slack or (g >= 0 and used[g] > 0):
                state[j] = CLOSED
        forced = False
        for i in range(len(rows.none)):
            if not rows.must[i]:
                continue
            only, some = -1, 0
            for e in range(rows.first[i], rows.first[i + 1]):
                j = rows.site[e]
                if state[j] == OPEN:
                    some = 2
                elif state[j] == FREE:
                    only = j
                    some += 1
                if some > 1:
                    break
            if some == 0:
                return False
            if some == 1:
                state[only] = OPEN
                forced = True
        if not forced:
            return True
