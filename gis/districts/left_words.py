"""Why an estate is in no district, and what would place it: the sentences of the search in Chinese.

The search says them in English, with the names of columns. Each pattern is the whole of a
sentence; what matches none stays as it is.
"""

# ruff: noqa: E501 - a sentence is easier to read and to translate on one line

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import Match
from typing import Final

from gis.districts.link_words import AREAS, BARRIERS
from gis.model import KINDS

_UNITS: Final = {
    "people": ("", "人"),
    "households": ("", "户"),
    "buildings": ("", "栋"),
    "m2": (" m²", "m²"),
    "yuan": (" yuan", "元"),
    "estates": ("", "个"),
}
_DERIVED: Final = {
    "count": ("estates", "小区数", "estates"),
    "estates": ("estates", "小区数", "estates"),
    "area_m2": ("ground area", "占地面积", "m2"),
}
"""Sizes that are no columns of the estates: in English, in Chinese, and the unit."""

Say = Callable[[Match[str]], str]

_N: Final = r"([\d,.]*\d(?:e[+-]?\d+)?)"
"""A number as sentences write it: 1,200 or 0.25 or 1e-05."""

_CENTRE: Final = re.compile(rf"no centre within {_N} gathers")


def size_words(column: str, language: str = "en") -> str:
    """Name what a district is measured in by the heading of its column."""
    zh = language == "zh"
    if column in _DERIVED:
        return _DERIVED[column][zh]
    if column in KINDS["estates"].column_names:
        of = KINDS["estates"].column(column)
        return of.zh if zh else of.en.lower()
    return column


def size_unit(column: str, language: str = "en") -> str:
    """Return what follows a number of this size; nothing where the name of the size says it."""
    unit = ""
    if column in _DERIVED:
        unit = _DERIVED[column][2]
    elif column in KINDS["estates"].column_names:
        unit = KINDS["estates"].column(column).unit
    en, zh = _UNITS.get(unit, ("", ""))
    return zh if language == "zh" else en.strip()


def left_words(text: str, language: str = "en") -> str:
    """Put a reason or remedy of `LeftOut`, or the reason of a plan, into a language.

    Parts of a sentence that are not known stay as they are.
    """
    return text if language != "zh" or not text else _whole(text)


def with_walk(text: str, minutes: float | None, metres: float | None) -> str:
    """Say how far a centre may be in the minutes that were asked for; the search knows no unit."""
    if minutes is None or metres is None:
        return text
    said = f"no centre within {minutes:,.10g} min on foot ({metres:,.10g} m) gathers"
    return _CENTRE.sub(said, text)


def _whole(text: str) -> str:
    near = re.fullmatch(r"(?:(.*); )?nearest other estate (.+)", text, re.DOTALL)
    if near:
        first = f"{_whole(near[1])}；" if near[1] else ""
        return f"{first}最近的其他小区{_whole(near[2])}"
    alone = re.fullmatch(r"(.*); no other estate is near", text, re.DOTALL)
    if alone:
        return f"{_whole(alone[1])}；附近没有其他小区"
    other = re.fullmatch(r"(.*); the estates beside it differ in (.+)", text, re.DOTALL)
    if other:
        words = "、".join(_size(w) for w in other[2].split(", "))
        return f"{_whole(other[1])}；相邻小区的{words}不同"
    for pattern, say in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return say(found)
    parts = text.split("; ")
    told = [_whole(part) for part in parts] if len(parts) > 1 else parts
    return text if told == parts else "；".join(told)


def _amount(column: str, value: str) -> str:
    unit = size_unit(column, "zh")
    return f"{value} {unit}" if unit else value


def _size(column: str) -> str:
    return size_words(column, "zh")


def _listed(text: str) -> str:
    """Join uids as Chinese does: "E1, E2 and 3 more" is 5 estates."""
    more = re.fullmatch(r"(.*) and (\d+) more", text)
    uids = (more[1] if more else text).split(", ")
    told = "、".join(uids)
    return f"{told} 等 {len(uids) + int(more[2])} 个小区" if more else told + " "


