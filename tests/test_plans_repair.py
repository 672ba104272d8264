"""`repair_plan`: the fewest moves that mend a plan, held against trying every way."""

from __future__ import annotations

import time
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districts import LeftOut
from gis.districts.check_plan import check_plan
from gis.plans.repair import Move, Repair, repair_plan
from gis.plans.repair_model import Answer, RepairModel, _Mip
from tests.plan_grid import beside, drawn, grid_estates, grid_links, grid_plan, words_of

THREE = {"people": (3000, 3000)}


def mended(words: str, rows: int, columns: int, estates=None, may=None, **given) -> Repair:
    plan = grid_plan(words, rows, columns, **given)
    return repair_plan(plan, estates or grid_estates(rows, columns), **(may or {}))


def moves(repair: Repair) -> list[tuple[str, str | None, str | None]]:
    return [(m.estate, m.before, m.after) for m in repair.moved]


def test_a_sound_plan_stays_as_it_is():
    plan = grid_plan("a a a b b b", 2, 3, sizes=THREE)
    repair = repair_plan(plan, grid_estates(2, 3))
    assert repair.plan is plan
    assert (repair.moved, repair.bound, repair.status) == ((), 0, "optimal")


def test_one_estate_moves_from_the_large_district_to_the_small_one():
    # a a b      a a b     the board is the one below when E5 moves back to a
    # a b b  ->  a b b
    repair = mended("东 东 西 西 西 西", 2, 3, sizes=THREE)
    assert moves(repair) == [("E4", "西", "东")]
    assert repair.moved[0] == Move("E4", "西", "东", 1000.0)
    assert (repair.status, repair.bound, repair.people_moved) == ("optimal", 1, 1000)
    assert words_of(repair.plan) == "东 东 西 东 西 西"
    assert [v.kind for v in repair.violations] == ["too-small", "too-large"]


def test_a_torn_piece_is_moved_when_that_takes_fewer_than_joining_it():
    # a b b b a     the far a is one estate: it moves to b; to join it would take three
    repair = mended("a b b b a", 1, 5, sizes={})
    assert moves(repair) == [("E5", "a", "b")]
    assert repair.bound == 1


def test_among_equally_few_moves_the_fewest_people_move():
    # a a | b b b b in a row of which the ends weigh: either E3 joins a, or nothing else does
    estates = grid_estates(2, 2, people=[1000, 4000, 1500, 900])
    # a b     sizes 1,000-7,000: b's own E2 and E4; a = E1 E4 torn: E1 (1,000) or E4 (900) moves
    # b a
    repair = mended("a b b a", 2, 2, estates, sizes={"people": (0, 7000)})
    assert moves(repair) == [("E4", "a", "b")]
    assert repair.people_moved == 900


def test_among_equally_few_people_the_fewest_links_are_cut():
    # a a b b     a needs one estate more: with E3 five links are cut (E3-E4, E3-E7, E2-E6, E1-E5,
    # c b b b     E5-E6), with E6 four (E2-E3, E6-E7, E1-E5, E5-E6)
    estates = grid_estates(2, 4, people=[1000, 1000, 1000, 1000, 3000, 1000, 1000, 1000])
    repair = mended("a a b b c b b b", 2, 4, estates, sizes={"people": (3000, 6000)})
    assert moves(repair) == [("E6", "b", "a")]


def test_a_chain_of_moves_where_one_is_not_enough():
    # a a b b b b c c c c c c in a row, 3,000-5,000 each: E3 to a and E7 to b keep b at 4
    repair = mended("a a b b b c c c c c c", 1, 11, sizes={"people": (3000, 5000)})
    assert moves(repair) == [("E3", "b", "a"), ("E6", "c", "b")]
    assert (repair.status, repair.bound) == ("optimal", 2)


def test_locked_estates_stay_and_a_locked_district_keeps_everybody():
    # a a b / b b b: E3, E4 or nobody can come to a; E4 is locked to b
    repair = mended("a a b b b b", 2, 3, sizes=THREE, locks={"fixed": {"E4": "b"}})
    assert moves(repair) == [("E3", "b", "a")]
    locks = {"fixed": {"E1": "a", "E2": "a"}, "closed": ["a"]}
    repair = mended("a a b b b b", 2, 3, sizes={"people": (2000, 4000)}, locks=locks)
    assert repair.moved == ()
    repair = mended("a a b b b b", 2, 3, sizes=THREE, locks=locks,
                    may={"may_dissolve": False, "may_leave_out": False})  # fmt: skip
    assert (repair.plan, repair.status) == (None, "infeasible")
    assert repair.reason == "no way of moving estates mends a: all were tried"


def test_an_estate_that_a_lock_places_elsewhere_moves_there_with_what_it_hangs_on():
    # a a b b b / c c c c b, E4 locked to a: E3 must come too
    repair = mended("a a b b b c c c c b", 2, 5, sizes={}, locks={"fixed": {"E4": "a"}})
    assert moves(repair) == [("E3", "b", "a"), ("E4", "b", "a")]
    # a a b b: b would be empty, which is fewer moves than giving E1 and E2 to b
    row = {"sizes": {}, "locks": {"fixed": {"E4": "a"}}}
    repair = mended("a a b b", 1, 4, **row, may={"may_dissolve": True})
    assert moves(repair) == [("E3", "b", "a"), ("E4", "b", "a")]
    assert repair.dissolved == ("b",)
    repair = mended("a a b b", 1, 4, **row)
    assert words_of(repair.plan) == "b b b a", "both districts are kept if that can be"


