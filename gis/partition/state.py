"""The working state of the search: labels and everything a move has to know, kept up to date.

Compiled with numba. All constraints but contiguity are soft here (``BROKEN`` says by how much they
are missed), so that the search can walk through plans that are not allowed yet; what is returned
is mended and checked elsewhere.

Compiled functions see one `State` of few arrays with many columns: what numba needs to compile a
function grows with the number of arrays that it is given, not with what they hold.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled, inner

CUT, BALANCE, COMPACT, MIXED = 0, 1, 2, 3

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# A whole number of Python would make numba compile a function anew for each value that it is
# called with; these are of one type.
ZERO: Final[Any] = np.int64(0)
ONE: Final[Any] = np.int64(1)
NONE: Final[Any] = np.int64(-1)
# Columns of State.unit: where the rows of a unit begin (neighbours, units to be apart from, costs,
# classes: in State.near; candidates for the centre), its district, a doubly linked list of the
# members of each district, room for walks, and whether a lock holds it.
NEAR, LABEL, STAMP, AFTER, BEFORE, PLACE, STACK, APART, COST, FIRST, KIND, LOCK = np.arange(12)
# Columns of State.real: of the places of what was merged into a unit the sums of x, y and of their
# squares and how many there were; the sizes begin at SIZE.
X, Y, SQUARE, MASS, SIZE = np.arange(5)
# Columns of State.dist.
NUMBER, HEAD, CLASH, LOCKED = np.arange(4)
# Columns of the first three rows of State.rule, and of State.total: links cut, way to the centre,
# what is broken, squared distances, deviation from the mean, districts that each class is in.
LINKS_CUT, VALUE, BROKEN, SPREAD, OFF, SPLITS = np.arange(6)
FIGURES: Final = 6
# Further columns of State.total: the sums of State.real; the sums of sizes begin at TOTAL.
SUMS, TOTAL = FIGURES, FIGURES + int(SIZE)
# Rows of State.rule: sums now; weights in the search, with ties; those of the objective alone. The
# bounds of the sizes begin at BOUNDS, with the columns below.
NOW, WEIGHT, AIM, BOUNDS = np.arange(4)
LOW, HIGH, SLACK, SCALE = np.arange(4)
# Columns of State.seat.
REACH, OVER, LACK = np.arange(3)
# Places in State.clock.
TICK, SLOT, RANDOM = np.arange(3)
# Bits of a cost: beyond the limit, no way.
FAR, LOST = 1, 2
_FLAG_BITS: Final = 2
_CLASH_WEIGHT: Final = 2.0


class Instance(NamedTuple):
    """One connected problem: u units (already merged where they must stay together), m sizes."""

    ptr: Ints  # (u + 1,) where the neighbours of a unit begin in adj
    adj: Ints
    wt: Floats  # street links behind each neighbour
    far: Floats  # length of each link, in median lengths; 0 without coordinates
    size: Floats  # (u, m)
    low: Floats  # (m,)
    high: Floats
    slack: Floats  # (m,) rounding that still counts as the bound itself
    scale: Floats  # (m,) what a miss is measured in: the mean unit
    xy: Floats  # (u, 4) sums of x, y, squares in median link lengths, units; zeros without places
    apart_ptr: Ints
    apart_adj: Ints
    first: Ints  # (u + 1,) candidates for the centre that belong to each unit
    cost_ptr: Ints  # (u + 1,) rows of unit x candidate, columns ascending
    cost_col: Ints
    cost_val: Floats  # size x cost, summed over the members of the unit
    cost_flag: NDArray[np.uint8]
    kind_ptr: Ints  # (u + 1,) classes of the members of each unit
    kind: Ints
    kind_cost: Floats  # what one more district that holds the class costs
    lock: Ints  # (u,) 1 where a lock holds the unit
    weight: Floats  # (6,) of the columns of State.rule in the search
    aim: Floats  # (6,) in the objective alone
    balance: float  # factor of the largest deviation from the mean in the objective
    mean: float
    use_cost: bool


class State(NamedTuple):
    """All that a move reads and changes, for k slots of districts; slots with no member are free.

    ``near`` holds the neighbours of each unit, then the units that it must be apart from, then its
    costs as candidate x 4 + flags, then its classes; ``worth`` holds beside them what cutting the
    links to a neighbour costs (0; size x cost; one more district with the class) and after them,
    from ``len(near)`` on, the lengths of the links.
    """

    unit: Ints  # (u + 1, 12)
    real: Floats  # (u, 4 + m)
    near: Ints
    worth: Floats
    dist: Ints  # (k, 4) members, the first of them, pairs that must be apart, locked members
    total: Floats  # (k, 10 + m)
    seat: Floats  # (c, 3) were this candidate the centre: size x cost; units beyond; without way
    held: Ints  # (h, 2) hash table: class x district + 1, members of the district with the class
    rule: Floats  # (3 + m, 6)
    clock: Ints  # (3,) the last stamp; the last free slot; the random numbers
    balance: float
    mean: float
    use_cost: bool


def make_state(instance: Instance, *, slots: int, seed: int) -> State:
    """Return a state in which no unit has a district yet."""
    units, sizes = instance.size.shape
    links, pairs = len(instance.adj), len(instance.apart_adj)
    unit = np.zeros((units + 1, 12), np.int64)
    unit[:, NEAR], unit[:, FIRST] = instance.ptr, instance.first
    unit[:, APART] = links + instance.apart_ptr
    unit[:, COST] = links + pairs + instance.cost_ptr
    unit[:, KIND] = links + pairs + len(instance.cost_col) + instance.kind_ptr
    unit[:-1, LOCK] = instance.lock
    unit[:, [LABEL, AFTER, BEFORE]] = -1
    dist = np.zeros((slots, 4), np.int64)
    dist[:, HEAD] = -1
    costs = (instance.cost_col << _FLAG_BITS) | instance.cost_flag
    bounds = np.zeros((sizes, FIGURES))
    bounds[:, LOW], bounds[:, HIGH] = instance.low, instance.high
    bounds[:, SLACK], bounds[:, SCALE] = instance.slack, instance.scale
    room = 1 << int(2 * len(instance.kind) + 1).bit_length()
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1)
    return State(
        unit=unit,
        real=np.column_stack([instance.xy, instance.size]).astype(np.float64),
        near=np.concatenate([instance.adj, instance.apart_adj, costs, instance.kind]).astype(
            np.int64
        ),
        worth=np.concatenate(
            [instance.wt, np.zeros(pairs), instance.cost_val, instance.kind_cost, instance.far]
        ),
        dist=dist,
        total=np.zeros((slots, TOTAL + sizes)),
        seat=np.zeros((int(instance.first[-1]), 3)),
        held=np.zeros((room, 2), np.int64),
        rule=np.vstack([np.zeros(FIGURES), instance.weight, instance.aim, bounds]),
        clock=np.concatenate([np.zeros(2, np.int64), start.view(np.int64)]),
        balance=float(instance.balance),
        mean=float(instance.mean),
        use_cost=bool(instance.use_cost),
    )


def labels(state: State) -> Ints:
    """Return a copy of the district of each unit, (u,), -1 without."""
    return state.unit[:-1, LABEL].copy()


@inner
def draw(clock: Any) -> Any:
    """Return the next number in [0, 1) (xorshift64*, Vigna 2016); the state is the caller's."""
    x = np.uint64(clock[RANDOM])
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    clock[RANDOM] = np.int64(x)
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner
def draw_below(clock: Any, n: Any) -> Any:
    """Return the next whole number in 0..n-1."""
    i = int(draw(clock) * n)
    return i if i < n else n - 1


