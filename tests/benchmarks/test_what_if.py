"""How long one edit takes on the made-up city, with the base result in memory.

The city is made at 2,000 estates (60,000 nodes) and laid side by side as often as
``LIANPIAN_BENCH_TILES`` says; 17 tiles have a million nodes. Each kind of edit is tried on places
drawn from a seed; the first of a kind is left out, since it fills caches. Nothing here asserts a
time.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.model import Layer, Study
from gis.rules import load_pack
from gis.sample import make_city
from gis.scenario import (
    AddFacility,
    AddGate,
    Base,
    CloseGate,
    Edit,
    MoveFacility,
    OpenGate,
    lay_base,
    what_if,
)

ESTATES = 2000
TILES = int(os.environ.get("LIANPIAN_BENCH_TILES", "17"))
KINDS = ("estates", "gates", "walls", "streets", "barriers", "facilities")
TIMES = 12


def resident_gb() -> float:
    """What the process holds now; unknown where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1e6 for line in lines if "VmRSS" in line), np.nan)


def tiled(layer: Layer, times: int, step_m: float) -> Layer:
    parts = []
    for i in range(times):
        frame = layer.frame.copy()
        frame["uid"] = frame["uid"] + f"-{i}"
        if "estate" in frame:
            frame["estate"] = frame["estate"] + f"-{i}"
        shift = np.array([step_m * (i % 6), step_m * (i // 6)])
        frame.geometry = shapely.transform(layer.geometries, lambda xy, by=shift: xy + by)
        parts.append(frame.set_crs(layer.crs, allow_override=True))
    return Layer(layer.kind, pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def base() -> Base:
    city = make_city(seed=1, estates=ESTATES)
    west, south, east, north = city.layer("streets").frame.total_bounds
    step_m = max(east - west, north - south) + 500.0
    layers = {kind: tiled(city.layer(kind), TILES, step_m) for kind in KINDS}
    del city  # the tiles are copies of it
    return lay_base(Study(layers), load_pack("gb50180-2018").rules)


def edits_of(base: Base, rng: np.random.Generator) -> dict[str, Callable[[], Edit]]:
    estates = base.study.layer("estates").geometries
    gates, facilities = base.study.layer("gates"), base.study.layer("facilities")
    shut = gates.uids[gates.frame["access"].isin(["cars", "closed"]).to_numpy(dtype=bool)]

    def inside() -> tuple[float, float]:
        point = estates[rng.integers(len(estates))].centroid
        return point.x, point.y

    def outline() -> tuple[float, float]:
        line = estates[rng.integers(len(estates))].boundary
        point = line.interpolate(rng.random(), normalized=True)
        return point.x, point.y

    return {
        "gate opened": lambda: OpenGate(str(rng.choice(shut))),
        "gate closed": lambda: CloseGate(str(rng.choice(gates.uids))),
        "facility added": lambda: AddFacility("nursery", inside()),
        "facility moved": lambda: MoveFacility(str(rng.choice(facilities.uids)), inside()),
        "new gate (blocks laid out anew)": lambda: AddGate(outline()),
    }


def test_one_edit(base: Base, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for name, edit in edits_of(base, np.random.default_rng(0)).items():
        took = []
        for _ in range(TIMES):
            given = [edit()]
            begin = time.perf_counter()
            what_if(base, given)
            took.append((time.perf_counter() - begin) * 1000)
        took = sorted(took[1:])
        rows.append(f"{name:34}{took[0]:10.1f}{np.median(took):10.1f}{took[-1]:10.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    packages = f"numpy {np.__version__}, numba {numba.__version__}, shapely {shapely.__version__}"
    nodes, rules = len(base.ground.network), len(base.rules)
    head = (
        f"\nOne edit, {nodes:,} nodes, {rules} rules; {resident_gb():.2f} GB in memory while "
        f"editing, {peak:.2f} GB at most (making and laying out the city included); "
        f"Python {platform.python_version()}, {packages}"
    )
    columns = f"{'ms':34}{'least':>10}{'median':>10}{'most':>10}"
    with capsys.disabled():
        sys.stdout.write("\n".join([head, columns, *rows, ""]))
