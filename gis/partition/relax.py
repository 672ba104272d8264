"""What is left out: proofs that nothing can be done, and the least change that would place it.

Each way out is tried on the district that it would make, by the independent checker.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.partition.check import check_partition
from gis.partition.contract import blocks_of
from gis.partition.problem import Problem
from gis.partition.recut import Kind, Recut, Region
from gis.partition.reduce import LeftUnit, Reduced, connected, number
from gis.partition.sets import MOST_MEMBERS, Ask, Found, make_field, make_walk, sweep
from gis.partition.tiny import few

_REGION: Final = 12
_MOST_SETS: Final = 40_000
_STEPS: Final = 3_000_000
_LINKS_TRIED: Final = 40
_SHOWN: Final = 3
_SAME: Final = 1e-9
_ANY_WAY: Final = 1e300
"""Limit of the ways to a centre where none was given, but a way is needed."""
_Bound = Literal["low", "high"]
_BOUNDS: Final[tuple[_Bound, ...]] = ("low", "high")

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Relaxation:
    """One change that would place units that are left out together.

    units
        The units, connected with each other.
    kind
        ``low``: lower the least size to ``value``; ``high``: raise the most to ``value``;
        ``link``: allow the link between the two units of ``link``.
    size
        Name of the size that is bounded; of the first one that is short for a link.
    value
        The bound; for a link what the district then holds.
    link, metres, barrier
        The link, how long it is, and why it was none.
    enough
        Whether the district was made and kept all constraints. A link that is not enough is the
        nearest one.
    words
        All of it as one sentence.
    """

    units: tuple[int, ...]
    kind: Kind
    size: str
    value: float
    link: tuple[int, int] | None
    metres: float | None
    barrier: str
    enough: bool
    words: str


def smallest_relaxation(
    problem: Problem,
    label: Ints,
    *,
    beyond: ArrayLike = (),
    beyond_m: ArrayLike = (),
    beyond_reason: Sequence[str] = (),
    deadline: float,
) -> tuple[Relaxation, ...]:
    """Return, for each group of units left out, what would place it, the least change first.

    It is placed beside all that are placed already. Where units are few, no smaller change of that
    kind would do; else none that cuts it and one district beside it anew, if these are few.

    Parameters
    ----------
    problem, label
        The problem and (n,) districts, -1 left out.
    beyond, beyond_m, beyond_reason
        (b, 2) pairs of units that are near but not linked, how far, and why not.
    deadline
        Second of `time.monotonic` at which to stop; groups that are left then have no answer.
    """
    ends = np.asarray(beyond, dtype=np.int64).reshape(-1, 2)
    metres = np.asarray(beyond_m, dtype=float).reshape(-1)
    words = list(beyond_reason) if len(beyond_reason) else [""] * len(ends)
    whole = few(blocks_of(problem, np.ones(problem.units, bool)))
    piece = connected(problem.links, problem.units, label < 0)
    out: list[Relaxation] = []
    for group in _groups(piece):
        if time.monotonic() > deadline:
            break
        case = _Case(problem, label, piece, group, whole)
        found = [*case.bounds(), *case.join(ends, metres, words)]
        found.sort(key=lambda way: (not way[1].enough, way[0]))
        out.extend(way for _, way in found)
    return tuple(out)


def _groups(piece: Ints) -> list[Ints]:
    order = np.argsort(piece, kind="stable")
    order = order[piece[order] >= 0]
    edges = np.flatnonzero(np.diff(piece[order])) + 1
    return [g for g in np.split(order, edges) if len(g)]


@dataclass(frozen=True, eq=False)
class _Case:
    """A group that is left out; ``piece`` (n,) are all such groups, -1 what is in a district.

    ``whole``: units are so few that all are cut anew, not only the group and one district.
    """

    problem: Problem
    label: Ints
    piece: Ints
    group: Ints
    whole: bool

    def bounds(self) -> list[tuple[float, Relaxation]]:
        """Return the least change of lower and of upper bounds that places it, and how large."""
        ends = self.problem.links[self._inside[self.problem.links].any(axis=1)]
        beside = [self._with(d) for d in np.unique(self.label[ends]) if d >= 0]
        choice = [np.arange(self.problem.units)] if self.whole else [self.group, *beside]
        best: dict[_Bound, Recut] = {}
        for region in [Region(self.problem, self.label, units, self._must) for units in choice]:
            for kind in _BOUNDS:
                cut, least = region.cut(kind), best[kind].change if kind in best else np.inf
                if cut and 0 < cut.change < least - _SAME and self._sound(self.problem, cut):
                    best[kind] = cut
        return [(cut.change, self._told(kind, cut)) for kind, cut in best.items()]

    def join(
        self, ends: Ints, metres: NDArray[np.float64], words: Sequence[str]
    ) -> list[tuple[float, Relaxation]]:
        """Return the shortest link that is none and would place it; or that none would."""
        inside, classes = self._inside, self.problem.locks.within
        out = np.flatnonzero(inside[ends[:, 0]] != inside[ends[:, 1]])
        out = out[np.argsort(metres[out], kind="stable")]
        links = [(int(a), int(b)) if inside[a] else (int(b), int(a)) for a, b in ends[out]]
        kept = [i for i, (a, b) in enumerate(links) if classes[a] == classes[b]]
        for i in kept[:_LINKS_TRIED]:
            k, (a, b) = out[i], links[i]
            linked = _with_link(self.problem, (a, b))
            units = np.arange(linked.units) if self.whole else self._with(self.label[b], b)
            cut = Region(linked, self.label, units, self._must).cut("link")
            if cut and self._sound(linked, cut):
                own = next(d for d in cut.districts if a in d)
                return [(0.0, self._link(own, (a, b), float(metres[k]), words[k], enough=True))]
        if not links:
            return []
        k = out[0]
        return [(0.0, self._link(self.group, links[0], float(metres[k]), words[k], enough=False))]

    @cached_property
    def _inside(self) -> NDArray[np.bool_]:
        inside = np.zeros(self.problem.units, bool)
        inside[self.group] = True
        return inside

    @cached_property
    def _must(self) -> NDArray[np.bool_]:
        return self._inside | (self.label >= 0)

    def _with(self, district: int, unit: int = 0) -> Ints:
        """Return the group and a district, or for -1 the other group that holds the unit."""
        other = self.label == district if district >= 0 else self.piece == self.piece[unit]
        return np.flatnonzero(self._inside | other)

    def _sound(self, problem: Problem, cut: Recut) -> bool:
        """Whether the independent checker lets the new districts pass, within new bounds."""
        units = np.concatenate(cut.districts)
        label = np.repeat(np.arange(len(cut.districts)), [len(d) for d in cut.districts])
        new = np.full(problem.units, -1, np.int64)
        new[units] = np.arange(len(units))
        links, apart = new[problem.links], new[problem.apart_pairs()]
        same = [np.flatnonzero(problem.group[units] == g) for g in set(problem.group[units])]
        cost, limit = None, problem.centre_limit
        if problem.cost is not None:
            cost = sp.csr_array(problem.cost)[units][:, units]
            limit = _ANY_WAY if limit is None else limit
        low, high = self._bounds(cut)
        return not check_partition(
            links[(links >= 0).all(axis=1)], problem.size[units], label, low=low, high=high,
            same=[g.tolist() for g in same], apart=apart[(apart >= 0).all(axis=1)].tolist(),
            within=problem.locks.within[units], cost=cost, centre_limit=limit,
        )  # fmt: skip

    def _bounds(self, cut: Recut) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return lower and upper bounds that the new districts keep."""
        total = np.array([self.problem.size[d].sum(axis=0) for d in cut.districts])
        low, high, slack = self.problem.low, self.problem.high, self.problem.slack
        least, most = total.min(axis=0), total.max(axis=0)
        return np.where(least < low - slack, least, low), np.where(most > high + slack, most, high)

    def _told(self, kind: _Bound, cut: Recut) -> Relaxation:
        problem = self.problem
        low, high = self._bounds(cut)
        value, was = (low, problem.low) if kind == "low" else (high, problem.high)
        changed = np.flatnonzero(value != was)
        asked = ", ".join(
            f"{problem.names[j]} to {_outward(value[j], up=kind == 'high')}" for j in changed
        )
        verb = "lower the least" if kind == "low" else "raise the most"
        j = int(changed[0])
        return Relaxation(
            tuple(self.group.tolist()), kind, problem.names[j], float(value[j]), None, None, "",
            True, f"{verb} {asked}: {self._where(cut, joins=kind == 'high')}",
        )  # fmt: skip

    def _where(self, cut: Recut, *, joins: bool) -> str:
        """Say in which district the group would be."""
        own = [d for d in cut.districts if np.isin(d, self.group).any()]
        if len(own) > 1:
            return f"{_named(self.problem, self.group)} would be in {len(own)} districts"
        others = np.setdiff1d(own[0], self.group)
        placed = others[self.label[others] >= 0]
        if joins and len(placed):
            other = self.problem.called(int(placed[0]))
            return f"{_named(self.problem, self.group)} would join the district of {other}"
        return f"{_named(self.problem, np.r_[self.group, others])} would be a district"

    def _link(
        self, district: Ints, link: tuple[int, int], metres: float, barrier: str, *, enough: bool
    ) -> Relaxation:
        problem = self.problem
        total = problem.size[district].sum(axis=0)
        lacking = problem.size[self.group].sum(axis=0) < problem.low - problem.slack
        j = int(lacking.argmax())
        why = f" ({barrier})" if barrier else ""
        far = f"{number(metres)} m from {problem.called(link[0])} to {problem.called(link[1])}{why}"
        words = (
            f"allow the link of {far}: the district would have {problem.names[j]} "
            f"{number(total[j])}"
            if enough else f"the nearest other is {far}, and that link alone is not enough"
        )  # fmt: skip
        return Relaxation(
            tuple(self.group.tolist()), "link", problem.names[j], float(total[j]), link, metres,
            barrier, enough, words,
        )  # fmt: skip


