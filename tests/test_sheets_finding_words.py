"""What a measurement found is Chinese on Chinese sheets: every code, and every sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gis
from gis.sheets.book import EN, ZH
from gis.sheets.finding_words import finding_said, finding_words, names_called
from gis.sheets.words import FINDINGS_ZH

ROOT = Path(gis.__path__[0])
RAISE = ("coverage", "network", "sites", "stepfree", "demand.py", "units.py")
"""Parts whose findings stand on sheets of gaps or of sites."""

WALKERS = {"wheelchair": {"zh": "轮椅使用者", "en": "Wheelchair user"}}
CALLED = names_called(WALKERS, [("community_service", "社区服务站")])

# Sentences as they are said; what is left of English words in the Chinese is a name or a figure.
SAID = {
    "The streets form one connected network": "道路连成一张完整的路网",
    "The streets fall into 3 parts that are not connected; the largest has 99.1 % of their length. "
    "Points linked to another part reach only what is in it":
        "道路分为互不连通的 3 片，最大一片占总长的 99.1%；接在其他片上的地点只能到达本片之内",
    "20 of 2818 streets are not walked: motorway 12, trunk 8":
        "2818 条道路中有 20 条不可步行：motorway 12、trunk 8",
    "people_60plus of 1 estates is an estimate: people x 23 % (national, 2025-12-31: 统计局)":
        "1 个小区的60岁及以上人数为估算：人口 × 23 %（全国，2025-12-31：统计局）",
    "G5-01: 1 facilities of 'community_service' are smaller than 600 m2 of floor and do not count "
    "(甲, 乙, 丙 and 2 more)":
        "G5-01：1 处社区服务站规模不足（应有建筑面积 600 m²），不计入（甲、乙、丙 等 5 个）",
    "3 of 60 estates have no street within 200 m on their side of walls and barriers (A, B, C); "
    "complete the streets or the gates":
        "60 个小区中有 3 个在围墙、阻隔的同侧 200 米内没有道路（A、B、C）；请补全道路或出入口",
    "Closed to the walker 'wheelchair': 1,234 m of streets, 5.6% of all streets, stairs":
        "步行者“轮椅使用者”不能通行的道路 1,234 米，占全部道路的 5.6%：有台阶",
    "1 of 9 gates name an estate that there is not ('X', by G1) and belong to the estate on whose "
    "outline they lie, if any; correct their column estate":
        "9 个出入口中有 1 个所填小区不存在（'X'，见 G1），按其所在边界的小区计；请改正所属小区",
    "It was stated that there is no nursery, clinic_x, but there are some among the facilities; "
    "they are used":
        "声明没有托儿所、clinic_x，但设施数据中有，已采用",
    "2 sites do as much as 5: no further one would serve anybody better":
        "2 处与 5 处效果相同：再增加也不能使任何人受益",
}  # fmt: skip


def sources() -> Iterator[ast.Module]:
    for part in RAISE:
        path = ROOT / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield ast.parse(file.read_text("utf-8"))


def raised() -> Iterator[tuple[str, str]]:
    """Code and text of every finding that these parts raise; what is filled in stands as "7"."""
    for tree in sources():
        for scope in ast.walk(tree):
            if not isinstance(scope, ast.FunctionDef):
                continue
            texts: dict[str, list[ast.expr]] = {}
            for node in ast.walk(scope):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    texts.setdefault(node.targets[0].id, []).append(node.value)
            for call in ast.walk(scope):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding":
                    code, said = call.args[:2]
                    one = texts[said.id] if isinstance(said, ast.Name) else [said]
                    yield from ((plain(code), plain(each)) for each in one)


def plain(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(plain, node.values))
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
        return "7%" if plain(node.format_spec).endswith("%") else "7"
    return str(node.value) if isinstance(node, ast.Constant) else "7"


def test_every_finding_that_sheets_tell_has_a_chinese_title() -> None:
    codes = {code for code, _ in raised()}
    known = {code for code in codes if "7" not in code}
    assert len(known) > 30
    assert known - set(FINDINGS_ZH) == set()


def test_every_sentence_has_its_chinese() -> None:
    """The fixed words of a sentence are those of a pattern, so that none is told in English."""
    lost = {text for _, text in raised() if finding_words(filled(text), ZH) == filled(text)}
    assert lost == set()


def filled(text: str) -> str:
    """Give a sentence with "7" for what is filled in what such a place may hold."""
    for words, instead in FILLED:
        text = text.replace(words, instead)
    return text


FILLED = (
    ("heights; 7", "heights; import a grid or spot heights (7) or streets with z"),
    ("walked as flat; 7", "walked as flat; import a grid or spot heights (7) or streets with z"),
    (
        "7 estates 7: 7",
        "7 estates have people but no building, so that their people are in none: 7",
    ),
    ("units 7;", "units have fewer than 7 people;"),
)


@pytest.mark.parametrize(("english", "chinese"), SAID.items())
def test_a_sentence_is_said_in_chinese(english: str, chinese: str) -> None:
    assert finding_words(english, ZH, CALLED) == chinese
    assert finding_words(english, EN, CALLED) == english


def test_a_sentence_that_is_not_known_keeps_its_title_and_its_english() -> None:
    assert finding_said("streets-parts", "Something new") == "道路连通情况。Something new"
    assert not re.search("。", finding_said("streets-parts", next(iter(SAID))))
