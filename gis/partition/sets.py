"""All connected sets of units that could be a district, met once each, and what each one costs.

Districts of few units leave few candidates: at 20,000 estates of 5,000-12,000 people some 10^8,
which compiled loops walk through in seconds. What holds for all of them is a proof: see
`gis.partition.bounds`.

Sets are grown from their lowest unit; each further unit is taken in or shut out for good, so that
no set is met twice (ESU: Wernicke 2006, "Efficient detection of network motifs", doi
10.1109/TCBB.2006.51).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.compiling import compiled, inner
from gis.partition.contract import Blocks, blocks_of
from gis.partition.problem import Problem
from gis.partition.reduce import sums
from gis.partition.state import ONE, ZERO

MOST_MEMBERS: Final = 64
"""Sets with more units than this are not walked through: their root counts as not finished."""

_SMOOTHED: Final = 3
_SPARE: Final = 1e-9

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Columns of Field.whole.
_LOCK, _TORN = np.arange(2)
# Columns of Walk.stack.
_BLOCK, _NEXT, _END, _SEATS = np.arange(4)
# Rows of Field.bound.
_LOW, _HIGH = np.arange(2)


class Field(NamedTuple):
    """u blocks of units that stay together, and what a district made of them costs."""

    ptr: Ints  # (u + 1,) where the neighbours of a block begin in adj
    adj: Ints
    wt: Floats  # half of what cutting the links to each neighbour costs
    size: Floats  # (u, m + 0 or 4) sizes, moments (if spread counts)
    bound: Floats  # (2, m) low, high, with what rounding allows
    clash: bool  # whether any blocks must not share a district
    whole: Ints  # (u, 2) lock and torn group of each block, -1 none
    torn: Ints  # (g,) blocks in each torn group
    apart_ptr: Ints
    apart_adj: Ints
    class_ptr: Ints  # (u + 1,) classes that each block holds
    class_of: Ints
    class_cost: Floats
    first: Ints  # (u + 1,) where the candidates for the centre of each block begin
    cost_ptr: Ints  # (u + 1,) rows block x candidate, columns ascending, no way: not stored
    cost_col: Ints
    cost: Floats  # size x cost, weighed


def make_field(
    problem: Problem, part: NDArray[np.bool_], *, first: Ints | None = None
) -> tuple[Field, Blocks]:
    """Return the blocks of ``part`` as arrays for the compiled loops.

    The blocks of the units ``first`` get the lowest numbers. Then come blocks among large ones:
    where blocks are small, sets are many, and what may have to be given up there holds few blocks.
    """
    found = blocks_of(problem, part)
    new = _crowded_last(problem, found, first)
    blocks = Blocks(
        np.where(found.block >= 0, new[found.block], -1),
        tuple(tuple(int(new[b]) for b in group) for group in found.together),
    )
    u = blocks.units
    pairs = blocks.block[problem.apart].reshape(-1, 2)
    apart_ptr, apart_adj = _csr(pairs[(pairs >= 0).all(axis=1)], u)
    groups = np.full((u, 2), -1, np.int64)
    locked = part & (problem.lock >= 0)
    groups[blocks.block[locked], _LOCK] = problem.lock[locked]
    for g, members in enumerate(blocks.together):
        groups[list(members), _TORN] = g
    ptr, adj, wt = _links(problem, blocks)
    class_ptr, class_of, class_cost = _classes(problem, blocks)
    first_seat, cost_ptr, cost_col, cost = _centres(problem, blocks)
    return Field(
        ptr, adj, wt,
        np.hstack([sums(problem.size, blocks.block, u), moments(problem, blocks)]),
        np.vstack([problem.low - problem.slack, problem.high + problem.slack]),
        bool(locked.any()) or len(apart_adj) > 0,
        groups, np.array([len(g) for g in blocks.together], np.int64), apart_ptr, apart_adj,
        class_ptr, class_of, class_cost, first_seat, cost_ptr, cost_col, cost,
    ), blocks  # fmt: skip


def _crowded_last(problem: Problem, blocks: Blocks, first: Ints | None) -> Ints:
    """Return new numbers for the blocks, by the sizes around them."""
    u = blocks.units
    ends = blocks.block[problem.links]
    ends = ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])]
    around = sums(problem.size[:, :1], blocks.block, u)[:, 0]
    for _ in range(_SMOOTHED):
        total, number = around.copy(), np.ones(u)
        for a, b in (ends.T, ends[:, ::-1].T):
            total += np.bincount(a, around[b], minlength=u)
            number += np.bincount(a, minlength=u)
        around = total / number
    if first is not None:
        around[blocks.block[first]] = np.inf
    new = np.empty(u, np.int64)
    new[np.argsort(-around, kind="stable")] = np.arange(u)
    return new


def _links(problem: Problem, blocks: Blocks) -> tuple[Ints, Ints, Floats]:
    """Return neighbours and half of what parting from them costs."""
    u = max(blocks.units, 1)
    ends = blocks.block[problem.links]
    kept = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
    both = np.r_[ends[kept], ends[kept][:, ::-1]]
    paid = np.tile(problem.link_cost[kept], 2)
    key, inverse = np.unique(both[:, 0] * u + both[:, 1], return_inverse=True)
    wt = np.bincount(inverse, weights=paid, minlength=len(key)) / 2
    ptr = np.r_[0, np.cumsum(np.bincount(key // u, minlength=blocks.units))]
    return ptr.astype(np.int64), (key % u).astype(np.int64), wt


def _csr(pairs: Ints, n: int) -> tuple[Ints, Ints]:
    both = np.unique(np.r_[pairs, pairs[:, ::-1]], axis=0).reshape(-1, 2)
    ptr = np.r_[0, np.cumsum(np.bincount(both[:, 0], minlength=n))]
    return ptr.astype(np.int64), both[:, 1].astype(np.int64)


def moments(problem: Problem, blocks: Blocks) -> Floats:
    """(u, 4) units, x, y, squares: spread = squares - (x^2 + y^2) / units, weight included."""
    if not problem.spread_weight > 0 or problem.xy is None:
        return np.zeros((blocks.units, 0))
    part = blocks.block >= 0
    xy = (problem.xy - problem.xy[part].mean(axis=0)) * np.sqrt(problem.spread_weight)
    rows = np.column_stack([np.ones(len(xy)), xy, (xy**2).sum(axis=1)])
    return sums(rows, blocks.block, blocks.units)


def _classes(problem: Problem, blocks: Blocks) -> tuple[Ints, Ints, Floats]:
    """Return the classes of all kinds numbered through, those of each block, what one costs."""
    pairs, paid, used = [np.empty((0, 2), np.int64)], [np.empty(0)], 0
    for weight, of_unit in problem.split_classes:
        known = (blocks.block >= 0) & (of_unit >= 0)
        names, number = np.unique(of_unit[known], return_inverse=True)
        pairs.append(np.column_stack([blocks.block[known], number + used]))
        paid.append(np.full(len(names), float(weight)))
        used += len(names)
    rows = np.unique(np.concatenate(pairs), axis=0).reshape(-1, 2)
    ptr = np.r_[0, np.cumsum(np.bincount(rows[:, 0], minlength=blocks.units))]
    return ptr.astype(np.int64), rows[:, 1].astype(np.int64), np.concatenate(paid)


def _centres(problem: Problem, blocks: Blocks) -> tuple[Ints, Ints, Ints, Floats]:
    """Return where the candidates of each block begin, and what each block pays to each."""
    u = blocks.units
    if problem.cost is None or not problem.compact_weight > 0:
        none, nothing = np.zeros(u + 1, np.int64), np.zeros(0, np.int64)
        return none, none, nothing, np.zeros(0)
    part = np.flatnonzero(blocks.block >= 0)
    order = part[np.argsort(blocks.block[part], kind="stable")]
    of, members = blocks.block[order], np.bincount(blocks.block[order], minlength=u)
    known = sp.csr_array(problem.cost)[order][:, order].tocoo()
    key, inverse = np.unique(of[known.row] * len(order) + known.col, return_inverse=True)
    row, column = np.divmod(key, max(len(order), 1))
    paid = known.data * problem.size[order, 0][known.row] * problem.compact_weight
    value = np.bincount(inverse, weights=paid, minlength=len(key))
    complete = np.bincount(inverse, minlength=len(key)) == members[row]
    row, column, value = row[complete], column[complete], value[complete]
    first = np.r_[0, np.cumsum(members)].astype(np.int64)
    ptr = np.r_[0, np.cumsum(np.bincount(row, minlength=u))].astype(np.int64)
    return first, ptr, column.astype(np.int64), value


class Walk(NamedTuple):
    """What the loops write on. Level 0 is the empty set, level k has k blocks."""

    stack: Ints  # (levels, 4) block taken last, next candidate, end of candidates, seats
    queue: Ints  # candidates
    mark: Ints  # (u,) 1: candidate, 2: in the set, 3: shut out
    total: Floats  # (levels, ..) columns of Field.size; links and classes, price, links shut out
    held: Ints  # classes held, then torn groups held
    paid: Floats  # (levels, most candidates) cost of all members to each candidate
    seat: Ints  # candidates of the members


def make_walk(field: Field) -> Walk:
    """Return fresh room for the loops."""
    u = len(field.size)
    levels = min(u, MOST_MEMBERS) + 1
    # So many candidates for the centre can a set of so many blocks have.
    seats = int(np.sort(np.diff(field.first))[::-1][:levels].sum())
    return Walk(
        np.zeros((levels, 4), np.int64), np.zeros(u + 1, np.int64), np.zeros(u, np.int64),
        np.zeros((levels, field.size.shape[1] + 3)),
        np.zeros(len(field.class_cost) + len(field.torn), np.int64),
        np.zeros((levels, seats)), np.zeros(seats, np.int64),
    )  # fmt: skip


class Ask(NamedTuple):
    """What to note of the sets."""

    price: Floats  # (u,) price of each block
    extra: float  # added to the cost of every set
    most: float  # note sets whose cost is above their price by no more than this; < 0: see Found
    dense: float  # no block is priced above its first size times this; spares hopeless sets


class Found(NamedTuple):
    """What was noted."""

    ratio: Floats  # (u,) least cost / price of the sets that hold a block; begins with a cap
    cost: Floats  # (u,) cost of such a set, or (r,) of each set that was asked for
    best: Ints  # (u, or r, MOST_MEMBERS + 1) how many blocks it has, and which
    open: Ints  # (u,) 1: not all sets with this lowest block were met
    many: Ints  # (1,) how many sets were asked for


@inner
def _clashes(field: Any, walk: Any, top: Any, v: Any) -> Any:
    """Whether block v must not be with one of the set."""
    lock = field.whole[v, _LOCK]
    for k in range(1, top + 1 if lock >= 0 else 1):
        other = field.whole[walk.stack[k, _BLOCK], _LOCK]
        if other >= 0 and other != lock:
            return True
    for k in range(field.apart_ptr[v], field.apart_ptr[v + 1]):
        if walk.mark[field.apart_adj[k]] == 2:
            return True
    return False


@inner
def _cost_of(field: Any, row: Any, column: Any) -> Any:
    low, high = field.cost_ptr[row], field.cost_ptr[row + 1]
    while low < high:
        middle = (low + high) // 2
        if field.cost_col[middle] < column:
            low = middle + 1
        else:
            high = middle
    if low < field.cost_ptr[row + 1] and field.cost_col[low] == column:
        return field.cost[low]
    return np.inf


@inner
def _seat(field: Any, walk: Any, top: Any, v: Any) -> None:
    """Sum what all members pay to each candidate, with those of block v, the newest."""
    before = walk.stack[top - 1, _SEATS]
    for k in range(before):
        walk.paid[top, k] = walk.paid[top - 1, k] + _cost_of(field, v, walk.seat[k])
    for c in range(field.first[v], field.first[v + 1]):
        walk.seat[before] = c
        walk.paid[top, before] = 0.0
        for i in range(1, top + 1):
            walk.paid[top, before] += _cost_of(field, walk.stack[i, _BLOCK], c)
        before += 1
    walk.stack[top, _SEATS] = before


@inner
def _hold(field: Any, walk: Any, v: Any, step: Any) -> Any:
    """Count the classes and torn groups of block v in or out; what its new classes cost."""
    paid = 0.0
    for k in range(field.class_ptr[v], field.class_ptr[v + 1]):
        c = field.class_of[k]
        if walk.held[c] == 0:
            paid += field.class_cost[c]
        walk.held[c] += step
    if field.whole[v, _TORN] >= 0:
        walk.held[field.class_cost.size + field.whole[v, _TORN]] += step
    return paid


@inner
def _centre(walk: Any, top: Any) -> Any:
    least = np.inf
    for k in range(walk.stack[top, _SEATS]):
        least = min(least, walk.paid[top, k])
    return least


@inner
def _torn(field: Any, walk: Any) -> Any:
    for g in range(field.torn.size):
        held = walk.held[field.class_cost.size + g]
        if held > 0 and held < field.torn[g]:
            return True
    return False


@inner
def _note(walk: Any, ask: Any, found: Any, top: Any, cost: Any, price: Any) -> Any:
    """Note the set where it was asked for; returns whether there is room for more."""
    if ask.most >= 0:
        if cost + ask.extra - price > ask.most:
            return True
        row = found.many[0]
        if row == found.cost.size:
            return False
        _write(walk, found, row, top, cost)
        found.many[0] += 1
        return True
    ratio = (cost + ask.extra) / price if price > 0 else np.inf
    for i in range(1, top + 1):
        v = walk.stack[i, _BLOCK]
        if ratio < found.ratio[v]:
            found.ratio[v] = ratio
            _write(walk, found, v, top, cost)
    return True


@inner
def _write(walk: Any, found: Any, row: Any, top: Any, cost: Any) -> None:
    found.cost[row] = cost
    found.best[row, 0] = top
    for k in range(1, top + 1):
        found.best[row, k] = walk.stack[k, _BLOCK]


@inner
def _shut(field: Any, walk: Any, top: Any, v: Any) -> None:
    """Block v is in none of the sets to come on this level: its links to the set are cut."""
    walk.mark[v] = 3
    cut = 0.0
    for k in range(field.ptr[v], field.ptr[v + 1]):
        if walk.mark[field.adj[k]] == 2:
            cut += field.wt[k]
    walk.total[top, field.size.shape[1] + 2] += cut


@inner
def _back(field: Any, walk: Any, top: Any) -> None:
    """Take the newest block out: what was a candidate because of it is none any more."""
    before, end = walk.stack[top - 1, _END], walk.stack[top, _END]
    v = walk.stack[top, _BLOCK]
    for k in range(before, end):
        walk.mark[walk.queue[k]] = 0
    for k in range(walk.stack[top - 1, _NEXT], before):
        walk.mark[walk.queue[k]] = 1
    if walk.held.size > 0:
        _hold(field, walk, v, -ONE)
    _shut(field, walk, top - 1, v)


@inner
def _step(field: Any, walk: Any, ask: Any, top: Any, root: Any) -> Any:
    """Take in the next candidate if it fits; returns how many blocks the set then has."""
    stack, total, mark = walk.stack, walk.total, walk.mark
    here, end = stack[top, _NEXT], stack[top, _END]
    stack[top, _NEXT] += 1
    v = walk.queue[here]
    sizes, columns = field.bound.shape[1], field.size.shape[1]
    fits = not (field.clash and _clashes(field, walk, top, v))
    for j in range(sizes):
        fits = fits and total[top, j] + field.size[v, j] <= field.bound[_HIGH, j]
    if not fits:
        _shut(field, walk, top, v)
        return top
    new = top + 1
    stack[new, _BLOCK], stack[new, _NEXT] = v, here + 1
    for j in range(columns):
        total[new, j] = total[top, j] + field.size[v, j]
    links, shut = 0.0, 0.0
    for k in range(field.ptr[v], field.ptr[v + 1]):
        t = field.adj[k]
        if mark[t] == 2:
            links -= field.wt[k]
            continue
        links += field.wt[k]
        if mark[t] == 3 or t < root:
            shut += field.wt[k]
        elif mark[t] == 0:
            mark[t] = 1
            walk.queue[end] = t
            end += 1
    mark[v] = 2
    stack[new, _END] = end
    if walk.held.size > 0:
        held = _hold(field, walk, v, ONE)
        links, shut = links + held, shut + held
    total[new, columns] = total[top, columns] + links
    total[new, columns + 1] = total[top, columns + 1] + ask.price[v]
    total[new, columns + 2] = total[top, columns + 2] + shut
    if field.cost.size > 0:
        _seat(field, walk, new, v)
    return new


@inner
def _spread(field: Any, walk: Any, top: Any) -> Any:
    at = field.bound.shape[1]
    if at == field.size.shape[1]:
        return 0.0
    units, x, y = walk.total[top, at], walk.total[top, at + 1], walk.total[top, at + 2]
    if top == 0 or units <= 0:
        return 0.0
    return max(walk.total[top, at + 3] - (x * x + y * y) / units, 0.0)


@inner
def _hopeless(field: Any, walk: Any, ask: Any, top: Any) -> Any:
    """Whether all sets to come cost more than they can be priced."""
    columns = field.size.shape[1]
    certain = walk.total[top, columns + 2] + _spread(field, walk, top) + ask.extra
    room = field.bound[_HIGH, 0] - walk.total[top, 0]
    return certain > walk.total[top, columns + 1] + room * ask.dense + max(ask.most, 0.0) + _SPARE


@inner
def _price(field: Any, walk: Any, top: Any) -> Any:
    """Cost of the set as a district; inf when it is none."""
    sizes, columns = field.bound.shape[1], field.size.shape[1]
    for j in range(sizes):
        if walk.total[top, j] < field.bound[_LOW, j]:
            return np.inf
    if field.torn.size > 0 and _torn(field, walk):
        return np.inf
    cost = max(walk.total[top, columns], 0.0)
    cost += _spread(field, walk, top)
    if field.cost.size > 0:
        cost += _centre(walk, top)
    return cost


@compiled
def sweep(field: Any, walk: Any, ask: Any, found: Any, begin: Any, end: Any, budget: Any) -> Any:
    """Meet all sets with lowest block begin..end-1, and note what was asked for.

    A root with more than ``budget`` steps is marked in ``found.open``, and so are all when there
    is no room left in ``found``. Returns the steps taken.
    """
    stack = walk.stack
    steps = ZERO
    deepest = stack.shape[0] - 1
    columns = field.size.shape[1]
    for root in range(begin, end):
        walk.queue[0] = root
        walk.mark[root] = 1
        stack[0, _NEXT], stack[0, _END] = 0, 1
        top, left = ZERO, budget
        while top >= 0:
            left -= 1
            if stack[top, _NEXT] == stack[top, _END] or _hopeless(field, walk, ask, top):
                if top > 0:
                    _back(field, walk, top)
                top -= 1
                continue
            full = left < 0 or top == deepest
            new = top if full else _step(field, walk, ask, top, root)
            if new > top:
                top = new
                cost = _price(field, walk, top)
                if cost < np.inf:
                    full = not _note(walk, ask, found, top, cost, walk.total[top, columns + 1])
            if full:
                found.open[root] = 1
                while top > 0:
                    _back(field, walk, top)
                    top -= 1
                top = -ONE
        walk.mark[root] = 0
        steps += budget - left
    return steps
