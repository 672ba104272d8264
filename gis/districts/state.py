"""The working state of the search: labels and everything a move has to know, kept up to date.

Compiled with numba. One `Instance` never changes; one `State` changes in place. All constraints
but contiguity are soft here (``broken`` says by how much they are missed), so that the search can
walk through plans that are not allowed yet; what is returned is mended and checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

CUT, BALANCE, COMPACT = 0, 1, 2
OBJECTIVES: Final = {"cut-links": CUT, "balance": BALANCE, "compact": COMPACT}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Places in State.sums.
LINKS_CUT, VALUE, BROKEN, SPREAD = 0, 1, 2, 3
# Bits in Instance.cost_flag.
FAR, LOST = 1, 2
_CLASH_WEIGHT: Final = 2.0

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile on first call and keep the result on disk where some folder can be written."""
    try:
        return cast("_Function", njit(cache=True, nogil=True)(function))
    except RuntimeError:  # a service account without any writable folder
        return cast("_Function", njit(nogil=True)(function))


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
    xy: Floats  # (u, 2) in median link lengths; zeros without coordinates
    apart_ptr: Ints
    apart_adj: Ints
    first: Ints  # (u + 1,) candidates for the centre that belong to each unit
    cost_ptr: Ints  # (u + 1,) rows of unit x candidate, columns ascending
    cost_col: Ints
    cost_val: Floats  # size x cost, summed over the members of the unit
    cost_flag: NDArray[np.uint8]
    weight: Floats  # (4,) of links cut, value, broken, spread
    objective: int
    mean: float
    use_cost: bool


class State(NamedTuple):
    """Labels (u,) and sums per district (k slots); slots with no member are free."""

    label: Ints
    total: Floats  # (k, m)
    number: Ints
    moment: Floats  # (k, 3) sum x, sum y, sum of squares
    head: Ints  # first member of each district, then a doubly linked list
    after: Ints
    before: Ints
    broken: Floats
    value: Floats
    spread: Floats
    clash: Ints
    reach: Floats  # (c,) size x cost of the district, were this candidate its centre
    over: Ints  # (c,) units of the district beyond the limit from this candidate
    lost: Ints  # (c,) units of the district with no way to this candidate
    sums: Floats  # (4,)
    stamp: Ints
    stack: Ints
    place: Ints
    clock: Ints  # (2,) the last stamp; the last free slot
    rng: NDArray[np.uint64]


def make_state(instance: Instance, *, slots: int, seed: int) -> State:
    """Return a state in which no unit has a district yet."""
    units, sizes = instance.size.shape
    candidates = int(instance.first[-1])
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1)
    none = np.full(units, -1, np.int64)
    return State(
        label=none.copy(),
        total=np.zeros((slots, sizes)),
        number=np.zeros(slots, np.int64),
        moment=np.zeros((slots, 3)),
        head=np.full(slots, -1, np.int64),
        after=none.copy(),
        before=none.copy(),
        broken=np.zeros(slots),
        value=np.zeros(slots),
        spread=np.zeros(slots),
        clash=np.zeros(slots, np.int64),
        reach=np.zeros(candidates),
        over=np.zeros(candidates, np.int64),
        lost=np.zeros(candidates, np.int64),
        sums=np.zeros(4),
        stamp=np.zeros(units, np.int64),
        stack=np.zeros(units, np.int64),
        place=np.zeros(units, np.int64),
        clock=np.zeros(2, np.int64),
        rng=start,
    )


