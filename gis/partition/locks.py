"""Who must share a district and who must not: wishes of one kind held against those of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Locks:
    """What is decided before the search.

    group
        (n,) number of the units that must share a district, from ``same`` and from equal locks.
    lock
        (n,) number of the lock, -1 free; different locks are in different districts.
    closed
        (n,) units of locks that nothing may join.
    apart
        (p, 2) pairs that must not share a district; those of different locks are not among them.
    within
        (n,) class beyond which a district may not reach; all 0 when nothing was said.
    """

    group: NDArray[np.int64]
    lock: NDArray[np.int64]
    closed: NDArray[np.bool_]
    apart: NDArray[np.int64]
    within: NDArray[np.int64]


def read_locks(
    n: int,
    *,
    same: Iterable[Sequence[int]],
    apart: Iterable[Sequence[int]],
    within: ArrayLike | None,
    fixed: ArrayLike | None,
    closed: Sequence[int],
    faults: list[str],
) -> Locks:
    """Check the locks one by one and against each other; faults are added to ``faults``."""
    classes = whole_numbers(within, "within", n, faults)
    lock = whole_numbers(fixed, "fixed", n, faults)
    lock = np.full(n, -1, np.int64) if fixed is None else lock
    wanted = {int(number) for number in closed}
    faults.extend(
        f"district {number} is closed, but no unit is fixed to it"
        for number in sorted(wanted - {int(k) for k in lock if k >= 0})
    )
    held = np.isin(lock, sorted(wanted)) & (lock >= 0)
    group = _groups(same, lock, n, faults)
    _require_one(group, lock, "are fixed to different districts", faults, unknown=-1)
    _require_one(group, classes, "lie in different classes of within", faults)
    _require_one(group, held.astype(np.int64), "only one is in a closed district", faults)
    return Locks(group, lock, held, _apart(apart, n, group, faults), classes)


def whole_numbers(
    given: ArrayLike | None, word: str, n: int, faults: list[str]
) -> NDArray[np.int64]:
    """(n,) whole numbers, all negative ones as -1; zeros when nothing usable is given."""
    if given is None:
        return np.zeros(n, np.int64)
    values = np.asarray(given)
    if values.shape != (n,):
        faults.append(f"{word} has the shape {values.shape}; give ({n},)")
        return np.zeros(n, np.int64)
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64) if values.dtype.kind in "iufb" else np.zeros(n, np.int64)
    wrong = whole != values
    if wrong.any():
        place = int(np.asarray(wrong).argmax())
        faults.append(
            f"{word} of unit {place} is {values[place]!s}; give whole numbers, -1 unknown"
        )
    return np.maximum(whole, -1)


def connected_pairs(pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """(n,) number of the connected part of each of n things that ``pairs`` (p, 2) join."""
    graph = sp.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    return np.asarray(label, dtype=np.int64)


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


def _groups(
    same: Iterable[Sequence[int]], lock: NDArray[np.int64], n: int, faults: list[str]
) -> NDArray[np.int64]:
    pairs = [(g[0], v) for g in _members(same, "same", n, faults) for v in g[1:]]
    order = np.argsort(lock, kind="stable")
    equal = (lock[order][1:] == lock[order][:-1]) & (lock[order][1:] >= 0)
    chains = np.column_stack([order[:-1], order[1:]])[equal]
    return connected_pairs(np.r_[np.array(pairs, np.int64).reshape(-1, 2), chains], n)


def _require_one(
    group: NDArray[np.int64],
    value: NDArray[np.int64],
    words: str,
    faults: list[str],
    *,
    unknown: int | None = None,
) -> None:
    """Require one value in each group; ``unknown`` agrees with all."""
    known = np.flatnonzero(value != unknown) if unknown is not None else np.arange(len(value))
    order = known[np.lexsort((value[known], group[known]))]
    torn = (group[order][1:] == group[order][:-1]) & (value[order][1:] != value[order][:-1])
    seen: set[int] = set()
    for a, b in zip(order[:-1][torn], order[1:][torn], strict=True):
        if int(group[a]) not in seen:
            seen.add(int(group[a]))
            faults.append(f"units {min(a, b)} and {max(a, b)} are to be together, but {words}")


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
