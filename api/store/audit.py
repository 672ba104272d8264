"""Who changed what, when, from where: lines only ever added, each sealed by the one before.

A line's hash is the SHA-256 over the hash of the line before it and the line itself, so that a line
changed, taken out or put in between breaks every later hash. Lines are written in the transaction
of the change that they tell of: neither is there without the other. They hold counts, kinds, names
of plans and uids; never a value of a row, never the folder of a file.
"""

from __future__ import annotations

import copy
import getpass
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import Connection, Row, RowMapping, Table, insert, select, update

from api.store.moments import Clock, stamp
from api.store.schema import AUDIT, LAYER_VERSIONS

if TYPE_CHECKING:
    from api.store.transactions import Database

FIRST_HASH: Final = "0" * 64
"""What stands in the place of the hash before the first line."""

MADE: Final = ("project made", "copied from")
"""What the lines say with which a project, or a copy of one, begins."""

_COUNT: Final = "audit"
_MARK_LETTERS: Final = 8
_LONGEST_WORD: Final = 200
_MOST_NAMED: Final = 50


@dataclass(frozen=True)
class Author:
    """Who does something, and from where: "command line", an address, a job."""

    name: str
    where: str

    @classmethod
    def here(cls) -> Self:
        """Return who works at this machine; ``LIANPIAN_USER`` overrides the name of the account."""
        try:
            name = os.environ.get("LIANPIAN_USER") or getpass.getuser()
        except (KeyError, OSError):
            name = "unknown"
        return cls(name, "command line")


@dataclass(frozen=True)
class AuditLine:
    """One line: at that time ``who`` did ``what`` to ``subject``, from ``where``."""

    id: int
    at: str
    who: str
    where: str
    what: str
    subject: str
    detail: Mapping[str, Any]
    hash: str


@dataclass(frozen=True)
class AuditCheck:
    """What a recount of the chain found.

    ``rows`` lines are there; ``first_bad`` is the id of the first line that is not as it was
    written, or where one is missing (None: none found); ``last`` is the hash of the last line, to
    be noted outside the project and given to a later `verify_audit`.
    """

    ok: bool
    rows: int
    first_bad: int | None
    why: str
    last: str


class KeepsAudit:
    """The part of a project that knows who works with it, and notes what they do."""

    _database: Database
    _clock: Clock
    _author: Author
    _is_twin: bool

    @property
    def author(self) -> Author:
        """Who works with the project."""
        return self._author

    def acting_as(self, author: Author) -> Self:
        """Return the same project in another's name: what it writes is noted as theirs.

        It shares the open database, costs next to nothing, and is not closed by itself.
        """
        twin = copy.copy(self)
        twin._author = author
        twin._is_twin = True
        return twin

    def note(self, what: str, subject: str = "", **detail: Any) -> None:
        """Add a line about something that changes no table, such as an export.

        ``detail`` holds counts, kinds, names of plans and uids; nothing that may be personal.
        """
        with self._database.write() as connection:
            self._note(connection, what, subject, **detail)

    def audit_lines(self, limit: int = 100, before: int | None = None) -> tuple[AuditLine, ...]:
        """Return the newest lines, the newest first; ``before`` only those before that id."""
        query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(max(0, limit))
        if before is not None:
            query = query.where(AUDIT.c.id < before)
        with self._database.read() as connection:
            return tuple(read_line(row) for row in connection.execute(query))

    def verify_audit(self, expected: str | None = None) -> AuditCheck:
        """Compute the whole chain anew.

        It finds a line that was changed, taken out of the middle, added by another program or
        moved. Lines cut off at the end are found by the count that is kept in another table.
        Someone who holds the file, knows all this and computes all later hashes and the count anew
        can still forge the tail, and nothing inside the file can tell. Against them: note ``last``
        somewhere else from time to time and give it as ``expected``.

        Parameters
        ----------
        expected
            A hash that ``last`` was once; it must still be in the chain.
        """
        query = select(AUDIT).order_by(AUDIT.c.id).execution_options(yield_per=1000)
        with self._database.read() as connection:
            counted = connection.execute(
                select(LAYER_VERSIONS.c.version).where(LAYER_VERSIONS.c.kind == _COUNT)
            ).scalar()
            # Closed also where a bad line ends it early: a server keeps a cursor for it.
            with closing(connection.execute(query)) as rows:
                return check_chain(rows, counted or 0, expected)

    def _note(
        self,
        connection: Connection,
        what: str,
        subject: str = "",
        /,
        *,
        now: str | None = None,
        **detail: Any,
    ) -> None:
        """Add a line in the transaction of what it tells of, at the same time."""
        now = now or stamp(self._clock)
        note(connection, self._author, now=now, what=what, subject=subject, **detail)


