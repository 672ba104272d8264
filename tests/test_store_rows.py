"""Rows are edited all or none, by what their kind allows, and never over somebody else's change."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from sqlalchemy import text

from api.store import KEEP, Author, Project, Row, RowChange
from gis.errors import ConflictError, LayerError, OptionError, UnknownNameError
from tests import layers
from tests.layers import CORNER, layer

X, Y = CORNER


def square(at: float = 0.0, side: float = 10.0) -> shapely.Polygon:
    return shapely.box(X + at, Y, X + at + side, Y + side)


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    """Three estates, with a column of the user's own, and a facility."""
    estates = layer(
        "estates",
        [shapely.box(i * 20, 0, i * 20 + 10, 10) for i in range(3)],
        people=[10.0, 20.0, None],
        手机=["138", None, "139"],
        floor=[1.0, 2.0, 3.0],
    )
    facilities = layer("facilities", [shapely.Point(1, 2)], category=["nursery"])
    with Project.create(store, name="云溪", author=Author("王", "test")) as made:
        made.write_layers([(estates, None), (facilities, None)])
        yield made


def row_of(project: Project, kind: str, uid: str) -> tuple[int, Any]:
    rows = project.read_rows(kind, uids=[uid])
    assert rows.uids.tolist() == [uid]
    return int(rows.revs[0]), rows.frame.iloc[0]


def by_sql(project: Project, statement: str) -> int:
    """Change what another program would change, without a word to us."""
    with project._database.write() as connection:
        return connection.execute(text(statement)).rowcount


def test_an_edit_inserts_updates_and_deletes_and_tells_both_sides(project: Project) -> None:
    rev, _ = row_of(project, "estates", "estates-0")
    since = project.layer_version("estates")
    made = project.edit_rows(
        "estates",
        [
            RowChange("update", "estates-0", rev=rev, values={"name": "新村", "手机": None}),
            RowChange("delete", "estates-1"),
            RowChange("insert", values={"people": 5}, geometry=square(100)),
        ],
        what="survey",
    )
    assert made.uids == ("estates-0", "estates-1", "estates-3")
    assert made.revs[0] == rev + 1
    assert made.revs[1] is None
    assert made.since == since < made.version == project.layer_version("estates")
    old, new = made.before[0], made.after[0]
    assert isinstance(old, Row)
    assert isinstance(new, Row)
    assert (old.values["name"], new.values["name"], new.values["people"]) == (None, "新村", 10)
    assert (old.extra, new.extra) == ({"手机": "138", "floor": 1.0}, {"手机": None, "floor": 1.0})
    assert (made.before[2], made.after[1]) == (None, None)
    frame = project.read_layer("estates").frame
    assert frame["uid"].tolist() == ["estates-0", "estates-2", "estates-3"]
    assert frame["people"].fillna(-1).tolist() == [10, -1, 5]
    assert frame["手机"].isna().tolist() == [True, False, True]
    assert frame.geometry[2].equals(square(100))


