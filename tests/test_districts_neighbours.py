"""Neighbours: who can walk to whom, who shares a wall, what parts them, and why."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districts import Adjacency
from gis.districts.left_words import left_words
from gis.districts.neighbours import (
    LinkEdits,
    LinkOptions,
    estate_walk,
    neighbours,
    read_link_edits,
    walk_costs,
)
from gis.districts.neighbours.barriers import Stops
from gis.districts.neighbours.outlines import ACROSS, shared_outline
from gis.errors import ColumnError, FileError, MissingLayerError, OptionError
from gis.model import KINDS, Layer, Study
from gis.sample import make_city
from tests import layers

EAST, NORTH = layers.CORNER
layer = partial(layers.layer, first=1)


def line(*xy):
    return shapely.LineString(xy)


def points(*xy, **columns) -> Layer:
    return layer("estates", [shapely.Point(p) for p in xy], **columns)


def blocks(*xy, wide=100, **columns) -> Layer:
    """Squares by their lower left corners."""
    return layer("estates", [shapely.box(x, y, x + wide, y + wide) for x, y in xy], **columns)


def streets(*lines_, **columns) -> Layer:
    columns.setdefault("highway", ["residential"] * len(lines_))
    return layer("streets", [line(*xy) for xy in lines_], **columns)


MAIN = [(-500, 0), (10_000, 0)]


def linked(study: Study, **options) -> Adjacency:
    rows = np.arange(len(study.layer("estates")))
    return neighbours(study, rows, options=LinkOptions(**options))


def pairs(found: Adjacency) -> dict[tuple[int, int], str]:
    return {tuple(p): h for p, h in zip(found.links.tolist(), found.how, strict=True)}


def why(found: Adjacency) -> dict[tuple[int, int], str]:
    return {tuple(p): w for p, w in zip(found.beyond.tolist(), found.beyond_reason, strict=True)}


# --- on foot


def test_estates_within_the_longest_walk_are_linked_unless_a_third_one_lies_between():
    here = Study({"estates": points((0, 0), (300, 0), (700, 0)), "streets": streets(MAIN)})
    found = linked(here)
    assert pairs(found) == {(0, 1): "walk", (1, 2): "walk"}
    assert found.metres.tolist() == [300, 400]
    assert found.walk_m.tolist() == [300, 400]
    assert found.gap_m.tolist() == [300, 400]
    assert found.reason.tolist() == ["300 m on foot along streets", "400 m on foot along streets"]


def test_the_longest_walk_is_inclusive_to_the_centimetre_and_what_is_farther_is_told():
    here = Study({"estates": points((0, 0), (800, 0), (1600.02, 0)), "streets": streets(MAIN)})
    found = linked(here)
    assert pairs(found) == {(0, 1): "walk"}
    assert found.beyond.tolist() == [[1, 2]]
    assert found.beyond_m.tolist() == [800.02]
    assert why(found) == {(1, 2): "800 m on foot, beyond the longest link 800 m"}
    assert pairs(linked(here, max_walk_m=900)) == {(0, 1): "walk", (1, 2): "walk"}


def test_only_estates_that_take_part_are_linked_or_lie_between():
    here = Study({"estates": points((0, 0), (300, 0), (700, 0)), "streets": streets(MAIN)})
    found = neighbours(here, [2, 0])
    assert pairs(found) == {(0, 2): "walk"}
    assert found.metres.tolist() == [700]


def test_three_estates_at_one_gate_are_all_linked_with_what_one_of_them_meets():
    here = Study({"estates": points((0, 0), (0, 0), (300, 0)), "streets": streets(MAIN)})
    assert pairs(linked(here)) == {(0, 1): "walk", (0, 2): "walk", (1, 2): "walk"}


def gated(*gates, **columns) -> Study:
    """Two blocks 20 m apart, a street below both and one above, 1 km round."""
    return Study(
        {
            "estates": blocks((0, 10), (120, 10)),
            "streets": streets(
                [(-500, 0), (720, 0)], [(-500, 0), (-500, 120)], [(-500, 120), (720, 120)]
            ),
            "gates": layer("gates", [shapely.Point(p) for p in gates], **columns),
        }
    )


def test_one_walks_from_gate_to_gate():
    found = linked(gated((100, 10), (120, 10)), walls=False)
    assert pairs(found) == {(0, 1): "walk"}
    # 10 m out of each gate and 20 m along the street.
    assert found.walk_m.tolist() == [40]


def test_gates_that_are_shut_at_the_hour_are_not_walked_through():
    here = gated((100, 10), (100, 110), (120, 10), hours=["06:00-09:00", None, None])
    assert linked(here, at="08:00", walls=False).walk_m.tolist() == [40]
    found = linked(here, at="10:00", walls=False)
    # 10 + 600 west + 120 down + 620 east + 10.
    assert pairs(found) == {}
    assert found.beyond_m.tolist() == [1360]


def test_a_street_that_a_wall_closes_is_no_way():
    wall = layer("walls", [line((150, -50), (150, 50))], estate=["E3"])
    here = Study(
        {
            "estates": layer(
                "estates", [shapely.Point(0, 0), shapely.Point(300, 0), shapely.box(0, 900, 9, 909)]
            ),
            "streets": streets(MAIN),
            "walls": wall,
            "gates": layer("gates", [shapely.Point(0, 900)], estate=["E3"]),
        }
    )
    found = neighbours(here, [0, 1])
    assert pairs(found) == {}
    assert why(found) == {(0, 1): "300 m away, but no street leads from one to the other"}
    gate = layer("gates", [shapely.Point(150, 0), shapely.Point(0, 900)], estate=["E3", "E3"])
    assert pairs(neighbours(Study({**here.layers, "gates": gate}), [0, 1])) == {(0, 1): "walk"}


def test_a_longer_way_round_a_river_names_the_river():
    river = layer("barriers", [line((150, -200), (150, 90))], barrier=["river"], name=["永定河"])
    around = streets([(0, 0), (0, 500), (300, 500), (300, 0)], [(-100, 0), (0, 0)])
    here = Study({"estates": points((0, 0), (300, 0)), "streets": around, "barriers": river})
    assert why(linked(here)) == {
        (0, 1): "1,300 m on foot round the river 永定河, beyond the longest link 800 m"
    }


def test_a_river_is_crossed_only_where_a_street_crosses_it():
    river = layer("barriers", [line((150, -500), (150, 500))], barrier=["river"], name=["永定河"])
    banks = [[(-100, 0), (140, 0)], [(160, 0), (400, 0)]]
    estates = points((0, 10), (250, 10))
    apart = Study({"estates": estates, "streets": streets(*banks), "barriers": river})
    found = linked(apart)
    assert pairs(found) == {}
    assert why(found) == {
        (0, 1): "250 m away, but the river 永定河 lies between and no way leads straight across"
    }
    bridge = streets(*banks, [(140, 0), (160, 0)])
    joined = Study({"estates": estates, "streets": bridge, "barriers": river})
    assert pairs(linked(joined)) == {(0, 1): "walk"}


def test_without_streets_nobody_walks():
    with pytest.raises(MissingLayerError, match="no streets"):
        linked(Study({"estates": points((0, 0))}))


# --- over a wall


def back_to_back(gap: float, *, shift: float = 0.0, **layers: Layer) -> Study:
    """Two blocks side by side whose only gates lead away from each other, 1,300 m on foot."""
    west, east = shapely.box(0, 0, 100, 100), shapely.box(0, 0, 100, 100)
    east = shapely.transform(east, lambda xy: np.add(xy, (100 + gap, shift)))
    return Study(
        {
            "estates": layer("estates", [west, east]),
            "streets": streets(
                [(-10, 50), (-10, -500), (210 + gap, -500), (210 + gap, 50 + shift)]
            ),
            "gates": layer("gates", [shapely.Point(0, 50), shapely.Point(200 + gap, 50 + shift)]),
            **layers,
        }
    )  # fmt: skip


def test_estates_that_share_a_wall_are_linked_however_long_the_way_around():
    found = linked(back_to_back(0))
    assert pairs(found) == {(0, 1): "wall"}
    assert (found.metres.tolist(), found.gap_m.tolist(), found.shared_m.tolist()) == (
        [0],
        [0],
        [100],
    )
    assert found.reason.tolist() == [
        "1,340 m on foot along streets; 100 m of common wall, outlines touch"
    ]
    assert pairs(linked(back_to_back(0), walls=False)) == {}


@pytest.mark.parametrize(("gap", "how"), [(5.0, "wall"), (10.0, "wall"), (10.02, None)])
def test_a_lane_may_run_along_the_wall_up_to_its_width(gap, how):
    found = linked(back_to_back(gap))
    assert pairs(found).get((0, 1)) == how
    if how:
        assert found.gap_m.tolist() == [gap]
        assert found.shared_m.tolist() == [100]


@pytest.mark.parametrize(("shift", "how"), [(79, "wall"), (82, None), (100, None)])
def test_the_wall_must_be_long_enough_and_a_corner_is_none(shift, how):
    found = linked(back_to_back(0, shift=shift))
    assert pairs(found).get((0, 1)) == how
    lenient = linked(back_to_back(0, shift=shift), wall_length_m=10)
    assert lenient.shared_m == pytest.approx([100 - shift] if shift < 100 else [], abs=1)


def test_a_railway_along_the_wall_parts_and_along_half_of_it_leaves_the_other_half():
    whole = layer("barriers", [line((102, -50), (102, 150))], barrier=["railway"], name=["京九"])
    found = linked(back_to_back(5, barriers=whole))
    assert pairs(found) == {}
    assert found.beyond_reason[0].startswith("1,345 m on foot round the railway 京九")
    half = layer("barriers", [line((102, -50), (102, 50))], barrier=["railway"])
    found = linked(back_to_back(5, barriers=half))
    assert pairs(found) == {(0, 1): "wall"}
    # What is within a metre of the end of the railway counts as beside it.
    assert found.shared_m[0] == pytest.approx(49, abs=1)


def test_an_arterial_road_between_is_no_wall_to_open():
    far = back_to_back(8)
    road = streets(
        [(-10, 50), (-10, -500), (218, -500), (218, 50)], [(104, -90), (104, 190)],
        highway=["residential", "secondary"],
    )  # fmt: skip
    found = linked(Study({**far.layers, "streets": road}))
    assert pairs(found) == {}
    assert pairs(linked(far)) == {(0, 1): "wall"}


def test_a_wall_that_may_not_be_opened_stays():
    wall = {"shapes": [line((100, -1), (100, 101))]}
    for removable, how in ((False, None), (True, "wall"), (None, "wall")):
        walls = layer("walls", wall["shapes"], removable=[removable])
        here = back_to_back(0, walls=walls)
        assert pairs(linked(here)).get((0, 1)) == how
    # Where nobody can walk around, the wall is the reason.
    walls = layer("walls", wall["shapes"], removable=[False])
    lone = back_to_back(0, walls=walls)
    apart = streets([(-10, 50), (-10, -500)], [(210, -500), (210, 50)])
    found = linked(Study({**lone.layers, "streets": apart}))
    assert why(found) == {(0, 1): "0 m away, but the wall W1 between them may not be opened"}


def test_an_estate_without_a_street_is_linked_over_its_wall():
    here = back_to_back(0, streets=streets([(-10, 50), (-10, -500)]))
    walk = estate_walk(here, np.arange(2), longest_link_m=100)
    assert walk.unlinked.tolist() == [False, True]
    found = neighbours(here, np.arange(2), walk=walk)
    assert pairs(found) == {(0, 1): "wall"}
    assert np.isnan(found.walk_m[0])


# --- arterial roads


def across(*crossing, highway, **columns) -> Study:
    """Two estates north and south of an arterial, 200 m apart, with one street across."""
    return Study(
        {
            "estates": points((0, 100), (0, -100)),
            "streets": streets(
                [(-1000, 0), (0, 0)], [(0, 0), (1000, 0)], *crossing,
                highway=["primary", "primary", *highway],
                name=["长安街", "长安街", *[None] * len(highway)],
                **{k: [None, None, *v] for k, v in columns.items()},
            ),
        }
    )  # fmt: skip


NORTH_SOUTH = ([(0, 100), (0, 0)], [(0, 0), (0, -100)])


def test_arterial_roads_part_only_when_asked_and_not_at_crossings_for_walkers():
    streets_meet = across(*NORTH_SOUTH, highway=["residential"] * 2)
    assert pairs(linked(streets_meet)) == {(0, 1): "walk"}
    found = linked(streets_meet, arterials=True)
    assert pairs(found) == {}
    assert why(found) == {
        # Round either end of the road: 100 + 1,000 + 1,000 + 100 m.
        (0, 1): "2,200 m on foot round the arterial road 长安街, beyond the longest link 800 m"
    }
    zebra = across(*NORTH_SOUTH, highway=["footway"] * 2)
    assert linked(zebra, arterials=True).walk_m.tolist() == [200]
    lights = across(*NORTH_SOUTH, highway=["residential"] * 2, signal=[True, True])
    assert linked(lights, arterials=True).walk_m.tolist() == [200]
    below = across([(0, 100), (0, -100)], highway=["residential"], tunnel=[True])
    assert linked(below, arterials=True).walk_m.tolist() == [200]


def test_the_way_to_the_next_crossing_of_an_arterial_is_walked():
    here = across(
        *NORTH_SOUTH, [(300, 0), (300, 20)], [(300, 0), (300, -20)], [(600, 0), (600, 50)],
        highway=["residential", "residential", "footway", "footway", "footway"],
    )  # fmt: skip
    found = linked(here, arterials=True)
    # 100 down to the road, 300 along its north side, across, 300 back, 100 down.
    assert found.walk_m.tolist() == [800]


def test_both_sides_of_an_arterial_are_walked_along_and_gates_are_on_their_own():
    here = Study(
        {
            "estates": points((0, 30), (200, 30), (400, -30), (600, -30)),
            "streets": streets([(-500, 0), (3000, 0)], highway=["primary"]),
        }
    )
    assert pairs(linked(here)) == {(0, 1): "walk", (1, 2): "walk", (2, 3): "walk"}
    assert pairs(linked(here, arterials=True)) == {(0, 1): "walk", (2, 3): "walk"}
    # At the end of the road one walks round it: 530 + 930 m.
    assert pairs(linked(here, arterials=True, max_walk_m=1460)) == {
        (0, 1): "walk", (0, 2): "walk", (2, 3): "walk",
    }  # fmt: skip


# --- borders


def test_no_link_leaves_the_community_when_its_border_counts():
    estates = points(
        (0, 0), (100, 0), (200, 0), (300, 0), (400, 0),
        community=["甲", "甲", "乙", None, None],
    )  # fmt: skip
    here = Study({"estates": estates, "streets": streets(MAIN)})
    found = linked(here, border="community")
    assert pairs(found) == {(0, 1): "walk", (3, 4): "walk"}
    assert why(found) == {
        (1, 2): "the border between the community 甲 and the community 乙 lies between",
        (2, 3): "one is in the community 乙, the community of the other is unknown",
    }


def test_the_community_is_that_of_the_polygon_where_none_is_written():
    here = Study(
        {
            "estates": points((0, 0), (100, 0), (200, 0), subdistrict=["东", "东", "东"]),
            "streets": streets(MAIN),
            "communities": layer(
                "communities", [shapely.box(-50, -50, 50, 50), shapely.box(50, -50, 250, 50)],
                name=["甲", "乙"], subdistrict=["东", "东"],
            ),
        }
    )  # fmt: skip
    assert pairs(linked(here, border="community")) == {(1, 2): "walk"}
    assert pairs(linked(here, border="subdistrict")) == {(0, 1): "walk", (1, 2): "walk"}


# --- touching


def test_outlines_touch_up_to_the_widest_gap_inclusive():
    here = Study({"estates": blocks((0, 0), (100, 0), (230, 0), (361, 0))})
    found = linked(here, kind="touch")
    assert pairs(found) == {(0, 1): "touch", (1, 2): "touch"}
    assert found.reason.tolist() == ["outlines touch", "outlines 30.0 m apart"]
    assert found.shared_m.tolist() == [100, 100]
    assert why(found) == {(2, 3): "31 m between outlines, beyond 30 m"}


def test_a_bridge_over_a_barrier_lets_estates_touch():
    rail = layer("barriers", [line((105, -50), (105, 150))], barrier=["railway"], name=["京九"])
    here = Study({"estates": blocks((0, 0), (110, 0)), "barriers": rail})
    found = linked(here, kind="touch")
    assert pairs(found) == {}
    assert "the railway 京九 lies between" in found.beyond_reason[0]
    bridge = streets([(50, 50), (160, 50)])
    assert pairs(linked(Study({**here.layers, "streets": bridge}), kind="touch")) == {
        (0, 1): "touch"
    }


def test_a_barrier_along_half_of_a_gap_parts_nobody():
    for gap in (0, 10, 25):
        rail = [line((100 + gap / 2, -90), (100 + gap / 2, 50))]
        here = Study(
            {
                "estates": blocks((0, 0), (100 + gap, 0)),
                "barriers": layer("barriers", rail, barrier=["railway"]),
            }
        )
        assert pairs(linked(here, kind="touch")) == {(0, 1): "touch"}


def test_points_touch_only_when_it_is_said_how_near():
    estates = points((0, 0), (200, 0), (400, 0), (900, 0))
    here = Study({"estates": estates})
    with pytest.raises(OptionError, match=r"4 of 4 estates are points.*use adjacency walk"):
        linked(here, kind="touch")
    assert pairs(linked(here, kind="touch", near_m=400)) == {(0, 1): "touch", (1, 2): "touch"}
    river = layer("barriers", [line((300, -50), (300, 150))], barrier=["river"])
    found = linked(Study({"estates": estates, "barriers": river}), kind="touch", near_m=400)
    assert pairs(found) == {(0, 1): "touch"}


def test_an_estate_far_from_all_others_is_told_its_nearest_one():
    here = Study({"estates": blocks((0, 0), (100, 0), (9000, 0))})
    assert why(linked(here, kind="touch")) == {(1, 2): "8,800 m between outlines, beyond 30 m"}


def test_estates_whose_streets_do_not_meet_are_told_so():
    lanes = streets([(-100, 0), (0, 0)], [(10, 0), (100, 0)])
    here = Study({"estates": points((-50, 0), (50, 0)), "streets": lanes})
    assert why(linked(here)) == {(0, 1): "100 m away, but no street leads from one to the other"}


def test_estates_with_others_in_between_on_foot_are_told_so():
    lane = streets([(0, 60), (0, 0), (100, 0), (100, 60)])
    here = Study({"estates": points((0, 60), (50, 0), (100, 60)), "streets": lane})
    found = linked(here)
    assert pairs(found) == {(0, 1): "walk", (1, 2): "walk"}
    assert why(found) == {(0, 2): "100 m away, but on foot other estates lie in between"}


# --- across a street


def opposite(*others, **layers_) -> Study:
    """Two blocks across a street of 36 m; the walk between their gates passes that of a third."""
    outlines = [shapely.box(0, 18, 100, 118), shapely.box(0, -118, 100, -18),
                shapely.box(-130, -50, -30, 50), *others]  # fmt: skip
    gates = layer(
        "gates", [shapely.Point(p) for p in ((0, 68), (0, -68), (-30, 0))],
        estate_uid=["E1", "E2", "E3"],
    )  # fmt: skip
    lane = streets([(-10, -300), (-10, 300)], [(-10, 0), (500, 0)])
    return Study(
        {"estates": layer("estates", outlines), "gates": gates, "streets": lane, **layers_}
    )


def test_estates_that_face_each_other_across_a_street_are_linked_past_the_gates_of_others():
    here = opposite()
    found = linked(here)
    assert pairs(found) == {(0, 1): "street", (0, 2): "walk", (1, 2): "walk"}
    # 10 m to the lane, 2 x 68 m along it, 10 m to the gate.
    assert (found.metres[0], found.gap_m[0], found.shared_m[0]) == (156, 36, 100)
    assert found.reason[0] == "across a street, 36 m, front 100 m; 156 m on foot"
    zh = found.table(here.layer("estates"), language="zh")["reason"][0]
    assert zh == "隔街相对，相距 36 m，相对 100 m；沿路步行 156 m"
    assert left_words(found.reason[0], "zh") == zh


@pytest.mark.parametrize(
    "options", [{"streets": False}, {"street_gap_m": 35.9}, {"street_front_m": 100.1}]
)
def test_without_enough_front_across_a_street_others_lie_in_between(options):
    told = "36 m away, but on foot other estates lie in between"
    assert why(linked(opposite(), **options)) == {(0, 1): told}


def test_a_long_walk_to_the_other_side_of_the_street_is_told():
    found = linked(opposite(), max_walk_m=155)
    assert why(found) == {(0, 1): "156 m on foot, beyond the longest link 155 m"}
    assert found.beyond_m.tolist() == [156]


def test_a_barrier_or_a_third_estate_parts_what_faces_across_a_street():
    river = layer("barriers", [line((-8, 5), (400, 5))], barrier=["river"], name=["小河"])
    found = linked(opposite(barriers=river))
    assert why(found)[0, 1] == (
        "36 m away, but the river 小河 lies between and no way leads straight across"
    )
    # It covers all but 19 m of the front.
    assert (0, 1) not in pairs(linked(opposite(shapely.box(19, -8, 100, 8))))
    assert pairs(linked(opposite(shapely.box(21, -8, 100, 8))))[0, 1] == "street"


def test_outlines_with_a_wall_between_them_do_not_face_each_other_across_a_street():
    # Their gates are on a lane to the west, and E3's is on it between theirs.
    close = Study({
        "estates": layer("estates", [
            shapely.box(0, 4, 100, 104), shapely.box(0, -104, 100, -4),
            shapely.box(-130, -50, -30, 50),
        ]),
        "gates": layer("gates", [shapely.Point(p) for p in ((0, 68), (0, -68), (-30, 0))],
                       estate_uid=["E1", "E2", "E3"]),
        "streets": streets([(-10, -300), (-10, 300)]),
    })  # fmt: skip
    assert pairs(linked(close))[0, 1] == "wall"
    assert (0, 1) not in pairs(linked(close, walls=False))
    assert pairs(linked(close, walls=False, wall_gap_m=7.9))[0, 1] == "street"


def test_corners_across_a_crossroads_do_not_face_each_other():
    # 10 m to the east and 40 m to the north of a corner: along 40 x tan 30 = 23 m of the outline
    # the way turns by less than 30 degrees, 13 m of these are outline; by 45 degrees 40 - 10 m.
    here = Study({"estates": blocks((0, 0), (110, 140))})
    shapes, pair = here.layer("estates").geometries, np.array([[0, 1]])
    stops = Stops.of(here, arterials=False, walls=False)
    wide = shared_outline(shapes, pair, gap_m=60, stops=stops)
    across = shared_outline(shapes, pair, gap_m=60, stops=stops, facing=ACROSS)
    assert wide.free_m[0] > 20 > across.free_m[0] > 0


# --- by hand


def edits(*rows) -> LinkEdits:
    a, on, note = zip(*rows, strict=True)
    return LinkEdits(np.array(a), np.array(on), np.array(note, dtype=object))


def test_links_are_switched_off_and_added_by_hand():
    river = layer("barriers", [line((450, -500), (450, 500))], barrier=["river"])
    here = Study(
        {
            "estates": points((0, 0), (300, 0), (600, 0)), "barriers": river,
            "streets": streets([(-100, 0), (440, 0)], [(460, 0), (900, 0)]),
        }
    )  # fmt: skip
    assert pairs(linked(here)) == {(0, 1): "walk"}
    by_hand = edits(((1, 0), False, "居民反对"), ((1, 2), True, "新桥2027"))
    found = linked(here, edits=by_hand)
    assert pairs(found) == {(1, 2): "added"}
    assert found.metres.tolist() == [300]
    assert found.reason.tolist() == ["added by hand: 新桥2027; outlines 300.0 m apart"]
    assert why(found)[(0, 1)] == "switched off by hand: 居民反对"
    assert found.beyond_m[found.beyond_why == "off"].tolist() == [300]
    zh = found.table(here.layer("estates"), language="zh")["reason"].tolist()
    assert zh[:2] == ["人工添加：新桥2027；边界相距 300.0 m", "人工断开：居民反对"]


def test_adding_a_link_that_is_there_keeps_what_it_is():
    here = Study({"estates": points((0, 0), (300, 0)), "streets": streets(MAIN)})
    found = linked(here, edits=edits(((0, 1), True, "")))
    assert pairs(found) == {(0, 1): "walk"}


def test_edits_of_estates_that_take_no_part_are_passed_over():
    here = Study({"estates": points((0, 0), (300, 0), (9000, 0)), "streets": streets(MAIN)})
    options = LinkOptions(edits=edits(((1, 2), True, "")))
    assert pairs(neighbours(here, [0, 1], options=options)) == {(0, 1): "walk"}


@pytest.mark.parametrize(
    "text",
    [
        "estate_a,estate_b,action,note\nE2,E1,off,wall\n甲苑,E3,on,\n",
        "小区甲,小区乙,操作,备注\nE2,甲苑,断,wall\nE1,E3,连,\n",
        "Estate A,Estate B,Action\nE1,E2,OFF\nE1,E3,Yes\n".replace(",Action", ",Action,Remark")
        .replace("OFF", "OFF,wall").replace("Yes", "Yes,"),
    ],
)  # fmt: skip
def test_edits_are_read_from_a_table_in_both_languages(tmp_path: Path, text):
    file = tmp_path / "links.csv"
    file.write_text(text, "utf-8")
    found = read_link_edits(file, points((0, 0), (1, 0), (2, 0), name=["甲苑", None, None]))
    assert found.pairs.tolist() == [[0, 1], [0, 2]]
    assert found.on.tolist() == [False, True]
    assert found.note.tolist() == ["wall", ""]


def test_edits_are_read_from_a_workbook(tmp_path: Path):
    file = tmp_path / "links.xlsx"
    pd.DataFrame({"小区甲": ["E1"], "小区乙": ["E2"], "操作": ["断开"]}).to_excel(file, index=False)
    assert read_link_edits(file, points((0, 0), (1, 0))).on.tolist() == [False]


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ("E1,E9,on", OptionError, r"row 2, estate_b: There is no estate 'E9'"),
        ("E1,,on", OptionError, r"row 2: estate_b is empty"),
        ("E1,E1,on", OptionError, r"row 2: 'E1' is named twice"),
        ("E1,E2,maybe", OptionError, r"row 2: action is 'maybe'; give on or off"),
        ("E1,E2,", OptionError, r"row 2: action is empty"),
        ("E1,E2,on\nE2,E1,on", OptionError, r"row 3: the same pair .* is there already in row 2"),
        ("E1,E2,on\nE2,E1,off", OptionError, r"row 3: .* says the opposite in row 2"),
        ("E1,双,on", OptionError, r"'双' is that of 2 estates"),
        ("", FileError, "links.csv"),
    ],
)
def test_tables_of_edits_that_cannot_be_used_name_the_row(tmp_path: Path, rows, error, words):
    file = tmp_path / "links.csv"
    file.write_text(f"estate_a,estate_b,action\n{rows}\n", "utf-8")
    estates = points((0, 0), (1, 0), (2, 0), (3, 0), name=[None, None, "双", "双"])
    with pytest.raises(error, match=words):
        read_link_edits(file, estates)


def test_a_table_of_edits_without_an_action_is_refused(tmp_path: Path):
    file = tmp_path / "links.csv"
    file.write_text("estate_a,estate_b\nE1,E2\n", "utf-8")
    with pytest.raises(ColumnError, match="no column action"):
        read_link_edits(file, points((0, 0), (1, 0)))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([((0, 0), True, "")], "with itself"),
        ([((0, 1), True, ""), ((1, 0), False, "")], "edited twice"),
    ],
)
def test_edits_that_contradict_cannot_be_made(rows, words):
    with pytest.raises(OptionError, match=words):
        edits(*rows)


# --- what is told


def test_the_table_has_the_links_and_then_the_near_pairs_that_are_none():
    estates = points((0, 0), (800, 0), (1700, 0), name=["甲", None, "丙"])
    here = Study({"estates": estates, "streets": streets(MAIN)})
    found = linked(here)
    table = found.table(estates)
    assert table["estate_a"].tolist() == ["E1", "E2"]
    assert table["name_a"].tolist() == ["甲", None]
    assert table["estate_b"].tolist() == ["E2", "E3"]
    assert table["linked"].tolist() == [True, False]
    assert table["how"].tolist() == ["walk", None]
    assert table["metres"].tolist() == [800, 900]
    assert table["reason"].tolist() == [
        "800 m on foot along streets", "900 m on foot, beyond the longest link 800 m",
    ]  # fmt: skip
    assert found.table(estates, language="zh")["reason"].tolist() == [
        "沿路步行 800 m", "步行 900 m，超过最长距离 800 m",
    ]  # fmt: skip
    assert found.degree(3).tolist() == [1, 1, 0]
    (drawn,) = found.lines(estates)
    assert shapely.get_coordinates(drawn).tolist() == [[EAST, NORTH], [EAST + 800, NORTH]]


def test_the_nearest_estate_outside_a_part_is_told_with_what_lies_between():
    here = Study({"estates": points((0, 0), (900, 0), (2500, 0)), "streets": streets(MAIN)})
    found = linked(here)
    told = found.nearest_beyond(np.array([0, 1, -1]))
    assert told == {
        0: (900.0, "900 m on foot, beyond the longest link 800 m"),
        1: (900.0, "900 m on foot, beyond the longest link 800 m"),
    }
    # What is in no part may still be the nearest.
    assert found.nearest_beyond(np.array([-1, -1, 7]))[7][0] == 1600


def test_an_adjacency_of_the_old_kind_says_nothing_more_than_it_knows():
    found = Adjacency(
        "walk", np.array([[0, 1]]), np.array([12.0]), np.array(["12 m"], dtype=object),
        np.array([[0, 2]]), np.array([900.0]),
    )  # fmt: skip
    assert found.how.tolist() == ["walk"]
    assert np.isnan(found.walk_m).all()
    assert found.beyond_reason.tolist() == [""]


@pytest.mark.parametrize(
    "options",
    [{"kind": "near"}, {"border": "street"}, {"max_walk_m": -1}, {"wall_gap_m": np.nan},
     {"kind": "touch", "max_gap_m": np.inf}, {"near_m": -2}],
)  # fmt: skip
def test_options_out_of_range_are_refused(options):
    with pytest.raises(OptionError):
        LinkOptions(**options)


def test_settings_tell_every_limit():
    told = LinkOptions(arterials=True, border="community").to_settings()
    assert told == {
        "adjacency": "walk", "max_link_m": 800.0, "arterials": True, "border": "community",
        "links_edited": 0, "links_at": "10:00", "longest_street_link_m": 300.0, "walls": True,
        "wall_gap_m": 10.0, "wall_length_m": 20.0,
        "streets": True, "street_gap_m": 60.0, "street_front_m": 20.0,
    }  # fmt: skip
    assert LinkOptions(kind="touch", near_m=200).to_settings()["max_link_m"] == 30


def test_costs_are_walked_metres_from_the_nearest_gate_to_the_nearest_gate():
    here = gated((50, 10), (100, 10), (120, 10))
    cost = walk_costs(estate_walk(here, np.arange(2)), limit_m=800).toarray()
    assert cost.tolist() == [[0, 40], [40, 0]]
    near = walk_costs(estate_walk(here, np.arange(2)), limit_m=39)
    assert near.nnz == 2
    # Two ways of searching, one answer.
    far = walk_costs(estate_walk(here, np.arange(2)), limit_m=5000).toarray()
    assert far.tolist() == cost.tolist()
    lone = walk_costs(estate_walk(here, np.array([1])), limit_m=5000)
    assert (lone.nnz, lone.shape) == (1, (2, 2))


# --- what always holds

_XY = st.tuples(st.integers(0, 5), st.integers(0, 5))


def grid(missing: set[int], cells: int = 5, step: float = 130.0) -> Study:
    """Streets on a grid of 6 by 6 crossings, some stretches missing."""
    all_ = [((x, y), (x + 1, y)) for x in range(cells) for y in range(cells + 1)]
    all_ += [((x, y), (x, y + 1)) for x in range(cells + 1) for y in range(cells)]
    kept = [e for i, e in enumerate(all_) if i not in missing]
    lines_ = [[tuple(step * c for c in p) for p in e] for e in kept]
    return Study({"streets": streets(*lines_)})


@settings(max_examples=15, deadline=None)
@given(
    spots=st.lists(_XY, min_size=2, max_size=14),
    missing=st.sets(st.integers(0, 59), max_size=30),
    seed=st.integers(0, 2**32 - 1),
)
def test_links_are_sorted_pairs_that_do_not_depend_on_the_order_of_the_rows(spots, missing, seed):
    step = 130.0
    shapes = [(step * x + 40, step * y + 7) for x, y in spots]
    street_layer = grid(missing).layer("streets")
    found = linked(Study({"estates": points(*shapes), "streets": street_layer}))
    order = np.random.default_rng(seed).permutation(len(shapes))
    mixed = linked(Study({"estates": points(*[shapes[i] for i in order]), "streets": street_layer}))
    for told in (found, mixed):
        assert (told.links[:, 0] < told.links[:, 1]).all()
        assert sorted(map(tuple, told.links.tolist())) == list(map(tuple, told.links.tolist()))
        assert len(set(map(tuple, told.links.tolist()))) == len(told)
    back = {tuple(sorted(order[p])): m for p, m in zip(mixed.links, mixed.metres, strict=True)}
    assert back == {tuple(p): m for p, m in zip(found.links, found.metres, strict=True)}
    # An independent graph agrees that no link is shorter than the way, nor longer than allowed.
    graph = nx.Graph()
    for shape in street_layer.geometries:
        a, b = (tuple(np.round(c - (EAST, NORTH), 3)) for c in shapely.get_coordinates(shape))
        graph.add_edge(a, b, weight=step)
    for (i, j), metres in zip(found.links, found.metres, strict=True):
        assert metres <= 800
        assert metres >= shapely.distance(shapely.Point(shapes[i]), shapely.Point(shapes[j])) - 0.05
        if metres > 0:
            ends = [
                min(graph.nodes, key=lambda n, s=s: np.hypot(n[0] - s[0], n[1] - s[1]))
                for s in (shapes[i], shapes[j])
            ]
            assert nx.has_path(graph, *ends)


@settings(max_examples=25, deadline=None)
@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(3, 12), st.integers(3, 12)),
        min_size=2, max_size=12,
    ),
    cut=st.integers(0, 40),
    kind=st.sampled_from(["river", "railway", "expressway"]),
    touch=st.booleans(),
)  # fmt: skip
def test_no_link_over_a_wall_or_a_gap_crosses_a_barrier(boxes, cut, kind, touch):
    at = 10.0 * cut + 5
    shapes = [
        shapely.box(10 * x, 10 * y, 10 * (x + w), 10 * (y + h))
        for x, y, w, h in boxes
        if not 10 * x < at < 10 * (x + w)
    ]
    if len(shapes) < 2:
        return
    barrier = layer("barriers", [line((at, -900), (at, 1500))], barrier=[kind])
    here = Study(
        {
            "estates": layer("estates", shapes), "barriers": barrier,
            "streets": streets([(-900, -900), (-900, -800)]),
        }
    )  # fmt: skip
    found = linked(here, kind="touch" if touch else "walk")
    west = np.array([s.bounds[2] <= at for s in shapes])
    assert (west[found.links[:, 0]] == west[found.links[:, 1]]).all()
    for (i, j), gap in zip(found.links, found.gap_m, strict=True):
        assert gap == pytest.approx(shapes[i].distance(shapes[j]), abs=0.01)
        assert gap <= (30 if touch else 10)
    apart = {tuple(p) for p in found.beyond.tolist()}
    for i in range(len(shapes)):
        for j in range(i + 1, len(shapes)):
            near = shapes[i].distance(shapes[j]) <= 30
            if touch and near and west[i] == west[j]:
                assert (i, j) in set(map(tuple, found.links.tolist()))
            if touch and near and west[i] != west[j]:
                assert (i, j) in apart


@settings(max_examples=25, deadline=None)
@given(
    x=st.integers(-120, 120), gap=st.integers(0, 10), wide=st.integers(20, 150),
    high=st.integers(20, 150),
)  # fmt: skip
def test_the_common_wall_of_two_blocks_is_their_overlap(x, gap, wide, high):
    one = shapely.box(0, 0, 100, 100)
    other = shapely.box(x, 100 + gap, x + wide, 100 + gap + high)
    here = Study(
        {"estates": layer("estates", [one, other]), "streets": streets([(-900, 0), (-900, 9)])}
    )
    found = linked(here, wall_length_m=1)
    overlap = max(0, min(100, x + wide) - max(0, x))
    if overlap >= 2:
        # Beyond the ends of an overlap outlines look aslant at each other for some metres.
        assert overlap - 1 <= found.shared_m[0] <= overlap + 2 * gap + 1
    if overlap == 0:
        assert pairs(linked(here)) == {}, "a corner is no common wall"


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_made_up_city_only_walks_over_crossing_streets_lead_to_the_other_bank(seed):
    city = make_city(estates=60, seed=seed)
    shapes = city.layer("estates").geometries
    cuts = shapely.buffer(shapely.union_all(city.frame("barriers").geometry.to_numpy()), 0.1)
    ground = shapely.box(*shapely.total_bounds(shapes)).buffer(300)
    banks = shapely.get_parts(shapely.difference(ground, cuts))
    inside = shapely.point_on_surface(shapes)
    bank = shapely.STRtree(banks).query(inside, "within")
    assert len(np.unique(bank[1])) > 1
    side = np.full(len(shapes), -1)
    side[bank[0]] = bank[1]
    found = neighbours(city, np.arange(60))
    other = side[found.links[:, 0]] != side[found.links[:, 1]]
    assert other.any()
    assert set(found.how[other]) == {"walk"}
    frame = city.frame("streets")
    kept = frame[~shapely.intersects(frame.geometry.to_numpy(), cuts)].reset_index(drop=True)
    parted = Study({**city.layers, "streets": Layer(KINDS["streets"], kept)})
    found = neighbours(parted, np.arange(60))
    assert len(found) > 30
    assert (side[found.links[:, 0]] == side[found.links[:, 1]]).all()
