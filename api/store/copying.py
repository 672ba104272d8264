"""Copies of a whole project: a backup in one file, and the move between a file and a server.

A copy is compared row by row with what it was made from before it gets its name, or before its
transaction ends: there is never half of one. The source stays as it is. The audit of the copy goes
on with a line of its own, which tells what it was copied from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy import Connection, Table, inspect, select, type_coerce
from sqlalchemy.types import NullType

from api.store.address import parse_address, shown
from api.store.audit import FIRST_HASH, Author, note
from api.store.backend import backend_of
from api.store.database import create_database, open_database, project_row
from api.store.layers import kinds_in
from api.store.moments import stamp, utc_now
from api.store.schema import ATTRIBUTES, AUDIT, GEOMETRY_COLUMN, LAYER_VERSIONS, LAYERS, PROJECT
from api.store.sqlite_file import file_database, publish, told_by_name
from gis.errors import FileError, ProjectError
from gis.model import KINDS, Progress

_AS_IT_IS: Final = NullType()
_REGISTERS: Final = ("gpkg_", "rtree_", "sqlite_", "alembic_")
# What counts how often a layer was changed comes when nothing changes any more.
_TABLES: Final = (*(table for table in ATTRIBUTES if table is not LAYER_VERSIONS), LAYER_VERSIONS)


@dataclass(frozen=True)
class Copied:
    """A copy that is there: where, how many rows were copied of each table, and what was not.

    ``left_out`` are tables and columns that other programs added and Lianpian knows nothing of.
    """

    target: str
    rows: dict[str, int]
    left_out: tuple[str, ...]


def back_up(source: str | Path, file: Path, *, progress: Progress | None = None) -> Copied:
    """Write a copy of a project to a file that is not there yet, while others go on working.

    Raises
    ------
    ProjectError
        There is something of that name already, or the source is no project.
    FileError
        The name or the folder does not do.
    """
    if not isinstance(parse_address(source), Path):
        return move(source, file, progress=progress)
    rows: dict[str, int] = {}
    with closing(open_database(source)) as database:

        def make(draft: Path) -> None:
            with database.read() as reader:
                with database.write():
                    # Nobody can write now: the reader and the copy see the same state.
                    reader.execute(select(PROJECT.c.id)).all()
                    _vacuum_into(database.engine.connect(), draft, called=file)
                copy = file_database(draft, mode="rw", called=file)
                with closing(copy):
                    with copy.read() as connection:
                        rows.update(compare(reader, connection, progress=progress))
                    with copy.write() as connection:
                        _note_source(reader, connection, source)

        publish(file, make)
    return Copied(str(file), rows, ())


def _vacuum_into(connection: Connection, draft: Path, *, called: Path) -> None:
    with told_by_name(called), connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("VACUUM INTO ?", (str(draft),))
    try:
        # SQLite leaves that to whoever wants it.
        with draft.open("rb") as written:
            os.fsync(written.fileno())
    except OSError as error:
        raise FileError(f"'{called}' cannot be written ({error.strerror})") from None


def move(source: str | Path, target: str | Path, *, progress: Progress | None = None) -> Copied:
    """Copy a project to another place, which may be another kind of database, in one transaction.

    Raises
    ------
    ProjectError
        There is a project already, the source is none, or the copy is not the same.
    FileError
        The name or the folder does not do.
    LayerError
        A value is one that the other database cannot keep.
    """
    rows: dict[str, int] = {}
    with closing(open_database(source)) as database, database.read() as reader:

        def fill(connection: Connection) -> None:
            _copy(reader, connection)
            rows.update(compare(reader, connection, progress=progress))
            _note_source(reader, connection, source)

        create_database(target, fill, now=stamp(utc_now))
        left_out = tuple(_foreign(reader))
    return Copied(shown(target), rows, left_out)


def _note_source(reader: Connection, copy: Connection, source: str | Path) -> None:
    """Let the audit of a copy tell where it comes from: after the comparison, so on its own."""
    last = reader.execute(select(AUDIT.c.hash).order_by(AUDIT.c.id.desc()).limit(1)).scalar()
    address = parse_address(source)
    called = address.name if isinstance(address, Path) else address.shown
    now, author = stamp(utc_now), Author.here()
    note(copy, author, now=now, what="copied from", subject=called, last=last or FIRST_HASH)


def _copy(source: Connection, target: Connection) -> None:
    here, there = backend_of(source), backend_of(target)
    for table in _TABLES[:-1]:
        there.load_table(table, _rows(source, table))
    text = project_row(source).crs
    changed = {row.kind: row.changed for row in source.execute(select(LAYER_VERSIONS))}
    for kind in kinds_in(source):
        if not isinstance(text, str):
            raise ProjectError("The project has layers but no CRS; go back to a backup")
        srs_id, now = there.ensure_srs(CRS.from_user_input(text)), changed.get(kind) or ""
        there.create_layer(KINDS[kind], srs_id=srs_id, now=now)
        rows = _rows(source, LAYERS[kind])
        fids = [row[0] for row in rows]
        shapes = here.decode([row[-1] for row in rows], table=kind, fids=fids, heights=True)
        blobs = there.encode(shapes, srs_id=srs_id, heights=True)
        there.make_room(kind, shapes)
        full = ((*row[:-1], blob) for row, blob in zip(rows, blobs, strict=True))
        there.load(kind, full, shapes, fids=fids, tick=lambda _: None)
        there.note_change(kind, now=now, bounds=shapely.bounds(shapes))
    there.load_table(LAYER_VERSIONS, _rows(source, LAYER_VERSIONS))


def _rows(connection: Connection, table: Table) -> Sequence[Sequence[Any]]:
    """Return all rows of a table by key, as the database has them; a missing column is empty."""
    there = backend_of(connection).columns_in(table.name)
    listed = [
        column if column.name == GEOMETRY_COLUMN else type_coerce(column, _AS_IT_IS)
        for column in table.columns
        if column.name in there
    ]
    if len(listed) < len(table.columns):
        missing = next(c.name for c in table.columns if c.name not in there)
        raise ProjectError(
            f"Table '{table.name}' has no column {missing} any more; import a row into the layer, "
            "which adds it again"
        )
    return connection.execute(select(*listed).order_by(*table.primary_key.columns)).all()


def compare(
    source: Connection, target: Connection, *, progress: Progress | None = None
) -> dict[str, int]:
    """Compare every row of every table; return how many each has.

    Raises
    ------
    ProjectError
        They are not the same; the first difference is named.
    """
    kinds = kinds_in(source)
    if kinds_in(target) != kinds:
        raise ProjectError("The copy has other layers than the project; nothing was changed")
    tables = [*(LAYERS[kind] for kind in kinds), *_TABLES]
    counts = {}
    for done, table in enumerate(tables, 1):
        mine, theirs = _comparable(source, table), _comparable(target, table)
        if mine != theirs:
            pairs = enumerate(zip(mine, theirs, strict=False), 1)
            at = next((n for n, (a, b) in pairs if a != b), min(len(mine), len(theirs)) + 1)
            raise ProjectError(
                f"The copy is not the same in row {at} of '{table.name}'; nothing was changed: "
                "run it again, and report it if it stays"
            )
        counts[table.name] = len(mine)
        if progress is not None:
            progress(done / len(tables), table.name)
    return counts


def _comparable(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    """Return rows of a table with geometries as the same WKB on both databases.

    A number is equal to the same one of another type: 12 in a file is 12.0 on a server.
    """
    rows = _rows(connection, table)
    if GEOMETRY_COLUMN not in table.columns:
        return [tuple(row) for row in rows]
    fids = [row[0] for row in rows]
    shapes: NDArray[np.object_] = backend_of(connection).decode(
        [row[-1] for row in rows], table=table.name, fids=fids, heights=True
    )
    wkb = shapely.to_wkb(shapes, byte_order=1, output_dimension=3).tolist()
    return [(*row[:-1], shape) for row, shape in zip(rows, wkb, strict=True)]


def _foreign(connection: Connection) -> Iterator[str]:
    """Name the tables and columns that are none of ours."""
    backend = backend_of(connection)
    ours = {table.name: {c.name for c in table.columns} for table in (*_TABLES, *LAYERS.values())}
    for name in sorted(inspect(connection).get_table_names()):
        if name.startswith(_REGISTERS) or name == "spatial_ref_sys":
            continue
        if name not in ours:
            yield name
        else:
            yield from (f"{name}.{c}" for c in sorted(backend.columns_in(name) - ours[name]))
