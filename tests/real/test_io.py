"""Import of real files: Zibo (GCJ-02 that says WGS 84) and Shijingshan (UTF-8 shapefiles)."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest

from gis.io import read_layer


@pytest.fixture(scope="module")
def roads(shared_data: Path) -> gpd.GeoSeries:
    return gpd.read_file(shared_data / "cn-zibo" / "roads_wgs.geojson").geometry


def test_estates_of_zibo_are_found_to_be_gcj02(shared_data: Path, roads: gpd.GeoSeries) -> None:
    path = shared_data / "cn-zibo" / "居民小区.geojson"
    layer, report = read_layer(path, "estates", target=None, trusted=roads)
    assert (report.read, report.accepted, report.coords) == (359, 359, "gcj02")
    finding = next(f for f in report.findings if f.code == "coords-corrected")
    assert "GCJ-02" in finding.message
    assert finding.severity == "warning"
    assert layer.crs.to_epsg() == 4548
    as_declared, plain = read_layer(path, "estates", target=layer.crs)
    assert plain.coords == "wgs84"
    moved = layer.geometries[0].centroid.distance(as_declared.geometries[0].centroid)
    assert 300 < moved < 700
    assert layer.frame["name"].iloc[0] == "宏程·云棠"
    assert layer.frame["address"].notna().all()


def test_the_reading_can_be_said_without_anything_to_compare(shared_data: Path) -> None:
    path = shared_data / "cn-zibo" / "居民小区.geojson"
    said, report = read_layer(path, "estates", target=None, coords="gcj02")
    assert report.coords == "gcj02"
    assert len(said) == 359


@pytest.mark.parametrize(
    ("name", "read", "missing"), [("教育服务", 83, 0), ("医疗卫生", 23, 0), ("商业商场", 54, 3)]
)
def test_facilities_of_zibo_keep_words_that_are_no_category(
    shared_data: Path, roads: gpd.GeoSeries, name: str, read: int, missing: int
) -> None:
    path = shared_data / "cn-zibo" / f"{name}.geojson"
    layer, report = read_layer(path, "facilities", target=None, trusted=roads)
    assert (report.read, len(report.refused)) == (read, missing)
    assert set(layer.frame["category"]) == {name}
    assert f"'{name}' ({read - missing})" in next(
        f.message for f in report.findings if f.code == "word-unknown"
    )


def test_the_roads_of_zibo_read_as_declared(shared_data: Path) -> None:
    path = shared_data / "cn-zibo" / "roads_wgs.geojson"
    layer, report = read_layer(path, "streets", target=None)
    assert (report.accepted, report.coords) == (92, "wgs84")
    # 支路, 主干道, 次干道 and 快速路 in the file.
    assert set(layer.frame["highway"]) == {"tertiary", "primary", "secondary", "trunk"}


@pytest.mark.parametrize(
    ("name", "kind", "options", "rows"),
    [
        ("道路除高架", "streets", {}, 5669),
        ("居住小区", "estates", {"columns": {"uid": "BM"}}, 303),
        ("小学", "facilities", {"values": {"category": "小学"}}, 37),
        ("学区", "communities", {"columns": {"people": "人口(万人)"}}, 9),
    ],
)
def test_shapefiles_of_shijingshan(
    shared_data: Path, name: str, kind: str, options: dict[str, dict[str, str]], rows: int
) -> None:
    path = shared_data / "cn-giscontest2019" / f"{name}.shp"
    layer, report = read_layer(path, kind, target=None, **options)
    assert (report.read, report.accepted) == (rows, rows)
    assert (report.crs, report.coords, report.encoding) == ("EPSG:4548", "cgcs2000", "utf-8")
    assert layer.crs.to_epsg() == 4548
    if kind == "communities":
        assert layer.frame["name"].iloc[0] == "牡丹街道"
        assert layer.numbers("people").sum() == pytest.approx(895_000)
    if kind == "streets":
        assert (layer.frame["highway"] == "steps").sum() == 57
        assert layer.frame["bridge"].sum() == 314
        assert layer.frame.geometry.length.sum() == pytest.approx(841_000, rel=0.001)
    if kind == "facilities":
        assert set(layer.frame["category"]) == {"primary_school"}
