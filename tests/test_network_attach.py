"""Points are linked to the nearest street edge, never through what stops people."""

from importlib import import_module

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, box

from gis.errors import OptionError
from gis.network import WalkNetwork, attach
from gis.network.attach import add_nodes, join
from gis.network.polylines import Polylines

STREET = WalkNetwork.from_arrays([(0, 0), (100, 0)], [(0, 1)], [100])


def between(attachment, a, b):
    """Metres from point a to point b."""
    start, goal = attachment.node[[a, b]]
    return float(attachment.network.reach([[start]], limit_m=1e6).metres[0, goal])


def test_a_point_is_linked_to_the_edge_and_not_to_its_nearest_node():
    linked = attach(STREET, [(30, 40), (80, 0)])

    assert linked.foot_xy.tolist() == [[30, 0], [80, 0]]
    assert linked.leg_m.tolist() == [40, 0]
    assert between(linked, 0, 1) == 90
    assert linked.component.tolist() == [0, 0]


def test_a_link_that_is_not_counted_costs_nothing():
    assert between(attach(STREET, [(30, 40), (80, 30)], counted=False), 0, 1) == 50
    assert between(attach(STREET, [(30, 40), (80, 30)], counted=True), 0, 1) == 120


def test_pieces_of_a_cut_street_add_up_to_its_centimetres():
    uneven = WalkNetwork.from_arrays([(0, 0), (100, 0)], [(0, 1)], [133.37])
    linked = attach(uneven, [(x, 5) for x in (10, 33.3, 33.3, 71.7, 99.9)])
    pieces = linked.network.length_cm[linked.network.street == 0]

    assert len(pieces) == 5
    assert pieces.sum() == 13_337


def test_points_across_the_street_from_each_other_share_their_place_on_it():
    linked = attach(STREET, [(50, 10), (50, -20)])

    assert between(linked, 0, 1) == 30
    assert len(linked.network) == 5


def test_a_point_beyond_the_end_of_a_street_uses_its_end_without_a_cut():
    linked = attach(STREET, [(-30, 0), (100, 0), (100.004, 0)], counted=False)

    assert linked.node.tolist() == [0, 1, 1]
    assert len(linked.network.links) == 1


@pytest.mark.parametrize(
    ("away_m", "linked"), [(299.99, True), (300.00, True), (300.004, True), (300.01, False)]
)
def test_exactly_the_longest_link_is_linked(away_m, linked):
    attachment = attach(STREET, [(50, away_m)])

    assert (attachment.node[0] >= 0) == linked
    if not linked:
        assert np.isnan(attachment.leg_m[0])
        assert np.isnan(attachment.foot_xy[0]).all()
        assert attachment.component[0] == -1


def test_a_longest_link_of_nothing_links_what_lies_on_the_street():
    assert attach(STREET, [(50, 0), (50, 1)], longest_link_m=0).node.tolist() == [2, -1]


def test_the_order_of_the_points_is_kept():
    linked = attach(STREET, [(90, 1), (10, 1), (50, 900), (40, 1)], counted=False)

    assert linked.network.xy[linked.node[[0, 1, 3]], 0].tolist() == [90, 10, 40]
    assert linked.node[2] == -1


def test_a_point_without_coordinates_stays_unlinked():
    assert attach(STREET, [(np.nan, np.nan), (50, 1)]).node[0] == -1


def test_no_points_leave_the_network_as_it_was():
    assert attach(STREET, []).network is STREET


def test_equal_distances_go_to_the_street_that_comes_first():
    two = WalkNetwork.from_arrays(
        [(0, 10), (100, 10), (0, -10), (100, -10)], [(2, 3), (0, 1)], [100, 100]
    )

    assert attach(two, [(50, 0)]).foot_xy.tolist() == [[50, -10]]


def test_the_true_course_of_a_street_counts_and_not_its_chord():
    bend = Polylines.from_lines(np.array([LineString([(0, 0), (50, 50), (100, 0)])]))
    network = WalkNetwork(STREET.xy, STREET.links, np.array([14142]), bend, STREET.street)
    linked = attach(network, [(50, 60)], counted=False)

    assert linked.leg_m.tolist() == [10]
    assert sorted(linked.network.length_cm) == [7071, 7071]
    assert linked.network.lines.shapes[0].length == pytest.approx(70.71, abs=0.01)


