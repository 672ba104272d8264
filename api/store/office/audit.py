"""The audit of the office: who signed in, who failed to, who gave whom which rights.

Its lines are sealed as those of a project are. They hold names of people and projects and where a
request came from; never a password, a token or what was typed where a name should have been.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from api.store.audit import AuditCheck, AuditLine, Author, add_line, check_chain, read_line
from api.store.moments import stamp
from api.store.office.schema import OFFICE_AUDIT, OFFICE_COUNTS

_COUNT: Final = "audit"


class KeepsOfficeAudit:
    """The part of an office that notes what was done in it."""

    read: Callable[[], AbstractContextManager[Connection]]
    write: Callable[[], AbstractContextManager[Connection]]
    _clock: Callable[[], datetime]

    def note(self, by: Author, what: str, subject: str = "", **detail: Any) -> None:
        """Add a line about something that changes no table, such as a failed sign-in."""
        with self.write() as connection:
            self._note(connection, by, what, subject, **detail)

    def audit_lines(self, limit: int = 100, before: int | None = None) -> tuple[AuditLine, ...]:
        """Return the newest lines, the newest first; ``before`` only those before that id."""
        columns = OFFICE_AUDIT.c
        query = select(OFFICE_AUDIT).order_by(columns.id.desc()).limit(max(0, limit))
        if before is not None:
            query = query.where(columns.id < before)
        with self.read() as connection:
            return tuple(read_line(row) for row in connection.execute(query))

    def verify_audit(self, expected: str | None = None) -> AuditCheck:
        """Compute the whole chain anew; ``expected`` is a hash that must be in it."""
        query = select(OFFICE_AUDIT).order_by(OFFICE_AUDIT.c.id)
        counted = select(OFFICE_COUNTS.c.number).where(OFFICE_COUNTS.c.name == _COUNT)
        with self.read() as connection:
            written = connection.execute(counted).scalar() or 0
            # Closed also where a bad line ends it early: a server keeps a cursor for it.
            with closing(connection.execute(query.execution_options(yield_per=1000))) as rows:
                return check_chain(rows, written, expected)

    def _note(
        self, connection: Connection, by: Author, what: str, subject: str = "", /, **detail: Any
    ) -> None:
        """Add a line in the transaction of the change that it tells of."""
        number = add_line(
            connection,
            by,
            table=OFFICE_AUDIT,
            now=stamp(self._clock),
            what=what,
            subject=subject,
            detail=detail,
        )
        counts = OFFICE_COUNTS.c
        written = update(OFFICE_COUNTS).where(counts.name == _COUNT).values(number=number)
        if not connection.execute(written).rowcount:
            connection.execute(insert(OFFICE_COUNTS).values(name=_COUNT, number=number))
