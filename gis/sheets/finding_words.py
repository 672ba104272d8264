"""What a measurement found in its data, sentence by sentence in Chinese.

The layers below say it in English. Each pattern is the whole of a sentence; one that matches none
keeps its Chinese title, by its code, with the English behind it.
"""

# ruff: noqa: E501 - a sentence is easier to read and to translate on one line

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from re import Match
from typing import Any, Final

from gis.model import KINDS, Categories
from gis.sheets.book import ZH
from gis.sheets.words import FINDINGS_ZH, VALUES

Say = Callable[[Match[str]], str]


def finding_title(code: str) -> str:
    """Return the Chinese title of a finding; its code where there is none."""
    return FINDINGS_ZH.get(code, code)


def finding_words(message: str, side: int, called: Mapping[str, str] | None = None) -> str:
    """Put the sentence of a finding into a language; one that is not known stays as it is.

    Parameters
    ----------
    message
        What the finding says, in English.
    side
        `gis.sheets.book.ZH` or ``EN``.
    called
        What walkers and categories are called on this sheet, by code; categories that are not
        there by their own names.
    """
    if side != ZH:
        return message
    for pattern, say in _PATTERNS:
        found = pattern.fullmatch(message)
        if found:
            return _named(say(found), called or {})
    return message


def finding_said(code: str, message: str, called: Mapping[str, str] | None = None) -> str:
    """Return a finding in Chinese: its sentence, or its title and the English behind it."""
    text = finding_words(message, ZH, called)
    return text if text != message else f"{finding_title(code)}。{message}"


