"""Shapefiles, alone or in a zip: geometries through GDAL, attributes through our own DBF reader."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final
from zipfile import ZipFile, ZipInfo

from numpy.typing import NDArray

from gis.errors import FileError
from gis.io.archive import entry_name, extract, open_zip
from gis.io.dbf import Dbf, read_dbf
from gis.io.encoding import LANGUAGE_BYTES
from gis.io.source import Source, Wish
from gis.io.vector import choose, from_wkb, read_raw, warning_findings
from gis.model import Finding
from gis.model.layer import Severity

PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NEEDED: Final = (".shx", ".dbf")
_HEAD_BYTES: Final = 100
_MAGIC: Final = 9994


def read_shapefile(path: Path, wish: Wish) -> Source:
    """Read a shapefile with its parts beside it.

    Raises
    ------
    FileError
        A part is missing, cut or no part of a shapefile.
    """
    parts = _siblings(path)
    if wish.layer not in (None, path.stem):
        choose([path.stem], wish.layer, path.name, "layer")
    for suffix in _NEEDED:
        if suffix not in parts:
            raise FileError(
                f"{path.name} lacks its {suffix} file; put {path.stem}{suffix} beside it and "
                "import again"
            )
    for suffix in (".shp", ".shx"):
        _check_length(parts[suffix], f"{path.stem}{suffix}")
    table = read_dbf(
        parts[".dbf"].read_bytes(),
        file=f"{path.stem}.dbf",
        asked=wish.encoding,
        declared=_declared(parts),
    )
    return _join(path, table)


def read_zipped(path: Path, wish: Wish) -> Source:
    """Read the shapefile in a zip file.

    Raises
    ------
    FileError
        The zip is cut, unsafe, holds no shapefile, or several and none was named.
    """
    with open_zip(path) as archive:
        found = _shapefiles(archive)
        if not found:
            raise FileError(
                f"{path.name} holds no shapefile; unpack it and give the file in it that you mean"
            )
        name = choose(list(found), wish.layer, path.name, "shapefile")
        with TemporaryDirectory(prefix="lianpian-") as folder:
            # A name of our own: nothing inside the zip decides where anything is written.
            stem = PurePosixPath(name).name
            inner = Path(folder) / "layer.shp"
            for suffix, entry in found[name].items():
                extract(archive, entry, inner.with_suffix(suffix), file=path.name)
            missing = [s for s in _NEEDED if not inner.with_suffix(s).exists()]
            if missing:
                raise FileError(
                    f"{path.name}: {stem}.shp lacks its {' and '.join(missing)} file; zip all "
                    "parts of the shapefile together"
                )
            try:
                source = read_shapefile(inner, replace(wish, layer=None))
            except FileError as error:
                words = str(error).replace("layer.", f"{stem}.")
                raise FileError(f"{path.name}: {words}") from error
            return replace(source, file=path.name)


def _shapefiles(archive: ZipFile) -> dict[str, dict[str, ZipInfo]]:
    """Parts of each shapefile by its path without ending; macOS' shadow files are no shapefiles."""
    parts: dict[str, dict[str, ZipInfo]] = {}
    for entry in archive.infolist():
        name = PurePosixPath(entry_name(entry).replace("\\", "/"))
        suffix = name.suffix.casefold()
        if suffix not in PARTS or name.name.startswith(".") or "__MACOSX" in name.parts:
            continue
        parts.setdefault(str(name.with_suffix("")).casefold(), {})[suffix] = entry
    named = {}
    for group in parts.values():
        if ".shp" in group:
            shown = PurePosixPath(entry_name(group[".shp"]).replace("\\", "/"))
            named[str(shown.with_suffix(""))] = group
    return named


def _siblings(path: Path) -> dict[str, Path]:
    """The parts beside a .shp; endings may be in capitals, as old programs write them."""
    stem = path.stem.casefold()
    parts = {}
    for other in path.parent.iterdir():
        suffix = other.suffix.casefold()
        if (
            suffix in PARTS
            and other.stem.casefold() == stem
            and (suffix not in parts or other.stem == path.stem)
        ):
            parts[suffix] = other
    parts[".shp"] = path
    return parts


def _check_length(path: Path, name: str) -> None:
    """Refuse a part that is shorter than its header says: GDAL would read it as empty rows."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or struct.unpack_from(">i", head)[0] != _MAGIC:
        raise FileError(f"{name} is cut or no shapefile; export it once more")
    said = struct.unpack_from(">i", head, 24)[0] * 2
    if size < said:
        raise FileError(f"{name} is cut: {size} of {said} bytes are there; copy it once more")


def _declared(parts: dict[str, Path]) -> tuple[tuple[str, str], ...]:
    declared = []
    if ".cpg" in parts:
        text = parts[".cpg"].read_bytes()[:64].decode("ascii", "replace").strip()
        if text:
            declared.append((text, "the .cpg file"))
    with parts[".dbf"].open("rb") as handle:
        language = handle.read(32)[29:30]
    if language and language[0] in LANGUAGE_BYTES:
        declared.append((LANGUAGE_BYTES[language[0]], "the language byte of the .dbf"))
    return tuple(declared)


def _join(path: Path, table: Dbf) -> Source:
    raw = read_raw(path, geometry_only=True)
    geometry, closed = from_wkb(raw.wkb)
    rows = next(iter(table.columns.values())) if table.columns else raw.fids
    if len(raw.fids) and raw.fids.max() >= len(rows):
        raise FileError(
            f"{path.name} has {int(raw.fids.max()) + 1} shapes but its .dbf {len(rows)} rows; they "
            "are not of one export: export it once more"
        )
    columns: dict[str, NDArray[Any]] = {
        name: values[raw.fids] for name, values in table.columns.items()
    }
    return Source(
        file=path.name,
        columns=columns,
        rows=raw.fids + 1,
        geometry=geometry,
        closed=closed,
        crs=raw.crs,
        encoding=table.encoding.encoding,
        cut_names=True,
        findings=(*_findings(table), *warning_findings(raw.warnings)),
    )


def _findings(table: Dbf) -> list[Finding]:
    decision = table.encoding
    severity: Severity = "warning" if decision.overruled else "info"
    findings = [
        Finding("encoding", f"Text read as {decision.encoding}: {decision.reason}", severity)
    ]
    for name, count in table.cut.items():
        words = (
            f"{count} texts in '{name}' fill their field to the last byte and have lost an end, "
        )
        words += "or may have; import from the original if there is one"
        findings.append(Finding("text-cut", words))
    if table.left_out:
        names = ", ".join(table.left_out)
        findings.append(Finding("column-left-out", f"Memo or binary columns not read: {names}"))
    return findings
