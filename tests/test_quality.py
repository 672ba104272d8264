"""Faults in a whole study: each one is found where it is and not where it is not."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, box

from gis.model import KINDS, Layer, Study, empty_frame
from gis.quality import check_study

ZONE_38 = "EPSG:4547"
EAST, NORTH = 500_000, 3_650_000


def layer(kind, shapes, **columns):
    empty = empty_frame(KINDS[kind], crs=ZONE_38).drop(columns="geometry")
    rows = range(len(shapes))
    frame = pd.DataFrame({n: pd.Series(index=rows, dtype=empty[n].dtype) for n in empty})
    frame["uid"] = pd.Series([f"{kind}-{i}" for i in rows], dtype="str")
    for name, values in columns.items():
        frame[name] = pd.Series(values, dtype=frame[name].dtype)
    return Layer(KINDS[kind], gpd.GeoDataFrame(frame, geometry=list(shapes), crs=ZONE_38))


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
