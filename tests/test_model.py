"""The nouns: a layer that breaks its promises cannot be made, and says all that is wrong."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point, Polygon, box

from gis.errors import CrsError, LayerError, MissingLayerError, RuleError, UnknownNameError
from gis.model import KINDS, Categories, Category, Kind, Layer, Study, empty_frame, people_of

ZONE_38 = "EPSG:4547"


def estates(shapes, *, crs=ZONE_38, **columns):
    """A layer of estates with the given columns; all others unknown."""
    frame = empty_frame(KINDS["estates"], crs=crs).drop(columns="geometry")
    frame = pd.DataFrame(index=range(len(shapes))).assign(
        **{name: pd.Series(index=range(len(shapes)), dtype=frame[name].dtype) for name in frame}
    )
    frame["uid"] = pd.Series([f"E{i}" for i in range(len(shapes))], dtype="str")
    for name, given in columns.items():
        frame[name] = pd.Series(given, dtype=frame[name].dtype if name in frame else None)
    return Layer(KINDS["estates"], gpd.GeoDataFrame(frame, geometry=list(shapes), crs=crs))


def square(x, y, side=100):
    return box(500_000 + x, 3_650_000 + y, 500_000 + x + side, 3_650_000 + y + side)


def test_a_whole_layer_gives_its_rows_their_keys_and_numbers():
    layer = estates([square(0, 0), square(200, 0)], people=[300, np.nan])

    assert list(layer.uids) == ["E0", "E1"]
    assert layer.numbers("people")[0] == 300
    assert np.isnan(layer.numbers("people")[1])
    assert list(layer.numbers("area_m2")) == [10_000, 10_000]
    assert list(layer.numbers("count")) == [1, 1]


def test_the_area_of_a_point_is_unknown_and_not_zero():
    layer = estates([Point(500_000, 3_650_000)])

    assert np.isnan(layer.numbers("area_m2")[0])


@pytest.mark.parametrize(
    ("shapes", "columns", "told"),
    [
        ([square(0, 0), square(9, 9)], {"uid": ["A", "A"]}, "the uid 'A' occurs twice"),
        ([square(0, 0)], {"uid": [None]}, "row 0 has no uid"),
        ([square(0, 0)], {"households": [-3]}, "households -3 is below 0"),
        ([square(0, 0)], {"built_year": [1066]}, "built_year 1066 is below 1800"),
        ([square(0, 0)], {"people": [np.inf]}, "people inf is infinite"),
        ([None], {}, "row 0 has no geometry"),
        ([Polygon()], {}, "row 0 has no geometry"),
        ([square(0, 0).exterior], {}, "not a polygon or point"),
        ([Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])], {}, "invalid geometry"),
    ],
)
def test_a_layer_that_breaks_a_promise_cannot_be_made(shapes, columns, told):
    with pytest.raises(LayerError, match=told):
        estates(shapes, **columns)


def test_all_faults_are_told_at_once():
    with pytest.raises(LayerError) as caught:
        estates([square(0, 0)], households=[-1], people=[-2])

    assert "households -1" in str(caught.value)
    assert "people -2" in str(caught.value)


def test_a_layer_in_degrees_cannot_be_made():
    with pytest.raises(LayerError, match="not in a metric CRS"):
        estates([Point(114, 33)], crs="EPSG:4326")


def test_a_column_that_holds_no_numbers_is_no_size():
    with pytest.raises(UnknownNameError, match=r"no numeric column 'name'.*people"):
        estates([square(0, 0)]).numbers("name")


def test_people_come_from_their_column_else_from_households_else_are_unknown():
    layer = estates(
        [square(i, 0) for i in range(3)], people=[100, np.nan, np.nan], households=[10, 50, np.nan]
    )

    people, estimated = people_of(layer, persons_per_household=2.5)

    assert people[0] == 100
    assert people[1] == 50 * 2.5
    assert np.isnan(people[2])
    assert list(estimated) == [False, True, False]


def test_a_study_holds_one_crs_only():
    here = estates([square(0, 0)])
    there = dataclasses.replace(here, frame=here.frame.to_crs("EPSG:4548"))

    with pytest.raises(CrsError):
        Study({"estates": here, "communities": there})


def test_a_study_says_how_to_get_a_missing_layer():
    with pytest.raises(MissingLayerError, match="lianpian import PROJECT streets FILE"):
        Study({}).layer("streets")


def test_the_frame_of_an_absent_kind_is_empty_but_has_its_columns():
    frame = Study({}).frame("facilities")

    assert len(frame) == 0
    assert set(KINDS["facilities"].column_names) <= set(frame)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_no_heading_of_a_kind_stands_for_two_columns(kind: Kind):
    seen: dict[str, str] = {}
    for column in kind.columns:
        for heading in {column.name, column.zh, column.en.casefold(), *column.headings}:
            assert seen.setdefault(heading.casefold(), column.name) == column.name


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_has_a_key_both_headings_and_allowed_geometries(kind: Kind):
    assert kind.column_names[0] == "uid"
    assert all(column.zh and column.en for column in kind.columns)
    assert len(set(kind.column_names)) == len(kind.columns)
    assert kind.geometry


def test_categories_are_recognised_by_code_name_and_other_words():
    categories = Categories.load()

    assert categories.recognise("kindergarten") == "kindergarten"
    assert categories.recognise("幼儿园") == "kindergarten"
    assert categories.recognise(" 日间照料中心 ") == "elderly_daycare"
    assert categories.recognise("Primary School") == "primary_school"
    assert categories.recognise("火箭发射场") is None


def test_gap_lists_begin_with_elderly_and_childcare():
    groups = [category.group for category in Categories.load().values()]

    assert list(dict.fromkeys(groups))[:2] == ["elderly", "childcare"]


def test_an_unknown_category_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="kindergarten"):
        Categories.load().require("spaceport")


def test_one_word_cannot_stand_for_two_categories():
    with pytest.raises(RuleError, match="'托儿所' stands for both"):
        Categories(
            (
                Category("nursery", "托儿所", "Nursery", "childcare"),
                Category("creche", "幼托", "Creche", "childcare", ("托儿所",)),
            )
        )


def test_a_row_is_found_by_uid_or_by_a_name_that_is_its_own():
    layer = estates([square(0, 0)] * 3, name=["甲", "乙", "乙"])

    assert layer.find("E1") == 1
    assert layer.find(" 甲 ") == 0
    with pytest.raises(UnknownNameError, match="2 estates; give one of the uids: E1, E2"):
        layer.find("乙")
    with pytest.raises(UnknownNameError, match="There is no estate '丙'"):
        layer.find("丙")
