"""Which links of a network are near a place: a grid of plain arrays, for millions of links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.network import WalkNetwork

CELL_M: Final = 100.0
"""About the length of a street between two junctions: few cells per link, few links per cell."""


@dataclass(frozen=True, eq=False)
class LinkGrid:
    """Cells of 100 m and the links whose bounds touch them.

    Tree indices hold a shape per link, several hundred bytes each; this holds eight.
    """

    _corner: NDArray[np.float64]
    _columns: int
    _rows: int
    _first: NDArray[np.int64]
    _link: NDArray[np.int32]
    _low: NDArray[np.float32]
    _high: NDArray[np.float32]

    @classmethod
    def of(cls, network: WalkNetwork) -> LinkGrid:
        """Put all links into cells."""
        lines = network.lines
        corner = lines.xy.min(axis=0) if len(lines.xy) else np.zeros(2)
        starts = lines.start[:-1]
        if len(starts) == 0:
            empty = np.empty((0, 2), dtype=np.float32)
            none = np.empty(0, dtype=np.int32)
            return cls(corner, 1, 1, np.zeros(2, dtype=np.int64), none, empty, empty)
        low = np.minimum.reduceat(lines.xy, starts) - corner
        high = np.maximum.reduceat(lines.xy, starts) - corner
        first_cell = (low // CELL_M).astype(np.int64)
        last_cell = (high // CELL_M).astype(np.int64)
        columns, rows = (last_cell.max(axis=0) + 1).tolist()
        wide, tall = (last_cell - first_cell + 1).T
        count = wide * tall
        link = np.repeat(np.arange(len(starts), dtype=np.int32), count)
        place = np.arange(len(link)) - np.repeat(np.cumsum(count) - count, count)
        column = first_cell[link, 0] + place % wide[link]
        row = first_cell[link, 1] + place // wide[link]
        cell = row * columns + column
        order = np.argsort(cell, kind="stable")
        first = np.searchsorted(cell[order], np.arange(columns * rows + 1))
        return cls(
            corner, columns, rows, first, link[order],
            low.astype(np.float32), high.astype(np.float32),
        )  # fmt: skip

    def within(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the links (m,), ascending, whose bounds touch the box from ``low`` to ``high``.

        Bounds are kept to some centimetres; the box is taken that much larger.
        """
        low, high = low - self._corner - 0.1, high - self._corner + 0.1
        x0, y0 = np.maximum(low // CELL_M, 0).astype(int)
        x1, y1 = (high // CELL_M).astype(int)
        x1, y1 = min(x1, self._columns - 1), min(y1, self._rows - 1)
        parts = [
            self._link[
                self._first[y * self._columns + x0] : self._first[y * self._columns + x1 + 1]
            ]
            for y in range(y0, y1 + 1)
            if x0 <= x1
        ]
        if not parts:
            return np.empty(0, dtype=np.int64)
        links = np.unique(np.concatenate(parts)).astype(np.int64)
        touches = (self._low[links] <= high).all(axis=1) & (self._high[links] >= low).all(axis=1)
        return links[touches]
