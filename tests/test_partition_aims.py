"""Several objectives at once: what each is worth, and what `partition` makes of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.partition import check_partition, measure_partition, measure_terms, partition
from gis.partition.aims import score
from gis.partition.problem import read_problem

PATH_OF_4 = [(0, 1), (1, 2), (2, 3)]
NOTHING = {
    "link_weight": {}, "classes": {}, "cost": None, "centre_limit": None, "same": (), "apart": (),
    "within": None, "fixed": None, "closed": (), "start": None, "time_limit_s": 9.0, "xy": None,
    "names": None, "unit_names": None, "count": None,
}  # fmt: skip


def test_a_wish_keeps_the_dearest_link_whole():
    """Cutting 0-1, 1-2 or 2-3 costs 1, 9 or 2: two districts of 1 to 3 are cut at 0-1."""
    found = partition(
        PATH_OF_4, [1, 1, 1, 1], count=2, low=1, high=3, objective="pipes",
        link_weight={"pipes": [1, 9, 2]},
    )  # fmt: skip
    assert found.label.tolist() == [0, 1, 1, 1]
    assert (found.objective, found.status) == (1, "optimal")
    assert (found.terms, found.weights, found.scales) == ({"pipes": 1}, {"pipes": 1}, {"pipes": 1})


def test_of_a_link_given_twice_the_larger_cost_counts():
    found = partition(
        [(0, 1), (1, 0)], [1, 1], count=2, low=1, high=1, objective="pipes",
        link_weight={"pipes": [3, 5]},
    )  # fmt: skip
    assert found.objective == 5


def test_splits_are_the_districts_that_hold_a_class_less_one():
    """Class 7 lies in both districts of 0 0 1 1, class 4 in one; unknown classes do not count."""
    asked = {"names": ["town"], "classes": {"town": [7, 4, 7, -1]}}
    assert measure_terms(PATH_OF_4, [1] * 4, [0, 0, 1, 1], **asked) == {"town": 1}
    assert measure_terms(PATH_OF_4, [1] * 4, [0, 1, -1, 2], **asked) == {"town": 0}


def test_few_splits_are_found():
    """On a path of towns 0 0 1 1 1 1 two districts of 2 to 4 split none when cut after the 2nd."""
    links = [(i, i + 1) for i in range(5)]
    found = partition(
        links, [1] * 6, count=2, low=2, high=4, objective="town",
        classes={"town": [0, 0, 1, 1, 1, 1]},
    )  # fmt: skip
    assert found.label.tolist() == [0, 0, 1, 1, 1, 1]
    assert (found.objective, found.terms) == (0, {"town": 0})


def test_spread_is_squared_metres_to_the_mean_place():
    """0, 2 and 10, 14 lie 1, 1, 2, 2 from their means: 1 + 1 + 4 + 4 = 10."""
    xy = [(0, 0), (2, 0), (10, 0), (14, 0)]
    found = partition(PATH_OF_4, [1] * 4, count=2, low=2, high=2, objective="spread", xy=xy)
    assert found.label.tolist() == [0, 0, 1, 1]
    assert found.objective == found.terms["spread"] == 10


def test_weights_over_scales_add_up_and_are_told():
    """Three links: one of them cut of scale 3; wish 9 of 12 in all; so 2 x 1/3 + 0.5 x 9/12."""
    found = partition(
        PATH_OF_4, [1] * 4, count=2, low=2, high=2,
        objective={"cut-links": 2, "pipes": 0.5}, link_weight={"pipes": [1, 9, 2]},
    )  # fmt: skip
    assert found.terms == {"cut-links": 1, "pipes": 9}
    assert found.scales == {"cut-links": 3, "pipes": 12}
    assert found.objective == pytest.approx(2 / 3 + 0.5 * 9 / 12)


def test_the_scales_are_the_stated_ones():
    cost = np.array([[0, 4, 99, 99], [4, 0, 6, 99], [99, 6, 0, 8], [99, 99, 8, 0.0]])
    found = partition(
        PATH_OF_4, [10, 20, 30, 40], count=2, low=1, high=99, cost=cost,
        xy=[(0, 0), (3, 0), (6, 0), (9, 0)], classes={"town": [3, 5, 5, -1]},
        objective={"compact": 1, "spread": 1, "town": 1, "balance": 1},
    )  # fmt: skip
    assert found.scales == {"compact": 100 * 6, "spread": 4 * 9, "town": 2, "balance": 1}


def test_the_weight_of_a_single_name_multiplies_objective_and_bound():
    asked = {"count": 2, "low": 1, "high": 11}
    one = partition(PATH_OF_4, [4, 1, 2, 6], objective="balance", **asked)
    ten = partition(PATH_OF_4, [4, 1, 2, 6], objective={"balance": 10}, **asked)
    assert ten.status == "optimal"
    assert (ten.objective, ten.bound) == pytest.approx((10 * one.objective, 10 * one.bound))


def test_a_weight_decides_between_two_wishes():
    """Cut between 0 and 1, or between 2 and 3: what weighs more is kept."""
    wishes = {"school": [1, 9, 0], "clinic": [0, 9, 1]}
    for school, clinic, label in ((5, 1, [0, 0, 0, 1]), (1, 5, [0, 1, 1, 1])):
        found = partition(
            PATH_OF_4, [1] * 4, count=2, low=1, high=3, link_weight=wishes,
            objective={"school": school, "clinic": clinic},
        )  # fmt: skip
        assert found.label.tolist() == label


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"objective": {"pretty": 1}}, "no objective 'pretty'; give one of cut-links, balance"),
        ({"objective": {"balance": -1}}, "the weight of balance is -1"),
        ({"objective": {}}, "no objective has a weight above 0"),
        ({"objective": {"balance": 0}}, "no objective has a weight above 0"),
        ({"objective": "spread"}, "objective spread needs xy (n, 2)"),
        ({"link_weight": {"pipes": [1, 2]}}, "link_weight['pipes'] has the shape (2,); give (3,)"),
        ({"link_weight": {"pipes": [1, -2, 1]}}, "link_weight['pipes'] of link 1 is -2"),
        ({"link_weight": {"balance": [1, 1, 1]}}, "'balance' names an objective that is built in"),
        ({"classes": {"town": [0.5, 1, 1, 1]}}, "classes['town'] of unit 0 is 0.5"),
        ({"classes": {"a": [1] * 4}, "link_weight": {"a": [1] * 3}}, "'a' is in both"),
    ],
)
def test_wrong_objectives_are_refused_in_one_line(changed, words):
    given_ = {"links": PATH_OF_4, "size": [3] * 4, "low": 3, "high": 9} | changed
    with pytest.raises(OptionError) as told:
        partition(**given_)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


# --- two ways of measuring, and the search's own sums


@st.composite
def mixed_problems(draw, most=6):
    n = draw(st.integers(2, most))
    pairs = list(itertools.combinations(range(n), 2))
    links = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2 * n))
    number = st.integers(0, 9)
    cost = np.array(draw(st.lists(number, min_size=n * n, max_size=n * n)), float).reshape(n, n)
    np.fill_diagonal(cost, 0)
    names = ["cut-links", "balance", "compact", "spread", "pipes", "town"]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    return {
        "links": links,
        "size": draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)),
        "xy": draw(st.lists(st.tuples(number, number), min_size=n, max_size=n)),
        "cost": cost,
        "link_weight": {"pipes": draw(st.lists(number, min_size=len(links), max_size=len(links)))},
        "classes": {"town": draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))},
        "objective": {name: draw(st.sampled_from([0.5, 1, 3])) for name in chosen},
    }


@settings(max_examples=60, deadline=None)
@given(mixed_problems(), st.data())
def test_the_fast_measure_agrees_with_the_independent_one(problem, data):
    n = len(problem["size"])
    label = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)))
    read = read_problem(**{**NOTHING, **problem}, low=0, high=99)
    slow = measure_partition(
        problem["links"], problem["size"], label, objective=problem["objective"],
        cost=problem["cost"], xy=problem["xy"],
        link_weight=problem["link_weight"], classes=problem["classes"],
    )  # fmt: skip
    assert score(read, label) == pytest.approx(slow)


@settings(max_examples=25, deadline=None)
@given(mixed_problems(most=5), st.integers(1, 8), st.integers(1, 3))
def test_mixed_objectives_come_near_the_best_of_all_ways_and_never_below_the_bound(
    problem, low, count
):
    asked = {"low": low, "high": low + 9, "count": count}
    n = len(problem["size"])
    sound = [
        label
        for label in itertools.product(range(count), repeat=n)
        if not check_partition(problem["links"], problem["size"], label, **asked)
    ]
    found = partition(**problem, **asked)
    if not sound:
        assert found.status in ("infeasible", "unknown")
        return
    assert found.status in ("optimal", "feasible")
    names = list(problem["objective"])
    rest = {k: problem[k] for k in ("cost", "xy", "link_weight", "classes")}
    best = min(
        sum(
            problem["objective"][name] * value / found.scales[name]
            for name, value in measure_terms(
                problem["links"], problem["size"], label, names=names, **rest
            ).items()
        )
        for label in sound
    )
    assert found.objective == pytest.approx(best)
    assert found.bound <= best + 1e-9
