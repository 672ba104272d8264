"""A districting plan comes back as it was saved; saved again, it becomes the next version."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from api.store import Project
from gis.districts import Adjacency, DistrictPlan, LeftOut
from gis.errors import OptionError, UnknownNameError
from gis.plans import Package
from gis.plans.packages import bundle


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p.gpkg", name="x") as made:
        yield made


def make_plan(name: str = "方案一", *, objective: float = 1.0, bound: float = 1.0) -> DistrictPlan:
    adjacency = Adjacency(
        kind="walk",
        links=np.array([[0, 1], [2, 1]]),
        metres=np.array([12.5, np.nan]),
        reason=np.array(["12 m on foot", "touch"], dtype=object),
        beyond=np.array([[0, 2]]),
        beyond_m=np.array([900.0]),
    )
    return DistrictPlan(
        name=name,
        estates=np.array(["c", "a", "b"], dtype=object),
        district=np.array(["D1", "D1", None], dtype=object),
        left_out=(LeftOut("b", "fewer than 5000 people in reach", proved=True),),
        settings={"sizes": {"people": [5000, 12000]}, "seed": 0, "where": None},
        objective=objective,
        bound=bound,
        gap=0.0,
        status="optimal",
        adjacency=adjacency,
        reason="proved by hand",
    )


def test_a_plan_comes_back_as_it_was_saved(project: Project) -> None:
    plan = make_plan(objective=math.nan)
    assert project.save_plan(plan) == 1
    found = project.read_plan("方案一")
    assert found.estates.tolist() == ["c", "a", "b"]
    assert found.district.tolist() == ["D1", "D1", None]
    assert found.left_out == plan.left_out
    assert {k: v for k, v in found.settings.items() if k != "history"} == plan.settings
    assert math.isnan(found.objective)
    assert (found.bound, found.gap, found.status) == (1.0, 0.0, "optimal")
    assert found.adjacency.links.tolist() == [[0, 1], [2, 1]]
    assert found.adjacency.links.dtype == plan.adjacency.links.dtype
    assert (found.adjacency.kind, found.reason) == ("walk", "proved by hand")
    assert (found.adjacency.beyond.tolist(), found.adjacency.beyond_m.tolist()) == ([[0, 2]], [900])
    np.testing.assert_array_equal(found.adjacency.metres, plan.adjacency.metres)
    assert found.adjacency.reason.tolist() == ["12 m on foot", "touch"]


def test_a_plan_saved_again_is_the_next_version_and_the_old_one_stays(project: Project) -> None:
    project.save_plan(make_plan("a", objective=7.0))
    project.save_plan(make_plan("b"))
    assert project.save_plan(make_plan("a", objective=5.0)) == 2
    assert project.plan_names() == ("a", "b")
    assert project.read_plan("a").objective == 5.0
    assert project.read_plan("a", version=1).objective == 7.0


def test_a_plan_that_is_not_there_is_refused_with_a_list_of_those_that_are(
    project: Project,
) -> None:
    with pytest.raises(UnknownNameError, match="no plan 'x'; make one with: lianpian districts"):
        project.read_plan("x")
    project.save_plan(make_plan("a"))
    with pytest.raises(UnknownNameError, match="no plan 'x'; there are: a"):
        project.read_plan("x")
    with pytest.raises(UnknownNameError, match="'a' has no version 2"):
        project.read_plan("a", version=2)


def test_settings_with_numbers_of_numpy_and_unknown_ones_are_plain_json(project: Project) -> None:
    plan = make_plan("a")
    object.__setattr__(
        plan, "settings", {"n": np.int64(3), "x": (1.5, np.nan), "far": math.inf, "k": {"b", "a"}}
    )
    project.save_plan(plan)
    kept = {k: v for k, v in project.read_plan("a").settings.items() if k != "history"}
    assert kept == {"n": 3, "x": [1.5, None], "far": math.inf, "k": ["a", "b"]}


def test_a_plan_without_estates_or_links_can_be_saved(project: Project) -> None:
    nothing = DistrictPlan(
        name="none",
        estates=np.array([], dtype=object),
        district=np.array([], dtype=object),
        left_out=(),
        settings={},
        objective=math.nan,
        bound=math.nan,
        gap=math.nan,
        status="infeasible",
        adjacency=Adjacency(
            kind="walk",
            links=np.empty((0, 2), int),
            metres=np.empty(0),
            reason=np.empty(0, object),
            beyond=np.empty((0, 2), int),
            beyond_m=np.empty(0),
        ),
    )
    project.save_plan(nothing)
    found = project.read_plan("none")
    assert found.adjacency.links.shape == (0, 2)
    assert found.adjacency.beyond.shape == (0, 2)
    assert (len(found.estates), found.status) == (0, "infeasible")


def test_the_members_of_a_plan_are_a_table_that_other_programs_can_join(project: Project) -> None:
    project.save_plan(make_plan())
    connection = sqlite3.connect(str(project.path))
    rows = connection.execute(
        "SELECT name, version, estate, district FROM plan_members"
        " JOIN plans ON plans.id = plan_id ORDER BY place"
    ).fetchall()
    connection.close()
    assert rows == [("方案一", 1, "c", "D1"), ("方案一", 1, "a", "D1"), ("方案一", 1, "b", None)]


def test_links_come_back_with_all_that_is_said_of_them(project: Project) -> None:
    beside = dataclasses.replace(
        make_plan().adjacency,
        how=np.array(["walk", "added"], dtype=object),
        walk_m=np.array([12.5, np.nan]),
        gap_m=np.array([np.nan, 3.0]),
        shared_m=np.array([40.0, 0.0]),
        note=np.array(["", "同意"], dtype=object),
        beyond_reason=np.array(["the river 永定河"], dtype=object),
        beyond_why=np.array(["barrier"], dtype=object),
        beyond_what=np.array(["river|永定河"], dtype=object),
    )
    project.save_plan(dataclasses.replace(make_plan(), adjacency=beside))
    found = project.read_plan("方案一").adjacency
    for field in dataclasses.fields(Adjacency):
        kept, was = getattr(found, field.name), getattr(beside, field.name)
        np.testing.assert_array_equal(kept, was, err_msg=field.name)


def test_a_plan_of_an_older_project_is_read_without_what_was_not_kept(project: Project) -> None:
    project.save_plan(make_plan())
    connection = sqlite3.connect(str(project.path))
    old = '{"kind": "walk", "links": [["c", "a", 12.5, "on foot"]], "beyond": [["c", "b", 900.0]]}'
    # Before there were histories and links with figures.
    connection.execute("UPDATE plans SET adjacency = ?, settings = '{}'", (old,))
    connection.commit()
    connection.close()
    found = project.read_plan("方案一")
    assert found.adjacency.links.tolist() == [[0, 1]]
    assert found.adjacency.reason.tolist() == ["on foot"]
    assert found.adjacency.beyond_m.tolist() == [900.0]
    assert project.read_packages("方案一") == ()
    (info,) = project.plan_infos()
    assert (info.what, info.who, info.packages) == ("made", None, 0)
    project.save_plan(found, packages=[Package("P", ("D1",))])
    assert project.read_packages("方案一") == (Package("P", ("D1",)),)


def test_every_version_says_what_was_done_by_whom_and_when(tmp_path: Path) -> None:
    days = iter(range(1, 9))

    def clock() -> datetime:
        return datetime(2026, 3, next(days), 8, tzinfo=UTC)

    with Project.create(tmp_path / "p.gpkg", name="x", clock=clock) as project:
        project.save_plan(make_plan("a"), who="王")
        project.save_plan(project.read_plan("a"), what="repaired", who="李", note="version 1")
        told = project.read_plan("a").settings["history"]
        infos = project.plan_infos("a")
    assert [(line["what"], line["who"], line["note"], line["version"]) for line in told] == [
        ("made", "王", "", 1),
        ("repaired", "李", "version 1", 2),
    ]
    assert [line["when"][:10] for line in told] == ["2026-03-02", "2026-03-03"]
    assert [(i.version, i.what, i.who, i.districts, i.estates) for i in infos] == [
        (1, "made", "王", 1, 2),
        (2, "repaired", "李", 1, 2),
    ]


def test_a_line_of_history_that_was_begun_is_completed(project: Project) -> None:
    begun = ({"what": "edited", "note": "2 estates moved"},)
    plan = make_plan("a")
    project.save_plan(dataclasses.replace(plan, settings={**plan.settings, "history": begun}))
    (line,) = project.read_plan("a").settings["history"]
    assert (line["what"], line["note"], line["version"]) == ("edited", "2 estates moved", 1)


def test_restoring_makes_an_older_version_with_its_packages_the_newest(project: Project) -> None:
    packages = (Package("P", ("D1",), (), "甲公司"), Package("Q", (), ("b",)))
    project.save_plan(make_plan("a", objective=7.0), packages=packages)
    project.save_plan(make_plan("a", objective=5.0))
    assert project.read_packages("a") == ()
    assert project.restore_plan("a", 1) == 3
    assert project.read_plan("a").objective == 7.0
    assert project.read_packages("a") == packages
    assert project.read_plan("a").settings["history"][-1]["note"] == "version 1"
    with pytest.raises(UnknownNameError, match="no version 9; there are: 1, 2, 3"):
        project.restore_plan("a", 9)


def test_a_plan_is_removed_with_everything_of_it(project: Project) -> None:
    project.save_plan(make_plan("a"), packages=[Package("P", ("D1",))])
    project.save_plan(make_plan("a"))
    project.save_plan(make_plan("b"))
    assert project.remove_plan("a") == 2
    assert project.plan_names() == ("b",)
    connection = sqlite3.connect(str(project.path))
    left = [
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("plans", "plan_members", "plan_packages")
    ]
    connection.close()
    assert left == [1, 3, 0]
    with pytest.raises(UnknownNameError, match="no plan 'a'; there are: b"):
        project.remove_plan("a")


def test_a_plan_is_renamed_in_all_its_versions(project: Project) -> None:
    project.save_plan(make_plan("a", objective=7.0), packages=[Package("P", ("D1",))])
    project.save_plan(make_plan("a"))
    project.save_plan(make_plan("b"))
    project.rename_plan("a", "新名")
    assert project.plan_names() == ("新名", "b")
    assert project.read_plan("新名", version=1).objective == 7.0
    assert project.read_packages("新名", version=1) == (Package("P", ("D1",)),)
    with pytest.raises(OptionError, match="a plan 'b' already"):
        project.rename_plan("新名", "b")
    with pytest.raises(UnknownNameError, match="no plan 'a'"):
        project.rename_plan("a", "c")


@pytest.mark.parametrize("name", ["", " a", "a\n", "\x1b[2J", "a" * 101])
def test_a_name_that_cannot_be_seen_is_refused(project: Project, name: str) -> None:
    with pytest.raises(OptionError, match="cannot be called"):
        project.save_plan(make_plan(name))
    assert project.plan_names() == ()


@pytest.mark.parametrize("name", ["=1+1", "'; DROP TABLE plans; --", "<b>x</b>", "甲 & 乙", "../x"])
def test_a_hostile_name_is_only_a_name(project: Project, name: str) -> None:
    plan = dataclasses.replace(make_plan(name), district=np.array([name, name, None], dtype=object))
    project.save_plan(plan, packages=[Package(name, (name,), (), name)])
    assert project.plan_names() == (name,)
    assert project.read_plan(name).districts == (name,)
    assert project.read_packages(name) == (Package(name, (name,), (), name),)


def test_a_refused_change_of_packages_leaves_no_version(project: Project) -> None:
    project.save_plan(make_plan("a"), packages=[Package("P", ("D1",))])
    with pytest.raises(OptionError, match="both hold"):
        project.change_packages("a", lambda plan, old: bundle(plan, old, "Q", ["c"]))
    assert [info.version for info in project.plan_infos("a")] == [1]
    assert project.change_packages("a", lambda plan, old: bundle(plan, old, "Q", ["b"])) == 2


WRITER = """
import sys, traceback
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store_plans import make_plan
from api.store import Project
from gis.plans import Package
with Project.open(sys.argv[1]) as project:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[2])):
        version = project.save_plan(make_plan("a"), packages=[Package("P", ("D1",))])
        print(version, flush=True)
