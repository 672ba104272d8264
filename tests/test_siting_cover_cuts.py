"""Cuts of covering problems: what every cover keeps and the fractional answer does not."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gis.siting import locate
from gis.siting.cover import cover_all, fewest
from gis.siting.cover.case import case_of
from gis.siting.cover.solve import _paid_at_least
from gis.siting.cover.tighten import Relaxation, find_cuts, no_cuts
from gis.siting.cover.windows import cut_of, hull, least_cover
from gis.siting.problem import read_problem
from tests.siting_cases import best_cover, small, town

NONE = {
    "capacity": None, "required": (), "given": (), "closed": (), "site_cost": None, "budget": None,
    "share": None, "one_of": None, "limit": None, "count": None, "seed": 0, "time_limit_s": 60.0,
    "model": "lscp",
}  # fmt: skip


def ask(cost, people, **options):
    return read_problem(cost, people, **{**NONE, **options})


def lists(rows):
    at = np.r_[0, np.cumsum([len(row) for row in rows])].astype(np.int64)
    return at, np.concatenate([np.asarray(row, np.int64) for row in rows])


def covers_of(rows, m):
    """All covers of m columns, as (k, m) ones."""
    every = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
    return every[[all(x[list(row)].any() for row in rows) for x in every]]


def random_rows(rng, m, n):
    return [rng.choice(m, rng.integers(2, 5), replace=False) for _ in range(n)]


def circle(homes):
    """Every home is reached by its own site and the next one's."""
    cost = np.full((homes, homes), np.inf)
    for i in range(homes):
        cost[i, [i, (i + 1) % homes]] = 1.0
    return cost


# --- covers of a window


def test_the_cheapest_cover_of_all():
    rng = np.random.default_rng(3)
    for _ in range(200):
        m = int(rng.integers(4, 9))
        rows = random_rows(rng, m, int(rng.integers(2, 12)))
        price = rng.integers(0, 6, m).astype(float)
        best = (covers_of(rows, m) @ price).min()
        value, mask, _ = least_cover(*lists(rows), price, np.inf, 10_000)
        chosen = (mask >> np.arange(m)) & 1
        assert value == best == chosen @ price
        assert all(chosen[list(row)].any() for row in rows)
        assert least_cover(*lists(rows), price, best, 10_000)[0] == best  # nothing for less


def test_too_many_nodes_are_told():
    rows = [(i, (i + 1) % 9) for i in range(9)]
    assert least_cover(*lists(rows), np.ones(9), np.inf, 2)[0] == -1


def test_three_halves_of_a_triangle_are_cut_off():
    # Half of each of three sites covers rows of two; two sites are needed, a third each at least.
    found, worth = hull(*lists([(0, 1), (1, 2), (2, 0)]), np.full(3, 0.5), 1_000, 10_000)
    assert found
    assert worth == pytest.approx([0.5, 0.5, 0.5])


def test_what_whole_covers_make_up_is_not_cut_off():
    # Half of {0, 1} and half of {1, 2}: both are covers.
    found, _ = hull(*lists([(0, 1), (1, 2), (2, 0)]), np.array([0.5, 1.0, 0.5]), 1_000, 10_000)
    assert not found


# --- inequalities


def test_the_cut_of_a_circle_is_that_a_half_is_no_site():
    problem = ask(circle(5), np.ones(5))
    case = case_of(problem, people=False)
    answer = Relaxation(case, no_cuts(5)).solve(time.monotonic() + 9)
    assert answer.open == pytest.approx(np.full(5, 0.5))
    cuts = find_cuts(case, answer.open, np.zeros(5), 20, 1, time.monotonic() + 9)
    rows, least = cuts.of(case)
    assert (rows.toarray() == 1).all()
    assert (least == 3).all()
    relaxation = Relaxation(case, cuts)
    assert relaxation.solve(time.monotonic() + 9).open.sum() == pytest.approx(3)


