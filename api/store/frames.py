"""Frames to rows of the database and back, without loss.

A missing value is NULL. The user's own columns travel as one JSON object per row; their names and
types (text, number, boolean) stand in the table ``extra_columns``, so that a column comes back in
its place and with its type even where all of it is empty.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from gis.errors import LayerError
from gis.model import Column, Kind, Layer
from gis.model.layer import PANDAS_TYPES

_LARGEST_EXACT_INTEGER: Final = 2.0**53
_INFERRED: Final = {
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
}
_EXTRA_PANDAS_TYPES: Final = {"text": "str", "number": "float64", "boolean": "boolean"}


def extra_types(layer: Layer) -> dict[str, str]:
    """Return the user's own columns of a layer, in their order: text, number or boolean each."""
    known = {*layer.kind.column_names, layer.frame.geometry.name}
    return {str(name): _extra_type(layer.frame[name]) for name in layer.frame if name not in known}


def _extra_type(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    if values.dtype == object and values.notna().any():
        return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "text")
    return "text"


def rows_of(
    layer: Layer,
    blobs: Sequence[bytes | None],
    *,
    first_fid: int,
    rev: int,
    extras: Mapping[str, str],
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a layer: fid, the columns of its kind, extra, rev, geom (of ``blobs``)."""
    frame = layer.frame
    columns: list[Sequence[Any]] = [range(first_fid, first_fid + len(frame))]
    columns += [_values(frame[column.name], column.type) for column in layer.kind.columns]
    columns += [_extra_texts(frame, extras), [rev] * len(frame), blobs]
    return zip(*columns, strict=True)


def _values(values: pd.Series[Any], kind: str) -> list[Any]:
    if kind in ("integer", "number"):
        numbers = values.to_numpy(dtype=float, na_value=math.nan).tolist()
        return (
            [_integer(v) for v in numbers] if kind == "integer" else [_number(v) for v in numbers]
        )
    known = values.notna().tolist()
    word = int if kind == "boolean" else str
    return [word(v) if k else None for v, k in zip(values.tolist(), known, strict=True)]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _integer(value: float) -> float | None:
    if math.isnan(value):
        return None
    # A fraction, or what is too large to be exact, stays as it is: SQLite keeps both.
    return int(value) if value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER else value


def _extra_texts(frame: gpd.GeoDataFrame, extras: Mapping[str, str]) -> list[str | None]:
    names = [name for name in frame if str(name) in extras]
    if not names:
        return [None] * len(frame)
    columns = [_extra_values(frame[name], extras[str(name)]) for name in names]
    keys = [str(name) for name in names]
    return [
        json.dumps(
            {key: value for key, value in zip(keys, row, strict=True) if value is not None},
            ensure_ascii=False,
        )
        for row in zip(*columns, strict=True)
    ]


def _extra_values(values: pd.Series[Any], kind: str) -> list[Any]:
    if kind == "boolean":
        return [None if v is None else bool(v) for v in _values(values, kind)]
    if kind == "number":
        # JSON has no infinity; as text it comes back through float().
        return [str(v) if v is not None and math.isinf(v) else v for v in _values(values, kind)]
    known = values.notna().tolist()
    return [_as_text(v) if k else None for v, k in zip(values.tolist(), known, strict=True)]


def frame_of(
    kind: Kind,
    fids: Sequence[int],
    columns: Sequence[Sequence[Any]],
    shapes: NDArray[np.object_],
    *,
    crs: CRS,
    extras: Mapping[str, str],
) -> gpd.GeoDataFrame:
    """Make the frame of a kind from what the database has in its columns, ``extra`` being the last.

    Raises
    ------
    LayerError
        A value is not what its column holds; the table, fid and column are named.
    """
    *values, texts = columns
    data: dict[str, pd.Series[Any]] = {
        column.name: _series(kind, column, cells, fids)
        for column, cells in zip(kind.columns, values, strict=True)
    }
    data |= _extra_series(kind, texts, fids, extras)
    geometry = gpd.GeoSeries(shapes, crs=crs)
    return gpd.GeoDataFrame({**data, "geometry": geometry}, geometry="geometry", crs=crs)


def _series(
    kind: Kind, column: Column, cells: Sequence[Any], fids: Sequence[int]
) -> pd.Series[Any]:
    wanted = PANDAS_TYPES[column.type]
    # By types, and by the few values of a boolean; the cells are gone through only for a fault.
    kinds: set[type] = {str} if wanted == "str" else {int, float}
    if wanted == "boolean":
        kinds.add(bool)  # as a server gives it
    good = set(map(type, cells)) <= {*kinds, type(None)}
    if not good or (wanted == "boolean" and not set(cells) <= {0, 1, None}):
        raise _misfit(kind, column, kinds, zip(fids, cells, strict=True))
    if wanted == "boolean":
        return pd.Series([None if c is None else bool(c) for c in cells], dtype="boolean")
    return pd.Series(cells, dtype=wanted)


def _misfit(
    kind: Kind, column: Column, kinds: set[type], cells: Iterable[tuple[int, Any]]
) -> LayerError:
    fid, cell = next(
        (fid, cell)
        for fid, cell in cells
        if cell is not None
        and (type(cell) not in kinds or (column.type == "boolean" and cell not in (0, 1)))
    )
    return LayerError(
        f"Table '{kind.name}', fid {fid}, column {column.name}: {cell!r:.40} is no "
        f"{column.type}; correct it there, or import the layer again with --replace"
    )


def _extra_series(
    kind: Kind,
    texts: Sequence[str | None],
    fids: Sequence[int],
    extras: Mapping[str, str],
) -> dict[str, pd.Series[Any]]:
    if not extras:
        return {}
    rows = [_parsed(kind, text, fid) for text, fid in zip(texts, fids, strict=True)]
    series = {}
    for name, wanted in extras.items():
        cells = [row.get(name) for row in rows]
        for place, (cell, fid) in enumerate(zip(cells, fids, strict=True)):
            cells[place] = _extra_cell(kind, name, wanted, cell, fid)
        series[name] = pd.Series(cells, dtype=_EXTRA_PANDAS_TYPES[wanted])
    return series


def _parsed(kind: Kind, text: str | None, fid: int) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, TypeError):
        found = None
    if isinstance(found, dict):
        return found
    raise LayerError(
        f"Table '{kind.name}', fid {fid}, column extra: it is not one JSON object; "
        "correct it there, or import the layer again with --replace"
    )


def _extra_cell(kind: Kind, name: str, wanted: str, cell: Any, fid: int) -> Any:
    if cell is None or (wanted == "boolean" and isinstance(cell, bool)):
        return cell
    if wanted == "text":
        return _as_text(cell)
    try:
        if wanted == "number":
            return float(cell)
    except (ValueError, TypeError):
        pass
    raise LayerError(
        f"Table '{kind.name}', fid {fid}, column extra: {name} {cell!r:.40} is no {wanted}; "
        "correct it there, or import the layer again with --replace"
    )


def _as_text(cell: Any) -> str:
    """Give a value of a column that was a number in an earlier import as a person writes it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
