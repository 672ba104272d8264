"""The coordinates of all shapes of a layer, flat: rows have rings, rings have corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.errors import OptionError
from gis.tiles.piles import Pile

NOTHING, POINT, LINE, POLYGON = 0, 1, 2, 3
"""What a row is; as in a tile."""

_FARTHEST_M: Final = 1e9
"""Farther out than any place in metres of EPSG:3857."""

_KINDS: Final = np.array([POINT, LINE, -1, POLYGON, POINT, LINE, POLYGON, -1, NOTHING], np.int8)
"""By shapely's number of a type; the last stands for None."""


@dataclass(frozen=True)
class Flat:
    """Shapes taken apart.

    ``kind``, ``first`` and ``count`` (n,) tell what a row is and which ``rings`` it has, ``bounds``
    (n, 4) where it lies (NaN: nowhere). ``rings`` (r, 3) are first corner, end, and whether it is
    a hole; ``xy`` (c, 2) the corners. The points of a row are one ring; the parts of a line are
    one ring each. Outer rings run clockwise on the map and holes against it.
    """

    kind: NDArray[np.int8]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    bounds: NDArray[np.float64]
    rings: NDArray[np.int64]
    xy: NDArray[np.float64]


@dataclass(frozen=True)
class Shapes:
    """Like `Flat`, but ``rings`` and ``xy`` are shared with changed copies."""

    kind: NDArray[np.int8]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    bounds: NDArray[np.float64]
    rings: Pile
    xy: Pile

    @classmethod
    def of(cls, flat: Flat) -> Shapes:
        """Keep shapes."""
        rings, xy = Pile(flat.rings), Pile(flat.xy)
        return cls(flat.kind, flat.first, flat.count, flat.bounds, rings, xy)

    def changed(
        self, positions: NDArray[np.intp], flat: Flat | None, kept: NDArray[np.bool_], added: int
    ) -> Shapes:
        """Return a copy with rows replaced and added, then only the rows ``kept``."""
        rows: list[NDArray[Any]] = [self.kind, self.first, self.count, self.bounds]
        blank: tuple[Any, ...] = (NOTHING, 0, 0, np.nan)
        grown = [
            np.concatenate([row, np.full((added, *row.shape[1:]), fill, row.dtype)])
            for row, fill in zip(rows, blank, strict=True)
        ]
        if flat is not None:
            corner = self.xy.add(flat.xy)
            ring = self.rings.add(_shifted(flat.rings, corner))
            new = (flat.kind, flat.first + ring, flat.count, flat.bounds)
            for row, values in zip(grown, new, strict=True):
                row[positions] = values
        kind, first, count, bounds = (row if kept.all() else row[kept] for row in grown)
        changed = Shapes(kind, first, count, bounds, self.rings, self.xy)
        return changed._packed() if changed._wasteful() else changed

    def _wasteful(self) -> bool:
        """Whether most rings are those of rows that are no more."""
        return len(self.rings) > 2 * int(self.count.sum()) + 10_000

    def _packed(self) -> Shapes:
        ring = _spread(self.first, self.count)
        rings = self.rings.rows[ring]
        corners = rings[:, 1] - rings[:, 0]
        xy = self.xy.rows[_spread(rings[:, 0], corners)]
        ends = np.cumsum(corners)
        packed = np.column_stack([ends - corners, ends, rings[:, 2]])
        first = np.cumsum(self.count) - self.count
        return Shapes.of(Flat(self.kind, first, self.count, self.bounds, packed, xy))


def flatten(shapes: Sequence[Any] | NDArray[Any]) -> Flat:
    """Take shapes apart.

    Raises
    ------
    OptionError
        A shape is neither points, lines nor polygons, or lies nowhere on a map.
    """
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    kind = _KINDS[shapely.get_type_id(array)]
    if (kind < 0).any():
        row = int(np.argmax(kind < 0))
        raise OptionError(f"shape {row} is a {array[row].geom_type}: give points, lines, polygons")
    kind = np.where(shapely.is_empty(array), NOTHING, kind).astype(np.int8)
    first, count = (np.zeros(len(array), np.int64) for _ in range(2))
    rings: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    xy: list[NDArray[np.float64]] = [np.empty((0, 2))]
    for each in (POINT, LINE, POLYGON):
        rows = np.flatnonzero(kind == each)
        if not len(rows):
            continue
        corners, table, sizes = _rings_of(array[rows], each)
        start = sum(map(len, xy))
        first[rows] = sum(map(len, rings)) + np.cumsum(sizes) - sizes
        count[rows] = sizes
        xy.append(corners)
        rings.append(_shifted(table, start))
    flat = Flat(
        kind, first, count, shapely.bounds(array), np.concatenate(rings), np.concatenate(xy)
    )
    _check_places(flat, array)
    return flat


def _rings_of(
    shapes: NDArray[Any], kind: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return corners (c, 2), rings (r, 3) and how many rings each shape has."""
    what, corners, offsets = shapely.to_ragged_array(shapes, include_z=False)
    several = what.value >= shapely.GeometryType.MULTIPOINT.value
    ends = [np.asarray(level, np.int64) for level in offsets]
    if kind == POINT:
        if not several:
            ends = [np.arange(len(shapes) + 1)]
        return corners, _table(ends[0]), np.ones(len(shapes), np.int64)
    table = _table(ends[0])
    if kind == LINE:
        sizes = np.diff(ends[1]) if several else np.ones(len(shapes), np.int64)
        return corners, table, sizes
    starts = ends[1][:-1]
    table[:, 2] = 1
    table[starts[starts < len(table)], 2] = 0
    turn_rings(corners, table)
    of_shape = ends[1][ends[2]] if several else ends[1]
    return corners, table, np.diff(of_shape)


def _table(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.column_stack([ends[:-1], ends[1:], np.zeros(len(ends) - 1, np.int64)])


def _shifted(rings: NDArray[np.int64], corners: int) -> NDArray[np.int64]:
    shifted = rings.copy()
    shifted[:, :2] += corners
    return shifted


def _check_places(flat: Flat, shapes: NDArray[Any]) -> None:
    if np.abs(flat.xy).max(initial=0.0) <= _FARTHEST_M:
        return  # NaN is not
    for row, shape in enumerate(shapes):
        if not np.abs(shapely.get_coordinates(shape)).max(initial=0.0) <= _FARTHEST_M:
            raise OptionError(f"shape {row} lies nowhere on a map: give metres of EPSG:3857")


def _spread(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers ``first``, ``first + 1``, ... of each row, one after another."""
    before = np.cumsum(count) - count
    return np.repeat(first - before, count) + np.arange(count.sum())


@compiled
def turn_rings(xy: NDArray[np.float64], rings: NDArray[np.int64]) -> None:
    """Let outer rings run clockwise on the map and holes against it."""
    for ring in range(len(rings)):
        first, end = rings[ring, 0], rings[ring, 1]
        double = 0.0  # twice the area, positive when it runs against the clock
        for i in range(first + 1, end - 1):
            ax, ay = xy[i, 0] - xy[first, 0], xy[i, 1] - xy[first, 1]
            bx, by = xy[i + 1, 0] - xy[first, 0], xy[i + 1, 1] - xy[first, 1]
            double += ax * by - ay * bx
        if (double > 0) != (rings[ring, 2] == 1):
            i, j = first, end - 1
            while i < j:
                xy[i, 0], xy[j, 0] = xy[j, 0], xy[i, 0]
                xy[i, 1], xy[j, 1] = xy[j, 1], xy[i, 1]
                i += 1
                j -= 1
