"""Geometries as short integer lists: offsets of a millionth of a degree, about a decimetre."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

Shape = dict[str, Any]

UNITS_PER_DEGREE: Final = 1_000_000


class ShapeWriter:
    """Writes geometries of one map relative to one origin.

    Parameters
    ----------
    frame_bounds
        (4,) lon and lat of the map's corners, degrees; the south-west corner is the origin.
    """

    def __init__(self, frame_bounds: NDArray[np.float64]) -> None:
        self.origin = np.rint(frame_bounds[:2] * UNITS_PER_DEGREE).astype(np.int64)

    def write(self, shapes: gpd.GeoSeries, *, simplify_m: float = 0.0) -> list[Shape | None]:
        """Return one shape per geometry of a metric series; None where there is none.

        ``simplify_m`` is the largest deviation of the drawn line, in metres.
        """
        drawn = shapes.simplify(simplify_m) if simplify_m > 0 else shapes
        lonlat = np.asarray(drawn.to_crs("EPSG:4326").to_numpy(), dtype=object)
        return [self._one(shape) for shape in lonlat]

    def point(self, x: float, y: float) -> list[int]:
        """Return one position given in degrees."""
        return self._ring(np.array([[x, y]]))

    def _one(self, shape: Any) -> Shape | None:
        if shape is None or shape.is_empty:
            return None
        parts = shapely.get_parts(shape)
        if parts[0].geom_type == "Point":
            return {"t": "p", "c": [self._coords(parts[0])]}
        if parts[0].geom_type == "LineString":
            return {"t": "l", "c": [self._coords(part) for part in parts]}
        rings = [[part.exterior, *part.interiors] for part in parts]
        return {"t": "a", "c": [[self._coords(ring) for ring in group] for group in rings]}

    def _coords(self, shape: Any) -> list[int]:
        closed = shape.geom_type == "LinearRing"
        xy = shapely.get_coordinates(shape)
        return self._ring(xy[:-1] if closed else xy)

    def _ring(self, xy: NDArray[np.float64]) -> list[int]:
        units = np.rint(xy * UNITS_PER_DEGREE).astype(np.int64)
        steps = np.diff(units, axis=0, prepend=self.origin[np.newaxis])
        # A step of nothing draws nothing; the first position has to stay.
        keep = np.r_[True, steps[1:].any(axis=1)]
        short: list[int] = steps[keep].ravel().tolist()
        return short
