"""OGC API - Tiles: where they are, what is in them, and when they need not be sent again."""

import gzip

import mapbox_vector_tile
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.store import Project, RowChange
from tests.ogc_town import PHONE, town

SET = "/ogc/collections/estates/tiles/WebMercatorQuad"
# All five estates lie in the tiles 13380 to 13382 from the west and 6816 from the north.
ZOOM, ROW, FIRST, LAST = 14, 6816, 13380, 13382
TILE = f"{SET}/{ZOOM}/{ROW}/{FIRST}"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    path = town(tmp_path_factory.mktemp("tiles") / "town.gpkg")
    with TestClient(create_app(Settings(project=str(path), log="off"))) as running:
        yield running


def names_in(body):
    return {
        layer: [feature["properties"]["uid"] for feature in found["features"]]
        for layer, found in mapbox_vector_tile.decode(body).items()
    }


def test_a_tile_is_at_its_row_and_then_its_column(client):
    answer = client.get(TILE)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert answer.headers["content-encoding"] == "gzip"
    assert names_in(answer.content) == {"estates": ["E1", "E2"]}
    assert client.get(f"{SET}/{ZOOM}/{FIRST}/{ROW}").status_code == 204


def test_a_tile_has_the_columns_of_the_kind_and_no_other(client):
    found = mapbox_vector_tile.decode(client.get(TILE).content)["estates"]["features"][0]

    assert found["properties"] == {
        "uid": "E1", "name": "甲 <b>里</b>", "people": 10, "built_year": 1980
    }  # fmt: skip
    assert PHONE.encode() not in client.get(TILE).content


def test_a_tile_comes_unpacked_to_who_cannot_unpack(client):
    answer = client.get(TILE, headers={"Accept-Encoding": "identity"})

    assert "content-encoding" not in answer.headers
    assert answer.content == client.get(TILE).content


def test_a_tile_of_all_layers_has_them_all(client):
    found = names_in(client.get(f"/ogc/tiles/WebMercatorQuad/{ZOOM}/{ROW}/{FIRST}").content)

    assert set(found) == {"estates", "facilities", "projects"} - ({"facilities"} - set(found))
    assert found["estates"] == ["E1", "E2"]
    assert found["projects"] == ["projects-0", "projects-1"]


def test_only_tiles_that_an_edit_touched_are_sent_again(tmp_path):
    path = town(tmp_path / "town.gpkg")
    last = f"{SET}/{ZOOM}/{ROW}/{LAST}"
    with TestClient(create_app(Settings(project=str(path), log="off"))) as client:
        before = {address: client.get(address).headers["etag"] for address in (TILE, last)}
        for address, etag in before.items():
            seen = client.get(address, headers={"If-None-Match": f'"x", {etag}'})
            assert (seen.status_code, seen.content) == (304, b"")
        with Project.open(path) as other:
            other.edit_rows("estates", [RowChange("update", "E1", values={"people": 11})])
        answers = {
            address: client.get(address, headers={"If-None-Match": etag}).status_code
            for address, etag in before.items()
        }

    assert answers == {TILE: 200, last: 304}


@pytest.mark.parametrize(
    "place",
    ["25/0/0", "0/0/1", "0/1/0", "-1/0/0", "a/b/c", "1e1/0/0", "0/0/0.5", "14/99999999999/0",
     "٣/0/0", "14/6816/" + "9" * 4000],
)  # fmt: skip
def test_a_tile_outside_the_world_is_not_there(client, place):
    answer = client.get(f"{SET}/{place}")

    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "message"}


def test_the_set_tells_where_tiles_are_and_how_they_are_cut(client):
    body = client.get(SET).json()
    limits = {one["tileMatrix"]: one for one in body["tileMatrixSetLimits"]}
    cut = client.get("/ogc/tileMatrixSets/WebMercatorQuad").json()["tileMatrices"]

    assert limits["14"] == {
        "tileMatrix": "14", "minTileRow": ROW, "maxTileRow": ROW,
        "minTileCol": FIRST, "maxTileCol": LAST,
    }  # fmt: skip
    assert next(link for link in body["links"] if link["rel"] == "item")["templated"] is True
    assert [layer["id"] for layer in body["layers"]] == ["estates"]
    # The figures of the standard's own table.
    assert cut[0]["scaleDenominator"] == pytest.approx(559082264.0287178)
    assert cut[0]["cellSize"] == pytest.approx(156543.03392804097)
    assert cut[24]["scaleDenominator"] == pytest.approx(559082264.0287178 / 2**24)
    assert (cut[24]["matrixWidth"], cut[24]["id"]) == (2**24, "24")


def test_only_the_unpacked_size_is_what_a_browser_sees(client):
    packed = client.get(TILE, headers={"Accept-Encoding": "gzip"})

    assert int(packed.headers["content-length"]) == len(gzip.compress(packed.content, 4, mtime=0))
