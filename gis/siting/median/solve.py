"""p-median: the least sum of people x cost.

A first choice is bettered by swaps, a Lagrangian bound rules out sites and walks, and what is left
is searched by branch and bound (Beasley 1993; Avella, Sassano, Vasil'ev 2007; Resende, Werneck
2004). Only whether anything serves everybody is asked of HiGHS, where swaps do not find it.
"""

from __future__ import annotations

import numpy as np

from gis.siting.answer import Found
from gis.siting.median.case import read_case
from gis.siting.median.mip import serve_all
from gis.siting.median.root import Search
from gis.siting.median.tree import branch
from gis.siting.model import fill_up
from gis.siting.problem import Problem

NO_SERVING = "no allowed choice of sites serves every demand"
TIME_OVER = "the time was over before a choice that serves every demand was found"


def least_sum(problem: Problem, deadline: float) -> Found:
    """Open sites so that the sum of people x cost to the nearest is least.

    Parameters
    ----------
    problem
        What is asked; without capacity.
    deadline
        Second of `time.monotonic` at which to stop.

    Returns
    -------
    found
        The best choice found, and a bound that holds in floating point: it is a sum of terms that
        are each evaluated once, and short of it by more than the rounding of that sum.
    """
    case = read_case(problem, problem.demand)
    if isinstance(case, str):
        return Found(problem.forced, np.nan, exists=False, reason=case)
    if len(case.sites) == 0:
        return Found(problem.forced, problem.objective(problem.forced))
    search = Search(case, deadline, problem.seed % 2**31)
    if not search.begin():
        chosen, ended = serve_all(case, case.reach(np.inf), deadline, problem.seed)
        if chosen is None:
            reason = NO_SERVING if ended else TIME_OVER
            return Found(problem.forced, np.nan, exists=False if ended else None, reason=reason)
        search.take(chosen)
        search.improve(chosen)
    search.converge()
    if not search.proved:
        branch(search)
    chosen = case.chosen(problem, search.opened)
    return Found(fill_up(problem, chosen), search.certain)
