"""The leaders' sheet: numbers with what they rest on, unknown said as unknown, nothing but text."""

import math
import re

import pytest

from gis.dashboard import Dashboard, Figure, Group, Table, render_dashboard

HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def sheet(*groups, title="片区", place="云溪市"):
    return render_dashboard(Dashboard(title, place, "2026-11-21", groups))


def test_a_figure_says_its_unit_and_what_it_rests_on():
    page = sheet(
        Group("小区", "Estates", (Figure("人口", "People", 12345.0, "人", "", "户数×2.62"),))
    )
    assert "<b>12,345</b> 人" in page
    assert "<small>户数×2.62</small>" in page
    assert "2026-11-21" in page


def test_unknown_is_said_and_is_not_zero():
    page = sheet(
        Group(
            "小区",
            "Estates",
            (Figure("人口", "People", math.nan, "人", "", ""),),
            (Table((("片区", "District"), ("人口", "People")), [("D1", math.nan), ("D2", 0.0)]),),
        )
    )
    assert "<b>未知</b>" in page
    assert '<td class="n">未知</td>' in page
    assert '<td class="n">0</td>' in page


def test_no_text_becomes_markup():
    bad = HOSTILE
    figure = Figure(bad, bad, 1.0, bad, bad, bad)
    table = Table(((HOSTILE, HOSTILE),), [(HOSTILE,)], HOSTILE)
    page = sheet(
        Group(HOSTILE, HOSTILE, (figure,), (table,), HOSTILE), title=HOSTILE, place=HOSTILE
    )
    assert "<img" not in page
    assert page.count("&lt;img") == 16


@pytest.mark.parametrize("found", [r"<script", r"https?://", r"url\(", r"@import", r"\bsrc="])
def test_the_page_loads_nothing(found):
    assert not re.search(found, sheet(Group("甲", "A")))