def _with_link(problem: Problem, link: tuple[int, int]) -> Problem:
    """Return the problem with one more link, which costs nothing."""
    aims = replace(problem.aims, link_cost=np.r_[problem.link_cost, 0.0])
    return replace(problem, links=np.r_[problem.links, [sorted(link)]], aims=aims)


def _named(problem: Problem, units: Ints) -> str:
    names = ", ".join(problem.called(int(v)) for v in units[:_SHOWN])
    return names + (f" and {len(units) - _SHOWN} more" if len(units) > _SHOWN else "")


def _outward(value: float, *, up: bool) -> str:
    """Write a bound rounded to that side on which it is enough."""
    step = 1.0 if value >= 100 or not value else 10.0 ** (math.floor(math.log10(value)) - 3)
    whole = math.ceil(value / step - _SAME) if up else math.floor(value / step + _SAME)
    return number(whole * step)


# --- proofs


def prove_left(
    problem: Problem, reduced: Reduced, label: Ints, deadline: float
) -> dict[int, LeftUnit]:
    """Return the units left out for which it can be proved that no plan places more around them.

    For each connected group that is left out, all sets of units that could be a district and
    touch its surroundings are met. If however they are chosen as much of the first size is left
    out there, the group is proved: code ``combination``. No unit counts for two groups, so that
    what is proved adds up: no plan leaves out less in all.
    """
    alive = reduced.component >= 0
    proved: dict[int, LeftUnit] = {}
    near = neighbours(problem, alive)
    used = np.zeros(problem.units, bool)
    for group in _groups(connected(problem.links, problem.units, alive & (label < 0))):
        for hops in (0, 1, 2, 3):
            if time.monotonic() > deadline:
                return proved
            region = _region(problem, near, group[~used[group]], alive & ~used, hops)
            least = least_left(problem, near, alive, region, deadline) if len(region) else None
            if least is None:
                break
            lost = region[label[region] < 0]
            total = float(problem.size[lost, 0].sum())
            if least >= total - float(problem.slack[0]) - 1e-9 * max(total, 1.0):
                used[region] = True
                proved |= {int(u): _told(problem, int(u), region, total) for u in lost}
                break
    return proved


