"""A project gives back exactly what was put in, and refuses what is not its own."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS

from api.store import Project, database
from api.store.codec import encode, register_functions
from api.store.rows import RowChange
from api.store.schema import LAYERS
from gis.errors import (
    CrsError,
    FileError,
    LayerError,
    ProjectError,
    UnknownNameError,
)
from gis.io import ImportReport, RowNote
from gis.model import KINDS, Column, Finding, Kind, Layer, empty_frame
from gis.model.layer import PANDAS_TYPES

XIAN = CRS.from_epsg(4545)
UTM = CRS.from_epsg(32649)
BROKEN_BLOB = b"GP\x00\x03" + bytes(36) + b"broken"
NASTY = ["'; DROP TABLE estates; --", '"', "<script>alert(1)</script>", "连片\x00改造", "NaN", " "]


IN_A_FILE = pytest.mark.parametrize("store", ["geopackage"], indirect=True)
"""For tests that look into the file itself, or ask for what only a file does."""


def at_noon() -> datetime:
    return datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def make_layer(kind: str, geometry: list[Any], crs: CRS = XIAN, **columns: list[Any]) -> Layer:
    """Make a layer of ``geometry``; what is not given in ``columns`` is missing."""
    wanted, n = KINDS[kind], len(geometry)
    columns.setdefault("uid", [f"{kind}-{i}" for i in range(n)])
    data: dict[str, pd.Series[Any]] = {}
    for column in wanted.columns:
        cells = columns.pop(column.name, [column.type if column.required else None] * n)
        data[column.name] = pd.Series(cells, dtype=PANDAS_TYPES[column.type])
    for name, cells in columns.items():
        data[name] = cells if isinstance(cells, pd.Series) else pd.Series(cells)
    shapes = gpd.GeoSeries(np.array(geometry, dtype=object), crs=crs)
    return Layer(wanted, gpd.GeoDataFrame({**data, "geometry": shapes}, geometry="geometry"))


def boxes(n: int) -> list[Any]:
    return [shapely.box(500_000 + i * 10, 3_800_000, 500_008 + i * 10, 3_800_008) for i in range(n)]


def report(kind: str, file: str, *refused: RowNote, findings: tuple[Finding, ...] = ()) -> Any:
    return ImportReport(
        kind, file, 3, 3 - len(refused), (), refused, "EPSG:4545", "cgcs2000", None, findings
    )


def assert_same(found: Layer, given_: Layer) -> None:
    assert list(found.frame.columns) == list(given_.frame.columns)
    pd.testing.assert_frame_equal(
        pd.DataFrame(found.frame.drop(columns="geometry")),
        pd.DataFrame(given_.frame.drop(columns="geometry")),
        check_exact=True,
    )
    assert shapely.to_wkb(found.geometries).tolist() == shapely.to_wkb(given_.geometries).tolist()
    assert found.crs == given_.crs


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    with Project.create(store, name="云溪市", clock=at_noon) as made:
        yield made


def sql(project: Project, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Do what another program would do with the file."""
    connection = sqlite3.connect(project.path)
    register_functions(connection)
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


# --- round trip -----------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(NASTY)
# The one character that PostgreSQL cannot keep; it is refused in a test of its own.
WITHOUT_NUL = TEXT.map(lambda text: text.replace("\0", "?"))


def cells(
    column: Column, n: int, texts: st.SearchStrategy[str]
) -> st.SearchStrategy[pd.Series[Any]]:
    one: st.SearchStrategy[Any]
    if column.type == "boolean":
        one = st.booleans()
    elif column.type in ("integer", "number"):
        one = st.floats(column.low, column.high, allow_nan=False, allow_infinity=False)
        one |= st.integers(int(column.low or 0), int(column.high or 10**6)).map(float)
    else:
        one = texts
    if not column.required and column.name != "uid":
        one |= st.none()
    listed = st.lists(one, min_size=n, max_size=n, unique=column.name == "uid")
    return listed.map(lambda found: pd.Series(found, dtype=PANDAS_TYPES[column.type]))


