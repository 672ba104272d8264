"""The routes about people: what each may ask, what is told, and what never is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.store.office import Office
from tests.people import BY, GOOD, OTHER, OURS, add, browser, make_app, program


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(tmp_path / "office.db")
    yield opened
    opened.close()


@pytest.fixture
def app(office: Office) -> FastAPI:
    return make_app(office)


# Who am I


def test_an_office_without_people_says_how_the_first_is_made(app: FastAPI, office: Office) -> None:
    client = browser(app)

    told = client.get("/api/session").json()

    assert told["person"] is None
    assert told["needs_login"] is True
    assert "lianpian users add PROJECT NAME --admin" in told["hint"]
    # And nobody can make themselves one from here.
    made = client.post("/api/people", json={"name": "me", "password": OTHER, "admin": True})
    assert made.status_code == 401
    assert office.people() == []
    add(office, "wang")
    assert client.get("/api/session").json()["hint"] is None


def test_who_is_signed_in_is_told_their_roles(app: FastAPI, office: Office) -> None:
    add(office, "wang", shown_as="王工", roles={"town": "planner", "gone": "owner"})
    client = browser(app, "wang")

    answer = client.get("/api/session")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "needs_login": True,
        "oidc": False,
        "person": {"id": 1, "name": "wang", "shown_as": "王工", "admin": False},
        "roles": {"town": "planner"},
        "hint": None,
    }
    signed_in = client.post("/api/session", json={"name": "wang", "password": GOOD})
    assert signed_in.json() == answer.json()


def test_an_administrator_owns_every_project(app: FastAPI, office: Office) -> None:
    add(office, "chief", admin=True)

    roles = browser(app, "chief").get("/api/session").json()["roles"]

    assert roles == {"town": "owner", "village": "owner"}


def test_on_ones_own_machine_nobody_signs_in(office: Office) -> None:
    client = TestClient(make_app(office, login="off"), headers=OURS, client=("127.0.0.1", 1))

    told = client.get("/api/session").json()

    assert told["needs_login"] is False
    assert told["person"] == {"id": None, "name": "local", "shown_as": "local", "admin": True}
    assert told["roles"] == {"town": "owner", "village": "owner"}
    asked = {"name": "wang", "password": GOOD}
    assert client.post("/api/session", json=asked).status_code == 403
    assert client.get("/api/sessions").status_code == 403
    assert client.post("/api/people", json=asked).status_code == 201  # before going online


def test_signing_out_ends_the_session_also_for_who_has_copied_it(
    app: FastAPI, office: Office
) -> None:
    add(office, "wang")
    client = browser(app, "wang")
    copied = TestClient(app, cookies={"lianpian": client.cookies["lianpian"]})
    assert copied.get("/probe").status_code == 200

    assert client.delete("/api/session").status_code == 204

    assert "lianpian" not in client.cookies
    assert copied.get("/probe").status_code == 401
    assert client.delete("/api/session").status_code == 204


# One's own account


def test_ones_own_password_needs_the_current_one_and_ends_all_else(
    app: FastAPI, office: Office
) -> None:
    person = add(office, "wang")
    here, there = browser(app, "wang"), browser(app, "wang")
    script = program(app, office, person)

    def change(current: str, new: str) -> int:
        asked = {"current": current, "new": new}
        return here.post("/api/session/password", json=asked).status_code

    assert change("wrong", OTHER) == 403
    assert change(GOOD, "short") == 422
    assert change(GOOD, OTHER) == 204
    assert [c.get("/probe").status_code for c in (here, there, script)] == [200, 401, 401]
    old = browser(app).post("/api/session", json={"name": "wang", "password": GOOD})
    new = browser(app).post("/api/session", json={"name": "wang", "password": OTHER})
    assert (old.status_code, new.status_code) == (401, 200)


def test_guessing_the_current_password_is_shut_too(app: FastAPI, office: Office) -> None:
    add(office, "wang")
    client = browser(app, "wang")
    asked = {"current": "wrong", "new": OTHER}

    answers = [client.post("/api/session/password", json=asked) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [403] * 10 + [429]


def test_own_sessions_are_listed_and_ended(app: FastAPI, office: Office) -> None:
    add(office, "wang")
    here, there = browser(app, "wang"), browser(app)
    there.headers["user-agent"] = "Another\tBrowser \x07" + "x" * 200
    there.post("/api/session", json={"name": "wang", "password": GOOD})
    made = here.post("/api/tokens", json={"label": "nightly", "days": 7})
    assert made.status_code == 201

    listed = here.get("/api/sessions")
    sessions = listed.json()["sessions"]

    assert [(one["kind"], one["this"]) for one in sessions] == [
        ("token", False),
        ("browser", False),
        ("browser", True),
    ]
    assert sessions[0]["label"] == "nightly"
    assert sessions[1]["label"].startswith("Another Browser x")
    assert len(sessions[1]["label"]) == 100
    for secret in (made.json()["token"], here.cookies["lianpian"]):
        assert secret not in listed.text

    assert here.delete(f"/api/sessions/{sessions[1]['id']}").status_code == 204
    assert there.get("/probe").status_code == 401
    assert here.delete("/api/sessions/999").status_code == 404
    assert here.delete("/api/sessions").json() == {"ended": 1}
    assert here.get("/probe").status_code == 401
    token = {"Authorization": f"Bearer {made.json()['token']}"}
    assert TestClient(app, headers=token).get("/probe").status_code == 200


def test_signing_out_everywhere_can_end_tokens_too(app: FastAPI, office: Office) -> None:
    person = add(office, "wang")
    script = program(app, office, person)

    assert browser(app, "wang").delete("/api/sessions?tokens=true").json() == {"ended": 2}
    assert script.get("/probe").status_code == 401


def test_a_token_makes_no_token_and_changes_no_password(app: FastAPI, office: Office) -> None:
    script = program(app, office, add(office, "wang"))
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/api/tokens", {"label": "more"}),
        ("POST", "/api/session/password", {"current": GOOD, "new": OTHER}),
        ("GET", "/api/sessions", None),
        ("DELETE", "/api/sessions", None),
    ]

    answers = [script.request(method, path, json=body) for method, path, body in asked]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert len(office.sessions_of(1)) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"label": ""},
        {"label": "x" * 101},
        {"label": "a\u0000b"},
        {"label": "t", "days": 0},
        {"label": "t", "days": 367},
        {"label": "t", "days": "NaN"},
        {"label": "t", "more": 1},
    ],
)
def test_a_token_has_a_label_and_an_end(app: FastAPI, office: Office, asked: Any) -> None:
    add(office, "wang")

    assert browser(app, "wang").post("/api/tokens", json=asked).status_code == 422


# People


def test_people_are_administered_by_administrators_alone(app: FastAPI, office: Office) -> None:
    add(office, "wang", roles={"town": "owner"})
    client = browser(app, "wang")

    answers = [
        client.get("/api/people"),
        client.post("/api/people", json={"name": "li"}),
        client.patch("/api/people/1", json={"admin": True}),
        client.get("/api/people/audit"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert not office.person(1).admin


def test_a_person_is_added_changed_and_shut_out(app: FastAPI, office: Office) -> None:
    add(office, "chief", admin=True)
    chief = browser(app, "chief")
    asked = {"name": "Li", "shown_as": "李工", "password": OTHER}

    made = chief.post("/api/people", json=asked)

    assert made.status_code == 201
    assert made.json() | {"created": ""} == {
        "id": 2,
        "name": "li",
        "shown_as": "李工",
        "admin": False,
        "active": True,
        "created": "",
        "has_password": True,
        "from_provider": False,
    }
    assert chief.post("/api/people", json=asked).status_code == 422
    assert [one["name"] for one in chief.get("/api/people").json()["people"]] == ["chief", "li"]

    li = browser(app)
    li.post("/api/session", json={"name": "li", "password": OTHER})
    assert li.get("/probe").status_code == 200
    assert chief.patch("/api/people/2", json={"password": "hello world"}).status_code == 422
    assert chief.patch("/api/people/2", json={"password": GOOD}).status_code == 200
    assert li.get("/probe").status_code == 401
    assert chief.patch("/api/people/2", json={"active": False}).json()["active"] is False
    gone = browser(app).post("/api/session", json={"name": "li", "password": GOOD})
    assert gone.status_code == 401
    assert chief.patch("/api/people/99", json={"active": False}).status_code == 404


def test_an_administrator_cannot_shut_out_the_last_one(app: FastAPI, office: Office) -> None:
    add(office, "chief", admin=True)
    chief = browser(app, "chief")

    for change in ({"admin": False}, {"active": False}, {"password": OTHER}):
        assert chief.patch("/api/people/1", json=change).status_code == 422
    assert chief.get("/api/people").status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": ""},
        {"name": "x" * 300},
        {"name": "two words"},
        {"name": "li", "password": "x" * 2000},
        {"name": "li", "password": "short"},
        {"name": "li", "shown_as": "a\nSet-Cookie: b=c\x00"},
        {"name": "li", "id": 7},
        {"name": ["li"]},
        [],
    ],
)
def test_what_makes_no_person_is_told_without_the_password(
    app: FastAPI, office: Office, asked: Any
) -> None:
    add(office, "chief", admin=True)

    answer = browser(app, "chief").post("/api/people", json=asked)

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "message"}
    assert "\n" not in answer.json()["message"]
    assert "x" * 200 not in answer.text
    assert len(office.people()) == 1


# Members


def test_members_are_given_and_taken_by_owners(app: FastAPI, office: Office) -> None:
    add(office, "wang", roles={"town": "owner"})
    add(office, "li")
    owner, li = browser(app, "wang"), browser(app, "li")
    path = "/api/projects/town/members"

    assert li.get(path).status_code == 404
    given = owner.put(path, json={"name": "LI", "role": "planner"})
    assert [(one["name"], one["role"]) for one in given.json()["members"]] == [
        ("wang", "owner"),
        ("li", "planner"),
    ]
    assert given.json() == owner.get(path).json()
    assert li.get(path).status_code == 403
    assert li.put(path, json={"name": "li", "role": "owner"}).status_code == 403
    assert li.get("/probe/planner/town").status_code == 200
    assert owner.delete(path + "/2").status_code == 204
    assert li.get("/probe/viewer/town").status_code == 404
    assert owner.delete(path + "/2").status_code == 404


def test_the_last_owner_cannot_leave(app: FastAPI, office: Office) -> None:
    add(office, "wang", roles={"town": "owner"})
    owner = browser(app, "wang")
    path = "/api/projects/town/members"

    assert owner.delete(path + "/1").status_code == 422
    assert owner.put(path, json={"name": "wang", "role": "viewer"}).status_code == 422
    assert owner.put(path, json={"name": "nobody", "role": "viewer"}).status_code == 404
    assert owner.put(path, json={"name": "wang", "role": "god"}).status_code == 422
    assert owner.get(path).status_code == 200


def test_an_owner_of_one_project_is_nobody_in_another(app: FastAPI, office: Office) -> None:
    add(office, "wang", roles={"town": "owner"})
    owner = browser(app, "wang")

    answer = owner.put("/api/projects/village/members", json={"name": "wang", "role": "owner"})

    assert answer.status_code == 404
    assert office.members("village") == []


# What is noted, and what is not


def test_sign_ins_and_failures_are_noted_and_no_secret_is(
    app: FastAPI, office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    add(office, "chief", admin=True)
    chief = browser(app, "chief")
    wrong = "a wrong password of mine"
    browser(app).post("/api/session", json={"name": "chief", "password": wrong})
    browser(app).post("/api/session", json={"name": OTHER, "password": GOOD})
    token = chief.post("/api/tokens", json={"label": "t"}).json()["token"]

    told = chief.get("/api/people/audit")
    lines = told.json()["lines"]

    assert [(line["who"], line["what"], line["where"]) for line in lines[:4]] == [
        ("chief", "token made", "10.0.0.7"),
        ("unknown", "sign-in failed", "10.0.0.7"),
        ("chief", "sign-in failed", "10.0.0.7"),
        ("chief", "signed in", "10.0.0.7"),
    ]
    office.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("office.db*"))
    for secret in (GOOD, OTHER, wrong, token, chief.cookies["lianpian"]):
        assert secret not in told.text
        assert secret not in caplog.text
        assert secret.encode() not in kept


def test_every_route_tells_an_example_and_its_faults(app: FastAPI) -> None:
    described = app.openapi()

    ours = {path: told for path, told in described["paths"].items() if path.startswith("/api/")}
    assert len(ours) == 12
    for path, methods in ours.items():
        for method, told in methods.items():
            assert told["description"], (path, method)
            faults = {"404"} if "oidc" in path else {"403"}
            assert faults <= set(told["responses"]), (path, method)
    used = json.dumps(ours)
    for name, schema in described["components"]["schemas"].items():
        if f'/{name}"' in used and name not in ("HTTPValidationError", "OfficeAuditOut"):
            assert schema.get("examples"), name


def test_a_project_of_another_host_cannot_set_our_cookie(office: Office) -> None:
    add(office, "wang")
    app = make_app(office, public_url="https://plan.example.cn")
    token = office.add_session(1, kind="browser", label="", hours=1, by=BY)

    # Without the prefix any host of example.cn could have set it.
    planted = TestClient(app, cookies={"lianpian": token})
    ours = TestClient(app, cookies={"__Host-lianpian": token})

    assert (planted.get("/probe").status_code, ours.get("/probe").status_code) == (401, 200)
