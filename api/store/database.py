"""Projects are made and opened here, in a file or on a server, by one address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from api.store.address import is_server, name_of, parse_address, shown
from api.store.backend import backend_of
from api.store.revisions import PROJECTS, bring_up, create_tables
from api.store.schema import FORMAT_VERSION, PROJECT
from api.store.server import no_project, open_server, projects_in
from api.store.sqlite_file import create_file, open_file
from api.store.transactions import BUSY_TIMEOUT_S, Database
from gis.errors import ProjectError

__all__ = [
    "BUSY_TIMEOUT_S", "Database", "create_database", "is_server", "name_of", "open_database",
    "project_row", "shown",
]  # fmt: skip

_PROJECT_COLUMNS = {"format_version", "name", "profile", "crs"}


def open_database(address: str | Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Database:
    """Open a project that exists; one of an older Lianpian is brought up to date.

    Raises
    ------
    ProjectError
        It is not there, is no project, was made by a newer Lianpian, or cannot be written.
    """
    parsed = parse_address(address)
    database: Database
    if isinstance(parsed, Path):
        database = file = open_file(parsed, busy_timeout_s=busy_timeout_s)
    else:
        database, file = open_server(parsed, busy_timeout_s=busy_timeout_s), None
    try:
        with database.read() as connection:
            _require_project(connection, database)
        if file is not None:
            file.use_wal()
        bring_up(database, PROJECTS)
    except BaseException:
        database.engine.dispose()
        raise
    return database


def create_database(address: str | Path, fill: Callable[[Connection], None], *, now: str) -> None:
    """Make the tables of a new project and let ``fill`` write its first rows; all or nothing.

    Raises
    ------
    ProjectError
        There is something of that name already, or the server cannot be used.
    FileError
        The name or the folder does not do.
    """

    def make(connection: Connection) -> None:
        create_tables(connection, PROJECTS, now=now)
        fill(connection)

    parsed = parse_address(address)
    if isinstance(parsed, Path):
        create_file(parsed, make)
        return
    database = open_server(parsed, create=True)
    try:
        with database.write() as connection:
            if backend_of(connection).has_table(PROJECT.name):
                raise ProjectError(
                    f"There is a project at '{database.shown}' already; give another schema "
                    "(?schema=NAME) or database"
                )
            make(connection)
    finally:
        database.close()


def project_row(connection: Connection) -> Row[Any]:
    """Return the row of facts about the project itself."""
    return connection.execute(select(PROJECT)).one()


def _require_project(connection: Connection, database: Database) -> None:
    backend = backend_of(connection)
    there = backend.columns_in(PROJECT.name) if backend.has_table(PROJECT.name) else set()
    row = None
    if there >= _PROJECT_COLUMNS:
        row = connection.execute(select(PROJECT)).one_or_none()
    if row is None:
        raise _no_project(connection, database)
    if row.format_version > FORMAT_VERSION:
        raise ProjectError(
            f"'{database.shown}' was made by a newer Lianpian (format {row.format_version}, this "
            f"one knows {FORMAT_VERSION}); install the newer one"
        )


def _no_project(connection: Connection, database: Database) -> ProjectError:
    if database.path is None:
        return no_project(database.shown, projects_in(connection))
    return ProjectError(
        f"'{database.path}' is a GeoPackage but no project; make one with lianpian init PROJECT, "
        f"then lianpian import PROJECT KIND {database.path.name}"
    )
