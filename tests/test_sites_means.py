"""The six means, the words that files use for them, and their prices."""

import copy
import tomllib

import pytest

from gis.errors import OptionError, RuleError
from gis.resources import data_dir
from gis.sites.means import (
    CODES,
    load_means,
    means_of,
    open_yuan_per_m2,
    read_means,
    require_means,
    yuan_per_m2,
)


def table():
    return tomllib.loads((data_dir() / "means.toml").read_text("utf-8"))


def test_the_six_means_are_those_of_the_paper_in_its_order():
    assert tuple(load_means()) == CODES
    assert "".join(means.zh for means in load_means().values()) == "补建改建扩建购置置换租赁"
    assert all(means.verified and "1358" in means.source for means in load_means().values())


def test_no_price_claims_to_be_checked_and_each_says_where_it_comes_from():
    for means in load_means().values():
        for price in filter(None, (means.price, means.open_price)):
            assert not price.verified
            assert 0 < price.confidence <= 0.5
            assert price.source


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("改建/租赁", ("convert", "rent")),
        ("租赁、改建", ("convert", "rent")),
        ("购置或置换", ("buy", "swap")),
        ("改扩建", ("convert", "extend")),
        ("拟租赁", ("rent",)),
        ("新建", ("build",)),
        ("装修改造", ("convert",)),
        ("产权置换", ("swap",)),
        ("收购", ("buy",)),
        ("划拨", ("swap",)),
        ("调拨", ("swap",)),
        ("无偿划转", ("swap",)),
        ("Rent; purchase", ("buy", "rent")),
        ("租赁（方式）", ("rent",)),
        ("", ()),
    ],
)
def test_a_cell_may_name_several_means_in_any_order(text, codes):
    assert means_of(text) == (codes, ())


def test_words_that_are_no_means_are_told():
    assert means_of("改建/白送") == (("convert",), ("白送",))
    # Free use is no transfer, and a taking is paid for: neither is one of the six for certain.
    for word in ("无偿使用", "无偿", "借用", "征收"):
        assert means_of(word) == ((), (word,))
    assert means_of("current") == ((), ("current",))
    with pytest.raises(OptionError, match=r"no means '白送'; give some of: build \(补建\)"):
        require_means("改建、白送")
    with pytest.raises(OptionError, match="no means"):
        require_means("")


def test_rent_is_counted_for_its_years_and_a_bought_room_is_fitted_out():
    # 3,000 fitting out; rent 360 a year; buying 8,000.
    assert yuan_per_m2("convert", rent_years=10) == 3000
    assert yuan_per_m2("rent", rent_years=10) == 3000 + 3600
    assert yuan_per_m2("rent", rent_years=1) == 3000 + 360
    assert yuan_per_m2("buy", rent_years=10) == 3000 + 8000
    assert yuan_per_m2("swap", rent_years=10) == 3000
    assert yuan_per_m2("build", rent_years=10) == 3500
    assert open_yuan_per_m2() == 500


def test_all_faults_of_the_file_are_told_at_once():
    broken = copy.deepcopy(table())
    del broken["swap"]
    broken["gift"] = broken["buy"]
    broken["rent"]["price"] = {"value": -1, "source": "", "verified": False}
    broken["extend"]["words"].append("租用")
    del broken["build"]["open_price"]
    with pytest.raises(RuleError) as told:
        read_means(broken)
    for part in (
        "there is no means 'gift'",
        "'swap' is missing",
        "'rent' in 'price' says -1",
        "'rent' in 'price' has no 'source'",
        "'rent' in 'price' has no 'confidence'",
        "'租用' stands for both extend and rent",
        "'build' has no 'open_price'",
    ):
        assert part in str(told.value)
