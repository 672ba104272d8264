"""One place for each person, as far as places go: an assignment that respects capacity."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.capacity.check import check_assignment
from gis.capacity.pairs import Pairs, read_pairs
from gis.errors import CheckError, OptionError
from gis.model import Finding

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Who gets a place where.

    ``flow`` (p,) people of each pair as given; ``served`` and ``unserved`` (n,) people of each
    unit; ``used`` (m,) places taken. ``reason`` (n,) says why people are left without a place:
    "no-facility" in reach, "capacity-unknown" of all in reach, all "full"; "" where none are left,
    None where no answer was found. ``people_served`` of at most ``most_served``; ``walk_cm`` in
    all, of at least ``least_walk_cm`` for so many people. ``status`` is "optimal" (both proved) or
    "unknown" (the time ran out). ``price`` (m,) and ``worth_cm`` are the proof: centimetres that
    one place more at a facility would save, as a number of 0 or less, where a person served is
    worth ``worth_cm``.
    """

    flow: Ints
    served: Ints
    unserved: Ints
    used: Ints
    reason: NDArray[np.object_]
    people_served: int
    most_served: int
    walk_cm: int
    least_walk_cm: int
    status: str
    price: Ints
    worth_cm: int
    findings: tuple[Finding, ...]


class _Solved(NamedTuple):
    """``flow`` (q,) people of the usable pairs, ``price`` (m,); None where the time ran out."""

    flow: Ints
    price: Ints


def assign(
    demand: ArrayLike,
    supply: ArrayLike,
    origin: ArrayLike,
    target: ArrayLike,
    cm: ArrayLike,
    *,
    limit_cm: int | None = None,
    time_limit_s: float = 60.0,
) -> Assignment:
    """Give as many people as possible a place in reach, and of all such ways the least walk.

    Parameters
    ----------
    demand
        (n,) whole people; NaN: unknown, they take no place and a finding says so.
    supply
        (m,) whole places; NaN: unknown, left out and named in a finding.
    origin, target, cm
        (p,) rows of ``demand`` and ``supply`` and the walk between them in whole centimetres;
        below 0: out of reach. Each pair once.
    limit_cm
        Walks beyond it are out of reach; the limit itself counts. None: all pairs.
    time_limit_s
        Seconds, > 0.

    Raises
    ------
    LayerError
        People or places negative or not whole; the row is named.
    OptionError
        Arrays that do not fit, a pair given twice, a limit that is not positive.
    CheckError
        The answer failed its independent check.

    Notes
    -----
    A transport problem: its linear programme has whole solutions, and HiGHS gives prices that
    prove them best. A person served is worth more than any detour of others that it costs. To
    free one place at most min(n, m) people change their facility, so that min(n, m) longest walks
    are always worth it; far less nearly always is, and keeps the figures small for the solver. The
    checker says when it was not.
    """
    for name, limit in (("limit_cm", limit_cm), ("time_limit_s", time_limit_s)):
        if limit is not None and not limit > 0:
            raise OptionError(f"{name} is {limit}; give a number above 0")
    pairs = read_pairs(demand, supply, origin, target, cm, whole=True)
    near = pairs.cm >= 0
    if limit_cm is not None:
        near &= pairs.cm <= limit_cm
    people, places = pairs.demand.astype(np.int64), pairs.supply.astype(np.int64)
    usable = np.flatnonzero(near & (people[pairs.origin] > 0) & (places[pairs.target] > 0))
    unit, door, walk = pairs.origin[usable], pairs.target[usable], pairs.cm[usable]
    flow = np.zeros(len(near), dtype=np.int64)
    ends = time.monotonic() + time_limit_s
    faults: tuple[str, ...] = ()
    for worth_cm in _worths(int(walk.max(initial=0)), min(len(people), len(places))):
        solved = _solve(people, places, unit, door, walk, worth_cm, ends - time.monotonic())
        if solved is None:
            break
        flow[usable] = solved.flow
        faults = check_assignment(
            people, places, pairs.origin, pairs.target, pairs.cm, flow,
            limit_cm=limit_cm, price=solved.price, worth_cm=worth_cm,
        )  # fmt: skip
        if not faults:
            break
    else:
        raise CheckError(f"The assignment of places failed its check: {'; '.join(faults)}")
    if solved is None:
        flow[:] = 0
    served = _sums(pairs.origin, flow, len(people))
    people_served, walk_cm = int(flow.sum()), _total(flow, pairs.cm)
    return Assignment(
        flow=flow,
        served=served,
        unserved=people - served,
        used=_sums(pairs.target, flow, len(places)),
        reason=_reasons(pairs, near, people > served, found=solved is not None),
        people_served=people_served,
        most_served=people_served if solved is not None else _at_most(people, places, unit, door),
        walk_cm=walk_cm,
        least_walk_cm=walk_cm if solved is not None else 0,
        status="optimal" if solved is not None else "unknown",
        price=solved.price if solved is not None else np.zeros(len(places), dtype=np.int64),
        worth_cm=worth_cm,
        findings=pairs.findings,
    )


