"""Tiny problems: every way of cutting up to 12 blocks, whatever is asked, so it is proved.

`gis.partition.exact` takes more blocks, but knows one aim at a time and no closed districts. Here
all sets that could be a district are listed with their costs, and all ways of choosing disjoint
ones are walked through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.partition.contract import Blocks, dense_costs
from gis.partition.problem import Problem
from gis.partition.reduce import sums
from gis.partition.sets import moments

MOST_BLOCKS: Final = 12
_MOST_COSTS: Final = 4_000_000
"""Costs of all sets to all units, beyond which they are not laid out densely."""
_SAME: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Ways:
    """All that could be a district of u blocks: k sets in the order of their lowest block.

    ``word`` (k,) are their blocks as bits, ``added`` (k,) what each adds to the objective, ``size``
    (k,) its first size. ``first`` (u + 1,) is where the sets of each lowest block begin. ``rank``
    (2^u,) orders what may be left out, the least size first, then the fewest units. ``placed``
    (2^u,) is what the objective gets from the blocks that are placed, whichever way, ``total``
    (2^u,) their first size.

    Closed districts need no rule of their own: whatever else is chosen, taking them loses less.
    """

    word: NDArray[np.int64]
    added: NDArray[np.float64]
    size: NDArray[np.float64]
    first: NDArray[np.int64]
    rank: NDArray[np.float64]
    placed: NDArray[np.float64]
    total: NDArray[np.float64]


def solve_tiny(problem: Problem, blocks: Blocks, count: int | None) -> NDArray[np.int64] | None:
    """Return the best labels (n,) of the units in ``blocks``, all -1 when there is no plan.

    None: there are too many of them to try every way.
    """
    if not few(blocks):
        return None
    ways = _all_ways(problem, blocks)
    best = np.full(2, np.inf)
    chosen = np.zeros(blocks.units, np.int64)
    mean = -1.0 if problem.mean is None else problem.mean
    _walk(
        ways.word, ways.added, ways.size, ways.first, ways.rank, ways.placed, ways.total,
        problem.balance_weight, mean, -1 if count is None else count, best, chosen,
    )  # fmt: skip
    of_block = np.full(blocks.units, -1, np.int64)
    for district, word in enumerate(chosen[chosen > 0]):
        of_block[(int(word) >> np.arange(blocks.units)) & 1 == 1] = district
    return np.where(blocks.block >= 0, of_block[blocks.block], -1)


class Sets(NamedTuple):
    """All sets of u blocks, a set being the bits of its number."""

    bits: NDArray[np.int64]  # (2^u, u)
    size: NDArray[np.float64]  # (2^u, m)
    centre: NDArray[np.float64]  # (2^u,) cost of the ways to its centre; inf: it is no district,
    # whatever the bounds: torn, against a lock, or without a centre as asked


def all_sets(problem: Problem, blocks: Blocks) -> Sets:
    """List what could be a district if its size were right; `few` blocks only."""
    every = np.arange(1 << blocks.units)
    bits = (every[:, None] >> np.arange(blocks.units)) & 1
    good = _connected(problem, blocks, every) & _allowed(problem, blocks, every)
    return Sets(
        bits, bits @ sums(problem.size, blocks.block, blocks.units),
        np.where(good, _to_centre(problem, blocks, bits), np.inf),
    )  # fmt: skip


def few(blocks: Blocks) -> bool:
    """Whether all sets of the blocks can be listed."""
    members = int((blocks.block >= 0).sum())
    return 0 < blocks.units <= MOST_BLOCKS and members << blocks.units <= _MOST_COSTS


def _all_ways(problem: Problem, blocks: Blocks) -> Ways:
    u = blocks.units
    bits, size, added = all_sets(problem, blocks)
    inside, kinds = _links_inside(problem, blocks, bits), _kinds_inside(problem, blocks, bits)
    added = added + kinds - inside
    if problem.spread_weight:
        number, x, y, squares = (bits @ moments(problem, blocks)).T
        added += squares - (x**2 + y**2) / np.maximum(number, 1)
    fits = (size >= problem.low - problem.slack).all(axis=1) & np.isfinite(added)
    fits &= (size <= problem.high + problem.slack).all(axis=1)
    words = np.flatnonzero(fits)
    lowest = np.round(np.log2(words & -words)).astype(np.int64)
    words = words[np.argsort(lowest, kind="stable")]
    return Ways(
        word=words.astype(np.int64),
        added=added[words],
        size=size[words, 0],
        first=np.r_[0, np.cumsum(np.bincount(lowest, minlength=u))].astype(np.int64),
        rank=_rank(blocks, bits, size[:, 0]),
        placed=inside - kinds,
        total=size[:, 0],
    )


def _rank(
    blocks: Blocks, bits: NDArray[np.int64], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(2^u,) place of a set by its first size, then by its units."""
    order = np.argsort(size, kind="stable")
    by_size = np.empty(len(size), np.int64)
    by_size[order] = np.cumsum(np.diff(size[order], prepend=0.0) > _SAME * size[-1])
    units = bits @ np.bincount(blocks.block[blocks.block >= 0], minlength=blocks.units)
    return np.asarray(by_size * (units[-1] + 1) + units, dtype=float)


