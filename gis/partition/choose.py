"""The optimum for many small districts: choose among all sets that could be in it (HiGHS).

Prices that are valid for all sets (`gis.partition.bounds`) leave few sets that a better plan could
hold: those that cost no more above their price than the plan known is above the bound.
"""

from __future__ import annotations

import time
from typing import Any, Final

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.partition.aims import score
from gis.partition.bounds import Priced, price_sets
from gis.partition.mip import Exact
from gis.partition.problem import Problem
from gis.partition.sets import MOST_MEMBERS, Ask, Found, make_walk, sweep

_MOST_BLOCKS: Final = 1000
_MOST_UNITS_EACH: Final = 12
_MOST_SETS: Final = 60_000
_STEPS: Final = 3_000_000
_PRICE_SHARE: Final = 0.5
_TRIES: Final = 7
_FEWER: Final = 1.5
_SAME: Final = 1e-6
_FEASIBLE: Final = 2

Ints = NDArray[np.int64]


def fits(problem: Problem, part: NDArray[np.bool_], label: Ints) -> bool:
    """Whether `solve_by_sets` takes a part: districts small and many, no balance, all placed."""
    inside = label[part]
    if not len(inside) or (inside < 0).any() or problem.balance_weight > 0:
        return False
    districts = len(np.unique(inside))
    few = len(inside) <= _MOST_BLOCKS and problem.centre_limit is None
    return few and districts > 1 and len(inside) <= _MOST_UNITS_EACH * districts


def solve_by_sets(
    problem: Problem,
    part: NDArray[np.bool_],
    count: int | None,
    label: Ints,
    deadline: float,
) -> Exact:
    """Improve a plan that places all units of a part, and prove it if there is time.

    Parameters and answer are those of `gis.partition.mip.solve_exact`; the plan to start from is
    needed. Where nothing better is found in time the plan is returned with the bound.
    """
    start = np.where(part, label, -1)
    if not fits(problem, part, label):
        return Exact(start, np.nan, 0.0, False, "unknown")
    value = score(problem, start)
    step = _step(problem)
    enough = value - step + _SAME
    begun = time.monotonic()
    share = begun + _PRICE_SHARE * (deadline - begun)
    priced = price_sets(problem, part, share, value=value, enough=enough)
    if priced is None:
        return Exact(start, value, 0.0, False, "feasible")
    if priced.bound >= enough or priced.bound >= value - _SAME * max(1.0, abs(value)):
        return Exact(start, value, value, True, "optimal")
    known = Exact(start, value, _whole(priced.bound, step), False, "feasible")
    while time.monotonic() < deadline:
        gap = known.objective - step * (1 - _SAME) - priced.bound
        found, near = _near_their_price(priced, gap, deadline)
        if found is None:
            return known
        better, least = _choose(priced, found, count, deadline)
        # A plan with a set that was not looked at is above the bound by more than ``near``.
        least = least if near >= gap else min(least, priced.bound + near)
        improved = better is not None and score(problem, better) < known.objective - _SAME
        if improved and better is not None:
            known = known._replace(label=better, objective=score(problem, better))
        bound = min(max(known.bound, _whole(least, step)), known.objective)
        known = known._replace(bound=bound)
        if bound >= known.objective - max(step * (1 - _SAME), _SAME * max(1.0, abs(bound))):
            return known._replace(bound=known.objective, proved=True, status="optimal")
        if not improved:
            return known
    return known


def _whole(bound: float, step: float) -> float:
    """Return the first value that a plan can have from ``bound`` on."""
    if not np.isfinite(bound):
        return bound
    return float(np.ceil(bound / step - _SAME) * step) if step > 0 else max(bound, 0.0)


def _step(problem: Problem) -> float:
    """By how much a better plan is better at least: 1 for links that all cost 1."""
    cost = problem.link_cost
    others = problem.compact_weight or problem.spread_weight or problem.split_classes
    return 0.0 if others or not len(cost) or cost.min() != cost.max() else float(cost[0])


def _near_their_price(priced: Priced, gap: float, deadline: float) -> tuple[Found | None, float]:
    """Return the sets that a plan better by the gap could hold, or as many as there is room for.

    The second figure is what they cost above their price at most.
    """
    field, u = priced.field, len(priced.price)
    near = max(gap, 0.0)
    for _ in range(_TRIES):
        found = Found(
            np.ones(u), np.zeros(_MOST_SETS),
            np.zeros((_MOST_SETS, min(u, MOST_MEMBERS) + 1), np.int64), np.zeros(u, np.int64),
            np.zeros(1, np.int64),
        )  # fmt: skip
        walk, ask = make_walk(field), Ask(priced.price, priced.extra, near + 1e-9, priced.dense)
        for root in range(u):
            sweep(field, walk, ask, found, root, root + 1, _STEPS)
            if found.open[root]:
                break
            if time.monotonic() > deadline:
                return None, near
        if not found.open.any():
            return found, near
        near /= _FEWER
    return None, near


def _choose(
    priced: Priced, found: Found, count: int | None, deadline: float
) -> tuple[Ints | None, float]:
    """Choose the cheapest sets that hold every block once; returns labels and the least value.

    The value is inf when no choice of these sets is possible.
    """
    many, u = int(found.many[0]), len(priced.price)
    rows = found.best[:many]
    inside = np.arange(1, rows.shape[1])[None, :] <= rows[:, :1]
    held = rows[:, 1:][inside]
    ptr = np.r_[0, np.cumsum(rows[:, 0])]
    if len(np.unique(held)) < u:
        return None, np.inf
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, setting in (
        ("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0), ("mip_abs_gap", 1e-7),
        ("random_seed", 1), ("time_limit", max(0.05, deadline - time.monotonic())),
    ):  # fmt: skip
        solver.setOptionValue(name, setting)
    none, every = np.zeros(0, np.int32), np.arange(many, dtype=np.int32)
    solver.addCols(
        many, found.cost[:many], np.zeros(many), np.ones(many), 0, np.zeros(many, np.int32), none,
        np.zeros(0),
    )  # fmt: skip
    kinds = np.array([highspy.HighsVarType.kInteger] * many)
    solver.changeColsIntegrality(many, every, kinds)
    by_block = sp.csr_array((np.ones(len(held)), held, ptr), shape=(many, u)).T.tocsr()
    solver.addRows(
        u, np.ones(u), np.ones(u), by_block.nnz, by_block.indptr[:-1].astype(np.int32),
        by_block.indices.astype(np.int32), by_block.data,
    )  # fmt: skip
    if count is not None:
        solver.addRow(float(count), float(count), many, every, np.ones(many))
    solver.run()
    if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        return None, np.inf
    least = float(solver.getInfo().mip_dual_bound) - priced.constant
    values = np.array(solver.getSolution().col_value)
    if solver.getInfo().primal_solution_status != _FEASIBLE or len(values) != many:
        return None, least
    of = np.full(u, -1, np.int64)
    for district, row in enumerate(rows[values > 0.5]):
        of[row[1 : 1 + row[0]]] = district
    block = priced.blocks.block
    return np.where(block >= 0, of[block], -1), least
