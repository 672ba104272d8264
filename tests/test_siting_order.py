"""Worst-off first: by hand, and against all choices of sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gis.errors import OptionError
from gis.siting.order import locate_worst_first
from tests.siting_cases import choices, small


def test_the_worst_off_come_before_a_larger_number() -> None:
    # Site 0 reaches 5 of the worst-off, site 1 another 5 of them and 1 of the others, site 2 100.
    cost = [[1, 9, 9], [9, 1, 9], [9, 1, 9], [9, 9, 1]]
    found = locate_worst_first(
        cost, [5, 5, 1, 100], priority=[0, 0, 1, 1], count=1, limit=2, time_limit_s=9
    )
    assert found.chosen.tolist() == [1]
    assert [(s.priority, s.objective, s.bound) for s in found.steps] == [(0, 5, 5), (1, 1, 1)]
    assert found.status == "optimal"


def test_of_equal_longest_walks_the_least_sum() -> None:
    # Both sites have a longest walk of 9; site 1 has the lesser sum.
    found = locate_worst_first([[9, 9], [5, 1]], [1, 3], model="p-center", count=1)
    assert found.chosen.tolist() == [1]
    assert [(s.what, s.objective) for s in found.steps] == [("largest", 9), ("sum", 12)]


def test_the_longest_walk_of_the_worst_off_counts_first() -> None:
    # Site 0: 2 for the worst-off, 8 for the other; site 1: 3 and 3.
    cost = [[2, 3], [8, 3]]
    plain = locate_worst_first(cost, [1, 1], model="p-center", count=1)
    assert plain.chosen.tolist() == [1]
    found = locate_worst_first(cost, [1, 1], model="p-center", count=1, priority=[0, 1])
    assert found.chosen.tolist() == [0]
    assert [s.objective for s in found.steps] == [2, 8, 10]


def best(cost: Any, people: Any, classes: Any, ask: dict[str, Any]) -> tuple[float, ...] | None:
    """Steps in lexicographic order by trying all choices."""
    limit, numbers = ask.get("limit", np.inf), np.unique(classes)
    found: list[tuple[float, ...]] = []
    for _, opened in choices(cost.shape[1], ask):
        ways = np.where(cost <= limit, cost, np.inf)
        near = ways[:, opened].min(axis=1, initial=np.inf)
        if ask["model"] == "mclp":
            served = np.isfinite(near)
            found.append(tuple(-float(people[served & (classes == c)].sum()) for c in numbers))
        elif np.isfinite(near).all():
            largest = [float(near[classes == c].max()) for c in numbers]
            found.append((*largest, float((people * near).sum())))
    return min(found, default=None)


@pytest.mark.parametrize("model", ["mclp", "p-center"])
def test_no_choice_of_sites_is_better_in_this_order(model: str) -> None:
    tried = 0
    for seed in range(80):
        cost, people, options = small(seed, model=model)
        classes = np.random.default_rng(seed).integers(0, 3, len(people))
        expected = best(cost, people, classes, options)
        found = locate_worst_first(cost, people, priority=classes, **options)
        if expected is None:
            assert found.status == "infeasible", seed
            continue
        sign = -1.0 if model == "mclp" else 1.0
        assert [sign * s.objective for s in found.steps] == pytest.approx(list(expected)), seed
        assert found.status == "optimal", seed
        hurried = locate_worst_first(cost, people, priority=classes, time_limit_s=1e-6, **options)
        if hurried.steps:
            first = hurried.steps[0]
            assert sign * first.bound <= expected[0] + 1e-6, seed
        tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"priority": None}, "priority is missing"),
        ({"priority": [0, -1]}, "priority has to be 2 whole numbers"),
        ({"priority": [0.5, 1]}, "priority has to be 2 whole numbers"),
        ({"model": "p-median"}, "worst-off first is for 'mclp' and 'p-center'"),
        ({"count": 3}, "count is 3, but there are 2 sites"),
    ],
)
def test_what_cannot_be_asked_is_told(change: dict[str, Any], words: str) -> None:
    ask: dict[str, Any] = {"priority": [0, 1], "count": 1, "limit": 2} | change
    with pytest.raises(OptionError) as told:
        locate_worst_first([[1, 9], [9, 1]], [1, 1], **ask)
    assert words in str(told.value)
