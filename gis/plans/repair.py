"""`repair_plan`: the fewest moved estates that bring a broken plan back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.districts import DistrictPlan
from gis.districts.check_plan import Violation, check_plan
from gis.errors import CheckError
from gis.model import Layer, people_of
from gis.plans.repair_board import (
    locks_on_nothing,
    make_board,
    persons_of,
    tidy_plan,
    with_districts,
    word_of,
)
from gis.plans.repair_model import (
    NONE,
    Allowed,
    Answer,
    Board,
    RepairModel,
    hops,
    neighbourhood,
)

_MOST_CHOICES: Final = 15_000
"""Beyond so many choices of a neighbourhood the model is not tried."""
_FEW_CHOICES: Final = 1_000
"""With so few choices in all, every fault near another is mended with it."""
_MOST_AT_ONCE: Final = 8
"""Faults in each other's way that take more moves together are mended one after the other."""
_MOST_FOR_PROOF: Final = 5
"""Faults near each other that take more moves together are not joined for the proof's sake."""
_NOT_BY_MOVES: Final = ("estates", "left-out")


@dataclass(frozen=True)
class Move:
    """One estate that changes its district; None is no district; ``people`` NaN: unknown."""

    estate: str
    before: str | None
    after: str | None
    people: float


@dataclass(frozen=True, eq=False)
class Repair:
    """The repaired plan and what it took.

    ``plan`` None when none was found. ``bound``: no repair with the same allowances moves fewer
    estates. ``status`` is ``optimal`` (so many moves are needed), ``feasible``, ``infeasible``
    (proved, see ``reason``) or ``unknown``. ``violations`` are those of the plan as it was;
    ``dissolved`` the districts that are no more, ``left_out`` the estates newly without one.
    """

    plan: DistrictPlan | None
    moved: tuple[Move, ...]
    bound: int
    status: str
    reason: str
    violations: tuple[Violation, ...]
    dissolved: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def people_moved(self) -> float:
        """People of the moved estates, as far as known."""
        return float(np.nansum([m.people for m in self.moved]))


@dataclass(frozen=True)
class _Case:
    """Broken districts that are mended together, and what came of it.

    ``parts`` were joined to make it; ``alone``: it failed to be joined, and is not tried again.
    """

    districts: frozenset[int]
    loose: frozenset[int]
    answer: Answer | None = None
    proved: bool = False
    parts: tuple[_Case, ...] = ()
    alone: bool = False

    @property
    def bound(self) -> int:
        return self.answer.bound if self.answer is not None else 1

    @property
    def moves(self) -> int:
        return 0 if self.answer is None or self.answer.moved is None else len(self.answer.moved)


def repair_plan(
    plan: DistrictPlan,
    estates: Layer,
    *,
    may_dissolve: bool | None = None,
    may_leave_out: bool | None = None,
    classes: Mapping[str, ArrayLike] | None = None,
    cost: Any = None,
    time_limit_s: float = 20.0,
) -> Repair:
    """Mend every fault that `check_plan` finds by moving as few estates as possible.

    Among repairs with equally few moves the one with fewest people moved is taken, then, where
    the faults are small, the one that cuts fewest links. Estates without a
    district may be put into one. Every district keeps at least one of its estates, unless it is
    dissolved. Locked estates stay; those that a lock places elsewhere move there.

    Parameters
    ----------
    plan, estates
        The plan, drawn or made, and the layer it is of.
    may_dissolve, may_leave_out
        Whether a district may be dissolved, and estates be left without one; None: only where
        nothing else was found to mend the fault. Neither when the settings ask for a number of
        districts.
    classes, cost
        See `check_plan`.
    time_limit_s
        Seconds after which the search stops; what is then not proved is said.

    Raises
    ------
    UnknownNameError
        The settings name a column that the estates do not have.
    CheckError
        The repair failed the independent check: a fault of ours.
    """
    before = check_plan(plan, estates, classes=classes, cost=cost)
    if not before:
        return Repair(plan, (), 0, "optimal", "", ())
    tidy = tidy_plan(plan, estates)
    faults = [v for v in check_plan(tidy, estates, classes=classes, cost=cost)
              if v.kind not in _NOT_BY_MOVES]  # fmt: skip
    lost = locks_on_nothing(tidy)
    if lost:
        return Repair(None, (), 0, "infeasible", lost, before)
    names, board = make_board(tidy, estates, classes or {}, cost)
    mending = _Mending(tidy, estates, names, (may_dissolve, may_leave_out), classes, cost)
    label, bound, status, reason = _mend(mending, board, faults, time.monotonic() + time_limit_s)
    if label is None:
        return Repair(None, (), bound, status, reason, before)
    mended = mending.plan_of(label)
    left = mending.check(mended)
    if left:
        raise CheckError(f"The repair breaks a constraint, please report it: {left[0]}")
    moved = _moves(plan, mended, estates)
    if len(moved) != int((label != board.label).sum()):
        raise CheckError("The repair moves other estates than it says, please report it")
    status = "optimal" if bound == len(moved) else "feasible"
    gone = tuple(n for n in dict.fromkeys(m.before for m in moved if m.before is not None)
                 if n not in mended.districts)  # fmt: skip
    out = tuple(m.estate for m in moved if m.after is None)
    return Repair(mended, moved, bound, status, "", before, gone, out)


