"""One mixed-integer model for HiGHS, from arrays; its bound with the tolerances taken off."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

INF: Final = np.inf
ROUNDING: Final = 4e-10
"""Relative error that a bound of HiGHS is granted."""

_FEASIBLE: Final = 2
_SCALE: Final = 1e6
_LEAST_SECONDS: Final = 0.01
_SAME: Final = 1e-12
_STEPS_OF_ONE: Final = 100.0
_MOST_WHOLE: Final = 1e9


@dataclass
class Mip:
    """Least ``cost`` x with ``low <= rows x <= high``, ``least <= x <= most``, some x whole.

    ``exact``: all costs are whole numbers, and so is the objective of every answer.
    """

    cost: Floats
    least: Floats
    most: Floats
    whole: Bools
    rows: Any
    low: Floats
    high: Floats
    exact: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Solved:
    """``values`` of the best answer, None without one; ``bound`` below the least objective.

    ``ended``: the search came to its end; without values there is then no answer at all.
    """

    values: Floats | None
    bound: float
    ended: bool


def solve_mip(mip: Mip, deadline: float, *, seed: int = 0, start: Floats | None = None) -> Solved:
    """Search with HiGHS on one thread until proof or the deadline, from ``start`` if given."""
    scale = _scale(mip)
    solver = _load(mip, scale)
    seconds = max(_LEAST_SECONDS, deadline - time.monotonic())
    for name, setting in (
        ("output_flag", False), ("threads", 1), ("random_seed", seed % 2**31),
        ("mip_rel_gap", 0.0), ("mip_abs_gap", 0.0), ("time_limit", seconds),
        *mip.options.items(),
    ):  # fmt: skip
        solver.setOptionValue(name, setting)
    if start is not None:
        known = highspy.HighsSolution()
        known.col_value = start.tolist()
        solver.setSolution(known)
    solver.run()
    return _read(solver, mip, scale)


def grain_of(price: Floats) -> float:
    """Return the largest hundredth of which all prices are multiples, but for rounding; 0: none."""
    steps = np.rint(price * _STEPS_OF_ONE)
    off = np.abs(price * _STEPS_OF_ONE - steps) > _SAME * np.maximum(1.0, steps)
    if not len(price) or off.any() or steps.max() > _MOST_WHOLE:
        return 0.0
    return float(np.gcd.reduce(steps.astype(np.int64))) / _STEPS_OF_ONE


def _scale(mip: Mip) -> float:
    """Return a factor that makes absolute tolerances of 1e-6 small beside fractional objectives."""
    if mip.exact:
        return 1.0
    largest = float((np.abs(mip.cost) * np.where(np.isfinite(mip.most), mip.most, 1.0)).sum())
    return float(2.0 ** np.round(np.log2(_SCALE / largest))) if largest > 0 else 1.0


def _load(mip: Mip, scale: float) -> Any:
    make: Any = highspy.Highs  # without types, and yet not quite unknown to mypy
    solver = make()
    solver.setOptionValue("output_flag", False)
    matrix = sp.csr_array(mip.rows)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(mip.cost), matrix.shape[0]
    model.col_cost_ = mip.cost * scale
    model.col_lower_, model.col_upper_ = mip.least, mip.most
    model.row_lower_, model.row_upper_ = mip.low, mip.high
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    model.a_matrix_.index_ = matrix.indices.astype(np.int32)
    model.a_matrix_.value_ = matrix.data.astype(np.float64)
    kind = highspy.HighsVarType
    model.integrality_ = [kind.kInteger if w else kind.kContinuous for w in mip.whole.tolist()]
    solver.passModel(model)
    return solver


def _read(solver: Any, mip: Mip, scale: float) -> Solved:
    status, info = solver.getModelStatus(), solver.getInfo()
    kind = highspy.HighsModelStatus
    # All columns that matter are bounded, so that "unbounded or infeasible" is infeasible.
    none = status in (kind.kInfeasible, kind.kUnboundedOrInfeasible)
    ended = none or status in (kind.kOptimal, kind.kModelEmpty)
    if none:
        return Solved(None, INF, ended=True)
    values = np.array(solver.getSolution().col_value)
    known = len(values) == len(mip.cost) and info.primal_solution_status == _FEASIBLE
    bound = float(info.mip_dual_bound) if mip.whole.any() else -INF
    if status == kind.kOptimal and not mip.whole.any():
        bound = float(info.objective_function_value)
    return Solved(values if known else None, _safe(bound / scale, mip.exact), ended)


def _safe(bound: float, exact: bool) -> float:
    """Lower a bound by what rounding may have added; of whole objectives, raise it to the next."""
    if not np.isfinite(bound):
        return -INF
    lower = bound - ROUNDING * max(1.0, abs(bound))
    return float(np.ceil(lower - 1e-5)) if exact else lower
