"""Words, units and numbers as people type them into Chinese and English tables."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SQUARE_METRE: Final = {
    "m2": 1.0, "平方米": 1.0, "平米": 1.0, "sqm": 1.0, "公顷": 1e4, "ha": 1e4, "hm2": 1e4,
    "亩": 10_000 / 15, "万m2": 1e4, "万平方米": 1e4, "万平米": 1e4, "万平": 1e4, "平": 1.0,
    "km2": 1e6, "平方公里": 1e6, "平方千米": 1e6,
}  # fmt: skip
UNITS: Final[dict[str, dict[str, float]]] = {
    "m2": _SQUARE_METRE,
    "yuan": {"元": 1.0, "yuan": 1.0, "cny": 1.0, "rmb": 1.0, "千元": 1e3, "万元": 1e4, "万": 1e4,
             "百万元": 1e6, "百万": 1e6, "千万元": 1e7, "千万": 1e7, "亿元": 1e8, "亿": 1e8},
    "m": {"m": 1.0, "米": 1.0, "km": 1e3, "公里": 1e3, "千米": 1e3, "dm": 0.1, "分米": 0.1,
          "cm": 0.01, "厘米": 0.01, "mm": 1e-3, "毫米": 1e-3},
    "mm": {"mm": 1.0, "毫米": 1.0, "cm": 10.0, "厘米": 10.0, "m": 1e3, "米": 1e3},
    "people": {"人": 1.0, "people": 1.0, "persons": 1.0, "个": 1.0, "名": 1.0, "千人": 1e3,
               "万人": 1e4, "万": 1e4},
    "households": {"户": 1.0, "households": 1.0, "hh": 1.0, "套": 1.0, "万户": 1e4, "万": 1e4},
    "buildings": {"栋": 1.0, "幢": 1.0, "座": 1.0, "个": 1.0, "楼": 1.0},
    "storeys": {"层": 1.0, "f": 1.0, "storeys": 1.0, "floors": 1.0},
    "entrances": {"个": 1.0, "单元": 1.0},
    "places": {"个": 1.0, "位": 1.0, "张": 1.0, "座": 1.0, "床": 1.0, "人": 1.0, "万个": 1e4},
    "year": {"年": 1.0, "年份": 1.0, "年代": 1.0},
    "share": {"%": 0.01, "percent": 0.01, "百分比": 0.01},
}  # fmt: skip
"""Our unit -> unit as it is written (after NFKC, small letters, no spaces) -> factor to ours.
1 mu is a fifteenth of a hectare, 666.67 m2."""

ALL_UNITS: Final = frozenset(unit for family in UNITS.values() for unit in family)

NO_UNITS: Final = frozenset(
    ["单位", "unit", "units", "度", "°", "十进制度", "deg", "degree", "degrees", "-", "--", "—",
     "/", "无"]
)  # fmt: skip
"""What stands in a row of units over columns that are not converted, such as degrees."""

NOTHING: Final = frozenset(
    ["", "-", "--", "—", "——", "/", "\\", "n/a", "na", "nan", "null", "none", "<null>", "不详",
     "未知", "不明", "暂无", "待定", "缺", "无数据"]
)  # fmt: skip
"""What people write where they know nothing."""

YES: Final = frozenset(
    ["是", "有", "可", "可以", "能", "yes", "y", "true", "t", "1", "1.0", "√", "✓", "对",
     "designated", "permissive", "destination", "private", "customers", "residents", "viaduct",
     "covered", "building_passage", "culvert"]
)  # fmt: skip
NO: Final = frozenset(
    ["否", "无", "没有", "不", "不可", "不能", "no", "n", "false", "f", "0", "0.0", "×", "✗", "x",
     "use_sidepath"]
)  # fmt: skip

_BRACKETS: Final = re.compile(r"[(\[{【〔<《](.*?)[)\]}】〕>》]")
_NUMBER: Final = re.compile(
    r"([+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*(?:e[+-]?\d+)?|\.\d+))(.*)"
)
_YEAR: Final = re.compile(r"((?:1[89]|20)\d\d)(?:年|年代|年份|年建|年建成)?")
_YEAR_PART: Final = re.compile(
    r"(?:预计|计划|预期)?((?:1[89]|20)\d\d)(?:年度?)?"
    r"(?:[-/.]?(?:内|初|中|底|末|年初|年中|年底|年末|[上下]半年|第?[一二三四1-4]季度?|[春夏秋冬]季?|q[1-4]|h[12]))?"
)
"""A part of a year names the year: 2028年底, 2027年下半年, 2026Q3."""
_RANGE: Final = re.compile(r"[^\d]*\d[\d.,]*[^\d\-~—–至到]*[-~—–至到]+[^\d]*\d[\d.,]*[^\d]*")
_YEAR_MONTH: Final = re.compile(
    r"((?:1[89]|20)\d\d)[.\-/年](?:0?[1-9]|1[0-2])(?!\d)月?份?(?:[.\-/]?\d{1,2}日?)?"
    r"(?:[ t]\d\d:.*)?"
)
_YEARS: Final = re.compile(
    r"(?:.*\d\d(?:年)?[-~—至到](?:\d\d){1,2}.*|.*年代.*|(?:约|大约|约于).*|.*(?:前|后|左右|以前|以后|之前|之后))"
)
_DATE: Final = re.compile(
    r"((?:18|19|20)\d\d)\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2})?\s*日?)?(?:[ t]\d{1,2}:.*)?"
)
_DAY_DIGITS: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_MONTH_DIGITS: Final = re.compile(r"((?:19|20)\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?")
_SHORT_YEAR: Final = re.compile(r"['’]?([5-9]\d)(?:年|年建|年建成)?")
_CHINESE_YEAR: Final = re.compile(r"((?:[〇零○一二三四五六七八九]{2}){1,2})(年.*)?")
_CHINESE_DIGITS: Final = str.maketrans("〇零○一二三四五六七八九", "000123456789")
_ABOUT: Final = re.compile(r"^(?:大约|大概|约有|约为|约于|约|将近|接近|近|≈|~)")
_ABOUT_AFTER: Final = re.compile(r"(?<=[\d百千万亿])[余多](?=\D|$)|(?:左右|上下)$")

_DIGITS: Final = {word: value for value, word in enumerate("零一二三四五六七八九")}
_FLOOR: Final = r"(?:层|楼|f|floor|storey)"
_WHOLE: Final = r"(\d{1,3}|[一二三四五六七八九]?十?[一二三四五六七八九]?)"
_BELOW: Final = r"(地下|负|-|b|半地下)?"
_STOREY: Final = re.compile(rf"{_BELOW}第?{_WHOLE}{_FLOOR}?")
_LEADING_F: Final = re.compile(r"[fl](\d{1,3})")
_OF_STOREYS: Final = re.compile(rf"第?(\d{{1,3}}){_FLOOR}?/(?:共)?(\d{{1,3}}){_FLOOR}?")
_STOREY_AT: Final = re.compile(
    r"^(?:沿街|临街|位于|地上)|(?:房间|用房|房屋|商铺|门面|临街|沿街|室)$"
)
_STOREYS_TO: Final = re.compile(
    r"(?<=[\d一二三四五六七八九十层楼f])[-~—–至到、,和及](?=[\d一二三四五六七八九十])"
)
_GROUND_FLOOR: Final = frozenset(
    ["底层", "首层", "底楼", "首楼", "地面层", "地面", "平房", "gf", "g", "groundfloor"]
)
_BASEMENT: Final = frozenset(["地下", "地下室", "地下层", "半地下", "半地下室", "basement"])


def plain(text: str) -> str:
    """Return a heading for comparing: half width, small letters, no brackets, spaces or dashes."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _BRACKETS.sub("", text).split("/")[0]
    return re.sub(r"[\s_\-:*.,、。]|%$", "", text)


