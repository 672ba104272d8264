"""Work packages of a plan: four districts on eight estates of 1,000 people."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gis.districts import DistrictPlan
from gis.errors import OptionError, UnknownNameError
from gis.plans import Package, package_sums
from gis.plans.packages import assign, bundle, carried_over, estates_of, merge, remove, split
from tests.plan_grid import beside, drawn, grid_estates, grid_links

ESTATES = grid_estates(
    2,
    4,
    cost_yuan=[1e6, 2e6, None, 4e6, 5e6, 6e6, 7e6, 8e6],
    manager=["甲", "乙", "甲"] + [None] * 5,
)


@pytest.fixture
def plan() -> DistrictPlan:
    return drawn("A B C D A B C -", beside(grid_links(2, 4)))


def test_districts_and_estates_make_a_package_with_its_sums(plan: DistrictPlan) -> None:
    made = bundle(plan, (), "一标段", ["A", "C"], builder="甲公司")
    made = bundle(plan, made, "二标段", ["E4", "E8"])
    assert made[0] == Package("一标段", ("A", "C"), (), "甲公司")
    assert made[1] == Package("二标段", (), ("E4", "E8"), None)
    assert estates_of(plan, made[0]) == ("E1", "E5", "E3", "E7")
    table = package_sums(plan, made, ESTATES).set_index("package")
    # A and C: 1 + 5 + 7 million; of E3 nobody knows.
    assert table.loc["一标段", "cost_yuan"] == 13e6
    assert table.loc["一标段", "cost_yuan_unknown"] == 1
    assert (table.loc["一标段", "people"], table.loc["一标段", "managers"]) == (4000, 1)
    # E1 and E3 have one manager; that of E5 and E7 is not known, nor any of E4 and E8.
    assert table.loc["一标段", "managers_unknown"] == 2
    assert np.isnan(table.loc["二标段", "managers"])
    assert (table.loc["二标段", "estates"], table.loc["二标段", "people"]) == (2, 2000)
    rest = package_sums(plan, made, ESTATES).iloc[-1]
    assert (rest["package"], rest["estates"], rest["cost_yuan"]) == (None, 2, 8e6)


def test_what_is_not_known_at_all_is_nan(plan: DistrictPlan) -> None:
    table = package_sums(plan, bundle(plan, (), "P", ["A"]), ESTATES)
    assert np.isnan(table.loc[0, "households"])
    assert table.loc[0, "households_unknown"] == 2


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["A"], "'Q' and 'P' both hold estate E1 of A"),
        (["E5"], "'Q' and 'P' both hold estate E5 of A"),
        (["B", "E2"], "'Q' holds estate E2 of B twice"),
        ([], "'Q' is empty"),
    ],
)
def test_every_estate_is_in_at_most_one_package(
    plan: DistrictPlan, parts: list[str], words: str
) -> None:
    made = bundle(plan, (), "P", ["A"])
    with pytest.raises(OptionError, match=words):
        bundle(plan, made, "Q", parts)


def test_a_district_that_is_not_there_is_named(plan: DistrictPlan) -> None:
    with pytest.raises(UnknownNameError, match="no district and no estate 'Z'"):
        bundle(plan, (), "P", ["Z"])


def test_two_packages_of_one_name_are_refused(plan: DistrictPlan) -> None:
    with pytest.raises(OptionError, match="2 packages called 'P'"):
        bundle(plan, bundle(plan, (), "P", ["A"]), "P", ["B"])


@pytest.mark.parametrize("name", ["", " P", "P\n", "\x1b[2J", "x" * 101])
def test_a_package_needs_a_name_that_can_be_printed(plan: DistrictPlan, name: str) -> None:
    with pytest.raises(OptionError, match="needs a name"):
        bundle(plan, (), name, ["A"])


def test_splitting_gives_a_package_per_district_in_its_place(plan: DistrictPlan) -> None:
    made = bundle(plan, (), "P", ["A", "B", "E4"], builder="甲")
    made = bundle(plan, made, "Q", ["C"])
    assert split(plan, made, "P") == (
        Package("P-1", ("A",), (), "甲"),
        Package("P-2", ("B",), (), "甲"),
        Package("P-3", (), ("E4",), "甲"),
        Package("Q", ("C",), (), None),
    )
    with pytest.raises(OptionError, match="only one part"):
        split(plan, made, "Q")
    with pytest.raises(UnknownNameError, match="no package 'R'; there are: P, Q"):
        split(plan, made, "R")


def test_merging_needs_one_builder(plan: DistrictPlan) -> None:
    made = bundle(plan, (), "P", ["A"], builder="甲")
    made = bundle(plan, made, "Q", ["B"], builder="乙")
    made = bundle(plan, made, "R", ["C"])
    with pytest.raises(OptionError, match="different builders"):
        merge(plan, made, ["P", "Q"], "S")
    assert merge(plan, made, ["P", "Q"], "S", builder="丙")[0] == Package("S", ("A", "B"), (), "丙")
    assert merge(plan, made, ["R", "P"], "P") == (
        Package("P", ("C", "A"), (), "甲"),
        Package("Q", ("B",), (), "乙"),
    )
    with pytest.raises(OptionError, match="at least two"):
        merge(plan, made, ["P", "P"], "S")


def test_a_builder_can_be_given_and_a_package_taken_away(plan: DistrictPlan) -> None:
    made = assign(bundle(plan, (), "P", ["A"]), "P", "甲")
    assert made[0].builder == "甲"
    assert remove(made, "P") == ()


def test_packages_go_with_a_changed_plan_as_far_as_their_parts_are_there(
    plan: DistrictPlan,
) -> None:
    made = bundle(plan, bundle(plan, (), "P", ["A", "D"]), "Q", ["E8"])
    # D is dissolved into A, and E8 is put into A too: P has it now.
    changed = dataclasses.replace(
        plan, district=np.array(["A", "B", "C", "A", "A", "B", "C", "A"], dtype=object)
    )
    kept, lost = carried_over(changed, made)
    assert kept == (Package("P", ("A",), (), None),)
    assert lost == ("P: D", "Q: E8")
