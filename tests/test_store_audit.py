"""The audit tells of every change, and tells when it was tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.cli import cli
from api.store import Author, PlanState, PrivatePerson, Project, RowChange
from api.store.audit import seal
from api.store.database import open_database
from gis.districts import Adjacency, DistrictPlan
from gis.errors import ConflictError
from gis.io import ImportReport, RowNote
from tests.layers import layer

WANG = Author("王", "192.0.2.7")


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    with Project.create(store, name="云溪", author=WANG) as made:
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


def estates() -> Any:
    return layer("estates", [shapely.Point(0, 0), shapely.Point(9, 9)], 手机=["138", "139"])


def told(project: Project) -> list[tuple[str, str]]:
    """What was noted since the project was made, the oldest first."""
    return [(line.what, line.subject) for line in project.audit_lines()[::-1][1:]]


def test_every_change_is_noted_once_in_its_author_s_name(project: Project) -> None:
    report = ImportReport(
        "estates", "/home/王/小区.xlsx", 3, 2, (), (RowNote(3, "no x"),), "EPSG:4547", "x", None, ()
    )
    li = project.acting_as(Author("李", "job 7"))
    li.write_layers([(estates(), report)])
    made = project.edit_rows("estates", [RowChange("update", "estates-0", values={"name": "甲"})])
    project.undo_edit(made.edit_id)
    project.state_none("nursery", none=True)
    project.save_plan(plan("p"))
    project.append_plan_change("p", expected=PlanState(1, 0), what="move", steps=[{"to": "D2"}])
    project.change_packages("p", lambda _, old: old)
    project.restore_plan("p", 1)
    project.rename_plan("p", "q")
    project.remove_plan("q")
    project.save_scenario("s", [{"open": "W1"}], {})
    project.save_run("coverage", options={}, stamp={}, assumptions={}, result={})
    project.private().add("estates-0", [PrivatePerson(name="张三")])
    project.private().list("estates-0")
    project.private().remove("estates-0")
    project.note("export", "estates", rows=2)
    project.remove_layer("estates")
    project.change_description(name="新", profile=None)
    assert told(project) == [
        ("import", "estates"),
        ("edit", "estates"),
        ("edit", "estates"),
        ("statement", "nursery"),
        ("plan", "p"),
        ("plan change", "p"),
        ("plan", "p"),
        ("plan", "p"),
        ("plan renamed", "p"),
        ("plan removed", "q"),
        ("scenario", "s"),
        ("run", "coverage"),
        ("private persons added", "estates-0"),
        ("private persons read", "estates-0"),
        ("private persons removed", "estates-0"),
        ("export", "estates"),
        ("layer removed", "estates"),
        ("project described", "新"),
    ]
    lines = project.audit_lines()[::-1]
    assert {line.who for line in lines} == {"王", "李"}
    first = lines[1]
    assert (first.who, first.where) == ("李", "job 7")
    assert first.detail == {"file": "小区.xlsx", "refused": 1, "replaced": False, "rows": 2}
    everything = json.dumps([[line.subject, dict(line.detail)] for line in lines])
    for secret in ("张三", "138", "甲", "/home", "no x"):
        assert secret not in everything
        assert json.dumps(secret)[1:-1] not in everything
    check = project.verify_audit()
    assert (check.ok, check.rows, check.first_bad) == (True, 19, None)
    assert check.last == lines[-1].hash


def test_what_fails_is_not_noted(project: Project) -> None:
    before = project.audit_lines()
    with pytest.raises(ValueError, match="no layer"):
        project.edit_rows("estates", [RowChange("delete", "x")])
    with pytest.raises(ValueError, match="no plan"):
        project.remove_plan("x")
    assert project.audit_lines() == before


def test_lines_come_the_newest_first_and_in_pages(project: Project) -> None:
    for number in range(5):
        project.note("export", str(number))
    ids = [line.id for line in project.audit_lines(2)]
    assert ids == [6, 5]
    assert [line.id for line in project.audit_lines(2, before=ids[-1])] == [4, 3]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'nobody' WHERE id = 1",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit",
    ],
)
def test_no_line_can_be_changed_or_deleted(project: Project, statement: str) -> None:
    before = project.audit_lines()
    with pytest.raises(DBAPIError, match="only be added to"), project._database.write() as c:
        c.execute(text(statement))
    assert project.audit_lines() == before


def test_no_line_can_be_put_in_the_place_of_another(project: Project) -> None:
    before = project.audit_lines()
    with project._database.read() as connection:
        sqlite = connection.dialect.name == "sqlite"
    word = "INSERT OR REPLACE" if sqlite else "INSERT"
    with pytest.raises(DBAPIError), project._database.write() as c:
        c.execute(text(f"{word} INTO audit SELECT * FROM audit WHERE id = 1"))
    assert project.audit_lines() == before


def tamper(project: Project, *statements: str) -> None:
    """Do what a thief with the file can do: first of all take the triggers away."""
    with project._database.write() as connection:
        if connection.dialect.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
            for (name,) in connection.execute(text(query)).all():
                connection.execute(text(f'DROP TRIGGER "{name}"'))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "first_bad", "why"),
    [
        ("UPDATE audit SET who = 'x' WHERE id = 3", 3, "line 3 is not as it was written"),
        ("UPDATE audit SET detail = '{}' WHERE id = 3", 3, "line 3 is not as it was written"),
        ("UPDATE audit SET hash = 'x' WHERE id = 3", 3, "line 3 is not as it was written"),
        ("UPDATE audit SET previous = 'x' WHERE id = 3", 3, "line 3 does not follow"),
        ("DELETE FROM audit WHERE id = 3", 3, "line 3 is missing"),
        ("DELETE FROM audit WHERE id = 1", 1, "line 1 is missing"),
        ("DELETE FROM audit WHERE id > 3", 4, "3 lines are there, 5 were written"),
        ("DELETE FROM audit", 1, "0 lines are there, 5 were written"),
    ],
)
def test_whatever_was_tampered_with_is_found(
    project: Project, statement: str, first_bad: int, why: str
) -> None:
    for number in range(4):
        project.note("export", str(number), rows=number)
    tamper(project, statement)
    check = project.verify_audit()
    assert (check.ok, check.first_bad) == (False, first_bad)
    assert why in check.why


def test_a_tail_forged_with_all_its_hashes_needs_a_hash_noted_elsewhere(project: Project) -> None:
    for number in range(3):
        project.note("export", str(number))
    noted = project.verify_audit().last
    line = project.audit_lines(1)[0]
    with project._database.read() as connection:
        row = dict(connection.execute(text("SELECT * FROM audit WHERE id = 4")).mappings().one())
    row["who"] = "nobody"
    tamper(project, f"UPDATE audit SET who = 'nobody', hash = '{seal(row)}' WHERE id = {line.id}")
    assert project.verify_audit().ok
    check = project.verify_audit(expected=noted)
    assert (check.ok, check.why) == (
        False, "the hash that was noted is not in the chain: its tail was written anew",
    )  # fmt: skip
    honest = project.audit_lines(3)[-1].hash
    assert project.verify_audit(expected=honest).ok


def test_names_that_could_steer_a_terminal_are_one_plain_line(project: Project) -> None:
    project.acting_as(Author("\x1b[2J" + "x" * 500, "a\nb")).note("export", "s\r\n\ud800")
    (line,) = project.audit_lines(1)
    assert line.who.startswith(" [2Jx")
    assert len(line.who) == 200
    assert (line.where, line.subject) == ("a b", "s   ")
    assert project.verify_audit().ok


def test_of_very_many_rows_the_first_are_named(project: Project) -> None:
    project.note("edit", uids=[f"E{i}" for i in range(60)])
    uids = project.audit_lines(1)[0].detail["uids"]
    assert (len(uids), uids[49], uids[50]) == (51, "E49", "and 10 more")


def by_another_program(store: str, statement: str) -> None:
    """Do what QGIS does: with a connection of its own, which knows nothing of Lianpian."""
    with closing(open_database(store)) as database, database.write() as connection:
        connection.execute(text(statement))


def outside(project: Project) -> list[tuple[str, str, str, int]]:
    lines = [line for line in project.audit_lines()[::-1] if line.what.startswith("changed")]
    return [(x.who, x.where, x.subject, x.detail["versions"]) for x in lines]


def test_what_another_program_changed_is_noted_before_our_next_change(
    project: Project, store: str
) -> None:
    project.write_layers([(estates(), None), (layer("gates", [shapely.Point(1, 2)]), None)])
    project.edit_rows("estates", [RowChange("update", "estates-0", values={"name": "甲"})])
    # Another type of geometry: the table itself is changed.
    polygon = shapely.box(500_000, 3_200_000, 500_009, 3_200_009)
    project.edit_rows("estates", [RowChange("insert", "n", geometry=polygon)])
    project.note_outside_changes()
    assert outside(project) == []

    by_another_program(store, "UPDATE estates SET name = '乙' WHERE uid = 'estates-0'")
    by_another_program(store, "DELETE FROM estates WHERE uid = 'estates-1'")
    project.edit_rows("gates", [RowChange("delete", "gates-0")])
    assert outside(project) == []
    made = project.edit_rows("estates", [RowChange("delete", "n")])
    assert outside(project) == [("unknown", "another program", "estates", 2)]
    assert [line.what for line in project.audit_lines(2)] == ["edit", "changed outside Lianpian"]
    project.undo_edit(made.edit_id)
    project.write_layers([(estates(), None)], replace=True)
    assert len(outside(project)) == 1

    by_another_program(store, "DELETE FROM estates WHERE uid = 'estates-1'")
    project.write_layers([(estates(), None)], replace=True)
    by_another_program(store, "DELETE FROM estates WHERE uid = 'estates-1'")
    project.remove_layer("estates")
    assert [versions for *_, versions in outside(project)] == [2, 1, 1]
    assert project.verify_audit().ok


def test_who_reads_the_audit_is_told_once_what_another_program_changed(
    project: Project, store: str
) -> None:
    project.write_layers([(estates(), None)])
    by_another_program(store, "UPDATE estates SET name = '乙'")
    with project._database.read() as connection:
        query = text("SELECT changed FROM layer_versions WHERE kind = 'estates'")
        at = connection.execute(query).scalar_one()
    project.note_outside_changes()
    project.note_outside_changes()
    ((_, _, kind, versions),) = outside(project)
    # A file counts rows, a server statements.
    assert (kind, versions) == ("estates", 2 if "://" not in store else 1)
    assert project.audit_lines(1)[0].detail["last"] == at
    project.edit_rows("estates", [RowChange("delete", "estates-0")])
    assert len(outside(project)) == 1


def test_what_fails_notes_nothing_of_others_either(project: Project, store: str) -> None:
    project.write_layers([(estates(), None)])
    by_another_program(store, "DELETE FROM estates WHERE uid = 'estates-1'")
    with pytest.raises(ConflictError):
        project.remove_layer("estates", expected=1)
    assert outside(project) == []
    project.note_outside_changes()
    assert [versions for *_, versions in outside(project)] == [1]


@pytest.fixture
def run() -> Callable[..., tuple[int, str]]:
    def run_(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, list(arguments))
        return done.exit_code, done.output

    return run_


def test_the_command_lists_and_verifies(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    path = tmp_path / "p.gpkg"
    with Project.create(path, name="x", author=WANG) as project:
        project.note("export", "estates", rows=3)
        last = project.verify_audit().last
    code, out = run("audit", str(path), "--json", "--limit", "1")
    answer = json.loads(out)
    assert (code, answer["rows"], answer["ok"]) == (0, 2, None)
    (line,) = answer["lines"]
    assert (line["what"], line["who"], line["detail"]) == ("export", "王", {"rows": 3})
    code, out = run("audit", str(path), "--verify", "--expect", last)
    assert code == 0
    assert "2 lines, none changed, none missing" in out
    with Project.open(path) as project:
        project.write_layers([(estates(), None)])
    by_another_program(str(path), "DELETE FROM estates")
    out = run("audit", str(path))[1]
    assert "changed outside Lianpian  estates, 2 changes" in out
    with Project.open(path) as project:
        tamper(project, "DELETE FROM audit WHERE id = 2")
    answer = json.loads(run("audit", str(path), "--verify", "--json")[1])
    assert (answer["ok"], answer["first_bad"]) == (False, 2)
    assert "Not whole" in run("audit", str(path), "--verify")[1]
