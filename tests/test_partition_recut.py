"""A few units cut anew: no way that Python lists asks for a smaller change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition.check import check_partition
from gis.partition.recut import Region
from tests.partition_cases import PATH_OF_4, asked, every_labelling


def region(problem, label, must=None):
    label = np.array(label)
    must = np.ones(len(label), bool) if must is None else np.array(must, bool)
    return Region(problem, label, np.arange(len(label)), must)


def cut_into(found):
    return sorted(d.tolist() for d in found.districts)


def test_the_least_change_is_taken_and_of_equal_ones_that_which_keeps_districts():
    """3 3 3 3: halves are 3 short of 9, 3 beside 9 is 6 short."""
    problem = asked(PATH_OF_4, [3, 3, 3, 3], low=9, high=9)
    found = region(problem, [-1, 0, 0, 0]).cut("low")
    assert (cut_into(found), found.change) == ([[0, 1], [2, 3]], pytest.approx(1 / 3))
    # 0 and 1 apart: 0 alone is 1 short of 4; so would be 4 beside 1 2 3.
    problem = asked([*PATH_OF_4, (3, 4)], [3] * 5, low=4, high=9, apart=[(0, 1)])
    found = region(problem, [-1, 0, 0, 1, 1]).cut("low")
    assert (cut_into(found), found.change) == ([[0], [1, 2], [3, 4]], pytest.approx(1 / 4))


def test_what_must_not_be_placed_may_stay_out():
    problem = asked(PATH_OF_4, [3, 3, 3, 3], low=6, high=7)
    found = region(problem, [-1, -1, -1, -1], must=[1, 1, 1, 0]).cut("link")
    assert cut_into(found) == [[0, 1], [2, 3]], "2 needs 3"
    found = region(problem, [-1, -1, -1, -1], must=[1, 1, 0, 0]).cut("link")
    assert cut_into(found) == [[0, 1]]


def test_of_more_than_twelve_only_all_together_are_tried():
    chain = [(i, i + 1) for i in range(12)]
    problem = asked(chain, np.ones(13), low=3, high=10)
    found = region(problem, [-1] + [0] * 12).cut("high")
    assert ([len(d) for d in found.districts], found.change) == ([13], pytest.approx(0.3))
    assert region(problem, [-1] + [0] * 12).cut("low") is None


def test_a_group_that_reaches_out_of_the_region_is_not_torn():
    problem = asked(PATH_OF_4, [3, 3, 3, 3], low=6, high=6, same=[(2, 3)])
    some = Region(problem, np.full(4, -1), np.array([1, 2]), np.ones(4, bool))
    assert some.cut("link") is None


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6))
def test_no_way_changes_the_bounds_by_less(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    pairs = list(itertools.combinations(range(n), 2))
    links = [p for p in pairs if rng.random() < 0.5]
    size, low = rng.integers(1, 9, n), int(rng.integers(3, 12))
    high = low + int(rng.integers(0, 6))
    apart = [pairs[-1]] if rng.random() < 0.3 else []
    must = rng.random(n) < 0.7
    must[0] = True
    problem = asked(links, size, low=low, high=high, apart=apart)
    ways = {"low": [], "high": [], "link": []}
    for labels in every_labelling(n, may_leave_out=True):
        label = np.array(labels)
        if (label[must] < 0).any() or check_partition(
            links, size, label, low=0, high=100, apart=apart
        ):
            continue
        total = np.bincount(label[label >= 0], size[label >= 0])
        below = max((low - total.min(initial=low)) / low, 0.0)
        above = max((total.max(initial=high) - high) / high, 0.0)
        if above == 0:
            ways["low"].append(below)
        if below == 0:
            ways["high"].append(above)
        if above == below == 0:
            ways["link"].append(0.0)
    for kind, changes in ways.items():
        found = region(problem, np.full(n, -1), must).cut(kind)
        if not changes:
            assert found is None
        else:
            assert found.change == pytest.approx(min(changes))
