"""What is left out: the least change that would place it, and proofs that nothing can."""

from __future__ import annotations

import itertools
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition.check import check_partition
from gis.partition.reduce import reduce
from gis.partition.relax import least_left, neighbours, prove_left, smallest_relaxation
from tests.partition_cases import PATH_OF_4, asked, every_labelling

SOON = 60.0


def ways_out(problem, label, **given_):
    deadline = time.monotonic() + SOON
    return smallest_relaxation(problem, np.array(label), deadline=deadline, **given_)


def test_too_few_people_ask_for_a_lower_bound_or_the_link_over_the_railway():
    problem = asked(
        [(0, 1), (2, 3)], [3000, 120, 3000, 3000], low=5000, high=12000, names=["people"],
        unit_names=["East", "Gate", "West", "Mill"],
    )  # fmt: skip
    link, low = ways_out(
        problem, [-1, -1, 0, 0], beyond=[(2, 1), (0, 3)], beyond_m=[640.0, 900.0],
        beyond_reason=["railway", "too far"],
    )  # fmt: skip
    assert (low.kind, low.value, low.units, low.enough) == ("low", 3120, (0, 1), True)
    assert low.words == "lower the least people to 3,120: East, Gate would be a district"
    assert (link.kind, link.link, link.metres, link.enough) == ("link", (1, 2), 640, True)
    assert link.words == (
        "allow the link of 640 m from Gate to West (railway): the district would have people 9,120"
    )


def test_a_link_that_is_not_enough_says_so():
    """2000 + 6000 + 4500 are too many, and 4500 alone are too few."""
    problem = asked([(1, 2)], [2000, 6000, 4500], low=5000, high=12000)
    ways = ways_out(problem, [-1, 0, 0], beyond=[(0, 1)], beyond_m=[50.0])
    link = ways[-1]
    assert (link.enough, link.metres) == (False, 50)
    assert "that link alone is not enough" in link.words


def test_the_nearest_link_that_is_enough_wins_over_a_nearer_one_that_is_not():
    problem = asked([(1, 2)], [2000, 6000, 4500, 7000], low=5000, high=12000)
    ways = ways_out(problem, [-1, 0, 0, 1], beyond=[(0, 1), (0, 3)], beyond_m=[50.0, 70.0])
    (link,) = [way for way in ways if way.kind == "link"]
    assert (link.link, link.enough, link.value) == ((0, 3), True, 9000)


def test_a_link_is_enough_too_where_the_district_beyond_is_cut_in_two():
    problem = asked([(1, 2)], [1000, 6000, 5500], low=5000, high=12000)
    link, *_ = ways_out(problem, [-1, 0, 0], beyond=[(0, 1)], beyond_m=[50.0])
    assert (link.kind, link.enough, link.value) == ("link", True, 7000)


def test_a_link_to_another_class_is_not_enough():
    problem = asked([], [3, 6], low=6, high=9, within=[0, 1])
    ways = ways_out(problem, [-1, 0], beyond=[(0, 1)], beyond_m=[50.0])
    assert [(way.kind, way.enough) for way in ways] == [("low", True), ("link", False)]


def test_two_groups_that_are_both_too_small_can_join_each_other():
    problem = asked([], [3000, 2500], low=5000, high=12000)
    link = next(
        way for way in ways_out(problem, [-1, -1], beyond=[(0, 1)], beyond_m=[310.0])
        if way.kind == "link"
    )  # fmt: skip
    assert (link.enough, link.value) == (True, 5500)


def test_too_many_people_ask_for_a_higher_bound():
    problem = asked([], [13000], low=5000, high=12000, names=["people"])
    (way,) = ways_out(problem, [-1])
    assert (way.kind, way.value, way.enough) == ("high", 13000, True)
    assert way.words == "raise the most people to 13,000: unit 0 would be a district"


def test_what_no_district_beside_it_can_take_asks_for_the_least_sum():
    problem = asked([(0, 1), (1, 2)], [5, 8, 5], low=10, high=14)
    low, high = sorted(ways_out(problem, [0, 0, -1]), key=lambda way: way.kind, reverse=True)
    assert (low.kind, low.value) == ("low", 5)
    assert (high.kind, high.value) == ("high", 18)


def test_the_district_beside_it_gives_some_where_that_asks_for_less():
    """3 - 2 - 7 with 6 to 10 each: 3 + 2 and 7 are 1 short, 3 alone would be 3 short."""
    low, high = ways_out(asked([(0, 1), (1, 2)], [3, 2, 7], low=6, high=10), [-1, 0, 0])
    assert (low.kind, low.value, low.units) == ("low", 5, (0,))
    assert low.words == "lower the least size to 5: unit 0, unit 1 would be a district"
    assert (high.kind, high.value) == ("high", 12)
    assert high.words == "raise the most size to 12: unit 0 would join the district of unit 1"


