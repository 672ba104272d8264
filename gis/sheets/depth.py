"""Sheets beside the gap list: circles that add up, sizes, districts, and claims of circles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from gis.coverage import Capacity, CircleClaim, Coverage, CoverageItem
from gis.coverage.areas import Plan
from gis.sheets.book import Book, Column

_MEASURES: Final[Mapping[str, tuple[str, str]]] = {
    "places_per_1000": ("每千人{:g}个", "{:g} places per 1,000 people"),
    "floor_m2_per_1000": ("每千人建筑面积{:g}平方米", "{:g} m2 of floor per 1,000 people"),
    "land_m2_per_1000": ("每千人用地{:g}平方米", "{:g} m2 of land per 1,000 people"),
    "floor_m2_per_100_households": ("每百户{:g}平方米", "{:g} m2 of floor per 100 households"),
}


def level_sheet(book: Book, coverage: Coverage, heading: str) -> None:
    """Write who has everything up to each circle."""
    sheet = book.sheet("levels", heading)
    columns = [
        Column(book.word("level"), 30),
        Column(book.word("level_people"), 18, "centre"),
        *(Column(book.word(key), 12, "int") for key in ("rules", "rules_no_data")),
        *(Column(book.word(key), 12, "int") for key in ("complete", "lacking", "unlinked")),
        Column(book.word("level_unknown"), 12, "int"),
        *(Column(book.word(key), 13, "int") for key in ("people_complete", "people_lacking")),
        Column(book.word("most_missing"), 30),
        Column(book.word("people_gap"), 13, "int"),
    ]
    rows = [
        [
            _name(row, book) or book.value(row["level"]),
            _band(row["people_from"], row["people_to"]),
            row["rules"],
            row["rules_no_data"],
            row["complete"],
            (row["lacking"], "is-gap" if row["lacking"] else "int"),
            row["unlinked"],
            row["unknown"],
            row["people_complete"],
            row["people_lacking"],
            row["most_missing_zh" if book.side == 0 else "most_missing_en"],
            row["most_missing_people"],
        ]
        for row in records(coverage.levels())
    ]
    book.table(sheet, columns, rows, kept=1)


def capacity_sheet(
    book: Book, capacity: Capacity, heading: str, by: Sequence[str], plan: Plan | None
) -> None:
    """Write the required sizes: all together, then by area."""
    sheet = book.sheet("capacity", heading)
    figures = (
        "base", "amount_required", "amount_present", "present_unknown", "amount_in_reach",
        "amount_missing", "missing_unknown", "served", "unserved", "base_unserved",
    )  # fmt: skip
    columns = [
        Column(book.word("area"), 24),
        Column(book.word("group"), 9, "centre"),
        Column(book.word("facility_kind"), 26),
        Column(book.word("measure"), 26),
        Column(book.word("counted_group"), 12, "centre"),
        Column(book.word("unit"), 8, "centre"),
        *(Column(book.word(key), 11, "int") for key in figures),
        Column(book.word("base_unit"), 12, "centre"),
        Column(book.word("clause"), 34),
        Column(book.word("verified"), 9, "centre"),
    ]
    rows = [_capacity_row(book, book.word("whole_city"), row) for row in capacity.summary()]
    for area in by:
        table = capacity.table(area, plan=plan)
        keys = ("subdistrict", "community") if area == "community" else (area,)
        rows += [
            _capacity_row(book, " ".join(row[k] or book.word(f"no_{k}") for k in keys), row)
            for row in records(table)
        ]
    book.table(sheet, columns, rows, kept=1)


def _capacity_row(book: Book, area: str, row: Mapping[Any, Any]) -> list[Any]:
    return [
        area,
        book.value(row["group"]),
        _name(row, book),
        _MEASURES[row["measure"]][book.side].format(row["value"]),
        book.value(row["of"] if row["per"] == "people" else row["per"]),
        book.value(row["unit"]),
        _whole(row["base"]),
        _whole(row["required"]),
        _whole(row["present"]),
        row["present_unknown"],
        _whole(row["in_reach"]),
        (_whole(row["missing"]), "is-gap" if _whole(row["missing"]) else "int"),
        row["missing_unknown"],
        _whole(row["served"]),
        _whole(row["unserved"]),
        _whole(row["base_unserved"]),
        book.value(row["base_unit"]),
        row["clause"],
        book.word("yes" if row["verified"] else "no"),
    ]


def _whole(number: float | None) -> int | None:
    """Round people, places and square metres; they come from shares and are no finer."""
    return None if number is None or number != number else round(number)


def area_gap_sheet(book: Book, coverage: Coverage, heading: str, by: str, plan: Plan) -> None:
    """Write the gap list of areas: one line per area and item that some of its homes lack."""
    sheet = book.sheet(f"by_{by}", heading)
    columns = [
        Column(book.word("number"), 6, "int"),
        Column(book.word(by), 14),
        Column(book.word("group"), 9, "centre"),
        Column(book.word("missing"), 26),
        Column(book.word("must"), 7, "centre"),
        *(Column(book.word(key), 9, "int") for key in ("required", "present", "in_reach")),
        *(Column(book.word(key), 9, "int") for key in ("estates", "estates_gap")),
        Column(book.word("people_gap"), 11, "int"),
        Column(book.word("gap_share"), 10, "share"),
        Column(book.word("counted_group"), 12, "centre"),
        Column(book.word("group_gap"), 11, "int"),
        Column(book.word("farthest"), 11, "int"),
        Column(book.word("grade"), 8, "centre"),
        Column(book.word("clause"), 32),
    ]
    items = {item.rule.id: item for item in coverage.items}
    rows = [
        _area_gap_row(book, n, row, by, items[row["rule"]])
        for n, row in enumerate(records(coverage.gap_list(by, plan=plan)), start=1)
    ]
    book.table(sheet, columns, rows, kept=2)


def _area_gap_row(
    book: Book, number: int, row: Mapping[Any, Any], by: str, item: CoverageItem
) -> list[Any]:
    return [
        number,
        row[by] or book.word(f"no_{by}"),
        book.value(row["group"]),
        book.of(item.rule),
        book.word("is_must" if row["must"] else "is_may"),
        row["required"],
        row["present"],
        row["in_reach"],
        row["estates"],
        (row["estates_gap"], "is-gap"),
        row["people_gap"],
        row["share_gap"],
        book.value(row["counted_group"]),
        row["group_gap"],
        book.word("beyond") if row["beyond"] else row["farthest_m"],
        row["grade"],
        row["clause"],
    ]


def claim_sheet(book: Book, claim: CircleClaim, heading: str) -> None:
    """Write what share of the households has each function within the minutes."""
    sheet = book.sheet("claim", heading)
    area = "community" if any(claim.coverage.areas["community"]) else "subdistrict"
    columns = [
        Column(book.word("area"), 24),
        Column(book.word("function"), 32),
        Column(book.word("limit"), 12, "centre"),
        Column(book.word("walker"), 14, "centre"),
        *(Column(book.word(key), 11, "int") for key in ("estates", "covered")),
        *(Column(book.word(key), 12, "int") for key in ("households", "households_covered")),
        *(Column(book.word(key), 12, "share") for key in ("share_households", "share_people")),
        *(Column(book.word(key), 10, "int") for key in ("unlinked",)),
        Column(book.word("holds"), 12, "centre"),
    ]
    rows = [*_claim_rows(book, claim, None), *_claim_rows(book, claim, area)]
    book.table(sheet, columns, rows, kept=2)


def _claim_rows(book: Book, claim: CircleClaim, by: str | None) -> Iterator[list[Any]]:
    minutes = (f"{claim.minutes:g} 分钟", f"{claim.minutes:g} min")[book.side]
    walkers = {
        name: told["en" if book.side else "zh"]
        for name, told in claim.coverage.assumptions["walkers"].items()
    }
    for row in records(claim.table(by)):
        if by is not None and row["function"] != "all":
            continue
        area = (row[by] or book.word(f"no_{by}")) if by else book.word("whole_city")
        said = {True: "true", False: "false", None: "none"}[row["holds"]]
        style = {"true": "is-covered", "false": "is-gap", "none": "is-no-data"}[said]
        yield [
            area,
            _name(row, book),
            minutes,
            walkers.get(row["walker"]) or _walker_of_all(walkers),
            row["estates"],
            row["estates_covered"],
            row["households"],
            row["households_covered"],
            row["share_households"],
            row["share_people"],
            row["unlinked"],
            (book.word(said), style),
        ]


def _walker_of_all(walkers: Mapping[str, str]) -> str | None:
    """Name who walks all functions; nobody where they have several walkers."""
    return next(iter(walkers.values())) if len(walkers) == 1 else None


def records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of a table with None for what is unknown."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _name(row: Mapping[Any, Any], book: Book) -> Any:
    return row["zh" if book.side == 0 else "en"]


def _band(low: Any, high: Any) -> str | None:
    return None if low is None or high is None else f"{low:,.0f}-{high:,.0f}"
