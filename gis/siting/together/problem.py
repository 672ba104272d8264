"""What `locate_together` is asked: services and rooms checked once, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.siting.problem import ROUNDING, matrix_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_SERVICES: Final = 12
"""So many services fit into one run: the ways of filling a room are listed."""

_FAULTS_TOLD: Final = 6


@dataclass(frozen=True, eq=False)
class Service:
    """One service that looks for rooms.

    ``cost`` (n, m): walks from its own n demands to the m rooms, dense or scipy sparse; NaN or inf
    in a dense matrix, and what a sparse one does not store, is no way. ``demand`` (n,) people.
    ``limit``: longest walk at which a room serves, inclusive; None: wherever there is a way.
    ``need``: floor in m2 that it takes in each room, (m,) or one number. ``fit_out``: what fitting
    it out costs there, (m,) or one number. ``weight`` of its people where all services are added
    up. ``allowed`` (m,) bool: where the rules admit it; None: everywhere. ``given`` (n,) bool:
    demands that are served already, by what is there. ``alone``: takes a whole place to itself,
    like a kindergarten on its own ground. ``most``: at most so many rooms of it.

    Raises
    ------
    OptionError
        A figure is missing, negative or of the wrong shape; the service is named.
    """

    name: str
    cost: Any
    demand: ArrayLike
    limit: float | None = None
    need: ArrayLike | float = 0.0
    fit_out: ArrayLike | float = 0.0
    weight: float = 1.0
    allowed: ArrayLike | None = None
    given: ArrayLike | None = None
    alone: bool = False
    most: int | None = None

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise OptionError(f"Service '{self.name}': {'; '.join(faults[:_FAULTS_TOLD])}")

    @cached_property
    def matrix(self) -> Any:
        """(n, m) csr_array of the ways, costs of 0 stored."""
        return matrix_of(self.cost)

    def _faults(self) -> Iterator[str]:
        n, m = self.matrix.shape
        people = np.atleast_1d(np.asarray(self.demand, dtype=float))
        if not n or not m:
            yield f"cost is {n} demands x {m} rooms; give at least one of each"
        if (self.matrix.data < 0).any():
            yield f"a walk of {self.matrix.data.min():g}; give 0 or more"
        if people.shape != (n,):
            yield f"{n} rows of cost, but {people.size} demands; give one for each row"
        elif not (np.isfinite(people) & (people >= 0)).all():
            i = int(np.flatnonzero(~(np.isfinite(people) & (people >= 0)))[0])
            yield f"demand {i} is {people[i]}; give a number of 0 or more"
        elif n and not (people > 0).any():
            yield "nobody is to be served: every demand is 0; give people or leave it out"
        if self.limit is not None and not self.limit >= 0:
            yield f"limit is {self.limit}; give 0 or more"
        if not 0 < self.weight < np.inf:
            yield f"weight is {self.weight}; give a number above 0"
        for what, value in (("need", self.need), ("fit_out", self.fit_out)):
            yield from number_faults(what, value, m)
        for what, flags, many in (("allowed", self.allowed, m), ("given", self.given, n)):
            if flags is not None and not _is_flags(flags, many):
                yield f"{what} has to be {many} times true or false"
        if self.most is not None and not (_is_whole(self.most) and self.most >= 0):
            yield f"most is {self.most}; give a whole number of 0 or more"


@dataclass(frozen=True, eq=False)
class Part:
    """A service as the search sees it: demands with the same rooms in reach are one group.

    ``reach`` (g, m) csr of ones: rooms that could serve each group; ``people`` (g,); ``already``
    people that are served by what is there; ``total`` people.
    """

    name: str
    reach: Any
    people: Floats
    already: float
    total: float
    weight: float
    most: int

    @cached_property
    def by_room(self) -> Any:
        """(m, g) csr."""
        return sp.csr_array(self.reach.T)

    @property
    def reachable(self) -> float:
        """People that are served already or could be."""
        return self.already + float(self.people.sum())


@dataclass(frozen=True, eq=False)
class Rooms:
    """m rooms, S services, and what is asked of them together.

    ``may`` (S, m): whether a service may be fitted into a room; ``need`` and ``fit`` (S, m).
    ``sets`` (k, S) are all sets of services, each numbered by its binary digits; ``fits`` (k, m)
    whether a room holds them all. ``priced``: somebody gave costs; if not, each room has the price
    1. ``most_rooms`` beyond those given; ``budget`` inf without one; ``share`` (S,) None unless the
    least cost is sought.
    """

    parts: tuple[Part, ...]
    may: Bools
    need: Floats
    fit: Floats
    floor: Floats
    price: Floats
    usable: Bools
    given: Bools
    required: Bools
    one_of: Ints
    sets: Bools
    fits: Bools
    priced: bool
    most_rooms: int
    budget: float
    share: Floats | None
    seed: int

    @property
    def forced(self) -> Bools:
        """(m,) rooms that are open in any case."""
        return self.given | self.required

    @property
    def groups(self) -> list[Ints]:
        """Return the rooms of each group of which at most one may be open."""
        marks = np.unique(self.one_of[self.one_of >= 0])
        rows = (np.flatnonzero((self.one_of == g) & self.usable) for g in marks)
        return [r for r in rows if len(r) > 1]

    def wanted(self, s: int) -> float:
        """People of a service that rooms have to serve, beyond those served already."""
        part = self.parts[s]
        assert self.share is not None
        return float(self.share[s]) * part.total - part.already

    def slack(self, most: float) -> float:
        """Rounding within which a sum counts as keeping ``most``."""
        return ROUNDING * max(1.0, abs(most)) if np.isfinite(most) else 0.0

    def paid(self, opened: Bools, holds: Bools) -> float:
        """Return what opened rooms and the services in them cost."""
        return float(self.price[opened & ~self.given].sum() + self.fit[holds].sum())

    def covered(self, s: int, holds: Bools) -> float:
        """People of a service that are served, with those served already."""
        part = self.parts[s]
        hit = np.asarray(part.reach @ holds[s].astype(float)) > 0
        return part.already + float(part.people[hit].sum())

    def worth(self, holds: Bools) -> float:
        """Weighted people served by all services."""
        return sum(p.weight * self.covered(s, holds) for s, p in enumerate(self.parts))

    def keeps(self, opened: Bools, holds: Bools) -> bool:
        """Whether a choice keeps every rule, told from the tables of the search."""
        held = holds.T @ (1 << np.arange(len(self.parts)))
        many = int((opened & ~self.given).sum())
        good = self.fits[held, np.arange(len(self.floor))].all() and not (holds & ~opened).any()
        good = good and many <= self.most_rooms and not (opened & ~self.usable).any()
        good = good and self.paid(opened, holds) <= self.budget + self.slack(self.budget)
        good = good and all(holds[s].sum() <= p.most for s, p in enumerate(self.parts))
        good = good and all(opened[g].sum() <= 1 for g in self.groups)
        return bool(good and opened[self.forced].all() and self.meets(holds))

    def meets(self, holds: Bools) -> bool:
        """Whether every service reaches its share."""
        if self.share is None:
            return True
        goals = [(self.share[s] * p.total, p.total) for s, p in enumerate(self.parts)]
        return all(
            self.covered(s, holds) >= goal - self.slack(total)
            for s, (goal, total) in enumerate(goals)
        )


def read_rooms(
    services: Sequence[Service],
    *,
    floor: ArrayLike | float,
    room_cost: ArrayLike | float | None,
    count: int | None,
    budget: float | None,
    share: ArrayLike | float | None,
    one_of: ArrayLike | None,
    given: Sequence[int],
    required: Sequence[int],
    closed: Sequence[int],
    time_limit_s: float,
    seed: int,
) -> Rooms:
    """Check what `locate_together` was given and bring it into one form.

    Raises
    ------
    OptionError
        The input contradicts itself; all faults are named.
    """
    rows = {"given": given, "required": required, "closed": closed}
    _refuse(list(_service_faults(services)))
    _refuse(
        [
            *_means_given(services, floor, room_cost, budget),
            *_list_faults(rows, services[0].matrix.shape[1]),
            *_one_of_faults(one_of, given, required, services[0].matrix.shape[1]),
            *_goal_faults(count, budget, share, len(services), time_limit_s),
        ]
    )
    m = services[0].matrix.shape[1]
    flags = {name: _flags(listed, m) for name, listed in rows.items()}
    marks = np.full(m, -1, np.int64) if one_of is None else np.asarray(one_of, dtype=np.int64)
    floors = _spread(floor, m)
    money = np.inf if budget is None else float(budget)
    usable = _usable(flags, marks)
    need = np.array([_spread(s.need, m) for s in services])
    fit = np.array([_spread(s.fit_out, m) for s in services])
    # Without a cost of anything, rooms are counted.
    priced = room_cost is not None or bool((fit > 0).any())
    price = _spread(0.0 if room_cost is None else room_cost, m) if priced else np.ones(m)
    spare = money - float(price[flags["required"]].sum())
    entry = fit + np.where(flags["given"] | flags["required"], 0.0, price)
    allowed = np.array([_allowed(s, m) for s in services]) & usable
    may = allowed & (need <= floors * (1 + ROUNDING) + ROUNDING)
    affordable = may & (entry <= _entry_limit(spare))
    parts = [_part(s, row) for s, row in zip(services, affordable, strict=True)]
    _refuse(
        [
            *_room_faults(services, parts, allowed, may, need, floors),
            *_means_faults(count, budget, flags, usable, spare, entry, may),
        ]
    )
    may = np.array([np.asarray(p.reach.sum(axis=0)).ravel() > 0 for p in parts])
    sets, fits = _fillings(services, may, need, floors)
    return Rooms(
        parts=tuple(parts), may=may, need=need, fit=fit, floor=floors,
        price=np.where(flags["given"], 0.0, price), usable=usable, given=flags["given"],
        required=flags["required"], one_of=marks, sets=sets, fits=fits, priced=priced,
        most_rooms=m if count is None else int(count), budget=money,
        share=None if share is None else _spread(share, len(services)), seed=seed,
    )  # fmt: skip


def _means_given(
    services: Sequence[Service],
    floor: ArrayLike | float,
    room_cost: ArrayLike | float | None,
    budget: float | None,
) -> Iterator[str]:
    m = services[0].matrix.shape[1]
    yield from number_faults("floor", floor, m, infinite=True)
    if room_cost is not None:
        yield from number_faults("room_cost", room_cost, m)
    elif budget is not None and not any(np.any(s.fit_out) for s in services):
        yield "a budget needs room_cost or fit_out, what rooms and services cost"


def _entry_limit(spare: float) -> float:
    """Return what one room with one service may cost, rounding granted."""
    return spare + ROUNDING * max(1.0, abs(spare)) if np.isfinite(spare) else spare


def _usable(flags: dict[str, Bools], marks: Ints) -> Bools:
    """(m,) rooms that are not closed, and not excluded by one that is open in any case."""
    forced = flags["given"] | flags["required"]
    taken = np.unique(marks[forced & (marks >= 0)])
    return ~flags["closed"] & (~np.isin(marks, taken) | forced)


def _fillings(
    services: Sequence[Service], may: Bools, need: Floats, floor: Floats
) -> tuple[Bools, Bools]:
    """(k, S) all sets of services, and (k, m) whether a room holds each."""
    many = len(services)
    sets = (np.arange(1 << many)[:, None] >> np.arange(many) & 1).astype(bool)
    alone = np.array([s.alone for s in services])
    whole = sets.astype(float)
    finite = np.where(may, need, 0.0)
    good = (whole @ finite <= floor * (1 + ROUNDING) + ROUNDING) & (whole @ ~may < 0.5)
    mixed = (sets & alone).any(axis=1) & (sets.sum(axis=1) > 1)
    good[mixed] = False
    return sets, good


def _part(service: Service, may: Bools) -> Part:
    """Group the demands of a service that have the same rooms in reach."""
    matrix = service.matrix
    people = np.asarray(service.demand, dtype=float)
    given = np.zeros(len(people), bool) if service.given is None else np.asarray(service.given)
    kept = may[matrix.indices]
    if service.limit is not None:
        kept &= matrix.data <= service.limit
    first = np.r_[0, np.cumsum(kept)][matrix.indptr]
    rooms = matrix.indices[kept].astype(np.int64)
    numbers: dict[bytes, int] = {}
    of, kinds = np.full(len(people), -1), list[NDArray[np.int64]]()
    for i in np.flatnonzero(~given & (people > 0) & (np.diff(first) > 0)):
        row = rooms[first[i] : first[i + 1]]
        number = numbers.setdefault(row.tobytes(), len(kinds))
        if number == len(kinds):
            kinds.append(row)
        of[i] = number
    lengths = np.array([len(row) for row in kinds], dtype=np.int64)
    columns = np.concatenate(kinds) if kinds else np.zeros(0, np.int64)
    parts = (np.ones(len(columns)), columns, np.r_[0, np.cumsum(lengths)])
    return Part(
        name=service.name,
        reach=sp.csr_array(parts, shape=(len(kinds), matrix.shape[1])),
        people=np.asarray(
            np.bincount(of[of >= 0], people[of >= 0], minlength=len(kinds)), dtype=float
        ),
        already=float(people[given].sum()),
        total=float(people.sum()),
        weight=float(service.weight),
        most=matrix.shape[1] if service.most is None else int(service.most),
    )


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        more = len(faults) - _FAULTS_TOLD
        told = "; ".join(faults[:_FAULTS_TOLD]) + (f"; {more} more" if more > 0 else "")
        raise OptionError(f"Rooms cannot be chosen: {told}")


def number_faults(
    what: str, value: ArrayLike, many: int, *, infinite: bool = False
) -> Iterator[str]:
    """Tell what is wrong with one number or ``many`` numbers of 0 or more."""
    array = np.asarray(value, dtype=float)
    if array.shape not in ((), (many,)):
        yield f"{what} has {array.size} values for {many}; give one number or {many}"
    elif not (array >= 0).all() or not (infinite or np.isfinite(array).all()):
        bad = np.atleast_1d(array)
        at = int(np.flatnonzero(~(bad >= 0) | (~np.isfinite(bad) & (not infinite)))[0])
        yield f"{what} {at} is {bad[at]}; give a number of 0 or more"


def _service_faults(services: Sequence[Service]) -> Iterator[str]:
    if not services:
        yield "there is no service to place"
    if len(services) > MOST_SERVICES:
        yield f"there are {len(services)} services; at most {MOST_SERVICES} fit into one run"
    names = [s.name for s in services]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"service '{name}' is listed twice"
    rooms = {s.matrix.shape[1] for s in services}
    if len(rooms) > 1:
        told = ", ".join(f"'{s.name}' {s.matrix.shape[1]}" for s in services)
        yield f"the services do not have the same rooms ({told}); give every room to each"


def _list_faults(listed: dict[str, Sequence[int]], m: int) -> Iterator[str]:
    sets: dict[str, set[int]] = {}
    for name, rows in listed.items():
        asked = np.asarray(list(rows))
        if asked.size and (asked.ndim != 1 or asked.dtype.kind not in "iu"):
            yield f"{name} has to be a list of room numbers"
            continue
        wrong = asked[(asked < 0) | (asked >= m)]
        if len(wrong):
            yield f"{name} names room {int(wrong[0])}, but rooms are 0 to {m - 1}"
        sets[name] = set(asked.tolist())
    for one, other in (("required", "closed"), ("given", "closed"), ("given", "required")):
        both = sets.get(one, set()) & sets.get(other, set())
        if both:
            yield f"room {min(both)} is both {one} and {other}; take it out of one"


def _one_of_faults(
    one_of: ArrayLike | None, given: Sequence[int], required: Sequence[int], m: int
) -> Iterator[str]:
    if one_of is None:
        return
    marks = np.asarray(one_of)
    if marks.shape != (m,) or marks.dtype.kind not in "iu":
        yield f"one_of has to be {m} whole numbers, -1 for a room that excludes no other"
        return
    seen: dict[int, int] = {}
    for room in sorted({*given, *required}):
        mark = int(marks[room]) if 0 <= room < m else -1
        if mark >= 0 and mark in seen:
            yield f"rooms {seen[mark]} and {room} exclude each other, but both have to be open"
        seen[mark] = room


def _goal_faults(
    count: int | None,
    budget: float | None,
    share: ArrayLike | float | None,
    many: int,
    time_limit_s: float,
) -> Iterator[str]:
    if share is None and count is None and budget is None:
        yield "give count (how many rooms), budget, or share (how much to cover)"
    if share is not None and (count is not None or budget is not None):
        yield "share seeks the least cost; leave count and budget out, or leave share out"
    if share is not None:
        values = np.asarray(share, dtype=float)
        if values.shape not in ((), (many,)) or not ((values > 0) & (values <= 1)).all():
            yield f"share is {share}; give above 0 and at most 1, one or one for each service"
    if count is not None and not (_is_whole(count) and count >= 0):
        yield f"count is {count}; give a whole number of 0 or more"
    if budget is not None and not 0 <= budget < np.inf:
        yield f"budget is {budget}; give a number of 0 or more"
    if not time_limit_s > 0:
        yield f"time_limit_s is {time_limit_s}; give more than 0"


def _room_faults(
    services: Sequence[Service],
    parts: Sequence[Part],
    open_to: Bools,
    may: Bools,
    need: Floats,
    floor: Floats,
) -> Iterator[str]:
    for s, service in enumerate(services):
        if may[s].any() or parts[s].already >= parts[s].total:
            continue
        if not open_to[s].any():
            yield f"service '{service.name}' is allowed in no room that may be open"
            continue
        rows = np.flatnonzero(open_to[s])
        best = rows[np.argmin(need[s, rows] - floor[rows])]
        yield (
            f"no room is large enough for service '{service.name}': it takes {need[s, best]:g} m2 "
            f"in room {best}, which has {floor[best]:g}; leave it out or offer larger rooms"
        )


def _means_faults(
    count: int | None,
    budget: float | None,
    flags: dict[str, Bools],
    usable: Bools,
    spare: float,
    entry: Floats,
    may: Bools,
) -> Iterator[str]:
    there = int((usable & ~flags["given"]).sum())
    if count is not None and count > there:
        yield f"count is {count}, but there are {there} rooms to choose from"
    if count is not None and count < flags["required"].sum():
        yield f"count is {count}, but {flags['required'].sum()} rooms are required"
    if budget is None:
        return
    if spare < -ROUNDING * max(1.0, budget):
        yield f"the required rooms cost {budget - spare:g}, more than the budget of {budget:g}"
    elif may.any() and not (entry[may] <= spare + ROUNDING * max(1.0, spare)).any():
        s, room = np.unravel_index(int(np.argmin(np.where(may, entry, np.inf))), entry.shape)
        left = "" if spare == budget else f" (after the required rooms {spare:g})"
        yield (
            f"the budget of {budget:g}{left} is below the cheapest room with a service: room "
            f"{room} at {entry[s, room]:g}"
        )


def _spread(value: ArrayLike, many: int) -> Floats:
    return np.array(np.broadcast_to(np.asarray(value, dtype=float), (many,)))


def _allowed(service: Service, m: int) -> Bools:
    return np.ones(m, bool) if service.allowed is None else np.asarray(service.allowed, dtype=bool)


def _flags(rows: Sequence[int], m: int) -> Bools:
    out = np.zeros(m, bool)
    out[np.asarray(list(rows), dtype=np.int64)] = True
    return out


def _is_flags(flags: ArrayLike, many: int) -> bool:
    array = np.asarray(flags)
    return array.shape == (many,) and array.dtype.kind == "b"


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
