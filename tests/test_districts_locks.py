"""Locks: what a person has settled before the search."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.districts.locks import Locks, groups_of, locked_units, read_locks
from gis.errors import LayerError, OptionError, UnknownNameError
from gis.model import KINDS, Layer, empty_frame

CRS = "EPSG:4545"


def estates(*names: str) -> Layer:
    empty = empty_frame(KINDS["estates"], crs=CRS)
    n = len(names)
    data = {c: pd.Series([None] * n).astype(empty[c].dtype) for c in empty if c != "geometry"}
    data["uid"] = pd.Series([f"E{i + 1}" for i in range(n)], dtype="str")
    data["name"] = pd.Series(names, dtype="str")
    points = shapely.points(500_000.0 + np.arange(n), 3_000_000.0)
    return Layer(KINDS["estates"], gpd.GeoDataFrame(data, geometry=points, crs=CRS))


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
