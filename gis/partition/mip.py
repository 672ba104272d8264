"""The optimum by mixed-integer programming (HiGHS), for few large districts.

Each block of units is put into one of s slots. Districts that fall apart are cut off as they turn
up: of two blocks a, b in a slot, some block of every set that separates them is in it too
(Validi, Buchanan, Lykhovyd 2022, "Imposing contiguity constraints in political districting
models", doi 10.1287/opre.2021.2141; the sets are minimal, and need not separate ways longer than
the upper bound allows). Slots are numbered by the first block that they hold, so that equal plans
are met once (Kaibel, Pfetsch 2008). Where walks to a centre are paid, there is one slot for each
centre instead (Hess et al. 1965).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.partition.aims import score
from gis.partition.contract import Blocks, block_worth, blocks_of
from gis.partition.problem import Problem
from gis.partition.reduce import sums

_MOST_BLOCKS: Final = 150
_MOST_SLOTS: Final = 12
_MOST_SEATS: Final = 1200
_MOST_CENTRES: Final = 40
_SAME: Final = 1e-6
_INF: Final = highspy.kHighsInf

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Status = Literal["optimal", "feasible", "infeasible", "unknown"]


class Exact(NamedTuple):
    """What was found: ``label`` (n,), -1 outside the part or left out.

    ``objective`` and ``bound`` in the units of `gis.partition.aims.score`; ``proved``: no plan
    leaves out less, and none that leaves out no more costs less. ``infeasible``: no plan at all.
    """

    label: Ints
    objective: float
    bound: float
    proved: bool
    status: Status


def fits(problem: Problem, part: NDArray[np.bool_], count: int | None) -> bool:
    """Whether `solve_exact` takes a part of this size with these aims."""
    blocks = blocks_of(problem, part)
    u = blocks.units
    if problem.spread_weight > 0 or not 0 < u <= _MOST_BLOCKS:
        return False
    if problem.compact_weight > 0:
        return problem.centre_limit is None and int(part.sum()) <= _MOST_CENTRES
    slots = count or _most_districts(problem, part)
    return slots <= _MOST_SLOTS and slots * u <= _MOST_SEATS


def solve_exact(
    problem: Problem,
    part: NDArray[np.bool_],
    count: int | None,
    label: Ints,
    deadline: float,
) -> Exact:
    """Seek the optimum of a part and prove it.

    Parameters
    ----------
    problem
        What is asked.
    part
        (n,) the units that count: a connected part, or all when ``count`` is given.
    count
        Exactly so many districts and nothing left out, or None.
    label
        (n,) a plan to start from, -1 where there is none.
    deadline
        Second of `time.monotonic` at which to stop.
    """
    start = np.where(part, label, -1)
    nothing = Exact(start, np.nan, 0.0, False, "unknown")
    if not fits(problem, part, count):
        return nothing
    case = _Case(problem, part, blocks_of(problem, part), deadline)
    if count is not None:
        return case.best(start, [count], lost=0.0)
    most = _most_districts(problem, part)
    found = case.fewest_left(start, most)
    if found is None or not (found >= 0).any():
        return nothing if found is None else Exact(found, np.nan, np.nan, True, "infeasible")
    lost = float(case.worth[case.out(found)].sum())
    least = 1 if lost > 0 else _fewest_districts(problem, part)
    by_number = problem.balance_weight > 0
    return case.best(found, [*range(least, most + 1)] if by_number else [-most], lost=lost)


def _most_districts(problem: Problem, part: NDArray[np.bool_]) -> int:
    total = problem.size[part].sum(axis=0) + problem.slack
    needed = problem.low - problem.slack
    some = needed > 0
    most = np.floor(total[some] / needed[some] + 1e-12).min(initial=float(part.sum()))
    return int(max(most, 1))


def _fewest_districts(problem: Problem, part: NDArray[np.bool_]) -> int:
    total = problem.size[part].sum(axis=0) - problem.slack
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.nan_to_num(np.ceil(total / (problem.high + problem.slack) - 1e-12))
    return int(max(least.max(initial=1), 1))


@dataclass(eq=False)
class _Rows:
    """Rows of a model, gathered one by one."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def add(self, low: float, high: float, *terms: tuple[Any, float]) -> None:
        """Add low <= sum of value x columns <= high; a term has one column or several."""
        self.start.append(len(self.index))
        self.low.append(low)
        self.high.append(high)
        for columns, value in terms:
            where = np.atleast_1d(np.asarray(columns, dtype=np.int64)).tolist()
            self.index.extend(where)
            self.value.extend([value] * len(where))


