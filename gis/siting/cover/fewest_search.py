"""Compiled loops that cover everybody with the least: greedy, search by weights, and payments."""

from __future__ import annotations

from typing import Any

import numpy as np

from gis.compiling import compiled
from gis.siting.draws import draw, seeded


@compiled
def greedy_all(
    row_at: Any, col: Any, col_at: Any, row: Any, price: Any, club: Any, worth: Any
) -> Any:
    """Open sites until every row is covered that can be: those that cover most for their price.

    ``worth`` (r,) what covering a row counts.
    """
    m, n = len(col_at) - 1, len(row_at) - 1
    gain = np.zeros(m)
    for i in range(n):
        for t in range(row_at[i], row_at[i + 1]):
            gain[col[t]] += worth[i]
    out, barred = np.zeros(m, np.bool_), np.zeros(m, np.bool_)
    covered = np.zeros(n, np.bool_)
    many = np.diff(col_at)
    while True:
        best, value = -1, 0.0
        for j in range(m):
            if out[j] or barred[j] or many[j] <= 0:
                continue
            v = max(gain[j], 1e-12) / max(price[j], 1e-9)
            if v > value:
                best, value = j, v
        if best < 0:
            return out
        out[best] = True
        if club[best] >= 0:
            for j in range(m):
                if club[j] == club[best]:
                    barred[j] = True
        for s in range(col_at[best], col_at[best + 1]):
            i = row[s]
            if not covered[i]:
                covered[i] = True
                for t in range(row_at[i], row_at[i + 1]):
                    gain[col[t]] -= worth[i]
                    many[col[t]] -= 1


@compiled
def _flip(j: int, up: int, cover: Any, state: Any) -> None:
    """Open (1) or close (-1) a site; keeps scores and the list of bare rows."""
    row_at, col, col_at, row = cover
    load, times, which, score, ready, opens, place, bare, bare_at, number = state
    if up > 0:
        place[j] = number[0]
        opens[number[0]] = j
        number[0] += 1
    else:
        number[0] -= 1
        last = opens[number[0]]
        opens[place[j]] = last
        place[last] = place[j]
        place[j] = -1
    score[j] = -score[j]
    for s in range(col_at[j], col_at[j + 1]):
        i = row[s]
        before = times[i]
        times[i] += up
        which[i] += up * j
        bared = before == 1 and up < 0
        shift = load[i] if bared else (-load[i] if before == 0 else 0.0)
        for t in range(row_at[i], row_at[i + 1]):
            ready[col[t]] = True
            if col[t] != j:
                score[col[t]] += shift
        if bared:
            bare_at[i] = number[1]
            bare[number[1]] = i
            number[1] += 1
        elif before == 0:
            number[1] -= 1
            last = bare[number[1]]
            bare[bare_at[i]] = last
            bare_at[last] = bare_at[i]
        elif before == 1:
            score[which[i] - j] += load[i]
        elif before == 2 and up < 0:
            score[which[i]] -= load[i]


@compiled
def _move(
    j: int, up: int, step: int, price: Any, club: Any, stamp: Any, keeper: Any, cover: Any,
    state: Any,
) -> float:  # fmt: skip
    """Open (1) or close (-1) a site; returns what that costs."""
    _flip(j, up, cover, state)
    stamp[j] = step
    if up < 0:
        state[4][j] = False
    if club[j] >= 0:
        keeper[club[j]] = j if up > 0 else -1
    return float(up * price[j])


@compiled
def _leaves(price: Any, stamp: Any, last: int, state: Any) -> int:
    """Return the open site that is missed least for its price, the longest there of equals."""
    score, opens, number = state[3], state[5], state[9]
    out, most = -1, -np.inf
    for s in range(number[0]):
        j = opens[s]
        if j == last and number[1] > 0:
            continue
        v = score[j] / max(price[j], 1e-9)
        if v > most or (v == most and stamp[j] < stamp[out]):
            out, most = j, v
    return out


@compiled
def _enters(price: Any, stamp: Any, cover: Any, state: Any, random: Any) -> int:
    """Return the site that covers most for its price, among those of some bare row.

    A site that left comes back only after something beside it has changed.
    """
    row_at, col = cover[0], cover[1]
    score, ready, bare, number = state[3], state[4], state[7], state[9]
    i = bare[draw(random) % number[1]]
    best, most = -1, -np.inf
    for t in range(row_at[i], row_at[i + 1]):
        j = col[t]
        if not ready[j] and row_at[i + 1] - row_at[i] > 1:
            continue
        v = score[j] / max(price[j], 1e-9)
        if v > most or (v == most and stamp[j] < stamp[best]):
            best, most = j, v
    return best


