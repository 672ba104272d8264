"""The exact model behind `repair_plan`: which units change their district, as few as can be.

Every unit of a neighbourhood picks one of the districts that it could reach. Bounds, locks and
groups are rows of the model; that districts hang together is added row by row, whenever an answer
breaks it: a piece hangs together with the rest only over one of the units that part the two.

That a neighbourhood is enough is proved as follows. Every district that lives keeps a unit of its
own. Take the moves of a plan as links between districts. A part of them without a broken
district can be undone, so each part of m moves holds one, and reaches no farther than m districts
from it. A unit that moves to a district hangs on one that stays there over at most m - 1 others
that move there too, so it is at most m links away. So a model with all districts and all moves
within r holds every repair of up to r moves; its optimum U is the optimum of all if U <= r + 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import highspy
import numpy as np
from numpy.typing import NDArray

NONE: Final = -1
FREE: Final = -2
_ROUNDING: Final = 1e-9
_CUTS_A_PIECE: Final = 8
_CHOICES_FOR_LINKS: Final = 2000
"""Beyond so many choices equally good repairs are not compared by the links they cut."""


@dataclass(frozen=True, eq=False)
class Board:
    """A plan as numbers: n units, k districts, m sizes.

    ``near`` neighbours of each unit; ``label`` (n,) district or NONE; ``size`` (n, m), ``low``,
    ``high`` (m,); ``fixed`` (n,) the district a unit must be in, NONE for none, else FREE;
    ``closed`` districts that only fixed units may be in; ``classes`` arrays (n,) of which a
    district holds one value; ``join``, ``apart`` groups of units; ``people`` (n,) for ties;
    ``has_centre`` whether units may form a district as far as walking goes.
    """

    near: Sequence[Sequence[int]]
    label: NDArray[np.int64]
    districts: int
    size: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    fixed: NDArray[np.int64]
    closed: frozenset[int]
    classes: tuple[NDArray[np.int64], ...]
    join: tuple[tuple[int, ...], ...]
    apart: tuple[tuple[int, ...], ...]
    people: NDArray[np.float64]
    has_centre: Callable[[Sequence[int]], bool] | None = None

    @cached_property
    def own(self) -> tuple[frozenset[int], ...]:
        """Units of each district: those in it and those locked to it."""
        return tuple(
            frozenset(np.flatnonzero((self.label == d) | (self.fixed == d)).tolist())
            for d in range(self.districts)
        )

    @cached_property
    def slack(self) -> NDArray[np.float64]:
        """(m,) by how much sums of fractions may miss a bound; whole numbers may not."""
        whole = (self.size == np.floor(self.size)).all(axis=0)
        scale = np.where(np.isfinite(self.high), np.maximum(1.0, np.abs(self.high)), 1.0)
        return np.where(whole, 0.0, _ROUNDING * scale)


@dataclass(frozen=True)
class Allowed:
    """What a repair may do beside moving units between districts; ``count`` of all districts."""

    dissolve: bool = False
    leave_out: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Answer:
    """``moved`` unit -> new district, None when none was found; ``bound`` moves at least.

    ``complete``: the model left out no district and no move, so that its word is final.
    """

    moved: dict[int, int] | None
    bound: int
    complete: bool
    timed_out: bool


@dataclass(frozen=True)
class Neighbourhood:
    """``options`` the districts that each unit may be in, its present one first."""

    districts: tuple[int, ...]
    options: dict[int, tuple[int, ...]]
    complete: bool

    @property
    def choices(self) -> int:
        """How many choices the units have together."""
        return sum(len(o) for o in self.options.values())


def neighbourhood(
    board: Board, districts: Iterable[int], loose: Iterable[int], radius: int, allowed: Allowed
) -> Neighbourhood:
    """Return the units and districts that a repair of up to ``radius`` moves can touch.

    Parameters
    ----------
    districts, loose
        Broken districts; units without a district that a broken group or lock is about.
    """
    districts, loose = set(districts), set(loose)
    far = hops(board, districts, loose)
    inside = _with_locks(board, {d for d, steps in far.items() if d >= 0 and steps <= radius})
    reach: dict[int, list[int]] = {}
    complete = inside >= {d for d in far if d >= 0}
    for d in sorted(inside):
        found, all_of_them = _units_within(board, board.own[d], radius)
        complete &= all_of_them
        for v in found:
            reach.setdefault(v, []).append(d)
    units = loose | {v for d in inside for v in board.own[d]}
    units |= {v for v in reach if board.label[v] == NONE}
    for group in board.join:
        if units & set(group):
            units |= {v for v in group if board.label[v] == NONE or int(board.label[v]) in inside}
    # A unit without a district that is locked to one far off is no help here.
    units = {v for v in units if board.fixed[v] < 0 or int(board.fixed[v]) in inside}
    options = {v: _options(board, v, reach.get(v, []), allowed) for v in sorted(units)}
    return Neighbourhood(tuple(sorted(inside)), options, complete)


def _with_locks(board: Board, districts: set[int]) -> set[int]:
    """Add the districts to which estates of these are locked."""
    while True:
        locked = {int(board.fixed[v]) for d in districts for v in board.own[d]} - {NONE, FREE}
        if locked <= districts:
            return districts
        districts = districts | locked


def _options(board: Board, unit: int, reached: list[int], allowed: Allowed) -> tuple[int, ...]:
    if board.fixed[unit] != FREE:
        return (int(board.fixed[unit]),)
    own = int(board.label[unit])
    out = [own, *(d for d in reached if d != own)]
    if allowed.leave_out and own != NONE:
        out.append(NONE)
    return tuple(d for d in out if d not in board.closed)


def hops(
    board: Board, districts: Iterable[int], loose: Iterable[int], limit: float = np.inf
) -> dict[int, int]:
    """Steps from some districts to others; ~unit stands for a unit without a district."""
    far = dict.fromkeys([*districts, *(~v for v in loose)], 0)
    front, step = list(far), 0
    while front and step < limit:
        step += 1
        ahead = []
        for node in front:
            for v in (~node,) if node < 0 else board.own[node]:
                for w in (v, *board.near[v]):
                    there = int(board.label[w]) if board.label[w] >= 0 else ~w
                    if there not in far:
                        far[there] = step
                        ahead.append(there)
        front = ahead
    return far


def _units_within(board: Board, start: Iterable[int], radius: int) -> tuple[set[int], bool]:
    """Units within so many links, and whether that is all of them that are connected."""
    seen = set(start)
    front = seen
    for _ in range(radius):
        front = {w for v in front for w in board.near[v]} - seen
        seen = seen | front
        if not front:
            return seen, True
    return seen, not {w for v in front for w in board.near[v]} - seen


class _Mip:
    """A HiGHS model to which rows are added between runs."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[tuple[float, float, list[int], list[float]]] = []
        self.fixed_to_one: set[int] = set()
        self._solver: Any = None

    def row(self, low: float, high: float, at: Sequence[int], by: Sequence[float]) -> None:
        """Add low <= sum of by * x[at] <= high."""
        entry = (low, high, list(at), [float(v) for v in by])
        if self._solver is None:
            self.rows.append(entry)
        else:
            self._solver.addRow(
                low, high, len(at), np.array(at, np.int32), np.array(entry[3], float)
            )

    def column(self) -> int:
        """Add a column between 0 and 1 to a model that has run; return its place."""
        self._solver.addVar(0.0, 1.0)
        self.columns += 1
        return self.columns - 1

    def minimise(
        self, cost: NDArray[np.float64], seconds: float
    ) -> tuple[NDArray[np.bool_] | None, float, bool]:
        """Return the answer (None: none, or not in time), the bound and whether time ran out."""
        if self._solver is None:
            self._solver = self._make()
        solver = self._solver
        solver.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), cost)
        # The limit is of each run alone, though the run time that is told adds up.
        solver.setOptionValue("time_limit", max(seconds, 0.0))
        solver.run()
        status = solver.getModelStatus()
        bound = float(solver.getInfo().mip_dual_bound)
        if status == highspy.HighsModelStatus.kOptimal:
            return np.asarray(solver.getSolution().col_value) > 0.5, bound, False
        if status == highspy.HighsModelStatus.kInfeasible:
            return None, np.inf, False
        return None, bound if np.isfinite(bound) else 0.0, True

    def _make(self) -> Any:
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.columns, len(self.rows)
        model.col_cost_ = np.zeros(self.columns)
        model.col_lower_ = np.array([float(i in self.fixed_to_one) for i in range(self.columns)])
        model.col_upper_ = np.ones(self.columns)
        model.row_lower_ = np.array([r[0] for r in self.rows])
        model.row_upper_ = np.array([r[1] for r in self.rows])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.cumsum([0, *(len(r[2]) for r in self.rows)]).astype(np.int32)
        model.a_matrix_.index_ = np.array([i for r in self.rows for i in r[2]], np.int32)
        model.a_matrix_.value_ = np.array([v for r in self.rows for v in r[3]], float)
        model.integrality_ = [highspy.HighsVarType.kInteger] * self.columns
        make: Any = highspy.Highs  # without types, and yet not quite unknown to mypy
        solver = make()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.setOptionValue("mip_rel_gap", 0.0)
        solver.setOptionValue("mip_feasibility_tolerance", 1e-9)
        solver.passModel(model)
        return solver


