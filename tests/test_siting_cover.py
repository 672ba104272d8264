"""`cover_most`, `cover_all`: against trying every choice, with all options, whatever the time."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sp

from gis.siting import locate
from gis.siting.cover import cover_all, cover_most
from gis.siting.locate import impossible
from gis.siting.model import solve_general
from gis.siting.problem import read_problem
from tests.siting_cases import best_cover, dense, small, town

NONE = {
    "capacity": None, "required": (), "given": (), "closed": (), "site_cost": None, "budget": None,
    "share": None, "one_of": None, "limit": None, "count": None, "seed": 0,
}  # fmt: skip
SOLVERS = {"mclp": cover_most, "lscp": cover_all}


def ask(cost, people, **options):
    return read_problem(cost, people, time_limit_s=60.0, **{**NONE, **options})


def solve(problem, seconds=60.0):
    return SOLVERS[problem.model](problem, time.monotonic() + seconds)


# --- by hand


def reach(*homes):
    """Costs of 1 from the homes that each site reaches, inf from the others."""
    cost = np.full((1 + max(max(h) for h in homes), len(homes)), np.inf)
    for j, some in enumerate(homes):
        cost[list(some), j] = 1.0
    return cost


def test_the_greedy_choice_is_not_the_best():
    # Site 0 alone covers most, 4 homes of 10; sites 1 and 2 together cover all six.
    cost = reach([0, 1, 3, 4], [0, 1, 2], [3, 4, 5])
    found = locate(cost, [10] * 6, model="mclp", count=2)
    assert (found.chosen.tolist(), found.objective, found.status) == ([1, 2], 60, "optimal")
    found = locate(cost, [10] * 6, model="lscp")
    assert (found.chosen.tolist(), found.objective, found.status) == ([1, 2], 2, "optimal")


def test_what_it_costs_decides_where_costs_are_given():
    cost = reach([0, 1, 2], [0, 1], [2])
    found = locate(cost, [1, 1, 1], model="lscp", site_cost=[10, 4, 5])
    assert (found.chosen.tolist(), found.objective) == ([1, 2], 9)
    found = locate(cost, [1, 1, 1], model="lscp", site_cost=[8, 4, 5])
    assert (found.chosen.tolist(), found.objective) == ([0], 8)


def test_a_share_needs_fewer_sites_and_no_more_people_than_asked():
    # 50, 30, 20: a share of 0.8 takes the sites of 50 and 30; 0.81 takes all three.
    cost = reach([0], [1], [2])
    found = locate(cost, [50, 30, 20], model="lscp", share=0.8)
    assert (found.chosen.tolist(), found.bound, found.status) == ([0, 1], 2, "optimal")
    assert locate(cost, [50, 30, 20], model="lscp", share=0.81).objective == 3
    found = locate(cost, [50, 30, 20], model="lscp", share=0.4, site_cost=[9, 3, 2])
    assert (found.chosen.tolist(), found.objective) == ([1, 2], 5)


def test_two_that_exclude_each_other_can_leave_somebody_out():
    found = locate(reach([0], [1]), [1, 1], model="lscp", one_of=[7, 7])
    assert (found.status, len(found.chosen)) == ("infeasible", 0)
    assert "no choice of sites" in found.reason
    found = locate(reach([0], [1]), [3, 1], model="mclp", count=2, one_of=[7, 7])
    assert (found.chosen.tolist(), found.objective, found.status) == ([0], 3, "optimal")


def test_a_share_that_cannot_be_reached_is_told():
    found = locate(reach([0], [1]), [50, 50], model="lscp", share=0.6, one_of=[7, 7])
    assert found.status == "infeasible"
    found = locate(reach([0], [1]), [50, 50], model="lscp", share=0.6, closed=[1])
    assert found.status == "infeasible"


def test_what_is_given_covers_and_is_not_counted():
    cost = reach([0, 1], [2], [1, 2])
    found = locate(cost, [5, 5, 5], model="mclp", count=1, given=[0])
    assert (found.objective, len(found.chosen)) == (15, 1)
    found = locate(cost, [5, 5, 5], model="lscp", given=[0], required=[1])
    assert (found.chosen.tolist(), found.objective) == ([1], 1)


def test_a_budget_of_zero_buys_what_is_free():
    found = locate(reach([0], [1]), [5, 9], model="mclp", budget=0, site_cost=[0, 1])
    assert (found.chosen.tolist(), found.objective, found.status) == ([0], 5, "optimal")


# --- against all choices


@pytest.mark.parametrize("block", range(4))
@pytest.mark.parametrize("model", ["mclp", "lscp"])
def test_no_choice_is_better(model, block):
    """Every option: given, required, closed, one_of, site_cost, budget, count, share."""
    met = {"infeasible": 0, "optimal": 0}
    for seed in range(60 * block, 60 * block + 60):
        cost, people, options = small(seed, model=model)
        best = best_cover(cost, people, options)
        found = locate(cost, people, **options)
        met[found.status] += 1
        assert (found.status == "infeasible") == (best is None), (seed, options)
        if best is not None:
            assert found.objective == pytest.approx(best), (seed, options)
            assert found.bound == found.objective
    assert min(met.values()) > 0 or model == "mclp"


@pytest.mark.parametrize("solver", ["fast", "general"])
@pytest.mark.parametrize("model", ["mclp", "lscp"])
def test_the_bound_is_never_on_the_wrong_side(model, solver):
    """Not even when there is next to no time."""
    for seed in range(1000, 1060):
        cost, people, options = small(seed, model=model, n=9)
        problem = ask(cost, people, **options)
        best = best_cover(cost, people, options)
        if impossible(problem):
            assert best is None
            continue
        for seconds in (0.0, 1e-4, 0.01):
            if solver == "fast":
                found = solve(problem, seconds)
            else:
                found = solve_general(problem, time.monotonic() + seconds)
            if not found.exists:
                assert found.exists is None or best is None
                continue
            sign = 1 if model == "mclp" else -1
            assert sign * found.bound >= sign * best - 1e-9 * best, (seed, options)
            assert sign * problem.objective(found.open) <= sign * best + 1e-9 * best


@pytest.mark.parametrize(
    "options",
    [
        {"model": "mclp", "count": 7},
        {"model": "mclp", "budget": 31.0, "site_cost": np.arange(40) % 5 + 3.25},
        {"model": "mclp", "budget": 31.0, "count": 5, "site_cost": np.arange(40) % 5 + 3.0},
        {"model": "mclp", "count": 7, "one_of": np.arange(40) // 4, "required": [2], "given": [39]},
        {"model": "lscp"},
        {"model": "lscp", "site_cost": np.arange(40) % 7 + 1.5},
        {"model": "lscp", "share": 0.8},
        {"model": "lscp", "share": 0.8, "site_cost": np.arange(40) % 7 + 2.0},
        {"model": "lscp", "share": 0.9, "one_of": np.arange(40) // 2, "closed": [1, 2]},
    ],
)
def test_towns_agree_with_the_plain_model(options):
    for seed in range(3):
        cost, people = town(300, 40, reach=550, seed=seed, towns=4 * (seed % 2))
        problem = ask(cost, people / (1 + 2 * (seed == 2)), **options)
        fast, plain = solve(problem), solve_general(problem, time.monotonic() + 60)
        objective = problem.objective(fast.open)
        assert objective == pytest.approx(problem.objective(plain.open))
        assert fast.bound == pytest.approx(objective, rel=1e-9)


def test_sparse_and_dense_give_the_same_and_so_does_every_run():
    cost, people = town(400, 60, reach=500, seed=5)
    for options in ({"model": "mclp", "count": 8}, {"model": "lscp"}):
        one = locate(cost, people, limit=500, **options)
        other = locate(dense(cost), people, limit=500, **options)
        assert one.chosen.tolist() == other.chosen.tolist()
        assert (one.objective, one.status) == (other.objective, "optimal")


def test_parts_that_do_not_touch_add_up():
    cost, people = town(250, 40, reach=500, seed=3)
    twice = sp.block_diag([cost, cost], format="csr")
    single = solve(ask(cost, people, model="lscp"))
    double = solve(ask(twice, np.r_[people, people], model="lscp"))
    assert double.open.sum() == 2 * single.open.sum() == double.bound


def test_an_answer_comes_about_in_time():
    cost, people = town(4000, 400, reach=500, seed=1)
    locate(cost, people, model="mclp", count=3, time_limit_s=0.05)  # compiles
    locate(cost, people, model="lscp", time_limit_s=0.05)
    for options in ({"model": "mclp", "count": 60}, {"model": "lscp"}):
        start = time.process_time()
        found = locate(cost, people, time_limit_s=0.2, **options)
        assert time.process_time() - start < 2.0
        assert found.status in ("feasible", "optimal")
        assert 0 <= found.gap < 0.25
