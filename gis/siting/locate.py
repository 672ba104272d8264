"""`locate`: where to open sites, from arrays, with proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from gis.errors import CheckError
from gis.siting.answer import Found, Siting, Status, gap_of, no_siting, reaches
from gis.siting.check import faults_of
from gis.siting.model import fill_up
from gis.siting.problem import ROUNDING, Problem, read_problem

_SOLVERS: Final = {
    "mclp": "cover:cover_most",
    "lscp": "cover:cover_all",
    "p-median": "median:least_sum",
    "p-center": "centre:least_most",
}
_CAPACITATED: Final = "whole:serve_whole"


def locate(
    cost: Any,
    demand: ArrayLike,
    *,
    model: str,
    count: int | None = None,
    limit: float | None = None,
    capacity: ArrayLike | None = None,
    required: Sequence[int] = (),
    given: Sequence[int] = (),
    closed: Sequence[int] = (),
    site_cost: ArrayLike | None = None,
    budget: float | None = None,
    share: float | None = None,
    one_of: ArrayLike | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
) -> Siting:
    """Choose sites for demands, and say how good the choice is proved to be.

    Parameters
    ----------
    cost
        (n, m) cost, such as metres, from each demand (row) to each site (column), 0 or more; dense
        or scipy sparse. NaN or inf in a dense matrix, and what a sparse one does not store, is no
        way; a stored 0 is a cost of 0.
    demand
        (n,) people, 0 or more.
    model
        "mclp": cover most people within ``limit`` by ``count`` sites. "lscp": the fewest sites
        that cover every demand, those of 0 people too (or, with ``share``, at least that share of
        the people). "p-median": the least sum of people x cost to ``count`` sites, all served.
        "p-center": the least largest cost, all demands served and counted alike.
    count
        How many sites are chosen, the required ones among them: exactly so many, unless ``one_of``
        or the budget allows fewer only.
    limit
        Largest cost at which a site serves, inclusive; None: wherever there is a way.
    capacity
        (m,) people that each site can serve; each demand is then served whole by one site, or, in
        "mclp" and with ``share``, not at all. inf: no limit.
    required
        Sites that are to be among those chosen.
    given
        Sites that are there already: open, neither counted nor paid.
    closed
        Sites that must not be open.
    site_cost
        (m,) what each site costs; "lscp" then seeks the least cost in place of the fewest sites.
    budget
        Most that the chosen sites may cost together, beside or in place of ``count``.
    share
        For "lscp": the share of the people to be covered, above 0 to 1.
    one_of
        (m,) whole numbers: of sites with an equal number from 0 at most one is open, such as two
        ways of converting one room; -1: free of that.
    seed
        Start of the random numbers.
    time_limit_s
        Seconds after which the search stops with the best choice so far.

    Returns
    -------
    siting
        Checked by `gis.siting.check`, which shares nothing with the solvers. Equal input gives an
        equal answer, unless the time limit cuts the search short.

    Raises
    ------
    OptionError
        The input contradicts itself; all faults are named.
    CheckError
        The answer failed the independent check: a fault of ours.

    Notes
    -----
    Church, ReVelle 1974 (mclp); Toregas, Swain, ReVelle, Bergman 1971 (lscp); Hakimi 1964
    (p-median, p-center).
    """
    start = time.monotonic()
    asked: dict[str, Any] = {
        "model": model, "count": count, "limit": limit, "capacity": capacity, "required": required,
        "given": given, "closed": closed, "site_cost": site_cost, "budget": budget, "share": share,
        "one_of": one_of,
    }  # fmt: skip
    problem = read_problem(cost, demand, seed=seed, time_limit_s=time_limit_s, **asked)
    why_not = impossible(problem)
    if why_not:
        answer = no_siting(problem.demands, "infeasible", why_not)
    else:
        answer = _answer(problem, _solver_of(problem)(problem, start + time_limit_s))
    faults = faults_of(cost, demand, answer, **asked)
    if faults:
        raise CheckError(f"The choice of sites failed its check: {'; '.join(faults[:3])}")
    return answer


def _solver_of(problem: Problem) -> Callable[[Problem, float], Found]:
    name = _SOLVERS[problem.model] if problem.capacity is None else _CAPACITATED
    module, _, function = name.partition(":")
    solver: Callable[[Problem, float], Found] = getattr(
        import_module(f"gis.siting.{module}"), function
    )
    return solver


def _answer(problem: Problem, found: Found) -> Siting:
    if not found.exists:
        status: Status = "unknown" if found.exists is None else "infeasible"
        return no_siting(problem.demands, status, found.reason)
    is_open = fill_up(problem, found.open)
    assignment = found.assignment
    if assignment is None:
        assignment, _ = problem.nearest(is_open)
    objective = problem.objective(is_open, assignment)
    bound = objective if reaches(objective, found.bound) else found.bound
    return Siting(
        chosen=np.flatnonzero(is_open & ~problem.given),
        assignment=assignment,
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound),
        status="optimal" if bound == objective else "feasible",
        reason=found.reason or _served_by_nobody(problem),
    )


def impossible(problem: Problem) -> str:
    """Say in words why no choice can do, where that can be told at a glance; else ""."""
    for rows in problem.exclusive:
        both = rows[problem.forced[rows]]
        if len(both) > 1:
            return f"sites {both[0]} and {both[1]} exclude each other, but both have to be open"
    if problem.money < -problem.slack(problem.budget or 0.0):
        needed = problem.site_cost[problem.required].sum()
        return f"the required sites cost {needed:g}, more than the budget of {problem.budget:g}"
    if problem.model == "mclp" or problem.share < 1.0:
        return ""
    served = np.diff(problem.pairs.first) > 0
    if not served.all():
        return _nobody_reaches(problem, np.flatnonzero(~served))
    return _served_by_nobody(problem)


def _served_by_nobody(problem: Problem) -> str:
    """Name the demand that is too large for each site in its reach; "" where there is none."""
    if problem.capacity is None:
        return ""
    first = problem.pairs.first
    some = np.flatnonzero(np.diff(first) > 0)
    room = np.full(problem.demands, np.inf)
    if len(some):
        room[some] = np.maximum.reduceat(problem.capacity[problem.pairs.site], first[some])
    over = np.flatnonzero(problem.demand > room + ROUNDING * np.maximum(1.0, problem.demand))
    if not len(over):
        return ""
    i = over[np.argmax(problem.demand[over] - room[over])]
    return (
        f"demand {i} needs {problem.demand[i]:g} and is served whole, but the largest "
        f"site in its reach holds {room[i]:g}"
    )


def _nobody_reaches(problem: Problem, rows: Any) -> str:
    some = ", ".join(str(i) for i in rows[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    within = "" if problem.limit is None else f" within {problem.limit:g}"
    paid = "" if problem.budget is None else " and can be paid"
    return f"no site that may be open{paid} reaches demand {some}{more}{within}"
