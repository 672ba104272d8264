"""Why an estate is a gap, in towns small enough to walk with a finger.

A walled estate between two streets; the way from the open gate to the facility F leads around::

          |                  |         W  west gate (0, 55), open
     x=-20|   +----------+   |x=220    E  east gate (200, 25), shut by day
          W---|  estate  |---E         F  facility (240, 125)
          |   +----------+   |
          '----- y = 0 ------'         from W: 20 + 55 + 240 + 125 + 20 = 460 m
                                       from E: 20 + 100 + 20 = 140 m
"""

from dataclasses import replace
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate
from shapely.geometry import LineString, Point, box

from gis.coverage import measure_coverage
from gis.errors import OptionError, UnknownNameError
from gis.explain import CAUSES, REMEDIES, changes, explain, find_rule
from gis.explain.changes import _outward
from gis.explain.laid import lay_case
from gis.model import KINDS, Layer, Study
from gis.network import lay_ground
from gis.rules import Instead, Size, load_pack, own_rule
from gis.sample import make_city
from tests.layers import CORNER, CRS, layer


def walled(*, hours="18:00-22:00", access="both", **more):
    layers = {
        "estates": layer("estates", [box(0, 5, 200, 120)], name=["柳园"], people=[300]),
        "gates": layer(
            "gates",
            [Point(0, 55), Point(200, 25)],
            name=["西门", "东门"],
            estate=["柳园", "柳园"],
            access=["both", access],
            hours=[None, hours],
        ),
        "streets": layer(
            "streets",
            [
                LineString([(-20, 140), (-20, 0)]),
                LineString([(-20, 0), (220, 0)]),
                LineString([(220, 0), (220, 140)]),
            ],
            name=["西街", "南街", "东街"],
        ),
        "facilities": layer(
            "facilities", [Point(240, 125)], category=["elderly_station"], name=["颐养站"]
        ),
    }
    return Study(layers | more)


RULE = own_rule("elderly_station", metres=300)


def kinds(told):
    return [each.kind for each in told]


def one(told, kind):
    (found,) = [each for each in told if each.kind == kind]
    return found


# -- The closed gate


def test_the_walk_is_told_from_the_gate_to_the_door_with_its_parts():
    answer = explain(walled(), "柳园", RULE)

    assert (answer.status, answer.metres, answer.seconds) == ("gap", 460, 460)
    assert (answer.gate, answer.facility, answer.facility_name) == (
        "gates-0", "facilities-0", "颐养站"
    )  # fmt: skip
    assert [(p.kind, p.name, p.metres, p.seconds) for p in answer.parts] == [
        ("leg", None, 20, 20),
        ("street", "西街", 55, 55),
        ("street", "南街", 240, 240),
        ("street", "东街", 125, 125),
        ("leg", None, 20, 20),
    ]
    assert answer.straight_m == pytest.approx(np.hypot(240, 70))
    assert answer.detour == pytest.approx(460 / np.hypot(240, 70))
    course = [(0, 55), (-20, 55), (-20, 0), (220, 0), (220, 125), (240, 125)]
    line = answer.line.simplify(0)  # there are vertices where gates meet the streets
    assert shapely.equals_exact(line, translate(LineString(course), *CORNER), 1e-6)


def test_a_gate_shut_at_that_hour_adds_320_metres_and_opening_it_closes_the_gap():
    answer = explain(walled(), "柳园", RULE)
    cause = one(answer.causes, "gate-closed")
    remedy = one(answer.remedies, "open-gate")

    assert (cause.uid, cause.name, cause.adds_m, cause.adds_s) == ("gates-1", "东门", 320, 320)
    assert "18:00-22:00" in cause.zh
    assert "320 m" in cause.en
    assert (remedy.uid, remedy.metres, remedy.seconds, remedy.closes) == ("gates-1", 140, 140, True)
    assert remedy.place == (CORNER[0] + 200, CORNER[1] + 25)


def test_in_the_evening_the_gate_is_open_and_there_is_nothing_to_explain():
    answer = explain(walled(), "柳园", RULE, at="19:00")

    assert (answer.status, answer.metres, answer.gate) == ("covered", 140, "gates-1")
    assert answer.causes == ()
    assert answer.remedies == ()


