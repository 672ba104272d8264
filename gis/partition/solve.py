"""`partition`: contiguous districts within bounds, from arrays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import CheckError
from gis.partition.aims import lost_cost, score
from gis.partition.answer import Partition, Status, gap_of, reaches, renumber
from gis.partition.check import check_partition, measure_terms
from gis.partition.contract import blocks_of
from gis.partition.problem import Problem, read_problem
from gis.partition.prove import search_and_prove
from gis.partition.relax import smallest_relaxation
from gis.partition.rounds import Live
from gis.partition.state import BALANCE
from gis.partition.tiny import solve_tiny

_SHARE_OF_RELAXING: Final = 0.2
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def partition(
    links: ArrayLike,
    size: ArrayLike,
    *,
    count: int | None = None,
    low: ArrayLike,
    high: ArrayLike,
    objective: str | Mapping[str, float] = "cut-links",
    link_weight: Mapping[str, ArrayLike] = _NOTHING,
    classes: Mapping[str, ArrayLike] = _NOTHING,
    cost: Any = None,
    centre_limit: float | None = None,
    same: Iterable[Sequence[int]] = (),
    apart: Iterable[Sequence[int]] = (),
    within: ArrayLike | None = None,
    fixed: ArrayLike | None = None,
    closed: Sequence[int] = (),
    start: ArrayLike | None = None,
    live: Callable[[NDArray[np.int64], float], bool] | None = None,
    beyond: tuple[ArrayLike, ArrayLike, Sequence[str]] | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
    xy: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    unit_names: Sequence[str] | None = None,
) -> Partition:
    """Cut units into connected districts that keep every bound.

    As much size as possible is placed first, then as many units; then the objective is lowered.
    The search goes on in rounds until three in a row gain less than a thousandth, or the time is
    out; a part of the time is kept for proofs. Equal input and seed give equal districts, unless
    the time limit cuts the search short; more time never gives a worse plan.

    Parameters
    ----------
    links
        (e, 2) pairs of units 0..n-1. A pair counts once however often and in whichever order it
        is given; a link from a unit to itself does not count.
    size
        (n,) sizes, or (n, m) several at once; the first one is balanced and weighs the costs.
    count
        Exactly so many districts, and nothing left out. None: as many as it takes, and what fits
        nowhere is left out with the reason.
    low, high
        Least and most that each district holds, both inclusive; a number, or (m,).
    objective
        One name, or several with their weights, of which the objective is the sum of weight x
        value / scale. ``cut-links``: links between different districts. ``balance``: largest
        |size/mean - 1|, mean = total/count. ``compact``: sum of size x cost to the centre of the
        district, the member for which that sum is least. ``spread``: sum over the units of the
        squared distance to the mean place of the district, m2. A name of ``link_weight``: sum of
        its costs over the links cut. A name of ``classes``: sum over its classes of the districts
        that hold some of it, less one. The scale is 1 for one name. For several it is the number
        of links, 1, size x median cost of a link, units x median squared length of a link, the
        total of the costs, and the number of classes; 1 where that is 0.
    link_weight
        By name: (e,) what cutting each given link costs, 0 or more. Of a pair given several times
        the largest counts.
    classes
        By name: (n,) class of each unit in whole numbers, -1 unknown, which counts as no class.
    cost
        (n, n) cost from member (row) to centre (column), dense or scipy sparse. What a sparse
        matrix does not store, and NaN or inf in a dense one, means that there is no way.
    centre_limit
        Each district needs a centre from which no member's cost is above it.
    same, apart
        Groups of units that must share a district (or be left out together), and that must not.
    within
        (n,) classes; a district holds units of one class only. Units of class -1 (unknown) mix
        with no other class.
    fixed
        (n,) locks, -1 free: units with equal numbers share a district (or are left out
        together), units with different numbers do not. Others may join them.
    closed
        Numbers of ``fixed`` that nothing may join: the district is exactly these units. It has to
        keep every bound.
    start
        (n,) districts to begin from, -1 none. Torn or broken ones are mended. With ``count``, a
        plan of fewer districts is not used.
    live
        Called with the labels (n,) and the objective of each better plan; False ends the search
        with that plan.
    beyond
        (b, 2) pairs of units that are near but not linked, (b,) how far, and (b,) words why not;
        for `Partition.relaxations`, which are sought only when it is given.
    seed
        Start of the random numbers.
    time_limit_s
        Seconds after which the search stops with the best plan so far. A first plan is finished
        in any case.
    xy
        (n, 2) places of the units, m; between plans with equal objective, rounder districts win.
    names
        (m,) words for the sizes in reasons, such as ``people``.
    unit_names
        (n,) words for the units in reasons.

    Raises
    ------
    OptionError
        The input contradicts itself, also locks that contradict each other or a bound; all faults
        are named.
    CheckError
        The answer failed the independent check: a fault of ours.
    """
    same, apart = [list(g) for g in same], [list(g) for g in apart]
    problem = read_problem(
        links, size, count=count, low=low, high=high, objective=objective,
        link_weight=link_weight, classes=classes, cost=cost, centre_limit=centre_limit, same=same,
        apart=apart, within=within, fixed=fixed, closed=closed, start=start,
        time_limit_s=time_limit_s, xy=xy, names=names, unit_names=unit_names,
    )  # fmt: skip
    inner, kept = problem.without_closed()
    best = solve_tiny(problem, blocks_of(problem, np.ones(problem.units, bool)), problem.count)
    answer = search_and_prove(
        inner, best=None if best is None else best[kept], seed=seed, time_limit_s=time_limit_s,
        live=_live_of(problem, kept, live),
    )  # fmt: skip
    if beyond is not None and count is None:
        answer = _relaxed(inner, kept, answer, beyond, _SHARE_OF_RELAXING * time_limit_s)
    answer = _for_all(problem, inner, kept, answer, proved=best is not None)
    if not (answer.label >= 0).any():
        return answer
    broken = check_partition(
        links, problem.size, answer.label, low=problem.low, high=problem.high, count=problem.count,
        cost=cost, centre_limit=centre_limit, same=same, apart=apart, within=within, fixed=fixed,
        closed=closed,
    )  # fmt: skip
    terms = measure_terms(
        links, problem.size, answer.label, names=list(problem.aims.weights), cost=cost, xy=xy,
        link_weight=link_weight, classes=classes,
    )  # fmt: skip
    return _measured(problem, answer, terms, broken)


def _relaxed(
    inner: Problem,
    kept: NDArray[np.int64],
    answer: Partition,
    beyond: tuple[ArrayLike, ArrayLike, Sequence[str]],
    seconds: float,
) -> Partition:
    """Return the answer with what would place the units that are left out."""
    new = np.full(int(kept.max(initial=-1)) + 2, -1, np.int64)
    new[kept] = np.arange(len(kept))
    pairs = np.asarray(beyond[0], dtype=np.int64).reshape(-1, 2)
    ends = new[np.minimum(pairs, len(new) - 1)]
    open_ends = np.flatnonzero((ends >= 0).all(axis=1))
    found = smallest_relaxation(
        inner, answer.label, beyond=ends[open_ends],
        beyond_m=np.asarray(beyond[1], dtype=float)[open_ends],
        beyond_reason=[beyond[2][int(i)] for i in open_ends], deadline=time.monotonic() + seconds,
    )  # fmt: skip
    own = tuple(
        replace(
            way, units=tuple(int(kept[u]) for u in way.units),
            link=None if way.link is None else (int(kept[way.link[0]]), int(kept[way.link[1]])),
        )
        for way in found
    )  # fmt: skip
    return replace(answer, relaxations=own)


def _measured(
    problem: Problem, answer: Partition, terms: Mapping[str, float], broken: tuple[str, ...]
) -> Partition:
    """Return the answer with the terms that were measured independently of the search."""
    weights, scales = problem.aims.weights, problem.aims.scales
    objective = float(sum(w * terms[name] / scales[name] for name, w in weights.items() if w))
    if abs(objective - answer.objective) > 1e-6 * max(1.0, abs(objective)):
        broken += (f"the objective is {objective:g}, not {answer.objective:g}",)
    if broken:
        raise CheckError(f"The districts found break a constraint, please report it: {broken[0]}")
    done = answer.status == "optimal"
    bound = objective if done else min(answer.bound, objective)
    return replace(
        answer, objective=objective, bound=bound, gap=gap_of(objective, bound), terms=dict(terms),
        weights=dict(weights), scales=dict(scales),
    )  # fmt: skip


def _live_of(problem: Problem, kept: NDArray[np.int64], live: Live | None) -> Live | None:
    """Return the caller's ``live`` for plans of the units outside closed districts."""
    if live is None:
        return None

    def tell(label: NDArray[np.int64], _: float) -> bool:
        whole = renumber(_whole(problem, kept, label))
        return live(whole, score(problem, whole) + lost_cost(problem, whole)) is not False

    return tell