def test_later_points_are_not_linked_to_the_way_of_earlier_ones():
    first = attach(STREET, [(50, 100)])
    second = attach(first.network, [(60, 90)])

    assert second.leg_m.tolist() == [90]


# -- What stops people

NEAR_AND_FAR = WalkNetwork.from_arrays(
    [(0, 0), (100, 0), (0, 100), (100, 100)], [(0, 1), (2, 3)], [100, 100]
)
RIVER = LineString([(-500, 20), (500, 20)])


def test_across_a_river_the_next_street_is_taken():
    linked = attach(NEAR_AND_FAR, [(50, 30)], blockers=np.array([RIVER]))

    assert linked.foot_xy.tolist() == [[50, 100]]
    assert linked.leg_m.tolist() == [70]


def test_with_a_river_all_around_a_point_stays_unlinked():
    island = box(40, 20, 60, 40).exterior

    assert attach(NEAR_AND_FAR, [(50, 30)], blockers=np.array([island])).node.tolist() == [-1]


def test_a_point_in_the_water_stays_unlinked():
    lake = box(0, 20, 100, 40)

    assert attach(NEAR_AND_FAR, [(50, 30)], blockers=np.array([lake])).node.tolist() == [-1]


def test_the_next_street_must_not_be_beyond_the_longest_link():
    linked = attach(NEAR_AND_FAR, [(50, 30)], blockers=np.array([RIVER]), longest_link_m=69.99)

    assert linked.node.tolist() == [-1]


def test_many_streets_behind_a_wall_are_passed_over():
    xy = [(x, y) for y in range(40) for x in (0, 100)] + [(0, 150), (100, 150)]
    many = WalkNetwork.from_arrays(xy, [(2 * i, 2 * i + 1) for i in range(41)], [100] * 41)
    wall = LineString([(-500, 45), (500, 45)])

    assert attach(many, [(50, 50)], blockers=np.array([wall])).foot_xy.tolist() == [[50, 150]]


@pytest.mark.parametrize(("off_m", "goes"), [(0.0, True), (0.5, True), (0.6, False)])
def test_a_gate_stands_in_its_wall_and_is_not_stopped_by_it(off_m, goes):
    wall = LineString([(-500, 20), (500, 20)])
    linked = attach(STREET, [(50, 20 + off_m)], blockers=np.array([wall]))

    assert (linked.node[0] >= 0) == goes


def test_a_street_on_the_very_line_of_a_barrier_is_reached_from_both_sides():
    linked = attach(STREET, [(50, 9), (50, -9)], blockers=np.array([STREET.lines.shapes[0]]))

    assert linked.leg_m.tolist() == [9, 9]


def test_a_wall_just_before_the_street_stops():
    wall = LineString([(-500, 0.3), (500, 0.3)])

    assert attach(STREET, [(50, 9)], blockers=np.array([wall])).node.tolist() == [-1]


def test_a_barrier_in_pieces_stops_like_one():
    pieces = MultiLineString(
        [LineString([(-500, 20), (50, 20)]), LineString([(50, 20), (500, 20)])]
    )

    assert attach(STREET, [(50, 30)], blockers=np.array([pieces])).node.tolist() == [-1]


# -- What else may refuse a way


def test_a_refused_way_gives_place_to_the_next_nearest():
    asked = []

    def refused(place, link, way):
        asked.extend(zip(place.tolist(), link.tolist(), way[:, 1].tolist(), strict=True))
        return link == 0

    linked = attach(NEAR_AND_FAR, [(50, 30), (50, 900)], refused=refused)

    assert linked.foot_xy[0].tolist() == [50, 100]
    assert linked.node[1] == -1
    assert (0, 0, [50, 0]) in asked


def test_a_refusal_is_asked_with_the_rows_of_links_and_not_of_streets():
    first = attach(NEAR_AND_FAR, [(50, 30)])
    streets = np.flatnonzero(first.network.street >= 0)
    told = []

    attach(first.network, [(20, 40)], refused=lambda p, link, way: told.extend(link) or p < 0)

    assert set(told) <= set(streets.tolist())


