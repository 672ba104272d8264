"""Districts of 5,000 to 12,000 people on made-up estates, beside the methods of other packages.

Places at random, 17 to the square kilometre, linked where no third lies in the circle over two
(Gabriel graph); sizes log-normal. What is compared is the sum of squared distances to the mean
place of the district, at the number of districts of each peer; what is counted is who breaks which
bound. Peers run in the Python that ``LIANPIAN_PEER_PYTHON`` names, each for at most
``LIANPIAN_PEER_SECONDS`` (60).
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
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from gis.partition import Partition, check_partition, measure_partition, partition

LOW, HIGH = 5_000, 12_000
USUAL = 8_500
PEER = Path(__file__).parent / "districts_peer.py"
PEERS = (
    "sklearn_ward", "pygeoda_skater", "pygeoda_redcap", "pygeoda_maxp", "spopt_maxp",
    "spopt_skater", "spopt_kmeans", "gerrychain_recom",
)  # fmt: skip
HEADINGS = ("method", "s", "districts", "km2", "ours", "below", "above", "torn", "left %")
SECONDS = {200: 20, 2_000: 20, 20_000: 60}


def estates(n: int, *, seed: int) -> dict[str, NDArray[Any]]:
    """xy (n, 2) m, links (e, 2), size (n,)."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 1000 * np.sqrt(n / 17), (n, 2))
    corners = Delaunay(xy).simplices
    pairs = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    links = np.unique(np.sort(pairs, axis=1), axis=0)
    middle = (xy[links[:, 0]] + xy[links[:, 1]]) / 2
    half = np.hypot(*(xy[links[:, 0]] - xy[links[:, 1]]).T) / 2
    nearest, _ = cKDTree(xy).query(middle)
    size = np.round(rng.lognormal(np.log(1400), 0.6, n)).clip(100, 11_000)
    return {"xy": xy, "links": links[nearest >= half * (1 - 1e-9)], "size": size}


def torn(links: NDArray[Any], label: NDArray[Any]) -> int:
    """Return how many districts do not hang together."""
    a, b = links[label[links[:, 0]] == label[links[:, 1]]].T
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(label),) * 2)
    pieces, piece = connected_components(graph, directed=False)
    district = np.empty(pieces, np.int64)
    district[piece] = label
    whole = district[district >= 0]
    return len(whole) - len(np.unique(whole))


def row(name: str, seconds: float, case: Any, label: NDArray[Any], ours: float) -> tuple[Any, ...]:
    placed = label >= 0
    people = np.bincount(label[placed], case["size"][placed])
    people = people[people > 0]
    spread = measure_partition(
        case["links"], case["size"], label, objective="spread", xy=case["xy"]
    )
    left = 100 * case["size"][~placed].sum() / case["size"].sum()
    return (
        name, f"{seconds:.2f}", len(people), f"{spread / 1e6:.2f}",
        f"{ours:.2f}" if np.isfinite(ours) else "-", int((people < LOW).sum()),
        int((people > HIGH).sum()), torn(case["links"], label), f"{left:.2f}",
    )  # fmt: skip


def ours(case: Any, **options: Any) -> tuple[Partition, list[tuple[float, float]]]:
    """Our plan, and for each better plan the seconds until then and the share left out."""
    seen: list[tuple[float, float]] = []
    start = time.perf_counter()
    total = case["size"].sum()

    def live(label: NDArray[np.int64], _: float) -> bool:
        seen.append((time.perf_counter() - start, case["size"][label < 0].sum() / total))
        return True

    plan = partition(
        case["links"], case["size"], low=LOW, high=HIGH, xy=case["xy"], live=live, **options
    )
    broken = check_partition(case["links"], case["size"], plan.label, low=LOW, high=HIGH)
    assert broken == ()
    return plan, [*seen, (time.perf_counter() - start, seen[-1][1])]


