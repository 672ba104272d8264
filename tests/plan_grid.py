"""Plans on a chequerboard of estates, for tests: E1 E2 E3 in the first row, E4 E5 E6 below, ..."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely

from gis.districts import Adjacency, DistrictPlan, LeftOut
from gis.model import Layer
from tests.layers import layer

EAST, NORTH, STEP = 500_000.0, 3_000_000.0, 100.0


def grid_estates(rows: int, columns: int, **given: Sequence[Any]) -> Layer:
    """Squares of 100 m side by side, 1,000 people each unless given."""
    x, y = np.tile(np.arange(columns), rows) * STEP + EAST, np.repeat(np.arange(rows), columns)
    shapes = shapely.box(x, NORTH - y * STEP - STEP, x + STEP, NORTH - y * STEP)
    given = {"people": [1000] * (rows * columns)} | given
    return layer("estates", shapes, corner=None, first=1, **given)


def grid_links(rows: int, columns: int, without: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """(e, 2) side-by-side pairs of rows of the layer; ``without`` some (counted from 1)."""
    place = np.arange(rows * columns).reshape(rows, columns)
    across = np.column_stack([place[:, :-1].ravel(), place[:, 1:].ravel()])
    down = np.column_stack([place[:-1].ravel(), place[1:].ravel()])
    out = {(a + 1, b + 1) for a, b in [*across.tolist(), *down.tolist()]} - set(without)
    return np.array(sorted(out), dtype=np.int64).reshape(-1, 2) - 1


def beside(links: np.ndarray, beyond: Sequence[tuple[int, int, float]] = ()) -> Adjacency:
    e = len(links)
    pairs = np.array([[a - 1, b - 1] for a, b, _ in beyond], dtype=np.int64).reshape(-1, 2)
    return Adjacency(
        "touch", links, np.zeros(e), np.full(e, "outlines touch", dtype=object),
        pairs, np.array([m for *_, m in beyond], dtype=float),
    )  # fmt: skip


def drawn(
    words: str,
    adjacency: Adjacency,
    *,
    left_out: Sequence[LeftOut] = (),
    uids: Sequence[str] | None = None,
    **settings: Any,
) -> DistrictPlan:
    """Read a plan from words in the order of the estates; ``-`` is no district."""
    names = np.array([None if w == "-" else w for w in words.split()], dtype=object)
    uids = uids if uids is not None else [f"E{i + 1}" for i in range(len(names))]
    return DistrictPlan(
        "drawn", np.array(uids, dtype=object), names, tuple(left_out), MappingProxyType(settings),
        np.nan, np.nan, np.nan, "drawn", adjacency,
    )  # fmt: skip


def grid_plan(
    words: str, rows: int, columns: int, *, without: Iterable[tuple[int, int]] = (), **settings: Any
) -> DistrictPlan:
    return drawn(words, beside(grid_links(rows, columns, without)), **settings)


def words_of(plan: DistrictPlan) -> str:
    return " ".join("-" if d is None else str(d) for d in plan.district)
