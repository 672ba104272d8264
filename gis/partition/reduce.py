"""What can be proved before any search: units that no district can hold, counts that cannot be.

A proof here rests on sums alone, so that it can be read as one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.partition.problem import Problem


@dataclass(frozen=True)
class LeftUnit:
    """A unit without a district, and why.

    ``code``: ``too-large``, ``too-small`` (its whole surroundings), ``together``, ``centre``,
    ``combination`` (all ways were tried) or ``not-found``. ``proved``: no plan can hold it, or,
    for ``combination``, none that leaves out less: another may hold it in place of others.
    """

    unit: int
    reason: str
    proved: bool
    code: str


@dataclass(frozen=True, eq=False)
class Reduced:
    """What is left to search.

    ``component`` (n,): connected parts 0..c-1 of the units that are left, -1 for the others;
    ``left``: those proved to fit in no district.
    """

    component: NDArray[np.int64]
    left: dict[int, LeftUnit]

    @property
    def components(self) -> int:
        """Number of connected parts that are left."""
        return int(self.component.max(initial=-1)) + 1


def number(value: float) -> str:
    """Write a size as people read it: thousands by comma, no needless fraction."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.4g}"


def connected(links: NDArray[np.int64], n: int, alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n,) connected part of each living unit in the order of first units; -1 for the others."""
    kept = links[alive[links[:, 0]] & alive[links[:, 1]]]
    graph = sp.coo_array((np.ones(len(kept)), (kept[:, 0], kept[:, 1])), shape=(n, n))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    out = np.full(n, -1, np.int64)
    if alive.any():
        _, first, inverse = np.unique(label[alive], return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        out[alive] = rank[inverse]
    return out


def sums(size: NDArray[np.float64], label: NDArray[np.int64], parts: int) -> NDArray[np.float64]:
    """(parts, m) sums of the sizes of the units with each label; label -1 does not count."""
    out = np.zeros((parts, size.shape[1]))
    placed = label >= 0
    np.add.at(out, label[placed], size[placed])
    return out


def reduce(problem: Problem) -> Reduced:
    """Leave out, again and again, what no district can hold."""
    n = problem.units
    alive = np.ones(n, bool)
    left: dict[int, LeftUnit] = {}
    _too_large(problem, alive, left)
    while True:
        before = len(left)
        component = connected(problem.links, n, alive)
        _torn_groups(problem, component, alive, left)
        if len(left) == before:
            _heavy_groups(problem, alive, left)
        if len(left) == before:
            _too_small(problem, component, alive, left)
        if len(left) == before and problem.centre_limit is not None:
            _no_centre(problem, component, alive, left)
        if len(left) == before:
            return Reduced(component, left)


def _drop(
    units: NDArray[np.int64],
    reason: str,
    code: str,
    alive: NDArray[np.bool_],
    left: dict[int, LeftUnit],
) -> None:
    for unit in units:
        alive[unit] = False
        left[int(unit)] = LeftUnit(int(unit), reason, True, code)


def _too_large(problem: Problem, alive: NDArray[np.bool_], left: dict[int, LeftUnit]) -> None:
    total = sums(problem.size, problem.group, int(problem.group.max(initial=-1)) + 1)
    over = total > problem.high + problem.slack
    for g in np.flatnonzero(over.any(axis=1)):
        j = int(over[g].argmax())
        members = np.flatnonzero(problem.group == g)
        whose = f"{problem.names[j]}" if len(members) == 1 else (
            f"{problem.names[j]} of the {len(members)} that must stay together"
        )  # fmt: skip
        reason = f"{whose} {number(total[g, j])} > {number(problem.high[j])}"
        _drop(members, reason, "too-large", alive, left)


def _torn_groups(
    problem: Problem,
    component: NDArray[np.int64],
    alive: NDArray[np.bool_],
    left: dict[int, LeftUnit],
) -> None:
    order = np.argsort(problem.group, kind="stable")
    group, part = problem.group[order], component[order]
    torn = np.unique(group[1:][(group[1:] == group[:-1]) & (part[1:] != part[:-1])])
    for g in torn:
        members = np.flatnonzero(problem.group == g)
        names = ", ".join(problem.called(v) for v in members[:5])
        reason = f"{names} must stay together, but no links join them all"
        _drop(members[alive[members]], reason, "together", alive, left)
    if not len(torn):
        _parted_groups(problem, alive, left)


def _parted_groups(problem: Problem, alive: NDArray[np.bool_], left: dict[int, LeftUnit]) -> None:
    """Leave out groups that are joined only through what must be apart from them."""
    for g, _ in _in_pieces(problem, alive):
        own = problem.group == g
        part = connected(problem.links, problem.units, alive & ~apart_from(problem, own))
        if len(np.unique(part[own & alive])) > 1:
            members = np.flatnonzero(own)
            names = ", ".join(problem.called(v) for v in members[:5])
            reason = f"{names} must stay together, but what joins them must be apart from them"
            _drop(members[alive[members]], reason, "together", alive, left)


def _in_pieces(problem: Problem, alive: NDArray[np.bool_]) -> list[tuple[int, NDArray[np.int64]]]:
    """Groups that need others to hang together, with one unit of each of their pieces."""
    ends = problem.group[problem.links]
    piece = connected(problem.links[ends[:, 0] == ends[:, 1]], problem.units, alive)
    units = np.flatnonzero(alive)
    table = np.column_stack([problem.group[units], piece[units]])
    pairs, first = np.unique(table, axis=0, return_index=True)
    torn = np.unique(pairs[1:, 0][pairs[1:, 0] == pairs[:-1, 0]])
    return [(int(g), units[first[pairs[:, 0] == g]]) for g in torn]


def _heavy_groups(problem: Problem, alive: NDArray[np.bool_], left: dict[int, LeftUnit]) -> None:
    """Leave out groups that any units which join them make too large.

    Whatever holds a group holds a way between any two of its pieces: the group and the lightest
    way together, its own units free, are no more than the lightest connected set with it.
    """
    for g, ends in _in_pieces(problem, alive):
        own = problem.group == g
        kept = alive & ~apart_from(problem, own)
        for j, name in enumerate(problem.names):
            size, most = problem.size[:, j], problem.high[j]
            if not np.isfinite(most) or (size[kept] < 0).any():
                continue
            way = _lightest_way(problem.links, np.where(own, 0.0, size), kept, ends)
            least = float(size[own].sum()) + way
            if least > most + problem.slack[j]:
                members = np.flatnonzero(own)
                called = ", ".join(problem.called(v) for v in members[:5])
                reason = (
                    f"{called} must stay together, and to hang together they need at least "
                    f"{number(least)} {name}, more than {number(most)}"
                )
                _drop(members[alive[members]], reason, "together", alive, left)
                break


def _lightest_way(
    links: NDArray[np.int64],
    weight: NDArray[np.float64],
    kept: NDArray[np.bool_],
    ends: NDArray[np.int64],
) -> float:
    """Weight of the units of the lightest way between two of the ``ends``, of the heaviest pair."""
    a, b = links[kept[links].all(axis=1)].T
    row, column = np.concatenate([a, b]), np.concatenate([b, a])
    # A way costs what each unit weighs that it enters; nought is a weight here, not no link.
    graph = sp.csr_array((weight[column], (row, column)), shape=(len(weight),) * 2)
    far = sp.csgraph.dijkstra(graph, indices=ends)[:, ends]
    return float(far[np.isfinite(far)].max(initial=0.0))


def apart_from(problem: Problem, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) units that must not share a district with the units ``own`` (n,)."""
    out = np.zeros(problem.units, bool)
    locks = np.unique(problem.lock[own & (problem.lock >= 0)])
    if len(locks):
        out |= (problem.lock >= 0) & ~np.isin(problem.lock, locks)
    if len(problem.apart):
        one, two = problem.apart.T
        out[two[own[one]]] = True
        out[one[own[two]]] = True
    return out


