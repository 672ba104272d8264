"""Text tables: csv, in any encoding and with any of the usual separators."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

from gis.errors import FileError
from gis.io.encoding import Decision, decide
from gis.io.rows import Cell, Table, find_table
from gis.io.source import Source, Wish
from gis.model import Finding

SEPARATORS: Final = (",", ";", "\t", "|", "，")
GUARDED: Final = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet take a text for a formula."""

_SAMPLE_LINES: Final = 20
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
MAX_BYTES: Final = 2 * 1024**3
_LONGEST_CELL: Final = 64 * 1024**2


def read_csv(path: Path, wish: Wish) -> Source:
    """Read a text table.

    Raises
    ------
    FileError
        It is in no encoding that fits, too large, blank, or no table.
    """
    if path.stat().st_size > MAX_BYTES:
        raise FileError(f"{path.name} is larger than {MAX_BYTES // 1024**3} GB; split it")
    data = path.read_bytes()
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileError(f"{path.name} is no text table; if it is a spreadsheet, save it as xlsx")
    text, decision = _decode(data, wish.encoding, path.name)
    grid = _grid(text, path.name)
    table = find_table(grid, merged=[], knows=wish.knows)
    return table_source(path.name, table, decision)


def table_source(file: str, table: Table | None, decision: Decision | None) -> Source:
    """Wrap a table that was found.

    Raises
    ------
    FileError
        There is none, or it has no rows.
    """
    if table is None or not len(table.rows):
        what = "headings but no rows" if table else "nothing in it"
        raise FileError(f"{file} has {what}; check the file")
    findings = list(table.findings)
    if decision is not None:
        words = f"Text read as {decision.encoding}: {decision.reason}"
        findings.insert(0, Finding("encoding", words, "info"))
    return Source(
        file=file,
        columns=table.columns,
        rows=table.rows,
        encoding=decision.encoding if decision else None,
        header_row=table.header_row,
        findings=tuple(findings),
    )


def guard(text: str) -> str:
    """Return a text as a csv cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(GUARDED) else text


def unguard(cell: str) -> str:
    """Take off the apostrophe that `guard` put on."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(GUARDED) else cell


def _decode(data: bytes, asked: str, file: str) -> tuple[str, Decision]:
    for mark, codec in _BOMS:
        if data.startswith(mark) and asked == "auto":
            try:
                name = "utf-8" if codec == "utf-8-sig" else codec
                return data.decode(codec), Decision(name, "the byte order mark says so")
            except UnicodeDecodeError:
                break
    decision = decide([(data, False)], asked=asked, file=file)
    return data.decode(decision.encoding).lstrip("\ufeff"), decision


def _grid(text: str, file: str) -> list[list[Cell]]:
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        return [[unguard(cell) for cell in row] for row in reader]
    except csv.Error as error:
        raise FileError(
            f"{file} is no table ({error}, line {reader.line_num}); check it"
        ) from error
    finally:
        csv.field_size_limit(before)


def _separator(text: str) -> str:
    """Return the separator that cuts the first lines into the same number of cells, the most."""
    lines = [line for line in text[: 1 << 20].splitlines()[:_SAMPLE_LINES] if line.strip()]
    if not lines:
        return ","

    def score(separator: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=separator)]
        usual = max(set(counts), key=lambda n: (counts.count(n), n))
        return (counts.count(usual) * (usual > 1), usual)

    return max(SEPARATORS, key=score)
