"""Sites on the map, on the street of test_sites_plan: what is counted can be counted by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shapely.geometry import LineString, Point

from gis.maps import render_map
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
    assert (service["count"], service["unreachable"]) == (2, 0)
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


def test_a_service_that_is_missing_today_only_is_no_longer_missing(plan: SitePlan) -> None:
    both = before_and_after(plan)
    assert [item.rule.must for item in both.items] == [True, False]
    assert both.missing_count().sum() == 2


def test_a_map_without_sites_is_as_it_was() -> None:
    study = street(streets=layer("streets", [LineString([(-50, 0), (950, 0)])]))
    page = render_map(study, coverage=None, plan=None, title="x", date="2026-11-21")

    assert payload(page)["meta"]["sites"] is None
    assert len(X) == len(payload(page)["estates"]["shapes"])
