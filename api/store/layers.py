"""Layers in the database: made, filled, read and taken out, inside a transaction of the caller.

Rows go in at the level of the driver, by whole columns; while many are loaded, the triggers are put
aside and the R-tree is filled from the bounds of the geometries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy import Connection, insert
from sqlalchemy.schema import CreateColumn

from api.store.frames import WITH_HEIGHTS, extra_types, frame_of, rows_of
from api.store.geopackage import (
    allow_heights,
    create_layer,
    create_rtree,
    create_triggers,
    drop_layer,
    drop_rtree,
    drop_triggers,
    rtree_of,
    set_geometry_type,
)
from api.store.schema import EXTRA_COLUMNS, GEOMETRY_COLUMN, LAYERS
from gis.errors import LayerError
from gis.model import KINDS, Kind, Layer

Tick = Callable[[int], None]
"""Is told how many more rows have been written."""

_ROWS_AT_ONCE: Final = 10_000
_UIDS_AT_ONCE: Final = 500
_TYPE_WORDS: Final = {
    "POINT": "point",
    "MULTIPOINT": "point",
    "LINESTRING": "line",
    "MULTILINESTRING": "line",
    "POLYGON": "polygon",
    "MULTIPOLYGON": "polygon",
}
_OWN_TYPE: Final = {"point": "POINT", "line": "LINESTRING", "polygon": "POLYGON"}


def kinds_in(connection: Connection) -> tuple[str, ...]:
    """Return the kinds that have a layer, in the order of `KINDS`."""
    rows = connection.exec_driver_sql(
        "SELECT table_name FROM gpkg_geometry_columns JOIN sqlite_master ON name = table_name"
    )
    there = {name for (name,) in rows}
    return tuple(kind for kind in KINDS if kind in there)


def create(connection: Connection, kind: Kind, *, srs_id: int, now: str) -> None:
    """Create the empty layer of a kind."""
    create_layer(connection, LAYERS[kind.name], kind, srs_id=srs_id, now=now)
    create_triggers(connection, kind.name)


def remove(connection: Connection, kind: str) -> None:
    """Take the layer of a kind out, with all that was said of it."""
    drop_layer(connection, LAYERS[kind])
    _forget_extras(connection, kind)


def empty(connection: Connection, kind: str) -> None:
    """Delete the rows of a layer."""
    # Row by row, as the triggers would do it, an R-tree is slow to empty.
    drop_triggers(connection, kind)
    connection.exec_driver_sql(f'DELETE FROM "{kind}"')
    drop_rtree(connection, kind)
    create_rtree(connection, kind)
    create_triggers(connection, kind)
    _forget_extras(connection, kind)
    connection.exec_driver_sql(
        "UPDATE gpkg_contents SET min_x = NULL, min_y = NULL, max_x = NULL, max_y = NULL"
        " WHERE table_name = ?",
        (kind,),
    )


def _forget_extras(connection: Connection, kind: str) -> None:
    connection.execute(EXTRA_COLUMNS.delete().where(EXTRA_COLUMNS.c.kind == kind))


def append(connection: Connection, layer: Layer, *, srs_id: int, now: str, tick: Tick) -> None:
    """Add the rows of a layer to those that are there.

    Raises
    ------
    LayerError
        A uid is there already, or a text cannot be written as UTF-8.
    """
    name = layer.kind.name
    last = connection.exec_driver_sql(f'SELECT max(fid) FROM "{name}"').scalar()
    first_fid = (last or 0) + 1
    if last is not None:
        _require_new_uids(connection, layer)
    _add_missing_columns(connection, name)
    extras = _settle_extras(connection, layer)
    drop_triggers(connection, name)
    _settle_type(connection, layer)
    if name in WITH_HEIGHTS and shapely.has_z(layer.geometries).any():
        allow_heights(connection, name)
    statement = str(insert(LAYERS[name]).compile(dialect=connection.dialect))
    rows = rows_of(layer, first_fid=first_fid, srs_id=srs_id, extras=extras)
    try:
        _insert(connection, statement, rows, tick=tick)
    except UnicodeEncodeError as error:
        raise LayerError(
            f"The layer '{name}' holds text that is broken ({error.reason}: {error.object!r:.40}); "
            "import it with the right --encoding"
        ) from None
    bounds = shapely.bounds(layer.geometries)
    _fill_rtree(connection, name, bounds, first_fid=first_fid)
    create_triggers(connection, name)
    _widen_extent(connection, name, bounds, now=now)


def _insert(
    connection: Connection,
    statement: str,
    rows: Iterable[tuple[Any, ...]],
    *,
    tick: Tick | None = None,
) -> None:
    for batch in _batches(rows, _ROWS_AT_ONCE):
        connection.exec_driver_sql(statement, batch)
        if tick is not None:
            tick(len(batch))


def _batches(rows: Iterable[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch


def _require_new_uids(connection: Connection, layer: Layer) -> None:
    name = layer.kind.name
    for start in range(0, len(layer), _UIDS_AT_ONCE):
        asked = layer.uids[start : start + _UIDS_AT_ONCE].tolist()
        marks = ", ".join("?" * len(asked))
        found = connection.exec_driver_sql(
            f'SELECT uid FROM "{name}" WHERE uid IN ({marks})', tuple(asked)
        ).scalars()
        taken = set(found)
        for row, uid in enumerate(asked, start):
            if uid in taken:
                raise LayerError(
                    f"Row {row} of the {name}: the uid '{uid}' is in the project already; "
                    "give it another one, or replace the layer with --replace"
                )


def _add_missing_columns(connection: Connection, name: str) -> None:
    """Add what a newer Lianpian has in a kind, or what somebody took away in QGIS."""
    there = columns_in(connection, name)
    for column in LAYERS[name].columns:
        if column.name not in there and column.nullable:
            spelled = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f'ALTER TABLE "{name}" ADD COLUMN {spelled}')


def columns_in(connection: Connection, name: str) -> set[str]:
    """Return the names of the columns that a table really has."""
    return {str(row[1]) for row in connection.exec_driver_sql(f'PRAGMA table_info("{name}")')}


def extras_of(connection: Connection, kind: str) -> dict[str, str]:
    """Return the user's own columns of a layer, in their order, with their types."""
    columns = EXTRA_COLUMNS.c
    rows = connection.execute(
        EXTRA_COLUMNS.select().where(columns.kind == kind).order_by(columns.id)
    )
    return {row.name: row.type for row in rows}


