"""One walk as a line: the links of a cheapest way, in walking order, and its parts.

The town: a street of 100, 30 (stairs) and 200 m, and a leg of 20 m at its start::

    4 --20-- 0 ----100---- 1 --30 stairs-- 2 -------200------- 3
"""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.network import StreetTraits, WalkNetwork, attach
from gis.network.polylines import Polylines
from gis.network.route import segments_of, walked_route

FEW = settings(max_examples=60, deadline=None)


def stairs_town(cost_cm=None):
    xy = np.array([(0, 0), (100, 0), (130, 0), (330, 0), (0, 20)], dtype=float)
    # The second link is drawn against the way of the others.
    links = np.array([(0, 1), (2, 1), (2, 3), (4, 0)], dtype=np.int32)
    return WalkNetwork(
        xy=xy,
        links=links,
        length_cm=np.array([10_000, 3_000, 20_000, 2_000], dtype=np.int32),
        lines=Polylines.straight(xy[links[:, 0]], xy[links[:, 1]]),
        street=np.array([0, 1, 2, -1], dtype=np.int32),
        cost_cm=cost_cm,
        traits=StreetTraits(
            stairs=np.array([False, True, False]),
            lift=np.zeros(3, dtype=bool),
            risers=np.full(3, np.nan),
            delay_s=np.zeros(3),
            width_m=np.full(3, np.nan),
        ),
    )


STAIRS_THREEFOLD = np.array([(10_000, 10_000), (9_000, 9_000), (20_000, 20_000), (2_000, 2_000)])


def routed(network, sources, node, *, toward=True, limit_m=100_000):
    reach = network.reach([sources], limit_m=limit_m, toward=toward)
    return walked_route(network, reach, sources, node, toward=toward), reach


def test_the_walk_runs_from_the_gate_to_the_door_over_the_stairs():
    route, reach = routed(stairs_town(STAIRS_THREEFOLD.astype(np.int32)), [3], 4)

    assert route.nodes.tolist() == [4, 0, 1, 2, 3]
    assert route.links.tolist() == [3, 0, 1, 2]
    assert route.along.tolist() == [True, True, False, True]
    assert route.metres == 20 + 100 + 30 + 200
    assert route.flat_cm == reach.cm[0, 4] == 100 * (20 + 100 + 3 * 30 + 200)
    assert list(route.line.coords) == [(0, 20), (0, 0), (100, 0), (130, 0), (330, 0)]


def test_the_way_back_is_told_in_its_own_walking_order_and_at_its_own_cost():
    cost = STAIRS_THREEFOLD.astype(np.int32)
    cost[1] = (9_000, 3_000)  # from 2 to 1 is slow, from 1 to 2 is not
    there, _ = routed(stairs_town(cost), [3], 4)
    back, reach = routed(stairs_town(cost), [3], 4, toward=False)

    assert there.flat_cm == 35_000
    assert back.nodes.tolist() == [3, 2, 1, 0, 4]
    assert back.flat_cm == reach.cm[0, 4] == 41_000
    assert list(back.line.coords) == list(there.line.coords)[::-1]


def test_segments_are_the_leg_the_street_and_the_stairs_with_what_each_costs():
    route, _ = routed(stairs_town(STAIRS_THREEFOLD.astype(np.int32)), [3], 4)

    parts = segments_of(route, names=["路", None, "街"], legs=np.array([4]))

    assert [(p.kind, p.name, p.streets) for p in parts] == [
        ("leg", None, ()),
        ("street", "路", (0,)),
        ("stairs", None, (1,)),
        ("street", "街", (2,)),
    ]
    assert [p.route.metres for p in parts] == [20, 100, 30, 200]
    assert [p.route.flat_cm for p in parts] == [2_000, 10_000, 9_000, 20_000]


def test_neighbouring_streets_of_one_name_are_one_segment_and_a_passage_is_its_own():
    network = stairs_town()
    route, _ = routed(network, [3], 4)

    one = segments_of(route, names=["路", "路", "路"])
    through = segments_of(route, passages=np.array([0]), legs=np.array([4]))

    assert [(p.kind, p.name, p.streets) for p in one[1:]] == [
        ("street", "路", (0,)),
        ("stairs", "路", (1,)),
        ("street", "路", (2,)),
    ]
    assert one[0].kind == "inner"  # without a street, and of no linked place
    assert [p.kind for p in through] == ["leg", "passage", "stairs", "street"]


def test_a_node_out_of_reach_has_no_walk_and_a_source_has_one_of_no_length():
    network = stairs_town()
    far, _ = routed(network, [3], 4, limit_m=349.99)
    none, _ = routed(network, [3], 3)

    assert far is None
    assert none.nodes.tolist() == [3]
    assert none.metres == 0
    assert list(none.line.coords) == [(330, 0), (330, 0)]


