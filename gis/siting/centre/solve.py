"""p-center: the least largest cost.

The answer is one of the costs; it is found by halving: the least radius within which some allowed
sites serve everybody (Minieka 1970; Daskin 1995). Radii that are easy to settle come first.
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from gis.siting.answer import Found
from gis.siting.centre.serve import serve_within
from gis.siting.median.case import Case, read_case
from gis.siting.median.mip import serve_all
from gis.siting.median.root import Search
from gis.siting.median.solve import NO_SERVING, TIME_OVER
from gis.siting.median.swap import greedy
from gis.siting.model import fill_up
from gis.siting.problem import Bools, Floats, Problem

_NEAR: Final = 1e-3
"""Share by which radii differ that little time is enough to tell apart."""
_SHARES: Final = 3
_CHOICE_SHARE: Final = 0.4
_BOUND_SHARE: Final = 0.7
_LEAST_SECONDS: Final = 0.02


def least_most(problem: Problem, deadline: float) -> Found:
    """Open sites so that the largest cost from a demand to its nearest site is least.

    Parameters
    ----------
    problem
        What is asked; without capacity.
    deadline
        Second of `time.monotonic` at which to stop.

    Returns
    -------
    found
        The best choice found; below ``bound`` there is provably none.
    """
    case = read_case(problem, np.ones(problem.demands))
    if isinstance(case, str):
        return Found(problem.forced, np.nan, exists=False, reason=case)
    if len(case.sites) == 0:
        return Found(problem.forced, problem.objective(problem.forced))
    search = _Radii(problem, case, deadline)
    why_not = search.begin()
    if why_not:
        exists = False if why_not == NO_SERVING else None
        return Found(problem.forced, np.nan, exists=exists, reason=why_not)
    search.narrow()
    search.settle()
    return Found(fill_up(problem, search.best), float(search.radii[search.low]))


class _Radii:
    """The radii that may be the answer: ``radii[low]`` to ``radii[high]``, the best choice's."""

    def __init__(self, problem: Problem, case: Case, deadline: float) -> None:
        self.problem, self.case, self.deadline = problem, case, deadline
        known = case.none[np.isfinite(case.none)]
        self.radii = np.unique(np.r_[case.cost, known])
        self.low = int(np.searchsorted(self.radii, _least(case)))
        self.high = len(self.radii) - 1
        self.best: Bools = problem.forced

    def begin(self) -> str:
        """Find a first choice; return why there is none, or ""."""
        case, seed = self.case, self.problem.seed
        first = Search(case, self.deadline, seed)
        opened = np.zeros(len(case.sites), bool)
        greedy(first.full, first.all_sides, opened)
        if first.take(opened):
            self._take(opened)
            return ""
        chosen, sure = serve_within(case, np.inf, self.deadline, seed, thorough=False)
        if chosen is None and not sure:
            chosen, sure = serve_all(case, case.reach(np.inf), self.deadline, seed)
        if chosen is None:
            return NO_SERVING if sure else TIME_OVER
        self._take(chosen)
        return ""

    def narrow(self) -> None:
        """Narrow the radii from both ends by those that are settled in little time."""
        now, seconds = time.monotonic(), self._seconds()
        low, until = self.low, now + _CHOICE_SHARE * seconds
        while self._apart(low, self.high) and time.monotonic() < until:
            place = self._middle(low, self.high)
            if not self._try(place, until, thorough=False):
                low = place + 1
        high, until = min(low, self.high), now + _BOUND_SHARE * seconds
        high = high if high > self.low else self.high
        while self._apart(self.low, high) and time.monotonic() < until:
            place = self._middle(self.low, high)
            before = self.low
            if self._try(place, until, thorough=False) or self.low == before:
                high = place

    def settle(self) -> None:
        """Search thoroughly: the radius just below the best first, for that may be the end.

        A radius takes a share of the time that is left; where that is not enough, lesser ones may
        still be settled, which raises the bound.
        """
        top, place = self.high, self.high - 1
        while self.low < self.high and self._seconds() > _LEAST_SECONDS:
            until = time.monotonic() + self._seconds() / _SHARES
            before = self.low
            if self._try(place, until, thorough=True):
                top = self.high
            elif self.low == before:
                top = place
            if top <= self.low:
                top = self.high
            place = self._middle(self.low, top)

    def _try(self, place: int, until: float, *, thorough: bool) -> bool:
        """Try to serve all within a radius, and keep what that says; return whether it could be."""
        radius, seed = float(self.radii[place]), self.problem.seed
        chosen, sure = serve_within(self.case, radius, until, seed, thorough=thorough)
        if chosen is not None:
            self._take(chosen)
        elif sure:
            self.low = max(self.low, place + 1)
        return chosen is not None

    def _middle(self, low: int, high: int) -> int:
        """Return the place of the radius in the middle of two, below the greater one."""
        middle = 0.5 * (self.radii[low] + self.radii[high])
        return int(np.clip(np.searchsorted(self.radii, middle), low, high - 1))

    def _apart(self, low: int, high: int) -> bool:
        return low < high and self.radii[high] - self.radii[low] > _NEAR * self.radii[high]

    def _seconds(self) -> float:
        return self.deadline - time.monotonic()

    def _take(self, chosen: Bools) -> None:
        best = self.case.chosen(self.problem, chosen)
        place = int(np.searchsorted(self.radii, self.problem.objective(best)))
        if place <= self.high:
            self.best, self.high = best, place


def _least(case: Case) -> float:
    """Return the largest of the least costs of the demands."""
    some = np.diff(case.first) > 0
    nearest: Floats = case.none.copy()
    nearest[some] = np.minimum(case.none[some], case.cost[case.first[:-1][some]])
    return float(nearest.max())
