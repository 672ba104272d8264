"""What benchmarks share: the streets of Porto, the least of several runs, and a table.

Nothing here asserts a time. Answers of two programs are asserted to agree before their times stand
side by side. The environment variable ``LIANPIAN_PEER_PYTHON`` names another Python, in which
peers run whose licence or dependencies keep them out of ours.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

NOT_WALKED = re.compile(
    "abandoned|bus_guideway|construction|cycleway|motor|planned|platform|proposed|raceway|razed"
    "|rest_area|services"
)


@dataclass(frozen=True)
class Streets:
    """``xy`` (v, 2) m, ``links`` (e, 2) nodes, ``length_m`` (e,) in whole centimetres."""

    xy: NDArray[np.float64]
    links: NDArray[np.int32]
    length_m: NDArray[np.float64]


@pytest.fixture(scope="session")
def porto(shared_data: Path) -> Streets:
    """Every node of the streets that people may walk, the largest part: 300,258 nodes."""
    ways: list[list[int]] = []
    place: dict[int, tuple[float, float]] = {}
    path = shared_data / "osm" / "porto_portugal.osm.pbf"
    for way in osmium.FileProcessor(path).with_locations():
        if not way.is_way() or "highway" not in way.tags:
            continue
        tags = way.tags
        closed = tags.get("access") == "private" or tags.get("foot") == "no"
        if closed or tags.get("area") == "yes" or NOT_WALKED.search(tags["highway"]):
            continue
        ways.append([node.ref for node in way.nodes])
        place |= {node.ref: (node.lon, node.lat) for node in way.nodes}
    known = np.array(sorted(place))
    a = np.searchsorted(known, np.concatenate([way[:-1] for way in ways]))
    b = np.searchsorted(known, np.concatenate([way[1:] for way in ways]))
    pairs = np.unique(np.sort(np.column_stack([a, b])[a != b], axis=1), axis=0)
    size = len(known)
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    kept = label == np.bincount(label).argmax()
    links = (np.cumsum(kept) - 1)[pairs[kept[pairs[:, 0]]]].astype(np.int32)
    degrees = np.array([place[node] for node in known[kept]])
    xy = np.column_stack(Transformer.from_crs(4326, 3763, always_xy=True).transform(*degrees.T))
    length_m = np.hypot(*(xy[links[:, 0]] - xy[links[:, 1]]).T)
    return Streets(xy, links, np.rint(length_m * 100) / 100)


@pytest.fixture(scope="session")
def least() -> Callable[..., float]:
    """A function that returns the least seconds of several runs of a call."""

    def least_of(call: Callable[[], Any], *, runs: int = 5) -> float:
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    return least_of


@pytest.fixture(scope="session")
def table() -> Callable[..., None]:
    """A function that prints rows under headings, with the machine and versions of packages."""

    def print_table(
        title: str,
        headings: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        packages: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        cells = [list(headings), *([_cell(value) for value in row] for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
        versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", *packages))
        lines = [f"\n{title}", f"{machine()}; Python {platform.python_version()}; {versions}"]
        for row in cells:
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join([row[0].ljust(len(first)), *others]))
        print("\n".join([*lines, *notes]))  # noqa: T201

    return print_table


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if np.isnan(value) else f"{value:,.1f}"
    return str(value)


def machine() -> str:
    """Name the processor and how many of them this process may use, and how busy they are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.*)", info.read_text())
        name = found[1] if found else name
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} x {name}{busy}"
