"""Single changes that would close a gap, each with the walk that a search found."""

from __future__ import annotations

import math
from typing import Final

from gis.explain import words
from gis.explain.case import Case
from gis.explain.causes import named
from gis.explain.changes import Change, missing_path, use_sites, without
from gis.explain.explanation import Remedy

_ACTS: Final = {
    "open-gate": ("开放", "Open", "出入口", "gate"),
    "open-passage": ("开放", "Open", "出入口", "gate"),
    "open-wall": ("在围墙上开口", "Open", "", "the wall"),
    "path": ("新建步行通道", "Build a path", "", ""),
    "crossing": ("新建跨越通道", "Build a crossing", "", ""),
    "ramp": ("以坡道或平路替代台阶", "Replace the stairs by a ramp or a level way", "", ""),
    "site": ("在备选用地设置", "Place the facility on", "用地", "site"),
}


def remedies_of(
    case: Case, gates: list[Change], passages: list[Change], wall: Change | None
) -> tuple[Remedy, ...]:
    """Return what could be changed: what closes the gap first, then cheapest, then shortest."""
    changes = [*gates, *passages, *([wall] if wall is not None else [])]
    if len(case.home) and len(case.door):
        path = missing_path(case, limit_cm=case.limit_cm)
        stairs = without(case, "stairs")
        ramp = Change("ramp", stairs.walk)
        changes += [change for change in (path, ramp) if change is not None]
    if len(case.home):
        changes += use_sites(case)
    remedies = [_remedy(case, change) for change in changes if _helps(case, change)]
    remedies.sort(key=_order)
    if len(case.home):
        remedies.append(_anywhere(case))
    return tuple(remedies)


def _helps(case: Case, change: Change) -> bool:
    now = math.inf if case.walk is None else case.walk.cost_cm
    return change.walk is not None and change.walk.cost_cm < now


def _order(remedy: Remedy) -> tuple[bool, float, float]:
    cost = math.inf if remedy.cost_yuan is None else remedy.cost_yuan
    return not remedy.closes, cost, remedy.metres or math.inf


def _remedy(case: Case, change: Change) -> Remedy:
    walk = change.walk
    if walk is None:
        raise AssertionError("a change without a walk is no remedy")
    closes = walk.cost_cm <= case.limit_cm
    uid, name = named(case, change.layer, change.row)
    zh, en = _act(case, change, uid, name)
    then = words.would_be(walk.metres, walk.seconds, closes)
    price = "" if change.cost_yuan is None else words.figure(change.cost_yuan)
    return Remedy(
        kind=change.kind,
        zh=f"{zh}：{then[0]}{f'，造价{price}元' if price else ''}。",
        en=f"{en}: {then[1]}{f', at {price} yuan' if price else ''}.",
        uid=uid,
        name=name,
        metres=walk.metres,
        seconds=walk.seconds,
        closes=closes,
        cost_yuan=change.cost_yuan,
        place=change.place,
        end=change.end,
    )


def _act(case: Case, change: Change, uid: str | None, name: str | None) -> tuple[str, str]:
    zh, en, noun_zh, noun_en = _ACTS[change.kind]
    if change.kind in ("path", "crossing"):
        length = 0.0
        if change.place is not None and change.end is not None:
            length = math.dist(change.place, change.end)
        over = [
            words.called(*words.BARRIERS.get(str(word), words.BARRIERS["other"]), *names[::-1])
            for word, names in (
                (case.study.frame("barriers")["barrier"].iloc[row], named(case, "barriers", row))
                for row in change.crossed
            )
        ]
        over_zh = f"跨{'、'.join(z for z, _ in over)}" if over else ""
        over_en = f" over {', '.join(f'the {e}' for _, e in over)}" if over else ""
        return (
            f"{zh}{words.figure(length)}米{over_zh}",
            f"{en} of {words.figure(length)} m{over_en}",
        )
    if change.kind == "open-passage" and change.layer == "walls":
        noun_zh, noun_en = "围墙", "the wall"
    if uid is None and name is None:
        return zh, f"{en} {noun_en}".strip()
    zh_called, en_called = words.called(noun_zh, noun_en, name, uid)
    return f"{zh}{zh_called}", f"{en} {en_called}"


def _anywhere(case: Case) -> Remedy:
    zh, en = case.rule.zh, case.rule.en
    limit = words.figure(case.limit_cm / 100)
    return Remedy(
        kind="facility",
        zh=f"在步行{limit}米以内增设{zh}。",
        en=f"Add one within a walk of {limit} m: {en.lower()}.",
        closes=True,
    )
