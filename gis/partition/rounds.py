"""All connected parts searched side by side, round after round; the best whole plan is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.partition.aims import lost_cost, score
from gis.partition.contract import Blocks, blocks_of, join_torn, make_instance, make_small
from gis.partition.exact import enumerate_all
from gis.partition.problem import Problem
from gis.partition.reduce import Reduced, count_range, sums
from gis.partition.search import Clock, Search
from gis.partition.state import BALANCE, COMPACT, MIXED
from gis.partition.tiny import solve_tiny

Labels = NDArray[np.int64]
Live = Callable[[Labels, float], bool]

TRIED_FIRST: Final = 14
NODES_FIRST: Final = 300_000
NODES_AFTER: Final = 3_000_000
_WORTH_GOING_ON: Final = 1e-3
_PATIENCE: Final = 3
_MOST_ROUNDS: Final = 200
_TRIES_ALONE, _TRIES_OF_SEVERAL = 12, 4


@dataclass(eq=False)
class Rounds:
    """A search over the whole problem; ``label`` (n,) is the best plan so far."""

    problem: Problem
    reduced: Reduced
    seed: int
    clock: Clock
    live: Live | None
    label: Labels = field(init=False)
    rank: tuple[float, int, float] = field(init=False, default=(-1.0, 0, np.inf))
    """Size and units placed, less the objective; of ``label``."""
    proved: NDArray[np.bool_] = field(init=False)
    """(c,) connected parts of which every way was tried."""
    stopped: bool = field(init=False, default=False)
    failed: dict[int, set[int]] = field(init=False, default_factory=dict)
    """By connected part, numbers of districts that were tried in vain."""
    forced: dict[int, int] = field(init=False, default_factory=dict)
    """By connected part, the number of districts to try after that."""

    def __post_init__(self) -> None:
        self.label = np.full(self.problem.units, -1, np.int64)
        self.proved = np.zeros(self.reduced.components, bool)

    def run(self) -> None:
        """Search until nothing is gained any more, the time is out, or ``live`` says stop."""
        done, parts = self._parts()
        for _, search in parts:
            search.first()
        self._consider(done, parts)
        best, idle = self.rank, 0
        for number in range(_MOST_ROUNDS if parts and not self.stopped else 0):
            lacking = [search for _, search in parts if search.lacking]
            for search in lacking or [search for _, search in parts]:
                search.round()
                if self.clock.out:
                    break
            tries = _TRIES_ALONE if len(parts) == 1 else _TRIES_OF_SEVERAL
            tired = [search.lacking and search.rounds >= tries for _, search in parts]
            if any(tired) and not self._shift(parts, tired):
                break
            self._consider(done, parts)
            if self.stopped or self.clock.out:
                break
            if self.rank[:2] > best[:2] or self.rank[2] < best[2] - _WORTH_GOING_ON * abs(best[2]):
                best, idle = self.rank, 0
            else:
                idle += 1
            if idle >= _PATIENCE and number >= _PATIENCE and self.rank[0] >= 0:
                break

    def _parts(self) -> tuple[Labels, list[tuple[Blocks, Search]]]:
        """Return the districts of parts so small that all ways were tried, and the other parts."""
        problem, reduced = self.problem, self.reduced
        counts = share_out(problem, reduced, {})
        done = np.full(problem.units, -1, np.int64)
        parts: list[tuple[Blocks, Search]] = []
        for c in range(reduced.components):
            blocks = blocks_of(problem, reduced.component == c)
            alone = reduced.components == 1 or problem.kind != MIXED or not problem.balance_weight
            if problem.count is None and alone and blocks.units <= TRIED_FIRST:
                label, self.proved[c] = try_all(problem, blocks, None, done, NODES_FIRST)
                if self.proved[c]:
                    done = _add(done, label)
                    continue
            part = self._search_of(blocks, counts[c])
            if part is not None:
                parts.append(part)
        return done, parts

    def _shift(self, parts: list[tuple[Blocks, Search]], tired: list[bool]) -> bool:
        """Give a part that failed with its count the nearest other one; False: none is left.

        The other parts take the difference.
        """
        of = [int(self.reduced.component[np.flatnonzero(b.block >= 0)[0]]) for b, _ in parts]
        reach = count_range(self.problem, self.reduced)
        wanted = share_out(self.problem, self.reduced, {})
        for c, (_, search), is_tired in zip(of, parts, tired, strict=True):
            if is_tired and search.count is not None:
                failed = self.failed.setdefault(c, set())
                failed.add(search.count)
                low, high = (int(k) for k in reach[c])
                free = [k for k in range(low, min(high, self.problem.count or 0) + 1)
                        if k not in failed]  # fmt: skip
                if not free:
                    return False
                self.forced[c] = min(free, key=lambda k: (abs(k - (wanted[c] or 0)), k))
        counts = share_out(self.problem, self.reduced, self.forced)
        for i, c in enumerate(of):
            if counts[c] is None:
                return False
            if counts[c] != parts[i][1].count:
                blocks = blocks_of(self.problem, self.reduced.component == c)
                part = self._search_of(blocks, counts[c])
                if part is None:
                    return False
                parts[i] = part
                part[1].first()
        return True

    def _search_of(self, blocks: Blocks, count: int | None) -> tuple[Blocks, Search] | None:
        """Return the search over ``blocks``; None where nothing can be searched."""
        problem = self.problem
        joined = join_torn(problem, blocks)
        if not joined.units:
            return None
        begin = None
        if problem.start is not None:
            begin = np.full(joined.units, -1, np.int64)
            inside = np.flatnonzero((joined.block >= 0) & (problem.start >= 0))
            begin[joined.block[inside]] = problem.start[inside]
        instance = make_instance(problem, joined, count=count)
        return joined, Search(instance, count, self.seed, self.clock, begin)

    def _consider(self, done: Labels, parts: list[tuple[Blocks, Search]]) -> None:
        """Put the plans of all parts together and keep the whole if it is better."""
        label = done
        for blocks, search in parts:
            if search.lacking:
                return
            label = _add(label, np.where(blocks.block >= 0, search.label[blocks.block], -1))
        placed = label >= 0
        size = float(self.problem.size[placed, 0].sum())
        value = score(self.problem, label) + lost_cost(self.problem, label)
        rank = (size, int(placed.sum()), value)
        more = size - self.rank[0]
        slack = 1e-9 * max(1.0, size)
        if more > slack or (more >= -slack and (-rank[1], value) < (-self.rank[1], self.rank[2])):
            self.label, self.rank = label, rank
            if self.live is not None and placed.any():
                self.stopped = not self.live(label.copy(), value)


def _add(label: Labels, more: Labels) -> Labels:
    """Put the districts of ``more`` beside those of ``label``."""
    used = int(label.max(initial=-1)) + 1
    return np.where(more >= 0, more + used, label)


def share_out(problem: Problem, reduced: Reduced, forced: Mapping[int, int]) -> list[int | None]:
    """How many of ``count`` districts each connected part gets: near its share of the size.

    Parts in ``forced`` get that many. All are None without a count, or when no numbers add up.
    """
    nothing: list[int | None] = [None] * reduced.components
    if problem.count is None:
        return nothing
    reach = count_range(problem, reduced)
    for c, number in forced.items():
        reach[c] = number
    total = sums(problem.size, reduced.component, reduced.components)[:, 0]
    wanted = problem.count * total / max(float(total.sum()), 1e-300)
    counts = np.clip(np.round(wanted), reach[:, 0], reach[:, 1]).astype(np.int64)
    while counts.sum() != problem.count:
        up = counts.sum() < problem.count
        can = counts < reach[:, 1] if up else counts > reach[:, 0]
        if not can.any():
            return nothing
        want = np.where(can, (wanted - counts) * (1 if up else -1), -np.inf)
        counts[int(want.argmax())] += 1 if up else -1
    return [int(k) for k in counts]


def try_all(
    problem: Problem, blocks: Blocks, count: int | None, label: Labels, budget: int
) -> tuple[Labels, bool]:
    """Try every way that could beat ``label``; returns the best and whether all were tried."""
    found = solve_tiny(problem, blocks, count)
    if found is not None:
        return found, True
    small = make_small(problem, blocks, count=count)
    if small is None:
        return label, False
    part = blocks.block >= 0
    kept = np.where(part, label, -1)
    best = np.array([np.inf, np.inf])
    if (kept >= 0).any():
        lost = small.worth[np.unique(blocks.block[part & (label < 0)])].sum()
        # Exact counts links, balance and ways; the weight of the latter two is the same for all.
        weight = {BALANCE: problem.balance_weight, COMPACT: problem.compact_weight}
        best = np.array([lost, score(problem, kept) / weight.get(problem.kind, 1.0)])
    sets = np.zeros(blocks.units, np.uint64)
    done = bool(enumerate_all(small, best, sets, budget=budget))
    if not sets.any():
        return kept, done
    of_block = np.full(blocks.units, -1, np.int64)
    for d, word in enumerate(sets):
        of_block[[(int(word) >> i) & 1 == 1 for i in range(blocks.units)]] = d
    return np.where(part, of_block[blocks.block], -1), done
