"""What differs between two plans, as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from gis.plans import METRICS, PlanDifference
from gis.plans.compare import shown_difference
from gis.sheets.book import ZH, Column, headline, opened_book
from gis.sheets.plan_words import CHANGED
from gis.sheets.plans import PlanBook

_PARTS: Final = {
    "split": ("拆分为新方案 {}", "was split into {} of the new plan"),
    "split-off": ("自原方案 {} 拆出", "was split off {} of the old plan"),
    "merged": ("合并自原方案 {}", "was merged of {} of the old plan"),
    "merged-into": ("并入新方案 {}", "was merged into {} of the new plan"),
}
_TWIN: Final = ("原片区在新方案中对应", "Counterpart of the old one")
_UNLIKE_PARTS: Final = (
    "两方案未知项数不同时不计变化。",
    "No difference is told where the plans lack unequally many.",
)


def write_comparison(
    difference: PlanDifference,
    path: Path,
    *,
    date: str,
    lang: str = "zh",
    project: str = "",
) -> None:
    """Write districts side by side, the estates that differ, and every metric before and after.

    Raises
    ------
    OptionError
        There is no such language.
    FileError
        The file cannot be written.
    """
    with opened_book(PlanBook, path, lang) as book:
        names = f"{difference.first.name} → {difference.second.name}"
        heading = headline(project, names, date)
        _pair_sheet(book, difference, heading, names)
        _change_sheet(book, difference, heading)
        _metric_sheet(book, difference, heading)


def _pair_sheet(book: PlanBook, difference: PlanDifference, heading: str, names: str) -> None:
    sheet = book.sheet("compared", heading)
    columns = [
        *(Column(words, 22) for words in _headings(book, difference)),
        Column(book.word("shared_estates"), 14, "int"),
        Column(book.word("shared_people"), 14, "int"),
        Column(book.word("what"), 44, "wrap"),
    ]
    for j, column in enumerate(columns):
        sheet.set_column(j, j, column.width)
    sheet.set_row(0, 30)
    sheet.write_string(0, 0, names, book.formats["title"])
    sheet.set_row(1, 34)
    sheet.merge_range(1, 0, 1, len(columns) - 1, "", book.formats["lead"])
    book.put(sheet, 1, 0, _lead(book, difference), "lead")
    book.table(sheet, columns, list(_pair_rows(book, difference)), top=2)


def _lead(book: PlanBook, difference: PlanDifference) -> str:
    count, moved = len(difference.changes), len(difference.moved)
    people, unknown = difference.people_affected, difference.people_unknown
    crowd = book.word("unknown") if np.isnan(people) else f"{people:,.0f}"
    if book.side == ZH:
        more = f"（另有 {unknown} 个小区人口未知）" if unknown else ""
        return f"{count} 个小区归属不同，其中 {moved} 个换了片区，涉及 {crowd} 人{more}。"
    more = f" (of {unknown} estates unknown)" if unknown else ""
    return f"{count} estates differ, {moved} of them in another district: {crowd} people{more}."


def _pair_rows(book: PlanBook, difference: PlanDifference) -> Iterator[list[Any]]:
    splits = {part.district: part.parts for part in difference.splits}
    merges = {part.district: part.parts for part in difference.merges}
    source = {name: part.district for part in difference.splits for name in part.parts}
    goal = {name: part.district for part in difference.merges for name in part.parts}
    for pair in difference.pairs:
        words = []
        if pair.first in splits:
            words.append(_PARTS["split"][book.side].format(book.list(splits[pair.first])))
        if pair.second in merges:
            words.append(_PARTS["merged"][book.side].format(book.list(merges[pair.second])))
        if pair.same:
            words.append(book.word("same" if pair.first == pair.second else "renamed"))
        if pair.first is None:
            words.append(_whence(book, "split-off", source.get(pair.second or ""), "only_after"))
        if pair.second is None:
            words.append(_whence(book, "merged-into", goal.get(pair.first or ""), "only_before"))
        paired = pair.first is not None and pair.second is not None
        yield [
            pair.first or "", pair.second or "",
            pair.estates if paired else None, pair.people if paired else None,
            ("；", "; ")[book.side].join(words),
        ]  # fmt: skip


def _whence(book: PlanBook, key: str, other: str | None, else_word: str) -> str:
    """Say what a district without a counterpart is a part of, where it is of one."""
    return book.word(else_word) if other is None else _PARTS[key][book.side].format(other)


def _headings(book: PlanBook, difference: PlanDifference) -> tuple[str, str]:
    """Old and new plan, with their names unless these are versions of one."""
    one, two = difference.first.name, difference.second.name
    if one == two:
        return book.word("before"), book.word("after")
    form = ("{}（{}）", "{} ({})")[book.side]
    return form.format(book.word("before"), one), form.format(book.word("after"), two)


def _change_sheet(book: PlanBook, difference: PlanDifference, heading: str) -> None:
    sheet = book.sheet("changed", heading)
    columns = [
        Column(book.word("name"), 26),
        Column(book.word("estate"), 16),
        *(Column(words, 22) for words in _headings(book, difference)),
        Column(_TWIN[book.side], 22),
        Column(book.word("what"), 16, "centre"),
        Column(book.word("people"), 12, "int"),
    ]
    rows = [
        [
            c.name or "", c.estate, c.before or "", c.after or "", c.counterpart or "",
            book.say(CHANGED, c.what), c.people,
        ]
        for c in difference.changes
    ]  # fmt: skip
    book.table(sheet, columns, rows, kept=2)


def _metric_sheet(book: PlanBook, difference: PlanDifference, heading: str) -> None:
    sheet = book.sheet("plan_figures", heading)
    called = {m.name: (m.zh, m.unit_zh) if book.side == ZH else (m.en, m.unit) for m in METRICS}
    columns = [
        Column(book.word("measure"), 26),
        *(
            Column(f"{book.word('district')} · {words}", 20)
            for words in _headings(book, difference)
        ),
        Column(book.word("before"), 16, "one"),
        Column(book.word("after"), 16, "one"),
        Column(book.word("difference"), 16, "one"),
        Column(book.word("unit"), 10, "centre"),
        *(
            Column(f"{book.word('unknown_of')} · {book.word(key)}", 22, "int")
            for key in ("before", "after")
        ),
    ]
    rows = [
        [
            called[row["metric"]][0],
            (book.word("all"), "key") if row["whole_plan"] else row["first"] or "",
            (book.word("all"), "key") if row["whole_plan"] else row["second"] or "",
            _part(row["before"], row["before_unknown"]), _part(row["after"], row["after_unknown"]),
            _part(shown_difference(row, 1), row["before_unknown"]), called[row["metric"]][1],
            row["before_unknown"] or None, row["after_unknown"] or None,
        ]
        for row in difference.side_by_side()
    ]  # fmt: skip
    below = book.table(sheet, columns, rows, kept=3)
    note = ("", " ")[book.side].join((book.word("unknown_note"), _UNLIKE_PARTS[book.side]))
    sheet.write_string(below, 0, note, book.formats["note"])


def _part(value: float, unknown: int) -> Any:
    """Return a figure as it is shown; a star where some of it is not known."""
    if np.isnan(value) or not unknown:
        return round(value, 1)
    return f"{value:,.1f} *", "starred"
