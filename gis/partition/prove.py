"""What is asked is searched, then proved as far as time allows."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.partition import choose, mip
from gis.partition.aims import lost_cost, score
from gis.partition.answer import Partition, gap_of, no_plan, reaches, renumber
from gis.partition.bounds import lower_bound
from gis.partition.contract import blocks_of
from gis.partition.problem import Problem
from gis.partition.reduce import LeftUnit, Reduced, reduce, why_not
from gis.partition.relax import prove_left
from gis.partition.rounds import NODES_AFTER, NODES_FIRST, TRIED_FIRST, Live, Rounds, try_all
from gis.partition.search import Clock

# Shares of the time limit: for the search; at most for the optimum, for proofs of what is left out,
# and for the lower bound, which needs more time the more units there are.
_OF_SEARCH, _OF_OPTIMUM, _OF_LEFT, _OF_BOUND, _MOST_OF_BOUND = 0.85, 0.05, 0.05, 0.05, 0.2
_BOUND_PER_UNIT_S: Final = 5e-4


def search_and_prove(
    problem: Problem,
    *,
    best: NDArray[np.int64] | None = None,
    seed: int,
    time_limit_s: float,
    live: Live | None,
) -> Partition:
    """Return the best plan found of a problem without closed districts, and what is proved.

    ``best`` (n,) is the best plan where it is known; then what it leaves out gets its reason.
    """
    end = time.monotonic() + time_limit_s
    clock = Clock.start(_OF_SEARCH * time_limit_s)
    nothing = np.full(problem.units, -1, np.int64)
    if problem.count is not None and problem.count == 0:
        reason = "there are no units"
        if problem.units:
            reason = f"all districts are closed, and {problem.called(0)} is in none of them"
        return no_plan(nothing, "infeasible", reason, ())
    reduced = reduce(problem)
    left = tuple(reduced.left[u] for u in sorted(reduced.left))
    reason = why_not(problem, reduced)
    if not reason and problem.count is None and not reduced.components:
        first = left[0].reason if left else "there are no units"
        reason = f"no district can be formed: {first}"
    if reason:
        return no_plan(nothing, "infeasible", reason, left)
    alive = reduced.component >= 0
    blocks = blocks_of(problem, alive)
    if best is None and blocks.units <= TRIED_FIRST:
        label, proved = try_all(problem, blocks, problem.count, nothing, NODES_FIRST)
        best = label if proved else None
    if best is not None:
        _tell(problem, best, live)
        return _answer(problem, reduced, best, proved=True)
    rounds = Rounds(problem, reduced, seed, clock, live)
    rounds.run()
    if rounds.stopped:
        return _answer(problem, reduced, rounds.label, parts_proved=rounds.proved)
    label, proved = try_all(problem, blocks, problem.count, rounds.label, NODES_AFTER)
    bound = 0.0
    if not proved:
        deadline = min(end, time.monotonic() + _OF_OPTIMUM * time_limit_s)
        label, proved, bound = _by_programme(problem, reduced, label, rounds.proved, deadline)
        if bound > 0 and not mip.fits(problem, alive, problem.count):
            end = time.monotonic()  # the lower bound would only find these prices again
    if (label != rounds.label).any():
        _tell(problem, label, live)
    return _answer(
        problem, reduced, label, proved=proved, parts_proved=rounds.proved,
        bound=bound, time_limit_s=time_limit_s, end=end,
    )  # fmt: skip


def _tell(problem: Problem, label: NDArray[np.int64], live: Live | None) -> None:
    if live is not None and (label >= 0).any():
        live(label.copy(), score(problem, label) + lost_cost(problem, label))


def _by_programme(
    problem: Problem,
    reduced: Reduced,
    label: NDArray[np.int64],
    parts_proved: NDArray[np.bool_],
    deadline: float,
) -> tuple[NDArray[np.int64], bool, float]:
    """Prove parts by integer programming; returns labels, whether all is proved, and a bound.

    Only what is proved and better replaces the plan of the search, so that the plan hangs on the
    clock as little as can be.
    """
    alive = reduced.component >= 0
    if problem.count is not None:
        found = _optimum(problem, alive, problem.count, label, deadline)
        bound = found.bound if np.isfinite(found.bound) else 0.0
        return _better(problem, alive, label, found), found.proved, bound
    bounds = np.zeros(reduced.components)
    for c in np.flatnonzero(~parts_proved):
        part = reduced.component == c
        found = _optimum(problem, part, None, label, deadline)
        label = _better(problem, part, label, found)
        parts_proved[c] = found.proved
        bounds[c] = found.bound if np.isfinite(found.bound) else 0.0
    if problem.balance_weight and reduced.components > 1:
        return label, False, 0.0
    whole = bool((label[alive] >= 0).all())
    return label, whole and bool(parts_proved.all()), float(bounds.sum()) if whole else 0.0


def _optimum(
    problem: Problem,
    part: NDArray[np.bool_],
    count: int | None,
    label: NDArray[np.int64],
    deadline: float,
) -> mip.Exact:
    """Few large districts by slots, many small ones by choosing among all that there could be."""
    if mip.fits(problem, part, count):
        return mip.solve_exact(problem, part, count, label, deadline)
    return choose.solve_by_sets(problem, part, count, label, deadline)


def _better(
    problem: Problem, part: NDArray[np.bool_], label: NDArray[np.int64], found: mip.Exact
) -> NDArray[np.int64]:
    """Put what was found in its place if it is proved and not merely another optimum."""
    own = np.where(part, label, -1)
    lost, was_lost = (problem.size[part & (x < 0), 0].sum() for x in (found.label, own))
    same = lost == was_lost and ((found.label >= 0) == (own >= 0)).sum() == len(own)
    if not found.proved or (same and reaches(score(problem, own), score(problem, found.label))):
        return label
    used = int(label.max(initial=-1)) + 1
    return np.where(part, np.where(found.label >= 0, found.label + used, -1), label)


def _answer(
    problem: Problem,
    reduced: Reduced,
    label: NDArray[np.int64],
    *,
    proved: bool = False,
    parts_proved: NDArray[np.bool_] | None = None,
    bound: float = 0.0,
    time_limit_s: float = 0.0,
    end: float = 0.0,
) -> Partition:
    """Number the districts, tell what is left out and why, and say what is proved."""
    alive = reduced.component >= 0
    before = tuple(reduced.left[u] for u in sorted(reduced.left))
    if problem.count is not None and (label < 0).any():
        if proved:
            reason = f"all ways of making {problem.count} districts were tried; none keeps all"
            return no_plan(label, "infeasible", reason, before)
        reason = f"no plan with {problem.count} districts was found; none is proved impossible"
        return no_plan(label, "unknown", reason, before)
    left = dict(reduced.left)
    for unit in np.flatnonzero(alive & (label < 0)):
        c = int(reduced.component[unit])
        whole = proved or (parts_proved is not None and bool(parts_proved[c]))
        left[int(unit)] = _unplaced(int(unit), whole)
    if any(not unit.proved for unit in left.values()):
        deadline = min(end, time.monotonic() + _OF_LEFT * time_limit_s)
        left |= prove_left(problem, reduced, label, deadline)
    told = tuple(left[u] for u in sorted(left))
    if not (label >= 0).any():
        sure = proved or (parts_proved is not None and bool(parts_proved.all()))
        reason = "no district can be formed: all ways were tried" if sure else (
            "no district was found; none is proved impossible"
        )  # fmt: skip
        return no_plan(label, "infeasible" if sure else "unknown", reason, told)
    label = renumber(label)
    objective = score(problem, label)
    all_placed = all(unit.proved and unit.code != "combination" for unit in told)
    if proved:
        bound = objective
    else:
        share = max(_OF_BOUND * time_limit_s, problem.units * _BOUND_PER_UNIT_S)
        share = min(share, _MOST_OF_BOUND * time_limit_s, max(0.0, end - time.monotonic()))
        deadline = time.monotonic() + share
        other = lower_bound(problem, reduced, all_placed, deadline, label=label)
        bound = min(objective, max(bound if all_placed else 0.0, other))
    done = reaches(objective, bound) and (proved or all(unit.proved for unit in told))
    return Partition(
        label, objective, bound, gap_of(objective, bound), "optimal" if done else "feasible", "",
        told,
    )  # fmt: skip


def _unplaced(unit: int, proved: bool) -> LeftUnit:
    if proved:
        reason = "all ways of joining it with its neighbours were tried; this leaves out least"
        return LeftUnit(unit, reason, True, "combination")
    reason = "no way was found to join it within the bounds; none is proved impossible"
    return LeftUnit(unit, reason, False, "not-found")