def bracketed(text: str) -> str:
    """Return what stands in the last brackets of a heading, after its slash, or the % it ends with.

    "" for nothing.
    """
    text = unicodedata.normalize("NFKC", text).casefold().strip()
    inside = _BRACKETS.findall(text)
    part = inside[-1] if inside else text.partition("/")[2]
    if not part and text.endswith("%"):
        part = "%"
    return re.sub(r"\s|^单位[:]?", "", part).strip(":、,")


def tidy(text: str) -> str:
    """Return a cell for comparing: half width, small letters, without spaces around."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def number(text: str, unit: str) -> tuple[float, bool] | None:
    """Return the number a text stands for, in ``unit``, and whether it named a unit itself.

    Full-width digits, thousands separators and units of the same family are understood; None when
    it is no number.
    """
    match = _NUMBER.fullmatch(re.sub(r"\s", "", tidy(text)).lstrip("¥"))
    if match is None:
        return None
    value, tail = float(match[1].replace(",", "")), match[2]
    if not tail:
        return value, False
    factor = UNITS.get(unit, {}).get(tail)
    return None if factor is None else (value * factor, True)


def named_unit(text: str) -> str:
    """Return what follows the number in a text, as `number` understands it: 45 万元 -> 万元."""
    match = _NUMBER.fullmatch(re.sub(r"\s", "", tidy(text)).lstrip("¥"))
    return match[2] if match else ""


def is_range(text: str) -> bool:
    """Return whether a text gives two numbers, the least and the most: 180-220, 50至60万."""
    return _RANGE.fullmatch(re.sub(r"\s", "", tidy(text))) is not None


def storey(text: str) -> tuple[int | None, bool]:
    """Return the storey that a text names, None where it names none, and whether it names several.

    一层, 2楼, 3F and 首层 lie above the ground, 地下一层, 负一层, B1 and 地下室 below it; 3/6 is
    the third of six. Of 1-2层 the lowest counts; one that reaches below the ground names none.
    """
    word = _STOREY_AT.sub("", re.sub(r"\s", "", tidy(text)))
    if word in _GROUND_FLOOR:
        return 1, False
    if word in _BASEMENT:
        return -1, False
    of = _OF_STOREYS.fullmatch(word)
    if of:
        return (int(of[1]) if int(of[1]) <= int(of[2]) else None), False
    parts = _STOREYS_TO.split(word)
    found = [_one_storey(part) for part in parts]
    if len(found) == 1 or None in found:
        return (found[0] if len(found) == 1 else None), False
    known = [each for each in found if each is not None]
    return (min(known) if min(known) > 0 and known == sorted(known) else None), True


def _one_storey(word: str) -> int | None:
    """Return the storey in a word such as 地下一层, -1, 二楼, 3f or f3."""
    turned = _LEADING_F.fullmatch(word)
    match = _STOREY.fullmatch(turned[1] if turned else word)
    if match is None or not match[2]:
        return None
    whole = int(match[2]) if match[2].isdigit() else _chinese_number(match[2])
    return -whole if match[1] else whole


def _chinese_number(word: str) -> int:
    """Return a number below a hundred: 二, 十, 十二, 二十三."""
    tens, ten, ones = word.rpartition("十")
    return (_DIGITS[tens] if tens else 1) * 10 * bool(ten) + (_DIGITS[ones] if ones else 0)


def about(text: str) -> str | None:
    """Return a rough number (约710, 700余户, 700左右) without the word that says so, or None."""
    text = re.sub(r"\s", "", tidy(text))
    exact = _ABOUT_AFTER.sub("", _ABOUT.sub("", text))
    return exact if exact != text and re.search(r"\d", exact) else None


def year(text: str) -> int | None:
    """Return the year in ``1998年``, ``1998.5``, ``1998-06-01``, ``19980601`` or ``一九九八``.

    None for all else, also for years of two digits, see `short_year`.
    """
    text = _arabic(tidy(text))
    text = re.sub(r"\s+(?=\D)", "", text)  # 2026 Q3, but not 1998 06 01
    match = (
        _YEAR.fullmatch(text)
        or _YEAR_MONTH.fullmatch(text)
        or _MONTH_DIGITS.fullmatch(text)
        or _YEAR_PART.fullmatch(text)
    )
    if match is None and re.fullmatch(r"(?:1[89]|20)\d\d\.0+", text):
        return int(text[:4])
    return int(match[1]) if match else None


def short_year(text: str) -> int | None:
    """Return the year of the last century that two digits stand for (98年), or None.

    From 50 on: 05 may be 1905 or 2005, and a building of before 1950 is rare.
    """
    match = _SHORT_YEAR.fullmatch(_arabic(tidy(text)))
    return 1900 + int(match[1]) if match else None


def _arabic(text: str) -> str:
    """Write the digits of a year in Chinese figures (二〇〇一年) as 2001."""
    match = _CHINESE_YEAR.fullmatch(text)
    return match[1].translate(_CHINESE_DIGITS) + (match[2] or "") if match else text


def vague_year(text: str) -> bool:
    """Return whether a text means a year without saying which: a range, a decade, "before"."""
    return _YEARS.fullmatch(tidy(text)) is not None


def date(text: str) -> str | None:
    """Return a date as YYYY-MM-DD (the first of the month where no day is given), or None."""
    text = tidy(text)
    match = _DAY_DIGITS.fullmatch(text) or _DATE.fullmatch(text)
    if match is None:
        return None
    y, m, d = int(match[1]), int(match[2]), int(match[3] or 1)
    return f"{y:04d}-{m:02d}-{d:02d}" if _is_day(y, m, d) else None


def _is_day(y: int, m: int, d: int) -> bool:
    leap = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= m <= 12 and 1 <= d <= days[m - 1]
