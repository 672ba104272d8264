"""Moves of the search: boundary units under simulated annealing, and recombination of districts.

Recombination merges neighbouring districts, grows a random spanning tree over them and cuts it
where the sides keep the bounds (ReCom: DeFord, Duchin, Solomon, Harvard Data Science Review 3(1),
2021). Here the number of parts may change where the number of districts is free.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gis.districts.state import (
    BALANCE,
    BROKEN,
    compiled,
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


@compiled
def _grow_tree(instance: Any, state: Any, nodes: Any, lo: Any, hi: Any, order: Any, up: Any) -> Any:
    """Grow a random tree over nodes[lo:hi]; order (places, root first) and up (place of parent).

    Half of the time the newest edge is taken, which makes longer branches and so more places to
    cut; of two candidates the shorter link is taken, which keeps the parts compact.
    """
    n = hi - lo
    edges = 0
    for i in range(lo, hi):
        edges += instance.ptr[nodes[i] + 1] - instance.ptr[nodes[i]]
    e_link = np.empty(edges + 1, np.int64)
    e_from = np.empty(edges + 1, np.int64)
    done = np.zeros(n, np.bool_)
    top, found = 0, 0
    place = lo + draw_below(state.rng, n)
    parent = -1
    while True:
        done[place - lo] = True
        order[found] = place
        up[place - lo] = parent
        found += 1
        if found == n:
            return found
        v = nodes[place]
        for e in range(instance.ptr[v], instance.ptr[v + 1]):
            q = state.place[instance.adj[e]]
            if lo <= q < hi and nodes[q] == instance.adj[e] and not done[q - lo]:
                e_link[top] = e
                e_from[top] = place
                top += 1
        while True:
            if top == 0:
                return found
            i = top - 1
            if draw(state.rng) < 0.5:
                i = draw_below(state.rng, top)
                other = draw_below(state.rng, top)
                if instance.far[e_link[other]] < instance.far[e_link[i]]:
                    i = other
            link, parent = e_link[i], e_from[i]
            top -= 1
            e_link[i], e_from[i] = e_link[top], e_from[top]
            place = state.place[instance.adj[link]]
            if not done[place - lo]:
                break


@compiled
def _choose_cut(
    instance: Any, state: Any, nodes: Any, lo: Any, hi: Any, parts: Any, order: Any, up: Any
) -> Any:
    """Best tree edge to cut: (place below the cut, parts below it, miss of both sides)."""
    n, m = hi - lo, instance.size.shape[1]
    below = np.zeros((n, m))
    number = np.ones(n, np.int64)
    for i in range(n):
        for j in range(m):
            below[i, j] = instance.size[nodes[lo + i], j]
    for i in range(n - 1, 0, -1):
        child = order[i] - lo
        parent = up[child] - lo
        number[parent] += number[child]
        for j in range(m):
            below[parent, j] += below[child, j]
    whole = below[order[0] - lo].copy()
    rest = np.empty(m)
    best, best_place, best_parts, best_miss = _NEVER, -1, 0, _NEVER
    for i in range(1, n):
        child = order[i] - lo
        share = below[child, 0] / whole[0] if whole[0] > 0 else number[child] / n
        a = min(max(int(np.floor(parts * share + 0.5)), 1), parts - 1)
        if number[child] < a or n - number[child] < parts - a:
            continue
        for j in range(m):
            rest[j] = whole[j] - below[child, j]
        missed = miss(instance, below[child], a) + miss(instance, rest, parts - a)
        score = 100.0 * missed + abs(a - 0.5 * parts) / parts + 0.3 * draw(state.rng)
        if score < best:
            best, best_place, best_parts, best_miss = score, order[i], a, missed
    return best_place, best_parts, best_miss


@compiled
def _sort_sides(state: Any, nodes: Any, lo: Any, hi: Any, order: Any, up: Any, cut: Any) -> Any:
    """Bring the units below the cut to the front of nodes[lo:hi]; return where they end."""
    n = hi - lo
    side = np.zeros(n, np.bool_)
    side[cut - lo] = True
    for i in range(1, n):
        p = order[i] - lo
        if side[up[p] - lo]:
            side[p] = True
    old = nodes[lo:hi].copy()
    mid = lo
    for i in range(n):
        if side[i]:
            nodes[mid] = old[i]
            mid += 1
    end = mid
    for i in range(n):
        if not side[i]:
            nodes[end] = old[i]
            end += 1
    for i in range(lo, hi):
        state.place[nodes[i]] = i
    return mid


@compiled
def split(instance: Any, state: Any, nodes: Any, parts: Any, tries: Any, strict: Any) -> Any:
    """Cut the connected units ``nodes`` into connected parts, as near to the bounds as found.

    ``nodes`` is reordered so that each part is a run; returns where the runs end (parts,), empty
    when ``strict`` and some cut would miss the bounds, or when the units are not connected.
    """
    ends = np.empty(parts, np.int64)
    todo = np.empty((parts + 1, 3), np.int64)
    todo[0] = (0, nodes.size, parts)
    top, made = 1, 0
    for i in range(nodes.size):
        state.place[nodes[i]] = i
    order = np.empty(nodes.size, np.int64)
    up = np.empty(nodes.size, np.int64)
    while top > 0:
        top -= 1
        lo, hi, k = todo[top]
        if k == 1:
            ends[made] = hi
            made += 1
            continue
        best = _NEVER
        best_order, best_up, best_cut, best_parts = order, up, -1, 0
        for _ in range(tries):
            if _grow_tree(instance, state, nodes, lo, hi, order, up) < hi - lo:
                return ends[:0]
            cut, a, missed = _choose_cut(instance, state, nodes, lo, hi, k, order, up)
            if cut >= 0 and missed < best:
                best, best_cut, best_parts = missed, cut, a
                best_order, best_up = order.copy(), up.copy()
            if best <= _NONE_BROKEN:
                break
        if best_cut < 0 or (strict and best > _NONE_BROKEN):
            return ends[:0]
        mid = _sort_sides(state, nodes, lo, hi, best_order, best_up, best_cut)
        todo[top] = (mid, hi, k - best_parts)
        todo[top + 1] = (lo, mid, best_parts)
        top += 2
    return ends


@compiled
def free_slot(state: Any) -> Any:
    """Return a district number without members, or -1."""
    k = state.number.size
    for _ in range(k):
        state.clock[1] = (state.clock[1] + 1) % k
        if state.number[state.clock[1]] == 0:
            return state.clock[1]
    return -1


@compiled
def gather(instance: Any, state: Any, v: Any, wanted: Any, chosen: Any) -> Any:
    """Districts around unit v: its own, then random neighbours of those; returns how many."""
    found = 0
    if state.label[v] >= 0:
        chosen[0] = state.label[v]
        found = 1
    x = v
    for _ in range(8 * wanted):
        if found >= wanted:
            break
        degree = instance.ptr[x + 1] - instance.ptr[x]
        if degree > 0:
            d = state.label[instance.adj[instance.ptr[x] + draw_below(state.rng, degree)]]
            known = d < 0
            for i in range(found):
                known = known or chosen[i] == d
            if not known:
                chosen[found] = d
                found += 1
        if found > 0:
            d = chosen[draw_below(state.rng, found)]
            x = state.head[d]
            for _ in range(draw_below(state.rng, state.number[d])):
                x = state.after[x]
    return found


@compiled
def _members(state: Any, chosen: Any, found: Any, extra: Any) -> Any:
    n = extra.size
    for i in range(found):
        n += state.number[chosen[i]]
    nodes = np.empty(n, np.int64)
    n = 0
    for i in range(found):
        u = state.head[chosen[i]]
        while u >= 0:
            nodes[n] = u
            n += 1
            u = state.after[u]
    for u in extra:
        nodes[n] = u
        n += 1
    return nodes


@compiled
def _number_of_parts(instance: Any, state: Any, nodes: Any, found: Any, free: Any) -> Any:
    """Into how many districts to cut the units: a random allowed number near the present one."""
    if not free:
        return found
    total = np.zeros(instance.size.shape[1])
    for u in nodes:
        for j in range(total.size):
            total[j] += instance.size[u, j]
    pick, seen = -1, 0
    for k in range(max(found - 1, 1), found + 2):
        if k <= nodes.size and miss(instance, total, k) <= _NONE_BROKEN:
            seen += 1
            if draw_below(state.rng, seen) == 0:
                pick = k
    return pick


@compiled
def _give(instance: Any, state: Any, nodes: Any, labels: Any, chosen: Any, found: Any) -> None:
    """Give nodes[i] to labels[i] (-1: to none) and bring all districts concerned up to date."""
    for u in nodes:
        if state.label[u] >= 0:
            take(instance, state, u)
    for i in range(nodes.size):
        if labels[i] >= 0:
            put(instance, state, nodes[i], labels[i])
    for i in range(found):
        refresh(instance, state, chosen[i])


@compiled
def recombine(
    instance: Any, state: Any, v: Any, around: Any, extra: Any, free: Any, heat: Any, tries: Any
) -> Any:
    """Merge districts around v (and the unplaced units ``extra``), cut them anew; kept if better.

    Better: something is placed and nothing more is broken; else lower energy, or by chance while
    ``heat`` is above 0.
    """
    chosen = np.empty(around + _MERGED_AT_ONCE + 2, np.int64)
    found = gather(instance, state, v, around, chosen)
    if found == 0:
        return False
    nodes = _members(state, chosen, found, extra)
    parts = _number_of_parts(instance, state, nodes, found, free)
    if parts < 1:
        return False
    ends = split(instance, state, nodes, parts, tries, True)
    if ends.size == 0:
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
    old = state.label[nodes].copy()
    new = np.empty(nodes.size, np.int64)
    begin = 0
    for p in range(parts):
        new[begin : ends[p]] = chosen[p]
        begin = ends[p]
    e0, b0 = energy(instance, state), state.sums[BROKEN]
    _give(instance, state, nodes, new, chosen, touched)
    delta = energy(instance, state) - e0
    if extra.size > 0:
        keep = state.sums[BROKEN] <= b0 + _NONE_BROKEN
    else:
        keep = delta <= 0 or (heat > 0 and draw(state.rng) < np.exp(-delta / heat))
    if not keep:
        _give(instance, state, nodes, old, chosen, touched)
    return keep


@compiled
def step(instance: Any, state: Any, free: Any, heat: Any) -> Any:
    """Offer one random unit to a random neighbouring district; True when something changed."""
    v = draw_below(state.rng, state.label.size)
    degree = instance.ptr[v + 1] - instance.ptr[v]
    if degree == 0:
        return False
    a = state.label[v]
    b = state.label[instance.adj[instance.ptr[v] + draw_below(state.rng, degree)]]
    if b < 0 or a == b:
        return False
    if a >= 0 and state.number[a] == 1 and not free:
        return False
    e0, b0 = energy(instance, state), state.sums[BROKEN]
    if a >= 0:
        take(instance, state, v)
        refresh(instance, state, a)
    put(instance, state, v, b)
    refresh(instance, state, b)
    if a < 0:
        keep = state.sums[BROKEN] <= b0 + _NONE_BROKEN
    else:
        delta = energy(instance, state) - e0
        keep = delta <= 0 or draw(state.rng) < np.exp(-delta / heat)
        keep = keep and still_whole(instance, state, v, a)
    if keep:
        return True
    take(instance, state, v)
    refresh(instance, state, b)
    if a >= 0:
        put(instance, state, v, a)
        refresh(instance, state, a)
    return False


@compiled
def score(instance: Any, state: Any) -> Any:
    """What decides between plans that break nothing: the true objective, then the energy."""
    if instance.objective != BALANCE:
        return energy(instance, state)
    worst = 0.0
    for d in range(state.number.size):
        if state.number[d] > 0:
            worst = max(worst, state.value[d])
    return worst + 1e-9 * energy(instance, state)


@compiled
def anneal(
    instance: Any,
    state: Any,
    best: Any,
    best_score: Any,
    steps: Any,
    heats: Any,
    free: Any,
    merge_every: Any,
) -> None:
    """Run ``steps`` moves while the heat falls; ``best`` keeps the best plan that breaks least.

    best_score (2,): broken and score of ``best``. Copies are spaced so that they cost no more
    than the moves themselves.
    """
    nobody = np.empty(0, np.int64)
    n = state.label.size
    pause = 0 if n <= 400 else n // 4
    last = -pause
    heat = heats[0]
    cool = (heats[1] / heats[0]) ** (1.0 / max(1, steps // 100))
    for i in range(steps):
        if i % 100 == 99:
            heat *= cool
        if merge_every > 0 and i % merge_every == merge_every - 1:
            v = draw_below(state.rng, n)
            around = 2 if draw(state.rng) < 0.75 else 3
            if free and draw(state.rng) < 0.1:
                around = 1
            changed = state.label[v] >= 0 and recombine(
                instance, state, v, around, nobody, free, heat, 1
            )
        else:
            changed = step(instance, state, free, heat)
        if changed and i - last >= pause:
            broken = max(state.sums[BROKEN], 0.0)
            if broken <= best_score[0] + _NONE_BROKEN:
                now = score(instance, state)
                if broken < best_score[0] - _NONE_BROKEN or now < best_score[1] - 1e-12:
                    best[:] = state.label
                    best_score[0], best_score[1] = broken, now
                    last = i


@compiled
def usual_change(instance: Any, state: Any, samples: Any) -> Any:
    """Mean change of energy of random moves, without the constraints: the scale of the heat."""
    total, seen = 0.0, 0
    for _ in range(samples * 20):
        if seen == samples:
            break
        v = draw_below(state.rng, state.label.size)
        degree = instance.ptr[v + 1] - instance.ptr[v]
        a = state.label[v]
        if degree == 0 or a < 0 or state.number[a] == 1:
            continue
        b = state.label[instance.adj[instance.ptr[v] + draw_below(state.rng, degree)]]
        if b < 0 or a == b:
            continue
        e0 = energy(instance, state) - instance.weight[BROKEN] * state.sums[BROKEN]
        for target in (b, a):
            source = state.label[v]
            take(instance, state, v)
            refresh(instance, state, source)
            put(instance, state, v, target)
            refresh(instance, state, target)
            if target == b:
                e1 = energy(instance, state) - instance.weight[BROKEN] * state.sums[BROKEN]
                total += abs(e1 - e0)
        seen += 1
    return total / seen if seen > 0 else 1.0
