"""Which person a request comes from, and whether they may do in a project what it asks.

A route says ``visit: Annotated[Visit, Depends(require("planner"))]``; its path
has ``{project}``. A route without a project says ``person: Annotated[Person, Depends(visitor)]``.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from fastapi import Request

from api.auth.door import door_of
from api.auth.origins import address_of, require_local, require_own_page
from api.auth.refusals import NotAllowed, NotSignedIn
from api.settings import Settings
from api.store.audit import Author
from api.store.office.people import Known
from api.store.office.schema import ROLES
from gis.errors import UnknownNameError

if TYPE_CHECKING:
    from api.live import Live

Role = Literal["viewer", "reviewer", "planner", "owner"]
LOCAL: Final = "local"
_BEARER: Final = "bearer"
_BASIC: Final = "basic"
_LIKE_A_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""As `secrets.token_urlsafe` writes the bytes of ours; the office is asked for nothing else."""


@dataclass(frozen=True)
class Person:
    """Who is asking. On one's own machine, where nobody signs in, it is `LOCAL`, who may all."""

    id: int | None
    name: str
    admin: bool


@dataclass(frozen=True)
class Visit:
    """A person in a project, with at least the role that the route asked for.

    ``live.project`` already acts as this person: what it writes bears their name and address.
    """

    person: Person
    role: Role
    live: Live


def visitor(request: Request) -> Person:
    """Return who is asking.

    Raises
    ------
    NotSignedIn
        Nobody is signed in, and it is needed.
    NotAllowed
        A change that another site may have made a browser send; or nobody signs in here, and the
        request comes from another machine.
    """
    settings: Settings = request.app.state.settings
    if not settings.needs_login:
        require_local(request)
        require_own_page(request, settings)
        return Person(None, LOCAL, True)
    account = known_of(request).account
    return Person(account.id, account.name, account.admin)


def known_of(request: Request) -> Known:
    """Return whom the session or token of a request belongs to.

    Raises
    ------
    NotSignedIn
        It has none that is valid.
    NotAllowed
        A change by cookie that another site may have made a browser send.
    """
    known = program_of(request)
    if known is not None:
        return known
    door = door_of(request)
    cookie = request.cookies.get(door.cookie)
    known = door.known(cookie, "browser") if cookie else None
    if known is None:
        raise NotSignedIn("Nobody is signed in, or the session has ended; sign in first")
    require_own_page(request, door.settings)
    return known


def program_of(request: Request) -> Known | None:
    """Return whom the token that a program sends belongs to; None where it sends none.

    QGIS and GDAL send it as the password of any name. A name and password for a proxy in front of
    us stand in the same header: they are no token, and a cookie beside them counts.

    Raises
    ------
    NotSignedIn
        ``Bearer`` is followed by no valid token.
    NotAllowed
        A change with a token as password, without the header of our own page.
    """
    door = door_of(request)
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == _BEARER:
        known = door.known(sent.strip(), "token")
        if known is None:
            raise NotSignedIn("The token is unknown, ended or expired; make a new one")
        return known
    token = _token_in(sent) if scheme.lower() == _BASIC else None
    known = door.known(token, "token") if token is not None else None
    if known is not None:
        # No site can make a browser send Bearer, but a browser repeats a password by itself.
        require_own_page(request, door.settings)
    return known


def _token_in(basic: str) -> str | None:
    """Return the password of Basic credentials where it can be a token of ours."""
    try:
        text = base64.b64decode(basic.strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    password = text.partition(":")[2]
    return password if _LIKE_A_TOKEN.fullmatch(password) else None


def author_of(request: Request) -> Author:
    """Return who is asking, and from where, for the audit."""
    return Author(visitor(request).name, address_of(request, request.app.state.settings))


def role_in(request: Request, project: str) -> Role | None:
    """Return what the person who asks may do in a project, whether it is there or not.

    An administrator may do everywhere what an owner may.
    """
    if visitor(request).admin:
        return "owner"
    # Composed as the names of projects are: a browser on a Mac may send it apart.
    name = unicodedata.normalize("NFC", project)
    return cast("Role | None", known_of(request).roles.get(name))


def require(role: Role) -> Callable[..., Visit]:
    """Return a dependency that lets in who has at least ``role`` in the project of the path.

    It raises NotSignedIn (401), NotAllowed (403), and UnknownNameError (404) where the person has
    no role at all, in the words for a project that is not there.
    """

    def enter(request: Request, project: str) -> Visit:
        person = visitor(request)
        has = role_in(request, project)
        if has is None:
            raise UnknownNameError(f"There is no project '{project}'")
        if ROLES.index(has) < ROLES.index(role):
            raise NotAllowed(f"You are {has} of '{project}'; this needs the role {role}")
        live: Live = request.app.state.projects.live(project)
        return Visit(person, has, live.acting_as(author_of(request)))

    return enter
