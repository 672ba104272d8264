"""The history of edits: everything can be taken back, exactly, unless somebody changed it since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.store import Author, Project, RowChange
from api.store.schema import LAYERS
from gis.errors import ConflictError, UnknownNameError
from tests.layers import CORNER, layer

X, Y = CORNER


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    with Project.create(store, name="云溪", author=Author("王", "test")) as made:
        fill(made)
        yield made


def fill(project: Project) -> None:
    """Put three estates, with a column of the user's own, in the place of what is there."""
    estates = layer(
        "estates",
        [shapely.box(i * 20, 0, i * 20 + 10, 10) for i in range(3)],
        people=[10.0, 20.0, None],
        built_year=[1990.0, None, None],
        手机=["138", None, "139"],
    )
    project.write_layers([(estates, None)], replace=True)


def content(project: Project) -> dict[str, tuple[Any, ...]]:
    """All that the table holds but rev, byte by byte."""
    with project._database.read() as connection:
        rows = connection.execute(LAYERS["estates"].select()).mappings()
        return {
            row["uid"]: tuple(value for name, value in row.items() if name != "rev") for row in rows
        }


def test_an_undo_restores_every_byte_and_is_an_edit_of_its_own(project: Project) -> None:
    before = content(project)
    made = project.edit_rows(
        "estates",
        [
            RowChange(
                "update", "estates-0", values={"name": "x", "手机": None, "built_year": None}
            ),
            RowChange("update", "estates-1", geometry=shapely.Point(X + 5, Y + 5)),
            RowChange("delete", "estates-2"),
            RowChange("insert", "new", values={"手机": "137"}, geometry=shapely.Point(X, Y)),
        ],
    )
    assert content(project) != before
    back = project.acting_as(Author("李", "test")).undo_edit(made.edit_id)
    assert content(project) == before
    assert back.uids == made.uids
    undone, done = project.edits()
    assert (undone.undoes, undone.who, undone.what) == (made.edit_id, "李", "undone")
    assert (done.undone_by, done.undoes) == (undone.id, None)


def test_an_undo_of_an_undo_is_a_redo(project: Project) -> None:
    before = content(project)
    made = project.edit_rows("estates", [RowChange("delete", "estates-1")])
    after = content(project)
    back = project.undo_edit(made.edit_id)
    redo = project.undo_edit(back.edit_id)
    assert content(project) == after
    project.undo_edit(redo.edit_id)
    assert content(project) == before


def test_edits_are_taken_back_one_after_the_other(project: Project) -> None:
    before = content(project)
    ids = [
        project.edit_rows(
            "estates", [RowChange("update", "estates-0", values={name: value})]
        ).edit_id
        for name, value in (("name", "a"), ("people", 5), ("name", "b"))
    ]
    for number in reversed(ids):
        project.undo_edit(number)
    assert content(project) == before


def test_an_undo_after_a_later_change_is_refused_and_names_the_rows(project: Project) -> None:
    changes = [RowChange("update", f"estates-{i}", values={"name": "a"}) for i in range(2)]
    made = project.edit_rows("estates", changes)
    with project._database.write() as connection:
        connection.execute(text("UPDATE estates SET name = 'QGIS' WHERE uid = 'estates-1'"))
    before = content(project)
    with pytest.raises(
        ConflictError, match="cannot be taken back: of the estates 'estates-1'"
    ) as c:
        project.undo_edit(made.edit_id)
    assert content(project) == before
    (theirs,) = c.value.theirs["rows"]
    assert (theirs["uid"], theirs["values"]["name"], theirs["differ"]) == (
        "estates-1", "QGIS", ["name"],
    )  # fmt: skip
    with pytest.raises(UnknownNameError, match="no edit 99"):
        project.undo_edit(99)


def test_a_deleted_row_whose_uid_is_in_use_again_does_not_come_back(project: Project) -> None:
    made = project.edit_rows("estates", [RowChange("delete", "estates-1")])
    again = RowChange("insert", "estates-1", geometry=shapely.Point(X, Y))
    project.edit_rows("estates", [again])
    with pytest.raises(ConflictError, match="'estates-1' was changed since"):
        project.undo_edit(made.edit_id)


