"""The answer of `partition`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.partition.reduce import LeftUnit
from gis.partition.relax import Relaxation

Status = Literal["optimal", "feasible", "infeasible", "unknown"]

_SAME: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Partition:
    """One way of cutting units into districts.

    ``label`` (n,): district 0..k-1 of each unit, -1 left out; districts are numbered by their
    first unit. ``objective`` is the sum of weight x term / scale over the names of ``terms``, NaN
    when there is no plan. ``bound``: no plan that leaves out no more has a lower objective;
    ``gap`` is (objective - bound) / objective. ``violations`` is always 0: a plan that breaks a
    constraint is never returned. ``relaxations``: for each group that is left out, what would
    place it, the least change first.
    """

    label: NDArray[np.int64]
    objective: float
    bound: float
    gap: float
    status: Status
    reason: str = ""
    left: tuple[LeftUnit, ...] = ()
    violations: int = 0
    terms: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    relaxations: tuple[Relaxation, ...] = ()

    @property
    def districts(self) -> int:
        """Number of districts."""
        return int(self.label.max(initial=-1)) + 1


def no_plan(
    label: NDArray[np.int64], status: Status, reason: str, left: tuple[LeftUnit, ...]
) -> Partition:
    """Return an answer without districts; all of ``label`` is -1."""
    return Partition(label, np.nan, np.nan, np.nan, status, reason, left)


def gap_of(objective: float, bound: float) -> float:
    """(objective - bound) / objective; 0 where they are the same."""
    if reaches(objective, bound) or objective == 0:
        return 0.0
    return max(0.0, (objective - bound) / objective)


def reaches(objective: float, bound: float) -> bool:
    """Whether an objective is as low as its bound, but for rounding."""
    return objective <= bound + _SAME * max(1.0, abs(objective))


def renumber(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the districts 0..k-1 in the order of their first units."""
    placed = label >= 0
    used, first = np.unique(label[placed], return_index=True)
    new = np.full(int(label.max()) + 1, -1, np.int64)
    new[used[np.argsort(first)]] = np.arange(len(used))
    return np.where(placed, new[label], -1)