@dataclass(eq=False)
class _Case:
    """One part, its blocks, and how long there is."""

    problem: Problem
    part: NDArray[np.bool_]
    blocks: Blocks
    deadline: float

    def __post_init__(self) -> None:
        problem, blocks = self.problem, self.blocks
        self.size = sums(problem.size, blocks.block, blocks.units)
        self.worth = block_worth(problem, blocks)
        self.whole = bool((self.worth == np.floor(self.worth)).all())

    def out(self, label: Ints) -> NDArray[np.bool_]:
        """(u,) blocks that a plan leaves out."""
        lost = np.zeros(self.blocks.units, bool)
        lost[self.blocks.block[self.part & (label < 0)]] = True
        return lost

    def fewest_left(self, start: Ints, most: int) -> Ints | None:
        """Return a plan that leaves out least, None when time ran out before it was proved."""
        if (start[self.part] >= 0).all():
            return start
        model = _Model(self, -most, None, leave=True)
        done = model.solve(start)
        return done.label if done.proved else None

    def best(self, start: Ints, ways: list[int], *, lost: float) -> Exact:
        """Return the plan with the least objective among those that leave out no more.

        ways: numbers of districts to try; a negative one: up to so many.
        """
        made = self.districts(start)
        whole = lost > 0 or bool((start[self.part] >= 0).all())
        known = made > 0 and whole and (ways[0] < 0 or made in ways)
        best = Exact(np.full_like(start, -1), np.nan, np.inf, True, "infeasible")
        if known:
            best = best._replace(label=start, objective=self.value(start))
        for slots in ways:
            model = _Model(self, slots, lost, leave=lost > 0)
            fitting = slots < 0 or made == slots
            done = model.solve(start if known and fitting else np.full_like(start, -1))
            bound = min(best.bound, done.bound)
            proved = best.proved and done.proved
            better = not np.isnan(done.objective) and not best.objective <= done.objective
            best = Exact(
                done.label if better else best.label,
                done.objective if better else best.objective,
                bound, proved, "feasible",
            )  # fmt: skip
        if np.isnan(best.objective):
            return best._replace(bound=0.0, status="infeasible" if best.proved else "unknown")
        reached = best.bound >= best.objective - _SAME * max(1.0, abs(best.objective))
        if reached and (self.whole or lost == 0 or not self.problem.balance_weight > 0):
            return best._replace(bound=best.objective, proved=True, status="optimal")
        return best._replace(bound=min(best.bound, best.objective), proved=False)

    def value(self, label: Ints) -> float:
        """Objective of the part alone; balance against the mean of the whole where it is given."""
        return score(self.problem, label)

    def districts(self, label: Ints) -> int:
        """Number of districts."""
        return len(np.unique(label[label >= 0]))


class _Done(NamedTuple):
    label: Ints
    objective: float
    bound: float
    proved: bool


