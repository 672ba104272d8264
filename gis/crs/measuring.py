"""Whether coordinates lie where their system says, and whether lengths may be measured in it."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import geopandas as gpd
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer

from gis.crs.systems import WGS84, crs_words, gauss_krueger, guess_crs
from gis.errors import CrsError

LARGEST_SCALE_ERROR: Final = 0.002
"""Share by which lengths may be wrong: 0.2 %, one metre in a walk of 500 m."""

CHINA_BOX: Final = (73.0, 3.0, 136.0, 54.0)
"""West, south, east, north in degrees. A plain box: it holds parts of the neighbours as well, where
a CGCS2000 zone measures just as well as a UTM one."""

# Cities on the edge of a zone keep the neighbouring one, and 3 degrees is where it stops measuring.
_MARGIN_DEG = 3.0
_STEP_DEG = 1e-5

Series = TypeVar("Series", gpd.GeoSeries, gpd.GeoDataFrame)
Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]


def check_extent(xy: ArrayLike, crs: CRS, *, name: str = "the layer") -> None:
    """Refuse coordinates that cannot be in `crs`: swapped, in other units, or elsewhere on earth.

    Latitudes of 73-90 with longitudes of 3-54 are taken for swapped degrees of western China,
    not for the Arctic Ocean.

    Parameters
    ----------
    xy
        Bounds (4,) as min x, min y, max x, max y, or coordinates (n, 2); x is east or longitude,
        y north or latitude. Rows of NaN (empty geometries) are left out.
    crs
        The system they are said to be in.
    name
        What the message calls them, such as the file name.

    Raises
    ------
    CrsError
        With the first place that is wrong and the remedy.
    """
    corners = _finite_corners(xy, name)
    if _plausible(corners, crs):
        return
    at = f"{name}: ({corners[0, 0]:.10g}, {corners[0, 1]:.10g})"
    if _plausible(corners[:, ::-1], crs):
        order = "latitude before longitude" if crs.is_geographic else "north (X) before east (Y)"
        raise CrsError(f"{at} has its columns swapped, {order}; swap the two columns")
    guesses = guess_crs(*np.median(corners, axis=0))
    remedy = (
        f"the numbers look like {_guess_words(guesses[0].crs, guesses[0].words)}" if guesses else ""
    )
    remedy = remedy or "give the system the file was drawn in with --crs"
    raise CrsError(f"{at} lies outside {crs_words(crs)}; {remedy}")


def working_crs(lon: ArrayLike, lat: ArrayLike) -> CRS:
    """Choose the system in which a place is worked on and measured.

    The CGCS2000 3-degree zone without prefix for a middle inside `CHINA_BOX`, UTM (WGS 84, without
    the exceptions of Norway) elsewhere.

    Parameters
    ----------
    lon, lat
        (n,) degrees; the two ends of the bounds are enough. NaN is left out.

    Returns
    -------
    pyproj.CRS
        Projected, metres.

    Raises
    ------
    CrsError
        No coordinates, no degrees, beyond 84 N or 80 S, or an extent over which lengths would be
        wrong by more than `LARGEST_SCALE_ERROR`.
    """
    west, south, east, north = _lonlat_bounds(lon, lat)
    middle_lon, middle_lat = (west + east) / 2, (south + north) / 2
    crs = _zone_at(middle_lon, middle_lat)
    grid = np.meshgrid(np.linspace(west, east, 5), np.linspace(south, north, 5))
    worst = _worst(scale_error(crs, grid[0].ravel(), grid[1].ravel()))
    if worst > LARGEST_SCALE_ERROR:
        raise CrsError(
            f"the data reach from {west:.2f} to {east:.2f} E and {south:.2f} to {north:.2f} N, too "
            f"far for one plane: lengths would be wrong by {worst:.1%}; make a project per city, "
            "or look for stray coordinates"
        )
    return crs


def scale_error(crs: CRS, lon: ArrayLike, lat: ArrayLike) -> Floats:
    """Give by how much lengths measured in `crs` differ from lengths on the ground.

    Taken from the ellipsoid itself. PROJ's own factors of Web Mercator are those of a sphere
    and 0.1 % off.

    Parameters
    ----------
    crs
        A projected system.
    lon, lat
        (n,) degrees.

    Returns
    -------
    numpy.ndarray
        (n,) largest abs(k - 1) over all directions; infinite where the system does not reach.

    Raises
    ------
    CrsError
        The system is in degrees.
    """
    _require_projected(crs)
    east, north = _jacobian(crs, np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    # Singular values of the 2 x 2 Jacobian: the axes of Tissot's ellipse.
    total = (east**2).sum(axis=0) + (north**2).sum(axis=0)
    area = np.abs(east[0] * north[1] - east[1] * north[0])
    spread = np.sqrt(np.maximum(total**2 / 4 - area**2, 0.0))
    longest = np.sqrt(total / 2 + spread)
    shortest = np.divide(area, longest, out=np.zeros_like(area), where=longest > 0)
    with np.errstate(invalid="ignore"):
        error = np.maximum(np.abs(longest - 1.0), np.abs(shortest - 1.0))
    return np.where(np.isfinite(error), error, np.inf)


def require_measurable(crs: CRS, lonlat_bounds: ArrayLike) -> None:
    """Refuse a system in which metres are not metres on the ground.

    Parameters
    ----------
    crs
        The system.
    lonlat_bounds
        (4,) west, south, east, north of the data in degrees.

    Raises
    ------
    CrsError
        Degrees, or lengths wrong by more than 0.2 % somewhere in the bounds; names the number.
    """
    _require_projected(crs)
    west, south, east, north = np.asarray(lonlat_bounds, dtype=np.float64)
    west, south, east, north = _lonlat_bounds([west, east], [south, north])
    grid = np.meshgrid(np.linspace(west, east, 5), np.linspace(south, north, 5))
    worst = _worst(scale_error(crs, grid[0].ravel(), grid[1].ravel()))
    if worst > LARGEST_SCALE_ERROR:
        better = crs_words(_zone_at((west + east) / 2, (south + north) / 2))
        raise CrsError(
            f"{crs_words(crs)} changes ground lengths by up to {worst:.1%} here, more than 0.2 %, "
            f"and cannot be measured in; use {better}"
        )


def reproject(geometries: Series, target: CRS, *, name: str = "the layer") -> Series:
    """Bring a frame or series into another system, longitude or east always first.

    Parameters
    ----------
    geometries
        With its CRS set.
    target
        The system wanted.
    name
        What messages call it.

    Returns
    -------
    geopandas.GeoSeries or geopandas.GeoDataFrame
        A copy.

    Raises
    ------
    CrsError
        No CRS is set, or a coordinate has no place in `target`.
    """
    if geometries.crs is None:
        raise CrsError(f"{name} has no coordinate system; say which with --crs EPSG:n")
    moved = geometries.to_crs(target)
    if np.isinf(moved.total_bounds).any() or np.isinf(moved.geometry.bounds.to_numpy()).any():
        raise CrsError(
            f"{name}: some coordinates of {crs_words(geometries.crs)} have no place in "
            f"{crs_words(target)}; check the system with --crs"
        )
    return moved


def to_lonlat(xy: ArrayLike, crs: CRS) -> Floats:
    """Give coordinates (n, 2) of `crs` as longitude and latitude (n, 2) on its own datum.

    No datum shift is applied. Coordinates that have no place on earth become infinite.
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    base: Any = crs.geodetic_crs
    if crs.is_geographic or base is None:
        return points.copy()
    turn = Transformer.from_crs(crs, base, always_xy=True)
    return np.column_stack(turn.transform(points[:, 0], points[:, 1]))


