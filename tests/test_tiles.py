"""Vector tiles, read back by another program's decoder and held against shapely's cuts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mapbox_vector_tile
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from mapbox_vector_tile.Mapbox import vector_tile_pb2
from numpy.typing import NDArray
from shapely.geometry import shape as shape_of

from gis.errors import OptionError
from gis.tiles import MOST_ZOOM, WORLD_M, TileLayer, tile_bounds, tiles_over

CITY = (12_700_000.0, 2_590_000.0)  # metres of EPSG:3857
SEEDS = st.integers(0, 2**32 - 1)


def decoded(content: bytes, name: str = "a") -> dict[int, dict[str, Any]]:
    """Features by their id, y running down."""
    layers = mapbox_vector_tile.decode(bytes(content), default_options={"y_coord_down": True})
    features = layers[name]["features"] if content else []
    return {feature.get("id", row): feature for row, feature in enumerate(features)}


def drawn(content: bytes) -> dict[int, Any]:
    return {key: shape_of(feature["geometry"]) for key, feature in decoded(content).items()}


def paths(content: bytes) -> Iterator[tuple[int, list[list[tuple[int, int]]]]]:
    """Type and paths of each feature, straight from the commands."""
    message = vector_tile_pb2.tile()
    message.ParseFromString(bytes(content))
    for feature in message.layers[0].features if content else ():
        numbers = iter(feature.geometry)
        x = y = 0
        found: list[list[tuple[int, int]]] = []
        for number in numbers:
            command, times = number & 7, number >> 3
            assert command in (1, 2, 7)
            for _ in range(times if command != 7 else 0):
                x, y = (
                    at + (step >> 1 ^ -(step & 1))
                    for at, step in ((x, next(numbers)), (y, next(numbers)))
                )
                if command == 1:
                    found.append([])
                found[-1].append((x, y))
        yield feature.type, found


def double_area(ring: Sequence[tuple[int, int]]) -> int:
    turned = [*ring[1:], ring[0]]
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(ring, turned, strict=True))


def on_tile(shape: Any, z: int, x: int, y: int, extent: int = 4096) -> Any:
    west, _, east, north = tile_bounds(z, x, y)
    step = (east - west) / extent
    return shapely.transform(shape, lambda xy: (xy - [west, north]) / [step, -step])


def cut(shape: Any, z: int, x: int, y: int, buffer: int = 64, extent: int = 4096) -> Any:
    square = shapely.box(-buffer, -buffer, extent + buffer, extent + buffer)
    return on_tile(shape, z, x, y, extent).intersection(square)


def from_tile(shape: Any, z: int, x: int, y: int) -> Any:
    """A shape given in steps of a tile, y down, in metres of EPSG:3857."""
    west, _, east, north = tile_bounds(z, x, y)
    step = (east - west) / 4096
    return shapely.transform(shape, lambda xy: [west, north] + xy * [step, -step])


def cell_of(z: int) -> int:
    return 1 if z >= 12 else 2 if z >= 10 else 4


def blob(random: np.random.Generator, middle: NDArray[Any], radius: float, corners: int) -> Any:
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    away = radius * random.uniform(0.3, 1.0, corners)
    ring = middle + away[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return shapely.Polygon(ring).buffer(0)


def holed(random: np.random.Generator, middle: NDArray[Any], radius: float) -> Any:
    found = blob(random, middle, radius, int(random.integers(4, 30)))
    for _ in range(random.integers(0, 4)):
        at = middle + random.uniform(-0.5, 0.5, 2) * radius
        found = found.difference(blob(random, at, radius * random.uniform(0.05, 0.4), 7))
    return found


def place(random: np.random.Generator) -> tuple[int, int, int]:
    z = int(random.integers(0, 23))
    x, y = (int(at) for at in random.integers(0, 2**z, 2))
    return z, x, y


def layer_of(shapes: Sequence[Any], **properties: Any) -> TileLayer:
    return TileLayer.from_shapes("a", shapes, properties, np.arange(len(shapes)))


# ---------------------------------------------------------------------------- bytes and geometry


def test_bytes_of_a_point() -> None:
    layer = TileLayer.from_shapes("a", [shapely.Point(0, 0)], {"b": ["c"]}, [5])
    # Steps 4096, 4096 of tile 1/0/0; numbers as the format's text has them.
    feature = bytes([0x08, 5, 0x12, 2, 0, 0, 0x18, 1, 0x22, 5, 9, 0x80, 0x40, 0x80, 0x40])
    inside = b"".join(
        [
            *(b"\x78\x02", b"\x0a\x01a", b"\x12", bytes([len(feature)]), feature),
            *(b"\x1a\x01b", b"\x22\x03\x0a\x01c", b"\x28\x80\x20"),
        ]
    )
    assert layer.tile(1, 0, 0) == b"\x1a" + bytes([len(inside)]) + inside


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_polygons_are_those_that_shapely_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    z, x, y = place(random)
    west, south, east, north = tile_bounds(z, x, y)
    size = east - west
    shapes = []
    while len(shapes) < 6:
        middle = random.uniform([west - size, south - size], [east + size, north + size])
        found = holed(random, middle, size * 10 ** random.uniform(-2, 0.8))
        if found.geom_type.endswith("Polygon") and not found.is_empty:
            shapes.append(found)
    buffer = int(random.choice([0, 64]))
    tile = layer_of(shapes).tile(z, x, y, buffer=buffer)
    have = drawn(tile)
    for row, shape in enumerate(shapes):
        want = cut(shape, z, x, y, buffer)
        got = have.get(row, shapely.Polygon())
        cell = cell_of(z)
        slack = 0.75 * cell * want.length + 2 * cell**2 + 10  # half a cell beside each edge
        assert abs(got.area - want.area) <= slack
        assert got.buffer(0).symmetric_difference(want).area <= slack
    for kind, rings in paths(tile):
        assert kind == 3
        assert double_area(rings[0]) > 0  # the first is an outer one
        outer = None
        for ring in rings:
            assert len(set(ring)) >= 3
            assert all(a != b for a, b in itertools.pairwise([*ring, ring[0]]))
            area = double_area(ring)
            assert area != 0
            if area > 0:
                outer = shapely.Polygon(ring).buffer(0)
            else:  # a hole follows the ring that it is cut out of
                assert outer is not None
                hole = shapely.Polygon(ring).buffer(0)
                assert hole.difference(outer.buffer(cell_of(z))).area == 0
            assert all(-buffer <= at <= 4096 + buffer for corner in ring for at in corner)


def test_cells_of_a_plane_leave_no_gap_and_no_overlap() -> None:
    random = np.random.default_rng(3)
    z, x, y = 14, 13385, 7130
    points = shapely.MultiPoint(random.uniform(-3000, 7000, (400, 2)))
    cells = shapely.voronoi_polygons(points, extend_to=shapely.box(-9000, -9000, 13000, 13000))
    layer = layer_of([from_tile(cell, z, x, y) for cell in cells.geoms])
    for buffer in (0, 64):
        rings = [ring for _, found in paths(layer.tile(z, x, y, buffer=buffer)) for ring in found]
        assert sum(map(double_area, rings)) == 2 * (4096 + 2 * buffer) ** 2


def test_parts_of_a_cut_polygon_are_rings_of_their_own() -> None:
    teeth = [shapely.box(200 + 400 * i, 3000, 400 + 400 * i, 4200) for i in range(8)]
    comb = shapely.union_all([*teeth, shapely.box(200, 4190, 3200, 4300)])
    ring = shapely.box(3500, 100, 4400, 900).difference(shapely.box(3700, 300, 4300, 700))
    layer = layer_of([from_tile(shape, 14, 100, 100) for shape in (comb, ring)])
    have = drawn(layer.tile(14, 100, 100, buffer=64))
    assert have[0].is_valid
    assert len(have[0].geoms) == 8
    assert have[0].area == 8 * 200 * 1160
    assert have[1].is_valid
    assert have[1].geom_type == "Polygon"
    assert not have[1].interiors  # the hole opens to the edge
    assert have[1].area == 660 * 800 - 460 * 400


def test_holes_go_with_the_part_around_them() -> None:
    legs = [shapely.box(100, 100, 1000, 4200), shapely.box(2000, 100, 3000, 4200)]
    u = shapely.union_all([*legs, shapely.box(100, 4180, 3000, 4400)])
    u = u.difference(shapely.box(300, 300, 500, 500))
    u = u.difference(shapely.box(2300, 300, 2500, 500)).difference(
        shapely.box(2300, 900, 2900, 1000)
    )
    tile = layer_of([from_tile(u, 14, 100, 100)]).tile(14, 100, 100)
    have = drawn(tile)[0]
    assert have.is_valid
    assert sorted(len(part.interiors) for part in have.geoms) == [1, 2]


def test_a_tile_inside_a_huge_polygon_is_full_and_in_its_hole_empty() -> None:
    lake = shapely.box(-2e6, -2e6, 2e6, 2e6).difference(shapely.box(1e5, 1e5, 1e6, 1e6))
    layer = layer_of([lake, shapely.MultiPolygon([lake, shapely.box(1.5e5, 1.5e5, 2e5, 2e5)])])
    for z in (8, 14, 22):
        columns, rows = tiles_over((-9e5, -9e5, -9e5, -9e5), z)
        have = drawn(layer.tile(z, columns[0], rows[0]))
        assert [part.area for part in have.values()] == [4224**2, 4224**2]
        columns, rows = tiles_over((5e5, 5e5, 5e5, 5e5), z)
        assert layer.tile(z, columns[0], rows[0]) == b""
    columns, rows = tiles_over((1.7e5, 1.7e5, 1.7e5, 1.7e5), 14)
    assert list(drawn(layer.tile(14, columns[0], rows[0]))) == [1]


def test_tiles_add_up_to_the_whole() -> None:
    random = np.random.default_rng(1)
    big = holed(random, np.array(CITY), 30_000.0)
    layer = layer_of([big])
    columns, rows = tiles_over(big.bounds, 12)
    tiles = [layer.tile(12, x, y, buffer=0) for x in columns for y in rows]
    steps = sum(shape.area for tile in tiles for shape in drawn(tile).values())
    step_m = 2 * WORLD_M / (4096 << 12)
    assert len(tiles) > 30
    assert abs(steps * step_m**2 - big.area) <= big.length * step_m


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_lines_and_points_are_those_that_shapely_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    z, x, y = place(random)
    west, south, east, north = tile_bounds(z, x, y)
    size = east - west
    box = [west - size / 2, south - size / 2], [east + size / 2, north + size / 2]
    walks = [random.uniform(*box, (random.integers(2, 12), 2)) for _ in range(3)]
    spots = random.uniform(*box, (20, 2))
    shapes = [
        shapely.LineString(walks[0]),
        shapely.MultiLineString(walks[1:]),
        *map(shapely.Point, spots),
        shapely.MultiPoint(spots),
    ]
    have = drawn(layer_of(shapes).tile(z, x, y))
    cell = cell_of(z)
    for row in (0, 1):
        want = cut(shapes[row], z, x, y)
        got = have.get(row, shapely.LineString())
        assert got.difference(on_tile(shapes[row], z, x, y).buffer(1.2 * cell)).is_empty
        inner = want.intersection(shapely.box(-60 + cell, -60 + cell, 4156 - cell, 4156 - cell))
        assert inner.difference(got.buffer(1.2 * cell)).is_empty
    around = shapely.box(-64, -64, 4160, 4160)
    inside = []
    for row, spot in enumerate(spots, start=2):
        want = on_tile(shapely.Point(spot), z, x, y)
        if around.boundary.distance(want) <= cell:
            return  # one side of the edge or the other
        assert (row in have) == around.contains(want)
        if row in have:
            inside.append(have[row])
            assert abs(have[row].x - want.x) <= cell / 2 + 1e-3
            assert abs(have[row].y - want.y) <= cell / 2 + 1e-3
    if inside:
        assert shapely.union_all(inside).equals(shapely.union_all([have[22]]))


def test_what_touches_only_the_edge_or_a_corner_has_no_area_there() -> None:
    beside = shapely.box(4096, 1000, 4500, 2000)
    corner = shapely.box(4096, 4096, 5000, 5000)
    tip = shapely.Polygon([(4096, 500), (4300, 400), (4300, 600)])
    diagonal = shapely.Polygon([(4096 + 300, 4096 - 300), (4096 - 300, 4096 + 300), (5000, 5000)])
    layer = layer_of([from_tile(s, 15, 9, 9) for s in (beside, corner, tip, diagonal)])
    assert layer.tile(15, 9, 9, buffer=0) == b""
    assert set(drawn(layer.tile(15, 10, 9, buffer=0))) == {0, 2, 3}
    assert set(drawn(layer.tile(15, 10, 10, buffer=0))) == {1, 3}


def test_a_notch_without_width_keeps_the_rest() -> None:
    """The cut rings meet at one place of the edge, which does not tell what is inside."""
    notch = shapely.Polygon([(5000.0, 2000.0), (3000.0, 2000.4), (5000.0, 2000.8)])
    layer = layer_of([from_tile(shapely.box(-500, -500, 5000, 5000).difference(notch), 13, 9, 9)])
    (have,) = drawn(layer.tile(13, 9, 9)).values()
    assert have.buffer(0).area == pytest.approx(4224**2, abs=2000)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_neighbouring_tiles_agree_at_their_border(seed: int) -> None:
    random = np.random.default_rng(seed)
    z = int(random.integers(8, 21))
    x, y = (int(at) for at in random.integers(1, 2**z - 1, 2))
    radius = 10 ** random.uniform(1.5, 3.5)
    middle = np.array([4096.0, random.uniform(500, 3500)])
    layer = layer_of([from_tile(blob(random, middle, radius, 12), z, x, y)])
    (left,), (right,) = (drawn(layer.tile(z, x + i, y)).values() for i in (0, 1))
    band = shapely.box(4032, -64, 4160, 4160)  # what both show
    moved = shapely.affinity.translate(right, xoff=4096)
    a, b = (shape.buffer(0).intersection(band) for shape in (left, moved))
    assert a.symmetric_difference(b).area <= 0.51 * (a.length + 1)
    inner = shapely.box(4033, -63, 4159, 4159)  # corners of the cut itself lie at the edge of it
    for shape, other in ((left, moved), (moved, left)):
        corners = shapely.points(shapely.get_coordinates(shape))
        for corner in corners[shapely.contains(inner, corners)]:
            assert other.boundary.distance(corner) <= 0.75


def test_nothing_wraps_round_the_antimeridian() -> None:
    across = shapely.box(WORLD_M - 1e5, -1e5, WORLD_M + 1e5, 1e5)
    layer = layer_of([across])
    (east,) = drawn(layer.tile(4, 15, 7, buffer=0)).values()
    assert east.bounds[2] == 4096
    assert layer.tile(4, 0, 7) == b""


@pytest.mark.parametrize("z", range(MOST_ZOOM + 1))
def test_every_zoom_shows_an_estate(z: int) -> None:
    estate = shapely.box(*CITY, CITY[0] + 300, CITY[1] + 200)
    layer = layer_of([estate])
    columns, rows = tiles_over(estate.bounds, z)
    have = drawn(layer.tile(z, columns[0], rows[0]))
    assert list(have) == [0]
    assert have[0].area >= cell_of(z) ** 2


def test_a_country_at_the_deepest_zoom() -> None:
    """Its corners lie farther off than products of 64-bit numbers can tell."""
    tip = (CITY[0] + 0.1, CITY[1])
    country = shapely.Polygon([(-2e7, -1e7), tip, (2e7, -1e7)])
    columns, rows = tiles_over((*CITY, *CITY), 24)
    have = drawn(layer_of([country]).tile(24, columns[0], rows[0]))
    want = cut(country, 24, columns[0], rows[0])
    assert have[0].area == pytest.approx(want.area, abs=2 * 4224)


# ------------------------------------------------------------------------ small, many and nothing


def test_polygons_smaller_than_a_cell_share_it() -> None:
    west, _, east, north = tile_bounds(5, 20, 13)
    cell_m = 4 * (east - west) / 4096
    corner = np.array([west + 100 * cell_m, north - 100 * cell_m])
    places = [(0.3, 0.3), (0.4, 0.3), (3.5, 0.4)]  # cells to the east and south
    middles = [corner + np.array([dx, -dy]) * cell_m for dx, dy in places]
    tiny = [shapely.box(*(middle - 1), *(middle + 1)) for middle in middles]
    tile = layer_of(tiny).tile(5, 20, 13)
    assert (tile.features, tile.merged, tile.left_out) == (2, 1, 0)
    have = drawn(tile)
    assert have[0].equals(shapely.box(400, 400, 404, 404))
    assert have[2].equals(shapely.box(412, 400, 416, 404))


def test_small_parts_and_holes_are_left_out_of_what_shows() -> None:
    whole = shapely.box(0, 0, 1000, 1000).difference(shapely.box(500, 500, 500.3, 500.3))
    shape = shapely.MultiPolygon([whole, shapely.box(2000, 2000, 2000.2, 2000.2)])
    (have,) = drawn(layer_of([from_tile(shape, 14, 5, 5)]).tile(14, 5, 5)).values()
    assert have.equals(shapely.box(0, 0, 1000, 1000))


def test_straight_corners_and_spikes_are_left_out() -> None:
    ring = [(0, 0), (500, 0), (1000, 0), (1000, 1000), (1000, 1300), (1000, 1000), (0, 1000)]
    line = [(0, 0), (10, 10), (20, 20), (20, 20.1), (5, 5)]
    shapes = [shapely.Polygon(ring), shapely.LineString(line)]
    tile = layer_of([from_tile(shape, 14, 5, 5) for shape in shapes]).tile(14, 5, 5)
    (_, [corners]), (_, [walk]) = paths(tile)
    assert sorted(corners) == [(0, 0), (0, 1000), (1000, 0), (1000, 1000)]
    assert walk == [(0, 0), (20, 20), (5, 5)]


def test_only_the_largest_are_shown_when_there_are_too_many() -> None:
    shapes = [from_tile(shapely.box(i * 40, 0, i * 40 + 5 + i % 7, 9), 14, 5, 5) for i in range(70)]
    tile = layer_of([*shapes, from_tile(shapely.Point(7, 7), 14, 5, 5)]).tile(14, 5, 5, most=20)
    assert (tile.features, tile.left_out) == (20, 51)
    rows = list(decoded(tile))
    assert rows == sorted(rows)  # the order is that of the layer
    assert set(rows) == {i for i in range(70) if i % 7 >= 5}


def test_nothing() -> None:
    layer = TileLayer.from_shapes("a", [None, shapely.Polygon(), shapely.Point()])
    assert len(layer) == 3
    assert layer.bounds is None
    tile = layer.tile(0, 0, 0)
    assert (tile, tile.features, tile.left_out, tile.merged) == (b"", 0, 0, 0)
    assert TileLayer.from_shapes("a", []).tile(3, 1, 2) == b""


# ------------------------------------------------------------------------------------ properties


def test_properties_come_back_as_they_were() -> None:
    columns: dict[str, Any] = {
        "名称": np.array(["翠湖小区", None, "a" * 300, "😀"], dtype=object),
        "whole": np.array([2**63 - 1, -(2**63), 0, -1]),
        "large": np.array([2**64 - 1, 5, 6, 7], dtype=np.uint64),
        "share": np.array([0.1, np.nan, -0.0, 1.5]),
        "old": np.array([True, None, False, True], dtype=object),
        "people": pd.array([1200, None, 3, 4], dtype="Int64"),
        "text": pd.array(["x", None, "y", "z"], dtype="string"),
        "nothing": [None] * 4,
        "listed": [1, 2.5, "three", True],
    }
    layer = TileLayer.from_shapes("层", [shapely.Point(0, 0)] * 4, columns, range(4))
    message = vector_tile_pb2.tile()
    message.ParseFromString(bytes(layer.tile(3, 4, 4)))
    assert message.layers[0].name == "层"
    assert set(message.layers[0].keys) == set(columns) - {"nothing"}
    have = decoded(layer.tile(3, 4, 4), "层")
    for row in range(4):
        want = {name: values[row] for name, values in columns.items() if not pd.isna(values[row])}
        assert have[row]["properties"] == want
        for name, value in have[row]["properties"].items():
            assert isinstance(value, bool) == isinstance(want[name], bool | np.bool_)
    assert str(have[2]["properties"]["share"]) == "0.0"  # no sign before nothing


def test_only_values_of_the_tile_are_in_it() -> None:
    shapes = [from_tile(shapely.Point(100 + 4096 * i, 100), 10, 7, 7) for i in range(3)]
    layer = layer_of(shapes, kind=["school", "clinic", "school"], size=[1, 2, 1])
    message = vector_tile_pb2.tile()
    message.ParseFromString(bytes(layer.tile(10, 8, 7)))
    assert [value.string_value for value in message.layers[0].values][:1] == ["clinic"]
    assert len(message.layers[0].values) == 2
    assert len(layer.tile(10, 7, 7)) == len(layer.tile(10, 9, 7))


# --------------------------------------------------------------------------------------- changes


def rows_of(random: np.random.Generator, count: int) -> list[tuple[Any, str | None, float]]:
    rows: list[tuple[Any, str | None, float]] = []
    for _ in range(count):
        at = np.array(CITY) + random.uniform(-4000, 4000, 2)
        around = blob(random, at, 200.0, 9)
        shape = [around, shapely.Point(at), None, shapely.LineString([at, at + 300])][
            random.choice(4, p=[0.7, 0.1, 0.1, 0.1])
        ]
        name = [None, "x", "y", f"n{random.integers(99)}"][random.integers(4)]
        rows.append((shape, name, float(random.integers(5)) / 4))
    return rows


def made(rows: Sequence[tuple[Any, str | None, float]], ids: Sequence[int]) -> TileLayer:
    properties = {"name": [row[1] for row in rows], "size": [row[2] for row in rows]}
    return TileLayer.from_shapes("a", [row[0] for row in rows], properties, list(ids))


def all_tiles(layer: TileLayer) -> list[bytes]:
    columns, rows = tiles_over((CITY[0] - 5000, CITY[1] - 5000, CITY[0] + 5000, CITY[1] + 5000), 13)
    tiles = [layer.tile(13, x, y) for x in columns for y in rows]
    return [*tiles, layer.tile(8, columns[0] >> 5, rows[0] >> 5)]


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_changed_layer_equals_one_made_anew(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = rows_of(random, int(random.integers(0, 60)))
    ids = list(range(len(rows)))
    layer = made(rows, ids)
    before = all_tiles(layer)
    current = layer
    for step in range(4):
        count = len(rows)
        picked = random.permutation(count)[: random.integers(0, 5)].tolist()
        cut_at = int(random.integers(0, len(picked) + 1))
        replaced, removed = picked[:cut_at], picked[cut_at:]
        added = list(range(count, count + int(random.integers(0, 4))))
        positions = [*replaced, *added]
        new = rows_of(random, len(positions))
        new_ids = random.integers(0, 10**6, len(positions)).tolist()
        current = current.changed(
            positions,
            np.array([*(row[0] for row in new), None], dtype=object)[:-1],
            {"size": [row[2] for row in new], "name": [row[1] for row in new]},
            ids=new_ids,
            removed=removed,
        )
        rows = [*rows, *(rows_of(random, len(added)))]
        ids = [*ids, *added]
        for position, row, own in zip(positions, new, new_ids, strict=True):
            rows[position], ids[position] = row, own
        rows = [row for i, row in enumerate(rows) if i not in removed]
        ids = [own for i, own in enumerate(ids) if i not in removed]
        assert all_tiles(current) == all_tiles(made(rows, ids)), step
    assert all_tiles(layer) == before  # the first one is as it was


def test_a_thousand_changes_of_a_small_layer() -> None:
    """Enough to group and pack anew what a layer and its copies share."""
    random = np.random.default_rng(5)
    rows = rows_of(random, 30)
    layer = made(rows, range(30))
    for _ in range(1500):
        at = int(random.integers(30))
        (rows[at],) = rows_of(random, 1)
        shape, name, size = rows[at]
        # Ten parts each, so that corners no longer used pile up.
        if shape is not None and shape.geom_type == "Polygon":
            shape = shapely.MultiPolygon([shapely.affinity.scale(shape, 0.1)] * 10)
            rows[at] = (shape, name, size)
        layer = layer.changed([at], [shape], {"name": [name], "size": [size]})
    assert all_tiles(layer) == all_tiles(made(rows, range(30)))


def test_shapes_or_properties_alone_may_change() -> None:
    layer = layer_of([from_tile(shapely.Point(9, 9), 9, 9, 9)] * 2, name=["a", "b"])
    moved = layer.changed([1], [from_tile(shapely.Point(50, 50), 9, 9, 9)])
    (first, second) = decoded(moved.tile(9, 9, 9)).values()
    assert second["properties"] == {"name": "b"}
    assert second["geometry"]["coordinates"] == [52, 52]  # a grid of four steps
    named = layer.changed([0], properties={"name": ["c"]})
    (first, second) = decoded(named.tile(9, 9, 9)).values()
    assert first["properties"] == {"name": "c"}
    assert first["geometry"]["coordinates"] == [8, 8]
    bare = layer.changed([2], ids=[7])  # neither shape nor properties
    assert len(bare) == 3
    assert bare.tile(9, 9, 9) == layer.tile(9, 9, 9)


def test_threads_get_the_same_bytes() -> None:
    random = np.random.default_rng(9)
    rows = rows_of(random, 300)
    layer = made(rows, range(300))
    want = all_tiles(layer)
    changes = rows_of(random, 40)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(all_tiles, layer) for _ in range(8)]
        copies = [
            pool.submit(layer.changed, [i], [row[0]], {"name": [row[1]], "size": [row[2]]})
            for i, row in enumerate(changes)
        ]
        assert all(answer.result() == want for answer in answers)
        for i, copy in enumerate(copies):
            expected = made([*rows[:i], changes[i], *rows[i + 1 :]], range(300))
            assert all_tiles(copy.result()) == all_tiles(expected)


# ----------------------------------------------------------------------------- places and refusal


def test_where_tiles_lie() -> None:
    assert tile_bounds(0, 0, 0) == pytest.approx((-WORLD_M, -WORLD_M, WORLD_M, WORLD_M))
    assert tile_bounds(1, 1, 0) == pytest.approx((0.0, 0.0, WORLD_M, WORLD_M))
    assert np.isclose(2 * WORLD_M, 40075016.685578488, rtol=1e-15)
    assert tiles_over((-1.0, -1.0, 1.0, 1.0), 1) == (range(2), range(2))
    assert tiles_over((1.0, 1.0, 2.0, 2.0), 22) == (
        range(2**21, 2**21 + 1),
        range(2**21 - 1, 2**21),
    )
    assert tiles_over((-1e9, -1e9, 1e9, 1e9), 3) == (range(8), range(8))
    assert tiles_over((3e7, 0.0, 4e7, 1.0), 3)[0] == range(0)


@pytest.mark.parametrize(
    ("z", "x", "y"), [(-1, 0, 0), (25, 0, 0), (2, 4, 0), (2, 0, 4), (2, -1, 0), (0, 0, 1)]
)
def test_tiles_that_are_not_there(z: int, x: int, y: int) -> None:
    with pytest.raises(OptionError):
        tile_bounds(z, x, y)
    with pytest.raises(OptionError):
        layer_of([shapely.Point(0, 0)]).tile(z, x, y)


@pytest.mark.parametrize(
    "options", [{"extent": 0}, {"extent": 10**6}, {"buffer": -1}, {"buffer": 5000}, {"most": 0}]
)
def test_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(OptionError, match="out of range"):
        layer_of([shapely.Point(0, 0)]).tile(0, 0, 0, **options)


@pytest.mark.parametrize("bounds", [(0, 0, 1), (2, 0, 1, 1), (0, 0, np.nan, 1), (0, 0, 1, np.inf)])
def test_bounds_that_are_no_box(bounds: tuple[float, ...]) -> None:
    with pytest.raises(OptionError):
        tiles_over(bounds, 3)


POINT = shapely.Point(0, 0)


@pytest.mark.parametrize(
    ("shapes", "properties", "ids", "words"),
    [
        ([shapely.GeometryCollection([POINT])], {}, None, "shape 0 is a GeometryCollection"),
        ([None, shapely.Point(np.inf, 0)], {}, None, "shape 1 lies nowhere"),
        ([shapely.LineString([(0, 0), (np.inf, 1)])], {}, None, "shape 0 lies nowhere"),
        ([shapely.Point(1e12, 0)], {}, None, "shape 0 lies nowhere"),
        ([POINT], {"a": [1, 2]}, None, "'a' has 2 values for 1 shapes"),
        ([POINT], {"a": [[1]]}, None, "'a' is no plain list"),
        ([POINT], {"a": [b"x"]}, None, "'a' has a value of type bytes"),
        ([POINT], {"a": np.array(["2020-01-01"], "M8[D]")}, None, "'a' has a value of type date"),
        ([POINT], {"a": [2**64]}, None, "more than 64 bits"),
        ([POINT], {}, [1, 2], "ids have shape"),
        ([POINT], {}, [-1], "ids are out of range"),
        ([POINT], {}, [2**64], "ids are out of range"),
        ([POINT], {}, [0.5], "ids are not whole"),
        ([POINT], {}, ["a"], "ids are not whole"),
    ],
)
def test_what_cannot_be_in_a_tile(shapes: Any, properties: Any, ids: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        TileLayer.from_shapes("a", shapes, properties, ids)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": [3], "shapes": [POINT]}, "row numbers run"),
        ({"positions": [-1], "shapes": [POINT]}, "row numbers run"),
        ({"positions": [0, 0], "shapes": [POINT] * 2}, "twice"),
        ({"positions": [0], "shapes": [POINT] * 2}, "2 shapes for 1"),
        ({"positions": [0], "properties": {"b": [1]}}, "give the properties a"),
        ({"positions": [0], "properties": {"a": [1, 2]}}, "2 values for 1"),
        ({"positions": [2], "shapes": [POINT]}, "the layer has ids"),
        ({"positions": [0], "removed": [0]}, "both changed and removed"),
        ({"removed": [2]}, "row numbers run"),
        ({"positions": [0], "ids": [-3]}, "ids are out of range"),
    ],
)
def test_changes_that_cannot_be(change: dict[str, Any], words: str) -> None:
    layer = layer_of([POINT] * 2, a=[1, 2])
    with pytest.raises(OptionError, match=words):
        layer.changed(**change)


def test_a_layer_without_ids_takes_none() -> None:
    layer = TileLayer.from_shapes("a", [POINT])
    with pytest.raises(OptionError, match="has no ids"):
        layer.changed([0], [POINT], ids=[1])
    assert len(layer.changed([1], [POINT])) == 2
