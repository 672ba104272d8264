"""Sites in phases: by hand, and against all nested choices."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from gis.errors import OptionError
from gis.siting.phases import locate_phases

# Site 0 reaches the two middle demands (6 + 6), site 1 the left half, site 2 the right half.
COST = [[9, 1, 9], [1, 1, 9], [1, 9, 1], [9, 9, 1]]
PEOPLE = [5, 6, 6, 5]


def test_the_best_first_site_can_be_in_the_way_of_the_best_two() -> None:
    found = locate_phases(COST, PEOPLE, counts=(1, 2), limit=2)
    assert [p.chosen.tolist() for p in found.phases] == [[0], [0, 1]]
    assert [p.siting.objective for p in found.phases] == [12, 17]
    assert [p.best.objective for p in found.phases] == [12, 22]
    assert found.phases[1].added.tolist() == [1]
    assert found.phases[1].regret == pytest.approx(5 / 22)
    assert found.status == "optimal"


def test_least_regret_gives_up_a_little_at_first() -> None:
    found = locate_phases(COST, PEOPLE, counts=(1, 2), limit=2, order="least-regret")
    # Site 1 or 2 first: 11 of 12 (1/12), then both: 22 of 22.
    assert [p.siting.objective for p in found.phases] == [11, 22]
    assert found.regret == found.regret_bound == pytest.approx(1 / 12)
    assert (found.status, found.phases[1].regret) == ("optimal", 0)


def every_nested(m: int, counts: tuple[int, ...], forced: set[int]) -> list[list[list[int]]]:
    """All nested choices of sites."""
    grown: list[list[list[int]]] = [[]]
    for count in counts:
        grown = [
            [*way, sorted(held | set(more))]
            for way in grown
            for held in [set(way[-1]) if way else forced]
            for more in combinations(sorted(set(range(m)) - held), count - len(held))
        ]
    return grown


def value(model: str, cost: Any, people: Any, limit: float, chosen: list[int]) -> float:
    near = cost[:, chosen].min(axis=1)
    if model == "mclp":
        return float(people[near <= limit].sum())
    return float((people * near).sum())


@pytest.mark.parametrize("model", ["mclp", "p-median"])
def test_no_nested_choice_has_less_regret(model: str) -> None:
    counts = (1, 3, 4)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        cost = np.rint(rng.uniform(0, 20, (8, 6)))
        people = rng.integers(1, 9, 8).astype(float)
        limit, required = 4.0, [2] if seed % 3 == 0 else []
        sign = 1.0 if model == "mclp" else -1.0
        reach = {"limit": limit} if model == "mclp" else {}
        alone = [
            max(
                sign * value(model, cost, people, limit, way[0])
                for way in every_nested(6, (c,), set(required))
            )
            for c in counts
        ]
        least = min(
            max(
                (a - sign * value(model, cost, people, limit, c)) / (abs(a) or 1.0)
                for a, c in zip(alone, way, strict=True)
            )
            for way in every_nested(6, counts, set(required))
        )
        ask: dict[str, Any] = {"counts": counts, "model": model, "required": required, **reach}
        found = locate_phases(cost, people, order="least-regret", **ask)
        assert [sign * p.best.objective for p in found.phases] == pytest.approx(alone), seed
        assert found.regret == pytest.approx(least, abs=1e-6), seed
        assert found.status == "optimal", seed
        first = locate_phases(cost, people, **ask)
        assert first.phases[0].regret == 0
        assert first.regret >= found.regret - 1e-6
        hurried = locate_phases(cost, people, order="least-regret", time_limit_s=1e-6, **ask)
        assert hurried.regret_bound <= least + 1e-6, seed
        for before, after in zip(found.phases, found.phases[1:], strict=False):
            assert set(before.chosen) <= set(after.chosen)


def test_a_phase_that_cannot_be_is_named() -> None:
    cost = [[1, np.nan], [np.nan, 1]]
    found = locate_phases(cost, [1, 1], counts=(1, 2), model="p-median")
    assert found.status == "infeasible"
    assert found.reason.startswith("phase 1 of 1: ")
    assert found.phases == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counts": (3, 3)}, "rising"),
        ({"counts": ()}, "give a whole number"),
        ({"counts": (1, 9)}, "count is 9, but there are 3 sites"),
        ({"model": "lscp"}, "phases are for mclp and p-median"),
        ({"order": "best"}, "there is no order 'best'"),
        ({"order": "least-regret", "capacity": [9, 9, 9]}, "least regret knows no capacity"),
    ],
)
def test_what_cannot_be_asked_is_told(change: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError) as told:
        locate_phases(COST, PEOPLE, **({"counts": (1, 2), "limit": 2} | change))
    assert words in str(told.value)
