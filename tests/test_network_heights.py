"""Heights of the network: whose they are, where there are none, what bridges and noise do."""

import dataclasses
import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator
from shapely import LineString, Point

from gis.model import Study
from gis.network import attach, build_network, costs_of, missing_heights, with_heights
from gis.network.heights import smoothed
from gis.network.polylines import Polylines
from gis.walkers import load_walker
from tests import layers

X, Y = 500_000, 3_650_000
NAN = math.nan


layer = partial(layers.layer, corner=None)


def line(*points):
    return LineString([(X + x, Y + y, *z) for x, y, *z in points])


def study(streets, spots=(), **columns):
    """A study of streets and spot heights (x, y, z)."""
    layers = {"streets": layer("streets", streets, **columns)}
    if spots:
        shapes = [Point(X + x, Y + y) for x, y, _ in spots]
        layers["heights"] = layer("heights", shapes, elevation_m=[z for *_, z in spots])
    return Study(layers)


def heights(given_):
    """Heights by place (x, y) in metres from the corner, and the findings."""
    network, _ = build_network(given_.layer("streets"))
    network, findings = with_heights(network, given_)
    places = {}
    for (x, y), z in zip(network.lines.xy - [X, Y], network.lines.z, strict=True):
        places[round(float(x), 3), round(float(y), 3)] = round(float(z), 6)
    return places, {finding.code: finding.message for finding in findings}


PLANE = [(x, y, x / 10) for x in (-100, 300) for y in (-100, 300)]
"""Spot heights of a slope of 10 % to the east."""


# -- Where heights come from


def test_streets_bring_their_own_heights_which_are_kept_at_cuts_and_joints():
    places, told = heights(study([line((0, 0, 1), (100, 0, 11)), line((50, 0.3, 0), (50, 80, 8))]))

    # The side street ends 0.3 m from the main one, which is cut there half way up.
    assert places[0, 0] == 1
    assert places[50, 0.3] == 0
    assert places[100, 0] == 11
    assert "100.0% of the street length has z of its own" in told["heights-from"]
    assert "heights-missing" not in told


def test_between_spot_heights_it_is_linear():
    places, told = heights(study([line((0, 0), (37, 120), (200, 200))], PLANE))

    assert places == {(0, 0): 0, (37, 120): 3.7, (200, 200): 20}
    assert "0.0% of the street length has z of its own, 100.0% has" in told["heights-from"]


def test_own_heights_win_over_spot_heights():
    places, _ = heights(study([line((0, 0, 5), (100, 0, 6)), line((0, 9), (100, 9))], PLANE))

    assert (places[0, 0], places[100, 0]) == (5, 6)
    assert (places[0, 9], places[100, 9]) == (0, 10)


def test_outside_the_spot_heights_nothing_is_known_and_the_share_is_told():
    places, told = heights(study([line((0, 0), (300, 0)), line((300, 0), (600, 0))], PLANE))

    assert places[300, 0] == 30
    assert math.isnan(places[600, 0])
    assert told["heights-missing"].startswith("50.0% of the street length (300 m of 600 m)")


def test_without_any_heights_it_says_so():
    places, told = heights(study([line((0, 0), (300, 0))]))

    assert all(math.isnan(z) for z in places.values())
    assert "No street has heights; import a grid" in told["heights-none"]


@pytest.mark.parametrize("spots", [PLANE[:2], [(0, 0, 1), (50, 50, 2), (100, 100.4, 3)]])
def test_spot_heights_too_few_or_on_one_line_say_nothing_of_what_is_between(spots):
    places, told = heights(study([line((0, 0), (30, 60))], spots))

    assert all(math.isnan(z) for z in places.values())
    assert f"The {len(spots)} spot heights lie on one line" in told["heights-too-few"]


def test_two_heights_at_one_place_count_as_their_mean():
    spots = [*PLANE, (0, 0, 100), (0, 0, 200)]

    assert heights(study([line((0, 0), (9, 200))], spots))[0][0, 0] == 150