@inner
def _add_reach(state: Any, v: Any, c: Any, sign: Any) -> None:
    """Count unit v in, or out, of what candidate c reaches."""
    near, seat = state.near, state.seat
    lo, end = state.unit[v, COST], state.unit[v + 1, COST]
    if end - lo == seat.shape[0]:
        lo += c
    else:
        hi = end
        while lo < hi:
            mid = (lo + hi) // 2
            if near[mid] >> _FLAG_BITS < c:
                lo = mid + 1
            else:
                hi = mid
    if lo >= end or near[lo] >> _FLAG_BITS != c:
        seat[c, OVER] += sign
        seat[c, LACK] += sign
        return
    seat[c, REACH] += sign * state.worth[lo]
    if near[lo] & FAR:
        seat[c, OVER] += sign
    if near[lo] & LOST:
        seat[c, LACK] += sign


@inner
def _join_reach(state: Any, v: Any, d: Any) -> None:
    unit, seat = state.unit, state.seat
    for c in range(unit[v, FIRST], unit[v + 1, FIRST]):
        for i in range(3):
            seat[c, i] = 0.0
        _add_reach(state, v, c, ONE)
    u = state.dist[d, HEAD]
    while u >= 0:
        for c in range(unit[v, FIRST], unit[v + 1, FIRST]):
            _add_reach(state, u, c, ONE)
        for c in range(unit[u, FIRST], unit[u + 1, FIRST]):
            _add_reach(state, v, c, ONE)
        u = unit[u, AFTER]


