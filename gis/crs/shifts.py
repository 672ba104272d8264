"""GCJ-02 and BD-09, the shifted coordinates of Chinese web maps, to and from WGS 84.

GCJ-02 ("Mars coordinates": Amap, Tencent) moves a place by some 270-710 m, BD-09 (Baidu) by about
1 km more. Neither is a datum and neither has an EPSG code; the formula became known by reverse
engineering, not from its makers. The closed-form inverses in common use are off by up to 5 m
(GCJ-02) and 0.2 m (BD-09); here the inverse is the fixed point of the forward formula, exact to
rounding.

CGCS2000 and WGS 84 differ by centimetres to decimetres and are treated as equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, overload

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.errors import CrsError

Coords = Literal["wgs84", "gcj02", "bd09", "cgcs2000"]
"""How degrees are to be read."""

COORDS: Final[tuple[Coords, ...]] = ("wgs84", "gcj02", "bd09", "cgcs2000")

COORDS_WORDS: Final[dict[Coords, str]] = {
    "wgs84": "WGS 84",
    "gcj02": "GCJ-02",
    "bd09": "BD-09",
    "cgcs2000": "CGCS2000",
}

CGCS2000_NOTE: Final = (
    "CGCS2000 and WGS 84 degrees are treated as equal; they differ by centimetres to decimetres"
)

Floats = NDArray[np.float64]
_Formula = Callable[[Floats, Floats], tuple[Floats, Floats]]

# The box of the published code. The true line follows the border and is not public: places of
# neighbouring countries inside the box are shifted here though no map provider shifts them.
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
# Krasovsky 1940, the ellipsoid of the published formula.
_SEMI_MAJOR_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD_PI = np.pi * 3000.0 / 180.0
# Five or six rounds reach rounding error; more are for points beside the kink at 105 E.
_ROUNDS = 12
_CLOSE_DEG = 1e-13


def to_wgs84(lon: ArrayLike, lat: ArrayLike, *, coords: Coords) -> tuple[Floats, Floats]:
    """Read degrees as `coords` and give them in WGS 84.

    Parameters
    ----------
    lon, lat
        (n,) degrees. NaN stays NaN.
    coords
        What the degrees are in. Places outside the box 72.004-137.8347 E, 0.8293-55.8271 N are not
        shifted (see `outside_china`).

    Returns
    -------
    tuple
        lon, lat, each (n,) degrees; the inverse is exact to about 1e-13 degree.

    Raises
    ------
    CrsError
        No such coordinates, arrays of different shape, or numbers that are not degrees.
    """
    x, y = _degrees(lon, lat)
    if _known(coords) == "gcj02":
        return _inside(x, y, lambda a, b: _invert(_wgs84_to_gcj02, a, b))
    if coords == "bd09":
        return _inside(x, y, lambda a, b: _invert(_wgs84_to_gcj02, *_invert(_gcj02_to_bd09, a, b)))
    return x, y


def from_wgs84(lon: ArrayLike, lat: ArrayLike, *, coords: Coords) -> tuple[Floats, Floats]:
    """Give WGS 84 degrees in `coords`.

    Parameters
    ----------
    lon, lat
        (n,) degrees. NaN stays NaN.
    coords
        What to give them in. Places outside the box of `outside_china` are not shifted.

    Returns
    -------
    tuple
        lon, lat, each (n,) degrees.

    Raises
    ------
    CrsError
        No such coordinates, arrays of different shape, or numbers that are not degrees.
    """
    x, y = _degrees(lon, lat)
    if _known(coords) == "gcj02":
        return _inside(x, y, _wgs84_to_gcj02)
    if coords == "bd09":
        return _inside(x, y, lambda a, b: _gcj02_to_bd09(*_wgs84_to_gcj02(a, b)))
    return x, y


@overload
def shift_geometries(
    geometries: NDArray[np.object_], *, coords: Coords, target: Coords = "wgs84"
) -> NDArray[np.object_]: ...


@overload
def shift_geometries(
    geometries: gpd.GeoSeries, *, coords: Coords, target: Coords = "wgs84"
) -> gpd.GeoSeries: ...


def shift_geometries(geometries: Any, *, coords: Coords, target: Coords = "wgs84") -> Any:
    """Move geometries in degrees from one reading to another, vertex by vertex.

    Parameters
    ----------
    geometries
        (n,) shapely geometries or a GeoSeries, lon/lat degrees. Missing and empty ones stay so,
        heights are kept, a GeoSeries keeps its index, name and CRS.
    coords
        What they are in.
    target
        What they are wanted in.

    Returns
    -------
    numpy.ndarray or geopandas.GeoSeries
        A new array or series of the same length.

    Raises
    ------
    CrsError
        As for `to_wgs84`; also a GeoSeries whose CRS is projected.
    """
    same = {"wgs84", "cgcs2000"}
    still = _known(coords) == _known(target) or {coords, target} <= same

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = xy.copy()
        lon, lat = to_wgs84(xy[:, 0], xy[:, 1], coords=coords)
        if not still:
            moved[:, 0], moved[:, 1] = from_wgs84(lon, lat, coords=target)
        return moved

    if not isinstance(geometries, gpd.GeoSeries):
        return _transform(np.asarray(geometries, dtype=object), move)
    if geometries.crs is not None and geometries.crs.is_projected:
        raise CrsError(
            f"coordinates in {geometries.crs.name} are no degrees and cannot be read as "
            f"{COORDS_WORDS[coords]}; bring them to longitude and latitude first (EPSG:4490)"
        )
    moved = _transform(np.asarray(geometries, dtype=object), move)
    return gpd.GeoSeries(moved, index=geometries.index, crs=geometries.crs, name=geometries.name)


def outside_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Tell which places lie outside the box in which GCJ-02 and BD-09 are defined.

    The box is that of the published formula, 72.004-137.8347 E and 0.8293-55.8271 N. It holds
    parts of the neighbouring countries too.

    Parameters
    ----------
    lon, lat
        (n,) degrees.

    Returns
    -------
    numpy.ndarray
        (n,) bool; True for NaN.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return ~((x >= _WEST) & (x <= _EAST) & (y >= _SOUTH) & (y <= _NORTH))


def _known(coords: Coords) -> Coords:
    if coords not in COORDS:
        raise CrsError(f"no coordinates called {coords!r}; use one of {', '.join(COORDS)}")
    return coords


def _degrees(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    if x.shape != y.shape:
        raise CrsError(f"{x.size} longitudes for {y.size} latitudes; give as many of each")
    wrong = np.isinf(x) | np.isinf(y) | (np.abs(x) > 180.0) | (np.abs(y) > 90.0)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise CrsError(
            f"{int(wrong.sum())} of {x.size} coordinates are not degrees, the first is "
            f"({x.flat[at]:g}, {y.flat[at]:g}) at place {at + 1}; give longitude, then latitude, "
            "or name the projected system with --crs"
        )
    return x, y


def _inside(lon: Floats, lat: Floats, formula: _Formula) -> tuple[Floats, Floats]:
    """Apply `formula` inside the box and leave the rest, NaN included, as it is."""
    inside = ~outside_china(lon, lat)
    x, y = lon.copy(), lat.copy()
    x[inside], y[inside] = formula(lon[inside], lat[inside])
    return x, y


def _invert(forward: _Formula, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Find where `forward` leads to (lon, lat): each round takes off what it still misses by."""
    x, y = lon.copy(), lat.copy()
    for _ in range(_ROUNDS):
        there_x, there_y = forward(x, y)
        miss_x, miss_y = lon - there_x, lat - there_y
        x += miss_x
        y += miss_y
        if max(np.abs(miss_x).max(initial=0.0), np.abs(miss_y).max(initial=0.0)) < _CLOSE_DEG:
            break
    return x, y


