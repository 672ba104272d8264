"""What would have to change for all to be served: by hand in one street."""

from __future__ import annotations

import numpy as np
import pytest

from gis.errors import OptionError
from gis.siting import locate
from gis.siting.relax import smallest_relaxations

# Six homes 100 m apart in one street, with 10, 20, 30, 40, 50 and 60 people, and a site at each.
STREET = 100.0 * np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
PEOPLE = np.array([10, 20, 30, 40, 50, 60])


def changes(cost=STREET, people=PEOPLE, **asked):
    found = smallest_relaxations(cost, people, **asked)
    assert len({(c.kind, tuple(c.rows)) for c in found}) == len(found)
    return {change.kind: change for change in found}


def test_nothing_where_all_are_served():
    assert changes(model="lscp", limit=100) == {}
    assert changes(model="p-median", count=2, limit=100) == {}
    assert changes(model="mclp", count=2, limit=100) == {}


def test_one_site_is_too_few_or_its_limit_too_small():
    found = changes(model="p-median", count=1, limit=100)
    assert set(found) == {"limit", "count"}
    assert (found["limit"].old, found["limit"].new, found["limit"].proved) == (100, 300, True)
    assert found["limit"].words == "raise the limit from 100 to 300 m"
    assert (found["count"].new, found["count"].unit, found["count"].proved) == (2, "sites", True)
    assert found["count"].words == "choose 2 sites in place of 1"
    # Each is enough alone, and the answer with it is there.
    assert found["count"].siting.chosen.tolist() == [1, 4]
    assert found["limit"].siting.assignment.min() >= 0


def test_the_most_covered_is_not_all():
    found = changes(model="mclp", count=1, limit=100)
    assert (found["limit"].new, found["count"].new) == (300, 2)
    # A home without people has to be reached as well.
    empty = changes(people=[0, 20, 30, 40, 50, 60], model="mclp", count=1, limit=200)
    assert empty["limit"].new == 300


def test_who_has_no_way_and_who_is_too_far():
    cost = STREET.copy()
    cost[0] = np.nan
    cost[5, [4, 5]] = 250, 170
    found = smallest_relaxations(cost, PEOPLE, model="lscp", limit=100, unit="min")
    assert [change.kind for change in found] == ["unreachable", "unreachable", "limit"]
    lost, far, limit = found
    assert (lost.rows.tolist(), lost.needs.tolist()) == ([0], [np.inf])
    assert lost.words == "demand 0: no site that may be open can be reached"
    assert (far.rows.tolist(), far.needs.tolist()) == ([5], [170])
    assert far.words == (
        "demand 5: no site is within 100 min; the last of them is reached at 170 min, with all "
        "sites open"
    )
    assert (limit.new, limit.proved, limit.rows.tolist()) == (170, True, [1, 2, 3, 4, 5])
    assert limit.words == "raise the limit from 100 to 170 min, leaving out the 1 out of reach"


def test_those_out_of_reach_do_not_ask_for_more_sites():
    cost = STREET.copy()
    cost[0] = np.nan
    assert set(changes(cost, model="p-center", count=2, limit=100)) == {"unreachable"}


def test_where_a_given_site_serves_all_who_can_be_no_more_are_asked_for():
    cost = np.full((3, 2), np.inf)
    cost[1] = 1, 5
    found = changes(cost, [1, 1, 1], model="p-median", count=0, limit=1, given=[0])
    assert set(found) == {"unreachable"}
    assert found["unreachable"].rows.tolist() == [0, 2]


def test_closed_sites_reach_nobody():
    found = changes(model="lscp", limit=100, closed=[0, 1])
    assert found["unreachable"].rows.tolist() == [0]
    assert (found["unreachable"].needs.tolist(), found["limit"].new) == ([200], 200)


def test_money():
    price = [3, 2, 3, 3, 2, 3]
    found = changes(model="mclp", limit=100, site_cost=price, budget=3, unit="m", money="元")
    assert set(found) == {"limit", "budget"}
    # Sites 1 and 4 cost 4; with 3 there is one site alone, and 300 m are the least.
    assert (found["budget"].new, found["budget"].proved) == (4, True)
    assert found["budget"].words == "raise the budget from 3 to 4 元"
    assert found["limit"].new == 300


def test_money_and_a_number_of_sites_together():
    # Three cheap sites would do at 3; two that do cost 18.
    price = [1, 9, 1, 1, 9, 1]
    asked = {"model": "p-center", "limit": 100, "site_cost": price, "budget": 4}
    assert changes(**asked, count=2)["budget"].new == 18
    assert changes(**asked, count=2)["count"].new == 3
    assert changes(**asked, count=3) == {}


def test_required_sites_beyond_the_budget():
    asked = {"model": "p-median", "site_cost": [4] * 6, "budget": 7, "required": [1, 4]}
    found = changes(**asked, limit=100)
    assert set(found) == {"budget"}
    assert found["budget"].new == 8


def test_capacity():
    # One site has to hold all 210 in place of 100: 2.1 times as many.
    found = changes(model="p-median", count=1, capacity=[100] * 6)
    assert set(found) == {"count", "capacity"}
    assert found["capacity"].new == pytest.approx(2.1, rel=1e-3)
    assert found["capacity"].proved
    assert found["capacity"].words == "let each site serve 2.1 times as many people"
    assert found["count"].new == 3  # 210 people, 100 in each
    # The largest alone is too large.
    alone = changes(model="p-center", count=6, capacity=[48] * 6)
    assert alone["capacity"].new == pytest.approx(60 / 48, rel=1e-3)
    assert changes(model="lscp", capacity=[0] * 6) == {}  # no factor makes anything of nothing


def test_a_share():
    cost = STREET + 50.0
    asked = {"model": "lscp", "limit": 0}
    assert changes(cost, **asked, share=0.5)["limit"].new == 50
    cost[5] += 500  # 60 people who are not needed for 0.7
    assert changes(cost, **asked, share=0.7)["limit"].new == 50
    assert changes(cost, **asked, share=0.72)["limit"].new == 550


def test_a_contradiction_is_mended_by_no_figure():
    asked = {"model": "p-median", "count": 2, "required": [0, 1], "one_of": [5, 5, 1, 2, 3, 4]}
    assert changes(**asked, limit=100) == {}


def test_the_caller_can_end_it():
    found = smallest_relaxations(
        STREET, PEOPLE, model="p-median", count=1, limit=100, live=lambda done, steps: done < 1
    )
    assert [change.kind for change in found] == ["limit"]


def test_bad_input():
    with pytest.raises(OptionError, match="there is no model 'x'"):
        smallest_relaxations(STREET, PEOPLE, model="x")


@pytest.mark.parametrize("seed", range(20))
def test_less_than_the_smallest_does_not_do(seed):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 20, (8, 6)).astype(float)
    people = rng.integers(1, 9, 8)
    asked = {"model": "p-center", "count": 2, "limit": 4.0}
    found = changes(cost, people, **asked)
    within = np.flatnonzero((cost <= 4).any(axis=1))
    if "limit" in found:
        new = found["limit"].new
        assert locate(cost, people, **{**asked, "limit": new}).status == "optimal"
        assert locate(cost, people, **{**asked, "limit": new - 1}).status == "infeasible"
    if "count" in found:
        new = found["count"].new
        part = cost[within], people[within]
        assert locate(*part, **{**asked, "count": new}).status == "optimal"
        assert locate(*part, **{**asked, "count": new - 1}).status == "infeasible"
