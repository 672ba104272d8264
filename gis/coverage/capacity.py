"""How much is asked for how many people, how much is there, and how much of it is in reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.capacity import Assignment, assign, bands_of, floating_catchment
from gis.coverage.areas import Plan, area_groups, area_of_facilities, with_none
from gis.coverage.facilities import Wanted, category_codes, sought_of, wanted_by
from gis.coverage.homes import Homes
from gis.coverage.item import CoverageItem
from gis.coverage.measured import Measured
from gis.coverage.people import Crowd
from gis.coverage.walks import pairs_of
from gis.model import Categories, Finding
from gis.rules import Size

UNITS: Final = {"places": "places", "floor_area_m2": "m2", "land_area_m2": "m2"}
AREA_FIGURES: Final = (
    "estates", "base", "base_unknown", "base_estimated", "required", "present", "present_unknown",
    "missing_here", "in_reach", "per_1000", "missing", "missing_unknown", "served", "unserved",
    "base_unserved",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class CapacityItem:
    """One required size, held against the homes (u,).

    ``base`` (u,) the people of ``size.of``, or households, NaN unknown; ``estate`` (u,) int64 rows
    of the estates they live in; ``required`` (u,) what they need; ``facility`` (m,) int64 rows of
    those that count, ``supply`` (m,) how much each has, NaN unknown; ``access`` (u,) what is in
    reach per person (or household), shared with all others who reach it (two-step floating
    catchment), NaN where only facilities of unknown size are in reach or the home is unlinked;
    ``unknown_in_reach`` (u,) how many of unknown size are.

    ``wanted`` (u,) is what is required in whole units, ``served`` (u,) how many of them have a
    place when each is given only once, NaN where that cannot be said (unknown people, a facility of
    unknown size in reach, no answer in time), and ``reason`` (u,) why the rest has none.
    """

    item: CoverageItem
    size: Size
    base: Crowd
    estate: NDArray[np.int64]
    required: NDArray[np.float64]
    facility: NDArray[np.int64]
    supply: NDArray[np.float64]
    access: NDArray[np.float64]
    unknown_in_reach: NDArray[np.int64]
    served: NDArray[np.float64]
    wanted: NDArray[np.float64]
    reason: NDArray[np.object_]
    assignment: Assignment | None

    @property
    def in_reach(self) -> NDArray[np.float64]:
        """(u,) how much is in reach of each home, shared with all others; NaN unknown."""
        return self.access * self.base.homes

    @property
    def unit(self) -> str:
        """What the base counts: "people", "households", or a group of people ("children_3_5")."""
        if self.size.base == "households":
            return "households"
        return "people" if self.size.of == "all" else self.size.of

    @property
    def without(self) -> NDArray[np.float64]:
        """(u,) how many of the base are left without a place, NaN where that cannot be said.

        In each estate the share of its whole units that got none. Where all that an estate asks for
        is less than half a unit nothing was given out for it: it takes the share of all.
        """
        said = ~np.isnan(self.served) & ~np.isnan(self.base.homes)
        # Too little to be given a unit, and unknown whether there is room: nothing is said.
        said &= (self.wanted > 0) | (self.unknown_in_reach == 0)
        wanted = np.where(said, self.wanted, 0.0)
        unserved = np.where(said, self.wanted - self.served, 0.0)
        asked = np.bincount(self.estate, wanted)
        left = np.bincount(self.estate, unserved)
        share = np.full(len(asked), _share(float(left.sum()), float(asked.sum())))
        np.divide(left, asked, out=share, where=asked > 0)
        people = np.where(self.base.homes == 0, 0.0, share[self.estate] * self.base.homes)
        return np.where(said, people, np.nan)

    @property
    def lacking(self) -> NDArray[np.float64]:
        """(u,) how much of what is required is not in reach.

        NaN where something of unknown size in reach might fill it, and where people are unknown.
        """
        short = np.maximum(self.required - self.in_reach, 0.0)
        # Sums of shares end a hair off the whole.
        short[short < 1e-6] = 0.0
        return np.where((short > 0) & (self.unknown_in_reach > 0), np.nan, short)


@dataclass(frozen=True, eq=False)
class Capacity:
    """Required sizes against what is there; one item per size of strength "must".

    Sizes asked of new facilities only, and those advised, are not held against what is there.
    """

    measured: Measured
    items: tuple[CapacityItem, ...]
    findings: tuple[Finding, ...]

    def table(self, by: str = "estate", *, plan: Plan | None = None) -> pd.DataFrame:
        """Return one row per area and size, elderly and childcare first, most missing first.

        Parameters
        ----------
        by
            "estate", "community", "subdistrict" or "district" (of ``plan``).

        Returns
        -------
        table
            The names of the area; ``rule``, ``category``, ``group``, ``zh``, ``en``, ``measure``,
            ``unit`` ("places" or "m2"), ``value`` and ``per`` (the figure and whom it is per),
            ``of``; ``base_unit`` ("people", "households", "children_3_5", ...) what ``base`` and
            ``base_unserved`` count; ``base_unknown`` estates without; ``required``;
            ``present``: what stands in the area, with ``present_unknown`` facilities of unknown
            size, and ``missing_here`` what it lacks itself (NaN where these might fill it);
            ``in_reach``: what its homes reach, shared with all others who do, and ``per_1000``
            of the base; ``missing``: the sum of what each home lacks of that, ``missing_unknown``
            estates of which it cannot be said; ``served`` and ``unserved``: with no place given
            twice; ``base_unserved``: how many of ``base`` that leaves without, in each estate
            the share of its whole units, so that areas add up; ``clause``, ``verified``.
            Unknown numbers are NaN. A category without data has no rows.

        Raises
        ------
        UnknownNameError, OptionError
            There is no such area, or no plan.
        """
        groups = area_groups(self.measured, by, plan)
        stands_in = area_of_facilities(self.measured, groups)
        categories = Categories.load()
        rank = {code: i for i, code in enumerate(categories)}
        rows = []
        for item in self.items:
            words = _words(item, categories)
            for g, estates in enumerate(groups.rows):
                inside = np.isin(self.measured.homes.estate, estates)
                here = item.supply[stands_in[item.facility] == g]
                rows.append(
                    dict(zip(groups.keys, groups.names[g], strict=True))
                    | words
                    | _figures(item, inside, estates, here, self.measured.homes)
                    | {"_rank": rank[item.item.rule.category]}
                )
        columns = [*groups.keys, *_WORDS, *AREA_FIGURES, *_PROOF, "_rank"]
        table = with_none(pd.DataFrame(rows, columns=columns))
        missing = table["missing"].astype(float).fillna(-1.0).to_numpy()
        order = np.lexsort((-missing, table["rule"].to_numpy(dtype=str), table["_rank"]))
        return table.iloc[order].drop(columns="_rank").reset_index(drop=True)

    def summary(self) -> list[dict[str, Any]]:
        """Return one dictionary per size: the same figures for all estates together."""
        categories = Categories.load()
        estates = np.arange(len(self.measured.estates))
        every = np.ones(len(self.measured.homes), dtype=bool)
        return [
            _plain(
                _words(item, categories)
                | _figures(item, every, estates, item.supply, self.measured.homes)
            )
            for item in self.items
        ]


_WORDS: Final = (
    "rule", "category", "group", "zh", "en", "level", "limit_m", "limit_s", "measure", "unit",
    "value", "per", "of", "base_unit",
)  # fmt: skip
_PROOF: Final = ("clause", "verified")


def capacity_of(
    measured: Measured, *, assigned: bool = True, time_limit_s: float = 10.0
) -> Capacity:
    """Hold the required sizes of a measurement's rules against the sizes of facilities.

    Parameters
    ----------
    assigned
        Whether places are also given out so that each is given once.
    time_limit_s
        Seconds for each assignment.
    """
    items: list[CapacityItem] = []
    findings: list[Finding] = []
    codes = category_codes(measured.study)
    for i, item in enumerate(measured.items):
        if not item.has_data:
            continue
        for size in item.rule.demand_sizes:
            if size.strength == "must":
                found, told = _held(measured, i, size, codes, time_limit_s if assigned else None)
                items.append(found)
                findings += told
    return Capacity(measured, tuple(items), tuple(dict.fromkeys(findings)))


def _held(
    measured: Measured, i: int, size: Size, codes: NDArray[np.object_], time_limit_s: float | None
) -> tuple[CapacityItem, list[Finding]]:
    item, group = measured.items[i], measured.walks.of_rule(i)[0]
    layer = measured.study.layer("facilities")
    if size.counts:
        rows = np.flatnonzero(np.isin(codes, size.counts))
        wanted = Wanted(rows, rows[:0], np.ones(len(codes), dtype=bool))
    else:
        wanted = wanted_by(item.rule, codes, layer)
    sought = sought_of(wanted, measured.ground)
    facility = np.unique(sought.facility)
    supply = layer.numbers(size.column)[facility]
    pairs = pairs_of(group, sought, item.limit_cm, round_trip=item.rule.round_trip)
    target = np.searchsorted(facility, pairs.facility)
    base = measured.crowds.base_of(size)
    shared = floating_catchment(
        base.homes, supply, pairs.home, target, pairs.cm, bands=bands_of(item.limit_cm)
    )
    unknown = np.isnan(supply)[target]
    unknown_in_reach = np.bincount(pairs.home[unknown], minlength=len(measured.homes))
    access = shared.access.copy()
    access[(access == 0) & (unknown_in_reach > 0)] = np.nan
    access[~measured.homes.linked] = np.nan
    required = size.required(base.homes)
    told = _size_finding(item, size, supply)
    whole = _whole(required)
    assignment = None
    served, reason = np.full(len(required), np.nan), np.full(len(required), None, dtype=object)
    if time_limit_s is not None:
        assignment = assign(
            whole, np.floor(supply), pairs.home, target, pairs.cm, time_limit_s=time_limit_s
        )
        if assignment.status == "optimal":
            # A facility of unknown size in reach might have room for those who are left.
            unsaid = (assignment.unserved > 0) & (unknown_in_reach > 0)
            served = np.where(np.isnan(required) | unsaid, np.nan, assignment.served)
            reason = assignment.reason
    return (
        CapacityItem(
            item, size, base, measured.homes.estate, required, facility, supply, access,
            unknown_in_reach, served, whole, reason, assignment,
        ),
        told,
    )  # fmt: skip


def _whole(required: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round (u,) so that sums stay right to a whole: what is left over goes to the next home."""
    known = ~np.isnan(required)
    total = np.rint(np.cumsum(np.where(known, required, 0.0)) + 1e-9)
    return np.where(known, np.diff(total, prepend=0.0), np.nan)


