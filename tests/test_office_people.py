"""People in the office: names that look alike are one, the last who may cannot be taken away."""

from __future__ import annotations

import contextlib
import threading
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from api.store.office import Office
from api.store.office.names import folded, shown_name, sign_in_name
from api.store.office.schema import ATTEMPTS, MEMBERS, OFFICE_AUDIT, SESSIONS
from gis.errors import OptionError, UnknownNameError
from tests.people import BY
from tests.postgres import _shared_database, postgis, postgres  # noqa: F401  # fixtures


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(tmp_path / "office.db")
    yield opened
    opened.close()


@pytest.fixture(params=["file", "server"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """An office in a file, then one in a database: both must keep the same promises."""
    server = request.param == "server"
    address = request.getfixturevalue("postgis") if server else str(tmp_path / "office.db")
    opened = Office.open(address)
    yield opened
    opened.close()


def add(office: Office, name: str, *, admin: bool = False) -> int:
    return office.add_person(name, admin=admin, by=BY).id


# Names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Wang", "wang"),
        ("WANG", "ｗａｎｇ"),
        (" wang ", "wang"),
        ("Straße", "STRASSE"),
        ("é", "e\u0301"),
        ("ﬁona", "fiona"),
        ("王伟", "王伟"),
        ("İ", "i̇"),
    ],
)
def test_names_that_look_alike_are_one_person(office: Office, one: str, other: str) -> None:
    add(office, one)

    with pytest.raises(OptionError, match="Somebody has the name"):
        add(office, other)
    assert office.person_named(other) == office.person_named(one)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "two words",
        "line\nbreak",
        "x\r\nSet-Cookie: a=b",
        "nul\x00",
        "half\ud800",
        "wang\u200b",
        "\u202ewang",
        "wa\u00adng",
        "wang\ufe0f",
        "\u3164",
        "<b>",
        "a/b",
        "a;b",
        "=1+1",
        "@wang",
        ".wang",
        "\u0301wang",
        "wаng",  # the second letter is Cyrillic
        "x" * 65,
        "ﷺ" * 10,
        "👷",
    ],
)
def test_a_name_that_cannot_be_told_apart_is_refused(office: Office, name: str) -> None:
    with pytest.raises(OptionError) as told:
        office.add_person(name, shown_as="Somebody", by=BY)

    assert str(told.value).isprintable()
    assert office.credentials(name) is None


@given(st.text(max_size=20))
def test_a_name_that_is_let_in_stays_as_it_is(name: str) -> None:
    try:
        kept = sign_in_name(name)
    except OptionError:
        return
    assert sign_in_name(kept) == kept == folded(kept)
    assert sign_in_name(unicodedata.normalize("NFD", name)) == kept
    assert kept.isprintable()


@given(st.text(max_size=20))
def test_what_is_shown_is_one_line(name: str) -> None:
    try:
        kept = shown_name(name)
    except OptionError:
        return
    assert kept.isprintable()
    assert shown_name(kept) == kept


# Changes


