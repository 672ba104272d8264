"""Locks: what a person has settled before the search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.districts.by_name import finder
from gis.districts.locks import Locks, groups_of, locked_units, read_locks
from gis.errors import LayerError, OptionError, UnknownNameError
from gis.model import Layer
from tests import layers


def estates(*names: str) -> Layer:
    points = shapely.points(500_000.0 + np.arange(len(names)), 3_000_000.0)
    return layers.layer("estates", points, corner=None, first=1, name=list(names))


def table(folder: Path, **columns: list[str]) -> Path:
    path = folder / "locks.csv"
    rows = [",".join(cells) for cells in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
    return path


def test_estates_are_locked_by_uid_or_name_and_one_row_closes_the_district(tmp_path):
    locks = read_locks(
        table(
            tmp_path,
            estate=["E1", "乙苑", "E3"],
            district=["东", "东", "西"],
            closed=["", "是", "否"],
        ),
        estates("甲苑", "乙苑", "丙苑"),
    )
    assert locks.fixed == {"E1": "东", "E2": "东", "E3": "西"}
    assert locks.closed == {"东"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"estate": ["E9"], "district": ["东"]}, "locks.csv row 2: There is no estate 'E9'"),
        (
            {"estate": ["E1", "甲苑"], "district": ["东", "西"]},
            "row 3: estate '甲苑' is locked twice",
        ),
        ({"estate": ["E1"], "district": [""]}, "locks.csv row 2 has no district; fill it in"),
        ({"estate": [""], "district": ["东"]}, "locks.csv row 2 has no estate; fill it in"),
        ({"estate": ["E1"], "district": ["东"], "closed": ["maybe"]}, "closed is 'maybe'"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(columns, message, tmp_path):
    with pytest.raises(LayerError, match=message):
        read_locks(table(tmp_path, **columns), estates("甲苑", "乙苑"))


def test_groups_are_named_by_uid_or_name():
    layer = estates("甲苑", "乙苑", "丙苑")
    assert groups_of([["甲苑", "E3"]], layer) == (("E1", "E3"),)
    with pytest.raises(OptionError, match="'甲苑,E1' is not two estates or more"):
        groups_of([["甲苑", "E1"]], layer)
    with pytest.raises(UnknownNameError, match="There is no estate '丁苑'"):
        groups_of([["甲苑", "丁苑"]], layer)


def test_locks_become_numbers_of_the_units_that_take_part():
    locks = Locks(
        fixed={"E3": "西", "E1": "东"}, closed=frozenset({"东"}), join=(("E1", "E2"),),
        apart=(("E2", "E3"),),
    )  # fmt: skip
    units = locked_units(locks, ["E1", "E2", "E3"], {})
    assert units.fixed.tolist() == [1, -1, 0]
    assert units.names == ("西", "东")
    assert units.closed == (1,)
    assert (units.same, units.apart) == (((0, 1),), ((1, 2),))


def test_a_lock_on_an_estate_that_takes_no_part_says_why_it_does_not():
    with pytest.raises(OptionError, match="Estate 'E2' is locked but people is unknown"):
        locked_units(Locks(fixed={"E2": "东"}), ["E1"], {"E2": "people is unknown"})


def test_a_closed_district_needs_estates():
    with pytest.raises(OptionError, match="The locked district '北' has no estate"):
        Locks(fixed={"E1": "东"}, closed=frozenset({"北"}))


def test_a_district_is_locked_under_the_name_that_a_drawn_plan_would_have(tmp_path):
    path = tmp_path / "locks.csv"
    path.write_text('estate,district\nE1,"东\n片  区"\nE2,东 片\u200b 区\n', encoding="utf-8")
    assert read_locks(path, estates("甲苑", "乙苑")).fixed == {"E1": "东 片 区", "E2": "东 片 区"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"estate": ["E1"], "district": ["-"]}, r"row 2 has no district \('-'\); fill it in"),
        ({"estate": ["E1"], "district": ["无"]}, "has no district"),
        ({"estate": ["E1"], "district": ["x" * 101]}, r"row 2: A district .* \(101 characters\)"),
        (
            {"estate": ["E1", "E2"], "district": ["东", "东"], "closed": ["yes", "no"]},
            "row 3: closed of '东' is no, but yes in locks.csv row 2; say the same",
        ),
        (
            {"estate": ["E1", "E2"], "district": ["东", "东"], "closed": ["否", "是"]},
            "row 3: closed of '东' is yes, but no in locks.csv row 2",
        ),
    ],
)
def test_a_district_that_is_none_or_both_open_and_closed_is_refused(columns, message, tmp_path):
    with pytest.raises(LayerError, match=message):
        read_locks(table(tmp_path, **columns), estates("甲苑", "乙苑"))


def test_a_word_means_the_estate_that_the_layer_says_and_is_not_looked_for_row_by_row(monkeypatch):
    layer = estates("甲苑", "E1", "丙苑", "丙苑", " 戊 苑 ")
    find = finder(layer)
    for word in ("E1", "E5", "甲苑", " 戊 苑", "戊 苑 "):
        assert find(word) == layer.find(word)
    for word in ("丙苑", "无此小区", ""):
        with pytest.raises(UnknownNameError) as ours:
            find(word)
        with pytest.raises(UnknownNameError) as theirs:
            layer.find(word)
        assert str(ours.value) == str(theirs.value)
    # A table of 5,000 names took 8 s of a processor when each was looked for in the layer.
    monkeypatch.delattr(Layer, "find")
    found = finder(layer)
    assert [found(word) for word in ("甲苑", "E1", "戊 苑")] == [0, 0, 4]
