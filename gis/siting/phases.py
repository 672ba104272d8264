"""Sites in phases: what is opened first stays open, and more is added."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import CheckError, OptionError
from gis.siting.answer import Siting, Status, gap_of, reaches
from gis.siting.check import faults_of
from gis.siting.locate import locate
from gis.siting.mip import INF, Mip, solve_mip
from gis.siting.problem import Bools, Floats, Problem, read_problem
from gis.siting.rows import Rows

_MODELS: Final = ("mclp", "p-median")
_ORDERS: Final = ("first", "least-regret")
_SAME: Final = 1e-7
"""Shares of regret closer than this are one: what HiGHS can tell apart."""


@dataclass(frozen=True, eq=False)
class Phase:
    """One phase.

    ``chosen`` all sites so far and ``added`` those new in it, both ascending. ``siting``: what they
    achieve; its bound is, by order "first", that of all choices which keep the earlier phases, and
    by "least-regret" that of all choices of so many. ``best``: the best choice of so many without
    phases. ``regret``: by which share this phase falls short of ``best`` (of 1 where the best is
    0); ``regret_at_most``: of the bound of ``best``, which counts where ``best`` is not proved.
    """

    chosen: NDArray[np.int64]
    added: NDArray[np.int64]
    siting: Siting
    best: Siting
    regret: float
    regret_at_most: float


@dataclass(frozen=True, eq=False)
class Phases:
    """``phases`` in their order, empty without an answer.

    ``regret``: the largest of all phases. ``regret_bound``: no choice in phases has less, as far as
    that is known (0 by order "first", which does not seek it). ``status``: "optimal" where all is
    proved that the order asks for.
    """

    phases: tuple[Phase, ...]
    order: str
    regret: float
    regret_bound: float
    status: Status
    reason: str = ""
    violations: int = 0


def locate_phases(
    cost: Any,
    demand: ArrayLike,
    *,
    counts: Sequence[int],
    model: str = "mclp",
    order: str = "first",
    limit: float | None = None,
    capacity: ArrayLike | None = None,
    required: Sequence[int] = (),
    given: Sequence[int] = (),
    closed: Sequence[int] = (),
    one_of: ArrayLike | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
) -> Phases:
    """Choose sites in phases, none of which is closed later.

    Parameters
    ----------
    counts
        Sites in all after each phase, rising: (3, 6) is three first and three more.
    model
        "mclp" or "p-median".
    order
        "first": the best first phase, then the best that can be added to it, and so on.
        "least-regret": the largest shortfall of any phase from the best choice of so many is least;
        of such choices, the sum of shortfalls is least as far as time allows.
    capacity
        As for `locate`; for order "first" only.
    required
        Sites of the first phase.
    cost, demand, limit, given, closed, one_of, seed
        As for `locate`.
    time_limit_s
        Seconds for all phases together.

    Raises
    ------
    OptionError
        The input contradicts itself.
    CheckError
        An answer failed the independent check: a fault of ours.
    """
    deadline = time.monotonic() + time_limit_s
    _refuse(counts, model, order, capacity)
    options: dict[str, Any] = {
        "model": model, "limit": limit, "capacity": capacity, "given": given, "closed": closed,
        "one_of": one_of,
    }  # fmt: skip
    problem = read_problem(
        cost, demand, count=counts[-1], required=required, site_cost=None, budget=None, share=None,
        seed=seed, time_limit_s=time_limit_s, **options,
    )  # fmt: skip
    asked = {**options, "seed": seed}
    calls = 2 * len(counts) - 1 + 2 * len(counts) * (order == "least-regret")
    best: list[Siting] = []
    nested: list[Siting] = []
    chosen: list[int] = list(required)
    for t, count in enumerate(counts):
        for held, into in ((required, best), (chosen, nested)):
            if t == 0 and into is nested:
                nested.append(best[0])
                continue
            seconds = max(0.01, (deadline - time.monotonic()) / calls)
            calls -= 1
            found = locate(cost, demand, count=count, required=held, time_limit_s=seconds, **asked)
            if found.status in ("infeasible", "unknown"):
                reason = f"phase {t + 1} of {count}: {found.reason}"
                return Phases((), order, np.nan, np.nan, found.status, reason)
            into.append(found)
        chosen = nested[-1].chosen.tolist()
        if _short(model, nested[-1], best[-1]) < 0:
            # The search for the best was cut short, and the phases found better.
            bound = best[-1].bound
            best[-1] = replace(nested[-1], bound=bound, gap=gap_of(nested[-1].objective, bound))
            status: Status = "optimal" if reaches(nested[-1].objective, bound) else "feasible"
            best[-1] = replace(best[-1], status=status)
    if order == "first":
        proved = all(s.status == "optimal" for s in nested)
        return _told(model, nested, best, order, 0.0, proved=proved)
    answer = _least_regret(problem, counts, nested, best, deadline)
    for count, phase in zip(counts, answer.phases, strict=True):
        faults = faults_of(cost, demand, phase.siting, count=count, required=required, **options)
        if faults:
            raise CheckError(f"The phases failed their check: {'; '.join(faults[:3])}")
    return answer


def _refuse(counts: Sequence[int], model: str, order: str, capacity: ArrayLike | None) -> None:
    whole = [isinstance(c, int | np.integer) and not isinstance(c, bool) for c in counts]
    if not counts or not all(whole) or min(counts) < 1:
        raise OptionError(f"counts is {list(counts)}; give a whole number of 1 or more per phase")
    if any(b <= a for a, b in pairwise(counts)):
        raise OptionError(
            f"counts is {list(counts)}; give the sites in all after each phase, rising: (3, 6) is "
            "three first and three more"
        )
    if model not in _MODELS:
        raise OptionError(f"phases are for {' and '.join(_MODELS)}, not for '{model}'")
    if order not in _ORDERS:
        raise OptionError(f"there is no order '{order}'; give one of {', '.join(_ORDERS)}")
    if order == "least-regret" and capacity is not None:
        raise OptionError("least regret knows no capacity; take order 'first' or leave it out")


def _short(model: str, siting: Siting, best: Siting) -> float:
    """Return by which share a choice falls short of the best one."""
    gap = best.objective - siting.objective
    return (gap if model == "mclp" else -gap) / _unit(best.objective)


def _unit(best: float) -> float:
    return best if best > 0 else 1.0


def _told(
    model: str,
    nested: list[Siting],
    best: list[Siting],
    order: str,
    bound: float,
    *,
    proved: bool,
) -> Phases:
    phases, before = [], np.empty(0, np.int64)
    for siting, alone in zip(nested, best, strict=True):
        short = max(_short(model, siting, alone), 0.0)
        most = max(_short(model, siting, replace(alone, objective=alone.bound)), short)
        added = np.setdiff1d(siting.chosen, before)
        phases.append(Phase(siting.chosen, added, siting, alone, short, most))
        before = siting.chosen
    regret = max(p.regret for p in phases)
    status: Status = "optimal" if proved else "feasible"
    return Phases(tuple(phases), order, regret, min(bound, regret), status)


def _least_regret(
    problem: Problem,
    counts: Sequence[int],
    first: list[Siting],
    best: list[Siting],
    deadline: float,
) -> Phases:
    model = _Nested(problem, counts, [s.objective for s in best])
    known = [_open(problem, s) for s in first]
    bound = 0.0
    if model.regret(known) > _SAME and time.monotonic() < deadline:
        mip = model.mip()
        solved = solve_mip(mip, deadline, seed=problem.seed, start=model.values_of(known))
        bound = max(0.0, solved.bound)
        known = model.lesser(solved.values, known)
        mip.cost, mip.most[-1] = model.sum_cost(), model.regret(known) + _SAME
        if time.monotonic() < deadline:
            again = solve_mip(mip, deadline, seed=problem.seed, start=model.values_of(known))
            known = model.lesser(again.values, known)
    regret = model.regret(known)
    if bound > regret + 2 * _SAME:
        raise CheckError(f"A regret of {regret:g} is less than its bound of {bound:g}")
    proved = all(s.status == "optimal" for s in best) and regret - bound <= 2 * _SAME
    sitings = [_siting(problem, c, o, b) for c, o, b in zip(counts, known, best, strict=True)]
    told = regret if proved else bound
    return _told(problem.model, sitings, best, "least-regret", told, proved=proved)


def _open(problem: Problem, siting: Siting) -> Bools:
    is_open = problem.given.copy()
    is_open[siting.chosen] = True
    return is_open


def _siting(problem: Problem, count: int, is_open: Bools, best: Siting) -> Siting:
    problem = replace(problem, count=count)
    assignment, _ = problem.nearest(is_open)
    objective = problem.objective(is_open, assignment)
    bound = objective if reaches(objective, best.bound) else best.bound
    status: Status = "optimal" if bound == objective else "feasible"
    chosen = np.flatnonzero(is_open & ~problem.given)
    return Siting(chosen, assignment, objective, bound, gap_of(objective, bound), status)


class _Nested:
    """Columns: for each phase its sites, then who is served (by pair for "p-median"); the regret.

    Without ``one_of`` every phase has exactly its count, which loses nothing.
    """

    def __init__(self, problem: Problem, counts: Sequence[int], best: list[float]) -> None:
        self.problem, self.counts, self.best = problem, counts, best
        p = problem
        self.by_pair = p.model == "p-median"
        self.served = len(p.pairs.site) if self.by_pair else p.demands
        self.width = p.sites + self.served
        self.columns = len(counts) * self.width + 1
        people = p.demand[p.pairs.demand] * p.pairs.cost if self.by_pair else -p.demand
        self.weights = people

    def regret(self, opens: list[Bools]) -> float:
        """Return the largest shortfall of any phase."""
        return max(self._shorts(opens))

    def _shorts(self, opens: list[Bools]) -> list[float]:
        sign = 1.0 if self.by_pair else -1.0
        values = [self.problem.objective(o) for o in opens]
        pairs = zip(values, self.best, strict=True)
        return [max(0.0, sign * (v - b) / _unit(b)) for v, b in pairs]

    def lesser(self, values: Floats | None, known: list[Bools]) -> list[Bools]:
        """Return what the columns say if it is better than what is known."""
        if values is None:
            return known
        p = self.problem
        places = [values[t * self.width :][: p.sites] > 0.5 for t in range(len(self.counts))]
        found = [place | p.forced for place in places]
        nested = all((a <= b).all() for a, b in pairwise(found))
        if self.by_pair and any((p.nearest(o)[0] < 0).any() for o in found):
            return known
        mine, theirs = self._shorts(found), self._shorts(known)
        near = max(mine) <= max(theirs) + _SAME and sum(mine) < sum(theirs)
        return found if nested and (max(mine) < max(theirs) - _SAME or near) else known

    def sum_cost(self) -> Floats:
        """Costs of the columns by which the sum of all shortfalls is sought."""
        cost = np.zeros(self.columns)
        for t, best in enumerate(self.best):
            cost[t * self.width + self.problem.sites :][: self.served] = self.weights / _unit(best)
        return cost

    def values_of(self, opens: list[Bools]) -> Floats:
        """Write a choice into the columns."""
        p, values = self.problem, np.zeros(self.columns)
        for t, is_open in enumerate(opens):
            where, _ = p.nearest(is_open)
            at = t * self.width
            values[at : at + p.sites] = is_open
            served = p.pairs.site == where[p.pairs.demand] if self.by_pair else where >= 0
            values[at + p.sites : at + self.width] = served
        values[-1] = self.regret(opens)
        return values

    def mip(self) -> Mip:
        """Return the model."""
        p, rows, m = self.problem, Rows(self.columns), self.problem.sites
        least, most = np.zeros(self.columns), np.ones(self.columns)
        whole = np.zeros(self.columns, bool)
        free, groups = np.flatnonzero(p.free), p.exclusive
        for t, count in enumerate(self.counts):
            at = t * self.width
            whole[at : at + m] = True
            least[at : at + m][p.forced] = 1.0
            most[at : at + m][~p.usable] = 0.0
            left = float(count - int(p.required.sum()))
            rows.add(0, at + free, 1.0, -INF if groups else left, left)
            for group in groups:
                rows.add(0, at + group, 1.0, -INF, 1.0)
            if t:
                j = np.arange(m)
                value = np.r_[np.ones(m), -np.ones(m)]
                ends = np.r_[at + j, at - self.width + j]
                rows.add(np.r_[j, j], ends, value, np.zeros(m), INF)
            self._served_rows(rows, at)
            self._regret_row(rows, at, self.best[t])
        cost = np.zeros(self.columns)
        cost[-1] = 1.0
        most[-1] = INF
        low, high = rows.limits()
        return Mip(cost, least, most, whole, rows.matrix(), low, high)

    def _served_rows(self, rows: Rows, at: int) -> None:
        """Served from open sites only; for "p-median" everybody once."""
        p, k = self.problem, np.arange(self.served)
        y, site, of = at + p.sites + k, at + p.pairs.site, p.pairs.demand
        if self.by_pair:
            rows.add(of, y, 1.0, np.ones(p.demands), 1.0)
            value = np.r_[np.ones(len(k)), -np.ones(len(k))]
            rows.add(np.r_[k, k], np.r_[y, site], value, np.full(len(k), -INF), 0.0)
            return
        value = np.r_[np.ones(len(site)), -np.ones(len(k))]
        rows.add(np.r_[of, k], np.r_[site, y], value, np.zeros(len(k)), INF)

    def _regret_row(self, rows: Rows, at: int, best: float) -> None:
        """What a phase achieves is off the best by the regret at most."""
        y = at + self.problem.sites + np.arange(self.served)
        sign = 1.0 if self.by_pair else -1.0
        unit = _unit(best)
        columns = np.r_[y, self.columns - 1]
        rows.add(0, columns, np.r_[self.weights / unit, -1.0], -INF, sign * best / unit)
