"""The workbook of a plan: what a reader in a hurry sees, and that no name becomes a formula."""

from __future__ import annotations

import math
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gis.districts import DistrictPlan, LeftOut
from gis.errors import OptionError
from gis.model import Study
from gis.plans import Package, compare_plans, measure_plan
from gis.sheets.book import EN, ZH
from gis.sheets.plan_compare import write_comparison
from gis.sheets.plans import link_reasons, reason_words, write_plan_workbook
from tests.plan_grid import beside, drawn, grid_estates, grid_links

ESTATES = grid_estates(
    2, 3, name=["=甲", "乙", "丙", "丁", "戊", "己"], people=[1000, None, 1000, 1000, 1000, 1000],
    households=[None, 100, None, None, None, None], cost_yuan=[1e6, 2e6, None, 4e6, 5e6, 6e6],
)  # fmt: skip
STUDY = Study({"estates": ESTATES})


def plan(words: str = "=A =A B =A B -") -> DistrictPlan:
    made = drawn(
        words,
        beside(grid_links(2, 3), [(1, 6, 250.0)]),
        left_out=[LeftOut("E6", "total reachable people 1,000 < 5,000", True)],
        sizes={"people": (1000.0, 5000.0)},
        persons_per_household=2.5,
    )
    return replace(made, name="=方案", gap=math.nan)


def sheets_of(path: Path) -> dict[str, pd.DataFrame]:
    return pd.read_excel(path, sheet_name=None, header=None, engine="calamine")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "plan.xlsx"
    packages = [Package("=P", ("=A",), (), "@甲公司")]
    write_plan_workbook(
        measure_plan(plan(), STUDY), ESTATES, path, date="2026-11-21", project="示例市",
        packages=packages, violations=["=broken"], stale=["streets"], version=3,
    )  # fmt: skip
    return path


def test_the_first_sheet_says_what_the_plan_is_and_whether_it_holds(book: Path) -> None:
    first = sheets_of(book)["片区"]
    assert first.iloc[0, 0] == "示例市 =方案"
    # E2 has 100 households of 2.5 people.
    assert first.iloc[1, 0].startswith("共 2 个片区、5 个小区、4,250 人；另有 1 个小区（1,000 人）")
    assert "有 1 处不符合约束" in first.iloc[2, 0]
    assert "道路" in first.iloc[2, 0]
    table = first.iloc[4:7].set_index(0)
    heads = [head.replace("\n", "") for head in first.iloc[3].astype(str)][1:]
    people = heads.index("人口（人）") + 1
    assert table.loc["=A", people] == 2250
    assert table.loc["合计", people] == 4250
    cost = heads.index("估算投资（万元）") + 1
    # B: 5 million of E5; of E3 it is not known.
    assert (table.loc["=A", cost], table.loc["B", cost]) == (700, "500 *")


def test_what_is_unknown_is_empty_and_no_column_is_shown_of_which_nothing_is_known(
    book: Path,
) -> None:
    sheets = sheets_of(book)
    assert not [head for head in sheets["片区"].iloc[3].astype(str) if "管线" in head]
    figures = sheets["指标"]
    buildings = figures[(figures[0] == "B") & (figures[1] == "楼栋数")]
    assert (buildings.iloc[0, 2], buildings.iloc[0, 4]) == ("未知", 2)
    lost = sheets["未编入"]
    assert lost.iloc[1, 3] == "可连片人口合计 1,000 人，不足 5,000 人"
    assert lost.iloc[1, 4] == "已证明"
    packages = sheets["工程包"]
    assert packages[0].tolist()[1:] == ["=P", "未打包"]
    assert packages.iloc[1, 1] == "@甲公司"


def test_no_name_becomes_a_formula(book: Path) -> None:
    with zipfile.ZipFile(book) as parts:
        for name in parts.namelist():
            assert b"<f>" not in parts.read(name), name
            assert b"<hyperlink " not in parts.read(name), name


def test_english_is_english(tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    write_plan_workbook(measure_plan(plan(), STUDY), ESTATES, path, date="2026-11-21", lang="en")
    sheets = sheets_of(path)
    assert list(sheets) == ["Districts", "Estates", "Left out", "Figures", "Links", "Notes"]
    assert sheets["Districts"].iloc[2, 0] == "Checked independently: every constraint is kept."
    words = " ".join(
        str(cell) for name in ("Districts", "Figures", "Notes")
        for cell in sheets[name].to_numpy().ravel() if isinstance(cell, str)
    ).replace("=方案", "")  # fmt: skip
    assert not [letter for letter in words if "\u4e00" <= letter <= "\u9fff"]
    with pytest.raises(OptionError, match="no language 'fr'"):
        write_plan_workbook(measure_plan(plan(), STUDY), ESTATES, path, date="", lang="fr")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "total reachable estates 2 < 8; nearest other estate 884 m on foot, "  # noqa: ISC004
            "beyond the longest link 800 m",
            "可连片小区合计 2 个，不足 8 个；最近的其他小区步行 884 米，超过最长距离 800 米",
        ),
        (
            (
                "nearest other estate 1,023 m on foot round the expressway 昌国快速路, beyond the "
                "longest link 800 m"
            ),
            "最近的其他小区绕行快速路“昌国快速路”步行 1,023 米，超过最长距离 800 米",
        ),
        ("people and households are unknown", "人口和户数均未知"),
        ("in no district of a.csv", "a.csv 中未列入任何片区"),
        ("cost_yuan is unknown", "估算投资未知"),
        (
            "raise the most cost_yuan to 98,640,000: E1 would join the district of E2",
            "将估算投资上限提高至 98,640,000 元，E1 可并入 E2 所在片区",
        ),
        ("something new", "something new"),
    ],
)
def test_reasons_are_put_into_chinese_as_far_as_they_are_known(text: str, words: str) -> None:
    assert reason_words(text, ZH) == words
    assert reason_words(text, EN) == text


