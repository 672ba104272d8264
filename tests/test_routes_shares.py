"""Shares over HTTP: frozen, behind a link, with or without a password, free of personal data."""

from __future__ import annotations

import re
import zlib

import pytest
from fastapi.testclient import TestClient
from shapely import LineString, Point, box
from sqlalchemy import create_engine, text

from api.app import create_app
from api.routes.shares import _cookie
from api.settings import Settings
from api.store import Project
from tests.layers import layer

SHARES = "/api/projects/town/shares"
PHONE = "13912345678"
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "town.gpkg"
    boxes = [box(100 * i, 0, 100 * i + 80, 60) for i in range(3)]
    estates = layer(
        "estates", boxes, name=["甲", HOSTILE, "丙"], people=[500, None, 700], 联系电话=[PHONE] * 3
    )
    streets = layer("streets", [LineString([(0, -5), (400, -5)])])
    shops = layer("facilities", [Point(50, -8)], category=["nursery"], name=[HOSTILE])
    with Project.create(path, name=f"镇 {HOSTILE}") as made:
        made.write_layers([(estates, None), (streets, None), (shops, None)])
        made.private().add("estates-0", [person()])
    return path


def person():
    from api.store.private import PrivatePerson

    return PrivatePerson(name="王某某", id_number="11010119500101123X", phone=PHONE)


@pytest.fixture
def client(path):
    app = create_app(Settings(project=str(path)))
    with TestClient(app, headers={"X-Lianpian": "1"}) as running:
        yield running


@pytest.fixture
def leader(client):
    """Somebody who has nothing but the link."""
    return TestClient(client.app, follow_redirects=False)


def make(client, **asked):
    answer = client.post(SHARES, json={"title": "送审", **asked})
    assert answer.status_code == 201, answer.text
    return answer.json()


def path_of(made):
    return re.sub("^https?://[^/]+", "", made["url"])


def test_a_dashboard_is_frozen_when_it_is_shared(client, leader, path):
    made = make(client, kind="dashboard")
    with Project.open(path) as opened:
        opened.remove_layer("estates")
    page = leader.get(path_of(made)).text

    assert "<b>3</b> 个" in page
    assert "<b>1,200</b> 人" in page
    assert "1 个小区未知，未计入" in page


def test_a_map_runs_its_own_scripts_and_nothing_else(client, leader):
    answer = leader.get(path_of(make(client, kind="map")))
    policy = answer.headers["content-security-policy"]

    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "'sha256-" in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]


@pytest.mark.parametrize("kind", ["map", "dashboard"])
def test_nothing_personal_and_no_extra_column_is_in_a_share(client, leader, path, kind):
    made = make(client, kind=kind)
    page = leader.get(path_of(made)).text
    engine = create_engine(f"sqlite:///{path.parent / '.lianpian-office.db'}")
    with engine.connect() as connection:
        kept = zlib.decompress(connection.execute(text("SELECT state FROM shares")).scalar())
    engine.dispose()

    for found in (page, kept.decode()):
        assert "甲" in found or kind == "dashboard"
        for secret in (PHONE, "王某某", "11010119500101123X", "联系电话"):
            assert secret not in found
        assert HOSTILE not in found


def test_the_link_is_told_once_and_the_share_is_listed_without_it(client):
    made = make(client, days=30)
    listed = client.get(SHARES)
    token = made["url"].rpartition("/")[2]

    assert len(token) == 32
    assert token not in listed.text
    (share,) = listed.json()["shares"]
    assert share["expires"] > share["created"]
    assert (share["opened"], share["has_password"]) == (0, False)


def test_openings_are_counted_and_a_share_can_be_taken_back(client, leader):
    made = make(client)
    for _ in range(2):
        assert leader.get(path_of(made)).status_code == 200
    assert client.get(SHARES).json()["shares"][0]["opened"] == 2

    assert client.delete(f"{SHARES}/{made['id']}").status_code == 204
    gone = leader.get(path_of(made))
    never = leader.get("/s/" + "x" * 32)
    assert gone.status_code == never.status_code == 404
    assert gone.text == never.text
    assert client.delete(f"{SHARES}/99").status_code == 404


def test_a_password_opens_the_share_for_who_has_it(client, leader):
    made = make(client, kind="dashboard", password="lantern-42")
    address = path_of(made)

    asked = leader.get(address)
    assert "<form" in asked.text
    assert "500" not in asked.text
    assert "form-action 'self'" in asked.headers["content-security-policy"]
    assert leader.post(address, data={"password": "wrong"}).status_code == 403
    assert leader.get(address).text == asked.text

    entered = leader.post(address, data={"password": "lantern-42"})
    assert (entered.status_code, entered.headers["location"]) == (303, address)
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert f"Path={address}" in cookie
    assert "lantern" not in cookie
    assert "<b>3</b> 个" in leader.get(address).text
    assert client.get(SHARES).json()["shares"][0]["opened"] == 1


def test_passwords_cannot_be_tried_without_end(client, leader):
    address = path_of(make(client, kind="dashboard", password="lantern-42"))
    codes = [leader.post(address, data={"password": f"try {n}"}).status_code for n in range(11)]

    assert codes == [403] * 10 + [429]
    late = leader.post(address, data={"password": "lantern-42"})
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) > 0


def test_the_cookie_of_one_share_opens_no_other(client, leader):
    first = path_of(make(client, kind="dashboard", password="lantern-42"))
    other = path_of(make(client, kind="dashboard", password="lantern-42"))
    entered = leader.post(first, data={"password": "lantern-42"})
    value = entered.headers["set-cookie"].partition("=")[2].partition(";")[0]
    own = {_cookie(other.rpartition("/")[2]): value}
    thief = TestClient(leader.app, cookies=own)

    assert "<form" in leader.get(other).text
    assert "<form" in thief.get(other).text


@pytest.mark.parametrize(
    "asked",
    [
        {"title": ""},
        {"title": "x" * 101},
        {"title": "a", "days": 0},
        {"title": "a", "days": float("1e9")},
        {"title": "a", "password": "short"},
        {"title": "a", "kind": "everything"},
        {"title": "a", "state": "<script>"},
        {"title": "a", "plan": "没有这个方案"},
        {"title": "a", "rules": "../../etc/passwd"},
    ],
)
def test_what_cannot_be_shared_is_one_line(client, asked):
    answer = client.post(SHARES, json=asked)
    assert answer.status_code in (404, 422)
    assert "\n" not in answer.json()["message"]
    assert client.get(SHARES).json()["shares"] == []


def test_a_hostile_title_stays_text(client, leader):
    made = make(client, kind="dashboard", title=HOSTILE, password="lantern-42")
    assert "<script" not in leader.get(path_of(made)).text
    leader.post(path_of(made), data={"password": "lantern-42"})
    assert "<script" not in leader.get(path_of(made)).text


def test_a_form_without_end_is_refused(client, leader):
    address = path_of(make(client, kind="dashboard", password="lantern-42"))
    assert leader.post(address, content=b"password=" + b"x" * 5000).status_code == 413
