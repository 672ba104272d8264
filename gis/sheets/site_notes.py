"""The last sheet of a workbook of sites: what was asked, its proof, its grounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gis.sheets.book import ZH, lines_of
from gis.sheets.finding_words import finding_said, names_called
from gis.sheets.site_book import SiteBook
from gis.sheets.site_words import CLASS, KIND, MODEL, SETTINGS, UNIT_OF, WHAT

_WIDTHS: Final = (30, 110)
_LINE: Final = 16
"""Points that a line of the text takes."""
NOT_TOLD: Final = frozenset(
    ["rule_pack", "rule_pack_date", "rule_pack_note", "rule_pack_note_en", "rule_pack_en",
     "not_tested", "sources", "walkers", "access", "place", "walker", "model", "heights_known"]
)  # fmt: skip
"""Assumptions that stand elsewhere on the sheet, or that are about other services."""


def note_sheet(book: SiteBook, told: Mapping[str, Any], heading: str, verdict: str) -> None:
    """Write the notes of what `gis.sites.SitePlan.to_json` tells."""
    sheet = book.sheet("site_notes", heading)
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    parts = (
        ("asked", [(book.word("model"), book.say(MODEL, told["model"])),
                   (book.word("verdict"), verdict)]),
        ("rules", [(book.name_of(s), _rule(book, told, s)) for s in told["services"]]),
        ("relaxation", list(_relaxations(book, told))),
        ("rounds", list(_rounds(book, told))),
        ("classes", list(_classes(book, told))),
        ("assumptions", list(_assumptions(book, told["assumptions"]))),
        ("prices", list(_prices(book, told["assumptions"].get("prices", ())))),
        ("findings", list(_findings(book, told))),
    )  # fmt: skip
    for row, (key, text) in book.sections(sheet, parts):
        book.put(sheet, row, 0, key, "key")
        book.put(sheet, row, 1, text, "value")
        high = max(lines_of(text, _WIDTHS[1] - 4), lines_of(key, _WIDTHS[0] - 4))
        sheet.set_row(row, max(18, _LINE * high))


def _rule(book: SiteBook, told: Mapping[str, Any], service: Mapping[str, Any]) -> str:
    code = service["walker"]
    walkers = told["assumptions"]["walkers"]
    walker = walkers[code][("zh", "en")[book.side]] if code in walkers else code
    known = "" if service["verified"] else book.aside("unverified")
    return book.list([book.limit_of(service), walker, service["clause"]]) + known


def _relaxations(book: SiteBook, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in told["relaxations"]:
        if each["to"] is None:
            continue
        unit = book.say(UNIT_OF, each["unit"])
        text = f"{each['to']:,.2f} {unit}".replace(".00 ", " ").strip()
        if each["from"] is not None:
            now = f"{each['from']:,.1f} {unit}".replace(".0 ", " ").strip()
            text += (f"（现为 {now}）", f" (now {now})")[book.side]
        if not each["proved"]:
            text += ("，也许更少即可", ", perhaps less will do")[book.side]
        yield book.say(KIND, each["kind"]), text


def _rounds(book: SiteBook, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, each in enumerate(told["rounds"], start=1):
        best, regret = f"{each['best_alone']:,.0f}", f"{each['regret']:.2%}"
        yield (
            (f"第 {place} 期", f"Round {place}")[book.side],
            book.list(each["added"])
            + (
                f"；累计 {each['objective']:,.0f}，单独求同样处数的最好值 {best}，相差 {regret}",
                f"; {each['objective']:,.0f} in all; best for that number {best}, {regret} off",
            )[book.side],
        )


def _classes(book: SiteBook, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in told["classes"]:
        served = f"{each['objective']:,.0f}"
        if each["what"] == "covered":
            whole = f"{each['people']:,.0f}"
            yield (
                book.say(CLASS, each["class"]),
                (f"{whole} 中覆盖 {served}", f"{served} of {whole} served")[book.side],
            )
        else:
            yield book.say(WHAT, each["what"]), served


def _assumptions(book: SiteBook, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in told.items():
        if key in NOT_TOLD or key == "prices" or value is None or value == []:
            continue
        if key == "rule_pack_zh":
            value = told["rule_pack_zh" if book.side == ZH else "rule_pack_en"]
        yield book.say(SETTINGS, key), _setting(book, value)


def _setting(book: SiteBook, value: Any) -> str:
    if isinstance(value, bool):
        return (("否", "是"), ("no", "yes"))[book.side][value]
    if isinstance(value, str):
        return book.say(SETTINGS, value)
    if isinstance(value, Sequence):
        return book.list([book.means(str(part)) or "" for part in value])
    return f"{value:g}" if isinstance(value, float) else str(value)


def _prices(book: SiteBook, prices: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in prices:
        of = book.say(SETTINGS, each["of"])
        per = book.word("per_m2_year" if each["per_year"] else "per_m2")
        known = "" if each["verified"] else book.aside("price_unverified")
        price = f"{each['yuan_per_m2']:,.0f} {per}{known}"
        yield f"{book.means(each['means'])} · {of}", f"{price} {each['source']}"


def _findings(book: SiteBook, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    services = ((each["category"], each["zh"]) for each in told["services"])
    called = names_called(told["assumptions"]["walkers"], services)
    for each in told["findings"]:
        text = each["message"]
        if book.side == ZH:
            text = finding_said(each["code"], text, called)
        yield book.value(each["severity"]), text
