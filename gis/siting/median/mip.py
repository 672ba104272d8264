"""Whether any allowed choice serves everybody: mixed-integer programming (HiGHS)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.siting.median.case import Case
from gis.siting.mip import Mip, solve_mip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def side_rows(case: Case) -> tuple[Any, Floats]:
    """Return the rows (r, k) of number, money and exclusion, and (r,) the most of each."""
    k = len(case.sites)
    parts, most = [sp.csr_array(np.ones((1, k)))], [float(case.left)]
    if np.isfinite(case.money):
        scale = max(float(case.pay.max(initial=0.0)), 1e-300)
        parts.append(sp.csr_array(case.pay[None, :] / scale))
        most.append(case.money / scale)
    for g in np.unique(case.group[case.group >= 0]):
        inside = np.flatnonzero(case.group == g)
        if len(inside) > 1:
            ones = (np.ones(len(inside)), (np.zeros(len(inside), np.int64), inside))
            parts.append(sp.csr_array(ones, shape=(1, k)))
            most.append(1.0)
    return sp.vstack(parts, format="csr"), np.array(most)


def serve_all(case: Case, reach: Any, deadline: float, seed: int) -> tuple[Bools | None, bool]:
    """Seek sites so that every row of reach (r, k) has one; return them, and whether that is sure.

    None and sure: there are none.
    """
    k = len(case.sites)
    if reach.shape[0] == 0:
        return np.zeros(k, bool), True
    side, most = side_rows(case)
    rows = sp.vstack([reach, side], format="csr")
    low = np.r_[np.ones(reach.shape[0]), np.full(len(most), -np.inf)]
    high = np.r_[np.full(reach.shape[0], np.inf), most]
    while True:
        columns = np.ones(k), np.zeros(k), np.ones(k), np.ones(k, bool)
        # The fewest sites make a better relaxation, but any choice ends the search.
        mip = Mip(*columns, rows, low, high, True, {"objective_target": case.left + 0.5})
        done = solve_mip(mip, deadline, seed=seed)
        if done.values is None:
            return None, done.ended
        chosen = done.values > 0.5
        if chosen.sum() <= case.left and case.pay[chosen].sum() <= case.money:
            return chosen, done.ended
        # The budget is missed by rounding alone: not this choice, nor more than it.
        rows = sp.vstack([rows, sp.csr_array(chosen[None, :].astype(float))], format="csr")
        low, high = np.r_[low, -np.inf], np.r_[high, chosen.sum() - 1.0]
