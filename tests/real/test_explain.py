"""Shijingshan, Beijing: 303 estates, 37 primary schools, 5,669 streets.

The walked lines are those of coverage to the centimetre, whatever explains them.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from gis.coverage import measure_coverage
from gis.explain import explain
from gis.model import KINDS, Layer, Study
from gis.network import lay_ground
from gis.network.route import walked_route
from gis.rules import own_rule

TYPES = {"text": "str", "integer": float, "number": float, "boolean": "boolean", "date": "str"}
RULE = own_rule("primary_school", metres=1000)


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
    study = Study(
        {
            "streets": layer("streets", folder / "道路除高架.shp"),
            "estates": layer("estates", folder / "居住小区.shp"),
            "facilities": layer("facilities", folder / "小学.shp", category="primary_school"),
        }
    )
    return study, lay_ground(study), measure_coverage(study, [RULE]).items[0]


def test_the_routes_of_all_estates_are_as_long_as_coverage_says(shijingshan):
    _, ground, item = shijingshan
    doors = ground.doors.node[ground.doors.node >= 0]
    reach = ground.network.reach([doors], limit_m=np.inf)
    known = 0
    for start, estate in zip(ground.origins.node, ground.origins.estate, strict=True):
        route = walked_route(ground.network, reach, doors, int(start))
        if np.isnan(item.walk_m[estate]):
            continue
        known += 1
        assert route.metres == item.walk_m[estate]
        assert abs(route.line.length - route.metres) <= 0.01 * len(route.links)

    assert known == np.isfinite(item.walk_m).sum() > 290


def test_a_gap_is_explained_with_the_walk_of_coverage_and_a_path_that_closes_it(shijingshan):
    study, ground, item = shijingshan
    gaps = np.flatnonzero((item.status == "gap") & np.isfinite(item.walk_m))
    worst = gaps[np.argmin(item.walk_m[gaps])]
    answer = explain(study, f"estates-{worst}", RULE, ground=ground)

    assert answer.status == "gap"
    assert answer.metres == item.walk_m[worst]
    assert answer.facility == item.facility[worst]
    assert sum(part.metres for part in answer.parts) == pytest.approx(answer.metres)
    assert answer.straight_m < answer.metres
    assert answer.line.length == pytest.approx(answer.metres, abs=1)
    path = next(remedy for remedy in answer.remedies if remedy.kind == "path")
    assert path.closes
    assert path.metres <= 1000
    assert all(cause.adds_m is None or cause.adds_m < answer.metres for cause in answer.causes)


def test_an_estate_with_a_school_near_by_has_nothing_to_explain(shijingshan):
    study, ground, item = shijingshan
    near = int(np.nanargmin(item.walk_m))
    answer = explain(study, f"estates-{near}", RULE, ground=ground)

    assert (answer.status, answer.metres) == ("covered", item.walk_m[near])
    assert answer.causes == ()
    assert answer.remedies == ()
