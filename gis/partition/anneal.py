"""Moves of the search: boundary units under simulated annealing, and recombination of districts.

Recombination merges neighbouring districts, grows a random spanning tree over them and cuts it
where the sides keep the bounds (ReCom: DeFord, Duchin, Solomon, Harvard Data Science Review 3(1),
2021). Here the number of parts may change where the number of districts is free.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gis.compiling import compiled, inner
from gis.partition.state import (
    AFTER,
    AIM,
    BROKEN,
    FIGURES,
    HEAD,
    LABEL,
    NEAR,
    NONE,
    NOW,
    NUMBER,
    OFF,
    ONE,
    PLACE,
    SIZE,
    SLOT,
    TOTAL,
    WEIGHT,
    ZERO,
    draw,
    draw_below,
    energy,
    miss,
    put,
    refresh,
    still_whole,
    take,
)

_NEVER: Final = 1e18
_NONE_BROKEN: Final = 1e-9
_MERGED_AT_ONCE: Final = 4
# Columns of a tree over nodes[lo:hi], from row lo on: places in the order in which they were
# found, place of the parent of each node, both of the best tree so far, units below, side of the
# cut.
_ORDER, _UP, _BEST, _BEST_UP, _BELOW, _SIDE = np.arange(6)


@inner
def _grow_tree(state: Any, nodes: Any, lo: Any, hi: Any, tree: Any) -> Any:
    """Grow a random tree over nodes[lo:hi]; False when they do not hang together.

    Half of the time the newest edge is taken, which makes longer branches and so more places to
    cut; of two candidates the shorter link is taken, which keeps the parts compact.
    """
    unit, near, far = state.unit, state.near, state.near.size
    edges = 0
    for i in range(lo, hi):
        tree[i, _SIDE] = 0
        edges += unit[nodes[i] + 1, NEAR] - unit[nodes[i], NEAR]
    heap = np.empty((edges + 1, 2), np.int64)
    top, found = ZERO, lo
    place = lo + draw_below(state.clock, hi - lo)
    parent = NONE
    while True:
        tree[place, _SIDE] = 1
        tree[found, _ORDER] = place
        tree[place, _UP] = parent
        found += 1
        if found == hi:
            return True
        v = nodes[place]
        for e in range(unit[v, NEAR], unit[v + 1, NEAR]):
            q = unit[near[e], PLACE]
            if lo <= q < hi and nodes[q] == near[e] and tree[q, _SIDE] == 0:
                heap[top, 0] = e
                heap[top, 1] = place
                top += 1
        while True:
            if top == 0:
                return False
            i = top - 1
            if draw(state.clock) < 0.5:
                i = draw_below(state.clock, top)
                other = draw_below(state.clock, top)
                if state.worth[far + heap[other, 0]] < state.worth[far + heap[i, 0]]:
                    i = other
            link, parent = heap[i, 0], heap[i, 1]
            top -= 1
            heap[i, 0] = heap[top, 0]
            heap[i, 1] = heap[top, 1]
            place = unit[near[link], PLACE]
            if tree[place, _SIDE] == 0:
                break


@inner
def _choose_cut(state: Any, nodes: Any, lo: Any, hi: Any, parts: Any, tree: Any) -> Any:
    """Best tree edge to cut: (place below the cut, parts below it, miss of both sides)."""
    n, m = hi - lo, state.real.shape[1] - SIZE
    below = np.empty((n + 1, TOTAL + m))
    for i in range(n):
        tree[lo + i, _BELOW] = 1
        for j in range(m):
            below[i, TOTAL + j] = state.real[nodes[lo + i], SIZE + j]
    for i in range(hi - 1, lo, -1):
        child = tree[i, _ORDER]
        parent = tree[child, _UP]
        tree[parent, _BELOW] += tree[child, _BELOW]
        for j in range(m):
            below[parent - lo, TOTAL + j] += below[child - lo, TOTAL + j]
    root = tree[lo, _ORDER] - lo
    best, best_place, best_parts, best_miss = _NEVER, NONE, ZERO, _NEVER
    for i in range(lo + 1, hi):
        child = tree[i, _ORDER]
        units = tree[child, _BELOW]
        share = units / n
        if below[root, TOTAL] > 0:
            share = below[child - lo, TOTAL] / below[root, TOTAL]
        a = int(parts * share + 0.5)
        if a >= parts:
            a = parts - 1
        if a < 1:
            a = 1
        if units < a or n - units < parts - a:
            continue
        for j in range(m):
            below[n, TOTAL + j] = below[root, TOTAL + j] - below[child - lo, TOTAL + j]
        missed = miss(state.rule, below, child - lo, a)
        missed += miss(state.rule, below, n, parts - a)
        score = 100.0 * missed + abs(a - 0.5 * parts) / parts + 0.3 * draw(state.clock)
        if score < best:
            best, best_place, best_parts, best_miss = score, child, a, missed
    return best_place, best_parts, best_miss


@inner
def _sort_sides(state: Any, nodes: Any, lo: Any, hi: Any, tree: Any, cut: Any) -> Any:
    """Bring the units below the cut to the front of nodes[lo:hi]; return where they end."""
    below = 0
    for i in range(lo, hi):
        tree[i, _SIDE] = 0
        tree[i, _BELOW] = nodes[i]
    for i in range(lo, hi):
        p = tree[i, _BEST]
        if p == cut or (i > lo and tree[tree[p, _BEST_UP], _SIDE] == 1):
            tree[p, _SIDE] = 1
            below += 1
    mid, end = lo, lo + below
    for i in range(lo, hi):
        u = tree[i, _BELOW]
        if tree[i, _SIDE] == 1:
            place = mid
            mid += 1
        else:
            place = end
            end += 1
        nodes[place] = u
        state.unit[u, PLACE] = place
    return mid


@compiled
def split(state: Any, nodes: Any, ends: Any, tries: Any, strict: Any) -> Any:
    """Cut the connected units ``nodes`` into connected parts, as near to the bounds as found.

    ``nodes`` is reordered so that each part is a run, and ``ends`` (parts,) is where the runs
    end. False when ``strict`` and some cut would miss the bounds, or when the units are not
    connected.
    """
    todo = np.empty((ends.size + 1, 3), np.int64)
    todo[0, 0], todo[0, 1], todo[0, 2] = 0, nodes.size, ends.size
    top, made = 1, 0
    for i in range(nodes.size):
        state.unit[nodes[i], PLACE] = i
    tree = np.empty((nodes.size, 6), np.int64)
    while top > 0:
        top -= 1
        lo, hi, k = todo[top, 0], todo[top, 1], todo[top, 2]
        if k == 1:
            ends[made] = hi
            made += 1
            continue
        best, best_cut, best_parts = _NEVER, NONE, ZERO
        for _ in range(tries):
            if not _grow_tree(state, nodes, lo, hi, tree):
                return False
            cut, a, missed = _choose_cut(state, nodes, lo, hi, k, tree)
            if cut >= 0 and missed < best:
                best, best_cut, best_parts = missed, cut, a
                for i in range(lo, hi):
                    tree[i, _BEST], tree[i, _BEST_UP] = tree[i, _ORDER], tree[i, _UP]
            if best <= _NONE_BROKEN:
                break
        if best_cut < 0 or (strict and best > _NONE_BROKEN):
            return False
        mid = _sort_sides(state, nodes, lo, hi, tree, best_cut)
        todo[top, 0], todo[top, 1], todo[top, 2] = mid, hi, k - best_parts
        top += 1
        todo[top, 0], todo[top, 1], todo[top, 2] = lo, mid, best_parts
        top += 1
    return True


@inner
def free_slot(state: Any) -> Any:
    """Return a district number without members, or -1."""
    k = state.dist.shape[0]
    for _ in range(k):
        state.clock[SLOT] = (state.clock[SLOT] + 1) % k
        if state.dist[state.clock[SLOT], NUMBER] == 0:
            return state.clock[SLOT]
    return NONE


@inner
def _gather(state: Any, v: Any, wanted: Any, chosen: Any) -> Any:
    """Districts around unit v: its own, then random neighbours of those; returns how many."""
    unit, clock = state.unit, state.clock
    found = 0
    if unit[v, LABEL] >= 0:
        chosen[0] = unit[v, LABEL]
        found = 1
    x = v
    for _ in range(8 * wanted):
        if found >= wanted:
            break
        degree = unit[x + 1, NEAR] - unit[x, NEAR]
        if degree > 0:
            d = unit[state.near[unit[x, NEAR] + draw_below(clock, degree)], LABEL]
            known = d < 0
            for i in range(found):
                known = known or chosen[i] == d
            if not known:
                chosen[found] = d
                found += 1
        if found > 0:
            d = chosen[draw_below(clock, found)]
            x = state.dist[d, HEAD]
            for _ in range(draw_below(clock, state.dist[d, NUMBER])):
                x = unit[x, AFTER]
    return found


@inner
def _members(state: Any, chosen: Any, found: Any, extra: Any) -> Any:
    n = extra.size
    for i in range(found):
        n += state.dist[chosen[i], NUMBER]
    nodes = np.empty(n, np.int64)
    n = 0
    for i in range(found):
        u = state.dist[chosen[i], HEAD]
        while u >= 0:
            nodes[n] = u
            n += 1
            u = state.unit[u, AFTER]
    for i in range(extra.size):
        nodes[n + i] = extra[i]
    return nodes


@inner
def sizes_of(state: Any, nodes: Any) -> Any:
    """Return the sums of the sizes of ``nodes``, as a row of State.total."""
    m = state.real.shape[1] - SIZE
    out = np.zeros((1, TOTAL + m))
    for i in range(nodes.size):
        for j in range(m):
            out[0, TOTAL + j] += state.real[nodes[i], SIZE + j]
    return out


@inner
def _number_of_parts(state: Any, nodes: Any, found: Any) -> Any:
    """Into how many districts to cut the units: a random allowed number near the present one."""
    total = sizes_of(state, nodes)
    pick, seen = NONE, 0
    for k in range(found - 1, found + 2):
        if 1 <= k <= nodes.size and miss(state.rule, total, ZERO, k) <= _NONE_BROKEN:
            seen += 1
            if draw(state.clock) * seen < 1.0:
                pick = k
    return pick


@inner
def _give(state: Any, nodes: Any, labels: Any, chosen: Any, found: Any) -> None:
    """Give nodes[i] to labels[i] (-1: to none) and bring all districts concerned up to date."""
    for i in range(nodes.size):
        if state.unit[nodes[i], LABEL] >= 0:
            take(state, nodes[i])
    for i in range(nodes.size):
        if labels[i] >= 0:
            put(state, nodes[i], labels[i])
    for i in range(found):
        refresh(state, chosen[i])


@inner
def recombine(state: Any, v: Any, around: Any, extra: Any, free: Any, heat: Any, tries: Any) -> Any:
    """Merge districts around v (and the unplaced units ``extra``), cut them anew; kept if better.

    Better: something is placed and nothing more is broken; else lower energy, or by chance while
    ``heat`` is above 0.
    """
    chosen = np.empty(around + _MERGED_AT_ONCE + 2, np.int64)
    found = _gather(state, v, around, chosen)
    if found == 0:
        return False
    nodes = _members(state, chosen, found, extra)
    parts = _number_of_parts(state, nodes, found) if free else found
    if parts < 1:
        return False
    ends = np.empty(parts, np.int64)
    if not split(state, nodes, ends, tries, ONE):
        return False
    touched = found
    while touched < parts:
        slot = free_slot(state)
        if slot < 0:
            return False
        for i in range(found, touched):
            if chosen[i] == slot:
                return False
        chosen[touched] = slot
        touched += 1
    old = np.empty(nodes.size, np.int64)
    new = np.empty(nodes.size, np.int64)
    p = 0
    for i in range(nodes.size):
        if i == ends[p]:
            p += 1
        old[i], new[i] = state.unit[nodes[i], LABEL], chosen[p]
    rule = state.rule
    e0, b0 = energy(rule), rule[NOW, BROKEN]
    _give(state, nodes, new, chosen, touched)
    delta = energy(rule) - e0
    if extra.size > 0:
        keep = rule[NOW, BROKEN] <= b0 + _NONE_BROKEN
    else:
        keep = delta <= 0 or (heat > 0 and draw(state.clock) < np.exp(-delta / heat))
    if not keep:
        _give(state, nodes, old, chosen, touched)
    return keep


@inner
def move(state: Any, v: Any, d: Any) -> None:
    """Give unit v to district d (-1: to none), out of the one that it has."""
    a = state.unit[v, LABEL]
    if a >= 0:
        take(state, v)
        refresh(state, a)
    if d >= 0:
        put(state, v, d)
        refresh(state, d)


@inner
def _beside(state: Any, v: Any) -> Any:
    """Return the district of a random neighbour of v; -1 when there is none."""
    begin, end = state.unit[v, NEAR], state.unit[v + 1, NEAR]
    if begin == end:
        return NONE
    return state.unit[state.near[begin + draw_below(state.clock, end - begin)], LABEL]


@inner
def _step(state: Any, free: Any, heat: Any) -> Any:
    """Offer one random unit to a random neighbouring district; True when something changed."""
    v = draw_below(state.clock, state.real.shape[0])
    a, b = state.unit[v, LABEL], _beside(state, v)
    if b < 0 or a == b:
        return False
    if a >= 0 and state.dist[a, NUMBER] == 1 and not free:
        return False
    rule = state.rule
    e0, b0 = energy(rule), rule[NOW, BROKEN]
    move(state, v, b)
    if a < 0:
        keep = rule[NOW, BROKEN] <= b0 + _NONE_BROKEN
    else:
        delta = energy(rule) - e0
        keep = delta <= 0 or draw(state.clock) < np.exp(-delta / heat)
        keep = keep and still_whole(state, v, a)
    if not keep:
        move(state, v, a)
    return keep


@inner
def _score(state: Any) -> Any:
    """What decides between plans that break nothing: the objective, then what guides the search."""
    rule, worst, out = state.rule, 0.0, 0.0
    if state.balance > 0:
        for d in range(state.dist.shape[0]):
            if state.dist[d, NUMBER] > 0 and state.total[d, OFF] > worst:
                worst = state.total[d, OFF]
    for i in range(FIGURES):
        out += rule[AIM, i] * rule[NOW, i]
    return out + state.balance * worst + 1e-9 * energy(rule)


@inner
def _remember(state: Any, best: Any, figures: Any) -> Any:
    """Copy the plan to ``best`` if it breaks less, or no more and scores better."""
    broken = state.rule[NOW, BROKEN]
    broken = broken if broken > 0.0 else 0.0
    if broken > figures[0] + _NONE_BROKEN:
        return False
    now = _score(state)
    if broken >= figures[0] - _NONE_BROKEN and now >= figures[1] - 1e-12:
        return False
    for u in range(best.size):
        best[u] = state.unit[u, LABEL]
    figures[0], figures[1] = broken, now
    return True


@compiled
def anneal(
    state: Any,
    best: Any,
    figures: Any,
    steps: Any,
    hot: Any,
    cold: Any,
    free: Any,
    merge_every: Any,
) -> None:
    """Run ``steps`` moves while the heat falls; ``best`` keeps the best plan that breaks least.

    figures (2,): broken and score of ``best``. Copies are spaced so that they cost no more than
    the moves themselves.
    """
    nobody = np.empty(0, np.int64)
    n = best.size
    pause = 0 if n <= 400 else n // 4
    last = -pause
    heat = hot
    cool = (cold / hot) ** (100.0 / (steps if steps > 100 else 100))
    for i in range(steps):
        if i % 100 == 99:
            heat *= cool
        if merge_every > 0 and i % merge_every == merge_every - 1:
            v = draw_below(state.clock, n)
            around = ONE + ONE
            if draw(state.clock) >= 0.75:
                around += ONE
            if free and draw(state.clock) < 0.1:
                around = ONE
            changed = state.unit[v, LABEL] >= 0
            if changed:
                changed = recombine(state, v, around, nobody, free, heat, ONE)
        else:
            changed = _step(state, free, heat)
        if changed and i - last >= pause and _remember(state, best, figures):
            last = i
    _remember(state, best, figures)


@compiled
def usual_change(state: Any, samples: Any) -> Any:
    """Mean change of energy of random moves, without the constraints: the scale of the heat."""
    rule = state.rule
    total, seen = 0.0, 0
    for _ in range(samples * 20):
        if seen == samples:
            break
        v = draw_below(state.clock, state.real.shape[0])
        a = state.unit[v, LABEL]
        if a < 0 or state.dist[a, NUMBER] == 1:
            continue
        b = _beside(state, v)
        if b < 0 or a == b:
            continue
        e0 = energy(rule) - rule[WEIGHT, BROKEN] * rule[NOW, BROKEN]
        move(state, v, b)
        total += abs(energy(rule) - rule[WEIGHT, BROKEN] * rule[NOW, BROKEN] - e0)
        move(state, v, a)
        seen += 1
    return total / seen if seen > 0 else 1.0


@compiled
def plan_score(state: Any) -> Any:
    """Return what decides between plans that break nothing."""
    return _score(state)
