"""The isochrones of a study's facilities: one network, one walker, one hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from gis.errors import OptionError, UnknownNameError
from gis.isochrones.blockers import Blockers
from gis.isochrones.polygons import band_polygons, polygons_frame
from gis.isochrones.streets import (
    ReachedStreets,
    reached_buildings,
    reached_streets,
    streets_frame,
)
from gis.model import Finding, Layer, Study
from gis.network import Ground, WalkNetwork, costs_of, lay_ground, unknown_share, with_heights
from gis.network.attach import LONGEST_LINK_M, add_nodes, join
from gis.network.gates import AT
from gis.network.polylines import Polylines
from gis.walkers import Walker, load_walker

Terrain = Literal["auto", "on", "off"]
MOST: Final = 100_000
"""Metres or minutes of a band; beyond it nobody walks."""


@dataclass(frozen=True, eq=False)
class Isochrones:
    """What facilities reach: ``streets``, ``homes`` and ``polygons``, tables with geometry.

    ``homes`` has one row per facility and building (estate, where an estate has no buildings) with
    the band it is in. ``polygons`` are derived from the streets. ``unlinked`` are the uids of
    facilities that no street leads to.
    """

    streets: gpd.GeoDataFrame
    homes: gpd.GeoDataFrame
    polygons: gpd.GeoDataFrame
    unlinked: tuple[str, ...]
    assumptions: dict[str, Any]
    findings: tuple[Finding, ...]


def facility_isochrones(
    study: Study,
    facilities: Sequence[str],
    *,
    metres: Sequence[float] | None = None,
    minutes: Sequence[float] | None = None,
    walker: str = "standard",
    at: str = AT,
    terrain: Terrain = "auto",
    link: str = "counted",
    longest_link_m: float = LONGEST_LINK_M,
) -> Isochrones:
    """Find the streets and homes from which each facility is reached, in bands.

    Parameters
    ----------
    study
        Needs estates, streets and facilities.
    facilities
        Their uids.
    metres, minutes
        Exactly one of them: rising limits, each inclusive; minutes are the walker's.
    walker, at, terrain, link, longest_link_m
        As in `gis.coverage.measure_coverage`.

    Raises
    ------
    MissingLayerError
        The study has no estates, streets or facilities, or no heights where they are asked for.
    UnknownNameError
        There is no such facility or walker.
    OptionError
        Not exactly one kind of limit, or limits that do not rise.
    """
    layer = study.layer("facilities")
    rows = _rows_of(layer, facilities)
    who = load_walker(walker)
    limits = _limits_m(metres, minutes, who)
    homes_known = "buildings" in study
    ground = lay_ground(
        study,
        at=at,
        origin="building" if homes_known else "gate",
        link=link,
        longest_link_m=longest_link_m,
    )
    mode: Literal["distance", "time"] = "time" if minutes is not None else "distance"
    network, slopes, findings = _costed(study, ground, who, mode, terrain)
    network, sources = _with_sources(network, ground, rows)
    uids = layer.uids[rows]
    crs = layer.crs
    speed = who.speed_m_s if minutes is not None else None
    reached = _streets_only(reached_streets(network, sources, limits))
    blockers = Blockers.of_study(study, closed=ground.shut())
    return Isochrones(
        streets=streets_frame(reached, uids, crs, speed_m_s=speed),
        homes=_homes(study, ground, network, sources, limits, uids, speed),
        polygons=polygons_frame(
            band_polygons(reached, blockers=blockers), uids, crs, speed_m_s=speed
        ),
        unlinked=tuple(str(uid) for uid in uids[sources < 0]),
        assumptions={
            "walker": {"name": who.name, "speed_m_s": who.speed_m_s, "source": who.source},
            "mode": mode,
            "at": at,
            "terrain": "heights" if slopes else "flat",
            "link": link,
            "longest_link_m": longest_link_m,
        },
        findings=(*ground.findings, *findings),
    )


def _rows_of(layer: Layer, facilities: Sequence[str]) -> NDArray[np.int64]:
    place = {uid: row for row, uid in enumerate(layer.uids)}
    for uid in facilities:
        if uid not in place:
            raise UnknownNameError(f"There is no facility '{uid}'; give uids of facilities")
    return np.array([place[uid] for uid in dict.fromkeys(facilities)], dtype=np.int64)


def _limits_m(
    metres: Sequence[float] | None, minutes: Sequence[float] | None, walker: Walker
) -> list[float]:
    if (metres is None) == (minutes is None):
        raise OptionError("Give the bands either in metres or in minutes")
    limits = list(metres or ()) or [m * 60 * walker.speed_m_s for m in minutes or ()]
    told = list(metres or minutes or ())
    rising = all(low < high for low, high in pairwise([0.0, *told]))
    if not told or not rising or not told[-1] <= MOST:
        raise OptionError(
            f"The bands are {', '.join(f'{limit:g}' for limit in told) or 'none'}; give rising "
            f"{'metres' if metres is not None else 'minutes'} above 0 and up to {MOST:,}"
        )
    return limits


def _costed(
    study: Study,
    ground: Ground,
    walker: Walker,
    mode: Literal["distance", "time"],
    terrain: Terrain,
) -> tuple[WalkNetwork, bool, tuple[Finding, ...]]:
    network = ground.network
    findings: tuple[Finding, ...] = ()
    if terrain != "off":
        network, findings = with_heights(network, study)
    slopes = terrain == "on" or (terrain == "auto" and unknown_share(network) < 1.0)
    closed = ground.closed
    if walker.min_width_m is not None:
        closed = closed | ground.narrow(walker.min_width_m)
    cost_cm, more = costs_of(network, walker, mode=mode, terrain=slopes, closed=closed)
    told = (*findings, *more) if slopes else more
    return network.with_costs(cost_cm), slopes, tuple(dict.fromkeys(told))


def _with_sources(
    network: WalkNetwork, ground: Ground, rows: NDArray[np.int64]
) -> tuple[WalkNetwork, NDArray[np.int64]]:
    """Give each facility one node (k,), -1 where unlinked, that its doors lead to but none leaves.

    So a large park is one place to reach, and nobody takes a short cut through it.
    """
    doors = ground.doors
    linked = np.flatnonzero(doors.node >= 0)
    linked = linked[np.isin(doors.facility[linked], rows)]
    order = np.argsort(rows)
    place = order[np.searchsorted(rows[order], doors.facility[linked])]
    first = np.full(len(rows), -1, dtype=np.int64)
    first[place[::-1]] = linked[::-1]
    known = np.flatnonzero(first >= 0)
    cost = network.cost_cm
    if cost is None:
        cost = np.repeat(network.length_cm[:, None], 2, axis=1)
    # Costs are put back below, one row longer for each door.
    plain, nodes = add_nodes(replace(network, cost_cm=None), doors.xy[first[known]])
    sources = np.full(len(rows), -1, dtype=np.int64)
    sources[known] = nodes
    pairs = np.stack([doors.node[linked], sources[place]], axis=1)
    lines = Polylines.straight(plain.xy[pairs[:, 0]], plain.xy[pairs[:, 1]])
    joined = join(plain, pairs, np.zeros(len(pairs), dtype=np.int64), lines)
    inward = np.tile(np.array([[0, -1]], dtype=np.int32), (len(pairs), 1))
    return joined.with_costs(np.concatenate([cost, inward])), sources


def _streets_only(reached: ReachedStreets) -> ReachedStreets:
    """Leave out legs and ways inside estates, which run beside each other and are no streets."""
    kept = reached.network.street[reached.link] >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return replace(
        reached,
        first=before[reached.first],
        link=reached.link[kept],
        from_cm=reached.from_cm[kept],
        to_cm=reached.to_cm[kept],
    )


def _homes(
    study: Study,
    ground: Ground,
    network: WalkNetwork,
    sources: NDArray[np.int64],
    limits_m: Sequence[float],
    uids: NDArray[np.object_],
    speed_m_s: float | None,
) -> gpd.GeoDataFrame:
    """Return a row per facility and home in reach; of several starts of a home the nearest one."""
    origins = ground.origins
    reached = reached_buildings(network, sources, origins.node, limits_m)
    start = reached.pairs.target
    estates = study.layer("estates")
    table = gpd.GeoDataFrame(
        {
            "facility": uids[reached.pairs.source],
            "estate": estates.uids[origins.estate[start]],
            "building": _uids_or_none(study, origins.building[start]),
            "within_m": np.asarray(limits_m)[reached.band],
            "walk_m": reached.pairs.cm / 100.0,
        },
        geometry=gpd.points_from_xy(*origins.xy[start].T),
        crs=estates.crs,
    )
    table["minutes"] = np.nan if speed_m_s is None else table["walk_m"] / speed_m_s / 60
    table = table.sort_values(["facility", "estate", "walk_m"], kind="stable")
    keys = ["facility", "estate", "building"]
    return table.drop_duplicates(keys).reset_index(drop=True)


def _uids_or_none(study: Study, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    words = np.full(len(rows), None, dtype=object)
    known = rows >= 0
    if known.any():
        words[known] = study.layer("buildings").uids[rows[known]]
    return words
