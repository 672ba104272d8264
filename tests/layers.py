"""Little layers for tests: what a test does not name stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.affinity import translate

from gis.model import KINDS, Layer

CRS = "EPSG:4547"
CORNER = (500000.0, 3200000.0)
"""Where the place (0, 0) of a test lies: on the middle of its zone, so that metres are metres."""
_TYPES = {"text": "str", "integer": "float64", "number": "float64", "boolean": "boolean",
          "date": "str"}  # fmt: skip


def layer(kind: str, shapes: Sequence[Any], **columns: Any) -> Layer:
    """Make a layer of shapes in metres from `CORNER`."""
    frame = pd.DataFrame({"uid": [f"{kind}-{i}" for i in range(len(shapes))]} | columns)
    for column in KINDS[kind].columns:
        if column.name not in frame:
            frame[column.name] = pd.Series([None] * len(shapes), dtype=object)
        frame[column.name] = frame[column.name].astype(_TYPES[column.type])
    order = list(KINDS[kind].column_names)
    placed = [translate(shape, *CORNER) for shape in shapes]
    return Layer(KINDS[kind], gpd.GeoDataFrame(frame[order], geometry=placed, crs=CRS))
