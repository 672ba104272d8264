"""Every sentence about what is left out has its Chinese, and no English stays in it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp

from gis.districts import partition
from gis.districts.left_words import left_words, size_unit, size_words, with_walk

ROW = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def said(links, sizes, *, low, high, names=("people",), beyond=None, **asked) -> set[str]:
    """Everything that the search says of estates E1, E2, ...: reasons, remedies, of the plan."""
    sizes = np.array(sizes, dtype=float).reshape(len(sizes), -1)
    uids = [f"E{i + 1}" for i in range(len(sizes))]
    found = partition(
        np.array(links, dtype=np.int64).reshape(-1, 2), sizes, objective="cut-links", low=low,
        high=high, names=list(names), unit_names=uids, beyond=beyond, time_limit_s=1.0, seed=0,
        **asked,
    )  # fmt: skip
    words = {item.reason for item in found.left} | {way.words for way in found.relaxations}
    return {text for text in words | {found.reason} if text}


def english_in(text: str) -> list[str]:
    """Words that are neither uids nor units."""
    return [w for w in re.findall(r"[A-Za-z_]+\d*", text) if not re.fullmatch(r"E\d+|m", w)]


CLOSE = sp.csr_array(np.full((6, 6), 9999.0) - 9999.0 * np.eye(6))
NONE = (np.empty((0, 2), np.int64), np.empty(0), [])
FAR = (np.array([[1, 2]]), np.array([900.0]), ["900 m on foot, beyond the longest link 800 m"])

CASES = {
    "too small": (([], [1, 1]), {"low": [5], "high": [9]}, "可连片人口合计 1 人，不足 5 人"),
    "too large": (([], [9, 3]), {"low": [1], "high": [5], "names": ["cost_yuan"]},
                  "自身估算投资 9 元，超过上限 5 元"),
    "together too large": (([(0, 1)], [3, 3, 3]), {"low": [1], "high": [5], "same": [(0, 1)]},
                           "须在同一片区的 2 个小区人口合计 6 人，超过上限 5 人"),
    "no centre": ((ROW, [1] * 6), {"low": [5], "high": [9], "cost": CLOSE, "centre_limit": 420.0},
                  "步行 420 米以内没有可聚集足够规模的中心小区：人口最多 1 人，至少需要 5 人"),
    "torn": (([], [3, 3, 3]), {"low": [1], "high": [9], "same": [(0, 1)]},
             "E1、E2 须在同一片区，但彼此不连通"),
    "heavy": (([(0, 1), (1, 2)], [3, 9, 3]), {"low": [1], "high": [9], "same": [(0, 2)]},
              "E1、E3 须在同一片区，连成一片的人口至少 15 人，超过上限 9 人"),
    "few": ((ROW, [2] * 6), {"low": [1], "high": [9], "count": 7}, "6 个小区不能划分为 7 个片区"),
    "need": ((ROW, [2] * 6), {"low": [5], "high": [9], "count": 3, "names": ["households"]},
             "3 个片区共需户数 15 户，现有 12 户"),
    "hold": ((ROW, [2] * 6), {"low": [1], "high": [5], "count": 2},
             "2 个片区最多容纳人口 10 人，现有 12 人"),
    "alone": (([], [9, 2]), {"low": [1], "high": [5], "count": 2},
              "E1 无法编入任何片区：自身人口 9 人，超过上限 5 人"),
    "parts": (([(0, 1)], [2, 2, 2]), {"low": [1], "high": [9], "count": 1},
              "2 个连片部分应划分为 2 至 3 个片区，不能为 1 个"),
    "part": (([(0, 1)], [3, 3, 4]), {"low": [4], "high": [5], "count": 2},
             "与 E1 连片的部分无法按上下限划分"),
    "raise": (([(0, 1), (1, 2)], [3, 3, 3]), {"low": [5], "high": [6], "beyond": NONE},
              "上限提高至 9 人"),
    "link": (([(0, 1)], [3, 3, 2]), {"low": [5], "high": [9], "beyond": FAR},
             "允许连接：E3 与 E2（步行 900 米，超过最长距离 800 米）；片区人口为 8 人"),
    "link not enough": (([(0, 1)], [3, 3, 2]), {"low": [5], "high": [7], "beyond": FAR},
                        "步行 900 米，超过最长距离 800 米）；仅连接此处仍不够"),
    "lower": (([], [6, 1]), {"low": [5], "high": [9], "beyond": NONE},
              "将人口下限降至 1 人，E2 可单独成为片区"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_the_search_says_has_its_chinese(name):
    (links, sizes), asked, wanted = CASES[name]
    told = {text: left_words(text, "zh") for text in said(links, sizes, **asked)}
    assert told
    assert not {text: zh for text, zh in told.items() if english_in(zh)}
    assert any(wanted in zh for zh in told.values()), told


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("people and households and cost_yuan are unknown", "人口、户数和估算投资均未知"),
        ("people or households are unknown", "人口或户数未知"),
        ("in no district of drawn2.xlsx", "drawn2.xlsx 中未列入任何片区"),
        ("no district of the plan holds it", "方案中没有片区包含该小区"),
        ("taken out by hand", "人工移出片区"),
        (
            "no street within 300 m that is reached without crossing a barrier",
            "300 米内没有不穿越阻隔即可到达的道路",
        ),
        (
            "total reachable people 3,120 < 5,000; no other estate is near",
            "可连片人口合计 3,120 人，不足 5,000 人；附近没有其他小区",
        ),
        (
            "total reachable people 1,000 < 2,000; the estates beside it differ in community",
            "可连片人口合计 1,000 人，不足 2,000 人；相邻小区的社区不同",
        ),
        (
            (
                "all ways of placing the 5 around it were tried: at least 1,668 people among them "
                "are left out"
            ),
            "已穷举其周边 5 个小区的编入方式，至少有人口 1,668 人未能编入",
        ),
        (
            "all connected groups with it were tried; none keeps the bounds",
            "已穷举含该小区的全部连片组合，均不符合上下限",
        ),
        (
            "all ways of joining it with its neighbours were tried; this leaves out least",
            "已穷举与相邻小区的组合，本方案遗留最少",
        ),
        (
            "no way was found to join it within the bounds; none is proved impossible",
            "在上下限内未找到编入方式，但未证明不可能",
        ),
        (
            (
                "raise the most people to 1,200, cost_yuan to 98,640,000: E1, E2, E3 and 2 more "
                "would be a district"
            ),
            "将人口上限提高至 1,200 人、估算投资上限提高至 98,640,000 元，E1、E2、E3 等 5 个小区可单独成为片区",  # noqa: E501
        ),
        (
            "no plan with 30 districts was found; none is proved impossible",
            "未找到 30 个片区的方案，但未证明不可能",
        ),
        (
            "all ways of making 30 districts were tried; none keeps all",
            "已穷举划分 30 个片区的方式，均不符合约束",
        ),
        ("no district was found; none is proved impossible", "未找到任何片区，但未证明不可能"),
        ("no district can be formed: all ways were tried", "已穷举，无法形成任何片区"),
        (
            "no district can be formed: people 9 > 5",
            "无法形成任何片区：自身人口 9 人，超过上限 5 人",
        ),
        ("there are no units", "没有可编入的小区"),
        (
            "all districts are closed, and E7 is in none of them",
            "全部片区均已锁定，E7 不在其中",
        ),
        (
            "the border between the community 东 and the community 西 lies between",
            "分属社区“东”和“西”",
        ),
        ("switched off by hand: 居民反对", "人工断开：居民反对"),
    ],
)
def test_sentences_of_requests_and_proofs_have_their_chinese(text, zh):
    assert left_words(text, "zh") == zh
    assert left_words(text, "en") == text


def test_sizes_are_called_by_the_headings_of_their_columns():
    assert size_words("cost_yuan", "zh") == "估算投资"
    assert (size_words("count", "zh"), size_unit("count", "zh")) == ("小区数", "个")
    assert (size_words("rank", "zh"), size_unit("rank", "zh")) == ("rank", "")
    assert (size_unit("people", "en"), size_unit("floor_area_m2", "en")) == ("", "m²")


def test_a_walk_to_the_centre_is_told_in_the_minutes_that_were_asked():
    said = "E1 fits in no district: no centre within 450 gathers enough: at most 1 people, 5 needed"
    told = with_walk(said, 7.5, 450.0)
    assert "no centre within 7.5 min on foot (450 m) gathers enough" in told
    assert left_words(told, "zh") == (
        "E1 无法编入任何片区：步行 7.5 分钟（450 米）以内没有可聚集足够规模的中心小区："
        "人口最多 1 人，至少需要 5 人"
    )
    assert with_walk("E1 > 5", 7.5, 450.0) == "E1 > 5"
