"""Layers in PostGIS: tables with a real geometry column and a GIST index, filled by COPY.

Geometries travel as EWKB in whole columns. Names of PostGIS itself (its type, functions, operators)
are written with the schema that it is installed in, as no other schema than the project's own is
searched; the casts between geometry and bytea need no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy import ColumnElement, MetaData, Table, literal_column, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import UserDefinedType

from api.store.codec import decode
from api.store.differences import Backend, Box, Tick
from api.store.geopackage import epsg_of, wkt_of
from api.store.schema import AUDIT, GEOMETRY_COLUMN, LAYERS, WITH_HEIGHTS
from api.store.server import POSTGIS
from api.store.triggers import NEW_ROW, create_on_server, seal_audit
from gis.model import KINDS, Kind

_LARGEST_SRID: Final = 998_999
_FIRST_OWN_SRID: Final = 910_000
_UNKNOWN_SRID: Final = 0
_NO_RIGHT: Final = "42501"
_TICK_ROWS: Final = 10_000


class _Column(UserDefinedType[bytes]):
    """The geometry column of one layer, spelled out."""

    def __init__(self, spelled: str) -> None:
        self.spelled = spelled

    def get_col_spec(self, **_: Any) -> str:
        return self.spelled


class Postgis(Backend):
    """A schema of a PostgreSQL database with PostGIS."""

    @property
    def _postgis(self) -> str:
        """The schema that PostGIS is in, as it is written in SQL."""
        return str(self.connection.info[POSTGIS])

    def has_table(self, name: str) -> bool:
        """Tell whether there is a table of that name in the own schema."""
        asked = text(
            "SELECT 1 FROM pg_class WHERE relname = :name AND relkind IN ('r', 'p')"
            " AND relnamespace = current_schema()::regnamespace"
        )
        return self.connection.execute(asked, {"name": name}).first() is not None

    def columns_in(self, name: str) -> set[str]:
        """Return the names of the columns that a table really has."""
        asked = text(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = :name"
        )
        return set(self.connection.execute(asked, {"name": name}).scalars())

    def kinds(self) -> set[str]:
        """Return the names of the layers that there are."""
        asked = text(
            f"SELECT f_table_name FROM {self._postgis}.geometry_columns"
            " WHERE f_table_schema = current_schema() AND f_geometry_column = :column"
        )
        found = self.connection.execute(asked, {"column": GEOMETRY_COLUMN}).scalars()
        return KINDS.keys() & set(found)

    def create_core(self, *, now: str) -> None:
        """Nothing: a database has no registers of its own."""

    def create_table(self, table: Table, *, now: str) -> None:  # noqa: ARG002 (no register)
        """Create one of the tables without geometry."""
        self.connection.execute(CreateTable(table))
        for index in table.indexes:
            index.create(self.connection)
        if table is AUDIT:
            seal_audit(self.connection, AUDIT.name)

    def ensure_srs(self, crs: CRS) -> int:
        """Return the srid of a CRS; 0 for one without a code where no other may be added."""
        code = epsg_of(crs)
        if code is not None and code <= _LARGEST_SRID:
            self._register(crs, code, "EPSG", code)
            return code
        asked = text(
            f"SELECT srid FROM {self._postgis}.spatial_ref_sys WHERE auth_name IS NULL"
            " AND srtext = :srtext ORDER BY srid"
        )
        found = self.connection.execute(asked, {"srtext": wkt_of(crs)}).scalar()
        if found is not None:
            return int(found)
        largest = self.connection.exec_driver_sql(
            f"SELECT max(srid) FROM {self._postgis}.spatial_ref_sys WHERE srid <= {_LARGEST_SRID}"
        ).scalar()
        srid = max(int(largest or 0) + 1, _FIRST_OWN_SRID)
        return srid if self._register(crs, srid, None, None) else _UNKNOWN_SRID

    def _register(self, crs: CRS, srid: int, authority: str | None, code: int | None) -> bool:
        """Add a row to the list of PostGIS, and tell whether it is there then."""
        listed = f"{self._postgis}.spatial_ref_sys"
        there = text(f"SELECT 1 FROM {listed} WHERE srid = :srid")
        if self.connection.execute(there, {"srid": srid}).first() is not None:
            return True
        row = {"srid": srid, "authority": authority, "code": code}
        row["srtext"] = wkt_of(crs)
        added = text(
            f"INSERT INTO {listed} (srid, auth_name, auth_srid, srtext)"
            " VALUES (:srid, :authority, :code, :srtext)"
        )
        try:
            with self.connection.begin_nested():
                self.connection.execute(added, row)
        except DBAPIError as error:
            # The list belongs to whoever installed PostGIS; the project knows its CRS itself.
            if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
                raise
            return False
        return True

    def srs_of(self, kind: str) -> int:
        """Return the srid that the geometry column of a layer demands."""
        asked = text(
            f"SELECT srid FROM {self._postgis}.geometry_columns"
            " WHERE f_table_schema = current_schema() AND f_table_name = :name"
        )
        return int(self.connection.execute(asked, {"name": kind}).scalar_one())

    def create_layer(self, kind: Kind, *, srs_id: int, now: str) -> None:  # noqa: ARG002
        """Create the table of a kind with its index and its triggers."""
        name, connection = kind.name, self.connection
        table = LAYERS[name].to_metadata(MetaData())
        spelled = f"{self._postgis}.geometry"
        # A column that names its type has heights in all rows or in none. One that does not is
        # told its srid by a check, in which PostGIS itself (and with it QGIS) looks for it.
        if name not in WITH_HEIGHTS:
            spelled += f"(Geometry, {srs_id})"
        table.c[GEOMETRY_COLUMN].type = _Column(spelled)
        connection.execute(CreateTable(table))
        if name in WITH_HEIGHTS:
            connection.exec_driver_sql(
                f'ALTER TABLE "{name}" ADD CONSTRAINT "enforce_srid_{GEOMETRY_COLUMN}" CHECK '
                f'({self._postgis}.st_srid("{GEOMETRY_COLUMN}") = {srs_id})'
            )
        self._create_index(name)
        words = f"{kind.zh} / {kind.en}: {kind.meaning}".replace("'", "''")
        connection.execute(text(f"COMMENT ON TABLE \"{name}\" IS '{words}'".replace(":", "\\:")))
        create_on_server(connection, name)

    def _create_index(self, kind: str) -> None:
        self.connection.exec_driver_sql(
            f'CREATE INDEX IF NOT EXISTS "{_index_of(kind)}" ON "{kind}" '
            f'USING gist ("{GEOMETRY_COLUMN}")'
        )

    def drop_layer(self, kind: str) -> None:
        """Take the table of a layer out, and with it its index and triggers."""
        self.connection.exec_driver_sql(f'DROP TABLE "{kind}"')

    def empty_layer(self, kind: str) -> None:
        """Delete the rows of a layer."""
        # Not by TRUNCATE: it takes the rows away from those who still read an older state.
        self.connection.exec_driver_sql(f'DELETE FROM "{kind}"')

    def make_room(self, kind: str, shapes: NDArray[np.object_]) -> None:
        """Nothing: a layer takes any type, and heights where its kind has them."""

    def load(
        self, kind: str, rows: Iterable[Sequence[Any]], shapes: NDArray[np.object_],  # noqa: ARG002
        *, fids: Sequence[int], tick: Tick,  # noqa: ARG002 (as are the shapes: COPY needs neither)
    ) -> None:  # fmt: skip
        """Write many rows by COPY; a layer that was empty is indexed afterwards, in one go."""
        there = self.connection.exec_driver_sql(f'SELECT 1 FROM "{kind}" LIMIT 1').first()
        if there is None:
            self.connection.exec_driver_sql(f'DROP INDEX IF EXISTS "{_index_of(kind)}"')
        # The rows bring a rev that is new; row by row the trigger would take seconds.
        self.connection.exec_driver_sql(f'ALTER TABLE "{kind}" DISABLE TRIGGER {NEW_ROW}')
        self._copy(LAYERS[kind], rows, tick=tick)
        self.connection.exec_driver_sql(f'ALTER TABLE "{kind}" ENABLE TRIGGER {NEW_ROW}')
        self._number_on(LAYERS[kind])
        self._create_index(kind)

    def _copy(
        self, table: Table, rows: Iterable[Sequence[Any]], *, tick: Tick | None = None
    ) -> None:
        """Write rows, all columns of a table in their order."""
        names = ", ".join(f'"{c.name}"' for c in table.columns)
        if GEOMETRY_COLUMN in table.columns:
            rows = (_with_hex(row) for row in rows)
        driver: Any = self.connection.connection.driver_connection
        count = 0
        with driver.cursor() as cursor, cursor.copy(
            f'COPY "{table.name}" ({names}) FROM STDIN'
        ) as copy:  # fmt: skip
            for row in rows:
                copy.write_row(row)
                count += 1
                if tick is not None and count % _TICK_ROWS == 0:
                    tick(_TICK_ROWS)
        if tick is not None and count % _TICK_ROWS:
            tick(count % _TICK_ROWS)

    def _number_on(self, table: Table) -> None:
        """Let the numbers of new rows begin after those that were written with theirs."""
        (key,) = table.primary_key.columns.keys()
        self.connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', '{key}'),"
            f' (SELECT coalesce(max("{key}"), 0) + 1 FROM "{table.name}"), false)'
        )

    def load_table(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows of a table without geometry."""
        self._copy(table, rows)
        self._number_on(table)

    def note_change(self, kind: str, *, now: str, bounds: NDArray[np.float64] | None) -> None:
        """Nothing: extents are the index's, times those of the layer's version."""

    def geometry_types(self, kind: str) -> set[str]:
        """Return the types of the geometries that are not empty."""
        g, p = f'"{GEOMETRY_COLUMN}"', self._postgis
        found = self.connection.exec_driver_sql(
            f'SELECT DISTINCT {p}.geometrytype({g}) FROM "{kind}"'
            f" WHERE {g} IS NOT NULL AND NOT {p}.st_isempty({g})"
        )
        return set(found.scalars())

    def encode(
        self, shapes: NDArray[np.object_], *, srs_id: int, heights: bool = False
    ) -> list[bytes | None]:
        """Turn geometries into EWKB."""
        numbered = shapely.set_srid(shapes, srs_id)
        wkb: list[bytes | None] = shapely.to_wkb(
            numbered, byte_order=1, output_dimension=3 if heights else 2, include_srid=True
        ).tolist()
        return wkb

    def decode(
        self, values: Sequence[Any], *, table: str, fids: Sequence[int], heights: bool = False
    ) -> NDArray[np.object_]:
        """Turn EWKB into geometries."""
        shapes = decode(values, table=table, fids=fids, heights=heights, wkb=bytes)
        return np.asarray(shapely.set_srid(shapes, 0), dtype=object)

    def touching(self, kind: str, bbox: Box) -> ColumnElement[bool]:
        """Return the condition that the box of a geometry touches a box, by the index."""
        p, (west, south, east, north) = self._postgis, map(float, bbox)
        return literal_column(
            f'"{kind}"."{GEOMETRY_COLUMN}" OPERATOR({p}.&&) '
            f"{p}.st_makeenvelope('{west!r}', '{south!r}', '{east!r}', '{north!r}',"
            f" {self.srs_of(kind)})"
        )

    def settle(self, *, now: str) -> None:  # noqa: ARG002 (no registers with times)
        """Make anew what a change of tables may have taken away."""
        seal_audit(self.connection, AUDIT.name)
        for kind in sorted(self.kinds()):
            self.add_columns(kind)
            self._create_index(kind)
            create_on_server(self.connection, kind)


def _with_hex(row: Sequence[Any]) -> Sequence[Any]:
    """Spell the geometry, the last column, as the text form of its type."""
    *values, blob = row
    return (*values, None if blob is None else blob.hex())


def _index_of(kind: str) -> str:
    return f"idx_{kind}_{GEOMETRY_COLUMN}"
