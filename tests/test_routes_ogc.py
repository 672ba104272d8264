"""OGC API - Features: what the standards ask for, and what nobody should get by asking oddly."""

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from api.app import create_app
from api.schemas.ogc_asked import interval
from api.settings import Settings
from api.store import Author, Project, RowChange
from gis.errors import OptionError
from gis.model import KINDS
from tests.ogc_town import NAMES, PHONE, town

ITEMS = "/ogc/collections/estates/items"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
HERE = Point(500_000, 3_200_000)


def open_client(address):
    return TestClient(create_app(Settings(project=str(address), log="off")))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with open_client(town(tmp_path_factory.mktemp("ogc") / "town.gpkg")) as running:
        yield running


@pytest.fixture
def own(tmp_path):
    """A client of a project that the test may change, and its path."""
    path = town(tmp_path / "town.gpkg")
    with open_client(path) as running:
        yield running, path


def uids(client, address=ITEMS, **query):
    answer = client.get(address, params=query)
    assert answer.status_code == 200, answer.text
    return [feature["id"] for feature in answer.json()["features"]]


def links_of(body):
    return {link["rel"]: link for link in body["links"]}


def corner(feature):
    return [min(side) for side in zip(*feature["geometry"]["coordinates"][0], strict=True)]


def test_every_link_of_every_document_leads_somewhere(client):
    seen, ahead = set(), ["http://testserver/ogc"]
    while ahead:
        address = ahead.pop()
        if address in seen or "{" in address:
            continue
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code == 200, address
        body = answer.json()
        parts = [body, *body.get("collections", []), *body.get("tilesets", [])]
        for part in [*parts, *body.get("tileMatrixSets", [])]:
            for link in part.get("links", []):
                ahead.append(link["href"])
                if link["rel"] == "self" and part is body:
                    assert answer.headers["content-type"] == link["type"]

    below = {address.removeprefix("http://testserver/ogc") for address in seen}
    assert {"", "/api", "/conformance", "/collections", "/collections/projects/schema"} <= below


def test_the_landing_page_links_to_what_clients_look_for(client):
    links = links_of(client.get("/ogc").json())

    assert links["service-desc"]["type"] == "application/vnd.oai.openapi+json;version=3.0"
    assert links["data"]["href"] == "http://testserver/ogc/collections"
    assert {"self", "conformance"} <= set(links)


def test_the_definition_names_every_route_and_every_column_as_a_filter(client):
    body = client.get("/ogc/api").json()
    asked = body["paths"]["/collections/estates/items"]["get"]["parameters"]
    names = [one.get("name") or one["$ref"].rsplit("/", 1)[1] for one in asked]

    assert body["openapi"].startswith("3.0.")
    assert {"bbox", "bbox-crs", "crs", "datetime", "limit", *KINDS["estates"].column_names} < set(
        names
    )
    assert PHONE not in json.dumps(body)
    assert "联系电话" not in json.dumps(body, ensure_ascii=False)
    for path in body["paths"]:
        if "{" not in path:
            assert client.get("/ogc" + path.rstrip("/")).status_code == 200, path


def test_a_layer_tells_its_titles_its_place_and_its_systems(client):
    body = client.get("/ogc/collections/estates").json()

    assert body["title"] == "小区 Estates"
    assert body["storageCrs"] == f"{EPSG}4547"
    assert body["crs"] == [CRS84, *(f"{EPSG}{code}" for code in (4326, 4490, 3857, 4547))]
    west, south, east, north = body["extent"]["spatial"]["bbox"][0]
    assert (west, round(east, 3), round(south, 3), round(north, 3)) == (
        114,
        114.042,
        28.916,
        28.917,
    )


def test_the_schema_has_the_headings_and_types_of_the_columns(client):
    body = client.get("/ogc/collections/estates/schema").json()
    columns = body["properties"]["properties"]["properties"]

    assert list(columns) == list(KINDS["estates"].column_names)
    assert columns["built_year"] == {
        "title": "建成年份 Built", "type": "integer", "x-ogc-unit": "year",
        "minimum": 1800, "maximum": 2100,
    }  # fmt: skip


def test_rows_come_in_degrees_with_their_links(client):
    answer = client.get(ITEMS)
    body = answer.json()

    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-crs"] == f"<{CRS84}>"
    assert (body["numberMatched"], body["numberReturned"]) == (5, 5)
    assert [feature["properties"]["name"] for feature in body["features"]] == NAMES
    assert corner(body["features"][0]) == [114, 28.9163683]
    assert "next" not in links_of(body)


