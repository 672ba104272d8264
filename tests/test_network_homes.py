"""In which estate a building is, and what is told of those that are nowhere or somewhere else."""

from functools import partial

import pytest
from shapely import LineString, Point, box

from gis.coverage import measure_coverage
from gis.model import Study
from gis.network import building_findings, estates_of_buildings, lay_ground
from gis.quality import check_study
from gis.rules import own_rule
from tests import layers

layer = partial(layers.layer, corner=None, first=0)


def house(x, y):
    return box(x - 5, y - 5, x + 5, y + 5)


OUTER, INNER = box(0, 0, 100, 100), box(30, 30, 70, 70)
STREET = LineString([(-100, -20), (600, -20)])


def study(estates, buildings, of_estates=None, of_buildings=None, **others):
    layers = [
        layer("estates", estates, **(of_estates or {})),
        layer("buildings", buildings, **(of_buildings or {})),
        layer("streets", [STREET]),
        *others.values(),
    ]
    return Study({one.kind.name: one for one in layers})


def told(findings):
    return {finding.code: finding.message for finding in findings}


def test_a_building_belongs_to_the_estate_it_names_else_to_the_one_it_stands_in():
    there = layer("estates", [box(x, 0, x + 100, 100) for x in (0, 200, 400)],
                  name=["红旗", "红旗", "东风"])  # fmt: skip
    blocks = layer("buildings", [house(x, 10) for x in (10, 10, 210, 10, 210, 900)],
                   estate=["E1", "东风", "红旗", "红旗", None, None])  # fmt: skip

    # A uid; a name of one estate; twice a name of two, so the nearer; its place; nowhere.
    assert estates_of_buildings(blocks, there).tolist() == [1, 2, 1, 0, 1, -1]


@pytest.mark.parametrize(("estates", "rows"), [([OUTER, INNER], [1, 0]), ([INNER, OUTER], [0, 1])])
def test_in_an_estate_drawn_within_another_a_building_belongs_to_the_inner_one(estates, rows):
    blocks = layer("buildings", [house(50, 50), house(10, 10)])

    assert estates_of_buildings(blocks, layer("estates", estates)).tolist() == rows


def test_people_are_counted_and_start_in_the_same_estate():
    nested = study(
        [OUTER, INNER],
        [house(50, 50), house(10, 10)],
        of_estates={"people": [100, 8]},
        facilities=layer("facilities", [Point(0, -20)], category=["bank"]),
    )

    coverage = measure_coverage(nested, [own_rule("bank", metres=900)], origin="building")

    assert coverage.homes.estate.tolist() == [0, 1]
    assert coverage.homes.building.tolist() == [1, 0]
    assert coverage.crowds.of["all"].homes.tolist() == [100, 8]


def test_a_building_far_from_the_estate_it_names_is_told_with_how_far():
    findings = told(building_findings(
        study([OUTER], [house(50, 50), house(400, 50), house(109, 50)],
              of_buildings={"estate": ["E0", "E0", "E0"]}),
    ))  # fmt: skip

    # 400 m is 300 m east of the wall at 100 m; 109 is 9 m out of it.
    assert "2 buildings lie up to 300 m outside" in findings["building-off-estate"]
    assert "B1, B2" in findings["building-off-estate"]


def test_a_building_within_five_metres_of_its_estate_is_a_rough_drawing():
    near = study([OUTER], [house(105, 50)], of_buildings={"estate": ["E0"]})

    assert told(building_findings(near)) == {}


def test_people_in_no_estate_are_told_with_how_many():
    lost = study([OUTER], [house(50, 50), house(300, 50), house(400, 50)],
                 of_buildings={"people": [5, 9, None]})  # fmt: skip
    findings = told(building_findings(lost))

    assert findings["building-nowhere"].startswith("1 buildings with 9 people")
    assert "B1" in findings["building-nowhere"]


def test_estates_that_there_are_not_are_told_for_buildings_gates_and_walls():
    named = study(
        [OUTER], [house(50, 50)], of_buildings={"estate": ["幽灵"]},
        gates=layer("gates", [Point(50, 0), Point(10, 0)], estate=["E0 ", "nobody"]),
        walls=layer("walls", [LineString([(0, 0), (9, 0)])],
                    estate=["also nobody"]),
    )  # fmt: skip
    messages = [f.message for f in check_study(named) if f.code == "estate-unknown"]

    assert [message.split(" name ")[0] for message in messages] == [
        "1 of 2 gates", "1 of 1 walls", "1 of 1 buildings",
    ]  # fmt: skip
    assert "'nobody', by G1" in messages[0]
    assert "'幽灵', by B0" in messages[2]


def test_from_buildings_the_ground_tells_it_too():
    lost = study([OUTER], [house(50, 50), house(300, 50)], of_buildings={"people": [5, 9]})

    assert "building-nowhere" in told(lay_ground(lost, origin="building").findings)
    assert "building-nowhere" not in told(lay_ground(lost).findings)


def test_without_buildings_there_is_nothing_to_tell():
    none = Study({"estates": layer("estates", [OUTER]), "streets": layer("streets", [STREET])})

    assert list(building_findings(none)) == []
