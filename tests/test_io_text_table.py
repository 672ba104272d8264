"""Small tables of words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis.errors import ColumnError, FileError
from gis.io import read_table

HEADINGS = {"estate": ("小区", "uid"), "district": ("片区",)}


def test_columns_are_found_by_any_of_their_headings(tmp_path: Path) -> None:
    file = tmp_path / "locks.csv"
    file.write_text("序号,小区, District \n1,001,D1\n2, 甲苑 ,\n", encoding="gb18030")
    table = read_table(file, HEADINGS, required=["estate"])
    assert table.columns["estate"].tolist() == ["001", "甲苑"]
    assert table.column("district").tolist() == ["D1", None]
    assert table.column("note").tolist() == [None, None]
    assert table.place(1) == "locks.csv row 3"


def test_faults_are_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("name,x\n甲,1\n", encoding="utf-8")
    with pytest.raises(ColumnError, match=r"a\.csv has no column estate or uid or 小区; add it"):
        read_table(file, HEADINGS, required=["estate"])
    file.write_text("estate,小区\n甲,乙\n", encoding="utf-8")
    with pytest.raises(ColumnError, match=r"two columns of estate"):
        read_table(file, HEADINGS)
    file.write_text("estate\n", encoding="utf-8")
    with pytest.raises(FileError, match="rows"):
        read_table(file, HEADINGS)
