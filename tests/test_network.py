"""The walking network as arrays: what may be built, how far one gets, which source is nearest."""

import math
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.errors import LayerError, OptionError
from gis.network import WalkNetwork
from gis.network.search import MAX_CM

FEW = settings(max_examples=50, deadline=None)


def chain(*lengths_m):
    """Nodes 0, 1, 2, ... on a line, joined by links of the given lengths."""
    nodes = len(lengths_m) + 1
    xy = [(i, 0) for i in range(nodes)]
    return WalkNetwork.from_arrays(xy, [(i, i + 1) for i in range(nodes - 1)], lengths_m)


def metres(network, *sources, limit_m=1000):
    return network.reach(sources, limit_m=limit_m).metres.tolist()


# -- How far


def test_the_walk_adds_up_the_links_both_ways():
    assert metres(chain(100, 200, 50), [1]) == [[100, 0, 200, 250]]


def test_the_nearest_of_several_sources_counts():
    reach = chain(100, 200, 50).reach([[0, 3]], limit_m=1000)

    assert reach.metres.tolist() == [[0, 100, 50, 0]]
    assert reach.nearest.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("limit_m", "reached"), [(449.99, False), (450.00, True), (450.01, True), (449.996, True)]
)
def test_exactly_the_limit_is_reached_to_the_centimetre(limit_m, reached):
    far = chain(300, 150).reach([[0]], limit_m=limit_m).metres[0, 2]

    assert far == 450 if reached else np.isnan(far)


def test_ten_lengths_of_ten_centimetres_are_one_metre_and_not_a_hair_more():
    assert not np.isnan(chain(*[0.1] * 10).reach([[0]], limit_m=1.0).metres[0, 10])


def test_beyond_the_limit_is_unknown_and_has_no_nearest():
    reach = chain(100, 200).reach([[0]], limit_m=150)

    assert np.isnan(reach.metres[0, 2])
    assert reach.cm[0].tolist() == [0, 10_000, -1]
    assert reach.nearest[0].tolist() == [0, 0, -1]


def test_a_category_without_sources_reaches_nothing():
    reach = chain(100).reach([[], [0]], limit_m=1000)

    assert np.isnan(reach.metres[0]).all()
    assert (reach.nearest[0] == -1).all()
    assert reach.metres[1].tolist() == [0, 100]


def test_no_categories_give_no_rows():
    assert chain(100).reach([], limit_m=1000).metres.shape == (0, 2)


def test_an_infinite_limit_finds_the_nearest_anywhere():
    assert metres(chain(9_000_000, 1_500_000), [0], limit_m=math.inf) == [[0, 9e6, 10.5e6]]


def test_the_farthest_that_is_searched_does_not_overflow():
    longest = MAX_CM / 100
    reach = chain(longest, longest, 1).reach([[0]], limit_m=math.inf)

    assert reach.cm[0].tolist() == [0, MAX_CM, -1, -1]


def test_of_links_between_the_same_nodes_the_shortest_is_walked():
    network = WalkNetwork.from_arrays([(0, 0), (9, 0)], [(0, 1), (1, 0), (0, 1)], [30, 20, 25])

    assert metres(network, [0]) == [[0, 20]]


def test_links_of_no_length_and_links_to_themselves_do_no_harm():
    network = WalkNetwork.from_arrays(
        [(0, 0), (0, 0), (9, 0)], [(0, 1), (1, 0), (1, 1), (1, 2)], [0, 0, 5, 7]
    )

    assert metres(network, [0], limit_m=7) == [[0, 0, 7]]
    assert metres(network, [0], limit_m=0) == [[0, 0, pytest.approx(np.nan, nan_ok=True)]]


def test_of_sources_equally_near_the_first_counts():
    network = chain(10, 10, 0)

    assert network.reach([[2, 0]], limit_m=99).nearest.tolist() == [[1, 0, 0, 0]]
    assert network.reach([[0, 2]], limit_m=99).nearest.tolist() == [[0, 0, 1, 1]]
    assert network.reach([[3, 2, 2]], limit_m=99).nearest.tolist() == [[0, 0, 0, 0]]


def test_a_network_of_nodes_only_reaches_its_sources():
    network = WalkNetwork.from_arrays([(0, 0), (5, 5)], [], [])

    assert metres(network, [1])[0][1] == 0
    assert network.components().tolist() == [0, 1]


