"""The map file: one JSON block, no request, nothing from a file as markup, figures that add up."""

import base64
import json
import re
import zlib
from dataclasses import replace
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString, MultiPoint, Point, Polygon, box

from gis.coverage import measure_coverage
from gis.districts import Adjacency, DistrictPlan, LeftOut, Violation
from gis.errors import MissingLayerError, OptionError
from gis.maps import render_map
from gis.maps.districts import district_grounds
from gis.maps.page import EXTERNAL
from gis.maps.shapes import ShapeWriter
from gis.maps.styles import DISTRICT_COLOURS, MISSING, missing_steps
from gis.model import Layer, Study
from gis.rules import own_rule
from tests import layers

ZONE_38 = "EPSG:4547"
EAST, NORTH = 500_000, 3_650_000
HOSTILE = "</script><script>alert(1)</script>{{ 7*7 }}{% endraw %}<!--小区"


layer = partial(layers.layer, corner=None)


def square(x, y, side=60):
    return box(EAST + x, NORTH + y, EAST + x + side, NORTH + y + side)


@pytest.fixture(scope="module")
def study():
    return Study(
        {
            "streets": layer(
                "streets", [LineString([(EAST, NORTH), (EAST + 2000, NORTH)])], highway=["primary"]
            ),
            "estates": layer(
                "estates",
                [square(100, 10), square(900, 10), square(1700, 10)],
                name=[HOSTILE, "乙", None],
                people=[300.0, None, 500.0],
            ),
            "facilities": layer(
                "facilities", [Point(EAST + 200, NORTH)], name=[HOSTILE], category=["kindergarten"]
            ),
        },
        name="镇",
    )


@pytest.fixture(scope="module")
def page(study):
    coverage = measure_coverage(study, [own_rule("kindergarten", metres=300)])
    return render_map(study, coverage=coverage, plan=None, title=HOSTILE, date="2026-11-20")


def payload(page):
    block = re.search(r'<script type="application/json" id="lianpian-data">(.*?)</script>', page)
    return json.loads(block.group(1))


def test_names_from_files_never_become_markup(page):
    assert "alert(1)</script>" not in page
    assert "<script>alert" not in page
    assert payload(page)["estates"]["name"][0] == HOSTILE
    assert payload(page)["meta"]["title"] == HOSTILE


def test_nothing_on_the_page_asks_the_network(page):
    assert EXTERNAL.search(page) is None


@pytest.mark.parametrize(
    "text",
    ['<script src="https://a/b.js">', "<link rel=x href='//a/b.css'>", "url( https://a/b.png)"],
)
def test_what_would_ask_the_network_is_recognised(text):
    assert EXTERNAL.search(text)


def test_the_page_opens_in_the_language_asked_for(study):
    for lang, tag in (("zh", "zh-CN"), ("en", "en")):
        page = render_map(study, coverage=None, plan=None, title="t", date="d", lang=lang)
        assert f'<html lang="{tag}">' in page
        assert payload(page)["meta"]["lang"] == lang


def test_another_language_is_refused(study):
    with pytest.raises(OptionError, match="give one of: zh, en"):
        render_map(study, coverage=None, plan=None, title="t", date="d", lang="fr")


def test_an_empty_study_cannot_be_drawn_and_says_what_to_do():
    with pytest.raises(MissingLayerError, match="lianpian import"):
        render_map(Study({}), coverage=None, plan=None, title="t", date="d")


def test_statuses_walks_and_totals_are_those_of_the_coverage(page):
    data = payload(page)

    words = [style["word"] for style in data["styles"]["status"]]
    statuses = [words[code] for code in data["estates"]["status"][0]]
    assert statuses == ["covered", "gap", "gap"]
    assert data["estates"]["missing"] == [0, 1, 1]
    assert data["meta"]["totals"] == {
        "estates": 3,
        "households": None,
        "people": 800,
        "people_unknown": 1,
    }


def test_the_headline_counts_only_known_people(page):
    (line,) = payload(page)["meta"]["headline"]

    assert (line["estates"], line["people"]) == (2, 500)
    assert "幼儿园" in line["zh"]


def test_what_was_never_imported_is_no_data_and_never_a_zero(study):
    rules = [own_rule("elderly_daycare", metres=300), own_rule("kindergarten", metres=300)]
    coverage = measure_coverage(study, rules)

    data = payload(render_map(study, coverage=coverage, plan=None, title="t", date="d"))

    elderly, childcare = data["meta"]["headline"]
    assert (elderly["estates"], elderly["people"]) == (None, None)
    assert childcare["estates"] == 2
    assert [item["known"] for item in data["items"]] == [False, True]


