"""Nodes taken out once: ways stay as short as they were, and the first of equals stays first."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.network.contraction import contract, places_of
from gis.network.search import MAX_CM
from gis.network.sweep import LANES, sweep

FEW = settings(max_examples=150, deadline=None)


def contraction_of(nodes, links, *, part_bits=16, xy=None):
    rows = np.array(links, dtype=np.int32).reshape(-1, 3)
    xy = np.zeros((nodes, 2)) if xy is None else np.asarray(xy, dtype=np.float64)
    ends = np.ascontiguousarray(rows[:, :2])
    return contract(xy, ends, np.ascontiguousarray(rows[:, 2]), part_bits=part_bits)


def answers(contraction, sources, limit_cm):
    swept = sweep(contraction, [np.array(s, dtype=np.int32) for s in sources], limit_cm)
    return swept.cm, swept.nearest, swept.metres()


def by_hand(nodes, links, sources, limit_cm):
    """All ways between all nodes in whole numbers, then the first of the nearest sources."""
    ways = np.full((nodes, nodes), np.inf)
    np.fill_diagonal(ways, 0)
    for a, b, cm in links:
        if cm >= 0:
            ways[a, b] = ways[b, a] = min(ways[a, b], cm)
    for over in range(nodes):
        ways = np.minimum(ways, ways[:, [over]] + ways[[over]])
    cm = np.full((len(sources), nodes), -1)
    nearest = np.full((len(sources), nodes), -1)
    for k, starts in enumerate(sources):
        if len(starts):
            reached = ways[starts].min(axis=0) <= limit_cm
            cm[k, reached] = ways[starts].min(axis=0)[reached]
            nearest[k, reached] = ways[starts].argmin(axis=0)[reached]
    return cm, nearest


@st.composite
def cases(draw):
    nodes = draw(st.integers(1, 40))
    # Few nodes with many links as well as many with few: chains, trees, rings and hubs.
    node = st.integers(0, draw(st.integers(0, nodes - 1)))
    length = st.one_of(st.sampled_from([-1, 0, 1, 1023, 1024, 100_000]), st.integers(0, 3000))
    any_node = st.integers(0, nodes - 1)
    links = draw(st.lists(st.tuples(node, any_node, length), max_size=120))
    street = draw(st.permutations(range(nodes)))[: draw(st.integers(0, nodes))]
    links += [(a, b, draw(length)) for a, b in pairwise(street)]
    sources = draw(st.lists(st.lists(any_node, max_size=5), max_size=2 * LANES + 3))
    limit_cm = draw(st.one_of(st.integers(0, 10_000), st.sampled_from([0, 400_000, MAX_CM])))
    return nodes, links, sources, limit_cm, draw(st.sampled_from([1, 3, 16]))


@FEW
@given(cases())
def test_ways_and_nearest_are_those_of_all_ways_written_out(case):
    nodes, links, sources, limit_cm, part_bits = case
    network = contraction_of(nodes, links, part_bits=part_bits)
    cm, nearest, metres = answers(network, sources, limit_cm)
    true_cm, true_nearest = by_hand(nodes, links, sources, limit_cm)

    assert np.array_equal(cm, true_cm)
    assert np.array_equal(nearest, true_nearest)
    true_m = np.where(true_cm < 0, np.nan, true_cm / 100).astype(np.float32)
    assert np.array_equal(metres, true_m, equal_nan=True)


@pytest.mark.parametrize("count", [0, 1, LANES, LANES + 1, 5 * LANES])
def test_any_number_of_categories_is_answered_in_its_order(count):
    network = contraction_of(50, [(i, i + 1, 100) for i in range(49)])
    cm, nearest, _ = answers(network, [[k] for k in range(count)], 10_000)

    assert cm.shape == (count, 50)
    assert all(cm[k, k] == 0 and cm[k, 49] == 100 * (49 - k) for k in range(count))
    assert (nearest == 0).all()


def test_a_street_goes_whole_and_so_does_a_ring():
    street = contraction_of(1000, [(i, i + 1, 7) for i in range(999)])
    ring = contraction_of(1000, [(i, (i + 1) % 1000, 7) for i in range(1000)])

    assert street.core == ring.core == 1000
    assert answers(street, [[0]], MAX_CM)[0][0, 999] == 6993
    assert answers(ring, [[0]], MAX_CM)[0][0, [499, 500, 501]].tolist() == [3493, 3500, 3493]


def test_two_squares_with_a_thousand_streets_each_are_no_trouble():
    """Both squares have more neighbours than a crossing can hold, and so stay, with their link."""
    spokes = [(hub, 2 + 1000 * hub + i, 10 + i) for hub in (0, 1) for i in range(1000)]
    shared = [(hub, 2002 + i, 50 + i) for hub in (0, 1) for i in range(30)]
    cm, nearest, _ = answers(contraction_of(2032, [*spokes, *shared]), [[2, 1002]], 1000)

    assert cm[0, [0, 1]].tolist() == [10, 10]
    assert nearest[0, [0, 1]].tolist() == [0, 1]
    alone = answers(contraction_of(2032, [*spokes, *shared]), [[2]], 1000)[0]
    assert alone[0, 1] == 10 + 50 + 50
    assert alone[0, 1002] == 10 + 100 + 10


def test_of_equals_the_first_source_counts_across_links_of_no_length():
    network = contraction_of(4, [(0, 1, 10), (1, 2, 10), (2, 3, 0)])

    assert answers(network, [[3, 2, 2]], 99)[1].tolist() == [[0, 0, 0, 0]]
    assert answers(network, [[2, 0], [0, 2]], 99)[1].tolist() == [[1, 0, 0, 0], [0, 0, 1, 1]]


def test_keys_are_wide_where_limit_and_places_need_it():
    network = contraction_of(3, [(0, 1, MAX_CM - 1), (1, 2, 1)])
    sources = [np.array([0], dtype=np.int32)]

    assert sweep(network, sources, 120_000).keys[0].dtype == np.int32
    assert sweep(network, sources, 2**24).keys[0].dtype == np.int64
    assert answers(network, sources, MAX_CM)[0].tolist() == [[0, MAX_CM - 1, MAX_CM]]
    assert answers(network, sources, MAX_CM - 1)[0].tolist() == [[0, MAX_CM - 1, -1]]


def test_ways_longer_than_is_searched_do_not_overflow():
    network = contraction_of(4, [(0, 1, MAX_CM), (1, 2, MAX_CM), (2, 3, MAX_CM)])

    assert answers(network, [[0], [3]], MAX_CM)[0].tolist() == [
        [0, MAX_CM, -1, -1],
        [-1, -1, MAX_CM, 0],
    ]


def test_a_town_in_parts_is_that_of_scipy_and_of_one_part():
    side = 40
    rng = np.random.default_rng(3)
    corner = np.arange(side * side).reshape(side, side)
    ends = np.concatenate(
        [
            np.stack([corner[:, :-1].ravel(), corner[:, 1:].ravel()], axis=1),
            np.stack([corner[:-1].ravel(), corner[1:].ravel()], axis=1),
        ]
    )
    links = np.column_stack([ends, rng.integers(1, 20_000, len(ends))])[rng.random(len(ends)) < 0.8]
    matrix = csr_array((links[:, 2], (links[:, 0], links[:, 1])), shape=(side * side,) * 2)
    xy = np.stack(np.divmod(np.arange(side * side), side), axis=1)
    sources = [rng.choice(side * side, 7, replace=False) for _ in range(11)]
    whole = answers(contraction_of(side * side, links, xy=xy), sources, 120_000)
    parts = answers(contraction_of(side * side, links, xy=xy, part_bits=8), sources, 120_000)

    for k, starts in enumerate(sources):
        near = dijkstra(matrix, directed=False, indices=starts, min_only=True, limit=120_000)
        assert np.array_equal(whole[0][k], np.where(np.isfinite(near), near, -1))
    assert np.array_equal(whole[0], parts[0])
    assert np.array_equal(whole[1], parts[1])


def test_near_places_are_near_and_each_is_given_once():
    xy = np.stack(np.divmod(np.arange(64), 8), axis=1).astype(np.float64)
    place = places_of(xy, 3)

    assert sorted(place) == list(range(64))
    # The four nodes of a quarter of a quarter follow each other.
    assert sorted(place[[0, 1, 8, 9]]) == [0, 1, 2, 3]
    assert sorted(places_of(np.zeros((5, 2)), 3)) == [0, 1, 2, 3, 4]
