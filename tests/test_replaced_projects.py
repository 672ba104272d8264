"""A project that is put in the place of another: nothing of the old one is taken for its own."""

from __future__ import annotations

import shutil
import threading
from types import SimpleNamespace

import pytest

from api.analyses.memory import Memory
from api.live import Projects
from api.settings import Settings
from api.store import Author, Project
from api.store.copying import back_up
from tests.town import TOWN, made_town, serving, signed_in

ROW = f"{TOWN}/layers/estates/rows/estates-0"
ITEM = "/ogc/town/collections/estates/items/estates-0"
BY = Author("test", "test")


@pytest.fixture(autouse=True)
def no_thread_settles(monkeypatch):
    monkeypatch.setattr("api.live.projects.SETTLE_S", 3600.0)


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    return made_town(folder / "town.gpkg")


@pytest.fixture
def client(path):
    with serving(path.parent) as running:
        yield running


def edit(client, name):
    tag = {"If-Match": client.get(ROW).headers["etag"]}
    answer = client.patch(ROW, json={"properties": {"name": name}}, headers=tag)
    assert answer.status_code == 200, answer.text
    return answer


def settle(client):
    """Do at once what happens when nobody has written for some seconds."""
    for _ in range(2):
        client.app.state.projects.settle()


def test_a_copy_has_another_mark_and_the_same_file_the_same(path, tmp_path):
    with Project.open(path) as project:
        mark = project.mark
        project.note("something")
    back_up(path, tmp_path / "one.gpkg")
    with Project.open(path) as again, Project.open(tmp_path / "one.gpkg") as copy:
        assert again.mark == again.acting_as(BY).mark == mark
        assert len(mark) == len(copy.mark) == 8
        assert copy.mark != mark
    made_town(tmp_path / "other.gpkg")
    with Project.open(tmp_path / "other.gpkg") as other:
        assert other.mark != mark


def test_after_a_restore_everything_is_of_the_restored_one(client, path, tmp_path):
    back_up(path, tmp_path / "backup.gpkg")
    first = edit(client, "AAAA-FIRST")
    urls = [
        ROW, ITEM, f"{TOWN}/layers/estates", "/ogc/town/collections/estates/items",
        f"{TOWN}/map", "/ogc/town/collections/estates/tiles/WebMercatorQuad/0/0/0", TOWN,
    ]  # fmt: skip
    old = {url: client.get(url) for url in urls}
    assert "AAAA-FIRST" in old[f"{TOWN}/map"].text
    findings = client.get(f"{TOWN}/findings").json()
    settle(client)
    (tmp_path / "backup.gpkg").replace(path)

    assert client.get(ROW).json()["properties"]["name"] == "甲"
    second = edit(client, "BBBB-SECOND")
    assert second.json()["rev"] == first.json()["rev"]
    page = client.get(f"{TOWN}/map").text
    assert "BBBB-SECOND" in page
    assert "AAAA-FIRST" not in page
    for url in urls[:5]:
        again = client.get(url, headers={"If-None-Match": old[url].headers["etag"]})
        assert again.status_code == 200, url
        assert "AAAA-FIRST" not in again.text
    assert client.get(f"{TOWN}/findings").json() == findings

    stale = {"If-Match": first.headers["etag"]}
    for answer in (
        client.patch(ROW, json={"properties": {"people": 1}}, headers=stale),
        client.delete(ROW, headers=stale),
        client.patch(
            ROW,
            json={"properties": {"people": 1}},
            headers={"If-Match": f'"{first.json()["rev"]}"'},
        ),
    ):
        assert answer.status_code == 412, answer.text
        assert answer.json()["conflict"]["theirs"]["rows"][0]["values"]["name"] == "BBBB-SECOND"
    layer = {"If-Match": old[f"{TOWN}/layers/estates"].headers["etag"]}
    assert client.delete(f"{TOWN}/layers/estates", headers=layer).status_code == 412
    described = {"If-Match": old[TOWN].headers["etag"]}
    assert client.patch(TOWN, json={"name": "x"}, headers=described).status_code == 412


def test_a_run_of_another_project_of_that_name_is_read_anew(monkeypatch):
    class Marked:
        def __init__(self, mark):
            self.mark = mark

        def read_run(self, number):
            return SimpleNamespace(result={"of": self.mark, "number": number, "reach": None})

    monkeypatch.setattr("api.analyses.memory.Reach.of", lambda told: told)
    memory = Memory()
    for mark in ("aaaaaaaa", "bbbbbbbb"):
        told, _ = memory.coverage_run("town", Marked(mark), 1)
        assert told == {"of": mark, "number": 1}


