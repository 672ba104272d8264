"""Cover most people with given means, or everybody with the least: exact, without capacities."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import numpy as np

from gis.siting.answer import Found
from gis.siting.cover.fewest import cover_everybody, whole_above
from gis.siting.cover.most import cover_most
from gis.siting.mip import grain_of
from gis.siting.model import needed, solve_general
from gis.siting.problem import Bools, Pairs, Problem

__all__ = ["cover_all", "cover_most"]

_LEAST_SECONDS: Final = 0.02
_HALVINGS: Final = 8
_PLAIN_PAIRS: Final = 30_000
_ROUNDING: Final = 1e-8
_SPARE_SECONDS: Final = 2.0
_SPARE_SHARE: Final = 0.2


def cover_all(problem: Problem, deadline: float) -> Found:
    """Cover all demands, or a share of the people, with the fewest or cheapest sites (LSCP).

    Sites that cost nothing are no more than it takes either, as far as a share of the time shows.
    """
    found = _cover_all(problem, deadline)
    spare = found.open & problem.free & (problem.site_cost <= 0)
    if not found.exists or not spare.any():
        return found
    now = time.monotonic()
    seconds = min(_SPARE_SECONDS, _SPARE_SHARE * max(0.0, deadline - now))
    fewer = _cover_all(_only_free(problem, found.open), now + seconds)
    if fewer.exists and fewer.open.sum() < found.open.sum():
        return replace(found, open=fewer.open)
    return found


def _only_free(problem: Problem, open_: Bools) -> Problem:
    """Ask for the fewest of the sites that cost nothing, beside those open that cost something."""
    paid = open_ & ~problem.given & (problem.site_cost > 0)
    usable = problem.usable & ((problem.site_cost <= 0) | paid | problem.forced)
    pairs, kept = problem.pairs, usable[problem.pairs.site]
    first = np.r_[0, np.cumsum(kept)][pairs.first]
    return replace(
        problem, required=problem.required | paid, usable=usable, priced=False,
        pairs=Pairs(first, pairs.site[kept], pairs.cost[kept]),
        site_cost=(~problem.given).astype(float),
    )  # fmt: skip


def _cover_all(problem: Problem, deadline: float) -> Found:
    if problem.share >= 1.0:
        return cover_everybody(problem, deadline)
    found = _asked(problem, deadline, count=_most_sites(problem))
    if covered_by(problem, found.open) < needed(problem):
        if found.bound < needed(problem):
            return Found(found.open, found.bound, exists=False, reason=_too_few(problem, found))
        return solve_general(problem, deadline)
    if problem.priced:
        return _cheapest_for_share(problem, found.open, deadline)
    return _fewest_for_share(problem, found.open, deadline)


def covered_by(problem: Problem, open_: Bools) -> float:
    """Return the people that open sites cover."""
    return float(problem.demand[problem.nearest(open_)[0] >= 0].sum())


def _most_sites(problem: Problem) -> int:
    return int(problem.required.sum() + problem.free.sum())


def _too_few(problem: Problem, found: Found) -> str:
    everyone = float(problem.demand.sum())
    return (
        f"all sites that may be open together reach {found.bound:,.6g} of {everyone:,.6g} people "
        f"({found.bound / everyone:.1%}), less than the {problem.share:.1%} asked"
    )


def _asked(
    problem: Problem, deadline: float, *, count: int | None = None, budget: float | None = None
) -> Found:
    """Cover as many as are needed with so many sites, or that money, if that can be done."""
    asked = replace(problem, model="mclp", share=1.0, count=count, budget=budget)
    return cover_most(asked, deadline, target=needed(problem))


def _paid_at_least(problem: Problem) -> float:
    """Return what a share costs at least if no two sites covered the same people."""
    pairs = problem.pairs
    covered = np.zeros(problem.demands, bool)
    covered[pairs.demand[problem.forced[pairs.site]]] = True
    people = np.where(covered, 0.0, problem.demand)[pairs.demand]
    gain = np.bincount(pairs.site, people, minlength=problem.sites)
    some = np.flatnonzero(problem.free & (gain > 0))
    price = problem.site_cost[some]
    order = np.argsort(price / gain[some], kind="stable")
    lacking = needed(problem) * (1 - _ROUNDING) - float(problem.demand[covered].sum())
    each = gain[some][order]
    taken = np.clip(lacking - (np.cumsum(each) - each), 0.0, each) / each
    paid = float(price[order] @ taken)
    return float(problem.site_cost[problem.required].sum()) + max(
        0.0, whole_above(paid * (1 - _ROUNDING), grain_of(price))
    )


def _fewest_for_share(problem: Problem, best: Bools, deadline: float) -> Found:
    """Halve the range of numbers of sites, by how many people so many cover at most."""
    proved = low = int(_paid_at_least(problem))  # fewer do not suffice
    high = int((best & ~problem.given).sum())
    while low < high:
        count, now = (low + high) // 2, time.monotonic()
        until = min(deadline, max(now + _LEAST_SECONDS, now + (deadline - now) / 3))
        found = _asked(problem, until, count=count)
        if covered_by(problem, found.open) >= needed(problem):
            best = found.open
            high = int((best & ~problem.given).sum())
        else:
            low = count + 1
            if found.bound < needed(problem):
                proved = max(proved, low)
    return Found(best, float(min(proved, high)))


def _cheapest_for_share(problem: Problem, best: Bools, deadline: float) -> Found:
    """Halve the range of money, then leave what is open to the plain model."""

    def paid(open_: Bools) -> float:
        return float(problem.site_cost[open_ & ~problem.given].sum())

    proved = low = _paid_at_least(problem)
    for _ in range(_HALVINGS):
        high, now = paid(best), time.monotonic()
        if low >= high or now >= deadline:
            break
        middle = (low + high) / 2
        found = _asked(problem, now + (deadline - now) / _HALVINGS, budget=middle)
        if covered_by(problem, found.open) >= needed(problem):
            best = found.open if paid(found.open) < high else best
        else:
            low = middle
            if found.bound < needed(problem):
                proved = middle
    if time.monotonic() < deadline and len(problem.pairs.site) <= _PLAIN_PAIRS:
        plain = solve_general(problem, deadline, best)
        if plain.exists:
            proved = max(proved, plain.bound)
            best = plain.open if paid(plain.open) < paid(best) else best
    return Found(best, min(proved, paid(best)))
