"""The pairs of a p-median as its loops read them, and a greedy choice.

Greedy is lazy, as gains only fall (Cornuejols, Fisher, Nemhauser 1977; Minoux 1978).
"""

from __future__ import annotations

import heapq
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.siting.median.case import Case, grouped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FINE: Final = 10.0


class Rows(NamedTuple):
    """Worth of each pair, weight x cost: by demand, the nearest first, and by site alike.

    ``none`` (n,) is paid where no site is open in reach; a fine where one has to be.
    """

    first: Ints  # (n + 1,)
    site: Ints
    worth: Floats
    none: Floats
    must: Bools
    begin: Ints  # (k + 1,)
    demand: Ints
    value: Floats  # as worth, in the order of the sites


class Sides(NamedTuple):
    """What a choice has to keep: see `Case`."""

    left: int
    money: float
    pay: Floats
    group: Ints
    groups: int


def rows_of(case: Case, fine: float | None = None) -> Rows:
    """Return the pairs of a case by demand and by site, with a fine for who is not served."""
    demand = np.repeat(np.arange(case.demands, dtype=np.int64), np.diff(case.first))
    worth = case.weight[demand] * case.cost
    most = float(worth.max(initial=0.0))
    none = np.where(np.isinf(case.none), _FINE * (most or 1.0) if fine is None else fine, 0.0)
    known = np.isfinite(case.none)
    none[known] = case.weight[known] * case.none[known]
    begin, order = grouped(case.site, len(case.sites))
    must = np.isinf(case.none)
    return Rows(case.first, case.site, worth, none, must, begin, demand[order], worth[order])


def sides_of(case: Case) -> Sides:
    """Return what a choice has to keep."""
    groups = int(case.group.max(initial=-1)) + 1
    return Sides(case.left, case.money, case.pay, case.group, groups)


@compiled
def _open(rows: Rows, paid: Floats, j: int) -> None:
    for e in range(rows.begin[j], rows.begin[j + 1]):
        i = rows.demand[e]
        paid[i] = min(paid[i], rows.value[e])


@compiled
def _gain(rows: Rows, paid: Floats, j: int) -> float:
    total = 0.0
    for e in range(rows.begin[j], rows.begin[j + 1]):
        total += max(0.0, paid[rows.demand[e]] - rows.value[e])
    return total


@compiled
def greedy(rows: Rows, sides: Sides, opened: Bools) -> None:
    """Open the site that gains most (by its price, where money is short) until none may be."""
    k = len(sides.pay)
    paid = rows.none.copy()
    used = np.zeros(sides.groups + 1, np.bool_)
    spent, number = 0.0, 0
    j: Any
    for j in range(k):
        if opened[j]:
            number += 1
            spent += sides.pay[j]
            used[sides.group[j]] = sides.group[j] >= 0
            _open(rows, paid, j)
    least = 1e-9 * sides.money + 1e-300 if np.isfinite(sides.money) else np.inf
    queue: list[tuple[float, Any, Any]]
    queue = [(-np.inf, np.int64(j), np.int64(-1)) for j in range(k) if not opened[j]]
    heapq.heapify(queue)
    while queue and number < sides.left:
        gain, j, seen = heapq.heappop(queue)
        g = sides.group[j]
        if (g >= 0 and used[g]) or spent + sides.pay[j] > sides.money:
            continue
        if seen < number:
            total = _gain(rows, paid, j)
            if np.isfinite(least):
                total /= sides.pay[j] + least
            heapq.heappush(queue, (-total, j, np.int64(number)))
            continue
        if gain >= 0.0:
            break
        opened[j] = True
        number += 1
        spent += sides.pay[j]
        used[g] = g >= 0
        _open(rows, paid, j)


@compiled
def two_nearest(rows: Rows, opened: Bools, near: Ints, paid: Floats, i: int) -> None:
    """Set the two nearest open sites of demand i, -1 where there are none, and their worth."""
    near[i, 0], near[i, 1] = -1, -1
    paid[i, 0], paid[i, 1] = rows.none[i], rows.none[i]
    found = 0
    for e in range(rows.first[i], rows.first[i + 1]):
        if opened[rows.site[e]]:
            near[i, found] = rows.site[e]
            paid[i, found] = rows.worth[e]
            found += 1
            if found == 2:
                return


@compiled
def total_of(rows: Rows, opened: Bools) -> float:
    """Sum of what all demands pay."""
    total = 0.0
    for i in range(len(rows.none)):
        least = rows.none[i]
        for e in range(rows.first[i], rows.first[i + 1]):
            if opened[rows.site[e]]:
                least = rows.worth[e]
                break
        total += least
    return total


@compiled
def within(sides: Sides, picked: Bools) -> bool:
    """Whether a choice keeps the number, the money and the exclusions."""
    used = np.zeros(sides.groups + 1, np.int64)
    for j in np.flatnonzero(picked):
        if sides.group[j] >= 0:
            used[sides.group[j]] += 1
    money = sides.pay[picked].sum() <= sides.money
    return bool(money and picked.sum() <= sides.left and (used <= 1).all())
