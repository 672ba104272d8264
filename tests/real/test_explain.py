"""Shijingshan, Beijing: 303 estates, 37 primary schools, 5,669 streets.

The walked lines are those of coverage to the centimetre, whatever explains them.
"""

import numpy as np
import pytest

from gis.coverage import measure_coverage
from gis.explain import explain
from gis.network import lay_ground
from gis.network.route import walked_route
from gis.rules import own_rule

RULE = own_rule("primary_school", metres=1000)


@pytest.fixture(scope="module")
def walked(shijingshan):
    return shijingshan, lay_ground(shijingshan), measure_coverage(shijingshan, [RULE]).items[0]


def test_the_routes_of_all_estates_are_as_long_as_coverage_says(walked):
    _, ground, item = walked
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


def test_a_gap_is_explained_with_the_walk_of_coverage_and_a_path_that_closes_it(walked):
    study, ground, item = walked
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


def test_an_estate_with_a_school_near_by_has_nothing_to_explain(walked):
    study, ground, item = walked
    near = int(np.nanargmin(item.walk_m))
    answer = explain(study, f"estates-{near}", RULE, ground=ground)

    assert (answer.status, answer.metres) == ("covered", item.walk_m[near])
    assert answer.causes == ()
    assert answer.remedies == ()
