"""Streets are cut where they cross walls, and nowhere else."""

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import LinearRing, LineString, MultiPoint, Point

from gis.network import WalkNetwork
from gis.network.walls import cut_streets

STREET = WalkNetwork.from_arrays([(0, 0), (100, 0)], [(0, 1)], [100])
PLUS = WalkNetwork.from_arrays(
    [(0, 0), (100, 0), (-100, 0), (0, 100), (0, -100)], [(0, 1), (0, 2), (0, 3), (0, 4)], [100] * 4
)


def cut(network, *walls, near=None, above=()):
    lines = np.array(walls, dtype=object)
    places = np.full(len(lines), None, dtype=object)
    if near is not None:
        places[:] = near
    bridges = np.isin(np.arange(len(network.links)), above)
    return cut_streets(network, lines, near=places, near_m=5.0, above=bridges)


def sides(result):
    """The parts into which the nodes fall when the cuts are closed, by the nodes' places."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(result.network)))
    streets = result.network.street >= 0
    graph.add_edges_from(result.network.links[streets].tolist())
    parts = nx.connected_components(graph)
    return sorted(sorted(tuple(result.network.xy[n]) for n in part) for part in parts)


def test_a_street_that_crosses_a_wall_has_a_node_on_either_side():
    result = cut(STREET, LineString([(30, -10), (30, 10)]))

    assert result.xy.tolist() == [[30, 0]]
    assert result.network.length_cm.tolist() == [3000, 7000, 0]
    assert result.network.street.tolist() == [0, 0, -1]
    assert sides(result) == [[(0, 0), (30, 0)], [(30, 0), (100, 0)]]


def test_the_link_of_a_cut_joins_its_two_nodes_and_the_walk_stays_as_long():
    result = cut(STREET, LineString([(30, -10), (30, 10)]), LineString([(60, -10), (60, 10)]))
    links = result.network.links[result.network.street < 0]

    assert sorted(map(tuple, links.tolist())) == sorted(map(tuple, result.pairs.tolist()))
    assert result.line.tolist() == [0, 1]
    assert result.network.reach([[0]], limit_m=1e3).cm[0, 1] == 10_000


@pytest.mark.parametrize(
    "wall",
    [
        LineString([(50, 0), (50, 10)]),  # begins on the street
        LineString([(0, -10), (0, 10)]),  # passes the end of the street
        LineString([(20, 0), (80, 0)]),  # runs along it
        LineString([(50, 10), (50, 1)]),  # stops before it
        LineString([(40, 10), (50, 0), (60, 10)]),  # touches it with a corner
    ],
)
def test_what_only_touches_or_runs_along_a_street_does_not_cut_it(wall):
    assert len(cut(STREET, wall).pairs) == 0
    assert cut(STREET, wall).network.length_cm.sum() == 10_000


def test_a_street_that_comes_back_on_the_same_side_is_not_cut():
    bend = WalkNetwork.from_arrays([(0, 10), (50, 0), (100, 10)], [(0, 1), (1, 2)], [51, 51])

    assert len(cut(bend, LineString([(0, 0), (100, 0)])).pairs) == 0


def test_a_wall_at_a_sharp_angle_still_cuts():
    assert len(cut(STREET, LineString([(20, 2), (80, -2)])).pairs) == 1


def test_a_street_in_two_pieces_is_cut_at_their_common_end():
    two = WalkNetwork.from_arrays([(0, 0), (50, 0), (100, 0)], [(0, 1), (1, 2)], [50, 50])
    result = cut(two, LineString([(50, -10), (50, 10)]))

    assert sides(result) == [[(0, 0), (50, 0)], [(50, 0), (100, 0)]]
    assert result.network.length_cm.tolist() == [5000, 5000, 0]


def test_a_junction_on_a_wall_is_parted_between_its_sides():
    result = cut(PLUS, LineString([(-50, -50), (50, 50)]))

    assert sides(result) == [
        [(-100, 0), (0, 0), (0, 100)],
        [(0, -100), (0, 0), (100, 0)],
    ]


def test_a_junction_is_not_parted_where_one_of_its_streets_runs_along_the_wall():
    assert len(cut(PLUS, LineString([(0, -50), (0, 50)])).pairs) == 0


def test_where_three_walls_meet_a_junction_has_three_sides():
    walls = [LineString([(0, 0), end]) for end in [(50, 50), (-50, 50), (10, -50)]]
    result = cut(PLUS, *walls)

    assert len(result.pairs) == 2
    assert [len(part) for part in sides(result)] == [3, 2, 2] or len(sides(result)) == 3


def test_walls_that_end_in_one_place_on_a_street_stop_like_one():
    north, south = LineString([(50, 0), (50, 10)]), LineString([(50, -10), (50, 0)])

    assert len(cut(STREET, north).pairs) == 0
    assert len(cut(STREET, north, south).pairs) == 1


def test_a_wall_drawn_twice_cuts_once_and_the_first_one_is_named():
    wall = LineString([(30, -10), (30, 10)])
    result = cut(STREET, wall, wall)

    assert len(result.pairs) == 1
    assert result.line.tolist() == [0]


def test_a_ring_is_cut_where_the_street_goes_in_and_where_it_comes_out():
    ring = LinearRing([(20, -20), (60, -20), (60, 20), (20, 20)])
    starts_on_the_street = LineString([(60, 0), (60, 20), (20, 20), (20, -20), (60, -20), (60, 0)])

    for wall in (ring, starts_on_the_street):
        assert sorted(cut(STREET, wall).xy.tolist()) == [[20, 0], [60, 0]]


def test_bridges_pass_over_walls():
    assert len(cut(STREET, LineString([(30, -10), (30, 10)]), above=[0]).pairs) == 0


@pytest.mark.parametrize(("away_m", "count"), [(5, 1), (5.01, 0)])
def test_a_line_that_cuts_only_near_its_gates_leaves_the_rest_alone(away_m, count):
    outline = LineString([(30, -10), (30, 10)])
    gates = MultiPoint([Point(30, 300), Point(30, away_m)])

    assert len(cut(STREET, outline, near=gates).pairs) == count


def test_a_file_in_centimetres_still_has_its_walls_on_its_streets():
    two = WalkNetwork.from_arrays([(0, 0), (50.004, 0), (100, 0)], [(0, 1), (1, 2)], [50, 50])
    result = cut(two, LineString([(50, -10), (50, 10)]))

    assert len(result.pairs) == 1
    assert len(sides(result)) == 2


# -- Promises for any walls

whole = st.integers(0, 8)
place = st.tuples(whole, whole)


@st.composite
def walls_between_blocks(draw):
    """Walls along half coordinates, so that streets on whole ones are crossed between junctions."""
    count = draw(st.integers(1, 4))
    walls = []
    for _ in range(count):
        x, low, high = draw(whole) + 0.5, draw(whole) - 0.25, draw(whole) + 0.25
        line = [(x, low), (x, high)] if draw(st.booleans()) else [(low, x), (high, x)]
        walls.append(LineString(np.array(line) * 10))
    return walls


@given(walls_between_blocks())
def test_closed_cuts_part_a_grid_exactly_as_its_walls_do(walls):
    grid = nx.grid_2d_graph(9, 9)
    names = list(grid.nodes)
    number = {name: i for i, name in enumerate(names)}
    edges = list(grid.edges)
    links = [(number[a], number[b]) for a, b in edges]
    network = WalkNetwork.from_arrays(np.array(names) * 10.0, links, [10.0] * len(links))
    result = cut(network, *walls)

    stopped = shapely.union_all(walls)
    kept = [(a, b) for a, b in edges if not stopped.intersects(LineString(np.array([a, b]) * 10.0))]
    oracle = nx.Graph(kept)
    oracle.add_nodes_from(names)
    streets = result.network.street >= 0
    graph = nx.Graph(result.network.links[streets].tolist())
    expected = {frozenset(number[n] for n in part) for part in nx.connected_components(oracle)}
    found = {frozenset(n for n in part if n < 81) for part in nx.connected_components(graph)}

    assert found - {frozenset()} == expected
    assert result.network.length_cm[streets].sum() == 1000 * len(links)
    assert result.network.components().max() == 0
