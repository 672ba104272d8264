"""Faults in a whole study: each one is found where it is and not where it is not."""

from functools import partial

import pytest
from shapely import LineString, Point, box

from gis.model import Study
from gis.quality import check_study
from tests import layers

EAST, NORTH = 500_000, 3_650_000


layer = partial(layers.layer, corner=None)


def square(x, y, side=100):
    return box(EAST + x, NORTH + y, EAST + x + side, NORTH + y + side)


def street(*xy):
    return LineString([(EAST + x, NORTH + y) for x, y in xy])


def codes(**layers):
    return {finding.code for finding in check_study(Study(layers))}


SOUND = {"people": [300.0], "households": [100.0]}


def test_a_sound_study_has_nothing_to_mend():
    found = codes(
        estates=layer("estates", [square(0, 10)], name=["甲"], **SOUND),
        streets=layer("streets", [street((0, 0), (500, 0))], highway=["residential"]),
    )

    assert found & {"no-streets", "unlinked", "estates-overlap", "people-unknown"} == set()


def test_without_streets_nothing_can_be_walked():
    assert "no-streets" in codes(estates=layer("estates", [square(0, 10)], **SOUND))


def test_an_estate_far_from_any_street_is_named():
    study = Study(
        {
            "estates": layer("estates", [square(0, 10), square(0, 900)], name=["近", "远"]),
            "streets": layer("streets", [street((0, 0), (500, 0))]),
        }
    )

    (finding,) = [f for f in check_study(study) if f.code == "unlinked"]

    assert "1 of 2 estates" in finding.message
    assert "远 (estates-1)" in finding.message


@pytest.mark.parametrize(("shift", "found"), [(94, True), (96, False)])
def test_estates_that_share_more_than_a_twentieth_overlap(shift, found):
    pair = layer("estates", [square(0, 0), square(shift, 0)])

    assert ("estates-overlap" in codes(estates=pair)) is found


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"people": [None], "households": [None]}, "people-unknown"),
        ({"people": [None], "households": [80]}, "people-estimated"),
        ({"people": [900], "households": [100]}, "people-odd"),
        ({"people": [50], "households": [100]}, "people-odd"),
        ({"people": [100], "people_60plus": [90], "children_0_2": [11]}, "groups-exceed-people"),
    ],
)
def test_people_that_cannot_be_believed_are_found(columns, code):
    assert code in codes(estates=layer("estates", [square(0, 0)], **columns))
    assert code not in codes(estates=layer("estates", [square(0, 0)], **SOUND))


def test_names_used_twice_are_only_a_remark():
    twice = layer("estates", [square(0, 0), square(200, 0)], name=["红旗小区", "红旗小区"])

    (finding,) = [f for f in check_study(Study({"estates": twice})) if f.code == "names-twice"]

    assert finding.severity == "info"


def test_a_category_that_no_rule_knows_is_told_with_its_number():
    two = layer("facilities", [Point(EAST, NORTH)] * 2, category=["fountain", "park"])

    (finding,) = [
        f for f in check_study(Study({"facilities": two})) if f.code == "category-unknown"
    ]

    assert "fountain (1)" in finding.message


def test_a_facility_in_the_river_is_found():
    study = {
        "facilities": layer("facilities", [Point(EAST + 50, NORTH + 50)], category=["park"]),
        "water": layer("water", [square(0, 0)]),
    }

    assert "facility-in-water" in codes(**study)


def test_gates_and_walls_that_do_not_fit_are_found():
    study = {
        "estates": layer("estates", [square(0, 10)], **SOUND),
        "streets": layer("streets", [street((0, 0), (500, 0))]),
        "gates": layer(
            "gates", [Point(EAST + x, NORTH + y) for x, y in ((50, 10), (300, 200))],
            hours=["sunrise", None],
        ),
        "walls": layer("walls", [street((200, -10), (200, 10))]),
    }  # fmt: skip

    assert codes(**study) >= {"gate-nowhere", "hours-unreadable", "wall-crosses-street"}
    assert "unlinked" not in codes(**study)


def test_an_estate_that_is_shut_in_is_told_once():
    study = {
        "estates": layer("estates", [square(0, 10)], **SOUND),
        "streets": layer("streets", [street((0, 0), (500, 0))]),
        "gates": layer("gates", [Point(EAST + 50, NORTH + 10)], access=["closed"]),
    }

    assert "gates-shut" in codes(**study)
    assert "unlinked" not in codes(**study)