def shapes(kind: Kind) -> st.SearchStrategy[Any]:
    side = st.floats(-1e7, 1e7)
    point = st.builds(shapely.Point, side, side)
    line = st.builds(lambda x, y: shapely.LineString([(x, y), (x + 1, y + 2)]), side, side)
    area = st.builds(lambda x, y: shapely.box(x, y, x + 3, y + 4), side, side)
    several = {
        "point": point | point.map(lambda p: shapely.MultiPoint([p])),
        "line": line | line.map(lambda p: shapely.MultiLineString([p])),
        "polygon": area | area.map(lambda p: shapely.MultiPolygon([p])),
    }
    one = st.one_of(*(several[name] for name in kind.geometry))
    if not kind.geometry_required:
        one |= st.none() | st.just(shapely.Point()) | st.just(shapely.Polygon())
    return one


@st.composite
def layers(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Layer:
    extra_types = {
        "str": st.none() | texts,
        "float64": st.none() | st.floats(),
        "boolean": st.none() | st.booleans(),
    }
    kind = draw(st.sampled_from(list(KINDS.values())))
    n = draw(st.integers(0, 3))
    data = {column.name: draw(cells(column, n, texts)) for column in kind.columns}
    names = draw(
        st.lists(texts.filter(lambda t: t not in {*data, "geometry"}), max_size=2, unique=True)
    )
    for name in names:
        dtype = draw(st.sampled_from(list(extra_types)))
        listed = draw(st.lists(extra_types[dtype], min_size=n, max_size=n))
        data[name] = pd.Series(listed, dtype=dtype)
    geometry = np.empty(n, dtype=object)
    geometry[:] = draw(st.lists(shapes(kind), min_size=n, max_size=n))
    frame = gpd.GeoDataFrame({**data, "geometry": gpd.GeoSeries(geometry, crs=XIAN)}, crs=XIAN)
    return Layer(kind, frame.set_geometry("geometry"))


@IN_A_FILE
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layer=layers(TEXT))
def test_a_layer_comes_back_exactly_as_it_was_written(project: Project, layer: Layer) -> None:
    project.write_layers([(layer, None)], replace=True)
    assert_same(project.read_layer(layer.kind.name), layer)


@pytest.mark.parametrize("store", ["postgis"], indirect=True)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layer=layers(WITHOUT_NUL))
def test_a_layer_comes_back_from_a_server_as_well(project: Project, layer: Layer) -> None:
    project.write_layers([(layer, None)], replace=True)
    assert_same(project.read_layer(layer.kind.name), layer)


def test_every_kind_has_a_table_whose_own_columns_hide_none_of_the_kind() -> None:
    for name, kind in KINDS.items():
        own = {"fid", "extra", "rev", "geom"}
        assert own.isdisjoint(kind.column_names)
        assert set(LAYERS[name].c.keys()) == own | set(kind.column_names)


def test_a_study_has_all_layers_and_the_statements(project: Project) -> None:
    estates = make_layer("estates", boxes(2))
    gates = make_layer("gates", [shapely.Point(1, 2)])
    project.write_layers([(gates, None), (estates, None)])
    project.state_none("托儿所", none=True)
    project.state_none("canteen", none=True)
    project.state_none("canteen", none=False)
    study = project.read_study()
    assert (study.name, list(study.layers), study.crs) == ("云溪市", ["estates", "gates"], XIAN)
    assert study.none_of == project.none_of == {"nursery"}
    assert_same(study.layers["estates"], estates)


def test_a_category_nobody_knows_cannot_be_stated(project: Project) -> None:
    with pytest.raises(UnknownNameError, match="no category 'spaceport'"):
        project.state_none("spaceport", none=True)


# --- the user's own columns -----------------------------------------------------------------------


