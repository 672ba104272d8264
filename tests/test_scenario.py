"""What if: before and after an edit, held against a full measure of the edited study.

The yards of Urumqi are drawn after a case of renewal there: 12 walled yards with 13 buildings,
whose walls were opened into one. Each yard is 50 m wide and 40 m deep, two rows of six back to
back, with a street around them 10 m away; every yard has one gate, to the street. Lanes run from
each gate to the back wall, and one along each row, through the walls between neighbours::

    y=90   ------------------------------------------- north street
    y=80   |N1 ^ |N2 ^ |N3 ^ |N4 ^ |N5 ^ |N6 ^ |        gates at x = 25, 75, ..., 275
    y=40   |-----+-----+-----+-----+-----+-----|        back walls B1 to B6
    y=0    |S1 v |S2 v |S3 v |S4 v |S5 v |S6 v |
    y=-10  ------------------------------------------- south street, clinic at x = 150

A building holds 50 people; N6 has two.
"""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import LineString, Point, box

from gis.coverage import measure_coverage
from gis.errors import InputError, OptionError, UnknownNameError
from gis.model import KINDS, Layer, Study
from gis.network import lay_ground
from gis.rules import Size, load_pack, own_rule
from gis.sample import make_city
from gis.scenario import (
    AddFacility,
    AddGate,
    AddPath,
    CloseGate,
    EnlargeFacility,
    MoveFacility,
    OpenGate,
    OpenWall,
    Remove,
    SetHours,
    apply,
    edits_of,
    find_openings,
    lay_base,
    rank_openings,
    what_if,
    words_of,
)
from gis.scenario import difference as difference_module
from gis.scenario.near import LinkGrid
from tests.layers import CORNER, layer


def at(x, y):
    return (CORNER[0] + x, CORNER[1] + y)


NAMES = [f"{side}{i}" for side in "SN" for i in range(1, 7)]
GATE_X = [25, 75, 125, 175, 225, 275]


def yards(**changes):
    lows = [(50 * i, y) for y in (0, 40) for i in range(6)]
    people = [50.0] * 11 + [100.0]
    fronts = [LineString([(0, y), (300, y)]) for y in (0, 80)]
    sides = [LineString([(x, 0), (x, 80)]) for x in (0, 300)]
    backs = [LineString([(50 * i, 40), (50 * i + 50, 40)]) for i in range(6)]
    between = [LineString([(x, y), (x, y + 40)]) for y in (0, 40) for x in range(50, 300, 50)]
    names = ["FS", "FN", "W", "E", *(f"B{i}" for i in range(1, 7))]
    names += [f"{side}{i}{i + 1}" for side in "SN" for i in range(1, 6)]
    lanes = [LineString([(x, -10), (x, 20), (x, 38)]) for x in GATE_X]
    lanes += [LineString([(x, 90), (x, 60), (x, 42)]) for x in GATE_X]
    rows = [LineString([(x, y) for x in GATE_X]) for y in (20, 60)]
    ring_points = [(-10, -10), *((x, -10) for x in GATE_X), (310, -10), (310, 90)]
    ring_points += [*((x, 90) for x in reversed(GATE_X)), (-10, 90), (-10, -10)]
    ring = LineString(ring_points)
    layers = {
        "estates": layer(
            "estates",
            [box(x, y, x + 50, y + 40) for x, y in lows],
            uid=NAMES,
            name=NAMES,
            people=people,
        ),
        "gates": layer(
            "gates",
            [Point(x, y) for y in (0, 80) for x in GATE_X],
            uid=[f"g{name}" for name in NAMES],
            estate=NAMES,
        ),
        "walls": layer(
            "walls",
            [*fronts, *sides, *backs, *between],
            uid=names,
            cost_yuan=[np.nan] * 4 + [1000.0] * 5 + [500.0] + [800.0] * 10,
        ),
        "streets": layer("streets", [ring, *lanes, *rows]),
        "facilities": layer(
            "facilities", [Point(150, -20)], uid=["clinic"], category=["health_station"]
        ),
    }
    return Study(layers | changes)


