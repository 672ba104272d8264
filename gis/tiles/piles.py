"""Arrays that only ever grow at their end, so that a layer and its changed copies share one."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SPARE: Final = 1024


class Pile:
    """Rows of one array; those once added never change.

    A copy of a layer adds its new rows at the end and keeps the numbers of all others. ``rows``
    has unused room at its end: read only what `add` has returned.
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._lock = threading.Lock()
        self._used = len(rows)
        self.rows = _with_room(rows, len(rows))

    def __len__(self) -> int:
        return self._used

    def add(self, rows: NDArray[Any]) -> int:
        """Add rows and return the number of the first."""
        with self._lock:
            start = self._used
            end = start + len(rows)
            if end > len(self.rows):
                self.rows = _with_room(self.rows[:start], end)
            self.rows[start:end] = rows
            self._used = end
            return start


def _with_room(rows: NDArray[Any], needed: int) -> NDArray[Any]:
    # A quarter more: memory that nothing was written to costs nothing.
    roomy = np.empty((needed + needed // 4 + _SPARE, *rows.shape[1:]), rows.dtype)
    roomy[: len(rows)] = rows
    return roomy
