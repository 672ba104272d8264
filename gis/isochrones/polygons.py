"""Polygons derived from reached streets, for maps that need an area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.errors import OptionError
from gis.isochrones.blockers import Blockers
from gis.isochrones.outlines import outlines
from gis.isochrones.streets import ReachedStreets, band_columns
from gis.network.around import in_parts

WIDTH_M: Final = 25.0
"""Ground to each side of a reached street that a polygon shows as reached, m."""

_LEAST_CELLS: Final = 1.5
"""A width of this many cells: the corners of a cell with a street in it are then all within."""


@dataclass(frozen=True, eq=False)
class BandPolygons:
    """Ground around what k sources reach, a picture of `ReachedStreets` and no result of its own.

    ``shapes`` (k, bands) MultiPolygons; that of a band covers the bands before it too, and is
    empty where nothing is reached. ``derived_from`` says what they were made of.
    """

    shapes: NDArray[np.object_]
    bands_m: tuple[float, ...]
    derived_from: str


def band_polygons(
    reached: ReachedStreets, *, width_m: float = WIDTH_M, blockers: Blockers | None = None
) -> BandPolygons:
    """Draw the ground within ``width_m`` of the reached streets, save what is blocked.

    Away from blockers the outline is within about a tenth of a cell of the true distance (where two
    streets meet in a sharp corner half a cell), and every reached stretch is inside. Blockers are
    cut out exactly: no polygon covers any part of one. A street that crosses a blocker stays
    reached; the polygon leaves the blocker out. What is cut off and is entered by no reached street
    is left out too: the other bank is not reached because it is near.

    Parameters
    ----------
    reached
        Streets, see `reached_streets`.
    width_m
        To each side; at least 1.5 cells of the grid.
    blockers
        Water, closed estates and walls; None where there are none.

    Raises
    ------
    OptionError
        The width is too small for the cells, or none.
    """
    if blockers is None:
        blockers = Blockers.of()
    if not _LEAST_CELLS * blockers.cell_m <= width_m < np.inf:
        raise OptionError(
            f"width_m is {width_m}; give at least {_LEAST_CELLS * blockers.cell_m:g} m with cells "
            f"of {blockers.cell_m:g} m, or smaller cells"
        )
    bands = len(reached.bands_m)

    def draw(low: int, high: int) -> NDArray[np.object_]:
        return _shapes(reached, blockers, width_m, low, high)

    shapes = np.concatenate(in_parts(draw, len(reached)))
    told = f"reached streets, {width_m:g} m to each side"
    if not shapely.is_empty(blockers.shape):
        told += ", less water, closed estates and walls"
    return BandPolygons(shapes.reshape(-1, bands), reached.bands_m, told)


def polygons_frame(
    polygons: BandPolygons,
    uids: Sequence[str] | NDArray[np.object_],
    crs: CRS,
    *,
    speed_m_s: float | None = None,
) -> gpd.GeoDataFrame:
    """Return one row per source and band, for writing; the widest band of a source comes first.

    Parameters
    ----------
    uids
        (k,) key of the facility that each source is.
    crs
        System of the network.
    speed_m_s
        Flat speed of the walker, for the column ``minutes``; None leaves it unknown.

    Returns
    -------
    GeoDataFrame
        ``facility``, ``within_m``, ``minutes``, ``derived_from``, MultiPolygons.

    Raises
    ------
    OptionError
        There is not one uid per source, or the speed is none.
    """
    sources, bands = polygons.shapes.shape
    table = band_columns(sources, polygons.bands_m, uids, speed_m_s)
    frame = gpd.GeoDataFrame(
        {**table, "derived_from": polygons.derived_from},
        geometry=polygons.shapes.ravel(),
        crs=crs,
    )
    # Drawn in this order, no band hides a smaller one.
    order = np.arange(sources * bands).reshape(sources, bands)[:, ::-1].ravel()
    return frame.iloc[order].reset_index(drop=True)


def _shapes(
    reached: ReachedStreets, blockers: Blockers, width_m: float, low: int, high: int
) -> NDArray[np.object_]:
    """Draw the sources from ``low`` to ``high``: ((high - low) * bands,) MultiPolygons."""
    bands = len(reached.bands_m)
    first = reached.first[low * bands : high * bands + 1]
    xy, start = reached.courses(slice(int(first[0]), int(first[-1])))
    found, parts, failed = outlines(
        xy - blockers.origin,
        start,
        first - first[0],
        bands,
        float(width_m),
        float(blockers.cell_m),
        blockers.walls,
    )
    count = int(parts.sum())
    rings = int(found.part_rings[:count].sum())
    ring_first = _sums(found.ring_size[:rings])
    part_first = _sums(found.part_rings[:count])
    shapes: NDArray[np.object_] = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON,
        found.xy[: ring_first[-1]] + blockers.origin,
        (ring_first, part_first, _sums(parts)),
    )
    for place in np.flatnonzero(failed).tolist():
        lines = [reached.lines(low + place // bands, band) for band in range(place % bands + 1)]
        shapes[place] = _cut_slowly(shapes[place], blockers.shape, np.concatenate(lines))
    return shapes


def _cut_slowly(
    shape: shapely.Geometry, blocker: shapely.Geometry, lines: NDArray[np.object_]
) -> shapely.Geometry:
    """Cut blockers out where an outline runs along one and rounding hides which side it is on."""
    parts = shapely.get_parts(shapely.difference(shape, blocker))
    parts = parts[shapely.get_dimensions(parts) == 2]
    entered = shapely.intersects(parts, shapely.union_all(lines))
    whole: shapely.Geometry = shapely.multipolygons(parts[entered])
    return whole


def _sums(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)])
