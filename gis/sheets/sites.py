"""Sites as a workbook: the choice, who is still without, what was refused and why, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from gis.sheets.book import LONGEST_TEXT, ROW_POINTS, ZH, Column, headline, lines_of, opened_book
from gis.sheets.site_book import SiteBook
from gis.sheets.site_notes import note_sheet
from gis.sheets.site_words import BOUND, OBJECTIVE, PROVED, STATUS, UNIT
from gis.sites import SitePlan

_TEN_THOUSAND: Final = 1e4
_LINE: Final = 14
"""Points that a line of letters takes."""
_CHOICE: Final = (
    ("site", 9, "text"), ("site_name", 22, "wrap"), ("means", 9, "centre"),
    ("used_for", 18, "wrap"), ("needed", 10, "int"), ("floor", 10, "int"),
    ("land", 10, "int"), ("cost", 12, "one"), ("available", 9, "centre"),
    ("serves", 10, "int"), ("new", 10, "int"), ("lost", 10, "int"), ("losers", 26, "wrap"),
    ("instead", 12, "centre"), ("lost_then", 10, "int"), ("note", 26, "wrap"),
)  # fmt: skip
_LOSERS: Final = 5
"""Estates that are named of those who lose a service."""
_SERVICE: Final = (
    ("number", "int"), ("service", "wrap"), ("limit", "centre"), ("clause", "wrap"),
    ("who", "wrap"), ("in_all", "int"), ("before", "int"), ("after", "int"),
    ("share_before", "share"), ("share_after", "share"), ("sites", "int"), ("fitting", "int"),
)  # fmt: skip


def write_site_workbook(
    plan: SitePlan, path: Path, *, date: str, lang: str = "zh", project: str = ""
) -> None:
    """Write where services should go, who is still without, what does not fit, and its grounds.

    Parameters
    ----------
    plan
        What `gis.sites.plan_sites` says.
    path
        An .xlsx; one that is there is replaced.
    date
        The day that the workbook carries.
    lang
        "zh" or "en".

    Raises
    ------
    OptionError
        There is no such language.
    FileError
        The file cannot be written.
    """
    with opened_book(SiteBook, path, lang) as book:
        told = plan.to_json()
        heading = headline(project, book.word("site_title"), date)
        _choice_sheet(book, told, heading)
        _without_sheet(book, told, heading)
        if told["curve"]:
            _curve_sheet(book, told, heading)
        _offer_sheet(book, told, heading)
        note_sheet(book, told, heading, _verdict(book, told))


# -- The choice


def _choice_sheet(book: SiteBook, told: Mapping[str, Any], heading: str) -> None:
    sheet = book.sheet("site_choice", heading)
    nearest = told["model"] in ("p-median", "p-center")
    columns = [
        Column(book.heading("nearest_to" if nearest and word == "serves" else word), width, style)
        for word, width, style in _CHOICE
    ]
    for j, column in enumerate(columns):
        sheet.set_column(j, j, column.width)
    sheet.set_row(0, 30)
    sheet.write_string(0, 0, heading[:LONGEST_TEXT], book.formats["title"])
    across = sum(column.width for column in columns)
    for row, text in enumerate((_lead(book, told), _verdict(book, told)), start=1):
        sheet.set_row(row, 8 + 18 * lines_of(text, 0.8 * across))
        sheet.merge_range(row, 0, row, len(columns) - 1, "", book.formats["lead"])
        book.put(sheet, row, 0, text, "lead" if row == 1 else "said")
    below = _service_table(book, sheet, told, top=4)
    rows = [_site_row(book, told, site, use) for site, use in _uses(told)]
    if not rows:
        sheet.write_string(below + 1, 0, book.word("no_edits"), book.formats["note"])
        return
    end = book.table(sheet, columns, rows, top=below + 1)
    for at, cells in enumerate(rows, start=below + 2):
        sheet.set_row(at, _height(columns, cells))
    money = _money(told["cost_yuan"])
    guessed = any(site["cost_estimated"] for site in told["chosen"])
    total = [book.word("all"), *[None] * 6, (money, "guess") if guessed else money]
    for j, value in enumerate(total):
        cell, style = value if isinstance(value, tuple) else (value, "one")
        book.put(sheet, end, j, cell, "key" if j == 0 else style)
    notes = [book.word("blank_note")]
    if told["cost_unknown"]:
        notes.append(book.word("cost_unknown").format(told["cost_unknown"]))
    sheet.write_string(end + 1, 0, " ".join(notes), book.formats["note"])


def _height(columns: Sequence[Column], cells: Sequence[Any]) -> float:
    """Return the points that a row needs for its longest text."""
    lines = [
        lines_of(cell, column.width - 3)
        for column, cell in zip(columns, cells, strict=True)
        if isinstance(cell, str) and column.style == "wrap"
    ]
    return min(400, 6 + _LINE * max(lines, default=1))


def _uses(told: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for site in told["chosen"]:
        for use in site["services"]:
            yield site, use


def _site_row(
    book: SiteBook, told: Mapping[str, Any], site: Mapping[str, Any], use: Mapping[str, Any]
) -> list[Any]:
    without = use.get("without")
    lost = lost_then = instead = None
    if without is not None:
        lost = lost_then = without["people_lost"]
        instead = without["replaced_by"] or book.word("no_other")
        if without["replaced_by"] is not None:
            lost_then = without["people_lost_then"]
    first = site["services"][0] is use
    cost = _money(site["cost_yuan"]) if first else None
    return [
        site["uid"],
        site["name"],
        book.means(site["means"]),
        _called(book, told, use["category"]),
        use["need_m2"],
        site["floor_m2"],
        site["land_m2"],
        (cost, "guess") if site["cost_estimated"] and cost is not None else cost,
        None if site["available_year"] is None else str(site["available_year"]),
        use["people"],
        use["newly_covered"],
        lost,
        _losers(book, without["estates"]) if without is not None else None,
        instead,
        lost_then,
        site["note_zh" if book.side == ZH else "note"],
    ]


def _losers(book: SiteBook, estates: Sequence[Mapping[str, Any]]) -> str | None:
    """Name the estates that lose a service: the first, and how many there are."""
    names = [each["name"] or each["estate"] for each in estates[:_LOSERS]]
    more = len(estates) - len(names)
    rest = (f" 等 {len(estates)} 个", f" and {more} more")[book.side] if more else ""
    return book.list(names) + rest or None


def _who(book: SiteBook, service: Mapping[str, Any]) -> str:
    """Name whom a service is for, and of how many estates their number is an estimate."""
    count = service["estates_estimated"]
    noun = "estate" if count == 1 else "estates"
    guess = (f"（其中 {count} 个小区为估算）", f" (estimated for {count} {noun})")[book.side]
    return book.say(UNIT, service["unit"]) + guess * bool(count)


def _called(book: SiteBook, told: Mapping[str, Any], category: str) -> str:
    return next(book.name_of(s) for s in told["services"] if s["category"] == category)


def _money(yuan: float | None) -> float | None:
    return None if yuan is None else yuan / _TEN_THOUSAND


def _service_table(book: SiteBook, sheet: Any, told: Mapping[str, Any], *, top: int) -> int:
    columns = [Column(book.heading(word), 10, style) for word, style in _SERVICE]
    rows: list[list[Any]] = []
    for service in told["services"]:
        whole = service["people_in_all"]
        before, after = service["people_before"], service["people_after"]
        rows.append(
            [
                len(rows) + 1,
                book.name_of(service),
                book.limit_of(service),
                service["clause"] + ("" if service["verified"] else book.aside("unverified")),
                _who(book, service),
                whole,
                before,
                after,
                before / whole if whole else None,
                after / whole if whole else None,
                len(service["chosen"]),
                service["offered"],
            ]
        )
    below = book.table(sheet, columns, rows, top=top)
    # The columns are as wide as those of the list of sites below.
    wide = [replace(column, width=_CHOICE[j][1]) for j, column in enumerate(columns)]
    for at, cells in enumerate(rows, start=top + 1):
        sheet.set_row(at, _height(wide, cells))
    return below


def _lead(book: SiteBook, told: Mapping[str, Any]) -> str:
    """Say in one sentence what the choice brings."""
    said = []
    for service in told["services"]:
        name, unit = book.name_of(service), book.say(UNIT, service["unit"])
        count, limit = len(service["chosen"]), book.limit_of(service)
        before, after, whole = (
            f"{service[key]:,.0f}" for key in ("people_before", "people_after", "people_in_all")
        )
        zh = f"{name}：新增 {count} 处，步行 {limit}内覆盖的{unit}由 {before} 增至 {after}"
        en = f"{name}: {count} more, {unit} within {limit} from {before} to {after} of {whole}"
        said.append((f"{zh}（应覆盖 {whole}）", en)[book.side])
    return ("；", "; ")[book.side].join(said) + ("。", ".")[book.side]


def _verdict(book: SiteBook, told: Mapping[str, Any]) -> str:
    """Say how good the choice is, and how that is known."""
    stop = ("。", ". ")[book.side]
    said = []
    if told["status"] == "infeasible":
        said.append(_why_not(book, told))
        if told["chosen"]:
            best = _how_good(book, told, told["rest_status"])
            said.append((f"其余小区的方案：{best}", f"For all others: {best}")[book.side])
    else:
        said.append(_how_good(book, told, told["status"]))
    if told["chosen"]:
        said.append(book.word("walked").rstrip("。."))
    return stop.join(said) + ("。", ".")[book.side]


def _why_not(book: SiteBook, told: Mapping[str, Any]) -> str:
    counts = [
        (f"{book.name_of(s)} {len(s['unreachable'])} 个小区无备选可达",
         f"{book.name_of(s)}: {len(s['unreachable'])} estates out of reach")[book.side]
        for s in told["services"] if s["unreachable"]
    ]  # fmt: skip
    if not counts and not any(service["offered"] for service in told["services"]):
        counts = [book.word("none_fits")]
    elif not counts and told["relaxations"]:
        counts = [book.word("falls_short")]
    why = ("；", "; ")[book.side].join(counts)
    text = book.say(STATUS, told["status"])
    return text + ((f"（{why}）", f" ({why})")[book.side] if why else "")


def _how_good(book: SiteBook, told: Mapping[str, Any], status: str) -> str:
    """Say what is proved of a choice, in the terms of what was asked."""
    model = "cheapest" if told["objective_unit"] == "yuan" else told["model"]
    if model == "mclp" and len(told["services"]) > 1:
        model = "shares"
    text = book.say(STATUS, status)
    if told["objective"] is None:
        return text
    if told["classes"]:
        return text + ("：", ": ")[book.side] + book.word("by_class")
    parts = [book.say(OBJECTIVE, model).format(_figure(told["objective"]))]
    if status == "optimal":
        parts.append(book.say(PROVED, model))
    elif told["bound"] is not None:
        gap = (
            ""
            if not told["gap"]
            else (f"（相差 {told['gap']:.2%}）", f" ({told['gap']:.2%} off)")[book.side]
        )
        parts.append(book.say(BOUND, model).format(_figure(told["bound"])) + gap)
    return text + ("：", ": ")[book.side] + ("，", "; ")[book.side].join(parts)


def _figure(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


# -- Who is still without, and what was refused


def _without_sheet(book: SiteBook, told: Mapping[str, Any], heading: str) -> None:
    """List who is without a service then, those with most people first."""
    sheet = book.sheet("site_without", heading)
    # A long list: upright, a line each.
    sheet.set_portrait()
    columns = [
        Column(book.word("service"), 18), Column(book.word("estate"), 14),
        Column(book.word("name"), 24), Column(book.word("people"), 9, "int"),
        Column(book.word("why"), (31, 40)[book.side]),
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for service in told["services"]:
        without = []
        for each in service["still_without"]:
            why = book.word("not_chosen" if each["within_reach"] else "no_candidate")
            people = each["people"] if each["people_known"] else None
            without.append([book.name_of(service), each["estate"], each["name"], people, why])
        rows += sorted(without, key=lambda row: (row[3] is None, -(row[3] or 0.0), row[1]))
    book.table(
        sheet, columns, rows or [[book.word("nobody_without"), None, None, None, None]], kept=1
    )


def _listed(
    book: SiteBook, sheet: Any, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
) -> None:
    book.table(sheet, columns, rows, kept=1)
    for at, cells in enumerate(rows, start=1):
        sheet.set_row(at, max(ROW_POINTS, _height(columns, cells)))


def _offer_sheet(book: SiteBook, told: Mapping[str, Any], heading: str) -> None:
    """List what does not fit and why; ways to use a room that fail for one reason are one row."""
    sheet = book.sheet("site_offers", heading)
    columns = [
        Column(book.word("site"), 11), Column(book.word("site_name"), 26, "wrap"),
        Column(book.word("means"), 12, "wrap"), Column(book.word("service"), 20, "wrap"),
        Column(book.word("why"), 86, "wrap"),
    ]  # fmt: skip
    names = {s["category"]: book.name_of(s) for s in told["services"]}
    key = "reason_zh" if book.side == ZH else "reason"
    ways: dict[tuple[Any, ...], list[str]] = {}
    for each in told["left_out"]:
        room = (each["uid"], each["name"], names.get(each["category"]), each[key])
        ways.setdefault(room, []).append(book.means(each["means"]) or "")
    rows: list[list[Any]] = [
        [uid, name, book.list([way for way in dict.fromkeys(means) if way]), service, why]
        for (uid, name, service, why), means in ways.items()
    ]
    _listed(book, sheet, columns, rows or [[book.word("all_fit"), None, None, None, None]])


def _curve_sheet(book: SiteBook, told: Mapping[str, Any], heading: str) -> None:
    sheet = book.sheet("site_curve", heading)
    points = told["curve"]["points"]
    columns = [
        Column(book.word(word), 12, style)
        for word, style in (
            ("count", "int"), ("served", "int"), ("gain", "int"), ("at_most", "int"),
            ("proved", "centre"),
        )
    ]  # fmt: skip
    keys = ("count", "people", "gain", "bound")
    rows = [[*(p[key] for key in keys), book.say(STATUS, p["status"])] for p in points]
    below = book.table(sheet, columns, rows)
    if told["curve"]["knee"] is not None:
        text = book.word("knee_note").format(told["curve"]["knee"])
        sheet.merge_range(below + 1, 0, below + 1, 4, "", book.formats["said"])
        sheet.write_string(below + 1, 0, text, book.formats["said"])
        sheet.set_row(below + 1, 34)
    sheet.insert_chart(0, 6, _chart(book, points))


def _chart(book: SiteBook, points: Sequence[Mapping[str, Any]]) -> Any:
    """Draw people served against sites, and what is proved to be the most where that is more."""
    name = book.word("site_curve")
    chart = book.book.add_chart({"type": "scatter", "subtype": "straight_with_markers"})
    lines = [(1, "served", {"color": "#0B6E4F", "width": 2.25})]
    if any(point["bound"] != point["people"] for point in points):
        lines.append((3, "at_most", {"color": "#9A2C00", "width": 1.0, "dash_type": "dash"}))
    for column, word, line in lines:
        chart.add_series(
            {
                "name": book.word(word),
                "categories": [name, 1, 0, len(points), 0],
                "values": [name, 1, column, len(points), column],
                "line": line,
                "marker": {"type": "circle", "size": 5, "fill": {"color": line["color"]},
                           "border": {"color": line["color"]}},
            }
        )  # fmt: skip
    last = points[-1]["count"] if points else 1
    chart.set_x_axis(
        {"name": book.word("count"), "min": 0, "max": max(last, 1), "major_unit": _step(last),
         "major_gridlines": {"visible": False}}
    )  # fmt: skip
    grid = {"visible": True, "line": {"color": "#D9E0E6", "width": 0.75}}
    chart.set_y_axis(
        {"name": book.word("served"), "min": 0, "num_format": "#,##0", "major_gridlines": grid}
    )
    chart.set_legend({"position": "bottom"} if len(lines) > 1 else {"none": True})
    chart.set_title({"none": True})
    chart.set_size({"width": 620, "height": 360})
    return chart


def _step(last: int) -> int:
    """Return a step of whole sites for an axis of about ten marks."""
    return max(1, -(-last // 10))
