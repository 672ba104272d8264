"""What `locate` is asked: arrays checked once, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, get_args

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError

Model = Literal["mclp", "lscp", "p-median", "p-center"]
MODELS: Final = get_args(Model)
ROUNDING: Final = 1e-9
"""Share of a capacity or a budget by which sums of fractions may miss it and still count."""

_FAULTS_TOLD: Final = 6
_LARGEST: Final = 1e12
"""Beyond that, sums of people x cost lose the people; it is never a distance or a price."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which site can serve which demand: p pairs in the order of the demands, then of the sites.

    The sites of demand i are ``site[first[i]:first[i + 1]]`` (int64), at ``cost`` (float64).
    """

    first: Ints
    site: Ints
    cost: Floats

    @property
    def demand(self) -> Ints:
        """(p,) the demand of each pair."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int64), np.diff(self.first))

    def matrix(self, sites: int) -> Any:
        """(n, sites) csr_array of ones where there is a pair."""
        shape = (len(self.first) - 1, sites)
        return sp.csr_array((np.ones(len(self.site)), self.site, self.first), shape=shape)


@dataclass(frozen=True, eq=False)
class Problem:
    """n demands, m sites, who can be served from where, and what is asked of the choice.

    ``pairs`` are within the limit, if there is one, and hold no closed site. ``count`` sites are
    chosen beyond those ``given`` (m,), among them those ``required`` (m,); ``usable`` (m,) may be
    open at all: neither closed, nor outside every budget. ``site_cost`` (m,) is paid for each site
    chosen, 0 for given ones; all 1 where nobody gave costs. Of sites with equal ``one_of`` (m,),
    from 0 without gaps, at most one is open; -1: free.
    """

    model: Model
    pairs: Pairs
    demand: Floats
    count: int | None
    share: float
    limit: float | None
    capacity: Floats | None
    given: Bools
    required: Bools
    usable: Bools
    site_cost: Floats
    budget: float | None
    one_of: Ints
    priced: bool
    seed: int

    @property
    def demands(self) -> int:
        """Number of demands."""
        return len(self.demand)

    @property
    def sites(self) -> int:
        """Number of sites."""
        return len(self.usable)

    @property
    def free(self) -> Bools:
        """(m,) sites that may be chosen or not."""
        return self.usable & ~self.given & ~self.required

    @property
    def forced(self) -> Bools:
        """(m,) sites that are open in any case: given or required."""
        return self.given | self.required

    @property
    def left(self) -> int | None:
        """How many sites may be chosen beyond those required; None: as many as it takes."""
        return None if self.count is None else self.count - int(self.required.sum())

    @property
    def money(self) -> float:
        """What the budget leaves for free sites; inf without one."""
        if self.budget is None:
            return np.inf
        return self.budget - float(self.site_cost[self.required].sum())

    @property
    def exclusive(self) -> list[Ints]:
        """Return the sites of each group of which at most one may be open."""
        groups = np.unique(self.one_of[self.one_of >= 0])
        of_group = (np.flatnonzero((self.one_of == g) & self.usable) for g in groups)
        return [rows for rows in of_group if len(rows) > 1]

    @cached_property
    def by_site(self) -> Any:
        """(m, n) csr_array: the demands of each site, with their costs (explicit zeros kept)."""
        order = np.argsort(self.pairs.site, kind="stable")
        first = np.zeros(self.sites + 1, np.int64)
        np.cumsum(np.bincount(self.pairs.site, minlength=self.sites), out=first[1:])
        parts = (self.pairs.cost[order], self.pairs.demand[order], first)
        return sp.csr_array(parts, shape=(self.sites, self.demands))

    def nearest(self, chosen: Bools) -> tuple[Ints, Floats]:
        """Return (n,) the open site of least cost, -1 where none is in reach, and (n,) its cost.

        Of several that are equally near, the lowest number. NaN where there is none.
        """
        pairs = self.pairs
        cost = np.where(chosen[pairs.site], pairs.cost, np.inf)
        site = np.full(self.demands, -1, np.int64)
        least = np.full(self.demands, np.nan)
        some = np.diff(pairs.first) > 0
        if some.any():
            lowest = np.minimum.reduceat(cost, pairs.first[:-1][some])
            of_demand = np.full(self.demands, np.inf)
            of_demand[some] = lowest
            hit = np.flatnonzero((cost == of_demand[pairs.demand]) & np.isfinite(cost))
            rows, where = np.unique(pairs.demand[hit], return_index=True)
            site[rows] = pairs.site[hit[where]]
            least[rows] = of_demand[rows]
        return site, least

    def objective(self, chosen: Bools, assignment: Ints | None = None) -> float:
        """Return the objective of open sites, and of who is served where if that is decided."""
        if assignment is None:
            assignment, cost = self.nearest(chosen)
        else:
            cost = self.cost_of(assignment)
        served = assignment >= 0
        if self.model == "mclp":
            return float(self.demand[served].sum())
        if self.model == "lscp":
            return float(self.site_cost[chosen & ~self.given].sum())
        if self.model == "p-median":
            return float((self.demand[served] * cost[served]).sum())
        return float(cost[served].max(initial=0.0))

    def cost_of(self, assignment: Ints) -> Floats:
        """(n,) the cost from each demand to its site, NaN where it has none or no pair exists."""
        demand = np.flatnonzero(assignment >= 0)
        out = np.full(self.demands, np.nan)
        keys = self.pairs.demand * self.sites + self.pairs.site
        wanted = demand * self.sites + assignment[demand]
        at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if len(keys):
            there = keys[at] == wanted
            out[demand[there]] = self.pairs.cost[at[there]]
        return out

    def slack(self, most: float) -> float:
        """Rounding within which a sum counts as keeping ``most``."""
        return ROUNDING * max(1.0, abs(most))


