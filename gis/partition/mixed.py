"""Small problems with any aims: every way of cutting up to 12 units, so that the answer is proved.

`gis.partition.exact` knows one aim at a time and cuts hopeless branches; here all connected sets
are listed with their costs, and all ways of choosing disjoint ones are walked through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.partition.contract import Blocks
from gis.partition.problem import Problem
from gis.partition.state import compiled

MOST_UNITS: Final = 12
_MOST_MEMBERS: Final = 400
"""Units in all blocks together, beyond which the costs between them are not laid out densely."""


@dataclass(frozen=True, eq=False)
class Ways:
    """All that could be a district of u blocks: k sets in the order of their lowest block.

    ``word`` (k,) are their blocks as bits, ``added`` (k,) what each adds to the objective, ``size``
    (k,) its first size. ``first`` (u + 1,) is where the sets of each lowest block begin. ``worth``
    (2^u,) is what is lost when those blocks are left out, ``placed`` (2^u,) what the objective
    gets from the blocks that are placed, whichever way, ``total`` (2^u,) their first size.
    """

    word: NDArray[np.int64]
    added: NDArray[np.float64]
    size: NDArray[np.float64]
    first: NDArray[np.int64]
    worth: NDArray[np.float64]
    placed: NDArray[np.float64]
    total: NDArray[np.float64]


def solve_small(
    problem: Problem, blocks: Blocks, count: int | None
) -> tuple[NDArray[np.int64], bool]:
    """Return the best labels (n,) of the units in ``blocks`` and True; else all -1 and False.

    False: there are too many of them. All labels are -1, too, when there is no plan.
    """
    nothing = np.full(problem.units, -1, np.int64)
    if not 0 < blocks.units <= MOST_UNITS or (blocks.block >= 0).sum() > _MOST_MEMBERS:
        return nothing, False
    ways = _all_ways(problem, blocks)
    best = np.full(2, np.inf)
    chosen = np.zeros(blocks.units, np.int64)
    mean = -1.0 if problem.mean is None else problem.mean
    _walk(
        ways.word, ways.added, ways.size, ways.first, ways.worth, ways.placed, ways.total,
        problem.balance_weight, mean, -1 if count is None else count, best, chosen,
    )  # fmt: skip
    of_block = np.full(blocks.units, -1, np.int64)
    for district, word in enumerate(chosen[chosen > 0]):
        of_block[(int(word) >> np.arange(blocks.units)) & 1 == 1] = district
    return np.where(blocks.block >= 0, of_block[blocks.block], -1), True


def _all_ways(problem: Problem, blocks: Blocks) -> Ways:
    u = blocks.units
    part = np.flatnonzero(blocks.block >= 0)
    every = np.arange(1 << u)
    bits = (every[:, None] >> np.arange(u)) & 1
    size = np.zeros((u, problem.size.shape[1]))
    np.add.at(size, blocks.block[part], problem.size[part])
    sums = bits @ size
    inside, kinds = _links_inside(problem, blocks, bits), _kinds_inside(problem, blocks, bits)
    fits = _connected(problem, blocks, every) & _allowed(problem, blocks, every)
    fits &= (sums >= problem.low - problem.slack).all(axis=1)
    fits &= (sums <= problem.high + problem.slack).all(axis=1)
    added = kinds - inside
    for word in np.flatnonzero(fits):
        members = part[(int(word) >> blocks.block[part]) & 1 == 1]
        added[word] += _own_cost(problem, members)
    fits &= np.isfinite(added)
    words = np.flatnonzero(fits)
    lowest = np.round(np.log2(words & -words)).astype(np.int64)
    words = words[np.argsort(lowest, kind="stable")]
    number = np.bincount(blocks.block[part], minlength=u)
    whole = max(float(size[:, 0].sum()), 1e-300)
    return Ways(
        word=words.astype(np.int64),
        added=added[words],
        size=sums[words, 0],
        first=np.r_[0, np.cumsum(np.bincount(lowest, minlength=u))].astype(np.int64),
        worth=bits @ (size[:, 0] / whole + 1e-6 * number / len(part)),
        placed=inside - kinds,
        total=sums[:, 0],
    )


def _links_inside(problem: Problem, blocks: Blocks, bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2^u,) cost of all links between blocks of a set."""
    ends = blocks.block[problem.links]
    real = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
    paid = np.zeros((blocks.units, blocks.units))
    np.add.at(paid, (ends[real, 0], ends[real, 1]), problem.link_cost[real])
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


