"""The independent checker of sites. It shares no code with the solvers and knows nothing of them.

It reads the very matrix that was given, as a sceptical colleague would: are these sites open, does
each serve only whom it may, do capacities and money last, and does the sum come out as told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from gis.siting.answer import Siting

_ROUNDING: Final = 1e-9

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Asked:
    """The question, with lists as flags."""

    model: str
    who: Floats
    count: int | None
    limit: float
    capacity: Floats | None
    given: Bools
    required: Bools
    closed: Bools
    site_cost: Floats
    budget: float | None
    everybody: bool
    share: float
    one_of: Ints


@dataclass(frozen=True, eq=False)
class _Ways:
    """Ways from demands to open sites, whatever they cost: those of i are first[i]:first[i+1]."""

    first: Ints
    site: Ints
    cost: Floats


def faults_of(
    cost: Any,
    demand: ArrayLike,
    answer: Siting,
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
) -> list[str]:
    """Return everything that is wrong with an answer, in words; empty where nothing is.

    Parameters
    ----------
    cost, demand, model, count, limit, capacity, required, given, closed, site_cost, budget, share,
    one_of
        What `gis.siting.locate` was asked; ``cost`` (n, m) dense or sparse is read as it is given.
    answer
        What it said.

    Notes
    -----
    Sums of fractions may miss a capacity, a budget or a share by a part in 10^9; a limit is exact
    and inclusive. Fewer sites than ``count`` pass only where the budget or ``one_of`` allows no
    further one. That an answer is the best is proved by its bound, which is not proved again here.
    """
    n, m = np.shape(cost)
    asked = _Asked(
        model=model,
        who=np.asarray(demand, dtype=float).reshape(-1),
        count=count,
        limit=np.inf if limit is None else float(limit),
        capacity=None if capacity is None else np.asarray(capacity, dtype=float),
        given=_flags(given, m),
        required=_flags(required, m),
        closed=_flags(closed, m),
        site_cost=np.ones(m) if site_cost is None else np.asarray(site_cost, dtype=float),
        budget=budget,
        everybody=share is None or share >= 1.0,
        share=1.0 if share is None else float(share),
        one_of=np.full(m, -1) if one_of is None else np.asarray(one_of, dtype=np.int64),
    )
    broken = list(_shape_faults(answer, n, m))
    if broken:
        return broken
    if answer.status in ("infeasible", "unknown"):
        return [*_nothing_faults(answer), *_denial_faults(asked, cost, answer)]
    chosen = _flags(answer.chosen, m)
    ways = _ways_to(cost, np.flatnonzero(chosen | asked.given))
    broken += _choice_faults(asked, chosen, answer.chosen)
    broken += _service_faults(asked, chosen, ways, answer)
    broken += _value_faults(asked, chosen, ways, answer)
    return broken


def _flags(rows: Any, m: int) -> Bools:
    out = np.zeros(m, bool)
    out[np.asarray(list(rows), dtype=np.int64)] = True
    return out


def _shape_faults(answer: Siting, n: int, m: int) -> Iterator[str]:
    if answer.status not in ("optimal", "feasible", "infeasible", "unknown"):
        yield f"there is no status '{answer.status}'"
    if answer.violations != 0:
        yield f"the answer itself tells {answer.violations} violations"
    for name, rows, most in (("chosen", answer.chosen, m), ("assignment", answer.assignment, m)):
        if not isinstance(rows, np.ndarray) or rows.ndim != 1 or rows.dtype.kind not in "iu":
            yield f"{name} is no row of whole numbers"
            return
        low = 0 if name == "chosen" else -1
        if len(rows) and (rows.min() < low or rows.max() >= most):
            yield f"{name} holds a site that is not there: sites are 0 to {m - 1}"
    if answer.assignment.shape != (n,):
        yield f"assignment has {len(answer.assignment)} values for {n} demands"
    if (np.diff(answer.chosen) <= 0).any():
        yield "chosen is not in ascending order, or holds a site twice"


def _nothing_faults(answer: Siting) -> Iterator[str]:
    if len(answer.chosen) or (answer.assignment >= 0).any():
        yield f"the answer is '{answer.status}', but has sites"
    if not np.isnan([answer.objective, answer.bound, answer.gap]).all():
        yield f"the answer is '{answer.status}', but has an objective, a bound or a gap"
    if not answer.reason:
        yield f"the answer is '{answer.status}' and does not say why"


def _denial_faults(asked: _Asked, cost: Any, answer: Siting) -> Iterator[str]:
    """Name what is wrong with "infeasible" where that is plain to see: all open would do."""
    if answer.status != "infeasible" or asked.model not in ("mclp", "lscp"):
        return
    groups = asked.one_of[asked.one_of >= 0]
    spent = float(asked.site_cost[asked.required].sum())
    if len(np.unique(groups)) < len(groups) or (
        asked.budget is not None and spent > asked.budget - _slack(asked.budget)
    ):
        return
    if asked.model == "mclp":
        yield "it is called impossible, but the required sites alone are an answer"
    elif asked.capacity is None:
        ways = _ways_to(cost, np.flatnonzero(~asked.closed))
        nearest = _nearest(ways)
        reached = np.isfinite(nearest) & (nearest <= asked.limit)
        people = float(asked.who[reached].sum())
        enough = asked.share * asked.who.sum()
        if reached.all() or (not asked.everybody and people >= enough):
            yield "it is called impossible, but all sites together would do"


def _choice_faults(asked: _Asked, chosen: Bools, rows: Ints) -> Iterator[str]:
    for flags, word in ((asked.closed, "closed"), (asked.given, "given already")):
        wrong = np.flatnonzero(chosen & flags)
        if len(wrong):
            yield f"site {wrong[0]} is {word}, but chosen"
    lacking = np.flatnonzero(asked.required & ~chosen)
    if len(lacking):
        yield f"site {lacking[0]} is required, but not chosen"
    is_open = chosen | asked.given
    free, of_group = np.unique(asked.one_of, return_inverse=True)
    of_open = np.bincount(of_group[is_open], minlength=len(free))
    crowded = np.flatnonzero((of_open > 1) & (free >= 0))
    if len(crowded):
        both = np.flatnonzero(is_open & (asked.one_of == free[crowded[0]]))
        yield f"sites {both[0]} and {both[1]} exclude each other, but both are open"
    spent = float(asked.site_cost[chosen].sum())
    if asked.budget is not None and spent > asked.budget + _slack(asked.budget):
        yield f"the sites cost {spent:.12g}, more than the budget of {asked.budget:.12g}"
    if asked.count is None or asked.model == "lscp":
        return
    if len(rows) > asked.count:
        yield f"{len(rows)} sites are chosen, more than {asked.count}"
    elif len(rows) < asked.count:
        left = np.inf if asked.budget is None else asked.budget - spent
        taken = (of_open[of_group] > 0) & (asked.one_of >= 0)
        more = ~is_open & ~asked.closed & ~taken
        more &= asked.site_cost <= left
        if more.any():
            yield (
                f"{len(rows)} sites are chosen, not {asked.count}, "
                f"though site {np.flatnonzero(more)[0]} could be added"
            )


def _service_faults(asked: _Asked, chosen: Bools, ways: _Ways, answer: Siting) -> Iterator[str]:
    site = answer.assignment
    served = site >= 0
    shut = np.flatnonzero(served & ~(chosen | asked.given)[site])
    if len(shut):
        yield f"demand {shut[0]} is served by site {site[shut[0]]}, which is not open"
        return
    cost = _cost_of(ways, site)
    lost = np.flatnonzero(served & np.isnan(cost))
    if len(lost):
        yield f"demand {lost[0]} is served by site {site[lost[0]]}, but there is no way"
    far = np.flatnonzero(served & (cost > asked.limit))
    if len(far):
        i = far[np.argmax(cost[far])]
        yield f"demand {i} is served at {cost[i]:.12g}, beyond the limit of {asked.limit:.12g}"
    nearest = _nearest(ways)
    reached = np.isfinite(nearest) & (nearest <= asked.limit)
    if asked.capacity is None:
        left = np.flatnonzero(reached & ~served)
        if len(left):
            yield f"demand {left[0]} is not served, though an open site is at {nearest[left[0]]:g}"
        farther = np.flatnonzero(cost > nearest)
        if len(farther):
            i = farther[0]
            yield f"demand {i} is served at {cost[i]:.12g}, though one is at {nearest[i]:.12g}"
    else:
        yield from _room_faults(asked, ways, answer)
    if asked.model != "mclp" and asked.everybody:
        left = np.flatnonzero(~served)
        if len(left):
            yield f"demand {left[0]} is not served" + f" and {len(left) - 1} more" * (len(left) > 1)
    elif asked.model == "lscp":
        total = float(asked.who.sum())
        have = float(asked.who[served].sum())
        if have < asked.share * total - _slack(total):
            yield f"{have:.12g} of {total:.12g} are served, less than the share of {asked.share:g}"


def _room_faults(asked: _Asked, ways: _Ways, answer: Siting) -> Iterator[str]:
    room = asked.capacity
    if room is None:
        return
    served = answer.assignment >= 0
    load = np.bincount(answer.assignment[served], weights=asked.who[served], minlength=len(room))
    finite = np.where(np.isfinite(room), room, 0.0)
    over = np.flatnonzero(load > room + _ROUNDING * np.maximum(1.0, finite))
    if len(over):
        j = over[0]
        yield f"site {j} serves {load[j]:.12g}, more than its capacity of {room[j]:.12g}"
    elif asked.model == "mclp" and answer.status == "optimal":
        left = room - load
        of_way = np.repeat(np.arange(len(served)), np.diff(ways.first))
        fits = ~served[of_way] & (asked.who[of_way] > _slack(answer.objective))
        fits &= (ways.cost <= asked.limit) & (asked.who[of_way] <= left[ways.site])
        if fits.any():
            at = int(np.flatnonzero(fits)[0])
            yield (
                f"it is called optimal, but site {ways.site[at]} has room left for demand "
                f"{of_way[at]}"
            )


def _value_faults(asked: _Asked, chosen: Bools, ways: _Ways, answer: Siting) -> Iterator[str]:
    served = answer.assignment >= 0
    if asked.model == "mclp":
        value = float(asked.who[served].sum())
    elif asked.model == "lscp":
        value = float(asked.site_cost[chosen].sum())
    else:
        cost = _cost_of(ways, answer.assignment)[served]
        if np.isnan(cost).any():
            return
        if asked.model == "p-median":
            value = float((asked.who[served] * cost).sum())
        else:
            value = float(cost.max(initial=0.0))
    objective, bound = float(answer.objective), float(answer.bound)
    if not np.isfinite([objective, bound]).all():
        yield f"the objective is {objective} and the bound {bound}; both have to be numbers"
        return
    if abs(objective - value) > _slack(value):
        yield f"the objective is {value:.12g}, not {objective:.12g}"
    above = bound - objective if asked.model == "mclp" else objective - bound
    if above < -_slack(objective):
        side = "below" if asked.model == "mclp" else "above"
        yield f"the bound of {bound:.12g} is {side} the objective of {objective:.12g}"
    largest = max(abs(objective), abs(bound))
    gap = 0.0 if objective == bound else abs(objective - bound) / largest
    if not abs(answer.gap - gap) <= _ROUNDING:
        yield f"the gap is {gap:.12g}, not {answer.gap:.12g}"
    if (answer.status == "optimal") != (objective == bound):
        yield f"it is called {answer.status}, with a bound of {bound:.12g} for {objective:.12g}"


def _slack(most: float) -> float:
    return _ROUNDING * max(1.0, abs(most))


def _ways_to(cost: Any, sites: Ints) -> _Ways:
    """Return every way there is to some sites, in the order of the demands, then of the sites.

    Only the columns of these sites are looked at, and a sparse matrix stays sparse.
    """
    if sp.issparse(cost):
        return _stored_ways(cost, sites)
    part = np.asarray(cost)[:, sites].astype(float)
    there = np.isfinite(part)
    first = np.r_[0, np.cumsum(there.sum(axis=1))]
    return _Ways(first, np.broadcast_to(sites, part.shape)[there], part[there])


def _stored_ways(cost: Any, sites: Ints) -> _Ways:
    rows = sp.csr_array(cost)
    n, m = rows.shape
    wanted = np.zeros(m, bool)
    wanted[sites] = True
    at = np.flatnonzero(wanted[rows.indices])
    of_way = np.asarray(rows.data[at], dtype=float)
    finite = np.isfinite(of_way)
    if not finite.all():
        at, of_way = at[finite], of_way[finite]
    first = np.searchsorted(at, rows.indptr).astype(np.int64)
    site = rows.indices[at].astype(np.int64)
    back = np.diff(site) <= 0
    back[first[(first > 0) & (first < len(site))] - 1] = False
    if back.any():
        order = np.lexsort((site, np.repeat(np.arange(n), np.diff(first))))
        site, of_way = site[order], of_way[order]
    return _Ways(first, site, of_way)


def _nearest(ways: _Ways) -> Floats:
    """(n,) the least cost to an open site, inf where there is no way."""
    out = np.full(len(ways.first) - 1, np.inf)
    some = np.diff(ways.first) > 0
    if some.any():
        out[some] = np.minimum.reduceat(ways.cost, ways.first[:-1][some])
    return out


def _cost_of(ways: _Ways, site: Ints) -> Floats:
    """(n,) the cost from each demand to its site, NaN where it has none: halving each row."""
    low, high = ways.first[:-1].copy(), ways.first[1:].copy()
    last = max(len(ways.site) - 1, 0)
    out = np.full(len(site), np.nan)
    if not len(ways.site):
        return out
    while (low < high).any():
        middle = (low + high) // 2
        right = (ways.site[np.minimum(middle, last)] < site) & (low < high)
        low = np.where(right, middle + 1, low)
        high = np.where(right, high, np.where(low < high, middle, high))
    there = (low < ways.first[1:]) & (ways.site[np.minimum(low, last)] == site) & (site >= 0)
    out[there] = ways.cost[low[there]]
    return out
