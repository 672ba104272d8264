"""What is taken out of a covering problem, by hand; and what is left has the same optimum."""

from __future__ import annotations

import numpy as np

from gis.siting.cover.case import clubs_of
from gis.siting.mip import grain_of
from gis.siting.presolve import cover_of, group, implied_rows, useless_cols


def cover(*rows, cols, weight=None):
    first = np.r_[0, np.cumsum([len(row) for row in rows])].astype(np.int64)
    people = np.ones(len(rows)) if weight is None else np.array(weight, float)
    return cover_of(first, np.concatenate([np.array(row, int) for row in rows]), cols, people)


def test_rows_and_columns_are_two_views_of_the_same():
    it = cover([0, 2], [1, 2], [2], cols=3)
    assert (it.rows, it.cols) == (3, 3)
    assert it.matrix().toarray().tolist() == [[1, 0, 1], [0, 1, 1], [0, 0, 1]]
    by_column = [it.row[a:b].tolist() for a, b in zip(it.col_at[:-1], it.col_at[1:], strict=True)]
    assert by_column == [[0], [1], [0, 1, 2]]


def test_a_part_is_numbered_anew():
    it = cover([0, 2], [1, 2], [2], cols=3, weight=[5, 6, 7])
    part = it.part(np.array([True, False, True]), np.array([False, True, True]))
    assert part.matrix().toarray().tolist() == [[0, 1], [0, 1]]
    assert part.weight.tolist() == [5, 7]


def test_equal_rows_become_one_with_all_their_people():
    merged, place = group(cover([0, 2], [1], [0, 2], [], [1], cols=3, weight=[1, 2, 4, 8, 16]))
    assert place.tolist() == [0, 1, 0, 2, 1]
    assert merged.weight.tolist() == [5, 18, 8]


def test_a_row_that_holds_another_is_implied():
    it = cover([0, 1, 2], [0, 1], [2, 3], [0, 1], cols=4)
    assert implied_rows(it).tolist() == [True, False, False, True]


def test_a_site_that_covers_part_of_another_for_no_less_is_useless():
    # Columns: 0 covers rows 0 and 1, 1 covers row 0, 2 covers rows 0 and 1 as well.
    it = cover([0, 1, 2], [0, 2], cols=3)
    free = np.full(3, -1)
    assert useless_cols(it, np.ones(3), free).tolist() == [False, True, True]
    assert useless_cols(it, np.array([3.0, 1.0, 2.0]), free).tolist() == [True, False, False]
    # One that excludes a third cannot stand in for one that excludes none.
    assert useless_cols(it, np.ones(3), np.array([5, -1, 5])).tolist() == [False, False, True]


def test_a_site_that_covers_nobody_is_useless():
    assert useless_cols(cover([0], cols=2), np.ones(2), np.full(2, -1)).tolist() == [False, True]


def test_clubs_are_those_of_two_or_more():
    assert clubs_of(np.array([10**12, -1, 7, 10**12, 3, 3])).tolist() == [1, -1, -1, 1, 0, 0]


def test_prices_are_multiples_of_a_grain():
    assert grain_of(np.array([4.0, 6.0, 0.0])) == 2.0
    assert grain_of(np.array([0.5, 0.75])) == 0.25
    assert grain_of(np.array([3.0000000000000004, 1.0])) == 1.0
    assert grain_of(np.array([1.0, np.pi])) == 0.0
