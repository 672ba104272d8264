"""What is left out: proofs that nothing can be done, and the least change that would place it.

Each way out is tried on the district that it would make, by the independent checker.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.partition.check import check_partition
from gis.partition.problem import Problem
from gis.partition.reduce import LeftUnit, Reduced, connected, number
from gis.partition.sets import MOST_MEMBERS, Ask, Found, make_field, make_walk, sweep

_REGION: Final = 12
_MOST_SETS: Final = 40_000
_STEPS: Final = 3_000_000
_LINKS_TRIED: Final = 40
_SHOWN: Final = 3

Ints = NDArray[np.int64]
Kind = Literal["low", "high", "link"]


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
    piece = connected(problem.links, problem.units, label < 0)
    out: list[Relaxation] = []
    for group in _groups(piece):
        if time.monotonic() > deadline:
            break
        found = [
            *_lower(problem, group), *_raise(problem, label, group),
            *_join(problem, label, piece, group, ends, metres, words),
        ]  # fmt: skip
        out.extend(sorted(found, key=lambda way: _change(problem, way)))
    return tuple(out)


def _groups(piece: Ints) -> list[Ints]:
    order = np.argsort(piece, kind="stable")
    order = order[piece[order] >= 0]
    edges = np.flatnonzero(np.diff(piece[order])) + 1
    return [g for g in np.split(order, edges) if len(g)]


def _change(problem: Problem, way: Relaxation) -> tuple[bool, float]:
    """Rank: what is enough first; bounds by their relative change, links before them."""
    if way.kind == "link":
        return not way.enough, 0.0
    j = problem.names.index(way.size)
    bound = float(problem.low[j] if way.kind == "low" else problem.high[j])
    return not way.enough, abs(way.value - bound) / max(bound, 1e-9)


def _sound(
    problem: Problem,
    members: Ints,
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    more: Iterable[tuple[int, int]] = (),
) -> bool:
    """Whether the units make a district, with other bounds or more links."""
    inside = np.zeros(problem.units, bool)
    inside[members] = True
    units = np.flatnonzero(inside)
    new = np.cumsum(inside) - 1
    kept = problem.links[inside[problem.links].all(axis=1)]
    links = new[np.r_[kept, np.array(list(more), np.int64).reshape(-1, 2)]]
    if not _whole_groups(problem, units):
        return False
    pairs = problem.apart_pairs()
    apart = new[pairs[inside[pairs].all(axis=1)]].tolist()
    cost = None
    if problem.centre_limit is not None:
        cost = sp.csr_array(problem.cost)[units][:, units]
    return not check_partition(
        links, problem.size[units], np.zeros(len(units), np.int64),
        low=problem.low if low is None else low, high=problem.high if high is None else high,
        apart=apart, cost=cost, centre_limit=problem.centre_limit,
    )  # fmt: skip


def _whole_groups(problem: Problem, units: Ints) -> bool:
    """Whether units that must stay together are all among ``units`` or none of them is."""
    whole = np.bincount(problem.group)
    held = np.bincount(problem.group[units], minlength=len(whole))
    return bool(((held == whole) | (held == 0)).all())


def _named(problem: Problem, group: Ints) -> str:
    names = ", ".join(problem.called(int(v)) for v in group[:_SHOWN])
    return names + (f" and {len(group) - _SHOWN} more" if len(group) > _SHOWN else "")


def _lower(problem: Problem, group: Ints) -> list[Relaxation]:
    """The group is a district by itself when the lower bounds are low enough."""
    total = problem.size[group].sum(axis=0)
    short = np.flatnonzero(total < problem.low - problem.slack)
    if not len(short):
        return []
    low = problem.low.copy()
    low[short] = total[short]
    if not _sound(problem, group, low=low):
        return []
    asked = ", ".join(f"{problem.names[j]} to {number(total[j])}" for j in short)
    j = int(short[0])
    words = f"lower the least {asked}: {_named(problem, group)} would be a district"
    return [Relaxation(
        tuple(group.tolist()), "low", problem.names[j], float(total[j]), None, None, "", True, words
    )]  # fmt: skip


def _raise(problem: Problem, label: Ints, group: Ints) -> list[Relaxation]:
    """The group by itself, or together with a district beside it, when more may be in one."""
    inside = np.zeros(problem.units, bool)
    inside[group] = True
    ends = problem.links[inside[problem.links[:, 0]] != inside[problem.links[:, 1]]]
    other = np.where(inside[ends[:, 0]], ends[:, 1], ends[:, 0])
    ways = [group]
    ways += [np.r_[group, np.flatnonzero(label == d)] for d in np.unique(label[other]) if d >= 0]
    best: Relaxation | None = None
    for members in ways:
        total = problem.size[members].sum(axis=0)
        over = np.flatnonzero(total > problem.high + problem.slack)
        if not len(over) or (total < problem.low - problem.slack).any():
            continue
        high = np.maximum(problem.high, total)
        if not _sound(problem, members, high=high):
            continue
        j = int(over[0])
        asked = ", ".join(f"{problem.names[k]} to {number(total[k])}" for k in over)
        beside = "would be a district" if len(members) == len(group) else (
            f"would join the district of {problem.called(int(members[len(group)]))}"
        )  # fmt: skip
        words = f"raise the most {asked}: {_named(problem, group)} {beside}"
        way = Relaxation(
            tuple(group.tolist()), "high", problem.names[j], float(total[j]), None, None, "", True,
            words,
        )  # fmt: skip
        if best is None or _change(problem, way) < _change(problem, best):
            best = way
    return [] if best is None else [best]


def _join(
    problem: Problem,
    label: Ints,
    piece: Ints,
    group: Ints,
    ends: Ints,
    metres: NDArray[np.float64],
    words: Sequence[str],
) -> list[Relaxation]:
    """The shortest link that is none which would join the group to others within the bounds."""
    inside = np.zeros(problem.units, bool)
    inside[group] = True
    out = np.flatnonzero(inside[ends[:, 0]] != inside[ends[:, 1]])
    out = out[np.argsort(metres[out], kind="stable")]
    for k in out[:_LINKS_TRIED]:
        a, b = int(ends[k, 0]), int(ends[k, 1])
        a, b = (a, b) if inside[a] else (b, a)
        other = np.flatnonzero(label == label[b] if label[b] >= 0 else piece == piece[b])
        members = np.r_[group, other]
        if _sound(problem, members, more=[(a, b)]):
            return [_link(problem, group, members, (a, b), float(metres[k]), words[k], True)]
    if not len(out):
        return []
    k = int(out[0])
    a, b = (int(v) for v in ends[k])
    a, b = (a, b) if inside[a] else (b, a)
    return [_link(problem, group, group, (a, b), float(metres[k]), words[k], False)]


def _link(
    problem: Problem,
    group: Ints,
    members: Ints,
    link: tuple[int, int],
    metres: float,
    barrier: str,
    enough: bool,
) -> Relaxation:
    total = problem.size[members].sum(axis=0)
    short = np.flatnonzero(problem.size[group].sum(axis=0) < problem.low - problem.slack)
    j = int(short[0]) if len(short) else 0
    why = f" ({barrier})" if barrier else ""
    far = f"{number(metres)} m from {problem.called(link[0])} to {problem.called(link[1])}{why}"
    words = (
        f"allow the link of {far}: the district would have {problem.names[j]} {number(total[j])}"
        if enough else f"the nearest other is {far}, and that link alone is not enough"
    )  # fmt: skip
    return Relaxation(
        tuple(group.tolist()), "link", problem.names[j], float(total[j]), link, metres, barrier,
        enough, words,
    )  # fmt: skip


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