def test_pages_follow_one_another_by_their_links(client):
    found, headers = [], []
    address = f"{ITEMS}?limit=2"
    while address:
        answer = client.get(address)
        found.append([feature["id"] for feature in answer.json()["features"]])
        headers.append('rel="next"' in answer.headers["link"])
        assert answer.json()["numberMatched"] == 5
        address = links_of(answer.json()).get("next", {}).get("href")

    assert found == [["E1", "E2"], ["E3", "E4"], ["E5"]]
    assert headers == [True, True, False]


def test_a_next_page_misses_nobody_when_others_edit_meanwhile(own):
    client, path = own
    first = client.get(ITEMS, params={"limit": 2}).json()
    with Project.open(path) as other:
        other.edit_rows(
            "estates", [RowChange("delete", "E1"), RowChange("insert", "E0", geometry=HERE)]
        )
    second = client.get(links_of(first)["next"]["href"]).json()

    assert [feature["id"] for feature in second["features"]] == ["E3", "E4"]
    assert uids(client) == ["E2", "E3", "E4", "E5", "E0"]


def test_an_offset_passes_rows_over(client):
    assert uids(client, offset=3) == ["E4", "E5"]
    assert uids(client, offset=3, limit=1) == ["E4"]
    assert uids(client, offset=9_000_000_000_000) == []


def test_a_rectangle_finds_what_it_meets_and_what_has_no_place(client):
    assert uids(client, bbox="114.0103,28.9,114.0104,29") == ["E2"]
    assert uids(client, bbox="114.0103,28.9,-5,114.0104,29,900") == ["E2"]
    assert uids(client, bbox="-170,-80,114.0001,80") == ["E1"]
    assert uids(client, bbox="170,20,114.0001,30") == ["E1"]
    assert uids(client, "/ogc/collections/projects/items", bbox="0,0,1,1") == ["projects-2"]


@pytest.mark.parametrize(
    ("code", "bbox"),
    [(4326, "28.9,114.0103,29,114.0104"), (4490, "28.9,114.0103,29,114.0104"),
     (4547, "3200000,501010,3200050,501020"), (3857, "12691570,3364000,12691580,3366000")],
)  # fmt: skip
def test_a_rectangle_may_be_in_any_system_in_the_order_of_its_axes(client, code, bbox):
    assert uids(client, bbox=bbox, **{"bbox-crs": f"{EPSG}{code}"}) == ["E2"]


@pytest.mark.parametrize(
    ("code", "wanted", "near"),
    [(4326, [28.9163683, 114], 1e-7), (4490, [28.9163683, 114], 1e-7),
     (4547, [3_200_000, 500_000], 1e-3), (3857, [12690421.95, 3365005.84], 0.1)],
)  # fmt: skip
def test_rows_come_in_any_system_in_the_order_of_its_axes(client, code, wanted, near):
    uri = f"{EPSG}{code}"
    page = client.get(ITEMS, params={"crs": uri, "limit": 1})
    one = client.get(f"{ITEMS}/E1", params={"crs": uri})

    for answer in (page, one):
        assert answer.headers["content-crs"] == f"<{uri}>"
    assert corner(page.json()["features"][0]) == pytest.approx(wanted, abs=near)
    assert corner(one.json()) == corner(page.json()["features"][0])


def test_rows_are_found_by_what_their_columns_hold(client):
    assert uids(client, name="乙里") == ["E2"]
    assert uids(client, name="甲 <b>里</b>") == ["E1"]
    assert uids(client, people="30", built_year="1990.0") == ["E3"]
    assert uids(client, people="30", built_year="1991") == []
    assert uids(client, people="nan") == []
    assert uids(client, name="乙里' OR 1=1 --") == []


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        # projects-0 is from March to September 2024, -1 from 2025 on, -2 has no date, -3 ends in
        # May 2023.
        ("2024-05-01T00:00:00Z", [0, 2]),
        ("2024-09-30", [0, 2]),
        ("2024-10-01/..", [1, 2]),
        ("../2024-02-29T23:59:59Z", [2, 3]),
        ("/2024-03-01", [0, 2, 3]),
        ("2023-05-31/2024-12-31", [0, 2, 3]),
        ("2023-06-01/", [0, 1, 2]),
    ],
)
def test_rows_are_found_by_when_they_were(client, when, wanted):
    found = uids(client, "/ogc/collections/projects/items", datetime=when)

    assert found == [f"projects-{i}" for i in wanted]