def names_called(walkers: Mapping[str, Any], services: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what walkers, and services by category, are called in Chinese."""
    return {code: str(walker["zh"]) for code, walker in walkers.items()} | dict(services)


# -- Parts of sentences

_N: Final = r"([\d,.]*\d(?:e[+-]?\d+)?)"
"""A number as sentences write it."""
_PCT: Final = r"([\d.]+) ?%"
_TOLD: Final = r"\((.+)\)"


def _listed(text: str) -> str:
    """Join names as Chinese does: "E1, E2, E3 and 3 more"."""
    more = re.fullmatch(r"(.*) and (\d+) more", text, re.DOTALL)
    names = (more[1] if more else text).split(", ")
    told = "、".join(names)
    return f"{told} 等 {len(names) + int(more[2])} 个" if more else told


def _codes(text: str) -> str:
    return "、".join(f"‹{code}›" for code in text.split(", "))


def _kind(name: str) -> str:
    return KINDS[name].zh if name in KINDS else name


def _group(code: str) -> str:
    return VALUES[code][ZH] if code in VALUES else code


def _column(name: str) -> str:
    for kind in KINDS.values():
        if name in kind.column_names:
            return kind.column(name).zh
    return name


_PLACES: Final = {"national": "全国", "liaoning": "辽宁", "chongqing": "重庆"}


def _source(text: str) -> str:
    """Say what an estimate of people rests on; several are parted by semicolons."""
    return "；".join(_one_source(part) for part in text.split("; "))


def _one_source(text: str) -> str:
    share = re.fullmatch(r"people x ([\d.]+) % \((.+?), (.+?): (.+)\)", text, re.DOTALL)
    if share:
        place = _PLACES.get(share[2], share[2])
        return f"人口 × {share[1]} %（{place}，{share[3]}：{share[4]}）"
    spread = re.fullmatch(r"(\w+) of the estate, spread over its buildings", text)
    if spread:
        return f"小区的{_group(spread[1])}人数分摊到楼栋"
    homes = re.fullmatch(r"households x ([\d.]+)", text)
    return f"户数 × {homes[1]}" if homes else text


def _least(text: str) -> str:
    """Say the smallest size that counts: "600 m2 of floor and 500 m2 of land"."""
    words = {"floor": "建筑面积", "land": "用地面积"}
    parts = re.findall(r"([\d.e+]+) m2 of (floor|land)", text)
    return "、".join(f"{words[what]} {value} m²" for value, what in parts)


def _classes(text: str) -> str:
    """Say how many of each class: "steps 3, trunk 2"."""
    return text.replace(", ", "、")


def _closed(text: str) -> str:
    if text == "stairs":
        return "有台阶"
    narrow = re.fullmatch(rf"narrower than {_N} m", text)
    if narrow:
        return f"窄于 {narrow[1]} 米"
    steep = re.fullmatch(rf"steeper than {_PCT}", text)
    return f"坡度超过 {steep[1]}%" if steep else text


def _instead(text: str) -> str:
    return {
        "count as those of the estate on whose outline they lie, if any": "按其所在边界的小区计",
        "belong to the one in which they lie, if any": "按其所在的小区计",
        "belong to the estate on whose outline they lie, if any": "按其所在边界的小区计",
    }.get(text, "按位置归属小区")


def _named(text: str, called: Mapping[str, str]) -> str:
    """Put a name in the place of each code in ‹ ›."""
    known = Categories.load()

    def name(found: Match[str]) -> str:
        code = found[1]
        return called.get(code) or (known[code].zh if code in known else code)

    return re.sub(r"‹(\w+)›", name, text)


# -- Sentences

_STREETS: Final[tuple[tuple[str, Say], ...]] = (
    (r"The streets form one connected network", lambda _: "道路连成一张完整的路网"),
    (rf"The streets fall into (\d+) parts that are not connected; the largest has {_PCT} of their length\. Points linked to another part reach only what is in it",
     lambda m: f"道路分为互不连通的 {m[1]} 片，最大一片占总长的 {m[2]}%；接在其他片上的地点只能到达本片之内"),
    (r"(\d+) of (\d+) streets are not walked: (.+)",
     lambda m: f"{m[2]} 条道路中有 {m[1]} 条不可步行：{_classes(m[3])}"),
    (r"(\d+) streets have a class that is not in the table of walkable ways and are walked: (.+); give them a column 'walkable' where that is wrong",
     lambda m: f"{m[1]} 条道路的等级不在可步行道路表中，按可步行计：{_classes(m[2])}；如有不符，请补充“{_column('walkable')}”列"),
    (r"(\d+) streets have no length and are left out", lambda m: f"{m[1]} 条道路没有长度，未计入"),
    (rf"(\d+) street ends within {_N} m of another street were joined to it",
     lambda m: f"{m[1]} 个道路端点距其他道路不足 {m[2]} 米，已接上"),
    (r"The streets are drawn undivided \((\d+) crossings without a common vertex, (\d+) junctions with one\): the crossings were made junctions, save those of streets marked as bridge or tunnel",
     lambda m: f"道路未在路口打断（{m[1]} 处交叉没有公共节点，{m[2]} 处有）：除桥梁、隧道外，交叉处均按路口接通"),
    (r"At (\d+) places streets cross without a common vertex and without a mark as bridge or tunnel; they were not joined, since (\d+) junctions have a common vertex",
     lambda m: f"{m[1]} 处道路交叉没有公共节点，也未标为桥梁或隧道；因有 {m[2]} 处路口有公共节点，未予接通"),
    (rf"Walls cross (\d+) streets in (\d+) places without a gate, first (.+); nobody walks through there: draw a gate within {_N} m, or mend the wall",
     lambda m: f"围墙在 {m[2]} 处穿过 {m[1]} 条道路而没有出入口，首条为 {m[3]}；该处按不通计。请在 {m[4]} 米内补画出入口，或修正围墙"),
    (rf"(\d+) walls are drawn along (\d+) streets for {_N} m {_TOLD}; there they stop nobody, since nobody knows on which side they stand: move them to their side of the street",
     lambda m: f"{m[1]} 段围墙与 {m[2]} 条道路重合，共 {m[3]} 米（{_listed(m[4])}）；无法判断在哪一侧，该处不作阻隔。请移至所在一侧"),
    (rf"(\d+) (\w+) are linked to pieces of the streets that lead nowhere, though a connected street is within {_N} m {_TOLD}; join these pieces to the streets",
     lambda m: f"{m[1]} 个{_kind(m[2])}接在孤立的道路上，而 {m[3]} 米内有连通的道路（{_listed(m[4])}）；请接通这些道路"),
)  # fmt: skip

_PLACED: Final[tuple[tuple[str, Say], ...]] = (
    (rf"(\d+) of (\d+) estates have no street within {_N} m on their side of walls and barriers {_TOLD}; complete the streets or the gates",
     lambda m: f"{m[2]} 个小区中有 {m[1]} 个在围墙、阻隔的同侧 {m[3]} 米内没有道路（{_listed(m[4])}）；请补全道路或出入口"),
    (rf"(\d+) facilities have no street within {_N} m and count for nobody {_TOLD}; check their positions",
     lambda m: f"{m[1]} 处设施 {m[2]} 米内没有道路，未计入（{_listed(m[3])}）；请核对位置"),
    (rf"All (\d+) facilities of '(.+)' lie more than {_N} m from any street, so the category counts as no data; check the coordinates of their file",
     lambda m: f"{_codes(m[2])}的 {m[1]} 处设施距道路均超过 {m[3]} 米，按无数据计；请核对坐标"),
    (rf"(\d+) estates stand on (\d+) parts of the streets that do not lead to every category {_TOLD}; they count as gaps: check whether a street or bridge is missing in the streets",
     lambda m: f"{m[1]} 个小区位于 {m[2]} 片不能通往全部设施类别的道路上（{_listed(m[3])}），按缺口计；请核对是否漏画道路或桥梁"),
    (r"(\d+) estates have no gate open to walkers at (.+?) and are unlinked \((.+)\); check the columns access and hours of their gates",
     lambda m: f"{m[1]} 个小区在 {m[2]} 没有可步行通过的出入口，按未接入路网计（{_listed(m[3])}）；请核对出入口的通行方式和开放时间"),
    (rf"(\d+) facilities lie in a river or another barrier and count for nobody but where a street passes them {_TOLD}; check their coordinates",
     lambda m: f"{m[1]} 处设施位于水系等阻隔之内，除有道路经过者外不计（{_listed(m[2])}）；请核对坐标"),
    (rf"(\d+) of (\d+) gates name no estate there is and lie more than {_N} m from every outline and wall, and are not used {_TOLD}; move them to their wall or fill in the column estate",
     lambda m: f"{m[2]} 个出入口中有 {m[1]} 个所填小区不存在，且距各小区边界和围墙均超过 {m[3]} 米，未采用（{_listed(m[4])}）；请移至围墙处或补填所属小区"),
    (rf"(\d+) gates lie more than {_N} m from the outline of the estate they name {_TOLD}; they are used where they are: check their position and estate",
     lambda m: f"{m[1]} 个出入口距所填小区的边界超过 {m[2]} 米（{_listed(m[3])}），按所在位置采用；请核对位置和所属小区"),
    (rf"The hours of (\d+) gates cannot be read and count as always open {_TOLD}; write HH:MM-HH:MM, several with a comma",
     lambda m: f"{m[1]} 个出入口的开放时间无法识别，按全天开放计（{m[2].replace(', ', '、')}）；请按 HH:MM-HH:MM 填写，多段用逗号隔开"),
    (r"(\d+) of (\d+) (\w+) name an estate that there is not \((.+), by (.+)\) and (.+); correct their column estate",
     lambda m: f"{m[2]} 个{_kind(m[3])}中有 {m[1]} 个所填小区不存在（{m[4].replace(', ', '、')}，见 {_listed(m[5])}），{_instead(m[6])}；请改正所属小区"),
    (rf"(\d+) buildings lie up to {_N} m outside the estate that they name {_TOLD}; their people are counted there: check their position and their column estate",
     lambda m: f"{m[1]} 栋楼位于所填小区之外，最远 {m[2]} 米（{_listed(m[3])}），人口仍计入该小区；请核对位置和所属小区"),
    (rf"(\d+) buildings with {_N} people lie in no estate and count nowhere {_TOLD}; fill in their column estate, or draw the estate",
     lambda m: f"{m[1]} 栋楼（{m[2]} 人）不在任何小区内，未计入（{_listed(m[3])}）；请补填所属小区或补画小区"),
    (r"(\d+) of (\d+) estates have no building where people live, first (.+); their people start at their gates",
     lambda m: f"{m[2]} 个小区中有 {m[1]} 个没有住宅楼栋，首个为 {m[3]}；居民从出入口起算"),
    (rf"(\d+) gates are narrower than {_N} m and are no way for the walker '(.+)'",
     lambda m: f"{m[1]} 个出入口窄于 {m[2]} 米，步行者“‹{m[3]}›”不能通过"),
    (r"(\d+) estates got their community and (\d+) their subdistrict from the community polygon they lie in",
     lambda m: f"{m[1]} 个小区的社区、{m[2]} 个小区的街道由所在社区边界推定"),
)  # fmt: skip

_PEOPLE: Final[tuple[tuple[str, Say], ...]] = (
    (r"It was stated that there is no (.+), but there are some among the facilities; they are used",
     lambda m: f"声明没有{_codes(m[1])}，但设施数据中有，已采用"),
    (r"(\d+) of (\d+) estates have neither people nor households; sums of people leave them out",
     lambda m: f"{m[2]} 个小区中有 {m[1]} 个人口和户数均未知，人数合计不含这些小区"),
    (r"The people of (\d+) estates are households times persons per household",
     lambda m: f"{m[1]} 个小区的人口按户数乘户均人口估算"),
    (r"(\w+) of (\d+) estates is an estimate: (.+)",
     lambda m: f"{m[2]} 个小区的{_group(m[1])}人数为估算：{_source(m[3])}"),
    (rf"(.+?): (\d+) facilities of '(.+)' are smaller than (.+?) and do not count {_TOLD}",
     lambda m: f"{m[1]}：{m[2]} 处{_codes(m[3])}规模不足（应有{_least(m[4])}），不计入（{_listed(m[5])}）"),
    (r"(.+?): (\d+) facilities of '(.+)' count although nobody knows whether they have (.+); fill in their areas",
     lambda m: f"{m[1]}：{m[2]} 处{_codes(m[3])}规模未知（应有{_least(m[4])}），暂计入；请补填面积"),
    (r"(.+?): (\d+) of (\d+) facilities say nothing of (\w+); they are counted as unknown, never as none: fill in the column",
     lambda m: f"{m[1]}：{m[3]} 处设施中有 {m[2]} 处未填{_column(m[4])}，按未知计，不按零计；请补填"),
    (r"(\d+) estates have people but no building, so that their people are in none: (.+)",
     lambda m: f"{m[1]} 个小区有人口而没有楼栋，人口不在任何楼栋内：{_listed(m[2])}"),
    (r"(\d+) estates have fewer people than their buildings together; the buildings are taken as they are: (.+)",
     lambda m: f"{m[1]} 个小区的人口少于其楼栋之和，以楼栋为准：{_listed(m[2])}"),
    (r"(\d+) estates have more people than their buildings together; the buildings are taken as they are: (.+)",
     lambda m: f"{m[1]} 个小区的人口多于其楼栋之和，以楼栋为准：{_listed(m[2])}"),
    (rf"(\d+) of (\d+) measuring units have fewer than {_N} people; figures per unit of {_N}-{_N} people do not fit them",
     lambda m: f"{m[2]} 个单元中有 {m[1]} 个人口少于 {m[3]}，{m[4]}–{m[5]} 人单元的指标不适用"),
    (rf"(\d+) of (\d+) measuring units have more than {_N} people; figures per unit of {_N}-{_N} people do not fit them",
     lambda m: f"{m[2]} 个单元中有 {m[1]} 个人口多于 {m[3]}，{m[4]}–{m[5]} 人单元的指标不适用"),
    (rf"(\d+) of (\d+) measuring units have an unknown number of people; figures per unit of {_N}-{_N} people do not fit them",
     lambda m: f"{m[2]} 个单元中有 {m[1]} 个人口未知，{m[3]}–{m[4]} 人单元的指标不适用"),
)  # fmt: skip

_IMPORT: Final = r"import a grid or spot heights \(.+\) or streets with z"
_IMPORT_ZH: Final = "请导入高程栅格、高程点或带高程的道路"

_HEIGHTS: Final[tuple[tuple[str, Say], ...]] = (
    (rf"Heights: {_PCT} of the street length has z of its own, {_PCT} has them from spot heights",
     lambda m: f"高程：道路总长的 {m[1]}% 自带高程，{m[2]}% 由高程点推得"),
    (rf"No street has heights; {_IMPORT}", lambda _: f"道路均无高程；{_IMPORT_ZH}"),
    (rf"{_PCT} of the street length \({_N} m of {_N} m\) has no heights and is walked as flat; {_IMPORT}",
     lambda m: f"道路总长的 {m[1]}%（{m[3]} 米中的 {m[2]} 米）没有高程，按平地计；{_IMPORT_ZH}"),
    (r"Nothing is known of heights: minutes are walked as if all streets were flat",
     lambda _: "高程未知：步行时间按平地计"),
    (r"The (\d+) spot heights lie on one line or are too few to say what is between them; import more",
     lambda m: f"{m[1]} 个高程点在一条直线上或数量过少，无法推得其间高程；请补充"),
    (rf"{_N} m of streets are steeper than {_PCT}, the slope of a stair, and count as that; mark them as stairs \(highway = steps\), or look at their heights",
     lambda m: f"{m[1]} 米道路坡度超过 {m[2]}%（台阶坡度），按该坡度计；请标为台阶（highway = steps），或核对高程"),
    (rf"The walker '(.+)' goes up to {_PCT}, but no heights are known or asked for: no street is closed as too steep",
     lambda m: f"步行者“‹{m[1]}›”最大可行坡度 {m[2]}%，但高程未知或未要求计坡度：没有道路因过陡而不通"),
    (rf"Closed to the walker '(.+)': {_N} m of streets, {_PCT} of all streets, (.+)",
     lambda m: f"步行者“‹{m[1]}›”不能通行的道路 {m[2]} 米，占全部道路的 {m[3]}%：{_closed(m[4])}"),
)  # fmt: skip

_SITES: Final[tuple[tuple[str, Say], ...]] = (
    (r"(\d+) sites do as much as (\d+): no further one would serve anybody better",
     lambda m: f"{m[1]} 处与 {m[2]} 处效果相同：再增加也不能使任何人受益"),
    (rf"(\d+) candidates have no street in reach and are not offered {_TOLD}",
     lambda m: f"{m[1]} 处备选附近没有可走的街道，不参与选址（{m[2].replace(', ', '、')}）"),
    (r"(\w+): the people of (\d+) homes are not known; they count as nobody where people are added up",
     lambda m: f"{_codes(m[1])}：{m[2]} 处住处人口未知，合计时不计人"),
    (rf"(\w+): (\d+) (\w+) have more people than the {_N} that a site serves; as each is served whole, no site can",
     lambda m: f"{_codes(m[1])}：{m[2]} 个{_kind(m[3])}的人数超过每处容量 {m[4]}；住处不拆分，没有地点能服务"),
    (r"(\w+): (\d+) candidates that fit have no known cost and cannot be bought from a budget",
     lambda m: f"{_codes(m[1])}：{m[2]} 处符合条件的备选费用未知，不能用限定的资金购置"),
)  # fmt: skip

_PATTERNS: Final = tuple(
    (re.compile(pattern, re.DOTALL), say)
    for pattern, say in (*_STREETS, *_PLACED, *_PEOPLE, *_HEIGHTS, *_SITES)
)
