"""What a walk costs: slopes, stairs, waiting, closed ways, against values worked out by hand."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString

from gis.errors import LayerError, MissingLayerError, OptionError, RuleError
from gis.network import (
    EffortTable,
    StreetTraits,
    WalkNetwork,
    build_network,
    costs_of,
    tobler,
)
from gis.network.polylines import Polylines
from gis.walkers import load_walker, walker_names
from tests import layers

X, Y = 500_000, 3_650_000


def way(*points, **columns):
    """A network of one link along x, from (x, z) points, with its street's traits."""
    x, z = np.array(points, dtype=float).T
    return links([list(zip(x, np.zeros(len(x)), z, strict=True))], **columns)


def links(courses, *, street=None, **columns):
    """A network of links with the given courses of (x, y, z)."""
    shapes = [np.array(course, dtype=float) for course in courses]
    start = np.cumsum([0] + [len(shape) for shape in shapes])
    xyz = np.concatenate(shapes)
    lines = Polylines(xyz[:, :2].copy(), start, xyz[:, 2].copy())
    rows = np.arange(len(shapes), dtype=np.int32) if street is None else np.array(street, np.int32)
    n = int(rows.max()) + 1
    none = {
        "stairs": np.zeros(n, bool), "lift": np.zeros(n, bool), "risers": np.full(n, np.nan),
        "delay_s": np.zeros(n), "width_m": np.full(n, np.nan),
    }  # fmt: skip
    given_ = {name: np.array(values, dtype=none[name].dtype) for name, values in columns.items()}
    return WalkNetwork(
        xy=xyz[np.stack([start[:-1], start[1:] - 1], axis=1).ravel(), :2],
        links=np.arange(2 * len(shapes), dtype=np.int32).reshape(-1, 2),
        length_cm=np.rint(lines.length_m * 100).astype(np.int32),
        lines=lines,
        street=rows,
        traits=StreetTraits(**(none | given_)),
    )


def costs(network, walker="standard", mode="time", **options):
    cost, findings = costs_of(network, load_walker(walker), mode=mode, **options)
    return cost.tolist(), {finding.code: finding.message for finding in findings}


def streets(*shapes, **columns):
    return layers.layer("streets", shapes, corner=None, first=0, **columns)


def line(*points):
    return LineString([(X + x, Y + y, *z) for x, y, *z in points])


# -- Slopes


@pytest.mark.parametrize(
    ("percent", "factor"),
    [
        (-20, 0.705), (-12, 0.932), (-8, 1.073), (-5, 1.191), (-2, 1.073), (0, 1.000),
        (2, 0.932), (5, 0.839), (8, 0.756), (12, 0.657), (20, 0.497),
    ],
)  # fmt: skip
def test_tobler_s_function_has_the_values_of_its_table(percent, factor):
    assert tobler(np.array([percent / 100]))[0] == pytest.approx(factor, abs=0.0005)


def test_100_m_up_10_percent_cost_142_m_of_the_flat_and_down_84():
    # f(+10 %) = exp(-3.5 x 0.10) = 0.7047, f(-10 %) = exp(0) = 1: |−0.05| − 0.05 = 0.
    # f(-5 %) = exp(3.5 x 0.05) = 1.1912: 100 m down 5 % cost 83.95 m.
    cost, _ = costs(way((0, 0), (100, 10)), terrain=True)
    assert cost == [[14191, 10000]]
    cost, _ = costs(way((0, 0), (100, 5)), terrain=True)
    assert cost == [[11912, 8395]]


def test_up_and_down_are_kept_apart_whichever_way_the_street_was_drawn():
    up, _ = costs(way((0, 0), (100, 5)), terrain=True)
    down, _ = costs(way((0, 5), (100, 0)), terrain=True)

    assert up[0] == down[0][::-1]
    assert up[0][0] != up[0][1]


@pytest.mark.parametrize("walker", ["elderly", "frail", "child_with_carer", "wheelchair"])
def test_old_people_children_and_wheels_are_never_faster_downhill_than_on_the_flat(walker):
    cost, _ = costs(way((0, 5), (100, 0)), walker, terrain=True)

    # Down 5 % as on the flat, up 5 % as everybody: 1 / 0.839 = 1.1912.
    assert cost == [[10000, 11912]]


def test_an_adult_gains_on_5_percent_down_and_loses_on_20_percent_down():
    cost, _ = costs(links([[(0, 0, 5), (100, 0, 0)], [(0, 9, 20), (100, 9, 0)]]), terrain=True)

    assert [along for along, _ in cost] == [8395, 14191]  # 1 / 1.191, 1 / 0.7047


