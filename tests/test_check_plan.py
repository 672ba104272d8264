"""The checker of plans: a 3 x 3 board of estates with 1,000 people each, faults put in by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import shapely

from gis.districts import LeftOut
from gis.districts.check_plan import Violation, _connected, check_plan
from gis.errors import UnknownNameError
from tests.plan_grid import EAST, NORTH, beside, drawn, grid_estates, grid_links, grid_plan

# 东 东 西
# 东 西 西
# 南 南 南
BOARD = "东 东 西 东 西 西 南 南 南"
BOUNDS = {"people": (3000, 3000)}


def found(words, estates=None, **settings):
    plan = grid_plan(words, 3, 3, **({"sizes": BOUNDS} | settings))
    return check_plan(plan, estates or grid_estates(3, 3))


def said(words, estates=None, **settings) -> list[str]:
    return [str(v) for v in found(words, estates, **settings)]


def test_a_sound_plan_with_free_names_breaks_nothing():
    assert found(BOARD) == ()
    assert found(BOARD, sizes=None) == ()
    assert check_plan(grid_plan(BOARD, 3, 3), grid_estates(3, 3)) == (), "no settings at all"


def test_bounds_are_told_with_district_number_and_shape():
    small, large = found("东 东 西 西 西 西 南 南 南")
    assert small.words == "district 东 has 2,000 people < 3,000"
    assert small.words_zh == "片区 东 有 2,000 人，少于 3,000"
    assert (small.kind, small.district, small.estates) == ("too-small", "东", ("E1", "E2"))
    assert small.geometry.bounds == (EAST, NORTH - 100, EAST + 200, NORTH)
    assert large.words == "district 西 has 4,000 people > 3,000"
    assert large.kind == "too-large"
    assert large.geometry.area == 4 * 100 * 100


def test_a_bound_may_be_left_open():
    assert found(BOARD, sizes={"people": (3000, np.inf)}) == ()
    assert [v.kind for v in found(BOARD, sizes={"people": (3001, np.inf)})] == ["too-small"] * 3


@pytest.mark.parametrize("column", ["nothing", "name"])
def test_bounds_of_a_column_that_holds_no_numbers_are_an_error_by_name(column):
    with pytest.raises(UnknownNameError, match=f"has no numeric column '{column}'"):
        found(BOARD, sizes={column: (1, 2)})


def test_the_bounds_themselves_are_allowed_for_fractions_too():
    estates = grid_estates(1, 3, rank=[0.1, 0.2, 0.3])
    assert check_plan(grid_plan("a a b", 1, 3, sizes={"rank": (0.3, 0.3)}), estates) == ()
    (fault,) = check_plan(grid_plan("a a b", 1, 3, sizes={"rank": (0.3, 0.299)}), estates)[:1]
    assert str(fault) == "district a has rank 0.3 > 0.299"


def test_a_column_of_the_kind_is_told_by_its_heading():
    estates = grid_estates(1, 2, cost_yuan=[10, 20])
    (fault,) = check_plan(grid_plan("a a", 1, 2, sizes={"cost_yuan": (0, 25)}), estates)
    assert fault.words_zh == "片区 a 估算投资为 30，多于 25"


def test_pieces_that_hang_apart_are_named_and_drawn():
    # 东 西 东      E3 and E9 hang apart from E1, E4, E7; the middle is 西
    # 东 西 西
    # 东 西 东
    faults = found("东 西 东 东 西 西 东 西 东", sizes={})
    assert [(f.kind, f.district, f.estates) for f in faults] == [
        ("contiguity", "东", ("E3",)), ("contiguity", "东", ("E9",)),
    ]  # fmt: skip
    assert str(faults[0]) == "district 东 is not connected: E3 hangs apart from the other 4"
    assert faults[0].words_zh == "片区 东 不连片：E3 与其余 4 个小区不相连"
    assert faults[0].geometry.equals(shapely.box(EAST + 200, NORTH - 100, EAST + 300, NORTH))


def test_the_largest_piece_is_the_one_with_most_people():
    # E1 alone has more people than E3 and E6 together
    estates = grid_estates(3, 3, people=[9000, *[1000] * 8])
    (fault,) = found("a b a b b a b b b", estates, sizes={"people": (0, 99_000)})
    assert fault.estates == ("E3", "E6")
    (fault,) = found("a b a b b a b b b", estates, sizes={})
    assert fault.estates == ("E1",), "without sizes the number of estates counts"


def test_a_barrier_is_where_the_plan_has_no_link_and_is_told():
    # a railway between E2 and E3, and no way round: E1 E2 | E3
    links = grid_links(1, 3, without=[(2, 3)])
    plan = drawn("a a a", beside(links, beyond=[(2, 3, 45.0)]))
    (fault,) = check_plan(plan, grid_estates(1, 3))
    assert str(fault) == (
        "district a is not connected: E3 hangs apart from the other 2; "
        "between E2 and E3: 45 m, no link"
    )
    assert fault.words_zh.endswith("；E2 与 E3：相距 45 米，不相邻")
    assert check_plan(plan, grid_estates(1, 3), adjacency=beside(grid_links(1, 3))) == ()


def test_what_lies_between_is_told_in_both_languages():
    links = grid_links(1, 3, without=[(2, 3)])
    words = np.array(["45 m away, but the railway 京九铁路 lies between"], dtype=object)
    near = replace(
        beside(links, beyond=[(2, 3, 45.0)]), beyond_reason=words,
        beyond_why=np.array(["barrier"], dtype=object),
        beyond_what=np.array(["railway|京九铁路"], dtype=object),
    )  # fmt: skip
    (fault,) = check_plan(drawn("a a a", near), grid_estates(1, 3))
    assert str(fault).endswith(
        "between E2 and E3: 45 m away, but the railway 京九铁路 lies between"
    )
    assert "京九铁路" in fault.words_zh.split("：")[-1]


def test_links_that_the_plan_claims_can_be_held_against_others():
    plan = grid_plan("a a a", 1, 3)
    cut = beside(grid_links(1, 3, without=[(1, 2)]))
    (fault,) = check_plan(plan, grid_estates(1, 3), adjacency=cut)
    assert fault.estates == ("E1",)


def test_count():
    assert said(BOARD, count=3) == []
    assert said(BOARD, count=4) == ["there are 3 districts, not 4"]


def test_estates_that_lack_are_unknown_or_doubled():
    estates = grid_estates(1, 3)
    plan = drawn("a a b", beside(grid_links(1, 3)), uids=["E1", "E2", "X"])
    assert [str(v) for v in check_plan(plan, estates)] == [
        "the estates have no X, of which the plan tells", "the plan does not tell of E3",
    ]  # fmt: skip
    missing = check_plan(plan, estates)[1]
    assert missing.geometry.bounds[0] == EAST + 200
    doubled = drawn("a a b", beside(grid_links(1, 3)), uids=["E1", "E2", "E2"])
    assert str(check_plan(doubled, estates)[0]) == "the plan tells of E2 more than once"
    others = drawn("a", beside(grid_links(1, 1)), uids=["X"])
    assert [str(v) for v in check_plan(others, estates)] == ["the plan is of other estates"]


def test_whoever_takes_part_is_in_a_district_or_left_out():
    out = LeftOut("E3", "too far", True)
    settings = {"taking_part": 3, "all_take_part": True}
    there = {"left_out": [out], **settings}
    estates, links = grid_estates(1, 3), beside(grid_links(1, 3))
    assert check_plan(drawn("a a -", links, **there), estates) == ()
    assert [str(v) for v in check_plan(drawn("a a a", links, **there), estates)] == [
        "estate E3 is in a and also left out", "3 estates take part, 4 are told of",
    ]  # fmt: skip
    (fault,) = check_plan(drawn("a a -", links, **settings), estates)
    assert (str(fault), fault.estates) == ("3 estates take part, 2 are told of", ("E3",))
    dumb = drawn("a a -", links, left_out=[LeftOut("E3", "", False)])
    assert [str(v) for v in check_plan(dumb, estates)] == ["estate E3 is left out without a reason"]


def test_an_estate_of_unknown_size_is_no_estate_of_size_zero():
    estates = grid_estates(1, 3, people=[1000, 1000, None])
    plan = grid_plan("a a a", 1, 3, sizes={"people": (2000, 5000)})
    (fault,) = check_plan(plan, estates)
    assert str(fault) == "an estate of unknown size is in a district: people of E3 in a"
    homes = grid_estates(1, 3, people=[1000, 1000, None], households=[None, None, 1000])
    assert check_plan(plan, homes) == (), "1,000 households are 2,620 people"
    (fault,) = check_plan(
        replace(plan, settings={**plan.settings, "persons_per_household": 4}), homes
    )
    assert str(fault) == "district a has 6,000 people > 5,000"


def test_within_one_community():
    estates = grid_estates(1, 3, community=["甲", "甲", "乙"])
    for within in ("community", "communities", ["community"]):
        (fault,) = check_plan(grid_plan("a a a", 1, 3, within=within), estates)
        assert (fault.kind, fault.estates) == ("within", ("E3",))
        assert str(fault) == ("district a is of more than one community: 乙, 甲; E3 are not of 甲")
    assert check_plan(grid_plan("a a b", 1, 3, within="community"), estates) == ()
    blank = grid_estates(1, 3, community=["甲", "甲", None])
    (fault,) = check_plan(grid_plan("a a a", 1, 3, within="community"), blank)
    assert fault.estates == ("E3",)
    plan = grid_plan("a a a", 1, 3, within="community")
    assert check_plan(plan, estates, classes={"community": [0, 0, 0]}) == ()
    assert check_plan(plan, estates, classes={"community": [0, 0, -1]})[0].estates == ("E3",)
    with pytest.raises(UnknownNameError, match="within 'builder', which the estates have no"):
        check_plan(grid_plan("a a a", 1, 3, within="builder"), estates)


def test_locks_hold_by_name():
    locks = {"fixed": {"E1": "东", "E3": "西", "E9": "东"}, "closed": ["东"]}
    faults = found(BOARD, locks=locks)
    assert [str(f) for f in faults] == [
        "estate E9 is locked to 东 and is in 南",
        "district 东 is locked, and E2, E4 joined it",
    ]
    assert {f.kind for f in faults} == {"lock"}
    elsewhere = {"fixed": {"E1": "东", "E2": "西", "E4": "东"}, "closed": ["东"]}
    assert [str(f) for f in found(BOARD, locks=elsewhere)] == [
        "estate E2 is locked to 西 and is in 东",
        "district 东 is locked, and E2 joined it",
    ]
    none = found(BOARD.replace("南", "-"), locks={"fixed": {"E9": "东"}})
    assert str(none[0]) == "estate E9 is locked to 东 and is in none"
    assert (
        found(BOARD, locks={"fixed": {"E1": "东", "E2": "东", "E4": "东"}, "closed": ["东"]}) == ()
    )


def test_groups_that_must_and_must_not_share_a_district():
    faults = found(BOARD, join=[["E1", "E2"], ["E1", "E3"]], apart=[["E1", "E9"], ["E1", "E4"]])
    assert [str(f) for f in faults] == [
        "E1, E3 are to share a district and do not", "E1, E4 are in 东 and must be apart",
    ]  # fmt: skip
    assert [f.kind for f in faults] == ["join", "apart"]


def test_the_walk_to_the_middle_where_costs_are_given():
    # a street of three estates, 100 m apart: from the middle all are 100 m away
    metres = np.abs(np.subtract.outer(np.arange(3), np.arange(3))) * 100.0
    estates = grid_estates(1, 3)
    ten, six = (grid_plan("a a a", 1, 3, max_walk_minutes=m) for m in (100 / 60, 99 / 60))
    for cost in (metres, sp.csr_array(metres)):
        assert check_plan(ten, estates, cost=cost) == ()
        (fault,) = check_plan(six, estates, cost=cost)
        assert str(fault) == "district a has no estate that all reach within 99 m: 100 m"
    assert check_plan(six, estates) == ()


def test_a_violation_is_told_to_programs_too():
    fault = found("东 东 西 西 西 西 南 南 南")[0]
    assert fault.to_json() == {
        "kind": "too-small", "district": "东", "estates": ["E1", "E2"],
        "words": "district 东 has 2,000 people < 3,000",
        "words_zh": "片区 东 有 2,000 人，少于 3,000",
        "bounds": [EAST, NORTH - 100, EAST + 200, NORTH],
    }  # fmt: skip
    assert Violation("count", None, (), "w", "字").to_json()["bounds"] is None


def test_each_estate_is_looked_at_once_however_many_ways_lead_to_it():
    """In a block of 12 x 12 there are 705,432 shortest ways from corner to corner."""

    class Near(dict):
        looked = 0

        def get(self, key, default=()):
            self.looked += 1
            return super().get(key, default)

    place = {(x, y): f"E{x}-{y}" for x in range(12) for y in range(12)}
    near = Near()
    for (x, y), uid in place.items():
        beside = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
        near[uid] = {place[other] for other in beside if other in place}
    members = list(place.values())
    assert _connected(members, near) == [members]
    assert near.looked == 144
