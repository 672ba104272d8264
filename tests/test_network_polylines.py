"""Many lines at once: heights go along with every cut, joint and choice."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString

from gis.network.polylines import Polylines

NAN = math.nan


def test_lines_bring_their_heights_where_they_have_any():
    lines = Polylines.from_lines(
        np.array([LineString([(0, 0, 1), (3, 4, 2)]), LineString([(0, 0), (6, 8)])])
    )

    assert lines.z == pytest.approx([1, 2, NAN, NAN], nan_ok=True)
    assert lines.length_m.tolist() == [5, 10]  # on the plan
    assert lines.xy.shape == (4, 2)


def test_lines_made_of_arrays_have_unknown_heights_unless_given():
    assert np.isnan(Polylines(np.zeros((2, 2)), np.array([0, 2])).z).all()
    assert np.isnan(Polylines.straight(np.zeros((1, 2)), np.ones((1, 2))).z).all()


def three():
    xy = np.array([(0, 0), (10, 0), (20, 0), (0, 5), (8, 5), (0, 9), (4, 9)], dtype=float)
    return Polylines(xy, np.array([0, 3, 5, 7]), np.array([0, 4, 2, NAN, 7, 5, 9]))


def test_a_new_vertex_lies_on_the_straight_line_between_its_neighbours():
    line = np.array([0, 0, 1, 2, 2, 0])
    along = np.array([5.0, 17.5, 4.0, -1.0, 9.0, 10.0])
    lines, at = three().insert(line, along, np.zeros((6, 2)))

    # Half of 0..4; three quarters of 4..2; a neighbour unknown; before the start; beyond the end;
    # on a vertex.
    assert lines.z[at] == pytest.approx([2, 2.5, NAN, 5, 9, 4], nan_ok=True)


def test_on_a_known_vertex_beside_an_unknown_one_the_height_is_known():
    lines, at = three().insert(np.array([1]), np.array([8.0]), np.zeros((1, 2)))

    assert lines.z[at].tolist() == [7]


def test_cutting_choosing_and_joining_keep_heights():
    lines = three()
    pieces, parent = lines.cut(np.array([False, True, False, False, False, False, False]))

    assert parent.tolist() == [0, 0, 1, 2]
    assert pieces.z == pytest.approx([0, 4, 4, 2, NAN, 7, 5, 9], nan_ok=True)
    assert lines.take(np.array([2, 0])).z.tolist() == [5, 9, 0, 4, 2]
    assert lines.take(np.array([2])).joined(lines.take(np.array([0]))).z.tolist() == [5, 9, 0, 4, 2]


def test_taking_and_joining_at_once_is_taking_and_then_joining():
    lines = three()
    both = lines.take_joined(np.array([2, 0]), lines.take(np.array([1])))

    assert both.start.tolist() == [0, 2, 5, 7]
    assert both.xy[:, 0].tolist() == [0, 4, 0, 10, 20, 0, 8]
    assert both.z == pytest.approx([5, 9, 0, 4, 2, NAN, 7], nan_ok=True)


def test_bounds_are_the_least_and_the_greatest_of_each_line():
    low, high = three().bounds

    assert low.tolist() == [[0, 0], [0, 5], [0, 9]]
    assert high.tolist() == [[20, 0], [8, 5], [4, 9]]
    assert len(three().take(np.empty(0, dtype=np.int64)).bounds[0]) == 0


@given(
    z=st.lists(st.floats(-100, 100), min_size=2, max_size=6),
    share=st.floats(0, 1),
    before=st.integers(0, 3),
)
def test_inserting_agrees_with_interpolation_whatever_lies_before(z, share, before):
    x = np.arange(len(z)) * 7.5
    own = Polylines(np.c_[x, np.zeros(len(z))], np.array([0, len(z)]), np.array(z))
    lines = own
    for _ in range(before):
        lines = three().joined(lines)
    along = share * x[-1]

    longer, at = lines.insert(np.array([len(lines) - 1]), np.array([along]), np.zeros((1, 2)))

    assert longer.z[at][0] == pytest.approx(np.interp(along, x, z), abs=1e-6)
