"""The optimum among all sets, held against every way of cutting small graphs."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition.aims import score
from gis.partition.check import check_partition
from gis.partition.choose import fits, solve_by_sets
from tests.partition_cases import asked, every_labelling, grid


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_from_any_plan_the_optimum_is_found_and_proved(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 8))
    pairs = list(itertools.combinations(range(n), 2))
    links = [p for p in pairs if rng.random() < 0.5] or pairs[:1]
    low = int(rng.integers(1, 6))
    high = low + int(rng.integers(0, 12))
    cost = rng.integers(1, 9, (n, n)).astype(float)
    np.fill_diagonal(cost, 0)
    aims = [
        "cut-links", {"cut-links": 1.0, "spread": 2.0}, {"compact": 1.0},
        {"wish": 1.0, "street": 3.0},
    ][int(rng.integers(4))]  # fmt: skip
    count = int(rng.integers(2, 4)) if rng.random() < 0.4 else None
    wishes = {"same": [pairs[0]] if rng.random() < 0.3 else []}
    wishes["apart"] = [pairs[-1]] if rng.random() < 0.3 else []
    problem = asked(
        links, rng.integers(1, 9, n), low=low, high=high, count=count, objective=aims, cost=cost,
        xy=rng.normal(size=(n, 2)), link_weight={"wish": rng.integers(0, 5, len(links))},
        classes={"street": rng.integers(-1, 2, n)}, **wishes,
    )  # fmt: skip
    plans = [
        np.array(p) for p in every_labelling(n, may_leave_out=False)
        if not check_partition(
            links, problem.size, p, low=low, high=high, count=count, **wishes
        )
    ]  # fmt: skip
    plans = [p for p in plans if p.max() > 0]
    if not plans:
        return
    everything = np.ones(n, bool)
    begin = plans[int(rng.integers(len(plans)))]
    found = solve_by_sets(problem, everything, count, begin, time.monotonic() + 30.0)
    one = np.zeros(n, np.int64)
    alone = not check_partition(
        links, problem.size, one, low=low, high=high, count=count, **wishes
    )  # fmt: skip
    least = min(score(problem, p) for p in [*plans, *([one] if alone else [])])
    if score(problem, begin) <= 0:
        return
    assert found.status == "optimal"
    assert found.objective == pytest.approx(least, abs=1e-6)
    assert found.objective == pytest.approx(score(problem, found.label), abs=1e-6)
    assert not check_partition(
        links, problem.size, found.label, low=low, high=high, count=count, **wishes
    )


def test_twelve_tiles_of_a_grid_are_proved_to_be_best():
    problem = asked(grid(6, 12), np.ones(72), low=4, high=6)
    rows = np.arange(72) // 6
    found = solve_by_sets(problem, np.ones(72, bool), None, rows, time.monotonic() + 60.0)
    assert score(problem, rows) > 42
    assert (found.status, found.objective) == ("optimal", 42)


def test_balance_and_units_left_out_are_not_taken():
    everything = np.ones(4, bool)
    plan, gap = np.array([0, 0, 1, 1]), np.array([0, 0, -1, -1])
    assert not fits(asked(grid(1, 4), np.ones(4), objective="balance", count=2), everything, plan)
    assert not fits(asked(grid(1, 4), np.ones(4)), everything, gap)
