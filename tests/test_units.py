"""The measuring unit: 5,000 to 12,000 people, counted once, flagged where they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import LayerError, OptionError
from gis.rules import load_pack
from gis.units import HIGH, LOW, measure_units

NAN = np.nan


def test_the_band_is_that_of_the_standards():
    for name in ("gb50180-2018", "complete-community-2020", "liaoning-5-10min"):
        assert load_pack(name).unit.people == (LOW, HIGH) == (5_000, 12_000)


def test_a_unit_has_the_people_of_its_estates_and_both_bounds_are_in_the_band():
    people = [3_000, 2_000, 4_999, 12_000, 12_001, 77]
    units = measure_units(people, [0, 0, 1, 2, 3, -1])

    assert units.people.tolist() == [5_000, 4_999, 12_000, 12_001]
    assert units.status.tolist() == ["in-band", "too-small", "in-band", "too-large"]
    assert units.source.tolist() == ["estates"] * 4
    assert units.estates.tolist() == [2, 1, 1, 1]


def test_a_communitys_own_figure_counts_those_outside_the_estates_too():
    units = measure_units([3_000, 4_000], [0, 1], own=[9_000, NAN])

    assert units.people.tolist() == [9_000, 4_000]
    assert units.source.tolist() == ["own", "estates"]
    assert units.status.tolist() == ["in-band", "too-small"]


def test_a_sum_that_lacks_estates_shows_too_large_and_nothing_else():
    units = measure_units([4_000, NAN, 13_000, NAN, NAN], [0, 0, 1, 1, 2], count=4)

    assert units.status.tolist() == ["unknown", "too-large", "unknown", "unknown"]
    assert np.isnan(units.people[[0, 2, 3]]).all()
    assert units.people[1] == 13_000
    assert units.estates_unknown.tolist() == [1, 1, 1, 0]
    assert units.source.tolist() == ["unknown", "estates", "unknown", "unknown"]


def test_units_outside_the_band_are_told_with_their_number():
    units = measure_units([1, 6_000, 20_000, NAN], [0, 1, 2, 3])
    told = {finding.code: finding.message for finding in units.findings}

    assert set(told) == {"unit-too-small", "unit-too-large", "unit-unknown"}
    assert "1 of 4 measuring units have more than 12,000 people" in told["unit-too-large"]
    assert measure_units([6_000], [0]).findings == ()


def test_another_band_may_be_asked_for():
    assert measure_units([900], [0], low=500, high=1_000).status.tolist() == ["in-band"]


def test_no_units_are_an_answer():
    assert measure_units([10], [-1]).people.tolist() == []
    assert measure_units([], []).status.tolist() == []


@pytest.mark.parametrize(
    ("people", "unit", "options", "error", "words"),
    [
        ([-1], [0], {}, LayerError, "estate in row 0 has -1 people"),
        ([1], [0], {"own": [-5]}, LayerError, "unit in row 0 has -5 people"),
        ([1], [2], {"own": [5]}, OptionError, "unit 2; there are 1"),
        ([1, 2], [0], {}, OptionError, "2 estates and 1 units"),
        ([1], [0], {"low": 9, "high": 9}, OptionError, "the lower first"),
    ],
)
def test_bad_input_is_refused(people, unit, options, error, words):
    with pytest.raises(error, match=words):
        measure_units(people, unit, **options)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(-1, 5)), max_size=30))
def test_every_person_of_a_unit_is_counted_once(rows):
    people = np.array([p for p, _ in rows], dtype=float)
    unit = np.array([u for _, u in rows], dtype=int)
    units = measure_units(people, unit, count=6)

    assert np.nansum(units.people) == people[unit >= 0].sum()
    for row in range(6):
        mine = people[unit == row].sum()
        if not (unit == row).any():
            assert units.status[row] == "unknown"
        elif mine < 5_000:
            assert units.status[row] == "too-small"
        else:
            assert units.status[row] == ("in-band" if mine <= 12_000 else "too-large")
