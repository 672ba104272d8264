"""Rows as GeoJSON: made by whole columns, of what may leave a project and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from gis.model import Column, Kind

LONLAT: Final = CRS.from_epsg(4326)
DEGREE_DECIMALS: Final = 7
"""About a centimetre on the ground."""
METRE_DECIMALS: Final = 3

BETWEEN: Final = b","
_BEGINNING: Final = b'{"type":"Feature"'
CLOSING: Final = b"]}"

_ALIKE: Final = (4326, 4490)
"""EPSG codes of WGS 84 and CGCS2000."""


def moved(
    shapes: NDArray[np.object_], turn: Callable[..., Any], decimals: int
) -> NDArray[np.object_]:
    """Move flat geometries, and round them.

    Parameters
    ----------
    shapes
        (n,) geometries; heights are left out.
    turn
        Takes and gives two arrays of coordinates.
    decimals
        How many to keep.

    Returns
    -------
    ndarray
        (n,) geometries; None where one has no place in the system that is asked for.
    """
    # To leave out heights that there are not would copy every shape.
    drawn = shapely.force_2d(shapes) if shapely.has_z(shapes).any() else shapes
    flat: NDArray[np.object_] = np.array(drawn, dtype=object, ndmin=1)
    old, owner = shapely.get_coordinates(flat, return_index=True)
    new = np.round(np.column_stack(turn(old[:, 0], old[:, 1])), decimals)
    lost = np.unique(owner[~np.isfinite(new).all(axis=1)])
    if len(lost):
        keep = ~np.isin(owner, lost)
        flat[lost], new = None, new[keep]
    result: NDArray[np.object_] = shapely.set_coordinates(flat, new)
    return result


def in_degrees(shapes: NDArray[np.object_], crs: CRS) -> NDArray[np.object_]:
    """Return geometries of ``crs`` in longitude and latitude, to `DEGREE_DECIMALS`."""
    base = crs.geodetic_crs
    # CGCS2000 and WGS 84 agree within what is kept of a degree; to look for a shift takes 0.2 s.
    target = base if base is not None and base.to_epsg() in _ALIKE else LONLAT
    return moved(shapes, turning(crs, target).transform, DEGREE_DECIMALS)


@lru_cache(32)
def turning(source: CRS, target: CRS) -> Transformer:
    """Return what turns coordinates, always as (x, y); to make one takes 10 ms and more."""
    return Transformer.from_crs(source, target, always_xy=True)


def features(
    kind: Kind,
    uids: NDArray[np.object_],
    shapes: NDArray[np.object_],
    columns: Mapping[str, NDArray[Any]],
) -> list[bytes]:
    """Write n rows as GeoJSON features, with the columns of the kind and no other.

    Parameters
    ----------
    kind
        Says which columns there are, and of which type.
    uids
        (n,) keys: the ids of the features.
    shapes
        (n,) geometries as they are to be written.
    columns
        (n,) values of each column of the kind, at least.

    Returns
    -------
    list
        n features, UTF-8.
    """
    drawn = ["null" if text is None else text for text in shapely.to_geojson(shapes).tolist()]
    cells = [json_values(column, columns[column.name]) for column in kind.columns]
    names = ",".join(f"{json.dumps(column.name)}:%s" for column in kind.columns)
    form = f'{{"type":"Feature","id":%s,"geometry":%s,"properties":{{{names}}}}}'
    rows = zip(_texts(uids), drawn, *cells, strict=True)
    return [(form % row).encode("utf-8", "replace") for row in rows]


def with_revs(parts: Sequence[bytes], revs: NDArray[np.int64]) -> list[bytes]:
    """Return n features with their ``rev`` beside the id, which an edit has to know.

    Parameters
    ----------
    parts
        n features, as `features` writes them.
    revs
        (n,) how often each row was written.
    """
    after = len(_BEGINNING)
    return [
        b'%b,"rev":%d%b' % (_BEGINNING, rev, part[after:])
        for part, rev in zip(parts, revs.tolist(), strict=True)
    ]


def json_values(column: Column, values: NDArray[Any]) -> list[str]:
    """Write the values of one column as JSON; what is unknown is null."""
    if column.type in ("number", "integer"):
        return _numbers(values, whole=column.type == "integer")
    if column.type == "boolean":
        return ["null" if v is None else "true" if v else "false" for v in values.tolist()]
    return _texts(values)


def _numbers(values: NDArray[np.float64], *, whole: bool) -> list[str]:
    known = np.isfinite(values)
    finite = np.where(known, values, 0.0)
    if whole and (np.trunc(finite) == finite).all():
        # In Python, as a number may be larger than what 64 bits hold.
        texts = [str(int(v)) for v in finite.tolist()]
    else:
        texts = [repr(v) for v in finite.tolist()]
    for place in np.flatnonzero(~known).tolist():
        texts[place] = "null"
    return texts


def _texts(values: NDArray[Any]) -> list[str]:
    return ["null" if v is None else encode_basestring(v) for v in values.tolist()]


def collection(parts: Sequence[bytes], members: Mapping[str, Any]) -> bytes:
    """Join features to a collection with further members.

    ``parts`` may each hold several features with commas between.
    """
    return opening(members) + BETWEEN.join(parts) + CLOSING


def opening(members: Mapping[str, Any]) -> bytes:
    """Return what stands before the features of a collection."""
    text = json.dumps(dict(members), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    head = text.encode("utf-8", "replace")
    inside = b"," + head[1:-1] if members else b""
    return b'{"type":"FeatureCollection"' + inside + b',"features":['
