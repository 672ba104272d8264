"""`LivePlan`: a plan kept so that any one thing in it can be set in an instant.

It keeps the estates of each district and an index of their places that is edited live. A district
is judged from its estates each time that one of them changes, so that no sum drifts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import shapely
from rtree import index

from gis.districts import Adjacency, DistrictPlan
from gis.errors import OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer, people_of
from gis.plans.links import carried_over

BESIDE_M: Final = 30.0
"""Estates that are added without links are linked to those whose outlines are so near."""
_ROUNDING: Final = 1e-9
Rule = Literal["centre", "touches", "within"]
What = Literal["district", "place", "link", "fixed", "closed", "name"]


@dataclass(frozen=True)
class Verdict:
    """How a district stands.

    ``totals`` sums of what is known, ``unknown`` how many estates lack the column; ``bounds``
    kept, too small, too large or unknown, by column; ``pieces`` the parts that hang together,
    that with most estates first. ``ok``: bounds kept and in one piece.
    """

    district: str
    estates: int
    totals: Mapping[str, float]
    unknown: Mapping[str, int]
    bounds: Mapping[str, str]
    pieces: tuple[tuple[str, ...], ...]

    @property
    def contiguous(self) -> bool:
        """Whether all estates hang together."""
        return len(self.pieces) <= 1

    @property
    def ok(self) -> bool:
        """Whether all bounds are kept and all estates hang together."""
        return self.contiguous and all(word == "kept" for word in self.bounds.values())


@dataclass(frozen=True)
class Place:
    """An estate: its outline, its number in the index and its values (NaN: unknown)."""

    number: int
    shape: Any
    values: Mapping[str, float]
    row: int | None
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing that is set: ``old`` and ``new`` None stand for its absence."""

    what: What
    key: Any
    old: Any
    new: Any


