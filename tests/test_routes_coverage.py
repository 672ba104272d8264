"""Coverage over HTTP: what a run has kept, whether it still holds, and why an estate lacks it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from api.analyses import Walking, coverage_of, explain_of
from api.analyses.answers import coverage_json
from api.plain import plain
from api.schemas import coverage as said
from api.store import Project, RowChange
from tests.planning import make_town, run_work, served

TOWN = "/api/projects/town"


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    path = make_town(tmp_path_factory.mktemp("town") / "town.gpkg")
    run_work(path, "coverage")
    return path


@pytest.fixture(scope="module")
def client(town):
    with served(town) as given:
        yield given


@pytest.fixture(scope="module")
def measured(town):
    with Project.open(town) as project:
        return coverage_of(project)


def test_the_newest_run_says_what_the_command_line_says(client, measured):
    answer = client.get(f"{TOWN}/coverage")
    told = said.CoverageOut.model_validate(answer.json())
    assert told.stale == []
    wanted = plain(coverage_json(measured))
    assert {key: answer.json()[key] for key in wanted} == wanted
    assert "reach" not in answer.json()
    same = client.get(f"{TOWN}/coverage", headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_question_that_nobody_has_asked_says_how_to_ask_it(client):
    answer = client.get(f"{TOWN}/coverage", params={"at": "22:00", "walker": "elderly"})
    assert answer.status_code == 404
    message = answer.json()["message"]
    assert 'jobs {"work": "coverage", "options": {"walker": "elderly", "at": "22:00"}}' in message


def test_usual_options_may_be_named_or_left_out(client):
    run = client.get(f"{TOWN}/coverage").json()["run"]
    rules = client.get(f"{TOWN}/runs/{run}").json()["options"]["rules"]
    named = client.get(f"{TOWN}/coverage", params={"rules": rules, "at": "10:00"})
    assert named.json()["run"] == run


@pytest.mark.parametrize(
    "params",
    [
        {"at": "25:99"}, {"at": "9:00"}, {"at": ""}, {"metres": "-1"}, {"metres": "nan"},
        {"metres": "inf"}, {"minutes": "x"}, {"terrain": "hills"}, {"origin": "home"},
        {"nonsense": "1"}, {"longest_link_m": "0"}, {"capacity": "perhaps"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["coverage", "coverage/estates", "coverage/estates/E0001"])
def test_options_that_do_not_do_are_refused(client, path, params):
    answer = client.get(f"{TOWN}/{path}", params=params)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "message"}


@pytest.mark.parametrize(
    "params",
    [{"limit": "-1"}, {"limit": "0"}, {"limit": "5001"}, {"offset": "-1"}, {"sort": "luck"},
     {"status": "fine"}, {"categories": ""}],
)  # fmt: skip
def test_pages_that_cannot_be_are_refused(client, params):
    assert client.get(f"{TOWN}/coverage/estates", params=params).status_code == 422


def test_the_table_of_estates_is_that_of_the_measurement(client, measured):
    answer = client.get(f"{TOWN}/coverage/estates", params={"limit": 5000, "sort": "estate"})
    told = said.EstatesOut.model_validate(answer.json())
    assert told.matched == told.returned == len(measured.estates) == 12
    rows = {row.estate: row for row in told.estates}
    for place, uid in enumerate(measured.estates.uids):
        for item, cell in zip(measured.items, rows[uid].reaches, strict=True):
            assert (cell.rule, cell.status) == (item.rule.id, item.status[place])
            assert cell.facility == item.facility[place]
            walk = item.walk_m[place]
            known = None if np.isnan(walk) else pytest.approx(walk, abs=0.06)
            assert cell.metres == known
        assert rows[uid].missing == measured.missing_count()[place]


def test_estates_are_found_by_status_and_sorted(client, measured):
    item = next(i for i in measured.items if i.rule.category == "nursery")
    gaps = {str(uid) for uid in measured.estates.uids[item.status == "gap"]}
    params = {"categories": "nursery", "status": "gap", "sort": "metres", "limit": 3}
    first = client.get(f"{TOWN}/coverage/estates", params=params).json()
    rest = client.get(f"{TOWN}/coverage/estates", params=params | {"offset": 3, "limit": 99}).json()
    assert first["matched"] == len(gaps) > 3
    rows = first["estates"] + rest["estates"]
    assert {row["estate"] for row in rows} == gaps
    walks = [row["reaches"][0]["metres"] for row in rows]
    known = [walk for walk in walks if walk is not None]
    assert known == sorted(known, reverse=True)
    assert walks == known + [None] * (len(walks) - len(known))
    up = client.get(f"{TOWN}/coverage/estates", params={"sort": "people", "descending": False})
    people = [row["people"] for row in up.json()["estates"] if row["people"] is not None]
    assert people == sorted(people)
    assert client.get(f"{TOWN}/coverage/estates?categories=cinema").status_code == 404


def test_one_estate_is_told_by_its_uid(client, measured):
    uid = str(measured.estates.uids[3])
    answer = client.get(f"{TOWN}/coverage/estates/{uid}", params={"categories": "nursery"})
    told = said.EstateRunOut.model_validate(answer.json())
    assert (told.estate, [cell.category for cell in told.reaches]) == (uid, ["nursery"])
    assert client.get(f"{TOWN}/coverage/estates/E9999").status_code == 404


def test_an_explanation_is_that_of_the_command_line_with_a_route_on_the_map(client, town):
    params = {"estate": "E0001", "category": "nursery"}
    answer = client.get(f"{TOWN}/explain", params=params)
    said.ExplanationOut.model_validate(answer.json())
    with Project.open(town) as project:
        wanted = explain_of(project, "E0001", Walking(category="nursery")).to_json()
    told = answer.json()
    del told["date"]
    assert told == plain(wanted)
    lon, lat = told["route"]["geometry"]["coordinates"][0]
    assert 100 < lon < 125
    assert 20 < lat < 40


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"estate": "E9999", "category": "nursery"}, 404),
        ({"estate": "E0001", "category": "cinema"}, 404),
        ({"estate": "E0001"}, 422),
        ({"category": "nursery"}, 422),
        ({"estate": "E0001", "category": "nursery", "at": "25:99"}, 422),
        ({"estate": "E0001", "category": "nursery", "building": "B1"}, 422),
        ({"estate": "E0001", "category": "nursery", "walker": "nobody"}, 404),
    ],
)
def test_what_cannot_be_explained_is_said_so(client, params, status):
    assert client.get(f"{TOWN}/explain", params=params).status_code == status


def test_the_streets_are_laid_out_once_for_many_explanations(client, monkeypatch):
    from api.analyses import memory

    laid = []
    real = memory.ground_of
    monkeypatch.setattr(memory, "ground_of", lambda *given: laid.append(1) or real(*given))
    for estate in ("E0002", "E0003", "E0004"):
        params = {"estate": estate, "category": "nursery", "at": "11:00"}
        assert client.get(f"{TOWN}/explain", params=params).status_code == 200
    assert len(laid) == 1


def test_a_run_says_when_a_layer_it_rests_on_has_changed(town, tmp_path):
    path = Path(shutil.copy(town, tmp_path / "town.gpkg"))
    with served(path) as client, Project.open(path) as project:
        before = client.get(f"{TOWN}/coverage")
        project.edit_rows("sites", [RowChange("delete", sorted(project.uids("sites"))[0])])
        assert client.get(f"{TOWN}/coverage").json()["stale"] == []
        project.edit_rows("estates", [RowChange("update", "E0001", values={"people": 7})])
        now = client.get(f"{TOWN}/coverage")
        assert now.json()["stale"] == ["estates"]
        assert now.headers["etag"] != before.headers["etag"]
        run_work(path, "coverage")
        fresh = client.get(f"{TOWN}/coverage").json()
        assert (fresh["stale"], fresh["run"]) == ([], before.json()["run"] + 1)
        row = client.get(f"{TOWN}/coverage/estates/E0001").json()
        assert row["people"] == 7
