"""What is left of a covering problem once everything that is settled is taken out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gis.siting.presolve import Cover, cover_of, group, useless_cols
from gis.siting.problem import Bools, Floats, Ints, Problem


@dataclass(frozen=True, eq=False)
class Case:
    """Rows not yet covered, columns that may still be opened.

    ``site`` (c,) the site of each column, ``price`` (c,), ``club`` (c,): of columns with an equal
    number at most one. At most ``count`` columns for at most ``money``. ``settled`` (m,): sites
    that are open in any case; they cover ``had`` people and cost ``spent`` beyond what is forced.
    """

    cover: Cover
    site: Ints
    price: Floats
    club: Ints
    count: int
    money: float
    settled: Bools
    had: float
    spent: float
    whole: bool

    @property
    def slots(self) -> tuple[Ints, int]:
        """(c,) of each column its club, or a number of its own; and how many numbers there are."""
        club = self.club
        if not (club >= 0).any():
            return np.arange(len(club)), len(club)
        own = np.where(club >= 0, club, int(club.max(initial=-1)) + 1 + np.arange(len(club)))
        numbers, slot = np.unique(own, return_inverse=True)
        return slot.astype(np.int64), len(numbers)

    def opened(self, columns: Bools) -> Bools:
        """(m,) the sites that are open with these columns."""
        out = self.settled.copy()
        out[self.site[columns]] = True
        return out

    def columns_of(self, open_: Bools) -> Bools:
        """(c,) the columns among open sites."""
        chosen: Bools = open_[self.site]
        return chosen

    def settle(self, inside: Bools, outside: Bools) -> tuple[Case, Bools]:
        """Open some columns for good and drop others; also returns the (r,) rows that remain."""
        cover = self.cover
        settled = self.settled.copy()
        settled[self.site[inside]] = True
        full = np.isin(self.club, self.club[inside & (self.club >= 0)]) & (self.club >= 0)
        money = self.money - float(self.price[inside].sum())
        kept = ~(inside | outside | full) & (self.price <= money)
        covered = np.zeros(cover.rows, bool)
        covered[cover.row[np.repeat(inside, np.diff(cover.col_at))]] = True
        case = replace(
            self, cover=cover.part(~covered, kept), site=self.site[kept], price=self.price[kept],
            club=clubs_of(self.club[kept]),
            count=min(self.count - int(inside.sum()), int(kept.sum())),
            money=money, settled=settled, had=self.had + float(cover.weight[covered].sum()),
            spent=self.spent + float(self.price[inside].sum()),
        )  # fmt: skip
        return case, ~covered


def case_of(problem: Problem, *, people: bool) -> Case:
    """Return what is left to decide; with ``people``, rows of nobody or out of reach are dropped.

    Equal rows are merged. Rows that no column covers stay where all have to be covered.
    """
    free = problem.free & ~_excluded(problem)
    pairs, n = problem.pairs, problem.demands
    forced = problem.forced[pairs.site]
    row = pairs.demand
    covered = np.zeros(n, bool)
    covered[row[forced]] = True
    kept_pair = free[pairs.site] & ~covered[row]
    kept = ~covered
    if people:
        reached = np.zeros(n, bool)
        reached[row[kept_pair]] = True
        kept &= reached & (problem.demand > 0)
        kept_pair &= kept[row]
    site = np.flatnonzero(free)
    place = np.cumsum(free) - 1
    upto = np.r_[0, np.cumsum(kept_pair)]
    lengths = np.diff(upto[pairs.first])[kept]
    first = np.r_[0, np.cumsum(lengths)].astype(np.int64)
    cover = cover_of(first, place[pairs.site[kept_pair]], len(site), problem.demand[kept])
    left = len(site) if problem.left is None else min(problem.left, len(site))
    money = problem.money + problem.slack(problem.budget or 0.0)
    return Case(
        cover=group(cover)[0], site=site, price=problem.site_cost[site],
        club=clubs_of(problem.one_of[site]),
        count=left, money=money, settled=problem.forced.copy(),
        had=float(problem.demand[covered].sum()), spent=0.0,
        whole=bool((problem.demand == np.rint(problem.demand)).all()),
    )  # fmt: skip


def clubs_of(number: Ints) -> Ints:
    """Return numbers from 0 for what occurs twice or more, in place of numbers of any size."""
    club = np.full(len(number), -1, np.int64)
    some = np.flatnonzero(number >= 0)
    if len(some):
        _, place, times = np.unique(number[some], return_inverse=True, return_counts=True)
        rank = np.where(times > 1, np.cumsum(times > 1) - 1, -1)
        club[some] = rank[place]
    return club


def without_useless(case: Case) -> Case:
    """Drop columns in whose place another one does as much for no more."""
    useless = useless_cols(case.cover, case.price, case.club)
    if not useless.any():
        return case
    none = np.zeros(len(useless), bool)
    smaller, _ = case.settle(none, useless)
    return replace(smaller, cover=group(smaller.cover)[0])


def _excluded(problem: Problem) -> Bools:
    """Sites of whose group another one is open in any case."""
    taken = problem.one_of[problem.forced & (problem.one_of >= 0)]
    out: Bools = np.isin(problem.one_of, taken) & (problem.one_of >= 0)
    return out
