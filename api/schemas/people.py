"""People, roles, sessions and tokens, as they are asked for and told of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.store.office.people import Account
from api.store.office.sessions import LONGEST_LABEL

Role = Literal["viewer", "reviewer", "planner", "owner"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[SecretStr, Field(max_length=1024)]

_WANG: Final = {
    "id": 2,
    "name": "wang",
    "shown_as": "王工",
    "admin": False,
    "active": True,
    "created": "2026-11-21T08:00:00.000Z",
    "has_password": True,
    "from_provider": False,
}
_SESSION: Final = {
    "id": 7,
    "kind": "token",
    "label": "nightly export",
    "created": "2026-11-21T08:00:00.000Z",
    "seen": "2026-11-21T09:30:00.000Z",
    "expires": "2027-02-19T08:00:00.000Z",
    "this": False,
}


def _like(example: dict[str, Any], *, asked: bool = False) -> ConfigDict:
    """Return the settings of a model with one example; what is asked may hold nothing unknown."""
    extra: dict[str, Any] = {"examples": [example]}
    return ConfigDict(json_schema_extra=extra, extra="forbid" if asked else "ignore")


class SignIn(BaseModel):
    """Who signs in."""

    model_config = _like({"name": "wang", "password": "four words or more"}, asked=True)

    name: Name
    password: Password


class PersonOut(BaseModel):
    """A person. ``from_provider``: they sign in with the organisation's identity provider."""

    model_config = _like(_WANG)

    id: int
    name: str
    shown_as: str
    admin: bool
    active: bool
    created: datetime
    has_password: bool
    from_provider: bool

    @classmethod
    def of(cls, account: Account) -> PersonOut:
        """Return what is told of a person."""
        return cls(
            id=account.id,
            name=account.name,
            shown_as=account.shown_as,
            admin=account.admin,
            active=account.active,
            created=datetime.fromisoformat(account.created),
            has_password=account.has_password,
            from_provider=account.subject is not None,
        )


class PeopleOut(BaseModel):
    """All people, those who came first at the front."""

    model_config = _like({"people": [_WANG]})

    people: list[PersonOut]


class PersonIn(BaseModel):
    """A new person. Without a password they cannot sign in before an administrator gives one."""

    model_config = _like(
        {"name": "wang", "shown_as": "王工", "password": "four words or more"}, asked=True
    )

    name: Name
    shown_as: Annotated[str, Field(max_length=200)] = ""
    password: Password | None = None
    admin: bool = False


class PersonChange(BaseModel):
    """What to change of a person; what is not named stays.

    A new password, and ``active`` false, end all their sessions and tokens at once.
    """

    model_config = _like({"active": False}, asked=True)

    shown_as: Annotated[str, Field(max_length=200)] | None = None
    active: bool | None = None
    admin: bool | None = None
    password: Password | None = None


class SessionPerson(BaseModel):
    """Who is signed in; without ``id`` on one's own machine, where nobody signs in."""

    model_config = _like({"id": 2, "name": "wang", "shown_as": "王工", "admin": False})

    id: int | None
    name: str
    shown_as: str
    admin: bool


class SessionOut(BaseModel):
    """Whether somebody is signed in, what they may do, and how one can sign in here.

    ``roles`` has the projects that the person may see. ``hint`` says what to do where nobody can
    sign in yet.
    """

    model_config = _like(
        {
            "needs_login": True,
            "oidc": False,
            "person": {"id": 2, "name": "wang", "shown_as": "王工", "admin": False},
            "roles": {"town": "planner"},
            "hint": None,
        }
    )

    needs_login: bool
    oidc: bool
    person: SessionPerson | None
    roles: dict[str, Role]
    hint: str | None


class PasswordChange(BaseModel):
    """One's own new password; the current one shows who sits there."""

    model_config = _like(
        {"current": "four words or more", "new": "five other words or more"}, asked=True
    )

    current: Password
    new: Password


class SessionLine(BaseModel):
    """One sign-in of a browser, or one token of a program; ``this`` is the one that asks."""

    model_config = _like(_SESSION)

    id: int
    kind: Literal["browser", "token"]
    label: str
    created: datetime
    seen: datetime
    expires: datetime
    this: bool


class SessionsOut(BaseModel):
    """One's own sessions and tokens, the newest first."""

    model_config = _like({"sessions": [_SESSION]})

    sessions: list[SessionLine]


class EndedOut(BaseModel):
    """How many sessions and tokens were ended."""

    model_config = _like({"ended": 3})

    ended: int


class TokenIn(BaseModel):
    """A token for a program, which may then do what its person may."""

    model_config = _like({"label": "nightly export", "days": 90}, asked=True)

    label: Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL)]
    days: Annotated[float, Field(gt=0, le=366)] = 90.0


class TokenOut(BaseModel):
    """The token, told this once; send it as ``Authorization: Bearer TOKEN``."""

    model_config = _like({"token": "…", "label": "nightly export", "expires": _SESSION["expires"]})

    token: str
    label: str
    expires: datetime


class MemberOut(BaseModel):
    """A person and their role in a project."""

    model_config = _like(
        {"id": 2, "name": "wang", "shown_as": "王工", "active": True, "role": "planner"}
    )

    id: int
    name: str
    shown_as: str
    active: bool
    role: Role


class MembersOut(BaseModel):
    """Who has a role in a project."""

    model_config = _like(
        {
            "members": [
                {"id": 2, "name": "wang", "shown_as": "王工", "active": True, "role": "planner"}
            ]
        }
    )

    members: list[MemberOut]


class MemberIn(BaseModel):
    """Whom to give which role, instead of the one they had; by the name they sign in with."""

    model_config = _like({"name": "wang", "role": "planner"}, asked=True)

    name: Name
    role: Role


class OfficeAuditLine(BaseModel):
    """One line: at that time ``who`` did ``what`` to ``subject``, from ``where``."""

    model_config = _like(
        {
            "id": 12,
            "at": "2026-11-21T08:00:00.000Z",
            "who": "li",
            "where": "10.0.0.7",
            "what": "role given",
            "subject": "wang",
            "detail": {"project": "town", "role": "planner"},
        }
    )

    id: int
    at: datetime
    who: str
    where: str
    what: str
    subject: str
    detail: dict[str, Any]


class OfficeAuditOut(BaseModel):
    """The newest lines of the audit of people, the newest first."""

    lines: list[OfficeAuditLine]
