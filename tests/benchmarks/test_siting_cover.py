"""Sites that cover: beside spopt in one run, and how soon large problems have a bound.

Places at random, 100 demands to the square kilometre, reaches that leave a demand about eight
sites, as in what was measured in the field (spopt with its default solver 2.3 s and 2.5 s at 1,000
x 200; nothing in 240 s at 10,000 x 1,000). spopt runs in the Python that ``LIANPIAN_PEER_PYTHON``
names, for at most ``LIANPIAN_PEER_SECONDS`` (60); "times" compares seconds of processors.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gis.siting import locate
from tests.siting_cases import dense, town

PEER = Path(__file__).parent / "siting_peer.py"
HEADINGS = (
    "asked",
    "s",
    "cpu s",
    "spopt s",
    "spopt cpu s",
    "times",
    "objective",
    "bound",
    "gap %",
    "status",
)
REACH = {(1_000, 200): 355.0, (10_000, 1_000): 500.0, (50_000, 2_000): 792.0}


@pytest.fixture(scope="module")
def warm() -> None:
    """Compiled loops, before anything is timed: these instances go through all of them."""
    reach = REACH[1_000, 200]
    cost, people = town(1_000, 200, reach=reach, seed=1, towns=0)
    for options in ({"model": "mclp", "count": 20}, {"model": "lscp"}):
        locate(cost, people, time_limit_s=5, limit=reach, **options)
    cost, people = town(3_000, 300, reach=500, seed=2, towns=0)
    locate(cost, people, time_limit_s=5, limit=500, model="lscp")


def peer(name: str, cost: Any, people: Any, folder: Path, **numbers: float) -> tuple[float, ...]:
    """Objective and seconds (clock, processors) of spopt; NaN: not finished, or not asked."""
    if "LIANPIAN_PEER_PYTHON" not in os.environ:
        return np.nan, np.nan, np.nan
    limit = float(os.environ.get("LIANPIAN_PEER_SECONDS", "60"))
    files = folder / f"{name}.npz", folder / f"{name}_answer.npz"
    np.savez(files[0], cost=cost, demand=people, **numbers)
    command = [os.environ["LIANPIAN_PEER_PYTHON"], PEER, name, *files]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return np.nan, np.nan, np.nan
    answer = np.load(files[1])
    return tuple(float(answer[name]) for name in ("objective", "seconds", "busy"))


def timed(cost: Any, people: Any, **options: Any) -> tuple[Any, float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    found = locate(cost, people, **options)
    return found, time.perf_counter() - start, time.process_time() - cpu


def row(name: str, found: Any, seconds: float, cpu: float, theirs: Any) -> tuple[Any, ...]:
    return (
        name, f"{seconds:.3f}", f"{cpu:.3f}", *(f"{value:.2f}" for value in theirs),
        f"{theirs[1] / cpu:.0f}" if np.isfinite(theirs[1]) else "-", f"{found.objective:,.0f}",
        f"{found.bound:,.1f}", f"{100 * found.gap:.3f}", found.status,
    )  # fmt: skip


def test_covering_beside_spopt(warm, table, tmp_path):
    """The same optimum from the same dense matrix, end to end."""
    rows = []
    reach = REACH[1_000, 200]
    for seed in (1, 2, 3):
        cost, people = town(1_000, 200, reach=reach, seed=seed, towns=0)
        matrix = dense(cost)
        for name, options in (("lscp", {}), ("mclp", {"count": 12}), ("mclp", {"count": 17})):
            found, seconds, cpu = timed(matrix, people, model=name, limit=reach, **options)
            count = options.get("count", 0)
            objective, *theirs = peer(
                f"spopt_{name}", matrix, people, tmp_path, limit=reach, count=count
            )
            assert found.status == "optimal"
            assert np.isnan(objective) or objective == pytest.approx(found.objective)
            rows.append(row(f"{name} {count or ''}, seed {seed}", found, seconds, cpu, theirs))
    table("1,000 x 200, dense", HEADINGS, rows, packages=("highspy",))


@pytest.mark.parametrize(
    ("n", "m", "options", "seconds"),
    [
        (10_000, 1_000, {"model": "mclp", "count": 75}, 30),
        (10_000, 1_000, {"model": "lscp"}, 30),
        (50_000, 2_000, {"model": "mclp", "count": 120}, 1),
        (50_000, 2_000, {"model": "mclp", "count": 120}, 15),
        (50_000, 2_000, {"model": "lscp"}, 60),
    ],
)
def test_large_problems(n, m, options, seconds, warm, table):
    """An answer with a valid bound in time; sparse."""
    reach = REACH[n, m]
    cost, people = town(n, m, reach=reach, seed=1, towns=0)
    found, took, cpu = timed(cost, people, limit=reach, time_limit_s=seconds, **options)
    name = f"{options['model']} {options.get('count', '')}, {seconds} s allowed"
    if options["model"] == "lscp":
        assert found.objective - found.bound <= max(2, found.objective * 0.02)
    covered = 100 * people[found.assignment >= 0].sum() / people.sum()
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    notes = [f"{cost.nnz:,} pairs; {covered:.0f} % covered; most memory so far {held:,.0f} MB"]
    rows = [row(name, found, took, cpu, [np.nan, np.nan])]
    table(f"{n:,} x {m:,}, sparse", HEADINGS, rows, packages=("highspy",), notes=notes)