def _settle_extras(connection: Connection, layer: Layer) -> dict[str, str]:
    """Add the layer's own columns to those known; a column of two types becomes text."""
    kind, columns = layer.kind.name, EXTRA_COLUMNS.c
    known = extras_of(connection, kind)
    for name, wanted in extra_types(layer).items():
        if name not in known:
            connection.execute(insert(EXTRA_COLUMNS).values(kind=kind, name=name, type=wanted))
        elif known[name] != wanted:
            wanted = "text"
            connection.execute(
                EXTRA_COLUMNS.update()
                .where(columns.kind == kind, columns.name == name)
                .values(type=wanted)
            )
        known[name] = wanted
    return known


def _fill_rtree(
    connection: Connection, name: str, bounds: NDArray[np.float64], *, first_fid: int
) -> None:
    fids = np.arange(first_fid, first_fid + len(bounds))
    full = ~np.isnan(bounds[:, 0])
    boxes = bounds[full][:, [0, 2, 1, 3]].tolist()
    rows = ((fid, *box) for fid, box in zip(fids[full].tolist(), boxes, strict=True))
    _insert(connection, f'INSERT INTO "{rtree_of(name)}" VALUES (?, ?, ?, ?, ?)', rows)


def _widen_extent(
    connection: Connection, name: str, bounds: NDArray[np.float64], *, now: str
) -> None:
    """Bring extent and time of change up to date in the register, which no trigger keeps."""
    there = np.array([math.nan if side is None else side for side in _extent(connection, name)])
    sides = np.vstack([bounds, there])
    sides = sides[~np.isnan(sides).any(axis=1)]
    extent: Sequence[float | None] = [None] * 4
    if len(sides):
        extent = [*sides[:, :2].min(axis=0).tolist(), *sides[:, 2:].max(axis=0).tolist()]
    connection.exec_driver_sql(
        "UPDATE gpkg_contents SET last_change = ?, min_x = ?, min_y = ?, max_x = ?, max_y = ?"
        " WHERE table_name = ?",
        (now, *extent, name),
    )


def _extent(connection: Connection, name: str) -> tuple[float | None, ...]:
    row = connection.exec_driver_sql(
        "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?", (name,)
    ).one()
    return tuple(row)


