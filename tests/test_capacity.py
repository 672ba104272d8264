"""Places against people: shares that add up, no place taken twice, and nothing better possible."""

import dataclasses

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.capacity import assign, bands_of, check_assignment, floating_catchment
from gis.errors import LayerError, OptionError

NAN = float("nan")

# Three units and two facilities: rows of units, rows of facilities, walks in cm.
PEOPLE = [100, 200, 50]
PLACES = [30, 10]
PAIRS = ([0, 1, 1, 2, 2], [0, 0, 1, 1, 0], [20_000, 50_000, 10_000, 60_000, 60_001])
BANDS = ((30_000, 1.0), (60_000, 0.5))


@st.composite
def cases(draw, most=6):
    """People, places and some of the pairs between them."""
    n, m = draw(st.integers(1, most)), draw(st.integers(1, most))
    people = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    places = draw(st.lists(st.integers(0, 9), min_size=m, max_size=m))
    every = [(i, j) for i in range(n) for j in range(m)]
    pairs = draw(st.lists(st.sampled_from(every), unique=True, max_size=len(every)))
    cm = draw(st.lists(st.integers(0, 100), min_size=len(pairs), max_size=len(pairs)))
    return people, places, [i for i, _ in pairs], [j for _, j in pairs], np.array(cm, dtype=int)


def arrays(pairs):
    return [np.array(values, dtype=int) for values in pairs]


# ---- floating catchment ---------------------------------------------------------------------


def test_places_per_person_add_up_by_hand():
    access = floating_catchment(PEOPLE, PLACES, *PAIRS, bands=BANDS)

    # X: 100 x 1 + 200 x 0.5; the third unit is one centimetre too far. Y: 200 x 1 + 50 x 0.5.
    assert access.in_reach.tolist() == [200, 225]
    assert access.ratio == pytest.approx([30 / 200, 10 / 225])
    assert access.access == pytest.approx([0.15, 0.5 * 0.15 + 10 / 225, 0.5 * 10 / 225])
    assert float(access.access @ np.array(PEOPLE)) == pytest.approx(40)  # all places, once


def test_five_neighbourhoods_and_three_clinics_as_published():
    # A published case study of this method (Social Data Commons, sdc-catchment, "Case study"):
    # beds per 1,000 people, Gaussian weights of scale 2 within 4 units of distance.
    homes = np.array([[0, 0], [3, 1], [6, 0], [1, 4], [5, 5]], dtype=float)
    clinics = np.array([[1, 1], [5, 1], [4, 5]], dtype=float)
    far = np.hypot(*(homes[:, None] - clinics[None]).transpose(2, 0, 1))
    cm = np.rint(far * 1_000_000).astype(int)
    origin, target = np.nonzero(far <= 4)
    near = np.unique(cm[origin, target])
    bands = [(c, np.exp(-((c / 1e6) ** 2) / (2 * 2.0**2))) for c in near]  # one band per distance

    access = floating_catchment(
        [1200, 800, 1500, 600, 2000], [20, 15, 30], origin, target, cm[origin, target], bands=bands
    )

    assert (access.access * 1000).round(3).tolist() == [9.647, 12.242, 6.071, 8.459, 14.724]


def test_thirds_of_the_limit_carry_the_weights_of_luo_and_qi():
    assert bands_of(60_000) == ((20_000, 1.0), (40_000, 0.68), (60_000, 0.22))


def test_unknown_capacity_is_left_out_and_named_not_taken_as_none():
    access = floating_catchment(PEOPLE, [30, NAN], *PAIRS, bands=BANDS)

    assert access.left_out.tolist() == [1]
    assert np.isnan(access.ratio[1])
    assert access.access == pytest.approx([0.15, 0.075, 0])
    (finding,) = access.findings
    assert finding.code == "capacity-unknown"
    assert "1 of 2 facilities" in finding.message
    assert "rows 1" in finding.message


def test_unknown_people_take_no_place_but_can_reach_them():
    access = floating_catchment([100, NAN, 50], PLACES, *PAIRS, bands=BANDS)

    assert access.ratio == pytest.approx([0.3, 10 / 25])
    assert access.access == pytest.approx([0.3, 0.15 + 0.4, 0.2])
    assert [finding.code for finding in access.findings] == ["people-unknown"]