def test_the_search_with_the_change_agrees_with_measuring_the_changed_study():
    remedy = one(explain(walled(), "柳园", RULE).remedies, "open-gate")
    opening = one(explain(walled(), "柳园", RULE).remedies, "open-wall")
    x, y = np.array(opening.place) - CORNER
    study = walled()
    gates = study.layer("gates").frame
    new = layer("gates", [Point(x, y)], estate=["柳园"]).frame.assign(uid="gates-new")
    gates = pd.concat([gates, new], ignore_index=True)
    opened = Study({**study.layers, "gates": Layer(KINDS["gates"], gates)})

    assert measure_coverage(walled(hours=None), [RULE]).items[0].walk_m[0] == remedy.metres
    assert measure_coverage(opened, [RULE]).items[0].walk_m[0] == opening.metres


def test_without_a_gate_on_the_side_of_the_facility_the_wall_is_the_cause():
    answer = explain(walled(), "柳园", RULE)
    cause, remedy = one(answer.causes, "no-gate"), one(answer.remedies, "open-wall")

    # Openings are tried every 10 m of the outline: one of them is level with the facility.
    assert remedy.metres == pytest.approx(40, abs=10)
    assert remedy.closes
    assert cause.adds_m == pytest.approx(460 - remedy.metres)
    assert remedy.place[0] == CORNER[0] + 200


def test_the_wall_that_is_opened_is_named_with_its_cost_and_one_that_must_stay_is_not():
    walls = [LineString([(200, 5), (200, 120)]), LineString([(0, 5), (200, 5)])]
    cheap = layer("walls", walls, name=["东墙", "南墙"], cost_yuan=[8000, 500])
    kept = layer("walls", walls, name=["东墙", "南墙"], removable=[False, True])

    east = one(explain(walled(walls=cheap), "柳园", RULE).remedies, "open-wall")
    south = one(explain(walled(walls=kept), "柳园", RULE).remedies, "open-wall")

    assert (east.name, east.cost_yuan) == ("东墙", 8000)
    assert (south.name, south.cost_yuan) == ("南墙", None)
    assert south.metres == pytest.approx(20 + 5 + 125 + 20, abs=10)


def test_remedies_that_close_the_gap_come_first_and_the_cheapest_of_them_before_the_rest():
    sites = layer(
        "sites", [Point(-40, 55), Point(-40, 85)], name=["甲", "乙"], cost_yuan=[9e5, 2e5]
    )
    answer = explain(walled(sites=sites), "柳园", RULE)
    told = [remedy for remedy in answer.remedies if remedy.kind == "site"]

    assert [(r.name, r.metres, r.closes) for r in told] == [("乙", 70, True), ("甲", 40, True)]
    assert [r.cost_yuan for r in answer.remedies[:2]] == [2e5, 9e5]
    assert answer.remedies[-1].kind == "facility"
    closes = [r.closes for r in answer.remedies[:-1]]
    assert closes == sorted(closes, reverse=True)


def test_what_closes_the_gap_comes_before_what_is_cheap_and_does_not():
    walls = layer("walls", [LineString([(200, 5), (200, 120)])], name=["东墙"], cost_yuan=[8000])
    sites = layer("sites", [Point(-25, 55)], name=["甲"])
    study = walled(walls=walls, sites=sites)
    answer = explain(study, "柳园", own_rule("elderly_station", metres=30))

    assert (answer.remedies[0].kind, answer.remedies[0].closes) == ("site", True)
    assert (one(answer.remedies, "open-wall").closes, one(answer.remedies, "site").metres) == (
        False, 25
    )  # fmt: skip


def test_an_opening_leads_out_of_the_estate_and_not_through_it():
    # The only street runs by the south; from the north side the way would cross the estate.
    south = layer("streets", [LineString([(-20, 0), (240, 0)])])
    facilities = layer("facilities", [Point(220, 10)], category=["elderly_station"])
    study = walled(streets=south, facilities=facilities)
    case = lay_case(study, lay_ground(study), RULE, 0, "off", counted=True, longest_link_m=300.0)
    sides = np.array([translate(Point(100, y), *CORNER) for y in (5, 120)])
    feet = _outward(case.feet_of(sides), study.layer("estates").geometries[0])

    assert (feet.link >= 0).tolist() == [True, False]
    assert case.from_feet(feet)[0] == 100 * (5 + 120 + 10)


