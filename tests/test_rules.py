"""Rule packs: complete, honest about what was checked, refused whole when at fault."""

import dataclasses
import tomllib

import numpy as np
import pytest

from gis.errors import FileError, OptionError, RuleError, UnknownNameError
from gis.model import KINDS, Categories
from gis.resources import data_dir
from gis.rules import (
    DEFAULT_PACK,
    GROUPS,
    MEASURES,
    Instead,
    Rule,
    Size,
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


FULL = (
    GOOD.replace(
        "[[rules]]",
        """
[unit]
people = [5000, 12000]
clause = "clause U"
source = "page 1"
verified = true

[[levels]]
name = "5min"
zh = "甲"
en = "A"
people = [4000, 9000]
clause = "clause L"
source = "page 1"
verified = true

[[levels.sizes]]
measure = "floor_m2_per_1000"
value = 1000
clause = "clause F"
source = "page 1"
verified = true

[[rules]]""",
    )
    + """
group = "children_0_2"
round_trip = true

[[rules.sizes]]
measure = "min_land_m2"
value = 200
clause = "clause 2"
source = "page 3"
verified = true

[[rules.sizes]]
measure = "places_per_1000"
value = 4.5
of = "children_0_2"
counts = ["nursery", "kindergarten"]
clause = "clause 3"
source = "page 4"
verified = false
confidence = 0.9

[[rules.instead]]
category = "kindergarten"
count = 3
min_floor_m2 = 99
clause = "clause 4"
source = "page 5"
verified = true
"""
)


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


def test_a_complete_community_is_ten_minutes_of_whoever_needs_the_service():
    rules = load_pack("complete-community-2020").rules

    assert [rule.id for rule in rules] == [
        "CC-01", "CC-02", "CC-03", "CC-04", "CC-05", "CC-06", "CC-07", "CC-08", "CC-11", "CC-14",
        "CC-15",
    ]  # fmt: skip
    assert {rule.limit_s for rule in rules} == {600}
    limits = {rule.category: rule.limit_cm(load_walker(rule.walker)) for rule in rules}
    assert limits.pop("elderly_station") == 54_000  # 0.90 m/s
    assert set(limits.values()) == {60_000}  # 1.00 m/s


def test_old_people_and_children_are_tested_with_their_own_pace_and_counted():
    for name in ("complete-community-2020", "liaoning-5-10min"):
        who = {rule.category: (rule.walker, rule.group) for rule in load_pack(name).rules}

        assert who.pop("elderly_station") == ("elderly", "people_60plus")
        assert who.pop("nursery") == ("child_with_carer", "children_0_2")
        assert who.pop("kindergarten") == ("child_with_carer", "children_3_5")
        assert set(who.values()) == {("standard", "all")}


def test_a_health_centre_or_two_convenience_stores_stand_in():
    rules = {rule.category: rule for rule in load_pack("complete-community-2020").rules}

    assert rules["health_station"].categories == ("health_station", "health_centre")
    assert rules["supermarket"].categories == ("supermarket",)
    (shops,) = rules["supermarket"].instead
    assert (shops.category, shops.count, shops.min_floor_m2) == ("convenience_store", 2, 50)
    counts, known = shops.large_enough([49.9, 50, np.nan], [np.nan] * 3)
    assert counts.tolist() == [False, True, True]
    assert known.tolist() == [True, True, False]


def test_liaoning_names_five_basic_services_within_ten_minutes():
    rules = load_pack("liaoning-5-10min").rules

    assert {rule.category for rule in rules} == {
        "kindergarten", "elderly_station", "nursery", "community_service", "health_station",
    }  # fmt: skip
    assert {rule.limit_s for rule in rules} == {600}
    assert all(rule.verified for rule in rules)


def test_the_standard_walker_goes_one_metre_in_a_second_and_says_why():
    walker = load_walker("standard")

    assert "standard" in walker_names()
    assert walker.speed_m_s == 1.0
    assert "GB 50180" in walker.source


@pytest.mark.parametrize("name", pack_names())
def test_every_size_and_every_substitution_has_its_own_proof(name):
    pack = load_pack(name)
    levels = [size for level in pack.levels for size in level.sizes]
    for line in (*(x for rule in pack.rules for x in (*rule.sizes, *rule.instead)), *levels):
        assert line.clause
        assert line.source
        assert line.verified == (line.confidence is None)


@pytest.mark.parametrize("name", pack_names())
def test_the_measuring_unit_is_a_community_of_5000_to_12000_people(name):
    unit = load_pack(name).unit

    assert unit is not None
    assert unit.people == (5_000, 12_000)
    assert unit.verified == (name == "liaoning-5-10min")


def test_levels_add_up_a_larger_circle_needs_what_the_smaller_ones_need():
    pack = load_pack("gb50180-2018")

    assert [level.people for level in pack.levels] == [
        (5_000, 12_000), (15_000, 25_000), (50_000, 100_000),
    ]  # fmt: skip
    assert pack.levels_upto("10min") == ("5min", "10min")
    assert [len(pack.rules_upto(level)) for level in ("5min", "10min", "15min")] == [9, 15, 20]
    assert pack.rules_upto("15min") == pack.rules
    with pytest.raises(UnknownNameError, match=r"no level '20min'.*5min, 10min, 15min"):
        pack.levels_upto("20min")


def test_minima_of_gb50180_are_the_lower_ends_of_appendix_c():
    rules = {rule.category: rule for rule in load_pack("gb50180-2018").rules}
    floor = {code: rule.min_floor_m2 for code, rule in rules.items() if rule.min_floor_m2}
    land = {code: rule.min_land_m2 for code, rule in rules.items() if rule.min_land_m2}

    assert floor == {
        "community_service": 600, "culture_station": 250, "elderly_daycare": 350,
        "health_station": 120, "food_market": 750, "mall": 1500, "health_centre": 1700,
        "culture_centre": 3000, "subdistrict_service": 700,
    }  # fmt: skip
    assert land == {
        "sports_small": 770, "fitness_ground": 150, "sports_medium": 1310, "sports_large": 3150,
    }  # fmt: skip


def test_what_is_asked_of_new_kindergartens_does_not_rule_out_old_ones():
    (rule,) = (r for r in load_pack("complete-community-2020").rules if r.id == "CC-02")

    assert {(s.measure, s.value, s.strength) for s in rule.sizes if s.base is None} == {
        ("min_floor_m2", 2200, "new"),
        ("min_land_m2", 3500, "new"),
    }
    assert rule.min_floor_m2 is rule.min_land_m2 is None


def test_exactly_the_minimum_counts_and_an_unknown_size_counts_on_trust():
    (rule,) = (r for r in load_pack("gb50180-2018").rules if r.category == "elderly_daycare")
    counts, known = rule.large_enough([349, 350, np.nan], [np.nan, np.nan, np.nan])

    assert counts.tolist() == [False, True, True]
    assert known.tolist() == [True, True, False]


def test_a_unit_of_10000_people_needs_what_the_worked_example_says():
    rules = {rule.category: rule for rule in load_pack("complete-community-2020").rules}
    households = [10_000 / 2.62, np.nan]  # 3,817

    def needed(category, measure, base, strength="must"):
        (size,) = (
            s
            for s in rules[category].demand_sizes
            if (s.measure, s.strength) == (measure, strength)
        )
        return size.required(base).round().tolist()

    assert needed("nursery", "places_per_1000", [10_000]) == [45]
    assert needed("nursery", "places_per_1000", [10_000], "advised") == [80]
    assert needed("kindergarten", "places_per_1000", [230]) == [230]  # children of 3-5
    assert needed("kindergarten", "places_per_1000", [10_000], "advised") == [300]
    per_100 = "floor_m2_per_100_households"
    assert needed("elderly_station", per_100, [3817]) == [573]
    assert needed("elderly_station", per_100, [3817], "advised") == [763]
    assert needed("park", "land_m2_per_1000", [10_000]) == [7000]
    two = needed("community_service", per_100, households)
    assert two[0] == 1145
    assert np.isnan(two[1])


def test_elderly_floor_adds_up_over_stations_and_day_care():
    (rule,) = (r for r in load_pack("complete-community-2020").rules if r.id == "CC-04")

    assert {size.counts for size in rule.sizes} == {("elderly_station", "elderly_daycare")}
    assert {size.column for size in rule.sizes} == {"floor_area_m2"}


def test_a_minimum_of_each_facility_does_not_grow_with_people():
    size = Size("min_floor_m2", 120, "clause", "source", verified=True)

    with pytest.raises(RuleError, match="does not grow with people"):
        size.required([1000])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Size("min_floor_m2", -1, "c", "s", verified=True), "'value' is -1"),
        (lambda: Size("m2", 1, "c", "s", verified=True), "no measure 'm2'"),
        (lambda: Instead("bank", 0, "c", "s", verified=True), "'count' is 0"),
        (
            lambda: Instead("bank", 1, "c", "s", verified=True, min_land_m2=0),
            "'min_land_m2' is 0",
        ),
    ],
)
def test_a_wrong_size_cannot_be_made(make, words):
    with pytest.raises(RuleError, match=words):
        make()


