"""Sites in San Francisco: 205 census tracts, 16 stores, metres along streets (spopt, BSD-3).

The optima are those that its authors published, for 4 stores and 5,000 m.
"""

import numpy as np
import pandas as pd
import pytest

from gis.siting import locate


@pytest.fixture(scope="module")
def san_francisco(shared_data):
    """Costs (205, 16) and people (205,)."""
    folder = shared_data / "bench-spopt"
    table = pd.read_csv(folder / "SF_network_distance_candidateStore_16_censusTract_205_new.csv")
    cost = table.pivot_table(values="distance", index="DestinationName", columns="name")
    people = table.groupby("DestinationName")["demand"].first()
    assert cost.shape == (205, 16)
    assert (cost.index == people.index).all()
    return cost.to_numpy(), people.to_numpy()


def test_eight_stores_reach_everybody(san_francisco):
    found = locate(*san_francisco, model="lscp", limit=5000)
    assert (found.objective, found.bound, found.status) == (8, 8, "optimal")
    assert (found.assignment >= 0).all()


def test_four_stores_reach_875_247_people(san_francisco):
    found = locate(*san_francisco, model="mclp", limit=5000, count=4)
    assert (found.objective, found.bound, found.status) == (875_247, 875_247, "optimal")
    assert len(found.chosen) == 4


def test_what_many_stores_reach_tells_how_few_reach_a_share(san_francisco):
    cost, people = san_francisco
    most = [locate(cost, people, model="mclp", limit=5000, count=k).objective for k in range(1, 9)]
    assert np.all(np.diff(most) > 0)
    enough = 1 + int(np.argmax(np.array(most) >= 0.9 * people.sum()))
    found = locate(cost, people, model="lscp", limit=5000, share=0.9)
    assert (found.objective, found.status) == (enough, "optimal")


@pytest.mark.parametrize(
    ("model", "optimum"), [("p-median", 2_848_268_129.7145), ("p-center", 7_403.06381)]
)
def test_four_stores_nearest_to_all_and_nearest_to_the_farthest(san_francisco, model, optimum):
    found = locate(*san_francisco, model=model, count=4)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(optimum, rel=1e-8)
    assert found.bound == found.objective
    assert len(found.chosen) == 4
    assert np.unique(found.assignment).tolist() == found.chosen.tolist()
