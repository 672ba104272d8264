"""Signing in and out, people, their roles in projects, their sessions and tokens."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from api.auth import Person, Role, Visit, author_of, require, visitor
from api.auth.access import known_of, program_of
from api.auth.door import Door, door_of
from api.auth.oidc import LASTS_S, Provider, ProviderError
from api.auth.origins import UNKNOWN, address_of, require_own_page
from api.auth.refusals import NotAllowed, NotSignedIn
from api.errors import one_line
from api.schemas.faults import faults
from api.schemas.people import (
    EndedOut,
    MemberIn,
    MemberOut,
    MembersOut,
    OfficeAuditLine,
    OfficeAuditOut,
    PasswordChange,
    PeopleOut,
    PersonChange,
    PersonIn,
    PersonOut,
    SessionLine,
    SessionOut,
    SessionPerson,
    SessionsOut,
    SignIn,
    TokenIn,
    TokenOut,
)
from api.store.audit import Author
from api.store.office import Office
from api.store.office.people import Known, Member
from gis.errors import OptionError

router = APIRouter(tags=["people"])

FIRST_PERSON: Final = (
    "Nobody can sign in yet; on the server: lianpian users add PROJECT NAME --admin"
)
_PROVIDER_PATH: Final = "/api/session/oidc"
_LOG: Final = logging.getLogger("lianpian.people")
_NEVER_KEPT: Final = {"Cache-Control": "no-store"}
PersonNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Owner = Annotated[Visit, Depends(require("owner"))]


def administrator(person: Annotated[Person, Depends(visitor)]) -> Person:
    """Let in who administers people.

    Raises
    ------
    NotAllowed
        The person who asks does not.
    """
    if not person.admin:
        raise NotAllowed("Only who administers people may do this; ask one of them")
    return person


def own_session(request: Request) -> Known:
    """Let in who is signed in with a browser: a token must not make tokens or change a password.

    Raises
    ------
    NotAllowed
        It is a program that asks, or nobody signs in here.
    """
    if not door_of(request).settings.needs_login:
        visitor(request)
        raise NotAllowed("Nobody signs in here; set LIANPIAN_LOGIN=on to have people")
    if program_of(request) is not None:
        raise NotAllowed("A token cannot do this; sign in with a browser")
    return known_of(request)


Administrator = Annotated[Person, Depends(administrator)]
OwnSession = Annotated[Known, Depends(own_session)]


@router.get("/api/session", responses=faults(403))
def who_am_i(request: Request, response: Response) -> SessionOut:
    """Say who is signed in and what they may do, and whether one must sign in at all."""
    response.headers.update(_NEVER_KEPT)
    door = door_of(request)
    told = SessionOut(
        needs_login=door.settings.needs_login,
        oidc=Provider.is_set(door.settings),
        person=None,
        roles={},
        hint=None,
    )
    try:
        person = visitor(request)
    except NotSignedIn:
        if not door.office.has_people() and not told.oidc:
            told.hint = FIRST_PERSON
        return told
    known = known_of(request) if person.id is not None else None
    return _told(told, request, person, known)


@router.post("/api/session", responses=faults(401, 403, 422, 429))
def sign_in(request: Request, response: Response, asked: SignIn) -> SessionOut:
    """Sign in; the answer sets a cookie that no script can read.

    A session that the browser had before ends. Too often wrong, by name or from one address:
    429 with Retry-After.
    """
    response.headers.update(_NEVER_KEPT)
    door = door_of(request)
    if not door.settings.needs_login:
        raise NotAllowed("Nobody signs in here; set LIANPIAN_LOGIN=on to have people")
    # Else another site could sign a browser in as somebody else, who then reads what is drawn.
    require_own_page(request, door.settings)
    address = address_of(request, door.settings)
    account = door.sign_in(asked.name, asked.password.get_secret_value(), address)
    door.open_session(account, request, response, how="password")
    told = SessionOut(
        needs_login=True,
        oidc=Provider.is_set(door.settings),
        person=None,
        roles={},
        hint=None,
    )
    person = Person(account.id, account.name, account.admin)
    known = Known(account, door.office.roles_of(account.id), 0, "")
    return _told(told, request, person, known)


@router.delete("/api/session", status_code=204, responses=faults(403))
def sign_out(request: Request, response: Response) -> None:
    """End the session of this browser and take its cookie away; done also when it had ended."""
    door = door_of(request)
    require_own_page(request, door.settings)
    door.close_session(request, response)


@router.get(
    "/api/session/oidc",
    status_code=303,
    response_class=RedirectResponse,
    responses=faults(404),
)
def begin_with_provider(request: Request) -> Response:
    """Send the browser to the identity provider of the organisation."""
    door = door_of(request)
    if not Provider.is_set(door.settings):
        raise HTTPException(404, "No identity provider is set here; sign in with a password")
    try:
        begun = door.provider.begin(address_of(request, door.settings))
    except (ProviderError, OptionError) as error:
        _LOG.warning("sign-in with the identity provider: %s", one_line(error))
        return _away("unavailable")
    response = _redirect(begun.url)
    response.set_cookie(
        _provider_cookie(door), begun.browser, max_age=int(LASTS_S), path=_PROVIDER_PATH,
        httponly=True, secure=door.is_https, samesite="lax",
    )  # fmt: skip
    return response


@router.get(
    "/api/session/oidc/return",
    status_code=303,
    response_class=RedirectResponse,
    responses=faults(404, 429),
)
def return_from_provider(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
    iss: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Sign in whom the identity provider vouches for, and go on to an address without secrets.

    What fails is told there as ``?sign-in=refused``.
    """
    door = door_of(request)
    if not Provider.is_set(door.settings):
        raise HTTPException(404, "No identity provider is set here; sign in with a password")
    address = address_of(request, door.settings)
    door.count_return(address)
    cookie = _provider_cookie(door)
    try:
        outsider = door.provider.finish(
            state=state, code=code, browser=request.cookies.get(cookie, ""), issuer=iss
        )
        account = door.welcome(outsider, address)
    except (ProviderError, OptionError, NotSignedIn) as error:
        _LOG.warning("sign-in with the identity provider: %s", one_line(error))
        door.office.note(Author(UNKNOWN, address), "sign-in failed", "identity provider")
        response = _away("refused")
    else:
        response = _redirect("/")
        door.open_session(account, request, response, how="identity provider")
    response.delete_cookie(
        cookie, path=_PROVIDER_PATH, httponly=True, secure=door.is_https, samesite="lax"
    )
    return response