def test_groups_and_columns_are_those_of_the_layers():
    assert set(GROUPS[1:]) <= set(KINDS["estates"].column_names)
    assert {m.column for m in MEASURES.values()} <= set(KINDS["facilities"].column_names)


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
        ("limit_m = 300", "limit_m = 1e300", ["'limit_m' is 1e+300", "up to 100,000"]),
        ("limit_m = 300", "limit_s = 6000001", ["'limit_s' is 6000001", "up to 6,000,000"]),
        ("limit_m = 300", 'limit_m = 300\nsatisfied_by = ["nursery"]', ["'satisfied_by' names"]),
        (
            "limit_m = 300",
            'limit_m = 300\nsatisfied_by = ["mall", "mall"]',
            ["names a category twice"],
        ),
        ('"clause 1"', '"\\u001b[31m1"', ["rule 'R1': 'clause' holds control characters"]),
        ('"Nursery"', f'"{"x" * 10_001}"', ["'en' has 10,001 characters; give up to 10,000"]),
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


def test_a_pack_with_everything_is_read(tmp_path):
    pack = pack_of(tmp_path, FULL)
    (rule,) = pack.rules

    assert pack.unit.people == (5_000, 12_000)
    assert pack.levels[0].people == (4_000, 9_000)
    assert pack.levels[0].sizes[0].required([500]).tolist() == [500]
    assert (rule.group, rule.round_trip) == ("children_0_2", True)
    assert rule.min_land_m2 == 200
    (places,) = rule.demand_sizes
    assert places.counts == ("nursery", "kindergarten")
    assert (places.base, places.column) == ("people", "places")
    assert places.required([2_000]).tolist() == [9]
    assert (rule.instead[0].count, rule.instead[0].min_floor_m2) == (3, 99)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("value = 200", "value = -200", ["rule 'R1': size number 1: 'value' is -200", "above 0"]),
        ("value = 200", "value = 0", ["'value' is 0; give a number above 0"]),
        ("value = 200", "value = inf", ["'value' is inf"]),
        ("value = 200", 'value = "big"', ["'value' is 'big'; give a number"]),
        ("value = 200", "", ["size number 1: 'value' is missing"]),
        ('"min_land_m2"', '"land"', ["no measure 'land'", "min_floor_m2"]),
        ('clause = "clause 2"', "", ["size number 1: 'clause' is missing"]),
        ('clause = "clause 4"', "", ["instead number 1: 'clause' is missing"]),
        ('clause = "clause U"', "", ["the unit: 'clause' is missing"]),
        ("confidence = 0.9", "", ["size number 2: it is not verified and has no 'confidence'"]),
        ('of = "children_0_2"', 'of = "cats"', ["'of' is 'cats'"]),
        ("value = 200", 'value = 200\nof = "children_0_2"', ["min_land_m2 does not grow"]),
        ("value = 200", 'value = 200\nstrength = "soft"', ["'strength' is 'soft'"]),
        ('"nursery", "kinder', '"zoo", "kinder', ["size number 2: there is no category 'zoo'"]),
        ('"places_per_1000"', '"min_land_m2"', ["min_land_m2 does not grow with people"]),
        (
            'measure = "places_per_1000"\nvalue = 4.5\nof = "children_0_2"',
            'measure = "min_land_m2"\nvalue = 300',
            ["the size 'min_land_m2 (must, all)' occurs twice"],
        ),
        ('group = "children_0_2"', 'group = "cats"', ["no group 'cats'", "people_60plus"]),
        ("round_trip = true", "round_trip = 1", ["'round_trip' is 1; give true or false"]),
        ("count = 3", "count = 0", ["instead number 1: 'count' is 0; give a whole number"]),
        ("count = 3", "count = -2", ["'count' is -2"]),
        ("count = 3", "count = 2.5", ["'count' is 2.5; give a whole number"]),
        ("count = 3", "count = inf", ["'count' is inf"]),
        ("count = 3", f"count = {10**30}", ["give a whole number from 1 to 1000"]),
        ("min_floor_m2 = 99", "min_floor_m2 = -1", ["'min_floor_m2' is -1"]),
        ('category = "kindergarten"', 'category = "zoo"', ["no category 'zoo'"]),
        ('category = "kindergarten"', 'category = "nursery"', ["'nursery' counts already"]),
        ("people = [5000, 12000]", "people = [12000, 5000]", ["the unit: 'people' is [12000"]),
        ("people = [5000, 12000]", "people = [0, 12000]", ["the lower first"]),
        ("people = [4000, 9000]", "people = [4000]", ["level '5min': 'people' is [4000]"]),
        ('name = "5min"', 'name = "9min"', ["rule 'R1': there is no level '5min'"]),
        ('"floor_m2_per_1000"', '"min_floor_m2"', ["level '5min': size number 1", "in a rule"]),
        ("[[rules.sizes]]", "[rules.sizes]", ["mine.toml is no TOML"]),
    ],
)
def test_a_fault_of_a_size_a_level_or_a_substitution_is_named(tmp_path, old, new, words):
    assert old in FULL
    with pytest.raises(RuleError) as caught:
        pack_of(tmp_path, FULL.replace(old, new, 1))

    message = str(caught.value)
    for word in ("mine.toml", *words):
        assert word in message


