"""The plain model of all questions, by hand; the other solvers are tested against it."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sp

from gis.siting.mip import Mip, solve_mip
from gis.siting.model import fill_up, solve_general
from gis.siting.problem import read_problem

NONE = {
    "capacity": None, "required": (), "given": (), "closed": (), "site_cost": None, "budget": None,
    "share": None, "one_of": None, "limit": None, "count": None, "seed": 0, "time_limit_s": 60.0,
}  # fmt: skip
STREET = 100.0 * np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
PEOPLE = np.array([10.0, 20, 30, 40, 50, 60])


def solve(**options):
    problem = read_problem(STREET, PEOPLE, **{**NONE, **options})
    found = solve_general(problem, time.monotonic() + 60)
    return problem, found


@pytest.mark.parametrize(
    ("options", "objective"),
    [
        ({"model": "mclp", "count": 1, "limit": 100}, 150),
        ({"model": "lscp", "limit": 100}, 2),
        ({"model": "lscp", "limit": 100, "share": 0.7}, 1),
        ({"model": "p-median", "count": 1}, 26_000),
        ({"model": "p-center", "count": 1}, 300),
        # All people come in tens, so that a site for 105 holds 100 at most: 60 + 40, 50 + 30 + 20.
        ({"model": "mclp", "count": 2, "capacity": [105] * 6}, 200),
        ({"model": "mclp", "count": 1, "capacity": [100] * 6}, 100),
    ],
)
def test_by_hand(options, objective):
    problem, found = solve(**options)
    assert problem.objective(found.open, found.assignment) == pytest.approx(objective)
    assert found.bound == pytest.approx(objective)


def test_nothing_that_keeps_all_limits_is_told():
    _, found = solve(model="p-median", count=2, capacity=[100] * 6)
    assert found.exists is False
    assert "no choice" in found.reason


def test_no_time_is_no_answer():
    problem = read_problem(STREET, PEOPLE, **{**NONE, "model": "lscp", "limit": 100})
    found = solve_general(problem, time.monotonic())
    assert found.exists is None
    assert "time ran out" in found.reason


def test_a_choice_is_filled_up_with_what_is_cheapest_and_allowed():
    asked = {
        **NONE, "model": "mclp", "count": 4, "limit": 100, "site_cost": [9, 1, 5, 2, 2, 8],
        "budget": 16, "one_of": [-1, 3, -1, 3, -1, -1],
    }  # fmt: skip
    problem = read_problem(STREET, PEOPLE, **asked)
    filled = fill_up(problem, np.array([True, False, False, False, False, False]))
    # 9 + 1 + 2 + (2 of site 3 excludes site 1) + 5 is 17: too much; so three are open.
    assert np.flatnonzero(filled).tolist() == [0, 1, 4]


def test_a_bound_of_whole_objectives_is_whole():
    # Three rows of a triangle: the relaxation says 1.5, two columns are needed.
    rows = sp.csr_array(np.array([[1.0, 1, 0], [0, 1, 1], [1, 0, 1]]))
    none, ones = np.zeros(3), np.ones(3)
    mip = Mip(ones, none, ones, ones > 0, rows, ones, np.full(3, np.inf), exact=True)
    solved = solve_mip(mip, time.monotonic() + 10)
    assert (solved.bound, solved.ended) == (2.0, True)
    loose = Mip(ones, none, ones, none > 0, rows, ones, np.full(3, np.inf))
    assert solve_mip(loose, time.monotonic() + 10).bound == pytest.approx(1.5)
    mip.most = none
    assert solve_mip(mip, time.monotonic() + 10).values is None
