"""Who walks to what, in a town small enough to walk it with a finger.

All places are metres from the town's corner. A river runs between two streets; the only bridge is
at their east end::

    y=200  ----a-----c-------------------.   north street    a (100, 220) nursery
    y=100  ~~~~~~~~~~~ river ~~~~~~~~~~~ | ~~~~~~~~~~~~~~~
    y=0    ----S-------------------E----.'   south street    bridge at x=1000
"""

from itertools import pairwise

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from gis.coverage import measure_coverage
from gis.errors import MissingLayerError, OptionError, UnknownNameError
from gis.model import Layer, Study
from gis.rules import load_pack, own_rule, pack_names
from tests.layers import layer

STREETS = (
    LineString([(0, 0), (1000, 0)]),
    LineString([(0, 200), (1000, 200)]),
    LineString([(1000, 0), (1000, 200)]),
)
GATES = {"S": (100, -20), "N": (400, 180), "E": (900, -20), "F": (5000, 0)}


def town(*, facilities=(("nursery", 100, 220),), streets=STREETS, none_of=(), **columns):
    columns = {
        "people": [100, np.nan, np.nan, 50],
        "households": [40, 100, np.nan, np.nan],
        "community": ["南", "北", None, "远"],
        "subdistrict": ["甲", "甲", "乙", None],
    } | columns
    estates = [box(x - 10, y - 20, x + 10, y) for x, y in GATES.values()]
    layers = {
        "estates": layer("estates", estates, name=list(GATES), **columns),
        "gates": layer("gates", [Point(xy) for xy in GATES.values()], estate=list(GATES)),
        "streets": layer("streets", list(streets)),
        "barriers": layer("barriers", [box(-500, 90, 1500, 110)], barrier=["river"]),
    }
    if facilities:
        layers["facilities"] = layer(
            "facilities",
            [Point(x, y) for _, x, y in facilities],
            category=[category for category, _, _ in facilities],
            name=[f"{category} {i}" for i, (category, _, _) in enumerate(facilities)],
        )
    return Study(layers, none_of=frozenset(none_of))


def measured(study, category="nursery", *, metres=500.0, **options):
    coverage = measure_coverage(study, [own_rule(category, metres=metres)], **options)
    return coverage, coverage.items[0]


def codes(coverage):
    return [finding.code for finding in coverage.findings]


def test_the_walk_goes_over_the_bridge_and_not_through_the_river():
    _, item = measured(town())

    # S: 20 to the street, 900 to the bridge, 200 over it, 900 back, 20 to the door
    assert item.walk_m[0] == 20 + 900 + 200 + 900 + 20
    assert item.walk_m[1] == 20 + 300 + 20
    assert item.walk_m[2] == 20 + 100 + 200 + 900 + 20
    assert list(item.status) == ["gap", "covered", "gap", "unlinked"]


def test_a_buffer_would_call_the_estate_across_the_river_covered():
    study = town()
    gate = study.layers["gates"].geometries[0]
    nursery = study.layers["facilities"].geometries[0]

    _, item = measured(study, metres=300)

    assert gate.distance(nursery) == 240
    assert item.status[0] == "gap"


def test_an_estate_whose_gates_are_all_shut_is_unlinked_and_named():
    study = town()
    gates = study.layers["gates"]
    shut = gates.frame.assign(access=pd.Series(["closed", None, "cars", None], dtype="str"))
    study = Study({**study.layers, "gates": Layer(gates.kind, shut)})

    coverage, item = measured(study)

    assert list(item.status) == ["unlinked", "covered", "unlinked", "unlinked"]
    (told,) = [f.message for f in coverage.findings if f.code == "gates-shut"]
    assert "2 estates" in told
    assert "estates-0, estates-2" in told


def test_exactly_the_limit_is_covered_and_a_centimetre_more_is_not():
    assert measured(town(), metres=340)[1].status[1] == "covered"
    assert measured(town(), metres=339.99)[1].status[1] == "gap"


def test_minutes_are_walked_at_one_metre_a_second():
    rules = [own_rule("nursery", minutes=340 / 60), own_rule("nursery", minutes=5.6)]

    coverage = measure_coverage(town(), rules)

    assert coverage.items[0].status[1] == "covered"
    assert coverage.items[1].status[1] == "gap"
    assert coverage.items[0].walk_s[1] == 340


def test_a_free_link_leaves_out_the_legs_to_the_street():
    coverage, item = measured(town(), link="free")

    assert item.walk_m[1] == 300
    assert coverage.assumptions["link"] == "free"


