"""What is decided beforehand: classes that districts keep to, locked and closed districts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.partition import check_partition, measure_partition, partition

PATH_OF_4 = [(0, 1), (1, 2), (2, 3)]
PATH_OF_6 = [(i, i + 1) for i in range(5)]


def test_a_district_stays_within_its_class():
    found = partition(PATH_OF_4, [3] * 4, low=3, high=9, within=[1, 1, 1, 2])
    assert found.label.tolist() == [0, 0, 0, 1]
    assert found.objective == 1, "the link between two classes is cut like any other"
    assert found.status == "optimal"


def test_units_of_unknown_class_mix_with_no_class():
    found = partition(PATH_OF_4, [3] * 4, low=6, high=6, within=[-1, -1, 2, 2])
    assert found.label.tolist() == [0, 0, 1, 1]
    found = partition(PATH_OF_4, [3] * 4, low=6, high=12, within=[2, 2, 2, -1])
    assert found.label.tolist() == [0, 0, 0, -1]
    assert [(u.unit, u.proved) for u in found.left] == [(3, True)]


def test_units_fixed_to_one_number_share_a_district_and_others_may_join():
    found = partition(PATH_OF_6, [1] * 6, low=2, high=4, fixed=[-1, 5, 5, -1, 8, -1])
    label = found.label.tolist()
    assert label[1] == label[2] != label[4]
    assert min(label) == 0


def test_a_closed_district_is_exactly_its_units():
    found = partition(PATH_OF_6, [3] * 6, low=6, high=12, fixed=[-1, -1, 0, 0, -1, -1], closed=[0])
    assert found.label.tolist() == [0, 0, 1, 1, 2, 2]
    assert (found.objective, found.status) == (2, "optimal")


def test_a_closed_district_counts_as_one_of_the_count():
    asked = {"low": 6, "high": 12, "fixed": [-1, -1, 0, 0, -1, -1], "closed": [0]}
    assert partition(PATH_OF_6, [3] * 6, count=3, **asked).districts == 3
    found = partition(PATH_OF_6, [3] * 6, count=2, **asked)
    assert found.status == "infeasible"
    found = partition(PATH_OF_6, [3] * 6, count=1, **asked)
    assert found.reason == "all districts are closed, and unit 0 is in none of them"


def test_what_a_closed_district_cuts_off_is_left_out_by_its_own_number():
    found = partition(
        PATH_OF_6, [3] * 6, low=9, high=12, fixed=[-1, 0, 0, 0, -1, -1], closed=[0]
    )  # fmt: skip
    assert found.label.tolist() == [-1, 0, 0, 0, -1, -1]
    assert {u.unit: u.reason for u in found.left} == {
        0: "total reachable size 3 < 9",
        4: "total reachable size 6 < 9",
        5: "total reachable size 6 < 9",
    }
    assert found.status == "optimal"


def test_balance_with_a_closed_district_is_measured_over_all_districts():
    """Sizes 8 | 4 1 3: mean 8 of 2 districts; nothing is off."""
    found = partition(
        PATH_OF_4, [8, 4, 1, 3], count=2, low=1, high=9, objective="balance",
        fixed=[4, -1, -1, -1], closed=[4],
    )  # fmt: skip
    assert (found.objective, found.status) == (0, "optimal")
    found = partition(
        PATH_OF_4, [6, 4, 1, 3], count=2, low=1, high=9, objective="balance",
        fixed=[4, -1, -1, -1], closed=[4],
    )  # fmt: skip
    assert found.objective == pytest.approx(1 / 7)
    assert found.status == "optimal", "the closed district alone is 1/7 off"


def test_all_districts_closed_is_a_plan():
    found = partition(PATH_OF_4, [3] * 4, low=6, high=6, fixed=[1, 1, 0, 0], closed=[0, 1])
    assert found.label.tolist() == [0, 0, 1, 1]
    assert (found.objective, found.status) == (1, "optimal")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fixed": [1, -1, -1, 2], "same": [(0, 3)]},
         "units 0 and 3 are to be together, but are fixed to different districts"),
        ({"fixed": [1, -1, -1, 1], "apart": [(0, 3)]},
         "units 0 and 3 are to be both together and apart"),
        ({"fixed": [1, 1, -1, -1], "within": [0, 5, 5, 5]},
         "units 0 and 1 are to be together, but lie in different classes of within"),
        ({"same": [(1, 2)], "within": [0, 0, 5, 5]},
         "units 1 and 2 are to be together, but lie in different classes of within"),
        ({"fixed": [1, 1, -1, -1], "closed": [1], "same": [(1, 2)]},
         "units 0 and 2 are to be together, but only one is in a closed district"),
        ({"closed": [3]}, "district 3 is closed, but no unit is fixed to it"),
        ({"fixed": [1, -1, -1, -1], "closed": [1]},
         "closed district 1 has people 3, below the lower bound 6"),
        ({"fixed": [1, 1, 1, 1], "closed": [1]},
         "closed district 1 has people 12, above the upper bound 9"),
        ({"fixed": [1, -1, 1, -1], "closed": [1]},
         "closed district 1 is not connected: unit 2 is cut off from unit 0"),
        ({"fixed": [1, 1, -1, -1], "closed": [1], "objective": "compact",
          "cost": np.where(np.eye(4), 0.0, np.inf)},
         "closed district 1 has no centre to which all its units have a way"),
        ({"fixed": [1, 1, -1, -1], "closed": [1], "centre_limit": 4.0, "cost": 5 - 5 * np.eye(4)},
         "closed district 1 has no centre within 4 of all its units"),
        ({"fixed": [1, 2, 3, -1], "count": 2}, "fixed holds 3 districts, but count is 2"),
        ({"fixed": [1, 2]}, "fixed has the shape (2,); give (4,)"),
        ({"within": [1, 2, np.nan, 2]}, "within of unit 2 is nan"),
        ({"start": [0.5, 0, 0, 0]}, "start of unit 0 is 0.5"),
    ],
)  # fmt: skip
def test_locks_that_contradict_are_refused_by_name(options, words):
    with pytest.raises(OptionError) as told:
        partition(PATH_OF_4, [3] * 4, low=6, high=9, names=["people"], **options)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_all_contradictions_are_told_at_once():
    with pytest.raises(OptionError, match=r"fixed to different.*both together and apart"):
        partition(
            PATH_OF_4, [3] * 4, low=6, high=9, fixed=[1, 2, -1, -1], same=[(0, 1), (2, 3)],
            apart=[(2, 3)],
        )  # fmt: skip


def test_a_locked_group_above_the_bound_is_left_out_with_the_figures():
    found = partition(PATH_OF_4, [4] * 4, low=4, high=8, fixed=[0, 0, 0, -1])
    assert found.label.tolist() == [-1, -1, -1, 0]
    assert found.left[0].reason == "size of the 3 that must stay together 12 > 8"


def test_what_would_place_the_units_left_out_is_told_in_their_own_numbers():
    """0 is closed; 2 reaches nobody, and lies 640 beyond a railway from 1."""
    found = partition(
        [(0, 1)], [6, 6, 3], low=6, high=9, fixed=[0, -1, -1], closed=[0],
        beyond=([(1, 2), (0, 2)], [640.0, 5.0], ["railway", "railway"]),
    )  # fmt: skip
    assert found.label.tolist() == [0, 1, -1]
    ways = {way.kind: way for way in found.relaxations}
    assert (ways["low"].units, ways["low"].value) == ((2,), 3)
    assert (ways["link"].link, ways["link"].metres) in (((1, 2), 640), ((2, 1), 640))
    assert ways["link"].enough


@pytest.mark.parametrize(
    ("label", "options", "words"),
    [
        ([0, 0, 1, 1], {"within": [1, 2, 2, 2]}, "holds units 0 and 1 of different classes"),
        ([0, 0, 1, 1], {"fixed": [-1, 7, 7, -1]}, "the units fixed to 7 are in different"),
        ([0, 0, 1, 1], {"fixed": [7, 8, -1, -1]}, "holds units fixed to 7 and to 8"),
        ([0, 0, 1, 1], {"fixed": [7, -1, -1, -1], "closed": [7]}, "unit 1 has joined it"),
        ([-1, -1, 0, 0], {"fixed": [7, 7, -1, -1], "closed": [7]}, "closed district 7 is not in"),
    ],
)
def test_the_checker_names_each_broken_lock(label, options, words):
    assert check_partition(PATH_OF_4, [3] * 4, label, low=6, high=6) == ()
    broken = check_partition(PATH_OF_4, [3] * 4, label, low=6, high=6, **options)
    assert words in " / ".join(broken)


@st.composite
def locked_problems(draw):
    n = draw(st.integers(3, 5))
    pairs = list(itertools.combinations(range(n), 2))
    some = st.lists(st.integers(-1, 1), min_size=n, max_size=n)
    fixed = draw(some)
    return {
        "links": draw(st.lists(st.sampled_from(pairs), min_size=n - 1, max_size=2 * n)),
        "size": draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)),
        "count": draw(st.one_of(st.none(), st.integers(1, 3))),
        "low": draw(st.integers(1, 6)),
        "high": draw(st.integers(7, 16)),
        "within": draw(st.one_of(st.none(), some)),
        "fixed": fixed,
        "closed": draw(st.sampled_from([[], [0]])) if 0 in fixed else [],
        "objective": draw(st.sampled_from(["cut-links", "balance"])),
    }


def every_labelling(n):
    """All ways of labelling n units, -1 or districts numbered by their first unit."""
    if n == 0:
        yield ()
        return
    for label in every_labelling(n - 1):
        for district in range(-1, max(label, default=-1) + 2):
            yield (*label, district)


@settings(max_examples=60, deadline=None)
@given(locked_problems())
def test_small_locked_problems_are_solved_as_well_as_by_trying_all(problem):
    asked = {k: v for k, v in problem.items() if k not in ("links", "size", "objective")}
    links, size = problem["links"], problem["size"]
    try:
        found = partition(**problem)
    except OptionError:
        return
    best = None
    for label in every_labelling(len(size)):
        if max(label) < 0 or check_partition(links, size, label, **asked):
            continue
        placed = sum(s for s, d in zip(size, label, strict=True) if d >= 0)
        number = sum(d >= 0 for d in label)
        value = measure_partition(links, size, label, objective=problem["objective"])
        best = max(best or (-1,), (placed, number, -value))
    if best is None:
        assert found.status == "infeasible"
        return
    assert found.status == "optimal"
    placed = sum(s for s, d in zip(size, found.label, strict=True) if d >= 0)
    assert (placed, int((found.label >= 0).sum())) == best[:2]
    assert found.objective == found.bound == pytest.approx(-best[2])


def test_closed_districts_that_hold_all_units_make_no_other():
    closed = {"fixed": [1, 1], "closed": [1]}
    found = partition([(0, 1)], [3, 2], low=2, high=6, count=2, **closed)
    assert (found.status, found.label.tolist()) == ("infeasible", [-1, -1])
    assert found.reason == "0 units cannot make 1 districts"
    whole = partition([(0, 1)], [3, 2], low=2, high=6, count=1, **closed)
    assert (whole.status, whole.label.tolist()) == ("optimal", [0, 0])


def test_a_group_whose_only_way_leads_through_another_lock_is_left_out():
    # 0 - 1 - 2 in a line of 20; 0 and 2 are locked together, 1 to another district.
    chain = [(i, i + 1) for i in range(19)]
    fixed = np.full(20, -1)
    fixed[[0, 2]], fixed[1] = 0, 1
    found = partition(chain, np.ones(20), low=1, high=30, fixed=fixed, time_limit_s=2.0)
    assert (found.label[[0, 2]] == -1).all()
    assert found.left[0].reason.endswith("but what joins them must be apart from them")
    assert (np.delete(found.label, [0, 2]) >= 0).all()
