"""A workbook in one language: its formats, its pages, its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from gis.errors import FileError, OptionError
from gis.rules import Rule
from gis.sheets.words import VALUES, WORDS

MOST_ROWS: Final = 1_048_000
"""A sheet holds 1,048,576 rows; some are for the heading."""

LONGEST_TEXT: Final = 32_000
PAPER_A4: Final = 9
PAPER_A3: Final = 8
WIDE_SHEETS: Final = (
    "by_estate", "by_community", "by_subdistrict", "by_district", "capacity", "site_choice",
)  # fmt: skip
ROW_POINTS: Final = 18
LANGUAGES: Final = ("zh", "en")
ZH: Final = 0
EN: Final = 1

_INK: Final = "#1F2D3D"
_LINE: Final = "#BFC8D2"
_HEAD: Final = "#DCE6F0"
_ALARM: Final = "#9A2C00"
_STATUS_STYLE: Final[dict[str, dict[str, Any]]] = {
    "covered": {"bg_color": "#E6F2EC", "font_color": "#1F5C3F"},
    "gap": {"bg_color": "#FBE2D5", "font_color": "#9A2C00", "bold": True},
    "unlinked": {"bg_color": "#E9E9EC", "font_color": "#5A5A66", "italic": True},
    "no-data": {"bg_color": "#F6F6F6", "font_color": "#8A8A8A", "italic": True},
}

_Line = TypeVar("_Line")


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, width, number format and whether the heading stands."""

    heading: str
    width: float
    style: str = "text"
    upright: bool = False


class Book:
    """A workbook in one language, with its formats and words."""

    def __init__(self, path: Path, lang: str) -> None:
        as_text = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
        self.book = xlsxwriter.Workbook(str(path), dict.fromkeys(as_text, False))
        self.side = ZH if lang == "zh" else EN
        self.formats = {
            name: self.book.add_format(style) for name, style in _styles(self.side).items()
        }

    def word(self, key: str) -> str:
        """Return a heading or other fixed word."""
        return WORDS[key][self.side]

    def value(self, key: Any) -> str:
        """Translate a word of a result; one that is not known stays as it is."""
        return VALUES[key][self.side] if key in VALUES else str(key)

    def say(self, table: Mapping[Any, tuple[str, str]], key: Any) -> str:
        """Return a word of another table; one that is not known stays as it is."""
        return table[key][self.side] if key in table else str(key)

    def list(self, words: Sequence[str]) -> str:
        """Join words as a sentence does."""
        return ("、", ", ")[self.side].join(words)

    def of(self, thing: Any, key: str = "") -> str:
        """Return the Chinese or the English text of a rule or the like."""
        zh, en = (f"{key}", f"{key}_en") if key else ("zh", "en")
        return str(getattr(thing, zh if self.side == ZH else en))

    def limit(self, rule: Rule, limit_cm: int) -> str:
        """Say a limit with its unit; minutes also as the metres they come to."""
        metres = f"{limit_cm / 100:g}"
        if rule.limit_s is None:
            return (f"{metres} 米", f"{metres} m")[self.side]
        minutes = f"{rule.limit_s / 60:g}"
        return (f"{minutes} 分钟（{metres} 米）", f"{minutes} min ({metres} m)")[self.side]

    def sheet(self, name: str, heading: str) -> Any:
        """Add a sheet that prints across, as wide as the page: A4, or A3 where it has many columns.

        On A4 the letters of a sheet of twenty columns would be too small to read.
        """
        sheet = self.book.add_worksheet(self.word(name))
        sheet.set_landscape()
        sheet.set_paper(PAPER_A3 if name in WIDE_SHEETS else PAPER_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.set_footer(f"&L&8{_footer(heading)}&R&8{self.word('page')}")
        sheet.hide_gridlines(2)
        sheet.set_default_row(ROW_POINTS)
        return sheet

    def put(self, sheet: Any, row: int, column: int, value: Any, style: str) -> None:
        """Write a cell; what is unknown stays empty."""
        look = self.formats[style]
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            sheet.write_blank(row, column, None, look)
        elif isinstance(value, str):
            sheet.write_string(row, column, value[:LONGEST_TEXT], look)
        else:
            sheet.write_number(row, column, value, look)

    def table(
        self,
        sheet: Any,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Any]],
        *,
        top: int = 0,
        kept: int = 0,
        height: float = 32,
    ) -> int:
        """Write a table; a cell may be (value, style). Return the row below it."""
        if len(rows) > MOST_ROWS:
            raise OptionError(
                f"The gap list has {len(rows)} rows, more than a sheet holds ({MOST_ROWS}); "
                "measure one category at a time with --category"
            )
        sheet.set_row(top, height)
        for j, column in enumerate(columns):
            sheet.write_string(
                top, j, column.heading, self.formats["upright" if column.upright else "head"]
            )
        for i, row in enumerate(rows, start=top + 1):
            for j, (column, value) in enumerate(zip(columns, row, strict=True)):
                cell, style = value if isinstance(value, tuple) else (value, column.style)
                self.put(sheet, i, j, cell, style)
        if top == 0:
            for j, column in enumerate(columns):
                sheet.set_column(j, j, column.width)
            sheet.freeze_panes(1, kept)
            sheet.repeat_rows(0)
            sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        return top + 1 + len(rows)

    def sections(
        self, sheet: Any, parts: Iterable[tuple[str, Sequence[_Line]]]
    ) -> Iterator[tuple[int, _Line]]:
        """Head each part that has lines with its word; yield each line with its row, to write."""
        row = 0
        for title, lines in parts:
            if not lines:
                continue
            sheet.write_string(row, 0, self.word(title), self.formats["section"])
            for line in lines:
                row += 1
                yield row, line
            row += 2


