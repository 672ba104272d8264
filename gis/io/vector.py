"""GeoPackage, GeoJSON, FlatGeobuf and Parquet."""

from __future__ import annotations

import json
import re
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import CRSError as PyogrioCrsError
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError
from shapely.errors import GEOSException

from gis.errors import CrsError, FileError, UnknownNameError
from gis.io.source import Source, Wish
from gis.model import Finding

_SQLITE_HEAD: Final = 100
_HEAD_BYTES: Final = 4096
_GEOJSON_CRS: Final = re.compile(r'"crs"\s*:\s*\{[^{}]*\{\s*"name"\s*:\s*"([^"]+)"')
_UNCLOSED_WARNING: Final = "Non closed ring"
_DAMAGE: Final = (RuntimeError, ValueError, OSError)
"""What pyogrio raises for a file it cannot read: all its own errors are RuntimeErrors, and a text
that does not decode is a ValueError."""


@dataclass(frozen=True, eq=False)
class RawVector:
    """What GDAL found in a layer."""

    columns: dict[str, NDArray[Any]]
    wkb: NDArray[np.object_]
    fids: NDArray[np.int64]
    crs: CRS | None
    warnings: tuple[str, ...]


def read_vector(path: Path, wish: Wish) -> Source:
    """Read a layer of a GeoPackage, GeoJSON or FlatGeobuf file.

    Raises
    ------
    FileError
        The file is cut or damaged, or has several layers and none was named.
    UnknownNameError
        It has no layer of that name.
    """
    if path.suffix.casefold() == ".gpkg":
        _check_sqlite(path)
    layer = _choose_layer(path, wish.layer)
    raw = read_raw(path, layer=layer)
    geometry, closed = from_wkb(raw.wkb)
    return Source(
        file=path.name,
        columns=raw.columns,
        rows=np.arange(1, len(geometry) + 1),
        geometry=geometry,
        closed=closed,
        crs=None if _declares_nonsense(path) else raw.crs,
        findings=warning_findings(raw.warnings),
    )


def _declares_nonsense(path: Path) -> bool:
    """Say whether a GeoJSON names a system that does not exist; GDAL reads it as WGS 84 then."""
    if path.suffix.casefold() not in (".geojson", ".json"):
        return False
    with path.open("rb") as handle:
        head = handle.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    named = _GEOJSON_CRS.search(head)
    if named is None:
        return False
    try:
        CRS.from_user_input(named.group(1))
    except ProjError:
        return True
    return False


def read_parquet(path: Path) -> Source:
    """Read a GeoParquet file, or a plain Parquet table.

    Raises
    ------
    FileError
        The file is cut or damaged.
    CrsError
        Its coordinate system cannot be understood.
    """
    try:
        table = pq.read_table(path)
        geo = json.loads((table.schema.metadata or {}).get(b"geo", b"{}"))
        spatial = geo.get("columns", {})
        others = [name for name in table.column_names if name not in spatial]
        frame = table.select(others).to_pandas()
        columns = {str(name): _plain(frame[name]) for name in others if name in frame}
        rows = np.arange(1, table.num_rows + 1)
        if not spatial:
            return Source(path.name, columns, rows)
        main = geo["primary_column"]
        shapes, closed = _parquet_shapes(path, table[main], spatial[main])
    except (
        pa.ArrowException,
        GEOSException,
        KeyError,
        TypeError,
        AttributeError,
        *_DAMAGE,
    ) as error:
        raise FileError(_cut(path, error)) from error
    # Without the key it is longitude and latitude (GeoParquet 1.1); null says that nobody knows.
    crs = _crs(spatial[main].get("crs", "OGC:CRS84"), path.name)
    return Source(path.name, columns, rows, geometry=shapes, closed=closed, crs=crs)