@pytest.mark.parametrize("size", [3, 5, 8])
def test_every_cover_keeps_every_cut(size):
    """Windows smaller than the problem leave columns outside, which have to be given enough."""
    rng, met, outside = np.random.default_rng(size), 0, 0
    for _ in range(150):
        m = 9
        rows = random_rows(rng, m, 11)
        cost = np.full((11, m), np.inf)
        for i, row in enumerate(rows):
            cost[i, row] = 1.0
        price = rng.choice([1.0, 1.0, 2.0], m)
        case = case_of(ask(cost, np.ones(11), site_cost=price), people=False)
        x = Relaxation(case, no_cuts(m)).solve(time.monotonic() + 9).open
        cuts = find_cuts(case, x, rng.random(m), size, 1, time.monotonic() + 9)
        if len(cuts.least):
            table = cuts.rows.toarray()
            assert (covers_of(rows, m) @ table.T >= cuts.least).all()
            assert (table @ x < cuts.least).all()
            met += len(cuts.least)
            outside += int(((table > 0) & (x == 0)).sum())
    assert met > 20
    assert outside > 0


def test_masks_have_an_end_and_columns_beyond_it_are_given_enough():
    """A window of all 62 columns: no room is left to lift what is closed in the answer."""
    # A ring of 61 needs 31; site 61 helps at one place, site 62, closed, at two.
    rows = [{i, (i + 1) % 61} for i in range(61)]
    rows[0].add(61)
    rows[2].add(62)
    rows[10].add(62)
    cost = np.full((len(rows), 63), np.inf)
    for i, row in enumerate(rows):
        cost[i, sorted(row)] = 1.0
    case = case_of(ask(cost, np.ones(len(rows))), people=False)
    x = np.full(63, 0.5)
    x[61], x[62] = 0.1, 0.0
    cover = case.cover
    part = np.array([int((x[sorted(row)] > 0).sum()) for row in rows])
    window, columns, value, least = cut_of(
        cover.row_at, cover.col, cover.col_at, cover.row, x, np.zeros(63), part,
        np.zeros(len(rows), bool), 0, 62, 10**7,
    )  # fmt: skip
    assert len(window) == 62
    assert least > 0
    held = value[columns == 62]
    assert len(held) == 1
    cut = np.zeros(63)
    cut[columns] = value
    without = [sorted(row) for row in rows if 62 not in row]
    rest = least_cover(*lists(without), cut[:62], np.inf, 10**7)[0]
    assert rest + held.sum() >= least


# --- the bound


def test_no_choice_costs_less_than_the_tightened_bound():
    """Whatever rows and cuts pay, with all options."""
    rng, near = np.random.default_rng(1), 0.0
    for seed in range(150):
        cost, people, options = small(seed, model="lscp", n=9, m=8)
        options.pop("share", None)
        problem, best = ask(cost, people, **options), best_cover(cost, people, options)
        case = case_of(problem, people=False)
        if best is None or not case.cover.rows:
            continue
        half = np.where(rng.random(case.cover.cols) < 0.8, 0.5, 0.0)
        cuts = find_cuts(case, half, np.zeros(len(half)), 6, 1, time.monotonic() + 9)
        paid = rng.random(case.cover.rows) * 0.3
        worth = rng.random(len(cuts.least)) * 0.3
        bound = fewest.clean_bound(case, paid, (*cuts.of(case), worth))[0]
        assert bound + float(problem.site_cost[problem.required].sum()) <= best + 1e-9
        answer = Relaxation(case, cuts).solve(time.monotonic() + 9)
        if answer is None:
            continue
        bound = fewest.clean_bound(case, answer.paid, (*cuts.of(case), answer.worth))[0]
        bound += float(problem.site_cost[problem.required].sum())
        assert bound <= best + 1e-9
        near = max(near, bound / max(best, 1.0))
    assert near > 0.99


def test_cuts_stay_true_of_what_is_left_of_a_case():
    """A site opened for good is taken off the least; one that is dropped leaves the rows."""
    problem = ask(circle(5), np.ones(5))
    case = case_of(problem, people=False)
    cuts = find_cuts(case, np.full(5, 0.5), np.zeros(5), 20, 1, time.monotonic() + 9)
    inside, outside = np.arange(5) == 1, np.arange(5) == 3
    smaller, _ = case.settle(inside, outside)
    rows, least = cuts.of(smaller)
    assert (rows.shape[1], set(least.tolist())) == (3, {2.0})


