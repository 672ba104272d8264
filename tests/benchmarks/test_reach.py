"""Walking coverage of every node: the first call with its preparation, and every later one.

Twelve categories of 50 to 2,000 facilities and 1,200 m on the streets of Porto, and on a town of
a million corners with node numbers at random. Peers: `scipy.sparse.csgraph.dijkstra`, and pandana
in the Python that ``LIANPIAN_PEER_PYTHON`` names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.network import WalkNetwork

LIMIT_M = 1200
PEER = Path(__file__).parent / "pandana_peer.py"
COMPILED = """
import os, sys, time
import numpy as np
from gis.network import WalkNetwork
side = 110
corner = np.arange(side * side).reshape(side, side)
pairs = [(corner[:, :-1], corner[:, 1:]), (corner[:-1], corner[1:])]
links = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs])
xy = np.stack(np.divmod(np.arange(side * side), side), axis=1) * 100.0
network = WalkNetwork.from_arrays(xy, links, np.full(len(links), 100.0))
start = time.perf_counter()
network.reach([[0]], limit_m=1200).nearest
print(time.perf_counter() - start)
"""


def facilities(nodes: int, *, seed: int) -> list[NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    sizes = np.rint(np.geomspace(50, 2000, 12)).astype(int)
    return [rng.choice(nodes, size, replace=False) for size in sizes]


def by_scipy(streets: Any, sources: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    cm = np.rint(streets.length_m * 100)
    a, b = streets.links.T
    both = (np.append(cm, cm), (np.append(a, b), np.append(b, a)))
    matrix = csr_array(both, shape=(len(streets.xy),) * 2)
    limit = LIMIT_M * 100
    ways = [dijkstra(matrix, indices=s, min_only=True, limit=limit) for s in sources]
    return np.array([np.where(np.isfinite(way), way, -1) for way in ways]).astype(np.int64)


def by_pandana(
    streets: Any, sources: list[NDArray[np.int64]], folder: Path
) -> dict[str, NDArray[Any]] | None:
    """Run it in its own Python; None without one."""
    python = os.environ.get("LIANPIAN_PEER_PYTHON")
    if not python:
        return None
    named: dict[str, Any] = {f"s{k}": s for k, s in enumerate(sources)}
    case, answer = folder / "case.npz", folder / "answer.npz"
    np.savez(
        case,
        xy=streets.xy,
        links=streets.links,
        length_m=streets.length_m,
        limit_m=LIMIT_M,
        **named,
    )
    subprocess.run([python, PEER, case, answer], check=True, capture_output=True)
    return dict(np.load(answer))


def measured(streets: Any, least: Callable[..., float], *, runs: int) -> dict[str, float]:
    """Least seconds of ours and of scipy, run in turn, after the answers were seen to agree."""
    every = [facilities(len(streets.xy), seed=seed) for seed in range(runs)]
    arrays = streets.xy, streets.links, streets.length_m
    network = WalkNetwork.from_arrays(*arrays)
    network.reach(every[0], limit_m=LIMIT_M).nearest  # noqa: B018  compiled, and not measured
    seconds: dict[str, list[float]] = {}
    for sources in every:
        turns = [time.perf_counter()]
        true_cm = by_scipy(streets, sources)
        turns.append(time.perf_counter())
        fresh = WalkNetwork.from_arrays(*arrays)
        first = fresh.reach(sources, limit_m=LIMIT_M)
        turns.append(time.perf_counter())
        again = network.reach(sources, limit_m=LIMIT_M)
        turns.append(time.perf_counter())
        owner = again.nearest
        turns.append(time.perf_counter())
        assert np.array_equal(first.cm, true_cm)
        assert np.array_equal(again.cm, true_cm)
        assert np.array_equal(owner >= 0, true_cm >= 0)
        steps = np.diff(turns)
        steps[3] += steps[2]
        for name, step in zip(("scipy", "first", "again", "nearest"), steps, strict=True):
            seconds.setdefault(name, []).append(float(step))
    return {name: min(times) for name, times in seconds.items()}


def rows_of(took: dict[str, float], pandana_s: float) -> list[tuple[object, ...]]:
    said = {
        "scipy": "scipy dijkstra, matrix included",
        "first": "reach, first call, network included",
        "again": "reach again, other facilities",
        "nearest": "reach again, with nearest",
    }
    return [
        (said[name], 1000 * took[name], took["scipy"] / took[name], pandana_s / took[name])
        for name in said
    ]


HEADINGS = ("12 categories, 1,200 m", "ms", "x scipy", "x pandana")


def test_porto(porto, least, table, tmp_path):
    took = measured(porto, least, runs=7)
    sources = facilities(len(porto.xy), seed=0)
    peer = by_pandana(porto, sources, tmp_path)
    notes = ["pandana: no Python named in LIANPIAN_PEER_PYTHON"]
    rows = rows_of(took, np.nan)
    if peer is not None:
        ours = WalkNetwork.from_arrays(porto.xy, porto.links, porto.length_m)
        metres = np.nan_to_num(ours.reach(sources, limit_m=LIMIT_M).metres, nan=-1)
        other = (metres < 0) != (peer["metres"] < 0)
        both = (metres >= 0) & (peer["metres"] >= 0)
        # It adds floats, so places at the very limit may fall on the other side.
        assert other.sum() < 100
        assert np.abs(metres - peer["metres"])[both].max() < 0.05
        total = float(peer["built_s"] + peer["asked_s"])
        rows = [
            ("pandana, network included", 1000 * total, took["scipy"] / total, 1.0),
            *rows_of(took, total),
        ]
        built_s = float(peer["built_s"])
        beyond = f"{other.sum()} of {other.size} nodes on the other side of the limit"
        notes = [
            f"pandana {peer['version']}, in its own process: network {built_s:.1f} s; {beyond}"
        ]
    table(f"Porto, {len(porto.xy):,} nodes", HEADINGS, rows, packages=["scipy"], notes=notes)


def test_a_million_corners(porto, least, table):
    side = 1000
    rng = np.random.default_rng(1)
    number = rng.permutation(side * side).reshape(side, side)
    pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
    links = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs])
    links = links[rng.random(len(links)) < 0.8].astype(np.int32)
    xy = np.empty((side * side, 2))
    xy[number.ravel()] = np.stack(np.divmod(np.arange(side * side), side), axis=1) * 100.0
    xy += rng.uniform(-30, 30, xy.shape)
    length_m = np.rint(np.hypot(*(xy[links[:, 0]] - xy[links[:, 1]]).T) * 100) / 100
    streets = type(porto)(xy, links, length_m)
    rows = rows_of(measured(streets, least, runs=2), np.nan)
    table("A grid of 1,000,000 nodes, numbers at random", HEADINGS, rows, packages=["scipy"])


def test_the_compiler_is_waited_for_once(table, tmp_path):
    """The first call of a fresh installation, and of the next process."""
    root = Path(__file__).resolve().parents[2]
    given = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(root)}
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", COMPILED], env=given, check=True, capture_output=True
            ).stdout
        )
        for _ in range(2)
    ]
    rows = [
        ("first process after an installation", seconds[0]),
        ("every later process", seconds[1]),
    ]
    table("First reach on 12,100 nodes", ("compiled code kept beside the modules", "s"), rows)
