"""The commands on walking: each answers with one JSON object, and refuses with one line."""

import json

import geopandas as gpd
import openpyxl
import pytest

from api.cli import main
from api.store import Project
from gis.model import Layer
from gis.sample import make_city


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    path = tmp_path_factory.mktemp("city") / "city.gpkg"
    study = make_city(seed=3, estates=12)
    with Project.create(path, name="云溪") as project:
        project.write_layers([(layer, None) for layer in study.layers.values()])
    return path


@pytest.fixture
def run(capsys):
    def run_(*args, code=0):
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        out = capsys.readouterr()
        assert stopped.value.code == code, out.err
        return out

    return run_


def told(run, *args):
    return json.loads(run(*args, "--json").out)


def item(answer, rule):
    return next(row for row in answer["items"] if row["rule"] == rule)


def test_a_wheelchair_is_never_covered_where_the_standard_walker_is_not(city, run):
    own = ("coverage", city, "--category", "park", "--metres", "900")
    on_foot, on_wheels = told(run, *own), told(run, *own, "--walker", "wheelchair")

    assert on_wheels["items"][0]["covered"] <= on_foot["items"][0]["covered"]
    assert on_wheels["assumptions"]["walker"] == "wheelchair"


def test_coverage_tells_levels_claim_sizes_and_grade(city, run):
    answer = told(run, "coverage", city, "--claim", "5", "--capacity", "--from", "building")

    assert [row["level"] for row in answer["levels"]] == ["5min", "10min", "15min"]
    assert answer["claim"]["functions"][-1]["function"] == "all"
    assert answer["claim"]["holds"] in (True, False)
    assert {row["measure"] for row in answer["capacity"]} >= {"places_per_1000"}
    assert answer["grade"]["letter"] in "ABCD"
    assert answer["assumptions"]["origin"] == "building"
    assert sum(row["people_covered"] or 0 for row in answer["items"]) > 0


def test_the_claim_says_whose_minutes_it_counts(city, run):
    own = ("coverage", city, "--category", "park", "--metres", "900", "--claim", "5")

    assert "minutes of each rule's walker" in run(*own).out
    assert "minutes of the walker 'elderly'" in run(*own, "--walker", "elderly").out
    assert told(run, *own, "--walker", "elderly")["claim"]["walker"] == "elderly"


def test_from_buildings_it_says_that_people_are_not_those_of_covered_estates(city, run):
    own = ("coverage", city, "--category", "park", "--metres", "900")

    assert "counted by building" in run(*own, "--from", "building").out
    assert "counted by building" not in run(*own).out


def test_what_nobody_knows_is_said_in_words_and_never_nan(city, run, tmp_path):
    project = tmp_path / "city.gpkg"
    study = make_city(seed=3, estates=12)
    estates, facilities = study.layer("estates"), study.layer("facilities")
    uncounted = estates.frame.assign(people=float("nan"), households=float("nan"))
    rest = facilities.frame[facilities.frame["category"] != "primary_school"]
    layers = study.layers | {
        "estates": Layer(estates.kind, uncounted),
        "facilities": Layer(facilities.kind, rest.reset_index(drop=True)),
    }
    with Project.create(project, name="云溪") as opened:
        opened.write_layers([(layers[kind], None) for kind in ("streets", "estates", "facilities")])

    nothing = run("coverage", project, "--category", "primary_school").out
    assert "nan" not in nothing
    assert "no data, people unknown" in nothing
    lacking = run("coverage", project, "--category", "kindergarten").out
    assert "kindergarten (by estates; people unknown)" in lacking
    assert "nothing required" in run("coverage", project, "--category", "nursery").out


def test_the_workbook_has_the_claim(city, run, tmp_path):
    run("coverage", city, "--claim", "10", "--out", tmp_path / "gaps.xlsx")

    assert "生活圈核查" in openpyxl.load_workbook(tmp_path / "gaps.xlsx").sheetnames


def test_the_hour_shuts_gates(city, run):
    own = ("coverage", city, "--category", "park", "--metres", "900", "--at")
    day, night = told(run, *own, "10:00"), told(run, *own, "02:00")

    assert night["items"][0]["covered"] <= day["items"][0]["covered"]
    assert day["assumptions"]["at"] == "10:00"
    assert "24:00" in run(*own, "24:00", code=2).err


