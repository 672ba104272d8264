"""Where tiles lie: the usual pyramid of web maps (WebMercatorQuad, EPSG:3857)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from gis.errors import OptionError

WORLD_M: Final = math.pi * 6378137.0
"""The edges of the pyramid lie this far from its middle, in metres of EPSG:3857."""

MOST_ZOOM: Final = 24
"""A tile is then 2.4 m wide, which is deeper than maps in browsers go."""


def tile_bounds(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a tile in metres of EPSG:3857.

    Raises
    ------
    OptionError
        There is no such tile.
    """
    check_tile(z, x, y)
    size = 2 * WORLD_M / (1 << z)
    west, north = -WORLD_M + x * size, WORLD_M - y * size
    return west, north - size, west + size, north


def tiles_over(bounds: Sequence[float], z: int) -> tuple[range, range]:
    """Return the columns and the rows of the tiles that touch some bounds.

    Parameters
    ----------
    bounds
        West, south, east and north in metres of EPSG:3857. What lies beyond the world is cut off;
        bounds wholly beyond it have no tile.

    Raises
    ------
    OptionError
        The zoom is out of range, or the bounds are no box.
    """
    _check_zoom(z)
    if len(bounds) != 4 or not all(map(math.isfinite, bounds)):
        raise OptionError(f"bounds {bounds!r} are no box: give west, south, east, north")
    west, south, east, north = map(float, bounds)
    if west > east or south > north:
        raise OptionError(f"bounds {bounds!r} are empty: give west <= east and south <= north")
    return _steps(west, east, z), _steps(-north, -south, z)


def check_tile(z: int, x: int, y: int) -> None:
    """Raise `OptionError` unless there is such a tile."""
    _check_zoom(z)
    if not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise OptionError(f"there is no tile {z}/{x}/{y}: columns and rows run to {(1 << z) - 1}")


def _check_zoom(z: int) -> None:
    if not 0 <= z <= MOST_ZOOM:
        raise OptionError(f"zoom {z} is out of range: give 0 to {MOST_ZOOM}")


def _steps(low: float, high: float, z: int) -> range:
    if high < -WORLD_M or low > WORLD_M:
        return range(0)
    last = (1 << z) - 1
    size = 2 * WORLD_M / (1 << z)
    first, final = (min(max(math.floor((at + WORLD_M) / size), 0), last) for at in (low, high))
    return range(first, final + 1)
