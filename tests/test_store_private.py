"""Personal data is in one table of the project and nowhere else, whatever is asked."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from api.app import create_app
from api.cli import cli
from api.settings import Settings
from api.store import Author, PrivatePerson, Project, RowChange
from gis.errors import OptionError
from gis.model import Layer
from gis.sample import make_city

NAMES = ['=HYPERLINK("x")', "<script>alert(1)</script>", "'; DROP TABLE private_persons; --"]
SECRETS = {
    "building": "SECRET-b-7",
    "household": "SECRET-h-301",
    "name": "张三丰SECRET",
    "id_number": "11010119900307SECRET",
    "phone": "13800138000",
    "note": "SECRET病史",
}


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    with Project.create(store, name="云溪", author=Author("王", "test")) as made:
        yield made


def everybody() -> PrivatePerson:
    return PrivatePerson(**SECRETS)  # type: ignore[arg-type]


def test_people_are_added_listed_and_removed_by_estate(project: Project) -> None:
    private = project.private()
    first = private.add("E1", [everybody(), PrivatePerson(name=NAMES[2])])
    (other,) = private.add("E2", [PrivatePerson(phone="x")])
    found = private.list("E1")
    assert [person.id for person in found] == list(first)
    assert {name: getattr(found[0], name) for name in SECRETS} == SECRETS
    assert found[1].name == NAMES[2]
    assert private.list("nobody") == ()
    assert private.counts() == {"E1": 2, "E2": 1}
    assert private.remove("E2", [first[0]]) == 0
    assert private.remove("E1", [first[0]]) == 1
    assert private.remove("E1") == 1
    assert private.counts() == {"E2": 1}
    assert [person.id for person in private.list("E2")] == [other]


def test_each_access_is_noted_without_what_was_seen(project: Project) -> None:
    mine = project.acting_as(Author("李", "192.0.2.1")).private()
    mine.add("E1", [everybody()])
    mine.list("E1")
    mine.list("E9")
    mine.counts()
    mine.remove("E1")
    lines = project.audit_lines(5)[::-1]
    assert [(line.who, line.what, line.subject, dict(line.detail)) for line in lines] == [
        ("李", "private persons added", "E1", {"persons": 1}),
        ("李", "private persons read", "E1", {"persons": 1}),
        ("李", "private persons read", "E9", {"persons": 0}),
        ("李", "private persons counted", "", {"estates": 1}),
        ("李", "private persons removed", "E1", {"persons": 1}),
    ]
    assert not any(secret in str(lines) for secret in SECRETS.values())


@pytest.mark.parametrize("field", sorted(SECRETS))
def test_what_is_refused_is_not_repeated(project: Project, field: str) -> None:
    for broken in ("13800138000" * 100, "13800138000\0", "13800138000\ud800", 13800138000):
        person = PrivatePerson(**{field: broken})  # type: ignore[arg-type]
        with pytest.raises(OptionError, match=f"Person 2, {field}: give a text") as caught:
            project.private().add("E1", [everybody(), person])
        assert "138" not in str(caught.value)
        assert caught.value.__cause__ is None
    assert project.private().counts() == {}
    for none in ([], [everybody()] * 10_001):
        with pytest.raises(OptionError, match="Give 1 to 10000"):
            project.private().add("E1", none)


def test_a_person_that_is_printed_shows_nothing() -> None:
    assert repr(everybody()) == "PrivatePerson(id=None)"


def test_what_was_removed_is_not_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    with Project.create(path, name="x") as project:
        project.private().add("E1", [everybody()] * 50)
    assert secrets_in(path.read_bytes())
    with Project.open(path) as project:
        project.private().remove("E1")
    assert secrets_in(path.read_bytes()) == []
    assert [file.name for file in tmp_path.iterdir()] == ["p.gpkg"]


def secrets_in(content: bytes) -> list[str]:
    """Which of the secrets a file holds, as it is or in any zip inside it."""
    found = []
    for secret in SECRETS.values():
        spelled = {secret.encode(), secret.encode("utf-16-le"), secret.encode("gb18030")}
        spelled |= {json.dumps(secret)[1:-1].encode()}
        found += [secret for form in spelled if form in content]
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                found += secrets_in(archive.read(name))
    return found


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A made-up city with people who signed in every estate, and names that mean harm."""
    path = tmp_path / "city.gpkg"
    study = make_city(seed=3, estates=12)
    layers = dict(study.layers)
    frame = layers["estates"].frame.copy()
    frame["name"] = np.resize(np.array(NAMES, dtype=object), len(frame))
    frame["name"] = frame["name"].astype("str")
    layers["estates"] = Layer(layers["estates"].kind, frame)
    with Project.create(path, name="云溪") as project:
        project.write_layers([(layer, None) for layer in layers.values()])
        uids = frame["uid"].tolist()
        for uid in uids:
            project.private().add(uid, [everybody()])
        # Changes of every sort on top, so that the history and the audit hold some.
        made = project.edit_rows("estates", [RowChange("update", uids[0], values={"people": 9})])
        project.undo_edit(made.edit_id)
        project.edit_rows("estates", [RowChange("delete", uids[-1])])
    return path