def test_an_estate_far_from_any_street_is_unlinked_and_never_a_gap():
    coverage, item = measured(town())

    assert item.status[3] == "unlinked"
    assert np.isnan(item.walk_m[3])
    assert list(coverage.access) == ["gate", "gate", "gate", "unlinked"]
    assert "estates-unlinked" in codes(coverage)
    assert list(coverage.missing_count()) == [1, 0, 1, 0]


def test_of_several_gates_the_one_with_the_shortest_walk_counts():
    study = town()
    gates = layer("gates", [Point(700, 180), Point(400, 180), Point(800, 180)], estate=["N"] * 3)

    _, item = measured(Study({**study.layers, "gates": gates}))

    assert item.walk_m[1] == 20 + 300 + 20


def test_a_link_never_leads_through_the_river_although_that_street_is_nearer():
    far_south = (LineString([(0, -130), (1000, -130), (1000, 200)]), STREETS[1])
    gates = layer("gates", [Point(100, 80)], estate=["S"])  # 120 m from the north street
    study = Study({**town(streets=far_south).layers, "gates": gates})

    _, item = measured(study)

    assert item.walk_m[0] == 210 + 900 + 330 + 900 + 20


def test_a_longer_link_takes_it_in():
    coverage, item = measured(town(), longest_link_m=4500)

    assert item.status[3] == "gap"
    assert coverage.assumptions["longest_link_m"] == 4500


def test_a_category_never_imported_is_no_data_and_not_a_gap():
    coverage, item = measured(town(), "bank")

    assert list(item.status) == ["no-data"] * 4
    assert coverage.summary()[0]["no_data"] == 4
    assert coverage.summary()[0]["people_gap"] is None
    assert len(coverage.gap_list()) == 0


def test_without_any_facilities_everything_is_no_data():
    _, item = measured(town(facilities=()))

    assert list(item.status) == ["no-data"] * 4


def test_once_it_is_stated_that_there_is_none_it_is_a_gap():
    _, item = measured(town(none_of=["bank"]), "bank")

    assert list(item.status) == ["gap", "gap", "gap", "unlinked"]


def test_a_statement_against_the_data_loses_and_is_told():
    coverage, item = measured(town(none_of=["nursery"]))

    assert item.status[1] == "covered"
    assert "none-contradicted" in codes(coverage)


def test_facilities_that_all_lie_off_the_map_are_no_data_with_a_finding():
    coverage, item = measured(town(facilities=[("nursery", 9000, 9000)]))

    assert list(item.status) == ["no-data"] * 4
    assert {"facilities-unlinked", "category-all-unlinked"} <= set(codes(coverage))


def test_one_facility_off_the_map_is_told_and_the_others_count():
    coverage, item = measured(town(facilities=[("nursery", 9000, 9000), ("nursery", 100, 220)]))

    assert item.status[1] == "covered"
    assert item.facility[1] == "facilities-1"
    assert "category-all-unlinked" not in codes(coverage)


def test_a_health_centre_does_where_the_rule_says_so():
    rule = next(r for r in load_pack("complete-community-2020").rules if r.id == "CC-05")

    item = measure_coverage(town(facilities=[("health_centre", 100, 220)]), [rule]).items[0]

    assert list(item.status) == ["gap", "covered", "gap", "unlinked"]


def test_other_words_of_a_category_are_understood():
    assert measured(town(facilities=[("托育园", 100, 220)]))[1].status[1] == "covered"


def test_the_nearest_of_several_is_named():
    _, item = measured(town(facilities=[("nursery", 100, 220), ("nursery", 500, 210)]))

    assert item.walk_m[1] == 20 + 100 + 10
    assert item.facility[1] == "facilities-1"
    assert item.facility_name[1] == "nursery 1"


def test_an_estate_on_streets_that_lead_nowhere_is_a_gap_that_is_pointed_out():
    coverage, item = measured(town(streets=STREETS[:2]))  # no bridge

    assert list(item.status) == ["gap", "covered", "gap", "unlinked"]
    assert np.isnan(item.walk_m[0])
    assert "estates-apart" in codes(coverage)
    assert "2 estates" in next(f.message for f in coverage.findings if f.code == "estates-apart")


def test_how_far_the_nearest_one_is_is_known_to_three_kilometres():
    far = (LineString([(0, 0), (4000, 0)]),)
    study = town(streets=far, facilities=[("nursery", 3060, 0)])

    _, item = measured(study)

    assert item.walk_m[0] == 20 + 2960
    study = town(streets=far, facilities=[("nursery", 3081, 0)])
    assert np.isnan(measured(study)[1].walk_m[0])
    assert measured(study)[1].status[0] == "gap"
    assert measured(study, metres=1001)[1].walk_m[0] == 20 + 2981