def test_links_are_told_by_their_figures() -> None:
    adjacency = replace(
        plan().adjacency,
        how=np.array(["walk"] * 7, dtype=object),
        walk_m=np.arange(7) * 100.0,
        beyond_why=np.array(["far"], dtype=object),
        beyond_what=np.array(["800"], dtype=object),
    )
    why, why_not = link_reasons(replace(plan(), adjacency=adjacency), ZH)
    assert why[3] == "沿路步行 300 m"
    assert why_not == ["步行 250 m，超过最长距离 800 m"]
    # A plan that was kept before links had figures has only words.
    assert link_reasons(plan(), ZH)[0][0] == "边界相接"


def test_a_comparison_names_what_was_split(tmp_path: Path) -> None:
    people = {f"E{k}": 1000.0 for k in range(1, 7)}
    found = compare_plans(plan("A A A B B B"), plan("X Y Y B B B"), people)
    path = tmp_path / "c.xlsx"
    write_comparison(found, path, date="2026-11-21")
    sheets = sheets_of(path)
    assert sheets["片区对照"].iloc[1, 0] == "1 个小区归属不同，其中 1 个换了片区，涉及 1,000 人。"
    rows = sheets["片区对照"].set_index(0)
    assert rows.loc["A", 4] == "拆分为新方案 X、Y"
    # X has no counterpart, as A is matched with Y: it is a part of A all the same.
    assert sheets["片区对照"][sheets["片区对照"][1] == "X"].iloc[0, 4] == "自原方案 A 拆出"
    assert rows.loc["B", 4] == "相同"
    changed = sheets["小区变化"].iloc[1, 1:6].tolist()
    assert changed == ["E1", "A", "X", "Y", "换片区"]


def test_a_comparison_tells_what_is_unknown_and_names_plans_and_estates(tmp_path: Path) -> None:
    one, two = (
        replace(plan("=A =A - B B B"), name="甲案"),
        replace(plan("=A B B B B B"), name="乙案"),
    )
    measured = (measure_plan(one, STUDY), measure_plan(two, STUDY))
    found = compare_plans(one, two, {}, names={"E2": "乙", "E3": "丙"}, metrics=measured)
    path = tmp_path / "c.xlsx"
    write_comparison(found, path, date="2026-11-21")
    sheets = sheets_of(path)
    assert sheets["片区对照"].iloc[2, [0, 1]].tolist() == ["原方案（甲案）", "新方案（乙案）"]
    assert sheets["小区变化"].iloc[1:, 0].tolist() == ["乙", "丙"]
    figures = sheets["指标"]
    cost = figures[(figures[0] == "估算投资") & (figures[1] == "合计")].iloc[0]
    # 18 million before, of E1 E2 E4 E5 E6; E3, of which it is not known, comes in after.
    assert (cost[3], cost[4], cost[8]) == (18e6, "18,000,000.0 *", 1)
    assert pd.isna(cost[5])
    assert pd.isna(cost[7])
    assert "两方案未知项数不同时不计变化" in figures.iloc[-1, 0]


def test_the_notes_say_what_the_centre_is_and_that_shared_facilities_count_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "n.xlsx"
    limited = replace(plan(), settings={**plan().settings, "max_walk_minutes": 7})
    write_plan_workbook(measure_plan(limited, STUDY), ESTATES, path, date="2026-11-21")
    notes = sheets_of(path)["说明"].set_index(0)[1]
    assert "不超过 420 米的小区中" in notes["中心小区"]
    assert notes["全部小区可达设施（处）"].endswith("各片区都计，合计只计一次。")


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("--bundle P1=D1,D2", "新建 P1：D1、D2"),
        ("--merge P,Q=R --builder R=中建 --drop S", "合并 P、Q 为 R；施工单位 R：中建；撤销 S"),
        ("手绘4, version 1", "手绘4 版本 1"),
        ("version 3", "版本 3"),
        ("手绘4, version 1; packages lost P1: D2, D3", "手绘4 版本 1；工程包失去 P1：D2、D3"),
        ("--plan.csv", "--plan.csv"),
    ],
)
def test_the_history_of_a_plan_is_chinese(tmp_path: Path, note: str, words: str) -> None:
    line = {"version": 2, "what": "packages", "when": "2026-11-21T10:00:00", "note": note}
    kept = replace(plan(), settings={**plan().settings, "history": [line]})
    path = tmp_path / "n.xlsx"
    write_plan_workbook(measure_plan(kept, STUDY), ESTATES, path, date="2026-11-21")

    notes = sheets_of(path)["说明"].set_index(0)[1]
    assert notes["版本 2 · 2026-11-21 10:00"] == f"划分工程包 · {words}"
