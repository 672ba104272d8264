"""Who walks, up and down, there and back, to what: one street that one can walk with a finger.

Everything stands on a street along y = 0, so that a walk is the difference of two x.
"""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from gis.coverage import measure_coverage, measure_on
from gis.coverage.walks import pairs_of
from gis.errors import MissingLayerError, OptionError, UnknownNameError
from gis.model import KINDS, Study
from gis.rules import Instead, Size, load_pack, own_rule, pack_names
from tests.layers import layer


def street(homes, facilities, *, stretches=None, **options):
    """Point estates at ``homes`` (x), facilities (category, x) on stretches (points, class)."""
    stretches = stretches or [([(-2000, 0), (2000, 0)], "residential")]
    estates = {k: v for k, v in options.items() if k in KINDS["estates"].column_names}
    places = {k: v for k, v in options.items() if k in ("floor_area_m2", "land_area_m2", "places")}
    layers = {
        "streets": layer(
            "streets",
            [LineString(points) for points, _ in stretches],
            highway=[word for _, word in stretches],
        ),
        "estates": layer(
            "estates", [Point(x, 0) for x in homes],
            **{k: v for k, v in estates.items() if k not in places},
        ),
    }  # fmt: skip
    if facilities:
        layers["facilities"] = layer(
            "facilities",
            [Point(x, 0) for _, x in facilities],
            category=[category for category, _ in facilities],
            **places,
        )
    return Study(layers)


def measured(study, rule, **options):
    coverage = measure_coverage(study, [rule], **options)
    return coverage, coverage.items[0]


def test_an_old_person_needs_longer_for_450_metres_than_eight_minutes():
    study = street([0], [("elderly_daycare", 450)], people=[100.0])
    rule = own_rule("elderly_daycare", minutes=8)

    _, by_standard = measured(study, rule)
    coverage, by_elderly = measured(study, replace(rule, walker="elderly"))

    assert (by_standard.status[0], by_standard.walk_s[0]) == ("covered", 450)
    assert (by_elderly.status[0], by_elderly.walk_m[0]) == ("gap", 450)
    assert by_elderly.walk_s[0] == pytest.approx(500)  # 450 m at 0.90 m/s; the limit is 480 s
    row = coverage.gap_list().iloc[0]
    assert row["over_s"] == pytest.approx(20)
    assert row["over_m"] == pytest.approx(18)  # what he goes in 20 s


def test_one_walker_may_walk_all_rules():
    study = street([0], [("bank", 450)])

    coverage, item = measured(study, own_rule("bank", minutes=8), walker="elderly")

    assert (item.status[0], item.walker.name) == ("gap", "elderly")
    assert coverage.summary()[0]["walker"] == "elderly"
    assert list(coverage.assumptions["walkers"]) == ["elderly"]
    with pytest.raises(UnknownNameError, match="walker"):
        measured(study, own_rule("bank", minutes=8), walker="ghost")


def test_metres_and_minutes_on_the_flat_are_one_search():
    rules = [own_rule("bank", metres=300), own_rule("bank", minutes=5), own_rule("bank", minutes=9)]
    rules[2] = replace(rules[2], walker="elderly")

    coverage = measure_coverage(street([0], [("bank", 100)]), rules)

    assert len(coverage.walks.groups) == 1
    assert coverage.walks.place == ((0, 0), (0, 0), (0, 0))


STAIRS = [
    ([(-500, 0), (100, 0)], "residential"),
    ([(100, 0), (200, 0)], "steps"),
    ([(200, 0), (2000, 0)], "residential"),
]


def test_stairs_cost_three_times_their_length_in_minutes_and_nothing_in_metres():
    study = street([0], [("bank", 300)], stretches=STAIRS)
    rules = [own_rule("bank", minutes=499 / 60), own_rule("bank", metres=300)]

    timed, plain = measure_coverage(study, rules).items

    assert (timed.walk_m[0], timed.walk_s[0]) == (300, 500)  # 100 + 3 x 100 + 100
    assert timed.status[0] == "gap"
    assert (plain.status[0], plain.walk_m[0]) == ("covered", 300)


def test_stairs_are_closed_to_a_wheelchair():
    study = street([0], [("bank", 300), ("bank", -400)], stretches=STAIRS)

    _, item = measured(study, replace(own_rule("bank", metres=350), walker="wheelchair"))

    assert (item.status[0], item.walk_m[0]) == ("gap", 400)
    assert item.facility[0] == "facilities-1"


SLOPE = [([(x, 0, -0.1 * x), (x + 100, 0, -0.1 * (x + 100))], "residential")
         for x in range(-1000, 1000, 100)]  # fmt: skip
