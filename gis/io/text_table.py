"""Small tables of words beside the layers: locks, link edits, a plan as a list of estates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gis.errors import ColumnError, FileError
from gis.io.formats import open_source
from gis.io.source import Wish
from gis.io.values import text_values
from gis.io.words import plain
from gis.model import TextTable


def read_table(
    path: Path, headings: Mapping[str, Collection[str]], *, required: Collection[str] = ()
) -> TextTable:
    """Read the columns that mean something from a file of any format; all else is passed over.

    Parameters
    ----------
    headings
        Our name of each column -> how else people write it; capitals, blanks and units do not
        count.
    required
        Names of the columns without which the file is of no use.

    Raises
    ------
    FileError
        The file cannot be read, or it holds no rows.
    ColumnError
        A column that is required is not there, or two columns mean the same.
    """
    meant = {plain(word): ours for ours, words in headings.items() for word in (ours, *words)}
    source = open_source(path, Wish(knows=lambda heading: plain(heading) in meant))
    if not len(source):
        raise FileError(f"{path.name} has no rows; check the file")
    columns: dict[str, NDArray[np.object_]] = {}
    for heading, raw in source.columns.items():
        ours = meant.get(plain(heading))
        if ours is None:
            continue
        if ours in columns:
            raise ColumnError(f"{path.name} has two columns of {ours}; take one out")
        columns[ours] = np.array([_tidy(text) for text in text_values(raw)], dtype=object)
    lacking = [name for name in required if name not in columns]
    if lacking:
        told = " or ".join([lacking[0], *sorted(headings[lacking[0]])])
        raise ColumnError(f"{path.name} has no column {told}; add it")
    return TextTable(path.name, columns, source.rows)


def _tidy(text: str | None) -> str | None:
    return (text or "").strip() or None
