"""A draft is one story for all who work on it; nobody overwrites another in silence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.store import Author, PlanChange, PlanState, Project, plan_changes, replay
from gis.districts import Adjacency, DistrictPlan
from gis.errors import ConflictError, OptionError, UnknownNameError


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    with Project.create(store, name="云溪", author=Author("王", "test")) as made:
        made.save_plan(plan("p"))
        yield made


def plan(name: str) -> DistrictPlan:
    none: Any = np.zeros((0, 2), dtype=np.int64)
    empty = np.zeros(0)
    links = Adjacency(
        kind="walk", links=none, beyond=none, metres=empty, reason=np.zeros(0, dtype=object),
        beyond_m=empty,
    )  # fmt: skip
    return DistrictPlan(
        name=name, estates=np.array(["a"], dtype=object), district=np.array(["D1"], dtype=object),
        left_out=(), settings={}, objective=1.0, bound=1.0, gap=0.0, reason="", status="feasible",
        adjacency=links,
    )  # fmt: skip


def move(project: Project, state: PlanState, to: str = "D2", what: str = "move") -> PlanState:
    steps = [{"estate": "a", "from": "D1", "to": to}]
    return project.append_plan_change("p", expected=state, what=what, steps=steps)


def test_changes_are_numbered_and_say_who(project: Project) -> None:
    state = project.plan_state("p")
    assert state == PlanState(1, 0)
    state = move(project, state)
    state = move(project.acting_as(Author("李", "test")), state, "D3")
    assert state == project.plan_state("p") == PlanState(1, 2)
    first, second = project.changes_of("p")
    assert (first.seq, first.what, first.who) == (1, "move", "王")
    assert (second.who, second.steps) == ("李", ({"estate": "a", "from": "D1", "to": "D3"},))


def test_who_comes_second_is_told_what_came_first(project: Project) -> None:
    old = move(project, project.plan_state("p"))
    new = move(project.acting_as(Author("李", "test")), old, "D3")
    with pytest.raises(ConflictError, match="'p' was changed by 李 since you read it") as caught:
        move(project, old, "D4")
    (missed,) = caught.value.theirs["changes"]
    assert (missed["seq"], missed["steps"][0]["to"]) == (2, "D3")
    assert caught.value.theirs["seq"] == new.seq
    assert caught.value.yours["steps"][0]["to"] == "D4"
    assert project.plan_state("p") == new


def test_undo_and_redo_are_lines_that_point_at_a_change(project: Project) -> None:
    state = move(project, move(project, project.plan_state("p")), "D3")
    with pytest.raises(OptionError, match="no change to redo"):
        project.append_plan_change("p", expected=state, what="redo")
    with pytest.raises(OptionError, match="Change 1 is not the next one to undo; that is change 2"):
        project.append_plan_change("p", expected=state, what="undo", steps=[{"change": 1}])
    for _ in range(2):
        state = project.append_plan_change("p", expected=state, what="undo")
    assert [change.steps for change in project.changes_of("p")[2:]] == [
        ({"change": 2},),
        ({"change": 1},),
    ]
    draft = replay(project.changes_of("p"))
    assert (draft.standing, [c.seq for c in draft.undone]) == ((), [2, 1])
    with pytest.raises(OptionError, match="no change to undo"):
        project.append_plan_change("p", expected=state, what="undo")
    state = project.append_plan_change("p", expected=state, what="redo")
    assert [c.seq for c in replay(project.changes_of("p")).standing] == [1]
    state = move(project, state, "D9")
    draft = replay(project.changes_of("p"))
    assert ([c.seq for c in draft.standing], draft.undone) == ([1, 6], ())


@given(st.lists(st.sampled_from(["move", "undo", "redo"]), max_size=30))
def test_a_replay_stands_as_an_editor_with_two_stacks_would(words: list[str]) -> None:
    done: list[int] = []
    undone: list[int] = []
    lines = []
    for seq, word in enumerate(words, 1):
        if word == "undo":
            if not done:
                continue
            undone.append(done.pop())
        elif word == "redo":
            if not undone:
                continue
            done.append(undone.pop())
        else:
            done.append(seq)
            undone.clear()
        lines.append(PlanChange(seq, word, (), None, ""))
    draft = replay(lines)
    assert [change.seq for change in draft.standing] == done
    assert [change.seq for change in draft.undone] == undone


def test_a_version_is_only_saved_from_where_it_was_read(project: Project) -> None:
    old = project.plan_state("p")
    new = move(project, old)
    with pytest.raises(ConflictError, match="was changed by 王 since"):
        project.save_plan(plan("p"), what="edited", expected=old)
    assert project.plan_state("p") == new
    assert project.save_plan(plan("p"), what="edited", expected=new) == 2
    assert project.plan_state("p") == PlanState(2, 0)
    # The story of the version before is still there, and nobody can add to it.
    assert len(project.changes_of("p", 1)) == 1
    assert project.changes_of("p") == ()
    with pytest.raises(ConflictError, match="and version 2 was saved"):
        move(project, new)
    for act in (
        lambda: project.rename_plan("p", "q", expected=new),
        lambda: project.remove_plan("p", expected=new),
        lambda: project.restore_plan("p", 1, expected=new),
        lambda: project.change_packages("p", lambda _, old: old, expected=new),
    ):
        with pytest.raises(ConflictError):
            act()
    assert [info.version for info in project.plan_infos("p")] == [1, 2]


def test_drafts_follow_a_plan_to_its_new_name_and_go_with_it(project: Project) -> None:
    state = move(project, project.plan_state("p"))
    project.rename_plan("p", "q")
    assert project.plan_state("q") == state
    project.remove_plan("q")
    project.save_plan(plan("q"))
    assert project.plan_state("q") == PlanState(1, 0)
    for ask in (project.plan_state, project.changes_of):
        with pytest.raises(UnknownNameError, match="no plan 'p'"):
            ask("p")


def test_a_draft_and_a_change_have_their_bounds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = project.plan_state("p")
    monkeypatch.setattr(plan_changes, "LARGEST_CHANGE", 50)
    with pytest.raises(OptionError, match="too large; make it in several"):
        move(project, state, "x" * 60)
    monkeypatch.setattr(plan_changes, "LARGEST_CHANGE", 5000)
    monkeypatch.setattr(plan_changes, "MOST_CHANGES", 1)
    state = move(project, state)
    with pytest.raises(OptionError, match="has 1 changes; save it"):
        move(project, state)


def test_of_many_who_change_a_plan_at_once_each_state_has_one_winner(project: Project) -> None:
    gate = threading.Barrier(8)

    def insist(number: int) -> list[int]:
        """Add three changes, each on top of whatever the others did."""
        mine = project.acting_as(Author(f"P{number}", "thread"))
        won: list[int] = []
        state = PlanState(1, 0)
        gate.wait()
        while len(won) < 3:
            try:
                state = move(mine, state, f"{number}-{len(won)}")
                won.append(state.seq)
            except ConflictError as conflict:
                theirs = conflict.theirs
                state = PlanState(theirs["version"], theirs["seq"])
        return won

    with ThreadPoolExecutor(8) as pool:
        seqs = [seq for won in pool.map(insist, range(8)) for seq in won]
    assert sorted(seqs) == list(range(1, 25))
    changes = project.changes_of("p")
    assert [change.seq for change in changes] == sorted(seqs)
    told = {change.steps[0]["to"] for change in changes}
    assert told == {f"{i}-{k}" for i in range(8) for k in range(3)}
