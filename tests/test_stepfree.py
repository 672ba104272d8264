"""Who gets to the elderly station without a step, and which ramps bring most people.

The station and estate A stand on the low street. Stairs lead up from it: 1 to the middle street
with estate B, from there 2 to the high street with estate C, and 3 to a terrace with estate D.
Estate E has a street of its own that leads nowhere::

    y=200    -----C                        people: A 100, B 50, C 30, D 40, E 7
             | 2
    y=100    -----B        ----D
             | 1           | 3
    y=0   station----A-----'        E---
"""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from gis.coverage import measure_coverage
from gis.errors import MissingLayerError, OptionError, UnknownNameError
from gis.model import KINDS, Layer, Study
from gis.network import WalkNetwork
from gis.rules import own_rule
from gis.sample import make_city
from gis.stepfree import step_free
from gis.stepfree.ramps import Field, Obstacle, Trials, chains, greedy
from tests.layers import CORNER, layer

FEW = settings(max_examples=60, deadline=None)


GATES = {"A": (100, -10), "B": (60, 110), "C": (60, 210), "D": (260, 110), "E": (2000, 10)}
STREETS = {
    "low": ([(0, 0), (200, 0)], "footway"),
    "stairs 1": ([(0, 0), (0, 100)], "steps"),
    "middle": ([(0, 100), (60, 100)], "footway"),
    "stairs 2": ([(0, 100), (0, 200)], "steps"),
    "high": ([(0, 200), (60, 200)], "footway"),
    "stairs 3": ([(200, 0), (200, 100)], "steps"),
    "terrace": ([(200, 100), (260, 100)], "footway"),
    "alone": ([(2000, 0), (2050, 0)], "footway"),
}


def hill(people=(100, 50, 30, 40, 7), **more):
    estates = [box(x - 9, y - 5, x + 9, y) if y < 0 else box(x - 9, y, x + 9, y + 5)
               for x, y in GATES.values()]  # fmt: skip
    layers = {
        "estates": layer("estates", estates, name=list(GATES), people=people),
        "gates": layer("gates", [Point(xy) for xy in GATES.values()], estate=list(GATES)),
        "streets": layer(
            "streets",
            [LineString(line) for line, _ in STREETS.values()],
            name=list(STREETS),
            highway=[highway for _, highway in STREETS.values()],
        ),
        "facilities": layer("facilities", [Point(0, -10)], category=["elderly_station"]),
    }
    return Study(layers | more)


def gains(answer):
    return {ramp.name: ramp.gains for ramp in answer.ramps}


def names(answer):
    return [
        (tuple(answer.ramps[r].name for r in step.ramps), step.gains, step.gains_so_far)
        for step in answer.chosen
    ]


def test_a_home_behind_stairs_is_told_from_one_without_any_way():
    answer = step_free(hill())

    assert answer.categories == ("elderly_station",)
    assert answer.home.tolist() == [f"estates-{i}" for i in range(5)]
    assert answer.status[:, 0].tolist() == [
        "step-free", "stairs-only", "stairs-only", "stairs-only", "none"
    ]  # fmt: skip
    assert answer.free_m[0, 0] == 10 + 100 + 10
    assert np.isnan(answer.free_m[1, 0])
    assert answer.stairs_m[1, 0] == 10 + 60 + 100 + 10
    row = answer.summary()[0]
    assert (row["people_step_free"], row["people_stairs_only"], row["people_none"]) == (100, 120, 7)
    assert answer.without()["home"].tolist() == [f"estates-{i}" for i in range(1, 5)]


def test_each_ramp_brings_those_whom_it_alone_gives_a_way():
    answer = step_free(hill())

    # The second flight of stairs helps nobody as long as the first is there.
    assert gains(answer) == {"stairs 1": 50, "stairs 3": 40, "stairs 2": 0}
    assert [ramp.homes for ramp in answer.ramps] == [1, 1, 0]
    assert answer.ramps[0].place == (CORNER[0], CORNER[1] + 50)
    assert answer.ramps[0].kind == "stairs"


