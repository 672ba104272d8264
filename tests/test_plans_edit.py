"""`PlanEditor`: every change is judged at once, and every state equals a fresh recomputation."""

from __future__ import annotations

import math
from contextlib import suppress

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gis.districts import LeftOut
from gis.errors import InputError, OptionError, UnknownNameError
from gis.plans.edit import PlanEditor
from tests.plan_grid import (
    EAST,
    NORTH,
    beside,
    drawn,
    grid_estates,
    grid_links,
    grid_plan,
    words_of,
)

# 东 东 西
# 东 西 西
# 南 南 南
BOARD = "东 东 西 东 西 西 南 南 南"
BOUNDS = {"people": (2000, 4000)}


def editor(words=BOARD, rows=3, columns=3, estates=None, **given) -> PlanEditor:
    plan = grid_plan(words, rows, columns, **({"sizes": BOUNDS} | given))
    return PlanEditor(plan, estates or grid_estates(rows, columns))


def box(west, north, east, south):
    """A lasso in steps of the board from its north-west corner."""
    return shapely.box(
        EAST + west * 100, NORTH - south * 100, EAST + east * 100, NORTH - north * 100
    )


def test_one_estate_moves_and_both_districts_are_judged():
    edit = editor().move("E5", "东")
    east, west = sorted(edit.verdicts, key=lambda v: v.district)
    assert (east.district, east.totals, east.bounds) == ("东", {"people": 4000}, {"people": "kept"})
    assert (west.district, west.totals, west.estates) == ("西", {"people": 2000}, 2)
    assert east.ok
    assert west.ok
    assert edit.words == "E5 to 东"
    assert edit.estates == ("E5",)


def test_pieces_and_broken_bounds_are_told():
    edit = editor().move("E9", "东")
    east = next(v for v in edit.verdicts if v.district == "东")
    assert east.pieces == (("E1", "E2", "E4"), ("E9",))
    assert not east.contiguous
    edit = editor().move(["E1", "E2"], "西")
    small, large = sorted(edit.verdicts, key=lambda v: v.district)
    assert (small.bounds["people"], large.bounds["people"]) == ("too small", "too large")
    assert not small.ok


def test_a_lasso_takes_what_lies_in_it_by_three_rules():
    here = editor()
    lasso = box(0, 0, 1.6, 0.9)
    assert here.find(lasso) == ("E1", "E2")
    assert here.find(lasso, "touches") == ("E1", "E2")
    assert here.find(box(0, 0, 1.6, 1), "within") == ("E1",)
    assert here.find(shapely.Polygon()) == ()
    assert here.find(box(7, 7, 8, 8)) == ()
    with pytest.raises(OptionError, match="no rule 'near'"):
        here.find(lasso, "near")
    edit = here.lasso(box(0, 0, 2, 2), "南")
    assert edit.estates == ("E1", "E2", "E4", "E5")
    assert edit.gone == ("东",)
    assert here.districts == ("南", "西")


def test_undo_and_redo_have_no_limit():
    here = editor()
    for i in range(300):
        here.move("E5", "东" if i % 2 == 0 else "西")
    assert words_of(here.plan()) == BOARD
    for _ in range(300):
        here.undo()
    assert not here.can_undo
    with pytest.raises(OptionError, match="nothing to undo"):
        here.undo()
    edit = here.redo()
    assert edit.words == "again: E5 to 东"
    assert {v.district for v in edit.verdicts} == {"东", "西"}
    here.move("E5", None)
    with pytest.raises(OptionError, match="nothing to redo"):
        here.redo()


def test_what_changes_nothing_is_not_remembered():
    here = editor()
    assert here.move("E1", "东").verdicts == ()
    assert not here.can_undo


def test_new_merge_split_rename():
    here = editor()
    assert here.new_district(["E3"]).verdicts[0].district in ("D4", "西")
    assert words_of(here.plan()) == "东 东 D4 东 西 西 南 南 南"
    edit = here.merge(["D4", "西"], into="西")
    assert (words_of(here.plan()), edit.gone) == (BOARD, ("D4",))
    here.new_district(name="北")
    assert here.move("E1", "北").verdicts
    here.merge(["北", "东"])
    assert here.district_of("E1") == "北"
    here.rename("北", "东")
    assert words_of(here.plan()) == BOARD
    here.split("南", ["E7"], "新")
    assert words_of(here.plan()) == "东 东 西 东 西 西 新 南 南"
    for _ in range(7):
        here.undo()
    assert words_of(here.plan()) == BOARD
    here.move("E9", "东")
    here.split("东", name="外")
    assert here.district_of("E9") == "外", "the smaller piece becomes a district"


