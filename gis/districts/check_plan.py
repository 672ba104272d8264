"""The independent checker of plans. It shares no code with the search and knows nothing of it.

It reads any plan, also one drawn by hand: district names are free words, estates may lack. Each
fault names its estates and has a shape, so that a map can draw it and zoom to it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.districts.adjacency import Adjacency
from gis.districts.district_plan import DistrictPlan
from gis.districts.link_words import why_words
from gis.errors import UnknownNameError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer

_TOLD: Final = 5
_ROUNDING: Final = 1e-9
_WALK_M_PER_MINUTE: Final = 60.0
_UNITS: Final = {"people": ("people", "人"), "households": ("households", "户"),
                 "count": ("estates", "个小区"), "area_m2": ("m²", "平方米")}  # fmt: skip
_AREAS: Final = {"communities": "community", "subdistricts": "subdistrict"}


@dataclass(frozen=True)
class Violation:
    """One constraint that a plan breaks.

    ``kind`` is one of estates, left-out, unknown-size, too-small, too-large, contiguity, count,
    within, lock, join, apart, centre; ``district`` the district concerned or None; ``estates``
    the uids concerned (for contiguity those that hang apart from the largest piece);
    ``geometry`` their outlines as one shape, None where none is known.
    """

    kind: str
    district: str | None
    estates: tuple[str, ...]
    words: str
    words_zh: str
    geometry: Any = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.words

    def to_json(self) -> dict[str, Any]:
        """Return the violation as plain JSON values, with the bounds of its shape."""
        shape = self.geometry
        bounds = None if shape is None or shape.is_empty else [float(v) for v in shape.bounds]
        return {
            "kind": self.kind, "district": self.district, "estates": list(self.estates),
            "words": self.words, "words_zh": self.words_zh, "bounds": bounds,
        }  # fmt: skip


def check_plan(
    plan: DistrictPlan,
    estates: Layer,
    *,
    adjacency: Adjacency | None = None,
    classes: Mapping[str, ArrayLike] | None = None,
    cost: Any = None,
) -> tuple[Violation, ...]:
    """Return every constraint that a plan breaks; empty when none is broken.

    Sizes are read anew from the estates. What the settings of the plan do not hold is not asked
    for: ``sizes``, ``count``, ``within`` (a word or several: columns of the estates, or
    ``communities``, ``subdistricts``), ``locks`` (``fixed``: the name of the district of each
    locked estate; ``closed``: districts that are exactly their locked estates), ``join`` and
    ``apart`` (groups of uids), ``taking_part``, ``max_walk_minutes``.

    Parameters
    ----------
    plan
        What `plan_districts` returned, what a person changed, or what a file said.
    estates
        The layer it is of.
    adjacency
        Neighbours to hold the plan against; its links are rows of ``plan.estates``. None: those
        of the plan.
    classes
        (n,) class of each row of the layer (None, NaN or a number below 0: unknown), by the word
        in ``within``; comes before the column.
    cost
        (n, n) walked metres from row to column, dense or scipy sparse; where there is no way they
        are not stored or not finite. None: the walk to the middle is not checked.

    Raises
    ------
    UnknownNameError
        ``within`` names what is neither in ``classes`` nor a column of the estates.
    """
    case = _Case(plan, estates, adjacency if adjacency is not None else plan.adjacency)
    if not case.row:
        return (case.fault("estates", None, (), "the plan is of other estates",
                           "方案中的小区与项目中的小区不符"),)  # fmt: skip
    return (
        *_estates(case), *_told(case), *_count(case), *_sizes(case), *_pieces(case),
        *_within(case, classes or {}), *_locks(case), *_groups(case), *_centres(case, cost),
    )  # fmt: skip


@dataclass(frozen=True)
class _Case:
    """The plan as the checker reads it, by uid."""

    plan: DistrictPlan
    estates: Layer
    adjacency: Adjacency

    @cached_property
    def uids(self) -> list[str]:
        return [str(uid) for uid in self.plan.estates]

    @cached_property
    def row(self) -> dict[str, int]:
        """Row in the layer of each estate of the plan that the layer has."""
        layer = {str(uid): row for row, uid in enumerate(self.estates.uids)}
        return {uid: layer[uid] for uid in self.uids if uid in layer}

    @cached_property
    def district(self) -> dict[str, str]:
        """District of each estate that has one; the first word counts where a uid is doubled."""
        out: dict[str, str] = {}
        for uid, word in zip(self.uids, self.plan.district, strict=True):
            if not pd.isna(word) and str(word) and uid in self.row:
                out.setdefault(uid, str(word))
        return out

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """Estates of each district, in the order of the plan."""
        out: dict[str, list[str]] = {}
        for uid, word in self.district.items():
            out.setdefault(word, []).append(uid)
        return out

    @cached_property
    def near(self) -> dict[str, set[str]]:
        out: dict[str, set[str]] = defaultdict(set)
        for a, b in self.adjacency.links.tolist():
            out[self.uids[a]].add(self.uids[b])
            out[self.uids[b]].add(self.uids[a])
        return out

    @cached_property
    def sizes(self) -> dict[str, dict[str, float]]:
        """Each size that has bounds: column -> uid -> value."""
        persons = float(self.setting("persons_per_household", PERSONS_PER_HOUSEHOLD))
        out = {}
        for column in self.setting("sizes", {}):
            values = _size(self.estates, column, persons)
            out[column] = {uid: float(values[row]) for uid, row in self.row.items()}
        return out

    def setting(self, name: str, default: Any) -> Any:
        value = self.plan.settings.get(name)
        return default if value is None else value

    def shape(self, uids: Sequence[str]) -> Any:
        rows = [self.row[uid] for uid in uids if uid in self.row]
        return shapely.union_all(self.estates.geometries[rows]) if rows else None

    def fault(
        self, kind: str, district: str | None, uids: Sequence[str], words: str, words_zh: str
    ) -> Violation:
        return Violation(kind, district, tuple(uids), words, words_zh, self.shape(uids))


def _some(uids: Sequence[str]) -> tuple[str, str]:
    """Name the first few estates, in English and in Chinese."""
    more = len(uids) - _TOLD
    first = list(uids[:_TOLD])
    if more <= 0:
        return ", ".join(first), "、".join(first)
    return f"{', '.join(first)} and {more} more", f"{'、'.join(first)}等 {len(uids)} 个小区"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.12g}"


def _estates(case: _Case) -> Iterator[Violation]:
    """Estates that the layer lacks, that come twice, or of which the plan does not tell."""
    unknown = [uid for uid in dict.fromkeys(case.uids) if uid not in case.row]
    doubled = [uid for uid, times in Counter(case.uids).items() if times > 1]
    missing = [str(uid) for uid in case.estates.uids if str(uid) not in case.row]
    if unknown:
        en, zh = _some(unknown)
        words = f"the estates have no {en}, of which the plan tells"
        yield case.fault("estates", None, unknown, words, f"小区图层中没有方案所列的 {zh}")
    if doubled:
        en, zh = _some(doubled)
        yield case.fault("estates", None, doubled, f"the plan tells of {en} more than once",
                         f"方案中 {zh} 出现不止一次")  # fmt: skip
    if missing:
        en, zh = _some(missing)
        shape = shapely.union_all(
            case.estates.geometries[np.isin(case.estates.uids.astype(str), missing)]
        )
        words = f"the plan does not tell of {en}"
        yield Violation("estates", None, tuple(missing), words, f"方案未列出 {zh}", shape)


def _told(case: _Case) -> Iterator[Violation]:
    """Whoever takes part is in a district or left out with a reason, never both."""
    for item in case.plan.left_out:
        uid = str(item.estate)
        if uid in case.district:
            name = case.district[uid]
            words = f"estate {uid} is in {name} and also left out"
            words_zh = f"小区 {uid} 既在片区 {name}，又列为未划入"
            yield case.fault("left-out", name, (uid,), words, words_zh)
        if not item.reason:
            yield case.fault("left-out", None, (uid,), f"estate {uid} is left out without a reason",
                             f"小区 {uid} 未划入但没有说明原因")  # fmt: skip
    asked = case.setting("taking_part", None)
    told = len(case.district) + len(case.plan.left_out)
    if asked is not None and told != asked:
        lost: list[str] = []
        if case.setting("all_take_part", False):
            out = {str(item.estate) for item in case.plan.left_out}
            lost = [uid for uid in case.uids if uid not in case.district and uid not in out]
        yield case.fault("left-out", None, lost, f"{asked} estates take part, {told} are told of",
                         f"参与划分的小区有 {asked} 个，方案只交代了 {told} 个")  # fmt: skip


def _count(case: _Case) -> Iterator[Violation]:
    count = case.setting("count", None)
    there = len(case.members)
    if count is not None and there not in (0, count):
        yield case.fault("count", None, (), f"there are {there} districts, not {count}",
                         f"共有 {there} 个片区，应为 {count} 个")  # fmt: skip


def _sizes(case: _Case) -> Iterator[Violation]:
    for column, (low, high) in case.setting("sizes", {}).items():
        of = case.sizes[column]
        for name, members in case.members.items():
            blank = [uid for uid in members if math.isnan(of[uid])]
            if blank:
                en, zh = _some(blank)
                yield case.fault(
                    "unknown-size", name, blank,
                    f"an estate of unknown size is in a district: {column} of {en} in {name}",
                    f"片区 {name} 含有{_heading(case.estates, column)}未知的小区：{zh}",
                )  # fmt: skip
            known = [of[uid] for uid in members if not math.isnan(of[uid])]
            total = math.fsum(known)
            slack = 0.0 if all(v.is_integer() for v in known) else _ROUNDING
            if not blank and not total >= low - slack * max(1.0, abs(low)):
                yield _size_fault(case, "too-small", name, column, total, low)
            if math.isfinite(high) and not total <= high + slack * max(1.0, abs(high)):
                yield _size_fault(case, "too-large", name, column, total, high)


def _size_fault(
    case: _Case, kind: str, name: str, column: str, total: float, bound: float
) -> Violation:
    sign, less = ("<", "少于") if kind == "too-small" else (">", "多于")
    have, limit = _number(total), _number(bound)
    if column in _UNITS:
        en, zh = _UNITS[column]
        words, words_zh = f"{have} {en} {sign} {limit}", f"有 {have} {zh}，{less} {limit}"
    else:
        words = f"{column} {have} {sign} {limit}"
        words_zh = f"{_heading(case.estates, column)}为 {have}，{less} {limit}"
    return case.fault(kind, name, case.members[name], f"district {name} has {words}",
                      f"片区 {name} {words_zh}")  # fmt: skip


def _heading(estates: Layer, column: str) -> str:
    known = {c.name: c.zh for c in estates.kind.columns}
    return known.get(column, column)


def _pieces(case: _Case) -> Iterator[Violation]:
    """Districts of several pieces: all but the one with most of the first size hang apart."""
    first = next(iter(case.sizes.values()), {})
    for name, members in case.members.items():
        pieces = _connected(members, case.near)
        if len(pieces) < 2:
            continue
        pieces.sort(key=lambda p: (-_known(first, p), -len(p), p))
        for piece in pieces[1:]:
            en, zh = _some(piece)
            apart = set(piece)
            why, why_zh = _between(case, piece, [u for u in members if u not in apart])
            many = len(piece) > 1
            words = (
                f"district {name} is not connected: {en} {'hang' if many else 'hangs'} apart from "
                f"the other {len(members) - len(piece)}{why}"
            )
            words_zh = f"片区 {name} 不连片：{zh} 与其余 {len(members) - len(piece)} 个小区不相连"
            yield case.fault("contiguity", name, piece, words, words_zh + why_zh)


def _known(of: Mapping[str, float], uids: Sequence[str]) -> float:
    return math.fsum(of[u] for u in uids if u in of and not math.isnan(of[u]))


def _connected(members: Sequence[str], near: Mapping[str, set[str]]) -> list[list[str]]:
    """Pieces of a district, each in the order of its members."""
    rank = {uid: place for place, uid in enumerate(members)}
    waiting = dict.fromkeys(members)
    pieces = []
    while waiting:
        start = next(iter(waiting))
        piece, front = {start}, [start]
        while front:
            ahead = (t for v in front for t in near.get(v, ()) if t in waiting and t not in piece)
            # Each once: as often as there are ways to it would be without end.
            front = list(dict.fromkeys(ahead))
            piece.update(front)
        pieces.append(sorted(piece, key=rank.__getitem__))
        for uid in piece:
            del waiting[uid]
    return pieces


def _between(case: _Case, piece: Sequence[str], rest: Sequence[str]) -> tuple[str, str]:
    """What lies between a piece and the rest, where the plan's neighbours say so."""
    beside, one, other = case.adjacency, set(piece), set(rest)
    best = (math.inf, -1)
    for i, (a, b) in enumerate(beside.beyond.tolist()):
        left, right = case.uids[a], case.uids[b]
        if (left in one and right in other) or (right in one and left in other):
            best = min(best, (float(beside.beyond_m[i]), i))
    metres, i = best
    if i < 0:
        return "", ""
    left, right = (case.uids[v] for v in beside.beyond[i])
    why, what = str(beside.beyond_why[i]), str(beside.beyond_what[i])
    en = str(beside.beyond_reason[i]) or f"{metres:,.0f} m, no link"
    zh = why_words(why, metres, what, language="zh") if why else f"相距 {metres:,.0f} 米，不相邻"
    return f"; between {left} and {right}: {en}", f"；{left} 与 {right}：{zh}"