def _links_inside(problem: Problem, blocks: Blocks, bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2^u,) cost of all links between blocks of a set, also of those no district can hold."""
    ends = blocks.block[np.r_[problem.links, problem.lost]]
    real = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
    paid = np.zeros((blocks.units, blocks.units))
    cost = np.r_[problem.link_cost, problem.lost_cost]
    np.add.at(paid, (ends[real, 0], ends[real, 1]), cost[real])
    return np.asarray(((bits @ paid) * bits).sum(axis=1))


def _kinds_inside(problem: Problem, blocks: Blocks, bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2^u,) number of classes that are in a set, each times the factor of its column."""
    out = np.zeros(len(bits))
    for factor, held in problem.split_classes:
        for kind in np.unique(held[held >= 0]):
            holds = np.zeros(blocks.units, np.int64)
            members = (blocks.block >= 0) & (held == kind)
            holds[blocks.block[members]] = 1
            out += factor * (bits @ holds > 0)
    return out


def _to_centre(problem: Problem, blocks: Blocks, bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2^u,) what the ways to the best centre of a set cost; inf when it has none as asked."""
    if problem.cost is None:
        return np.zeros(len(bits))
    owner, paid, near, way = dense_costs(problem, blocks)
    own = bits[:, owner] == 1
    reached = (own & (bits @ ~near == 0)).any(axis=1)
    if not problem.compact_weight:
        return np.where(reached, 0.0, np.inf)
    ways = np.where(own & (bits @ ~way == 0), bits @ paid, np.inf).min(axis=1)
    return np.where(reached, problem.compact_weight * ways, np.inf)


def _connected(problem: Problem, blocks: Blocks, every: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(2^u,) whether the blocks of a set hang together by links among them."""
    ends = blocks.block[problem.links]
    ends = ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])]
    near = np.zeros(blocks.units, np.int64)
    for a, b in ends:
        near[a] |= 1 << int(b)
        near[b] |= 1 << int(a)
    reached, before = every & -every, every
    while (reached != before).any():
        before, beside = reached, np.zeros(len(every), np.int64)
        for i in range(blocks.units):
            beside |= np.where((before >> i) & 1 == 1, near[i], 0)
        reached = before | (beside & every)
    return np.asarray((reached == every) & (every > 0))