def _asked(text: str) -> Iterator[tuple[str, str]]:
    """Sizes and bounds of "people to 1,200, cost_yuan to 98,640,000"."""
    yield from re.findall(rf"(?:^|, )(.+?) to {_N}(?=, |$)", text)


def _bounds(text: str, verb: str) -> str:
    asked = [f"{_size(c)}{verb} {_amount(c, value)}" for c, value in _asked(text)]
    return "、".join(asked)


def _barrier(text: str) -> str:
    for en, zh in BARRIERS.values():
        if text == en or text.startswith(f"{en} "):
            name = text[len(en) + 1 :]
            return f"{zh}“{name}”" if name else zh
    return text


def _area(en: str) -> str:
    return dict(AREAS.values()).get(en, "区域")


def _unknown(found: Match[str]) -> str:
    columns = found[1].split(" and ")
    both = "均" if len(columns) > 1 else ""
    names = "和".join(filter(None, ("、".join(map(_size, columns[:-1])), _size(columns[-1]))))
    return f"{names}{both}未知"


def _link(found: Match[str]) -> str:
    far = _whole(found[4]) if found[4] else f"相距 {found[1]} 米"
    return f"{found[2]} 与 {found[3]}（{far}）"


_FAR: Final = rf"{_N} m from (.+?) to (.+?)(?: \((.+)\))?"

_WALK: Final = rf"(?:{_N} min on foot \()?{_N}(?: m)?\)?"
"""A walk to a centre: minutes as they were asked, and metres."""


def _walk(found: Match[str]) -> str:
    return f"{found[1]} 分钟（{found[2]} 米）" if found[1] else f"{found[2]} 米"


_SIZES: Final[tuple[tuple[str, Say], ...]] = (
    (r"people or households are unknown", lambda _: "人口或户数未知"),
    (rf"(\w+) of the (\d+) that must stay together {_N} > {_N}",
     lambda m: f"须在同一片区的 {m[2]} 个小区{_size(m[1])}合计 {_amount(m[1], m[3])}，超过上限 {_amount(m[1], m[4])}"),
    (rf"total reachable estates {_N} < {_N}", lambda m: f"可连片小区合计 {m[1]} 个，不足 {m[2]} 个"),
    (rf"total reachable (.+) {_N} < {_N}",
     lambda m: f"可连片{_size(m[1])}合计 {_amount(m[1], m[2])}，不足 {_amount(m[1], m[3])}"),
    (rf"(.+) {_N} > {_N}",
     lambda m: f"自身{_size(m[1])} {_amount(m[1], m[2])}，超过上限 {_amount(m[1], m[3])}"),
    (rf"(.+) must stay together, and to hang together they need at least {_N} (.+), more than {_N}",
     lambda m: f"{_listed(m[1])}须在同一片区，连成一片的{_size(m[3])}至少 {_amount(m[3], m[2])}，超过上限 {_amount(m[3], m[4])}"),
    (r"(.+) must stay together, but no links join them all",
     lambda m: f"{_listed(m[1])}须在同一片区，但彼此不连通"),
    (rf"no centre within {_WALK} gathers enough: at most {_N} (.+), {_N} needed",
     lambda m: f"步行 {_walk(m)}以内没有可聚集足够规模的中心小区：{_size(m[4])}最多 {_amount(m[4], m[3])}，至少需要 {_amount(m[4], m[5])}"),
    (rf"no street within {_N} m that is reached without crossing a barrier",
     lambda m: f"{m[1]} 米内没有不穿越阻隔即可到达的道路"),
    (r"(.+) (?:is|are) unknown", _unknown),
)  # fmt: skip