def test_explain_walks_as_far_as_coverage_says(city, run):
    rules = ("--category", "health_station", "--metres", "100000")
    answer = told(run, "explain", city, "--estate", "E0001", *rules)

    assert answer["status"] == "covered"
    parts = answer["route"]["parts"]
    assert sum(part["metres"] for part in parts) == pytest.approx(answer["metres"], abs=0.01)
    assert sum(part["seconds"] for part in parts) == pytest.approx(answer["seconds"], abs=0.1)
    assert len(answer["route"]["geometry"]["coordinates"]) >= 2
    assert "--category" in run("explain", city, "--estate", "E0001", code=2).err
    assert "no estate 'E9'" in run("explain", city, "--estate", "E9", *rules, code=2).err
    assert (
        "start at"
        in run("explain", city, "--estate", "E0001", "--building", "B1", *rules, code=2).err
    )


def test_what_if_leaves_the_base_as_it_was_and_is_kept_under_a_name(city, run):
    own = ("--category", "nursery", "--metres", "300")
    before = told(run, "coverage", city, *own)["items"][0]
    with Project.open(city) as project:
        x, y = project.read_layer("estates").geometries[0].centroid.coords[0]

    answer = told(
        run, "whatif", city, "--add-facility", f"托儿所,{x},{y}", *own, "--save", "一处托儿所"
    )

    assert answer["before"][0]["covered"] == before["covered"]
    assert answer["after"][0]["covered"] >= before["covered"]
    gained = answer["after"][0]["people_covered"] - answer["before"][0]["people_covered"]
    assert answer["people_gained"] == gained
    assert told(run, "coverage", city, *own)["items"][0] == before
    with Project.open(city) as project:
        assert project.read_scenario("一处托儿所").answer["people_gained"] == gained


def test_a_kept_scenario_is_listed_and_tried_again_on_the_layers_of_today(city, run, tmp_path):
    project = tmp_path / "city.gpkg"
    project.write_bytes(city.read_bytes())
    own = ("--category", "nursery", "--metres", "300", "--from", "building")
    edits = ("--close-gate", "G0001", "--open-gate", "G0002")
    with Project.create(tmp_path / "empty.gpkg", name="空") as empty:
        assert empty.scenario_names() == ()
    assert "No scenario is kept yet" in run("whatif", tmp_path / "empty.gpkg", "--list").out
    then = told(run, "whatif", project, *edits, *own, "--save", "关门")

    kept = told(run, "whatif", project, "--list")["scenarios"][-1]
    assert (kept["name"], kept["version"]) == ("关门", 1)
    assert [edit["edit"] for edit in kept["edits"]] == ["OpenGate", "CloseGate"]
    assert "OpenGate, CloseGate" in run("whatif", project, "--list").out
    # Measured as it was kept: from buildings, by the own limit; unless something else is said.
    again = told(run, "whatif", project, "--replay", "关门")
    for key in ("edits", "before", "after", "estates", "people_gained", "group_gained_by_rule"):
        assert again[key] == then[key]
    assert again["replayed"]["people_gained"] == then["people_gained"]
    farther = told(run, "whatif", project, "--replay", "关门", "--metres", "900")
    assert farther["before"][0]["covered"] >= then["before"][0]["covered"]
    assert "version 1 of" in run("whatif", project, "--replay", "关门").out

    with Project.open(project) as opened:
        gates = opened.read_layer("gates")
        left = gates.frame[gates.frame["uid"] != "G0002"].reset_index(drop=True)
        opened.write_layers([(Layer(gates.kind, left), None)], replace=True)
    err = run("whatif", project, "--replay", "关门", code=2).err
    assert "no longer fits the project" in err
    assert "no row 'G0002' in the layer 'gates'" in err


def test_a_place_may_be_given_in_degrees(city, run):
    with Project.open(city) as project:
        layer = project.read_layer("facilities")
    place = layer.frame.geometry.iloc[[0]].to_crs("EPSG:4326").iloc[0].centroid
    edit = f"park,{place.x:.8f},{place.y:.8f}"
    own = ("--category", "park", "--metres", "300")
    answer = told(run, "whatif", city, "--add-facility", edit, *own)

    x, y = answer["edits"][0]["xy"]
    assert abs(x - layer.geometries[0].centroid.x) < 0.01
    assert abs(y - layer.geometries[0].centroid.y) < 0.01


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ((), "Say what to try"),
        (("--rank-openings", "--close-gate", "G0001"), "not several"),
        (("--rank-openings", "--save", "x"), "--save keeps edits"),
        (("--rank-openings", "--top", "0"), "--top 1"),
        (("--close-gate", "G0001", "--open-gate", "G0001"), "Two edits name 'G0001'"),
        (("--list", "--replay", "x"), "not several"),
        (("--replay", "x", "--save", "y"), "--save keeps edits"),
        (("--replay", "never saved"), "no scenario 'never saved'"),
        (("--close-gate", "nowhere"), "no row 'nowhere'"),
        (("--add-gate", "here"), "is no place"),
        (("--add-facility", "nursery,181,0"), "km from all streets"),
        (("--add-facility", "magic,0,0"), "magic"),
        (("--hours", "G0001"), "has no '='"),
        (("--close-gate", "G0001", "--save", " "), "--save needs a name"),
    ],
)
def test_edits_that_cannot_be_are_one_line(city, run, args, word):
    err = run("whatif", city, "--category", "nursery", *args, code=2).err

    assert word in err
    assert len(err.strip().splitlines()) == 1