def _within(case: _Case, classes: Mapping[str, ArrayLike]) -> Iterator[Violation]:
    """A district is of one class; estates of unknown class mix with none that is known."""
    asked = case.setting("within", ())
    for word in (asked,) if isinstance(asked, str) else tuple(asked):
        column = _AREAS.get(word, word)
        values = classes.get(word, classes.get(column))
        if values is None and column not in case.estates.frame:
            raise UnknownNameError(
                f"The plan keeps districts within '{word}', which the estates have no column for; "
                "add the column or take 'within' out of the plan"
            )
        if values is None:
            values = case.estates.frame[column].to_numpy(dtype=object)
        of = [_class(v) for v in np.asarray(values, dtype=object)]
        for name, members in case.members.items():
            held: dict[str | None, list[str]] = defaultdict(list)
            for uid in members:
                held[of[case.row[uid]]].append(uid)
            if len(held) < 2:
                continue
            most = max(held, key=lambda c: (len(held[c]), c is not None))
            odd = [uid for c, uids in held.items() if c != most for uid in uids]
            en, zh = _some(odd)
            words = ", ".join(sorted(str(c) if c is not None else "unknown" for c in held))
            yield case.fault(
                "within", name, odd,
                f"district {name} is of more than one {column}: {words}; {en} are not of {most}",
                f"片区 {name} 跨{_heading(case.estates, column)}：{zh} 不属于 {most or '未知'}",
            )  # fmt: skip


