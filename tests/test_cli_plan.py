"""The commands ``lianpian plan ...`` on a town of six estates of 1,000 people along one street.

The estates are squares of 80 m, 200 m from middle to middle, 20 m north of the street y = 0; each
has a neighbour to its left and its right.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, box

from api.cli import main
from api.cli.plan import WORK, plan
from api.cli.plan_lines import compare_lines, package_lines, repair_lines, total_lines
from api.store import Project
from gis.districts import Violation
from gis.plans import Package, compare_plans
from gis.plans.repair import Repair
from tests.plan_grid import beside, drawn, grid_links

ZONE_38 = "EPSG:4547"
EAST, NORTH = 500_000, 3_650_000

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_command(*args: object, as_json: bool = True) -> tuple[int, Any, str]:
        words = [str(arg) for arg in args]
        with pytest.raises(SystemExit) as ended:
            main([*words, "--json"] if as_json else words)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), json.loads(out) if as_json and out else out, err

    return run_command


def write(path: Path, geometry: list[Any], **columns: list[Any]) -> Path:
    gpd.GeoDataFrame(columns, geometry=geometry, crs=ZONE_38).to_file(path)
    return path


def square(x: float) -> Any:
    return box(EAST + x - 40, NORTH + 20, EAST + x + 40, NORTH + 100)


@pytest.fixture
def town(tmp_path: Path, run: Run) -> Path:
    project = tmp_path / "town.gpkg"
    street = LineString([(EAST - 100, NORTH), (EAST + 1200, NORTH)])
    files = {
        "streets": write(tmp_path / "streets.gpkg", [street], highway=["residential"]),
        "estates": write(
            tmp_path / "estates.gpkg",
            [square(200.0 * k) for k in range(6)],
            编号=[f"E{k + 1}" for k in range(6)],
            小区名称=["甲里", "乙里", "丙里", "丁里", "戊里", "=己里"],
            人口=[1000.0] * 6,
        ),
        "facilities": write(
            tmp_path / "f.gpkg", [Point(EAST, NORTH - 10)], name=["幼儿园"], category=["幼儿园"]
        ),
    }
    assert run("init", project, "--name", "示例镇")[0] == 0
    for kind, file in files.items():
        assert run("import", project, kind, file)[0] == 0
    return project


def draw(folder: Path, words: str, name: str = "方案") -> Path:
    """Write a file with the district of each estate."""
    file = folder / f"{name}.csv"
    pairs = [f"E{k + 1},{word}" for k, word in enumerate(words.split())]
    file.write_text("\n".join(["小区编号,片区", *pairs]) + "\n", "utf-8")
    return file


def bring(run: Run, town: Path, words: str, name: str = "方案") -> Any:
    size = "size=people:1000:4000"
    code, found, err = run(
        "import",
        town,
        "plan",
        draw(town.parent, words, name),
        "--set",
        size,
        "--set",
        f"plan={name}",
    )
    assert (code, err) == (0, "")
    return found


def test_an_imported_plan_is_kept_checked_and_measured(town: Path, run: Run) -> None:
    found = bring(run, town, "东 东 东 西 西 西")
    assert (found["kind"], found["accepted"]) == ("plan", 6)
    code, shown, _ = run("plan", "show", town, "方案")
    assert code == 0
    assert [d["people"] for d in shown["districts"]] == [3000, 3000]
    # Three squares in a row: the outer ones walk 200 m along the street to the middle one, or less.
    assert {d["centre"] for d in shown["districts"]} == {"E2", "E5"}
    assert (shown["status"], shown["violations"], shown["stale"]) == ("drawn", [], [])
    assert shown["units"]["people"] == "people"
    assert run("plan", "check", town, "方案")[1]["violations"] == []
    code, listed, _ = run("plan", "list", town)
    assert [(p["plan"], p["version"], p["what"], p["note"]) for p in listed["plans"]] == [
        ("方案", 1, "imported", "方案.csv")
    ]


def test_a_plan_that_breaks_its_bounds_is_told_and_mended(town: Path, run: Run) -> None:
    found = bring(run, town, "东 西 东 西 西 西")
    breaks = [f["message"] for f in found["findings"] if f["code"] == "plan-breaks"]
    assert breaks
    code, checked, _ = run("plan", "check", town, "方案")
    assert code == 0
    assert {v["kind"] for v in checked["violations"]} == {"contiguity"}
    code, mended, _ = run("plan", "repair", town, "方案", "--save", "修补")
    # E2 between the two estates of 东, or E1 or E3 to the other side: one move mends it.
    assert (code, len(mended["moved"]), mended["saved"]) == (0, 1, {"plan": "修补", "version": 1})
    assert run("plan", "check", town, "修补")[1]["violations"] == []
    assert run("plan", "history", town, "修补")[1]["versions"][-1]["what"] == "repaired"
    code, compared, _ = run("plan", "compare", town, "方案", "修补")
    assert (len(compared["differences"]), compared["people_affected"]) == (1, 1000)


def test_estates_that_are_unknown_or_come_twice_are_one_clear_error(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    file = town.parent / "bad.csv"
    file.write_text("小区编号,片区\nE1,东\n甲里,西\nE9,东\n", "utf-8")
    before = run("plan", "list", town)[1]
    code, out, err = run("import", town, "plan", file)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "bad.csv names estates that the project does not have: E9" in err
    assert "names estates twice: E1" in err
    assert run("plan", "list", town)[1] == before


def test_a_plan_can_be_polygons_of_districts(town: Path, run: Run) -> None:
    file = write(
        town.parent / "zones.gpkg",
        [
            box(EAST - 50, NORTH, EAST + 500, NORTH + 200),
            box(EAST + 500, NORTH, EAST + 1100, NORTH + 200),
        ],
        片区=["甲片", "乙片"],
    )
    code, found, err = run("import", town, "plan", file)
    assert (code, err) == (0, "")
    shown = run("plan", "show", town, "zones", "--metric", "estates")[1]
    assert {d["district"]: d["estates"] for d in shown["districts"]} == {"甲片": 3, "乙片": 3}
    assert {f["code"] for f in found["findings"]} >= {"plan-kept"}


def test_a_dry_run_keeps_nothing(town: Path, run: Run) -> None:
    file = draw(town.parent, "东 东 东 西 西 西")
    assert run("import", town, "plan", file, "--dry-run")[0] == 0
    assert run("plan", "list", town)[1]["plans"] == []


def test_versions_names_and_going_back(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    bring(run, town, "东 东 西 西 西 西")
    assert run("plan", "rename", town, "方案", "新案")[1]["plan"] == "新案"
    versions = run("plan", "history", town, "新案")[1]["versions"]
    assert [v["version"] for v in versions] == [1, 2]
    assert all(v["who"] for v in versions)
    moved = run("plan", "compare", town, "新案", "--version", 1)[1]["differences"]
    assert [(m["estate"], m["from"], m["to"]) for m in moved] == [("E3", "东", "西")]
    assert run("plan", "restore", town, "新案", "--version", 1)[1]["version"] == 3
    assert run("plan", "compare", town, "新案", "--version", 1)[1]["differences"] == []
    assert run("plan", "remove", town, "新案")[1]["versions"] == 3
    code, _, err = run("plan", "show", town, "新案")
    assert (code, err.count("\n")) == (2, 1)
    assert "no plan '新案'" in err


def test_a_plan_whose_layers_changed_says_so(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    street = LineString([(EAST, NORTH - 300), (EAST + 900, NORTH - 300)])
    run(
        "import", town, "streets", write(town.parent / "s2.gpkg", [street], highway=["residential"])
    )
    assert run("plan", "list", town)[1]["plans"][0]["stale"] == ["streets"]
    assert run("plan", "check", town, "方案")[1]["stale"] == ["streets"]
    assert "stale: streets changed since" in run("plan", "show", town, "方案", as_json=False)[1]


def test_a_check_of_today_finds_what_changed_and_draws_it(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 东 西 西")
    # The street between E3 and E4 is gone: 120 m of nothing lie between their outlines.
    pieces = [
        LineString([(EAST + a, NORTH), (EAST + b, NORTH)]) for a, b in ((-100, 440), (560, 1200))
    ]
    file = write(town.parent / "s3.gpkg", pieces, highway=["residential"] * 2)
    run("import", town, "streets", file, "--replace")
    checked = run("plan", "check", town, "方案")[1]
    assert (checked["violations"], checked["stale"]) == ([], ["streets"])
    out = town.parent / "broken.geojson"
    (fault,) = run("plan", "check", town, "方案", "--today", "--out", out)[1]["violations"]
    assert (fault["kind"], fault["district"], fault["estates"]) == ("contiguity", "东", ["E4"])
    drawn = gpd.read_file(out)
    assert drawn["estates"].tolist() == ["E4"]
    assert drawn.to_crs(ZONE_38).area.sum() == pytest.approx(6400, rel=1e-3)


def test_alternatives_are_kept_beside_the_plan(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    code, found, err = run("plan", "alternatives", town, "方案", "--count", 2, "--time-limit", 1)
    assert (code, err) == (0, "")
    kept = [line["plan"] for line in found["alternatives"]]
    assert kept == ["方案-1", "方案-2"][: len(kept)] != []
    for name in kept:
        assert run("plan", "check", town, name)[1]["violations"] == []
        assert run("plan", "history", town, name)[1]["versions"][0]["what"] == "alternative"
    assert run("plan", "list", town)[1]["plans"][0]["version"] == 1


def test_links_say_why_with_numbers(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    code, found, _ = run("plan", "links", town, "方案", "--out", town.parent / "links.csv")
    assert code == 0
    assert {(link["estate_a"], link["estate_b"]) for link in found["links"]} >= {
        ("E1", "E2"), ("E2", "E3"), ("E3", "E4"), ("E4", "E5"), ("E5", "E6"),
    }  # fmt: skip
    assert all(link["reason"] and link["metres"] > 0 for link in found["links"])
    cut = run("plan", "links", town, "方案", "--cut")[1]["links"]
    assert ("E3", "E4") in {(link["estate_a"], link["estate_b"]) for link in cut}
    assert all(link["district_a"] != link["district_b"] for link in cut)
    with (town.parent / "links.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(found["links"]) + len(found["beyond"])


def test_packages_are_bundled_split_merged_and_taken_back(town: Path, run: Run) -> None:
    bring(run, town, "一 一 二 二 三 三")
    command = ("plan", "packages", town, "方案")
    code, made, _ = run(*command, "--bundle", "甲标=一,二", "--builder", "甲标=某公司")
    assert (code, made["version"]) == (0, 2)
    assert (made["packages"][0]["people"], made["packages"][0]["builder"]) == (4000, "某公司")
    assert made["in_none"]["estates"] == 2
    code, _, err = run(*command, "--bundle", "乙标=二")
    assert (code, err.count("\n")) == (2, 1)
    assert "at most one package" in err
    assert run(*command)[1]["version"] == 2
    made = run(*command, "--split", "甲标", "--bundle", "丙标=E5")[1]
    assert [p["package"] for p in made["packages"]] == ["甲标-1", "甲标-2", "丙标"]
    made = run(*command, "--merge", "甲标-1,丙标=丁标")[1]
    assert {p["package"]: p["estates"] for p in made["packages"]} == {"丁标": 3, "甲标-2": 2}
    run("plan", "restore", town, "方案", "--version", 2)
    assert [p["package"] for p in run(*command)[1]["packages"]] == ["甲标"]
    assert "--split 甲标" in run("plan", "history", town, "方案")[1]["versions"][2]["note"]


def test_an_exported_plan_can_be_read_again(town: Path, run: Run) -> None:
    bring(run, town, "=东 =东 =东 西 西 -西")
    for ending in ("csv", "geojson"):
        out = town.parent / f"out.{ending}"
        assert run("plan", "export", town, "方案", "--out", out)[1]["files"] == [str(out)]
        code, _, err = run("import", town, "plan", out, "--set", f"plan=again-{ending}")
        assert (code, err) == (0, "")
        compared = run("plan", "compare", town, "方案", f"again-{ending}")[1]
        assert compared["differences"] == []
        assert {p["first"] for p in compared["pairs"]} == {"=东", "西", "-西"}
    out = town.parent / "out.gpkg"
    run("plan", "export", town, "方案", "--out", out)
    assert set(gpd.list_layers(out)["name"]) == {"estates", "districts"}
    districts = gpd.read_file(out, layer="districts").set_index("district")
    assert districts.loc["=东", "people"] == 3000
    assert districts.crs.to_epsg() == 4547


def test_names_never_become_formulas(town: Path, run: Run) -> None:
    bring(run, town, "=1+1 =1+1 =1+1 @SUM(A1) @SUM(A1) @SUM(A1)")
    run("plan", "packages", town, "方案", "--bundle", "=P=@SUM(A1)", "--builder", "=P=+cmd")
    out = town.parent / "out.xlsx"
    assert run("plan", "export", town, "方案", "--out", out)[0] == 0
    with zipfile.ZipFile(out) as book:
        for name in book.namelist():
            assert b"<f>" not in book.read(name), name
    text = town.parent / "out.csv"
    run("plan", "export", town, "方案", "--out", text)
    with text.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    assert "'=1+1" in cells


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_workbook_says_what_is_in_the_plan(town: Path, run: Run, lang: str) -> None:
    bring(run, town, "东 东 东 西 西 -")
    out = town.parent / "out.xlsx"
    run("plan", "export", town, "方案", "--out", out, "--lang", lang)
    sheets = pd.read_excel(out, sheet_name=None, header=None, engine="calamine")
    names = {
        "zh": ["片区", "小区", "未编入", "指标", "相邻关系", "说明"],
        "en": ["Districts", "Estates", "Left out", "Figures", "Links", "Notes"],
    }[lang]
    assert list(sheets) == names
    lead = sheets[names[0]].iloc[1, 0]
    told = {
        "zh": "共 2 个片区、5 个小区、5,000 人；另有 1 个小区（1,000 人）未编入片区",
        "en": "2 districts, 5 estates, 5,000 people; 1 estate in no district (1,000 people).",
    }
    assert lead.startswith(told[lang])


def test_a_comparison_is_a_workbook(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    bring(run, town, "东 东 西 西 西 西", "另案")
    out = town.parent / "c.xlsx"
    code, found, _ = run("plan", "compare", town, "方案", "另案", "--out", out)
    assert (code, found["file"]) == (0, str(out))
    sheets = pd.read_excel(out, sheet_name=None, header=None, engine="calamine")
    assert list(sheets) == ["片区对照", "小区变化", "指标"]
    assert "涉及 1,000 人" in sheets["片区对照"].iloc[1, 0]
    people = [r for r in found["metrics"] if r["metric"] == "people"]
    assert [(r["before"], r["after"]) for r in people] == [(3000, 2000), (3000, 4000), (6000, 6000)]


@pytest.mark.parametrize(
    "command",
    [
        ("show", "{town}", "nothing"),
        ("check", "{town}", "方案", "--version", "9"),
        ("compare", "{town}", "方案"),
        ("export", "{town}", "方案", "--out", "{town}"),
        ("export", "{town}", "方案", "--out", "x.pdf"),
        ("rename", "{town}", "方案", ""),
        ("packages", "{town}", "方案", "--bundle", "P"),
        ("packages", "{town}", "方案", "--split", "P"),
        ("packages", "{town}", "方案", "--bundle", "P=X"),
        ("links", "{town}", "方案", "--out", "x.xlsx"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    town: Path, run: Run, command: tuple[str, ...]
) -> None:
    bring(run, town, "东 东 东 西 西 西")
    code, out, err = run("plan", *(word.format(town=town) for word in command))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    connection = sqlite3.connect(town)
    assert connection.execute("SELECT name, version FROM plans").fetchall() == [("方案", 1)]
    connection.close()


def test_bounds_of_a_drawn_plan_may_be_open(town: Path, run: Run) -> None:
    file = draw(town.parent, "东 东 东 西 西 西")
    code, _, err = run("import", town, "plan", file, "--set", "size=people:4000:")
    assert (code, err) == (0, "")
    faults = run("plan", "check", town, "方案")[1]["violations"]
    assert [(f["kind"], f["district"]) for f in faults] == [
        ("too-small", "东"),
        ("too-small", "西"),
    ]
    out = town.parent / "open.xlsx"
    assert run("plan", "export", town, "方案", "--out", out)[0] == 0
    lead = pd.read_excel(out, header=None, engine="calamine").iloc[1, 0]
    assert "每个片区人口 ≥ 4,000" in lead
    for bad in (
        "people:5000",
        "people:9:1",
        "people:1:inf",
        ":1:2",
        "people:a:",
        "people:1:2,people::",
    ):
        code, _, err = run("import", town, "plan", file, "--set", f"size={bad}")
        assert (code, err.count("\n")) == (2, 1)
        assert "is not COLUMN:MIN:MAX" in err


def test_the_terminal_says_which_plan_and_which_estate_is_meant(town: Path, run: Run) -> None:
    bring(run, town, "一 一 二 二 三 三", "甲案")
    bring(run, town, "三 一 一 一 二 二", "乙案")
    text = run("plan", "compare", town, "甲案", "乙案", as_json=False)[1]
    # 一 has one estate in either of 三 and 一, 二 two in 一: 一 is 三, 二 is 一, 三 is 二.
    for pair in ("甲案 一 = 乙案 三", "甲案 二 = 乙案 一", "甲案 三 = 乙案 二"):
        assert pair in text.splitlines()[1]
    assert "E2 乙里: 甲案 一 -> 乙案 一 (moved; 甲案 一 = 乙案 三)" in text
    assert "甲案 一 was split" not in text
    bring(run, town, "一 一 一 三 三 三", "甲案")
    text = run("plan", "compare", town, "甲案", "--version", 1, as_json=False)[1]
    assert "E3 丙里: before 二 -> after 一 (moved; before 二 has no counterpart)" in text
    shown = run("plan", "show", town, "甲案", as_json=False)[1]
    assert "mean walk between estates m  longest walk to the centre m" in shown
    assert "centre: the estate of the district with the least mean walk of its people" in shown
    linked = run("plan", "links", town, "甲案", as_json=False)[1]
    assert "E1 甲里" in linked


def test_the_terminal_marks_what_is_unknown() -> None:
    told = [
        {"metric": "cost_yuan", "before": 5.0, "after": 7.0, "before_unknown": 0,
         "after_unknown": 2, "difference": float("nan"), "unit": "yuan", "whole_plan": True},
        {"metric": "managers", "before": 8.0, "after": 9.0, "before_unknown": 3,
         "after_unknown": 3, "difference": 1.0, "unit": "managers", "whole_plan": True},
        {"metric": "spread_m", "before": 232.4, "after": 197.6, "before_unknown": 0,
         "after_unknown": 0, "difference": -34.8, "unit": "m", "whole_plan": True},
    ]  # fmt: skip
    head, *rows = list(total_lines(told))[:4]
    assert head.split() == [
        "metric",
        "unit",
        "before",
        "after",
        "difference",
        "unknown",
        "before",
        "after",
    ]
    assert [row.split() for row in rows] == [
        ["cost", "yuan", "5", "7+", "–", "0", "2"],
        ["managers", "managers", "8+", "9+", "1+", "3", "3"],
        ["spread", "m", "232", "198", "-34"],
    ]
    sums = [
        {"package": "P", "estates": 3, "managers": 2, "managers_unknown": 1, "people": 9,
         "people_unknown": 0, "households": float("nan"), "households_unknown": 3,
         "cost_yuan": 5.0, "cost_yuan_unknown": 1},
        {"package": None, "estates": 0},
    ]  # fmt: skip
    _, row, note = package_lines([Package("P", ("D1",), (), None)], sums)
    assert row.split() == ["P", "–", "D1", "3", "2+", "9", "–", "5+"]
    assert "more is unknown" in note


def test_a_repair_without_a_move_says_what_mended_it() -> None:
    fault = Violation("estates", None, ("E9",), "there is no estate E9", "没有小区 E9", None)
    found = Repair(None, (), 0, "optimal", "", (fault,))
    mended = dataclasses.replace(found, plan=drawn("a", beside(grid_links(1, 1))))
    first, second = repair_lines(mended, "p", None, None)
    assert first.startswith("1 violation is mended without moving any estate")
    assert second == "  mended: there is no estate E9"


def test_an_alternative_that_is_the_plan_itself_is_not_kept(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    command = ("plan", "alternatives", town, "方案", "--time-limit", 1)
    code, found, _ = run(*command, "--unlike", 0.1, "--worse", 5)
    assert code == 0
    assert all(line["differs_from_named"] >= 0.1 for line in found["alternatives"])
    # No way of drawing it has nine in ten people elsewhere.
    code, text, _ = run(*command, "--unlike", 0.9, as_json=False)
    assert (code, "0 of them" in text) == (0, True)
    assert "(now --worse 0.1, --unlike 0.9)" in text
    assert "otherwise than '方案'" in text


def test_a_list_of_plans_loads_nothing_that_makes_or_measures_them(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    code = (
        "import sys\n"
        "from api.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code\n"
        "print('loaded', *sys.modules)"
    )
    for words in (["plan", "--help"], ["plan", "list", town], ["plan", "history", town, "方案"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            capture_output=True, text=True, check=True, encoding="utf-8",
        )  # fmt: skip
        loaded = set(done.stdout.splitlines()[-1].split()[1:])
        slow = {"numba", "scipy", "highspy", "rtree", "gis.districts", "gis.coverage", "folium"}
        assert not loaded & slow, words


def test_help_says_of_each_command_that_works_on_a_plan_what_the_command_says() -> None:
    for name, words in WORK.items():
        command = plan.get_command(click.Context(plan), name)
        assert command is not None
        assert command.name == name
        assert " ".join(str(command.help).split("\n\n")[0].split()) == words


def test_a_layer_that_is_gone_makes_a_listed_plan_stale(town: Path, run: Run) -> None:
    bring(run, town, "东 东 东 西 西 西")
    assert run("plan", "list", town)[1]["plans"][0]["stale"] == []
    assert run("layers", town, "--remove", "streets")[0] == 0
    assert run("plan", "list", town)[1]["plans"][0]["stale"] == ["streets"]


def test_plans_of_very_many_districts_are_compared_in_a_screenful() -> None:
    n = 60
    one = drawn(" ".join(f"A{i}" for i in range(n)), beside(grid_links(1, n)))
    two = drawn(" ".join(f"B{i}" for i in range(n)), beside(grid_links(1, n)))
    third = drawn(" ".join(f"C{i // 2}" for i in range(n)), beside(grid_links(1, n)))
    lines = list(compare_lines(compare_plans(one, two, {})))
    assert lines[1].endswith("and 40 more")
    merged = list(compare_lines(compare_plans(one, third, {})))
    assert sum("was merged of" in line for line in merged) == 20
    assert "  and 10 splits and merges more; --json lists all" in merged


def test_a_plan_kept_meanwhile_does_not_lend_its_version_to_the_one_that_was_read(
    town: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(run, town, "东 东 东 西 西 西")
    run("plan", "packages", town, "方案", "--bundle", "P=东")
    read_study = Project.read_study

    def somebody_saves(project: Project) -> Any:
        project.save_plan(dataclasses.replace(project.read_plan("方案")), what="edited")
        return read_study(project)

    monkeypatch.setattr(Project, "read_study", somebody_saves)
    found = run("plan", "show", town, "方案")[1]
    assert (found["version"], [p["package"] for p in found["packages"]]) == (2, ["P"])
    with Project.open(town) as opened:
        newest = opened.plan_infos("方案")[-1].version
    assert newest > 2
    assert run("plan", "check", town, "方案")[1]["version"] == newest
    assert run("plan", "check", town, "方案", "--version", 2)[1]["version"] == 2
    run("plan", "repair", town, "方案", "--save", "修")
    note = run("plan", "history", town, "修")[1]["versions"][0]["note"]
    assert note == f"方案, version {newest + 2}"