def note(
    connection: Connection, author: Author, *, now: str, what: str, subject: str, **detail: Any
) -> None:
    """Add a line to the audit of a project, and count it."""
    number = add_line(connection, author, now=now, what=what, subject=subject, detail=detail)
    _count(connection, number, now=now)


def add_line(
    connection: Connection,
    author: Author,
    *,
    table: Table = AUDIT,
    now: str,
    what: str,
    subject: str,
    detail: Mapping[str, Any],
) -> int:
    """Add a line within a transaction of the caller, who holds the right to write.

    Returns its number, which the caller keeps in a second place.
    """
    last = connection.execute(
        select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1)
    ).one_or_none()
    row: dict[str, Any] = {
        "id": 1 if last is None else last.id + 1,
        "at": now,
        "who": _one_line(author.name),
        "where_from": _one_line(author.where),
        "what": what,
        "subject": _one_line(subject),
        "detail": _canonical({key: _short(value) for key, value in detail.items()}),
        "previous": FIRST_HASH if last is None else last.hash,
    }
    connection.execute(insert(table).values(row | {"hash": seal(row)}))
    number: int = row["id"]
    return number


def seal(row: Mapping[str, Any] | RowMapping) -> str:
    """Return the hash of a line, over all its columns but the hash itself."""
    told = {key: value for key, value in row.items() if key != "hash"}
    return hashlib.sha256(_canonical(told).encode("utf-8", "backslashreplace")).hexdigest()


def mark_of(connection: Connection) -> str:
    """Return what tells a project from all others, and a copy from what it was copied from.

    It is the beginning of the hash of the line with which it began.
    """
    hashes = select(AUDIT.c.hash)
    made = hashes.where(AUDIT.c.what.in_(MADE)).order_by(AUDIT.c.id.desc()).limit(1)
    first = hashes.order_by(AUDIT.c.id).limit(1)
    found = connection.execute(made).scalar() or connection.execute(first).scalar()
    return str(found or FIRST_HASH)[:_MARK_LETTERS]


def _count(connection: Connection, lines: int, *, now: str) -> None:
    """Keep the number of lines in a second place, which a mere deletion of lines leaves alone."""
    values = {"version": lines, "changed": now}
    done = connection.execute(
        update(LAYER_VERSIONS).where(LAYER_VERSIONS.c.kind == _COUNT).values(values)
    )
    if not done.rowcount:
        connection.execute(insert(LAYER_VERSIONS).values(kind=_COUNT, **values))


def check_chain(rows: Iterable[Row[Any]], counted: int, expected: str | None) -> AuditCheck:
    """Compute the hashes of all lines anew; ``counted`` is how many were written."""
    number, last, found = 0, FIRST_HASH, expected in (None, FIRST_HASH)
    for row in rows:
        number += 1
        why = ""
        if row.id != number:
            why = f"line {number} is missing"
        elif row.previous != last:
            why = f"line {row.id} does not follow the one before it"
        elif seal(row._mapping) != row.hash:
            why = f"line {row.id} is not as it was written"
        if why:
            return AuditCheck(False, number, number, why, last)
        last = row.hash
        found = found or last == expected
    if number != counted:
        fewer = f"{number} lines are there, {counted} were written"
        return AuditCheck(False, number, min(number, counted) + 1, fewer, last)
    if not found:
        why = "the hash that was noted is not in the chain: its tail was written anew"
        return AuditCheck(False, number, None, why, last)
    return AuditCheck(True, number, None, "", last)


def read_line(row: Row[Any]) -> AuditLine:
    """Return a line of the table as it is told."""
    return AuditLine(
        row.id, row.at, row.who, row.where_from, row.what, row.subject, json.loads(row.detail),
        row.hash,
    )  # fmt: skip


def _canonical(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _short(value: Any) -> Any:
    """Cut what is long; of a long list of names the first are told, and how many there are."""
    if isinstance(value, str):
        return _one_line(value)
    if isinstance(value, list | tuple):
        told = [_short(item) for item in value[:_MOST_NAMED]]
        more = len(value) - _MOST_NAMED
        return [*told, f"and {more} more"] if more > 0 else told
    return value


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:_LONGEST_WORD]