def test_a_group_that_is_parted_says_so():
    """5 - 4 - 3, of 5 to 6: 5 and 4 + 3 need 7 at most; 5, 4 and 3 need 3 at least."""
    high, low = ways_out(
        asked(PATH_OF_4, [2, 3, 4, 3], low=5, high=6, same=[(0, 1)]), [-1, -1, -1, -1]
    )  # fmt: skip
    assert (high.value, low.value) == (7, 3)
    assert low.words == (
        "lower the least size to 3: unit 0, unit 1, unit 2 and 1 more would be in 3 districts"
    )


def test_a_bound_is_rounded_to_the_side_on_which_it_is_enough():
    low, *_ = ways_out(asked([], [3119.6], low=5000, high=6000), [-1])
    assert (low.value, low.words) == (
        3119.6, "lower the least size to 3,119: unit 0 would be a district"
    )  # fmt: skip
    high, *_ = ways_out(asked([], [6000.2], low=5000, high=6000), [-1])
    assert (high.value, high.words) == (
        6000.2, "raise the most size to 6,001: unit 0 would be a district"
    )  # fmt: skip


def test_units_that_must_be_apart_are_not_joined():
    problem = asked([], [3000, 2500], low=5000, high=12000, apart=[(0, 1)])
    ways = ways_out(problem, [-1, -1], beyond=[(0, 1)], beyond_m=[310.0])
    assert not any(way.enough for way in ways if way.kind == "link")


def test_nothing_left_out_needs_nothing():
    assert ways_out(asked(PATH_OF_4, [3, 3, 3, 3], low=6, high=6), [0, 0, 1, 1]) == ()


# --- proofs


def test_a_pendant_unit_whose_only_neighbour_is_too_large_for_it_is_proved():
    problem = asked([(0, 1), (1, 2)], [2, 9, 5], low=5, high=10)
    reduced = reduce(problem)
    assert not reduced.left, "sums alone do not see it"
    label = np.array([-1, 0, 1])
    proved = prove_left(problem, reduced, label, time.monotonic() + SOON)
    assert list(proved) == [0]
    assert proved[0].reason == (
        "all connected groups with it were tried; none keeps the bounds"
    )  # fmt: skip


def test_three_that_can_only_be_two_are_proved_by_trying_what_is_around():
    problem = asked([(0, 1), (1, 2)], [5, 8, 5], low=10, high=14, names=["people"])
    proved = prove_left(problem, reduce(problem), np.array([0, 0, -1]), time.monotonic() + SOON)
    assert proved[2].proved
    assert "at least 5 people among them are left out" in proved[2].reason


def test_two_groups_are_not_proved_by_the_same_neighbour():
    # 4 - 8 - 4 with at most 12: one of the fours joins, the other is left; both left is not best.
    problem = asked([(0, 1), (1, 2)], [4, 8, 4], low=8, high=12)
    proved = prove_left(problem, reduce(problem), np.array([-1, 0, -1]), time.monotonic() + SOON)
    assert len(proved) < 2


def test_what_could_be_placed_is_not_proved():
    problem = asked(PATH_OF_4, [3, 3, 3, 3], low=6, high=6)
    label = np.array([-1, 0, 0, -1])
    assert prove_left(problem, reduce(problem), label, time.monotonic() + SOON) == {}


def test_out_of_time_nothing_is_proved():
    problem = asked([(0, 1), (1, 2)], [2, 9, 5], low=5, high=10)
    assert prove_left(problem, reduce(problem), np.array([-1, 0, 1]), time.monotonic()) == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_no_plan_leaves_less_out_of_a_region_than_was_proved(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    pairs = list(itertools.combinations(range(n), 2))
    links = [p for p in pairs if rng.random() < 0.45] or pairs[:1]
    size, low = rng.integers(1, 9, n), int(rng.integers(3, 12))
    wishes = {"same": [pairs[0]] if rng.random() < 0.3 else []}
    wishes["apart"] = [pairs[-1]] if rng.random() < 0.3 and n > 2 else []
    problem = asked(links, size, low=low, high=low + int(rng.integers(0, 8)), **wishes)
    alive = reduce(problem).component >= 0
    region = np.flatnonzero(alive & (rng.random(n) < 0.5))
    if wishes["same"] and alive[0] and set(region.tolist()) & {0, 1}:
        region = np.union1d(region, [0, 1])
    if not len(region):
        return
    least = least_left(problem, neighbours(problem, alive), alive, region, time.monotonic() + SOON)
    plans = (
        np.array(labels) for labels in every_labelling(n, may_leave_out=True)
        if not check_partition(
            links, size, labels, low=problem.low, high=problem.high, **wishes
        )
    )  # fmt: skip
    truth = min(size[region][plan[region] < 0].sum() for plan in plans)
    assert least <= truth
    if len(region) == alive.sum():
        assert least == truth, "with nothing outside, it is exact"