@router.post("/api/session/password", status_code=204, responses=faults(401, 403, 422, 429))
def change_own_password(request: Request, known: OwnSession, asked: PasswordChange) -> None:
    """Change one's own password; all other sessions and all tokens end."""
    door, account = door_of(request), known.account
    if not account.has_password:
        raise OptionError("You sign in with the identity provider; change the password there")
    door.check_again(account, asked.current.get_secret_value(), address_of(request, door.settings))
    kept = door.hash_new(asked.new.get_secret_value(), account.name)
    door.office.set_password(account.id, kept, keep_session=known.session_id, by=author_of(request))


@router.get("/api/sessions", responses=faults(401, 403))
def list_own_sessions(request: Request, response: Response, known: OwnSession) -> SessionsOut:
    """List one's own sessions and tokens; their secrets are kept by nobody here."""
    response.headers.update(_NEVER_KEPT)
    return SessionsOut(
        sessions=[
            SessionLine.model_validate(vars(session) | {"this": session.id == known.session_id})
            for session in door_of(request).office.sessions_of(known.account.id)
        ]
    )


@router.delete("/api/sessions", responses=faults(401, 403))
def sign_out_everywhere(
    request: Request,
    known: OwnSession,
    tokens: Annotated[bool, Query(description="end the tokens of programs too")] = False,
) -> EndedOut:
    """End all one's own sessions, this one too; with ``tokens`` those of programs as well."""
    office = door_of(request).office
    by = author_of(request)
    return EndedOut(ended=office.end_sessions(known.account.id, tokens=tokens, by=by))


@router.delete("/api/sessions/{session}", status_code=204, responses=faults(401, 403, 404))
def end_own_session(request: Request, known: OwnSession, session: PersonNumber) -> None:
    """End one session or token of one's own."""
    door_of(request).office.end_session(known.account.id, session, by=author_of(request))


@router.post("/api/tokens", status_code=201, responses=faults(401, 403, 422))
def make_token(request: Request, response: Response, known: OwnSession, asked: TokenIn) -> TokenOut:
    """Make a token for a program, which may then do what you may; it is told this once."""
    response.headers.update(_NEVER_KEPT)
    expires = datetime.now(UTC) + timedelta(days=asked.days)
    token = door_of(request).office.add_session(
        known.account.id,
        kind="token",
        label=asked.label,
        hours=asked.days * 24,
        by=author_of(request),
    )
    return TokenOut(token=token, label=asked.label, expires=expires)


@router.get("/api/people", responses=faults(401, 403))
def list_people(request: Request, _: Administrator) -> PeopleOut:
    """List all people."""
    office: Office = request.app.state.office
    return PeopleOut(people=[PersonOut.of(account) for account in office.people()])