def test_together_they_bring_what_no_choice_can_exceed():
    answer = step_free(hill())

    assert answer.gains_bound == 120
    assert names(answer) == [
        (("stairs 1",), 50, 50),
        (("stairs 3",), 40, 90),
        (("stairs 2",), 30, 120),
    ]
    assert [step.gains for step in step_free(hill(), most_ramps=2).chosen] == [50, 40]


def test_stairs_behind_stairs_are_built_together_where_one_alone_brings_nothing():
    answer = step_free(hill(people=(100, 0, 90, 50, 7)))

    assert gains(answer) == {"stairs 3": 50, "stairs 1": 0, "stairs 2": 0}
    first, second = names(answer)
    assert first == (("stairs 3",), 50, 50)  # before 90 for two ramps, which is 45 for each
    assert (set(second[0]), *second[1:]) == ({"stairs 1", "stairs 2"}, 90, 140)


def test_a_limit_counts_the_length_of_the_ramp_that_the_risers_need():
    study = hill()
    streets = study.layer("streets").frame.copy()
    streets["risers"] = np.where(streets["highway"] == "steps", 100.0, np.nan)
    study = Study({**study.layers, "streets": Layer(KINDS["streets"], streets)})

    # 100 risers of 0.15 m rise 15 m: a ramp of 180 m at 1:12. D: 10 + 60 + 180 + 200 + 10 = 460.
    near, far = step_free(study, metres=459.9), step_free(study, metres=460)
    assert near.ramps[0].ramp_m == pytest.approx(180)
    assert gains(near) == {"stairs 1": 50, "stairs 3": 0, "stairs 2": 0}
    assert gains(far)["stairs 3"] == 40


def test_stairs_that_a_gate_cuts_in_two_are_one_ramp():
    gates = [Point(xy) for xy in GATES.values()]
    study = hill()
    on_stairs = layer("facilities", [Point(0, -10), Point(205, 50)],
                      category=["elderly_station", "park"])  # fmt: skip
    study = Study({**study.layers, "facilities": on_stairs})
    answer = step_free(study)

    assert len(gates) == 5
    assert len(answer.ramps) == 3
    assert {ramp.length_m for ramp in answer.ramps} == {100}


def test_unknown_people_count_as_none_and_are_told():
    answer = step_free(hill(people=(100, np.nan, 30, 40, 7)))

    ramp = next(ramp for ramp in answer.ramps if ramp.name == "stairs 1")
    assert (ramp.gains, ramp.homes, ramp.homes_unknown) == (0, 1, 1)
    assert answer.summary()[0]["homes_people_unknown"] == 1


def test_who_gains_two_services_counts_for_both_and_is_one_person():
    two = layer("facilities", [Point(0, -10), Point(50, -10)],
                category=["elderly_station", "canteen"])  # fmt: skip
    answer = step_free(hill(facilities=two))

    assert set(answer.categories) == {"elderly_station", "canteen"}
    best = answer.ramps[0]
    assert (best.people, best.gains) == (50, 100)
    assert best.by_category == {"elderly_station": 50, "canteen": 50}


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"metres": 300, "minutes": 5}, OptionError, "one limit"),
        ({"metres": 0}, OptionError, "metres is 0"),
        ({"most_ramps": -1}, OptionError, "most_ramps is -1"),
        ({"terrain": "x"}, OptionError, "terrain is 'x'"),
        ({"categories": ["zoo"]}, UnknownNameError, "zoo"),
        ({"terrain": "on"}, MissingLayerError, "heights"),
    ],
)
def test_options_out_of_range_are_refused(options, error, told):
    with pytest.raises(error, match=told):
        step_free(hill(), **options)


def test_without_any_elderly_service_it_says_what_to_import():
    schools = layer("facilities", [Point(0, -10)], category=["primary_school"])

    with pytest.raises(MissingLayerError, match="no elderly service"):
        step_free(hill(facilities=schools))
    assert step_free(hill(), ["nursery"]).status[0, 0] == "no-data"


def test_the_share_of_closed_streets_is_that_of_coverage():
    # 300 m of streets were set against ways from gates in one, and from buildings in the other.
    city = make_city(seed=4, estates=12)
    rule = own_rule("park", metres=900)
    measured = measure_coverage(city, [rule], walker="wheelchair", terrain="on")
    told = {
        tuple(f.message for f in found if f.code == "walker-closed" and "stairs" in f.message)
        for found in (
            measured.findings,
            measure_coverage(
                city, [rule], walker="wheelchair", terrain="on", origin="building"
            ).findings,
            step_free(city, ["park"], terrain="on").findings,
        )
    }
    assert len(told) == 1
    assert "% of all streets, stairs" in told.pop()[0]


