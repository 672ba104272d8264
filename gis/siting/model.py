"""Every model of `locate` with every option as one mixed-integer model: slow, plain, the truth.

The fast solvers are tested against it, and what they cannot honour they leave to it.
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np
import scipy.sparse as sp

from gis.siting.answer import Found
from gis.siting.mip import INF, Mip, Solved, grain_of, solve_mip
from gis.siting.problem import Bools, Floats, Ints, Problem
from gis.siting.rows import Rows

_TRIES: Final = 50
_OUT_OF_TIME: Final = "time ran out before any choice was found"


def solve_general(problem: Problem, deadline: float, start: Bools | None = None) -> Found:
    """Solve any model with any option by one mixed-integer model.

    Columns: an ``x`` for each site, a ``z`` for each pair (who is served from where; without
    capacity and costs that matter a ``y`` for each demand instead), for "p-center" the largest
    cost. ``start`` (m,): open sites to begin with, where every demand goes to the nearest.
    """
    if time.monotonic() >= deadline:
        return _nothing(problem, _OUT_OF_TIME)
    model = _General(problem)
    mip = model.mip()
    best = -INF
    begin = None if start is None or problem.capacity is not None else model.values_of(start)
    for _ in range(_TRIES):
        solved = solve_mip(mip, deadline, seed=problem.seed, start=begin)
        best = max(best, solved.bound)
        if solved.values is None:
            return _without(problem, solved)
        open_, assignment = model.choice(solved.values)
        cuts = model.broken(open_, assignment)
        if not cuts.count:
            return _found(problem, model, open_, assignment, best)
        mip.rows = sp.vstack([mip.rows, cuts.matrix()], format="csr")
        low, high = cuts.limits()
        mip.low, mip.high = np.r_[mip.low, low], np.r_[mip.high, high]
        begin = None
    return _nothing(problem, "sums miss their limits by rounding only; give rounder numbers")


def _nothing(problem: Problem, reason: str) -> Found:
    return Found(problem.forced.copy(), np.nan, exists=None, reason=reason)


def _without(problem: Problem, solved: Solved) -> Found:
    if solved.ended:
        reason = "no choice of sites meets all limits together"
        return Found(problem.forced.copy(), np.nan, exists=False, reason=reason)
    return _nothing(problem, _OUT_OF_TIME)


def _found(
    problem: Problem, model: _General, open_: Bools, assignment: Ints | None, bound: float
) -> Found:
    filled = fill_up(problem, open_)
    return Found(filled, model.bound_of(bound), assignment)


def fill_up(problem: Problem, open_: Bools) -> Bools:
    """Open further sites, the cheapest first, up to ``count``; a choice by cost alone is kept."""
    left = problem.left
    if problem.model == "lscp" or left is None:
        return open_
    open_ = open_.copy()
    left -= int((open_ & problem.free).sum())
    money = problem.money + problem.slack(problem.budget or 0.0)
    money -= float(problem.site_cost[open_ & problem.free].sum())
    taken = set(problem.one_of[open_ & (problem.one_of >= 0)].tolist())
    rows = np.flatnonzero(problem.free & ~open_)
    for j in rows[np.argsort(problem.site_cost[rows], kind="stable")].tolist():
        if left <= 0:
            break
        if int(problem.one_of[j]) in taken or problem.site_cost[j] > money:
            continue
        open_[j] = True
        left -= 1
        money -= float(problem.site_cost[j])
        if problem.one_of[j] >= 0:
            taken.add(int(problem.one_of[j]))
    return open_


def keeps_money(problem: Problem, open_: Bools) -> bool:
    """Whether the chosen sites cost no more than the budget, as the check will count it."""
    if problem.budget is None:
        return True
    spent = float(problem.site_cost[open_ & ~problem.given].sum())
    return spent <= problem.budget + problem.slack(problem.budget)


def needed(problem: Problem) -> float:
    """Return the people that have to be covered at least, rounding granted."""
    most = problem.share * float(problem.demand.sum())
    return most - problem.slack(most)


class _General:
    """The columns of one problem: where x, y, z and the largest cost stand."""

    def __init__(self, problem: Problem) -> None:
        self.problem = p = problem
        self.by_pair = p.capacity is not None or p.model in ("p-median", "p-center")
        self.first = p.sites
        self.many = len(p.pairs.site) if self.by_pair else p.demands
        self.columns = p.sites + self.many + (p.model == "p-center")
        self.grain = grain_of(p.site_cost[p.usable]) if p.model == "lscp" else 0.0
        self.unit = self.grain if self.grain > 0 else 1.0
        self.partly = p.model == "mclp" or p.share < 1.0

    def mip(self) -> Mip:
        """Return the model."""
        p, rows = self.problem, Rows(self.columns)
        self._choice_rows(rows)
        if self.by_pair:
            self._pair_rows(rows)
        else:
            self._cover_rows(rows)
        if p.share < 1.0:
            rows.add(0, self._served(), self._weights(), needed(p), INF)
        least, most = np.zeros(self.columns), np.ones(self.columns)
        least[: p.sites][p.forced] = 1.0
        most[: p.sites][~p.usable] = 0.0
        whole = np.zeros(self.columns, bool)
        whole[: p.sites] = True
        whole[self.first : self.first + self.many] = p.capacity is not None
        cost = self._cost()
        if p.model == "p-center":
            most[-1] = INF
        low, high = rows.limits()
        exact = p.model != "p-center" and bool((cost == np.rint(cost)).all())
        return Mip(cost, least, most, whole, rows.matrix(), low, high, exact)

    def _cost(self) -> Floats:
        p, cost = self.problem, np.zeros(self.columns)
        if p.model == "lscp":
            price = p.site_cost * ~p.given
            cost[: p.sites] = np.rint(price / self.unit) if self.grain > 0 else price
        elif p.model == "p-center":
            cost[-1] = 1.0
        elif p.model == "p-median":
            cost[self._served()] = self._weights() * p.pairs.cost
        else:
            cost[self._served()] = -self._weights()
        return cost

    def _served(self) -> Ints:
        return np.arange(self.first, self.first + self.many)

    def _weights(self) -> Floats:
        p = self.problem
        return p.demand[p.pairs.demand] if self.by_pair else p.demand

    def _choice_rows(self, rows: Rows) -> None:
        p = self.problem
        free = np.flatnonzero(p.free)
        if p.left is not None:
            rows.add(0, free, 1.0, -INF, p.left)
        if p.budget is not None:
            most = p.money + p.slack(p.budget)
            unit = max(1.0, abs(p.budget))
            rows.add(0, free, p.site_cost[free] / unit, -INF, most / unit)
        for group in p.exclusive:
            rows.add(0, group, 1.0, -INF, 1.0)

    def _cover_rows(self, rows: Rows) -> None:
        """Each demand is covered by a site, or as much as it says itself."""
        p, n = self.problem, self.problem.demands
        if not self.partly:
            rows.add(p.pairs.demand, p.pairs.site, 1.0, np.ones(n), INF)
            return
        at = np.r_[p.pairs.demand, np.arange(n)]
        column = np.r_[p.pairs.site, self._served()]
        value = np.r_[np.ones(len(p.pairs.site)), -np.ones(n)]
        rows.add(at, column, value, np.zeros(n), INF)

    def _pair_rows(self, rows: Rows) -> None:
        """Each demand is served from one site, from open ones only, within capacity and cost."""
        p, n = self.problem, self.problem.demands
        z, of = self._served(), p.pairs.demand
        rows.add(of, z, 1.0, np.full(n, 0.0 if self.partly else 1.0), 1.0)
        pair = np.arange(self.many)
        one = np.ones(self.many)
        rows.add(
            np.r_[pair, pair], np.r_[z, p.pairs.site], np.r_[one, -one], np.full(self.many, -INF), 0
        )
        if p.capacity is not None:
            bound = np.flatnonzero(np.isfinite(p.capacity))
            place = np.full(p.sites, -1)
            place[bound] = np.arange(len(bound))
            kept = place[p.pairs.site] >= 0
            unit = np.maximum(1.0, p.capacity)
            rows.add(
                np.r_[place[p.pairs.site[kept]], np.arange(len(bound))],
                np.r_[z[kept], bound],
                np.r_[
                    p.demand[of[kept]] / unit[p.pairs.site[kept]],
                    -(p.capacity[bound] / unit[bound] + 1e-9),
                ],
                np.full(len(bound), -INF),
                0.0,
            )
        if p.model == "p-center":
            column = np.r_[z, np.full(n, self.columns - 1)]
            value = np.r_[p.pairs.cost, -np.ones(n)]
            rows.add(np.r_[of, np.arange(n)], column, value, np.full(n, -INF), 0.0)

    def choice(self, values: Floats) -> tuple[Bools, Ints | None]:
        """Return open sites, and with capacities who is served from where."""
        p = self.problem
        open_ = (values[: p.sites] > 0.5) | p.forced
        if p.capacity is None:
            return open_, None
        assignment = np.full(p.demands, -1, np.int64)
        taken = values[self._served()] > 0.5
        assignment[p.pairs.demand[taken]] = p.pairs.site[taken]
        return open_, assignment

    def values_of(self, open_: Bools) -> Floats:
        """Return the columns of a choice without capacities."""
        p, values = self.problem, np.zeros(self.columns)
        values[: p.sites] = open_
        assignment, cost = p.nearest(open_)
        if self.by_pair:
            first_of = p.pairs.site == assignment[p.pairs.demand]
            values[self.first : self.first + self.many] = first_of
        else:
            values[self._served()] = assignment >= 0
        if p.model == "p-center":
            values[-1] = float(np.nanmax(cost, initial=0.0))
        return values

    def broken(self, open_: Bools, assignment: Ints | None) -> Rows:
        """Return rows that forbid what only the tolerances of the solver allowed."""
        p, cuts = self.problem, Rows(self.columns)
        if not keeps_money(p, open_):
            paid = np.flatnonzero(open_ & p.free & (p.site_cost > 0))
            cuts.add(0, paid, 1.0, -INF, len(paid) - 1)
        if p.capacity is not None and assignment is not None:
            self._overfull(assignment, cuts)
        if p.share < 1.0:
            served = p.nearest(open_)[0] >= 0 if assignment is None else assignment >= 0
            if float(p.demand[served].sum()) < needed(p):
                self._too_few(open_, assignment, cuts)
        return cuts

    def _overfull(self, assignment: Ints, cuts: Rows) -> None:
        p = self.problem
        if p.capacity is None:
            return
        served = np.flatnonzero(assignment >= 0)
        load = np.bincount(assignment[served], p.demand[served], minlength=p.sites)
        for j in np.flatnonzero(load > p.capacity + 1e-9 * np.maximum(1.0, p.capacity)).tolist():
            inside = (p.pairs.site == j) & (assignment[p.pairs.demand] == j)
            inside &= p.demand[p.pairs.demand] > 0
            cuts.add(0, self.first + np.flatnonzero(inside), 1.0, -INF, int(inside.sum()) - 1)

    def _too_few(self, open_: Bools, assignment: Ints | None, cuts: Rows) -> None:
        """One more site or, with capacities, one more demand has to come in."""
        p = self.problem
        if assignment is None:
            cuts.add(0, np.flatnonzero(p.usable & ~open_), 1.0, 1.0, INF)
            return
        outside = assignment[p.pairs.demand] < 0
        cuts.add(0, self.first + np.flatnonzero(outside), 1.0, 1.0, INF)

    def bound_of(self, bound: float) -> float:
        """Turn the bound of the model into that of the objective."""
        p = self.problem
        if p.model == "mclp":
            return float(min(-bound, p.demand.sum()))
        if p.model == "p-center" and np.isfinite(bound):
            lower = bound - 1e-6 * max(1.0, abs(bound))
            steps = np.unique(p.pairs.cost)
            return float(steps[min(int(np.searchsorted(steps, lower)), len(steps) - 1)])
        return max(bound * self.unit, 0.0)