def test_own_columns_of_any_type_become_text_number_or_boolean(project: Project) -> None:
    layer = make_layer(
        "estates",
        boxes(2),
        whole=pd.Series([1, 2], dtype="int64"),
        yes=pd.Series([True, False]),
        mixed=pd.Series(["a", 7], dtype=object),
        numbers=pd.Series([None, 7], dtype=object),
        day=pd.Series(pd.to_datetime(["2026-05-01", None])),
    )
    project.write_layers([(layer, None)])
    frame = project.read_layer("estates").frame
    assert frame["whole"].tolist() == [1.0, 2.0]
    assert str(frame["whole"].dtype) == "float64"
    assert (frame["yes"].tolist(), str(frame["yes"].dtype)) == ([True, False], "boolean")
    assert frame["mixed"].tolist() == ["a", "7"]
    assert np.isnan(frame["numbers"][0])
    assert frame["numbers"][1] == 7
    assert frame["day"].isna().tolist() == [False, True]
    assert frame["day"][0].startswith("2026-05-01")


def test_an_own_column_that_is_number_here_and_text_there_becomes_text(project: Project) -> None:
    first = make_layer("estates", boxes(3), uid=list("abc"), room=[1.0, 2.5, None], a=["x"] * 3)
    second = make_layer("estates", boxes(1), uid=["d"], room=["3-b"], b=[True])
    third = make_layer("estates", boxes(1), uid=["e"], room=[4.0])
    for layer in (first, second, third):
        project.write_layers([(layer, None)])
    frame = project.read_layer("estates").frame
    assert frame.columns.tolist()[-4:] == ["room", "a", "b", "geometry"]
    assert frame["room"].fillna("?").tolist() == ["1", "2.5", "?", "3-b", "4"]
    assert frame["a"].isna().tolist() == [False] * 3 + [True] * 2
    assert frame["b"].isna().tolist() == [True] * 3 + [False, True]


# --- adding, replacing, taking out ----------------------------------------------------------------


def test_rows_are_added_in_order_and_a_uid_in_use_is_refused_by_name(project: Project) -> None:
    project.write_layers([(make_layer("estates", boxes(2), uid=["a", "b"]), None)])
    project.write_layers([(make_layer("estates", boxes(1), uid=["c"]), None)])
    with pytest.raises(LayerError, match="Row 1 of the estates: the uid 'b' is in the project"):
        project.write_layers([(make_layer("estates", boxes(2), uid=["d", "b"]), None)])
    assert project.read_layer("estates").uids.tolist() == ["a", "b", "c"]
    assert project.uids("estates") == {"a", "b", "c"}
    assert project.uids("gates") == set()


def test_what_fails_in_its_second_layer_leaves_nothing_of_its_first(project: Project) -> None:
    project.write_layers([(make_layer("estates", boxes(1), uid=["a"]), None)])
    gates = make_layer("gates", [shapely.Point(1, 2)])
    with pytest.raises(LayerError):
        project.write_layers([(gates, None), (make_layer("estates", boxes(1), uid=["a"]), None)])
    with pytest.raises(CrsError, match="CGCS2000"):
        project.write_layers([(gates, None), (make_layer("water", boxes(1), crs=UTM), None)])
    assert [info.kind for info in project.layers()] == ["estates"]


def test_the_first_layer_settles_the_crs_also_without_epsg_code(tmp_path: Path) -> None:
    local = CRS.from_proj4("+proj=tmerc +lon_0=108.95 +x_0=40000 +ellps=GRS80 +units=m")
    path = tmp_path / "local.gpkg"
    with Project.create(path, name="x") as project:
        assert project.crs is None
        project.write_layers([(make_layer("estates", boxes(1), crs=local), None)])
        project.write_layers([(make_layer("gates", [shapely.Point(1, 2)], crs=local), None)])
        assert project.crs == local
        assert project.read_layer("estates").crs == local
        assert [
            row[0] for row in sql(project, "SELECT DISTINCT srs_id FROM gpkg_geometry_columns")
        ] == [100_000]


