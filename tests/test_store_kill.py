"""A writer killed at any moment leaves the state before or after; several writers take turns."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store import Project

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

KILLS = 6
ROWS = 400

# One program that has imported everything and forks the writers; each writes to its log what was
# acknowledged to it. Estates and gates of a layer all bear one word.
WRITERS = f"""
import os, sys, traceback
from pathlib import Path
import geopandas as gpd, numpy as np, pandas as pd, shapely
from api.store import Project
from gis.model import KINDS, Layer
from gis.model.layer import PANDAS_TYPES

def make(kind, word, n={ROWS}, prefix=""):
    at = np.arange(n) * 10.0 + 500_000
    shapes = shapely.box(at, at, at + 5, at + 5) if kind == "estates" else shapely.points(at, at)
    data = {{
        c.name: pd.Series([word if c.type == "text" else None] * n, dtype=PANDAS_TYPES[c.type])
        for c in KINDS[kind].columns
    }}
    data["uid"] = pd.Series([f"{{prefix}}{{i}}" for i in range(n)], dtype="str")
    frame = gpd.GeoDataFrame({{**data, word: pd.Series([word] * n, dtype="str")}},
                             geometry=list(shapes), crs="EPSG:4545")
    return Layer(KINDS[kind], frame)

def replace_for_ever(path, say):
    items = {{w: [(make(k, w), None) for k in ("estates", "gates")] for w in ("one", "two")}}
    with Project.open(path) as project:
        while True:
            for word in items:
                project.write_layers(items[word], replace=True)
                say(word)

def create_for_ever(folder, say):
    for number in range(10_000):
        Project.create(Path(folder) / f"{{number}}.gpkg", name="x").close()
        say(str(number))

def add_ten_times(path, say):
    with Project.open(path) as project:
        for number in range(10):
            who = f"{{os.getpid()}}-{{number}}-"
            project.write_layers([(make("estates", "x", 20, prefix=who), None)])
            project.uids("estates")
            project.state_none("nursery", none=True)

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


class Writers:
    """Starts writers and waits for their end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _ask(self, *words: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(self, job: str, where: Path, log: Path) -> int:
        log.touch()
        return self._ask(job, where, log)

    def wait(self, pid: int) -> int:
        return self._ask("wait", pid)

    def kill(self, job: str, where: Path, log: Path, *, wait_s: float) -> list[str]:
        """Start a writer, wait for its first line and a little, kill -9; return its lines."""
        pid = self.start(job, where, log)
        while not log.read_text().endswith("\n"):
            time.sleep(0.001)
        time.sleep(wait_s)
        os.kill(pid, signal.SIGKILL)
        status = self.wait(pid)
        assert status == -signal.SIGKILL, log.read_text()
        return log.read_text().split()


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


def check(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for kind in ("estates", "gates"):
            asked = f"SELECT rtreecheck('rtree_{kind}_geom')"
            assert connection.execute(asked).fetchall() == [("ok",)]
            count = f"SELECT count(*) FROM rtree_{kind}_geom"
            assert connection.execute(count).fetchall() == [(ROWS,)]
            triggers = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
            # Six that keep the R-tree, four that count changes.
            assert connection.execute(triggers, (kind,)).fetchall() == [(10,)]
    finally:
        connection.close()


def test_a_writer_killed_at_any_moment_leaves_the_state_before_or_after(
    tmp_path: Path, writers: Writers
) -> None:
    for number in range(KILLS):
        path = tmp_path / f"{number}.gpkg"
        Project.create(path, name="x").close()
        log = tmp_path / f"{number}.log"
        told = writers.kill("replace_for_ever", path, log, wait_s=0.02 + 0.037 * number)
        with Project.open(path) as project:
            study = project.read_study()
        check(path)
        # Both layers, all rows and the own column come from one and the same transaction: the last
        # one acknowledged, or the one under way that was committed but not yet told.
        (word,) = {w for layer in study.layers.values() for w in layer.frame["name"]}
        assert [len(layer) for layer in study.layers.values()] == [ROWS, ROWS]
        for layer in study.layers.values():
            own = set(layer.frame) - set(layer.kind.column_names) - {"geometry"}
            assert own == {word}
        assert word in (told[-1], {"one": "two", "two": "one"}[told[-1]])


def test_a_project_killed_while_it_is_made_is_whole_or_not_there(
    tmp_path: Path, writers: Writers
) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        log = tmp_path / f"{number}.log"
        made = len(writers.kill("create_for_ever", folder, log, wait_s=0.03 * number))
        projects = [file for file in folder.glob("*.gpkg") if not file.name.startswith(".")]
        assert made <= len(projects) <= made + 1
        for path in projects:
            with Project.open(path) as project:
                assert project.layers() == []


def test_two_programs_that_write_at_once_take_turns(tmp_path: Path, writers: Writers) -> None:
    path, log = tmp_path / "p.gpkg", tmp_path / "log"
    Project.create(path, name="x").close()
    pids = [writers.start("add_ten_times", path, log) for _ in range(2)]
    assert [writers.wait(pid) for pid in pids] == [0, 0], log.read_text()
    assert log.read_text() == ""
    with Project.open(path) as project:
        assert len(project.read_layer("estates")) == 2 * 10 * 20
        assert project.none_of == {"nursery"}