UP = np.exp(-3.5 * 0.10)  # Tobler at 10 % up, against the flat: 0.7047


def test_down_in_time_and_up_too_late_is_no_round_trip():
    study = street([0], [("bank", 400)], stretches=SLOPE)
    rule = own_rule("bank", minutes=500 / 60)

    _, one_way = measured(study, rule)
    coverage, both = measured(study, replace(rule, round_trip=True))

    assert (one_way.status[0], one_way.walk_s[0]) == ("covered", pytest.approx(400, abs=0.1))
    assert both.status[0] == "gap"
    assert both.walk_s[0] == pytest.approx(400 / UP, abs=0.1)  # 568 s, the way back
    assert both.walk_m[0] == 400
    assert coverage.assumptions["terrain"] == "heights"
    assert coverage.assumptions["heights_known"] == 1.0


def test_one_facility_must_do_both_ways():
    # There: down to one bank, 400 s; back: down from the other, 400 s; but nobody goes like that.
    study = street([0], [("bank", 400), ("bank", -400)], stretches=SLOPE)
    rule = replace(own_rule("bank", minutes=500 / 60), round_trip=True)

    _, item = measured(study, rule)

    assert item.status[0] == "gap"
    assert item.walk_s[0] == pytest.approx(400 / UP, abs=0.1)


def test_asked_for_heights_that_nobody_knows_it_says_so():
    study = street([0], [("bank", 400)])
    rule = own_rule("bank", minutes=5)

    with pytest.raises(MissingLayerError, match="heights"):
        measured(study, rule, terrain="on")
    with pytest.raises(OptionError, match="auto, on, off"):
        measured(study, rule, terrain="perhaps")
    coverage, _ = measured(study, rule)
    assert coverage.assumptions["terrain"] == "flat"
    assert "heights-none" in [finding.code for finding in coverage.findings]


def test_heights_that_are_too_few_are_not_taken_for_none_at_all():
    spots = layer("heights", [Point(0, 0), Point(100, 0)], elevation_m=[3.0, 4.0])
    study = street([0], [("bank", 400)])
    study = replace(study, layers={**study.layers, "heights": spots})
    rule = own_rule("bank", minutes=5)

    with pytest.raises(MissingLayerError, match="The 2 spot heights lie on one line"):
        measured(study, rule, terrain="on")
    coverage, _ = measured(study, rule)
    assert "heights-too-few" in [finding.code for finding in coverage.findings]


def test_terrain_off_is_flat_although_heights_are_known():
    study = street([0], [("bank", -400)], stretches=SLOPE)

    coverage, item = measured(study, own_rule("bank", minutes=7), terrain="off")

    assert (item.status[0], item.walk_s[0]) == ("covered", 400)
    assert coverage.assumptions["terrain"] == "flat"


def supermarket(**changes):
    proof = {"clause": "c", "source": "s", "verified": True}
    instead = (Instead("convenience_store", 2, min_floor_m2=50, **proof),)
    return replace(own_rule("supermarket", metres=500), instead=instead, **changes)


def test_two_convenience_stores_stand_in_for_a_supermarket():
    shops = [("supermarket", 900), ("convenience_store", 100), ("convenience_store", -300)]

    _, item = measured(street([0, 450, 700], shops), supermarket())

    # 0: the second store is 300 m away; 450: one store only; 700: the supermarket itself
    assert list(item.status) == ["covered", "covered", "covered"]
    assert list(item.walk_m) == [300, 450, 200]
    assert list(item.satisfied_by) == ["convenience_store", "supermarket", "supermarket"]
    _, item = measured(street([0, 350], shops[:2]), supermarket())
    assert list(item.status) == ["gap", "gap"]
    assert list(item.walk_m) == [900, 550]


def test_a_store_known_to_be_too_small_is_not_counted():
    shops = [("supermarket", 900), ("convenience_store", 100), ("convenience_store", -300)]

    _, small = measured(street([0], shops, floor_area_m2=[np.nan, 60, 49]), supermarket())
    _, unknown = measured(street([0], shops, floor_area_m2=[np.nan, 60, np.nan]), supermarket())

    assert small.status[0] == "gap"
    assert unknown.status[0] == "covered"


def test_where_no_supermarket_was_imported_only_what_stands_in_is_known():
    shops = [("convenience_store", 100), ("convenience_store", -300)]

    coverage, item = measured(street([0, 1500], shops, people=[10.0, 20.0]), supermarket())

    assert list(item.status) == ["covered", "no-data"]
    row = coverage.summary()[0]
    assert (row["people_covered"], row["people_gap"]) == (10, None)