def read_problem(
    cost: Any,
    demand: ArrayLike,
    *,
    model: str,
    count: int | None,
    limit: float | None,
    capacity: ArrayLike | None,
    required: Sequence[int],
    given: Sequence[int],
    closed: Sequence[int],
    site_cost: ArrayLike | None,
    budget: float | None,
    share: float | None,
    one_of: ArrayLike | None,
    seed: int,
    time_limit_s: float,
) -> Problem:
    """Check what `locate` was given and bring it into one form.

    Raises
    ------
    OptionError
        The input contradicts itself; all faults are named.
    """
    who = np.array(_numbers(demand, "demand"))  # one's own: compiled loops know no read-only ones
    matrix = matrix_of(cost)
    n, m = matrix.shape
    faults = [*_shape_faults(who, n, m)]
    listed = {"required": required, "given": given, "closed": closed}
    if not faults:
        capacity = None if capacity is None else _numbers(capacity, "capacity")
        site_cost = None if site_cost is None else _numbers(site_cost, "site_cost")
        faults += _list_faults(listed, m)
        faults += _array_faults(matrix, who, m, capacity, site_cost, one_of)
        faults += _kind_faults(
            limit=limit, budget=budget, share=share, time_limit_s=time_limit_s, seed=seed
        )
    if not faults:
        faults += _option_faults(model, limit, budget, share, time_limit_s, site_cost)
    if not faults:
        faults += _count_faults(model, count, budget, m, given, closed, required)
    if faults:
        raise OptionError(_told(faults))
    rows = {name: _flags(listed[name], m) for name in listed}
    paid = np.ones(m) if site_cost is None else np.array(site_cost, dtype=float)
    paid[rows["given"]] = 0.0
    usable = ~rows["closed"]
    if budget is not None:
        usable &= rows["given"] | rows["required"] | _affordable(paid, rows["required"], budget)
    return Problem(
        model=model,  # type: ignore[arg-type]
        pairs=_pairs(matrix, usable, limit),
        demand=who,
        count=count,
        share=1.0 if share is None else float(share),
        limit=limit,
        capacity=None if capacity is None else np.array(capacity, dtype=float),
        given=rows["given"],
        required=rows["required"],
        usable=usable,
        site_cost=paid,
        budget=budget,
        one_of=np.full(m, -1) if one_of is None else _renumbered(one_of),
        priced=site_cost is not None,
        seed=seed,
    )


def _affordable(paid: Floats, required: Bools, budget: float) -> Bools:
    """(m,) what costs no more than the required sites leave of a budget."""
    left = budget - float(paid[required].sum())
    return np.asarray(paid <= left + ROUNDING * max(1.0, budget))


def _told(faults: list[str]) -> str:
    more = len(faults) - _FAULTS_TOLD
    told = "; ".join(faults[:_FAULTS_TOLD])
    return f"Sites cannot be chosen: {told}" + (f"; {more} more" * (more > 0))


