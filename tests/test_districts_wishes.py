"""Wishes: what two linked estates share, in numbers that can be checked by hand."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import shapely

from gis.coverage import measure_coverage
from gis.districts.wishes import (
    Needs,
    Reached,
    areas_of_estates,
    classes_of,
    common_needs,
    misses_of,
    pipelines_together,
    reach_of,
    shared_facilities,
    sites_within,
)
from gis.errors import MissingLayerError, OptionError, UnknownNameError
from gis.model import Study
from gis.rules import load_pack
from tests import layers

LINKS = [[0, 1], [1, 2]]


layer = partial(layers.layer, first=1)


def points(*xy) -> list[shapely.Point]:
    return [shapely.Point(p) for p in xy]


# --- needs


def test_common_needs_are_the_services_that_both_miss():
    needs = Needs(
        misses=np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0]], dtype=bool),
        known=np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0]], dtype=bool),
        keys=("nursery", "canteen", "clinic"), names=("托育", "助餐", "卫生"),
    )  # fmt: skip
    wish = common_needs(LINKS, needs)
    assert wish.weight.tolist() == [2, 1]
    assert wish.words.tolist() == ["both miss 托育, 助餐", "both miss 助餐"]
    assert wish.unit == "services"
    # One of the 2 x 3 comparisons is with something unknown.
    assert wish.unknown_share == pytest.approx(1 / 6)
    assert "17% of these comparisons are not known" in wish.basis


def test_no_links_have_no_wishes():
    nothing = np.empty((0, 2), int)
    needs = Needs(np.ones((2, 1), bool), np.ones((2, 1), bool), ("a",), ("a",))
    assert common_needs(nothing, needs).weight.tolist() == []
    assert pipelines_together(town(), nothing, year=2026).weight.tolist() == []


# --- facilities


def reached(rows, service, known=None) -> Reached:
    reach = sp.csr_array(np.array(rows, dtype=bool))
    names = ("托育", "助餐")
    known = np.ones((len(rows), 2), bool) if known is None else np.array(known, bool)
    return Reached(reach, np.array(service), known, names)


def test_shared_facilities_are_counted_by_service_or_one_by_one():
    # Two nurseries and a canteen: 1 and 2 reach both nurseries, all of them the canteen but 3.
    found = reached([[1, 1, 1], [1, 1, 1], [0, 1, 0]], [0, 0, 1])
    assert shared_facilities(LINKS, found).weight.tolist() == [2, 1]
    assert shared_facilities(LINKS, found).words.tolist() == [
        "both reach the same 托育, 助餐", "both reach the same 托育",
    ]  # fmt: skip
    assert shared_facilities(LINKS, found, count="facilities").weight.tolist() == [3, 1]
    with pytest.raises(OptionError, match="services or facilities"):
        shared_facilities(LINKS, found, count="places")


def covered_town(facilities=((250, 0), (500, 0))) -> Study:
    """Three estates 400 m apart along a street, and nurseries beside it."""
    return Study(
        {
            "estates": layer("estates", points((0, 0), (400, 0), (800, 0)), people=[100] * 3),
            "streets": layer(
                "streets", [shapely.LineString([(-100, 0), (3000, 0)])], highway=["residential"]
            ),
            "facilities": layer(
                "facilities", points(*facilities), category=["nursery"] * len(facilities)
            ),
        }
    )


def nursery_rules():
    rules = [r for r in load_pack("gb50180-2018").rules if r.category == "nursery"]
    assert [r.limit_m for r in rules[:1]] == [300]
    return rules[:1]


def test_what_estates_miss_and_reach_is_read_off_a_measurement():
    coverage = measure_coverage(covered_town(), nursery_rules())
    assert coverage.items[0].status.tolist() == ["covered"] * 3
    found = reach_of(coverage, must=None)
    # The first reaches the one 250 m away, the second both, the third the one 300 m away.
    assert found.reach.toarray().tolist() == [[True, False], [True, True], [False, True]]
    wish = shared_facilities(LINKS, found)
    assert wish.weight.tolist() == [1, 1]
    assert wish.unknown_share == 0
    far = measure_coverage(covered_town(facilities=((2900, 0),)), nursery_rules())
    needs = misses_of(far, must=None)
    assert needs.misses.tolist() == [[True], [True], [True]]
    assert common_needs(LINKS, needs).weight.tolist() == [1, 1]
    assert reach_of(far, must=None).reach.nnz == 0


def test_sites_that_both_estates_reach_could_serve_both():
    study = covered_town()
    study = Study({**study.layers, "sites": layer("sites", points((200, 0), (600, 0), (2900, 0)))})
    found = sites_within(study, limit_m=400)
    assert found.reach.toarray().tolist() == [
        [True, False, False], [True, True, False], [False, True, False],
    ]  # fmt: skip
    wish = shared_facilities(LINKS, found, count="facilities")
    assert wish.weight.tolist() == [1, 1]
    assert wish.words.tolist() == ["both reach the same sites"] * 2
    assert sites_within(study, limit_m=199.99).reach.nnz == 0
    with pytest.raises(MissingLayerError, match="no sites"):
        sites_within(covered_town(), limit_m=400)


def test_a_service_of_which_nothing_is_known_is_not_missed():
    study = covered_town()
    study = Study({k: v for k, v in study.layers.items() if k != "facilities"})
    needs = misses_of(measure_coverage(study, nursery_rules()), must=None)
    assert not needs.misses.any()
    assert not needs.known.any()
    assert common_needs(LINKS, needs).unknown_share == 1


# --- pipelines


def town(*pipes, **columns) -> Study:
    """Blocks of 100 m side by side, 20 m between them."""
    shapes = [shapely.box(120 * i, 0, 120 * i + 100, 100) for i in range(3)]
    layers = {"estates": layer("estates", shapes)}
    if pipes:
        lines = [shapely.LineString(xy) for xy in pipes]
        columns.setdefault("pipe", ["gas"] * len(pipes))
        layers["pipelines"] = layer("pipelines", lines, **columns)
    return Study(layers)


def test_pipes_beside_both_estates_count_once_in_metres():
    # 300 m along the street between the first two, of which 140 m lie within 20 m of both.
    study = town([(110, -100), (110, 200)], planned_year=[2028])
    wish = pipelines_together(study, LINKS, year=2026)
    # Beyond the corners the metres end where a circle of 20 m does: sqrt(20^2 - 10^2) = 17.32.
    assert wish.weight == pytest.approx([100 + 2 * 17.32, 0], abs=0.5)
    assert wish.words.tolist() == ["134 m of gas", ""]
    assert (wish.unit, wish.unknown_share) == ("m", 0)
    wide = pipelines_together(study, LINKS, year=2026, within_m=10)
    assert wide.weight == pytest.approx([100, 0], abs=0.5)
    twice = town([(110, 0), (110, 50)], [(110, 50), (110, 100)], planned_year=[2028, 2028])
    assert pipelines_together(twice, LINKS, year=2026, within_m=10).weight[0] == pytest.approx(100)


@pytest.mark.parametrize(
    ("columns", "due", "unknown"),
    [
        ({"planned_year": [2026]}, True, False),
        ({"planned_year": [2030]}, True, False),
        ({"planned_year": [2031], "built_year": [1980]}, False, False),
        ({"planned_year": [2024], "built_year": [2023]}, False, False),
        ({"built_year": [2010]}, True, False),
        ({"built_year": [2011]}, False, False),
        ({"material": ["灰口铸铁"], "built_year": [2020]}, True, False),
        ({"material": ["PE"]}, False, True),
        ({}, False, True),
        ({"pipe": ["power"], "built_year": [1980]}, False, True),
        ({"pipe": ["sewer"], "built_year": [1981]}, False, False),
        ({"pipe": ["sewer"], "built_year": [1980]}, True, False),
    ],
)
def test_which_pipes_are_to_be_renewed_and_of_which_nobody_knows(columns, due, unknown):
    study = town([(110, 0), (110, 100)], **columns)
    wish = pipelines_together(study, LINKS, year=2026)
    assert (wish.weight[0] > 0) == due
    assert wish.unknown_share == float(unknown)
    assert f"of {float(unknown):.0%} of the metres" in wish.basis


def test_only_the_pipes_asked_for_count_and_without_any_nothing_is_known():
    study = town(
        [(110, 0), (110, 100)], [(112, 0), (112, 100)], pipe=["gas", "water"],
        planned_year=[2026, 2026],
    )  # fmt: skip
    both = pipelines_together(study, LINKS, year=2026)
    assert both.weight.tolist() == [200, 0]
    assert both.words[0] == "100 m of gas, 100 m of water"
    only = pipelines_together(study, LINKS, year=2026, pipes=("water",))
    assert only.weight.tolist() == [100, 0]
    none = pipelines_together(town(), LINKS, year=2026)
    assert (none.weight.tolist(), none.unknown_share) == ([0, 0], 1)
    assert "nothing is known" in none.basis
    with pytest.raises(OptionError, match="within_m is -1"):
        pipelines_together(study, LINKS, year=2026, within_m=-1)


# --- classes


def test_communities_come_from_the_column_and_else_from_the_place():
    study = Study(
        {
            "estates": layer(
                "estates", points((0, 0), (10, 0), (100, 0), (900, 0)),
                community=["甲", None, None, None], subdistrict=["东", None, "西", None],
            ),
            "communities": layer(
                "communities", [shapely.box(-50, -50, 50, 50), shapely.box(50, -50, 200, 50)],
                name=["甲", "甲"], subdistrict=["东", "西"],
            ),
        }
    )  # fmt: skip
    found = areas_of_estates(study, "community")
    assert found.number.tolist() == [0, 0, 1, -1]
    assert found.names == ("东 甲", "西 甲")
    assert found.by_location.tolist() == [False, True, True, False]
    assert found.basis == (
        "community: 2 different ones; of 4 estates 2 by where they lie, 1 unknown"
    )
    assert areas_of_estates(study, "subdistrict").names == ("东", "西")
    with pytest.raises(UnknownNameError, match="no area 'city'"):
        areas_of_estates(study, "city")


def test_managers_and_own_columns_make_classes():
    estates = layer(
        "estates", points((0, 0), (1, 0), (2, 0), (3, 0)), manager=["乙", " 甲", "乙", None],
        lot=[2.0, 1.0, 2.0, np.nan],
    )  # fmt: skip
    found = classes_of(estates, "manager")
    assert found.number.tolist() == [found.names.index("乙"), found.names.index("甲"),
                                     found.names.index("乙"), -1]  # fmt: skip
    assert classes_of(estates, "lot").names == ("1", "2")
    assert classes_of(estates, "lot").number.tolist() == [1, 0, 1, -1]
    with pytest.raises(UnknownNameError, match="no column 'builder'"):
        classes_of(estates, "builder")