def _class(value: Any) -> str | None:
    if value is None or pd.isna(value) or str(value) == "":
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return None if value < 0 else f"{value:g}"
    return str(value)


def _locks(case: _Case) -> Iterator[Violation]:
    locks = case.setting("locks", {})
    fixed = {str(uid): str(name) for uid, name in dict(locks.get("fixed") or {}).items()}
    for uid, name in fixed.items():
        at = case.district.get(uid)
        if at != name:
            where, where_zh = (f"in {at}", f"在片区 {at}") if at else ("in none", "未划入任何片区")
            words = f"estate {uid} is locked to {name} and is {where}"
            words_zh = f"小区 {uid} 已锁定在片区 {name}，方案中却{where_zh}"
            yield case.fault("lock", name, (uid,), words, words_zh)
    for name in map(str, locks.get("closed") or ()):
        new = [uid for uid in case.members.get(name, []) if fixed.get(uid) != name]
        if new:
            en, zh = _some(new)
            yield case.fault("lock", name, new, f"district {name} is locked, and {en} joined it",
                             f"片区 {name} 已锁定，{zh} 不应加入")  # fmt: skip


def _groups(case: _Case) -> Iterator[Violation]:
    for group in case.setting("join", ()):
        uids = [str(uid) for uid in group]
        at = [case.district.get(uid) for uid in uids]
        if len(set(at)) > 1:
            en, zh = _some(uids)
            yield case.fault("join", None, uids, f"{en} are to share a district and do not",
                             f"{zh} 应在同一片区而不在")  # fmt: skip
    for group in case.setting("apart", ()):
        held = defaultdict(list)
        for uid in map(str, group):
            if uid in case.district:
                held[case.district[uid]].append(uid)
        for name, uids in held.items():
            if len(uids) > 1:
                en, zh = _some(uids)
                yield case.fault("apart", name, uids, f"{en} are in {name} and must be apart",
                                 f"{zh} 不得同在片区 {name}")  # fmt: skip


