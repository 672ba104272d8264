"""Layers in the database: made, filled, read and taken out, inside a transaction of the caller.

Rows go in at the level of the driver, by whole columns. Each layer has a version, counted up with
every change: by triggers, so that it holds for other programs too, and here for many rows at once.
It outlives the layer, and a row that is imported begins with it as its ``rev``: what stands in
place of another row never has a ``rev`` that the other one had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy import ColumnElement, Connection, func, insert, null, select, type_coerce, update
from sqlalchemy.types import NullType

from api.store.backend import backend_of
from api.store.differences import Tick
from api.store.frames import extra_types, frame_of, rows_of
from api.store.schema import EXTRA_COLUMNS, GEOMETRY_COLUMN, LAYER_VERSIONS, LAYERS, WITH_HEIGHTS
from gis.errors import LayerError
from gis.model import KINDS, Kind, Layer

_UIDS_AT_ONCE: Final = 500
_AS_IT_IS: Final = NullType()
_TYPE_WORDS: Final = {
    "POINT": "point",
    "MULTIPOINT": "point",
    "LINESTRING": "line",
    "MULTILINESTRING": "line",
    "POLYGON": "polygon",
    "MULTIPOLYGON": "polygon",
}


@dataclass(frozen=True, eq=False)
class RowsRead:
    """Rows as they stand in the database, by fid; ``frame`` is not yet checked as a layer is."""

    fids: list[int]
    revs: list[int]
    frame: gpd.GeoDataFrame


def kinds_in(connection: Connection) -> tuple[str, ...]:
    """Return the kinds that have a layer, in the order of `KINDS`."""
    there = backend_of(connection).kinds()
    return tuple(kind for kind in KINDS if kind in there)


def create(connection: Connection, kind: Kind, *, srs_id: int, now: str) -> None:
    """Create the empty layer of a kind."""
    backend_of(connection).create_layer(kind, srs_id=srs_id, now=now)
    count_up(connection, kind.name, now=now)


def remove(connection: Connection, kind: str, *, now: str) -> None:
    """Take the layer of a kind out, with all that was said of it; its version stays."""
    backend_of(connection).drop_layer(kind)
    _forget_extras(connection, kind)
    count_up(connection, kind, now=now)


def empty(connection: Connection, kind: str) -> None:
    """Delete the rows of a layer."""
    backend_of(connection).empty_layer(kind)
    _forget_extras(connection, kind)


def _forget_extras(connection: Connection, kind: str) -> None:
    connection.execute(EXTRA_COLUMNS.delete().where(EXTRA_COLUMNS.c.kind == kind))


def version(connection: Connection, kind: str) -> int:
    """Return how often a layer was changed; 0 where there never was one."""
    columns = LAYER_VERSIONS.c
    found = connection.execute(select(columns.version).where(columns.kind == kind)).scalar()
    return int(found or 0)


def versions(connection: Connection) -> dict[str, int]:
    """Return how often each layer was changed, also those that are gone."""
    columns = LAYER_VERSIONS.c
    rows = connection.execute(select(columns.kind, columns.version).order_by(columns.id))
    return {row.kind: row.version for row in rows if row.kind in KINDS}


def count_up(connection: Connection, kind: str, *, now: str) -> int:
    """Note a change of a layer by ourselves at a time; return its version."""
    columns = LAYER_VERSIONS.c
    more = columns.version + 1
    counted = update(LAYER_VERSIONS).where(columns.kind == kind)
    done = connection.execute(counted.values(version=more, changed=now, accounted=more))
    if done.rowcount == 0:
        row = {"kind": kind, "version": 1, "changed": now, "accounted": 1}
        connection.execute(insert(LAYER_VERSIONS).values(row))
    return version(connection, kind)


def last_change(connection: Connection, kind: str) -> str | None:
    """Return when a layer was last changed; None where there never was one."""
    columns = LAYER_VERSIONS.c
    return connection.execute(select(columns.changed).where(columns.kind == kind)).scalar()


def append(connection: Connection, layer: Layer, *, srs_id: int, now: str, tick: Tick) -> None:
    """Add the rows of a layer to those that are there.

    Raises
    ------
    LayerError
        A uid is there already, or a text is one that the database cannot keep.
    """
    name, backend = layer.kind.name, backend_of(connection)
    last = connection.execute(select(func.max(LAYERS[name].c.fid))).scalar()
    first_fid = (last or 0) + 1
    if last is not None:
        _require_new_uids(connection, layer)
    prepare_edit(connection, name, layer.geometries)
    extras = _settle_extras(connection, layer)
    rev = count_up(connection, name, now=now)
    shapes = layer.geometries
    blobs = backend.encode(shapes, srs_id=srs_id, heights=name in WITH_HEIGHTS)
    rows = rows_of(layer, blobs, first_fid=first_fid, rev=rev, extras=extras)
    try:
        fids = range(first_fid, first_fid + len(layer))
        backend.load(name, rows, shapes, fids=fids, tick=tick)
    except UnicodeEncodeError as error:
        raise LayerError(
            f"The layer '{name}' holds text that is broken ({error.reason}: {error.object!r:.40}); "
            "import it with the right --encoding"
        ) from None
    backend.note_change(name, now=now, bounds=shapely.bounds(shapes))
    _note_time(connection, name, now=now)


def prepare_edit(connection: Connection, kind: str, shapes: NDArray[np.object_]) -> None:
    """Let a layer take rows with these geometries, and with every column of its kind."""
    backend = backend_of(connection)
    backend.add_columns(kind)
    backend.make_room(kind, shapes if kind in WITH_HEIGHTS else shapely.force_2d(shapes))


def note_edit(
    connection: Connection, kind: str, *, now: str, bounds: NDArray[np.float64] | None = None
) -> None:
    """Bring what is kept of a layer as a whole up to date after some of its rows were changed.

    ``bounds`` are (n, 4) of geometries that came, where none moved or went; None where some did.
    """
    backend_of(connection).note_change(kind, now=now, bounds=bounds)
    _note_time(connection, kind, now=now)


def _note_time(connection: Connection, kind: str, *, now: str) -> None:
    """Set when a layer was changed, which a trigger says by the clock of the server.

    What was counted in this transaction was done by ourselves: see `api.store.outside`.
    """
    columns = LAYER_VERSIONS.c
    changed = update(LAYER_VERSIONS).where(columns.kind == kind)
    connection.execute(changed.values(changed=now, accounted=columns.version))


def _require_new_uids(connection: Connection, layer: Layer) -> None:
    name, there = layer.kind.name, LAYERS[layer.kind.name].c.uid
    for start in range(0, len(layer), _UIDS_AT_ONCE):
        asked = layer.uids[start : start + _UIDS_AT_ONCE].tolist()
        taken = set(connection.execute(select(there).where(there.in_(asked))).scalars())
        for row, uid in enumerate(asked, start):
            if uid in taken:
                raise LayerError(
                    f"Row {row} of the {name}: the uid '{uid}' is in the project already; "
                    "give it another one, or replace the layer with --replace"
                )


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


def read(connection: Connection, kind: str, *, crs: CRS) -> Layer:
    """Read the layer of a kind, in the order of its fids.

    Raises
    ------
    LayerError
        A row, edited in another program, breaks what the kind promises; it is named by its fid.
    """
    rows = read_frame(connection, kind, crs=crs)
    wanted = KINDS[kind]
    try:
        return Layer(wanted, rows.frame)
    except LayerError as error:
        raise _by_fid(wanted, rows.frame, rows.fids, error) from None


def read_frame(
    connection: Connection, kind: str, *, crs: CRS, where: ColumnElement[bool] | None = None
) -> RowsRead:
    """Read rows of a layer, by fid: those of a condition, or all.

    A column that the table lacks comes back empty.

    Raises
    ------
    LayerError
        A value is not what its column holds; the table, fid and column are named.
    """
    wanted, table, backend = KINDS[kind], LAYERS[kind], backend_of(connection)
    there = backend.columns_in(kind)
    names = [*wanted.column_names, "extra"]
    query = select(
        table.c.fid,
        table.c.rev if "rev" in there else null(),
        *(type_coerce(table.c[n], _AS_IT_IS) if n in there else null() for n in names),
        table.c[GEOMETRY_COLUMN],
    ).order_by(table.c.fid)
    if where is not None:
        query = query.where(where)
    rows = connection.execute(query).all()
    fids, revs, *columns = zip(*rows, strict=True) if rows else [()] * (len(names) + 3)
    heights = kind in WITH_HEIGHTS
    shapes = backend.decode(columns.pop(), table=kind, fids=fids, heights=heights)
    extras = extras_of(connection, kind)
    frame = frame_of(wanted, fids, columns, shapes, crs=crs, extras=extras)
    return RowsRead(list(fids), list(revs), frame)


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
    return int(connection.execute(select(func.count()).select_from(LAYERS[kind])).scalar_one())


def uids(connection: Connection, kind: str) -> set[str]:
    """Return the keys of the rows of a layer."""
    return set(connection.execute(select(LAYERS[kind].c.uid)).scalars())


def geometry_words(connection: Connection, kind: str) -> str:
    """Return what a layer is drawn with: "polygon", "point, polygon", ...; "" for nothing."""
    types = backend_of(connection).geometry_types(kind)
    return ", ".join(sorted({_TYPE_WORDS.get(name, name.lower()) for name in types}))
