"""A walled yard between two streets, walked with a finger.

The streets meet in the east, 450 m from the gates; the shop stands on the south street::

    y=120  ----------+-------- 450 m --------.
                     | 20                    |
    y=100  .--------N--------.               |
           |                 |               | 140 m
    y=0    '--------S--------'               |
                     | 20                    |
    y=-20  --------shop------- 450 m --------'
                   x=50                    x=500

Out of S the shop is 20 m away. Out of N it is 20 + 450 + 140 + 450 = 1,060 m.
"""

from functools import partial

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box

from gis.errors import MissingLayerError, OptionError
from gis.model import Study
from gis.network import lay_ground
from tests import layers

YARD = box(0, 0, 100, 100)
STREETS = (
    LineString([(-500, -20), (500, -20)]),
    LineString([(-500, 120), (500, 120)]),
    LineString([(500, -20), (500, 120)]),
)
LANE = LineString([(50, -20), (50, 90)])
S, N = (50, 0), (50, 100)
NEAR, FAR = 20, 1060


layer = partial(layers.layer, corner=None, first=0)


def town(
    *,
    gates=(S, N),
    streets=STREETS,
    walls=(YARD.exterior,),
    shops=((50, -20),),
    homes=(),
    yards=(YARD,),
    barriers=(),
    of_streets=None,
    of_homes=None,
    of_walls=None,
    **of_gates,
):
    layers = [
        layer("estates", yards),
        layer("streets", streets, **(of_streets or {})),
        layer("gates", [Point(xy) for xy in gates], **of_gates),
        layer("walls", [LineString(wall.coords) for wall in walls], **(of_walls or {})),
        layer(
            "facilities",
            [Point(shop) if isinstance(shop, tuple) else shop for shop in shops],
            category=["market"] * len(shops),
        ),
        layer("buildings", [box(x - 3, y - 3, x + 3, y + 3) for x, y in homes], **(of_homes or {})),
        layer("barriers", barriers, barrier=["river"] * len(barriers)),
    ]
    return Study({one.kind.name: one for one in layers if len(one)})


def walk_m(ground, *, shop=0, estate=0):
    """Metres from the estate to the shop; None without a way."""
    doors = ground.doors.node[ground.doors.facility == shop]
    cm = ground.network.reach([doors[doors >= 0]], limit_m=1e5).cm[0]
    nodes = ground.origins.node[(ground.origins.estate == estate) & (ground.origins.node >= 0)]
    found = [int(cm[node]) for node in nodes if cm[node] >= 0]
    return min(found) / 100 if found else None


def walked(at="10:00", origin="gate", link="counted", **parts):
    return walk_m(lay_ground(town(**parts), at=at, origin=origin, link=link))


def codes(ground):
    return {finding.code: finding.message for finding in ground.findings}


# -- Gates and hours


def test_one_leaves_by_the_gate_that_is_nearest():
    assert walked() == NEAR
    assert walked(link="free") == 0


@pytest.mark.parametrize("shut", ["closed", "cars"])
def test_a_gate_that_is_not_for_walkers_sends_them_round_to_the_other(shut):
    assert walked(access=[shut, "both"]) == FAR
    assert walked(access=[shut, "both"], link="free") == FAR - 20


@pytest.mark.parametrize(
    ("at", "metres"), [("06:00", NEAR), ("10:00", NEAR), ("22:00", FAR), ("23:30", FAR)]
)
def test_a_gate_counts_at_its_hours_only(at, metres):
    assert walked(at, hours=["06:00-22:00", None]) == metres


def test_an_estate_whose_gates_are_all_shut_at_that_hour_is_unlinked_and_told():
    ground = lay_ground(town(hours=["06:00-09:00", "06:00-09:00"]))

    assert ground.linked().tolist() == [False]
    assert "at 10:00" in codes(ground)["gates-shut"]
    assert "E0" in codes(ground)["gates-shut"]
    assert lay_ground(town(hours=["06:00-09:00", None])).linked().tolist() == [True]


def test_hours_that_cannot_be_read_count_as_open_and_are_told():
    ground = lay_ground(town(hours=["dawn", None]))

    assert walk_m(ground) == NEAR
    assert "G0 'dawn'" in codes(ground)["hours-unreadable"]


