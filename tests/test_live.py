"""Layers in memory: in step with the store, whoever writes; bounded; nothing private in them."""

import gzip
import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import LineString, Point, Polygon
from shapely.affinity import translate
from shapely.geometry import shape

from api.live import Live, LiveLayer, accepts_gzip, etag_matches, packing
from api.live.features import features
from api.live.layer import Line
from api.live.memory import Memory
from api.live.rows import Change, Rows
from api.live.tilecache import TileCache
from api.store import Project, RowChange
from gis.errors import OptionError, UnknownNameError
from gis.model import KINDS
from tests.layers import CORNER, layer
from tests.ogc_town import PHONE, town

UPDATE = RowChange("update", "E2", values={"people": 77})


@pytest.fixture
def path(tmp_path):
    return town(tmp_path / "town.gpkg")


@pytest.fixture
def live(path):
    with Project.open(path) as project:
        yield Live("town", project, Memory(project, TileCache(10**6)))


@pytest.fixture
def reads(live, monkeypatch):
    """The kinds that were read from the store, each as often as it was."""
    found = []
    read_rows = live.project.read_rows

    def counted(kind, **options):
        found.append(kind)
        return read_rows(kind, **options)

    monkeypatch.setattr(live.project, "read_rows", counted)
    return found


def edited(live, *changes):
    return live.project.edit_rows("estates", changes)


def made_of(found, **options):
    rows = Rows.of(range(1, len(found) + 1), [1] * len(found), found.frame)
    return LiveLayer(
        found.kind, 1, found.crs, rows, **({"keep_bytes": 10**9, "line": Line.new()} | options)
    )


def people(found):
    return {f["id"]: f["properties"]["people"] for f in json.loads(found.geojson())["features"]}


def test_a_layer_is_geojson_in_degrees_with_null_for_unknown(live):
    body = json.loads(live.layer("estates").geojson())

    assert (body["type"], body["numberMatched"], body["numberReturned"]) == (
        "FeatureCollection",
        5,
        5,
    )
    assert people(live.layer("estates")) == {"E1": 10, "E2": None, "E3": 30, "E4": 40, "E5": 50}
    west, south, east, north = shape(body["features"][0]["geometry"]).bounds
    # 100 m are 0.001026 degrees of longitude and 0.000902 of latitude at 28.9 degrees north.
    assert west == 114
    assert east - west == pytest.approx(0.0010256, abs=2e-7)
    assert north - south == pytest.approx(0.0009024, abs=2e-7)


def test_every_column_of_the_kind_is_told_and_no_other(live):
    found = live.layer("estates")
    body = json.loads(found.geojson())

    assert list(body["features"][0]["properties"]) == list(KINDS["estates"].column_names)
    assert PHONE.encode() not in found.geojson()
    assert PHONE.encode() not in gzip.decompress(found.gzipped())
    assert PHONE.encode() not in found.tiles.tile(14, 13383, 6815)
    assert PHONE in set(found.layer.frame["联系电话"])  # analyses may still balance by it
    with pytest.raises(UnknownNameError, match="has no column"):
        found.values("联系电话")


def test_a_row_without_a_place_has_none(live):
    rows = json.loads(live.layer("projects").geojson())["features"]

    assert [row["geometry"] is None for row in rows] == [False, False, True, False]


def test_a_layer_is_read_once_while_nothing_changes(live, reads):
    first = live.layer("estates")

    assert live.layer("estates") is first
    assert live.study() is live.study()
    assert reads.count("estates") == 1


def test_a_layer_that_is_not_there_is_named(live):
    with pytest.raises(UnknownNameError, match=r"has no layer 'sqlite_master'.*estates"):
        live.layer("sqlite_master")


def test_what_another_process_writes_is_seen_at_the_next_request(live, path):
    before = live.layer("estates")
    with Project.open(path) as other:
        other.edit_rows("estates", [UPDATE])

    assert people(live.layer("estates"))["E2"] == 77
    assert people(before)["E2"] is None
    assert live.layer("estates").version > before.version


def test_what_plain_sql_writes_is_seen_at_the_next_request(live, path):
    live.layer("estates")
    with Project.open(path) as other, other._database.write() as connection:
        connection.exec_driver_sql("UPDATE estates SET people = 78 WHERE uid = 'E2'")

    assert people(live.layer("estates"))["E2"] == 78


def test_an_own_edit_is_followed_without_reading_the_layer_again(live, reads):
    before = live.layer("estates")
    edit = edited(live, UPDATE)
    live.applied("estates", edit)
    after = live.layer("estates")

    assert reads == ["estates"]
    assert (after.version, people(after)["E2"], after.revs[1]) == (edit.version, 77, edit.revs[0])
    assert people(before)["E2"] is None


