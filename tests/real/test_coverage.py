"""Shijingshan, Beijing: 303 estates, 37 primary schools, 5,669 streets.

The reference counts come from two other implementations; the buffer shows why one walks.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.coverage import measure_coverage
from gis.model import KINDS, Layer, Study
from gis.rules import own_rule

TYPES = {"text": "str", "integer": float, "number": float, "boolean": "boolean", "date": "str"}


def layer(kind, path, **columns):
    shapes = gpd.read_file(path).geometry
    frame = pd.DataFrame({"uid": [f"{kind}-{i}" for i in range(len(shapes))], **columns})
    for column in KINDS[kind].columns:
        if column.name not in frame:
            frame[column.name] = pd.Series([None] * len(shapes), dtype=object)
        frame[column.name] = frame[column.name].astype(TYPES[column.type])
    frame = frame[list(KINDS[kind].column_names)]
    return Layer(KINDS[kind], gpd.GeoDataFrame(frame, geometry=shapes.to_numpy(), crs=shapes.crs))


@pytest.fixture(scope="module")
def shijingshan(shared_data):
    folder = shared_data / "cn-giscontest2019"
    return Study(
        {
            "streets": layer("streets", folder / "道路除高架.shp"),
            "estates": layer("estates", folder / "居住小区.shp"),
            "facilities": layer("facilities", folder / "小学.shp", category="primary_school"),
        }
    )


@pytest.mark.parametrize(("link", "covered", "gap"), [("counted", 233, 70), ("free", 251, 52)])
def test_primary_schools_within_a_thousand_metres(shijingshan, link, covered, gap):
    rule = own_rule("primary_school", metres=1000)

    coverage = measure_coverage(shijingshan, [rule], link=link)

    row = coverage.summary()[0]
    assert abs(row["covered"] - covered) <= 2
    assert abs(row["gap"] - gap) <= 2
    assert (row["unlinked"], row["no_data"]) == (0, 0)
    assert row["covered"] + row["gap"] == 303
    assert row["people_gap"] is None
    assert row["people_covered"] is None


def test_a_straight_line_buffer_covers_thirty_more_than_can_walk_there(shijingshan):
    schools = shapely.union_all(shijingshan.layers["facilities"].geometries)
    straight = shapely.distance(shijingshan.layers["estates"].geometries, schools) <= 1000

    coverage = measure_coverage(shijingshan, [own_rule("primary_school", metres=1000)], link="free")

    walked = coverage.items[0].status == "covered"
    assert int(straight.sum()) == 284
    assert abs(int((straight & ~walked).sum()) - 33) <= 2
    assert not np.any(walked & ~straight)


def test_walks_to_school_have_the_known_median(shijingshan):
    coverage = measure_coverage(shijingshan, [own_rule("primary_school", metres=1000)], link="free")

    assert np.nanmedian(coverage.items[0].walk_m) == pytest.approx(593.5, abs=5)
