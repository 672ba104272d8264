"""Mending: districts that miss a bound are cut anew, trimmed or given up; the rest is placed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gis.districts.anneal import free_slot, recombine, split
from gis.districts.state import BROKEN, compiled, draw_below, miss, put, refresh, still_whole, take

_NONE_BROKEN: Final = 1e-9


@compiled
def mend(instance: Any, state: Any, free: Any, tries: Any) -> None:
    """Cut broken districts anew together with their neighbours until nothing is broken."""
    nobody = np.empty(0, np.int64)
    for _ in range(3):
        for d in range(state.number.size):
            for t in range(tries):
                if state.number[d] == 0 or state.broken[d] <= _NONE_BROKEN:
                    break
                v = state.head[d]
                for _ in range(draw_below(state.rng, state.number[d])):
                    v = state.after[v]
                recombine(instance, state, v, 2 + t % 3, nobody, free, 0.0, 2)


@compiled
def _list(state: Any, d: Any) -> Any:
    out = np.empty(state.number[d], np.int64)
    u = state.head[d]
    for i in range(out.size):
        out[i] = u
        u = state.after[u]
    return out


@compiled
def _peel(instance: Any, state: Any, d: Any) -> Any:
    """Take the one unit out of district d that mends most and loses least; False: none mends."""
    best, best_broken, best_size = -1, state.broken[d] - _NONE_BROKEN, 1e300
    for u in _list(state, d):
        take(instance, state, u)
        refresh(instance, state, d)
        broken = state.broken[d]
        better = broken < best_broken - _NONE_BROKEN or (
            broken <= best_broken + _NONE_BROKEN and instance.size[u, 0] < best_size
        )
        if state.number[d] > 0 and better and still_whole(instance, state, u, d):
            best, best_broken, best_size = u, broken, instance.size[u, 0]
        put(instance, state, u, d)
        refresh(instance, state, d)
    if best < 0:
        return False
    take(instance, state, best)
    refresh(instance, state, d)
    return True


@compiled
def trim(instance: Any, state: Any) -> None:
    """Make every district keep every constraint: peel units off, or give the district up."""
    for d in range(state.number.size):
        while state.number[d] > 0 and state.broken[d] > _NONE_BROKEN:
            if not _peel(instance, state, d):
                for u in _list(state, d):
                    take(instance, state, u)
                refresh(instance, state, d)


@compiled
def _free_part(instance: Any, state: Any, v: Any) -> Any:
    """Return the unplaced units that hang together with unplaced unit v."""
    state.clock[0] += 1
    state.stamp[v] = state.clock[0]
    state.stack[0] = v
    first, last = 0, 1
    while first < last:
        x = state.stack[first]
        first += 1
        for e in range(instance.ptr[x], instance.ptr[x + 1]):
            t = instance.adj[e]
            if state.label[t] < 0 and state.stamp[t] != state.clock[0]:
                state.stamp[t] = state.clock[0]
                state.stack[last] = t
                last += 1
    return state.stack[:last].copy()


@compiled
def _join(instance: Any, state: Any, v: Any) -> Any:
    """Give unplaced unit v to a neighbouring district that can hold it."""
    b0 = state.sums[BROKEN]
    for e in range(instance.ptr[v], instance.ptr[v + 1]):
        d = state.label[instance.adj[e]]
        if d < 0:
            continue
        put(instance, state, v, d)
        refresh(instance, state, d)
        if state.sums[BROKEN] <= b0 + _NONE_BROKEN:
            return True
        take(instance, state, v)
        refresh(instance, state, d)
    return False


@compiled
def _found(instance: Any, state: Any, nodes: Any, tries: Any) -> Any:
    """Make new districts of unplaced units alone."""
    total = np.zeros(instance.size.shape[1])
    for u in nodes:
        for j in range(total.size):
            total[j] += instance.size[u, j]
    for parts in range(1, nodes.size + 1):
        if miss(instance, total, parts) > _NONE_BROKEN:
            if total[0] < parts * instance.low[0]:
                return False
            continue
        ends = split(instance, state, nodes, parts, tries, True)
        begin, b0 = 0, state.sums[BROKEN]
        for p in range(ends.size):
            d = free_slot(state)
            if d < 0:
                return False
            for i in range(begin, ends[p]):
                put(instance, state, nodes[i], d)
            refresh(instance, state, d)
            begin = ends[p]
            if state.sums[BROKEN] > b0 + _NONE_BROKEN:
                for u in _list(state, d):
                    take(instance, state, u)
                refresh(instance, state, d)
        if ends.size > 0:
            return True
    return False


@compiled
def place(instance: Any, state: Any, tries: Any) -> Any:
    """Place what has no district, without breaking anything; returns how many units were placed."""
    placed = 0
    one = np.empty(1, np.int64)
    for v in range(state.label.size):
        if state.label[v] >= 0:
            continue
        if _join(instance, state, v):
            placed += 1
            continue
        nodes = _free_part(instance, state, v)
        if nodes.size > 1 and _found(instance, state, nodes.copy(), 4):
            placed += 1
            continue
        for t in range(tries):
            if t % 2 == 0:
                done = recombine(instance, state, v, 1 + (t // 2) % 4, nodes, True, 0.0, 3)
            else:
                one[0] = v
                done = recombine(instance, state, v, 1 + (t // 2) % 4, one, True, 0.0, 3)
            if done:
                placed += 1
                break
    return placed
