"""Jobs in child processes: done, told, cancelled, killed, and never left behind."""

import asyncio
import logging
import os
import re
import time
from pathlib import Path

import pytest

from api.jobs import Jobs, QueueFullError
from api.jobs.child import perform
from api.jobs.folders import JobFolders, folder_beside
from api.jobs.server import STALE_S, server_is_gone, server_name
from api.settings import Settings
from api.store import Author, Project
from api.store.office import Office
from gis.errors import FileError, OptionError, ProjectError, UnknownNameError

WHO = Author("王工", "127.0.0.1")
PATIENCE_S = 60.0

WORKS = '''
"""Works that are made up for the tests."""

import os, re, signal, subprocess, sys
from pathlib import Path
from gis.errors import OptionError

def quick(project, options, progress):
    progress(0.5, "half\\nway")
    print("a word from the work")
    os.write(1, b"and one from below\\n")
    return {"name": project.name, "who": project.author.name, "x": options["x"],
            "job": options["_job"], "unknown": float("nan"), "own": options.get("_own")}

def patient(project, options, progress):
    import time
    while True:
        progress(0.1, f"pid {os.getpid()}")
        time.sleep(0.02)

def hidden(project, options, progress):
    import time
    while True:
        try:
            progress(0.1, f"pid {os.getpid()}")
        except Exception:
            pass
        time.sleep(0.02)

def stuck(project, options, progress):
    progress(0.1, f"pid {os.getpid()}")
    re.match(r"(a+)+$", "a" * 99 + "b")  # compiled, for ever, and holds the interpreter

def parent(project, options, progress):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    progress(0.1, f"pid {other.pid}")
    re.match(r"(a+)+$", "a" * 99 + "b")

def makes_file(project, options, progress):
    (Path(options["_folder"]) / "表 1.txt").write_text("made", "utf-8")
    return {"file": "表 1.txt"}

def killed(project, options, progress):
    os.kill(os.getpid(), signal.SIGKILL)

def aborts(project, options, progress):
    os.abort()

def refuses(project, options, progress):
    raise OptionError("minutes must be\\nbelow 60")

def broken(project, options, progress):
    raise KeyError("the secret")

def leaves(project, options, progress):
    sys.exit(3)

def hungry(project, options, progress):
    raise MemoryError

def endless(project, options, progress):
    return {"much": "x" * 8_000_000}

def half_an_import(project, options, progress):
    from tests_layers import many
    def kill_in_the_middle(share, word):
        if share > 0.4:
            os.kill(os.getpid(), signal.SIGKILL)
    project.write_layers([(many(20_000), None)], progress=kill_in_the_middle)
'''

LAYERS = """
import geopandas as gpd, numpy as np, pandas as pd, shapely
from gis.model import KINDS, Layer
from gis.model.layer import PANDAS_TYPES

def many(n):
    at, kind = np.arange(n) * 1.0 + 500_000, KINDS["gates"]
    data = {c.name: pd.Series([None] * n, dtype=PANDAS_TYPES[c.type]) for c in kind.columns}
    data["uid"] = pd.Series([f"G{i}" for i in range(n)], dtype="str")
    shapes = list(shapely.points(at, at))
    return Layer(kind, gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:4545"))
"""

