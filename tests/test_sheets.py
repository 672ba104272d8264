"""The workbook that a planner mails: what is in which cell, and what never becomes a formula."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import openpyxl
import pytest
from shapely.geometry import LineString, Point, box

from gis.coverage import circle_claim, measure_coverage
from gis.errors import FileError, OptionError
from gis.model import Study
from gis.rules import load_pack, own_rule
from gis.sample import make_city
from gis.sheets import write_gap_workbook
from gis.sheets.book import MOST_ROWS, Book, opened_book
from tests import layers

SHEETS = ["摘要", "按小区", "按社区", "按街道", "矩阵", "说明"]


layer = partial(layers.layer, corner=None)


def street_town():
    """One street: a nursery at 0 m; estates at 200 m, 700 m, 900 m; one without any street."""
    east, north = 500_000, 4_000_000
    places = [Point(east + x, north) for x in (200, 700, 900, 9000)]
    return Study(
        {
            "streets": layer("streets", [LineString([(east, north), (east + 1000, north)])]),
            "facilities": layer(
                "facilities", [Point(east, north)], category=["nursery"], name=["=1+1"]
            ),
            "estates": layer(
                "estates",
                places,
                name=["近园", "=HYPERLINK(1)", "http://a.b", None],
                people=[100, 250, np.nan, 30],
                households=[40, 100, np.nan, np.nan],
                community=["甲社区", "甲社区", None, None],
                subdistrict=["东街道", "东街道", "东街道", None],
            ),
        }
    )


def written(tmp_path, rules=None, **options):
    rules = rules or [own_rule("bank", metres=500), own_rule("nursery", metres=500)]
    path = tmp_path / "gaps.xlsx"
    options = {"date": "2026-05-01", "project": "云溪市"} | options
    write_gap_workbook(measure_coverage(street_town(), rules), path, **options)
    return openpyxl.load_workbook(path)


def rows_of(sheet):
    head, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    return [dict(zip(head, row, strict=True)) for row in rows]


def all_text(sheet):
    return "\n".join(str(c) for row in sheet.iter_rows(values_only=True) for c in row if c)


def test_six_sheets_in_the_order_of_reading(tmp_path):
    assert written(tmp_path).sheetnames == SHEETS


def test_the_summary_leads_with_the_people_who_lack_care(tmp_path):
    sheet = written(tmp_path)["摘要"]

    assert sheet["A1"].value == "云溪市 步行可达设施缺口清单"
    assert sheet["A2"].value == (
        "共 4 个小区，其中 2 个小区步行可达范围内缺少应配的养老或托幼设施，涉及 250 人"
        "（另有 1 个小区人口未知）。"
    )
    assert "2026-05-01" in all_text(sheet)


def test_the_summary_table_has_one_line_per_category_childcare_before_banks(tmp_path):
    sheet = written(tmp_path)["摘要"]
    head = [cell.value for cell in sheet[5]]
    first, second = (
        dict(zip(head, [cell.value for cell in sheet[row]], strict=True)) for row in (6, 7)
    )

    assert (first["设施"], first["限值"]) == ("托儿所", "500 米")
    assert (first["覆盖小区（个）"], first["缺口小区（个）"], first["未连通（个）"]) == (1, 2, 1)
    assert first["小区覆盖率"] == pytest.approx(1 / 3)
    assert (first["缺口人口（人）"], first["缺口户数（户）"]) == (250, 100)
    assert first["未连通人口（人）"] == 30  # the estate without any street
    assert (second["设施"], second["无数据（个）"]) == ("银行", 4)
    assert second["缺口小区（个）"] is None
    assert second["小区覆盖率"] == "无数据"


def test_the_gap_list_has_a_line_per_estate_with_metres_walked(tmp_path):
    first, second = rows_of(written(tmp_path)["按小区"])

    assert (first["小区"], first["缺少设施"]) == ("=HYPERLINK(1)", "托儿所")
    assert (first["最近设施步行距离（米）"], first["超出限值（米）"]) == (700, 200)
    assert (first["人口（人）"], first["人口来源"], first["起点"]) == (250, "统计", "点位")
    assert (second["社区"], second["人口（人）"], second["人口来源"]) == ("未填", None, "未知")


def test_names_from_files_never_become_formulas_or_links(tmp_path):
    book = written(tmp_path)

    kinds = {cell.data_type for sheet in book for row in sheet for cell in row}
    assert "f" not in kinds
    assert not any(cell.hyperlink for sheet in book for row in sheet for cell in row)


def test_what_is_unknown_is_empty_and_never_nought(tmp_path):
    matrix = {row["小区"]: row for row in rows_of(written(tmp_path)["矩阵"])}

    assert matrix["http://a.b"]["人口（人）"] is None
    assert matrix["http://a.b"]["托儿所"] == 900
    assert matrix["estates-3"]["托儿所"] == "未连通"
    assert matrix["近园"]["银行"] == "无数据"


def test_the_matrix_has_a_colour_per_status(tmp_path):
    sheet = written(tmp_path)["矩阵"]
    column = [cell.value for cell in sheet[1]].index("托儿所") + 1
    colours = {sheet.cell(row, column).fill.fgColor.rgb for row in (2, 3, 5)}

    assert len(colours) == 3
    assert sheet.cell(3, column).fill.fgColor.rgb == sheet.cell(4, column).fill.fgColor.rgb


def test_communities_and_subdistricts_add_up(tmp_path):
    book = written(tmp_path)
    communities, subdistricts = rows_of(book["按社区"]), rows_of(book["按街道"])

    assert [(r["街道"], r["社区"], r["小区数（个）"]) for r in communities] == [
        ("东街道", "甲社区", 2), ("东街道", "（小区未填社区）", 1),
        ("（小区未填街道）", "（小区未填社区）", 1),
    ]  # fmt: skip
    assert [(r["街道"], r["托儿所"], r["银行"]) for r in subdistricts] == [
        ("东街道", 2, "无数据"), ("（小区未填街道）", 0, "无数据"),
    ]  # fmt: skip
    assert subdistricts[0]["人口（人）"] == 350
    assert subdistricts[0]["缺应配养老或托幼人口（人）"] == 250


def test_every_list_prints_across_with_its_heading_on_each_page(tmp_path):
    book = written(tmp_path)

    for name in SHEETS:
        page = book[name].page_setup
        paper = 8 if name.startswith("按") else 9  # A3 where there are many columns, else A4
        assert (page.orientation, page.paperSize, page.fitToHeight) == ("landscape", paper, 0)
        assert book[name].sheet_properties.pageSetUpPr.fitToPage  # one page wide unless said
    for name in SHEETS[1:5]:
        assert book[name].print_title_rows == "$1:$1"
        assert book[name].freeze_panes is not None
        assert book[name].auto_filter.ref.startswith("A1:")


def test_minutes_are_shown_where_the_limit_is_in_minutes(tmp_path):
    first, _ = rows_of(written(tmp_path, [own_rule("nursery", minutes=5)])["按小区"])

    assert first["限值"] == "5 分钟（300 米）"
    assert first["步行时间（分钟）"] == pytest.approx(700 / 60)


def test_a_pack_is_named_with_its_source_and_what_was_not_verified(tmp_path):
    pack = load_pack("gb50180-2018")
    path = tmp_path / "gaps.xlsx"

    write_gap_workbook(
        measure_coverage(street_town(), pack.rules, pack=pack), path, date="2026-05-01"
    )

    book = openpyxl.load_workbook(path)
    summary = all_text(book["摘要"])
    assert pack.zh in summary
    assert pack.source in summary
    assert "20 / 20" in summary
    assert "没有数据" in summary  # elderly day-care and kindergarten were never imported
    assert "生活垃圾收集站" in all_text(book["说明"])


def test_english_has_the_same_sheets_and_no_chinese_headings(tmp_path):
    book = written(tmp_path, lang="en", project="Town")

    assert book.sheetnames == [
        "Summary", "By estate", "By community", "By subdistrict", "Matrix", "About",
    ]  # fmt: skip
    for name in book.sheetnames[1:5]:
        assert all(cell.value.isascii() for cell in book[name][1])
    assert book["Summary"]["A2"].value == (
        "2 of 4 estates lack required elderly care or childcare within the walk: 250 people "
        "(unknown for 1 of them)."
    )


def test_no_gap_at_all_is_a_workbook_too(tmp_path):
    book = written(tmp_path, [own_rule("nursery", metres=1000)])

    assert rows_of(book["按小区"]) == []
    assert "0 个小区" in book["摘要"]["A2"].value


def test_without_data_on_care_nothing_is_claimed(tmp_path):
    lead = written(tmp_path, [own_rule("bank", metres=500)])["摘要"]["A2"].value

    assert lead == "共 4 个小区；养老、托幼设施没有数据或不在本次检验之内。"


def test_a_folder_that_is_not_there_and_a_language_are_refused(tmp_path):
    coverage = measure_coverage(street_town(), [own_rule("nursery", metres=500)])

    with pytest.raises(FileError, match=r"Cannot write .*gaps\.xlsx"):
        write_gap_workbook(coverage, tmp_path / "no" / "gaps.xlsx", date="2026-05-01")
    with pytest.raises(OptionError, match="zh, en"):
        write_gap_workbook(coverage, tmp_path / "gaps.xlsx", date="2026-05-01", lang="fr")


def pack_book(tmp_path, lang="zh"):
    """A whole pack on the one street, with places, a plan of two districts and a claim."""
    pack = load_pack("complete-community-2020")
    coverage = measure_coverage(street_town(), pack.rules, pack=pack)
    plan = SimpleNamespace(
        estates=coverage.estates.uids, district=np.array(["D1", "D1", "D2", None], dtype=object)
    )
    path = tmp_path / "pack.xlsx"
    claim = circle_claim(coverage, minutes=5)
    write_gap_workbook(coverage, path, date="2026-05-01", lang=lang, plan=plan, claim=claim)
    return openpyxl.load_workbook(path)


def test_a_pack_adds_circles_sizes_districts_and_the_claim(tmp_path):
    book = pack_book(tmp_path)

    assert book.sheetnames == [
        "摘要", "按小区", "按社区", "按街道", "按片区",
        "生活圈", "规模", "生活圈核查", "矩阵", "说明",
    ]  # fmt: skip
    assert "f" not in {cell.data_type for sheet in book for row in sheet for cell in row}
    (level,) = rows_of(book["生活圈"])
    assert (level["圈层"], level["应配项目（项）"]) == ("完整居住社区", 11)
    sizes = rows_of(book["规模"])
    nursery = next(row for row in sizes if row["设施"] == "托儿所" and row["范围"] == "全市")
    assert (nursery["单位"], nursery["规模未知设施（个）"], nursery["范围内现有"]) == (
        "位",
        1,
        None,
    )
    claim = rows_of(book["生活圈核查"])
    every = next(row for row in claim if row["功能"] == "全部功能" and row["范围"] == "全市")
    assert every["说法成立"] == "不成立"
    districts = {(row["片区"], row["缺少设施"]) for row in rows_of(book["按片区"])}
    assert ("D1", "托儿所") in districts


def test_the_gap_list_says_whom_a_rule_is_about_and_how_good_the_data_are(tmp_path):
    book = pack_book(tmp_path)

    first = rows_of(book["按小区"])[0]
    assert (first["缺少设施"], first["对应人群"]) == ("托儿所", "0-2岁儿童（估算）")
    assert first["缺口对应人群（人）"] == 5  # 1.9 % of 250
    assert first["数据等级"] in "ABCD"
    assert {row["规模区间"] for row in rows_of(book["按社区"])} == {"偏小", None}
    text = all_text(book["摘要"])
    assert "按平地" in text
    assert "10:00" in text


def test_the_new_sheets_are_english_too(tmp_path):
    book = pack_book(tmp_path, lang="en")

    for name in book.sheetnames[1:-1]:
        assert all(cell.value.isascii() for cell in book[name][1]), name


def test_what_is_lacking_in_reach_is_a_whole_number_of_places(tmp_path):
    # 1,857.069 places lacked in reach, said the sheet: shares of people are no finer than people.
    city = make_city(seed=4, estates=20)
    coverage = measure_coverage(city, load_pack("gb50180-2018").rules)
    path = tmp_path / "city.xlsx"
    write_gap_workbook(coverage, path, date="2026-05-01", project="云溪市")

    book = openpyxl.load_workbook(path)
    rows = [row for name in book.sheetnames for row in rows_of(book[name]) if "可达缺额" in row]
    assert rows
    for row in rows:
        for key in ("可达缺额", "步行可达规模", "可分配到", "分配不到"):
            assert row[key] is None or row[key] == int(row[key])


HOUSED = ("缺口人口（人）", "缺口户数（户）")


def housed_book(tmp_path, lang="zh", **options):
    """Of 100 people in two houses the 40 of the near one are covered, of 50 elsewhere nobody is."""
    east, north = 500_000, 4_000_000
    houses = [(100, 40), (700, 60), (900, 50)]
    study = street_town()
    estates = layer(
        "estates",
        [
            box(east + low, north - 40, east + high, north - 2)
            for low, high in ((90, 720), (890, 920))
        ],
        name=["长园", "远园"],
        people=[100, 50],
        households=[50, 20],
        community=["甲社区", "乙社区"],
        subdistrict=["东街道", "东街道"],
    )
    buildings = layer(
        "buildings",
        [box(east + x, north - 20, east + x + 10, north - 4) for x, _ in houses],
        estate=["estates-0", "estates-0", "estates-1"],
        people=[people for _, people in houses],
    )
    study = Study(study.layers | {"estates": estates, "buildings": buildings})
    rules = [own_rule("nursery", metres=500)]
    path = tmp_path / "housed.xlsx"
    coverage = measure_coverage(study, rules, **({"origin": "building"} | options))
    write_gap_workbook(coverage, path, date="2026-05-01", lang=lang)
    return openpyxl.load_workbook(path)


def test_from_buildings_all_sheets_count_the_same_people(tmp_path):
    # The summary counted the 150 of both estates, the communities the 110 without a nursery.
    book = housed_book(tmp_path)

    assert "2 个小区步行" in book["摘要"]["A2"].value
    assert "按楼栋计涉及 110 人。" in book["摘要"]["A2"].value
    for name in ("按社区", "按街道"):
        assert sum(row["缺应配养老或托幼人口（人）"] for row in rows_of(book[name])) == 110
    estates = {row["小区"]: row for row in rows_of(book["按小区"])}
    assert {name: row["人口（人）"] for name, row in estates.items()} == {"长园": 100, "远园": 50}
    assert [estates["长园"][key] for key in HOUSED] == [60, 30]
    assert [estates["远园"][key] for key in HOUSED] == [50, 20]
    head = [cell.value for cell in book["摘要"][5]]
    row = dict(zip(head, [cell.value for cell in book["摘要"][6]], strict=True))
    assert [row[key] for key in HOUSED] == [110, 50]
    assert "110 people, by building." in housed_book(tmp_path, lang="en")["Summary"]["A2"].value


def test_about_says_where_people_start(tmp_path):
    by_building, by_gate = (
        all_text(housed_book(tmp_path, origin=origin)["说明"]) for origin in ("building", "gate")
    )

    assert "本次从楼栋起算" in by_building
    assert "从小区出入口沿道路" not in by_building
    assert "本次从小区出入口起算" in by_gate
    assert "楼栋" not in by_gate


def test_the_gap_people_of_an_estate_stand_beside_all_its_people(tmp_path):
    first, second = rows_of(written(tmp_path)["按小区"])

    assert [first[key] for key in HOUSED] == [250, 100]
    assert [second[key] for key in HOUSED] == [None, None]


def test_sizes_say_what_the_base_counts(tmp_path):
    # 32,604 households stood where people were said to be left without.
    city = make_city(seed=4, estates=20)
    coverage = measure_coverage(city, load_pack("gb50180-2018").rules)
    path = tmp_path / "city.xlsx"
    write_gap_workbook(coverage, path, date="2026-05-01")
    rows = [r for r in rows_of(openpyxl.load_workbook(path)["规模"]) if r["范围"] == "全市"]
    units = {row["设施"].split("（")[0]: row["基数单位"] for row in rows}

    assert units == {
        "老年人日间照料中心": "户", "托儿所": "人", "幼儿园": "3-5岁儿童",
    }  # fmt: skip
    for row in rows:
        share = row["分配不到"] / (row["可分配到"] + row["分配不到"])
        assert row["基数中未获服务"] / row["基数"] == pytest.approx(share, abs=0.05)


def test_a_claim_names_who_walks(tmp_path):
    coverage = measure_coverage(street_town(), [own_rule("nursery", metres=500)])
    path = tmp_path / "claim.xlsx"
    for lang, sheet, heading, who in (
        ("zh", "生活圈核查", "步行者", "老年人"),
        ("en", "Circle claim", "Walker", "Older person"),
    ):
        claim = circle_claim(coverage, minutes=5, walker="elderly")
        write_gap_workbook(coverage, path, date="2026-05-01", lang=lang, claim=claim)
        walkers = {row[heading] for row in rows_of(openpyxl.load_workbook(path)[sheet])}
        assert len(walkers) == 1
        assert who in walkers.pop()


def test_an_error_half_way_leaves_the_workbook_that_was_there(tmp_path):
    path = tmp_path / "gaps.xlsx"
    path.write_bytes(b"of last week")
    with pytest.raises(OptionError, match="rows"), opened_book(Book, path, "zh") as book:
        book.table(book.sheet("summary", ""), [], range(MOST_ROWS + 1))
    assert path.read_bytes() == b"of last week"
