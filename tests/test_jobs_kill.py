"""A server that is killed leaves no process behind, and says so of its jobs when it is back.

``LIANPIAN_KILLS`` in the environment asks for more kills than the suite has time for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.jobs import Jobs
from api.settings import Settings
from api.store import Project
from api.store.office import Office

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

KILLS = int(os.environ.get("LIANPIAN_KILLS", "5"))
PATIENCE_S = 60.0
ROOT = Path(__file__).resolve().parent.parent

WORKS = """
import os, re, time

def patient(project, options, progress):
    while True:
        progress(0.1, f"pid {os.getpid()}")
        time.sleep(0.02)

def stuck(project, options, progress):
    progress(0.1, f"pid {os.getpid()}")
    re.match(r"(a+)+$", "a" * 99 + "b")  # compiled, for ever, and holds the interpreter
"""

# One program that has imported everything and forks the servers that are killed.
SERVERS = """
import os, sys, time
import api.jobs.jobs
from api.jobs import Jobs
from api.settings import Settings
from api.store import Author, Project
from api.store.office import Office

WORKS = {name: f"tests_works:{name}" for name in ("patient", "stuck")}

def serve(office, project, *works):
    api.jobs.jobs.WARM_AFTER_S = 0.0
    jobs = Jobs(Settings(jobs=1), Office.open(office), {"town": project}.get, works=WORKS)
    jobs.start()
    ids = [jobs.submit("town", work, {}, Author("x", "test")) for work in works]
    print(os.getpid(), *ids, flush=True)
    while os.getppid() == program:
        time.sleep(1)
    os._exit(0)

program = os.getpid()
for line in sys.stdin:
    order, *arguments = line.rstrip("\\n").split("\\t")
    if order == "wait":
        print(os.waitpid(int(arguments[0]), 0)[1], flush=True)
    elif not os.fork():
        serve(*arguments)
"""

Ask = Callable[..., list[str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("project") / "town.gpkg"
    Project.create(path, name="town").close()
    return path


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Give orders to the program, and read its answer."""
    works = tmp_path_factory.mktemp("works")
    (works / "tests_works.py").write_text(WORKS, "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(works)])}
    with subprocess.Popen(
        [sys.executable, "-c", SERVERS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def order(*words: object) -> list[str]:
            print(*words, sep="\t", file=program.stdin, flush=True)
            return program.stdout.readline().split()

        yield order
        program.stdin.close()


def wait_for(question: Callable[[], Any]) -> Any:
    until_s = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.005)
    return answer


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def runs(pid: int) -> bool:
    """Whether a process is there that is not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(ask: Ask, server: int) -> list[int]:
    """Kill a server; return the processes that it had."""
    children = children_of(server)
    os.kill(server, 9)
    assert ask("wait", server) == ["9"]
    return children


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_server_leaves_no_process_and_interrupted_jobs(
    ask: Ask, project: Path, tmp_path: Path, number: int
) -> None:
    office = Office.open(tmp_path / "office.db")
    work = ("patient", "stuck")[number % 2]
    pid, first, second = ask("serve", tmp_path / "office.db", project, work, work)
    server = int(pid)
    if number % 3 == 2:  # while the child still loads
        wait_for(lambda: office.job(first).state == "running" and children_of(server))
    else:
        wait_for(lambda: office.job(first).message.startswith("pid "))

    children = kill(ask, server)

    assert children
    for child in children:
        wait_for(lambda child=child: not runs(child))
    assert [office.job(job).state for job in (first, second)] == ["running", "queued"]
    again = Jobs(Settings(jobs=1), office, {"town": project}.__getitem__, works={})
    again.start()
    assert [office.job(job).state for job in (first, second)] == ["interrupted"] * 2
    assert "ask again" in office.job(first).message
    again.stop()
    office.close()


def test_the_process_that_waits_for_a_job_dies_with_the_server(
    ask: Ask, project: Path, tmp_path: Path
) -> None:
    (pid,) = ask("serve", tmp_path / "office.db", project)
    (spare,) = wait_for(lambda: children_of(int(pid)))

    assert kill(ask, int(pid)) == [spare]
    wait_for(lambda: not runs(spare))