# -- The river


def river_town(**more):
    layers = {
        "estates": layer("estates", [box(490, -40, 510, -20)], name=["河南里"]),
        "gates": layer("gates", [Point(500, -20)], estate=["河南里"]),
        "streets": layer(
            "streets",
            [
                LineString([(0, 0), (1000, 0)]),
                LineString([(0, 200), (1000, 200)]),
                LineString([(1000, 0), (1000, 200)]),
            ],
            name=["南岸路", "北岸路", "桥"],
        ),
        "barriers": layer("barriers", [box(-500, 90, 1500, 110)], barrier=["river"], name=["清河"]),
        "facilities": layer("facilities", [Point(500, 220)], category=["nursery"]),
    }
    return Study(layers | more)


def test_the_river_is_named_and_a_bridge_is_the_shortest_missing_link():
    answer = explain(river_town(), "河南里", own_rule("nursery", metres=500))
    cause, remedy = one(answer.causes, "river"), one(answer.remedies, "crossing")

    # 20 to the street, 500 to the bridge, 200 over it, 500 back, 20 to the door; straight 240
    assert (answer.status, answer.metres, answer.straight_m) == ("gap", 1240, 240)
    assert (cause.uid, cause.name, cause.adds_m) == ("barriers-0", "清河", 1000)
    assert "清河" in cause.zh
    assert (remedy.name, remedy.metres, remedy.closes) == ("清河", 240, True)
    assert np.hypot(*np.subtract(remedy.end, remedy.place)) == 200
    assert "200 m" in remedy.en


def test_a_path_does_not_lead_through_buildings():
    houses = [box(x + 3, 20, x + 93, 80) for x in range(0, 1000, 100)]
    far = layer("buildings", [*houses[:4], box(403, 20, 593, 80), *houses[6:]])
    answer = explain(river_town(buildings=far), "河南里", own_rule("nursery", metres=500))

    # The gap between the houses at x = 400 (or 600) is the nearest: 20 + 100 + 200 + 100 + 20.
    remedy = one(answer.remedies, "crossing")
    line = LineString([remedy.place, remedy.end])
    assert not shapely.intersects(far.geometries, line).any()
    assert remedy.metres == 440


def test_what_is_far_even_as_the_crow_flies_is_said_to_be_far():
    answer = explain(river_town(), "河南里", own_rule("nursery", metres=200))

    assert "240" in one(answer.causes, "far").en
    assert not [r for r in answer.remedies if r.closes and r.kind != "facility"]


# -- Stairs


def stairs_town():
    layers = {
        "estates": layer("estates", [box(-10, 20, 10, 40)], name=["坡上"]),
        "gates": layer("gates", [Point(0, 20)], estate=["坡上"]),
        "streets": layer(
            "streets",
            [
                LineString([(0, 0), (100, 0)]),
                LineString([(100, 0), (130, 0)]),
                LineString([(130, 0), (230, 0)]),
            ],
            highway=["footway", "steps", "footway"],
            name=["上街", None, "下街"],
        ),
        "facilities": layer("facilities", [Point(230, 20)], category=["nursery"]),
    }
    return Study(layers)


def test_thirty_metres_of_stairs_cost_sixty_seconds_more():
    answer = explain(stairs_town(), "坡上", own_rule("nursery", minutes=5))
    cause, remedy = one(answer.causes, "stairs"), one(answer.remedies, "ramp")

    # 20 + 100 + 3 x 30 + 100 + 20 seconds at 1 m/s, 270 metres
    assert (answer.status, answer.metres, answer.seconds) == ("gap", 270, 330)
    assert [(p.kind, p.metres, p.seconds) for p in answer.parts][2] == ("stairs", 30, 90)
    assert (cause.adds_m, cause.adds_s) == (0, 60)
    assert "60 s" in cause.en
    assert "m and" not in cause.en
    assert (remedy.seconds, remedy.closes) == (270, True)


def test_a_wheelchair_has_no_way_and_the_stairs_are_why():
    answer = explain(stairs_town(), "坡上", own_rule("nursery", metres=300), walker="wheelchair")

    assert (answer.status, answer.metres, answer.route) == ("gap", None, None)
    cause = one(answer.causes, "stairs")
    assert (cause.adds_m, cause.adds_s) == (None, None)
    assert "no way" in cause.en
    assert one(answer.remedies, "ramp").metres == 270


