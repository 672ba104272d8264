"""Every route of the whole application: nobody gets in by a door that somebody forgot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

import api.routes
from api.app import create_app
from api.auth.described import OPEN as DESCRIBED_AS_OPEN
from api.settings import Settings
from api.store import Project
from tests.people import BY, OURS

# What nobody needs to sign in for: each line is a decision.
OPEN = {
    "GET /api/health",
    "GET /api/ready",
    "GET /api/openapi.json",
    "GET /api/session",  # says that nobody is signed in
    "POST /api/session",  # signing in
    "DELETE /api/session",  # signing out
    "GET /api/session/oidc",
    "GET /api/session/oidc/return",
    "GET /s/{token}",  # shares, behind a link that nobody can guess
    "POST /s/{token}",
}
FILL = {"project": "town", "kind": "estates", "lang": "zh"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    path: Path = tmp_path_factory.mktemp("served") / "town.gpkg"
    Project.create(path, name="Town").close()
    made = create_app(Settings(project=str(path), login="on", log="off"))
    with TestClient(made):
        office = made.state.office
        for role in ("viewer", "planner"):
            account = office.add_person(role, by=BY)
            office.set_role("town", account.id, role, by=BY)
        office.add_person("outsider", by=BY)
        yield made


def asked() -> list[tuple[str, str, str]]:
    """Method, template and a path for each route of each module of routes."""
    found = []
    for module in iter_modules(api.routes.__path__):
        router = getattr(import_module(f"api.routes.{module.name}"), "router", None)
        for route in router.routes if router is not None else []:
            assert isinstance(route, APIRoute)
            path = re.sub(r"{(\w+)(:\w+)?}", lambda name: FILL.get(name[1], "1"), route.path)
            found += [(method, route.path, path) for method in sorted(route.methods)]
    return found


def ask(app: FastAPI, headers: dict[str, str]) -> dict[str, int]:
    client = TestClient(app, headers=headers, follow_redirects=False)
    return {
        f"{method} {template}": client.request(method, path).status_code
        for method, template, path in asked()
    }


def as_person(app: FastAPI, name: str) -> dict[str, str]:
    office = app.state.office
    token = office.add_session(
        office.person_named(name).id, kind="token", label="t", hours=1, by=BY
    )
    return {"Authorization": f"Bearer {token}"}


def test_who_has_not_signed_in_gets_nothing(app: FastAPI) -> None:
    told = ask(app, OURS)

    assert len(told) > 40
    assert {name for name, status in told.items() if status != 401} <= OPEN


def test_the_document_says_the_same_of_what_is_open() -> None:
    told_elsewhere = {"GET /api/openapi.json", "GET /s/{token}", "POST /s/{token}"}

    assert OPEN - told_elsewhere == DESCRIBED_AS_OPEN


def test_who_has_no_role_sees_no_project(app: FastAPI) -> None:
    told = ask(app, as_person(app, "outsider"))

    inside = {name: status for name, status in told.items() if "{project}" in name}
    assert len(inside) > 30
    assert set(inside.values()) == {404}


def test_a_viewer_changes_nothing(app: FastAPI) -> None:
    told = ask(app, as_person(app, "viewer"))

    changes = {
        name: status
        for name, status in told.items()
        if "{project}" in name and not name.startswith(("GET", "HEAD"))
    }
    assert len(changes) > 15
    assert {name: status for name, status in changes.items() if status != 403} == {}
