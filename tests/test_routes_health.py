"""Whether the application runs and can serve, and its figures."""

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.store import Project
from gis import __version__


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "town.gpkg"
    Project.create(path, name="镇").close()
    return path


@pytest.fixture
def client(path):
    with TestClient(create_app(Settings(project=str(path)))) as running:
        yield running


def test_it_says_that_it_runs_and_serves(client):
    assert client.get("/api/health").json() == {"status": "ok", "version": __version__}
    assert client.get("/api/ready").json() == {"status": "ready", "projects": 1}


def test_it_is_not_ready_without_its_project_but_runs(client, path):
    path.unlink()
    assert client.get("/api/ready").status_code >= 400
    assert client.get("/api/health").status_code == 200


def test_it_is_not_ready_once_it_was_told_to_stop(client):
    client.app.state.stopping.set()
    answer = client.get("/api/ready")
    assert (answer.status_code, answer.json()["message"]) == (503, "The server is being stopped")


def test_its_figures_are_there_and_count(client):
    client.get("/api/health")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'lianpian_requests_total{method="GET",route="/api/health",status="200"} 1.0' in (
        answer.text
    )


def test_its_figures_are_for_administrators_where_people_sign_in(path):
    with TestClient(create_app(Settings(project=str(path), login="on"))) as client:
        assert client.get("/api/health").status_code == 200
        assert client.get("/metrics").status_code == 401
