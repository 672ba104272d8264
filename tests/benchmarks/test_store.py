"""Many rows at once: 200,000 polygons into a project and out of it, in a file and on a server.

Each polygon is an estate of 8 corners on average with its name, its people and a column of the
user's own. Times are of the whole call, with the commit; CPU times are of this process, without
those of the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from api.store import Project
from api.store.copying import move
from tests.layers import layer

ROWS = 200_000


@pytest.fixture(scope="module")
def estates() -> Any:
    rng = np.random.default_rng(0)
    at = np.stack(np.divmod(np.arange(ROWS), 450), axis=1) * 100.0
    turn = np.sort(rng.uniform(0, 2 * np.pi, (ROWS, 8)), axis=1)
    corners = at[:, None] + 40 * np.stack([np.cos(turn), np.sin(turn)], axis=2)
    shapes = shapely.convex_hull(shapely.multipoints(corners))
    return layer(
        "estates", list(shapes), corner=None,
        name=[f"小区 {i}" for i in range(ROWS)], people=rng.integers(1, 5000, ROWS).tolist(),
        own=rng.uniform(size=ROWS).tolist(),
    )  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def test_200_000_polygons_go_in_and_out(
    estates: Any, tmp_path: Path, postgis: str, table: Callable[..., None]
) -> None:
    rows = []
    for where, address in (("file", str(tmp_path / "a.gpkg")), ("server", postgis)):
        with Project.create(address, name="x") as project:
            for what, work in (
                ("write", lambda: project.write_layers([(estates, None)])),
                ("read", lambda: project.read_layer("estates")),
                ("replace", lambda: project.write_layers([(estates, None)], replace=True)),
            ):
                rows.append((f"{where}, {what}", *timed(work)))
            assert project.layers()[0].rows == ROWS
    rows.append(("server to file, compared", *timed(lambda: move(postgis, tmp_path / "b.gpkg"))))
    headings = ("", "wall s", "CPU s (not of the server)")
    table("200,000 polygons", headings, rows, packages=["sqlalchemy", "psycopg", "shapely"])