def test_a_project_given_a_crs_keeps_it_and_it_must_be_metric(tmp_path: Path) -> None:
    with Project.create(tmp_path / "a.gpkg", name="x", profile="liaoning", crs=UTM) as project:
        assert (project.crs, project.profile) == (UTM, "liaoning")
        with pytest.raises(CrsError):
            project.write_layers([(make_layer("estates", boxes(1)), None)])
    with pytest.raises(CrsError, match="WGS 84"):
        Project.create(tmp_path / "b.gpkg", name="x", crs=CRS.from_epsg(4326))
    assert not (tmp_path / "b.gpkg").exists()


def test_layers_tell_rows_geometry_time_and_files(project: Project) -> None:
    mixed = make_layer("estates", [*boxes(1), shapely.Point(1, 2)], uid=["a", "b"])
    project.write_layers([(mixed, report("estates", "一.shp"))])
    more = make_layer("estates", boxes(1), uid=["c"])
    project.write_layers([(more, report("estates", "二.csv")), (empty("projects"), None)])
    estates, projects = project.layers()
    assert (estates.kind, estates.rows, estates.geometry) == ("estates", 3, "point, polygon")
    assert (estates.imported_at, estates.sources) == (
        "2026-05-01T12:00:00.000Z",
        ("一.shp", "二.csv"),
    )
    assert (projects.kind, projects.rows, projects.geometry) == ("projects", 0, "")


def empty(kind: str) -> Layer:
    return Layer(KINDS[kind], empty_frame(KINDS[kind], crs=XIAN))


def test_replacing_takes_the_rows_and_the_refused_rows_of_that_kind_only(project: Project) -> None:
    first = make_layer("estates", boxes(3), own=[1.0, 2.0, 3.0])
    gates = make_layer("gates", [shapely.Point(1, 2)])
    project.write_layers(
        [
            (first, report("estates", "old.csv", RowNote(4, "no geometry"))),
            (gates, report("gates", "gates.csv", RowNote(2, "no x"))),
        ]
    )
    second = make_layer("estates", [shapely.Point(5, 6)])
    project.write_layers([(second, report("estates", "new.csv"))], replace=True)
    assert_same(project.read_layer("estates"), second)
    assert project.layers()[0].sources == ("new.csv",)
    assert [(i["file"], i["current"]) for i in project.imports()] == [
        ("old.csv", False),
        ("gates.csv", True),
        ("new.csv", True),
    ]
    assert project.refused() == [
        {"import_id": 2, "kind": "gates", "file": "gates.csv", "row": 2, "reason": "no x"}
    ]


@IN_A_FILE
def test_the_register_knows_the_extent_after_adding_and_after_replacing(project: Project) -> None:
    asked = "SELECT min_x, min_y, max_x, max_y, last_change FROM gpkg_contents WHERE srs_id > 0"
    then = "2026-05-01T12:00:00.000Z"
    project.write_layers([(make_layer("projects", [shapely.Point(10.1, 20.2), None]), None)])
    assert sql(project, asked) == [(10.1, 20.2, 10.1, 20.2, then)]
    project.write_layers([(make_layer("projects", [shapely.Point(5, 30)], uid=["x"]), None)])
    assert sql(project, asked) == [(5, 20.2, 10.1, 30, then)]
    project.write_layers([(make_layer("projects", [shapely.Point(7, 8)]), None)], replace=True)
    assert sql(project, asked) == [(7, 8, 7, 8, then)]
    project.write_layers([(make_layer("projects", [None]), None)], replace=True)
    assert sql(project, asked) == [(None, None, None, None, then)]


@IN_A_FILE
def test_the_register_knows_the_extent_after_an_edit(project: Project) -> None:
    project.write_layers([(make_layer("estates", boxes(3)), None)])
    far = shapely.box(499_000, 3_799_000, 499_008, 3_799_008)
    project.edit_rows("estates", [RowChange("update", uid="estates-1", geometry=far)])
    asked = "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'estates'"
    assert sql(project, asked) == [(499_000, 3_799_000, 500_028, 3_800_008)]


