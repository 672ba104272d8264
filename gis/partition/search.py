"""The search: a first plan by cutting a tree and mending it, then rounds that make it better.

Every round walks a fixed number of steps from its own seed, so that the same input and seed give
the same plan on every machine. The clock only ever cuts the last round short. A plan counts when
it keeps every constraint and is better than the one before: more time never gives a worse plan.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.partition.anneal import anneal, plan_score, split, usual_change
from gis.partition.locks import connected_pairs
from gis.partition.mend import mend, place, trim
from gis.partition.state import BROKEN, NOW, WEIGHT, Instance, State, labels, load, make_state

_MOST_STEPS: Final = 3_000_000
_STEPS_PER_UNIT: Final = 300
_QUICK_PER_UNIT: Final = 30
_LEAST_STEPS: Final = 60_000
_CHEAP_MEMBERS, _COST_DIVISOR = 8, 16
_CHUNK: Final = 100_000
_FRESH: Final = 3
_MANY_UNITS: Final = 300
_TREES_MENDED: Final = 20
_NONE: Final = 1e-9
# Heat in usual changes of a move.
_HOT, _REHEATED, _WARM, _COLD = 1.0, 0.3, 0.05, 0.01

Labels = NDArray[np.int64]


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


@dataclass(eq=False)
class Search:
    """The search in one connected part; ``label`` (u,) is the best plan so far, -1 left out.

    All of ``label`` is -1 while ``count`` cannot be kept. Nothing in it breaks a constraint.
    ``begin`` (u,) is a plan to start from.
    """

    instance: Instance
    count: int | None
    seed: int
    clock: Clock
    begin: Labels | None = None
    label: Labels = field(init=False)
    rank: tuple[float, float] = field(init=False, default=(-1.0, np.inf))
    """Size and units placed, as one number; score of ``label``."""
    usual: float = field(init=False, default=1.0)
    rounds: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.label = np.full(len(self.instance.size), -1, np.int64)
        if self.begin is not None:
            self.begin = whole_districts(self.instance, self.begin)

    @property
    def found(self) -> bool:
        """Whether there is a plan."""
        return bool((self.label >= 0).any())

    def first(self) -> None:
        """Make a first plan quickly; a part of the units may be left out."""
        state = self._fresh()
        begun = self.begin is not None and self._load_begin(state)
        if begun:
            self._keep(state)
        else:
            _start(state, self._districts)
        self._measure(state)
        state.rule[WEIGHT, BROKEN] = 1e6 * self.usual
        mend(state, self._free, _TREES_MENDED)
        if self._free:
            trim(state)
            place(state, 8)
        self._keep(state)

    def round(self) -> None:
        """Make the plan better once; the first rounds of few units begin anew."""
        number = self.rounds
        self.rounds += 1
        few = len(self.instance.size) <= _MANY_UNITS
        fresh = 0 if self.begin is not None else _FRESH if few else 1
        state = self._fresh()
        if not self.found or (number < fresh and few):
            _start(state, self._districts)
            self._measure(state)
            self._from_hot(state)
            return
        load(state, self.label)
        complete = bool((self.label >= 0).all())
        if number == 0 and not complete:
            self._from_hot(state)
        elif number == 0 and not few:
            self._anneal_and_place(state, _WARM, _QUICK_PER_UNIT)
        else:
            hot = _HOT if number == 1 and self.begin is None else _REHEATED
            self._anneal_and_place(state, hot, _STEPS_PER_UNIT)

    @property
    def lacking(self) -> bool:
        """Whether a count is asked for and no plan keeps it yet."""
        return self.count is not None and not self.found

    @property
    def _free(self) -> int:
        return int(self.count is None)

    @property
    def _districts(self) -> int:
        return self.count or first_count(self.instance)

    def _fresh(self) -> State:
        units = len(self.instance.size)
        slots = self.count or min(units, 2 * self._districts + 8)
        if self.count is None and self.begin is not None:
            slots = min(units, slots + int(self.begin.max(initial=0)) + 1)
        return make_state(self.instance, slots=slots, seed=self.seed * 1000 + self.rounds)

    def _load_begin(self, state: State) -> bool:
        """Load the plan to begin from, torn districts as several; False when it does not fit."""
        label = np.asarray(self.begin)
        if self.count is not None and int(label.max(initial=-1)) >= self.count:
            label = _spread_over(self.instance, label, self.count)
        if self.count is not None and int(label.max(initial=-1)) + 1 != self.count:
            return False
        load(state, label)
        return bool(self._free or (label >= 0).all())

    def _measure(self, state: State) -> None:
        self.usual = float(usual_change(state, 200)) or 1.0

    def _from_hot(self, state: State) -> None:
        """Search through plans that break bounds, then mend; for bounds that are hard to keep."""
        self._run(state, _HOT, _WARM, _STEPS_PER_UNIT, broken=3.0)
        if self.clock.out and self.found:
            return
        state.rule[WEIGHT, BROKEN] = 1e6 * self.usual
        mend(state, self._free, _TREES_MENDED)
        if self._free:
            trim(state)
            place(state, 24)
        elif state.rule[NOW, BROKEN] > _NONE:
            return
        self._anneal_and_place(state, _REHEATED, _STEPS_PER_UNIT)

    def _anneal_and_place(self, state: State, hot: float, per_unit: int) -> None:
        """Anneal without leaving the bounds; what is best is kept also when the time runs out."""
        self._run(state, hot, _COLD, per_unit, broken=1e6)
        if self._free and (labels(state) < 0).any() and place(state, 60):
            self._run(state, _WARM, _COLD, per_unit, broken=1e6)
        self._keep(state)

    def _run(self, state: State, hot: float, cold: float, per_unit: int, *, broken: float) -> None:
        """Anneal; leaves ``state`` at the best plan seen. Heat and weight in usual changes."""
        units, members = len(self.instance.size), len(self.instance.size) / self._districts
        steps = int(np.clip(per_unit * units, _LEAST_STEPS, _MOST_STEPS))
        if self.instance.use_cost:
            # A move then looks at all members of two districts.
            steps = int(steps / np.clip(members / _CHEAP_MEMBERS, 1, _COST_DIVISOR))
        chunks = max(1, steps // _CHUNK)
        falls = np.geomspace(hot, cold, chunks + 1) * self.usual
        state.rule[WEIGHT, BROKEN] = broken * self.usual
        best = labels(state)
        load(state, best)
        figures = np.array([state.rule[NOW, BROKEN], np.inf])
        for i in range(chunks):
            anneal(
                state, best, figures, steps // chunks, float(falls[i]), float(falls[i + 1]),
                self._free, int(max(20, 4 * members)),
            )  # fmt: skip
            if self.clock.out:
                break
        load(state, best)

    def _keep(self, state: State) -> None:
        """Take the plan of ``state`` if nothing is broken and it is better."""
        label = labels(state)
        load(state, label)
        placed = label >= 0
        if state.rule[NOW, BROKEN] > _NONE or (not self._free and not placed.all()):
            return
        if not self._free and len(np.unique(label)) != self.count:
            return
        size = self.instance.size[:, 0]
        share = float(size[placed].sum()) / max(float(size.sum()), 1e-300)
        rank = (share + 1e-6 * float(placed.mean()), float(plan_score(state)))
        if rank[0] > self.rank[0] + 1e-12 or (
            rank[0] >= self.rank[0] - 1e-12 and rank[1] < self.rank[1]
        ):
            self.label, self.rank = label, rank


def first_count(instance: Instance) -> int:
    """Return with how many districts to begin when their number is free."""
    total = instance.size.sum(axis=0)
    share = 0.75 if instance.aim[0] > 0 else 0.5
    high = np.where(np.isfinite(instance.high), instance.high, np.maximum(2 * instance.low, total))
    target = instance.low + share * (high - instance.low)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.where(target > 0, total / target, 1.0)
        least = np.where(high > 0, np.ceil(total / high), 1.0)
        most = np.where(instance.low > 0, np.floor(total / instance.low), np.inf)
    number = max(float(np.round(wanted.max())), float(least.max()))
    return int(max(1, min(number, float(most.min()), len(instance.size))))


def whole_districts(instance: Instance, label: Labels) -> Labels:
    """Number the connected pieces of the districts of labels (u,), -1 stays."""
    start = np.repeat(np.arange(len(label)), np.diff(instance.ptr))
    kept = (label[start] == label[instance.adj]) & (label[start] >= 0)
    part = connected_pairs(np.column_stack([start, instance.adj])[kept], len(label))
    out = np.full(len(label), -1, np.int64)
    placed = label >= 0
    out[placed] = np.unique(part[placed], return_inverse=True)[1]
    return out


def _spread_over(instance: Instance, label: Labels, count: int) -> Labels:
    """Keep the ``count`` largest districts and let them grow over all that is left."""
    total = np.bincount(label[label >= 0], instance.size[label >= 0, 0])
    order = np.argsort(-total, kind="stable")
    new = np.full(len(total), -1, np.int64)
    new[order[:count]] = np.arange(count)
    label = np.where(label >= 0, new[label], -1)
    start = np.repeat(np.arange(len(label)), np.diff(instance.ptr))
    while True:
        edge = np.flatnonzero((label[start] < 0) & (label[instance.adj] >= 0))
        if not len(edge):
            return label
        label[start[edge]] = label[instance.adj[edge]]


def _start(state: State, districts: int) -> None:
    """Cut all units into ``districts`` parts, as near to the bounds as a few trees allow."""
    nodes = np.arange(len(state.real))
    ends = np.zeros(districts, np.int64)
    label = np.full(len(nodes), -1, np.int64)
    if split(state, nodes, ends, 6, 0):
        for d, (begin, end) in enumerate(pairwise([0, *ends])):
            label[nodes[begin:end]] = d
    load(state, label)