def test_a_walker_who_may_not_use_steep_streets_is_told_so():
    study = stairs_town()
    streets = study.layer("streets").frame.copy()
    streets["highway"] = pd.Series(["footway"] * 3, dtype="str")
    heights = [[(0, 0, 0), (100, 0, 0)], [(100, 0, 0), (130, 0, 3)], [(130, 0, 3), (230, 0, 3)]]
    lines = [translate(LineString(line), *CORNER) for line in heights]
    steep = Layer(KINDS["streets"], streets.set_geometry(lines, crs=CRS))
    study = Study({**study.layers, "streets": steep})
    rule = own_rule("nursery", metres=300)

    # 3 m up on 30 m are 10 %, more than the 8 % of a wheelchair.
    assert explain(study, "坡上", rule).status == "covered"
    assert explain(study, "坡上", rule, walker="wheelchair", terrain="off").status == "covered"
    answer = explain(study, "坡上", rule, walker="wheelchair")
    assert answer.status == "gap"
    assert "closed-to-walker" in kinds(answer.causes)


def test_slopes_add_what_the_walk_on_the_flat_would_save():
    study = stairs_town()
    streets = study.layer("streets").frame.copy()
    streets["highway"] = pd.Series(["footway"] * 3, dtype="str")
    lines = [[(0, 0, 0), (100, 0, 8)], [(100, 0, 8), (130, 0, 8)], [(130, 0, 8), (230, 0, 8)]]
    lines = [translate(LineString(line), *CORNER) for line in lines]
    study = Study(
        {
            **study.layers,
            "streets": Layer(KINDS["streets"], streets.set_geometry(lines, crs=CRS)),
        }
    )
    answer = explain(study, "坡上", own_rule("nursery", minutes=4.75))

    # 100 m at 8 % up: 100 s / exp(-3.5 (|0.08 + 0.05| - 0.05)) = 132.31 s; 270 s on the flat.
    assert answer.seconds == pytest.approx(302.31, abs=0.01)
    assert one(answer.causes, "slope").adds_s == pytest.approx(32.31, abs=0.01)
    # Walking back is downhill, and quicker than on the flat.
    there_and_back = replace(own_rule("nursery", minutes=5.1), round_trip=True)
    assert explain(study, "坡上", there_and_back).status == "covered"


def test_places_put_into_the_network_cost_what_was_read_off_uphill_and_down():
    study = stairs_town()
    streets = study.layer("streets").frame.copy()
    streets["highway"] = pd.Series(["footway"] * 3, dtype="str")
    lines = [[(0, 0, 0), (100, 0, 8)], [(100, 0, 8), (130, 0, 8)], [(130, 0, 8), (230, 0, 20)]]
    lines = [translate(LineString(line), *CORNER) for line in lines]
    steep = Layer(KINDS["streets"], streets.set_geometry(lines, crs=CRS))
    study = Study({**study.layers, "streets": steep})
    rule = own_rule("nursery", minutes=5)
    case = lay_case(study, lay_ground(study), rule, 0, "on", counted=True, longest_link_m=300.0)
    feet = case.feet_of(np.array([translate(Point(x, -30), *CORNER) for x in (40, 115, 150)]))
    network, time_cm = case.added(feet)

    for i, cm in enumerate(case.from_feet(feet)):
        walk = case.search(network, time_cm, home=np.array([len(case.network) + i]))
        assert abs(walk.cost_cm - cm) <= 1
    for i, cm in enumerate(case.to_feet(feet)):
        node = np.array([len(case.network) + i])
        there = case.search(network, time_cm, door=node, facility=np.array([0]))
        assert abs(there.cost_cm - cm) <= 1


def test_a_round_trip_whose_way_back_is_too_slow_is_a_gap_of_the_way_back():
    study = stairs_town()
    streets = study.layer("streets").frame.copy()
    streets["highway"] = pd.Series(["footway"] * 3, dtype="str")
    lines = [[(0, 0, 8), (100, 0, 0)], [(100, 0, 0), (130, 0, 0)], [(130, 0, 0), (230, 0, 0)]]
    lines = [translate(LineString(line), *CORNER) for line in lines]
    study = Study(
        {
            **study.layers,
            "streets": Layer(KINDS["streets"], streets.set_geometry(lines, crs=CRS)),
        }
    )
    one_way = own_rule("nursery", minutes=4.75)
    answer = explain(study, "坡上", replace(one_way, round_trip=True))

    assert explain(study, "坡上", one_way).status == "covered"
    assert answer.status == "gap"
    assert answer.seconds == pytest.approx(302.31, abs=0.01)
    assert "way-back" in kinds(answer.causes)


