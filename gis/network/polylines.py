"""Many lines as three arrays: cut them, put vertices into them, measure along them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Polylines:
    """n lines: vertices ``xy`` (p, 2) one line after the other, line i from ``start[i]`` on.

    ``start`` is (n + 1,); every line has at least two vertices.
    """

    xy: NDArray[np.float64]
    start: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def from_lines(cls, lines: NDArray[np.object_]) -> Polylines:
        """Take the vertices of (n,) LineStrings, without heights."""
        xy, line = shapely.get_coordinates(lines, return_index=True)
        counts = np.bincount(line, minlength=len(lines))
        return cls(xy, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    @classmethod
    def straight(cls, a: NDArray[np.float64], b: NDArray[np.float64]) -> Polylines:
        """Lines from ``a`` (n, 2) straight to ``b`` (n, 2)."""
        xy = np.stack([a, b], axis=1).reshape(-1, 2)
        return cls(xy, np.arange(0, len(xy) + 1, 2, dtype=np.int64))

    @cached_property
    def line(self) -> NDArray[np.int64]:
        """(p,) the line of each vertex."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.start))

    @cached_property
    def along_m(self) -> NDArray[np.float64]:
        """(p,) metres from the start of its line to each vertex."""
        step = np.zeros(len(self.xy))
        step[1:] = np.hypot(*np.diff(self.xy, axis=0).T)
        step[self.start[:-1]] = 0.0  # jumps between lines would only cost digits of the sum
        total = np.cumsum(step)
        return total - total[self.start[:-1]][self.line]

    @property
    def length_m(self) -> NDArray[np.float64]:
        """(n,) metres."""
        return self.along_m[self.start[1:] - 1]

    @property
    def shapes(self) -> NDArray[np.object_]:
        """(n,) LineStrings."""
        if len(self) == 0:
            return np.empty(0, dtype=object)
        return np.asarray(shapely.linestrings(self.xy, indices=self.line), dtype=object)

    @property
    def is_end(self) -> NDArray[np.bool_]:
        """(p,) True for the first and the last vertex of a line."""
        end = np.zeros(len(self.xy), dtype=bool)
        end[self.start[:-1]] = True
        end[self.start[1:] - 1] = True
        return end

    def take(self, rows: NDArray[np.int64]) -> Polylines:
        """Return the lines ``rows`` (m,), in that order."""
        counts = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        shift = np.repeat(self.start[:-1][rows] - start[:-1], counts)
        return Polylines(self.xy[np.arange(start[-1]) + shift], start)

    def joined(self, other: Polylines) -> Polylines:
        """Return these lines and then the ``other`` ones."""
        start = np.concatenate([self.start, other.start[1:] + self.start[-1]])
        return Polylines(np.concatenate([self.xy, other.xy]), start)

    def insert(
        self, line: NDArray[np.int64], along_m: NDArray[np.float64], xy: NDArray[np.float64]
    ) -> tuple[Polylines, NDArray[np.int64]]:
        """Put vertices ``xy`` (m, 2) into lines ``line`` (m,) where ``along_m`` (m,) says.

        Below 0 a vertex becomes the new start, beyond the length the new end. Returns the lines
        and the places (m,) of the new vertices in their ``xy``.
        """
        lines = np.concatenate([self.line, line])
        along = np.concatenate([self.along_m, along_m])
        order = np.lexsort((along, lines))  # stable: old vertices before new ones, new in order
        start = np.searchsorted(lines[order], np.arange(len(self) + 1))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        merged = np.concatenate([self.xy, xy])[order]
        return Polylines(merged, start.astype(np.int64)), place[len(self.xy) :]

    def cut(self, at: NDArray[np.bool_]) -> tuple[Polylines, NDArray[np.int64]]:
        """Cut lines at the vertices marked in ``at`` (p,); ends are no cuts.

        Returns the pieces, in the order of the lines, and the line (m,) each comes from.
        """
        inner = at & ~self.is_end
        copies = np.where(inner, 2, 1)
        index = np.repeat(np.arange(len(self.xy)), copies)
        last_copy = np.cumsum(copies) - 1
        starts = np.concatenate([last_copy[self.start[:-1]], last_copy[inner]])
        starts.sort()
        pieces = Polylines(self.xy[index], np.append(starts, len(index)).astype(np.int64))
        return pieces, self.line[index[starts]]
