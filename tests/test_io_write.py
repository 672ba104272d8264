"""Layers written and read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from pyproj import CRS
from shapely import Point, box

from gis.errors import FileError, OptionError
from gis.io import FORMATS, read_layer, write_layer, write_layers
from gis.io.write import short_names
from gis.model import KINDS, Layer, empty_frame

ZONE = CRS.from_epsg(4545)
X, Y = 500_000.0, 3_200_000.0


def layer(shapes: list[Any], kind: str = "estates", **columns: list[Any]) -> Layer:
    frame = empty_frame(KINDS[kind], crs=ZONE).reindex(range(len(shapes)))
    for column in KINDS[kind].columns:
        if column.type == "text":
            frame[column.name] = frame[column.name].astype("str")
    frame["uid"] = pd.Series([f"u{i}" for i in range(len(shapes))], dtype="str")
    for name, values in columns.items():
        dtype = frame[name].dtype if name in frame else "str"
        frame[name] = pd.Series(values, dtype=dtype)
    geometry = gpd.GeoSeries(shapes, crs=ZONE)
    return Layer(KINDS[kind], gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=geometry))


SQUARES = [box(X, Y, X + 100, Y + 100), box(X + 200, Y, X + 300, Y + 50)]


POINTS = [Point(X, Y), Point(X + 9, Y)]


@pytest.mark.parametrize(
    ("form", "shapes"),
    # A workbook holds no outlines.
    [
        (form, shapes)
        for form in FORMATS
        for shapes in (SQUARES, POINTS)
        if (form, shapes) != ("xlsx", SQUARES)
    ],
)
def test_what_is_written_is_read_again(tmp_path: Path, form: str, shapes: list[Any]) -> None:
    made = layer(
        shapes,
        name=["红旗小区", "=cmd()"],
        households=[120, np.nan],
        people_60plus=[7, 8],
        children_0_2=[1, 2],
        children_3_5=[3, 4],
        备注说明文字=["-a", "丙"],
    )
    path = tmp_path / f"out.{form}"
    write_layer(made, path, format=form)
    again, report = read_layer(path, "estates", target=ZONE)
    assert report.refused == report.repaired == ()
    assert again.uids.tolist() == ["u0", "u1"]
    for name in ("name", "households", "people_60plus", "children_0_2", "children_3_5"):
        pd.testing.assert_series_equal(again.frame[name], made.frame[name], check_names=False)
    assert again.frame.iloc[:, -2].tolist() == ["-a", "丙"]
    offsets = [a.hausdorff_distance(b) for a, b in zip(again.geometries, shapes, strict=True)]
    assert max(offsets) < 0.001  # a millimetre


def test_csv_cells_cannot_be_taken_for_formulas(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@x", "\tx", "plain", "小区"]
    made = layer([Point(X + i, Y) for i in range(7)], name=names, cost_yuan=[1.0] * 7)
    write_layer(made, tmp_path / "out.csv", format="csv")
    text = (tmp_path / "out.csv").read_text("utf-8-sig")
    cells = [line.split(",")[1] for line in text.splitlines()[1:]]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", "小区"]
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_negative_numbers_stay_numbers_in_csv(tmp_path: Path) -> None:
    made = layer([Point(X, Y)], kind="heights", elevation_m=[-3.5])
    write_layer(made, tmp_path / "out.csv", format="csv")
    assert ",-3.5," in (tmp_path / "out.csv").read_text("utf-8-sig")


def test_geojson_is_in_degrees(tmp_path: Path) -> None:
    write_layer(layer(SQUARES), tmp_path / "out.geojson", format="geojson")
    west, south, *_ = pyogrio.read_info(tmp_path / "out.geojson", force_total_bounds=True)[
        "total_bounds"
    ]
    assert (round(west), round(south)) == (108, 29)


def test_a_shapefile_says_that_it_is_utf8(tmp_path: Path) -> None:
    write_layer(layer(SQUARES, name=["红旗", "胜利"]), tmp_path / "out.shp", format="shp")
    assert (tmp_path / "out.cpg").read_text().strip() == "UTF-8"


def test_a_shapefile_of_two_types_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="Point and Polygon"):
        write_layer(layer([SQUARES[0], Point(X, Y)]), tmp_path / "out.shp", format="shp")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_or_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="gpkg, geojson, csv, shp"):
        write_layer(layer(SQUARES), tmp_path / "out.kml", format="kml")
    with pytest.raises(FileError, match="cannot be written"):
        write_layer(layer(SQUARES), tmp_path / "none" / "out.gpkg", format="gpkg")


def test_an_older_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.gpkg"
    write_layer(layer(SQUARES), path, format="gpkg")
    write_layer(layer(SQUARES[:1]), path, format="gpkg")
    assert len(read_layer(path, "estates", target=ZONE)[0]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out.gpkg"]


def test_an_empty_layer_can_be_written(tmp_path: Path) -> None:
    empty = Layer(KINDS["gates"], empty_frame(KINDS["gates"], crs=ZONE))
    for form in FORMATS:
        write_layer(empty, tmp_path / f"out.{form}", format=form)
        assert (tmp_path / f"out.{form}").stat().st_size > 0


def test_names_are_cut_to_ten_bytes_and_stay_different() -> None:
    names = short_names(["floor_area_m2", "floor_area_x", "小区名称", "小区名字", "Name", "name"])
    assert names == ["floor_area", "floor_ar_1", "小区名", "小区_1", "Name", "name_1"]
    assert all(len(name.encode()) <= 10 for name in names)


def test_several_layers_go_into_one_geopackage_or_a_folder(tmp_path: Path) -> None:
    made = [layer(SQUARES), layer([Point(X, Y)], kind="gates")]
    assert write_layers(made, tmp_path / "all.gpkg", "gpkg") == [tmp_path / "all.gpkg"]
    assert pyogrio.list_layers(tmp_path / "all.gpkg")[:, 0].tolist() == ["estates", "gates"]
    for form in ("geojson", "csv", "shp"):
        folder = tmp_path / form
        paths = write_layers(made, folder, form)
        assert paths == [folder / f"estates.{form}", folder / f"gates.{form}"]
        assert len(read_layer(paths[0], "estates", target=ZONE)[0]) == 2
    one = write_layers(made[:1], tmp_path / "one.csv", "csv")
    assert one == [tmp_path / "one.csv"]
    assert one[0].is_file()
    with pytest.raises(OptionError, match="no format 'pdf'"):
        write_layers(made, tmp_path, "pdf")


def test_when_one_layer_cannot_be_written_nothing_is_left(tmp_path: Path) -> None:
    mixed = layer([Point(X, Y), SQUARES[0]], kind="facilities", category=["park", "park"])
    with pytest.raises(OptionError, match="facilities hold Point and Polygon"):
        write_layers([layer(SQUARES), mixed], tmp_path / "out", "shp")
    assert list(tmp_path.iterdir()) == []
    # A folder that was there keeps what it had, and nothing more.
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("old")
    with pytest.raises(OptionError, match="facilities hold"):
        write_layers([layer(SQUARES), mixed], tmp_path / "out", "shp")
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "old.txt"]


def test_a_file_in_the_place_of_the_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(FileError, match="out cannot be written"):
        write_layers([layer(SQUARES), layer(POINTS, kind="gates")], tmp_path / "out", "csv")
    assert (tmp_path / "out").read_text() == "a file"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_layer_without_any_geometry_can_be_written(tmp_path: Path) -> None:
    made = layer([None, None], kind="plan", estate=["a", "b"], district=["D1", "D2"])
    for form in ("gpkg", "geojson", "csv"):
        path = tmp_path / f"plan.{form}"
        write_layer(made, path, format=form)
        again, _ = read_layer(path, "plan", target=ZONE)
        assert again.frame["district"].tolist() == ["D1", "D2"]
