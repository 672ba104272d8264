"""A good choice of sites with capacities, fast.

The choice is improved by the moves of `gis.siting.whole.moves` until none helps; then a few sites
are closed and chosen anew, from the best choice so far.
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from gis.siting.problem import Bools, Floats, Ints
from gis.siting.whole.moves import (
    DICE,
    LOGGED,
    Ground,
    State,
    add,
    improve,
    may_open,
    open_site,
    ruin,
    score_of,
    shuffle,
)
from gis.siting.whole.task import Task

_STEEP: Final = 20.0
_TRIES: Final = 10
_MOMENT_S: Final = 0.05
# An exchange is looked at closely where it comes within a share of the score; of many demands
# that takes too long.
_NEAR_ENOUGH: Final = ((300, 0.01), (2000, 0.001))


def search(
    task: Task,
    deadline: float,
    seed: int,
    *,
    rounds: int = 30,
    enough: float = -np.inf,
    start: Bools | None = None,
) -> tuple[Bools, Ints] | None:
    """Return the best choice found, None where no choice that keeps everything was found.

    Parameters
    ----------
    rounds
        How many times a few sites are closed and chosen anew in vain before the search ends.
    enough
        A value at which the search may end.
    start
        (m,) sites to begin with.
    """
    g, s = _ground(task), _state(task, seed)
    if start is not None:
        for j in np.flatnonzero(start & task.free).tolist():
            if may_open(g, s, j):
                s.number[LOGGED] = 0
                open_site(g, s, j)
    _fill(g, s, task, deadline)
    best: tuple[Bools, Ints] | None = None
    least, vain, turn = np.inf, 0, 0
    kept = s
    while True:
        _until_still(g, s, deadline)
        score = float(score_of(s))
        if score < least - 1e-9 * max(1.0, abs(least)) or turn == 0:
            vain, least, kept = 0, score, _copy(s)
            if task.allowed(s.opened, s.at):
                best = s.opened.copy(), s.at.copy()
        else:
            vain += 1
            s = _copy(kept, s.number[DICE])
        if best is not None and task.value(*best) <= enough:
            break
        if vain >= rounds or time.monotonic() > deadline:
            break
        turn += 1
        ruin(g, s, 1 + turn % 3)
        _fill(g, s, task, deadline)
    return best


def _fill(g: Ground, s: State, task: Task, deadline: float) -> None:
    few = _few(task)
    while add(g, s, few) and time.monotonic() < deadline:
        continue


def _until_still(g: Ground, s: State, deadline: float) -> None:
    """Exchange sites until none helps; so many at once as take a few hundredths of a second."""
    shuffle(g, s)
    near = next((share for size, share in _NEAR_ENOUGH if len(g.need) <= size), 0.0)
    tries, now = _TRIES, time.monotonic()
    while now < deadline and not improve(g, s, tries, near):
        before, now = now, time.monotonic()
        tries = int(np.clip(tries * _MOMENT_S / max(now - before, 1e-6), 1, 50 * _TRIES))


def _few(task: Task) -> int:
    return int(np.clip(2e7 / max(len(task.weight) * max(task.left, 1), 1), 8, 200))


def _ground(task: Task) -> Ground:
    demand = task.demand
    # What everybody brings is no weight but a worth.
    weight = np.maximum(task.weight, 0.0)
    by_row = np.lexsort((task.site, weight, demand))
    by_site = np.lexsort((demand, weight, task.site))
    first = np.zeros(task.sites + 1, np.int64)
    np.cumsum(np.bincount(task.site, minlength=task.sites), out=first[1:])
    names = np.unique(task.group[task.group >= 0])
    group = np.where(task.group >= 0, np.searchsorted(names, task.group), -1).astype(np.int64)
    return Ground(
        first=task.first.astype(np.int64),
        site=task.site[by_row],
        weight=weight[by_row],
        col_first=first,
        col_demand=demand[by_site],
        col_weight=weight[by_site],
        need=task.need,
        worth=_worth(task),
        room=task.room,
        free=task.free,
        price=task.price,
        group=group,
    )


def _worth(task: Task) -> Floats:
    """(n,) what serving a demand is worth: where all count, those of 0 people too."""
    if not task.all:
        return task.need
    return 1.0 + task.need / max(float(task.need.mean()), 1e-300)


def _state(task: Task, seed: int) -> State:
    n, m = task.demands, task.sites
    worth = _worth(task)
    total = float(worth.sum())
    largest = float(np.maximum(task.weight, 0.0).max(initial=0.0))
    names = np.unique(task.group[task.group >= 0])
    in_group = np.zeros(max(len(names), 1), np.int64)
    held = task.group[task.fixed & (task.group >= 0)]
    np.add.at(in_group, np.searchsorted(names, held), 1)
    many = 6 * n + 200
    # Served people beyond a share are worth nothing; without one, everybody counts.
    wanted = total if task.all or task.target <= 0 else task.target
    return State(
        opened=task.fixed.copy(),
        at=np.full(n, -1, np.int64),
        paid=np.zeros(n),
        load=np.zeros(m),
        head=np.full(m, -1, np.int64),
        after=np.full(n, -1, np.int64),
        before=np.full(n, -1, np.int64),
        in_group=in_group,
        log=np.zeros((many, 2), np.int64),
        log_paid=np.zeros(many),
        order=np.arange(m),
        sum=np.array([0.0, 0.0, 0.0, max(_STEEP * largest, 1.0), wanted, task.money]),
        number=np.array([0, task.left, 0, 0, 0, 0, seed], np.int64),
    )


def _copy(s: State, dice: int | None = None) -> State:
    copy = State._make(np.copy(part) for part in s)
    if dice is not None:
        copy.number[DICE] = dice
    return copy
