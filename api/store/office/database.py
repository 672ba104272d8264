"""Where an office is kept: a file of its own, or a schema of its own on the server."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, select

from api.store.address import parse_address
from api.store.backend import backend_of
from api.store.moments import stamp, utc_now
from api.store.office.schema import OFFICE_AUDIT, OFFICE_METADATA, PEOPLE
from api.store.revisions import REVISION, Branch, bring_up, create_tables
from api.store.server import open_server
from api.store.sqlite_file import file_database
from api.store.transactions import Database
from api.store.triggers import seal_audit
from gis.errors import ProjectError

_OWNER_ONLY: Final = 0o600


def _create(connection: Connection, now: str) -> None:
    OFFICE_METADATA.create_all(connection, checkfirst=False)
    _restore(connection, now)


def _restore(connection: Connection, _: str) -> None:
    seal_audit(connection, OFFICE_AUDIT.name)


OFFICES: Final = Branch("office", "office_1", _create, _restore)


class OfficeDatabase:
    """The database of an office; its parts read and write through it."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, address: str | Path, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open an office; one that is not there is made, one of an older Lianpian is brought up.

        Raises
        ------
        ProjectError
            It cannot be read or written, is something else, or was made by a newer Lianpian.
        """
        parsed = parse_address(address)
        database: Database
        if isinstance(parsed, Path):
            _make_private(parsed)
            database = file = file_database(parsed, mode="rw")
        else:
            database, file = open_server(parsed, create=True, spatial=False), None
        try:
            if file is not None:
                file.use_wal()
            _settle(database, clock)
        except BaseException:
            database.engine.dispose()
            raise
        return cls(database, clock=clock)

    @property
    def address(self) -> str:
        """What opens it again; it may hold a password."""
        return self._database.address

    @property
    def shown(self) -> str:
        """The address as people may see it."""
        return self._database.shown

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one state of the office from beginning to end."""
        return self._database.read()

    def write(self) -> AbstractContextManager[Connection]:
        """Give the only connection that may write; all that is done with it happens, or nothing."""
        return self._database.write()

    def close(self) -> None:
        """Let go of it."""
        self._database.close()


def _make_private(path: Path) -> None:
    """Make an empty file that nobody else can read; one that is there stays as it is."""
    if not path.parent.is_dir():
        raise ProjectError(f"'{path}': there is no folder '{path.parent}'; make it first")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER_ONLY))
    except FileExistsError:
        if not path.is_file():
            raise ProjectError(f"'{path}' is not a file; give another name") from None
    except OSError as error:
        raise ProjectError(f"'{path}' cannot be written ({error.strerror})") from None


def _settle(database: Database, clock: Callable[[], datetime]) -> None:
    with database.read() as connection:
        there = backend_of(connection).has_table(REVISION.name)
    if not there:
        with database.write() as connection:
            # Whoever opened it at the same moment may have been faster.
            if not backend_of(connection).has_table(REVISION.name):
                create_tables(connection, OFFICES, now=stamp(clock))
    with database.read() as connection:
        if not backend_of(connection).has_table(PEOPLE.name):
            raise ProjectError(
                f"'{database.shown}' is something else than an office; give another address"
            )
        connection.execute(select(PEOPLE.c.id).limit(1))
    bring_up(database, OFFICES)
