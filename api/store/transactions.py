"""Transactions, whatever the database is: readers see one state, writers take turns."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine

from gis.errors import ProjectError

BUSY_TIMEOUT_S: Final = 30.0
POOL: Final = {"pool_size": 8, "max_overflow": 56, "hide_parameters": True}
"""How an engine is made: for the threads of a server; values of rows are personal data, and never
in a message."""
READ_ONLY: Final = "lianpian_readonly"
"""Execution option of a connection that will only read."""


@dataclass(frozen=True, eq=False)
class Database(ABC):
    """An open database: transactions for reading and for writing.

    ``address`` opens it again and may hold a password: it is never shown. ``shown`` is what people
    are told, ``path`` the file, or None on a server.
    """

    address: str = field(repr=False)
    shown: str
    path: Path | None
    engine: Engine = field(repr=False)
    busy_timeout_s: float = BUSY_TIMEOUT_S
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the project from beginning to end."""
        with self.told(), self.engine.connect() as connection:
            connection = connection.execution_options(**{READ_ONLY: True})
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the only connection that may write; all that is done with it happens, or nothing."""
        # Threads of one process queue here: whoever came first is first, and none holds one of the
        # pool's connections while it waits.
        if not self._turn.acquire(timeout=self.busy_timeout_s):
            raise self.busy()
        try:
            with self.told(), self.engine.begin() as connection:
                yield connection
        finally:
            self._turn.release()

    def busy(self) -> ProjectError:
        """Return what to say where others kept it busy for too long."""
        return ProjectError(f"'{self.shown}' is in use by another program; close it or try later")

    def rebuild(self) -> AbstractContextManager[Connection]:
        """Give a connection that may write and change the tables themselves."""
        return self.write()

    @abstractmethod
    def told(self) -> AbstractContextManager[None]:
        """Turn what the database says into an error that names it and says what to do."""

    @abstractmethod
    def mark(self) -> int:
        """Return a number that is another one whenever anybody has committed since; it is cheap."""

    @abstractmethod
    def settle(self) -> None:
        """Move what waits beside a file into it, as far as nobody is kept waiting by it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""
