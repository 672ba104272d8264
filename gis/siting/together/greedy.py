"""A first choice of rooms for several services, and how much better any other can be at most."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from gis.siting.together.problem import Bools, Floats, Ints, Rooms

_TRIES: Final = 12
_NOISE: Final = 0.3
_FREE: Final = 1e-9
"""What a room that costs nothing counts as, so that gain per cost can be told."""


@dataclass(eq=False)
class Choice:
    """``opened`` (m,) rooms, given ones too, and ``holds`` (S, m) what is fitted into them."""

    opened: Bools
    holds: Bools


def first_choice(rooms: Rooms, deadline: float) -> tuple[Choice | None, float]:
    """Return a good choice that keeps every rule, or None, and a valid bound of the objective.

    The bound is of people served where count or budget is given, else of cost.
    """
    limit = _least_cost(rooms) if rooms.share is not None else np.inf
    ways = [False, True] if rooms.share is None and np.isfinite(rooms.budget) else [True]
    ways = [False] if rooms.share is None and not np.isfinite(rooms.budget) else ways
    best: Choice | None = None
    dice = np.random.default_rng(rooms.seed)
    for turn in range(_TRIES):
        for by_cost in ways:
            noise = np.ones(len(rooms.floor)) if turn == 0 else 1 + _NOISE * dice.random(
                len(rooms.floor)
            )  # fmt: skip
            choice, most = _grow(rooms, noise, by_cost=by_cost)
            limit = min(limit, most) if rooms.share is None else limit
            if rooms.keeps(choice.opened, choice.holds):
                trimmed = trim(rooms, choice)
                best = trimmed if best is None or better(rooms, trimmed, best) else best
        if time.monotonic() > deadline:
            break
    return best, limit


def better(rooms: Rooms, one: Choice, other: Choice) -> bool:
    """Whether one choice is better than another: more people, or the same for less money."""
    mine, theirs = rooms.paid(one.opened, one.holds), rooms.paid(other.opened, other.holds)
    if rooms.share is not None:
        return mine < theirs
    served, before = rooms.worth(one.holds), rooms.worth(other.holds)
    return served > before or (served == before and mine < theirs)


def trim(rooms: Rooms, choice: Choice) -> Choice:
    """Take out, dearest first, what can go without anybody losing; close rooms left empty."""
    opened, holds = choice.opened.copy(), choice.holds.copy()
    before = rooms.worth(holds)

    def spare(without: Bools) -> bool:
        return rooms.meets(without) if rooms.share is not None else rooms.worth(without) >= before

    free = np.flatnonzero(opened & ~rooms.forced)
    cost = rooms.price + (rooms.fit * holds).sum(axis=0)
    for j in free[np.argsort(-cost[free], kind="stable")].tolist():
        without = holds.copy()
        without[:, j] = False
        if spare(without):
            holds = without
    held = np.argwhere(holds)
    for s, j in held[np.argsort(-rooms.fit[holds], kind="stable")].tolist():
        without = holds.copy()
        without[s, j] = False
        if spare(without):
            holds = without
    opened &= rooms.forced | holds.any(axis=0)
    return Choice(opened, holds)


def _grow(rooms: Rooms, noise: Floats, *, by_cost: bool) -> tuple[Choice, float]:
    """Add the best set of services to the best room, time and again; and a bound, passing by.

    However rooms are chosen, they bring no more than those served now and what each room brings
    by itself beyond that (Nemhauser, Wolsey, Fisher 1978).
    """
    m, many = len(rooms.floor), len(rooms.parts)
    opened, holds = rooms.forced.copy(), np.zeros((many, m), bool)
    left = [p.people.copy() for p in rooms.parts]
    base = sum(p.weight * p.already for p in rooms.parts)
    total = base + sum(p.weight * float(p.people.sum()) for p in rooms.parts)
    limit, number = total, 1 << np.arange(many)
    while True:
        gain = np.array([p.by_room @ rest for p, rest in zip(rooms.parts, left, strict=True)])
        worth = _worth(rooms, gain, left)
        if rooms.share is None:
            now = total - sum(
                p.weight * float(rest.sum()) for p, rest in zip(rooms.parts, left, strict=True)
            )
            limit = min(limit, now + _room_for_more(rooms, worth))
        value, cost = _offers(rooms, opened, holds, worth)
        score = value * noise / np.maximum(cost, _FREE) if by_cost else value * noise
        k, j = np.unravel_index(int(np.argmax(score)), score.shape)
        if not value[k, j] > 0:
            break
        new = rooms.sets[k] & ~holds[:, j]
        holds[:, j] |= rooms.sets[k]
        opened[j] = True
        assert (number @ holds[:, j]) == k
        for s in np.flatnonzero(new):
            by_room = rooms.parts[s].by_room
            left[s][by_room.indices[by_room.indptr[j] : by_room.indptr[j + 1]]] = 0.0
    return Choice(opened, holds), limit


def _worth(rooms: Rooms, gain: Floats, left: list[Floats]) -> Floats:
    """(S, m) what a service in a room is worth: people by weight, or the part of what is wanted."""
    if rooms.share is None:
        return np.asarray(gain * np.array([[p.weight] for p in rooms.parts]))
    worth = np.zeros_like(gain)
    for s, part in enumerate(rooms.parts):
        wanted = rooms.wanted(s) - float(part.people.sum() - left[s].sum())
        if wanted > rooms.slack(part.total):
            worth[s] = np.minimum(gain[s], wanted) / part.total
    return worth


def _offers(rooms: Rooms, opened: Bools, holds: Bools, worth: Floats) -> tuple[Floats, Floats]:
    """(k, m) what each set of services in each room would bring and cost; 0 where it may not be."""
    sets = rooms.sets.astype(float)
    held = (holds.T @ (1 << np.arange(len(holds)))).astype(np.int64)
    numbers = np.arange(len(sets))
    can = rooms.fits & ((numbers[:, None] & held) == held)
    can &= opened | _may_open(rooms, opened)
    new = np.where(holds, 0.0, worth)
    full = holds.sum(axis=1) >= np.array([p.most for p in rooms.parts])
    can &= sets @ (full[:, None] & ~holds) < 0.5
    cost = sets @ np.where(holds, 0.0, rooms.fit) + np.where(opened, 0.0, rooms.price)
    spare = rooms.budget - rooms.paid(opened, holds)
    can &= cost <= spare + rooms.slack(rooms.budget)
    # A service that brings nobody only takes floor.
    can &= sets @ (~holds & ~(worth > 0)) < 0.5
    return np.where(can, sets @ new, 0.0), cost


def _may_open(rooms: Rooms, opened: Bools) -> Bools:
    if int((opened & ~rooms.given).sum()) >= rooms.most_rooms:
        return np.zeros(len(opened), bool)
    marks = rooms.one_of
    taken = np.unique(marks[opened & (marks >= 0)])
    return rooms.usable & ~np.isin(marks, taken)


def _best_sets(rooms: Rooms, worth: Floats) -> Floats:
    """(m,) the most that any set of services that a room holds is worth."""
    return np.asarray(np.where(rooms.fits, rooms.sets.astype(float) @ worth, 0.0).max(axis=0))


def _room_for_more(rooms: Rooms, worth: Floats) -> float:
    """Return the most that given rooms, and others by count or budget, can bring by themselves."""
    brings = _best_sets(rooms, worth)
    free = np.flatnonzero(rooms.usable & ~rooms.forced)
    forced = float(brings[rooms.forced].sum())
    left = rooms.most_rooms - int(rooms.required.sum())
    by_count = float(np.sort(brings[free])[::-1][: max(left, 0)].sum())
    if not np.isfinite(rooms.budget):
        return forced + by_count
    spare = rooms.budget - float(rooms.price[rooms.required].sum()) + rooms.slack(rooms.budget)
    entry = rooms.price + np.where(rooms.may, rooms.fit, np.inf).min(axis=0)
    by_money = _knapsack(brings[free], entry[free], spare)
    return forced + min(by_count, by_money)


def _knapsack(value: Floats, cost: Floats, money: float) -> float:
    """Return the most value for the money when things may be bought in part."""
    some = (value > 0) & np.isfinite(cost)
    value, cost = value[some], cost[some]
    order = np.argsort(-value / np.maximum(cost, _FREE), kind="stable")
    value, cost = value[order], cost[order]
    before = np.r_[0.0, np.cumsum(cost)[:-1]] if len(cost) else np.zeros(0)
    part = np.clip((money - before) / np.maximum(cost, _FREE), 0.0, 1.0)
    part[(cost <= 0) & (before <= money)] = 1.0
    return float((value * part).sum())


def _least_cost(rooms: Rooms) -> float:
    """Return what the dearest of the services costs at least by itself, or how many rooms."""
    least = float(rooms.price[rooms.required].sum())
    for s, part in enumerate(rooms.parts):
        wanted = rooms.wanted(s) - rooms.slack(part.total)
        gain = np.asarray(part.by_room @ part.people)
        entry = rooms.fit[s] + np.where(rooms.forced, 0.0, rooms.price)
        rows = np.flatnonzero(rooms.may[s])
        rows = rows[np.argsort(-gain[rows] / np.maximum(entry[rows], _FREE), kind="stable")]
        least = max(least, _buy(gain[rows], entry[rows], wanted) + _already(rooms))
    return least


def _already(rooms: Rooms) -> float:
    return float(rooms.price[rooms.required].sum())


def _buy(gain: Floats, cost: Ints | Floats, wanted: float) -> float:
    """Return the least cost of so much gain when things may be bought in part."""
    before = np.r_[0.0, np.cumsum(gain)[:-1]] if len(gain) else np.zeros(0)
    part = np.clip((wanted - before) / np.maximum(gain, 1e-300), 0.0, 1.0)
    return float((cost * part).sum())
