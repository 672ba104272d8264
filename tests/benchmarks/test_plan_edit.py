"""How long one change of a plan by hand takes, beside working the whole plan out anew; repair.

5,000 estates on a board in districts of 20; changes drawn from a seed. Both ways are asserted to
give the same verdicts; nothing here asserts a time. Times are of the processor (this process), in
milliseconds: the machine may be busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.districts import Adjacency, DistrictPlan
from gis.districts.check_plan import check_plan
from gis.model import KINDS, Layer, empty_frame
from gis.plans.edit import Edit, PlanEditor
from gis.plans.repair import repair_plan

ROWS, COLUMNS, STEP = 50, 100, 100.0
TIMES = 60
SIZES = {"people": (5000.0, 24_000.0), "households": (1500.0, 9000.0), "area_m2": (0.0, 1e6)}


@pytest.fixture(scope="module")
def estates() -> Layer:
    n = ROWS * COLUMNS
    rng = np.random.default_rng(1)
    homes = rng.integers(100, 400, n)
    empty = empty_frame(KINDS["estates"])
    given: dict[str, Any] = {"uid": [f"E{i}" for i in range(n)], "households": homes,
                             "people": np.rint(homes * 2.62)}  # fmt: skip
    data = {
        c.name: pd.Series(given.get(c.name, [None] * n), dtype=object).astype(empty[c.name].dtype)
        for c in KINDS["estates"].columns
    }
    x, y = np.tile(np.arange(COLUMNS), ROWS) * STEP, np.repeat(np.arange(ROWS), COLUMNS) * STEP
    x, y = x + 500_000, y + 3_000_000
    shapes = shapely.box(x, y, x + STEP, y + STEP)
    return Layer(KINDS["estates"], gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:4545"))


@pytest.fixture(scope="module")
def plan(estates: Layer) -> DistrictPlan:
    place = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    across = np.column_stack([place[:, :-1].ravel(), place[:, 1:].ravel()])
    down = np.column_stack([place[:-1].ravel(), place[1:].ravel()])
    links = np.concatenate([across, down])
    e = len(links)
    names = np.array([f"D{(i // COLUMNS // 4) * 20 + i % COLUMNS // 5}" for i in place.ravel()])
    beside = Adjacency(
        "touch", links, np.zeros(e), np.full(e, "outlines touch", dtype=object),
        np.empty((0, 2), np.int64), np.empty(0),
    )  # fmt: skip
    return DistrictPlan(
        "drawn", estates.uids, names.astype(object), (), MappingProxyType({"sizes": SIZES}),
        np.nan, np.nan, np.nan, "drawn", beside,
    )  # fmt: skip


class Naive:
    """The whole plan worked out anew after each change."""

    def __init__(self, plan: DistrictPlan, estates: Layer) -> None:
        self.graph = nx.Graph()
        self.graph.add_nodes_from(plan.estates)
        self.graph.add_edges_from(plan.estates[plan.adjacency.links].tolist())
        self.district = dict(zip(plan.estates, plan.district, strict=True))
        self.values = {c: dict(zip(plan.estates, estates.numbers(c), strict=True)) for c in SIZES}

    def look(self) -> dict[str, tuple[dict[str, float], int]]:
        members: dict[str, list[str]] = {}
        for uid, name in self.district.items():
            members.setdefault(name, []).append(uid)
        return {
            name: (
                {c: sum(self.values[c][uid] for uid in uids) for c in SIZES},
                nx.number_connected_components(self.graph.subgraph(uids)),
            )
            for name, uids in members.items()
        }


def test_one_change_of_a_plan(
    estates: Layer, plan: DistrictPlan, table: Callable[..., None]
) -> None:
    editor, naive = PlanEditor(plan, estates), Naive(plan, estates)
    rng = np.random.default_rng(2)
    spent: dict[str, list[tuple[float, float]]] = {}
    for i in range(TIMES):
        kind = ("move one", "lasso of some 20", "lasso of some 400", "undo")[i % 4]
        to = f"D{rng.integers(240)}"
        uid = f"E{rng.integers(ROWS * COLUMNS)}"
        x, y = 500_000 + rng.random() * 7000, 3_000_000 + rng.random() * 2500
        wide = 450 if kind == "lasso of some 20" else 2000
        lasso = shapely.Point(x + wide / 2, y + wide / 2).buffer(wide / 2)

        def change(kind: str = kind, uid: str = uid, to: str = to, lasso: Any = lasso) -> Edit:
            if kind == "undo":
                return editor.undo()
            return editor.move(uid, to) if kind == "move one" else editor.lasso(lasso, to)

        edit, mine = _timed(change)
        for moved in edit.estates:
            naive.district[moved] = editor.district_of(moved)
        anew, theirs = _timed(naive.look)
        for verdict in edit.verdicts:
            totals, pieces = anew[verdict.district]
            assert len(verdict.pieces) == pieces
            assert all(abs(verdict.totals[c] - totals[c]) < 1e-6 for c in SIZES)
        spent.setdefault(kind, []).append((mine, theirs))
    rows = []
    for kind, times in spent.items():
        mine, theirs = np.median(times, axis=0)
        rows.append((kind, float(mine), float(max(m for m, _ in times)), float(theirs)))
    table(
        f"One change of a plan of {ROWS * COLUMNS:,} estates, ms of the processor",
        ("change", "editor, median", "editor, worst", "all anew (networkx)"), rows,
        packages=("networkx", "rtree", "shapely"),
    )  # fmt: skip


def test_repair_of_ten_strays(
    estates: Layer, plan: DistrictPlan, table: Callable[..., None]
) -> None:
    district = plan.district.copy()
    rng = np.random.default_rng(3)
    for place in rng.choice(len(district), 10, replace=False):
        district[place] = f"D{rng.integers(240)}"
    broken = replace(plan, district=district)
    faults, check_ms = _timed(lambda: check_plan(broken, estates))
    repair, repair_ms = _timed(lambda: repair_plan(broken, estates, time_limit_s=60.0))
    assert repair.plan is not None
    assert check_plan(repair.plan, estates) == ()
    row = (f"{len(faults)} faults", len(repair.moved), repair.bound, check_ms, repair_ms)
    table(
        f"Ten strays in a plan of {ROWS * COLUMNS:,} estates, ms of the processor",
        ("plan", "moved", "proved needed", "check", "repair"), [row], packages=("highspy",),
    )  # fmt: skip


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    out = call()
    return out, (time.process_time() - start) * 1000
