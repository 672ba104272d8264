"""Claims of circles: "a 5-minute home-service circle", held against who can really walk there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.coverage.areas import Plan, area_groups, with_none
from gis.coverage.item import CoverageItem
from gis.coverage.levels import status_of_all
from gis.coverage.measure import measure_on
from gis.coverage.result import Coverage
from gis.errors import OptionError
from gis.model import Categories
from gis.rules import LONGEST_LIMIT, Rule, own_rule

CLAIM_COLUMNS: Final = (
    "function", "zh", "en", "limit_s", "walker", "estates", "estates_covered", "households",
    "households_covered", "share_households", "households_unlinked", "people", "people_covered",
    "share_people", "people_unlinked", "unlinked", "no_data", "holds",
)  # fmt: skip
EVERY: Final = "all"


@dataclass(frozen=True, eq=False)
class CircleClaim:
    """One claim: everybody has each function within ``minutes``.

    ``coverage`` is the measurement of these minutes; its items are the functions.
    """

    minutes: float
    coverage: Coverage

    def table(self, by: str | None = None, *, plan: Plan | None = None) -> pd.DataFrame:
        """Return one row per function, and one for all functions together (``function`` "all").

        Parameters
        ----------
        by
            None: for the whole city; "community", "subdistrict", "district" (of ``plan``) or
            "estate": for each, its names first.

        Returns
        -------
        table
            ``households`` live in homes of which it is known whether they are covered,
            ``households_covered`` in those that are (for "all": by every function);
            ``share_households`` is their share, ``share_people`` the same for people. Households
            are the estates' own, else their people over persons per household. ``unlinked``
            estates and functions with ``no_data`` are in neither number; who lives in the former is
            ``households_unlinked`` and ``people_unlinked``. ``holds`` is True where
            every home is covered and nothing is unknown, False where one is known not to be, None
            where that cannot be said.

        Raises
        ------
        UnknownNameError, OptionError
            There is no such area, or no plan.
        """
        estates = len(self.coverage.estates)
        if by is None:
            groups: list[tuple[dict[str, Any], NDArray[np.int64]]] = [({}, np.arange(estates))]
            keys: tuple[str, ...] = ()
        else:
            found = area_groups(self.coverage, by, plan)
            keys = found.keys
            groups = [
                (dict(zip(keys, names, strict=True)), rows)
                for names, rows in zip(found.names, found.rows, strict=True)
            ]
        functions = [*_functions(self.coverage), _together(self.coverage)]
        rows = [
            names | _claim_row(self.coverage, function, chosen)
            for names, chosen in groups
            for function in functions
        ]
        return with_none(pd.DataFrame(rows, columns=[*keys, *CLAIM_COLUMNS]))

    @property
    def holds(self) -> bool | None:
        """Whether the claim holds for everybody; None where that cannot be said."""
        every = _together(self.coverage)
        return _holds(every.status)


def circle_claim(
    coverage: Coverage,
    *,
    minutes: float = 5.0,
    walker: str | None = None,
    functions: Sequence[str] | None = None,
) -> CircleClaim:
    """Ask who has each function within some minutes, on the ground of a measurement.

    Each function is walked as its rule in ``coverage`` says (who walks, whether both ways count,
    which sizes count, what may stand in), but within ``minutes``; one without a rule there is
    walked by the standard walker.

    Parameters
    ----------
    coverage
        A measurement: its streets, gates, hour and people are used.
    minutes
        The circle, > 0.
    walker
        Who walks all of it, in place of those that the rules name.
    functions
        Categories; those that the rules of ``coverage`` require unless given.

    Raises
    ------
    OptionError
        No function, or minutes that are no time.
    UnknownNameError
        There is no such category or walker.
    """
    if not 0 < minutes <= LONGEST_LIMIT:
        raise OptionError(f"minutes is {minutes:g}; give a number above 0, up to {LONGEST_LIMIT:,}")
    known = Categories.load()
    wanted = None if functions is None else [known.require(word).code for word in functions]
    rules: dict[str, Rule] = {}
    for item in coverage.items:
        code = item.rule.category
        if code in rules or (item.rule.must if wanted is None else code in wanted):
            rules.setdefault(code, replace(item.rule, limit_m=None, limit_s=minutes * 60))
    for code in wanted or ():
        rules.setdefault(code, own_rule(code, minutes=minutes))
    if not rules:
        raise OptionError("No function is named and no rule requires one; name categories")
    told = coverage.assumptions
    terrain = "off" if told["terrain_option"] == "off" else "auto"
    measured = measure_on(
        coverage.ground,
        coverage.study,
        tuple(rules.values()),
        pack=coverage.pack,
        link=told["link"],
        longest_link_m=told["longest_link_m"],
        walker=walker or told["walker"],
        terrain=terrain,
        persons_per_household=told["persons_per_household"],
        place=coverage.place,
    )
    return CircleClaim(minutes, measured)


@dataclass(frozen=True, eq=False)
class _Function:
    """A function, or all together, at the estates (n,) and homes (u,)."""

    words: dict[str, Any]
    status: NDArray[np.object_]
    home_status: NDArray[np.object_]


def _functions(coverage: Coverage) -> list[_Function]:
    rank = {code: i for i, code in enumerate(Categories.load())}
    items = sorted(coverage.items, key=lambda item: rank[item.rule.category])
    return [_Function(_words(item), item.status, item.home_status) for item in items]


def _words(item: CoverageItem) -> dict[str, Any]:
    rule = item.rule
    return {
        "function": rule.category,
        "zh": rule.zh,
        "en": rule.en,
        "limit_s": rule.limit_s,
        "walker": item.walker.name,
    }


def _together(coverage: Coverage) -> _Function:
    """All functions as one: covered where each is; a function without data leaves it unknown."""
    told = {"complete": "covered", "lacking": "gap", "unlinked": "unlinked", "unknown": "no-data"}
    items = list(coverage.items)
    estates, homes = len(coverage.estates), len(coverage.homes)
    by_estate = status_of_all(items, estates, homes=False)
    by_home = status_of_all(items, homes, homes=True)
    words = {
        "function": EVERY,
        "zh": "全部功能",
        "en": "all functions",
        "limit_s": items[0].rule.limit_s,
    }
    return _Function(
        words,
        np.array([told[word] for word in by_estate], dtype=object),
        np.array([told[word] for word in by_home], dtype=object),
    )


def _claim_row(
    coverage: Coverage, function: _Function, estates: NDArray[np.int64]
) -> dict[str, Any]:
    inside = np.isin(coverage.homes.estate, estates)
    status = function.home_status
    covered = inside & (status == "covered")
    unlinked = inside & (status == "unlinked")
    judged = covered | (inside & (status == "gap"))
    row = function.words | {
        "estates": len(estates),
        "estates_covered": int(np.sum(function.status[estates] == "covered")),
        "unlinked": int(np.sum(function.status[estates] == "unlinked")),
        "no_data": bool(np.any(function.status[estates] == "no-data")),
        "holds": _holds(status[inside]),
    }
    for name, by_home in (
        ("households", coverage.crowds.all_households.homes),
        ("people", coverage.crowds.of["all"].homes),
    ):
        known = ~np.isnan(by_home)
        total = float(by_home[judged & known].sum()) if (judged & known).any() else np.nan
        part = float(by_home[covered & known].sum()) if total == total else np.nan
        row |= {
            name: total,
            f"{name}_covered": part,
            f"{name}_unlinked": float(by_home[unlinked & known].sum()) if known.any() else np.nan,
            f"share_{name}": part / total if total else np.nan,
        }
    return row


def _holds(status: NDArray[np.object_]) -> bool | None:
    if np.any(status == "gap"):
        return False
    return True if np.all(status == "covered") else None
