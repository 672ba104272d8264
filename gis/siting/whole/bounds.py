"""How good a choice of sites with capacities can be at most: Lagrangian relaxation with knapsacks.

That each demand is served once is taken back into the sum with a price for each demand; what is
left falls apart into a knapsack for each site, solved exactly where that is quick (else its linear
relaxation is taken, which is a bound too), and a choice of the sites with the best knapsacks. Any
prices give a bound; subgradient steps look for good ones. A pair or a site of which the prices tell
that no answer better than the one at hand uses it is left out of the exact model.

Ceselli, Righini 2005 use the same relaxation for the capacitated p-median.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import numpy as np

from gis.compiling import compiled
from gis.siting.problem import Bools, Floats, Ints
from gis.siting.whole.task import Task

_NODES: Final = 4000
_CHUNK: Final = 25
_PATIENCE: Final = 40
_WHOLE: Final = 1e-6


class Columns(NamedTuple):
    """The pairs of each site, and what may be chosen."""

    first: Ints
    demand: Ints
    weight: Floats
    need: Floats
    room: Floats
    kind: Ints  # (m,) 2: open in any case, 1: may be opened, 0: neither
    price: Floats
    group: Ints
    site_weight: Floats


class Prices(NamedTuple):
    """Prices of the demands and of the share, and what they brought so far."""

    u: Floats  # (n + 1,) the last one: of each person that a share asks for
    best_u: Floats
    used: Ints  # (n,) how often each demand is served
    value: Floats  # (m,) of each site: its weight and its knapsack
    relaxed: Floats  # (m,) the same with the linear relaxation
    slope: Floats  # (m,) what one more person that a site holds would bring in it
    chosen: Bools
    rate: Floats  # best bound, step, tries since, money price, people served, threshold, tolerance


BEST, STEP, SINCE, MONEY, PEOPLE, WORST = range(6)


@compiled
def _relaxed(gain: Floats, need: Floats, room: float, k: int) -> float:
    """Return the gain of items from k on, the last one in part."""
    total = 0.0
    while k < len(gain) and need[k] <= room:
        room -= need[k]
        total += gain[k]
        k += 1
    return total + room * gain[k] / need[k] if k < len(gain) else total


@compiled
def _knapsack(
    gain: Floats, need: Floats, room: float, taken: Bools, nodes: int
) -> tuple[float, float, float]:
    """Most gain within the room, items by falling gain per need; its relaxation; its slope.

    ``taken`` is told. Past so many nodes the relaxation stands for the most.
    """
    many = len(gain)
    taken[:many] = False
    left, total, at = room, 0.0, 0
    while at < many and need[at] <= left:
        left -= need[at]
        total += gain[at]
        taken[at] = True
        at += 1
    if at == many:
        return total, total, 0.0
    slope = gain[at] / need[at]
    relaxed = total + left * slope
    # What still fits is the first answer; then depth first, items in order, taken first.
    rest, best = left, total
    for k in range(at + 1, many):
        if need[k] <= rest:
            rest -= need[k]
            best += gain[k]
            taken[k] = True
    now = np.zeros(many, np.bool_)
    value, space, k, count = 0.0, room, 0, 0
    slack = 1e-12 * max(1.0, relaxed)
    while True:
        # Forward: bound from here.
        bound = value + _relaxed(gain, need, space, k)
        count += 1
        if count > nodes:
            return relaxed, relaxed, slope
        if bound > best + slack:
            while k < many and need[k] <= space:
                now[k] = True
                space -= need[k]
                value += gain[k]
                k += 1
            if k < many:
                now[k] = False
                k += 1
            if k < many:
                continue
            if value > best + slack:
                best = value
                for q in range(many):
                    taken[q] = now[q]
        # Back to the last one taken.
        k = min(k, many) - 1
        while k >= 0 and not now[k]:
            k -= 1
        if k < 0:
            break
        now[k] = False
        space += need[k]
        value -= gain[k]
        k += 1
    return best, relaxed, slope


@compiled
def _fill_sites(c: Columns, x: Prices, nodes: int, served: Ints, row: Ints) -> None:
    """Solve the knapsack of each site; the demands taken stand in `served` from `first` on."""
    m = len(c.room)
    n = len(c.need)
    longest = 0
    for j in range(m):
        longest = max(longest, c.first[j + 1] - c.first[j])
    gain, need = np.empty(longest), np.empty(longest)
    ratio = np.empty(longest)
    who = np.empty(longest, np.int64)
    sorted_gain, sorted_need = np.empty(longest), np.empty(longest)
    taken = np.zeros(longest, np.bool_)
    for j in range(m):
        row[j] = 0
        x.value[j] = x.relaxed[j] = c.site_weight[j] if c.kind[j] == 1 else 0.0
        x.slope[j] = 0.0
        if c.kind[j] == 0:
            continue
        many, free, asked = 0, 0.0, 0.0
        for q in range(c.first[j], c.first[j + 1]):
            i = c.demand[q]
            g = x.u[i] + x.u[n] * c.need[i] - c.weight[q]
            if g <= 0:
                continue
            if c.need[i] <= 0:
                free += g
                served[c.first[j] + row[j]] = i
                row[j] += 1
                continue
            gain[many], need[many], who[many] = g, c.need[i], i
            ratio[many] = -g / c.need[i]
            asked += c.need[i]
            many += 1
        if asked <= c.room[j]:
            total = free
            for k in range(many):
                total += gain[k]
                served[c.first[j] + row[j]] = who[k]
                row[j] += 1
            x.value[j] -= total
            x.relaxed[j] -= total
            continue
        order = np.argsort(ratio[:many], kind="mergesort")
        for k in range(many):
            sorted_gain[k] = gain[order[k]]
            sorted_need[k] = need[order[k]]
        best, relaxed, slope = _knapsack(
            sorted_gain[:many], sorted_need[:many], c.room[j], taken, nodes
        )
        x.value[j] -= free + best
        x.relaxed[j] -= free + relaxed
        x.slope[j] = slope
        for k in range(many):
            if taken[k]:
                served[c.first[j] + row[j]] = who[order[k]]
                row[j] += 1


@compiled
def _choose(c: Columns, x: Prices, left: int, price: float) -> tuple[float, float]:
    """Take the sites with the least values, within count and groups; their sum and what is paid."""
    m = len(c.room)
    value = np.empty(m)
    groups = 0
    for j in range(m):
        value[j] = x.value[j] + price * c.price[j]
        groups = max(groups, c.group[j] + 1)
    least = np.full(groups, np.inf)
    first = np.full(groups, -1)
    for j in range(m):
        if c.kind[j] == 1 and c.group[j] >= 0 and value[j] < least[c.group[j]]:
            least[c.group[j]] = value[j]
            first[c.group[j]] = j
    total, paid, many = 0.0, 0.0, 0
    x.rate[WORST] = 0.0
    for j in range(m):
        x.chosen[j] = c.kind[j] == 2
        if c.kind[j] == 2:
            total += x.value[j]
    for j in np.argsort(value, kind="mergesort"):
        if value[j] >= 0 or many >= left:
            break
        if c.kind[j] == 1 and (c.group[j] < 0 or first[c.group[j]] == j):
            x.chosen[j] = True
            total += value[j]
            paid += c.price[j]
            many += 1
            if many == left:
                x.rate[WORST] = value[j]
    return total, paid


@compiled
def _value(
    c: Columns,
    x: Prices,
    left: int,
    money: float,
    target: float,
    nodes: int,
    served: Ints,
    row: Ints,
) -> float:
    """The bound of these prices; which demands are served how often."""
    n, m = len(c.need), len(c.room)
    _fill_sites(c, x, nodes, served, row)
    total, paid = _choose(c, x, left, 0.0)
    x.rate[MONEY] = 0.0
    if money < np.inf and paid > money:
        low, high, best = 0.0, 1e-9, total
        price = 0.0
        while high < 1e30:
            total, paid = _choose(c, x, left, high)
            if total - high * money > best:
                best, price = total - high * money, high
            if paid <= money:
                break
            low, high = high, high * 8.0
        for _ in range(30):
            middle = 0.5 * (low + high)
            total, paid = _choose(c, x, left, middle)
            if total - middle * money > best:
                best, price = total - middle * money, middle
            if paid > money:
                low = middle
            else:
                high = middle
        x.rate[MONEY] = price
        total, paid = _choose(c, x, left, price)
        total -= price * money
    x.used[:] = 0
    people = 0.0
    for j in range(m):
        if x.chosen[j]:
            for q in range(c.first[j], c.first[j] + row[j]):
                x.used[served[q]] += 1
                people += c.need[served[q]]
    x.rate[PEOPLE] = people
    for i in range(n):
        total += x.u[i]
    return float(total + x.u[n] * target)


@compiled
def ascend(
    c: Columns,
    x: Prices,
    left: int,
    money: float,
    all_: bool,
    target: float,
    upper: float,
    steps: int,
    nodes: int,
) -> int:
    """Make some subgradient steps; what is best is kept in x. Returns the steps made."""
    n = len(c.need)
    served = np.empty(len(c.demand), np.int64)
    row = np.zeros(len(c.room), np.int64)
    for made in range(steps):
        bound = _value(c, x, left, money, target, nodes, served, row)
        if bound > x.rate[BEST] + 1e-6 * max(1.0, abs(bound)) * 0.1:
            x.rate[SINCE] = 0
        else:
            x.rate[SINCE] += 1
        if bound > x.rate[BEST]:
            x.rate[BEST] = bound
            x.best_u[:] = x.u
        if x.rate[BEST] >= upper:
            return made + 1
        if x.rate[SINCE] >= _PATIENCE:
            x.rate[SINCE] = 0
            x.rate[STEP] *= 0.5
            x.u[:] = x.best_u
            continue
        norm = 0.0
        for i in range(n):
            slope = 1.0 - x.used[i]
            if all_ or x.u[i] < 0 or slope < 0:
                norm += slope * slope
        short = target - x.rate[PEOPLE]
        per = max(target, 1e-300)
        if not all_ and target > 0 and (x.u[n] > 0 or short > 0):
            norm += (short / per) ** 2
        if norm == 0:
            return made + 1
        step = x.rate[STEP] * max(upper - bound, 1e-6 * max(abs(upper), 1e-12)) / norm
        for i in range(n):
            x.u[i] += step * (1.0 - x.used[i])
            if not all_ and x.u[i] > 0:
                x.u[i] = 0.0
        if not all_ and target > 0:
            x.u[n] = max(0.0, x.u[n] + step * short / (per * per))
    return steps


@compiled
def _least(c: Columns, x: Prices, left: int, bound: float, least: Floats) -> None:
    """Bound answers that use a pair, for each pair."""
    m, n = len(c.room), len(c.need)
    groups, many = 0, 0
    for j in range(m):
        groups = max(groups, c.group[j] + 1)
        many += x.chosen[j] and c.kind[j] == 1
    member = np.full(groups, -1)
    for j in range(m):
        if x.chosen[j] and c.kind[j] == 1 and c.group[j] >= 0:
            member[c.group[j]] = j
    for j in range(m):
        value = x.value[j] + x.rate[MONEY] * c.price[j]
        more = 0.0
        if c.kind[j] == 1 and not x.chosen[j]:
            more = value - (x.rate[WORST] if many >= left else 0.0)
            if c.group[j] >= 0 and member[c.group[j]] >= 0:
                k = member[c.group[j]]
                more = value - x.value[k] - x.rate[MONEY] * c.price[k]
            if left == 0:
                more = np.inf
        lower = x.relaxed[j] - x.value[j]
        for q in range(c.first[j], c.first[j + 1]):
            i = c.demand[q]
            red = c.weight[q] - x.u[i] - x.u[n] * c.need[i]
            by = max(0.0, red, lower + max(0.0, red + x.slope[j] * c.need[i]))
            least[q] = bound + more + by


class Bounded(NamedTuple):
    """Valid bounds: of all answers, and ``least`` (p,) of those that use a pair.

    ``chosen`` (m,) are the sites that the best ``prices`` (n + 1,) would open.
    """

    bound: float
    least: Floats
    chosen: Bools
    prices: Floats


def bounds_of(
    task: Task,
    cut: float,
    deadline: float,
    *,
    steps: int = 3000,
    start: Floats | None = None,
) -> Bounded:
    """Look for good prices until the deadline.

    Parameters
    ----------
    cut
        What an answer may be at most to be of interest, see `cut_of`.
    start
        (n + 1,) prices to begin with.
    """
    order = np.lexsort((task.demand, task.site))
    first = np.zeros(task.sites + 1, np.int64)
    np.cumsum(np.bincount(task.site, minlength=task.sites), out=first[1:])
    names = np.unique(task.group[task.group >= 0])
    columns = Columns(
        first=first,
        demand=task.demand[order],
        weight=task.weight[order],
        need=task.need,
        room=task.room,
        kind=np.where(task.fixed, 2, np.where(task.free, 1, 0)).astype(np.int64),
        price=task.price,
        group=np.where(task.group >= 0, np.searchsorted(names, task.group), -1).astype(np.int64),
        site_weight=task.site_weight,
    )
    prices = _prices(task)
    if start is not None:
        prices.u[:] = start
    target = 0.0 if task.all else max(task.target, 0.0)
    made = 0
    while made < steps:
        made += ascend(
            columns, prices, task.left, task.money, task.all, target, cut, _CHUNK, _NODES
        )
        if prices.rate[STEP] < 1e-5 or prices.rate[BEST] >= cut or time.monotonic() > deadline:
            break
    prices.u[:] = prices.best_u
    served, row = np.empty(len(task.site), np.int64), np.zeros(task.sites, np.int64)
    bound = float(_value(columns, prices, task.left, task.money, target, _NODES, served, row))
    by_site = np.empty(len(task.site))
    # Sums of many terms: what rounding may have added is taken off.
    bound -= 1e-11 * (
        abs(bound) + float(np.abs(prices.u).sum()) + float(np.abs(prices.value).sum())
    )
    _least(columns, prices, task.left, bound, by_site)
    least = np.empty(len(task.site))
    least[order] = by_site
    return Bounded(bound, least, prices.chosen.copy(), prices.best_u.copy())


def cut_of(task: Task, value: float) -> float:
    """Return what an answer better than a value does not exceed."""
    if counts(task):
        return float(np.rint(value)) - 1.0 + _WHOLE
    return value - 0.5e-9 * max(1.0, abs(value))


def raised(task: Task, bound: float) -> float:
    """Return the next whole number where all weights are whole."""
    return float(np.ceil(bound - _WHOLE)) if counts(task) and np.isfinite(bound) else bound


def counts(task: Task) -> bool:
    """Whether all weights are whole numbers."""
    return whole(np.r_[task.weight, task.site_weight[task.free]])


def whole(paid: Floats) -> bool:
    """Whether all weights are whole numbers, but for rounding far below what could add up."""
    largest = float(np.abs(paid).max(initial=0.0))
    return largest < 2**31 and bool(
        (np.abs(paid - np.rint(paid)) <= 1e-13 * max(1.0, largest)).all()
    )


def _prices(task: Task) -> Prices:
    n, m = task.demands, task.sites
    u = np.zeros(n + 1)
    if task.all:
        # About what the second nearest site asks, and its share of what a site costs.
        by = np.lexsort((task.weight, task.demand))
        second = np.minimum(task.first[:-1] + 1, task.first[1:] - 1)
        u[:n] = task.weight[by][second]
        room = np.minimum(task.room, task.need.sum())[task.free]
        if len(room) and room.max() > 0:
            u[:n] += task.need * float(np.median(task.site_weight[task.free])) / float(room.max())
    elif task.target > 0:
        room = np.minimum(task.room, task.need.sum())[task.free]
        if len(room) and room.max() > 0:
            u[n] = float(np.median(task.site_weight[task.free])) / float(room.max())
    else:
        u[:n] = -0.5 * task.need
    return Prices(
        u=u,
        best_u=u.copy(),
        used=np.zeros(n, np.int64),
        value=np.zeros(m),
        relaxed=np.zeros(m),
        slope=np.zeros(m),
        chosen=np.zeros(m, bool),
        rate=np.array([-np.inf, 2.0, 0.0, 0.0, 0.0, 0.0]),
    )
