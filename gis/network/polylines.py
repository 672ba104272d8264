"""Many lines as a few arrays: cut them, put vertices into them, measure along them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Polylines:
    """n lines: vertices ``xy`` (p, 2) one line after the other, line i from ``start[i]`` on.

    ``start`` is (n + 1,); every line has at least two vertices. ``z`` (p,) is the height of each
    vertex in m, NaN where it is unknown, as everywhere unless given.
    """

    xy: NDArray[np.float64]
    start: NDArray[np.int64]
    z: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if len(self.z) == 0 and len(self.xy) > 0:
            object.__setattr__(self, "z", np.full(len(self.xy), np.nan))

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def from_lines(cls, lines: NDArray[np.object_]) -> Polylines:
        """Take the vertices of (n,) LineStrings, with their heights where they have any."""
        xyz, line = shapely.get_coordinates(lines, include_z=True, return_index=True)
        counts = np.bincount(line, minlength=len(lines))
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(np.ascontiguousarray(xyz[:, :2]), start, np.ascontiguousarray(xyz[:, 2]))

    @classmethod
    def straight(cls, a: NDArray[np.float64], b: NDArray[np.float64]) -> Polylines:
        """Lines from ``a`` (n, 2) straight to ``b`` (n, 2)."""
        xy = np.stack([a, b], axis=1).reshape(-1, 2)
        return cls(xy, np.arange(0, len(xy) + 1, 2, dtype=np.int64))

    @property
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
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, 2) least and (n, 2) greatest coordinates of each line, m."""
        if len(self) == 0:
            return np.empty((0, 2)), np.empty((0, 2))
        starts = self.start[:-1]
        return np.minimum.reduceat(self.xy, starts), np.maximum.reduceat(self.xy, starts)

    @property
    def is_end(self) -> NDArray[np.bool_]:
        """(p,) True for the first and the last vertex of a line."""
        end = np.zeros(len(self.xy), dtype=bool)
        end[self.start[:-1]] = True
        end[self.start[1:] - 1] = True
        return end

    def take(self, rows: NDArray[np.int64]) -> Polylines:
        """Return the lines ``rows`` (m,), in that order."""
        index, start = self._vertices_of(rows)
        return Polylines(self.xy[index], start, self.z[index])

    def take_joined(self, rows: NDArray[np.int64], other: Polylines) -> Polylines:
        """Return the lines ``rows`` (m,) and then the ``other`` ones, with no copy in between."""
        index, start = self._vertices_of(rows)
        count = len(index)
        xy = np.empty((count + len(other.xy), 2))
        z = np.empty(len(xy))
        # "clip": else numpy copies what it takes twice; all of the index exists.
        np.take(self.xy, index, axis=0, out=xy[:count], mode="clip")
        np.take(self.z, index, out=z[:count], mode="clip")
        xy[count:], z[count:] = other.xy, other.z
        return Polylines(xy, np.concatenate([start, other.start[1:] + start[-1]]), z)

    def _vertices_of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places (p,) of the vertices of some lines, and their ``start`` (m + 1,)."""
        counts = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        index = np.repeat(self.start[:-1][rows] - start[:-1], counts)
        index += np.arange(start[-1])
        return index, start

    def joined(self, other: Polylines) -> Polylines:
        """Return these lines and then the ``other`` ones."""
        start = np.concatenate([self.start, other.start[1:] + self.start[-1]])
        z = np.concatenate([self.z, other.z])
        return Polylines(np.concatenate([self.xy, other.xy]), start, z)

    def insert(
        self, line: NDArray[np.int64], along_m: NDArray[np.float64], xy: NDArray[np.float64]
    ) -> tuple[Polylines, NDArray[np.int64]]:
        """Put vertices ``xy`` (m, 2) into lines ``line`` (m,) where ``along_m`` (m,) says.

        Below 0 a vertex becomes the new start, beyond the length the new end. A new vertex lies
        as high as the straight line between its neighbours, beyond an end as high as the end; it
        is unknown where a neighbour is. Returns the lines and the places (m,) of the new vertices
        in their ``xy``.
        """
        lines = np.concatenate([self.line, line])
        along = np.concatenate([self.along_m, along_m])
        order = np.lexsort((along, lines))  # stable: old vertices before new ones, new in order
        start = np.searchsorted(lines[order], np.arange(len(self) + 1))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        merged = np.concatenate([self.xy, xy])[order]
        z = np.concatenate([self.z, self._z_at(line, along_m)])[order]
        return Polylines(merged, start.astype(np.int64), z), place[len(self.xy) :]

    def _z_at(self, line: NDArray[np.int64], along_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Heights (m,) on lines (m,) at metres along them."""
        if np.isnan(self.z).all():
            return np.full(len(line), np.nan)
        # One axis for all lines: each begins beyond the end of the one before.
        shift = np.concatenate([[0.0], np.cumsum(self.length_m + 1.0)])[:-1]
        axis = self.along_m + shift[self.line]
        at = shift[line] + along_m
        after = np.searchsorted(axis, at, side="left")
        after = np.clip(after, self.start[line] + 1, self.start[line + 1] - 1)
        before = after - 1
        step = axis[after] - axis[before]
        share = np.divide(at - axis[before], step, out=np.zeros_like(at), where=step > 0)
        share = np.clip(share, 0.0, 1.0)
        z = self.z[before] + share * (self.z[after] - self.z[before])
        # At a vertex only that vertex counts, though its neighbour be unknown.
        z = np.where(share == 0.0, self.z[before], z)
        return np.asarray(np.where(share == 1.0, self.z[after], z))

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
        ends = np.append(starts, len(index)).astype(np.int64)
        pieces = Polylines(self.xy[index], ends, self.z[index])
        return pieces, self.line[index[starts]]
