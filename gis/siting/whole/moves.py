"""Moves of a search for sites with capacities, compiled with numba.

A state is a set of open sites and the site of each demand, -1: nobody. Its score is the sum of the
weights of the pairs used and a penalty for everybody who lacks a site. Steps: a demand moves, two
demands change places, one makes room for another, a site is opened for another that is closed.
Each call makes a bounded number of tries, so that the caller can look at the clock.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from gis.compiling import compiled
from gis.siting.problem import Bools, Floats, Ints

# Places in State.sum and State.number.
PAY, SERVED, SPENT, BIG, TARGET, MONEY = range(6)
CHOSEN, LEFT, LOGGED, TRIED, AT, VAIN, DICE = range(7)
_SAME: Final = 1e-12
_NEAR: Final = 12
_FEW: Final = 20


class Ground(NamedTuple):
    """What does not change. Pairs of a demand and pairs of a site, both by rising weight."""

    first: Ints
    site: Ints
    weight: Floats
    col_first: Ints
    col_demand: Ints
    col_weight: Floats
    need: Floats
    worth: Floats
    room: Floats
    free: Bools
    price: Floats
    group: Ints


class State(NamedTuple):
    """What changes: `head`, `after` and `before` link the demands of each site."""

    opened: Bools
    at: Ints
    paid: Floats
    load: Floats
    head: Ints
    after: Ints
    before: Ints
    in_group: Ints
    log: Ints
    log_paid: Floats
    order: Ints
    sum: Floats
    number: Ints


@compiled
def _dice(s: State, many: int) -> int:
    """Return a number below many: the generator of drand48."""
    s.number[DICE] = (s.number[DICE] * 25214903917 + 11) & 281474976710655
    return int((s.number[DICE] >> 17) % many)


@compiled
def score_of(s: State) -> float:
    """Return what is to be least."""
    short = s.sum[TARGET] - s.sum[SERVED]
    return float(s.sum[PAY] + (s.sum[BIG] * short if short > 0 else 0.0))


@compiled
def _put(g: Ground, s: State, i: int, j: int, w: float) -> None:
    a = s.at[i]
    if a >= 0:
        s.load[a] -= g.need[i]
        s.sum[PAY] -= s.paid[i]
        s.sum[SERVED] -= g.worth[i]
        if s.before[i] >= 0:
            s.after[s.before[i]] = s.after[i]
        else:
            s.head[a] = s.after[i]
        if s.after[i] >= 0:
            s.before[s.after[i]] = s.before[i]
    s.at[i] = j
    s.paid[i] = w
    if j >= 0:
        s.load[j] += g.need[i]
        s.sum[PAY] += w
        s.sum[SERVED] += g.worth[i]
        s.before[i] = -1
        s.after[i] = s.head[j]
        if s.head[j] >= 0:
            s.before[s.head[j]] = i
        s.head[j] = i


@compiled
def _move(g: Ground, s: State, i: int, j: int, w: float) -> None:
    at = s.number[LOGGED]
    s.log[at, 0] = i
    s.log[at, 1] = s.at[i]
    s.log_paid[at] = s.paid[i]
    s.number[LOGGED] += 1
    _put(g, s, i, j, w)


@compiled
def _undo(g: Ground, s: State) -> None:
    while s.number[LOGGED] > 0:
        s.number[LOGGED] -= 1
        at = s.number[LOGGED]
        _put(g, s, s.log[at, 0], s.log[at, 1], s.log_paid[at])


@compiled
def _tired(s: State) -> bool:
    return bool(s.number[LOGGED] > len(s.log_paid) - 8)


@compiled
def _insert(g: Ground, s: State, i: int) -> bool:
    for p in range(g.first[i], g.first[i + 1]):
        j = g.site[p]
        if s.opened[j] and s.load[j] + g.need[i] <= g.room[j]:
            _move(g, s, i, j, g.weight[p])
            return True
    return False


@compiled
def _make_room(g: Ground, s: State, i: int) -> bool:
    """Serve i at a site that another demand leaves, for a third site or, when worth less, none."""
    least = s.sum[BIG] * g.worth[i]
    out, to, at = -1, -1, -1
    to_weight = 0.0
    seen = 0
    for p in range(g.first[i], g.first[i + 1]):
        j = g.site[p]
        if not s.opened[j]:
            continue
        seen += 1
        if seen > _NEAR:
            break
        k = s.head[j]
        while k >= 0:
            if s.load[j] - g.need[k] + g.need[i] <= g.room[j]:
                other, w = -1, s.sum[BIG] * g.worth[k]
                for q in range(g.first[k], g.first[k + 1]):
                    b = g.site[q]
                    if b != j and s.opened[b] and s.load[b] + g.need[k] <= g.room[b]:
                        other, w = b, g.weight[q]
                        break
                delta = g.weight[p] - s.paid[k] + w
                if delta < least - _SAME * abs(least):
                    least, out, to, at = delta, k, other, p
                    to_weight = w if other >= 0 else 0.0
            k = s.after[k]
    if out < 0 or _tired(s):
        return False
    _move(g, s, out, to, to_weight)
    _move(g, s, i, g.site[at], g.weight[at])
    return True


@compiled
def _polish(g: Ground, s: State, passes: int) -> None:
    """Move demands and change their places until nothing gets better."""
    n, m = len(g.need), len(g.room)
    here = np.full(n, np.inf)
    for _ in range(passes):
        better = False
        for i in range(n):
            if s.at[i] < 0 and s.sum[SERVED] < s.sum[TARGET] and not _tired(s):
                better |= _insert(g, s, i) or _make_room(g, s, i)
        for a in range(m):
            if not s.opened[a] or s.head[a] < 0:
                continue
            for q in range(g.col_first[a], g.col_first[a + 1]):
                here[g.col_demand[q]] = g.col_weight[q]
            i = s.head[a]
            while i >= 0 and not _tired(s):
                following = s.after[i]
                better |= _shift(g, s, i, a, here)
                i = following
            for q in range(g.col_first[a], g.col_first[a + 1]):
                here[g.col_demand[q]] = np.inf
        if not better or _tired(s):
            return


@compiled
def _shift(g: Ground, s: State, i: int, a: int, here: Floats) -> bool:
    """Find a better site for i, alone or with another demand in return."""
    least, to, other = -1e-9 * max(1.0, abs(s.paid[i])), -1, -1
    seen = 0
    for p in range(g.first[i], g.first[i + 1]):
        j = g.site[p]
        if not s.opened[j] or j == a:
            continue
        seen += 1
        if seen > _NEAR:
            break
        gain = g.weight[p] - s.paid[i]
        if s.load[j] + g.need[i] <= g.room[j]:
            if gain < least:
                least, to, other = gain, p, -1
            continue
        k = s.head[j]
        while k >= 0:
            delta = gain + here[k] - s.paid[k]
            if (
                delta < least
                and s.load[j] - g.need[k] + g.need[i] <= g.room[j]
                and s.load[a] - g.need[i] + g.need[k] <= g.room[a]
            ):
                least, to, other = delta, p, k
            k = s.after[k]
    if to < 0:
        return False
    if other >= 0:
        _move(g, s, other, a, here[other])
    _move(g, s, i, g.site[to], g.weight[to])
    return True


@compiled
def _toggle(g: Ground, s: State, j: int, sign: int) -> None:
    s.opened[j] = sign > 0
    s.sum[SPENT] += sign * g.price[j]
    s.number[CHOSEN] += sign
    if g.group[j] >= 0:
        s.in_group[g.group[j]] += sign


@compiled
def may_open(g: Ground, s: State, j: int) -> bool:
    """Whether a site may be opened beside those that are."""
    return (
        g.free[j]
        and not s.opened[j]
        and s.number[CHOSEN] < s.number[LEFT]
        and s.sum[SPENT] + g.price[j] <= s.sum[MONEY]
        and (g.group[j] < 0 or s.in_group[g.group[j]] == 0)
    )


@compiled
def _close(g: Ground, s: State, j: int) -> None:
    """Close a site and leave its demands without one."""
    while s.head[j] >= 0 and not _tired(s):
        _move(g, s, s.head[j], -1, 0.0)
    _toggle(g, s, j, -1)


@compiled
def open_site(g: Ground, s: State, j: int) -> None:
    """Open a site and bring to it who gains most."""
    _toggle(g, s, j, 1)
    many = 0
    start = g.col_first[j]
    gain = np.empty(g.col_first[j + 1] - start)
    row = np.empty(len(gain), np.int64)
    for q in range(start, g.col_first[j + 1]):
        i = g.col_demand[q]
        now = s.paid[i] if s.at[i] >= 0 else s.sum[BIG] * g.worth[i]
        if g.col_weight[q] < now:
            gain[many] = (g.col_weight[q] - now) / max(g.need[i], 1e-300)
            row[many] = q
            many += 1
    for at in np.argsort(gain[:many], kind="mergesort"):
        q = row[at]
        i = g.col_demand[q]
        if s.load[j] + g.need[i] <= g.room[j] and not _tired(s):
            _move(g, s, i, j, g.col_weight[q])


@compiled
def _settle(g: Ground, s: State, since: int) -> None:
    """Find sites for those who lost theirs, the largest first."""
    many = s.number[LOGGED]
    lost = np.empty(many, np.int64)
    need = np.empty(many)
    count = 0
    for at in range(since, many):
        i = s.log[at, 0]
        if s.at[i] < 0:
            lost[count] = i
            need[count] = -g.need[i]
            count += 1
    for at in np.argsort(need[:count], kind="mergesort"):
        i = lost[at]
        if s.at[i] < 0 and not _tired(s) and not _insert(g, s, i):
            _make_room(g, s, i)


@compiled
def _try(g: Ground, s: State, out: int, into: int, near: float) -> bool:
    """Close a site, open another (-1: none); keep it only when the score gets better."""
    before = score_of(s)
    s.number[LOGGED] = 0
    s.number[TRIED] += 1
    if out >= 0:
        _close(g, s, out)
    if into >= 0:
        if not may_open(g, s, into):
            _toggle(g, s, out, 1) if out >= 0 else None
            _undo(g, s)
            return False
        open_site(g, s, into)
    _settle(g, s, 0)
    if score_of(s) < before + near * abs(before):
        _polish(g, s, 3)
    if score_of(s) < before - 1e-9 * max(1.0, abs(before)) and not _tired(s):
        s.number[LOGGED] = 0
        return True
    # Nobody may be at a site that is closed while the moves are taken back.
    if into >= 0:
        _toggle(g, s, into, -1)
    if out >= 0:
        _toggle(g, s, out, 1)
    _undo(g, s)
    return False


@compiled
def add(g: Ground, s: State, few: int) -> bool:
    """Open one more site, the best of a few; False: none may be opened, or none helps."""
    m = len(g.room)
    best, least = -1, score_of(s)
    many = 0
    may = np.empty(m, np.int64)
    for j in range(m):
        if may_open(g, s, j):
            may[many] = j
            many += 1
    if many == 0 or (s.sum[SERVED] >= s.sum[TARGET] and s.sum[PAY] <= 0):
        return False
    for t in range(min(few, many)):
        if many > few:
            other = t + _dice(s, many - t)
            may[t], may[other] = may[other], may[t]
        j = may[t]
        s.number[LOGGED] = 0
        open_site(g, s, j)
        score = score_of(s)
        if score < least - _SAME * abs(least):
            best, least = j, score
        _toggle(g, s, j, -1)
        _undo(g, s)
    if best < 0:
        return False
    s.number[LOGGED] = 0
    open_site(g, s, best)
    s.number[LOGGED] = 0
    return True


@compiled
def shuffle(g: Ground, s: State) -> None:
    """Begin to try exchanges anew, in another order."""
    for t in range(len(s.order) - 1, 0, -1):
        other = _dice(s, t + 1)
        s.order[t], s.order[other] = s.order[other], s.order[t]
    s.number[AT] = s.number[VAIN] = 0
    s.number[LOGGED] = 0
    _polish(g, s, 10)


@compiled
def improve(g: Ground, s: State, tries: int, near: float) -> bool:
    """Exchange open sites for closed ones; True: all exchanges were tried in vain."""
    m = len(g.room)
    s.number[TRIED] = 0
    outs = np.empty(m, np.int64)
    loss = np.empty(m)
    _losses(g, s, loss)
    while s.number[VAIN] < m and s.number[TRIED] < tries:
        into = s.order[s.number[AT]]
        s.number[AT] = (s.number[AT] + 1) % m
        s.number[VAIN] += 1
        if not g.free[into] or s.opened[into]:
            continue
        if may_open(g, s, into):
            if _try(g, s, -1, into, near):
                s.number[VAIN] = 0
                _losses(g, s, loss)
            continue
        many = _outs(g, s, into, loss, outs)
        for t in range(many):
            if _try(g, s, outs[t], into, near):
                s.number[VAIN] = 0
                _losses(g, s, loss)
                break
    return bool(s.number[VAIN] >= m)


@compiled
def _losses(g: Ground, s: State, loss: Floats) -> None:
    """About what is lost when a site is closed: its demands go to the next, full or not."""
    loss[:] = np.inf
    for j in range(len(g.room)):
        if s.opened[j] and g.free[j]:
            loss[j] = 0.0
    for i in range(len(g.need)):
        a = s.at[i]
        if a < 0 or not g.free[a]:
            continue
        w = s.sum[BIG] * g.worth[i]
        for p in range(g.first[i], g.first[i + 1]):
            if s.opened[g.site[p]] and g.site[p] != a:
                w = g.weight[p]
                break
        loss[a] += w - s.paid[i]


@compiled
def _outs(g: Ground, s: State, into: int, loss: Floats, outs: Ints) -> int:
    """Sites to close for another: all when there are few, else those around it or hardly used."""
    m = len(g.room)
    many = 0
    if s.number[CHOSEN] <= _FEW:
        for j in range(m):
            if s.opened[j] and g.free[j]:
                outs[many] = j
                many += 1
        return many
    seen = np.zeros(m, np.bool_)
    for a in np.argsort(loss, kind="mergesort")[:_NEAR]:
        if s.opened[a] and g.free[a]:
            seen[a] = True
            outs[many] = a
            many += 1
    for q in range(g.col_first[into], g.col_first[into + 1]):
        a = s.at[g.col_demand[q]]
        if a >= 0 and g.free[a] and not seen[a]:
            seen[a] = True
            outs[many] = a
            many += 1
            if many >= 2 * _NEAR:
                return many
    return many


@compiled
def ruin(g: Ground, s: State, many: int) -> None:
    """Close a few sites that were chosen, at random."""
    m = len(g.room)
    for _ in range(many):
        chosen = 0
        for j in range(m):
            if s.opened[j] and g.free[j]:
                chosen += 1
        if chosen == 0:
            return
        at = _dice(s, chosen)
        for j in range(m):
            if s.opened[j] and g.free[j]:
                if at == 0:
                    s.number[LOGGED] = 0
                    _close(g, s, j)
                    _settle(g, s, 0)
                    s.number[LOGGED] = 0
                    break
                at -= 1