@inner
def _home(key: Any, mask: Any) -> Any:
    """Where a key of the hash table would like to stand (multiplicative hashing)."""
    return np.int64((np.uint64(key) * np.uint64(11400714819323198485)) >> np.uint64(32)) & mask


@inner
def _count_class(held: Any, key: Any, sign: Any) -> Any:
    """Add 1 to the count of a key, or take it off; returns the count. Keys of 0 are removed.

    Linear probing; a removal moves later entries up, so that no probe ends too early (Knuth, The
    Art of Computer Programming 3, 6.4, algorithm R).
    """
    mask = held.shape[0] - 1
    i = _home(key, mask)
    while held[i, 0] != 0 and held[i, 0] != key:
        i = (i + 1) & mask
    held[i, 0] = key
    held[i, 1] += sign
    members = held[i, 1]
    if members != 0:
        return members
    j = i
    while True:
        held[i, 0] = 0
        while True:
            j = (j + 1) & mask
            if held[j, 0] == 0:
                return members
            home = _home(held[j, 0], mask)
            if (j - home) & mask >= (j - i) & mask:
                break
        held[i, 0], held[i, 1] = held[j, 0], held[j, 1]
        held[j, 1] = 0
        i = j


@inner
def _count(state: Any, v: Any, d: Any, sign: Any) -> None:
    """Add unit v to the sums of district d, or take it off."""
    unit, near, real, total = state.unit, state.near, state.real, state.total
    for j in range(real.shape[1]):
        total[d, SUMS + j] += sign * real[v, j]
    state.dist[d, NUMBER] += sign
    state.dist[d, LOCKED] += sign * unit[v, LOCK]
    for e in range(unit[v, NEAR], unit[v + 1, NEAR]):
        other = unit[near[e], LABEL]
        if other >= 0 and other != d:
            state.rule[NOW, LINKS_CUT] += sign * state.worth[e]
    for e in range(unit[v, APART], unit[v + 1, APART]):
        if unit[near[e], LABEL] == d:
            state.dist[d, CLASH] += sign
    for e in range(unit[v, KIND], unit[v + 1, KIND]):
        members = _count_class(state.held, near[e] * state.dist.shape[0] + d + 1, sign)
        if sign > 0 and members == 1:
            state.rule[NOW, SPLITS] += state.worth[e]
        elif sign < 0 and members == 0:
            state.rule[NOW, SPLITS] -= state.worth[e]


@inner
def put(state: Any, v: Any, d: Any) -> None:
    """Give unit v, which has no district, to district d; `refresh(d)` must follow."""
    unit = state.unit
    if state.use_cost:
        _join_reach(state, v, d)
    _count(state, v, d, ONE)
    h = state.dist[d, HEAD]
    unit[v, AFTER] = h
    unit[v, BEFORE] = -1
    if h >= 0:
        unit[h, BEFORE] = v
    state.dist[d, HEAD] = v
    unit[v, LABEL] = d


@inner
def take(state: Any, v: Any) -> None:
    """Take unit v out of its district; `refresh` of that district must follow."""
    unit = state.unit
    d = unit[v, LABEL]
    unit[v, LABEL] = -1
    _count(state, v, d, NONE)
    a, b = unit[v, AFTER], unit[v, BEFORE]
    if b >= 0:
        unit[b, AFTER] = a
    else:
        state.dist[d, HEAD] = a
    if a >= 0:
        unit[a, BEFORE] = b
    if state.use_cost:
        u = state.dist[d, HEAD]
        while u >= 0:
            for c in range(unit[u, FIRST], unit[u + 1, FIRST]):
                _add_reach(state, v, c, NONE)
            u = unit[u, AFTER]