def matrix_of(cost: Any) -> Any:
    """Return costs as csr: of a dense matrix, NaN and inf are no pairs; of a sparse one, absent."""
    matrix = _from_sparse(cost) if sp.issparse(cost) else _from_dense(cost)
    kept = np.isfinite(matrix.data) | (matrix.data < 0)  # -inf is no distance, and told as such
    if kept.all():
        return matrix
    first = np.r_[0, np.cumsum(kept)][matrix.indptr]
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], first), shape=matrix.shape)


def _from_sparse(cost: Any) -> Any:
    if cost.ndim != 2:
        raise OptionError(f"cost has {cost.ndim} dimensions; give demands x sites")
    if cost.format not in ("csr", "csc", "coo", "lil", "dok") or cost.dtype.kind not in "biuf":
        raise OptionError(
            f"cost is a sparse matrix of format '{cost.format}' and type {cost.dtype}; give "
            "numbers as csr, csc or coo"
        )
    if cost.format == "coo" and len(cost.row):
        raise_doubled(np.asarray(cost.row, dtype=np.int64), np.asarray(cost.col), cost.shape[1])
    matrix = sp.csr_array(cost, dtype=float, copy=True)
    if not matrix.has_canonical_format:
        raise_doubled(_rows(matrix), matrix.indices, matrix.shape[1])
        matrix.sort_indices()
    return matrix


def _from_dense(cost: Any) -> Any:
    dense = _numbers(cost, "cost")
    if dense.ndim != 2:
        raise OptionError(f"cost has {dense.ndim} dimensions; give demands x sites")
    n, m = dense.shape
    first = np.arange(n + 1, dtype=np.int64) * m
    return sp.csr_array((dense.ravel(), np.tile(np.arange(m), n), first), shape=(n, m))


