"""Small problems with any aims: the best of all ways, held against ways listed by plain Python."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition import check_partition, measure_partition, partition
from tests.partition_cases import every_labelling


def best_of_all(links, size, *, count=None, low, high, wishes, **locks):
    """Best (size placed, units placed, -objective) over all ways that the checker lets pass."""
    best = None
    for label in every_labelling(len(size), may_leave_out=True):
        placed = np.array(label) >= 0
        if not placed.any() or (count is not None and not placed.all()):
            continue
        if check_partition(links, size, label, low=low, high=high, count=count, **locks):
            continue
        value = measure_partition(links, size, label, **wishes)
        key = (float(np.array(size)[placed].sum()), int(placed.sum()), -value)
        best = key if best is None else max(best, key)
    return best


@st.composite
def problems(draw):
    n = draw(st.integers(2, 6))
    pairs = list(itertools.combinations(range(n), 2))
    links = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=9, unique=True))
    number = st.integers(0, 5)
    size = draw(st.lists(number, min_size=n, max_size=n))
    places = st.tuples(number, number)
    wishes = {
        "objective": {"cut-links": 1, "spread": 1}
        | draw(st.sampled_from([{}, {"balance": 1}, {"kinds": 2}, {"balance": 1, "kinds": 1}])),
        "classes": {"kinds": draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))},
        "xy": draw(st.lists(places, min_size=n, max_size=n)),
    }
    low = draw(st.integers(0, 4))
    asked = {
        "count": draw(st.sampled_from([None, None, 1, 2])),
        "low": low, "high": low + draw(st.integers(0, 6)),
        "apart": draw(st.sampled_from([[], [pairs[0]]])),
    }  # fmt: skip
    return links, size, asked, wishes


@settings(max_examples=60)
@given(problems())
def test_no_way_is_better_than_what_is_called_optimal(problem):
    links, size, asked, wishes = problem
    found = partition(links, size, time_limit_s=2.0, **asked, **wishes)
    best = best_of_all(links, size, wishes=wishes, **asked)
    if best is None:
        assert found.status == "infeasible"
        return
    placed = found.label >= 0
    assert (float(np.array(size)[placed].sum()), int(placed.sum())) == best[:2]
    assert found.objective == pytest.approx(-best[2], abs=1e-9)
    assert found.status == "optimal"


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
