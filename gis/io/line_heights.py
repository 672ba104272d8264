"""Heights of streets: the third coordinate of their vertices, kept past everything that is flat.

Geometries are checked, mended and brought into another system in two dimensions; heights come back
afterwards, vertex by vertex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.io.geometry import Shapes
from gis.model import KINDS, Finding


@dataclass(frozen=True, eq=False)
class LineHeights:
    """Heights of n lines: ``z`` (p,) one line after the other, line i from ``start[i]`` on.

    A line whose heights are not known at every vertex has none here.
    """

    z: NDArray[np.float64]
    start: NDArray[np.int64]
    findings: tuple[Finding, ...]

    def put_back(self, shapes: Shapes) -> tuple[Shapes, int]:
        """Give the lines (n,) their heights; return them and how many had changed and get none."""
        counts = np.where(shapely.is_missing(shapes), 0, shapely.get_num_coordinates(shapes))
        had = np.diff(self.start)
        rows = np.flatnonzero((had > 0) & (counts == had))
        if len(rows) == 0:
            return shapes, int(((had > 0) & (counts > 0)).sum())
        raised = shapely.force_3d(shapes[rows])
        shift = np.repeat(self.start[rows] - np.cumsum(had[rows]) + had[rows], had[rows])
        z = self.z[np.arange(had[rows].sum()) + shift]
        xyz = np.column_stack([shapely.get_coordinates(raised), z])
        done = shapes.copy()
        done[rows] = shapely.set_coordinates(raised, xyz)
        return done, int(((had > 0) & (counts > 0) & (counts != had)).sum())


def heights_of(shapes: Shapes) -> LineHeights | None:
    """Take the heights of lines (n,); None where there are none.

    Zero everywhere says that the file has a place for heights and none in it. Heights outside the
    bounds of spot heights stand for no data.
    """
    high = shapely.has_z(shapes) & ~shapely.is_missing(shapes)
    if not high.any():
        return None
    rows = np.flatnonzero(high)
    z, owner = shapely.get_coordinates(shapes[rows], include_z=True, return_index=True)
    z, owner = z[:, 2], rows[owner]
    column = KINDS["heights"].column("elevation_m")
    known = (z >= (column.low or -np.inf)) & (z <= (column.high or np.inf))
    if not (z[known] != 0).any():
        text = f"The third coordinate of all {len(rows)} rows is 0 or empty: they have no heights"
        return LineHeights(
            np.empty(0),
            np.zeros(len(shapes) + 1, dtype=np.int64),
            (Finding("height-dropped", text, "info"),),
        )
    partly = np.zeros(len(shapes), dtype=bool)
    partly[owner[~known]] = True
    counts = np.bincount(owner, minlength=len(shapes))
    counts[partly] = 0
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return LineHeights(z[~partly[owner]], start, tuple(_findings(len(shapes), rows, partly)))


def _findings(total: int, rows: NDArray[np.int64], partly: NDArray[np.bool_]) -> list[Finding]:
    text = f"{len(rows) - int(partly.sum())} of {total} rows have heights (z), which were kept"
    told = [Finding("height-kept", text, "info")]
    if partly.any():
        text = (
            f"{int(partly.sum())} rows have heights at some of their vertices only, or none that "
            "can be; the heights of these rows were left out. Complete them, or import heights"
        )
        told.append(Finding("height-partly", text, row=int(partly.argmax()) + 1))
    return told
