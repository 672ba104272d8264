"""The exact model of siting with capacities, for HiGHS.

What HiGHS returns is rounded and held against the limits anew: its tolerances would let a site hold
a little more than it may. Where they did, the set of demands (or sites) that is too much together
is forbidden and the search goes on.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple, cast

import highspy
import numpy as np
import scipy.sparse as sp

from gis.siting.problem import Bools, Floats, Ints
from gis.siting.whole.task import Task

_INF: Final = highspy.kHighsInf
_ROUNDS: Final = 50
_TOLERANCE: Final = 1e-7
_LARGEST: Final = 1024.0
_IMPOSSIBLE: Final = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)


class Solved(NamedTuple):
    """``bound`` is valid of the least sum; ``ended``: the search ended, not the time."""

    opened: Bools | None
    assignment: Ints | None
    bound: float
    ended: bool


def _solved(best: tuple[Bools, Ints] | None, bound: float, ended: bool) -> Solved:
    return Solved(None, None, bound, ended) if best is None else Solved(*best, bound, ended)


_NOTHING: Final = Solved(None, None, np.inf, True)


def solve_model(
    task: Task, deadline: float, seed: int, start: tuple[Bools, Ints] | None = None
) -> Solved:
    """Seek the least sum with HiGHS until the deadline, from a first answer if there is one."""
    return _Model(task, seed).solve(deadline, start)


class _Model:
    """Columns: a pair is used (p,), a free site is open (f,)."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task = task
        self.pairs = len(task.site)
        self.free = np.flatnonzero(task.free)
        self.column = np.full(task.sites, -1)
        self.column[self.free] = self.pairs + np.arange(len(self.free))
        self.columns = self.pairs + len(self.free)
        self.paid = np.r_[task.weight, task.site_weight[self.free]]
        self.scale = _scale(self.paid)
        self.solver: Any = cast("Any", highspy.Highs)()
        for name, value in {
            "output_flag": False, "threads": 1, "random_seed": seed % 2**31, "mip_rel_gap": 0.0,
            "mip_abs_gap": 1e-7,
        }.items():  # fmt: skip
            self.solver.setOptionValue(name, value)
        self._pass()

    def _pass(self) -> None:
        parts = [part for part in (
            self._served(), self._held(), self._linked(), self._counted(), self._grouped(),
            self._shared(), self._enough(),
        ) if part is not None]  # fmt: skip
        matrix = sp.csr_array(sp.vstack([rows for rows, _, _ in parts]))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, matrix.shape[0]
        lp.col_cost_ = self.paid * self.scale
        lp.col_lower_, lp.col_upper_ = np.zeros(self.columns), np.ones(self.columns)
        lp.row_lower_ = np.concatenate([low for _, low, _ in parts])
        lp.row_upper_ = np.concatenate([high for _, _, high in parts])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = matrix.indptr.astype(np.int32)
        lp.a_matrix_.index_ = matrix.indices.astype(np.int32)
        lp.a_matrix_.value_ = matrix.data
        lp.integrality_ = [highspy.HighsVarType.kInteger] * self.columns
        self.solver.passModel(lp)

    def _rows(self, value: Floats, row: Ints, column: Ints, many: int) -> Any:
        return sp.csr_array((value, (row, column)), shape=(many, self.columns))

    def _served(self) -> Any:
        task = self.task
        rows = self._rows(np.ones(self.pairs), task.demand, np.arange(self.pairs), task.demands)
        return rows, np.full(task.demands, float(task.all)), np.ones(task.demands)

    def _held(self) -> Any:
        """What is served at a site is at most what it holds, 0 where it is closed."""
        task = self.task
        need = task.need[task.demand]
        asked = np.bincount(task.site, need, task.sites)
        tight = np.flatnonzero((asked > task.room) & (task.free | task.fixed))
        if not len(tight):
            return None
        row = np.full(task.sites, -1)
        row[tight] = np.arange(len(tight))
        # One unit is what the site holds: 1e-6 of it is what HiGHS calls kept.
        unit = np.where(task.room > 0, np.where(np.isfinite(task.room), task.room, 1.0), 1.0)
        unit = np.exp2(np.floor(np.log2(unit)))
        used = np.flatnonzero(row[task.site] >= 0)
        of_free = tight[task.free[tight]]
        rows = self._rows(
            np.r_[need[used] / unit[task.site[used]], -task.room[of_free] / unit[of_free]],
            np.r_[row[task.site[used]], row[of_free]],
            np.r_[used, self.column[of_free]],
            len(tight),
        )
        most = np.where(task.free[tight], 0.0, task.room[tight] / unit[tight])
        return rows, np.full(len(tight), -_INF), most

    def _linked(self) -> Any:
        used = np.flatnonzero(self.task.free[self.task.site])
        if not len(used):
            return None
        row = np.arange(len(used))
        column = np.r_[used, self.column[self.task.site[used]]]
        value = np.r_[np.ones(len(used)), -np.ones(len(used))]
        rows = self._rows(value, np.r_[row, row], column, len(used))
        return rows, np.full(len(used), -_INF), np.zeros(len(used))

    def _counted(self) -> Any:
        task, many = self.task, len(self.free)
        least = self.pairs + np.arange(many)
        rows, most = [], []
        if task.left < many:
            rows.append(self._rows(np.ones(many), np.zeros(many, int), least, 1))
            most.append(float(task.left))
        if np.isfinite(task.money):
            rows.append(self._rows(task.price[self.free], np.zeros(many, int), least, 1))
            most.append(task.money)
        if not rows:
            return None
        return sp.vstack(rows), np.full(len(most), -_INF), np.array(most)

    def _grouped(self) -> Any:
        task = self.task
        group = task.group[self.free]
        names, where = np.unique(group[group >= 0], return_inverse=True)
        if not len(names):
            return None
        column = self.pairs + np.flatnonzero(group >= 0)
        rows = self._rows(np.ones(len(column)), where.ravel(), column, len(names))
        return rows, np.full(len(names), -_INF), np.ones(len(names))

    def _shared(self) -> Any:
        task = self.task
        if task.all or task.target <= 0:
            return None
        unit = float(task.need.sum())
        value = task.need[task.demand] / unit
        rows = self._rows(value, np.zeros(self.pairs, int), np.arange(self.pairs), 1)
        return rows, np.array([task.target / unit]), np.array([_INF])

    def _enough(self) -> Any:
        """What open sites hold is enough: follows from the rest, but HiGHS makes cuts of it."""
        task = self.task
        wanted = float(task.need.sum()) if task.all else task.target
        room = np.minimum(task.room, np.bincount(task.site, task.need[task.demand], task.sites))
        short = wanted - float(room[task.fixed].sum())
        if short <= 0 or not np.isfinite(short):
            return None
        many = len(self.free)
        # The rounding may sum up over sites: what is asked here is that much less.
        asked = 1.0 - 1e-9
        rows = self._rows(
            room[self.free] / short, np.zeros(many, int), self.pairs + np.arange(many), 1
        )
        return rows, np.array([asked]), np.array([_INF])

    # --- solving

    def solve(self, deadline: float, start: tuple[Bools, Ints] | None) -> Solved:
        """Run HiGHS, forbid what breaks a limit within its tolerance, until nothing does."""
        best = start
        bound = -np.inf
        if self.columns == 0:
            only = self.task.fixed.copy(), np.full(self.task.demands, -1, np.int64)
            return Solved(*only, 0.0, True) if self.task.allowed(*only) else _NOTHING
        for _ in range(_ROUNDS):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self.solver.setOptionValue("time_limit", left)
            if best is not None:
                self._start(*best)
            self.solver.run()
            status = self.solver.getModelStatus()
            info = self.solver.getInfo()
            if status in _IMPOSSIBLE:
                # A first answer that is there has been left out by rounding: it is as good as any.
                return _solved(best, np.inf if best is None else bound, best is None)
            ended = status == highspy.HighsModelStatus.kOptimal
            found = self._read() if info.primal_solution_status == 2 else None
            if not ended:
                bound = max(bound, _lower(info.mip_dual_bound) / self.scale)
            if found is None:
                break
            if not self.task.allowed(*found):
                bound = max(bound, _lower(info.mip_dual_bound) / self.scale)
                if not self._forbid(*found):
                    break
                continue
            if best is None or self.task.value(*found) < self.task.value(*best):
                best = found
            if ended:
                return Solved(*best, self.task.value(*best), True)
            break
        return _solved(best, bound, False)

    def _start(self, opened: Bools, assignment: Ints) -> None:
        solution = highspy.HighsSolution()
        used = assignment[self.task.demand] == self.task.site
        solution.col_value = np.r_[used.astype(float), opened[self.free].astype(float)].tolist()
        self.solver.setSolution(solution)

    def _read(self) -> tuple[Bools, Ints]:
        task = self.task
        value = np.asarray(self.solver.getSolution().col_value)
        opened = task.fixed.copy()
        opened[self.free] = value[self.pairs :] > 0.5
        used = np.flatnonzero(value[: self.pairs] > 0.5)
        assignment = np.full(task.demands, -1, np.int64)
        assignment[task.demand[used]] = task.site[used]
        return opened, assignment

    def _forbid(self, opened: Bools, assignment: Ints) -> bool:
        """Add rows that no answer within the limits breaks, but this one does."""
        task, added = self.task, False
        for j in np.flatnonzero(task.load(assignment) > task.room):
            set_ = np.flatnonzero((task.site == j) & (assignment[task.demand] == j))
            self._at_most(set_, len(set_) - 1.0)
            added = True
        if task.paid(opened) > task.money:
            chosen = self.column[opened & task.free]
            self._at_most(chosen, len(chosen) - 1.0)
            added = True
        served = assignment >= 0
        if not task.all and float(task.need[served].sum()) < task.target:
            others = np.flatnonzero(~served[task.demand])
            self.solver.addRow(
                1.0, _INF, len(others), others.astype(np.int32), np.ones(len(others))
            )
            added = True
        return added

    def _at_most(self, columns: Ints, most: float) -> None:
        many = len(columns)
        self.solver.addRow(-_INF, most, many, columns.astype(np.int32), np.ones(many))


def _scale(paid: Floats) -> float:
    """Bring weights to where the tolerances of HiGHS are small; whole numbers stay as they are."""
    largest = float(np.abs(paid).max(initial=0.0))
    if largest == 0 or (largest < 2**24 and bool((paid == np.rint(paid)).all())):
        return 1.0
    return float(np.exp2(np.floor(np.log2(_LARGEST / largest))))


def _lower(bound: float) -> float:
    return bound - _TOLERANCE * max(1.0, abs(bound)) if np.isfinite(bound) else -np.inf
