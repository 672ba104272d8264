"""`least_most`: the p-center."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gis.siting.centre import least_most
from gis.siting.centre.serve import serve_within
from gis.siting.locate import impossible
from gis.siting.median.case import read_case
from gis.siting.model import solve_general
from tests.siting_cases import small, town
from tests.test_siting_median import STREET, ask, brute_force, choices, made_up


def solve(cost, demand, seconds=60.0, **options):
    problem = ask(cost, demand, "p-center", **options)
    return problem, least_most(problem, time.monotonic() + seconds)


@pytest.mark.parametrize("block", range(8))
def test_optimum_is_that_of_all_choices(block):
    for seed in range(40 * block, 40 * block + 40):
        cost, demand, options = made_up(seed)
        problem, found = solve(cost, demand, **options)
        best = brute_force(problem)
        if impossible(problem):
            assert np.isinf(best), seed
            continue
        if np.isinf(best):
            assert found.exists is False, (seed, found)
            assert found.reason, seed
            continue
        assert found.exists, (seed, best, found)
        assert any((found.open == chosen).all() for chosen in choices(problem)), seed
        assert (problem.nearest(found.open)[0] >= 0).all(), seed
        assert problem.objective(found.open) == best, seed
        assert found.bound == best, seed


@pytest.mark.parametrize("seed", range(60))
def test_optimum_is_that_of_all_choices_where_walks_are_whole_and_some_lead_nowhere(seed):
    cost, people, options = small(seed, model="p-center")
    problem = ask(cost, people, "p-center", **{k: v for k, v in options.items() if k != "model"})
    if impossible(problem):
        return
    best, found = brute_force(problem), least_most(problem, time.monotonic() + 60)
    assert found.exists is bool(np.isfinite(best))
    if found.exists:
        assert problem.objective(found.open) == best == found.bound


@pytest.mark.parametrize("seconds", [1e-9, 0.003, 0.01])
def test_bound_holds_however_early_the_time_is_over(seconds):
    for seed in range(60):
        cost, demand, options = made_up(seed)
        problem, found = solve(cost, demand, seconds, **options)
        if impossible(problem):
            continue
        best = brute_force(problem)
        if not found.exists:
            assert found.reason, seed
            assert found.exists is None or np.isinf(best), seed
            continue
        assert any((found.open == chosen).all() for chosen in choices(problem)), seed
        assert found.bound <= best <= problem.objective(found.open), seed


def test_one_site_is_in_the_middle():
    # Of the sites at 0, 2, 10, 11 m, 2 m and 10 m have the farthest home 9 m and 10 m off.
    problem, found = solve(STREET, [1, 1, 1, 50, 1], count=1)
    assert np.flatnonzero(found.open).tolist() == [1]
    assert problem.objective(found.open) == 9.0 == found.bound


def test_two_sites_take_an_end_each():
    # 0 m serves up to 2 m at most 2 m off, 10 m the rest at 1 m; 2 m is no better.
    problem, found = solve(STREET, [1, 1, 1, 50, 1], count=2)
    assert problem.objective(found.open) == 2.0 == found.bound


def test_an_empty_house_counts_as_any_other():
    problem, found = solve(STREET, [0, 1, 1, 1, 0], count=1)
    assert problem.objective(found.open) == 9.0


def test_budget_and_exclusion_are_kept_to():
    # 10 and 11 m exclude each other and 2 m is dear: 0 m and 10 m for 2 yuan, at most 2 m off.
    problem, found = solve(
        STREET, [1] * 5, site_cost=[1.0, 9, 1, 1], budget=3.0, one_of=np.array([-1, -1, 4, 4])
    )
    assert np.flatnonzero(found.open).tolist() in ([0, 2], [0, 3])
    assert problem.objective(found.open) == 2.0 == found.bound


def test_what_is_there_may_be_all_that_is_needed():
    problem, found = solve(STREET, [1] * 5, given=[0, 2], count=0)
    assert problem.objective(found.open) == 2.0 == found.bound


def test_no_two_sites_serve_three_ends():
    cost = np.full((3, 6), np.inf)
    cost[[0, 0, 1, 1, 2, 2], np.arange(6)] = 1.0
    _, found = solve(cost, [1, 1, 1], count=2)
    assert found.exists is False
    assert found.reason == "no allowed choice of sites serves every demand"


def test_agrees_with_the_general_model_on_a_town():
    cost, people = town(120, 30, reach=900.0, seed=6)
    price = np.random.default_rng(6).integers(1, 9, 30).astype(float)
    problem, found = solve(cost, people, count=12, site_cost=price, budget=50.0)
    general = solve_general(problem, time.monotonic() + 120)
    assert found.exists
    assert problem.objective(general.open) == problem.objective(found.open) == found.bound


def test_cheap_and_thorough_searches_agree_where_both_are_sure():
    cost, people = town(300, 60, reach=2000.0, seed=7)
    problem = ask(cost, people, "p-center", count=8)
    case = read_case(problem, np.ones(300))
    sure = 0
    for radius in (200.0, 400.0, 500.0, 600.0, 700.0, 900.0, 1200.0):
        end = time.monotonic() + 60
        cheap = serve_within(case, radius, end, 0, thorough=False)
        thorough = serve_within(case, radius, end, 0, thorough=True)
        assert thorough[1]
        if cheap[1]:
            sure += 1
            assert (cheap[0] is None) == (thorough[0] is None), radius
        for chosen, _ in (cheap, thorough):
            if chosen is not None:
                opened = case.chosen(problem, chosen)
                assert problem.nearest(opened)[1].max() <= radius
                assert chosen.sum() <= 8
    assert sure >= 4


def test_a_thousand_homes_are_proved():
    cost, people = town(1000, 200, reach=6000.0, seed=2)
    problem, found = solve(cost, people, count=5)
    assert problem.objective(found.open) == found.bound
