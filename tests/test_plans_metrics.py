"""What districts are like: figures that can be worked out by hand.

The town is one street along y = 0. Estates are points 20 m from it, so that a walk between two is
20 + the way along + 20 m::

    E1 (100) 1,000 people   E2 (300) 3,000   |   E3 (900) 500   E4 (1500) 200 households   | E5
    ---------------- district A -------------   ------------ district B --------------    (none)
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import shapely

from gis.coverage import measure_coverage
from gis.districts import Adjacency, DistrictPlan, LeftOut
from gis.errors import UnknownNameError
from gis.model import Layer, Study
from gis.plans import METRICS, PlanMetrics, measure_plan
from gis.plans.metrics import METRIC_NAMES, centre_rule
from gis.rules import own_rule
from tests import layers

layer = partial(layers.layer, first=1)


ESTATES = layer(
    "estates",
    [shapely.Point(x, 20) for x in (100, 300, 900, 1500, 1900)],
    people=[1000, 3000, 500, None, 40],
    households=[None, None, None, 200, 15],
    buildings=[10, 20, None, None, 1],
    community=["东", "东", "东", "西", None],
    manager=["甲", "乙", None, None, None],
)
STREETS = layer("streets", [shapely.LineString([(0, 0), (2000, 0)])], highway=["residential"])
KINDERGARTEN = layer("facilities", [shapely.Point(300, -10)], category=["kindergarten"])


def plan(words: str = "A A B B -", uids: tuple[str, ...] = ("E1", "E2", "E3", "E4", "E5")) -> Any:
    district = [None if word == "-" else word for word in words.split()]
    left = tuple(
        LeftOut(u, "too far", True) for u, d in zip(uids, district, strict=True) if d is None
    )
    nothing = np.empty((0, 2), np.int64)
    return DistrictPlan(
        name="p", estates=np.array(uids, dtype=object),
        district=np.array([*district, None], dtype=object)[:-1], left_out=left,
        settings={"persons_per_household": 2.5, "adjacency": "walk"}, objective=math.nan,
        bound=math.nan, gap=math.nan, status="drawn",
        adjacency=Adjacency(
            "walk", nothing, np.empty(0), np.empty(0, object), nothing, np.empty(0)
        ),
    )  # fmt: skip


def study(**more: Layer) -> Study:
    return Study({"estates": ESTATES, "streets": STREETS, **more})


@pytest.fixture(scope="module")
def found() -> PlanMetrics:
    whole = study(facilities=KINDERGARTEN)
    rule = own_rule("kindergarten", metres=300)
    coverage = measure_coverage(whole, (rule,), persons_per_household=2.5)
    return measure_plan(plan(), whole, coverage=coverage)


def at(found: PlanMetrics, district: str, name: str) -> float:
    return float(found.table.set_index("district").loc[district, name])


def test_people_are_counted_or_come_from_households_and_are_marked(found: PlanMetrics) -> None:
    # 200 households of 2.5 persons are 500 people.
    assert [at(found, d, "people") for d in "AB"] == [4000, 1000]
    assert [at(found, d, "people_estimated") for d in "AB"] == [0, 1]
    assert (found.totals["people"], found.totals["estates"]) == (5000, 4)
    assert found.left_out == {"estates": 1, "people": 40.0, "people_unknown": 0}


def test_what_is_unknown_is_counted_never_taken_for_nothing(found: PlanMetrics) -> None:
    assert (at(found, "A", "buildings"), at(found, "A", "buildings_unknown")) == (30, 0)
    assert math.isnan(at(found, "B", "buildings"))
    assert at(found, "B", "buildings_unknown") == 2
    assert (found.totals["buildings"], found.totals["buildings_unknown"]) == (30, 2)
    assert (at(found, "A", "communities"), at(found, "B", "communities")) == (1, 2)
    assert (at(found, "A", "managers"), at(found, "B", "managers_unknown")) == (2, 2)


def test_walks_are_walked_to_the_estate_that_people_reach_most_shortly(found: PlanMetrics) -> None:
    # A: 240 m between E1 and E2; 1,000 of 4,000 people walk to E2. B: 640 m; half of them walk.
    assert dict(found.centre)["A"] == "E2"
    assert at(found, "A", "centre_walk_m") == pytest.approx(240 * 1000 / 4000)
    assert at(found, "B", "centre_walk_m") == pytest.approx(640 / 2)
    assert [at(found, d, "longest_walk_m") for d in "AB"] == pytest.approx([240, 640])
    assert [at(found, d, "mean_walk_m") for d in "AB"] == pytest.approx([240, 640])
    # All together: (60 x 4,000 + 320 x 1,000) / 5,000.
    assert found.totals["centre_walk_m"] == pytest.approx(112)
    assert found.totals["longest_walk_m"] == pytest.approx(640)


def test_the_spread_is_the_mean_distance_from_the_mean_place(found: PlanMetrics) -> None:
    # A: the mean place is x = 250; 1,000 people are 150 m away and 3,000 are 50 m away.
    assert at(found, "A", "spread_m") == pytest.approx((1000 * 150 + 3000 * 50) / 4000)
    assert at(found, "B", "spread_m") == pytest.approx(300)


def test_facilities_are_shared_when_every_estate_of_a_district_reaches_them(
    found: PlanMetrics,
) -> None:
    # E1 walks 20 + 200 + 10 = 230 m to the kindergarten, E2 30 m; E3 walks 630 m.
    assert [at(found, d, "facilities_shared") for d in "AB"] == [1, 0]
    assert [at(found, d, "facilities_inside") for d in "AB"] == [1, 0]
    assert [at(found, d, "services_missing") for d in "AB"] == [0, 1]
    assert [at(found, d, "people_lacking") for d in "AB"] == [0, 1000]
    (line,) = found.missing["B"]
    assert (line["category"], line["estates"], line["people"]) == ("kindergarten", 2, 1000)
    assert found.missing["A"] == ()


def test_what_a_district_lacks_is_called_as_the_gap_list_calls_it() -> None:
    rule = dataclasses.replace(
        own_rule("kindergarten", metres=300), zh="幼儿园（本标准）", en="Nursery school"
    )
    whole = study(facilities=KINDERGARTEN)
    coverage = measure_coverage(whole, (rule,))
    (line,) = measure_plan(plan(), whole, coverage=coverage).missing["B"]
    assert (line["zh"], line["en"]) == ("幼儿园（本标准）", "Nursery school")


def test_one_estate_of_a_district_that_does_not_reach_it_shares_nothing() -> None:
    whole = study(facilities=KINDERGARTEN)
    coverage = measure_coverage(whole, (own_rule("kindergarten", metres=300),))
    found = measure_plan(plan("A A A B -"), whole, coverage=coverage)
    assert at(found, "A", "facilities_shared") == 0
    assert at(found, "A", "people_lacking") == 500


def test_without_data_services_are_unknown() -> None:
    coverage = measure_coverage(study(), (own_rule("kindergarten", metres=300),))
    found = measure_plan(plan(), study(), coverage=coverage)
    assert math.isnan(at(found, "A", "services_missing"))
    assert at(found, "A", "services_missing_unknown") == 1
    assert math.isnan(at(found, "A", "facilities_shared"))
    nothing = measure_plan(plan(), study())
    assert math.isnan(at(nothing, "A", "people_lacking"))


def test_without_streets_walks_are_unknown_and_the_rest_stands() -> None:
    found = measure_plan(plan(), Study({"estates": ESTATES}))
    assert math.isnan(at(found, "A", "centre_walk_m"))
    assert at(found, "A", "centre_walk_m_unknown") == 2
    assert at(found, "A", "people") == 4000


def test_a_district_of_one_estate_has_no_walk_between_estates() -> None:
    found = measure_plan(plan("A B B B -"), study())
    assert at(found, "A", "centre_walk_m") == 0
    assert math.isnan(at(found, "A", "mean_walk_m"))


def test_pipes_near_two_districts_count_in_each_and_once_in_all() -> None:
    # Squares from 0 to 100 and from 140 to 240, each with 30 m around: -30 to 130 and 110 to 270.
    squares = layer("estates", [shapely.box(0, 0, 100, 100), shapely.box(140, 0, 240, 100)])
    lines = [[(-500, 50), (500, 50)], [(50, -500), (50, 500)], [(60, -500), (60, 500)]]
    pipes = layer(
        "pipelines", [shapely.LineString(line) for line in lines],
        pipe=["water", "gas", "gas"], built_year=[2000, 2001, None],
    )  # fmt: skip
    found = measure_plan(plan("A B", ("E1", "E2")), Study({"estates": squares, "pipelines": pipes}))
    assert [at(found, d, "pipes_water_m") for d in "AB"] == pytest.approx([160, 160])
    assert found.totals["pipes_water_m"] == pytest.approx(300)
    assert [at(found, d, "pipes_gas_m") for d in "AB"] == pytest.approx([320, 0])
    assert at(found, "A", "pipes_m") == pytest.approx(480)
    assert at(found, "A", "pipes_old_m") == pytest.approx(160)
    assert [at(found, d, "pipes_old_m_unknown") for d in "AB"] == [1, 0]
    # No heating pipe was ever imported: that says nothing of whether there is one.
    assert math.isnan(at(found, "A", "pipes_heat_m"))


def test_where_no_year_is_known_old_pipes_are_unknown() -> None:
    squares = layer("estates", [shapely.box(0, 0, 100, 100)])
    pipes = layer("pipelines", [shapely.LineString([(0, 50), (90, 50)])], pipe=["gas"])
    found = measure_plan(plan("A", ("E1",)), Study({"estates": squares, "pipelines": pipes}))
    assert math.isnan(at(found, "A", "pipes_old_m"))
    assert at(found, "A", "pipes_gas_m") == pytest.approx(90)


def test_estates_that_are_gone_are_unknown_not_an_error() -> None:
    found = measure_plan(plan("A A", ("E1", "gone")), study())
    assert at(found, "A", "estates") == 2
    assert (at(found, "A", "people"), at(found, "A", "people_unknown")) == (1000, 1)


def test_the_list_of_metrics_is_the_table() -> None:
    assert len(set(METRIC_NAMES)) == len(METRICS)
    assert all(m.zh and m.en and m.unit and m.unit_zh for m in METRICS)
    found = measure_plan(plan(), study(), names=["people", "longest_walk_m"])
    assert list(found.table) == [
        "district", "people", "people_unknown", "longest_walk_m", "longest_walk_m_unknown",
        "people_estimated",
    ]  # fmt: skip
    assert found.to_json()["units"] == {"people": "people", "longest_walk_m": "m"}
    with pytest.raises(UnknownNameError, match="no metric 'beauty'"):
        measure_plan(plan(), study(), names=["beauty"])


def test_a_plan_without_districts_has_an_empty_table() -> None:
    found = measure_plan(plan("- - - - -"), study())
    assert len(found.table) == 0
    assert found.left_out["people"] == 5040


def test_the_centre_keeps_the_limit_of_the_walk_where_one_can() -> None:
    # One district E1 E2 E3 at 100, 300 and 900 m: 3,000 of its people live in E2, 5,000 in E3.
    people = layer(
        "estates", [shapely.Point(x, 20) for x in (100, 300, 900)], people=[100, 3000, 5000]
    )
    whole = Study({"estates": people, "streets": STREETS})
    free = plan("A A A", ("E1", "E2", "E3"))
    # To E3 people walk 840 x 100 + 640 x 3,000, to E2 240 x 100 + 640 x 5,000: E3 is the centre.
    found = measure_plan(free, whole)
    assert dict(found.centre) == {"A": "E3"}
    assert at(found, "A", "longest_walk_m") == pytest.approx(840)
    # Within 660 m (11 minutes) all reach E2 alone, 240 and 640 m away.
    limited = dataclasses.replace(free, settings={**free.settings, "max_walk_minutes": 11})
    found = measure_plan(limited, whole)
    assert dict(found.centre) == {"A": "E2"}
    assert at(found, "A", "longest_walk_m") == pytest.approx(640)
    assert at(found, "A", "centre_walk_m") == pytest.approx((240 * 100 + 640 * 5000) / 8100)
    assert "within 660 m" in found.to_json()["centre_rule"]
    assert (
        centre_rule(free)[1] == "the estate of the district with the least mean walk of its people"
    )
    # Within 600 m all reach none: as if there were no limit.
    tight = dataclasses.replace(free, settings={**free.settings, "max_walk_minutes": 10})
    assert dict(measure_plan(tight, whole).centre) == {"A": "E3"}
