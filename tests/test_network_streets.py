"""Streets become a network: what is walked, what is joined, what is left apart."""

import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString, MultiLineString

from gis.errors import LayerError, RuleError
from gis.network import WalkableTable, build_network
from tests import layers

X, Y = 500_000, 3_650_000


def line(*points):
    return LineString([(X + x, Y + y) for x, y in points])


def streets(*shapes, **columns):
    return layers.layer("streets", shapes, corner=None, first=0, **columns)


def built(*shapes, **columns):
    network, findings = build_network(streets(*shapes, **columns))
    return network, {finding.code: finding.message for finding in findings}


def walk(network, start, goal):
    """Metres between the nodes at two places; NaN where no way leads."""
    a, b = (int(np.hypot(*(network.xy - [X + x, Y + y]).T).argmin()) for x, y in (start, goal))
    return float(network.reach([[a]], limit_m=1e6).metres[0, b])


# -- What is joined


def test_streets_that_share_an_end_are_one_way():
    network, findings = built(line((0, 0), (100, 0)), line((100, 0), (100, 50)))

    assert walk(network, (0, 0), (100, 50)) == 150
    assert findings["streets-parts"] == "The streets form one connected network"


def test_a_street_is_cut_where_another_one_has_a_vertex_of_it():
    network, _ = built(line((0, 0), (60, 0), (100, 0)), line((60, 0), (60, 40)))

    assert len(network) == 4
    assert sorted(network.length_cm) == [4000, 4000, 6000]
    assert sorted(network.street) == [0, 0, 1]
    assert walk(network, (0, 0), (60, 40)) == 100


def test_ends_that_differ_by_noise_below_a_millimetre_are_the_same():
    network, _ = built(line((0, 0), (100, 0.0001)), line((100, 0), (200, 0)))

    assert len(network) == 3


@pytest.mark.parametrize(("gap", "joined"), [(0.0, True), (0.5, True), (0.51, False)])
def test_a_street_that_ends_within_half_a_metre_of_another_meets_it(gap, joined):
    network, findings = built(line((0, 0), (100, 0)), line((40, gap), (40, 30)))
    metres = walk(network, (0, 0), (40, 30))

    if joined:
        assert metres == pytest.approx(70, abs=0.5)
        assert findings["streets-ends-joined"].startswith("1 street ends within 0.5 m")
    else:
        assert np.isnan(metres)
        assert "fall into 2 parts" in findings["streets-parts"]


def test_two_ends_with_a_small_gap_are_joined_once_and_the_gap_is_walked():
    network, findings = built(line((0, 0), (100, 0)), line((100.3, 0), (200.3, 0)))

    assert walk(network, (0, 0), (200.3, 0)) == pytest.approx(200.3)
    assert findings["streets-ends-joined"].startswith("1 street ends")


def test_the_parts_of_a_multiline_are_streets_of_the_same_row():
    both = MultiLineString([line((0, 0), (10, 0)), line((10, 0), (10, 20))])
    network, _ = built(both, line((500, 0), (507, 0)))

    assert sorted(zip(network.street, network.length_cm, strict=True)) == [
        (0, 1000), (0, 2000), (1, 700),
    ]  # fmt: skip


def test_the_length_is_that_of_the_bends_and_the_bends_are_kept():
    network, _ = built(line((0, 0), (30, 40), (30, 0)))

    assert network.length_cm.tolist() == [9000]
    assert network.lines.shapes[0].equals(line((0, 0), (30, 40), (30, 0)))


def test_heights_of_vertices_do_not_lengthen_a_street():
    shape = LineString([(X, Y, 0), (X + 30, Y, 400)])

    assert built(shape)[0].length_cm.tolist() == [3000]


def test_a_ring_is_a_link_from_a_node_to_itself():
    network, _ = built(line((0, 0), (10, 0), (10, 10), (0, 0)), line((0, 0), (-5, 0)))

    assert sorted(network.length_cm) == [500, 3414]
    assert walk(network, (0, 0), (-5, 0)) == 5


def test_a_street_without_length_is_left_out_and_told():
    network, findings = built(line((0, 0), (10, 0)), line((5, 5), (5, 5.0001)))

    assert len(network.links) == 1
    assert "1 streets have no length" in findings["streets-no-length"]


# -- Crossings


GRID = [line((x, -50), (x, 250)) for x in (0, 100, 200)] + [
    line((-50, y), (250, y)) for y in (0, 100, 200)
]


def test_centrelines_drawn_through_each_other_meet_at_their_crossings():
    network, findings = built(*GRID)

    assert walk(network, (0, 0), (200, 100)) == 300
    assert "9 crossings without a common vertex" in findings["streets-crossings-joined"]


def test_a_bridge_among_them_stays_above():
    bridge = [False] * 6
    bridge[3] = True
    network, findings = built(*GRID, bridge=bridge)

    assert np.isnan(walk(network, (-50, 0), (0, 100)))
    assert walk(network, (0, 100), (200, 200)) == 300
    assert "6 crossings without" in findings["streets-crossings-joined"]


