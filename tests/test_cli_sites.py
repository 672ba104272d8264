"""The command ``sites`` on the sample city: one JSON object, one line where it refuses."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from api.cli import main
from api.cli.sites import _plan_lines
from api.store import Project
from gis.sample import make_city

ELDERLY = ("--category", "elderly_station", "--metres", "500")

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("city") / "city.gpkg"
    study = make_city(seed=3, estates=40)
    with Project.create(path, name="云溪") as project:
        project.write_layers([(layer, None) for layer in study.layers.values()])
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], city: Path) -> Run:
    def run_(*args: object, code: int = 0, command: str = "sites") -> Any:
        with pytest.raises(SystemExit) as stopped:
            main([command, str(city), *map(str, args)])
        out = capsys.readouterr()
        assert stopped.value.code == code, out.err
        return out

    return run_


def told(run: Run, *args: object, command: str = "sites") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(*args, "--json", command=command).out)
    return answer


def uids(answer: dict[str, Any]) -> list[str]:
    return [site["uid"] for site in answer["chosen"]]


def stored(project: Path) -> list[tuple[Any, ...]]:
    """Everything that the project holds, but for when it was last looked at."""
    with sqlite3.connect(project) as base:
        return [tuple(base.iterdump())]


def test_the_answer_has_the_keys_of_the_contract(run: Run) -> None:
    answer = told(run, *ELDERLY, "--count", "2")

    keys = {"status", "objective", "bound", "gap", "chosen", "people_before", "people_after"}
    assert keys <= set(answer)
    assert answer["status"] == "optimal"
    assert answer["objective"] == answer["bound"] == answer["people_after"]
    assert answer["people_after"] > answer["people_before"]
    new = sum(use["newly_covered"] for site in answer["chosen"] for use in site["services"])
    assert new == pytest.approx(answer["people_after"] - answer["people_before"])
    assert len(answer["chosen"]) == 2


def test_the_lines_say_what_a_planner_asks(run: Run) -> None:
    out = run(*ELDERLY, "--count", "2").out

    assert "elderly_station 老年服务站 within 500 m" in out
    assert "people served. Proved best: no choice serves more" in out
    assert "Together " in out
    assert "candidates were refused for something; --list says why" in out


def test_more_sites_never_serve_fewer_and_money_buys_what_it_buys(run: Run) -> None:
    one, two = (told(run, *ELDERLY, "--count", n) for n in (1, 2))
    assert one["people_after"] <= two["people_after"]

    paid = told(run, *ELDERLY, "--budget", one["cost_yuan"])
    assert paid["cost_yuan"] <= one["cost_yuan"]
    assert paid["people_after"] >= one["people_after"]


def test_a_share_that_nobody_can_serve_is_an_answer_with_exit_0(run: Run) -> None:
    answer = told(run, *ELDERLY, "--share", "1")

    assert answer["status"] == "infeasible"
    assert answer["rest_status"] == "optimal"
    assert answer["services"][0]["unreachable"]
    lines = run(*ELDERLY, "--share", "1").out
    assert "Cannot be met: " in lines
    assert "fewer sites cannot do it" in lines
    assert "no candidate within the limit of" in lines


def test_more_capacity_serves_no_one_whom_no_candidate_reaches(run: Run) -> None:
    lines = run(*ELDERLY, "--share", "1", "--capacity", "10").out
    assert "no candidate within the limit of" in lines
    (larger,) = [line for line in lines.splitlines() if "times the capacity" in line]
    assert larger.startswith("All others can be served with ")


def test_required_and_closed_sites(run: Run) -> None:
    free = uids(told(run, *ELDERLY, "--count", "1"))
    without = uids(told(run, *ELDERLY, "--count", "1", "--close", free[0]))
    assert without
    assert without != free
    assert uids(told(run, *ELDERLY, "--count", "1", "--require", without[0])) == without


def test_by_year_and_by_means_only_those(run: Run) -> None:
    every = told(run, *ELDERLY, "--list")["offers"]
    rented = told(run, *ELDERLY, "--count", "1", "--means", "置换")
    assert {site["means"] for site in rented["chosen"]} == {"swap"}

    early = told(run, *ELDERLY, "--count", "1", "--by-year", "2026")
    assert all((site["available_year"] or 0) <= 2026 for site in early["chosen"])
    assert any(offer["fits"] for offer in every)
    refused = [offer for offer in every if not offer["fits"]]
    assert refused
    assert all(offer["why"] and offer["why_zh"] for offer in refused)


def test_rounds_are_nested(run: Run) -> None:
    answer = told(run, *ELDERLY, "--rounds", "1,3")
    first, last = answer["rounds"]
    assert set(first["chosen"]) < set(last["chosen"])
    assert first["objective"] <= last["objective"] == answer["people_after"]
    assert "Round 2: " in run(*ELDERLY, "--rounds", "1，3").out


def test_worst_first_tells_each_class(run: Run) -> None:
    answer = told(run, *ELDERLY, "--count", "2", "--worst-first")
    assert [each["class"] for each in answer["classes"] if each["what"] == "covered"] == [0, 1, 2]
    lines = run(*ELDERLY, "--count", "2", "--worst-first").out
    assert "Those who walk two limits or more today: " in lines
    assert "The worst-off first, class by class" in lines


def test_no_site_serves_more_than_its_capacity(run: Run) -> None:
    answer = told(run, *ELDERLY, "--count", "2", "--capacity", "1000")
    assert all(use["people"] <= 1000 for site in answer["chosen"] for use in site["services"])
    assert answer["people_after"] <= told(run, *ELDERLY, "--count", "2")["people_after"]


def test_anywhere_needs_no_rooms_and_the_curve_rises(run: Run) -> None:
    answer = told(run, *ELDERLY, "--count", "1", "--anywhere", "200", "--curve")
    people = [point["people"] for point in answer["curve"]["points"]]
    assert people == sorted(people)
    assert people[1] == answer["people_after"]
    assert answer["chosen"][0]["kind"] == "street"
    lines = run(*ELDERLY, "--count", "1", "--anywhere", "200", "--curve").out
    assert "What they cost is not known" in lines
    assert "at most" in lines


def test_several_categories_share_rooms(run: Run) -> None:
    both = ("--category", "health_station", "--category", "nursery")
    answer = told(run, *both, "--count", "2")
    assert [service["category"] for service in answer["services"]] == ["health_station", "nursery"]
    assert len(answer["chosen"]) <= 2
    assert answer["objective_unit"].endswith("on average")


def test_a_kept_choice_tried_again_gives_the_same_people(run: Run) -> None:
    answer = told(run, *ELDERLY, "--count", "2", "--save", "老年站选址")
    assert answer["saved"] == "老年站选址"
    gained = answer["people_after"] - answer["people_before"]

    again = told(run, "--replay", "老年站选址", command="whatif")
    assert again["replayed"]["people_gained"] == pytest.approx(gained)
    assert again["people_gained"] == pytest.approx(gained)


def test_the_workbook_and_the_map_are_written(run: Run, tmp_path: Path) -> None:
    book, page = tmp_path / "选址.xlsx", tmp_path / "选址.html"
    answer = told(run, *ELDERLY, "--count", "2", "--out", book, "--map", page)
    assert answer["file"] == [str(book), str(page)]
    assert openpyxl.load_workbook(book).sheetnames[0] == "选址结果"
    assert "选址后" in page.read_text("utf-8")

    english = tmp_path / "sites.xlsx"
    run(*ELDERLY, "--count", "2", "--out", english, "--lang", "en")
    assert openpyxl.load_workbook(english).sheetnames[0] == "Sites chosen"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--count", "1"), "Name what is to be placed with --category"),
        ((*ELDERLY, "--count", "99"), "99 sites are asked for, but only"),
        ((*ELDERLY, "--count", "1", "--require", "XX"), "names 'XX'"),
        ((*ELDERLY, "--rounds", "a,b"), "is no list of numbers; write 3,6,9"),
        ((*ELDERLY, "--count", "1", "--capacity", "x"), "give people, or 'rule'"),
        ((*ELDERLY, "--count", "1", "--budget", "-5"), "give yuan, 0 or more"),
        ((*ELDERLY, "--share", "2"), "at most 1"),
        ((*ELDERLY, "--count", "1", "--means", "借用"), "借用"),
        ((*ELDERLY, "--category", "nursery", "--count", "1"), "go with one --category"),
        (("--category", "不存在", "--count", "1", "--metres", "300"), "不存在"),
        ((*ELDERLY, "--count", "1", "--out", "sites.pdf"), "give a name that ends in .xlsx"),
        ((*ELDERLY, "--count", "1", "--map", "sites.pdf"), "give a name that ends in .html"),
        ((*ELDERLY, "--count", "1", "--out", "/nowhere/a.xlsx"), "There is no folder /nowhere"),
        ((*ELDERLY, "--count", "1", "--anywhere", "1"), "give 10 metres or more"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_changes_nothing(
    run: Run, city: Path, args: tuple[str, ...], words: str
) -> None:
    before = stored(city)
    out = run(*args, "--save", "不应保存", code=2)

    assert words in out.err
    assert out.err.startswith("lianpian: ")
    assert out.err.count("\n") == 1
    assert stored(city) == before


def test_an_answer_that_is_not_proved_tells_its_bound() -> None:
    service = {
        "category": "park", "zh": "公园", "limit_m": 300.0, "limit_s": None, "walker": "standard",
        "clause": "x", "verified": True, "unit": "people", "estimated": False,
        "people_before": 0, "people_after": 90, "people_in_all": 110, "offered": 3,
        "unreachable": [],
    }  # fmt: skip
    answer = {
        "services": [service], "status": "feasible", "rest_status": "feasible", "reason": "",
        "objective": 90, "bound": 100.0, "gap": 0.1, "objective_unit": "people", "model": "mclp",
        "chosen": [], "left_out": [], "relaxations": [], "rounds": [], "classes": [], "curve": None,
        "assumptions": {"origin": "gate"},
    }  # fmt: skip
    lines = list(_plan_lines(answer))

    expected = "90 people served. Not proved best: any choice has at most 100, 10.00% off"
    assert expected in lines


def test_the_cheapest_room_has_its_cost_told_in_the_offers(run: Run) -> None:
    lines = run(*ELDERLY, "--list").out
    assert "fits" in lines
    assert "why not" in lines
