"""`least_sum`: the p-median."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import scipy.sparse as sp

from gis.siting.locate import impossible
from gis.siting.median import least_sum
from gis.siting.median.bound import OPEN, climb, new_prices, start_prices
from gis.siting.median.case import read_case
from gis.siting.median.root import Search
from gis.siting.median.shake import descend, move, new_board, shake
from gis.siting.median.swap import greedy, rows_of, sides_of, total_of, within
from gis.siting.median.tree import branch
from gis.siting.model import solve_general
from gis.siting.problem import read_problem
from tests.siting_cases import small, town

NONE = {
    "capacity": None, "required": (), "given": (), "closed": (), "site_cost": None, "budget": None,
    "share": None, "one_of": None, "limit": None, "count": None, "seed": 0,
}  # fmt: skip


def ask(cost, demand, model="p-median", **options):
    return read_problem(cost, demand, model=model, time_limit_s=60.0, **{**NONE, **options})


def solve(cost, demand, seconds=60.0, **options):
    problem = ask(cost, demand, **options)
    return problem, least_sum(problem, time.monotonic() + seconds)


def choices(problem):
    """All choices that are allowed, the sites open anyway among them."""
    free = np.flatnonzero(problem.free)
    most = len(free) if problem.left is None else problem.left
    for k in range(min(most, len(free)) + 1):
        for extra in itertools.combinations(free, k):
            chosen = problem.forced.copy()
            chosen[list(extra)] = True
            groups = problem.one_of[chosen & (problem.one_of >= 0)]
            if len(groups) > len(set(groups.tolist())):
                continue
            if problem.site_cost[list(extra)].sum() <= problem.money + 1e-9:
                yield chosen


def brute_force(problem):
    """The least objective over all choices that serve everybody; inf: there is none."""
    best = np.inf
    for chosen in choices(problem):
        site, _ = problem.nearest(chosen)
        if (site >= 0).all():
            best = min(best, problem.objective(chosen))
    return best


def made_up(seed: int):
    """A small case with options drawn at random: cost, demand, options."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(3, 22)), int(rng.integers(2, 10))
    here, there = rng.random((n, 2)), rng.random((m, 2))
    cost = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1)) * 1000
    if rng.random() < 0.4:
        cost = np.round(cost, -2)  # many alike
    demand = rng.integers(0, 9, n).astype(float)
    demand[0] = 3.0
    options = {"seed": seed}
    order = rng.permutation(m)
    if rng.random() < 0.4:
        options["given"] = order[:1].tolist()
    if rng.random() < 0.3:
        options["closed"] = order[1:2].tolist()
    if m > 4 and rng.random() < 0.4:
        options["required"] = order[2:3].tolist()
    if rng.random() < 0.5:
        options["limit"] = float(rng.choice([400, 600, 900]))
    if rng.random() < 0.4:
        options["one_of"] = rng.integers(-1, 3, m)
    open_to_choice = m - len({*options.get("given", ()), *options.get("closed", ())})
    least = len(options.get("required", ()))
    if rng.random() < 0.45:
        options["site_cost"] = rng.integers(0, 9, m).astype(float) / 4
        options["budget"] = float(rng.integers(1, 20)) / 4
    if "budget" not in options or rng.random() < 0.5:
        options["count"] = int(rng.integers(least, max(least, min(5, open_to_choice)) + 1))
    if rng.random() < 0.5:
        kept = rng.random((n, m)) < 0.7
        cost = sp.csr_array((cost[kept], np.nonzero(kept)), shape=(n, m))
    return cost, demand, options


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
        assert problem.objective(found.open) == pytest.approx(best, rel=1e-12), seed
        assert found.bound <= best * (1 + 1e-12), seed
        assert found.bound == pytest.approx(best, rel=1e-9), seed


@pytest.mark.parametrize("seed", range(60))
def test_optimum_is_that_of_all_choices_where_walks_are_whole_and_some_lead_nowhere(seed):
    cost, people, options = small(seed, model="p-median")
    problem = ask(cost, people, **{k: v for k, v in options.items() if k != "model"})
    if impossible(problem):
        return
    best, found = brute_force(problem), least_sum(problem, time.monotonic() + 60)
    assert found.exists is bool(np.isfinite(best))
    if found.exists:
        assert problem.objective(found.open) == pytest.approx(best, rel=1e-12)
        assert best * (1 - 1e-9) <= found.bound <= best


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
        assert found.bound <= best * (1 + 1e-12) <= problem.objective(found.open) * (1 + 2e-12), (
            seed
        )


