"""Geometries: which of them a kind can have, and how broken ones are mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Kind

Shapes = NDArray[np.object_]

_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "point": ("Point", "MultiPoint"),
    "line": ("LineString", "MultiLineString"),
    "polygon": ("Polygon", "MultiPolygon"),
}
_FARTHEST: Final = 1e9
"""Metres; no system has numbers as large (the zone prefix makes them 45,999,999 at most)."""
_MULTI: Final = (4, 5, 6)


@dataclass(eq=False)
class Fitted:
    """n geometries, the rows that were mended and those that cannot be used."""

    shapes: Shapes
    repaired: dict[int, str] = field(default_factory=dict)
    """Place of the row -> what was wrong."""
    refused: dict[int, str] = field(default_factory=dict)
    heights: NDArray[np.float64] | None = None
    """(n,) z of points, NaN where there is none; None where no row has any."""
    flattened: int = 0
    """Number of rows whose third coordinate was left out."""


def fit(shapes: Shapes, kind: Kind) -> Fitted:
    """Keep what a kind can have, in two dimensions; refuse everything else, with the reason.

    Parameters
    ----------
    shapes
        (n,) geometries, None where there is none.
    kind
        The kind that is wanted.
    """
    shapes = shapes.copy()
    done = Fitted(shapes)
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    shapes[missing] = None
    if kind.geometry_required:
        done.refused.update(dict.fromkeys(map(int, np.flatnonzero(missing)), "geometry is empty"))
    _refuse_endless(done, missing)
    high = shapely.has_z(shapes) & ~missing
    done.flattened = int(high.sum())
    if high.any():
        points = shapely.get_type_id(shapes) == 0
        done.heights = np.where(high & points, shapely.get_z(shapes), np.nan)
        shapes[high] = shapely.force_2d(shapes[high])
    _unwrap(shapes)
    allowed = [name for wanted in kind.geometry for name in _TYPES[wanted]]
    wanted = " or ".join(kind.geometry)
    for i in np.flatnonzero(~missing):
        shape = shapes[i]
        if shape.geom_type not in allowed:
            done.refused[int(i)] = f"geometry is a {shape.geom_type}, not a {wanted}"
        elif shape.geom_type == "MultiPoint":
            count = shapely.get_num_geometries(shape)
            done.refused[int(i)] = f"geometry is {count} points in one row; give each its own row"
        elif shape.geom_type == "Point" and shape.x == 0 and shape.y == 0:
            done.refused[int(i)] = "coordinates are 0, 0: there are none"
    return done


def repair(shapes: Shapes) -> Fitted:
    """Mend invalid geometries, keeping their dimension; what collapses is refused.

    Self-touching and self-crossing outlines become the area they enclose (``make_valid`` by
    structure: outlines are joined, holes taken off).

    Parameters
    ----------
    shapes
        (n,) geometries of the kind's types, None where there is none.
    """
    shapes = shapes.copy()
    done = Fitted(shapes)
    invalid = np.flatnonzero(~shapely.is_missing(shapes) & ~shapely.is_valid(shapes))
    if not len(invalid):
        return done
    reasons = shapely.is_valid_reason(shapes[invalid])
    mended = shapely.make_valid(shapes[invalid], method="structure", keep_collapsed=False)
    for i, reason, before, after in zip(
        invalid.tolist(), reasons, shapes[invalid], mended, strict=True
    ):
        whole = _of_dimension(after, shapely.get_dimensions(before))
        words = str(reason)[:80]
        if whole is None:
            done.refused[i] = f"geometry collapses to nothing when mended ({words})"
        else:
            shapes[i] = whole
            done.repaired[i] = f"geometry was invalid ({words}) and was mended"
    return done


def _refuse_endless(done: Fitted, missing: NDArray[np.bool_]) -> None:
    places = np.flatnonzero(~missing)
    xy, owner = shapely.get_coordinates(done.shapes[places], return_index=True)
    wrong = ~(np.abs(xy) < _FARTHEST).all(axis=1)  # NaN too
    for i in np.unique(places[owner[wrong]]).tolist():
        done.refused[i] = "geometry has coordinates that are infinite, missing or beyond the earth"
        done.shapes[i] = None
        missing[i] = True


def _unwrap(shapes: Shapes) -> None:
    """A multi-part geometry of one part is that part."""
    single = np.isin(shapely.get_type_id(shapes), _MULTI) & (
        shapely.get_num_geometries(shapes) == 1
    )
    if single.any():
        shapes[single] = shapely.get_geometry(shapes[single], 0)


def _of_dimension(shape: shapely.Geometry, dimension: int) -> Any:
    """Return the parts of a geometry that have a dimension; None when there are none."""
    pieces = shapely.get_parts(shapely.get_parts(shape))  # twice: collections hold multi-parts
    fits = ~shapely.is_empty(pieces) & (shapely.get_dimensions(pieces) == dimension)
    parts = pieces[fits]
    if len(parts) < 2:
        return parts[0] if len(parts) else None
    return shapely.multipolygons(parts) if dimension == 2 else shapely.multilinestrings(parts)
