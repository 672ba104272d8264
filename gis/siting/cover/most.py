"""Cover most people (MCLP): a good choice at once, a valid bound soon, then proof.

The bound is that of Lagrange: rows pay the sites that cover them, at most their people; whatever
they pay, no choice covers more than what they keep and what the best-paid sites get (Galvao,
ReVelle 1996). Sites that no better choice holds, or lacks, by that bound are settled; HiGHS
decides about the rest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from gis.siting.answer import Found
from gis.siting.cover.case import Case, case_of, without_useless
from gis.siting.cover.most_search import (
    anneal_most,
    best_rent,
    greedy_most,
    pick,
    relax_most,
    swap_most,
)
from gis.siting.mip import Mip, solve_mip
from gis.siting.presolve import group
from gis.siting.problem import Bools, Floats, Problem

_SAFE: Final = 2e-10
_CHUNK: Final = 25
_LEAST_FACTOR: Final = 2e-3
_PASSES: Final = 60
_STEPS_EACH: Final = 150
_MANY_EACH: Final = 2000
_FEW: Final = 400
_ROUNDS: Final = 6
_HOT: Final = 0.12
_MOST_ENTRIES: Final = 2_000_000
_SMALL: Final = 1e300


@dataclass
class _Search:
    """The best choice so far, and the bound."""

    problem: Problem
    case: Case
    open: Bools
    value: float
    bound: float
    target: float = np.inf

    def take(self, case: Case, columns: Bools, value: float) -> None:
        """Keep a choice if it is better."""
        if value + case.had > self.value * (1 + 1e-12):
            self.value = value + case.had
            self.open = case.opened(columns)

    def lower(self, bound: float) -> None:
        """Keep a bound if it is better."""
        self.bound = min(self.bound, whole_below(bound, self.case.whole))

    @property
    def proved(self) -> bool:
        """Whether nothing better can be found."""
        return self.bound <= self.value * (1 + 1e-12)

    @property
    def closed(self) -> bool:
        """Whether nothing better can be found, or the target is met or out of reach."""
        known = self.value >= self.target or (self.bound < self.target < np.inf)
        return known or self.proved


def whole_below(bound: float, whole: bool) -> float:
    """Raise a bound by what rounding may have taken; of whole people, lower it to whole ones."""
    upper = bound + _SAFE * max(1.0, abs(bound))
    return float(np.floor(upper)) if whole else upper


def cover_most(problem: Problem, deadline: float, target: float = np.inf) -> Found:
    """Cover most people by ``count`` sites or within the budget, without capacities.

    With a ``target``, search only until it is known whether so many can be covered.
    """
    case = case_of(problem, people=True)
    everyone = case.had + float(case.cover.weight.sum())
    search = _Search(problem, case, problem.forced.copy(), case.had, everyone, target)
    if case.count <= 0 or case.cover.rows == 0:
        return Found(search.open, search.value)
    _improve(search, without_useless(case), deadline)
    value = float(problem.demand[problem.nearest(search.open)[0] >= 0].sum())
    return Found(search.open, value if search.proved else max(search.bound, value))


def _improve(search: _Search, case: Case, deadline: float) -> None:
    search.case = case
    _greedy(search, case)
    paid = _relax(search, case, deadline)
    if search.closed or time.monotonic() >= deadline:
        return
    case, paid = _settle(search, case, paid)
    if search.closed:
        return
    begin = time.monotonic()
    _anneal(search, case, begin + 0.3 * (deadline - begin))
    if search.closed or time.monotonic() >= deadline:
        return
    case, paid = _settle(search, case, paid)
    if search.closed:
        return
    _relax(search, case, deadline, paid)
    _finish(search, case, deadline)


def _arrays(case: Case) -> tuple[Any, Any, Any, Any, Any]:
    cover = case.cover
    return cover.row_at, cover.col, cover.col_at, cover.row, cover.weight


def _greedy(search: _Search, case: Case) -> None:
    arrays, none = _arrays(case), np.zeros(case.cover.cols)
    for per_price in (False, True)[: 1 + np.isfinite(case.money)]:
        columns = greedy_most(
            *arrays, case.price, case.club, case.count, case.money, per_price, none
        )
        value = swap_most(*arrays, case.price, case.club, case.count, case.money, columns, _PASSES)
        search.take(case, columns, value)


def _first_payments(search: _Search, case: Case) -> Floats:
    """Guess from the choice known: those not covered pay all, those covered twice nothing."""
    cover = case.cover
    opened = case.columns_of(search.open)
    times = np.bincount(cover.row[np.repeat(opened, np.diff(cover.col_at))], minlength=cover.rows)
    share = np.array([1.0, 0.7, 0.0])[np.minimum(times, 2)]
    return np.asarray(share * cover.weight)


def _relax(search: _Search, case: Case, deadline: float, paid: Floats | None = None) -> Floats:
    """Lower the bound; returns what the rows pay in the best one."""
    if case.cover.rows == 0 or case.count <= 0:
        search.lower(case.had + float(case.cover.weight.sum()) * (case.count > 0))
        return np.zeros(case.cover.rows)
    arrays = _arrays(case)
    paid = _first_payments(search, case) if paid is None else paid
    best, way = paid.copy(), np.zeros(len(paid))
    state = np.array([_SMALL, 1.0, 0.0, 0.0])
    slot, slots = case.slots
    choice = np.zeros(case.cover.cols, bool)
    while state[1] > _LEAST_FACTOR and not search.closed:
        before = state[0]
        met = relax_most(
            *arrays, case.price, slot, slots, case.count, case.money, paid, state,
            search.value - case.had, _CHUNK, best, way, choice,
        )  # fmt: skip
        if state[0] < before:
            search.lower(clean_bound(case, best)[0] + case.had)
        if met >= 0:
            met = swap_most(*arrays, case.price, case.club, case.count, case.money, choice, _PASSES)
            search.take(case, choice, met)
        if time.monotonic() >= deadline or state[0] + case.had <= search.value:
            break
    return best


def clean_bound(case: Case, paid: Floats) -> tuple[float, Floats, float]:
    """Return the bound by what rows pay, computed anew; what sites get; and the price of money."""
    cover = case.cover
    paid = np.clip(paid, 0.0, cover.weight)
    gain = np.bincount(cover.col, np.repeat(paid, np.diff(cover.row_at)), minlength=cover.cols)
    slot, slots = case.slots
    champion, picked = np.empty(slots, np.int64), np.zeros(cover.cols, bool)
    rent = best_rent(gain, case.price, slot, case.count, case.money, 1.0, champion, picked)
    value, _, _ = pick(gain, case.price, slot, case.count, rent, champion, picked)
    kept = float((cover.weight - paid).sum())
    return (
        kept + value + (rent * case.money if rent > 0 else 0.0),
        np.asarray(gain, dtype=float),
        rent,
    )


def _settle(search: _Search, case: Case, paid: Floats) -> tuple[Case, Floats]:
    """Drop or open for good what no better choice can have otherwise, by the bound."""
    if case.cover.rows == 0 or case.count <= 0:
        return case, paid
    bound, gain, rent = clean_bound(case, paid)
    slot, slots = case.slots
    champion, picked = np.empty(slots, np.int64), np.zeros(case.cover.cols, bool)
    pick(gain, case.price, slot, case.count, rent, champion, picked)
    worth = gain - rent * case.price
    of_slot = np.zeros(slots)
    held = champion >= 0
    of_slot[held] = worth[champion[held]]
    taken = np.zeros(slots, bool)
    taken[slot[picked]] = True
    full = int(taken.sum()) >= case.count
    least = float(of_slot[taken].min(initial=np.inf)) if full else 0.0
    following = float(of_slot[~taken].max(initial=0.0))
    second = np.zeros(slots)
    others = ~picked
    np.maximum.at(second, slot[others], np.maximum(worth[others], 0.0))
    displaced = np.where(taken[slot], of_slot[slot], least)
    if_in = bound + worth - displaced
    if_out = bound - of_slot[slot] + np.maximum(second[slot], following)
    outside = ~picked & _hopeless(if_in + case.had, search)
    inside = picked & _hopeless(if_out + case.had, search)
    if not possible(case, inside):  # what every better choice would need cannot be had
        search.lower(search.value)
        return case, paid
    smaller, rows = case.settle(inside, outside)
    cover, place = group(smaller.cover)
    merged = np.bincount(place, paid[rows], minlength=cover.rows)
    return replace(smaller, cover=cover), np.asarray(merged, dtype=float)


def possible(case: Case, inside: Bools) -> bool:
    """Whether all these columns may be open together."""
    clubs = case.club[inside & (case.club >= 0)]
    spent = float(case.price[inside].sum())
    return (
        int(inside.sum()) <= case.count
        and spent <= case.money
        and len(clubs) == len(np.unique(clubs))
    )


def _hopeless(bound: Floats, search: _Search) -> Bools:
    """Whether a bound leaves room for nothing better than what is known."""
    upper = bound + _SAFE * np.maximum(1.0, np.abs(bound))
    least = search.value + (1.0 - 1e-6 if search.case.whole else 0.0)
    return np.asarray(upper < least)


def _anneal(search: _Search, case: Case, until: float) -> None:
    """Exchange at random for some time, in rounds of growing length."""
    if case.cover.rows == 0 or case.count <= 0:
        return
    arrays = _arrays(case)
    few = case.cover.cols < _FEW
    steps, rounds = (_MANY_EACH if few else _STEPS_EACH) * case.cover.cols, 0
    rate = 0.0
    while time.monotonic() < until and not search.closed:
        begin = time.monotonic()
        if rate:
            steps = int(min(2 * steps, max(1000, rate * (until - begin))))
        columns = case.columns_of(search.open)
        if (case.settled & ~search.open).any():  # what is known is not among what is left
            columns = greedy_most(
                *arrays,
                case.price,
                case.club,
                case.count,
                case.money,
                False,
                np.zeros(len(columns)),
            )
        number = max(1, int(columns.sum()))
        hot = _HOT * max(search.value - case.had, 1.0) / number
        value = anneal_most(
            *arrays, case.price, case.club, case.money, columns, hot, hot / 30,
            steps, search.problem.seed + rounds,
        )  # fmt: skip
        value = swap_most(*arrays, case.price, case.club, case.count, case.money, columns, _PASSES)
        search.take(case, columns, value)
        rate = steps / max(1e-6, time.monotonic() - begin)
        rounds += 1
        if rounds >= (1 if few else _ROUNDS):
            break


def _finish(search: _Search, case: Case, deadline: float) -> None:
    """Decide about what is left with HiGHS; its answer and bound complete the proof."""
    cover = case.cover
    if search.closed or time.monotonic() >= deadline or len(cover.col) > _MOST_ENTRIES:
        return
    n, m = cover.rows, cover.cols
    if n == 0 or case.count <= 0 or m == 0:
        search.lower(max(search.value, case.had))
        return
    solved = solve_mip(_model(case), deadline, seed=search.problem.seed, start=_start(search, case))
    if solved.values is not None:
        columns = solved.values[:m] > 0.5
        if float(case.price[columns].sum()) <= case.money:
            times = np.bincount(cover.row[np.repeat(columns, np.diff(cover.col_at))], minlength=n)
            search.take(case, columns, float(cover.weight[times > 0].sum()))
    search.lower(max(search.value, case.had - solved.bound))


def _start(search: _Search, case: Case) -> Floats | None:
    columns = case.columns_of(search.open)
    if (case.opened(columns) != search.open).any():
        return None
    cover = case.cover
    times = np.bincount(cover.row[np.repeat(columns, np.diff(cover.col_at))], minlength=cover.rows)
    return np.asarray(np.r_[columns, times > 0], dtype=float)


def _model(case: Case) -> Mip:
    """Columns: one for each site, then one for each row."""
    cover = case.cover
    n, m = cover.rows, cover.cols
    rows = [sp.hstack([cover.matrix(), -sp.eye_array(n)], format="csr")]
    low, high = [np.zeros(n)], [np.full(n, np.inf)]

    def add(values: Floats, most: float) -> None:
        rows.append(sp.csr_array(np.r_[values, np.zeros(n)][None, :]))
        low.append(np.array([-np.inf]))
        high.append(np.array([most]))

    if case.count < m:
        add(np.ones(m), case.count)
    if np.isfinite(case.money):
        unit = max(1.0, case.money)
        add(case.price / unit, case.money / unit)
    for number in np.unique(case.club[case.club >= 0]):
        add((case.club == number).astype(float), 1.0)
    whole = np.r_[np.ones(m, bool), np.zeros(n, bool)]
    cost = np.r_[np.zeros(m), -cover.weight]
    return Mip(
        cost, np.zeros(n + m), np.ones(n + m), whole, sp.vstack(rows, format="csr"),
        np.concatenate(low), np.concatenate(high), case.whole,
    )  # fmt: skip