BACKS = [f"B{i}" for i in range(1, 7)]
BETWEEN = [f"{side}{i}{i + 1}" for side in "SN" for i in range(1, 6)]


@pytest.fixture(scope="module")
def urumqi():
    return lay_base(yards(), [own_rule("health_station", metres=185)])


def test_behind_their_walls_only_the_southern_yards_reach_the_clinic(urumqi):
    # S1: 10 to the street, 125 along it, 10 to the door = 145 m. N1 goes around the corner:
    # 10 + 35 + 100 + 160 + 10 = 315 m.
    walk_m = urumqi.walk_cm[0] / 100
    assert walk_m[:6].tolist() == [145, 95, 45, 45, 95, 145]
    assert urumqi.status[0].tolist() == [0] * 6 + [1] * 6


def test_opened_into_one_all_thirteen_buildings_reach_it(urumqi):
    result = what_if(urumqi, [OpenWall(uid) for uid in (*BACKS, *BETWEEN)])

    # N1 leaves through its back wall: 2 to the lane, 48 down it to the street, 125 along the
    # street, 10 to the door = 185 m, exactly the limit; N2 135, N3 85.
    (before,), (after,) = result.before, result.after
    assert (before.covered, before.people_covered, before.people_gap) == (6, 300, 350)
    assert (after.covered, after.people_covered, after.people_gap) == (12, 650, 0)
    assert result.people_gained == (350,)
    assert result.gained == 350
    changed = {(change.estate, change.people) for change in result.estates}
    assert changed == {("N1", 50), ("N2", 50), ("N3", 50), ("N4", 50), ("N5", 50), ("N6", 100)}


@pytest.mark.parametrize(("wall", "people"), [("B3", 50), ("B6", 100), ("S12", 0), ("N12", 0)])
def test_one_back_wall_brings_the_yard_behind_it_and_a_side_wall_nobody(urumqi, wall, people):
    assert what_if(urumqi, [OpenWall(wall)]).gained == people


def test_two_walls_may_help_only_together(urumqi):
    # N5 -> N6 -> S6 -> street: from the side wall at x = 250, 25 to the lane of N6, 22 down to the
    # opening, then 50 to the street, 125 along it and 10 = 232 m is too far; with B5 it is not.
    alone = [what_if(urumqi, [OpenWall(wall)]).gained for wall in ("B4", "N45")]
    # N4's opening serves N5 through the side wall: 25 + 18 + 4 + 48 + 25 + 10 = 130 m.
    assert alone == [50, 0]
    assert what_if(urumqi, [OpenWall("B4"), OpenWall("N45")]).gained == 100


def components_of_yards(study):
    """How many groups of yards there are for somebody who never takes the street around."""
    ground = lay_ground(study)
    network = ground.network
    inner = (network.street != 0) & ~ground.closed
    parts = network.with_costs(np.where(inner, 1, -1)[:, None].repeat(2, 1).astype(np.int32))
    lanes = np.unique(network.links[(network.street > 0) & (network.street <= 12)])
    # One walk from each lane over open inner links: what it reaches is its group.
    groups = set()
    for lane in range(1, 13):
        inside = network.links[network.street == lane].ravel()
        low_y, high_y = CORNER[1] + 15, CORNER[1] + 65
        y = network.xy[inside, 1]
        start = inside[(y > low_y) & (y < high_y)][:1]
        reached = parts.reach([start], limit_m=1000).cm[0, lanes] >= 0
        groups.add(tuple(np.flatnonzero(reached).tolist()))
    return len(groups)


def test_the_twelve_yards_become_one(urumqi):
    opened = apply(urumqi.study, [OpenWall(uid) for uid in (*BACKS, *BETWEEN)])

    assert components_of_yards(urumqi.study) == 12
    assert components_of_yards(opened) == 1
    # An opening is a gate row for each of its two yards, and nothing else.
    assert len(opened.layer("gates")) == 12 + 2 * 16
    assert len(opened.layer("walls")) == len(urumqi.study.layer("walls"))


