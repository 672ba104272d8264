"""Projects over HTTP: listed to who may see them, made by administrators, described, checked."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.town import HOSTILE, PHONE, TOWN, made_town, serving, signed_in

FAULT = {"error", "message"}


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    return made_town(folder / "town.gpkg")


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """A client of a folder with a town that no test changes: all that is sent is refused."""
    folder = tmp_path_factory.mktemp("served")
    made_town(folder / "town.gpkg")
    with serving(folder) as running:
        yield running


@pytest.fixture
def client(path):
    with serving(path) as running:
        yield running


@pytest.fixture
def folder(path):
    """A server of the folder that the town is in."""
    with serving(path.parent) as running:
        yield running


def test_the_only_project_is_listed(client):
    body = client.get("/api/projects").json()
    assert body == {"projects": [{"project": "town", "role": "owner"}], "may_create": False}


def test_a_project_says_what_is_in_it(client):
    answer = client.get(TOWN)
    body = answer.json()

    assert (body["project"], body["name"], body["crs"]) == ("town", f"镇 {HOSTILE}", "EPSG:4547")
    assert body["profile"] == "national"
    found = {one["layer"]: (one["zh"], one["rows"]) for one in body["layers"]}
    assert found == {"estates": ("小区", 3), "facilities": ("设施", 1), "streets": ("道路", 1)}
    assert (body["plans"], body["scenarios"], body["none_of"]) == ([], [], [])
    assert PHONE not in answer.text


def test_a_project_that_is_not_there_is_not_found(client):
    for name in ("nobody", "..", "town.gpkg", "%2e%2e%2ftown", "TOWN"):
        answer = client.get(f"/api/projects/{name}")
        assert answer.status_code in (404, 405), name
        assert set(answer.json()) == FAULT


def test_a_project_is_made_in_a_folder(folder):
    made = folder.post("/api/projects", json={"name": " 北城区 ", "crs": "EPSG:4547"})

    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["crs"]) == ("北城区", "EPSG:4547")
    assert folder.get(made.headers["location"]).json()["name"] == "北城区"
    listed = [one["project"] for one in folder.get("/api/projects").json()["projects"]]
    assert sorted(listed) == sorted(["town", made.json()["project"]])
    again = folder.post("/api/projects", json={"name": "北城区"})
    assert again.status_code == 409


@pytest.mark.parametrize(
    "new",
    [
        {},
        {"name": " "},
        {"name": "x" * 300},
        {"name": "a", "crs": "EPSG:4326"},
        {"name": "a", "crs": "/etc/passwd"},
        {"name": "a", "profile": "../national"},
        {"name": "a", "path": "/tmp/a.gpkg"},
    ],
    ids=range(7),
)
def test_a_project_that_cannot_be_is_not_made(firm, new):
    answer = firm.post("/api/projects", json=new)
    assert answer.status_code in (404, 422), answer.text
    assert set(answer.json()) == FAULT
    assert len(firm.get("/api/projects").json()["projects"]) == 1


def test_a_name_decides_nothing_about_where_a_project_lies(folder, path):
    for name in ("../escape", "/etc/passwd", ".hidden", "CON", "a\u202eb", "a/b"):
        answer = folder.post("/api/projects", json={"name": name})
        assert answer.status_code in (201, 409, 422), answer.text
        assert "served" not in answer.text

    made = {one.parent for one in path.parent.parent.rglob("*.gpkg")}
    assert made == {path.parent}


def test_where_one_project_is_served_none_is_made(client):
    assert client.post("/api/projects", json={"name": "a"}).status_code == 422


def test_the_name_is_changed_only_as_it_was_seen(client):
    etag = client.get(TOWN).headers["etag"]

    assert client.patch(TOWN, json={"name": "新"}).status_code == 428
    changed = client.patch(TOWN, json={"name": "新"}, headers={"If-Match": etag})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["name"], changed.json()["profile"]) == ("新", "national")

    late = client.patch(TOWN, json={"name": "旧"}, headers={"If-Match": etag})
    assert late.status_code == 412
    assert late.json()["conflict"]["theirs"]["name"] == "新"

    fresh = {"If-Match": changed.headers["etag"]}
    profiled = client.patch(TOWN, json={"profile": "liaoning"}, headers=fresh)
    assert (profiled.json()["name"], profiled.json()["profile"]) == ("新", "liaoning")
    fresh = {"If-Match": profiled.headers["etag"]}
    assert client.patch(TOWN, json={"profile": "nowhere"}, headers=fresh).status_code == 404
    back = client.patch(TOWN, json={"profile": None}, headers=fresh)
    assert back.json()["profile"] == "national"


def test_it_is_stated_that_there_is_none_and_taken_back(client):
    stated = client.put(f"{TOWN}/statements/primary_school")
    assert stated.json() == {"none_of": ["primary_school"]}
    assert client.get(TOWN).json()["none_of"] == ["primary_school"]

    assert client.put(f"{TOWN}/statements/nursery").status_code == 422  # there is one
    assert client.put(f"{TOWN}/statements/nothing").status_code == 404
    assert client.delete(f"{TOWN}/statements/primary_school").json() == {"none_of": []}


def test_findings_are_made_once_until_something_changes(client, monkeypatch):
    from api.routes import projects

    asked = []

    def counted(study):
        asked.append(study)
        return check_study(study)

    check_study = projects.check_study
    monkeypatch.setattr(projects, "check_study", counted)

    first = client.get(f"{TOWN}/findings").json()
    assert client.get(f"{TOWN}/findings").json() == first
    assert first["refused"] == 0
    assert len(asked) == 1
    assert {"code", "severity", "message", "row"} == set(first["findings"][0])

    row = client.get(f"{TOWN}/layers/estates/rows/estates-1")
    client.patch(
        f"{TOWN}/layers/estates/rows/estates-1",
        json={"properties": {"people": 5}},
        headers={"If-Match": row.headers["etag"]},
    )
    client.get(f"{TOWN}/findings")
    assert len(asked) == 2


def test_who_sees_and_does_what(path):
    with serving(path.parent, login="on") as client:
        admin = signed_in(client, "root", None, admin=True)
        viewer = signed_in(client, "li", "viewer")
        stranger = signed_in(client, "zhao", None)
        admin.post("/api/projects", json={"name": "secret"})

        assert TestClient(client.app).get("/api/projects").status_code == 401
        assert stranger.get("/api/projects").json()["projects"] == []
        seen = viewer.get("/api/projects").json()
        assert seen == {"projects": [{"project": "town", "role": "viewer"}], "may_create": False}
        assert len(admin.get("/api/projects").json()["projects"]) == 2
        assert viewer.post("/api/projects", json={"name": "b"}).status_code == 403
        assert viewer.get("/api/projects/secret").status_code == 404
        etag = {"If-Match": viewer.get(TOWN).headers["etag"]}
        assert viewer.patch(TOWN, json={"name": "b"}, headers=etag).status_code == 403
        assert viewer.put(f"{TOWN}/statements/primary_school").status_code == 403


def test_the_start_page_shows_a_hostile_name_as_text(client):
    answer = client.get("/")

    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "frame-src 'self'" in policy
    assert client.head("/").status_code == 200


def test_the_start_page_of_a_folder_lists_projects_and_shows_one(folder):
    assert '<a href="/?project=town">' in folder.get("/").text
    assert f'<iframe src="{TOWN}/map"' in folder.get("/?project=town").text
    assert "<iframe" not in folder.get('/?project="><script>').text


def test_the_start_page_tells_nothing_to_who_has_not_signed_in(path):
    with serving(path, login="on") as client:
        answer = TestClient(client.app).get("/")
        assert answer.status_code == 401
        assert "town" not in answer.text
