"""How long a vector tile takes: found, cut and packed; ours, mapbox-vector-tile and PostGIS.

100,000 polygons of 12 corners, 50 tiles of some 400 features. Before anything is timed, the three
are read back by one decoder: the same features (slivers at the edge apart), the same areas.
Seconds are those of processors (of the server's process too), medians of several rounds. Nothing
here asserts a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import mapbox_vector_tile
import numpy as np
import psutil
import psycopg
import pytest
import shapely

from gis.tiles import TileLayer, tile_bounds, tiles_over

COUNT, SIDE, STEP_M = 100_000, 317, 245.0
ZOOM, TILES = 13, 50
EXTENT, BUFFER = 4096, 64
WEST, SOUTH = 12_700_000.0, 2_590_000.0

# mapbox-vector-tile asks shapely for what it means to take out.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class City:
    """Polygons in rows, with a name, people and a score."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        place = np.arange(COUNT)
        middle = np.stack([WEST + place % SIDE * STEP_M, SOUTH + place // SIDE * STEP_M], axis=1)
        angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        away = random.uniform(60, 120, (COUNT, 12))
        round_ = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        self.shapes = shapely.polygons(middle[:, None] + away[:, :, None] * round_)
        self.names = [f"小区 {i}" for i in range(COUNT)]
        self.people = random.integers(100, 9000, COUNT)
        self.score = random.random(COUNT)
        columns, rows = tiles_over(shapely.total_bounds(self.shapes), ZOOM)
        inner = [(x, y) for x in columns[1:-1] for y in rows[1:-1]]
        picked = random.choice(len(inner), TILES, replace=False)
        self.tiles = [inner[i] for i in picked]

    def properties(self) -> dict[str, Any]:
        return {"name": self.names, "people": self.people, "score": self.score}


@pytest.fixture(scope="module")
def city() -> City:
    return City()


class Ours:
    name = "gis.tiles"

    def __init__(self, city: City) -> None:
        began = time.process_time()
        ids = np.arange(len(city.shapes))
        self.layer = TileLayer.from_shapes("estates", city.shapes, city.properties(), ids)
        self.made_s = time.process_time() - began

    def tile(self, x: int, y: int) -> bytes:
        return self.layer.tile(ZOOM, x, y, extent=EXTENT, buffer=BUFFER)

    def processor_s(self) -> float:
        return time.process_time()


class MapboxVectorTile:
    name = "mapbox-vector-tile, shapely"

    def __init__(self, city: City) -> None:
        self.shapes, self.tree = city.shapes, shapely.STRtree(city.shapes)
        columns = zip(city.names, city.people.tolist(), city.score.tolist(), strict=True)
        self.properties = [{"name": n, "people": p, "score": s} for n, p, s in columns]

    def tile(self, x: int, y: int) -> bytes:
        bounds = tile_bounds(ZOOM, x, y)
        margin = (bounds[2] - bounds[0]) / EXTENT * BUFFER
        box = (bounds[0] - margin, bounds[1] - margin, bounds[2] + margin, bounds[3] + margin)
        rows = np.sort(self.tree.query(shapely.box(*box)))
        parts = shapely.clip_by_rect(self.shapes[rows], *box)
        features = [
            {"geometry": part, "properties": self.properties[row], "id": int(row)}
            for row, part in zip(rows, parts, strict=True)
            if not part.is_empty
        ]
        layer = {"name": "estates", "features": features}
        options = {"quantize_bounds": bounds, "extents": EXTENT}
        content: bytes = mapbox_vector_tile.encode([layer], default_options=options)
        return content

    def processor_s(self) -> float:
        return time.process_time()


class PostGis:
    name = "PostGIS ST_AsMVT"
    QUERY = """
        SELECT ST_AsMVT(tile, 'estates', 4096, 'geom', 'id') FROM (
            SELECT id, name, people, score,
                   ST_AsMVTGeom(geom, ST_TileEnvelope(%s, %s, %s), 4096, 64, true) AS geom
            FROM estates
            WHERE geom && ST_TileEnvelope(%s, %s, %s, margin => 64.0 / 4096)
        ) AS tile WHERE geom IS NOT NULL"""

    def __init__(self, city: City, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        run = connection.execute
        run("CREATE TABLE estates (id bigint PRIMARY KEY, name text, people bigint,"
            " score double precision, geom geometry(Polygon, 3857))")  # fmt: skip
        columns = zip(city.names, city.people.tolist(), city.score.tolist(), strict=True)
        blobs = shapely.to_wkb(shapely.set_srid(city.shapes, 3857), hex=True, include_srid=True)
        with self.connection.cursor() as cursor, cursor.copy("COPY estates FROM STDIN") as copy:
            for row, (values, blob) in enumerate(zip(columns, blobs, strict=True)):
                copy.write_row((row, *values, blob))
        run("CREATE INDEX ON estates USING gist (geom)")
        run("VACUUM ANALYZE estates")
        (pid,) = run("SELECT pg_backend_pid()").fetchone() or (0,)
        self.server = psutil.Process(pid)
        self.version = str((run("SELECT PostGIS_Lib_Version()").fetchone() or ("?",))[0])

    def tile(self, x: int, y: int) -> bytes:
        place = (ZOOM, x, y)
        row = self.connection.execute(self.QUERY, place + place, prepare=True).fetchone()
        return bytes(row[0]) if row else b""

    def processor_s(self) -> float:
        used = self.server.cpu_times()
        return time.process_time() + float(used.user + used.system)


def areas(content: bytes) -> dict[int, float]:
    layers = mapbox_vector_tile.decode(content, default_options={"geojson": True})
    found = layers["estates"]["features"]
    return {f["id"]: shapely.geometry.shape(f["geometry"]).area for f in found}


def spent(maker: Any, tiles: list[tuple[int, int]], rounds: int) -> tuple[float, float]:
    """Milliseconds of processors for one tile, and those that passed."""
    processor, passed = [], []
    for _ in range(rounds):
        begun, at = maker.processor_s(), time.perf_counter()
        for x, y in tiles:
            maker.tile(x, y)
        passed.append(time.perf_counter() - at)
        processor.append(maker.processor_s() - begun)
    each = 1000 / len(tiles)
    return statistics.median(processor) * each, statistics.median(passed) * each


def test_tiles_of_400_features(
    city: City, postgis: str, table: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    ours, mapbox = Ours(city), MapboxVectorTile(city)
    with psycopg.connect(postgis, autocommit=True) as connection:
        server = PostGis(city, connection)
        compare(city, ours, mapbox, server, table, capsys)


def compare(
    city: City,
    ours: Ours,
    mapbox: MapboxVectorTile,
    server: PostGis,
    table: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts, sizes = [], []
    for x, y in city.tiles[:5]:
        want = areas(ours.tile(x, y))
        for other in (mapbox, server):
            have = areas(other.tile(x, y))
            # Corners half a step off, of outlines of some 400 steps; slivers may be left out.
            both = set(have) | set(want)
            assert max(abs(have.get(key, 0.0) - want.get(key, 0.0)) for key in both) < 400
            assert len(both) - len(set(have) & set(want)) <= 2
    for x, y in city.tiles:
        tile = ours.layer.tile(ZOOM, x, y, extent=EXTENT, buffer=BUFFER)
        counts.append(tile.features)
        sizes.append(len(tile) / 1000)
    rows = []
    base = 0.0
    for maker, rounds in ((ours, 9), (server, 5), (mapbox, 3)):
        cpu_ms, ms = spent(maker, city.tiles, rounds)
        base = base or cpu_ms
        rows.append([maker.name, f"{cpu_ms:.2f}", f"{ms:.2f}", cpu_ms / base])
    with capsys.disabled():
        table(
            f"{TILES} tiles of {statistics.mean(counts):.0f} features "
            f"({statistics.mean(sizes):.0f} kB) of {len(city.shapes):,} polygons; medians",
            ["", "ms of processor a tile", "ms a tile", "x ours"],
            rows,
            packages=("shapely", "mapbox-vector-tile"),
            notes=[f"PostGIS {server.version}; layer laid out in {ours.made_s:.2f} s"],
        )


def test_a_changed_row(
    city: City, table: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for count in (20_000, COUNT):
        given = {name: values[:count] for name, values in city.properties().items()}
        before = TileLayer.from_shapes("estates", city.shapes[:count], given, np.arange(count))
        value = {"name": ["moved"], "people": [1], "score": [0.5]}
        changes: dict[str, dict[str, Any]] = {
            "moved": {"positions": [777], "shapes": city.shapes[778:779], "properties": value},
            "added": {"positions": [count], "shapes": city.shapes[:1], "properties": value}
            | {"ids": [count]},
            "removed": {"removed": [777]},
        }
        for name, change in changes.items():
            took = []
            for _ in range(21):
                begun = time.process_time()
                before.changed(**change)
                took.append((time.process_time() - begun) * 1000)
            rows.append([f"{count:,} rows, one {name}", f"{statistics.median(took):.2f}"])
    with capsys.disabled():
        table("A copy of a layer with one row changed; medians", ["", "ms of processor"], rows)
