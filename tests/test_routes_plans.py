"""Plans over HTTP: changed by several at once, nothing lost, and the same after every restart."""

from __future__ import annotations

import random
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.affinity import translate
from starlette.testclient import TestClient

from api.analyses import plan_views
from api.analyses.drafts import Desk, Draft
from api.analyses.plans import columns_read, metrics_of
from api.analyses.still import Still
from api.plain import json_text
from api.schemas import plans as said
from api.store import Author, PlanState, Project, RowChange
from gis.errors import ConflictError, UnknownNameError
from gis.model import Study
from gis.plans.metrics import METRIC_NAMES
from tests.plan_grid import EAST, NORTH, grid_estates, grid_plan
from tests.planning import ASKED, BOARD, make_board, memory_in, served

PLANS = "/api/projects/board/plans"
DRAWN = f"{PLANS}/drawn"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_board(tmp_path_factory.mktemp("board") / "board.gpkg")


@pytest.fixture
def board(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "board.gpkg"))


@pytest.fixture(scope="module")
def shared(made: Path, tmp_path_factory):
    path = tmp_path_factory.mktemp("shared") / "board.gpkg"
    with served(Path(shutil.copy(made, path))) as given:
        yield given


@pytest.fixture
def client(shared: TestClient) -> TestClient:
    """A client of a project whose only plan is the first version of 'drawn'."""
    project = shared.app.state.projects.live("board").project  # type: ignore[attr-defined]
    for name in project.plan_names():
        project.remove_plan(name)
    project.save_plan(grid_plan(BOARD, 3, 3, **ASKED))
    return shared


def change(client: TestClient, tag: str | None, plan: str = DRAWN, **body: Any):
    if isinstance(tag, str) and re.fullmatch(r'"[0-9]+\.[0-9]+"', tag):
        tag = at(client, tag, unquote(plan.removeprefix(f"{PLANS}/")))
    headers = {} if tag is None else {"If-Match": tag}
    return client.post(f"{plan}/changes", json=body, headers=headers)


def at(client: TestClient, short: str, plan: str = "drawn") -> str:
    """The whole tag of a state of a plan, of which only the numbers are given."""
    project = client.app.state.projects.live("board").project  # type: ignore[attr-defined]
    try:
        mark = project.version_mark(plan, int(short[1:].partition(".")[0]))
    except UnknownNameError:
        mark = 12 * "0"
    return f'{short[:-1]}.{mark}"'


def numbers(tag: str) -> str:
    """Version and number of the change of a tag, without what tells it from all others."""
    assert re.fullmatch(r'"[0-9]+\.[0-9]+\.[0-9a-f]{12}"', tag), tag
    return f'{tag.rpartition(".")[0]}"'


def members(client: TestClient, plan: str = DRAWN) -> dict[str, str | None]:
    answer = client.get(plan)
    assert answer.status_code == 200, answer.text
    found: dict[str, str | None] = said.PlanOut.model_validate(answer.json()).members
    return found


def lonlat(*places: tuple[float, float]) -> list[list[float]]:
    """Places in steps of the board from its north-west corner, in degrees, as a closed ring."""
    crs = grid_plan_crs()
    to = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    ring = [to.transform(EAST + x * 100, NORTH - y * 100) for x, y in places]
    return [list(place) for place in [*ring, ring[0]]]


def grid_plan_crs():
    return grid_estates(1, 1).crs


def test_a_plan_is_told_with_its_estates_and_how_its_districts_stand(client):
    answer = client.get(DRAWN)
    plan = said.PlanOut.model_validate(answer.json())
    assert answer.headers["etag"] == plan.etag == at(client, '"1.0"')
    assert plan.members == dict(zip([f"E{i}" for i in range(1, 10)], BOARD.split(), strict=True))
    assert {v.district: (v.estates, v.totals, v.ok) for v in plan.verdicts} == {
        "东": (3, {"people": 3000.0}, True),
        "西": (3, {"people": 3000.0}, True),
        "南": (3, {"people": 3000.0}, True),
    }
    assert plan.sizes == {"people": [2000.0, 4000.0]}
    assert plan.objective is None  # drawn by hand: no number, and not NaN
    listed = said.PlansOut.model_validate(client.get(PLANS).json()).plans
    assert [(line.plan, line.version, line.districts) for line in listed] == [("drawn", 1, 3)]


