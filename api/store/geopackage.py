"""What makes an SQLite file a GeoPackage: registers, R-trees and the triggers that keep them.

Version 1.3 is declared: no new table of 1.4 is used, and GDAL before 3.7.1 warns of newer files.
"""

from __future__ import annotations

from typing import Any, Final

from pyproj import CRS
from pyproj.exceptions import CRSError
from sqlalchemy import Connection, Table
from sqlalchemy.schema import CreateTable

from api.store.schema import ATTRIBUTES, GEOMETRY_COLUMN
from gis.model import Kind

APPLICATION_ID: Final = b"GPKG"
_USER_VERSION: Final = 10300
_FIRST_OWN_SRS_ID: Final = 100_000
_RTREE: Final = "http://www.geopackage.org/spec120/#extension_rtree"
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


def create_core(connection: Connection, *, now: str) -> None:
    """Make an empty database a GeoPackage with the tables of facts that every project has."""
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
    for table in ATTRIBUTES:
        create_attributes(connection, table, now=now)


def create_attributes(connection: Connection, table: Table, *, now: str) -> None:
    """Create and register one of the tables without geometry."""
    connection.execute(CreateTable(table))
    for index in table.indexes:
        index.create(connection)
    connection.exec_driver_sql(
        "INSERT INTO gpkg_contents"
        " (table_name, data_type, identifier, description, last_change)"
        " VALUES (?, 'attributes', ?, ?, ?)",
        (table.name, table.name, ATTRIBUTES[table], now),
    )


def ensure_srs(connection: Connection, crs: CRS) -> int:
    """Return the ``srs_id`` of a CRS; register it if it is new."""
    code = epsg_of(crs)
    if code is not None:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
            _srs_row(crs, code, code),
        )
        return code
    row = _srs_row(crs, 0, None)
    found = connection.exec_driver_sql(
        "SELECT srs_id FROM gpkg_spatial_ref_sys WHERE organization = 'NONE' AND definition = ?",
        (row[4],),
    ).scalar()
    if found is not None:
        return int(found)
    largest = connection.exec_driver_sql(
        "SELECT max(srs_id) FROM gpkg_spatial_ref_sys"
    ).scalar_one()
    srs_id = max(int(largest) + 1, _FIRST_OWN_SRS_ID)
    connection.exec_driver_sql(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _srs_row(crs, srs_id, None)
    )
    return srs_id


def epsg_of(crs: CRS) -> int | None:
    """Return the EPSG code that gives exactly this CRS, or None."""
    code = crs.to_epsg(min_confidence=100)
    return code if code is not None and CRS.from_epsg(code) == crs else None


def _srs_row(crs: CRS, srs_id: int, epsg: int | None) -> tuple[Any, ...]:
    try:
        definition = crs.to_wkt("WKT1_GDAL")
    except CRSError:  # no WKT 1 for it; readers that know WKT 2 get along
        definition = crs.to_wkt()
    organization = "NONE" if epsg is None else "EPSG"
    return crs.name, srs_id, organization, epsg or srs_id, definition, None


def create_layer(
    connection: Connection, table: Table, kind: Kind, *, srs_id: int, now: str
) -> None:
    """Create the table of a kind, register it, and give it an R-tree without its triggers."""
    name = table.name
    connection.execute(CreateTable(table))
    connection.exec_driver_sql(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change,"
        " srs_id) VALUES (?, 'features', ?, ?, ?, ?)",
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
    create_rtree(connection, name)


def set_geometry_type(connection: Connection, table: str, name: str) -> None:
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


def allow_heights(connection: Connection, table: str) -> None:
    """Declare that geometries of a layer may have a third coordinate; each need not have one."""
    connection.exec_driver_sql(
        "UPDATE gpkg_geometry_columns SET z = 2 WHERE table_name = ?", (table,)
    )


def drop_layer(connection: Connection, table: Table) -> None:
    """Take a layer out: its table, its R-tree and every registration."""
    name = table.name
    drop_rtree(connection, name)
    connection.exec_driver_sql(f'DROP TABLE "{name}"')  # and with it its triggers
    # The first two of these exist only where another program made them.
    for registry in (
        "gpkg_ogr_contents",
        "gpkg_metadata_reference",
        "gpkg_data_columns",
        "gpkg_extensions",
        "gpkg_geometry_columns",
        "gpkg_contents",
    ):
        if connection.dialect.has_table(connection, registry):
            connection.exec_driver_sql(f'DELETE FROM "{registry}" WHERE table_name = ?', (name,))


def rtree_of(table: str) -> str:
    """Return the name that GeoPackage gives to the R-tree of a table."""
    return f"rtree_{table}_{GEOMETRY_COLUMN}"


def create_rtree(connection: Connection, table: str) -> None:
    """Create the empty R-tree of a table."""
    connection.exec_driver_sql(
        f'CREATE VIRTUAL TABLE "{rtree_of(table)}" USING rtree(id, minx, maxx, miny, maxy)'
    )


def drop_rtree(connection: Connection, table: str) -> None:
    """Take the R-tree of a table away; another program may have done so already."""
    connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{rtree_of(table)}"')


def drop_triggers(connection: Connection, table: str) -> None:
    """Take the triggers away for a bulk load, which fills the R-tree itself."""
    for name in _triggers(table):
        connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{name}"')


def create_triggers(connection: Connection, table: str) -> None:
    """Create the triggers that keep the R-tree of a table in step, whoever edits it."""
    for name, body in _triggers(table).items():
        connection.exec_driver_sql(f'CREATE TRIGGER "{name}" {body}')


def _triggers(table: str) -> dict[str, str]:
    """Return the triggers of GeoPackage 1.3, clause F.3; validators look for their names.

    Their "insert or replace" does not go with an UPSERT of a geometry; nothing here does one.
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
    return {f"{rtree}_{name}": body for name, body in bodies.items()}
