"""Mending: districts that miss a bound are cut anew, trimmed or given up; the rest is placed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gis.compiling import compiled, inner
from gis.partition.anneal import free_slot, move, recombine, sizes_of, split
from gis.partition.state import (
    AFTER,
    BOUNDS,
    BROKEN,
    HEAD,
    LABEL,
    LOW,
    NEAR,
    NONE,
    NOW,
    NUMBER,
    ONE,
    SIZE,
    STACK,
    STAMP,
    TICK,
    TOTAL,
    ZERO,
    draw_below,
    miss,
    put,
    refresh,
    still_whole,
    take,
)

_NONE_BROKEN: Final = 1e-9
# How many trees are grown before a cut is given up.
_TREES_MENDED, _TREES_PLACED, _TREES_ALONE = np.arange(2, 5)


@compiled
def mend(state: Any, free: Any, tries: Any) -> None:
    """Cut broken districts anew together with their neighbours until nothing is broken."""
    nobody = np.empty(0, np.int64)
    for _ in range(3):
        for d in range(state.dist.shape[0]):
            for t in range(tries):
                if state.dist[d, NUMBER] == 0 or state.total[d, BROKEN] <= _NONE_BROKEN:
                    break
                v = state.dist[d, HEAD]
                for _ in range(draw_below(state.clock, state.dist[d, NUMBER])):
                    v = state.unit[v, AFTER]
                recombine(state, v, 2 + t % 3, nobody, free, 0.0, _TREES_MENDED)


@inner
def _list(state: Any, d: Any) -> Any:
    out = np.empty(state.dist[d, NUMBER], np.int64)
    u = state.dist[d, HEAD]
    for i in range(out.size):
        out[i] = u
        u = state.unit[u, AFTER]
    return out


@inner
def _give_up(state: Any, d: Any) -> None:
    """Leave all units of district d without a district."""
    while state.dist[d, NUMBER] > 0:
        take(state, state.dist[d, HEAD])
    refresh(state, d)


@inner
def _peel(state: Any, d: Any) -> Any:
    """Take the one unit out of district d that mends most and loses least; False: none mends."""
    best, best_broken, best_size = NONE, state.total[d, BROKEN] - _NONE_BROKEN, 1e300
    members = _list(state, d)
    for i in range(members.size):
        u = members[i]
        move(state, u, NONE)
        broken, size = state.total[d, BROKEN], state.real[u, SIZE]
        better = broken < best_broken - _NONE_BROKEN or (
            broken <= best_broken + _NONE_BROKEN and size < best_size
        )
        if state.dist[d, NUMBER] > 0 and better and still_whole(state, u, d):
            best, best_broken, best_size = u, broken, size
        move(state, u, d)
    if best < 0:
        return False
    move(state, best, NONE)
    return True


@compiled
def trim(state: Any) -> None:
    """Make every district keep every constraint: peel units off, or give the district up."""
    for d in range(state.dist.shape[0]):
        while state.dist[d, NUMBER] > 0 and state.total[d, BROKEN] > _NONE_BROKEN:
            if not _peel(state, d):
                _give_up(state, d)


@inner
def _free_part(state: Any, v: Any) -> Any:
    """Return the unplaced units that hang together with unplaced unit v."""
    unit = state.unit
    state.clock[TICK] += 1
    unit[v, STAMP] = state.clock[TICK]
    unit[0, STACK] = v
    first, last = 0, 1
    while first < last:
        x = unit[first, STACK]
        first += 1
        for e in range(unit[x, NEAR], unit[x + 1, NEAR]):
            t = state.near[e]
            if unit[t, LABEL] < 0 and unit[t, STAMP] != state.clock[TICK]:
                unit[t, STAMP] = state.clock[TICK]
                unit[last, STACK] = t
                last += 1
    out = np.empty(last, np.int64)
    for i in range(last):
        out[i] = unit[i, STACK]
    return out


@inner
def _join(state: Any, v: Any) -> Any:
    """Give unplaced unit v to a neighbouring district that can hold it."""
    unit = state.unit
    b0 = state.rule[NOW, BROKEN]
    for e in range(unit[v, NEAR], unit[v + 1, NEAR]):
        d = unit[state.near[e], LABEL]
        if d >= 0:
            move(state, v, d)
            if state.rule[NOW, BROKEN] <= b0 + _NONE_BROKEN:
                return True
            move(state, v, NONE)
    return False


@inner
def _found(state: Any, part: Any) -> Any:
    """Make new districts of unplaced units alone."""
    total = sizes_of(state, part)
    nodes = np.empty(part.size, np.int64)
    for parts in range(1, part.size + 1):
        if miss(state.rule, total, ZERO, parts) > _NONE_BROKEN:
            if total[0, TOTAL] < parts * state.rule[BOUNDS, LOW]:
                return False
            continue
        for i in range(part.size):
            nodes[i] = part[i]
        ends = np.empty(parts, np.int64)
        if not split(state, nodes, ends, _TREES_ALONE, ONE):
            continue
        begin, b0 = 0, state.rule[NOW, BROKEN]
        for p in range(parts):
            d = free_slot(state)
            if d < 0:
                return False
            for i in range(begin, ends[p]):
                put(state, nodes[i], d)
            refresh(state, d)
            begin = ends[p]
            if state.rule[NOW, BROKEN] > b0 + _NONE_BROKEN:
                _give_up(state, d)
        return True
    return False


@compiled
def place(state: Any, tries: Any) -> Any:
    """Place what has no district, without breaking anything; returns how many units were placed."""
    placed = 0
    one = np.empty(1, np.int64)
    for v in range(state.real.shape[0]):
        if state.unit[v, LABEL] >= 0:
            continue
        if _join(state, v):
            placed += 1
            continue
        part = _free_part(state, v)
        if part.size > 1 and _found(state, part):
            placed += 1
            continue
        one[0] = v
        for t in range(tries):
            extra = part if t % 2 == 0 else one
            if recombine(state, v, 1 + (t // 2) % 4, extra, ONE, 0.0, _TREES_PLACED):
                placed += 1
                break
    return placed
