"""Every word that the workbook of a plan prints, Chinese and English side by side."""

# ruff: noqa: E501 - a sentence is easier to read and to translate on one line

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gis.districts.left_words import left_words

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "plan_districts": ("片区", "Districts"),
    "plan_estates": ("小区", "Estates"),
    "plan_left_out": ("未编入", "Left out"),
    "plan_figures": ("指标", "Figures"),
    "packages": ("工程包", "Packages"),
    "links": ("相邻关系", "Links"),
    "plan_notes": ("说明", "Notes"),
    "version": ("版本", "version"),
    "district": ("片区", "District"),
    "package": ("工程包", "Package"),
    "builder": ("施工单位", "Builder"),
    "parts": ("片区与小区", "Districts and estates"),
    "managers": ("物业单位（家）", "Managers"),
    "plan_manager": ("物业单位", "Manager"),
    "buildings": ("楼栋（栋）", "Buildings"),
    "floor_area": ("建筑面积（万平方米）", "Floor area (10,000 m2)"),
    "cost": ("估算投资（万元）", "Cost (10,000 yuan)"),
    "centre_walk": ("居民到中心步行（米）", "Walk to centre (m)"),
    "longest_walk": ("到中心最远步行（米）", "Longest walk (m)"),
    "shared": ("全部小区可达设施（处）", "Facilities all reach"),
    "lacking": ("缺应配设施人口（人）", "People lacking services"),
    "pipes": ("管线（公里）", "Pipes (km)"),
    "old_pipes": ("老旧管线（公里）", "Old pipes (km)"),
    "plan_missing": ("缺少的应配设施及涉及人数", "Required services missing, and for how many people"),
    "all": ("合计", "All"),
    "unknown_note": ("带 * 的数字只含已知部分；空白为未知，不是零。", "* of what is known only; an empty cell is unknown, not nought."),
    "unknown_people": ("人口未知的", "unknown"),
    "none_of_them": ("未编入", "none"),
    "no_package": ("未打包", "in no package"),
    "reason": ("原因", "Reason"),
    "proved": ("是否证明", "Proved"),
    "remedy": ("最小调整", "What would place it"),
    "is_true": ("已证明", "proved"),
    "not_so": ("未证明", "not proven"),
    "nothing_left": ("全部小区均已编入片区", "Every estate is in a district"),
    "value": ("数值", "Value"),
    "unknown_of": ("其中未知（项）", "Of them unknown"),
    "linked": ("可连片", "Linked"),
    "is_linked": ("相邻", "yes"),
    "not_linked": ("不相邻", "no"),
    "metres": ("距离（米）", "Metres"),
    "compared": ("片区对照", "Districts"),
    "changed": ("小区变化", "Estates"),
    "before": ("原方案", "Before"),
    "after": ("新方案", "After"),
    "difference": ("变化", "Difference"),
    "shared_estates": ("共有小区（个）", "Estates in both"),
    "shared_people": ("共有人口（人）", "People in both"),
    "what": ("变化", "What"),
    "same": ("相同", "the same"),
    "renamed": ("仅改名", "only renamed"),
    "only_before": ("新方案中无对应片区", "no counterpart after"),
    "only_after": ("原方案中无对应片区", "no counterpart before"),
    "faults": ("不符合约束之处", "Constraints that are not kept"),
    "stale": ("方案形成后变动的数据", "Layers changed since"),
    "history": ("方案沿革", "History"),
    "figures_mean": ("指标含义", "What the figures mean"),
    "status": ("方案状态", "Status"),
    "objective_and_bound": ("目标值与下界", "Objective and bound"),
    "not_below": ("任何方案不低于 {}", "no plan is below {}"),
    "no_bound": ("尚无下界", "no bound known"),
    "where": ("参与小区", "Estates that take part"),
    "all_estates": ("全部小区", "all"),
    "set_count": ("片区个数", "Number of districts"),
    "set_adjacency": ("相邻方式", "Neighbours by"),
    "set_max_link_m": ("最长连接（米）", "Longest link (m)"),
    "set_max_walk_minutes": ("到中心最长步行（分钟）", "Longest walk to the centre (min)"),
    "set_within": ("不跨界", "Within one"),
    "set_objective": ("目标", "Objective"),
    "seed": ("随机种子", "Seed"),
    "about_longest_walk": ("片区内各小区到中心小区沿道路步行的最长距离。", "The longest walk from an estate of the district to its centre."),
    "about_shared": ("在标准限值内从片区每个小区都能步行到达的设施数。", "Facilities that every estate of the district reaches within the limit of the standard."),
    "about_lacking": ("至少缺一项应配设施的人口。", "People who lack at least one required service."),
    "about_pipes": ("小区内及周边 30 米内的管线；两个片区之间道路上的管线，两边都计，合计只计一次。", "In and within 30 m of estates; a pipe between two districts counts in each, and once in the total."),
    "about_old_pipes": ("2000 年底以前敷设的管线；年份未知的不计入，另列个数。", "Laid by the end of 2000; of unknown year ones only the number is told."),
}  # fmt: skip