def _centres(case: _Case, cost: Any) -> Iterator[Violation]:
    """Each district has an estate to which all its estates walk within the limit."""
    minutes = case.setting("max_walk_minutes", None)
    if minutes is None or cost is None:
        return
    limit = float(minutes) * _WALK_M_PER_MINUTE
    for name, members in case.members.items():
        rows = [case.row[uid] for uid in members]
        farthest = float(_metres(rows, cost).max(axis=0).min())
        if farthest > limit * (1 + 1e-12):
            far = f"{farthest:,.0f} m" if math.isfinite(farthest) else "without a way"
            yield case.fault(
                "centre", name, members,
                f"district {name} has no estate that all reach within {limit:,.0f} m: {far}",
                f"片区 {name} 没有各小区都能在 {limit:,.0f} 米内走到的中心",
            )  # fmt: skip


def _metres(rows: Sequence[int], cost: Any) -> NDArray[np.float64]:
    """(k, k) metres among rows, inf where there is no way."""
    out = np.full((len(rows), len(rows)), np.inf)
    if not sp.issparse(cost):
        out = np.asarray(cost, dtype=float)[np.ix_(rows, rows)]
        return np.where(np.isnan(out), np.inf, out)
    sparse: Any = sp.csr_array  # scipy's stubs do not know that it takes any sparse array
    part = sparse(cost)[rows][:, rows].tocoo()
    np.fill_diagonal(out, 0.0)
    out[part.row, part.col] = part.data
    return np.where(np.isnan(out), np.inf, out)


def _size(estates: Layer, column: str, persons_per_household: float) -> NDArray[np.float64]:
    frame = estates.frame
    if column == "people":
        counted, homes = _numbers(estates, "people"), _numbers(estates, "households")
        return np.where(np.isnan(counted), np.rint(homes * persons_per_household), counted)
    if column == "count":
        return np.ones(len(frame))
    if column == "area_m2" and column not in frame:
        area = np.asarray(frame.geometry.area, dtype=float)
        return np.where(area > 0, area, np.nan)
    return _numbers(estates, column)


def _numbers(estates: Layer, column: str) -> NDArray[np.float64]:
    if column not in estates.frame or not pd.api.types.is_numeric_dtype(estates.frame[column]):
        raise UnknownNameError(
            f"The layer 'estates' has no numeric column '{column}', of which the plan has bounds; "
            "name another one, or import it"
        )
    return np.asarray(estates.frame[column].to_numpy(dtype=float, na_value=np.nan), dtype=float)