"""


def start(project: str, times: int) -> subprocess.Popen[str]:
    here = Path(__file__).resolve().parent
    return subprocess.Popen(
        [sys.executable, "-c", WRITER.format(tests=str(here)), str(project), str(times)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=here.parent,
    )


def test_two_processes_that_save_at_the_same_time_lose_nothing(project: Project) -> None:
    writers = [start(str(project.path), 20) for _ in range(2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    told: list[int] = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        out, _ = writer.communicate(timeout=300)
        assert writer.returncode == 0
        told += map(int, out.split())
    assert sorted(told) == list(range(1, 41))
    assert [info.version for info in project.plan_infos("a")] == list(range(1, 41))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_writer_killed_at_any_moment_leaves_whole_versions(project: Project) -> None:
    for number in range(3):
        writer = start(str(project.path), 10_000)
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "ready\n"
        writer.stdin.write("\n")
        writer.stdin.flush()
        writer.stdout.readline()
        time.sleep(0.03 + 0.05 * number)
        os.kill(writer.pid, signal.SIGKILL)
        told = [int(line) for line in writer.communicate()[0].split()]
        infos = project.plan_infos("a")
        assert [info.version for info in infos] == list(range(1, len(infos) + 1))
        assert len(infos) >= max(told, default=1)
        # Every version has its estates and its package: each came in one transaction.
        assert {(info.estates, info.packages) for info in infos} == {(2, 1)}