def test_edits_that_come_in_the_other_order_are_followed_all_the_same(live, reads):
    live.layer("estates")
    first, second = edited(live, UPDATE), edited(live, RowChange("delete", "E1"))
    live.applied("estates", second)
    live.applied("estates", first)

    assert list(live.layer("estates").uids) == ["E2", "E3", "E4", "E5"]
    assert reads == ["estates"]


def test_an_edit_on_what_somebody_else_wrote_meanwhile_is_not_put_on_old_rows(live, path):
    live.layer("estates")
    with Project.open(path) as other:
        other.edit_rows("estates", [RowChange("update", "E3", values={"people": 33})])
    live.applied("estates", edited(live, UPDATE))

    assert people(live.layer("estates")) == {"E1": 10, "E2": 77, "E3": 33, "E4": 40, "E5": 50}


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("update"), st.integers(0, 9), st.integers(0, 999), st.booleans()),
        st.tuples(st.just("insert"), st.integers(0, 9), st.integers(0, 999), st.booleans()),
        st.tuples(st.just("delete"), st.integers(0, 9), st.just(0), st.booleans()),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda change: change[1],
)


@settings(max_examples=12)
@given(rounds=st.lists(CHANGES, min_size=1, max_size=3))
def test_a_followed_layer_is_the_layer_that_is_read(tmp_path_factory, rounds):
    place = tmp_path_factory.mktemp("followed") / "town.gpkg"
    with Project.open(town(place)) as project:
        memory = Memory(project, TileCache(10**6))
        start = memory.layer("estates")
        start.geojson(), start.tiles, start.position("E1"), start.lonlat_bounds, start.bounds
        for changes in rounds:
            there = set(memory.layer("estates").uids)
            steps = [
                step for step in map(_step, changes) if (step.op == "insert") != (step.uid in there)
            ]
            if steps:
                memory.applied("estates", project.edit_rows("estates", steps))
            now = memory.layer("estates")
            assert gzip.decompress(now.gzipped()) == now.geojson()
        followed = memory.layer("estates")
        followed.forget()
        followed.geojson()
        read = Memory(project, TileCache(0)).layer("estates")

        assert followed.line is start.line
        assert followed.geojson() == read.geojson()
        assert followed.kept_bytes == sum(len(followed.feature(i)) for i in range(len(followed)))
        np.testing.assert_array_equal(followed.lonlat_bounds, read.lonlat_bounds)
        np.testing.assert_array_equal(followed.bounds, read.bounds)
        assert [followed.position(uid) for uid in followed.uids] == list(range(len(followed)))
        assert followed.layer.frame.equals(read.layer.frame)
        for z, x, y in ((0, 0, 0), (12, 3345, 1703), (14, 13383, 6815)):
            assert followed.tiles.tile(z, x, y) == read.tiles.tile(z, x, y)


@given(
    st.lists(st.binary(max_size=9), max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.binary(max_size=9)), max_size=6),
)
def test_what_is_packed_in_pieces_is_one_stream_after_any_change(rows, changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "_ROWS", 3)
        pieces: packing.Pieces = ()
        for place, row in [(0, None), *changes]:
            if row is not None and place < len(rows):
                rows[place] = row
                pieces = packing.without(pieces, [place])
            packed, pieces = packing.pack(b"[", rows, b"]", between=b",", pieces=pieces)
            assert gzip.decompress(packed) == b"[" + b",".join(rows) + b"]"
            assert packed[:10] == gzip.compress(b"", 1, mtime=0)[:8] + packed[8:10]


def test_an_edit_packs_only_its_piece_anew(tmp_path, monkeypatch):
    rows = [f"{number}".encode() * 40 for number in range(1_200)]
    _, pieces = packing.pack(b"[", rows, b"]", between=b",")
    asked = []
    deflated = packing._deflated
    monkeypatch.setattr(packing, "_deflated", lambda *a: asked.append(len(a[0])) or deflated(*a))
    rows[700] = b"new"
    packed, _ = packing.pack(b"[", rows, b"]", between=b",", pieces=packing.without(pieces, [700]))
    assert gzip.decompress(packed) == b"[" + b",".join(rows) + b"]"
    assert len(asked) == 3  # the piece, what is before all rows, and what is behind them


def test_the_digest_of_columns_changes_with_them_and_with_nothing_else(live):
    first = live.layer("estates")
    before = [first.digest(["people"]), first.digest(["uid", "households"])]
    move = RowChange("update", "E2", geometry=translate(first.geometries[1], 5, 0))
    live.applied("estates", edited(live, move))
    moved = live.layer("estates")
    assert moved.version == first.version + 1
    assert [moved.digest(["people"]), moved.digest(["uid", "households"])] == before
    live.applied("estates", edited(live, UPDATE))
    more = live.layer("estates")
    assert more.digest(["people"]) != before[0]
    assert more.digest(["uid", "households"]) == before[1]
    anew = Memory(live.project, TileCache(0)).layer("estates")
    assert anew.digest(["people"]) == more.digest(["people"])
    with pytest.raises(UnknownNameError, match="secret"):
        more.digest(["secret"])


