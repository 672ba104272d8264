"""Compile all compiled loops once, so that no question waits for the compiler."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import shapely

from gis.coverage import measure_coverage
from gis.districts import partition, plan_districts
from gis.explain import explain
from gis.isochrones import facility_isochrones
from gis.model import Progress, Study, silent
from gis.network import WalkNetwork
from gis.rules import load_pack
from gis.sample import make_city
from gis.scenario import AddFacility, AddGate, CloseGate, lay_base, what_if
from gis.siting import locate
from gis.stepfree import step_free
from gis.tiles import TileLayer

_SIDE: Final = 110
"""Corners of the side of a grid that is just large enough to be contracted."""


def warm(progress: Progress | None = None) -> None:
    """Ask one small question of each kind. What is compiled is kept on disk, beside the modules.

    The questions are asked in processes of their own, as many at once as there are processors:
    the compiler uses one.
    """
    say = progress or silent
    say(0.0, "compiling")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=spawn) as pool:
        asked = [pool.submit(question) for question in QUESTIONS]
        for done, answer in enumerate(as_completed(asked), start=1):
            answer.result()
            say(done / len(asked), "compiling")


def _city() -> Study:
    return make_city(seed=1, estates=12)


def _isochrones() -> None:
    study = _city()
    facility = str(study.layer("facilities").uids[0])
    facility_isochrones(study, [facility], minutes=[5, 10])


def _reach() -> None:
    corner = np.arange(_SIDE * _SIDE).reshape(_SIDE, _SIDE)
    xy = np.stack([corner.ravel() // _SIDE, corner.ravel() % _SIDE], axis=1) * 50.0
    across = np.stack([corner[:, :-1].ravel(), corner[:, 1:].ravel()], axis=1)
    along = np.stack([corner[:-1].ravel(), corner[1:].ravel()], axis=1)
    links = np.concatenate([across, along])
    network = WalkNetwork.from_arrays(xy, links, np.full(len(links), 50.0))
    # Few sources fit narrow numbers, many need wide ones: both are compiled.
    for sources in ([0], np.arange(0, 5000)):
        reach = network.reach([sources, [1]], limit_m=900.0)
        _ = reach.metres, reach.nearest, reach.cm


def _coverage_and_edits() -> None:
    study = _city()
    rules = load_pack("complete-community-2020").rules
    measure_coverage(study, rules, origin="building").capacity()
    base = lay_base(study, rules, terrain=True)
    x, y = base.ground.gates.xy[0].tolist()
    gate = str(study.layer("gates").uids[base.ground.gates.gate[0]])
    what_if(base, [AddFacility("nursery", (x, y)), AddGate((x + 1.0, y)), CloseGate(gate)])


def _districts_ramps_and_routes() -> None:
    study = _city()
    rules = load_pack("gb50180-2018").rules
    for uid in study.layer("estates").uids:
        explain(study, str(uid), rules[0])
    plan_districts(study, sizes={"count": (2, 6)}, time_limit_s=2.0)
    _partition()
    step_free(study, minutes=15)


def _partition() -> None:
    """A board of 8 x 8: more units than are tried one by one, so the search is compiled too."""
    place = np.arange(64).reshape(8, 8)
    across = np.column_stack([place[:, :-1].ravel(), place[:, 1:].ravel()])
    links = np.concatenate([across, np.column_stack([place[:-1].ravel(), place[1:].ravel()])])
    partition(links, np.ones(64), low=3, high=6, time_limit_s=3.0)


def _plane() -> tuple[Any, Any]:
    """Costs (500, 120) and people (500,): too many for any model to be solved by reductions."""
    random = np.random.default_rng(1)
    homes, sites = random.random((500, 2)), random.random((120, 2))
    cost = np.hypot(*(homes[:, None] - sites[None]).transpose(2, 0, 1))
    return cost, random.integers(1, 100, len(homes)).astype(float)


def _siting() -> None:
    cost, people = _plane()
    how: dict[str, Any] = {"time_limit_s": 20.0}
    locate(cost, people, model="mclp", count=12, limit=0.09, **how)
    locate(np.minimum(cost, 0.35), people, model="lscp", limit=0.12, share=0.95, **how)
    near = cost.min(axis=1).max() * 1.05
    locate(cost, people, model="lscp", limit=near, **how)
    for model in ("p-median", "p-center"):
        locate(cost, people, model=model, count=8, **how)


def _siting_with_cuts() -> None:
    """Forty rings of five: the linear bound of each is 2.5 sites, and 3 are needed."""
    ring = sp.csr_array(np.eye(5) + np.roll(np.eye(5), 1, axis=1))
    rings = sp.block_diag([ring] * 40, format="csr")
    locate(rings, np.ones(200), model="lscp", time_limit_s=20.0)


def _siting_with_capacities() -> None:
    cost, people = (part[:80] for part in _plane())
    how: dict[str, Any] = {"capacity": np.full(40, people.sum() / 6), "time_limit_s": 3.0}
    for model in ("mclp", "p-median", "p-center"):
        locate(cost[:, :40], people, model=model, count=9, limit=0.6, **how)
    locate(cost[:, :40], people, model="lscp", limit=0.5, **how)


def _tiles() -> None:
    """A point, a line and a polygon cut by the edge of a tile, and a copy with one changed."""
    shapes = [shapely.Point(0, 0), shapely.LineString([(0, 0), (1, 1)]), shapely.box(-1, -1, 1, 1)]
    layer = TileLayer.from_shapes("warm", shapes, {"a": [1, 2, 3]}, [1, 2, 3])
    layer.changed([0], [shapely.Point(1, 1)]).tile(1, 0, 0)


QUESTIONS: Final[tuple[Callable[[], None], ...]] = (
    _isochrones,
    _reach,
    _coverage_and_edits,
    _districts_ramps_and_routes,
    _siting,
    _siting_with_capacities,
    _siting_with_cuts,
    _tiles,
)
"""The slowest to compile first."""