def test_a_stroke_answers_with_the_districts_it_touched(client):
    answer = change(client, '"1.0"', op="move", estates=["E5"], to="东")
    edit = said.EditOut.model_validate(answer.json())
    assert (numbers(answer.headers["etag"]), edit.words, edit.estates) == (
        '"1.1"',
        "E5 to 东",
        ["E5"],
    )
    east, west = sorted(edit.verdicts, key=lambda v: v.district)
    assert (east.totals, east.bounds) == ({"people": 4000.0}, {"people": "kept"})
    assert (west.totals, west.pieces) == ({"people": 2000.0}, [2])
    assert members(client)["E5"] == "东"


def test_who_does_not_say_what_is_changed_or_says_it_wrong_changes_nothing(client):
    assert change(client, None, op="move", estates=["E5"], to="东").status_code == 428
    for tag in ("1.0", '"1"', '"a.b"', '"1.-1"', '"９.0"'.encode(), '"1.0", "1.1"'):
        answer = change(client, tag, op="move", estates=["E5"], to="东")  # type: ignore[arg-type]
        assert answer.status_code == 422, tag
    assert members(client)["E5"] == "西"


def test_a_district_that_there_is_not_is_made_first(client):
    answer = change(client, '"1.0"', op="move", estates=["E5"], to="ZZZ")
    assert answer.status_code == 404
    assert answer.json()["message"] == "There is no district 'ZZZ'; make it first, with 'new'"


def test_the_second_of_two_is_told_what_the_first_has_done(client):
    change(client, '"1.0"', op="move", estates=["E5"], to="东")
    late = change(client, '"1.0"', op="move", estates=["E5"], to="南")
    assert late.status_code == 412
    told = late.json()
    assert told["error"] == "ConflictError"
    assert told["conflict"]["yours"] == {"version": 1, "seq": 0, "op": "move"}
    theirs = told["conflict"]["theirs"]
    assert (theirs["version"], theirs["seq"]) == (1, 1)
    assert [(c["seq"], c["what"], c["who"]) for c in theirs["changes"]] == [
        (1, "E5 to 东", "local")
    ]
    assert members(client)["E5"] == "东"


@pytest.mark.parametrize(
    ("body", "estates"),
    [
        ({"op": "new", "estates": ["E1", "E2"], "name": "新"}, {"E1": "新", "E2": "新"}),
        ({"op": "merge", "districts": ["东", "西"]}, {"E3": "东", "E6": "东"}),
        ({"op": "split", "district": "南", "estates": ["E9"]}, {"E9": "D4"}),
        ({"op": "rename", "district": "南", "name": "北"}, {"E7": "北", "E8": "北"}),
        ({"op": "assign", "districts": {"E5": "东", "E4": "南", "E9": None}},
         {"E5": "东", "E4": "南", "E9": None}),
    ],
)  # fmt: skip
def test_every_change_can_be_undone_and_done_again(client, body, estates):
    before = members(client)
    answer = change(client, '"1.0"', **body)
    assert answer.status_code == 200, answer.text
    after = members(client)
    assert {uid: after[uid] for uid in estates} == estates
    undone = change(client, answer.headers["etag"], op="undo")
    assert members(client) == before
    assert undone.json()["can_redo"]
    change(client, undone.headers["etag"], op="redo")
    assert members(client) == after


def test_an_emptied_district_is_gone_also_where_all_move_to_different_ones(client):
    wanted = {"E7": "东", "E8": "西", "E9": "西"}
    answer = change(client, '"1.0"', op="assign", districts=wanted)
    assert answer.json()["gone"] == ["南"]
    assert client.get(DRAWN).json()["districts"] == ["东", "西"]


def test_what_is_locked_stays_and_the_lock_is_told(client):
    tag = change(client, '"1.0"', op="lock", districts=["东"]).headers["etag"]
    refused = change(client, tag, op="move", estates=["E1"], to="西")
    assert refused.status_code == 422
    assert "locked" in refused.json()["message"]
    assert client.get(DRAWN).json()["locks"]["closed"] == ["东"]
    tag = change(client, tag, op="unlock", districts=["东"]).headers["etag"]
    assert change(client, tag, op="move", estates=["E1"], to="西").status_code == 200