def test_a_facility_that_nobody_reaches_has_no_ratio_and_adds_nothing():
    access = floating_catchment([10, 0], [5, 7], [0, 1], [0, 1], [100, 100], bands=BANDS)

    assert access.ratio[0] == 0.5
    assert np.isnan(access.ratio[1])
    assert access.access.tolist() == [0.5, 0.0]


@given(cases(), st.integers(1, 100), st.integers(101, 200))
def test_shares_agree_with_plain_loops_and_conserve_places(case, first, second):
    people, places, origin, target, cm = case
    bands = ((first, 1.0), (second, 0.25))
    access = floating_catchment(people, places, origin, target, cm, bands=bands)

    def weight(c):
        return 1.0 if c <= first else 0.25

    pairs = list(zip(origin, target, cm, strict=True))
    expected = [0.0] * len(people)
    used = 0
    for j, places_here in enumerate(places):
        crowd = sum(weight(c) * people[i] for i, jj, c in pairs if jj == j)
        used += places_here if crowd else 0
        for i, jj, c in pairs:
            if jj == j and crowd:
                expected[i] += weight(c) * places_here / crowd
    assert access.access == pytest.approx(expected)
    assert float(access.access @ np.array(people)) == pytest.approx(used)


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ((), "limits of the bands"),
        (((100, 1), (100, 0.5)), "rising"),
        (((-1, 1),), "above 0"),
        (((100, 0.5), (200, 0.6)), "never rising"),
        (((100, 0),), "above 0, at most 1"),
        (((100, 1.5),), "above 0, at most 1"),
        (((NAN, 1),), "limits of the bands"),
    ],
)
def test_bands_out_of_order_are_refused(bands, words):
    with pytest.raises(OptionError, match=words):
        floating_catchment(PEOPLE, PLACES, *PAIRS, bands=bands)


# ---- assignment -----------------------------------------------------------------------------


def test_a_short_walk_is_given_up_so_that_another_gets_a_place():
    # Both live near X; only the first can also walk to Y. Nearest first would leave ten outside.
    answer = assign([10, 10], [10, 10], [0, 0, 1], [0, 1, 0], [100, 200, 150])

    assert answer.flow.tolist() == [0, 10, 10]
    assert answer.people_served == answer.most_served == 20
    assert answer.walk_cm == answer.least_walk_cm == 10 * 200 + 10 * 150
    assert answer.status == "optimal"
    assert answer.reason.tolist() == ["", ""]


def test_of_all_ways_to_serve_as_many_the_least_walk_is_taken():
    answer = assign([10, 10], [10, 10], [0, 0, 1, 1], [0, 1, 0, 1], [100, 300, 200, 300])

    assert answer.flow.tolist() == [10, 0, 0, 10]  # 4,000 cm; crossed it would be 5,000
    assert answer.walk_cm == 4_000


def test_nine_move_on_by_one_door_each_so_that_a_tenth_gets_a_place():
    # Unit i stands at door i and could walk 1 m to the next; the last comes to door 0 only.
    origin = [*range(9), *range(9), 9]
    target = [*range(9), *range(1, 10), 0]
    answer = assign([1] * 10, [1] * 10, origin, target, [0] * 9 + [100] * 10)

    assert answer.people_served == 10
    assert answer.walk_cm == 1_000  # ten of the longest walks, for one person more
    assert answer.worth_cm > 1_000


def test_the_power_plants_of_the_textbook_cost_1020():
    # Winston, Operations Research, chapter on transportation problems: Powerco, z = 1020.
    cost = np.array([[8, 6, 10, 9], [9, 12, 13, 7], [14, 9, 16, 5]]).T  # city by plant
    city, plant = np.divmod(np.arange(12), 3)
    answer = assign([45, 20, 30, 30], [35, 50, 40], city, plant, cost.ravel())

    assert answer.people_served == 125
    assert answer.walk_cm == 1020


