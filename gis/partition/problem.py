"""What `partition` is asked: arrays checked once, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.partition.aims import COMPACT_TO, Aims, read_aims
from gis.partition.locks import Locks, connected_pairs, read_locks, whole_numbers
from gis.partition.state import BALANCE, COMPACT, CUT, MIXED

_FAULTS_TOLD = 6
ROUNDING = 1e-9
"""Share of a bound by which sums of fractions may miss it and still count as keeping it."""


@dataclass(frozen=True, eq=False)
class Problem:
    """n units, e links, m sizes with bounds, what must and must not be together, and the aims.

    ``links`` hold no link between classes of ``within``: it is no way to hang together. ``lost``
    (l, 2) are those, and ``lost_cost`` (l,) what cutting them costs. ``cost`` holds the costs that
    are known, row: member, column: centre. ``mean`` is what balance is measured by when the count
    is given.
    """

    links: NDArray[np.int64]
    size: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    names: tuple[str, ...]
    count: int | None
    locks: Locks
    aims: Aims
    lost: NDArray[np.int64]
    lost_cost: NDArray[np.float64]
    cost: Any = None
    centre_limit: float | None = None
    xy: NDArray[np.float64] | None = None
    unit_names: tuple[str, ...] | None = None
    start: NDArray[np.int64] | None = None
    mean: float | None = None

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
        # Of the lower bound: a part of a large upper one would be more than rounding there.
        return np.where(whole, 0.0, ROUNDING * np.maximum(self.low, 1.0))

    @property
    def kind(self) -> int:
        """What the aims come to: links alone (CUT), BALANCE or COMPACT alone, or MIXED."""
        aims = self.aims
        asked = [
            kind
            for kind, is_so in (
                (CUT, bool((aims.link_cost > 0).any())), (BALANCE, aims.balance > 0),
                (COMPACT, aims.compact > 0), (MIXED, aims.spread > 0), (MIXED, bool(aims.splits)),
            )
            if is_so
        ]  # fmt: skip
        return CUT if not asked else asked[0] if len(asked) == 1 else MIXED

    @property
    def group(self) -> NDArray[np.int64]:
        """(n,) number of the units that must share a district."""
        return self.locks.group

    @property
    def lock(self) -> NDArray[np.int64]:
        """(n,) number of the locked district of each unit, -1 free."""
        return self.locks.lock

    @property
    def apart(self) -> NDArray[np.int64]:
        """(p, 2) pairs that must not share a district, without those of different locks."""
        return self.locks.apart

    @property
    def link_cost(self) -> NDArray[np.float64]:
        """(e,) what it costs to cut each link."""
        return self.aims.link_cost

    @property
    def balance_weight(self) -> float:
        """Factor of the largest |size/mean - 1|."""
        return self.aims.balance

    @property
    def compact_weight(self) -> float:
        """Factor of size x cost to the centre."""
        return self.aims.compact

    @property
    def spread_weight(self) -> float:
        """Factor of the squared distances to the mean of the district."""
        return self.aims.spread

    @property
    def split_classes(self) -> tuple[tuple[float, NDArray[np.int64]], ...]:
        """Factor and (n,) classes of each column whose splits count."""
        return self.aims.splits

    def apart_pairs(self) -> NDArray[np.int64]:
        """(q, 2) pairs that must not share a district, one unit standing for each lock."""
        _, first = np.unique(self.lock[self.lock >= 0], return_index=True)
        stand = np.flatnonzero(self.lock >= 0)[first]
        a, b = np.triu_indices(len(stand), 1)
        pairs = np.sort(np.column_stack([stand[a], stand[b]]), axis=1)
        return np.unique(np.r_[self.apart, pairs], axis=0).reshape(-1, 2)

    def without_closed(self) -> tuple[Problem, NDArray[np.int64]]:
        """Return the problem of the units that are in no closed district, and which they are."""
        closed = self.locks.closed
        kept = np.flatnonzero(~closed)
        if len(kept) == self.units:
            return self, kept
        new = np.cumsum(~closed) - 1
        inside = (~closed)[self.links].all(axis=1)
        total = float(self.size[:, 0].sum())
        closed_districts = len(np.unique(self.lock[closed]))
        aims = replace(
            self.aims, link_cost=self.aims.link_cost[inside],
            splits=tuple((factor, values[kept]) for factor, values in self.aims.splits),
        )  # fmt: skip
        apart = self.apart[(~closed)[self.apart].all(axis=1)]
        locks = Locks(
            self.group[kept], self.lock[kept], closed[kept], new[apart], self.locks.within[kept]
        )
        return replace(
            self, links=new[self.links[inside]], size=self.size[kept], locks=locks, aims=aims,
            count=None if self.count is None else self.count - closed_districts,
            lost=self.lost[:0], lost_cost=self.lost_cost[:0],
            cost=None if self.cost is None else sp.csr_array(self.cost)[kept][:, kept],
            xy=None if self.xy is None else self.xy[kept],
            unit_names=tuple(self.called(int(u)) for u in kept),
            start=None if self.start is None else self.start[kept],
            mean=None if self.count is None else total / self.count,
        ), kept  # fmt: skip


def read_problem(
    links: ArrayLike,
    size: ArrayLike,
    *,
    count: int | None,
    low: ArrayLike,
    high: ArrayLike,
    objective: str | Mapping[str, float],
    link_weight: Mapping[str, ArrayLike],
    classes: Mapping[str, ArrayLike],
    cost: Any,
    centre_limit: float | None,
    same: Iterable[Sequence[int]],
    apart: Iterable[Sequence[int]],
    within: ArrayLike | None,
    fixed: ArrayLike | None,
    closed: Sequence[int],
    start: ArrayLike | None,
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
    lows, highs = _whole_bounds(sizes, lows, highs)
    given, pairs = _links(links, n, faults)
    _check_numbers(count, time_limit_s, faults)
    place = _places(xy, n, faults)
    asked = (objective,) if isinstance(objective, str) else tuple(objective)
    matrix = _cost(cost, n, COMPACT_TO in asked, centre_limit, faults)
    aims = read_aims(
        objective, links=pairs, given_links=given, link_weight=link_weight, classes=classes,
        first_size=sizes[:, 0], cost=matrix, xy=place, faults=faults,
    )  # fmt: skip
    locks = read_locks(
        n, same=same, apart=apart, within=within, fixed=fixed, closed=closed, faults=faults
    )
    begin = None if start is None else whole_numbers(start, "start", n, faults)
    if unit_names is not None and len(unit_names) != n:
        faults.append(f"there are {len(unit_names)} unit_names for {n} units")
    inside = locks.within[pairs[:, 0]] == locks.within[pairs[:, 1]]
    problem = Problem(
        pairs[inside], sizes, lows, highs, labels, None if count is None else int(count),
        locks, replace(aims, link_cost=aims.link_cost[inside]), pairs[~inside],
        aims.link_cost[~inside], matrix if aims.compact or centre_limit is not None else None,
        centre_limit, place, None if unit_names is None else tuple(unit_names), begin,
        None if count is None or count < 1 else float(sizes[:, 0].sum()) / int(count),
    )  # fmt: skip
    if not faults:
        _check_closed(problem, faults)
    _refuse(faults)
    return problem


def _refuse(faults: list[str]) -> None:
    if faults:
        more = len(faults) - _FAULTS_TOLD
        told = "; ".join(faults[:_FAULTS_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise OptionError(f"These districts cannot be sought: {told}")


def _check_numbers(count: int | None, time_limit_s: float, faults: list[str]) -> None:
    if count is not None and (int(count) != count or count < 1):
        faults.append(f"count is {count}; give a whole number of 1 or more")
    if not time_limit_s > 0:
        faults.append(f"time_limit_s is {time_limit_s:g}; give more than 0")


def _check_closed(problem: Problem, faults: list[str]) -> None:
    """A closed district stays as it is, so it has to keep every bound already."""
    lock, closed = problem.lock, problem.locks.closed
    numbers = np.unique(lock[closed])
    if problem.count is not None:
        locked = len(np.unique(lock[lock >= 0]))
        if locked > problem.count:
            faults.append(f"fixed holds {locked} districts, but count is {problem.count}")
    inside = closed[problem.links].all(axis=1)
    inside &= lock[problem.links[:, 0]] == lock[problem.links[:, 1]]
    part = connected_pairs(problem.links[inside], problem.units)
    for number in numbers:
        members = np.flatnonzero(lock == number)
        off = members[part[members] != part[members[0]]]
        if len(off):
            faults.append(
                f"closed district {number} is not connected: {problem.called(int(off[0]))} is cut "
                f"off from {problem.called(int(members[0]))}"
            )
        total = problem.size[members].sum(axis=0)
        for j, name in enumerate(problem.names):
            if total[j] < problem.low[j] - problem.slack[j]:
                faults.append(f"closed district {number} has {name} {total[j]:,.10g}, below the "
                              f"lower bound {problem.low[j]:,.10g}")  # fmt: skip
            elif total[j] > problem.high[j] + problem.slack[j]:
                faults.append(f"closed district {number} has {name} {total[j]:,.10g}, above the "
                              f"upper bound {problem.high[j]:,.10g}")  # fmt: skip
        if problem.cost is not None:
            limit = problem.centre_limit
            among = sp.csr_array(problem.cost)[members][:, members].tocoo()
            near = among.col[among.data <= (np.inf if limit is None else limit * (1 + 1e-12))]
            if np.bincount(near, minlength=len(members)).max() < len(members):
                words = "to which all its units have a way" if limit is None else (
                    f"within {limit:,.10g} of all its units"
                )  # fmt: skip
                faults.append(f"closed district {number} has no centre {words}")


def _places(xy: ArrayLike | None, n: int, faults: list[str]) -> NDArray[np.float64] | None:
    place = None if xy is None else np.asarray(xy, dtype=float)
    if place is not None and (place.shape != (n, 2) or not np.isfinite(place).all()):
        faults.append(f"xy has the shape {place.shape} or holds NaN; give finite ({n}, 2)")
        return None
    return place


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


def _whole_bounds(
    sizes: NDArray[np.float64], lows: NDArray[np.float64], highs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of whole numbers keep a broken bound when they keep the next whole one."""
    whole = np.all(sizes == np.floor(sizes), axis=0)
    return np.where(whole, np.ceil(lows), lows), np.where(whole, np.floor(highs), highs)


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


def _links(
    links: ArrayLike, n: int, faults: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the links as given, and sorted, each once, without those from a unit to itself."""
    given = np.asarray(links)
    nothing = np.empty((0, 2), np.int64)
    if given.size == 0:
        return nothing, nothing
    if given.ndim != 2 or given.shape[1] != 2 or not np.issubdtype(given.dtype, np.integer):
        faults.append(
            f"links have the shape {given.shape} and hold {given.dtype}; give whole (e, 2)"
        )
        return nothing, nothing
    outside = (given < 0) | (given >= n)
    if outside.any():
        row = int(outside.any(axis=1).argmax())
        faults.append(
            f"link {row} joins {int(given[row, 0])} and {int(given[row, 1])}, but the units are "
            f"0 to {n - 1}"
        )
        return nothing, nothing
    pairs = np.sort(given.astype(np.int64), axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    key = np.unique(pairs[:, 0] * n + pairs[:, 1])
    return given.astype(np.int64), np.column_stack([key // n, key % n])


def _cost(cost: Any, n: int, compact: bool, centre_limit: float | None, faults: list[str]) -> Any:
    """Return the costs as sorted CSR in which what is not stored has no way."""
    needs = [w for w, is_so in (("objective compact", compact),
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