def _finite_corners(xy: ArrayLike, name: str) -> Floats:
    points = np.asarray(xy, dtype=np.float64)
    points = points.reshape(-1, 2)
    if np.isinf(points).any():
        raise CrsError(f"{name} has infinite coordinates; remove those rows or repair the file")
    points = points[~np.isnan(points).any(axis=1)]
    if len(points) == 0:
        raise CrsError(f"{name} has no coordinates at all; every geometry is empty")
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([low, high, (low[0], high[1]), (high[0], low[1])])


def _plausible(corners: Floats, crs: CRS) -> bool:
    lonlat = to_lonlat(corners, crs)
    if not np.isfinite(lonlat).all():
        return False
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    if (np.abs(lon) > 180.0).any() or (np.abs(lat) > 90.0).any():
        return False
    if crs.is_geographic and (lat >= 73.0).all() and (lon >= 3.0).all() and (lon <= 54.0).all():
        return False
    area = crs.area_of_use
    if area is None:
        return True
    inside = (lat >= area.south - _MARGIN_DEG) & (lat <= area.north + _MARGIN_DEG)
    # An area across the date line has its west east of its east.
    width = (area.east - area.west) % 360.0 or 360.0
    if width < 354.0:
        inside &= (lon - area.west + _MARGIN_DEG) % 360.0 <= width + 2 * _MARGIN_DEG
    return bool(inside.all()) and _returns(corners, lonlat, crs)


