"""What is in a file, told before anything of it is imported."""

from __future__ import annotations

import zipfile

import geopandas as gpd
import openpyxl
import pytest
from shapely import LineString, Point, box

from gis.errors import FileError
from gis.io import look
from gis.io.look import contents_of


def frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def test_layers_of_a_geopackage_are_told_with_shapes_and_headings(tmp_path):
    path = tmp_path / "a.gpkg"
    frame([box(114, 29, 115, 30)], 小区名称=["甲"], 户数=[3], 物业公司=["乙"]).to_file(
        path, layer="x"
    )
    frame([LineString([(114, 29), (115, 30)])], 道路等级=["支路"]).to_file(path, layer="y")

    one, two = contents_of(path)

    assert (one.layer, one.rows, one.geometry) == ("x", 1, "polygon")
    assert (two.layer, two.rows, two.geometry) == ("y", 1, "line")
    assert "4326" in str(one.crs)
    assert one.headings == ("小区名称", "户数", "物业公司")
    assert one.guesses[0].kind == "estates"
    assert one.guesses[0].columns == {
        "name": "小区名称",
        "households": "户数",
        "manager": "物业公司",
    }
    assert two.guesses[0].kind == "streets"
    # A line is no estate, whatever its headings are.
    assert "estates" not in {guess.kind for guess in two.guesses}


def test_sheets_are_told_also_the_empty_one(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["设施名称", "设施类别", "床位数", "经度", "纬度"])
    book.active.append(["一", "养老", 20, 114, 29])
    book.create_sheet("空")
    book.save(path)

    full, empty = contents_of(path)

    assert (full.layer, full.rows, full.geometry) == ("Sheet", 1, None)
    assert full.guesses[0].kind == "facilities"
    assert full.guesses[0].columns["category"] == "设施类别"
    assert empty == look.Content("空")


def test_shapefiles_of_a_zip_are_told_by_name(tmp_path):
    for name in ("道路", "小区"):
        frame([Point(114, 29)], name=["a"]).to_file(tmp_path / f"{name}.shp", encoding="utf-8")
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(tmp_path.glob("*.*")):
            if part != path:
                archive.write(part, f"folder/{part.name}")

    assert {(one.layer, one.rows) for one in contents_of(path)} == {
        ("folder/道路", 1),
        ("folder/小区", 1),
    }


def test_a_kind_that_needs_a_column_may_still_be_guessed(tmp_path):
    path = tmp_path / "a.geojson"
    frame([Point(114, 29)], 托位数=[3], 运营方=["a"]).to_file(path)

    (content,) = contents_of(path)

    assert content.guesses[0].kind == "facilities"
    assert "category" not in content.guesses[0].columns


@pytest.mark.parametrize(("name", "kind"), [("a.osm.pbf", "osm"), ("a.tif", "heights")])
def test_some_formats_are_of_one_kind(tmp_path, name, kind):
    (content,) = contents_of(tmp_path / name)
    assert [guess.kind for guess in content.guesses] == [kind]


def test_of_a_large_file_only_the_layers_are_told(tmp_path, monkeypatch):
    path = tmp_path / "a.gpkg"
    frame([Point(114, 29)], name=["a"]).to_file(path, layer="x")
    monkeypatch.setattr(look, "_LARGEST_READ", 10)

    assert contents_of(path) == (look.Content("x"),)


@pytest.mark.parametrize("name", ["a.gpkg", "a.xlsx", "a.geojson", "a.fgb", "a.zip"])
def test_a_damaged_file_is_told(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FileError, match="a\\."):
        contents_of(path)