def _told(problem: Problem, unit: int, region: Ints, total: float) -> LeftUnit:
    if len(region) == 1:
        reason = "all connected groups with it were tried; none keeps the bounds"
    else:
        reason = (
            f"all ways of placing the {len(region)} around it were tried: at least "
            f"{number(total)} {problem.names[0]} among them are left out"
        )
    return LeftUnit(unit, reason, True, "combination")


def neighbours(problem: Problem, alive: NDArray[np.bool_]) -> sp.csr_array:
    """(n, n) links among the units that count, as a matrix."""
    kept = problem.links[alive[problem.links].all(axis=1)]
    both = np.r_[kept, kept[:, ::-1]]
    n = problem.units
    return sp.csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(n, n))


def _region(
    problem: Problem, near: sp.csr_array, group: Ints, alive: NDArray[np.bool_], hops: int
) -> Ints:
    """Return the group and what is so many links around it, whole groups, at most twelve units."""
    region = set(group.tolist())
    edge = sorted(region)
    for _ in range(hops):
        around = {int(t) for v in edge for t in near.indices[near.indptr[v] : near.indptr[v + 1]]}
        edge = sorted(v for v in around - region if alive[v])
        for unit in edge:
            with_it = np.flatnonzero((problem.group == problem.group[unit]) & alive).tolist()
            if len(region | set(with_it)) <= _REGION:
                region.update(with_it)
    return np.array(sorted(region), dtype=np.int64)


