"""What makes an SQLite file a GeoPackage: registers, R-trees and the triggers that keep them.

Version 1.3 is declared: no new table of 1.4 is used, and GDAL before 3.7.1 warns of newer files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError
from sqlalchemy import ColumnElement, Connection, Table, column, insert, select
from sqlalchemy import table as table_named
from sqlalchemy.schema import CreateTable

from api.store.codec import decode, encode
from api.store.differences import Backend, Box, Tick, types_of
from api.store.schema import ATTRIBUTES, AUDIT, GEOMETRY_COLUMN, LAYERS
from api.store.sqlite_file import APPLICATION_ID
from api.store.triggers import create_in_file, drop_in_file, layer_triggers, seal_audit
from gis.model import KINDS, Kind

_USER_VERSION: Final = 10300
_ROWS_AT_ONCE: Final = 10_000
_FIRST_OWN_SRS_ID: Final = 100_000
_RTREE: Final = "http://www.geopackage.org/spec120/#extension_rtree"
_OWN_TYPE: Final = {"point": "POINT", "line": "LINESTRING", "polygon": "POLYGON"}
_SCHEMA: Final = "http://www.geopackage.org/spec121/#extension_schema"

_CORE: Final = (
    f"PRAGMA application_id={int.from_bytes(APPLICATION_ID, 'big')}",
    f"PRAGMA user_version={_USER_VERSION}",
    """CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL,
    description TEXT
)""",
    """CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY,
    data_type TEXT NOT NULL,
    identifier TEXT UNIQUE,
    description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    min_x DOUBLE,
    min_y DOUBLE,
    max_x DOUBLE,
    max_y DOUBLE,
    srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id)
)""",
    """CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL,
    z TINYINT NOT NULL,
    m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
)""",
    """CREATE TABLE gpkg_extensions (
    table_name TEXT,
    column_name TEXT,
    extension_name TEXT NOT NULL,
    definition TEXT NOT NULL,
    scope TEXT NOT NULL,
    CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name)
)""",
    """CREATE TABLE gpkg_data_columns (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    name TEXT,
    title TEXT,
    description TEXT,
    mime_type TEXT,
    constraint_name TEXT,
    CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
    CONSTRAINT gdc_tn UNIQUE (table_name, name)
)""",
    """CREATE TABLE gpkg_data_column_constraints (
    constraint_name TEXT NOT NULL,
    constraint_type TEXT NOT NULL,
    value TEXT,
    min NUMERIC,
    min_is_inclusive BOOLEAN,
    max NUMERIC,
    max_is_inclusive BOOLEAN,
    description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
)""",
)


class GeoPackage(Backend):
    """An SQLite file with the registers and R-trees of a GeoPackage."""

    def has_table(self, name: str) -> bool:
        """Tell whether there is a table of that name."""
        return bool(self.connection.dialect.has_table(self.connection, name))

    def columns_in(self, name: str) -> set[str]:
        """Return the names of the columns that a table really has."""
        rows = self.connection.exec_driver_sql(f'PRAGMA table_info("{name}")')
        return {str(row[1]) for row in rows}

    def kinds(self) -> set[str]:
        """Return the names of the layers that there are."""
        rows = self.connection.exec_driver_sql(
            "SELECT table_name FROM gpkg_geometry_columns JOIN sqlite_master ON name = table_name"
        )
        return KINDS.keys() & {name for (name,) in rows}

    def create_core(self, *, now: str) -> None:  # noqa: ARG002 (the registers keep no time)
        """Make an empty database a GeoPackage."""
        connection = self.connection
        for statement in _CORE:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("Undefined cartesian SRS", -1, "NONE", -1, "undefined", None),
                ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
                _srs_row(CRS.from_epsg(4326), 4326, 4326),
            ],
        )
        connection.exec_driver_sql(
            "INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema', ?, 'read-write')",
            [("gpkg_data_columns", _SCHEMA), ("gpkg_data_column_constraints", _SCHEMA)],
        )

    def create_table(self, table: Table, *, now: str) -> None:
        """Create and register one of the tables without geometry."""
        self.connection.execute(CreateTable(table))
        for index in table.indexes:
            index.create(self.connection)
        self._register(table, now=now)
        if table is AUDIT:
            seal_audit(self.connection, table.name)

    def _register(self, table: Table, *, now: str) -> None:
        self.connection.exec_driver_sql(
            "INSERT OR IGNORE INTO gpkg_contents"
            " (table_name, data_type, identifier, description, last_change)"
            " VALUES (?, 'attributes', ?, ?, ?)",
            (table.name, table.name, ATTRIBUTES[table], now),
        )

    def ensure_srs(self, crs: CRS) -> int:
        """Return the ``srs_id`` of a CRS; register it if it is new."""
        connection, code = self.connection, epsg_of(crs)
        if code is not None:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
                _srs_row(crs, code, code),
            )
            return code
        row = _srs_row(crs, 0, None)
        found = connection.exec_driver_sql(
            "SELECT srs_id FROM gpkg_spatial_ref_sys WHERE organization = 'NONE'"
            " AND definition = ?",
            (row[4],),
        ).scalar()
        if found is not None:
            return int(found)
        largest = connection.exec_driver_sql(
            "SELECT max(srs_id) FROM gpkg_spatial_ref_sys"
        ).scalar_one()
        srs_id = max(int(largest) + 1, _FIRST_OWN_SRS_ID)
        connection.exec_driver_sql(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
            _srs_row(crs, srs_id, None),
        )
        return srs_id

    def srs_of(self, kind: str) -> int:
        """Return the ``srs_id`` that a layer is registered with."""
        found = self.connection.exec_driver_sql(
            "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (kind,)
        )
        return int(found.scalar_one())

    def create_layer(self, kind: Kind, *, srs_id: int, now: str) -> None:
        """Create the table of a kind, register it, and give it an R-tree and triggers."""
        connection, name = self.connection, kind.name
        connection.execute(CreateTable(LAYERS[name]))
        connection.exec_driver_sql(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description,"
            " last_change, srs_id) VALUES (?, 'features', ?, ?, ?, ?)",
            (name, name, f"{kind.zh} / {kind.en}: {kind.meaning}", now, srs_id),
        )
        connection.exec_driver_sql(
            "INSERT INTO gpkg_geometry_columns VALUES (?, ?, 'GEOMETRY', ?, 0, 0)",
            (name, GEOMETRY_COLUMN, srs_id),
        )
        connection.exec_driver_sql(
            "INSERT INTO gpkg_extensions VALUES (?, ?, 'gpkg_rtree_index', ?, 'write-only')",
            (name, GEOMETRY_COLUMN, _RTREE),
        )
        connection.exec_driver_sql(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                # QGIS shows the name as the heading; by the standard it is the title.
                (name, c.name, c.zh, c.zh, "; ".join(filter(None, (c.en, c.unit, c.meaning))))
                for c in kind.columns
            ],
        )
        _create_rtree(connection, name)
        create_in_file(self.connection, _triggers(name))

    def drop_layer(self, kind: str) -> None:
        """Take a layer out: its table, its R-tree and every registration."""
        _drop_rtree(self.connection, kind)
        self.connection.exec_driver_sql(f'DROP TABLE "{kind}"')  # and with it its triggers
        # The first two of these exist only where another program made them.
        for registry in (
            "gpkg_ogr_contents",
            "gpkg_metadata_reference",
            "gpkg_data_columns",
            "gpkg_extensions",
            "gpkg_geometry_columns",
            "gpkg_contents",
        ):
            if self.has_table(registry):
                self.connection.exec_driver_sql(
                    f'DELETE FROM "{registry}" WHERE table_name = ?', (kind,)
                )

    def empty_layer(self, kind: str) -> None:
        """Delete the rows of a layer."""
        # Row by row, as the triggers would do it, an R-tree is slow to empty.
        drop_in_file(self.connection, _triggers(kind))
        self.connection.exec_driver_sql(f'DELETE FROM "{kind}"')
        _drop_rtree(self.connection, kind)
        _create_rtree(self.connection, kind)
        create_in_file(self.connection, _triggers(kind))
        self._set_extent(kind, [None] * 4)

    def make_room(self, kind: str, shapes: NDArray[np.object_]) -> None:
        """Declare the narrowest geometry type that the rows there and those to come allow.

        With exactly one type QGIS opens the layer without asking back.
        """
        connection = self.connection
        declared = connection.exec_driver_sql(
            "SELECT geometry_type_name FROM gpkg_geometry_columns WHERE table_name = ?", (kind,)
        ).scalar_one()
        types = types_of(shapes)
        if self._has_geometry(kind):
            types.add(declared)
        drawn = KINDS[kind].geometry
        wanted = "GEOMETRY"
        if len(types) == 1:
            wanted = types.pop()
        elif not types and len(drawn) == 1:
            wanted = _OWN_TYPE[drawn[0]]
        if wanted != declared:
            drop_in_file(self.connection, _triggers(kind))
            _set_geometry_type(connection, kind, wanted)
            create_in_file(self.connection, _triggers(kind))
        if shapely.has_z(shapes).any():
            connection.exec_driver_sql(
                "UPDATE gpkg_geometry_columns SET z = 2 WHERE table_name = ?", (kind,)
            )

    def _has_geometry(self, kind: str) -> bool:
        found = self.connection.exec_driver_sql(
            f'SELECT 1 FROM "{kind}" WHERE "{GEOMETRY_COLUMN}" NOTNULL LIMIT 1'
        )
        return found.first() is not None

    def load(
        self, kind: str, rows: Iterable[Sequence[Any]], shapes: NDArray[np.object_], *,
        fids: Sequence[int], tick: Tick,
    ) -> None:  # fmt: skip
        """Write many rows; the R-tree is filled from their bounds, without its triggers."""
        statement = str(insert(LAYERS[kind]).compile(dialect=self.connection.dialect))
        drop_in_file(self.connection, _triggers(kind))
        self._insert(statement, rows, tick=tick)
        bounds = shapely.bounds(shapes)
        full = ~np.isnan(bounds[:, 0])
        boxes = bounds[full][:, [0, 2, 1, 3]].tolist()
        with_box = np.asarray(fids, dtype=np.int64)[full].tolist()
        self._insert(
            f'INSERT INTO "{rtree_of(kind)}" VALUES (?, ?, ?, ?, ?)',
            ((fid, *box) for fid, box in zip(with_box, boxes, strict=True)),
        )
        create_in_file(self.connection, _triggers(kind))

    def load_table(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows of a table without geometry."""
        self._insert(str(insert(table).compile(dialect=self.connection.dialect)), rows)

    def _insert(
        self, statement: str, rows: Iterable[Sequence[Any]], *, tick: Tick | None = None
    ) -> None:
        left = iter(rows)
        while batch := [tuple(row) for row in islice(left, _ROWS_AT_ONCE)]:
            self.connection.exec_driver_sql(statement, batch)
            if tick is not None:
                tick(len(batch))

    def note_change(self, kind: str, *, now: str, bounds: NDArray[np.float64] | None) -> None:
        """Bring extent and time of change up to date in the register, which no trigger keeps."""
        self.connection.exec_driver_sql(
            "UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?", (now, kind)
        )
        register = self.connection.exec_driver_sql(
            "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?", (kind,)
        ).one()
        if bounds is None:
            bounds = np.array([self._beyond(kind, register)], dtype=np.float64)
        there = np.array(register, dtype=np.float64)
        sides = np.vstack([bounds, there])
        sides = sides[~np.isnan(sides).any(axis=1)]
        if len(sides):
            low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
            self._set_extent(kind, [*low.tolist(), *high.tolist()])

    def _beyond(self, kind: str, register: Sequence[float | None]) -> list[float | None]:
        """Return the extent of all rows, as far as it is beyond the one that is registered.

        Asked side by side the R-tree gives no more than the rows that are beyond; the least of all
        would go through every row at each edit. The extent of rows that went may stay too large.
        """
        sides = (("min", "minx", "<"), ("min", "miny", "<"), ("max", "maxx", ">"))
        found: list[float | None] = []
        for (least, name, sign), side in zip((*sides, ("max", "maxy", ">")), register, strict=True):
            where = "" if side is None else f" WHERE {name} {sign} {side!r}"
            asked = f'SELECT {least}({name}) FROM "{rtree_of(kind)}"{where}'
            beyond = self.connection.exec_driver_sql(asked).scalar()
            found.append(side if beyond is None else beyond)
        return found

    def _set_extent(self, kind: str, extent: Sequence[float | None]) -> None:
        self.connection.exec_driver_sql(
            "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?"
            " WHERE table_name = ?",
            (*extent, kind),
        )

    def geometry_types(self, kind: str) -> set[str]:
        """Return the types of the geometries that are not empty."""
        geometry = f'"{GEOMETRY_COLUMN}"'
        found = self.connection.exec_driver_sql(
            f'SELECT DISTINCT ST_GeometryType({geometry}) FROM "{kind}"'
            f" WHERE {geometry} NOTNULL AND NOT ST_IsEmpty({geometry})"
        )
        return set(found.scalars())

    def encode(
        self, shapes: NDArray[np.object_], *, srs_id: int, heights: bool = False
    ) -> list[bytes | None]:
        """Turn geometries into the blobs of GeoPackage."""
        return encode(shapes, srs_id=srs_id, heights=heights)

    def decode(
        self, values: Sequence[Any], *, table: str, fids: Sequence[int], heights: bool = False
    ) -> NDArray[np.object_]:
        """Turn blobs into geometries."""
        return decode(values, table=table, fids=fids, heights=heights)

    def touching(self, kind: str, bbox: Box) -> ColumnElement[bool]:
        """Return the condition that the box of a geometry touches a box, by the R-tree."""
        names = ("id", "minx", "maxx", "miny", "maxy")
        rtree = table_named(rtree_of(kind), *(column(name) for name in names))
        west, south, east, north = bbox
        found = select(rtree.c.id).where(
            rtree.c.maxx >= west, rtree.c.minx <= east, rtree.c.maxy >= south, rtree.c.miny <= north
        )
        return LAYERS[kind].c.fid.in_(found)

    def settle(self, *, now: str) -> None:
        """Make anew what a change of tables may have taken away."""
        for table in ATTRIBUTES:
            self._register(table, now=now)
        seal_audit(self.connection, AUDIT.name)
        for kind in sorted(self.kinds()):
            drop_in_file(self.connection, _triggers(kind))
            self.add_columns(kind)
            if not self.has_table(rtree_of(kind)):
                _create_rtree(self.connection, kind)
                _fill_rtree(self.connection, kind)
            create_in_file(self.connection, _triggers(kind))