def test_a_grid_of_many_spot_heights_is_read_to_the_millimetre():
    grid = [(x * 2, y * 2, x / 5) for x in range(101) for y in range(101)]
    places, _ = heights(study([line((1, 1), (77, 130), (199, 199))], grid))

    assert [round(places[p], 3) for p in ((1, 1), (77, 130), (199, 199))] == [0.1, 7.7, 19.9]


def test_heights_between_scattered_spots_agree_with_scipy():
    rng = np.random.default_rng(5)
    spots = np.c_[rng.uniform(0, 1000, (300, 2)), rng.normal(0, 5, 300)]
    places = rng.uniform(100, 900, (200, 2))
    found, _ = heights(study([line(*places.round(3))], spots.tolist()))
    expected = LinearNDInterpolator(spots[:, :2], spots[:, 2])(places.round(3))

    assert list(found.values()) == pytest.approx(expected, abs=1e-5, nan_ok=True)
    assert np.isfinite(expected).all()


def test_the_outermost_spot_heights_are_within_and_10_cm_beyond_is_not():
    places, _ = heights(study([line((-100, -100), (300, 300), (300.1, 300))], PLANE))

    assert (places[-100, -100], places[300, 300]) == (-10, 30)
    assert math.isnan(places[300.1, 300])


# -- Bridges and tunnels


VALLEY = [(0, -100, 20), (0, 100, 20), (100, -100, 0), (100, 100, 0), (200, -100, 20),
          (200, 100, 20)]  # fmt: skip
"""A valley 20 m deep at x = 100."""


def test_a_bridge_does_not_go_down_into_the_valley():
    deck = line((25, 0), (100, 0), (175, 0))
    ways = [line((0, 0), (25, 0)), deck, line((175, 0), (200, 0))]

    over, _ = heights(study(ways, VALLEY, bridge=[None, True, None]))
    down, _ = heights(study(ways, VALLEY))

    assert over[25, 0] == over[100, 0] == over[175, 0] == 15
    assert down[100, 0] == 0


def test_a_bridge_in_two_halves_rises_evenly_between_its_ends():
    # From 15 m at x = 25 to 5 m at x = 125: half way is 10 m, though it is in two streets.
    ways = [
        line((0, 0), (25, 0)), line((25, 0), (75, 0)), line((75, 0), (125, 0)),
        line((125, 0), (125, 50)),
    ]  # fmt: skip
    places, _ = heights(study(ways, VALLEY, bridge=[None, True, True, None]))

    assert (places[25, 0], places[75, 0], places[125, 0]) == (15, 10, 5)


def test_a_bridge_that_ends_where_nothing_is_known_is_not_known():
    ways = [line((175, 0), (200, 0)), line((200, 0), (300, 0)), line((300, 0), (400, 0))]
    places, told = heights(study(ways, VALLEY, tunnel=[None, True, None]))

    assert places[200, 0] == 20
    assert math.isnan(places[300, 0])
    assert told["heights-missing"].startswith("88.9%")  # 200 of 225 m


def test_a_bridge_on_its_own_has_no_heights():
    assert math.isnan(heights(study([line((0, 0), (100, 0))], VALLEY, bridge=[True]))[0][0, 0])


# -- Links added later


def test_the_way_from_a_gate_to_its_street_gets_heights_when_asked_again():
    given_ = study([line((0, 0), (200, 0))], PLANE)
    network, _ = with_heights(build_network(given_.layer("streets"))[0], given_)
    linked = attach(network, [(X + 50, Y + 40)]).network

    again, _ = with_heights(linked, given_)

    leg = int((again.street == -1).argmax())
    assert again.lines.take(np.array([leg])).z.tolist() == [5, 5]
    streets = np.flatnonzero(again.street >= 0)
    before = linked.lines.take(streets)
    assert np.array_equal(again.lines.take(streets).z, before.z)
    assert sorted(before.z) == pytest.approx([0, 5, 5, 20])