def _too_small(
    problem: Problem,
    component: NDArray[np.int64],
    alive: NDArray[np.bool_],
    left: dict[int, LeftUnit],
) -> None:
    total = sums(problem.size, component, int(component.max(initial=-1)) + 1)
    short = total < problem.low - problem.slack
    for c in np.flatnonzero(short.any(axis=1)):
        j = int(short[c].argmax())
        reason = (
            f"total reachable {problem.names[j]} {number(total[c, j])} < {number(problem.low[j])}"
        )
        _drop(np.flatnonzero(component == c), reason, "too-small", alive, left)


def _no_centre(
    problem: Problem,
    component: NDArray[np.int64],
    alive: NDArray[np.bool_],
    left: dict[int, LeftUnit],
) -> None:
    """Units for which every centre within the limit gathers too little within the limit."""
    near = within(problem)
    row, column = near.nonzero()
    both = (component[row] == component[column]) & alive[row] & alive[column]
    row, column = row[both], column[both]
    gathered = np.zeros((problem.units, problem.size.shape[1]))
    np.add.at(gathered, column, problem.size[row])
    enough = np.asarray((gathered >= problem.low - problem.slack).all(axis=1))
    fits = np.bincount(row, weights=enough[column], minlength=problem.units) > 0
    most = np.zeros(problem.units)
    np.maximum.at(most, row, gathered[column, 0])
    for unit in np.flatnonzero(alive & ~fits):
        reason = (
            f"no centre within {problem.centre_limit:g} gathers enough: at most "
            f"{number(most[unit])} {problem.names[0]}, {number(problem.low[0])} needed"
        )
        _drop(np.array([unit]), reason, "centre", alive, left)


