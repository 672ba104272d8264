"""Small problems: try every way, with cuts, so that the answer is proved.

Sets of units are bits of one 64-bit word. A district is grown around the first free unit, each
neighbour taken in or shut out, so that every connected set is met exactly once.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.districts.state import BALANCE, COMPACT, CUT, compiled

MOST_UNITS: Final = 62
_EPS: Final = 1e-9

Words = NDArray[np.uint64]


class Small(NamedTuple):
    """A problem of u <= 62 units in words of bits.

    ``worth`` (u,) is what leaving a unit out loses; all of it must be kept when ``whole``.
    """

    near: Words  # (u,) neighbours
    wt: NDArray[np.float64]  # (u, u) links
    size: NDArray[np.float64]  # (u, m)
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    worth: NDArray[np.float64]
    apart: Words  # (u,)
    together: Words  # (g,) all or none
    owner: NDArray[np.int64]  # (c,) unit of each candidate for the centre
    reach: Words  # (c,) units within the limit of each candidate
    way: Words  # (c,) units with a way to each candidate
    cost: NDArray[np.float64]  # (u, c)
    objective: int
    wanted: int  # -1: free
    mean: float


@compiled
def _bit(i: Any) -> Any:
    return np.uint64(1) << np.uint64(i)


@compiled
def _lowest(word: Any) -> Any:
    i = 0
    while not word & _bit(i):
        i += 1
    return i


@compiled
def _around(small: Any, word: Any) -> Any:
    out = np.uint64(0)
    for i in range(small.worth.size):
        if word & _bit(i):
            out |= small.near[i]
    return out


@compiled
def _total(small: Any, word: Any, j: Any) -> Any:
    out = 0.0
    for i in range(small.worth.size):
        if word & _bit(i):
            out += small.size[i, j]
    return out


@compiled
def _too_much(small: Any, word: Any) -> Any:
    for j in range(small.high.size):  # noqa: SIM110 - numba knows no generators
        if _total(small, word, j) > small.high[j]:
            return True
    return False


@compiled
def _centre(small: Any, district: Any) -> Any:
    """Return (is there a centre within the limit, least cost); (True, 0) without costs."""
    if small.owner.size == 0:
        return True, 0.0
    reached, best = False, np.inf
    for c in range(small.owner.size):
        if not district & _bit(small.owner[c]):
            continue
        if not district & ~small.reach[c]:
            reached = True
        if small.objective == COMPACT and not district & ~small.way[c]:
            value = 0.0
            for i in range(small.worth.size):
                if district & _bit(i):
                    value += small.cost[i, c]
            best = min(best, value)
    if small.objective == COMPACT:
        return reached and best < np.inf, best
    return reached, 0.0


@compiled
def _links_between(small: Any, one: Any, other: Any) -> Any:
    out = 0.0
    for i in range(small.worth.size):
        if one & _bit(i) and small.near[i] & other:
            for k in range(small.worth.size):
                if other & _bit(k):
                    out += small.wt[i, k]
    return out


@compiled
def _grown(small: Any, seed: Any, allowed: Any) -> Any:
    """Return what hangs together with ``seed`` through ``allowed``."""
    out = seed
    while True:
        more = out | (_around(small, out) & allowed)
        if more == out:
            return out
        out = more


@compiled
def _can_reach_low(small: Any, district: Any, allowed: Any) -> Any:
    """Whether the district could still grow to its lower bounds."""
    enough = True
    for j in range(small.low.size):
        enough = enough and _total(small, district, j) >= small.low[j]
    if enough:
        return True
    whole = _grown(small, district, allowed)
    for j in range(small.low.size):  # noqa: SIM110 - numba knows no generators
        if _total(small, whole, j) < small.low[j]:
            return False
    return True


@compiled
def _close(small: Any, district: Any, used: Any, free: Any, value: Any) -> Any:
    """Value with one more district; inf where it breaks a constraint.

    Where nothing may be left out, links to what is still free are cut for certain and counted
    now; else those to the districts before.
    """
    for j in range(small.low.size):
        if _total(small, district, j) < small.low[j]:
            return np.inf
    for g in small.together:
        if district & g and (district & g) != g:
            return np.inf
    for i in range(small.worth.size):
        if district & _bit(i) and district & small.apart[i]:
            return np.inf
    allowed, cost = _centre(small, district)
    if not allowed:
        return np.inf
    if small.objective == COMPACT:
        return value + cost
    if small.objective == BALANCE:
        if small.wanted < 0:
            return value
        return max(value, abs(_total(small, district, 0) / small.mean - 1.0))
    return value + _links_between(small, district, free if small.wanted >= 0 else used)


@compiled
def _spread_of(small: Any, sets: Any, districts: Any) -> Any:
    """Return the balance of a whole plan when the number of districts is free."""
    total = 0.0
    for d in range(districts):
        total += _total(small, sets[d], 0)
    worst = 0.0
    for d in range(districts):
        if total > 0:
            worst = max(worst, abs(_total(small, sets[d], 0) * districts / total - 1.0))
    return worst


@compiled
def _rest_fits(small: Any, rest: Any, made: Any) -> Any:
    """Whether the districts still to be made can hold the units still free, by their sums."""
    if small.wanted < 0:
        return True
    to_make = small.wanted - made
    if to_make < 0 or (to_make == 0) != (rest == 0):
        return False
    for j in range(small.low.size):
        t = _total(small, rest, j)
        if t < to_make * small.low[j] - _EPS or t > to_make * small.high[j] * (1 + _EPS):
            return False
    while rest != np.uint64(0):
        part = _grown(small, _bit(_lowest(rest)), rest)
        for j in range(small.low.size):
            if _total(small, part, j) < small.low[j]:
                return False
        rest &= ~part
    return True


@compiled
def _push(todo: Any, top: Any, sets: Any, words: Any, made: Any, lost: Any, value: Any) -> Any:
    for i in range(4):
        todo.words[top, i] = words[i]
    todo.plan[top] = sets
    todo.made[top] = made
    todo.figures[top] = (lost, value)
    return top + 1


@compiled
def _better(best: Any, lost: Any, value: Any) -> Any:
    return lost < best[0] - _EPS or (lost <= best[0] + _EPS and value < best[1] - _EPS)


@compiled
def _finish(small: Any, best: Any, sets: Any, row: Any, left: Any, made: Any, figures: Any) -> None:
    """Take a plan in which every unit is decided, if it is allowed and better."""
    if small.wanted >= 0 and made != small.wanted:
        return
    for g in small.together:
        if left & g and (left & g) != g:
            return
    lost, value = figures[0], figures[1]
    if small.objective == BALANCE and small.wanted < 0:
        value = _spread_of(small, row, made)
    if _better(best, lost, value):
        best[0], best[1] = lost, value
        sets[:] = 0
        sets[:made] = row[:made]


@compiled
def _visit(small: Any, todo: Any, top: Any, best: Any, sets: Any) -> Any:
    """Decide one unit of the plan on top of the stack; returns the new top."""
    none = np.uint64(0)
    row = todo.plan[top].copy()
    district, shut, used, left = todo.words[top]
    k, lost, value = todo.made[top], todo.figures[top, 0], todo.figures[top, 1]
    if not _better(best, lost, value):
        return top
    free = todo.every & ~used & ~left & ~district
    if district == none and free == none:
        _finish(small, best, sets, row, left, k, todo.figures[top])
        return top
    if district == none:
        v = _lowest(free)
        bit = _bit(v)
        if small.wanted < 0:
            words = (district, shut, used, left | bit)
            top = _push(todo, top, row, words, k, lost + small.worth[v], value)
        if not _too_much(small, bit):
            top = _push(todo, top, row, (bit, none, used, left), k, lost, value)
        return top
    if not _can_reach_low(small, district, free & ~shut):
        return top
    if small.objective == CUT and small.wanted >= 0:
        certain = value + _links_between(small, district, shut)
        if not _better(best, lost, certain):
            return top
    edge = _around(small, district) & free & ~shut
    if edge != none:
        bit = _bit(_lowest(edge))
        top = _push(todo, top, row, (district, shut | bit, used, left), k, lost, value)
        if not _too_much(small, district | bit):
            top = _push(todo, top, row, (district | bit, shut, used, left), k, lost, value)
        return top
    value = _close(small, district, used, free, value)
    if value < np.inf and _rest_fits(small, free, k + 1):
        row[k] = district
        top = _push(todo, top, row, (none, none, used | district, left), k + 1, lost, value)
    return top


class _Todo(NamedTuple):
    """Stack of partial plans, each with its words: district, shut out, used, left out."""

    every: np.uint64
    words: Words  # (depth, 4)
    plan: Words  # (depth, u)
    made: NDArray[np.int64]
    figures: NDArray[np.float64]  # (depth, 2) worth left out, value


@compiled
def _work(small: Any, todo: Any, best: Any, sets: Any, budget: Any) -> Any:
    top = 1
    for _ in range(budget):
        if top == 0:
            return True
        top = _visit(small, todo, top - 1, best, sets)
    return top == 0


def enumerate_all(small: Small, best: NDArray[np.float64], sets: Words, *, budget: int) -> bool:
    """Search all plans; True when it finished within ``budget`` partial plans.

    best (2,): worth left out and value of the best plan so far (inf, inf: none), lowered in place
    together with ``sets`` (u,), the districts of that plan (0: no more).
    """
    n = len(small.worth)
    depth = 3 * n + 8
    every = np.uint64((1 << n) - 1)
    todo = _Todo(
        every, np.zeros((depth, 4), np.uint64), np.zeros((depth, n), np.uint64),
        np.zeros(depth, np.int64), np.zeros((depth, 2)),
    )  # fmt: skip
    return bool(_work(small, todo, best, sets, budget))
