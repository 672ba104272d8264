"""Where estates and facilities touch the walk."""

import pytest
from shapely import LineString, MultiPoint, MultiPolygon, Point, Polygon, box

from gis.errors import MissingLayerError
from gis.model import Study
from gis.network import attach, blockers_of, build_network, estate_access, facility_access
from tests import layers


def layer(kind, *shapes, **columns):
    return layers.layer(kind, shapes, corner=None, first=0, **columns)


def study(*layers):
    return Study({one.kind.name: one for one in layers})


def told(points):
    return [
        (int(row), tuple(xy), source)
        for row, xy, source in zip(points.estate, points.xy.tolist(), points.source, strict=True)
    ]


SQUARE = box(0, 0, 100, 100)
SOUTH = LineString([(-500, -20), (500, -20)])
STREETS = layer("streets", SOUTH)


# -- Gates


def test_an_estate_is_left_through_its_gates():
    gates = layer("gates", Point(50, 0), Point(100, 30), estate=["E0", "E0"])
    points = estate_access(study(layer("estates", SQUARE), STREETS, gates))

    assert told(points) == [(0, (50, 0), "gate"), (0, (100, 30), "gate")]


def test_a_gate_names_its_estate_by_uid_or_by_name():
    estates = layer("estates", SQUARE, box(200, 0, 300, 100), name=["东苑", "西苑"])
    gates = layer("gates", Point(0, 0), Point(1, 0), estate=["西苑", "E0"])

    assert [p[:2] for p in told(estate_access(study(estates, STREETS, gates)))] == [
        (0, (1, 0)), (1, (0, 0)),
    ]  # fmt: skip


def test_of_estates_of_one_name_the_nearest_to_the_gate_is_meant():
    estates = layer("estates", SQUARE, box(200, 0, 300, 100), name=["东苑", "东苑"])
    gates = layer("gates", Point(199, 0), Point(99, 0), estate=["东苑", "东苑"])

    assert [p[:2] for p in told(estate_access(study(estates, STREETS, gates)))] == [
        (0, (99, 0)), (1, (199, 0)),
    ]  # fmt: skip


@pytest.mark.parametrize(("away_m", "source"), [(0, "gate"), (5, "gate"), (5.01, "boundary")])
def test_a_gate_without_a_name_belongs_to_the_estate_within_five_metres(away_m, source):
    gates = layer("gates", Point(50, -away_m), estate=[None])
    points = estate_access(study(layer("estates", SQUARE), STREETS, gates))

    assert points.source.tolist() == [source]


def test_a_gate_in_the_wall_between_two_estates_belongs_to_both():
    estates = layer("estates", SQUARE, box(100, 0, 200, 100))
    points = estate_access(study(estates, STREETS, layer("gates", Point(100, 50))))

    assert told(points) == [(0, (100, 50), "gate"), (1, (100, 50), "gate")]


def test_gates_for_cars_and_closed_gates_are_not_used():
    gates = layer(
        "gates", Point(50, 0), Point(60, 0), Point(70, 0), Point(80, 0), Point(90, 0),
        access=["cars", "closed", "both", "walkers", None],
    )  # fmt: skip
    points = estate_access(study(layer("estates", SQUARE), STREETS, gates))

    assert points.xy[:, 0].tolist() == [70, 80, 90]


def test_an_estate_with_closed_gates_only_has_no_way_out():
    gates = layer("gates", Point(50, 100), access=["closed"])
    points = estate_access(study(layer("estates", SQUARE), STREETS, gates))

    assert points.estate.tolist() == []


# -- Boundaries


def test_without_gates_the_boundary_is_left_wherever_it_meets_a_street():
    through = LineString([(50, -20), (50, 120)])
    points = estate_access(study(layer("estates", SQUARE), layer("streets", SOUTH, through)))

    assert told(points) == [(0, (50, 0), "assumed"), (0, (50, 100), "assumed")]


def test_a_street_along_the_boundary_is_met_in_its_middle():
    along = LineString([(20, 0), (80, 0)])
    points = estate_access(study(layer("estates", SQUARE), layer("streets", along)))

    assert told(points) == [(0, (50, 0), "assumed")]


def test_a_boundary_that_meets_no_street_is_left_where_it_is_nearest_to_one():
    diamond = Polygon([(0, 50), (50, 0), (100, 50), (50, 100)])
    points = estate_access(study(layer("estates", diamond), STREETS))

    assert told(points) == [(0, (50, 0), "boundary")]