STREET = np.abs(np.array([[0.0], [1], [2], [10], [11]]) - np.array([[0.0, 2, 10, 11]]))
"""Five homes at 0, 1, 2, 10, 11 m of a street, sites at 0, 2, 10, 11 m."""


def test_one_site_is_the_weighted_median():
    # Half of the 9 people live at 10 m: 2 + 9 ... 1 x 10 + 1 x 9 + 1 x 8 + 0 + 1 x 1 = 28.
    problem, found = solve(STREET, [1, 1, 1, 5, 1], count=1)
    assert np.flatnonzero(found.open).tolist() == [2]
    assert problem.objective(found.open) == 28.0 == found.bound


def test_two_sites_take_an_end_each():
    # 2 m and 10 m: 2 + 1 + 0 + 0 + 1 = 4; as much as 0 m and 10 m, and no two do better.
    problem, found = solve(STREET, [1, 1, 1, 5, 1], count=2)
    assert problem.objective(found.open) == 4.0 == found.bound


def test_what_is_there_is_neither_counted_nor_paid():
    # 10 m is there: one more at 0 m or 2 m leaves 4, though the budget is all of one site.
    price = [3.0, 3, 100, 3]
    problem, found = solve(STREET, [1, 1, 1, 5, 1], given=[2], site_cost=price, budget=3.0)
    assert found.open[2]
    assert found.open.sum() == 2
    assert problem.objective(found.open) == 4.0


def test_required_closed_and_exclusive_sites_are_kept_to():
    # 11 m is required and excludes 10 m; 2 m is closed: 0 m and 11 m, 0 + 1 + 2 + 5 + 0 = 8.
    problem, found = solve(
        STREET, [1, 1, 1, 5, 1], count=2, required=[3], closed=[1], one_of=np.array([-1, -1, 7, 7])
    )
    assert np.flatnonzero(found.open).tolist() == [0, 3]
    assert problem.objective(found.open) == 8.0


def test_the_dear_site_is_bought_when_two_cheap_ones_do_less():
    # 4 yuan buy 10 m (28 by itself) or the three others (3 yuan: 0 + 1 + 0 + 5 + 0 = 6).
    problem, found = solve(STREET, [1, 1, 1, 5, 1], site_cost=[1.0, 1, 4, 1], budget=4.0)
    assert np.flatnonzero(found.open).tolist() == [0, 1, 3]
    assert problem.objective(found.open) == 6.0


def test_nobody_living_there_has_to_be_reached_all_the_same():
    # The empty house 4 is reached from site 1 alone, which is 9 m off for the two others.
    cost = np.array([[1.0, 9], [1, 9], [np.inf, 3]])
    problem, found = solve(cost, [1, 1, 0], count=1)
    assert np.flatnonzero(found.open).tolist() == [1]
    assert problem.objective(found.open) == 18.0


def test_no_two_sites_serve_three_ends():
    cost = np.full((3, 6), np.inf)
    cost[[0, 0, 1, 1, 2, 2], np.arange(6)] = 1.0
    _, found = solve(cost, [1, 1, 1], count=2)
    assert found.exists is False
    assert found.reason == "no allowed choice of sites serves every demand"
    problem, found = solve(cost, [1, 1, 1], count=3)
    assert problem.objective(found.open) == 3.0


