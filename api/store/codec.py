"""Geometries as GeoPackage blobs, and the SQL functions that read them.

A blob is a header (magic, flags, SRS id, envelope) and then plain WKB (GeoPackage 1.3, clause
2.1.3). The envelope is written for every geometry that is not empty, so that the triggers which
keep the R-tree need not parse WKB. No loadable extension of SQLite is used: many builds of Python
cannot load one.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Sequence
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.errors import LayerError

_HEADER: Final = struct.Struct("<2sBBi4d")
_EMPTY_HEADER: Final = struct.Struct("<2sBBi")
_LITTLE_ENDIAN: Final = 0x01
_XY_ENVELOPE: Final = 0x02
_EMPTY: Final = 0x10
_ENVELOPE_BYTES: Final = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_FIXED_BYTES: Final = 8
_WKB_TYPES: Final = {
    1: "POINT",
    2: "LINESTRING",
    3: "POLYGON",
    4: "MULTIPOINT",
    5: "MULTILINESTRING",
    6: "MULTIPOLYGON",
}


def encode(
    shapes: NDArray[np.object_], *, srs_id: int, heights: bool = False
) -> list[bytes | None]:
    """Turn geometries into blobs, all at once.

    Parameters
    ----------
    shapes
        (n,) geometries; None stays None.
    srs_id
        The row of ``gpkg_spatial_ref_sys``.
    heights
        Keep the third coordinate of those that have one; else it is left out.

    Returns
    -------
    list
        n blobs.
    """
    # The flavour of the standard: its numbers of types with z are not those of EWKB.
    dimension: Literal[2, 3] = 3 if heights else 2
    wkb = shapely.to_wkb(shapes, byte_order=1, output_dimension=dimension, flavor="iso")
    bounds = shapely.bounds(shapes).tolist()
    blobs: list[bytes | None] = []
    for body, (min_x, min_y, max_x, max_y) in zip(wkb, bounds, strict=True):
        if body is None:
            blobs.append(None)
        elif min_x != min_x:  # NaN: empty
            flags = _EMPTY | _LITTLE_ENDIAN
            blobs.append(_EMPTY_HEADER.pack(b"GP", 0, flags, srs_id) + body)
        else:
            flags = _XY_ENVELOPE | _LITTLE_ENDIAN
            head = _HEADER.pack(b"GP", 0, flags, srs_id, min_x, max_x, min_y, max_y)
            blobs.append(head + body)
    return blobs


def decode(
    blobs: Sequence[bytes | None],
    *,
    table: str,
    fids: Sequence[int],
    heights: bool = False,
    wkb: Callable[[bytes], bytes] | None = None,
) -> NDArray[np.object_]:
    """Turn blobs into geometries.

    Parameters
    ----------
    blobs
        n blobs, written by us or by another program.
    table, fids
        What to name in an error; n row keys.
    heights
        Keep the third coordinate where there is one, at every vertex; else it is left out.
    wkb
        Gives the WKB of a blob; that of a GeoPackage blob unless given.

    Returns
    -------
    ndarray
        (n,) geometries; None where the blob is None.

    Raises
    ------
    LayerError
        A blob is no GeoPackage geometry.
    """
    wkb = wkb or wkb_of
    try:
        shapes = shapely.from_wkb([None if b is None else wkb(b) for b in blobs])
    except (shapely.GEOSException, ValueError, TypeError):
        raise LayerError(_unreadable(blobs, table, fids, wkb)) from None
    flat = np.asarray(shapely.force_2d(shapes), dtype=object)
    if not heights:
        return flat
    # A vertex without a height, drawn in another program, would be lost in every change of system.
    high = np.flatnonzero(shapely.has_z(shapes))
    xyz, owner = shapely.get_coordinates(shapes[high], include_z=True, return_index=True)
    whole = np.ones(len(high), dtype=bool)
    whole[owner[~np.isfinite(xyz[:, 2])]] = False
    flat[high[whole]] = shapely.force_3d(shapes[high[whole]])
    return flat


def _unreadable(
    blobs: Sequence[bytes | None],
    table: str,
    fids: Sequence[int],
    wkb: Callable[[bytes], bytes],
) -> str:
    for blob, fid in zip(blobs, fids, strict=True):
        try:
            if blob is not None:
                shapely.from_wkb(wkb(blob))
        except (shapely.GEOSException, ValueError, TypeError) as error:
            why = " ".join(str(error).split())
            return (
                f"Table '{table}', fid {fid}, column geom: no geometry can be read ({why}); "
                "delete the row or draw it again"
            )
    return f"Table '{table}', column geom: the geometries cannot be read; import the layer again"


def wkb_of(blob: bytes) -> bytes:
    """Return the WKB after the header.

    Raises
    ------
    ValueError
        The blob does not begin with a header.
    """
    if not isinstance(blob, bytes) or len(blob) <= _FIXED_BYTES or blob[:2] != b"GP":
        raise ValueError("not a GeoPackage geometry")
    size = _ENVELOPE_BYTES.get((blob[3] >> 1) & 7)
    if size is None:
        raise ValueError("unknown envelope")
    return blob[_FIXED_BYTES + size :]


def envelope_of(blob: bytes) -> tuple[float, float, float, float] | None:
    """Return (min_x, max_x, min_y, max_y) from the header, or None if the geometry is empty."""
    flags = blob[3]
    if flags & _EMPTY:
        return None
    if (flags >> 1) & 7:
        order = "<" if flags & _LITTLE_ENDIAN else ">"
        min_x, max_x, min_y, max_y = struct.unpack_from(f"{order}4d", blob, _FIXED_BYTES)
        return min_x, max_x, min_y, max_y
    # Other programs leave the envelope out of points.
    shape = shapely.from_wkb(wkb_of(blob))
    if shape.is_empty:
        return None
    left, bottom, right, top = shape.bounds
    return left, right, bottom, top


def type_of(blob: bytes) -> str:
    """Return the name of the geometry type as GeoPackage spells it; coordinates are not read."""
    wkb = wkb_of(blob)
    code = int.from_bytes(wkb[1:5], "little" if wkb[0] else "big")
    # ISO adds 1000, 2000 or 3000 for z, m or both.
    return _WKB_TYPES.get(code % 1000, "GEOMETRY")


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the R-tree triggers call, and ``ST_GeometryType``.

    Without them every insert and update fails, even of a column that is no geometry.
    """

    def is_empty(blob: bytes | None) -> int | None:
        return None if blob is None else int(envelope_of(blob) is None)

    def geometry_type(blob: bytes | None) -> str | None:
        return None if blob is None else type_of(blob)

    def side(place: int) -> Callable[[bytes | None], float | None]:
        def read(blob: bytes | None) -> float | None:
            envelope = None if blob is None else envelope_of(blob)
            return None if envelope is None else envelope[place]

        return read

    connection.create_function("ST_IsEmpty", 1, is_empty, deterministic=True)
    connection.create_function("ST_GeometryType", 1, geometry_type, deterministic=True)
    for place, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
        connection.create_function(name, 1, side(place), deterministic=True)
