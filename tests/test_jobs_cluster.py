"""Jobs on the workers of a real scheduler: the same ends as at home, also where it breaks."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.jobs import Jobs
from api.settings import Settings
from api.store import Author, Project
from api.store.office import Office

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0
WHO = Author("王工", "127.0.0.1")

WORKS = """
import os, re, time
from pathlib import Path
from gis.errors import OptionError

def quick(project, options, progress):
    (Path(options["_folder"]) / "made.txt").write_text("made", "utf-8")
    return {"file": "made.txt", "name": project.name, "who": project.author.name}

def patient(project, options, progress):
    while True:
        progress(0.1, f"pid {os.getpid()}")
        time.sleep(0.02)

def refuses(project, options, progress):
    raise OptionError("minutes must be below 60")

def loses(project, options, progress):
    return {"file": "never written.txt"}
"""
WORK = {name: f"tests_works:{name}" for name in ("quick", "patient", "refuses", "loses")}


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    folder = tmp_path_factory.mktemp("works")
    (folder / "tests_works.py").write_text(WORKS, "utf-8")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    path = tmp_path_factory.mktemp("project") / "town.gpkg"
    Project.create(path, name="镇").close()
    return path


@pytest.fixture
def start(works, tmp_path):
    """A function that starts a scheduler or a worker, as people do, and returns its process."""
    started = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(works)])}

    def run(*words):
        command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
        with (tmp_path / f"{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        started.append(process)
        return process

    yield run
    for process in reversed(started):
        process.kill()
        process.wait()


HERE = ("--host", "127.0.0.1", "--no-dashboard")


@pytest.fixture
def start_scheduler(start, tmp_path):
    """A function that starts a scheduler; returns its process and address."""
    file = tmp_path / "scheduler.json"

    def run(port="0"):
        file.unlink(missing_ok=True)
        process = start("dask_scheduler", *HERE, "--port", port, "--scheduler-file", str(file))
        wait_for(lambda: file.exists() and file.read_text("utf-8").strip().endswith("}"))
        return process, json.loads(file.read_text("utf-8"))["address"]

    return run


@pytest.fixture
def start_worker(start, tmp_path):
    def run(address):
        # With a nanny, as usual: a worker is then the child of another process itself.
        one = ("--nworkers", "1", "--nthreads", "4", "--local-directory", str(tmp_path))
        return start("dask_worker", address, *HERE, *one)

    return run


def wait_for(question):
    until_s = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.01)
    return answer


@pytest.fixture
def make_jobs(tmp_path, project):
    made = []

    def start(address):
        office = Office.open(tmp_path / "office.db")
        settings = Settings(jobs=4, jobs_stop_s=0.0, dask_address=address)
        jobs = Jobs(settings, office, lambda name: project, works=WORK)
        jobs.start()
        made.append((jobs, office))
        return jobs

    yield start
    for jobs, office in made:
        jobs.stop()
        office.close()


async def _until(jobs, job_id, enough):
    async with asyncio.timeout(PATIENCE_S):
        async for job in jobs.events(job_id):
            if enough(job):
                return job
    raise AssertionError(f"the job ended otherwise: {jobs.job(job_id)}")


def until(jobs, job_id, enough):
    return asyncio.run(_until(jobs, job_id, enough))


def children_of(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def submit(jobs, work, **options):
    return jobs.submit("town", work, options, WHO)


def end_of(jobs, job_id):
    return until(jobs, job_id, lambda job: job.is_over)


def runs(pid):
    """Whether a process is there that is not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pid_of(jobs, job_id, *, other_than=0):
    """The process, on whatever machine, that a running job has told of."""
    word = f"pid {other_than}"
    told = until(jobs, job_id, lambda job: job.message.startswith("pid ") and job.message != word)
    return int(told.message.removeprefix("pid "))


def test_workers_do_what_children_do(start_scheduler, start_worker, make_jobs, caplog):
    caplog.set_level("INFO", "lianpian.jobs")
    _, address = start_scheduler()
    start_worker(address)
    jobs = make_jobs(address)
    assert "must reach the projects" in caplog.text
    asked = [submit(jobs, work) for work in ("patient", "quick", "refuses", "loses")]
    patient, quick, refused, lost = asked

    done = end_of(jobs, quick)
    assert done.state == "done", done
    assert (done.result["name"], done.result["who"]) == ("镇", "王工")
    assert jobs.file(quick, "made.txt").read_text("utf-8") == "made"
    why = {"error": "OptionError", "message": "minutes must be below 60"}
    assert end_of(jobs, refused).error == why
    assert "LIANPIAN_JOBS_FOLDER" in end_of(jobs, lost).message

    # The progress of the first one came all the way; it ends where it works.
    pid = pid_of(jobs, patient)
    assert runs(pid)
    jobs.cancel(patient)
    assert end_of(jobs, patient).state == "cancelled"
    wait_for(lambda: not runs(pid))


def test_workers_and_the_scheduler_may_be_lost(
    start_scheduler, start_worker, make_jobs, monkeypatch
):
    scheduler, address = start_scheduler()
    worker = start_worker(address)
    jobs = make_jobs(address)
    pid = pid_of(jobs, patient := submit(jobs, "patient"))

    # A worker is lost: its child goes with it, and another worker begins anew.
    for process in [*children_of(worker.pid), worker.pid]:
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: not runs(pid))
    second = start_worker(address)
    pid = pid_of(jobs, patient, other_than=pid)

    # The scheduler is lost: the job fails in words.
    scheduler.kill()
    scheduler.wait()
    failed = end_of(jobs, patient)
    assert (failed.state, failed.error["error"]) == ("failed", "SchedulerLost")
    assert f"{address} went away" in failed.message
    second.kill()
    for process in children_of(second.pid):
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: not runs(pid))

    # It is away, and then it is back.
    monkeypatch.setattr("api.jobs.cluster.CONNECT_S", 0.5)
    away = end_of(jobs, submit(jobs, "quick"))
    assert (away.state, away.error["error"]) == ("failed", "ProjectError")
    assert f"{address} cannot be reached" in away.message
    monkeypatch.setattr("api.jobs.cluster.CONNECT_S", PATIENCE_S)
    start_scheduler(address.rpartition(":")[2])
    start_worker(address)
    assert end_of(jobs, submit(jobs, "quick")).state == "done"


def test_what_names_files_of_the_server_is_done_at_home(make_jobs, works, monkeypatch):
    monkeypatch.syspath_prepend(str(works))
    jobs = make_jobs("tcp://127.0.0.1:9")

    assert end_of(jobs, submit(jobs, "quick", _path="/a/file")).state == "done"