def test_a_town_is_proved_by_cuts_alone():
    """The plain relaxation leaves a gap of two sites."""
    cost, people = town(3000, 300, reach=500, seed=2, towns=0)
    problem = ask(cost, people, limit=500)
    case = fewest.reduce(case_of(problem, people=False))
    answer = Relaxation(case, no_cuts(300)).solve(time.monotonic() + 60)
    plain = fewest.clean_bound(case, answer.paid)[0] + case.spent
    search = fewest._Search(0, 1.0, None, np.inf, case.spent)
    fewest._first(search, case)
    fewest._look(search, case, 200_000)
    fewest._tighten(search, case, time.monotonic() + 60)
    assert plain < 59.5
    assert (search.value, search.bound) == (61, 61)


def test_parts_keep_only_cuts_of_their_own():
    """Two circles: what both need together says nothing of one."""
    one = circle(7)
    cost = np.full((14, 14), np.inf)
    cost[:7, :7] = cost[7:, 7:] = one
    case = case_of(ask(cost, np.ones(14)), people=False)
    search = fewest._Search(0, 1.0, None, np.inf, 0.0)
    cuts = find_cuts(case, np.full(14, 0.5), np.zeros(14), 20, 1, time.monotonic() + 9)
    both = type(cuts)(cuts.rows[:1].maximum(cuts.rows[1:2]), np.array([8.0]))
    assert both.rows.nnz == 14
    fewest._by_parts(search, case, cuts.joined(both), time.monotonic() + 9)
    assert (search.value, search.bound) == (8, 8)


# --- free sites, shares, little time


def test_free_sites_are_no_more_than_it_takes():
    # Ten sites of one home each, and two of five each, all free.
    cost = np.full((10, 12), np.inf)
    np.fill_diagonal(cost, 1.0)
    cost[:5, 10] = cost[5:, 11] = 1.0
    found = locate(cost, np.ones(10), model="lscp", site_cost=np.zeros(12))
    assert (found.chosen.tolist(), found.objective, found.status) == ([10, 11], 0, "optimal")
    found = locate(cost, np.ones(10), model="lscp", site_cost=np.zeros(12), share=0.5)
    assert len(found.chosen) == 1
    price = np.zeros(12)
    price[10] = 3.0  # one of five homes now costs: the five that are free are taken
    found = locate(cost, np.ones(10), model="lscp", site_cost=price)
    assert (found.chosen.tolist(), found.objective) == ([0, 1, 2, 3, 4, 11], 0)


def test_free_sites_never_make_it_dearer():
    for seed in range(120):
        cost, people, options = small(seed, model="lscp")
        options["site_cost"] = np.random.default_rng(seed).integers(0, 3, 6).astype(float)
        best = best_cover(cost, people, options)
        found = locate(cost, people, **options)
        assert (found.status == "infeasible") == (best is None)
        if best is not None:
            assert found.objective == pytest.approx(best)


def test_a_share_costs_at_least_what_the_largest_sites_do():
    # 50 people at 2 each, 30 at 1, 20 at 5: of 80, 30 for 1 and 50 for 2; of 90, half of the last.
    cost = np.where(np.eye(3) > 0, 1.0, np.inf)
    people, price = [50, 30, 20], [2.0, 1.0, 5.0]
    assert _paid_at_least(ask(cost, people, share=0.8, site_cost=price)) == 3
    assert _paid_at_least(ask(cost, people, share=0.9, site_cost=price)) == 6  # 5.5, whole prices
    assert _paid_at_least(ask(cost, people, share=0.81)) == 3
    assert _paid_at_least(ask(cost, people, share=0.5, given=[0])) == 0


def test_in_no_time_there_is_still_a_choice():
    cost, people = town(2000, 300, reach=400, seed=1, towns=0)
    for options in ({}, {"share": 0.9}, {"site_cost": np.zeros(300)}, {"given": range(0, 300, 9)}):
        problem = ask(cost, people, limit=400, **options)
        found = cover_all(problem, time.monotonic() - 1)
        assert found.exists
        assert found.bound <= problem.objective(found.open)