def test_a_time_says_nothing_of_rows_that_have_none(client):
    assert len(uids(client, datetime="1900-01-01")) == 5


@pytest.mark.parametrize(
    "query",
    [
        "bbox=nan,0,1,1", "bbox=0,0,inf,1", "bbox=1,2,3", "bbox=0,5,1,4", "bbox=a,b,c,d", "bbox=",
        "bbox=1,2,3,4,5,6,7", "bbox=" + ",".join(["1"] * 3000), "bbox=0,0,1,1&bbox=0,0,2,2",
        "bbox=5,0,1,1&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/3857",
        "limit=0", "limit=-1", "limit=1e99", "limit=99999999999999999999", "limit=", "limit=ten",
        "limit=1&limit=2", "offset=-1", "offset=1.5", "after=x", "f=html", "f=xml",
        "crs=javascript:alert(1)", "crs=EPSG:4326", "crs=", "bbox-crs=urn:x",
        "crs=http://www.opengis.net/def/crs/EPSG/0/2056",
        "datetime=yesterday", "datetime=2024-13-01", "datetime=2024-02-30", "datetime=2025/2024",
        "datetime=2024-05-01T99", "datetime=..", "datetime=a/b/c", "datetime=0000-01-01",
        "people=many", "unknown=1", "extra=1", "geom=1", "fid=1", "rev=1", "resultType=hits",
        "filter=name='x'", "%00=1", "联系电话=13900001111", "联系电话=1",
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_in_one_shape(client, query):
    answer = client.get(f"{ITEMS}?{query}")

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
    assert "\n" not in answer.json()["message"]
    assert len(answer.text) < 1_500


def test_nobody_finds_out_a_telephone_number_by_asking_for_it(client):
    right = client.get(ITEMS, params={"联系电话": PHONE})
    wrong = client.get(ITEMS, params={"联系电话": "13900002222"})
    neither = client.get(ITEMS, params={"没有的列": PHONE})

    assert right.status_code == wrong.status_code == neither.status_code == 400
    assert right.text == wrong.text == neither.text.replace("没有的列", "联系电话")
    assert "联系电话" not in neither.text
    for path in (
        "/ogc/collections/estates",
        "/ogc/collections/estates/schema",
        ITEMS,
        f"{ITEMS}/E1",
    ):
        assert PHONE not in client.get(path).text


@pytest.mark.parametrize(
    "path",
    [
        "/ogc/collections/sqlite_master", "/ogc/collections/sqlite_master/items",
        "/ogc/collections/private_persons/items", "/ogc/collections/estates;drop/items",
        "/ogc/collections/plan/items", "/ogc/collections/estates/items/E9",
        "/ogc/collections/estates/items/..%2F..%2Fetc%2Fpasswd",
        "/ogc/collections/estates/items/E1%00", "/ogc/collections/estates/items/%0AE1",
        "/ogc/collections/estates/items/E1/", "/ogc/collections/estates/items/e1",
        "/ogc/other", "/ogc/other/collections", "/ogc/..%2F..%2Fetc/collections",
        "/ogc/nothing/at/all",
        "/ogc/collections/%F0%9F%98%80/items", "/ogc/collections/" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_in_one_shape(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "message"}
    assert len(answer.text) < 1_000


def test_a_key_may_hold_whatever_letters(own):
    client, path = own
    odd = ["a/b", "50%", "é?#&=", "x y", "a\\b", '"q"', "<i>"]
    with Project.open(path) as other:
        other.edit_rows("estates", [RowChange("insert", uid, geometry=HERE) for uid in odd])
    for uid in odd:
        listed = client.get(ITEMS, params={"uid": uid}).json()["features"]
        assert [feature["id"] for feature in listed] == [uid]
        one = client.get(f"{ITEMS}/" + "".join(f"%{byte:02X}" for byte in uid.encode()))
        assert one.json()["id"] == uid
        assert client.get(links_of(one.json())["self"]["href"]).json()["id"] == uid


def test_a_long_query_is_refused(client):
    assert client.get(f"{ITEMS}?name={'x' * 20_000}").status_code == 414


def test_what_a_client_has_already_is_not_sent_again(own):
    client, path = own
    answer = client.get(ITEMS)
    etag = answer.headers["etag"]
    one = client.get(f"{ITEMS}/E1").headers["etag"]

    assert client.get(ITEMS, headers={"If-None-Match": f'"x", W/{etag}'}).status_code == 304
    assert client.get(ITEMS, headers={"If-None-Match": "*"}).content == b""
    with Project.open(path) as other:
        other.edit_rows("estates", [RowChange("update", "E2", values={"people": 1})])
    assert client.get(ITEMS, headers={"If-None-Match": etag}).status_code == 200
    assert client.get(f"{ITEMS}/E1", headers={"If-None-Match": one}).status_code == 304


def test_only_reading_is_possible(client):
    head = client.head(ITEMS)

    assert head.status_code == 200
    assert head.headers["etag"] == client.get(ITEMS).headers["etag"]
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = client.request(method, ITEMS, headers={"X-Lianpian": "1"})
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_project_of_a_folder_has_its_own_landing_page(tmp_path):
    for name in ("a", "镇 1"):
        town(tmp_path / f"{name}.gpkg")
    with open_client(tmp_path) as client:
        landing = client.get("/ogc/镇 1").json()
        assert links_of(landing)["data"]["href"] == (
            "http://testserver/ogc/%E9%95%87%201/collections"
        )
        assert client.get(links_of(landing)["data"]["href"]).status_code == 200
        assert uids(client, "/ogc/a/collections/estates/items", limit=1) == ["E1"]
        for path in ("/ogc/collections", "/ogc/none", "/ogc/..%2Fa/collections"):
            assert client.get(path).status_code == 404


def test_a_project_may_be_called_as_a_document(tmp_path):
    with open_client(town(tmp_path / "collections.gpkg")) as client:
        assert client.get("/ogc").json()["title"] == "镇"
        assert uids(client, limit=1) == ["E1"]


def test_links_lead_to_where_others_reach_the_server(tmp_path):
    path = town(tmp_path / "town.gpkg")
    settings_ = Settings(project=str(path), public_url="https://plan.example.cn/", log="off")
    with TestClient(create_app(settings_), base_url="http://localhost") as client:
        links = links_of(client.get("/ogc").json())

    assert links["data"]["href"] == "https://plan.example.cn/ogc/collections"


def test_who_is_not_signed_in_sees_nothing(tmp_path):
    path = town(tmp_path / "town.gpkg")
    with TestClient(create_app(Settings(project=str(path), login="on", log="off"))) as client:
        for below in ("", "/api", "/conformance", "/collections", "/collections/estates/items",
                      "/tiles", "/tileMatrixSets", "/tileMatrixSets/WebMercatorQuad",
                      "/collections/estates/tiles/WebMercatorQuad/0/0/0", "/town"):  # fmt: skip
            assert client.get(f"/ogc{below}").status_code == 401, below


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "after", "f",
                         "people", "name", "x"]),
        st.one_of(st.text(max_size=20), st.integers().map(str),
                  st.lists(st.floats(), max_size=7).map(lambda s: ",".join(map(repr, s))),
                  st.sampled_from([CRS84, f"{EPSG}4547", "2024-01-01/..", "json"])),
        max_size=4,
    )
)  # fmt: skip
def test_whatever_is_asked_there_is_an_answer(client, query):
    answer = client.get(ITEMS, params=query)

    assert answer.status_code in (200, 400)
    body = json.loads(answer.content, parse_constant=pytest.fail)
    assert ("features" in body) == (answer.status_code == 200)


