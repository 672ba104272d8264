"""Small problems for the tests of the partition, and every way of cutting them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from gis.partition.problem import Problem, read_problem

PATH_OF_4 = [(0, 1), (1, 2), (2, 3)]


def asked(links: Any, size: Any, **given: Any) -> Problem:
    """A `Problem` with what is not given left at its default."""
    usual = {
        "count": None, "low": 0, "high": np.inf, "objective": "cut-links", "link_weight": {},
        "classes": {}, "cost": None, "centre_limit": None, "same": (), "apart": (), "within": None,
        "fixed": None, "closed": (), "start": None, "time_limit_s": 9.0, "xy": None, "names": None,
        "unit_names": None,
    }  # fmt: skip
    return read_problem(np.array(links, dtype=np.int64).reshape(-1, 2), size, **(usual | given))


def grid(rows: int, columns: int) -> list[tuple[int, int]]:
    """Links of a board, row by row."""
    at = np.arange(rows * columns).reshape(rows, columns)
    across = zip(at[:, :-1].ravel(), at[:, 1:].ravel(), strict=True)
    down = zip(at[:-1].ravel(), at[1:].ravel(), strict=True)
    return [(int(a), int(b)) for a, b in [*across, *down]]


def every_labelling(n: int, *, may_leave_out: bool) -> Iterator[list[int]]:
    """All ways of labelling n units, districts numbered by their first unit, -1 left out."""

    def grow(labels: list[int]) -> Iterator[list[int]]:
        if len(labels) == n:
            yield labels
            return
        used = max(labels, default=-1)
        for label in range(-1 if may_leave_out else 0, used + 2):
            yield from grow([*labels, label])

    yield from grow([])


def connected_sets(links: Any, n: int, most: int) -> Iterator[tuple[int, ...]]:
    """Every connected set of up to ``most`` of n units."""
    near: dict[int, set[int]] = {v: set() for v in range(n)}
    for a, b in links:
        near[a].add(b)
        near[b].add(a)
    for k in range(1, most + 1):
        for members in itertools.combinations(range(n), k):
            seen, front = {members[0]}, [members[0]]
            while front:
                more = near[front.pop()] & set(members) - seen
                seen |= more
                front += more
            if len(seen) == k:
                yield members
