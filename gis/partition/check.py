"""The independent checker. It shares no code with the search and knows nothing of it.

It reads an answer as a sceptical colleague would: who is in which district, does everybody reach
everybody inside it, do the sums keep the bounds.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
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
    return tuple(broken)


def measure_partition(
    links: ArrayLike, size: ArrayLike, label: ArrayLike, *, objective: str, cost: Any = None
) -> float:
    """Work the objective of labels out anew, slowly; the parameters are those of `partition`."""
    labels = np.asarray(label)
    first = np.asarray(size, dtype=float).reshape(len(labels), -1)[:, 0]
    districts = sorted({int(d) for d in labels if d >= 0})
    if objective == "cut-links":
        pairs = {(min(a, b), max(a, b)) for a, b in np.asarray(links).reshape(-1, 2).tolist()}
        ends = ((int(labels[a]), int(labels[b])) for a, b in pairs)
        return float(sum(1 for a, b in ends if a >= 0 and b >= 0 and a != b))
    totals = [math.fsum(first[labels == d]) for d in districts]
    if objective == "balance":
        mean = math.fsum(totals) / len(totals) if totals else 0.0
        return max((abs(t / mean - 1) for t in totals), default=0.0) if mean > 0 else 0.0
    out = 0.0
    for d in districts:
        members = np.flatnonzero(labels == d)
        paid = _costs_between(members, cost) * first[members][:, None]
        out += min(math.fsum(column) for column in paid.T)
    return out


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
        if not total <= highs[j] + slack * max(1.0, abs(highs[j])):
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