def test_lines_whose_heights_are_known_are_left_alone_noise_and_all():
    given_ = study([line((0, 0, 1), (1, 0, 9), (30, 0, 2)), line((0, 9), (30, 9))], PLANE)
    network, _ = build_network(given_.layer("streets"))
    z = network.lines.z.copy()
    z[:3] = [1, 9, 2]  # as surveyed, not evened out

    raised, _ = with_heights(
        dataclasses.replace(network, lines=dataclasses.replace(network.lines, z=z)), given_
    )

    assert raised.lines.z == pytest.approx([1, 9, 2, 0, 3])


def test_asking_twice_changes_nothing():
    given_ = study([line(*((x, x % 7) for x in range(0, 200, 3)))], PLANE)
    once, _ = with_heights(build_network(given_.layer("streets"))[0], given_)
    twice, _ = with_heights(once, given_)

    assert np.array_equal(once.lines.z, twice.lines.z)


# -- Noise


def course(*points):
    x, z = np.array(points, dtype=float).T
    return Polylines(np.c_[x, np.zeros(len(x))], np.array([0, len(x)]), z)


def test_heights_closer_than_10_m_are_evened_out_and_the_ends_stay():
    lines = course((0, 0), (1, 0.5), (2, -0.5), (10, 1), (19, 9), (20, 2), (25, 7), (29, 3))

    # What counts is 0, 10 (10 m on) and 29; 20 lies 9 m from the end.
    assert smoothed(lines).z == pytest.approx([0, 0.1, 0.2, 1, 1 + 18 / 19, 1 + 20 / 19,
                                               1 + 30 / 19, 3])  # fmt: skip


def test_heights_10_m_apart_are_all_kept():
    lines = course((0, 0), (10, 5), (20, 1), (30, 9))

    assert smoothed(lines).z.tolist() == [0, 5, 1, 9]


def test_a_line_with_an_unknown_height_stays_as_it_is_and_others_are_not_touched_by_it():
    lines = course((0, 0), (1, 5), (2, NAN), (30, 3)).joined(course((0, 1), (5, 9), (30, 4)))

    assert smoothed(lines).z == pytest.approx([0, 5, NAN, 3, 1, 1.5, 4], nan_ok=True)
    assert smoothed(lines, only=np.array([True, False])).z[4:].tolist() == [1, 9, 4]


@given(st.integers(0, 2**32), st.integers(30, 200))
def test_10_cm_of_noise_every_metre_makes_no_slope_above_2_percent(seed, metres):
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, metres)
    lines = smoothed(course(*enumerate(noise)))

    assert np.abs(np.diff(lines.z)).max() <= 0.02 + 1e-9


def test_noise_on_the_flat_costs_an_old_man_a_few_percent_and_not_a_third():
    rng = np.random.default_rng(3)
    noisy = [(x, 0, float(z)) for x, z in enumerate(rng.uniform(-0.1, 0.1, 501))]
    network, _ = build_network(study([line(*noisy)]).layer("streets"))
    raw = dataclasses.replace(network.lines, z=np.array([z for *_, z in noisy]))

    even, uneven = (
        costs_of(each, load_walker("elderly"), mode="time", terrain=True)[0][0].max() / 50_000
        for each in (network, dataclasses.replace(network, lines=raw))
    )

    assert even < 1.02
    assert uneven > 1.08


def test_missing_heights_are_told_by_the_metre_without_legs():
    network, _ = build_network(study([line((0, 0, 1), (30, 0, 1)), line((0, 9), (10, 9))])
                               .layer("streets"))  # fmt: skip
    network = attach(network, [(X + 5, Y + 90)]).network  # a leg of 81 m
    (finding,) = missing_heights(network)

    assert (network.street == -1).sum() == 1
    assert finding.message.startswith("25.0% of the street length (10 m of 40 m) has no heights")
