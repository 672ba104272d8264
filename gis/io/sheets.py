"""Spreadsheets: xlsx and xls, as offices write them."""

from __future__ import annotations

import datetime
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from gis.errors import FileError
from gis.io.archive import open_zip
from gis.io.rows import Cell, find_table
from gis.io.source import Source, Wish
from gis.io.tables import table_source
from gis.io.vector import choose


def read_sheet(path: Path, wish: Wish) -> Source:
    """Read the one sheet of a workbook that holds something, or the one that is named.

    Raises
    ------
    FileError
        The workbook is cut, protected, a zip bomb, blank, or has several sheets and none is named.
    UnknownNameError
        It has no sheet of that name.
    """
    if path.suffix.casefold() != ".xls":
        with open_zip(path):
            pass  # for its checks: the reader below trusts what it is given
    try:
        with CalamineWorkbook.from_path(path) as book:
            name = _choose(book, wish.layer, path.name)
            sheet = book.get_sheet_by_name(name)
            grid = _cells(sheet)
            merged = [
                ((int(a), int(b)), (int(c), int(d)))
                for (a, b), (c, d) in sheet.merged_cell_ranges or ()
            ]
    except (CalamineError, OSError) as error:
        words = " ".join(str(error).split())[:120]
        raise FileError(
            f"{path.name} is cut, protected or no workbook ({words}); save it as xlsx once more"
        ) from error
    return table_source(path.name, find_table(grid, merged=merged, knows=wish.knows), None)


def _choose(book: CalamineWorkbook, wanted: str | None, file: str) -> str:
    if wanted is not None:
        return choose(book.sheet_names, wanted, file, "sheet")
    filled = [n for n in book.sheet_names if _cells(book.get_sheet_by_name(n))]
    if not filled:
        raise FileError(f"{file} has nothing in it; check the file")
    return choose(filled, None, file, "sheet")


def _cells(sheet: CalamineSheet) -> list[list[Cell]]:
    """Return the cells from the first row on, so that row numbers are those of the sheet."""
    grid = sheet.to_python(skip_empty_area=False)
    if not any(cell not in ("", None) for row in grid for cell in row):
        return []
    return [[_cell(cell) for cell in row] for row in grid]


def _cell(cell: object) -> Cell:
    if isinstance(cell, datetime.datetime | datetime.date):
        return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    if isinstance(cell, datetime.time | datetime.timedelta):
        return str(cell)
    return cell