def test_the_openings_are_ranked_by_people_and_by_people_per_yuan(urumqi):
    places = [o for o in find_openings(urumqi) if o.wall in BACKS]
    assert sorted(o.wall for o in places) == BACKS

    ranking = rank_openings(urumqi, places, count=6, set_size=2)

    best = ranking.openings[0]
    assert (best.wall, best.gained, best.estates) == ("B6", 100, ("S6", "N6"))
    assert [o.gained for o in ranking.openings] == [100, 50, 50, 50, 50, 50]
    # Of equals the one that saves most: N3 and N4 walk 85 m, 100 m below the limit.
    assert [o.wall for o in ranking.openings[1:3]] == ["B3", "B4"]
    assert ranking.openings[1].saved_m == 100
    assert best.people_per_yuan == 100 / 500
    assert ranking.by_yuan()[0].wall == "B6"
    assert ranking.best_set.gained == 150
    # All six together gain 350. But from B3 the clinic is 85 m away, and only the gates of N2, N3
    # and N4 (64, 40 and 64 m as the crow flies) are within the 100 m that are left; from B4 those
    # of N3, N4 and N5. Through any other opening fewer could walk: two gain 150 + 150 at most.
    assert ranking.best_set.bound == 300
    assert ranking.best_set.share == pytest.approx(150 / 300)


def test_no_set_of_openings_gains_more_than_the_bound(urumqi):
    places = [o for o in find_openings(urumqi) if o.wall in (*BACKS[1:5], "N12", "N45", "N56")]
    for size in (1, 2):
        best = max(
            what_if(urumqi, [opening.edit for opening in chosen]).gained
            for chosen in itertools.combinations(places, size)
        )
        found = rank_openings(urumqi, places, set_size=size).best_set
        assert found.gained <= best <= found.bound


def test_the_base_is_as_it_was_after_any_edits(urumqi):
    uids = urumqi.study.layer("gates").uids.tolist()
    before = [live.row_cm(0).copy() for live in urumqi.live]

    what_if(urumqi, [OpenWall("B1"), AddFacility("nursery", at(20, 85)), CloseGate("gS3")])

    assert urumqi.study.layer("gates").uids.tolist() == uids
    assert all(
        np.array_equal(live.row_cm(0), row) for live, row in zip(urumqi.live, before, strict=True)
    )


def test_a_shut_gate_walls_its_yard_in_and_opens_again(urumqi):
    shut = what_if(urumqi, [CloseGate("gS3")])

    (change,) = shut.estates
    assert (change.estate, change.before, change.after) == ("S3", "covered", "unlinked")
    assert shut.gained == -50
    assert what_if(urumqi, [Remove("gS3")]).after == shut.after
    assert what_if(urumqi, [SetHours("gS3", "22:00-06:00")]).after == shut.after
    again = lay_base(apply(urumqi.study, [CloseGate("gS3")]), urumqi.rules)
    assert what_if(again, [OpenGate("gS3")]).gained == 50


def test_a_facility_comes_moves_and_goes(urumqi):
    added = what_if(urumqi, [AddFacility("health_station", at(150, 100))])
    moved = what_if(urumqi, [MoveFacility("clinic", at(150, 100))])
    gone = what_if(urumqi, [Remove("clinic")])

    assert added.gained == 350
    # It serves the northern yards as it served the southern ones: 350 people for 300.
    assert moved.gained == 50
    # There is none of it now, which is a gap and not missing data.
    assert gone.gained == -300
    assert (gone.after[0].gap, gone.after[0].no_data) == (12, 0)


def sized_rule(least_m2):
    size = Size("min_floor_m2", least_m2, "clause", "source", verified=False)
    return replace(own_rule("health_station", metres=185), sizes=(size,))


def test_a_new_facility_counts_only_where_it_is_large_enough(urumqi):
    base = lay_base(urumqi.study, [sized_rule(100), sized_rule(120)])
    place = at(150, 100)

    # The clinic that is there is of unknown size and counts; 350 people live in the northern yards.
    assert what_if(base, [AddFacility("health_station", place)]).people_gained == (350, 350)
    assert what_if(base, [AddFacility("health_station", place, 120.0)]).people_gained == (350, 350)
    assert what_if(base, [AddFacility("health_station", place, 119.0)]).people_gained == (350, 0)
    edits = [AddFacility("health_station", place, 119.0)]
    assert what_if(base, edits).after == full_measure(base, edits)


