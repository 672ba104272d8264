"""Which revision the tables of a database are of, and how they are brought to the newest one.

A new database gets all tables at once and is stamped. One of an older Lianpian is migrated when it
is opened, in one transaction; only then is Alembic loaded, which takes a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, select

from api.store.backend import backend_of
from api.store.moments import stamp, utc_now
from api.store.schema import ATTRIBUTES
from api.store.transactions import Database
from gis.errors import ProjectError

REVISION: Final = Table(
    "alembic_version", MetaData(), Column("version_num", Text, primary_key=True)
)
"""The table of Alembic, with a column type that GeoPackage has a name for."""


@dataclass(frozen=True)
class Branch:
    """A line of revisions: its folder in ``migrations``, and its newest one."""

    name: str
    head: str
    create: Callable[[Connection, str], None]
    settle: Callable[[Connection, str], None]


def _create_project(connection: Connection, now: str) -> None:
    backend = backend_of(connection)
    backend.create_core(now=now)
    for table in ATTRIBUTES:
        backend.create_table(table, now=now)


def _settle_project(connection: Connection, now: str) -> None:
    backend_of(connection).settle(now=now)


PROJECTS: Final = Branch("project", "project_3", _create_project, _settle_project)


def create_tables(connection: Connection, branch: Branch, *, now: str) -> None:
    """Create the tables of an empty database, and note that they are of the newest revision."""
    branch.create(connection, now)
    REVISION.create(connection)
    connection.execute(insert(REVISION).values(version_num=branch.head))


def bring_up(database: Database, branch: Branch) -> None:
    """Bring the tables of a database to the newest revision, all of the way or not at all.

    Raises
    ------
    ProjectError
        They were made by a newer Lianpian.
    """
    with database.read() as connection:
        if _revision(connection) == branch.head:
            return
    with database.rebuild() as connection:
        # Whoever opened it at the same moment may have been faster.
        found = _revision(connection)
        if found == branch.head:
            return
        from api.store.migrations import upgrade

        if not upgrade(connection, branch.name, found, branch.head):
            raise ProjectError(
                f"'{database.shown}' was made by a newer Lianpian (revision {found}, this one "
                f"knows {branch.head}); install the newer one"
            )
        branch.settle(connection, stamp(utc_now))


def _revision(connection: Connection) -> str | None:
    if not backend_of(connection).has_table(REVISION.name):
        return None
    return connection.execute(select(REVISION.c.version_num)).scalar()
