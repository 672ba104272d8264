"""Alternatives on a 4 x 4 board cut into four quarters: there are 117 ways (OEIS A172477)."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from gis.errors import OptionError
from gis.plans.alternatives import alternatives, difference
from tests.plan_grid import beside, drawn, grid_estates, grid_links, grid_plan, words_of

BLOCKS = "a a b b a a b b c c d d c c d d"
ROWS = "a a a a b b b b c c c c d d d d"
LINKS = grid_links(4, 4)


@cache
def ways() -> tuple[str, ...]:
    """All ways of cutting the board into four connected quarters."""
    near = {v: {int(b if a == v else a) for a, b in LINKS if v in (a, b)} for v in range(16)}

    def quarters(start: int, free: frozenset[int]) -> set[frozenset[int]]:
        found = {frozenset({start})}
        for _ in range(3):
            found = {q | {w} for q in found for v in q for w in near[v] & free if w not in q}
        return found

    def cut(free: frozenset[int]):
        if not free:
            yield ()
            return
        for quarter in quarters(min(free), free):
            for rest in cut(free - quarter):
                yield (quarter, *rest)

    out = []
    for way in cut(frozenset(range(16))):
        names = {v: "abcd"[i] for i, quarter in enumerate(way) for v in quarter}
        out.append(" ".join(names[v] for v in range(16)))
    return tuple(sorted(set(out)))


class Every:
    """Makes the best of all ways: cut links and further wishes, scaled as `partition` does."""

    def __init__(self, ways: tuple[str, ...]) -> None:
        self.ways, self.asked = ways, []

    def solve(self, *, name="plan", seed=0, time_limit_s=1.0, extra_links=None):
        self.asked.append((seed, time_limit_s, sorted(extra_links or {})))

        def cost(words: str) -> tuple[float, str]:
            own = np.array(words.split())
            cut = own[LINKS[:, 0]] != own[LINKS[:, 1]]
            extra = sum(float(c[cut].sum() / c.sum()) for c in (extra_links or {}).values())
            return round(cut.sum() / len(LINKS) + extra, 9), words

        plan = drawn(min(self.ways, key=cost), beside(LINKS), sizes={"people": (4000, 4000)})
        object.__setattr__(plan, "bound", 8.0)
        return plan

    def measure(self, plan):
        own = plan.district
        return float((own[LINKS[:, 0]] != own[LINKS[:, 1]]).sum())


def test_the_board_has_117_ways():
    assert len(ways()) == 117


def test_the_difference_of_blocks_and_rows_is_a_half():
    blocks, rows = grid_plan(BLOCKS, 4, 4), grid_plan(ROWS, 4, 4)
    assert difference(blocks, rows, np.ones(16)) == 0.5, "each row shares two estates with a block"
    assert difference(blocks, blocks, np.ones(16)) == 0
    renamed = grid_plan(BLOCKS.translate(str.maketrans("abcd", "dabc")), 4, 4)
    assert difference(blocks, renamed, np.ones(16)) == 0, "names do not count"
    one = grid_plan("b" + BLOCKS[1:], 4, 4)
    assert difference(blocks, one, np.arange(16) + 1.0) == pytest.approx(1 / 136)
    out = grid_plan("-" + BLOCKS[1:], 4, 4)
    assert difference(blocks, out, np.ones(16)) == 1 / 16
    assert difference(out, out, np.full(16, np.nan)) == 0
    with pytest.raises(OptionError, match="different estates"):
        difference(blocks, grid_plan("a", 1, 1), np.ones(16))


def test_alternatives_are_good_and_really_different():
    found = alternatives(Every(ways()), 4, estates=grid_estates(4, 4), worse=0.25, unlike=0.25)
    assert words_of(found.plans[0]) == BLOCKS
    assert found.objectives[0] == 8
    assert len(found.plans) == 4
    assert max(found.objectives) <= 10, "at most a quarter worse than 8"
    assert list(found.objectives) == sorted(found.objectives)
    off = found.differences[~np.eye(4, dtype=bool)]
    assert off.min() >= 0.25
    assert np.allclose(found.differences, found.differences.T)
    assert found.reason == ""
    assert [p.name for p in found.plans] == ["plan-1", "plan-2", "plan-3", "plan-4"]
    assert (found.plans[0].status, found.plans[0].gap) == ("optimal", 0)
    last = found.plans[-1]
    assert (last.objective, last.bound, last.gap) == (10, 8, 0.2)


def test_fewer_than_asked_for_says_why():
    found = alternatives(Every(ways()), 3, estates=grid_estates(4, 4), worse=0, unlike=0.25)
    assert len(found.plans) == 1, "only one way cuts as few as 8 links"
    assert found.tried == 12
    assert found.reason.startswith("12 plans were made; 1 of them are at most 0% worse")
    no = Every(("- " * 16,))
    none = alternatives(no, 3, estates=grid_estates(4, 4))
    assert (none.plans, none.reason) == ((), "no plan was found")


def test_broken_plans_are_no_alternatives():
    torn = "a b a b " * 4
    found = alternatives(Every((BLOCKS, torn.strip())), 2, estates=grid_estates(4, 4), worse=9)
    assert [words_of(p) for p in found.plans] == [BLOCKS]


def test_same_seed_same_tries():
    one, two = Every(ways()), Every(ways())
    alternatives(one, 3, estates=grid_estates(4, 4), seed=7, time_limit_s=24)
    alternatives(two, 3, estates=grid_estates(4, 4), seed=7, time_limit_s=24)
    assert one.asked == two.asked
    assert one.asked[0] == (7, 2.0, [])
    assert one.asked[1] == (8, 2.0, ["unlike-1"])


@pytest.mark.parametrize("options", [{"n": 0}, {"worse": -1}, {"unlike": 2}])
def test_options_out_of_range(options):
    with pytest.raises(OptionError, match="give 1 plan or more"):
        alternatives(Every(ways()), **({"n": 2, "estates": grid_estates(4, 4)} | options))


def test_the_named_plan_counts_as_the_first_and_is_never_kept_again():
    board = grid_estates(4, 4)
    blocks = drawn(BLOCKS, beside(LINKS), sizes={"people": (4000, 4000)})
    found = alternatives(
        Every(ways()), 3, estates=board, named=blocks, worse=0.25, unlike=0.25, name="blocks"
    )
    assert [p.name for p in found.plans] == ["blocks-1", "blocks-2", "blocks-3"]
    assert BLOCKS not in [words_of(p) for p in found.plans]
    shares = tuple(difference(blocks, p, np.ones(16)) for p in found.plans)
    assert found.from_named == shares
    assert min(shares) >= 0.25
    assert max(found.objectives) <= 10, "the named plan, of 8, is the best"
    # With any difference allowed the plan itself is still none of them, whatever its names.
    renamed = drawn(BLOCKS.translate(str.maketrans("abcd", "dabc")), beside(LINKS),
                    sizes={"people": (4000, 4000)})  # fmt: skip
    same = alternatives(Every((BLOCKS,)), 2, estates=board, named=renamed, unlike=0)
    assert (same.plans, same.from_named) == ((), ())
    assert "than 'drawn' and than each other" in same.reason
    # An estate of nobody makes a plan that differs by no people, but differs.
    people = [0] + [1000] * 15
    moved = "b" + BLOCKS[1:]
    sizes = {"people": (3000, 5000)}
    lone = grid_estates(4, 4, people=people)
    named = drawn(BLOCKS, beside(LINKS), sizes=sizes)
    assert difference(named, drawn(moved, beside(LINKS)), people) == 0
    assert alternatives(Every((BLOCKS,)), 1, estates=lone, named=named, unlike=0).plans == ()


def test_a_named_plan_of_older_estates_is_held_against_those_there_are():
    older = drawn("a b", beside(np.array([[0, 1]])), uids=["E1", "gone"])
    found = alternatives(Every(ways()), 1, estates=grid_estates(4, 4), named=older, worse=0.25)
    assert len(found.plans) == 1
    # E1 alone is in a district of both.
    assert found.from_named == (15 / 16,)
