"""Sites with capacities, every demand served whole: against every choice and every assignment."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from gis.siting import locate
from gis.siting.locate import impossible
from gis.siting.problem import read_problem
from gis.siting.whole import serve_whole
from gis.siting.whole.bounds import _knapsack, bounds_of, cut_of
from gis.siting.whole.model import solve_model
from gis.siting.whole.search import search
from gis.siting.whole.task import task_of

MANY = 40
MODELS = ["mclp", "lscp", "p-median", "p-center"]

NONE = {
    "count": None, "limit": None, "capacity": None, "required": (), "given": (), "closed": (),
    "site_cost": None, "budget": None, "share": None, "one_of": None,
}  # fmt: skip


def asked(cost, demand, *, seed=0, **options):
    return read_problem(cost, demand, seed=seed, time_limit_s=60.0, **(NONE | options))


def solve(problem, seconds=30.0):
    return serve_whole(problem, time.monotonic() + seconds)


def value_of(problem, opened, assignment):
    """Objective by loops, None where a limit is broken."""
    n, m = problem.demands, problem.sites
    cost = {}
    for i in range(n):
        for p in range(problem.pairs.first[i], problem.pairs.first[i + 1]):
            cost[i, int(problem.pairs.site[p])] = problem.pairs.cost[p]
    load = [0.0] * m
    paid, most, served = 0.0, 0.0, 0.0
    for i in range(n):
        j = int(assignment[i])
        if j < 0:
            if problem.model != "mclp" and problem.share >= 1:
                return None
            continue
        if (i, j) not in cost or not opened[j]:
            return None
        load[j] += problem.demand[i]
        served += problem.demand[i]
        paid += problem.demand[i] * cost[i, j]
        most = max(most, cost[i, j])
    for j in range(m):
        if load[j] > problem.capacity[j] + problem.slack(problem.capacity[j]):
            return None
    if served < problem.share * problem.demand.sum() - 1e-9 and problem.model == "lscp":
        return None
    return {
        "mclp": served, "p-median": paid, "p-center": most,
        "lscp": sum(problem.site_cost[j] for j in range(m) if opened[j] and not problem.given[j]),
    }[problem.model]  # fmt: skip


def sites_allowed(problem, opened):
    new = [j for j in range(problem.sites) if opened[j] and not problem.given[j]]
    if any(problem.required[j] and not opened[j] for j in range(problem.sites)):
        return False
    if any(not problem.usable[j] for j in new):
        return False
    groups = [
        problem.one_of[j] for j in range(problem.sites) if opened[j] and problem.one_of[j] >= 0
    ]
    if len(set(groups)) < len(groups):
        return False
    if problem.count is not None and len(new) > problem.count:
        return False
    paid = sum(problem.site_cost[j] for j in new)
    return problem.budget is None or paid <= problem.budget + problem.slack(problem.budget)


def best_of_all(problem):
    """The best of all choices of sites with all assignments; None where there is none."""
    m = problem.sites
    most = problem.model == "mclp"
    ways = [
        [-1, *(int(j) for j in problem.pairs.site[a:b])]
        for a, b in itertools.pairwise(problem.pairs.first)
    ]
    allowed = [
        np.array(opened) for opened in itertools.product([False, True], repeat=m)
        if all(opened[j] for j in np.flatnonzero(problem.given)) and sites_allowed(problem, opened)
    ]  # fmt: skip
    # The largest choices only: a site more never hurts, but for what "lscp" counts.
    best = None
    for assignment in itertools.product(*ways):
        used = {j for j in assignment if j >= 0}
        for opened in allowed:
            if any(not opened[j] for j in used):
                continue
            value = value_of(problem, opened, assignment)
            if value is not None and (best is None or (value > best if most else value < best)):
                best = value
            if problem.model != "lscp":
                break
    return best


def little(rng, model):
    """A little problem with any of the options."""
    n, m = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    cost = rng.integers(0, 12, (n, m)).astype(float)
    cost[rng.random((n, m)) < 0.15] = np.nan
    demand = rng.integers(0, 9, n).astype(float)
    demand[0] = max(demand[0], 1.0)
    if rng.random() < 0.3:
        demand = demand / 10
    capacity = rng.choice([*np.arange(2, 22, dtype=float), np.inf], m)
    if demand.max() < 1:
        capacity = capacity / 10
    options = {"capacity": capacity, "model": model}
    roles = rng.choice(["", "given", "required", "closed"], m, p=[0.7, 0.1, 0.1, 0.1])
    for name in ("given", "required", "closed"):
        options[name] = tuple(int(j) for j in np.flatnonzero(roles == name))
    if rng.random() < 0.5:
        options["limit"] = float(rng.integers(4, 12))
    if rng.random() < 0.4:
        options["one_of"] = rng.integers(-1, 2, m)
    if rng.random() < 0.5:
        options["site_cost"] = rng.integers(0, 6, m).astype(float)
    if model == "lscp":
        if rng.random() < 0.4:
            options["share"] = float(rng.choice([0.3, 0.5, 0.8]))
    else:
        choices = m - len(options["given"]) - len(options["closed"])
        least = len(options["required"])
        if "site_cost" in options and rng.random() < 0.6:
            options["budget"] = float(rng.integers(0, 10))
        if "budget" not in options or rng.random() < 0.5:
            options["count"] = int(rng.integers(least, max(choices, least) + 1))
    return cost, demand, options


def little_problems(model, many, seed):
    """Little problems of which it cannot be told at a glance that there is no answer."""
    rng = np.random.default_rng(seed)
    while many:
        cost, demand, options = little(rng, model)
        problem = asked(cost, demand, **options)
        if not impossible(problem):
            many -= 1
            yield (cost, demand, options), problem


@pytest.mark.parametrize("model", MODELS)
def test_equals_the_best_of_all_choices(model):
    for parts, problem in little_problems(model, MANY, 7):
        best = best_of_all(problem)
        found = solve(problem)
        if best is None:
            assert found.exists is False, parts
            assert found.reason
            continue
        assert found.exists, (parts, found.reason)
        assert sites_allowed(problem, found.open), parts
        value = value_of(problem, found.open, found.assignment)
        assert value == pytest.approx(best, rel=1e-9), (parts, found)
        assert found.bound == pytest.approx(best, rel=1e-8), (parts, found)


@pytest.mark.parametrize("seconds", [0.0, 0.003])
@pytest.mark.parametrize("model", MODELS)
def test_a_bound_is_never_on_the_wrong_side_however_short_the_time(model, seconds):
    for parts, problem in little_problems(model, MANY, 11):
        best = best_of_all(problem)
        found = solve(problem, seconds)
        if not found.exists:
            assert found.reason
            assert found.exists is None or best is None, parts
            continue
        value = value_of(problem, found.open, found.assignment)
        assert sites_allowed(problem, found.open), parts
        assert value is not None, parts
        if model == "mclp":
            assert value <= best + 1e-9 <= found.bound + 2e-9, parts
        else:
            assert value >= best - 1e-9 >= found.bound - 2e-9, parts


@pytest.mark.parametrize("model", MODELS)
def test_locate_takes_the_answers_and_tells_the_same_twice(model):
    for (cost, demand, options), problem in little_problems(model, 10, 13):
        one = locate(cost, demand, **options)
        other = locate(cost, demand, **options)
        assert one.status == ("infeasible" if best_of_all(problem) is None else "optimal")
        np.testing.assert_array_equal(one.chosen, other.chosen)
        np.testing.assert_array_equal(one.assignment, other.assignment)


# --- by hand


def test_most_people_that_fit_into_one_site():
    # 6 + 4 fill the site of 10; 6 + 5 are too many, 5 + 4 one less.
    siting = locate([[1.0], [1.0], [1.0]], [6, 5, 4], model="mclp", count=1, capacity=[10])
    assert (siting.objective, siting.bound, siting.status) == (10.0, 10.0, "optimal")
    assert siting.assignment.tolist() == [0, -1, 0]


def test_a_full_site_sends_somebody_on():
    # Site 0 is next to all three but holds two of them. To send demand 0 to site 1 costs
    # 3 x (4 - 1) = 9 more, demand 1 3 x (6 - 1) = 15, demand 2 3 x (9 - 1) = 24.
    cost = [[1.0, 4.0], [1.0, 6.0], [1.0, 9.0]]
    siting = locate(cost, [3, 3, 3], model="p-median", count=2, capacity=[6, 6])
    assert siting.objective == 9 + 9
    assert siting.assignment.tolist() == [1, 0, 0]
    free = locate(cost, [3, 3, 3], model="p-median", count=2, capacity=[np.inf, 6])
    assert free.objective == 9
    centre = locate(cost, [3, 3, 3], model="p-center", count=2, capacity=[6, 6])
    assert (centre.objective, centre.bound) == (4.0, 4.0)


def test_fewest_sites_is_packing():
    # 6 + 4 and 5 + 5 fill two sites of 10 to the brim; 1 more person needs a third.
    near = np.ones((4, 4))
    siting = locate(near, [6, 5, 5, 4], model="lscp", capacity=[10] * 4)
    assert (siting.objective, siting.status) == (2.0, "optimal")
    more = locate(np.ones((5, 4)), [6, 5, 5, 4, 1], model="lscp", capacity=[10] * 4)
    assert (more.objective, more.status) == (3.0, "optimal")
    # 80 % of 20 are 16: 6 + 5 + 5 still need two sites, 50 % need one.
    share = locate(near, [6, 5, 5, 4], model="lscp", capacity=[10] * 4, share=0.8)
    assert share.objective == 2
    half = locate(near, [6, 5, 5, 4], model="lscp", capacity=[10] * 4, share=0.5)
    assert half.objective == 1


def test_a_given_site_is_filled_first_and_not_counted():
    siting = locate(
        np.ones((3, 3)), [5, 5, 5], model="lscp", capacity=[10, 5, 5], given=[0], closed=[1]
    )
    assert siting.chosen.tolist() == [2]
    assert sorted(siting.assignment.tolist()) == [0, 0, 2]


def test_sites_that_exclude_each_other_and_money():
    # Site 0 would do alone, but costs 9; 1 and 2 are two ways of one room; so 1 (or 2) and 3.
    cost = np.ones((2, 4))
    siting = locate(
        cost, [5, 5], model="p-median", budget=8, site_cost=[9, 3, 3, 4],
        capacity=[10, 5, 5, 5], one_of=[-1, 0, 0, -1],
    )  # fmt: skip
    assert siting.status == "optimal"
    assert siting.chosen.tolist() in ([1, 3], [2, 3])


def test_a_capacity_holds_its_sum_of_fractions_and_no_more():
    # 0.1 + 0.2 is 0.30000000000000004: that is rounding. Half a ten-millionth is not, although
    # HiGHS alone would let it pass.
    assert locate(np.ones((2, 2)), [0.1, 0.2], model="lscp", capacity=[0.3, 0.3]).objective == 1
    over = [0.5, 0.5 + 5e-8]
    assert locate(np.ones((2, 2)), over, model="lscp", capacity=[1.0, 1.0]).objective == 2
    solved = solve_model(
        task_of(asked(np.ones((2, 2)), over, model="lscp", capacity=[1.0, 1.0])),
        time.monotonic() + 10, 0,
    )  # fmt: skip
    assert solved.ended
    assert solved.opened.all()
    nearly = asked(
        np.ones((2, 2)), over, model="lscp", capacity=[1.0, 1.0], share=0.9999999999
    )  # fmt: skip
    assert solve(nearly).open.sum() == 2


# --- why not


def why_not(cost, demand, **options):
    found = solve(asked(cost, demand, **options))
    assert found.exists is False
    return found.reason


def test_says_that_the_sites_together_hold_too_little():
    words = why_not(np.ones((3, 3)), [6, 7, 7], model="p-median", count=2, capacity=[8, 7, 7])
    assert words == (
        "20 people are to be served, but no 2 sites that may be open can serve more than 15 "
        "together"
    )


def test_says_that_demands_cannot_be_cut():
    # 15 people and 16 places, but nobody can be cut into two.
    words = why_not(np.ones((3, 2)), [5, 5, 5], model="p-median", count=2, capacity=[8, 8])
    assert words == (
        "no choice of sites of 2 serves all demands whole within what each site holds, "
        "though without capacities there is one"
    )


def test_says_that_the_sites_do_not_even_reach_everybody():
    words = why_not(
        [[1.0, 9.0], [9.0, 1.0]], [1, 1], model="p-median", count=1, limit=5, capacity=[2, 2]
    )
    assert words == (
        "2 people are to be served, but no site that may be open can serve more than 1"
    )
    # Three places in a ring, each site at two of them; two people of 0 count too.
    ring = [[1.0, 1.0, np.nan], [np.nan, 1.0, 1.0], [1.0, np.nan, 1.0]]
    words = why_not(ring, [4, 0, 0], model="p-center", count=1, capacity=[9, 9, 9])
    assert words == "no choice of sites of 1 reaches everybody, even without capacities"


def test_says_that_a_share_is_out_of_reach():
    words = why_not(
        [[1.0], [9.0]], [4, 6], model="lscp", share=0.5, limit=5, capacity=[9]
    )  # fmt: skip
    assert words == "5 people are to be served, but only 4 have a site in reach that holds them"


# --- the parts


def test_a_knapsack_is_solved_to_the_best():
    rng = np.random.default_rng(3)
    for _ in range(200):
        many = int(rng.integers(1, 9))
        need = rng.integers(1, 12, many).astype(float)
        gain = rng.uniform(0.1, 9, many)
        order = np.argsort(-gain / need)
        gain, need = gain[order], need[order]
        room = float(rng.integers(0, 40))
        taken = np.zeros(many, bool)
        best, relaxed, _ = _knapsack(gain, need, room, taken, 10_000)
        sets = np.array(list(itertools.product([0.0, 1.0], repeat=many)))
        most = (sets @ gain)[sets @ need <= room].max()
        assert best == pytest.approx(most)
        assert relaxed >= most - 1e-9
        assert need[taken].sum() <= room
        assert gain[taken].sum() == pytest.approx(most)


@pytest.mark.parametrize("model", ["mclp", "lscp", "p-median"])
def test_bounds_hold_for_all_answers_and_for_those_that_use_a_pair(model):
    looked = 0
    for parts, problem in little_problems(model, 25, 17):
        task = task_of(problem)
        sums = {}
        rows = [
            [*([] if task.all else [-1]), *task.site[a:b].tolist()]
            for a, b in itertools.pairwise(task.first)
        ]
        opens = [
            np.array(opened) for opened in itertools.product([False, True], repeat=task.sites)
            if task.sites_allowed(np.array(opened))
        ]  # fmt: skip
        for assignment in itertools.product(*rows):
            at = np.array(assignment)
            least = min(
                (task.value(opened, at) for opened in opens if task.allowed(opened, at)),
                default=np.inf,
            )
            sums[assignment] = least
        best = min(sums.values(), default=np.inf)
        if not np.isfinite(best):
            continue
        looked += 1
        bounded = bounds_of(task, cut_of(task, best + 1.0), time.monotonic() + 5)
        assert bounded.bound <= best + 1e-9, parts
        for p, (i, j) in enumerate(zip(task.demand, task.site, strict=True)):
            using = min((v for at, v in sums.items() if at[i] == j), default=np.inf)
            assert bounded.least[p] <= using + 1e-9, (parts, i, j)
    assert looked > 5


def test_the_search_alone_finds_the_best_of_little_problems_mostly():
    hits, looked = 0, 0
    for _, problem in little_problems("p-median", 40, 19):
        best = best_of_all(problem)
        task = task_of(problem)
        found = search(task, time.monotonic() + 10, 0)
        if best is None:
            assert found is None
            continue
        looked += 1
        hits += found is not None and problem.objective(*found) <= best + 1e-9
    assert hits >= 0.9 * looked