def test_what_changes_nothing_makes_no_change(client):
    answer = change(client, '"1.0"', op="move", estates=["E1"], to="东")
    assert (answer.status_code, numbers(answer.headers["etag"])) == (200, '"1.0"')


# --- lasso


def test_a_lasso_takes_what_lies_in_it(client):
    ring = lonlat((0, 0), (2, 0), (2, 1), (0, 1))
    body = {"op": "lasso", "polygon": {"type": "Polygon", "coordinates": [ring]}, "to": "南"}
    answer = change(client, '"1.0"', **body)
    assert answer.json()["estates"] == ["E1", "E2"]


def test_a_lasso_that_crosses_itself_takes_what_is_in_its_loops(client):
    # A bowtie: left and right triangles of the upper six estates.
    ring = lonlat((0, 0), (3, 2), (3, 0), (0, 2))
    body = {"op": "lasso", "polygon": {"type": "Polygon", "coordinates": [ring]}, "to": "南"}
    answer = change(client, '"1.0"', **body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["estates"]) >= {"E1", "E3", "E4", "E6"}
    assert "E7" not in answer.json()["estates"]


def test_a_lasso_around_the_world_takes_all(client):
    ring = [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]
    body = {"op": "lasso", "polygon": {"type": "Polygon", "coordinates": [ring]}, "to": "南"}
    answer = change(client, '"1.0"', **body)
    assert len(answer.json()["estates"]) == 6  # three are there already
    assert set(members(client).values()) == {"南"}


@pytest.mark.parametrize(
    "rings",
    [[], [[]], [[[0, 0], [0, 0], [0, 0], [0, 0]]]],
)
def test_a_lasso_around_nothing_takes_nothing_or_is_refused(client, rings):
    body = {"op": "lasso", "polygon": {"type": "Polygon", "coordinates": rings}, "to": "南"}
    answer = change(client, '"1.0"', **body)
    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or answer.json()["estates"] == []
    assert answer.headers.get("etag", at(client, '"1.0"')) == at(client, '"1.0"')


@pytest.mark.parametrize("place", [[1e9, 0], [0, 91], ["x", 0], [0], [None, 0]])
def test_places_that_are_none_are_refused(client, place):
    ring = [[107, 29], place, [107.1, 29.1], [107, 29]]
    body = {"op": "lasso", "polygon": {"type": "Polygon", "coordinates": [ring]}, "to": "南"}
    answer = change(client, '"1.0"', **body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "message"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"op": "fly"},
        {"op": "move"},
        {"op": "move", "estates": "E1", "to": "东"},
        {"op": "move", "estates": [1], "to": "东"},
        {"op": "move", "estates": [], "to": "东"},
        {"op": "move", "estates": ["E1"], "to": ""},
        {"op": "move", "estates": ["E1"], "to": "东", "and": 1},
        {"op": "undo", "others": "yes"},
        {"op": "new", "name": "x" * 101},
        {"op": "split", "district": "东"},
        {"op": "merge", "districts": ["东"]},
        {"op": "link", "a": "E1", "b": "E1"},
        {"op": "undo"},
        {"op": "redo"},
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing(client, body):
    answer = client.post(f"{DRAWN}/changes", json=body, headers={"If-Match": at(client, '"1.0"')})
    assert answer.status_code == 422, answer.text
    assert "\n" not in answer.json()["message"]
    assert client.get(DRAWN).headers["etag"] == at(client, '"1.0"')


@pytest.mark.parametrize(
    "body",
    [
        {"op": "move", "estates": ["E77"], "to": "东"},
        {"op": "move", "estates": ["E1"], "to": "北"},
        {"op": "assign", "districts": {"E1": "北"}},
        {"op": "rename", "district": "北", "name": "东北"},
    ],
)
def test_what_is_not_there_is_said_so(client, body):
    assert change(client, '"1.0"', **body).status_code == 404


# --- several people, several programs, restarts


