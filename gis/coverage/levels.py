"""Levels add up: who has everything that a 5-, a 10- and a 15-minute circle must have."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.coverage.areas import with_none
from gis.coverage.item import CoverageItem
from gis.coverage.measured import Measured, known_sum

LEVEL_COLUMNS: Final = (
    "level", "zh", "en", "people_from", "people_to", "rules", "rules_no_data", "complete",
    "lacking", "unlinked", "unknown", "people_complete", "people_lacking", "people_unlinked",
    "people_unknown", "most_missing", "most_missing_zh", "most_missing_en", "most_missing_estates",
    "most_missing_people",
)  # fmt: skip


def levels_table(measured: Measured) -> pd.DataFrame:
    """Return one row per level, the smallest first; see `Coverage.levels`."""
    names = _levels(measured)
    rows = [
        _level_row(measured, name, _required(measured, names[: i + 1]))
        for i, name in enumerate(names)
    ]
    return with_none(pd.DataFrame(rows, columns=list(LEVEL_COLUMNS)))


def _levels(measured: Measured) -> list[str]:
    """Return the levels of the pack, else those of the rules in their order."""
    used = list(dict.fromkeys(item.rule.level for item in measured.items))
    if measured.pack is None or not measured.pack.levels:
        return used
    known = [level.name for level in measured.pack.levels]
    return [name for name in known if name in used] + [name for name in used if name not in known]


def _required(measured: Measured, levels: list[str]) -> list[CoverageItem]:
    return [item for item in measured.items if item.rule.must and item.rule.level in levels]


def status_of_all(items: list[CoverageItem], count: int, *, homes: bool) -> NDArray[np.object_]:
    """Return (count,) "complete", "lacking", "unlinked" or "unknown" over several items.

    One gap is lacking, whatever else is unknown; unknown is what has no data of some item and no
    gap in any other.
    """
    status = np.full(count, "complete", dtype=object)
    told = [item.home_status if homes else item.status for item in items]
    for word, means in (("no-data", "unknown"), ("unlinked", "unlinked"), ("gap", "lacking")):
        for each in told:
            status[each == word] = means
    return status


def _level_row(measured: Measured, level: str, items: list[CoverageItem]) -> dict[str, Any]:
    by_estate = status_of_all(items, len(measured.estates), homes=False)
    by_home = status_of_all(items, len(measured.homes), homes=True)
    people = measured.crowds.of["all"].homes
    told = (
        next((x for x in measured.pack.levels if x.name == level), None) if measured.pack else None
    )
    row: dict[str, Any] = {
        "level": level,
        "zh": told.zh if told else None,
        "en": told.en if told else None,
        "people_from": told.people[0] if told and told.people else np.nan,
        "people_to": told.people[1] if told and told.people else np.nan,
        "rules": len(items),
        "rules_no_data": sum(not item.has_data for item in items),
    }  # fmt: skip
    for word in ("complete", "lacking", "unlinked", "unknown"):
        row[word] = int(np.sum(by_estate == word))
        row[f"people_{word}"] = known_sum(people, by_home == word)
    # None, not left out: pandas would make of a column without any word one of numbers.
    row |= dict.fromkeys(("most_missing", "most_missing_zh", "most_missing_en"))
    worst = _most_missing(items, people)
    if worst is not None:
        row["most_missing"] = worst.rule.category
        row["most_missing_zh"], row["most_missing_en"] = worst.rule.zh, worst.rule.en
        row["most_missing_estates"] = int(np.sum(worst.status == "gap"))
        row["most_missing_people"] = known_sum(people, worst.home_status == "gap")
    return row


def _most_missing(items: list[CoverageItem], people: NDArray[np.float64]) -> CoverageItem | None:
    """Return the item that most people lack; of equals, and where nobody counted, most estates."""
    lacking = [item for item in items if (item.status == "gap").any()]
    if not lacking:
        return None
    return max(
        lacking,
        key=lambda item: (
            known_sum(people, item.home_status == "gap") or 0,
            int(np.sum(item.status == "gap")),
        ),
    )
