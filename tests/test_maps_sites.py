"""Sites on the map, on the street of test_sites_plan: what is counted can be counted by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from gis.maps import render_map, styles
from gis.maps.page import EXTERNAL
from gis.maps.sites import before_and_after, sites_meta
from gis.model import KINDS, Study
from gis.rules import own_rule
from gis.sites import Ask, SitePlan, plan_sites
from tests.layers import layer
from tests.test_sites_plan import STATION, X, sized, street

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='alert(1)'>{{7*7}}"


def page_of(study: Study, plan: SitePlan, **options: Any) -> str:
    text: str = render_map(
        study, coverage=None, plan=None, sites=plan, title=HOSTILE, date="2026-11-21", **options
    )
    return text


def payload(page: str) -> dict[str, Any]:
    block = re.search(r'<script type="application/json" id="lianpian-data">(.*?)</script>', page)
    assert block is not None
    data: dict[str, Any] = json.loads(block.group(1))
    return data


def overlay(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(layer for layer in data["overlays"] if layer["key"] == key)
    return found


@pytest.fixture(scope="module")
def plan() -> SitePlan:
    # F serves E0 and E1; S4 serves E3, E4, E5 and S8 serves E7, E8, E9.
    return plan_sites(street(), [STATION], Ask(count=2))


@pytest.fixture(scope="module")
def data(plan: SitePlan) -> dict[str, Any]:
    return payload(page_of(street(), plan))


def test_each_service_is_there_twice_then_and_today(data: dict[str, Any], plan: SitePlan) -> None:
    then, today = data["items"]
    assert (then["zh"], today["zh"]) == ("老年服务站（选址后）", "老年服务站（现状）")
    covered = [[status == 0 for status in each] for each in data["estates"]["status"]]
    assert covered[0] == [True, True, False, True, True, True, False, True, True, True]
    assert covered[1] == [True, True] + [False] * 8
    assert plan.after is not None
    for side, measured in ((0, plan.after), (1, plan.before)):
        (item,) = measured.items
        assert covered[side] == (item.status == "covered").tolist()
    # What is missing in all is what is missing then, not twice the same.
    assert data["estates"]["missing"] == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0]


def test_the_panel_says_who_had_it_and_who_has_it_then(data: dict[str, Any]) -> None:
    (service,) = data["meta"]["sites"]["services"]
    assert (service["before"], service["after"], service["in_all"]) == (20, 90, 110)
    assert (service["count"], service["unreachable"], service["estimated"]) == (2, 0, 0)
    assert (service["limit_m"], service["unit"]["zh"]) == (100, "人")
    assert data["meta"]["sites"]["status"] == {"zh": "已证明最优", "en": "proved best"}
    # 100 yuan are known of S4; S8, 120 m2 at 3,000 yuan for what it takes, is reckoned.
    assert data["meta"]["sites"]["cost"]["zh"].endswith("万元（估）")
    assert data["meta"]["headline"] == []


def test_sites_candidates_and_ways_are_counted(data: dict[str, Any]) -> None:
    chosen = overlay(data, "chosen-sites")
    assert chosen["rows"]["uid"] == ["S4", "S8"]
    assert [kind["n"] for kind in chosen["classes"]] == [2]
    assert len(chosen["shapes"]) == chosen["n"] == 2
    others = overlay(data, "site-others")["rows"]
    assert others["uid"] == ["S0", "S2", "S6"]
    assert [each["zh"] for each in others["used"]] == ["老年服务站"] * 3
    assert others["floor"] == [120, 120, 900]
    assert overlay(data, "site-ways")["n"] == 6


def test_the_popup_of_a_site_says_what_it_brings(data: dict[str, Any]) -> None:
    rows = overlay(data, "chosen-sites")["rows"]
    assert rows["used"][0]["zh"] == "老年服务站"
    assert rows["means"][0]["zh"] == "改建"
    assert [each["zh"] for each in rows["new"]] == ["30 人", "40 人"]
    assert [each["en"] for each in rows["lost"]] == ["30 people", "40 people"]
    assert rows["floor"] == [120, 120]
    # 100 yuan are given; what S8 costs is reckoned by the square metre, and marked.
    assert rows["cost"][0] == {"zh": "0.0 万元", "en": "100 yuan"}
    assert rows["cost"][1]["en"].endswith(" yuan (est.)")


def test_the_sites_are_where_they_stand(data: dict[str, Any]) -> None:
    # S4 and S8 are 400 m apart along the street, as E4 and E8 are: the same step of longitude.
    def x(shape: Any) -> float:
        return float(shape["c"][0][0])

    chosen = overlay(data, "chosen-sites")["shapes"]
    estates = data["estates"]["shapes"]
    assert abs((x(chosen[1]) - x(chosen[0])) - (x(estates[8]) - x(estates[4]))) <= 1


def test_names_from_files_never_become_markup() -> None:
    sites = layer(
        "sites", [Point(x, 0) for x in (0.0, 200.0, 400.0, 600.0, 800.0)], name=[HOSTILE] * 5,
        uid=[f"<b>{i}" for i in range(5)], floor_area_m2=[120.0] * 5, means=["改建"] * 5,
        storey=[1.0] * 5,
    )  # fmt: skip
    study = street(sites=sites)
    page = page_of(study, plan_sites(study, [STATION], Ask(count=2)))

    assert "<script>window.hacked" not in page
    assert "<img src=x" not in page
    data = payload(page)
    assert overlay(data, "chosen-sites")["rows"]["name"] == [HOSTILE] * 2


def test_nothing_is_fetched_from_outside(plan: SitePlan) -> None:
    assert not EXTERNAL.search(page_of(street(), plan))


def test_only_public_columns_of_sites_reach_the_file() -> None:
    frame = street().layer("sites")
    secret = layer(
        "sites", [Point(x, 0) for x in (0.0, 200.0, 400.0, 600.0, 800.0)],
        uid=[f"S{i}" for i in range(5)], floor_area_m2=[120.0] * 5, means=["改建"] * 5,
        storey=[1.0] * 5, 联系人=["张三 13800000000"] * 5,
    )  # fmt: skip
    assert "联系人" not in {column.name for column in KINDS["sites"].columns}
    assert frame.kind == KINDS["sites"]
    study = street(sites=secret)
    page = page_of(study, plan_sites(study, [STATION], Ask(count=2)))

    assert "13800000000" not in page


def test_what_cannot_be_met_says_so_and_how_many_are_out_of_reach() -> None:
    sites = layer(
        "sites", [Point(x, 0) for x in (200.0, 800.0)], uid=["S2", "S8"],
        floor_area_m2=[120.0, 120.0], means=["改建"] * 2, storey=[1.0] * 2,
        cost_yuan=[5000.0, np.nan],
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [STATION], Ask(share=1.0))
    meta = sites_meta(plan)

    assert meta["status"]["zh"] == "无法全部满足；其余小区已证明最优"
    # E4, E5 and E6 have neither S2 nor S8 within 100 m.
    assert meta["services"][0]["unreachable"] == 3


def test_nothing_chosen_draws_the_map_of_today() -> None:
    plan = plan_sites(street(), [replace(STATION, sizes=sized(5000))], Ask(count=1, upgrades=False))
    data = payload(page_of(street(), plan))

    assert data["estates"]["status"][0] == data["estates"]["status"][1]
    assert not [layer for layer in data["overlays"] if layer["key"] == "chosen-sites"]
    assert data["meta"]["sites"]["cost"] is None


def test_places_along_the_street_have_a_size_and_a_cost_nobody_knows() -> None:
    plan = plan_sites(street(), [STATION], Ask(count=1, anywhere_m=50.0))
    rows = overlay(payload(page_of(street(), plan)), "chosen-sites")["rows"]

    assert (rows["floor"], rows["cost"], rows["means"]) == ([None], [None], [None])
    assert sites_meta(plan)["cost"] is None


def test_several_services_share_a_point_and_keep_their_order() -> None:
    # Asked for in another order than that of the categories, in which the map has its items.
    rules = [
        replace(own_rule(code, metres=100), sizes=sized(least))
        for code, least in (("health_station", 150), ("nursery", 360))
    ]
    study = Study(street().layers, none_of=frozenset({"nursery", "health_station"}))
    plan = plan_sites(study, rules, Ask(count=1))
    data = payload(page_of(study, plan))

    names = [service["zh"] for service in data["meta"]["sites"]["services"]]
    assert [item["zh"].split("（")[0] for item in data["items"]] == [
        name for name in names for _ in range(2)
    ]
    (used,) = overlay(data, "chosen-sites")["rows"]["used"]
    assert "、" in used["zh"]


def lab(colour: str, sight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a colour in CIE L*a*b*, as somebody with that sight (3, 3) of linear RGB sees it."""
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    seen = sight @ np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722],
                       [0.0193, 0.1192, 0.9505]])  # fmt: skip
    x = to_xyz @ np.clip(seen, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes 2009, severity 1: without red, without green.
SIGHTS = {
    "all": np.eye(3),
    "no red": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                        [-0.003882, -0.048116, 1.051998]]),
    "no green": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                          [-0.011820, 0.042940, 0.968881]]),
}  # fmt: skip