def test_when_every_way_is_refused_a_point_stays_unlinked():
    assert attach(STREET, [(50, 30)], refused=lambda p, link, way: p >= 0).node.tolist() == [-1]


@pytest.mark.parametrize(("clear_m", "goes"), [(5.001, True), (4.9, False)])
def test_a_wall_is_open_as_far_around_a_point_as_one_says(clear_m, goes):
    wall = LineString([(-500, 20), (500, 20)])
    linked = attach(STREET, [(50, 25)], blockers=np.array([wall]), clear_m=np.array([clear_m]))

    assert (linked.node[0] >= 0) == goes


def test_joined_nodes_cost_what_is_said_and_are_no_streets():
    network, (node,) = add_nodes(STREET, np.array([(50.0, 50.0)]))
    line = Polylines.straight(np.array([(50.0, 50.0)]), np.array([(100.0, 0.0)]))
    joined = join(network, np.array([[node, 1]]), np.array([4200]), line)

    assert joined.reach([[0]], limit_m=1e3).cm[0].tolist() == [0, 10_000, 14_200]
    assert joined.street.tolist() == [0, -1]
    assert attach(joined, [(50, 49)]).leg_m.tolist() == [49]


# -- Promises for any points

place = st.tuples(st.integers(-50, 150), st.integers(-50, 150))


@settings(max_examples=50, deadline=None)
@given(st.lists(place, min_size=1, max_size=12), st.booleans())
def test_cutting_never_changes_a_length_or_a_walk(points, counted):
    square = WalkNetwork.from_arrays(
        [(0, 0), (100, 0), (100, 100), (0, 100)], [(0, 1), (1, 2), (2, 3), (3, 0)], [100] * 4
    )
    linked = attach(square, points, counted=counted)
    before = square.reach([[0]], limit_m=1e4).cm
    after = linked.network.reach([[0]], limit_m=1e4).cm
    streets = linked.network.street >= 0

    assert np.array_equal(before[0], after[0, :4])
    for row in range(4):
        assert linked.network.length_cm[linked.network.street == row].sum() == 10_000
    assert (linked.network.length_cm[streets] > 0).all()
    ring = shapely.LinearRing(square.xy)
    assert np.allclose(linked.leg_m, shapely.distance(ring, shapely.points(points)), atol=0.005)
    off = after[0, linked.node] - (np.rint(linked.leg_m * 100) if counted else 0)
    along = np.minimum(
        shapely.line_locate_point(ring, shapely.points(linked.foot_xy)),
        400 - shapely.line_locate_point(ring, shapely.points(linked.foot_xy)),
    )
    assert np.allclose(off / 100, along, atol=0.011)


# -- Refusals


@pytest.mark.parametrize("longest_link_m", [-1, np.nan, np.inf])
def test_a_longest_link_that_is_no_distance_is_refused(longest_link_m):
    with pytest.raises(OptionError, match="longest_link_m is"):
        attach(STREET, [(0, 0)], longest_link_m=longest_link_m)


def test_points_without_two_coordinates_are_refused():
    with pytest.raises(OptionError, match=r"shape \(3,\)"):
        attach(STREET, [1, 2, 3])


def test_looking_strip_by_strip_finds_the_same_links(monkeypatch):
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 2000, (120, 2))
    network = WalkNetwork.from_arrays(xy, rng.integers(0, 120, (150, 2)), np.full(150, 9.0))
    points = rng.uniform(-100, 2100, (200, 2))
    walls = np.array([LineString(ends) for ends in rng.uniform(0, 2000, (30, 2, 2))])
    whole = attach(network, points, blockers=walls)
    module = import_module("gis.network.attach")  # the package has a function of that name
    monkeypatch.setattr(module, "_LINES_AT_ONCE", 10)
    strips = attach(network, points, blockers=walls)

    assert 0 < (whole.node >= 0).sum() < len(points)
    assert strips.node.tolist() == whole.node.tolist()
    assert np.array_equal(strips.foot_xy, whole.foot_xy, equal_nan=True)
    assert np.array_equal(strips.network.links, whole.network.links)