def test_a_geometry_is_written_with_its_envelope_or_marked_empty() -> None:
    full, bare, none = encode(
        np.array([shapely.box(1, 2, 3, 4), shapely.Point(), None]), srs_id=4545
    )
    # Magic, version, flags (little end first; envelope of xy), srs id, then min and max of x and y.
    assert full is not None
    assert full[:8] == b"GP\x00\x03" + (4545).to_bytes(4, "little")
    assert struct.unpack_from("<4d", full, 8) == (1, 3, 2, 4)
    assert bare is not None
    assert bare[:8] == b"GP\x00\x11" + (4545).to_bytes(4, "little")
    assert none is None


def test_replacing_with_two_parts_of_one_kind_keeps_both(project: Project) -> None:
    project.write_layers([(make_layer("estates", boxes(1), uid=["old"]), None)])
    parts = [make_layer("estates", boxes(1), uid=[uid]) for uid in ("a", "b")]
    project.write_layers([(part, None) for part in parts], replace=True)
    assert project.uids("estates") == {"a", "b"}


def test_an_import_keeps_its_whole_report(project: Project) -> None:
    said = report("estates", "a.csv", findings=(Finding("doubt", "looks like GCJ-02", row=3),))
    project.write_layers([(make_layer("estates", boxes(1)), said)])
    (kept,) = project.imports()
    assert (kept["kind"], kept["at"]) == ("estates", "2026-05-01T12:00:00.000Z")
    assert kept["report"] == json.loads(json.dumps(said.to_json()))


@IN_A_FILE
def test_a_layer_taken_out_leaves_no_trace_of_itself(project: Project) -> None:
    before = sql(project, "SELECT name FROM sqlite_master ORDER BY name")
    keep = make_layer("gates", [shapely.Point(1, 2)])
    project.write_layers([(keep, None)])
    with_gates = sql(project, "SELECT name FROM sqlite_master ORDER BY name")
    layer = make_layer("estates", boxes(2), own=["a", "b"])
    project.write_layers([(layer, report("estates", "a.csv", RowNote(1, "why")))])
    project.remove_layer("estates")
    assert sql(project, "SELECT name FROM sqlite_master ORDER BY name") == with_gates != before
    for table in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_extensions", "gpkg_data_columns"):
        assert sql(project, f"SELECT * FROM {table} WHERE table_name = 'estates'") == []
    assert (project.imports(), project.refused()) == ([], [])
    assert sql(project, "SELECT * FROM extra_columns") == []
    project.write_layers([(layer, None)])
    assert_same(project.read_layer("estates"), layer)


@pytest.mark.parametrize("kind", ["estates", "nonsense", 'estates"; DROP TABLE project; --'])
def test_a_layer_that_is_not_there_is_refused_with_a_list_of_those_that_are(
    project: Project, kind: str
) -> None:
    for ask in (project.read_layer, project.remove_layer):
        with pytest.raises(UnknownNameError, match="it has none yet"):
            ask(kind)
    project.write_layers([(make_layer("gates", [shapely.Point(1, 2)]), None)])
    with pytest.raises(UnknownNameError, match="there are: gates"):
        project.read_layer(kind)


def test_a_kind_that_is_not_in_the_list_never_reaches_the_database(project: Project) -> None:
    kind = Kind('x"; DROP TABLE project; --', "x", "x", ("point",), KINDS["gates"].columns)
    layer = Layer(kind, make_layer("gates", [shapely.Point(1, 2)]).frame)
    with pytest.raises(UnknownNameError, match="give one of: estates"):
        project.write_layers([(layer, None)])
    with pytest.raises(UnknownNameError, match="give one of: estates"):
        project.uids(kind.name)


