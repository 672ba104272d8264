"""Reached streets and polygons on the streets of Porto, beside the recipe of OSMnx.

The recipe (ego graph of each band, its streets buffered by 25 m and united) is written with
networkx and shapely as in OSMnx's own example of isochrones. Both run in this process on the same
facilities; times are the least of several runs. Nothing here asserts a time.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numba
import numpy as np
import osmium
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from gis.isochrones import Blockers, band_polygons, reached_streets
from gis.network import WalkNetwork
from gis.network.polylines import Polylines

BANDS_M = (300, 600, 900)
FACILITIES = 400
BY_RECIPE = 8
NOT_WALKED = {"motorway", "motorway_link", "construction", "proposed", "raceway"}


@dataclass
class Case:
    """One network with the facilities on it."""

    name: str
    network: WalkNetwork
    sources: NDArray[np.int64]


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    """Porto with every OSM node, and with chains of degree-2 nodes merged."""
    xy, ends = segments_of(shared_data / "osm" / "porto_portugal.osm.pbf")
    every = WalkNetwork.from_arrays(xy, ends, np.hypot(*(xy[ends[:, 0]] - xy[ends[:, 1]]).T))
    merged = merged_chains(xy, ends)
    node = {tuple(place): n for n, place in enumerate(xy.tolist())}
    largest = np.flatnonzero(merged.components() == 0)
    chosen = np.random.default_rng(7).choice(largest, FACILITIES, replace=False)
    same = np.array([node[tuple(place)] for place in merged.xy[chosen].tolist()])
    return [Case("every node", every, same), Case("chains merged", merged, chosen)]


def segments_of(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Nodes (v, 2) in UTM 29N and pairs (e, 2) of neighbours on streets that may be walked."""
    number: dict[int, int] = {}
    places: list[tuple[float, float]] = []
    pairs: list[tuple[int, int]] = []
    ways = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for way in ways.with_filter(osmium.filter.KeyFilter("highway")):
        if not way.is_way() or way.tags["highway"] in NOT_WALKED:
            continue
        before = -1
        for node in way.nodes:
            here = number.setdefault(node.ref, len(places))
            if here == len(places):
                places.append((node.location.lon, node.location.lat))
            if before not in (-1, here):
                pairs.append((before, here))
            before = here
    lon, lat = np.array(places).T
    x, y = Transformer.from_crs(4326, 32629, always_xy=True).transform(lon, lat)
    xy = np.round(np.stack([x, y], axis=1), 3)
    xy, place = np.unique(xy, axis=0, return_inverse=True)
    ends = np.unique(np.sort(place[np.array(pairs)], axis=1), axis=0)
    return xy, ends[ends[:, 0] != ends[:, 1]]


def merged_chains(xy: NDArray[np.float64], ends: NDArray[np.int64]) -> WalkNetwork:
    chains = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(xy[ends])))
    lines = Polylines.from_lines(chains)
    places, node = np.unique(lines.xy[lines.is_end], axis=0, return_inverse=True)
    return WalkNetwork(
        xy=places,
        links=node.reshape(-1, 2).astype(np.int32),
        length_cm=np.rint(lines.length_m * 100).astype(np.int32),
        lines=lines,
        street=np.arange(len(lines), dtype=np.int32),
    )


def made_up_blockers(network: WalkNetwork) -> NDArray[np.object_]:
    """A winding river of 120 m and 3,000 closed estates of 30 to 120 m, from a seed."""
    rng = np.random.default_rng(3)
    centre = network.xy[rng.integers(0, len(network), 3000)] + rng.normal(0, 60, (3000, 2))
    turn = rng.uniform(0, np.pi, 3000)
    half = rng.uniform(15, 60, 3000)
    corner = turn[:, None] + np.pi / 4 + np.arange(4) * np.pi / 2
    ring = np.stack([np.cos(corner), np.sin(corner)], axis=2) * half[:, None, None] * 2**0.5
    (west, south), (east, north) = network.xy.min(axis=0), network.xy.max(axis=0)
    x = np.linspace(west, east, 400)
    river = shapely.linestrings(np.stack([x, (south + north) / 2 + 800 * np.sin(x / 900)], axis=1))
    return np.append(shapely.polygons(ring + centre[:, None]), shapely.buffer(river, 60))


