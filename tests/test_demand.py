"""How many people of which group live where: every estimate marked, every sum kept."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, box

from gis.demand import (
    GROUPS,
    Share,
    apportion,
    groups_of,
    households_of,
    people_of_buildings,
    share_of,
    with_counts_of_buildings,
)
from gis.errors import LayerError, RuleError, UnknownNameError
from gis.network import estates_of_buildings
from gis.renewal import profile_names
from gis.resources import data_dir
from gis.rules import GROUPS as RULE_GROUPS
from tests import layers

NAN = np.nan


layer_of = partial(layers.layer, corner=None, first=0)


def square(x, y=0, side=100):
    return box(500_000 + x, 3_650_000 + y, 500_000 + x + side, 3_650_000 + y + side)


def estates(count=1, **columns):
    return layer_of("estates", [square(200 * i) for i in range(count)], **columns)


def houses(xs, side=10, **columns):
    """Houses of 10 m by 10 m; the first estate is from 0 to 100, the second from 200 to 300."""
    return layer_of("buildings", [square(x, 5, side) for x in xs], **columns)


# ---- shares ---------------------------------------------------------------------------------


def test_the_national_shares_are_those_of_the_end_of_2025():
    shares = {group: share_of(group).share for group in GROUPS[1:]}

    assert shares == {"people_60plus": 0.230, "children_0_2": 0.019, "children_3_5": 0.023}
    assert {share_of(group).date for group in GROUPS[1:]} == {"2025-12-31"}


def test_every_profile_has_its_share_of_old_people_and_its_source():
    places = {place: share_of("people_60plus", place) for place in profile_names()}

    assert {place: share.share for place, share in places.items()} == {
        "national": 0.23, "liaoning": 0.2572, "chongqing": 0.2187, "fujian": 0.1598,
        "henan": 0.1808,
    }  # fmt: skip
    for place, share in places.items():
        assert share.place == place
        assert share.source
        assert share.verified == (share.confidence is None)


def test_a_place_without_a_share_of_its_own_takes_the_national_one():
    assert share_of("children_0_2", "fujian") == share_of("children_0_2")
    assert share_of("people_60plus", "nowhere").share == 0.23


def test_a_share_out_of_range_or_without_source_cannot_be_made():
    for share, source in ((1.9, "page 1"), (0, "page 1"), (0.2, " ")):
        with pytest.raises(RuleError, match="give a share between 0 and 1"):
            Share("people_60plus", "here", share, "2025", source, verified=True)


def test_the_groups_are_those_of_the_rules():
    assert GROUPS == RULE_GROUPS


# ---- people of estates ----------------------------------------------------------------------


def test_the_own_column_comes_first_then_people_then_households_and_unknown_stays_unknown():
    layer = estates(
        4,
        people=[1000, 1000, NAN, NAN],
        households=[400, 400, 400, NAN],
        people_60plus=[321, NAN, NAN, NAN],
    )
    people, estimated, source = groups_of(layer, "people_60plus")

    assert people[:3].tolist() == [321, 230, 241]  # 1000 x 0.23; round(400 x 2.62) x 0.23
    assert np.isnan(people[3])
    assert estimated.tolist() == [False, True, True, False]
    assert "people x 23 % (national, 2025-12-31" in source
    assert "households x 2.62" in source


def test_everybody_is_people_or_households_times_persons():
    layer = estates(3, people=[1000, NAN, NAN], households=[NAN, 100, NAN])
    people, estimated, source = groups_of(layer, "all", persons_per_household=2.5)

    assert people[:2].tolist() == [1000, 250]
    assert np.isnan(people[2])
    assert estimated.tolist() == [False, True, False]
    assert source == "households x 2.5"


def test_counted_people_rest_on_no_estimate():
    layer = estates(1, people=[1000], children_0_2=[17])

    assert groups_of(layer, "children_0_2").source == ""
    assert groups_of(layer, "all").source == ""


def test_a_unit_of_10000_people_has_2300_old_people_190_infants_and_230_children():
    layer = estates(1, people=[10_000])

    assert [groups_of(layer, group).people[0] for group in GROUPS] == [10_000, 2_300, 190, 230]
    assert groups_of(layer, "people_60plus", place="liaoning").people[0] == 2_572


def test_households_are_the_column_else_people_over_persons():
    layer = estates(3, people=[1000, 262, NAN], households=[400, NAN, NAN])
    households, estimated, source = households_of(layer)

    assert households[:2].tolist() == [400, 100]
    assert np.isnan(households[2])
    assert estimated.tolist() == [False, True, False]
    assert source == "people / 2.62"


def test_an_unknown_group_is_refused():
    with pytest.raises(UnknownNameError, match=r"no group 'cats'.*people_60plus"):
        groups_of(estates(1, people=[10]), "cats")


# ---- spreading ------------------------------------------------------------------------------


def test_the_largest_remainders_get_what_is_left():
    # 10 by 1:1:1 is 3.33 each; the one left goes to the first. 7 by 5:3:1 is 3.89, 2.33, 0.78.
    assert apportion([10], [0, 0, 0], [1, 1, 1]).tolist() == [4, 3, 3]
    assert apportion([7], [0, 0, 0], [5, 3, 1]).tolist() == [4, 2, 1]


def test_owners_are_kept_apart_and_parts_without_one_are_unknown():
    parts = apportion([10, NAN, 5], [2, 0, -1, 1, 0], [1, 3, 9, 1, 1])

    assert parts[[0, 1, 4]].tolist() == [5, 8, 2]  # 7.5 and 2.5: of equal remainders the first
    assert np.isnan(parts[[2, 3]]).all()


def test_without_any_weight_the_parts_are_equal():
    assert apportion([4], [0, 0], [0, 0]).tolist() == [2, 2]


def test_a_negative_weight_is_refused():
    with pytest.raises(LayerError, match="weight of row 1 is -2"):
        apportion([4], [0, 0], [1, -2])


@given(
    st.lists(st.integers(0, 100_000), min_size=1, max_size=5),
    st.lists(
        st.tuples(st.integers(-1, 4), st.floats(0, 1e6, allow_subnormal=False)),
        min_size=1,
        max_size=30,
    ),
)
def test_parts_are_whole_add_up_and_are_within_one_of_their_quota(totals, parts):
    owner = np.array([min(o, len(totals) - 1) for o, _ in parts])
    weight = np.array([w for _, w in parts])
    got = apportion(totals, owner, weight)

    assert np.isnan(got[owner < 0]).all()
    for row, total in enumerate(totals):
        mine = owner == row
        if not mine.any():
            continue
        assert got[mine].sum() == total
        assert (got[mine] % 1 == 0).all()
        heavy = weight[mine].sum()
        share = weight[mine] / heavy if heavy > 0 else np.full(mine.sum(), 1 / mine.sum())
        assert (np.abs(got[mine] - total * share) < 1 + 1e-6).all()


# ---- people of buildings --------------------------------------------------------------------


def shared(blocks, there, group="all"):
    """The people of buildings, each in the estate that it names or stands in."""
    return people_of_buildings(blocks, there, group, estate=estates_of_buildings(blocks, there))


def test_an_estates_people_go_to_its_houses_by_floor_area():
    there = estates(1, people=[100])
    spread = shared(houses([0, 20], floor_area_m2=[3000, 1000]), there)

    assert spread.people.tolist() == [75, 25]
    assert spread.estimated.all()
    assert spread.source == "all of the estate, spread over its buildings"
    assert spread.findings == ()


def test_without_floor_area_of_all_houses_ground_times_storeys_decides():
    there = estates(1, people=[90])
    spread = shared(houses([0, 20], storeys=[6, 3], floor_area_m2=[9000, NAN]), there)

    assert spread.people.tolist() == [60, 30]


def test_households_of_all_houses_decide_before_any_area():
    there = estates(1, people=[90])
    spread = shared(houses([0, 20], households=[10, 20], floor_area_m2=[9000, 1000]), there)

    assert spread.people.tolist() == [30, 60]


def test_unknown_storeys_are_the_middle_ones_of_the_estate():
    there = estates(1, people=[70])
    spread = shared(houses([0, 20, 40], storeys=[6, NAN, 2]), there)

    assert spread.people.tolist() == [35, 23, 12]  # 6 : 4 : 2 of 70 are 35, 23.33, 11.67


def test_what_a_house_says_itself_is_taken_and_the_others_share_the_rest():
    there = estates(1, people=[100])
    spread = shared(
        houses([0, 20, 40], people=[40, NAN, NAN], floor_area_m2=[1, 2000, 1000]), there
    )

    assert spread.people.tolist() == [40, 40, 20]
    assert spread.estimated.tolist() == [False, True, True]


def test_nobody_lives_in_a_garage_but_in_flats_over_shops():
    there = estates(1, people=[100])
    spread = shared(houses([0, 20, 40], use=["garage", "商业住宅", None], storeys=[1, 1, 1]), there)

    assert spread.people.tolist() == [0, 50, 50]


def test_a_group_is_spread_by_people_and_adds_up_to_the_estate():
    there = estates(1, people=[100], people_60plus=[31])
    blocks = houses([0, 20], floor_area_m2=[3000, 1000])
    spread = shared(blocks, there, "people_60plus")

    assert spread.people.tolist() == [23, 8]  # 31 x 0.75 and 31 x 0.25: 23.25, 7.75
    assert spread.estimated.all()


def test_without_an_estate_that_knows_its_people_the_households_of_a_house_count():
    there = estates(2, people=[NAN, 50])
    spread = shared(houses([0, 900, 205, 20], households=[10, 20, NAN, NAN]), there)

    assert spread.people[:3].tolist() == [26, 52, 50]
    assert np.isnan(spread.people[3])
    assert spread.estate.tolist() == [0, -1, 1, 0]
    assert spread.estimated.tolist() == [True, True, True, False]


def test_what_does_not_fit_is_told():
    there = estates(4, people=[10, 100, 100, 50])
    blocks = houses([0, 20, 200, 400], people=[30, NAN, 60, 100])
    spread = shared(blocks, there)
    told = {finding.code: finding.message for finding in spread.findings}

    assert spread.people.tolist() == [30, 0, 60, 100]
    assert "E0" in told["buildings-exceed-estate"]
    assert "1 estates" in told["buildings-below-estate"]
    assert "E1" in told["buildings-below-estate"]
    assert "E3" in told["people-without-building"]
    assert len(told) == 3


def test_points_are_houses_too():
    there = estates(1, people=[10])
    blocks = layer_of("buildings", [Point(500_010, 3_650_010), Point(500_020, 3_650_010)])

    assert shared(blocks, there).people.tolist() == [5, 5]


def test_rows_of_estates_found_elsewhere_are_used():
    there = estates(2, people=[10, 20])

    assert people_of_buildings(houses([0]), there, estate=[1]).people.tolist() == [20]


def test_layers_are_left_as_they_were():
    there, blocks = estates(1, people=[10]), houses([0, 20])
    before = blocks.frame.copy()
    shared(blocks, there, "children_0_2")

    pd.testing.assert_frame_equal(blocks.frame, before)
    assert there.numbers("people").tolist() == [10]


def test_every_share_has_its_line_in_the_provenance():
    text = (data_dir() / "README.md").read_text("utf-8")

    for place in profile_names():
        share = share_of("people_60plus", place).share * 100
        assert f"{share:.2f}" in text or f"{share:.1f} %" in text


def test_a_count_of_all_its_dwellings_comes_before_the_estimate_of_an_estate():
    there = estates(3, people=[100, 100, 100], people_60plus=[NAN, NAN, 40])
    blocks = houses([0, 20, 200, 220, 400], people_60plus=[50, 10, 9, NAN, 60])
    total = groups_of(there, "people_60plus")
    rows = np.array([0, 0, 1, 1, 2])
    better = with_counts_of_buildings(total, blocks, "people_60plus", rows)

    # E0 is counted house by house; a house of E1 is not; E2 counts 40 itself.
    assert better.people.tolist() == [60, total.people[1], 40]
    assert better.estimated.tolist() == [False, True, False]
    assert shared(blocks, there, "people_60plus").people.tolist()[:2] == [50, 10]
    assert with_counts_of_buildings(total, blocks, "all", rows) is total