def _returns(corners: Floats, lonlat: Floats, crs: CRS) -> bool:
    """Tell a true place from one folded back: far outside its zone a projection is not unique."""
    if crs.is_geographic or crs.geodetic_crs is None:
        return True
    back = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    again = np.column_stack(back.transform(lonlat[:, 0], lonlat[:, 1]))
    return bool(np.allclose(again, corners, rtol=0.0, atol=1.0))


def _guess_words(crs: CRS | None, words: str) -> str:
    code = crs.to_epsg() if crs is not None else None
    return f"EPSG:{code}, {words}" if code else words


def _lonlat_bounds(lon: ArrayLike, lat: ArrayLike) -> Bounds:
    points = np.column_stack([np.ravel(np.asarray(lon, float)), np.ravel(np.asarray(lat, float))])
    corners = _finite_corners(points, "the data")
    if (np.abs(corners[:, 0]) > 180.0).any() or (np.abs(corners[:, 1]) > 90.0).any():
        raise CrsError(
            f"({corners[0, 0]:g}, {corners[0, 1]:g}) is no longitude and latitude; give degrees, "
            "longitude first, or name the projected system with --crs"
        )
    west, south = corners[0].tolist()
    east, north = corners[1].tolist()
    return west, south, east, north


def _zone_at(lon: float, lat: float) -> CRS:
    west, south, east, north = CHINA_BOX
    if west <= lon <= east and south <= lat <= north:
        # 73.0-73.5 lies in no zone of the registry; the first one measures there as well.
        return CRS.from_epsg(gauss_krueger(min(max(lon, 73.5), 136.0)))
    if not -80.0 <= lat <= 84.0:
        raise CrsError(
            f"latitude {lat:.2f} is beyond the UTM zones; check for swapped columns, or name a "
            "system with --crs"
        )
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def _require_projected(crs: CRS) -> None:
    if not crs.is_projected:
        raise CrsError(
            f"{crs_words(crs)} is in degrees and cannot be measured in; use a projected system "
            "such as a CGCS2000 3-degree zone"
        )


def _worst(errors: Floats) -> float:
    return float(np.max(errors))


def _jacobian(crs: CRS, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Projected metres per metre of ground eastwards and northwards, each (2, n)."""
    base: Any = crs.geodetic_crs or CRS.from_epsg(WGS84)
    turn = Transformer.from_crs(base, crs, always_xy=True)
    ball = base.ellipsoid
    flattening = 1.0 / ball.inverse_flattening if ball.inverse_flattening else 0.0
    e2 = flattening * (2.0 - flattening)
    angle = np.radians(lat)
    flat = 1.0 - e2 * np.sin(angle) ** 2
    step = np.radians(2 * _STEP_DEG)
    parallel_m = ball.semi_major_metre / np.sqrt(flat) * np.cos(angle) * step
    meridian_m = ball.semi_major_metre * (1.0 - e2) / flat**1.5 * step
    unit = crs.axis_info[0].unit_conversion_factor
    with np.errstate(invalid="ignore", divide="ignore"):
        east = _difference(turn, lon, lat, _STEP_DEG, 0.0) * unit / parallel_m
        north = _difference(turn, lon, lat, 0.0, _STEP_DEG) * unit / meridian_m
    return east, north


def _difference(turn: Transformer, lon: Floats, lat: Floats, dlon: float, dlat: float) -> Floats:
    ahead = np.array(turn.transform(lon + dlon, lat + dlat))
    behind = np.array(turn.transform(lon - dlon, lat - dlat))
    return np.asarray(ahead - behind, dtype=np.float64)
