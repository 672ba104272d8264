"""Passwords: which are let in, and that a flood of them cannot take the server's threads."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth.passwords import AT_ONCE, MOST_WAITING, BusyError, Passwords
from gis.errors import OptionError
from tests.people import GOOD, quick


@pytest.mark.parametrize(
    "password",
    [
        "tiny",
        "九个汉字还是太短了",
        "1234567890123",
        "0987654321",
        "password2026!",
        "Passw0rd!!",
        "PASSWORD.123",
        "qwertyuiop",
        "1qaz2wsx3edc",
        "woaini1314520",
        "5201314520",
        "aaaaaaaaaaaaaaa",
        "abababababab",
        "Lianpian2026",
        "laojiuxiaoqu1",
        "Wang.Gong123",
        "wang.gong",
        "ｐａｓｓｗｏｒｄ２０２６",
        "tab\there and more",
        "nul\x00here and more",
        "half \ud800 a letter",
        "x" * 1025,
        "春夏秋冬年" * 69,
    ],
)
def test_a_password_that_is_guessed_first_is_refused_in_one_line(password: str) -> None:
    with pytest.raises(OptionError) as told:
        Passwords.check_new(password, "wang.gong")

    assert "\n" not in str(told.value)
    assert password not in str(told.value)


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "老旧小区改造计划二零二六",
        "Tr0ub4dor&3x",
        "83729104756102",
        "x!7-q#2(p)4",
        "春夏秋冬年" * 68,
    ],
)
def test_a_password_that_is_not_guessed_soon_is_let_in(password: str) -> None:
    Passwords.check_new(password, "wang.gong")


def test_a_hash_is_argon2id_of_64_mib_and_never_the_same() -> None:
    passwords = Passwords()
    kept = passwords.hash(GOOD)

    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(GOOD, kept) == (True, None)
    assert passwords.verify(GOOD + " ", kept) == (False, None)
    assert quick().hash(GOOD) != quick().hash(GOOD)


def test_full_width_letters_are_the_same_password() -> None:
    kept = quick().hash("green tea 2026")

    assert quick().verify("ｇｒｅｅｎ　ｔｅａ　２０２６", kept)[0]


@given(st.text(max_size=40), st.text(max_size=40))
def test_one_password_fits_and_no_other(one: str, other: str) -> None:
    import unicodedata

    passwords = quick()
    if any(unicodedata.category(letter) == "Cs" for letter in one):
        with pytest.raises(OptionError):
            passwords.hash(one)
        return
    kept = passwords.hash(one)
    same = unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)
    assert passwords.verify(one, kept)[0]
    assert passwords.verify(other, kept)[0] == same


def test_nothing_kept_is_never_right_and_costs_the_same_work() -> None:
    passwords = quick()
    worked: list[str] = []
    verify = passwords._hasher.verify_and_update
    passwords._hasher.verify_and_update = lambda given, kept: (  # type: ignore[method-assign]
        worked.append(kept),
        verify(given, kept),
    )[1]
    kept = passwords.hash(GOOD)

    assert passwords.verify("", None) == (False, None)
    assert passwords.verify(GOOD, None) == (False, None)
    assert passwords.verify("x" * 2000, kept) == (False, None)
    assert passwords.verify("half \ud800", kept) == (False, None)
    assert len(worked) == 4
    settings = {told.rpartition("$")[0].rpartition("$")[0] for told in [*worked, kept]}
    assert len(settings) == 1


def test_two_are_checked_at_once_and_the_eleventh_does_not_wait() -> None:
    passwords = quick()
    kept = passwords.hash(GOOD)
    go_on, running, most = threading.Event(), threading.Semaphore(0), []
    lock = threading.Lock()
    now = [0]
    verify = passwords._hasher.verify_and_update

    def slow(given: Any, hashed: Any) -> Any:
        with lock:
            now[0] += 1
            most.append(now[0])
        running.release()
        go_on.wait(30)
        with lock:
            now[0] -= 1
        return verify(given, hashed)

    passwords._hasher.verify_and_update = slow  # type: ignore[method-assign]
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(passwords.verify(GOOD, kept)))
        for _ in range(AT_ONCE + MOST_WAITING)
    ]
    for thread in threads:
        thread.start()
    for _ in range(AT_ONCE):
        running.acquire(timeout=30)
    while passwords._there._value > 0:  # until all have come in
        threading.Event().wait(0.001)
    with pytest.raises(BusyError):
        passwords.verify(GOOD, kept)
    go_on.set()
    for thread in threads:
        thread.join(30)

    assert max(most) == AT_ONCE == 2
    assert answers == [(True, None)] * 10
    assert passwords.verify(GOOD, kept) == (True, None)