def test_a_hill_in_the_middle_of_a_street_costs_though_both_ends_are_level():
    cost, _ = costs(way((0, 0), (100, 10), (200, 0)), terrain=True)

    assert cost == [[24191, 24191]]  # 141.91 up and 100.00 down


def test_slopes_count_only_where_they_are_asked_for_and_never_in_metres():
    hill = way((0, 0), (100, 10))

    assert costs(hill, terrain=False)[0] == [[10000, 10000]]
    assert costs(hill, mode="distance", terrain=True)[0] == [[10000, 10000]]


def test_a_slope_above_50_percent_counts_as_50_and_is_told():
    # f(0.5) = exp(-1.75) = 0.17377: 10 m cost 57.55 m, and 1:1 no more than that.
    steep, told = costs(way((0, 0), (10, 10)), terrain=True)
    stair, quiet = costs(way((0, 0), (10, 5)), terrain=True)

    assert steep[0][0] == stair[0][0] == 5755
    assert "10 m of streets are steeper than 50%" in told["slopes-capped"]
    assert "slopes-capped" not in quiet


def test_without_any_height_slopes_are_refused_and_told_what_to_import():
    flat = way((0, math.nan), (100, math.nan))

    for mode in ("time", "distance"):
        with pytest.raises(MissingLayerError, match=r"no street has heights; import a grid"):
            costs(flat, mode=mode, terrain=True)
    assert costs(flat, terrain=False)[0] == [[10000, 10000]]


def test_where_some_heights_are_unknown_it_is_flat_there_and_says_how_many_metres():
    network = links([[(0, 0, 0), (100, 0, 10)], [(0, 9, 0), (300, 9, math.nan)]])

    cost, told = costs(network, terrain=True)

    assert cost == [[14191, 10000], [30000, 30000]]
    assert told["heights-missing"].startswith("75.0% of the street length (300 m of 400 m)")


# -- The flat


@pytest.mark.parametrize("walker", walker_names())
@pytest.mark.parametrize("mode", ["time", "distance"])
def test_on_the_flat_every_walker_s_cost_is_the_length_to_the_centimetre(walker, mode):
    rng = np.random.default_rng(7)
    network = links([np.c_[rng.uniform(0, 500, (6, 2)), np.full(6, 55.5)] for _ in range(50)])

    cost, _ = costs_of(network, load_walker(walker), mode=mode, terrain=True)

    assert np.array_equal(cost, np.repeat(network.length_cm[:, None], 2, axis=1))
    assert cost.dtype == np.int32


def test_a_network_without_streets_costs_its_lengths():
    network = WalkNetwork.from_arrays([(0, 0), (3, 4)], [(0, 1)], [7.0])

    assert costs(network)[0] == [[700, 700]]
    assert costs(network, "wheelchair")[0] == [[700, 700]]


def test_a_free_leg_stays_free_on_a_slope():
    leg = way((0, 0), (100, 10))
    leg = dataclasses.replace(leg, length_cm=np.zeros(1, np.int32), street=np.array([-1], np.int32))
    hill = way((0, 0), (100, 10))
    both = dataclasses.replace(
        hill,
        xy=np.concatenate([hill.xy, leg.xy]),
        links=np.array([[0, 1], [2, 3]], np.int32),
        length_cm=np.array([10000, 0], np.int32),
        lines=hill.lines.joined(leg.lines),
        street=np.array([0, -1], np.int32),
    )

    assert costs(both, terrain=True)[0] == [[14191, 10000], [0, 0]]


# -- Stairs, signals, lifts


def test_stairs_cost_three_times_their_length_up_and_down_whatever_their_slope():
    stairs = way((0, 0), (20, 10), stairs=[True])

    assert costs(stairs, terrain=True)[0] == [[6000, 6000]]
    assert costs(stairs, terrain=False)[0] == [[6000, 6000]]
    assert costs(stairs, mode="distance")[0] == [[2000, 2000]]


def test_50_risers_are_15_m_of_stairs_and_the_rest_is_landings():
    # 50 x 0.30 m = 15 m of treads at three times the flat, 5 m of landing: 45 + 5 = 50 m.
    assert costs(way((0, 0), (20, 8), stairs=[True], risers=[50]))[0] == [[5000, 5000]]
    # Drawn shorter than its treads, a spiral stair say, it is its treads.
    assert costs(way((0, 0), (2, 8), stairs=[True], risers=[50]))[0] == [[4500, 4500]]