def within(problem: Problem) -> Any:
    """Return the (n, n) pairs (member, centre) whose cost is within the centre limit."""
    limit = np.inf if problem.centre_limit is None else problem.centre_limit
    cost = problem.cost.tocoo()
    kept = cost.data <= limit * (1 + 1e-12)
    shape = (problem.units, problem.units)
    return sp.csr_array((np.ones(kept.sum()), (cost.row[kept], cost.col[kept])), shape=shape)


def count_range(problem: Problem, reduced: Reduced) -> NDArray[np.int64]:
    """(c, 2) least and most districts into which each connected part can be cut whole."""
    total = sums(problem.size, reduced.component, reduced.components)
    number_of = np.bincount(reduced.component[reduced.component >= 0], minlength=reduced.components)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.ceil((total - problem.slack) / problem.high - 1e-12)
        most = np.floor((total + problem.slack) / problem.low + 1e-12)
    least = np.where(total > problem.slack, least, 1.0)
    most = np.where(problem.low > 0, most, np.inf)
    out = np.column_stack([
        np.maximum(least.max(axis=1, initial=1), 1),
        np.minimum(most.min(axis=1, initial=np.inf), number_of),
    ])  # fmt: skip
    return np.asarray(np.nan_to_num(out, posinf=2**40), dtype=np.int64)


def why_not(problem: Problem, reduced: Reduced) -> str:
    """Why ``count`` districts cannot hold all units; empty when sums do not forbid it."""
    if problem.count is None:
        return ""
    count = problem.count
    if reduced.left:
        first = min(reduced.left)
        return f"{problem.called(first)} fits in no district: {reduced.left[first].reason}"
    if problem.units < count:
        return f"{problem.units} units cannot make {count} districts"
    for j, total in enumerate(problem.size.sum(axis=0)):
        name, low, high = problem.names[j], problem.low[j], problem.high[j]
        if total < count * low - problem.slack[j] * count:
            return f"{count} districts need {name} {number(count * low)}, there is {number(total)}"
        if total > count * high + problem.slack[j] * count:
            return f"{count} districts hold {name} {number(count * high)}, there is {number(total)}"
    reach = count_range(problem, reduced)
    for c, (least, most) in enumerate(reach):
        if least > most:
            unit = int((reduced.component == c).argmax())
            return (
                f"the part that is connected with {problem.called(unit)} cannot be cut within "
                f"the bounds: it needs at least {least} and at most {most} districts"
            )
    if reach[:, 0].sum() > count or reach[:, 1].sum() < count:
        return (
            f"the {len(reach)} connected parts need {reach[:, 0].sum()} to {reach[:, 1].sum()} "
            f"districts, not {count}"
        )
    return ""
