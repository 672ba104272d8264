"""`plan_districts`: from the layers of a study to a districting plan with all its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.districts.adjacency import (
    LONGEST_GAP_M,
    LONGEST_WALK_M,
    LOOKED_FOR_GAP_M,
    LOOKED_FOR_M,
    Adjacency,
    EstateWalk,
    estate_walk,
    touch_adjacency,
    walk_adjacency,
    walk_costs,
)
from gis.districts.check_plan import check_plan
from gis.districts.district_plan import DistrictPlan, LeftOut
from gis.districts.where import select
from gis.errors import CheckError, OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer, Progress, Study, people_of, silent
from gis.partition import Partition, connected, partition

COMMUNITY_PEOPLE: Final = (5000.0, 12000.0)
"""People of a community, the measuring unit of GB 50180-2018 (five-minute circle, table 3.0.4)."""
LONGEST_LINK_M: Final = 300.0
WALK_M_PER_MINUTE: Final = 60.0
"""Standard walker, 1.00 m/s."""

_WHO: Final = ("people", "households")
_SAID: Final = {"count": "estates"}


@dataclass(frozen=True, eq=False)
class _Request:
    """What was asked for, with the estates that take part."""

    study: Study
    sizes: Mapping[str, tuple[float, float]]
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    left: dict[int, LeftOut]

    @property
    def estates(self) -> Layer:
        return self.study.layer("estates")


def plan_districts(
    study: Study,
    *,
    sizes: Mapping[str, tuple[float, float]] = MappingProxyType({"people": COMMUNITY_PEOPLE}),
    where: str | None = None,
    count: int | None = None,
    adjacency: str = "walk",
    max_link_m: float | None = None,
    max_walk_minutes: float | None = None,
    objective: str = "cut-links",
    seed: int = 0,
    time_limit_s: float = 10.0,
    name: str = "plan",
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    progress: Progress | None = None,
) -> DistrictPlan:
    """Group estates into connected districts that keep every bound.

    Parameters
    ----------
    sizes
        Least and most per district of ``people``, ``households``, ``area_m2``, ``count`` (each
        estate is 1) or any number of the estates layer. People are counted, else households times
        ``persons_per_household``. An estate of which one is unknown is left out.
    where
        Condition on the columns of the estates, see `gis.districts.where`; None: all take part.
    count
        Exactly so many districts, with every estate that takes part, is linked and has known
        sizes; None: as many as it takes.
    adjacency
        ``walk``: neighbours over walkable streets. ``touch``: polygons with a narrow gap.
    max_link_m
        Longest walk (800 m unless given) or widest gap (30 m) between neighbours, inclusive.
    max_walk_minutes
        Each district has an estate to which all its estates walk in this time at 1.00 m/s.
    objective
        ``cut-links``, ``balance`` or ``compact`` (walked metres), see `partition`.
    seed, time_limit_s
        See `partition`.

    Raises
    ------
    OptionError
        The options contradict each other, or no estate can take part.
    MissingLayerError
        There are no estates, or no streets for a walk.
    UnknownNameError
        A size is no number of the estates.
    CheckError
        The plan failed the independent check: a fault of ours.
    """
    tell = progress if progress is not None else silent
    request, settings = _read(study, sizes, where, persons_per_household)
    tell(0.05, "neighbours")
    limit = _link_limit(adjacency, max_link_m)
    walk = _walk_if_needed(request, adjacency, objective, max_walk_minutes)
    beside = (
        walk_adjacency(walk, max_link_m=limit)
        if adjacency == "walk" and walk is not None
        else touch_adjacency(study, request.rows, max_link_m=limit)
    )
    request = _without_unlinked(request, walk)
    tell(0.3, "districts")
    centre_m = None if max_walk_minutes is None else max_walk_minutes * WALK_M_PER_MINUTE
    cost = None
    if walk is not None and (centre_m is not None or objective == "compact"):
        cost = walk_costs(walk, limit_m=centre_m if centre_m is not None else LOOKED_FOR_M)
        cost = cost[request.rows][:, request.rows]
    found = _partition(
        request, beside, count=count, objective=objective, cost=cost, centre_limit=centre_m,
        seed=seed, time_limit_s=time_limit_s,
    )  # fmt: skip
    settings |= {
        "count": count, "adjacency": adjacency, "max_link_m": limit, "objective": objective,
        "max_walk_minutes": max_walk_minutes, "walker": "standard", "walk_m_s": 1.0,
        "longest_street_link_m": LONGEST_LINK_M, "seed": seed, "time_limit_s": time_limit_s,
    }  # fmt: skip
    plan = _make_plan(request, beside, found, settings, name)
    broken = check_plan(plan, request.estates)
    if broken:
        raise CheckError(f"The plan breaks a constraint, please report it: {broken[0]}")
    tell(1.0, "districts")
    return plan


def _read(
    study: Study,
    sizes: Mapping[str, tuple[float, float]],
    where: str | None,
    persons_per_household: float,
) -> tuple[_Request, dict[str, Any]]:
    estates = study.layer("estates")
    if not sizes:
        raise OptionError("No size is given; give one such as people:5000:12000")
    people, estimated = people_of(estates, persons_per_household=persons_per_household)
    columns = [people if c == "people" else estates.numbers(c) for c in sizes]
    values = np.column_stack(columns)
    part, unsure = np.ones(len(estates), bool), 0
    if where is not None:
        part, unsure = select(estates, where)
    if not part.any():
        raise OptionError(f"No estate fulfils where '{where}'; loosen it")
    unknown = np.isnan(values)
    left = {}
    for row in np.flatnonzero(part & unknown.any(axis=1)):
        words = _unknown_words([c for c, miss in zip(sizes, unknown[row], strict=True) if miss])
        left[int(row)] = LeftOut(str(estates.uids[row]), words, True)
    rows = np.flatnonzero(part & ~unknown.any(axis=1))
    settings: dict[str, Any] = {
        "sizes": {c: (float(low), float(high)) for c, (low, high) in sizes.items()},
        "where": where, "taking_part": int(part.sum()), "all_take_part": where is None,
        "where_unknown": unsure, "persons_per_household": persons_per_household,
        "people_estimated": int((estimated & part).sum()) if "people" in sizes else 0,
    }  # fmt: skip
    if len(rows) == 0:
        raise OptionError(
            f"No estate that takes part has a known {' and '.join(sizes)}; fill the columns in"
        )
    return _Request(study, sizes, rows, values[rows], left), settings


def _unknown_words(columns: list[str]) -> str:
    if "people" in columns:
        columns = ["people", "households", *(c for c in columns if c not in _WHO)]
    return " and ".join(columns) + (" are unknown" if len(columns) > 1 else " is unknown")


def _link_limit(adjacency: str, max_link_m: float | None) -> float:
    usual = {"walk": LONGEST_WALK_M, "touch": LONGEST_GAP_M}
    if adjacency not in usual:
        raise OptionError(f"There is no adjacency '{adjacency}'; give walk or touch")
    limit = usual[adjacency] if max_link_m is None else max_link_m
    if not 0 <= limit < np.inf:
        raise OptionError(f"The longest link is {limit} m; give metres, 0 or more")
    return float(limit)


def _walk_if_needed(
    request: _Request, adjacency: str, objective: str, max_walk_minutes: float | None
) -> EstateWalk | None:
    if max_walk_minutes is not None and not 0 <= max_walk_minutes < np.inf:
        raise OptionError(f"max_walk_minutes is {max_walk_minutes}; give minutes, 0 or more")
    if adjacency == "walk" or objective == "compact" or max_walk_minutes is not None:
        return estate_walk(request.study, request.rows, longest_link_m=LONGEST_LINK_M)
    return None


def _without_unlinked(request: _Request, walk: EstateWalk | None) -> _Request:
    """Leave out the estates that walk nowhere: a fault of the data, not a district of one."""
    if walk is None:
        return request
    lost = walk.unlinked[request.rows]
    reason = f"no street within {LONGEST_LINK_M:.0f} m that is reached without crossing a barrier"
    uids = request.estates.uids
    left = request.left | {int(r): LeftOut(str(uids[r]), reason, True) for r in request.rows[lost]}
    return _Request(request.study, request.sizes, request.rows[~lost], request.values[~lost], left)


def _partition(
    request: _Request, beside: Adjacency, *, count: int | None, objective: str, cost: Any,
    centre_limit: float | None, seed: int, time_limit_s: float,
) -> Partition:  # fmt: skip
    place = np.full(len(request.estates), -1, np.int64)
    place[request.rows] = np.arange(len(request.rows))
    links = place[beside.links]
    links = links[(links >= 0).all(axis=1)]
    bounds = np.array(list(request.sizes.values()), dtype=float).reshape(-1, 2)
    middle = shapely.centroid(request.estates.geometries[request.rows])
    return partition(
        links, request.values, count=count, low=bounds[:, 0], high=bounds[:, 1],
        objective=objective, cost=cost, centre_limit=centre_limit, seed=seed,
        time_limit_s=time_limit_s, xy=shapely.get_coordinates(middle).reshape(-1, 2),
        names=[_SAID.get(c, c) for c in request.sizes],
        unit_names=[str(u) for u in request.estates.uids[request.rows]],
    )  # fmt: skip


def _make_plan(
    request: _Request,
    beside: Adjacency,
    found: Partition,
    settings: Mapping[str, Any],
    name: str,
) -> DistrictPlan:
    estates = request.estates
    label = np.full(len(estates), -1, np.int64)
    label[request.rows] = found.label
    left = dict(request.left)
    how_far = _how_far(request, found, beside, settings)
    for unit in found.left:
        row = int(request.rows[unit.unit])
        reason = unit.reason + how_far.get(row, "")
        left[row] = LeftOut(str(estates.uids[row]), reason, unit.proved)
    if found.status in ("infeasible", "unknown"):
        proved = found.status == "infeasible"
        for row in request.rows:
            word = LeftOut(str(estates.uids[row]), found.reason, proved)
            left.setdefault(int(row), word)
    return DistrictPlan(
        name=name, estates=estates.uids, district=_names(estates, label),
        left_out=tuple(left[row] for row in sorted(left)), settings=MappingProxyType({**settings}),
        objective=found.objective, bound=found.bound, gap=found.gap, status=found.status,
        adjacency=beside, reason=found.reason,
    )  # fmt: skip


def _how_far(
    request: _Request, found: Partition, beside: Adjacency, settings: Mapping[str, Any]
) -> dict[int, str]:
    """For parts that are too small: how far the nearest estate outside is, by row."""
    small = [int(request.rows[unit.unit]) for unit in found.left if unit.code == "too-small"]
    alive = np.zeros(len(request.estates), bool)
    alive[request.rows[found.label >= 0]] = True
    alive[small] = True
    part = connected(beside.links, len(alive), alive)
    nearest = np.full(int(part.max(initial=-1)) + 1, np.inf)
    for end, other in ((0, 1), (1, 0)):
        own, next_ = part[beside.beyond[:, end]], part[beside.beyond[:, other]]
        apart = (own >= 0) & (own != next_)
        np.minimum.at(nearest, own[apart], beside.beyond_m[apart])
    longest = settings["max_link_m"]
    how, looked = ("on foot", LOOKED_FOR_M)
    if beside.kind == "touch":
        how, looked = ("between outlines", LOOKED_FOR_GAP_M)
    out = {}
    for row in small:
        metres = nearest[part[row]]
        if np.isinf(metres):
            out[row] = f"; no other estate next to it within {looked:,.0f} m {how}"
        elif metres <= longest:
            out[row] = f"; a barrier parts it from the nearest other estate, {metres:,.0f} m away"
        else:
            out[row] = (
                f"; nearest other estate {metres:,.0f} m {how}, "
                f"beyond the longest link {longest:,.0f} m"
            )
    return out


def _names(estates: Layer, label: NDArray[np.int64]) -> NDArray[np.object_]:
    """Name the districts D1, D2, ... from north-west to south-east."""
    out = np.full(len(label), None, dtype=object)
    xy = shapely.get_coordinates(shapely.centroid(estates.geometries)).reshape(-1, 2)
    numbers = np.unique(label[label >= 0])
    middle = np.array([xy[label == d].mean(axis=0) for d in numbers]).reshape(-1, 2)
    order = np.lexsort((numbers, middle[:, 0] - middle[:, 1]))
    for rank, d in enumerate(numbers[order]):
        out[label == d] = f"D{rank + 1}"
    return out
