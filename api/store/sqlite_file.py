"""An SQLite file: how it is made, opened, locked and closed, and what its errors are called.

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
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from api.store.codec import register_functions
from api.store.transactions import BUSY_TIMEOUT_S, POOL, READ_ONLY, Database
from gis.errors import FileError, LayerError, LianpianError, ProjectError

SUFFIX: Final = ".gpkg"
APPLICATION_ID: Final = b"GPKG"
_NO_HARD_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


@dataclass
class _Watcher:
    """A connection that only looks whether others have committed.

    SQLite tells that to each connection about all others; one of the pool may have written itself.
    """

    connection: sqlite3.Connection | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, eq=False)
class FileDatabase(Database):
    """An open SQLite file."""

    path: Path
    _watcher: _Watcher = field(default_factory=_Watcher, repr=False)

    def told(self) -> AbstractContextManager[None]:
        """Turn what SQLite says of a file into a `ProjectError` that names it."""
        return told_by_name(self.path)

    def mark(self) -> int:
        """Return a number that is another one whenever anybody has committed since; it is cheap."""
        with self.told(), self._watcher.lock:
            if self._watcher.connection is None:
                self._watcher.connection = _connect(self.path, mode="rw", busy_timeout_s=1.0)
            row = self._watcher.connection.execute("PRAGMA data_version").fetchone()
            return int(row[0])

    def settle(self) -> None:
        """Move what is in the WAL into the file, as far as nobody is kept waiting by it.

        SQLite plays a WAL that lies beside a file into it, even into one that was put in the place
        of another; so none should lie there for long.
        """
        # A connection of the pool has the right file open even where its name is another's now.
        with contextlib.suppress(DBAPIError, sqlite3.Error, PoolTimeout):
            pooled = self.engine.raw_connection()
            try:
                cursor = pooled.cursor()
                cursor.execute("PRAGMA busy_timeout = 0")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                wait_ms = int(self.busy_timeout_s * 1000)
                pooled.cursor().execute(f"PRAGMA busy_timeout = {wait_ms}")
                pooled.close()

    def close(self) -> None:
        """Move what is in the WAL into the file, as far as nobody else needs it, and let go."""
        with self._watcher.lock:
            if self._watcher.connection is not None:
                self._watcher.connection.close()
                self._watcher.connection = None
        # Nothing is lost when this fails, and it must not hide the error that led here.
        with contextlib.suppress(DBAPIError, sqlite3.Error):
            # Without waiting: whoever else has the file open does this on closing.
            _pragmas(self.engine, "busy_timeout = 0", "wal_checkpoint(TRUNCATE)")
        self.engine.dispose()

    def use_wal(self) -> None:
        """Switch the file to WAL, where it is not so already and can be (not on a network)."""
        with self.told():
            _pragmas(self.engine, "journal_mode = WAL")

    @contextlib.contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """Give a connection that may write and take tables apart: no foreign key acts meanwhile."""
        with self.told(), self.engine.connect() as connection:
            # The pragma does nothing inside a transaction, which SQLAlchemy would begin.
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise ProjectError(
                            f"'{self.path}' cannot be brought up to date: table '{broken[0]}' "
                            "names a row that is not there; go back to a backup"
                        )
            finally:
                raw.execute("PRAGMA foreign_keys = ON")


def open_file(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> FileDatabase:
    """Open a GeoPackage that exists.

    Raises
    ------
    ProjectError
        It is not there, is no GeoPackage, or cannot be written.
    """
    with told_by_name(path):
        _require_geopackage(path)
    return file_database(path, mode="rw", busy_timeout_s=busy_timeout_s)


def file_database(
    path: Path, *, mode: str, busy_timeout_s: float = BUSY_TIMEOUT_S, called: Path | None = None
) -> FileDatabase:
    """Return an SQLite file as a database; errors name ``called`` where it is not ``path``."""
    engine = _engine(path, mode=mode, busy_timeout_s=busy_timeout_s)
    named = path if called is None else called
    return FileDatabase(str(path), str(named), named, engine, busy_timeout_s)


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

    def make(draft: Path) -> None:
        # It is called by the name it will have, so that an error does not tell of the draft.
        database = file_database(draft, mode="rwc", called=path)
        try:
            with database.write() as connection:
                fill(connection)
            database.use_wal()
        finally:
            database.close()

    publish(path, make)


def publish(path: Path, make: Callable[[Path], None]) -> None:
    """Let ``make`` write a draft beside ``path``, and give it its name when it is whole.

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
        make(draft)
        _give_name(draft, path)
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


def _give_name(draft: Path, path: Path) -> None:
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
    if not os.access(path, os.R_OK):
        raise ProjectError(f"'{path}' cannot be read; ask for permission")
    if path.stat().st_size == 0:
        raise ProjectError(f"'{path}' is empty; give a project made with: lianpian init PROJECT")
    if _application_id(path) != int.from_bytes(APPLICATION_ID, "big"):
        raise ProjectError(
            f"'{path}' is not a GeoPackage; give a project made with: lianpian init PROJECT"
        )
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise _read_only(path)


def _application_id(path: Path) -> int | None:
    """Return what an SQLite file says that it is; None for a file of another kind.

    It is asked of SQLite: reading the file by other means and closing it would, on POSIX, drop the
    locks of every connection that this process has to it, and another process could then take
    away the journal that such a connection still writes to.
    """
    with contextlib.closing(_connect(path, mode="rw", busy_timeout_s=BUSY_TIMEOUT_S)) as plain:
        try:
            return int(plain.execute("PRAGMA application_id").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                return None
            raise


def _read_only(path: Path) -> ProjectError:
    return ProjectError(
        f"'{path}' or its folder is read-only; copy the project to where you may write"
    )


def _connect(path: Path, *, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
    )


def _engine(path: Path, *, mode: str, busy_timeout_s: float) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = _connect(path, mode=mode, busy_timeout_s=busy_timeout_s)
        register_functions(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_timeout=busy_timeout_s, **POOL
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    readonly = connection.get_execution_options().get(READ_ONLY)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


@contextlib.contextmanager
def told_by_name(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a file into an error that names it."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        told = _told(path, error.orig if isinstance(error, DBAPIError) else error)
        if told is None:
            raise
        raise told from error
    except PoolTimeout:
        raise ProjectError(f"'{path}' has too many readers at once; try later") from None
    except UnicodeEncodeError as error:
        raise broken_text(error) from None


def broken_text(error: UnicodeEncodeError) -> LianpianError:
    """Return what to say of a text that no database can keep."""
    return LayerError(
        f"A text is broken ({error.reason}: {error.object!r:.40}); import it with the right "
        "--encoding"
    )


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
