"""The web application: layers without extra columns, one shape for every error, a closed page."""

import geopandas as gpd
import pytest
from fastapi.testclient import TestClient
from shapely import LineString, Point

from api.analyses import ImportOptions, import_file
from api.app import create_app
from api.settings import Settings
from api.store import Project

HOSTILE = "<script>alert(1)</script>小区"
ZONE_38 = "EPSG:4547"


def place(x, y):
    return Point(500_000 + x, 3_650_000 + y)


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "town.gpkg"
    street = gpd.GeoDataFrame(geometry=[LineString([place(0, 0), place(900, 0)])], crs=ZONE_38)
    street.to_file(tmp_path / "streets.gpkg")
    gpd.GeoDataFrame(
        {"name": [HOSTILE, "乙", "丙"], "people": [10, None, 30], "联系电话": ["139"] * 3},
        geometry=[place(10, 9), place(100, 9), place(800, 9)],
        crs=ZONE_38,
    ).to_file(tmp_path / "estates.gpkg")
    with Project.create(path, name=f"镇 {HOSTILE}") as made:
        import_file(made, "streets", tmp_path / "streets.gpkg", ImportOptions())
        import_file(made, "estates", tmp_path / "estates.gpkg", ImportOptions())
    return path


@pytest.fixture
def client(project):
    with TestClient(create_app(Settings(), project)) as running:
        yield running


def test_the_project_says_what_is_in_it(client):
    body = client.get("/api/project").json()

    assert body["crs"] == ZONE_38
    found = {layer["layer"]: (layer["zh"], layer["rows"]) for layer in body["layers"]}
    assert found == {"streets": ("道路", 1), "estates": ("小区", 3)}


def test_a_layer_is_geojson_in_degrees_with_null_for_unknown(client):
    answer = client.get("/api/layers/estates")
    body = answer.json()

    assert answer.headers["content-type"] == "application/geo+json"
    assert (body["numberMatched"], body["numberReturned"]) == (3, 3)
    lon, lat = body["features"][0]["geometry"]["coordinates"]
    assert 113 < lon < 115
    assert 32 < lat < 34
    assert [f["properties"]["people"] for f in body["features"]] == [10, None, 30]


def test_extra_columns_stay_at_home(client):
    assert "139" not in client.get("/api/layers/estates").text


def test_a_layer_comes_in_pages(client):
    body = client.get("/api/layers/estates?limit=2&offset=2").json()

    assert [feature["properties"]["name"] for feature in body["features"]] == ["丙"]


def test_no_answer_holds_more_than_the_setting_allows(project):
    with TestClient(create_app(Settings(max_features=1), project)) as client:
        assert client.get("/api/layers/estates?limit=99").json()["numberReturned"] == 1


@pytest.mark.parametrize("kind", ["facilities", "sqlite_master", "../etc", "estates;drop"])
def test_an_unknown_layer_is_one_error_of_the_one_shape(client, kind):
    answer = client.get(f"/api/layers/{kind}")

    assert answer.status_code == 404
    if "/" not in kind:  # what leaves the folder of layers is no layer at all
        assert answer.json()["error"] == "UnknownNameError"
        assert "estates" in answer.json()["message"]


def test_the_start_page_shows_a_hostile_name_as_text(client):
    page = client.get("/").text

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/", "/map", "/api/project", "/api/health"])
def test_every_answer_closes_the_page_to_the_outside(client, path):
    headers = client.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_map_is_served_in_both_languages(client):
    assert '<html lang="zh-CN">' in client.get("/map").text
    assert '<html lang="en">' in client.get("/map?lang=en").text
    assert client.get("/map?lang=xx").status_code == 422


def test_another_host_name_is_not_answered(client):
    assert client.get("/api/project", headers={"host": "evil.example"}).status_code == 400


def test_a_browser_may_ask_for_the_head_of_a_page(client):
    assert client.head("/").status_code == client.head("/map").status_code == 200


@pytest.mark.parametrize("path", ["/api/nothing", "/api/layers/estates?limit=0", "/map?lang=xx"])
def test_every_error_has_the_same_shape(client, path):
    assert set(client.get(path).json()) == {"error", "message"}


def test_a_project_that_has_gone_is_an_error_and_no_trace(client, project):
    project.unlink()

    answer = client.get("/api/project")

    assert answer.status_code == 409
    assert answer.json()["error"] == "ProjectError"