class _Model:
    """Columns: place (u, s), open (s,), cut (e,), worst (1,), held (k, s), met (k,), centre."""

    def __init__(self, case: _Case, slots: int, lost: float | None, *, leave: bool) -> None:
        problem, blocks = case.problem, case.blocks
        self.case, self.leave, self.stage = case, leave, "objective" if lost is not None else "left"
        self.centres = problem.compact_weight > 0 and lost is not None
        self.owner = blocks.block[np.flatnonzero(case.part)]
        u = blocks.units
        self.slots = len(self.owner) if self.centres else abs(slots)
        self.place = np.arange(u * self.slots).reshape(u, self.slots)
        self.open = self.place.size + np.arange(self.slots)
        self.columns = self.place.size + self.slots
        self.cost: list[Floats] = [np.zeros(self.columns)]
        self.upper: list[Floats] = [np.ones(self.columns)]
        self.whole: list[NDArray[np.bool_]] = [np.ones(self.columns, bool)]
        self.rows = _Rows()
        self.near = self._neighbours()
        self._seats(slots, lost)
        self._order()
        self._apart()
        self._alone()
        if problem.centre_limit is not None:
            self._within_reach()
        if lost is None:
            self.cost[0][self.place] = -case.worth[:, None]
            self.constant = float(case.worth.sum())
        else:
            self.constant = 0.0
            self._links()
            self._balance(abs(slots), lost)
            self._classes()
            self._walks()

    def _new(
        self, many: int, *, cost: Floats | float = 0.0, upper: float = 1.0, whole: bool = False
    ) -> Ints:
        columns = self.columns + np.arange(many)
        self.columns += many
        self.cost.append(np.broadcast_to(np.asarray(cost, dtype=float), (many,)).copy())
        self.upper.append(np.full(many, upper))
        self.whole.append(np.full(many, whole))
        return columns

    def _neighbours(self) -> list[Ints]:
        case = self.case
        ends = case.blocks.block[case.problem.links]
        ends = ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])]
        both = np.unique(np.r_[ends, ends[:, ::-1]], axis=0).reshape(-1, 2)
        ptr = np.r_[0, np.cumsum(np.bincount(both[:, 0], minlength=case.blocks.units))]
        return [both[a:b, 1] for a, b in pairwise(ptr)]

    def _seats(self, slots: int, lost: float | None) -> None:
        """Each block in one slot, sizes within the bounds, so many districts, so much left out."""
        problem, case = self.case.problem, self.case
        for block in self.place:
            self.rows.add(0.0 if self.leave else 1.0, 1.0, (block, 1.0))
        for s in range(self.slots):
            for j in range(case.size.shape[1]):
                terms = [(self.place[i, s], case.size[i, j]) for i in range(len(self.place))]
                low, high = (problem.low - problem.slack)[j], (problem.high + problem.slack)[j]
                if low > 0:
                    self.rows.add(0.0, _INF, *terms, (self.open[s], -low))
                if np.isfinite(high):
                    self.rows.add(-_INF, 0.0, *terms, (self.open[s], -high))
            for i in range(len(self.place) if slots < 0 or self.centres else 0):
                low = 0.0 if self.centres and i == self.owner[s] else -_INF
                self.rows.add(low, 0.0, (self.place[i, s], 1.0), (self.open[s], -1.0))
            # A district holds something.
            self.rows.add(0.0, _INF, (self.place[:, s], 1.0), (self.open[s], -1.0))
        least = float(slots) if slots > 0 else 0.0
        self.rows.add(least, float(abs(slots)), (self.open, 1.0))
        if self.leave and lost is not None:
            terms = [(self.place[i], float(w)) for i, w in enumerate(case.worth)]
            room = 0.5 if case.whole else 1e-6
            self.rows.add(float(case.worth.sum()) - lost - room, _INF, *terms)
        for members in case.blocks.together:
            for s in range(self.slots):
                for other in members[1:]:
                    pair = self.place[[members[0], other], s]
                    self.rows.add(0.0, 0.0, (pair[0], 1.0), (pair[1], -1.0))

    def _order(self) -> None:
        """Number the slots by their first blocks, far blocks first."""
        u = len(self.place)
        self.ranked = np.arange(u)
        if self.centres:
            return
        self.ranked = _far_first(self.near, self.case.size[:, 0], self.slots)
        for rank, block in enumerate(self.ranked):
            self.upper[0][self.place[block, rank + 1 :]] = 0.0
            for s in range(1, min(rank + 1, self.slots)):
                before = self.place[self.ranked[:rank], s - 1]
                self.rows.add(0.0, _INF, (before, 1.0), (self.place[block, s], -1.0))

    def _apart(self) -> None:
        pairs = self.case.blocks.block[self.case.problem.apart_pairs()].reshape(-1, 2)
        for a, b in np.unique(pairs[(pairs >= 0).all(axis=1)], axis=0):
            for s in range(self.slots):
                self.rows.add(-_INF, 1.0, (self.place[[a, b], s], 1.0))

    def _alone(self) -> None:
        """A block that is too small for a district has a neighbour in its slot."""
        problem = self.case.problem
        small = (self.case.size < problem.low - problem.slack).any(axis=1)
        for block in np.flatnonzero(small):
            for s in range(self.slots):
                beside = self.place[self.near[block], s]
                self.rows.add(0.0, _INF, (beside, 1.0), (self.place[block, s], -1.0))

    def _within_reach(self) -> None:
        """A member from which nobody is beyond the limit."""
        case, problem = self.case, self.case.problem
        units = np.flatnonzero(case.part)
        limit = float(problem.centre_limit or 0.0) * (1 + 1e-12)
        known = sp.csr_array(problem.cost)[units][:, units].tocoo()
        near = np.zeros((len(units), len(units)), bool)
        near[known.row, known.col] = known.data <= limit
        for s in range(self.slots):
            centre = self._new(len(units), whole=True)
            self.rows.add(0.0, 0.0, (centre, 1.0), (self.open[s], -1.0))
            for c, block in enumerate(self.owner):
                self.rows.add(-_INF, 0.0, (centre[c], 1.0), (self.place[block, s], -1.0))
                reached = centre[near[c]]
                self.rows.add(0.0, _INF, (reached, 1.0), (self.place[block, s], -1.0))

    def _links(self) -> None:
        """A link is cut when its ends are in different slots, and neither is left out."""
        case, problem = self.case, self.case.problem
        ends = case.blocks.block[problem.links]
        cost = problem.link_cost
        kept = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1]) & (cost > 0)
        ends = np.sort(ends[kept], axis=1)
        pairs, inverse = np.unique(ends, axis=0, return_inverse=True)
        paid = np.bincount(inverse.ravel(), cost[kept], minlength=len(pairs)).astype(float)
        cut = self._new(len(pairs), cost=paid, whole=True)
        for column, (a, b) in zip(cut, pairs.reshape(-1, 2), strict=True):
            for one, other in ((a, b), (b, a)):
                for s in range(self.slots):
                    terms = [(column, 1.0), (self.place[one, s], -1.0), (self.place[other, s], 1.0)]
                    if self.leave:  # other may be left out: 1 less its places
                        terms[2] = (np.delete(self.place[other], s), -1.0)
                    self.rows.add(-1.0 if self.leave else 0.0, _INF, *terms)

    def _balance(self, count: int, lost: float) -> None:
        case, problem = self.case, self.case.problem
        if not problem.balance_weight > 0:
            return
        first = case.size[:, 0]
        total = float(first.sum())
        if lost > 0 and case.whole:
            total -= float(lost // (len(problem.size) + 1))
        mean = problem.mean if problem.mean is not None else total / count
        if not mean > 0:
            return
        worst = self._new(1, cost=problem.balance_weight, upper=_INF)
        for s in range(self.slots):
            terms = [(self.place[i, s], size / mean) for i, size in enumerate(first)]
            self.rows.add(-_INF, 0.0, *terms, (self.open[s], -1.0), (worst, -1.0))
            self.rows.add(0.0, _INF, *terms, (self.open[s], -1.0), (worst, 1.0))

    def _classes(self) -> None:
        case = self.case
        for weight, of_unit in case.problem.split_classes:
            known = case.part & (of_unit >= 0)
            for name in np.unique(of_unit[known]):
                members = np.unique(case.blocks.block[known & (of_unit == name)])
                held = self._new(self.slots, cost=float(weight))
                for s in range(self.slots):
                    for block in members:
                        self.rows.add(0.0, _INF, (held[s], 1.0), (self.place[block, s], -1.0))
                met = self._new(1, cost=-float(weight))
                self.rows.add(-_INF, 0.0, (met, 1.0), (self.place[members].ravel(), -1.0))

    def _walks(self) -> None:
        """A slot for each centre: who has no way there is not in it."""
        if not self.centres:
            return
        case, problem = self.case, self.case.problem
        units = np.flatnonzero(case.part)
        known = sp.csr_array(problem.cost)[units][:, units].tocoo()
        paid, ways = np.zeros(self.place.shape), np.zeros(self.place.shape)
        value = known.data * problem.size[units, 0][known.row] * problem.compact_weight
        np.add.at(paid, (self.owner[known.row], known.col), value)
        np.add.at(ways, (self.owner[known.row], known.col), 1)
        members = np.bincount(self.owner, minlength=len(self.place))
        self.cost[0][self.place] += paid
        self.upper[0][self.place[ways < members[:, None]]] = 0.0

    # --- solving

    def solve(self, start: Ints) -> _Done:
        """Solve, cut off what is not connected, and so on until it is."""
        solver = self._pass(start)
        bound = -np.inf
        best = _Done(np.full_like(start, -1), np.nan, bound, False)
        while True:
            solver.setOptionValue("time_limit", max(0.05, self.case.deadline - time.monotonic()))
            solver.run()
            status = solver.getModelStatus()
            if status == highspy.HighsModelStatus.kInfeasible:
                return best._replace(bound=np.inf, proved=True)
            info = solver.getInfo()
            bound = max(bound, float(info.mip_dual_bound))
            done = status == highspy.HighsModelStatus.kOptimal
            values = np.array(solver.getSolution().col_value)
            if len(values) < self.columns or info.primal_solution_status != 2:
                return best._replace(bound=bound + self.constant)
            seats = values[self.place] > 0.5
            cuts = self._torn(seats)
            if not cuts:
                best = self._told(seats, bound)
                return best._replace(proved=done and best.proved)
            if not done or time.monotonic() > self.case.deadline:
                return best._replace(bound=bound + self.constant)
            more = _Rows()
            for low, high, terms in cuts:
                more.add(low, high, *terms)
            _add_rows(solver, more)
            self._start_from(solver, start)

    def _told(self, seats: NDArray[np.bool_], bound: float) -> _Done:
        """Return labels; not proved when rounding has them miss a bound."""
        case, problem = self.case, self.case.problem
        label = np.full(len(case.part), -1, np.int64)
        of = np.where(seats.any(axis=1), seats.argmax(axis=1), -1)
        label[case.part] = of[case.blocks.block[case.part]]
        total = sums(case.size, of, self.slots)[np.unique(of[of >= 0])]
        kept = (total >= problem.low - problem.slack) & (total <= problem.high + problem.slack)
        if not kept.all():
            return _Done(np.full_like(label, -1), np.nan, bound + self.constant, False)
        if self.stage == "left":
            return _Done(label, bound + self.constant, bound + self.constant, True)
        return _Done(label, case.value(label), bound + self.constant, True)

    def _pass(self, start: Ints) -> Any:
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (
            ("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0), ("random_seed", 1),
            ("mip_abs_gap", 0.4 if self.stage == "left" and self.case.whole else 1e-7),
            ("mip_heuristic_effort", 0.05),
        ):  # fmt: skip
            solver.setOptionValue(name, value)
        many, none = self.columns, np.zeros(0, np.int32)
        zero = np.zeros(many, np.int32)
        solver.addCols(
            many, np.concatenate(self.cost), np.zeros(many), np.concatenate(self.upper),
            0, zero, none, np.zeros(0),
        )  # fmt: skip
        whole = np.flatnonzero(np.concatenate(self.whole)).astype(np.int32)
        kinds = np.array([highspy.HighsVarType.kInteger] * len(whole))
        solver.changeColsIntegrality(len(whole), whole, kinds)
        _add_rows(solver, self.rows)
        self._start_from(solver, start)
        return solver

    def _start_from(self, solver: Any, start: Ints) -> None:
        """Give HiGHS the places of a plan that is known."""
        placed = start >= 0
        if self.centres or not placed.any():
            return
        of = np.full(len(self.place), -1, np.int64)
        of[self.case.blocks.block[self.case.part & placed]] = start[self.case.part & placed]
        slot: dict[int, int] = {}
        for block in self.ranked:
            if of[block] >= 0:
                slot.setdefault(int(of[block]), len(slot))
        values = np.zeros(self.place.size)
        for one, district in enumerate(of.tolist()):
            if district >= 0 and slot[district] < self.slots:
                values[self.place[one, slot[district]]] = 1.0
        solver.setSolution(self.place.size, np.arange(self.place.size, dtype=np.int32), values)

    # --- what hangs together

    def _torn(self, seats: NDArray[np.bool_]) -> list[tuple[float, float, list[tuple[Any, float]]]]:
        """Rows that cut off the pieces of districts that are not connected, for every slot."""
        cuts = []
        for s in range(self.slots):
            pieces = _pieces(np.flatnonzero(seats[:, s]), self.near)
            if len(pieces) < 2:
                continue
            heavy = sorted(pieces, key=lambda p: -float(self.case.size[p, 0].sum()))
            root = int(heavy[0][self.case.size[heavy[0], 0].argmax()])
            if self.centres:
                root = int(self.owner[s])
                heavy = [p for p in pieces if root in p] + [p for p in pieces if root not in p]
            for piece in heavy[1:]:
                other = int(piece[self.case.size[piece, 0].argmax()])
                between = self._separator(root, heavy[0], other)
                slots = [s] if self.centres else range(self.slots)
                for t in slots:
                    terms: list[tuple[Any, float]] = [(self.place[between, t], 1.0)]
                    if self.centres:
                        terms.append((self.place[other, t], -1.0))
                        cuts.append((0.0, _INF, terms))
                    else:
                        terms.append((self.place[[root, other], t], -1.0))
                        cuts.append((-1.0, _INF, terms))
        return cuts

    def _separator(self, root: int, piece: list[int], other: int) -> list[int]:
        """Blocks without which ``other`` is not reached from ``root`` within the upper bound."""
        inside = set(piece)
        edge = {int(v) for w in piece for v in self.near[w]} - inside
        # Only what lies towards the other side.
        far, front = {other}, [other]
        while front:
            here = front.pop()
            for v in self.near[here]:
                if int(v) not in far:
                    far.add(int(v))
                    if int(v) not in edge:
                        front.append(int(v))
        kept = edge & far
        for v in sorted(kept, key=lambda w: -float(self.case.size[w, 0])):
            if not self._reaches(root, other, kept - {v}):
                kept = kept - {v}
        return sorted(kept)

    def _reaches(self, root: int, other: int, shut: set[int]) -> bool:
        """Whether a district could hold both without any of ``shut``, by its first size."""
        size, high = self.case.size[:, 0], float(self.case.problem.high[0])
        high += float(self.case.problem.slack[0])
        least = {root: float(size[root])}
        front = [(least[root], root)]
        while front:
            front.sort(reverse=True)
            far, here = front.pop()
            if here == other:
                return True
            for v in self.near[here]:
                total = far + float(size[v])
                if int(v) not in shut and total <= high and total < least.get(int(v), np.inf):
                    least[int(v)] = total
                    front.append((total, int(v)))
        return False


def _add_rows(solver: Any, rows: _Rows) -> None:
    solver.addRows(
        len(rows.low), np.array(rows.low), np.array(rows.high), len(rows.index),
        np.array(rows.start, np.int32), np.array(rows.index, np.int32), np.array(rows.value),
    )  # fmt: skip


def _pieces(members: Ints, near: list[Ints]) -> list[list[int]]:
    left = {int(v) for v in members}
    pieces = []
    while left:
        front = [min(left)]
        left.discard(front[0])
        piece = list(front)
        while front:
            more = [int(v) for v in near[front.pop()] if int(v) in left]
            left.difference_update(more)
            front.extend(more)
            piece.extend(more)
        pieces.append(sorted(set(piece)))
    return pieces


def _far_first(near: list[Ints], size: Floats, slots: int) -> Ints:
    """Order blocks so that each is far from those before it: they are likely to be parted."""
    u = len(near)
    row = np.repeat(np.arange(u), [len(v) for v in near])
    column = np.concatenate([*near, np.zeros(0, np.int64)]).astype(np.int64)
    graph = sp.csr_array((np.ones(len(row)), (row, column)), shape=(u, u))
    hops = sp.csgraph.shortest_path(graph, directed=False, unweighted=True)
    hops[~np.isfinite(hops)] = u
    order = [int(size.argmax())]
    nearest = hops[order[0]].copy()
    while len(order) < u:
        rank = nearest + (0.0 if len(order) < slots else 0.01) * size / max(size.max(), 1e-300)
        rank[order] = -1.0
        order.append(int(rank.argmax()))
        nearest = np.minimum(nearest, hops[order[-1]])
    return np.array(order, dtype=np.int64)
