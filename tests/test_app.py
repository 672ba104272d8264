"""The web application as a whole: one shape for every error, a closed page, parts that close."""

import pytest
from fastapi.testclient import TestClient
from shapely import Point

from api.app import create_app
from api.settings import Settings
from api.store import Project
from gis.errors import ConflictError, ProjectError
from tests.layers import layer

HOSTILE = "<script>alert(1)</script>小区"
HERE = "/api/projects/town"


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "town.gpkg"
    with Project.create(path, name=f"镇 {HOSTILE}") as made:
        made.write_layers([(layer("estates", [Point(0, 0)], name=[HOSTILE]), None)])
    return path


@pytest.fixture
def client(project):
    with TestClient(create_app(Settings(project=str(project)))) as running:
        yield running


@pytest.mark.parametrize("path", ["/", HERE, f"{HERE}/layers/estates", "/ogc", "/nowhere"])
def test_every_answer_closes_the_page_to_the_outside(client, path):
    headers = client.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert len(headers["x-request-id"]) == 16


def test_another_host_name_is_not_answered(client):
    assert client.get(HERE, headers={"host": "evil.example"}).status_code == 400


def test_where_people_sign_in_the_public_name_is_answered(project):
    settings = Settings(project=str(project), login="on", public_url="https://plan.example.cn")
    with TestClient(create_app(settings)) as client:
        assert client.get("/api/health", headers={"host": "plan.example.cn"}).status_code == 200
        assert client.get("/api/health", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/nothing", 404),
        ("/api/projects/village", 404),
        (f"{HERE}/layers/trees", 404),
        (f"{HERE}/layers/estates?limit=0", 422),
        (f"{HERE}/map?lang=xx", 422),
        (f"{HERE}/jobs/x", 404),
    ],
)
def test_every_error_has_the_same_shape(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "message"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_a_route_has_not_is_told_in_that_shape(client, method):
    answer = client.request(method, "/api/health", headers={"X-Lianpian": "1"})
    assert answer.status_code == 405
    assert set(answer.json()) == {"error", "message"}


@pytest.mark.parametrize(("sent", "status"), [({}, 409), ({"If-Match": '"1"'}, 412)])
def test_a_conflict_shows_both_versions(client, sent, status):
    @client.app.get("/conflict")
    def conflict() -> None:
        raise ConflictError("changed", yours={"people": 1}, theirs={"people": float("nan")})

    answer = client.get("/conflict", headers=sent)
    assert answer.status_code == status
    assert answer.json() == {
        "error": "ConflictError",
        "message": "changed",
        "conflict": {"yours": {"people": 1}, "theirs": {"people": None}},
    }


def test_a_project_that_has_gone_is_an_error_and_no_trace(client, project):
    project.unlink()
    answer = client.get(HERE)

    assert answer.status_code in (404, 409)
    assert set(answer.json()) == {"error", "message"}


def test_the_start_page_shows_a_hostile_name_as_text(client):
    page = client.get("/").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_end_leaves_the_project_alone_and_whole(project):
    with TestClient(create_app(Settings(project=str(project)))) as client:
        assert client.get(HERE).status_code == 200
    left = {path.name for path in project.parent.iterdir()}
    assert project.name in left
    assert not [name for name in left if name.startswith("town") and name != project.name]


def test_what_cannot_be_opened_stops_the_start(tmp_path):
    office = tmp_path / "office.db"
    office.write_bytes(b"no database")
    project = tmp_path / "town.gpkg"
    Project.create(project, name="镇").close()
    app = create_app(Settings(project=str(project), office=str(office)))
    with pytest.raises(Exception, match=r"office\.db"), TestClient(app):
        pass
    assert office.read_bytes() == b"no database"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("There is no project '/var/lib/x y/town.gpkg'; make one", "'town.gpkg'"),
        ("'C:\\data\\town.gpkg' is damaged", "'town.gpkg'"),
        ("the column 'a/b' is missing", "'a/b'"),
    ],
)
def test_where_things_lie_on_the_server_is_told_to_nobody(client, told, shown):
    @client.app.get("/lies")
    def lies() -> None:
        raise ProjectError(told)

    message = client.get("/lies").json()["message"]
    assert shown in message
    assert "/var" not in message
    assert "data" not in message