@pytest.mark.parametrize("sight", SIGHTS)
def test_what_sites_hold_is_told_apart_by_colour_whoever_looks(sight: str) -> None:
    colours = [*styles.SITE_COLOURS, *(colour for _, colour in styles.STATUS[:2])]
    seen = [lab(colour, SIGHTS[sight]) for colour in colours]
    apart = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
    # A difference of 2.3 is just seen side by side; these points lie far from each other.
    assert apart > 15


def test_each_set_of_services_has_its_own_colour() -> None:
    rules = [
        replace(own_rule(code, metres=100), sizes=sized(least))
        for code, least in (("health_station", 100), ("nursery", 360))
    ]
    study = Study(street().layers, none_of=frozenset({"nursery", "health_station"}))
    # Of all rooms but one 120 m2 are too few for a nursery: that one holds both.
    classes = overlay(payload(page_of(study, plan_sites(study, rules, Ask(count=3)))),
                      "chosen-sites")["classes"]  # fmt: skip
    colours = [kind["style"]["fillColor"] for kind in classes]

    assert len(classes) > 1
    assert len({*colours, *(colour for _, colour in styles.STATUS)}) == len(colours) + 4


@pytest.mark.parametrize(
    ("origin", "zh"), [("gate", "从小区出入口起"), ("building", "从楼栋（无楼栋的小区从出入口）起")]
)
def test_the_note_says_where_people_start(plan: SitePlan, origin: str, zh: str) -> None:
    told = replace(plan.before, assumptions={**plan.before.assumptions, "origin": origin})
    notes = payload(page_of(street(), replace(plan, before=told, after=None)))["meta"]["notes"]

    assert zh in notes[0]["zh"]


def test_the_nearest_are_not_called_served() -> None:
    median = plan_sites(street(), [STATION], Ask(count=1, model="p-median"))
    columns = overlay(payload(page_of(street(), median)), "chosen-sites")["columns"]

    assert {"serves": "就近"}.items() <= {c["name"]: c["zh"] for c in columns}.items()


def test_a_service_that_is_missing_today_only_is_no_longer_missing(plan: SitePlan) -> None:
    both = before_and_after(plan)
    assert [item.rule.must for item in both.items] == [True, False]
    assert both.missing_count().sum() == 2


def test_a_map_without_sites_is_as_it_was() -> None:
    study = street(streets=layer("streets", [LineString([(-50, 0), (950, 0)])]))
    page = render_map(study, coverage=None, plan=None, title="x", date="2026-11-21")

    assert payload(page)["meta"]["sites"] is None
    assert len(X) == len(payload(page)["estates"]["shapes"])