def _numbers(values: Any, name: str) -> Floats:
    """Return an array of floats; a word for what is none, such as text or rows of unequal length.

    None in a list is NaN, as numpy has it.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return np.atleast_1d(array.astype(float, copy=False))
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name} has to be an array of numbers") from error


def raise_doubled(row: Ints, column: NDArray[np.integer[Any]], m: int) -> None:
    """Refuse a matrix that holds the same pair twice, which scipy would silently add up."""
    keys = np.sort(row * m + column)
    same = np.flatnonzero(np.diff(keys) == 0)
    if len(same):
        raise OptionError(
            f"cost holds the pair of demand {keys[same[0]] // m} and site {keys[same[0]] % m} "
            "twice; give each pair once"
        )


def _rows(matrix: Any) -> Ints:
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))


def _pairs(matrix: Any, usable: Bools, limit: float | None) -> Pairs:
    kept = usable[matrix.indices]
    if limit is not None:
        kept &= matrix.data <= limit
    first = np.r_[0, np.cumsum(kept)][matrix.indptr].astype(np.int64)
    return Pairs(first, matrix.indices[kept].astype(np.int64), matrix.data[kept])


def _renumbered(one_of: ArrayLike) -> Ints:
    """Number groups from 0 without gaps, so that arrays may go by them; -1: free."""
    group = np.maximum(np.asarray(one_of).astype(np.int64), -1)
    _, number = np.unique(group, return_inverse=True)
    return number.astype(np.int64) - int((group < 0).any())


def _flags(rows: Sequence[int], m: int) -> Bools:
    out = np.zeros(m, bool)
    out[np.asarray(list(rows), dtype=np.int64)] = True
    return out


def _shape_faults(who: Floats, n: int, m: int) -> Iterator[str]:
    if who.shape != (n,):
        given = f"{who.size} demands" if who.ndim == 1 else f"demands of shape {who.shape}"
        yield f"there are {n} rows of cost and {given}; give one for each row"
    if m == 0:
        yield "there is no site to choose from"
    if n == 0:
        yield "there is no demand to serve"


def _list_faults(listed: dict[str, Sequence[int]], m: int) -> Iterator[str]:
    sets = {}
    for name, rows in listed.items():
        try:
            len(rows)  # a generator would be empty when it is read again
            asked = np.asarray(list(rows))
        except (TypeError, ValueError):
            asked = np.array("no list")
        if asked.ndim != 1 or (asked.size and asked.dtype.kind not in "iu"):
            yield f"{name} has to be a list of site numbers"
            continue
        wrong = asked[(asked < 0) | (asked >= m)]
        if len(wrong):
            yield f"{name} names site {int(wrong[0])}, but sites are 0 to {m - 1}"
        sets[name] = set(asked.tolist())
    for one, other in (("required", "closed"), ("given", "closed"), ("given", "required")):
        both = sets.get(one, set()) & sets.get(other, set())
        if both:
            yield f"site {min(both)} is both {one} and {other}; take it out of one"


def _array_faults(
    matrix: Any,
    who: Floats,
    m: int,
    capacity: ArrayLike | None,
    site_cost: ArrayLike | None,
    one_of: ArrayLike | None,
) -> Iterator[str]:
    for i in np.flatnonzero(~(np.isfinite(who) & (who >= 0)))[:1]:
        yield f"demand {i} is {who[i]}; give a number of 0 or more"
    if not (who > 0).any():
        yield "nobody is to be served: every demand is 0; give people, or leave the rows out"
    bad = np.flatnonzero(matrix.data < 0)
    if len(bad):
        yield (
            f"the cost from demand {int(_rows(matrix)[bad[0]])} to site "
            f"{int(matrix.indices[bad[0]])} is {matrix.data[bad[0]]:g}; give 0 or more"
        )
    if matrix.data.max(initial=0.0) > _LARGEST or who.max(initial=0.0) > _LARGEST:
        yield f"cost and demand have to be at most {_LARGEST:g} (no way is inf, not a huge number)"
    for name, values in (("capacity", capacity), ("site_cost", site_cost)):
        if values is not None:
            array = np.asarray(values)
            if array.shape != (m,):
                yield f"{name} has {array.size} values for {m} sites"
            elif not (array >= 0).all():
                at = int(np.flatnonzero(~(array >= 0))[0])
                yield f"{name} of site {at} is {array[at]}; give a number of 0 or more"
            elif name == "site_cost" and not (array <= _LARGEST).all():
                yield f"site_cost has to be at most {_LARGEST:g}; close a site that cannot be had"
    if one_of is not None:
        array = np.asarray(one_of if np.ndim(one_of) else [one_of])
        if array.shape != (m,) or array.dtype.kind not in "iu":
            yield f"one_of has to be {m} whole numbers, -1 for a site that excludes no other"


def _kind_faults(**options: Any) -> Iterator[str]:
    for name, value in options.items():
        number = isinstance(value, int | float | np.integer | np.floating)
        if name == "seed":
            if not isinstance(value, int | np.integer) or value < 0:
                yield f"seed is {value!r}; give a whole number of 0 or more"
        elif value is not None and (not number or isinstance(value, bool)):
            yield f"{name} is {value!r}; give a number"
        elif name == "time_limit_s" and value is None:
            yield "time_limit_s is None; give seconds"


def _option_faults(
    model: str,
    limit: float | None,
    budget: float | None,
    share: float | None,
    time_limit_s: float,
    site_cost: ArrayLike | None,
) -> Iterator[str]:
    if not isinstance(model, str) or model not in MODELS:
        yield f"there is no model '{model}'; give one of {', '.join(MODELS)}"
    if limit is not None and not limit >= 0:
        yield f"limit is {limit}; give 0 or more"
    if not time_limit_s > 0:
        yield f"time_limit_s is {time_limit_s}; give more than 0"
    if budget is not None and not (0 <= budget < np.inf):
        yield f"budget is {budget}; give a number of 0 or more"
    if budget is not None and site_cost is None:
        yield "a budget needs site_cost, what each site costs"
    if share is not None and model != "lscp":
        yield f"share is for 'lscp'; '{model}' has no share to reach"
    if share is not None and not 0 < share <= 1:
        yield f"share is {share}; give above 0 and at most 1"


def _count_faults(
    model: str,
    count: int | None,
    budget: float | None,
    m: int,
    given: Sequence[int],
    closed: Sequence[int],
    required: Sequence[int],
) -> Iterator[str]:
    open_to_choice = m - len({*given, *closed})
    if model == "lscp":
        if count is not None or budget is not None:
            yield "'lscp' seeks the fewest sites; leave count and budget out, or take 'mclp'"
        return
    if count is None and budget is None:
        yield f"'{model}' needs count, how many sites, or budget"
    if count is None:
        return
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        yield f"count is {count!r}; give a whole number of 0 or more"
    elif count > open_to_choice:
        yield f"count is {count}, but there are {open_to_choice} sites to choose from"
    elif count < len(set(required)):
        yield f"count is {count}, but {len(set(required))} sites are required"
