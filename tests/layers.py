"""Little layers for tests: what a test does not name stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
from numpy.typing import NDArray
from shapely.affinity import translate

from gis.model import KINDS, Layer
from gis.model.layer import PANDAS_TYPES

CRS = "EPSG:4547"
CORNER = (500000.0, 3200000.0)
"""Where the place (0, 0) of a test lies: on the middle of its zone, so that metres are metres."""


def layer(
    kind: str,
    shapes: Sequence[Any] | NDArray[Any],
    *,
    corner: tuple[float, float] | None = CORNER,
    first: int | None = None,
    **columns: Any,
) -> Layer:
    """Make a layer of shapes in metres from ``corner``, without one in its own coordinates.

    The uids are estates-0, estates-1, ... or, from ``first`` on, like E1, E2, ... Columns that are
    not those of the kind come last, as a user's own do.
    """
    n = len(shapes)
    uids = [f"{kind}-{i}" if first is None else f"{kind[0].upper()}{first + i}" for i in range(n)]
    given = {"uid": uids} | columns
    types: dict[str, Any] = PANDAS_TYPES
    data = {
        c.name: pd.Series(given.pop(c.name, [None] * n), dtype=object).astype(types[c.type])
        for c in KINDS[kind].columns
    }
    placed = [translate(shape, *corner) if corner and shape else shape for shape in shapes]
    return Layer(KINDS[kind], gpd.GeoDataFrame(data | given, geometry=placed, crs=CRS))
