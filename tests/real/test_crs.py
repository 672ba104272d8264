"""The coordinate doctor on real layers, as they came and shifted, turned or mixed on purpose."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis.crs import Coords, diagnose, parse_crs, shift_geometries

MERIDIAN_117 = 4548


@pytest.fixture(scope="module")
def estates(shared_data: Path) -> gpd.GeoSeries:
    """359 polygons declared WGS 84, really GCJ-02."""
    return gpd.read_file(shared_data / "cn-zibo" / "居民小区.geojson").geometry


@pytest.fixture(scope="module")
def roads(shared_data: Path) -> gpd.GeoSeries:
    """92 main roads, truly WGS 84."""
    return gpd.read_file(shared_data / "cn-zibo" / "roads_wgs.geojson").geometry


@pytest.fixture(scope="module")
def true_estates(estates: gpd.GeoSeries) -> gpd.GeoSeries:
    return shift_geometries(estates, coords="gcj02")


def road_inside_km(estates: gpd.GeoSeries, roads: gpd.GeoSeries) -> float:
    whole = shapely.union_all(np.asarray(estates.to_crs(MERIDIAN_117).make_valid()))
    return float(roads.to_crs(MERIDIAN_117).intersection(whole).length.sum()) / 1000


def test_zibo_estates_are_gcj02(estates, roads, true_estates):
    found = diagnose(estates, roads, declared="wgs84")
    assert (found.coords, found.decisive, found.mixed) == ("gcj02", True, None)
    assert found.used == 359
    declared, gcj02 = found.readings[:2]
    assert declared.residual_m > 400
    assert gcj02.residual_m < 15
    assert road_inside_km(estates, roads) == pytest.approx(86, abs=1)
    assert road_inside_km(true_estates, roads) < 8
    # The figures in words are those that a GIS measures.
    assert declared.misfit / 1000 == pytest.approx(road_inside_km(estates, roads), rel=0.01)
    assert gcj02.misfit / 1000 == pytest.approx(road_inside_km(true_estates, roads), abs=0.2)


def test_corrected_zibo_estates_are_confirmed_and_not_corrected_again(true_estates, roads):
    found = diagnose(true_estates, roads, declared="wgs84")
    assert (found.coords, found.decisive, found.doubtful) == ("wgs84", True, False)


@pytest.mark.parametrize("coords", ["gcj02", "bd09"])
def test_zibo_layers_are_found_in_every_reading_on_either_side(true_estates, roads, coords: Coords):
    for layer, trusted in ((true_estates, roads), (roads, true_estates)):
        shifted = shift_geometries(layer, coords="wgs84", target=coords)
        found = diagnose(shifted, trusted, declared="wgs84")
        assert (found.coords, found.decisive) == (coords, True)


@pytest.mark.parametrize("name", ["教育服务", "医疗卫生", "商业商场", "应急避难", "其他设施"])
def test_every_other_zibo_layer_is_gcj02_too(shared_data, roads, name):
    layer = gpd.read_file(shared_data / "cn-zibo" / f"{name}.geojson").geometry
    assert diagnose(layer, roads, declared="wgs84").coords == "gcj02"


@pytest.mark.parametrize("every", [2, 8])
def test_zibo_estates_of_two_sources_are_called_mixed(estates, true_estates, roads, every):
    shifted = np.arange(len(estates)) % every == 0
    both = np.where(shifted, np.asarray(estates), np.asarray(true_estates))
    found = diagnose(gpd.GeoSeries(both, crs=4326), roads, declared="wgs84")
    assert (found.coords, found.doubtful) == ("wgs84", True)
    assert {found.best, found.mixed} == {"wgs84", "gcj02"}
    told = np.array([v is not None for v in found.verdicts])
    right = found.verdicts[told] == np.where(shifted, "gcj02", "wgs84")[told]
    assert right.mean() > 0.9


@pytest.mark.parametrize("turn", range(7))
@pytest.mark.parametrize("count", [8, 359])
def test_turned_and_mirrored_zibo_estates_fit_nothing(true_estates, roads, turn, count):
    middle = np.array([118.02, 36.806])

    def turned(lonlat: np.ndarray) -> np.ndarray:
        away = (lonlat - middle) * (np.cos(np.radians(36.806)), 1.0)
        if turn >= 3:
            away = away[:, ::-1]
        signs = ([(-1, 1), (-1, -1), (1, -1)] * 2 + [(1, 1)])[turn]
        return away * signs / (np.cos(np.radians(36.806)), 1.0) + middle

    chosen = np.random.default_rng(turn).choice(len(true_estates), count, replace=False)
    layer = shapely.transform(np.asarray(true_estates)[chosen], turned)
    found = diagnose(gpd.GeoSeries(layer, crs=4326), roads, declared="wgs84")
    assert (found.coords, found.mixed) == ("wgs84", None)


def test_contest_layers_stay_as_declared(shared_data):
    folder = shared_data / "cn-giscontest2019"
    streets = gpd.read_file(folder / "道路除高架.shp").to_crs(4490).geometry
    for name in ("居住小区", "小学", "学区"):
        layer = gpd.read_file(folder / f"{name}.shp").to_crs(4490).geometry
        assert diagnose(layer, streets, declared="cgcs2000").coords == "cgcs2000"
    shifted = shift_geometries(streets[::7], coords="wgs84", target="gcj02")
    assert diagnose(shifted, streets, declared="cgcs2000").coords == "gcj02"
    assert diagnose(streets[::7], streets, declared="cgcs2000").decisive


def test_contest_prj_files_are_read(shared_data):
    text = (shared_data / "cn-giscontest2019" / "居住小区.prj").read_text("utf-8")
    assert parse_crs(text).to_epsg() == MERIDIAN_117


def test_osm_buildings_of_beijing_stay_wgs84_and_are_found_when_shifted(shared_data):
    file = shared_data / "osm" / "beijing_tsinghua_wudaokou.osm"
    lines = gpd.read_file(file, layer="lines")
    streets = lines[lines["highway"].notna()].geometry
    shapes = gpd.read_file(file, layer="multipolygons")
    buildings = shapes[shapes["building"].notna()].geometry
    assert len(buildings) > 400
    assert diagnose(buildings, streets, declared="wgs84").coords == "wgs84"
    for coords in ("gcj02", "bd09"):
        shifted = shift_geometries(buildings, coords="wgs84", target=coords)
        assert diagnose(shifted, streets, declared="wgs84").coords == coords