def _moves(before: DistrictPlan, after: DistrictPlan, estates: Layer) -> tuple[Move, ...]:
    """Count anew, from plan to plan, which estates changed their district."""
    people = dict(zip(map(str, estates.uids), people_of(
        estates, persons_per_household=persons_of(after))[0], strict=True))  # fmt: skip
    was: dict[str, str | None] = {}
    for uid, name in zip(before.estates, before.district, strict=True):
        was.setdefault(str(uid), word_of(name))
    return tuple(
        Move(str(uid), was.get(str(uid)), word_of(name), float(people[str(uid)]))
        for uid, name in zip(after.estates, after.district, strict=True)
        if was.get(str(uid)) != word_of(name)
    )


# --- mending, neighbourhood by neighbourhood


@dataclass(frozen=True)
class _Mending:
    """What is the same all along a repair."""

    plan: DistrictPlan
    estates: Layer
    names: Sequence[str]
    may: tuple[bool | None, bool | None]
    classes: Mapping[str, ArrayLike] | None
    cost: Any

    def plan_of(self, label: NDArray[np.int64]) -> DistrictPlan:
        return with_districts(
            self.plan, self.estates, [None if d < 0 else self.names[d] for d in label]
        )

    def check(self, plan: DistrictPlan) -> list[Violation]:
        found = check_plan(plan, self.estates, classes=self.classes, cost=self.cost)
        return [v for v in found if v.kind not in _NOT_BY_MOVES]


_Outcome = tuple[NDArray[np.int64] | None, int, str, str]
"""Labels (None: no repair), moves proved to be needed, status and reason where there are none."""


def _mend(
    mending: _Mending, board: Board, faults: Sequence[Violation], deadline: float
) -> _Outcome:
    """Mend each group of faults by itself; what is in the way of another waits for its turn."""
    count = mending.plan.settings.get("count")
    if count is not None and any(v.kind == "count" for v in faults):
        return _mend_count(mending.names, board, int(count), deadline)
    bound = None
    while faults:
        now = time.monotonic()
        half = now + (deadline - now) / 2
        seeds = _joined(_seeds(mending, board, faults), _share)
        cases, certain = _solved(mending, board, seeds, half)
        if bound is None:
            bound = _proved_moves(board, seeds, cases)
        if certain:
            return None, bound, "infeasible", certain
        label = board.label.copy()
        used: set[int] = set()
        for case in sorted(cases, key=lambda c: c.moves):
            touched = _touched(board, case)
            if not used & touched:
                used |= touched
                for unit, district in _moved(case).items():
                    label[unit] = district
        left = mending.check(mending.plan_of(label))
        if not used or (left and time.monotonic() > deadline):
            told = ", ".join(dict.fromkeys(str(v.district) for v in (left or faults)[:5]))
            reason = f"no repair of {told} was found in time; none is proved impossible"
            reason += ": give it more time, or put their estates into neighbours by hand"
            return None, bound, "unknown", reason
        faults, board = left, replace(board, label=label)
    return board.label, bound or 0, "", ""


def _solved(
    mending: _Mending, board: Board, cases: list[_Case], deadline: float
) -> tuple[list[_Case], str]:
    """Solve each case, and together those that meet; also why one of them cannot be mended."""
    modes = _modes(mending.may, mending.plan.settings.get("count"))
    while True:
        waiting = sum(case.answer is None for case in cases)
        for i, case in enumerate(cases):
            if case.answer is None:
                now = time.monotonic()
                share = now + max(deadline - now, 0.0) / (waiting + 1)
                waiting -= 1
                cases[i], reason = _mend_one(mending.names, board, case, modes, share)
                if reason:
                    return cases, reason
        cases = [part for case in cases for part in _split_again(case)]
        joined = _joined(cases, lambda a, b: _meet(board, a, b))
        if len(joined) == len(cases):
            return cases, ""
        cases = joined