def test_a_unit_may_be_split_and_nobody_sits_on_a_taken_place():
    answer = assign([25], [10, 12], [0, 0], [0, 1], [100, 200])

    assert answer.flow.tolist() == [10, 12]
    assert answer.used.tolist() == [10, 12]
    assert answer.served.tolist() == [22]
    assert answer.unserved.tolist() == [3]
    assert answer.reason.tolist() == ["full"]


def test_those_without_a_place_are_told_why():
    answer = assign(
        [5, 5, 5, 5, 0],
        [5, NAN],
        [0, 1, 2, 3],
        [0, 0, 1, 0],
        [100, 200, 100, 90_000],
        limit_cm=60_000,
    )

    assert answer.served.tolist() == [5, 0, 0, 0, 0]
    assert answer.reason.tolist() == ["", "full", "capacity-unknown", "no-facility", ""]
    assert [finding.code for finding in answer.findings] == ["capacity-unknown"]


def test_exactly_the_limit_counts_and_one_centimetre_more_does_not():
    pairs = ([0, 1], [0, 0], [30_000, 30_001])
    answer = assign([1, 1], [9], *pairs, limit_cm=30_000)

    assert answer.served.tolist() == [1, 0]
    assert answer.reason.tolist() == ["", "no-facility"]


def test_walks_below_zero_are_beyond_reach():
    answer = assign([3], [9], [0], [0], [-1])

    assert answer.people_served == 0
    assert answer.reason.tolist() == ["no-facility"]
    assert answer.status == "optimal"


def test_no_pairs_no_people_and_no_places_are_answers_too():
    assert assign([3], [], *arrays(([], [], []))).reason.tolist() == ["no-facility"]
    assert assign([], [], *arrays(([], [], []))).people_served == 0


@given(cases())
@settings(max_examples=60)
def test_it_is_as_good_as_the_network_simplex(case):
    people, places, origin, target, cm = case
    answer = assign(people, places, origin, target, cm)

    graph = nx.DiGraph()
    graph.add_nodes_from(["from", "to"])
    for i, count in enumerate(people):
        graph.add_edge("from", f"u{i}", capacity=count, weight=0)
    for j, count in enumerate(places):
        graph.add_edge(f"f{j}", "to", capacity=count, weight=0)
    for i, j, c in zip(origin, target, cm, strict=True):
        graph.add_edge(f"u{i}", f"f{j}", weight=int(c))
    flow = nx.max_flow_min_cost(graph, "from", "to")
    assert answer.people_served == sum(flow["from"].values())
    assert answer.walk_cm == nx.cost_of_flow(graph, flow)
    assert answer.status == "optimal"


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_the_pairs_changes_nothing_that_counts(case, rng):
    people, places, origin, target, cm = case
    order = list(range(len(origin)))
    rng.shuffle(order)
    one = assign(people, places, origin, target, cm)
    two = assign(people, places, *(np.array(a, dtype=int)[order] for a in (origin, target, cm)))

    assert (one.people_served, one.walk_cm) == (two.people_served, two.walk_cm)


def test_one_place_more_serves_one_person_more_or_shortens_the_walk_and_never_harms():
    rng = np.random.default_rng(5)
    people, places = rng.integers(5, 40, 300), rng.integers(5, 90, 40)
    homes, doors = rng.random((300, 2)) * 3000, rng.random((40, 2)) * 3000
    far = np.hypot(*(homes[:, None] - doors[None]).transpose(2, 0, 1))
    origin, target = np.nonzero(far <= 700)
    cm = np.rint(far[origin, target] * 100).astype(int)
    base = assign(people, places, origin, target, cm)
    assert base.people_served < people.sum()
    for j in np.flatnonzero(base.price < 0)[:5]:
        more = assign(people, places + (np.arange(40) == j), origin, target, cm)
        gained = more.people_served - base.people_served
        saved = gained * base.worth_cm + base.walk_cm - more.walk_cm
        assert 0 <= saved <= -base.price[j]  # weak duality: the price is the most it can bring


def test_without_time_there_is_no_answer_and_no_invented_one():
    rng = np.random.default_rng(1)
    origin, target = np.divmod(np.arange(300 * 40), 40)
    answer = assign(
        rng.integers(5, 40, 300),
        rng.integers(5, 90, 40),
        origin,
        target,
        rng.integers(1, 9_999, 12_000),
        time_limit_s=1e-9,
    )

    assert answer.status == "unknown"
    assert answer.people_served == 0
    assert answer.most_served > 0
    assert set(answer.reason) == {None}


