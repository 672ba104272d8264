"""Rule packs: complete, honest about what was checked, refused whole when at fault."""

import dataclasses
import tomllib

import pytest

from gis.errors import OptionError, RuleError, UnknownNameError
from gis.model import Categories
from gis.resources import data_dir
from gis.rules import (
    DEFAULT_PACK,
    Rule,
    load_pack,
    load_walker,
    own_rule,
    pack_names,
    read_pack,
    walker_names,
)

GOOD = """
zh = "甲"
en = "A"
date = "2020"
source = "somewhere"

[[rules]]
id = "R1"
category = "nursery"
zh = "托儿所"
en = "Nursery"
level = "5min"
limit_m = 300
must = true
clause = "clause 1"
source = "page 2"
verified = true
"""


def pack_of(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return read_pack(path)


def test_three_packs_come_with_lianpian_and_one_of_them_is_the_default():
    assert pack_names() == ("complete-community-2020", "gb50180-2018", "liaoning-5-10min")
    assert DEFAULT_PACK in pack_names()


@pytest.mark.parametrize("name", pack_names())
def test_each_line_says_its_clause_its_source_and_whether_it_was_verified(name):
    pack = load_pack(name)

    assert pack.zh
    assert pack.en
    assert pack.date
    for rule in pack.rules:
        assert rule.clause, rule.id
        assert rule.source, rule.id
        assert set(rule.categories) <= set(Categories.load())
        assert rule.verified == (rule.confidence is None)


@pytest.mark.parametrize("name", pack_names())
def test_no_category_has_two_rules_in_one_pack(name):
    categories = [rule.category for rule in load_pack(name).rules]

    assert len(categories) == len(set(categories))


def test_gb50180_walks_300_500_and_1000_metres():
    limits = {rule.category: rule.limit_m for rule in load_pack("gb50180-2018").rules}

    assert len(limits) == 20
    assert limits["elderly_daycare"] == limits["nursery"] == limits["kindergarten"] == 300
    assert limits["culture_station"] == limits["bus_stop"] == limits["primary_school"] == 500
    assert limits["middle_school"] == limits["health_centre"] == 1000
    assert set(limits.values()) == {300, 500, 1000}


def test_gb50180_from_memory_is_marked_as_not_verified():
    assert not any(rule.verified for rule in load_pack("gb50180-2018").rules)


def test_gb50180_may_do_without_a_nursery_and_a_health_station():
    may = {rule.category for rule in load_pack("gb50180-2018").rules if not rule.must}

    assert may == {"nursery", "health_station"}


def test_facilities_without_a_radius_are_no_rules_but_named_with_the_reason():
    pack = load_pack("gb50180-2018")

    assert "waste_station" not in {rule.category for rule in pack.rules}
    assert "生活垃圾收集站" in {line.zh for line in pack.not_tested}
    assert all(line.reason and line.reason_en for line in pack.not_tested)


def test_a_complete_community_is_ten_minutes_of_a_standard_walker_600_metres():
    rules = load_pack("complete-community-2020").rules
    walker = load_walker("standard")

    assert [rule.id for rule in rules] == [
        "CC-01", "CC-02", "CC-03", "CC-04", "CC-05", "CC-06", "CC-07", "CC-08", "CC-11", "CC-14",
        "CC-15",
    ]  # fmt: skip
    assert {rule.limit_s for rule in rules} == {600}
    assert {rule.limit_cm(walker) for rule in rules} == {60_000}


def test_a_health_centre_stands_in_for_a_health_station_but_shops_not_for_a_supermarket():
    rules = {rule.category: rule for rule in load_pack("complete-community-2020").rules}

    assert rules["health_station"].categories == ("health_station", "health_centre")
    assert rules["supermarket"].categories == ("supermarket",)
    assert "2-3" in rules["supermarket"].note


def test_liaoning_names_five_basic_services_within_ten_minutes():
    rules = load_pack("liaoning-5-10min").rules

    assert {rule.category for rule in rules} == {
        "kindergarten", "elderly_station", "nursery", "community_service", "health_station",
    }  # fmt: skip
    assert {rule.limit_s for rule in rules} == {600}
    assert all(rule.verified for rule in rules)


def test_the_standard_walker_goes_one_metre_in_a_second_and_says_why():
    walker = load_walker("standard")

    assert walker_names() == ("standard",)
    assert walker.speed_m_s == 1.0
    assert "GB 50180" in walker.source


def test_unknown_packs_and_walkers_are_refused_with_those_that_there_are():
    with pytest.raises(UnknownNameError, match=r"'gb'.*gb50180-2018"):
        load_pack("gb")
    with pytest.raises(UnknownNameError, match=r"'hare'.*standard"):
        load_walker("hare")


def test_a_good_pack_is_read(tmp_path):
    pack = pack_of(tmp_path, GOOD)

    assert pack.name == "mine"
    assert pack.rules[0].limit_m == 300
    assert pack.rules[0].limit_s is None
    assert pack.rules[0].walker == "standard"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("limit_m = 300", "", ["rule 'R1'", "exactly one of 'limit_m' and 'limit_s'"]),
        ("limit_m = 300", "limit_m = 300\nlimit_s = 300", ["exactly one"]),
        ("limit_m = 300", "limit_m = 0", ["'limit_m' is 0", "above 0"]),
        ("limit_m = 300", "limit_m = nan", ["'limit_m' is nan"]),
        ("limit_m = 300", 'limit_m = "far"', ["'limit_m' is 'far'; give a number"]),
        ("limit_m = 300", "limit_m = true", ["'limit_m' is True; give a number"]),
        ('"nursery"', '"creche"', ["no category 'creche'", "categories.toml"]),
        ('clause = "clause 1"', "", ["rule 'R1': 'clause' is missing"]),
        ('source = "page 2"', 'source = " "', ["'source' is ' '; give text"]),
        ("must = true", "must = 1", ["'must' is 1; give true or false"]),
        ("must = true", "must = true\nlimit = 5", ["'limit' is no key of a rule"]),
        ("verified = true", "verified = false", ["not verified", "'confidence'"]),
        ("verified = true", "verified = false\nconfidence = 85", ["'confidence' is 85"]),
        ("verified = true", 'verified = true\nwalker = "hare"', ["no walker 'hare'"]),
        ("verified = true", 'verified = true\nsatisfied_by = ["x"]', ["no category 'x'"]),
        ("verified = true", 'verified = true\nsatisfied_by = "bank"', ["give a list of text"]),
        ('id = "R1"', "", ["rule number 1: 'id' is missing"]),
        ('date = "2020"', "", ["'date' is missing"]),
        ('date = "2020"', 'date = "2020"\nday = 1', ["'day' is no key of a pack"]),
        ("[[rules]]", '[[not_tested]]\nid = "N"\n[[rules]]', ["not_tested 'N'"]),
        ("verified = true", "verified = perhaps", ["mine.toml is no TOML"]),
    ],
)
def test_a_fault_is_named_with_file_rule_key_and_remedy(tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises(RuleError) as caught:
        pack_of(tmp_path, GOOD.replace(old, new))

    message = str(caught.value)
    assert "mine.toml" in message
    for word in words:
        assert word in message
    assert "\n" not in message.replace(str(tmp_path), "")


def test_all_faults_are_told_at_once(tmp_path):
    second = GOOD[GOOD.index("[[rules]]") :].replace("limit_m = 300", "limit_m = -1")
    text = GOOD.replace("must = true", "") + second

    with pytest.raises(RuleError) as caught:
        pack_of(tmp_path, text)

    message = str(caught.value)
    assert "'must' is missing" in message
    assert "'limit_m' is -1" in message
    assert "the id 'R1' occurs twice" in message


def test_a_pack_without_rules_is_refused(tmp_path):
    with pytest.raises(RuleError, match="has no rules"):
        pack_of(tmp_path, GOOD[: GOOD.index("[[rules]]")])


def test_a_rule_without_a_limit_cannot_be_made():
    with pytest.raises(RuleError, match="exactly one"):
        dataclasses.replace(own_rule("nursery", metres=300), limit_m=None)


def test_an_own_rule_takes_metres_or_minutes_and_any_word_for_the_category():
    assert own_rule("托育机构", metres=450).limit_m == 450
    rule = own_rule("nursery", minutes=7.5)

    assert rule.category == "nursery"
    assert rule.limit_s == 450
    assert rule.limit_cm(load_walker("standard")) == 45_000


@pytest.mark.parametrize(
    "limits",
    [{}, {"metres": 1, "minutes": 1}, {"metres": 0}, {"minutes": -1}, {"metres": float("nan")}],
)
def test_an_own_rule_needs_one_limit_above_nothing(limits):
    with pytest.raises(OptionError, match="give"):
        own_rule("nursery", **limits)


def test_an_own_rule_needs_a_category_and_a_walker_that_exist():
    with pytest.raises(UnknownNameError, match="no category 'zoo'"):
        own_rule("zoo", metres=1)
    with pytest.raises(UnknownNameError, match="no walker 'hare'"):
        own_rule("nursery", minutes=1, walker="hare")


def test_limits_are_exact_in_centimetres_for_every_pace():
    walker = dataclasses.replace(load_walker("standard"), speed_m_s=0.9)
    rule = own_rule("nursery", minutes=10)

    assert rule.limit_cm(walker) == 54_000
    assert own_rule("nursery", metres=0.29).limit_cm(walker) == 29  # 0.29 * 100 is 28.99...


def test_every_rule_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        own_rule("nursery", metres=1).must = False


def test_every_key_of_the_files_is_a_field_of_the_rule():
    fields = {field.name for field in dataclasses.fields(Rule)}
    for name in pack_names():
        table = tomllib.loads((data_dir() / "rules" / f"{name}.toml").read_text("utf-8"))
        for row in table["rules"]:
            assert row.keys() <= fields


def test_every_pack_walker_and_profile_has_its_line_in_the_provenance():
    page = (data_dir() / "README.md").read_text("utf-8")
    profiles = [path.stem for path in (data_dir() / "profiles").glob("*.toml")]

    for name in (*pack_names(), *walker_names(), *profiles):
        assert f"| `{name}`" in page
    for name in pack_names():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        assert f"| {len(load_pack(name).rules)} |" in line
    for path in data_dir().glob("*.toml"):
        assert f"`{path.name}`" in page