def _split_again(case: _Case) -> list[_Case]:
    """A joined case that could not be mended in time: its parts, each as it was mended."""
    if case.moves or not case.parts:
        return [case]
    return [replace(part, alone=True) for part in case.parts]


def _moved(case: _Case) -> dict[int, int]:
    return (case.answer.moved or {}) if case.answer is not None else {}


def _modes(may: tuple[bool | None, bool | None], count: Any) -> list[Allowed]:
    dissolve, leave_out = may if count is None else (False, False)
    modes = [Allowed(dissolve is True, leave_out is True)]
    if dissolve is None:
        modes.append(Allowed(True, leave_out is True))
    if leave_out is None:
        modes.append(Allowed(dissolve is not False, True))
    return modes


def _seeds(mending: _Mending, board: Board, faults: Sequence[Violation]) -> list[_Case]:
    number = {name: d for d, name in enumerate(mending.names)}
    row = {str(uid): i for i, uid in enumerate(mending.plan.estates)}
    out = []
    for fault in faults:
        units = [row[uid] for uid in fault.estates]
        districts = {int(board.label[v]) for v in units if board.label[v] != NONE}
        if fault.district is not None:
            districts.add(number[fault.district])
        loose = frozenset(v for v in units if board.label[v] == NONE)
        out.append(_Case(frozenset(districts), loose))
    return out


def _joined(cases: Iterable[_Case], together: Callable[[_Case, _Case], bool]) -> list[_Case]:
    """Join cases that belong together, until none do; those untouched keep their answers."""
    out: list[_Case] = []
    for case in cases:
        new = case
        while True:
            meets = [other for other in out if together(other, new)]
            if not meets:
                break
            out = [other for other in out if other not in meets]
            for other in meets:
                both = (new.districts | other.districts, new.loose | other.loose)
                new = _Case(*both, parts=tuple(_parts(new) + _parts(other)))
        out.append(new)
    return out


def _parts(case: _Case) -> list[_Case]:
    """Cases with answers of which a case is made."""
    return [case] if case.answer is not None else list(case.parts)


def _share(a: _Case, b: _Case) -> bool:
    return bool(a.districts & b.districts or a.loose & b.loose)


def _meet(board: Board, a: _Case, b: _Case) -> bool:
    """Whether both are to be mended at once: that could be cheaper than one by one."""
    if a.answer is None or b.answer is None:
        return _share(a, b)  # joined just now: it is looked at again when it has an answer
    moves = a.moves + b.moves
    small = len(board.label) * board.districts <= _FEW_CHOICES
    if a.alone or b.alone or not a.moves or not b.moves:
        return False
    if _touched(board, a) & _touched(board, b):
        return small or moves <= _MOST_AT_ONCE
    return (small or moves <= _MOST_FOR_PROOF) and _near(board, a, b, moves)


def _near(board: Board, a: _Case, b: _Case, steps: int) -> bool:
    """Whether a broken district of one is fewer steps from one of the other."""
    far = hops(board, a.districts, a.loose, steps - 1)
    return any(d in far for d in [*b.districts, *(~v for v in b.loose)])


def _touched(board: Board, case: _Case) -> set[int]:
    """Districts that change, and ~unit of units without one."""
    out: set[int] = set()
    for unit, district in _moved(case).items():
        here = int(board.label[unit])
        out |= {here if here != NONE else ~unit} | ({district} if district != NONE else set())
    return out


def _mend_one(
    names: Sequence[str], board: Board, case: _Case, modes: Sequence[Allowed], deadline: float
) -> tuple[_Case, str]:
    """Widen the neighbourhood until there is a repair, and prove it as far as time goes.

    Also returns why there is none, where that is proved.
    """
    certain = True
    for k, allowed in enumerate(modes):
        radius = 1
        # What is not proved impossible in time must leave some for dissolving and leaving out.
        now = time.monotonic()
        share = now + max(deadline - now, 0.0) / (len(modes) - k)
        while True:
            here = neighbourhood(board, case.districts, case.loose, radius, allowed)
            if here.choices > _MOST_CHOICES:
                certain = False
                break
            answer = RepairModel(board, here, allowed).solve(share)
            if answer.moved is not None:
                found, proved = _proved(board, case, answer, radius, allowed, deadline)
                return replace(case, answer=found, proved=proved), ""
            if answer.timed_out:
                certain = False
                break
            if here.complete:
                break
            radius *= 2
        if not certain and time.monotonic() > deadline:
            break
    failed = replace(case, answer=Answer(None, 1, False, not certain))
    if not certain:
        return failed, ""
    told = ", ".join(names[d] for d in sorted(case.districts)[:5])
    words = _why_not(names, board, case)
    return failed, words or f"no way of moving estates mends {told}: all were tried"


