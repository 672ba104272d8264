"""The door of one application: lets people in by password, session or token, and remembers them.

What a request must ask of the office is kept for a few seconds, as a map asks for a hundred tiles
at once; every change made in this process empties that memory, changes made elsewhere (the command
line) are seen when it runs out.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from api.auth.oidc import Outsider, Provider
from api.auth.origins import UNKNOWN, address_of, key_of
from api.auth.passwords import BusyError, Passwords
from api.auth.refusals import NotAllowed, NotSignedIn, TooManyAttempts
from api.settings import Settings
from api.store.audit import Author
from api.store.office.names import LONGEST_SHOWN, folded
from api.store.office.people import Account, Known
from api.store.office.sessions import LONGEST_LABEL, Kind, hash_of
from gis.errors import OptionError, ProjectError, UnknownNameError

if TYPE_CHECKING:
    from api.store.office import Office

REMEMBERED_S: Final = 3.0
MOST_REMEMBERED: Final = 1000
TOUCHED_EVERY_S: Final = 300.0
BY_NAME: Final = 10
BY_ADDRESS: Final = 60
"""Attempts in a quarter of an hour; a whole office may stand behind one address."""

BUSY_WAIT_S: Final = 3.0
WRONG: Final = "Name or password is wrong; try again, or ask who administers people"


@dataclass(frozen=True)
class _Memory:
    known: Known
    until: float
    changes: int


def cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that a sign-in sets."""
    return "__Host-lianpian" if _is_https(settings) else "lianpian"


def _is_https(settings: Settings) -> bool:
    return (settings.public_url or "").startswith("https:")


