"""What is read with a word about it, and which rows are refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import LineString, MultiPolygon, Point, Polygon, box

from gis.errors import ColumnError, LayerError, UnknownNameError
from gis.io import read_layer
from gis.io.columns import Match
from gis.io.keys import give_keys

ZONE = CRS.from_epsg(4545)  # CM 108E
X, Y = 500_000.0, 3_200_000.0


def square(place: int, side: float = 100.0) -> Polygon:
    """A square of `side` metres, 200 m from its neighbours."""
    left = X + 200.0 * place
    return box(left, Y, left + side, Y + side)


def write(path: Path, shapes: list[Any], **columns: list[Any]) -> Path:
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=ZONE)
    frame.to_file(path)
    return path


def read(path: Path, kind: str = "estates", **options: Any) -> Any:
    return read_layer(path, kind, target=options.pop("target", ZONE), **options)


def codes(report: Any) -> list[str]:
    return [finding.code for finding in report.findings]


def test_a_plain_layer_comes_through_unchanged(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gpkg",
        [square(0), square(1)],
        小区编号=["A1", "A2"],
        小区名称=["红旗小区", "胜利小区"],
        户数=[120, 80],
        楼长=["张", "李"],
    )
    layer, report = read(path)
    assert layer.uids.tolist() == ["A1", "A2"]
    assert layer.frame["name"].tolist() == ["红旗小区", "胜利小区"]
    assert layer.numbers("households").tolist() == [120, 80]
    assert layer.frame["楼长"].tolist() == ["张", "李"]
    assert shapely.area(layer.geometries).tolist() == [10_000, 10_000]
    assert (report.read, report.accepted, report.refused, report.repaired) == (2, 2, (), ())
    assert (report.crs, report.coords, report.encoding) == ("EPSG:4545", "cgcs2000", None)
    json.dumps(report.to_json())


def test_missing_optional_columns_are_unknown_and_said(tmp_path: Path) -> None:
    layer, report = read(write(tmp_path / "a.gpkg", [square(0)], name=["甲"]))
    assert np.isnan(layer.numbers("households")).all()
    missing = next(f for f in report.findings if f.code == "column-missing")
    assert "households" in missing.message
    assert missing.severity == "info"


def test_a_negative_number_refuses_its_row_and_a_text_for_a_number_is_unknown(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "a.gpkg", [square(i) for i in range(4)], 户数=["120", "-5", "很多", "8"]
    )
    layer, report = read(path)
    households = layer.numbers("households").tolist()
    assert households == pytest.approx([120, np.nan, 8], nan_ok=True)
    assert [(n.row, n.reason) for n in report.refused] == [(2, "households is -5, below 0")]
    assert [n.row for n in report.repaired] == [3]
    assert report.read == report.accepted + len(report.refused) == 4


def test_all_reasons_of_a_row_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(0), square(1)], households=[-1, 1], people=[-2, 2])
    _, report = read(path)
    assert report.refused[0].reason == "households is -1, below 0; people is -2, below 0"


def test_a_repeated_id_is_refused_within_the_file_and_against_the_project(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(i) for i in range(4)], id=["a", "b", "a", "c"])
    layer, report = read(path, taken_uids={"c"})
    assert layer.uids.tolist() == ["a", "b"]
    assert [(n.row, n.reason) for n in report.refused] == [
        (3, "uid 'a' occurs already in row 1"),
        (4, "uid 'c' is in the project already"),
    ]


def test_an_id_that_is_the_same_everywhere_is_no_key(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(i) for i in range(5)], Id=[0, 0, 0, 0, 0])
    layer, report = read(path, taken_uids={"estates-7"})
    assert layer.uids.tolist() == [f"estates-{n}" for n in range(8, 13)]
    assert layer.frame["Id"].tolist() == [0, 0, 0, 0, 0]
    assert "uid-not-unique" in codes(report)


def test_a_row_without_its_id_is_given_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(i) for i in range(3)], uid=[12.0, None, 13.0])
    layer, report = read(path)
    assert layer.uids.tolist() == ["12", "estates-1", "13"]
    assert "uid-given" in codes(report)


def test_an_empty_geometry_and_a_wrong_type_refuse_their_rows(tmp_path: Path) -> None:
    shapes = [square(0), None, LineString([(X, Y), (X + 1, Y)]), Polygon(), Point(X, Y)]
    path = write(tmp_path / "a.gpkg", shapes, name=list("abcde"))
    layer, report = read(path)
    assert layer.frame["name"].tolist() == ["a", "e"]
    assert [(n.row, n.reason) for n in report.refused] == [
        (2, "geometry is empty"),
        (3, "geometry is a LineString, not a polygon or point"),
        (4, "geometry is empty"),
    ]


def test_a_self_touching_outline_is_mended_and_listed(tmp_path: Path) -> None:
    bow_tie = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    path = write(tmp_path / "a.gpkg", [square(3), bow_tie], name=["a", "b"])
    layer, report = read(path)
    assert [n.row for n in report.repaired] == [2]
    assert "Self-intersection" in report.repaired[0].reason
    assert shapely.is_valid(layer.geometries).all()
    assert layer.geometries[1].area == 5_000  # two triangles of 100 x 50 / 2


def test_what_collapses_when_mended_is_refused(tmp_path: Path) -> None:
    flat = Polygon([(X, Y), (X + 100, Y), (X + 50, Y), (X, Y)])
    path = write(tmp_path / "a.gpkg", [square(3), flat], name=["a", "b"])
    _, report = read(path)
    assert [n.row for n in report.refused] == [2]
    assert "collapses" in report.refused[0].reason


def test_an_unclosed_ring_is_closed_and_listed(tmp_path: Path) -> None:
    ring = [[106.9, 28.9], [106.91, 28.9], [106.91, 28.91]]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [r]}}
        for r in ([*ring, ring[0]], ring)
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    layer, report = read(path, target=None)
    assert [(n.row, n.reason) for n in report.repaired] == [
        (2, "a ring was not closed and was closed")
    ]
    assert layer.geometries[0].equals(layer.geometries[1])


def test_a_third_coordinate_is_left_out_with_a_word(tmp_path: Path) -> None:
    high = shapely.force_3d(square(0), 35.0)
    layer, report = read(write(tmp_path / "a.gpkg", [high], name=["a"]))
    assert not shapely.has_z(layer.geometries).any()
    assert "height-dropped" in codes(report)


def test_the_z_of_a_spot_height_is_its_elevation(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [Point(X, Y, 35.5), Point(X, Y + 1, 36)], note=["", ""])
    layer, report = read(path, "heights")
    assert layer.numbers("elevation_m").tolist() == [35.5, 36]
    assert not shapely.has_z(layer.geometries).any()
    assert "height-used" in codes(report)


def test_spot_heights_without_any_elevation_are_refused_as_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [Point(X, Y)], note=["a"])
    with pytest.raises(ColumnError, match="--column elevation_m="):
        read(path, "heights")


def test_a_single_part_is_unwrapped_and_several_points_are_refused(tmp_path: Path) -> None:
    shapes = [
        MultiPolygon([square(0)]),
        shapely.MultiPoint([(X, Y)]),
        shapely.MultiPoint([(X, Y), (X + 1, Y)]),
    ]
    layer, report = read(write(tmp_path / "a.gpkg", shapes, name=["a", "b", "c"]))
    assert [g.geom_type for g in layer.geometries] == ["Polygon", "Point"]
    assert report.refused[0].reason == "geometry is 2 points in one row; give each its own row"


def test_words_become_categories_and_unknown_words_are_kept_and_counted(tmp_path: Path) -> None:
    words = ["幼儿园", "Kindergarten (3-6)", "科教文化服务;学校;小学", "碰碰车", "碰碰车"]
    path = write(tmp_path / "a.gpkg", [square(i) for i in range(5)], 类型=words)
    layer, report = read(path, "facilities")
    assert layer.frame["category"].tolist() == [
        "kindergarten", "kindergarten", "primary_school", "碰碰车", "碰碰车",
    ]  # fmt: skip
    unknown = next(f for f in report.findings if f.code == "word-unknown")
    assert "'碰碰车' (2)" in unknown.message
    assert "--set category=CODE" in unknown.message


def test_a_missing_required_value_refuses_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(0), square(1)], category=["幼儿园", " "])
    _, report = read(path, "facilities")
    assert [(n.row, n.reason) for n in report.refused] == [(2, "category is missing")]


def test_set_gives_all_rows_one_value(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(0), square(1)], name=["a", "b"])
    layer, _ = read(path, "facilities", values={"category": "小学", "capacity": "300"})
    assert layer.frame["category"].tolist() == ["primary_school"] * 2
    assert layer.numbers("capacity").tolist() == [300, 300]


def test_set_with_an_unknown_category_or_an_impossible_value_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(0)], name=["a"])
    with pytest.raises(UnknownNameError, match="no category 'kindergarden'"):
        read(path, "facilities", values={"category": "kindergarden"})
    with pytest.raises(ColumnError, match="below 0"):
        read(path, values={"households": "-1"})
    with pytest.raises(ColumnError, match="no column 'housholds'"):
        read(path, values={"housholds": "1"})


def test_booleans_and_dates_in_words(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gpkg", [square(i) for i in range(5)], 电梯=["有", "无", "yes", "0", "也许"]
    )
    layer, report = read(path, "buildings")
    assert layer.frame["lift"].tolist()[:4] == [True, False, True, False]
    assert layer.frame["lift"].isna().tolist() == [False] * 4 + [True]
    assert "'也许' (1)" in next(f for f in report.findings if f.code == "word-unknown").message
    path = write(
        tmp_path / "b.gpkg",
        [square(i) for i in range(4)],
        estate=list("abcd"),
        开工日期=["2024年5月1日", "2024/5/1", "20240501", "2024-02-30"],
    )
    layer, _ = read(path, "projects")
    assert layer.frame["start"].tolist()[:3] == ["2024-05-01"] * 3
    assert layer.frame["start"].isna().tolist() == [False] * 3 + [True]


@pytest.mark.parametrize(
    ("written", "year"),
    [("1998年", 1998), ("1998.5", 1998), ("１９９８", 1998), ("1998-06-01", 1998), ("0", None),
     ("九十年代", None), ("1985-1990", None)],
)  # fmt: skip
def test_years_as_offices_write_them(tmp_path: Path, written: str, year: int | None) -> None:
    path = write(tmp_path / "a.gpkg", [square(0)], 建成年代=[written])
    layer, report = read(path)
    value = layer.numbers("built_year")[0]
    assert np.isnan(value) if year is None else value == year
    assert report.refused == ()


def test_extra_columns_keep_their_type_and_never_collide(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gpkg",
        [square(0)],
        name=["a"],
        NAME_1=["b"],
        level=[3],
        works=[True],
        **{"the 'best'": ["c"]},
    )
    layer, _ = read(path, columns={"address": "NAME_1"}, values={"name": "x"})
    assert layer.frame["name"].tolist() == ["x"]
    assert layer.frame["name_2"].tolist() == ["a"]
    assert layer.frame["the_best"].tolist() == ["c"]
    assert layer.frame["level"].tolist() == [3.0]
    assert layer.frame["works"].dtype == "boolean"


def test_no_usable_row_refuses_the_file_with_the_first_reasons(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [LineString([(X, Y), (X + 1, Y)])] * 5, name=list("abcde"))
    with pytest.raises(LayerError, match=r"none of 5 rows.*row 1: .*and 2 more") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_reading_changes_neither_options_nor_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [square(2), square(0), square(1)], 名=["c", "a", "b"])
    columns = {"name": "名"}
    shares: list[float] = []
    layer, _ = read(path, columns=columns, progress=lambda share, _: shares.append(share))
    assert columns == {"name": "名"}
    assert layer.frame["name"].tolist() == ["c", "a", "b"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@settings(max_examples=50)
@given(
    texts=st.lists(st.none() | st.sampled_from(["a", "b", "gates-1", "gates-4"]), max_size=8),
    taken=st.sets(st.sampled_from(["b", "gates-1", "gates-2", "z"])),
)
def test_uids_are_unique_and_every_row_has_one_or_a_reason(
    texts: list[str | None], taken: set[str]
) -> None:
    rows = np.arange(1, len(texts) + 1)
    keys = give_keys("gates", texts, Match("id", said=True), rows=rows, dead=(), taken=taken)
    given_uids = [uid for uid in keys.uids if uid is not None]
    assert len(set(given_uids)) == len(given_uids)
    assert not set(given_uids) & taken
    assert all((uid is None) == (i in keys.refused) for i, uid in enumerate(keys.uids))
