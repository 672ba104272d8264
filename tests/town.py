"""A small served town for tests of routes: estates with a telephone number, streets, facilities."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from shapely import LineString, Point, box

from api.app import create_app
from api.settings import Settings
from api.store import Author, Project
from tests.layers import layer

HOSTILE = "</script><script>alert(1)</script>"
PHONE = "13912345678"
TOWN = "/api/projects/town"


def made_town(path: Path, *, estates: int = 3) -> Path:
    """Make a project of estates 80 x 60 m in a row, 20 m apart, north of a street."""
    boxes = [box(100 * i, 0, 100 * i + 80, 60) for i in range(estates)]
    people = [10, None, *[30] * (estates - 2)]
    names = ["甲", HOSTILE, *["丙"] * (estates - 2)]
    rows = layer("estates", boxes, name=names, people=people, 联系电话=[PHONE] * estates)
    streets = layer("streets", [LineString([(0, -5), (100 * estates, -5)])])
    shops = layer("facilities", [Point(50, -8)], category=["nursery"], name=[HOSTILE])
    with Project.create(path, name=f"镇 {HOSTILE}") as made:
        made.write_layers([(rows, None), (streets, None), (shops, None)])
    return path


@contextmanager
def serving(path: Path, **settings: Any) -> Iterator[TestClient]:
    """Serve a project or a folder to somebody on this machine."""
    app = create_app(Settings(project=str(path), **settings))
    with TestClient(app, headers={"X-Lianpian": "1"}) as client:
        yield client


def signed_in(
    client: TestClient, name: str, role: str | None, *, admin: bool = False
) -> TestClient:
    """Return a client of the same server for a person with a role in the town."""
    office, by = client.app.state.office, Author("test", "test")
    person = office.add_person(name, admin=admin, by=by)
    if role is not None:
        office.set_role("town", person.id, role, by=by)
    token = office.add_session(person.id, kind="token", label="test", hours=1, by=by)
    return TestClient(client.app, headers={"Authorization": f"Bearer {token}"})