_TRIED: Final[tuple[tuple[str, Say], ...]] = (
    (r"all ways of joining it with its neighbours were tried; this leaves out least",
     lambda _: "已穷举与相邻小区的组合，本方案遗留最少"),
    (r"no way was found to join it within the bounds; none is proved impossible",
     lambda _: "在上下限内未找到编入方式，但未证明不可能"),
    (r"all connected groups with it were tried; none keeps the bounds",
     lambda _: "已穷举含该小区的全部连片组合，均不符合上下限"),
    (rf"all ways of placing the (\d+) around it were tried: at least {_N} (.+) among them are left out",
     lambda m: f"已穷举其周边 {m[1]} 个小区的编入方式，至少有{_size(m[3])} {_amount(m[3], m[2])}未能编入"),
    (r"there are no units", lambda _: "没有可编入的小区"),
    (r"all districts are closed, and (.+) is in none of them",
     lambda m: f"全部片区均已锁定，{m[1]} 不在其中"),
    (r"no district can be formed: all ways were tried", lambda _: "已穷举，无法形成任何片区"),
    (r"no district can be formed: (.+)", lambda m: f"无法形成任何片区：{_whole(m[1])}"),
    (r"no district was found; none is proved impossible",
     lambda _: "未找到任何片区，但未证明不可能"),
    (r"all ways of making (\d+) districts were tried; none keeps all",
     lambda m: f"已穷举划分 {m[1]} 个片区的方式，均不符合约束"),
    (r"no plan with (\d+) districts was found; none is proved impossible",
     lambda m: f"未找到 {m[1]} 个片区的方案，但未证明不可能"),
)  # fmt: skip

_COUNT: Final[tuple[tuple[str, Say], ...]] = (
    (r"(.+?) fits in no district: (.+)", lambda m: f"{m[1]} 无法编入任何片区：{_whole(m[2])}"),
    (r"(\d+) units cannot make (\d+) districts",
     lambda m: f"{m[1]} 个小区不能划分为 {m[2]} 个片区"),
    (rf"(\d+) districts need (.+) {_N}, there is {_N}",
     lambda m: f"{m[1]} 个片区共需{_size(m[2])} {_amount(m[2], m[3])}，现有 {_amount(m[2], m[4])}"),
    (rf"(\d+) districts hold (.+) {_N}, there is {_N}",
     lambda m: f"{m[1]} 个片区最多容纳{_size(m[2])} {_amount(m[2], m[3])}，现有 {_amount(m[2], m[4])}"),
    (r"the part that is connected with (.+) cannot be cut within the bounds: it needs at least (\d+) and at most (\d+) districts",
     lambda m: f"与 {m[1]} 连片的部分无法按上下限划分：至少需 {m[2]} 个、至多可分 {m[3]} 个片区"),
    (r"the (\d+) connected parts need (\d+) to (\d+) districts, not (\d+)",
     lambda m: f"{m[1]} 个连片部分应划分为 {m[2]} 至 {m[3]} 个片区，不能为 {m[4]} 个"),
)  # fmt: skip

_REMEDIES: Final[tuple[tuple[str, Say], ...]] = (
    (r"lower the least (.+): (.+?) would be a district",
     lambda m: f"将{_bounds(m[1], '下限降至')}，{_listed(m[2])}可单独成为片区"),
    (r"raise the most (.+): (.+?) would be a district",
     lambda m: f"将{_bounds(m[1], '上限提高至')}，{_listed(m[2])}可单独成为片区"),
    (r"raise the most (.+): (.+?) would join the district of (.+)",
     lambda m: f"将{_bounds(m[1], '上限提高至')}，{_listed(m[2])}可并入 {m[3]} 所在片区"),
    (r"lower the least (.+): (.+?) would be in (\d+) districts",
     lambda m: f"将{_bounds(m[1], '下限降至')}，{_listed(m[2])}可分入 {m[3]} 个片区"),
    (r"raise the most (.+): (.+?) would be in (\d+) districts",
     lambda m: f"将{_bounds(m[1], '上限提高至')}，{_listed(m[2])}可分入 {m[3]} 个片区"),
    (rf"allow the link of {_FAR}: the district would have (.+) {_N}",
     lambda m: f"允许连接：{_link(m)}；片区{_size(m[5])}为 {_amount(m[5], m[6])}"),
    (rf"the nearest other is {_FAR}, and that link alone is not enough",
     lambda m: f"最近的其他小区：{_link(m)}；仅连接此处仍不够"),
)  # fmt: skip

