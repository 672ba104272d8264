"""People covered against the number of sites, or the money: with bounds, and where it bends."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from gis.errors import CheckError, OptionError
from gis.siting.answer import Siting, Status, gap_of, reaches
from gis.siting.locate import locate
from gis.siting.problem import Problem, read_problem

_MOST_POINTS: Final = 30
_EACH_TO: Final = 12
_LEAST_S: Final = 0.01
_STRAIGHT: Final = 1e-9
_KNEE: Final = "farthest above the straight line from the first point to the last (Kneedle)"

Live = Callable[[int, int], bool]
"""Called with the points done and all of them; False stops the curve there."""


@dataclass(frozen=True, eq=False)
class CurvePoint:
    """The best choice of ``count`` sites, or for ``budget``.

    ``people`` are covered, and no choice of so many covers more than ``bound``. ``gain`` is what
    each further site since the point before adds (for money: each unit of money; NaN at the first
    point); ``spent`` what the sites cost. ``siting`` is the answer of `gis.siting.locate`, with
    its own bound: the one here may be better, as it knows of the other points.
    """

    count: int
    budget: float | None
    people: float
    bound: float
    gap: float
    status: Status
    gain: float
    spent: float
    siting: Siting


@dataclass(frozen=True, eq=False)
class Curve:
    """Points in ascending order; people never fall from one to the next, nor do bounds.

    ``total`` people there are, ``reachable`` of them by any site that may be open. ``knee`` is the
    place in ``points`` where it bends, by ``knee_rule``; None where fewer than three points were
    asked or they are in a line. ``stopped``: the caller ended it before the last point.
    """

    points: tuple[CurvePoint, ...]
    total: float
    reachable: float
    knee: int | None
    knee_rule: str = _KNEE
    stopped: bool = False

    def worth(self, share: float) -> int | None:
        """Return the place after which no step adds ``share`` of all people per site any more.

        For money per unit of money. None where the last point asked still adds as much.
        """
        small = [point.gain < share * self.total for point in self.points[1:]]
        if not small or not small[-1]:
            return None
        return len(small) - next((i for i, s in enumerate(reversed(small)) if not s), len(small))


def curve(
    cost: Any,
    demand: ArrayLike,
    *,
    limit: float | None,
    counts: Sequence[int] | None = None,
    capacity: ArrayLike | None = None,
    given: Sequence[int] = (),
    required: Sequence[int] = (),
    closed: Sequence[int] = (),
    site_cost: ArrayLike | None = None,
    budget: float | None = None,
    one_of: ArrayLike | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
    live: Live | None = None,
) -> Curve:
    """Return the most people covered by each number of sites.

    Parameters
    ----------
    counts
        Numbers of sites; None: from those required to as many as serve all who can be served at
        all (each one to 12, thinned to 30 points beyond).
    time_limit_s
        Shared by the points; what one leaves the next ones have.
    live
        Called before each point with the points done and all points; False stops there.

    Others as `gis.siting.locate` ("mclp") has them.

    Raises
    ------
    OptionError
        As `locate`, or ``counts`` are not ascending.

    Notes
    -----
    A bound holds for each smaller count too. Without ``required`` and ``capacity`` it holds for
    larger ones as well, in proportion: of k + 1 sites the one that adds least adds at most a
    (k + 1)-th (Nemhauser, Wolsey, Fisher 1978). The knee: Satopää, Albrecht, Irwin, Raghavan 2011.
    """
    asked: dict[str, Any] = {
        "limit": limit, "capacity": capacity, "given": given, "required": required,
        "closed": closed, "site_cost": site_cost, "budget": budget, "one_of": one_of, "seed": seed,
    }  # fmt: skip
    first = len(set(required)) if counts is None or not len(counts) else counts[0]
    problem = _read(cost, demand, asked, first, time_limit_s)
    if counts is None:
        steps = _thinned(first, max(first, _needed(problem)))
    else:
        steps = list(counts)
        _ascending(steps, "counts")
    return _asked_each(
        cost, demand, problem, [{**asked, "count": k} for k in steps], time_limit_s, live,
        ends=counts is None,
    )  # fmt: skip


def money_curve(
    cost: Any,
    demand: ArrayLike,
    *,
    limit: float | None,
    site_cost: ArrayLike,
    budgets: Sequence[float] | None = None,
    steps: int = 12,
    capacity: ArrayLike | None = None,
    given: Sequence[int] = (),
    required: Sequence[int] = (),
    closed: Sequence[int] = (),
    one_of: ArrayLike | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
    live: Live | None = None,
) -> Curve:
    """Return the most people covered for each budget.

    ``budgets``: None, ``steps`` equal ones from what the required sites cost to what a choice
    costs that serves all who can be served. All else as `curve` has it.
    """
    asked: dict[str, Any] = {
        "limit": limit, "capacity": capacity, "given": given, "required": required,
        "closed": closed, "site_cost": site_cost, "budget": None, "one_of": one_of, "seed": seed,
    }  # fmt: skip
    problem = _read(cost, demand, asked, len(set(required)), time_limit_s)
    if budgets is None:
        least = float(problem.site_cost[problem.required].sum())
        full = least + float(problem.site_cost[_greedy(problem)].sum())
        amounts = np.unique(np.linspace(least, full, max(steps, 2))).tolist()
    else:
        amounts = list(budgets)
        _ascending(amounts, "budgets")
    return _asked_each(
        cost, demand, problem, [{**asked, "budget": b} for b in amounts], time_limit_s, live,
        ends=budgets is None,
    )  # fmt: skip


def _read(
    cost: Any, demand: ArrayLike, asked: dict[str, Any], count: int, time_limit_s: float
) -> Problem:
    return read_problem(
        cost, demand, model="mclp", count=count, share=None, time_limit_s=time_limit_s, **asked
    )


def _ascending(steps: Sequence[float], name: str) -> None:
    if not steps:
        raise OptionError(f"{name} is empty; give at least one")
    if any(b <= a for a, b in itertools.pairwise(steps)):
        raise OptionError(f"{name} have to be ascending: {', '.join(f'{s}' for s in steps[:8])}")


def _thinned(low: int, high: int) -> list[int]:
    """Return whole numbers from low to high, each of the first, then fewer."""
    if high - low < _MOST_POINTS:
        return list(range(low, high + 1))
    dense = list(range(low, low + _EACH_TO + 1))
    rest = np.linspace(dense[-1], high, _MOST_POINTS - len(dense) + 1)[1:]
    return [*dense, *np.unique(np.round(rest).astype(int)).tolist()]


def _needed(problem: Problem) -> int:
    """Return a number of sites, the required ones too, with which nobody is left to be won."""
    required = int(problem.required.sum())
    if problem.capacity is not None:
        return int((problem.usable & ~problem.given).sum())
    return required + len(_greedy(problem))


def _greedy(problem: Problem) -> list[int]:
    """Return sites, the most new people (per money, if priced) first, until nobody is new."""
    cover = problem.pairs.matrix(problem.sites)
    people = problem.demand.copy()
    people[np.isfinite(problem.nearest(problem.forced)[1])] = 0.0
    gain = np.asarray(cover.T @ people)
    price = np.where(problem.site_cost > 0, problem.site_cost, _STRAIGHT)
    free = problem.free & ~np.isin(
        problem.one_of, problem.one_of[problem.forced & (problem.one_of >= 0)]
    )
    chosen: list[int] = []
    while True:
        best = int(np.argmax(np.where(free, gain / price, -1.0)))
        rows = problem.by_site
        new = rows.indices[rows.indptr[best] : rows.indptr[best + 1]]
        new = new[people[new] > 0]
        if not free[best] or not len(new):
            return chosen
        chosen.append(best)
        gain -= np.asarray(cover[new].T @ people[new])
        people[new] = 0.0
        free[best] = False
        if problem.one_of[best] >= 0:
            free &= problem.one_of != problem.one_of[best]


def _asked_each(
    cost: Any,
    demand: ArrayLike,
    problem: Problem,
    asked: list[dict[str, Any]],
    time_limit_s: float,
    live: Live | None,
    *,
    ends: bool,
) -> Curve:
    """Ask for each point; ``ends``: stop where all who can be served are."""
    deadline = time.monotonic() + time_limit_s
    who = problem.demand
    reachable = float(who[np.diff(problem.pairs.first) > 0].sum())
    points: list[CurvePoint] = []
    stopped = False
    for done, ask in enumerate(asked):
        if live is not None and not live(done, len(asked)):
            stopped = True
            break
        seconds = max((deadline - time.monotonic()) / (len(asked) - done), _LEAST_S)
        siting = locate(cost, demand, model="mclp", time_limit_s=seconds, **ask)
        if points and not siting.objective >= points[-1].people:
            bound = reachable if np.isnan(siting.bound) else siting.bound
            siting = _not_less(cost, demand, ask, points[-1].siting, bound)
        if np.isnan(siting.objective):
            continue
        spent = float(problem.site_cost[siting.chosen].sum()) if problem.priced else np.nan
        points.append(
            CurvePoint(
                count=len(siting.chosen) if ask.get("count") is None else ask["count"],
                budget=ask["budget"],
                people=siting.objective,
                bound=min(siting.bound, reachable),
                gap=siting.gap,
                status=siting.status,
                gain=np.nan,
                spent=spent,
                siting=siting,
            )
        )
        if ends and reaches(siting.objective, reachable):
            break
    by_count = bool(asked) and asked[0].get("count") is not None
    firm = _consistent(points, problem, by_count=by_count)
    return Curve(firm, float(who.sum()), reachable, _knee(firm, by_count=by_count), stopped=stopped)


def _not_less(
    cost: Any, demand: ArrayLike, ask: dict[str, Any], before: Siting, bound: float
) -> Siting:
    """Keep the sites of the point before and add to them, where the search found less."""
    kept = {**ask, "required": before.chosen.tolist()}
    grown = locate(cost, demand, model="mclp", time_limit_s=_LEAST_S, **kept)
    best = grown if grown.objective >= before.objective else before
    bound = max(bound, best.objective)
    same = reaches(best.objective, bound)
    return replace(
        best, bound=bound, gap=gap_of(best.objective, bound),
        status="optimal" if same else "feasible",
    )  # fmt: skip


def _consistent(
    points: list[CurvePoint], problem: Problem, *, by_count: bool
) -> tuple[CurvePoint, ...]:
    """Let each bound profit from the others, and tell what each step gains."""
    if not points:
        return ()
    bound = np.array([p.bound for p in points])
    steps = np.array([p.count if by_count else (p.budget or 0.0) for p in points], dtype=float)
    if by_count and problem.capacity is None and not problem.required.any():
        base = float(problem.demand[problem.nearest(problem.given)[0] >= 0].sum())
        for k in range(1, len(points)):
            if steps[k - 1] >= 1:
                most = base + (bound[k - 1] - base) * steps[k] / steps[k - 1]
                bound[k] = min(bound[k], most * (1 + _STRAIGHT))
    bound = np.minimum.accumulate(bound[::-1])[::-1]
    out = []
    for k, point in enumerate(points):
        gain = np.nan
        if k:
            gain = (point.people - points[k - 1].people) / (steps[k] - steps[k - 1])
        most = float(bound[k])
        if reaches(point.people, most):
            most = point.people
        elif most < point.people:
            raise CheckError(f"{point.people:g} people are covered, above their bound of {most:g}")
        status: Status = "optimal" if most == point.people else "feasible"
        out.append(
            replace(
                point, bound=most, gap=gap_of(point.people, most), status=status, gain=float(gain)
            )
        )
    return tuple(out)


def _knee(points: tuple[CurvePoint, ...], *, by_count: bool) -> int | None:
    """Return the place farthest above the chord, both axes scaled to 0-1."""
    if len(points) < 3:
        return None
    x = np.array([p.count if by_count else (p.budget or 0.0) for p in points], dtype=float)
    y = np.array([p.people for p in points])
    if y[-1] <= y[0]:
        return None
    above = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    at = int(np.argmax(np.round(above, 12)))
    return at if above[at] > _STRAIGHT else None