def daycare(least=350.0):
    size = Size("min_floor_m2", least, clause="c", source="s", verified=True)
    return replace(own_rule("elderly_daycare", metres=500), sizes=(size,))


def test_a_facility_known_to_be_too_small_does_not_count_and_is_listed():
    study = street(
        [0], [("elderly_daycare", 100), ("elderly_daycare", 400)], floor_area_m2=[349, 350]
    )

    coverage, item = measured(study, daycare())

    assert (item.status[0], item.walk_m[0]) == ("covered", 400)
    assert list(item.too_small) == [0]
    assert item.size_known[0]
    (told,) = [f.message for f in coverage.findings if f.code == "facilities-too-small"]
    assert "350 m2 of floor" in told
    assert "facilities-0" in told


def test_a_facility_of_unknown_size_counts_and_is_marked():
    study = street([0], [("elderly_daycare", 100)], floor_area_m2=[np.nan])

    coverage, item = measured(study, daycare())

    assert (item.status[0], bool(item.size_known[0])) == ("covered", False)
    assert coverage.summary()[0]["size_unknown"] == 1
    assert "facilities-size-unknown" in [f.code for f in coverage.findings]


def test_where_all_are_too_small_it_is_a_gap_and_not_missing_data():
    study = street([0], [("elderly_daycare", 100)], floor_area_m2=[10])

    _, item = measured(study, daycare())

    assert item.status[0] == "gap"
    assert np.isnan(item.walk_m[0])


def test_a_rule_counts_the_people_it_is_about():
    study = street(
        [0, 900], [("nursery", 100)], people=[1000.0, 2000.0], children_0_2=[30.0, np.nan]
    )

    coverage, _ = measured(study, replace(own_rule("nursery", metres=300), group="children_0_2"))

    row = coverage.summary()[0]
    assert (row["people_covered"], row["people_gap"]) == (1000, 2000)
    assert (row["group"], row["group_covered"]) == ("children_0_2", 30)
    assert row["group_gap"] == 38  # nobody counted them: 1.9 % of 2,000
    assert row["group_estimated"]
    gap = coverage.gap_list().iloc[0]
    assert (gap["counted_group"], gap["group_gap"], gap["group_estimated"]) == (
        "children_0_2", 38, True,
    )  # fmt: skip


def yard(people=(100.0,), buildings=((0, 60.0), (80, 40.0))):
    """One estate, 200 m long beside the street; its buildings stand at x and have people."""
    study = street([0], [("bank", 400)], people=list(people))
    return Study(
        {
            **study.layers,
            "estates": layer("estates", [box(-50, 1, 150, 21)], people=list(people)),
            "buildings": layer(
                "buildings",
                [box(x - 5, 6, x + 5, 16) for x, _ in buildings],
                people=[count for _, count in buildings],
                estate=["estates-0"] * len(buildings),
            ),
        }
    )


def test_from_buildings_an_estate_is_covered_when_all_of_them_are():
    study = yard()

    near, far = (measured(study, own_rule("bank", metres=m), origin="building") for m in (350, 500))

    coverage, item = near
    assert coverage.homes.kind == "building"
    assert len(coverage.homes) == 2
    assert sorted(item.home_status) == ["covered", "gap"]
    assert item.status[0] == "gap"
    assert item.walk_m[0] == pytest.approx(item.home_cost_cm.max() / 100)
    row = coverage.summary()[0]
    assert (row["people_covered"], row["people_gap"]) == (40, 60)
    gap = coverage.gap_list().iloc[0]
    assert (gap["homes"], gap["homes_gap"], gap["share_gap"], gap["people_gap"]) == (2, 1, 0.5, 60)
    assert far[1].status[0] == "covered"
    assert coverage.assumptions["origin"] == "building"


def test_people_of_the_estate_are_all_in_its_buildings():
    coverage, _ = measured(yard(people=(150.0,)), own_rule("bank", metres=350), origin="building")

    assert coverage.crowds.of["all"].homes.sum() == 150
    row = coverage.summary()[0]
    assert row["people_covered"] + row["people_gap"] == 150


def test_without_buildings_nobody_starts_at_one():
    with pytest.raises(MissingLayerError, match="buildings"):
        measured(street([0], [("bank", 100)]), own_rule("bank", metres=500), origin="building")


def test_another_question_on_the_same_ground_gives_the_same_answer():
    study = street([0, 500], [("bank", 300)])
    first, _ = measured(study, own_rule("bank", metres=100))
    rule = own_rule("bank", metres=250)

    again = measure_on(first.ground, study, [rule]).items[0]

    assert list(again.status) == list(measured(study, rule)[1].status) == ["gap", "covered"]