def test_what_was_edited_is_soon_in_the_file_itself(client, path):
    edit(client, "AAAA")
    beside = path.with_name("town.gpkg-wal")
    assert beside.stat().st_size > 0
    client.app.state.projects.settle()  # it may still be written to
    assert beside.stat().st_size > 0
    client.app.state.projects.settle()
    assert beside.stat().st_size == 0
    edit(client, "BBBB")
    assert client.get(ROW).json()["properties"]["name"] == "BBBB"


def test_who_reads_meanwhile_is_not_waited_for(client, path):
    edit(client, "AAAA")
    with Project.open(path) as other, other._database.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM estates").all()
        edit(client, "BBBB")
        settle(client)
        assert path.with_name("town.gpkg-wal").stat().st_size > 0
    settle(client)
    assert client.get(ROW).json()["properties"]["name"] == "BBBB"


def test_the_thread_ends_with_the_projects(path):
    before = set(threading.enumerate())
    served = Projects(Settings(project=str(path)))
    served.live("town")
    mine = set(threading.enumerate()) - before
    assert [thread.name for thread in mine] == ["settle"]
    served.close()
    assert not any(thread.is_alive() for thread in mine)


def test_a_new_project_inherits_nothing_of_one_that_was_called_so(path):
    with serving(path.parent, login="on") as client:
        admin = signed_in(client, "chief", None, admin=True)
        reviewer = signed_in(client, "old", "reviewer")
        office = client.app.state.office
        page = admin.post(f"{TOWN}/shares", json={"kind": "map", "title": "t"}).json()["url"]
        link = page[page.index("/s/") :]
        office.add_job("j1", project="town", work="map", options={}, who="x", server="s", beat=0.0)
        office.move_job("j1", "running")
        office.move_job("j1", "done", result='{"file": "map.html"}')
        made = client.app.state.jobs._folders.make("j1")
        (made / "map.html").write_text("old")
        assert client.get(link).status_code == 200

        settle(client)
        client.app.state.projects._let_go(client.app.state.projects._open.popitem()[1].live)
        path.unlink()
        assert admin.post("/api/projects", json={"name": "town"}).status_code == 201

        assert reviewer.get(TOWN).status_code == 404
        assert client.get(link).status_code == 404
        assert admin.get(f"{TOWN}/shares").json()["shares"] == []
        assert admin.get(f"{TOWN}/jobs/j1").status_code == 404
        assert not made.exists()
        ended = [line for line in office.audit_lines() if line.what == "project ended"]
        assert [dict(line.detail) for line in ended] == [{"roles": 1, "shares": 1, "jobs": 1}]
        # Who is refused a name that is taken ends nothing of its bearer.
        assert admin.post("/api/projects", json={"name": "town"}).status_code == 409
        assert [one.role for one in office.members("town")] == ["owner"]


def test_shares_of_a_project_that_is_gone_are_taken_back_by_an_administrator(path, tmp_path):
    with serving(path.parent, login="on") as client:
        admin, planner = (
            signed_in(client, "chief", None, admin=True),
            signed_in(client, "p", "planner"),
        )
        share = admin.post(f"{TOWN}/shares", json={"kind": "map", "title": "t"}).json()
        link = share["url"][share["url"].index("/s/") :]
        settle(client)
        shutil.move(path, tmp_path / "away.gpkg")

        assert planner.get(f"{TOWN}/shares").status_code == 404
        assert [one["id"] for one in admin.get(f"{TOWN}/shares").json()["shares"]] == [share["id"]]
        assert planner.delete(f"{TOWN}/shares/{share['id']}").status_code == 404
        assert client.get(link).status_code == 200
        assert admin.delete(f"{TOWN}/shares/{share['id']}").status_code == 204
        assert client.get(link).status_code == 404
        assert admin.get("/api/projects/never/shares").status_code == 404


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("DELETE", f"{TOWN}/shares/{10**30}", 422),
        ("GET", f"{TOWN}/edits?before={10**30}", 422),
        ("GET", f"{TOWN}/layers/estates?limit={10**30}", 422),
        ("DELETE", f"{TOWN}/layers/estates/rows/", 422),
        ("GET", f"{TOWN}/layers/estates/rows/", 422),
    ],
)
def test_a_number_that_is_too_large_and_a_row_without_a_name_are_refused(
    client, method, url, status
):
    answer = client.request(method, url, headers={"If-Match": '"1.00000000"'})
    assert answer.status_code == status, answer.text
