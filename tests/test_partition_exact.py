"""Small problems: `partition` and the search with cuts find the optimum; it is called so."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition import check_partition, measure_partition, partition
from gis.partition.contract import blocks_of, make_small
from gis.partition.exact import enumerate_all
from tests.partition_cases import asked


def connected_sets(near: list[set[int]], size, low: int, high: int):
    """All connected sets within the bounds, by their lowest unit, as frozen sets."""
    n = len(near)
    out = [[] for _ in range(n)]
    for root in range(n):
        seen = {frozenset([root])}
        front = list(seen)
        while front:
            here = front.pop()
            total = sum(size[v] for v in here)
            if total > high:
                continue
            if total >= low:
                out[root].append(here)
            for v in set().union(*(near[w] for w in here)) - here:
                bigger = here | {v}
                if v > root and bigger not in seen:
                    seen.add(bigger)
                    front.append(bigger)
    return out


def best_by_hand(links, size, low: int, high: int, count: int | None):
    """(size placed, units placed, links cut) of the best plan; None when there is none."""
    n = len(size)
    near = [set() for _ in range(n)]
    for a, b in links:
        near[a].add(b)
        near[b].add(a)
    sets = connected_sets(near, size, low, high)
    best = None

    def go(unit: int, taken: frozenset, districts: list):
        nonlocal best
        while unit < n and unit in taken:
            unit += 1
        if unit == n:
            if not districts or (count is not None and len(districts) != count):
                return
            of = {v: d for d, members in enumerate(districts) for v in members}
            cut = sum(a in of and b in of and of[a] != of[b] for a, b in links)
            rank = (sum(size[v] for v in of), len(of), -cut)
            if best is None or rank > best:
                best = rank
            return
        if count is None:
            left = n - len(taken)
            if best is None or sum(len(d) for d in districts) + left - 1 > 0:
                go(unit + 1, taken, districts)
        for members in sets[unit]:
            if not members & taken and (count is None or len(districts) < count):
                go(unit + 1, taken | members, [*districts, members])

    go(0, frozenset(), [])
    return None if best is None else (best[0], best[1], -best[2])


@st.composite
def graphs(draw):
    n = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    pairs = list(itertools.combinations(range(n), 2))
    order = rng.permutation(n)
    tree = {tuple(sorted((int(order[i]), int(order[rng.integers(i)])))) for i in range(1, n)}
    more = {p for p in pairs if rng.random() < 1.2 / n}
    links = sorted(tree | more)
    size = rng.integers(1, 10, n).tolist()
    districts = int(rng.integers(2, 4))
    mean = sum(size) / districts
    width = draw(st.sampled_from([0.1, 0.3, 0.6]))
    low, high = int(np.floor(mean * (1 - width))), int(np.ceil(mean * (1 + width)))
    return links, size, low, high, draw(st.sampled_from([None, districts]))


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_up_to_twelve_units_the_optimum_is_found_and_called_so(case):
    links, size, low, high, count = case
    best = best_by_hand(links, size, low, high, count)
    found = partition(links, size, low=low, high=high, count=count, time_limit_s=60.0)
    if best is None:
        assert found.status == "infeasible"
        return
    assert found.status == "optimal"
    assert (found.gap, found.bound) == (0, found.objective)
    placed = found.label >= 0
    assert (np.array(size)[placed].sum(), placed.sum()) == best[:2]
    assert found.objective == best[2]
    assert not check_partition(links, size, found.label, low=low, high=high, count=count)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_the_search_with_cuts_finds_the_optimum_too(case):
    links, size, low, high, count = case
    problem = asked(links, size, low=low, high=high, count=count)
    small = make_small(problem, blocks_of(problem, np.ones(len(size), bool)), count=count)
    lost_and_cut, sets = np.full(2, np.inf), np.zeros(len(size), np.uint64)
    assert enumerate_all(small, lost_and_cut, sets, budget=10**8)
    best = best_by_hand(links, size, low, high, count)
    if best is None:
        assert not sets.any()
        return
    people, units = sum(size) - best[0], len(size) - best[1]
    assert lost_and_cut.tolist() == [people * (len(size) + 1) + units, best[2]]


def test_the_enumeration_above_counts_what_can_be_counted_by_hand():
    path = [(0, 1), (1, 2), (2, 3)]
    assert best_by_hand(path, [3, 3, 3, 3], 6, 6, None) == (12, 4, 1)
    assert best_by_hand(path, [3, 3, 3, 3], 6, 9, 1) is None
    assert best_by_hand([(0, 1), (1, 2)], [5, 8, 5], 10, 14, None) == (13, 2, 0)


@pytest.mark.parametrize("objective", ["cut-links", "balance"])
def test_a_ring_of_twelve_is_cut_into_three_arcs(objective):
    ring = [(i, (i + 1) % 12) for i in range(12)]
    found = partition(ring, np.ones(12), count=3, low=3, high=5, objective=objective)
    assert found.status == "optimal"
    assert found.objective == {"cut-links": 3, "balance": 0}[objective]
    told = measure_partition(ring, np.ones(12), found.label, objective=objective)
    assert told == found.objective
