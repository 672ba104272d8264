"""Other programs read a project as they read any GeoPackage, and may edit it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import CRS

from api.store import Project
from api.store.schema import ATTRIBUTES
from gis.model import KINDS, Column, Layer
from gis.model.layer import PANDAS_TYPES

XIAN = CRS.from_epsg(4545)
SHAPES = {
    "point": shapely.Point(500_001, 3_800_001),
    "line": shapely.LineString([(500_000, 3_800_000), (500_010, 3_800_010)]),
    "polygon": shapely.box(500_000, 3_800_000, 500_010, 3_800_010),
}
CELLS: dict[str, Any] = {
    "text": '<b>"小区" 1\'</b>',
    "integer": 1990.0,
    "number": 0.5,
    "boolean": True,
    "date": "2026-05",
}


def cell_of(column: Column) -> object:
    cell = CELLS[column.type]
    return min(cell, column.high or cell) if isinstance(cell, float) else cell


def make_layer(kind: str, geometry: list[Any], *, prefix: str = "") -> Layer:
    """Make a layer whose every column holds something, and one column of the user's own."""
    wanted, n = KINDS[kind], len(geometry)
    data: dict[str, pd.Series[Any]] = {}
    for column in wanted.columns:
        data[column.name] = pd.Series([cell_of(column)] * n, dtype=PANDAS_TYPES[column.type])
    data["uid"] = pd.Series([f"{prefix}{i}" for i in range(n)], dtype="str")
    data["自有"] = pd.Series(["x"] * n, dtype="str")
    shapes = gpd.GeoSeries(np.array(geometry, dtype=object), crs=XIAN)
    return Layer(wanted, gpd.GeoDataFrame({**data, "geometry": shapes}, geometry="geometry"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A project with every kind of layer."""
    path = tmp_path / "p.gpkg"
    layers = [make_layer(kind.name, [SHAPES[g] for g in kind.geometry]) for kind in KINDS.values()]
    with Project.create(path, name="云溪市") as project:
        project.write_layers([(layer, None) for layer in layers])
    return path


def is_sound(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        checks = ["PRAGMA integrity_check"]
        checks += [f"SELECT rtreecheck('rtree_{kind}_geom')" for kind in kinds_in(connection)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return all(connection.execute(check).fetchall() == [("ok",)] for check in checks)
    finally:
        connection.close()


def kinds_in(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT table_name FROM gpkg_geometry_columns")]


def test_every_table_opens_without_a_warning_and_with_all_its_columns(path: Path) -> None:
    layers = dict(pyogrio.list_layers(path).tolist())
    assert set(layers) == set(KINDS) | {table.name for table in ATTRIBUTES}
    for name, kind in KINDS.items():
        frame = pyogrio.read_dataframe(path, layer=name)
        assert list(frame.columns) == [*kind.column_names, "extra", "rev", "geometry"]
        assert CRS(frame.crs) == XIAN
        assert [frame[c.name][0] for c in kind.columns[1:]] == [
            cell_of(c) for c in kind.columns[1:]
        ]
    for table in ATTRIBUTES:
        frame = pyogrio.read_dataframe(path, layer=table.name)
        assert set(frame.columns) == set(table.c.keys()) - {"id"}


def test_a_layer_of_one_geometry_type_says_so_and_of_several_says_unknown(path: Path) -> None:
    types = dict(pyogrio.list_layers(path).tolist())
    assert (types["gates"], types["walls"], types["communities"]) == (
        "Point",
        "LineString",
        "Polygon",
    )
    assert types["estates"] == "Unknown"
    with Project.open(path) as project:
        project.write_layers([(make_layer("estates", [SHAPES["polygon"]]), None)], replace=True)
        more = make_layer("walls", [shapely.MultiLineString([SHAPES["line"]])], prefix="m")
        project.write_layers([(more, None)])
    types = dict(pyogrio.list_layers(path).tolist())
    assert (types["estates"], types["walls"]) == ("Polygon", "Unknown")
    connection = sqlite3.connect(path)
    declared = dict(
        connection.execute("SELECT table_name, geometry_type_name FROM gpkg_geometry_columns")
    )
    for kind in KINDS:
        columns = connection.execute(f"PRAGMA table_info({kind})").fetchall()
        assert [row[2] for row in columns if row[1] == "geom"] == [declared[kind]]
    connection.close()
    assert is_sound(path)


def test_the_spatial_index_finds_what_is_in_a_box_and_the_extent_is_right(path: Path) -> None:
    grid = [
        shapely.Point(500_000 + x * 100, 3_800_000 + y * 100) for x in range(30) for y in range(20)
    ]
    with Project.open(path) as project:
        project.write_layers([(make_layer("heights", grid), None)], replace=True)
    info = pyogrio.read_info(path, layer="heights", force_total_bounds=False)
    assert info["capabilities"]["fast_spatial_filter"]
    assert info["total_bounds"] == (500_000, 3_800_000, 502_900, 3_801_900)
    box = (500_000, 3_800_000, 500_250, 3_800_150)
    assert len(pyogrio.read_dataframe(path, layer="heights", bbox=box)) == 3 * 2
    assert is_sound(path)


def test_what_another_program_adds_changes_or_deletes_is_read_back(path: Path) -> None:
    new = gpd.GeoDataFrame(
        {"uid": ["新"], "access": ["both"]}, geometry=[shapely.Point(500_500, 3_800_500)], crs=XIAN
    )
    pyogrio.write_dataframe(new, path, layer="gates", append=True)
    with Project.open(path) as project:
        frame = project.read_layer("gates").frame
        assert frame["uid"].tolist() == ["0", "新"]
        assert frame["access"].tolist()[1] == "both"
        assert frame["自有"].isna().tolist() == [False, True]
        # And ours again on top of theirs.
        project.write_layers([(make_layer("gates", [SHAPES["point"]], prefix="b"), None)])
        assert project.uids("gates") == {"0", "新", "b0"}
    assert is_sound(path)


def test_a_row_without_uid_is_refused_by_the_file_itself(path: Path) -> None:
    new = gpd.GeoDataFrame({"name": ["东门"]}, geometry=[shapely.Point(1, 2)], crs=XIAN)
    with pytest.raises(Exception, match=r"NOT NULL constraint failed: gates\.uid"):
        pyogrio.write_dataframe(new, path, layer="gates", append=True)
    with Project.open(path) as project:
        assert project.uids("gates") == {"0"}


def test_the_triggers_keep_the_index_whatever_is_edited(path: Path) -> None:
    point = pyogrio.read_dataframe(path, layer="gates")
    assert len(point) == 1
    with Project.open(path) as project, project._database.write() as connection:

        def run(statement: str) -> list[Any]:
            return connection.exec_driver_sql(statement).fetchall()

        def edit(statement: str) -> list[Any]:
            connection.exec_driver_sql(statement)
            ask = "SELECT id, CAST(minx AS INTEGER) FROM rtree_projects_geom ORDER BY id"
            return [tuple(row) for row in run(ask)]

        (blob,) = run("SELECT geom FROM projects WHERE fid = 1")[0]
        assert edit("SELECT 1") == [(1, 500_000), (2, 500_001)]
        assert edit("UPDATE projects SET geom = NULL WHERE fid = 2") == [(1, 500_000)]
        assert edit("UPDATE projects SET geom = (SELECT geom FROM gates) WHERE fid = 2") == [
            (1, 500_000),
            (2, 500_001),
        ]
        assert edit("UPDATE projects SET geom = (SELECT geom FROM gates) WHERE fid = 1") == [
            (1, 500_001),
            (2, 500_001),
        ]
        assert edit("UPDATE projects SET fid = 9 WHERE fid = 2") == [(1, 500_001), (9, 500_001)]
        assert edit("DELETE FROM projects WHERE fid = 9") == [(1, 500_001)]
        assert len(blob) > 0
    assert is_sound(path)


def test_ogrinfo_reads_every_table_without_a_word_of_complaint(
    path: Path, need: Callable[[object, str], None]
) -> None:
    ogrinfo = shutil.which("ogrinfo")
    need(ogrinfo, "ogrinfo is not installed")
    done = subprocess.run(
        [str(ogrinfo), "-ro", "-al", str(path)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    for word in ("Layer name: estates", "小区 / Estates", 'ID["EPSG",4545]', "people: Integer64"):
        assert word in done.stdout
    assert done.stdout.count("Layer name:") == len(KINDS) + len(ATTRIBUTES)


def test_the_chinese_headings_are_there_for_qgis(path: Path) -> None:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT name, title FROM gpkg_data_columns"
        " WHERE table_name = 'estates' AND column_name = 'people'"
    ).fetchall()
    connection.close()
    assert rows == [("人口", "人口")]