@given(st.dates().map(str), st.dates().map(str))
def test_an_interval_is_read_as_its_days(one, other):
    first, last = sorted([one, other])

    assert interval(f"{first}/{last}T10:00:00+08:00") == (first, last)
    if first < last:
        with pytest.raises(OptionError):
            interval(f"{last}/{first}")


def test_of_a_folder_the_projects_that_one_may_see_are_listed(tmp_path):
    for name in ("甲", "b"):
        town(tmp_path / f"{name}.gpkg")
    app = create_app(Settings(project=str(tmp_path), log="off", login="on"))
    with TestClient(app) as client:
        by = Author("test", "test")
        person = app.state.office.add_person("wang", by=by)
        app.state.office.set_role("甲", person.id, "viewer", by=by)
        token = app.state.office.add_session(person.id, kind="token", label="t", hours=1, by=by)
        assert client.get("/ogc").status_code == 401
        client.headers["authorization"] = f"Bearer {token}"

        answer = client.get("/ogc")
        assert answer.headers["content-type"] == "application/json"
        (project,) = [link for link in answer.json()["links"] if link["rel"] == "item"]

        assert project["href"] == "http://testserver/ogc/%E7%94%B2"
        assert project["title"] == "镇"
        landing = client.get(project["href"]).json()
        assert links_of(landing)["self"]["href"] == project["href"]