def test_the_json_has_no_number_that_json_does_not_know():
    row = step_free(hill()).to_json()

    assert row["ramps"][0]["ramp_m"] is None
    assert row["without"][-1]["stairs_m"] is None
    assert row["gains_bound"] == 120


# -- Against a search of its own for every ramp


@st.composite
def fields(draw):
    nodes = draw(st.integers(3, 10))
    place = st.integers(0, nodes - 1)
    pairs = draw(st.lists(st.tuples(place, place), min_size=2, max_size=18))
    metres = draw(st.lists(st.integers(0, 5), min_size=len(pairs), max_size=len(pairs)))
    ramp = np.array(
        draw(st.lists(st.integers(-1, 3), min_size=len(pairs), max_size=len(pairs))), dtype=np.int64
    )
    ramp = np.unique(np.append(ramp, -1), return_inverse=True)[1][:-1] - 1
    network = WalkNetwork.from_arrays(np.zeros((nodes, 2)), pairs, metres)
    limit = draw(st.sampled_from([None, 300, 700]))
    doors = [np.unique(draw(st.lists(place, min_size=1, max_size=2))) for _ in range(2)]
    starts = draw(st.lists(st.lists(place, max_size=2), min_size=1, max_size=6))
    first = np.cumsum([0, *map(len, starts)])
    node = np.array([v for home in starts for v in home], dtype=np.int64)
    people = np.arange(1.0, len(starts) + 1)
    field = Field(
        network=network,
        obstacles=[
            Obstacle(np.flatnonzero(ramp == r), 0, "stairs", 1.0, np.nan, 1 / 12)
            for r in range(ramp.max(initial=-1) + 1)
        ],
        ramp=ramp,
        reached=np.stack([reached(network, ramp, set(), d, limit) for d in doors]),
        doors=doors,
        first=first,
        node=node,
        people=people,
        limit_cm=limit,
    )
    return field, starts


def reached(network, ramp, built, doors, limit):
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(network)))
    for (a, b), cm, r in zip(network.links.tolist(), network.length_cm, ramp, strict=True):
        if r < 0 or r in built:
            graph.add_edge(a, b, cm=int(cm))
    far = nx.multi_source_dijkstra_path_length(graph, set(doors.tolist()), limit, weight="cm")
    return np.array([far.get(v, -1) for v in range(len(network))], dtype=np.int32)


def served(field, starts, built):
    rows = [reached(field.network, field.ramp, built, d, field.limit_cm) for d in field.doors]
    return [{h for h, home in enumerate(starts) if any(cm[v] >= 0 for v in home)} for cm in rows]


@FEW
@given(fields())
def test_what_ramps_bring_is_what_a_search_with_them_finds(made):
    field, starts = made
    trials = Trials(field)
    before = served(field, starts, set())
    everything = set(range(len(field.obstacles)))

    for built in [*({r} for r in everything), everything]:
        if not built:
            continue
        after = served(field, starts, built)
        gain = trials.gain(sorted(built))
        assert [set(rows.tolist()) for rows in gain] == [
            now - then for now, then in zip(after, before, strict=True)
        ]
    assert all(len(chain) > 1 for chain in chains(trials))


@FEW
@given(fields())
def test_the_greedy_choice_adds_up_and_with_enough_ramps_reaches_the_bound(made):
    field, starts = made
    everything = set(range(len(field.obstacles)))
    before, most = served(field, starts, set()), served(field, starts, everything)
    bound = sum(field.people[h] for now, then in zip(most, before, strict=True) for h in now - then)
    trials = Trials(field)
    steps = greedy(trials, len(everything))
    built = {r for ramps, _ in steps for r in ramps}
    after = served(field, starts, built)
    gained = sum(
        field.people[h] for now, then in zip(after, before, strict=True) for h in now - then
    )

    assert sum(gain for _, gain in steps) == gained
    assert gained == bound
