"""Tiny problems, whatever is asked: the best of all ways, held against ways that Python lists."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.partition import check_partition, measure_partition, partition
from tests.partition_cases import every_labelling

PATH_OF_5 = [(i, i + 1) for i in range(4)]


def best_of_all(links, size, *, count=None, low, high, wishes, **locks):
    """Best (size placed, units placed, -objective) over all ways that the checker lets pass."""
    best = None
    for label in every_labelling(len(size), may_leave_out=True):
        placed = np.array(label) >= 0
        if not placed.any() or (count is not None and not placed.all()):
            continue
        if check_partition(
            links, size, label, low=low, high=high, count=count, cost=wishes["cost"], **locks
        ):
            continue
        value = measure_partition(links, size, label, **wishes)
        if not np.isfinite(value):  # a district to no member of which all have a way
            continue
        key = (float(np.array(size)[placed].sum()), int(placed.sum()), -value)
        best = key if best is None else max(best, key)
    return best


@st.composite
def problems(draw):
    n = draw(st.integers(2, 6))
    pairs = list(itertools.combinations(range(n), 2))
    links = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=9, unique=True))
    number = st.integers(0, 5)
    some = st.lists(st.sampled_from([-1, -1, 0, 1]), min_size=n, max_size=n)
    size = draw(st.lists(number, min_size=n, max_size=n))
    walk = st.sampled_from([1.0, 2.0, 4.0, np.inf])
    cost = np.array(draw(st.lists(walk, min_size=n * n, max_size=n * n))).reshape(n, n)
    np.fill_diagonal(cost, 0.0)
    kinds = ["cut-links", "spread", "balance", "compact", "kinds"]
    wishes = {
        "objective": draw(st.dictionaries(st.sampled_from(kinds), st.sampled_from([1, 2]),
                                          min_size=1, max_size=3)),
        "classes": {"kinds": draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))},
        "xy": draw(st.lists(st.tuples(number, number), min_size=n, max_size=n)),
        "cost": cost,
    }  # fmt: skip
    low, fixed = draw(st.integers(0, 4)), draw(some)
    asked = {
        "count": draw(st.sampled_from([None, None, 1, 2])),
        "low": low, "high": low + draw(st.integers(0, 6)),
        "centre_limit": draw(st.sampled_from([None, None, 2.0])),
        "apart": draw(st.sampled_from([[], [pairs[0]]])),
        "within": draw(st.one_of(st.none(), some)), "fixed": fixed,
        "closed": draw(st.sampled_from([[], [0], [0, 1]])) if {0, 1} <= set(fixed) else [],
    }  # fmt: skip
    return links, size, asked, wishes


@settings(max_examples=150, deadline=None)
@given(problems())
def test_no_way_is_better_than_what_is_called_optimal(problem):
    links, size, asked, wishes = problem
    try:
        found = partition(links, size, time_limit_s=2.0, **asked, **wishes)
    except OptionError:  # locks that contradict each other
        return
    best = best_of_all(links, size, wishes=wishes, **asked)
    if best is None:
        assert found.status == "infeasible"
        return
    placed = found.label >= 0
    assert (float(np.array(size)[placed].sum()), int(placed.sum())) == best[:2]
    assert found.objective == pytest.approx(-best[2], abs=1e-9)
    assert found.status == "optimal"


def test_the_balance_with_a_closed_district_is_the_best_of_all_numbers_of_districts():
    """4 closed beside 2 2 2 2: alone these are level in any number, with the 4 only as 4 + 4."""
    found = partition(
        PATH_OF_5, [4, 2, 2, 2, 2], low=2, high=8, objective="balance",
        fixed=[7, -1, -1, -1, -1], closed=[7],
    )  # fmt: skip
    assert found.label.tolist() == [0, 1, 1, 2, 2]
    assert (found.objective, found.bound, found.status) == (0, 0, "optimal")


def test_of_two_that_cannot_both_be_placed_the_one_whose_link_is_cut_is_left_out():
    """0 - 1 - 2 of 2 each make one district of 4; 3 of 4 in another class is linked to 0."""
    found = partition(
        [(0, 1), (1, 2), (0, 3)], [2, 2, 2, 4], low=4, high=4, within=[0, 0, 0, 1]
    )  # fmt: skip
    assert found.label.tolist() == [-1, 0, 0, 1]
    assert (found.objective, found.status) == (0, "optimal")
    assert [(u.unit, u.proved, u.code) for u in found.left] == [(0, True, "combination")]


def test_closed_districts_pay_for_their_own_shape_and_for_the_links_around_them():
    """Places 0 1 | 2 3 on a line: two pairs of spread 0.5 each and one link cut."""
    found = partition(
        PATH_OF_5[:3], [1] * 4, low=1, high=2, xy=[(0, 0), (1, 0), (2, 0), (3, 0)],
        objective={"spread": 1, "cut-links": 1}, fixed=[3, 3, 4, -1], closed=[3],
    )  # fmt: skip
    assert found.label.tolist() == [0, 0, 1, 1]
    assert found.terms == {"spread": pytest.approx(1.0), "cut-links": 1}
    assert found.status == "optimal"


def test_the_plan_is_told_once_with_its_closed_districts():
    told = []
    partition(
        PATH_OF_5, [2] * 5, low=2, high=4, fixed=[-1, -1, 5, -1, -1], closed=[5],
        live=lambda label, objective: told.append((label.tolist(), objective)),
    )  # fmt: skip
    assert told == [([0, 0, 1, 2, 2], 2)]


def test_one_person_counts_more_than_any_number_of_units():
    """2 people in the middle go with 9,999,998 on the left or with two units of one person less."""
    found = partition(
        [(0, 1), (1, 2), (2, 3)], [9_999_998, 2, 5_000_000, 4_999_997],
        low=9_999_999, high=10_000_000,
    )  # fmt: skip
    assert found.label.tolist() == [0, 0, -1, -1]
    assert found.status == "optimal"


def test_twelve_units_that_are_all_linked_are_still_proved():
    """1 to 11 and 13 come to 79. 39 + 40 is best: each is 1/79 off the mean 39.5."""
    found = partition(
        list(itertools.combinations(range(12), 2)), [*range(1, 12), 13], low=1, high=40,
        objective="balance", time_limit_s=2.0,
    )  # fmt: skip
    assert (found.districts, found.status) == (2, "optimal")
    assert found.objective == pytest.approx(1 / 79)


def test_an_aim_of_weight_0_forbids_nothing():
    """Nobody has a way to anybody: districts of two have no centre, which nobody asked for."""
    found = partition(
        [(0, 1)], [1, 1], low=2, high=2, objective={"cut-links": 1, "compact": 0},
        cost=[[0, np.inf], [np.inf, 0]],
    )  # fmt: skip
    assert found.label.tolist() == [0, 0]
    assert (found.objective, found.status) == (0, "optimal")
    assert found.terms["compact"] == np.inf


def test_twelve_units_of_a_ring_are_cut_where_they_are_farthest_apart():
    # Six pairs of neighbours 1 m apart, 9 m between the pairs: each pair is a district.
    ring = nx.cycle_graph(12)
    xy = [(10 * (i // 2) + i % 2, 0) for i in range(12)]
    found = partition(
        list(ring.edges), np.ones(12), low=2, high=3, xy=xy,
        objective={"spread": 1, "cut-links": 1}, time_limit_s=5.0,
    )  # fmt: skip
    assert found.label.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert found.status == "optimal"
    assert found.terms == {"spread": pytest.approx(6 * 0.5), "cut-links": 6}