def test_progress_ends_with_all_rows(project: Project) -> None:
    told: list[tuple[float, str]] = []
    items = [
        (make_layer("estates", boxes(3)), None),
        (make_layer("gates", [shapely.Point(1, 2)]), None),
    ]
    project.write_layers(items, progress=lambda share, word: told.append((share, word)))
    assert told == [(0.75, "estates"), (1.0, "gates")]


# --- rows edited in other programs ----------------------------------------------------------------


@IN_A_FILE
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("people", -5, "fid 2: people -5 is below 0"),
        ("people", "many", "fid 2, column people: 'many' is no integer"),
        ("extra", "{", "fid 2, column extra: it is not one JSON object"),
        ("extra", '{"own": "x"}', "fid 2, column extra: own 'x' is no number"),
        ("geom", BROKEN_BLOB, "fid 2, column geom: no geometry can be read"),
    ],
)
def test_a_row_that_was_edited_wrongly_is_named_by_table_fid_and_column(
    project: Project, column: str, value: object, words: str
) -> None:
    project.write_layers([(make_layer("estates", boxes(5), own=[1.0] * 5), None)])
    sql(project, f"UPDATE estates SET {column} = ? WHERE fid = 2", value)
    with pytest.raises(LayerError, match="Table 'estates'") as told:
        project.read_layer("estates")
    assert words in str(told.value)
    assert "\n" not in str(told.value)
    assert project.layers()[0].rows == 5


@IN_A_FILE
def test_a_geometry_drawn_wrongly_is_named_by_fid(project: Project) -> None:
    project.write_layers([(make_layer("estates", boxes(4)), None)])
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    blob = b"GP\x00\x01" + (4545).to_bytes(4, "little") + shapely.to_wkb(bow_tie, byte_order=1)
    sql(project, "UPDATE estates SET geom = ? WHERE fid = 3", blob)
    with pytest.raises(LayerError, match="fid 3 has an invalid geometry: Self-intersection"):
        project.read_layer("estates")


@IN_A_FILE
def test_columns_added_or_taken_away_elsewhere_do_no_harm(project: Project) -> None:
    project.write_layers([(make_layer("estates", boxes(1), uid=["a"], people=[9.0]), None)])
    sql(project, "ALTER TABLE estates ADD COLUMN 备注 TEXT DEFAULT 'x'")
    sql(project, "ALTER TABLE estates DROP COLUMN manager")
    frame = project.read_layer("estates").frame
    assert "备注" not in frame
    assert frame["manager"].isna().all()
    point = shapely.Point(1, 2)  # with it the column of the geometries changes its type
    project.write_layers([(make_layer("estates", [point], uid=["b"], manager=["物业"]), None)])
    assert sql(project, "SELECT 备注 FROM estates ORDER BY fid") == [("x",), ("x",)]
    assert project.read_layer("estates").frame["manager"].tolist()[1] == "物业"


# --- making and opening ---------------------------------------------------------------------------


def test_a_project_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    path.write_text("mine")
    with pytest.raises(ProjectError, match="exists already"):
        Project.create(path, name="x")
    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["p.gpkg"]


@pytest.mark.parametrize("hard_links", [True, False])
def test_of_two_who_make_the_same_project_one_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    path = tmp_path / "p.gpkg"
    fill = database.create_file  # type: ignore[attr-defined]

    def no_link(*_: object) -> None:
        raise OSError(1, "no hard links here")

    def second_is_faster(path: Path, filler: Any) -> None:
        monkeypatch.setattr("api.store.database.create_file", fill)

        def slow(connection: Any) -> None:
            filler(connection)
            Project.create(path, name="second").close()

        fill(path, slow)

    if not hard_links:
        monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr("api.store.database.create_file", second_is_faster)
    with pytest.raises(ProjectError, match="exists already"):
        Project.create(path, name="first")
    with Project.open(path) as project:
        assert project.name == "second"
    assert [file.name for file in tmp_path.iterdir()] == ["p.gpkg"]