def test_where_streets_are_divided_at_junctions_a_plain_crossing_is_a_bridge():
    junctions = [line((0, 0), (100, 0)), line((100, 0), (200, 0)), line((100, 0), (100, 100))]
    over = line((150, -50), (150, 50))
    network, findings = built(*junctions, over)

    assert np.isnan(walk(network, (0, 0), (150, 50)))
    assert "At 1 places streets cross" in findings["streets-crossings-apart"]


def test_a_street_that_ends_below_a_bridge_does_not_meet_it():
    network, _ = built(line((0, 0), (100, 0)), line((50, 0.2), (50, 50)), bridge=[True, False])

    assert np.isnan(walk(network, (0, 0), (50, 50)))


# -- What is walked


def test_classes_that_are_closed_to_walkers_are_left_out_and_counted():
    network, findings = built(
        line((0, 0), (10, 0)), line((10, 0), (30, 0)), line((10, 0), (10, 5)),
        highway=["residential", "motorway", "Motorway"],
    )  # fmt: skip

    assert network.street.tolist() == [0]
    assert findings["streets-not-walkable"] == "2 of 3 streets are not walked: motorway 2"


def test_the_column_walkable_wins_over_the_class():
    network, _ = built(
        line((0, 0), (10, 0)), line((10, 0), (30, 0)), line((10, 0), (10, 5)),
        highway=["residential", "motorway", "motorway"], walkable=[False, True, None],
    )  # fmt: skip

    assert network.street.tolist() == [1]


def test_an_unknown_class_is_walked_and_told():
    network, findings = built(line((0, 0), (10, 0)), highway=["支路"])

    assert len(network.links) == 1
    assert "支路 1" in findings["streets-class-unknown"]


def test_streets_without_any_class_are_all_walked_without_a_word():
    network, findings = built(line((0, 0), (10, 0)), line((10, 0), (20, 0)))

    assert len(network.links) == 2
    assert set(findings) == {"streets-parts"}


def test_tags_that_the_file_kept_are_heard():
    network, _ = built(
        *[line((0, y), (10, y)) for y in range(4)],
        highway=["service", "service", "trunk", "service"],
        access=["private", "no", None, "no"],
        foot=[None, None, "yes", "designated"],
    )

    assert network.street.tolist() == [0, 2, 3]


def test_without_a_walkable_street_there_is_no_network():
    with pytest.raises(LayerError, match="None of the 1 streets can be walked"):
        built(line((0, 0), (10, 0)), highway=["motorway"])


def test_an_empty_layer_makes_no_network():
    with pytest.raises(LayerError, match="None of the 0 streets"):
        built()


def test_the_streets_given_are_not_changed():
    layer = streets(*GRID, highway=["residential"] * 6)
    before = layer.frame.copy()
    build_network(layer)

    pd.testing.assert_frame_equal(pd.DataFrame(layer.frame), pd.DataFrame(before))
    assert shapely.equals_exact(layer.geometries, before.geometry.to_numpy()).all()


# -- The table


@pytest.mark.parametrize(
    ("tags", "walkable"),
    [
        ({"highway": "footway"}, True),
        ({"highway": "motorway"}, False),
        ({"highway": "construction"}, False),
        ({"highway": "trunk", "foot": "yes"}, True),
        ({"highway": "service", "access": "private"}, True),
        ({"highway": "footway", "access": "no"}, False),
        ({"highway": "footway", "access": "no", "foot": "private"}, True),
        ({"highway": "residential", "foot": "no"}, False),
        ({"highway": None}, True),
        ({"highway": "hyperloop"}, None),
    ],
)
def test_the_table_says_what_is_walked(tags, walkable):
    assert WalkableTable.load().judge(**tags).walkable is walkable


def test_every_row_of_the_table_gives_its_reason():
    table = WalkableTable.load()

    assert all(
        verdict.reason and verdict.walkable is not None
        for rows in (table.highway, table.foot, table.access)
        for verdict in rows.values()
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[highway]", "it needs exactly highway, foot, access"),
        ("[highway]\nx = {walkable = 1, reason = 'r'}\n[foot]\n[access]", "highway.x needs"),
        ("[highway]\nx = {walkable = true}\n[foot]\n[access]", "highway.x needs"),
        ("[highway", "is no TOML"),
    ],
)
def test_a_broken_table_is_refused(text, told):
    with pytest.raises(RuleError, match=told):
        WalkableTable.from_toml(text)


@pytest.mark.parametrize("divided", [True, False])
def test_looking_strip_by_strip_joins_the_same_streets(monkeypatch, divided):
    rng = np.random.default_rng(5)
    steps = rng.integers(0, 12, (60, 2, 2)) * (10.0 if divided else 7.3)
    lines = [line(*ends) for ends in steps + rng.choice([0.0, 0.3], (60, 2, 2))]
    whole, told = build_network(streets(*lines))
    monkeypatch.setattr("gis.network.streets._PIECES_AT_ONCE", 7)
    strips, told_again = build_network(streets(*lines))

    assert {finding.code for finding in told} >= {"streets-ends-joined"}
    assert told_again == told
    assert np.array_equal(strips.xy, whole.xy)
    assert np.array_equal(strips.links, whole.links)
    assert np.array_equal(strips.length_cm, whole.length_cm)
