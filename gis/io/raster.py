"""Grids of heights (GeoTIFF): their cells become spot heights."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from gis.errors import CrsError, FileError
from gis.io.source import Source
from gis.model import KINDS, Finding

MOST_POINTS: Final = 250_000
"""Spot heights that one grid becomes at most; a finer one is averaged over squares of cells."""
MOST_CELLS: Final = 400_000_000
"""20,000 x 20,000: a city at 2 m. A small file may say that it is a thousand times larger."""
_LARGEST_BLOCK: Final = 256 << 20
"""Bytes that GDAL unpacks at once."""
_METRES: Final = frozenset(["", "m", "metre", "metres", "meter", "meters", "米"])
_FEET: Final = frozenset(["ft", "foot", "feet", "us survey foot", "international foot"])
_FOOT_M: Final = 0.3048


_ROWS_AT_ONCE: Final = 1024
_COLUMNS_AT_ONCE: Final = 4096


@dataclass(frozen=True, eq=False)
class _Spots:
    """m spot heights: the column and row (m, 2) they lie at, heights (m,), and odd cells."""

    cells: NDArray[np.float64]
    z: NDArray[np.float64]
    wild: int


def read_heights(path: Path) -> Source:
    """Read a grid of heights as spot heights, one in the middle of each cell.

    Where there are more than `MOST_POINTS` cells, each square of n x n cells is averaged, n as
    small as it can be: one spot height at the mean of the places of its cells that hold a height,
    so that an even slope stays what it is. Cells without data, and those outside the bounds of the
    column ``elevation_m``, are left out.

    Raises
    ------
    FileError
        The file is cut, no GeoTIFF, has several bands, no real numbers, too many cells, is in no
        place, in an unknown unit, or holds no height.
    CrsError
        Its coordinate system cannot be understood.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # By its driver: a text that is called .tif must not make GDAL open other files.
            with rasterio.open(path, driver="GTiff") as grid:
                factor = _check(path.name, grid)
                stride = _stride(grid.width, grid.height)
                spots = _spots(grid, stride, factor)
                size, place, crs = (grid.width, grid.height), grid.transform, grid.crs
    except (RasterioError, OSError, MemoryError) as error:
        words = " ".join(str(error).replace(str(path), path.name).split())[:160].rstrip(". ;")
        raise FileError(
            f"{path.name} is cut, damaged or no GeoTIFF ({words}); copy or export it once more"
        ) from error
    if not len(spots.z):
        raise FileError(
            f"{path.name} holds no height: each of its {size[0]:,} x {size[1]:,} cells is without "
            "data; take another file"
        )
    column, row = spots.cells.T
    x = place.a * column + place.b * row + place.c
    y = place.d * column + place.e * row + place.f
    return Source(
        file=path.name,
        columns={"elevation_m": spots.z},
        rows=np.arange(1, len(spots.z) + 1),
        geometry=np.asarray(shapely.points(x, y), dtype=object),
        crs=_crs(path.name, crs),
        findings=tuple(_findings(size, stride, spots, factor)),
        grid=True,
    )


def _check(file: str, grid: Any) -> float:
    """Refuse what is no grid of heights; return how many metres its unit is."""
    if grid.count != 1:
        raise FileError(
            f"{file} has {grid.count} bands, as a picture has; export the one with the heights"
        )
    kind = np.dtype(grid.dtypes[0])
    if kind.kind not in "iuf" or ColorInterp.palette in grid.colorinterp:
        raise FileError(
            f"{file} holds {'colours' if kind.kind in 'iuf' else kind}, not heights; export the "
            "heights themselves, in metres"
        )
    if grid.width * grid.height > MOST_CELLS:
        raise FileError(
            f"{file} has {grid.width:,} x {grid.height:,} cells, more than {MOST_CELLS:,}; cut it "
            "to the city, or export it coarser"
        )
    if math.prod(grid.block_shapes[0]) * kind.itemsize > _LARGEST_BLOCK:
        raise FileError(
            f"{file} is packed in one piece above {_LARGEST_BLOCK >> 20} MB; export it in tiles"
        )
    if grid.transform.is_identity or grid.transform.determinant == 0:
        raise FileError(
            f"{file} does not say where it lies; export it as GeoTIFF, or put its world file "
            "(.tfw) beside it"
        )
    unit = (grid.units[0] or "").strip().casefold()
    if unit not in _METRES and unit not in _FEET:
        raise FileError(f"{file} is in '{unit[:40]}'; export it in metres")
    return _FOOT_M if unit in _FEET else 1.0