def test_a_facility_in_a_barrier_and_one_on_a_stray_street_are_found():
    study = {
        "estates": layer("estates", [square(0, 10)], **SOUND),
        "streets": layer("streets", [street((0, 0), (500, 0)), street((0, 300), (4, 300))]),
        "barriers": layer("barriers", [square(600, 600)], barrier=["river"]),
        "facilities": layer(
            "facilities", [Point(EAST + 650, NORTH + 650), Point(EAST, NORTH + 299)],
            category=["park"] * 2,
        ),
    }  # fmt: skip

    assert codes(**study) >= {"facility-in-barrier", "facilities-on-islands"}


def test_a_wall_drawn_on_top_of_a_street_is_found_with_how_long():
    parts = {
        "estates": layer("estates", [square(0, 10)], **SOUND),
        "streets": layer("streets", [street((0, 0), (500, 0)), street((200, 0), (200, 90))]),
    }
    on_top = street((100, 0), (200, 0), (200, 30), (300, 30))
    beside = street((100, -5), (500, -5))
    study = Study({**parts, "walls": layer("walls", [beside, on_top])})
    found = [f for f in check_study(study) if f.code == "wall-along-street"]

    # 100 m along the first street and 30 m along the second.
    assert "1 walls are drawn along 2 streets for 130 m (walls-1)" in found[0].message
    assert "wall-along-street" not in codes(**parts, walls=layer("walls", [beside]))


def told(code, **study):
    return [f for f in check_study(Study(study)) if f.code == code]


def test_estates_that_lack_an_age_group_that_others_have_are_named():
    three = layer(
        "estates", [square(0, 0), square(200, 0), square(400, 0)],
        name=["甲", "乙", "丙"], people=[300, 300, 0], people_60plus=[60, None, None],
    )  # fmt: skip

    (finding,) = told("group-unknown", estates=three)

    # Where nobody lives there is nobody of an age.
    assert finding.message.startswith("1 of 3 estates have no people_60plus though others do: 乙")
    none = layer("estates", [square(0, 0)], **SOUND)
    assert told("group-unknown", estates=none) == []


@pytest.mark.parametrize(("old", "found"), [(735, True), (720, False)])
def test_an_age_group_of_most_of_the_people_is_doubted(old, found):
    # 0.6 x 1,200 = 720.
    one = layer("estates", [square(0, 0)], name=["甲"], people=[1200], people_60plus=[old])

    findings = told("group-large", estates=one)

    assert bool(findings) is found
    if found:
        assert "甲 (estates-0), such as 735 of 1,200; check the columns" in findings[0].message


def test_rooms_of_unknown_size_are_named_and_drawn_ones_are_not():
    four = layer(
        "sites", [Point(EAST, NORTH), Point(EAST, NORTH), Point(EAST, NORTH), square(0, 0)],
        floor_area_m2=[None, 200, 0, None], land_area_m2=[None, None, 500, None],
    )  # fmt: skip

    (finding,) = told("site-size-unknown", sites=four)

    assert finding.message.startswith("1 of 4 sites have neither floor nor land area: sites-0")
    assert "--offer-unknown" in finding.message


def test_costs_that_are_no_yuan_are_told_for_rooms_and_estates():
    rooms = layer(
        "sites", [Point(EAST, NORTH)] * 6, cost_yuan=[25, 450_000, 0, None, 99, 100],
        floor_area_m2=[450, 450, 450, 450, None, None],
    )  # fmt: skip
    estates = layer("estates", [square(0, 0)], cost_yuan=[200], floor_area_m2=[35_100], **SOUND)

    small = [f.message for f in told("cost-small", sites=rooms, estates=estates)]
    (zero,) = told("cost-zero", sites=rooms)

    assert small[0].startswith(
        "1 of 1 estates cost less than 1 yuan per m2; if the sums are in 万元"
    )
    assert small[1].startswith("2 of 6 sites cost less than 1 yuan per m2")
    assert small[1].endswith(": sites-0, sites-4")
    assert zero.message.startswith("1 of 6 sites cost 0 yuan")
    assert zero.message.endswith(": sites-2")


@pytest.mark.parametrize(("gates", "severity"), [(0, "warning"), (1, "info"), (2, None)])
def test_estates_whose_gates_are_assumed_are_told(gates, severity):
    study = {
        "estates": layer("estates", [square(0, 0), square(200, 0)], name=["甲", "乙"]),
        "streets": layer("streets", [street((-50, -5), (500, -5))]),
    }
    if gates:
        at = [Point(EAST + 50, NORTH), Point(EAST + 250, NORTH)][:gates]
        study["gates"] = layer("gates", at)

    findings = told("gates-assumed", **study)

    assert [f.severity for f in findings] == ([severity] if severity else [])
    if severity == "warning":
        assert findings[0].message.startswith("2 of 2 estates have no mapped gate; they are")
    elif severity:
        assert "1 of 2 estates have no mapped gate: 乙" in findings[0].message
