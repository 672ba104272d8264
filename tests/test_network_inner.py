"""Ways inside estates, in yards small enough to pace them out."""

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Polygon, box

from gis.network.inner import inner_ways

YARD = box(0, 0, 100, 100)
NONE = np.empty(0, dtype=object)


def ways(area, starts, goals, streets=(), blockers=()):
    starts, goals = np.array(starts, dtype=float), np.array(goals, dtype=float)
    return inner_ways(
        np.array([area], dtype=object),
        starts.reshape(-1, 2),
        np.zeros(len(starts), dtype=np.int64),
        goals.reshape(-1, 2),
        np.zeros(len(goals), dtype=np.int64),
        streets=np.array(streets, dtype=object),
        blockers=np.array(blockers, dtype=object),
    )


def course(result, k=0):
    lines = result.lines
    return [tuple(xy) for xy in lines.xy[lines.start[k] : lines.start[k + 1]].round(2).tolist()]


def test_without_streets_inside_one_walks_straight_to_the_gate():
    result = ways(YARD, [(50, 60)], [(50, 0)])

    assert result.metres.tolist() == [60]
    assert course(result) == [(50, 60), (50, 0)]


def test_with_a_street_inside_one_walks_to_it_and_along_it():
    lane = LineString([(50, 5), (50, 90)])
    result = ways(YARD, [(20, 70)], [(50, 0)], [lane])

    assert result.metres.tolist() == [30 + 65 + 5]
    assert course(result) == [(20, 70), (50, 70), (50, 5), (50, 0)]


def test_a_gate_that_is_nearer_than_the_street_is_reached_straight():
    lane = LineString([(90, 5), (90, 90)])

    assert ways(YARD, [(60, 30)], [(60, 0)], [lane]).metres.tolist() == [30]
    metres = ways(YARD, [(60, 31)], [(60, 0)], [lane]).metres
    assert metres == pytest.approx([30 + 26 + math.hypot(30, 5)], abs=0.01)


def test_a_street_that_does_not_lead_to_the_gate_is_left_for_the_straight_way():
    apart = [LineString([(10, 90), (30, 90)]), LineString([(60, 10), (90, 10)])]
    result = ways(YARD, [(20, 80)], [(80, 0)], apart)

    assert result.metres[0] == pytest.approx(100)


def test_a_street_outside_does_not_count():
    result = ways(YARD, [(50, 60)], [(50, 0)], [LineString([(-10, 60), (-10, 0), (50, -1)])])

    assert result.metres.tolist() == [60]


def test_each_start_has_a_way_to_each_gate_in_order():
    result = ways(YARD, [(10, 50), (90, 50)], [(50, 0), (0, 50), (100, 50)])

    assert list(zip(result.start.tolist(), result.goal.tolist(), strict=True)) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert result.metres[[1, 2, 4, 5]].tolist() == [10, 90, 90, 10]


def test_one_walks_around_the_corners_of_a_yard():
    # A U: from the west wing to the east wing around the notch between them.
    u = Polygon([(0, 0), (100, 0), (100, 100), (60, 100), (60, 40), (40, 40), (40, 100), (0, 100)])
    result = ways(u, [(40, 80)], [(60, 80)])

    assert result.metres.tolist() == [40 + 20 + 40]
    assert course(result) == [(40, 80), (40, 40), (60, 40), (60, 80)]


def test_one_walks_around_a_courtyard():
    ring = Polygon(YARD.exterior, [box(30, 30, 70, 70).exterior])
    result = ways(ring, [(30, 20)], [(80, 70)])

    assert result.metres[0] == pytest.approx(math.hypot(40, 10) + math.hypot(10, 40))


def test_a_wall_inside_is_walked_around_at_its_end():
    wall = LineString([(50, 0), (50, 80)])
    result = ways(YARD, [(20, 80)], [(100, 80)], blockers=[wall])

    assert 80 < result.metres[0] < 80 + 0.1
    assert course(result)[1] == (50.7, 80.7) or course(result)[1] == (49.3, 80.7)


