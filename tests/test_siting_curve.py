"""People against sites or money: by hand in one street, bounds that agree with each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gis.errors import CheckError, OptionError
from gis.siting import curve as curve_module
from gis.siting import locate
from gis.siting.curve import curve, money_curve

# Six homes 100 m apart in one street, with 10, 20, 30, 40, 50 and 60 people, and a site at each.
STREET = 100.0 * np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
PEOPLE = np.array([10, 20, 30, 40, 50, 60])


def people(found):
    return [point.people for point in found.points]


def test_a_street_is_covered_by_two_sites_and_the_curve_ends_there():
    found = curve(STREET, PEOPLE, limit=100)
    assert [point.count for point in found.points] == [0, 1, 2]
    assert people(found) == [0, 150, 210]
    assert [point.bound for point in found.points] == [0, 150, 210]
    assert [point.gain for point in found.points][1:] == [150, 60]
    assert {point.status for point in found.points} == {"optimal"}
    assert (found.total, found.reachable, found.stopped) == (210, 210, False)
    assert [point.siting.chosen.tolist() for point in found.points] == [[], [4], [1, 4]]


def test_the_knee_is_farthest_above_the_line():
    # Limit 0: each site covers its home: 0, 60, 110, 150, 180, 200, 210. Above the line from 0 to
    # 210 in six steps of 35: 25, 40, 45, 40, 25: the third site.
    found = curve(STREET, PEOPLE, limit=0)
    assert people(found) == [0, 60, 110, 150, 180, 200, 210]
    assert found.knee == 3
    assert "Kneedle" in found.knee_rule
    assert found.points[found.knee].count == 3
    # Gains are 60, 50, 40, 30, 20, 10: beyond the fourth below 0.1 x 210, beyond the sixth nothing.
    assert found.worth(0.1) == 4
    assert found.worth(0.5) == 0
    assert found.worth(0.01) is None


def test_a_straight_line_has_no_knee():
    assert curve(STREET, [1] * 6, limit=0).knee is None
    assert curve(STREET, PEOPLE, limit=100, counts=[1, 2]).knee is None


def test_counts_may_be_chosen_and_skip():
    found = curve(STREET, PEOPLE, limit=0, counts=[1, 3, 6])
    assert people(found) == [60, 150, 210]
    assert np.isnan(found.points[0].gain)
    assert [point.gain for point in found.points[1:]] == [45, 20]  # for each site


def test_what_is_given_required_and_out_of_reach():
    cost = STREET.copy()
    cost[0] = np.inf
    found = curve(cost, PEOPLE, limit=0, given=[5], required=[1])
    assert people(found) == [80, 130, 170, 200]
    assert [point.count for point in found.points] == [1, 2, 3, 4]
    assert (found.total, found.reachable) == (210, 200)
    assert curve(cost, PEOPLE, limit=0, closed=[5]).reachable == 140


def test_capacities_and_exclusion_are_kept():
    assert people(curve(STREET, PEOPLE, limit=0, one_of=[0] * 6)) == [0, 60]
    full = curve(STREET, PEOPLE, limit=100, capacity=[70] * 6, counts=[1, 2, 3])
    # 60 or 40 + 30 or 20 + 50; then two of 70; a third 60 (and 10 more are out of its reach).
    assert people(full)[0] == 70
    assert all(point.status == "optimal" for point in full.points)


def test_money_in_place_of_sites():
    price = [1, 2, 3, 4, 5, 6]
    found = money_curve(STREET, PEOPLE, limit=0, site_cost=price, budgets=[0, 6, 11, 21])
    assert people(found) == [0, 60, 110, 210]
    assert [point.spent for point in found.points] == [0, 6, 11, 21]
    assert [point.gain for point in found.points][1:] == [10, 10, 10]
    assert found.knee is None
    steps = money_curve(STREET, PEOPLE, limit=100, site_cost=price, steps=3)
    assert steps.points[0].budget == 0
    assert steps.points[-1].people == 210
    required = money_curve(STREET, PEOPLE, limit=0, site_cost=price, required=[5], steps=2)
    assert (required.points[0].budget, required.points[0].people) == (6, 60)


def test_bounds_help_each_other_and_people_never_fall(monkeypatch):
    # A solver that gives up on three sites: it finds two homes for three sites and knows no bound.
    def unsure(cost, demand, **asked):
        found = locate(cost, demand, **asked)
        if asked.get("count") != 3 or asked.get("required"):
            return found
        few = locate(cost, demand, **{**asked, "count": 1})
        return replace(few, bound=210.0, gap=1 - 60 / 210, status="feasible")

    monkeypatch.setattr(curve_module, "locate", unsure)
    found = curve(STREET, PEOPLE, limit=0)
    three = found.points[3]
    # The two best of the point before (110) and any third, the fullest of which has 40.
    assert three.people >= 110
    # Three sites are worth at most 3/2 of what two are: 165. The next one is worth 180.
    assert three.bound == pytest.approx(165, rel=1e-8)
    assert three.status == "feasible"
    assert people(found) == sorted(people(found))
    bounds = [point.bound for point in found.points]
    assert bounds == sorted(bounds)


def test_a_bound_holds_for_fewer_sites_too(monkeypatch):
    def unsure(cost, demand, **asked):
        found = locate(cost, demand, **asked)
        if asked["count"] == 1:
            return replace(found, bound=210.0, gap=1 - 60 / 210, status="feasible")
        return found

    monkeypatch.setattr(curve_module, "locate", unsure)
    found = curve(STREET, PEOPLE, limit=0, counts=[1, 2])
    assert [point.bound for point in found.points] == [110, 110]


@pytest.mark.parametrize(("required", "bound"), [([], 120), ([0], 210)])
def test_a_required_site_says_nothing_of_the_others(monkeypatch, required, bound):
    # One site is worth 60 at most, so two are worth 120. With site 0 required, which is worth 10,
    # nothing follows for the second; but there are no more than 210 people.
    def unsure(cost, demand, **asked):
        found = locate(cost, demand, **asked)
        if asked["count"] == 2:
            return replace(found, bound=1000.0, gap=1 - found.objective / 1000, status="feasible")
        return found

    monkeypatch.setattr(curve_module, "locate", unsure)
    found = curve(STREET, PEOPLE, limit=0, counts=[1, 2], required=required)
    assert found.points[1].bound == pytest.approx(bound, rel=1e-8)
    assert found.points[1].status == "feasible"


def test_a_wrong_bound_is_never_returned(monkeypatch):
    def too_sure(cost, demand, **asked):
        found = locate(cost, demand, **asked)
        return replace(found, bound=100.0) if asked["count"] == 3 else found

    monkeypatch.setattr(curve_module, "locate", too_sure)
    with pytest.raises(CheckError, match="110 people are covered, above their bound of 100"):
        curve(STREET, PEOPLE, limit=0, counts=[2, 3])


def test_it_ends_at_the_fewest_not_where_the_first_come_best():
    # The first site covers four of six homes, and then two more are needed; the others do alone.
    reach = np.array([[0, 1, 0], [1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1], [0, 0, 1]])
    found = curve(np.where(reach, 1.0, np.inf), np.ones(6), limit=1)
    assert people(found) == [0, 4, 6]


def test_the_caller_can_end_it():
    asked = []

    def live(done, steps):
        asked.append((done, steps))
        return done < 2

    found = curve(STREET, PEOPLE, limit=0, live=live)
    assert people(found) == [0, 60]
    assert found.stopped
    assert asked == [(0, 7), (1, 7), (2, 7)]


def test_many_sites_are_thinned():
    rng = np.random.default_rng(1)
    cost = np.where(rng.random((300, 80)) < 0.02, 1.0, np.inf)
    found = curve(cost, np.ones(300), limit=1)
    counts = [point.count for point in found.points]
    assert counts[:13] == list(range(13))
    assert len(counts) <= 31
    assert found.points[-1].people == found.reachable == np.isfinite(cost).any(axis=1).sum()


def test_bad_input():
    with pytest.raises(OptionError, match=r"counts have to be ascending: 2, 1"):
        curve(STREET, PEOPLE, limit=0, counts=[2, 1])
    with pytest.raises(OptionError, match="counts is empty"):
        curve(STREET, PEOPLE, limit=0, counts=[])
    with pytest.raises(OptionError, match="count is 9, but there are 6 sites"):
        curve(STREET, PEOPLE, limit=0, counts=[9])
    with pytest.raises(OptionError, match="budgets have to be ascending"):
        money_curve(STREET, PEOPLE, limit=0, site_cost=[1] * 6, budgets=[2, 2])
    with pytest.raises(OptionError, match="demand 0 is nan"):
        curve(STREET, [np.nan] * 6, limit=0)
