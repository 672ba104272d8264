"""`locate`: answers that a reader can check by hand, and bad input refused in words."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from gis.errors import CheckError, InputError, OptionError
from gis.siting import locate
from gis.siting.answer import Found

# Six homes 100 m apart in one street, with 10, 20, 30, 40, 50 and 60 people, and a site at each:
# from home i to site j it is 100 x |i - j| m.
STREET = 100.0 * np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
PEOPLE = np.array([10, 20, 30, 40, 50, 60])


def sparse(cost):
    """The same costs as csr, with every 0 stored."""
    row, column = np.nonzero(np.isfinite(cost))
    first = np.searchsorted(row, np.arange(len(cost) + 1))
    return sp.csr_array((cost[row, column], column, first), shape=cost.shape)


# --- by hand


def test_one_site_covers_most_people_where_most_live():
    # Within 100 m of site 4 live 40 + 50 + 60, of any other fewer.
    found = locate(STREET, PEOPLE, model="mclp", count=1, limit=100)
    assert (found.chosen.tolist(), found.objective, found.bound) == ([4], 150, 150)
    assert (found.gap, found.status, found.violations) == (0, "optimal", 0)
    assert found.assignment.tolist() == [-1, -1, -1, 4, 4, 4]


def test_two_sites_cover_the_street_and_fewer_do_not():
    found = locate(STREET, PEOPLE, model="lscp", limit=100)
    assert (found.chosen.tolist(), found.objective, found.status) == ([1, 4], 2, "optimal")
    assert found.assignment.tolist() == [1, 1, 1, 4, 4, 4]


def test_the_median_is_where_half_the_people_are_on_either_side():
    # 210 people: the 105th lives in home 4 (100 before it). 40x100 + 30x200 + 20x300 + 10x400 +
    # 60x100 = 26,000.
    found = locate(STREET, PEOPLE, model="p-median", count=1)
    assert (found.chosen.tolist(), found.objective, found.status) == ([4], 26_000, "optimal")


def test_the_centre_counts_every_home_alike():
    found = locate(STREET, PEOPLE, model="p-center", count=2)
    assert (found.objective, found.status) == (100, "optimal")
    assert locate(STREET, PEOPLE, model="p-center", count=1).objective == 300
    empty = locate(STREET, [1, 0, 0, 0, 0, 0], model="p-center", count=1)
    assert empty.objective == 300


def test_the_limit_itself_is_within():
    cost = [[0.1 + 0.2], [0.1]]
    assert locate(cost, [1, 1], model="mclp", count=1, limit=0.1 + 0.2).objective == 2
    assert locate(cost, [1, 1], model="mclp", count=1, limit=0.3).objective == 1


def test_a_stored_zero_is_no_distance_and_what_is_not_stored_no_way():
    cost = sp.csr_array(([0.0, 5.0], [0, 1], [0, 1, 2]), shape=(2, 2))
    found = locate(cost, [3, 4], model="p-median", count=2)
    assert (found.assignment.tolist(), found.objective) == ([0, 1], 20)
    assert locate(cost, [3, 4], model="p-median", count=1).status == "infeasible"


@pytest.mark.parametrize("model", ["mclp", "p-median", "p-center"])
def test_given_sites_are_open_and_not_counted(model):
    found = locate(STREET, PEOPLE, model=model, count=1, limit=300, given=[4])
    assert len(found.chosen) == 1
    assert 4 not in found.chosen
    assert 4 in found.assignment


def test_given_sites_spare_sites():
    assert locate(STREET, PEOPLE, model="lscp", limit=100, given=[4]).chosen.tolist() == [1]
    found = locate(STREET, PEOPLE, model="lscp", limit=100, given=[1, 4])
    assert (found.chosen.tolist(), found.objective, found.status) == ([], 0, "optimal")


def test_required_and_closed_sites_are_honoured():
    found = locate(STREET, PEOPLE, model="mclp", count=2, limit=100, required=[0], closed=[4])
    # Site 0 covers 10 + 20; of the rest site 5 covers 50 + 60, site 3 covers 30 + 40 + 50.
    assert (found.chosen.tolist(), found.objective) == ([0, 3], 150)


def test_of_two_ways_of_converting_one_room_one_is_chosen():
    twice = np.hstack([STREET[:, [4]], STREET[:, [4]], STREET[:, [0]]])
    found = locate(twice, PEOPLE, model="mclp", count=3, limit=100, one_of=[0, 0, -1])
    assert (found.chosen.tolist(), found.objective, found.status) == ([0, 2], 180, "optimal")
    given = locate(twice, PEOPLE, model="mclp", count=1, limit=100, one_of=[0, 0, -1], given=[1])
    assert given.chosen.tolist() == [2]


def test_any_numbers_may_name_what_excludes_each_other():
    rooms = [10**15, 10**15, -9, -9, -1, 7]
    found = locate(STREET, PEOPLE, model="mclp", count=5, limit=0, one_of=rooms)
    assert (found.chosen.tolist(), found.objective) == ([1, 2, 3, 4, 5], 200)


def test_a_site_may_be_listed_twice():
    found = locate(STREET, PEOPLE, model="mclp", count=1, limit=0, required=[1, 1], closed=[5, 5])
    assert (found.chosen.tolist(), found.objective) == ([1], 20)


def test_what_was_given_as_read_only_will_do():
    people = PEOPLE.astype(float)
    people.setflags(write=False)
    assert locate(STREET[::-1, ::-1], people[::-1], model="p-median", count=1).objective == 26_000


def test_count_is_exact_even_where_fewer_would_do():
    found = locate(STREET, PEOPLE, model="mclp", count=4, limit=100)
    assert (len(found.chosen), found.objective) == (4, 210)


def test_money_in_place_of_a_number():
    price = [1, 1, 1, 5, 5, 5]
    found = locate(STREET, PEOPLE, model="mclp", limit=100, site_cost=price, budget=6)
    assert (found.chosen.tolist(), found.objective, found.status) == ([1, 4], 210, "optimal")
    cheap = locate(STREET, PEOPLE, model="mclp", limit=100, site_cost=price, budget=4.99)
    # 1 covers 10 + 20 + 30, 2 covers 20 + 30 + 40: both, 100.
    assert cheap.objective == 100


def test_a_budget_of_nothing_builds_nothing_and_that_is_proved():
    found = locate(STREET, PEOPLE, model="mclp", limit=100, site_cost=[1] * 6, budget=0)
    assert (found.chosen.tolist(), found.objective, found.status) == ([], 0, "optimal")
    given = locate(STREET, PEOPLE, model="mclp", limit=0, site_cost=[1] * 6, budget=0, given=[5])
    assert (given.chosen.tolist(), given.objective, given.status) == ([], 60, "optimal")
    found = locate(STREET, PEOPLE, model="p-median", site_cost=[1] * 6, budget=0)
    assert found.status == "infeasible"
    assert found.reason == (
        "no site that may be open and can be paid reaches demand 0, 1, 2, 3, 4 and 1 more"
    )


def test_none_chosen_is_an_answer_where_some_are_given():
    found = locate(STREET, PEOPLE, model="p-median", count=0, given=[4])
    assert (found.chosen.tolist(), found.objective, found.status) == ([], 26_000, "optimal")
    assert locate(STREET, PEOPLE, model="p-median", count=0).status == "infeasible"
    assert locate(STREET, PEOPLE, model="mclp", count=0, limit=9).objective == 0


def test_the_cheapest_cover_is_sought_where_sites_have_a_price():
    price = [2, 9, 2, 2, 9, 2]
    found = locate(STREET, PEOPLE, model="lscp", limit=100, site_cost=price)
    # The two of 9 cost 18; 0, 2, 3 and 5 leave nobody out at 8, and so do 0, 2, and 5 with 6.
    assert (found.chosen.tolist(), found.objective) == ([0, 2, 5], 6)


def test_a_share_is_reached_by_fewer_sites():
    found = locate(STREET, PEOPLE, model="lscp", limit=100, share=150 / 210)
    assert (found.chosen.tolist(), found.objective) == ([4], 1)
    assert locate(STREET, PEOPLE, model="lscp", limit=100, share=151 / 210).objective == 2


def test_each_demand_is_served_whole_within_the_capacity():
    # 60 and 50 each need a site of 60; the third holds 40 + 20 of the other 100 at most.
    found = locate(STREET, PEOPLE, model="mclp", count=3, capacity=[60] * 6)
    assert (found.objective, found.status) == (180, "optimal")
    load = np.bincount(found.assignment[found.assignment >= 0], PEOPLE[found.assignment >= 0])
    assert load.max() <= 60
    # 210 people do not fit into 3 x 60, but into 4: 60; 50 + 10; 40 + 20; 30.
    assert locate(STREET, PEOPLE, model="p-median", count=3, capacity=[60] * 6).status == (
        "infeasible"
    )
    four = locate(STREET, PEOPLE, model="p-center", count=4, capacity=[60] * 6)
    assert four.status == "optimal"
    assert locate(STREET, PEOPLE, model="lscp", capacity=[60] * 6).objective == 4


def test_infinite_capacity_is_no_capacity():
    free = locate(STREET, PEOPLE, model="p-median", count=2)
    assert locate(STREET, PEOPLE, model="p-median", count=2, capacity=[np.inf] * 6).objective == (
        free.objective
    )


# --- the same in, the same out


@pytest.mark.parametrize("model", ["mclp", "lscp", "p-median", "p-center"])
def test_equal_input_gives_an_equal_answer_in_every_form(model):
    options = {"model": model, "limit": 200, "count": None if model == "lscp" else 2}
    with_gaps = np.where(STREET > 400, np.nan, STREET)
    answers = [
        locate(form, PEOPLE, **options)
        for form in (
            with_gaps,
            np.where(np.isnan(with_gaps), np.inf, with_gaps),
            sparse(with_gaps),
            sp.csc_array(sparse(with_gaps)),
            sp.coo_array(sparse(with_gaps)),
            with_gaps.tolist(),
        )
    ]
    for other in answers[1:]:
        assert other.chosen.tolist() == answers[0].chosen.tolist()
        assert other.assignment.tolist() == answers[0].assignment.tolist()
        assert other.objective == answers[0].objective


def test_whole_numbers_will_do_and_input_is_not_changed():
    cost = STREET.astype(np.int32)
    matrix = sparse(STREET)[:, ::-1]
    matrix = sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    before = matrix.indices.copy(), matrix.data.copy()
    found = locate(cost, PEOPLE.astype(np.int16), model="p-median", count=np.int64(1))
    assert found.objective == 26_000
    assert locate(matrix, PEOPLE, model="p-median", count=1).objective == 26_000
    assert (matrix.indices == before[0]).all()
    assert (matrix.data == before[1]).all()


@pytest.mark.parametrize("model", ["mclp", "lscp", "p-median", "p-center"])
@pytest.mark.parametrize("capacity", [None, [90] * 6])
def test_hardly_any_time_gives_a_checked_answer_or_none(model, capacity):
    count = None if model == "lscp" else 3
    found = locate(
        STREET, PEOPLE, model=model, limit=300, count=count, capacity=capacity, time_limit_s=1e-9
    )
    assert found.status in ("optimal", "feasible", "unknown")
    assert found.reason or found.status != "unknown"


# --- every choice there is


@pytest.mark.parametrize("count", range(1, 6))
@pytest.mark.parametrize("limit", [0, 100, 150, 500])
def test_small_streets_against_every_choice(count, limit):
    every = [list(sites) for sites in itertools.combinations(range(6), count)]
    near = [STREET[:, sites].min(axis=1) for sites in every]
    most = max(PEOPLE[d <= limit].sum() for d in near)
    assert locate(STREET, PEOPLE, model="mclp", count=count, limit=limit).objective == most
    whole = [d for d in near if (d <= limit).all()]
    median = locate(STREET, PEOPLE, model="p-median", count=count, limit=limit)
    centre = locate(STREET, PEOPLE, model="p-center", count=count, limit=limit)
    if whole:
        assert median.objective == min((PEOPLE * d).sum() for d in whole)
        assert centre.objective == min(d.max() for d in whole)
    else:
        assert (median.status, centre.status) == ("infeasible", "infeasible")


# --- bad input

MODEL = {"model": "mclp", "count": 1, "limit": 100}
BAD = {
    "text as cost": (("street", PEOPLE), {}, "cost has to be an array of numbers"),
    "no cost": ((None, PEOPLE), {}, "cost has"),
    "ragged cost": (([[1, 2], [3]], [1, 1]), {}, "cost has to be an array of numbers"),
    "one row": ((STREET[0], PEOPLE), {}, "cost has 1 dimensions; give demands x sites"),
    "three axes": ((STREET[None], PEOPLE), {}, "cost has 3 dimensions"),
    "complex": ((STREET * 1j, PEOPLE), {}, "cost has to be an array of numbers"),
    "negative cost": ((-STREET, PEOPLE), {}, "from demand 0 to site 1 is -100; give 0 or more"),
    "minus infinity": ((np.where(STREET == 0, -np.inf, 1), PEOPLE), {}, "site 0 is -inf"),
    "huge cost": ((STREET + 1e300, PEOPLE), {}, "no way is inf, not a huge number"),
    "huge demand": ((STREET, PEOPLE * 1e300), {}, "have to be at most 1e+12"),
    "no site": ((np.empty((6, 0)), PEOPLE), {}, "there is no site to choose from"),
    "nobody at all": ((np.empty((0, 6)), []), {}, "there is no demand to serve"),
    "other length": ((STREET, PEOPLE[:5]), {}, "6 rows of cost and 5 demands"),
    "demand as table": ((STREET, PEOPLE[:, None]), {}, "demands of shape (6, 1)"),
    "text as demand": ((STREET, ["many"] * 6), {}, "demand has to be an array of numbers"),
    "nan demand": ((STREET, [1, np.nan, 1, 1, 1, 1]), {}, "demand 1 is nan"),
    "None demand": ((STREET, [1, None, 1, 1, 1, 1]), {}, "demand 1 is nan"),
    "negative demand": ((STREET, [1, 1, -4, 1, 1, 1]), {}, "demand 2 is -4.0"),
    "infinite demand": ((STREET, [1, 1, 1, np.inf, 1, 1]), {}, "demand 3 is inf"),
    "nobody lives there": ((STREET, [0] * 6), {}, "nobody is to be served"),
    "no model": ((STREET, PEOPLE), {"model": "best"}, "there is no model 'best'; give one of mclp"),
    "model None": ((STREET, PEOPLE), {"model": None}, "there is no model 'None'"),
    "no count": ((STREET, PEOPLE), {"count": None}, "needs count, how many sites, or budget"),
    "too many": ((STREET, PEOPLE), {"count": 7}, "count is 7, but there are 6 sites to choose"),
    "too many left": ((STREET, PEOPLE), {"count": 5, "given": [0], "closed": [1]}, "are 4 sites"),
    "all closed": ((STREET, PEOPLE), {"closed": range(6)}, "there are 0 sites to choose from"),
    "half a site": ((STREET, PEOPLE), {"count": 1.5}, "count is 1.5; give a whole number"),
    "count True": ((STREET, PEOPLE), {"count": True}, "count is True; give a whole number"),
    "count in text": ((STREET, PEOPLE), {"count": "2"}, "count is '2'; give a whole number"),
    "count below 0": ((STREET, PEOPLE), {"count": -1}, "count is -1"),
    "count below required": ((STREET, PEOPLE), {"required": [1, 2]}, "but 2 sites are required"),
    "count of lscp": ((STREET, PEOPLE), {"model": "lscp"}, "seeks the fewest sites"),
    "limit below 0": ((STREET, PEOPLE), {"limit": -1}, "limit is -1; give 0 or more"),
    "limit nan": ((STREET, PEOPLE), {"limit": np.nan}, "limit is nan"),
    "limit in text": ((STREET, PEOPLE), {"limit": "100"}, "limit is '100'; give a number"),
    "capacity for some": ((STREET, PEOPLE), {"capacity": [9, 9]}, "capacity has 2 values for 6"),
    "capacity below 0": ((STREET, PEOPLE), {"capacity": [-1] * 6}, "capacity of site 0 is -1"),
    "capacity nan": ((STREET, PEOPLE), {"capacity": [np.nan] * 6}, "capacity of site 0 is nan"),
    "capacity in text": ((STREET, PEOPLE), {"capacity": ["big"] * 6}, "capacity has to be an arr"),
    "flags": ((STREET, PEOPLE), {"required": np.ones(6, bool)}, "required has to be a list of si"),
    "one number": ((STREET, PEOPLE), {"given": 3}, "given has to be a list of site numbers"),
    "None listed": ((STREET, PEOPLE), {"closed": None}, "closed has to be a list of site numbers"),
    "floats listed": ((STREET, PEOPLE), {"closed": [1.0]}, "closed has to be a list of site num"),
    "table listed": ((STREET, PEOPLE), {"closed": [[1], [2]]}, "closed has to be a list of site"),
    "ragged list": ((STREET, PEOPLE), {"closed": [[1], [2, 3]]}, "closed has to be a list of s"),
    "used-up list": ((STREET, PEOPLE), {"given": iter([1])}, "given has to be a list of site num"),
    "no such site": ((STREET, PEOPLE), {"required": [6]}, "names site 6, but sites are 0 to 5"),
    "site -1": ((STREET, PEOPLE), {"given": [-1]}, "given names site -1"),
    "both": ((STREET, PEOPLE), {"required": [2], "closed": [2]}, "site 2 is both required and clo"),
    "price of some": ((STREET, PEOPLE), {"site_cost": [1]}, "site_cost has 1 values for 6 sites"),
    "price below 0": ((STREET, PEOPLE), {"site_cost": [-1] * 6}, "site_cost of site 0 is -1"),
    "endless price": ((STREET, PEOPLE), {"site_cost": [np.inf] * 6}, "close a site that cannot be"),
    "budget only": ((STREET, PEOPLE), {"budget": 3}, "a budget needs site_cost"),
    "budget below 0": (
        (STREET, PEOPLE),
        {"budget": -3, "site_cost": [1] * 6},
        "budget is -3; give a number of 0 or more",
    ),
    "budget nan": ((STREET, PEOPLE), {"budget": np.nan, "site_cost": [1] * 6}, "budget is nan"),
    "share of mclp": ((STREET, PEOPLE), {"share": 0.5}, "share is for 'lscp'"),
    "share 0": ((STREET, PEOPLE), {"model": "lscp", "count": None, "share": 0}, "share is 0"),
    "share 90": ((STREET, PEOPLE), {"model": "lscp", "count": None, "share": 90}, "share is 90"),
    "one_of short": ((STREET, PEOPLE), {"one_of": [1]}, "one_of has to be 6 whole numbers"),
    "one_of floats": ((STREET, PEOPLE), {"one_of": [0.5] * 6}, "one_of has to be 6 whole numbers"),
    "one_of a number": ((STREET, PEOPLE), {"one_of": 0}, "one_of has to be 6 whole numbers"),
    "no time": ((STREET, PEOPLE), {"time_limit_s": 0}, "time_limit_s is 0; give more than 0"),
    "time None": ((STREET, PEOPLE), {"time_limit_s": None}, "time_limit_s is None; give seconds"),
    "time nan": ((STREET, PEOPLE), {"time_limit_s": np.nan}, "time_limit_s is nan"),
    "seed": ((STREET, PEOPLE), {"seed": -1}, "seed is -1; give a whole number of 0 or more"),
    "twice in csr": (
        (sp.csr_array(([1.0, 2.0], [0, 0], [0, 2]), shape=(1, 1)), [1]),
        {},
        "the pair of demand 0 and site 0 twice",
    ),
    "twice in coo": (
        (sp.coo_array(([1.0, 2.0, 3.0], ([0, 1, 1], [0, 1, 1])), shape=(2, 2)), [1, 1]),
        {},
        "the pair of demand 1 and site 1 twice",
    ),
    "padded": ((sp.bsr_array(sparse(STREET)), PEOPLE), {}, "format 'bsr'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_words(case):
    arrays, options, word = BAD[case]
    with pytest.raises(OptionError) as caught:
        locate(*arrays, **{**MODEL, **options})
    message = str(caught.value)
    assert word in message
    assert "\n" not in message
    assert isinstance(caught.value, InputError)


def test_all_faults_are_told_at_once():
    with pytest.raises(OptionError) as caught:
        locate(STREET, -PEOPLE, model="mclp", count=1, required=[9], capacity=[1])
    assert str(caught.value) == (
        "Sites cannot be chosen: required names site 9, but sites are 0 to 5; demand 0 is -10.0; "
        "give a number of 0 or more; nobody is to be served: every demand is 0; give people, or "
        "leave the rows out; capacity has 1 values for 6 sites"
    )


# --- no answer, and why


def test_who_cannot_be_reached_is_named():
    cost = STREET.copy()
    cost[2] = np.nan
    found = locate(cost, PEOPLE, model="lscp", limit=100)
    assert found.status == "infeasible"
    assert found.reason == "no site that may be open reaches demand 2 within 100"
    assert np.isnan([found.objective, found.bound, found.gap]).all()
    assert (len(found.chosen), found.assignment.tolist()) == (0, [-1] * 6)
    assert locate(cost, PEOPLE, model="mclp", count=2, limit=100).status == "optimal"


def test_a_demand_too_large_for_every_site_is_named():
    found = locate(STREET, PEOPLE, model="p-median", count=6, capacity=[55] * 6)
    assert found.status == "infeasible"
    assert found.reason == (
        "demand 5 needs 60 and is served whole, but the largest site in its reach holds 55"
    )
    most = locate(STREET, PEOPLE, model="mclp", count=6, capacity=[55] * 6)
    assert (most.status, most.objective, most.reason) == ("optimal", 150, found.reason)


def test_contradictions_of_money_and_of_one_room_are_told():
    dear = locate(
        STREET, PEOPLE, model="mclp", limit=9, site_cost=[4] * 6, budget=7, required=[1, 2]
    )
    assert (dear.status, dear.reason) == (
        "infeasible",
        "the required sites cost 8, more than the budget of 7",
    )
    both = locate(STREET, PEOPLE, model="lscp", one_of=[0, 0, 1, 2, 3, 4], required=[0], given=[1])
    assert both.reason == "sites 0 and 1 exclude each other, but both have to be open"


# --- the checker stands between the solvers and the caller


def test_a_wrong_answer_of_a_solver_is_never_returned(monkeypatch):
    def too_many(problem, deadline):
        return Found(open=np.ones(6, bool), bound=210.0)

    monkeypatch.setattr("gis.siting.cover.cover_most", too_many)
    with pytest.raises(CheckError, match="6 sites are chosen, more than 1"):
        locate(STREET, PEOPLE, model="mclp", count=1, limit=100)


def test_a_wrong_bound_of_a_solver_is_never_returned(monkeypatch):
    def too_sure(problem, deadline):
        return Found(open=np.arange(6) == 4, bound=149.0)

    monkeypatch.setattr("gis.siting.cover.cover_most", too_sure)
    with pytest.raises(CheckError, match="the bound of 149 is below the objective of 150"):
        locate(STREET, PEOPLE, model="mclp", count=1, limit=100)