def test_the_same_person_made_by_twenty_at_once_is_made_once(either: Office) -> None:
    another = Office.open(either.address)
    begin, told = threading.Barrier(20), []

    def make(where: Office) -> None:
        begin.wait()
        try:
            told.append(add(where, "wang"))
        except OptionError:
            told.append(None)

    threads = [threading.Thread(target=make, args=((either, another)[n % 2],)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    another.close()

    assert sum(number is not None for number in told) == 1
    assert len(either.people()) == 1
    assert [line.what for line in either.audit_lines()] == ["person added"]


def test_the_last_administrator_stays(either: Office) -> None:
    first, second = add(either, "first", admin=True), add(either, "second", admin=True)
    either.change_person(second, active=False, by=BY)

    for change in ({"admin": False}, {"active": False}):
        with pytest.raises(OptionError, match="last one who may administer"):
            either.change_person(first, by=BY, **change)
    with pytest.raises(OptionError, match="last one who may administer"):
        either.remove_person(first, by=BY)

    assert either.person(first).admin
    either.change_person(second, active=True, by=BY)
    assert not either.change_person(first, admin=False, by=BY).admin


def test_two_administrators_that_remove_each_other_at_once_leave_one(either: Office) -> None:
    both = [add(either, "first", admin=True), add(either, "second", admin=True)]
    begin = threading.Barrier(2)

    def demote(person: int) -> None:
        begin.wait()
        with contextlib.suppress(OptionError):
            either.change_person(person, admin=False, by=BY)

    threads = [threading.Thread(target=demote, args=(person,)) for person in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(either.person(person).admin for person in both) == 1


def test_a_project_is_not_left_without_an_owner(either: Office) -> None:
    wang, li = add(either, "wang"), add(either, "li")
    either.set_role("town", wang, "owner", by=BY)
    either.set_role("town", li, "planner", by=BY)

    with pytest.raises(OptionError, match="last owner of 'town'"):
        either.set_role("town", wang, "viewer", by=BY)
    with pytest.raises(OptionError, match="last owner of 'town'"):
        either.remove_role("town", wang, by=BY)

    either.set_role("town", li, "owner", by=BY)
    assert either.remove_role("town", wang, by=BY) == "owner"
    assert either.roles_of(wang) == {}
    assert [(one.account.name, one.role) for one in either.members("town")] == [("li", "owner")]
    with pytest.raises(UnknownNameError):
        either.remove_role("town", wang, by=BY)


def test_roles_are_four_words(office: Office) -> None:
    with pytest.raises(OptionError, match="viewer, reviewer, planner, owner"):
        office.set_role("town", add(office, "wang"), "god", by=BY)


def test_a_person_who_is_removed_leaves_no_role_and_no_session(either: Office) -> None:
    add(either, "chief", admin=True)
    wang = add(either, "wang")
    either.set_role("town", wang, "viewer", by=BY)
    token = either.add_session(wang, kind="token", label="t", hours=1, by=BY)

    either.remove_person(wang, by=BY)

    assert either.known_by(token, "token") is None
    with either.read() as connection:
        for table in (MEMBERS, SESSIONS):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0


@pytest.mark.parametrize("person", [0, 999, -1])
def test_who_is_not_there_cannot_be_changed(office: Office, person: int) -> None:
    for change in (
        lambda: office.person(person),
        lambda: office.change_person(person, active=False, by=BY),
        lambda: office.set_password(person, "x", by=BY),
        lambda: office.remove_person(person, by=BY),
        lambda: office.set_role("town", person, "viewer", by=BY),
    ):
        with pytest.raises(UnknownNameError):
            change()


# Sessions


def test_a_new_password_ends_all_other_sessions(either: Office) -> None:
    wang, li = add(either, "wang"), add(either, "li")
    tokens = [
        either.add_session(person, kind=kind, label="t", hours=1, by=BY)
        for person, kind in ((wang, "browser"), (wang, "browser"), (wang, "token"), (li, "token"))
    ]
    kept = either.known_by(tokens[0], "browser")
    assert kept is not None

    either.set_password(wang, "hash", keep_session=kept.session_id, by=BY)

    kinds = ("browser", "browser", "token", "token")
    known = [either.known_by(token, kind) for token, kind in zip(tokens, kinds, strict=True)]
    assert [one is not None for one in known] == [True, False, False, True]


def test_a_session_is_valid_until_its_end_and_not_a_second_more(either: Office) -> None:
    now = [datetime(2026, 11, 21, 8, tzinfo=UTC)]
    either._clock = lambda: now[0]
    token = either.add_session(add(either, "wang"), kind="token", label="t", hours=2, by=BY)

    now[0] += timedelta(hours=2, seconds=-1)
    assert either.known_by(token, "token") is not None
    now[0] += timedelta(seconds=1)
    assert either.known_by(token, "token") is None


def test_a_token_does_not_last_longer_when_it_is_used(office: Office) -> None:
    wang = add(office, "wang")
    token = office.add_session(wang, kind="token", label="t", hours=2, by=BY)
    known = office.known_by(token, "token")
    assert known is not None

    office.touch_session(known.session_id, hours=100)

    again = office.known_by(token, "token")
    assert again is not None
    assert again.expires == known.expires


def test_of_one_person_a_hundred_sessions_are_kept(either: Office) -> None:
    wang = add(either, "wang")
    tokens = [
        either.add_session(wang, kind="browser", label=str(n), hours=1, by=BY) for n in range(102)
    ]

    assert len(either.sessions_of(wang)) == 100
    assert either.known_by(tokens[0], "browser") is None
    assert either.known_by(tokens[2], "browser") is not None


def test_nobody_ends_the_session_of_somebody_else(office: Office) -> None:
    wang, li = add(office, "wang"), add(office, "li")
    token = office.add_session(wang, kind="browser", label="", hours=1, by=BY)
    (session,) = office.sessions_of(wang)

    with pytest.raises(UnknownNameError):
        office.end_session(li, session.id, by=BY)

    assert office.known_by(token, "browser") is not None


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf"), 24 * 367.0])
def test_a_token_lasts_a_year_at_most(office: Office, hours: float) -> None:
    with pytest.raises(OptionError):
        office.add_session(add(office, "wang"), kind="token", label="t", hours=hours, by=BY)


# Attempts


def test_attempts_are_counted_for_a_quarter_of_an_hour(either: Office) -> None:
    now = [datetime(2026, 11, 21, 8, tzinfo=UTC)]
    either._clock = lambda: now[0]

    assert [either.take_attempt({"a": 2}) for _ in range(2)] == [0.0, 0.0]
    now[0] += timedelta(minutes=5)
    assert either.take_attempt({"a": 2}) == 600.0
    assert either.take_attempt({"a": 2, "b": 1}) == 600.0
    assert either.take_attempt({"b": 1}) == 0.0  # what was turned away was not counted
    now[0] += timedelta(minutes=10)
    assert either.take_attempt({"a": 2}) == 0.0
    with either.read() as connection:
        assert connection.execute(select(func.count()).select_from(ATTEMPTS)).scalar() == 2


def test_a_hundred_attempts_at_once_are_not_let_in_together(either: Office) -> None:
    begin, let_in = threading.Barrier(25), []

    def attempt() -> None:
        begin.wait()
        for _ in range(4):
            let_in.append(either.take_attempt({"a": 10}) == 0.0)

    threads = [threading.Thread(target=attempt) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(let_in), sum(let_in)) == (100, 10)


# Audit


def test_every_change_is_noted_with_it_or_neither(either: Office) -> None:
    wang = add(either, "wang", admin=True)
    either.set_role("town", wang, "viewer", by=BY)
    with pytest.raises(OptionError):
        either.change_person(wang, admin=False, by=BY)

    lines = either.audit_lines()

    assert [(line.what, line.subject) for line in lines] == [
        ("role given", "wang"),
        ("person added", "wang"),
    ]
    assert lines[0].detail == {"project": "town", "role": "viewer"}
    assert (lines[0].who, lines[0].where) == (BY.name, BY.where)


def test_the_audit_can_only_be_added_to_and_is_sealed(office: Office) -> None:
    for name in ("wang", "li", "zhao"):
        add(office, name)
    assert office.verify_audit().ok
    assert office.verify_audit().rows == 3

    changed = update(OFFICE_AUDIT).where(OFFICE_AUDIT.c.id == 2).values(subject="nobody")
    with pytest.raises(DBAPIError), office.write() as connection:
        connection.execute(changed)
    with office.write() as connection:
        triggers = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).scalars()
        for name in list(triggers):
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(changed)

    check = office.verify_audit()
    assert (check.ok, check.first_bad) == (False, 2)


def test_lines_cut_off_at_the_end_are_missed(office: Office) -> None:
    for name in ("wang", "li", "zhao"):
        add(office, name)
    with office.write() as connection:
        triggers = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).scalars()
        for name in list(triggers):
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text("DELETE FROM office_audit WHERE id = 3"))

    assert not office.verify_audit().ok
