"""The optimum by HiGHS, held against every way of cutting small graphs."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition.aims import score
from gis.partition.check import check_partition
from gis.partition.mip import fits, solve_exact
from tests.partition_cases import PATH_OF_4, asked, every_labelling


def every_plan(problem, links, **constraints):
    """(size placed, units placed, objective, labels) of every plan that breaks nothing."""
    for labels in every_labelling(problem.units, may_leave_out=problem.count is None):
        label = np.array(labels)
        if label.max(initial=-1) < 0 or check_partition(
            links, problem.size, label, low=problem.low, high=problem.high, count=problem.count,
            cost=problem.cost, centre_limit=problem.centre_limit, **constraints,
        ):  # fmt: skip
            continue
        value = score(problem, label)
        if np.isfinite(value):
            yield problem.size[label >= 0, 0].sum(), int((label >= 0).sum()), value, label


def solved(problem, seconds=60.0):
    everything = np.ones(problem.units, bool)
    nothing = np.full(problem.units, -1, np.int64)
    deadline = time.monotonic() + seconds
    return solve_exact(problem, everything, problem.count, nothing, deadline)


@st.composite
def small_problems(draw):
    n = draw(st.integers(2, 6))
    pairs = list(itertools.combinations(range(n), 2))
    links = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=len(pairs), unique=True))
    size = draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))
    low = draw(st.integers(1, 8))
    given_ = {"low": low, "high": low + draw(st.integers(0, 12))}
    given_["count"] = draw(st.one_of(st.none(), st.integers(1, 3)))
    aims = draw(st.lists(
        st.sampled_from(["cut-links", "balance", "compact", "wish", "offices"]),
        min_size=1, max_size=3, unique=True,
    ))  # fmt: skip
    given_["objective"] = {name: draw(st.sampled_from([0.5, 1.0, 3.0])) for name in aims}
    given_["link_weight"] = {"wish": draw(st.lists(
        st.integers(0, 5), min_size=len(links), max_size=len(links)
    ))}  # fmt: skip
    given_["classes"] = {"offices": draw(
        st.lists(st.integers(-1, 2), min_size=n, max_size=n)
    )}  # fmt: skip
    if "compact" in aims or draw(st.booleans()):
        numbers = st.lists(st.integers(1, 9), min_size=n * n, max_size=n * n)
        cost = np.array(draw(numbers), float).reshape(n, n)
        np.fill_diagonal(cost, 0)
        given_["cost"] = cost
        if "compact" not in aims:
            given_["centre_limit"] = draw(st.integers(1, 9))
    wishes = {"same": draw(st.lists(st.sampled_from(pairs), max_size=1))}
    free = [p for p in pairs if p not in wishes["same"]]
    wishes["apart"] = draw(st.lists(st.sampled_from(free), max_size=2)) if free else []
    return links, size, given_, wishes


@settings(max_examples=40, deadline=None)
@given(small_problems())
def test_the_optimum_of_every_small_problem_is_found_and_proved(case):
    links, size, given_, wishes = case
    problem = asked(links, size, **given_, **wishes)
    plans = sorted(every_plan(problem, links, **wishes), key=lambda p: (-p[0], -p[1], p[2]))
    found = solved(problem)
    assert found.proved
    if not plans:
        assert found.status == "infeasible"
        return
    placed, units, value, _ = plans[0]
    assert found.status == "optimal"
    assert problem.size[found.label >= 0, 0].sum() == placed
    assert (found.label >= 0).sum() == units
    assert found.objective == pytest.approx(value, abs=1e-6)
    assert not check_partition(
        links, size, found.label, low=problem.low, high=problem.high, count=problem.count,
        cost=problem.cost, centre_limit=problem.centre_limit, **wishes,
    )  # fmt: skip


def test_the_best_balance_of_a_path_is_not_that_of_a_torn_district():
    # 4 4 1 1: 4 + 1 and 4 + 1 would be even, but no such district hangs together; 4 and 6 do.
    problem = asked(PATH_OF_4, [4, 4, 1, 1], count=2, low=1, high=9, objective="balance")
    found = solved(problem)
    assert (found.status, found.objective) == ("optimal", pytest.approx(0.2))
    assert found.label.tolist() in ([0, 1, 1, 1], [1, 0, 0, 0])


def test_a_centre_serves_only_what_hangs_together_with_it():
    cost = np.full((4, 4), 5.0)
    cost[[0, 3, 1, 2, 0, 1, 2, 3], [3, 0, 2, 1, 0, 1, 2, 3]] = 0.0
    problem = asked(PATH_OF_4, [1] * 4, count=2, low=1, high=3, objective="compact", cost=cost)
    found = solved(problem)
    assert (found.status, found.objective) == ("optimal", 5), "0 with 3 and 1 with 2 would be free"


def test_a_plan_to_start_from_does_not_hide_a_better_one():
    ring = [(i, (i + 1) % 12) for i in range(12)] + [(0, 6)]
    problem = asked(ring, np.ones(12), count=2, low=5, high=7)
    begin = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0])
    assert score(problem, begin) == 3
    found = solve_exact(problem, np.ones(12, bool), 2, begin, time.monotonic() + 60.0)
    assert (found.status, found.objective, found.bound) == ("optimal", 2, 2)


def test_what_is_too_large_is_not_taken():
    problem = asked([(i, i + 1) for i in range(199)], np.ones(200), low=10, high=20)
    assert not fits(problem, np.ones(200, bool), None)
    found = solved(problem)
    assert (found.status, found.proved) == ("unknown", False)


def test_out_of_time_nothing_is_proved():
    side = np.arange(36).reshape(6, 6)
    links = [*zip(side[:, :-1].ravel(), side[:, 1:].ravel(), strict=True)]
    links += zip(side[:-1].ravel(), side[1:].ravel(), strict=True)
    problem = asked(links, np.ones(36), count=4, low=9, high=9)
    found = solved(problem, seconds=0.0)
    assert not found.proved
    assert found.bound <= 12