def test_openings_are_ranked(city, run):
    answer = told(run, "whatif", city, "--rank-openings", "--category", "elderly_daycare")

    gains = [opening["gained"] for opening in answer["openings"]]
    assert gains == sorted(gains, reverse=True)
    assert answer["tried"] >= len(gains) > 0


def test_isochrones_are_written_with_streets_homes_and_polygons(city, run, tmp_path):
    out = tmp_path / "reached.gpkg"
    answer = told(
        run, "isochrones", city, "--category", "park", "--metres", "300,900", "--out", out
    )

    homes = [row["homes"] for row in answer["facilities"]]
    assert all(low <= high for low, high in zip(homes[::2], homes[1::2], strict=True))
    streets = gpd.read_file(out, layer="streets")
    polygons = gpd.read_file(out, layer="polygons")
    assert len(streets) == len(polygons) == len(answer["facilities"])
    assert polygons["derived_from"].str.startswith("reached streets").all()
    with Project.open(city) as project:
        water = project.read_layer("water").frame.geometry.union_all()
    assert polygons.geometry.intersection(water).area.max() == 0.0
    assert gpd.read_file(out, layer="homes")["walk_m"].max() <= 900.0


@pytest.mark.parametrize("bands", ["0", "nan", "10,5", "inf", "1e9", "x"])
def test_bands_that_do_not_rise_are_refused(city, run, bands):
    err = run("isochrones", city, "--category", "park", "--minutes", bands, code=2).err

    assert "minutes" in err


def test_step_free_counts_every_home_once_for_each_service(city, run):
    answer = told(run, "step-free", city, "--category", "park")

    (row,) = answer["items"]
    with Project.open(city) as project:
        names = ("step_free", "stairs_only", "none", "unlinked", "no_data")
        homes = sum(row[f"homes_{name}"] for name in names)
        assert 0 < homes <= len(project.read_layer("buildings"))


def test_plain_text_of_every_command_is_for_people(city, run):
    own = ("--category", "park", "--metres", "300")
    assert "1 estates" not in run("coverage", city, *own, "--claim", "5").out
    assert "claim of a 5-minute circle" in run("coverage", city, *own, "--claim", "5").out
    sizes = run("coverage", city, "--capacity").out.split("Sizes, required")[1].splitlines()
    assert "without" in sizes[1]
    # What is counted stands in its row: places for people, floor for households.
    counted = {line.split()[0]: line.split()[-1] for line in sizes[2:] if "_per_" in line}
    assert counted == {
        "kindergarten": "children_3_5", "nursery": "people", "elderly_daycare": "households",
    }  # fmt: skip
    assert "The walk, part by part" in run("explain", city, "--estate", "E0001", *own).out
    assert (
        "E0001: own-park gap -> unlinked" in run("whatif", city, "--close-gate", "G0001", *own).out
    )
    assert "places tried" in run("whatif", city, "--rank-openings", *own, "--set", "2").out
    assert "homes up to it" in run("isochrones", city, "--category", "park").out
    assert "Homes by service" in run("step-free", city, "--category", "park").out


def test_a_wall_without_a_place_is_opened_where_the_ranking_says(city, run):
    own = ("--category", "elderly_daycare", "--metres", "500")
    best = told(run, "whatif", city, "--rank-openings", *own)["openings"]
    opening = next(o for o in best if o["wall"] is not None)
    answer = told(run, "whatif", city, "--open-wall", opening["wall"], *own)

    assert answer["people_gained"] == opening["gained"]
    assert answer["edits"][0]["at"] is not None


def test_streets_reached_are_streets_and_each_counts_once(city, run, tmp_path):
    out = tmp_path / "reached.gpkg"
    run("isochrones", city, "--category", "park", "--metres", "900", "--out", out)

    streets = gpd.read_file(out, layer="streets")
    for shape, metres in zip(streets.geometry, streets["length_m"], strict=True):
        distinct = shape.buffer(0.01).area / 0.02
        assert metres == pytest.approx(distinct, rel=0.05)
