"""Rows of a mixed-integer model in the making."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Rows:
    """Rows over ``columns`` columns: of each entry its row, column and value."""

    columns: int
    row: list[Ints] = field(default_factory=list)
    column: list[Ints] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)
    low: list[Floats] = field(default_factory=list)
    high: list[Floats] = field(default_factory=list)
    count: int = 0

    def add(self, row: Any, column: Any, value: Any, low: Any, high: Any) -> None:
        """Add rows: entry by entry its row (from 0), column and value, row by row its limits.

        ``low`` has one value for each new row; the other arguments may be single numbers.
        """
        low = np.atleast_1d(np.asarray(low, dtype=float))
        column = np.atleast_1d(np.asarray(column, dtype=np.int64))
        self.row.append(np.broadcast_to(row, column.shape) + self.count)
        self.column.append(column)
        self.value.append(np.broadcast_to(np.asarray(value, dtype=float), column.shape))
        self.low.append(low)
        self.high.append(np.broadcast_to(np.asarray(high, dtype=float), low.shape))
        self.count += len(low)

    def matrix(self) -> Any:
        """(count, columns) csr_array."""
        if not self.row:
            return sp.csr_array((0, self.columns))
        at = (np.concatenate(self.row), np.concatenate(self.column))
        return sp.csr_array((np.concatenate(self.value), at), shape=(self.count, self.columns))

    def limits(self) -> tuple[Floats, Floats]:
        """(count,) least and (count,) most of each row."""
        none = [np.zeros(0)]
        return np.concatenate([*none, *self.low]), np.concatenate([*none, *self.high])
