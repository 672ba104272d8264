"""Features cut into weighted points, so that layers can be moved against each other."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.crs.landscape import Plane

PIECE_M: Final = 10.0
MOST_PIECES: Final = 100_000

Floats = NDArray[np.float64]


def points_of(
    features: NDArray[np.object_], size: int, plane: Plane
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Points (p, 2) in degrees that stand for features, weights (p,) and owners (p,)."""
    if size == 1:
        return pieces_of(features, plane)
    if size == 2:
        return _spots(features)
    lonlat, owner = shapely.get_coordinates(features, return_index=True)
    return lonlat, 1.0 / np.bincount(owner)[owner], np.asarray(owner, np.intp)


def pieces_of(lines: NDArray[np.object_], plane: Plane) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Cut lines short: middles (p, 2) in degrees, lengths (p,) in metres, owners (p,)."""
    total_m = float(shapely.length(plane.geometries(lines)).sum())
    step_m = max(PIECE_M, total_m / MOST_PIECES)
    parts, owner = shapely.get_parts(lines, return_index=True)
    cut = shapely.segmentize(parts, step_m / 111_000.0)
    xy, part = shapely.get_coordinates(cut, return_index=True)
    at = np.flatnonzero(part[:-1] == part[1:])
    metres = plane.metres(xy[:, 0], xy[:, 1])
    length_m = np.hypot(*(metres[at + 1] - metres[at]).T)
    return (xy[at] + xy[at + 1]) / 2, length_m, owner[part[at]]


def _spots(polygons: NDArray[np.object_]) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Places inside polygons: an inner point, and those 7/10 of the way to each corner."""
    inner = shapely.get_coordinates(shapely.point_on_surface(polygons))
    corner, owner = shapely.get_coordinates(polygons, return_index=True)
    spread = inner[owner] + 0.7 * (corner - inner[owner])
    lonlat = np.vstack([inner, spread])
    owner = np.concatenate([np.arange(len(polygons)), owner])
    return lonlat, 1.0 / np.bincount(owner)[owner], owner