def _parquet_shapes(
    path: Path, column: pa.ChunkedArray, about: dict[str, Any]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    if about["encoding"] == "WKB":
        return from_wkb(np.array(column.to_pylist(), dtype=object))
    import geopandas as gpd

    shapes = np.asarray(gpd.read_parquet(path).geometry.to_numpy(), dtype=object)
    return shapes, np.zeros(len(shapes), dtype=bool)


def read_raw(path: Path, *, layer: str | None = None, geometry_only: bool = False) -> RawVector:
    """Read a layer through GDAL without turning anything into shapely or pandas.

    Raises
    ------
    FileError
        GDAL cannot read it.
    """
    options: dict[str, Any] = {"layer": layer, "return_fids": True, "datetime_as_string": True}
    if geometry_only:
        # Any byte is Latin-1: column names nobody asked for cannot make the reading fail.
        options |= {"columns": [], "encoding": "ISO-8859-1"}
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        try:
            meta, fids, wkb, values = pyogrio.raw.read(path, **options)
        except (PyogrioCrsError, NameError) as error:  # pyogrio 0.13 trips over a name of its own
            raise CrsError(
                f"{path.name}: its coordinate system cannot be understood; delete its .prj file, "
                "or export it once more, and give the system with --crs EPSG:n"
            ) from error
        except _DAMAGE as error:
            raise FileError(_cut(path, error)) from error
    names = [str(name) for name in meta["fields"]]
    columns = {name: _unlist(array) for name, array in zip(names, values, strict=True)}
    if wkb is None:
        wkb = np.full(len(fids), None, dtype=object)
    words = tuple(dict.fromkeys(" ".join(str(item.message).split()) for item in noted))
    return RawVector(columns, wkb, np.asarray(fids), _crs(meta["crs"], path.name), words)


def from_wkb(wkb: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Make geometries, closing the rings that are not closed.

    Returns
    -------
    geometry
        (n,) shapely geometries, None where there is none or nothing can be made of it.
    closed
        (n,) True where rings had to be closed.
    """
    with np.errstate(invalid="ignore"):  # an infinite coordinate is told by its row, not by GEOS
        geometry = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    there = np.array([item is not None for item in wkb], dtype=bool)
    broken = there & shapely.is_missing(geometry)
    if broken.any():
        geometry[broken] = shapely.from_wkb(wkb[broken], on_invalid="fix")
    return geometry, broken & ~shapely.is_missing(geometry)


def warning_findings(words: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return what GDAL had to say, but for what is reported row by row."""
    return tuple(
        Finding("file-warning", f"While reading the file: {word[:200]}", "info")
        for word in words[:5]
        if _UNCLOSED_WARNING not in word
    )


def choose(names: list[str], wanted: str | None, file: str, what: str) -> str:
    """Return the one name that is meant.

    Raises
    ------
    FileError
        There are several and none was asked for.
    UnknownNameError
        There is none of the name asked for.
    """
    if wanted is not None:
        if wanted in names:
            return wanted
        raise UnknownNameError(
            f"{file} has no {what} '{wanted}'; give one with --layer: {', '.join(names)}"
        )
    if len(names) > 1:
        raise FileError(
            f"{file} has {len(names)} {what}s ({', '.join(names)}); say which with --layer"
        )
    return names[0]


def _choose_layer(path: Path, wanted: str | None) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pyogrio.list_layers(path)
    except _DAMAGE as error:
        raise FileError(_cut(path, error)) from error
    spatial = [str(name) for name, geometry in found if geometry is not None]
    names = [str(name) for name, _ in found] if wanted is not None or not spatial else spatial
    if not names:
        raise FileError(f"{path.name} has no layers; export it once more")
    return choose(names, wanted, path.name, "layer")


def _check_sqlite(path: Path) -> None:
    """Refuse a GeoPackage that is shorter than its header says; GDAL may read the rest of it."""
    with path.open("rb") as handle:
        head = handle.read(_SQLITE_HEAD)
    if len(head) < _SQLITE_HEAD or not head.startswith(b"SQLite format 3\0"):
        raise FileError(f"{path.name} is no GeoPackage; export it once more")
    page = struct.unpack_from(">H", head, 16)[0]
    page = 65536 if page == 1 else page
    change, pages = struct.unpack_from(">II", head, 24)
    valid_for = struct.unpack_from(">I", head, 92)[0]
    size = path.stat().st_size
    if change == valid_for and size < pages * page:
        raise FileError(
            f"{path.name} is cut: {size} of {pages * page} bytes are there; copy it once more"
        )


def _crs(text: str | dict[str, Any] | None, file: str) -> CRS | None:
    if not text:
        return None
    try:
        return CRS.from_user_input(text)
    except ProjError as error:
        raise CrsError(
            f"{file}: its coordinate system cannot be understood; give it with --crs EPSG:n"
        ) from error


def _unlist(values: NDArray[Any]) -> NDArray[Any]:
    """Turn lists in cells into text, and leave everything else as it is."""
    if values.dtype != object:
        return values
    for i, value in enumerate(values):
        if isinstance(value, np.ndarray | list):
            values[i] = ";".join(map(str, value))
        elif isinstance(value, bytes):
            values[i] = None
    return values


def _plain(series: pd.Series[Any]) -> NDArray[Any]:
    if pd.api.types.is_bool_dtype(series) and not series.isna().any():
        return series.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        return series.to_numpy(dtype=float, na_value=np.nan)
    values = series.astype(object).to_numpy(copy=True)
    values[series.isna().to_numpy()] = None
    return _unlist(values)


def _cut(path: Path, error: BaseException) -> str:
    words = " ".join(str(error).replace(str(path), path.name).split())[:160].rstrip(". ;")
    return f"{path.name} is cut, damaged or no such file ({words}); copy or export it once more"
