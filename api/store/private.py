"""People who signed for their households: personal data that never leaves the project.

No export, map, share, gap list, log, audit line or history of edits holds any of it: it is in one
table that nothing else reads, and who reads or writes it does so through `Project.private`. Each
access is noted in the audit: who, which estate, how many; never what. The table is not encrypted;
who holds the file or the database holds the names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from api.store.audit import KeepsAudit
from api.store.moments import stamp
from api.store.schema import PRIVATE_PERSONS
from gis.errors import OptionError, ProjectError

LONGEST_FIELD: Final = 500
MOST_AT_ONCE: Final = 10_000
_FIELDS: Final = ("building", "household", "name", "id_number", "phone", "note")


@dataclass(frozen=True)
class PrivatePerson:
    """A person of an estate; printed or logged by mistake it shows nothing but its id."""

    building: str | None = field(default=None, repr=False)
    household: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    id_number: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)
    id: int | None = None


class PrivatePersons:
    """The personal data of a project; got from `Project.private`."""

    def __init__(
        self,
        write: Callable[[], AbstractContextManager[Connection]],
        note: Callable[..., None],
        now: Callable[[], str],
    ) -> None:
        self._write = write
        self._note = note
        self._now = now

    def add(self, estate: str, persons: Sequence[PrivatePerson]) -> tuple[int, ...]:
        """Add people of an estate; return their ids.

        Raises
        ------
        OptionError
            There are none or too many, or a field is no text or too long.
        """
        if not persons or len(persons) > MOST_AT_ONCE:
            raise OptionError(f"Give 1 to {MOST_AT_ONCE} persons at once")
        rows = [_checked(estate, place, person) for place, person in enumerate(persons)]
        now = self._now()
        with self._writing() as connection:
            ids = tuple(
                connection.execute(
                    insert(PRIVATE_PERSONS)
                    .values(estate=estate, at=now, **row)
                    .returning(PRIVATE_PERSONS.c.id)
                ).scalar_one()
                for row in rows
            )
            self._note(connection, "private persons added", estate, now=now, persons=len(ids))
            return ids

    def list(self, estate: str) -> tuple[PrivatePerson, ...]:
        """Return the people of an estate, in the order in which they were added."""
        query = select(PRIVATE_PERSONS).where(PRIVATE_PERSONS.c.estate == estate)
        with self._writing() as connection:
            found = connection.execute(query.order_by(PRIVATE_PERSONS.c.id)).mappings().all()
            self._note(connection, "private persons read", estate, persons=len(found))
        return tuple(
            PrivatePerson(id=row["id"], **{name: row[name] for name in _FIELDS}) for row in found
        )

    def counts(self) -> dict[str, int]:
        """Return how many people are kept of each estate."""
        columns = PRIVATE_PERSONS.c
        query = select(columns.estate, func.count()).group_by(columns.estate)
        with self._writing() as connection:
            found = {estate: int(count) for estate, count in connection.execute(query)}
            self._note(connection, "private persons counted", "", estates=len(found))
        return dict(sorted(found.items()))

    def remove(self, estate: str, ids: Sequence[int] | None = None) -> int:
        """Remove people of an estate, all unless their ids are given; return how many.

        In a GeoPackage the bytes are overwritten. Copies and backups made before still hold them;
        so do the dead rows of PostgreSQL until it clears them away.
        """
        columns = PRIVATE_PERSONS.c
        which = columns.estate == estate
        if ids is not None:
            which &= columns.id.in_([int(id_) for id_ in ids])
        with self._writing() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
            gone = int(connection.execute(delete(PRIVATE_PERSONS).where(which)).rowcount)
            self._note(connection, "private persons removed", estate, persons=gone)
            return gone

    def _writing(self) -> AbstractContextManager[Connection]:
        return _Silent(self._write())


class KeepsPrivate(KeepsAudit):
    """The part of a project that keeps personal data."""

    def private(self) -> PrivatePersons:
        """Return the personal data; every access to it is noted in the audit."""
        return PrivatePersons(self._database.write, self._note, lambda: stamp(self._clock))


class _Silent(AbstractContextManager[Connection]):
    """A transaction whose errors do not repeat what was to be written."""

    def __init__(self, transaction: AbstractContextManager[Connection]) -> None:
        self._transaction = transaction

    def __enter__(self) -> Connection:
        return self._transaction.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        try:
            return self._transaction.__exit__(*error)
        except DBAPIError:
            raise ProjectError("The personal data could not be written; try again") from None


def _checked(estate: str, place: int, person: PrivatePerson) -> dict[str, str | None]:
    if not estate or len(estate) > LONGEST_FIELD:
        raise OptionError("Give the uid of the estate that the persons belong to")
    values = {name: value for name, value in asdict(person).items() if name != "id"}
    for name, value in values.items():
        if value is None:
            continue
        bad = not isinstance(value, str) or len(value) > LONGEST_FIELD or "\0" in value
        if bad or any("\ud800" <= letter <= "\udfff" for letter in value):
            # The value itself is never told.
            raise OptionError(
                f"Person {place + 1}, {name}: give a text of at most {LONGEST_FIELD} characters"
            )
    return values
