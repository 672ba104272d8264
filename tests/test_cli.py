"""The command line: what each command answers, and that bad input leaves everything as it was.

The town is one street along y = 0 with three estates and a kindergarten; all walks are sums of
the leg to the street and the way along it::

    A (100, 20)   kindergarten (300, -10)   B (900, 20)   C (1900, 20)
    A: 20 + 200 + 10 = 230 m     B: 20 + 600 + 10 = 630 m     C: 20 + 1600 + 10 = 1630 m
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import geopandas as gpd
import pytest
from shapely import LineString, Point

from api.cli import COMMANDS, cli, main

ZONE_38 = "EPSG:4547"
EAST, NORTH = 500_000, 3_650_000


@pytest.fixture
def run(capsys):
    """Run a command; give its exit code, its JSON (or text) and the error line."""

    def run_command(*args, as_json=True):
        words = [str(arg) for arg in args]
        with pytest.raises(SystemExit) as ended:
            main([*words, "--json"] if as_json else words)
        out, err = capsys.readouterr()
        return ended.value.code, json.loads(out) if as_json and out else out, err

    return run_command


def place(x, y):
    return Point(EAST + x, NORTH + y)


def write(path, geometry, **columns):
    gpd.GeoDataFrame(columns, geometry=geometry, crs=ZONE_38).to_file(path)
    return path


@pytest.fixture
def files(tmp_path):
    street = LineString([place(0, 0), place(2000, 0)])
    return {
        "streets": write(tmp_path / "streets.gpkg", [street], name=["人民路"]),
        "estates": write(
            tmp_path / "estates.gpkg",
            [place(100, 20), place(900, 20), place(1900, 20)],
            小区名称=["甲小区", "乙小区", "丙小区"],
            户数=[100, 200, 300],
            常住人口=[250.0, None, 700.0],
        ),
        "facilities": write(
            tmp_path / "kindergarten.gpkg", [place(300, -10)], name=["幼儿园"], category=["幼儿园"]
        ),
    }


@pytest.fixture
def town(tmp_path, files, run):
    project = tmp_path / "town.gpkg"
    assert run("init", project, "--name", "示例镇")[0] == 0
    for kind, file in files.items():
        code, answer, err = run("import", project, kind, file)
        assert (code, err) == (0, "")
        assert answer["accepted"] == answer["read"] > 0
    return project


def test_init_leaves_the_crs_open_and_never_overwrites(tmp_path, run):
    project = tmp_path / "new.gpkg"

    code, answer, _ = run("init", project)
    assert (code, answer["crs"]) == (0, None)

    before = project.read_bytes()
    code, out, err = run("init", project)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "new.gpkg" in err
    assert project.read_bytes() == before


def test_the_first_import_picks_the_crs_and_says_what_it_did(tmp_path, files, run):
    project = tmp_path / "town.gpkg"
    run("init", project)

    _, answer, _ = run("import", project, "estates", files["estates"])

    assert {
        "kind",
        "read",
        "accepted",
        "repaired",
        "refused",
        "crs",
        "coords",
        "encoding",
        "findings",
    } <= set(answer)
    assert run("layers", project)[1]["crs"] == ZONE_38


def test_a_dry_run_writes_nothing(tmp_path, files, run):
    project = tmp_path / "town.gpkg"
    run("init", project)

    code, answer, _ = run("import", project, "estates", files["estates"], "--dry-run")

    assert (code, answer["accepted"]) == (0, 3)
    assert run("layers", project)[1]["layers"] == []


def test_importing_again_adds_and_replace_replaces(town, files, run):
    run("import", town, "facilities", files["facilities"])
    assert rows(town, run)["facilities"] == 2

    run("import", town, "facilities", files["facilities"], "--replace")
    assert rows(town, run)["facilities"] == 1


def rows(project, run):
    return {layer["layer"]: layer["rows"] for layer in run("layers", project)[1]["layers"]}


def test_layers_lists_what_is_there_and_takes_one_out(town, run):
    assert rows(town, run) == {"streets": 1, "estates": 3, "facilities": 1}

    run("layers", town, "--remove", "facilities")
    assert rows(town, run) == {"streets": 1, "estates": 3}

    code, _, err = run("layers", town, "--remove", "facilities")
    assert code == 2
    assert "facilities" in err


@pytest.mark.parametrize(("metres", "covered"), [(229.99, 0), (230, 1), (630, 2), (1630, 3)])
def test_coverage_walks_and_the_limit_itself_counts(town, run, metres, covered):
    _, answer, _ = run("coverage", town, "--category", "kindergarten", "--metres", metres)

    (item,) = answer["items"]
    assert (item["covered"], item["gap"]) == (covered, 3 - covered)
    assert item["limit_m"] == metres


def test_a_free_link_leaves_the_legs_out(town, run):
    item = run("coverage", town, "--category", "幼儿园", "--metres", 200, "--link", "free")[1]

    assert item["items"][0]["covered"] == 1


def test_minutes_are_those_of_the_walker(town, run):
    # 630 m at 1.00 m/s are 10.5 minutes.
    for minutes, covered in ((10.49, 1), (10.5, 2)):
        (item,) = run("coverage", town, "--category", "kindergarten", "--minutes", minutes)[1][
            "items"
        ]
        assert item["covered"] == covered


def test_people_are_counted_estimated_and_summed(town, run):
    (item,) = run("coverage", town, "--category", "kindergarten", "--metres", 630)[1]["items"]

    # 250 counted + 200 households x 2.62; 700 beyond.
    assert item["people_covered"] == pytest.approx(250 + 200 * 2.62)
    assert item["people_gap"] == 700


def test_a_category_never_imported_is_no_data_until_someone_says_there_is_none(town, run):
    def nursery():
        return run("coverage", town, "--category", "nursery", "--metres", 300)[1]["items"][0]

    assert (nursery()["no_data"], nursery()["gap"]) == (3, 0)
    run("layers", town, "--none", "托儿所")
    assert (nursery()["no_data"], nursery()["gap"]) == (0, 3)
    run("layers", town, "--not-none", "nursery")
    assert nursery()["no_data"] == 3


def test_the_default_pack_names_clause_and_assumptions(town, run):
    code, answer, _ = run("coverage", town)

    assert code == 0
    kindergarten = next(i for i in answer["items"] if i["category"] == "kindergarten")
    assert (kindergarten["limit_m"], kindergarten["covered"]) == (300, 1)
    assert kindergarten["clause"]
    assert answer["assumptions"]["link"] == "counted"
    assert answer["missing"][0]["missing"] >= answer["missing"][-1]["missing"]


def test_the_gap_list_is_written_as_a_workbook(town, tmp_path, run):
    code, answer, _ = run("coverage", town, "--out", tmp_path / "gaps.xlsx")

    assert code == 0
    assert (tmp_path / "gaps.xlsx").stat().st_size > 5000
    assert answer["file"].endswith("gaps.xlsx")


def test_districts_keep_their_bounds_and_say_who_is_left_out(town, run):
    code, answer, _ = run(
        "districts", town, "--size", "count:2:2", "--max-link-metres", 5000, "--plan", "试"
    )

    assert (code, answer["violations"], answer["plan"]) == (0, 0, "试")
    assert len(answer["districts"]) == 1
    assert len(answer["left_out"]) == 1
    assert answer["left_out"][0]["reason"]
    assert {"objective", "bound", "gap", "status"} <= set(answer)


def test_districts_that_cannot_be_are_an_answer(town, run):
    code, answer, _ = run("districts", town, "--size", "count:4:9", "--count", 1)

    assert (code, answer["status"], answer["districts"]) == (0, "infeasible", [])


def test_an_answer_without_districts_keeps_the_plan_that_was_there(town, run):
    run("districts", town, "--size", "count:1:3", "--max-link-metres", 5000)
    before = run("layers", town)[1]["plans"]

    run("districts", town, "--size", "count:4:9", "--count", 1)
    _, answer, _ = run("map", town, "--out", town.with_suffix(".html"))

    assert run("layers", town)[1]["plans"] == before == ["plan"]
    assert '"districts":[{' in town.with_suffix(".html").read_text("utf-8")
    assert answer["bytes"]


def test_nobody_states_that_there_is_none_of_what_there_is(town, run):
    code, _, err = run("layers", town, "--none", "幼儿园")

    assert code == 2
    assert "the project has 1 of them" in err


@pytest.mark.parametrize("command", [["map"], ["export"], ["export", "--layer", "estates"]])
@pytest.mark.parametrize("name", ["town.gpkg", "link.gpkg", "link.html"])
def test_no_output_ever_takes_the_place_of_a_project(town, run, command, name):
    if name.startswith("link"):
        (town.parent / name).symlink_to(town)

    code, _, _ = run(command[0], town, *command[1:], "--out", town.parent / name)

    assert code == 2
    assert rows(town, run) == {"streets": 1, "estates": 3, "facilities": 1}


def test_a_command_that_is_refused_has_not_done_half_of_it(town, run):
    code, _, _ = run("layers", town, "--remove", "facilities", "--none", "spaceport")

    assert code == 2
    assert "facilities" in rows(town, run)


def test_a_file_imported_twice_is_told(town, files, run):
    answer = run("import", town, "facilities", files["facilities"])[1]

    assert "imported-twice" in {finding["code"] for finding in answer["findings"]}


def test_a_kind_may_be_named_in_chinese(town, files, run):
    assert run("import", town, "设施", files["facilities"])[1]["kind"] == "facilities"


def test_the_map_is_one_file_and_its_size_is_told(town, tmp_path, run):
    run("districts", town, "--size", "count:1:3", "--max-link-metres", 5000)

    code, answer, _ = run("map", town, "--out", tmp_path / "map.html")

    assert code == 0
    assert answer["bytes"] == (tmp_path / "map.html").stat().st_size
    assert "甲小区" in (tmp_path / "map.html").read_text("utf-8")


@pytest.mark.parametrize("ending", ["gpkg", "xlsx", "geojson"])
def test_export_writes_layers_that_can_be_read_again(town, tmp_path, run, ending):
    out = tmp_path / f"out.{ending}"
    command = ["export", town, "--out", out]
    code, answer, _ = run(*command, *([] if ending != "geojson" else ["--layer", "estates"]))

    assert code == 0
    assert all(Path(file).stat().st_size for file in answer["files"])


def test_check_finds_what_is_wrong_with_the_data(town, run):
    code, answer, _ = run("check", town)

    assert code == 0
    assert "people-estimated" in {finding["code"] for finding in answer["findings"]}


def test_a_demo_makes_the_city_the_gaps_and_the_map(tmp_path, run):
    folder = tmp_path / "demo"

    code, answer, _ = run("demo", "--out", folder, "--no-serve")

    assert (code, answer["url"]) == (0, None)
    assert answer["project"] == str(folder / "project.gpkg")
    assert (folder / "map.html").stat().st_size > 100_000
    assert (folder / "gaps.xlsx").is_file()


def test_a_demo_replaces_a_demo_and_nothing_else(tmp_path, run):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")

    code, _, err = run("demo", "--out", folder, "--no-serve")

    assert code == 2
    assert "mine" in err
    assert (folder / "thesis.txt").read_text() == "years of work"


REFUSED = [
    (["import", "{town}", "spaceships", "{file}"], "spaceships"),
    (["import", "{town}", "estates", "nowhere.shp"], "nowhere.shp"),
    (["import", "{town}", "facilities", "{file}"], "category"),
    (["import", "{town}", "estates", "{file}", "--column", "people"], "--column"),
    (["import", "{town}", "estates", "{file}", "--column", "people=居民"], "居民"),
    (["import", "{town}", "estates", "{file}", "--coords", "mars"], "--coords"),
    (["coverage", "{town}", "--metres", "300"], "--category"),
    (["coverage", "{town}", "--category", "spaceport", "--metres", "1"], "spaceport"),
    (["coverage", "{town}", "--category", "park", "--metres", "1", "--minutes", "1"], "minutes"),
    (["coverage", "{town}", "--category", "park", "--metres", "-5"], "-5"),
    (["coverage", "{town}", "--rules", "atlantis"], "atlantis"),
    (["coverage", "{town}", "--out", "gaps.doc"], "gaps.doc"),
    (["districts", "{town}", "--size", "people:9:5"], "people:9:5"),
    (["districts", "{town}", "--size", "people:some"], "people:some"),
    (["districts", "{town}", "--size", "name:1:2"], "name"),
    (["districts", "{town}", "--where", "__import__('os')"], "where"),
    (["districts", "{town}", "--where", "people + 99999999999999999999999999 > 0"], "where"),
    (["districts", "{town}", "--where", "not " * 495 + "(people > 0)"], "where"),
    (["districts", "{town}", "--size", "people:0:inf"], "people:0:inf"),
    (["districts", "{town}", "--seed", "-1"], "--seed"),
    (["coverage", "{town}", "--category", "park", "--metres", "1e308"], "1e+308"),
    (["import", "{town}", "estates", "{file}", "--set", "people=1e308"], "people"),
    (["map", "{town}", "--out", "."], "--out"),
    (["map", "{town}", "--out", "a" * 300 + ".html"], "too long"),
    (["serve", "{town}", "--host", "a" * 300, "--port", "0"], "--host"),
    (["map", "{town}", "--out", "/nowhere/at/all/map.html"], "/nowhere/at/all"),
    (["map", "{town}", "--out", "map.html", "--plan", "none"], "none"),
    (["map", "{town}", "--out", "map.txt"], "map.txt"),
    (["export", "{town}", "--out", "result"], "--format"),
    (["layers", "{file}"], "estates.gpkg"),
    (["layers", "nothing.gpkg"], "nothing.gpkg"),
    (["fly", "{town}"], "fly"),
]


@pytest.mark.parametrize(
    ("words", "named"), REFUSED, ids=[" ".join(r[0][:1]) + "-" + r[1] for r in REFUSED]
)
def test_input_that_cannot_be_used_is_one_line_and_changes_nothing(
    town, files, run, words, named, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    before = rows(town, run)
    args = [word.format(town=town, file=files["estates"]) for word in words]

    code, out, err = run(*args)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert named in err
    assert rows(town, run) == before


def test_plain_text_is_for_people(town, run):
    code, text, _ = run(
        "coverage", town, "--category", "kindergarten", "--metres", "630", as_json=False
    )

    assert code == 0
    assert "3 estates" in text
    assert "幼儿园" in text


def test_names_from_files_cannot_steer_the_terminal(tmp_path, run):
    project, file = tmp_path / "p.gpkg", tmp_path / "bad\x1b[31m.gpkg"
    run("init", project)
    write(file, [place(0, 0)], name=["x"])

    _, text, _ = run("import", project, "estates", file, as_json=False)

    assert "\x1b" not in text


def test_an_error_line_cannot_steer_the_terminal(town, run):
    code, _, err = run("coverage", town, "--category", "x\x1b[31m\u202ey", "--metres", 5)

    assert code == 2
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_a_pipe_is_no_file(town, tmp_path, run):
    os.mkfifo(tmp_path / "endless.csv")

    code, _, err = run("import", town, "estates", tmp_path / "endless.csv")

    assert code == 2
    assert "pipe" in err


def loaded_by(*words):
    """Return which libraries a command loads, in a process of its own."""
    code = (
        "import sys\n"
        "from api.cli import main\n"
        "try:\n"
        f"    main({[str(word) for word in words]!r})\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code\n"
        "print('loaded', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_help_waits_for_no_library_and_layers_only_for_what_it_reads(town):
    # Before, every command loaded all of them: 4 to 6 s of a processor on an office machine.
    heavy = {"numba", "scipy", "folium", "fastapi", "uvicorn", "highspy", "osmium", "rasterio"}

    assert not loaded_by("--help") & (heavy | {"numpy", "pandas", "geopandas", "sqlalchemy"})
    assert not loaded_by("layers", town) & heavy


def test_help_says_of_each_command_what_the_command_says():
    for name, (_, words) in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command.name == name
        assert command.get_short_help_str(limit=1000) == words
    assert cli.get_command(click.Context(cli), "no-such") is None


def test_the_command_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "--version"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert "lianpian" in done.stdout


def test_a_reader_that_has_gone_is_no_error(town):
    """``lianpian explain ... | true``: the pipe is shut before anything is written."""
    read, write = os.pipe()
    os.close(read)
    program = [sys.executable, "-m", "api.cli", "layers", str(town)]
    with os.fdopen(write) as shut:
        done = subprocess.run(program, stdout=shut, stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