def test_the_nodes_and_links_are_the_same_at_every_hour():
    day, night = (lay_ground(town(hours=["06:00-22:00", None]), at=at) for at in ("10:00", "23:00"))

    assert np.array_equal(day.network.links, night.network.links)
    assert not day.closed.any()
    assert day.network.cost_cm is None
    assert night.passages.gate[np.isin(night.passages.link, np.flatnonzero(night.closed))] == [0]
    assert (night.network.cost_cm[night.closed] == -1).all()
    assert (night.gates.open.tolist(), day.gates.open.tolist()) == ([False, True], [True, True])


def test_a_gate_on_no_boundary_is_told_and_not_used():
    ground = lay_ground(town(gates=[S, (300, 50)]))

    assert ground.gates.gate.tolist() == [0]
    assert "G1" in codes(ground)["gate-nowhere"]


def test_a_gate_far_from_the_outline_of_its_estate_is_used_and_told():
    ground = lay_ground(town(gates=[(50, -8)], walls=(), estate=["E0"]))

    assert walk_m(ground) == 12
    assert "G0" in codes(ground)["gate-off-outline"]


# -- Streets through walls


def test_a_lane_through_an_open_gate_leads_out_and_through_a_shut_one_does_not():
    lane = LineString([(50, -20), (50, 70)])
    inside = {"streets": (*STREETS, lane), "shops": ((50, 60),)}

    assert walked(**inside) == 60
    assert walked(**inside, access=["closed", None]) is None
    # Shut are the lane and the gate itself.
    assert lay_ground(town(**inside, gates=[S], access=["cars"])).closed.sum() == 2


def test_an_inner_street_that_stops_short_of_a_gate_leads_out_through_it():
    # 15 m from the gate a lane ends; 15.01 m are too far.
    for short_m, metres in ((15, 1000 + 140 + 450 + 20 + 15 + 40), (15.01, None)):
        lane = LineString([(50, 100 - short_m), (50, 60 - short_m)])
        parts = {"streets": (*STREETS, lane), "gates": [N], "shops": ((50, 60 - short_m),)}
        ground = lay_ground(town(**parts))
        south = int(np.flatnonzero((ground.network.xy == (-500, -20)).all(axis=1))[0])
        cm = ground.network.reach([ground.doors.node], limit_m=1e5).cm[0, south]

        assert (cm / 100 if cm >= 0 else None) == metres


def test_a_wall_across_a_street_without_a_gate_closes_it():
    wall = LineString([(200, -50), (200, 0)])
    told = town(walls=(YARD.exterior, wall), shops=((300, -20),))
    ground = lay_ground(told)

    # East along the south street is closed: north gate, round, and back west to the shop.
    assert walk_m(ground) == 20 + 450 + 140 + 200
    assert ground.passages.wall[ground.passages.gate < 0].tolist() == [1]
    assert "1 streets in 1 places" in codes(ground)["wall-crosses-street"]
    assert "S0" in codes(ground)["wall-crosses-street"]


@pytest.mark.parametrize(("away_m", "metres"), [(5, 270), (5.01, 810)])
def test_a_gate_within_five_metres_of_the_crossing_opens_it(away_m, metres):
    wall = LineString([(200, -50), (200, 0)])
    parts = {"walls": (YARD.exterior, wall), "shops": ((300, -20),)}

    assert walked(gates=[S, N, (200, -20 + away_m)], **parts) == metres


def test_an_outline_alone_closes_no_street():
    through = LineString([(-500, 50), (500, 50)])
    ground = lay_ground(town(streets=(*STREETS, through), walls=(), gates=[S]))

    assert len(ground.passages.link) == 1
    assert not ground.closed.any()


def test_bridges_pass_over_walls():
    wall = LineString([(200, -50), (200, 0)])
    ground = lay_ground(
        town(walls=(wall,), shops=((300, -20),), of_streets={"bridge": [True, False, False]})
    )

    assert walk_m(ground) == 270


# -- Gates that nobody mapped


def test_without_gates_they_are_assumed_where_the_outline_meets_a_street():
    ground = lay_ground(town(gates=(), streets=(*STREETS, LANE), walls=()))

    assert ground.origins.source.tolist() == ["assumed"]
    assert ground.origins.xy.tolist() == [[50, 0]]
    assert walk_m(ground) == NEAR


