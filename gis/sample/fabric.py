"""From the plan to the map: street lines, block faces, what is built and what is left wild."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.sample.streets import EXPRESSWAY, RAIL, RIVER, VERTEX_EVERY_M, Mesh
from gis.sample.terrain import RIVER_CORRIDOR_M, Floats, Ints, Terrain

Shapes = NDArray[np.object_]
Flags = NDArray[np.bool_]

STEEP: Final = 0.085
"""Climb over run from which a lane on a slope is built as steps."""
TRAIL_SHARE: Final = 0.22
LASTING: Final = ("primary", "secondary")


@dataclass(frozen=True, eq=False)
class Fabric:
    """Streets and blocks on the map.

    ``edge_line`` (e,) lines; ``kept`` (e,) those that exist; ``highway`` (e,) OSM words;
    ``face`` (b,) polygons bounded by the streets' middles; ``wild`` (b,) not built;
    ``old`` (b,) 0 to 1; ``middle_st`` (b, 2) plan position of the middle of each block.
    """

    mesh: Mesh
    terrain: Terrain
    edge_line: Shapes
    kept: Flags
    highway: NDArray[np.object_]
    face: Shapes
    wild: Flags
    old: Floats
    middle_st: Floats


def weave(mesh: Mesh, terrain: Terrain, rng: np.random.Generator) -> Fabric:
    """Draw the streets and blocks of a mesh on the map."""
    coords, offsets = _edge_coords(mesh, terrain)
    lines = np.asarray(
        shapely.linestrings(
            coords, indices=np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        )
    )
    half = np.full(len(mesh.leaf), 0.5)
    middle = mesh.in_block(np.arange(len(half)), half, half)
    wild = terrain.wildness(middle) + rng.normal(0, 0.06, len(half)) > 0.80
    highway = np.array([mesh.line_cls[line] for line in mesh.edge_line], dtype=object)
    kept = _kept(mesh, wild, highway, rng)
    _make_steps(mesh, terrain, wild, highway)
    return Fabric(
        mesh, terrain, lines, kept, highway, _faces(mesh, coords, offsets), wild,
        terrain.oldness(middle), middle,
    )  # fmt: skip


def _edge_coords(mesh: Mesh, terrain: Terrain) -> tuple[Floats, Ints]:
    """Return the vertices of all stretches one after the other, and where each begins (e + 1,)."""
    ends = mesh.node_st[mesh.edge_nodes]
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    count = np.maximum(2, np.ceil(length / VERTEX_EVERY_M).astype(np.int64) + 1)
    offsets = np.concatenate([[0], np.cumsum(count)])
    edge = np.repeat(np.arange(len(count)), count)
    share = (np.arange(offsets[-1]) - offsets[edge]) / (count[edge] - 1)
    pos = mesh.edge_from[edge] + (mesh.edge_to - mesh.edge_from)[edge] * share
    coords = terrain.to_map(mesh.on_line(mesh.edge_line[edge], pos))
    nodes = terrain.to_map(mesh.node_st)
    # Stretches that meet share the very same junction, to the last bit.
    coords[offsets[:-1]] = nodes[mesh.edge_nodes[:, 0]]
    coords[offsets[1:] - 1] = nodes[mesh.edge_nodes[:, 1]]
    return coords, offsets


def _faces(mesh: Mesh, coords: Floats, offsets: Ints) -> Shapes:
    rings = []
    for ring in mesh.block_edges:
        parts = []
        for edge, forward in ring:
            part = coords[offsets[edge] : offsets[edge + 1]]
            parts.append(part[:-1] if forward else part[:0:-1])
        rings.append(np.concatenate(parts))
    return np.array([shapely.Polygon(ring) for ring in rings], dtype=object)


def _kept(mesh: Mesh, wild: Flags, highway: NDArray[np.object_], rng: np.random.Generator) -> Flags:
    """Drop streets between wild blocks, but for arterials and a few trails; then stray pieces."""
    none = mesh.edge_blocks < 0
    wild_side = np.where(none, True, wild[mesh.edge_blocks])
    lonely = wild_side.all(axis=1) & (mesh.crossing == 0)
    lasting = np.isin(highway, LASTING) & ~none.any(axis=1)
    trail = rng.random(len(lonely)) < TRAIL_SHARE
    highway[lonely & ~lasting & trail] = "path"
    kept = ~lonely | lasting | (trail & ~none.any(axis=1))
    _close_dead_crossings(mesh, kept)
    m, n = mesh.edge_nodes[kept].T
    size = len(mesh.node_st)
    graph = coo_array((np.ones(len(m)), (m, n)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    largest = np.argmax(np.bincount(label[m]))
    return np.asarray(kept & (label[mesh.edge_nodes[:, 0]] == largest))


def _close_dead_crossings(mesh: Mesh, kept: Flags) -> None:
    """Take away crossings that no kept street leads on from."""
    degree = np.bincount(mesh.edge_nodes[kept].ravel(), minlength=len(mesh.node_st))
    dead = (mesh.crossing > 0) & (degree[mesh.edge_nodes] < 2).any(axis=1)
    kept[dead] = False


def _make_steps(mesh: Mesh, terrain: Terrain, wild: Flags, highway: NDArray[np.object_]) -> None:
    ends = terrain.elevation_m(mesh.node_st)[mesh.edge_nodes]
    run = np.hypot(*(mesh.node_st[mesh.edge_nodes[:, 1]] - mesh.node_st[mesh.edge_nodes[:, 0]]).T)
    steep = np.abs(ends[:, 1] - ends[:, 0]) / np.maximum(run, 1.0) > STEEP
    minor = np.isin(highway, ("living_street", "residential", "path", "unclassified"))
    highway[steep & minor & (mesh.crossing == 0) & (run < 190)] = "steps"
    on_slope = terrain.hillness(mesh.node_st[mesh.edge_nodes[:, 0]]) > 0.25
    near = np.where(mesh.edge_blocks >= 0, wild[mesh.edge_blocks], False).any(axis=1)
    lane = highway == "living_street"
    highway[lane & on_slope & near] = "footway"


def _strip(terrain: Terrain, s: Floats, north: Floats, south: Floats) -> Any:
    upper = np.stack([s, north], axis=1)
    lower = np.stack([s, south], axis=1)[::-1]
    return shapely.Polygon(terrain.to_map(np.concatenate([upper, lower])))


def river_polygon(terrain: Terrain, *, beyond_m: float = 700.0) -> Any:
    """Return the river's surface, from ``beyond_m`` above the city to as far below it."""
    s = np.arange(-beyond_m, terrain.layout.length_m + beyond_m, 25.0)
    return _strip(terrain, s, terrain.bank_t(s, side=1), terrain.bank_t(s, side=-1))


