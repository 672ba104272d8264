"""What `partition` is asked: arrays checked once, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.partition.state import OBJECTIVES

_FAULTS_TOLD = 6
ROUNDING = 1e-9
"""Share of a bound by which sums of fractions may miss it and still count as keeping it."""


@dataclass(frozen=True, eq=False)
class Problem:
    """n units, e links, m sizes with bounds, and what must and must not be together.

    ``group`` (n,) numbers the units that must stay together; ``cost`` holds the costs that are
    known, row: member, column: centre.
    """

    links: NDArray[np.int64]
    size: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    names: tuple[str, ...]
    objective: str
    count: int | None
    group: NDArray[np.int64]
    apart: NDArray[np.int64]
    cost: Any = None
    centre_limit: float | None = None
    xy: NDArray[np.float64] | None = None
    unit_names: tuple[str, ...] | None = None

    def called(self, unit: int) -> str:
        """Return what a unit is called in reasons."""
        return f"unit {unit}" if self.unit_names is None else self.unit_names[unit]

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.size.shape[0])

    @property
    def slack(self) -> NDArray[np.float64]:
        """(m,) rounding within which a sum counts as its bound; 0 for whole numbers."""
        whole = np.all(self.size == np.floor(self.size), axis=0)
        reach = np.maximum(np.where(np.isfinite(self.high), np.abs(self.high), 0), self.low)
        return np.where(whole, 0.0, ROUNDING * np.maximum(reach, 1.0))


def read_problem(
    links: ArrayLike,
    size: ArrayLike,
    *,
    count: int | None,
    low: ArrayLike,
    high: ArrayLike,
    objective: str,
    cost: Any,
    centre_limit: float | None,
    same: Iterable[Sequence[int]],
    apart: Iterable[Sequence[int]],
    time_limit_s: float,
    xy: ArrayLike | None,
    names: Sequence[str] | None,
    unit_names: Sequence[str] | None,
) -> Problem:
    """Check everything that `partition` was given.

    Raises
    ------
    OptionError
        With all faults in one line.
    """
    sizes = np.asarray(size, dtype=float)
    sizes = sizes[:, None] if sizes.ndim == 1 else sizes
    if sizes.ndim != 2 or sizes.shape[1] == 0:
        raise OptionError(f"size has the shape {sizes.shape}; give (n,) or (n, m)")
    n, m = sizes.shape
    faults: list[str] = []
    lows, highs = _bounds(low, high, m, faults)
    labels = tuple(names) if names is not None else _size_names(m)
    _check_sizes(sizes, labels, faults)
    pairs = _links(links, n, faults)
    if objective not in OBJECTIVES:
        faults.append(f"there is no objective '{objective}'; give one of {', '.join(OBJECTIVES)}")
    if count is not None and (int(count) != count or count < 1):
        faults.append(f"count is {count}; give a whole number of 1 or more")
    if not time_limit_s > 0:
        faults.append(f"time_limit_s is {time_limit_s:g}; give more than 0")
    matrix = _cost(cost, n, objective, centre_limit, faults)
    group = _groups(same, n, faults)
    split = _apart(apart, n, group, faults)
    place = None if xy is None else np.asarray(xy, dtype=float)
    if place is not None and (place.shape != (n, 2) or not np.isfinite(place).all()):
        faults.append(f"xy has the shape {place.shape} or holds NaN; give finite ({n}, 2)")
    if unit_names is not None and len(unit_names) != n:
        faults.append(f"there are {len(unit_names)} unit_names for {n} units")
    if faults:
        more = len(faults) - _FAULTS_TOLD
        told = "; ".join(faults[:_FAULTS_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise OptionError(f"These districts cannot be sought: {told}")
    return Problem(
        pairs, sizes, lows, highs, labels, objective, None if count is None else int(count),
        group, split, matrix, centre_limit, place,
        None if unit_names is None else tuple(unit_names),
    )  # fmt: skip


def _size_names(m: int) -> tuple[str, ...]:
    return ("size",) if m == 1 else tuple(f"size {j}" for j in range(m))


def _bounds(
    low: ArrayLike, high: ArrayLike, m: int, faults: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    out = []
    for word, given in (("low", low), ("high", high)):
        values = np.asarray(given, dtype=float)
        if values.ndim > 1 or values.size not in (1, m):
            faults.append(f"{word} has {values.size} numbers for {m} sizes")
            values = np.zeros(1)
        out.append(np.broadcast_to(values.reshape(-1), (m,)).copy())
    lows, highs = out
    if np.isnan(lows).any() or np.isnan(highs).any():
        faults.append("low or high is NaN; give numbers")
    elif (lows < 0).any() or np.isinf(lows).any():
        faults.append(f"low is {lows.min():g} to {lows.max():g}; give finite numbers of 0 or more")
    elif (lows > highs).any():
        j = int((lows > highs).argmax())
        faults.append(f"low {lows[j]:g} is above high {highs[j]:g}; give low <= high")
    return lows, highs


def _check_sizes(sizes: NDArray[np.float64], names: tuple[str, ...], faults: list[str]) -> None:
    if len(names) != sizes.shape[1]:
        faults.append(f"there are {len(names)} names for {sizes.shape[1]} sizes")
        return
    for j, name in enumerate(names):
        column = sizes[:, j]
        unknown = np.isnan(column)
        if len(column) and unknown.all():
            faults.append(f"{name} is unknown (NaN) for all {len(column)} units")
        elif unknown.any():
            faults.append(
                f"{name} is unknown (NaN) for {int(unknown.sum())} units, first unit "
                f"{int(unknown.argmax())}; leave them out or fill them in"
            )
        wrong = (column < 0) | np.isinf(column)
        if wrong.any():
            i = int(wrong.argmax())
            faults.append(f"{name} of unit {i} is {column[i]:g}; give finite numbers of 0 or more")


def _links(links: ArrayLike, n: int, faults: list[str]) -> NDArray[np.int64]:
    """Return the links sorted, each once, without those from a unit to itself."""
    given = np.asarray(links)
    if given.size == 0:
        return np.empty((0, 2), np.int64)
    if given.ndim != 2 or given.shape[1] != 2 or not np.issubdtype(given.dtype, np.integer):
        faults.append(
            f"links have the shape {given.shape} and hold {given.dtype}; give whole (e, 2)"
        )
        return np.empty((0, 2), np.int64)
    outside = (given < 0) | (given >= n)
    if outside.any():
        row = int(outside.any(axis=1).argmax())
        faults.append(
            f"link {row} joins {int(given[row, 0])} and {int(given[row, 1])}, but the units are "
            f"0 to {n - 1}"
        )
        return np.empty((0, 2), np.int64)
    pairs = np.sort(given.astype(np.int64), axis=1)
    return np.asarray(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0).reshape(-1, 2))


def _cost(cost: Any, n: int, objective: str, centre_limit: float | None, faults: list[str]) -> Any:
    """Return the costs as sorted CSR in which what is not stored has no way."""
    needs = [w for w, is_so in (("objective compact", objective == "compact"),
                                ("centre_limit", centre_limit is not None)) if is_so]  # fmt: skip
    if centre_limit is not None and not centre_limit >= 0:
        faults.append(f"centre_limit is {centre_limit:g}; give 0 or more")
    if cost is None:
        if needs:
            faults.append(f"{' and '.join(needs)} need cost (n, n); give the walked costs")
        return None
    if not needs:
        return None
    if cost.shape != (n, n) if hasattr(cost, "shape") else np.shape(cost) != (n, n):
        faults.append(f"cost has the shape {np.shape(cost)}; give ({n}, {n})")
        return None
    matrix = _known_costs(cost, n)
    if (matrix.data < 0).any():
        faults.append(f"cost is {matrix.data.min():g} somewhere; give 0 or more")
    return matrix


def _known_costs(cost: Any, n: int) -> Any:
    if hasattr(cost, "tocoo"):
        coo = cost.tocoo()
        row, column, value = coo.row, coo.col, np.asarray(coo.data, dtype=float)
        stored = row == column
        here = np.setdiff1d(np.arange(n), row[stored])
        row, column = np.r_[row, here], np.r_[column, here]
        value = np.r_[value, np.zeros(len(here))]
    else:
        dense = np.asarray(cost, dtype=float)
        row, column = (a.ravel() for a in np.indices((n, n)))
        value = dense.ravel()
    known = np.isfinite(value)
    row, column, value = row[known], column[known], value[known]
    order = np.lexsort((column, row))
    ptr = np.r_[0, np.cumsum(np.bincount(row, minlength=n))]
    return sp.csr_array((value[order], column[order], ptr), shape=(n, n))


def _members(
    groups: Iterable[Sequence[int]], word: str, n: int, faults: list[str]
) -> list[list[int]]:
    out = []
    for place, given in enumerate(groups):
        members = [int(v) for v in given]
        if any(v < 0 or v >= n for v in members):
            faults.append(f"{word}[{place}] is {tuple(members)}, but the units are 0 to {n - 1}")
        else:
            out.append(members)
    return out


def _groups(same: Iterable[Sequence[int]], n: int, faults: list[str]) -> NDArray[np.int64]:
    pairs = [(g[0], v) for g in _members(same, "same", n, faults) for v in g[1:]]
    rows = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = sp.coo_array((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), shape=(n, n))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    return np.asarray(label, dtype=np.int64)


def _apart(
    apart: Iterable[Sequence[int]], n: int, group: NDArray[np.int64], faults: list[str]
) -> NDArray[np.int64]:
    pairs = []
    for members in _members(apart, "apart", n, faults):
        for i, a in enumerate(members):
            for b in members[i + 1 :]:
                if a == b:
                    faults.append(f"unit {a} is to be apart from itself")
                elif group[a] == group[b]:
                    faults.append(f"units {a} and {b} are to be both together and apart")
                else:
                    pairs.append((min(a, b), max(a, b)))
    return np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), axis=0).reshape(-1, 2)
