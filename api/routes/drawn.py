"""Geometries as people send them, GeoJSON in degrees or in a CRS that they name, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.errors import GEOSException

from api.live.features import in_degrees
from gis.crs import check_extent, parse_crs, reproject
from gis.errors import ConflictError, LayerError
from gis.io.geometry import fit
from gis.model import Kind

WGS84: Final = CRS("EPSG:4326")
MOST_VERTICES: Final = 100_000
"""Of one row; a person draws some hundred."""
_LONGEST: Final = 60 * MOST_VERTICES
"""Letters of a geometry: no need to read what is longer."""


def placed(
    drawn: Sequence[Mapping[str, Any] | None], kind: Kind, *, crs: str | None, target: CRS
) -> NDArray[np.object_]:
    """Return geometries in the CRS of the project.

    Parameters
    ----------
    drawn
        n GeoJSON geometries; None for none.
    kind
        What they are to be rows of.
    crs
        That of the coordinates, as EPSG:n (always east or longitude first); None for degrees.
    target
        That of the project.

    Raises
    ------
    LayerError
        A geometry is none, or not one of the kind.
    CrsError
        The CRS is not known, or coordinates cannot be in it.
    """
    source = WGS84 if crs is None else parse_crs(crs)
    shapes = np.array([_shape(one, place) for place, one in enumerate(drawn)] + [None], object)
    shapes = shapes[:-1]  # the last one kept numpy from taking points for sequences
    there = ~shapely.is_missing(shapes)
    if not there.any():
        return shapes
    fitted = fit(shapes, kind)
    wrong = next((place for place in fitted.refused if there[place]), None)
    if wrong is not None:
        raise LayerError(f"The geometry{_of(wrong, drawn)}: {fitted.refused[wrong]}; draw it again")
    # Streets keep the heights along them; to no other kind do they mean anything.
    flat = shapes if kind.name == "streets" else fitted.shapes
    where = "the geometry"
    check_extent(np.array(shapely.total_bounds(flat[there])), source, name=where)
    flat[there] = reproject(gpd.GeoSeries(flat[there], crs=source), target, name=where).to_numpy()
    check_extent(np.array(shapely.total_bounds(flat[there])), target, name=where)
    return flat


@contextmanager
def conflicts_in_degrees(crs: CRS | None) -> Iterator[None]:
    """Tell the rows of a conflict as GeoJSON in degrees, as everything else is told."""
    try:
        yield
    except ConflictError as error:
        if crs is None:
            raise
        raise ConflictError(
            str(error), yours=_told(error.yours, crs), theirs=_told(error.theirs, crs)
        ) from error


def _told(side: Mapping[str, Any], crs: CRS) -> dict[str, Any]:
    rows = [dict(row) for row in side.get("rows", ())]
    drawn = [row for row in rows if isinstance(row.get("geometry"), str)]
    shapes = shapely.from_wkt(np.array([row["geometry"] for row in drawn], dtype=object))
    for row, text in zip(drawn, shapely.to_geojson(in_degrees(shapes, crs)), strict=True):
        row["geometry"] = json.loads(text)
    return {**side, "rows": rows}


def _shape(geojson: Mapping[str, Any] | None, place: int) -> Any:
    if geojson is None:
        return None
    try:
        text = json.dumps(geojson, allow_nan=False)
        if len(text) > _LONGEST:
            raise _too_many(place)
        shape = shapely.from_geojson(text)
    except LayerError:
        raise
    except (GEOSException, ValueError, TypeError, RecursionError) as error:
        words = " ".join(str(error).split())[:120]
        raise LayerError(
            f"The geometry of change {place + 1} is no GeoJSON geometry ({words}); give type and "
            "coordinates, as RFC 7946 has them"
        ) from error
    if shapely.get_num_coordinates(shape) > MOST_VERTICES:
        raise _too_many(place)
    return shape


def _too_many(place: int) -> LayerError:
    return LayerError(
        f"The geometry of change {place + 1} has more than {MOST_VERTICES} vertices; simplify it, "
        "or import a file"
    )


def _of(place: int, drawn: Sequence[object]) -> str:
    return "" if len(drawn) == 1 else f" of change {place + 1}"
