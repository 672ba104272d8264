"""Passwords: which are let in, how they are hashed, and how much of that happens at once.

A hash takes 64 MiB and a quarter of a second, on purpose. So at most two are computed at once and
few may wait: who sends a thousand sign-ins must not use up the threads that serve the maps.
"""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from gis.errors import LianpianError, OptionError

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST: Final = 10
LONGEST_BYTES: Final = 1024
AT_ONCE: Final = 2
MOST_WAITING: Final = 8
LONGEST_WAIT_S: Final = 20.0

_FEWEST_DIFFERENT: Final = 5
_FEW_MORE: Final = 8
_RUNS: Final = (
    "0123456789" * 3,
    "9876543210" * 3,
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop" * 2,
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujm",
    "zxcvbnmasdfghjklqwertyuiop",
    "5201314" * 4,
    "1314520" * 4,
)
_WORDS: Final = """
    password passwd passwrd passwort pass admin administrator root user guest test testtest welcome
    letmein iloveyou monkey dragon sunshine princess football baseball superman batman master
    shadow michael trustno hello helloworld secret changeme default login qwerty qwertyuiop
    asdfghjkl zxcvbnm qazwsx qazwsxedc abc abcd abcde abcdef aaa a aa woaini woaiwojia woaini
    wodemima mima nihao zhang wang beijing shanghai china zhongguo computer internet lianpian
    laojiuxiaoqu xiaoqu guanliyuan xitong gongsi server system office planner database
    postgres oracle mysql summer winter spring autumn january monday
"""


class BusyError(LianpianError):
    """Too many passwords are being checked at this moment; nothing was checked."""


class Passwords:
    """Hashes and checks passwords, few at once.

    Parameters
    ----------
    hasher
        What hashes; argon2id with the settings that pwdlib recommends unless given.
    """

    def __init__(self, hasher: PasswordHash | None = None) -> None:
        self._given = hasher
        self._running = threading.BoundedSemaphore(AT_ONCE)
        self._there = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)

    def hash(self, password: str) -> str:
        """Return what is kept of a password.

        Raises
        ------
        BusyError
            Too many are being hashed.
        """
        with self._turn():
            return self._hasher.hash(_as_hashed(password))

    def verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        """Return whether a password is right, and its new hash where today's settings ask for it.

        With nothing kept it is wrong, and that takes as long to find out.

        Raises
        ------
        BusyError
            Too many are being checked.
        """
        try:
            given = _as_hashed(password)
        except OptionError:
            given, kept = "", None
        with self._turn():
            nobodys = self._nobodys  # made for the first who asks, whoever that is
            right, renewed = self._hasher.verify_and_update(given, kept or nobodys)
        return (right, renewed) if kept else (False, None)

    @staticmethod
    def check_new(password: str, name: str = "") -> None:
        """Refuse a new password that is too short, too common or the person's name.

        Raises
        ------
        OptionError
            It does not do; the message says why and never repeats it.
        """
        text = _as_hashed(password)
        if len(text) < SHORTEST:
            raise OptionError(f"The password is shorter than {SHORTEST} letters; take a longer one")
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
            raise OptionError("The password holds a control character; type it without")
        if _is_common(text.casefold(), name):
            raise OptionError("The password is one of the first to be guessed; take another one")

    @cached_property
    def _hasher(self) -> PasswordHash:
        from pwdlib import PasswordHash

        return self._given or PasswordHash.recommended()

    @cached_property
    def _nobodys(self) -> str:
        """A hash that no password fits, of the same settings as the others."""
        return self._hasher.hash(secrets.token_urlsafe(32))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._there.acquire(blocking=False):
            raise BusyError("Too many sign-ins at this moment; try again in a few seconds")
        try:
            if not self._running.acquire(timeout=LONGEST_WAIT_S):
                raise BusyError("Too many sign-ins at this moment; try again in a few seconds")
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._there.release()


def _as_hashed(password: str) -> str:
    """Return a password as it is hashed: full-width letters of an input method are the plain ones.

    Raises
    ------
    OptionError
        It is too long, or no text.
    """
    if len(password) > LONGEST_BYTES:
        raise OptionError(f"The password is longer than {LONGEST_BYTES} bytes; take a shorter one")
    text = unicodedata.normalize("NFKC", password)
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise OptionError("The password holds half a letter; type it anew") from None
    if length > LONGEST_BYTES:
        raise OptionError(f"The password is longer than {LONGEST_BYTES} bytes; take a shorter one")
    return text


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    return frozenset(_WORDS.split())


def _is_common(text: str, name: str) -> bool:
    letters = re.sub(r"[\W\d_]+", "", text)
    plain = re.sub(r"[\W_]+", "", text)
    own = re.sub(r"[\W\d_]+", "", name.casefold())
    return (
        len(set(text)) < _FEWEST_DIFFERENT
        or plain in _words()
        or (letters in _words() and len(text) - len(letters) <= _FEW_MORE)
        or any(plain and plain in run for run in _RUNS)
        or (plain.isdigit() and len(plain) <= SHORTEST)
        or bool(own and letters in (own, own * 2))
        or bool(name and name.casefold() in text and len(text) < len(name) + 6)
    )