def test_an_empty_network_is_searched_without_a_word():
    network = WalkNetwork.from_arrays([], [], [])

    assert network.reach([[]], limit_m=10).metres.shape == (1, 0)
    assert len(network.components()) == 0


# -- Against others


@st.composite
def networks(draw):
    nodes = draw(st.integers(1, 25))
    node = st.integers(0, nodes - 1)
    length = st.one_of(st.sampled_from([0, 1, 1023, 1024, 100_000]), st.integers(0, 3000))
    links = draw(st.lists(st.tuples(node, node, length), max_size=60))
    sources = draw(st.lists(st.lists(node, max_size=4), max_size=3))
    limit_cm = draw(st.one_of(st.integers(0, 10_000), st.just(200_000)))
    return nodes, links, sources, limit_cm


@pytest.fixture(params=["plain", "contracted"], scope="module")
def searched(request):
    """Searches in both ways, whatever the size of the network."""
    least = math.inf if request.param == "plain" else 0
    with patch("gis.network.graph._WORTH_CONTRACTING", least):
        yield


@FEW
@given(case=networks())
def test_the_reach_is_that_of_networkx(searched, case):
    nodes, links, sources, limit_cm = case
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(nodes))
    graph.add_weighted_edges_from(links)
    network = WalkNetwork.from_arrays(
        np.zeros((nodes, 2)), [link[:2] for link in links], [link[2] / 100 for link in links]
    )
    reach = network.reach(sources, limit_m=limit_cm / 100)

    for k, starts in enumerate(sources):
        each = [nx.single_source_dijkstra_path_length(graph, s, cutoff=limit_cm) for s in starts]
        for v in range(nodes):
            ways = [ways.get(v, -1) for ways in each]
            best = min((way for way in ways if way >= 0), default=-1)
            assert reach.cm[k, v] == best
            assert reach.nearest[k, v] == (ways.index(best) if best >= 0 else -1)


def grid(side, *, seed):
    """A town of side x side corners, a fifth of its streets missing, random lengths."""
    rng = np.random.default_rng(seed)
    corner = np.arange(side * side).reshape(side, side)
    links = np.concatenate(
        [
            np.stack([corner[:, :-1].ravel(), corner[:, 1:].ravel()], axis=1),
            np.stack([corner[:-1].ravel(), corner[1:].ravel()], axis=1),
        ]
    )
    links = links[rng.random(len(links)) < 0.8]
    xy = np.stack(np.divmod(np.arange(side * side), side), axis=1) * 100.0
    return WalkNetwork.from_arrays(xy, links, rng.uniform(50, 200, len(links)))


def test_a_town_of_forty_thousand_corners_is_that_of_scipy_also_in_threads():
    network = grid(200, seed=4)
    rng = np.random.default_rng(5)
    sources = [rng.choice(40_000, size, replace=False) for size in (1, 50, 400)]
    reach = network.reach(sources, limit_m=1200)
    a, b = network.links.T
    both = (np.tile(network.length_cm, 2), (np.append(a, b), np.append(b, a)))
    matrix = csr_array(both, shape=(40_000, 40_000))

    for k, starts in enumerate(sources):
        cm = dijkstra(matrix, indices=starts, min_only=True, limit=120_000)
        assert np.array_equal(reach.cm[k], np.where(np.isfinite(cm), cm, -1))


def test_searches_at_the_same_time_do_not_disturb_each_other():
    network = grid(60, seed=1)
    alone = network.reach([[0], [9]], limit_m=1500).cm

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: network.reach([[0], [9]], limit_m=1500).cm, range(8)))

    assert all(np.array_equal(alone, answer) for answer in answers)


@pytest.mark.parametrize(("limit_m", "count"), [(0, 3), (700, 17), (math.inf, 9)])
def test_a_contracted_town_answers_as_a_plain_search_does(limit_m, count):
    network = grid(110, seed=8)
    rng = np.random.default_rng(9)
    sources = [rng.integers(0, 12_100, size) for size in rng.integers(0, 90, count)]
    contracted = network.reach(sources, limit_m=limit_m)
    with patch("gis.network.graph._WORTH_CONTRACTING", math.inf):
        plain = grid(110, seed=8).reach(sources, limit_m=limit_m)

    assert network._contraction is not None
    assert np.array_equal(contracted.cm, plain.cm)
    assert np.array_equal(contracted.metres, plain.metres, equal_nan=True)
    assert np.array_equal(contracted.nearest, plain.nearest)


