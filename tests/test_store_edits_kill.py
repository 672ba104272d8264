"""An acknowledged edit outlives a kill -9; of two processes at one row exactly one wins."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely

from api.store import Project
from tests.layers import layer
from tests.test_store_kill import Writers

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

KILLS = 4

# One program that has imported everything and forks the writers; each writes to its log what was
# acknowledged to it.
WRITERS = """
import os, sys, traceback
import shapely
from api.store import Author, Project, RowChange
from gis.errors import ConflictError

def edit_for_ever(path, say):
    with Project.open(path, author=Author(str(os.getpid()), "test")) as project:
        say("open")
        for number in range(100_000):
            shape = shapely.box(500_000 + number, 3_200_000, 500_005 + number, 3_200_005)
            made = project.edit_rows("estates", [
                RowChange("insert", f"N{number}", geometry=shape),
                RowChange("update", "estates-0", values={"people": number}),
                RowChange("update", "estates-1", geometry=shape),
            ])
            say(f"{number}:{made.edit_id}")

def insist_twenty_times(path, say):
    with Project.open(path, author=Author(str(os.getpid()), "test")) as project:
        won = 0
        while won < 20:
            rev = int(project.read_rows("estates", uids=["estates-0"]).revs[0])
            change = RowChange("update", "estates-0", rev=rev, values={"name": f"{os.getpid()}"})
            try:
                made = project.edit_rows("estates", [change])
            except ConflictError:
                continue
            won += 1
            say(f"{rev}:{made.revs[0]}")

def write(job, where, log):
    with open(log, "a", buffering=1) as file:
        try:
            globals()[job](where, lambda word: print(word, file=file))
        except BaseException:
            file.write(traceback.format_exc())
            os._exit(1)
        os._exit(0)

for line in sys.stdin:
    job, *arguments = line.rstrip("\\n").split("\\t")
    if job == "wait":
        print(os.waitstatus_to_exitcode(os.waitpid(int(arguments[0]), 0)[1]), flush=True)
    elif pid := os.fork():
        print(pid, flush=True)
    else:
        write(job, *arguments)
"""


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITERS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    with process:
        yield Writers(process)
        process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.gpkg"
    with Project.create(path, name="x") as project:
        project.write_layers([(layer("estates", [shapely.box(0, 0, 9, 9)] * 2), None)])
    return path


def test_every_acknowledged_edit_outlives_a_kill(
    path: Path, tmp_path: Path, writers: Writers
) -> None:
    done = 0
    for number in range(KILLS):
        if number:
            # A writer begins at 0 again: make room for its rows.
            with Project.open(path) as project:
                estates = layer("estates", [shapely.box(0, 0, 9, 9)] * 2)
                project.write_layers([(estates, None)], replace=True)
        told = writers.kill(
            "edit_for_ever", path, tmp_path / f"{number}.log", wait_s=0.1 + 0.11 * number
        )
        acknowledged = len(told) - 1
        with Project.open(path) as project:
            rows = project.read_layer("estates").frame
            news = len(rows) - 2
            # The one under way may have been committed and not yet told.
            assert acknowledged <= news <= acknowledged + 1
            last = news - 1
            assert set(rows["uid"]) == {"estates-0", "estates-1", *(f"N{i}" for i in range(news))}
            if news:
                assert rows["people"][0] == last
                assert rows.geometry[1].bounds[0] == 500_000 + last
            edits = project.edits(limit=10_000)
            assert len(edits) == done + news
            done += news
            assert [edit.id for edit in edits] == list(range(done, 0, -1))
            check = project.verify_audit()
            assert (check.ok, check.why) == (True, "")
            whats = [line.what for line in project.audit_lines(10_000)]
            assert whats.count("edit") == done
            box = (500_000 + last - 0.5, 3_200_000, 500_000 + last + 0.1, 3_200_001)
            assert not news or f"N{last}" in project.read_rows("estates", bbox=box).uids
        assert_sound(path, rows=2 + news)
    assert done > 0


def assert_sound(path: Path, *, rows: int) -> None:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT rtreecheck('rtree_estates_geom')").fetchall() == [("ok",)]
        count = "SELECT count(*) FROM rtree_estates_geom"
        assert connection.execute(count).fetchall() == [(rows,)]
    finally:
        connection.close()


def test_of_two_processes_at_one_row_exactly_one_wins_each_time(
    path: Path, tmp_path: Path, writers: Writers
) -> None:
    with Project.open(path) as project:
        first = int(project.read_rows("estates", uids=["estates-0"]).revs[0])
    logs = [tmp_path / f"{number}.log" for number in range(2)]
    pids = [writers.start("insist_twenty_times", path, log) for log in logs]
    assert [writers.wait(pid) for pid in pids] == [0, 0], [log.read_text() for log in logs]
    won = [line for log in logs for line in log.read_text().split()]
    # Each rev was read and replaced by one writer only.
    assert sorted(map(int, (line.split(":")[0] for line in won))) == list(range(first, first + 40))
    with Project.open(path) as project:
        assert project.read_rows("estates", uids=["estates-0"]).revs.tolist() == [first + 40]
        assert len(project.edits()) == 40
        assert project.verify_audit().ok
