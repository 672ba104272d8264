"""Shijingshan, Beijing: where new primary schools would go, walked over 5,669 real streets.

Nobody's people are known there, so estates count. Today 233 of 303 walk at most 1,000 m (counted
from the gate, see tests/real/test_coverage.py).
"""

import numpy as np
import pytest

from gis.rules import own_rule
from gis.sites import Ask, plan_sites

SCHOOL = own_rule("primary_school", metres=1000)


@pytest.fixture(scope="module")
def fewest(shijingshan):
    return plan_sites(shijingshan, [SCHOOL], Ask(share=1.0, anywhere_m=200.0))


def test_the_fewest_schools_that_bring_everybody_within_a_thousand_metres(fewest):
    (service,) = fewest.services

    assert fewest.status == "optimal"
    assert len(fewest.choice.rows) == fewest.choice.bound == 25
    assert service.need.people_before == pytest.approx(233, abs=2)
    assert (service.people_after, service.need.unit) == (303, "estates")
    # Walked anew with 25 more schools in the study, home by home.
    assert (fewest.after.items[0].status == "covered").all()
    assert np.nanmax(fewest.after.items[0].walk_m) <= 1000


def test_one_school_fewer_leaves_somebody_out(shijingshan, fewest):
    most = plan_sites(shijingshan, [SCHOOL], Ask(count=24, anywhere_m=200.0))

    assert most.status == "optimal"
    assert most.services[0].people_after == 302


def test_where_three_schools_do_most(shijingshan):
    three = plan_sites(shijingshan, [SCHOOL], Ask(count=3, anywhere_m=200.0))

    assert three.status == "optimal"
    # 22 estates more than today; no single site brings more than 10, so 3 cannot bring over 30.
    assert three.services[0].people_after == 255
