"""Exports over HTTP: files that other programs open, without extra columns or personal data."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import unquote

import geopandas as gpd
import openpyxl
import pytest

from api.routes import exports
from api.store import PrivatePerson, Project
from tests.town import PHONE, TOWN, made_town, serving, signed_in

EXPORTS = f"{TOWN}/exports"
FAULT = {"error", "message"}
SECRET = "王某某"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = made_town(tmp_path_factory.mktemp("town") / "town.gpkg")
    with Project.open(path) as opened:
        opened.private().add("estates-0", [PrivatePerson(name=SECRET, phone=PHONE)])
    return path


@pytest.fixture(scope="module")
def client(path):
    with serving(path) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """Every export is made in a folder of its own, and removed when it has been sent."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.glob("lianpian-export-*")) == []


def file_name(answer) -> str:
    return unquote(answer.headers["content-disposition"].partition("filename*=utf-8''")[2])


def test_a_geopackage_holds_all_layers_and_nothing_else(client, tmp_path):
    answer = client.get(f"{EXPORTS}?format=gpkg")
    file = tmp_path / "got.gpkg"
    file.write_bytes(answer.content)

    assert answer.headers["content-type"] == "application/geopackage+sqlite3"
    assert sorted(gpd.list_layers(file)["name"]) == ["estates", "facilities", "streets"]
    frame = gpd.read_file(file, layer="estates")
    assert len(frame) == 3
    assert frame.crs.to_epsg() == 4547
    assert "联系电话" not in frame
    assert SECRET.encode() not in answer.content
    assert PHONE.encode() not in answer.content


def test_a_workbook_holds_the_layer_that_was_asked_for(client):
    answer = client.get(f"{EXPORTS}?format=xlsx&layer=estates")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    cells = [str(cell.value) for sheet in book for row in sheet for cell in row]

    assert "甲" in cells
    assert PHONE not in cells


@pytest.mark.parametrize(("kind", "ending"), [("geojson", ".geojson"), ("csv", ".csv")])
def test_one_layer_is_one_file(client, kind, ending):
    answer = client.get(f"{EXPORTS}?format={kind}&layer=estates")

    assert file_name(answer).endswith(ending)
    assert "甲" in answer.content.decode("utf-8-sig")
    assert PHONE not in answer.text


@pytest.mark.parametrize("query", ["format=csv", "format=shp&layer=estates"])
def test_several_files_come_in_a_zip(client, query):
    answer = client.get(f"{EXPORTS}?{query}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        assert PHONE.encode() not in b"".join(archive.read(name) for name in names)

    assert answer.headers["content-type"] == "application/zip"
    assert file_name(answer).endswith(".zip")
    assert {Path(name).name for name in names} == set(names)
    assert {"estates.csv", "streets.csv"} <= set(names) or "estates.shp" in names


def test_the_name_of_the_file_is_that_of_the_project_made_safe(client):
    answer = client.get(f"{EXPORTS}?format=csv&layer=estates")
    name = file_name(answer)

    assert name.startswith("镇 script script alert(1) script-20")
    assert not set(name) & set('<>:"/\\|?*')
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "format=exe",
        "format=gpkg&layer=audit",
        "format=gpkg&layer=private_persons",
        "format=gpkg&layer=../estates",
        "format=gpkg&" + "&".join(["layer=estates"] * 30),
    ],
)
def test_what_cannot_be_exported_is_refused(client, query):
    answer = client.get(f"{EXPORTS}?{query}")
    assert answer.status_code in (404, 422)
    assert set(answer.json()) == FAULT


def test_only_some_exports_are_made_at_once(client):
    for _ in range(exports.MOST_AT_ONCE):
        assert exports._turns.acquire(blocking=False)
    try:
        assert client.get(f"{EXPORTS}?format=csv").status_code == 503
    finally:
        exports._turns.release(exports.MOST_AT_ONCE)
    assert client.get(f"{EXPORTS}?format=csv").status_code == 200


def test_an_export_is_noted(client):
    client.get(f"{EXPORTS}?format=csv&layer=streets")
    newest = client.get(f"{TOWN}/audit").json()["lines"][0]
    assert (newest["what"], newest["subject"]) == ("exported", "csv")
    assert newest["detail"] == {"layers": ["streets"]}


def test_a_viewer_takes_nothing_away(path):
    with serving(path, login="on") as client:
        viewer, reviewer = (signed_in(client, role, role) for role in ("viewer", "reviewer"))
        assert viewer.get(f"{EXPORTS}?format=csv").status_code == 403
        assert reviewer.get(f"{EXPORTS}?format=csv").status_code == 200
