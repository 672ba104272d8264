"""Candidates among rooms, plots and small facilities, and what fits where."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import MultiPoint, Point, box

from gis.errors import MissingLayerError, OptionError
from gis.model import KINDS, Layer, Study
from gis.rules import load_pack, own_rule
from gis.sample import make_city
from gis.sites import candidates_of, fit

CRS = "EPSG:4545"
TYPES = {"text": "str", "integer": float, "number": float, "boolean": "boolean", "date": "str"}
GB = {rule.category: rule for rule in load_pack("gb50180-2018").rules}
CC = {rule.category: rule for rule in load_pack("complete-community-2020").rules}


def layer(kind, rows, shapes=None):
    """Rows are dicts of columns; without shapes they stand 10 m apart."""
    frame = pd.DataFrame({"uid": [f"{kind[0]}{i}" for i in range(len(rows))]})
    for column in KINDS[kind].columns[1:]:
        values = [row.get(column.name) for row in rows]
        frame[column.name] = pd.Series(values, dtype=object).astype(TYPES[column.type])
    shapes = shapes or [Point(10 * i, 0) for i in range(len(rows))]
    return Layer(KINDS[kind], gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS))


def sites(*rows, shapes=None, **layers):
    return Study({"sites": layer("sites", rows, shapes), **layers})


def room(floor=400.0, *, storey=1, **more):
    return {"floor_area_m2": floor, "storey": storey, "means": "改建", "cost_yuan": 1e6, **more}


def fits(rule, *rows, shapes=None, unknown="refuse", **layers):
    return fit(candidates_of(sites(*rows, shapes=shapes, **layers)), rule, unknown=unknown)


# --- the issue's own example ------------------------------------------------------------------


def test_a_boiler_room_of_120_m2_can_be_a_health_station_but_no_day_care_centre():
    boiler = {"use": "闲置锅炉房", "floor_area_m2": 120, "means": "改建"}
    station, care = fits(GB["health_station"], boiler), fits(GB["elderly_daycare"], boiler)
    assert station.fits.tolist() == [True]
    assert station.why_zh.tolist() == [""]
    assert care.fits.tolist() == [False]
    assert care.why_zh[0].startswith("建筑面积 120 m² 小于 350 m²（GB 50180-2018 附录C")
    assert care.why_zh[0].endswith("未核对）")
    assert care.why_en[0].startswith("floor 120 m² is less than 350 m² (")
    assert (station.need_m2[0], care.need_m2[0]) == (120, 350)


def test_a_kindergarten_needs_ground_of_its_own():
    hall = room(9000.0, use="闲置厂房")
    yard = {"use": "腾空地", "land_area_m2": 5240, "means": "补建"}
    small = {"use": "腾空地", "land_area_m2": 5239, "means": "补建"}
    answer = fits(GB["kindergarten"], hall, yard, small)
    assert answer.fits.tolist() == [False, True, False]
    assert answer.why_zh[0].startswith("须有独立用地，此处是没有自有用地的房间（")
    assert answer.why_zh[2].startswith("用地面积 5,239 m² 小于 5,240 m²（GB 50180-2018 附录C")
    # A building with land of its own may do: 3,150 m2 of floor are asked of a new one.
    school = room(3150.0, land_area_m2=6000)
    assert fits(GB["kindergarten"], school, {**school, "floor_area_m2": 3149}).fits.tolist() == [
        True,
        False,
    ]


# --- sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("floor", "able"), [(349.99, False), (350.0, True), (350.01, True)])
def test_exactly_the_minimum_fits(floor, able):
    assert fits(GB["elderly_daycare"], room(floor)).fits.tolist() == [able]


def test_a_size_asked_of_new_facilities_holds_for_a_site():
    # 15 m2, "new" in the pack.
    assert fits(CC["express"], room(14.0), room(15.0)).fits.tolist() == [False, True]
    assert CC["express"].min_floor_m2 is None


def test_a_rule_without_sizes_takes_those_of_the_category():
    own = own_rule("nursery", metres=300)
    assert fits(own, room(199.0), room(200.0)).fits.tolist() == [False, True]
    assert fits(own, room()).need_m2.tolist() == [200]


def test_a_plot_takes_a_building_and_a_ground_but_a_room_is_no_ground():
    # Community station: 600 m2 of floor at a plot ratio of 1.2 are 500 m2 of land.
    plots = [{"land_area_m2": land, "means": "补建"} for land in (499, 500, 1000)]
    answer = fits(GB["community_service"], *plots, room(600.0))
    assert answer.fits.tolist() == [False, True, True, True]
    assert answer.need_land_m2.tolist() == [500, 500, 500, 0]
    assert answer.takes.tolist() == [1, 1, 0.5, 1]
    ground = fits(GB["sports_small"], {"land_area_m2": 1540, "means": "补建"}, room(2000.0))
    assert ground.fits.tolist() == [True, False]
    assert ground.takes.tolist() == [0.5, 1]
    assert ground.need_m2.tolist() == [0, 0]
    assert "须为室外场地，此处是房屋" in ground.why_zh[1]


def test_what_cannot_share_takes_the_whole_place():
    plot = {"land_area_m2": 10480, "means": "补建"}
    assert fits(GB["kindergarten"], plot).takes.tolist() == [1]
    assert not fits(GB["kindergarten"], plot).shares
    nursery = fits(CC["nursery"], room(900.0))
    assert nursery.takes[0] == pytest.approx(200 / 900)


def test_a_stop_is_no_service_for_a_site():
    answer = fits(GB["bus_stop"], room(), {"land_area_m2": 500})
    assert not answer.fits.any()
    assert "不在备选用房用地上设置" in answer.why_zh[0]


def test_a_room_of_unknown_size_is_refused_unless_it_is_asked_for():
    blank = room(None)
    refused = fits(GB["elderly_daycare"], blank)
    assert (refused.fits[0], refused.known[0]) == (False, False)
    assert refused.why_zh[0].startswith("建筑面积未知，需要 350 m²（")
    offered = fits(GB["elderly_daycare"], blank, unknown="offer")
    assert (offered.fits[0], offered.known[0]) == (True, False)
    assert offered.why_en[0].startswith("floor unknown, 350 m² needed")
    with pytest.raises(OptionError, match="unknown is 'maybe'; give one of: refuse, offer"):
        fits(GB["retail"], blank, unknown="maybe")


def test_what_is_known_to_be_wrong_is_never_offered():
    answer = fits(GB["elderly_daycare"], room(None, storey=-1), unknown="offer")
    assert answer.fits.tolist() == [False]
    assert "低于" in answer.why_zh[0]
    assert "建筑面积未知" in answer.why_zh[0]


def test_no_floor_means_a_plot_and_no_land_a_room():
    # Tables write 0 where there is none.
    both = candidates_of(
        sites({"floor_area_m2": 0, "land_area_m2": 900}, room(200.0, land_area_m2=0))
    )
    assert both.ground.tolist() == ["plot", "room"]
    assert np.isnan([both.floor_m2[0], both.land_m2[1]]).all()


def test_a_shed_that_is_to_be_extended_fits_as_far_as_its_land_goes():
    shed = {"use": "自行车棚", "floor_area_m2": 100, "means": "扩建", "land_area_m2": 350}
    answer = fits(GB["elderly_daycare"], shed, {**shed, "land_area_m2": None})
    assert answer.fits.tolist() == [True, False]
    assert answer.known.tolist() == [True, False]
    assert "不知能否扩建" in answer.why_zh[1]
    # 100 m2 at 3,000 for fitting out and 250 m2 at 4,000 added.
    assert answer.cost_yuan[0] == 100 * 3000 + 250 * 4000


# --- storeys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("storey", "lift", "able", "known"),
    [
        (1, None, True, True), (0, None, True, True), (2, True, True, True),
        (2, False, False, True), (2, None, False, False), (3, True, True, True),
        (4, True, False, True), (4, None, False, True), (-1, True, False, True),
        (None, True, False, False),
    ],
)  # fmt: skip
def test_day_care_is_on_the_ground_floor_or_up_to_the_third_with_a_lift(storey, lift, able, known):
    answer = fits(GB["elderly_daycare"], room(storey=storey, lift=lift))
    assert (answer.fits[0], answer.known[0]) == (able, known)
    assert bool(answer.why_zh[0]) is not able


def test_children_stay_on_the_ground_floor_and_a_shop_may_go_below():
    upstairs, cellar = room(storey=2, lift=True), room(storey=-1)
    assert fits(GB["nursery"], upstairs, cellar, room()).fits.tolist() == [False, False, True]
    assert fits(CC["supermarket"], cellar, room(storey=-2)).fits.tolist() == [True, False]
    told = fits(GB["nursery"], upstairs, cellar).why_zh
    assert told[0].startswith("在 2 层，高于 1 层（JGJ 39-2016")
    assert told[1].startswith("在地下 1 层，低于 1 层（JGJ 39-2016")


def test_the_lift_of_the_building_counts_where_the_site_says_nothing():
    shapes = [Point(5, 5), Point(25, 5), Point(45, 5)]
    houses = layer(
        "buildings",
        [{"lift": True}, {"lift": False}],
        [box(0, 0, 10, 10), box(20, 0, 30, 10)],
    )
    rows = [room(storey=2)] * 3
    found = candidates_of(sites(*rows, shapes=shapes, buildings=houses))
    assert found.lift.tolist() == [True, False, None]
    said = candidates_of(sites(room(lift=False), shapes=[Point(5, 5)], buildings=houses))
    assert said.lift.tolist() == [False]


# --- candidates -------------------------------------------------------------------------------


def test_several_means_of_one_room_exclude_each_other():
    found = candidates_of(sites(room(means="改建/租赁"), room(means=None), room(means="购置")))
    assert found.means.tolist() == ["convert", "rent", None, "buy"]
    assert found.place.tolist() == [0, 0, 1, 2]
    assert found.row.tolist() == [0, 0, 1, 2]
    assert found.xy.tolist() == [[0, 0], [0, 0], [10, 0], [20, 0]]
    assert len(found) == 4


def test_polygons_stand_at_a_point_within():
    bent = box(0, 0, 30, 30).difference(box(10, 0, 30, 20))
    found = candidates_of(sites(room(), room(), shapes=[bent, MultiPoint([(3, 4)])]))
    assert bent.contains(Point(found.xy[0]))
    assert found.xy[1].tolist() == [3, 4]


def test_words_and_outlines_stand_in_for_what_the_table_does_not_say():
    rows = [
        {"use": "闲置锅炉房"},
        {"use": "拆违腾空地块"},
        {"use": "闲置用房"},
        {"use": "地下车棚"},
    ]
    shapes = [box(10 * i, 0, 10 * i + 9, 20) for i in range(4)]
    found = candidates_of(sites(*rows, shapes=shapes))
    assert found.ground.tolist() == ["room", "plot", "room", "room"]
    assert found.storey[[0, 3]].tolist() == [1, -1]
    assert found.floor_m2[[0, 3]].tolist() == [180, 180]
    assert found.land_m2[1] == 180
    # Nobody knows how many storeys and rooms that outline holds.
    assert np.isnan(found.floor_m2[2])
    assert "建筑面积取图形面积" in found.note_zh[0]
    assert "land as it is drawn" in found.note_en[1]


def test_sites_that_are_not_free_in_time_are_left_out_and_told():
    rows = [room(available_year=year) for year in (2026, 2028, None)]
    found = candidates_of(sites(*rows), by_year=2027)
    assert found.uid.tolist() == ["s0", "s2"]
    (left,) = found.left_out
    assert (left.uid, left.row, left.zh) == ("s1", 1, "2028 年才可用")
    assert left.en == "not available before 2028"
    assert len(candidates_of(sites(*rows), by_year=2028)) == 3


def test_dangerous_and_illegal_buildings_are_left_out_and_told():
    rows = [
        room(condition=word)
        for word in ("完好", "D级危房", "违法建设", "C级", "非危房，已加固", None)
    ]
    rows.append(room(tenure="个人，产权纠纷"))
    found = candidates_of(sites(*rows))
    assert found.row.tolist() == [0, 3, 4, 5]
    assert [left.row for left in found.left_out] == [1, 2, 6]
    assert "JGJ 125-2016" in found.left_out[0].zh
    assert "dangerous building" in found.left_out[0].en
    assert found.note_zh.tolist() == ["", "须先加固并经鉴定合格", "", ""]


def test_what_is_built_anew_is_free_of_the_old_building():
    found = candidates_of(sites(room(condition="D级危房", means="改建/补建")))
    assert found.means.tolist() == ["build"]
    assert "须先拆除原有危旧房屋" in found.note_zh[0]


def test_only_some_means_or_sites_may_be_asked():
    study = sites(room(means="改建/租赁"), room(means="购置"), room(means=None))
    rented = candidates_of(study, means=["租赁", "buy"])
    assert rented.means.tolist() == ["rent", "buy"]
    assert [left.zh for left in rented.left_out] == ["取得方式为未填，不在所选之内"]
    some = candidates_of(study, where=np.array([False, True, True]))
    assert some.row.tolist() == [1, 2]
    assert some.left_out == ()
    with pytest.raises(OptionError, match="no means '白送'"):
        candidates_of(study, means=["白送"])
    with pytest.raises(OptionError, match="give true or false for 3 sites"):
        candidates_of(study, where=np.array([True]))
    with pytest.raises(OptionError, match="rent_years is 0; give above 0 and up to 50"):
        candidates_of(study, rent_years=0)


def test_means_that_nobody_knows_are_told_and_the_site_stays():
    found = candidates_of(sites(room(means="改建、白送"), room(means="白送")))
    assert found.means.tolist() == ["convert", None]
    assert all("“白送”不认识" in note for note in found.note_zh)


def test_without_sites_the_way_to_get_them_is_told():
    empty = Study({"facilities": layer("facilities", [{"category": "nursery"}])})
    with pytest.raises(MissingLayerError, match="no sites; import them first"):
        candidates_of(empty, rules=[GB["nursery"]])


def test_some_candidates_may_be_taken():
    found = candidates_of(sites(room(means="改建/租赁"), room()))
    some = found.take(found.means == "convert")
    assert (len(some), some.place.tolist(), some.uid.tolist()) == (2, [0, 1], ["s0", "s1"])
    assert found.take([1]).means.tolist() == ["rent"]
    assert len(fit(found.take([]), GB["nursery"]).fits) == 0


# --- costs ------------------------------------------------------------------------------------


def test_a_stated_cost_stands_and_an_unknown_one_is_estimated_and_marked():
    rows = [
        room(200.0, cost_yuan=5e5),
        room(200.0, cost_yuan=None),
        room(200.0, cost_yuan=None, means="租赁"),
        room(200.0, cost_yuan=None, means=None),
        room(None, cost_yuan=None),
    ]
    found = candidates_of(sites(*rows), rent_years=5)
    assert found.cost_yuan[:4].tolist() == [5e5, 200 * 3000, 200 * (3000 + 5 * 360), 200 * 3000]
    assert np.isnan(found.cost_yuan[4])
    assert found.cost_estimated.tolist() == [False, True, True, True, False]
    assert "租 5 年" in found.note_zh[2]
    assert "取得方式未填" in found.note_zh[3]
    assert not found.by_service.any()
    assert found.assumptions["estimated"] == 3
    assert [price["means"] for price in found.assumptions["prices"]] == ["convert", "rent"]
    assert not any(price["verified"] for price in found.assumptions["prices"])


def test_a_plot_is_paid_for_what_is_built_on_it():
    study = sites({"land_area_m2": 2000, "means": "补建"}, {"land_area_m2": 2000, "cost_yuan": 7e6})
    found = candidates_of(study)
    assert found.by_service.tolist() == [True, False]
    assert found.cost_yuan.tolist() == [2000 * 3500, 7e6]
    # 600 m2 of floor at 3,500; 770 m2 of ground at 500.
    assert fit(found, GB["community_service"]).cost_yuan.tolist() == [600 * 3500, 7e6]
    assert fit(found, GB["sports_small"]).cost_yuan.tolist() == [770 * 500, 7e6]


# --- upgrades ---------------------------------------------------------------------------------


def stations(*rows):
    rows = [{"category": "community_service", **row} for row in rows]
    return Study({"facilities": layer("facilities", rows)})


def test_a_facility_that_is_too_small_can_be_extended_where_its_land_allows():
    study = stations(
        {"floor_area_m2": 400, "land_area_m2": 500},
        {"floor_area_m2": 600, "land_area_m2": 500},
        {"floor_area_m2": 400, "land_area_m2": 499},
        {"floor_area_m2": 400},
        {"floor_area_m2": None, "land_area_m2": 500},
    )
    rule = GB["community_service"]
    found = candidates_of(study, rules=[rule])
    assert found.kind.tolist() == ["upgrade"] * 3
    assert found.facility.tolist() == [0, 2, 3]
    assert found.floor_m2.tolist() == [600] * 3
    assert found.now_m2.tolist() == [400] * 3
    assert found.means.tolist() == ["extend"] * 3
    assert found.place.tolist() == [0, 1, 2]
    answer = fit(found, rule)
    assert answer.fits.tolist() == [True, False, False]
    assert answer.known.tolist() == [True, True, False]
    assert answer.why_zh[1] == "用地面积 499 m² 小于 500 m²（扩建到 600 m²）"
    assert answer.cost_yuan.tolist() == [200 * 4000] * 3
    assert found.cost_estimated.all()


def test_an_upgrade_serves_its_own_category_only():
    study = stations({"floor_area_m2": 400, "land_area_m2": 900})
    found = candidates_of(study, rules=GB.values())
    assert fit(found, GB["health_station"]).why_zh.tolist() == ["只能扩建为原来的类别"]
    assert fit(found, CC["community_service"]).why_zh.tolist() == ["按本规则面积已够"]


def test_upgrades_come_only_where_they_are_asked():
    study = Study(
        {**stations({"floor_area_m2": 9}).layers, "sites": layer("sites", [room(means="改建")])}
    )
    rules = [GB["community_service"]]
    assert candidates_of(study, rules=rules).kind.tolist() == ["site", "upgrade"]
    assert candidates_of(study).kind.tolist() == ["site"]
    assert candidates_of(study, rules=rules, upgrades=False).kind.tolist() == ["site"]
    assert candidates_of(study, rules=rules, means=["改建"]).kind.tolist() == ["site"]
    assert candidates_of(study, rules=rules, means=["扩建"]).kind.tolist() == ["upgrade"]


def test_a_larger_demand_than_the_upgrade_was_made_for_is_refused():
    rule = GB["community_service"]
    found = candidates_of(stations({"floor_area_m2": 400, "land_area_m2": 2000}), rules=[rule])
    larger = replace(
        rule, sizes=tuple(replace(s, value=800) for s in rule.sizes if s.measure == "min_floor_m2")
    )
    # Asked of both rules, 650 m2 are enough for one of them, and 800 for both.
    both = candidates_of(
        stations({"floor_area_m2": 650, "land_area_m2": 2000}), rules=[rule, larger]
    )
    assert both.floor_m2.tolist() == [800]
    assert fit(both, rule).why_en.tolist() == ["it is large enough for this rule already"]
    assert fit(both, larger).fits.tolist() == [True]
    assert fit(found, larger).fits.tolist() == [False]
    assert "扩建目标小于 800 m²" in fit(found, larger).why_zh[0]


# --- the sample city --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city():
    return make_city(seed=1, estates=140)


def test_the_sample_city_has_sites_of_every_means_and_something_for_most_services(city):
    rules = list(GB.values())
    found = candidates_of(city, rules=rules)
    means = set(found.means[found.kind == "site"])
    assert means == {"build", "convert", "extend", "buy", "swap", "rent", None}
    assert {"room", "plot"} <= set(found.ground)
    assert found.left_out
    assert (found.storey < 0).any()
    assert (found.storey > 1).any()
    answers = {rule.category: fit(found, rule) for rule in rules}
    for code in ("elderly_daycare", "nursery", "health_station", "community_service"):
        assert 2 <= answers[code].fits.sum() < len(found)
    upgrades = found.kind == "upgrade"
    assert answers["community_service"].fits[upgrades].any()
    assert not answers["community_service"].fits[upgrades].all()


def test_nothing_is_offered_in_the_sample_city_that_breaks_a_size(city):
    found = candidates_of(city, upgrades=False)
    for rule in (*GB.values(), *CC.values()):
        answer = fit(found, rule)
        rooms = answer.fits & (found.ground == "room")
        if rule.min_floor_m2 is not None:
            assert (found.floor_m2[rooms] >= rule.min_floor_m2).all()
        if rule.min_land_m2 is not None:
            assert (found.land_m2[answer.fits] >= rule.min_land_m2).all()
        assert ((answer.takes > 0) & (answer.takes <= 1)).all()
        assert (answer.why_zh != "").tolist() == (~answer.fits).tolist()
        assert (answer.why_en != "").tolist() == (~answer.fits).tolist()
