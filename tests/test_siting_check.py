"""The independent checker of sites: every kind of fault is planted once, and found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from gis.siting import Siting, faults_of

# Four homes in a row at 0, 100, 200 and 300 m with 10, 20, 30 and 40 people; sites 0, 1 and 2 at 0,
# 150 and 300 m, and site 3, as far away as a site can be: no way leads to it.
COST = np.array(
    [
        [0, 150, 300, np.inf],
        [100, 50, 200, np.inf],
        [200, 50, 100, np.inf],
        [300, 150, 0, np.inf],
    ]
)
PEOPLE = np.array([10, 20, 30, 40])


def told(chosen, assignment, objective, bound=None, gap=0.0, status="optimal", **more):
    bound = objective if bound is None else bound
    sites, homes = np.array(chosen, dtype=np.int64), np.array(assignment, dtype=np.int64)
    return Siting(sites, homes, objective, bound, gap, status, **more)


# Within 100 m, sites 1 and 2 cover the last three homes: 90 people.
MOST = told([1, 2], [-1, 1, 1, 2], 90.0)
ASKED_MOST = {"model": "mclp", "count": 2, "limit": 100.0}
# The least walk to two sites. 0 and 2: 20 x 100 + 30 x 100 = 5,000; 0 and 1: 8,500; 1 and 2:
# 10 x 150 + 20 x 50 + 30 x 50 = 4,000.
LEAST = told([1, 2], [1, 1, 1, 2], 4000.0)
ASKED_LEAST = {"model": "p-median", "count": 2}
NOTHING = told([], [-1] * 4, np.nan, np.nan, np.nan, "infeasible", reason="because")


def stored(cost):
    """The same matrix, sparse, with its zero stored, and rows from the last site to the first."""
    row, column = np.nonzero(np.isfinite(cost))
    row, column = row[::-1], column[::-1]
    order = np.argsort(row, kind="stable")
    first = np.r_[0, np.cumsum(np.bincount(row, minlength=len(cost)))]
    values = cost[row[order], column[order]]
    return sp.csr_array((values, column[order], first), shape=cost.shape)


FORMS = {
    "dense": COST,
    "nan": np.where(np.isinf(COST), np.nan, COST),
    "csr, unsorted": stored(COST),
    "csc": sp.csc_array(stored(COST)),
    "coo": sp.coo_array(stored(COST)),
    "stored inf": sp.csr_array((COST.ravel(), np.tile(range(4), 4), range(0, 17, 4)), shape=(4, 4)),
}


@pytest.mark.parametrize("form", FORMS)
def test_right_answers_pass_in_every_form_of_matrix(form):
    assert faults_of(FORMS[form], PEOPLE, MOST, **ASKED_MOST) == []
    assert faults_of(FORMS[form], PEOPLE, LEAST, **ASKED_LEAST) == []
    centre = replace(LEAST, objective=150.0, bound=150.0)
    assert faults_of(FORMS[form], PEOPLE, centre, model="p-center", count=2) == []
    every = told([1, 2], [1, 1, 1, 2], 2.0)
    assert faults_of(FORMS[form], PEOPLE, every, model="lscp", limit=150.0) == []
    assert faults_of(FORMS[form], PEOPLE, NOTHING, model="p-median", count=0) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_site_is_found_in_every_form_of_matrix(form):
    lost = replace(LEAST, assignment=np.array([1, 1, 1, 1]))
    assert faults_of(FORMS[form], PEOPLE, lost, **ASKED_LEAST) == [
        "demand 3 is served at 150, though one is at 0",
        "the objective is 10000, not 4000",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_way_that_is_not_there_is_found_in_every_form_of_matrix(form):
    lost = replace(LEAST, chosen=np.array([1, 3]), assignment=np.array([3, 1, 1, 1]))
    asked = {**ASKED_LEAST, "count": 2}
    assert "demand 0 is served by site 3, but there is no way" in faults_of(
        FORMS[form], PEOPLE, lost, **asked
    )


PLANTED = {
    "not ascending": ({"chosen": [2, 1]}, {}, "ascending"),
    "twice": ({"chosen": [1, 1]}, {}, "twice"),
    "no such site": ({"chosen": [1, 4]}, {}, "chosen holds a site that is not there"),
    "no such site of a demand": ({"assignment": [-1, 1, 1, 9]}, {}, "assignment holds a site"),
    "below -1": ({"assignment": [-2, 1, 1, 2]}, {}, "assignment holds a site"),
    "whole numbers as floats": ({"chosen": [1.0, 2.0]}, {}, "chosen is no row of whole numbers"),
    "a table": ({"assignment": [[-1, 1, 1, 2]]}, {}, "assignment is no row of whole numbers"),
    "too short": ({"assignment": [-1, 1, 1]}, {}, "3 values for 4 demands"),
    "closed": ({}, {"closed": [2]}, "site 2 is closed, but chosen"),
    "given": ({}, {"given": [2]}, "site 2 is given already, but chosen"),
    "required": ({}, {"required": [0]}, "site 0 is required, but not chosen"),
    "more than asked": ({}, {"count": 1}, "2 sites are chosen, more than 1"),
    "fewer than asked": ({}, {"count": 3}, "not 3, though site 0 could be added"),
    "fewer, money left": (
        {},
        {"count": 3, "site_cost": [5, 5, 5, 9], "budget": 15},
        "not 3, though site 0 could be added",
    ),
    "exclusive": ({}, {"one_of": [-1, 7, 7, -1]}, "sites 1 and 2 exclude each other"),
    "exclusive with one given": ({}, {"given": [3], "one_of": [-1, 7, 0, 7]}, "1 and 3 exclude"),
    "too dear": ({}, {"site_cost": [1, 4, 3, 1], "budget": 6}, "cost 7, more than the budget of 6"),
    "not open": ({"assignment": [-1, 1, 0, 2]}, {}, "served by site 0, which is not open"),
    "no way": ({"assignment": [-1, 1, 3, 2]}, {"given": [3]}, "site 3, but there is no way"),
    "too far": ({"assignment": [1, 1, 1, 2]}, {}, "served at 150, beyond the limit of 100"),
    "forgotten": ({"assignment": [-1, -1, 1, 2]}, {}, "demand 1 is not served, though an open"),
    "detour": ({"assignment": [-1, 1, 2, 2]}, {}, "served at 100, though one is at 50"),
    "objective": ({"objective": 91.0, "bound": 91.0}, {}, "the objective is 90, not 91"),
    "bound below": ({"bound": 89.0, "gap": 1 / 90}, {}, "the bound of 89 is below"),
    "gap": ({"bound": 100.0, "status": "feasible"}, {}, "the gap is 0.1, not 0"),
    "called optimal": ({"bound": 100.0, "gap": 0.1}, {}, "called optimal, with a bound of 100"),
    "called feasible": ({"status": "feasible"}, {}, "called feasible, with a bound of 90"),
    "nan objective": ({"objective": np.nan}, {}, "both have to be numbers"),
    "inf bound": ({"bound": np.inf, "status": "feasible"}, {}, "both have to be numbers"),
    "nan gap": ({"gap": np.nan}, {}, "the gap is 0, not nan"),
    "no status": ({"status": "fine"}, {}, "there is no status 'fine'"),
    "own violations": ({"violations": 2}, {}, "itself tells 2 violations"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault):
    change, options, word = PLANTED[fault]
    change = {k: np.array(v) if isinstance(v, list) else v for k, v in change.items()}
    found = faults_of(COST, PEOPLE, replace(MOST, **change), **{**ASKED_MOST, **options})
    assert any(word in text for text in found), found


def test_given_sites_serve_as_well():
    near = told([1], [0, 1, 1, 2], 10 * 0 + 20 * 50 + 30 * 50 + 40 * 0)
    asked = {"model": "p-median", "count": 1, "given": [0, 2]}
    assert faults_of(COST, PEOPLE, near, **asked) == []
    past = replace(near, assignment=np.array([1, 1, 1, 2]), objective=4000.0, bound=4000.0)
    (fault,) = faults_of(COST, PEOPLE, past, **asked)
    assert fault == "demand 0 is served at 150, though one is at 0"


def test_fewer_sites_pass_only_where_no_more_may_be_opened():
    few = told([2], [-1, -1, 2, 2], 70.0)
    asked = {**ASKED_MOST, "site_cost": [5, 5, 5, 5]}
    assert faults_of(COST, PEOPLE, few, **asked, budget=9) == []
    assert "site 0 could be added" in faults_of(COST, PEOPLE, few, **asked, budget=10)[0]
    assert faults_of(COST, PEOPLE, few, **ASKED_MOST, one_of=[1, 1, 1, 1]) == []
    assert "site 3 could be" in faults_of(COST, PEOPLE, few, **ASKED_MOST, one_of=[1, 1, 1, -1])[0]


def test_everybody_has_to_be_served_even_rows_without_people():
    some = told([2], [-1, 2, 2, 2], 1.0)
    nobody_there = [0, 20, 30, 40]
    (fault,) = faults_of(COST, nobody_there, some, model="lscp", limit=200)
    assert fault == "demand 0 is not served"
    assert faults_of(COST, nobody_there, some, model="lscp", limit=200, share=0.99) == []
    centre = replace(some, objective=200.0, bound=200.0)
    (fault,) = faults_of(COST, nobody_there, centre, model="p-center", count=1, limit=200)
    assert fault == "demand 0 is not served"


def test_a_share_is_reached_exactly_or_not():
    some = told([2], [-1, -1, 2, 2], 1.0)  # 70 of 100 people
    asked = {"model": "lscp", "limit": 100}
    assert faults_of(COST, PEOPLE, some, **asked, share=0.7) == []
    (fault,) = faults_of(COST, PEOPLE, some, **asked, share=0.71)
    assert fault == "70 of 100 are served, less than the share of 0.71"


def test_sites_may_be_bought_in_place_of_counted():
    dear = told([1, 2], [1, 1, 1, 2], 12.0)
    asked = {"model": "lscp", "limit": 150, "site_cost": [1, 5, 7, 1]}
    assert faults_of(COST, PEOPLE, dear, **asked) == []
    assert faults_of(COST, PEOPLE, replace(dear, objective=2.0, bound=2.0), **asked) == [
        "the objective is 12, not 2"
    ]


def test_a_capacity_is_kept_and_decides_who_goes_where():
    # Home 2 (30 people) goes to site 2 as site 1 is full with the other two.
    full = told([1, 2], [1, 1, 2, 2], 1500.0 + 1000 + 3000)
    asked = {**ASKED_LEAST, "capacity": [0, 30, 70, np.inf]}
    assert faults_of(COST, PEOPLE, full, **asked) == []
    (fault,) = faults_of(COST, PEOPLE, LEAST, **asked)
    assert fault == "site 1 serves 60, more than its capacity of 30"
    # Tenths: three times 0.1 is a little more than 0.3, and counts as 0.3.
    tenths = told([0], [0, 0, 0], 0.1 + 0.1 + 0.1)
    assert not faults_of(
        np.ones((3, 1)), [0.1] * 3, tenths, model="p-median", count=1, capacity=[0.3]
    )


def test_optimal_is_doubted_where_a_site_has_room_left():
    left = told([2], [-1, -1, -1, 2], 40.0)
    asked = {**ASKED_MOST, "count": 1, "capacity": [70] * 4}
    (fault,) = faults_of(COST, PEOPLE, left, **asked)
    assert fault == "it is called optimal, but site 2 has room left for demand 2"
    assert faults_of(COST, PEOPLE, left, **{**asked, "capacity": [69] * 4}) == []
    unsure = replace(left, bound=70.0, gap=3 / 7, status="feasible")
    assert faults_of(COST, PEOPLE, unsure, **asked) == []


def test_what_is_no_answer_says_nothing_but_why():
    asked = {"model": "p-median", "count": 0}
    assert faults_of(COST, PEOPLE, replace(NOTHING, reason=""), **asked) == [
        "the answer is 'infeasible' and does not say why"
    ]
    assert faults_of(COST, PEOPLE, replace(NOTHING, objective=1.0), **asked) == [
        "the answer is 'infeasible', but has an objective, a bound or a gap"
    ]
    with_sites = replace(NOTHING, chosen=np.array([1]), status="unknown")
    assert faults_of(COST, PEOPLE, with_sites, **asked) == [
        "the answer is 'unknown', but has sites"
    ]


def test_impossible_is_doubted_where_all_sites_together_would_do():
    doubt = "it is called impossible, but all sites together would do"
    assert faults_of(COST, PEOPLE, NOTHING, model="lscp", limit=100) == [doubt]
    assert faults_of(COST, PEOPLE, NOTHING, model="lscp", limit=49) == []
    assert faults_of(COST, PEOPLE, NOTHING, model="lscp", limit=49, share=0.5) == [doubt]
    assert faults_of(COST, PEOPLE, NOTHING, model="lscp", limit=100, closed=[1, 2]) == []
    cut_off = np.vstack([COST, np.full(4, np.inf)])
    nobody = replace(NOTHING, assignment=np.full(5, -1))
    assert faults_of(cut_off, [*PEOPLE, 0], nobody, model="lscp") == []
    (fault,) = faults_of(COST, PEOPLE, NOTHING, **ASKED_MOST)
    assert "the required sites alone are an answer" in fault
    dear = {"required": [0], "site_cost": [9] * 4, "budget": 3}
    assert faults_of(COST, PEOPLE, NOTHING, **ASKED_MOST, **dear) == []


def test_what_the_checker_is_given_stays_as_it_is():
    matrix = stored(COST)
    before = matrix.indices.copy(), matrix.data.copy()
    faults_of(matrix, PEOPLE, MOST, **ASKED_MOST)
    assert (matrix.indices == before[0]).all()
    assert (matrix.data == before[1]).all()


def test_the_checker_imports_no_solver():
    import gis.siting.check as checker

    with open(checker.__file__, encoding="utf-8") as file:  # noqa: PTH123
        lines = [line.strip() for line in file if "import" in line and "gis." in line]
    assert lines == ["from gis.siting.answer import Siting"]