def test_an_assumed_gate_is_open_in_its_wall():
    ground = lay_ground(town(gates=(), streets=(*STREETS, LANE), shops=((50, -20), (50, 80))))

    assert [walk_m(ground, shop=shop) for shop in (0, 1)] == [20, 80]
    assert "wall-crosses-street" not in codes(ground)
    assert ground.passages.estate.tolist() == [0]


def test_where_no_street_meets_the_outline_the_nearest_place_is_the_boundary():
    ground = lay_ground(town(gates=(), walls=()))

    assert ground.origins.source.tolist() == ["boundary"]
    assert ground.origins.leg_m.tolist() == [20]


# -- Legs


def test_a_gate_links_outward_though_a_street_inside_is_nearer():
    lane = LineString([(40, 10), (60, 10)])
    ground = lay_ground(town(streets=(*STREETS, lane)))

    assert ground.gates.leg_m.tolist() == [20, 20]
    assert walk_m(ground) == NEAR


def test_a_gate_without_a_street_outside_leads_to_the_one_inside():
    away = [LineString([(50, 90), (50, 400), (900, 400)])]
    ground = lay_ground(town(streets=away, gates=[S], shops=((50, 390),), walls=()))

    assert ground.gates.leg_m.tolist() == [90]
    assert walk_m(ground) == 90 + 300


def test_a_gate_drawn_beside_its_wall_still_leads_out():
    for y in (-3, 3):
        ground = lay_ground(town(gates=[(50, y)]))

        assert walk_m(ground) == 20 + y


def test_a_shop_outside_is_not_linked_through_a_gated_estate():
    # The lane inside is 60 m away, the street outside 70 m; no wall is drawn.
    lane = LineString([(20, 50), (20, 90)])
    ground = lay_ground(town(streets=(*STREETS, lane), walls=(), shops=((-40, 50),)))

    assert ground.doors.leg_m.tolist() == [70]


@pytest.mark.parametrize(("deep_m", "leg_m"), [(15, 35), (15.01, 0)])
def test_a_shop_at_the_edge_opens_to_the_street_and_one_deeper_inside_to_the_gates(deep_m, leg_m):
    ground = lay_ground(town(walls=(), shops=((50, deep_m),)))

    assert ground.doors.leg_m.tolist() == [leg_m]


def test_a_shop_deep_inside_is_reached_through_the_gate_that_is_open():
    parts = {
        "shops": ((50, 60),),
        "yards": (YARD, box(200, -60, 220, -40)),
        "gates": [S, N, (210, -40)],
    }
    outside = 20 + 160

    assert walk_m(lay_ground(town(**parts)), estate=1) == outside + 20 + 60
    shut = lay_ground(town(**parts, access=["closed", None, None]))
    # 290 m east, 140 m north, 450 m west, 20 m to the gate N, 40 m inside.
    assert walk_m(shut, estate=1) == 20 + 290 + 140 + 450 + 20 + 40


PART = box(30, 30, 70, 70)
RING = Polygon(YARD.exterior.coords, [PART.exterior.coords])


@pytest.mark.parametrize("yards", [(YARD, PART), (RING, PART)])
def test_an_estate_drawn_within_a_gated_one_leaves_by_its_gates(yards):
    # From its corner (30, 30) to the gate S at (50, 0), and 20 m to the street.
    ground = lay_ground(town(yards=yards, walls=(), gates=[S]))

    assert walk_m(ground, estate=1) == round((20**2 + 30**2) ** 0.5, 2) + 20
    assert walk_m(lay_ground(town(yards=yards, gates=[S], access=["closed"])), estate=1) is None


@pytest.mark.parametrize("walls", [(), (YARD.exterior,)])
def test_its_own_gate_leads_to_the_gates_around_it(walls):
    parts = {"yards": (YARD, PART), "gates": [S, (50, 30)], "walls": walls}

    assert walk_m(lay_ground(town(**parts)), estate=1) == 30 + 20
    # Without a gate around it that is open it does not jump over the wall.
    assert walk_m(lay_ground(town(**parts, access=["closed", None])), estate=1) is None
    inner = lay_ground(town(**parts, homes=[(50, 50)]), origin="building")
    assert walk_m(inner, estate=1) == 20 + 30 + 20


def test_a_building_of_such_an_estate_does_too():
    yards = (YARD, PART)
    ground = lay_ground(town(yards=yards, gates=[S], homes=[(50, 50)]), origin="building")

    assert walk_m(ground, estate=1) == 50 + 20


