"""Heights of streets in a project: kept, readable by GDAL, and no trouble for older projects."""

import sqlite3

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import CRS
from shapely import LineString, MultiLineString

from api.store import Project
from api.store.codec import decode, encode
from gis.model import KINDS, Layer
from gis.model.layer import PANDAS_TYPES

ZONE = CRS.from_epsg(4545)
HIGH = LineString([(500_000, 3_800_000, 12.25), (500_010, 3_800_010, 13.5)])
FLAT = LineString([(500_000, 3_800_000), (500_010, 3_800_010)])
GAP = LineString([(500_000, 3_800_000, 12.25), (500_010, 3_800_010, np.nan)])


def layer(kind, shapes, prefix="a"):
    wanted, n = KINDS[kind], len(shapes)
    data = {c.name: pd.Series([None] * n, dtype=PANDAS_TYPES[c.type]) for c in wanted.columns}
    data["uid"] = pd.Series([f"{prefix}{i}" for i in range(n)], dtype="str")
    geometry = gpd.GeoSeries(np.array(shapes, dtype=object), crs=ZONE)
    return Layer(wanted, gpd.GeoDataFrame({**data, "geometry": geometry}, geometry="geometry"))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "p.gpkg"
    with Project.create(path, name="p"):
        pass
    return path


def written(path, *layers, replace=False):
    with Project.open(path) as project:
        project.write_layers([(each, None) for each in layers], replace=replace)


def read(path, kind="streets"):
    with Project.open(path) as project:
        return project.read_layer(kind).geometries


def declared_z(path, kind="streets"):
    with sqlite3.connect(path) as connection:
        sql = "SELECT z FROM gpkg_geometry_columns WHERE table_name = ?"
        return connection.execute(sql, (kind,)).fetchone()[0]


def z_of(shape):
    return shapely.get_coordinates(shape, include_z=True)[:, 2].tolist()


def test_streets_come_back_with_their_heights_and_those_without_stay_flat(path):
    both = MultiLineString([HIGH, HIGH])
    written(path, layer("streets", [HIGH, FLAT, both]))

    shapes = read(path)
    assert z_of(shapes[0]) == [12.25, 13.5]
    assert z_of(shapes[2]) == [12.25, 13.5] * 2
    assert shapely.has_z(shapes).tolist() == [True, False, True]
    assert declared_z(path) == 2  # may have, need not


def test_a_layer_without_heights_forbids_them_as_before(path):
    written(path, layer("streets", [FLAT]), layer("walls", [HIGH]))

    assert (declared_z(path), declared_z(path, "walls")) == (0, 0)
    assert not shapely.has_z(read(path, "walls")).any()


def test_heights_added_to_a_layer_of_before_are_declared(path):
    written(path, layer("streets", [FLAT]))
    written(path, layer("streets", [HIGH], prefix="b"))

    assert declared_z(path) == 2
    assert shapely.has_z(read(path)).tolist() == [False, True]


def test_gdal_reads_the_heights_and_the_bounds(path):
    written(path, layer("streets", [HIGH, FLAT]))

    frame = pyogrio.read_dataframe(path, layer="streets")
    info = pyogrio.read_info(path, layer="streets")
    assert z_of(frame.geometry.iloc[0]) == [12.25, 13.5]
    assert info["total_bounds"] == (500_000, 3_800_000, 500_010, 3_800_010)
    box = pyogrio.read_dataframe(path, layer="streets", bbox=(0, 0, 500_005, 4_000_000))
    assert len(box) == 2


def test_a_height_that_gdal_changed_is_read(path):
    written(path, layer("streets", [HIGH]))
    wkb = shapely.to_wkb(LineString([(500_000, 3_800_000, 1), (500_020, 3_800_000, 2)]),
                         flavor="iso")  # fmt: skip
    with Project.open(path) as project:
        crs = project.crs.to_epsg()
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        head = b"GP\x00\x01" + crs.to_bytes(4, "little")  # without an envelope
        connection.execute("UPDATE streets SET geom = ?", (head + wkb,))

    assert z_of(read(path)[0]) == [1, 2]


def test_blobs_with_heights_are_iso_wkb_and_a_missing_one_is_written_as_such():
    blob, gap = encode(np.array([HIGH, GAP], dtype=object), srs_id=4545, heights=True)

    assert int.from_bytes(blob[41:45], "little") == 1002  # LINESTRING Z
    assert z_of(shapely.from_wkb(gap[40:]))[0] == 12.25
    assert np.isnan(z_of(shapely.from_wkb(gap[40:]))[1])


def test_a_street_with_a_height_missing_in_the_file_is_read_flat():
    blobs = encode(np.array([HIGH, GAP, None], dtype=object), srs_id=4545, heights=True)
    shapes = decode(blobs, table="streets", fids=[1, 2, 3], heights=True)

    assert shapely.has_z(shapes).tolist() == [True, False, False]
    assert shapes[2] is None
    assert not shapely.has_z(decode(blobs, table="streets", fids=[1, 2, 3])).any()


def test_a_project_made_before_streets_had_risers_opens_and_takes_more(path):
    written(path, layer("streets", [FLAT]))
    with sqlite3.connect(path) as connection:
        for column in ("risers", "delay_s", "signal"):
            connection.execute(f"ALTER TABLE streets DROP COLUMN {column}")

    assert len(read(path)) == 1
    written(path, layer("streets", [HIGH], prefix="b"))
    with Project.open(path) as project:
        frame = project.read_layer("streets").frame
    assert frame["risers"].isna().all()
    assert shapely.has_z(frame.geometry.to_numpy()).tolist() == [False, True]
