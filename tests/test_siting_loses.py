"""Who loses without a site: by hand in one street, and against every swap of made-up places."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from gis.errors import OptionError
from gis.siting import locate
from gis.siting.loses import without_each

# Six homes 100 m apart in one street, with 10, 20, 30, 40, 50 and 60 people, and a site at each.
STREET = 100.0 * np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
PEOPLE = np.array([10, 20, 30, 40, 50, 60])


def test_most_people_covered():
    asked = {"model": "mclp", "limit": 100}
    found = locate(STREET, PEOPLE, count=2, **asked)
    assert found.chosen.tolist() == [1, 4]
    first, last = without_each(STREET, PEOPLE, found, **asked)
    assert (first.site, first.serves.tolist(), first.people) == (1, [0, 1, 2], 60)
    assert (first.uncovered.tolist(), first.people_lost) == ([0, 1, 2], 60)
    assert first.objective_without == 150
    # Sites 0 and 2 both leave somebody: 0 leaves home 2 (30 people), 2 leaves home 0 (10).
    assert (first.replacement, first.uncovered_then.tolist()) == (2, [0])
    assert (first.people_lost_then, first.objective_then) == (10, 200)
    # Without site 4, site 5 leaves home 3 (40 people), site 3 leaves home 5 (60).
    assert (last.replacement, last.people_lost_then, last.people_lost) == (5, 40, 150)


def test_longer_ways():
    asked = {"model": "p-median"}
    found = locate(STREET, PEOPLE, count=2, required=[1, 4], **asked)
    assert found.objective == 100 * (10 + 30 + 40 + 60)
    first, last = without_each(STREET, PEOPLE, found, **asked)
    # To site 4 in place of 1: 300, 200 and 100 m more... home 0 goes 400 m for 100, home 1 300 m
    # for none, home 2 200 m for 100.
    assert first.uncovered.tolist() == []
    assert first.farther_sum == 10 * 300 + 20 * 300 + 30 * 100
    assert first.farther_most == 300
    assert first.objective_without == found.objective + first.farther_sum
    # Site 2: 200 + 100 + 0 m, and home 3 may go to 2 or 4: 2,000 + 2,000 + 4,000 + 6,000.
    assert (first.replacement, first.objective_then) == (2, 14_000)
    assert last.farther_sum == 40 * 100 + 50 * 300 + 60 * 300
    assert last.replacement in (3, 5)


def test_the_largest_way():
    found = locate(STREET, PEOPLE, model="p-center", count=2)
    losses = without_each(STREET, PEOPLE, found, model="p-center")
    assert [loss.objective_without for loss in losses] == [400, 400]
    alone = locate(STREET, PEOPLE, model="p-center", count=1)
    (loss,) = without_each(STREET, PEOPLE, alone, model="p-center")
    assert np.isnan(loss.objective_without)
    assert (loss.people_lost, loss.uncovered.tolist()) == (210, [0, 1, 2, 3, 4, 5])
    assert (loss.replacement, loss.objective_then) == (5 - int(alone.chosen[0]), 300)


def test_the_largest_way_among_more_homes_than_are_looked_at_first():
    rng = np.random.default_rng(4)
    cost = rng.integers(0, 1000, (900, 9)).astype(float)
    found = locate(cost, np.ones(900), model="p-center", count=4)
    for loss in without_each(cost, np.ones(900), found, model="p-center"):
        rest = [j for j in found.chosen if j != loss.site]
        swaps = [cost[:, [*rest, j]].min(axis=1).max() for j in range(9) if j not in found.chosen]
        assert loss.objective_then == min(swaps)


def test_a_cover_that_is_short_of_one():
    asked = {"model": "lscp", "limit": 100}
    found = locate(STREET, PEOPLE, **asked)
    first, _ = without_each(STREET, PEOPLE, found, **asked)
    assert np.isnan(first.objective_without)
    assert first.uncovered_then.tolist() in ([0], [2])
    share = {**asked, "share": 0.7}
    found = locate(STREET, PEOPLE, **share, required=[1])
    assert found.chosen.tolist() == [1, 4]
    first, last = without_each(STREET, PEOPLE, found, **share)
    assert first.objective_without == 1  # 150 of 210 are more than 0.7
    assert np.isnan(last.objective_without)


def test_replacements_keep_to_what_was_asked():
    asked = {"model": "mclp", "limit": 100}
    found = locate(STREET, PEOPLE, count=1, **asked)
    assert found.chosen.tolist() == [4]

    def stands_in(**more):
        (loss,) = without_each(STREET, PEOPLE, found, **asked, **more)
        return loss.replacement

    assert stands_in() == 3  # 120 people, 5 has 110
    assert stands_in(closed=[3]) == 5
    assert stands_in(site_cost=[1, 1, 1, 9, 5, 1], budget=5) == 5
    assert stands_in(given=[5], one_of=[-1, -1, -1, 2, -1, 2]) == 2
    assert stands_in(one_of=[-1, -1, -1, 2, 2, 2]) == 3  # the two exclude site 4, which is gone
    assert stands_in(closed=[0, 1, 2, 3, 5]) is None


def test_capacities_are_asked_anew():
    asked = {"model": "mclp", "capacity": [60] * 6}
    found = locate(STREET, PEOPLE, count=3, **asked)
    losses = without_each(STREET, PEOPLE, found, **asked)
    assert [loss.objective_without for loss in losses] == [120, 120, 120]
    assert [loss.objective_then for loss in losses] == [180, 180, 180]
    assert all(loss.proved for loss in losses)
    median = {"model": "p-median", "capacity": [110, 110, 110, 110, 110, 60]}
    found = locate(STREET, PEOPLE, count=2, **median)
    losses = without_each(STREET, PEOPLE, found, **median)
    assert all(np.isnan(loss.objective_without) for loss in losses)
    # One site holds 110 at most, so 100 people or more are left out.
    assert [loss.people_lost for loss in losses] == [100, 100]


def test_no_answer_has_no_losses_and_a_wrong_one_is_refused():
    none = locate(STREET, PEOPLE, model="p-median", count=0)
    assert without_each(STREET, PEOPLE, none, model="p-median") == ()
    found = locate(STREET, PEOPLE, model="p-median", count=1)
    with pytest.raises(OptionError, match="not as many demands"):
        without_each(STREET[:5], PEOPLE[:5], found, model="p-median")


def value_of(cost, people, limit, model, is_open):
    """Objective of open sites by the definition, NaN where somebody is not served."""
    near = np.where(cost <= limit, cost, np.inf)[:, is_open].min(axis=1, initial=np.inf)
    if model == "mclp":
        return people[np.isfinite(near)].sum()
    if not np.isfinite(near).all():
        return np.nan
    if model == "lscp":
        return len(is_open)
    return (people * near).sum() if model == "p-median" else near.max()


@pytest.mark.parametrize("model", ["mclp", "lscp", "p-median", "p-center"])
@pytest.mark.parametrize("seed", range(12))
def test_every_swap_of_made_up_places(model, seed):
    rng = np.random.default_rng(seed)
    cost = np.where(rng.random((12, 7)) < 0.25, np.inf, rng.integers(0, 9, (12, 7)))
    people = rng.integers(0, 9, 12)
    people[0] = 1
    limit = float(rng.choice([4, 8]))
    count = None if model == "lscp" else 3
    row, column = np.nonzero(np.isfinite(cost))
    first = np.searchsorted(row, np.arange(13))
    matrix = sp.csr_array((cost[row, column], column, first), shape=cost.shape)
    found = locate(matrix, people, model=model, count=count, limit=limit)
    better = max if model == "mclp" else min
    for loss in without_each(matrix, people, found, model=model, limit=limit):
        rest = [j for j in found.chosen if j != loss.site]
        alone = value_of(cost, people, limit, model, rest)
        assert loss.objective_without == alone or np.isnan([loss.objective_without, alone]).all()
        others = [j for j in range(7) if j not in found.chosen]
        values = [value_of(cost, people, limit, model, [*rest, j]) for j in others]
        possible = [v for v in values if not np.isnan(v)]
        if possible:
            assert loss.objective_then == better(possible)
        else:
            assert np.isnan(loss.objective_then)
