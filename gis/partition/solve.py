"""`partition`: contiguous districts within bounds, from arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import CheckError
from gis.partition.check import check_partition, measure_partition
from gis.partition.contract import Blocks, blocks_of, join_torn, make_instance, make_small
from gis.partition.exact import enumerate_all
from gis.partition.problem import Problem, read_problem
from gis.partition.reduce import LeftUnit, Reduced, count_range, reduce, sums, why_not
from gis.partition.search import Clock, search

Status = Literal["optimal", "feasible", "infeasible", "unknown"]

_TRIED_FIRST: Final = 14
_NODES_FIRST: Final = 300_000
_NODES_AFTER: Final = 3_000_000
_SAME: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Partition:
    """One way of cutting units into districts.

    ``label`` (n,): district 0..k-1 of each unit, -1 left out; districts are numbered by their
    first unit. ``objective`` is NaN when there is no plan. ``bound``: no plan that leaves out no
    more has a lower objective; ``gap`` is (objective - bound) / objective. ``violations`` is
    always 0: a plan that breaks a constraint is never returned.
    """

    label: NDArray[np.int64]
    objective: float
    bound: float
    gap: float
    status: Status
    reason: str = ""
    left: tuple[LeftUnit, ...] = ()
    violations: int = 0

    @property
    def districts(self) -> int:
        """Number of districts."""
        return int(self.label.max(initial=-1)) + 1


def partition(
    links: ArrayLike,
    size: ArrayLike,
    *,
    count: int | None = None,
    low: ArrayLike,
    high: ArrayLike,
    objective: str = "cut-links",
    cost: Any = None,
    centre_limit: float | None = None,
    same: Iterable[Sequence[int]] = (),
    apart: Iterable[Sequence[int]] = (),
    seed: int = 0,
    time_limit_s: float = 60.0,
    xy: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    unit_names: Sequence[str] | None = None,
) -> Partition:
    """Cut units into connected districts that keep every bound.

    As much size as possible is placed first, then as many units; then the objective is lowered.
    Equal input and seed give equal districts, unless the time limit cuts the search short.

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
        ``cut-links``: links between different districts. ``balance``: largest |size/mean - 1|,
        mean = total/count. ``compact``: sum of size x cost to the centre of the district, the
        member for which that sum is least.
    cost
        (n, n) cost from member (row) to centre (column), dense or scipy sparse. What a sparse
        matrix does not store, and NaN or inf in a dense one, means that there is no way.
    centre_limit
        Each district needs a centre from which no member's cost is above it.
    same, apart
        Groups of units that must share a district (or be left out together), and that must not.
    seed
        Start of the random numbers.
    time_limit_s
        Seconds after which the search stops with the best plan so far.
    xy
        (n, 2) places of the units; between plans with equal objective, rounder districts win.
    names
        (m,) words for the sizes in reasons, such as ``people``.
    unit_names
        (n,) words for the units in reasons.

    Raises
    ------
    OptionError
        The input contradicts itself; all faults are named.
    CheckError
        The answer failed the independent check: a fault of ours.
    """
    same, apart = [list(g) for g in same], [list(g) for g in apart]
    problem = read_problem(
        links, size, count=count, low=low, high=high, objective=objective, cost=cost,
        centre_limit=centre_limit, same=same, apart=apart, time_limit_s=time_limit_s, xy=xy,
        names=names, unit_names=unit_names,
    )  # fmt: skip
    answer = _solve(problem, seed, Clock.start(time_limit_s))
    _require_sound(answer, links, problem, cost=cost, same=same, apart=apart)
    return answer


def _require_sound(
    answer: Partition,
    links: ArrayLike,
    problem: Problem,
    *,
    cost: Any,
    same: Sequence[Sequence[int]],
    apart: Sequence[Sequence[int]],
) -> None:
    if answer.status in ("infeasible", "unknown"):
        return
    broken = check_partition(
        links, problem.size, answer.label, low=problem.low, high=problem.high,
        count=problem.count, cost=cost, centre_limit=problem.centre_limit, same=same, apart=apart,
    )  # fmt: skip
    told = measure_partition(
        links, problem.size, answer.label, objective=problem.objective, cost=cost
    )
    if abs(told - answer.objective) > 1e-6 * max(1.0, abs(told)):
        broken += (f"the objective is {told:g}, not {answer.objective:g}",)
    if broken:
        raise CheckError(f"The districts found break a constraint, please report it: {broken[0]}")


def _solve(problem: Problem, seed: int, clock: Clock) -> Partition:
    reduced = reduce(problem)
    reason = why_not(problem, reduced)
    nothing = np.full(problem.units, -1, np.int64)
    if reason:
        return _no_plan(nothing, "infeasible", reason, reduced)
    if problem.count is None and not reduced.components:
        first = reduced.left[min(reduced.left)].reason if reduced.left else "there are no units"
        return _no_plan(nothing, "infeasible", f"no district can be formed: {first}", reduced)
    alive = reduced.component >= 0
    blocks = blocks_of(problem, alive)
    if blocks.units <= _TRIED_FIRST:
        label, proved = _try_all(problem, blocks, problem.count, nothing, _NODES_FIRST)
        if proved:
            return _answer(problem, reduced, label, proved=True)
    label, parts_proved = _search_parts(problem, reduced, seed, clock)
    label, proved = _try_all(problem, blocks, problem.count, label, _NODES_AFTER)
    return _answer(problem, reduced, label, proved=proved, parts_proved=parts_proved)


def _no_plan(label: NDArray[np.int64], status: Status, reason: str, reduced: Reduced) -> Partition:
    left = tuple(reduced.left[u] for u in sorted(reduced.left))
    return Partition(label, np.nan, np.nan, np.nan, status, reason, left)


def _search_parts(
    problem: Problem, reduced: Reduced, seed: int, clock: Clock
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Search each connected part by itself; all -1 where a given count could not be kept."""
    out = np.full(problem.units, -1, np.int64)
    proved = np.zeros(reduced.components, bool)
    counts = _share_out(problem, reduced)
    used = 0
    for c in range(reduced.components):
        blocks = blocks_of(problem, reduced.component == c)
        label = np.full(problem.units, -1, np.int64)
        if problem.count is None and blocks.units <= _TRIED_FIRST:
            label, proved[c] = _try_all(problem, blocks, None, label, _NODES_FIRST)
        if not proved[c]:
            joined = join_torn(problem, blocks)
            instance = make_instance(problem, joined, count=counts[c])
            found = search(instance, count=counts[c], seed=seed, clock=clock)
            label = np.where(joined.block >= 0, found[joined.block], -1)
            if counts[c] is not None and (label[reduced.component == c] < 0).any():
                return np.full(problem.units, -1, np.int64), proved
            if counts[c] is None:
                label, proved[c] = _try_all(problem, blocks, None, label, _NODES_AFTER // 4)
        placed = label >= 0
        out[placed] = label[placed] + used
        used = int(out.max()) + 1
    return out, proved


def _share_out(problem: Problem, reduced: Reduced) -> list[int | None]:
    """How many of ``count`` districts each connected part gets: near its share of the size."""
    if problem.count is None:
        return [None] * reduced.components
    reach = count_range(problem, reduced)
    total = sums(problem.size, reduced.component, reduced.components)[:, 0]
    wanted = problem.count * total / max(float(total.sum()), 1e-300)
    counts = np.clip(np.round(wanted), reach[:, 0], reach[:, 1]).astype(np.int64)
    while counts.sum() != problem.count:
        up = counts.sum() < problem.count
        can = counts < reach[:, 1] if up else counts > reach[:, 0]
        want = np.where(can, (wanted - counts) * (1 if up else -1), -np.inf)
        counts[int(want.argmax())] += 1 if up else -1
    return [int(k) for k in counts]


def _try_all(
    problem: Problem,
    blocks: Blocks,
    count: int | None,
    label: NDArray[np.int64],
    budget: int,
) -> tuple[NDArray[np.int64], bool]:
    """Try every way that could beat ``label``; returns the best and whether all were tried."""
    small = make_small(problem, blocks, count=count)
    if small is None:
        return label, False
    part = blocks.block >= 0
    best = np.array([np.inf, np.inf])
    if (label[part] >= 0).any():
        lost = small.worth[np.unique(blocks.block[part & (label < 0)])].sum()
        kept = np.where(part, label, -1)
        value = measure_partition(
            problem.links, problem.size, kept, objective=problem.objective, cost=problem.cost
        )
        best = np.array([lost, value])
    sets = np.zeros(blocks.units, np.uint64)
    done = bool(enumerate_all(small, best, sets, budget=budget))
    if not sets.any():
        return label, done
    of_block = np.full(blocks.units, -1, np.int64)
    for d, word in enumerate(sets):
        of_block[[(int(word) >> i) & 1 == 1 for i in range(blocks.units)]] = d
    return np.where(part, of_block[blocks.block], -1), done


def _answer(
    problem: Problem,
    reduced: Reduced,
    label: NDArray[np.int64],
    *,
    proved: bool,
    parts_proved: NDArray[np.bool_] | None = None,
) -> Partition:
    """Number the districts, tell what is left out and why, and say what is proved."""
    alive = reduced.component >= 0
    if problem.count is not None and (label < 0).any():
        if proved:
            reason = f"all ways of making {problem.count} districts were tried; none keeps all"
            return _no_plan(label, "infeasible", reason, reduced)
        reason = f"no plan with {problem.count} districts was found; none is proved impossible"
        return _no_plan(label, "unknown", reason, reduced)
    left = dict(reduced.left)
    for unit in np.flatnonzero(alive & (label < 0)):
        c = int(reduced.component[unit])
        whole = proved or (parts_proved is not None and bool(parts_proved[c]))
        left[int(unit)] = _unplaced(int(unit), whole)
    told = tuple(left[u] for u in sorted(left))
    if not (label >= 0).any():
        reason = "no district can be formed: all ways were tried" if proved else (
            "no district was found; none is proved impossible"
        )  # fmt: skip
        plan = _no_plan(label, "infeasible" if proved else "unknown", reason, reduced)
        return replace(plan, left=told)
    label = _renumber(label)
    objective = measure_partition(
        problem.links, problem.size, label, objective=problem.objective, cost=problem.cost
    )
    all_placed = all(unit.proved for unit in told)
    bound = objective if proved else _bound(problem, reduced, all_placed)
    done = objective <= bound + _SAME * max(1.0, abs(objective)) and (proved or all_placed)
    gap = 0.0 if done or objective == 0 else max(0.0, (objective - bound) / objective)
    return Partition(
        label, objective, min(bound, objective), gap, "optimal" if done else "feasible", "", told
    )


def _unplaced(unit: int, proved: bool) -> LeftUnit:
    if proved:
        reason = "all ways of joining it with its neighbours were tried; this leaves out least"
        return LeftUnit(unit, reason, True, "combination")
    reason = "no way was found to join it within the bounds; none is proved impossible"
    return LeftUnit(unit, reason, False, "not-found")


def _renumber(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the districts 0..k-1 in the order of their first units."""
    placed = label >= 0
    used, first = np.unique(label[placed], return_index=True)
    new = np.full(int(label.max()) + 1, -1, np.int64)
    new[used[np.argsort(first)]] = np.arange(len(used))
    return np.where(placed, new[label], -1)


def _bound(problem: Problem, reduced: Reduced, all_placed: bool) -> float:
    """Return what no plan that places all placeable units can go below; 0 is always true.

    cut-links: a part cut into k districts cuts k - 1 links or more. balance: a size in whole
    numbers cannot be nearer to a broken mean, and the largest unit is in some district. compact:
    all but the centres pay at least the way to the nearest other unit.
    """
    if not all_placed:
        return 0.0
    alive = reduced.component >= 0
    reach = count_range(problem, reduced)
    if problem.objective == "cut-links":
        least = float((reach[:, 0] - 1).sum())
        return least if problem.count is None else float(problem.count - reduced.components)
    if problem.objective == "balance":
        return _balance_bound(problem)
    nearest = _nearest_cost(problem, alive)
    centres = problem.count if problem.count is not None else int(reach[:, 1].sum())
    paid = np.sort(nearest * problem.size[alive, 0])[::-1]
    return float(paid[centres:].sum())


def _balance_bound(problem: Problem) -> float:
    size = problem.size[:, 0]
    mean = float(size.sum()) / problem.count if problem.count is not None else 0.0
    if mean <= 0:
        return 0.0
    bound = max(0.0, float(size.max()) / mean - 1)
    if np.all(size == np.floor(size)) and mean != np.floor(mean):
        bound = max(bound, (np.ceil(mean) - mean) / mean, (mean - np.floor(mean)) / mean)
    return float(bound)


def _nearest_cost(problem: Problem, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Cost from each living unit to its nearest other living unit; 0 where there is none."""
    coo = problem.cost.tocoo()
    kept = (coo.row != coo.col) & alive[coo.row] & alive[coo.col]
    nearest = np.full(problem.units, np.inf)
    np.minimum.at(nearest, coo.row[kept], coo.data[kept])
    return np.where(np.isfinite(nearest), nearest, 0.0)[alive]
