"""Layers over HTTP: GeoJSON in degrees without extra columns, by window, page and column."""

from __future__ import annotations

import gzip
import json

import pytest
from starlette.testclient import TestClient

from tests.town import HOSTILE, PHONE, TOWN, made_town, serving, signed_in

ESTATES = f"{TOWN}/layers/estates"
ITEMS = "/ogc/collections/estates/items"


@pytest.fixture
def path(tmp_path):
    return made_town(tmp_path / "town.gpkg")


@pytest.fixture
def changing(path):
    """A client of a town of its own, for tests that change it."""
    with serving(path) as running:
        yield running


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with serving(made_town(tmp_path_factory.mktemp("town") / "town.gpkg")) as running:
        yield running


def names(answer) -> list[str]:
    return [feature["id"] for feature in answer.json()["features"]]


def test_a_layer_is_geojson_in_degrees_with_null_for_unknown(client):
    answer = client.get(ESTATES)
    body = answer.json()

    assert answer.headers["content-type"] == "application/geo+json"
    assert (body["numberMatched"], body["numberReturned"]) == (3, 3)
    lon, lat = body["features"][0]["geometry"]["coordinates"][0][0]
    assert 113 < lon < 115  # the middle of zone 38 is 114 degrees
    assert 28 < lat < 30  # 3,200 km from the equator
    assert [f["properties"]["people"] for f in body["features"]] == [10, None, 30]
    assert body["features"][1]["properties"]["name"] == HOSTILE


@pytest.mark.parametrize(
    "query", ["", "?columns=name", "?bbox=110,20,120,40", "?limit=1", "/rows/estates-0"]
)
def test_extra_columns_stay_at_home(client, query):
    text = client.get(f"{ESTATES}{query}").text

    assert PHONE not in text
    assert "联系电话" not in text


def test_nobody_can_ask_for_an_extra_column_by_name(client):
    answer = client.get(f"{ESTATES}?columns=联系电话")

    assert answer.status_code == 422
    assert PHONE not in answer.text


def test_a_layer_comes_in_pages(client):
    answer = client.get(f"{ESTATES}?limit=2&offset=2")

    assert names(answer) == ["estates-2"]
    assert answer.json()["numberMatched"] == 3


def test_a_window_gives_what_meets_it(client):
    corners = client.get(ESTATES).json()["features"][1]["geometry"]["coordinates"][0]
    west, east = min(x for x, _ in corners), max(x for x, _ in corners)
    south, north = min(y for _, y in corners), max(y for _, y in corners)

    inside = client.get(f"{ESTATES}?bbox={west},{south},{east},{north}")
    beside = client.get(f"{ESTATES}?bbox={west - 1},{south},{west - 0.9},{north}")

    assert names(inside) == ["estates-1"]
    assert beside.json()["features"] == []


@pytest.mark.parametrize("bbox", ["", "1,2,3", "a,b,c,d", "1,2,3,4,5", "nan,0,1,1", "0,0,1,inf"])
def test_a_window_that_is_none_is_refused(client, bbox):
    answer = client.get(f"{ESTATES}?bbox={bbox}")

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "message"}


def test_only_the_columns_that_are_asked_for(client):
    chosen = client.get(f"{ESTATES}?columns=people,name").json()["features"]
    none = client.get(f"{ESTATES}?columns=").json()["features"]

    assert [f["properties"] for f in chosen] == [
        {"name": "甲", "people": 10},
        {"name": HOSTILE, "people": None},
        {"name": "丙", "people": 30},
    ]
    assert [f["properties"] for f in none] == [{}, {}, {}]
    assert none[0]["geometry"] == client.get(ESTATES).json()["features"][0]["geometry"]


