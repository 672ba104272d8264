"""Sites with capacities, each demand served whole by one of them, for all four models.

A first answer comes from a search (`gis.siting.whole.search`), a bound from Lagrangian relaxation
(`gis.siting.whole.bounds`), which also tells pairs that no better answer can use, and the proof
from HiGHS on what is left (`gis.siting.whole.model`). "p-center" is asked as a question of yes or
no for one radius after the other.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import numpy as np

from gis.siting.answer import Found
from gis.siting.problem import Bools, Floats, Ints, Problem
from gis.siting.whole.bounds import bounds_of, counts, cut_of, raised
from gis.siting.whole.model import Solved, solve_model
from gis.siting.whole.search import search
from gis.siting.whole.task import EVERYBODY, Task, task_of

_ROUNDS: Final = 30
_TURNS: Final = 2
_SMALL: Final = 6000
_MANY: Final = 3000
_STEPS: Final = 400
_SURE: Final = 1e-6
_LATE: Final = "the time ran out before a choice was found, or proved to be impossible"


def serve_whole(problem: Problem, deadline: float) -> Found:
    """Choose sites with capacities and who is served where, each demand whole by one site.

    Parameters
    ----------
    problem
        Any of the four models, with ``capacity``.
    deadline
        Second of `time.monotonic` at which to stop.
    """
    if problem.model == "p-center":
        return _least_most(problem, deadline)
    task = task_of(problem)
    why_not = _too_much(task)
    if why_not:
        return _none(problem, why_not)
    solved = _solve(task, deadline, problem.seed)
    if solved.opened is None or solved.assignment is None:
        return _nothing(problem, task, solved, deadline)
    return _found(problem, task, solved.opened, solved.assignment, solved.bound)


def _solve(task: Task, deadline: float, seed: int) -> Solved:
    """Search, bound, search from what the bound suggests, and prove on what is left."""
    best = _first(task, _until(deadline, 0.12), seed, rounds=2)
    if best is None:
        return _without_first(task, deadline, seed)
    value = task.value(*best)
    bounded = bounds_of(task, cut_of(task, value), _until(deadline, 0.2))
    bound, least = raised(task, bounded.bound), bounded.least
    large = task.demands > _MANY
    turn = 0
    while bound <= cut_of(task, value):
        turn += 1
        again = _first(
            task, _until(deadline, 0.2), seed + turn, rounds=_ROUNDS,
            start=bounded.chosen if turn == 1 else best[0], enough=bound, best=best,
        )  # fmt: skip
        better = again is not None and task.value(*again) < value
        if again is not None and better:
            best, value = again, task.value(*again)
        if better or large:
            bounded = bounds_of(
                task, cut_of(task, value), _until(deadline, 0.2), start=bounded.prices
            )
            bound = max(bound, raised(task, bounded.bound))
            least = np.maximum(least, bounded.least)
        many = int((least <= cut_of(task, value)).sum())
        turns = 3 * _TURNS if large else _TURNS
        if many <= _SMALL or turn == turns or time.monotonic() > deadline:
            break
    return _proved(task, best, bound, least, deadline, seed)


def _proved(
    task: Task,
    best: tuple[Bools, Ints],
    bound: float,
    least: Floats,
    deadline: float,
    seed: int,
) -> Solved:
    """Solve the exact model of the pairs that are likely, then of more, until all that count.

    Whoever uses a pair left out pays more than the limit of the round: where that is less than the
    answer at hand, it is a bound.
    """
    value, most = task.value(*best), _SMALL
    while bound <= cut_of(task, value) and time.monotonic() < deadline:
        limit = cut_of(task, value)
        every = int((least <= limit).sum()) <= 2 * most
        if not every:
            limit = min(limit, float(np.partition(least, most)[most]))
        small = _reduced(task, least <= limit, best)
        solved = solve_model(small, deadline if every else _until(deadline, 0.6), seed, best)
        if solved.opened is not None and solved.assignment is not None:
            best = solved.opened, solved.assignment
            value = task.value(*best)
        lower = value if solved.ended else min(value, solved.bound)
        bound = max(bound, raised(task, lower if every else min(lower, limit)))
        if every:
            break
        most *= 4
    if bound > cut_of(task, value):
        return Solved(*best, value, True)
    return Solved(*best, min(bound, value), False)


def _until(deadline: float, share: float) -> float:
    """Return the second at which a share of the time that is left is over."""
    now = time.monotonic()
    return now + share * max(0.0, deadline - now)


def _reduced(task: Task, kept: Bools, best: tuple[Bools, Ints] | None) -> Task:
    """Return the task with pairs that count, and those of the answer at hand."""
    if best is not None:
        kept = kept | (best[1][task.demand] == task.site)
    used = np.bincount(task.site[kept], minlength=task.sites) > 0
    if best is not None:
        used |= best[0]
    return replace(task.keep(kept), free=task.free & used)


def _first(
    task: Task,
    deadline: float,
    seed: int,
    *,
    rounds: int,
    start: Bools | None = None,
    enough: float = -np.inf,
    best: tuple[Bools, Ints] | None = None,
) -> tuple[Bools, Ints] | None:
    """Return a good answer without proof; where sites are counted, with one site less each time."""
    if not task.site_weight.any():
        step = 1.0 - 1e-6 if counts(task) else 1e-9 * abs(enough)
        return search(task, deadline, seed, rounds=rounds, start=start, enough=enough + step)
    weight = task.site_weight[task.free]
    alike = bool((weight == weight[0]).all()) if len(weight) else True
    feasible = replace(task, site_weight=np.zeros(task.sites))
    if best is None:
        best = search(feasible, deadline, seed, rounds=rounds, start=start, enough=0.0)
    while best is not None and time.monotonic() < deadline:
        best = _used(task, best)
        chosen = best[0] & ~task.fixed
        paid = float(task.site_weight[chosen].sum())
        if cut_of(task, paid) < enough or not chosen.any():
            return best
        if alike:
            less = replace(feasible, left=int(chosen.sum()) - 1)
        else:
            less = replace(feasible, price=task.site_weight, money=cut_of(task, paid))
        emptiest = np.flatnonzero(chosen)[np.argmin(task.load(best[1])[chosen])]
        others = best[0].copy()
        others[emptiest] = False
        begin, start = others if start is None else start, None
        found = search(less, deadline, seed, rounds=rounds, start=begin, enough=0.0)
        if found is None and begin is not others:
            found = search(less, deadline, seed, rounds=rounds, start=others, enough=0.0)
        if found is None:
            return best
        best = found
    return best


def _used(task: Task, best: tuple[Bools, Ints]) -> tuple[Bools, Ints]:
    opened, assignment = best
    used = np.bincount(assignment[assignment >= 0], minlength=task.sites) > 0
    return opened & (used | task.fixed), assignment


def _without_first(task: Task, deadline: float, seed: int) -> Solved:
    """Prove that there is no answer, or find one by the exact model."""
    kept = np.ones(len(task.site), bool)
    for weight, most in ((np.ones(task.sites), float(task.left)), (task.price, task.money)):
        if most >= EVERYBODY:
            continue
        asked = replace(task, weight=np.zeros(len(task.site)), site_weight=weight)
        cut = most + 1e-6 * max(1.0, most)
        bounded = bounds_of(asked, cut, _until(deadline, 0.2))
        if bounded.bound > cut:
            return Solved(None, None, np.inf, True)
        kept &= bounded.least <= cut
    return solve_model(_reduced(task, kept, None), deadline, seed)


def _least_most(problem: Problem, deadline: float) -> Found:
    """Find the least radius within which all are served, halving what is not known yet."""
    everything = task_of(problem, radius=np.inf)
    why_not = _too_much(everything)
    if why_not:
        return _none(problem, why_not)
    fits = problem.demand[problem.pairs.demand] <= everything.room[problem.pairs.site]
    cost = np.where(fits, problem.pairs.cost, np.inf)
    nearest = np.minimum.reduceat(cost, problem.pairs.first[:-1])
    radii = np.unique(cost[np.isfinite(cost) & (cost >= nearest.max())])
    low = _lowest(problem, radii, _until(deadline, 0.15))
    # Below `low` there is no answer; below `doubtful` none was found. At `high` there is one.
    doubtful, high = low, len(radii)
    best: tuple[Bools, Ints] | None = None
    while doubtful < high and (best is None or time.monotonic() < deadline):
        # The largest first: whether there is an answer at all.
        at = high - 1 if best is None else (doubtful + high) // 2
        task = task_of(problem, radius=float(radii[at]))
        share = 1.0 if best is None else 1.0 / (np.log2(high - doubtful) + 1.0)
        solved = _any(task, _until(deadline, share), problem.seed, _ROUNDS)
        if solved.opened is not None and solved.assignment is not None:
            best = solved.opened, solved.assignment
            high = int(np.searchsorted(radii, np.nanmax(problem.cost_of(best[1]))))
        elif best is None:
            return _nothing(problem, task, solved, deadline)
        else:
            doubtful = at + 1
            low = at + 1 if solved.ended else low
    if best is None:
        return Found(problem.forced, np.nan, exists=None, reason=_LATE)
    turn = 0
    while low < high and turn < 2 * _TURNS and time.monotonic() < deadline:
        turn += 1
        task = task_of(problem, radius=float(radii[high - 1]))
        seed = problem.seed + turn
        found = search(task, deadline, seed, rounds=_ROUNDS * turn, start=best[0], enough=0.0)
        if found is not None:
            best, turn = found, 0
            high = int(np.searchsorted(radii, np.nanmax(problem.cost_of(best[1]))))
    return _found(problem, everything, *best, float(radii[min(low, high)]))


def _lowest(problem: Problem, radii: Floats, deadline: float) -> int:
    """Return a radius below which there is provably no answer, as a place among the radii."""
    low, high = 0, len(radii) - 1
    while low < high and time.monotonic() < deadline:
        at = (low + high) // 2
        task = task_of(problem, radius=float(radii[at]))
        asked = replace(task, site_weight=np.ones(task.sites), left=EVERYBODY)
        if task.left < EVERYBODY and (
            _too_much(task)
            or bounds_of(asked, task.left + _SURE, deadline, steps=_STEPS).bound > task.left + _SURE
        ):
            low = at + 1
        else:
            high = at
    return low


def _any(task: Task, deadline: float, seed: int, rounds: int) -> Solved:
    """Return any answer, or that there is none."""
    if _too_much(task):
        return Solved(None, None, np.inf, True)
    first = search(task, _until(deadline, 0.3), seed, rounds=rounds, enough=0.0)
    return Solved(*first, 0.0, True) if first is not None else _without_first(task, deadline, seed)


def _found(problem: Problem, task: Task, opened: Bools, assignment: Ints, bound: float) -> Found:
    if problem.model == "mclp":
        bound = -bound
    elif problem.model == "lscp":
        bound += float(problem.site_cost[problem.required].sum())
    opened, assignment = _used(task, (opened, assignment))
    value = problem.objective(opened, assignment)
    reachable = float(problem.demand[np.diff(task.first) > 0].sum())
    if problem.model == "mclp":
        bound = max(value, min(bound, reachable))
    else:
        bound = min(value, max(bound, 0.0))
    return Found(opened, bound, assignment)


def _none(problem: Problem, reason: str) -> Found:
    return Found(problem.forced, np.nan, exists=False, reason=reason)


def _nothing(problem: Problem, task: Task, solved: Solved, deadline: float) -> Found:
    """Say why there is no answer: proved, or out of time."""
    if not solved.ended:
        return Found(problem.forced, np.nan, exists=None, reason=_LATE)
    return _none(problem, _why_not(task, problem, deadline))


def _why_not(task: Task, problem: Problem, deadline: float) -> str:
    """Put into words what a search to the end has proved to be impossible."""
    what = _terms(problem)
    unlimited = replace(task, room=np.full(task.sites, np.inf))
    reach = solve_model(unlimited, min(deadline, time.monotonic() + 2.0), problem.seed)
    if reach.ended and reach.opened is None:
        return f"no choice of sites {what} reaches everybody, even without capacities"
    return (
        f"no choice of sites {what} serves all demands whole within what each site holds, "
        "though without capacities there is one"
        if reach.opened is not None
        else f"no choice of sites {what} serves all demands whole within what each site holds"
    )


def _terms(problem: Problem) -> str:
    parts = []
    if problem.count is not None:
        parts.append(f"of {problem.count}")
    if problem.budget is not None:
        parts.append(f"for {_number(problem.budget)}")
    if problem.limit is not None:
        parts.append(f"within {_number(problem.limit)}")
    return " ".join(parts)


def _too_much(task: Task) -> str:
    """Say where all that may be open together hold less than is to be served."""
    some = np.diff(task.first) > 0
    if task.all and not some.all():
        i = int(np.flatnonzero(~some)[0])
        return (
            f"demand {i} needs {_number(task.need[i])} and is served whole, but no site that may "
            "be open in its reach holds so much"
        )
    wanted = float(task.need.sum()) if task.all else task.target
    in_reach = float(task.need[some].sum())
    if in_reach < wanted:
        return (
            f"{_number(wanted)} people are to be served, but only {_number(in_reach)} have a site "
            "in reach that holds them"
        )
    room = np.minimum(task.room, np.bincount(task.site, task.need[task.demand], task.sites))
    given = float(room[task.fixed].sum())
    most = np.sort(_one_of_each(task, room))[::-1][: task.left]
    held = given + float(most.sum())
    if held < wanted * (1 - 1e-9):
        sites = int(task.fixed.sum()) + len(most)
        some_sites = f"no {sites} sites" if sites > 1 else "no site"
        return (
            f"{_number(wanted)} people are to be served, but {some_sites} that may be open can "
            f"serve more than {_number(held)}" + " together" * (sites > 1)
        )
    return ""


def _one_of_each(task: Task, room: Floats) -> Floats:
    """What the free sites hold, of those that exclude each other the one that holds most."""
    held = np.where(task.free, room, 0.0)
    of_group = np.unique(task.group[task.free & (task.group >= 0)])
    alone = held[task.free & (task.group < 0)]
    best = [float(held[task.free & (task.group == g)].max()) for g in of_group]
    return np.concatenate([alone, np.array(best)])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 * abs(value) else f"{value:,.6g}"