def test_people_come_from_their_column_else_from_households_else_nowhere():
    coverage, _ = measured(town())

    np.testing.assert_array_equal(coverage.people, [100, 262, np.nan, 50])
    assert list(coverage.people_estimated) == [False, True, False, False]
    row = coverage.summary()[0]
    assert row["people_covered"] == 262
    assert row["people_gap"] == 100  # S; nobody knows how many live in E
    assert row["people_unlinked"] == 50
    assert row["people_unknown"] == 1
    assert row["households_covered"] == 100
    assert row["households_gap"] == 40
    assert {"people-unknown", "people-estimated"} <= set(codes(coverage))


def test_other_households_give_other_people():
    coverage, _ = measured(town(), persons_per_household=2.0)

    assert coverage.people[1] == 200
    assert coverage.assumptions["persons_per_household"] == 2.0


def test_people_whom_nobody_counted_are_null_and_not_zero():
    nobody = [np.nan] * 4
    row = measured(town(people=nobody, households=nobody))[0].summary()[0]

    assert row["people_covered"] is None
    assert row["people_gap"] is None
    assert row["people_unknown"] == 4


@pytest.mark.parametrize("name", pack_names())
def test_every_estate_has_one_status_for_every_rule(name):
    pack = load_pack(name)

    coverage = measure_coverage(town(), pack.rules, pack=pack)

    for row in coverage.summary():
        assert row["covered"] + row["gap"] + row["unlinked"] + row["no_data"] == 4
    assert coverage.assumptions["rule_pack"] == name
    assert coverage.assumptions["rule_pack_date"] == pack.date
    assert [item.rule for item in coverage.items] == list(pack.rules)


def test_a_figure_carries_what_it_rests_on():
    told = measured(town())[0].assumptions

    assert told["walkers"]["standard"]["speed_m_s"] == 1.0
    assert {word: count for word, count in told["access"].items() if count} == {
        "gate": 3,
        "unlinked": 1,
    }
    assert told["network_stamp"] == measured(town())[0].assumptions["network_stamp"]
    other = measured(town(streets=STREETS[:2]))[0].assumptions
    assert told["network_stamp"] != other["network_stamp"]


def test_gaps_are_listed_elderly_and_childcare_first_then_by_people_then_by_distance():
    study = town(
        facilities=[("bank", 0, 200), ("nursery", 0, 200), ("elderly_station", 0, 200)],
        people=[100, 262, 100, 50],
    )
    rules = [own_rule(code, metres=10) for code in ("bank", "nursery", "elderly_station")]

    gaps = measure_coverage(study, rules).gap_list()

    assert list(gaps["category"]) == ["elderly_station"] * 3 + ["nursery"] * 3 + ["bank"] * 3
    assert list(gaps["name"][:3]) == ["N", "S", "E"]  # 262; 100 and 2,120 m; 100 and 1,320 m
    assert list(gaps["walk_m"][:3]) == [420, 2120, 1320]
    assert list(gaps["over_m"][:3]) == [410, 2110, 1310]
    assert list(gaps["community"][:3]) == ["北", "南", None]


def test_communities_add_up_and_estates_without_one_are_kept():
    coverage, _ = measured(town())

    table = coverage.by_area("community")

    assert table["estates"].sum() == 4
    assert table["nursery_gap"].sum() == 2
    assert table["nursery_unlinked"].sum() == 1
    lost = table[table["community"].isna()].iloc[0]
    assert (lost["subdistrict"], lost["estates"], lost["nursery_gap"]) == ("乙", 1, 1)
    assert np.isnan(lost["people"])
    assert lost["people_unknown"] == 1


def test_a_subdistrict_sums_its_estates():
    table = measured(town())[0].by_area("subdistrict").set_index("subdistrict")

    first = table.loc["甲"]
    assert (first["estates"], first["people"], first["households"]) == (2, 362, 140)
    assert (first["nursery_covered"], first["nursery_gap"], first["nursery_gap_people"]) == (
        1,
        1,
        100,
    )
    assert (first["care_gap_estates"], first["care_gap_people"]) == (1, 100)
    assert table.index[-1] is None


def test_an_area_that_does_not_exist_is_refused():
    with pytest.raises(UnknownNameError, match="community, subdistrict"):
        measured(town())[0].by_area("street")


def test_an_estate_without_a_community_gets_that_of_the_polygon_it_lies_in():
    study = town()
    communities = layer(
        "communities",
        [box(0, -100, 500, 400), box(500, -100, 1500, 400)],
        name=["西", "东"],
        subdistrict=["丙", "丁"],
    )

    coverage, _ = measured(Study({**study.layers, "communities": communities}))

    assert list(coverage.areas["community"]) == ["南", "北", "东", "远"]
    assert list(coverage.areas["subdistrict"]) == ["甲", "甲", "乙", None]
    assert "area-from-polygon" in codes(coverage)


