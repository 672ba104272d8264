"""People, what they may do in which project, and how they are found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from api.store.audit import Author
from api.store.moments import stamp
from api.store.office.names import shown_name, sign_in_name
from api.store.office.schema import MEMBERS, PEOPLE, ROLES, SESSIONS
from api.store.office.sessions import KeepsSessions
from gis.errors import OptionError, UnknownNameError

MOST_PEOPLE: Final = 10_000


@dataclass(frozen=True)
class Account:
    """A person as the office knows them. The hash of the password is never part of it.

    ``name`` is what they sign in with, folded; ``subject`` is "issuer|sub" of the identity provider
    that they come from, if any.
    """

    id: int
    name: str
    shown_as: str
    admin: bool
    active: bool
    created: str
    has_password: bool
    subject: str | None


@dataclass(frozen=True)
class Member:
    """A person and their role in one project."""

    account: Account
    role: str


@dataclass(frozen=True)
class Known:
    """Whom a session or token belongs to, and their roles by project."""

    account: Account
    roles: Mapping[str, str]
    session_id: int
    expires: str


class KeepsPeople(KeepsSessions):
    """The part of an office that keeps people, their roles and their sessions.

    ``by`` says who makes a change; it is noted in the transaction of the change.
    """

    def people(self) -> list[Account]:
        """Return all people, those who came first at the front."""
        with self.read() as connection:
            return [_account(row) for row in connection.execute(_accounts().order_by(PEOPLE.c.id))]

    def has_people(self) -> bool:
        """Whether anybody is there who could sign in."""
        with self.read() as connection:
            return connection.execute(select(PEOPLE.c.id).limit(1)).first() is not None

    def person(self, person_id: int) -> Account:
        """Return one person.

        Raises
        ------
        UnknownNameError
            There is none of that number.
        """
        with self.read() as connection:
            return _by_id(connection, person_id)

    def person_named(self, name: str) -> Account:
        """Return the person who signs in with a name.

        Raises
        ------
        UnknownNameError
            There is none of that name.
        """
        found = self.credentials(name)
        if found is None:
            raise UnknownNameError(f"There is no person '{name}'; see: lianpian users list PROJECT")
        return found[0]

    def credentials(self, name: str) -> tuple[Account, str | None] | None:
        """Return who signs in with a name, and the hash of their password; None for nobody."""
        try:
            name = sign_in_name(name)
        except OptionError:
            return None  # nobody was ever let in under such a name
        with self.read() as connection:
            row = connection.execute(
                _accounts(PEOPLE.c.password).where(PEOPLE.c.name == name)
            ).first()
        return None if row is None else (_account(row), row.password)

    def by_subject(self, subject: str) -> Account | None:
        """Return who comes from an identity provider as "issuer|sub"; None for nobody."""
        with self.read() as connection:
            row = connection.execute(_accounts().where(PEOPLE.c.subject == subject)).first()
        return None if row is None else _account(row)

    def add_person(
        self,
        name: str,
        *,
        shown_as: str = "",
        password_hash: str | None = None,
        subject: str | None = None,
        admin: bool = False,
        by: Author,
    ) -> Account:
        """Add a person, who is shown by their name unless ``shown_as`` says otherwise.

        Raises
        ------
        OptionError
            The name does not do, or somebody has it.
        """
        row = {
            "name": sign_in_name(name),
            "shown_as": shown_name(shown_as or name),
            "password": password_hash,
            "subject": subject,
            "admin": admin,
            "active": True,
            "created": stamp(self._clock),
        }
        try:
            with self.write() as connection:
                count = select(func.count()).select_from(PEOPLE)
                if connection.execute(count).scalar_one() >= MOST_PEOPLE:
                    raise OptionError(f"There are {MOST_PEOPLE} people; remove some first")
                made = connection.execute(insert(PEOPLE).values(row)).inserted_primary_key
                account = _by_id(connection, made[0] if made else 0)
                self._note(connection, by, "person added", account.name, admin=admin)
        except IntegrityError:
            raise OptionError(
                f"Somebody has the name '{row['name']}' already; choose another one"
            ) from None
        self._people_changed()
        return account

    def change_person(
        self,
        person_id: int,
        *,
        shown_as: str | None = None,
        active: bool | None = None,
        admin: bool | None = None,
        by: Author,
    ) -> Account:
        """Change a person; what is None stays. Who is made inactive is signed out everywhere.

        Raises
        ------
        UnknownNameError
            There is no such person.
        OptionError
            Nobody would be left who may administer people, or the name does not do.
        """
        values: dict[str, Any] = {"active": active, "admin": admin}
        values["shown_as"] = None if shown_as is None else shown_name(shown_as)
        values = {key: value for key, value in values.items() if value is not None}
        with self.write() as connection:
            before = _by_id(connection, person_id)
            if values:
                connection.execute(update(PEOPLE).where(PEOPLE.c.id == person_id).values(values))
            _require_admin_left(connection, before)
            if active is False:
                connection.execute(delete(SESSIONS).where(SESSIONS.c.person_id == person_id))
            account = _by_id(connection, person_id)
            told = {key: value for key, value in values.items() if key != "shown_as"}
            self._note(connection, by, "person changed", account.name, **told)
        self._people_changed()
        return account

    def set_password(
        self, person_id: int, password_hash: str, *, keep_session: int | None = None, by: Author
    ) -> None:
        """Give a person a new password; all their sessions and tokens end but the one to keep.

        Raises
        ------
        UnknownNameError
            There is no such person.
        """
        with self.write() as connection:
            account = _by_id(connection, person_id)
            where = PEOPLE.c.id == person_id
            connection.execute(update(PEOPLE).where(where).values(password=password_hash))
            ended = SESSIONS.c.person_id == person_id
            if keep_session is not None:
                ended &= SESSIONS.c.id != keep_session
            connection.execute(delete(SESSIONS).where(ended))
            self._note(connection, by, "password changed", account.name)
        self._people_changed()

    def renew_hash(self, person_id: int, *, old: str, new: str) -> None:
        """Replace the hash of a password that stays the same; not if it was changed meanwhile."""
        where = (PEOPLE.c.id == person_id) & (PEOPLE.c.password == old)
        with self.write() as connection:
            connection.execute(update(PEOPLE).where(where).values(password=new))

    def remove_person(self, person_id: int, *, by: Author) -> Account:
        """Take a person out, with their roles and sessions; return who it was.

        Raises
        ------
        UnknownNameError
            There is no such person.
        OptionError
            Nobody would be left who may administer people.
        """
        with self.write() as connection:
            account = _by_id(connection, person_id)
            connection.execute(delete(PEOPLE).where(PEOPLE.c.id == person_id))
            _require_admin_left(connection, account)
            self._note(connection, by, "person removed", account.name)
        self._people_changed()
        return account

    def roles_of(self, person_id: int) -> dict[str, str]:
        """Return the roles of a person by project."""
        with self.read() as connection:
            return _roles(connection, person_id)

    def members(self, project: str) -> list[Member]:
        """Return who has a role in a project, those who came first at the front."""
        query = _accounts(MEMBERS.c.role).join(MEMBERS, MEMBERS.c.person_id == PEOPLE.c.id)
        query = query.where(MEMBERS.c.project == project).order_by(PEOPLE.c.id)
        with self.read() as connection:
            return [Member(_account(row), row.role) for row in connection.execute(query)]

    def set_role(self, project: str, person_id: int, role: str, *, by: Author) -> None:
        """Give a person a role in a project, instead of the one they had.

        Raises
        ------
        UnknownNameError
            There is no such person.
        OptionError
            There is no such role, or the project would be left without an owner.
        """
        if role not in ROLES:
            raise OptionError(f"There is no role '{role}'; there are: {', '.join(ROLES)}")
        where = (MEMBERS.c.project == project) & (MEMBERS.c.person_id == person_id)
        with self.write() as connection:
            account = _by_id(connection, person_id)
            had = _owners(connection, project)
            done = connection.execute(update(MEMBERS).where(where).values(role=role))
            if not done.rowcount:
                row = {"project": project, "person_id": person_id, "role": role}
                connection.execute(insert(MEMBERS).values(row))
            _require_owner_left(connection, project, had, account)
            self._note(connection, by, "role given", account.name, project=project, role=role)
        self._people_changed()

    def remove_role(self, project: str, person_id: int, *, by: Author) -> str:
        """Take a person out of a project; return the role that they had.

        Raises
        ------
        UnknownNameError
            They have no role in it.
        OptionError
            The project would be left without an owner.
        """
        where = (MEMBERS.c.project == project) & (MEMBERS.c.person_id == person_id)
        with self.write() as connection:
            role = connection.execute(select(MEMBERS.c.role).where(where)).scalar()
            if role is None:
                raise UnknownNameError("This person has no role in the project")
            had = _owners(connection, project)
            connection.execute(delete(MEMBERS).where(where))
            account = _by_id(connection, person_id)
            _require_owner_left(connection, project, had, account)
            self._note(connection, by, "role taken", account.name, project=project, role=role)
        self._people_changed()
        return str(role)

    def known_by(self, token: str, kind: str) -> Known | None:
        """Return whom a session or token belongs to, if it is valid and they are active."""
        with self.read() as connection:
            session = self._valid_session(connection, token, kind)
            if session is None:
                return None
            account = _by_id(connection, session.person_id)
            if not account.active:
                return None
            roles = _roles(connection, account.id)
        return Known(account, roles, session.id, session.expires)


def _accounts(*more: Any) -> Select[Any]:
    columns = PEOPLE.c
    has_password = columns.password.is_not(None).label("has_password")
    return select(
        columns.id, columns.name, columns.shown_as, columns.admin, columns.active,
        columns.created, columns.subject, has_password, *more,
    )  # fmt: skip


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        shown_as=row.shown_as,
        admin=bool(row.admin),
        active=bool(row.active),
        created=row.created,
        has_password=bool(row.has_password),
        subject=row.subject,
    )


def _by_id(connection: Connection, person_id: int) -> Account:
    row = connection.execute(_accounts().where(PEOPLE.c.id == person_id)).first()
    if row is None:
        raise UnknownNameError(f"There is no person {person_id}")
    return _account(row)


def _roles(connection: Connection, person_id: int) -> dict[str, str]:
    columns = MEMBERS.c
    query = select(columns.project, columns.role).where(columns.person_id == person_id)
    return {row.project: row.role for row in connection.execute(query)}


def _require_admin_left(connection: Connection, changed: Account) -> None:
    """Refuse that the last one who may administer people stops being so."""
    if not (changed.admin and changed.active):
        return
    left = select(PEOPLE.c.id).where(PEOPLE.c.admin.is_(True), PEOPLE.c.active.is_(True))
    if connection.execute(left.limit(1)).first() is None:
        raise OptionError(
            f"'{changed.name}' is the last one who may administer people; name another one first"
        )


def _owners(connection: Connection, project: str) -> int:
    active = select(PEOPLE.c.id).where(PEOPLE.c.active.is_(True))
    columns = MEMBERS.c
    query = select(columns.id).where(columns.project == project, columns.role == "owner")
    return len(connection.execute(query.where(columns.person_id.in_(active))).all())


def _require_owner_left(
    connection: Connection, project: str, owners_before: int, changed: Account
) -> None:
    """Refuse that a project that has an owner is left without one."""
    if owners_before and not _owners(connection, project):
        raise OptionError(
            f"'{changed.name}' is the last owner of '{project}'; make another one owner first"
        )
