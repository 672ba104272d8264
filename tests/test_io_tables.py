"""Tables as offices keep them: csv and xlsx with titles, totals, units and merged headings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xlsxwriter
from pyproj import CRS

from gis.errors import CrsError, FileError, UnknownNameError
from gis.io import read_layer
from gis.io.words import bracketed, number, plain

ZONE = CRS.from_epsg(4545)
HEAD = "小区编号,小区名称,户数,经度,纬度\n"


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "estates.csv"
    path.write_bytes(text.encode(encoding))
    return path


def sheet(folder: Path, rows: list[list[Any]], merged: Sequence[tuple[int, ...]] = ()) -> Path:
    """A workbook; merged: first row, first column, last row, last column."""
    path = folder / "estates.xlsx"
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        page = book.add_worksheet("台账")
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell is not None:
                    page.write(r, c, cell)
        for r0, c0, r1, c1 in merged:
            page.merge_range(r0, c0, r1, c1, rows[r0][c0])
    return path


def read(path: Path, kind: str = "estates", **options: Any) -> Any:
    return read_layer(path, kind, target=options.pop("target", ZONE), **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_encoding_and_separator(tmp_path: Path, encoding: str, separator: str) -> None:
    text = (HEAD + "A1,红旗小区,120,106.9,28.9\nA2,胜利小区,80,106.91,28.91\n").replace(
        ",", separator
    )
    layer, report = read(csv_file(tmp_path, text, encoding))
    assert layer.frame["name"].tolist() == ["红旗小区", "胜利小区"]
    assert layer.numbers("households").tolist() == [120, 80]
    assert report.encoding in (encoding, "utf-8", "gb18030")
    assert "crs-assumed" in [f.code for f in report.findings]


def test_row_numbers_are_those_of_the_sheet(tmp_path: Path) -> None:
    text = HEAD + "A1,a,-1,106.9,28.9\n,,,,\nA2,b,x,106.9,28.9\nA3,c,1,106.9,28.9\n"
    _, report = read(csv_file(tmp_path, text))
    assert [n.row for n in report.refused] == [2]
    assert [n.row for n in report.repaired] == [4]
    assert report.read == 3  # a blank line is no row


def test_numbers_as_people_type_them(tmp_path: Path) -> None:
    text = (
        "小区名称,户数,建筑面积（万㎡）,估算投资(万元),用地面积(亩),经度,纬度\n"
        'a,"5,000",1.5,20,3,106.9,28.9\n'
        "b,１２０户,－,3000元,,106.91,28.9\n"
    )
    layer, report = read(csv_file(tmp_path, text))
    assert layer.numbers("households").tolist() == [5000, 120]
    assert layer.numbers("floor_area_m2")[0] == 15_000
    assert layer.numbers("cost_yuan").tolist() == [200_000, 3_000]
    assert layer.numbers("land_area_m2")[0] == pytest.approx(2_000)  # 3 mu are a fifth of a hectare
    assert np.isnan(layer.numbers("land_area_m2")[1])
    assert [f.code for f in report.findings].count("unit-converted") == 3


def test_a_unit_can_be_said_with_the_column(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "name,人口,lon,lat\na,4.2,106.9,28.9\n")
    layer, report = read(path)
    assert layer.numbers("people").tolist() == [4.2]
    assert "not-whole" in [f.code for f in report.findings]
    layer, _ = read(path, columns={"people": "人口(万人)"})
    assert layer.numbers("people").tolist() == [42_000]


def test_a_unit_that_is_none_of_ours_is_said(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "name,面积(平方英尺),lon,lat\na,42,106.9,28.9\n")
    layer, report = read(path)
    assert layer.numbers("floor_area_m2").tolist() == [42]
    assert "unit-unknown" in [f.code for f in report.findings]


def test_a_ledger_loses_its_titles_totals_and_notes_with_a_word_each(tmp_path: Path) -> None:
    rows = [
        ["老旧小区台账", None, None, None, None],
        ["填报单位：住建局", None, None, "单位：万元", None],
        ["序号", "小区名称", "估算投资", "经度", "纬度"],
        [1, "红旗小区", 20, 106.9, 28.9],
        [2, "胜利小区", 30, 106.91, 28.9],
        ["合计", None, 50, None, None],
        ["注：不含已拆除", None, None, None, None],
    ]
    layer, report = read(sheet(tmp_path, rows, [(0, 0, 0, 4)]))
    assert layer.frame["name"].tolist() == ["红旗小区", "胜利小区"]
    assert layer.numbers("cost_yuan").tolist() == [200_000, 300_000]
    dropped = [f.row for f in report.findings if f.code == "row-dropped"]
    assert dropped == [1, 2, 6, 7]
    assert (report.read, report.refused) == (2, ())


def test_merged_headings_of_two_levels_and_a_row_of_units(tmp_path: Path) -> None:
    rows = [
        ["小区名称", "人口", None, "投资（万元）", None, "经度", "纬度"],
        [None, "常住人口", "60岁以上人口", "估算投资", "其他", None, None],
        [None, "人", "人", None, None, "度", None],
        ["红旗小区", 300, 60, 2, 1, 106.9, 28.9],
    ]
    rows[2][5] = None
    merged = [(0, 0, 1, 0), (0, 1, 0, 2), (0, 3, 0, 4), (0, 5, 1, 5), (0, 6, 1, 6)]
    layer, report = read(sheet(tmp_path, rows, merged))
    assert layer.numbers("people").tolist() == [300]
    assert layer.numbers("people_60plus").tolist() == [60]
    assert layer.numbers("cost_yuan").tolist() == [20_000]
    assert report.refused == ()
    assert any(f.code == "row-dropped" and f.row == 3 for f in report.findings)


def test_text_merged_down_is_repeated_but_numbers_are_not(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["街道", "小区名称", "投资估算", "经度", "纬度"],
        ["东街", "a", 10, 106.9, 28.9],
        [None, "b", None, 106.9, 28.91],
    ]
    layer, report = read(sheet(tmp_path, rows, [(1, 0, 2, 0), (1, 2, 2, 2)]))
    assert layer.frame["subdistrict"].tolist() == ["东街", "东街"]
    assert layer.numbers("cost_yuan")[0] == 10
    assert np.isnan(layer.numbers("cost_yuan")[1])
    assert "merged-number" in [f.code for f in report.findings]


def test_a_title_inside_the_table_is_dropped(tmp_path: Path) -> None:
    rows = [
        ["小区名称", "户数", "经度", "纬度"],
        ["东街街道", None, None, None],
        ["a", 1, 106.9, 28.9],
    ]
    layer, report = read(sheet(tmp_path, rows, [(1, 0, 1, 3)]))
    assert layer.frame["name"].tolist() == ["a"]
    assert report.read == 1


def test_a_workbook_with_several_filled_sheets_names_them(tmp_path: Path) -> None:
    path = tmp_path / "estates.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("城东", "城西", "空"):
            page = book.add_worksheet(name)
            if name != "空":
                page.write_row(0, 0, ["小区名称", "经度", "纬度"])
                page.write_row(1, 0, [name, 106.9, 28.9])
    with pytest.raises(FileError, match="2 sheets \\(城东, 城西\\); say which with --layer"):
        read(path)
    assert read(path, layer="城西")[0].frame["name"].tolist() == ["城西"]
    with pytest.raises(UnknownNameError, match="no sheet '城北'"):
        read(path, layer="城北")


def test_x_is_north_in_chinese_survey_files(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "name,X坐标,Y坐标\na,3200000,500100\n")
    layer, report = read(path, source_crs="EPSG:4545")
    assert (layer.geometries[0].x, layer.geometries[0].y) == (500_100, 3_200_000)
    assert "columns-swapped" in [f.code for f in report.findings]
    path = csv_file(tmp_path, "name,X坐标,Y坐标\na,500100,3200000\n")
    layer, report = read(path, source_crs="EPSG:4545")
    assert (layer.geometries[0].x, layer.geometries[0].y) == (500_100, 3_200_000)
    assert "columns-swapped" not in [f.code for f in report.findings]


def test_metres_without_a_system_ask_for_one_with_a_guess(tmp_path: Path) -> None:
    with pytest.raises(CrsError, match=r"estates\.csv.*--crs EPSG:n.*EPSG:4524"):
        read(csv_file(tmp_path, "name,X,Y\na,3200000,36500100\n"))


def test_shapes_as_text(tmp_path: Path) -> None:
    ring = "POLYGON ((106.9 28.9, 106.91 28.9, 106.91 28.91, 106.9 28.9))"
    path = csv_file(tmp_path, f'name,wkt\na,"{ring}"\nb,POLYGON oops\nc,\n')
    layer, report = read(path)
    assert layer.geometries[0].geom_type == "Polygon"
    assert [(n.row, n.reason[:13]) for n in report.refused] == [
        (3, "wkt is no WKT"),
        (4, "geometry is e"),
    ]


def test_a_bad_coordinate_refuses_its_row(tmp_path: Path) -> None:
    text = HEAD + "1,a,1,106.9,28.9\n2,b,1,106°54′,28.9\n3,c,1,,28.9\n4,d,1,0,0\n"
    layer, report = read(csv_file(tmp_path, text))
    assert len(layer) == 1
    assert [n.row for n in report.refused] == [3, 4, 5]
    assert "no number of degrees" in report.refused[0].reason
    assert "0, 0" in report.refused[2].reason


def test_headings_that_speak_of_shifted_coordinates_raise_a_doubt(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "name,lng(gcj02),lat(gcj02)\na,106.9,28.9\n")
    layer, report = read(path)
    assert (
        "--coords gcj02" in next(f for f in report.findings if f.code == "coords-doubtful").message
    )
    moved, said = read(path, coords="gcj02")
    assert said.coords == "gcj02"
    assert 300 < layer.geometries[0].distance(moved.geometries[0]) < 700


def test_a_plan_needs_no_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("小区编号,片区编号\nA1,D1\nA2,D2\n", "utf-8")
    layer, report = read(path, "plan", columns={"estate": "小区编号"})
    assert layer.frame["district"].tolist() == ["D1", "D2"]
    assert layer.frame.geometry.isna().all()
    assert layer.crs == ZONE
    assert report.accepted == 2
    with pytest.raises(CrsError, match="the project has no coordinate system yet"):
        read(path, "plan", target=None, columns={"estate": "小区编号"})


def test_a_text_that_looks_like_a_formula_loses_only_its_guard(tmp_path: Path) -> None:
    layer, _ = read(csv_file(tmp_path, "name,lon,lat\n'=1+1,106.9,28.9\n'quoted',106.9,28.91\n"))
    assert layer.frame["name"].tolist() == ["=1+1", "'quoted'"]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("5,000", "", 5000), ("1.2e3", "", 1200), ("３.５万元", "yuan", 35_000), ("2亿", "yuan", 2e8),
     ("DN300", "mm", None), ("300mm", "m", 0.3), ("1,23", "", None), ("12 户", "households", 12),
     ("85%", "share", 0.85), ("-3.5", "", -3.5), ("", "", None), ("¥20", "yuan", 20)],
)  # fmt: skip
def test_number(text: str, unit: str, value: float | None) -> None:
    found = number(text, unit)
    assert (
        (found is None)
        if value is None
        else (found is not None and found[0] == pytest.approx(value))
    )


def test_headings_are_compared_without_brackets_units_and_spaces() -> None:
    assert plain("建筑面积 （万㎡）") == plain("建筑面积") == plain("建筑面积/m2")
    assert plain("Floor_Area m2") == plain("floor-area M2")
    assert bracketed("建筑面积（万㎡）") == "万m2"
    assert bracketed("投资【单位：万元】") == "万元"