class Door:
    """Lets people in.

    Parameters
    ----------
    settings, office
        Of the application.
    passwords
        What hashes and checks passwords.
    ticks
        Gives seconds that only go forward.
    """

    def __init__(
        self,
        settings: Settings,
        office: Office,
        *,
        passwords: Passwords | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.office = office
        self.passwords = passwords or Passwords()
        self._ticks = ticks
        self._lock = threading.Lock()
        self._remembered: OrderedDict[tuple[str, str], _Memory] = OrderedDict()
        self._touched: OrderedDict[int, float] = OrderedDict()
        self.provider = Provider(settings)

    @property
    def cookie(self) -> str:
        """The name of the cookie; browsers take one that begins so only over https, from us."""
        return cookie_name(self.settings)

    @property
    def is_https(self) -> bool:
        """Whether people reach the application by https."""
        return _is_https(self.settings)

    def known(self, token: str, kind: Kind) -> Known | None:
        """Return whom a session or token belongs to; None where it is not valid."""
        now, key = self._ticks(), (kind, hash_of(token))
        with self._lock:
            memory = self._remembered.get(key)
            if memory and memory.until > now and memory.changes == self.office.people_changes:
                self._remembered.move_to_end(key)
                return memory.known
            self._remembered.pop(key, None)
        changes = self.office.people_changes  # before reading: a change while we read shows
        known = self.office.known_by(token, kind)
        if known is None:
            return None
        with self._lock:
            self._remembered[key] = _Memory(known, now + REMEMBERED_S, changes)
            while len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        self._touch(known, now)
        return known

    def sign_in(self, name: str, password: str, address: str) -> Account:
        """Return who signs in with a name and a password.

        Whether nobody has the name, the password is wrong or the person was made inactive is not
        told, and takes as long.

        Raises
        ------
        NotSignedIn
            They do not fit.
        TooManyAttempts
            Too often, by this name or from this address, or by too many at once.
        """
        self._count({_name_key(name): BY_NAME, _address_key(address): BY_ADDRESS})
        account = self._checked(name, password)
        if account is None:
            # A name that nobody has may be a password typed into the wrong field: it is not kept.
            found = self.office.credentials(name)
            who = found[0].name if found is not None else UNKNOWN
            self.office.note(Author(who, address), "sign-in failed", who)
            raise NotSignedIn(WRONG)
        self._forgive(name, address)
        return account

    def check_again(self, account: Account, password: str, address: str) -> None:
        """Make sure that it is the person who sits there, before their password is changed.

        Raises
        ------
        NotAllowed
            The password is wrong.
        TooManyAttempts
            Too often.
        """
        try:
            self.sign_in(account.name, password, address)
        except NotSignedIn:
            raise NotAllowed("The current password is wrong; try again") from None

    def welcome(self, outsider: Outsider, address: str) -> Account:
        """Return the person whom an identity provider vouches for, made at the first sign-in.

        They are known by the provider's own number of them alone: an address of e-mail or a name
        can be given to somebody else. Who is new may see nothing before they are given a role.

        Raises
        ------
        NotSignedIn
            They were made inactive.
        """
        account = self.office.by_subject(outsider.subject) or self._newcomer(outsider, address)
        if not account.active:
            self.office.note(Author(account.name, address), "sign-in failed", account.name)
            raise NotSignedIn("You may not sign in here any more; ask who administers people")
        return account

    def _newcomer(self, outsider: Outsider, address: str) -> Account:
        number = hash_of(outsider.subject)[:8]
        shown_as = outsider.shown_as[:LONGEST_SHOWN]
        for name in (
            *outsider.names,
            f"person-{number}",
            f"person-{number}-{secrets.token_hex(4)}",
        ):
            for shown in (shown_as, ""):
                with suppress(OptionError):
                    return self.office.add_person(
                        name,
                        shown_as=shown,
                        subject=outsider.subject,
                        by=Author("identity provider", address),
                    )
            there = self.office.by_subject(outsider.subject)
            if there is not None:  # another window of theirs was faster
                return there
        raise NotSignedIn("There is no room for another person; ask who administers people")

    def hash_new(self, password: str, name: str) -> str:
        """Return what is kept of a new password.

        Raises
        ------
        OptionError
            It is too short or too common.
        TooManyAttempts
            Too many are being hashed.
        """
        self.passwords.check_new(password, name)
        try:
            return self.passwords.hash(password)
        except BusyError:
            raise TooManyAttempts(BUSY_WAIT_S) from None

    def open_session(
        self, account: Account, request: Request, response: Response, *, how: str
    ) -> None:
        """Begin a session in a browser: a new secret each time, in a cookie no script can read.

        A session that the browser had before ends. ``how`` the person showed who they are is noted.
        """
        self._end(request)
        token = self.office.add_session(
            account.id,
            kind="browser",
            label=browser_of(request),
            hours=self.settings.session_hours,
            by=Author(account.name, address_of(request, self.settings)),
            how=how,
        )
        # No age: the browser forgets it when it is closed, the office after `session_hours`.
        response.set_cookie(
            self.cookie, token, path="/", httponly=True, secure=self.is_https, samesite="lax"
        )

    def close_session(self, request: Request, response: Response) -> Known | None:
        """End the session that a browser brings, and take its cookie away; return whose it was."""
        response.delete_cookie(
            self.cookie, path="/", httponly=True, secure=self.is_https, samesite="lax"
        )
        return self._end(request)

    def _end(self, request: Request) -> Known | None:
        token = request.cookies.get(self.cookie)
        known = self.known(token, "browser") if token else None
        if known is not None:
            by = Author(known.account.name, address_of(request, self.settings))
            with suppress(UnknownNameError):  # another request has just ended it
                self.office.end_session(known.account.id, known.session_id, by=by)
        return known

    def count_return(self, address: str) -> None:
        """Count somebody who comes back from an identity provider, as if with a password.

        Raises
        ------
        TooManyAttempts
            Too often from this address.
        """
        self._count({_address_key(address): BY_ADDRESS})

    def _count(self, limits: Mapping[str, int]) -> None:
        wait_s = self.office.take_attempt(limits)
        if wait_s:
            raise TooManyAttempts(wait_s)

    def _checked(self, name: str, password: str) -> Account | None:
        found = self.office.credentials(name)
        account, kept = found if found is not None else (None, None)
        try:
            right, renewed = self.passwords.verify(password, kept)
        except BusyError:
            raise TooManyAttempts(BUSY_WAIT_S) from None
        if not right or account is None or kept is None or not account.active:
            return None
        if renewed is not None:
            self.office.renew_hash(account.id, old=kept, new=renewed)
        return account

    def _forgive(self, name: str, address: str) -> None:
        self.office.clear_attempts(_name_key(name))
        # Only this one: else whoever has an account could guess at others between sign-ins.
        self.office.clear_attempts(_address_key(address), only_last=True)

    def _touch(self, known: Known, now: float) -> None:
        """Note now and then that a session is used, so that it does not run out meanwhile."""
        with self._lock:
            if self._touched.get(known.session_id, float("-inf")) > now - self._pause_s:
                return
            self._touched[known.session_id] = now
            self._touched.move_to_end(known.session_id)
            while len(self._touched) > MOST_REMEMBERED:
                self._touched.popitem(last=False)
        # Where the office cannot be written at this moment, the next request does it.
        with suppress(ProjectError):
            self.office.touch_session(known.session_id, hours=self.settings.session_hours)

    @property
    def _pause_s(self) -> float:
        return min(TOUCHED_EVERY_S, self.settings.session_hours * 360)


def _name_key(name: str) -> str:
    # Cut before it is folded: a name of a megabyte must not cost a second.
    return f"name {folded(name[:200].strip())}"


def _address_key(address: str) -> str:
    return f"address {key_of(address)}"


def browser_of(request: Request) -> str:
    """Return what a browser calls itself, so that a person knows their sessions apart."""
    told = request.headers.get("user-agent", "")
    plain = "".join(letter if letter.isprintable() else " " for letter in told)
    return " ".join(plain.split())[:LONGEST_LABEL]


def door_of(request: Request) -> Door:
    """Return the door of the application that a request came to."""
    door: Door = request.app.state.door
    return door