# -- What the rule counts


def test_a_facility_that_is_too_small_does_not_count_and_is_named():
    small = layer(
        "facilities",
        [Point(240, 125), Point(-40, 55)],
        category=["elderly_station"] * 2,
        name=["颐养站", "小站"],
        floor_area_m2=[500, 100],
    )
    size = Size("min_floor_m2", 200.0, clause="x", source="x", verified=True)
    answer = explain(walled(facilities=small), "柳园", replace(RULE, sizes=(size,)))

    assert (answer.status, answer.facility_name, answer.metres) == ("gap", "颐养站", 460)
    assert one(answer.causes, "too-small").name == "小站"
    assert explain(walled(facilities=small), "柳园", RULE).metres == 40


def test_enough_facilities_of_another_category_stand_in():
    shops = layer(
        "facilities",
        [Point(240, 125), Point(-40, 55), Point(-40, 65)],
        category=["supermarket", "convenience_store", "convenience_store"],
    )
    rule = own_rule("supermarket", metres=300)
    two = Instead("convenience_store", 2, clause="x", source="x", verified=True)
    three = Instead("convenience_store", 3, clause="x", source="x", verified=True)

    assert explain(walled(facilities=shops), "柳园", rule).status == "gap"
    assert explain(walled(facilities=shops), "柳园", replace(rule, instead=(two,))).causes == ()
    assert (
        explain(walled(facilities=shops), "柳园", replace(rule, instead=(three,))).status == "gap"
    )


# -- From the building


def test_from_the_buildings_the_one_that_walks_farthest_is_told_with_its_way_inside():
    houses = layer(
        "buildings", [Point(20, 55), Point(150, 55)], name=["1号楼", "2号楼"], estate=["柳园"] * 2
    )
    walls = layer("walls", [LineString(box(0, 5, 200, 120).exterior)])
    study = walled(buildings=houses, walls=walls)
    answer = explain(study, "柳园", RULE, origin="building")
    near = explain(study, "柳园", RULE, origin="building", building="buildings-0")

    # 150 m to the west gate, through it, and 460 m as from the gate.
    assert (answer.building, answer.metres) == ("buildings-1", 150 + 460)
    assert (near.building, near.metres) == ("buildings-0", 20 + 460)
    assert [part.kind for part in near.parts][:3] == ["inner", "passage", "leg"]
    remedy = one(answer.remedies, "open-gate")
    assert remedy.metres == pytest.approx(np.hypot(50, 30) + 140, abs=0.02)
    # Straight to an opening at (195, 120), from there to the street and the door.
    opening = one(answer.remedies, "open-wall")
    assert opening.place == (CORNER[0] + 195, CORNER[1] + 120)
    walk_m = np.hypot(45, 65) + np.hypot(25, 5) + 20
    assert opening.metres == pytest.approx(walk_m, abs=0.02)
    with pytest.raises(UnknownNameError, match="No building 'x'"):
        explain(study, "柳园", RULE, origin="building", building="x")


def test_a_wall_across_a_street_is_told_as_what_is_closed():
    wall = layer("walls", [LineString([(100, -5), (100, 3)])], name=["横墙"], cost_yuan=[3000])
    north = LineString([(-20, 140), (-20, 600), (220, 600), (220, 140)])
    streets = layer(
        "streets",
        [
            LineString([(-20, 140), (-20, 0)]),
            LineString([(-20, 0), (220, 0)]),
            LineString([(220, 0), (220, 140)]),
            north,
        ],
        name=["西街", "南街", "东街", "北街"],
    )
    answer = explain(
        walled(walls=wall, streets=streets), "柳园", own_rule("elderly_station", metres=500)
    )
    cause, remedy = one(answer.causes, "passage-closed"), one(answer.remedies, "open-passage")

    # Around by the north: 20 + 85 + 460 + 240 + 475 + 20.
    assert answer.metres == 20 + 85 + 460 + 240 + 475 + 20
    assert (cause.name, cause.adds_m) == ("横墙", answer.metres - 460)
    assert (remedy.name, remedy.metres, remedy.closes, remedy.cost_yuan) == (
        "横墙",
        460,
        True,
        3000,
    )