def test_a_signal_of_35_s_costs_35_m_at_1_m_per_second_and_21_m_at_0_6():
    crossing = way((0, 0), (10, 0), delay_s=[35])

    assert costs(crossing)[0] == [[4500, 4500]]
    assert costs(crossing, "frail")[0] == [[3100, 3100]]
    assert costs(crossing, mode="distance")[0] == [[1000, 1000]]


def test_a_lift_costs_its_wait_and_no_slope():
    lift = way((0, 0), (2, 30), lift=[True], delay_s=[90])

    cost, told = costs(lift, terrain=True)

    assert cost == [[9200, 9200]]
    assert "slopes-capped" not in told


def test_the_wait_of_a_street_is_shared_by_its_links_by_length():
    network = links([[(0, 0, 0), (30, 0, 0)], [(30, 0, 0), (40, 0, 0)]], street=[0, 0],
                    delay_s=[20])  # fmt: skip

    assert costs(network)[0] == [[4500, 4500], [1500, 1500]]


def test_columns_of_the_streets_become_stairs_lifts_and_waits():
    layer = streets(
        line((0, 0), (10, 0)), line((10, 0), (20, 0)), line((20, 0), (30, 0)),
        line((30, 0), (40, 0)), line((40, 0), (50, 0)), line((50, 0), (60, 0)),
        highway=["steps", "elevator", "footway", "footway", "elevator", "footway"],
        signal=[None, None, True, True, True, False],
        delay_s=[None, None, None, 0, None, 12],
        risers=[None, None, None, None, None, 20],
    )  # fmt: skip
    network, _ = build_network(layer)

    # stairs 30; lift 10 + 90; signal 10 + 35; a signal that is said to need no wait; a lift with a
    # signal 10 + 125; a way with 20 risers is a stair: 6 x 3 + 4, and its 12 s.
    cost, _ = costs(network)
    assert [along for along, _ in cost] == [3000, 10000, 4500, 1000, 13500, 3400]


# -- Closed ways


def test_stairs_are_closed_to_a_wheelchair_and_it_is_told():
    network = links([[(0, 0, 0), (20, 0, 0)], [(0, 9, 0), (80, 9, 0)]], stairs=[True, False])

    for mode in ("time", "distance"):
        cost, told = costs(network, "wheelchair", mode=mode, terrain=True)
        assert cost == [[-1, -1], [8000, 8000]]
        assert (
            "'wheelchair': 20 m of streets, 20.0% of all streets, stairs" in told["walker-closed"]
        )
    assert costs(network, "elderly")[0] == [[6000, 6000], [8000, 8000]]


def test_exactly_8_percent_is_open_to_a_wheelchair_and_a_stretch_of_9_is_closed_both_ways():
    network = links([
        [(0, 0, 0), (100, 0, 8)],
        [(0, 9, 0), (50, 9, 0), (60, 9, 0.9), (100, 9, 0.9)],
        [(0, 18, 0), (0.9, 18, 0.2), (100, 18, 0.2)],
    ])  # fmt: skip

    cost, _ = costs(network, "wheelchair", mode="distance", terrain=True)

    assert cost == [[10000, 10000], [-1, -1], [10000, 10000]]  # a kerb of 0.9 m closes nothing


def test_without_heights_asked_for_a_wheelchair_s_slope_limit_is_not_looked_at_and_says_so():
    cost, told = costs(way((0, 0), (100, 50)), "wheelchair", mode="distance")

    assert cost == [[10000, 10000]]
    assert "no street is closed as too steep" in told["slopes-not-looked-at"]


def test_ways_narrower_than_80_cm_are_closed_to_a_wheelchair_and_unknown_ones_open():
    network = links([[(0, y, 0), (10, y, 0)] for y in range(3)], width_m=[0.79, 0.80, math.nan])

    assert [a for a, _ in costs(network, "wheelchair")[0]] == [-1, 1000, 1000]
    assert [a for a, _ in costs(network, "adult")[0]] == [1000, 1000, 1000]


def test_links_shut_for_everybody_are_closed_to_every_walker():
    network = links([[(0, 0, 0), (10, 0, 0)], [(0, 9, 0), (10, 9, 0)]])

    cost, told = costs(network, "adult", closed=np.array([False, True]))

    assert cost == [[1000, 1000], [-1, -1]]
    assert told == {}


