"""Every walker of ``walkers.toml`` by every pack of ``data/rules``, in the made-up city.

A new walker or pack is tested here as soon as its file is there.
"""

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest

from gis.coverage import measure_on
from gis.network import lay_ground
from gis.rules import load_pack, pack_names
from gis.sample import make_city
from gis.walkers import load_walker, walker_names

STATES = ("covered", "gap", "unlinked", "no_data")


@cache
def city():
    study = make_city(seed=2, estates=40)
    return study, lay_ground(study)


@cache
def measured(pack, walker, *, as_time=False):
    """A pack walked by one walker (None: whom it names); ``as_time``: metres as seconds."""
    study, ground = city()
    rules = load_pack(pack).rules
    if as_time:
        rules = tuple(
            rule if rule.limit_s else replace(rule, limit_m=None, limit_s=rule.limit_m)
            for rule in rules
        )
    return measure_on(ground, study, rules, pack=load_pack(pack), walker=walker)


@pytest.mark.parametrize("pack", pack_names())
@pytest.mark.parametrize("walker", [None, *walker_names()])
def test_every_estate_is_in_one_state_by_every_rule(pack, walker):
    study, _ = city()
    coverage = measured(pack, walker)

    assert len(coverage.items) == len(load_pack(pack).rules)
    for row in coverage.summary():
        assert sum(row[state] for state in STATES) == len(study.layer("estates")), row["rule"]
    by_rule = {row["rule"]: row for row in coverage.summary()}
    assert any(0 < row["covered"] < 40 for row in by_rule.values())


def is_slower(one, other):
    """Whether one walker is nowhere faster than the other, nor goes where the other may not."""
    return (
        one.speed_m_s <= other.speed_m_s
        and one.stairs <= other.stairs
        and (not one.stairs or one.stairs_factor >= other.stairs_factor)
        and one.downhill_gain <= other.downhill_gain
        and (one.steepest or np.inf) <= (other.steepest or np.inf)
        and (one.min_width_m or 0) >= (other.min_width_m or 0)
    )


@pytest.mark.parametrize("pack", pack_names())
def test_a_slower_walker_is_covered_nowhere_else_in_minutes(pack):
    pairs = [
        (one, other)
        for one, other in permutations(walker_names(), 2)
        if is_slower(load_walker(one), load_walker(other))
    ]
    assert ("frail", "elderly") in pairs
    for slow, fast in pairs:
        slower = measured(pack, slow, as_time=True).items
        faster = measured(pack, fast, as_time=True).items
        for few, many in zip(slower, faster, strict=True):
            only = (few.status == "covered") & (many.status != "covered")
            assert not only.any(), (slow, fast, few.rule.id)


@pytest.mark.parametrize("pack", pack_names())
def test_metres_are_the_same_for_all_to_whom_nothing_is_closed(pack):
    free = [name for name in walker_names() if not _held_back(load_walker(name))]
    assert len(free) > 1
    first = measured(pack, free[0]).items
    for name in free[1:]:
        for one, other in zip(first, measured(pack, name).items, strict=True):
            if one.rule.limit_m is not None:
                assert one.status.tolist() == other.status.tolist(), (name, one.rule.id)
                assert np.array_equal(one.walk_m, other.walk_m, equal_nan=True)


def _held_back(walker):
    return not walker.stairs or walker.steepest is not None or walker.min_width_m is not None
