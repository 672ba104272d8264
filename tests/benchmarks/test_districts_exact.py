"""How far optima of ``cut-links`` are proved on graphs like those of the counties of a US state.

The graphs are made from a seed: points of a shaken lattice, joined where Delaunay triangles join
them, people lognormal as counties have them. Literature proves such cases (30 to 105 counties,
2 to 7 districts, 0.5 to 5 %) in minutes to hours: Validi, Buchanan, Lykhovyd 2022.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.spatial import Delaunay

from gis.partition import check_partition, partition
from gis.partition.choose import solve_by_sets
from gis.partition.mip import solve_exact
from gis.partition.problem import read_problem

SECONDS = 180.0
START_S = 10.0
CASES = (
    (30, 2, 0.005), (30, 3, 0.02), (44, 2, 0.01), (50, 3, 0.02), (75, 2, 0.005), (75, 3, 0.01),
    (100, 3, 0.01), (60, 4, 0.02), (75, 4, 0.01),
)  # fmt: skip
ESTATES = (40, 60, 100, 150)


def counties(n: int, seed: int, *, usual: float = 9.5, width: float = 1.0):
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n)))
    lattice = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:n]
    xy = lattice + rng.uniform(-0.35, 0.35, lattice.shape)
    corners = Delaunay(xy).simplices
    sides = np.r_[corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]
    links = np.unique(np.sort(sides, axis=1), axis=0)
    short = np.hypot(*(xy[links[:, 0]] - xy[links[:, 1]]).T) < 1.75
    people = np.round(np.exp(rng.normal(usual, width, n)))
    return xy, links[short].astype(np.int64), people


def asked(links, people, xy, low: float, high: float, count: int | None):
    return read_problem(
        links, people, count=count, low=low, high=high, objective="cut-links", link_weight={},
        classes={}, cost=None, centre_limit=None, same=(), apart=(), within=None, fixed=None,
        closed=(), start=None, time_limit_s=SECONDS, xy=xy, names=None, unit_names=None,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1])
def test_optima_of_county_graphs(seed, table):
    rows = []
    for n, districts, tolerance in CASES:
        xy, links, people = counties(n, seed)
        mean = people.sum() / districts
        low, high = np.ceil(mean * (1 - tolerance)), np.floor(mean * (1 + tolerance))
        begin = partition(
            links, people, count=districts, low=low, high=high, xy=xy, time_limit_s=START_S
        )
        problem = asked(links, people, xy, low, high, districts)
        start = time.perf_counter()
        found = solve_exact(
            problem, np.ones(n, bool), districts, begin.label, time.monotonic() + SECONDS
        )
        seconds = time.perf_counter() - start
        assert not check_partition(links, people, found.label, low=low, high=high, count=districts)
        percent = f"{tolerance:.1%}"
        rows.append((
            n, districts, percent, len(links), int(begin.objective), int(found.objective),
            float(found.bound), found.status, seconds,
        ))  # fmt: skip
    table(
        f"cut-links on made-up county graphs, seed {seed}, at most {SECONDS:.0f} s each",
        ("units", "districts", "+-", "links", "start", "best", "bound", "status", "s"),
        rows, packages=("highspy",),
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1])
def test_optima_of_many_small_districts(seed, table):
    rows = []
    for n in ESTATES:
        xy, links, people = counties(n, seed, usual=7.1, width=0.7)
        low, high = 5000, 12000
        begin = partition(links, people, low=low, high=high, xy=xy, time_limit_s=START_S)
        problem = asked(links, people, xy, low, high, None)
        start = time.perf_counter()
        found = solve_by_sets(
            problem, np.ones(n, bool), None, begin.label, time.monotonic() + SECONDS
        )
        seconds = time.perf_counter() - start
        assert not check_partition(links, people, found.label, low=low, high=high)
        rows.append((
            n, begin.districts, len(links), int(begin.objective), float(found.objective),
            float(found.bound), found.status, seconds,
        ))  # fmt: skip
    table(
        f"cut-links on made-up estates, 5,000-12,000 people, seed {seed}",
        ("units", "districts", "links", "start", "best", "bound", "status", "s"),
        rows, packages=("highspy",),
    )  # fmt: skip