def test_a_shop_in_a_hole_of_an_estate_is_reached_through_its_gates():
    parts = {"shops": ((50, 50),), "yards": (RING, box(200, -60, 220, -40)), "walls": ()}
    parts["gates"] = [S, (210, -40)]

    assert walk_m(lay_ground(town(**parts)), estate=1) == 20 + 160 + 20 + 50
    shut = lay_ground(town(**parts, access=["closed", None]))
    assert walk_m(shut, estate=1) is None


def test_behind_a_wall_of_its_own_the_hole_stays_shut():
    walls = (YARD.exterior, PART.exterior)

    assert walked(yards=(RING,), walls=walls, shops=((50, 50),)) is None


def test_who_lives_in_the_ring_walks_round_its_hole():
    # Straight across the hole, a pond, it would be 90 m to the gate S.
    ground = lay_ground(town(yards=(RING,), gates=[S], homes=[(50, 90)]), origin="building")
    to_corner, to_gate = (20**2 + 20**2) ** 0.5, (20**2 + 30**2) ** 0.5  # (70, 70), (70, 30), S

    assert walk_m(ground) == pytest.approx(to_corner + 40 + to_gate + 20, abs=0.01)


def test_a_park_is_entered_wherever_a_street_meets_it():
    park = box(400, -60, 600, 10)
    ground = lay_ground(town(shops=((50, -20), park)))

    assert ground.doors.facility.tolist() == [0, *[1] * (len(ground.doors.facility) - 1)]
    assert walk_m(ground, shop=1) == 20 + 350
    assert ground.doors.linked(2).tolist() == [True, True]


def test_a_shop_in_a_river_is_told_and_unlinked():
    ground = lay_ground(town(barriers=[box(-500, -80, 500, -40)], shops=((50, -60), (50, -20))))

    assert ground.doors.linked(2).tolist() == [False, True]
    assert "1 facilities" in codes(ground)["facility-in-barrier"]
    assert "F0" in codes(ground)["facility-in-barrier"]


def test_places_on_a_piece_of_street_that_leads_nowhere_are_told():
    piece = LineString([(300, -30), (305, -30)])
    ground = lay_ground(town(streets=(*STREETS, piece), shops=((302, -40),)))

    assert walk_m(ground) is None
    assert "F0" in codes(ground)["facilities-on-islands"]
    assert "estates-on-islands" not in codes(ground)


# -- From buildings


def test_from_a_building_the_way_inside_is_walked_too():
    parts = {"homes": [(50, 60)], "origin": "building"}

    assert walked(**parts) == 60 + 20
    assert walked(**parts, link="free") == 60
    assert walked(**parts, access=["closed", None]) == 40 + FAR
    assert walked("23:00", **parts, hours=["06:00-22:00", None]) == 40 + FAR


def test_from_a_building_one_follows_the_streets_inside():
    parts = {"homes": [(20, 60)], "origin": "building", "streets": (*STREETS, LANE)}

    assert walked(**parts) == 30 + 60 + 20
    assert walked(**parts, shops=((50, 90),)) == 30 + 30


def test_each_building_is_an_origin_and_knows_its_estate():
    ground = lay_ground(
        town(
            yards=(YARD, box(200, 0, 300, 100)),
            homes=[(250, 50), (50, 60), (50, 30), (900, 900)],
            gates=[S, (250, 0)],
            of_homes={"people": [9, None, 9, 9], "estate": [None, "E0", None, None]},
        ),
        origin="building",
    )

    assert ground.origins.building.tolist() == [1, 2, 0]
    assert ground.origins.estate.tolist() == [0, 0, 1]
    assert set(ground.origins.source) == {"building"}


def test_a_building_without_people_is_nobodys_home():
    ground = lay_ground(
        town(homes=[(50, 60), (50, 30)], of_homes={"people": [5, 0]}), origin="building"
    )

    assert ground.origins.building.tolist() == [0]


def test_estates_without_buildings_start_at_their_gates_and_are_told():
    ground = lay_ground(town(), origin="building")

    assert ground.origins.source.tolist() == ["gate", "gate"]
    assert "1 of 1 estates" in codes(ground)["estates-without-buildings"]


