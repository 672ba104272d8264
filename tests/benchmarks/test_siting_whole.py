"""Sites with capacities, each demand served whole: how far optima are proved, and how fast.

The instances are made from a seed after the pattern of the OR-Library's pmedcap: points on a square
of 100 x 100, each a demand of 1 to 20 people and a site for 120, distances rounded down; the sum of
distances, not of people x distance, is to be least. The large one is a town of 10 x 10 km with
sites of different sizes.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from gis.siting import locate

SECONDS = 60.0


def square(n: int, seed: int):
    rng = np.random.default_rng(seed)
    xy = rng.integers(1, 101, (n, 2))
    people = rng.integers(1, 21, n).astype(float)
    metres = np.floor(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)))
    # As many people as fill 9 in 10 of the places.
    people = np.maximum(1.0, np.floor(people * (0.9 * 120 * n / 10 / people.sum())))
    return metres, people


def town(n: int, m: int, count: int, seed: int):
    rng = np.random.default_rng(seed)
    homes, sites = rng.uniform(0, 10_000, (n, 2)), rng.uniform(0, 10_000, (m, 2))
    people = rng.integers(1, 20, n).astype(float)
    metres = np.round(np.hypot(*(homes[:, None] - sites[None]).transpose(2, 0, 1)))
    capacity = np.round(rng.uniform(0.7, 1.3, m) * people.sum() / count * 1.15)
    return metres, people, capacity


@pytest.mark.parametrize("seed", [1])
def test_each_demand_whole(seed, table):
    locate(np.ones((3, 3)), [1, 1, 1], model="p-median", count=2, capacity=[2, 2, 2])  # compiles
    rows = []
    for n in (50, 100):
        metres, people = square(n, seed)
        capacity = np.full(n, 120.0)
        for model in ("p-median", "p-center", "lscp", "mclp"):
            cost = metres / people[:, None] if model == "p-median" else metres
            limit = {"lscp": 25.0, "mclp": 15.0}.get(model)
            rows.append(_row(cost, people, capacity, model, n // 10, limit))
    metres, people, capacity = town(1000, 200, 25, seed)
    for model, limit in (("p-median", None), ("mclp", 1500.0), ("lscp", 1500.0)):
        rows.append(_row(metres, people, capacity, model, 25, limit))
    table(
        f"each demand served whole by one site, made up, seed {seed}, at most {SECONDS:.0f} s each",
        ("model", "demands", "sites", "count", "best", "bound", "gap %", "status", "s", "CPU s"),
        rows, packages=("highspy",),
    )  # fmt: skip


def _row(cost, people, capacity, model, count, limit):
    start, busy = time.perf_counter(), time.process_time()
    siting = locate(
        cost, people, model=model, count=None if model == "lscp" else count, limit=limit,
        capacity=capacity, time_limit_s=SECONDS,
    )  # fmt: skip
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    asked = "-" if model == "lscp" else count
    n, m = cost.shape
    return (
        model, n, m, asked, siting.objective, siting.bound, f"{siting.gap:.2%}", siting.status,
        seconds, busy,
    )  # fmt: skip