def _allowed(problem: Problem, blocks: Blocks, every: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(2^u,) whether a set keeps together and apart what has to be, and closed what is closed."""
    good = np.ones(len(every), bool)
    for group in blocks.together:
        mask = sum(1 << b for b in group)
        good &= ((every & mask) == 0) | ((every & mask) == mask)
    for pair in blocks.block[problem.apart].reshape(-1, 2):
        if (pair >= 0).all():
            mask = (1 << int(pair[0])) | (1 << int(pair[1]))
            good &= (every & mask) != mask
    held = (blocks.block >= 0) & (problem.lock >= 0)
    locks = {int(k): 0 for k in problem.lock[held]}
    for unit in np.flatnonzero(held):
        locks[int(problem.lock[unit])] |= 1 << int(blocks.block[unit])
    for number in np.unique(problem.lock[held & problem.locks.closed]):
        good &= ((every & locks[int(number)]) == 0) | (every == locks[int(number)])
    touched = sum(((every & mask) != 0).astype(np.int64) for mask in locks.values())
    return np.asarray(good & (touched <= 1))


@compiled
def _walk(
    word: Any, added: Any, size: Any, first: Any, rank: Any, placed: Any, total: Any,
    balance: Any, mean: Any, count: Any, best: Any, chosen: Any,
) -> None:  # fmt: skip
    """Walk through all ways of choosing disjoint sets; ``chosen`` (u,) are those of the best.

    A level of the stack is one block: it is left out, or one of the sets whose lowest block it is
    is taken. ``best`` (2,): rank of what is lost, the objective.
    """
    u = first.size - 1
    full = (np.int64(1) << u) - 1
    used = np.zeros(u + 2, np.int64)  # blocks decided upon
    out = np.zeros(u + 2, np.int64)  # those of them that are left out
    made = np.zeros(u + 2, np.int64)
    own = np.zeros((u + 2, 3))  # added, largest and smallest size
    own[0, 2] = np.inf
    at = np.full(u + 2, -2, np.int64)  # which set was taken last; -2 none yet, -1 left out
    taken = np.zeros(u + 2, np.int64)
    depth = 0
    while depth >= 0:
        if used[depth] == full:
            _finish(
                taken, depth, out[depth], made[depth], own[depth], rank, placed, total,
                full, balance, mean, count, best, chosen,
            )  # fmt: skip
            depth -= 1
            continue
        low = 0
        while (used[depth] >> low) & 1:
            low += 1
        step = at[depth]
        if step == -2:
            step = first[low] - 1
        found = False
        if step < first[low + 1]:
            step = _next(word, used[depth], step, first[low + 1])
            if step < first[low + 1] and (count < 0 or made[depth] < count):
                at[depth] = step
                taken[depth] = word[step]
                used[depth + 1] = used[depth] | word[step]
                out[depth + 1] = out[depth]
                made[depth + 1] = made[depth] + 1
                own[depth + 1, 0] = own[depth, 0] + added[step]
                own[depth + 1, 1] = max(own[depth, 1], size[step])
                own[depth + 1, 2] = min(own[depth, 2], size[step])
                found = True
        if not found and step != first[u] + 1:
            # All sets were taken once: leave the block out, the last thing to be tried.
            at[depth] = first[u] + 1
            gone = out[depth] | (np.int64(1) << low)
            if count < 0 and rank[gone] <= best[0]:
                taken[depth] = 0
                used[depth + 1] = used[depth] | (np.int64(1) << low)
                out[depth + 1] = gone
                made[depth + 1] = made[depth]
                own[depth + 1] = own[depth]
                found = True
        if found:
            depth += 1
            at[depth] = -2
        else:
            depth -= 1


@compiled
def _next(word: Any, used: Any, step: Any, end: Any) -> Any:
    """Return the next set after ``step`` that holds no block decided upon; ``end``: none."""
    step += 1
    while step < end and word[step] & used:
        step += 1
    return step


@compiled
def _finish(
    taken: Any, depth: Any, out: Any, made: Any, own: Any, rank: Any, placed: Any, total: Any,
    full: Any, balance: Any, mean: Any, count: Any, best: Any, chosen: Any,
) -> None:  # fmt: skip
    """Keep a whole plan if it loses less, or as little at a lower objective."""
    if made == 0 or (count >= 0 and made != count):
        return
    value = own[0] + placed[full & ~out]
    if balance > 0.0:
        middle = mean
        if mean < 0.0:
            middle = total[full & ~out] / made
        if middle > 0.0:
            value += balance * max(abs(own[1] / middle - 1.0), abs(own[2] / middle - 1.0))
    lost = rank[out]
    if lost < best[0] or value < best[1] - _SAME:  # ways that lose more are not walked
        best[0], best[1] = lost, value
        chosen[:] = 0
        k = 0
        for i in range(depth):
            if taken[i] > 0:
                chosen[k] = taken[i]
                k += 1