def test_a_lock_to_a_district_that_is_not_drawn_makes_it():
    repair = mended("a a a", 1, 3, sizes={}, locks={"fixed": {"E3": "b"}})
    assert moves(repair) == [("E3", "a", "b")]
    lost = mended("a a a", 1, 3, sizes={}, locks={"fixed": {"X": "b"}})
    assert (lost.status, lost.reason) == (
        "infeasible", "the locks name X, which the estates do not have",
    )  # fmt: skip


def test_join_apart_and_within():
    assert moves(mended("a b b", 1, 3, sizes={}, join=[["E1", "E2"]])) == [("E2", "b", "a")]
    apart = mended("a a b", 1, 3, sizes={}, apart=[["E1", "E2"]])
    assert moves(apart) == [("E2", "a", "b")]
    estates = grid_estates(1, 4, community=["甲", "甲", "乙", "乙"])
    within = mended("a a a b", 1, 4, estates, sizes={}, within="community")
    assert moves(within) == [("E3", "a", "b")]


def test_an_estate_of_unknown_size_leaves_its_district():
    estates = grid_estates(1, 3, people=[1000, 1000, None])
    repair = mended("a a a", 1, 3, estates, sizes={"people": (2000, 3000)}, taking_part=3)
    assert moves(repair) == [("E3", "a", None)]
    assert np.isnan(repair.moved[0].people)
    assert repair.left_out == ("E3",)
    assert [item.estate for item in repair.plan.left_out] == ["E3"]


def test_an_estate_without_a_district_may_fill_one_up():
    repair = mended("a a -", 1, 3, sizes=THREE)
    assert moves(repair) == [("E3", None, "a")]
    told = drawn("a a -", beside(grid_links(1, 3)), left_out=[LeftOut("E3", "no", False)],
                 sizes=THREE, taking_part=3)  # fmt: skip
    assert repair_plan(told, grid_estates(1, 3)).plan.left_out == ()


def test_a_district_is_dissolved_only_where_nothing_else_helps():
    # a a a b: b alone is too small, all of a are needed
    repair = mended("a a a b", 1, 4, sizes={"people": (3000, 4000)})
    assert moves(repair) == [("E4", "b", "a")]
    assert (repair.dissolved, repair.status) == (("b",), "optimal")
    repair = mended("a a a b", 1, 4, sizes={"people": (3000, 3000)})
    assert (moves(repair), repair.left_out) == ([("E4", "b", None)], ("E4",))
    assert repair.plan.districts == ("a",)
    never = {"may_dissolve": False, "may_leave_out": False}
    repair = mended("a a a b", 1, 4, sizes={"people": (3000, 4000)}, may=never)
    assert (repair.status, repair.reason) == (
        "infeasible", "the 2 districts a, b need 6,000 in all, 4,000 can be reached",
    )  # fmt: skip
    repair = mended("a a a b b b b", 1, 7, sizes=THREE, may=never)
    assert (
        repair.reason == "the 2 districts a, b hold at most 6,000 in all, their estates have 7,000"
    )


def test_there_is_time_to_try_dissolving_where_all_else_takes_too_long(monkeypatch):
    # a with one estate is too small, and whether it can be kept is never answered in time.
    asked = RepairModel.solve

    def slow(model, deadline, **given):
        if model._allowed.dissolve:
            return asked(model, deadline, **given)
        time.sleep(max(deadline - time.monotonic(), 0.0))
        return Answer(None, 0, False, True)

    monkeypatch.setattr(RepairModel, "solve", slow)
    repair = mended("a b b b", 1, 4, sizes={"people": (2000, 4000)}, may={"time_limit_s": 1.0})
    assert moves(repair) == [("E1", "a", "b")]
    assert (repair.status, repair.dissolved) == ("optimal", ("a",))


def test_no_run_of_the_solver_takes_the_time_of_those_before_it():
    rng = np.random.default_rng(0)
    mip = _Mip(150)
    for row in rng.integers(1, 60, (40, 150)).astype(float):
        mip.row(-np.inf, row.sum() / 2, range(150), row)
    cost = -rng.integers(1, 60, 150).astype(float)
    ran = [0.0]
    for _ in range(3):
        assert mip.minimise(cost, 0.2)[2]
        ran.append(mip._solver.getRunTime())
    assert np.diff(ran).max() < 0.35


def test_too_many_districts_for_the_count():
    repair = mended("a a b c", 1, 4, sizes={"people": (1000, 3000)}, count=2)
    assert len(repair.moved) == 1
    assert len(repair.plan.districts) == 2
    few = mended("a a b c", 1, 4, sizes={}, count=5)
    assert few.status == "infeasible"
    assert few.reason == "the plan has 3 districts, 5 are asked for; split one first"