def _step(change):
    op, number, count, drawn = change
    values = {} if op == "delete" else {"people": count}
    place = Polygon(
        [(CORNER[0] + 90 * number + x, CORNER[1] + y) for x, y in ((0, 0), (80, 0), (0, count + 9))]
    )
    return RowChange(
        op, f"E{number}", values=values, **({"geometry": place} if drawn or op == "insert" else {})
    )


def test_many_threads_read_a_layer_once(live, reads):
    start = threading.Barrier(8)
    found = []

    def look():
        start.wait()
        found.append(live.layer("estates"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reads == ["estates"]
    assert len(set(map(id, found))) == 1


def test_a_study_is_of_one_moment_and_the_same_while_nothing_changes(live):
    study = live.study()
    live.applied("estates", edited(live, UPDATE))
    after = live.study()

    assert set(study.layers) == {"estates", "facilities", "projects"}
    assert list(after.layers["estates"].numbers("people")) == [10, 77, 30, 40, 50]
    assert after.layers["facilities"] is study.layers["facilities"]
    assert live.study() is after


def test_a_statement_makes_another_study(live):
    before = live.study()
    live.project.state_none("bank", none=True)

    assert live.study().none_of == {"bank"}
    assert before.none_of == set()


def test_a_layer_that_was_removed_is_gone(live, path):
    live.layer("facilities")
    with Project.open(path) as other:
        other.remove_layer("facilities")

    with pytest.raises(UnknownNameError):
        live.layer("facilities")
    assert set(live.versions()) == {"estates", "projects"}


def test_geojson_beyond_the_bound_is_made_when_asked_and_not_kept(path):
    with Project.open(path) as project:
        memory = Memory(project, TileCache(0), kept_bytes=1000)
        found = memory.layer("estates")

        assert len(json.loads(gzip.decompress(found.gzipped()))["features"]) == 5
        assert found.kept_bytes == 0


def test_the_layer_longest_unused_loses_its_geojson_first(path):
    with Project.open(path) as project:
        size = len(Memory(project, TileCache(0)).layer("estates").geojson())
        memory = Memory(project, TileCache(0), kept_bytes=3 * size)
        old, new = memory.layer("projects"), memory.layer("estates")
        for found in (old, new):
            found.geojson(), found.gzipped()
        memory._kept_bytes = new.kept_bytes  # as if the layers had grown
        memory.layer("estates")

        assert old.kept_bytes == 0
        assert new.kept_bytes > 0


def test_a_rectangle_finds_what_it_meets(live):
    found = live.layer("estates")
    east = CORNER[0] + 1050

    assert list(found.window((114.0, 28.9, 114.0103, 28.93))) == [0, 1]
    assert list(found.window((CORNER[0], CORNER[1], east, CORNER[1] + 1), crs=found.crs)) == [0, 1]
    sides = CRS.from_epsg(3857)
    assert list(found.window((12690421.5, 3364000, 12691600, 3366000), crs=sides)) == [0, 1]
    assert list(found.window((170, 20, 114.005, 30))) == [0]  # over the antimeridian
    assert list(found.window((-180, -90, 180, 90))) == [0, 1, 2, 3, 4]


def test_a_rectangle_that_only_meets_the_box_of_a_shape_does_not_find_it():
    corner = Polygon([(0, 0), (1000, 0), (0, 1000)])
    found = made_of(layer("estates", [corner]))
    high = [CORNER[0] + 900, CORNER[1] + 900, CORNER[0] + 990, CORNER[1] + 990]

    assert list(found.window(high, crs=found.crs)) == []
    assert list(found.window([high[0] - 800, *high[1:]], crs=found.crs)) == [0]


@pytest.mark.parametrize(
    "bbox",
    [(1, 2, 3), (0, 0, float("nan"), 1), (0, 0, float("inf"), 1), (0, 5, 1, 4), ("a", 0, 1, 1)],
)
def test_no_rectangle_is_an_error(live, bbox):
    with pytest.raises(OptionError):
        live.layer("estates").window(bbox)


def test_coordinates_come_in_other_systems(live):
    found = live.layer("estates")

    def corner(**options):
        outline = json.loads(found.feature(0, **options))["geometry"]["coordinates"][0]
        return [min(side) for side in zip(*outline, strict=True)]

    assert corner(crs=found.crs) == [*CORNER]
    assert corner(crs=found.crs, swap=True) == [CORNER[1], CORNER[0]]
    assert corner(swap=True)[1] == 114
    assert corner(crs=CRS.from_epsg(3857))[0] == pytest.approx(12690421.95, abs=0.02)


def test_values_are_written_as_json_can_hold_them():
    kind = KINDS["streets"]
    texts = ['"\\ </script>\u2028 一\n', None]
    columns = {}
    for column in kind.columns:
        if column.type in ("integer", "number"):
            columns[column.name] = np.array([float("inf"), 3.0])
        elif column.type == "boolean":
            columns[column.name] = np.array([True, None], dtype=object)
        else:
            columns[column.name] = np.array(texts, dtype=object)
    shapes = np.array([LineString([(0, 0, 5), (1, 1, 6)]), None], dtype=object)
    first, second = map(
        json.loads, features(kind, np.array(["a", "b"], dtype=object), shapes, columns)
    )

    assert first["properties"]["name"] == texts[0]
    for column in kind.columns:
        wanted = {"integer": (None, 3), "number": (None, 3.0), "boolean": (True, None)}
        assert (first["properties"][column.name], second["properties"][column.name]) == wanted.get(
            column.type, tuple(texts)
        )


def test_a_place_that_no_system_has_is_no_place():
    found = made_of(
        layer("facilities", [Point(0, 0), Point(1e300, 1e300)], category=["market"] * 2)
    )

    assert json.loads(found.feature(1))["geometry"] is None
    assert list(found.window((-180, -90, 180, 90))) == [0]


def test_a_change_tells_the_new_rows_from_the_others():
    frame = layer("facilities", [Point(i, 0) for i in range(4)], category=["market"] * 4).frame
    old = Rows.of([2, 5, 7, 9], [1] * 4, frame)
    new = Rows.of([5, 6], [2, 1], frame.iloc[:2])
    change = Change.between(old, new, [9])

    assert (change.changed.tolist(), change.removed.tolist()) == ([1], [3])
    assert change.apply(old).fids.tolist() == [2, 5, 6, 7]
    assert change.apply(old).revs.tolist() == [1, 2, 1, 1]
    assert not change.at_the_end


@pytest.mark.parametrize(
    ("header", "same"),
    [(None, False), ('"1"', True), ('W/"1"', True), ('"0", W/"1" , "2"', True), ("*", True),
     ('"11"', False), ("1", False), ("", False)],
)  # fmt: skip
def test_an_etag_is_looked_up_in_a_list(header, same):
    assert etag_matches(header, '"1"') is same


@pytest.mark.parametrize(
    ("header", "takes"),
    [(None, False), ("gzip, br", True), ("br;q=1, GZIP;q=0.5", True), ("gzip;q=0", False),
     ("gzip; q=0.000", False), ("*", True), ("identity", False)],
)  # fmt: skip
def test_gzip_is_sent_to_who_takes_it(header, takes):
    assert accepts_gzip(header) is takes


def test_a_tile_is_kept_until_an_edit_touches_it(live):
    found = live.layer("estates")
    tiles = live._memory.tiles
    for z, x, y in ((14, x, y) for x in range(13378, 13386) for y in range(6815, 6830)):
        live.tile("estates", z, x, y)
    drawn = {key[2:] for key, tile in tiles._tiles.items() if tile.packed}
    touched = {(x, y) for x, y in drawn if b"E2" in found.tiles.tile(14, x, y)}
    before = {spot: live.tile("estates", 14, *spot).etag for spot in drawn}
    live.applied("estates", edited(live, UPDATE))

    assert touched
    assert touched < drawn
    assert not touched & {key[2:] for key in tiles._tiles}
    assert drawn - touched <= {key[2:] for key in tiles._tiles}
    after = {spot: live.tile("estates", 14, *spot).etag for spot in drawn}
    assert {spot for spot in drawn if after[spot] != before[spot]} == touched


def test_a_tile_of_a_version_left_behind_is_not_kept(live):
    old = live.layer("estates")
    old.tiles.tile(0, 0, 0)
    live.applied("estates", edited(live, UPDATE))
    tiles = live._memory.tiles
    late = tiles.tile(old, 14, 13380, 6816)

    assert len(tiles) == 0
    assert live.tile("estates", 14, 13380, 6816).etag != late.etag


def test_tiles_take_no_more_memory_than_they_may(live):
    tiles = TileCache(3_000)
    for zoom in range(12):
        tiles.tile(live.layer("estates"), zoom, 0, 0)

    assert 0 < len(tiles) < 12
    assert tiles.kept_bytes <= 3_000


def test_tiles_of_a_layer_that_was_read_anew_are_dropped(live, path):
    live.tile("estates", 0, 0, 0)
    with Project.open(path) as other:
        other.edit_rows("estates", [UPDATE])
    tiles = live._memory.tiles
    live.layer("estates")

    assert len(tiles) == 0
    assert tiles.kept_bytes == 0
