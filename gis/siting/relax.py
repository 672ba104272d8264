"""When not all can be served: who is out of reach, and the least change that would serve them.

Each change is alone enough, everything else staying as asked, and is tried by asking again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from gis.siting.answer import Siting
from gis.siting.locate import impossible, locate
from gis.siting.problem import Bools, Floats, Ints, Problem, matrix_of, read_problem

Kind = Literal["unreachable", "limit", "count", "budget", "capacity"]
Live = Callable[[int, int], bool]
"""Called with the changes tried and all of them; False ends the search there."""

_LEAST_S: Final = 0.05
_FINE: Final = 1e-3
_MOST_STEPS: Final = 40
_NAMED: Final = 5


@dataclass(frozen=True, eq=False)
class Relaxation:
    """One change with which all can be served, or those who cannot be whatever is chosen.

    ``kind`` "unreachable": ``rows`` are out of reach of every site that may be open, each needs a
    limit of ``needs`` (inf: there is no way at all). Else ``old`` has to become ``new`` to serve
    ``rows``, which are all but the unreachable ones; below ``least`` it is proved not to do, and
    ``proved`` says that this is ``new`` itself (for a capacity factor: to a thousandth).
    ``unit``: of both. ``siting``: the answer with the change, checked.
    """

    kind: Kind
    rows: Ints
    needs: Floats
    old: float
    new: float
    least: float
    unit: str
    proved: bool
    words: str
    siting: Siting | None = None


def smallest_relaxations(
    cost: Any,
    demand: ArrayLike,
    *,
    model: str,
    count: int | None = None,
    limit: float | None = None,
    capacity: ArrayLike | None = None,
    required: Sequence[int] = (),
    given: Sequence[int] = (),
    closed: Sequence[int] = (),
    site_cost: ArrayLike | None = None,
    budget: float | None = None,
    share: float | None = None,
    one_of: ArrayLike | None = None,
    seed: int = 0,
    unit: str = "m",
    money: str = "yuan",
    time_limit_s: float = 60.0,
    live: Live | None = None,
) -> tuple[Relaxation, ...]:
    """Return what would have to change for all to be served; nothing where all are.

    Parameters
    ----------
    unit, money
        Units of ``cost`` and of ``site_cost``, for the words.
    time_limit_s
        Shared by the changes that are tried.
    live
        Called before each change with those tried and all; False ends the search.

    Others as `gis.siting.locate` has them; ``cost`` should hold pairs beyond the limit, or no limit
    can be told. For "mclp" too all are to be served; with ``share``, as many as it asks for.

    Returns
    -------
    relaxations
        Those out of reach first (rows without any way, then rows beyond the limit), then the
        smallest limit, number of sites, budget and factor of all capacities that is enough. One
        that cannot be enough, or for which time ran out, is not there.
    """
    asked: dict[str, Any] = {
        "count": count, "limit": limit, "capacity": capacity, "required": required,
        "given": given, "closed": closed, "site_cost": site_cost, "budget": budget,
        "share": share, "one_of": one_of, "seed": seed,
    }  # fmt: skip
    problem = read_problem(cost, demand, model=model, time_limit_s=time_limit_s, **asked)
    search = _Search(matrix_of(cost), problem, asked, unit, money)
    return tuple(search.run(time.monotonic() + time_limit_s, live))


class _Search:
    def __init__(
        self, matrix: Any, problem: Problem, asked: dict[str, Any], unit: str, money: str
    ) -> None:
        self.matrix, self.problem, self.asked = matrix, problem, asked
        self.unit, self.money = unit, money
        usable = ~np.isin(np.arange(problem.sites), list(asked["closed"]))
        kept = np.where(usable[matrix.indices], matrix.data, np.inf)
        self.nearest = np.full(problem.demands, np.inf)
        some = np.diff(matrix.indptr) > 0
        if some.any():
            self.nearest[some] = np.minimum.reduceat(kept, matrix.indptr[:-1][some])
        self.limit = np.inf if problem.limit is None else problem.limit
        self.partial = problem.model == "lscp" and problem.share < 1.0
        self.until = 0.0
        self.firm = False  # whether it is proved that not all can be served as asked

    def run(self, deadline: float, live: Live | None) -> Iterator[Relaxation]:
        if any(len(rows[self.problem.forced[rows]]) > 1 for rows in self.problem.exclusive):
            return  # sites that exclude each other have to be open: no figure mends that
        steps: list[Callable[[], Relaxation | None]] = []
        if self.problem.limit is not None:
            steps.append(self._limit)
        if self.problem.count is not None and self.problem.model != "lscp":
            steps.append(self._count)
        if self.problem.budget is not None:
            steps.append(self._budget)
        if self.problem.capacity is not None:
            steps.append(self._capacity)
        self._share_out(deadline, len(steps) + 1)
        if self._is_met():
            return
        yield from self._unreachable()
        if self._others_are_met():
            steps = [step for step in steps if step == self._limit]
        for done, step in enumerate(steps):
            if live is not None and not live(done, len(steps)):
                return
            self._share_out(deadline, len(steps) - done)
            found = step()
            if found is not None:
                yield found

    def _share_out(self, deadline: float, parts: int) -> None:
        now = time.monotonic()
        self.until = now + max(deadline - now, 0.0) / parts

    # --- questions

    def _ask(self, rows: Ints, model: str, **change: Any) -> Siting:
        """Ask about some rows, with something changed; each time for half of what time is left."""
        seconds = max((self.until - time.monotonic()) / 2, _LEAST_S)
        options = {**self.asked, **change}
        if model != "lscp":
            options["share"] = None
        else:
            options |= {"count": None, "budget": None}
        who = self.problem.demand[rows] if "demand" not in options else options.pop("demand")
        return locate(self.matrix[rows], who, model=model, time_limit_s=seconds, **options)

    def _is_met(self) -> bool:
        """Whether all are served as asked."""
        if impossible(self.problem):
            return False
        served, self.firm = self._all_served(np.arange(self.problem.demands))
        return served is not None

    def _others_are_met(self) -> bool:
        """Whether all but those out of reach are served as asked."""
        rows = self._kept(self.limit)
        if not self.problem.demand[rows].any():
            return False
        if len(rows) < self.problem.demands or impossible(self.problem):
            served, self.firm = self._all_served(rows)
            return served is not None
        return False

    def _all_served(self, rows: Ints, **change: Any) -> tuple[Siting | None, bool]:
        """Return a choice that serves these rows, if there is one; and whether that is sure."""
        if self.problem.model == "lscp":
            found = self._ask(rows, "lscp", **change)
            sure = found.status != "unknown"
            return (found if np.isfinite(found.objective) else None), sure
        if self.problem.capacity is None:  # rows of 0 people have to be served too
            found = self._ask(rows, "mclp", **change, demand=np.ones(len(rows)))
            if (found.assignment >= 0).all():
                return found, True
            return None, found.status == "infeasible" or found.bound < len(rows) - 0.5
        found = self._ask(rows, "p-center", **change)
        return (found if np.isfinite(found.objective) else None), found.status != "unknown"

    def _answer(self, rows: Ints, known: Siting, **change: Any) -> Siting | None:
        """Ask the question itself with the change; None unless all are then served.

        ``known`` is a choice that serves all; where the search does not come as far in its time,
        its sites are required.
        """
        for required in (self.asked["required"], known.chosen.tolist()):
            found = self._ask(rows, self.problem.model, **change, required=required)
            served = found.assignment >= 0
            if np.isfinite(found.objective) and (self.partial or served.all()):
                return found
        everybody, _ = self._all_served(rows, **change, required=known.chosen.tolist())
        return everybody

    # --- changes

    def _unreachable(self) -> Iterator[Relaxation]:
        no_way = np.flatnonzero(np.isinf(self.nearest))
        if len(no_way):
            yield self._out_of_reach(no_way, "no site that may be open can be reached")
        far = np.flatnonzero(np.isfinite(self.nearest) & (self.nearest > self.limit))
        if len(far):
            most = self.nearest[far].max()
            yield self._out_of_reach(
                far,
                f"no site is within {self.limit:g} {self.unit}; the last of them is reached at "
                f"{most:g} {self.unit}, with all sites open",
            )

    def _out_of_reach(self, rows: Ints, why: str) -> Relaxation:
        needs = self.nearest[rows]
        named = ", ".join(str(i) for i in rows[:_NAMED])
        more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
        word = "demand" if len(rows) == 1 else "demands"
        most = float(needs.max())
        return Relaxation(
            "unreachable", rows, needs, self.limit, most, most, self.unit, proved=True,
            words=f"{word} {named}{more}: {why}",
        )  # fmt: skip

    def _made(
        self,
        kind: Kind,
        rows: Ints,
        old: float,
        new: float,
        least: float,
        siting: Siting | None,
        **words: str,
    ) -> Relaxation | None:
        if siting is None:
            return None
        fine = _FINE if kind == "capacity" else 1e-9
        proved = new - least <= fine * max(1.0, abs(new))
        left_out = self.problem.demands - len(rows)
        text = words["text"]
        if left_out and not self.partial:
            text += f", leaving out the {left_out} out of reach"
        if not proved:
            text += f" (less than {least:.6g} is proved not to do)"
        return Relaxation(
            kind, rows, self.nearest[rows], old, new, least, words["unit"], proved, text, siting
        )

    def _kept(self, within: float) -> Ints:
        """Rows that can be served at all; with a share, all of them."""
        if self.partial:
            return np.arange(self.problem.demands)
        return np.flatnonzero(np.isfinite(self.nearest) & (self.nearest <= within))

    def _limit(self) -> Relaxation | None:
        rows = self._kept(np.inf)
        if not len(rows) or not self.problem.demand[rows].any():
            return None
        everything = self._choosable()
        if self.problem.model == "lscp" and self._free_choice():
            new = least = self._limit_of_all(rows)
            known = self._ask(rows, "mclp", limit=new, count=everything) if new < np.inf else None
        elif self.partial:
            new, known = self._limit_by_halves(rows)
            least = new
        else:
            unbound = self.problem.count is None and self.problem.budget is None
            more = {"count": everything} if unbound else {}
            known = self._ask(rows, "p-center", limit=None, **more)
            new, least = known.objective, known.bound
        if known is None or not new > self.limit:
            return None
        siting = self._answer(rows, known, limit=new)
        text = f"raise the limit from {self.limit:g} to {new:g} {self.unit}"
        return self._made("limit", rows, self.limit, new, least, siting, text=text, unit=self.unit)

    def _free_choice(self) -> bool:
        return self.problem.capacity is None and not self.problem.exclusive

    def _choosable(self) -> int:
        listed = {*self.asked["given"], *self.asked["closed"]}
        return self.problem.sites - len(listed)

    def _limit_of_all(self, rows: Ints) -> float:
        """Return the smallest limit with all sites open; inf if none does."""
        order = np.argsort(self.nearest[rows], kind="stable")
        if not self.partial:
            return float(self.nearest[rows[order[-1]]])
        people = np.cumsum(self.problem.demand[rows[order]])
        enough = self.problem.share * people[-1] - self.problem.slack(float(people[-1]))
        return float(self.nearest[rows[order[np.searchsorted(people, enough)]]])

    def _limit_by_halves(self, rows: Ints) -> tuple[float, Siting | None]:
        """Return the smallest limit for a share where not all sites may be open, or may be full."""
        values = np.unique(self.matrix.data)
        values = values[values > self.limit]
        low, high = 0, len(values)  # values[high] does, or nothing does; below low none does
        best = None
        while low < high:
            middle = (low + high) // 2
            served, sure = self._all_served(rows, limit=float(values[middle]))
            if served is None and not sure:
                return np.nan, None
            low, high = (middle + 1, high) if served is None else (low, middle)
            best = best if served is None else served
        return (float(values[low]) if low < len(values) else np.nan), best

    def _count(self) -> Relaxation | None:
        rows, old = self._kept(self.limit), int(self.problem.count or 0)
        if not len(rows) or not self.problem.demand[rows].any():
            return None
        fewest = self._ask(rows, "lscp", site_cost=None)
        if fewest.status == "infeasible":
            return None
        bound = int(np.ceil(_number(fewest.bound) - 1e-6))
        low, high, sure = max(old + 1, bound), self._choosable(), self.firm
        least = low if sure else bound
        known: Siting | None = fewest
        if np.isfinite(fewest.objective) and self.problem.budget is None:
            high = min(high, int(fewest.objective))
        else:
            known, _ = self._all_served(rows, count=high)
        while low < high and known is not None:
            middle = (low + high) // 2
            served, proved = self._all_served(rows, count=middle)
            sure = sure and proved
            if served is not None:
                high, known = middle, served
            else:
                low = middle + 1
                least = low if sure else least
        if known is None or high <= old:
            return None
        siting = self._answer(rows, known, count=high)
        text = f"choose {high} sites in place of {old}"
        return self._made("count", rows, old, high, least, siting, text=text, unit="sites")

    def _budget(self) -> Relaxation | None:
        rows, old = self._kept(self.limit), float(self.problem.budget or 0.0)
        if not len(rows) or not self.problem.demand[rows].any():
            return None
        known = self._ask(rows, "lscp")
        if known.status == "infeasible":
            return None
        least, high = _number(known.bound), known.objective
        count = self.problem.count
        if not np.isfinite(high) or (count is not None and len(known.chosen) > count):
            served, _ = self._all_served(rows, budget=float(self.problem.site_cost.sum()))
            if served is None:
                return None
            high, least, known = self._cheapest_of_few(rows, served, least)
        if not high > old:
            return None
        siting = self._answer(rows, known, budget=high)
        text = f"raise the budget from {old:g} to {high:g} {self.money}"
        return self._made("budget", rows, old, high, least, siting, text=text, unit=self.money)

    def _spent(self, siting: Siting) -> float:
        return float(self.problem.site_cost[siting.chosen].sum())

    def _cheapest_of_few(
        self, rows: Ints, known: Siting, low: float
    ) -> tuple[float, float, Siting]:
        """Halve between a budget that does and one that does not, with the count as it is."""
        whole = bool((self.problem.site_cost == np.round(self.problem.site_cost)).all())
        high = self._spent(known)
        for _ in range(_MOST_STEPS):
            if high - low <= (1e-9 if whole else 1e-6) * max(1.0, high):
                break
            middle = (low + high) / 2
            if whole:
                middle = np.floor(min(middle, high - 1))
            if middle < low or time.monotonic() > self.until:
                break
            served, sure = self._all_served(rows, budget=float(middle))
            if served is not None:
                high, known = min(self._spent(served), middle), served
            elif sure:
                low = middle + 1 if whole else middle
            else:
                break
        close = high - low <= (1e-9 if whole else 1e-6) * max(1.0, high)
        return high, (high if close else low), known

    def _capacity(self) -> Relaxation | None:
        rows = self._kept(self.limit)
        room = self.problem.capacity
        if room is None or not len(rows) or not self.problem.demand[rows].any():
            return None
        endless = np.where(room > 0, np.inf, 0.0)
        known, _ = self._all_served(rows, capacity=endless)
        if known is None:
            return None
        high, low = self._factor_of(rows, known, room), 1.0
        least = low if self.firm else 0.0
        for _ in range(_MOST_STEPS):
            if high - low <= _FINE * high or time.monotonic() > self.until:
                break
            middle = (low + high) / 2
            served, sure = self._all_served(rows, capacity=room * middle)
            if served is not None:
                high, known = min(self._factor_of(rows, served, room), middle), served
            elif sure:
                low = least = middle
            else:
                break
        if high <= 1.0:
            return None
        siting = self._answer(rows, known, capacity=room * high)
        text = f"let each site serve {high:.4g} times as many people"
        return self._made("capacity", rows, 1.0, high, least, siting, text=text, unit="times")

    def _factor_of(self, rows: Ints, siting: Siting, room: Floats) -> float:
        """By how much the fullest site is overfull."""
        at = siting.assignment
        served: Bools = at >= 0
        who = self.problem.demand[rows]
        load = np.bincount(at[served], who[served], minlength=len(room))
        used = load > 0
        finite = used & np.isfinite(room)
        return float((load[finite] / room[finite]).max(initial=0.0))


def _number(bound: float) -> float:
    """Return a lower bound, 0 where none is known."""
    return max(bound, 0.0) if np.isfinite(bound) else 0.0