def _connected(problem: Problem, blocks: Blocks, every: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(2^u,) whether the blocks of a set hang together by links among them."""
    ends = blocks.block[problem.links]
    ends = ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])]
    near = np.zeros(blocks.units, np.int64)
    for a, b in ends:
        near[a] |= 1 << int(b)
        near[b] |= 1 << int(a)
    reached = every & -every
    for _ in range(blocks.units):
        beside = np.zeros(len(every), np.int64)
        for i in range(blocks.units):
            beside |= np.where((reached >> i) & 1 == 1, near[i], 0)
        reached |= beside & every
    return np.asarray((reached == every) & (every > 0))


def _allowed(problem: Problem, blocks: Blocks, every: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(2^u,) whether a set keeps together and apart what has to be."""
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
    touched = sum(((every & mask) != 0).astype(np.int64) for mask in locks.values())
    return np.asarray(good & (touched <= 1))


def _own_cost(problem: Problem, members: NDArray[np.int64]) -> float:
    """What a district of these units costs for itself; inf when it has no centre as asked."""
    out = 0.0
    if problem.spread_weight and problem.xy is not None:
        off = problem.xy[members] - problem.xy[members].mean(axis=0)
        out += problem.spread_weight * float((off * off).sum())
    if problem.cost is None or not (problem.compact_weight or problem.centre_limit is not None):
        return out
    # What is not stored has no way; a 0 that is stored has one.
    rows = problem.cost[members].tocoo()
    place = {int(unit): i for i, unit in enumerate(members)}
    inside = np.isin(rows.col, members)
    cost = np.full((len(members), len(members)), np.inf)
    cost[rows.row[inside], [place[int(c)] for c in rows.col[inside]]] = rows.data[inside]
    limit = np.inf if problem.centre_limit is None else problem.centre_limit * (1 + 1e-12)
    if not (cost <= limit).all(axis=0).any():
        return np.inf
    if problem.compact_weight:
        with np.errstate(invalid="ignore"):  # nobody who has no way: 0 x inf
            ways = (problem.size[members, :1] * cost).sum(axis=0)
        ways = ways[np.isfinite(cost).all(axis=0)]
        out += problem.compact_weight * float(ways.min()) if len(ways) else np.inf
    return out


@compiled
def _walk(
    word: Any, added: Any, size: Any, first: Any, worth: Any, placed: Any, total: Any,
    balance: Any, mean: Any, count: Any, best: Any, chosen: Any,
) -> None:  # fmt: skip
    """Walk through all ways of choosing disjoint sets; ``chosen`` (u,) are those of the best.

    A level of the stack is one block: it is left out, or one of the sets whose lowest block it is
    is taken. ``best`` (2,): what is lost, the objective.
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
                taken, depth, out[depth], made[depth], own[depth], worth, placed, total,
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
            if count < 0 and worth[gone] <= best[0] + 1e-12:
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
    taken: Any, depth: Any, out: Any, made: Any, own: Any, worth: Any, placed: Any, total: Any,
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
    lost = worth[out]
    if lost < best[0] - 1e-12 or (lost <= best[0] + 1e-12 and value < best[1] - 1e-12):
        best[0], best[1] = lost, value
        chosen[:] = 0
        k = 0
        for i in range(depth):
            if taken[i] > 0:
                chosen[k] = taken[i]
                k += 1