def test_locks_hold_and_travel_with_the_plan():
    here = editor(locks={"fixed": {"E1": "东"}})
    with pytest.raises(OptionError, match="E1 is locked to 东; unlock it first"):
        here.move(["E1", "E2"], "西")
    assert words_of(here.plan()) == BOARD, "a refused change changes nothing"
    here.lock(districts=["南"])
    with pytest.raises(OptionError, match="District 南 is locked"):
        here.move("E6", "南")
    assert here.lasso(box(0, 0, 3, 1), "西").estates == ("E2",), "a lasso leaves locked ones be"
    with pytest.raises(OptionError, match="is locked"):
        here.lasso(box(0, 0, 1, 1), "西", skip_locked=False)
    locks = here.plan().settings["locks"]
    assert locks["closed"] == ["南"]
    assert locks["fixed"] == {"E1": "东", "E7": "南", "E8": "南", "E9": "南"}
    here.rename("南", "South")
    assert here.plan().settings["locks"]["closed"] == ["South"]
    assert not [v for v in here.check() if v.kind == "lock"]
    here.unlock(districts=["South"], estates=["E1"])
    assert here.plan().settings["locks"] == {"fixed": {}, "closed": []}
    here.move("E1", None)
    with pytest.raises(OptionError, match="E1 has no district to be locked to"):
        here.lock(estates=["E1"])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda e: e.move("X", "东"), UnknownNameError, "no estate 'X'"),
        (lambda e: e.move("E1", "无"), UnknownNameError, "no district '无'; make it"),
        (lambda e: e.new_district(name="东"), OptionError, "cannot be named '东'"),
        (lambda e: e.rename("东", "西"), OptionError, "cannot be named '西'"),
        (lambda e: e.merge(["东"]), OptionError, "two districts or more"),
        (lambda e: e.merge(["东", "无"]), UnknownNameError, "no district '无'"),
        (lambda e: e.split("东", ["E9"]), OptionError, "E9 is not in 东"),
        (lambda e: e.split("东"), OptionError, "some of its estates, not none or all"),
        (lambda e: e.link("E1", "E1"), OptionError, "its own neighbour"),
        (lambda e: e.add_estate("E1", shapely.Point(0, 0)), OptionError, "'E1' already"),
        (lambda e: e.verdict(["无"]), UnknownNameError, "no district '无'"),
    ],
)
def test_wrong_changes_are_refused_and_change_nothing(change, error, words):
    here = editor()
    with pytest.raises(error, match=words):
        change(here)
    assert words_of(here.plan()) == BOARD
    assert not here.can_undo


def test_the_plan_must_be_of_the_estates():
    with pytest.raises(OptionError, match="not the estates of the plan"):
        PlanEditor(grid_plan("a a", 1, 2), grid_estates(1, 3))


def test_links_by_hand():
    here = editor("a a a", 1, 3, sizes={})
    edit = here.unlink("E2", "E3")
    assert edit.verdicts[0].pieces == (("E1", "E2"), ("E3",))
    assert here.plan().adjacency.links.tolist() == [[0, 1]]
    assert here.plan().adjacency.beyond.tolist() == [[1, 2]]
    assert here.plan().adjacency.beyond_reason.tolist() == ["switched off by hand"]
    here.link("E1", "E3")
    assert here.verdict(["a"])[0].contiguous
    assert here.plan().adjacency.reason.tolist() == ["outlines touch", "linked by hand"]
    assert here.plan().adjacency.metres.tolist() == [0, 100]


