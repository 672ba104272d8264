"""Cells that cannot be read: the row stays, the value is unknown, and both are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import CRS

from gis.errors import ColumnError, LayerError
from gis.io import read_layer
from gis.io.words import is_range, year

ZONE = CRS.from_epsg(4545)  # CM 108E


def read(folder: Path, heading: str, *cells: str, kind: str = "sites", **options: Any) -> Any:
    rows = "".join(f'甲{i},"{cell}",106.9,28.9{i}\n' for i, cell in enumerate(cells))
    path = folder / f"{kind}.csv"
    path.write_text(f"名称,{heading},经度,纬度\n{rows}", "utf-8")
    return read_layer(path, kind, target=ZONE, **options)


def same(numbers: Any, wanted: list[float]) -> bool:
    return bool(np.array_equal(np.asarray(numbers), np.asarray(wanted, float), equal_nan=True))


def messages(report: Any, code: str) -> list[str]:
    return [f.message for f in report.findings if f.code == code]


NO = np.nan


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2028年底", 2028), ("2028年", 2028), ("2026Q3", 2026), ("2026 Q3", 2026), ("2026-Q3", 2026),
     ("2027年下半年", 2027), ("2027上半年", 2027), ("2027年第三季度", 2027), ("2029年初", 2029),
     ("2028年度", 2028), ("预计2028年", 2028), ("二〇二八年底", 2028),
     ("1998-", None), ("2028年前", None), ("2026Q5", None), ("20281", None), ("已空置", None)],
)  # fmt: skip
def test_a_part_of_a_year_names_the_year(written: str, meant: int | None) -> None:
    assert year(written) == meant


@pytest.mark.parametrize(
    ("written", "range_"),
    [("180-220", True), ("50至60万", True), ("50-60万", True), ("50万~60万元", True),
     ("450", False), ("-5", False), ("六十万", False)],
)  # fmt: skip
def test_two_numbers_are_a_range(written: str, range_: bool) -> None:
    assert is_range(written) is range_


def test_words_for_now_keep_their_room_and_no_year_is_invented(tmp_path: Path) -> None:
    layer, report = read(tmp_path, "可用年份", "2028年底", "已空置", "即可", "现状空置", "随时", "")
    assert same(layer.numbers("available_year"), [2028, NO, NO, NO, NO, NO])
    assert report.refused == ()
    assert [n.row for n in report.repaired] == [3, 4, 5, 6]
    assert report.repaired[1].reason == (
        "available_year is '即可', which is no year, so it counts as there from now on; "
        "taken as unknown; write a year such as 2028"
    )
    (told,) = [f for f in report.findings if f.code == "cells-unread"]
    assert told.severity == "warning"
    assert told.message == (
        "4 of 6 values of available_year cannot be read and are unknown now; their rows were kept: "
        "'已空置' (1), '即可' (1), '现状空置' (1), '随时' (1); write a year such as 2028"
    )


def test_areas_as_offices_write_them(tmp_path: Path) -> None:
    layer, report = read(tmp_path, "建筑面积", "450平", "450㎡", "180-220", "约200")
    assert same(layer.numbers("floor_area_m2"), [450, 450, NO, 200])
    what = "floor_area_m2 is '180-220', a range and no single number"
    assert [(n.row, n.reason) for n in report.repaired] == [
        (4, f"{what}; taken as unknown; write one number of square metres, such as 450")
    ]


def test_sums_as_offices_write_them(tmp_path: Path) -> None:
    cells = ("45万", "0.5百万", "50-60万", "六十万", "待估", "待定")
    layer, report = read(tmp_path, "造价", *cells)
    assert same(layer.numbers("cost_yuan"), [450_000, 500_000, NO, NO, NO, NO])
    assert [n.row for n in report.repaired] == [4, 5, 6]
    assert report.repaired[1].reason.endswith("write one sum, such as 450000 or 45万")


def test_sums_without_a_unit_among_others_are_doubted_by_row(tmp_path: Path) -> None:
    layer, report = read(tmp_path, "造价", "45万", "25", "30万元", "0", "48", "")
    assert same(layer.numbers("cost_yuan"), [450_000, 25, 300_000, 0, 48, NO])
    (told,) = messages(report, "unit-mixed")
    assert told == (
        "Rows 3 and 6 name no unit of cost_yuan and are read as yuan, while 2 others say 万/万元; "
        "write the unit into each cell, or for the whole column into its heading, such as "
        "造价(万元)"
    )


@pytest.mark.parametrize(
    ("heading", "cells", "yuan"),
    [
        # The heading decides over cells without a unit, and a unit in the cell over the heading.
        ("造价（万元）", ("45万", "25"), [450_000, 250_000]),
        ("造价（元）", ("45万", "25"), [450_000, 25]),
        ("造价", ("45元", "25"), [45, 25]),
        ("造价", ("25", "48"), [25, 48]),
        ("造价", ("45万", "0", ""), [450_000, 0, NO]),
    ],
)
def test_where_units_are_clear_nothing_is_doubted(
    tmp_path: Path, heading: str, cells: tuple[str, ...], yuan: list[float]
) -> None:
    layer, report = read(tmp_path, heading, *cells)
    assert same(layer.numbers("cost_yuan"), yuan)
    assert messages(report, "unit-mixed") == []


def test_many_rows_without_a_unit_are_counted(tmp_path: Path) -> None:
    _, report = read(tmp_path, "造价", "45万", *["25"] * 14)
    assert messages(report, "unit-mixed")[0].startswith(
        "Rows 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 4 more name no unit"
    )


def test_a_column_of_which_nothing_can_be_read_is_asked_about(tmp_path: Path) -> None:
    layer, report = read(tmp_path, "户数", "多", "少", kind="estates")
    assert same(layer.numbers("households"), [NO, NO])
    assert (
        "is it the right heading? Name another with --column households=THEIRS"
        in (messages(report, "cells-unread")[0])
    )


def test_what_a_kind_needs_still_refuses_its_row(tmp_path: Path) -> None:
    layer, report = read(tmp_path, "高程", "35", "高", kind="heights")
    assert layer.numbers("elevation_m").tolist() == [35]
    assert [(n.row, n.reason) for n in report.refused] == [
        (3, "elevation_m is '高', which is no number")
    ]


def test_a_negative_amount_refuses_its_row_and_an_odd_year_only_itself(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="floor_area_m2 is -5, below 0"):
        read(tmp_path, "建筑面积", "-5")
    layer, report = read(tmp_path, "可用年份", "2208")
    assert same(layer.numbers("available_year"), [NO])
    assert "available_year is 2208, above 2100; taken as unknown" in report.repaired[0].reason


def test_a_value_for_all_rows_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="available_year=即可: available_year is '即可'"):
        read(tmp_path, "楼层", "1", values={"available_year": "即可"})


@pytest.mark.parametrize(
    ("kind", "heading", "column"),
    [("estates", "60岁以上", "people_60plus"), ("estates", "60岁以上人口", "people_60plus"),
     ("estates", "60岁及以上", "people_60plus"), ("estates", "60岁以上（人）", "people_60plus"),
     ("estates", "3岁以下", "children_0_2"), ("estates", "0-3岁", "children_0_2"),
     ("estates", "3-6岁", "children_3_5")],
)  # fmt: skip
def test_headings_of_age_groups(tmp_path: Path, kind: str, heading: str, column: str) -> None:
    layer, _ = read(tmp_path, heading, "7", kind=kind)
    assert layer.numbers(column).tolist() == [7]


@pytest.mark.parametrize("heading", ["道路名称", "路名"])
def test_headings_of_names_of_streets(tmp_path: Path, heading: str) -> None:
    path = tmp_path / "streets.csv"
    path.write_text(f'{heading},wkt\n解放路,"LINESTRING (106.9 28.9, 106.91 28.9)"\n', "utf-8")
    layer, _ = read_layer(path, "streets", target=ZONE)
    assert layer.frame["name"].tolist() == ["解放路"]


def test_means_that_are_none_of_the_six_are_told_and_kept(tmp_path: Path) -> None:
    cells = ("改建", "无偿使用", "无偿使用", "征收", "收购/租赁", "划拨", "调拨", "待定", "")
    layer, report = read(tmp_path, "取得方式", *cells)
    assert layer.frame["means"].iloc[1] == "无偿使用"
    (told,) = [f for f in report.findings if f.code == "means-unknown"]
    assert told.severity == "warning"
    assert told.message == (
        "3 of 7 values of means name none of the six and count as not stated: '无偿使用' (2), "
        "'征收' (1); write some of 补建 改建 扩建 购置 置换 租赁, several by /"
    )
    _, report = read(tmp_path, "取得方式", "改建", "Rent", "改扩建")
    assert messages(report, "means-unknown") == []