WORK = {name: f"tests_works:{name}" for name in re.findall(r"^def (\w+)", WORKS, re.MULTILINE)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    path = tmp_path_factory.mktemp("project") / "town.gpkg"
    Project.create(path, name="镇").close()
    return path


@pytest.fixture
def works(tmp_path, monkeypatch):
    """A folder with the made-up works, from which this process and its children import."""
    folder = tmp_path / "works"
    folder.mkdir()
    (folder / "tests_works.py").write_text(WORKS, "utf-8")
    (folder / "tests_layers.py").write_text(LAYERS, "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def make_jobs(tmp_path, project, works):
    """A function that starts a server's jobs on one office; all are stopped at the end."""
    made = []

    def start(*, jobs=1, stop_s=0.0, **given):
        office = Office.open(tmp_path / "office.db")
        settings = Settings(jobs=jobs, jobs_stop_s=stop_s, **given)
        one = Jobs(settings, office, {"town": project, "city": project}.__getitem__, works=WORK)
        made.append((one, office))
        one.start()
        return one

    yield start
    for one, office in made:
        one.stop()
        office.close()


def submit(jobs, work, project="town", **options):
    return jobs.submit(project, work, options, WHO)


async def _until(jobs, job_id, enough):
    async with asyncio.timeout(PATIENCE_S):
        async for job in jobs.events(job_id):
            if enough(job):
                return job
    raise AssertionError(f"the job ended otherwise: {jobs.job(job_id)}")


def until(jobs, job_id, enough):
    """Watch a job until it is as wanted."""
    return asyncio.run(_until(jobs, job_id, enough))


def end_of(jobs, job_id):
    return until(jobs, job_id, lambda job: job.is_over)


def pid_of(jobs, job_id):
    """The process that a running job has told of."""
    told = until(jobs, job_id, lambda job: job.message.startswith("pid "))
    return int(told.message.removeprefix("pid "))


def runs(pid):
    """Whether a process is there that is not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid):
    """Wait until a process is gone."""
    until_s = time.monotonic() + PATIENCE_S
    while runs(pid):
        assert time.monotonic() < until_s, f"{pid} still runs"
        time.sleep(0.01)
    return True


def order(project, works, folder, name, **options):
    return {
        "job": "j1",
        "function": WORK[name],
        "address": str(project),
        "author": {"name": WHO.name, "where": WHO.where},
        "options": options,
        "folder": str(folder),
    }


# What a job answers


def test_a_job_works_in_a_process_of_its_own_and_answers(make_jobs, caplog, capfd):
    caplog.set_level(logging.INFO, "lianpian.jobs")
    jobs = make_jobs()
    job_id = submit(jobs, "quick", x=[1, 2], _own="/a/path")
    seen = []
    done = until(jobs, job_id, lambda job: seen.append(job) or job.is_over)

    assert done.state == "done"
    answer = {"name": "镇", "who": "王工", "x": [1, 2], "job": job_id, "unknown": None}
    assert done.result == {**answer, "own": "/a/path"}
    # What the server gave along is told to nobody.
    assert (done.options, done.who, done.project) == ({"x": [1, 2]}, "王工", "town")
    assert [job.rev for job in seen] == sorted({job.rev for job in seen})
    assert "/a/path" not in str(jobs.list("town"))
    jobs.stop()
    printed = f"job {job_id} printed: "
    assert {printed + "a word from the work", printed + "and one from below"} <= {*caplog.messages}
    assert capfd.readouterr() == ("", "")


def test_a_file_that_a_job_made_can_be_fetched_and_nothing_else(make_jobs, tmp_path):
    jobs = make_jobs()
    job_id = submit(jobs, "makes_file")
    assert end_of(jobs, job_id).result == {"file": "表 1.txt"}

    path = jobs.file(job_id, "表 1.txt")

    assert path.read_text("utf-8") == "made"
    assert path.parent.parent == tmp_path / ".lianpian-jobs"
    (tmp_path / ".lianpian-jobs" / job_id / "other.txt").write_text("other")
    for name in ("other.txt", "../../office.db", "/etc/passwd", "", ".", ".."):
        with pytest.raises(UnknownNameError, match="has no file"):
            jobs.file(job_id, name)
    path.unlink()
    with pytest.raises(UnknownNameError, match="is gone"):
        jobs.file(job_id, "表 1.txt")


def said(project, works, tmp_path, name):
    return perform(order(project, works, tmp_path / "j1", name), lambda share, word: None)


def test_an_error_of_ours_is_told_by_class_and_line(project, works, tmp_path):
    assert said(project, works, tmp_path, "refuses") == {
        "end": "failed",
        "error": {"error": "OptionError", "message": "minutes must be below 60"},
    }


@pytest.mark.parametrize("name", ["broken", "leaves"])
def test_a_fault_is_told_by_its_number_only(project, works, tmp_path, name):
    told = said(project, works, tmp_path, name)

    message = "A fault of ours; whoever runs the server finds it as j1"
    assert told["error"] == {"error": "Fault", "message": message}
    assert "Traceback" in told["trace"]
    assert ("the secret" in told["trace"]) == (name == "broken")


def test_memory_that_ran_out_and_answers_without_end_are_told(project, works, tmp_path):
    assert said(project, works, tmp_path, "hungry")["error"]["error"] == "OutOfMemory"
    told = said(project, works, tmp_path, "endless")["error"]["message"]
    assert told.startswith("The answer has 8,000,012 characters, more than the 8,000,000")


def test_the_traceback_of_a_fault_is_in_the_log_and_nowhere_else(make_jobs, caplog):
    jobs = make_jobs()
    failed = end_of(jobs, submit(jobs, "broken"))

    assert failed.state == "failed"
    assert "the secret" not in str(failed)
    assert failed.id in failed.message
    (logged,) = [r.getMessage() for r in caplog.records if "the secret" in r.getMessage()]
    assert failed.id in logged


def test_an_end_that_the_office_does_not_take_at_once_is_written_down_later(make_jobs, monkeypatch):
    monkeypatch.setattr("api.jobs.jobs.PAUSES_S", (0.0, 0.0))
    jobs = make_jobs()
    move, refused = jobs._office.move_job, []

    def away(job_id, state, **values):
        if state == "done" and len(refused) < 2:
            refused.append(state)
            raise ProjectError("the office is away")
        return move(job_id, state, **values)

    monkeypatch.setattr(jobs._office, "move_job", away)

    assert end_of(jobs, submit(jobs, "makes_file")).result == {"file": "表 1.txt"}
    assert len(refused) == 2


# How a job ends before its time


@pytest.mark.parametrize(
    ("name", "error", "word"),
    [("killed", "OutOfMemory", "memory ran out"), ("aborts", "Fault", "SIGABRT")],
)
def test_a_child_that_is_killed_fails_its_job_with_a_word(make_jobs, name, error, word):
    jobs = make_jobs()
    failed = end_of(jobs, submit(jobs, name))

    assert (failed.state, failed.error["error"]) == ("failed", error)
    assert word in failed.message


def test_an_import_that_is_killed_in_the_middle_leaves_nothing(make_jobs, store):
    Project.create(store, name="镇").close()
    jobs = make_jobs()
    jobs._address_of = {"town": store}.__getitem__

    failed = end_of(jobs, submit(jobs, "half_an_import"))

    assert failed.error["error"] == "OutOfMemory"
    with Project.open(store) as opened:
        assert not opened.layers()
        # And it is not left locked either.
        opened.state_none("nursery", none=True)


def test_a_job_is_cancelled_where_it_waits(make_jobs):
    jobs = make_jobs()
    pid = pid_of(jobs, first := submit(jobs, "patient"))
    second = submit(jobs, "patient")

    assert jobs.cancel(second).state == "cancelled"
    assert jobs.job(second).started is None
    assert jobs.job(first).state == "running"
    jobs.cancel(first)
    assert end_of(jobs, first).state == "cancelled"
    assert gone(pid)


@pytest.mark.parametrize("name", ["hidden", "stuck", "parent"])
def test_a_job_that_works_is_cancelled_whatever_it_does(make_jobs, monkeypatch, name):
    # What still tells its progress ends by itself; what does not is killed.
    grace_s = PATIENCE_S * 10 if name == "hidden" else 0.3
    monkeypatch.setattr("api.jobs.process.GRACE_S", grace_s)
    jobs = make_jobs()
    pid = pid_of(jobs, job_id := submit(jobs, name))
    jobs.cancel(job_id)

    ended = end_of(jobs, job_id)

    assert (ended.state, ended.message) == ("cancelled", "Cancelled")
    assert gone(pid)
    assert jobs.cancel(job_id) == ended


def test_a_server_that_stops_lets_jobs_end_and_interrupts_what_does_not(make_jobs, monkeypatch):
    monkeypatch.setattr("api.jobs.process.GRACE_S", 0.3)
    patient = make_jobs(stop_s=PATIENCE_S)
    ending = submit(patient, "makes_file")
    waiting = submit(patient, "makes_file")
    until(patient, ending, lambda job: job.state == "running")
    patient.stop()
    assert patient.job(ending).state == "done"
    assert patient.job(waiting).state == "interrupted"
    with pytest.raises(QueueFullError, match="stopping"):
        submit(patient, "quick", x=1)

    hasty = make_jobs(stop_s=0.0)
    pid = pid_of(hasty, endless := submit(hasty, "stuck"))
    hasty.stop()

    ended = hasty.job(endless)
    assert (ended.state, ended.message) == ("interrupted", "The server was stopped; ask again")
    assert gone(pid)


# Several servers


def test_two_servers_share_an_office_and_one_cancels_what_the_other_does(make_jobs):
    one, other = make_jobs(), make_jobs()
    pid = pid_of(one, running := submit(one, "patient"))
    waiting = submit(one, "patient")

    # The second server finds both looked after, and touches neither.
    assert [job.state for job in other.list("town")] == ["queued", "running"]
    assert other.cancel(waiting).state == "queued"
    assert end_of(other, waiting).state == "cancelled"
    other.cancel(running)
    assert end_of(other, running).state == "cancelled"
    assert gone(pid)


def test_a_job_that_others_gave_up_is_ended_where_it_runs(make_jobs, tmp_path):
    jobs = make_jobs()
    pid = pid_of(jobs, job_id := submit(jobs, "patient"))
    office = Office.open(tmp_path / "office.db")
    office.interrupt_jobs(lambda server, beat: True, message="thought gone")

    assert gone(pid)
    assert end_of(jobs, job_id).message == "thought gone"
    office.close()


def test_servers_beat_for_their_jobs_and_sweep_up_those_of_the_silent(
    make_jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr("api.jobs.jobs.BEAT_S", 0.0)
    monkeypatch.setattr("api.jobs.jobs.SWEEP_S", 0.0)
    monkeypatch.setattr("api.jobs.jobs.TICK_S", 0.02)
    jobs = make_jobs()
    running = submit(jobs, "patient")
    office = Office.open(tmp_path / "office.db")
    beats = set()

    def note(server, beat):
        beats.add((server, beat))
        return False

    until_s = time.monotonic() + PATIENCE_S
    while len(beats) < 3:
        assert time.monotonic() < until_s
        office.interrupt_jobs(note, message="")
    assert {server for server, _ in beats} == {server_name()}

    told = {"project": "town", "work": "quick", "options": {}, "who": "x", "server": "away/1/a"}
    office.add_job("silent", **told, beat=time.time() - STALE_S - 1)
    office.add_job("heard", **told, beat=time.time() + 1000)
    assert "ask again" in end_of(jobs, "silent").message
    assert jobs.job("heard").state == "queued"
    assert not jobs.job(running).is_over
    office.close()


def test_a_server_is_gone_when_its_process_is_or_when_it_is_silent():
    now = time.time()
    place, pid, _ = server_name().split("/")
    assert not server_is_gone(server_name(), now)
    assert not server_is_gone("elsewhere/1/ab", now)
    assert server_is_gone("elsewhere/1/ab", now - STALE_S - 1)
    # Of this machine: a process before this one with its number, one that runs, one that does not.
    assert server_is_gone(f"{place}/{pid}/before", now)
    assert not server_is_gone(f"{place}/{os.getppid()}/ab", now)
    assert server_is_gone(f"{place}/{2**22 + 1}/ab", now)
    assert not server_is_gone("", now)


# What is refused


def test_what_cannot_be_asked_is_refused_and_leaves_no_row(make_jobs, monkeypatch):
    jobs = make_jobs()
    with pytest.raises(UnknownNameError, match="no work 'dance'; give one of: quick, patient"):
        submit(jobs, "dance")
    with pytest.raises(KeyError):
        submit(jobs, "quick", project="nowhere")
    with pytest.raises(OptionError, match="1,000,009 characters"):
        submit(jobs, "quick", x="x" * 1_000_000)
    with pytest.raises(UnknownNameError):
        jobs.cancel("nobody's")

    monkeypatch.setattr("api.jobs.queue.MOST_OF_A_PROJECT", 0)
    with pytest.raises(QueueFullError):
        submit(jobs, "quick", x=1)
    assert jobs.list("town") == ()


def test_a_project_that_does_not_open_fails_its_job(make_jobs, project):
    path = project.with_name("gone.gpkg")
    Project.create(path, name="x").close()
    jobs = make_jobs()
    jobs._address_of = {"town": path}.__getitem__
    path.unlink()

    failed = end_of(jobs, submit(jobs, "quick", x=1))

    assert (failed.state, failed.error["error"]) == ("failed", "ProjectError")


# The process that waits


def test_one_process_waits_with_everything_loaded_and_takes_the_next_job(make_jobs, monkeypatch):
    monkeypatch.setattr("api.jobs.jobs.WARM_AFTER_S", PATIENCE_S * 10)
    jobs = make_jobs()
    children = jobs._here
    children.keep_warm()
    pid = children._spare.pid
    children.keep_warm()
    assert children._spare.pid == pid

    job_id = submit(jobs, "patient")
    assert pid_of(jobs, job_id) == pid
    assert children._spare is None
    jobs.cancel(job_id)
    end_of(jobs, job_id)
    assert gone(pid)

    children.keep_warm()
    spare = children._spare.pid
    jobs.stop()
    assert gone(spare)
    children.keep_warm()
    assert children._spare is None


def test_a_waiting_process_that_died_is_replaced_after_a_rest(make_jobs, monkeypatch):
    monkeypatch.setattr("api.jobs.jobs.WARM_AFTER_S", PATIENCE_S * 10)
    jobs = make_jobs()
    children = jobs._here
    children.keep_warm()
    os.kill(pid := children._spare.pid, 9)
    assert gone(pid)

    children.keep_warm()
    assert children._spare is None
    assert end_of(jobs, submit(jobs, "quick", x=1)).state == "done"


# Folders


def test_folders_are_private_and_go_after_a_day_unless_the_job_is_open(tmp_path):
    folders = JobFolders(tmp_path / "jobs")
    for name in ("old", "open", "new"):
        folder = folders.make(name)
        (folder / "file").write_text("x")
        if name != "new":
            os.utime(folder, (0, 0))
    assert (tmp_path / "jobs").stat().st_mode & 0o777 == 0o700

    assert folders.clear(lambda job_id: job_id != "open") == 1
    assert sorted(folder.name for folder in (tmp_path / "jobs").iterdir()) == ["new", "open"]
    folders.drop_if_empty("new")
    (tmp_path / "jobs" / "new" / "file").unlink()
    folders.drop_if_empty("new")
    assert not (tmp_path / "jobs" / "new").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "jobs").write_text("a file")

    with pytest.raises(FileError, match="LIANPIAN_JOBS_FOLDER"):
        JobFolders(tmp_path / "jobs").make("j1")


def test_only_plain_files_of_the_job_are_handed_out(tmp_path):
    folders = JobFolders(tmp_path / "jobs")
    folder = folders.make("j1")
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / ".hidden").write_text("x")
    (folder / "plain").write_text("x")
    held = [
        name for name in ("link", ".hidden", "plain", "../../secret") if folders.holds("j1", name)
    ]

    assert held == ["plain"]


def test_without_a_file_of_the_office_the_folder_is_the_users_own():
    assert folder_beside(Path("/srv/office.db")) == Path("/srv/.lianpian-jobs")
    assert str(os.getuid()) in folder_beside(None).name