def _wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Apply the published formula, in its order, so that vectors agree to the last digit."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north_m += _waves(y, (20.0, 1.0), (40.0, 3.0))
    north_m += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east_m += _waves(x, (20.0, 1.0), (40.0, 3.0))
    east_m += _waves(x, (150.0, 12.0), (300.0, 30.0))

    angle = lat / 180.0 * np.pi
    flat = 1.0 - _ECCENTRICITY_SQUARED * np.sin(angle) ** 2
    root_flat = np.sqrt(flat)
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / (flat * root_flat) * np.pi
    parallel_m = _SEMI_MAJOR_M / root_flat * np.cos(angle) * np.pi
    return lon + east_m * 180.0 / parallel_m, lat + north_m * 180.0 / meridian_m


def _waves(x: Floats, one: tuple[float, float], two: tuple[float, float]) -> Floats:
    """Two sine waves of given height (m) and half length (degrees), times 2/3."""
    first = one[0] * np.sin(x / one[1] * np.pi)
    return (first + two[0] * np.sin(x / two[1] * np.pi)) * 2.0 / 3.0


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _transform(
    geometries: NDArray[np.object_], move: Callable[[Floats], Floats]
) -> NDArray[np.object_]:
    """Move flat and high geometries apart: shapely would give the flat ones a NaN height."""
    moved = geometries.copy()
    high = shapely.has_z(geometries)
    for chosen, include_z in ((~high, False), (high, True)):
        if chosen.any():
            moved[chosen] = shapely.transform(geometries[chosen], move, include_z=include_z)
    return moved
