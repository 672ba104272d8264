"""Policy profiles: every shipped one loads, names its source and an existing rule pack."""

import pytest

from gis.errors import RuleError, UnknownNameError
from gis.renewal import DEFAULT_PROFILE, Profile, load_profile, profile_names
from gis.rules import pack_names


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_names_its_source_and_a_rule_pack(name):
    profile = load_profile(name)

    assert profile.zh
    assert profile.persons_per_household_source
    assert profile.rules in pack_names()


def test_the_national_profile_is_the_census_of_2020():
    assert load_profile(DEFAULT_PROFILE).persons_per_household == 2.62


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="liaoning"):
        load_profile("atlantis")


def test_a_coefficient_without_a_source_is_refused():
    with pytest.raises(RuleError, match="has no source"):
        Profile("x", "某地", "Somewhere", 2.5, "", "gb50180-2018")


def test_a_coefficient_out_of_range_is_refused():
    with pytest.raises(RuleError, match=r"26\.2"):
        Profile("x", "某地", "Somewhere", 26.2, "census", "gb50180-2018")