def epsg_of(crs: CRS) -> int | None:
    """Return the EPSG code that gives exactly this CRS, or None."""
    code = crs.to_epsg(min_confidence=100)
    return code if code is not None and CRS.from_epsg(code) == crs else None


def wkt_of(crs: CRS) -> str:
    """Return a CRS in words that programs of any age read, where there are such for it."""
    try:
        return str(crs.to_wkt("WKT1_GDAL"))
    except CRSError:  # no WKT 1 for it; readers that know WKT 2 get along
        return str(crs.to_wkt())


def _srs_row(crs: CRS, srs_id: int, epsg: int | None) -> tuple[Any, ...]:
    organization = "NONE" if epsg is None else "EPSG"
    return crs.name, srs_id, organization, epsg or srs_id, wkt_of(crs), None


def _set_geometry_type(connection: Connection, table: str, name: str) -> None:
    """Declare the geometry type of a layer: in the register, and as that of the column.

    The standard wants both alike (requirement 31). The triggers have to be away.
    """
    connection.exec_driver_sql(
        "UPDATE gpkg_geometry_columns SET geometry_type_name = ? WHERE table_name = ?",
        (name, table),
    )
    # SQLite cannot change the type of a column; columns that somebody added in QGIS must stay.
    old, new = f'"{GEOMETRY_COLUMN}"', f'"{GEOMETRY_COLUMN}_new"'
    for statement in (
        f'ALTER TABLE "{table}" ADD COLUMN {new} {name}',
        f'UPDATE "{table}" SET {new} = {old}',
        f'ALTER TABLE "{table}" DROP COLUMN {old}',
        f'ALTER TABLE "{table}" RENAME COLUMN {new} TO {old}',
    ):
        connection.exec_driver_sql(statement)


