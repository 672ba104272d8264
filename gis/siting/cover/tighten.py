"""The linear relaxation of covering everybody, and inequalities that tighten it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import highspy
import numpy as np
import scipy.sparse as sp

from gis.siting.cover.case import Case
from gis.siting.cover.windows import cut_of
from gis.siting.problem import Bools, Floats, Ints

_NEAR: Final = 1e-7
_NODES: Final = 100_000
_OVERLAP: Final = 4


@dataclass(frozen=True, eq=False)
class Cuts:
    """Inequalities that every cover keeps: ``rows`` x >= ``least``, (k, m) over all sites."""

    rows: Any
    least: Floats

    def joined(self, other: Cuts) -> Cuts:
        """Return both together."""
        rows = sp.vstack([self.rows, other.rows], format="csr")
        return Cuts(rows, np.r_[self.least, other.least])

    def part(self, some: Bools) -> Cuts:
        """Return some of them."""
        return Cuts(self.rows[np.flatnonzero(some)], self.least[some])

    def of(self, case: Case) -> tuple[Any, Floats]:
        """(k, c) over the columns of a case, and what is lacking beside the settled sites."""
        return self.rows[:, case.site], self.least - self.rows @ case.settled.astype(float)


def no_cuts(sites: int) -> Cuts:
    """No inequalities."""
    return Cuts(sp.csr_array((0, sites)), np.zeros(0))


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A fractional answer: ``open`` (c,), and what rows (r,) and cuts (k,) pay for it."""

    open: Floats
    paid: Floats
    worth: Floats


class Relaxation:
    """The linear relaxation of a case with cuts, solved anew from where it was."""

    def __init__(self, case: Case, cuts: Cuts) -> None:
        make: Any = highspy.Highs
        solver = make()
        self.case = case
        self._solver = solver
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        rows, low, high = club_rows(case)
        rows = sp.csr_array(rows)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = case.cover.cols, rows.shape[0]
        model.col_cost_ = case.price
        model.col_lower_, model.col_upper_ = np.zeros(case.cover.cols), np.ones(case.cover.cols)
        model.row_lower_, model.row_upper_ = low, high
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = rows.indptr.astype(np.int32)
        model.a_matrix_.index_ = rows.indices.astype(np.int32)
        model.a_matrix_.value_ = rows.data
        solver.passModel(model)
        self._own = rows.shape[0]
        self.add(cuts)

    def add(self, cuts: Cuts) -> None:
        """Add some cuts."""
        rows, least = cuts.of(self.case)
        if len(least):
            rows = sp.csr_array(rows)
            self._solver.addRows(
                len(least), least, np.full(len(least), highspy.kHighsInf), rows.nnz,
                rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32), rows.data,
            )  # fmt: skip

    def solve(self, deadline: float) -> Relaxed | None:
        """Return the best fractional answer; None: not in time."""
        solver = self._solver
        left = deadline - time.monotonic()
        solver.setOptionValue("time_limit", max(0.01, left))  # of each run on its own
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = solver.getSolution()
        price = np.maximum(np.array(solution.row_dual), 0.0)
        x = np.array(solution.col_value)
        x = np.where(x < _NEAR, 0.0, np.where(x > 1 - _NEAR, 1.0, x))
        return Relaxed(x, price[: self.case.cover.rows], price[self._own :])


def club_rows(case: Case) -> tuple[Any, Floats, Floats]:
    """Return rows, least and most of what a choice of columns has to meet."""
    cover = case.cover
    rows = [cover.matrix()]
    clubs = np.unique(case.club[case.club >= 0])
    rows += [sp.csr_array((case.club == number).astype(float)[None, :]) for number in clubs]
    low = np.r_[np.ones(cover.rows), np.full(len(clubs), -np.inf)]
    high = np.r_[np.full(cover.rows, np.inf), np.ones(len(clubs))]
    return sp.vstack(rows, format="csr"), low, high


def find_cuts(case: Case, x: Floats, rest: Floats, size: int, seed: int, deadline: float) -> Cuts:
    """Return inequalities that a fractional answer does not keep, from windows all over it.

    ``rest`` (c,) what is left of the prices; windows have up to ``size`` columns.
    """
    cover = case.cover
    matrix = cover.matrix()
    partly = (x > 0) & (x < 1)
    whole = np.asarray(matrix @ (x == 1).astype(float)) > 0
    part = np.where(whole, 0, np.asarray(matrix @ partly.astype(float))).astype(np.int64)
    used = np.zeros(len(x), bool)
    found: dict[bytes, tuple[Ints, Floats, float]] = {}
    for j in np.random.default_rng(seed).permutation(np.flatnonzero(partly)).tolist():
        if used[j]:
            continue
        window, columns, value, least = cut_of(
            cover.row_at, cover.col, cover.col_at, cover.row, x, rest, part, whole, j, size, _NODES
        )
        used[window[: max(1, len(window) // _OVERLAP)]] = True
        if least > 0:
            some = np.flatnonzero(value > 0)
            order = some[np.argsort(columns[some])]
            key = columns[order].tobytes() + value[order].tobytes()
            found[key] = columns[order], value[order], least
        if time.monotonic() >= deadline:
            break
    return _stacked(case, list(found.values()))


def _stacked(case: Case, found: list[tuple[Ints, Floats, float]]) -> Cuts:
    if not found:
        return no_cuts(len(case.settled))
    at = np.r_[0, np.cumsum([len(columns) for columns, _, _ in found])]
    columns = case.site[np.concatenate([columns for columns, _, _ in found])]
    value = np.concatenate([value for _, value, _ in found])
    rows = sp.csr_array((value, columns, at), shape=(len(found), len(case.settled)))
    return Cuts(rows, np.array([least for _, _, least in found]))
