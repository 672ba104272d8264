"""All sets of units that could be a district: each is met once, with what it costs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition.aims import score
from gis.partition.check import check_partition
from gis.partition.sets import Ask, Found, make_field, make_walk, sweep
from tests.partition_cases import asked, connected_sets


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_every_connected_set_is_met_once(seed, priced):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 11))
    pairs = list(itertools.combinations(range(n), 2))
    links = [p for p in pairs if rng.random() < 3 / n] or pairs[:1]
    most_units = int(rng.integers(2, 7))
    problem = asked(links, np.ones(n), low=0, high=most_units)
    field, blocks = make_field(problem, np.ones(n, bool))
    # Priced: only what is cheaper than its price is asked for; the rest may be spared.
    price = np.full(n, rng.uniform(0.2, 1.0)) if priced else np.zeros(n)
    most, dense = (0.0, float(price[0])) if priced else (1e9, 1e9)
    found = Found(
        np.ones(n), np.zeros(1000), np.zeros((1000, n + 1), np.int64), np.zeros(n, np.int64),
        np.zeros(1, np.int64),
    )  # fmt: skip
    sweep(field, make_walk(field), Ask(price, 0.0, most, dense), found, 0, n, 10**6)
    met = [tuple(sorted(row[1 : 1 + row[0]].tolist())) for row in found.best[: found.many[0]]]
    expected = {}
    for members in connected_sets(links, n, most_units):
        cut = sum((a in members) != (b in members) for a, b in links) / 2
        if cut - price[list(members)].sum() <= most:
            expected[tuple(sorted(blocks.block[list(members)].tolist()))] = cut
    assert sorted(met) == sorted(expected)
    assert not found.open.any()
    for row, members in enumerate(met):
        assert found.cost[row] == pytest.approx(expected[members])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_a_set_costs_what_a_plan_pays_for_it(seed):
    """A district by itself, all else left out, pays all but its links; those are halves."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    pairs = list(itertools.combinations(range(n), 2))
    links = [p for p in pairs if rng.random() < 0.5] or pairs[:1]
    cost = rng.integers(1, 9, (n, n)).astype(float)
    np.fill_diagonal(cost, 0)
    problem = asked(
        links, rng.integers(0, 9, n), low=0, high=20, cost=cost, xy=rng.normal(size=(n, 2)),
        classes={"street": rng.integers(-1, 3, n), "office": rng.integers(0, 2, n)},
        objective={"spread": 1.0, "compact": 2.0, "street": 3.0, "office": 1.0},
        same=[pairs[0]] if rng.random() < 0.5 else [],
        apart=[pairs[-1]] if len(pairs) > 1 and rng.random() < 0.5 else [],
    )  # fmt: skip
    field, blocks = make_field(problem, np.ones(n, bool))
    u = blocks.units
    found = Found(
        np.ones(u), np.zeros(500), np.zeros((500, u + 1), np.int64), np.zeros(u, np.int64),
        np.zeros(1, np.int64),
    )  # fmt: skip
    sweep(field, make_walk(field), Ask(np.zeros(u), 0.0, 1e9, 1e9), found, 0, u, 10**6)
    classes = sum(
        factor * (np.unique(held[held >= 0])).size for factor, held in problem.split_classes
    )
    for row in range(int(found.many[0])):
        members = np.isin(blocks.block, found.best[row, 1 : 1 + found.best[row, 0]])
        label = np.where(members, 0, -1)
        held = sum(
            factor * np.unique(of[members & (of >= 0)]).size for factor, of in problem.split_classes
        )
        assert held <= classes
        assert found.cost[row] == pytest.approx(score(problem, label) + held)
        assert not check_partition(
            links, problem.size, label, low=0, high=20, apart=problem.apart.tolist()
        )


def test_a_root_with_too_many_sets_is_told():
    links = [(a, b) for a, b in itertools.combinations(range(12), 2)]
    problem = asked(links, np.ones(12), low=0, high=6)
    field, _ = make_field(problem, np.ones(12, bool))
    found = Found(
        np.ones(12), np.zeros(12), np.zeros((12, 13), np.int64), np.zeros(12, np.int64),
        np.zeros(1, np.int64),
    )  # fmt: skip
    sweep(field, make_walk(field), Ask(np.ones(12), 0.0, -1.0, 1e9), found, 0, 12, 100)
    assert found.open[0] == 1
    assert found.open[11] == 0, "the last root has one set"
