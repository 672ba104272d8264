"""The bounds of Lagrange, whatever the rows pay: never on the wrong side of all choices.

The search finds the best of small problems at once and would hide a wrong bound.
"""

from __future__ import annotations

import numpy as np
import pytest

from gis.siting.cover import fewest as everybody
from gis.siting.cover import most
from gis.siting.cover.case import case_of
from gis.siting.locate import impossible
from gis.siting.problem import read_problem
from tests.siting_cases import best_cover, small

NONE = {
    "capacity": None, "required": (), "given": (), "closed": (), "site_cost": None, "budget": None,
    "share": None, "one_of": None, "limit": None, "count": None, "seed": 0, "time_limit_s": 60.0,
}  # fmt: skip


def asked(seed, model):
    cost, people, options = small(seed, model=model)
    options.pop("share", None)
    problem = read_problem(cost, people, **{**NONE, **options})
    return problem, best_cover(cost, people, options)


@pytest.mark.parametrize("payments", [0.3, 1.0])
def test_no_choice_covers_more_than_the_bound(payments):
    rng = np.random.default_rng(1)
    tight = 0
    for seed in range(150):
        problem, best = asked(seed, "mclp")
        case = case_of(problem, people=True)
        if best is None or impossible(problem) or not case.cover.rows or case.count <= 0:
            continue
        paid = payments * rng.random(case.cover.rows) * case.cover.weight
        bound = most.clean_bound(case, paid)[0] + case.had
        assert bound >= best - 1e-9 * best
        tight += bound <= best + 1e-9
    assert tight > 0


@pytest.mark.parametrize("payments", [0.3, 1.0])
def test_no_choice_costs_less_than_the_bound(payments):
    rng = np.random.default_rng(1)
    near = 0.0
    for seed in range(150):
        problem, best = asked(seed, "lscp")
        case = case_of(problem, people=False)
        if best is None or impossible(problem) or not case.cover.rows:
            continue
        paid = payments * rng.random(case.cover.rows) * case.price.max(initial=1.0)
        forced = float(problem.site_cost[problem.required].sum())
        bound = everybody.clean_bound(case, paid)[0] + forced
        assert bound <= best + 1e-9
        near = max(near, bound / max(best, 1.0))
    assert near > 0.9
