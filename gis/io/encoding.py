"""The encoding doctor: in which encoding is this text, and why do we think so.

The order is fixed: what the file says about itself if its bytes agree, else strict UTF-8, else
GB18030, of which GBK and GB 2312 are subsets. The computer's own locale is never asked.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gis.errors import FileError

GUESSES: Final = ("utf-8", "gb18030")
_FOUR_BYTES: Final = 3  # a character cut at the edge of a field leaves at most this many bytes

LANGUAGE_BYTES: Final[dict[int, str]] = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x13: "cp932",
    0x4D: "gbk",
    0x4E: "cp949",
    0x4F: "cp950",
    0x78: "cp950",
    0x79: "cp949",
    0x7A: "gbk",
    0x7B: "cp932",
    0xC8: "cp1250",
    0xC9: "cp1251",
}
"""Language byte of a DBF header (offset 29) to codec. 0x57 (the code page of whoever wrote it) says
nothing and is left out: GDAL and ArcGIS write it over GBK text too."""

_CPG_NAMES: Final[dict[str, str]] = {
    "65001": "utf-8",
    "936": "gbk",
    "ansi 936": "gbk",
    "oem 936": "gbk",
    "54936": "gb18030",
    "950": "cp950",
    "88591": "latin-1",
    "8859_1": "latin-1",
    "1252": "cp1252",
}


@dataclass(frozen=True)
class Decision:
    """The encoding that was decided on, and why, in words for the report."""

    encoding: str
    reason: str
    overruled: bool = False
    """What the file says about itself was not believed."""


def codec_named(text: str) -> str | None:
    """Return the codec that a .cpg file or a person means by ``text``; None if there is none."""
    name = text.strip().strip("\ufeff").strip().casefold()
    name = _CPG_NAMES.get(name, name)
    try:
        codec = codecs.lookup(name)
        b"".decode(codec.name)  # base64 and the like are codecs, but not of text
        return codec.name
    except (LookupError, ValueError):  # a ValueError where there is a zero byte in it
        return None


def decode_cell(raw: bytes, encoding: str, *, full: bool = False) -> str:
    """Decode one cell strictly.

    Parameters
    ----------
    raw
        The bytes, without padding.
    encoding
        A codec.
    full
        The bytes fill their field, so that the last character may have been cut in the middle;
        its remains are left out.

    Raises
    ------
    UnicodeDecodeError
        The bytes are not in that encoding.
    """
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        if not full or error.start == 0 or len(raw) - error.start > _FOUR_BYTES:
            raise
        decoder = codecs.getincrementaldecoder(encoding)()
        return decoder.decode(raw, final=False)  # raises again unless the tail is only unfinished


def decide(
    cells: Sequence[tuple[bytes, bool]],
    *,
    asked: str = "auto",
    declared: Sequence[tuple[str, str]] = (),
    file: str,
) -> Decision:
    """Decide in which encoding the cells of a file are.

    Parameters
    ----------
    cells
        Bytes, and whether they fill their field (see `decode_cell`).
    asked
        ``auto``, or the encoding that the user insists on.
    declared
        What the file says about itself, best first: codec and where it says so.
    file
        Name for messages.

    Raises
    ------
    FileError
        The encoding asked for is unknown or does not fit, or nothing fits.
    """
    cells = list({cell for cell in cells if not cell[0].isascii()})
    if asked != "auto":
        return _as_asked(cells, asked, file)
    doubts = ""
    for name, source in declared:
        codec = codec_named(name)
        if codec is None:
            doubts += f"{source} says '{name}', which is no encoding; "
        elif not _fits(cells, codec):
            doubts += f"{source} says {name}, but the bytes are not; "
        elif _single_byte(codec) and (better := _chinese_after_all(cells)):
            doubts += f"{source} says {name}, but the bytes are plainly {better}; "
        else:
            return Decision(
                codec, f"{doubts}{source} says {name} and the text agrees", bool(doubts)
            )
    if not cells:
        return Decision("utf-8", f"{doubts}the text is plain ASCII", bool(doubts))
    for codec in GUESSES:
        if _fits(cells, codec):
            why = "is valid UTF-8" if codec == "utf-8" else "is no UTF-8 but valid GB18030 (GBK)"
            return Decision(codec, f"{doubts}the text {why}", bool(doubts))
    raise FileError(
        f"{file}: the text is neither UTF-8 nor GB18030 (GBK); say which with --encoding"
    )


def _as_asked(cells: Sequence[tuple[bytes, bool]], asked: str, file: str) -> Decision:
    codec = codec_named(asked)
    if codec is None:
        raise FileError(f"{file}: there is no encoding '{asked}'; give utf-8, gbk, gb18030 or auto")
    if not _fits(cells, codec):
        raise FileError(
            f"{file}: the text is not in {asked}; leave --encoding out to have it found"
        )
    return Decision(codec, f"read as {asked}, as asked")


def _fits(cells: Sequence[tuple[bytes, bool]], codec: str) -> bool:
    try:
        for raw, full in cells:
            decode_cell(raw, codec, full=full)
    except UnicodeDecodeError:
        return False
    return True


def _single_byte(codec: str) -> bool:
    """Return whether every byte is a character, so that the codec "fits" whatever there is."""
    try:
        b"\xe4".decode(codec)  # the first of two or more bytes in UTF-8 and all East Asian codecs
    except UnicodeDecodeError:
        return False
    return True


def _chinese_after_all(cells: Sequence[tuple[bytes, bool]]) -> str | None:
    """Return utf-8 or gb18030 when text declared as Latin is plainly that.

    European text nearly never is valid UTF-8, and its accented letters do not come in pairs
    within the range of GB 2312.
    """
    if not cells:
        return None
    if _fits(cells, "utf-8"):
        return "utf-8"
    return "gb18030" if _fits(cells, "gb2312") else None
