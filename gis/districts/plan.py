"""`plan_districts`: from the layers of a study to a districting plan with all its reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import shapely
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.districts.adjacency import Adjacency
from gis.districts.aims import Aims, make_aims, read_weights
from gis.districts.check_plan import check_plan
from gis.districts.district_plan import DistrictPlan, LeftOut
from gis.districts.left_words import with_walk
from gis.districts.locks import Ground, LockedUnits, Locks, locked_units, require_agreement
from gis.districts.neighbours import (
    EstateWalk,
    LinkEdits,
    LinkOptions,
    estate_walk,
    neighbours,
    walk_costs,
)
from gis.districts.request import Request, read_request
from gis.errors import CheckError, OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer, Progress, Study, silent
from gis.partition import Partition, connected, measure_partition, partition

COMMUNITY_PEOPLE: Final = (5000.0, 12000.0)
"""People of a community, the measuring unit of GB 50180-2018 (five-minute circle, table 3.0.4)."""
WALK_M_PER_MINUTE: Final = 60.0
"""Standard walker, 1.00 m/s."""
LOOKED_FOR_M: Final = 5000.0
"""How far the walk to a district's centre is looked for."""

_USUAL: Final[Mapping[str, Mapping[str, float]]] = {
    "walk": {"compact": 1.0, "cut-links": 1.0},
    "touch": {"spread": 1.0, "cut-links": 1.0},
}
"""Objectives unless some are given, by kind of links."""

_SAID: Final = {"count": "estates"}
_NOTHING: Final[Mapping[str, NDArray[np.float64]]] = MappingProxyType({})