def test_rows_are_read_by_uid_and_by_box(project: Project) -> None:
    rows = project.read_rows("estates", uids=["estates-2", "nobody", "estates-0"])
    assert rows.uids.tolist() == ["estates-0", "estates-2"]
    assert len(rows) == len(rows.fids) == len(rows.revs) == len(rows.frame) == 2
    assert rows.version == project.layer_version("estates")
    assert project.read_rows("estates", bbox=(X + 15, Y, X + 25, Y + 5)).uids.tolist() == [
        "estates-1"
    ]
    assert len(project.read_rows("estates", bbox=(X + 500, Y, X + 600, Y + 5))) == 0
    fids, revs = project.read_revs("estates")
    everything = project.read_rows("estates")
    assert (fids.tolist(), revs.tolist()) == (everything.fids.tolist(), everything.revs.tolist())
    with pytest.raises(UnknownNameError, match="no layer 'gates'"):
        project.read_rows("gates")


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("estates", {"built_year": 1066}, "column built_year: 1066 is below 1800"),
        ("estates", {"people": -1}, "column people: -1 is below 0"),
        ("estates", {"people": 1.5}, "column people: 1.5 is not whole"),
        ("estates", {"people": "12"}, "column people: '12' is no number"),
        ("estates", {"people": True}, "column people: True is no number"),
        ("estates", {"people": 10**400}, "column people: "),
        ("estates", {"cost_yuan": math.nan}, "column cost_yuan: nan is no finite number"),
        ("estates", {"cost_yuan": 1e14}, "column cost_yuan: 1e[+]14 is above 1e[+]13"),
        ("estates", {"name": 7}, "column name: 7 is no text"),
        ("estates", {"name": "a\0b"}, "column name: the text is broken"),
        ("estates", {"name": "\ud800"}, "column name: the text is broken"),
        ("estates", {"name": "x" * 10_001}, "column name: the text has 10001 characters"),
        ("estates", {"nonsense": 1}, "column nonsense: there is no such column; give one of: name"),
        ("estates", {"floor": "three"}, "column floor: the value is no number"),
        ("estates", {"uid": "other"}, "column uid: it is the key"),
        ("facilities", {"category": "spaceport"}, "no category 'spaceport'; give one of: "),
        ("facilities", {"category": None}, "column category: a value is needed"),
        ("facilities", {"category": "  "}, "column category: a value is needed"),
    ],
)
def test_a_value_that_does_not_do_is_named_by_row_and_column(
    project: Project, kind: str, values: dict[str, Any], told: str
) -> None:
    uid, version = f"{kind}-0", project.layer_version(kind)
    fine = RowChange("update", uid, values={"name": "fine"})
    with pytest.raises(LayerError, match=f"^Row '{uid}' of the {kind}, .*{told}"):
        project.edit_rows(kind, [RowChange("update", uid, values=values)])
    if kind == "estates":
        other = RowChange("update", "estates-1", values=values)
        with pytest.raises(LayerError):
            project.edit_rows(kind, [fine, other])
    assert project.layer_version(kind) == version
    assert project.read_layer(kind).frame["name"].isna().all()
    assert project.edits() == ()


def test_words_dates_and_categories_are_understood_as_an_import_does(project: Project) -> None:
    project.write_layers([(layer("projects", [None], estate=["estates-0"]), None)])
    values = {"stage": "施工中", "start": "2026年5月", "consent_share": 0.75}
    made = project.edit_rows("projects", [RowChange("update", "projects-0", values=values)])
    (row,) = made.after
    assert row is not None
    assert (row.values["stage"], row.values["start"]) == ("works", "2026-05-01")
    change = RowChange("update", "facilities-0", values={"category": "托儿所"})
    assert project.edit_rows("facilities", [change]).after[0].values["category"] == "nursery"  # type: ignore[union-attr]
    for bad in ({"stage": "someday"}, {"start": "soon"}, {"consent_share": 75}):
        with pytest.raises(LayerError, match=f"column {next(iter(bad))}"):
            project.edit_rows("projects", [RowChange("update", "projects-0", values=bad)])


BOW = shapely.Polygon([(X, Y), (X + 1, Y + 1), (X + 1, Y), (X, Y + 1)])


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (None, "one is needed; draw a polygon or point"),
        (shapely.Polygon(), "one is needed"),
        (shapely.LineString([(X, Y), (X + 1, Y)]), "a LineString does not do"),
        (BOW, "it is not valid"),
        (shapely.Point(math.nan, Y), "no number|one is needed"),
        (shapely.Point(math.inf, Y), "no number"),
        (shapely.Point(107.4, 29.3), "km away from the rest; give it in the CRS of the project"),
    ],
)
def test_a_geometry_that_does_not_do_is_refused_and_never_mended(
    project: Project, shape: Any, told: str
) -> None:
    with pytest.raises(
        LayerError, match=f"^Row 'estates-0' of the estates, column geometry: .*({told})"
    ):
        project.edit_rows("estates", [RowChange("update", "estates-0", geometry=shape)])
    assert project.edits() == ()


def test_a_geometry_of_another_type_widens_the_layer_and_the_index_follows(
    project: Project,
) -> None:
    several = shapely.MultiPolygon([square(300), square(400)])
    project.edit_rows(
        "estates",
        [
            RowChange("update", "estates-0", geometry=several),
            RowChange("update", "estates-1", geometry=shapely.Point(X + 700, Y)),
        ],
    )
    found = project.read_rows("estates", bbox=(X + 299, Y, X + 301, Y + 1))
    assert found.uids.tolist() == ["estates-0"]
    assert project.read_rows("estates", bbox=(X, Y, X + 1, Y + 1)).uids.tolist() == []
    assert project.read_layer("estates").geometries[0].equals(several)
    rev, _ = row_of(project, "estates", "estates-2")
    # Rows that nobody touched keep their rev, also where the table had to be made wider.
    assert project.edit_rows(
        "estates", [RowChange("update", "estates-2", rev=rev, values={"name": "x"})]
    ).revs == (rev + 1,)


