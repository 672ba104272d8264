"""Plans that are changed by hand: a kept version and the changes since, as the store has them.

What a draft holds follows from the store alone: the version, its changes in their order, and the
layer of estates. What is in memory only spares the way there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import shapely

from api.analyses.kept import Kept
from api.store import Project
from api.store.plan_changes import REDO, UNDO, PlanChange, PlanState, replay
from gis.districts import DistrictPlan
from gis.errors import (
    ConflictError,
    InputError,
    OptionError,
    ProjectError,
    UnknownNameError,
)
from gis.model import Layer
from gis.plans import Edit, PlanEditor, Verdict
from gis.plans.live import Step
from gis.plans.repair_board import tidy_plan

MOST_DRAFTS: Final = 8
"""Drafts in memory at once; of 20,000 estates each takes about 50 MB."""
_MOST_FOLLOWED: Final = 1_000
"""Estates that changed in the layer of a draft; where there are more it is made anew."""
_TRIES: Final = 10
_WHATS: Final = ("district", "link", "fixed", "closed", "name")


class Draft(PlanEditor):
    """A version of a plan with the changes by hand since.

    Parameters
    ----------
    kept
        The version as it was kept.
    estates
        The layer as it is now. Estates that it no longer has are not in the draft; those that are
        new have no district.
    state
        Up to which change the draft has come.
    """

    def __init__(self, kept: DistrictPlan, estates: Layer, state: PlanState) -> None:
        same = [str(uid) for uid in kept.estates] == [str(uid) for uid in estates.uids]
        super().__init__(kept if same else tidy_plan(kept, estates), estates)
        self.kept = kept
        self.same_estates = same
        self.state = state
        self.standing: list[PlanChange] = []
        self.undone: list[PlanChange] = []
        self._did: list[bool] = []
        self._shown: tuple[PlanState, DistrictPlan] | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it is what was kept: nothing is changed, neither by hand nor in the layer."""
        return self.same_estates and not self.standing

    def has(self, uid: str) -> bool:
        """Whether there is such an estate."""
        return uid in self._place

    def verdict_of(self, districts: Iterable[str]) -> tuple[Verdict, ...]:
        """Say how those of some districts stand that have estates."""
        return self.verdict([name for name in districts if name in self._members])

    def now(self) -> DistrictPlan:
        """Return the plan as it is now; what was kept, where nothing has changed."""
        if self.is_kept:
            return self.kept
        if self._shown is None or self._shown[0] != self.state:
            self._shown = (self.state, self.plan())
        return self._shown[1]

    def follow_layer(self, estates: Layer) -> bool:
        """Take over what was changed in the layer, where that are shapes and values of few estates.

        Returns
        -------
        bool
            False where it was not taken over, and the draft has to be made anew.
        """
        if estates is self._layer:
            return True
        old = self._layer
        # What an objective chooses by a condition may be others when values have changed.
        chosen = not self.same_estates and bool(self.kept.settings.get("where"))
        if chosen or old.crs != estates.crs or old.uids.tolist() != estates.uids.tolist():
            return False
        shapes, columns = estates.geometries, self._columns()
        pairs = zip(old.geometries.tolist(), shapes.tolist(), strict=True)
        rows = {row for row, (before, after) in enumerate(pairs) if before is not after}
        moved = shapes[sorted(rows)]
        if (
            len(rows) > _MOST_FOLLOWED
            or (shapely.is_missing(moved) | shapely.is_empty(moved)).any()
        ):
            return False
        self._layer = estates
        now = self._columns()
        for name, values in now.items():
            same = np.isclose(values, columns[name], rtol=0, atol=0, equal_nan=True)
            rows |= set(np.flatnonzero(~same).tolist())
        for row in rows:
            self._follow_estate(self._by_number[row], {name: now[name][row] for name in now})
        self._shown = None
        return True

    def _follow_estate(self, uid: str, values: Mapping[str, Any]) -> None:
        place = self._place[uid]
        shape = self._layer.geometries[place.number]
        self._index.delete(place.number, place.shape.bounds)
        self._index.insert(place.number, shape.bounds)
        self._place[uid] = replace(
            place, shape=shape, values={name: float(value) for name, value in values.items()}
        )
        if uid in self._district:
            self._verdicts.pop(self._district[uid], None)

    def follow(self, changes: Sequence[PlanChange], state: PlanState) -> None:
        """Bring the draft to where these changes, all since the version, lead."""
        left = replay(changes)
        same = 0
        for mine, theirs in zip(self.standing, left.standing, strict=False):
            if mine.seq != theirs.seq:
                break
            same += 1
        while len(self.standing) > same:
            self._take_back()
        for change in left.standing[same:]:
            self._bring(change)
        self.undone = list(left.undone)
        self.state = state

    def assign(self, districts: Mapping[str, str | None]) -> Edit:
        """Put estates into districts, each into its own, as one change; None takes one out.

        Raises
        ------
        InputError
            As `move`.
        """
        by_target: dict[str | None, list[str]] = {}
        for uid, to in districts.items():
            if to is not None:
                self._known_district(to)
            if self._district.get(self._known(uid)) != to:
                by_target.setdefault(to, []).append(uid)
        moves = [
            step
            for to, uids in by_target.items()
            for step in self._moves(uids, to)
            if step.what == "district"
        ]
        count = {name: len(members) for name, members in self._members.items()}
        for step in moves:
            for name, more in ((step.old, -1), (step.new, 1)):
                if name is not None:
                    count[name] = count.get(name, 0) + more
        moved_out = dict.fromkeys(step.old for step in moves)
        empty = [name for name in moved_out if name is not None and count[name] == 0]
        steps = [*moves, *(Step("name", name, True, None) for name in empty)]
        return self._do(f"{len(moves)} estates to their districts", steps)

    @property
    def done(self) -> int:
        """How many changes are in force that set anything."""
        return len(self._done)

    def last_steps(self) -> list[dict[str, Any]]:
        """Return the steps of the last change as plain values; equal ones together."""
        return steps_json(self._done[-1][1])

    def take_back(self) -> Edit:
        """Undo the last change that stands."""
        change = self.standing[-1]
        edit = self._take_back()
        self.undone.append(change)
        return edit

    def bring_back(self) -> Edit:
        """Do again what was undone last."""
        return self._bring(self.undone.pop())

    def noted(self, change: PlanChange, state: PlanState) -> None:
        """Take note that the change that was just made is in the store."""
        self.standing.append(change)
        self._did.append(True)
        self.undone.clear()
        self.state = state

    def _take_back(self) -> Edit:
        change = self.standing.pop()
        edit = self.undo() if self._did.pop() else Edit(f"undone: {change.what}", (), ())
        # What is brought back comes from the store's lines.
        self._undone.clear()
        return edit

    def _bring(self, change: PlanChange) -> Edit:
        steps = list(self._fitting(steps_of(change)))
        self.standing.append(change)
        self._did.append(bool(steps))
        return self._do(change.what, steps)

    def _fitting(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield what still fits: estates may have gone from the layer since, or come back to it."""
        now: dict[tuple[str, Any], Any] = {}
        for step in steps:
            keys = step.key if step.what == "link" else (step.key,)
            if step.what in ("district", "link", "fixed") and not self._place.keys() >= set(keys):
                continue
            if step.what == "name" and step.new is None and self._is_held(step.key, now):
                continue
            if step.what == "district" and step.new is not None:
                # Its district may have been empty without the estates that are gone.
                yield from self._set(Step("name", step.new, None, True), now)
            yield from self._set(step, now)

    def _set(self, step: Step, now: dict[tuple[str, Any], Any]) -> Iterator[Step]:
        old = now.get((step.what, step.key), self._value(step.what, step.key))
        if old != step.new:
            now[step.what, step.key] = step.new
            yield Step(step.what, step.key, old, step.new)

    def _value(self, what: str, key: Any) -> Any:
        if what == "link":
            return True if key[1] in self._near[key[0]] else None
        of: dict[str, Mapping[Any, Any]] = {
            "district": self._district, "fixed": self._fixed, "closed": self._closed,
            "name": self._names,
        }  # fmt: skip
        return of[what].get(key)

    def _is_held(self, name: str, now: Mapping[tuple[str, Any], Any]) -> bool:
        moved = {key: new for (what, key), new in now.items() if what == "district"}
        there = self._members.get(name, set())
        return any(moved.get(uid, name) == name for uid in there) or name in moved.values()


def steps_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps as plain values: neighbours that set the same to the same are one."""
    lines: list[dict[str, Any]] = []
    for step in steps:
        key = list(step.key) if step.what == "link" else step.key
        last = lines[-1] if lines else {}
        if (last.get("set"), last.get("old"), last.get("new")) == (step.what, step.old, step.new):
            last["keys"].append(key)
        else:
            line = {"set": step.what, "old": step.old, "new": step.new, "keys": [key]}
            lines.append(line)
    return lines


def steps_of(change: PlanChange) -> Iterator[Step]:
    """Read the steps of a change.

    Raises
    ------
    ProjectError
        Another program has written what is no step.
    """
    for line in change.steps:
        if line.get("set") not in _WHATS or not isinstance(line.get("keys"), list):
            raise ProjectError(
                f"Change {change.seq} of the plan cannot be read; undo it, or restore"
            )
        for key in line["keys"]:
            whole = tuple(key) if isinstance(key, list) else key
            yield Step(line["set"], whole, line.get("old"), line.get("new"))


@dataclass(eq=False)
class _Seat:
    """The place of one plan on the desk."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    draft: Draft | None = None


@dataclass(eq=False)
class Sitting:
    """One person at a draft, alone with it."""

    project: Project
    name: str
    draft: Draft
    seat: _Seat

    def require(self, expected: PlanState | None, yours: Mapping[str, Any]) -> None:
        """Refuse what rests on another state than that of now; None: on whatever is.

        Raises
        ------
        ConflictError
            Somebody has changed the plan since; the changes are told.
        """
        state = self.draft.state
        if expected is None or state.is_at(expected):
            return
        after = expected.seq if expected.version == state.version else 0
        since = [
            {"seq": c.seq, "what": c.what, "who": c.who, "at": c.at}
            for c in self.project.changes_of(self.name, state.version)
            if c.seq > after
        ]
        raise ConflictError(
            f"The plan '{self.name}' has been changed since: it is at {etag_of(state)}, not at "
            f"{etag_of(expected)}; look at the changes and do yours again",
            yours={"version": expected.version, "seq": expected.seq} | dict(yours),
            theirs={"version": state.version, "seq": state.seq, "changes": since},
        )

    def changes(self) -> tuple[PlanChange, ...]:
        """Return all changes by hand since the version, from the store."""
        return self.project.changes_of(self.name, self.draft.state.version)

    def change(self, do: Callable[[Draft], Edit]) -> Edit:
        """Make one change and keep it; what changes nothing is not kept.

        Raises
        ------
        InputError
            It cannot be done; the draft is as it was.
        ConflictError
            Another program has changed the plan in this very moment.
        """
        draft = self.draft
        before = draft.done
        edit = do(draft)
        if draft.done == before:
            return edit
        steps = draft.last_steps()
        state = self._kept(edit.words, steps)
        who = self.project.author.name
        draft.noted(PlanChange(state.seq, edit.words, tuple(steps), who, ""), state)
        return edit

    def undo(self, *, others: bool = False) -> Edit:
        """Take the last change back; that of somebody else only where ``others`` says so.

        Raises
        ------
        OptionError
            There is nothing to undo.
        ConflictError
            Somebody else made it.
        """
        if not self.draft.standing:
            raise OptionError("There is nothing to undo")
        self._require_mine(self.draft.standing[-1], others=others)
        return self._turn(UNDO, self.draft.standing[-1], self.draft.take_back)

    def redo(self, *, others: bool = False) -> Edit:
        """Do again what was undone last.

        Raises
        ------
        OptionError
            There is nothing to redo.
        ConflictError
            Somebody else made it.
        """
        if not self.draft.undone:
            raise OptionError("There is nothing to redo")
        self._require_mine(self.draft.undone[-1], others=others)
        return self._turn(REDO, self.draft.undone[-1], self.draft.bring_back)

    def _turn(self, what: str, change: PlanChange, do: Callable[[], Edit]) -> Edit:
        state = self._kept(what, [{"change": change.seq}])
        edit = do()
        self.draft.state = state
        return edit

    def _kept(self, what: str, steps: Sequence[Mapping[str, Any]]) -> PlanState:
        try:
            return self.project.append_plan_change(
                self.name, expected=self.draft.state, what=what, steps=steps
            )
        except BaseException:
            # Whether the store took the change is not sure: what is in memory goes.
            self.seat.draft = None
            raise

    def _require_mine(self, change: PlanChange, *, others: bool) -> None:
        me = self.project.author.name
        if not others and change.who != me:
            told = {"seq": change.seq, "what": change.what, "who": change.who, "at": change.at}
            raise ConflictError(
                f"The last change ({change.what[:80]}) is that of {change.who}; say that those of "
                "others may be undone, or leave it",
                yours={"who": me},
                theirs={"changes": [told]},
            )


class Desk:
    """The drafts in memory, at most `MOST_DRAFTS`; each is used by one at a time."""

    def __init__(self, most: int = MOST_DRAFTS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._seats: OrderedDict[Hashable, _Seat] = OrderedDict()
        self._plans: Kept[DistrictPlan] = Kept(most)

    def kept(self, key: Hashable, project: Project, name: str) -> tuple[PlanState, DistrictPlan]:
        """Return where a plan stands, and its newest version as it was kept.

        The version is read once: neither changes by hand nor those of layers change it.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        ProjectError
            New versions are kept all the time.
        """
        for _ in range(_TRIES):
            state = project.plan_state(name)

            def read(state: PlanState = state) -> DistrictPlan:
                plan = project.read_plan(name, version=state.version)
                if project.version_mark(name, state.version) != state.mark:
                    raise _ReplacedError
                return plan

            try:
                return state, self._plans.get((key, name), state.mark, read)
            except (_ReplacedError, UnknownNameError):
                continue  # it was removed or kept anew meanwhile
        raise ProjectError(f"The plan '{name}' is being changed all the time; try again later")

    @contextmanager
    def sit(
        self, key: Hashable, project: Project, name: str, estates: Callable[[], Layer]
    ) -> Iterator[Sitting]:
        """Give a draft as the store says it is.

        Parameters
        ----------
        key
            The project, as the desk tells it from others.
        project, name
            The project in the name of whoever changes it, and the plan.
        estates
            Gives the layer of estates.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        """
        seat = self._seat((key, name))
        with seat.lock:
            draft = self._in_step(seat, key, project, name, estates())
            try:
                yield Sitting(project, name, draft, seat)
            except (InputError, ConflictError):
                raise  # refused before anything was changed
            except BaseException:
                seat.draft = None
                raise

    def _in_step(
        self, seat: _Seat, key: Hashable, project: Project, name: str, layer: Layer
    ) -> Draft:
        state, kept = self.kept(key, project, name)
        draft, seat.draft = seat.draft, None
        if draft is None or draft.state.mark != state.mark or not draft.follow_layer(layer):
            draft = Draft(kept, layer, PlanState(state.version, 0, state.mark))
        if draft.state != state:
            changes = project.changes_of(name, state.version)
            # One that came after the state was read is not of it.
            draft.follow([change for change in changes if change.seq <= state.seq], state)
        seat.draft = draft
        return draft

    def clear(self) -> None:
        """Forget all drafts; they are made again from the store."""
        with self._lock:
            self._seats.clear()
            self._plans = Kept(self._most)

    def _seat(self, key: Hashable) -> _Seat:
        with self._lock:
            seat = self._seats.setdefault(key, _Seat())
            self._seats.move_to_end(key)
            while len(self._seats) > self._most:
                self._seats.popitem(last=False)
            return seat


class _ReplacedError(Exception):
    """While a version was read, another plan was kept in its place."""


def etag_of(state: PlanState) -> str:
    """Return how a state of a plan is called: version.seq.mark."""
    return f"{state.version}.{state.seq}.{state.mark}"
