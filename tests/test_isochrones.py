"""Isochrones: the streets and buildings reached, and polygons that cover nothing else.

The hand-checked town is a cross of four streets of 100 m from the node 0 in the middle.
"""

import math
from functools import partial

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from gis.errors import LayerError, OptionError
from gis.isochrones import (
    Blockers,
    band_polygons,
    polygons_frame,
    reached_buildings,
    reached_streets,
    streets_frame,
)
from gis.isochrones import polygons as drawing
from gis.model import Study
from gis.network import WalkNetwork
from gis.network.polylines import Polylines
from tests import layers

FEW = settings(max_examples=60, deadline=None)
PLANE = CRS("EPSG:4547")
CELL_M = 10.0


def straight(xy, links):
    xy = np.asarray(xy, dtype=float)
    ends = np.asarray(links, dtype=int).reshape(-1, 2)
    return WalkNetwork.from_arrays(xy, ends, np.hypot(*(xy[ends[:, 0]] - xy[ends[:, 1]]).T))


def cross():
    return straight(
        [(0, 0), (100, 0), (-100, 0), (0, 100), (0, -100)], [(0, 1), (0, 2), (0, 3), (0, 4)]
    )


def grid_town(side, *, seed):
    """A town of crooked blocks of about 80 m, a fifth of its streets missing."""
    rng = np.random.default_rng(seed)
    corner = np.arange(side * side).reshape(side, side)
    across = np.stack([corner[:, :-1].ravel(), corner[:, 1:].ravel()], axis=1)
    up = np.stack([corner[:-1].ravel(), corner[1:].ravel()], axis=1)
    links = np.concatenate([across, up])
    xy = np.stack(np.divmod(np.arange(side * side), side), axis=1) * 80.0
    return straight(xy + rng.uniform(-25, 25, xy.shape), links[rng.random(len(links)) < 0.8])


def all_lines(reached, source, band):
    """The stretches of a band and of those before it, in one."""
    lines = [reached.lines(source, b) for b in range(band + 1)]
    return shapely.union_all(np.concatenate(lines))


# -- Streets


def test_in_a_cross_of_streets_each_band_has_its_part_of_each_arm():
    reached = reached_streets(cross(), [0], [30, 80, 500])

    assert reached.length_m.tolist() == [[4 * 30, 4 * 50, 4 * 20]]
    rows = reached.rows(0, 1)
    assert sorted(reached.link[rows].tolist()) == [0, 1, 2, 3]
    assert reached.from_m[rows].tolist() == [30] * 4
    assert reached.to_m[rows].tolist() == [80] * 4
    lines = {line.wkt for line in reached.lines(0, 1)}
    assert lines == {
        "LINESTRING (30 0, 80 0)",
        "LINESTRING (-30 0, -80 0)",
        "LINESTRING (0 30, 0 80)",
        "LINESTRING (0 -30, 0 -80)",
    }


def test_from_the_end_of_an_arm_the_others_are_reached_past_the_middle():
    reached = reached_streets(cross(), [1], [140])

    assert reached.length_m.tolist() == [[100 + 3 * 40]]


def test_stretches_keep_the_course_of_their_street():
    bent = WalkNetwork(
        xy=np.array([(0.0, 0.0), (30.0, 40.0)]),
        links=np.array([[0, 1]], dtype=np.int32),
        length_cm=np.array([7_000], dtype=np.int32),
        lines=Polylines(np.array([(0.0, 0.0), (30.0, 0.0), (30.0, 40.0)]), np.array([0, 3])),
        street=np.zeros(1, dtype=np.int32),
    )
    reached = reached_streets(bent, [0], [20, 50])

    assert [line.wkt for line in reached.lines(0, 0)] == ["LINESTRING (0 0, 20 0)"]
    assert [line.wkt for line in reached.lines(0, 1)] == ["LINESTRING (20 0, 30 0, 30 20)"]


def test_a_length_that_is_not_the_drawn_one_is_a_share_of_the_course():
    # A drawn street of 100 m that is 200 m long to walk: 50 m of walk are 25 m on the map.
    steep = WalkNetwork.from_arrays([(0, 0), (100, 0)], [(0, 1)], [200])

    line = reached_streets(steep, [0], [50]).lines(0, 0)[0]
    assert line.wkt == "LINESTRING (0 0, 25 0)"


