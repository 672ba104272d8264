"""Several services in shared rooms as one mixed-integer model for HiGHS.

Columns: ``z`` for each room, ``x`` for each service in each room where it may be, and, where not
everybody has to be served, ``y`` for each group of demands with the same rooms in reach. Which
services a room holds together is written as the smallest sets that it does not hold, so that no
rounding of floors comes into the model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp

from gis.siting.mip import INF, Mip, solve_mip
from gis.siting.rows import Rows
from gis.siting.together.greedy import Choice, better, trim
from gis.siting.together.problem import Bools, Floats, Ints, Rooms

_TRIES: Final = 50


@dataclass(frozen=True, eq=False)
class Proved:
    """``choice``: None without one. ``bound`` of the objective; ``ended``: search at its end."""

    choice: Choice | None
    bound: float
    ended: bool


def prove(rooms: Rooms, first: Choice | None, deadline: float) -> Proved:
    """Seek the best choice, from a first one, and a bound that holds for every choice."""
    model = _Model(rooms)
    mip, best = model.mip(), -INF
    start = None if first is None else model.values_of(first)
    known = first
    for _ in range(_TRIES):
        if time.monotonic() >= deadline:
            break
        solved = solve_mip(mip, deadline, seed=rooms.seed, start=start)
        best = max(best, solved.bound)
        if solved.values is None:
            return Proved(known, model.objective(best), solved.ended)
        found = model.choice(solved.values)
        if rooms.keeps(found.opened, found.holds):
            found = trim(rooms, found)
            known = found if known is None or better(rooms, found, known) else known
            return Proved(known, model.objective(best), solved.ended)
        cuts = model.broken(found)
        mip.rows = sp.vstack([mip.rows, cuts.matrix()], format="csr")
        low, high = cuts.limits()
        mip.low, mip.high = np.r_[mip.low, low], np.r_[mip.high, high]
    return Proved(known, model.objective(best), ended=False)


class _Model:
    """Where the columns stand: z first, then x of each service, then y of each service."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self.m = len(rooms.floor)
        self.service, self.room = np.nonzero(rooms.may)
        self.x = np.full(rooms.may.shape, -1, np.int64)
        self.x[self.service, self.room] = self.m + np.arange(len(self.room))
        at = self.m + len(self.room)
        self.y: list[Ints] = []
        for s, part in enumerate(rooms.parts):
            many = len(part.people) if self.partly(s) else 0
            self.y.append(at + np.arange(many))
            at += many
        self.columns = at
        self.base = sum(p.weight * p.already for p in rooms.parts)

    def partly(self, s: int) -> bool:
        """Whether some people of a service may stay without."""
        return self.rooms.share is None or self.rooms.share[s] < 1.0

    def objective(self, bound: float) -> float:
        """Turn the bound of the model into that of the objective."""
        return bound if self.rooms.share is not None else self.base - bound

    def mip(self) -> Mip:
        """Return the model."""
        rooms, rows = self.rooms, Rows(self.columns)
        self._reach_rows(rows)
        self._room_rows(rows)
        self._means_rows(rows)
        least, most = np.zeros(self.columns), np.ones(self.columns)
        least[: self.m][rooms.forced] = 1.0
        most[: self.m][~rooms.usable] = 0.0
        whole = np.arange(self.columns) < self.m + len(self.room)
        cost = np.zeros(self.columns)
        if rooms.share is not None:
            cost[: self.m] = rooms.price
            cost[self.m : self.m + len(self.room)] = rooms.fit[rooms.may]
        else:
            for s, part in enumerate(rooms.parts):
                cost[self.y[s]] = -part.weight * part.people
        low, high = rows.limits()
        exact = bool((cost == np.rint(cost)).all())
        return Mip(cost, least, most, whole, rows.matrix(), low, high, exact)

    def _reach_rows(self, rows: Rows) -> None:
        """A group is served by a room in reach with the service; each share is reached."""
        rooms = self.rooms
        for s, part in enumerate(rooms.parts):
            entry, groups = part.reach.tocoo(), len(part.people)
            column = self.x[s, entry.col]
            if not self.partly(s):
                rows.add(entry.row, column, 1.0, np.ones(groups), INF)
                continue
            at = np.r_[entry.row, np.arange(groups)]
            value = np.r_[np.ones(len(column)), -np.ones(groups)]
            rows.add(at, np.r_[column, self.y[s]], value, np.zeros(groups), INF)
            if rooms.share is not None:
                unit = max(1.0, part.total)
                least = (rooms.wanted(s) - rooms.slack(part.total)) / unit
                rows.add(0, self.y[s], part.people / unit, least, INF)

    def _room_rows(self, rows: Rows) -> None:
        """Services are in open rooms only, and not more in a room than it holds."""
        rooms, pair = self.rooms, np.arange(len(self.room))
        rows.add(
            np.r_[pair, pair], np.r_[self.m + pair, self.room],
            np.r_[np.ones(len(pair)), -np.ones(len(pair))], np.full(len(pair), -INF), 0.0,
        )  # fmt: skip
        for k, j in np.argwhere(_too_much(rooms)).tolist():
            inside = np.flatnonzero(rooms.sets[k])
            value = np.r_[np.ones(len(inside)), -(len(inside) - 1.0)]
            rows.add(0, np.r_[self.x[inside, j], j], value, -INF, 0.0)
        for group in rooms.groups:
            rows.add(0, group, 1.0, -INF, 1.0)

    def _means_rows(self, rows: Rows) -> None:
        rooms = self.rooms
        ours = np.flatnonzero(rooms.usable & ~rooms.given)
        if rooms.most_rooms < len(ours):
            rows.add(0, ours, 1.0, -INF, rooms.most_rooms)
        for s, part in enumerate(rooms.parts):
            places = self.x[s, rooms.may[s]]
            if part.most < len(places):
                rows.add(0, places, 1.0, -INF, part.most)
        if np.isfinite(rooms.budget):
            unit = max(1.0, rooms.budget)
            columns = np.r_[ours, self.m + np.arange(len(self.room))]
            cost = np.r_[rooms.price[ours], rooms.fit[rooms.may]] / unit
            most = (rooms.budget + rooms.slack(rooms.budget)) / unit
            rows.add(0, columns[cost > 0], cost[cost > 0], -INF, most)

    def choice(self, values: Floats) -> Choice:
        """Read a choice out of the columns."""
        rooms = self.rooms
        holds = np.zeros(rooms.may.shape, bool)
        holds[self.service, self.room] = values[self.m : self.m + len(self.room)] > 0.5
        return Choice((values[: self.m] > 0.5) | rooms.forced | holds.any(axis=0), holds)

    def values_of(self, choice: Choice) -> Floats:
        """Write a choice into the columns."""
        values = np.zeros(self.columns)
        values[: self.m] = choice.opened
        values[self.m : self.m + len(self.room)] = choice.holds[self.rooms.may]
        for s, part in enumerate(self.rooms.parts):
            if self.partly(s):
                values[self.y[s]] = np.asarray(part.reach @ choice.holds[s].astype(float)) > 0
        return values

    def broken(self, choice: Choice) -> Rows:
        """Forbid what only the tolerances of the solver allowed: a budget or a share missed."""
        rooms, cuts = self.rooms, Rows(self.columns)
        over = rooms.paid(choice.opened, choice.holds) > rooms.budget + rooms.slack(rooms.budget)
        if over:
            chosen = np.flatnonzero(choice.opened & ~rooms.given & (rooms.price > 0))
            fitted = self.x[choice.holds & (rooms.fit > 0)]
            columns = np.r_[chosen, fitted]
            cuts.add(0, columns, 1.0, -INF, len(columns) - 1)
        for s, part in enumerate(rooms.parts if rooms.share is not None else ()):
            short = rooms.covered(s, choice.holds) - part.already < (
                rooms.wanted(s) - rooms.slack(part.total)
            )
            if short:
                cuts.add(0, self.x[s, rooms.may[s] & ~choice.holds[s]], 1.0, 1.0, INF)
        return cuts


def _too_much(rooms: Rooms) -> Bools:
    """(k, m) the smallest sets of services, each of which may be there, that a room cannot hold."""
    wanted = rooms.sets.astype(float) @ ~rooms.may < 0.5
    least = ~rooms.fits & wanted
    for s in range(len(rooms.parts)):
        rows = np.flatnonzero(rooms.sets[:, s])
        least[rows] &= rooms.fits[rows ^ (1 << s)]
    return least
