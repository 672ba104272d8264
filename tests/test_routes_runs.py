"""Runs over HTTP: which there are, what they rest on, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.schemas.runs import RunsOut, RunWhole
from api.store import Author, Project, RowChange
from tests.planning import make_board, served

RUNS = "/api/projects/board/runs"


@pytest.fixture(scope="module")
def board(tmp_path_factory) -> Path:
    path = make_board(tmp_path_factory.mktemp("board") / "board.gpkg")
    with Project.open(path) as project:
        wang = project.acting_as(Author("wang", "job 7"))
        versions = project.versions()
        for turn in range(5):
            work = "coverage" if turn % 2 else "sites"
            stamp = {kind: versions.get(kind, 0) for kind in ("estates", "streets", "statements")}
            result = {"items": [float("nan")], "reach": [1], "scenario": {}}
            wang.save_run(
                work, options={"turn": turn}, stamp=stamp, assumptions={"at": "10:00"},
                result=result, job="7",
            )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def client(board):
    with served(board) as given:
        yield given


def test_runs_are_listed_page_by_page_the_newest_first(client):
    told = RunsOut.model_validate(client.get(RUNS).json())
    assert [run.options["turn"] for run in told.runs] == [4, 3, 2, 1, 0]
    assert {run.who for run in told.runs} == {"wang"}
    page = client.get(RUNS, params={"limit": 2, "offset": 1}).json()["runs"]
    assert [run["options"]["turn"] for run in page] == [3, 2]
    only = client.get(RUNS, params={"work": "coverage"}).json()["runs"]
    assert [run["options"]["turn"] for run in only] == [3, 1]
    assert client.get(RUNS, params={"work": "weather"}).json() == {"runs": []}


def test_one_run_is_told_with_its_result(client):
    newest = client.get(RUNS).json()["runs"][0]["run"]
    told = client.get(f"{RUNS}/{newest}")
    RunWhole.model_validate(told.json())
    assert told.json()["result"] == {"items": [None]}
    assert told.json()["assumptions"] == {"at": "10:00"}
    assert client.get(f"{RUNS}/999").status_code == 404


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=0", "limit=501", "offset=-1", "work=", "nonsense=1", "limit=x"]
)
def test_pages_that_cannot_be_are_refused(client, query):
    assert client.get(f"{RUNS}?{query}").status_code == 422


@pytest.mark.parametrize("run", ["0", "-1", "x", "99999999999999999999"])
def test_numbers_that_are_none_are_refused(client, run):
    assert client.get(f"{RUNS}/{run}").status_code == 422


def test_a_run_says_what_has_changed_since(client, board):
    assert {tuple(run["stale"]) for run in client.get(RUNS).json()["runs"]} == {()}
    with Project.open(board) as project:
        project.edit_rows("estates", [RowChange("update", "E1", values={"people": 5})])
        project.state_none("nursery", none=True)
    stale = client.get(RUNS).json()["runs"][0]["stale"]
    assert sorted(stale) == ["estates", "statements"]
