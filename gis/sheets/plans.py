"""A plan as a workbook: its districts, its estates, what was left out and why, all links, notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from gis.districts import DistrictPlan
from gis.districts.link_words import link_words, why_words
from gis.model import Layer, people_of
from gis.plans import Package, PlanMetrics, package_sums
from gis.plans.metrics import centre_rule
from gis.plans.packages import estates_of
from gis.sheets.book import LONGEST_TEXT, ZH, Book, Column, headline, opened_book
from gis.sheets.plan_words import (
    HAPPENED,
    INPUTS,
    LEAD,
    REASONS,
    SETTINGS,
    STATUS,
    WORDS,
    history_note,
)

# A column of the first sheet: metric, heading, width, what it is divided by, style.
_FIRST: Final = (
    ("estates", "estates", 8, 1, "int"),
    ("people", "people", 10, 1, "int"),
    ("households", "households", 10, 1, "int"),
    ("buildings", "buildings", 8, 1, "int"),
    ("floor_area_m2", "floor_area", 12, 1e4, "one"),
    ("cost_yuan", "cost", 12, 1e4, "int"),
    ("centre_walk_m", "centre_walk", 12, 1, "int"),
    ("longest_walk_m", "longest_walk", 12, 1, "int"),
    ("facilities_shared", "shared", 11, 1, "int"),
    ("people_lacking", "lacking", 12, 1, "int"),
    ("pipes_m", "pipes", 9, 1e3, "one"),
    ("pipes_old_m", "old_pipes", 9, 1e3, "one"),
)


_TALL: Final = 34
_CENTRE: Final = ("中心小区", "Centre")
_CENTRE_WALK: Final = (
    "片区内居民沿道路步行到中心小区的平均距离，按人口加权。",
    "Mean walk along streets of the district's people to its centre.",
)
_SHARED_ONCE: Final = (
    "几个片区都可达的同一设施，各片区都计，合计只计一次。",
    " One that several districts reach counts in each, and once in the total.",
)


class PlanBook(Book):
    """A workbook that has the words of plans too."""

    def __init__(self, path: Path, lang: str) -> None:
        super().__init__(path, lang)
        look = {"font_name": ("微软雅黑", "Calibri")[self.side], "font_size": 10}
        cell = look | {"valign": "vcenter", "border": 1, "border_color": "#BFC8D2"}
        self.formats["starred"] = self.book.add_format(cell | {"align": "right", "italic": True})
        guess = ('#,##0"（估）"', '#,##0" est."')[self.side]
        self.formats["guess"] = self.book.add_format(cell | {"num_format": guess})

    def word(self, key: str) -> str:
        """Return a heading or other fixed word."""
        return WORDS[key][self.side] if key in WORDS else super().word(key)


def write_plan_workbook(
    metrics: PlanMetrics,
    estates: Layer,
    path: Path,
    *,
    date: str,
    lang: str = "zh",
    project: str = "",
    version: int = 1,
    packages: Sequence[Package] = (),
    violations: Sequence[Any] = (),
    stale: Sequence[str] = (),
) -> None:
    """Write a plan: districts, figures, packages, estates, left out, links, notes.

    Parameters
    ----------
    metrics
        What `measure_plan` says of the plan.
    estates
        The layer of its estates.
    path
        An .xlsx; one that is there is replaced.
    date
        The day that the workbook carries.
    lang
        "zh" or "en".
    packages
        Its work packages.
    violations
        What the checker found; words, or with ``words_zh`` for Chinese.
    stale
        Layers that changed since the plan was made.

    Raises
    ------
    OptionError
        There is no such language.
    FileError
        The file cannot be written.
    """
    with opened_book(PlanBook, path, lang) as book:
        plan = metrics.plan
        title = f"{plan.name} ({book.word('version')} {version})"
        heading = headline(project, title, date)
        faults = [_of_side(book, violation) for violation in violations]
        _district_sheet(book, metrics, packages, heading, project, faults, stale)
        if packages:
            _package_sheet(book, plan, packages, estates, heading)
        _estate_sheet(book, metrics, packages, estates, heading)
        _left_out_sheet(book, plan, estates, heading)
        _figure_sheet(book, metrics, heading)
        _link_sheet(book, plan, estates, heading)
        _note_sheet(book, metrics, heading, faults, stale)


def _of_side(book: PlanBook, violation: Any) -> str:
    return str(getattr(violation, "words_zh", violation) if book.side == ZH else violation)


def _persons(plan: DistrictPlan) -> dict[str, float]:
    kept = plan.settings.get("persons_per_household")
    return {} if kept is None else {"persons_per_household": float(kept)}


def _package_of(plan: DistrictPlan, packages: Sequence[Package]) -> dict[str, Package]:
    return {uid: package for package in packages for uid in estates_of(plan, package)}


def _district_sheet(
    book: PlanBook,
    metrics: PlanMetrics,
    packages: Sequence[Package],
    heading: str,
    project: str,
    faults: Sequence[str],
    stale: Sequence[str],
) -> None:
    sheet = book.sheet("plan_districts", heading)
    table = metrics.table
    shown = [line for line in _FIRST if line[0] in table and table[line[0]].notna().any()]
    columns = [
        Column(book.word("district"), 14),
        *(
            # The unit stands below its word, which a narrow column would break anywhere.
            Column(book.word(word).replace("（", "\n（").replace(" (", "\n("), width, style)
            for _, word, width, _, style in shown
        ),
        Column(book.word("plan_missing"), 40, "wrap"),
        *([Column(book.word("package"), 14)] if packages else []),
    ]
    for j, column in enumerate(columns):
        sheet.set_column(j, j, column.width)
    sheet.set_row(0, 30)
    name = metrics.plan.name
    title = (" ", ": ")[book.side].join(part for part in (project, name) if part)
    sheet.write_string(0, 0, title[:LONGEST_TEXT], book.formats["title"])
    for row, text in enumerate((_lead(book, metrics), _state(book, faults, stale)), start=1):
        sheet.set_row(row, 34)
        sheet.merge_range(row, 0, row, len(columns) - 1, "", book.formats["lead"])
        book.put(sheet, row, 0, text, "lead" if row == 1 or faults or stale else "said")
    owner = {d: p.name for p in packages for d in p.districts}
    rows = [
        [
            row["district"],
            *(_figure(row, key, over) for key, _, _, over, _ in shown),
            _missing(book, metrics.missing[row["district"]]),
            *([owner.get(row["district"], "")] if packages else []),
        ]
        for row in table.to_dict("records")
    ]
    total = [
        (book.word("all"), "key"),
        *(_figure(metrics.totals, key, over) for key, _, _, over, _ in shown),
        *[None] * (len(columns) - len(shown) - 1),
    ]
    below = book.table(sheet, columns, [*rows, total], top=3, height=48)
    if any(metrics.missing.values()):
        for at in range(4, 4 + len(rows)):
            sheet.set_row(at, _TALL)
    sheet.freeze_panes(4, 1)
    sheet.repeat_rows(3)
    sheet.write_string(below, 0, book.word("unknown_note"), book.formats["note"])


def _figure(row: Mapping[Any, Any], key: str, over: float) -> Any:
    """Return a figure in the unit of the sheet; a star where some of it is not known."""
    value = float(row[key])
    if np.isnan(value):
        return None
    if row.get(f"{key}_unknown", 0) and key != "estates":
        digits = 1 if (over > 1 and over != 1e4) or key == "floor_area_m2" else 0
        return f"{value / over:,.{digits}f} *", "starred"
    return value / over


def _missing(book: PlanBook, lines: Sequence[Mapping[str, Any]]) -> str:
    """Name what most people of a district lack."""
    ranked = sorted(lines, key=lambda line: -(line["people"] or 0.0))
    said = [
        f"{line['zh' if book.side == ZH else 'en']}"
        + ("" if line["people"] is None else f" {line['people']:,.0f}")
        for line in ranked[:4]
    ]
    more = len(ranked) - len(said)
    rest = (f" 等{len(ranked)}项", f" and {more} more")[book.side] if more > 0 else ""
    return book.list(said) + rest


def _lead(book: PlanBook, metrics: PlanMetrics) -> str:
    """Say in one sentence what the plan is."""
    totals, left = metrics.totals, metrics.left_out
    sizes = [
        f"{book.say(LEAD, column)} {_bounds(low, high, '–')}"
        for column, (low, high) in metrics.plan.settings.get("sizes", {}).items()
    ]
    people = totals.get("people", float("nan"))
    crowd = book.word("unknown_people") if np.isnan(people) else f"{people:,.0f}"
    out = "" if np.isnan(left["people"]) else f"{left['people']:,.0f}"
    count, estates = len(metrics.table), int(totals["estates"])
    if book.side == ZH:
        text = f"共 {count} 个片区、{estates:,} 个小区、{crowd} 人"
        text += f"；另有 {left['estates']:,} 个小区" if left["estates"] else ""
        text += f"（{out} 人）未编入片区" if left["estates"] and out else ""
        text += "未编入片区" if left["estates"] and not out else ""
        return text + (f"。每个片区{book.list(sizes)}。" if sizes else "。")
    text = f"{count} districts, {estates:,} estates, {crowd} people"
    if left["estates"]:
        noun = "estate" if left["estates"] == 1 else "estates"
        text += f"; {left['estates']:,} {noun} in no district" + (f" ({out} people)" if out else "")
    return text + (f". Per district: {book.list(sizes)}." if sizes else ".")


def _state(book: PlanBook, faults: Sequence[str], stale: Sequence[str]) -> str:
    """Say whether the plan keeps its constraints, and whether it is up to date."""
    if faults:
        text = (f"有 {len(faults)} 处不符合约束，见“说明”。", f"{len(faults)} faults, see 'Notes'.")
    else:
        text = ("经独立检验，全部约束均满足。", "Checked independently: every constraint is kept.")
    said = text[book.side]
    if stale:
        changed = book.list([book.say(INPUTS, kind) for kind in stale])
        said += (
            f"方案形成后以下数据已变动，请重新计算：{changed}。",
            f" These layers changed since the plan was made: {changed}.",
        )[book.side]
    return said


def _estate_sheet(
    book: PlanBook,
    metrics: PlanMetrics,
    packages: Sequence[Package],
    estates: Layer,
    heading: str,
) -> None:
    sheet = book.sheet("plan_estates", heading)
    plan = metrics.plan
    frame = estates.frame
    keys = ("subdistrict", "community", "manager")
    texts = {key: frame[key].to_numpy(dtype=object, na_value=None) for key in ("name", *keys)}
    numbers = {key: estates.numbers(key) for key in ("households", "cost_yuan")}
    people, estimated = people_of(estates, **_persons(plan))
    district = dict(zip(map(str, plan.estates), plan.district, strict=True))
    package = _package_of(plan, packages)
    columns = [
        Column(book.word("district"), 14),
        Column(book.word("name"), 26),
        Column(book.word("estate"), 16),
        Column(book.word("subdistrict"), 14),
        Column(book.word("community"), 14),
        Column(book.word("plan_manager"), 22),
        Column(book.word("households"), 10, "int"),
        Column(book.word("people"), 10, "int"),
        Column(book.word("cost"), 12, "int"),
        *([Column(book.word("package"), 14), Column(book.word("builder"), 20)] if packages else []),
    ]
    order = {name: place for place, name in enumerate(plan.districts)}
    rows = []
    for row, uid in sorted(
        enumerate(map(str, estates.uids)),
        key=lambda pair: (order.get(district.get(pair[1]) or "", len(order)), pair[0]),
    ):
        own = package.get(uid)
        rows.append([
            district.get(uid) or (book.word("none_of_them"), "is-unlinked"),
            texts["name"][row], uid,
            *(texts[key][row] for key in keys),
            numbers["households"][row], (people[row], "guess" if estimated[row] else "int"),
            numbers["cost_yuan"][row] / 1e4,
            *([own.name if own else "", (own.builder or "") if own else ""] if packages else []),
        ])  # fmt: skip
    book.table(sheet, columns, rows, kept=2)


def _left_out_sheet(book: PlanBook, plan: DistrictPlan, estates: Layer, heading: str) -> None:
    sheet = book.sheet("plan_left_out", heading)
    names = estates.frame["name"].to_numpy(dtype=object, na_value=None)
    row_of = {str(uid): row for row, uid in enumerate(estates.uids)}
    people, _ = people_of(estates, **_persons(plan))
    columns = [
        Column(book.word("name"), 26),
        Column(book.word("estate"), 16),
        Column(book.word("people"), 10, "int"),
        Column(book.word("reason"), 80, "wrap"),
        Column(book.word("proved"), 12, "centre"),
        Column(book.word("remedy"), 60, "wrap"),
    ]
    rows = []
    for item in plan.left_out:
        row = row_of.get(item.estate)
        remedy = str(getattr(item, "remedy", ""))
        rows.append([
            None if row is None else names[row], item.estate,
            None if row is None else people[row],
            reason_words(item.reason, book.side), book.word("is_true" if item.proved else "not_so"),
            reason_words(remedy, book.side),
        ])  # fmt: skip
    if not rows:
        rows = [[book.word("nothing_left"), None, None, None, None, None]]
    book.table(sheet, columns, rows, kept=1)


def reason_words(text: str, side: int) -> str:
    """Put what the search says into Chinese; what is not known stays as it is."""
    if side == ZH:
        for pattern, words in REASONS:
            text = re.sub(pattern, words, text)
    return text


def _package_sheet(
    book: PlanBook,
    plan: DistrictPlan,
    packages: Sequence[Package],
    estates: Layer,
    heading: str,
) -> None:
    sheet = book.sheet("packages", heading)
    columns = [
        Column(book.word("package"), 16),
        Column(book.word("builder"), 24),
        Column(book.word("parts"), 40, "wrap"),
        Column(book.word("estates"), 9, "int"),
        Column(book.word("managers"), 10, "int"),
        Column(book.word("people"), 10, "int"),
        Column(book.word("households"), 10, "int"),
        Column(book.word("buildings"), 9, "int"),
        Column(book.word("floor_area"), 12, "one"),
        Column(book.word("cost"), 12, "int"),
    ]
    parts = [book.list([*p.districts, *p.estates]) for p in packages]
    rows = []
    for row, words in zip(
        package_sums(plan, packages, estates).to_dict("records"), [*parts, ""], strict=True
    ):
        if row["package"] is None and not row["estates"]:
            continue
        rows.append([
            row["package"] or (book.word("no_package"), "is-unlinked"), row["builder"], words,
            row["estates"],
            *(_figure(row, key, 1) for key in ("managers", "people", "households", "buildings")),
            _figure(row, "floor_area_m2", 1e4), _figure(row, "cost_yuan", 1e4),
        ])  # fmt: skip
    book.table(sheet, columns, rows, kept=1)


def _figure_sheet(book: PlanBook, metrics: PlanMetrics, heading: str) -> None:
    """Write every metric with its unit, a row each: districts are columns where they are few."""
    sheet = book.sheet("plan_figures", heading)
    columns = [
        Column(book.word("district"), 14),
        Column(book.word("measure"), 26),
        Column(book.word("value"), 14, "one"),
        Column(book.word("unit"), 10, "centre"),
        Column(book.word("unknown_of"), 16, "int"),
    ]
    rows = []
    lines: list[dict[Any, Any]] = metrics.table.to_dict("records")
    lines.append({**metrics.totals, "district": None})
    for line in lines:
        for metric in metrics.metrics:
            value = float(line[metric.name])
            rows.append([
                line["district"] or (book.word("all"), "key"),
                metric.zh if book.side == ZH else metric.en,
                (book.word("unknown"), "is-no-data") if np.isnan(value) else round(value, 1),
                metric.unit_zh if book.side == ZH else metric.unit,
                int(line[f"{metric.name}_unknown"]) or None,
            ])  # fmt: skip
    book.table(sheet, columns, rows, kept=2)


def _link_sheet(book: PlanBook, plan: DistrictPlan, estates: Layer, heading: str) -> None:
    sheet = book.sheet("links", heading)
    names = estates.frame["name"].to_numpy(dtype=object, na_value=None)
    called = {str(uid): name for uid, name in zip(estates.uids, names, strict=True)}
    columns = [
        *(Column(f"{book.word('name')} {k}", 24) for k in (1, 2)),
        *(Column(f"{book.word('district')} {k}", 13) for k in (1, 2)),
        Column(book.word("linked"), 10, "centre"),
        Column(book.word("metres"), 11, "int"),
        Column(book.word("reason"), 70, "wrap"),
    ]
    book.table(sheet, columns, list(_link_rows(book, plan, called)), kept=2)


def _link_rows(
    book: PlanBook, plan: DistrictPlan, called: Mapping[str, str | None]
) -> Iterator[list[Any]]:
    beside = plan.adjacency
    why, why_not = link_reasons(plan, book.side)
    given: tuple[tuple[Any, Any, list[str], bool], ...] = (
        (beside.links, beside.metres, why, True),
        (beside.beyond, beside.beyond_m, why_not, False),
    )
    for pairs, metres, words, linked in given:
        for (a, b), m, text in zip(pairs.tolist(), metres.tolist(), words, strict=True):
            one, two = str(plan.estates[a]), str(plan.estates[b])
            yield [
                called.get(one) or one, called.get(two) or two,
                plan.district[a] or "", plan.district[b] or "",
                (book.word("is_linked" if linked else "not_linked"),
                 "is-covered" if linked else "is-unlinked"),
                m, text,
            ]  # fmt: skip


def link_reasons(plan: DistrictPlan, side: int) -> tuple[list[str], list[str]]:
    """Return why each link is one, and why each other pair is none, in the language of the book."""
    beside = plan.adjacency
    if side != ZH:
        return list(map(str, beside.reason)), list(map(str, beside.beyond_reason))
    links = zip(beside.how, beside.walk_m, beside.gap_m, beside.shared_m, beside.note, strict=True)
    why = [link_words(*link, "zh") for link in links]
    parted = zip(beside.beyond_why, beside.beyond_m, beside.beyond_what, strict=True)
    why_not = [why_words(*pair, "zh") for pair in parted]
    # Plans that were kept before links had figures have only words.
    return (
        [new or reason_words(str(old), ZH) for new, old in zip(why, beside.reason, strict=True)],
        [
            new or reason_words(str(old), ZH)
            for new, old in zip(why_not, beside.beyond_reason, strict=True)
        ],
    )


def _note_sheet(
    book: PlanBook,
    metrics: PlanMetrics,
    heading: str,
    faults: Sequence[str],
    stale: Sequence[str],
) -> None:
    sheet = book.sheet("plan_notes", heading)
    for column, width in enumerate((24, 110)):
        sheet.set_column(column, column, width)
    plan = metrics.plan
    parts = (
        ("basis", list(_basis(book, plan))),
        ("faults", [(str(n), text) for n, text in enumerate(faults, start=1)]),
        ("stale", [(book.say(INPUTS, kind), kind) for kind in stale]),
        ("history", list(_history(book, plan))),
        ("figures_mean", list(_meanings(book, plan))),
    )
    for row, (key, text) in book.sections(sheet, parts):
        book.put(sheet, row, 0, key, "key")
        book.put(sheet, row, 1, text, "value")


def _basis(book: PlanBook, plan: DistrictPlan) -> Iterator[tuple[str, str]]:
    settings = plan.settings
    yield book.word("status"), book.say(STATUS, plan.status)
    if not np.isnan(plan.objective):
        bound = book.word("no_bound")
        if plan.bound > 0 or plan.status == "optimal":
            bound = book.word("not_below").format(f"{plan.bound:,.3g}")
        yield book.word("objective_and_bound"), f"{plan.objective:,.3g}; {bound}"
    for column, (low, high) in settings.get("sizes", {}).items():
        yield book.say(LEAD, column), _bounds(low, high, " – ")
    yield book.word("where"), settings.get("where") or book.word("all_estates")
    for key in ("count", "adjacency", "max_link_m", "max_walk_minutes", "within", "objective"):
        value = settings.get(key)
        if value:
            yield book.word(f"set_{key}"), _setting(book, value)
    if settings.get("seed") is not None:
        yield book.word("seed"), str(settings["seed"])
    if settings.get("persons_per_household") is not None:
        yield book.word("coefficient"), f"{settings['persons_per_household']:g}"


def _bounds(low: float, high: float, to: str) -> str:
    return f"{low:,.0f}{to}{high:,.0f}" if np.isfinite(high) else f"≥ {low:,.0f}"


def _setting(book: PlanBook, value: Any) -> str:
    if isinstance(value, Mapping):
        said = [f"{book.say(SETTINGS, key)} {weight:g}" for key, weight in value.items()]
        return book.list(said)
    if isinstance(value, list | tuple):
        return book.list([book.say(SETTINGS, word) for word in value])
    return f"{value:g}" if isinstance(value, float) else book.say(SETTINGS, value)


def _history(book: PlanBook, plan: DistrictPlan) -> Iterator[tuple[str, str]]:
    for line in plan.settings.get("history", ()):
        when = str(line.get("when") or "")[:16].replace("T", " ")
        note = line.get("note")
        if note and book.side == ZH:
            note = history_note(str(note))
        said = (book.say(HAPPENED, line.get("what")), note, line.get("who"))
        number = f"{book.word('version')} {line.get('version', '')}".strip()
        yield f"{number} · {when}", " · ".join(str(part) for part in said if part)


def _meanings(book: PlanBook, plan: DistrictPlan) -> Iterator[tuple[str, str]]:
    yield _CENTRE[book.side], ("{}。", "{}.")[book.side].format(centre_rule(plan)[book.side])
    yield book.word("centre_walk"), _CENTRE_WALK[book.side]
    for key in ("longest_walk", "shared", "lacking", "pipes", "old_pipes"):
        more = _SHARED_ONCE[book.side] if key == "shared" else ""
        yield book.word(key), book.word(f"about_{key}") + more