def test_a_stale_row_is_a_conflict_with_both_versions_and_nothing_is_written(
    project: Project,
) -> None:
    rev, _ = row_of(project, "estates", "estates-0")
    first = RowChange("update", "estates-0", rev=rev, values={"name": "甲", "people": 11})
    project.acting_as(Author("李", "test")).edit_rows("estates", [first])
    second = RowChange("update", "estates-0", rev=rev, values={"name": "乙", "people": 11})
    other = RowChange("update", "estates-1", values={"name": "never"})
    with pytest.raises(ConflictError, match="Of the estates 'estates-0' was changed") as caught:
        project.edit_rows("estates", [other, second])
    (yours,), (theirs,) = caught.value.yours["rows"], caught.value.theirs["rows"]
    assert (yours["uid"], yours["rev"], yours["values"]) == ("estates-0", rev, second.values)
    assert (theirs["rev"], theirs["values"]["name"]) == (rev + 1, "甲")
    assert theirs["differ"] == ["name"]
    assert project.read_layer("estates").frame["name"].fillna("").tolist() == ["甲", "", ""]


def test_a_row_that_is_gone_is_a_conflict_for_who_read_it(project: Project) -> None:
    rev, _ = row_of(project, "estates", "estates-0")
    project.edit_rows("estates", [RowChange("delete", "estates-0", rev=rev)])
    with pytest.raises(ConflictError) as caught:
        project.edit_rows("estates", [RowChange("delete", "estates-0", rev=rev)])
    assert caught.value.theirs["rows"][0]["rev"] is None
    with pytest.raises(UnknownNameError, match="no row 'estates-0'"):
        project.edit_rows("estates", [RowChange("update", "estates-0", values={"name": "x"})])


def test_no_rev_ever_comes_back_for_a_uid(project: Project) -> None:
    rev, _ = row_of(project, "estates", "estates-0")
    project.edit_rows("estates", [RowChange("delete", "estates-0")])
    made = project.edit_rows("estates", [RowChange("insert", "estates-0", geometry=square())])
    assert made.revs[0] is not None
    assert made.revs[0] > rev
    last = made.revs[0]
    again = layer("estates", [shapely.box(0, 0, 10, 10)])
    project.write_layers([(again, None)], replace=True)
    replaced, _ = row_of(project, "estates", "estates-0")
    assert replaced > last
    project.remove_layer("estates")
    project.write_layers([(again, None)])
    assert row_of(project, "estates", "estates-0")[0] > replaced


def test_what_another_program_changes_raises_rev_and_version(project: Project) -> None:
    rev, _ = row_of(project, "estates", "estates-0")
    rest, _ = row_of(project, "estates", "estates-1")
    version, mark = project.layer_version("estates"), project.data_mark()
    assert by_sql(project, "UPDATE estates SET name = 'x' WHERE uid = 'estates-0'") == 1
    assert row_of(project, "estates", "estates-0")[0] == rev + 1
    assert row_of(project, "estates", "estates-1")[0] == rest
    later = project.layer_version("estates")
    assert later > version
    assert project.data_mark() != mark
    # A program that writes the whole row back writes the rev that it read.
    by_sql(project, f"UPDATE estates SET name = 'y', rev = {rev} WHERE uid = 'estates-0'")
    assert row_of(project, "estates", "estates-0")[0] == rev + 2
    by_sql(project, "DELETE FROM estates WHERE uid = 'estates-1'")
    assert project.layer_version("estates") > later
    facilities = project.layer_version("facilities")
    assert facilities == project.layer_versions()["facilities"]
    assert project.layer_versions() == {
        "estates": project.layer_version("estates"), "facilities": facilities
    }  # fmt: skip


def test_versions_never_come_back_and_tell_of_statements(project: Project) -> None:
    before = project.versions()
    assert before["statements"] == 0
    project.state_none("canteen", none=True)
    assert project.versions()["statements"] == 1
    project.remove_layer("facilities")
    assert "facilities" not in project.layer_versions()
    assert project.kinds() == ("estates",)
    project.write_layers([(layer("facilities", [shapely.Point(0, 0)], category=["nursery"]), None)])
    assert project.layer_version("facilities") > before["facilities"]
    with pytest.raises(UnknownNameError, match="no kind 'nonsense'"):
        project.layer_version("nonsense")


