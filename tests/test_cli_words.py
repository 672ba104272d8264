"""What commands say to a person where nothing came of it, or where there is too much to say.

The town is a street along y = 0 with estates of 1,000 people every 200 m, 20 m north of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pytest
from shapely import LineString, Point

from api.cli import main
from api.cli.plans import LEFT_OUT_SHOWN, _left_out_lines, figure
from gis.districts import LeftOut

ZONE_38 = "EPSG:4547"
EAST, NORTH = 500_000, 3_650_000
Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_command(*args: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        return out if code == 0 else err

    return run_command


def write(path: Path, geometry: list[Any], **columns: list[Any]) -> Path:
    gpd.GeoDataFrame(columns, geometry=geometry, crs=ZONE_38).to_file(path)
    return path


def town_of(folder: Path, run: Run, n: int, step: float = 200.0) -> Path:
    project = folder / "town.gpkg"
    street = LineString([(EAST - 100, NORTH), (EAST + step * n, NORTH)])
    files = {
        "streets": write(folder / "s.gpkg", [street], highway=["residential"]),
        "estates": write(
            folder / "e.gpkg",
            [Point(EAST + step * k, NORTH + 20) for k in range(n)],
            编号=[f"E{k + 1}" for k in range(n)],
            小区名称=[f"里{k + 1}" for k in range(n)],
            人口=[1000.0] * n,
        ),
    }
    run("init", project)
    for kind, file in files.items():
        run("import", project, kind, file)
    return project


def test_an_answer_without_districts_says_that_nothing_is_kept_and_why_once(
    tmp_path: Path, run: Run
) -> None:
    town = town_of(tmp_path, run, 12)
    said = run("districts", town, "--size", "people:2000:3000", "--count", 1, "--plan", "x7")
    assert "No districts, status infeasible: nothing is kept under 'x7'" in said
    assert said.count("1 districts hold people 3,000, there is 12,000") == 1
    assert "Loosen --size or --count or --max-link-metres, and try again" in said
    assert "E1 里1, E2 里2" in said
    assert "and 2 more: as above" in said


def test_many_reasons_are_cut_short_and_the_rest_is_in_the_workbook() -> None:
    left = [LeftOut(f"E{k}", f"people {k} > 5", k > 1, "a way out") for k in range(45)]
    left.append(LeftOut("E99", "people 0 > 5", False, "a way out"))
    plan: Any = SimpleNamespace(left_out=left, reason="", name="甲", districts=("D1",))
    said = list(_left_out_lines(plan, "t.gpkg", {"E0": "东里"}))
    assert len(said) == LEFT_OUT_SHOWN + 1
    # What is true of several is said once.
    assert said[0] == "  E0 东里, E99: people 0 > 5 (not proven); a way out"
    assert said[2] == "  E2: people 2 > 5; a way out"
    assert said[-1] == (
        "  and 5 estates more; 'lianpian plan export t.gpkg 甲 --out FILE.xlsx' lists all"
    )


def test_small_figures_keep_three_digits() -> None:
    assert [figure(v) for v in (0.3241, 0.0, 12345.6, 2.0)] == ["0.324", "0", "12,346", "2"]


def test_a_table_without_coordinates_is_told_without_them(tmp_path: Path, run: Run) -> None:
    town = town_of(tmp_path, run, 4)
    table = tmp_path / "p.csv"
    table.write_text("小区编号,片区\nE1,东\nE2,东\nE3,西\nE4,西\n", "utf-8")
    said = run("import", town, "plan", table, "--set", "plan=画")
    assert "4 of 4 rows from p.csv" in said
    assert "(," not in said
    assert "wgs84" not in said


def test_without_walls_there_is_nothing_to_rank_and_that_is_said(tmp_path: Path, run: Run) -> None:
    town = town_of(tmp_path, run, 3)
    kindergarten = write(
        tmp_path / "f.gpkg", [Point(EAST, NORTH)], name=["幼儿园"], category=["幼儿园"]
    )
    run("import", town, "facilities", kindergarten)
    said = run("whatif", town, "--rank-openings")
    assert "0 places tried" in said
    assert "there are no walls to open: import the layer walls first" in said


def test_a_facility_far_from_all_estates_is_told(tmp_path: Path, run: Run) -> None:
    town = town_of(tmp_path, run, 3)
    near, far = f"幼儿园,{EAST},{NORTH + 10}", f"幼儿园,{EAST},{NORTH + 420}"
    assert "nearest estate" not in run("whatif", town, "--add-facility", near)
    assert "is 400 m from the nearest estate" in run("whatif", town, "--add-facility", far)