def test_estates_come_move_and_go_and_the_index_follows():
    here = editor("a a a", 1, 3, sizes={"people": (0, 9000), "area_m2": (0, 99_999)})
    # E4 beside E3 with a gap of 20 m, 50 m wide
    here.add_estate("E4", box(3.2, 0, 3.7, 1), {"people": 500, "name": "新"})
    assert here.find(box(3, 0, 4, 1)) == ("E4",)
    (verdict,) = here.move("E4", "a").verdicts
    assert verdict.totals == {"people": 3500, "area_m2": 35_000}
    assert verdict.contiguous
    (verdict,) = here.move_estate("E4", box(9, 0, 9.2, 1)).verdicts
    assert verdict.totals == {"people": 3500, "area_m2": 32_000}
    assert verdict.pieces == (("E1", "E2", "E3"), ("E4",))
    assert (here.find(box(3, 0, 4, 1)), here.find(box(9, 0, 10, 1))) == ((), ("E4",))
    estates = here.estates()
    assert estates.uids.tolist() == ["E1", "E2", "E3", "E4"]
    assert estates.frame["name"][3] == "新"
    assert [v.kind for v in here.check()] == ["contiguity"]
    here.remove_estate("E2")
    assert here.verdict(["a"])[0].pieces == (("E1",), ("E3",), ("E4",))
    assert here.estates().uids.tolist() == ["E1", "E3", "E4"]
    assert here.plan().adjacency.links.tolist() == []
    for _ in range(4):
        here.undo()
    assert here.estates() is not None
    assert words_of(here.plan()) == "a a a"
    assert here.find(box(0, 0, 10, 1)) == ("E1", "E2", "E3")


def test_unknown_sizes_are_counted_and_not_zero():
    estates = grid_estates(1, 2, people=[1000, None])
    (verdict,) = editor("a a", 1, 2, estates, sizes={"people": (500, 2000)}).verdict()
    assert (verdict.totals, verdict.unknown) == ({"people": 1000}, {"people": 1})
    assert verdict.bounds == {"people": "unknown"}
    assert not verdict.ok
    homes = grid_estates(1, 2, people=[1000, None], households=[None, 100])
    (verdict,) = editor("a a", 1, 2, homes).verdict()
    assert verdict.totals == {"people": 1262}


def test_taken_out_estates_are_told():
    plan = drawn("a a -", beside(grid_links(1, 3)), left_out=[LeftOut("E3", "too far", True)],
                 sizes={"people": (1000, 2000)}, taking_part=3, all_take_part=True)  # fmt: skip
    here = PlanEditor(plan, grid_estates(1, 3))
    here.move("E2", None)
    assert [(i.estate, i.reason) for i in here.plan().left_out] == [
        ("E2", "taken out by hand"), ("E3", "too far"),
    ]  # fmt: skip
    assert here.check() == ()
    here.move("E3", "a")
    assert [str(v) for v in here.check()] == [
        "district a is not connected: E3 hangs apart from the other 1",
    ]  # fmt: skip


# --- any changes in any order