def test_the_state_follows_from_the_store_alone(board):
    """After every change a server that has just been started says the same as one that has not."""
    dice = random.Random(7)
    uids = [f"E{i}" for i in range(1, 10)]
    with served(board) as warm, served(board) as cold:
        tag = '"1.0"'
        for turn in range(40):
            there = warm.get(DRAWN).json()["districts"]
            body: dict[str, Any] = dice.choice(
                [
                    {"op": "move", "estates": dice.sample(uids, 2), "to": dice.choice(there)},
                    {"op": "move", "estates": dice.sample(uids, 1), "to": None},
                    {"op": "new", "estates": dice.sample(uids, 2)},
                    {"op": "rename", "district": dice.choice(there), "name": f"N{turn}"},
                    {"op": "lock", "estates": dice.sample(uids, 1)},
                    {"op": "unlock", "estates": uids},
                    {"op": "link", "a": "E1", "b": "E9"},
                    {"op": "unlink", "a": "E1", "b": "E2"},
                    {"op": "undo"},
                    {"op": "undo"},
                    {"op": "redo"},
                ]
            )
            answer = change(warm, tag, **body)
            assert answer.status_code in (200, 404, 422), answer.text
            memory_in(cold).desk.clear()
            one, other = warm.get(DRAWN), cold.get(DRAWN)
            assert one.json() == other.json(), (turn, body)
            tag = one.headers["etag"]
        assert tag > '"1.10'


