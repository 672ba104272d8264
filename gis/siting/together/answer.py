"""The answer of `locate_together`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.siting.answer import Status


@dataclass(frozen=True, eq=False)
class Together:
    """Which rooms to open, what to put into each, and how good that is proved to be.

    ``rooms`` (k,) int64: rooms opened, ascending: with those required, without those given.
    ``holds`` (S, m) bool: which service is fitted into which room, given rooms too.
    ``assignment``: for each service (n,) the nearest room with it, -1 where none is in reach or
    the demand is given. ``served``: for each service (n,) bool, by a room or given. ``covered``,
    ``already``, ``reachable`` (S,): people served, those of them that are given, and those that
    are given or could be served by some room. ``paid``: rooms and fitting out, NaN where nobody
    gave costs. ``objective``: with count or budget the weighted people served by all services,
    those given too; with share the cost, or the number of rooms where nobody gave costs; NaN
    without an answer. ``bound``, ``gap``, ``status``, ``reason`` and ``violations`` as in `Siting`.
    """

    rooms: NDArray[np.int64]
    holds: NDArray[np.bool_]
    assignment: tuple[NDArray[np.int64], ...]
    served: tuple[NDArray[np.bool_], ...]
    covered: NDArray[np.float64]
    already: NDArray[np.float64]
    reachable: NDArray[np.float64]
    paid: float
    objective: float
    bound: float
    gap: float
    status: Status
    reason: str = ""
    violations: int = 0