def test_links_of_no_length_lead_around_in_no_circle():
    # 0 and 1 and 2 are one place; only 2 leads on.
    network = WalkNetwork.from_arrays(
        np.zeros((4, 2)), [(0, 1), (1, 0), (0, 2), (1, 2), (2, 3)], [0, 0, 0, 0, 5]
    )
    route, _ = routed(network, [3], 0)

    assert route.nodes[0] == 0
    assert route.nodes[-1] == 3
    assert len(set(route.nodes.tolist())) == len(route.nodes)
    assert route.metres == 5


def test_of_two_sources_equally_near_the_walk_ends_at_the_one_that_is_named():
    network = WalkNetwork.from_arrays(np.zeros((3, 2)), [(1, 0), (1, 2)], [7, 7])

    assert routed(network, [2, 0], 1)[0].nodes.tolist() == [1, 2]
    assert routed(network, [0, 2], 1)[0].nodes.tolist() == [1, 0]


@st.composite
def towns(draw):
    nodes = draw(st.integers(2, 12))
    place = st.integers(0, nodes - 1)
    links = draw(st.lists(st.tuples(place, place), min_size=1, max_size=30))
    cost = st.integers(-1, 4).map(lambda n: n if n <= 0 else 50 * n)
    costs = draw(st.lists(st.tuples(cost, cost), min_size=len(links), max_size=len(links)))
    xy = np.array([(7 * i % 5, i * i % 7) for i in range(nodes)], dtype=float) * 100
    network = WalkNetwork.from_arrays(xy, links, np.full(len(links), 2.0))
    network = network.with_costs(np.array(costs, dtype=np.int32))
    sources = draw(st.lists(place, min_size=1, max_size=3))
    return network, sources, draw(place), draw(st.booleans())


@FEW
@given(towns())
def test_every_walk_is_unbroken_and_costs_what_networkx_says(town):
    network, sources, node, toward = town
    route, reach = routed(network, sources, node, toward=toward, limit_m=4)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(network)))
    for (a, b), costs in zip(network.links.tolist(), network.cost_cm.tolist(), strict=True):
        for u, v, cm in ((a, b, costs[0]), (b, a, costs[1])):
            if cm >= 0 and cm < graph.get_edge_data(u, v, {"cm": 10**9})["cm"]:
                graph.add_edge(u, v, cm=cm)
    ways = []
    for source in sources:
        ends = (node, source) if toward else (source, node)
        try:
            ways.append(nx.dijkstra_path_length(graph, *ends, weight="cm"))
        except nx.NetworkXNoPath:
            ways.append(10**9)
    best = min(ways)

    if best > 400:
        assert route is None
        return
    assert route.flat_cm == best == reach.cm[0, node]
    ends = [node, sources[ways.index(best)]]
    assert route.nodes[[0, -1]].tolist() == (ends if toward else ends[::-1])
    assert len(set(route.nodes.tolist())) == len(route.nodes)
    for i, (u, v) in enumerate(pairwise(route.nodes.tolist())):
        link, along = route.links[i], route.along[i]
        assert network.links[link].tolist() == ([u, v] if along else [v, u])
        assert network.cost_cm[link, 0 if along else 1] == route.cost_cm[i]


@FEW
@given(st.lists(st.tuples(st.floats(0, 400), st.floats(-40, 40)), min_size=2, max_size=6))
def test_the_line_is_as_long_as_the_walk_to_a_centimetre_per_link_also_where_links_are_cut(points):
    xy = np.array([(0, 0), (200, 0), (400, 0)], dtype=float)
    bent = Polylines(np.array([(0, 0), (90, 30), (200, 0), (200, 0), (400, 0)], float),
                     np.array([0, 3, 5]))  # fmt: skip
    network = WalkNetwork(
        xy=xy,
        links=np.array([(0, 1), (1, 2)], dtype=np.int32),
        length_cm=np.rint(bent.length_m * 100).astype(np.int32),
        lines=bent,
        street=np.array([0, 1], dtype=np.int32),
    )
    linked = attach(network, points)
    route, reach = routed(linked.network, linked.node[:1], int(linked.node[-1]))

    assert route.metres == pytest.approx(reach.metres[0, linked.node[-1]])
    assert abs(route.line.length - route.metres) <= 0.01 * max(1, len(route.links))
    ends = shapely.points([route.xy[0], route.xy[-1]])
    assert shapely.equals_exact(ends, shapely.points(linked.network.xy[route.nodes[[0, -1]]])).all()
