"""Several services at once, which may share a room: `locate_together`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import CheckError
from gis.siting.answer import Status, gap_of, reaches
from gis.siting.together.answer import Together
from gis.siting.together.check import together_faults
from gis.siting.together.greedy import Choice, first_choice
from gis.siting.together.model import prove
from gis.siting.together.problem import Rooms, Service, read_rooms

__all__ = ["Service", "Together", "locate_together"]

_GREEDY_SHARE: Final = 0.2


def locate_together(
    services: Sequence[Service],
    *,
    floor: ArrayLike | float,
    room_cost: ArrayLike | float | None = None,
    count: int | None = None,
    budget: float | None = None,
    share: ArrayLike | float | None = None,
    one_of: ArrayLike | None = None,
    given: Sequence[int] = (),
    required: Sequence[int] = (),
    closed: Sequence[int] = (),
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> Together:
    """Choose rooms for several services together, and say how good the choice is proved to be.

    A room is opened, counted and paid once, however many services it holds; it holds as many as
    its floor has space for. A 900 m2 room may become nursery, canteen and service station.

    Parameters
    ----------
    services
        At most 12, each with its own demands; all with the same m rooms.
    floor
        m2 that each room has for services, (m,) or one number; exactly filled is allowed.
    room_cost
        What opening each room costs, (m,) or one number; None: nothing.
    count
        At most so many **rooms** are opened, the required ones among them. (Of one service:
        ``Service.most``.)
    budget
        Most that rooms and fitting out may cost together, beside or in place of ``count``.
    share
        In place of both: the share of the people of every service (or of each, one number per
        service) to be served, above 0 to 1; the least cost, or the fewest rooms, is then sought.
        Those given count as served; demands of 0 people do not matter.
    one_of
        (m,) whole numbers: of rooms with an equal number from 0 at most one is open; -1: free.
    given
        Rooms that are open already, neither counted nor paid: their ``floor`` is what is left
        free, and what they serve today is told by ``Service.given``.
    required
        Rooms that have to be opened; they may stay without a service.
    closed
        Rooms that must not be opened.
    time_limit_s
        Seconds after which the search stops with the best choice so far.
    seed
        Start of the random numbers.

    Returns
    -------
    together
        Nothing in it can be left out without somebody losing, but required rooms. Checked by
        `gis.siting.together.check`, which shares nothing with the search.

    Raises
    ------
    OptionError
        The input contradicts itself, a service fits into no room, the budget buys nothing.
    CheckError
        The answer failed the independent check: a fault of ours.

    Notes
    -----
    **Upgrading a facility instead of opening a new one** needs no model of its own. What it serves
    today is ``Service.given`` and stays so while it is rebuilt. Each way of upgrading it is a room
    of its own (a column of every ``cost``): with the floor, cost, walks and ``allowed`` that it
    has after the works. Ways that exclude each other (a small and a large extension, rebuilding,
    using the place for something else) have an equal ``one_of``. A facility with free floor, into
    which another service could move as it is, is a room ``given``. Places, as against floor, are
    the ``capacity`` of `locate`: the facility as it is and the enlarged one are two sites with an
    equal ``one_of``, the first at a ``site_cost`` of 0, under a budget or for the least cost.
    """
    deadline = time.monotonic() + time_limit_s
    asked: dict[str, Any] = {
        "floor": floor, "room_cost": room_cost, "count": count, "budget": budget, "share": share,
        "one_of": one_of, "given": given, "required": required, "closed": closed,
    }  # fmt: skip
    rooms = read_rooms(services, time_limit_s=time_limit_s, seed=seed, **asked)
    answer = _solve(services, rooms, time_limit_s, deadline)
    faults = together_faults(services, answer, **asked)
    if faults:
        raise CheckError(f"The choice of rooms failed its check: {'; '.join(faults[:3])}")
    return answer


def _solve(
    services: Sequence[Service], rooms: Rooms, time_limit_s: float, deadline: float
) -> Together:
    why_not = _impossible(rooms)
    if why_not:
        return _nothing(services, rooms, "infeasible", why_not)
    first, bound = first_choice(rooms, deadline - (1 - _GREEDY_SHARE) * time_limit_s)
    if first is not None and reaches(_objective(rooms, first), bound):
        return _told(services, rooms, first, bound)
    done = prove(rooms, first, deadline)
    if done.choice is not None:
        tighter = max if rooms.share is not None else min
        return _told(services, rooms, done.choice, tighter(bound, done.bound))
    if done.ended:
        reason = (
            "no choice of rooms gives every service its share: what fits together, what excludes "
            "each other or the most rooms of a service stand in the way; ask for a smaller share "
            "or offer more rooms"
        )
        return _nothing(services, rooms, "infeasible", reason)
    return _nothing(services, rooms, "unknown", "time ran out before any choice was found")


def _impossible(rooms: Rooms) -> str:
    """Say which service cannot reach its share wherever it goes; else ""."""
    if rooms.share is None:
        return ""
    for s, part in enumerate(rooms.parts):
        short = float(rooms.share[s]) * part.total - part.reachable
        if short > rooms.slack(part.total):
            return (
                f"service '{part.name}' can serve at most {part.reachable:g} of {part.total:g} "
                f"people ({part.reachable / part.total:.1%}) from the rooms where it fits, "
                f"{short:g} too few"
            )
    return ""


def _objective(rooms: Rooms, choice: Choice) -> float:
    if rooms.share is not None:
        return rooms.paid(choice.opened, choice.holds)
    return rooms.worth(choice.holds)


def _told(services: Sequence[Service], rooms: Rooms, choice: Choice, bound: float) -> Together:
    objective = _objective(rooms, choice)
    bound = objective if reaches(objective, bound) else bound
    nearest = [
        _nearest(service, holds) for service, holds in zip(services, choice.holds, strict=True)
    ]
    served = [
        (where >= 0) | _given(service) for service, where in zip(services, nearest, strict=True)
    ]
    return Together(
        rooms=np.flatnonzero(choice.opened & ~rooms.given),
        holds=choice.holds,
        assignment=tuple(nearest),
        served=tuple(served),
        covered=np.array([rooms.covered(s, choice.holds) for s in range(len(services))]),
        already=np.array([p.already for p in rooms.parts]),
        reachable=np.array([p.reachable for p in rooms.parts]),
        paid=rooms.paid(choice.opened, choice.holds) if rooms.priced else np.nan,
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound),
        status="optimal" if bound == objective else "feasible",
        reason=_remarks(rooms, choice),
    )


def _remarks(rooms: Rooms, choice: Choice) -> str:
    """Say which services nobody could be served with from any room."""
    idle = [
        p.name
        for s, p in enumerate(rooms.parts)
        if not rooms.may[s].any() and p.already < p.total and not choice.holds[s].any()
    ]
    return f"no room where it fits has people in reach for: {', '.join(idle)}" if idle else ""


def _nearest(service: Service, holds: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n,) the nearest room that holds the service, the lowest number of equal ones; else -1."""
    matrix = service.matrix
    n = matrix.shape[0]
    kept = holds[matrix.indices]
    if service.limit is not None:
        kept &= matrix.data <= service.limit
    row = np.repeat(np.arange(n), np.diff(matrix.indptr))[kept]
    room, walk = matrix.indices[kept].astype(np.int64), matrix.data[kept]
    order = np.lexsort((room, walk, row))
    rows, at = np.unique(row[order], return_index=True)
    out = np.full(n, -1, np.int64)
    out[rows] = room[order][at]
    out[_given(service)] = -1
    return out


def _given(service: Service) -> NDArray[np.bool_]:
    if service.given is None:
        return np.zeros(service.matrix.shape[0], bool)
    return np.asarray(service.given, dtype=bool)


def _nothing(services: Sequence[Service], rooms: Rooms, status: Status, reason: str) -> Together:
    none = np.full(len(services), np.nan)
    return Together(
        rooms=np.empty(0, np.int64),
        holds=np.zeros_like(rooms.may),
        assignment=tuple(np.full(s.matrix.shape[0], -1, np.int64) for s in services),
        served=tuple(_given(s) for s in services),
        covered=none,
        already=np.array([p.already for p in rooms.parts]),
        reachable=np.array([p.reachable for p in rooms.parts]),
        paid=np.nan,
        objective=np.nan,
        bound=np.nan,
        gap=np.nan,
        status=status,
        reason=reason,
    )
