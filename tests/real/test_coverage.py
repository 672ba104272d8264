"""Shijingshan, Beijing: 303 estates, 37 primary schools, 5,669 streets.

The reference counts come from two other implementations; the buffer shows why one walks.
"""

import numpy as np
import pytest
import shapely

from gis.coverage import measure_coverage
from gis.rules import own_rule


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
