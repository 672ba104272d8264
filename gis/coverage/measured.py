"""What a measurement found, and the counts that are read off it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.coverage.homes import Homes
from gis.coverage.item import STATUSES, CoverageItem
from gis.coverage.people import Crowds
from gis.coverage.walks import Walks
from gis.grade import Grade
from gis.model import Categories, Finding, Layer, Study
from gis.network import Ground
from gis.rules import RulePack

CARE: frozenset[str] = frozenset({"elderly", "childcare"})


@dataclass(frozen=True, eq=False)
class Measured:
    """Who walks to what, with all it rests on.

    ``people`` and ``households`` (n,) are NaN where unknown; ``people_estimated`` (n,) says which
    come from households; ``access`` (n,) is "gate", "assumed", "boundary", "point", "building" or
    "unlinked"; ``areas`` holds the community and the subdistrict (n,) of each estate, None where
    unknown. ``homes`` are what was judged: estates, or their buildings; ``crowds`` who lives there.
    ``ground`` and ``walks`` are the streets and the searches, for further questions; ``place`` is
    the profile whose shares estimate groups of people; ``grade`` how good the data are.
    """

    estates: Layer
    items: tuple[CoverageItem, ...]
    people: NDArray[np.float64]
    people_estimated: NDArray[np.bool_]
    households: NDArray[np.float64]
    access: NDArray[np.object_]
    areas: Mapping[str, NDArray[np.object_]]
    assumptions: Mapping[str, Any]
    findings: tuple[Finding, ...]
    study: Study
    ground: Ground
    homes: Homes
    crowds: Crowds
    walks: Walks
    pack: RulePack | None
    place: str
    grade: Grade

    def summary(self) -> list[dict[str, Any]]:
        """Return one dictionary per item: the rule, numbers of estates, people and households.

        ``people_...`` are all people, counted home by home: those covered, in a gap, unlinked and
        without data add up to all who are known; ``group_...`` those of ``group``, whom
        the rule is about ("people_60plus", ...), with ``group_estimated`` where any of them is an
        estimate. Sums are over the homes whose people are known; ``people_unknown`` says of how
        many estates they are not. They are None where nothing is known, and where the category has
        no data. ``grade`` is the letter of the data's quality for this item.
        """
        return [self._summary_of(item) for item in self.items]

    def _summary_of(self, item: CoverageItem) -> dict[str, Any]:
        rule = item.rule
        row: dict[str, Any] = {"rule": rule.id}
        for key in ("category", "zh", "en", "level", "must", "limit_m", "limit_s"):
            row[key] = getattr(rule, key)
        row["walker"] = item.walker.name
        for status in STATUSES:
            row[status.replace("-", "_")] = int(np.sum(item.status == status))
        households = (self.crowds.households, self.households)
        for name, (by_home, by_estate) in {
            "people": (self.crowds.of["all"].homes, self.people),
            "households": households,
        }.items():
            for status in ("covered", "gap", "unlinked"):
                row[f"{name}_{status}"] = sum_of(item, by_home, status)
            # Who is neither covered nor a gap: with these the four add up to all known people.
            row[f"{name}_no_data"] = known_sum(by_home, item.home_status == "no-data")
            row[f"{name}_unknown"] = int(np.isnan(by_estate).sum())
        row["group"] = rule.group
        for status in ("covered", "gap"):
            row[f"group_{status}"] = sum_of(item, item.group.homes, status)
        row["group_estimated"] = bool(item.group.estimated.any())
        row["group_source"] = item.group.source
        row["round_trip"] = rule.round_trip
        row["too_small"] = len(item.too_small)
        row["size_unknown"] = int(np.sum((item.status == "covered") & ~item.size_known))
        row["grade"] = item.grade.letter
        for key in ("clause", "source", "verified", "confidence", "note", "note_en"):
            row[key] = getattr(rule, key)
        return row

    def missing_count(self, *, must: bool | None = True) -> NDArray[np.int64]:
        """Return (n,) how many items are a gap for each estate.

        Parameters
        ----------
        must
            True: only what the standard requires, which is what "missing" means on every map and
            sheet; False: only what it advises; None: all.
        """
        count = np.zeros(len(self.estates), dtype=np.int64)
        for item in self.items:
            if must is None or item.rule.must == must:
                count += item.status == "gap"
        return count

    def item_keys(self) -> tuple[str, ...]:
        """Return a short key per item: its category, or its rule where a category comes twice."""
        codes = [item.rule.category for item in self.items]
        return tuple(
            item.rule.id if codes.count(item.rule.category) > 1 else item.rule.category
            for item in self.items
        )

    def care_gap(self) -> NDArray[np.bool_]:
        """Return (n,) True where a required item of elderly care or childcare is a gap."""
        return self._any_care(lambda item: item.status, len(self.estates))

    def care_gap_homes(self) -> NDArray[np.bool_]:
        """Return (u,) the same for each home."""
        return self._any_care(lambda item: item.home_status, len(self.homes))

    def _any_care(self, status_of: Any, count: int) -> NDArray[np.bool_]:
        categories = Categories.load()
        gap = np.zeros(count, dtype=bool)
        for item in self.items:
            if item.rule.must and categories[item.rule.category].group in CARE:
                gap |= status_of(item) == "gap"
        return gap


def sum_of(
    item: CoverageItem, by_home: NDArray[np.float64], status: str,
    chosen: NDArray[np.bool_] | None = None,
) -> int | None:  # fmt: skip
    """Sum what is known of the homes (u,) in one status; None where that says nothing.

    Where the category has no data nothing is said of gaps, and of "covered" only those that other
    facilities cover.
    """
    here = item.home_status == status
    if not item.has_data and not (status == "covered" and here.any()):
        return None
    return known_sum(by_home, here if chosen is None else here & chosen)


def known_sum(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> int | None:
    """Sum what is known, rounded; None where nothing of the chosen is, 0 where none is chosen."""
    picked = values[chosen]
    known = picked[~np.isnan(picked)]
    if len(known) == 0 and (len(picked) > 0 or bool(np.isnan(values).all())):
        return None
    return round(float(known.sum()))
