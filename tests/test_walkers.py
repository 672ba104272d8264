"""Walkers: six of them, each figure with its source, refused when a figure is out of range."""

import math

import pytest

from gis import walkers
from gis.errors import RuleError, UnknownNameError
from gis.resources import data_dir
from gis.walkers import load_walker, walker_names

GOOD = """
[hare]
zh = "兔"
en = "Hare"
downhill_gain = true
stairs = true
speed_m_s = { value = 2.5, source = "fable", verified = true }
stairs_factor = { value = 2.0, source = "fable", verified = false, confidence = 0.5 }
"""


@pytest.fixture
def hare(tmp_path, monkeypatch):
    """A function that writes a file of walkers with one line changed, and reads its hare."""
    monkeypatch.setattr(walkers, "data_dir", lambda: tmp_path)

    def read(old="", new=""):
        (tmp_path / "walkers.toml").write_text(GOOD.replace(old, new, 1), "utf-8")
        return load_walker("hare")

    return read


def test_six_walkers_come_with_lianpian_each_with_its_speed_on_the_flat():
    speeds = {name: load_walker(name).speed_m_s for name in walker_names()}

    assert speeds == {
        "standard": 1.00, "adult": 1.25, "elderly": 0.90, "frail": 0.60,
        "child_with_carer": 1.00, "wheelchair": 0.80,
    }  # fmt: skip


def test_five_minutes_of_the_standard_walker_are_the_300_metres_of_the_standard():
    walker = load_walker("standard")

    assert walker.speed_m_s * 5 * 60 == 300
    assert "GB 50180" in walker.source


def test_a_wheelchair_uses_no_stairs_no_slope_above_8_percent_and_nothing_below_80_cm():
    walker = load_walker("wheelchair")

    assert not walker.stairs
    assert (walker.steepest, walker.min_width_m) == (0.08, 0.80)
    others = [load_walker(name) for name in walker_names() if name != "wheelchair"]
    assert all(w.stairs and w.stairs_factor == 3.0 for w in others)
    assert all(w.steepest is None and w.min_width_m is None for w in others)


def test_only_those_who_are_sure_on_their_feet_gain_downhill():
    assert [n for n in walker_names() if load_walker(n).downhill_gain] == ["standard", "adult"]


@pytest.mark.parametrize("name", walker_names())
def test_each_figure_says_where_it_comes_from_and_whether_it_was_checked(name):
    walker = load_walker(name)

    assert walker.proof("speed_m_s").source == walker.source
    for proof in walker.proofs:
        assert proof.source
        assert proof.verified or 0 < proof.confidence <= 1
    given = {proof.of for proof in walker.proofs}
    wanted = {"speed_m_s", "stairs_factor" if walker.stairs else "steepest"}
    assert wanted <= given
    assert walker.proof("weight") is None


def test_every_walker_stands_in_the_list_of_sources():
    told = (data_dir() / "README.md").read_text("utf-8")

    assert [name for name in walker_names() if f"`{name}`" not in told] == []


def test_an_unknown_walker_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownNameError, match=r"'snail'.*standard, adult, elderly"):
        load_walker("snail")


def test_a_walker_of_ones_own_is_read(hare):
    walker = hare()

    assert (walker.speed_m_s, walker.stairs_factor, walker.source) == (2.5, 2.0, "fable")
    assert walker.proof("stairs_factor").confidence == 0.5
    assert walker_names() == ("hare",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("value = 2.5", "value = 9", r"speed_m_s 9; give a 'value' of 0.2 to 3 m/s"),
        ("value = 2.5", "value = true", r"speed_m_s True"),
        ("value = 2.5", f"value = {math.nan}", r"speed_m_s nan"),
        ("value = 2.0", "value = 0.5", r"stairs_factor 0.5; give a 'value' of 1 to 20"),
        (', source = "fable"', "", r"where its speed_m_s comes from"),
        (", verified = true", "", r"whether its speed_m_s is verified"),
        (", confidence = 0.5", "", r"no 'confidence' for its stairs_factor"),
        ("confidence = 0.5", "confidence = 2", r"confidence 2; give a share"),
        ("verified = true", "verified = true, page = 3", r"unknown key 'page'"),
        ('zh = "兔"', "", r"no 'zh'"),
        ("stairs = true", "stairs = 1", r"does not say 'stairs'"),
        ("downhill_gain = true", "", r"does not say 'downhill_gain'"),
        ("stairs = true", "stairs = true\nears = 2", r"unknown key 'ears'"),
        ("speed_m_s = {", "speed_m_s = 2 #", r"speed_m_s None"),
        ("stairs_factor = {", "# {", r"uses stairs and has no 'stairs_factor'"),
        ("speed_m_s = {", "# {", r"no 'speed_m_s'"),
        ("[hare]", "[hare", r"no TOML"),
    ],
)
def test_a_walker_at_fault_is_refused_with_the_fault(hare, old, new, told):
    with pytest.raises(RuleError, match=told):
        hare(old, new)


def test_all_faults_are_told_at_once(hare):
    both = "stairs = true\nspeed_m_s = { value = 2.5"
    with pytest.raises(RuleError, match=r"does not say 'stairs'; .*the speed_m_s 9;"):
        hare(both, "speed_m_s = { value = 9")


def test_the_rules_module_still_knows_walkers():
    from gis import rules

    assert rules.load_walker is load_walker
