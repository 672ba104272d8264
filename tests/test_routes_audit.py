"""The audit over HTTP: what was done through the API is told with who and where from."""

import contextlib
import sqlite3

import pytest
from fastapi.testclient import TestClient
from shapely import box

from api.app import create_app
from api.settings import Settings
from api.store import Project
from api.store.codec import register_functions
from tests.layers import layer

AUDIT = "/api/projects/town/audit"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "town.gpkg"
    with Project.create(path, name="镇") as made:
        made.write_layers([(layer("estates", [box(0, 0, 80, 60)], name=["甲"]), None)])
    return path


@pytest.fixture
def client(path):
    app = create_app(Settings(project=str(path)))
    with TestClient(app, headers={"X-Lianpian": "1"}) as running:
        yield running


def test_an_edit_is_told_with_who_and_where_but_not_its_values(client):
    address = "/api/projects/town/layers/estates/rows/estates-0"
    etag = client.get(address).headers["etag"]
    change = {"properties": {"name": "不该出现的名字"}}
    assert client.patch(address, json=change, headers={"If-Match": etag}).status_code == 200

    answer = client.get(AUDIT)
    newest = answer.json()["lines"][0]
    assert (newest["who"], newest["subject"]) == ("local", "estates")
    assert newest["where"]
    assert "不该出现" not in answer.text
    assert (
        client.get(f"{AUDIT}?limit=1&before={newest['id']}").json()["lines"][0]["id"]
        < (newest["id"])
    )


def test_what_another_program_changed_is_told_once(client, path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as plain:
        register_functions(plain)
        plain.execute("UPDATE estates SET name = '乙'")
    for _ in range(2):
        newest, before = client.get(AUDIT).json()["lines"][:2]
        assert (newest["what"], newest["subject"]) == ("changed outside Lianpian", "estates")
        assert newest["detail"]["versions"] == 1
        assert before["what"] == "import"
    assert client.get(f"{AUDIT}/check").json()["ok"]


def test_the_check_finds_a_line_that_was_changed_behind_its_back(client, path):
    sound = client.get(f"{AUDIT}/check").json()
    assert sound["ok"]
    assert sound["rows"] >= 1
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as plain:
        for (name,) in plain.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        ).fetchall():
            plain.execute(f'DROP TRIGGER "{name}"')
        plain.execute("UPDATE audit SET who = 'nobody' WHERE id = 1")
    broken = client.get(f"{AUDIT}/check").json()
    assert (broken["ok"], broken["first_bad"]) == (False, 1)
    assert broken["why"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before=0", "before=-1"])
def test_numbers_out_of_range_are_refused(client, query):
    assert client.get(f"{AUDIT}?{query}").status_code == 422