def test_the_status_is_that_of_coverage():
    for study in (walled(), river_town(), stairs_town()):
        uid = study.layer("estates").uids[0]
        category = study.layer("facilities").frame["category"].iloc[0]
        for metres in (100, 270, 459.99, 460, 1240, 1500):
            rule = own_rule(category, metres=metres)
            item = measure_coverage(study, [rule]).items[0]
            answer = explain(study, uid, rule)
            assert (answer.status, answer.metres) == (item.status[0], item.walk_m[0])


# -- Words for what cannot be walked


def test_an_estate_whose_gates_are_all_shut_is_unlinked_and_opening_one_is_the_remedy():
    study = walled(access="closed", hours=None)
    gates = study.layer("gates").frame
    gates = gates.assign(access=pd.Series(["cars", "closed"], dtype="str"))
    answer = explain(Study({**study.layers, "gates": Layer(KINDS["gates"], gates)}), "柳园", RULE)

    assert (answer.status, answer.metres) == ("unlinked", None)
    assert kinds(answer.causes) == ["gates-shut"]
    opened = {r.uid: (r.metres, r.closes) for r in answer.remedies if r.kind == "open-gate"}
    assert opened == {"gates-0": (460, False), "gates-1": (140, True)}


def test_an_estate_off_the_streets_is_told_how_far_the_next_street_is():
    far = layer("estates", [box(1000, 0, 1100, 100)], name=["远"])
    answer = explain(walled(estates=far, gates=layer("gates", [])), "远", RULE)

    assert answer.status == "unlinked"
    assert "780 m" in one(answer.causes, "no-street").en


def test_a_category_without_data_says_what_to_import():
    answer = explain(walled(), "柳园", own_rule("nursery", metres=300))

    assert answer.status == "no-data"
    assert kinds(answer.causes) == ["no-data"]
    assert kinds(answer.remedies) == ["data"]
    assert "nursery" in answer.remedies[0].en


def test_a_category_of_which_there_is_none_is_a_gap_that_a_facility_closes():
    study = walled()
    none = Study(study.layers, none_of=frozenset({"nursery"}))
    answer = explain(none, "柳园", own_rule("nursery", metres=300))

    assert (answer.status, answer.metres, answer.facility) == ("gap", None, None)
    assert kinds(answer.causes) == ["none"]
    assert kinds(answer.remedies) == ["facility"]


def test_a_facility_that_no_street_leads_to_is_told_where_it_would_be_near_enough():
    two = layer(
        "facilities",
        [Point(240, 125), Point(100, 300)],
        category=["elderly_station"] * 2,
        name=["颐养站", "孤站"],
    )
    answer = explain(
        walled(facilities=two), "柳园", own_rule("elderly_station", metres=200), longest_link_m=100
    )

    assert one(answer.causes, "facility-unlinked").name == "孤站"


# -- The same walk as a coverage measurement


@pytest.mark.parametrize("pack", ["gb50180-2018", "complete-community-2020"])
def test_it_says_of_a_city_what_coverage_says(pack):
    # Seconds differed without a word: those of a limit in metres are flat in coverage.
    city = make_city(seed=4, estates=20)
    rules = load_pack(pack).rules
    measured = measure_coverage(city, rules)
    ground = lay_ground(city)
    slopes = set()
    for item in measured.items[::4]:
        for row in range(0, len(measured.estates), 5):
            told = explain(city, str(measured.estates.uids[row]), item.rule, ground=ground)
            assert told.status == item.status[row]
            slopes.add(told.slopes)
            if told.metres is None or item.rule.instead:
                continue
            seconds = told.flat_s if item.rule.limit_s is None else told.seconds
            if not np.isnan(item.walk_s[row]):
                assert seconds == pytest.approx(item.walk_s[row], abs=0.02)
            assert ("with slopes" in told.en) == told.slopes
    assert slopes == {True}


