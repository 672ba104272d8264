"""The workbook of sites: its figures are those of the plan, and every word is of one language."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from shapely.geometry import Point

from gis.errors import FileError, OptionError
from gis.model import Study
from gis.rules import own_rule
from gis.sheets.site_notes import NOT_TOLD
from gis.sheets.site_words import SETTINGS, WORDS
from gis.sheets.sites import write_site_workbook
from gis.sheets.words import FINDINGS_ZH
from gis.sites import Ask, SitePlan, plan_sites
from tests.layers import layer
from tests.test_sites_plan import STATION, X, sized, street

HOSTILE = (
    '=HYPERLINK("http://x")',
    "<img src=x onerror=1>",
    "@SUM(A1)",
    "坏\x00\x1b字",
    "长" * 40_000,
)

Cells = dict[str, list[tuple[Any, ...]]]
Write = Callable[..., Cells]


class Told:
    """A plan of which only what it tells is known."""

    def __init__(self, plan: SitePlan, **changes: Any) -> None:
        self.told = plan.to_json() | changes

    def to_json(self) -> dict[str, Any]:
        return self.told


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_it(plan: Any, **options: Any) -> Cells:
        file = tmp_path / "sites.xlsx"
        write_site_workbook(plan, file, date="2026-11-21", **options)
        book = openpyxl.load_workbook(file)
        return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}

    return write_it


def table(rows: list[tuple[Any, ...]], heading: str) -> list[dict[str, Any]]:
    """Return the rows below a heading, by their columns, up to the first empty one."""
    top = next(i for i, row in enumerate(rows) if row[0] == heading)
    names = [str(name).replace("\n", "") for name in rows[top] if name is not None]
    out = []
    for row in rows[top + 1 :]:
        if row[0] is None:
            break
        out.append(dict(zip(names, row, strict=False)))
    return out


def notes(cells: Cells, sheet: str = "说明") -> dict[str, str]:
    return {row[0]: row[1] for row in cells[sheet] if row[0] is not None}


def two() -> SitePlan:
    # S4 and S8 serve 70 of the 110 people, F 20 of them today: see test_sites_plan.
    return plan_sites(street(), [STATION], Ask(count=2, curve=True))


def test_the_first_sheet_has_the_figures_of_the_plan(write: Write) -> None:
    plan = two()
    first = write(plan, project="示例市")["选址结果"]

    assert first[0][0] == "示例市 补短板设施选址 2026-11-21"
    assert "新增 2 处，步行 100 米内覆盖的居民由 20 增至 90（应覆盖 110）" in first[1][0]
    assert first[2][0] == (
        "已证明最优：共覆盖 90，同样条件下没有方案能覆盖更多。覆盖情况已沿路网重新步行核验。"
    )
    (service,) = table(first, "序号")
    assert (service["应覆盖"], service["现状覆盖"], service["选址后覆盖"]) == (110, 20, 90)
    assert service["现状覆盖率"] == pytest.approx(20 / 110)
    assert service["选址后覆盖率"] == pytest.approx(90 / 110)
    assert (service["新增（处）"], service["符合条件备选（处）"]) == (2, 5)
    told = plan.to_json()["chosen"]
    four, eight, total, note = table(first, "编号")
    assert note["编号"].startswith("空白为未知，不是零")
    assert [four["编号"], eight["编号"], total["编号"]] == ["S4", "S8", "合计"]
    for row, site in zip((four, eight), told, strict=True):
        (use,) = site["services"]
        assert row["新增覆盖"] == use["newly_covered"]
        assert row["服务人数"] == use["people"]
        assert row["费用（万元）"] == pytest.approx(site["cost_yuan"] / 1e4)
        assert row["现有面积（m²）"] == 120
        assert row["取得方式"] == "改建"
    # Without S4 30 people lose, in its place one other serves 10 of them; nothing replaces S8 so.
    assert (four["取消后失去服务"], four["替代后仍失去"]) == (30, 20)
    assert eight["取消后失去服务"] == 40
    assert total["费用（万元）"] == pytest.approx(sum(s["cost_yuan"] for s in told) / 1e4)


def test_estimated_costs_are_marked_and_stay_numbers(tmp_path: Path) -> None:
    file = tmp_path / "sites.xlsx"
    write_site_workbook(two(), file, date="2026-11-21")
    cells = list(openpyxl.load_workbook(file)["选址结果"].iter_rows())
    top = next(i for i, row in enumerate(cells) if row[0].value == "编号")
    costs = [row[7] for row in cells[top + 1 : top + 4]]

    # The cost of S4 is given, that of S8 is reckoned by the square metre, and so is the sum.
    assert ["估" in cell.number_format for cell in costs] == [False, True, True]
    assert all(isinstance(cell.value, int | float) for cell in costs)


def test_who_is_still_without_comes_by_number_of_people(write: Write) -> None:
    people = [10.0] * 9 + [20.0]
    people[2] = float("nan")
    estates = layer(
        "estates", [Point(x, 0) for x in X], uid=[f"E{i}" for i in range(10)],
        name=[f"小区{i}" for i in range(10)], people=people,
    )  # fmt: skip
    plan = plan_sites(street(estates=estates), [STATION], Ask(count=1))
    rows = table(write(plan)["仍未覆盖"], "设施")

    # S8 serves E7, E8, E9; of E2 nobody knows how many: empty, not nought, and last.
    assert [row["小区编号"] for row in rows] == ["E3", "E4", "E5", "E6", "E2"]
    assert [row["人数"] for row in rows] == [10, 10, 10, 10, None]
    assert {row["原因"] for row in rows} == {"限值内有备选，本方案未能服务"}


def test_whom_no_candidate_reaches_is_told_although_not_all_were_asked_for(write: Write) -> None:
    sites = layer(
        "sites", [Point(x, 0) for x in (200.0, 800.0)], uid=["S2", "S8"],
        floor_area_m2=[120.0] * 2, means=["改建"] * 2, storey=[1.0] * 2,
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [STATION], Ask(count=1))
    why = {row["小区编号"]: row["原因"] for row in table(write(plan)["仍未覆盖"], "设施")}

    # S8 is chosen; S2 is within 100 m of E2 and E3, and nothing is of those between the two.
    there, far = "限值内有备选，本方案未能服务", "限值内没有符合条件的备选"
    assert why == {"E2": there, "E3": there, "E4": far, "E5": far, "E6": far}


def test_who_is_still_without_is_a_line_each_on_upright_paper(tmp_path: Path) -> None:
    estates = layer(
        "estates", [Point(x, 0) for x in X], uid=[f"E{i}" for i in range(10)],
        name=["云溪市山水花园第三期南区住宅小区"] * 10, people=[10.0] * 10,
    )  # fmt: skip
    file = tmp_path / "sites.xlsx"
    plan = plan_sites(street(estates=estates), [STATION], Ask(count=1))
    write_site_workbook(plan, file, date="2026-11-21")
    book = openpyxl.load_workbook(file)
    sheet = book["仍未覆盖"]

    assert sheet.page_setup.orientation == "portrait"
    heights = {sheet.row_dimensions[row].height for row in range(2, sheet.max_row + 1)}
    assert heights <= {None, 18.0}
    assert book["选址结果"].page_setup.paperSize == 8


def test_who_loses_is_named_and_how_many_they_are(write: Write) -> None:
    def losers(count: int) -> str:
        told = two().to_json()
        (use,) = told["chosen"][0]["services"]
        use["without"]["estates"] = [{"estate": f"E{i}", "name": f"园{i}"} for i in range(count)]
        return str(table(write(Told(two(), **told))["选址结果"], "编号")[0]["失去服务的小区"])

    assert losers(2) == "园0、园1"
    assert losers(5) == "园0、园1、园2、园3、园4"
    assert losers(7) == "园0、园1、园2、园3、园4 等 7 个"


def test_nearest_is_not_called_served(write: Write) -> None:
    median = plan_sites(street(), [STATION], Ask(count=1, model="p-median"))
    headings = {str(cell) for row in write(median)["选址结果"] for cell in row}

    # The walk of some to the one site is far beyond the 100 m of the rule.
    assert "就近人数" in headings
    assert "服务人数" not in headings
    assert "服务人数" in {str(cell) for row in write(two())["选址结果"] for cell in row}


def test_estimated_people_are_told_with_the_number_of_estates(write: Write) -> None:
    people = [10.0] * 9 + [float("nan")]
    estates = layer(
        "estates", [Point(x, 0) for x in X], uid=[f"E{i}" for i in range(10)],
        people=people, households=[4.0] * 10,
    )  # fmt: skip
    plan = plan_sites(street(estates=estates), [STATION], Ask(count=1))
    (service,) = table(write(plan)["选址结果"], "序号")

    assert service["服务对象"] == "居民（其中 1 个小区为估算）"
    (whole,) = table(write(two())["选址结果"], "序号")
    assert whole["服务对象"] == "居民"


def test_what_was_refused_is_one_row_for_each_reason(write: Write) -> None:
    sites = layer(
        "sites", [Point(x, 0) for x in (200.0, 800.0)], uid=["S2", "S8"],
        floor_area_m2=[60.0, 120.0], means=["改建或购置", "改建"], storey=[1.0, 1.0],
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [replace(STATION, sizes=sized(100))], Ask(count=1))
    (row,) = table(write(plan)["备选与不符原因"], "编号")

    assert len(plan.to_json()["left_out"]) == 2
    assert (row["编号"], row["取得方式"]) == ("S2", "改建、购置")
    assert "60 m² 小于 100 m²" in row["原因"]


def test_facilities_to_be_enlarged_are_no_news_to_other_services(write: Write) -> None:
    # F, an elderly station of 200 m2, could be enlarged to 300, but not into a nursery.
    rules = [replace(own_rule("nursery", metres=100), sizes=sized(360)),
             replace(STATION, sizes=sized(300))]  # fmt: skip
    plan = plan_sites(Study(street().layers, none_of=frozenset({"nursery"})), rules, Ask(count=1))
    rows = table(write(plan)["备选与不符原因"], "编号")
    assert ("F", "托儿所") not in {(row["编号"], row["设施"]) for row in rows}
    assert ("S0", "托儿所") in {(row["编号"], row["设施"]) for row in rows}


def test_what_cannot_be_met_says_so_and_what_would_do(write: Write) -> None:
    sites = layer(
        "sites", [Point(x, 0) for x in (200.0, 800.0)], uid=["S2", "S8"],
        floor_area_m2=[120.0, 120.0], means=["改建"] * 2, storey=[1.0] * 2,
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [STATION], Ask(share=1.0))
    cells = write(plan)

    said = cells["选址结果"][2][0]
    assert said.startswith(
        "无法全部满足（老年服务站 3 个小区无备选可达）。其余小区的方案：已证明最优"
    )
    assert "共需 2 处，不可能用更少的处数做到" in said
    why = {row["小区编号"]: row["原因"] for row in table(cells["仍未覆盖"], "设施")}
    assert why == dict.fromkeys(("E4", "E5", "E6"), "限值内没有符合条件的备选")


def test_a_share_that_cannot_be_had_is_said_with_what_would_do(write: Write) -> None:
    sites = layer(
        "sites", [Point(200, 0)], uid=["S2"], floor_area_m2=[120.0], means=["改建"], storey=[1.0]
    )
    cells = write(plan_sites(street(sites=sites), [STATION], Ask(share=0.9)))

    # F and S2 serve E0 to E3, 40 of 110 people; 99 need E9 to walk 700 m to S2, or E8 600 m ...
    assert "达不到，最小调整见“说明”表" in cells["选址结果"][2][0]
    assert notes(cells)["步行限值放宽至"].endswith("米（现为 100 米）")


def test_no_room_that_fits_is_said(write: Write) -> None:
    plan = plan_sites(street(), [replace(STATION, sizes=sized(5000))], Ask(count=1, upgrades=False))
    first = write(plan)["选址结果"]

    assert "没有符合条件的备选" in first[2][0]
    assert any(row[0] == "没有选出新的地点。" for row in first)


def test_nobody_without_and_nothing_refused_are_said(write: Write) -> None:
    cells = write(plan_sites(street(), [STATION], Ask(share=1.0)))

    assert cells["仍未覆盖"][1][0] == "已全部覆盖"
    assert cells["备选与不符原因"][1][0] == "全部备选均符合条件"


def test_the_curve_has_its_chart_and_its_knee(tmp_path: Path) -> None:
    file = tmp_path / "sites.xlsx"
    plan = two()
    write_site_workbook(plan, file, date="2026-11-21")
    sheet = openpyxl.load_workbook(file)["增补效益"]
    rows = list(sheet.iter_rows(values_only=True))
    points = plan.to_json()["curve"]["points"]

    assert [row[:2] for row in rows[1 : 1 + len(points)]] == [
        (p["count"], p["people"]) for p in points
    ]
    assert rows[1][2] is None
    knee = plan.to_json()["curve"]["knee"]
    assert any(f"增至 {knee} 处以后" in str(row[0]) for row in rows)
    with zipfile.ZipFile(file) as book:
        chart = book.read("xl/charts/chart1.xml").decode()
    assert f"增补效益!$B$2:$B${1 + len(points)}" in chart


def test_a_plan_without_a_curve_has_no_sheet_for_it(write: Write) -> None:
    assert "增补效益" not in write(plan_sites(street(), [STATION], Ask(count=1)))


def test_no_name_becomes_a_formula_or_breaks_the_file(write: Write) -> None:
    sites = layer(
        "sites", [Point(x, 0) for x in (0.0, 200.0, 400.0, 600.0, 800.0)],
        uid=[f"=S{i}" for i in range(5)], name=list(HOSTILE), floor_area_m2=[120.0] * 5,
        means=["改建"] * 5, storey=[1.0] * 5,
    )  # fmt: skip
    estates = layer(
        "estates", [Point(x, 0) for x in X], uid=[f"@E{i}" for i in range(10)],
        name=list(HOSTILE) * 2, people=[10.0] * 10,
    )  # fmt: skip
    plan = plan_sites(street(sites=sites, estates=estates), [STATION], Ask(count=3))
    cells = write(plan, project="=1+1&<b>")

    assert cells["选址结果"][0][0].startswith("=1+1&<b>")
    shown = {row["名称"] for row in table(cells["选址结果"], "编号")} - {None}
    clean = {re.sub(r"[\x00-\x1f]", "", name)[:32_000] for name in HOSTILE}
    assert {re.sub(r"_x00[01][0-9A-Fa-f]_|[\x00-\x1f]", "", name) for name in shown} <= clean


def test_the_cells_of_hostile_names_are_text(tmp_path: Path) -> None:
    names = [HOSTILE[0]] * 5
    sites = layer(
        "sites", [Point(x, 0) for x in (0.0, 200.0, 400.0, 600.0, 800.0)], name=names,
        floor_area_m2=[120.0] * 5, means=["改建"] * 5, storey=[1.0] * 5,
    )  # fmt: skip
    file = tmp_path / "sites.xlsx"
    plan = plan_sites(street(sites=sites), [STATION], Ask(count=2))
    write_site_workbook(plan, file, date="2026-11-21")

    with zipfile.ZipFile(file) as book:
        sheets = [
            book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name
        ]
    assert not any("<f>" in text or "<hyperlink" in text for text in sheets)


def test_english_has_no_chinese_of_ours(write: Write) -> None:
    cells = write(two(), lang="en", project="Yunxi")

    assert [*cells] == ["Sites chosen", "Still without", "Curve", "Candidates refused", "Notes"]
    first = cells["Sites chosen"]
    assert first[2][0] == (
        "Proved best: 90 served; under these terms no choice serves more. "
        "Coverage was walked anew along the streets."
    )
    ours = [row for name in ("Still without", "Curve", "Notes") for row in cells[name]]
    words = [str(cell) for row in ours for cell in row if cell is not None]
    # Names of estates and sources of prices are the user's or the paper's.
    chinese = [w for w in words if re.search(r"[\u4e00-\u9fff]", w) and "小区" not in w]
    assert all("yuan per m2" in word or "own limit" in word for word in chinese)


def test_every_setting_and_finding_on_a_chinese_sheet_has_its_chinese_word(write: Write) -> None:
    plan = two()
    told = plan.to_json()
    assert set(told["assumptions"]) <= set(SETTINGS) | NOT_TOLD | {"prices"}
    assert {finding["code"] for finding in told["findings"]} <= set(FINDINGS_ZH)

    said = notes(write(plan))
    assert said["人从何处出发"] == "小区出入口"
    assert said["先后次序"] == "人数最多优先"
    assert said["含扩建过小的现有设施"] == "是"
    keys = [key for key in said if not re.search(r"[\u4e00-\u9fff]", key)]
    assert keys == []


@pytest.mark.parametrize("code", ["sites-unlinked", "need-unknown", "cost-unknown", "sites-idle"])
def test_findings_of_siting_have_a_chinese_word(code: str) -> None:
    assert re.search(r"[\u4e00-\u9fff]", FINDINGS_ZH[code])


def test_what_would_make_it_possible_rounds_and_classes_are_in_the_notes(write: Write) -> None:
    change = {"kind": "limit", "from": 100, "to": 250, "unit": "m", "proved": True, "estates": []}
    told = Told(
        two(),
        relaxations=[change, change | {"kind": "budget", "from": None, "to": 1e6, "unit": "yuan",
                                       "proved": False}],
        rounds=[{"added": ["S8"], "objective": 60, "best_alone": 60, "regret": 0.0},
                {"added": ["S4"], "objective": 90, "best_alone": 100, "regret": 0.1}],
        classes=[{"what": "covered", "class": 0, "people": 50, "objective": 30},
                 {"what": "sum", "class": -1, "people": None, "objective": 1234.0}],
    )  # fmt: skip
    said = notes(write(told))

    assert said["步行限值放宽至"] == "250 米（现为 100 米）"
    assert said["资金增至"] == "1,000,000 元，也许更少即可"
    assert said["第 1 期"].startswith("S8；累计 60")
    assert "最好值 100，相差 10.00%" in said["第 2 期"]
    assert said["步行达限值两倍及以上"] == "50 中覆盖 30"
    assert said["总步行距离（人·米）"] == "1,234"


def test_what_is_not_proved_tells_the_bound(write: Write) -> None:
    told = Told(two(), status="feasible", rest_status="feasible", bound=100.0, gap=0.1)
    said = write(told)["选址结果"][2][0]

    assert "可行，未证明最优：共覆盖 90，任何方案至多覆盖 100（相差 10.00%）" in said


def test_the_least_walking_is_told_in_metres(write: Write) -> None:
    plan = plan_sites(street(), [STATION], Ask(count=1, model="p-center"))

    assert "最远步行 300 米，没有方案使最远步行距离更短" in write(plan)["选址结果"][2][0]


def test_several_services_in_one_room_are_a_row_each(write: Write) -> None:
    rules = [
        replace(own_rule(code, metres=100), sizes=sized(least))
        for code, least in (("nursery", 360), ("canteen", 200))
    ]
    study = Study(street().layers, none_of=frozenset({"nursery", "canteen"}))
    first = write(plan_sites(study, rules, Ask(count=1)))["选址结果"]

    assert len(table(first, "序号")) == 2
    one, other, total = table_with_gaps(first)
    # The room is told, and paid, once.
    assert (one[0], other[0], total[0]) == ("S6", "S6", "合计")
    assert (one[4], other[4]) == (360, 200)
    assert other[7] is None


def table_with_gaps(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    top = next(i for i, row in enumerate(rows) if row[0] == "编号")
    end = next(i for i, row in enumerate(rows) if row[0] == "合计")
    return rows[top + 1 : end + 1]


def test_every_word_is_there_in_both_languages() -> None:
    assert all(zh and en for zh, en in WORDS.values())
    assert all(re.search(r"[\u4e00-\u9fff]", zh) for zh, _ in SETTINGS.values())


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no language 'fr'"):
        write_site_workbook(two(), tmp_path / "a.xlsx", date="", lang="fr")
    with pytest.raises(FileError, match="check the folder"):
        write_site_workbook(two(), tmp_path / "none" / "a.xlsx", date="")
