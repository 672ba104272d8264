"""What fits where: the sizes of a rule and the conditions of its category against candidates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.rules import Rule
from gis.sites.candidates import Candidates
from gis.sites.means import open_yuan_per_m2, yuan_per_m2
from gis.sites.rooms import Figure, RoomRule, room_of
from gis.sites.stock import Note, m2

Unknown = Literal["refuse", "offer"]
UNKNOWN: Final = ("refuse", "offer")

_HAIR_M2: Final = 1e-6
"""Land times a ratio is no exact product; exactly the minimum fits."""
_ASKED_OF_NEW: Final = ("must", "new")
_STANDARD: Final = re.compile(r"^(?:(?:GB|JGJ|建标)[ \w/]*-\d{4}|建科规〔\d{4}〕\d+号)")


@dataclass(frozen=True, eq=False)
class Fit:
    """Which of k candidates can hold a service, and why others cannot.

    ``fits`` (k,) can hold it; ``known`` (k,) False where a size, a storey or a lift that is asked
    for is unknown: such a one is offered only where that was asked. ``why_zh``, ``why_en`` (k,) say
    what is wrong or unknown, "" otherwise. ``need_m2`` (k,) the floor that it takes there, 0 for
    open grounds, NaN where no standard says; ``need_land_m2`` (k,) the land. ``takes`` (k,) is the
    share of the place that it uses, above 0 to 1, 1 where it cannot ``share`` (one bool); shares of
    one place add up to 1 at most. ``cost_yuan``, ``cost_estimated`` (k,) are those of the
    candidate; an estimate of what is built anew is of this service alone.
    """

    fits: NDArray[np.bool_]
    known: NDArray[np.bool_]
    why_zh: NDArray[np.object_]
    why_en: NDArray[np.object_]
    need_m2: NDArray[np.float64]
    need_land_m2: NDArray[np.float64]
    takes: NDArray[np.float64]
    cost_yuan: NDArray[np.float64]
    cost_estimated: NDArray[np.bool_]
    shares: bool


@dataclass(frozen=True)
class _Least:
    """A minimum and the words of its proof."""

    value: float
    zh: str
    en: str


@dataclass
class _Verdict:
    """What is found about one candidate."""

    bad: list[Note] = field(default_factory=list)
    unsure: list[Note] = field(default_factory=list)
    need_m2: float = float("nan")
    need_land_m2: float = 0.0
    takes: float = 1.0
    cost_yuan: float = float("nan")


def fit(candidates: Candidates, rule: Rule, *, unknown: Unknown = "refuse") -> Fit:
    """Say which candidates can hold the service of a rule.

    A site holds a new facility: the sizes that the rule demands, and those that it asks of new
    ones, count, else those of ``data/rooms.toml``; exactly the minimum fits. A plot can take so
    much floor as its land times the plot ratio of the category. An upgrade fits the rules of its
    own category.

    Parameters
    ----------
    candidates
        k candidates.
    rule
        Of any pack, or one of the user's own.
    unknown
        "refuse": a room of unknown size is not offered, since it would silently become, say, a
        day-care centre; "offer": it is, with ``known`` False.

    Raises
    ------
    OptionError
        ``unknown`` is neither of the two.
    """
    if unknown not in UNKNOWN:
        raise OptionError(f"unknown is '{unknown}'; give one of: {', '.join(UNKNOWN)}")
    room = room_of(rule.category)
    asks = _Asks(rule, room, _least(rule, room, "floor_m2"), _least(rule, room, "land_m2"))
    verdicts = [_judge(candidates, i, asks) for i in range(len(candidates))]
    known = np.array([not v.unsure for v in verdicts], dtype=bool)
    able = np.array([not v.bad for v in verdicts], dtype=bool)
    why = [[*v.bad, *v.unsure] for v in verdicts]
    return Fit(
        fits=able & (known | (unknown == "offer")),
        known=known,
        why_zh=np.array(["；".join(zh for zh, _ in notes) for notes in why], dtype=object),
        why_en=np.array(["; ".join(en for _, en in notes) for notes in why], dtype=object),
        need_m2=np.array([v.need_m2 for v in verdicts], dtype=float),
        need_land_m2=np.array([v.need_land_m2 for v in verdicts], dtype=float),
        takes=np.array([v.takes for v in verdicts], dtype=float),
        cost_yuan=np.array([v.cost_yuan for v in verdicts], dtype=float),
        cost_estimated=candidates.cost_estimated.copy(),
        shares=room.shares,
    )


@dataclass(frozen=True)
class _Asks:
    rule: Rule
    room: RoomRule
    floor: _Least | None
    land: _Least | None

    @property
    def open(self) -> bool:
        return self.room.ground == "open"

    @property
    def need_m2(self) -> float:
        return 0.0 if self.open else self.floor.value if self.floor else float("nan")


def _judge(c: Candidates, i: int, asks: _Asks) -> _Verdict:
    if c.kind[i] == "upgrade":
        return _judge_upgrade(c, i, asks)
    verdict = _Verdict(need_m2=asks.need_m2, cost_yuan=float(c.cost_yuan[i]))
    wrong = _wrong_ground(str(c.ground[i]), asks.room)
    if wrong:
        verdict.bad.append(wrong)
        return verdict
    anew = c.ground[i] == "plot" or c.means[i] == "build"
    if not anew and asks.room.ground == "room":
        _hold_storey(verdict, float(c.storey[i]), c.lift[i], asks.room)
    floor = _floor_there(c, i, asks.room.plot_ratio)
    if asks.floor is not None and not asks.open:
        if c.means[i] == "extend" and np.isnan(c.land_m2[i]) and floor < asks.floor.value:
            verdict.unsure.append(_not_told(floor, asks.floor))
        else:
            _hold(verdict, floor, asks.floor, ("建筑面积", "floor"))
    if asks.land is not None:
        _hold(verdict, float(c.land_m2[i]), asks.land, ("用地面积", "land"))
    _measure(verdict, asks, floor, float(c.land_m2[i]), anew=anew)
    if c.by_service[i]:
        verdict.cost_yuan = _cost_of_service(c, i, asks, verdict)
    return verdict


def _judge_upgrade(c: Candidates, i: int, asks: _Asks) -> _Verdict:
    """An existing facility is held against what the rule demands, not what it asks of new ones."""
    now, land = float(c.now_m2[i]), float(c.land_m2[i])
    verdict = _Verdict(cost_yuan=float(c.cost_yuan[i]))
    least = asks.rule.min_floor_m2
    if c.category[i] != asks.rule.category:
        verdict.bad.append(("只能扩建为原来的类别", "it can be extended for its own service only"))
        return verdict
    if least is None or now >= least:
        verdict.bad.append(("按本规则面积已够", "it is large enough for this rule already"))
        return verdict
    verdict.need_m2 = least
    verdict.need_land_m2 = least / asks.room.plot_ratio
    verdict.cost_yuan = (least - now) * yuan_per_m2("extend", rent_years=0.0)
    if c.floor_m2[i] < least:
        verdict.bad.append(
            (f"扩建目标小于 {m2(least)}", f"it is to be extended to less than {m2(least)}")
        )
    enough = _Least(verdict.need_land_m2, f"扩建到 {m2(least)}", f"extending to {m2(least)}")
    _hold(verdict, land, enough, ("用地面积", "land"))
    return verdict


def _wrong_ground(ground: str, room: RoomRule) -> Note | None:
    clause = f"（{room.proof.clause}{_mark(room.proof)[0]}）"
    clause_en = f" ({room.proof.clause}{_mark(room.proof)[1]})"
    if room.ground == "none":
        return f"不在备选用房用地上设置{clause}", f"is not put on sites{clause_en}"
    if room.ground == "own" and ground == "room":
        return (
            f"须有独立用地，此处是没有自有用地的房间{clause}",
            f"needs ground of its own; this is a room without land{clause_en}",
        )
    if room.ground == "open" and ground != "plot":
        return (
            f"须为室外场地，此处是房屋{clause}",
            f"needs open ground; this is a building{clause_en}",
        )
    return None


def _hold_storey(verdict: _Verdict, storey: float, lift: bool | None, room: RoomRule) -> None:
    """Hold the storey (0 is the ground floor as well) against lowest and highest."""
    if not room.asks_for_storey:
        return
    if np.isnan(storey):
        verdict.unsure.append(("所在楼层未知", "its storey is unknown"))
        return
    at = storey if storey < 0 else max(storey, 1.0)
    lowest, highest = room.figures.get("lowest_storey"), room.figures.get("highest_storey")
    if lowest is not None and at < lowest.value:
        zh, en = _proof(lowest)
        verdict.bad.append(
            (f"在{_told(at)[0]}，低于{_told(lowest.value)[0]}{zh}",
             f"on {_told(at)[1]}, below {_told(lowest.value)[1]}{en}")
        )  # fmt: skip
    if highest is None or at <= highest.value:
        return
    with_lift = room.figures.get("highest_with_lift")
    zh, en = _proof(highest)
    if with_lift is None or at > with_lift.value or lift is False:
        limit = with_lift if with_lift is not None and lift is not False else highest
        zh, en = _proof(limit)
        verdict.bad.append(
            (f"在{_told(at)[0]}，高于{_told(limit.value)[0]}{zh}",
             f"on {_told(at)[1]}, above {_told(limit.value)[1]}{en}")
        )  # fmt: skip
    elif lift is None:
        verdict.unsure.append(
            (f"在{_told(at)[0]}，有无电梯未知{zh}", f"on {_told(at)[1]}, lift unknown{en}")
        )


def _told(storey: float) -> Note:
    if storey < 0:
        return f"地下 {-storey:g} 层", f"basement {-storey:g}"
    return f" {storey:g} 层", f"storey {storey:g}"


def _hold(verdict: _Verdict, have: float, least: _Least, what: Note) -> None:
    if np.isnan(have):
        verdict.unsure.append(
            (f"{what[0]}未知，需要 {m2(least.value)}（{least.zh}）",
             f"{what[1]} unknown, {m2(least.value)} needed ({least.en})")
        )  # fmt: skip
    elif have < least.value - _HAIR_M2:
        verdict.bad.append(
            (f"{what[0]} {m2(have)} 小于 {m2(least.value)}（{least.zh}）",
             f"{what[1]} {m2(have)} is less than {m2(least.value)} ({least.en})")
        )  # fmt: skip


def _not_told(floor: float, least: _Least) -> Note:
    return (
        f"现有 {m2(floor)}，需要 {m2(least.value)}，用地面积未知，不知能否扩建（{least.zh}）",
        f"{m2(floor)} now, {m2(least.value)} needed; no land known to extend it on ({least.en})",
    )


def _floor_there(c: Candidates, i: int, ratio: float) -> float:
    """Floor that a place has, or can have once built or extended; NaN unknown."""
    floor, could = float(c.floor_m2[i]), float(c.land_m2[i]) * ratio
    if c.ground[i] == "plot":
        return could
    if c.means[i] == "build":
        return floor if np.isnan(could) else could
    if c.means[i] == "extend":
        return float(np.fmax(floor, could))
    return floor


def _measure(verdict: _Verdict, asks: _Asks, floor: float, land: float, *, anew: bool) -> None:
    """Set what the service takes of the place."""
    need = asks.need_m2
    least_land = asks.land.value if asks.land else 0.0
    by_land = asks.room.ground != "room" or anew
    if by_land:
        verdict.need_land_m2 = max(least_land, np.nan_to_num(need) / asks.room.plot_ratio)
    share = verdict.need_land_m2 / land if by_land and land > 0 else need / floor if floor else 1.0
    if asks.room.shares and 0 < share < 1:
        verdict.takes = share


def _cost_of_service(c: Candidates, i: int, asks: _Asks, verdict: _Verdict) -> float:
    """Estimate what this service alone costs on a plot, rebuilt, or where it is extended."""
    if asks.open:
        return verdict.need_land_m2 * open_yuan_per_m2()
    if np.isnan(verdict.need_m2):
        return float(c.cost_yuan[i])
    if c.ground[i] == "plot" or c.means[i] == "build":
        return verdict.need_m2 * yuan_per_m2("build", rent_years=c.rent_years)
    now = float(np.nan_to_num(c.floor_m2[i]))
    used, added = min(now, verdict.need_m2), max(verdict.need_m2 - now, 0.0)
    return used * yuan_per_m2("convert", rent_years=0.0) + added * yuan_per_m2(
        "extend", rent_years=0.0
    )


def _least(rule: Rule, room: RoomRule, figure: str) -> _Least | None:
    """The largest minimum that the rule has for new facilities, else that of the category.

    Land is asked of those categories only that have land of their own, unless the rule asks it.
    """
    sizes = [s for s in rule.sizes if s.measure == f"min_{figure}" and s.strength in _ASKED_OF_NEW]
    if sizes:
        size = max(sizes, key=lambda s: s.value)
        return _Least(size.value, *_words(size.clause, size.source, size.verified))
    known = room.figures.get(figure)
    if known is None:
        return None
    return _Least(known.value, *_words(known.clause, known.source, known.verified))


def _words(clause: str, source: str, verified: bool) -> Note:
    """Clause with the name of its standard, marked where nobody checked it."""
    name = _STANDARD.match(source)
    if name and name.group() not in clause:
        clause = f"{name.group()} {clause}"
    return clause + ("" if verified else "，未核对"), clause + (
        "" if verified else ", not verified"
    )


def _proof(figure: Figure) -> Note:
    zh, en = _words(figure.clause, figure.source, figure.verified)
    return f"（{zh}）", f" ({en})"


def _mark(figure: Figure) -> Note:
    return ("", "") if figure.verified else ("，未核对", ", not verified")