@inner
def miss(rule: Any, total: Any, row: Any, parts: Any) -> Any:
    """How far total[row, TOTAL:] is from what ``parts`` districts may hold, in mean units."""
    out = 0.0
    for j in range(rule.shape[0] - BOUNDS):
        held, i = total[row, TOTAL + j], BOUNDS + j
        short = parts * rule[i, LOW] - held
        much = held - parts * rule[i, HIGH]
        if short > rule[i, SLACK]:
            out += short / rule[i, SCALE]
        if much > rule[i, SLACK]:
            out += much / rule[i, SCALE]
    return out


@inner
def refresh(state: Any, d: Any) -> None:
    """Bring the figures of district d up to date after its members changed."""
    total, rule = state.total, state.rule
    broken, value, spread, off = 0.0, 0.0, 0.0, 0.0
    if state.dist[d, NUMBER] > 0:
        clashes = state.dist[d, CLASH]
        if state.dist[d, LOCKED] > 1:
            clashes += state.dist[d, LOCKED] - 1
        broken = miss(rule, total, d, ONE) + _CLASH_WEIGHT * clashes
        x, y = total[d, SUMS + X], total[d, SUMS + Y]
        spread = total[d, SUMS + SQUARE] - (x * x + y * y) / total[d, SUMS + MASS]
        off = abs(total[d, TOTAL] / state.mean - 1.0)
        if state.use_cost:
            best, beyond = 1e300, 1e300
            u = state.dist[d, HEAD]
            while u >= 0:
                for c in range(state.unit[u, FIRST], state.unit[u + 1, FIRST]):
                    if state.seat[c, OVER] < beyond:
                        beyond = state.seat[c, OVER]
                    if state.seat[c, LACK] == 0 and state.seat[c, REACH] < best:
                        best = state.seat[c, REACH]
                u = state.unit[u, AFTER]
            broken += beyond
            if rule[WEIGHT, VALUE] > 0 and best < 1e299:
                value = best
            elif rule[WEIGHT, VALUE] > 0:
                broken += 1.0
    rule[NOW, VALUE] += value - total[d, VALUE]
    rule[NOW, BROKEN] += broken - total[d, BROKEN]
    rule[NOW, SPREAD] += spread - total[d, SPREAD]
    rule[NOW, OFF] += off - total[d, OFF]
    total[d, VALUE], total[d, BROKEN], total[d, SPREAD] = value, broken, spread
    total[d, OFF] = off


@inner
def energy(rule: Any) -> Any:
    """Weighted sum of what the search tries to lower."""
    out = 0.0
    for i in range(FIGURES):
        out += rule[WEIGHT, i] * rule[NOW, i]
    return out


@inner
def still_whole(state: Any, v: Any, d: Any) -> Any:
    """Whether district d, which v has just left, hangs together without it.

    Only v's own neighbours have to find each other; the walk stops as soon as they have.
    """
    unit, near = state.unit, state.near
    wanted, start = ZERO, NONE
    target, seen = state.clock[TICK] + 1, state.clock[TICK] + 2
    state.clock[TICK] = seen
    for e in range(unit[v, NEAR], unit[v + 1, NEAR]):
        t = near[e]
        if unit[t, LABEL] == d:
            wanted += 1
            start = t
            unit[t, STAMP] = target
    if wanted <= 1:
        return wanted == 1 or state.dist[d, NUMBER] == 0
    unit[start, STAMP] = seen
    unit[0, STACK] = start
    first, last, found = 0, 1, 1
    while first < last:
        x = unit[first, STACK]
        first += 1
        for e in range(unit[x, NEAR], unit[x + 1, NEAR]):
            t = near[e]
            if unit[t, LABEL] != d or unit[t, STAMP] == seen:
                continue
            if unit[t, STAMP] == target:
                found += 1
                if found == wanted:
                    return True
            unit[t, STAMP] = seen
            unit[last, STACK] = t
            last += 1
    return False


@compiled
def load(state: Any, label: Any) -> None:
    """Set all labels at once and work all sums out anew."""
    n = label.size
    for v in range(n):
        if state.unit[v, LABEL] >= 0:
            take(state, v)
    # What rounding has left of the sums goes with the districts.
    for d in range(state.total.shape[0]):
        for j in range(state.total.shape[1]):
            state.total[d, j] = 0.0
    for i in range(FIGURES):
        state.rule[NOW, i] = 0.0
    for v in range(n):
        if label[v] >= 0:
            put(state, v, label[v])
    for d in range(state.dist.shape[0]):
        refresh(state, d)
