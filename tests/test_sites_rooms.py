"""What each category asks of a room, and the words that forbid one."""

import copy
import tomllib

import pytest

from gis.errors import RuleError, UnknownNameError
from gis.model import Categories
from gis.resources import data_dir
from gis.rules import load_pack, pack_names
from gis.sites.rooms import conditions_of, load_rooms, read_rooms, room_of, says


def table():
    return tomllib.loads((data_dir() / "rooms.toml").read_text("utf-8"))


def test_every_category_has_its_place_and_every_figure_its_proof():
    rooms = load_rooms()
    assert list(rooms.of) == list(Categories.load())
    for room in rooms.of.values():
        for figure in (room.proof, *room.figures.values()):
            assert figure.clause
            assert figure.source
            assert figure.verified or 0 < figure.confidence <= 1


def test_whoever_needs_a_room_has_a_least_floor_and_grounds_a_least_land():
    for room in load_rooms().of.values():
        if room.ground == "room":
            assert room.value("floor_m2") > 0
            assert room.value("land_m2") is None
        elif room.ground in ("own", "open"):
            assert room.value("land_m2") > 0


def test_schools_and_kindergartens_need_their_own_ground():
    for code in ("kindergarten", "primary_school", "middle_school"):
        assert room_of(code).ground == "own"
        assert not room_of(code).shares
    assert room_of("幼儿园").category == "kindergarten"
    assert room_of("nursery").ground == "room"
    with pytest.raises(UnknownNameError, match="no category 'opera'"):
        room_of("opera")


def test_a_plot_as_large_as_the_least_of_a_pack_takes_the_least_floor_of_it():
    # Else a plot that the standard calls enough would be refused.
    for name in pack_names():
        for rule in load_pack(name).rules:
            least = {s.measure: s.value for s in rule.sizes if s.strength != "advised"}
            if {"min_floor_m2", "min_land_m2"} <= least.keys():
                ratio = room_of(rule.category).plot_ratio
                assert least["min_land_m2"] * ratio >= least["min_floor_m2"]


def test_storeys_of_children_and_old_people():
    assert room_of("nursery").value("lowest_storey") == 1
    assert room_of("nursery").value("highest_storey") == 1
    assert room_of("nursery").value("highest_with_lift") is None
    assert room_of("elderly_daycare").value("highest_storey") == 1
    assert room_of("elderly_daycare").value("highest_with_lift") == 3
    for room in load_rooms().of.values():
        low, high, lift = map(room.value, ("lowest_storey", "highest_storey", "highest_with_lift"))
        assert high is None or low is None or low <= high
        assert lift is None or high <= lift


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("完好", []),
        ("B级", []),
        ("D级", ["forbid"]),
        ("Ｄ级危房", ["forbid"]),
        ("D", ["forbid"]),
        ("危房", ["forbid"]),
        ("非危房", []),
        ("原D级，已解危", []),
        ("C级", ["first"]),
        ("局部危房", ["first"]),
        ("D级，局部危险", ["forbid"]),
        ("需加固", ["first"]),
        ("无需加固", []),
        ("已加固", []),
        ("违法建设", ["forbid"]),
        ("拆除违法建设腾空", []),
        ("无违建", []),
        ("产权纠纷", ["forbid"]),
        ("产权清晰，无产权纠纷", []),
        ("待拆除", ["forbid"]),
    ],
)
def test_words_of_a_condition(text, effects):
    met = {condition.effect for condition in conditions_of(text)}
    assert sorted(met - ({"first"} if "forbid" in met else set())) == effects


def test_words_are_found_whatever_their_width_and_case():
    assert says("地下自行车棚", load_rooms().below_ground)
    assert says("Old Boiler House", load_rooms().on_ground)
    assert not says("底商", load_rooms().vacant)


def test_all_faults_of_the_file_are_told_at_once():
    broken = copy.deepcopy(table())
    broken["places"][0]["categories"].remove("canteen")
    broken["places"][1]["ground"] = "sky"
    proof = {"clause": "a", "source": "b", "verified": True}
    broken["figures"] += [
        {"figure": "floor_m2", "value": 90, "categories": ["nursery"], **proof},
        {"figure": "width_m", "value": 90, "categories": ["nursery"], **proof},
        {"figure": "floor_m2", "value": 0, "categories": ["opera"], **proof},
        {"figure": "land_m2", "value": 9, "categories": ["canteen"], **proof, "verified": False},
    ]
    broken["conditions"][0]["effect"] = "maybe"
    with pytest.raises(RuleError) as told:
        read_rooms(broken)
    for part in (
        "'canteen' is in 0 of the places",
        "there is no ground 'sky'",
        "the floor_m2 of 'nursery' is given twice",
        "there is no figure 'width_m'",
        "the floor_m2 0 is out of range",
        "the floor_m2 names 'opera'",
        "is not verified and has no 'confidence'",
        "the effect 'maybe' is unknown",
    ):
        assert part in str(told.value)
