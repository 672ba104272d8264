"""Compiled loops that cover most people: greedy, exchange, and prices of the relaxed rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from gis.compiling import compiled
from gis.siting.draws import draw, seeded


@compiled
def greedy_most(
    row_at: Any, col: Any, col_at: Any, row: Any, weight: Any, price: Any, club: Any,
    count: int, money: float, per_price: bool, worth: Any,
) -> Any:  # fmt: skip
    """Open sites one by one, the one of most people (for its price) first; (c,) bool.

    ``worth`` (c,) is added to the people of each site: hints from elsewhere, or zeros.
    """
    m = len(col_at) - 1
    gain = worth.copy()
    for i in range(len(row_at) - 1):
        for t in range(row_at[i], row_at[i + 1]):
            gain[col[t]] += weight[i]
    out = np.zeros(m, np.bool_)
    barred = np.zeros(m, np.bool_)
    covered = np.zeros(len(row_at) - 1, np.bool_)
    left = money
    for _ in range(min(count, m)):
        best, value = -1, 0.0
        for j in range(m):
            if barred[j] or out[j] or price[j] > left or gain[j] <= 0:
                continue
            v = gain[j] / max(price[j], 1e-9) if per_price else gain[j]
            if v > value:
                best, value = j, v
        if best < 0:
            break
        out[best] = True
        left -= price[best]
        if club[best] >= 0:
            for j in range(m):
                if club[j] == club[best]:
                    barred[j] = True
        for s in range(col_at[best], col_at[best + 1]):
            i = row[s]
            if not covered[i]:
                covered[i] = True
                for t in range(row_at[i], row_at[i + 1]):
                    gain[col[t]] -= weight[i]
    return out


@compiled
def _toggle(j: Any, up: int, cover: Any, price: Any, club: Any, state: Any, sums: Any) -> None:
    """Open (up 1) or close (up -1) a site; ``sums``: people covered, money spent, sites open."""
    _, _, col_at, row, weight = cover
    times, which, loss, opened, keeper = state
    opened[j] = up > 0
    for s in range(col_at[j], col_at[j + 1]):
        i = row[s]
        if times[i] == 1:
            loss[which[i]] -= weight[i]
            if up < 0:
                sums[0] -= weight[i]
        elif times[i] == 0:
            sums[0] += weight[i]
        times[i] += up
        which[i] += up * j
        if times[i] == 1:
            loss[which[i]] += weight[i]
    sums[1] += up * price[j]
    sums[2] += up
    if club[j] >= 0:
        keeper[club[j]] = j if up > 0 else -1


@compiled
def _begin(columns: Any, cover: Any, price: Any, club: Any) -> Any:
    """Return the state with some sites open: how often each row is covered, and by which one.

    ``loss``: people that an open site alone covers; ``keeper`` the open site of each club.
    """
    m, n = len(cover[2]) - 1, len(cover[0]) - 1
    state = (
        np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(m), np.zeros(m, np.bool_),
        np.full(m, -1),
    )  # fmt: skip
    sums = np.zeros(3)
    for j in np.flatnonzero(columns):
        _toggle(j, 1, cover, price, club, state, sums)
    return state, sums


@compiled
def _best_swap(
    k: int, cover: Any, price: Any, club: Any, count: int, money: float, least: float, state: Any,
    sums: Any, lent: Any,
) -> Any:  # fmt: skip
    """Return the open site to close for a closed one (-1: none has to), and what that gains."""
    _, _, col_at, row, weight = cover
    times, which, loss, opened, keeper = state
    gain = 0.0
    for s in range(col_at[k], col_at[k + 1]):
        i = row[s]
        if times[i] == 0:
            gain += weight[i]
        elif times[i] == 1:
            lent[which[i]] += weight[i]
    rival = keeper[club[k]] if club[k] >= 0 else -1
    out, best = -1, gain
    if sums[2] >= count or rival >= 0 or sums[1] + price[k] > money:
        best = least
        for j in range(len(price)):
            if not opened[j] or (rival >= 0 and j != rival):
                continue
            delta = gain - loss[j] + lent[j]
            if delta > best and sums[1] + price[k] - price[j] <= money:
                out, best = j, delta
        if out < 0:
            best = 0.0
    for s in range(col_at[k], col_at[k + 1]):
        if times[row[s]] == 1:
            lent[which[row[s]]] = 0.0
    return out, best


@compiled
def swap_most(
    row_at: Any, col: Any, col_at: Any, row: Any, weight: Any, price: Any, club: Any,
    count: int, money: float, columns: Any, passes: int,
) -> float:  # fmt: skip
    """Exchange open sites for closed ones while that covers more people; returns these."""
    cover = (row_at, col, col_at, row, weight)
    state, sums = _begin(columns, cover, price, club)
    opened, lent = state[3], np.zeros(len(price))
    least = 1e-9 * max(1.0, sums[0])
    for _ in range(passes):
        better = False
        for k in range(len(price)):
            if opened[k]:
                continue
            out, gain = _best_swap(k, cover, price, club, count, money, least, state, sums, lent)
            if gain <= least:
                continue
            better = True
            if out >= 0:
                _toggle(out, -1, cover, price, club, state, sums)
            _toggle(k, 1, cover, price, club, state, sums)
        if not better:
            break
    columns[:] = opened
    return float(sums[0])


@compiled
def pick(
    gain: Any, price: Any, slot: Any, count: int, rent: float, champion: Any, picked: Any
) -> Any:
    """Pick the sites of most worth at a price of money: the value, what they cost, the threshold.

    Of each slot at most one site, at most ``count`` in all, none of negative worth.
    """
    m = len(gain)
    champion[:] = -1
    picked[:] = False
    worth = np.zeros(len(champion))
    for j in range(m):
        w = gain[j] - rent * price[j]
        k = slot[j]
        if w > worth[k]:
            worth[k] = w
            champion[k] = j
    limit = 0.0
    if count < len(champion):
        limit = 0.0 if count == 0 else np.partition(worth, len(worth) - count)[len(worth) - count]
        if count == 0:
            limit = worth.max() if len(worth) else 0.0
    value, spent, number = 0.0, 0.0, 0
    for equal in range(2):
        for k in range(len(champion)):
            j = champion[k]
            if j < 0 or number >= count:
                continue
            if (equal == 0 and worth[k] > limit) or (equal == 1 and worth[k] == limit):
                picked[j] = True
                value += worth[k]
                spent += price[j]
                number += 1
    return value, spent, limit


@compiled
def best_rent(
    gain: Any, price: Any, slot: Any, count: int, money: float, first: float, champion: Any,
    picked: Any,
) -> float:  # fmt: skip
    """The price of money at which the relaxed choice is worth least, money included."""
    if not np.isfinite(money):
        return 0.0
    _, spent, _ = pick(gain, price, slot, count, 0.0, champion, picked)
    if spent <= money:
        return 0.0
    low, high = 0.0, max(first, 1e-6)
    for _ in range(200):
        _, spent, _ = pick(gain, price, slot, count, high, champion, picked)
        if spent <= money:
            break
        low, high = high, 2.0 * high
    for _ in range(30):
        middle = 0.5 * (low + high)
        _, spent, _ = pick(gain, price, slot, count, middle, champion, picked)
        if spent <= money:
            high = middle
        else:
            low = middle
    return high


@compiled
def _bound(
    cover: Any, price: Any, slot: Any, count: int, money: float, paid: Any, state: Any,
    champion: Any, picked: Any,
) -> Any:  # fmt: skip
    """Return the bound by what rows pay, and what the sites picked in it cost."""
    row_at, col, _, _, weight = cover
    gain = np.zeros(len(price))
    bound = 0.0
    for i in range(len(row_at) - 1):
        p = paid[i]
        bound += weight[i] - p
        if p > 0:
            for t in range(row_at[i], row_at[i + 1]):
                gain[col[t]] += p
    state[3] = best_rent(gain, price, slot, count, money, state[3], champion, picked)
    value, spent, _ = pick(gain, price, slot, count, state[3], champion, picked)
    if state[3] > 0:
        bound += state[3] * money
    return bound + value, spent


@compiled
def _times(cover: Any, picked: Any, times: Any) -> float:
    """Count how often each row is covered; returns the people covered."""
    _, _, col_at, row, weight = cover
    times[:] = 0
    covered = 0.0
    for j in np.flatnonzero(picked):
        for s in range(col_at[j], col_at[j + 1]):
            if times[row[s]] == 0:
                covered += weight[row[s]]
            times[row[s]] += 1
    return covered


@compiled
def relax_most(
    row_at: Any, col: Any, col_at: Any, row: Any, weight: Any, price: Any, slot: Any, slots: int,
    count: int, money: float, paid: Any, state: Any, known: float, steps: int, best_paid: Any,
    way: Any, choice: Any,
) -> float:  # fmt: skip
    """Lower the bound of the relaxed rows by steps against the subgradient.

    ``paid`` (r,) what each row pays the sites that cover it, 0 to its weight; ``best_paid`` those
    of the least bound so far. ``state``: least bound, step factor, steps in vain, price of money.
    ``choice`` (c,) the best allowed choice met; returns its people.
    """
    n, cover = len(row_at) - 1, (row_at, col, col_at, row, weight)
    champion, picked = np.empty(slots, np.int64), np.zeros(len(price), np.bool_)
    times = np.zeros(n, np.int64)
    met = -1.0
    for _ in range(steps):
        bound, spent = _bound(cover, price, slot, count, money, paid, state, champion, picked)
        covered = _times(cover, picked, times)
        if covered > met and spent <= money:
            met = covered
            choice[:] = picked
        state[2] += 1
        if bound < state[0] - 1e-7 * abs(state[0]):
            if bound < state[0] - 1e-4 * (state[0] - known):
                state[2] = 0
            state[0] = bound
            best_paid[:] = paid
        if state[2] >= 12:
            state[1] *= 0.6
            state[2] = 0
            paid[:] = best_paid
            way[:] = 0.0
            continue
        norm = 0.0
        for i in range(n):
            g = float(times[i] - 1)
            if (g > 0 and paid[i] <= 0) or (g < 0 and paid[i] >= weight[i]):
                g = 0.0
            way[i] = 0.7 * g + 0.3 * way[i]
            norm += way[i] * way[i]
        if norm <= 0 or bound <= known:
            break
        step = state[1] * max(bound - known, 1e-9) / norm
        for i in range(n):
            paid[i] = min(max(paid[i] - step * way[i], 0.0), weight[i])
    return met


@compiled
def anneal_most(
    row_at: Any, col: Any, col_at: Any, row: Any, weight: Any, price: Any, club: Any,
    money: float, columns: Any, hot: float, cold: float, steps: int, seed: int,
) -> float:  # fmt: skip
    """Exchange sites at random, worse ones less and less; keeps the best in ``columns``.

    ``hot``, ``cold``: people whose loss is accepted with chance 1/e at the start and the end.
    """
    random = seeded(seed)
    cover = (row_at, col, col_at, row, weight)
    state, sums = _begin(columns, cover, price, club)
    times, which, loss, opened, keeper = state
    members = np.flatnonzero(columns)
    best = sums[0]
    if len(members) == 0 or len(members) == len(price):
        return float(best)
    heat, cooling = hot, (cold / hot) ** (1.0 / max(1, steps // 1000))
    for step in range(steps):
        if step % 1000 == 999:
            heat *= cooling
        at = draw(random) % len(members)
        j = members[at]
        if draw(random) % 10 and col_at[j + 1] > col_at[j]:
            i = row[col_at[j] + draw(random) % (col_at[j + 1] - col_at[j])]
            k = np.int64(col[row_at[i] + draw(random) % (row_at[i + 1] - row_at[i])])
        else:
            k = np.int64(draw(random) % len(price))
        if opened[k] or sums[1] - price[j] + price[k] > money:
            continue
        if club[k] >= 0 and keeper[club[k]] >= 0 and keeper[club[k]] != j:
            continue
        delta = -loss[j]
        for s in range(col_at[k], col_at[k + 1]):
            i = row[s]
            if times[i] == 0 or (times[i] == 1 and which[i] == j):
                delta += weight[i]
        if delta < 0 and draw(random) >= 2.0**63 * np.exp(delta / heat):
            continue
        _toggle(j, -1, cover, price, club, state, sums)
        _toggle(k, 1, cover, price, club, state, sums)
        members[at] = k
        if sums[0] > best * (1 + 1e-12):
            best = sums[0]
            columns[:] = opened
    return float(best)