def test_a_wall_across_the_yard_leaves_no_way():
    result = ways(YARD, [(20, 50)], [(100, 50)], blockers=[LineString([(50, 0), (50, 100)])])

    assert len(result.start) == 0
    assert len(result.lines) == 0


@pytest.mark.parametrize("gate", [(100, 50), (102, 50), (105, 50), (98, 50)])
def test_the_wall_around_the_yard_is_open_at_a_gate_drawn_beside_it(gate):
    result = ways(YARD, [(20, 50)], [gate], blockers=[YARD.exterior])

    assert result.metres.tolist() == [gate[0] - 20]


def test_pieces_of_an_estate_are_not_joined_across_what_lies_between():
    two = MultiPolygon([YARD, box(200, 0, 300, 100)])

    assert ways(two, [(50, 50)], [(250, 0)]).start.tolist() == []
    assert ways(two, [(250, 50)], [(250, 0)]).metres.tolist() == [50]


def test_yards_side_by_side_share_no_streets():
    areas = np.array([YARD, box(100, 0, 200, 100)], dtype=object)
    lane = LineString([(0, 50), (200, 50)])
    result = inner_ways(
        areas, np.array([(20.0, 60.0), (180.0, 60.0)]), np.array([0, 1]),
        np.array([(0.0, 50.0), (200.0, 50.0)]), np.array([0, 1]),
        streets=np.array([lane], dtype=object),
    )  # fmt: skip

    assert result.start.tolist() == [0, 1]
    assert result.goal.tolist() == [0, 1]
    assert result.metres.tolist() == [30, 30]


def test_nothing_asked_is_nothing_found():
    nobody = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    result = inner_ways(NONE, *nobody, *nobody, streets=NONE)

    assert len(result.start) == len(result.lines) == 0


def test_a_street_of_the_neighbours_is_not_walked_though_it_is_nearer():
    areas = np.array([YARD, box(100, 0, 200, 100)], dtype=object)
    lanes = [LineString([(10, 0), (10, 90)]), LineString([(110, 0), (110, 90)])]
    result = inner_ways(
        areas, np.array([(90.0, 50.0)]), np.array([0]), np.array([(10.0, 0.0)]), np.array([0]),
        streets=np.array(lanes, dtype=object),
    )  # fmt: skip

    assert result.metres.tolist() == [80 + 50]


# -- Against a walk over squares

STEPS = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]


def shortest_over_squares(shape, start, goal, step):
    """Dijkstra over the grid points of an area: an upper bound of the way within it."""
    best, queue = {start: 0.0}, [(0.0, start)]
    while queue:
        far, at = heapq.heappop(queue)
        if at == goal:
            return far
        for dx, dy in STEPS:
            new = at[0] + dx * step, at[1] + dy * step
            if shape.covers(LineString([at, new])):
                total = far + step * math.hypot(dx, dy)
                if total < best.get(new, math.inf):
                    best[new] = total
                    heapq.heappush(queue, (total, new))
    return math.inf


notch = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))


@settings(max_examples=20, deadline=None)
@given(notch, st.integers(0, 9), st.integers(0, 9))
def test_ways_in_yards_with_a_notch_are_the_shortest(given_notch, left, right):
    low, width, depth = given_notch
    high = min(low + width, 9)
    if low >= high:
        low, high = 4, 5
    yard = box(0, 0, 100, 100) - box(low * 10, 100 - depth * 10, high * 10, 100)
    start, goal = (0, left * 10), (100, right * 10)
    (metres,) = ways(yard, [start], [goal]).metres
    over_squares = shortest_over_squares(yard, start, goal, 10)

    # Straight steps in eight directions are at most 8.24 % longer than the crow flies.
    assert metres <= over_squares + 1e-6
    assert over_squares <= metres * 1.0824 + 1e-6