def _whole(
    problem: Problem, kept: NDArray[np.int64], label: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Put the closed districts back beside the labels of the other units."""
    out = np.full(problem.units, -1, np.int64)
    out[kept] = label
    closed = problem.locks.closed
    if closed.any():
        first = int(label.max(initial=-1)) + 1
        out[closed] = first + np.unique(problem.lock[closed], return_inverse=True)[1]
    return out


def _for_all(
    problem: Problem, inner: Problem, kept: NDArray[np.int64], answer: Partition, proved: bool
) -> Partition:
    """Return the answer for all units: beside the districts found stand the closed ones."""
    left = tuple(replace(item, unit=int(kept[item.unit])) for item in answer.left)
    if not (answer.label >= 0).any():
        more = problem.count is not None and (len(kept) > 0 or inner.count != 0)
        if more or not problem.locks.closed.any():
            return replace(answer, label=np.full(problem.units, -1, np.int64), left=left)
        sure = answer.status != "unknown" and all(item.proved for item in left)
        status: Status = "optimal" if sure else "feasible"
        answer = replace(answer, objective=0.0, bound=0.0, status=status, reason="")
    label = renumber(_whole(problem, kept, answer.label))
    objective = score(problem, label) + lost_cost(problem, label)
    bound = min(_bound(problem, inner, answer, label, objective), objective)
    sure = proved or (answer.status == "optimal" and reaches(objective, bound))
    return replace(
        answer, label=label, left=left, objective=objective, bound=bound,
        status="optimal" if sure else "feasible",
    )  # fmt: skip


def _bound(
    problem: Problem,
    inner: Problem,
    answer: Partition,
    label: NDArray[np.int64],
    objective: float,
) -> float:
    """Return what no plan for all units is below, from the bound of the others."""
    if problem.kind == BALANCE and problem.count is not None:
        # A closed district that is off more than all others is so in every plan.
        return answer.bound if reaches(objective, answer.objective) else objective
    if problem.balance_weight and problem.count is None and problem.locks.closed.any():
        return 0.0
    if any(not item.proved or item.code == "combination" for item in answer.left):
        return answer.bound
    # All plans place the same units, so that closed districts and lost links add the same to each.
    plain, inner_plain = (replace(p, aims=replace(p.aims, balance=0.0)) for p in (problem, inner))
    added = score(plain, label) + lost_cost(problem, label) - score(inner_plain, answer.label)
    return answer.bound + added