def _proved(
    board: Board, case: _Case, answer: Answer, radius: int, allowed: Allowed, deadline: float
) -> tuple[Answer, bool]:
    """Make sure that no repair farther afield moves fewer."""
    moves = len(answer.moved or {})
    bound = answer.bound if answer.complete else min(answer.bound, radius + 1)
    if bound >= moves:
        return replace(answer, bound=moves), True
    here = neighbourhood(board, case.districts, case.loose, moves - 1, allowed)
    if here.choices <= _MOST_CHOICES:
        better = RepairModel(board, here, allowed).solve(deadline, at_most=moves - 1)
        if better.moved is not None:
            done = len(better.moved) == better.bound
            return better, done
        if not better.timed_out:
            return replace(answer, bound=moves), True
        bound = max(bound, min(better.bound, moves))
    return replace(answer, bound=bound), False


def _mend_count(names: Sequence[str], board: Board, count: int, deadline: float) -> _Outcome:
    """Too many districts: dissolve some of them; all are one case."""
    if len(names) < count:
        reason = f"the plan has {len(names)} districts, {count} are asked for; split one first"
        return None, 0, "infeasible", reason
    allowed = Allowed(dissolve=True, count=count)
    here = neighbourhood(board, range(len(names)), (), len(board.label), allowed)
    if here.choices > _MOST_CHOICES:
        reason = f"the plan has {len(names)} districts, not {count}, and is too large to try all"
        return None, 0, "unknown", f"{reason}; merge districts first"
    answer = RepairModel(board, here, allowed).solve(deadline)
    if answer.moved is None and answer.timed_out:
        reason = f"no repair with {count} districts was found in time"
        return None, answer.bound, "unknown", reason
    if answer.moved is None:
        reason = f"no way of moving estates leaves {count} districts: all were tried"
        return None, 0, "infeasible", reason
    label = board.label.copy()
    for unit, district in answer.moved.items():
        label[unit] = district
    return label, answer.bound, "", ""


def _proved_moves(board: Board, seeds: Sequence[_Case], cases: Sequence[_Case]) -> int:
    """Add up what is needed for faults that no move can mend together.

    The bound of a case holds where no other fault is near it; elsewhere each fault that is two
    steps from the others needs a move of its own.
    """
    total = 0
    waiting = list(seeds)
    for case in cases:
        others = [other for other in cases if other is not case]
        touched = _touched(board, case)
        lone = not any(
            touched & (_touched(board, other) | other.districts)
            or _near(board, case, other, case.bound + other.bound)
            for other in others
        )
        if lone:
            mine = [s for s in waiting if s.districts <= case.districts and s.loose <= case.loose]
            waiting = [seed for seed in waiting if seed not in mine]
            total += max(case.bound, _far_apart(board, mine))
    return total + _far_apart(board, waiting)


def _far_apart(board: Board, seeds: Sequence[_Case]) -> int:
    """Count faults of which no two can be mended by one move."""
    kept: list[_Case] = []
    for seed in seeds:
        if not any(_near(board, seed, other, 2) for other in kept):
            kept.append(seed)
    return len(kept)


def _why_not(names: Sequence[str], board: Board, case: _Case) -> str:
    """Say it in numbers where the estates that hang together are too few or too many."""
    seen: set[int] = set()
    front = {v for d in case.districts for v in board.own[d]} | set(case.loose)
    while front:
        seen |= front
        front = {w for v in front for w in board.near[v]} - seen
    inside = [d for d in range(board.districts) if board.own[d] & seen]
    units = sorted(seen)
    for j in range(board.size.shape[1]):
        total = float(board.size[units, j].sum())
        least, most = len(inside) * board.low[j], len(inside) * board.high[j]
        placed = float(board.size[[v for v in units if board.label[v] != NONE], j].sum())
        told = f"the {len(inside)} districts {', '.join(names[d] for d in inside[:5])}"
        told = told if len(inside) <= 5 else f"{told}, ..."
        if total < least:
            return f"{told} need {least:,.12g} in all, {total:,.12g} can be reached"
        if placed > most:
            return f"{told} hold at most {most:,.12g} in all, their estates have {placed:,.12g}"
    return ""