def test_only_costs_alike_both_ways_are_contracted():
    network = grid(110, seed=8)
    alike = np.column_stack([network.length_cm, network.length_cm])
    alike[7] = -1
    uphill = alike.copy()
    uphill[5, 0] += 1
    closed = network.with_costs(alike)

    assert closed._contraction is not None
    assert network.with_costs(uphill)._contraction is None
    a, b = network.links[7]
    assert closed.reach([[a]], limit_m=math.inf).cm[0, b] > network.length_cm[7]


# -- Parts


def test_the_part_with_the_most_nodes_is_number_zero():
    network = WalkNetwork.from_arrays(np.zeros((6, 2)), [(0, 1), (3, 4), (4, 5)], [1, 1, 1])

    assert network.components().tolist() == [1, 1, 2, 0, 0, 0]


# -- What may be built


def test_lengths_are_rounded_to_whole_centimetres():
    assert chain(1.004, 1.006, 0).length_cm.tolist() == [100, 101, 0]


def test_the_arrays_given_are_neither_changed_nor_kept():
    xy, links, length_m = np.zeros((2, 2)), np.array([[0, 1]]), np.array([7.0])
    network = WalkNetwork.from_arrays(xy, links, length_m)
    links[0, 1] = 0
    length_m[0] = 1

    assert metres(network, [0]) == [[0, 7]]


@pytest.mark.parametrize(
    ("xy", "links", "length_m", "told"),
    [
        ([(0, 0)], [(0, 1)], [5], "link 0 joins 0 and 1, but there are 1 nodes"),
        ([(0, 0), (1, 0)], [(0, 1), (-1, 0)], [5, 5], "link 1 joins -1 and 0"),
        ([(0, 0), (1, 0)], [(0, 1)], [-3], "link 0 is -3.0 m long"),
        ([(0, 0), (1, 0)], [(0, 1)], [np.nan], "link 0 is nan m long"),
        ([(0, 0), (1, 0)], [(0, 1)], [np.inf], "link 0 is inf m long"),
        ([(0, 0), (1, 0)], [(0, 1)], [1.1e7], "link 0 is 11000000.0 m long"),
        ([(0, 0), (np.nan, 0)], [(0, 1)], [5], "node 1 has the coordinates nan"),
        ([(0, 0), (1, 0)], [(0, 1)], [5, 5], "not one length for each of 1 links"),
        ([(0, 0, 0)], [], [], r"xy is int64 of shape \(1, 3\)"),
        ([(0, 0), (1, 0)], [(0.0, 1.0)], [5], "links is float64"),
        ([(0, 0), (1, 0)], [0, 1], [5], "links is int64 of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_their_numbers(xy, links, length_m, told):
    with pytest.raises(LayerError, match=told):
        WalkNetwork.from_arrays(xy, links, length_m)


def test_all_faults_are_told_at_once_and_how_many_more():
    with pytest.raises(LayerError, match=r"link 0 joins.*link 0 is -1.0 m.*and 2 more"):
        WalkNetwork.from_arrays([(0, 0)], [(0, 9)] * 2 + [(0, 0)] * 4, [-1] * 5 + [5])


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([[0], [1, 2]], r"sources\[1\]\[1\] is node 2; the network has the nodes 0 to 1"),
        ([[-1]], r"sources\[0\]\[0\] is node -1"),
        ([[0.5]], r"sources\[0\] is float64"),
        ([[[0]]], r"sources\[0\] is int64 of shape \(1, 1\)"),
    ],
)
def test_a_source_that_is_no_node_is_refused_with_its_place(sources, told):
    with pytest.raises(OptionError, match=told):
        chain(5).reach(sources, limit_m=10)


@pytest.mark.parametrize("limit_m", [-0.01, math.nan])
def test_a_limit_that_is_no_distance_is_refused(limit_m):
    with pytest.raises(OptionError, match="limit_m is"):
        chain(5).reach([[0]], limit_m=limit_m)