def test_a_source_that_is_not_linked_reaches_no_street_and_no_ground():
    reached = reached_streets(cross(), [-1, 0], [30])

    assert reached.length_m.tolist() == [[0], [120]]
    assert len(reached.lines(0, 0)) == 0
    assert band_polygons(reached).shapes[0, 0].is_empty


def test_no_sources_at_all_give_empty_answers():
    reached = reached_streets(cross(), [], [30, 60])

    assert len(reached) == 0
    assert reached.length_m.shape == (0, 2)
    assert band_polygons(reached).shapes.shape == (0, 2)


def test_the_streets_of_a_town_are_those_of_networkx_to_the_centimetre():
    town = grid_town(14, seed=3)
    sources = [0, 50, 97, 195]
    reached = reached_streets(town, sources, [250, 500])
    graph = nx.Graph()
    graph.add_nodes_from(range(len(town)))
    graph.add_weighted_edges_from(
        (int(a), int(b), int(cm)) for (a, b), cm in zip(town.links, town.length_cm, strict=True)
    )

    for s, source in enumerate(sources):
        for band, limit in ((0, 25_000), (1, 50_000)):
            ways = nx.single_source_dijkstra_path_length(graph, source, cutoff=limit)
            total = 0
            for (a, b), cm in zip(town.links.tolist(), town.length_cm.tolist(), strict=True):
                got = sum(limit - ways[v] for v in (a, b) if v in ways)
                total += min(got, cm)
            assert round(reached.length_m[s, : band + 1].sum() * 100) == total


# -- Buildings


def test_buildings_have_the_band_of_their_node():
    # Nodes 1 to 4 are 100 m away; 0 is the source itself.
    found = reached_buildings(cross(), [0, 1], [0, 1, -1, 4, 1], [50, 100, 200])

    assert found.of(0).tolist() == [0, 1, -1, 1, 1]
    assert found.of(1).tolist() == [1, 0, -1, 2, 0]
    assert found.nearest.tolist() == [0, 0, -1, 1, 0]


def test_a_building_a_centimetre_beyond_the_last_band_is_not_reached():
    assert reached_buildings(cross(), [0], [1], [99.99]).of(0).tolist() == [-1]
    assert reached_buildings(cross(), [0], [1], [100]).of(0).tolist() == [0]


# -- Polygons


def test_a_street_is_shown_as_the_ground_within_the_width():
    reached = reached_streets(straight([(0, 0), (200, 0)], [(0, 1)]), [0], [100])
    polygons = band_polygons(reached, width_m=25)
    shape = polygons.shapes[0, 0]
    exact = shapely.LineString([(0, 0), (100, 0)]).buffer(25, quad_segs=64)

    # 100 x 50 m and the two half circles, of which straight pieces of 10 m miss a little.
    assert exact.area == pytest.approx(5000 + math.pi * 625, abs=1)
    assert exact.area - 80 < shape.area < exact.area
    assert shapely.hausdorff_distance(shape, exact) < 1
    assert polygons.derived_from == "reached streets, 25 m to each side"


def test_each_band_covers_the_bands_before_it():
    shapes = band_polygons(reached_streets(cross(), [0], [30, 60, 90])).shapes[0]

    assert shapes[1].covers(shapes[0])
    assert shapes[2].covers(shapes[1])
    assert [len(shapely.get_parts(shape)) for shape in shapes] == [1, 1, 1]


def test_the_yard_within_a_ring_of_streets_stays_open():
    # A square of 200 m: 25 m of each side are shown, 150 m x 150 m in the middle are not.
    ring = straight([(0, 0), (200, 0), (200, 200), (0, 200)], [(0, 1), (1, 2), (2, 3), (3, 0)])
    shape = band_polygons(reached_streets(ring, [0], [400])).shapes[0, 0]

    (part,) = shapely.get_parts(shape)
    (yard,) = part.interiors
    assert shapely.Polygon(yard).area == pytest.approx(150 * 150, abs=100)