def least_left(
    problem: Problem,
    near: sp.csr_array,
    alive: NDArray[np.bool_],
    region: Ints,
    deadline: float,
) -> float | None:
    """Return what every plan leaves out of ``region`` at least, by first size; None: unknown.

    Districts that share units outside of the region are taken to go together, so that the truth
    may be more.

    Parameters
    ----------
    near, alive
        What `neighbours` returns, and (n,) the units that may be placed at all.
    region
        Units, at most twelve, with all that must stay together with them.
    """
    if len(region) > _REGION:
        return None
    part = _reach(problem, near, region)
    # Torn groups that reach out of the part would be cut; they are seen in whole or not at all.
    part |= np.isin(problem.group, problem.group[part]) & alive
    field, blocks = make_field(problem, part, first=region)
    own = np.unique(blocks.block[region])
    u = len(field.size)
    found = Found(
        np.ones(u), np.zeros(_MOST_SETS),
        np.zeros((_MOST_SETS, min(u, MOST_MEMBERS) + 1), np.int64), np.zeros(u, np.int64),
        np.zeros(1, np.int64),
    )  # fmt: skip
    walk, ask = make_walk(field), Ask(np.zeros(u), 0.0, 1e300, 1e300)
    for root in own:
        sweep(field, walk, ask, found, int(root), int(root) + 1, _STEPS)
        if found.open[root] or time.monotonic() > deadline:
            return None
    rows = found.best[: found.many[0]]
    bits = np.zeros(u + 1, np.int64)
    bits[own] = 1 << np.arange(len(own))
    inside = np.arange(1, rows.shape[1])[None, :] <= rows[:, :1]
    masks = np.unique((bits[rows[:, 1:]] * inside).sum(axis=1))
    return _least_uncovered(masks, field.size[own, 0])


def _reach(problem: Problem, near: sp.csr_array, region: Ints) -> NDArray[np.bool_]:
    """(n,) units that a district with one of the region may hold, by the first size."""
    pays = problem.size[near.indices, 0] + 1e-9
    graph = sp.csr_array((pays, near.indices, near.indptr), shape=near.shape)
    limit = float(problem.high[0] + problem.slack[0]) * (1 + 1e-6) + 1e-6
    reached = sp.csgraph.dijkstra(graph, indices=region, limit=limit, min_only=True)
    return np.asarray(np.isfinite(reached))


def _least_uncovered(masks: Ints, size: NDArray[np.float64]) -> float:
    """Return the least size that no choice of disjoint masks covers."""
    many = len(size)
    least = np.zeros(1 << many)
    lowest = [masks[(masks & -masks) == (1 << b)] for b in range(many)]
    for mask in range(1, 1 << many):
        b = (mask & -mask).bit_length() - 1
        best = least[mask & (mask - 1)] + size[b]
        fitting = lowest[b][(lowest[b] & ~mask) == 0]
        if len(fitting):
            best = min(best, float(least[mask & ~fitting].min()))
        least[mask] = best
    return float(least[-1])
