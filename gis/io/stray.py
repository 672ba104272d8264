"""Single rows that lie elsewhere than the others: swapped, outside their system, or far away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod

from gis.crs import check_extent, crs_words, require_measurable, to_lonlat, working_crs
from gis.errors import CrsError
from gis.io.geometry import Shapes

FAR_KM: Final = 300.0
"""A row this far from the middle of all rows is hardly of the same city."""
_CLOSE: Final = 0.1
"""Rows within this share of their distance from the others are judged together."""
_ELLIPSOID: Final = Geod(ellps="GRS80")


@dataclass(eq=False)
class Strays:
    """Rows that are not where the others are."""

    refused: dict[int, str] = field(default_factory=dict)
    """Place of the row -> reason."""
    far: dict[int, str] = field(default_factory=dict)
    """Place of the row that is kept -> what is odd about it."""


def find_strays(shapes: Shapes, crs: CRS, *, file: str, target: CRS | None) -> Strays:
    """Find the odd rows of a file most of whose rows lie where they should.

    A row is refused where it cannot be in ``crs``, or is so far from the others that all of them
    could not be measured in one plane; a row that is only far away is named.

    Parameters
    ----------
    shapes
        (n,) geometries in ``crs``, None where there is none.
    crs
        The system of the file.
    file
        Name for messages.
    target
        The system of the project; None when one is to be chosen for the place.

    Raises
    ------
    CrsError
        Half of the rows or more cannot be in ``crs``; the message is about one of them.
    """
    rows = np.flatnonzero(~shapely.is_missing(shapes))
    bounds = shapely.bounds(shapes[rows])
    done = Strays()
    odd = {} if _fits(_hull(bounds), crs) else _odd_rows(bounds, crs, file)
    for i, swapped in sorted(odd.items()):
        done.refused[int(rows[i])] = _why(shapes[rows[i]], crs, swapped=swapped)
    kept = np.delete(np.arange(len(rows)), list(odd))
    if len(kept):
        _find_far(done, shapes, rows[kept], crs, target)
    return done


def _odd_rows(bounds: NDArray[np.float64], crs: CRS, file: str) -> dict[int, bool]:
    """Rows that cannot be in their system, and whether each is swapped.

    Found by halving, from the middle outwards: most rows fit and are judged together, and rows
    close together and far from the middle are judged by one of them.
    """
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    usual = int(np.abs(middles - np.median(middles, axis=0)).sum(axis=1).argmin())
    if len(bounds) > 2:
        check_extent(bounds[usual], crs, name=file)
    away = np.abs(middles - middles[usual]).max(axis=1)
    odd: dict[int, bool] = {}
    open_ = [np.argsort(away, kind="stable")]
    while open_:
        group = open_.pop()
        hull = _hull(bounds[group])
        if _fits(hull, crs):
            continue
        one = bounds[group[0]]
        alike = len(group) == 1 or (hull[2:] - hull[:2]).max() < _CLOSE * away[group].min()
        if not alike or _fits(one, crs):
            half = len(group) // 2
            open_ += [group[half:], group[:half]]
            continue
        odd |= dict.fromkeys(group.tolist(), _fits(one[[1, 0, 3, 2]], crs))
        if 2 * len(odd) >= len(bounds):
            check_extent(bounds[next(iter(odd))], crs, name=file)  # raises, with the remedy
    return odd


def _hull(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)])


def _fits(xy: NDArray[np.float64], crs: CRS) -> bool:
    try:
        check_extent(xy, crs)
    except CrsError:
        return False
    return True


def _why(shape: shapely.Geometry, crs: CRS, *, swapped: bool) -> str:
    x, y = _numbers(shape)
    if swapped:
        names = "longitude and latitude" if crs.is_geographic else "east and north"
        return f"{names} are swapped: {x}, {y}; swap them"
    return f"coordinates {x}, {y} lie outside {crs_words(crs)}, unlike most rows; correct them"


def _numbers(shape: shapely.Geometry) -> tuple[str, str]:
    x, y = shapely.get_coordinates(shape)[0]
    return f"{x:.10g}", f"{y:.10g}"


def _find_far(
    done: Strays, shapes: Shapes, rows: NDArray[np.intp], crs: CRS, target: CRS | None
) -> None:
    bounds = shapely.bounds(shapes[rows])
    lonlat = to_lonlat((bounds[:, :2] + bounds[:, 2:]) / 2, crs)
    lon, lat = np.median(lonlat, axis=0)
    away = np.full(len(rows), lon), np.full(len(rows), lat)
    far_km = np.asarray(_ELLIPSOID.inv(*away, lonlat[:, 0], lonlat[:, 1])[2]) / 1000
    far = far_km > FAR_KM
    if not far.any() or 2 * far.sum() >= len(rows):
        return  # none, or no place where most rows are: that is for the whole file to answer
    blame = not _measurable(lonlat, target)
    for i in np.flatnonzero(far):
        x, y = _numbers(shapes[rows[i]])
        told = f"coordinates {x}, {y} are {far_km[i]:,.0f} km from the other rows"
        if blame:
            done.refused[int(rows[i])] = f"{told}, too far to measure together; correct them"
        else:
            done.far[int(rows[i])] = f"{told}; check them"


def _measurable(lonlat: NDArray[np.float64], target: CRS | None) -> bool:
    try:
        if target is None:
            working_crs(lonlat[:, 0], lonlat[:, 1])
        else:
            west_south, east_north = lonlat.min(axis=0), lonlat.max(axis=0)
            require_measurable(target, np.concatenate([west_south, east_north]))
    except CrsError:
        return False
    return True
