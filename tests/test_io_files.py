"""Which files are refused as a whole: one line with the name of the file and what to do."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import xlsxwriter
from pyproj import CRS
from shapely import Point, box

from gis.errors import ColumnError, CrsError, FileError, InputError, UnknownNameError
from gis.io import archive, read_layer

ZONE = CRS.from_epsg(4545)
X, Y = 500_000.0, 3_200_000.0
FORMATS = ("shp", "zip", "gpkg", "geojson", "fgb", "parquet", "csv", "xlsx")


def estates(count: int = 60) -> gpd.GeoDataFrame:
    names = [f"第{i}小区" for i in range(count)]
    shapes = [box(X + 200 * i, Y, X + 200 * i + 100, Y + 100) for i in range(count)]
    return gpd.GeoDataFrame({"name": names, "households": range(count)}, geometry=shapes, crs=ZONE)


def make(folder: Path, form: str, frame: gpd.GeoDataFrame | None = None) -> Path:
    frame = estates() if frame is None else frame
    path = folder / f"estates.{form}"
    if form == "parquet":
        frame.to_parquet(path)
    elif form == "geojson":
        frame.to_crs(4326).to_file(path)
    elif form == "zip":
        inner = folder / "inner"
        inner.mkdir()
        frame.to_file(inner / "小区.shp", encoding="utf-8")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for part in sorted(inner.iterdir()):
                out.write(part, f"数据/{part.name}")
    elif form in ("csv", "xlsx"):
        table(path, frame)
    else:
        frame.to_file(path)
    return path


def table(path: Path, frame: gpd.GeoDataFrame) -> None:
    points = frame.geometry.centroid.to_crs(4326)
    rows = pd.DataFrame(
        {"小区名称": frame["name"], "户数": frame["households"], "经度": points.x, "纬度": points.y}
    )
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
        return
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("台账")
        sheet.write_row(0, 0, rows.columns)
        for number, row in enumerate(rows.itertuples(index=False), start=1):
            sheet.write_row(number, 0, row)


def refusal(path: Path, error: type[InputError], kind: str = "estates", **options: Any) -> str:
    """The one line with which a file is refused; it must name the file."""
    with pytest.raises(error) as caught:
        read_layer(path, kind, target=None, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert path.stem in text
    return text


def test_a_geojson_that_names_a_system_that_does_not_exist_is_not_taken_for_wgs84(
    tmp_path: Path,
) -> None:
    path = make(tmp_path, "geojson")
    text = path.read_text("utf-8")
    assert "urn:ogc:def:crs:OGC:1.3:CRS84" in text
    path.write_text(text.replace("crs:OGC:1.3:CRS84", "crs:EPSG::999999"), "utf-8")

    assert "--crs" in refusal(path, CrsError)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path: Path, form: str) -> None:
    layer, report = read_layer(make(tmp_path, form), "estates", target=ZONE)
    assert (report.read, report.accepted, report.refused) == (60, 60, ())
    first, *_, last = layer.frame["households"].argsort()  # fgb sorts its rows by place
    assert layer.frame["name"].iloc[last] == "第59小区"
    assert layer.numbers("households").sum() == 1770  # 0 + 1 + ... + 59
    centre = shapely.centroid(layer.geometries[first])
    assert shapely.distance(centre, Point(X + 50, Y + 50)) < 0.01


@pytest.mark.parametrize("share", [0.5, 0.98])
@pytest.mark.parametrize("form", ["shp", "zip", "gpkg", "geojson", "fgb", "parquet", "xlsx"])
def test_a_cut_file_is_refused(tmp_path: Path, form: str, share: float) -> None:
    path = make(tmp_path, form)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert "once more" in refusal(path, FileError)


def test_a_cut_geopackage_says_how_much_is_missing(tmp_path: Path) -> None:
    path = make(tmp_path, "gpkg")
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[:50_000])
    assert f"50000 of {whole} bytes are there" in refusal(path, FileError)


@pytest.mark.parametrize("part", [".dbf", ".shx"])
def test_a_cut_part_of_a_shapefile_is_refused(tmp_path: Path, part: str) -> None:
    path = make(tmp_path, "shp")
    inner = path.with_suffix(part)
    inner.write_bytes(inner.read_bytes()[:-80])
    assert f"estates{part} is cut" in refusal(path, FileError)


@pytest.mark.parametrize("part", [".dbf", ".shx"])
def test_a_shapefile_that_lacks_a_part_is_refused(tmp_path: Path, part: str) -> None:
    path = make(tmp_path, "shp")
    path.with_suffix(part).unlink()
    assert f"lacks its {part} file" in refusal(path, FileError)


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_file_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"estates.{form}"
    path.touch()
    assert "is empty" in refusal(path, FileError)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.gpkg", FileError)
    assert "is a folder" in refusal(tmp_path, FileError)


@pytest.mark.parametrize(
    ("name", "word"),
    [("a.pdf", "no format"), ("a", "no ending"), ("a.osm.pbf", "kind 'osm'"), ("a.dwg", "drawing"),
     ("a.dbf", ".shp beside")],
)  # fmt: skip
def test_a_format_that_cannot_be_read_says_which_can(tmp_path: Path, name: str, word: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"something")
    assert word in refusal(path, FileError)


@pytest.mark.parametrize("form", FORMATS)
def test_something_else_under_a_known_ending_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"estates.{form}"
    path.write_bytes(bytes(range(256)) * 40)
    refusal(path, FileError)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "estates.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}')
    refusal(path, InputError)
    path = tmp_path / "estates.csv"
    path.write_text("name,lon,lat\n")
    assert "no rows" in refusal(path, FileError)


def test_a_zip_without_a_shapefile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "estates.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("readme.txt", "hello")
    assert "holds no shapefile" in refusal(path, FileError)


def test_a_zip_with_several_shapefiles_names_them(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = tmp_path / "estates.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name in ("东区", "西区"):
            estates(3).to_file(inner / f"{name}.shp", encoding="utf-8")
        for part in sorted(inner.iterdir()):
            out.write(part, part.name)
    text = refusal(path, FileError)
    assert "东区, 西区" in text
    assert "--layer" in text
    layer, _ = read_layer(path, "estates", target=ZONE, layer="东区")
    assert len(layer) == 3
    assert "no shapefile '北区'" in refusal(path, UnknownNameError, layer="北区")


def test_names_in_a_zip_of_an_old_chinese_program_are_understood(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    estates(3).to_file(inner / "a.shp", encoding="utf-8")
    path = tmp_path / "estates.zip"
    with zipfile.ZipFile(path, "w") as out:
        for part in sorted(inner.iterdir()):
            for name in ("东区", "西区"):
                out.write(part, f"{name}{part.suffix}".encode("gb18030").decode("cp437"))
    # zipfile marks such names as UTF-8; old programs did not.
    data = path.read_bytes()
    for name in ("东区", "西区"):
        marked = name.encode("gb18030").decode("cp437").encode()
        data = data.replace(marked, name.encode("gb18030").ljust(len(marked), b"_"))
    marks = ((b"PK\x01\x02\x14\x03\x14\x00", b"\x00\x08"), (b"PK\x03\x04\x14\x00", b"\x00\x08"))
    for mark, utf8 in marks:
        data = data.replace(mark + utf8, mark + b"\x00\x00")
    path.write_bytes(data)
    with archive.open_zip(path) as opened:
        names = {archive.entry_name(entry)[:2] for entry in opened.infolist()}
    assert names == {"东区", "西区"}


@pytest.mark.parametrize("form", ["zip", "xlsx"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"estates.{form}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.shp", b"\0" * (20 * 1024**2))
    assert path.stat().st_size < 100_000
    assert "bomb" in refusal(path, FileError)


def test_a_zip_that_would_fill_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1000)
    assert "would unpack to" in refusal(make(tmp_path, "zip"), FileError)


@pytest.mark.parametrize(
    "name", ["../a.shp", "/etc/a.shp", "x/../../a.shp", "..\\a.shp", "C:\\a.shp"]
)
def test_a_zip_that_names_paths_outside_itself_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "estates.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(name, "x")
    assert "outside itself" in refusal(path, FileError)
    assert not (tmp_path.parent / "a.shp").exists()


def test_a_protected_zip_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "zip")
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            flags = struct.unpack_from("<H", data, at + place)[0]
            struct.pack_into("<H", data, at + place, flags | 1)
    path.write_bytes(data)
    assert "encrypted" in refusal(path, FileError)


def test_a_geopackage_with_several_layers_names_them(tmp_path: Path) -> None:
    path = tmp_path / "estates.gpkg"
    estates(2).to_file(path, layer="老城")
    estates(3).to_file(path, layer="新城")
    text = refusal(path, FileError)
    assert "老城, 新城" in text
    assert "--layer" in text
    assert len(read_layer(path, "estates", target=ZONE, layer="新城")[0]) == 3
    assert "老城, 新城" in refusal(path, UnknownNameError, layer="城")


def test_an_unknown_coordinate_system_asks_for_one(tmp_path: Path) -> None:
    path = make(tmp_path, "shp")
    path.with_suffix(".prj").unlink()
    assert "--crs EPSG:n" in refusal(path, CrsError)
    layer, report = read_layer(path, "estates", target=ZONE, source_crs="EPSG:4545")
    assert (len(layer), report.crs) == (60, "EPSG:4545")


def test_a_coordinate_system_of_nonsense_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "shp")
    path.with_suffix(".prj").write_text('PROJCS["nonsense"]')
    assert "--crs EPSG:n" in refusal(path, CrsError)


def test_a_parquet_table_without_geometries_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "estates.parquet"
    pd.DataFrame({"name": ["a"], "lon": [106.9], "lat": [28.9]}).to_parquet(path)
    assert len(read_layer(path, "estates", target=ZONE)[0]) == 1


def test_an_old_datum_is_refused(tmp_path: Path) -> None:
    assert "Xian 1980" in refusal(make(tmp_path, "gpkg"), CrsError, source_crs="EPSG:2381")


def test_swapped_coordinates_are_refused(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"name": ["a"]}, geometry=[Point(28.9, 106.9)], crs=4326)
    assert "swapped" in refusal(make(tmp_path, "gpkg", frame), CrsError)
    path = tmp_path / "estates.csv"
    path.write_text("name,经度,纬度\na,28.9,106.9\n", "utf-8")
    assert "swapped" in refusal(path, CrsError)


def test_coordinates_outside_their_system_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "estates.geojson"
    point = {"type": "Point", "coordinates": [500_000.0, 3_200_000.0]}
    feature = {"type": "Feature", "properties": {}, "geometry": point}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert "outside" in refusal(path, CrsError)


def test_a_layer_too_far_from_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CrsError, match=r"estates\.gpkg"):
        read_layer(make(tmp_path, "gpkg"), "estates", target=CRS.from_epsg(4553))


@pytest.mark.parametrize("form", ["gpkg", "csv", "xlsx"])
def test_a_missing_required_column_says_how_to_give_it(tmp_path: Path, form: str) -> None:
    text = refusal(make(tmp_path, form), ColumnError, "facilities")
    assert "--column category=" in text
    assert "--set category=" in text


def test_a_mapping_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "gpkg")
    text = refusal(path, ColumnError, columns={"people": "人口"})
    assert "has no column '人口'" in text
    assert "name, households" in text
    with pytest.raises(ColumnError, match="no column 'peple'"):
        read_layer(path, "estates", target=None, columns={"peple": "name"})


def test_an_unknown_kind_or_reading_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "gpkg")
    with pytest.raises(UnknownNameError, match="no kind 'estate'; give one of: estates, buildings"):
        read_layer(path, "estate", target=None)
    with pytest.raises(CrsError, match="auto, wgs84, gcj02"):
        read_layer(path, "estates", target=None, coords="gcj")


def test_a_table_without_coordinates_is_refused_where_the_kind_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "estates.csv"
    path.write_text("name\na\n")
    assert "--column lon=" in refusal(path, ColumnError)
    path.write_text("name,lon\na,3\n")
    assert "no lat" in refusal(path, ColumnError)


def test_a_refused_import_leaves_nothing_behind(tmp_path: Path) -> None:
    path = make(tmp_path, "zip")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    refusal(path, ColumnError, "facilities")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_endings_in_capitals_are_understood(tmp_path: Path) -> None:
    path = make(tmp_path, "shp")
    for part in list(tmp_path.glob("estates.*")):
        shutil.move(part, part.with_suffix(part.suffix.upper()))
    layer, _ = read_layer(path.with_suffix(".SHP"), "estates", target=ZONE)
    assert len(layer) == 60