def test_a_project_needs_a_folder_and_the_right_suffix(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no folder"):
        Project.create(tmp_path / "none" / "p.gpkg", name="x")
    with pytest.raises(FileError, match=r"a project is a \.gpkg file"):
        Project.create(tmp_path / "p.sqlite", name="x")
    with pytest.raises(ProjectError, match="postgresql://"):
        Project.open("postgresql://host/db")


def test_a_journal_left_over_from_a_lost_file_is_not_played_into_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "p.gpkg-wal").write_bytes(b"old")
    with pytest.raises(ProjectError, match=r"p\.gpkg-wal' is left over"):
        Project.create(tmp_path / "p.gpkg", name="x")


def test_what_is_no_project_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"no project '.*'; make one with: lianpian init"):
        Project.open(tmp_path / "none.gpkg")
    with pytest.raises(ProjectError, match="is not a file"):
        Project.open(tmp_path)
    for content, words in ((b"", "is empty"), (b"PK\x03\x04", "is not a GeoPackage")):
        (tmp_path / "x.gpkg").write_bytes(content)
        with pytest.raises(ProjectError, match=words):
            Project.open(tmp_path / "x.gpkg")
    foreign = tmp_path / "foreign.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs=XIAN).to_file(foreign)
    before = foreign.read_bytes()
    with pytest.raises(ProjectError, match="is a GeoPackage but no project"):
        Project.open(foreign)
    assert foreign.read_bytes() == before


@IN_A_FILE
def test_a_project_of_a_newer_lianpian_is_refused(project: Project) -> None:
    sql(project, "UPDATE project SET format_version = 99")
    with pytest.raises(ProjectError, match=r"newer Lianpian.*99"):
        Project.open(project.path)


@IN_A_FILE
def test_a_file_cut_in_half_is_called_damaged(project: Project, tmp_path: Path) -> None:
    project.write_layers([(make_layer("estates", boxes(500)), None)])
    project.close()
    half = tmp_path / "half.gpkg"
    content = project.path.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    with pytest.raises(ProjectError, match="is damaged"), Project.open(half) as opened:
        opened.read_study()


@IN_A_FILE
def test_a_read_only_project_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(ProjectError, match="read-only"):
        Project.open(project.path)


@IN_A_FILE
def test_a_project_kept_busy_is_in_use(project: Project) -> None:
    other = sqlite3.connect(project.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Project.open(project.path, busy_timeout_s=0.05) as opened:
        assert opened.layers() == []
        with pytest.raises(ProjectError, match="is in use by another program"):
            opened.state_none("nursery", none=True)
        other.close()
        opened.state_none("nursery", none=True)
        assert opened.none_of == {"nursery"}


@IN_A_FILE
def test_a_closed_project_is_one_file_and_whole(project: Project, tmp_path: Path) -> None:
    layer = make_layer("estates", boxes(3))
    project.write_layers([(layer, None)])
    other = Project.open(project.path)
    project.close()
    journal = project.path.with_name(project.path.name + "-wal")
    assert journal.stat().st_size == 0  # also while another has the project open
    other.close()
    assert list(tmp_path.iterdir()) == [project.path]
    copy = tmp_path / "copy.gpkg"
    copy.write_bytes(project.path.read_bytes())
    with Project.open(copy) as opened:
        assert_same(opened.read_layer("estates"), layer)


@IN_A_FILE
def test_commits_are_flushed_to_the_disk_and_readers_do_not_wait(project: Project) -> None:
    with project._database.read() as connection:
        asked = ("synchronous", "journal_mode", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert found == [2, "wal", 1, 30_000]
        # An open reader keeps its state while another writes.
        assert connection.exec_driver_sql("SELECT count(*) FROM statements").scalar() == 0
        project.state_none("nursery", none=True)
        assert connection.exec_driver_sql("SELECT count(*) FROM statements").scalar() == 0
    assert project.none_of == {"nursery"}
