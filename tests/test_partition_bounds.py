"""Lower bounds: never above the optimum, on thousands of small problems, and near it on larger."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition.aims import score
from gis.partition.bounds import lower_bound, price_sets
from gis.partition.check import check_partition
from gis.partition.reduce import reduce
from tests.partition_cases import asked, connected_sets, every_labelling, grid


def every_plan(problem, links, **wishes):
    for labels in every_labelling(problem.units, may_leave_out=problem.count is None):
        label = np.array(labels)
        if label.max(initial=-1) >= 0 and not check_partition(
            links, problem.size, label, low=problem.low, high=problem.high, count=problem.count,
            **wishes,
        ):  # fmt: skip
            yield label


@st.composite
def small_problems(draw):
    n = draw(st.integers(2, 6))
    pairs = list(itertools.combinations(range(n), 2))
    links = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=len(pairs), unique=True))
    size = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    low = draw(st.integers(1, 8))
    given_ = {"low": low, "high": low + draw(st.integers(0, 12))}
    given_["count"] = draw(st.one_of(st.none(), st.integers(1, 3)))
    aims = draw(st.lists(
        st.sampled_from(["cut-links", "balance", "compact", "spread", "wish", "offices"]),
        min_size=1, max_size=3, unique=True,
    ))  # fmt: skip
    given_["objective"] = {name: draw(st.sampled_from([0.5, 1.0, 3.0])) for name in aims}
    paid = st.lists(st.integers(0, 5), min_size=len(links), max_size=len(links))
    given_["link_weight"] = {"wish": draw(paid)}
    held = st.lists(st.integers(-1, 2), min_size=n, max_size=n)
    given_["classes"] = {"offices": draw(held)}
    if "compact" in aims:
        numbers = st.lists(st.integers(1, 9), min_size=n * n, max_size=n * n)
        given_["cost"] = np.array(draw(numbers), float).reshape(n, n)
        np.fill_diagonal(given_["cost"], 0)
    places = st.lists(st.integers(0, 9), min_size=2 * n, max_size=2 * n)
    given_["xy"] = np.array(draw(places), float).reshape(n, 2)
    wishes = {"same": draw(st.lists(st.sampled_from(pairs), max_size=1))}
    free = [p for p in pairs if p not in wishes["same"]]
    wishes["apart"] = draw(st.lists(st.sampled_from(free), max_size=2)) if free else []
    return links, size, given_, wishes


@settings(max_examples=150, deadline=None)
@given(small_problems(), st.integers(0, 10**6))
def test_no_plan_that_leaves_out_no_more_is_below_the_bound(case, pick):
    links, size, given_, wishes = case
    problem = asked(links, size, **given_, **wishes)
    plans = list(every_plan(problem, links, **wishes))
    if not plans:
        return
    found = plans[pick % len(plans)]
    if not np.isfinite(score(problem, found)):
        return
    reduced = reduce(problem)
    all_placed = bool((found[reduced.component >= 0] >= 0).all())
    bound = lower_bound(problem, reduced, all_placed, time.monotonic() + 1.0, label=found)
    lost = problem.size[found < 0, 0].sum()
    least = min(
        score(problem, p) for p in plans
        if (problem.size[p < 0, 0].sum(), (p < 0).sum()) <= (lost, (found < 0).sum())
    )  # fmt: skip
    assert bound <= least + 1e-6


def test_a_grid_that_can_be_tiled_has_a_bound_near_the_tiles():
    links = grid(6, 12)
    problem = asked(links, np.ones(72), low=4, high=6)
    tiles = (np.arange(72) // 12) // 2 * 4 + (np.arange(72) % 12) // 3
    assert score(problem, tiles) == 42, "2 x 12 + 3 x 6 links between tiles of 2 x 3"
    bound = lower_bound(problem, reduce(problem), True, time.monotonic() + 20.0, label=tiles)
    assert 36 <= bound <= 42


def test_plans_that_leave_out_another_unit_may_cut_less():
    # 0 - 1 - 2 - 3: one of 0 and 2 is left out; with 2 out, no link is cut.
    problem = asked([(0, 1), (1, 2), (2, 3)], [5, 8, 5, 12], low=10, high=14)
    label = np.array([-1, 0, 0, 1])
    assert score(problem, label) == 1
    assert score(problem, np.array([0, 0, -1, 1])) == 0
    assert lower_bound(problem, reduce(problem), False, time.monotonic() + 5.0, label=label) == 0


def test_units_without_size_may_be_left_out_for_nothing():
    # A triangle: 0 has no size. Left out, its links are not cut: 1 instead of 2.
    problem = asked([(0, 1), (0, 2), (1, 2)], [0, 5, 5], low=5, high=5)
    label = np.array([-1, 0, 1])
    assert score(problem, label) == 1
    assert lower_bound(problem, reduce(problem), False, time.monotonic() + 5.0, label=label) <= 1
    placed = np.array([0, 0, 1])
    assert lower_bound(problem, reduce(problem), True, time.monotonic() + 5.0, label=placed) == 2


def test_without_a_plan_only_sums_are_told():
    problem = asked([(0, 1), (1, 2), (2, 3)], [3, 3, 3, 3], low=6, high=6)
    assert lower_bound(problem, reduce(problem), True, time.monotonic() + 1.0) == 1
    assert lower_bound(problem, reduce(problem), False, time.monotonic() + 1.0) == 0


def test_a_class_above_the_upper_bound_is_split_for_certain():
    problem = asked(
        grid(1, 6), np.ones(6), low=1, high=2, objective="street", classes={"street": [0] * 5 + [1]}
    )
    assert lower_bound(problem, reduce(problem), True, time.monotonic() + 1.0) == pytest.approx(2)


def test_when_the_time_is_over_the_bound_still_holds():
    problem = asked(grid(20, 20), np.ones(400), low=4, high=9)
    tiles = (np.arange(400) // 20) // 2 * 10 + (np.arange(400) % 20) // 2
    cut = score(problem, tiles)
    for seconds in (0.0, 0.01, 0.2):
        bound = lower_bound(problem, reduce(problem), True, time.monotonic() + seconds, label=tiles)
        assert 0 <= bound <= cut


def test_prices_are_valid_for_all_sets():
    links = grid(3, 4)
    problem = asked(links, np.arange(1, 13), low=5, high=20)
    priced = price_sets(problem, np.ones(12, bool), time.monotonic() + 5.0, value=12.0)
    price = priced.price[priced.blocks.block]
    for members in connected_sets(links, 12, 6):
        total = sum(v + 1 for v in members)
        if 5 <= total <= 20:
            cut = sum((a in members) != (b in members) for a, b in links) / 2
            assert price[list(members)].sum() <= cut + 1e-6
    assert priced.bound == pytest.approx(price.sum(), rel=1e-6)
