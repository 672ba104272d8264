"""Zip files, opened without trust: limits on size and ratio, no path is ever taken from inside."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from gis.errors import FileError

MAX_TOTAL_BYTES: Final = 2 * 1024**3
MAX_RATIO: Final = 100
RATIO_FROM_BYTES: Final = 10 * 1024**2
"""Entries below this size may shrink as far as they like: blank rasters and empty tables do."""
MAX_ENTRIES: Final = 10_000
_CHUNK: Final = 1 << 20
_UTF8_FLAG: Final = 0x800
_DAMAGE: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError,
    NotImplementedError, ValueError, OverflowError,
)  # fmt: skip
"""What zipfile raises for a damaged file; names in it that do not decode are ValueErrors."""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose entries have been checked.

    Raises
    ------
    FileError
        It is cut, no zip, encrypted, a bomb, or names paths outside itself.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise FileError(_damaged(path.name, error)) from error
    with archive:
        _check(archive, path.name)
        yield archive


def entry_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry as it was meant: old Chinese zip programs write GBK, unmarked."""
    if entry.flag_bits & _UTF8_FLAG:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return entry.filename


def extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, *, file: str) -> None:
    """Write one entry to ``target``, a path of ours; stop where it lies about its size.

    Raises
    ------
    FileError
        The entry is longer than it says, damaged or encrypted.
    """
    written = 0
    try:
        with archive.open(entry) as source, target.open("wb") as out:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > entry.file_size:
                    break
                out.write(chunk)
    except _DAMAGE as error:
        raise FileError(_damaged(file, error)) from error
    except RuntimeError as error:  # zipfile's word for a password
        raise FileError(f"{file} is encrypted; unpack it and give the files") from error
    if written != entry.file_size:
        raise FileError(
            f"{file}: '{entry_name(entry)}' is not as long as it says; copy it once more"
        )


def _check(archive: zipfile.ZipFile, file: str) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise FileError(f"{file} holds {len(entries)} files; unpack it and give the one you mean")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise FileError(
            f"{file} would unpack to {total / 1024**3:.1f} GB, more than the "
            f"{MAX_TOTAL_BYTES // 1024**3} GB allowed; unpack it yourself if you trust it"
        )
    for entry in entries:
        name = entry_name(entry).replace("\\", "/")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or (parts and ":" in parts[0]):
            raise FileError(f"{file} names a path outside itself ('{name[:60]}'); refused")
        if entry.file_size > RATIO_FROM_BYTES and entry.file_size > MAX_RATIO * entry.compress_size:
            raise FileError(
                f"{file}: '{name[:60]}' unpacks to more than {MAX_RATIO} times its size, like a "
                "zip bomb; unpack it yourself if you trust it"
            )


def _damaged(file: str, error: BaseException) -> str:
    words = " ".join(str(error).split())[:120] or type(error).__name__
    return f"{file} is cut or damaged ({words}); copy or export it once more"
