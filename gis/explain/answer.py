"""Answer for one estate and one rule: lay the case out, walk it, say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gis.errors import OptionError, UnknownNameError
from gis.explain import words
from gis.explain.case import Case, Walk
from gis.explain.causes import causes_of, named
from gis.explain.changes import open_own_gates, open_passages, open_wall
from gis.explain.explanation import Cause, Explanation, Part, Remedy
from gis.explain.laid import TERRAINS, Terrain, at_home, comes_back_late, lay_case, status_of
from gis.explain.remedies import remedies_of
from gis.model import Categories, Study
from gis.network import LONGEST_LINK_M, Ground, lay_ground
from gis.network.gates import AT
from gis.network.ground import Origin
from gis.network.route import segments_of
from gis.rules import Rule
from gis.walkers import load_walker


def find_rule(rules: Sequence[Rule], word: str) -> Rule:
    """Return the rule of that id, else the first one that is required of that category.

    Raises
    ------
    UnknownNameError
        No rule has that id or category; those there are are told.
    """
    for rule in rules:
        if rule.id == word:
            return rule
    code = Categories.load().recognise(word)
    of_category = [rule for rule in rules if rule.category == code]
    if not of_category:
        known = ", ".join(dict.fromkeys(rule.category for rule in rules))
        raise UnknownNameError(f"No rule is for '{word}'; give one of the categories: {known}")
    return next((rule for rule in of_category if rule.must), of_category[0])


def explain(
    study: Study,
    estate: str,
    rule: Rule,
    *,
    at: str = AT,
    origin: Origin = "gate",
    building: str | None = None,
    walker: str | None = None,
    terrain: Terrain = "auto",
    link: str = "counted",
    longest_link_m: float = LONGEST_LINK_M,
    ground: Ground | None = None,
) -> Explanation:
    """Explain the walk of one estate to what one rule asks for.

    Parameters
    ----------
    study
        Needs estates and streets.
    estate
        Uid, or a name that only one estate has.
    rule
        From a rule pack (`find_rule`) or an own one.
    at, origin, link, longest_link_m
        As in `gis.network.lay_ground`.
    building
        With origin "building": the uid of the one to start at; else the one that walks farthest.
    walker
        Instead of the rule's own.
    terrain
        "auto": slopes count where heights are known; "on": they must be known; "off": flat.
    ground
        The study laid out with just these options, where it is at hand.

    Raises
    ------
    UnknownNameError
        No such estate, building or walker, or the name is that of several.
    MissingLayerError
        The study has no estates or streets, or heights are asked for and there are none.
    OptionError
        An option is out of range.
    """
    if terrain not in TERRAINS:
        raise OptionError(f"terrain is '{terrain}'; give one of: {', '.join(TERRAINS)}")
    if building is not None and origin != "building":
        raise OptionError("A building is named, but people start at the gate; start at buildings")
    row = study.layer("estates").find(estate)
    if walker is not None:
        load_walker(walker)
        rule = replace(rule, walker=walker)
    if ground is None:
        ground = lay_ground(study, at=at, origin=origin, link=link, longest_link_m=longest_link_m)
    case = lay_case(
        study, ground, rule, row, terrain, counted=link == "counted", longest_link_m=longest_link_m
    )
    case, chosen = at_home(case, building)
    status = status_of(case)
    if status == "gap" and comes_back_late(case):
        case = case.turned()
    return _explained(case, status, chosen)


def _explained(case: Case, status: str, building: int) -> Explanation:
    walk = case.walk if status in ("covered", "gap") else None
    causes: tuple[Cause, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    if status in ("gap", "unlinked"):
        gates, passages = list(open_own_gates(case)), open_passages(case)
        wall = open_wall(case) if len(case.door) else None
        if status == "gap":
            causes = causes_of(case, gates, passages, wall)
        else:
            causes = _why_unlinked(case, closed=bool(gates))
        remedies = remedies_of(case, gates, [] if status == "unlinked" else passages, wall)
    if status == "no-data":
        causes, remedies = _no_data(case)
    if status == "gap" and not len(case.door):
        causes = (_none_there(case), *causes)
    estate_uid, estate_name = named(case, "estates", case.estate)
    facility = named(case, "facilities", -1 if walk is None else walk.facility)
    gate = -1 if walk is None else int(case.gate[walk.start])
    straight = None if walk is None else _straight_m(walk)
    category = Categories.load()[case.rule.category]
    zh, en = _summary(case, status, walk)
    return Explanation(
        estate=str(estate_uid),
        estate_name=estate_name,
        building=named(case, "buildings", building)[0],
        rule=case.rule.id,
        category=category.code,
        category_zh=category.zh,
        category_en=category.en,
        walker=case.walker.name,
        at=case.ground.at,
        status=status,
        limit_m=case.limit_cm / 100,
        limit_s=case.rule.limit_s,
        metres=None if walk is None else walk.metres,
        seconds=None if walk is None else walk.seconds,
        slopes=case.terrain,
        flat_s=None if walk is None else walk.metres / case.walker.speed_m_s,
        counted_m=None if walk is None else walk.cost_cm / 100,
        gate=named(case, "gates", gate)[0],
        facility=facility[0],
        facility_name=facility[1],
        straight_m=straight,
        detour=None if walk is None or not straight else walk.metres / straight,
        route=None if walk is None else walk.route,
        parts=() if walk is None else _parts(case, walk),
        causes=causes,
        remedies=remedies,
        crs=CRS(case.study.crs),
        findings=case.findings,
        zh=zh,
        en=en,
    )


def _straight_m(walk: Walk) -> float:
    xy = walk.route.network.xy[walk.route.nodes[[0, -1]]]
    return float(np.hypot(*(xy[1] - xy[0])))


def _parts(case: Case, walk: Walk) -> tuple[Part, ...]:
    streets = case.study.layer("streets")
    names = streets.frame["name"].to_numpy(dtype=object, na_value=None)
    origins = case.ground.origins
    at_gates = origins.node[origins.building < 0]
    places = np.concatenate([at_gates, case.ground.gates.node, case.ground.doors.node])
    segments = segments_of(
        walk.route, names=names, passages=case.ground.passages.link, legs=places[places >= 0]
    )
    parts = []
    for segment in segments:
        seconds = case.seconds_of(segment.route, case.time_cm)
        zh, en = words.called(*words.PARTS[segment.kind], segment.name, None)
        metres = segment.route.metres
        length_zh, length_en = words.walked(metres, seconds)
        uids = tuple(str(streets.uids[row]) for row in segment.streets)
        said = (f"{zh}{length_zh}", f"{en}, {length_en}")
        parts.append(Part(segment.kind, segment.name, uids, metres, seconds, *said))
    return tuple(parts)


def _why_unlinked(case: Case, *, closed: bool) -> tuple[Cause, ...]:
    if closed:
        zh = f"小区的出入口在{case.ground.at}都不向行人开放。"
        en = f"No gate of the estate is open to walkers at {case.ground.at}."
        return (Cause("gates-shut", zh, en),)
    shape = case.study.layer("estates").geometries[case.estate]
    metres = float(shapely.distance(shape, case.study.layer("streets").geometries).min())
    far = words.figure(case.longest_link_m)
    zh = f"{far}米内没有不被隔断的道路（最近的道路{words.figure(metres)}米），请补全道路或出入口。"
    en = (
        f"No street within {far} m can be reached without crossing a barrier or wall (the nearest "
        f"street is {words.figure(metres)} m away); complete the streets or the gates."
    )
    return (Cause("no-street", zh, en),)


def _no_data(case: Case) -> tuple[tuple[Cause, ...], tuple[Remedy, ...]]:
    zh, en, code = case.rule.zh, case.rule.en, case.rule.category
    if len(case.lost):
        count = len(case.lost)
        why = (
            f"{zh}共{count}处，都未接入路网。",
            f"None of the {count} facilities of '{code}' is near a street.",
        )
        mend = (
            "请检查设施文件的坐标。",
            "Check the coordinates of their file.",
        )
    else:
        why = (f"没有导入{zh}的数据。", f"Nothing of '{code}' was imported: {en.lower()}.")
        mend = (
            f"请导入{zh}，或声明本地没有。",
            f"Import facilities of '{code}', or state that there is none.",
        )
    cause = Cause("no-data", *why)
    remedy = Remedy("data", *mend, closes=False)
    return (cause,), (remedy,)


def _none_there(case: Case) -> Cause:
    zh, en = case.rule.zh, case.rule.en
    if len(case.small):
        count = len(case.small)
        return Cause(
            "none",
            f"{zh}共{count}处，规模都不足。",
            f"All {count} of them are too small: {en.lower()}.",
        )
    return Cause(
        "none", f"已声明本地没有{zh}。", f"It was stated that there is none: {en.lower()}."
    )


def _summary(case: Case, status: str, walk: Walk | None) -> tuple[str, str]:
    zh, en = words.STATUSES[status]
    name = case.study.layer("estates").frame["name"].iloc[case.estate]
    who = case.study.layer("estates").uids[case.estate] if pd.isna(name) else name
    said_zh, said_en = f"{who}：{case.rule.zh}{zh}", f"{who}: {case.rule.en}, {en}"
    if walk is None:
        return f"{said_zh}。", f"{said_en}."
    length_zh, length_en = words.walked(walk.metres, walk.seconds)
    whose_zh, whose_en = words.whose(case.walker.zh, case.walker.en, slopes=case.terrain)
    limit = words.figure(case.limit_cm / 100)
    if case.rule.limit_m is None:
        limit_zh = f"限{words.figure(case.rule.limit_s or 0)}秒"
        limit_en = f"limit {words.figure(case.rule.limit_s or 0)} s"
    else:
        limit_zh, limit_en = f"限{limit}米", f"limit {limit} m"
    return (
        f"{said_zh}，步行{length_zh}，{limit_zh}（{whose_zh}）。",
        f"{said_en}: a walk of {length_en}, {limit_en} ({whose_en}).",
    )
