"""Cover everybody with the fewest or cheapest sites (LSCP): reduce, search, bound, prove.

What is implied is taken out first (rows covered whenever others are, sites that others outdo, the
only site in somebody's reach); what is left falls into parts that do not touch. The bound is that
of Lagrange, then that of the linear relaxation, tightened by cuts, then that of HiGHS, part by part
(Caprara, Fischetti, Toth 1999, with the search of Gao, Weise, Li 2015).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from gis.siting.answer import Found
from gis.siting.cover.case import Case, case_of, clubs_of
from gis.siting.cover.fewest_search import greedy_all, relax_all, search_all
from gis.siting.cover.tighten import Cuts, Relaxation, club_rows, find_cuts, no_cuts
from gis.siting.mip import Mip, grain_of, solve_mip
from gis.siting.presolve import implied_rows, useless_cols
from gis.siting.problem import Bools, Floats, Ints, Problem

_SAFE: Final = 2e-10
_CHUNK: Final = 50
_LEAST_FACTOR: Final = 2e-3
_STEPS: Final = 4_000
_MOST_STEPS: Final = 2_000_000
_SHARE_OF_SEARCH: Final = 0.15
_STEPS_EACH: Final = 3_000
_SMALL: Final = 100
_SHARE_OF_CUTS: Final = 0.6
_FIRST_WINDOW: Final = 20
_LAST_WINDOW: Final = 32
_WINDOW_STEP: Final = 4
_LEAST_GAIN: Final = 0.02
_SMALLER: Final = 0.95
_STEPS_AGAIN: Final = 200_000
_PATIENCE: Final = 2
_HALF: Final = 0.5
_NOTHING: Final = "no choice of sites meets all limits together"


@dataclass
class _Search:
    """The cheapest choice so far, and the bound; both without what is forced."""

    seed: int
    grain: float
    open: Bools | None
    value: float
    bound: float

    def raise_to(self, bound: float) -> None:
        """Keep a bound if it is better."""
        self.bound = max(self.bound, min(whole_above(bound, self.grain), self.value))

    def take(self, open_: Bools, value: float) -> None:
        """Keep a choice if it is better."""
        if value < self.value - 1e-9 * max(1.0, abs(value)):
            self.open, self.value = open_, value

    @property
    def closed(self) -> bool:
        """Whether nothing better can be found."""
        return self.bound >= self.value - 1e-9 * max(1.0, abs(self.value))


def whole_above(bound: float, grain: float) -> float:
    """Lower a bound by what rounding may have added; raise it to the next multiple of a grain."""
    if not np.isfinite(bound):
        return bound
    lower = bound - _SAFE * max(1.0, abs(bound))
    return float(np.ceil(lower / grain - 1e-9) * grain) if grain > 0 else lower


def cover_everybody(problem: Problem, deadline: float) -> Found:
    """Cover all demands with the fewest or cheapest sites, without capacities."""
    paid = float(problem.site_cost[problem.required].sum())
    grain = grain_of(problem.site_cost[problem.free])
    case = reduce(case_of(problem, people=False))
    if case is None:
        return Found(problem.forced.copy(), np.nan, exists=False, reason=_NOTHING)
    search = _Search(problem.seed, grain, None, np.inf, case.spent)
    if case.cover.rows == 0:
        return Found(needful(problem, case.settled), paid + case.spent)
    _improve(search, case, deadline)
    if search.open is None:
        if search.bound == np.inf:
            return Found(problem.forced.copy(), np.nan, exists=False, reason=_NOTHING)
        reason = "time ran out before any choice was found"
        return Found(problem.forced.copy(), np.nan, exists=None, reason=reason)
    search.open = needful(problem, search.open)
    value = float(problem.site_cost[search.open & ~problem.given].sum())
    bound = value if search.closed else min(value, paid + search.bound)
    return Found(search.open, bound)


def needful(problem: Problem, open_: Bools) -> Bools:
    """Close sites without which all that are covered still are, the dearest first."""
    open_ = open_.copy()
    pairs = problem.pairs
    times = np.bincount(pairs.demand[open_[pairs.site]], minlength=problem.demands)
    rows, first = problem.by_site.indices, problem.by_site.indptr
    free = np.flatnonzero(open_ & problem.free)
    for j in free[np.argsort(-problem.site_cost[free], kind="stable")].tolist():
        some = rows[first[j] : first[j + 1]]
        if (times[some] > 1).all():
            open_[j] = False
            times[some] -= 1
    return open_


def reduce(case: Case) -> Case | None:
    """Take out what is implied, again and again; None: some row cannot be covered."""
    while True:
        cover = case.cover
        if (np.diff(cover.row_at) == 0).any():
            return None
        rows = ~implied_rows(cover)
        case = replace(case, cover=cover.part(rows, np.ones(cover.cols, bool)))
        cover = case.cover
        inside = np.zeros(cover.cols, bool)
        inside[cover.col[cover.row_at[:-1][np.diff(cover.row_at) == 1]]] = True
        clubs = case.club[inside & (case.club >= 0)]
        if len(clubs) != len(np.unique(clubs)):
            return None
        outside = useless_cols(cover, case.price, case.club) & ~inside
        if not inside.any() and not outside.any():
            return case
        case, _ = case.settle(inside, outside)


def _arrays(case: Case) -> tuple[Any, Any, Any, Any]:
    cover = case.cover
    return cover.row_at, cover.col, cover.col_at, cover.row


def _improve(search: _Search, case: Case, deadline: float) -> None:
    _first(search, case)
    _look(search, case, _STEPS)
    paid = _relax(search, case, deadline)
    begin = time.monotonic()
    if search.closed or begin >= deadline:
        return
    smaller = _settle(search, case, paid)
    if smaller is None or search.closed:
        return
    case = smaller
    _look_for(search, case, begin + _SHARE_OF_SEARCH * (deadline - begin))
    if search.closed or time.monotonic() >= deadline:
        return
    now = time.monotonic()
    tight = _tighten(search, case, now + _SHARE_OF_CUTS * (deadline - now))
    if tight is not None:
        _by_parts(search, *tight, deadline)


def _first(search: _Search, case: Case) -> None:
    columns = greedy_all(*_arrays(case), case.price, case.club, np.ones(case.cover.rows))
    if covers(case, columns):
        search.take(case.opened(columns), case.spent + float(case.price[columns].sum()))


def covers(case: Case, columns: Bools) -> bool:
    """Whether every row is covered."""
    cover = case.cover
    held = cover.row[np.repeat(columns, np.diff(cover.col_at))]
    return bool((np.bincount(held, minlength=cover.rows) > 0).all())


def _look(
    search: _Search, case: Case, steps: int, turn: int = 0, start: Bools | None = None
) -> None:
    """Search by weights for some steps, from some columns or else from the best choice."""
    if start is None:
        none = np.zeros(case.cover.cols, bool)
        start = none if search.open is None else case.columns_of(search.open)
    best = np.zeros(len(start), bool)
    known = min(search.value - case.spent, 1e300)
    value = search_all(
        *_arrays(case), case.price, case.club, start, known, steps, search.seed + turn, best
    )
    if value < known and covers(case, best):
        search.take(case.opened(best), case.spent + float(case.price[best].sum()))


def _look_for(search: _Search, case: Case, until: float) -> None:
    """Search on, as long as it helps: a small case is soon left to the proof."""
    turn, idle, steps = 0, 0, _STEPS
    while time.monotonic() < until and not search.closed:
        begin, turn, before = time.monotonic(), turn + 1, search.value
        _look(search, case, steps, turn)
        idle = idle + steps if search.value == before else 0
        if idle >= max(_STEPS, _STEPS_EACH * (case.cover.cols - _SMALL)):
            break
        rate = steps / max(1e-6, time.monotonic() - begin)
        steps = int(min(2 * steps, _MOST_STEPS, max(1000, rate * (until - time.monotonic()))))


def _relax(search: _Search, case: Case, deadline: float) -> Floats:
    """Raise the bound; returns what the rows pay in the best one."""
    cover = case.cover
    each = case.price / np.maximum(1, np.diff(cover.col_at))
    paid = np.minimum.reduceat(each[cover.col], cover.row_at[:-1])
    best, way = paid.copy(), np.zeros(len(paid))
    state = np.array([-1e300, 1.0, 0.0])
    slot, slots = case.slots
    known = search.value if np.isfinite(search.value) else case.spent + float(case.price.sum())
    while state[1] > _LEAST_FACTOR and not search.closed:
        before = state[0]
        relax_all(
            *_arrays(case), case.price, slot, slots, paid, state, known - case.spent, _CHUNK,
            best, way,
        )  # fmt: skip
        if state[0] > before:
            search.raise_to(clean_bound(case, best)[0] + case.spent)
        if time.monotonic() >= deadline or state[0] >= known - case.spent:
            break
    return best


def clean_bound(
    case: Case, paid: Floats, more: tuple[Any, Floats, Floats] | None = None
) -> tuple[float, Floats]:
    """Return the bound by what rows pay, computed anew, and what is left of each price.

    ``more``: (k, c) rows of cuts, what they have at least, and what they pay.
    """
    cover = case.cover
    paid = np.maximum(paid, 0.0)
    got = np.bincount(cover.col, np.repeat(paid, np.diff(cover.row_at)), minlength=cover.cols)
    total = float(paid.sum())
    large = total
    if more is not None:
        worth = np.maximum(more[2], 0.0)
        got = got + more[0].T @ worth
        total += float(more[1] @ worth)
        large += float(np.abs(more[1]) @ worth)
    rest = case.price - got
    slot, slots = case.slots
    least = np.zeros(slots)
    np.minimum.at(least, slot, rest)
    return total + float(least.sum()) - 1e-12 * (large + float(got.sum())), rest


def _settle(
    search: _Search, case: Case, paid: Floats, more: tuple[Any, Floats, Floats] | None = None
) -> Case | None:
    """Drop or open for good what no cheaper choice can have otherwise; None: there is none."""
    bound, rest = clean_bound(case, paid, more)
    bound += case.spent
    slot, slots = case.slots
    least = np.zeros(slots)
    np.minimum.at(least, slot, rest)
    picked = np.zeros(len(rest), bool)
    champions = np.flatnonzero((rest == least[slot]) & (rest < 0))
    _, first = np.unique(slot[champions], return_index=True)
    picked[champions[first]] = True
    second = np.zeros(slots)
    np.minimum.at(second, slot[~picked], np.minimum(rest[~picked], 0.0))
    most = search.value - (search.grain * (1 - 1e-6) if search.grain > 0 else 0.0)
    safe = _SAFE * max(1.0, abs(bound))
    outside = ~picked & (bound + rest - least[slot] - safe > most)
    inside = picked & (bound - least[slot] + second[slot] - safe > most)
    clubs = case.club[inside & (case.club >= 0)]
    if len(clubs) == len(np.unique(clubs)):
        smaller, _ = case.settle(inside, outside)
        reduced = reduce(smaller)
        if reduced is not None and not (reduced.cover.rows == 0 and reduced.spent >= search.value):
            if reduced.cover.rows == 0:
                search.take(reduced.settled, reduced.spent)
                search.raise_to(search.value)
            return reduced
    search.raise_to(search.value)
    return None


def _tighten(search: _Search, case: Case, deadline: float) -> tuple[Case, Cuts] | None:
    """Raise the bound by cuts, from larger windows once it rises little; None: all is settled."""
    cuts = no_cuts(len(case.settled))
    relaxation, size, idle, before = Relaxation(case, cuts), _FIRST_WINDOW, 0, -np.inf
    for turn in count(1):
        answer = relaxation.solve(deadline)
        if answer is None:
            return case, cuts
        more = (*cuts.of(case), answer.worth)
        bound, rest = clean_bound(case, answer.paid, more)
        bound += case.spent
        search.raise_to(bound)
        smaller = None if search.closed else _settle(search, case, answer.paid, more)
        if smaller is None:
            return None
        idle = idle + 1 if bound - before < _LEAST_GAIN * (search.value - bound) else 0
        before = bound
        if idle == _PATIENCE:
            idle, size = 0, size + _WINDOW_STEP
            _look(search, case, _STEPS_AGAIN, turn, answer.open > _HALF)
        enough = size > _LAST_WINDOW or smaller.cover.cols <= _SMALL
        if enough or search.closed or time.monotonic() >= deadline:
            return smaller, cuts
        if smaller.cover.cols < _SMALLER * case.cover.cols:
            case, cuts = smaller, cuts.part(answer.worth > 0)
            relaxation = Relaxation(case, cuts)
            continue
        new = find_cuts(case, answer.open, rest, size, turn, deadline)
        size += 0 if len(new.least) else _WINDOW_STEP
        relaxation.add(new)
        cuts = cuts.joined(new)
    raise AssertionError  # count never ends


def parts_of(case: Case) -> list[tuple[Ints, Ints]]:
    """Return rows and columns of each part that touches no other, the smallest first."""
    cover = case.cover
    n, m = cover.rows, cover.cols
    slot, slots = case.slots
    a = np.r_[cover.row_of, n + np.arange(m)]
    b = np.r_[n + cover.col, n + m + slot]
    size = n + m + slots
    graph = sp.coo_array((np.ones(len(a)), (a, b)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    of_row, of_col = label[:n], label[n : n + m]
    found = [(np.flatnonzero(of_row == k), np.flatnonzero(of_col == k)) for k in np.unique(of_row)]
    return sorted(found, key=lambda part: len(part[1]))


def _by_parts(search: _Search, case: Case, cuts: Cuts, deadline: float) -> None:
    """Decide each part with HiGHS; what is proved of all of them adds up."""
    if case.cover.rows == 0:
        return
    known = None if search.open is None else case.columns_of(search.open)
    columns, bound, complete = np.zeros(case.cover.cols, bool), case.spent, True
    for rows, cols in parts_of(case):
        some_rows, some_cols = np.zeros(case.cover.rows, bool), np.zeros(case.cover.cols, bool)
        some_rows[rows], some_cols[cols] = True, True
        part = replace(
            case, cover=case.cover.part(some_rows, some_cols), price=case.price[cols],
            club=clubs_of(case.club[cols]), site=case.site[cols],
        )  # fmt: skip
        start = None if known is None else known[cols]
        values, least = _solve_part(part, case.site, cuts, start, search, deadline)
        bound += least
        if values is None:
            complete = False
        else:
            columns[cols] = values
    if complete and covers(case, columns):
        search.take(case.opened(columns), case.spent + float(case.price[columns].sum()))
    # Sites that were settled are those that no cheaper choice has otherwise.
    search.raise_to(min(bound, search.value))


def _solve_part(
    part: Case, left: Ints, cuts: Cuts, start: Bools | None, search: _Search, deadline: float
) -> tuple[Bools | None, float]:
    rows, low, high = club_rows(part)
    cut_rows, least_of = cuts.of(part)
    # A cut across parts says nothing of one of them.
    alone = (least_of > 0) & (cut_rows.sum(axis=1) == cuts.rows[:, left].sum(axis=1))
    if alone.any():
        rows = sp.vstack([rows, cut_rows[np.flatnonzero(alone)]], format="csr")
        low, high = np.r_[low, least_of[alone]], np.r_[high, np.full(int(alone.sum()), np.inf)]
    m = part.cover.cols
    grain = grain_of(part.price)
    unit = grain if grain > 0 else 1.0
    price = np.rint(part.price / unit) if grain > 0 else part.price
    mip = Mip(price, np.zeros(m), np.ones(m), np.ones(m, bool), rows, low, high, grain > 0)
    begin = start.astype(float) if start is not None and covers(part, start) else None
    solved = solve_mip(mip, deadline, seed=search.seed, start=begin)
    least = solved.bound * unit if solved.bound > -np.inf else 0.0
    if solved.values is None:
        return (start if begin is not None else None), least
    return solved.values > 0.5, least