def test_no_answer_and_no_file_of_any_command_holds_personal_data(
    city: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with Project.open(city) as project:
        uid = str(project.read_layer("estates").uids[0])
    commands: list[list[object]] = [
        ["layers"],
        ["check"],
        ["coverage", "--out", out / "gaps.xlsx"],
        ["explain", "--estate", uid, "--category", "nursery"],
        ["isochrones", "--category", "nursery", "--minutes", "5", "--out", out / "reached.gpkg"],
        ["districts", "--size", "people:100:100000", "--plan", "p", "--time-limit", "1"],
        ["plan", "show", "p"],
        ["plan", "check", "p"],
        ["plan", "export", "p", "--out", out / "plan.xlsx"],
        ["plan", "export", "p", "--out", out / "plan.geojson"],
        ["sites", "--category", "nursery", "--count", "1", "--out", out / "sites.xlsx",
         "--map", out / "sites.html", "--save", "s"],
        ["whatif", "--list"],
        ["map", "--out", out / "map.html"],
        ["audit", "--verify"],
        ["export", "--out", out / "all.xlsx"],
        ["export", "--out", out / "all.gpkg"],
        ["export", "--out", out / "shp", "--format", "shp", "--layer", "estates"],
        ["export", "--out", out / "geojson", "--format", "geojson"],
        ["export", "--out", out / "csv", "--format", "csv"],
    ]  # fmt: skip
    told = []
    for command in commands:
        name, rest = command[0], command[1:]
        # `plan show PROJECT NAME`, all others `command PROJECT ...`.
        words = [name, rest[0], city, *rest[1:]] if name == "plan" else [name, city, *rest]
        done = CliRunner().invoke(cli, [str(word) for word in [*words, "--json"]])
        assert not isinstance(done.exception, (AssertionError, TypeError)), words
        told.append((words, done.exit_code))
        assert secrets_in(done.output.encode()) == []
        assert secrets_in(repr(done.exception).encode()) == []
    assert [words for words, code in told if words[0] in ("export", "map") and code] == []
    written = sorted(file for file in out.rglob("*") if file.is_file())
    assert {file.suffix for file in written} >= {".xlsx", ".gpkg", ".geojson", ".csv", ".html"}
    for file in written:
        assert secrets_in(file.read_bytes()) == [], file
    connection = sqlite3.connect(city)
    tables = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    for table in tables:
        if table != "private_persons" and not table.startswith("rtree_"):
            rows = repr(connection.execute(f'SELECT * FROM "{table}"').fetchall())
            assert secrets_in(rows.encode()) == [], table
    assert connection.execute("SELECT count(*) FROM private_persons").fetchall() == [(12,)]
    connection.close()


MORE_PATHS = (
    "/api/projects/city/exports?format=gpkg&layer=estates",
    "/api/projects/city/exports?format=xlsx&layer=estates",
    "/api/projects/city/exports?format=geojson&layer=estates",
    "/ogc",
    "/ogc/api",
    "/ogc/collections",
    "/ogc/collections/estates",
    "/ogc/collections/estates/items",
)


def test_no_answer_of_the_server_holds_personal_data(city: Path) -> None:
    with Project.open(city) as project:
        uid = str(project.read_layer("estates").uids[0])
        project.save_run("coverage", options={}, stamp={}, assumptions={}, result={"estates": []})
    named = {"project": "city", "kind": "estates", "uid": uid, "run": "1"}
    answers: dict[str, int] = {}
    app = create_app(Settings(project=str(city)))
    with TestClient(app, headers={"X-Lianpian": "1"}) as client:
        paths = client.get("/api/openapi.json").json()["paths"]
        asked = [path for path, ways in paths.items() if "get" in ways and "events" not in path]
        for template in [*asked, *MORE_PATHS]:
            path = re.sub(r"{(\w+)}", lambda word: named.get(word[1], word[0]), template)
            answer = client.get(path)
            answers[template] = answer.status_code
            assert secrets_in(answer.content) == [], path
            assert secrets_in(repr(answer.headers).encode()) == [], path
    good = {path for path, status in answers.items() if status == 200}
    assert good >= {"/api/projects/{project}/layers/{kind}", "/api/projects/{project}/audit",
                    "/api/projects/{project}/edits", "/api/projects/{project}/map",
                    "/api/projects/{project}/runs", *MORE_PATHS}, answers  # fmt: skip