@compiled
def _start(start: Any, cover: Any) -> Any:
    """All rows bare, then some sites opened."""
    row_at, _, col_at, _ = cover
    m, n = len(col_at) - 1, len(row_at) - 1
    state = (
        np.ones(n), np.zeros(n, np.int64), np.zeros(n, np.int64),
        np.diff(col_at).astype(np.float64), np.ones(m, np.bool_), np.zeros(m, np.int64),
        np.full(m, -1), np.arange(n), np.arange(n), np.array([0, n]),
    )  # fmt: skip
    for j in range(m):
        if start[j]:
            _flip(j, 1, cover, state)
    return state


@compiled
def search_all(
    row_at: Any, col: Any, col_at: Any, row: Any, price: Any, club: Any, start: Any,
    known: float, steps: int, seed: int, best: Any,
) -> float:  # fmt: skip
    """Search by rows that weigh more the longer they stay bare (Gao, Weise, Li 2015).

    ``start`` (c,) open at first; ``best`` (c,) the cheapest choice that covers all rows for less
    than ``known``; returns its price, or ``known``. Scores: of closed sites the weight that they
    would cover, of open ones that which they alone cover, below 0.
    """
    random = seeded(seed)
    cover = (row_at, col, col_at, row)
    state = _start(start, cover)
    load, score, place, bare, number = state[0], state[3], state[6], state[7], state[9]
    stamp, keeper = np.zeros(len(price), np.int64), np.full(len(price), -1)
    spent, last = 0.0, -1
    for j in np.flatnonzero(start):
        spent += price[j]
        if club[j] >= 0:
            keeper[club[j]] = j
    for step in range(1, steps + 1):
        if number[1] == 0 and spent < known - 1e-9 * max(1.0, known):
            known = spent
            best[:] = place >= 0
        out = _leaves(price, stamp, last, state)
        if out < 0 and number[1] == 0:
            break
        if out >= 0:
            spent += _move(out, -1, step, price, club, stamp, keeper, cover, state)
            if number[1] == 0:
                continue
        while number[1] > 0:
            k = _enters(price, stamp, cover, state, random)
            if k < 0 or spent + price[k] >= known - 1e-9 * max(1.0, known):
                break
            mate = keeper[club[k]] if club[k] >= 0 else -1
            if mate >= 0:
                spent += _move(mate, -1, step, price, club, stamp, keeper, cover, state)
            spent += _move(k, 1, step, price, club, stamp, keeper, cover, state)
            last = k
            if mate >= 0:  # two that exclude each other could take turns for ever
                break
        for s in range(number[1]):
            i = bare[s]
            load[i] += 1.0
            for t in range(row_at[i], row_at[i + 1]):
                score[col[t]] += 1.0
    return known


@compiled
def _best_rest(
    row_at: Any, col: Any, price: Any, slot: Any, paid: Any, rest: Any, champion: Any, least: Any
) -> float:
    """Take what rows pay from the prices; the site of each slot that then costs least, below 0.

    Returns what rows pay in all.
    """
    rest[:] = price
    total = 0.0
    for i in range(len(row_at) - 1):
        p = paid[i]
        total += p
        if p > 0:
            for t in range(row_at[i], row_at[i + 1]):
                rest[col[t]] -= p
    champion[:] = -1
    least[:] = 0.0
    for j in range(len(rest)):
        if rest[j] < least[slot[j]]:
            least[slot[j]] = rest[j]
            champion[slot[j]] = j
    return total


@compiled
def relax_all(
    row_at: Any, col: Any, col_at: Any, row: Any, price: Any, slot: Any, slots: int,
    paid: Any, state: Any, known: float, steps: int, best_paid: Any, way: Any,
) -> None:  # fmt: skip
    """Raise the bound of the relaxed rows by steps along the subgradient.

    ``paid`` (r,) what each row pays for being covered; ``state``: best bound, step factor, steps in
    vain; ``known``: the price of a choice that covers all.
    """
    n = len(row_at) - 1
    champion, least = np.empty(slots, np.int64), np.empty(slots)
    times, rest = np.zeros(n, np.int64), np.empty(len(price))
    for _ in range(steps):
        bound = _best_rest(row_at, col, price, slot, paid, rest, champion, least)
        times[:] = 0
        for k in range(slots):
            j = champion[k]
            if j >= 0:
                bound += least[k]
                for s in range(col_at[j], col_at[j + 1]):
                    times[row[s]] += 1
        state[2] += 1
        if bound > state[0]:
            if bound > state[0] + 1e-3 * (known - state[0]):
                state[2] = 0
            state[0] = bound
            best_paid[:] = paid
        if state[2] >= 15:
            state[1] *= 0.6
            state[2] = 0
            paid[:] = best_paid
            way[:] = 0.0
            continue
        norm = 0.0
        for i in range(n):
            g = float(1 - times[i])
            if g < 0 and paid[i] <= 0:
                g = 0.0
            way[i] = 0.7 * g + 0.3 * way[i]
            norm += way[i] * way[i]
        if norm <= 0 or bound >= known:
            break
        step = state[1] * max(known - bound, 1e-9) / norm
        for i in range(n):
            paid[i] = max(paid[i] + step * way[i], 0.0)
