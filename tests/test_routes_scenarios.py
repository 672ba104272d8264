"""Scenarios over HTTP: the answers of `what_if`, kept and tried again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyproj import Transformer

from api.analyses import Walking, what_if_of
from api.plain import plain
from api.schemas import scenarios as said
from api.store import Project
from gis.scenario import AddFacility
from tests.planning import make_town, served

TOWN = "/api/projects/town"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_town(tmp_path_factory.mktemp("town") / "town.gpkg")


@pytest.fixture(scope="module")
def place(made) -> tuple[float, float]:
    """A place in the first estate, in metres."""
    with Project.open(made) as project:
        point = project.read_layer("estates").geometries[0].representative_point()
        return point.x, point.y


@pytest.fixture(scope="module")
def client(made):
    with served(made) as given:
        yield given


def nursery(place, **more):
    edit = {"edit": "AddFacility", "category": "nursery", "xy": list(place)}
    return {"edits": [edit], "rules": "complete-community-2020"} | more


def test_the_answer_is_that_of_the_command_line(client, made, place):
    answer = client.post(f"{TOWN}/whatif", json=nursery(place))
    told = answer.json()
    said.DifferenceOut.model_validate(told)
    with Project.open(made) as project:
        how = Walking(pack="complete-community-2020")
        wanted = what_if_of(project, [AddFacility("nursery", place)], how)
    del told["date"]
    assert told == plain(wanted.to_json())
    assert told["people_gained"] > 0
    assert client.get(f"{TOWN}/scenarios").json()["scenarios"] == []


def test_places_may_be_longitude_and_latitude(client, made, place):
    with Project.open(made) as project:
        to = Transformer.from_crs(project.crs, "EPSG:4326", always_xy=True)
    degrees = to.transform(*place)
    one = client.post(f"{TOWN}/whatif", json=nursery(place)).json()
    other = client.post(f"{TOWN}/whatif", json=nursery(degrees)).json()
    assert other["edits"][0]["xy"] == pytest.approx(place, abs=0.01)
    assert other["people_gained"] == one["people_gained"]


def test_the_layers_are_measured_once_for_many_questions(client, place, monkeypatch):
    from api.analyses import memory

    laid = []
    real = memory.base_of
    monkeypatch.setattr(memory, "base_of", lambda *given: laid.append(1) or real(*given))
    for step in range(3):
        moved = (place[0] + step, place[1])
        answer = client.post(f"{TOWN}/whatif", json=nursery(moved, at="11:00"))
        assert answer.status_code == 200
    assert len(laid) == 1


def test_an_answer_at_once_says_what_it_leaves_out(client, place):
    exact = client.post(f"{TOWN}/whatif", json=nursery(place)).json()
    quick = client.post(f"{TOWN}/whatif", json=nursery(place, exact=False)).json()
    assert "whatif-left-out" in {finding["code"] for finding in quick["findings"]}
    one, other = ({s["rule"]: s for s in told["after"]} for told in (exact, quick))
    differ = {rule for rule in one if one[rule] != other[rule]}
    assert len(differ) < len(one) / 2


def test_a_scenario_is_kept_and_tried_again(made, place, tmp_path):
    path = Path(shutil.copy(made, tmp_path / "town.gpkg"))
    with served(path) as client:
        name = "新/托儿所"
        kept = client.post(f"{TOWN}/scenarios", json=nursery(place, name=name))
        assert (kept.status_code, kept.json()["version"]) == (201, 1)
        gained = kept.json()["people_gained"]
        (line,) = said.ScenariosOut.model_validate(client.get(f"{TOWN}/scenarios").json()).scenarios
        assert (line.name, line.people_gained) == (name, gained)
        one = client.get(f"{TOWN}/scenarios/%E6%96%B0%2F%E6%89%98%E5%84%BF%E6%89%80").json()
        assert one["answer"]["people_gained"] == gained
        again = client.post(f"{TOWN}/scenarios/%E6%96%B0%2F%E6%89%98%E5%84%BF%E6%89%80/replay")
        assert again.json()["people_gained"] == gained
        assert again.json()["replayed"]["name"] == name
        assert client.post(f"{TOWN}/scenarios/nothing/replay").status_code == 404
        bad = nursery(place, name="x\ny")
        assert client.post(f"{TOWN}/scenarios", json=bad).status_code == 422


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"edit": "Fly"}, 422),
        ({"edit": "OpenWall"}, 422),
        ({"edit": "OpenWall", "uid": "W9999"}, 404),
        ({"edit": "AddGate", "xy": [1]}, 422),
        ({"edit": "AddGate", "xy": [float(10**9), 0]}, 422),
        ({"edit": "AddGate", "xy": ["a", "b"]}, 422),
        ({"edit": "AddFacility", "category": "cinema", "xy": [0, 0]}, 422),
        ({"edit": "SetHours", "uid": "G1", "hours": "early"}, 422),
        ({"edit": "Remove", "uid": "x", "and": 1}, 422),
        ({"edit": "AddPath", "line": [[0, 0]]}, 422),
        ({"edit": "OpenGate", "uid": "G1", "xy": [0, 0]}, 422),
    ],
)
def test_edits_that_cannot_be_are_refused(client, edit, status):
    answer = client.post(f"{TOWN}/whatif", json={"edits": [edit]})
    assert (answer.status_code, set(answer.json())) == (status, {"error", "message"}), answer.text


@pytest.mark.parametrize(
    "more", [{"edits": []}, {"at": "25:99"}, {"exact": "no"}, {"metres": -3}, {"edits": "all"}]
)
def test_questions_that_cannot_be_asked_are_refused(client, place, more):
    assert client.post(f"{TOWN}/whatif", json=nursery(place) | more).status_code == 422