def test_a_footbridge_is_its_links_and_the_road_below_is_not_on_it():
    # Up 40 risers, 30 m over, down by lift; the road crosses below without a junction.
    layer = streets(
        line((0, 0), (12, 0)), line((12, 0), (42, 0)), line((42, 0), (44, 0)),
        line((27, -50), (27, 0), (27, 50)), line((0, 0), (0, -50), (27, -50)),
        line((44, 0), (44, -50), (27, -50)),
        highway=["steps", "footway", "elevator", "primary", "footway", "footway"],
        bridge=[True, True, None, None, None, None],
        risers=[40, None, None, None, None, None],
    )  # fmt: skip
    network, _ = build_network(layer)
    start, goal = (int(np.hypot(*(network.xy - [X + x, Y]).T).argmin()) for x in (0, 44))

    def walk(walker):
        costed = network.with_costs(costs_of(network, load_walker(walker), mode="time")[0])
        return float(costed.reach([[goal]], limit_m=1e4).metres[0, start])

    # 12 m of treads x 3 + 30 + (2 + 90): 158 m over the bridge, 50 + 27 + 17 + 50 = 144 m around.
    assert len(network) == 6
    assert walk("standard") == 144
    # At 0.6 m/s the lift's 90 s are worth 54 m: 36 + 30 + 56 = 122 m.
    assert walk("frail") == 122
    # Stairs are closed to the wheelchair.
    assert walk("wheelchair") == 144


# -- Cutting


@given(
    z=st.lists(st.floats(-30, 30), min_size=2, max_size=5),
    cuts=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True),
    trait=st.sampled_from(["none", "stairs", "risers", "delay"]),
    walker=st.sampled_from(["adult", "elderly"]),
)
def test_cutting_a_street_changes_no_sum_by_more_than_a_centimetre_a_piece(z, cuts, trait, walker):
    traits = {
        "none": {}, "stairs": {"stairs": [True]}, "delay": {"delay_s": [35]},
        "risers": {"stairs": [True], "risers": [17]},
    }[trait]  # fmt: skip
    whole = way(*((i * 33.3, height) for i, height in enumerate(z)), **traits)
    along = np.sort(np.array(cuts)) * whole.lines.length_m[0]
    xy = np.c_[along, np.zeros(len(along))]
    with_cuts, at = whole.lines.insert(np.zeros(len(along), np.int64), along, xy)
    marked = np.zeros(len(with_cuts.xy), bool)
    marked[at] = True
    pieces, _ = with_cuts.cut(marked)
    ends = np.stack([pieces.start[:-1], pieces.start[1:] - 1], axis=1).ravel()
    cut = dataclasses.replace(
        whole,
        xy=pieces.xy[ends],
        links=np.arange(2 * len(pieces), dtype=np.int32).reshape(-1, 2),
        length_cm=np.rint(pieces.length_m * 100).astype(np.int32),
        lines=pieces,
        street=np.zeros(len(pieces), np.int32),
    )

    one, many = (
        costs_of(network, load_walker(walker), mode="time", terrain=True)[0].sum(axis=0)
        for network in (whole, cut)
    )

    assert np.abs(one - many).max() <= len(pieces)


# -- What is refused


def test_modes_and_closed_links_that_make_no_sense_are_refused():
    with pytest.raises(OptionError, match=r"mode is 'fast'; give one of: distance, time"):
        costs(way((0, 0), (10, 0)), mode="fast")
    with pytest.raises(OptionError, match=r"closed has shape \(2,\)"):
        costs(way((0, 0), (10, 0)), closed=np.zeros(2, bool))


def test_a_stair_of_a_billion_risers_is_refused():
    with pytest.raises(LayerError, match=r"Link 0 .* 900,000,000 m of flat walking"):
        costs(way((0, 0), (10, 0), stairs=[True], risers=[1e9]))


def test_the_figures_for_everybody_say_where_they_come_from():
    table = EffortTable.load()

    assert (table.signal_s, table.lift_s, table.tread_m) == (35, 90, 0.30)
    # A rise of 1 m needs a ramp of 12 m.
    assert (table.riser_m, table.ramp_slope) == (0.15, pytest.approx(1 / 12))
    assert all(proof.source for proof in table.proofs)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[signal_s", "no TOML"),
        ("[signal_s]\nvalue = 1", "needs exactly signal_s, lift_s, tread_m, riser_m, ramp_slope"),
        (
            "[signal_s]\nvalue = 1\n[lift_s]\n[tread_m]\n[riser_m]\n[ramp_slope]",
            "signal_s, lift_s, tread_m, riser_m, ramp_slope needs a value",
        ),
    ],
)
def test_a_table_of_effort_at_fault_is_refused(text, told):
    with pytest.raises(RuleError, match=told):
        EffortTable.from_toml(text)
