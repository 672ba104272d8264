"""The grade of a result: the letter of its weakest link, with the figure in two languages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.grade import grade

BEST = {
    "unlinked": 0.0,
    "people_known": 1.0,
    "people_counted": 1.0,
    "mapped_gates": 1.0,
    "sizes_known": 1.0,
    "heights_known": 1.0,
    "confidence": 1.0,
}


def test_with_everything_known_and_verified_it_is_an_a():
    result = grade(**BEST)

    assert result.letter == "A"
    assert {reason.letter for reason in result.reasons} == {"A"}
    assert {reason.aspect for reason in result.reasons} == set(BEST)


@pytest.mark.parametrize(
    ("aspect", "at_a", "at_b", "at_c", "worst"),
    [
        ("people_known", 0.99, 0.95, 0.80, "D"),
        ("people_counted", 0.95, 0.50, 0.0, "C"),
        ("mapped_gates", 0.90, 0.50, 0.0, "C"),
        ("sizes_known", 0.95, 0.70, 0.0, "C"),
        ("heights_known", 0.99, 0.90, 0.50, "D"),
        ("confidence", 1.0, 0.90, 0.70, "D"),
    ],
)
def test_the_rubric_is_inclusive_at_its_numbers(aspect, at_a, at_b, at_c, worst):
    def letter(share):
        return grade(**{**BEST, aspect: share}).letter

    assert letter(at_a) == "A"
    assert letter(at_a - 0.001) == "B"
    assert letter(at_b) == "B"
    assert letter(at_b - 0.001) == "C"
    assert letter(at_c) == "C"
    assert letter(0.0) == worst


def test_unlinked_estates_are_shares_that_must_be_small():
    letters = [grade(unlinked=share).letter for share in (0.01, 0.02, 0.05, 0.06, 0.15, 0.16)]

    assert letters == ["A", "B", "B", "C", "C", "D"]


def test_the_weakest_link_decides_and_comes_first():
    result = grade(**{**BEST, "mapped_gates": 0.4, "people_known": 0.96})

    assert result.letter == "C"
    assert [(r.aspect, r.letter) for r in result.reasons[:2]] == [
        ("mapped_gates", "C"),
        ("people_known", "B"),
    ]
    assert result.reasons[0].en == "gates mapped for 40 %"
    assert result.reasons[0].zh == "出入口为实测的小区占40 %"


def test_what_does_not_matter_for_a_result_is_not_looked_at():
    result = grade(people_known=1.0)

    assert [reason.aspect for reason in result.reasons] == ["people_known"]


def test_a_share_is_never_rounded_up_to_a_better_one():
    assert grade(people_known=0.98999).reasons[0].en == "people known for 98.9 %"
    assert grade(people_known=2 / 3).reasons[0].en == "people known for 66.6 %"


def test_it_goes_to_json():
    told = json.loads(json.dumps(grade(unlinked=0.5).to_json()))

    assert told["letter"] == "D"
    assert told["reasons"][0]["en"] == "50 % of the estates are linked"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_are_from_0_to_1(share):
    with pytest.raises(OptionError, match="give a share from 0 to 1"):
        grade(people_known=share)


def test_nothing_cannot_be_graded():
    with pytest.raises(OptionError, match="nothing to grade by"):
        grade()


@given(st.fixed_dictionaries(dict.fromkeys(BEST, st.floats(0, 1))), st.sampled_from(list(BEST)))
def test_better_data_never_lower_the_grade(shares, aspect):
    better = grade(**{**shares, aspect: BEST[aspect]})

    assert better.letter <= grade(**shares).letter
