"""Coordinates: shifts, systems, measuring and the doctor."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pyproj import CRS, Geod, Transformer

from gis.crs import (
    COORDS,
    Coords,
    Diagnosis,
    check_extent,
    crs_words,
    diagnose,
    from_wgs84,
    gauss_krueger,
    guess_crs,
    outside_china,
    parse_crs,
    reproject,
    require_measurable,
    require_same_crs,
    same_crs,
    scale_error,
    shift_geometries,
    to_lonlat,
    to_wgs84,
    working_crs,
)
from gis.errors import CrsError

few = settings(max_examples=50, deadline=None)
# Clear of the edges of the box, where a shift would lead out of it.
lons = st.floats(72.1, 137.7)
lats = st.floats(0.9, 55.7)
shifted = st.sampled_from(["gcj02", "bd09"])
# The places of G.1, with the code of their zone and what 1 km east measures in it.
PLACES = {
    "Fuzhou": (119.30, 26.08, 4549, 1000.06),
    "Wansheng": (106.92, 28.96, 4545, 1000.14),
    "Zhumadian": (114.02, 33.01, 4547, 1000.00),
    "Shenyang": (123.43, 41.80, 4550, 1000.02),
    "Urumqi": (87.62, 43.82, 4538, 1000.03),
    "Beijing": (116.39, 39.90, 4548, 1000.03),
    "Ningbo": (121.55, 29.87, 4550, None),
}


def metres_of_a_kilometre_east(crs: CRS, lon: float, lat: float) -> float:
    there_lon, there_lat, _ = Geod(ellps="WGS84").fwd(lon, lat, 90.0, 1000.0)
    turn = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x, y = turn.transform([lon, there_lon], [lat, there_lat])
    return float(np.hypot(x[1] - x[0], y[1] - y[0]))


class TestShifts:
    def test_gcj02_to_bd09_agrees_with_the_published_vector_to_the_last_digit(self):
        # WGS 84 of a GCJ-02 place, then on to BD-09: gives the pair known from the published code.
        lon, lat = from_wgs84(*to_wgs84([116.404], [39.915], coords="gcj02"), coords="bd09")
        assert_allclose([lon[0], lat[0]], [116.41036949371029, 39.92133699351021], atol=1e-12)

    def test_wgs84_to_gcj02_agrees_with_the_published_vector_to_the_last_digit(self):
        lon, lat = from_wgs84([116.404], [39.915], coords="gcj02")
        assert (lon[0], lat[0]) == (116.41024449916938, 39.91640428150164)

    @pytest.mark.parametrize(
        ("place", "east_m", "north_m"),
        [
            ("Fuzhou", 481, -344),
            ("Wansheng", 378, -363),
            ("Zhumadian", 549, -202),
            ("Shenyang", 509, 270),
            ("Beijing", 533, 155),
            ("Urumqi", 229, 134),
        ],
    )
    def test_gcj02_moves_a_place_by_the_metres_of_the_published_table(self, place, east_m, north_m):
        lon, lat, _, _ = PLACES[place]
        x, y = from_wgs84([lon], [lat], coords="gcj02")
        azimuth, _, length_m = Geod(ellps="WGS84").inv(lon, lat, x[0], y[0])
        moved = length_m * np.sin(np.radians(azimuth)), length_m * np.cos(np.radians(azimuth))
        # The table was made on a sphere and rounded.
        assert_allclose(moved, (east_m, north_m), atol=4.0)

    def test_bd09_lies_more_than_a_kilometre_from_wgs84(self):
        x, y = from_wgs84([116.39], [39.90], coords="bd09")
        assert 1060 < Geod(ellps="WGS84").inv(116.39, 39.90, x[0], y[0])[2] < 1390

    @few
    @given(lons, lats, shifted)
    def test_there_and_back_is_exact_to_a_billionth_of_a_degree(self, lon, lat, coords):
        x, y = to_wgs84(*from_wgs84([lon], [lat], coords=coords), coords=coords)
        assert abs(x[0] - lon) < 1e-9
        assert abs(y[0] - lat) < 1e-9

    def test_ten_thousand_places_come_back_exactly(self):
        rng = np.random.default_rng(1)
        lon, lat = rng.uniform(72.1, 137.7, 10_000), rng.uniform(0.9, 55.7, 10_000)
        lon[:3], lat[:3] = 105.0, (35.0, 35.0 + 1e-9, 20.0)  # the kinks of the formula
        for coords in ("gcj02", "bd09"):
            x, y = to_wgs84(*from_wgs84(lon, lat, coords=coords), coords=coords)
            assert max(np.abs(x - lon).max(), np.abs(y - lat).max()) < 1e-11

    def test_cgcs2000_and_wgs84_degrees_are_the_same_numbers(self):
        for coords in ("wgs84", "cgcs2000"):
            lon, lat = to_wgs84([119.3], [26.08], coords=coords)
            assert (lon[0], lat[0]) == (119.3, 26.08)

    def test_places_outside_the_box_are_not_shifted(self):
        lon, lat = from_wgs84([-8.6, 139.7], [41.1, 35.7], coords="gcj02")
        assert_allclose([lon, lat], [[-8.6, 139.7], [41.1, 35.7]], rtol=0)
        assert outside_china([-8.6, 116.4, np.nan], [41.1, 39.9, 39.9]).tolist() == [
            True,
            False,
            True,
        ]

    def test_unknown_places_stay_unknown_and_input_is_not_changed(self):
        lon, lat = np.array([np.nan, 116.4]), np.array([39.9, 39.9])
        x, _ = to_wgs84(lon, lat, coords="gcj02")
        assert np.isnan(x[0])
        assert lon[1] == 116.4
        assert to_wgs84(lon, lat, coords="wgs84")[0] is not lon

    def test_metres_and_unknown_names_are_refused(self):
        with pytest.raises(CrsError, match=r"1 of 2 .* at place 2.*--crs"):
            to_wgs84([116.4, 500_000.0], [39.9, 4_400_000.0], coords="gcj02")
        with pytest.raises(CrsError, match="'mars'"):
            to_wgs84([116.4], [39.9], coords="mars")  # type: ignore[arg-type]
        with pytest.raises(CrsError, match="2 longitudes for 1"):
            to_wgs84([116.4, 116.5], [39.9], coords="gcj02")

    def test_geometries_keep_their_heights_gaps_index_and_name(self):
        shapes = [shapely.Point(116.404, 39.915, 7.0), None, shapely.box(116, 39, 117, 40)]
        series = gpd.GeoSeries(shapes, index=[5, 3, 9], crs=4326, name="shape")
        moved = shift_geometries(series, coords="wgs84", target="gcj02")
        assert moved.index.tolist() == [5, 3, 9]
        assert (moved.name, moved.crs) == ("shape", series.crs)
        assert (moved[5].x, moved[5].z) == (116.41024449916938, 7.0)
        assert moved[3] is None
        assert not moved[9].has_z
        assert series[5].x == 116.404

    @pytest.mark.parametrize("coords", COORDS)
    def test_geometries_come_back_from_every_reading(self, coords: Coords):
        shapes = np.array([shapely.box(116, 39, 116.1, 39.1), shapely.Point(87.6, 43.8)])
        there = shift_geometries(shapes, coords="wgs84", target=coords)
        back = shift_geometries(there, coords=coords)
        assert shapely.equals_exact(back, shapes, tolerance=1e-10).all()

    def test_projected_geometries_are_refused(self):
        with pytest.raises(CrsError, match="EPSG:4490"):
            shift_geometries(gpd.GeoSeries([shapely.Point(5e5, 4e6)], crs=4548), coords="gcj02")


def esri(name: str, easting: float = 500_000.0, meridian: float = 117.0, datum: str = "") -> str:
    datum = datum or 'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]]'
    return (
        f'PROJCS["{name}",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",{datum},'
        'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],'
        f'PARAMETER["False_Easting",{easting}],PARAMETER["False_Northing",0.0],'
        f'PARAMETER["Central_Meridian",{meridian}],PARAMETER["Scale_Factor",1.0],'
        'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
    )


class TestSystems:
    @pytest.mark.parametrize("text", ["EPSG:4548", "4548", 4548, " epsg:4548\n", CRS(4548)])
    def test_a_code_is_read_however_it_is_written(self, text):
        assert parse_crs(text).to_epsg() == 4548

    @pytest.mark.parametrize(
        ("wkt", "code"),
        [
            (esri("CGCS2000_3_Degree_GK_CM_117E"), 4548),
            (esri("CGCS2000_3_Degree_GK_Zone_39", 39_500_000.0), 4527),
            (esri("规划局2000坐标", 500_000.0, 120.0), 4549),
            (esri("规划局2000坐标", 38_500_000.0, 114.0), 4526),
            (esri("规划局2000坐标", 20_500_000.0, 117.0), 4498),
        ],
    )
    def test_prj_files_of_other_makers_are_identified(self, wkt, code):
        assert parse_crs(wkt).to_epsg() == code

    def test_a_zone_under_an_unknown_datum_name_is_known_by_its_parameters(self):
        datum = 'DATUM["D_CGCS_2000",SPHEROID["any name",6378137.0,298.257222101]]'
        assert parse_crs(esri("local", 500_000.0, 108.0, datum)).to_epsg() == 4545
        assert parse_crs(esri("local", 36_500_000.0, 108.0, datum)).to_epsg() == 4524
        assert parse_crs(esri("local", 19_500_000.0, 111.0, datum)).to_epsg() == 4497

    def test_a_local_grid_stays_what_it_is(self):
        crs = parse_crs(esri("city grid", 60_000.0, 119.3))
        assert crs.to_epsg() is None
        assert crs.is_projected

    def test_heights_are_left_out(self):
        assert parse_crs("EPSG:4548+5737").to_epsg() == 4548

    @pytest.mark.parametrize("text", ["EPSG:99999", "no such thing", "", "999999"])
    def test_what_is_no_system_is_refused_with_an_example(self, text):
        with pytest.raises(CrsError, match="EPSG:4548"):
            parse_crs(text)

    def test_every_registered_code_on_an_old_datum_is_refused(self):
        codes = [4214, 4610, 4555, *range(2327, 2391), *range(2401, 2443), *range(21413, 21424)]
        for code in [*codes, *range(21453, 21464)]:
            with pytest.raises(CrsError, match=r"over 100 m off CGCS2000.*towgs84"):
                parse_crs(code)

    def test_old_datums_are_known_by_name_and_ellipsoid_too(self):
        xian = 'DATUM["local",SPHEROID["IAG 1975",6378140.0,298.257]]'
        with pytest.raises(CrsError, match="Xian 1980"):
            parse_crs(esri("local", datum=xian))
        beijing = 'DATUM["local",SPHEROID["Krasovsky",6378245.0,298.3]]'
        with pytest.raises(CrsError, match="Beijing 1954"):
            parse_crs(esri("local", datum=beijing))

    def test_old_datums_pass_when_asked_for_or_with_their_own_parameters(self):
        assert parse_crs("EPSG:2384", allow_old=True).to_epsg() == 2384
        local = "+proj=tmerc +lon_0=117 +x_0=500000 +ellps=krass +towgs84=15,-154,-82 +units=m"
        assert parse_crs(local).is_bound

    @pytest.mark.parametrize("place", PLACES)
    def test_each_place_has_the_zone_of_the_table(self, place):
        lon, _, code, _ = PLACES[place]
        assert gauss_krueger(lon) == code

    def test_zones_run_through_the_codes_of_the_registry(self):
        assert [gauss_krueger(x, prefix=True) for x in (75, 114, 135)] == [4513, 4526, 4533]
        assert [gauss_krueger(x, width=6) for x in (75, 117, 135)] == [4502, 4509, 4512]
        assert gauss_krueger(117, width=6, prefix=True) == 4498
        assert (gauss_krueger(118.49), gauss_krueger(118.5)) == (4548, 4549)

    @few
    @given(st.floats(73.5, 136.4), st.sampled_from([3, 6]), st.booleans())
    def test_the_central_meridian_is_never_further_than_half_a_zone(self, lon, width, prefix):
        crs = CRS(gauss_krueger(lon, width=width, prefix=prefix))
        operation = crs.coordinate_operation
        assert operation is not None
        assert abs(operation.params[1].value - lon) <= width / 2 + 1e-9

    @pytest.mark.parametrize("lon", [73.4, 136.5, 2.3, float("nan")])
    def test_a_longitude_without_zone_is_refused(self, lon):
        with pytest.raises(CrsError, match="UTM"):
            gauss_krueger(lon)

    @pytest.mark.parametrize(
        ("x", "y", "code", "swapped"),
        [
            (119.3, 26.08, 4490, False),
            (26.08, 119.3, 4490, True),
            (39_430_000.0, 4_420_000.0, 4527, False),
            (20_430_000.0, 4_420_000.0, 4498, False),
            (430_000.0, 4_420_000.0, None, False),
            (4_420_000.0, 430_000.0, None, True),
            (4_420_000.0, 39_430_000.0, 4527, True),
            (13_000_000.0, 3_000_000.0, 3857, False),
        ],
    )
    def test_bare_numbers_are_recognised(self, x, y, code, swapped):
        guess = guess_crs(x, y)[0]
        assert (guess.crs.to_epsg() if guess.crs else None, guess.swapped) == (code, swapped)

    def test_numbers_that_may_be_two_things_give_both(self):
        codes = [g.crs.to_epsg() for g in guess_crs(13_500_000.0, 4_000_000.0) if g.crs]
        assert codes == [4491, 3857]

    def test_the_area_settles_an_open_zone_and_nonsense_has_no_reading(self):
        guess = guess_crs(430_000.0, 4_420_000.0, lon=116.2)[0]
        assert guess.crs == CRS(4548)
        assert guess_crs(1.0, 1.0) == []
        assert guess_crs(float("nan"), 4e6) == []

    def test_wgs84_and_cgcs2000_degrees_count_as_one_system_and_their_projections_do_not(self):
        assert same_crs(CRS(4326), CRS(4490))
        assert same_crs(CRS("OGC:CRS84"), CRS(4326))
        assert same_crs(CRS(4548), parse_crs(esri("CGCS2000_3_Degree_GK_CM_117E")))
        assert same_crs(CRS(4548), CRS(4509))
        assert not same_crs(CRS(4548), CRS(4549))
        assert not same_crs(CRS(32650), CRS(4548))
        assert not same_crs(CRS(4326), CRS(4214))

    def test_layers_in_two_systems_are_an_error_that_names_both(self):
        require_same_crs()
        require_same_crs(CRS(4548), CRS(4548))
        with pytest.raises(CrsError, match=r"EPSG:4548 .*EPSG:4549"):
            require_same_crs(CRS(4548), CRS(4549))
        with pytest.raises(CrsError, match="no coordinate system"):
            require_same_crs(CRS(4548), None)

    def test_a_system_is_named_with_its_code(self):
        assert crs_words(CRS(4548)) == "EPSG:4548 (CGCS2000 / 3-degree Gauss-Kruger CM 117E)"


class TestMeasuring:
    @pytest.mark.parametrize("place", [p for p in PLACES if PLACES[p][3]])
    def test_a_kilometre_east_measures_what_the_table_says(self, place):
        lon, lat, code, metres = PLACES[place]
        crs = working_crs([lon], [lat])
        assert crs.to_epsg() == code
        assert metres_of_a_kilometre_east(crs, lon, lat) == pytest.approx(metres, abs=0.006)
        assert scale_error(crs, [lon], [lat])[0] == pytest.approx(metres / 1000 - 1, abs=6e-6)

    @pytest.mark.parametrize(
        ("place", "metres"),
        [("Fuzhou", 1113), ("Zhumadian", 1191), ("Shenyang", 1339), ("Urumqi", 1384)],
    )
    def test_web_mercator_stretches_a_kilometre_and_is_refused_with_the_number(self, place, metres):
        lon, lat, _, _ = PLACES[place]
        crs = CRS(3857)
        assert metres_of_a_kilometre_east(crs, lon, lat) == pytest.approx(metres, abs=0.6)
        # North-south it stretches 0.3-0.6 % more: on the ellipsoid it is not quite conformal.
        worst = scale_error(crs, [lon], [lat])[0]
        assert metres / 1000 - 1 <= worst + 1e-3 <= metres / 1000 - 1 + 8e-3
        with pytest.raises(CrsError, match=rf"up to {worst:.1%} here.*EPSG:45"):
            require_measurable(crs, (lon, lat, lon, lat))

    def test_degrees_cannot_be_measured_in(self):
        with pytest.raises(CrsError, match="in degrees"):
            require_measurable(CRS(4490), (119.2, 26.0, 119.4, 26.2))
        with pytest.raises(CrsError, match="in degrees"):
            scale_error(CRS(4326), [119.2], [26.0])

    def test_a_good_zone_passes_and_a_far_one_does_not(self):
        require_measurable(CRS(4549), (119.2, 26.0, 119.4, 26.2))
        require_measurable(CRS(4549), (121.4, 29.8, 121.7, 30.0))  # Ningbo keeps its neighbour
        with pytest.raises(CrsError, match="EPSG:4545"):
            require_measurable(CRS(4549), (106.8, 28.9, 107.0, 29.1))

    def test_where_a_system_does_not_reach_the_error_is_infinite(self):
        assert scale_error(CRS(4549), [119.3, np.nan], [26.0, 26.0])[1] == np.inf

    def test_feet_are_turned_into_metres(self):
        assert scale_error(CRS(2263), [-74.0], [40.7])[0] < 1e-4

    @few
    @given(st.floats(73.5, 135.5), st.floats(4.0, 53.0))
    def test_everywhere_in_china_the_working_system_is_a_cgcs2000_zone_that_measures(
        self, lon, lat
    ):
        crs = working_crs([lon, lon + 0.3], [lat, lat + 0.3])
        assert 4534 <= (crs.to_epsg() or 0) <= 4554
        assert scale_error(crs, [lon], [lat])[0] < 0.001

    def test_elsewhere_it_is_utm(self):
        assert working_crs([9.47, 9.64], [47.05, 47.27]).to_epsg() == 32632  # Liechtenstein
        assert working_crs([-46.7, -46.6], [-23.6, -23.5]).to_epsg() == 32723  # Sao Paulo

    def test_a_whole_province_does_not_fit_one_plane(self):
        with pytest.raises(CrsError, match=r"114\.00 to 124\.00 E.*per city"):
            working_crs([114.0, 124.0], [27.0, 31.0])

    def test_nothing_metres_and_poles_have_no_working_system(self):
        for lon, lat in (([], []), ([np.nan], [np.nan]), ([5e5], [4e6]), ([10.0], [87.0])):
            with pytest.raises(CrsError):
                working_crs(lon, lat)

    def test_right_coordinates_pass(self):
        check_extent((119.2, 26.0, 119.4, 26.2), CRS(4490))
        check_extent((119.2, 26.0, 119.4, 26.2), CRS(4326))
        check_extent([(430_000.0, 4_420_000.0), (np.nan, np.nan)], CRS(4548))
        check_extent((39_430_000.0, 4_420_000.0, 39_431_000.0, 4_421_000.0), CRS(4527))

    @pytest.mark.parametrize(
        ("bounds", "code", "words"),
        [
            ((26.0, 119.2, 26.2, 119.4), 4326, "latitude before longitude; swap"),
            ((43.7, 87.5, 43.9, 87.7), 4326, "latitude before longitude; swap"),
            ((26.0, 119.2, 26.2, 119.4), 4490, "latitude before longitude; swap"),
            ((4_420_000.0, 430_000.0, 4_421_000.0, 431_000.0), 4548, r"north \(X\) before east"),
            ((39_430_000.0, 4_420_000.0, 39_431_000.0, 4_421_000.0), 4548, "EPSG:4527"),
            ((430_000.0, 4_420_000.0, 431_000.0, 4_421_000.0), 4527, "without zone prefix"),
            ((430_000.0, 4_420_000.0, 431_000.0, 4_421_000.0), 4326, "without zone prefix"),
            ((119.2, 26.0, 119.4, 26.2), 4549, "degrees, longitude and latitude"),
            ((9.4, 47.0, 9.6, 47.2), 4490, "--crs"),
        ],
    )
    def test_wrong_coordinates_are_refused_with_the_remedy(self, bounds, code, words):
        with pytest.raises(CrsError, match=words):
            check_extent(bounds, CRS(code), name="a.shp")

    def test_endless_and_empty_coordinates_are_refused(self):
        with pytest.raises(CrsError, match="infinite"):
            check_extent((0.0, 0.0, np.inf, 1.0), CRS(4326))
        with pytest.raises(CrsError, match="every geometry is empty"):
            check_extent((np.nan,) * 4, CRS(4326))

    def test_reprojecting_puts_longitude_first_and_finds_the_way_back(self):
        series = gpd.GeoSeries([shapely.Point(120.0, 26.0)], crs=4490)
        there = reproject(series, CRS(4549))
        assert there[0].x == pytest.approx(500_000.0, abs=1e-6)
        assert_allclose(to_lonlat([(there[0].x, there[0].y)], CRS(4549)), [(120.0, 26.0)])
        with pytest.raises(CrsError, match="no coordinate system"):
            reproject(gpd.GeoSeries([shapely.Point(120.0, 26.0)]), CRS(4549))

    def test_a_place_without_counterpart_is_refused(self):
        series = gpd.GeoSeries([shapely.Point(120.0, 95.0)], crs=4490)
        with pytest.raises(CrsError, match=r"a\.shp: .* no place in EPSG:4549"):
            reproject(series, CRS(4549), name="a.shp")


LON, LAT = 117.2, 39.1
DEGREE_M = np.array([111_320.0 * np.cos(np.radians(LAT)), 111_030.0])


def degrees(xy_m: np.ndarray) -> np.ndarray:
    return np.array([LON, LAT]) + xy_m / DEGREE_M


def town(seed: int = 0, blocks: int = 12) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Estates between streets: uneven blocks of 180-420 m, 20 m from kerb to fence."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([[0.0], np.cumsum(rng.uniform(180, 420, blocks))])
    y = np.concatenate([[0.0], np.cumsum(rng.uniform(180, 420, blocks))])
    across = [shapely.LineString(degrees(np.array([(a, y[0]), (a, y[-1])]))) for a in x]
    along = [shapely.LineString(degrees(np.array([(x[0], b), (x[-1], b)]))) for b in y]
    estates = [
        shapely.box(
            *degrees(np.array([x[i] + 20, y[j] + 20])),
            *degrees(np.array([x[i + 1] - 20, y[j + 1] - 20])),
        )
        for i in range(blocks)
        for j in range(blocks)
        if rng.random() < 0.7
    ]
    return gpd.GeoSeries(estates, crs=4326), gpd.GeoSeries(across + along, crs=4326)


ESTATES, STREETS = town()


def as_read(series: gpd.GeoSeries, coords: Coords) -> gpd.GeoSeries:
    return shift_geometries(series, coords="wgs84", target=coords)


def gates(seed: int = 3) -> gpd.GeoSeries:
    """Points on the fences of the estates: 20 m from a street."""
    rng = np.random.default_rng(seed)
    rings = shapely.boundary(np.asarray(ESTATES))
    at = shapely.line_interpolate_point(rings, rng.random(len(rings)), normalized=True)
    return gpd.GeoSeries(at, crs=4326)


def pipes() -> gpd.GeoSeries:
    """Pipelines 8 m beside the streets."""
    move = np.array([8.0, 8.0]) / DEGREE_M
    return gpd.GeoSeries(shapely.transform(np.asarray(STREETS), lambda xy: xy + move), crs=4326)


LAYERS = {
    "estates on streets": (ESTATES, STREETS),
    "streets on estates": (STREETS, ESTATES),
    "gates on streets": (gates(), STREETS),
    "pipes on streets": (pipes(), STREETS),
    "estates on estates": (ESTATES, ESTATES),
    "inner points on estates": (ESTATES.representative_point(), ESTATES),
}


class TestDoctor:
    @pytest.mark.parametrize("name", LAYERS)
    @pytest.mark.parametrize("coords", ["gcj02", "bd09"])
    def test_shifted_layers_of_every_kind_are_found(self, name, coords: Coords):
        layer, trusted = LAYERS[name]
        found = diagnose(as_read(layer, coords), trusted, declared="wgs84")
        assert (found.best, found.decisive, found.mixed) == (coords, True, None)
        assert found.coords == coords
        best = next(r for r in found.readings if r.coords == coords)
        # A point inside a block or beside a street may as well lie a little further.
        assert best.residual_m < 40

    @pytest.mark.parametrize("name", LAYERS)
    @pytest.mark.parametrize("declared", ["wgs84", "cgcs2000"])
    def test_true_layers_are_confirmed_and_stay(self, name, declared: Coords):
        layer, trusted = LAYERS[name]
        found = diagnose(layer, trusted, declared=declared)
        assert (found.best, found.decisive, found.doubtful) == (declared, True, False)

    def test_a_true_layer_declared_as_shifted_is_found_too(self):
        found = diagnose(ESTATES, STREETS, declared="gcj02")
        assert (found.coords, found.decisive) == ("wgs84", True)

    def test_the_words_carry_the_numbers(self):
        found = diagnose(as_read(ESTATES, "gcj02"), STREETS, declared="wgs84")
        declared, gcj02 = found.readings[:2]
        assert gcj02.misfit == 0.0
        # A fifth to a third of the ground is street and fence, the rest estates in 7 of 10 blocks.
        street_m = STREETS.to_crs(4548).length.sum()
        assert 0.3 < declared.misfit / street_m < 0.7
        words = found.findings[0]
        assert "declared WGS 84 but reads as GCJ-02" in words
        assert f"{declared.misfit / 1000:.1f} km as declared, 0.0 km if GCJ-02" in words
        assert f"{len(ESTATES)} features compared" in words

    def test_cgcs2000_says_that_it_counts_as_wgs84(self):
        found = diagnose(ESTATES, STREETS, declared="cgcs2000")
        assert "treated as equal" in found.findings[1]

    @pytest.mark.parametrize("count", [1, 3, 5, 7])
    def test_too_few_features_decide_nothing(self, count):
        found = diagnose(as_read(ESTATES, "gcj02")[:count], STREETS, declared="wgs84")
        assert (found.coords, found.decisive) == ("wgs84", False)
        assert f"only {count} of {count} features" in found.findings[0]

    def test_layers_apart_decide_nothing(self):
        away = gpd.GeoSeries(shapely.transform(np.asarray(ESTATES), lambda xy: xy + 0.2), crs=4326)
        found = diagnose(as_read(away, "gcj02"), STREETS, declared="wgs84")
        assert (found.coords, found.decisive, found.readings) == ("wgs84", False, ())
        assert "overlap" in found.findings[0]

    def test_outside_china_there_is_nothing_to_correct(self):
        move = np.array([-126.0, 2.0])
        layer = [
            gpd.GeoSeries(shapely.transform(np.asarray(s), lambda xy: xy + move), crs=4326)
            for s in (ESTATES, STREETS)
        ]
        found = diagnose(*layer, declared="wgs84")
        assert (found.coords, found.decisive) == ("wgs84", False)
        assert "outside China" in found.findings[0]

    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("kind", ["points", "polygons"])
    def test_random_layers_are_never_corrected(self, seed, kind):
        rng = np.random.default_rng(seed)
        places = shapely.points(degrees(rng.uniform(0, 3600, (200, 2))))
        layer = places if kind == "points" else shapely.buffer(places, 0.0008, quad_segs=2)
        found = diagnose(gpd.GeoSeries(layer, crs=4326), STREETS, declared="wgs84")
        assert (found.coords, found.mixed) == ("wgs84", None)

    @pytest.mark.parametrize("count", [5, 200])
    def test_what_no_file_says_is_not_called_declared(self, count):
        places = shapely.points(degrees(np.random.default_rng(1).uniform(0, 3600, (count, 2))))
        layer = gpd.GeoSeries(places, crs=4326)
        (said,) = diagnose(layer, STREETS, declared="wgs84").findings
        assert said.startswith("read as declared, WGS 84")
        (words,) = diagnose(layer, STREETS, declared="wgs84", stated=False).findings
        assert words.startswith("read as WGS 84, which the file does not say")
        assert "declared" not in words

    @pytest.mark.parametrize("part", [0.5, 0.25])
    def test_a_layer_of_two_sources_is_called_mixed_and_left(self, part):
        shifted = np.random.default_rng(5).random(len(ESTATES)) < part
        both = np.where(shifted, np.asarray(as_read(ESTATES, "gcj02")), np.asarray(ESTATES))
        found = diagnose(gpd.GeoSeries(both, crs=4326), STREETS, declared="wgs84")
        assert (found.coords, found.decisive, found.doubtful) == ("wgs84", False, True)
        assert {found.best, found.mixed} == {"wgs84", "gcj02"}
        told = np.array([v is not None for v in found.verdicts])
        right = found.verdicts[told] == np.where(shifted, "gcj02", "wgs84")[told]
        assert told.mean() > 0.5
        assert right.mean() > 0.95
        assert "split the file by its sources" in found.findings[0]

    def test_a_layer_off_by_something_else_is_said_to_be_and_left(self):
        # 70 m east and 100 m south, as Beijing 1954 taken for CGCS2000 would give.
        off = np.array([70.0, -100.0]) / DEGREE_M
        moved = gpd.GeoSeries(shapely.transform(np.asarray(ESTATES), lambda xy: xy + off), crs=4326)
        found = diagnose(moved, STREETS, declared="wgs84")
        assert (found.coords, found.decisive) == ("wgs84", False)
        assert found.elsewhere
        assert found.doubtful
        assert found.readings[0].residual_m == pytest.approx(np.hypot(70, 100), abs=10)
        assert found.readings[0].east_m == pytest.approx(-70, abs=10)
        assert found.readings[0].north_m == pytest.approx(100, abs=10)
        assert "check its datum" in found.findings[0]

    def test_missing_and_empty_geometries_are_passed_over(self):
        holes = [None, shapely.Polygon(), *as_read(ESTATES, "gcj02")]
        found = diagnose(gpd.GeoSeries(holes, crs=4326), STREETS, declared="wgs84")
        assert found.coords == "gcj02"
        assert (found.used, len(found.verdicts)) == (len(ESTATES), len(ESTATES) + 2)

    def test_nothing_to_compare_is_said(self):
        empty = gpd.GeoSeries([], crs=4326)
        for layer, trusted in ((empty, STREETS), (ESTATES, empty), (ESTATES, gates())):
            found = diagnose(layer, trusted, declared="bd09")
            assert (found.coords, found.decisive) == ("bd09", False)
            assert "no layer of lines or polygons" in found.findings[0]

    def test_metres_are_refused(self):
        with pytest.raises(CrsError, match="longitude and latitude"):
            diagnose(ESTATES.to_crs(4548), STREETS, declared="wgs84")
        bare = ESTATES.to_crs(4548).set_crs(None, allow_override=True)
        with pytest.raises(CrsError, match="not degrees"):
            diagnose(bare, STREETS, declared="wgs84")

    def test_the_same_layers_give_the_same_answer(self):
        one, two = (diagnose(as_read(gates(), "bd09"), STREETS, declared="wgs84") for _ in "ab")
        assert isinstance(one, Diagnosis)
        assert (one.readings, one.findings) == (two.readings, two.findings)

    def test_large_layers_are_judged_on_the_square_about_their_middle(self):
        # One far estate, 60 km off, must neither count nor blow up the raster.
        far = gpd.GeoSeries([shapely.box(118.0, 39.1, 118.001, 39.101)], crs=4326)
        wide = gpd.GeoSeries([shapely.LineString([(117.0, 39.09), (118.2, 39.09)])], crs=4326)
        layer = gpd.GeoSeries([*as_read(ESTATES, "gcj02"), *far], crs=4326)
        found = diagnose(layer, gpd.GeoSeries([*STREETS, *wide], crs=4326), declared="wgs84")
        assert (found.coords, found.used) == ("gcj02", len(ESTATES))
