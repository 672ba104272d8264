"""Files sent, looked into, tried, imported over HTTP; whoever sends, nothing is trusted."""

from __future__ import annotations

import json
import time
import zipfile

import geopandas as gpd
import openpyxl
import pytest
from shapely import Point

from tests.test_uploads import VRT
from tests.town import PHONE, TOWN, made_town, serving, signed_in

UPLOADS, IMPORTS = f"{TOWN}/uploads", f"{TOWN}/imports"
FAULT = {"error", "message"}


@pytest.fixture
def path(tmp_path):
    return made_town(tmp_path / "town.gpkg")


@pytest.fixture
def client(path):
    with serving(path, max_upload_mb=2) as running:
        yield running


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """A client of a town that no test changes: all that is sent is refused."""
    made = made_town(tmp_path_factory.mktemp("town") / "town.gpkg")
    with serving(made, max_upload_mb=2) as running:
        yield running


def schools(n=3):
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [114 + i / 1000, 28.91]},
            "properties": {"名称": f"学校{i}", "学位数": 10 * i, "电话": PHONE},
        }
        for i in range(n)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def send(client, body, name="schools.geojson"):
    answer = client.post(UPLOADS, params={"name": name}, content=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["upload"]


def asked(upload, **more):
    return {
        "upload": upload,
        "kind": "facilities",
        "values": {"category": "primary_school"},
        "coords": "wgs84",
    } | more


def count(client):
    return client.get(f"{TOWN}/layers/facilities").json()["numberMatched"]


def test_a_file_is_tried_before_it_is_imported(client):
    upload = send(client, schools())

    tried = client.post(IMPORTS, json=asked(upload, dry_run=True))
    assert tried.status_code == 200, tried.text
    (report,) = tried.json()["reports"]
    assert (report["read"], report["accepted"], report["refused_in_all"]) == (3, 3, 0)
    assert report["preview"][1]["name"] == "学校1"
    assert report["preview"][1]["places"] == 10
    assert "category" in report["filled"]
    west, south, east, north = report["bounds"]
    assert (west, east) == pytest.approx((114, 114.002), abs=1e-5)
    assert (south, north) == pytest.approx((28.91, 28.91), abs=1e-5)
    assert PHONE not in tried.text
    assert count(client) == 1

    done = client.post(IMPORTS, json=asked(upload))
    (real,) = done.json()["reports"]
    assert {k: v for k, v in real.items() if k != "preview"} == {
        k: v for k, v in report.items() if k != "preview"
    }
    assert count(client) == 4
    assert client.post(IMPORTS, json=asked(upload)).status_code == 404  # it is used up
    (told,) = client.get(IMPORTS).json()["imports"]
    assert (told["kind"], told["file"], told["current"]) == ("facilities", "schools.geojson", True)


def test_a_file_says_what_is_in_it(firm, tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "小区"
    book.active.append(["小区名称", "常住人口", "建成年份", "经度", "纬度"])
    book.active.append(["甲", 3, 1990, 114.001, 28.91])
    book.create_sheet("空")
    book.save(tmp_path / "a.xlsx")

    upload = send(firm, (tmp_path / "a.xlsx").read_bytes(), "a.xlsx")
    contents = firm.get(f"{UPLOADS}/{upload}").json()["contents"]

    assert [(one["layer"], one["rows"]) for one in contents] == [("小区", 1), ("空", None)]
    best = contents[0]["guesses"][0]
    assert best["kind"] == "estates"
    assert best["columns"]["people"] == "常住人口"


def test_a_layer_of_a_geopackage_is_chosen(firm, tmp_path):
    file = tmp_path / "two.gpkg"
    points = gpd.GeoDataFrame({"name": ["a"]}, geometry=[Point(114, 28.91)], crs="EPSG:4326")
    points.to_file(file, layer="one")
    points.to_file(file, layer="two")
    upload = send(firm, file.read_bytes(), "two.gpkg")

    contents = firm.get(f"{UPLOADS}/{upload}").json()["contents"]
    assert [(one["layer"], one["geometry"]) for one in contents] == [
        ("one", "point"),
        ("two", "point"),
    ]
    assert firm.post(IMPORTS, json=asked(upload, dry_run=True)).status_code == 422
    chosen = firm.post(IMPORTS, json=asked(upload, layer="two", dry_run=True))
    assert chosen.status_code == 200, chosen.text


def test_a_layer_is_replaced_where_that_is_asked(client):
    client.post(IMPORTS, json=asked(send(client, schools(5)), replace=True))
    assert count(client) == 5


def test_refused_rows_are_listed_in_pages(client):
    body = json.loads(schools(6))
    for feature in body["features"][2:]:
        feature["geometry"] = None
    done = client.post(IMPORTS, json=asked(send(client, json.dumps(body).encode())))
    assert done.json()["reports"][0]["refused_in_all"] == 4

    page = client.get(f"{TOWN}/refused?limit=3&offset=2").json()
    assert [row["row"] for row in page["refused"]] == [5, 6]
    assert page["in_all"] == 4


def test_a_file_that_cannot_be_used_changes_nothing(client):
    upload = send(client, b'{"type":"FeatureCollection","features":[]}')
    answer = client.post(IMPORTS, json=asked(upload))
    assert answer.status_code == 422
    assert set(answer.json()) == FAULT
    assert count(client) == 1
    assert client.get(f"{UPLOADS}/{upload}").status_code == 200  # to be tried otherwise


def test_more_vertices_than_allowed_are_refused(path):
    with serving(path, max_vertices=2) as client:
        answer = client.post(IMPORTS, json=asked(send(client, schools(3))))
        assert answer.status_code == 422
        assert "3 vertices" in answer.json()["message"]
        assert count(client) == 1


def done_job(client, asking):
    begun = client.post(IMPORTS, json=asking, headers={"Prefer": "respond-async"})
    assert begun.status_code == 202, begun.text
    address = begun.headers["location"]
    assert address.endswith(begun.json()["job"])
    with client.stream("GET", f"{address}/events") as events:
        for _ in events.iter_lines():
            pass  # it ends when the job does
    return client.get(address)


def test_a_file_may_become_a_job_first_tried_then_imported(client):
    upload = send(client, schools())
    tried = done_job(client, asked(upload, dry_run=True))
    assert tried.json()["state"] == "done", tried.text
    assert count(client) == 1

    job = done_job(client, asked(upload))
    assert job.json()["state"] == "done", job.text
    assert job.json()["result"]["reports"][0]["accepted"] == 3
    assert "_path" not in job.text
    assert count(client) == 4
    lines = client.get(f"{TOWN}/audit").json()["lines"]
    assert lines[0]["who"] == "local"


def test_too_large_a_file_is_refused(firm):
    answer = firm.post(UPLOADS, params={"name": "a.geojson"}, content=b"{" * 2_000_001)
    assert answer.status_code == 413
    assert set(answer.json()) == FAULT


def test_a_file_without_a_length_is_counted(firm):
    def parts():
        for _ in range(30):
            yield b"{" * 100_000

    answer = firm.post(UPLOADS, params={"name": "a.geojson"}, content=parts())
    assert answer.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "x"])