def test_each_feature_has_the_rev_that_its_row_has(changing):
    row = changing.get(f"{ESTATES}/rows/estates-0")
    before = row.json()["rev"]
    match = {"If-Match": row.headers["etag"]}
    new = {"properties": {"people": 11}}
    assert changing.patch(f"{ESTATES}/rows/estates-0", json=new, headers=match).is_success

    for query in ("", "?limit=2", "?columns=name", "?bbox=110,20,120,40"):
        for encoding in ("gzip", "identity"):
            answer = changing.get(f"{ESTATES}{query}", headers={"Accept-Encoding": encoding})
            features = answer.json()["features"]
            assert [f["rev"] for f in features][:2] == [before + 1, before], query
            assert all("rev" not in f["properties"] for f in features)
    # Elsewhere features are as the standard has them.
    assert "rev" not in changing.get(ITEMS).json()["features"][0]


def test_no_answer_holds_more_than_the_setting_allows(path):
    with serving(path, max_features=1) as client:
        assert client.get(f"{ESTATES}?limit=99").json()["numberReturned"] == 1
        assert client.get(ESTATES).json()["numberReturned"] == 1


def test_an_unchanged_layer_is_not_sent_again(changing):
    first = changing.get(ESTATES)
    again = changing.get(ESTATES, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "no-cache"

    row = changing.get(f"{ESTATES}/rows/estates-0")
    changed = changing.patch(
        f"{ESTATES}/rows/estates-0",
        json={"properties": {"people": 11}},
        headers={"If-Match": row.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    after = changing.get(ESTATES, headers={"If-None-Match": first.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != first.headers["etag"]
    assert after.json()["features"][0]["properties"]["people"] == 11


def test_the_packed_and_the_plain_layer_are_the_same(client):
    plain = client.get(ESTATES, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", ESTATES, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())

    assert "content-encoding" not in plain.headers
    assert json.loads(gzip.decompress(raw)) == plain.json()


@pytest.mark.parametrize("kind", ["green", "sqlite_master", "audit", "private_persons", "estates;"])
def test_an_unknown_layer_is_one_error_of_the_one_shape(client, kind):
    answer = client.get(f"{TOWN}/layers/{kind}")

    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "message"}


def test_the_list_tells_columns_with_titles_and_units(client):
    listed = client.get(f"{TOWN}/layers").json()["layers"]

    assert [one["layer"] for one in listed] == ["estates", "facilities", "streets"]
    people = next(c for c in listed[0]["columns"] if c["name"] == "people")
    assert (people["zh"], people["en"], people["unit"]) == ("人口", "People", "people")
    assert (listed[0]["rows"], listed[0]["geometry"]) == (3, "polygon")
    assert listed[0]["version"] >= 1


def test_a_row_has_its_rev_as_etag(client):
    answer = client.get(f"{ESTATES}/rows/estates-1")
    row = answer.json()

    assert answer.headers["etag"].startswith(f'"{row["rev"]}.')
    assert row["properties"]["name"] == HOSTILE
    again = client.get(
        f"{ESTATES}/rows/estates-1", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    assert client.get(f"{ESTATES}/rows/nobody").status_code == 404


def test_a_layer_is_removed_only_as_it_was_seen(changing):
    etag = changing.get(ESTATES).headers["etag"]

    assert changing.delete(ESTATES).status_code == 428
    assert changing.delete(ESTATES, headers={"If-Match": '"999"'}).status_code == 412
    assert changing.delete(ESTATES, headers={"If-Match": "*"}).status_code == 422
    assert changing.get(ESTATES).status_code == 200
    assert changing.delete(ESTATES, headers={"If-Match": etag}).status_code == 204
    assert changing.get(ESTATES).status_code == 404


def test_who_may_what(path):
    with serving(path, login="on") as client:
        viewer = signed_in(client, "li", "viewer")
        stranger = signed_in(client, "zhao", None)
        etag = viewer.get(ESTATES).headers["etag"]

        assert TestClient(client.app).get(ESTATES).status_code == 401
        assert stranger.get(ESTATES).status_code == 404
        assert viewer.delete(ESTATES, headers={"If-Match": etag}).status_code == 403