def _worths(longest_cm: int, chain: int) -> Iterator[int]:
    """Worths of a person served, from one that nearly always will do to one that must."""
    worth, enough = 4 * longest_cm + 1, chain * longest_cm + 1
    while worth < enough:
        yield worth
        worth *= 16
    yield enough


def _solve(
    people: Ints,
    places: Ints,
    unit: Ints,
    door: Ints,
    walk: Ints,
    worth_cm: int,
    time_limit_s: float,
) -> _Solved | None:
    q, n, m = len(unit), len(people), len(places)
    # Facilities without a place are not in the programme; a first place there may be worth a
    # person served.
    price = np.where(places == 0, -worth_cm, 0).astype(np.int64)
    if q == 0:
        return _Solved(np.zeros(0, dtype=np.int64), price)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = q, n + m
    model.col_cost_ = (walk - worth_cm).astype(float)
    model.col_lower_ = np.zeros(q)
    # A bound that the rows imply: the solver is several times faster with it, and the prices of
    # the places alone still prove the answer, as it binds only where a whole unit goes one way.
    model.col_upper_ = people[unit].astype(float)
    model.row_lower_ = np.zeros(n + m)
    model.row_upper_ = np.concatenate([people, places]).astype(float)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.arange(q + 1, dtype=np.int32) * 2
    model.a_matrix_.index_ = np.column_stack([unit, door + n]).ravel().astype(np.int32)
    model.a_matrix_.value_ = np.ones(2 * q)
    make: Any = highspy.Highs  # without types, and yet not quite unknown to mypy
    solver = make()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    # Its presolve gains nothing here, and on the way back it may lose the proof of the optimum.
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("time_limit", max(float(time_limit_s), 0.0))
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
        return None
    answer = solver.getSolution()
    dual = np.rint(np.asarray(answer.row_dual)[n:]).astype(np.int64)
    price = np.minimum(np.where(places == 0, price, dual), 0)
    return _Solved(np.rint(np.asarray(answer.col_value)).astype(np.int64), price)


def _sums(rows: Ints, flow: Ints, count: int) -> Ints:
    return np.bincount(rows, flow, minlength=count).astype(np.int64)


def _total(flow: Ints, cm: Ints) -> int:
    used = flow > 0
    return sum(a * b for a, b in zip(flow[used].tolist(), cm[used].tolist(), strict=True))


def _at_most(people: Ints, places: Ints, unit: Ints, door: Ints) -> int:
    return int(min(people[np.unique(unit)].sum(), places[np.unique(door)].sum()))


def _reasons(
    pairs: Pairs, near: NDArray[np.bool_], left: NDArray[np.bool_], *, found: bool
) -> NDArray[np.object_]:
    reason = np.full(len(left), "", dtype=object)
    if not found:
        reason[:] = None
        return reason
    some = np.isin(np.arange(len(left)), pairs.origin[near])
    known = np.isin(np.arange(len(left)), pairs.origin[near & ~pairs.unknown[pairs.target]])
    reason[left] = "full"
    reason[left & ~known] = "capacity-unknown"
    reason[left & ~some] = "no-facility"
    return reason