def test_a_packed_body_is_refused(firm, encoding):
    answer = firm.post(
        UPLOADS,
        params={"name": "a.geojson"},
        content=b"x",
        headers={"Content-Encoding": encoding},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("name", ["../../x.geojson", "..\\x.geojson", "/etc/x.geojson"])
def test_a_name_is_no_path(firm, name):
    answer = firm.post(UPLOADS, params={"name": name}, content=schools())
    assert answer.json()["name"] == "x.geojson"


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.zip", "a.tif", "a.fgb"])
def test_a_list_of_files_of_this_machine_is_refused(firm, name):
    answer = firm.post(UPLOADS, params={"name": name}, content=VRT)
    assert answer.status_code == 422
    assert set(answer.json()) == FAULT


def test_a_zip_in_a_zip_is_not_opened(firm, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.zip", b"PK")
    upload = send(firm, (tmp_path / "a.zip").read_bytes(), "a.zip")
    answer = firm.post(IMPORTS, json=asked(upload))
    assert answer.status_code == 422
    assert firm.get(f"{UPLOADS}/{upload}").status_code in (200, 422)


def test_a_file_is_for_who_sent_it_and_for_planners(path):
    with serving(path, login="on") as client:
        wang, li = signed_in(client, "wang", "planner"), signed_in(client, "li", "planner")
        viewer = signed_in(client, "zhao", "viewer")
        upload = send(wang, schools())

        assert viewer.post(UPLOADS, params={"name": "a.csv"}, content=b"a").status_code == 403
        assert li.get(f"{UPLOADS}/{upload}").status_code == 404
        assert li.post(IMPORTS, json=asked(upload)).status_code == 404
        assert li.delete(f"{UPLOADS}/{upload}").status_code == 404
        assert viewer.get(IMPORTS).status_code == 403
        assert wang.delete(f"{UPLOADS}/{upload}").status_code == 204
        assert wang.get(f"{UPLOADS}/{upload}").status_code == 404


def test_what_stands_in_a_refused_cell_is_told_to_planners_only(path):
    secret = "11010519491231002X"
    body = f"name,lon,lat,households\n甲,114.0,28.9,{secret}\n".encode()
    with serving(path, login="on") as client:
        wang = signed_in(client, "wang", "planner")
        viewer = signed_in(client, "zhao", "viewer")
        sent = wang.post(UPLOADS, params={"name": "a.csv"}, content=body).json()["upload"]
        request = {"upload": sent, "kind": "estates", "crs": "EPSG:4326"}
        made = wang.post(IMPORTS, json=request, headers={"Prefer": "respond-async"})
        assert made.status_code == 202
        address = made.headers["location"]
        seen = wang.get(address)
        while seen.json()["state"] in ("queued", "running"):
            time.sleep(0.05)
            seen = wang.get(address)

        assert secret in seen.text + wang.get(IMPORTS).text
        assert viewer.get(address).status_code == 404
        jobs = address.rpartition("/")[0]
        assert viewer.get(jobs).json() == {"jobs": []}
        for hidden in (IMPORTS, IMPORTS.replace("imports", "refused"), jobs):
            assert secret not in viewer.get(hidden).text


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "sqlite_master"},
        {"coords": "mars"},
        {"surplus": 1},
        {"crs": "EPSG:0"},
        {"columns": {"name": "nothing"}},
        {"values": {"category": "nothing"}},
        {"layer": "nothing"},
        {"upload": "../../town.gpkg"},
        {"_path": "/etc/passwd"},
        {"kind": "osm"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_do_is_refused_with_a_word(firm, change):
    answer = firm.post(IMPORTS, json=asked(send(firm, schools())) | change)
    assert answer.status_code in (404, 422), answer.text
    assert set(answer.json()) == FAULT
    assert count(firm) == 1


def test_messages_name_fields_of_json_and_no_options_of_the_command_line(client):
    upload = send(client, schools())
    refused = client.post(IMPORTS, json=asked(upload) | {"columns": {"name": "校名"}})
    assert """has no column '校名' ("columns": {"name": "校名"}); it has""" in refused.text.replace(
        '\\"', '"'
    )
    later = done_job(client, asked(upload) | {"columns": {"name": "校名"}}).json()
    assert later["error"]["message"] == refused.json()["message"]
    client.post(IMPORTS, json=asked(send(client, schools())))
    twice = client.post(IMPORTS, json=asked(send(client, schools()))).json()["reports"][0]
    (told,) = [f["message"] for f in twice["findings"] if f["code"] == "imported-twice"]
    assert told.endswith('import with "replace": true to have them once')
    assert "--" not in client.get(IMPORTS).text


def test_a_client_cannot_start_an_import_of_a_path_as_a_job(firm):
    options = asked("x") | {"_path": "/etc/passwd", "_most_vertices": 9}
    answer = firm.post(f"{TOWN}/jobs", json={"work": "import", "options": options})
    assert answer.status_code in (404, 422)


def test_a_form_is_refused_with_a_word_on_how_to_send(firm):
    answer = firm.post(UPLOADS, params={"name": "a.geojson"}, files={"file": schools()})

    assert answer.status_code == 415
    assert "curl --data-binary @FILE" in answer.json()["message"]


def test_a_chinese_name_is_sent_percent_encoded(firm):
    answer = firm.post(f"{UPLOADS}?name=%E5%AD%A6%E6%A0%A1.geojson", content=schools())

    assert (answer.status_code, answer.json()["name"]) == (201, "学校.geojson")
