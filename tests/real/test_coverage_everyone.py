"""Every walker by every rule pack, in Shijingshan; see `tests/test_coverage_everyone.py`."""

import pytest

from gis.coverage import measure_on
from gis.network import lay_ground
from gis.rules import load_pack, pack_names
from gis.walkers import walker_names


@pytest.fixture(scope="module")
def ground(shijingshan):
    return lay_ground(shijingshan)


@pytest.mark.parametrize("pack", pack_names())
def test_every_walker_goes_by_every_pack(shijingshan, ground, pack):
    standard = load_pack(pack)
    for walker in (None, *walker_names()):
        coverage = measure_on(ground, shijingshan, standard.rules, pack=standard, walker=walker)
        rows = coverage.summary()

        assert len(rows) == len(standard.rules)
        for row in rows:
            states = {state: row[state] for state in ("covered", "gap", "unlinked", "no_data")}
            assert sum(states.values()) == 303, (walker, row["rule"])
            # Nothing but primary schools was ever imported.
            school = "primary_school" in next(
                rule.categories for rule in standard.rules if rule.id == row["rule"]
            )
            assert (states["no_data"] == 303) == (not school), (walker, row["rule"])