def _settle_type(connection: Connection, layer: Layer) -> None:
    """Declare the narrowest geometry type that the rows there and those to come allow."""
    name = layer.kind.name
    declared = connection.exec_driver_sql(
        "SELECT geometry_type_name FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
    ).scalar_one()
    types = _types_of(layer.geometries)
    if _has_geometry(connection, name):
        types.add(declared)
    wanted = _narrowest(layer.kind, types)
    if wanted != declared:
        set_geometry_type(connection, name, wanted)


def _has_geometry(connection: Connection, name: str) -> bool:
    found = connection.exec_driver_sql(
        f'SELECT 1 FROM "{name}" WHERE "{GEOMETRY_COLUMN}" NOTNULL LIMIT 1'
    )
    return found.first() is not None


def _types_of(shapes: NDArray[np.object_]) -> set[str]:
    some = shapes[~shapely.is_missing(shapes)]
    _, first = np.unique(shapely.get_type_id(some), return_index=True)
    return {some[place].geom_type.upper() for place in first.tolist()}


def _narrowest(kind: Kind, types: set[str]) -> str:
    """Name the type that QGIS is told: with exactly one it opens the layer without asking back."""
    if len(types) == 1:
        return types.pop()
    if not types and len(kind.geometry) == 1:
        return _OWN_TYPE[kind.geometry[0]]
    return "GEOMETRY"


def read(connection: Connection, kind: str, *, crs: CRS) -> Layer:
    """Read the layer of a kind, in the order of its fids.

    Raises
    ------
    LayerError
        A row, edited in another program, breaks what the kind promises; it is named by its fid.
    """
    wanted = KINDS[kind]
    there = columns_in(connection, kind)
    names = [*wanted.column_names, "extra", GEOMETRY_COLUMN]
    listed = ", ".join(f'"{name}"' if name in there else "NULL" for name in names)
    result = connection.exec_driver_sql(f'SELECT fid, {listed} FROM "{kind}" ORDER BY fid')
    rows = [tuple(row) for row in result]
    extras = extras_of(connection, kind)
    frame = frame_of(wanted, rows, crs=crs, extras=extras)
    try:
        return Layer(wanted, frame)
    except LayerError as error:
        raise _by_fid(wanted, frame, [row[0] for row in rows], error) from None


def _by_fid(kind: Kind, frame: Any, fids: Sequence[int], error: LayerError) -> LayerError:
    """Find the first broken row, and name it as the person who edited it sees it."""
    low, high, told = 0, len(frame), error
    while high - low > 1:
        middle = (low + high) // 2
        fault = _fault(kind, frame, low, middle)
        if fault is None:
            low = middle
        else:
            high, told = middle, fault
    if high - low == 1:
        told = _fault(kind, frame, low, high) or error
    what = str(told).partition(": ")[2].replace("row 0", f"fid {fids[low]}")
    return LayerError(
        f"Table '{kind.name}' cannot be used as it was edited: {what}; correct it there, or import "
        "the layer again with --replace"
    )


def _fault(kind: Kind, frame: Any, low: int, high: int) -> LayerError | None:
    try:
        Layer(kind, frame.iloc[low:high].reset_index(drop=True))
    except LayerError as error:
        return error
    return None


def count(connection: Connection, kind: str) -> int:
    """Return the number of rows of a layer."""
    return int(connection.exec_driver_sql(f'SELECT count(*) FROM "{kind}"').scalar_one())


def uids(connection: Connection, kind: str) -> set[str]:
    """Return the keys of the rows of a layer."""
    return set(connection.exec_driver_sql(f'SELECT uid FROM "{kind}"').scalars())


def geometry_words(connection: Connection, kind: str) -> str:
    """Return what a layer is drawn with: "polygon", "point, polygon", ...; "" for nothing."""
    rows: Mapping[str, None] = dict.fromkeys(
        _TYPE_WORDS.get(name, name.lower())
        for name in connection.exec_driver_sql(
            f'SELECT DISTINCT ST_GeometryType("{GEOMETRY_COLUMN}") FROM "{kind}"'
            f' WHERE "{GEOMETRY_COLUMN}" NOTNULL AND NOT ST_IsEmpty("{GEOMETRY_COLUMN}")'
        ).scalars()
    )
    return ", ".join(sorted(rows))
