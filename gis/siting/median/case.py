"""What is left to decide once the sites that are open anyway are taken into account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.siting.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Case:
    """n demands and k sites that may be opened, numbered anew.

    ``sites`` (k,) are their numbers in the problem. The sites that serve demand i better than
    those open anyway are ``site[first[i]:first[i + 1]]``, the nearest first, at ``cost``;
    ``weight`` (n,) people; ``none`` (n,) the cost where none of them is opened, inf: one has to
    be. At most ``left`` sites may be opened, for at most ``money``, each at ``pay`` (k,), and of
    those of equal ``group`` (k,), from 0, at most one; -1: free of that.
    """

    sites: Ints
    first: Ints
    site: Ints
    cost: Floats
    weight: Floats
    none: Floats
    left: int
    money: float
    pay: Floats
    group: Ints

    @property
    def demands(self) -> int:
        """Number of demands."""
        return len(self.weight)

    def reach(self, radius: float) -> Any:
        """(r, k) csr_array: who is within the radius, of the demands that none of it serves yet."""
        kept = self.cost <= radius
        first = np.r_[0, np.cumsum(kept)][self.first]
        shape = (self.demands, len(self.sites))
        rows = sp.csr_array((np.ones(int(kept.sum())), self.site[kept], first), shape=shape)
        return rows[np.flatnonzero((self.none > radius) | np.isinf(self.none))]

    def chosen(self, problem: Problem, open_sites: Bools) -> Bools:
        """(m,) all open sites of the problem from (k,) those opened here."""
        out = problem.forced.copy()
        out[self.sites[open_sites]] = True
        return out


def read_case(problem: Problem, weight: Floats) -> Case | str:
    """Return what is left to decide, or in words why there is no answer.

    weight: (n,) what a cost is multiplied by; of a demand of 0 it only counts to be served.
    """
    taken = np.unique(problem.one_of[problem.forced & (problem.one_of >= 0)])
    free = problem.free & ~np.isin(problem.one_of, taken)
    left = int(free.sum()) if problem.left is None else min(problem.left, int(free.sum()))
    if left == 0:
        free[:] = False
    sites = np.flatnonzero(free)
    new = np.full(problem.sites, -1, np.int64)
    new[sites] = np.arange(len(sites))
    _, none = problem.nearest(problem.forced)
    none = np.where(np.isnan(none), np.inf, none)
    pairs = problem.pairs
    demand = pairs.demand
    kept = free[pairs.site] & (pairs.cost < none[demand])
    kept &= (weight[demand] > 0) | np.isinf(none[demand])
    demand, site, cost = demand[kept], new[pairs.site[kept]], pairs.cost[kept]
    by_cost = np.argsort(cost, kind="stable")
    first, order = grouped(demand[by_cost], problem.demands)
    order = by_cost[order]
    lost = np.flatnonzero(np.isinf(none) & (np.diff(first) == 0))
    if len(lost):
        return _lost(problem, int(lost[0]), left)
    pay, money = problem.site_cost[sites], problem.money + problem.slack(problem.budget or 0.0)
    affordable = int(np.searchsorted(np.cumsum(np.sort(pay)), money * (1 + 1e-12), side="right"))
    _, group = np.unique(problem.one_of[sites], return_inverse=True)
    return Case(
        sites=sites,
        first=first,
        site=site[order],
        cost=cost[order],
        weight=weight,
        none=none,
        left=min(left, affordable),
        money=money,
        pay=pay,
        group=np.where(problem.one_of[sites] >= 0, group, -1).astype(np.int64),
    )


def _lost(problem: Problem, row: int, left: int) -> str:
    within = "" if problem.limit is None else f" within {problem.limit:g}"
    if left == 0:
        return f"no site may be added, and none that is open reaches demand {row}{within}"
    return f"every site that reaches demand {row}{within} is excluded by one that has to be open"


@compiled
def grouped(group: Ints, groups: int) -> tuple[Ints, Ints]:
    """Return (groups + 1,) where each group begins in the order by group; equal ones stay as is."""
    begin = np.zeros(groups + 1, np.int64)
    for g in group:
        begin[g + 1] += 1
    begin = np.cumsum(begin)
    place = begin[:-1].copy()
    order = np.empty(len(group), np.int64)
    for e in range(len(group)):
        order[place[group[e]]] = e
        place[group[e]] += 1
    return begin, order