_AnyBook = TypeVar("_AnyBook", bound=Book)


@contextmanager
def opened_book(kind: type[_AnyBook], path: Path, lang: str) -> Iterator[_AnyBook]:
    """Open a workbook of a kind in "zh" or "en", and save it after the block.

    An error within the block leaves no file, and one that was there as it was.

    Raises
    ------
    OptionError
        There is no such language.
    FileError
        The file cannot be written.
    """
    if lang not in LANGUAGES:
        raise OptionError(f"There is no language '{lang}'; give one of: {', '.join(LANGUAGES)}")
    book = kind(path, lang)
    yield book
    try:
        book.book.close()
    except (OSError, XlsxWriterException) as error:
        raise FileError(
            f"Cannot write {path} ({error}); check the folder and close the file elsewhere"
        ) from error


def headline(*parts: str) -> str:
    """Join what a workbook is headed with: project, title and day, those that there are."""
    return " ".join(filter(None, parts))


def lines_of(text: str, width: float) -> int:
    """Say how many lines a text takes in ``width`` letters; a Chinese one is two wide."""
    return sum(
        max(1, -int(-sum(2 if ord(letter) > 0x2E7F else 1 for letter in line) // width))
        for line in text.split("\n")
    )


def _styles(side: int) -> dict[str, dict[str, Any]]:
    look: dict[str, Any] = {"font_name": ("微软雅黑", "Calibri")[side], "font_size": 10}
    base = look | {"font_color": _INK, "valign": "vcenter"}
    cell = base | {"border": 1, "border_color": _LINE}
    head = cell | {"bold": True, "bg_color": _HEAD, "align": "center", "text_wrap": True}
    # Chinese stands letter below letter (270 is Excel's word for it), English lies on its side.
    upright = ({"rotation": 270, "valign": "top"}, {"rotation": 90, "valign": "bottom"})[side]
    styles = {
        "text": cell | {"indent": 1},
        "wrap": cell | {"text_wrap": True, "indent": 1},
        "centre": cell | {"align": "center"},
        "int": cell | {"num_format": "#,##0"},
        "one": cell | {"num_format": "#,##0.0"},
        "share": cell | {"num_format": "0.0%"},
        "head": head,
        "upright": head | upright,
        "title": base | {"font_size": 18, "bold": True},
        "lead": base | {"font_size": 12, "bold": True, "font_color": _ALARM, "text_wrap": True},
        "section": base | {"font_size": 12, "bold": True},
        "key": cell | {"bold": True, "bg_color": "#F3F6F9", "valign": "top"},
        "value": cell | {"text_wrap": True, "valign": "top", "indent": 1},
        "note": look | {"italic": True},
        "said": look | {"font_size": 11, "text_wrap": True, "valign": "vcenter"},
    }
    for status, style in _STATUS_STYLE.items():
        styles[f"is-{status}"] = cell | {"align": "center", "num_format": "#,##0"} | style
    return styles


def _footer(text: str) -> str:
    """Take the ampersand, a command in footers, out of a name; Excel allows 255 letters in all."""
    return text.replace("&", "＆")[:120]
