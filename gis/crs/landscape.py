"""How well two layers fit for every small move of one of them against the other.

One layer becomes a raster, the other a cloud of weighted points. The mean of the raster under the
cloud, for all moves of up to 1.5 km at once, is a correlation: one Fourier transform gives it.
Where layers truly belong together the outcome has one sharp dip (or peak), a few dozen metres wide;
where they do not, it only wavers. It needs no knowledge of GCJ-02, so it checks independently.

Every layer passes `gis.crs`, and few are ever moved: so scipy is loaded where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CELL_M: Final = 10.0
REACH_M: Final = 1500.0
"""Largest move tried, beyond the 1.4 km between WGS 84 and BD-09."""
CAP_M: Final = 100.0
"""Distances count up to here: a point far from every street says nothing about a small move."""

_REACH = int(REACH_M / CELL_M)
# The fit at one move is compared with the fits 100-300 m around it.
_INNER, _OUTER = 21, 61


@dataclass(frozen=True)
class Plane:
    """Metres east and north of a middle, good to 0.2 % within 10 km of it."""

    lon: float
    lat: float

    def metres(self, lon: Floats, lat: Floats) -> Floats:
        """(n, 2) metres for (n,) degrees, on the GRS80 ellipsoid."""
        e2 = 0.00669438
        flat = 1.0 - e2 * np.sin(np.radians(self.lat)) ** 2
        east = 6378137.0 / np.sqrt(flat) * np.cos(np.radians(self.lat))
        north = 6378137.0 * (1.0 - e2) / flat**1.5
        return np.column_stack(
            [np.radians(lon - self.lon) * east, np.radians(lat - self.lat) * north]
        )

    def geometries(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        """(n,) geometries in metres for geometries in degrees."""
        return np.asarray(
            shapely.transform(geometries, lambda xy: self.metres(xy[:, 0], xy[:, 1])), dtype=object
        )


@dataclass(frozen=True)
class Grid:
    """Raster of `CELL_M` cells; (x, y) is its lower left corner in metres."""

    x: float
    y: float
    rows: int
    columns: int

    @classmethod
    def around(cls, bounds: Floats) -> Grid:
        """Cover bounds (4,) and every move of them."""
        low = bounds[:2] - REACH_M - 2 * CELL_M
        cells = np.ceil((bounds[2:] + REACH_M + 2 * CELL_M - low) / CELL_M).astype(int)
        return cls(float(low[0]), float(low[1]), int(cells[1]), int(cells[0]))

    def cells(self, xy: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
        """Row, column and whether inside, each (n,), of points (n, 2)."""
        column = np.floor((xy[:, 0] - self.x) / CELL_M).astype(np.intp)
        row = np.floor((xy[:, 1] - self.y) / CELL_M).astype(np.intp)
        inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        return row, column, inside


@dataclass(frozen=True, eq=False)
class Raster:
    """What points are moved over: values (rows, columns) on a grid, and a value beyond it."""

    values: Floats
    grid: Grid
    beyond: float

    @cached_property
    def spectrum(self) -> NDArray[np.complex128]:
        """Fourier transform of the values, padded to a size that is quick to transform."""
        from scipy import fft

        return np.asarray(fft.rfft2(self.values, _quick_size(self.values)), np.complex128)

    def under(self, xy: Floats) -> Floats:
        """(n,) values under points (n, 2)."""
        row, column, inside = self.grid.cells(xy)
        values = np.full(len(xy), self.beyond)
        values[inside] = self.values[row[inside], column[inside]]
        return values


def paint(polygons: NDArray[np.object_], grid: Grid) -> NDArray[np.bool_]:
    """(rows, columns) True where the middle of the cell lies in a polygon.

    Every edge adds its direction where it crosses the middle line of a row; the running sum along
    the row is the winding number, so overlapping polygons and holes need no union first.
    """
    # normalize() gives all outer rings one direction and all holes the other.
    rings = shapely.get_rings(shapely.get_parts(shapely.normalize(polygons)))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    edge = np.flatnonzero(ring[:-1] == ring[1:])
    start, end = xy[edge], xy[edge + 1]
    y0 = (start[:, 1] - grid.y) / CELL_M - 0.5
    y1 = (end[:, 1] - grid.y) / CELL_M - 0.5
    first = np.ceil(np.minimum(y0, y1)).astype(np.intp)
    count = np.ceil(np.maximum(y0, y1)).astype(np.intp) - first
    of = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
    share = (row - y0[of]) / (y1 - y0)[of]
    x = start[of, 0] + share * (end - start)[of, 0]
    column = np.clip(np.ceil((x - grid.x) / CELL_M - 0.5).astype(np.intp), 0, grid.columns)
    kept = (row >= 0) & (row < grid.rows)
    turns = np.zeros((grid.rows, grid.columns + 1), dtype=np.int32)
    np.add.at(turns, (row[kept], column[kept]), np.sign(y1 - y0)[of][kept].astype(np.int32))
    return np.asarray(np.cumsum(turns, axis=1)[:, :-1] != 0)


def distances(lines: NDArray[np.object_], grid: Grid) -> Floats:
    """(rows, columns) metres from each cell to the nearest line, at most `CAP_M`."""
    from scipy import ndimage

    empty = np.ones((grid.rows, grid.columns), dtype=bool)
    xy = shapely.get_coordinates(shapely.segmentize(lines, CELL_M / 2))
    row, column, inside = grid.cells(xy)
    empty[row[inside], column[inside]] = False
    if empty.all():
        return np.full(empty.shape, CAP_M)
    return np.minimum(ndimage.distance_transform_edt(empty) * CELL_M, CAP_M)


def landscape(raster: Raster, xy: Floats, weight: Floats) -> Floats:
    """Weighted mean of the raster under the points, for every move of the points.

    Returns
    -------
    numpy.ndarray
        (2 r + 1, 2 r + 1), r = `REACH_M` / `CELL_M`; the middle is no move, rows go north.
    """
    from scipy import fft

    row, column, inside = raster.grid.cells(xy)
    cloud = np.zeros_like(raster.values)
    np.add.at(cloud, (row[inside], column[inside]), weight[inside])
    total = cloud.sum()
    size = _quick_size(cloud)
    product = raster.spectrum * np.conj(fft.rfft2(cloud, size))
    fits = np.roll(fft.irfft2(product, size), (_REACH, _REACH), axis=(0, 1))
    side = 2 * _REACH + 1
    return np.asarray(fits[:side, :side] / (total if total > 0 else 1.0))


def sharpness(fits: Floats) -> Floats:
    """How far each fit stands out from those around it, in standard deviations; negative is a dip.

    Slow trends (a dense centre, the edge of the layer) fall out of it. Moves beyond `REACH_M`
    give 0.
    """
    from scipy import ndimage

    inner = ndimage.uniform_filter(fits, _INNER, mode="nearest") * _INNER**2
    outer = ndimage.uniform_filter(fits, _OUTER, mode="nearest") * _OUTER**2
    contrast = fits - (outer - inner) / (_OUTER**2 - _INNER**2)
    spread = contrast.std()
    # A flat landscape has only the rounding of the transform in it.
    if spread <= 1e-9 * max(float(np.abs(fits).max()), 1e-9):
        return np.zeros_like(fits)
    return np.where(far_from(0.0, 0.0) <= REACH_M, contrast / spread, 0.0)


def far_from(east_m: float, north_m: float) -> Floats:
    """Distance in metres of every move of a landscape from the move (east_m, north_m)."""
    moves = np.arange(-_REACH, _REACH + 1) * CELL_M
    return np.asarray(np.hypot(moves[None, :] - east_m, moves[:, None] - north_m), np.float64)


def summit(height: Floats) -> tuple[float, float]:
    """Move (east_m, north_m) of the highest value, placed between cells by a parabola."""
    row, column = np.unravel_index(int(height.argmax()), height.shape)
    east = _between(height[row, :], int(column))
    north = _between(height[:, column], int(row))
    return (east - _REACH) * CELL_M, (north - _REACH) * CELL_M


def _quick_size(values: Floats) -> list[int]:
    from scipy import fft

    return [fft.next_fast_len(n, real=True) for n in values.shape]


def _between(line: Floats, at: int) -> float:
    if not 0 < at < len(line) - 1:
        return float(at)
    before, here, after = line[at - 1 : at + 2]
    bend = before - 2 * here + after
    return at + float((before - after) / (2 * bend)) if bend < 0 else float(at)