def test_two_rules_of_one_category_keep_apart_in_the_area_table():
    near, far = own_rule("nursery", metres=340), load_pack("complete-community-2020").rules[2]

    coverage = measure_coverage(town(), [near, far])

    assert far.category == "nursery"
    assert coverage.item_keys() == ("own-nursery", "CC-03")
    assert list(coverage.missing_count(must=True)) == [2, 0, 2, 0]
    assert list(coverage.missing_count(must=False)) == [0, 0, 0, 0]


def test_the_study_is_left_as_it_was():
    study = town()
    before = {kind: lay.frame.copy(deep=True) for kind, lay in study.layers.items()}

    coverage, _ = measured(study)
    coverage.gap_list()
    coverage.by_area("community")

    for kind, frame in before.items():
        pd.testing.assert_frame_equal(study.layers[kind].frame, frame)


def test_progress_runs_from_nothing_to_all():
    shares = []

    measured(town(), progress=lambda share, _: shares.append(share))

    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("kind", ["estates", "streets"])
def test_without_estates_or_streets_there_is_nothing_to_measure(kind):
    layers = dict(town().layers)
    del layers[kind]

    with pytest.raises(MissingLayerError, match=kind):
        measured(Study(layers))


@pytest.mark.parametrize(
    "options", [{"link": "maybe"}, {"persons_per_household": 0}, {"longest_link_m": -1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(OptionError):
        measured(town(), **options)


def test_no_rules_are_refused():
    with pytest.raises(OptionError, match="no rule"):
        measure_coverage(town(), [])


def grid_city(places):
    """Streets every 100 m, 6 x 6; each place (x, y) is a point estate or facility."""
    lines = [LineString([(0, 100 * i), (500, 100 * i)]) for i in range(6)]
    lines += [LineString([(100 * i, 0), (100 * i, 500)]) for i in range(6)]
    pieces = []
    for line in lines:
        points = [line.interpolate(100 * k) for k in range(6)]
        pieces += [LineString(pair) for pair in pairwise(points)]
    half = len(places) // 2
    estates = [Point(place) for place in places[:half]]
    doors = [Point(place) for place in places[half:]]
    return Study(
        {
            "streets": layer("streets", pieces),
            "estates": layer("estates", estates),
            "facilities": layer("facilities", doors, category=["park"] * len(doors)),
        }
    )


def test_an_independent_dijkstra_agrees_to_the_centimetre():
    rng = np.random.default_rng(7)
    places = [tuple(p) for p in rng.integers(0, 500, size=(40, 2)).astype(float)]
    graph = nx.Graph()
    on_edge = {}
    for k, (x, y) in enumerate(places):
        near_x, near_y = 100 * round(x / 100), 100 * round(y / 100)
        across = abs(x - near_x) < abs(y - near_y)
        foot = (near_x, y) if across else (x, near_y)
        graph.add_edge(("place", k), foot, weight=abs(x - foot[0]) + abs(y - foot[1]))
        low = (near_x, 100 * (y // 100)) if across else (100 * (x // 100), near_y)
        on_edge.setdefault((low, across), set()).add(foot)
    for i in range(6):
        for j in range(6):
            low = (100.0 * i, 100.0 * j)
            for across in (True, False):
                high = (low[0], low[1] + 100) if across else (low[0] + 100, low[1])
                if max(high) > 500:
                    continue
                stops = sorted({low, high} | on_edge.get((low, across), set()))
                for a, b in pairwise(stops):
                    graph.add_edge(a, b, weight=abs(a[0] - b[0]) + abs(a[1] - b[1]))
    doors = {("place", k) for k in range(20, 40)}
    expected = [nx.multi_source_dijkstra_path_length(graph, doors)["place", k] for k in range(20)]

    _, item = measured(grid_city(places), "park")

    np.testing.assert_allclose(item.walk_m, expected, atol=1e-9)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=4, max_size=10, unique=True
    ),
    st.tuples(st.integers(0, 500), st.integers(0, 500)),
)
def test_one_more_facility_never_lengthens_a_walk_nor_adds_a_gap(places, new):
    half = len(places) // 2
    study = grid_city(places)
    doors = layer(
        "facilities",
        [Point(p) for p in [*places[half:], new]],
        category=["park"] * (len(places) - half + 1),
    )
    more = Study({**study.layers, "facilities": doors})

    before, after = measured(study, "park", metres=150)[1], measured(more, "park", metres=150)[1]

    assert np.all(after.walk_m <= before.walk_m)
    assert np.sum(after.status == "gap") <= np.sum(before.status == "gap")
