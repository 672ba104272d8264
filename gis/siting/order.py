"""Worst-off first: choices that are best for one class of people, then for the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.errors import CheckError, OptionError
from gis.siting.answer import Siting, Status, gap_of, reaches
from gis.siting.check import faults_of
from gis.siting.locate import impossible, locate
from gis.siting.mip import INF, Mip, solve_mip
from gis.siting.model import fill_up, keeps_money
from gis.siting.problem import Bools, Floats, Ints, Problem, matrix_of, read_problem
from gis.siting.rows import Rows

_RETRIES = 20


@dataclass(frozen=True)
class Step:
    """One step: best, given what the steps before it reached.

    ``what`` is "covered" (people of the class), "largest" (cost of the class) or "sum" (people x
    cost of all, class -1). ``demand``: people of the class, or of all. ``bound``: no choice that is
    as good in the earlier steps is better in this one.
    """

    what: Literal["covered", "largest", "sum"]
    priority: int
    demand: float
    objective: float
    bound: float
    status: Status


@dataclass(frozen=True, eq=False)
class WorstFirst:
    """``chosen``, ``assignment`` and ``reason`` as in `Siting`; ``steps`` in their order.

    ``status`` is "optimal" where every step is. A step that is not proved ("feasible") keeps what
    was reached, and the later ones are proved given that.
    """

    chosen: NDArray[np.int64]
    assignment: NDArray[np.int64]
    steps: tuple[Step, ...]
    status: Status
    reason: str = ""
    violations: int = 0


def locate_worst_first(
    cost: Any,
    demand: ArrayLike,
    *,
    model: str = "mclp",
    priority: ArrayLike | None = None,
    count: int | None = None,
    limit: float | None = None,
    required: Sequence[int] = (),
    given: Sequence[int] = (),
    closed: Sequence[int] = (),
    site_cost: ArrayLike | None = None,
    budget: float | None = None,
    one_of: ArrayLike | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
) -> WorstFirst:
    """Choose sites that are best for the worst-off, and of those best for the next class.

    Parameters
    ----------
    priority
        (n,) whole numbers from 0: the class of each demand, 0 the worst-off. "mclp" needs it; with
        "p-center" all are one class without it.
    model
        "mclp": among all choices the most people of class 0 are covered, among those the most of
        class 1, and so on. "p-center": the largest cost of class 0 is least, then of class 1, and
        at last the sum of people x cost.
    cost, demand, count, limit, required, given, closed, site_cost, budget, one_of, seed
        As for `locate`.
    time_limit_s
        Seconds for all steps together.

    Raises
    ------
    OptionError
        The input contradicts itself.
    CheckError
        The answer failed the independent check: a fault of ours.
    """
    options: dict[str, Any] = {
        "count": count, "limit": limit, "required": required, "given": given, "closed": closed,
        "site_cost": site_cost, "budget": budget, "one_of": one_of,
    }  # fmt: skip
    if model not in ("mclp", "p-center"):
        raise OptionError(f"worst-off first is for 'mclp' and 'p-center', not for '{model}'")
    deadline = time.monotonic() + time_limit_s
    problem = read_problem(
        cost, demand, model=model, capacity=None, share=None, seed=seed,
        time_limit_s=time_limit_s, **options,
    )  # fmt: skip
    classes = _classes(priority, problem.demands, needed=model == "mclp")
    why_not = impossible(problem)
    if why_not:
        return _without(problem.demands, "infeasible", why_not)
    if model == "p-center":
        return _nearest_first(cost, problem, classes, options, deadline)
    answer = _covered_first(problem, classes, deadline)
    faults = _faults(cost, demand, problem, classes, answer, options)
    if faults:
        raise CheckError(f"The order of choices failed its check: {'; '.join(faults[:3])}")
    return answer


def _classes(priority: ArrayLike | None, n: int, *, needed: bool) -> Ints:
    if priority is None:
        if needed:
            raise OptionError("priority is missing: give each demand its class, 0 the worst-off")
        return np.zeros(n, np.int64)
    classes = np.asarray(priority)
    if classes.shape != (n,) or classes.dtype.kind not in "iu" or (classes < 0).any():
        raise OptionError(f"priority has to be {n} whole numbers of 0 or more, one per demand")
    return classes.astype(np.int64)


def _without(n: int, status: Status, reason: str) -> WorstFirst:
    none = np.full(n, -1, np.int64)
    return WorstFirst(np.empty(0, np.int64), none, (), status, reason)


def _covered_first(problem: Problem, classes: Ints, deadline: float) -> WorstFirst:
    model = _Cover(problem, classes)
    numbers = np.unique(classes)
    open_ = fill_up(problem, _greedy(problem, classes, numbers))
    steps: list[Step] = []
    for k, number in enumerate(numbers.tolist()):
        before = tuple(step.objective for step in steps)
        found, bound = model.step(number, open_, before, numbers[:k], deadline)
        open_ = fill_up(problem, found)
        covered = model.covered(open_, number)
        bound = covered if reaches(covered, bound) else bound
        steps.append(
            Step(
                "covered", number, float(problem.demand[classes == number].sum()), covered, bound,
                "optimal" if bound == covered else "feasible",
            )
        )  # fmt: skip
    proved = all(step.status == "optimal" for step in steps)
    return WorstFirst(
        np.flatnonzero(open_ & ~problem.given),
        problem.nearest(open_)[0],
        tuple(steps),
        "optimal" if proved else "feasible",
    )


def _greedy(problem: Problem, classes: Ints, numbers: Ints) -> Bools:
    """Open the site that brings most of the worst-off, of equal ones most of the next."""
    open_, left = problem.forced.copy(), problem.left
    rest = np.where(problem.nearest(open_)[0] >= 0, 0.0, problem.demand)
    reach = problem.by_site.copy()
    reach.data[:] = 1.0
    while left is None or left > 0:
        may = problem.free & ~open_
        marks = problem.one_of[open_ & (problem.one_of >= 0)]
        may &= ~np.isin(problem.one_of, marks)
        spent = float(problem.site_cost[open_ & ~problem.given].sum())
        if problem.budget is not None:
            may &= spent + problem.site_cost <= problem.budget
        rows = np.flatnonzero(may)
        gains = [np.asarray(reach @ np.where(classes == c, rest, 0.0)) for c in numbers]
        if not len(rows) or not any(g[rows].any() for g in gains):
            break
        j = rows[np.lexsort([-g[rows] for g in gains[::-1]])[0]]
        open_[j] = True
        rest[reach.indices[reach.indptr[j] : reach.indptr[j + 1]]] = 0.0
        left = None if left is None else left - 1
    return open_


class _Cover:
    """The model of all steps: a column for each site and for each demand."""

    def __init__(self, problem: Problem, classes: Ints) -> None:
        self.problem, self.classes = problem, classes
        m, n = problem.sites, problem.demands
        rows, pairs = Rows(m + n), problem.pairs
        free = np.flatnonzero(problem.free)
        at = np.r_[pairs.demand, np.arange(n)]
        value = np.r_[np.ones(len(pairs.site)), -np.ones(n)]
        rows.add(at, np.r_[pairs.site, m + np.arange(n)], value, np.zeros(n), INF)
        if problem.left is not None:
            rows.add(0, free, 1.0, -INF, problem.left)
        if problem.budget is not None:
            unit = max(1.0, problem.budget)
            most = (problem.money + problem.slack(problem.budget)) / unit
            rows.add(0, free, problem.site_cost[free] / unit, -INF, most)
        for group in problem.exclusive:
            rows.add(0, group, 1.0, -INF, 1.0)
        self.rows = rows

    def covered(self, open_: Bools, number: int) -> float:
        """People of a class within reach of open sites."""
        where = self.problem.nearest(open_)[0]
        return float(self.problem.demand[(where >= 0) & (self.classes == number)].sum())

    def step(
        self, number: int, open_: Bools, before: tuple[float, ...], numbers: Ints, deadline: float
    ) -> tuple[Bools, float]:
        """Return the best choice for a class that keeps what earlier ones have, and a bound."""
        p = self.problem
        if before:
            rows = np.flatnonzero(self.classes == numbers[-1])
            people, unit = p.demand[rows], max(1.0, before[-1])
            least = (before[-1] - p.slack(before[-1])) / unit
            self.rows.add(0, p.sites + rows, people / unit, least, INF)
        in_reach = np.diff(p.pairs.first) > 0
        most = float(p.demand[in_reach & (self.classes == number)].sum())
        if reaches(self.covered(open_, number), most):
            return open_, most
        mip, bound = self._mip(number), -INF
        start: Floats | None = np.r_[open_, p.nearest(open_)[0] >= 0].astype(float)
        for _ in range(_RETRIES):
            if time.monotonic() >= deadline:
                break
            solved = solve_mip(mip, deadline, seed=p.seed, start=start)
            bound = max(bound, solved.bound)
            if solved.values is None:
                break
            found = (solved.values[: p.sites] > 0.5) | p.forced
            cut = self._broken(found, before, numbers)
            if cut is None:
                better = self.covered(found, number) >= self.covered(open_, number)
                open_ = found if better else open_
                break
            mip.rows = sp.vstack([mip.rows, cut.matrix()], format="csr")
            low, high = cut.limits()
            mip.low, mip.high = np.r_[mip.low, low], np.r_[mip.high, high]
        return open_, min(most, -bound)

    def _mip(self, number: int) -> Mip:
        p, many = self.problem, self.rows.columns
        least, most = np.zeros(many), np.ones(many)
        least[: p.sites][p.forced] = 1.0
        most[: p.sites][~p.usable] = 0.0
        cost = np.r_[np.zeros(p.sites), np.where(self.classes == number, -p.demand, 0.0)]
        low, high = self.rows.limits()
        exact = bool((cost == np.rint(cost)).all())
        whole = np.arange(many) < p.sites
        return Mip(cost, least, most, whole, self.rows.matrix(), low, high, exact)

    def _broken(self, found: Bools, before: tuple[float, ...], numbers: Ints) -> Rows | None:
        """Forbid what only the tolerances of the solver allowed."""
        p, cut = self.problem, Rows(self.rows.columns)
        if not keeps_money(p, found):
            paid = np.flatnonzero(found & p.free & (p.site_cost > 0))
            cut.add(0, paid, 1.0, -INF, len(paid) - 1)
        for number, kept in zip(numbers.tolist(), before, strict=True):
            if self.covered(found, number) < kept - p.slack(kept):
                cut.add(0, np.flatnonzero(p.usable & ~found), 1.0, 1.0, INF)
        return cut if cut.count else None


def _nearest_first(
    cost: Any, problem: Problem, classes: Ints, options: dict[str, Any], deadline: float
) -> WorstFirst:
    """Least largest cost class by class, then the least sum: each a question to `locate`.

    What the earlier classes reached is written into the costs: longer ways are taken out, and what
    is left of them counts 0, so that the largest cost is that of the class in turn.
    """
    matrix = matrix_of(cost)
    row = np.repeat(np.arange(problem.demands), np.diff(matrix.indptr))
    most = np.full(problem.demands, np.inf if problem.limit is None else problem.limit)
    people, numbers = np.ones(problem.demands), np.unique(classes)
    steps: list[Step] = []
    asked = {**options, "limit": None, "seed": problem.seed}
    for k, number in enumerate(numbers.tolist()):
        mine = classes == number
        kept = matrix.data <= most[row]
        data = np.where(mine[row], matrix.data, 0.0)
        part = _ways(matrix, data, kept)
        seconds = max(0.01, (deadline - time.monotonic()) / (len(numbers) + 1 - k))
        found = locate(part, people, model="p-center", time_limit_s=seconds, **asked)
        if found.status in ("infeasible", "unknown"):
            return _without(problem.demands, found.status, found.reason)
        many = float(problem.demand[mine].sum())
        steps.append(Step("largest", number, many, found.objective, found.bound, found.status))
        most[mine] = np.minimum(most[mine], found.objective)
        last = found
    part = _ways(matrix, matrix.data, matrix.data <= most[row])
    seconds = max(0.01, deadline - time.monotonic())
    found = locate(part, problem.demand, model="p-median", time_limit_s=seconds, **asked)
    if found.status in ("infeasible", "unknown"):
        # Time ran out: what the classes reached stands.
        is_open = problem.given.copy()
        is_open[last.chosen] = True
        near, far = problem.nearest(is_open)
        total = float((problem.demand * far).sum())
        steps.append(Step("sum", -1, float(problem.demand.sum()), total, 0.0, "feasible"))
        return WorstFirst(last.chosen, near, tuple(steps), "feasible", found.reason)
    total = float(problem.demand.sum())
    steps.append(Step("sum", -1, total, found.objective, found.bound, found.status))
    proved = all(step.status == "optimal" for step in steps)
    status: Status = "optimal" if proved else "feasible"
    return WorstFirst(found.chosen, found.assignment, tuple(steps), status)


def _ways(matrix: Any, data: Floats, kept: Bools) -> Any:
    """Return a csr_array with some of the ways of another, at other costs."""
    first = np.r_[0, np.cumsum(kept)][matrix.indptr]
    return sp.csr_array((data[kept], matrix.indices[kept], first), shape=matrix.shape)


def _faults(
    cost: Any,
    demand: ArrayLike,
    problem: Problem,
    classes: Ints,
    answer: WorstFirst,
    options: dict[str, Any],
) -> list[str]:
    """Ask the independent checker, and count each class anew."""
    people = np.atleast_1d(np.asarray(demand, dtype=float))
    served = answer.assignment >= 0
    total, most = float(people[served].sum()), float(people.sum())
    bound = total if reaches(total, most) else most
    status: Status = "optimal" if bound == total else "feasible"
    told = Siting(
        answer.chosen, answer.assignment, total, bound, gap_of(total, bound), status
    )  # fmt: skip
    faults = faults_of(cost, demand, told, model="mclp", **options)
    for step in answer.steps:
        covered = sum(
            float(people[i])
            for i in range(problem.demands)
            if served[i] and classes[i] == step.priority
        )
        if not reaches(covered, step.objective) or step.bound < covered - problem.slack(covered):
            faults.append(f"class {step.priority} has {covered:g}, told {step.objective:g}")
    return faults