Live = Callable[[NDArray[np.int64], float], bool]
"""Gets the district number (n,) of each estate, -1 none, and the score; False stops the search."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that a plan rests on but the search itself, so that several plans share it.

    ``beside`` are the neighbours, ``used`` (e,) which of its links join estates that take part,
    ``cost`` walked metres between those, ``centre_m`` the longest walk to a district's centre.
    """

    request: Request
    beside: Adjacency
    used: NDArray[np.bool_]
    aims: Aims
    locks: LockedUnits
    cost: Any
    count: int | None
    centre_m: float | None
    settings: Mapping[str, Any]

    def solve(
        self,
        *,
        name: str = "plan",
        seed: int = 0,
        time_limit_s: float = 10.0,
        extra_links: Mapping[str, NDArray[np.float64]] = _NOTHING,
        start: NDArray[np.int64] | None = None,
        live: Live | None = None,
    ) -> DistrictPlan:
        """Search for a plan.

        Parameters
        ----------
        extra_links
            Further costs of cutting each link of ``beside`` (e,), each with the weight 1.
        start
            (n,) district number of each estate to begin from, -1 none.
        live
            Is told of each better plan.

        Raises
        ------
        CheckError
            The plan failed the independent check: a fault of ours.
        """
        request = self.request
        found = partition(
            self._units(self.beside.links[self.used]),
            request.values,
            objective={**self.aims.weights, **dict.fromkeys(extra_links, 1.0)},
            seed=seed,
            time_limit_s=time_limit_s,
            start=None if start is None else start[request.rows],
            live=None if live is None else self._told(live),
            unit_names=request.uids,
            names=[_SAID.get(c, c) for c in request.sizes],
            xy=_middles(request.estates)[request.rows],
            beyond=self._beyond(),
            **self._asked(extra_links),
        )
        settings = {**self.settings, "seed": seed, "time_limit_s": time_limit_s}
        plan = _make_plan(self, found, settings, name)
        broken = check_plan(
            plan, request.estates, classes=self.aims.classes, cost=self._cost_of_all()
        )
        if broken:
            raise CheckError(f"The plan breaks a constraint, please report it: {broken[0]}")
        return plan

    def measure(self, plan: DistrictPlan) -> float:
        """Return what a plan of the same estates comes to in the objectives that were asked for."""
        numbers = {name: i for i, name in enumerate(plan.districts)}
        label = np.array([-1 if d is None else numbers[str(d)] for d in plan.district], np.int64)
        asked = self._asked(_NOTHING)
        return measure_partition(
            self._units(self.beside.links[self.used]),
            self.request.values,
            label[self.request.rows],
            objective=self.aims.weights,
            link_weight=asked["link_weight"],
            classes=asked["classes"],
            cost=self.cost,
            xy=_middles(self.request.estates)[self.request.rows],
        )

    def ground(self) -> Ground:
        """What locks are held against."""
        request, rows = self.request, self.request.rows
        names = request.estates.frame["name"].to_numpy(dtype=object, na_value=None)[rows]
        called = [
            f"{uid} ({name})" if name else uid
            for uid, name in zip(request.uids, names, strict=True)
        ]
        return Ground(
            called, {word: c[rows] for word, c in self.aims.classes.items()},
            self._units(self.beside.links[self.used]), request.sizes, request.values, self.cost,
            self.centre_m,
        )  # fmt: skip

    def _beyond(self) -> tuple[Any, Any, list[str]]:
        """Near pairs of units that are no neighbours, how far, and why: what could be allowed."""
        ends = self._units(self.beside.beyond)
        both = (ends >= 0).all(axis=1)
        return ends[both], self.beside.beyond_m[both], self.beside.beyond_reason[both].tolist()

    def _cost_of_all(self) -> Any:
        """(n, n) walks between all estates, as far as they are known; None where none was asked."""
        if self.cost is None:
            return None
        found, rows, n = self.cost.tocoo(), self.request.rows, len(self.request.estates)
        return sp.csr_array((found.data, (rows[found.row], rows[found.col])), shape=(n, n))

    def _asked(self, extra: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
        rows, bounds, locks = self.request.rows, self.request.bounds, self.locks
        wished = {wish.name: wish.weight for wish in self.aims.wishes} | dict(extra)
        within = self.aims.within
        return {
            "count": self.count, "low": bounds[:, 0], "high": bounds[:, 1],
            "link_weight": {name: weight[self.used] for name, weight in wished.items()},
            "classes": {word: c.number[rows] for word, c in self.aims.splits.items()},
            "within": None if within is None else within[rows],
            "fixed": locks.fixed, "closed": locks.closed, "same": locks.same,
            "apart": locks.apart, "cost": self.cost, "centre_limit": self.centre_m,
        }  # fmt: skip

    def _units(self, links: NDArray[np.int64]) -> NDArray[np.int64]:
        place = np.full(len(self.request.estates), -1, np.int64)
        place[self.request.rows] = np.arange(len(self.request.rows))
        return np.asarray(place[links])

    def _told(self, live: Live) -> Live:
        rows, n = self.request.rows, len(self.request.estates)

        def tell(label: NDArray[np.int64], score: float) -> bool:
            whole = np.full(n, -1, np.int64)
            whole[rows] = label
            return live(whole, score)

        return tell


def prepare_districts(
    study: Study,
    *,
    sizes: Mapping[str, tuple[float, float]] = MappingProxyType({"people": COMMUNITY_PEOPLE}),
    where: str | None = None,
    count: int | None = None,
    links: LinkOptions | None = None,
    max_walk_minutes: float | None = None,
    within: tuple[str, ...] = (),
    locks: Locks | None = None,
    objective: str | Mapping[str, float] | None = None,
    coverage: Coverage | None = None,
    year: int | None = None,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    progress: Progress | None = None,
) -> Prepared:
    """Work out neighbours, walks, wishes and locks; parameters as of `plan_districts`."""
    tell = progress if progress is not None else silent
    how, locks = links or LinkOptions(), locks or Locks()
    weights = read_weights(_USUAL[how.kind] if objective is None else objective)
    if max_walk_minutes is not None and not 0 <= max_walk_minutes < np.inf:
        raise OptionError(f"max_walk_minutes is {max_walk_minutes}; give minutes, 0 or more")
    request, settings = read_request(
        study, sizes, where=where, persons_per_household=persons_per_household
    )
    tell(0.05, "neighbours")
    to_centre = max_walk_minutes is not None or "compact" in weights
    walk = None
    if how.kind == "walk" or to_centre:
        walk = estate_walk(study, request.rows, longest_link_m=how.longest_link_m, at=how.at)
    beside = neighbours(study, request.rows, options=how, walk=walk)
    request = _without_unlinked(request, beside, walk, how.longest_link_m, to_centre=to_centre)
    tell(0.3, "wishes")
    aims = make_aims(study, beside, weights=weights, within=within, coverage=coverage, year=year)
    centre_m = None if max_walk_minutes is None else max_walk_minutes * WALK_M_PER_MINUTE
    cost = None
    if walk is not None and to_centre:
        cost = walk_costs(walk, limit_m=LOOKED_FOR_M if centre_m is None else centre_m)
        cost = cost[request.rows][:, request.rows]
    part = np.isin(beside.links, request.rows)
    used = part[:, 0] & part[:, 1]
    settings |= {
        "count": count, **how.to_settings(), "objective": weights,
        "max_walk_minutes": max_walk_minutes, "year": year, "walker": "standard", "walk_m_s": 1.0,
        "within": list(within), "link_edits": _edits(how.edits, request.estates),
        "locks": {"fixed": dict(locks.fixed), "closed": sorted(locks.closed)},
        "join": [list(g) for g in locks.join], "apart": [list(g) for g in locks.apart],
    }  # fmt: skip
    units = locked_units(locks, request.uids, _away(request))
    prepared = Prepared(request, beside, used, aims, units, cost, count, centre_m, settings)
    _require_joined(request, beside, units)
    require_agreement(units, prepared.ground(), count=count)
    return prepared


def plan_districts(
    study: Study,
    *,
    sizes: Mapping[str, tuple[float, float]] = MappingProxyType({"people": COMMUNITY_PEOPLE}),
    where: str | None = None,
    count: int | None = None,
    links: LinkOptions | None = None,
    max_walk_minutes: float | None = None,
    within: tuple[str, ...] = (),
    locks: Locks | None = None,
    objective: str | Mapping[str, float] | None = None,
    coverage: Coverage | None = None,
    year: int | None = None,
    seed: int = 0,
    time_limit_s: float = 10.0,
    name: str = "plan",
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    live: Live | None = None,
    progress: Progress | None = None,
) -> DistrictPlan:
    """Group estates into connected districts that keep every bound.

    Parameters
    ----------
    sizes
        Least and most per district of ``people``, ``households``, ``area_m2``, ``count`` (each
        estate is 1), ``cost_yuan`` or any number of the estates layer. People are counted, else
        households times ``persons_per_household``. An estate of which one is unknown is left out.
    where
        Condition on the columns of the estates, see `gis.districts.where`; None: all take part.
    count
        Exactly so many districts, with every estate that takes part, is linked and has known
        sizes; None: as many as it takes.
    links
        What makes two estates neighbours, see `LinkOptions`.
    max_walk_minutes
        Each district has an estate to which all its estates walk in this time at 1.00 m/s.
    within
        A district holds estates of one class only of each of these: ``communities``,
        ``subdistricts`` or a text column such as ``manager``; an unknown class mixes with none.
    locks
        Estates and districts that are settled, and who is to be together or apart.
    objective
        One of `gis.districts.aims.NAMES`, or several with their weights; see
        `gis.partition.partition` for how they are added up. None: short walks (by outlines: round
        districts) and few cut links, which is what plans drawn by hand look like.
    coverage
        What the estates miss and reach, for the objectives ``needs`` and ``facilities``.
    year
        First year of the works, for the objective ``pipelines``.
    seed, time_limit_s
        See `gis.partition.partition`.
    live
        Is told of each better plan while the search runs.

    Raises
    ------
    OptionError
        The options contradict each other, or no estate can take part.
    MissingLayerError
        There are no estates, or no streets for a walk.
    UnknownNameError
        A size is no number of the estates, or a class none of its columns.
    CheckError
        The plan failed the independent check: a fault of ours.
    """
    tell = progress if progress is not None else silent
    prepared = prepare_districts(
        study, sizes=sizes, where=where, count=count, links=links, within=within, locks=locks,
        max_walk_minutes=max_walk_minutes, objective=objective, coverage=coverage, year=year,
        persons_per_household=persons_per_household, progress=progress,
    )  # fmt: skip
    tell(0.4, "districts")
    plan = prepared.solve(name=name, seed=seed, time_limit_s=time_limit_s, live=live)
    tell(1.0, "districts")
    return plan


def _without_unlinked(
    request: Request,
    beside: Adjacency,
    walk: EstateWalk | None,
    longest_link_m: float,
    *,
    to_centre: bool,
) -> Request:
    """Leave out the estates that walk nowhere: a fault of the data, not a district of one.

    A wall that can be opened may still join one, unless its walk to a centre has to be known.
    """
    if walk is None:
        return request
    alone = walk.unlinked & (to_centre | (beside.degree(len(request.estates)) == 0))
    reason = f"no street within {longest_link_m:.0f} m that is reached without crossing a barrier"
    return request.without(alone[request.rows], reason)


def _require_joined(request: Request, beside: Adjacency, locks: LockedUnits) -> None:
    """Refuse estates that are to share a district and that no neighbours bring together."""
    alive = np.zeros(len(request.estates), bool)
    alive[request.rows] = True
    part = connected(beside.links, len(alive), alive)
    fixed = [np.flatnonzero(locks.fixed == i).tolist() for i in range(len(locks.names))]
    for group in [*locks.same, *fixed]:
        rows = request.rows[list(group)]
        apart = np.flatnonzero(part[rows] != part[rows[0]])
        if not len(apart):
            continue
        one, other = (str(request.estates.uids[rows[i]]) for i in (0, int(apart[0])))
        near = beside.nearest_beyond(part).get(int(part[rows[int(apart[0])]]))
        why = f" ({near[1]})" if near else ""
        raise OptionError(
            f"Estates '{one}' and '{other}' are to share a district, but no neighbours join "
            f"them{why}; take that off, or add a link by hand with --links"
        )


def _edits(edits: LinkEdits, estates: Layer) -> list[tuple[str, str, bool, str]]:
    """Links made by hand as plain values that stay true when rows move: uids, on, note."""
    uids = estates.uids
    return [
        (str(uids[a]), str(uids[b]), bool(on), str(note))
        for (a, b), on, note in zip(edits.pairs, edits.on, edits.note, strict=True)
    ]


def _away(request: Request) -> dict[str, str]:
    """Why each estate that is not among the units is not."""
    here = set(request.uids)
    why = {str(uid): "it does not fulfil where" for uid in request.estates.uids}
    why |= {item.estate: item.reason for item in request.left.values()}
    return {uid: reason for uid, reason in why.items() if uid not in here}


def _middles(estates: Layer) -> NDArray[np.float64]:
    return shapely.get_coordinates(shapely.centroid(estates.geometries)).reshape(-1, 2)


def _make_plan(
    prepared: Prepared, found: Partition, settings: Mapping[str, Any], name: str
) -> DistrictPlan:
    request, beside = prepared.request, prepared.beside
    estates = request.estates

    def say(reason: str) -> str:
        return with_walk(reason, settings["max_walk_minutes"], prepared.centre_m)

    label = np.full(len(estates), -1, np.int64)
    label[request.rows] = found.label
    left = dict(request.left)
    how_far = _how_far(prepared, found)
    first = next(iter(request.sizes))
    first = _SAID.get(first, first)
    remedy: dict[int, str] = {}
    for way in found.relaxations:  # the least change first
        for unit in way.units:
            remedy.setdefault(unit, way.words)
    for item in found.left:
        row = int(request.rows[item.unit])
        reason = say(item.reason) + how_far.get(row, "")
        words = remedy.get(item.unit, "")
        left[row] = LeftOut(str(estates.uids[row]), reason, item.proved, words)
    if found.status in ("infeasible", "unknown"):
        proved = found.status == "infeasible"
        for row in request.rows:
            word = LeftOut(str(estates.uids[row]), say(found.reason), proved)
            left.setdefault(int(row), word)
    return DistrictPlan(
        name=name, estates=estates.uids, district=_names(estates, label, prepared),
        left_out=tuple(left[row] for row in sorted(left)),
        settings=MappingProxyType({**settings, "terms": prepared.aims.terms(found, first)}),
        objective=found.objective, bound=found.bound, gap=found.gap, status=found.status,
        adjacency=beside, reason=say(found.reason),
    )  # fmt: skip


_CLASS: Final = {"communities": "community", "subdistricts": "subdistrict"}


def _how_far(prepared: Prepared, found: Partition) -> dict[int, str]:
    """For parts that are too small: how far the nearest estate outside is, by row.

    Where it is linked with estates that districts may not reach, that is told instead.
    """
    request, beside, aims = prepared.request, prepared.beside, prepared.aims
    small = [int(request.rows[unit.unit]) for unit in found.left if unit.code == "too-small"]
    alive = np.zeros(len(request.estates), bool)
    alive[request.rows[found.label >= 0]] = True
    alive[small] = True
    links = beside.links
    parted = np.zeros(len(links), bool)
    if aims.within is not None:
        parted = aims.within[links[:, 0]] != aims.within[links[:, 1]]
    part = connected(links[~parted], len(alive), alive)
    shut = set(part[links[parted]].reshape(-1).tolist()) - {-1}
    nearest = beside.nearest_beyond(part)
    differ = ", ".join(_CLASS.get(word, word) for word in aims.within_words)
    out = {}
    for row in small:
        if int(part[row]) in shut:
            out[row] = f"; the estates beside it differ in {differ}"
            continue
        near = nearest.get(int(part[row]))
        out[row] = f"; nearest other estate {near[1]}" if near else "; no other estate is near"
    return out


def _names(estates: Layer, label: NDArray[np.int64], prepared: Prepared) -> NDArray[np.object_]:
    """Name the districts D1, D2, ... from north-west to south-east; locked ones keep their name."""
    out = np.full(len(label), None, dtype=object)
    xy = _middles(estates)
    numbers = np.unique(label[label >= 0])
    middle = np.array([xy[label == d].mean(axis=0) for d in numbers]).reshape(-1, 2)
    order = np.lexsort((numbers, middle[:, 0] - middle[:, 1]))
    locks = prepared.locks
    locked = locks.fixed >= 0
    rows = prepared.request.rows[locked]
    named = {
        int(d): locks.names[lock]
        for d, lock in zip(label[rows], locks.fixed[locked], strict=True)
        if d >= 0
    }
    free = (f"D{i}" for i in range(1, len(label) + 2) if f"D{i}" not in locks.names)
    for d in numbers[order]:
        out[label == d] = named[int(d)] if int(d) in named else next(free)
    return out
