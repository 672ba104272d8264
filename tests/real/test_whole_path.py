"""From real files to a map by the command line: the figures of the reference data's README."""

import json

import pytest

from api.cli import main


@pytest.fixture
def run(capsys):
    """Run a command that has to succeed; give its JSON."""

    def run_command(*args):
        with pytest.raises(SystemExit) as ended:
            main([*(str(arg) for arg in args), "--json"])
        out, err = capsys.readouterr()
        assert (ended.value.code, err) == (0, "")
        return json.loads(out)

    return run_command


@pytest.fixture
def shijingshan(shared_data, tmp_path, run):
    folder, project = shared_data / "cn-giscontest2019", tmp_path / "shijingshan.gpkg"
    run("init", project, "--name", "石景山")
    run("import", project, "streets", folder / "道路除高架.shp")
    run("import", project, "estates", folder / "居住小区.shp")
    run("import", project, "facilities", folder / "小学.shp", "--set", "category=primary_school")
    return project


@pytest.mark.parametrize(("link", "covered"), [("counted", 233), ("free", 251)])
def test_schools_of_shijingshan_are_walked_to_along_the_streets(shijingshan, run, link, covered):
    answer = run("coverage", shijingshan, "--category", "primary_school", "--metres", 1000,
                 "--link", link)  # fmt: skip

    (item,) = answer["items"]
    assert item["covered"] == pytest.approx(covered, abs=2)
    assert item["covered"] + item["gap"] == 303
    assert (item["unlinked"], item["no_data"]) == (0, 0)
    assert (item["people_covered"], item["people_gap"]) == (None, None)
    assert any(finding["code"].startswith("people") for finding in answer["findings"])


def test_districts_of_shijingshan_keep_their_bounds_and_are_on_the_map(shijingshan, run, tmp_path):
    answer = run("districts", shijingshan, "--size", "count:4:12")

    assert answer["violations"] == 0
    assert all(4 <= district["estates"] <= 12 for district in answer["districts"])
    placed = sum(district["estates"] for district in answer["districts"])
    assert placed + len(answer["left_out"]) == 303
    assert placed > 240
    assert all(left["reason"] for left in answer["left_out"])
    drawn = run("map", shijingshan, "--out", tmp_path / "map.html")
    assert drawn["bytes"] < 3_000_000


def test_the_estates_of_zibo_are_found_to_be_shifted_and_are_corrected(shared_data, tmp_path, run):
    folder, project = shared_data / "cn-zibo", tmp_path / "zibo.gpkg"
    run("init", project)
    run("import", project, "streets", folder / "roads_wgs.geojson")

    answer = run("import", project, "estates", folder / "居民小区.geojson")

    assert (answer["accepted"], answer["coords"]) == (359, "gcj02")
    (told,) = [f["message"] for f in answer["findings"] if "GCJ-02" in f["message"]]
    assert "86.3 km as declared" in told
    codes = {finding["code"] for finding in run("check", project)["findings"]}
    assert "coords-shifted" not in codes


def test_estates_that_were_left_shifted_are_found_by_check(shared_data, tmp_path, run):
    folder, project = shared_data / "cn-zibo", tmp_path / "zibo.gpkg"
    run("init", project)
    run("import", project, "streets", folder / "roads_wgs.geojson")
    run("import", project, "estates", folder / "居民小区.geojson", "--coords", "wgs84")

    found = {f["code"]: f["message"] for f in run("check", project)["findings"]}

    assert "--coords gcj02" in found["coords-shifted"]


@pytest.mark.parametrize(
    ("file", "streets", "buildings", "estates"),
    [
        ("beijing_tsinghua_wudaokou.osm", 640, 521, 6),
        ("liechtenstein-latest.osm.pbf", 4659, 8994, 17),
    ],
)
def test_an_osm_extract_is_a_whole_study(
    shared_data, tmp_path, run, file, streets, buildings, estates
):
    project = tmp_path / "osm.gpkg"
    run("init", project)

    answer = run("import", project, "osm", shared_data / "osm" / file)

    rows = {layer["kind"]: layer["accepted"] for layer in answer["layers"]}
    assert (rows["streets"], rows["buildings"], rows["estates"]) == (streets, buildings, estates)
    assert {"facilities", "barriers", "green", "water"} <= set(rows)
    items = run("coverage", project)["items"]
    for item in items:
        assert sum(item[k] for k in ("covered", "gap", "unlinked", "no_data")) == estates
    assert any(item["covered"] for item in items)