def test_agrees_with_the_general_model_on_a_town():
    cost, people = town(150, 40, reach=900.0, seed=3)
    price = np.random.default_rng(3).integers(1, 9, 40).astype(float)
    options = {"site_cost": price, "budget": 60.0, "one_of": np.arange(40) // 3, "required": [5]}
    problem, found = solve(cost, people, count=14, **options)
    general = solve_general(problem, time.monotonic() + 120)
    assert found.exists
    assert general.exists
    value = problem.objective(found.open)
    assert problem.objective(general.open) == pytest.approx(value, rel=1e-9)
    assert found.bound == pytest.approx(value, rel=1e-9)


def test_a_thousand_homes_are_proved_and_equal_input_gives_equal_answers():
    cost, people = town(1000, 200, reach=3000.0, seed=2)
    answers = [solve(cost, people, count=10) for _ in range(2)]
    for problem, found in answers:
        assert found.bound == pytest.approx(problem.objective(found.open), rel=1e-9)
    assert (answers[0][1].open == answers[1][1].open).all()


def test_board_knows_what_each_swap_changes():
    cost, people = town(60, 12, reach=700.0, seed=4)
    problem = ask(cost, people, count=4)
    case = read_case(problem, problem.demand)
    rows, sides = rows_of(case), sides_of(case)
    opened = np.zeros(12, bool)
    opened[[1, 4, 7, 9]] = True
    board = new_board(rows, sides, opened)
    for j, r in ((0, 4), (4, 9), (2, -1), (-1, 7), (9, 2)):
        if r == -1:
            move(rows, sides, board, -1, 1)
        move(rows, sides, board, j, r)
        now = total_of(rows, board.opened)
        assert board.paid[:, 0].sum() == pytest.approx(now)
        for come in np.flatnonzero(~board.opened):
            for go in np.flatnonzero(board.opened):
                then = board.opened.copy()
                then[come], then[go] = True, False
                change = board.loss[go] - board.gain[come] - board.both[come, board.slot[go]]
                assert change == pytest.approx(total_of(rows, then) - now, abs=1e-6 * now)


def test_swaps_end_where_no_swap_gains_and_keep_the_money():
    cost, people = town(200, 30, reach=1500.0, seed=5)
    price = np.random.default_rng(1).integers(1, 5, 30).astype(float)
    problem = ask(cost, people, site_cost=price, budget=12.0, one_of=np.arange(30) // 2)
    case = read_case(problem, problem.demand)
    rows, sides = rows_of(case), sides_of(case)
    start = np.zeros(30, bool)
    greedy(rows, sides, start)
    assert within(sides, start)
    board = new_board(rows, sides, start)
    descend(rows, sides, board, 10**6)
    shaken = new_board(rows, sides, start)
    assert shake(rows, sides, shaken, 50, 3, 0) <= total_of(rows, start)
    assert within(sides, board.opened)
    now = total_of(rows, board.opened)
    for come in np.flatnonzero(~board.opened):
        for go in np.flatnonzero(board.opened):
            then = board.opened.copy()
            then[come], then[go] = True, False
            assert not within(sides, then) or total_of(rows, then) >= now * (1 - 1e-9)
    assert within(sides, shaken.opened)


@pytest.mark.parametrize("seed", range(20))
def test_any_prices_give_a_bound(seed):
    cost, demand, options = made_up(seed)
    problem = ask(cost, demand, **options)
    case = read_case(problem, problem.demand)
    best = brute_force(problem)
    if isinstance(case, str) or impossible(problem) or len(case.sites) == 0 or np.isinf(best):
        return
    rows, sides = rows_of(case), sides_of(case)
    prices = new_prices(rows, len(case.sites))
    start_prices(rows, np.arange(len(case.sites)) % 2 == 0, prices)
    prices.price[:] *= np.random.default_rng(seed).uniform(0, 3, len(prices.price))
    state = np.zeros(len(case.sites), np.int64)
    for rounds in (1, 5, 50):
        bound, _, _ = climb(rows, sides, state, prices, best, rounds, 10, np.inf)
        assert bound <= best * (1 + 1e-12), seed


def test_what_is_ruled_out_is_not_in_the_optimum():
    for seed in range(40):
        cost, demand, options = made_up(seed)
        problem = ask(cost, demand, **options)
        case = read_case(problem, problem.demand)
        best = brute_force(problem)
        if isinstance(case, str) or impossible(problem) or len(case.sites) == 0 or np.isinf(best):
            continue
        search = Search(case, time.monotonic() + 60)
        search.begin()
        search.value = best * 1.02 + 1  # as if the best choice were not found yet
        search.begin = search.polish = search.improve = lambda *_: None
        search.take = lambda *_: False
        search.converge()
        optima = [
            chosen for chosen in choices(problem)
            if (problem.nearest(chosen)[0] >= 0).all() and problem.objective(chosen) <= best
        ]  # fmt: skip
        kept, forced = case.sites[search.sites], case.sites[search.sites[search.state == OPEN]]
        assert all(
            set(np.flatnonzero(c)) <= {*kept, *np.flatnonzero(problem.forced)} for c in optima
        )
        assert all(c[forced].all() for c in optima), seed


@pytest.mark.parametrize("seed", range(30))
def test_branches_find_the_optimum_without_the_help_of_swaps(seed):
    # Costs without any place behind them: here relaxations are weak.
    cost = np.random.default_rng(seed).uniform(1, 100, (40, 12))
    problem = ask(cost, np.ones(40), count=4)
    best = brute_force(problem)
    search = Search(read_case(problem, problem.demand), time.monotonic() + 60)
    search.opened[:4] = True
    search.value = best * 1.2
    search.improve = search.polish = lambda *_: None
    branch(search)
    assert search.value == pytest.approx(best, rel=1e-12)
    assert search.certain == pytest.approx(best, rel=1e-9)