def test_sizes_that_are_no_tables_are_a_fault_and_not_a_crash(tmp_path):
    for key in ("sizes", "instead"):
        with pytest.raises(RuleError, match=f"'{key}' is 5; give tables"):
            pack_of(tmp_path, f"{GOOD}{key} = 5\n")
    for text in ("unit = 5", "levels = 5", "not_tested = [5]"):
        with pytest.raises(RuleError, match=r"it is no table|give tables"):
            pack_of(tmp_path, GOOD.replace('date = "2020"', f'date = "2020"\n{text}'))
    with pytest.raises(RuleError, match=r"'rules' is \[5\]; give tables"):
        pack_of(tmp_path, GOOD[: GOOD.index("[[rules]]")] + "rules = [5]")


def test_all_faults_are_told_at_once(tmp_path):
    second = GOOD[GOOD.index("[[rules]]") :].replace("limit_m = 300", "limit_m = -1")
    text = GOOD.replace("must = true", "") + second

    with pytest.raises(RuleError) as caught:
        pack_of(tmp_path, text)

    message = str(caught.value)
    assert "'must' is missing" in message
    assert "'limit_m' is -1" in message
    assert "the id 'R1' occurs twice" in message


def two_circles(narrow_m, wide_m, second='id = "R2"'):
    """A pack in which a nursery is asked for in two circles."""
    level = '[[levels]]\nname = "{}"\nzh = "甲"\nen = "A"\nclause = "c"\nsource = "s"\n'
    level += "verified = true\n"
    head, rule = GOOD.split("[[rules]]")
    rule = "[[rules]]" + rule
    narrow = rule.replace("limit_m = 300", f"limit_m = {narrow_m}")
    wide = rule.replace("limit_m = 300", f"limit_m = {wide_m}").replace('"5min"', '"15min"')
    wide = wide.replace('id = "R1"', second)
    return head + level.format("5min") + level.format("15min") + wide + narrow


