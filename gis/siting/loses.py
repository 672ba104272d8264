"""Without this site: who loses what, and which other site would replace it best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.siting.answer import Siting
from gis.siting.locate import locate
from gis.siting.problem import Bools, Floats, Ints, Problem, read_problem

_FIRST_ROWS: Final = 256
_LEAST_S: Final = 0.01


@dataclass(frozen=True, eq=False)
class Loss:
    """What one chosen site is there for.

    ``serves`` are the demands (rows) that it serves, with ``people`` in them. Without it, those of
    ``uncovered`` are served no more (``people_lost``), and others go farther: ``farther_sum`` is
    people x cost in all, ``farther_most`` the largest cost added for anyone. ``objective_without``
    is NaN where there is then no answer. ``replacement``: the site that stands in best, None where
    there is none; ``uncovered_then`` are the demands that it leaves without service all the same.
    ``proved`` False: capacities decide, and time ran out before the best was certain.
    """

    site: int
    serves: Ints
    people: float
    uncovered: Ints
    people_lost: float
    farther_sum: float
    farther_most: float
    objective_without: float
    replacement: int | None
    uncovered_then: Ints
    people_lost_then: float
    objective_then: float
    proved: bool = True


def without_each(
    cost: Any,
    demand: ArrayLike,
    siting: Siting,
    *,
    model: str,
    limit: float | None = None,
    capacity: ArrayLike | None = None,
    given: Sequence[int] = (),
    closed: Sequence[int] = (),
    site_cost: ArrayLike | None = None,
    budget: float | None = None,
    share: float | None = None,
    one_of: ArrayLike | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
) -> tuple[Loss, ...]:
    """Return for each chosen site who loses without it and what replaces it best.

    The other sites stay as they are. The best replacement leaves the fewest people unserved (net
    of those whom it serves anew, "mclp"), the fewest demands unserved at the least price ("lscp"),
    or, everybody being served, the least objective. It keeps to ``closed``, ``budget``, ``one_of``.

    Parameters
    ----------
    cost, demand, model, limit, capacity, given, closed, site_cost, budget, share, one_of, seed
        What `gis.siting.locate` was asked.
    siting
        What it answered.
    time_limit_s
        Shared among the sites; needed with ``capacity`` only, where each is a search of its own.

    Returns
    -------
    losses
        In the order of ``siting.chosen``; none where there is no answer.

    Notes
    -----
    Without capacity all replacements are priced at once: a swap changes the nearest and the second
    nearest site alone (Whitaker 1983; Resende, Werneck 2007).
    """
    if not len(siting.chosen):
        return ()
    asked: dict[str, Any] = {
        "limit": limit, "capacity": capacity, "given": given, "closed": closed,
        "site_cost": site_cost, "one_of": one_of, "seed": seed,
    }  # fmt: skip
    problem = read_problem(
        cost, demand, model=model, required=(), share=share, budget=budget,
        count=None if model == "lscp" else len(siting.chosen), time_limit_s=time_limit_s, **asked,
    )  # fmt: skip
    if siting.assignment.shape != (problem.demands,):
        raise OptionError("the answer has not as many demands as cost has rows")
    if capacity is None:
        return _Swaps(problem, siting).losses()
    deadline = time.monotonic() + time_limit_s
    asked |= {"budget": budget, "share": share}
    return tuple(
        _crowded(cost, demand, problem, siting, at, asked, deadline)
        for at in range(len(siting.chosen))
    )


class _Swaps:
    """All swaps of one chosen site for one that is not, priced from two nearest sites each."""

    def __init__(self, problem: Problem, siting: Siting) -> None:
        pairs = problem.pairs
        self.problem, self.siting = problem, siting
        self.chosen = siting.chosen
        self.open = problem.given.copy()
        self.open[self.chosen] = True
        self.owner, self.near = problem.nearest(self.open)
        self.row = pairs.demand
        others = self.open[pairs.site] & (pairs.site != self.owner[self.row])
        self.second = np.full(problem.demands, np.inf)
        np.minimum.at(self.second, self.row[others], pairs.cost[others])
        place = np.full(problem.sites + 1, -1)
        place[self.chosen] = np.arange(len(self.chosen))
        self.place = place[self.owner]  # (n,) which chosen site serves; -1: none, or a given one
        self.lost = (self.place >= 0) & np.isinf(self.second)
        self.added = np.where((self.place >= 0) & ~self.lost, self.second - self.near, 0.0)
        self.candidates = np.flatnonzero(problem.usable & ~self.open)

    def losses(self) -> tuple[Loss, ...]:
        who = self.problem.demand
        best = self._replacements()
        out = []
        for at, site in enumerate(self.chosen.tolist()):
            mine = self.place == at
            lost = np.flatnonzero(mine & self.lost)
            other = best[at]
            then, objective_then = lost, np.nan
            if other is not None:
                then = np.setdiff1d(lost, self._reached(other))
                objective_then = self._objective(at, other)
            farther = self.added[mine]
            out.append(
                Loss(
                    site=site,
                    serves=np.flatnonzero(mine),
                    people=float(who[mine].sum()),
                    uncovered=lost,
                    people_lost=float(who[lost].sum()),
                    farther_sum=float((who[mine] * farther).sum()),
                    farther_most=float(farther.max(initial=0.0)),
                    objective_without=self._objective(at, None),
                    replacement=other,
                    uncovered_then=then,
                    people_lost_then=float(who[then].sum()),
                    objective_then=objective_then,
                )
            )
        return tuple(out)

    def _reached(self, site: int) -> NDArray[np.integer[Any]]:
        rows = self.problem.by_site
        found: NDArray[np.integer[Any]] = rows.indices[rows.indptr[site] : rows.indptr[site + 1]]
        return found

    def _objective(self, at: int, other: int | None) -> float:
        """Return the objective with one site less, or another in its place; NaN: no answer."""
        problem = self.problem
        is_open = self.open.copy()
        is_open[self.chosen[at]] = False
        cost = np.where(self.place == at, self.second, np.where(self.owner < 0, np.inf, self.near))
        if other is not None:
            is_open[other] = True
            rows = problem.by_site
            part = slice(rows.indptr[other], rows.indptr[other + 1])
            cost[rows.indices[part]] = np.minimum(cost[rows.indices[part]], rows.data[part])
        served = np.isfinite(cost)
        if problem.model == "mclp":
            return float(problem.demand[served].sum())
        if problem.model == "lscp":
            enough = self._short(float(problem.demand[served].sum())) <= 0
            fine = served.all() if problem.share >= 1.0 else enough
            return float(problem.site_cost[is_open & ~problem.given].sum()) if fine else np.nan
        if not served.all():
            return np.nan
        return float((problem.demand * cost).sum() if problem.model == "p-median" else cost.max())

    def _short(self, people: float) -> float:
        """How many people are missing of the share."""
        total = float(self.problem.demand.sum())
        short = self.problem.share * total - people
        return short if short > self.problem.slack(total) else 0.0

    def _replacements(self) -> list[int | None]:
        if not len(self.candidates):
            return [None] * len(self.chosen)
        regained, rows, farther, anew = self._tables()
        who, problem = self.problem.demand, self.problem
        lost_rows = np.bincount(self.place[self.lost], minlength=len(self.chosen))
        lost = np.bincount(self.place[self.lost], who[self.lost], minlength=len(self.chosen))
        covered = float(who[self.owner >= 0].sum())
        best: list[int | None] = []
        for at in range(len(self.chosen)):
            allowed = self._allowed(at)
            if not allowed.any():
                best.append(None)
                continue
            people_left = lost[at] - regained[at]
            rows_left = lost_rows[at] - rows[at]
            price = problem.site_cost[self.candidates]
            if problem.model == "mclp":
                keys = [people_left - anew, people_left, farther[at]]
            elif problem.model == "lscp" and problem.share < 1.0:
                now = covered - people_left + anew
                keys = [np.array([self._short(v) for v in now.tolist()]), price, people_left]
            elif problem.model == "lscp":
                keys = [rows_left, price, farther[at]]
            else:
                keys = [rows_left, people_left, farther[at]]
                whole = allowed & (rows_left == 0)
                if problem.model == "p-center" and whole.any():
                    keys = [self._largest(at, whole), farther[at]]
                    allowed = whole
            order = np.lexsort((*reversed(keys), ~allowed))
            best.append(int(self.candidates[order[0]]))
        return best

    def _allowed(self, at: int) -> Bools:
        """(c,) candidates that money and exclusion let stand in for a site."""
        problem, site = self.problem, self.chosen[at]
        rest = self.open.copy()
        rest[site] = False
        group = problem.one_of[self.candidates]
        allowed = (group < 0) | ~np.isin(group, problem.one_of[rest])
        if problem.budget is not None:
            spent = float(problem.site_cost[rest].sum())
            left = problem.budget + problem.slack(problem.budget) - spent
            allowed &= problem.site_cost[self.candidates] <= left
        return allowed

    def _tables(self) -> tuple[Floats, Ints, Floats, Floats]:
        """(k, c) people and demands regained and people x cost added, (c,) people served anew."""
        pairs, who = self.problem.pairs, self.problem.demand
        c, k = len(self.candidates), len(self.chosen)
        column = np.full(self.problem.sites, -1)
        column[self.candidates] = np.arange(c)
        of_pair = column[pairs.site]
        near = np.where(self.owner < 0, np.inf, self.near)
        at = np.flatnonzero(of_pair >= 0)
        row, col, cost = self.row[at], of_pair[at], pairs.cost[at]
        place, people = self.place[row], who[row]

        def table(picked: Bools, weight: Floats | None) -> Floats:
            where = place[picked] * c + col[picked]
            sums = np.bincount(where, None if weight is None else weight[picked], minlength=k * c)
            return sums.reshape(k, c).astype(float)

        regained = self.lost[row]
        mine = place >= 0
        unserved = self.owner[row] < 0
        anew = np.bincount(col[unserved], people[unserved], minlength=c).astype(float)
        saved = np.where(unserved, 0.0, np.maximum(near[row] - cost, 0.0))
        saved_all = np.bincount(col, people * saved, minlength=c)
        second = np.where(self.lost, self.near, self.second)[row]
        now = np.where(regained, cost, np.minimum(cost, second))
        change = people * np.where(mine, now - np.where(mine, second, 0.0) + saved, 0.0)
        without = np.bincount(
            self.place[self.place >= 0], (who * self.added)[self.place >= 0], minlength=k
        )
        farther = without[:, None] - saved_all[None, :] + table(mine, change)
        return table(regained, people), table(regained, None).astype(np.int64), farther, anew

    def _largest(self, at: int, allowed: Bools) -> Floats:
        """(c,) the largest cost with each candidate in place of a site; inf where not the least.

        Demands that go farthest without it are looked at first, until the rest cannot matter.
        """
        problem = self.problem
        cost = np.where(self.place == at, self.second, self.near)
        order = np.argsort(-cost, kind="stable")
        take = _FIRST_ROWS
        column = np.full(problem.sites, -1)
        column[self.candidates] = np.arange(len(self.candidates))
        worst = np.zeros(len(self.candidates))
        done = 0
        while True:
            rows = order[done:take]
            part = np.repeat(cost[rows][:, None], len(self.candidates), axis=1)
            for i, row in enumerate(rows.tolist()):
                span = slice(problem.pairs.first[row], problem.pairs.first[row + 1])
                col = column[problem.pairs.site[span]]
                of = problem.pairs.cost[span][col >= 0]
                part[i, col[col >= 0]] = np.minimum(part[i, col[col >= 0]], of)
            worst = np.maximum(worst, part.max(axis=0, initial=0.0))
            done, take = take, take * 2
            least = worst[allowed].min()
            if done >= len(order) or least >= cost[order[done]]:
                return np.where(allowed & (worst <= least), worst, np.inf)


def _crowded(
    cost: Any,
    demand: ArrayLike,
    problem: Problem,
    siting: Siting,
    at: int,
    asked: dict[str, Any],
    deadline: float,
) -> Loss:
    """Ask `locate` anew, without a site and with any other in its place."""
    site = int(siting.chosen[at])
    rest = [int(j) for j in siting.chosen if j != site]
    ask = {**asked, "closed": [*asked["closed"], site], "required": rest}
    each = max((deadline - time.monotonic()) / (2 * (len(siting.chosen) - at)), _LEAST_S)
    without = _again(cost, demand, problem, ask, len(rest), each)
    more = problem.sites - int(problem.given.sum()) - len(set(ask["closed"])) > len(rest)
    then = _again(cost, demand, problem, ask, len(rest) + 1, each) if more else without
    stands = np.setdiff1d(np.flatnonzero(then.open), np.r_[rest, np.flatnonzero(problem.given)])
    who = problem.demand
    before = siting.assignment
    lost = np.flatnonzero((before >= 0) & (without.assignment < 0))
    left = np.flatnonzero((before >= 0) & (then.assignment < 0))
    mine = np.flatnonzero(before == site)
    now = problem.cost_of(without.assignment) - problem.cost_of(before)
    added = np.where(np.isfinite(now), np.maximum(now, 0.0), 0.0)
    return Loss(
        site=site,
        serves=mine,
        people=float(who[mine].sum()),
        uncovered=lost,
        people_lost=float(who[lost].sum()),
        farther_sum=float((who * added).sum()),
        farther_most=float(added.max(initial=0.0)),
        objective_without=without.value,
        replacement=int(stands[0]) if len(stands) else None,
        uncovered_then=left,
        people_lost_then=float(who[left].sum()),
        objective_then=then.value if len(stands) else np.nan,
        proved=without.proved and then.proved,
    )


@dataclass(frozen=True, eq=False)
class _Again:
    open: Bools
    assignment: Ints
    value: float
    proved: bool


def _again(
    cost: Any,
    demand: ArrayLike,
    problem: Problem,
    ask: dict[str, Any],
    count: int,
    seconds: float,
) -> _Again:
    """Ask for the best; where not all can be served, for the most who can."""
    model = problem.model
    ask = {name: value for name, value in ask.items() if name != "share"}
    answer, value = None, np.nan
    everybody = model == "lscp" and problem.share >= 1.0
    if everybody or model in ("p-median", "p-center"):
        asks = "p-center" if everybody else model  # rows of 0 people are to be served as well
        answer = locate(cost, demand, model=asks, count=count, time_limit_s=seconds, **ask)
        value = answer.objective
    if answer is None or np.isnan(value):
        answer = locate(cost, demand, model="mclp", count=count, time_limit_s=seconds, **ask)
        value = answer.objective if model == "mclp" else np.nan
    served = answer.assignment >= 0
    is_open = problem.given.copy()
    is_open[answer.chosen] = True
    if model == "lscp":
        total = float(problem.demand.sum())
        enough = problem.demand[served].sum() >= problem.share * total - problem.slack(total)
        fine = served.all() if everybody else enough
        value = float(problem.site_cost[is_open].sum()) if fine else np.nan
    return _Again(is_open, answer.assignment, float(value), answer.status == "optimal")