def test_an_estate_of_which_nothing_is_known_is_not_one_that_misses_nothing(study):
    coverage = measure_coverage(study, [own_rule("elderly_daycare", metres=300)])

    data = payload(render_map(study, coverage=coverage, plan=None, title="t", date="d"))

    assert data["estates"]["missing"] == [-1, -1, -1]


def test_extra_columns_are_not_on_the_map(study):
    estates = study.layer("estates")
    more = estates.frame.assign(电话=pd.Series(["13900000000"] * 3, dtype="str"))
    with_phone = Study({**study.layers, "estates": Layer(estates.kind, more)})

    page = render_map(with_phone, coverage=None, plan=None, title="t", date="d")

    assert "13900000000" not in page


def decode(shape, origin):
    """What web/map/map.js does: running sums of the steps from the origin."""
    steps = np.array(shape).reshape(-1, 2)
    return (np.array(origin) + np.cumsum(steps, axis=0)) / 1e6


def test_shapes_are_within_a_decimetre_of_the_truth():
    ring = Polygon([(EAST, NORTH), (EAST + 80, NORTH + 3), (EAST + 40, NORTH + 70)])
    series = gpd.GeoSeries([ring], crs=ZONE_38)
    truth = series.to_crs("EPSG:4326")
    writer = ShapeWriter(truth.total_bounds)

    (shape,) = writer.write(series)

    drawn = gpd.GeoSeries([Polygon(decode(shape["c"][0][0], writer.origin))], crs="EPSG:4326")
    assert drawn.to_crs(ZONE_38).iloc[0].hausdorff_distance(ring) < 0.1


def test_a_shape_without_geometry_is_null_and_keeps_its_place():
    series = gpd.GeoSeries([None, Point(EAST, NORTH), Point()], crs=ZONE_38)

    written = ShapeWriter(np.array([114.0, 33.0, 115.0, 34.0])).write(series)

    assert [shape is None for shape in written] == [True, False, True]


def test_a_multipoint_is_drawn_by_its_first_point():
    series = gpd.GeoSeries([MultiPoint([(EAST, NORTH), (EAST + 9, NORTH)])], crs=ZONE_38)

    (shape,) = ShapeWriter(np.array([114.0, 33.0, 115.0, 34.0])).write(series)

    assert shape["t"] == "p"


def test_much_data_is_packed_and_unpacks_to_the_same(study, monkeypatch):
    plain = render_map(study, coverage=None, plan=None, title="t", date="d")
    monkeypatch.setattr("gis.maps.page.LARGEST_PLAIN", 10)

    packed = render_map(study, coverage=None, plan=None, title="t", date="d")

    block = re.search(r'octet-stream" id="lianpian-data">([^<]*)</script>', packed).group(1)
    assert json.loads(zlib.decompress(base64.b64decode(block))) == payload(plain)
    assert EXTERNAL.search(packed) is None


def test_the_legend_of_missing_services_holds_every_number_once():
    counts = np.array([0, 0, 1, 2, 2, 3, 5, 8, 13, 21])

    steps = missing_steps(counts)

    for count in counts:
        assert sum(low <= count <= high for low, high, _ in steps) == 1
    assert len(steps) == len(MISSING)


def test_few_different_numbers_give_few_classes_the_darkest_ones():
    assert missing_steps(np.array([4, 4, 4])) == [(0, 0, MISSING[0]), (1, 4, MISSING[-1])]


def test_no_gap_at_all_is_one_class():
    assert missing_steps(np.array([0, 0])) == [(0, 0, MISSING[0])]


def test_colours_of_districts_differ_from_each_other():
    assert len(set(DISTRICT_COLOURS)) == len(DISTRICT_COLOURS) == 12


def plan_of(estates, district, links, beyond=()):
    """A plan drawn by hand, with neighbours in 50 m."""
    beside = Adjacency(
        kind="walk",
        links=np.array(links, dtype=np.int64).reshape(-1, 2),
        metres=np.full(len(links), 50.0),
        reason=np.array(["50 m on foot"] * len(links), dtype=object),
        beyond=np.array(beyond, dtype=np.int64).reshape(-1, 2),
        beyond_m=np.full(len(beyond), 900.0),
    )
    return DistrictPlan(
        name="手工", estates=estates.uids, district=np.array(district, dtype=object), left_out=(),
        settings={"sizes": {"people": (100.0, np.inf)}}, objective=np.nan, bound=np.nan,
        gap=np.nan, status="drawn", adjacency=beside,
    )  # fmt: skip