class Changes(RuleBasedStateMachine):
    """Changes in any order: what the editor says is what a fresh look at its plan says."""

    def __init__(self) -> None:
        super().__init__()
        people = [500 * (i % 4) if i % 5 else None for i in range(12)]
        self.estates = grid_estates(3, 4, people=people)
        self.sizes = {"people": (1000, 4000), "count": (2, 5), "area_m2": (0, 45_000)}
        plan = grid_plan("a a b b a c c b c c - b", 3, 4, sizes=self.sizes)
        self.editor = PlanEditor(plan, self.estates)
        self.states = [self.state()]
        self.added = 0

    def state(self):
        plan = self.editor.plan()
        return (
            dict(zip(plan.estates, plan.district, strict=True)),
            plan.adjacency.links.tolist(),
            plan.settings["locks"]["fixed"],
            sorted(plan.settings["locks"]["closed"]),
            [shape.wkb for shape in self.editor.estates().geometries],
            set(self.editor.districts),
        )

    def change(self, act) -> None:
        before = len(self.states)
        with suppress(InputError):
            act(self.editor)
        state = self.state()
        if state != self.states[-1]:
            self.states.append(state)
        # What changed nothing may still be remembered as nothing at all.
        assert self.editor.can_undo or len(self.states) == 1
        assert len(self.states) in (before, before + 1)

    @property
    def uids(self):
        return sorted(self.editor._place)

    @rule(data=st.data())
    def moves(self, data):
        uids = data.draw(st.lists(st.sampled_from(self.uids), min_size=1, max_size=4))
        to = data.draw(st.sampled_from([None, *self.editor.districts]))
        self.change(lambda e: e.move(uids, to))

    @rule(
        data=st.data(), x=st.floats(0, 4), y=st.floats(0, 3), w=st.floats(0, 3), h=st.floats(0, 3)
    )
    def draws_a_lasso(self, data, x, y, w, h):
        polygon = box(x, y, x + w, y + h)
        estates = self.editor.estates()
        shapes = dict(zip(estates.uids, estates.geometries, strict=True))
        if not polygon.is_empty and polygon.area:
            inside = {u for u, s in shapes.items() if polygon.intersects(s.point_on_surface())}
            assert set(self.editor.find(polygon)) == inside
        to = data.draw(st.sampled_from([None, *self.editor.districts]))
        self.change(lambda e: e.lasso(polygon, to))

    @rule(data=st.data())
    def makes_merges_splits_renames(self, data):
        uids = data.draw(st.lists(st.sampled_from(self.uids), max_size=3, unique=True))
        kind = data.draw(st.sampled_from(["new", "merge", "split", "rename"]))
        if kind == "new" or not self.editor.districts:
            self.change(lambda e: e.new_district(uids))
            return
        one = data.draw(st.sampled_from(self.editor.districts))
        other = data.draw(st.sampled_from(self.editor.districts))
        if kind == "merge":
            self.change(lambda e: e.merge([one, other]))
        elif kind == "split":
            self.change(lambda e: e.split(one, uids or None))
        else:
            self.change(lambda e: e.rename(one, one + "x"))

    @rule(data=st.data(), on=st.booleans())
    def locks(self, data, on):
        uids = data.draw(st.lists(st.sampled_from(self.uids), max_size=2, unique=True))
        there = st.sampled_from([*self.editor.districts, "?"])
        names = data.draw(st.lists(there, max_size=1))
        self.change(lambda e: (e.lock if on else e.unlock)(estates=uids, districts=names))

    @rule(data=st.data(), on=st.booleans())
    def links(self, data, on):
        a, b = (data.draw(st.sampled_from(self.uids)) for _ in range(2))
        self.change(lambda e: (e.link if on else e.unlink)(a, b))

    @rule(x=st.integers(0, 5), y=st.integers(0, 4))
    def adds(self, x, y):
        self.added += 1
        self.change(lambda e: e.add_estate(f"N{self.added}", box(x, y, x + 0.5, y + 0.5),
                                           {"people": 250}))  # fmt: skip

    @rule(data=st.data(), x=st.integers(0, 5), y=st.integers(0, 4))
    def draws_anew(self, data, x, y):
        uid = data.draw(st.sampled_from(self.uids))
        self.change(lambda e: e.move_estate(uid, box(x, y, x + 0.8, y + 0.4)))

    @precondition(lambda self: len(self.uids) > 6)
    @rule(data=st.data())
    def removes(self, data):
        uid = data.draw(st.sampled_from(self.uids))
        self.change(lambda e: e.remove_estate(uid))

    @precondition(lambda self: self.editor.can_undo)
    @rule()
    def takes_back_and_does_again(self):
        self.editor.undo()
        self.editor.redo()
        assert self.state() == self.states[-1]

    @invariant()
    def a_fresh_look_says_the_same(self):
        plan, estates = self.editor.plan(), self.editor.estates()
        graph = nx.Graph()
        graph.add_nodes_from(plan.estates)
        graph.add_edges_from(plan.estates[plan.adjacency.links].tolist())
        verdicts = {v.district: v for v in self.editor.verdict()}
        assert set(verdicts) == set(plan.districts)
        for name, verdict in verdicts.items():
            own = plan.district == name
            assert verdict.estates == own.sum()
            pieces = {frozenset(p) for p in nx.connected_components(
                graph.subgraph(plan.estates[own]))}  # fmt: skip
            assert {frozenset(p) for p in verdict.pieces} == pieces
            for column in self.sizes:
                values = estates.numbers(column)[own]
                assert math.isclose(verdict.totals[column], np.nansum(values), rel_tol=1e-12)
                assert verdict.unknown[column] == np.isnan(values).sum()

    def teardown(self):
        while self.editor.can_undo:
            self.editor.undo()
        assert self.state() == self.states[0]


Changes.TestCase.settings = settings(max_examples=12, stateful_step_count=20)
TestChanges = Changes.TestCase


def test_a_district_drawn_by_hand_gets_a_name_that_can_be_kept():
    made = editor()
    made.new_district(["E1"], " 新\n区\u200b ")
    assert "新 区" in made.districts
    assert made.rename("新 区", "老\x00区").words == "新 区 is now 老 区"
    for name in ("-", "\u200b", "x" * 101, "西"):
        with pytest.raises(OptionError):
            made.rename("老 区", name)
