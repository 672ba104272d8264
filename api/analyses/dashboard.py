"""The leaders' sheet of a project: what there is, the plan, who walks to what, the projects."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final

import numpy as np

from api.analyses.how import Walking, profile_of
from api.analyses.plans import measured_plan
from api.analyses.walking import coverage_of
from api.store import Project
from gis.coverage import Coverage
from gis.dashboard import Dashboard, Figure, Group, Table
from gis.districts import DistrictPlan
from gis.districts.left_words import size_unit, size_words
from gis.model import KINDS, Layer, Progress, people_of, silent

ASKED_FIRST: Final = ("elderly", "nursery", "child", "kindergarten")
"""Parts of the names of categories, in the order in which leaders ask for them."""


def dashboard_of(
    project: Project,
    *,
    title: str,
    date: str,
    plan: str | None = None,
    pack: str | None = None,
    progress: Progress | None = None,
) -> Dashboard:
    """Freeze the key figures of a project.

    Parameters
    ----------
    title, date
        What it is called; the day that the figures are of.
    plan
        The plan to tell of; the newest unless given, none where there is none.
    pack
        Rule pack; that of the profile unless given.
    """
    tell = progress or silent
    study = project.read_study()
    groups: list[Group] = []
    if "estates" in study:
        groups.append(_estates(project, study.layer("estates"), date))
    names = project.plan_names()
    name = plan or (names[-1] if names else None)
    if name is not None:
        tell(0.1, "plan")
        groups.append(_plan(project, name, date))
    if "estates" in study and "streets" in study:
        tell(0.3, "services")
        groups.append(_services(coverage_of(project, Walking(pack=pack), progress=progress), date))
    if "projects" in study:
        groups.append(_projects(study.layer("projects"), date))
    return Dashboard(title, project.name, date, groups)


def _estates(project: Project, estates: Layer, date: str) -> Group:
    profile = profile_of(project)
    people, estimated = people_of(estates, persons_per_household=profile.persons_per_household)
    households = estates.frame["households"].to_numpy(dtype=float)
    of_people = f"{int(estimated.sum())} 个小区按户数×{profile.persons_per_household:g}估算"
    return Group(
        "小区",
        "Estates",
        (
            _count("小区", "Estates", float(len(estates)), "个", "", f"{date}，小区图层"),
            _known_sum("户数", "Households", households, "户", date),
            _known_sum("人口", "People", people, "人", f"{date}，{of_people}"),
        ),
    )


def _known_sum(zh: str, en: str, values: np.ndarray[Any, Any], unit: str, told: str) -> Figure:
    """Sum what is known and say of how many estates nothing is; unknown is not zero."""
    unknown = int(np.isnan(values).sum())
    total = float(np.nansum(values)) if unknown < len(values) else math.nan
    rests = f"{told}；{unknown} 个小区未知，未计入" if unknown else told
    return _count(zh, en, total, unit, "", rests)


def _count(zh: str, en: str, value: float, unit: str, unit_en: str, rests_on: str) -> Figure:
    return Figure(zh, en, value, unit, unit_en, rests_on)


def _plan(project: Project, name: str, date: str) -> Group:
    wanted: Collection[str] = ("estates", "people")
    measured = measured_plan(project, name, metrics=wanted)
    made = f"{date}，方案“{name}”第 {measured.version} 版"
    rows = [
        (str(row["district"]), float(row["estates"]), float(row["people"]))
        for row in measured.metrics.table.to_dict("records")
    ]
    left_out = float(len(measured.plan.left_out))
    stale = "；以下图层在方案之后有修改：" + "、".join(KINDS[kind].zh for kind in measured.stale)
    return Group(
        f"片区方案：{name}",
        "Districts",
        (
            _count("片区", "Districts", float(len(rows)), "个", "", made),
            _count("未分入片区的小区", "Estates left out", left_out, "个", "", made),
            _count(
                "违反约束", "Broken constraints", float(len(measured.violations)), "处", "",
                f"{made}，独立校核",
            ),
        ),
        (Table((("片区", "District"), ("小区", "Estates"), ("人口", "People")), rows),),
        note=made + _bounds(measured.plan) + (stale if measured.stale else ""),
    )  # fmt: skip


def _bounds(plan: DistrictPlan) -> str:
    told = [
        f"每片区{size_words(column, 'zh')} {low:,.0f} – {high:,.0f}{size_unit(column, 'zh')}"
        for column, (low, high) in plan.settings.get("sizes", {}).items()
        if math.isfinite(high)
    ]
    return "；约束：" + "、".join(told) if told else ""


def _services(coverage: Coverage, date: str) -> Group:
    rows = [
        (
            item["zh"] + ("" if item["verified"] else "（限值待核）"),
            _limit(item),
            *(float(item[status]) for status in ("covered", "gap", "unlinked", "no_data")),
            math.nan if item["people_gap"] is None else float(item["people_gap"]),
        )
        for item in sorted(coverage.summary(), key=lambda item: _place(item["category"]))
    ]
    headings = (
        ("服务", "Service"),
        ("步行限值", "Limit"),
        ("可达小区", "Covered"),
        ("缺口小区", "Gap"),
        ("未连上路网", "Unlinked"),
        ("无数据", "No data"),
        ("缺口人口", "People in gap"),
    )
    told = coverage.assumptions.get("rule_pack_zh") or ""
    grade = f"数据质量 {coverage.grade.letter} 级（A 最好，D 最差）"
    note = f"{date}，沿路网步行、自小区出入口起算；{grade}；{told}"
    return Group("服务设施可达", "Services within a walk", (), (Table(headings, rows, note),))


def _place(category: str) -> int:
    for place, part in enumerate(ASKED_FIRST):
        if part in category:
            return place
    return len(ASKED_FIRST)


def _limit(item: dict[str, Any]) -> str:
    metres = item["limit_m"]
    return f"{metres:g} 米" if metres is not None else f"{item['limit_s'] / 60:g} 分钟"


def _projects(projects: Layer, date: str) -> Group:
    frame = projects.frame
    zh = {word: others[0] for word, others in KINDS["projects"].column("stage").words}
    stages = frame["stage"].value_counts()
    rows = [(zh[stage], float(stages[stage])) for stage in zh if stage in stages]
    unknown = int(frame["stage"].isna().sum())
    if unknown:
        rows.append(("未知", float(unknown)))
    planned = frame["planned_yuan"].to_numpy(dtype=float)
    spent = frame["spent_yuan"].to_numpy(dtype=float)
    told = f"{date}，改造项目图层"
    return Group(
        "改造项目",
        "Projects",
        (
            _count("项目", "Projects", float(len(frame)), "个", "", told),
            _money("计划投资", "Planned money", planned, told),
            _money("完成投资", "Spent money", spent, told),
        ),
        (Table((("阶段", "Stage"), ("项目", "Projects")), rows),),
    )


def _money(zh: str, en: str, yuan: np.ndarray[Any, Any], told: str) -> Figure:
    unknown = int(np.isnan(yuan).sum())
    total = float(np.nansum(yuan)) / 1e4 if unknown < len(yuan) else math.nan
    rests = f"{told}；{unknown} 个项目未知，未计入" if unknown else told
    return Figure(zh, en, total, "万元", "10,000 yuan", rests, digits=1)
