"""The gap list as a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from gis.coverage import CircleClaim, Coverage, CoverageItem
from gis.coverage.areas import Plan
from gis.model import Categories, Finding
from gis.sheets.book import LONGEST_TEXT, ZH, Book, Column, headline, lines_of, opened_book
from gis.sheets.depth import area_gap_sheet, capacity_sheet, claim_sheet, level_sheet
from gis.sheets.finding_words import finding_title, finding_words, names_called
from gis.sheets.words import MEANINGS, MEANINGS_FROM

AREA_FIGURES: Final = (
    "estates",
    "people",
    "people_unknown",
    "people_unlinked",
    "households",
    "care_gap_estates",
    "care_gap_people",
    "gaps",
)


def write_gap_workbook(
    coverage: Coverage,
    path: Path,
    *,
    date: str,
    lang: str = "zh",
    project: str = "",
    plan: Plan | None = None,
    claim: CircleClaim | None = None,
) -> None:
    """Write the gap list: summary, by estate, by community, by subdistrict, matrix and notes.

    With a rule pack there are sheets of its circles and of its sizes too.

    Parameters
    ----------
    coverage
        The measurement.
    path
        An .xlsx; one that is there is replaced.
    date
        The day that the workbook carries.
    lang
        "zh" or "en".
    project
        Name for the title.
    plan
        A districting plan: adds the gaps by district.
    claim
        A circle that was claimed: adds who really has each function.

    Raises
    ------
    OptionError
        There is no such language, or there are more gaps than a sheet holds.
    FileError
        The file cannot be written.
    """
    with opened_book(Book, path, lang) as book:
        heading = headline(project, book.word("title"), date)
        _summary_sheet(book, coverage, heading, project=project, date=date)
        _estate_sheet(book, coverage, heading)
        for area in ("community", "subdistrict"):
            _area_sheet(book, coverage, heading, area)
        if plan is not None:
            area_gap_sheet(book, coverage, heading, "district", plan)
        if coverage.pack is not None:
            level_sheet(book, coverage, heading)
        capacity = coverage.capacity()
        if capacity.items:
            areas = ("community", *(("district",) if plan is not None else ()))
            capacity_sheet(book, capacity, heading, areas, plan)
        if claim is not None:
            claim_sheet(book, claim, heading)
        _matrix_sheet(book, coverage, heading)
        _about_sheet(book, coverage, heading, capacity.findings)


def _summary_sheet(
    book: Book, coverage: Coverage, heading: str, *, project: str, date: str
) -> None:
    sheet = book.sheet("summary", heading)
    columns = _summary_columns(book)
    for j, column in enumerate(columns):
        sheet.set_column(j, j, column.width)
    title = (" ", ": ")[book.side].join(part for part in (project, book.word("title")) if part)
    sheet.set_row(0, 32)
    sheet.write_string(0, 0, title, book.formats["title"])
    sheet.set_row(1, 36)
    sheet.merge_range(1, 0, 1, len(columns) - 1, "", book.formats["lead"])
    sheet.write_string(1, 0, _lead(book, coverage), book.formats["lead"])
    sheet.write_string(3, 0, book.word("items"), book.formats["section"])
    rows = list(_summary_rows(book, coverage))
    row = 1 + book.table(sheet, columns, rows, top=4)
    sheet.write_string(row, 0, book.word("basis"), book.formats["section"])
    for key, value in ((book.word("date"), date), *_basis(book, coverage)):
        row += 1
        sheet.merge_range(row, 0, row, 1, "", book.formats["key"])
        sheet.write_string(row, 0, key, book.formats["key"])
        sheet.merge_range(row, 2, row, len(columns) - 1, "", book.formats["value"])
        sheet.write_string(row, 2, value[:LONGEST_TEXT], book.formats["value"])
        sheet.set_row(row, 16 * lines_of(value, 165))


def _summary_columns(book: Book) -> list[Column]:
    return [
        Column(book.word("number"), 8, "centre"),
        Column(book.word("group"), 14, "centre"),
        Column(book.word("facility_kind"), 30, "wrap"),
        Column(book.word("level"), 9, "centre"),
        Column(book.word("limit"), 19, "centre"),
        Column(book.word("must"), 7, "centre"),
        *(Column(book.word(key), 10, "int") for key in ("covered", "gap", "unlinked", "no_data")),
        Column(book.word("rate"), 9, "share"),
        Column(book.word("people_gap"), 11, "int"),
        Column(book.word("people_unlinked"), 11, "int"),
        Column(book.word("households_gap"), 11, "int"),
        Column(book.word("counted_group"), 11, "centre"),
        Column(book.word("group_gap"), 11, "int"),
        Column(book.word("grade"), 7, "centre"),
        Column(book.word("clause"), 44, "wrap"),
        Column(book.word("verified"), 9, "centre"),
    ]


def _summary_rows(book: Book, coverage: Coverage) -> Iterator[list[Any]]:
    categories = Categories.load()
    figures = dict(zip(coverage.item_keys(), coverage.summary(), strict=True))
    for n, (key, item) in enumerate(_items(coverage), start=1):
        row = figures[key]
        judged = row["covered"] + row["gap"]
        known = item.has_data
        yield [
            n,
            book.value(categories[item.rule.category].group),
            book.of(item.rule),
            book.value(item.rule.level),
            book.limit(item.rule, item.limit_cm),
            book.word("is_must" if item.rule.must else "is_may"),
            row["covered"] if known else None,
            (row["gap"], "is-gap" if row["gap"] else "int") if known else None,
            row["unlinked"] if known else None,
            row["no_data"],
            row["covered"] / judged if judged else (None if known else _no_data(book)),
            row["people_gap"],
            row["people_unlinked"],
            row["households_gap"],
            book.value(row["group"]),
            row["group_gap"],
            row["grade"],
            item.rule.clause,
            book.word("yes" if item.rule.verified else "no"),
        ]


def _no_data(book: Book) -> tuple[str, str]:
    return book.value("no-data"), "is-no-data"


def _lead(book: Book, coverage: Coverage) -> str:
    """Say the one thing that a reader in a hurry has to know."""
    care = coverage.care_gap()
    total, lacking = len(coverage.estates), int(care.sum())
    # Home by home, as all sheets count: of an estate whose near buildings are covered only the
    # others' people lack.
    everybody = coverage.crowds.of["all"].homes
    homes = coverage.care_gap_homes()
    known = homes & ~np.isnan(everybody)
    people = f"{round(float(everybody[known].sum())):,}"
    without = lacking - len(np.unique(coverage.homes.estate[known]))
    housed = coverage.homes.kind == "building"
    categories = Categories.load()
    groups = [(categories[item.rule.category].group, item) for item in coverage.items]
    of_care = [i for group, i in groups if group in ("elderly", "childcare") and i.rule.must]
    if not any(item.has_data for item in of_care):
        return (
            f"共 {total} 个小区；养老、托幼设施没有数据或不在本次检验之内。",
            f"{total} estates; elderly care and childcare have no data or are not part of this.",
        )[book.side]
    zh = f"共 {total} 个小区，其中 {lacking} 个小区步行可达范围内缺少应配的养老或托幼设施"
    en = f"{lacking} of {total} estates lack required elderly care or childcare within the walk"
    if known.any():
        zh += f"，{'按楼栋计' if housed else ''}涉及 {people} 人" + (
            f"（另有 {without} 个小区人口未知）" if without else ""
        )
        en += f": {people} people{', by building' if housed else ''}"
        en += f" (unknown for {without} of them)" if without else ""
    blank = [book.of(item.rule) for item in of_care if not item.has_data]
    if blank:
        zh += f"；{'、'.join(blank)}没有数据，未作判断"
        en += f"; no data on {', '.join(blank)}"
    return (zh + "。", en + ".")[book.side]


def _basis(book: Book, coverage: Coverage) -> Iterator[tuple[str, str]]:
    told = coverage.assumptions
    side = (("rule_pack_zh", "rule_pack_note"), ("rule_pack_en", "rule_pack_note_en"))[book.side]
    pack = told.get(side[0]) or "；".join(told["sources"])
    yield (
        book.word("pack"),
        f"{pack}（{told.get('rule_pack_date')}）" if told.get("rule_pack") else pack,
    )
    if told.get("rule_pack"):
        yield book.word("source"), f"{told['rule_pack_source']}\n{told[side[1]]}".strip()
    unverified = told["unverified_rules"]
    yield book.word("unverified"), f"{unverified} / {len(coverage.items)}"
    counted = told["link"] == "counted"
    longest = told["longest_link_m"]
    yield (
        book.word("link"),
        (
            f"{'计入' if counted else '不计入'}步行距离；最长 {longest:g} 米",
            f"{'counted' if counted else 'left out'}; at most {longest:g} m",
        )[book.side],
    )
    for walker in told["walkers"].values():
        name = walker["zh" if book.side == ZH else "en"]
        yield book.word("walker"), f"{name} {walker['speed_m_s']:.2f} m/s（{walker['source']}）"
    yield book.word("coefficient"), f"{told['persons_per_household']:g}"
    starts = (f"{book.value(key)} {count}" for key, count in told["access"].items() if count)
    yield book.word("starts"), ("、", ", ")[book.side].join(starts)
    yield book.word("hour"), told["at"]
    yield book.word("terrain"), book.value(told["terrain"])
    reasons = "；".join(book.of(reason) for reason in coverage.grade.reasons)
    yield book.word("grade"), f"{coverage.grade.letter}（{reasons}）"
    yield book.word("network"), told["network_stamp"]


def _estate_sheet(book: Book, coverage: Coverage, heading: str) -> None:
    sheet = book.sheet("by_estate", heading)
    timed = any(item.rule.limit_s is not None for item in coverage.items)
    grouped = any(item.rule.group != "all" for item in coverage.items)
    housed = coverage.homes.kind == "building"
    columns = [
        Column(book.word("number"), 6, "int"),
        Column(book.word("subdistrict"), 12),
        Column(book.word("community"), 14),
        Column(book.word("name"), 22),
        Column(book.word("estate"), 12),
        Column(book.word("group"), 9, "centre"),
        Column(book.word("missing"), 26),
        Column(book.word("must"), 7, "centre"),
        Column(book.word("limit"), 19 if timed else 10, "centre"),
        Column(book.word("walk_m"), 13, "int"),
        Column(book.word("over_m"), 10, "int"),
        *([Column(book.word("walk_min"), 10, "one")] if timed else []),
        Column(book.word("nearest"), 22),
        Column(book.word("people"), 10, "int"),
        Column(book.word("people_source"), 11, "centre"),
        Column(book.word("people_gap"), 10, "int"),
        Column(book.word("households"), 10, "int"),
        Column(book.word("households_gap"), 10, "int"),
        *([Column(book.word("homes_gap"), 12, "centre")] if housed else []),
        *([Column(book.word("counted_group"), 11, "centre")] if grouped else []),
        *([Column(book.word("group_gap"), 10, "int")] if grouped else []),
        Column(book.word("access"), 9, "centre"),
        Column(book.word("grade"), 7, "centre"),
        Column(book.word("clause"), 32),
    ]
    rules = {item.rule.id: item for item in coverage.items}
    gaps = coverage.gap_list()
    rows = [
        _estate_row(book, n, row, rules[row["rule"]], timed=timed, grouped=grouped, housed=housed)
        for n, row in enumerate(gaps.to_dict("records"), start=1)
    ]
    book.table(sheet, columns, rows, kept=4)


def _estate_row(
    book: Book,
    number: int,
    row: Mapping[Any, Any],
    item: CoverageItem,
    *,
    timed: bool,
    grouped: bool,
    housed: bool,
) -> list[Any]:
    far = book.word("beyond") if pd.isna(row["walk_m"]) else row["walk_m"]
    people = book.word("estimated" if row["people_estimated"] else "counted")
    return [
        number,
        row["subdistrict"] or book.word("not_filled"),
        row["community"] or book.word("not_filled"),
        row["name"] or row["estate"],
        row["estate"],
        book.value(row["group"]),
        book.of(item.rule),
        book.word("is_must" if item.rule.must else "is_may"),
        book.limit(item.rule, item.limit_cm),
        far,
        row["over_m"],
        *([row["walk_s"] / 60] if timed else []),
        row["facility_name"] or row["facility"],
        row["people"],
        book.word("unknown") if pd.isna(row["people"]) else people,
        row["people_gap"],
        row["households"],
        row["households_gap"],
        *([f"{row['homes_gap']} / {row['homes']}"] if housed else []),
        *([_group(book, row), row["group_gap"]] if grouped else []),
        book.value(row["access"]),
        row["grade"],
        item.rule.clause,
    ]


def _group(book: Book, row: Mapping[Any, Any]) -> str:
    mark = row["group_estimated"] and row["counted_group"] != "all"
    return book.value(row["counted_group"]) + (book.word("guess") if mark else "")


def _area_sheet(book: Book, coverage: Coverage, heading: str, area: str) -> None:
    sheet = book.sheet(f"by_{area}", heading)
    table = coverage.by_area(area)
    names = ("subdistrict", "community") if area == "community" else ("subdistrict",)
    columns = [
        *(Column(book.word(name), 13) for name in names),
        *(Column(book.word(key), 10, "int") for key in AREA_FIGURES),
        *([Column(book.word("band"), 9, "centre")] if area == "community" else []),
        *(_item_columns(book, coverage, 6.5)),
    ]
    rows = [
        [
            *(row[name] or book.word(f"no_{name}") for name in names),
            *(row[key] for key in AREA_FIGURES),
            *([_band_cell(book, row["band"])] if area == "community" else []),
            *(_area_cell(book, row[f"{key}_gap"], item.has_data) for key, item in _items(coverage)),
        ]
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    ]
    book.table(sheet, columns, rows, kept=len(names), height=_upright_height(book, coverage))


def _band_cell(book: Book, band: str | None) -> tuple[Any, str]:
    if band is None:
        return None, "centre"
    return book.value(band), "is-gap" if band.startswith("too") else "centre"


def _area_cell(book: Book, gap: int, has_data: bool) -> tuple[Any, str]:
    if not has_data:
        return _no_data(book)
    return gap, "is-gap" if gap else "is-covered"


def _items(coverage: Coverage) -> list[tuple[str, CoverageItem]]:
    """Return the items with their keys as they are read: elderly and childcare first."""
    rank = {code: i for i, code in enumerate(Categories.load())}
    pairs = zip(coverage.item_keys(), coverage.items, strict=True)
    return sorted(pairs, key=lambda pair: rank[pair[1].rule.category])


def _item_columns(book: Book, coverage: Coverage, width: float) -> Iterator[Column]:
    for key, item in _items(coverage):
        # What stands in brackets is in the summary; upright headings have to be short.
        name = book.of(item.rule).split("（")[0].split(" (")[0]
        twice = key != item.rule.category
        yield Column(f"{name} {item.rule.id}" if twice else name, width, upright=True)


def _upright_height(book: Book, coverage: Coverage) -> float:
    """Chinese stands letter below letter, English lies on its side."""
    longest = max(len(column.heading) for column in _item_columns(book, coverage, 0))
    return min(400.0, max(60.0, longest * (14.0 if book.side == ZH else 5.5) + 14))


def _matrix_sheet(book: Book, coverage: Coverage, heading: str) -> None:
    sheet = book.sheet("matrix", heading)
    columns = [
        Column(book.word("subdistrict"), 12),
        Column(book.word("community"), 14),
        Column(book.word("name"), 22),
        Column(book.word("people"), 9, "int"),
        Column(book.word("gap_count"), 7, "int"),
        *_item_columns(book, coverage, 7.5),
    ]
    names = coverage.estates.frame["name"].to_numpy(dtype=object, na_value=None)
    missing = coverage.missing_count()
    rows = [
        [
            coverage.areas["subdistrict"][i] or book.word("not_filled"),
            coverage.areas["community"][i] or book.word("not_filled"),
            names[i] or coverage.estates.uids[i],
            float(coverage.people[i]),
            int(missing[i]),
            *(_matrix_cell(book, item, i) for _, item in _items(coverage)),
        ]
        for i in range(len(coverage.estates))
    ]
    book.table(sheet, columns, rows, kept=3, height=_upright_height(book, coverage))


def _matrix_cell(book: Book, item: CoverageItem, row: int) -> tuple[Any, str]:
    status, metres = str(item.status[row]), float(item.walk_m[row])
    value = book.value(status) if np.isnan(metres) else metres
    return value, f"is-{status}"


def _about_sheet(
    book: Book, coverage: Coverage, heading: str, told_of_sizes: tuple[Finding, ...]
) -> None:
    sheet = book.sheet("about", heading)
    for column, width in enumerate((30, 40, 90)):
        sheet.set_column(column, column, width)
    told = coverage.assumptions
    told_of_starts = MEANINGS_FROM[told["origin"]]
    meanings = [
        (line[2 * book.side], "", line[2 * book.side + 1]) for line in (*told_of_starts, *MEANINGS)
    ]
    called = names_called(
        told["walkers"], ((item.rule.category, item.rule.zh) for item in coverage.items)
    )
    findings = [
        (
            book.value(finding.severity),
            finding_title(finding.code) if book.side == ZH else finding.code,
            finding_words(finding.message, book.side, called),
        )
        for finding in (*coverage.findings, *told_of_sizes)
    ]
    notes = [
        (item.rule.id, book.of(item.rule), book.of(item.rule, "note"))
        for item in coverage.items
        if item.rule.note
    ]
    side = ("zh", "reason") if book.side == ZH else ("en", "reason_en")
    untested = [(line["id"], line[side[0]], line[side[1]]) for line in told.get("not_tested", ())]
    parts = (
        ("meaning", meanings),
        ("findings", findings),
        ("rule_notes", notes),
        ("not_tested", untested),
    )
    for row, line in book.sections(sheet, parts):
        _about_line(book, sheet, row, line)


def _about_line(book: Book, sheet: Any, row: int, line: tuple[str, str, str]) -> None:
    key, middle, text = line
    book.put(sheet, row, 0, key, "key")
    if middle:
        book.put(sheet, row, 1, middle, "value")
        book.put(sheet, row, 2, text, "value")
    else:
        sheet.merge_range(row, 1, row, 2, "", book.formats["value"])
        book.put(sheet, row, 1, text, "value")
    sheet.set_row(row, 16 * max(lines_of(text, 90 if middle else 130), lines_of(middle, 38)))
