"""Sites over HTTP: the newest choice, and a choice kept as a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.schemas.sites import SitesOut
from api.store import Project
from tests.planning import make_town, run_work, served

TOWN = "/api/projects/town"


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    return make_town(tmp_path_factory.mktemp("town") / "town.gpkg")


@pytest.fixture(scope="module")
def client(town):
    with served(town) as given:
        yield given


def test_a_choice_is_told_kept_and_tried(client, town):
    none = client.get(f"{TOWN}/sites")
    assert none.status_code == 404
    assert '"work": "sites"' in none.json()["message"]
    asked = {"categories": ["nursery"], "count": 1, "anywhere_metres": 100.0, "origin": "gate"}
    made = run_work(town, "sites", **asked)
    told = client.get(f"{TOWN}/sites").json()
    SitesOut.model_validate(told)
    assert (told["run"], told["stale"], len(told["chosen"])) == (made["run"], [], 1)
    assert told["options"]["categories"] == ["nursery"]
    assert "scenario" not in told
    body = {"run": made["run"], "name": "选址一"}
    kept = client.post(f"{TOWN}/sites/scenarios", json=body)
    assert (kept.status_code, kept.json()) == (201, {"saved": "选址一", "version": 1})
    tried = client.post(f"{TOWN}/scenarios/选址一/replay").json()
    gained = made["services"][0]["people_after"] - made["services"][0]["people_before"]
    # Children of that age, whom a nursery is for.
    assert sum(tried["group_gained_by_rule"].values()) == gained > 0
    assert client.get(f"{TOWN}/sites?run=99").status_code == 404


def test_only_a_choice_of_sites_can_be_kept(client, town):
    other = run_work(town, "findings")["run"]
    body = {"run": other, "name": "x"}
    assert client.post(f"{TOWN}/sites/scenarios", json=body).status_code == 404
    assert client.get(f"{TOWN}/sites?run={other}").status_code == 404
    for bad in ({"run": "1", "name": "x"}, {"run": 1}, {"run": 1, "name": " "}, {"run": 0}):
        assert client.post(f"{TOWN}/sites/scenarios", json=bad).status_code == 422
    with Project.open(town) as project:
        assert "x" not in project.scenario_names()
