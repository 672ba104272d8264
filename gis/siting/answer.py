"""The answer of `locate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["optimal", "feasible", "infeasible", "unknown"]

_SAME: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Siting:
    """Where to open sites, and how good that is proved to be.

    ``chosen`` (k,) int64: sites opened, in ascending order: with those that are required, without
    those that are given. ``assignment`` (n,) int64: the open site that serves each demand, the
    nearest one where nothing else decides; -1: not served. ``objective`` is the demand covered
    ("mclp"), the number of sites chosen or their cost ("lscp"), the sum of demand x cost
    ("p-median"), or the largest cost ("p-center"); NaN where there is no answer. ``bound``: no
    choice is better than that; ``gap`` is |objective - bound| over the larger of both.
    ``violations`` is always 0: a choice that breaks a limit, a capacity or a budget is never
    returned. ``reason`` tells, in words, why there is no answer, or what limits it.
    """

    chosen: NDArray[np.int64]
    assignment: NDArray[np.int64]
    objective: float
    bound: float
    gap: float
    status: Status
    reason: str = ""
    violations: int = 0


@dataclass(frozen=True, eq=False)
class Found:
    """What a solver of one model found.

    ``open`` (m,) bool: all open sites, given and required ones too. ``assignment`` (n,) int64 the
    site of each demand, -1 not served; None: everybody goes to the nearest. ``bound`` of the
    objective; ``proved`` is told by the two being the same. ``exists``: False, there is provably
    no answer, and ``reason`` says why; None: nothing was found and nothing proved.
    """

    open: NDArray[np.bool_]
    bound: float
    assignment: NDArray[np.int64] | None = None
    exists: bool | None = True
    reason: str = ""


def no_siting(demands: int, status: Status, reason: str) -> Siting:
    """Return an answer without sites."""
    nowhere = np.full(demands, -1, dtype=np.int64)
    return Siting(np.empty(0, np.int64), nowhere, np.nan, np.nan, np.nan, status, reason)


def gap_of(objective: float, bound: float) -> float:
    """|objective - bound| over the larger of both; 0 where they are the same."""
    if reaches(objective, bound):
        return 0.0
    return abs(objective - bound) / max(abs(objective), abs(bound))


def reaches(objective: float, bound: float) -> bool:
    """Whether an objective is its bound, but for rounding."""
    return abs(objective - bound) <= _SAME * max(1.0, abs(objective), abs(bound))