def test_a_wider_circle_may_not_ask_for_the_same_nearer_by(tmp_path):
    with pytest.raises(RuleError, match="'R2' and 'R1' both ask 'nursery', and the wider level"):
        pack_of(tmp_path, two_circles(1000, 999))
    assert len(pack_of(tmp_path, two_circles(1000, 1000)).rules) == 2
    other = 'id = "R2"\ngroup = "children_0_2"'
    assert len(pack_of(tmp_path, two_circles(1000, 999, other)).rules) == 2


def test_two_rules_of_a_level_may_not_ask_for_the_same(tmp_path):
    rule = GOOD[GOOD.index("[[rules]]") :].replace("R1", "R2")

    with pytest.raises(RuleError, match="'R1' and 'R2' both ask 'nursery' of the level '5min'"):
        pack_of(tmp_path, GOOD + rule.replace("limit_m = 300", "limit_m = 500"))
    by_the_old = rule.replace("must = true", 'must = true\nwalker = "elderly"')
    assert len(pack_of(tmp_path, GOOD + by_the_old).rules) == 2


def test_a_file_that_is_not_there_or_nests_without_end_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"nowhere\.toml cannot be read"):
        read_pack(tmp_path / "nowhere.toml")
    with pytest.raises(RuleError, match="nests"):
        pack_of(tmp_path, "a = " + "[" * 5000 + "]" * 5000)


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
