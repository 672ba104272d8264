"""Layers of real files, read once: Shijingshan, Beijing, 303 estates, 37 schools, 5,669 streets."""

import geopandas as gpd
import pandas as pd
import pytest

from gis.model import KINDS, Layer, Study
from gis.model.layer import PANDAS_TYPES


def layer(kind, path, **columns):
    """Rows of a file without its columns: all but the given ones are unknown."""
    shapes = gpd.read_file(path).geometry
    frame = pd.DataFrame({"uid": [f"{kind}-{i}" for i in range(len(shapes))], **columns})
    for column in KINDS[kind].columns:
        if column.name not in frame:
            frame[column.name] = pd.Series([None] * len(shapes), dtype=object)
        frame[column.name] = frame[column.name].astype(PANDAS_TYPES[column.type])
    frame = frame[list(KINDS[kind].column_names)]
    return Layer(KINDS[kind], gpd.GeoDataFrame(frame, geometry=shapes.to_numpy(), crs=shapes.crs))


@pytest.fixture(scope="session")
def shijingshan(shared_data):
    """Primary schools, estates without people, streets without classes."""
    folder = shared_data / "cn-giscontest2019"
    return Study(
        {
            "streets": layer("streets", folder / "道路除高架.shp"),
            "estates": layer("estates", folder / "居住小区.shp"),
            "facilities": layer("facilities", folder / "小学.shp", category="primary_school"),
        }
    )
