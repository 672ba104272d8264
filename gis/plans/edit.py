"""`PlanEditor`: a plan changed by hand on a map, with the verdict of each change at once.

It keeps the estates of each district and an index of their places that is edited live. Only the
districts that a change touches are summed up anew, each from its estates, so that no sum drifts.
Every change is a list of single settings with their old and new values; undo sets the old ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.districts import DistrictPlan, LeftOut
from gis.districts.check_plan import Violation, check_plan
from gis.districts.district_plan import district_name
from gis.errors import OptionError, UnknownNameError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer
from gis.plans.live import LivePlan, Place, Rule, Step, Verdict


@dataclass(frozen=True)
class Edit:
    """One change: what was done in words, the estates it touched, the districts as they are now.

    Districts that lost their last estate are in ``gone``.
    """

    words: str
    estates: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    gone: tuple[str, ...] = ()


class PlanEditor(LivePlan):
    """A plan that is changed by hand.

    Parameters
    ----------
    plan
        The plan to begin with; its settings say the bounds and locks.
    estates
        The layer it is of.

    Raises
    ------
    OptionError
        The layer does not hold the estates of the plan.
    """

    # --- what is there

    @property
    def districts(self) -> tuple[str, ...]:
        """Names of the districts that have estates, and of new ones that wait for some."""
        return tuple(sorted(self._names, key=_natural))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a change was taken back."""
        return bool(self._undone)

    def district_of(self, estate: str) -> str | None:
        """Return the district of an estate, None if it has none."""
        return self._district.get(self._known(estate))

    def verdict(self, districts: Iterable[str] | None = None) -> tuple[Verdict, ...]:
        """Say how districts stand; None: all that have estates, in their order."""
        names = tuple(n for n in self.districts if n in self._members) if districts is None else (
            tuple(districts))  # fmt: skip
        for name in names:
            if name not in self._members:
                raise UnknownNameError(f"There is no district '{name}' with estates")
            if name not in self._verdicts:
                self._verdicts[name] = self._judge(name)
        return tuple(self._verdicts[name] for name in names)

    def check(self) -> tuple[Violation, ...]:
        """Hold the plan as it is now against the independent checker."""
        return check_plan(self.plan(), self.estates())

    # --- changes

    def move(self, estates: str | Iterable[str], to: str | None) -> Edit:
        """Put estates into a district; None: take them out of theirs.

        Raises
        ------
        UnknownNameError
            There is no such estate or district.
        OptionError
            An estate or a district is locked.
        """
        uids = self._all_known(estates)
        if to is not None and to not in self._names:
            raise UnknownNameError(f"There is no district '{to}'; make it first, with 'new'")
        uids = [uid for uid in uids if self._district.get(uid) != to]
        return self._do(f"{_some(uids)} to {to or 'no district'}", self._moves(uids, to))

    def lasso(
        self, polygon: Any, to: str | None, *, rule: Rule = "centre", skip_locked: bool = True
    ) -> Edit:
        """Put all estates in a polygon into a district; locked ones stay, if asked so."""
        found = list(self.find(polygon, rule))
        if skip_locked:
            found = [uid for uid in found if not self._locked(uid)]
        return self.move(found, to)

    def new_district(self, estates: Iterable[str] = (), name: str | None = None) -> Edit:
        """Make a district of estates, or an empty one to fill; named D1, D2, ... unless given."""
        word = self._free_name() if name is None else self._free_word(name)
        steps = [Step("name", word, None, True), *self._moves(self._all_known(estates), word)]
        return self._do(f"new district {word}", steps)

    def merge(self, districts: Iterable[str], into: str | None = None) -> Edit:
        """Join districts into one of them, the first unless said."""
        names = [self._known_district(name) for name in dict.fromkeys(districts)]
        to = self._known_district(into) if into is not None else (names[0] if names else "")
        if len({*names, to}) < 2:
            raise OptionError("Give two districts or more to merge")
        uids = [uid for n in names if n != to for uid in self._ordered(self._members.get(n, ()))]
        return self._do(f"{', '.join(names)} merged into {to}", self._moves(uids, to))

    def split(
        self, district: str, estates: Iterable[str] | None = None, name: str | None = None
    ) -> Edit:
        """Take estates out of a district as a new one; None: all but its largest piece."""
        self._known_district(district)
        if estates is None:
            pieces = self.verdict([district])[0].pieces if district in self._members else ()
            uids = [uid for piece in pieces[1:] for uid in piece]
        else:
            uids = self._all_known(estates)
        wrong = [uid for uid in uids if self._district.get(uid) != district]
        if wrong:
            raise OptionError(f"{_some(wrong)} is not in {district}; give estates that are")
        if not uids or len(uids) == len(self._members[district]):
            raise OptionError(f"Splitting {district} needs some of its estates, not none or all")
        return self.new_district(uids, name)

    def rename(self, district: str, name: str) -> Edit:
        """Give a district another name; its locks go with it."""
        self._known_district(district)
        word, closed = self._free_word(name), district in self._closed
        fixed = [uid for uid, at in self._fixed.items() if at == district]
        steps = [Step("closed", district, True, None)] if closed else []
        steps += [Step("fixed", uid, district, None) for uid in fixed]
        steps += [Step("name", word, None, True)]
        members = self._ordered(self._members.get(district, ()))
        steps += [Step("district", uid, district, word) for uid in members]
        steps += [Step("name", district, True, None)]
        steps += [Step("fixed", uid, None, word) for uid in fixed]
        steps += [Step("closed", word, None, True)] if closed else []
        return self._do(f"{district} is now {word}", steps)

    def lock(self, *, estates: Iterable[str] = (), districts: Iterable[str] = ()) -> Edit:
        """Lock estates to their district, or districts to exactly their estates."""
        return self._lock(self._all_known(estates), list(districts), on=True)

    def unlock(self, *, estates: Iterable[str] = (), districts: Iterable[str] = ()) -> Edit:
        """Take locks away."""
        return self._lock(self._all_known(estates), list(districts), on=False)

    def link(self, a: str, b: str) -> Edit:
        """Make two estates neighbours by hand."""
        return self._link(a, b, on=True)

    def unlink(self, a: str, b: str) -> Edit:
        """Make two estates no neighbours by hand."""
        return self._link(a, b, on=False)

    def add_estate(
        self,
        uid: str,
        geometry: Any,
        values: Mapping[str, Any] = MappingProxyType({}),
        linked: Iterable[str] | None = None,
    ) -> Edit:
        """Add an estate without a district; its neighbours are those within 30 m unless given."""
        if uid in self._place or not uid:
            raise OptionError(f"There is an estate '{uid}' already; give another uid")
        place = Place(self._next, geometry, self._values(geometry, values), None, dict(values))
        self._next += 1
        steps = [Step("place", uid, None, place)]
        near = self._beside(geometry) if linked is None else self._all_known(linked)
        steps += [Step("link", (uid, other), None, True) for other in near]
        return self._do(f"{uid} added", steps)

    def move_estate(self, uid: str, geometry: Any, linked: Iterable[str] | None = None) -> Edit:
        """Draw the outline of an estate anew; neighbours as in `add_estate`."""
        old = self._place[self._known(uid)]
        values = dict(old.values)
        if old.row is None or "area_m2" not in self._layer.frame:
            values |= {c: v for c, v in self._values(geometry, {}).items() if c == "area_m2"}
        place = replace(old, number=self._next, shape=geometry, values=values)
        self._next += 1
        near = self._beside(geometry) if linked is None else self._all_known(linked)
        before, after = self._near[uid], {other for other in near if other != uid}
        steps = [Step("place", uid, old, place)]
        steps += [Step("link", (uid, o), True, None) for o in self._ordered(before - after)]
        steps += [Step("link", (uid, o), None, True) for o in self._ordered(after - before)]
        return self._do(f"{uid} drawn anew", steps)

    def remove_estate(self, uid: str) -> Edit:
        """Take an estate out of the project, with its links and its place in a district."""
        steps = self._moves([self._known(uid)], None)
        steps += [Step("fixed", uid, self._fixed[uid], None)] if uid in self._fixed else []
        steps += [Step("link", (uid, o), True, None) for o in self._ordered(self._near[uid])]
        steps += [Step("place", uid, self._place[uid], None)]
        return self._do(f"{uid} removed", steps)

    def undo(self) -> Edit:
        """Take the last change back."""
        if not self._done:
            raise OptionError("There is nothing to undo")
        words, steps = self._done.pop()
        self._undone.append((words, steps))
        return self._run(f"undone: {words}", [
            Step(s.what, s.key, s.new, s.old) for s in reversed(steps)])  # fmt: skip

    def redo(self) -> Edit:
        """Do again what was taken back last."""
        if not self._undone:
            raise OptionError("There is nothing to redo")
        words, steps = self._undone.pop()
        self._done.append((words, steps))
        return self._run(f"again: {words}", steps)

    # --- the plan as it is now

    def plan(self, name: str | None = None) -> DistrictPlan:
        """Return the plan as it is now, with its locks; estates without a district are told."""
        uids = self._ordered(self._place)
        told = {item.estate: item for item in self._plan.left_out}
        asked = self._plan.settings.get("taking_part") is not None
        everyone = bool(self._plan.settings.get("all_take_part", True))
        left = []
        for uid in uids:
            took_part = everyone or uid in told or self._was_in(uid)
            if uid not in self._district and (uid in told or (asked and took_part)):
                left.append(told.get(uid, LeftOut(uid, "taken out by hand", False)))
        settings = dict(self._plan.settings)
        settings["locks"] = {"fixed": dict(self._fixed), "closed": list(self._closed)}
        if asked:
            settings["taking_part"] = len(self._district) + len(left)
        district = np.full(len(uids), None, dtype=object)
        district[:] = [self._district.get(uid) for uid in uids]
        return replace(
            self._plan, name=name if name is not None else self._plan.name,
            estates=np.array(uids, dtype=object), district=district, left_out=tuple(left),
            settings=MappingProxyType(settings), objective=np.nan, bound=np.nan, gap=np.nan,
            status="drawn", reason="", adjacency=self._adjacency(uids),
        )  # fmt: skip

    def estates(self) -> Layer:
        """Return the layer of estates as it is now."""
        uids = self._ordered(self._place)
        frame, shapes = self._layer.frame, self._layer.geometries
        if uids == [str(u) for u in self._layer.uids] and all(
            self._place[uid].shape is shapes[i] for i, uid in enumerate(uids)
        ):
            return self._layer
        kept = [self._place[uid].row for uid in uids if self._place[uid].row is not None]
        new = [uid for uid in uids if self._place[uid].row is None]
        rows = frame.iloc[kept].drop(columns="geometry")
        if new:
            more = pd.DataFrame([{"uid": uid, **self._place[uid].given} for uid in new])
            more = more.reindex(columns=rows.columns)
            rows = pd.concat([rows, more.astype(rows.dtypes.to_dict())], ignore_index=True)
        data = {column: rows[column].to_numpy() for column in rows}
        now = [self._place[uid].shape for uid in uids]
        frame = pd.DataFrame(data).astype(rows.dtypes.to_dict())
        out = gpd.GeoDataFrame(frame, geometry=now, crs=self._layer.frame.crs)
        return Layer(self._layer.kind, out)

    # --- inside

    def _known(self, uid: str) -> str:
        if uid not in self._place:
            raise UnknownNameError(f"There is no estate '{uid}'; give the uid of one")
        return uid

    def _all_known(self, estates: str | Iterable[str]) -> list[str]:
        uids = [estates] if isinstance(estates, str) else estates
        return [self._known(uid) for uid in dict.fromkeys(uids)]

    def _known_district(self, name: str) -> str:
        if name not in self._names:
            raise UnknownNameError(f"There is no district '{name}'; give the name of one")
        return name

    def _free_name(self) -> str:
        number = len(self._names) + 1
        while f"D{number}" in self._names:
            number += 1
        return f"D{number}"

    def _free_word(self, name: str) -> str:
        word = district_name(name) if name.strip() else None
        if word is None or word in self._names:
            raise OptionError(f"A district cannot be named '{name[:20]}'; give a name that is free")
        return word

    def _locked(self, uid: str) -> bool:
        return uid in self._fixed or self._district.get(uid, "") in self._closed

    def _moves(self, uids: Sequence[str], to: str | None) -> list[Step]:
        moving = [uid for uid in uids if self._district.get(uid) != to]
        locked = [uid for uid in moving if self._locked(uid)]
        if locked:
            raise OptionError(f"{_some(locked)} is locked to {self._district.get(locked[0])}; "
                              "unlock it first")  # fmt: skip
        if moving and to in self._closed:
            raise OptionError(f"District {to} is locked; unlock it first")
        steps = [Step("district", uid, self._district.get(uid), to) for uid in moving]
        left = {name: len(members) for name, members in self._members.items()}
        for uid in moving:
            if uid in self._district:
                left[self._district[uid]] -= 1
        steps += [Step("name", n, True, None) for n, k in left.items() if k == 0 and n != to]
        return steps

    def _lock(self, uids: list[str], districts: list[str], *, on: bool) -> Edit:
        steps = []
        for name in dict.fromkeys(districts):
            self._known_district(name)
            uids = [*uids, *self._ordered(self._members.get(name, ()))]
            if (name in self._closed) != on:
                steps.append(Step("closed", name, None if on else True, True if on else None))
        for uid in dict.fromkeys(uids):
            at = self._district.get(uid)
            if on and at is None:
                raise OptionError(f"Estate {uid} has no district to be locked to")
            if self._fixed.get(uid) != (at if on else None):
                steps.append(Step("fixed", uid, self._fixed.get(uid), at if on else None))
        return self._do(f"{'locked' if on else 'unlocked'} {_some([*districts, *uids])}", steps)

    def _link(self, a: str, b: str, *, on: bool) -> Edit:
        self._all_known([a, b])
        if a == b:
            raise OptionError(f"Estate {a} cannot be its own neighbour; give two estates")
        there = b in self._near[a]
        steps = [Step("link", (a, b), there or None, on or None)] if there != on else []
        return self._do(f"{a} and {b} {'linked' if on else 'no longer linked'}", steps)

    def _values(self, geometry: Any, given: Mapping[str, Any]) -> dict[str, float]:
        out = {}
        for column in dict.fromkeys(["people", "households", *self._sizes]):
            value = given.get(column)
            out[column] = math.nan if value is None else float(value)
        if math.isnan(out["people"]) and not math.isnan(out["households"]):
            persons = self._plan.settings.get("persons_per_household") or PERSONS_PER_HOUSEHOLD
            out["people"] = float(np.rint(out["households"] * float(persons)))
        if "count" in out:
            out["count"] = 1.0
        if "area_m2" in out and math.isnan(out["area_m2"]):
            out["area_m2"] = float(geometry.area) or math.nan
        return out

    def _do(self, words: str, steps: list[Step]) -> Edit:
        if steps:
            self._done.append((words, steps))
            self._undone.clear()
        return self._run(words, steps)

    def _run(self, words: str, steps: list[Step]) -> Edit:
        districts: dict[str, None] = {}
        uids: dict[str, None] = {}
        for step in steps:
            keys = step.key if step.what == "link" else (step.key,)
            if step.what in ("district", "link", "place"):
                uids |= dict.fromkeys(keys)
                districts |= dict.fromkeys(self._district[k] for k in keys if k in self._district)
            self.apply(step)
            if step.what in ("district", "link", "place"):
                districts |= dict.fromkeys(self._district[k] for k in keys if k in self._district)
            elif step.what != "fixed":
                districts[step.key] = None
        for name in districts:
            self._verdicts.pop(name, None)
        there = [name for name in districts if name in self._members]
        gone = tuple(name for name in districts if name not in self._names)
        return Edit(words, tuple(uids), self.verdict(there), gone)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort D2 before D10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


def _some(uids: Sequence[str]) -> str:
    more = len(uids) - 3
    return ", ".join(uids[:3]) + (f" and {more} more" if more > 0 else "")
