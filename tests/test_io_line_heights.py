"""Heights of streets survive the import, or it is said why not."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely import LineString, MultiLineString

from gis.io import read_layer

ZONE = CRS.from_epsg(4547)
X, Y = 500_000, 3_650_000


@pytest.fixture
def streets(tmp_path):
    """A function that writes lines to a file and reads it as streets."""

    def read(lines, *, ending="gpkg", crs=ZONE, target=ZONE, kind="streets"):
        path = tmp_path / f"streets.{ending}"
        gpd.GeoDataFrame({"name": ["甲"] * len(lines)}, geometry=lines, crs=ZONE).to_crs(
            crs
        ).to_file(path)
        layer, report = read_layer(path, kind, target=target)
        return layer.geometries, {finding.code: finding.message for finding in report.findings}

    return read


def line(*points):
    return LineString([(X + x, Y + y, *z) for x, y, *z in points])


def heights(shape):
    return shapely.get_coordinates(shape, include_z=True)[:, 2].tolist()


@pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson"])
def test_streets_keep_their_heights(streets, ending):
    # From a file in degrees into metres: the plan changes, the heights do not.
    lines, told = streets(
        [line((0, 0, 1.5), (30, 40, 2.5)), line((0, 9, 0), (9, 9, -3))],
        ending=ending,
        crs="EPSG:4326" if ending == "geojson" else ZONE,
    )

    assert heights(lines[0]) == [1.5, 2.5]
    assert heights(lines[1]) == [0, -3]
    assert lines[0].length == pytest.approx(50, abs=0.01)
    assert told["height-kept"] == "2 of 2 rows have heights (z), which were kept"
    assert "height-dropped" not in told


def test_streets_with_and_without_heights_stand_side_by_side(streets):
    lines, told = streets([line((0, 0), (30, 40)), line((0, 9, 5), (9, 9, 6))])

    assert shapely.has_z(lines).tolist() == [False, True]
    assert "1 of 2 rows" in told["height-kept"]


def test_a_street_in_parts_keeps_the_heights_of_each(streets):
    parts = MultiLineString([line((0, 0, 1), (9, 0, 2)), line((20, 0, 3), (29, 0, 4))])
    lines, _ = streets([parts, MultiLineString([line((0, 5, 7), (9, 5, 8))])])

    assert heights(lines[0]) == [1, 2, 3, 4]
    assert (lines[1].geom_type, heights(lines[1])) == ("LineString", [7, 8])


def test_heights_that_are_all_zero_are_none(streets):
    lines, told = streets([line((0, 0, 0), (30, 40, 0)), line((0, 9), (9, 9))])

    assert not shapely.has_z(lines).any()
    assert told["height-dropped"].startswith("The third coordinate of all 1 rows is 0")


@pytest.mark.parametrize("gap", [math.nan, -9999, 1e6])
def test_a_street_with_a_height_missing_gets_none_and_it_is_told(streets, gap):
    shapes = [line((0, 0, 3), (5, 0, 4)), line((0, 9, 5), (9, 9, gap), (20, 9, 6))]
    lines, told = streets(shapes)

    assert shapely.has_z(lines).tolist() == [True, False]
    assert np.isfinite(shapely.get_coordinates(lines)).all()
    assert told["height-partly"].startswith("1 rows have heights at some of their vertices only")
    assert "1 of 2 rows" in told["height-kept"]


def test_other_kinds_lie_flat_and_say_so(streets):
    lines, told = streets([line((0, 0, 3), (5, 0, 4))], kind="walls")

    assert not shapely.has_z(lines).any()
    assert "1 rows have a third coordinate, which was left out" in told["height-dropped"]


def test_refused_rows_do_not_shift_the_heights_of_others(streets):
    lines, _ = streets([LineString(), line((0, 0, 3), (5, 0, 4)), None, line((0, 1, 5), (5, 1, 6))])

    assert [heights(each) for each in lines] == [[3, 4], [5, 6]]
