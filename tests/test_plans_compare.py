"""What differs between two plans, on six estates that can be counted on the fingers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gis.districts import Adjacency, DistrictPlan
from gis.errors import OptionError
from gis.model import Study
from gis.plans import compare_plans, match_districts, measure_plan
from gis.plans.compare import shown_difference
from tests.plan_grid import grid_estates

PEOPLE = {"E1": 100.0, "E2": 200.0, "E3": 300.0, "E4": 400.0, "E5": 500.0, "E6": 600.0}


def plan(words: str, name: str = "p", uids: list[str] | None = None) -> DistrictPlan:
    """``"A A B - C C"``: the district of each estate, - for none."""
    district = [None if word == "-" else word for word in words.split()]
    uids = uids or [f"E{i + 1}" for i in range(len(district))]
    nothing = np.empty((0, 2), np.int64)
    return DistrictPlan(
        name=name,
        estates=np.array(uids, dtype=object),
        district=np.array([*district, None], dtype=object)[:-1],
        left_out=(),
        settings={},
        objective=math.nan,
        bound=math.nan,
        gap=math.nan,
        status="drawn",
        adjacency=Adjacency(
            "walk", nothing, np.empty(0), np.empty(0, object), nothing, np.empty(0)
        ),
    )


def test_a_plan_whose_districts_were_only_renamed_differs_by_no_estate() -> None:
    found = compare_plans(plan("A A B B C C"), plan("3 3 1 1 2 2"), PEOPLE)
    assert found.changes == ()
    assert (found.people_affected, found.people_unknown) == (0.0, 0)
    assert {(p.first, p.second) for p in found.pairs} == {("A", "3"), ("B", "1"), ("C", "2")}
    assert all(pair.same for pair in found.pairs)
    assert (found.splits, found.merges) == ((), ())


def test_an_estate_that_changes_sides_is_moved_and_splits_nothing() -> None:
    found = compare_plans(plan("A A B B C C"), plan("A A A B C C"), PEOPLE)
    (change,) = found.changes
    assert (change.estate, change.what, change.before, change.after) == ("E3", "moved", "B", "A")
    assert (found.people_affected, len(found.moved)) == (300.0, 1)
    assert (found.splits, found.merges) == ((), ())
    assert change.to_json()["counterpart"] == "B"


def test_estates_that_come_and_go_are_told_apart() -> None:
    after = plan("A - B B C C", uids=["E1", "E2", "E3", "E4", "E5", "E7"])
    found = compare_plans(plan("A A B - C C"), after, PEOPLE)
    assert {c.estate: c.what for c in found.changes} == {
        "E2": "left-out",
        "E4": "placed",
        "E6": "removed",
        "E7": "added",
    }
    # 200 + 400 + 600; nobody knows how many people E7 has.
    assert (found.people_affected, found.people_unknown) == (1200.0, 1)
    told = found.to_json()
    assert (told["estates_moved"], told["estates_left_out"], told["estates_added"]) == (0, 1, 1)


def test_a_split_and_a_merge_are_seen_whatever_the_parts_are_called() -> None:
    found = compare_plans(plan("A A A A B C"), plan("X X Y Y Z Z"), PEOPLE)
    assert [(s.district, s.parts) for s in found.splits] == [("A", ("X", "Y"))]
    assert [(m.district, m.parts) for m in found.merges] == [("Z", ("B", "C"))]
    # A stays with the larger part (700 of its 1,000 people), C with Z (600 of 1,100).
    pairs = {(p.first, p.second): p.people for p in found.pairs}
    assert (pairs["A", "Y"], pairs["C", "Z"]) == (700.0, 600.0)
    assert ("B", None) in pairs
    assert (None, "X") in pairs
    assert {c.estate for c in found.changes} == {"E1", "E2", "E5"}


def test_a_district_whose_estates_went_two_ways_was_split_and_not_merged() -> None:
    # C: 100 people to A, 400 to B; neither took it over.
    found = compare_plans(plan("C A A C B B"), plan("A A A B B B"), PEOPLE)
    assert [(s.district, s.parts) for s in found.splits] == [("C", ("A", "B"))]
    assert found.merges == ()
    assert ("C", None) in {(p.first, p.second) for p in found.pairs}


def test_a_district_that_a_larger_part_of_another_came_to_was_not_split_off() -> None:
    # C: 500 people to A, where there were but 300, and 600 to B.
    found = compare_plans(plan("A A B B C C"), plan("A A B B A B"), PEOPLE)
    assert ("C", "A") in {(p.first, p.second) for p in found.pairs}
    assert [(s.district, s.parts) for s in found.splits] == [("C", ("A", "B"))]
    assert [(m.district, m.parts) for m in found.merges] == [("A", ("A", "C"))]


@pytest.mark.parametrize(("strayed", "merged"), [(100.0, True), (101.0, False)])
def test_a_district_is_merged_with_nine_tenths_of_its_people(strayed: float, merged: bool) -> None:
    people = {"E1": 2000.0, "E2": 1000.0 - strayed, "E3": strayed, "E4": 3000.0}
    found = compare_plans(plan("A C C B"), plan("A A B B"), people)
    assert [(m.district, m.parts) for m in found.merges] == [("A", ("A", "C"))] * merged
    assert [s.district for s in found.splits] == ["C"] * (not merged)


def test_districts_are_matched_for_the_whole_plan_not_one_after_the_other() -> None:
    # Taking the largest overlap (5) first would leave 1: 6 in all. The best matching keeps 4 + 4.
    people = np.array([[5.0, 4.0], [4.0, 1.0]])
    assert match_districts(people, people) == [(0, 1), (1, 0)]


def test_of_equal_people_the_matching_with_more_estates_is_taken() -> None:
    people = np.array([[0.0, 0.0], [0.0, 0.0]])
    estates = np.array([[1.0, 3.0], [2.0, 1.0]])
    assert match_districts(people, estates) == [(0, 1), (1, 0)]


def test_a_hundred_estates_weigh_less_than_one_person() -> None:
    people = np.array([[1.0, 0.0], [0.0, 1.0]])
    estates = np.array([[1.0, 100.0], [100.0, 1.0]])
    assert match_districts(people, estates) == [(0, 0), (1, 1)]


def test_districts_without_an_estate_in_common_are_not_matched() -> None:
    found = compare_plans(plan("A A - -"), plan("- A B B"), PEOPLE)
    assert {(p.first, p.second) for p in found.pairs} == {("A", "A"), (None, "B")}


def test_unknown_people_are_told_not_counted_as_nobody() -> None:
    found = compare_plans(plan("A A B"), plan("A B B"), {"E1": 1.0, "E2": math.nan})
    assert math.isnan(found.people_affected)
    assert found.people_unknown == 1


def test_plans_of_other_cities_are_refused() -> None:
    with pytest.raises(OptionError, match="no estate in common"):
        compare_plans(plan("A A"), plan("A A", uids=["X1", "X2"]), PEOPLE)


def test_a_plan_without_districts_can_be_compared() -> None:
    found = compare_plans(plan("- -"), plan("A A"), PEOPLE)
    assert [c.what for c in found.changes] == ["placed", "placed"]
    assert found.people_affected == 300.0


def test_names_of_estates_come_with_what_changed() -> None:
    names = {"E3": "丙里", "E4": None}
    found = compare_plans(plan("A A B B C C"), plan("A A C C C C"), PEOPLE, names=names)
    assert [(c.estate, c.name) for c in found.changes] == [("E3", "丙里"), ("E4", None)]
    assert found.to_json()["differences"][0]["name"] == "丙里"


def test_no_difference_is_told_where_the_plans_lack_unequally_many() -> None:
    # Cost of six estates in a row: that of E2 is not known.
    cost = [1e6, None, 3e6, 4e6, 5e6, 6e6]
    study = Study({"estates": grid_estates(1, 6, cost_yuan=cost)})

    def total(before: str, after: str) -> dict[str, Any]:
        one, two = plan(before), plan(after)
        measured = [measure_plan(p, study, names=["cost_yuan"]) for p in (one, two)]
        found = compare_plans(one, two, PEOPLE, metrics=(measured[0], measured[1]))
        (row,) = [row for row in found.side_by_side() if row["whole_plan"]]
        return row

    row = total("A - A B B -", "A A A B B B")
    assert (row["before"], row["before_unknown"]) == (13e6, 0)
    assert (row["after"], row["after_unknown"]) == (19e6, 1)
    assert math.isnan(row["difference"])
    assert math.isnan(shown_difference(row, 0))
    row = total("A A A B B -", "A A A B B B")
    assert (row["before_unknown"], row["after_unknown"], row["difference"]) == (1, 1, 6e6)


def test_the_shown_difference_is_that_of_what_is_shown() -> None:
    row = {"before": 232.4, "after": 197.6, "difference": -34.8}
    assert shown_difference(row, 0) == 198 - 232
    assert shown_difference(row, 1) == -34.8
    # Both are rounded as they are shown: 231.6 reads 232, 2.5 reads 2.
    assert shown_difference({"before": 231.6, "after": 198.4, "difference": -33.2}, 0) == -34
    assert shown_difference({"before": 1.4, "after": 2.5, "difference": 1.1}, 0) == 1
    assert (
        math.copysign(1, shown_difference({"before": 1.4, "after": 1.0, "difference": -0.4}, 0)) > 0
    )


def test_of_equal_matchings_the_one_that_keeps_names_is_taken() -> None:
    people = dict.fromkeys(PEOPLE, 100.0)
    found = compare_plans(plan("A A B B C C"), plan("A A C C C C"), people)
    assert {(p.first, p.second) for p in found.pairs} == {("A", "A"), ("C", "C"), ("B", None)}
    found = compare_plans(plan("A A B B C C"), plan("A A B B B B"), people)
    assert {(p.first, p.second) for p in found.pairs} == {("A", "A"), ("B", "B"), ("C", None)}