def test_a_facility_that_was_too_small_counts_when_it_is_enlarged(urumqi):
    clinics = layer(
        "facilities", [Point(150, -20), Point(150, 100)], uid=["clinic", "booth"],
        category=["health_station", "卫生站"], floor_area_m2=[150.0, 40.0],
    )  # fmt: skip
    base = lay_base(yards(facilities=clinics), [sized_rule(120)])

    enlarged = what_if(base, [EnlargeFacility("booth", 120.0)])

    assert enlarged.gained == 350
    assert what_if(base, [EnlargeFacility("booth", 119.0)]).gained == 0
    assert enlarged.after == full_measure(base, [EnlargeFacility("booth", 120.0)])
    rows = apply(base.study, [EnlargeFacility("booth", 120.0)]).layer("facilities").frame
    assert rows["uid"].tolist() == ["clinic", "booth-enlarged"]
    with pytest.raises(OptionError, match="is no area"):
        EnlargeFacility("booth", 0.0)


def test_a_first_facility_makes_data_of_no_data(urumqi):
    study = urumqi.study
    base = lay_base(study, [own_rule("nursery", metres=185)])

    result = what_if(base, [AddFacility("nursery", at(150, -20))])

    assert result.before[0].no_data == 12
    assert result.before[0].people_covered is None
    assert (result.after[0].covered, result.after[0].people_covered) == (6, 300)
    assert result.people_gained == (None,)


def test_a_path_is_walked(urumqi):
    # From the north street straight to the south one, beside the yards, ending on both.
    path = AddPath((at(305, 90), at(305, -10)))

    result = what_if(urumqi, [path])

    # N6: 10 + 30 + 100 + 155 + 10 = 305 m instead of 315: nobody gains, walks save nothing
    # below the limit.
    assert result.gained == 0
    edited = lay_base(apply(urumqi.study, [path]), [own_rule("health_station", metres=400)])
    assert edited.walk_cm[0, 11] == 30_500


def test_edits_that_name_nothing_are_refused(urumqi):
    with pytest.raises(UnknownNameError, match="no row 'B9' in the layer 'walls'"):
        what_if(urumqi, [OpenWall("B9")])
    with pytest.raises(UnknownNameError, match="no gate, wall or facility 'x'"):
        what_if(urumqi, [Remove("x")])
    with pytest.raises(UnknownNameError):
        AddFacility("no such thing", at(0, 0))
    with pytest.raises(OptionError, match="farther than 5 m from every estate's outline and wall"):
        what_if(urumqi, [AddGate(at(500, 500))])
    with pytest.raises(OptionError, match="nothing to change"):
        what_if(urumqi, [])
    with pytest.raises(OptionError, match="has no length"):
        AddPath((at(0, 0), at(0, 0)))
    with pytest.raises(OptionError, match="no place"):
        AddGate((float("nan"), 0.0))
    with pytest.raises(InputError):
        SetHours("gS1", "mornings")


@pytest.mark.parametrize(
    "edits",
    [
        (OpenGate("gS1"), CloseGate("gS1")),
        (SetHours("gS1", "06:00-22:00"), CloseGate("gS1")),
        (Remove("clinic"), MoveFacility("clinic", at(0, -20))),
        (OpenWall("B1", at(25, 40)), Remove("B1")),
        (OpenWall("B1"), OpenWall("B1", at(25, 40))),
        (CloseGate("gS1"), CloseGate("gS1")),
    ],
)
def test_two_edits_of_one_thing_are_refused_whoever_asks(urumqi, edits):
    with pytest.raises(OptionError, match=f"Two edits name '{edits[0].uid}' \\("):
        what_if(urumqi, edits)
    with pytest.raises(OptionError, match="give one of them"):
        apply(urumqi.study, edits)


def test_what_has_the_uid_of_something_else_is_not_taken_for_it(urumqi):
    frame = urumqi.study.layer("facilities").frame.assign(uid=["B1"])
    study = Study(urumqi.study.layers | {"facilities": Layer(KINDS["facilities"], frame)})
    with pytest.raises(OptionError, match="'B1' is a row of walls and of facilities; say which"):
        apply(study, [Remove("B1")])
    assert "facilities" not in apply(study, [Remove("facilities:B1")])
    assert len(apply(study, [Remove("walls:B1")]).layer("walls")) == 19


