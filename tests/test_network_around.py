"""One source at a time: all pairs within a limit, and the stretches of links reached."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.network import WalkNetwork
from gis.network.around import pairs_within, stretches_within

FEW = settings(max_examples=60, deadline=None)


def network_of(*links_m, nodes=None):
    """Straight links (a, b, metres) between the nodes 0, 1, 2, ..."""
    count = nodes or 1 + max(max(a, b) for a, b, _ in links_m)
    xy = [(i, 0) for i in range(count)]
    ends = [(a, b) for a, b, _ in links_m]
    return WalkNetwork.from_arrays(xy, ends, [metres for _, _, metres in links_m])


def pairs(*args, **kwargs):
    found = pairs_within(*args, **kwargs)
    return list(zip(found.source.tolist(), found.target.tolist(), found.cm.tolist(), strict=True))


def stretches(network, sources, bands_m, **kwargs):
    """(source, band, link, from_cm, to_cm) of each stretch, sorted."""
    found = stretches_within(network, sources, bands_m, **kwargs)
    bands = len(bands_m)
    place = np.repeat(np.arange(len(found.first) - 1), np.diff(found.first))
    rows = zip(place // bands, place % bands, found.link, found.from_cm, found.to_cm, strict=True)
    return sorted(tuple(int(value) for value in row) for row in rows)


# -- Pairs


def test_all_pairs_within_the_limit_are_found_by_source_then_target():
    street = network_of((0, 1, 100), (1, 2, 100), (2, 3, 100))

    assert pairs(street, [1, 0], [3, 2, 0, 1], limit_m=200) == [
        (0, 0, 20_000),
        (0, 1, 10_000),
        (0, 2, 10_000),
        (0, 3, 0),
        (1, 1, 20_000),
        (1, 2, 0),
        (1, 3, 10_000),
    ]


def test_exactly_the_limit_counts_and_a_centimetre_more_does_not():
    street = network_of((0, 1, 100))

    assert pairs(street, [0], [1], limit_m=100) == [(0, 0, 10_000)]
    assert pairs(street, [0], [1], limit_m=99.99) == []


def test_several_may_stand_on_one_node_and_who_is_not_linked_has_no_pairs():
    street = network_of((0, 1, 7))

    found = pairs_within(street, [-1, 0, 0], [1, -1, 1, 1], limit_m=9)

    assert found.first.tolist() == [0, 0, 3, 6]
    assert found.target.tolist() == [0, 2, 3] * 2
    assert found.source.tolist() == [1, 1, 1, 2, 2, 2]


def test_no_sources_or_no_targets_give_no_pairs():
    street = network_of((0, 1, 7))

    assert pairs_within(street, [], [0], limit_m=9).first.tolist() == [0]
    assert pairs_within(street, [0, 1], [], limit_m=9).first.tolist() == [0, 0, 0]


def test_uphill_is_not_downhill():
    # 100 m that cost 150 along (up) and 80 against (down).
    slope = network_of((0, 1, 100)).with_costs(np.array([[15_000, 8_000]], dtype=np.int32))

    assert pairs(slope, [1], [0], limit_m=200) == [(0, 0, 15_000)]
    assert pairs(slope, [1], [0], limit_m=200, toward=False) == [(0, 0, 8_000)]
    # The same pairs, searched from the other side.
    assert pairs(slope, [1, 1], [0], limit_m=200) == [(0, 0, 15_000), (1, 0, 15_000)]


@st.composite
def cases(draw):
    nodes = draw(st.integers(1, 14))
    node = st.integers(0, nodes - 1)
    cost = st.one_of(st.just(-1), st.sampled_from([0, 1, 1023, 1024]), st.integers(0, 3000))
    link = st.tuples(node, node, st.integers(0, 3000), cost, cost)
    links = draw(st.lists(link, max_size=30))
    some = st.lists(st.integers(-1, nodes - 1), max_size=6)
    return nodes, links, draw(some), draw(some), draw(st.booleans()), draw(st.booleans())


def network_and_graph(case):
    """The network, and arcs of networkx from where one walks to where one gets."""
    nodes, links, _, _, costed, _ = case
    ends = np.array([link[:2] for link in links], dtype=np.int32).reshape(-1, 2)
    network = WalkNetwork.from_arrays(np.zeros((nodes, 2)), ends, [n[2] / 100 for n in links])
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(nodes))
    for a, b, length, along, against in links:
        along, against = (along, against) if costed else (length, length)
        graph.add_edges_from([(a, b, {"weight": along})] if along >= 0 else [])
        graph.add_edges_from([(b, a, {"weight": against})] if against >= 0 else [])
    if costed:
        costs = np.array([n[3:] for n in links], dtype=np.int32).reshape(-1, 2)
        network = network.with_costs(costs)
    return network, graph


def walks_from(graph, node, *, toward, cutoff):
    towards = graph.reverse() if toward else graph
    return nx.single_source_dijkstra_path_length(towards, node, cutoff=cutoff)


@FEW
@given(cases(), st.integers(0, 8000))
def test_pairs_are_those_of_networkx(case, limit_cm):
    network, graph = network_and_graph(case)
    _, _, sources, targets, _, toward = case
    expected = []
    for s, source in enumerate(sources):
        ways = {}
        if source >= 0:
            ways = walks_from(graph, source, toward=toward, cutoff=limit_cm)
        expected += [(s, t, ways[target]) for t, target in enumerate(targets) if target in ways]

    assert pairs(network, sources, targets, limit_m=limit_cm / 100, toward=toward) == expected


def test_many_sources_in_threads_give_what_each_gives_alone():
    rng = np.random.default_rng(2)
    links = [(i, i + 1, m) for i, m in enumerate(rng.uniform(5, 90, 400))]
    links += [(int(a), int(b), 60.0) for a, b in rng.integers(0, 401, (150, 2))]
    network = network_of(*links, nodes=401)
    sources, targets = rng.integers(0, 401, 300), rng.integers(0, 401, 500)

    together = pairs_within(network, sources, targets, limit_m=500)
    reached = stretches_within(network, sources, [200, 500])

    for s in range(0, 300, 37):
        alone = pairs_within(network, sources[s : s + 1], targets, limit_m=500)
        rows = slice(together.first[s], together.first[s + 1])
        assert together.target[rows].tolist() == alone.target.tolist()
        assert together.cm[rows].tolist() == alone.cm.tolist()
        own = stretches_within(network, sources[s : s + 1], [200, 500])
        rows = slice(reached.first[2 * s], reached.first[2 * s + 2])
        assert reached.link[rows].tolist() == own.link.tolist()
        assert reached.to_cm[rows].tolist() == own.to_cm.tolist()


# -- Stretches


def test_a_street_is_cut_where_each_band_ends():
    street = network_of((0, 1, 100), (1, 2, 100))

    assert stretches(street, [0], [30, 150.5, 400]) == [
        (0, 0, 0, 0, 3_000),
        (0, 1, 0, 3_000, 10_000),
        (0, 1, 1, 0, 5_050),
        (0, 2, 1, 5_050, 10_000),
    ]


def test_a_street_against_its_course_is_reached_from_its_end():
    assert stretches(network_of((1, 0, 100)), [0], [30]) == [(0, 0, 0, 7_000, 10_000)]


def test_a_ring_is_reached_from_both_sides_and_keeps_a_hole_in_the_middle():
    # A square of four sides of 100 m: 150 m each way leave 100 m at the far side.
    ring = network_of((0, 1, 100), (1, 2, 100), (2, 3, 100), (3, 0, 100))

    assert stretches(ring, [0], [150]) == [
        (0, 0, 0, 0, 10_000),
        (0, 0, 1, 0, 5_000),
        (0, 0, 2, 5_000, 10_000),
        (0, 0, 3, 0, 10_000),
    ]


def test_the_middle_of_a_link_reached_from_both_ends_stays_out_until_the_band_that_holds_it():
    # The long side of 100 m is entered at 10 and at 20 m: 40 m reach 30 and 20 m into it.
    both = network_of((0, 1, 10), (0, 2, 20), (1, 2, 100))

    assert [row for row in stretches(both, [0], [40, 70]) if row[2] == 2] == [
        (0, 0, 2, 0, 3_000),
        (0, 0, 2, 8_000, 10_000),
        (0, 1, 2, 3_000, 8_000),
    ]


def test_a_street_that_leads_back_to_where_it_begins_is_reached_from_both_ends():
    loop = network_of((0, 1, 10), (1, 1, 100))

    assert stretches(loop, [0], [30])[1:] == [(0, 0, 1, 0, 2_000), (0, 0, 1, 8_000, 10_000)]
    assert stretches(loop, [0], [60])[1:] == [(0, 0, 1, 0, 10_000)]


def test_a_slope_is_reached_less_far_up_than_down():
    # 100 m that cost 200 along and 50 against; 25 m of flat walking.
    slope = network_of((0, 1, 100)).with_costs(np.array([[20_000, 5_000]], dtype=np.int32))

    assert stretches(slope, [0], [25]) == [(0, 0, 0, 0, 5_000)]
    assert stretches(slope, [0], [25], toward=False) == [(0, 0, 0, 0, 1_250)]
    assert stretches(slope, [1], [25]) == [(0, 0, 0, 8_750, 10_000)]


def test_a_way_that_is_closed_is_not_walked_nor_entered():
    closed = network_of((0, 1, 10), (0, 2, 10)).with_costs(
        np.array([[-1, -1], [1_000, -1]], dtype=np.int32)
    )

    assert stretches(closed, [0], [99]) == []
    assert stretches(closed, [0], [99], toward=False) == [(0, 0, 1, 0, 1_000)]
    assert stretches(closed, [2], [99]) == [(0, 0, 1, 0, 1_000)]


def test_links_of_no_length_have_no_stretch_but_lead_on():
    assert stretches(network_of((0, 1, 0), (1, 2, 5)), [0], [9]) == [(0, 0, 1, 0, 500)]


def test_who_is_not_linked_reaches_nothing():
    found = stretches_within(network_of((0, 1, 5)), [-1, 0, -1], [2, 9])

    assert found.first.tolist() == [0, 0, 0, 1, 2, 2, 2]


@FEW
@given(cases(), st.lists(st.integers(0, 6000), min_size=1, max_size=4, unique=True))
def test_each_centimetre_is_in_the_band_that_its_walk_says(case, limits):
    network, graph = network_and_graph(case)
    _, links, sources, _, costed, toward = case
    limits = sorted(limits)
    found = stretches(network, sources, [limit / 100 for limit in limits], toward=toward)
    length = sum(n[2] for n in links)
    band_of = np.full((len(sources), max(length, 1)), -1)
    begin = np.cumsum([0, *(n[2] for n in links)])
    for s, band, link, low, high in found:
        assert low < high
        part = band_of[s, begin[link] + low : begin[link] + high]
        assert (part == -1).all()  # nothing twice
        part[:] = band
    for s, source in enumerate(sources):
        ways = {} if source < 0 else walks_from(graph, source, toward=toward, cutoff=limits[-1])
        for n, (a, b, metres, along, against) in enumerate(links):
            along, against = (along, against) if costed else (metres, metres)
            cost_a, cost_b = (against, along) if toward else (along, against)
            # A centimetre is reached when both its ends are, from one side.
            share = np.arange(1, metres + 1) / max(metres, 1)
            walk = np.full(metres, np.inf)
            if cost_a >= 0 and a in ways:
                walk = np.minimum(walk, ways[a] + cost_a * share)
            if cost_b >= 0 and b in ways:
                walk = np.minimum(walk, ways[b] + cost_b * share[::-1])
            expected = np.searchsorted(limits, walk - 1e-6)
            expected[expected == len(limits)] = -1
            got = band_of[s, begin[n] : begin[n + 1]]
            # What is rounded where two sides meet is at most one centimetre per side and band.
            slack = 2 * len(limits) if costed else 0
            assert (got != expected).sum() <= slack


# -- What cannot be asked


@pytest.mark.parametrize(
    ("sources", "limit_m", "told"),
    [
        ([2], 5, r"sources\[0\] is node 2; the network has the nodes 0 to 1"),
        ([0, -2], 5, r"sources\[1\] is node -2"),
        ([0.5], 5, "sources is float64"),
        ([0], -1, "limit_m has -1"),
        ([0], math.nan, "limit_m has nan"),
    ],
)
def test_what_is_no_node_or_no_distance_is_refused(sources, limit_m, told):
    with pytest.raises(OptionError, match=told):
        pairs_within(network_of((0, 1, 5)), sources, [0], limit_m=limit_m)


@pytest.mark.parametrize(
    ("bands_m", "told"),
    [([], "bands_m is empty"), ([300, 300], "has 300 after 300"), ([600, 300], "300 after 600")],
)
def test_bands_that_do_not_rise_are_refused(bands_m, told):
    with pytest.raises(OptionError, match=told):
        stretches_within(network_of((0, 1, 5)), [0], bands_m)


def test_an_infinite_limit_is_the_farthest_that_is_searched():
    assert pairs(network_of((0, 1, 9e6)), [0], [1], limit_m=math.inf) == [(0, 0, 900_000_000)]
