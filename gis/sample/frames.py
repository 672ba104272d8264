"""From arrays to checked layers, and from files to tables of words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gis.model import KINDS, Layer
from gis.model.layer import PANDAS_TYPES
from gis.resources import data_dir

CITY_CRS: Final = CRS.from_epsg(4545)
"""CGCS2000, 3-degree zone of 108 E: the working system of a city at 107.4 E."""


def read_table(name: str) -> dict[str, Any]:
    """Return the content of ``data/sample/<name>.toml``."""
    return tomllib.loads((data_dir() / "sample" / f"{name}.toml").read_text("utf-8"))


def make_layer(
    kind: str, shapes: Any, columns: Mapping[str, Any], *, extra: Mapping[str, Any] | None = None
) -> Layer:
    """Return a layer; columns of the kind that are not given are empty.

    Raises
    ------
    LayerError
        The rows break what the kind promises.
    """
    count = len(shapes)
    data: dict[str, Any] = {}
    for column in KINDS[kind].columns:
        dtype = PANDAS_TYPES[column.type]
        values = columns.get(column.name)
        if values is None:
            values = [pd.NA] * count if dtype == "boolean" else [np.nan] * count
        data[column.name] = pd.Series(list(values) if dtype == "str" else values, dtype=dtype)
    for name, values in (extra or {}).items():
        data[name] = pd.Series(list(values), dtype="str")
    geometry = gpd.GeoSeries(np.asarray(shapes, dtype=object), crs=CITY_CRS)
    return Layer(KINDS[kind], gpd.GeoDataFrame(data, geometry=geometry, crs=CITY_CRS))


def uids(letter: str, count: int) -> list[str]:
    """Return ``count`` keys such as E0001."""
    width = max(4, len(str(count)))
    return [f"{letter}{n:0{width}d}" for n in range(1, count + 1)]


def pick(rng: np.random.Generator, words: Sequence[str], count: int) -> list[str]:
    """Return ``count`` words, drawn with replacement."""
    return [words[i] for i in rng.integers(0, len(words), count)]