def test_a_wall_may_be_opened_twice_at_two_places(urumqi):
    edits = [OpenWall("FS", at(10, 0)), OpenWall("FS", at(290, 0))]
    assert len(apply(urumqi.study, edits).layer("gates")) == 12 + 2


def test_edits_come_back_from_their_words():
    edits = (
        OpenWall("B1", (1.0, 2.0)),
        AddPath(((0.0, 0.0), (1.0, 1.0))),
        AddFacility("nursery", (1.0, 2.0), 300.0),
        EnlargeFacility("f", land_area_m2=900.0),
        SetHours("g", "06:00-22:00"),
    )
    assert edits_of(json.loads(json.dumps(words_of(edits)))) == edits
    with pytest.raises(OptionError, match="no edit 'Fly'"):
        edits_of([{"edit": "Fly"}])
    with pytest.raises(OptionError, match="'OpenGate' cannot be read"):
        edits_of([{"edit": "OpenGate"}])


def test_the_answer_is_plain_values(urumqi):
    told = what_if(urumqi, [OpenWall("B3")]).to_json()

    assert told["people_gained_by_rule"] == {"own-health_station": 50}
    assert told["people_gained"] == 50
    assert told["edits"] == [{"edit": "OpenWall", "uid": "B3", "at": None}]
    assert told["estates"][0]["estate"] == "N3"


@pytest.fixture(scope="module")
def city():
    study = make_city(seed=4, estates=30)
    return lay_base(study, load_pack("gb50180-2018").rules)


def some_edits(study, rng):
    def place(spread_m=0.0):
        shape = study.layer("estates").geometries[rng.integers(len(study.layer("estates")))]
        point = shape.boundary.interpolate(rng.random(), normalized=True)
        return (point.x + rng.normal() * spread_m, point.y + rng.normal() * spread_m)

    def uid(kind):
        return str(rng.choice(study.layer(kind).uids))

    start = place()
    makers = [
        lambda: OpenWall(uid("walls")),
        lambda: AddGate(place()),
        lambda: OpenGate(uid("gates")),
        lambda: CloseGate(uid("gates")),
        lambda: SetHours(uid("gates"), "06:00-09:00"),
        lambda: AddPath((start, place())),
        lambda: AddFacility("nursery", place(20.0)),
        lambda: AddFacility("elderly_daycare", place(20.0), float(rng.choice([300.0, 900.0]))),
        lambda: EnlargeFacility(uid("facilities"), floor_area_m2=float(rng.choice([50, 5000]))),
        lambda: MoveFacility(uid("facilities"), place(20.0)),
        lambda: Remove(uid("walls")),
        lambda: Remove(uid("facilities")),
    ]
    return [makers[i]() for i in rng.choice(len(makers), rng.integers(1, 4), replace=False)]


def full_measure(base, edits):
    study = apply(base.study, edits, ground=base.ground)
    edited = lay_base(study, base.rules, **base.options)
    return difference_module.standings_of(edited, edited.sums, range(len(base.rules)))


@pytest.mark.parametrize("seed", range(8))
def test_any_edits_of_a_city_agree_with_a_full_measure(city, seed):
    edits = some_edits(city.study, np.random.default_rng(seed))

    assert what_if(city, edits).after == full_measure(city, edits)


def test_the_quick_way_and_the_new_layout_agree(city, monkeypatch):
    rng = np.random.default_rng(11)
    uids = city.study.layer("facilities").uids
    trials = [
        [AddFacility("nursery", (p.x, p.y)), MoveFacility(str(rng.choice(uids)), (p.x + 30, p.y))]
        for p in (shape.centroid for shape in city.study.layer("estates").geometries[:4])
    ]
    quick = [what_if(city, edits) for edits in trials]
    monkeypatch.setattr(difference_module, "quick_splice", lambda *_: None)
    anew = [what_if(city, edits) for edits in trials]

    assert [q.after for q in quick] == [a.after for a in anew]


