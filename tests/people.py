"""A small application with people in it: two made-up projects, and a probe for each role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.auth import Person, Visit, require, visitor
from api.auth.door import Door
from api.auth.passwords import Passwords
from api.errors import add_error_handlers
from api.routes import people
from api.settings import Settings
from api.store.audit import Author
from api.store.office import Office
from api.store.office.schema import ROLES
from gis.errors import UnknownNameError

BY: Final = Author("test", "here")
GOOD: Final = "green tea on tuesday"
OTHER: Final = "black tea on friday!"
OURS: Final = {"X-Lianpian": "1"}


def quick() -> Passwords:
    """Passwords whose hashes cost next to nothing."""
    return Passwords(PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))


@dataclass(frozen=True)
class MadeUpLive:
    """Stands for an open project."""

    name: str
    author: Author | None = None

    def acting_as(self, author: Author) -> MadeUpLive:
        return replace(self, author=author)


class MadeUpProjects:
    """Stands for the projects of a folder."""

    def __init__(self, names: Sequence[str] = ("town", "village")) -> None:
        self.opened: list[str] = []
        self._names = list(names)

    def names(self) -> list[str]:
        return self._names

    def live(self, name: str) -> MadeUpLive:
        self.opened.append(name)
        if name not in self._names:
            raise UnknownNameError(f"There is no project '{name}'; these are secret: {self._names}")
        return MadeUpLive(name)


def make_app(office: Office, **settings: Any) -> FastAPI:
    """The routes about people, and ``/probe/{role}/{project}`` for each role."""
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(people.router)
    app.state.settings = Settings(**({"login": "on"} | settings))
    app.state.office = office
    app.state.projects = MadeUpProjects()
    app.state.door = Door(app.state.settings, office, passwords=quick())

    for role in ROLES:
        entry = Depends(require(role))

        @app.api_route(
            f"/probe/{role}/{{project}}", methods=["GET", "POST"], include_in_schema=False
        )
        def probe(visit: Visit = entry) -> dict[str, Any]:
            return {"role": visit.role, "who": vars(visit.live.author), "id": visit.person.id}

    @app.api_route("/probe", methods=["GET", "POST"], include_in_schema=False)
    def anybody(person: Annotated[Person, Depends(visitor)]) -> dict[str, Any]:
        return vars(person)

    return app


def add(office: Office, name: str, *, roles: dict[str, str] | None = None, **more: Any) -> int:
    """Add a person with the password `GOOD`; return their number."""
    account = office.add_person(name, password_hash=quick().hash(GOOD), by=BY, **more)
    for project, role in (roles or {}).items():
        office.set_role(project, account.id, role, by=BY)
    return account.id


def browser(app: FastAPI, name: str | None = None, *, address: str = "10.0.0.7") -> TestClient:
    """A browser of our own page, with nobody signed in or somebody with the password `GOOD`."""
    client = TestClient(app, headers=OURS, client=(address, 50000))
    if name is not None:
        answer = client.post("/api/session", json={"name": name, "password": GOOD})
        assert answer.status_code == 200, answer.text
    return client


def program(app: FastAPI, office: Office, person_id: int) -> TestClient:
    """A program with a token of a person."""
    token = office.add_session(person_id, kind="token", label="t", hours=1, by=BY)
    return TestClient(app, headers={"Authorization": f"Bearer {token}"}, client=("10.0.0.8", 1))
