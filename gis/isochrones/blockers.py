"""What a polygon of reached ground must never cover: water, closed estates, walls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.errors import LayerError, OptionError
from gis.isochrones.cells import INSIDE, OUTSIDE, Walls, edges_by_cell
from gis.model import Study

CELL_M: Final = 10.0
"""Width of the cells in which distances are taken, m."""

LINE_WIDTH_M: Final = 1.0
"""Ground that a wall or a river drawn as a line takes up, m."""

CLEAR_M: Final = 0.01
"""Blockers are grown by this, m, so that rounding leaves no polygon within them."""


@dataclass(frozen=True, eq=False)
class Blockers:
    """Water, closed estates and walls of a study, laid out once for all facilities.

    ``shape`` is the ground they take up, `CLEAR_M` added all round; ``origin`` (2,) m and
    ``cell_m`` the grid. Make one with `of` or `of_study`.
    """

    shape: shapely.Geometry
    origin: NDArray[np.float64]
    cell_m: float
    walls: Walls

    @classmethod
    def of(
        cls,
        polygons: ArrayLike = (),
        lines: ArrayLike = (),
        *,
        line_width_m: float = LINE_WIDTH_M,
        cell_m: float = CELL_M,
    ) -> Blockers:
        """Lay out blockers.

        Parameters
        ----------
        polygons
            (p,) areas, all of which block; empty and missing ones are passed over.
        lines
            (n,) lines, which take up half of ``line_width_m`` to both sides.
        cell_m
            Width of the cells of the grid, m.

        Raises
        ------
        LayerError
            A geometry is invalid or of the other dimension.
        OptionError
            A width is no width.
        """
        if not 0 < line_width_m < np.inf:
            raise OptionError(f"line_width_m is {line_width_m}; give metres above 0")
        if not 0 < cell_m < np.inf:
            raise OptionError(f"cell_m is {cell_m}; give metres above 0")
        areas = _checked(polygons, 2, "polygons")
        courses = _checked(lines, 1, "lines")
        grown = [
            shapely.buffer(areas, CLEAR_M, join_style="mitre"),
            shapely.buffer(courses, line_width_m / 2 + CLEAR_M, quad_segs=2),
        ]
        shape = shapely.union_all(np.concatenate(grown))
        return cls._laid_out(shape, cell_m)

    @classmethod
    def of_study(
        cls,
        study: Study,
        *,
        closed: NDArray[np.bool_] | None = None,
        line_width_m: float = LINE_WIDTH_M,
        cell_m: float = CELL_M,
    ) -> Blockers:
        """Lay out the water, rivers and walls of a study, and its closed estates.

        Parameters
        ----------
        closed
            (n,) which estates nobody may walk through at that hour; None: no estate is closed.

        Raises
        ------
        OptionError
            ``closed`` does not say one thing for each estate.
        """
        barriers = study.frame("barriers")
        kinds = [
            study.frame("water").geometry,
            barriers.geometry[barriers["barrier"].isin(["river", "wall"])],
            study.frame("walls").geometry,
        ]
        shapes = np.concatenate([np.asarray(kind.to_numpy(), dtype=object) for kind in kinds])
        if closed is not None:
            estates = np.asarray(study.frame("estates").geometry.to_numpy(), dtype=object)
            if closed.shape != (len(estates),):
                raise OptionError(
                    f"closed has shape {closed.shape}; give one value for each of the "
                    f"{len(estates)} estates"
                )
            shapes = np.concatenate([shapes, estates[closed]])
        dimension = shapely.get_dimensions(shapes)
        return cls.of(
            shapes[dimension == 2],
            shapes[dimension == 1],
            line_width_m=line_width_m,
            cell_m=cell_m,
        )

    @classmethod
    def _laid_out(cls, shape: shapely.Geometry, cell_m: float) -> Blockers:
        parts = shapely.orient_polygons(shapely.get_parts(shape))
        rings = shapely.get_rings(parts) if len(parts) else np.empty(0, dtype=object)
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        # Whole cells from the origin of the plane, so that blockers do not move the grid; and a
        # little beside it, so that what is drawn on round coordinates does not run along it.
        corner = np.floor(xy.min(axis=0) / cell_m) * cell_m if len(xy) else np.zeros(2)
        origin = corner - 0.5**0.5
        last = np.append(ring[1:] != ring[:-1], True) if len(ring) else np.zeros(0, dtype=bool)
        xy = (xy - origin)[~last]
        ring = ring[~last].astype(np.int32)
        return cls(shape, origin, cell_m, _walls(xy, ring, shape, origin, cell_m))


def _checked(shapes: ArrayLike, dimension: int, name: str) -> NDArray[np.object_]:
    given: NDArray[np.object_] = np.asarray(shapes, dtype=object).ravel()
    given = given[~(shapely.is_missing(given) | shapely.is_empty(given))]
    wrong = (shapely.get_dimensions(given) != dimension) | ~shapely.is_valid(given)
    if wrong.any():
        place = int(wrong.argmax())
        why = shapely.is_valid_reason(given[place])
        raise LayerError(
            f"{name}[{place}] of the blockers is a {given[place].geom_type} ({why}); "
            f"give valid {'areas' if dimension == 2 else 'lines'}"
        )
    return given


def _walls(
    xy: NDArray[np.float64],
    ring: NDArray[np.int32],
    shape: shapely.Geometry,
    origin: NDArray[np.float64],
    cell_m: float,
) -> Walls:
    """List the edges of the rings by the cells of the grid that they touch."""
    count = len(xy)
    number = np.arange(count, dtype=np.int32)
    rings = int(ring[-1]) + 1 if count else 0
    start = np.searchsorted(ring, np.arange(rings)).astype(np.int32)
    end = np.append(start[1:], count)[:rings]
    after = number + 1
    after[end - 1] = start
    before = number - 1
    before[start] = end - 1
    low = np.minimum.reduceat(xy, start) if rings else np.empty((0, 2))
    high = np.maximum.reduceat(xy, start) if rings else np.empty((0, 2))
    found = edges_by_cell(xy, after, cell_m)
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    other = np.ones(len(found), dtype=bool)
    other[1:] = (found[1:, :2] != found[:-1, :2]).any(axis=1)
    edge_first = np.append(np.flatnonzero(other), len(found))
    cells = found[other, :2]
    low_row = int(cells[0, 0]) if len(cells) else 0
    high_row = int(cells[-1, 0]) + 1 if len(cells) else 0
    row_first = np.searchsorted(cells[:, 0], np.arange(low_row, high_row + 1))
    return Walls(
        xy=np.ascontiguousarray(xy),
        after=after,
        before=before,
        ring=ring,
        box=np.column_stack([low, high]),
        start=start,
        low_row=low_row,
        row_first=row_first.astype(np.int64),
        column=cells[:, 1].astype(np.int32),
        right=_right_of(cells, shape, origin, cell_m),
        edge_first=edge_first.astype(np.int64),
        edge=found[:, 2].astype(np.int32),
    )


def _right_of(
    cells: NDArray[np.int64],
    shape: shapely.Geometry,
    origin: NDArray[np.float64],
    cell_m: float,
) -> NDArray[np.int32]:
    """Say of each cell listed (c, 2) what the one to its right is, where that is not listed."""
    right = np.full(len(cells), OUTSIDE, dtype=np.int32)
    if len(cells) == 0:
        return right
    gap = np.ones(len(cells), dtype=bool)
    gap[:-1] = ((cells[1:] - cells[:-1]) != [0, 1]).any(axis=1)
    shapely.prepare(shape)
    x = (cells[gap, 1] + 1.5) * cell_m + origin[0]  # the middle of the next cell
    y = (cells[gap, 0] + 0.5) * cell_m + origin[1]
    right[gap] = np.where(shapely.contains_xy(shape, x, y), INSIDE, OUTSIDE)
    return right
