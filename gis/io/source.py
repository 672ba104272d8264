"""A file as it is, before anything in it is recognised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gis.errors import FileError
from gis.model import Finding


@dataclass(frozen=True, eq=False)
class Source:
    """n rows of a file: raw values by heading, and geometries where the format has them."""

    file: str
    columns: dict[str, NDArray[Any]]
    """Heading -> (n,) values as the file has them; None, NaN or empty text where there is none."""
    rows: NDArray[np.int64]
    """(n,) numbers of the rows as a person sees them, see `gis.io.report.RowNote`."""
    geometry: NDArray[np.object_] | None = None
    """(n,) shapely geometries, None where there is none; None for tables."""
    closed: NDArray[np.bool_] | None = None
    """(n,) True where a ring that was not closed has been closed while reading."""
    crs: CRS | None = None
    encoding: str | None = None
    cut_names: bool = False
    """Headings are cut at 10 bytes, as in shapefiles."""
    header_row: int | None = None
    """Number of the row with the headings, in a sheet."""
    findings: tuple[Finding, ...] = field(default_factory=tuple)
    grid: bool = False
    """The rows are cells of a grid, which lies where its file says: no street tells it better."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Wish:
    """What the user said about how to open the file, and which headings mean something to us.

    ``kind`` is the kind of layer that is wanted: only heights come from grids.
    """

    layer: str | None = None
    encoding: str = "auto"
    knows: Callable[[str], bool] = bool
    kind: str = ""


def check_file(path: Path) -> None:
    """Refuse a path that is no file with something in it.

    Raises
    ------
    FileError
        It is missing, a folder, empty or may not be read.
    """
    try:
        if path.is_dir():
            raise FileError(f"{path.name or path} is a folder; give one file in it")
        if path.exists() and not path.is_file():
            raise FileError(f"{path.name} is a device or a pipe; give a file")
        with path.open("rb") as handle:
            if not handle.read(1):
                raise FileError(f"{path.name} is empty (0 bytes); copy or export it once more")
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist; check the path") from error
    except OSError as error:
        raise FileError(
            f"{path.name} cannot be read ({error.strerror or error}); check its permissions"
        ) from error