_LINKS: Final[tuple[tuple[str, Say], ...]] = (
    (rf"{_N} m on foot round (.+), beyond the longest link {_N} m",
     lambda m: f"绕行{_barrier(m[2])}步行 {m[1]} 米，超过最长距离 {m[3]} 米"),
    (rf"{_N} m on foot, beyond the longest link {_N} m",
     lambda m: f"步行 {m[1]} 米，超过最长距离 {m[2]} 米"),
    (rf"{_N} m between outlines, beyond (?:the longest link )?{_N} m",
     lambda m: f"边界相距 {m[1]} 米，超过 {m[2]} 米"),
    (rf"{_N} m away, but (.+) lies between (?:without a crossing|and no way leads straight across)",
     lambda m: f"相距 {m[1]} 米，但被{_barrier(m[2])}隔开，且无直接通道"),
    (rf"{_N} m away, but the wall ?(.*) between them may not be opened",
     lambda m: f"相距 {m[1]} 米，其间围墙{m[2]}不可拆除"),
    (rf"{_N} m away, but on foot other estates lie in between",
     lambda m: f"相距 {m[1]} 米，但步行途经其他小区"),
    (rf"{_N} m away, but no street leads from one to the other",
     lambda m: f"相距 {m[1]} 米，但道路互不连通"),
    (r"the border between the (\w+) (.+) and the \1 (.+) lies between",
     lambda m: f"分属{_area(m[1])}“{m[2]}”和“{m[3]}”"),
    (r"one is in the (\w+) (.+), the \1 of the other is unknown",
     lambda m: f"一方属{_area(m[1])}“{m[2]}”，另一方{_area(m[1])}未知"),
    (rf"no other estate (?:next to it )?within {_N} m on foot", lambda m: f"步行 {m[1]} 米内没有其他小区"),
    (rf"no other estate (?:next to it )?within {_N} m between outlines", lambda m: f"{m[1]} 米内没有其他小区"),
    (rf"across a street, {_N} m, front {_N} m; {_N} m on foot",
     lambda m: f"隔街相对，相距 {m[1]} m，相对 {m[2]} m；沿路步行 {m[3]} m"),
    (rf"{_N} m on foot along streets", lambda m: f"沿路步行 {m[1]} 米"),
    (rf"{_N} m of common wall, (.+)", lambda m: f"共用围墙 {m[1]} 米，{_whole(m[2])}"),
    (rf"outlines {_N} m apart", lambda m: f"边界相距 {m[1]} 米"),
    (r"outlines touch", lambda _: "边界相接"),
    (r"switched off by hand(?:: (.+))?", lambda m: "人工断开" + (f"：{m[1]}" if m[1] else "")),
    (r"added by hand(?:: (.+))?", lambda m: "人工添加" + (f"：{m[1]}" if m[1] else "")),
    (r"linked by hand", lambda _: "人工添加"),
)  # fmt: skip

_BY_HAND: Final[tuple[tuple[str, Say], ...]] = (
    (r"in no district of (.+)", lambda m: f"{m[1]} 中未列入任何片区"),
    (r"no district of the plan holds it", lambda _: "方案中没有片区包含该小区"),
    (r"taken out by hand", lambda _: "人工移出片区"),
)

# What tells more of a sentence comes before what would match it by chance.
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.DOTALL), say)
    for pattern, say in (*_LINKS, *_BY_HAND, *_REMEDIES, *_COUNT, *_TRIED, *_SIZES)
)
