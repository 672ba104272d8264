"""Rows edited over HTTP: nobody overwrites another, a list of edits is all or nothing, undo."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.live import Live
from api.store import Project
from tests.town import PHONE, TOWN, made_town, serving, signed_in

ESTATES = f"{TOWN}/layers/estates"
ROW = f"{ESTATES}/rows/estates-0"
SHARED_FAULT = {"error", "message"}


@pytest.fixture
def path(tmp_path):
    return made_town(tmp_path / "town.gpkg")


@pytest.fixture
def client(path):
    with serving(path) as running:
        yield running


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """A client of a town that no test of this module changes: all it sends is refused."""
    with serving(made_town(tmp_path_factory.mktemp("town") / "town.gpkg")) as running:
        yield running


def read(client, uid="estates-0"):
    return client.get(f"{ESTATES}/rows/{uid}")


def patch(client, change, uid="estates-0", etag=None):
    headers = {"If-Match": etag or read(client, uid).headers["etag"]}
    return client.patch(f"{ESTATES}/rows/{uid}", json=change, headers=headers)


def test_what_is_left_out_stays(client):
    before = read(client).json()
    answer = patch(client, {"properties": {"people": 99}})
    after = answer.json()

    assert answer.status_code == 200
    assert after["properties"] == before["properties"] | {"people": 99}
    assert after["geometry"] == before["geometry"]
    assert after["rev"] > before["rev"]
    assert answer.headers["etag"].startswith(f'"{after["rev"]}.')
    assert read(client).json() == after


def test_null_makes_a_value_unknown(client):
    assert patch(client, {"properties": {"people": None}}).json()["properties"]["people"] is None


def test_the_extra_columns_of_a_row_outlive_its_edit(client, path):
    patch(client, {"properties": {"people": 99}})
    client.close()
    with Project.open(path) as opened:
        assert opened.read_layer("estates").frame["联系电话"].tolist() == [PHONE] * 3


def test_a_geometry_may_come_in_degrees_or_in_metres_that_it_names(client):
    square = [[500000, 3200000], [500010, 3200000], [500010, 3200010], [500000, 3200000]]
    metric = {"type": "Polygon", "coordinates": [square]}
    one = patch(client, {"geometry": metric, "crs": "EPSG:4547"}).json()
    lon = one["geometry"]["coordinates"][0][0][0]
    assert lon == pytest.approx(114, abs=1e-6)  # 500,000 m east is the middle of the zone

    other = patch(client, {"geometry": one["geometry"]}, uid="estates-1").json()
    assert other["geometry"]["coordinates"] == one["geometry"]["coordinates"]


def test_without_if_match_nothing_is_changed(firm):
    assert firm.patch(ROW, json={"properties": {"people": 1}}).status_code == 428
    assert firm.delete(ROW).status_code == 428
    assert read(firm).json()["properties"]["people"] == 10


@pytest.mark.parametrize("etag", ["*", "3", 'W/"3"', '"x"', '"1", "2"', '"' + "9" * 40 + '"'])
def test_an_if_match_that_names_no_one_rev_is_refused(firm, etag):
    answer = firm.patch(ROW, json={"properties": {"people": 1}}, headers={"If-Match": etag})
    assert answer.status_code == 422


def test_who_comes_second_is_told_both_versions(client):
    etag = read(client).headers["etag"]
    assert patch(client, {"properties": {"people": 11}}, etag=etag).status_code == 200

    answer = patch(client, {"properties": {"people": 12}}, etag=etag)

    assert answer.status_code == 412
    body = answer.json()
    (yours,), (theirs,) = (body["conflict"][side]["rows"] for side in ("yours", "theirs"))
    assert yours["values"]["people"] == 12
    assert theirs["values"]["people"] == 11
    assert theirs["rev"] == read(client).json()["rev"]
    assert theirs["geometry"]["type"] == "Polygon"
    assert 113 < theirs["geometry"]["coordinates"][0][0][0] < 115
    assert PHONE not in answer.text
    assert read(client).json()["properties"]["people"] == 11


def test_of_many_who_edit_one_row_at_once_one_succeeds(client):
    etag = read(client).headers["etag"]
    start = threading.Barrier(6)
    statuses = []

    def edit(number):
        start.wait(30)
        change = {"properties": {"people": number}}
        statuses.append(patch(client, change, etag=etag).status_code)

    threads = [threading.Thread(target=edit, args=(n,)) for n in range(100, 106)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sorted(statuses) == [200] + [412] * 5


def test_a_row_is_made_read_and_deleted(client):
    near = read(client).json()["geometry"]
    made = client.post(
        f"{ESTATES}/rows",
        json={"properties": {"uid": "新/1", "name": "新苑"}, "geometry": near},
    )
    assert made.status_code == 201, made.text
    assert made.json()["properties"]["name"] == "新苑"
    address = made.headers["location"]
    assert address.endswith("%E6%96%B0%2F1")
    assert client.get(address).json() == made.json()
    assert client.get(ESTATES).json()["numberMatched"] == 4

    plain = client.post(f"{ESTATES}/rows", json={"geometry": near})
    where = plain.headers["location"]
    assert client.get(where).json() == plain.json()
    gone = client.delete(where, headers={"If-Match": plain.headers["etag"]})
    assert gone.status_code == 200
    assert gone.json()["rows"] == [{"uid": plain.json()["id"], "rev": None}]
    assert client.get(where).status_code == 404


def test_a_uid_is_not_given_twice(firm):
    near = read(firm).json()["geometry"]
    twice = {"properties": {"uid": "estates-0"}, "geometry": near}
    answer = firm.post(f"{ESTATES}/rows", json=twice)
    assert answer.status_code == 422
    assert "estates-0" in answer.json()["message"]


def rings(n):
    return [[114.0 + i / 1e7, 28.9] for i in range(n)]


DEEP = json.loads("[" * 60 + "]" * 60)
BAD_SHAPES = {
    "self-crossing": {
        "type": "Polygon",
        "coordinates": [[[114, 28.9], [115, 29], [115, 28.9], [114, 29], [114, 28.9]]],
    },
    "collection": {"type": "GeometryCollection", "geometries": []},
    "other type": {"type": "LineString", "coordinates": [[114, 28.91], [114.001, 28.91]]},
    "nowhere": {"type": "Point", "coordinates": [0, 0]},
    "beyond": {"type": "Point", "coordinates": [1e300, 1e300]},
    "antarctic": {"type": "Polygon", "coordinates": [[[0, -89], [1, -89], [1, -88], [0, -89]]]},
    "a feature": {"type": "Feature", "geometry": None, "properties": {}},
    "no type": {"coordinates": [114, 28.9]},
    "words": {"type": "Polygon", "coordinates": "114,28"},
    "deep": {"type": "Polygon", "coordinates": DEEP},
    "too many": {"type": "Polygon", "coordinates": [rings(100_001)]},
    "open ring": {"type": "Polygon", "coordinates": [[[114, 28.9], [114.1, 28.9]]]},
    "empty": {"type": "Polygon", "coordinates": []},
}


@pytest.mark.parametrize("shape", BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_a_geometry_that_does_not_do_is_refused_with_a_word(firm, shape):
    answer = patch(firm, {"geometry": shape})

    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == SHARED_FAULT
    assert read(firm).json()["properties"]["people"] == 10


def test_latitude_before_longitude_is_told_as_such(firm):
    answer = patch(firm, {"geometry": {"type": "Point", "coordinates": [28.9, 114]}})
    assert answer.status_code == 422
    assert "swapped" in answer.json()["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(firm, number):
    etag = read(firm).headers["etag"]
    headers = {"If-Match": etag, "Content-Type": "application/json"}
    for body in (
        f'{{"properties": {{"people": {number}}}}}',
        f'{{"geometry": {{"type": "Point", "coordinates": [114, {number}]}}}}',
    ):
        answer = firm.patch(ROW, content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert set(answer.json()) >= SHARED_FAULT


def test_a_third_coordinate_is_left_out(client):
    shape = read(client).json()["geometry"]
    shape["coordinates"] = [[[*xy, 12.5] for xy in ring] for ring in shape["coordinates"]]
    answer = patch(client, {"geometry": shape})
    assert answer.status_code == 200
    assert all(len(xy) == 2 for xy in answer.json()["geometry"]["coordinates"][0])


BAD_CHANGES = [
    {"properties": {"people": -1}},
    {"properties": {"people": "many"}},
    {"properties": {"people": 10**400}},
    {"properties": {"built_year": 1066}},
    {"properties": {"nothing": 1}},
    {"properties": {"联系电话": "0"}},
    {"properties": {"uid": "other"}},
    {"properties": {"name": "x" * 20_000}},
    {"properties": {"name": ["a"]}},
    {"properties": {"name": {"a": 1}}},
    {"crs": "EPSG:0", "geometry": {"type": "Point", "coordinates": [1, 1]}},
    {"surplus": 1},
    {},
]


@pytest.mark.parametrize("change", BAD_CHANGES, ids=range(len(BAD_CHANGES)))
def test_a_value_that_does_not_do_is_refused(firm, change):
    answer = patch(firm, change)

    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == SHARED_FAULT


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(names.filter(lambda text: text.strip()))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was_sent(client, name):
    assert patch(client, {"properties": {"name": name}}).json()["properties"]["name"] == name
    assert read(client).json()["properties"]["name"] == name


def edits(client, *changes, **more):
    return client.post(f"{ESTATES}/edits", json={"changes": list(changes), **more})


def test_edits_are_made_together(client):
    revs = {uid: read(client, uid).json()["rev"] for uid in ("estates-0", "estates-1")}
    shape = read(client).json()["geometry"]
    answer = edits(
        client,
        {"op": "update", "uid": "estates-0", "rev": revs["estates-0"], "properties": {"people": 1}},
        {"op": "delete", "uid": "estates-1", "rev": revs["estates-1"]},
        {"op": "insert", "properties": {"name": "新"}, "geometry": shape},
        what="清理",
    )

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["rows"][0] == {"uid": "estates-0", "rev": read(client).json()["rev"]}
    assert told["rows"][1] == {"uid": "estates-1", "rev": None}
    after = client.get(ESTATES)
    assert after.headers["etag"].startswith(f'"{told["version"]}.')
    assert [f["properties"]["people"] for f in after.json()["features"]] == [1, 30, None]


def test_of_a_list_with_stale_rows_nothing_is_done_and_all_of_them_are_told(client):
    old = {uid: read(client, uid).json()["rev"] for uid in ("estates-0", "estates-1", "estates-2")}
    for uid in ("estates-0", "estates-2"):
        patch(client, {"properties": {"people": 77}}, uid=uid)

    answer = edits(
        client,
        *(
            {"op": "update", "uid": uid, "rev": rev, "properties": {"people": 5}}
            for uid, rev in old.items()
        ),
    )

    assert answer.status_code == 409
    theirs = answer.json()["conflict"]["theirs"]["rows"]
    assert [row["uid"] for row in theirs] == ["estates-0", "estates-2"]
    people = [f["properties"]["people"] for f in client.get(ESTATES).json()["features"]]
    assert people == [77, None, 77]


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [{"op": "update", "uid": "estates-0", "properties": {"people": 1}}],
        [{"op": "delete", "rev": 1}],
        [{"op": "drop", "uid": "estates-0", "rev": 1}],
        [{"op": "delete", "uid": "estates-0", "rev": 1}] * 10_001,
        [{"op": "update", "uid": "estates-0", "rev": 1}],
    ],
    ids=["none", "no rev", "no uid", "no such", "too many", "nothing"],
)
def test_a_list_that_does_not_do_is_refused(firm, changes):
    answer = edits(firm, *changes)
    assert answer.status_code == 422
    assert set(answer.json()) == SHARED_FAULT


def test_a_very_large_body_is_refused(firm):
    answer = edits(firm, *[{"op": "delete", "uid": "x" * 190, "rev": 1}] * 100_000)
    assert answer.status_code == 413


def test_an_edit_is_told_in_the_history_and_undone_and_redone(client):
    before = read(client).json()
    patch(client, {"properties": {"people": 99}})
    (edit,) = client.get(f"{TOWN}/edits").json()["edits"]
    assert edit["rows"] == [
        {"uid": "estates-0", "op": "update", "columns": {"people": [10, 99]}, "moved": False}
    ]
    assert edit["who"] == "local"

    undone = client.post(f"{TOWN}/edits/{edit['edit']}/undo")
    assert undone.status_code == 201, undone.text
    assert read(client).json()["properties"] == before["properties"]

    redone = client.post(f"{TOWN}/edits/{undone.json()['edit']}/undo")
    assert redone.status_code == 201
    assert read(client).json()["properties"]["people"] == 99
    listed = client.get(f"{TOWN}/edits?kind=estates&limit=2").json()["edits"]
    assert [one["undoes"] for one in listed] == [undone.json()["edit"], edit["edit"]]


def test_memory_follows_an_edit_without_reading_the_layer_anew(client, monkeypatch):
    told, applied = [], Live.applied

    def noted(live, kind, edited):
        told.append(edited.edit_id)
        applied(live, kind, edited)

    monkeypatch.setattr(Live, "applied", noted)
    patch(client, {"properties": {"people": 99}})
    (edit,) = client.get(f"{TOWN}/edits").json()["edits"]
    undone = client.post(f"{TOWN}/edits/{edit['edit']}/undo").json()
    assert told == [edit["edit"], undone["edit"]]


def test_what_was_changed_since_is_not_undone(client):
    patch(client, {"properties": {"people": 99}})
    (edit,) = client.get(f"{TOWN}/edits").json()["edits"]
    patch(client, {"properties": {"people": 100}})

    answer = client.post(f"{TOWN}/edits/{edit['edit']}/undo")

    assert answer.status_code == 409
    assert set(answer.json()) == SHARED_FAULT | {"conflict"}
    assert read(client).json()["properties"]["people"] == 100
    assert client.post(f"{TOWN}/edits/999/undo").status_code == 404


def test_the_history_of_a_row_says_nothing_of_extra_columns(client):
    etag = read(client).headers["etag"]
    client.delete(ROW, headers={"If-Match": etag})
    assert PHONE not in client.get(f"{TOWN}/edits").text
    assert "联系电话" not in client.get(f"{TOWN}/edits").text


def test_a_viewer_changes_nothing(path):
    with serving(path, login="on") as client:
        viewer = signed_in(client, "li", "viewer")
        etag = read(viewer).headers["etag"]
        one = {"op": "delete", "uid": "estates-0", "rev": 1}

        assert patch(viewer, {"properties": {"people": 1}}, etag=etag).status_code == 403
        assert viewer.delete(ROW, headers={"If-Match": etag}).status_code == 403
        assert edits(viewer, one).status_code == 403
        assert viewer.post(f"{ESTATES}/rows", json={}).status_code == 403
        assert viewer.post(f"{TOWN}/edits/1/undo").status_code == 403


def test_without_the_header_that_no_other_site_can_send_nothing_is_changed(client):
    etag = read(client).headers["etag"]
    del client.headers["X-Lianpian"]
    assert patch(client, {"properties": {"people": 1}}, etag=etag).status_code == 403
