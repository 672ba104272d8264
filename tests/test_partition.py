"""`partition`: districts from arrays, held against every way of cutting small graphs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.partition import check_partition, measure_partition, partition
from tests.partition_cases import PATH_OF_4, every_labelling, grid


def best_by_hand(links, size, *, count, low, high, objective, **constraints):
    """(size placed, units placed, -objective) of the best plan; None when there is none."""
    best = None
    for label in every_labelling(len(size), may_leave_out=count is None):
        if max(label, default=-1) < 0:
            continue
        if check_partition(links, size, label, count=count, low=low, high=high, **constraints):
            continue
        placed = sum(s for s, d in zip(size, label, strict=True) if d >= 0)
        value = measure_partition(
            links, size, label, objective=objective, cost=constraints.get("cost")
        )
        if not np.isfinite(value):
            continue
        rank = (placed, sum(d >= 0 for d in label), -value)
        if best is None or rank > best:
            best = rank
    return best


# --- what can be checked by hand


def test_four_in_a_row_are_cut_in_the_middle():
    found = partition(PATH_OF_4, [3, 3, 3, 3], low=6, high=6)
    assert found.label.tolist() == [0, 0, 1, 1]
    assert (found.objective, found.bound, found.gap) == (1, 1, 0)
    assert (found.status, found.violations, found.districts) == ("optimal", 0, 2)


def test_the_bounds_themselves_are_allowed():
    assert partition([(0, 1)], [5000, 7000], low=12000, high=12000).label.tolist() == [0, 0]


def test_a_large_upper_bound_does_not_soften_the_lower_one():
    found = partition([(0, 1)], [4.6, 4.9], low=9.6, high=1e9)
    assert found.label.tolist() == [-1, -1]
    assert found.left[0].reason == "total reachable size 9.5 < 9.6"
    found = partition([(0, 1)], [4.6, 4.9], low=9.5 + 1e-9, high=1e9)
    assert found.label.tolist() == [0, 0], "that little is rounding"


def test_a_unit_above_the_upper_bound_is_left_out_and_parts_the_rest():
    found = partition(PATH_OF_4, [6000, 13000, 3000, 120], low=5000, high=12000)
    assert found.label.tolist() == [0, -1, -1, -1]
    assert {u.unit: (u.reason, u.proved) for u in found.left} == {
        1: ("size 13,000 > 12,000", True),
        2: ("total reachable size 3,120 < 5,000", True),
        3: ("total reachable size 3,120 < 5,000", True),
    }


def test_what_fits_no_combination_is_left_out_with_the_proof_that_all_were_tried():
    found = partition([(0, 1), (1, 2)], [7, 7, 7], low=7, high=14, objective="cut-links")
    assert (found.label >= 0).all()
    found = partition([(0, 1), (1, 2)], [5, 8, 5], low=10, high=14)
    assert sorted(found.label.tolist()) == [-1, 0, 0]
    assert [(u.code, u.proved) for u in found.left] == [("combination", True)]
    assert found.status == "optimal"


def test_several_sizes_keep_all_their_bounds():
    size = [[1, 100], [1, 900], [1, 500], [1, 500]]
    found = partition(PATH_OF_4, size, low=[2, 1000], high=[2, 1000])
    assert found.label.tolist() == [0, 0, 1, 1]
    found = partition(PATH_OF_4, size, low=[2, 1001], high=[2, 2000])
    assert found.label.tolist() == [-1, 0, 0, -1]


def test_too_few_people_for_the_count_is_proved_with_the_figures():
    found = partition(PATH_OF_4, [3, 3, 3, 3], count=3, low=5, high=9)
    assert found.status == "infeasible"
    assert found.reason == "3 districts need size 15, there is 12"
    assert found.label.tolist() == [-1, -1, -1, -1]
    assert np.isnan(found.objective)


def test_too_many_people_for_the_count_is_proved_with_the_figures():
    found = partition(PATH_OF_4, [3, 3, 3, 3], count=2, low=1, high=5)
    assert (found.status, found.reason) == ("infeasible", "2 districts hold size 10, there is 12")


def test_a_count_that_sums_allow_but_the_links_do_not_is_proved_by_trying_all():
    star = [(0, 1), (0, 2), (0, 3)]
    found = partition(star, [3, 3, 3, 3], count=2, low=6, high=6)
    assert found.status == "infeasible"
    assert "all ways" in found.reason


def test_each_connected_part_gets_its_own_number_of_districts():
    links = [(0, 1), (1, 2), (2, 3), (4, 5)]
    found = partition(links, [3, 3, 3, 3, 3, 3], count=3, low=6, high=6)
    assert found.label.tolist() == [0, 0, 1, 1, 2, 2]
    found = partition(links, [3, 3, 3, 3, 3, 4], count=3, low=6, high=6)
    assert found.status == "infeasible"


def test_balance_is_the_largest_deviation_from_the_mean():
    found = partition(PATH_OF_4, [4, 1, 1, 6], count=2, low=1, high=11, objective="balance")
    assert found.label.tolist() == [0, 0, 0, 1]
    assert found.objective == 0
    found = partition(PATH_OF_4, [4, 1, 2, 6], count=2, low=1, high=11, objective="balance")
    assert found.objective == pytest.approx(7 / 6.5 - 1)
    assert found.status == "optimal"


def test_compact_pays_size_times_cost_to_the_best_member():
    cost = np.abs(np.subtract.outer([0, 1, 10, 12], [0, 1, 10, 12])).astype(float)
    found = partition(
        PATH_OF_4, [5, 1, 1, 3], count=2, low=1, high=9, objective="compact", cost=cost
    )
    assert found.label.tolist() == [0, 0, 1, 1]
    assert found.objective == 1 * 1 + 1 * 2
    sparse = partition(
        PATH_OF_4,
        [5, 1, 1, 3],
        count=2,
        low=1,
        high=9,
        objective="compact",
        cost=sp.csr_array(cost),
    )
    assert (sparse.label == found.label).all()


def test_the_centre_limit_is_inclusive_and_one_metre_less_is_not_enough():
    x = [0, 100, 200]
    cost = np.abs(np.subtract.outer(x, x)).astype(float)
    whole = {"count": 1, "low": 0, "high": 9, "cost": cost}
    assert partition([(0, 1), (1, 2)], [1, 1, 1], centre_limit=100, **whole).districts == 1
    found = partition([(0, 1), (1, 2)], [1, 1, 1], centre_limit=99, **whole)
    assert found.status == "infeasible"


def test_units_that_no_centre_can_serve_are_left_out_with_the_figures():
    x = [0, 100, 5000]
    cost = np.abs(np.subtract.outer(x, x)).astype(float)
    found = partition([(0, 1), (1, 2)], [4, 4, 4], low=8, high=9, cost=cost, centre_limit=500)
    assert found.label.tolist() == [0, 0, -1]
    (left,) = found.left
    assert left.proved
    assert left.reason == "no centre within 500 gathers enough: at most 4 size, 8 needed"


def test_same_units_share_a_district_even_when_another_lies_between():
    found = partition(PATH_OF_4, [1, 1, 1, 1], count=2, low=1, high=3, same=[(0, 2)])
    assert found.label.tolist() == [0, 0, 0, 1]


def test_same_units_that_cannot_share_a_district_are_proved_impossible():
    found = partition(PATH_OF_4, [1, 1, 1, 1], count=2, low=2, high=2, same=[(0, 2)])
    assert found.status == "infeasible"
    found = partition(PATH_OF_4, [1, 1, 1, 1], low=2, high=2, same=[(0, 2)])
    assert found.label.tolist() == [-1, -1, -1, -1]


def test_same_units_that_no_links_join_are_left_out_together():
    found = partition([(0, 1), (2, 3)], [5, 5, 5, 5], low=5, high=10, same=[(0, 2)])
    assert found.label.tolist() == [-1, 0, -1, 1]
    assert {u.code for u in found.left} == {"together"}


def test_same_units_that_are_too_heavy_with_all_that_joins_them_are_left_out_alone():
    # A ring 0 1 2 3 4 5: from 0 to 3 by 1 and 2 (6 + 6) or by 4 and 5 (5 + 5); 2 + 10 + 2 > 13.
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]
    sizes = [2, 6, 6, 2, 5, 5]
    found = partition(ring, sizes, low=10, high=13, same=[(0, 3)], unit_names=list("ABCDEF"))
    assert found.label.tolist() == [-1, 0, 0, -1, 1, 1]
    reason = "A, D must stay together, and to hang together they need at least 14 size, "
    assert [(u.unit, u.reason, u.code, u.proved) for u in found.left] == [
        (v, reason + "more than 13", "together", True) for v in (0, 3)
    ]
    # With 14 they fit by the lighter way.
    found = partition(ring, sizes, low=10, high=14, same=[(0, 3)])
    assert found.label.tolist() == [0, 1, 1, 0, 0, 0]


def test_what_joins_three_same_units_weighs_at_least_what_joins_the_farthest_two():
    # A star: 0 in the middle weighs 1, 3 hangs on 4 (weight 9); 1, 2 and 3 weigh 1 each.
    star = [(0, 1), (0, 2), (0, 4), (4, 3)]
    found = partition(star, [1, 1, 1, 1, 9], low=1, high=12, same=[(1, 2, 3)])
    assert {u.code for u in found.left} == {"together"}
    assert "need at least 13 size, more than 12" in found.left[0].reason
    assert (partition(star, [1, 1, 1, 1, 9], low=1, high=13, same=[(1, 2, 3)]).label == 0).all()


def test_apart_units_do_not_share_a_district():
    found = partition(PATH_OF_4, [1, 1, 1, 1], count=2, low=1, high=3, apart=[(2, 3)])
    assert found.label.tolist() == [0, 0, 0, 1]


def test_links_given_twice_or_to_oneself_do_not_count_twice():
    links = [(0, 1), (1, 2), (2, 1), (1, 2), (2, 2), (2, 3)]
    assert partition(links, [3, 3, 3, 3], low=6, high=6).objective == 1


def test_no_district_at_all_is_infeasible_with_the_reason():
    found = partition([(0, 1)], [1, 2], low=10, high=20)
    assert found.status == "infeasible"
    assert found.reason == "no district can be formed: total reachable size 3 < 10"
    assert [u.proved for u in found.left] == [True, True]


def test_without_an_upper_bound_all_may_be_one_district():
    found = partition([(0, 1), (1, 2)], [1, 2, 3], low=1, high=np.inf)
    assert (found.label.tolist(), found.objective, found.status) == ([0, 0, 0], 0, "optimal")


def test_no_units_are_infeasible_and_no_crash():
    assert partition([], [], low=1, high=2).status == "infeasible"


# --- input that contradicts itself


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"low": 13000}, "low 13000 is above high 12000"),
        ({"size": [1, np.nan, 3, 4]}, "unknown (NaN) for 1 units, first unit 1"),
        ({"size": [np.nan] * 4}, "unknown (NaN) for all 4 units"),
        ({"size": [1, 2, -3, 4]}, "size of unit 2 is -3"),
        ({"links": [(0, 4)]}, "link 0 joins 0 and 4, but the units are 0 to 3"),
        ({"links": [(0.5, 1)]}, "links have the shape"),
        ({"count": 0}, "count is 0"),
        ({"same": [(0, 1), (1, 2)], "apart": [(0, 2)]}, "both together and apart"),
        ({"apart": [(1, 1)]}, "apart from itself"),
        ({"same": [(0, 9)]}, "same[0] is (0, 9)"),
        ({"objective": "pretty"}, "no objective 'pretty'"),
        ({"objective": "compact"}, "objective compact need cost"),
        ({"centre_limit": 500}, "centre_limit need cost"),
        ({"centre_limit": 5, "cost": np.zeros((3, 3))}, "cost has the shape (3, 3)"),
        ({"time_limit_s": 0}, "time_limit_s is 0"),
    ],
)
def test_wrong_input_is_refused_in_one_line(changed, words):
    given_ = {"links": PATH_OF_4, "size": [3000] * 4, "low": 5000, "high": 12000} | changed
    with pytest.raises(OptionError) as told:
        partition(**given_)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(OptionError, match=r"low 9 is above high 1.*link 0 joins.*count is 0"):
        partition([(0, 7)], [1, 1], low=9, high=1, count=0)


def test_inputs_are_not_changed():
    links, size = np.array([[1, 0], [1, 2], [2, 3]]), np.array([3.0, 3, 3, 3])
    before = links.copy(), size.copy()
    partition(links, size, low=6, high=6)
    assert (links == before[0]).all()
    assert (size == before[1]).all()


# --- against all ways


@st.composite
def small_problems(draw):
    n = draw(st.integers(2, 6))
    pairs = list(itertools.combinations(range(n), 2))
    links = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=len(pairs)))
    size = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    low = draw(st.integers(1, 8))
    problem = {
        "links": links, "size": size, "low": low, "high": low + draw(st.integers(0, 12)),
        "count": draw(st.one_of(st.none(), st.integers(1, 3))),
        "objective": draw(st.sampled_from(["cut-links", "balance", "compact"])),
        "same": draw(st.lists(st.sampled_from(pairs), max_size=1)),
    }  # fmt: skip
    free = [p for p in pairs if p not in problem["same"]]
    problem["apart"] = draw(st.lists(st.sampled_from(free), max_size=2)) if free else []
    if problem["objective"] == "compact" or draw(st.booleans()):
        numbers = st.lists(st.integers(1, 9), min_size=n * n, max_size=n * n)
        cost = np.array(draw(numbers), float).reshape(n, n)
        np.fill_diagonal(cost, 0)
        problem["cost"] = cost
        problem["centre_limit"] = draw(st.one_of(st.none(), st.integers(1, 9)))
    return problem


@settings(max_examples=60, deadline=None)
@given(small_problems())
def test_small_problems_are_solved_exactly(problem):
    found = partition(**problem)
    asked = {k: v for k, v in problem.items() if k not in ("links", "size")}
    best = best_by_hand(problem["links"], problem["size"], **asked)
    if best is None or best[0] == 0:
        if best is None:
            assert found.status == "infeasible"
        return
    assert found.status == "optimal"
    placed = sum(s for s, d in zip(problem["size"], found.label, strict=True) if d >= 0)
    assert placed == best[0]
    assert found.objective == pytest.approx(-best[2])


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["cut-links", "balance"]))
def test_the_search_alone_leaves_out_nothing_on_a_grid_that_has_a_plan(seed, objective):
    size = np.random.default_rng(seed).integers(1, 10, 64)
    found = partition(
        grid(8, 8), size, low=30, high=70, objective=objective, seed=seed, time_limit_s=2
    )
    asked = {"low": 30, "high": 70}
    assert check_partition(grid(8, 8), size, found.label, **asked) == ()
    assert (found.label >= 0).all()
    assert 0 <= found.bound <= found.objective


# --- the search on problems too large to try all


def test_a_grid_of_a_hundred_is_cut_into_the_ten_that_were_asked_for():
    links, size = grid(10, 10), np.ones(100)
    found = partition(links, size, count=10, low=9, high=11, seed=3, time_limit_s=10)
    assert check_partition(links, size, found.label, count=10, low=9, high=11) == ()
    assert found.objective <= 90, "ten rows would cut 90 links"
    first = [found.label.tolist().index(d) for d in range(10)]
    assert first == sorted(first), "districts are numbered by their first unit"
    assert 9 <= found.bound <= found.objective
    assert found.gap == pytest.approx(1 - found.bound / found.objective)


def test_the_same_seed_gives_the_same_plan():
    size = np.random.default_rng(5).integers(1, 10, 100)
    asked = {"low": 40, "high": 80, "seed": 7, "time_limit_s": 20}
    first, again = (partition(grid(10, 10), size, **asked) for _ in range(2))
    assert (first.label == again.label).all()


def test_same_apart_and_centres_are_kept_in_a_large_search():
    links, size = grid(9, 9), np.ones(81)
    x, y = np.divmod(np.arange(81), 9)
    cost = np.abs(x[:, None] - x) + np.abs(y[:, None] - y)
    asked = {"low": 6, "high": 20, "same": [(0, 20)], "apart": [(40, 41), (0, 9)]}
    asked |= {"cost": cost, "centre_limit": 4}
    found = partition(links, size, objective="compact", **asked)
    assert check_partition(links, size, found.label, **asked) == ()
    assert (found.label >= 0).all()
    assert found.label[0] == found.label[20] >= 0


# --- the checker itself


@pytest.mark.parametrize(
    ("label", "options", "words"),
    [
        ([0, 1, 0, 1], {}, "district 0 is not connected: unit 2 is cut off"),
        ([0, 0, 0, 1], {}, "district 1 has size 3 < 6"),
        ([0, 0, 0, 0], {}, "district 0 has size 12 > 9"),
        ([0, 0, -1, -1], {"count": 1}, "unit 2 is left out although the count is given"),
        ([0, 0, 1, 1], {"count": 3}, "there are 2 districts, not 3"),
        ([0, 0, 1, 1], {"same": [(1, 2)]}, "units [1, 2] are not together"),
        ([0, 0, -1, -1], {"same": [(1, 2)]}, "units [1, 2] are not together"),
        ([0, 0, 1, 1], {"apart": [(0, 1)]}, "units [0, 1] are not apart"),
        ([0, 0, 1, 1], {"cost": np.ones((4, 4)), "centre_limit": 0.5}, "district 0 has no centre"),
    ],
)
def test_the_checker_names_each_broken_constraint(label, options, words):
    broken = check_partition(PATH_OF_4, [3, 3, 3, 3], label, low=6, high=9, **options)
    assert words in " / ".join(broken)


def test_the_checker_is_content_with_a_sound_plan():
    assert check_partition(PATH_OF_4, [3, 3, 3, 3], [0, 0, 1, 1], low=6, high=6, count=2) == ()
    assert check_partition(PATH_OF_4, [3, 3, 3, 3], [0, 0, -1, -1], low=6, high=6) == ()
