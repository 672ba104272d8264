"""The file itself: how it is made, opened, locked and closed, and what its errors are called.

Journal: WAL, so that readers and a writer do not wait for each other. ``synchronous=FULL``: an edit
that was acknowledged outlives a kill and a power cut; it costs about 0.2 ms per commit. Writers
begin with BEGIN IMMEDIATE: a transaction that first reads and then writes under a plain BEGIN is
turned away with "database is locked" whenever another has written in between, and no waiting helps.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from api.store.codec import register_functions
from api.store.geopackage import APPLICATION_ID
from gis.errors import FileError, ProjectError

SUFFIX: Final = ".gpkg"
BUSY_TIMEOUT_S: Final = 30.0
_SQLITE_MAGIC: Final = b"SQLite format 3\x00"
_APPLICATION_ID_AT: Final = 68
_HEADER_BYTES: Final = 100
_NO_HARD_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True, eq=False)
class Database:
    """An open GeoPackage: transactions for reading and for writing."""

    path: Path
    engine: Engine

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the project from beginning to end."""
        with told_by_name(self.path), self.engine.connect() as connection:
            connection = connection.execution_options(lianpian_readonly=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the only connection that may write; all that is done with it happens, or nothing."""
        with told_by_name(self.path), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Move what is in the WAL into the file, as far as nobody else needs it, and let go."""
        # Nothing is lost when this fails, and it must not hide the error that led here.
        with contextlib.suppress(DBAPIError, sqlite3.Error):
            # Without waiting: whoever else has the file open does this on closing.
            _pragmas(self.engine, "busy_timeout = 0", "wal_checkpoint(TRUNCATE)")
        self.engine.dispose()


def open_database(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Database:
    """Open a GeoPackage that exists.

    Raises
    ------
    ProjectError
        It is not there, is no GeoPackage, or cannot be written.
    """
    _require_geopackage(path)
    return Database(path, _engine(path, mode="rw", busy_timeout_s=busy_timeout_s))


def use_wal(database: Database) -> None:
    """Switch the file to WAL, where it is not so already and can be (network shares cannot)."""
    with told_by_name(database.path):
        _pragmas(database.engine, "journal_mode = WAL")


def _pragmas(engine: Engine, *pragmas: str) -> None:
    """Run pragmas that do not work inside a transaction."""
    pooled = engine.raw_connection()
    try:
        cursor = pooled.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
        cursor.close()
    finally:
        pooled.close()


def create_file(path: Path, fill: Callable[[Connection], None]) -> None:
    """Make a GeoPackage that appears under its name only when it is whole.

    Of several that make the same one at once, one succeeds.

    Raises
    ------
    ProjectError
        There is something of that name already.
    FileError
        The name or the folder does not do.
    """
    _require_free(path)
    draft = path.with_name(f".lianpian-{secrets.token_hex(8)}{SUFFIX}")
    try:
        # It is called by the name it will have, so that an error does not tell of the draft.
        database = Database(path, _engine(draft, mode="rwc", busy_timeout_s=BUSY_TIMEOUT_S))
        with database.write() as connection:
            fill(connection)
        use_wal(database)
        database.close()
        _publish(draft, path)
    finally:
        for left in (draft, *_side_files(draft)):
            left.unlink(missing_ok=True)


def _require_free(path: Path) -> None:
    if path.suffix.lower() != SUFFIX:
        raise FileError(f"'{path}': a project is a {SUFFIX} file; give a name that ends so")
    if not path.parent.is_dir():
        raise FileError(f"'{path}': there is no folder '{path.parent}'; make it first")
    if os.path.lexists(path):
        raise _taken(path)
    for left in _side_files(path):
        if left.exists():
            # SQLite would play the journal of another file into the new one.
            raise ProjectError(f"'{left}' is left over from a file that is gone; remove it first")
    if not os.access(path.parent, os.W_OK):
        raise FileError(f"'{path}': the folder cannot be written; choose another one")


def _taken(path: Path) -> ProjectError:
    return ProjectError(f"'{path}' exists already; give another name, or remove it first")


def _side_files(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise FileError(f"'{path}' cannot be written ({error.strerror})") from None
        _claim(path)
        draft.replace(path)
    _sync_folder(path.parent)


def _claim(path: Path) -> None:
    """Take the name on a disk without hard links (USB sticks); replacing it then harms nobody."""
    try:
        path.open("xb").close()
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise FileError(f"'{path}' cannot be written ({error.strerror})") from None


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_geopackage(path: Path) -> None:
    if not path.exists():
        raise ProjectError(f"There is no project '{path}'; make one with: lianpian init {path}")
    if not path.is_file():
        raise ProjectError(f"'{path}' is not a file; give the {SUFFIX} file of a project")
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        raise ProjectError(
            f"'{path}' cannot be read ({error.strerror}); ask for permission"
        ) from None
    mark = head[_APPLICATION_ID_AT : _APPLICATION_ID_AT + len(APPLICATION_ID)]
    if not head.startswith(_SQLITE_MAGIC) or mark != APPLICATION_ID:
        what = "is empty" if not head else "is not a GeoPackage"
        raise ProjectError(f"'{path}' {what}; give a project made with: lianpian init PROJECT")
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise _read_only(path)


def _read_only(path: Path) -> ProjectError:
    return ProjectError(
        f"'{path}' or its folder is read-only; copy the project to where you may write"
    )


def _engine(path: Path, *, mode: str, busy_timeout_s: float) -> Engine:
    address = f"{path.absolute().as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        register_functions(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    readonly = connection.get_execution_options().get("lianpian_readonly")
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


@contextlib.contextmanager
def told_by_name(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a file into a `ProjectError` that names it."""
    try:
        yield
    except DBAPIError as error:
        told = _told(path, error.orig)
        if told is None:
            raise
        raise told from error
    except sqlite3.Error as error:
        told = _told(path, error)
        if told is None:
            raise
        raise told from error


def _told(path: Path, error: BaseException | None) -> ProjectError | None:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ProjectError(f"'{path}' is in use by another program; close it or try later")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return _read_only(path)
        case sqlite3.SQLITE_FULL:
            return ProjectError(f"'{path}': the disk is full; make room and try again")
        case sqlite3.SQLITE_IOERR:
            return ProjectError(f"'{path}': the disk cannot be read or written ({error})")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return ProjectError(f"'{path}' is damaged ({error}); go back to a backup")
    return None