def test_the_grade_is_that_of_the_worst_data():
    study = street([0, 500], [("bank", 300)], people=[100.0, np.nan])

    coverage, item = measured(study, own_rule("bank", metres=100))

    assert item.grade.letter == "D"  # people known of one estate in two
    assert coverage.grade.letter == "D"
    assert coverage.summary()[0]["grade"] == "D"


@pytest.mark.parametrize("walker", ["standard", "elderly", "frail", "wheelchair"])
@pytest.mark.parametrize("name", pack_names())
def test_every_pack_runs_with_every_walker(name, walker):
    pack = load_pack(name)
    study = street([0, 500, 9000], [("bank", 300), ("elderly_daycare", 50)], people=[9.0, 5.0, 1.0])

    coverage = measure_coverage(study, pack.rules, pack=pack, walker=walker)

    for row in coverage.summary():
        assert row["covered"] + row["gap"] + row["unlinked"] + row["no_data"] == 3


def hill(seed, side=5, homes=6, banks=4):
    """A grid of streets of 100 m with heights, homes and banks on its crossings."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 12, size=(side, side)).astype(float)
    pieces, graph = [], nx.DiGraph()
    for i in range(side):
        for j in range(side):
            for a, b in ((i + 1, j), (i, j + 1)):
                if a < side and b < side:
                    ends = [(100.0 * i, 100.0 * j, z[i, j]), (100.0 * a, 100.0 * b, z[a, b])]
                    pieces.append(LineString(ends))
                    for (p, zp), (q, zq) in (
                        (((i, j), z[i, j]), ((a, b), z[a, b])),
                        (((a, b), z[a, b]), ((i, j), z[i, j])),
                    ):
                        slope = (zq - zp) / 100
                        graph.add_edge(p, q, s=100 * np.exp(3.5 * (abs(slope + 0.05) - 0.05)))
    spots = [tuple(int(v) for v in divmod(k, side)) for k in rng.permutation(side * side)]
    spots = spots[: homes + banks]
    points = [Point(100 * i, 100 * j) for i, j in spots]
    study = Study(
        {
            "streets": layer("streets", pieces),
            "estates": layer("estates", points[:homes]),
            "facilities": layer("facilities", points[homes:], category=["bank"] * banks),
        }
    )
    return study, graph, spots[:homes], spots[homes:]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_independent_dijkstra_agrees_on_a_hill_there_and_back(seed):
    study, graph, homes, banks = hill(seed)
    rule = own_rule("bank", minutes=4)

    coverage = measure_coverage(study, [rule, replace(rule, round_trip=True)])

    ways = dict(nx.all_pairs_dijkstra_path_length(graph, weight="s"))
    there = [min(ways[h][b] for b in banks) for h in homes]
    both = [min(max(ways[h][b], ways[b][h]) for b in banks) for h in homes]
    # Each link is rounded to a centimetre, 0.01 s; a way has fewer than twenty.
    np.testing.assert_allclose(coverage.items[0].walk_s, there, atol=0.1)
    np.testing.assert_allclose(coverage.items[1].walk_s, both, atol=0.1)
    group = coverage.walks.groups[0]
    pairs = pairs_of(group, group.sought[0], 24_000, round_trip=True)
    expected = {
        (i, k)
        for i, h in enumerate(homes)
        for k, b in enumerate(banks)
        if max(ways[h][b], ways[b][h]) <= 240
    }
    assert set(zip(pairs.home.tolist(), pairs.facility.tolist(), strict=True)) == expected


@settings(max_examples=10)
@given(
    st.lists(st.integers(-900, 1900), min_size=1, max_size=5, unique=True),
    st.lists(st.integers(-1900, 1900), min_size=1, max_size=4, unique=True),
    st.integers(1, 3),
)
def test_what_stands_in_counts_different_facilities_within_the_limit(homes, shops, count):
    proof = {"clause": "c", "source": "s", "verified": True}
    rule = replace(
        own_rule("supermarket", metres=500), instead=(Instead("convenience_store", count, **proof),)
    )
    study = street(homes, [("supermarket", 1999), *(("convenience_store", x) for x in shops)])

    _, item = measured(study, rule)

    for home, status, metres in zip(homes, item.status, item.walk_m, strict=True):
        near = sorted(abs(home - x) for x in shops)
        enough = len(near) >= count and near[count - 1] <= 500
        own = abs(home - 1999) <= 500
        assert status == ("covered" if own or enough else "gap")
        assert metres == (abs(home - 1999) if own or not enough else near[count - 1])