def bank_parks(fabric: Fabric) -> list[Any]:
    """Return the green between the riverside streets and the water, bridge by bridge."""
    mesh, terrain = fabric.mesh, fabric.terrain
    ends = mesh.edge_nodes[mesh.crossing == RIVER]
    places = np.sort(mesh.node_st[ends].mean(axis=1)[:, 0])
    stops = np.concatenate([[0.0], places, [terrain.layout.length_m]])
    street = RIVER_CORRIDOR_M / 2 - 19.0
    parks = []
    for low, high in zip(stops[:-1] + 26, stops[1:] - 26, strict=True):
        if high - low < 120:
            continue
        s = np.linspace(low, high, max(4, round((high - low) / 25)))
        for side in (1, -1):
            water = terrain.bank_t(s, side=side) + side * 3.0
            parks.append(_strip(terrain, s, np.full(len(s), side * street), water))
    return parks


def corridor_line(terrain: Terrain, which: int, *, beyond_m: float = 700.0) -> Any:
    """Return the middle line of the railway or the expressway (RAIL or EXPRESSWAY)."""
    low = {RAIL: 1, EXPRESSWAY: 5}[which]
    s = np.arange(-beyond_m, terrain.layout.length_m + beyond_m, 25.0)
    t = np.full(len(s), sum(terrain.layout.borders[low : low + 2]) / 2)
    return shapely.LineString(terrain.to_map(np.stack([s, t], axis=1)))
