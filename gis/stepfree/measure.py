"""Measure who has a step-free way to which elderly service, and try all ramps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.coverage.facilities import category_codes
from gis.demand import NATIONAL, groups_of, people_of_buildings
from gis.errors import MissingLayerError, OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Categories, Finding, Study
from gis.network import (
    LONGEST_LINK_M,
    EffortTable,
    Ground,
    WalkNetwork,
    costs_of,
    estates_of_buildings,
    lay_ground,
    with_heights,
)
from gis.network.gates import AT
from gis.network.ground import Origin
from gis.network.heights import unknown_share
from gis.stepfree.ramps import Field, Obstacle, Trials, greedy, obstacles_of
from gis.stepfree.result import Ramp, Step, StepFree
from gis.walkers import Walker, load_walker

TERRAINS: Final = ("auto", "on", "off")
Terrain = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class _Asked:
    """The options, checked."""

    categories: tuple[str, ...]
    metres: float | None
    minutes: float | None
    most_ramps: int
    group: str
    terrain: Terrain
    persons_per_household: float
    place: str

    def limit_m(self, walker: Walker) -> float | None:
        """Metres of flat walking; None where any way counts."""
        return self.metres if self.minutes is None else self.minutes * 60 * walker.speed_m_s


@dataclass(frozen=True, eq=False)
class _Homes:
    """u buildings or estates with their starts and people, see `Field`."""

    estate: NDArray[np.int64]
    building: NDArray[np.int64]
    first: NDArray[np.int64]
    node: NDArray[np.int64]
    people: NDArray[np.float64]

    def least(self, cm: NDArray[np.int32]) -> NDArray[np.int64]:
        """(u,) the least cm (v,) over the starts of each home, -1 where none is reached."""
        far = np.where(cm[self.node] < 0, 2**31, cm[self.node].astype(np.int64))
        best = np.full(len(self.people), 2**31, dtype=np.int64)
        np.minimum.at(best, np.repeat(np.arange(len(best)), np.diff(self.first)), far)
        return np.where(best >= 2**31, -1, best)


def step_free(
    study: Study,
    categories: Sequence[str] | None = None,
    *,
    metres: float | None = None,
    minutes: float | None = None,
    most_ramps: int = 10,
    walker: str = "wheelchair",
    group: str = "all",
    at: str = AT,
    origin: Origin | None = None,
    terrain: Terrain = "auto",
    link: str = "counted",
    longest_link_m: float = LONGEST_LINK_M,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    place: str = NATIONAL,
    ground: Ground | None = None,
) -> StepFree:
    """Say which homes have no step-free way to which service, and what each ramp would bring.

    Parameters
    ----------
    study
        Needs estates, streets and facilities.
    categories
        Codes or words; the elderly services of which the study has any unless given.
    metres, minutes
        How far the walk may be; neither: any way counts.
    most_ramps
        How many ramps are chosen together.
    walker
        Who must get there; the way with stairs is that of the same walker if all could be used.
    group, place, persons_per_household
        Whose people count, see `gis.demand.groups_of`.
    origin
        Where people start; their buildings where any is known, unless given.
    terrain
        "auto": slopes count where heights are known; "on": they must be known; "off": flat.
    at, link, longest_link_m, ground
        As in `gis.network.lay_ground`, and its result where it is at hand.

    Raises
    ------
    MissingLayerError
        The study has no estates, streets or facilities, or no elderly service and none was named.
    OptionError, UnknownNameError
        An option is out of range, or names what there is not.
    """
    _require_options(metres, minutes, most_ramps, terrain)
    study.layer("facilities")
    codes = category_codes(study)
    wanted = _wanted(categories, codes)
    who = load_walker(walker)
    if ground is None:
        chosen: Origin = origin or ("building" if "buildings" in study else "gate")
        ground = lay_ground(study, at=at, origin=chosen, link=link, longest_link_m=longest_link_m)
    asked = _Asked(
        wanted, metres, minutes, most_ramps, group, terrain, persons_per_household, place
    )
    return _measured(study, ground, who, codes, asked)


def _require_options(
    metres: float | None, minutes: float | None, most_ramps: int, terrain: str
) -> None:
    if metres is not None and minutes is not None:
        raise OptionError("A walk has one limit; give metres or minutes, or neither")
    for name, limit in (("metres", metres), ("minutes", minutes)):
        if limit is not None and not limit > 0:
            raise OptionError(f"{name} is {limit}; give it above 0")
    if most_ramps < 0:
        raise OptionError(f"most_ramps is {most_ramps}; give 0 or more")
    if terrain not in TERRAINS:
        raise OptionError(f"terrain is '{terrain}'; give one of: {', '.join(TERRAINS)}")


def _wanted(categories: Sequence[str] | None, codes: NDArray[np.object_]) -> tuple[str, ...]:
    known = Categories.load()
    if categories is not None:
        return tuple(dict.fromkeys(known.require(word).code for word in categories))
    here = {code for code in codes if code is not None}
    elderly = tuple(c.code for c in known.values() if c.group == "elderly" and c.code in here)
    if not elderly:
        raise MissingLayerError(
            "The facilities hold no elderly service; import some, or name the categories to look at"
        )
    return elderly


def _measured(
    study: Study, ground: Ground, walker: Walker, codes: NDArray[np.object_], asked: _Asked
) -> StepFree:
    ways = _Ways.of(study, ground, walker, asked.terrain, time=asked.minutes is not None)
    homes, told = _homes(study, ground, walker, asked)
    of_door = codes[ground.doors.facility]
    doors = [np.unique(ground.doors.node[of_door == code]) for code in asked.categories]
    doors = [nodes[nodes >= 0] for nodes in doors]
    limit_m = asked.limit_m(walker)
    far = np.inf if limit_m is None else limit_m
    free = ways.free.reach(doors, limit_m=far).cm
    stairs = ways.stairs.reach(doors, limit_m=far).cm
    free_cm = np.stack([homes.least(cm) for cm in free], axis=1)
    stairs_cm = np.stack([homes.least(cm) for cm in stairs], axis=1)
    field = Field(
        network=ways.all_ramps,
        obstacles=ways.obstacles,
        ramp=ways.ramp,
        reached=free,
        doors=doors,
        first=homes.first,
        node=homes.node,
        people=homes.people,
        limit_cm=None if limit_m is None else round(limit_m * 100),
    )
    ramps, steps, bound = _ramps(study, field, asked.categories, asked.most_ramps)
    return StepFree(
        categories=asked.categories,
        home=_uids(study, homes),
        kind=np.where(homes.building >= 0, "building", "estate").astype(object),
        estate=study.layer("estates").uids[homes.estate],
        people=homes.people,
        status=_status(homes, doors, free_cm, stairs_cm),
        free_m=np.where(free_cm < 0, np.nan, free_cm / 100),
        stairs_m=np.where(stairs_cm < 0, np.nan, stairs_cm / 100),
        ramps=ramps,
        chosen=steps,
        gains_bound=bound,
        assumptions=_assumptions(walker, ground, ways, asked),
        findings=(*ways.findings, *told),
    )


@dataclass(frozen=True, eq=False)
class _Ways:
    """The network without steps, with all that is walked, and with all ramps built."""

    free: WalkNetwork
    stairs: WalkNetwork
    all_ramps: WalkNetwork
    obstacles: list[Obstacle]
    ramp: NDArray[np.int64]
    terrain: bool
    findings: tuple[Finding, ...]

    @classmethod
    def of(
        cls, study: Study, ground: Ground, walker: Walker, terrain: Terrain, *, time: bool
    ) -> _Ways:
        network = ground.network
        findings: tuple[Finding, ...] = ()
        if terrain != "off":
            network, findings = with_heights(network, study)
        slopes = terrain == "on" or (terrain == "auto" and unknown_share(network) < 1.0)
        shut = ground.closed.copy()
        if walker.min_width_m is not None:
            shut |= ground.narrow(walker.min_width_m)
        able = replace(walker, stairs=True, steepest=None, min_width_m=None)
        mode: Literal["distance", "time"] = "time" if time else "distance"
        free, more = costs_of(network, walker, mode=mode, terrain=slopes, closed=shut)
        stairs, _ = costs_of(network, able, mode=mode, terrain=slopes, closed=ground.closed)
        barred = (free[:, 0] < 0) & (stairs[:, 0] >= 0) & (network.street >= 0)
        obstacles = obstacles_of(network, barred, min_width_m=walker.min_width_m)
        ramp = np.full(len(network.links), -1, dtype=np.int64)
        ramped = free.copy()
        for number, obstacle in enumerate(obstacles):
            links = obstacle.links
            ramp[links] = number
            # A ramp is longer than the stairs; where the rise is unknown it counts as long as they.
            longer = obstacle.ramp_m / obstacle.length_m if obstacle.length_m else 1.0
            factor = longer if longer == longer else 1.0
            ramped[links] = np.rint(network.length_cm[links, None] * factor)
        heights = findings if slopes else ()
        return cls(
            network.with_costs(free),
            network.with_costs(stairs),
            network.with_costs(ramped),
            obstacles,
            ramp,
            slopes,
            (*heights, *more),
        )


def _homes(
    study: Study, ground: Ground, walker: Walker, asked: _Asked
) -> tuple[_Homes, tuple[Finding, ...]]:
    """Gather the starts of each building, or of the estates whose buildings are not known."""
    origins = ground.origins
    keys = np.stack([origins.estate, origins.building], axis=1)
    homes, home = np.unique(keys, axis=0, return_inverse=True)
    home = home.reshape(-1)
    used = origins.node >= 0
    findings: tuple[Finding, ...] = ()
    if walker.min_width_m is not None:
        narrow = ground.narrow_origins(walker.min_width_m)
        used &= ~narrow
        if narrow.any():
            text = (
                f"{int(narrow.sum())} gates are narrower than {walker.min_width_m:g} m and are no "
                f"way for the walker '{walker.name}'"
            )
            findings = (Finding("gates-narrow", text, "info"),)
    rows = np.flatnonzero(used)
    rows = rows[np.argsort(home[rows], kind="stable")]
    first = np.searchsorted(home[rows], np.arange(len(homes) + 1)).astype(np.int64)
    estates = study.layer("estates")
    options: dict[str, Any] = {
        "place": asked.place,
        "persons_per_household": asked.persons_per_household,
    }
    of_estate = groups_of(estates, asked.group, **options)
    people = of_estate.people[homes[:, 0]]
    built = np.flatnonzero(homes[:, 1] >= 0)
    if len(built):
        buildings = study.layer("buildings")
        of_building = people_of_buildings(
            buildings, estates, asked.group,
            estate=estates_of_buildings(buildings, estates), **options,
        )  # fmt: skip
        people[built] = of_building.people[homes[built, 1]]
        findings += of_building.findings
    node = origins.node[rows].astype(np.int64)
    return _Homes(homes[:, 0], homes[:, 1], first, node, people), findings


def _status(
    homes: _Homes,
    doors: Sequence[NDArray[np.int64]],
    free_cm: NDArray[np.int64],
    stairs_cm: NDArray[np.int64],
) -> NDArray[np.object_]:
    status = np.full(free_cm.shape, "none", dtype=object)
    status[stairs_cm >= 0] = "stairs-only"
    status[free_cm >= 0] = "step-free"
    status[np.diff(homes.first) == 0] = "unlinked"
    for k, nodes in enumerate(doors):
        if len(nodes) == 0:
            status[:, k] = "no-data"
    return status


def _ramps(
    study: Study, field: Field, wanted: tuple[str, ...], most: int
) -> tuple[tuple[Ramp, ...], tuple[Step, ...], float]:
    if not field.obstacles:
        return (), (), 0.0
    trials = Trials(field)
    gains = [trials.gain([r]) for r in range(len(field.obstacles))]
    bound = trials.gains_of(trials.gain(range(len(field.obstacles))))
    streets = study.layer("streets")
    uids, names = streets.uids, streets.frame["name"].to_numpy(dtype=object, na_value=None)
    told = [
        _ramp(uids, names, field, r, dict(zip(wanted, homes, strict=True)))
        for r, homes in enumerate(gains)
    ]
    order = sorted(range(len(told)), key=lambda r: (-told[r].gains, -told[r].homes, r))
    rank = {r: place for place, r in enumerate(order)}
    steps, so_far = [], 0.0
    for ramps, gained in greedy(trials, most):
        so_far += gained
        steps.append(Step(tuple(rank[r] for r in ramps), gained, so_far))
    return tuple(told[r] for r in order), tuple(steps), bound


def _ramp(
    uids: NDArray[np.object_],
    names: NDArray[np.object_],
    field: Field,
    number: int,
    homes: dict[str, NDArray[np.int64]],
) -> Ramp:
    obstacle = field.obstacles[number]
    line = field.network.lines.take(obstacle.links[len(obstacle.links) // 2 :][:1])
    x, y = line.shapes[0].interpolate(0.5, normalized=True).coords[0][:2]
    rows = np.unique(np.concatenate(list(homes.values())))
    by_category = {code: float(np.nansum(field.people[h])) for code, h in homes.items()}
    return Ramp(
        kind=obstacle.kind,
        streets=(str(uids[obstacle.street]),),
        name=names[obstacle.street],
        place=(float(x), float(y)),
        length_m=obstacle.length_m,
        ramp_m=obstacle.ramp_m,
        gains=sum(by_category.values()),
        people=float(np.nansum(field.people[rows])),
        by_category=by_category,
        homes=len(rows),
        homes_unknown=int(np.isnan(field.people[rows]).sum()),
    )


def _uids(study: Study, homes: _Homes) -> NDArray[np.object_]:
    uids = study.layer("estates").uids[homes.estate].astype(object)
    built = homes.building >= 0
    if built.any():
        uids[built] = study.layer("buildings").uids[homes.building[built]]
    return uids


def _assumptions(walker: Walker, ground: Ground, ways: _Ways, asked: _Asked) -> dict[str, Any]:
    return {
        "walker": walker.name,
        "walker_zh": walker.zh,
        "walker_en": walker.en,
        "steepest": walker.steepest,
        "min_width_m": walker.min_width_m,
        "terrain": ways.terrain,
        "group": asked.group,
        "at": ground.at,
        "metres": asked.metres,
        "minutes": asked.minutes,
        "ramp_slope": EffortTable.load().ramp_slope,
        "ramp_source": "GB 50763-2012, from memory",
    }