def test_grounds_of_districts_hold_their_estates_and_never_overlap_or_cover_water():
    estates = layer("estates", [square(0, 0), square(80, 0), square(160, 0), square(400, 0)])
    river = layer("water", [box(EAST - 50, NORTH + 70, EAST + 600, NORTH + 300)])
    study = Study({"estates": estates, "water": river})
    plan = plan_of(estates, ["西", "西", "东", None], [[0, 1], [1, 2]])
    east, west = district_grounds(plan, study)  # in the order of plan.districts

    assert plan.districts == ("东", "西")
    assert shapely.contains(west, estates.geometries[:2]).all()
    assert west.geom_type == "Polygon"  # the street of 20 m between the two is part of it
    assert west.intersection(east).area < 1
    assert west.intersection(river.geometries[0]).area < 1
    assert west.bounds[2] == pytest.approx(EAST + 150, abs=4)  # half way over the next street
    assert east.intersection(estates.geometries[3]).area == 0


def test_neighbours_are_a_layer_with_reasons_by_where_they_lie():
    estates = layer(
        "estates", [square(0, 0), square(80, 0), square(160, 0)], name=["甲", "乙", None]
    )
    plan = plan_of(estates, ["西", "西", "东"], [[0, 1], [1, 2]], beyond=[[0, 2]])
    page = render_map(Study({"estates": estates}), coverage=None, plan=plan, title="t", date="d")
    shown = next(one for one in payload(page)["overlays"] if one["key"] == "links")

    assert shown["of"] == [0, 1, 2]
    assert [one["n"] for one in shown["classes"]] == [1, 1, 1]
    assert shown["rows"]["name"] == ["甲 — 乙", "乙 — estates-2", "甲 — estates-2"]
    assert shown["rows"]["reason"][0]["en"] == "50 m on foot"
    assert payload(page)["meta"]["plan"] == {
        "name": "手工", "broken": 0, "faults": [], "status": "drawn", "left_out": 0,
        "objective": None, "bound": None,
        "sizes": [{
            "column": {"zh": "人口", "en": "people"}, "unit": {"zh": "人", "en": ""},
            "low": 100.0, "high": None,
        }],
    }  # fmt: skip


def test_why_an_estate_is_left_out_is_told_in_both_languages():
    estates = layer("estates", [square(0, 0), square(80, 0), square(160, 0)])
    lost = LeftOut("estates-1", "cost_yuan is unknown", True, "lower the least people to 5: x")
    plan = replace(
        plan_of(estates, ["西", None, None], []), left_out=(lost,), status="feasible",
        objective=1.14, bound=0.0,
        settings={"sizes": {"cost_yuan": (0.0, 8e7), "area_m2": (0.0, np.inf)}},
    )  # fmt: skip
    data = payload(
        render_map(Study({"estates": estates}), coverage=None, plan=plan, title="t", date="d")
    )
    taken, left, elsewhere = data["estates"]["reason"]
    assert (taken, elsewhere) == (None, None)  # who takes no part has no reason
    assert left["zh"].startswith("估算投资未知。可行的调整：")
    assert left["en"].startswith("cost_yuan is unknown. Way out: lower the least")
    told = data["meta"]["plan"]
    # Nothing is below 0 anyhow: such a bound is none.
    assert (told["objective"], told["bound"]) == (1.14, None)
    assert [size["unit"]["zh"] for size in told["sizes"]] == ["元", "m²"]
    assert [size["column"]["zh"] for size in told["sizes"]] == ["估算投资", "占地面积"]


def test_one_estate_alone_has_its_ground():
    estates = layer("estates", [Point(EAST, NORTH)])
    (ground,) = district_grounds(plan_of(estates, ["A"], []), Study({"estates": estates}))
    assert ground.area == pytest.approx(np.pi * 160**2, rel=0.03)


def test_pieces_of_a_district_are_joined_along_their_links():
    estates = layer("estates", [square(0, 0), square(300, 0), square(150, 500)])
    study = Study({"estates": estates})
    one = district_grounds(plan_of(estates, ["A", "A", "B"], [[0, 1], [1, 2]]), study)
    assert [ground.geom_type for ground in one] == ["Polygon", "Polygon"]
    none = district_grounds(plan_of(estates, ["A", "A", "B"], [[1, 2]]), study)
    assert none.iloc[0].geom_type == "MultiPolygon"


def test_a_plan_that_breaks_its_constraints_says_so_before_all_else(study):
    faults = [
        Violation("too-small", f"D{i}", (), f"D{i} has 9 people", f"D{i} 只有 9 人")
        for i in range(7)
    ]
    plan = plan_of(study.layer("estates"), ["西", "西", "东"], [[0, 1]])
    page = render_map(study, coverage=None, plan=plan, violations=faults, title="t", date="d")
    told = payload(page)["meta"]["plan"]

    assert told["broken"] == 7
    assert [fault["zh"] for fault in told["faults"]] == [f"D{i} 只有 9 人" for i in range(5)]
    whole = payload(render_map(study, coverage=None, plan=plan, title="t", date="d"))
    assert whole["meta"]["plan"]["broken"] == 0
