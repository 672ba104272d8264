"""Tables as fresh users bring them: unit rows, stray places, rough numbers, odd years, per cent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import xlsxwriter
from pyproj import CRS
from shapely import LineString, Point

from gis.errors import CrsError
from gis.io import read_layer
from gis.io.words import about, short_year, storey, year

ZONE = CRS.from_epsg(4545)  # CM 108E


def table(folder: Path, text: str) -> Path:
    path = folder / "estates.csv"
    path.write_text(text, "utf-8")
    return path


def read(path: Path, kind: str = "estates", **options: Any) -> Any:
    return read_layer(path, kind, target=options.pop("target", ZONE), **options)


def message(report: Any, code: str) -> str:
    return "; ".join(f.message for f in report.findings if f.code == code)


def test_a_row_of_units_with_degrees_is_read_as_units_and_not_refused(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["名称", "经度", "纬度", "户数", "人口", "楼栋数", "建筑面积", "建成年份", "估算投资"],
        [None, "度", "度", "户", "人", "栋", "万平方米", "年", "万元"],
        ["红旗", 106.9, 28.9, 120, 300, 4, 3.51, 1998, 20],
    ]
    path = tmp_path / "estates.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("a")
        for r, row in enumerate(rows):
            page.write_row(r, 0, row)
    layer, report = read(path)
    assert (report.read, report.accepted, report.refused) == (1, 1, ())
    assert layer.numbers("floor_area_m2").tolist() == [35_100]
    assert layer.numbers("cost_yuan").tolist() == [200_000]
    assert layer.numbers("households").tolist() == [120]
    assert layer.numbers("built_year").tolist() == [1998]
    said = next(f for f in report.findings if f.code == "row-dropped")
    assert (said.row, said.severity) == (2, "info")
    assert "万平方米" in said.message
    assert "multiplied by 10000" in message(report, "unit-converted")


def test_a_row_of_dashes_is_no_row_of_units(tmp_path: Path) -> None:
    layer, report = read(table(tmp_path, "名称,户数,经度,纬度\n-,-,-,-\na,5,106.9,28.9\n"))
    assert len(layer) == 1
    assert "units" not in message(report, "row-dropped")


GOOD = "a,106.9,28.9\nb,106.91,28.9\nc,106.9,28.91\n"


def test_one_swapped_row_is_refused_with_its_own_coordinates(tmp_path: Path) -> None:
    layer, report = read(table(tmp_path, f"name,经度,纬度\n{GOOD}d,28.95,106.95\n"), target=None)
    assert layer.frame["name"].tolist() == ["a", "b", "c"]
    assert [(n.row, n.reason) for n in report.refused] == [
        (5, "longitude and latitude are swapped: 28.95, 106.95; swap them")
    ]


def test_one_row_outside_its_system_is_refused_in_a_file_too(tmp_path: Path) -> None:
    places = [Point(500_000 + i, 3_200_000) for i in range(3)]
    shapes = [*places, Point(3_200_000, 500_000), Point(106.9, 28.9)]
    frame = gpd.GeoDataFrame({"name": list("abcde")}, geometry=shapes, crs=ZONE)
    frame.to_file(tmp_path / "a.gpkg")
    layer, report = read(tmp_path / "a.gpkg")
    assert len(layer) == 3
    assert [(n.row, n.reason.split(":")[0].split(",")[0]) for n in report.refused] == [
        (4, "east and north are swapped"),
        (5, "coordinates 106.9"),
    ]
    assert "3200000, 500000" in report.refused[0].reason


def test_a_file_of_mostly_swapped_rows_is_refused_with_the_numbers_of_one_row(
    tmp_path: Path,
) -> None:
    text = "name,经度,纬度\na,28.9,106.9\nb,28.91,106.9\nc,106.95,28.95\n"
    with pytest.raises(CrsError, match=r"\((28\.9, 106\.9|28\.91, 106\.9)\) has its columns swa"):
        read(table(tmp_path, text))
    # Of two rows neither is the odd one.
    with pytest.raises(CrsError, match=r"\(28\.9, 106\.9\) has its columns swapped"):
        read(table(tmp_path, "name,经度,纬度\na,28.9,106.9\nc,106.95,28.95\n"))


@pytest.mark.parametrize("crs", [None, "EPSG:4545"])
def test_one_swapped_row_does_not_turn_the_columns_x_and_y(tmp_path: Path, crs: str | None) -> None:
    rows = "a,106.9,28.9\nb,106.91,28.9\nc,28.9,106.9\n"
    if crs:
        rows = "a,500000,3200000\nb,500010,3200000\nc,3200000,500000\n"
    layer, report = read(table(tmp_path, f"name,X,Y\n{rows}"), source_crs=crs)
    assert layer.frame["name"].tolist() == ["a", "b"]
    assert [n.row for n in report.refused] == [4]
    assert "columns-swapped" not in [f.code for f in report.findings]


@pytest.mark.parametrize("target", [None, ZONE])
def test_a_place_too_far_to_measure_is_refused_alone(tmp_path: Path, target: CRS | None) -> None:
    path = table(tmp_path, f"name,经度,纬度\n{GOOD}d,116.4,39.9\n")
    layer, report = read(path, target=target)
    assert layer.frame["name"].tolist() == ["a", "b", "c"]
    assert layer.crs.to_epsg() == 4545
    assert report.refused[0].row == 5
    assert "116.4, 39.9" in report.refused[0].reason
    assert "km from the other rows" in report.refused[0].reason


def test_a_far_place_that_can_be_measured_is_only_named(tmp_path: Path) -> None:
    # Four degrees of latitude are 444 km; on one meridian they lie in one plane.
    layer, report = read(table(tmp_path, f"name,经度,纬度\n{GOOD}d,106.9,32.9\n"))
    assert (len(layer), report.refused) == (4, ())
    far = next(f for f in report.findings if f.code == "far-away")
    assert far.row == 5
    assert "106.9, 32.9" in far.message
    _, report = read(table(tmp_path, f"name,经度,纬度\n{GOOD}d,106.9,31\n"))
    assert "far-away" not in [f.code for f in report.findings]  # 233 km


def test_a_sum_of_money_that_is_not_used_is_doubted(tmp_path: Path) -> None:
    place = "name,经度,纬度"
    layer, report = read(table(tmp_path, f"{place},改造费用（万元）\na,106.9,28.9,3\n"))
    assert layer.numbers("cost_yuan").tolist() == [30_000]
    assert "money-unused" not in [f.code for f in report.findings]
    _, report = read(table(tmp_path, f"{place},绿化费(元),人(万)\na,106.9,28.9,3,4\n"))
    said = next(f for f in report.findings if f.code == "money-unused")
    assert (said.severity, said.message) == (
        "warning",
        (
            "'绿化费(元)' is a sum of money and is not used; if it is the 估算投资, name it: "
            "--column 'cost_yuan=绿化费(元)'"
        ),
    )
    both = table(tmp_path, f"{place},估算投资(元),绿化费(元)\na,106.9,28.9,3,4\n")
    assert "money-unused" not in [f.code for f in read(both)[1].findings]


def test_a_row_without_coordinates_is_told_which_are_empty(tmp_path: Path) -> None:
    rows = "d,,\ne,106.9,\nf,x,\n"
    _, report = read(table(tmp_path, f"name,经度,纬度\n{GOOD}{rows}"))
    assert [(n.row, n.reason) for n in report.refused] == [
        (5, "经度 and 纬度 are empty; write both coordinates"),
        (6, "纬度 is empty; write both coordinates"),
        (7, "经度 is 'x', which is no number of degrees or metres"),
    ]


def test_a_range_of_years_is_listed_by_row(tmp_path: Path) -> None:
    rows = "a,1995-1998,106.9,28.9\nb,待估,106.9,28.9\n"
    layer, report = read(table(tmp_path, f"name,建成年份,经度,纬度\n{rows}"))
    assert np.isnan(layer.numbers("built_year")).all()
    write = "taken as unknown; write a year such as 1986"
    assert [(n.row, n.reason) for n in report.repaired] == [
        (2, f"built_year is '1995-1998', which names no single year; {write}"),
        (3, f"built_year is '待估', which is no year; {write}"),
    ]


def test_headings_that_were_set_aside_are_named(tmp_path: Path) -> None:
    path = table(tmp_path, "name,经度,纬度,改造资金（万元）,楼长\na,106.9,28.9,3,张\n")
    _, report = read(path)
    said = next(f for f in report.findings if f.code == "columns-kept")
    assert said.severity == "info"
    assert said.message == (
        "Kept as extra columns, not used: 改造资金（万元）, 楼长 (name one with --column "
        "ours=theirs)"
    )
    many = ",".join(f"其他{i}" for i in range(15))
    _, report = read(table(tmp_path, f"name,经度,纬度,{many}\na,106.9,28.9{',1' * 15}\n"))
    assert "其他11 and 3 more (name one" in message(report, "columns-kept")
    _, report = read(table(tmp_path, f"name,经度,纬度\n{GOOD}"))
    assert "columns-kept" not in [f.code for f in report.findings]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("二〇〇一年", 2001), ("二零零一", 2001), ("一九九八年", 1998), ("2001-05-01", 2001),
     ("19990101", 1999), ("1999.5", 1999), ("1999/5", 1999), ("1999/5/1", 1999),
     ("2001-05-01 00:00:00", 2001), ("19991301", None), ("98年", None), ("九〇年代", None)],
)  # fmt: skip
def test_year(written: str, meant: int | None) -> None:
    assert year(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("98年", 1998), ("'85", 1985), ("50", 1950), ("九八年", 1998), ("49年", None), ("05", None),
     ("98户", None), ("90年代", None)],
)  # fmt: skip
def test_a_year_of_two_digits(written: str, meant: int | None) -> None:
    assert short_year(written) == meant


def test_years_as_people_write_them(tmp_path: Path) -> None:
    cells = ["二〇〇一年", "19990101", "98年", "约1985年", "1999/5", "九十年代", "05年"]
    rows = "".join(f"{i},{cell},106.9,28.9{i}\n" for i, cell in enumerate(cells))
    layer, report = read(table(tmp_path, f"name,建成年份,经度,纬度\n{rows}"))
    assert layer.numbers("built_year").tolist()[:5] == [2001, 1999, 1998, 1985, 1999]
    assert np.isnan(layer.numbers("built_year")[5])
    assert "1 values of built_year have two digits" in message(report, "year-short")
    assert "'98年' (1)" in message(report, "year-short")
    assert "'约1985年' (1)" in message(report, "number-rough")
    assert np.isnan(layer.numbers("built_year")[6])
    assert report.refused == ()
    assert [(n.row, n.reason) for n in report.repaired] == [
        (
            7,
            (
                "built_year is '九十年代', which names no single year; taken as unknown; "
                "write a year such as 1986"
            ),
        ),
        (8, "built_year is 5, below 1800; taken as unknown; write a year such as 1986"),
    ]


def test_years_that_are_numbers_of_a_file(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"建成年份": [19990101, 98, 1998, 200105]},
        geometry=[Point(500_000 + i, 3_200_000) for i in range(4)],
        crs=ZONE,
    )
    frame.to_file(tmp_path / "a.gpkg")
    layer, report = read(tmp_path / "a.gpkg")
    assert layer.numbers("built_year").tolist() == [1999, 1998, 1998, 2001]
    assert "1 values" in message(report, "year-short")


@pytest.mark.parametrize(
    ("written", "exact"),
    [("约710", "710"), ("大约 710 户", "710户"), ("700余", "700"), ("700余户", "700户"),
     ("近700人", "700人"), ("3万余人", "3万人"), ("700左右", "700"), ("700", None),
     ("很多", None), ("余", None)],
)  # fmt: skip
def test_about(written: str, exact: str | None) -> None:
    assert about(written) == exact


def test_rough_numbers_are_read_and_counted_and_words_are_unknown(tmp_path: Path) -> None:
    cells = ["约710", "700余户", "700", "近千", "很多"]
    rows = "".join(f"{i},{cell},106.9,28.9{i}\n" for i, cell in enumerate(cells))
    layer, report = read(table(tmp_path, f"name,户数,经度,纬度\n{rows}"))
    assert layer.numbers("households").tolist() == pytest.approx(
        [710, 700, 700, np.nan, np.nan], nan_ok=True
    )
    what = "which is no number; taken as unknown; write one number"
    assert [(n.row, n.reason) for n in report.repaired] == [
        (5, f"households is '近千', {what}"),
        (6, f"households is '很多', {what}"),
    ]
    said = next(f for f in report.findings if f.code == "number-rough")
    assert said.message.startswith("2 values of households are rough")


def projects(folder: Path, heading: str, *cells: str) -> Any:
    rows = "".join(f"e{i},{cell},106.9,28.9{i}\n" for i, cell in enumerate(cells))
    return read(table(folder, f"estate,{heading},经度,纬度\n{rows}"), "projects")


def test_per_cent_become_shares(tmp_path: Path) -> None:
    layer, report = projects(tmp_path, "同意率", "35%", "0.35", "３５％", "35")
    shares = layer.numbers("consent_share").tolist()
    assert shares == pytest.approx([0.35] * 3 + [np.nan], nan_ok=True)
    assert [(n.row, n.reason) for n in report.repaired] == [
        (5, "consent_share is 35, above 1; taken as unknown; write 0.35 or 35%")
    ]


@pytest.mark.parametrize("heading", ["同意率%", "同意率（％）", "同意率 (%)"])
def test_a_heading_in_per_cent(tmp_path: Path, heading: str) -> None:
    layer, report = projects(tmp_path, heading, "35", "70%", "100")
    assert layer.numbers("consent_share").tolist() == pytest.approx([0.35, 0.7, 1])
    assert report.refused == ()
    assert "per-cent-small" not in [f.code for f in report.findings]


def test_a_heading_in_per_cent_over_values_up_to_one_raises_a_doubt(tmp_path: Path) -> None:
    _, report = projects(tmp_path, "同意率%", "0.35", "0.8")
    assert "take the % out of the heading" in message(report, "per-cent-small")


def test_many_odd_rows_are_each_refused_while_they_are_the_fewer(tmp_path: Path) -> None:
    good = [(106.9 + i / 1000, 28.9) for i in range(40)]
    swapped = [(28.9, 106.9 + i / 1000) for i in range(20)]
    metres = [(500_000 + i, 3_200_000) for i in range(15)]
    places = [place for three in zip(good, swapped, metres, strict=False) for place in three]
    places += good[15:] + swapped[15:]
    rows = "".join(f"{x},{y}\n" for x, y in places)
    layer, report = read(table(tmp_path, f"经度,纬度\n{rows}"))
    reasons = [n.reason.split(":")[0].split(" 5")[0] for n in report.refused]
    assert len(layer) == 40
    assert reasons.count("longitude and latitude are swapped") == 20
    assert reasons.count("coordinates") == 15
    assert report.refused[0].reason.endswith("28.9, 106.9; swap them")


def test_one_odd_row_of_shapes_as_text_is_refused_alone(tmp_path: Path) -> None:
    rows = "a,POINT (106.9 28.9)\nb,POINT (106.91 28.9)\nc,POINT (500000 3200000)\n"
    layer, report = read(table(tmp_path, f"name,wkt\n{rows}"))
    assert layer.frame["name"].tolist() == ["a", "b"]
    assert [n.row for n in report.refused] == [4]
    assert "lie outside" in report.refused[0].reason


def test_where_the_project_lies_elsewhere_no_row_is_to_blame(tmp_path: Path) -> None:
    # All rows are too far from a zone at 132 E: the file is refused, not its far row.
    path = table(tmp_path, f"name,经度,纬度\n{GOOD}d,112,28.9\n")
    with pytest.raises(CrsError, match="changes ground lengths"):
        read(path, target=CRS.from_epsg(4553))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("一层", 1), ("二楼", 2), ("第三层", 3), ("十二层", 12), ("二十三楼", 23), ("十", 10),
        ("3F", 3), ("F3", 3), ("L2", 2), ("１层", 1), ("沿街一层", 1), ("1楼商铺", 1),
        ("底层", 1), ("首层", 1), ("平房", 1), ("地下一层", -1), ("负二层", -2), ("B1", -1),
        ("-1层", -1), ("地下室", -1), ("半地下", -1), ("3/6", 3), ("3/6层", 3),
        ("顶层", None), ("夹层", None), ("共6层", None), ("两层", None), ("6/3", None),
        ("层", None), ("", None), ("A座", None),
    ],
)  # fmt: skip
def test_a_storey_as_registers_write_it(written: str, meant: int | None) -> None:
    assert storey(written) == (meant, False)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1-2层", 1), ("一至二层", 1), ("1、2层", 1), ("三楼~五楼", 3), ("2层-3层", 2),
     ("地下一层至一层", None), ("-1-1层", None), ("5-3层", None)],
)  # fmt: skip
def test_of_several_storeys_the_lowest_counts_unless_it_is_below_the_ground(
    written: str, meant: int | None
) -> None:
    assert storey(written) == (meant, True)


def test_a_storey_that_is_none_leaves_the_room_in_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    rows = ["甲,一层", "乙,地下一层", "丙,1-2层", "丁,顶层", "戊,3", "己,"]
    lines = "".join(f"{row},106.9,28.9\n" for row in rows)
    path.write_text("名称,楼层,经度,纬度\n" + lines, "utf-8")
    layer, report = read(path, "sites")

    assert report.refused == ()
    found = layer.numbers("storey").tolist()
    assert found[:3] == [1, -1, 1]
    assert found[4] == 3
    assert np.isnan([found[3], found[5]]).all()
    assert "'顶层' (1)" in message(report, "word-unknown")
    assert "'1-2层' (1)" in message(report, "storeys-several")


def test_a_number_of_storeys_is_still_a_number(tmp_path: Path) -> None:
    path = tmp_path / "buildings.csv"
    path.write_text("名称,层数,经度,纬度\na,地下一层,106.9,28.9\nb,6层,106.9,28.9\n", "utf-8")
    layer, report = read(path, "buildings")
    assert layer.numbers("storeys").tolist() == pytest.approx([np.nan, 6], nan_ok=True)
    assert [n.row for n in report.repaired] == [2]


def grid_of_streets() -> gpd.GeoSeries:
    """Thirteen streets each way, unevenly spaced, in true degrees."""
    at = 106.9 + 0.0011 * np.cumsum(1 + np.arange(13) % 4)
    lines = [LineString([(x, 28.89), (x, 28.93)]) for x in at]
    lines += [LineString([(106.9, y), (106.95, y)]) for y in 28.89 + (at - 106.9)]
    return gpd.GeoSeries(lines, crs=4326)


@pytest.mark.parametrize("count", [4, 25])
def test_degrees_that_nothing_decides_are_a_warning_with_what_to_say(
    tmp_path: Path, count: int
) -> None:
    at = np.random.default_rng(2).uniform((106.91, 28.9), (106.94, 28.92), (count, 2))
    rows = "".join(f"甲,{x:.6f},{y:.6f}\n" for x, y in at)
    path = table(tmp_path, f"name,经度,纬度\n{rows}")
    _, report = read(path, "sites", trusted=grid_of_streets())
    (told,) = [f for f in report.findings if f.code.startswith("coords")]
    assert (told.code, told.severity) == ("coords-doubtful", "warning")
    assert told.message.startswith("read as WGS 84, which the file does not say")
    assert "--coords gcj02" in told.message
    assert "declared" not in told.message
    # Once it is said, there is no doubt.
    _, report = read(path, "sites", trusted=grid_of_streets(), coords="wgs84")
    assert [f.severity for f in report.findings if f.code.startswith("coords")] == ["info"]
