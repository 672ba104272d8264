"""A few units cut anew so that more of them are placed, with the least change of what bounds them.

Every way of cutting up to 12 blocks counts, so that no smaller change would do; of more blocks,
only all of them as one district.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.partition.contract import blocks_of
from gis.partition.problem import Problem
from gis.partition.tiny import Sets, all_sets, few

_ROOM: Final = 1e-9

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Kind = Literal["low", "high", "link"]


class Recut(NamedTuple):
    """New districts, and the largest share of a bound by which they miss it."""

    districts: tuple[Ints, ...]
    change: float


@dataclass(frozen=True, eq=False)
class Region:
    """Units that may change: districts are among them as a whole or not at all.

    ``label`` (n,) are the districts as they are, -1 left out; ``must`` (n,) the units that have to
    be placed, one at least; the others may be.
    """

    problem: Problem
    label: Ints
    units: Ints
    must: NDArray[np.bool_]

    def cut(self, kind: Kind) -> Recut | None:
        """Return the least change that places what must be placed; None: none is enough.

        Of equal changes, the one that leaves most districts as they are. ``kind`` says which bounds
        may be missed, ``low`` or ``high``; ``link`` none.
        """
        problem, units = self.problem, self.units
        group = np.bincount(problem.group[units], minlength=problem.units)
        group[problem.group[units]] -= np.bincount(problem.group)[problem.group[units]]
        total = problem.size[units].sum(axis=0)
        if group.any() or (kind != "low" and (total < problem.low - problem.slack).any()):
            return None
        if self._sets is None:
            change = float(_missed(problem, total[None], kind)[0])
            return Recut((units,), change) if np.isfinite(change) else None
        own, sets = self._sets
        missed = np.where(np.isfinite(sets.centre), _missed(problem, sets.size, kind), np.inf)
        free = (1 << np.setdiff1d(own, own[self.must[units]])).sum()
        least, _ = _cover(missed, int(free), False)
        if not np.isfinite(least[-1]):
            return None
        moved = np.where(missed <= least[-1] + _ROOM, self._moved(own, sets), np.inf)
        _, taken = _cover(moved, int(free), True)
        districts, rest = [], len(missed) - 1
        while rest:
            word = int(taken[rest])
            if word:
                districts.append(units[(word >> own) & 1 == 1])
            rest &= ~(word or rest & -rest)
        return Recut(tuple(districts), float(least[-1]))

    @cached_property
    def _sets(self) -> tuple[Ints, Sets] | None:
        """Block of each unit, and all sets of blocks; None where there are too many."""
        part = np.zeros(self.problem.units, bool)
        part[self.units] = True
        blocks = blocks_of(self.problem, part)
        return (blocks.block[self.units], all_sets(self.problem, blocks)) if few(blocks) else None

    def _moved(self, own: Ints, sets: Sets) -> Floats:
        """(2^u,) blocks in a set, 0 where it is a district already, or all that is to be placed."""
        label, must = self.label[self.units], self.must[self.units]
        known = [own[label == d] for d in np.unique(label[label >= 0])] + [own[must & (label < 0)]]
        moved = np.asarray(sets.bits.sum(axis=1), dtype=float)
        moved[[int((1 << np.unique(blocks)).sum()) for blocks in known]] = 0.0
        return moved


def _missed(problem: Problem, size: Floats, kind: Kind) -> Floats:
    """(k,) largest share of a bound that sizes (k, m) miss; inf where they may not."""
    low, high, slack = problem.low, problem.high, problem.slack
    with np.errstate(invalid="ignore"):  # no upper bound: inf - inf
        below = np.where(size < low - slack, (low - size) / np.maximum(low, _ROOM), 0.0)
        above = np.where(size > high + slack, (size - high) / np.maximum(high, _ROOM), 0.0)
    below, above = below.max(axis=1), above.max(axis=1)
    out = np.zeros(len(size))
    for by, own in ((below, "low"), (above, "high")):
        out = np.maximum(out, by if kind == own else np.where(by > 0, np.inf, 0.0))
    return out


@compiled
def _cover(cost: Any, may_stay: Any, add: Any) -> Any:
    """Least cost of covering each set with disjoint ones, and the set that holds its lowest block.

    The cost of several is their sum, or else the largest. Blocks in ``may_stay`` may be in none:
    the set taken is then 0.
    """
    least = np.full(cost.size, np.inf)
    taken = np.zeros(cost.size, np.int64)
    least[0] = 0.0
    for word in range(1, cost.size):
        low = word & -word
        rest = word ^ low
        if low & may_stay:
            least[word] = least[rest]
        more = rest
        while True:
            own = cost[low | more]
            if own < least[word]:
                value = own + least[rest ^ more] if add else max(own, least[rest ^ more])
                if value < least[word]:
                    least[word], taken[word] = value, low | more
            if more == 0:
                break
            more = (more - 1) & rest
    return least, taken
