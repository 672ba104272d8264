"""How long 20,000 estates of 12 corners keep a reader waiting: whole, in a window, by tile, edited.

Nothing here asserts a time. What an edit left in memory is asserted to be what the store has. Times
are of the processor (this thread), in milliseconds: the machine may be busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from api.live import Live
from api.live.memory import Memory
from api.live.tilecache import TileCache
from api.store import Project, RowChange
from tests.layers import layer

ROWS, CORNERS, SIDE_M = 20_000, 12, 30_000
TIMES = 100


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    middle = rng.uniform(0, SIDE_M, (ROWS, 1, 2))
    rings = middle + 60 * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    people = rng.integers(100, 900, ROWS)
    words: dict[str, Any] = {
        name: [f"{name} 小区{i}" for i in range(ROWS)] for name in ("name", "address", "community")
    }
    estates = layer("estates", shapely.polygons(rings), first=0, people=people, **words)
    made = tmp_path_factory.mktemp("live") / "town.gpkg"
    with Project.create(made, name="town") as project:
        project.write_layers([(estates, None)])
    return made


def test_twenty_thousand_estates(path: Path, table: Callable[..., None]) -> None:
    rng = np.random.default_rng(2)
    told = {}
    with Project.open(path) as project:
        live = Live("town", project, Memory(project, TileCache(0)))
        start = time.thread_time()
        packed = live.layer("estates").gzipped()
        told["whole, nothing in memory"] = [time.thread_time() - start]
        found = live.layer("estates")
        found.tiles.tile(0, 0, 0)
        west, south = np.nanmin(found.lonlat_bounds[:, :2], axis=0)
        east, north = np.nanmax(found.lonlat_bounds[:, 2:], axis=0)

        def window() -> None:
            x, y = rng.uniform(west, east), rng.uniform(south, north)
            found.geojson(found.window((x, y, x + (east - west) / 5, y + (north - south) / 5)))

        def tile(zoom: int) -> Callable[[], None]:
            def draw() -> None:
                x = (rng.uniform(west, east) / 360 + 0.5) * 2**zoom
                lat = np.radians(rng.uniform(south, north))
                y = (1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * 2**zoom
                live.tile("estates", zoom, int(x), int(y))

            return draw

        told["a window, a 25th of the area"] = times(window)
        for zoom in (9, 11, 13, 15):
            told[f"a tile of zoom {zoom}, packed"] = times(tile(zoom))
        edits = []
        for turn in range(TIMES):
            place = found.geometries[turn]
            change = RowChange("update", f"E{turn}", values={"people": turn}, geometry=place)
            edit = project.edit_rows("estates", [change])
            start = time.thread_time()
            live.applied("estates", edit)
            edits.append(time.thread_time() - start)
        told["an edit followed"] = edits
        after = live.layer("estates")
        fresh = Memory(project, TileCache(0)).layer("estates")

    assert after.line is found.line
    assert after.geojson() == fresh.geojson()
    table(
        f"{ROWS:,} estates of {CORNERS} corners, {len(packed) / 1e6:.1f} MB packed",
        ["what", "median ms", "95th ms"],
        [[what, *(np.percentile(seconds, [50, 95]) * 1000)] for what, seconds in told.items()],
        packages=("shapely", "pyproj"),
    )


def times(call: Callable[[], None]) -> list[float]:
    found = []
    for _ in range(TIMES):
        start = time.thread_time()
        call()
        found.append(time.thread_time() - start)
    return found