def test_a_path_of_no_length_joins_two_streets_that_touch():
    # It asked for the slope of 0 m, and refused the whole answer for missing heights.
    city = make_city(seed=1)
    (rule,) = [r for r in load_pack("complete-community-2020").rules if r.id == "CC-02"]

    answer = explain(city, "E0024", rule, origin="building")

    assert answer.slopes
    assert "path" in kinds(answer.remedies)


def test_seconds_say_whose_they_are_and_whether_slopes_are_in_them():
    answer = explain(walled(), "柳园", RULE, walker="elderly")

    assert answer.slopes is False
    assert answer.flat_s == pytest.approx(460 / 0.9)
    assert "计台阶与等候，不计坡度" in answer.zh
    assert "with stairs and waiting, without slopes" in answer.en


# -- What a path may lead through


@pytest.mark.parametrize("over", [None, 0])
def test_the_first_way_that_may_be_built_is_that_of_asking_each_everything(over):
    city = make_city(seed=4, estates=12)
    rng = np.random.default_rng(3)
    low_x, low_y, high_x, high_y = shapely.total_bounds(city.layer("streets").geometries)
    begin = rng.uniform((low_x, low_y), (high_x, high_y), (4000, 2))
    end = begin + rng.normal(0, 60, begin.shape)
    ways = shapely.linestrings(np.stack([begin, end], axis=1))
    areas = np.concatenate([city.layer(kind).geometries for kind in ("estates", "buildings")])
    walls, barriers = city.layer("walls").geometries, city.layer("barriers").geometries

    def may(way):
        through = shapely.length(shapely.intersection(way, areas)).max() > 0.5
        barred = shapely.intersects(way, walls).any() or through
        return not barred and (over is None or way.intersects(barriers[over]))

    free = [i for i, way in enumerate(ways) if may(way)]
    assert free
    case = SimpleNamespace(study=city)
    found, crossed = changes._Obstacles.of(case, over).first_buildable(begin, end)
    assert found == free[0]
    assert list(crossed) == np.flatnonzero(shapely.intersects(ways[found], barriers)).tolist()
    stuck = np.setdiff1d(np.arange(len(ways)), free)
    obstacles = changes._Obstacles.of(case, over)
    assert obstacles.first_buildable(begin[stuck], end[stuck]) == (-1, ())


# -- Asking


def test_a_rule_is_found_by_id_or_by_a_word_for_its_category():
    rules = load_pack("gb50180-2018").rules

    assert find_rule(rules, "G5-04").id == "G5-04"
    assert find_rule(rules, "幼儿园").category == "kindergarten"
    advised = replace(RULE, id="may", must=False)
    assert find_rule([advised, RULE], "elderly_station") is RULE
    assert find_rule([advised], "elderly_station") is advised
    with pytest.raises(UnknownNameError, match="No rule is for 'zoo'"):
        find_rule(rules, "zoo")


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"terrain": "hilly"}, OptionError, "terrain is 'hilly'"),
        ({"walker": "cat"}, UnknownNameError, "no walker 'cat'"),
        ({"at": "25:00"}, OptionError, "25:00"),
    ],
)
def test_options_out_of_range_are_refused(options, error, told):
    with pytest.raises(error, match=told):
        explain(walled(), "柳园", RULE, **options)


def test_the_json_is_plain_and_the_line_is_in_both_coordinate_systems():
    answer = explain(river_town(), "河南里", own_rule("nursery", metres=500))
    row = answer.to_json()

    assert {"status", "metres", "seconds", "route", "causes", "remedies"} <= row.keys()
    assert row["route"]["coordinates"][0] == [CORNER[0] + 500, CORNER[1] - 20]
    lonlat = gpd.GeoSeries([shapely.geometry.shape(row["route"]["geometry"])], crs="EPSG:4326")
    assert lonlat.to_crs(CRS).length[0] == pytest.approx(1240, abs=0.05)
    assert {cause["kind"] for cause in row["causes"]} <= set(CAUSES)
    assert {remedy["kind"] for remedy in row["remedies"]} <= set(REMEDIES)
    lon, lat = row["remedies"][0]["place_lonlat"]
    assert 113 < lon < 115
    assert 28 < lat < 30
    assert all(each["zh"].endswith("。") and each["en"].endswith(".") for each in
               [*row["causes"], *row["remedies"], row])  # fmt: skip