def least(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Milliseconds of the quickest of several runs, and the answer."""
    best = np.inf
    for _ in range(runs):
        begin = time.perf_counter()
        answer = work()
        best = min(best, time.perf_counter() - begin)
    return best * 1000, answer


def graph_of(network: WalkNetwork) -> nx.MultiGraph:
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(network)))
    shapes = network.lines.shapes
    graph.add_edges_from(
        (a, b, {"cm": cm, "geometry": shape})
        for (a, b), cm, shape in zip(
            network.links.tolist(), network.length_cm.tolist(), shapes, strict=True
        )
    )
    return graph


def recipe(graph: nx.MultiGraph, source: int) -> list[shapely.Geometry]:
    polygons = []
    for limit in BANDS_M:
        near = nx.ego_graph(graph, source, radius=limit * 100, distance="cm")
        streets = [data["geometry"] for _, _, data in near.edges(data=True)]
        polygons.append(shapely.union_all(shapely.buffer(np.array(streets), 25)))
    return polygons


def reached_cm(network: WalkNetwork, graph: nx.MultiGraph, source: int, limit_cm: int) -> int:
    """Length of street within a limit, from networkx's distances alone."""
    ways = nx.single_source_dijkstra_path_length(graph, source, cutoff=limit_cm, weight="cm")
    total = 0
    for a, b, data in graph.edges(ways.keys(), data=True):
        got = sum(limit_cm - ways[v] for v in (a, b) if v in ways)
        total += min(got, data["cm"])
    return total


def tell(capsys: pytest.CaptureFixture[str], *lines: str) -> None:
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))


@dataclass
class Times:
    """Milliseconds per facility."""

    streets: float
    polygons: float
    blocked: float
    recipe: float

    def row(self, case: Case) -> str:
        return (
            f"{case.name:15}{len(case.network):9,}{self.streets:10.3f}{self.polygons:10.3f}"
            f"{self.blocked:10.3f}{self.recipe:10.1f}"
            f"{self.recipe / (self.streets + self.polygons):16.0f}x"
            f"{self.recipe / (self.streets + self.blocked):15.0f}x"
        )


def measured(case: Case) -> Times:
    """Run both on one network, compare the answers, return the times."""
    network, sources = case.network, case.sources
    blockers = Blockers.of(made_up_blockers(network))
    graph = graph_of(network)
    # Each is called once before, so that no compiler is timed.
    reached = reached_streets(network, sources[:100], BANDS_M)
    band_polygons(reached, blockers=blockers)
    recipe_ms = least(lambda: [recipe(graph, s) for s in sources[:BY_RECIPE]], 2)[0] / BY_RECIPE
    streets_ms, reached = least(lambda: reached_streets(network, sources, BANDS_M), 9)
    open_ms, ground = least(lambda: band_polygons(reached), 9)
    blocked_ms, cut = least(lambda: band_polygons(reached, blockers=blockers), 9)
    same_streets(case, graph, reached)
    same_ground(reached, ground.shapes[:BY_RECIPE])
    nothing_blocked(cut.shapes, blockers)
    times = [ms / FACILITIES for ms in (streets_ms, open_ms, blocked_ms)]
    return Times(*times, recipe_ms)


def test_reached_streets_and_polygons_beside_the_recipe(
    cases: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    tell(
        capsys,
        "Isochrones of 300, 600 and 900 m on the streets of Porto, ms per facility",
        f"{FACILITIES} facilities, {BY_RECIPE} of them by the recipe; {os.cpu_count()} processors; "
        f"Python {platform.python_version()}, numba {numba.__version__}, numpy {np.__version__}, "
        f"shapely {shapely.__version__}, networkx {nx.__version__}",
        "network            nodes   streets  polygons   blocked    recipe   "
        "recipe/polygons  recipe/blocked",
        *(measured(case).row(case) for case in cases),
    )


def same_streets(case: Case, graph: nx.MultiGraph, reached: Any) -> None:
    """The same nodes and, to the centimetre, the same length of street as networkx."""
    for s, source in enumerate(case.sources[:BY_RECIPE].tolist()):
        nodes = set(nx.ego_graph(graph, source, radius=90_000, distance="cm"))
        cm = case.network.reach([[source]], limit_m=900).cm[0]
        assert set(np.flatnonzero(cm >= 0).tolist()) == nodes
        for band, limit in enumerate(BANDS_M):
            length_cm = round(reached.length_m[s, : band + 1].sum() * 100)
            assert length_cm == reached_cm(case.network, graph, source, limit * 100)


def same_ground(reached: Any, shapes: NDArray[np.object_]) -> None:
    """All reached streets and, within 2 %, the ground within 25 m of them as shapely has it."""
    for s, bands in enumerate(shapes):
        for band, shape in enumerate(bands):
            lines = np.concatenate([reached.lines(s, b) for b in range(band + 1)])
            exact = shapely.union_all(shapely.buffer(lines, 25))
            apart = shapely.area(shapely.symmetric_difference(shape, exact))
            assert apart < 0.02 * shapely.area(exact)
            assert shapely.covers(shapely.buffer(shape, 1e-6), shapely.union_all(lines))


def nothing_blocked(shapes: NDArray[np.object_], blockers: Blockers) -> None:
    grown = shapely.buffer(blockers.shape, -0.005)  # the ground itself, without its clearance
    shapely.prepare(grown)
    assert shapely.is_valid(shapes).all()
    assert not shapely.intersects(grown, shapes).any()
