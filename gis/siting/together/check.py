"""The independent checker of rooms that services share. It knows nothing of the search.

It walks through rooms and people one by one, as a sceptical colleague would, from what was given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from gis.siting.together.answer import Together
    from gis.siting.together.problem import Service

_ROUNDING: Final = 1e-9


def together_faults(
    services: Sequence[Service],
    answer: Together,
    *,
    floor: Any,
    room_cost: Any = None,
    count: int | None = None,
    budget: float | None = None,
    share: Any = None,
    one_of: Any = None,
    given: Sequence[int] = (),
    required: Sequence[int] = (),
    closed: Sequence[int] = (),
) -> list[str]:
    """Return everything that is wrong with an answer, in words; empty where nothing is.

    Parameters
    ----------
    services, floor, room_cost, count, budget, share, one_of, given, required, closed
        What `gis.siting.together.locate_together` was asked.
    answer
        What it said.
    """
    rooms = [int(j) for j in answer.rooms]
    if answer.status in ("infeasible", "unknown"):
        faults = [] if answer.reason else ["no answer, and no reason either"]
        return faults + (["rooms without an answer"] if rooms or answer.holds.any() else [])
    faults = list(_room_faults(services, answer, floor, one_of, given, required, closed))
    paid, known = _paid(services, answer, room_cost)
    if count is not None and len(rooms) > count:
        faults.append(f"{len(rooms)} rooms are opened, {count} are allowed")
    if budget is not None and paid > budget + _slack(budget):
        faults.append(f"{paid:g} is paid, above the budget of {budget:g}")
    if known and not _same(paid, answer.paid):
        faults.append(f"{paid:g} is paid, not {answer.paid:g}")
    worth = 0.0
    for s, service in enumerate(services):
        covered = _covered(service, answer, s, faults)
        worth += service.weight * covered
        total = math.fsum(float(v) for v in np.atleast_1d(np.asarray(service.demand, dtype=float)))
        wanted = 0.0 if share is None else float(np.broadcast_to(share, (len(services),))[s])
        if covered < wanted * total - _slack(total):
            faults.append(f"'{service.name}' serves {covered:g}, less than {wanted:g} of {total:g}")
    objective = worth if share is None else paid if known else float(len(rooms))
    return faults + list(_value_faults(objective, answer, least=share is not None))


def _room_faults(
    services: Sequence[Service],
    answer: Together,
    floor: Any,
    one_of: Any,
    given: Sequence[int],
    required: Sequence[int],
    closed: Sequence[int],
) -> Iterator[str]:
    rooms = [int(j) for j in answer.rooms]
    opened = {*rooms, *given}
    if rooms != sorted(set(rooms)) or set(rooms) & set(given):
        yield f"rooms {rooms} are not in order, are told twice, or are given"
    for j in sorted(set(closed) & opened):
        yield f"room {j} is open although it is closed"
    for j in sorted(set(required) - opened):
        yield f"room {j} is required, but not open"
    marks: dict[int, int] = {}
    for j in sorted(opened) if one_of is not None else []:
        mark = int(one_of[j])
        if mark >= 0 and mark in marks:
            yield f"rooms {marks[mark]} and {j} exclude each other"
        marks[mark] = j
    m = answer.holds.shape[1]
    space = np.broadcast_to(np.asarray(floor, dtype=float), (m,))
    for j in range(m):
        inside = [s for s, service in enumerate(services) if answer.holds[s, j]]
        if inside and j not in opened:
            yield f"room {j} holds '{services[inside[0]].name}', but is not open"
        for s in inside:
            allowed = services[s].allowed
            if allowed is not None and not np.asarray(allowed)[j]:
                yield f"'{services[s].name}' is not allowed in room {j}"
            if services[s].alone and len(inside) > 1:
                yield f"'{services[s].name}' is not alone in room {j}"
        taken = math.fsum(_number(services[s].need, j) for s in inside)
        if inside and taken > float(space[j]) + 2 * _slack(float(space[j])):
            yield f"room {j} has {space[j]:g} m2 for {taken:g}"
    for s, service in enumerate(services):
        many = int(answer.holds[s].sum())
        if service.most is not None and many > service.most:
            yield f"'{service.name}' has {many} rooms, {service.most} are allowed"


def _paid(services: Sequence[Service], answer: Together, room_cost: Any) -> tuple[float, bool]:
    """Return what is paid, and whether anybody gave a cost at all."""
    known = room_cost is not None or any(np.any(np.asarray(s.fit_out) > 0) for s in services)
    rooms = 0.0 if room_cost is None else math.fsum(_number(room_cost, j) for j in answer.rooms)
    fitted = [
        _number(service.fit_out, j)
        for s, service in enumerate(services)
        for j in np.flatnonzero(answer.holds[s]).tolist()
    ]
    return rooms + math.fsum(fitted), known


def _covered(service: Service, answer: Together, s: int, faults: list[str]) -> float:
    """People of a service that are served; faults of who is said to be served where are added."""
    people = [float(v) for v in np.atleast_1d(np.asarray(service.demand, dtype=float))]
    walks = [math.inf] * len(people)
    limit = math.inf if service.limit is None else float(service.limit)
    columns = {
        int(j): _column(service.cost, int(j)) for j in np.flatnonzero(answer.holds[s]).tolist()
    }
    for column in columns.values():
        for i, walk in column.items():
            if walk <= limit:
                walks[i] = min(walks[i], walk)
    covered = []
    for i, many in enumerate(people):
        there = service.given is not None and bool(np.asarray(service.given)[i])
        reached = math.isfinite(walks[i])
        if there or reached:
            covered.append(many)
        if bool(answer.served[s][i]) != (there or reached):
            faults.append(f"demand {i} of '{service.name}' is told wrongly as served or not")
        room = int(answer.assignment[s][i])
        if (room >= 0) != (reached and not there):
            faults.append(f"demand {i} of '{service.name}' has room {room}")
        elif room >= 0 and columns.get(room, {}).get(i) != walks[i]:
            faults.append(f"demand {i} of '{service.name}' does not go to its nearest room")
    total = math.fsum(covered)
    if not _same(total, float(answer.covered[s])):
        faults.append(f"'{service.name}' serves {total:g}, not {answer.covered[s]:g}")
    return total


def _column(cost: Any, room: int) -> dict[int, float]:
    """Walks to one room by demand, as given."""
    if sp.issparse(cost):
        sparse: Any = cost
        entry = sparse.tocsc()[:, [room]].tocoo()
        rows, walks = entry.row.tolist(), entry.data.tolist()
    else:
        walks = np.asarray(cost, dtype=float)[:, room].tolist()
        rows = list(range(len(walks)))
    return {i: walk for i, walk in zip(rows, walks, strict=True) if math.isfinite(walk)}


def _value_faults(objective: float, answer: Together, *, least: bool) -> Iterator[str]:
    if not _same(objective, answer.objective):
        yield f"the objective is {objective:g}, not {answer.objective:g}"
    if not math.isfinite(answer.bound):
        yield f"the bound is {answer.bound}"
    beyond = answer.bound - objective if least else objective - answer.bound
    if beyond > _slack(objective):
        yield f"the objective {objective:g} is better than the bound {answer.bound:g}"
    if (answer.status == "optimal") != (answer.bound == answer.objective):
        yield f"status {answer.status} with objective {objective:g} and bound {answer.bound:g}"


def _number(values: Any, at: int) -> float:
    array = np.asarray(values, dtype=float)
    return float(array if array.ndim == 0 else array[at])


def _slack(most: float) -> float:
    return _ROUNDING * max(1.0, abs(most))


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _slack(one)