@compiled
def draw(rng: Any) -> Any:
    """Return the next number in [0, 1) (xorshift64*, Vigna 2016); the state is the caller's."""
    x = rng[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    rng[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def draw_below(rng: Any, n: Any) -> Any:
    """Return the next whole number in 0..n-1."""
    return min(int(draw(rng) * n), n - 1)


@compiled
def entry(instance: Any, unit: Any, candidate: Any) -> Any:
    """Place of (unit, candidate) in the cost rows, or -1 where there is no way."""
    lo, hi = instance.cost_ptr[unit], instance.cost_ptr[unit + 1]
    if hi - lo == instance.first[-1]:
        return lo + candidate
    while lo < hi:
        mid = (lo + hi) // 2
        if instance.cost_col[mid] < candidate:
            lo = mid + 1
        else:
            hi = mid
    if lo < instance.cost_ptr[unit + 1] and instance.cost_col[lo] == candidate:
        return lo
    return -1


@compiled
def _add_reach(instance: Any, state: Any, unit: Any, candidate: Any, sign: Any) -> None:
    e = entry(instance, unit, candidate)
    if e < 0:
        state.over[candidate] += sign
        state.lost[candidate] += sign
        return
    state.reach[candidate] += sign * instance.cost_val[e]
    if instance.cost_flag[e] & FAR:
        state.over[candidate] += sign
    if instance.cost_flag[e] & LOST:
        state.lost[candidate] += sign


@compiled
def _join_reach(instance: Any, state: Any, v: Any, d: Any) -> None:
    first = instance.first
    for c in range(first[v], first[v + 1]):
        state.reach[c] = 0.0
        state.over[c] = 0
        state.lost[c] = 0
        _add_reach(instance, state, v, c, 1)
    u = state.head[d]
    while u >= 0:
        for c in range(first[v], first[v + 1]):
            _add_reach(instance, state, u, c, 1)
        for c in range(first[u], first[u + 1]):
            _add_reach(instance, state, v, c, 1)
        u = state.after[u]


@compiled
def put(instance: Any, state: Any, v: Any, d: Any) -> None:
    """Give unit v, which has no district, to district d; `refresh(d)` must follow."""
    if instance.use_cost:
        _join_reach(instance, state, v, d)
    for j in range(instance.size.shape[1]):
        state.total[d, j] += instance.size[v, j]
    x, y = instance.xy[v, 0], instance.xy[v, 1]
    state.moment[d, 0] += x
    state.moment[d, 1] += y
    state.moment[d, 2] += x * x + y * y
    state.number[d] += 1
    h = state.head[d]
    state.after[v] = h
    state.before[v] = -1
    if h >= 0:
        state.before[h] = v
    state.head[d] = v
    for e in range(instance.ptr[v], instance.ptr[v + 1]):
        other = state.label[instance.adj[e]]
        if other >= 0 and other != d:
            state.sums[LINKS_CUT] += instance.wt[e]
    for e in range(instance.apart_ptr[v], instance.apart_ptr[v + 1]):
        if state.label[instance.apart_adj[e]] == d:
            state.clash[d] += 1
    state.label[v] = d


@compiled
def take(instance: Any, state: Any, v: Any) -> None:
    """Take unit v out of its district; `refresh` of that district must follow."""
    d = state.label[v]
    state.label[v] = -1
    for j in range(instance.size.shape[1]):
        state.total[d, j] -= instance.size[v, j]
    x, y = instance.xy[v, 0], instance.xy[v, 1]
    state.moment[d, 0] -= x
    state.moment[d, 1] -= y
    state.moment[d, 2] -= x * x + y * y
    state.number[d] -= 1
    a, b = state.after[v], state.before[v]
    if b >= 0:
        state.after[b] = a
    else:
        state.head[d] = a
    if a >= 0:
        state.before[a] = b
    for e in range(instance.ptr[v], instance.ptr[v + 1]):
        other = state.label[instance.adj[e]]
        if other >= 0 and other != d:
            state.sums[LINKS_CUT] -= instance.wt[e]
    for e in range(instance.apart_ptr[v], instance.apart_ptr[v + 1]):
        if state.label[instance.apart_adj[e]] == d:
            state.clash[d] -= 1
    if instance.use_cost:
        u = state.head[d]
        while u >= 0:
            for c in range(instance.first[u], instance.first[u + 1]):
                _add_reach(instance, state, v, c, -1)
            u = state.after[u]


@compiled
def miss(instance: Any, total: Any, parts: Any) -> Any:
    """How far sizes (m,) are from what ``parts`` districts may hold together, in mean units."""
    out = 0.0
    for j in range(total.size):
        short = parts * (instance.low[j]) - total[j]
        much = total[j] - parts * instance.high[j]
        if short > instance.slack[j]:
            out += short / instance.scale[j]
        if much > instance.slack[j]:
            out += much / instance.scale[j]
    return out


@compiled
def _best_centre(instance: Any, state: Any, d: Any) -> Any:
    """Return (least size x cost, fewest units beyond the limit) over the centres of district d."""
    best = 1e300
    beyond = instance.size.shape[0]
    u = state.head[d]
    while u >= 0:
        for c in range(instance.first[u], instance.first[u + 1]):
            beyond = min(beyond, state.over[c])
            if state.lost[c] == 0:
                best = min(best, state.reach[c])
        u = state.after[u]
    return best, beyond


@compiled
def refresh(instance: Any, state: Any, d: Any) -> None:
    """Bring the figures of district d up to date after its members changed."""
    broken, value, spread = 0.0, 0.0, 0.0
    n = state.number[d]
    if n > 0:
        broken = miss(instance, state.total[d], 1) + _CLASH_WEIGHT * state.clash[d]
        x, y = state.moment[d, 0], state.moment[d, 1]
        spread = state.moment[d, 2] - (x * x + y * y) / n
        if instance.objective == BALANCE:
            value = abs(state.total[d, 0] / instance.mean - 1.0)
        if instance.use_cost:
            best, beyond = _best_centre(instance, state, d)
            broken += beyond
            if instance.objective == COMPACT and best < 1e299:
                value = best
            elif instance.objective == COMPACT:
                broken += 1.0
    state.sums[VALUE] += value - state.value[d]
    state.sums[BROKEN] += broken - state.broken[d]
    state.sums[SPREAD] += spread - state.spread[d]
    state.value[d], state.broken[d], state.spread[d] = value, broken, spread


@compiled
def energy(instance: Any, state: Any) -> Any:
    """Weighted sum of what the search tries to lower."""
    out = 0.0
    for i in range(4):
        out += instance.weight[i] * state.sums[i]
    return out


@compiled
def still_whole(instance: Any, state: Any, v: Any, d: Any) -> Any:
    """Whether district d, which v has just left, hangs together without it.

    Only v's own neighbours have to find each other; the walk stops as soon as they have.
    """
    wanted = 0
    start = -1
    for e in range(instance.ptr[v], instance.ptr[v + 1]):
        t = instance.adj[e]
        if state.label[t] == d:
            wanted += 1
            start = t
    if wanted <= 1:
        return wanted == 1 or state.number[d] == 0
    state.clock[0] += 2
    target, seen = state.clock[0] - 1, state.clock[0]
    for e in range(instance.ptr[v], instance.ptr[v + 1]):
        t = instance.adj[e]
        if state.label[t] == d:
            state.stamp[t] = target
    state.stamp[start] = seen
    state.stack[0] = start
    first, last, found = 0, 1, 1
    while first < last:
        x = state.stack[first]
        first += 1
        for e in range(instance.ptr[x], instance.ptr[x + 1]):
            t = instance.adj[e]
            if state.label[t] != d or state.stamp[t] == seen:
                continue
            if state.stamp[t] == target:
                found += 1
                if found == wanted:
                    return True
            state.stamp[t] = seen
            state.stack[last] = t
            last += 1
    return False


@compiled
def load(instance: Any, state: Any, label: Any) -> None:
    """Set all labels at once and work all sums out anew."""
    for v in range(state.label.size):
        if state.label[v] >= 0:
            take(instance, state, v)
    for v in range(state.label.size):
        if label[v] >= 0:
            put(instance, state, v, label[v])
    state.total[:] = 0.0
    state.moment[:] = 0.0
    for v in range(label.size):
        d = label[v]
        if d >= 0:
            for j in range(instance.size.shape[1]):
                state.total[d, j] += instance.size[v, j]
            x, y = instance.xy[v, 0], instance.xy[v, 1]
            state.moment[d, 0] += x
            state.moment[d, 1] += y
            state.moment[d, 2] += x * x + y * y
    state.sums[1:] = 0.0
    state.value[:] = 0.0
    state.broken[:] = 0.0
    state.spread[:] = 0.0
    for d in range(state.number.size):
        refresh(instance, state, d)