class RepairModel:
    """The model of one neighbourhood."""

    def __init__(self, board: Board, here: Neighbourhood, allowed: Allowed) -> None:
        self._board, self._here, self._allowed = board, here, allowed
        self._pick: dict[tuple[int, int], int] = {}
        for v, options in here.options.items():
            for d in options:
                self._pick[v, d] = len(self._pick)
        x = len(self._pick)
        self._lives = {d: x + i for i, d in enumerate(here.districts)}
        self._of_class = self._class_columns(x + len(self._lives))
        self._mip = _Mip(x + len(self._lives) + len(self._of_class))
        self._inside: dict[int, list[int]] = {d: [] for d in here.districts}
        for v, d in self._pick:
            if d != NONE:
                self._inside[d].append(v)
        self._units()
        self._districts()
        self._groups()

    def _class_columns(self, first: int) -> dict[tuple[int, int, int], int]:
        out: dict[tuple[int, int, int], int] = {}
        for c, of in enumerate(self._board.classes):
            for v, d in self._pick:
                if d != NONE:
                    out.setdefault((c, d, int(of[v])), first + len(out))
        return out

    def _units(self) -> None:
        for v, options in self._here.options.items():
            self._mip.row(1, 1, [self._pick[v, d] for d in options], [1] * len(options))
            for d in options:
                if d in (NONE, self._board.label[v]) or v in self._board.own[d]:
                    continue
                beside = [self._pick[w, d] for w in self._board.near[v] if (w, d) in self._pick]
                at = [self._pick[v, d], *beside]
                self._mip.row(-np.inf, 0, at, [1, *([-1] * len(beside))])

    def _districts(self) -> None:
        board, mip = self._board, self._mip
        for d, lives in self._lives.items():
            if not self._allowed.dissolve or d in board.closed:
                mip.fixed_to_one.add(lives)
            units = self._inside[d]
            at = [self._pick[v, d] for v in units]
            own = [self._pick[v, d] for v in units if v in board.own[d]]
            mip.row(0, np.inf, [*own, lives], [*([1] * len(own)), -1])
            for j in range(board.size.shape[1]):
                size = board.size[units, j].tolist()
                low, high, slack = board.low[j], board.high[j], board.slack[j]
                if low > 0 or (board.size[:, j] < 0).any():
                    mip.row(-slack, np.inf, [*at, lives], [*size, -low])
                if np.isfinite(high):
                    mip.row(-np.inf, slack, [*at, lives], [*size, -high])
            if self._allowed.dissolve:
                for i in at:
                    mip.row(-np.inf, 0, [i, lives], [1, -1])
        if self._allowed.count is not None:
            at = list(self._lives.values())
            mip.row(self._allowed.count, self._allowed.count, at, [1] * len(at))

    def _groups(self) -> None:
        board, pick, mip = self._board, self._pick, self._mip
        for c, of in enumerate(board.classes):
            for d in self._here.districts:
                at = [i for (c_, d_, _), i in self._of_class.items() if (c_, d_) == (c, d)]
                mip.row(-np.inf, 1, at, [1] * len(at))
            for (v, d), i in pick.items():
                if d != NONE:
                    mip.row(-np.inf, 0, [i, self._of_class[c, d, int(of[v])]], [1, -1])
        for group in board.join:
            there = [v for v in group if v in self._here.options]
            for a, b in pairwise(there):
                for d in {*self._here.options[a], *self._here.options[b]}:
                    one = [(pick[a, d], 1)] if (a, d) in pick else []
                    other = [(pick[b, d], -1)] if (b, d) in pick else []
                    mip.row(0, 0, [i for i, _ in one + other], [s for _, s in one + other])
        for group in board.apart:
            for d in self._here.districts:
                at = [pick[v, d] for v in group if (v, d) in pick]
                if len(at) > 1:
                    mip.row(-np.inf, 1, at, [1] * len(at))

    # --- answers

    def solve(self, deadline: float, *, at_most: int | None = None) -> Answer:
        """Return the fewest moves, among them the fewest people, then the fewest cut links."""
        moves = self._cost(lambda v, d: float(d != self._board.label[v]))
        if at_most is not None:
            self._mip.row(-np.inf, at_most, *_sparse(moves))
        chosen, bound, late = self._connected(moves, deadline)
        least = int(min(np.ceil(bound - 1e-6), self._mip.columns)) if np.isfinite(bound) else 0
        if chosen is None:
            return Answer(None, least, self._here.complete and not late, late)
        best, fewest = chosen, float(moves @ chosen)
        self._mip.row(-np.inf, fewest + 0.5, *_sparse(moves))
        for by in (self._left_out(), self._people()):
            if not by.any() or time.monotonic() > deadline:
                continue
            chosen, _, _ = self._connected(by, deadline)
            if chosen is None:
                break
            best = chosen
            self._mip.row(-np.inf, float(by @ best) + 1e-6, *_sparse(by))
        if fewest and self._here.choices <= _CHOICES_FOR_LINKS and time.monotonic() < deadline:
            chosen, _, _ = self._connected(self._cut_links(), deadline)
            best = best if chosen is None else chosen
        return Answer(self._moved(best), least, self._here.complete, late)

    def _cost(self, of: Callable[[int, int], float]) -> NDArray[np.float64]:
        out = np.zeros(self._mip.columns)
        for (v, d), i in self._pick.items():
            out[i] = of(v, d)
        return out

    def _people(self) -> NDArray[np.float64]:
        label, people = self._board.label, self._board.people
        return self._cost(lambda v, d: float(people[v]) if d != label[v] else 0.0)

    def _left_out(self) -> NDArray[np.float64]:
        label = self._board.label
        return self._cost(lambda v, d: float(d == NONE and label[v] != NONE))

    def _cut_links(self) -> NDArray[np.float64]:
        """Make a column for each link that may be cut or not; both ends must be placed."""
        options, label = self._here.options, self._board.label
        cuts: list[int] = []
        for u in options:
            for v in self._board.near[u]:
                if (v in options and v < u) or len(options[u]) + len(options.get(v, ())) < 2:
                    continue
                cut = self._mip.column()
                cuts.append(cut)
                there = options.get(v, (int(label[v]),))
                for d in options[u]:
                    if d == NONE or (v not in options and (int(label[v]) in (NONE, d))):
                        continue
                    same = [self._pick[v, e] for e in (d, NONE) if v in options and e in there]
                    at = [self._pick[u, d], *same, cut]
                    self._mip.row(-np.inf, 0, at, [1, *([-1] * len(same)), -1])
        cost = np.zeros(self._mip.columns)
        cost[cuts] = 1.0
        return cost

    def _moved(self, chosen: NDArray[np.float64]) -> dict[int, int]:
        label = self._board.label
        return {v: d for (v, d), i in self._pick.items() if chosen[i] and d != label[v]}

    def _connected(
        self, cost: NDArray[np.float64], deadline: float
    ) -> tuple[NDArray[np.float64] | None, float, bool]:
        """Solve, add what the answer breaks, and again until it breaks nothing."""
        bound = 0.0
        while True:
            chosen, found, late = self._mip.minimise(cost, deadline - time.monotonic())
            bound = max(bound, found)
            if chosen is None or not self._add_broken(chosen):
                return None if chosen is None else chosen.astype(float), bound, late

    def _add_broken(self, chosen: NDArray[np.bool_]) -> bool:
        broken = False
        for d in self._here.districts:
            units = {v for v in self._inside[d] if chosen[self._pick[v, d]]}
            pieces = self._pieces(units)
            if len(pieces) > 1:
                broken = True
                anchor = self._anchor(d, pieces)
                for piece in pieces:
                    if anchor not in piece:
                        self._add_cuts(d, piece, anchor)
            elif units and not self._has_centre(units):
                broken = True
                self._never_again(d, units)
        return broken

    def _has_centre(self, units: set[int]) -> bool:
        reaches = self._board.has_centre
        return reaches is None or reaches(sorted(units))

    def _pieces(self, units: set[int]) -> list[set[int]]:
        waiting, pieces = set(units), []
        while waiting:
            front = {min(waiting)}
            piece = set(front)
            while front:
                front = {w for v in front for w in self._board.near[v] if w in waiting} - piece
                piece |= front
            waiting -= piece
            pieces.append(piece)
        return pieces

    def _anchor(self, d: int, pieces: list[set[int]]) -> int:
        """Return a unit of the largest piece, one deep inside the district if there is one."""
        most = max(pieces, key=lambda p: (len(p & self._board.own[d]), len(p), -min(p)))
        own = self._board.own[d]
        return max(most, key=lambda v: (len(own & set(self._board.near[v])), v in own, -v))

    def _add_cuts(self, d: int, piece: set[int], anchor: int) -> None:
        """Ask for a unit that parts piece and anchor wherever both are in the district."""
        can = set(self._inside[d])
        wall = {w for v in piece for w in self._board.near[v] if w in can} - piece
        seen, front = {anchor}, {anchor}
        while front:
            front = {w for v in front for w in self._board.near[v] if w in can} - seen - wall
            seen |= front
        wall = {w for w in wall if seen & set(self._board.near[w])}
        for v in sorted(piece)[:_CUTS_A_PIECE]:
            at = [self._pick[v, d], self._pick[anchor, d], *(self._pick[w, d] for w in wall)]
            self._mip.row(-np.inf, 1, at, [1, 1, *([-1] * len(wall))])

    def _never_again(self, d: int, units: set[int]) -> None:
        """Forbid exactly these units as a district."""
        at = [self._pick[v, d] for v in self._inside[d]]
        by = [1.0 if v in units else -1.0 for v in self._inside[d]]
        self._mip.row(-np.inf, len(units) - 1, at, by)


def _sparse(cost: NDArray[np.float64]) -> tuple[list[int], list[float]]:
    at = np.flatnonzero(cost)
    return at.tolist(), cost[at].tolist()
