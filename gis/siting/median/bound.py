"""Lagrangian bound of the p-median.

That each demand is served is paid for by a price for each demand; sites are then worth what they
save, and the best of them are picked at a glance (Cornuejols, Fisher, Nemhauser 1977; Beltran,
Tadonki, Vial 2006). The money has a price too. The prices climb by subgradients.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.siting.median.swap import Rows, Sides

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CLOSED, FREE, OPEN = -1, 0, 1
_KEPT: Final = 0.5
_SLOWER: Final = 0.6
_LEAST_STEP: Final = 1e-3
_GAIN: Final = 1e-5


class Prices(NamedTuple):
    """What the search for prices holds; the last of ``price`` is that of money."""

    price: Floats  # (n + 1,) best so far
    worth: Floats  # (k,) of the sites at these prices, 0 or less where they are worth opening
    picked: Bools  # (k,) the sites picked at these prices
    often: Floats  # (k,) how often each site was picked of late
    step: Floats  # (1,) factor of the step


def new_prices(rows: Rows, k: int) -> Prices:
    """Begin with what the second nearest site would cost, or the fine."""
    n = len(rows.none)
    return Prices(np.zeros(n + 1), np.zeros(k), np.zeros(k, bool), np.zeros(k), np.full(1, 1.0))


@compiled
def start_prices(rows: Rows, opened: Bools, prices: Prices) -> None:
    """Begin between what the nearest and the second nearest open site cost."""
    for i in range(len(rows.none)):
        found = 0
        a = b = rows.none[i]
        for e in range(rows.first[i], rows.first[i + 1]):
            if opened[rows.site[e]]:
                if found == 0:
                    a = rows.worth[e]
                else:
                    b = rows.worth[e]
                    break
                found += 1
        prices.price[i] = 0.5 * (a + b) if found == 2 else a
    prices.price[-1] = 0.0


@compiled
def pick(
    worth: Floats, state: Ints, sides: Sides, left: int, picked: Bools, used: Bools
) -> tuple[float, float, float]:
    """Pick the sites of least worth; return their sum, the last picked and the next best worth."""
    k = len(worth)
    picked[:] = False
    used[:] = False
    for j in range(k):
        if state[j] == OPEN:
            picked[j] = True
            if sides.group[j] >= 0:
                used[sides.group[j]] = True
    total, last, number = 0.0, 0.0, 0
    further = 0.0
    candidates = np.flatnonzero((state == FREE) & (worth < 0.0))
    for place in np.argsort(worth[candidates], kind="mergesort"):
        j = candidates[place]
        if number == left:
            further = min(further, worth[j])
            break
        g = sides.group[j]
        if g >= 0:
            if used[g]:
                further = min(further, worth[j])
                continue
            used[g] = True
        picked[j] = True
        total += worth[j]
        last = worth[j]
        number += 1
    return total, (last if number == left else 0.0), further


@compiled
def _caps(rows: Rows, state: Ints) -> Floats:
    """(n,) beyond which no price helps: what the nearest site open for sure costs; inf."""
    cap = rows.none.copy()
    for i in range(len(cap)):
        if rows.must[i]:
            cap[i] = np.inf
        for e in range(rows.first[i], rows.first[i + 1]):
            if state[rows.site[e]] == OPEN:
                cap[i] = min(cap[i], rows.worth[e])
                break
    return cap


@compiled
def _sum_up(rows: Rows, cap: Floats, price: Floats, worth: Floats) -> float:
    """Cap the prices, set what the sites are worth at them, return the sum of the prices."""
    total = 0.0
    worth[:] = 0.0
    for i in range(len(cap)):
        u = min(price[i], cap[i])
        price[i] = u
        total += u
        for e in range(rows.first[i], rows.first[i + 1]):
            v = rows.worth[e]
            if v >= u:
                break
            worth[rows.site[e]] += v - u
    return total


@compiled
def _turn(rows: Rows, cap: Floats, price: Floats, picked: Bools, way: Floats) -> float:
    """Turn the way towards the subgradient, half of the last way kept; return its square."""
    norm = 0.0
    for i in range(len(cap)):
        g = 1.0 + _KEPT * way[i]
        u = price[i]
        for e in range(rows.first[i], rows.first[i + 1]):
            if rows.worth[e] >= u:
                break
            if picked[rows.site[e]]:
                g -= 1.0
        if g > 0 and u >= cap[i]:
            g = 0.0
        way[i] = g
        norm += g * g
    return norm


@compiled
def climb(
    rows: Rows,
    sides: Sides,
    state: Ints,
    prices: Prices,
    best: float,
    rounds: int,
    patience: int,
    enough: float,
) -> tuple[float, float, float]:
    """Raise the bound for at most so many rounds, or until it is ``enough``.

    Sites of ``state`` CLOSED are left out, those OPEN are in. ``best``: the objective of a known
    choice. Return the bound at ``prices.price``, the worth of the last site picked there, and that
    of the best not picked.
    """
    n, k = len(rows.none), len(sides.pay)
    priced = np.isfinite(sides.money)
    # Of money, so much is a unit that its price moves about as fast as those of the demands.
    scale = np.sqrt(n) / max(sides.money, 1e-12 * sides.pay.max() + 1e-300) if priced else 0.0
    sure = state == OPEN
    left, money = sides.left - sure.sum(), sides.money - sides.pay[sure].sum()
    cap = _caps(rows, state)
    price, way = prices.price.copy(), np.zeros(n + 1)
    worth, picked = np.zeros(k), np.zeros(k, np.bool_)
    used = np.zeros(sides.groups + 1, np.bool_)
    bound, last, further, idle, step = -np.inf, 0.0, 0.0, 0, prices.step[0]
    for _ in range(rounds):
        now = _sum_up(rows, cap, price, worth)
        if priced:
            now -= price[n] * scale * money
            worth += price[n] * scale * sides.pay
        gained, cut, beyond = pick(worth, state, sides, left, picked, used)
        now += gained
        idle = 0 if now > bound + _GAIN * abs(best - bound) else idle + 1
        if now > bound:
            bound, last, further = now, cut, beyond
            prices.price[:], prices.worth[:], prices.picked[:] = price, worth, picked
            if bound >= enough:
                break
        if idle >= patience:
            step *= _SLOWER
            idle = 0
            price[:] = prices.price
            way[:] = 0.0
            if step < _LEAST_STEP:
                break
        prices.often[:] = 0.95 * prices.often + 0.05 * picked
        norm = _turn(rows, cap, price, picked, way)
        if priced:
            g = (sides.pay[picked].sum() - sides.money) * scale + _KEPT * way[n]
            way[n] = 0.0 if g < 0 and price[n] <= 0 else g
            norm += way[n] ** 2
        if norm == 0.0:
            break
        price += step * max(best - now, 1e-6 * abs(best)) / norm * way
        price[n] = max(0.0, price[n]) if priced else 0.0
    prices.step[0] = step
    return bound, last, further