@router.post("/api/people", status_code=201, responses=faults(401, 403, 422, 429))
def add_person(request: Request, _: Administrator, asked: PersonIn) -> PersonOut:
    """Add a person. They may see nothing before they are given a role in a project."""
    door = door_of(request)
    kept = None
    if asked.password is not None:
        kept = door.hash_new(asked.password.get_secret_value(), asked.name)
    account = door.office.add_person(
        asked.name,
        shown_as=asked.shown_as,
        password_hash=kept,
        admin=asked.admin,
        by=author_of(request),
    )
    return PersonOut.of(account)


@router.patch("/api/people/{person}", responses=faults(401, 403, 404, 422, 429))
def change_person(
    request: Request, asking: Administrator, person: PersonNumber, asked: PersonChange
) -> PersonOut:
    """Change a person: what they are shown as, whether they may sign in, a new password.

    The last one who administers people stays so. One's own password is changed at
    ``/api/session/password``, where the current one is asked for.
    """
    door, by = door_of(request), author_of(request)
    kept = _reset(door, asking, person, asked)
    account = door.office.change_person(
        person, shown_as=asked.shown_as, active=asked.active, admin=asked.admin, by=by
    )
    if kept is not None:
        door.office.set_password(person, kept, by=by)
        account = door.office.person(person)
    return PersonOut.of(account)


@router.get("/api/people/audit", responses=faults(401, 403))
def read_people_audit(
    request: Request,
    _: Administrator,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> OfficeAuditOut:
    """Tell who signed in, who failed to, and who gave whom which rights; the newest first."""
    office: Office = request.app.state.office
    lines = office.audit_lines(limit, before)
    return OfficeAuditOut(lines=[OfficeAuditLine.model_validate(vars(line)) for line in lines])


@router.get("/api/projects/{project}/members", responses=faults(401, 403, 404))
def list_members(request: Request, visit: Owner) -> MembersOut:
    """List who has a role in a project. Who administers people may do all without one."""
    return _members(request, visit.live.name)


@router.put("/api/projects/{project}/members", responses=faults(401, 403, 404, 422))
def set_member(request: Request, visit: Owner, asked: MemberIn) -> MembersOut:
    """Give a person a role in a project, instead of the one they had.

    A project that has an owner is never left without one.
    """
    office: Office = request.app.state.office
    account = office.person_named(asked.name)
    office.set_role(visit.live.name, account.id, asked.role, by=author_of(request))
    return _members(request, visit.live.name)


@router.delete(
    "/api/projects/{project}/members/{person}",
    status_code=204,
    responses=faults(401, 403, 404, 422),
)
def remove_member(request: Request, visit: Owner, person: PersonNumber) -> None:
    """Take a person out of a project; the last owner cannot be taken out."""
    office: Office = request.app.state.office
    office.remove_role(visit.live.name, person, by=author_of(request))


def _provider_cookie(door: Door) -> str:
    return "__Secure-lianpian-oidc" if door.is_https else "lianpian-oidc"


def _away(why: str) -> Response:
    return _redirect(f"/?sign-in={why}")


def _redirect(url: str) -> Response:
    # The address that leads here may hold a code: nobody is told it.
    return RedirectResponse(url, 303, headers=_NEVER_KEPT | {"Referrer-Policy": "no-referrer"})


def _told(told: SessionOut, request: Request, person: Person, known: Known | None) -> SessionOut:
    shown = known.account.shown_as if known is not None else person.name
    told.person = SessionPerson(id=person.id, name=person.name, shown_as=shown, admin=person.admin)
    names: list[str] = request.app.state.projects.names()
    has: dict[str, Role] = {}
    for name in names:
        role = "owner" if person.admin or known is None else known.roles.get(name)
        if role is not None:
            has[name] = role  # type: ignore[assignment]  # the table holds no other words
    told.roles = has
    return told


def _reset(door: Door, asking: Person, person_id: int, asked: PersonChange) -> str | None:
    """Return the hash of the new password that an administrator gives to somebody else."""
    if asked.password is None:
        return None
    if person_id == asking.id:
        raise OptionError("Change your own password at /api/session/password")
    account = door.office.person(person_id)
    return door.hash_new(asked.password.get_secret_value(), account.name)


def _members(request: Request, project: str) -> MembersOut:
    office: Office = request.app.state.office
    return MembersOut(members=[_member(member) for member in office.members(project)])


def _member(member: Member) -> MemberOut:
    return MemberOut.model_validate(vars(member.account) | {"role": member.role})
