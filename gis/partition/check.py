"""The independent checker. It shares no code with the search and knows nothing of it.

It reads an answer as a sceptical colleague would: who is in which district, does everybody reach
everybody inside it, do the sums keep the bounds.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-9


def check_partition(
    links: ArrayLike,
    size: ArrayLike,
    label: ArrayLike,
    *,
    low: ArrayLike,
    high: ArrayLike,
    count: int | None = None,
    cost: Any = None,
    centre_limit: float | None = None,
    same: Iterable[Sequence[int]] = (),
    apart: Iterable[Sequence[int]] = (),
    within: ArrayLike | None = None,
    fixed: ArrayLike | None = None,
    closed: Sequence[int] = (),
) -> tuple[str, ...]:
    """Return every constraint that labels break, in words; empty when none is broken.

    Parameters
    ----------
    links
        (e, 2) pairs of units.
    size
        (n,) or (n, m) sizes.
    label
        (n,) district of each unit, -1 left out.
    low, high
        Bounds of the sum of each size in a district; the bounds themselves are allowed, and sums
        of fractions may miss them by rounding (a part in 10^9).
    count
        Number of districts; then every unit must be in one.
    cost, centre_limit
        (n, n) costs from member to centre, not stored or not finite where there is no way; every
        district needs a member that all its members reach within the limit.
    same, apart
        Units that must, or must not, share a district.
    within
        (n,) classes; no district holds two of them.
    fixed, closed
        (n,) locks, -1 free: equal ones share a district, different ones do not, and the district
        of a lock in ``closed`` holds no other unit.
    """
    labels = [int(v) for v in np.asarray(label)]
    sizes = np.asarray(size, dtype=float).reshape(len(labels), -1)
    districts: dict[int, list[int]] = defaultdict(list)
    for unit, district in enumerate(labels):
        if district >= 0:
            districts[district].append(unit)
    broken: list[str] = []
    if count is not None:
        if len(districts) != count:
            broken.append(f"there are {len(districts)} districts, not {count}")
        if -1 in labels:
            broken.append(f"unit {labels.index(-1)} is left out although the count is given")
    near = _neighbours(links)
    for district, members in sorted(districts.items()):
        lost = _not_reached(members, near)
        if lost:
            broken.append(f"district {district} is not connected: unit {lost[0]} is cut off")
        broken.extend(_size_faults(district, sizes[members], low, high))
        if centre_limit is not None and not _has_centre(members, cost, centre_limit):
            broken.append(f"district {district} has no centre within {centre_limit:g} of all")
    broken.extend(
        f"units {list(group)} are not together"
        for group in same
        if len({labels[v] for v in group}) > 1
    )
    for group in apart:
        seen = Counter(labels[v] for v in group if labels[v] >= 0)
        if any(times > 1 for times in seen.values()):
            broken.append(f"units {list(group)} are not apart")
    if within is not None:
        broken.extend(_mixed(districts, [int(c) for c in np.asarray(within)]))
    if fixed is not None:
        broken.extend(_lock_faults(districts, labels, [int(k) for k in np.asarray(fixed)], closed))
    return tuple(broken)


def measure_partition(
    links: ArrayLike,
    size: ArrayLike,
    label: ArrayLike,
    *,
    objective: str | Mapping[str, float],
    scales: Mapping[str, float] | None = None,
    cost: Any = None,
    xy: ArrayLike | None = None,
    link_weight: Mapping[str, ArrayLike] | None = None,
    classes: Mapping[str, ArrayLike] | None = None,
) -> float:
    """Work the objective of labels out anew, slowly; the parameters are those of `partition`.

    ``scales`` are those of the `Partition`; without, they are worked out as `partition` says.
    """
    weights = {objective: 1.0} if isinstance(objective, str) else objective
    if scales is None and len(weights) > 1:
        scales = {
            name: _scale(name, links, size, cost, xy, link_weight or {}, classes or {})
            for name in weights
        }
    terms = measure_terms(
        links, size, label, names=list(weights), cost=cost, xy=xy, link_weight=link_weight,
        classes=classes,
    )  # fmt: skip
    return math.fsum(
        w * terms[name] / (scales or {}).get(name, 1.0) for name, w in weights.items() if w
    )


def measure_terms(
    links: ArrayLike,
    size: ArrayLike,
    label: ArrayLike,
    *,
    names: Iterable[str],
    cost: Any = None,
    xy: ArrayLike | None = None,
    link_weight: Mapping[str, ArrayLike] | None = None,
    classes: Mapping[str, ArrayLike] | None = None,
) -> dict[str, float]:
    """Work each objective out by itself, without weights and scales."""
    labels = np.asarray(label)
    first = np.asarray(size, dtype=float).reshape(len(labels), -1)[:, 0]
    districts: dict[int, list[int]] = defaultdict(list)
    for unit, district in enumerate(labels.tolist()):
        if district >= 0:
            districts[district].append(unit)
    out: dict[str, float] = {}
    for name in names:
        if name == "balance":
            out[name] = _largest_miss([math.fsum(first[m]) for m in districts.values()])
        elif name == "compact":
            out[name] = math.fsum(_paid_to_centre(m, first, cost) for m in districts.values())
        elif name == "spread":
            places = np.asarray(xy, dtype=float)
            out[name] = math.fsum(_squares(places[m]) for m in districts.values())
        elif name in (classes or {}):
            out[name] = _splits(labels.tolist(), np.asarray((classes or {})[name]).tolist())
        else:
            paid = None if name == "cut-links" else (link_weight or {})[name]
            out[name] = _cut(links, labels.tolist(), paid)
    return out


def _scale(
    name: str,
    links: ArrayLike,
    size: ArrayLike,
    cost: Any,
    xy: ArrayLike | None,
    link_weight: Mapping[str, ArrayLike],
    classes: Mapping[str, ArrayLike],
) -> float:
    """What a value is divided by among several objectives; 1 where that would be 0."""
    sizes = np.asarray(size, dtype=float)
    first = sizes.reshape(len(sizes), -1)[:, 0]
    pairs = sorted({(min(a, b), max(a, b)) for a, b in np.asarray(links).reshape(-1, 2).tolist()})
    pairs = [(a, b) for a, b in pairs if a != b]
    if name == "balance":
        return 1.0
    if name in classes:
        return float(len({k for k in np.asarray(classes[name]).tolist() if k >= 0})) or 1.0
    if name == "compact":
        known = _costs_of_links(pairs, cost)
        return math.fsum(first) * float(np.median(known)) or 1.0 if known else 1.0
    if name == "spread":
        places = np.asarray(xy, dtype=float)
        squares = [float(((places[a] - places[b]) ** 2).sum()) for a, b in pairs]
        return len(first) * float(np.median(squares)) or 1.0 if squares else 1.0
    # Every link is cut when each unit is a district of its own.
    paid = None if name == "cut-links" else link_weight[name]
    return _cut(links, list(range(len(first))), paid) or 1.0


def _costs_of_links(pairs: list[tuple[int, int]], cost: Any) -> list[float]:
    """Costs of walking links both ways, of those that have a way; of all pairs when none has."""
    sparse: Any = sp.coo_array  # scipy's stubs do not know that it takes any sparse array
    more = 0.0 if sp.issparse(cost) else 1.0
    rows = sparse(cost) if sp.issparse(cost) else sparse(np.asarray(cost, dtype=float) + more)
    walks = {
        (a, b): value - more
        for a, b, value in zip(
            rows.row.tolist(), rows.col.tolist(), rows.data.tolist(), strict=True
        )
        if a != b and math.isfinite(value)
    }
    linked = [walks[way] for a, b in pairs for way in ((a, b), (b, a)) if way in walks]
    return linked or list(walks.values())


def _cut(links: ArrayLike, labels: list[int], paid: ArrayLike | None) -> float:
    """Number of links cut, or what cutting them costs; of a pair given twice the larger cost."""
    ends = np.asarray(links).reshape(-1, 2).tolist()
    costs = [1.0] * len(ends) if paid is None else np.asarray(paid, dtype=float).tolist()
    worth: dict[tuple[int, int], float] = {}
    for (a, b), value in zip(ends, costs, strict=True):
        if labels[a] >= 0 and labels[b] >= 0 and labels[a] != labels[b]:
            pair = (min(a, b), max(a, b))
            worth[pair] = max(value, worth.get(pair, 0.0))
    return math.fsum(worth.values())


def _largest_miss(totals: list[float]) -> float:
    mean = math.fsum(totals) / len(totals) if totals else 0.0
    return max((abs(t / mean - 1) for t in totals), default=0.0) if mean > 0 else 0.0


def _paid_to_centre(members: list[int], first: NDArray[np.float64], cost: Any) -> float:
    costs = _costs_between(members, cost)
    sizes = first[members].tolist()
    whole = [column for column in costs.T.tolist() if all(math.isfinite(c) for c in column)]
    return min(
        (math.fsum(s * c for s, c in zip(sizes, column, strict=True)) for column in whole),
        default=math.inf,
    )


def _squares(places: NDArray[np.float64]) -> float:
    return float(((places - places.mean(axis=0)) ** 2).sum())


def _splits(labels: list[int], held: list[int]) -> float:
    """Sum over classes of the districts that hold some of it, less one."""
    seen: dict[int, set[int]] = defaultdict(set)
    for district, kind in zip(labels, held, strict=True):
        if district >= 0 and kind >= 0:
            seen[kind].add(district)
    return float(sum(len(where) - 1 for where in seen.values()))


def _mixed(districts: Mapping[int, list[int]], within: list[int]) -> Iterable[str]:
    for district, members in sorted(districts.items()):
        other = [v for v in members if within[v] != within[members[0]]]
        if other:
            yield (f"district {district} holds units {members[0]} and {other[0]} of different "
                   "classes of within")  # fmt: skip


def _lock_faults(
    districts: Mapping[int, list[int]],
    labels: list[int],
    fixed: list[int],
    closed: Sequence[int],
) -> Iterable[str]:
    where: dict[int, set[int]] = defaultdict(set)
    for unit, lock in enumerate(fixed):
        if lock >= 0:
            where[lock].add(labels[unit])
    for lock, seen in sorted(where.items()):
        if len(seen) > 1:
            yield f"the units fixed to {lock} are in different districts"
    for district, members in sorted(districts.items()):
        locks = sorted({fixed[v] for v in members if fixed[v] >= 0})
        if len(locks) > 1:
            yield f"district {district} holds units fixed to {locks[0]} and to {locks[1]}"
        free = [v for v in members if fixed[v] < 0]
        if free and set(locks) & {int(k) for k in closed}:
            yield f"district {district} is closed, but unit {free[0]} has joined it"
    for lock in sorted({int(k) for k in closed}):
        if -1 in where.get(lock, {-1}):
            yield f"closed district {lock} is not in the plan"


def _neighbours(links: ArrayLike) -> dict[int, set[int]]:
    near: dict[int, set[int]] = defaultdict(set)
    for a, b in np.asarray(links).reshape(-1, 2).tolist():
        near[a].add(b)
        near[b].add(a)
    return near


def _not_reached(members: list[int], near: dict[int, set[int]]) -> list[int]:
    """Members that cannot be reached from the first one through members alone."""
    missing = set(members[1:])
    front = {members[0]}
    while front:
        front = {t for v in front for t in near[v] if t in missing}
        missing -= front
    return sorted(missing)


def _size_faults(
    district: int, sizes: NDArray[np.float64], low: ArrayLike, high: ArrayLike
) -> Iterable[str]:
    m = sizes.shape[1]
    lows = np.broadcast_to(np.asarray(low, dtype=float).reshape(-1), (m,))
    highs = np.broadcast_to(np.asarray(high, dtype=float).reshape(-1), (m,))
    for j in range(m):
        total = math.fsum(sizes[:, j])
        slack = 0.0 if all(float(s).is_integer() for s in sizes[:, j]) else _ROUNDING
        if not total >= lows[j] - slack * max(1.0, abs(lows[j])):
            yield f"district {district} has size {total:g} < {lows[j]:g}"
        # Where there is no upper bound, 0 x inf would be NaN.
        if math.isfinite(highs[j]) and not total <= highs[j] + slack * max(1.0, abs(highs[j])):
            yield f"district {district} has size {total:g} > {highs[j]:g}"


def _costs_between(members: ArrayLike, cost: Any) -> NDArray[np.float64]:
    """(k, k) costs among members, inf where there is no way."""
    units = [int(v) for v in np.asarray(members)]
    out = np.full((len(units), len(units)), np.inf)
    sparse: Any = sp.csr_array  # scipy's stubs do not know that it takes any sparse array
    rows = sparse(cost) if sp.issparse(cost) else np.asarray(cost, dtype=float)
    for i, unit in enumerate(units):
        if isinstance(rows, np.ndarray):
            out[i] = [rows[unit, v] for v in units]
            continue
        begin, end = rows.indptr[unit], rows.indptr[unit + 1]
        known = dict(zip(rows.indices[begin:end].tolist(), rows.data[begin:end], strict=True))
        out[i] = [known.get(v, 0.0 if v == unit else np.inf) for v in units]
    return np.where(np.isnan(out), np.inf, out)


def _has_centre(members: list[int], cost: Any, limit: float) -> bool:
    farthest = _costs_between(members, cost).max(axis=0)
    return bool((farthest <= limit * (1 + 1e-12)).any())
