"""The attribute table of a shapefile (dBASE), read by ourselves.

GDAL decodes a whole table with one guess and fails or mangles the text where the guess is wrong.
Here the bytes are there first, then the encoding doctor, and a text that was cut in the middle of
a character at the edge of its field does not spoil the rest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.errors import FileError
from gis.io.encoding import Decision, decide, decode_cell

_HEAD: Final = 32
_NAME_BYTES: Final = 11
_NAME_FULL: Final = 10
_ROUND_SIZES: Final = frozenset([10, 16, 20, 30, 32, 40, 50, 60, 64, 80, 100, 128, 200, 254])
_MANY: Final = 3
_PADDING: Final = b" \0"


@dataclass(frozen=True)
class _Field:
    name: bytes
    type: str
    place: int
    width: int
    decimals: int


@dataclass(frozen=True, eq=False)
class Dbf:
    """A decoded table: values by heading ((n,) each), and what was noticed on the way."""

    columns: dict[str, NDArray[Any]]
    encoding: Decision
    cut: dict[str, int]
    """Heading -> number of texts that have lost an end, or look as if they had."""
    left_out: tuple[str, ...]
    """Headings of memo and binary fields, which are not read."""


def read_dbf(
    data: bytes, *, file: str, asked: str = "auto", declared: tuple[tuple[str, str], ...] = ()
) -> Dbf:
    """Read a DBF table.

    Parameters
    ----------
    data
        The whole file.
    file
        Name for messages.
    asked, declared
        See `gis.io.encoding.decide`.

    Raises
    ------
    FileError
        The table is cut, no DBF, or in no encoding that fits.
    """
    rows, start, width = _head(data, file)
    fields = _fields(data, start, file)
    table = np.frombuffer(data, dtype=f"V{width}", count=rows, offset=start)
    grid = table.view(np.uint8).reshape(rows, width) if rows else np.empty((0, width), np.uint8)
    raw = {f.place: _cells(grid, f) for f in fields if f.type in "CNDFL"}
    cells = [(f.name, len(f.name) >= _NAME_FULL) for f in fields]
    for field in fields:
        if field.type == "C":
            cells += [(b, len(b) >= field.width) for b in set(raw[field.place])]
    decision = decide(cells, asked=asked, declared=declared, file=file)
    columns: dict[str, NDArray[Any]] = {}
    cut: dict[str, int] = {}
    left_out = []
    for field in fields:
        name = decode_cell(field.name, decision.encoding, full=len(field.name) >= _NAME_FULL)
        if field.place not in raw:
            left_out.append(name)
            continue
        name = _unused(name, columns)
        columns[name] = _values(raw[field.place], field, decision.encoding)
        if field.type == "C":
            cut[name] = _cut_texts(raw[field.place], field, decision.encoding)
    return Dbf(columns, decision, {k: v for k, v in cut.items() if v}, tuple(left_out))


def _head(data: bytes, file: str) -> tuple[int, int, int]:
    if len(data) < _HEAD:
        raise FileError(f"{file} is cut or empty; export the shapefile again, or copy it once more")
    rows, start, width = struct.unpack_from("<IHH", data, 4)
    if width < 1 or start <= _HEAD or len(data) < start:
        raise FileError(f"{file} is no DBF table; export the shapefile again")
    if len(data) < start + rows * width:
        there = (len(data) - start) // width
        raise FileError(
            f"{file} is cut: it has {there} of {rows} rows; export the shapefile again, "
            "or copy it once more"
        )
    return rows, start, width


def _fields(data: bytes, start: int, file: str) -> list[_Field]:
    fields = []
    place = 1  # byte 0 of a record marks deleted rows
    for offset in range(_HEAD, start - 1, _HEAD):
        if data[offset : offset + 1] == b"\r" or offset + _HEAD > len(data):
            break
        name = data[offset : offset + _NAME_BYTES].split(b"\0")[0].strip()
        kind = chr(data[offset + 11])
        width, decimals = data[offset + 16], data[offset + 17]
        if kind == "C" and decimals:
            width, decimals = width + 256 * decimals, 0  # texts longer than 255, by convention
        fields.append(_Field(name, kind, place, width, decimals))
        place += width
    if not fields:
        raise FileError(f"{file} has no columns; export the shapefile again")
    return fields


def _cells(grid: NDArray[np.uint8], field: _Field) -> list[bytes]:
    part = np.ascontiguousarray(grid[:, field.place : field.place + field.width])
    if not part.size:
        return [b""] * len(grid)
    whole = part.tobytes()
    cells = (whole[i : i + field.width] for i in range(0, len(whole), field.width))
    return [cell.split(b"\0")[0].rstrip(_PADDING) for cell in cells]


def _values(cells: list[bytes], field: _Field, encoding: str) -> NDArray[Any]:
    if field.type in "NF":
        return np.array([_number(cell) for cell in cells], dtype=float)
    if field.type == "L":
        return np.array([_BOOLEANS.get(cell) for cell in cells], dtype=object)
    known: dict[bytes, str | None] = {b"": None}
    for cell in set(cells) - {b""}:
        text = decode_cell(cell, encoding, full=len(cell) >= field.width)
        known[cell] = _date(text) if field.type == "D" else text
    return np.array([known[cell] for cell in cells], dtype=object)


_BOOLEANS: Final = {b"T": True, b"t": True, b"Y": True, b"y": True}
_BOOLEANS.update({b"F": False, b"f": False, b"N": False, b"n": False})


def _cut_texts(cells: list[bytes], field: _Field, encoding: str) -> int:
    """Count texts that were cut: within a character, or probably, where a round size is full."""
    full = [cell for cell in cells if len(cell) >= field.width and not cell.isascii()]
    within = sum(decode_cell(c, encoding, full=True).encode(encoding) != c for c in full)
    likely = field.width in _ROUND_SIZES and len(full) >= _MANY
    return len(full) if likely else within


def _number(cell: bytes) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")  # blanks and asterisks: dBASE's null


def _date(text: str) -> str | None:
    digits = text.strip()
    if len(digits) != 8 or not digits.isdigit() or digits == "00000000":
        return None
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _unused(name: str, columns: dict[str, NDArray[Any]]) -> str:
    number = 2
    unused = name
    while unused in columns:
        unused, number = f"{name}_{number}", number + 1
    return unused