def test_the_base_says_what_a_coverage_measurement_says(city):
    coverage = measure_coverage(city.study, city.rules, terrain="off")

    for row, item in zip(city.status, coverage.items, strict=True):
        words = np.array(["covered", "gap", "unlinked", "no-data"], dtype=object)[row]
        assert words.tolist() == item.status.tolist()


def test_openings_of_a_city_are_exact_and_the_bound_holds(city):
    ranking = rank_openings(city, count=5, set_size=2)

    assert ranking.tried > 5
    gains = [opening.gained for opening in ranking.openings]
    assert gains == sorted(gains, reverse=True)
    for opening in ranking.openings[:2]:
        after = full_measure(city, [opening.edit])
        covered = sum(standing.people_covered or 0 for standing in after)
        before = sum(s.people_covered or 0 for s in what_if(city, [opening.edit]).before)
        assert covered - before == opening.gained
    assert max(gains) <= ranking.best_set.gained <= ranking.best_set.bound
    with pytest.raises(OptionError, match="count is 0"):
        rank_openings(city, count=0)


def test_the_grid_finds_what_a_tree_finds(city):
    network = city.ground.network
    grid = LinkGrid.of(network)
    shapes = network.lines.shapes
    bounds = np.array([shape.bounds for shape in shapes])
    for x, y in network.xy[::97]:
        found = grid.within(np.array([x - 80, y - 80]), np.array([x + 80, y + 80]))
        inside = (bounds[:, :2] <= [x + 80, y + 80]).all(1)
        inside &= (bounds[:, 2:] >= [x - 80, y - 80]).all(1)
        assert np.isin(np.flatnonzero(inside), found).all()
        assert len(found) <= inside.sum() + 3


@pytest.fixture(scope="module")
def hills():
    study = make_city(seed=4, estates=30)
    return lay_base(study, load_pack("complete-community-2020").rules, terrain=True)


SUMS = ("covered", "gap", "unlinked", "no_data", "people_covered", "people_gap")
SUMS += ("group", "group_covered", "group_gap")


def standing_of(study, rules, **how):
    summary = measure_coverage(study, rules, **how).summary()
    return [(row["rule"], *(row[key] for key in SUMS)) for row in summary]


def told_by(standings):
    return [(s.rule, *(getattr(s, key) for key in SUMS)) for s in standings]


@pytest.mark.parametrize("seed", range(4))
def test_minutes_on_hills_and_stand_ins_agree_with_coverage(hills, seed):
    edits = some_edits(hills.study, np.random.default_rng(seed + 20))

    difference = what_if(hills, edits)

    edited = apply(hills.study, edits, ground=hills.ground)
    for standings, study in ((difference.before, hills.study), (difference.after, edited)):
        assert told_by(standings) == standing_of(study, hills.rules, terrain="on")


def test_openings_for_what_several_facilities_stand_in_for_are_exact_too(hills):
    # Before, stand-ins did not count: openings that serve only by them were not found.
    rules = [rule for rule in hills.rules if rule.instead]
    base = lay_base(hills.study, rules, **hills.options)
    places = find_openings(base)[::4]
    each = {place.xy: what_if(base, [place.edit]).gained for place in places}

    ranking = rank_openings(base, places, count=3, set_size=2)

    gains = sorted(each.values(), reverse=True)
    assert gains[0] > 0
    assert [opening.gained for opening in ranking.openings] == gains[:3]
    assert all(each[opening.xy] == opening.gained for opening in ranking.openings)
    assert gains[0] <= ranking.best_set.gained <= ranking.best_set.bound
    assert [finding.code for finding in ranking.findings] == ["ranking-whole-rules"]


@pytest.fixture(scope="module")
def buildings():
    rules = [*load_pack("gb50180-2018").rules, *load_pack("complete-community-2020").rules]
    return lay_base(make_city(seed=4, estates=30), rules, origin="building")


