"""Every word that the workbook of sites prints, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Pair = tuple[str, str]

WORDS: Final[Mapping[str, Pair]] = {
    "site_choice": ("选址结果", "Sites chosen"),
    "site_without": ("仍未覆盖", "Still without"),
    "site_offers": ("备选与不符原因", "Candidates refused"),
    "site_curve": ("增补效益", "Curve"),
    "site_notes": ("说明", "Notes"),
    "site_title": ("补短板设施选址", "Where missing services go"),
    "service": ("设施", "Service"),
    "before": ("现状覆盖", "Served today"),
    "after": ("选址后覆盖", "Served then"),
    "in_all": ("应覆盖", "To be served"),
    "share_before": ("现状覆盖率", "Share today"),
    "share_after": ("选址后覆盖率", "Share then"),
    "sites": ("新增（处）", "Sites"),
    "fitting": ("符合条件备选（处）", "Candidates that fit"),
    "who": ("服务对象", "Served are"),
    "site": ("编号", "Site"),
    "site_name": ("名称", "Name"),
    "means": ("取得方式", "Means"),
    "used_for": ("用于", "For"),
    "needed": ("需用面积（m²）", "Floor taken (m2)"),
    "floor": ("现有面积（m²）", "Floor (m2)"),
    "land": ("用地面积（m²）", "Land (m2)"),
    "cost": ("费用（万元）", "Cost (10,000 yuan)"),
    "available": ("可用年份", "Available"),
    "serves": ("服务人数", "Serves"),
    "nearest_to": ("就近人数", "Nearest to"),
    "new": ("新增覆盖", "Newly served"),
    "lost": ("取消后失去服务", "Lose it without"),
    "losers": ("失去服务的小区", "Who loses it"),
    "instead": ("能替代其服务的备选", "Replaces it best"),
    "lost_then": ("替代后仍失去", "Still lose it then"),
    "no_other": ("无", "none"),
    "note": ("备注", "Note"),
    "estate": ("小区编号", "Estate ID"),
    "name": ("小区", "Estate"),
    "people": ("人数", "People"),
    "why": ("原因", "Why"),
    "no_candidate": ("限值内没有符合条件的备选", "No candidate within the limit"),
    "not_chosen": ("限值内有备选，本方案未能服务", "A candidate is within the limit, not chosen"),
    "count": ("处数", "Sites"),
    "served": ("覆盖人数", "Served"),
    "gain": ("新增", "More"),
    "at_most": ("理论上限", "At most"),
    "proved": ("证明", "Proved"),
    "asked": ("求解要求", "Asked"),
    "model": ("模型", "Model"),
    "verdict": ("结论", "Verdict"),
    "rules": ("标准依据", "Rules"),
    "assumptions": ("前提", "Assumptions"),
    "prices": ("估算单价", "Prices of estimates"),
    "per_m2": ("元/平方米", "yuan per m2"),
    "per_m2_year": ("元/平方米·年", "yuan per m2 a year"),
    "price_unverified": ("未核对", "not verified"),
    "findings": ("数据提示", "Findings in the data"),
    "unverified": ("数值未与标准文本核对", "figure not held against the text"),
    "all": ("合计", "All"),
    "rounds": ("分期", "Rounds"),
    "classes": ("最困难者优先", "Worst off first"),
    "relaxation": ("最小调整：任选一项即可全部满足", "What would make it possible: any one of"),
    "blank_note": (
        "空白为未知，不是零。费用带“估”的按单价估算。",
        "An empty cell is unknown, not nought. Costs marked est. are reckoned by prices.",
    ),
    "cost_unknown": ("另有 {} 处费用未知，未计入合计。", "{} sites of unknown cost are not in it."),
    "knee_note": (
        "增至 {} 处以后，每增一处带来的新增覆盖明显变小（拐点）。",
        "From {} sites on each further one brings markedly less (the knee).",
    ),
    "all_fit": ("全部备选均符合条件", "Every candidate fits"),
    "nobody_without": ("已全部覆盖", "Nobody is without"),
    "none_fits": (
        "没有符合条件的备选，各备选的原因见“备选与不符原因”表",
        "no candidate fits; the sheet 'Candidates refused' says why",
    ),
    "falls_short": (
        "所要求的比例、处数、资金或容量达不到，最小调整见“说明”表",
        "the share, number, money or capacity asked for does not do; the notes say what would",
    ),
    "no_edits": ("没有选出新的地点。", "No site was chosen."),
    "by_class": (
        "按困难程度分档，依次使每一档覆盖最多，各档见“说明”表",
        "class by class, the worst-off first, as many of each as can be; see the notes",
    ),
    "walked": ("覆盖情况已沿路网重新步行核验。", "Coverage was walked anew along the streets."),
}

STATUS: Final[Mapping[str, Pair]] = {
    "optimal": ("已证明最优", "Proved best"),
    "feasible": ("可行，未证明最优", "Not proved to be best"),
    "infeasible": ("无法全部满足", "Cannot be met"),
    "unknown": ("限时内未得出结果", "No answer within the time"),
}

PROVED: Final[Mapping[str, Pair]] = {
    "shares": (
        "同样条件下没有方案的平均覆盖率更高",
        "under these terms no choice has a higher mean",
    ),
    "mclp": ("同样条件下没有方案能覆盖更多", "under these terms no choice serves more"),
    "lscp": ("不可能用更少的处数做到", "fewer sites cannot do it"),
    "cheapest": ("不可能用更少的费用做到", "less money cannot do it"),
    "p-median": ("没有方案使总步行距离更短", "no choice makes people walk less in all"),
    "p-center": ("没有方案使最远步行距离更短", "no choice makes the longest walk shorter"),
}
"""What a proof says, by what was asked."""

BOUND: Final[Mapping[str, Pair]] = {
    "shares": ("任何方案至多为 {}%", "no choice has more than {} %"),
    "mclp": ("任何方案至多覆盖 {}", "no choice serves more than {}"),
    "lscp": ("任何方案至少需要 {} 处", "any choice needs {} sites at least"),
    "cheapest": ("任何方案至少需要 {} 元", "any choice costs {} yuan at least"),
    "p-median": ("任何方案的总步行距离不少于 {}", "no choice has people walk less than {} in all"),
    "p-center": ("任何方案的最远步行不短于 {} 米", "no choice has a longest walk below {} m"),
}
OBJECTIVE: Final[Mapping[str, Pair]] = {
    "shares": ("各项设施覆盖率平均 {}%", "{} % of the people of each service on average"),
    "mclp": ("共覆盖 {}", "{} served"),
    "lscp": ("共需 {} 处", "{} sites"),
    "cheapest": ("共需 {} 元", "{} yuan"),
    "p-median": ("总步行距离 {} 人·米", "{} people x m walked in all"),
    "p-center": ("最远步行 {} 米", "longest walk {} m"),
}

MODEL: Final[Mapping[str, Pair]] = {
    "mclp": ("覆盖人数最多（MCLP）", "most people within the limit (MCLP)"),
    "lscp": ("处数或费用最少（LSCP）", "fewest sites or least money (LSCP)"),
    "p-median": ("总步行距离最短（p-median）", "least walking in all (p-median)"),
    "p-center": ("最远步行距离最短（p-center）", "shortest longest walk (p-center)"),
}

UNIT: Final[Mapping[str, Pair]] = {
    "people": ("居民", "people"),
    "people_60plus": ("60岁及以上老人", "people of 60+"),
    "children_0_2": ("0–2岁婴幼儿", "children of 0-2"),
    "children_3_5": ("3–5岁儿童", "children of 3-5"),
    "estates": ("小区（人口未知，按个数计）", "estates (people unknown)"),
    "buildings": ("楼栋（人口未知，按栋数计）", "buildings (people unknown)"),
}

KIND: Final[Mapping[str, Pair]] = {
    "limit": ("步行限值放宽至", "limit of"),
    "count": ("处数增至", "sites"),
    "budget": ("资金增至", "money"),
    "capacity": ("每处容量增至原来的倍数", "capacity times"),
    "unreachable": ("无法到达", "out of reach"),
}
UNIT_OF: Final[Mapping[str, Pair]] = {
    "m": ("米", "m"),
    "sites": ("处", "sites"),
    "yuan": ("元", "yuan"),
    "times": ("倍", "times"),
}
CLASS: Final[Mapping[int, Pair]] = {
    0: ("步行达限值两倍及以上", "Walk two limits or more"),
    1: ("步行超过限值", "Walk beyond the limit"),
    2: ("现已覆盖", "Served today"),
}
WHAT: Final[Mapping[str, Pair]] = {
    "largest": ("最远步行（米）", "Longest walk (m)"),
    "sum": ("总步行距离（人·米）", "Walked in all (people x m)"),
}
SETTINGS: Final[Mapping[str, Pair]] = {
    "rule_pack_zh": ("标准", "Standard"),
    "rule_pack_source": ("标准出处", "Source of the standard"),
    "unverified_rules": ("未核对的标准条目", "Unverified rules"),
    "at": ("时刻", "Hour"),
    "origin": ("人从何处出发", "People start at"),
    "gate": ("小区出入口", "gates of estates"),
    "building": ("楼栋", "buildings"),
    "network_stamp": ("路网指纹", "Network stamp"),
    "link": ("到道路的连接段", "Leg to the street"),
    "counted": ("计入步行距离", "counted"),
    "free": ("不计入步行距离", "not counted"),
    "longest_link_m": ("最长连接段（米）", "Longest leg (m)"),
    "persons_per_household": ("户均人口", "Persons per household"),
    "terrain_option": ("坡度要求", "Slopes asked for"),
    "auto": ("有高程时计坡度", "where heights are known"),
    "on": ("计坡度", "yes"),
    "off": ("不计坡度", "no"),
    "terrain": ("地形", "Terrain"),
    "heights": ("计坡度", "slopes count"),
    "flat": ("按平地", "as if flat"),
    "rent_years": ("租赁按年数计费", "Years of rent paid"),
    "plot_ratio": ("空地建房容积率", "Floor per land built on"),
    "estimated": ("按单价估算费用的备选（处）", "Candidates with estimated cost"),
    "along_streets_m": ("沿街设点间距（米）", "Places along the streets every (m)"),
    "floor": ("建筑", "floor"),
    "open ground": ("室外场地", "open ground"),
    "order": ("先后次序", "Order"),
    "people": ("人数最多优先", "most people first"),
    "worst-first": ("最困难者优先", "worst off first"),
    "capacity": ("每处容量（人）", "People that a site serves"),
    "rule": ("按标准千人指标", "by the rule"),
    "by_year": ("可用年份不晚于", "To be had by"),
    "means": ("限用取得方式", "Means allowed"),
    "unknown_size": ("面积、楼层等未知的备选", "Candidates of unknown size"),
    "refuse": ("不采用", "refused"),
    "offer": ("采用并标注", "offered, marked"),
    "upgrades": ("含扩建过小的现有设施", "Small facilities may be enlarged"),
    "seed": ("随机种子", "Seed"),
    "time_limit_s": ("限时（秒）", "Time limit (s)"),
}
