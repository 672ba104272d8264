"""Gated estates: nobody walks straight through them, and their gates lead outward."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.network.gates import GATE_M, outlines_of

FRONT_M: Final = 15.0
"""A facility this close to the outline of its estate may open to the street, as shops on the
ground floor do; one deeper inside is reached through a gate."""

INNER_LINK_M: Final = 15.0
"""A street inside that ends this close to a gate, inclusive, leads to it."""

_ON_OUTLINE_M: Final = 0.5
"""Outlines are drawn along walls, gates and streets to this precision."""


@dataclass(frozen=True, eq=False)
class Yards:
    """Estates with mapped gates: ``shapes`` (y,) areas and their ``estate`` (y,) rows, sorted.

    Their outline counts as walled, drawn walls or not. It is known to some metres only: a way
    that is inside for 5 m has not entered.
    """

    shapes: NDArray[np.object_]
    estate: NDArray[np.int64]

    @classmethod
    def of(cls, shapes: NDArray[np.object_], gated: NDArray[np.int64]) -> Yards:
        """Take the estates ``gated`` (any order, any number) that are areas."""
        rows = np.unique(gated[gated >= 0])
        rows = rows[shapely.get_dimensions(shapes[rows]) == 2]
        return cls(shapes[rows], rows)

    @cached_property
    def whole(self) -> Yards:
        """The same without holes: what an estate leaves open within itself is behind its wall."""
        parts, index = shapely.get_parts(outlines_of(self.shapes), return_index=True)
        filled = np.asarray(shapely.polygons(parts), dtype=object)
        whole = [shapely.union_all(filled[index == row]) for row in range(len(self.shapes))]
        return Yards(np.array(whole, dtype=object), self.estate)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        shapely.prepare(self.shapes)
        return shapely.STRtree(self.shapes)

    @cached_property
    def _shrunk(self) -> NDArray[np.object_]:
        shrunk = np.asarray(shapely.buffer(self.shapes, -_ON_OUTLINE_M, join_style="mitre"))
        shapely.prepare(shrunk)
        return shrunk

    def rows_of(self, estate: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) rows of yards of ``estate`` (n,), -1 where it is none."""
        if len(self.estate) == 0:
            return np.full(len(estate), -1, dtype=np.int64)
        row = np.minimum(np.searchsorted(self.estate, estate), len(self.estate) - 1)
        return np.where(self.estate[row] == estate, row, -1)

    def depth_m(self, xy: NDArray[np.float64], yard: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) how deep each place lies inside its yard (n,); 0 outside and without a yard."""
        depth = np.zeros(len(xy))
        rows = np.flatnonzero(yard >= 0)
        points = np.asarray(shapely.points(xy[rows]), dtype=object)
        inside = shapely.intersects(self.shapes[yard[rows]], points)
        rows, points = rows[inside], points[inside]
        depth[rows] = shapely.distance(outlines_of(self.shapes[yard[rows]]), points)
        return depth

    def within_other(self, xy: NDArray[np.float64], own: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which places (n, 2) lie deeper than 15 m in a yard other than ``own`` (n,)."""
        deep = np.zeros(len(xy), dtype=bool)
        points = np.asarray(shapely.points(xy), dtype=object)
        k, yard = self._tree.query(points, predicate="intersects")
        k, yard = k[yard != own[k]], yard[yard != own[k]]
        deep[k[self.depth_m(xy[k], yard) > FRONT_M]] = True
        return deep

    def entered(self, way: NDArray[np.float64], own: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which ways (m, 2, 2) go through the outline of a yard other than ``own`` (m,).

        From outside a way may not lead more than 5 m in. From deeper inside than 15 m it may not
        lead out.
        """
        entered = np.zeros(len(way), dtype=bool)
        if len(self.shapes) == 0 or len(way) == 0:
            return entered
        lines = np.asarray(shapely.linestrings(way), dtype=object)
        m, yard = self._tree.query(lines, predicate="intersects")
        others = yard != own[m]
        m, yard = m[others], yard[others]
        starts, ends = (
            shapely.intersects(self.shapes[yard], shapely.points(way[m, k])) for k in (0, 1)
        )
        inside_m = shapely.length(shapely.intersection(lines[m], self.shapes[yard]))
        deep = np.zeros(len(m), dtype=bool)
        leaves = np.flatnonzero(starts & ~ends)
        deep[leaves] = self.depth_m(way[m[leaves], 0], yard[leaves]) > FRONT_M
        entered[m[(~starts & (inside_m > GATE_M)) | deep]] = True
        return entered

    def inward(self, way: NDArray[np.float64], own: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which ways (m, 2, 2) of gates lead through their ``own`` (m,) yard.

        A gate drawn inside its outline has that much more to go before it is out.
        """
        inward = np.zeros(len(way), dtype=bool)
        rows = np.flatnonzero(own >= 0)
        lines = np.asarray(shapely.linestrings(way[rows]), dtype=object)
        meets = shapely.intersects(self._shrunk[own[rows]], lines)
        rows, lines = rows[meets], lines[meets]
        inside_m = shapely.length(shapely.intersection(lines, self._shrunk[own[rows]]))
        depth = np.minimum(self.depth_m(way[rows, 0], own[rows]), GATE_M)
        ends = shapely.intersects(self._shrunk[own[rows]], shapely.points(way[rows, 1]))
        inward[rows] = (inside_m > depth + _ON_OUTLINE_M) | ends
        return inward

    def outside(self, way: NDArray[np.float64], own: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which ways (m, 2, 2) do not end in their ``own`` (m,) yard."""
        outside = np.ones(len(way), dtype=bool)
        rows = np.flatnonzero(own >= 0)
        outside[rows] = ~shapely.intersects(self._shrunk[own[rows]], shapely.points(way[rows, 1]))
        return outside
