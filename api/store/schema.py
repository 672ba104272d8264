"""The tables of a project: one per kind of layer, made from `gis.model.KINDS`, and a few of facts.

They are SQLAlchemy Core tables without mapped classes: a layer is read and written as whole
columns of a frame, where an object per row would take about three times as long and give nothing.
The same tables are those of a PostgreSQL schema; only geometries, times and counts are spelled
another way there.

Only column types that GeoPackage names are used. GDAL, and with it QGIS, leaves out columns of any
other type (VARCHAR(40), JSON, NUMERIC) with no more than a warning.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    cast,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine, UserDefinedType

from gis.model import KINDS, Kind

FORMAT_VERSION: Final = 2
"""Raised whenever an older Lianpian could no longer read or write what this one wrote."""

GEOMETRY_COLUMN: Final = "geom"

WITH_HEIGHTS: Final = frozenset(["streets"])
"""Kinds whose geometries keep their third coordinate."""


class GeometryBlob(UserDefinedType[bytes]):
    """A geometry as the database keeps it: a GeoPackage blob, or EWKB of PostGIS.

    It is coded by whole columns (`encode` and `decode` of a `Backend`), never one by one.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the declared type: any geometry, as the layer's registration narrows it."""
        return "GEOMETRY"

    def column_expression(self, column: ColumnElement[bytes]) -> ColumnElement[bytes]:
        """Read it as bytes, on both databases."""
        return cast(column, LargeBinary)


class Moment(UserDefinedType[str]):
    """A UTC time as GeoPackage wants it, ``2026-01-31T08:00:00.000Z``; a text on both databases."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the declared type."""
        return "DATETIME"


@compiles(Moment, "postgresql")
def _moment_on_server(*_: Any, **__: Any) -> str:
    return "TEXT"


# Counts are INTEGER, as a person expects to see them; SQLite keeps a fraction all the same, which
# PostgreSQL would not. Dates stay TEXT: in a DATE column GDAL shows nothing of what is no whole
# date ("2024-05").
_SQL_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "text": Text(),
    "integer": Integer().with_variant(Double(), "postgresql"),
    "number": Double(),
    "boolean": Boolean(),
    "date": Text(),
}

METADATA: Final = MetaData()


def _layer_table(kind: Kind) -> Table:
    columns: list[Column[Any]] = [
        Column(
            column.name,
            _SQL_TYPES[column.type],
            nullable=column.name != "uid",
            unique=column.name == "uid" or None,
        )
        for column in kind.columns
    ]
    return Table(
        kind.name,
        METADATA,
        Column("fid", Integer, primary_key=True),
        *columns,
        Column("extra", Text),
        Column("rev", Integer, nullable=False, server_default="1"),
        Column(GEOMETRY_COLUMN, GeometryBlob),
    )


LAYERS: Final[dict[str, Table]] = {name: _layer_table(kind) for name, kind in KINDS.items()}
"""The table of each kind. A table comes into being with the first import of its kind."""

PROJECT: Final = Table(
    "project",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("profile", Text),
    Column("created", Moment, nullable=False),
    Column("format_version", Integer, nullable=False),
    Column("crs", Text),
)

EXTRA_COLUMNS: Final = Table(
    "extra_columns",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    UniqueConstraint("kind", "name"),
)

IMPORTS: Final = Table(
    "imports",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("report", Text, nullable=False),
)

REFUSED_ROWS: Final = Table(
    "refused_rows",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("import_id", ForeignKey("imports.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

STATEMENTS: Final = Table(
    "statements",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("none_of", Text, nullable=False, unique=True),
    Column("at", Moment, nullable=False),
)

PLANS: Final = Table(
    "plans",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Moment, nullable=False),
    Column("status", Text, nullable=False),
    Column("objective", Double),
    Column("bound", Double),
    Column("gap", Double),
    Column("reason", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("left_out", Text, nullable=False),
    Column("adjacency", Text, nullable=False),
    UniqueConstraint("name", "version"),
)

PLAN_MEMBERS: Final = Table(
    "plan_members",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("estate", Text, nullable=False),
    Column("district", Text),
)

PLAN_PACKAGES: Final = Table(
    "plan_packages",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("package", Text, nullable=False),
    Column("builder", Text),
    Column("district", Text),
    Column("estate", Text),
)

SCENARIOS: Final = Table(
    "scenarios",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Moment, nullable=False),
    Column("edits", Text, nullable=False),
    Column("answer", Text, nullable=False),
    UniqueConstraint("name", "version"),
)

PLAN_CHANGES: Final = Table(
    "plan_changes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("plan", Text, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("who", Text),
    Column("at", Moment, nullable=False),
    UniqueConstraint("plan", "version", "seq"),
)

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("work", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("who", Text),
    Column("options", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("assumptions", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("job", Text),
)

EDITS: Final = Table(
    "edits",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text),
    Column("what", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("undoes", ForeignKey("edits.id")),
)

LAYER_VERSIONS: Final = Table(
    "layer_versions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("accounted", Integer),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("where_from", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
)

PRIVATE_PERSONS: Final = Table(
    "private_persons",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("estate", Text, nullable=False, index=True),
    Column("building", Text),
    Column("household", Text),
    Column("name", Text),
    Column("id_number", Text),
    Column("phone", Text),
    Column("note", Text),
    Column("at", Moment, nullable=False),
)

ATTRIBUTES: Final[dict[Table, str]] = {
    PROJECT: "项目信息 / What this project is",
    EXTRA_COLUMNS: "自有字段 / Columns of the user's own, kept in `extra`",
    IMPORTS: "导入记录 / What was imported, when, with its report",
    REFUSED_ROWS: "未导入的行 / Rows that were refused on import, and why",
    STATEMENTS: "声明 / Categories of which someone stated that there is none",
    PLANS: "片区方案 / Districting plans, with their settings",
    PLAN_MEMBERS: "片区方案成员 / Which estate is in which district of a plan",
    PLAN_PACKAGES: "工程包 / Which district or estate of a plan is in which work package",
    SCENARIOS: "情景 / Edits tried on top of the base, and what they would change",
    PLAN_CHANGES: "方案修改 / Changes by hand since the last saved version of a plan",
    RUNS: "计算结果 / Results, with the stamp of what they rest on",
    EDITS: "数据修改 / Rows changed by hand, as they were and as they became",
    LAYER_VERSIONS: "图层版本 / How often each layer was changed",
    AUDIT: "审计 / Who changed what, when, from where; each line seals the one before",
    PRIVATE_PERSONS: "签名人 / Personal data: in no export, share, map or log",
}
"""The tables without geometry, with what to say of them; a new project has all of them."""