def test_a_closed_way_is_no_street_to_leave_by():
    motorway = layer(
        "streets", SOUTH, LineString([(0, 110), (90, 110)]), highway=[None, "motorway"]
    )

    assert estate_access(study(layer("estates", SQUARE), motorway)).xy[0, 1] == 0


def test_across_a_river_the_boundary_is_left_on_the_other_side():
    north = LineString([(-500, 200), (500, 200)])
    river = layer("barriers", LineString([(-500, -10), (500, -10)]), barrier=["river"])
    whole = study(layer("estates", SQUARE), layer("streets", SOUTH, north), river)
    points = estate_access(whole)
    network, _ = build_network(whole.layer("streets"))

    assert points.xy[:, 1].tolist() == [100]
    assert attach(network, points.xy, blockers=blockers_of(whole)).leg_m.tolist() == [100]


def test_too_far_from_any_street_there_is_a_place_that_stays_unlinked():
    whole = study(layer("estates", box(0, 300, 100, 400)), STREETS)
    points = estate_access(whole)
    network, _ = build_network(whole.layer("streets"))

    assert points.source.tolist() == ["boundary"]
    assert attach(network, points.xy).node.tolist() == [-1]


def test_the_hole_of_an_estate_is_no_way_out():
    ring = Polygon(box(0, 0, 100, 100).exterior, [box(40, 40, 60, 60).exterior])
    inner = LineString([(45, 50), (65, 50)])
    points = estate_access(study(layer("estates", ring), layer("streets", SOUTH, inner)))

    assert 0 in points.xy[:, 1]
    assert len(points.xy) == 1


def test_every_piece_of_an_estate_may_be_left():
    both = MultiPolygon([SQUARE, box(200, 0, 300, 100)])
    through = LineString([(50, -20), (250, -20), (250, 50)])
    points = estate_access(study(layer("estates", both), layer("streets", through)))

    assert told(points) == [(0, (250, 0), "assumed")]


# -- Points, order, absence


def test_estates_given_as_points_stand_for_themselves():
    estates = layer("estates", Point(7, 7), MultiPoint([(1, 1), (2, 2)]))

    assert told(estate_access(study(estates, STREETS))) == [
        (0, (7, 7), "point"), (1, (1, 1), "point"), (1, (2, 2), "point"),
    ]  # fmt: skip


def test_every_estate_has_a_place_and_they_come_in_order():
    estates = layer("estates", Point(7, 7), box(200, 0, 300, 100), SQUARE, Point(9, 9))
    gates = layer("gates", Point(50, 0), estate=["E2"])
    points = estate_access(study(estates, STREETS, gates))

    assert points.estate.tolist() == [0, 1, 2, 3]
    assert points.source.tolist() == ["point", "boundary", "gate", "point"]


def test_without_streets_the_remedy_is_told():
    with pytest.raises(MissingLayerError, match="import PROJECT streets FILE"):
        estate_access(study(layer("estates", SQUARE)))


# -- Facilities


def test_a_facility_is_entered_at_its_point_or_where_its_outline_meets_a_street():
    through = LineString([(50, -20), (50, 60)])
    facilities = layer(
        "facilities", Point(5, 5), SQUARE, box(200, 0, 300, 100), category=["park"] * 3
    )
    doors = facility_access(study(facilities, layer("streets", SOUTH, through)))

    assert doors.facility.tolist() == [0, 1, 2]
    assert doors.xy[:2].tolist() == [[5, 5], [50, 0]]
    assert doors.xy[2, 1] == 0
    assert 200 <= doors.xy[2, 0] <= 300


def test_a_park_is_entered_wherever_its_outline_meets_a_street():
    through = LineString([(50, -20), (50, 120)])
    park, shop = box(40, 0, 60, 110), Point(5, 5)
    facilities = layer("facilities", park, shop, category=["park"] * 2)
    across = LineString([(0, 70), (200, 70)])
    doors = facility_access(study(facilities, layer("streets", through, across)))

    assert doors.facility.tolist() == [0, 0, 0, 0, 1]
    assert sorted(doors.xy[:4].tolist()) == [[40, 70], [50, 0], [50, 110], [60, 70]]


def test_walls_and_barriers_are_what_stops_people():
    walls = layer("walls", LineString([(0, 0), (1, 0)]))
    barriers = layer("barriers", SQUARE, barrier=["river"])

    assert len(blockers_of(study(walls, barriers))) == 2
    assert len(blockers_of(study(walls))) == 1
    assert len(blockers_of(study())) == 0