def test_the_river_is_left_out_and_the_street_beyond_the_bridge_is_not():
    # The river from x = 40 to 60 is bridged by the eastern arm, which goes on to 100.
    river = shapely.box(40, -500, 60, 500)
    shape = band_polygons(reached_streets(cross(), [0], [100]), blockers=Blockers.of([river]))
    west, east = sorted(shapely.get_parts(shape.shapes[0, 0]), key=lambda part: part.bounds[0])

    assert shapely.area(shapely.intersection(shape.shapes[0, 0], river)) == 0
    assert west.bounds[2] == pytest.approx(40, abs=0.02)
    assert east.bounds[0] == pytest.approx(60, abs=0.02)
    assert east.covers(shapely.LineString([(60.1, 0), (100, 0)]))
    assert shape.derived_from.endswith("less water, closed estates and walls")


def test_the_other_bank_is_not_reached_because_it_is_near():
    # 50 m of the arm end 5 m into the river; within 25 m of it lies the bank beyond x = 60.
    river = shapely.box(45, -500, 60, 500)
    reached = reached_streets(cross(), [0], [50])

    assert band_polygons(reached).shapes[0, 0].bounds[2] == pytest.approx(75, abs=1)
    kept = band_polygons(reached, blockers=Blockers.of([river])).shapes[0, 0]
    assert kept.bounds[2] == pytest.approx(45, abs=0.02)


def test_a_closed_estate_is_a_hole_and_its_open_garden_is_not_reached():
    # Beside the eastern arm, 5 to 20 m off, with a garden of its own inside.
    estate = shapely.box(30, 5, 80, 20).difference(shapely.box(40, 8, 70, 17))
    shape = band_polygons(reached_streets(cross(), [0], [100]), blockers=Blockers.of([estate]))
    (part,) = shapely.get_parts(shape.shapes[0, 0])
    (hole,) = part.interiors

    assert shapely.equals(
        shapely.normalize(shapely.Polygon(hole)),
        shapely.normalize(shapely.box(29.99, 4.99, 80.01, 20.01)),
    ) or shapely.Polygon(hole).area == pytest.approx(50.02 * 15.02, abs=0.01)


def test_a_wall_takes_the_ground_of_its_width():
    wall = shapely.LineString([(50, -40), (50, 40)])
    reached = reached_streets(cross(), [0], [100])
    shape = band_polygons(reached, blockers=Blockers.of(lines=[wall], line_width_m=0.5))

    assert shapely.intersection(shape.shapes[0, 0], wall.buffer(0.25, cap_style="flat")).area == 0
    assert len(shapely.get_parts(shape.shapes[0, 0])) == 2


def test_where_everything_is_blocked_nothing_is_shown():
    reached = reached_streets(cross(), [0], [100])

    assert (
        band_polygons(reached, blockers=Blockers.of([shapely.box(-500, -500, 500, 500)]))
        .shapes[0, 0]
        .is_empty
    )


def test_smaller_cells_come_closer_to_the_true_outline():
    reached = reached_streets(grid_town(6, seed=2), [15], [200])
    exact = all_lines(reached, 0, 0).buffer(25, quad_segs=32)

    def missed(cell_m):
        shape = band_polygons(reached, blockers=Blockers.of(cell_m=cell_m)).shapes[0, 0]
        return shapely.area(shapely.symmetric_difference(shape, exact)) / exact.area

    assert missed(10.0) < 0.02
    assert missed(2.5) < 0.002


# -- Properties

places = st.integers(-8, 8).map(lambda n: 25.0 * n)
sizes = st.sampled_from([3.0, 10.0, 25.0, 50.0, 110.0])


