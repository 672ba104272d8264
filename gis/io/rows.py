"""Grids of cells to a table: where the headings are, which rows are totals, notes or titles."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.io.words import ALL_UNITS, NO_UNITS, bracketed, plain, tidy
from gis.model import Finding

Cell = Any
Range = tuple[tuple[int, int], tuple[int, int]]
"""First and last (row, column) of merged cells, from 0."""

_HEADER_WITHIN: Final = 15
_LEVELS: Final = 3
_TOTAL: Final = re.compile(
    r".*(?:合\s*计|总\s*计|小\s*计|共\s*计)[:：]?|汇总|(?:grand )?total|subtotal|sum"
)
_NOTE: Final = re.compile(
    r"(?:注|备注|说明|填表|制表|审核|复核|填报|单位负责人|联系电话|数据来源|资料来源|note|source)s?\d*\s*[:：].*"
)
_TABLE_UNIT: Final = re.compile(r".*单位\s*[:：]\s*([^\s,，;；)]+).*")
_NARROW: Final = 3


@dataclass(frozen=True, eq=False)
class Table:
    """A table found in a grid: raw columns by heading, and the numbers of its rows in the sheet."""

    columns: dict[str, NDArray[Any]]
    rows: NDArray[np.int64]
    header_row: int
    findings: tuple[Finding, ...]


def find_table(
    grid: list[list[Cell]], *, merged: list[Range], knows: Callable[[str], bool]
) -> Table | None:
    """Find the table in a sheet.

    Parameters
    ----------
    grid
        Rows of cells; blank cells are None or "".
    merged
        Merged ranges; only the first cell of each holds its value.
    knows
        Whether a heading (as `gis.io.words.plain` makes it) means something.

    Returns
    -------
    Table or None
        None when the sheet is blank.
    """
    width = max((len(row) for row in grid), default=0)
    cells = [[*row, *[None] * (width - len(row))] for row in grid]
    filled = _fill_header(cells, merged)
    top, bottom = _header(filled, merged, knows)
    if bottom < 0:
        return None
    findings: list[Finding] = []
    headings = _headings(filled[top : bottom + 1], knows)
    body = bottom + 1
    unit = _table_unit(cells[:top])
    if top:
        _note_titles(cells[:top], findings)
    if body < len(cells) and _is_unit_row(cells[body]):
        headings = [_with_unit(h, cells[body][i]) for i, h in enumerate(headings)]
        findings.append(_unit_row_read(cells[body], body + 1))
        body += 1
    if unit:
        headings = [_with_unit(h, unit) if _money(h, unit) else h for h in headings]
    _fill_body(cells, merged, body, findings)
    kept = _data_rows(cells, body, merged, findings)
    columns = _columns(headings, cells, kept)
    return Table(columns, np.array(kept, dtype=np.int64) + 1, bottom + 1, tuple(findings))


def blank(cell: Cell) -> bool:
    """Return whether there is nothing in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _fill_header(cells: list[list[Cell]], merged: list[Range]) -> list[list[Cell]]:
    """Give each merged cell near the top the text of its range, but for titles across the sheet."""
    filled = [list(row) for row in cells[: _HEADER_WITHIN + _LEVELS]]
    for (r0, c0), (r1, c1) in merged:
        if r0 >= len(filled):
            continue
        for r in range(r0, min(r1 + 1, len(filled))):
            for c in range(c0, min(c1 + 1, len(filled[r]))):
                filled[r][c] = cells[r0][c0]
    return filled


def _header(
    filled: list[list[Cell]], merged: list[Range], knows: Callable[[str], bool]
) -> tuple[int, int]:
    """First and last row of the headings; (-1, -1) in a blank sheet."""
    rows = range(min(len(filled), _HEADER_WITHIN))
    scores = [len({h for h in map(_heading, filled[r]) if h and knows(plain(h))}) for r in rows]
    there = [r for r in rows if any(not blank(cell) for cell in filled[r])]
    if not there:
        return -1, -1
    best = max(rows, key=lambda r: (scores[r], -r))
    if scores[best] == 0:
        wide = [r for r in there if len({_heading(c) for c in filled[r]} - {""}) > 1]
        best = wide[0] if wide else there[0]
    top, bottom = best, best
    width = len(filled[best])
    for (r0, c0), (r1, c1) in sorted(merged):
        group = r0 == r1 and 0 < c1 - c0 < width - 1
        if r0 < best <= r1 or (group and r0 == best - 1):
            top = min(top, max(r0, best - _LEVELS + 1))
        if r0 == best and (r1 > r0 or group):
            bottom = max(bottom, min(r1 if r1 > r0 else r0 + 1, best + _LEVELS - 1))
    return top, min(bottom, len(filled) - 1)