def test_an_edit_of_a_layer_that_is_gone_is_not_taken_back(project: Project) -> None:
    made = project.edit_rows("estates", [RowChange("delete", "estates-1")])
    project.remove_layer("estates")
    with pytest.raises(UnknownNameError, match="no layer 'estates'"):
        project.undo_edit(made.edit_id)


def test_the_history_says_what_changed_and_marks_own_columns(project: Project) -> None:
    project.edit_rows(
        "estates",
        [
            RowChange("update", "estates-0", values={"people": 12, "手机": "000"}),
            RowChange("delete", "estates-1"),
        ],
        what="survey",
    )
    project.edit_rows("estates", [RowChange("update", "estates-2", geometry=shapely.Point(X, Y))])
    newest, first = project.edits("estates")
    assert (first.what, first.kind, first.who) == ("survey", "estates", "王")
    updated, deleted = first.rows
    assert (updated.uid, updated.op, updated.moved) == ("estates-0", "update", False)
    assert updated.columns == {"people": (10, 12)}
    assert updated.extra == {"手机": ("138", "000")}
    # Whoever prints or logs a line by mistake shows none of the user's own columns.
    assert "138" not in repr(first)
    assert (deleted.op, deleted.columns["people"]) == ("delete", (20, None))
    assert newest.rows[0].moved
    assert project.edits("gates") == ()
    assert [edit.id for edit in project.edits(limit=1)] == [newest.id]
    assert [edit.id for edit in project.edits(before=newest.id)] == [first.id]


NUMBERS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("update"), NUMBERS, st.sampled_from(["name", "people", "手机"]), NUMBERS),
    st.tuples(st.just("move"), NUMBERS, st.just(""), NUMBERS),
    st.tuples(st.just("delete"), NUMBERS, st.just(""), NUMBERS),
    st.tuples(st.just("insert"), NUMBERS, st.just(""), NUMBERS),
    st.tuples(st.just("undo"), st.integers(0, 9), st.just(""), NUMBERS),
    st.tuples(st.just("sql"), NUMBERS, st.just(""), NUMBERS),
)


def change_of(op: str, uid: str, column: str, value: int) -> RowChange:
    if op == "update":
        return RowChange(
            "update", uid, values={column: value if column == "people" else str(value)}
        )
    if op == "move":
        return RowChange("update", uid, geometry=shapely.Point(X + value, Y))
    if op == "delete":
        return RowChange("delete", uid)
    return RowChange("insert", uid, values={"people": value}, geometry=shapely.Point(X, Y + value))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_whatever_is_done_versions_grow_and_undo_restores(
    project: Project, steps: list[tuple[str, int, str, int]]
) -> None:
    fill(project)
    # What the table was before each edit, and is after it.
    sides: dict[int, tuple[Any, Any]] = {}
    revs: dict[str, int] = {}
    for op, number, column, value in steps:
        version, before = project.layer_version("estates"), content(project)
        uid = f"estates-{number}"
        try:
            if op == "sql":
                with project._database.write() as connection:
                    done = connection.execute(
                        text("UPDATE estates SET name = :name WHERE uid = :uid"),
                        {"name": f"q{value}", "uid": uid},
                    )
                if not done.rowcount:
                    continue
            elif op == "undo":
                if not sides:
                    continue
                asked = sorted(sides)[number % len(sides)]
                made = project.undo_edit(asked)
                old, new = sides[asked]
                for touched in made.uids:
                    # Bytes as before the edit, in every row that it had touched.
                    assert content(project).get(touched) == old.get(touched)
                    assert before.get(touched) == new.get(touched)
                sides[made.edit_id] = (before, content(project))
            else:
                made = project.edit_rows("estates", [change_of(op, uid, column, value)])
                sides[made.edit_id] = (before, content(project))
        except (ConflictError, ValueError):
            assert content(project) == before
            assert project.layer_version("estates") == version
            continue
        assert project.layer_version("estates") > version
        rows = project.read_rows("estates")
        for touched, rev in zip(rows.uids.tolist(), rows.revs.tolist(), strict=True):
            assert rev >= revs.get(touched, 0)
            if content(project)[touched] != before.get(touched):
                assert rev > revs.get(touched, 0)
            revs[touched] = rev
    assert project.verify_audit().ok