class LivePlan:
    """The plan as it is now; `apply` sets one thing.

    Raises
    ------
    OptionError
        The layer does not hold the estates of the plan.
    """

    def __init__(self, plan: DistrictPlan, estates: Layer) -> None:
        if [str(u) for u in plan.estates] != [str(u) for u in estates.uids]:
            raise OptionError("These are not the estates of the plan; give those it was made of")
        self._plan, self._layer = plan, estates
        self._sizes = {c: (float(lo), float(hi))
                       for c, (lo, hi) in (plan.settings.get("sizes") or {}).items()}  # fmt: skip
        self._index = index.Index()
        self._by_number: dict[int, str] = {}
        self._place: dict[str, Place] = {}
        self._near: dict[str, set[str]] = {}
        self._district: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        self._fixed: dict[str, str] = {}
        self._closed: dict[str, bool] = {}
        self._names: dict[str, bool] = {}
        self._done: list[tuple[str, list[Step]]] = []
        self._undone: list[tuple[str, list[Step]]] = []
        self._verdicts: dict[str, Verdict] = {}
        self._next = 0
        self._begin()

    def _begin(self) -> None:
        plan, columns = self._plan, self._columns()
        shapes = self._layer.geometries
        boxes = shapely.bounds(shapes).tolist()
        uids = [str(uid) for uid in plan.estates]
        for i, uid in enumerate(uids):
            values = {name: float(column[i]) for name, column in columns.items()}
            self._place[uid] = Place(i, shapes[i], values, i, {})
            self._by_number[i] = uid
            self._near[uid] = set()
        if uids:
            self._index = index.Index((i, tuple(box), None) for i, box in enumerate(boxes))
        self._next = len(uids)
        for a, b in plan.adjacency.links.tolist():
            self._near[uids[a]].add(uids[b])
            self._near[uids[b]].add(uids[a])
        for uid, name in zip(uids, plan.district, strict=True):
            if not pd.isna(name) and str(name):
                self._district[uid] = str(name)
                self._members.setdefault(str(name), set()).add(uid)
        locks = plan.settings.get("locks") or {}
        for uid, name in dict(locks.get("fixed") or {}).items():
            if str(uid) in self._place:
                self._fixed[str(uid)] = str(name)
        self._closed = {str(name): True for name in locks.get("closed") or ()}
        self._names = dict.fromkeys(self._members, True)

    def _columns(self) -> dict[str, Any]:
        layer = self._layer
        persons = self._plan.settings.get("persons_per_household") or PERSONS_PER_HOUSEHOLD
        people = people_of(layer, persons_per_household=float(persons))[0]
        names = dict.fromkeys(["people", "households", *self._sizes])
        return {name: people if name == "people" else layer.numbers(name) for name in names}

    def find(self, polygon: Any, rule: Rule = "centre") -> tuple[str, ...]:
        """Estates in a lasso: by a point inside each, or those it touches, or holds whole."""
        if rule not in ("centre", "touches", "within"):
            raise OptionError(f"There is no rule '{rule}'; give centre, touches or within")
        if polygon.is_empty:
            return ()
        hits = sorted(self._index.intersection(polygon.bounds))
        uids = [self._by_number[i] for i in hits]
        shapes = np.array([self._place[uid].shape for uid in uids], dtype=object)
        if len(shapes) == 0:
            return ()
        shapely.prepare(polygon)
        if rule == "centre":
            inside = shapely.intersects(polygon, shapely.point_on_surface(shapes))
        elif rule == "touches":
            inside = shapely.intersects(polygon, shapes)
        else:
            inside = shapely.covers(polygon, shapes)
        return tuple(uid for uid, yes in zip(uids, inside, strict=True) if yes)

    def _was_in(self, uid: str) -> bool:
        row = self._place[uid].row
        return row is None or not pd.isna(self._plan.district[row])

    def _adjacency(self, uids: Sequence[str]) -> Adjacency:
        """Links as they are now: those of the plan that are left, and those made by hand."""
        row = {uid: i for i, uid in enumerate(uids)}
        place = [row.get(str(uid), -1) for uid in self._plan.estates]
        now = [(row[a], row[b]) for a, near in self._near.items() for b in near if row[a] < row[b]]
        return carried_over(
            self._plan.adjacency, np.array(place, dtype=np.int64),
            links=np.array(now, dtype=np.int64).reshape(-1, 2),
            gap_m=lambda a, b: self._gap(uids[a], uids[b]),
        )  # fmt: skip

    def _gap(self, a: str, b: str) -> float:
        return float(shapely.distance(self._place[a].shape, self._place[b].shape))

    def _ordered(self, uids: Iterable[str]) -> list[str]:
        """In the order of the layer, added ones last."""

        def rank(uid: str) -> tuple[bool, int, str]:
            place = self._place[uid]
            return (place.row is None, place.row if place.row is not None else 0, uid)

        return sorted(uids, key=rank)

    def _beside(self, geometry: Any) -> list[str]:
        """Estates whose outlines are near, found in the live index."""
        west, south, east, north = geometry.bounds
        box = (west - BESIDE_M, south - BESIDE_M, east + BESIDE_M, north + BESIDE_M)
        uids = [self._by_number[i] for i in self._index.intersection(box)]
        return self._ordered(
            uid for uid in uids if shapely.dwithin(self._place[uid].shape, geometry, BESIDE_M)
        )

    def apply(self, step: Step) -> None:
        """Set one thing to its new value."""
        if step.what == "district":
            if step.old is not None:
                self._members[step.old].discard(step.key)
                if not self._members[step.old]:
                    del self._members[step.old]
                del self._district[step.key]
            if step.new is not None:
                self._members.setdefault(step.new, set()).add(step.key)
                self._district[step.key] = step.new
        elif step.what == "link":
            a, b = step.key
            change = set.add if step.new else set.discard
            change(self._near[a], b)
            change(self._near[b], a)
        elif step.what == "place":
            self._set_place(step.key, step.old, step.new)
        else:
            of: dict[str, Any] = self._fixed
            if step.what != "fixed":
                of = self._closed if step.what == "closed" else self._names
            if step.new is None:
                of.pop(step.key, None)
            else:
                of[step.key] = step.new

    def _set_place(self, uid: str, old: Place | None, new: Place | None) -> None:
        if old is not None:
            self._index.delete(old.number, old.shape.bounds)
            del self._by_number[old.number]
            del self._place[uid]
        if new is not None:
            self._index.insert(new.number, new.shape.bounds)
            self._by_number[new.number] = uid
            self._place[uid] = new
            self._near.setdefault(uid, set())
        else:
            del self._near[uid]

    def _judge(self, name: str) -> Verdict:
        members = self._ordered(self._members[name])
        totals, unknown, bounds = {}, {}, {}
        for column, (low, high) in self._sizes.items():
            known = [v for uid in members
                     if not math.isnan(v := self._place[uid].values[column])]  # fmt: skip
            total = math.fsum(known)
            totals[column], unknown[column] = total, len(members) - len(known)
            slack = 0.0 if all(v.is_integer() for v in known) else _ROUNDING
            if total > high + slack * max(1.0, abs(high)):
                bounds[column] = "too large"
            elif unknown[column]:
                bounds[column] = "unknown"
            elif total < low - slack * max(1.0, abs(low)):
                bounds[column] = "too small"
            else:
                bounds[column] = "kept"
        return Verdict(name, len(members), totals, unknown, bounds, self._pieces(members))

    def _pieces(self, members: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        waiting = set(members)
        pieces = []
        for start in members:
            if start not in waiting:
                continue
            waiting.discard(start)
            piece, front = {start}, [start]
            while front:
                ahead = []
                for uid in front:
                    for other in self._near[uid]:
                        if other in waiting:
                            waiting.discard(other)
                            ahead.append(other)
                piece.update(ahead)
                front = ahead
            pieces.append(piece)
        pieces.sort(key=len, reverse=True)
        rank = {uid: place for place, uid in enumerate(members)}
        return tuple(tuple(sorted(piece, key=rank.__getitem__)) for piece in pieces)
