"""A good choice and a good bound for the p-median, each helping the other; what they rule out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.siting.median.bound import CLOSED, FREE, OPEN, Prices, climb, new_prices, start_prices
from gis.siting.median.case import Case, grouped
from gis.siting.median.shake import MOST_CELLS, Board, descend, new_board, set_board, shake
from gis.siting.median.swap import (
    Rows,
    Sides,
    greedy,
    rows_of,
    sides_of,
    total_of,
    within,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SAME: Final = 1e-10
"""Share of the objective by which a choice has to be better to count."""
ROUNDING: Final = 1e-12
"""Share of a bound that adding up may have put on it."""

_PATIENCE: Final = 20
_ROUNDS: Final = 100
_CYCLES: Final = 60
_LEAST_STEP: Final = 0.003
_FIRST_SHAKES: Final = 60
_MORE_SHAKES: Final = 40
_SHAKES: Final = 10
_MOST_SHAKEN: Final = 3
_MOST_SWAPS: Final = 2000
_SHRINKS: Final = 0.9


@dataclass
class Search:
    """What is known of one case: the best choice, a bound, and what is left of the case.

    ``opened`` (k,) the best choice among all sites of the case, at ``value``; ``bound``: no choice
    costs less. ``sites`` are those left, ``rows`` and ``sides`` speak of them alone, ``state`` (k,)
    tells which are open for sure. ``served``: whether the best choice serves everybody.
    """

    case: Case
    deadline: float
    seed: int = 0
    board: Board | None = None
    full: Rows = field(init=False)
    all_sides: Sides = field(init=False)
    opened: Bools = field(init=False)
    value: float = np.inf
    bound: float = 0.0
    sites: Ints = field(init=False)
    rows: Rows = field(init=False)
    sides: Sides = field(init=False)
    state: Ints = field(init=False)
    prices: Prices = field(init=False)
    whole: bool = field(init=False)

    def __post_init__(self) -> None:
        k = len(self.case.sites)
        self.full = self.rows = rows_of(self.case)
        self.sides = self.all_sides = sides_of(self.case)
        self.opened = np.zeros(k, bool)
        self.sites = np.arange(k)
        self.state = np.full(k, FREE)
        self.prices = new_prices(self.rows, k)
        worth, none = self.full.worth, self.full.none[~self.full.must]
        most = float(self.full.none.sum())
        self.whole = bool(
            most < 2**50 and (worth == np.floor(worth)).all() and (none == np.floor(none)).all()
        )
        self.bound = float(nearest_sum(self.full)) * (1 - ROUNDING)

    @property
    def cutoff(self) -> float:
        """What no longer counts as better than the best choice."""
        return self.value - 0.999 if self.whole else self.value * (1 - SAME)

    @property
    def proved(self) -> bool:
        """Whether nothing better is left."""
        return self.bound >= self.cutoff

    @property
    def certain(self) -> float:
        """What no choice falls below."""
        return self.value if self.whole and self.proved else min(self.bound, self.cutoff)

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.deadline

    def begin(self) -> bool:
        """Make a first choice; return whether it serves everybody."""
        opened = np.zeros(len(self.opened), bool)
        greedy(self.full, self.all_sides, opened)
        self.take(opened)
        if not self.over:
            self.improve(opened)
            self.polish(_FIRST_SHAKES)
        return bool(np.isfinite(self.value))

    def improve(self, opened: Bools) -> None:
        """Swap from (k,) sites of the whole case, and keep what is better."""
        sides = self.all_sides
        greedy(self.full, sides, opened)
        if len(opened) * sides.left <= MOST_CELLS:
            if self.board is None:
                self.board = new_board(self.full, sides, opened)
            else:
                set_board(self.full, sides, self.board, opened)
            descend(self.full, sides, self.board, _MOST_SWAPS)
            opened = self.board.opened
        self.take(opened)

    def polish(self, shakes: int) -> None:
        """Shake the best choice so many times, while there is time, and keep what is better."""
        if self.board is None or not np.isfinite(self.value):
            return
        if (self.board.opened != self.opened).any():
            set_board(self.full, self.all_sides, self.board, self.opened)
        for _ in range(0, shakes, _SHAKES):
            if self.over or self.proved:
                return
            self.seed += 1
            shake(self.full, self.all_sides, self.board, _SHAKES, _MOST_SHAKEN, self.seed)
            self.take(self.board.opened)

    def take(self, opened: Bools) -> bool:
        """Keep a choice that serves everybody and is the best so far."""
        value = float(total_of(self.full, opened))
        allowed = within(self.all_sides, opened) and serves_all(self.full, opened)
        if value < self.value and allowed:
            self.opened, self.value = opened.copy(), value
            return True
        return False

    def expand(self, picked: Bools | Ints) -> Bools:
        """Return (k,) sites of the whole case from those picked of what is left."""
        out = np.zeros(len(self.opened), bool)
        out[self.sites[picked]] = True
        return out

    def affordable(self) -> Bools:
        """Return (k,) of the sites picked at the present prices as many as there is money for."""
        if not np.isfinite(self.sides.money):
            return self.expand(self.prices.picked)
        rows = np.flatnonzero(self.prices.picked)
        rows = rows[np.argsort(self.prices.worth[rows], kind="stable")]
        paid = np.cumsum(self.sides.pay[rows])
        return self.expand(rows[paid <= self.sides.money])

    def converge(self) -> None:
        """Raise the bound and better the choice in turn until neither moves."""
        start_prices(self.rows, self.opened, self.prices)
        tried: set[bytes] = set()
        rounds, begun = _ROUNDS, time.monotonic()
        for cycle in range(_CYCLES):
            if cycle:  # what is left of the time may be less than what the last took
                seconds = (time.monotonic() - begun) / cycle
                part = (self.deadline - time.monotonic()) / max(seconds, 1e-6)
                rounds = int(np.clip(_ROUNDS * part, 1, _ROUNDS))
            if self.over or self.proved:
                return
            step = float(self.prices.step[0])
            bound, last, further = climb(
                self.rows, self.sides, self.state, self.prices, self.value, rounds, _PATIENCE,
                self.cutoff,
            )  # fmt: skip
            self.bound = max(self.bound, min(bound * (1 - ROUNDING), self.value))
            picked = self.affordable()
            key = np.packbits(picked).tobytes()
            if key not in tried and not self.over:
                tried.add(key)
                self.improve(picked)
            self.polish(_MORE_SHAKES)
            if self.proved:
                return
            self.rule_out(bound * (1 - ROUNDING), last, further)
            if step < _LEAST_STEP:
                return

    def rule_out(self, bound: float, last: float, further: float) -> None:
        """Close and open sites for good, and shorten rows, where nothing better is lost."""
        fix(self.state, self.prices, bound, self.cutoff, last, further)
        room = self.cutoff - bound
        kept = kept_pairs(self.rows, self.state, self.prices.price, room)
        if kept.sum() < _SHRINKS * len(kept):
            self._shrink(kept, room)

    def _shrink(self, kept: Bools, room: float) -> None:
        rows, stay = self.rows, self.state != CLOSED
        new = np.cumsum(stay) - 1
        first = np.r_[0, np.cumsum(kept)][rows.first]
        site, worth = new[rows.site[kept]], rows.worth[kept]
        demand = np.repeat(np.arange(len(first) - 1), np.diff(first))
        begin, order = grouped(site, int(stay.sum()))
        must = rows.must | (rows.none > self.prices.price[:-1] + room)
        self.rows = Rows(
            first, site, worth, rows.none, must, begin, demand[order], worth[order]
        )  # fmt: skip
        sides = self.sides
        group = sides.group[stay]
        self.sides = Sides(sides.left, sides.money, sides.pay[stay], group, sides.groups)
        old = self.prices
        self.prices = Prices(
            old.price, old.worth[stay], old.picked[stay], old.often[stay], old.step
        )
        self.sites, self.state = self.sites[stay], self.state[stay]


@compiled
def nearest_sum(rows: Rows) -> float:
    """Sum of what all would pay if every site were open."""
    total = 0.0
    for i in range(len(rows.none)):
        if rows.first[i] < rows.first[i + 1]:
            total += rows.worth[rows.first[i]]
        else:
            total += rows.none[i]
    return total


@compiled
def serves_all(rows: Rows, opened: Bools) -> bool:
    """Whether all who must be served are."""
    for i in range(len(rows.none)):
        if rows.must[i]:
            for e in range(rows.first[i], rows.first[i + 1]):
                if opened[rows.site[e]]:
                    break
            else:
                return False
    return True


@compiled
def fix(
    state: Ints, prices: Prices, bound: float, cutoff: float, last: float, further: float
) -> int:
    """Close or open for good the sites without which, or with which, nothing better is left."""
    number = 0
    for j in range(len(state)):
        if state[j] == FREE:
            if not prices.picked[j] and bound + prices.worth[j] - last >= cutoff:
                state[j] = CLOSED
                number += 1
            elif prices.picked[j] and bound - prices.worth[j] + further >= cutoff:
                state[j] = OPEN
                number += 1
    return number


@compiled
def kept_pairs(rows: Rows, state: Ints, price: Floats, room: float) -> Bools:
    """(p,) pairs that may be used in a choice that is better by ``room`` than the bound."""
    kept = np.zeros(len(rows.worth), np.bool_)
    for i in range(len(rows.none)):
        for e in range(rows.first[i], rows.first[i + 1]):
            if rows.worth[e] > price[i] + room:
                break
            kept[e] = state[rows.site[e]] != CLOSED
    return kept
