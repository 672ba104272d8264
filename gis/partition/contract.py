"""From a checked problem to what the search runs on: units that stay together become one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.partition.exact import MOST_UNITS, Small, pack_small
from gis.partition.problem import Problem
from gis.partition.reduce import apart_from, sums
from gis.partition.state import (
    BALANCE,
    FAR,
    LOST,
    MIXED,
    OFF,
    SPREAD,
    Instance,
)

_LINK_TIE: Final = 1e-5
_ROUNDER: Final = 0.05


@dataclass(frozen=True, eq=False)
class Blocks:
    """Which units are one: ``block`` (n,) 0..u-1, -1 for units that are not part of the search.

    ``together``: blocks that must share a district although no link joins them.
    """

    block: NDArray[np.int64]
    together: tuple[tuple[int, ...], ...]

    @property
    def units(self) -> int:
        """Number of blocks."""
        return int(self.block.max(initial=-1)) + 1


def blocks_of(problem: Problem, part: NDArray[np.bool_]) -> Blocks:
    """Merge units that must stay together where links join them; only those of ``part``."""
    links = problem.links
    inside = part[links[:, 0]] & part[links[:, 1]]
    same = links[inside & (problem.group[links[:, 0]] == problem.group[links[:, 1]])]
    block = _merge(problem.units, same, part)
    where = np.flatnonzero(part)
    pieces: dict[int, set[int]] = {}
    for unit in where:
        pieces.setdefault(int(problem.group[unit]), set()).add(int(block[unit]))
    torn = tuple(tuple(sorted(p)) for p in pieces.values() if len(p) > 1)
    return Blocks(block, torn)


def block_worth(problem: Problem, blocks: Blocks) -> NDArray[np.float64]:
    """(u,) what leaving a block out loses: its first size, and its units where that is equal.

    Whole numbers where the sizes are; else they are told apart from 1e-6 on.
    """
    units = np.bincount(blocks.block[blocks.block >= 0], minlength=blocks.units)
    size = sums(problem.size[:, :1], blocks.block, blocks.units)[:, 0]
    if np.all(problem.size[:, 0] == np.floor(problem.size[:, 0])):
        return np.asarray(size * (problem.units + 1) + units)
    return np.asarray(size / max(float(size.sum()), 1e-300) * 1e6 + units / problem.units)


def join_torn(problem: Problem, blocks: Blocks) -> Blocks:
    """Join the pieces of groups by shortest ways, so that every block hangs together.

    A way leads through nothing that must be apart from the group; where the ways of other groups
    leave none, no blocks are returned. This may shut out plans that join them in another way;
    nothing is proved from the result.
    """
    while blocks.together:
        pieces = blocks.together[0]
        apart = apart_from(problem, np.isin(blocks.block, pieces))
        shut = set(blocks.block[apart & (blocks.block >= 0)].tolist())
        way = _shortest_way(problem.links, blocks.block, pieces[0], set(pieces[1:]), shut)
        if way is None:
            return Blocks(np.full(problem.units, -1, np.int64), ())
        ends = np.array([(way[0], b) for b in way[1:]], dtype=np.int64)
        block = _merge(blocks.units, ends, np.ones(blocks.units, bool))
        kept = np.where(blocks.block >= 0, block[blocks.block], -1)
        torn = (tuple(sorted({int(block[b]) for b in group})) for group in blocks.together)
        blocks = Blocks(kept, tuple(group for group in torn if len(group) > 1))
    return blocks


def _merge(n: int, pairs: NDArray[np.int64], part: NDArray[np.bool_]) -> NDArray[np.int64]:
    graph = sp.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    out = np.full(n, -1, np.int64)
    out[part] = np.unique(label[part], return_inverse=True)[1]
    return out


def _shortest_way(
    links: NDArray[np.int64], block: NDArray[np.int64], start: int, goals: set[int], shut: set[int]
) -> list[int] | None:
    """Return the blocks from a goal back to ``start``; None when no way avoids ``shut``."""
    ends = block[links]
    ends = ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])]
    near: dict[int, list[int]] = {}
    for a, b in ends:
        near.setdefault(int(a), []).append(int(b))
        near.setdefault(int(b), []).append(int(a))
    came = {start: start}
    queue = deque([start] if start not in shut else [])
    while queue:
        here = queue.popleft()
        if here in goals:
            way = [here]
            while way[-1] != start:
                way.append(came[way[-1]])
            return way
        for there in sorted(near.get(here, [])):
            if there not in came and there not in shut:
                came[there] = here
                queue.append(there)
    return None


def _block_links(
    problem: Problem, blocks: Blocks
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return CSR neighbours of the blocks and what cutting the links to each costs.

    Where no link costs anything, each counts 1.
    """
    ends = blocks.block[problem.links]
    kept = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
    paid = problem.link_cost[kept] if (problem.link_cost > 0).any() else np.ones(kept.sum())
    ends = ends[kept]
    row, column = np.r_[ends[:, 0], ends[:, 1]], np.r_[ends[:, 1], ends[:, 0]]
    key, back = np.unique(row * blocks.units + column, return_inverse=True)
    ptr = np.r_[0, np.cumsum(np.bincount(key // max(blocks.units, 1), minlength=blocks.units))]
    cost = np.bincount(back, weights=np.r_[paid, paid], minlength=len(key))
    column = np.asarray(key % max(blocks.units, 1), dtype=np.int64)
    return ptr.astype(np.int64), column, np.asarray(cost, dtype=np.float64)


def _pairs_to_csr(pairs: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    both = np.unique(np.r_[pairs, pairs[:, ::-1]], axis=0).reshape(-1, 2)
    ptr = np.r_[0, np.cumsum(np.bincount(both[:, 0], minlength=n))]
    return ptr.astype(np.int64), both[:, 1].astype(np.int64)


def _block_apart(problem: Problem, blocks: Blocks) -> NDArray[np.int64]:
    pairs = blocks.block[problem.apart].reshape(-1, 2)
    return np.asarray(pairs[(pairs >= 0).all(axis=1)])


def _block_xy(
    problem: Problem, blocks: Blocks, ptr: NDArray[np.int64], adj: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return sums over the blocks (x, y, squares, units), lengths of links, and their median.

    Lengths are in median link lengths, and 0 without places.
    """
    part = np.flatnonzero(blocks.block >= 0)
    number = np.bincount(blocks.block[part], minlength=blocks.units).astype(float)
    if problem.xy is None or len(adj) == 0:
        zeros = np.zeros((blocks.units, 3))
        return np.column_stack([zeros, number]), np.zeros(len(adj)), 1.0
    middle = problem.xy[part].mean(axis=0)
    place = np.column_stack(
        [np.bincount(blocks.block[part], problem.xy[part, i] - middle[i], blocks.units)
         for i in (0, 1)]
    )  # fmt: skip
    start = np.repeat(np.arange(blocks.units), np.diff(ptr))
    xy = place / number[:, None]
    far = np.hypot(*(xy[start] - xy[adj]).T)
    unit = float(np.median(far)) or 1.0
    square = ((problem.xy[part] - middle) ** 2).sum(axis=1) / unit**2
    squares = np.bincount(blocks.block[part], square, blocks.units)
    return np.column_stack([place / unit, squares, number]), far / unit, unit


def _weights(
    problem: Problem, wt: NDArray[np.float64], unit: float, districts: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights that guide the search, and those of the objective alone.

    Ties are broken towards few links cut and round districts. The largest deviation from the mean
    changes with few moves, so that the search lowers the sum of all.
    """
    links = bool((problem.link_cost > 0).any())
    aim = np.array([
        float(links), problem.compact_weight, 0.0, problem.spread_weight * unit**2, 0.0, 1.0
    ])  # fmt: skip
    guide = aim.copy()
    if problem.balance_weight > 0:
        alone = problem.kind == BALANCE
        guide[OFF] = problem.balance_weight * (1.0 if alone else districts**-0.5)
    if not links and not problem.compact_weight and not problem.spread_weight:
        least = min((factor for factor, _ in problem.split_classes), default=np.inf)
        guide[0] = _LINK_TIE * min(problem.balance_weight or np.inf, least, 1e9)
    if not problem.compact_weight and not problem.spread_weight:
        usual = float(wt.mean()) if len(wt) else 1.0
        guide[SPREAD] = _ROUNDER * guide[0] * usual
    return guide, aim


def make_instance(problem: Problem, blocks: Blocks, *, count: int | None) -> Instance:
    """Return the arrays of the search over ``blocks``."""
    ptr, adj, wt = _block_links(problem, blocks)
    xy, far, unit = _block_xy(problem, blocks, ptr, adj)
    size = sums(problem.size, blocks.block, blocks.units)
    apart_ptr, apart_adj = _pairs_to_csr(_block_apart(problem, blocks), blocks.units)
    first, cost = _block_costs(problem, blocks)
    average = size.mean(axis=0)
    target = np.where(np.isfinite(problem.high), (problem.low + problem.high) / 2, problem.low)
    districts = count or max(1, round(float(size[:, 0].sum() / max(target[0], 1e-300))))
    mean = problem.mean or float(size[:, 0].sum()) / districts
    guide, aim = _weights(problem, wt, unit, districts)
    locked = np.unique(blocks.block[(problem.lock >= 0) & (blocks.block >= 0)])
    kinds = _block_kinds(problem, blocks)
    return Instance(
        ptr=ptr, adj=adj, wt=wt, far=far, size=size, low=problem.low, high=problem.high,
        slack=problem.slack, scale=np.where(average > 0, average, 1.0), xy=xy,
        apart_ptr=apart_ptr, apart_adj=apart_adj, first=first,
        cost_ptr=cost[0], cost_col=cost[1], cost_val=cost[2], cost_flag=cost[3],
        kind_ptr=kinds[0], kind=kinds[1], kind_cost=kinds[2],
        lock=np.isin(np.arange(blocks.units), locked).astype(np.int64),
        weight=guide, aim=aim, balance=problem.balance_weight, mean=max(mean, 1e-300),
        use_cost=problem.cost is not None,
    )  # fmt: skip


def _block_kinds(
    problem: Problem, blocks: Blocks
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return CSR classes of the members of each block, and the factor of each."""
    row, kind, paid, used = [], [], [], 0
    for factor, held in problem.split_classes:
        inside = np.flatnonzero((blocks.block >= 0) & (held >= 0))
        _, column = np.unique(held[inside], return_inverse=True)
        wide = int(column.max(initial=-1)) + 1
        key = np.unique(blocks.block[inside] * max(wide, 1) + column)
        row.append(key // max(wide, 1))
        kind.append(key % max(wide, 1) + used)
        paid.append(np.full(len(key), factor))
        used += wide
    rows = np.concatenate([np.zeros(0, np.int64), *row])
    order = np.argsort(rows, kind="stable")
    ptr = np.r_[0, np.cumsum(np.bincount(rows, minlength=blocks.units))].astype(np.int64)
    kinds = np.concatenate([np.zeros(0, np.int64), *kind])[order]
    return ptr, kinds.astype(np.int64), np.concatenate([np.zeros(0), *paid])[order]


def _block_costs(problem: Problem, blocks: Blocks) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
    """Return where the candidates of each block begin, and rows of block x candidate."""
    u = blocks.units
    if problem.cost is None:
        empty = np.zeros(0, np.int64)
        nothing = (np.zeros(u + 1, np.int64), empty, np.zeros(0), np.zeros(0, np.uint8))
        return np.zeros(u + 1, np.int64), nothing
    part = np.flatnonzero(blocks.block >= 0)
    order = part[np.argsort(blocks.block[part], kind="stable")]
    first = np.r_[0, np.cumsum(np.bincount(blocks.block[order], minlength=u))].astype(np.int64)
    known = sp.csr_array(problem.cost)[order][:, order].tocoo()
    limit = np.inf if problem.centre_limit is None else problem.centre_limit * (1 + 1e-12)
    row = blocks.block[order][known.row]
    value = known.data * problem.size[order, 0][known.row]
    key = row * len(order) + known.col
    pairs, inverse = np.unique(key, return_inverse=True)
    seen = np.bincount(inverse, minlength=len(pairs))
    beyond = np.bincount(inverse, weights=known.data > limit, minlength=len(pairs)) > 0
    gone = seen < np.diff(first)[pairs // len(order)]
    flag = FAR * (beyond | gone) + LOST * gone
    ptr = np.r_[0, np.cumsum(np.bincount(pairs // len(order), minlength=u))]
    return first, (
        ptr.astype(np.int64),
        (pairs % len(order)).astype(np.int64),
        np.bincount(inverse, weights=value, minlength=len(pairs)),
        flag.astype(np.uint8),
    )


class DenseCosts(NamedTuple):
    """What u blocks pay to c candidates for the centre."""

    owner: NDArray[np.int64]  # (c,) block of each candidate
    paid: NDArray[np.float64]  # (u, c) size x cost, where there is a way
    near: NDArray[np.bool_]  # (u, c) whether all of the block is within the limit
    way: NDArray[np.bool_]  # (u, c) whether all of the block has a way


def make_small(problem: Problem, blocks: Blocks, *, count: int | None) -> Small | None:
    """Return the problem as words of bits; None when it has too many units or aims for that."""
    u = blocks.units
    if u > MOST_UNITS or u == 0 or problem.kind == MIXED:
        return None
    plain = make_instance(problem, blocks, count=count)
    row = np.repeat(np.arange(u), np.diff(plain.ptr))
    wt, near = np.zeros((u, u)), np.zeros((u, u), bool)
    wt[row, plain.adj] = plain.wt
    near[row, plain.adj] = True
    apart = np.zeros((u, u), bool)
    apart[np.repeat(np.arange(u), np.diff(plain.apart_ptr)), plain.apart_adj] = True
    lock = np.full(u, -1)
    held = (blocks.block >= 0) & (problem.lock >= 0)
    lock[blocks.block[held]] = problem.lock[held]
    apart |= (lock[:, None] != lock) & (lock[:, None] >= 0) & (lock >= 0)
    cost = dense_costs(problem, blocks)
    group = np.zeros((len(blocks.together), u), bool)
    for i, members in enumerate(blocks.together):
        group[i, list(members)] = True
    return pack_small(
        near=_words(near), apart=_words(apart), together=_words(group),
        owner=cost.owner, reach=_words(cost.near.T), way=_words(cost.way.T),
        links=wt, cost=cost.paid, size=plain.size, low=problem.low - problem.slack,
        high=problem.high + problem.slack, worth=block_worth(problem, blocks),
        objective=problem.kind, wanted=-1 if count is None else count, mean=plain.mean,
    )  # fmt: skip


def dense_costs(problem: Problem, blocks: Blocks) -> DenseCosts:
    """Return what the blocks pay to the candidates for the centre: none without costs."""
    first, (ptr, column, value, flag) = _block_costs(problem, blocks)
    row = np.repeat(np.arange(blocks.units), np.diff(ptr))
    paid = np.zeros((blocks.units, int(first[-1])))
    near, way = np.zeros(paid.shape, bool), np.zeros(paid.shape, bool)
    paid[row, column] = value
    near[row, column] = flag & FAR == 0
    way[row, column] = flag & LOST == 0
    return DenseCosts(np.repeat(np.arange(blocks.units), np.diff(first)), paid, near, way)


def _words(rows: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """(r, u) booleans as r words, unit i in bit i."""
    bits = np.uint64(1) << np.arange(rows.shape[1], dtype=np.uint64)
    return np.asarray((rows * bits).sum(axis=1, dtype=np.uint64))