STATUS: Final = {
    "optimal": ("最优（已证明）", "optimal, proved"),
    "feasible": ("可行", "feasible"),
    "infeasible": ("无可行方案（已证明）", "infeasible, proved"),
    "unknown": ("未定", "unknown"),
    "drawn": ("手工绘制", "drawn by hand"),
    "repaired": ("修补", "repaired"),
    "edited": ("手工调整", "edited"),
}
HAPPENED: Final = {
    "made": ("计算生成", "made"),
    "imported": ("导入", "imported"),
    "repaired": ("修补", "repaired"),
    "edited": ("手工调整", "edited"),
    "alternative": ("比选方案", "alternative"),
    "packages": ("划分工程包", "packages"),
    "restored": ("恢复", "restored"),
    "copied": ("复制", "copied"),
}
CHANGED: Final = {
    "moved": ("换片区", "moved"),
    "placed": ("新编入", "placed"),
    "left-out": ("移出片区", "left out"),
    "added": ("新增小区", "added"),
    "removed": ("已无此小区", "removed"),
}
LEAD: Final = {
    "people": ("人口", "people"),
    "households": ("户数", "households"),
    "count": ("小区数", "estates"),
    "area_m2": ("占地面积（平方米）", "area (m2)"),
    "floor_area_m2": ("建筑面积（平方米）", "floor area (m2)"),
    "cost_yuan": ("投资（元）", "cost (yuan)"),
}
SETTINGS: Final = {
    "walk": ("步行或共用围墙", "on foot, or a common wall"),
    "touch": ("边界相邻", "outlines close to each other"),
    "cut-links": ("少切断相邻关系", "few links between districts"),
    "balance": ("规模均衡", "balance"),
    "compact": ("紧凑（到中心步行）", "compact: short walks to the centre"),
    "spread": ("紧凑（到中心直线）", "compact: short distances to the middle"),
    "needs": ("共同缺口", "common needs"),
    "facilities": ("设施共享", "shared facilities"),
    "pipelines": ("管线同步改造", "pipelines renewed together"),
    "communities": ("社区", "communities"),
    "subdistricts": ("街道", "subdistricts"),
    "manager": ("物业单位", "manager"),
}
INPUTS: Final = {
    "estates": ("小区", "estates"), "buildings": ("楼栋", "buildings"),
    "gates": ("出入口", "gates"), "walls": ("围墙", "walls"),
    "facilities": ("设施", "facilities"), "pipelines": ("管线", "pipelines"),
    "streets": ("道路", "streets"), "barriers": ("阻隔", "barriers"),
    "communities": ("社区", "communities"), "heights": ("高程", "heights"),
}  # fmt: skip

REASONS: Final = ((r"(?s)\A.+\Z", lambda found: left_words(found[0], "zh")),)
"""What the search says of an estate, and the same in Chinese, as pattern and replacement."""

_CHANGES: Final = {
    "split": "拆分",
    "merge": "合并",
    "drop": "撤销",
    "bundle": "新建",
    "builder": "施工单位",
}
"""What was done to packages, by the option that did it."""
_OPTION: Final = re.compile(rf"(?:\A| )--(?=(?:{'|'.join(_CHANGES)}) )")


def history_note(text: str) -> str:
    """Say in Chinese what a line of a plan's history notes; a name of the user stays as it is."""
    done = _OPTION.split(text)
    if not done[0] and len(done) > 1:
        return "；".join(_changed(*each.partition(" ")[::2]) for each in done[1:])
    whence = re.fullmatch(r"(?:(.*), )?version (\d+)(?:; packages lost (.*))?", text, re.DOTALL)
    if whence is None:
        return text
    said = f"{whence[1] or ''} 版本 {whence[2]}".strip()
    return f"{said}；工程包失去 {_chinese(whence[3])}" if whence[3] else said


def _changed(option: str, what: str) -> str:
    before, sign, after = what.partition("=")
    if option == "merge":
        before = _chinese(before)
    joined = f"{before}{' 为 ' if option == 'merge' else '：'}{_chinese(after)}" if sign else before
    return f"{_CHANGES[option]} {joined}"


def _chinese(text: str) -> str:
    return re.sub(", ?", "、", text).replace("; ", "；").replace(": ", "：")
