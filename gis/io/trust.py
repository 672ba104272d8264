"""Files that are not what their name says, or grow beyond measure when they are opened.

Readers of geodata go by content: a ``.geojson`` may be a list of other files of this machine, and a
small workbook may claim seventeen thousand million cells, for which its reader ends the process.
So a file is looked at before any reader sees it.
"""

from __future__ import annotations

import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.parsers import expat

import pyarrow.parquet as pq
from pyarrow import ArrowException

from gis.errors import FileError
from gis.io.archive import RATIO_FROM_BYTES, entry_name, open_zip
from gis.io.endings import PARQUET, SHEETS

MOST_CELLS: Final = 20_000_000
LARGEST_RATIO: Final = 100.0
"""Most that a zip may grow when it is unpacked, unless said otherwise."""

_CHUNK: Final = 1 << 20
_MAGIC: Final[dict[str, tuple[bytes, ...]]] = {
    ".gpkg": (b"SQLite format 3\0",),
    ".fgb": (b"fgb",),
    ".parquet": (b"PAR1",),
    ".geoparquet": (b"PAR1",),
    ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".zip": (b"PK",),
    ".xlsx": (b"PK", b"\xd0\xcf\x11\xe0"),  # the second: protected by a password, told so later
    ".xlsm": (b"PK", b"\xd0\xcf\x11\xe0"),
    ".xls": (b"\xd0\xcf\x11\xe0", b"\x09"),
    ".geojson": (b"{",),
    ".json": (b"{",),
    ".osm": (b"<",),
}
_CELL: Final = re.compile(r"^([A-Z]{1,4})([0-9]{1,8})$")


def require_what_it_says(path: Path, *, ratio: float = LARGEST_RATIO) -> None:
    """Refuse a file that is not what its name says, or grows beyond measure when it is opened.

    Raises
    ------
    FileError
        It does; the message says how.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise FileError(f"{path.name} is empty (0 bytes); send it once more")
    head = head.removeprefix(b"\xef\xbb\xbf")
    if suffix in (".geojson", ".json", ".osm"):
        head = head.lstrip()
    magic = _MAGIC.get(suffix, (b"",))
    if not head.startswith(magic):
        raise FileError(f"{path.name} is not what its name says ({suffix}); export it once more")
    if suffix == ".zip" or (suffix in SHEETS and head.startswith(b"PK")):
        _require_small_zip(path, ratio)
    if suffix in PARQUET:
        _require_small_table(path)


def _require_small_zip(path: Path, ratio: float) -> None:
    with open_zip(path) as archive:
        entries = archive.infolist()
        # Entries may lie over each other: each is small for its size, all together are not.
        total = sum(entry.file_size for entry in entries)
        if total > RATIO_FROM_BYTES and total > ratio * path.stat().st_size:
            raise FileError(
                f"{path.name} unpacks to more than {ratio:g} times its size, like a zip bomb; "
                "zip it once more, with fewer files"
            )
        for entry in entries:
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise FileError(
                    f"{path.name}: '{entry_name(entry)[:60]}' is a link to another file; zip the "
                    "file itself"
                )
            if path.suffix.lower() in SHEETS and not entry.is_dir():
                _require_small_sheet(archive, entry, path.name)


def _require_small_sheet(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: str) -> None:
    """Refuse a sheet with one far-off cell: a reader makes room for all that lie between."""
    corner = _Corner()
    parser = expat.ParserCreate()
    parser.StartElementHandler = corner.see
    try:
        with archive.open(entry) as source:
            first = source.read(_CHUNK)
            if not first.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
                return  # a picture
            while first and corner.cells <= MOST_CELLS:
                parser.Parse(first, False)
                first = source.read(_CHUNK)
            if not first:
                parser.Parse(b"", True)
    except expat.ExpatError as error:
        # Old Excel writes comments that are no XML; a sheet is never so.
        if not entry.filename.endswith(".vml") or _has_cells(archive, entry):
            raise FileError(
                f"{file} is damaged ('{entry_name(entry)[:60]}'); save it once more"
            ) from error
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        raise FileError(f"{file} is cut, damaged or protected; save it once more") from error
    if corner.cells > MOST_CELLS:
        raise FileError(
            f"{file}: a sheet reaches from A1 to row {corner.rows}, column {corner.columns}; "
            "delete the empty rows and columns, and save it once more"
        )


def _has_cells(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    word, before = b"sheetData", b""
    with archive.open(entry) as source:
        while chunk := source.read(_CHUNK):
            if word in before + chunk:
                return True
            before = chunk[-len(word) :]
    return False


@dataclass
class _Corner:
    """The last row and the last column that a sheet names."""

    rows: int = 0
    columns: int = 0
    _next: int = 0

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def see(self, name: str, attributes: dict[str, str]) -> None:
        what = name.rpartition(":")[2]
        where = attributes.get("r", "")
        if what == "row":
            self._next = 0
            self.rows = max(self.rows + 1, int(where) if where.isdecimal() else 0)
        elif what == "c":
            found = _CELL.match(where)
            self._next = _column_number(found[1]) if found else self._next + 1
            self.columns = max(self.columns, self._next)
            self.rows = max(self.rows, int(found[2]) if found else 0)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _require_small_table(path: Path) -> None:
    """Refuse a table whose columns repeat one value for ever: a few bytes make millions of rows."""
    try:
        about = pq.read_metadata(path)
    except (ArrowException, OSError, ValueError) as error:
        raise FileError(f"{path.name} is cut or damaged; export it once more") from error
    if about.num_rows * max(about.num_columns, 1) > 5 * MOST_CELLS:
        raise FileError(
            f"{path.name} has {about.num_rows} rows in {about.num_columns} columns, more than can "
            "be read; split it"
        )
