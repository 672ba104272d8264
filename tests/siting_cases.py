"""Instances of siting: made-up towns, and small ones with every option that can be tried out."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]


def town(n: int, m: int, *, reach: float, seed: int, towns: int = 8) -> tuple[Any, Floats]:
    """(n, m) csr of metres up to ``reach`` and (n,) people; half the places lie in towns, if any.

    Every demand has at least its nearest site, at its distance or at ``reach`` if that is less.
    """
    rng = np.random.default_rng(seed)
    side = 1000.0 * np.sqrt(n / 100)
    centres = rng.uniform(0, side, (towns, 2))

    def places(count: int) -> Floats:
        inside = count // 2 if towns else 0
        loose = rng.uniform(0, side, (count - inside, 2))
        near = centres[rng.integers(0, max(towns, 1), inside)] if towns else np.empty((0, 2))
        near = near + rng.normal(0, side / 12, near.shape)
        return np.clip(np.concatenate([loose, near]), 0, side)

    demand, site = places(n), places(m)
    people = np.rint(rng.lognormal(3.3, 0.6, n)).clip(1)
    found = cKDTree(demand).sparse_distance_matrix(cKDTree(site), reach, output_type="coo_matrix")
    length, nearest = cKDTree(site).query(demand)
    alone = np.flatnonzero(length > reach)
    row = np.r_[found.row, alone]
    column = np.r_[found.col, nearest[alone]]
    value = np.r_[found.data, np.full(len(alone), reach)]
    return sp.csr_array((value, (row, column)), shape=(n, m)), people


def dense(cost: Any) -> Floats:
    """(n, m) with inf where a sparse matrix stores nothing."""
    out = np.full(cost.shape, np.inf)
    entry = cost.tocoo()
    out[entry.row, entry.col] = entry.data
    return out


def small(
    seed: int, *, model: str, n: int = 7, m: int = 6
) -> tuple[Floats, Floats, dict[str, Any]]:
    """Costs, people and options of a small instance; every option comes up in some of them."""
    rng = np.random.default_rng(seed)
    cost = np.rint(rng.uniform(0, 10, (n, m)))
    cost[rng.random((n, m)) < 0.3] = np.inf
    people = rng.integers(0, 9, n).astype(float)
    if rng.random() < 0.3:
        people = np.round(people * rng.uniform(0.1, 3, n), 3)
    people[0] += 1
    options: dict[str, Any] = {"model": model}
    if rng.random() < 0.8:
        options["limit"] = float(rng.integers(2, 9))
    kind = rng.permutation(m)
    options["given"] = kind[:1].tolist() if rng.random() < 0.3 else []
    options["closed"] = kind[1:2].tolist() if rng.random() < 0.3 else []
    options["required"] = kind[2:3].tolist() if rng.random() < 0.3 else []
    if rng.random() < 0.4:
        options["one_of"] = rng.integers(-1, 3, m)
    priced = rng.random() < 0.5
    if priced:
        price = rng.integers(0, 7, m).astype(float)
        options["site_cost"] = price if rng.random() < 0.6 else np.round(price * 1.37, 2)
    if model == "lscp":
        if rng.random() < 0.5:
            options["share"] = float(rng.choice([0.3, 0.5, 0.8, 0.95, 1.0]))
        return cost, people, options
    if priced and rng.random() < 0.7:
        options["budget"] = float(rng.integers(0, 15))
    if "budget" not in options or rng.random() < 0.5:
        most = m - len(options["given"]) - len(options["closed"])
        options["count"] = int(rng.integers(len(options["required"]), most + 1))
    return cost, people, options


def choices(m: int, options: dict[str, Any]) -> Any:
    """All sets of open sites that given, required, closed, one_of, count and budget allow."""
    given, closed = set(options.get("given", ())), set(options.get("closed", ()))
    required = set(options.get("required", ()))
    group = np.asarray(options.get("one_of", np.full(m, -1)))
    price = np.asarray(options.get("site_cost", np.ones(m)), dtype=float)
    budget, count = options.get("budget"), options.get("count")
    rest = [j for j in range(m) if j not in given | closed | required]
    for size in range(len(rest) + 1):
        for extra in combinations(rest, size):
            chosen = sorted(required | set(extra))
            opened = sorted(given | set(chosen))
            of = [int(group[j]) for j in opened if group[j] >= 0]
            if len(of) != len(set(of)) or (count is not None and len(chosen) > count):
                continue
            if budget is not None and sum(price[j] for j in chosen) > budget * (1 + 1e-9) + 1e-9:
                continue
            yield chosen, opened


def best_cover(cost: Floats, people: Floats, options: dict[str, Any]) -> float | None:
    """The objective of "mclp" or "lscp" by trying all choices; None: no choice does."""
    limit = options.get("limit")
    near = np.isfinite(cost) if limit is None else cost <= limit
    price = np.asarray(options.get("site_cost", np.ones(cost.shape[1])), dtype=float)
    share = options.get("share") or 1.0
    best: float | None = None
    for chosen, opened in choices(cost.shape[1], options):
        covered = near[:, opened].any(axis=1)
        if options["model"] == "mclp":
            value = float(people[covered].sum())
            best = value if best is None else max(best, value)
            continue
        need = share * people.sum()
        if share >= 1.0 and not covered.all():
            continue
        if share < 1.0 and people[covered].sum() < need - 1e-9 * max(1.0, need):
            continue
        value = float(price[chosen].sum())
        best = value if best is None else min(best, value)
    return best


def best_assignment(
    cost: Floats, people: Floats, capacity: Floats, opened: list[int]
) -> list[tuple[int, ...]]:
    """All ways to serve every demand whole from the open sites within capacity (tiny ones only)."""
    ways = []
    for way in product(opened, repeat=len(people)):
        load = np.bincount(way, people, minlength=len(capacity))
        reached = all(np.isfinite(cost[i, j]) for i, j in enumerate(way))
        if reached and (load <= capacity + 1e-9 * np.maximum(1, capacity)).all():
            ways.append(way)
    return ways