def _stride(width: int, height: int) -> int:
    """Return the smallest n for which squares of n x n cells are few enough."""
    n = 1
    while math.ceil(width / n) * math.ceil(height / n) > MOST_POINTS:
        n += 1
    return n


def _spots(grid: Any, stride: int, factor: float) -> _Spots:
    parts = [_averaged(grid, window, stride, factor) for window in _windows(grid, stride)]
    return _Spots(
        np.concatenate([part.cells for part in parts]),
        np.concatenate([part.z for part in parts]),
        sum(part.wild for part in parts),
    )


def _windows(grid: Any, stride: int) -> Iterator[Window]:
    """Cut the grid into windows that no square lies across, so that memory is bounded."""
    rows = max(1, _ROWS_AT_ONCE // stride) * stride
    columns = max(1, _COLUMNS_AT_ONCE // stride) * stride
    for top in range(0, grid.height, rows):
        for left in range(0, grid.width, columns):
            yield Window(left, top, min(columns, grid.width - left), min(rows, grid.height - top))


def _averaged(grid: Any, window: Window, stride: int, factor: float) -> _Spots:
    """Return a spot height for each square of the window that holds a height."""
    cells = grid.read(1, window=window, masked=True)
    z = cells.filled(0).astype(np.float64) * grid.scales[0] + grid.offsets[0]
    z *= factor
    column = KINDS["heights"].column("elevation_m")
    good = ~np.ma.getmaskarray(cells) & np.isfinite(z)
    # Written so that a column without bounds lets everything through.
    wild = good & ~((z >= (column.low or -np.inf)) & (z <= (column.high or np.inf)))
    good &= ~wild
    height, width = z.shape
    rows, columns = np.indices(z.shape, dtype=np.float64) + 0.5
    square = (np.arange(height) // stride)[:, None] * math.ceil(width / stride) + (
        np.arange(width) // stride
    )
    square = square[good]
    count = np.bincount(square)
    full = np.flatnonzero(count)
    sums = [
        np.bincount(square, weights=values[good])[full] / count[full]
        for values in (columns + window.col_off, rows + window.row_off, z)
    ]
    return _Spots(np.stack(sums[:2], axis=1), sums[2], int(wild.sum()))


def _crs(file: str, crs: Any) -> CRS | None:
    if crs is None:
        return None
    try:
        found = CRS.from_wkt(crs.to_wkt())
    except (CRSError, RasterioError) as error:
        raise CrsError(
            f"{file}: its coordinate system cannot be understood; give it with --crs EPSG:n"
        ) from error
    # Where it is; the system of the heights is the other part.
    return found.sub_crs_list[0] if found.is_compound else found


def _findings(
    size: tuple[int, int], stride: int, spots: _Spots, factor: float
) -> Iterator[Finding]:
    cells = f"{size[0]:,} x {size[1]:,} cells"
    if stride > 1:
        text = (
            f"The grid has {cells}: each square of {stride} x {stride} was averaged to one spot "
            f"height ({len(spots.z):,} in all, at most {MOST_POINTS:,})"
        )
        yield Finding("heights-thinned", text)
    else:
        text = f"{len(spots.z):,} of {cells} hold a height and became a spot height each"
        yield Finding("heights-from-grid", text, "info")
    if factor != 1.0:
        text = f"The heights are in feet and were turned into metres (x {factor})"
        yield Finding("heights-in-feet", text, "info")
    if spots.wild:
        column = KINDS["heights"].column("elevation_m")
        text = (
            f"{spots.wild:,} cells below {column.low:g} or above {column.high:g} m were left out; "
            "the file does not say which value stands for no data"
        )
        yield Finding("heights-out-of-range", text)