def rtree_of(table: str) -> str:
    """Return the name that GeoPackage gives to the R-tree of a table."""
    return f"rtree_{table}_{GEOMETRY_COLUMN}"


def _create_rtree(connection: Connection, table: str) -> None:
    connection.exec_driver_sql(
        f'CREATE VIRTUAL TABLE "{rtree_of(table)}" USING rtree(id, minx, maxx, miny, maxy)'
    )


def _fill_rtree(connection: Connection, table: str) -> None:
    g = f'"{GEOMETRY_COLUMN}"'
    connection.exec_driver_sql(
        f'INSERT INTO "{rtree_of(table)}" SELECT fid, ST_MinX({g}), ST_MaxX({g}), ST_MinY({g}),'
        f' ST_MaxY({g}) FROM "{table}" WHERE {g} NOTNULL AND NOT ST_IsEmpty({g})'
    )


def _drop_rtree(connection: Connection, table: str) -> None:
    """Take the R-tree of a table away; another program may have done so already."""
    connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{rtree_of(table)}"')


def _triggers(table: str) -> dict[str, str]:
    """Return the triggers of GeoPackage 1.3, clause F.3, by the names that validators look for.

    Their "insert or replace" does not go with an UPSERT of a geometry; nothing here does one.
    Our own come with them.
    """
    rtree, g = rtree_of(table), f'"{GEOMETRY_COLUMN}"'
    full = f"(NEW.{g} NOTNULL AND NOT ST_IsEmpty(NEW.{g}))"
    bare = f"(NEW.{g} ISNULL OR ST_IsEmpty(NEW.{g}))"
    same, moved = "OLD.fid = NEW.fid", "OLD.fid != NEW.fid"
    box = f"ST_MinX(NEW.{g}), ST_MaxX(NEW.{g}), ST_MinY(NEW.{g}), ST_MaxY(NEW.{g})"
    put = f'INSERT OR REPLACE INTO "{rtree}" VALUES (NEW.fid, {box});'
    drop = f'DELETE FROM "{rtree}" WHERE id = OLD.fid;'
    drop_both = f'DELETE FROM "{rtree}" WHERE id IN (OLD.fid, NEW.fid);'
    of_geometry = f'AFTER UPDATE OF {g} ON "{table}"'
    of_row = f'AFTER UPDATE ON "{table}"'
    bodies = {
        "insert": f'AFTER INSERT ON "{table}" WHEN {full} BEGIN {put} END',
        "update1": f"{of_geometry} WHEN {same} AND {full} BEGIN {put} END",
        "update2": f"{of_geometry} WHEN {same} AND {bare} BEGIN {drop} END",
        "update3": f"{of_row} WHEN {moved} AND {full} BEGIN {drop} {put} END",
        "update4": f"{of_row} WHEN {moved} AND {bare} BEGIN {drop_both} END",
        "delete": f'AFTER DELETE ON "{table}" WHEN OLD.{g} NOTNULL BEGIN {drop} END',
    }
    standard = {f"{rtree}_{name}": body for name, body in bodies.items()}
    return standard | layer_triggers(table)
