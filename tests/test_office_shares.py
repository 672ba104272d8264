"""Shares in the office: opened by their token only, counted, over when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from api.store.office import Office
from api.store.office.schema import SHARES
from gis.errors import UnknownNameError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PAGE = "<p>小区</p>" * 100


class Clock:
    """A clock that stands until it is moved."""

    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def office(tmp_path, clock):
    made = Office.open(tmp_path / "office.db", clock=clock)
    yield made
    made.close()


def share(office, **more):
    return office.add_share("town", PAGE, title="送审", kind="map", who="wang", **more)


def test_a_share_is_found_by_its_token_only_and_every_opening_is_counted(office):
    made, token = share(office)
    link = office.link(token)

    assert (link.share_id, link.title, link.password_hash) == (made.id, "送审", None)
    assert office.link(token[:-1]) is None
    assert office.link(token.swapcase()) is None
    assert [office.open_share(made.id) for _ in range(3)] == [PAGE] * 3
    (kept,) = office.shares("town")
    assert (kept.opened, kept.last_opened) == (3, "2026-11-21T12:00:00.000000Z")
    assert (kept.created_by, kept.has_password) == ("wang", False)


def test_tokens_cannot_be_guessed_and_are_not_kept(office, tmp_path):
    tokens = {share(office)[1] for _ in range(20)}

    assert len(tokens) == 20
    assert min(map(len, tokens)) == 32  # 24 random bytes
    office.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [token for token in tokens if token.encode() in kept]


def test_a_share_ends_at_its_hour(office, clock):
    made, token = share(office, expires=NOON + timedelta(hours=1))
    clock.now = NOON + timedelta(minutes=59, seconds=59)
    assert office.link(token) is not None
    clock.now = NOON + timedelta(hours=1)
    assert office.link(token) is None
    assert office.open_share(made.id) is None
    assert office.shares("town")[0].opened == 0


def test_a_share_taken_back_leads_nowhere_and_its_page_is_gone(office, tmp_path):
    made, token = share(office, password_hash="hash")
    office.revoke_share("town", made.id)

    assert office.link(token) is None
    assert office.open_share(made.id) is None
    (kept,) = office.shares("town")
    assert kept.revoked == "2026-11-21T12:00:00.000000Z"
    assert kept.has_password
    office.revoke_share("town", made.id)  # a second time changes nothing
    assert office.shares("town") == [kept]


def test_of_a_share_taken_back_it_stays_known_whether_it_had_a_password(office):
    with_one, _ = share(office, password_hash="argon2-hash")
    without, _ = share(office)
    for made in (with_one, without):
        office.revoke_share("town", made.id)

    assert {kept.id: kept.has_password for kept in office.shares("town")} == {
        with_one.id: True, without.id: False
    }  # fmt: skip
    with office.read() as connection:
        query = select(SHARES.c.password).order_by(SHARES.c.id)
        assert connection.execute(query).scalars().all() == ["", None]


def test_a_share_of_another_project_cannot_be_taken_back(office):
    made, token = share(office)
    with pytest.raises(UnknownNameError):
        office.revoke_share("village", made.id)
    assert office.link(token) is not None
    assert office.shares("village") == []


def test_a_password_is_told_of_but_not_shown(office):
    made, token = share(office, password_hash="argon2-hash")
    assert made.has_password
    assert "argon2" not in repr(office.shares("town"))
    assert office.link(token).password_hash == "argon2-hash"
