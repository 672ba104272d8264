"""Where missing services go, on one straight street that a reader can walk along.

Ten estates stand along it, 100 m apart, E0 at 0 m to E9 at 900 m, with ten old people each and
twenty in E9; rooms S0, S2, ... stand where E0, E2, ... do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import LineString, Point

from gis.coverage import measure_coverage
from gis.errors import CheckError, MissingLayerError, OptionError
from gis.model import Study
from gis.rules import Instead, Size, own_rule
from gis.scenario import EnlargeFacility, apply
from gis.sites import Ask, How, plan_sites
from gis.sites import plan as plan_module
from gis.walkers import load_walker
from tests.layers import CORNER, layer

X = [100.0 * i for i in range(10)]
OLD = [10.0] * 9 + [20.0]
ROOMS = [0.0, 200.0, 400.0, 600.0, 800.0]
STATION = own_rule("elderly_station", metres=100)


def street(**changes):
    layers = {
        "streets": layer("streets", [LineString([(-50, 0), (950, 0)])]),
        "estates": layer(
            "estates", [Point(x, 0) for x in X], uid=[f"E{i}" for i in range(10)],
            name=[f"小区{i}" for i in range(10)], people=OLD,
        ),
        "sites": layer(
            "sites", [Point(x, 0) for x in ROOMS], uid=[f"S{x / 100:g}" for x in ROOMS],
            floor_area_m2=[120.0, 120.0, 120.0, 900.0, 120.0], means=["改建"] * 5,
            storey=[1.0] * 5, cost_yuan=[100.0, 100.0, 100.0, 500.0, np.nan],
        ),
        "facilities": layer(
            "facilities", [Point(0, 0)], uid=["F"], category=["elderly_station"],
            floor_area_m2=[200.0],
        ),
    }  # fmt: skip
    return Study({**layers, **changes})


def chosen(plan):
    return [site["uid"] for site in plan.to_json()["chosen"]]


def test_two_rooms_serve_most_people_within_the_limit():
    plan = plan_sites(street(), [STATION], Ask(count=2))

    # F serves E0 and E1: 20 people. S8 serves E7, E8, E9: 40; S3 is none, so S2 (E2, E3, besides
    # E1) brings 20, S4 (E3, E4, E5) 30, S6 (E5, E6, E7) 30 of which E7 has S8 already.
    assert chosen(plan) == ["S4", "S8"]
    (service,) = plan.services
    assert (service.need.people_before, service.people_after) == (20, 90)
    assert (plan.choice.objective, plan.choice.bound, plan.status) == (90, 90, "optimal")
    assert service.need.unit == "people"


def test_the_fewest_rooms_that_serve_all():
    plan = plan_sites(street(), [STATION], Ask(share=1.0))

    # Only S2 reaches E2, only S4 E4, only S6 E6, only S8 E9.
    assert plan.choice.objective == 4
    assert plan.services[0].people_after == 110
    assert not plan.to_json()["services"][0]["still_without"]


def test_a_share_of_the_people_needs_fewer():
    # 80 % of 110 are 88, which S4 and S8 serve (90); 90 % are 99, for which they are too few.
    assert plan_sites(street(), [STATION], Ask(share=0.8)).choice.objective == 2
    assert plan_sites(street(), [STATION], Ask(share=0.9)).choice.objective == 3


def test_the_choice_is_a_scenario_that_a_full_measure_confirms():
    plan = plan_sites(street(), [STATION], Ask(count=2))

    places = [(edit.category, edit.xy[0] - CORNER[0]) for edit in plan.edits]
    assert places == [("elderly_station", 400), ("elderly_station", 800)]
    after = measure_coverage(apply(street(), plan.edits), [STATION])
    assert after.summary()[0]["people_covered"] == 90


def test_without_a_site_those_lose_whom_it_alone_serves():
    told = plan_sites(street(), [STATION], Ask(count=2)).to_json()

    four, eight = (site["services"][0]["without"] for site in told["chosen"])
    # Without S4 E3, E4 and E5 lose; in its place S2 serves E3 again, or S6 E5.
    assert (four["people_lost"], four["people_lost_then"]) == (30, 20)
    assert four["replaced_by"] in ("S2", "S6")
    assert [e["estate"] for e in eight["estates"]] == ["E7", "E8", "E9"]
    assert eight["people_lost"] == 40


def test_what_nobody_can_reach_is_named_and_the_others_are_served():
    sites = layer(
        "sites", [Point(x, 0) for x in (200.0, 800.0)], uid=["S2", "S8"],
        floor_area_m2=[120.0, 120.0], means=["改建"] * 2, storey=[1.0] * 2,
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [STATION], Ask(share=1.0))
    told = plan.to_json()

    assert (plan.status, plan.rest_status) == ("infeasible", "optimal")
    unreachable = [e["estate"] for e in told["services"][0]["unreachable"]]
    assert unreachable == ["E4", "E5", "E6"]
    assert chosen(plan) == ["S2", "S8"]
    assert "3 of 10 estates have no candidate for elderly_station within 100 m" in plan.reason
    assert plan.services[0].people_after == 80
    # E5 is 300 m from S2 and from S8, and 500 m from F.
    limits = [r for r in told["relaxations"] if r["kind"] == "limit"]
    assert [(r["from"], r["to"], r["unit"], r["proved"]) for r in limits] == [(100, 300, "m", True)]


def test_the_smallest_limit_of_a_rule_in_minutes_is_told_in_minutes():
    sites = layer("sites", [Point(200, 0)], uid=["S2"], floor_area_m2=[120.0], means=["改建"],
                  storey=[1.0])  # fmt: skip
    estates = layer("estates", [Point(200, 0), Point(440, 0)], people=[1.0, 1.0])
    rule = own_rule("elderly_station", minutes=1, walker="standard")

    told = plan_sites(street(sites=sites, estates=estates), [rule], Ask(share=1.0)).to_json()

    minutes = 240 / load_walker("standard").speed_m_s / 60
    limits = [r for r in told["relaxations"] if r["kind"] == "limit"]
    assert [(r["from"], r["unit"]) for r in limits] == [(1, "min")]
    # Rounded up: with the minutes that are told it can be met.
    assert minutes <= limits[0]["to"] < minutes + 0.01


def test_a_room_must_be_large_enough_and_may_be_shared():
    nursery = replace(own_rule("nursery", metres=100), sizes=sized(360))
    canteen = replace(own_rule("canteen", metres=100), sizes=sized(200))
    station = replace(STATION, sizes=sized(300))
    study = Study(street().layers, none_of=frozenset({"nursery", "canteen"}))

    plan = plan_sites(study, [nursery, canteen, station], Ask(count=1))
    told = plan.to_json()

    # Only the room of 900 m2 can hold them: 360 + 200 + 300 = 860 m2.
    (site,) = told["chosen"]
    assert site["uid"] == "S6"
    assert [use["category"] for use in site["services"]] == [
        "nursery",
        "canteen",
        "elderly_station",
    ]
    assert [use["need_m2"] for use in site["services"]] == [360, 200, 300]
    # It serves 30 of 110 people, those of E5, E6 and E7, with each of the three services; F, of
    # 200 m2, is too small to count.
    assert plan.choice.objective == pytest.approx(100 * 30 / 110)
    refused = [e for e in told["left_out"] if e["category"] == "nursery"]
    assert {e["uid"] for e in refused} == {"S0", "S2", "S4", "S8"}
    assert all("120" in reason and "360" in reason for reason in (e["reason"] for e in refused))


def test_three_services_that_take_more_than_the_room_are_not_squeezed_in():
    rules = [
        replace(own_rule(code, metres=100), sizes=sized(301))
        for code in ("nursery", "canteen", "health_station")
    ]
    study = Study(street().layers, none_of=frozenset({"nursery", "canteen", "health_station"}))

    plan = plan_sites(study, rules, Ask(count=1))

    assert sum(len(service.rows) for service in plan.services) == 2
    assert plan.status == "optimal"


def sized(least_m2):
    return (Size("min_floor_m2", least_m2, "附录", "来源", verified=False),)


def test_a_budget_buys_what_it_can():
    plan = plan_sites(street(), [STATION], Ask(budget=200.0))

    # S8 would bring most, but its cost is reckoned by the square metre; S6 costs 500.
    assert chosen(plan) == ["S2", "S4"]
    assert plan.services[0].people_after == 20 + 40
    assert plan.cost_yuan == 200
    nothing = plan_sites(street(), [STATION], Ask(budget=0.0))
    assert (chosen(nothing), nothing.status) == ([], "optimal")
    assert nothing.services[0].people_after == 20


def test_a_small_facility_enlarged_is_chosen_before_a_new_one_that_costs_more():
    booth = layer(
        "facilities", [Point(800, 0)], uid=["booth"], category=["elderly_station"],
        floor_area_m2=[40.0], land_area_m2=[400.0],
    )  # fmt: skip
    rule = replace(STATION, sizes=sized(100))
    sites = layer(
        "sites", [Point(800, 0)], uid=["S8"], floor_area_m2=[120.0], means=["购置"], storey=[1.0],
        cost_yuan=[9e9],
    )  # fmt: skip
    study = street(facilities=booth, sites=sites)

    plan = plan_sites(study, [rule], Ask(budget=1e9))

    assert plan.edits == (EnlargeFacility("booth", 100.0),)
    assert (plan.services[0].need.people_before, plan.services[0].people_after) == (0, 40)


def test_the_least_walking_and_the_shortest_longest_walk():
    median = plan_sites(street(), [STATION], Ask(count=1, model="p-median")).to_json()
    centre = plan_sites(street(), [STATION], Ask(count=1, model="p-center")).to_json()

    # From F or S6: E0..E9 walk 0 1 2 3 | 2 1 0 1 2 and E9, of 20 people, 3 hundred metres.
    assert [site["uid"] for site in median["chosen"]] == ["S6"]
    assert median["objective"] == 100 * 10 * (0 + 1 + 2 + 3 + 2 + 1 + 0 + 1 + 2) + 100 * 20 * 3
    assert median["objective_unit"] == "people x m"
    # S6: 300 m; S4: E9 500 m; S8: E4 400 m.
    assert (centre["objective"], [s["uid"] for s in centre["chosen"]]) == (300, ["S6"])


def test_the_worst_off_come_first_however_few_they_are():
    estates = layer("estates", [Point(150, 0), Point(900, 0)], people=[50.0, 1.0])
    sites = layer(
        "sites", [Point(200, 0), Point(900, 0)], uid=["S2", "S9"],
        floor_area_m2=[120.0] * 2, means=["改建"] * 2, storey=[1.0] * 2,
    )  # fmt: skip
    study = street(estates=estates, sites=sites)

    most = plan_sites(study, [STATION], Ask(count=1))
    worst = plan_sites(study, [STATION], Ask(count=1, order="worst-first"))

    # 50 people walk 150 m to F, one and a half limits; the one at 900 m walks nine.
    assert (chosen(most), chosen(worst)) == (["S2"], ["S9"])
    assert [step["objective"] for step in worst.to_json()["classes"]][:1] == [1]


def test_rounds_are_nested_and_tell_what_they_give_up():
    told = plan_sites(street(), [STATION], Ask(rounds=(1, 2))).to_json()

    first, second = told["rounds"]
    assert first["chosen"] == ["S8"]
    assert set(first["chosen"]) < set(second["chosen"])
    assert (first["objective"], second["objective"]) == (60, 90)
    assert (first["regret"], second["regret"]) == (0, 0)


def test_the_curve_tells_what_each_further_site_brings():
    told = plan_sites(street(), [STATION], Ask(count=2, curve=True)).to_json()

    points = [(p["count"], p["people"]) for p in told["curve"]["points"]]
    assert points[:4] == [(0, 20), (1, 60), (2, 90), (3, 100)]


def test_any_place_along_the_street_where_no_room_is_known():
    layers = {kind: each for kind, each in street().layers.items() if kind != "sites"}
    plan = plan_sites(Study(layers), [STATION], Ask(count=1, anywhere_m=50.0))

    assert plan.candidates.kind[0] == "street"
    assert plan.services[0].people_after == 60
    with pytest.raises(MissingLayerError, match="sites"):
        plan_sites(Study(layers), [STATION], Ask(count=1))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ({"count": 6}, "6 sites are asked for, but only 5 rooms"),
        ({"count": 1, "required": ("X",)}, "names 'X', and there is no such candidate"),
        ({"count": 1, "required": ("S2",), "closed": ("S2",)}, "both required and closed"),
        ({"model": "p-median"}, "needs --count or --budget"),
        ({"share": 1.5}, "above 0 and at most 1"),
        ({"budget": -1.0}, "0 or more"),
        ({"rounds": (3, 2)}, "has to rise"),
        ({"model": "lscp", "count": 2}, "seeks the fewest sites itself"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused_in_words(ask, words):
    with pytest.raises(OptionError, match=words):
        plan_sites(street(), [STATION], Ask(**ask))


def test_no_room_that_fits_is_an_answer_with_the_reason():
    rule = replace(STATION, sizes=sized(5000))
    plan = plan_sites(street(), [rule], Ask(count=1, upgrades=False))

    assert plan.status == "infeasible"
    assert plan.reason.startswith("no candidate fits elderly_station (")
    assert plan.services[0].people_after == plan.services[0].need.people_before


def test_two_services_of_which_one_counts_for_the_other_are_not_placed_together():
    centre = own_rule("health_centre", metres=100)
    station = replace(own_rule("health_station", metres=100), satisfied_by=("health_centre",))
    store = own_rule("convenience_store", metres=100)
    market = replace(
        own_rule("supermarket", metres=200),
        instead=(Instead("convenience_store", 2, "附录", "来源", verified=False),),
    )
    codes = ("health_centre", "health_station", "convenience_store", "supermarket")
    study = Study(street().layers, none_of=frozenset(codes))

    # A new centre within the walk would make stations needless, which no sum of both counts.
    for rules, told in (((centre, station), "'health_centre'"), ((market, store), "'conven")):
        with pytest.raises(OptionError, match=f"{told}.* counts for .* ask for each alone"):
            plan_sites(study, rules, Ask(count=2))


def test_free_legs_through_rooms_not_chosen_are_no_fault_of_ours(monkeypatch):
    # Of two rooms inside one walled estate the other's free leg may shorten the walks of its homes.
    def wrong(*args, **more):
        return replace(need_of(*args, **more), covered=np.ones(10, bool))

    need_of = plan_module.need_of
    monkeypatch.setattr(plan_module, "need_of", wrong)
    with pytest.raises(OptionError, match="give --link counted"):
        plan_sites(street(), [STATION], Ask(count=1, required=("S4",)), How(link="free"))


def test_homes_of_more_people_than_a_site_serves_are_told():
    plan = plan_sites(street(), [STATION], Ask(count=1, capacity=15.0))

    (told,) = [finding for finding in plan.findings if finding.code == "capacity-small"]
    assert "1 estates have more people than the 15 that a site serves" in told.message


def test_a_category_of_which_nothing_is_known_is_refused():
    with pytest.raises(OptionError, match=r"Nothing is known of 'nursery'.*--none nursery"):
        plan_sites(street(), [own_rule("nursery", metres=100)], Ask(count=1))


def test_nobody_of_the_group_is_told():
    nobody = layer("estates", [Point(x, 0) for x in X], people=[0.0] * 10)
    with pytest.raises(OptionError, match="Nobody is to be served"):
        plan_sites(street(estates=nobody), [STATION], Ask(count=1))


def test_estates_count_where_no_people_are_known():
    unknown = layer("estates", [Point(x, 0) for x in X])
    plan = plan_sites(street(estates=unknown), [STATION], Ask(count=1))

    assert plan.services[0].need.unit == "estates"
    assert (plan.services[0].need.people_before, plan.services[0].people_after) == (2, 5)


def test_a_room_far_from_every_street_is_not_offered():
    sites = layer(
        "sites", [Point(400, 0), Point(400, 900)], uid=["near", "far"],
        floor_area_m2=[120.0] * 2, means=["改建"] * 2, storey=[1.0] * 2,
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [STATION], Ask(count=1))

    assert chosen(plan) == ["near"]
    assert [e["uid"] for e in plan.to_json()["left_out"]] == ["far"]
    assert any(finding.code == "sites-unlinked" for finding in plan.findings)


def test_a_choice_that_the_walk_contradicts_is_never_told(monkeypatch):
    def wrong(*args, **more):
        return replace(need_of(*args, **more), covered=np.ones(10, bool))

    need_of = plan_module.need_of
    monkeypatch.setattr(plan_module, "need_of", wrong)
    with pytest.raises(CheckError, match="does not stand up to a new walk"):
        plan_sites(street(), [STATION], Ask(count=1, required=("S4",)))


def test_people_start_at_their_buildings_where_that_is_asked():
    buildings = layer(
        "buildings", [Point(x, 0) for x in X], estate=[f"E{i}" for i in range(10)],
    )  # fmt: skip
    plan = plan_sites(street(buildings=buildings), [STATION], Ask(count=1), How(origin="building"))
    assert plan.services[0].people_after == 60


def test_a_share_beyond_reach_is_answered_with_all_who_can_be_served():
    sites = layer(
        "sites", [Point(800, 0)], uid=["S8"], floor_area_m2=[120.0], means=["改建"], storey=[1.0],
    )  # fmt: skip
    plan = plan_sites(street(sites=sites), [STATION], Ask(share=0.9))

    # F serves E0 and E1, S8 serves E7, E8 and E9: 60 of 110.
    assert (plan.status, plan.rest_status, chosen(plan)) == ("infeasible", "optimal", ["S8"])
    assert "together serve 60 of 110 (54.5%), less than 90%" in plan.reason
    assert plan.services[0].people_after == 60


def test_a_full_room_serves_only_as_many_as_it_holds():
    told = plan_sites(street(), [STATION], Ask(count=1, capacity=20.0)).to_json()

    # Each room reaches three estates of ten people, S8 also the twenty of E9; 20 have a place.
    (site,) = told["chosen"]
    assert told["people_after"] == 20 + 20
    assert site["services"][0]["without"]["people_lost"] == 20
    assert site["services"][0]["without"]["replaced_by"] != site["uid"]


def test_a_room_may_be_named_by_its_name():
    sites = layer(
        "sites", [Point(x, 0) for x in (200.0, 400.0, 800.0)], uid=["S2", "S4", "S8"],
        name=["原粮店6号", "老厂房", "老厂房"], floor_area_m2=[120.0] * 3, means=["改建"] * 3,
        storey=[1.0] * 3,
    )  # fmt: skip
    study = street(sites=sites)

    assert "S2" in chosen(plan_sites(study, [STATION], Ask(count=1, required=("原粮店6号",))))
    with pytest.raises(OptionError, match="2 rooms are called that; give the uid: S4, S8"):
        plan_sites(study, [STATION], Ask(count=1, closed=("老厂房",)))


def test_a_longer_limit_helps_nobody_who_has_no_way_at_all():
    estates = layer("estates", [Point(0, 0), Point(440, 0), Point(0, 5000)], people=[1.0] * 3)
    streets = layer(
        "streets", [LineString([(-50, 0), (950, 0)]), LineString([(0, 4990), (9, 4990)])]
    )
    told = plan_sites(street(estates=estates, streets=streets), [STATION], Ask(share=1.0)).to_json()

    nowhere, *others = told["relaxations"]
    assert (nowhere["kind"], nowhere["no_way"]) == ("unreachable", True)
    assert [e["estate"] for e in nowhere["estates"]] == ["estates-2"]
    assert not any(each["no_way"] for each in others)