def _size_finding(item: CoverageItem, size: Size, supply: NDArray[np.float64]) -> list[Finding]:
    unknown = int(np.isnan(supply).sum())
    if not unknown:
        return []
    return [
        Finding(
            "capacity-unknown",
            f"{item.rule.id}: {unknown} of {len(supply)} facilities say nothing of "
            f"{size.column}; they are counted as unknown, never as none: fill in the column",
        )
    ]


def _words(item: CapacityItem, categories: Categories) -> dict[str, Any]:
    rule, size = item.item.rule, item.size
    keys = ("category", "zh", "en", "level", "limit_m", "limit_s")
    return {key: getattr(rule, key) for key in keys} | {
        "rule": rule.id,
        "group": categories[rule.category].group,
        "measure": size.measure,
        "unit": UNITS[size.column],
        "value": size.value,
        "per": size.base,
        "of": size.of,
        "base_unit": item.unit,
        "clause": size.clause,
        "verified": size.verified,
    }


def _figures(
    item: CapacityItem,
    inside: NDArray[np.bool_],
    estates: NDArray[np.int64],
    here: NDArray[np.float64],
    homes: Homes,
) -> dict[str, Any]:
    """Sum up the homes that are ``inside`` (u,) and the facilities that stand ``here`` (k,)."""
    base, required = item.base.homes[inside], item.required[inside]
    lacking, in_reach = item.lacking[inside], item.in_reach[inside]
    served, wanted = item.served[inside], item.wanted[inside]
    needed, present = _sum(required), _present(here)
    short = needed - np.nansum(here)
    unknown = int(np.isnan(here).sum())
    unsaid = np.unique(homes.estate[inside][np.isnan(lacking)])
    told = ~np.isnan(in_reach)
    return {
        "estates": len(estates),
        "base": _sum(base),
        "base_unknown": int(np.isnan(item.base.estates[estates]).sum()),
        "base_estimated": bool(item.base.estimated[estates].any()),
        "required": needed,
        "present": present,
        "present_unknown": unknown,
        "missing_here": 0.0 if short <= 0 else (np.nan if unknown else short),
        "in_reach": _sum(in_reach),
        "per_1000": _share(_sum(in_reach), _sum(base[told])) * 1000,
        "missing": _sum(lacking),
        "missing_unknown": len(unsaid),
        "served": _sum(served),
        "unserved": _sum(wanted - served),
        "base_unserved": _sum(item.without[inside]),
    }


def _present(here: NDArray[np.float64]) -> float:
    """Sum what is known to stand here: 0 where nothing does, NaN where nobody knows any size."""
    return 0.0 if len(here) == 0 else _sum(here)


def _sum(values: NDArray[np.float64]) -> float:
    """Sum what is known; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else float("nan")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON: None for NaN."""
    return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}


def worst_first(items: Sequence[CapacityItem]) -> list[CapacityItem]:
    """Return the items in the order of ``categories.toml``: elderly and childcare first."""
    rank = {code: i for i, code in enumerate(Categories.load())}
    return sorted(items, key=lambda each: rank[each.item.rule.category])
