"""What makes a walk long: the walk as it is, less the walk without one thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.explain import words
from gis.explain.case import BEYOND_CM, Case
from gis.explain.changes import Change, missing_path, straight_barriers, without
from gis.explain.explanation import Cause

WORTH_TELLING: Final = 10.0
"""What adds less than ten metres and less than ten seconds is no cause."""

_TRAITS: Final = {
    "stairs": ("台阶", "Stairs"),
    "slope": ("坡度", "Slopes"),
    "waiting": ("等候（信号灯、电梯）", "Waiting at signals and lifts"),
    "closed-to-walker": ("过陡或过窄的路段", "Streets too steep or too narrow for the walker"),
}


def causes_of(
    case: Case, gates: list[Change], passages: list[Change], wall: Change | None
) -> tuple[Cause, ...]:
    """Return the causes of a gap, what adds most first."""
    found = [
        *(_gate_cause(case, change, "gate-closed") for change in gates),
        *(_gate_cause(case, change, "passage-closed") for change in passages),
        _wall_cause(case, wall),
        *(_trait_cause(case, kind) for kind in _TRAITS),
        *_barrier_causes(case),
        *_distance_causes(case),
    ]
    causes = [cause for cause in found if cause is not None]
    causes += _detour_cause(case, causes)
    return tuple(sorted(causes, key=lambda cause: -_weight(cause)))


def _weight(cause: Cause) -> float:
    return max(cause.adds_m or 0.0, cause.adds_s or 0.0)


def _adds(case: Case, change: Change | None) -> tuple[float, float] | None:
    """Metres and seconds that a thing adds; None where it is not worth telling."""
    now, then = case.walk, None if change is None else change.walk
    if now is None or then is None or then.cost_cm >= now.cost_cm:
        return None
    metres, seconds = now.metres - then.metres, now.seconds - then.seconds
    return (metres, seconds) if max(metres, seconds) >= WORTH_TELLING else None


def _opens_a_way(case: Case, change: Change) -> bool:
    return case.walk is None and change.walk is not None


def _gate_cause(case: Case, change: Change, kind: str) -> Cause | None:
    adds = _adds(case, change)
    if adds is None and not _opens_a_way(case, change):
        return None
    uid, name = named(case, change.layer, change.row)
    noun = ("出入口", "Gate") if change.layer == "gates" else ("围墙", "Wall")
    zh, en = words.called(*noun, name, uid)
    when_zh, when_en = _why_shut(case, change)
    more = ("无路可走", "there is no way") if adds is None else words.added(*adds)
    return Cause(
        kind,
        f"{zh}{when_zh}，{more[0]}。",
        f"{en} {when_en}: {more[1]}.",
        uid,
        name,
        *(adds or ()),
    )


def _why_shut(case: Case, change: Change) -> tuple[str, str]:
    if change.layer != "gates":
        return "封住道路", "stands across the street"
    row = case.study.frame("gates").iloc[change.row]
    if row["access"] == "cars":
        return "只通车辆", "is for cars only"
    if row["access"] == "closed" or pd.isna(row["hours"]):
        return "不开放", "is closed"
    at, hours = case.ground.at, row["hours"]
    return f"在{at}关闭（开放时间{hours}）", f"is shut at {at} (open {hours})"


def _wall_cause(case: Case, change: Change | None) -> Cause | None:
    adds = _adds(case, change)
    if adds is None or change is None:
        return None
    uid, name = named(case, change.layer, change.row)
    noun = ("围墙", "Wall") if change.row >= 0 else ("小区边界", "The outline of the estate")
    zh, en = words.called(*noun, name, uid)
    more = words.added(*adds)
    return Cause(
        "no-gate",
        f"{zh}上没有出入口，{more[0]}。",
        f"{en} has no gate on this side: {more[1]}.",
        uid,
        name,
        *adds,
    )


def _trait_cause(case: Case, kind: str) -> Cause | None:
    change = without(case, kind)
    adds = _adds(case, change)
    if adds is None and not _opens_a_way(case, change):
        return None
    zh, en = _TRAITS[kind]
    more = ("无路可走", "there is no way") if adds is None else words.added(*adds)
    adds_m, adds_s = adds or (None, None)
    return Cause(kind, f"{zh}：{more[0]}。", f"{en}: {more[1]}.", adds_m=adds_m, adds_s=adds_s)


def _barrier_causes(case: Case) -> Iterator[Cause]:
    if case.walk is None and not len(case.door):
        return
    now = BEYOND_CM - 1 if case.walk is None else case.walk.cost_cm
    for row in straight_barriers(case, _near_doors(case)):
        change = missing_path(case, limit_cm=min(now - 1, 4 * case.limit_cm), barrier=row)
        adds = _adds(case, change)
        if change is None or (adds is None and not _opens_a_way(case, change)):
            continue
        word = str(case.study.frame("barriers")["barrier"].iloc[row])
        zh, en = words.BARRIERS.get(word, words.BARRIERS["other"])
        uid, name = named(case, "barriers", row)
        noun_zh, noun_en = words.called(zh, f"The {en}", name, uid)
        more = ("无路可走", "there is no way") if adds is None else words.added(*adds)
        yield Cause(
            word if word in words.BARRIERS and word != "other" else "barrier",
            f"{noun_zh}隔断直路，{more[0]}。",
            f"{noun_en} cuts the direct way: {more[1]} than over a crossing where it helps most.",
            uid,
            name,
            *(adds or ()),
        )


def _near_doors(case: Case) -> NDArray[np.float64]:
    """Places (n, 2) of the door that is nearest in a straight line and of the one walked to."""
    xy = case.network.xy[case.door]
    start = case.network.xy[case.home[0]]
    chosen = [int(np.hypot(*(xy - start).T).argmin())]
    if case.walk is not None:
        chosen.append(int(np.flatnonzero(case.facility == case.walk.facility)[0]))
    return xy[chosen]


def _distance_causes(case: Case) -> Iterator[Cause]:
    """Nothing is near enough even as the crow flies; or what is near is not linked."""
    estate = case.study.layer("estates").geometries[case.estate]
    zh, en = case.rule.zh, case.rule.en
    if len(case.door):
        places = shapely.points(case.network.xy[case.door])
        near = float(shapely.distance(estate, places).min())
        if near * 100 > case.limit_cm:
            yield Cause(
                "far",
                f"最近的{zh}直线距离也有{words.figure(near)}米，超过限值。",
                f"The nearest {en.lower()} is {words.figure(near)} m away even as the crow flies.",
            )
    for kind, rows in (("facility-unlinked", case.lost), ("too-small", case.small)):
        for row in rows.tolist():
            yield from _useless(case, kind, row)
    if case.back:
        yield Cause(
            "way-back",
            "去程达标，回程超限；以下为回程的数值。",
            "The way there is within the limit, the way back is not; the figures are those of the "
            "way back.",
        )


def _detour_cause(case: Case, causes: list[Cause]) -> list[Cause]:
    """Say that the streets lead around where nothing else explains what is near but far to walk."""
    walk = case.walk
    if walk is None or any(cause.adds_m or cause.kind == "far" for cause in causes):
        return []
    ends = walk.route.network.xy[walk.route.nodes[[0, -1]]]
    straight = float(np.hypot(*(ends[1] - ends[0])))
    adds_m = walk.metres - straight
    if adds_m < WORTH_TELLING:
        return []
    far, near = words.figure(walk.metres), words.figure(straight)
    return [
        Cause(
            "detour",
            f"道路绕行：直线{near}米，步行{far}米。",
            f"The streets lead around: {far} m to walk for {near} m in a straight line.",
            adds_m=adds_m,
            adds_s=adds_m / case.walker.speed_m_s,
        )
    ]


def _useless(case: Case, kind: str, row: int) -> Iterator[Cause]:
    """Tell why a facility that is near enough in a straight line does not count."""
    estate = case.study.layer("estates").geometries[case.estate]
    metres = float(shapely.distance(estate, case.study.layer("facilities").geometries[row]))
    if metres * 100 > case.limit_cm:
        return
    uid, name = named(case, "facilities", row)
    noun_zh, noun_en = words.called(case.rule.zh, case.rule.en, name, uid)
    why_zh, why_en = {
        "facility-unlinked": ("但未接入路网", "but no street leads to it"),
        "too-small": ("但规模不足", "but it is too small to count"),
    }[kind]
    far = words.figure(metres)
    yield Cause(
        kind,
        f"{noun_zh}直线距离{far}米，{why_zh}。",
        f"{noun_en} is {far} m away in a straight line, {why_en}.",
        uid,
        name,
    )


def named(case: Case, kind: str | None, row: int) -> tuple[str | None, str | None]:
    """Return uid and name of a row, None where there is none."""
    if kind is None or row < 0:
        return None, None
    frame = case.study.frame(kind)
    name = frame["name"].iloc[row] if "name" in frame else None
    return str(frame["uid"].iloc[row]), None if name is None or pd.isna(name) else str(name)
