"""Lay a case out: the network as the rule's walker walks it, where he starts, where he may go."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.coverage.facilities import category_codes
from gis.errors import UnknownNameError
from gis.explain.case import BEYOND_CM, Case, costed
from gis.model import Finding, Study
from gis.network import Ground, WalkNetwork
from gis.network.heights import unknown_share, with_heights
from gis.rules import Rule
from gis.walkers import load_walker

TERRAINS: Final = ("auto", "on", "off")
Terrain = Literal["auto", "on", "off"]


def lay_case(
    study: Study,
    ground: Ground,
    rule: Rule,
    row: int,
    terrain: Terrain,
    *,
    counted: bool,
    longest_link_m: float,
) -> Case:
    """Lay out the case of one estate, all its starts together.

    Raises
    ------
    MissingLayerError
        Heights are asked for and there are none.
    """
    walker = load_walker(rule.walker)
    network: WalkNetwork = ground.network
    findings: tuple[Finding, ...] = ()
    if terrain != "off":
        network, findings = with_heights(network, study)
    slopes = terrain == "on" or (terrain == "auto" and unknown_share(network) < 1.0)
    network, time_cm = costed(network, rule, walker, ground.closed, terrain=slopes)
    codes = category_codes(study)
    known = np.flatnonzero(np.isin(codes, rule.categories))
    rows = known[_large_enough(study, rule, codes)[known]]
    doors = ground.doors
    used = np.flatnonzero(np.isin(doors.facility, rows) & (doors.node >= 0))
    mine = np.flatnonzero((ground.origins.estate == row) & (ground.origins.node >= 0))
    return Case(
        study=study,
        ground=ground,
        rule=rule,
        walker=walker,
        network=network,
        time_cm=time_cm,
        terrain=slopes,
        estate=row,
        home=ground.origins.node[mine],
        gate=ground.origins.gate[mine],
        building=ground.origins.building[mine],
        door=doors.node[used],
        facility=doors.facility[used],
        lost=np.setdiff1d(rows, doors.facility[used]),
        small=np.setdiff1d(known, rows),
        counted=counted,
        longest_link_m=longest_link_m,
        findings=tuple(findings) if slopes else (),
    )


def _large_enough(study: Study, rule: Rule, codes: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(f,) False for facilities of the rule's own category that are known to be too small."""
    if "facilities" not in study:
        return np.ones(len(codes), dtype=bool)
    layer = study.layer("facilities")
    counts, _ = rule.large_enough(layer.numbers("floor_area_m2"), layer.numbers("land_area_m2"))
    usable: NDArray[np.bool_] = counts | (codes != rule.category)
    return usable


def at_home(case: Case, building: str | None) -> tuple[Case, int]:
    """Keep the starts of one building: the one asked for, else the one that walks farthest.

    Returns its row too, -1 where people start at gates.

    Raises
    ------
    UnknownNameError
        The estate has no such building that is linked.
    """
    if building is not None:
        uids = case.study.layer("buildings").uids
        rows = np.flatnonzero(uids == building.strip())
        if len(rows) == 0 or not np.isin(rows, case.building).any():
            raise UnknownNameError(
                f"No building '{building}' of the estate is linked to the streets; give the uid of "
                "one of its buildings, with origin 'building'"
            )
        return case.starting_at(case.building == rows[0]), int(rows[0])
    if not (case.building >= 0).any() or len(case.door) == 0:
        return case, -1
    cm = case.there[case.home]
    nearest = {b: int(cm[case.building == b].min()) for b in np.unique(case.building).tolist()}
    farthest = max(nearest, key=lambda b: (nearest[b], -b))
    return case.starting_at(case.building == farthest), int(farthest)


def status_of(case: Case) -> str:
    """Say what coverage says of this home: covered, gap, unlinked or no-data."""
    known = len(case.door) + len(case.lost) + len(case.small)
    if known == 0 and case.rule.category not in case.study.none_of:
        return "no-data"
    if len(case.lost) and not len(case.door) and not len(case.small):
        return "no-data"  # all facilities lie off the streets: a fault of the data
    if not len(case.home):
        return "unlinked"
    within = bool((_there_and_back(case, case.door) <= case.limit_cm).any())
    return "covered" if within or _stood_in_for(case) else "gap"


def comes_back_late(case: Case) -> bool:
    """Say whether the way there is within the limit, and only the way back is not."""
    walk = case.walk
    return case.rule.round_trip and walk is not None and walk.cost_cm <= case.limit_cm


def _there_and_back(case: Case, door: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m,) cm to each door, of the longer way where the rule asks for a round trip."""
    cm = case.here[door]
    if case.rule.round_trip and len(door):
        back = case.network.reach([case.home], limit_m=np.inf).cm[0, door].astype(np.int64)
        cm = np.maximum(cm, np.where(back < 0, BEYOND_CM, back))
    return cm


def _stood_in_for(case: Case) -> bool:
    """Whether enough facilities of another category are near enough to stand in."""
    doors, codes = case.ground.doors, category_codes(case.study)
    for instead in case.rule.instead:
        layer = case.study.layer("facilities") if "facilities" in case.study else None
        if layer is None:
            return False
        counts, _ = instead.large_enough(
            layer.numbers("floor_area_m2"), layer.numbers("land_area_m2")
        )
        usable = counts & (codes == instead.category)
        rows = np.flatnonzero(usable[doors.facility] & (doors.node >= 0))
        near = _there_and_back(case, doors.node[rows]) <= case.limit_cm
        if len(np.unique(doors.facility[rows[near]])) >= instead.count:
            return True
    return False
