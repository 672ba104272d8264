"""Import of real OpenStreetMap files: a quarter of Beijing and a whole small country."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gis.errors import FileError
from gis.osm import read_osm

NOT_WALKED = frozenset(["motorway", "motorway_link", "trunk", "trunk_link"])


def layers(path: Path) -> dict[str, Any]:
    return {layer.kind.name: (layer, report) for layer, report in read_osm(path, target=None)}


@pytest.fixture(scope="module")
def beijing(shared_data: Path) -> dict[str, Any]:
    return layers(shared_data / "osm" / "beijing_tsinghua_wudaokou.osm")


@pytest.fixture(scope="module")
def liechtenstein(shared_data: Path) -> dict[str, Any]:
    return layers(shared_data / "osm" / "liechtenstein-latest.osm.pbf")


def test_a_quarter_of_beijing(beijing: dict[str, Any]) -> None:
    streets = beijing["streets"][0]
    assert (~streets.frame["highway"].isin(NOT_WALKED)).sum() == 638
    assert len(beijing["buildings"][0]) == 521
    estates = beijing["estates"][0]
    assert len(estates) == estates.frame["name"].notna().sum() == 6
    assert "西王庄小区" in set(estates.frame["name"])
    assert streets.crs.to_epsg() == 4548
    for kind in ("gates", "walls", "facilities", "barriers", "green", "water"):
        assert len(beijing[kind][0]) > 0
    left_out = [f.message for f in beijing["facilities"][1].findings if "left-out" in f.code]
    assert [words[:11] for words in left_out] == ["8 schools l", "145 places "]


def test_liechtenstein_whole(liechtenstein: dict[str, Any]) -> None:
    assert len(liechtenstein["streets"][0]) == 4659
    # 8,997 objects have the tag: two are lines that do not close, one says building=no.
    layer, report = liechtenstein["buildings"]
    assert (len(layer), [n.row for n in report.refused]) == (8994, [346556167, 346556203])
    assert len(liechtenstein["estates"][0]) == 17
    categories = liechtenstein["facilities"][0].frame["category"].value_counts()
    assert categories["kindergarten"] == 6
    assert categories["supermarket"] == 11
    assert layer.crs.to_epsg() == 32632
    barriers = liechtenstein["barriers"][0].frame["barrier"].value_counts()
    assert barriers["river"] > 0
    assert barriers["railway"] > 0


def test_half_of_liechtenstein_is_refused(shared_data: Path, tmp_path: Path) -> None:
    data = (shared_data / "osm" / "liechtenstein-latest.osm.pbf").read_bytes()
    (tmp_path / "half.osm.pbf").write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match=r"half\.osm\.pbf is cut"):
        read_osm(tmp_path / "half.osm.pbf", target=None)
