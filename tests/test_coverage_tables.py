"""Levels that add up, sizes against people, gaps by area, claims of circles: sums done by hand.

Everything stands on a street along y = 0, so that a walk is the difference of two x.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from shapely.geometry import LineString, Point, box

from gis.coverage import circle_claim, measure_coverage
from gis.errors import OptionError, UnknownNameError
from gis.model import KINDS, Layer, Study
from gis.rules import Level, RulePack, Size, own_rule
from gis.sample import make_city
from tests.layers import layer

PROOF = {"clause": "c", "source": "s", "verified": True}


def street(homes, facilities, *, sizes=None, communities=None, **columns):
    """Point estates at ``homes`` (x), facilities (category, x) with ``sizes``."""
    layers = {
        "streets": layer("streets", [LineString([(-2000, 0), (2000, 0)])]),
        "estates": layer("estates", [Point(x, 0) for x in homes], **columns),
        "facilities": layer(
            "facilities",
            [Point(x, 0) for _, x in facilities],
            category=[category for category, _ in facilities],
            **(sizes or {}),
        ),
    }
    if communities:
        layers["communities"] = layer(
            "communities",
            [box(low, -100, high, 100) for low, high, _ in communities],
            name=[f"社区{i}" for i in range(len(communities))],
            people=[people for _, _, people in communities],
        )
    return Study(layers)


@dataclass
class Plan:
    estates: np.ndarray
    district: np.ndarray


def leveled(*levels):
    """A pack of levels: (name, rules of metres by category)."""
    rules = [
        replace(own_rule(code, metres=metres), id=f"{name}-{code}", level=name)
        for name, wanted in levels
        for code, metres in wanted.items()
    ]
    names = tuple(Level(name, f"{name}圈", f"{name} circle", "c", "s", True) for name, _ in levels)
    return RulePack("p", "包", "pack", "2020", "s", tuple(rules), levels=names)


def test_a_larger_circle_needs_what_the_smaller_ones_need_too():
    pack = leveled(("5min", {"nursery": 300}), ("10min", {"bank": 500}))
    study = street(
        [0, 400, 600, 9000], [("nursery", 0), ("bank", 800)], people=[10.0, 20.0, 40.0, 80.0]
    )

    coverage = measure_coverage(study, pack.rules, pack=pack)

    # nursery: 0 only; bank (within 500): 400 and 600; both: nobody
    small, large = coverage.levels().to_dict("records")
    assert (small["level"], small["rules"], large["rules"]) == ("5min", 1, 2)
    assert (small["complete"], small["lacking"], small["unlinked"]) == (1, 2, 1)
    assert (large["complete"], large["lacking"], large["unlinked"]) == (0, 3, 1)
    assert (small["people_complete"], small["people_lacking"], small["people_unlinked"]) == (
        10, 60, 80,
    )  # fmt: skip
    assert (large["most_missing"], large["most_missing_people"]) == ("nursery", 60)


def test_a_circle_with_a_category_that_nobody_imported_is_unknown_unless_it_lacks_another():
    pack = leveled(("5min", {"nursery": 300, "bank": 300}))
    study = street([0, 900], [("nursery", 0)], people=[10.0, 20.0])

    (row,) = measure_coverage(study, pack.rules, pack=pack).levels().to_dict("records")

    assert (row["unknown"], row["lacking"], row["complete"]) == (1, 1, 0)
    assert row["rules_no_data"] == 1


def test_a_circle_of_which_nothing_is_known_names_no_category_and_no_nan():
    pack = leveled(("5min", {"bank": 300}))
    study = street([0, 900], [("nursery", 0)])

    (row,) = measure_coverage(study, pack.rules, pack=pack).levels().to_dict("records")

    assert [row[f"most_missing{side}"] for side in ("", "_zh", "_en")] == [None] * 3


def kindergarten(value=1000.0, of="children_3_5", **changes):
    size = Size("places_per_1000", value, of=of, **PROOF)
    return replace(own_rule("kindergarten", metres=300), sizes=(size,), **changes)


def test_places_are_shared_among_all_who_can_walk_to_them():
    study = street(
        [0, 200],
        [("kindergarten", 100)],
        sizes={"places": [120.0]},
        people=[4000.0, 4000.0],
        children_3_5=[100.0, 100.0],
    )

    capacity = measure_coverage(study, [kindergarten()]).capacity()

    (row,) = capacity.summary()
    assert (row["base"], row["required"], row["present"]) == (200, 200, 120)
    assert row["in_reach"] == pytest.approx(120)  # 0.6 places per child, 60 for each estate
    assert row["per_1000"] == pytest.approx(600)
    assert row["missing"] == pytest.approx(80)
    assert (row["served"], row["unserved"], row["base_unserved"]) == (120, 80, 80)
    assert (row["unit"], row["of"]) == ("places", "children_3_5")
    assert row["base_unit"] == "children_3_5"  # and not people
    table = capacity.table("estate")
    assert list(table["in_reach"].round(6)) == [60, 60]
    assert list(table["present"]) == [0, 0]


def test_the_nearer_of_two_gets_more_but_no_place_is_given_twice():
    # 300 m: bands to 100, 200 and 300 m weigh 1.00, 0.68 and 0.22
    study = street(
        [0, 250], [("kindergarten", 0)], sizes={"places": [61.0]}, children_3_5=[50.0, 50.0]
    )

    (item,) = measure_coverage(study, [kindergarten()]).capacity().items

    ratio = 61 / (50 + 0.22 * 50)  # one place per weighted child
    np.testing.assert_allclose(item.in_reach, [50 * ratio, 50 * ratio * 0.22])
    np.testing.assert_allclose(item.lacking, [0, 39])
    assert list(item.served) == [50, 11]


def test_places_that_nobody_counted_are_unknown_and_never_nought():
    study = street(
        [0, 1500],
        [("kindergarten", 0), ("kindergarten", 50)],
        sizes={"places": [20.0, np.nan]},
        children_3_5=[50.0, 50.0],
    )

    capacity = measure_coverage(study, [kindergarten()]).capacity()

    (row,) = capacity.summary()
    assert (row["present"], row["present_unknown"]) == (20, 1)
    assert row["missing_here"] is None  # the other may have eighty
    # The first estate cannot be said; the second has nothing in reach at all.
    assert (row["missing"], row["missing_unknown"]) == (50, 1)
    assert (row["served"], row["unserved"]) == (0, 50)
    assert [f.code for f in capacity.findings] == ["capacity-unknown"]


def test_where_only_unknown_sizes_are_in_reach_nothing_is_said():
    study = street([0], [("kindergarten", 50)], sizes={"places": [np.nan]}, children_3_5=[50.0])

    (row,) = measure_coverage(study, [kindergarten()]).capacity().summary()

    assert (row["in_reach"], row["missing"], row["served"]) == (None, None, None)
    assert (row["missing_unknown"], row["present_unknown"]) == (1, 1)


def test_enough_is_enough_although_one_size_is_unknown():
    study = street(
        [0], [("kindergarten", 0), ("kindergarten", 50)],
        sizes={"places": [80.0, np.nan]}, children_3_5=[50.0],
    )  # fmt: skip

    (row,) = measure_coverage(study, [kindergarten()]).capacity().summary()

    assert (row["missing_here"], row["missing"], row["missing_unknown"]) == (0, 0, 0)


def test_households_count_where_the_figure_is_per_hundred_of_them():
    size = Size("floor_m2_per_100_households", 15, **PROOF)
    rule = replace(own_rule("elderly_station", metres=300), sizes=(size,))
    study = street(
        [0, 10], [("elderly_station", 5)], sizes={"floor_area_m2": [60.0]},
        households=[200.0, np.nan], people=[np.nan, 524.0],
    )  # fmt: skip

    (row,) = measure_coverage(study, [rule]).capacity().summary()

    assert (row["base"], row["required"]) == (400, 60)  # 524 people / 2.62
    assert row["base_estimated"]
    assert row["base_unit"] == "households"
    assert row["missing"] == pytest.approx(0)


def nursery(**changes):
    """4.5 places per 1,000 people, within 300 m."""
    size = Size("places_per_1000", 4.5, **PROOF)
    return replace(own_rule("nursery", metres=300), sizes=(size,), **changes)


def test_who_needs_less_than_a_place_is_left_without_as_all_are():
    # 4.5 places for 1,000 people at 0 and for as many at 1500; 30 people there need 0.135 of one,
    # which is given to nobody, and 0 places were once taken for "all have one".
    study = street(
        [0, 1500, 1510], [("nursery", 0), ("nursery", 3000)],
        sizes={"places": [90.0, 0.0]}, people=[2000.0, 2000.0, 30.0],
    )  # fmt: skip

    capacity = measure_coverage(study, [nursery()]).capacity()

    (row,) = capacity.summary()
    assert (row["served"], row["unserved"], row["base"]) == (9, 9, 4030)
    assert row["base_unserved"] == 2000 + 30 * 9 / 18
    assert row["base_unit"] == "people"
    assert sorted(capacity.table("estate")["base_unserved"]) == [0, 15, 2000]


def test_many_small_buildings_are_left_without_place_like_the_estate_that_they_make():
    # Ten houses of 100 people need 0.45 places each, 4.5 in all: 5 whole ones, and 2 are there.
    shapes = [box(x, -20, x + 8, -2) for x in range(0, 100, 10)]
    base = street([], [("nursery", 50)], sizes={"places": [2.0]})
    estate = layer("estates", [box(-5, -30, 105, -1)], people=[1000.0])
    houses = layer("buildings", shapes, estate=["estates-0"] * 10, people=[100.0] * 10)
    study = Study(base.layers | {"estates": estate, "buildings": houses})

    (row,) = measure_coverage(study, [nursery()], origin="building").capacity().summary()

    assert (row["base"], row["served"], row["unserved"]) == (1000, 2, 3)
    assert row["base_unserved"] == pytest.approx(600)


def test_where_all_together_need_less_than_a_place_nobody_knows_who_is_without():
    study = street([0], [("nursery", 0)], sizes={"places": [9.0]}, people=[100.0])

    (row,) = measure_coverage(study, [nursery()]).capacity().summary()

    assert (row["served"], row["base_unserved"]) == (0, None)


def test_who_needs_less_than_a_place_near_one_of_unknown_size_is_unknown():
    study = street(
        [0, 1500], [("nursery", 1500)], sizes={"places": [np.nan]}, people=[2000.0, 30.0]
    )

    (row,) = measure_coverage(study, [nursery()]).capacity().summary()

    assert row["base_unserved"] == 2000  # not the thirty, for whom there may be room


def test_sizes_of_new_facilities_and_advice_are_not_held_against_old_ones():
    rule = kindergarten()
    for strength in ("new", "advised"):
        asked = replace(rule, sizes=(replace(rule.sizes[0], strength=strength),))
        study = street([0], [("kindergarten", 0)], children_3_5=[50.0])
        assert measure_coverage(study, [asked]).capacity().items == ()


def city():
    """Two communities, west and east; a nursery in the west and a bank in the east."""
    return street(
        [0, 200, 1000, 1200],
        [("nursery", 100), ("bank", 1100)],
        communities=[(-500, 600, np.nan), (600, 1900, 7000.0)],
        people=[3000.0, 3500.0, 100.0, 200.0],
        households=[1000.0, 1500.0, 50.0, 100.0],
        name=list("甲乙丙丁"),
    )


def test_gaps_of_communities_say_what_is_there_what_is_in_reach_and_for_how_many():
    rules = [own_rule("bank", metres=300), own_rule("nursery", metres=850)]

    table = measure_coverage(city(), rules).gap_list("community")

    # Childcare first. The nursery is 900 m from 1000 and 1100 m from 1200.
    assert list(table["category"]) == ["nursery", "bank"]
    nursery, bank = table.to_dict("records")
    assert (nursery["community"], nursery["estates"], nursery["estates_gap"]) == ("社区1", 2, 2)
    assert (nursery["required"], nursery["present"], nursery["in_reach"]) == (1, 0, 0)
    assert nursery["missing"] == 1
    assert (nursery["farthest_m"], nursery["over_m"]) == (1100, 250)
    assert (nursery["people_gap"], nursery["share_gap"], nursery["households_gap"]) == (300, 1, 150)
    assert (bank["community"], bank["present"], bank["in_reach"], bank["missing"]) == (
        "社区0", 0, 0, 1,
    )  # fmt: skip
    # The east counts its own people, the west sums up its estates.
    assert (nursery["unit_people"], nursery["band"]) == (7000, "in-band")
    assert (bank["unit_people"], bank["band"]) == (6500, "in-band")


@pytest.mark.parametrize("origin", ["gate", "building"])
def test_every_known_person_is_covered_in_a_gap_unlinked_or_without_data(origin):
    # People of estates whose gates are all shut were in no sum at all.
    study = make_city(seed=4, estates=30)
    gates = study.layer("gates").frame.copy()
    gates.loc[gates["estate"] == study.layer("estates").uids[3], "access"] = "closed"
    study = Study(study.layers | {"gates": Layer(KINDS["gates"], gates)})
    rules = [own_rule("nursery", metres=500), own_rule("metro_station", metres=500)]
    coverage = measure_coverage(study, rules, origin=origin)
    words = ("covered", "gap", "unlinked", "no_data")
    shut = coverage.people[3]
    assert shut > 0

    for row in coverage.summary():
        assert sum(row[f"people_{word}"] or 0 for word in words) == np.nansum(coverage.people)
    assert coverage.summary()[0]["people_unlinked"] >= shut
    table = coverage.by_area("subdistrict").fillna(0)
    for key in coverage.item_keys():
        parts = sum(table[f"{key}_{word}_people"].astype(float) for word in words)
        assert list(parts) == list(table["people"])
    assert table["people_unlinked"].sum() == coverage.summary()[0]["people_unlinked"]
    claim = circle_claim(coverage, functions=["nursery"]).table().iloc[0]
    assert claim["people"] + claim["people_unlinked"] == np.nansum(coverage.people)


def test_of_an_estate_half_known_the_known_houses_are_in_its_gap_as_in_all_sums():
    # Nobody counted the estate; one house of three counts its 100 people, all are too far.
    houses = [box(x, -20, x + 8, -2) for x in (400, 450, 500)]
    base = street([], [("nursery", 0)])
    study = Study(
        base.layers
        | {
            "estates": layer("estates", [box(390, -30, 560, -1)]),
            "buildings": layer(
                "buildings", houses, estate=["estates-0"] * 3, people=[100.0, np.nan, np.nan]
            ),
        }
    )

    coverage = measure_coverage(study, [own_rule("nursery", metres=300)], origin="building")

    assert list(coverage.gap_list()["people_gap"]) == [100]
    assert coverage.summary()[0]["people_gap"] == 100


def test_a_community_outside_the_band_is_flagged():
    study = street([0, 9], [("bank", 0)], people=[4000.0, 999.0], community=["甲", "乙"])

    table = measure_coverage(study, [own_rule("bank", metres=5)]).by_area("community")

    assert list(table["band"]) == ["too-small", "too-small"]
    assert sorted(table["unit_people"]) == [999, 4000]


def test_districts_come_from_a_plan():
    coverage = measure_coverage(city(), [own_rule("nursery", metres=850)])
    plan = Plan(coverage.estates.uids, np.array(["D1", "D1", "D2", None], dtype=object))

    table = coverage.gap_list("district", plan=plan)

    assert list(table["district"]) == [None, "D2"]  # most people first
    assert list(table["people_gap"]) == [200, 100]
    assert list(coverage.gap_list(plan=plan)["district"]) == [None, "D2"]
    with pytest.raises(OptionError, match="plan"):
        coverage.gap_list("district")
    with pytest.raises(UnknownNameError, match="district"):
        coverage.gap_list("street")


def test_a_facility_between_estates_belongs_to_the_nearest_by_walking():
    study = street(
        [0, 1000], [("bank", 450), ("bank", 560)], people=[1.0, 1.0], community=["甲", "乙"]
    )

    table = measure_coverage(study, [own_rule("bank", metres=100)]).gap_list("community")

    assert list(zip(table["community"], table["present"], strict=True)) == [("乙", 1), ("甲", 1)]


def test_a_claimed_circle_is_held_against_who_can_walk_there():
    # Five minutes are 300 m: the nursery at 0 and the bank at 500.
    study = street(
        [200, 400],
        [("nursery", 0), ("bank", 500)],
        people=[100.0, 300.0],
        households=[50.0, 150.0],
        community=["甲", "乙"],
    )
    coverage = measure_coverage(
        study, [own_rule("nursery", metres=900), own_rule("bank", metres=900)]
    )

    claim = circle_claim(coverage, minutes=5)

    table = claim.table().set_index("function")
    assert list(table.index) == ["nursery", "bank", "all"]
    assert list(table["share_households"]) == [0.25, 1.0, 0.25]
    assert list(table["share_people"]) == [0.25, 1.0, 0.25]
    assert list(table["holds"]) == [False, True, False]
    assert claim.holds is False
    by = claim.table("community")
    every = by[by["function"] == "all"].set_index("community")
    assert every["holds"].to_dict() == {"甲": True, "乙": False}
    assert circle_claim(coverage, minutes=10).holds is True
    assert circle_claim(coverage, minutes=5, functions=["bank"]).holds is True


def test_a_claim_about_what_nobody_imported_cannot_be_said():
    coverage = measure_coverage(street([0], [("bank", 0)]), [own_rule("bank", metres=100)])

    claim = circle_claim(coverage, minutes=5, functions=["bank", "nursery"])

    assert claim.holds is None
    assert list(claim.table()["holds"]) == [None, True, None]
    with pytest.raises(OptionError, match="minutes"):
        circle_claim(coverage, minutes=0)
    with pytest.raises(UnknownNameError):
        circle_claim(coverage, functions=["unicorn"])
