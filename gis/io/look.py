"""What is in a file: its layers or sheets, their headings, and what kinds they may be."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyogrio
import shapely
from python_calamine import CalamineError, CalamineWorkbook

from gis.crs import crs_words
from gis.errors import ColumnError, FileError, LianpianError
from gis.io.archive import entry_name, open_zip
from gis.io.columns import knows, recognise
from gis.io.endings import RASTERS, SHEETS, VECTOR
from gis.io.formats import open_source
from gis.io.source import Source, Wish
from gis.model import KINDS, Kind

MOST_LAYERS: Final = 50
MOST_GUESSES: Final = 5
_LARGEST_READ: Final = 32_000_000
"""Bytes; of a larger file only its list of layers is told."""
_SHAPES: Final = ("point", "line", "polygon")


@dataclass(frozen=True)
class Guess:
    """A kind that a layer may be, and which heading would be read as which of its columns."""

    kind: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Content:
    """A layer or sheet of a file; None stands for what is not known before it is imported.

    ``layer`` is None where the file is one layer only. ``guesses`` has the best one first.
    """

    layer: str | None
    rows: int | None = None
    geometry: str | None = None
    crs: str | None = None
    headings: tuple[str, ...] = ()
    guesses: tuple[Guess, ...] = ()


def contents_of(path: Path) -> tuple[Content, ...]:
    """Tell what is in a file, as far as that can be known without importing it.

    Raises
    ------
    FileError
        The file is missing, cut or of no known format.
    """
    suffix = path.suffix.casefold()
    if suffix in (*RASTERS, ".osm", ".pbf"):
        kind = "heights" if suffix in RASTERS else "osm"
        return (Content(None, guesses=(Guess(kind, {}),)),)
    names = _names(path, suffix)
    if path.stat().st_size > _LARGEST_READ:
        return tuple(Content(name) for name in names)
    return tuple(_content(path, name) for name in names[:MOST_LAYERS])


def _names(path: Path, suffix: str) -> list[str | None]:
    if suffix == ".zip":
        with open_zip(path) as archive:
            inside = [entry_name(entry).replace("\\", "/") for entry in archive.infolist()]
        names = map(PurePosixPath, inside)
        return [str(name.with_suffix("")) for name in names if _is_shapefile(name)] or [None]
    try:
        if suffix in SHEETS:
            with CalamineWorkbook.from_path(path) as book:
                return list(book.sheet_names)
        if suffix in VECTOR:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return [str(name) for name, _ in pyogrio.list_layers(path)]
    except (CalamineError, RuntimeError, ValueError, OSError) as error:
        words = " ".join(str(error).replace(str(path), path.name).split())[:120]
        raise FileError(
            f"{path.name} is cut, protected or damaged ({words}); export it once more"
        ) from error
    return [None]


def _is_shapefile(name: PurePosixPath) -> bool:
    shadow = name.name.startswith(".") or "__MACOSX" in name.parts  # of macOS
    return name.suffix.casefold() == ".shp" and not shadow


def _content(path: Path, name: str | None) -> Content:
    known = frozenset[str]().union(*(knows(kind, {}) for kind in KINDS.values()))
    try:
        source = open_source(path, Wish(name, knows=known.__contains__))
    except LianpianError:
        return Content(name)  # an empty sheet, or one that an import will say more of
    crs = None if source.crs is None else crs_words(source.crs)
    drawn = _drawn(source)
    return Content(
        name,
        rows=len(source),
        geometry=drawn,
        crs=crs,
        headings=tuple(source.columns),
        guesses=tuple(_guesses(source, drawn)),
    )


def _drawn(source: Source) -> str | None:
    if source.geometry is None:
        return None
    shapes: Any = source.geometry[~shapely.is_missing(source.geometry)]
    there = np.unique(shapely.get_dimensions(shapes))
    return ", ".join(_SHAPES[i] for i in there if 0 <= i < len(_SHAPES)) or None


def _guesses(source: Source, drawn: str | None) -> list[Guess]:
    found = [(_columns(source, kind), kind) for kind in KINDS.values() if _fits(kind, drawn)]
    scored = [(_score(columns), Guess(kind.name, columns)) for columns, kind in found]
    good = [pair for pair in scored if pair[0] >= 1.0]
    return [guess for _, guess in sorted(good, key=lambda pair: -pair[0])[:MOST_GUESSES]]


def _fits(kind: Kind, drawn: str | None) -> bool:
    return drawn is None or bool(set(drawn.split(", ")) & set(kind.geometry))


def _columns(source: Source, kind: Kind) -> dict[str, str]:
    # What a kind cannot do without can also be given for all rows on import.
    needed = {column.name: "" for column in kind.columns if column.required}
    for given in ({}, needed):
        try:
            meant = recognise(
                kind,
                source.columns,
                mapping={},
                constants=given,
                file=source.file,
                table=source.geometry is None,
                cut_names=source.cut_names,
            )
        except ColumnError:
            continue
        return {name: match.heading for name, match in meant.columns.items()}
    return {}


def _score(columns: Mapping[str, str]) -> float:
    """Count what speaks for a kind; a key and a name are in nearly every file."""
    return sum(0.2 if name in ("uid", "name") else 1.0 for name in columns)
