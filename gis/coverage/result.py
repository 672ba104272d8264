"""The result of a coverage measurement, and the tables that are read off it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.errors import UnknownNameError
from gis.model import Categories, Finding, Layer
from gis.rules import Rule

STATUSES: Final = ("covered", "gap", "unlinked", "no-data")
AREAS: Final = ("community", "subdistrict")
GAP_COLUMNS: Final = (
    "estate", "name", "community", "subdistrict", "rule", "category", "group", "zh", "en", "level",
    "must", "limit_m", "limit_s", "walk_m", "over_m", "walk_s", "facility", "facility_name",
    "people", "people_estimated", "households", "access", "clause", "verified",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class CoverageItem:
    """One rule, held against n estates.

    ``status`` (n,) is one of `STATUSES`; ``walk_m`` (n,) the walk to the nearest facility, NaN
    beyond what was searched, where unlinked and where there is no data; ``walk_s`` (n,) the same in
    seconds of the rule's walker; ``facility`` and ``facility_name`` (n,) its uid and name, or None;
    ``limit_cm`` the limit in centimetres walked.
    """

    rule: Rule
    status: NDArray[np.object_]
    walk_m: NDArray[np.float64]
    facility: NDArray[np.object_]
    facility_name: NDArray[np.object_]
    walk_s: NDArray[np.float64]
    limit_cm: int

    @property
    def has_data(self) -> bool:
        """Whether anything is known of the category."""
        return not bool(np.any(self.status == "no-data"))


@dataclass(frozen=True, eq=False)
class Coverage:
    """Who walks to what, with all it rests on.

    ``people`` and ``households`` (n,) are NaN where unknown; ``people_estimated`` (n,) says which
    come from households; ``access`` (n,) is "gate", "boundary", "point" or "unlinked"; ``areas``
    holds the community and the subdistrict (n,) of each estate, None where unknown.
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

    def summary(self) -> list[dict[str, Any]]:
        """Return one dictionary per item: the rule, numbers of estates, people and households.

        Sums are over the estates whose people are known; ``people_unknown`` says of how many they
        are not. They are None where nothing is known, and where the category has no data.
        """
        return [self._summary_of(item) for item in self.items]

    def _summary_of(self, item: CoverageItem) -> dict[str, Any]:
        rule = item.rule
        row: dict[str, Any] = {"rule": rule.id}
        for key in ("category", "zh", "en", "level", "must", "limit_m", "limit_s", "walker"):
            row[key] = getattr(rule, key)
        for status in STATUSES:
            row[status.replace("-", "_")] = int(np.sum(item.status == status))
        for name, values in (("people", self.people), ("households", self.households)):
            for status in ("covered", "gap", "unlinked"):
                total = _known_sum(values, item.status == status) if item.has_data else None
                row[f"{name}_{status}"] = total
            row[f"{name}_unknown"] = int(np.isnan(values).sum())
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

    def gap_list(self) -> pd.DataFrame:
        """Return one row per estate and missing item.

        Sorted by category (elderly and childcare first, the order of ``categories.toml``), then by
        people, most first, then by distance, farthest first; unknown people come last, walks
        beyond what was searched first. Columns: `GAP_COLUMNS`; unknown text is None, numbers NaN.
        """
        categories = Categories.load()
        rank = {code: i for i, code in enumerate(categories)}
        rows = [{**row, "_rank": rank[row["category"]]} for row in self._gap_rows(categories)]
        table = _with_none(pd.DataFrame(rows, columns=[*GAP_COLUMNS, "_rank"]))
        far = table["walk_m"].astype(float).fillna(np.inf).to_numpy()
        people = table["people"].astype(float).fillna(-1.0).to_numpy()
        order = np.lexsort((-far, -people, table["_rank"].to_numpy(dtype=int)))
        return table.iloc[order].drop(columns="_rank").reset_index(drop=True)

    def _gap_rows(self, categories: Categories) -> Iterator[dict[str, Any]]:
        uids, names = self.estates.uids, texts(self.estates, "name")
        for item in self.items:
            rule = item.rule
            shared = {
                key: getattr(rule, key)
                for key in (
                    "category", "zh", "en", "level", "must", "limit_m", "limit_s", "clause",
                    "verified",
                )
            }  # fmt: skip
            shared |= {"rule": rule.id, "group": categories[rule.category].group}
            for i in np.flatnonzero(item.status == "gap"):
                yield shared | {
                    "estate": uids[i],
                    "name": names[i],
                    "community": self.areas["community"][i],
                    "subdistrict": self.areas["subdistrict"][i],
                    "walk_m": item.walk_m[i],
                    "over_m": item.walk_m[i] - item.limit_cm / 100,
                    "walk_s": item.walk_s[i],
                    "facility": item.facility[i],
                    "facility_name": item.facility_name[i],
                    "people": self.people[i],
                    "people_estimated": bool(self.people_estimated[i]),
                    "households": self.households[i],
                    "access": self.access[i],
                }

    def item_keys(self) -> tuple[str, ...]:
        """Return a short key per item: its category, or its rule where a category comes twice."""
        codes = [item.rule.category for item in self.items]
        return tuple(
            item.rule.id if codes.count(item.rule.category) > 1 else item.rule.category
            for item in self.items
        )

    def by_area(self, column: str) -> pd.DataFrame:
        """Return one row per community or subdistrict, sorted by name; estates without one last.

        Parameters
        ----------
        column
            "community" or "subdistrict".

        Returns
        -------
        table
            ``column`` (None: not filled in), for communities ``subdistrict`` too, ``estates``,
            ``people``, ``people_unknown`` (estates), ``households``, ``gaps`` (estate x item),
            ``care_gap_estates`` and ``care_gap_people`` (a gap in any elderly or childcare item),
            and per item ``<key>_covered``, ``_gap``, ``_unlinked``, ``_no_data`` (estates) and
            ``_gap_people``. Unknown numbers are NaN. Two communities of one name in two
            subdistricts are two rows.

        Raises
        ------
        UnknownNameError
            There is no such area.
        """
        if column not in AREAS:
            raise UnknownNameError(f"There is no area '{column}'; give one of: {', '.join(AREAS)}")
        keys = AREAS[::-1] if column == "community" else (column,)
        groups: dict[tuple[str | None, ...], list[int]] = {}
        for i, names in enumerate(zip(*(self.areas[key] for key in keys), strict=True)):
            groups.setdefault(names, []).append(i)
        ordered = sorted(groups, key=lambda names: [(n is None, n or "") for n in names])
        rows = [
            dict(zip(keys, names, strict=True)) | self._area_row(np.array(groups[names]))
            for names in ordered
        ]
        return _with_none(pd.DataFrame(rows))

    def _area_row(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        care = self.care_gap()[rows]
        row: dict[str, Any] = {
            "estates": len(rows),
            "people": _known_sum(self.people[rows], np.ones(len(rows), dtype=bool)),
            "people_unknown": int(np.isnan(self.people[rows]).sum()),
            "households": _known_sum(self.households[rows], np.ones(len(rows), dtype=bool)),
            "gaps": int(self.missing_count()[rows].sum()),
            "care_gap_estates": int(care.sum()),
            "care_gap_people": _known_sum(self.people[rows], care),
        }
        for key, item in zip(self.item_keys(), self.items, strict=True):
            status = item.status[rows]
            for word in STATUSES:
                row[f"{key}_{word.replace('-', '_')}"] = int(np.sum(status == word))
            row[f"{key}_gap_people"] = (
                _known_sum(self.people[rows], status == "gap") if item.has_data else None
            )
        return row

    def care_gap(self) -> NDArray[np.bool_]:
        """Return (n,) True where a required item of elderly care or childcare is a gap."""
        categories = Categories.load()
        gap = np.zeros(len(self.estates), dtype=bool)
        for item in self.items:
            care = categories[item.rule.category].group in ("elderly", "childcare")
            if care and item.rule.must:
                gap |= item.status == "gap"
        return gap


def texts(layer: Layer, column: str) -> NDArray[np.object_]:
    """Return (n,) the words of a text column, None where there are none."""
    values = layer.frame[column].to_numpy(dtype=object, na_value=None)
    return np.array([str(v).strip() or None if v is not None else None for v in values], object)


def _with_none(table: pd.DataFrame) -> pd.DataFrame:
    """Make all that are no numbers objects with None, which pandas would turn into NaN."""
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            values = table[column].astype(object)
            table[column] = pd.Series(
                [None if v is None or v != v else v for v in values], dtype=object
            )
    return table


def _known_sum(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> int | None:
    """Sum what is known, rounded; None where nothing of the chosen is, 0 where none is chosen."""
    picked = values[chosen]
    known = picked[~np.isnan(picked)]
    if len(known) == 0 and (len(picked) > 0 or bool(np.isnan(values).all())):
        return None
    return round(float(known.sum()))