def test_two_who_paint_at_once_overwrite_nothing(board):
    """Each stroke that was acknowledged is in the store, once, and none rests on an old state."""
    done: list[tuple[int, str]] = []
    refused: list[int] = []

    def paint(client: TestClient, uids: list[str], start: threading.Barrier) -> None:
        start.wait()
        for turn in range(12):
            to = ["东", "西", "南"][turn % 3]
            body = {"op": "move", "estates": [uids[turn % len(uids)]], "to": to}
            for _ in range(200):
                tag = client.get(f"{DRAWN}/changes?since=999").headers["etag"]
                answer = change(client, tag, **body)
                if answer.status_code == 200:
                    if answer.headers["etag"] != tag:
                        done.append((answer.json()["seq"], body["estates"][0] + to))
                    break
                assert answer.status_code == 412, answer.text
                refused.append(1)

    with served(board) as one, served(board) as other:
        for client in (one, other):
            # What is made at the first request warns, and warnings are not kept apart by thread.
            client.get(f"{DRAWN}/changes?since=999")
            change(client, '"1.0"', op="move", estates=["E1"], to="东")
        start = threading.Barrier(3)
        uids = [["E1", "E2", "E3"], ["E7", "E8", "E9"], ["E4", "E5", "E6"]]
        # Two in one server, the third in another program.
        threads = [
            threading.Thread(target=paint, args=(client, mine, start))
            for client, mine in zip((one, one, other), uids, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = one.get(f"{DRAWN}/changes").json()
        assert sorted(seq for seq, _ in done) == list(range(1, len(done) + 1))
        assert [c["seq"] for c in told["changes"]] == list(range(1, len(done) + 1))
        assert told["seq"] == len(done)
        assert members(one) == members(other)
        words = {c["seq"]: c["what"] for c in told["changes"]}
        assert all(words[seq].replace(" to ", "") == word for seq, word in done)


def test_what_another_program_has_changed_is_seen(board):
    with served(board) as client, Project.open(board) as project:
        assert members(client)["E5"] == "西"
        wang = project.acting_as(Author("wang", "elsewhere"))
        layer = project.read_layer("estates")
        desk = Desk()
        for what, place in (("move", "东"), ("undo", "西"), ("redo", "东")):
            with desk.sit("x", wang, "drawn", lambda: layer) as sitting:
                if what == "move":
                    sitting.change(lambda draft: draft.move("E5", "东"))
                else:
                    getattr(sitting, what)()
            assert members(client)["E5"] == place
        told = said.ChangesOut.model_validate(client.get(f"{DRAWN}/changes?since=0").json())
        assert told.members == {"E5": "东"}
        assert [c.who for c in told.changes] == ["wang"] * 3
        # What another has done is not undone by accident.
        refused = change(client, '"1.3"', op="undo")
        assert refused.status_code == 412
        assert refused.json()["conflict"]["theirs"]["changes"][0]["who"] == "wang"
        assert members(client)["E5"] == "东"
        assert change(client, '"1.3"', op="undo", others=True).status_code == 200
        assert members(client)["E5"] == "西"
        assert change(client, '"1.4"', op="redo").status_code == 412


def test_changes_since_tell_where_the_estates_are_now(client):
    tag = change(client, '"1.0"', op="move", estates=["E5"], to="东").headers["etag"]
    tag = change(client, tag, op="move", estates=["E9"], to=None).headers["etag"]
    change(client, tag, op="undo")
    told = client.get(f"{DRAWN}/changes?since=1").json()
    assert told["members"] == {"E9": "南"}
    assert [c["what"] for c in told["changes"]] == ["E9 to no district", "undo"]
    assert {v["district"] for v in told["verdicts"]} == {"南"}
    assert client.get(f"{DRAWN}/changes?since=3").json()["changes"] == []
    assert client.get(f"{DRAWN}/changes?version=7").json()["reload"] is True
    assert client.get(f"{DRAWN}/changes?since=-1").status_code == 422


def test_estates_that_go_from_the_layer_go_from_the_draft(board):
    with served(board) as client:
        tag = change(client, '"1.0"', op="new", estates=["E1", "E2"], name="新").headers["etag"]
        tag = change(client, tag, op="move", estates=["E1", "E5"], to="南").headers["etag"]
        with Project.open(board) as project:
            project.edit_rows("estates", [RowChange("delete", uid) for uid in ("E1", "E2")])
        now = members(client)
        assert "E1" not in now
        assert (now["E5"], now["E4"]) == ("南", "东")
        assert client.get(f"{DRAWN}/check").status_code == 200
        assert change(client, tag, op="move", estates=["E1"], to="东").status_code == 404
        tag = change(client, tag, op="undo").headers["etag"]
        assert members(client)["E5"] == "西"
        tag = change(client, tag, op="undo").headers["etag"]
        assert client.get(DRAWN).json()["districts"] == ["东", "南", "西"]
        tag = change(client, tag, op="redo").headers["etag"]
        tag = change(client, tag, op="redo").headers["etag"]
        assert members(client) == now
        kept = client.post(f"{DRAWN}/versions", json={}, headers={"If-Match": tag})
        assert numbers(kept.json()["etag"]) == '"2.0"'
        assert members(client) == now


def test_a_plan_that_is_removed_while_it_is_edited_is_gone(board):
    with served(board) as client, Project.open(board) as project:
        change(client, '"1.0"', op="move", estates=["E5"], to="东")
        project.remove_plan("drawn")
        assert change(client, '"1.1"', op="move", estates=["E5"], to="南").status_code == 404
        assert client.get(DRAWN).status_code == 404
        # Another one of the same name and number is not taken for it.
        project.save_plan(grid_plan("A A A A A A B B B", 3, 3, **ASKED))
        assert members(client)["E1"] == "A"


def test_the_tag_of_a_plan_that_is_gone_changes_no_other_of_its_name(client):
    old = client.get(DRAWN).headers["etag"]
    assert client.delete(DRAWN, headers={"If-Match": old}).status_code == 200
    project = client.app.state.projects.live("board").project  # type: ignore[attr-defined]
    project.save_plan(grid_plan("东 东 南 东 西 南 西 西 南", 3, 3, **ASKED))
    new = client.get(DRAWN).headers["etag"]
    assert numbers(new) == numbers(old) == '"1.0"'
    assert new != old
    stroke = {"op": "move", "estates": ["E1"], "to": "南"}
    late = client.post(f"{DRAWN}/changes", json=stroke, headers={"If-Match": old})
    assert late.status_code == 412
    for path in (f"{DRAWN}/versions", f"{DRAWN}/restore"):
        body = {"version": 1} if path.endswith("restore") else {}
        assert client.post(path, json=body, headers={"If-Match": old}).status_code == 412
    assert client.delete(DRAWN, headers={"If-Match": old}).status_code == 412
    assert client.patch(DRAWN, json={"name": "x"}, headers={"If-Match": old}).status_code == 412
    # The store looks once more, in the transaction that writes.
    expected = replace(project.plan_state("drawn"), mark=old.strip('"').rpartition(".")[2])
    with pytest.raises(ConflictError):
        project.remove_plan("drawn", expected=expected)
    assert (
        client.post(f"{DRAWN}/changes", json=stroke, headers={"If-Match": new}).status_code == 200
    )


# --- versions, packages, names


def test_a_draft_is_kept_as_a_version_and_an_older_one_comes_back(client):
    tag = change(client, '"1.0"', op="move", estates=["E5"], to="东").headers["etag"]
    late = client.post(f"{DRAWN}/versions", json={}, headers={"If-Match": at(client, '"1.0"')})
    assert late.status_code == 412
    kept = client.post(f"{DRAWN}/versions", json={"note": "桥边"}, headers={"If-Match": tag})
    assert (kept.status_code, numbers(kept.headers["etag"])) == (201, '"2.0"')
    again = client.post(f"{DRAWN}/versions", json={}, headers={"If-Match": at(client, '"2.0"')})
    assert again.status_code == 422
    lines = client.get(f"{DRAWN}/versions").json()["versions"]
    assert [(x["version"], x["what"], x["who"], x["note"]) for x in lines][1:] == [
        (2, "edited", "local", "桥边")
    ]
    assert client.get(f"{DRAWN}?version=1").json()["members"]["E5"] == "西"
    tag = change(client, '"2.0"', op="move", estates=["E9"], to="东").headers["etag"]
    back = {"version": 1}
    refused = client.post(f"{DRAWN}/restore", json=back, headers={"If-Match": tag})
    assert (refused.status_code, refused.json()["error"]) == (422, "OptionError")
    made = client.post(f"{DRAWN}/restore", json=back | {"discard": True}, headers={"If-Match": tag})
    assert numbers(made.headers["etag"]) == '"3.0"'
    assert members(client)["E5"] == "西"
    none = client.post(
        f"{DRAWN}/restore", json={"version": 9}, headers={"If-Match": at(client, '"3.0"')}
    )
    assert none.status_code == 404


def test_packages_are_told_with_their_sums(client):
    body = {"packages": [{"package": "一标段", "districts": ["东"], "estates": ["E9"]}]}
    made = client.put(f"{DRAWN}/packages", json=body, headers={"If-Match": at(client, '"1.0"')})
    assert made.status_code == 200, made.text
    told = said.PackagesOut.model_validate(made.json())
    assert (numbers(told.etag), told.packages[0]["people"], told.in_none["people"]) == (
        '"2.0"',
        4000,
        5000,
    )
    twice = {"packages": body["packages"] * 2}
    refused = client.put(f"{DRAWN}/packages", json=twice, headers={"If-Match": at(client, '"2.0"')})
    assert refused.status_code == 422
    assert client.get(f"{DRAWN}/packages").json()["packages"][0]["package"] == "一标段"
    assert client.get(f"{DRAWN}/packages?version=1").json()["packages"] == []


@pytest.mark.parametrize("name", ["方案 一/二", "a?b#c%d", "a+b&c=d", "东/西", "%", "𠮷"])
def test_a_plan_may_have_any_name(client, name):
    tag = change(client, '"1.0"', op="move", estates=["E5"], to="东").headers["etag"]
    answer = client.patch(DRAWN, json={"name": name}, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    path = f"{PLANS}/{quote(name, safe='')}"
    told = client.get(path)
    assert (told.json()["plan"], told.headers["etag"]) == (name, tag)  # its draft came along
    assert change(client, tag, plan=path, op="undo").status_code == 200
    assert client.get(DRAWN).status_code == 404
    assert client.delete(path).status_code == 428
    gone = client.delete(path, headers={"If-Match": at(client, '"1.2"', name)})
    assert gone.json() == {"removed": name, "versions": 1}


def test_a_name_that_looks_like_a_part_of_another_plan_is_not_taken_for_it(client):
    answer = client.get(f"{PLANS}/{quote('drawn/changes', safe='')}")
    assert answer.status_code == 404
    assert "rename" in answer.json()["message"]


# --- checked, mended, compared, measured


def test_a_repair_is_proposed_and_done_only_when_it_is_accepted(client):
    tag = change(client, '"1.0"', op="move", estates=["E9"], to="东").headers["etag"]
    faults = client.get(f"{DRAWN}/check").json()["violations"]
    assert {fault["kind"] for fault in faults} == {"contiguity"}
    proposal = client.post(f"{DRAWN}/repair", json={"time_limit": 5}).json()
    said.RepairOut.model_validate(proposal)
    assert proposal["etag"] == tag
    assert [(m["estate"], m["from"]) for m in proposal["moved"]] == [("E9", "东")]
    assert members(client)["E9"] == "东"
    assert change(client, tag, **proposal["change"]).status_code == 200
    assert client.get(f"{DRAWN}/check").json()["violations"] == []


def test_a_draft_is_compared_with_what_was_kept(client):
    change(client, '"1.0"', op="move", estates=["E5"], to="东")
    found = client.get(f"{DRAWN}/compare", params={"version": 1, "metric": "people"}).json()
    assert [(d["estate"], d["from"], d["to"]) for d in found["differences"]] == [("E5", "西", "东")]
    assert client.get(f"{DRAWN}/compare").status_code == 422
    assert client.get(f"{DRAWN}/compare?with=nothing").status_code == 404


def test_metrics_are_worked_out_once_for_each_state(client, monkeypatch):
    asked = []
    real = plan_views.metrics_of
    monkeypatch.setattr(plan_views, "metrics_of", lambda *a, **k: asked.append(1) or real(*a, **k))
    query = {"metric": ["people", "estates"]}
    for _ in range(3):
        answer = client.get(f"{DRAWN}/metrics", params=query)
    told = said.MetricsOut.model_validate(answer.json())
    assert [(d["district"], d["people"]) for d in told.districts] == [
        ("东", 3000), ("南", 3000), ("西", 3000)
    ]  # fmt: skip
    assert len(asked) == 1
    change(client, '"1.0"', op="move", estates=["E5"], to="东")
    told = said.MetricsOut.model_validate(client.get(f"{DRAWN}/metrics", params=query).json())
    assert [d["people"] for d in told.districts] == [4000, 3000, 2000]
    assert numbers(told.etag) == '"1.1"'
    assert len(asked) == 2
    everything = client.get(f"{DRAWN}/metrics").json()
    assert everything["totals"]["cost_yuan"] is None  # unknown, not NaN and not nought
    assert client.get(f"{DRAWN}/metrics?metric=beauty").status_code == 404


def shifted(uid: str, project: Project, by: float) -> RowChange:
    rows = project.read_rows("estates")
    place = rows.uids.tolist().index(uid)
    shape = translate(rows.frame.geometry.iloc[place], by, 0)
    return RowChange("update", uid, geometry=shape)


def test_an_estate_that_is_moved_leaves_what_is_known_of_its_people(board, monkeypatch):
    made = []
    for name in ("metrics_of", "draft_json"):
        real = getattr(plan_views, name)
        monkeypatch.setattr(
            plan_views, name, lambda *a, r=real, n=name, **k: made.append(n) or r(*a, **k)
        )
    with served(board) as client, Project.open(board) as project:
        people = {"metric": ["people", "households"]}
        first = client.get(f"{DRAWN}/metrics", params=people)
        spread = client.get(f"{DRAWN}/metrics?metric=spread_m")
        before = client.get(DRAWN)
        assert made == ["metrics_of", "metrics_of", "draft_json"]
        project.edit_rows("estates", [shifted("E1", project, 30.0)])
        again = client.get(f"{DRAWN}/metrics", params=people)
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        assert client.get(DRAWN).content == before.content
        assert len(made) == 3
        same = client.get(
            f"{DRAWN}/metrics", params=people, headers={"If-None-Match": first.headers["etag"]}
        )
        assert (same.status_code, same.content) == (304, b"")
        # What reads shapes is worked out anew, under another tag.
        moved = client.get(f"{DRAWN}/metrics?metric=spread_m")
        assert moved.json()["totals"] != spread.json()["totals"]
        assert moved.headers["etag"] != spread.headers["etag"]
        assert moved.json()["layers"]["estates"] == spread.json()["layers"]["estates"] + 1
        # And so is everything when people have come.
        project.edit_rows("estates", [RowChange("update", "E1", values={"people": 1500})])
        told = client.get(f"{DRAWN}/metrics", params=people)
        assert {d["district"]: d["people"] for d in told.json()["districts"]}["东"] == 3500
        assert told.headers["etag"] != first.headers["etag"]
        verdicts = client.get(DRAWN).json()["verdicts"]
        assert {v["district"]: v["totals"]["people"] for v in verdicts}["东"] == 3500


def test_metrics_said_to_read_columns_only_read_nothing_else(board):
    with Project.open(board) as project:
        study, plan = project.read_study(), project.read_plan("drawn")
        layer = study.layer("estates")
        for name in [m for m in METRIC_NAMES if columns_read([m]) is not None]:
            read = set(columns_read([name]) or ())
            frame = layer.frame.copy()
            frame["geometry"] = [translate(shape, 50, 7) for shape in frame.geometry]
            for column in layer.kind.columns:
                values = frame[column.name]
                if column.name in read or column.words or column.type in ("boolean", "date"):
                    continue
                low = column.low or 0
                made = [f"{i} 号" if column.type == "text" else low + i for i in range(9)]
                frame[column.name] = pd.Series(made).astype(values.dtype)
            others = Study({"estates": replace(layer, frame=frame)})
            mine = Study({"estates": layer})
            found = [
                metrics_of(Still.with_layers(project, one, {}), plan, [name], coverage=pytest.fail)
                for one in (mine, others)
            ]
            assert found[0].to_json() == found[1].to_json() or json_text(
                found[0].to_json()
            ) == json_text(found[1].to_json()), name
        for name in ("spread_m", "area_m2", "people_lacking", "pipes_m", "mean_walk_m"):
            assert columns_read([name]) is None
        assert columns_read(None) is None
        assert columns_read(["people", "spread_m"]) is None


def told_of(draft: Draft) -> tuple[Any, ...]:
    return (
        draft.now().district.tolist(), draft.verdict(), draft.now().adjacency.links.tolist(),
        draft.find(shapely.box(EAST, NORTH - 300, EAST + 150, NORTH)), draft.standing,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_a_draft_that_follows_the_layer_is_as_one_made_anew(moves):
    state = PlanState(1, 0)
    kept = grid_plan(BOARD, 3, 3, **ASKED)
    layer = grid_estates(3, 3)
    draft = Draft(kept, layer, state)
    draft.move(["E5"], "东")
    for place, what in moves:
        frame = layer.frame.copy()
        if what < 2:
            shapes = list(frame.geometry)
            shapes[place] = translate(shapes[place], 60 * (what + 1), 10)
            frame["geometry"] = shapes
        else:
            frame.loc[place, "people"] = [900.0, float("nan")][what - 2]
        layer = replace(layer, frame=frame)
        assert draft.follow_layer(layer)
    anew = Draft(kept, layer, state)
    anew.move(["E5"], "东")
    assert told_of(draft) == told_of(anew)
    fewer = replace(layer, frame=layer.frame.iloc[:8].copy())
    assert not draft.follow_layer(fewer)


def test_a_plan_says_which_layers_changed_since(board):
    with served(board) as client, Project.open(board) as project:
        tag = change(client, '"1.0"', op="move", estates=["E5"], to="东").headers["etag"]
        client.post(f"{DRAWN}/versions", json={}, headers={"If-Match": tag})
        assert client.get(DRAWN).json()["stale"] == []
        project.edit_rows("estates", [RowChange("update", "E1", values={"people": 1500})])
        told = client.get(DRAWN).json()
        assert told["stale"] == ["estates"]
        assert {v["district"]: v["totals"]["people"] for v in told["verdicts"]}["东"] == 4500
        assert client.get(PLANS).json()["plans"][0]["stale"] == ["estates"]


def test_people_who_may_only_look_change_nothing(board):
    with served(board, login="on") as client:
        office: Any = client.app.state.office  # type: ignore[attr-defined]
        headers, boss = {}, Author("boss", "test")
        for name in ("viewer", "planner"):
            person = office.add_person(name, by=boss)
            office.set_role("board", person.id, name, by=boss)
            token = office.add_session(person.id, kind="token", label="t", hours=1, by=boss)
            headers[name] = {"Authorization": f"Bearer {token}", "If-Match": at(client, '"1.0"')}
        body = {"op": "move", "estates": ["E5"], "to": "东"}
        path = f"{DRAWN}/changes"
        nobody = client.post(path, json=body, headers={"If-Match": at(client, '"1.0"')})
        assert nobody.status_code == 401
        assert client.post(path, json=body, headers=headers["viewer"]).status_code == 403
        assert client.get(DRAWN, headers=headers["viewer"]).status_code == 200
        assert client.post(path, json=body, headers=headers["planner"]).status_code == 200
        who = client.get(path, headers=headers["viewer"]).json()["changes"][0]["who"]
        assert who == "planner"


def test_no_answer_holds_a_number_that_json_does_not_know(client):
    for path in ("", "/check", "/metrics", "/packages", "/versions", "/changes"):
        text = client.get(DRAWN + path).text
        assert "NaN" not in text
        assert "Infinity" not in text
