"""What no plan can go below: lower bounds that hold whatever the search has found.

Every objective but balance is a sum over districts (a cut link is paid half by either side). So a
plan costs at least the sum of prices of its units, whenever no set of units that could be a
district is priced above its cost (the dual of set partitioning). `gis.partition.sets` meets all
such sets; whatever prices one starts from, each is then scaled by the least cost / price of the
sets that hold its unit, which makes them valid. Good prices come from a linear programme over the
sets met so far. Prices that are not in balance cost tightness, never truth.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.partition.aims import score
from gis.partition.contract import Blocks
from gis.partition.problem import Problem
from gis.partition.reduce import Reduced, count_range, sums
from gis.partition.sets import MOST_MEMBERS, Ask, Field, Found, Walk, make_field, make_walk, sweep

_STEPS_PER_ROOT: Final = 1_000_000
_ROOTS_AT_ONCE: Final = 16
_SAMPLE: Final = 48
# How much dearer than in the plan found units may be at first, and what share of the time that is
# worth; then how much more in each step, if there is time for so many, and at most.
_FIRST_DENSE: Final = (1.25, 1.1, 1.0, 0.9, 0.75, 0.5)
_FIRST_SHARE: Final = 0.5
_MORE_DENSE: Final = ((20.0, 1.3), (6.0, 1.15))
_MOST_DENSE: Final = 6.0
_CAPPED, _CHEAP, _DEARER = 0.3, 3.0, 1.25
_ROUNDS: Final = 60
_MOST_ROWS: Final = 3000
_SMOOTH: Final = 0.5
_PATIENCE: Final = 1.5
_WORTH_IT: Final = 2e-3
_ROUNDING: Final = 1e-9

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def lower_bound(
    problem: Problem,
    reduced: Reduced,
    all_placed: bool,
    deadline: float,
    *,
    label: NDArray[np.int64] | None = None,
) -> float:
    """Return what no plan that leaves out no more than the one found can go below.

    Parameters
    ----------
    problem, reduced
        The problem, and what of it can be placed at all.
    all_placed
        Whether the plan found places all units of ``reduced.component >= 0``. If not, bounds
        hold for plans that leave out at most as much of the first size as ``label`` does.
    deadline
        Second of `time.monotonic` at which to stop with what is proved by then.
    label
        (n,) districts of the plan found; without it, only what follows from sums is told.

    Returns
    -------
    A number in the units of `gis.partition.aims.score`; 0 is always true.
    """
    alive = reduced.component >= 0
    if not alive.any() or (label is None and not all_placed):
        return 0.0
    alone = _balance(problem, all_placed)
    best = _from_sums(problem, reduced) if all_placed else 0.0
    if _additive(problem) and label is not None and (alive & (label >= 0)).any():
        lost = None if all_placed else float(problem.size[alive & (label < 0), 0].sum())
        value = max(score(problem, np.where(alive, label, -1)) - alone, best)
        priced = price_sets(problem, alive, deadline, value=value, lost=lost, enough=value)
        best = max(best, priced.bound if priced is not None else 0.0)
    return alone + _rounded_up(problem, best)


def _additive(problem: Problem) -> bool:
    """Whether anything but balance is asked for."""
    paid = problem.compact_weight > 0 or problem.spread_weight > 0 or problem.split_classes
    return bool(paid or (problem.link_cost > 0).any())


def _rounded_up(problem: Problem, bound: float) -> float:
    """Links that all cost the same are cut in whole numbers."""
    cost = problem.link_cost
    others = problem.compact_weight or problem.spread_weight or problem.split_classes
    if others or not len(cost) or cost.min() != cost.max() or cost[0] <= 0:
        return bound
    return float(np.ceil(bound / cost[0] - 1e-6) * cost[0])


# --- bounds by sums


def _balance(problem: Problem, all_placed: bool) -> float:
    """A size in whole numbers cannot be nearer to a broken mean; the largest unit is somewhere."""
    if problem.count is None or not all_placed or not problem.balance_weight > 0:
        return 0.0
    size = problem.size[:, 0]
    mean = problem.mean if problem.mean is not None else float(size.sum()) / problem.count
    if mean <= 0:
        return 0.0
    bound = max(0.0, float(size.max(initial=0.0)) / mean - 1)
    total = float(size.sum())
    if np.all(size == np.floor(size)) and np.isclose(total, mean * problem.count, rtol=1e-12):
        share, rest = divmod(total, problem.count)
        if rest:
            bound = max(bound, (share + 1) / mean - 1, 1 - share / mean)
    return problem.balance_weight * bound * (1 - _ROUNDING)


def _from_sums(problem: Problem, reduced: Reduced) -> float:
    return (
        _fewest_cuts(problem, reduced)
        + _nearest(problem, reduced)
        + _fewest_splits(problem, reduced)
    ) * (1 - _ROUNDING)


def _fewest_cuts(problem: Problem, reduced: Reduced) -> float:
    """A connected part cut into k districts cuts k - 1 links or more."""
    of = reduced.component[problem.links]
    inside = (of >= 0).all(axis=1)
    reach = count_range(problem, reduced)
    cost, part = problem.link_cost[inside], of[inside, 0]
    order = np.lexsort((cost, part))
    rank = np.arange(len(order)) - np.searchsorted(part[order], part[order])
    needed = float(cost[order][rank < reach[part[order], 0] - 1].sum())
    if problem.count is not None:
        most = max(0, problem.count - reduced.components)
        needed = max(needed, float(np.sort(cost)[:most].sum()))
    return needed


def _nearest(problem: Problem, reduced: Reduced) -> float:
    """All but the centres pay at least the way to the nearest other unit."""
    if not problem.compact_weight > 0 or problem.cost is None:
        return 0.0
    alive = reduced.component >= 0
    coo = problem.cost.tocoo()
    kept = (coo.row != coo.col) & alive[coo.row] & alive[coo.col]
    nearest = np.full(problem.units, np.inf)
    np.minimum.at(nearest, coo.row[kept], coo.data[kept])
    nearest = np.where(np.isfinite(nearest), nearest, 0.0)[alive]
    most = int(count_range(problem, reduced)[:, 1].sum())
    centres = problem.count if problem.count is not None else most
    paid = np.sort(nearest * problem.size[alive, 0])[::-1]
    return problem.compact_weight * float(paid[centres:].sum())


def _fewest_splits(problem: Problem, reduced: Reduced) -> float:
    """A class whose units are more than one district holds is split."""
    out = 0.0
    for weight, of_unit in problem.split_classes:
        known = (reduced.component >= 0) & (of_unit >= 0)
        _, number = np.unique(of_unit[known], return_inverse=True)
        where = np.column_stack([number, reduced.component[known]])
        pairs, row = np.unique(where, axis=0, return_inverse=True)
        total = sums(problem.size[known], row.ravel(), len(pairs))
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.nan_to_num(np.ceil((total - problem.slack) / problem.high - 1e-12))
        needed = np.maximum(least.max(axis=1, initial=1), 1)
        out += weight * float(needed.sum() - len(np.unique(number)))
    return out


# --- bounds by all sets


@dataclass(frozen=True, eq=False)
class Priced:
    """Valid prices: no possible district is priced above its cost + ``extra``.

    ``bound`` is what follows from them; ``price`` (u,) of the ``blocks``, none above ``dense``
    times the first size. A plan costs the sum over its districts less ``constant``.
    """

    bound: float
    price: Floats
    extra: float
    dense: float
    constant: float
    field: Field
    blocks: Blocks


def price_sets(
    problem: Problem,
    part: NDArray[np.bool_],
    deadline: float,
    *,
    value: float,
    lost: float | None = None,
    enough: float = np.inf,
) -> Priced | None:
    """Return the best prices found; None when there is no time for any.

    Parameters
    ----------
    problem, part, deadline
        As for `lower_bound`; ``part`` (n,) are the units that count.
    value
        What a plan costs (about is enough): prices per size begin near it.
    lost
        How much of the first size plans under comparison may leave out of ``part``; None: they
        leave out nothing, not even units without size.
    enough
        A bound at which there is no need to go on.
    """
    field, blocks = make_field(problem, part)
    bill = _Bill(problem, field, part, lost)
    walk, size = make_walk(field), field.size[:, 0]
    total = float(size.sum())
    best: Priced | None = None
    if not (total > 0 and value > 0):
        return None
    usual = (value + bill.constant) / total
    dense = usual * _first_dense(field, walk, usual, deadline)
    price, extra = size * dense, 0.0
    master: _Master | None = None
    for _ in range(_ROUNDS):
        begun = time.monotonic()
        found = _all_sets(field, walk, Ask(price, extra, -1.0, dense), deadline)
        scaled = _valid_prices(field, price, found)
        bound = bill.bound(scaled, extra)
        gained = best is None or bound > best.bound + _WORTH_IT * abs(best.bound)
        if best is None or bound > best.bound:
            best = Priced(bound, scaled, extra, dense, bill.constant, field, blocks)
        turns = (deadline - time.monotonic()) / max(_took(begun), 1e-6)
        if turns < _PATIENCE or best.bound >= enough or dense > _MOST_DENSE * usual:
            break
        more = next((step for least, step in _MORE_DENSE if turns >= least), 1.0)
        if master is None and (found.ratio >= 1.0).mean() > _CAPPED and turns >= _CHEAP:
            # Most units could be dearer still: while prices go by size, that is cheap to try.
            dense *= _DEARER
            price = size * dense
            continue
        if master is None:
            dense *= more
            master = _Master(field, problem.count, dense)
        elif not gained:
            dense *= more
            master.allow(dense)
        master.learn(found, price)
        wanted, extra_wanted = master.prices(deadline)
        price = best.price + _SMOOTH * (wanted - best.price)
        extra = best.extra + _SMOOTH * (extra_wanted - best.extra)
    return best


def _first_dense(field: Field, walk: Walk, usual: float, deadline: float) -> float:
    """Return how dear units may be at first, tried on some roots: dearer is tighter but slower."""
    u = len(field.size)
    some = np.unique(np.linspace(0, u - 1, min(u, _SAMPLE)).astype(np.int64))
    found = _nothing_found(u)
    sweep(field, walk, Ask(field.size[:, 0] * usual, 0.0, -1.0, usual), found, 0, 0, 1)
    for share in _FIRST_DENSE:
        ask = Ask(field.size[:, 0] * usual * share, 0.0, -1.0, usual * share)
        begun = time.monotonic()
        for root in some:
            sweep(field, walk, ask, found, int(root), int(root) + 1, _STEPS_PER_ROOT)
            if time.monotonic() > deadline:
                return _FIRST_DENSE[-1]
        if _took(begun) * u / len(some) < _FIRST_SHARE * (deadline - time.monotonic()):
            return share
    return _FIRST_DENSE[-1]


def _took(begun: float) -> float:
    return time.monotonic() - begun


@dataclass(frozen=True, eq=False)
class _Bill:
    """From prices to a bound."""

    problem: Problem
    field: Field
    part: NDArray[np.bool_]
    lost: float | None

    @property
    def constant(self) -> float:
        """Districts pay for every class that they hold, plans only from the second on."""
        return float(sum(
            weight * len(np.unique(held[self.part & (held >= 0)]))
            for weight, held in self.problem.split_classes
        ))  # fmt: skip

    def bound(self, price: Floats, extra: float) -> float:
        """Return what follows from valid prices."""
        paid, back = float(price.sum()), extra * (self.problem.count or 0) + self.constant
        return paid - back - _refund(self.field, price, self.lost) - _ROUNDING * (paid + back)


def _nothing_found(u: int) -> Found:
    return Found(
        np.ones(u), np.zeros(u), np.zeros((u, min(u, MOST_MEMBERS) + 1), np.int64),
        np.zeros(u, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip


def _all_sets(field: Field, walk: Walk, ask: Ask, deadline: float) -> Found:
    """Meet all sets; when the time runs out, the roots that are left are marked as open."""
    u = len(field.size)
    found = _nothing_found(u)
    for root in range(0, u, _ROOTS_AT_ONCE):
        if time.monotonic() > deadline:
            found.open[root:] = 1
            break
        sweep(field, walk, ask, found, root, min(u, root + _ROOTS_AT_ONCE), _STEPS_PER_ROOT)
    return found


def _valid_prices(field: Field, price: Floats, found: Found) -> Floats:
    """Scale prices until no set is above its cost; 0 where not all sets were met."""
    scaled = price * found.ratio
    roots = np.flatnonzero(found.open)
    if len(roots):
        scaled[_in_reach(field, roots)] = 0.0
    return scaled


def _in_reach(field: Field, roots: Ints) -> NDArray[np.bool_]:
    """(u,) blocks that a set with one of these lowest blocks may hold, by their first size."""
    u = len(field.size)
    start = np.repeat(np.arange(u), np.diff(field.ptr))
    later = (start >= roots[0]) & (field.adj >= roots[0])
    row, column = start[later], field.adj[later]
    graph = sp.csr_array((field.size[column, 0] + 1e-9, (row, column)), shape=(u, u))
    limit = float(field.bound[1, 0]) * (1 + 1e-6) + 1e-6
    near = sp.csgraph.dijkstra(graph, indices=roots, limit=limit, min_only=True)
    return np.asarray(np.isfinite(near))


def _refund(field: Field, price: Floats, lost: float | None) -> float:
    """Return the most that plans can save by leaving out ``lost`` of the first size.

    Their links are not cut any more, their prices not paid.
    """
    if lost is None:
        return 0.0
    u = len(field.size)
    gain = price + np.bincount(np.repeat(np.arange(u), np.diff(field.ptr)), field.wt, minlength=u)
    size = field.size[:, 0]
    free = size <= 0
    order = np.argsort(-gain[~free] / size[~free])
    taken = np.minimum(size[~free][order], np.maximum(0, lost - _before(size[~free][order])))
    share = taken / size[~free][order]
    return float(gain[free].sum() + (share * gain[~free][order]).sum())


def _before(values: Floats) -> Floats:
    return np.asarray(np.cumsum(values) - values)


class _Master:
    """Linear programmes over the sets met so far: cover all blocks at least cost.

    One for up to 3,000 blocks; more blocks are cut into strips, each with its own, in which a set
    that crosses strips pays its share. A block may also be covered alone at ``dense`` times its
    size, so that no price is above that.
    """

    def __init__(self, field: Field, count: int | None, dense: float) -> None:
        u, self.size = len(field.size), field.size[:, 0]
        matrix = sp.csr_array((np.ones(len(field.adj)), field.adj, field.ptr), shape=(u, u))
        order = np.asarray(sp.csgraph.reverse_cuthill_mckee(matrix, symmetric_mode=True))
        strips = -(-u // _MOST_ROWS)
        self.strip = np.zeros(u, np.int64)
        self.strip[order] = np.arange(u) * strips // max(u, 1)
        self.row = np.zeros(u, np.int64)
        self.count = count if strips == 1 else None
        self.seen: set[bytes] = set()
        self.solvers: list[Any] = []
        for s in range(strips):
            here = np.flatnonzero(self.strip == s)
            self.row[here] = np.arange(len(here))
            self.solvers.append(_solver(dense * field.size[here, 0], self.count))

    def allow(self, dense: float) -> None:
        """Let prices rise to ``dense`` times the size."""
        for s, solver in enumerate(self.solvers):
            for row, size in enumerate(self.size[self.strip == s]):
                solver.changeColCost(row, float(dense * size))

    def learn(self, found: Found, price: Floats) -> None:
        """Take in the sets noted by a sweep."""
        columns: list[list[tuple[float, Ints]]] = [[] for _ in self.solvers]
        for v in np.flatnonzero(found.best[:, 0] > 0):
            members = np.sort(found.best[v, 1 : 1 + found.best[v, 0]])
            key = members.tobytes()
            if key in self.seen:
                continue
            self.seen.add(key)
            strips = self.strip[members]
            whole = price[members].sum()
            for s in np.unique(strips):
                mine = members[strips == s]
                share = price[mine].sum() / whole
                columns[s].append((float(found.cost[v] * share), self.row[mine]))
        for solver, new in zip(self.solvers, columns, strict=True):
            _add_columns(solver, new, self.count is not None)

    def prices(self, deadline: float) -> tuple[Floats, float]:
        """Return prices from the duals, and what each district pays beside them."""
        out = np.zeros(len(self.strip))
        extra = 0.0
        for s, solver in enumerate(self.solvers):
            here = np.flatnonzero(self.strip == s)
            solver.setOptionValue("time_limit", max(0.1, deadline - time.monotonic()))
            solver.run()
            dual = np.array(solver.getSolution().row_dual)
            out[here] = dual[: len(here)]
            if self.count is not None:
                extra = max(0.0, -float(dual[len(here)]))
        return np.maximum(out, 0.0), extra


def _solver(alone: Floats, count: int | None) -> Any:
    """Return a solver with a row for each block and a column that covers it alone."""
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    rows, none = len(alone), np.zeros(0, np.int32)
    first = np.zeros(rows, np.int32)
    solver.addRows(
        rows, np.ones(rows), np.full(rows, highspy.kHighsInf), 0, first, none, np.zeros(0)
    )
    if count is not None:
        solver.addRow(-highspy.kHighsInf, float(count), 0, none, np.zeros(0))
    _add_columns(solver, [(float(c), np.array([i])) for i, c in enumerate(alone)], False)
    return solver


def _add_columns(solver: Any, columns: list[tuple[float, Ints]], counted: bool) -> None:
    if not columns:
        return
    last = np.array([solver.getNumRow() - 1] if counted else [], np.int64)
    rows = [np.r_[members, last].astype(np.int32) for _, members in columns]
    starts = np.r_[0, np.cumsum([len(r) for r in rows])[:-1]].astype(np.int32)
    index = np.concatenate(rows)
    many = len(columns)
    solver.addCols(
        many, np.array([cost for cost, _ in columns]), np.zeros(many),
        np.full(many, highspy.kHighsInf), len(index), starts, index, np.ones(len(index)),
    )  # fmt: skip
