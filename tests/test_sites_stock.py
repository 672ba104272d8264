"""The register of idle rooms as offices keep it, read from their tables."""

import numpy as np
import pytest
from pyproj import CRS

from gis.io import read_layer
from gis.model import KINDS, Study
from gis.rules import load_pack
from gis.sites import candidates_of, fit
from gis.sites.stock import m2

CARE, STATION = (
    next(rule for rule in load_pack("gb50180-2018").rules if rule.category == code)
    for code in ("elderly_daycare", "health_station")
)
REGISTER = """\
资源编号,资源名称,原用途,建筑面积（平方米）,占地面积（亩）,所在层,有无电梯,产权单位,房屋安全等级,拟改造方式,预计投资（万元）,腾退时间,经度,纬度
Z-01,柳园锅炉房,闲置锅炉房,120,,1层,无,热力公司,B级,改建/租赁,21.6,2026年,106.9,28.9
Z-02,柳园二号楼,办公用房,400,,2,有,街道办,A级,置换,,,106.901,28.9
Z-03,纺织厂宿舍,公有住房,380,,1,,房管所,D级,改建,,,106.902,28.9
Z-04,煤场,拆除腾空地,,9,,,热力公司,,补建,,2028,106.903,28.9
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("register") / "sites.csv"
    path.write_text(REGISTER, "utf-8")
    layer, report = read_layer(path, "sites", target=CRS.from_epsg(4545))
    assert not report.refused
    return Study({"sites": layer})


def test_the_headings_of_a_register_are_recognised(study):
    layer = study.layer("sites")
    assert layer.frame.columns.tolist() == [*KINDS["sites"].column_names, "geometry"]
    assert layer.uids.tolist() == ["Z-01", "Z-02", "Z-03", "Z-04"]
    assert layer.frame["use"].tolist()[0] == "闲置锅炉房"
    assert layer.numbers("storey")[:3].tolist() == [1, 2, 1]
    assert layer.frame["lift"].tolist()[:2] == [False, True]
    assert layer.frame["tenure"].tolist()[1] == "街道办"
    assert layer.frame["condition"].tolist()[2] == "D级"
    assert layer.frame["means"].tolist()[0] == "改建/租赁"
    assert layer.numbers("cost_yuan")[0] == 216_000
    # 9 mu of 666.67 m2 each.
    assert layer.numbers("land_area_m2")[3] == pytest.approx(6000)
    assert layer.numbers("available_year")[[0, 3]].tolist() == [2026, 2028]


def test_a_register_becomes_candidates_and_offers(study):
    found = candidates_of(study, by_year=2027)
    assert found.uid.tolist() == ["Z-01", "Z-01", "Z-02"]
    assert [left.uid for left in found.left_out] == ["Z-03", "Z-04"]
    assert fit(found, STATION).fits.tolist() == [True, True, True]
    assert fit(found, CARE).fits.tolist() == [False, False, True]
    assert found.cost_yuan.tolist() == [216_000, 216_000, 400 * 3000]
    later = candidates_of(study)
    assert later.ground.tolist()[-1] == "plot"
    assert np.isnan(later.available_year[2])


@pytest.mark.parametrize(
    ("value", "words"),
    [(120.0, "120 m²"), (5240.5, "5,240.5 m²"), (100.0, "100 m²"), (349.99, "349.99 m²")],
)
def test_square_metres_in_words(value, words):
    assert m2(value) == words