@pytest.mark.parametrize("seed", range(8))
def test_from_buildings_edits_agree_with_coverage_too(buildings, seed):
    edits = some_edits(buildings.study, np.random.default_rng(seed + 40))

    difference = what_if(buildings, edits)

    edited = apply(buildings.study, edits, ground=buildings.ground)
    assert apply(buildings.study, edits).frame("gates").equals(edited.frame("gates"))
    for standings, study in ((difference.before, buildings.study), (difference.after, edited)):
        measured = standing_of(study, buildings.rules, terrain="off", origin="building")
        assert told_by(standings) == measured


def test_openings_are_ranked_from_buildings_too(buildings):
    rules = [rule for rule in buildings.rules if rule.category in ("nursery", "health_station")]
    base = lay_base(buildings.study, rules, origin="building")
    shut = int(base.ground.shut().argmax())
    uids = base.study.layer("estates").uids
    places = find_openings(base)
    places = [p for p in places if uids[shut] in p.estates][:3] + list(places[:8])

    ranking = rank_openings(base, places, count=len(places), set_size=1)

    before = sum(row.people_covered or 0 for row in what_if(base, [places[0].edit]).before)
    for opening in ranking.openings:
        after = full_measure(base, [opening.edit])
        assert sum(row.people_covered or 0 for row in after) - before == opening.gained
    assert ranking.openings[0].gained == ranking.best_set.gained > 0


def test_from_its_building_each_half_of_a_yard_counts_alone():
    # N6 has two buildings, 30 m and 10 m behind the back wall; 60 of its people are 60+. Through B6
    # it is 2 + 48 + 125 + 10 = 185 m from the lane's end at y = 42 to the clinic.
    study = yards()
    old = study.layer("estates").frame.assign(people_60plus=[20.0] * 11 + [60.0])
    estates = Layer(KINDS["estates"], old)
    houses = layer(
        "buildings",
        [box(270, 65, 274, 75), box(270, 45, 274, 55)],
        uid=["far", "near"],
        estate=["N6", "N6"],
        people=[30.0, 70.0],
        people_60plus=[20.0, 40.0],
    )
    rule = replace(own_rule("health_station", metres=200), group="people_60plus")
    base = lay_base(
        Study(study.layers | {"buildings": houses, "estates": estates}), [rule], origin="building"
    )

    result = what_if(base, [OpenWall("B6")])

    # Near: 3 m to the lane, 8 m along it, 185: 196 m. Far: 20 m more, 216 m. The estate stays one
    # with a gap, since not all of its buildings are served.
    (before,), (after,) = result.before, result.after
    assert (before.covered, after.covered, after.gap) == (6, 6, 6)
    assert after.people_covered - before.people_covered == 70
    assert (after.group, after.group_known) == ("people_60plus", "counted")
    assert result.group_gained == (40,)
    assert result.to_json()["group_gained_by_rule"] == {"own-health_station": 40}
    (change,) = result.estates
    assert (change.estate, change.before, change.after, change.people) == ("N6", "gap", "gap", 70)


def test_convenience_stores_stand_in_for_a_supermarket_in_what_if_too(hills):
    rules = [rule for rule in hills.rules if rule.instead]
    assert [hills.rules[r] for r in hills.whole] == rules
    assert len(rules) == 1


def test_heights_do_not_end_where_the_edit_does():
    # Found by an attack: heights were cut out with the blocks around the edits, so that the street
    # to the open gate was walked as flat and E0055 seemed to gain.
    city = make_city(seed=1, estates=60)
    rules = [r for r in load_pack("complete-community-2020").rules if r.id == "CC-08"]
    base = lay_base(city, rules, terrain=True)

    edits = [AddFacility("nursery", (442072.93, 3243997.46)), SetHours("G0093", "22:00-11:00")]

    assert what_if(base, edits).estates == ()


def test_a_wall_is_opened_on_itself_and_a_place_near_the_city(urumqi):
    with pytest.raises(OptionError, match="from the wall 'B3'; give one within 5 m"):
        what_if(urumqi, [OpenWall("B3", (CORNER[0] + 25.0, CORNER[1] + 40.0))])
    with pytest.raises(OptionError, match="km from all streets"):
        what_if(urumqi, [AddFacility("nursery", (181.0, 0.0))])
    with pytest.raises(OptionError, match="no place"):
        AddFacility("nursery", (1e300, 0.0))
