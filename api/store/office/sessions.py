"""Sessions, tokens and attempts to sign in. Of a token only its sha256 is kept.

A token is 256 random bits, so a plain hash is enough: nobody can guess what was hashed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from api.store.audit import Author
from api.store.moments import stamp
from api.store.office.audit import KeepsOfficeAudit
from api.store.office.schema import ATTEMPTS, SESSIONS
from gis.errors import OptionError, UnknownNameError

Kind = Literal["browser", "token"]
TOKEN_BYTES: Final = 32
LONGEST_TOKEN: Final = 200
LONGEST_LABEL: Final = 100
LONGEST_HOURS: Final = 24.0 * 366
LONGEST_BROWSER_HOURS: Final = 24.0 * 30
"""A sign-in that is used all the time ends after this all the same."""

MOST_SESSIONS: Final = 100
"""Of one person; the one unused for longest makes room."""

ATTEMPTS_WINDOW_S: Final = 900.0
"""Attempts are counted over this time."""


@dataclass(frozen=True)
class Session:
    """One sign-in of a browser, or one token of a program; ``id`` is no secret."""

    id: int
    kind: str
    label: str
    created: str
    seen: str
    expires: str


def hash_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class KeepsSessions(KeepsOfficeAudit):
    """The part of an office that keeps sessions, tokens and attempts to sign in."""

    people_changes: int = 0
    """How often people, roles or sessions were changed by this process: what was read before the
    last change must not be believed."""

    def _people_changed(self) -> None:
        self.people_changes += 1

    def add_session(
        self, person_id: int, *, kind: Kind, label: str, hours: float, by: Author, how: str = ""
    ) -> str:
        """Make a session or token; return its secret, which is told this once.

        ``how`` says how the person showed who they are, for the audit.

        Raises
        ------
        OptionError
            It would last too long, or its label is too long or cannot be printed.
        """
        if not 0 < hours <= LONGEST_HOURS:
            raise OptionError(f"A token lasts {hours:g} hours; give 1 to {LONGEST_HOURS:g}")
        label = " ".join(label.split())
        if len(label) > LONGEST_LABEL or not label.isprintable():
            raise OptionError(f"The label is longer than {LONGEST_LABEL} letters or not one line")
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        row = {
            "person_id": person_id,
            "token_hash": hash_of(token),
            "kind": kind,
            "label": label,
            "created": _at(now),
            "seen": _at(now),
            "expires": _at(now + timedelta(hours=hours)),
        }
        with self.write() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires <= _at(now)))
            _make_room(connection, person_id)
            connection.execute(insert(SESSIONS).values(row))
            what = "token made" if kind == "token" else "signed in"
            self._note(connection, by, what, by.name, how=how, expires=row["expires"])
        return token

    def touch_session(self, session_id: int, *, hours: float) -> None:
        """Let a browser's session last ``hours`` from now, as it was used; not beyond a month."""
        now = self._clock()
        with self.write() as connection:
            row = connection.execute(select(SESSIONS).where(SESSIONS.c.id == session_id)).first()
            if row is None:
                return
            values = {"seen": _at(now)}
            if row.kind == "browser":
                made = datetime.fromisoformat(row.created)
                last = min(
                    now + timedelta(hours=hours), made + timedelta(hours=LONGEST_BROWSER_HOURS)
                )
                values["expires"] = _at(last)
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(values))

    def sessions_of(self, person_id: int) -> list[Session]:
        """Return the valid sessions and tokens of a person, the newest first."""
        columns = SESSIONS.c
        query = select(SESSIONS).where(
            columns.person_id == person_id, columns.expires > stamp(self._clock)
        )
        with self.read() as connection:
            rows = connection.execute(query.order_by(columns.id.desc())).all()
        return [_session(row) for row in rows]

    def end_session(self, person_id: int, session_id: int, *, by: Author) -> Session:
        """End one session or token of a person; return which it was.

        Raises
        ------
        UnknownNameError
            They have none of that number.
        """
        where = (SESSIONS.c.id == session_id) & (SESSIONS.c.person_id == person_id)
        with self.write() as connection:
            row = connection.execute(select(SESSIONS).where(where)).first()
            if row is None:
                raise UnknownNameError(f"You have no session or token {session_id}")
            connection.execute(delete(SESSIONS).where(where))
            self._note(connection, by, "signed out" if row.kind == "browser" else "token ended")
        self._people_changed()
        return _session(row)

    def end_sessions(self, person_id: int, *, tokens: bool, by: Author) -> int:
        """End all sessions of a person, with ``tokens`` those of programs too; return how many."""
        where = SESSIONS.c.person_id == person_id
        if not tokens:
            where &= SESSIONS.c.kind == "browser"
        with self.write() as connection:
            ended = int(connection.execute(delete(SESSIONS).where(where)).rowcount)
            self._note(connection, by, "signed out everywhere", ended=ended, tokens=tokens)
        self._people_changed()
        return ended

    def take_attempt(self, limits: Mapping[str, int]) -> float:
        """Count an attempt under each key; return 0, or the seconds to wait after too many.

        ``limits`` says how many are let in under a key within `ATTEMPTS_WINDOW_S`.

        An attempt that is turned away is not counted: the wait does not grow by asking. Counting
        and asking are one transaction, so a hundred attempts at once are not let in together.
        """
        now = self._clock().timestamp()
        columns = ATTEMPTS.c
        wait = 0.0
        with self.write() as connection:
            connection.execute(delete(ATTEMPTS).where(columns.at <= now - ATTEMPTS_WINDOW_S))
            for key, most in limits.items():
                query = select(columns.at).where(columns.key == hash_of(key))
                times = connection.execute(query.order_by(columns.at.desc()).limit(most)).all()
                if len(times) >= most:
                    wait = max(wait, times[-1].at + ATTEMPTS_WINDOW_S - now)
            if not wait:
                rows = [{"key": hash_of(key), "at": now} for key in limits]
                connection.execute(insert(ATTEMPTS), rows)
        return wait

    def clear_attempts(self, key: str, *, only_last: bool = False) -> None:
        """Forget the attempts under a key, or the last one, as it succeeded."""
        columns = ATTEMPTS.c
        where = columns.key == hash_of(key)
        if only_last:
            where &= columns.id == (
                select(func.max(columns.id)).where(columns.key == hash_of(key)).scalar_subquery()
            )
        with self.write() as connection:
            connection.execute(delete(ATTEMPTS).where(where))

    def _valid_session(self, connection: Connection, token: str, kind: str) -> Row[Any] | None:
        if not token or len(token) > LONGEST_TOKEN:
            return None
        columns = SESSIONS.c
        query = select(SESSIONS).where(
            columns.token_hash == hash_of(token),
            columns.kind == kind,
            columns.expires > stamp(self._clock),
        )
        return connection.execute(query).first()


def _session(row: Row[Any]) -> Session:
    return Session(row.id, row.kind, row.label, row.created, row.seen, row.expires)


def _at(moment: datetime) -> str:
    return stamp(lambda: moment)


def _make_room(connection: Connection, person_id: int) -> None:
    columns = SESSIONS.c
    mine = select(columns.id).where(columns.person_id == person_id)
    ids = connection.execute(mine.order_by(columns.seen.desc(), columns.id.desc())).scalars().all()
    too_many = list(ids[MOST_SESSIONS - 1 :])
    if too_many:
        connection.execute(delete(SESSIONS).where(columns.id.in_(too_many)))