def test_a_building_of_an_open_estate_goes_straight_to_its_street():
    # 60 m south to the street and 30 m along it.
    parts = {"homes": [(80, 40)], "origin": "building", "gates": (), "walls": ()}

    assert walked(**parts) == 60 + 30
    assert walked(**parts, link="free") == 30


def test_walled_without_gates_a_building_leaves_by_the_assumed_one():
    lane = LineString([(50, -20), (50, 5)])
    parts = {"homes": [(50, 65)], "origin": "building", "gates": (), "streets": (*STREETS, lane)}

    assert walked(**parts) == 65 + 20


def test_with_all_gates_shut_nobody_leaves_their_building():
    ground = lay_ground(town(homes=[(50, 60)], access=["closed", "cars"]), origin="building")

    assert ground.linked().tolist() == [False]


# -- Width


def test_narrow_gates_can_be_left_out():
    ground = lay_ground(town(streets=(*STREETS, LANE), width_m=[0.7, None]))
    gates = ground.passages.gate[np.isin(ground.passages.link, np.flatnonzero(ground.narrow(0.8)))]

    # The gate itself and the lane through it.
    assert gates.tolist() == [0, 0]
    assert ground.narrow_origins(0.8).tolist() == [True, False]
    assert not ground.narrow(0.7).any()


# -- Refusals


def test_without_streets_or_estates_there_is_no_ground():
    whole = town()
    for kind in ("streets", "estates"):
        rest = {name: one for name, one in whole.layers.items() if name != kind}
        with pytest.raises(MissingLayerError, match=kind):
            lay_ground(Study(rest))


@pytest.mark.parametrize("options", [{"at": "25:00"}, {"origin": "roof"}, {"link": "long"}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(OptionError):
        lay_ground(town(), **options)


# -- Against networkx, in towns of lanes and walled yards

SIDE = 5


@st.composite
def towns(draw):
    """Yards on half coordinates of a grid of lanes; gates where lanes cross their walls."""
    low = draw(st.integers(0, SIDE - 2)), draw(st.integers(0, SIDE - 2))
    high = draw(st.integers(low[0] + 1, SIDE - 1)), draw(st.integers(low[1] + 1, SIDE - 1))
    yard = box(low[0] + 0.5, low[1] + 0.5, high[0] + 0.5, high[1] + 0.5)
    crossings = [(x + 0.5, y) for x in (low[0], high[0]) for y in range(low[1] + 1, high[1] + 1)]
    crossings += [(x, y + 0.5) for y in (low[1], high[1]) for x in range(low[0] + 1, high[0] + 1)]
    crossings = [(x, y) for x, y in crossings if x < SIDE and y < SIDE]
    gates = draw(st.lists(st.sampled_from(crossings), min_size=1, unique=True))
    open_ = draw(st.lists(st.booleans(), min_size=len(gates), max_size=len(gates)))
    return yard, gates, open_


@settings(max_examples=15, deadline=None)
@given(towns())
def test_walks_in_a_town_of_lanes_are_those_of_networkx(given_town):
    yard, gates, open_ = given_town
    grid = nx.grid_2d_graph(SIDE, SIDE)
    for a, b in list(grid.edges):
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        if yard.exterior.distance(Point(middle)) == 0:
            shut = middle not in gates or not open_[gates.index(middle)]
            if shut:
                grid.remove_edge(a, b)
    lanes = [LineString([(x * 100, 0), (x * 100, 100 * (SIDE - 1))]) for x in range(SIDE)]
    lanes += [LineString([(0, y * 100), (100 * (SIDE - 1), y * 100)]) for y in range(SIDE)]
    walls = box(*(100 * v for v in yard.bounds))
    ground = lay_ground(
        town(
            yards=[walls],
            walls=[walls.exterior],
            streets=lanes,
            gates=[(100 * x, 100 * y) for x, y in gates],
            shops=((0, 0),),
            hours=["06:00-22:00" if is_open else "12:00-13:00" for is_open in open_],
        )
    )
    cm = ground.network.reach([ground.doors.node], limit_m=1e5).cm[0]
    steps = nx.single_source_shortest_path_length(grid, (0, 0))

    for node in grid.nodes:
        here = np.flatnonzero((ground.network.xy == np.array(node) * 100.0).all(axis=1))
        found = [int(cm[row]) for row in here if cm[row] >= 0]
        assert (min(found) if found else None) == (steps[node] * 10_000 if node in steps else None)
