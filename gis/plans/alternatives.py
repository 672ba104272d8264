"""Several good and really different plans in one run.

Each new plan pays for cutting the links that the plans before it cut, so that it looks for other
borders; how much it pays follows from whether the last one was too alike or too far from the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from gis.districts import DistrictPlan
from gis.districts.check_plan import check_plan
from gis.errors import OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer, Progress, people_of, silent
from gis.plans.repair_board import tidy_plan

WORSE: Final = 0.1
"""By what share an alternative may be worse than the best plan, unless said."""
UNLIKE: Final = 0.15
"""Least share of the people that it places otherwise, unless said."""
_MORE_LEFT_OUT: Final = 0.005
"""Share of the people that an alternative may leave out beyond what the best plan does."""
_NAMED: Final = -1
_STRENGTHS: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_TRIES_A_PLAN: Final = 4


class Solver(Protocol):
    """What makes the plans: `gis.districts.plan.Prepared` or its like."""

    def solve(
        self,
        *,
        name: str = ...,
        seed: int = ...,
        time_limit_s: float = ...,
        extra_links: Mapping[str, NDArray[np.float64]] = ...,
    ) -> DistrictPlan:
        """Make a plan; ``extra_links`` are costs (e,) of cutting each link, of weight 1 each."""

    def measure(self, plan: DistrictPlan) -> float:
        """Return what a plan comes to in the objective that was asked for; less is better."""


@dataclass(frozen=True, eq=False)
class Alternatives:
    """Plans from the best on; ``objectives`` of each, ``differences`` (k, k) shares of people.

    ``reason`` says why there are fewer than were asked for; ``tried`` how many were made. Where
    they are alternatives to a plan that there is, ``from_named`` says of each what share of the
    people it places otherwise than that one.
    """

    plans: tuple[DistrictPlan, ...]
    objectives: tuple[float, ...]
    differences: NDArray[np.float64]
    tried: int
    reason: str = ""
    from_named: tuple[float, ...] = ()


def difference(a: DistrictPlan, b: DistrictPlan, people: ArrayLike) -> float:
    """Share of the people who are in another district in one plan than in the other.

    Districts are matched so that as many people as possible are in the same one (Kuhn's Hungarian
    method), whatever their names. Whoever is in none in both plans is in the same one.

    Parameters
    ----------
    a, b
        Plans of the same estates.
    people
        (n,) people of each estate of ``a``; NaN counts as none. Where nobody is known, the
        estates are counted.

    Raises
    ------
    OptionError
        The plans are of different estates.
    """
    if sorted(map(str, a.estates)) != sorted(map(str, b.estates)):
        raise OptionError("The plans are of different estates; compare plans of the same layer")
    other = dict(zip(map(str, b.estates), b.district, strict=True))
    weight = np.nan_to_num(np.asarray(people, dtype=float))
    weight = weight if weight.sum() > 0 else np.ones(len(a.estates))
    rows, columns = list(a.districts), list(b.districts)
    shared = np.zeros((len(rows), len(columns)))
    same = 0.0
    row = {name: i for i, name in enumerate(rows)}
    column = {name: i for i, name in enumerate(columns)}
    for uid, mine, w in zip(map(str, a.estates), a.district, weight, strict=True):
        theirs = other[uid]
        if mine is None and theirs is None:
            same += w
        elif mine is not None and theirs is not None:
            shared[row[str(mine)], column[str(theirs)]] += w
    at = linear_sum_assignment(shared, maximize=True)
    return max(0.0, 1.0 - float(same + shared[at].sum()) / float(weight.sum()))


@dataclass(frozen=True, eq=False)
class _Found:
    plan: DistrictPlan
    value: float
    placed: float
    number: int


def alternatives(
    prepared: Solver,
    n: int,
    *,
    estates: Layer,
    named: DistrictPlan | None = None,
    worse: float = WORSE,
    unlike: float = UNLIKE,
    tries: int | None = None,
    seed: int = 0,
    time_limit_s: float = 60.0,
    name: str = "plan",
    classes: Mapping[str, ArrayLike] | None = None,
    progress: Progress | None = None,
) -> Alternatives:
    """Make up to ``n`` plans of which any two differ, all of them nearly as good as the best.

    Parameters
    ----------
    prepared
        What makes the plans.
    n
        How many are wanted, 1 or more.
    estates
        The layer of the plans.
    named
        A plan that there is already: it counts as the first of them, so that each differs from it
        as from the others, but it is none of those that are returned.
    worse
        By what share the objective may be above that of the best plan, 0 or more.
    unlike
        Least share of the people who are in another district in any two plans, see `difference`;
        with 0 they differ all the same, if only by an estate without people.
    tries
        How many plans are made at most; four for each that is wanted unless given.
    seed
        Start of the random numbers; equal input and seed give equal plans as long as the time
        limit cuts no search short.
    time_limit_s
        Seconds for all tries together, shared out evenly.
    name
        The plans are called ``name-1``, ``name-2``, ... from the best on.
    classes
        See `check_plan`, which every plan has to pass.

    Raises
    ------
    OptionError
        An option is out of range.
    """
    if n < 1 or worse < 0 or not 0 <= unlike <= 1:
        raise OptionError(
            f"{n} plans, {worse:g} worse, {unlike:g} unlike: give 1 plan or more, 0 or more, 0 to 1"
        )
    tell = progress if progress is not None else silent
    most = max(n, _TRIES_A_PLAN * n if tries is None else tries)
    first = prepared.solve(name=name, seed=seed, time_limit_s=time_limit_s / most, extra_links={})
    persons = first.settings.get("persons_per_household") or PERSONS_PER_HOUSEHOLD
    people = np.nan_to_num(people_of(estates, persons_per_household=float(persons))[0])
    if not first.districts:
        reason = f"no plan was found: {first.reason}" if first.reason else "no plan was found"
        return Alternatives((), (), np.zeros((0, 0)), 1, reason)
    there = None if named is None else tidy_plan(named, estates)
    pool = [_read(prepared, first, people, 0)]
    if there is not None and there.districts and not check_plan(there, estates, classes=classes):
        pool.append(_read(prepared, there, people, _NAMED))
    rng, strength = np.random.default_rng(seed), _STRENGTHS.index(1.0)
    for number in range(1, most):
        kept = _chosen(pool, n, worse, unlike, people, there)
        tell(number / most, f"{len(kept)} of {n} plans")
        if len(kept) == n:
            break
        wishes = _wishes([found.plan for found in pool], _STRENGTHS[strength], rng)
        plan = prepared.solve(name=name, seed=seed + number, time_limit_s=time_limit_s / most,
                              extra_links=wishes)  # fmt: skip
        if not plan.districts or check_plan(plan, estates, classes=classes):
            continue
        pool.append(_read(prepared, plan, people, number))
        alike = not _differs(plan, [*([there] if there else []), *(f.plan for f in kept)],
                             unlike, people)  # fmt: skip
        step = 1 if alike else -1 if not _good(pool[-1], pool, worse, people) else 0
        strength = min(max(strength + step, 0), len(_STRENGTHS) - 1)
    kept = _chosen(pool, n, worse, unlike, people, there)
    tell(1.0, f"{len(kept)} of {n} plans")
    made = sum(found.number != _NAMED for found in pool)
    return _answer(kept, n, made, (worse, unlike), first.bound, people, name, there)


def _read(prepared: Solver, plan: DistrictPlan, people: NDArray[np.float64], number: int) -> _Found:
    placed = np.array([d is not None for d in plan.district], dtype=bool)
    return _Found(plan, prepared.measure(plan), float(people[placed].sum()), number)


def _good(found: _Found, pool: Sequence[_Found], worse: float, people: NDArray[np.float64]) -> bool:
    """Whether a plan is nearly as good as the best: that which places most, then costs least."""
    most = max(other.placed for other in pool)
    least = most - _MORE_LEFT_OUT * float(people.sum())
    best = min(other.value for other in pool if other.placed >= least)
    return found.placed >= least and found.value <= best + worse * abs(best) + 1e-12


def _chosen(
    pool: Sequence[_Found], n: int, worse: float, unlike: float, people: NDArray[np.float64],
    named: DistrictPlan | None,
) -> list[_Found]:  # fmt: skip
    """From the best on, each plan that differs from the named one and all taken before."""
    kept: list[_Found] = []
    before = [] if named is None else [named]
    for found in sorted(pool, key=lambda f: (f.value, -f.placed, f.number)):
        if len(kept) == n or not _good(found, pool, worse, people):
            continue
        if _differs(found.plan, before, unlike, people):
            kept.append(found)
            before.append(found.plan)
    return kept


def _differs(
    plan: DistrictPlan,
    others: Sequence[DistrictPlan],
    unlike: float,
    people: NDArray[np.float64],
) -> bool:
    return all(
        difference(other, plan, people) >= unlike
        and difference(other, plan, np.ones(len(people))) > 0
        for other in others
    )


def _wishes(
    plans: Sequence[DistrictPlan], strength: float, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """What cutting a link again costs: the share of the plans that cut it, times some chance.

    Chance, because a search that ends where it ended before would else be asked the same again.
    A wish counts by its share of the total cost of all links. So a strength below 1 is had by
    spreading the rest evenly over all links, one above 1 by wishing several times.
    """
    links = plans[0].adjacency.links
    cut = np.zeros(len(links))
    for plan in plans:
        own = np.array(["" if d is None else str(d) for d in plan.district], dtype=object)
        ends = own[links]
        cut += (ends[:, 0] != ends[:, 1]) & (ends != "").all(axis=1)
    cut *= rng.uniform(0.0, 2.0, len(cut)) / len(plans)
    if not cut.any():
        return {}
    even = float(cut.sum()) / len(links) * max(1.0 / strength - 1.0, 0.0)
    times = max(1, round(strength))
    return {f"unlike-{i + 1}": cut + even for i in range(times)}


def _answer(
    kept: Sequence[_Found], n: int, tried: int, asked: tuple[float, float], bound: float,
    people: NDArray[np.float64], name: str, named: DistrictPlan | None,
) -> Alternatives:  # fmt: skip
    plans = [_told(found, bound, f"{name}-{i + 1}") for i, found in enumerate(kept)]
    far = np.zeros((len(plans), len(plans)))
    for i, j in combinations(range(len(plans)), 2):
        far[i, j] = far[j, i] = difference(plans[i], plans[j], people)
    reason = ""
    if len(plans) < n:
        worse, unlike = asked
        reason = (
            f"{tried} plans were made; {len(plans)} of them are at most {worse:.0%} worse than the "
            f"best and place at least {unlike:.0%} of the people otherwise than "
            + (f"'{named.name}' and than each other" if named else "each other")
            + "; for more of them let plans be worse, or less unlike"
        )
    from_named = tuple(difference(named, plan, people) for plan in plans) if named else ()
    values = tuple(found.value for found in kept)
    return Alternatives(tuple(plans), values, far, tried, reason, from_named)


def _told(found: _Found, bound: float, name: str) -> DistrictPlan:
    """Give a plan its name, and the bound that holds for all plans with these settings."""
    settings: dict[str, Any] = {**found.plan.settings, "alternative": found.number}
    gap = max(0.0, (found.value - bound) / found.value) if found.value > 0 else 0.0
    status = "optimal" if found.value <= bound + 1e-9 * max(1.0, abs(bound)) else "feasible"
    return replace(
        found.plan, name=name, settings=MappingProxyType(settings), objective=found.value,
        bound=min(bound, found.value), gap=gap, status=status,
    )  # fmt: skip
