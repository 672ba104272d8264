"""A town of 20,000 estates as a project file, for the load test: `make_town`.

Estates of 12 corners stand in rows of 142, 200 m apart, streets between all of them, and some 900
facilities of the categories of a rule pack; one plan of blocks of six by six; one finished
coverage run.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from api.analyses.work import read_options
from api.analyses.work.walks import coverage
from api.store import Project
from gis.districts import Adjacency, DistrictPlan
from gis.model import Layer, silent
from gis.rules import load_pack
from tests.layers import layer

SIDE: Final = 142
STEP_M: Final = 200.0
PACK: Final = "gb50180-2018"
OPTIONS: Final = {"rules": PACK}


def make_town(path: Path, *, estates: int = 20_000) -> None:
    """Write the project; takes half a minute."""
    random = np.random.default_rng(6)
    homes = _estates(random, estates)
    streets = layer("streets", _streets(estates), name=None)
    with Project.create(path, name="Load") as project:
        project.write_layers(
            [(part, None) for part in (homes, streets, _facilities(random, estates))]
        )
        project.save_plan(_plan(homes, estates))
        coverage(project, read_options("coverage", OPTIONS), silent)


def _estates(random: np.random.Generator, count: int) -> Layer:
    place = np.arange(count)
    middle = np.stack([place % SIDE * STEP_M, place // SIDE * STEP_M], axis=1)
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    away = random.uniform(55, 95, (count, 12))
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    households = random.integers(80, 1500, count)
    return layer(
        "estates",
        shapely.polygons(middle[:, None] + away[:, :, None] * ring),
        name=[f"小区 {i}" for i in range(count)],
        households=households.astype(float),
        people=np.rint(households * 2.62),
        built_year=random.integers(1975, 2005, count).astype(float),
    )


def _streets(count: int) -> NDArray[Any]:
    """Segments between all crossings half a step off the middles of estates."""
    rows = -(-count // SIDE)
    x, y = np.meshgrid(np.arange(SIDE + 1) - 0.5, np.arange(rows + 1) - 0.5, indexing="ij")
    corner = np.stack([x, y], axis=-1) * STEP_M
    across = np.stack([corner[:-1], corner[1:]], axis=2).reshape(-1, 2, 2)
    along = np.stack([corner[:, :-1], corner[:, 1:]], axis=2).reshape(-1, 2, 2)
    return shapely.linestrings(np.concatenate([across, along]))


def _facilities(random: np.random.Generator, count: int) -> Layer:
    categories = [rule.category for rule in load_pack(PACK).rules]
    chosen = np.repeat(categories, 45)
    size = np.array([SIDE, count / SIDE]) * STEP_M
    points = shapely.points(random.uniform(0, 1, (len(chosen), 2)) * size)
    return layer("facilities", points, category=chosen.tolist())


def _plan(homes: Layer, count: int) -> DistrictPlan:
    place = np.arange(count)
    column, row = place % SIDE, place // SIDE
    district = np.array([f"D{a}-{b}" for a, b in zip(column // 6, row // 6, strict=True)], object)
    across = np.column_stack([place, place + 1])[column < SIDE - 1]
    links = np.concatenate([across, np.column_stack([place, place + SIDE])])
    links = links[links[:, 1] < count]
    number = len(links)
    reason = np.full(number, "outlines touch", dtype=object)
    none = (np.empty((0, 2), np.int64), np.empty(0))
    adjacency = Adjacency("touch", links, np.zeros(number), reason, *none)
    unknown = (np.nan, np.nan, np.nan)
    settings: MappingProxyType[str, Any] = MappingProxyType({})
    return DistrictPlan("drawn", homes.uids, district, (), settings, *unknown, "drawn", adjacency)