def _headings(levels: list[list[Cell]], knows: Callable[[str], bool]) -> list[str]:
    """Join the levels of each column: the lowest that is known alone, else all of them."""
    found: list[str] = []
    taken: set[str] = set()
    for place in range(len(levels[0])):
        parts = list(dict.fromkeys(h for h in (_heading(row[place]) for row in levels) if h))
        lowest = parts[-1] if parts else f"column_{place + 1}"
        options = [lowest, "".join(parts), *parts[:-1]]
        chosen = next((o for o in options if knows(plain(o)) and plain(o) not in taken), None)
        chosen = chosen or ("_".join(parts) if parts else lowest)
        unit = next((bracketed(p) for p in reversed(parts) if bracketed(p)), "")
        if unit and not bracketed(chosen):
            chosen = f"{chosen}({unit})"
        taken.add(plain(chosen))
        found.append(_unused(chosen, found))
    return found


def _heading(cell: Cell) -> str:
    if blank(cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return re.sub(r"\s+", " ", str(cell)).strip().lstrip("'")


def _unused(name: str, taken: list[str]) -> str:
    number, unused = 2, name
    while unused in taken:
        unused, number = f"{name}_{number}", number + 1
    return unused


def _is_unit_row(row: list[Cell]) -> bool:
    words = [_unit_word(cell) for cell in row if not blank(cell)]
    units = [word in ALL_UNITS for word in words]
    return any(units) and all(u or w in NO_UNITS for u, w in zip(units, words, strict=True))


def _unit_row_read(row: list[Cell], number: int) -> Finding:
    words = dict.fromkeys(str(cell).strip() for cell in row if not blank(cell))
    told = f"holds the units of the columns ({', '.join(words)}) and was read as such"
    return Finding("row-dropped", told, "info", number)


def _unit_word(cell: Cell) -> str:
    text = tidy(str(cell))
    return bracketed(text) or text


def _with_unit(heading: str, unit: Cell) -> str:
    if blank(unit) or bracketed(heading) or _unit_word(unit) in NO_UNITS:
        return heading
    return f"{heading}({_unit_word(unit)})"


def _table_unit(titles: list[list[Cell]]) -> str:
    for row in titles:
        for cell in row:
            match = None if blank(cell) else _TABLE_UNIT.fullmatch(tidy(str(cell)))
            if match and match[1] in ALL_UNITS:
                return match[1]
    return ""


def _money(heading: str, unit: str) -> bool:
    """Return whether "单位：万元" over the table is about this column."""
    return (
        unit.endswith("元")
        and re.search("投资|资金|造价|费|金额|cost|money", plain(heading)) is not None
    )


def _note_titles(rows: list[list[Cell]], findings: list[Finding]) -> None:
    for number, row in enumerate(rows, start=1):
        text = next((str(cell).strip() for cell in row if not blank(cell)), "")
        if text:
            findings.append(
                Finding("row-dropped", f"stands above the headings: '{text[:40]}'", "info", number)
            )


def _fill_body(
    cells: list[list[Cell]], merged: list[Range], body: int, findings: list[Finding]
) -> None:
    """Repeat text that is merged down over several rows; a number would be counted twice."""
    for (r0, c0), (r1, c1) in merged:
        if r0 < body or r1 == r0 or c0 != c1 or c0 >= len(cells[r0]):
            continue
        value = cells[r0][c0]
        if isinstance(value, str):
            for r in range(r0 + 1, min(r1 + 1, len(cells))):
                cells[r][c0] = value
        elif not blank(value):
            findings.append(
                Finding(
                    "merged-number",
                    f"a number is merged over rows {r0 + 1}-{r1 + 1}; the first was given it",
                    row=r0 + 1,
                )
            )


def _data_rows(
    cells: list[list[Cell]], body: int, merged: list[Range], findings: list[Finding]
) -> list[int]:
    across = {r0 for (r0, c0), (r1, c1) in merged if c1 > c0 and r0 >= body}
    kept = []
    for r in range(body, len(cells)):
        there = [cell for cell in cells[r] if not blank(cell)]
        if not there:
            continue
        why = _why_dropped(there, across=r in across, narrow=len(cells[r]) < _NARROW)
        if why:
            text = str(there[0]).strip()[:40]
            findings.append(Finding("row-dropped", f"is {why}: '{text}'", "info", r + 1))
        else:
            kept.append(r)
    return kept


def _why_dropped(there: list[Cell], *, across: bool, narrow: bool) -> str:
    first = tidy(str(there[0]))
    second = tidy(str(there[1])) if len(there) > 1 else ""
    if _TOTAL.fullmatch(first) or (_TOTAL.fullmatch(second) and first.replace(".0", "").isdigit()):
        return "a total"
    if _NOTE.fullmatch(first):
        return "a note"
    if across and len(there) == 1 and not narrow:
        return "a title inside the table"
    return ""


def _columns(
    headings: list[str], cells: list[list[Cell]], kept: list[int]
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for place, heading in enumerate(headings):
        values = np.empty(len(kept), dtype=object)
        for i, r in enumerate(kept):
            cell = cells[r][place]
            values[i] = None if blank(cell) else cell
        if heading.startswith("column_") and all(value is None for value in values):
            continue
        columns[heading] = values
    return columns
