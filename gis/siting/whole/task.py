"""Siting with capacities, every demand served whole by one site, brought into one bare form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gis.siting.problem import ROUNDING, Bools, Floats, Ints, Problem

EVERYBODY: Final = np.iinfo(np.int32).max
"""So many sites that no count is in the way."""


@dataclass(frozen=True, eq=False)
class Task:
    """Least of sum of pair weights + sum of site weights, of who is served and what is open.

    n demands, m sites and p pairs as in `Pairs`, without pairs whose demand alone is more than the
    site holds. ``need`` (n,) people; ``room`` (m,) what a site holds, with its rounding; ``fixed``
    (m,) sites open in any case; ``free`` (m,) those that may be opened, at most ``left`` of them,
    for at most ``money`` at ``price`` (m,), and one of each ``group`` (m,), -1: none. ``all``:
    every demand is served; else the people served are ``target`` or more.
    """

    first: Ints
    site: Ints
    weight: Floats
    need: Floats
    room: Floats
    fixed: Bools
    free: Bools
    left: int
    price: Floats
    money: float
    group: Ints
    site_weight: Floats
    all: bool
    target: float

    @property
    def demands(self) -> int:
        """Number of demands."""
        return len(self.need)

    @property
    def sites(self) -> int:
        """Number of sites."""
        return len(self.room)

    @property
    def demand(self) -> Ints:
        """(p,) the demand of each pair."""
        return np.repeat(np.arange(self.demands, dtype=np.int64), np.diff(self.first))

    def keep(self, kept: Bools) -> Task:
        """Return the task with some of its pairs."""
        first = np.r_[0, np.cumsum(kept)][self.first]
        return replace(self, first=first, site=self.site[kept], weight=self.weight[kept])

    def value(self, opened: Bools, assignment: Ints) -> float:
        """Return the sum that is to be least; inf for a demand at a site that is no pair of it."""
        served = np.flatnonzero(assignment >= 0)
        keys = self.demand * self.sites + self.site
        wanted = served * self.sites + assignment[served]
        at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if len(served) and (not len(keys) or (keys[at] != wanted).any()):
            return np.inf
        paid = float(self.site_weight[opened & ~self.fixed].sum())
        return float(self.weight[at].sum()) + paid if len(served) else paid

    def load(self, assignment: Ints) -> Floats:
        """(m,) people served at each site."""
        served = assignment >= 0
        return np.bincount(assignment[served], self.need[served], self.sites).astype(float)

    def sites_allowed(self, opened: Bools) -> bool:
        """Whether sites may be open together."""
        chosen = opened & ~self.fixed
        if not opened[self.fixed].all() or (chosen & ~self.free).any():
            return False
        grouped = self.group[opened & (self.group >= 0)]
        once = len(np.unique(grouped)) == len(grouped)
        return once and int(chosen.sum()) <= self.left and self.paid(opened) <= self.money

    def paid(self, opened: Bools) -> float:
        """What the sites opened cost."""
        return float(self.price[opened & ~self.fixed].sum())

    def allowed(self, opened: Bools, assignment: Ints) -> bool:
        """Whether everything is kept: who is served, by open sites, within what they hold."""
        served = assignment >= 0
        if not self.sites_allowed(opened) or not opened[assignment[served]].all():
            return False
        if (self.load(assignment) > self.room).any() or not np.isfinite(
            self.value(opened, assignment)
        ):
            return False
        return bool(served.all()) if self.all else float(self.need[served].sum()) >= self.target


def task_of(problem: Problem, *, radius: float | None = None) -> Task:
    """Bring a problem into its bare form; radius: leave out pairs that cost more, weigh nothing."""
    pairs = problem.pairs
    capacity = problem.capacity if problem.capacity is not None else np.full(problem.sites, np.inf)
    room = capacity + ROUNDING * np.maximum(1.0, capacity)
    demand = pairs.demand
    free = problem.free & ~_taken(problem)
    kept = (problem.demand[demand] <= room[pairs.site]) & (free | problem.forced)[pairs.site]
    weight = np.zeros(len(pairs.cost))
    everybody = problem.model != "mclp" and problem.share >= 1.0
    if problem.model == "p-median":
        weight = problem.demand[demand] * pairs.cost
    elif problem.model == "mclp":
        weight = -problem.demand[demand]
    if radius is not None:
        kept &= pairs.cost <= radius
    if not everybody:
        kept &= problem.demand[demand] > 0
    total = float(problem.demand.sum())
    wanted = problem.share * total
    left = EVERYBODY if problem.left is None else problem.left
    money = problem.money
    fewest = problem.model == "lscp"
    task = Task(
        first=pairs.first,
        site=pairs.site,
        weight=weight,
        need=problem.demand,
        room=room,
        fixed=problem.forced,
        free=free,
        left=min(left, int(free.sum())),
        price=problem.site_cost,
        money=money + (0.0 if problem.budget is None else problem.slack(problem.budget)),
        group=problem.one_of,
        site_weight=problem.site_cost if fewest else np.zeros(problem.sites),
        all=everybody,
        target=wanted - problem.slack(wanted) if fewest else 0.0,
    )
    return task.keep(kept)


def _taken(problem: Problem) -> Bools:
    """(m,) free sites that a site open in any case excludes."""
    held = problem.one_of[problem.forced & (problem.one_of >= 0)]
    return problem.free & np.isin(problem.one_of, held)
