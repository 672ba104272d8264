"""p-median and p-center: to a proof at 1,000 x 200, to a bound at 10,000 x 1,000 and beyond.

The peer (spopt with the solver that it takes by itself) runs in the Python that
``LIANPIAN_PEER_PYTHON`` names, for at most ``LIANPIAN_PEER_SECONDS``; what both prove is the same.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from gis.siting import locate
from tests.siting_cases import town

PEER = Path(__file__).parent / "siting_peer.py"


def plane(n: int, m: int, seed: int):
    """Everybody within reach of every site: walks on a plane of 10 km, 1 to 49 people."""
    rng = np.random.default_rng(seed)
    home, site = rng.random((n, 1, 2)), rng.random((1, m, 2))
    return np.hypot(*np.moveaxis(home - site, 2, 0)) * 10_000, rng.integers(1, 50, n).astype(float)


def peer(method: str, cost, demand, count: int, folder: Path) -> tuple[float, float, float]:
    """Objective, seconds of the clock and of the processor; NaN when it did not finish."""
    limit = float(os.environ.get("LIANPIAN_PEER_SECONDS", "600"))
    files = folder / "case.npz", folder / "answer.npz"
    np.savez(files[0], cost=cost, demand=demand, count=count)
    python = os.environ["LIANPIAN_PEER_PYTHON"]
    try:
        subprocess.run([python, PEER, method, *files], check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return np.nan, limit, np.nan
    answer = np.load(files[1])
    return float(answer["objective"]), float(answer["seconds"]), float(answer["busy"])


def timed(cost, demand, **options):
    start, before = time.perf_counter(), time.process_time()
    found = locate(cost, demand, **options)
    return found, time.perf_counter() - start, time.process_time() - before


@pytest.fixture(scope="module")
def warm() -> None:
    """Compiled loops, before anything is timed."""
    for model in ("p-median", "p-center"):
        locate(*plane(60, 20, 0), model=model, count=4)


@pytest.mark.parametrize("model", ["p-median", "p-center"])
def test_proof_beside_spopt(model, warm, table, tmp_path):
    rows, notes = [], []
    named = "LIANPIAN_PEER_PYTHON" in os.environ
    for seed in range(5):
        cost, demand = plane(1000, 200, seed)
        found, seconds, busy = timed(cost, demand, model=model, count=10, time_limit_s=120.0)
        assert found.status == "optimal"
        rows.append(("ours", seed, found.objective, found.status, f"{seconds:.2f}", f"{busy:.2f}"))
        if named and seed == 0:
            value, seconds, busy = peer(
                "spopt_" + model.replace("-", "_"), cost, demand, 10, tmp_path
            )
            assert np.isnan(value) or value == pytest.approx(found.objective, rel=1e-6)
            status = "over" if np.isnan(value) else "optimal"
            rows.append(("spopt", seed, value, status, f"{seconds:.2f}", f"{busy:.2f}"))
    if not named:
        notes.append("peer: no Python named in LIANPIAN_PEER_PYTHON")
    headings = ("program", "seed", "objective", "status", "s", "processor s")
    table(f"{model}, 1,000 x 200, 10 sites", headings, rows, packages=("highspy",), notes=notes)


@pytest.mark.parametrize("model", ["p-median", "p-center"])
def test_bound_of_large_towns(model, warm, table):
    rows = []
    for n, m, reach, count, limit in (
        (10_000, 1_000, 3000.0, 50, 30.0), (50_000, 2_000, 4000.0, 100, 60.0),
    ):  # fmt: skip
        cost, people = town(n, m, reach=reach, seed=1)
        found, seconds, busy = timed(cost, people, model=model, count=count, time_limit_s=limit)
        assert found.bound <= found.objective
        rows.append((
            f"{n:,} x {m:,}", f"{cost.nnz:,}", count, found.objective, found.bound,
            f"{found.gap:.2%}", f"{seconds:.1f}", f"{busy:.1f}",
        ))  # fmt: skip
    headings = ("size", "pairs", "sites", "objective", "bound", "gap", "s", "processor s")
    table(f"{model}, made-up towns (seed 1)", headings, rows, packages=("highspy",))