@st.composite
def blockers(draw):
    """Boxes on round coordinates, straight or turned, some with a garden inside, and walls."""
    shapes = []
    for _ in range(draw(st.integers(0, 5))):
        x, y, wide, high = draw(places), draw(places), draw(sizes), draw(sizes)
        box = shapely.box(x, y, x + wide, y + high)
        if draw(st.booleans()):
            box = box.difference(box.buffer(-draw(st.sampled_from([1.0, 4.0, 12.5]))))
        turn = draw(st.sampled_from([0.0, 0.0, 0.3, 0.79]))
        turned = shapely.transform(
            box, lambda xy, a=turn: xy @ [[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]
        )
        shapes.append(turned)
    lines = []
    for _ in range(draw(st.integers(0, 2))):
        ends = [(draw(places), draw(places)) for _ in range(2)]
        if ends[0] != ends[1]:
            lines.append(shapely.LineString(ends))
    return shapes, lines


@st.composite
def towns(draw):
    nodes = draw(st.lists(st.tuples(places, places), min_size=2, max_size=9, unique=True))
    node = st.integers(0, len(nodes) - 1)
    links = draw(st.lists(st.tuples(node, node), min_size=1, max_size=14))
    return straight(nodes, [link for link in links if link[0] != link[1]])


@FEW
@given(towns(), blockers(), st.lists(st.integers(1, 400), min_size=1, max_size=3, unique=True))
def test_polygons_hold_the_reached_streets_and_nothing_that_is_blocked(town, blocked, bands):
    reached = reached_streets(town, [0], sorted(bands))
    laid = Blockers.of(*blocked)
    shapes = band_polygons(reached, blockers=laid).shapes[0]
    open_shapes = band_polygons(reached).shapes[0]

    for band, (shape, whole) in enumerate(zip(shapes, open_shapes, strict=True)):
        lines = all_lines(reached, 0, band)
        assert shape.is_valid, shapely.is_valid_reason(shape)
        assert whole.is_valid, shapely.is_valid_reason(whole)
        for area in blocked[0]:
            assert shapely.area(shapely.intersection(shape, area)) == 0
        for wall in blocked[1]:
            assert not shapely.intersects(shape, wall)
        assert lines.is_empty or whole.buffer(1e-6).covers(lines)
        # Cut by shapely instead: the same parts, but for those that a street hardly enters.
        for part in shapely.get_parts(shapely.difference(whole, laid.shape)):
            missed = shapely.area(part) - shapely.area(shapely.intersection(part, shape))
            if missed > 0.01 * shapely.length(part) + 0.01:
                assert missed == pytest.approx(shapely.area(part), rel=0.01)
                assert shapely.length(shapely.intersection(part, lines)) < CELL_M
        extra = shapely.difference(shape, whole)
        assert shapely.area(extra) <= 0.01 * shapely.length(shape)


def test_in_a_town_with_a_river_and_estates_the_polygons_are_those_of_shapely(monkeypatch):
    town = grid_town(16, seed=8)
    rng = np.random.default_rng(9)
    bends = np.stack([np.linspace(-50, 1300, 60), 600 + 80 * np.sin(np.arange(60) / 5)], axis=1)
    river = shapely.LineString(bends).buffer(22)
    estates = [
        shapely.box(x, y, x + w, y + h)
        for x, y, w, h in np.column_stack(
            [rng.uniform(0, 1200, (40, 2)), rng.uniform(20, 90, (40, 2))]
        )
    ]
    laid = Blockers.of([river, *estates])
    slow = []
    monkeypatch.setattr(drawing, "_cut_slowly", lambda *given: slow.append(given))
    reached = reached_streets(town, rng.integers(0, 256, 40), [200, 400])
    shapes = band_polygons(reached, blockers=laid).shapes
    exact = shapely.difference(band_polygons(reached).shapes, laid.shape)

    assert slow == []  # the quick cut needed no help
    assert shapely.is_valid(shapes).all()
    assert shapely.area(shapely.intersection(shapes, river)).max() == 0
    assert shapely.area(shapely.intersection(shapes, shapely.union_all(estates))).max() == 0
    parts, of = shapely.get_parts(exact.ravel(), return_index=True)
    left = shapely.area(parts) - shapely.area(shapely.intersection(parts, shapes.ravel()[of]))
    dropped = left > 0.5 * shapely.area(parts)
    lines = np.array([all_lines(reached, s, b) for s in range(40) for b in range(2)])
    assert shapely.length(shapely.intersection(parts, lines[of]))[dropped].max() < CELL_M
    assert left[~dropped].max() < 0.01 * shapely.length(parts).max()
    assert 0 < dropped.sum() < len(parts) / 2


def test_where_the_quick_cut_gives_up_shapely_cuts(monkeypatch):
    quick = drawing.outlines

    def given_up(*args):
        found, parts, failed = quick(*args[:-1], Blockers.of().walls)
        return found, parts, np.ones_like(failed)

    river = shapely.box(45, -500, 60, 500)
    reached = reached_streets(cross(), [0], [50])
    quickly = band_polygons(reached, blockers=Blockers.of([river])).shapes[0, 0]
    monkeypatch.setattr(drawing, "outlines", given_up)
    slowly = band_polygons(reached, blockers=Blockers.of([river])).shapes[0, 0]

    assert shapely.area(shapely.symmetric_difference(quickly, slowly)) < 0.01


# -- A study


layer = partial(layers.layer, corner=None)


def test_water_rivers_walls_and_closed_estates_of_a_study_block():
    study = Study(
        {
            "water": layer("water", [shapely.box(0, 0, 10, 10)]),
            "barriers": layer(
                "barriers",
                [shapely.LineString([(20, 0), (20, 10)]), shapely.LineString([(30, 0), (30, 10)])],
                barrier=["river", "railway"],
            ),
            "walls": layer("walls", [shapely.LineString([(40, 0), (40, 10)])]),
            "estates": layer("estates", [shapely.box(50, 0, 60, 10), shapely.box(70, 0, 80, 10)]),
        }
    )
    laid = Blockers.of_study(study, closed=np.array([True, False]))

    inside = [shapely.covers(laid.shape, shapely.Point(x, 5)) for x in (5, 20, 30, 40, 55, 75)]
    assert inside == [True, True, False, True, True, False]
    with pytest.raises(OptionError, match="one value for each of the 2 estates"):
        Blockers.of_study(study, closed=np.array([True]))


def test_frames_have_a_row_per_source_and_band():
    reached = reached_streets(cross(), [0, 1], [30, 60])
    streets = streets_frame(reached, ["a", "b"], PLANE, speed_m_s=1.0)
    ground = polygons_frame(band_polygons(reached), ["a", "b"], PLANE, speed_m_s=0.5)

    assert streets["facility"].tolist() == ["a", "a", "b", "b"]
    assert streets["beyond_m"].tolist() == [0, 30, 0, 30]
    assert streets["within_m"].tolist() == [30, 60, 30, 60]
    assert streets["minutes"].tolist() == [0.5, 1, 0.5, 1]
    assert streets["length_m"].tolist() == [120, 120, 30, 30]
    assert streets.geometry.length.tolist() == [120, 120, 30, 30]
    assert ground["within_m"].tolist() == [60, 30, 60, 30]
    assert ground["minutes"].tolist() == [2, 1, 2, 1]
    assert set(ground["derived_from"]) == {"reached streets, 25 m to each side"}
    assert (ground.crs, streets.crs) == (PLANE, PLANE)


# -- What cannot be asked


def test_what_cannot_be_drawn_is_refused_with_its_numbers():
    reached = reached_streets(cross(), [0], [30])

    with pytest.raises(OptionError, match=r"width_m is 14; give at least 15 m with cells of 10 m"):
        band_polygons(reached, width_m=14)
    with pytest.raises(OptionError, match="width_m is nan"):
        band_polygons(reached, width_m=math.nan)
    with pytest.raises(OptionError, match="There are 2 uids for 1 sources"):
        streets_frame(reached, ["a", "b"], PLANE)
    with pytest.raises(OptionError, match="speed_m_s is 0"):
        streets_frame(reached, ["a"], PLANE, speed_m_s=0)


@pytest.mark.parametrize(
    ("polygons", "lines", "told"),
    [
        ([shapely.Point(0, 0)], [], r"polygons\[0\] of the blockers is a Point"),
        ([], [shapely.box(0, 0, 1, 1)], r"lines\[0\] of the blockers is a Polygon"),
        ([shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], [], "Self-intersection"),
    ],
)
def test_what_is_no_blocker_is_refused(polygons, lines, told):
    with pytest.raises(LayerError, match=told):
        Blockers.of(polygons, lines)


@pytest.mark.parametrize("widths", [{"cell_m": 0}, {"line_width_m": -1}, {"cell_m": math.inf}])
def test_a_width_that_is_none_is_refused(widths):
    with pytest.raises(OptionError, match=rf"{next(iter(widths))} is"):
        Blockers.of(**widths)