# ---- the checker ----------------------------------------------------------------------------


def broken(flow, **given):
    """Hold an assignment of the first example against the checker."""
    answer = assign([10, 10], [10, 10], [0, 0, 1], [0, 1, 0], [100, 200, 150])
    return check_assignment(
        [10, 10], [10, 10], [0, 0, 1], [0, 1, 0], [100, 200, 150], flow,
        price=answer.price, worth_cm=answer.worth_cm, **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ([10, 0, 10], "facility 0: 20 people on 10 places"),
        ([5, 10, 5], "unit 0: 15 of 10 people"),
        ([-1, 10, 10], "-1 people of unit 0"),
        ([10, 0, 0], "10 people are served, not the 20 that can be"),
        ([0, 10, 9], "19 people are served, not the 20"),
    ],
)
def test_the_checker_finds_what_is_wrong(flow, words):
    assert words in "; ".join(broken(flow))


def test_the_checker_passes_what_is_right_and_minds_the_limit():
    assert broken([0, 10, 10]) == ()
    assert "out of reach" in "; ".join(broken([0, 10, 10], limit_cm=199))


def test_the_checker_finds_a_walk_that_is_not_the_least():
    pairs = ([0, 0, 1, 1], [0, 1, 0, 1], [100, 300, 200, 300])
    answer = assign([10, 10], [10, 10], *pairs)
    proof = {"price": answer.price, "worth_cm": answer.worth_cm}

    assert check_assignment([10, 10], [10, 10], *pairs, [10, 0, 0, 10], **proof) == ()
    told = check_assignment([10, 10], [10, 10], *pairs, [0, 10, 10, 0], **proof)
    assert told == ("the walk is 5000 cm; the proof holds for 4000 cm",)


# ---- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize("solve", [assign, lambda *a: floating_catchment(*a, bands=BANDS)])
@pytest.mark.parametrize(
    ("people", "places", "pairs", "error", "words"),
    [
        ([1, -2], [1], ([0], [0], [1]), LayerError, "people .* negative.* unit 1 has -2"),
        ([1], [4, -5], ([0], [0], [1]), LayerError, "capacity .* negative.* facility 1 has -5"),
        ([np.inf], [1], ([0], [0], [1]), LayerError, "infinite"),
        ([2e9, 2e9], [1], ([0], [0], [1]), LayerError, "add up to"),
        ([1], [1], ([0], [0], [1, 2]), OptionError, "1 origins, 1 targets and 2 walks"),
        ([1], [1], ([1], [0], [1]), OptionError, "origin 1; give rows from 0 to 0"),
        ([1], [1], ([0], [-1], [1]), OptionError, "target -1"),
        ([1], [1], ([0], [0], [1.5]), OptionError, "walks are float64; give whole numbers"),
        (
            [1, 1],
            [1],
            ([1, 1], [0, 0], [1, 2]),
            OptionError,
            "unit 1 and facility 0 is given twice",
        ),
    ],
)
def test_bad_input_is_refused_with_its_row(solve, people, places, pairs, error, words):
    with pytest.raises(error, match=words):
        solve(people, places, *(np.array(values) for values in pairs))


def test_people_are_assigned_whole():
    with pytest.raises(LayerError, match=r"not whole; round it first: unit 0 has 4\.5"):
        assign([4.5], [9], [0], [0], [1])


@pytest.mark.parametrize("option", [{"limit_cm": 0}, {"time_limit_s": 0}, {"time_limit_s": NAN}])
def test_limits_are_above_nothing(option):
    with pytest.raises(OptionError, match="give a number above 0"):
        assign([1], [1], [0], [0], [1], **option)


def test_inputs_are_left_as_they_were_and_answers_cannot_be_changed():
    people, places = np.array([10.0, NAN]), np.array([5.0, NAN])
    answer = assign(people, places, [0, 1], [0, 0], [1, 1])

    assert people.tolist()[0] == 10
    assert np.isnan(people[1])
    assert np.isnan(places[1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.status = "feasible"