def peer_label(name: str, case: Any, folder: Path) -> tuple[NDArray[Any] | None, float]:
    """Labels and seconds of a peer; None when it did not finish."""
    python = os.environ["LIANPIAN_PEER_PYTHON"]
    limit = float(os.environ.get("LIANPIAN_PEER_SECONDS", "60"))
    files = folder / "case.npz", folder / f"{name}.npz"
    np.savez(files[0], **case)
    try:
        subprocess.run([python, PEER, name, *files], check=True, capture_output=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None, limit
    except subprocess.CalledProcessError as error:
        return None, -float(len(error.stderr) > 0)
    answer = np.load(files[1])
    return np.unique(answer["label"], return_inverse=True)[1], float(answer["seconds"])


@pytest.fixture(scope="module")
def warm() -> None:
    """Compiled loops, before anything is timed."""
    case = estates(60, seed=7)
    ours(case, objective="spread")


@pytest.mark.parametrize("n", [200, 2_000, 20_000])
def test_squared_distances_beside_other_packages(n, warm, table, tmp_path):
    """A peer that keeps the lower bound has no less than ours at its number of districts."""
    case = estates(n, seed=1)
    case |= {"low": LOW, "high": HIGH, "count": round(case["size"].sum() / USUAL)}
    rows = []
    notes = ["km2: squared distances; ours: those of our plan with as many districts"]
    found: dict[int, Partition] = {}
    count = int(case["count"])
    plan, seen = ours(case, objective="spread", count=count, time_limit_s=SECONDS[n])
    found[count] = plan
    rows.append(row(f"ours, {count} districts", seen[-1][0], case, plan.label, np.nan))
    if "LIANPIAN_PEER_PYTHON" not in os.environ:
        notes.append("peers: no Python named in LIANPIAN_PEER_PYTHON")
    for name in PEERS if "LIANPIAN_PEER_PYTHON" in os.environ else ():
        label, seconds = peer_label(name, case, tmp_path)
        if label is None:
            words = f"not finished in {seconds:.0f} s" if seconds > 0 else "stopped with an error"
            rows.append((name, words, *["-"] * (len(HEADINGS) - 2)))
            continue
        count = int(label.max()) + 1
        if count not in found:
            found[count], _ = ours(case, objective="spread", count=count, time_limit_s=SECONDS[n])
        value = found[count].objective
        rows.append(row(name, seconds, case, label, value / 1e6))
        spread = measure_partition(
            case["links"], case["size"], label, objective="spread", xy=case["xy"]
        )
        least = np.bincount(label, case["size"]).min()
        if least >= LOW and np.isfinite(value):
            assert value <= spread, f"{name} is rounder"
    table(f"{n:,} estates, {LOW:,} to {HIGH:,} people", HEADINGS, rows, notes=notes)


@pytest.mark.parametrize("n", [200, 2_000, 20_000])
def test_the_first_plan_and_the_last(n, warm, table):
    """How soon there is a plan, what it leaves out, and what time makes of it."""
    rows = []
    for objective in ("cut-links", "spread"):
        for seed in (1, 2):
            case = estates(n, seed=seed)
            cpu = time.process_time()
            plan, seen = ours(case, objective=objective, time_limit_s=SECONDS[n])
            cpu = time.process_time() - cpu
            unproved = sum(case["size"][item.unit] for item in plan.left if not item.proved)
            assert unproved <= 0.005 * case["size"].sum()
            rows.append((
                f"{objective}, seed {seed}", f"{seen[0][0]:.3f}", f"{100 * seen[0][1]:.2f}",
                f"{seen[-1][0]:.2f}", f"{cpu:.2f}", plan.districts, f"{plan.objective:,.0f}",
                f"{100 * unproved / case['size'].sum():.3f}",
            ))  # fmt: skip
    headings = ("objective", "first s", "left %", "whole s", "cpu s", "districts", "objective",
                "unproved %")  # fmt: skip
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table(f"{n:,} estates: first plan, last plan", headings, rows,
          notes=[f"most memory of this process: {held:,.0f} MB"])  # fmt: skip
