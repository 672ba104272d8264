"""What a project can be asked: rules that were meant, files written whole, extras kept in."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point

from api import analyses
from api.analyses import (
    ImportOptions,
    Walking,
    coverage_of,
    export_project,
    import_file,
    map_of,
    profile_of,
    public_frame,
    rules_of,
    write_gap_list,
    write_text,
)
from api.analyses.warming import QUESTIONS
from api.store import Project
from gis.errors import FileError, MissingLayerError, OptionError, UnknownNameError
from gis.network.gates import AT

ZONE_38 = "EPSG:4547"


def place(x, y):
    return Point(500_000 + x, 3_650_000 + y)


def test_every_question_is_where_the_list_says_and_no_other_is_listed():
    listed = [name for names in analyses._IN.values() for name in names]

    assert sorted(listed) == sorted(analyses.__all__)
    assert all(getattr(analyses, name) is not None for name in listed)
    with pytest.raises(AttributeError, match="no_such_question"):
        _ = analyses.no_such_question


def test_the_usual_hour_is_that_of_the_library():
    # Said twice, so that the options of a command are known before the library is loaded.
    assert Walking.at == AT


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "town.gpkg", name="镇", profile="liaoning") as made:
        yield made


@pytest.fixture
def estates(tmp_path):
    path = tmp_path / "estates.gpkg"
    frame = gpd.GeoDataFrame(
        {"name": ["甲", "乙"], "households": [100, 200], "联系人": ["王某", "李某"]},
        geometry=[place(0, 10), place(500, 10)],
        crs=ZONE_38,
    )
    frame.to_file(path)
    return path


@pytest.fixture
def town(project, estates, tmp_path):
    street = gpd.GeoDataFrame(geometry=[LineString([place(0, 0), place(900, 0)])], crs=ZONE_38)
    street.to_file(tmp_path / "streets.gpkg")
    import_file(project, "streets", tmp_path / "streets.gpkg", ImportOptions())
    import_file(project, "estates", estates, ImportOptions())
    return project


def test_the_profile_decides_the_pack_and_the_people(town):
    pack, _ = rules_of(town, Walking())

    assert pack.name == profile_of(town).rules == "liaoning-5-10min"
    measured = coverage_of(town, Walking(category="park", metres=300))
    assert measured.people.tolist() == pytest.approx([229, 458])


def test_one_category_of_a_pack_keeps_its_clause(town):
    pack, rules = rules_of(town, Walking(pack="gb50180-2018", category="幼儿园"))

    assert {rule.category for rule in rules} == {"kindergarten"}
    assert pack.name == "gb50180-2018"


def test_a_category_the_pack_does_not_know_needs_a_limit(town):
    with pytest.raises(OptionError, match="--metres or --minutes"):
        rules_of(town, Walking(category="mall"))


def test_a_limit_needs_a_category_and_no_pack(town):
    with pytest.raises(OptionError, match="--category"):
        rules_of(town, Walking(metres=300))
    with pytest.raises(OptionError, match="exclude each other"):
        rules_of(town, Walking(metres=300, category="mall", pack="gb50180-2018"))


def test_a_refused_file_leaves_the_project_as_it_was(town, tmp_path):
    before = [(info.kind, info.rows) for info in town.layers()]
    (tmp_path / "broken.geojson").write_text('{"type": "FeatureColl')

    with pytest.raises(FileError, match=r"broken\.geojson"):
        import_file(town, "estates", tmp_path / "broken.geojson", ImportOptions())

    assert [(info.kind, info.rows) for info in town.layers()] == before


def test_an_osm_file_takes_no_wishes_about_columns(town, tmp_path):
    with pytest.raises(OptionError, match="--set"):
        import_file(town, "osm", tmp_path / "a.osm", ImportOptions(values={"name": "x"}))


def test_an_unknown_kind_names_all_kinds(town, estates):
    with pytest.raises(UnknownNameError, match=r"estates, .*osm"):
        import_file(town, "planets", estates, ImportOptions())


def test_extra_columns_are_kept_but_never_leave(town, tmp_path):
    layer = town.read_layer("estates")
    assert "联系人" in layer.frame
    assert "联系人" not in public_frame(layer)

    (file,) = export_project(town, tmp_path / "out.gpkg", kinds=["estates"])
    assert "联系人" not in gpd.read_file(file, layer="estates")
    assert "王某" not in map_of(town, date="2026-11-20")


def test_all_layers_go_into_one_geopackage_or_one_workbook(town, tmp_path):
    (gpkg,) = export_project(town, tmp_path / "all.gpkg")
    assert set(gpd.list_layers(gpkg)["name"]) == {"streets", "estates"}

    (book,) = export_project(town, tmp_path / "all.xlsx")
    sheets = pd.read_excel(book, sheet_name=None, engine="calamine")
    assert len(sheets) == 2
    assert sheets["小区"]["小区名称"].tolist() == ["甲", "乙"]


def test_other_formats_make_a_folder_with_a_file_for_each_layer(town, tmp_path):
    files = export_project(town, tmp_path / "out", format_="geojson")

    assert {file.name for file in files} == {"streets.geojson", "estates.geojson"}
    assert all(file.is_file() for file in files)


def test_a_format_that_cannot_be_told_is_asked_for(town, tmp_path):
    with pytest.raises(OptionError, match="--format"):
        export_project(town, tmp_path / "result")


def test_a_gap_list_is_a_workbook(town, tmp_path):
    measured = coverage_of(town)

    with pytest.raises(OptionError, match=r"\.xlsx"):
        write_gap_list(measured, tmp_path / "gaps.csv", project="镇")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    (tmp_path / "page.html").write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "page.html", "\ud800")

    assert (tmp_path / "page.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(FileError, match="check the folder"):
        write_text(tmp_path / "no" / "page.html", "x")


def test_an_empty_project_cannot_be_drawn(project):
    with pytest.raises(MissingLayerError, match="lianpian import"):
        map_of(project, date="2026-11-20")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.__name__)
def test_what_is_asked_to_warm_up_can_be_answered(question):
    question()