def test_the_mark_moves_with_every_commit_and_only_then(project: Project) -> None:
    mark = project.data_mark()
    project.read_layer("estates")
    project.layer_versions()
    assert project.data_mark() == mark
    project.edit_rows("estates", [RowChange("update", "estates-0", values={"name": "x"})])
    assert project.data_mark() != mark


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ([], OptionError, "nothing to change"),
        ([RowChange("update", "estates-0")], OptionError, "give values or a geometry"),
        ([RowChange("update", None, values={"name": "x"})], OptionError, "has no uid"),
        ([RowChange("upsert", "a")], OptionError, "no change 'upsert'"),  # type: ignore[arg-type]
        (
            [RowChange("delete", "estates-0"), RowChange("delete", "estates-0")],
            LayerError,
            "'estates-0' of the estates comes twice",
        ),
        (
            [RowChange("insert", "estates-0", geometry=square())],
            LayerError,
            "column uid: it is in the project already",
        ),
        ([RowChange("insert", " a", geometry=square())], LayerError, "cannot have the uid"),
        ([RowChange("insert", "a\nb", geometry=square())], LayerError, "cannot have the uid"),
        ([RowChange("insert", "a", values={"uid": "b"})], LayerError, "two uids"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(
    project: Project, changes: list[RowChange], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        project.edit_rows("estates", changes)
    assert project.edits() == ()


def test_ten_thousand_rows_are_the_most_for_one_edit(project: Project) -> None:
    change = RowChange("delete", "estates-0")
    with pytest.raises(OptionError, match="10001 rows are too many"):
        project.edit_rows("estates", [change] * 10_001)


def test_a_hostile_uid_is_only_a_uid(project: Project) -> None:
    uid = "'; DROP TABLE estates; --<script>"
    made = project.edit_rows("estates", [RowChange("insert", uid, geometry=square(50))])
    project.edit_rows("estates", [RowChange("update", uid, values={"name": '"); --'})])
    assert made.uids == (uid,)
    assert project.read_rows("estates", uids=[uid]).frame["name"].tolist() == ['"); --']


def test_streets_keep_their_heights_in_an_edit(project: Project) -> None:
    project.write_layers([(layer("streets", [shapely.LineString([(0, 0), (9, 0)])]), None)])
    shape = shapely.LineString([(X, Y, 5.0), (X + 9, Y, 7.0)])
    project.edit_rows("streets", [RowChange("update", "streets-0", geometry=shape)])
    (found,) = project.read_layer("streets").geometries
    assert shapely.get_coordinates(found, include_z=True)[:, 2].tolist() == [5.0, 7.0]


def test_a_row_that_another_program_broke_can_be_mended(project: Project) -> None:
    by_sql(project, "UPDATE estates SET built_year = 17 WHERE uid = 'estates-0'")
    with pytest.raises(LayerError, match="built_year 17 is below 1800"):
        project.read_layer("estates")
    project.edit_rows("estates", [RowChange("update", "estates-0", values={"name": "x"})])
    project.edit_rows("estates", [RowChange("update", "estates-0", values={"built_year": 1990})])
    assert project.read_layer("estates").frame["built_year"][0] == 1990


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Let ``count`` threads begin at one moment; return what they answer."""
    gate = threading.Barrier(count)

    def begin(number: int) -> Any:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_of_many_threads_that_edit_one_row_exactly_one_wins(project: Project) -> None:
    rev, _ = row_of(project, "estates", "estates-0")

    def edit(number: int) -> str | None:
        mine = project.acting_as(Author(f"P{number}", "thread"))
        change = RowChange("update", "estates-0", rev=rev, values={"name": f"N{number}"})
        try:
            mine.edit_rows("estates", [change])
        except ConflictError:
            return None
        return f"N{number}"

    winners = [name for name in in_threads(12, edit) if name is not None]
    assert len(winners) == 1
    assert row_of(project, "estates", "estates-0")[1]["name"] == winners[0]
    assert [edit.who for edit in project.edits()] == [winners[0].replace("N", "P")]


def test_sixty_four_threads_read_and_write_one_project(project: Project) -> None:
    def work(number: int) -> int:
        if number % 4 == 0:
            change = RowChange("insert", f"T{number}", geometry=square(number))
            project.edit_rows("estates", [change])
        return len(project.read_rows("estates"))

    counts = in_threads(64, work)
    assert min(counts) >= 3
    assert len(project.read_rows("estates")) == 3 + 16
    assert project.verify_audit().ok


def test_closing_a_twin_leaves_the_project_open(project: Project) -> None:
    with project.acting_as(Author("李", "192.0.2.1")) as twin:
        assert twin.author.name == "李"
    assert project.author == Author("王", "test")
    assert len(project.read_rows("estates")) == 3


def test_a_geometry_that_is_kept_is_not_written(project: Project) -> None:
    change = RowChange("update", "estates-0", values={"name": "x"}, geometry=KEEP)
    made = project.edit_rows("estates", [change])
    assert made.before[0] is not None
    assert made.after[0] is not None
    assert made.before[0].geometry == made.after[0].geometry
    (told,) = project.edits()
    assert not told.rows[0].moved


def test_a_new_row_gets_the_next_uid_of_its_kind(project: Project) -> None:
    changes = [RowChange("insert", geometry=square(i)) for i in (1, 2)]
    changes.insert(1, RowChange("insert", "estates-9", geometry=square(3)))
    assert project.edit_rows("estates", changes).uids == ("estates-10", "estates-9", "estates-11")
    assert np.unique(project.read_rows("estates").fids).size == 6


GDAL_APPENDS = f"""
import sys, geopandas, pyogrio, shapely
new = geopandas.GeoDataFrame(
    {{"uid": ["gdal"]}}, crs="{layers.CRS}",
    geometry=[shapely.box({X + 50}, {Y}, {X + 60}, {Y + 10})],
)
pyogrio.write_dataframe(new, sys.argv[1], layer="estates", append=True, geometry_type="Polygon")
"""


def test_what_gdal_adds_and_changes_is_counted_as_ours_is(
    tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    path, more = tmp_path / "p.gpkg", tmp_path / "more.gpkg"
    with Project.create(path, name="x") as project:
        project.write_layers([(layer("estates", [shapely.box(0, 0, 10, 10)] * 2), None)])
        revs = project.read_revs("estates")[1].tolist()
        version, mark = project.layer_version("estates"), project.data_mark()
        # In a process of its own, as every other program: two copies of SQLite in one process undo
        # each other's locks.
        gdal = [sys.executable, "-c", GDAL_APPENDS, str(path)]
        subprocess.run(gdal, check=True)
        assert project.data_mark() != mark
        added = project.layer_version("estates")
        assert added > version
        assert project.read_rows("estates", bbox=(X + 55, Y, X + 56, Y + 1)).uids.tolist() == [
            "gdal"
        ]
        # It comes with a rev that no row of the layer ever had.
        assert project.read_revs("estates")[1].tolist()[2] > version
        ogrinfo, ogr2ogr = shutil.which("ogrinfo"), shutil.which("ogr2ogr")
        need(ogrinfo and ogr2ogr, "ogrinfo and ogr2ogr are not installed")
        update = "UPDATE estates SET name = 'QGIS' WHERE uid = 'estates-0'"
        new = gpd.GeoDataFrame({"uid": ["ogr2ogr"]}, geometry=[square(90)], crs=layers.CRS)
        pyogrio.write_dataframe(new, more, layer="estates")
        for command in (
            [str(ogrinfo), str(path), "-sql", update],
            [str(ogr2ogr), "-append", "-update", str(path), str(more), "estates"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert "ERROR" not in done.stderr
        frame, now = project.read_layer("estates").frame, project.read_revs("estates")[1].tolist()
        assert frame["name"].fillna("").tolist() == ["QGIS", "", "", ""]
        assert frame["uid"].tolist()[2:] == ["gdal", "ogr2ogr"]
        assert (now[0], now[1]) == (revs[0] + 1, revs[1])
        assert project.layer_version("estates") >= added + 2
        change = RowChange("update", "estates-0", rev=revs[0], values={"name": "mine"})
        with pytest.raises(ConflictError) as caught:
            project.edit_rows("estates", [change])
        assert caught.value.theirs["rows"][0]["values"]["name"] == "QGIS"