def test_a_plan_from_a_file_is_brought_to_the_estates_of_the_project():
    # the file has E3 E2 E1 X (in this order), the project E1 E2 E3 E4
    links = np.array([[0, 1], [1, 2], [0, 3]])
    plan = drawn(
        "a a b b", beside(links), uids=["E3", "E2", "E1", "X"], sizes={"people": (1000, 2000)}
    )
    repair = repair_plan(plan, grid_estates(1, 4))
    assert repair.moved == ()
    assert words_of(repair.plan) == "b a a -"
    assert repair.plan.adjacency.links.tolist() == [[0, 1], [1, 2]]
    assert {v.kind for v in repair.violations} == {"estates"}
    assert check_plan(repair.plan, grid_estates(1, 4)) == ()


def test_the_walk_to_the_middle():
    metres = np.abs(np.subtract.outer(np.arange(6), np.arange(6))) * 100.0
    plan = grid_plan("a a a a b b", 1, 6, sizes={}, max_walk_minutes=100 / 60)
    repair = repair_plan(plan, grid_estates(1, 6), cost=metres)
    assert moves(repair) == [("E4", "a", "b")]


# --- against every way


def brute(plan, estates, most: int) -> int | None:
    """The least number of moves that mends a plan in which every district keeps an estate."""
    fixed = plan.settings.get("locks", {}).get("fixed", {})
    names = list(dict.fromkeys([*plan.districts, *fixed.values()]))
    old = list(plan.district)
    own = [{n, fixed.get(uid)} for uid, n in zip(plan.estates, old, strict=True)]
    for m in range(most + 1):
        for rows in combinations(range(len(old)), m):
            others = [[n for n in names if n != old[r]] for r in rows]
            for new in product(*others):
                district = list(old)
                for row, name in zip(rows, new, strict=True):
                    district[row] = name
                keeps = all(
                    any(n == d and n in o for d, o in zip(district, own, strict=True))
                    for n in names
                )
                words = " ".join("-" if d is None else d for d in district)
                tried = drawn(words, plan.adjacency, **plan.settings)
                if keeps and not check_plan(tried, estates):
                    return m
    return None


@st.composite
def broken_plans(draw):
    rows, columns = draw(st.sampled_from([(1, 6), (2, 3), (2, 4), (3, 3)]))
    n = rows * columns
    names = draw(st.lists(st.sampled_from(["a", "b", "c", "-"]), min_size=n, max_size=n))
    people = draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    low = draw(st.integers(0, 8))
    given = {
        "sizes": {"people": (low * 1000, draw(st.integers(low, 16)) * 1000)},
        "without": draw(st.lists(st.tuples(st.integers(1, n), st.integers(1, n)), max_size=3)),
    }
    uids = [f"E{i + 1}" for i in range(n)]
    if draw(st.booleans()):
        given["apart"] = [
            draw(st.lists(st.sampled_from(uids), min_size=2, max_size=3, unique=True))
        ]
    if draw(st.booleans()):
        given["join"] = [draw(st.lists(st.sampled_from(uids), min_size=2, max_size=2, unique=True))]
    there = [d for d in names if d != "-"]
    if there and draw(st.booleans()):
        locked = draw(st.lists(st.sampled_from(uids), max_size=2, unique=True))
        given["locks"] = {"fixed": {u: draw(st.sampled_from(there)) for u in locked}}
    if draw(st.booleans()):
        given["within"] = "community"
    community = draw(st.lists(st.sampled_from(["甲", "甲", "甲", "乙"]), min_size=n, max_size=n))
    estates = grid_estates(rows, columns, people=[p * 1000 for p in people], community=community)
    return grid_plan(" ".join(names), rows, columns, **given), estates


@settings(max_examples=25)
@given(broken_plans())
def test_no_way_of_fewer_moves_exists(case):
    plan, estates = case
    repair = repair_plan(plan, estates, may_dissolve=False, may_leave_out=False)
    assert repair.status in ("optimal", "infeasible"), "so small a plan is always proved"
    least = brute(plan, estates, most=3)
    if repair.plan is None:
        assert least is None
        return
    assert check_plan(repair.plan, estates) == ()
    assert repair.bound == len(repair.moved)
    assert least == len(repair.moved) if len(repair.moved) <= 3 else least is None


@pytest.mark.parametrize("side", [8])
def test_faults_far_apart_are_mended_one_by_one_and_proved_together(side):
    # bands of two rows, four faults far apart: a stray estate of another district each
    names = np.repeat(np.arange(side // 2), 2 * side).astype(str).astype(object)
    board = np.char.add("d", names.astype(str)).reshape(side, side).astype(object)
    board[0, 0], board[side - 1, side - 1] = "d1", "d0"
    plan = grid_plan(" ".join(board.ravel()), side, side, sizes={"people": (10_000, 20_000)})
    repair = repair_plan(plan, grid_estates(side, side))
    assert moves(repair) == [("E1", "d1", "d0"), (f"E{side * side}", "d0", f"d{side // 2 - 1}")]
    assert (repair.status, repair.bound) == ("optimal", 2)
