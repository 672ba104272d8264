"""A schema of a PostgreSQL database: how it is opened, locked and closed, and what its errors mean.

Only the own schema is searched for tables: with another project in ``public``, a table that is
missing here must never be found there. PostGIS may live in any schema; `POSTGIS` in the ``info`` of
a connection names it. Writers take turns by an advisory lock, as they do in a file by BEGIN
IMMEDIATE: whoever waits for it sees, once it is there, all that was committed before.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.store.address import PUBLIC, ServerAddress
from api.store.sqlite_file import broken_text
from api.store.transactions import BUSY_TIMEOUT_S, POOL, READ_ONLY, Database
from gis.errors import LayerError, LianpianError, ProjectError

POSTGIS: Final = "postgis"
NEEDS_EXTRA: Final = (
    "A postgresql:// address needs the driver psycopg; install it with: "
    "pip install 'lianpian[postgis]'"
)
_PROJECTS: Final = (
    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = 'project' AND c.relkind = 'r' AND EXISTS (SELECT FROM pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attname = 'format_version') ORDER BY 1"
)
_MOST_NAMED: Final = 10
_NO_TRANSACTION: Final = "lianpian_no_transaction"
_OLDEST: Final = 130000
_CONNECT_TIMEOUT_S: Final = "10"
_LOCK_CLASS: Final = 0x4C50
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:class, hashtext(:schema))")
_WHERE_POSTGIS: Final = (
    "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'postgis'"
)
# By SQLSTATE, the longest beginning first: what is the matter and what to do.
_SAID: Final = {
    "28P01": "the password is wrong; check it (PGPASSWORD or ~/.pgpass keep it out of the address)",
    "28": "the server lets this user not in; check user and pg_hba.conf",
    "3D000": "there is no such database; make it with: createdb",
    "42501": "this user has no right to do that; ask the owner of the database for it",
    "42P01": "another program took a table away at this moment; try again",
    "25006": "the server takes no changes (a standby); give the address of the primary",
    "53100": "the disk of the server is full; make room and try again",
    "53300": "the server has too many connections; close some or try later",
    "53": "the server is short of memory or room; try later",
    "55P03": "it is in use by another program; close it or try later",
    "40": "another program wrote at the same time; try again",
    "57": "the server is shutting down or stopped the work; try again later",
    "58": "the disk of the server cannot be read or written; ask who keeps it",
    "08": "the connection to the server broke; check that it runs and try again",
    "XX001": "the database is damaged; go back to a backup",
    "XX002": "an index of the database is damaged; let its owner run REINDEX DATABASE",
}
_AWAY: Final = (
    "the server cannot be reached; check that it runs and that host, port and network are right"
)
# A server that refuses a connection gives no SQLSTATE to the driver; its words name the cause.
_REFUSED: Final = {
    "password": "28P01",
    "pg_hba.conf": "28",
    "role": "28",
    "database": "3D000",
    "too many": "53300",
    "starting up": "57",
    "shutting down": "57",
}


@dataclass(frozen=True, eq=False)
class ServerDatabase(Database):
    """An open schema of a PostgreSQL database."""

    schema: str = PUBLIC

    def told(self) -> AbstractContextManager[None]:
        """Turn what the server says into an error that names it and says what to do."""
        return told_by_name(self.shown)

    def settle(self) -> None:
        """Do nothing: a server looks after its journal itself."""

    def mark(self) -> int:
        """Return a number that is another one whenever anybody has committed since; it is cheap."""
        with self.told(), self.engine.connect() as connection:
            connection = connection.execution_options(
                isolation_level="AUTOCOMMIT", **{_NO_TRANSACTION: True}
            )
            # Which transactions are done: every commit that wrote something changes it.
            seen = connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one()
            return int.from_bytes(hashlib.sha256(seen.encode()).digest()[:7], "big")

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_server(
    address: ServerAddress, *, busy_timeout_s: float = BUSY_TIMEOUT_S, create: bool = False,
    spatial: bool = True,
) -> ServerDatabase:  # fmt: skip
    """Connect to a schema; ``create`` makes it if it is not there, ``spatial`` needs PostGIS.

    Raises
    ------
    ProjectError
        The driver is not installed, the server cannot be reached or lets the user not in, the
        database has no PostGIS, or the schema is not there.
    """
    engine = _engine(address, busy_timeout_s)
    full = address.in_schema(address.schema)
    database = ServerDatabase(
        full, address.shown, None, engine, busy_timeout_s, schema=address.schema
    )
    try:
        with database.told(), engine.connect() as connection:
            # Whoever is writing need not be waited for.
            connection = connection.execution_options(**{_NO_TRANSACTION: True})
            _require_usable(connection, database, create=create, spatial=spatial)
    except BaseException:
        engine.dispose()
        raise
    return database


def _require_usable(
    connection: Connection, database: ServerDatabase, *, create: bool, spatial: bool
) -> None:
    shown, ask = database.shown, connection.exec_driver_sql
    if int(ask("SHOW server_version_num").scalar_one()) < _OLDEST:
        raise ProjectError(f"'{shown}': the server is older than PostgreSQL 13; use a newer one")
    if ask("SHOW server_encoding").scalar_one() != "UTF8":
        raise ProjectError(
            f"'{shown}': the database does not keep text as UTF-8; make one with: "
            "createdb --encoding=UTF8 --template=template0"
        )
    if spatial and not connection.info.get(POSTGIS):
        raise ProjectError(
            f"'{shown}': the database has no PostGIS; let its superuser run there: "
            "CREATE EXTENSION postgis"
        )
    if ask("SELECT current_schema()").scalar_one() is None:
        if not create:
            raise no_project(shown, projects_in(connection))
        connection.execute(_LOCK, {"class": _LOCK_CLASS, "schema": database.schema})
        ask(f'CREATE SCHEMA IF NOT EXISTS "{database.schema}"')
        connection.commit()


def no_project(shown: str, others: Sequence[str] = ()) -> ProjectError:
    """Return what to say where there is no project; ``others`` are schemas that hold one."""
    words = f"There is no project at '{shown}'"
    if others:
        more = len(others) - _MOST_NAMED
        listed = ", ".join(others[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        words += f"; of this database these schemas hold one: {listed} (?schema={others[0]})"
    return ProjectError(f"{words}; make one with: lianpian init {shown}")


def projects_in(connection: Connection) -> tuple[str, ...]:
    """Return the names of the schemas of the database that hold a project, in their order."""
    return tuple(connection.exec_driver_sql(_PROJECTS).scalars())


def _engine(address: ServerAddress, busy_timeout_s: float) -> Engine:
    defaults = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "lianpian"}
    given = {key: value for key, value in defaults.items() if key not in address.url.query}
    try:
        engine = create_engine(
            address.url, connect_args=given, pool_pre_ping=True, pool_timeout=busy_timeout_s, **POOL
        )
    except ModuleNotFoundError:
        raise ProjectError(NEEDS_EXTRA) from None

    def on_connect(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f'SET search_path TO "{address.schema}"')
            cursor.execute("SET client_encoding TO 'UTF8'")
            cursor.execute(f"SET lock_timeout TO '{int(busy_timeout_s * 1000)}ms'")
            cursor.execute(_WHERE_POSTGIS)
            row = cursor.fetchone()
        connection.commit()
        record.info[POSTGIS] = row[0] if row else None

    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(READ_ONLY):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        elif not options.get(_NO_TRANSACTION):
            connection.execute(_LOCK, {"class": _LOCK_CLASS, "schema": address.schema or PUBLIC})

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


@contextlib.contextmanager
def told_by_name(shown: str) -> Iterator[None]:
    """Turn what the server says into an error that names the address, without its password."""
    try:
        yield
    except DBAPIError as error:
        told = _told(shown, error.orig)
        if told is None:
            raise
        # Not "from error": the driver's own words may repeat what it was given.
        raise told from None
    except PoolTimeout:
        raise ProjectError(f"'{shown}' has too many readers at once; try later") from None
    except UnicodeEncodeError as error:
        raise broken_text(error) from None
    except Exception as error:
        # COPY speaks with the driver itself.
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        told = _told(shown, error)
        if told is None:
            raise
        raise told from None


def _told(shown: str, error: BaseException | None) -> LianpianError | None:
    state, words = getattr(error, "sqlstate", None), str(error)
    if state is None and "NUL (0x00)" in words:
        return LayerError(
            "A text holds a NUL character, which PostgreSQL cannot keep; correct it where it comes "
            "from and try again"
        )
    if state is None and type(error).__name__ in ("OperationalError", "ConnectionTimeout"):
        fatal = words.partition("FATAL:")[2]
        state = next((code for word, code in _REFUSED.items() if word in fatal), None)
        if state is None:
            return ProjectError(f"'{shown}': {_AWAY}")
    if state is None:
        return None
    if state.startswith("22"):
        where = " ".join(str(getattr(getattr(error, "diag", None), "context", None) or "").split())
        return LayerError(f"'{shown}': a value does not fit its column ({where[:200]}); correct it")
    said = next((_SAID[state[:n]] for n in (5, 2) if state[:n] in _SAID), None)
    return None if said is None else ProjectError(f"'{shown}': {said}")
