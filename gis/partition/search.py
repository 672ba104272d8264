"""The search: a start by cutting a tree, annealing, mending, annealing again within the bounds.

It walks a fixed number of steps, so that the same input and seed give the same plan on every
machine; the clock only ever cuts it short.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.partition.anneal import anneal, split, usual_change
from gis.partition.mend import mend, place, trim
from gis.partition.state import BROKEN, CUT, NOW, WEIGHT, Instance, State, labels, load, make_state

_MOST_STEPS: Final = 3_000_000
_STEPS_PER_UNIT: Final = 300
_LEAST_STEPS: Final = 60_000
_COST_DIVISOR: Final = 8
_CHUNK: Final = 100_000
_ROUNDS: Final = 3
_MANY_UNITS: Final = 300


@dataclass(frozen=True)
class Clock:
    """When to stop."""

    deadline: float

    @classmethod
    def start(cls, seconds: float) -> Clock:
        """Return a clock that runs out after ``seconds``."""
        return cls(time.monotonic() + seconds)

    @property
    def out(self) -> bool:
        """Whether the time has run out."""
        return time.monotonic() >= self.deadline


def first_count(instance: Instance) -> int:
    """Return with how many districts to begin when their number is free."""
    total = instance.size.sum(axis=0)
    share = 0.75 if instance.objective == CUT else 0.5
    high = np.where(np.isfinite(instance.high), instance.high, np.maximum(2 * instance.low, total))
    target = instance.low + share * (high - instance.low)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.where(target > 0, total / target, 1.0)
        least = np.where(high > 0, np.ceil(total / high), 1.0)
        most = np.where(instance.low > 0, np.floor(total / instance.low), np.inf)
    number = max(float(np.round(wanted.max())), float(least.max()))
    return int(max(1, min(number, float(most.min()), len(instance.size))))


def search(instance: Instance, *, count: int | None, seed: int, clock: Clock) -> NDArray[np.int64]:
    """Return the best labels (u,) found; -1 left out, and all -1 when ``count`` cannot be kept.

    The units must be connected. Nothing that is returned breaks a constraint.
    """
    units = len(instance.size)
    districts = count or first_count(instance)
    slots = districts if count else min(units, 2 * districts + 8)
    best = np.full(units, -1, np.int64)
    best_rank = (-1.0, np.inf)
    rounds = _ROUNDS if units <= _MANY_UNITS else 1
    for attempt in range(12 if count else rounds):
        state = make_state(instance, slots=slots, seed=seed * 1000 + attempt)
        label, figure = _attempt(instance, state, districts, count is None, clock)
        rank = (float(instance.size[label >= 0, 0].sum()) + 1e-9 * (label >= 0).sum(), figure)
        if rank[0] > best_rank[0] + 1e-9 or (
            rank[0] >= best_rank[0] - 1e-9 and rank[1] < best_rank[1]
        ):
            best, best_rank = label, rank
        if clock.out or (attempt + 1 >= rounds and (best >= 0).any()):
            break
    return best


def _attempt(
    instance: Instance, state: State, districts: int, free: bool, clock: Clock
) -> tuple[NDArray[np.int64], float]:
    """One start and two annealings; returns labels that break nothing and their score."""
    _start(state, districts)
    usual = float(usual_change(state, 200)) or 1.0
    steps = int(np.clip(_STEPS_PER_UNIT * len(instance.size), _LEAST_STEPS, _MOST_STEPS))
    steps //= _COST_DIVISOR if instance.use_cost else 1
    members = len(instance.size) / max(districts, 1)
    run = _Run(state, int(free), clock, steps, int(max(20, 4 * members)))
    label, _ = run.anneal(1.0 * usual, 0.05 * usual, broken=3.0 * usual)
    state.rule[WEIGHT, BROKEN] = 1e6 * usual
    load(state, label)
    mend(state, int(free), 20)
    if free:
        trim(state)
        place(state, 24)
    elif state.rule[NOW, BROKEN] > 1e-9:
        return np.full(len(label), -1, np.int64), np.inf
    label, figure = run.anneal(0.3 * usual, 0.01 * usual, broken=1e6 * usual)
    if free and (label < 0).any():
        load(state, label)
        if place(state, 60):
            label, figure = run.anneal(0.05 * usual, 0.01 * usual, broken=1e6 * usual)
    return label, figure


@dataclass(frozen=True, eq=False)
class _Run:
    state: State
    free: int
    clock: Clock
    steps: int
    merge_every: int

    def anneal(self, hot: float, cold: float, *, broken: float) -> tuple[NDArray[np.int64], float]:
        """Anneal from the state as it is; returns the best plan seen and its score.

        ``broken`` is the weight of what is broken.
        """
        state = self.state
        state.rule[WEIGHT, BROKEN] = broken
        best = labels(state)
        load(state, best)
        figures = np.array([state.rule[NOW, BROKEN], np.inf])
        chunks = max(1, self.steps // _CHUNK)
        falls = np.geomspace(hot, cold, chunks + 1)
        for i in range(chunks):
            anneal(
                state, best, figures, self.steps // chunks, float(falls[i]), float(falls[i + 1]),
                self.free, self.merge_every,
            )  # fmt: skip
            if self.clock.out:
                break
        return best, float(figures[1])


def _start(state: State, districts: int) -> None:
    """Cut all units into ``districts`` parts, as near to the bounds as a few trees allow."""
    nodes = np.arange(len(state.real))
    ends = np.zeros(districts, np.int64)
    label = np.full(len(nodes), -1, np.int64)
    if split(state, nodes, ends, 6, 0):
        for d, (begin, end) in enumerate(pairwise([0, *ends])):
            label[nodes[begin:end]] = d
    load(state, label)
