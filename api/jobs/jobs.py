"""Work that takes longer than a request: queued, done elsewhere, watched, and cancelled."""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from api.errors import one_line
from api.jobs.folders import JobFolders, files_of, folder_beside
from api.jobs.process import Children, End, Flag, Tell
from api.jobs.queue import FairQueue, Waiting
from api.jobs.server import server_is_gone, server_name
from api.jobs.watching import Watching
from api.settings import Settings
from api.store import Author
from api.store.address import is_server
from api.store.office import Office
from api.store.office.jobs import Job
from gis.errors import FileError, LianpianError, OptionError, UnknownNameError

LOG: Final = logging.getLogger("lianpian.jobs")
TICK_S: Final = 0.5
BEAT_S: Final = 5.0
SWEEP_S: Final = 10.0
CLEAR_S: Final = 3600.0
WARM_AFTER_S: Final = 3.0
"""A server that is gone before (a test, a mistake) has not started a process in vain."""
KEPT_DAYS: Final = 90
LARGEST_OPTIONS: Final = 1_000_000
PAUSES_S: Final = (1.0, 5.0, 20.0)
"""How long to wait, again and again, for an office that cannot be reached when a job has ended."""
GONE: Final = "The server that did this job is gone; ask again"
STOPPED: Final = "The server was stopped; ask again"


class Runs(Protocol):
    """Where jobs are done: in processes of this machine, or on a cluster."""

    def run(self, order: Mapping[str, Any], *, tell: Tell, stop: Flag) -> End:
        """Have one job done, and wait for its end."""

    def keep_warm(self) -> None:
        """Make ready for the next job, if that helps."""

    def close(self) -> None:
        """Let go of what is not at work."""


@dataclass
class _Running:
    """A job at work: ask it to end by setting ``stop``, and say as what it then ends."""

    stop: threading.Event = field(default_factory=threading.Event)
    ends_as: str = "cancelled"

    def end(self, ends_as: str) -> None:
        if not self.stop.is_set():
            self.ends_as = ends_as
            self.stop.set()


class Jobs:
    """The jobs of one server: at most ``settings.jobs`` at once, the others wait their turn.

    Parameters
    ----------
    settings
        How many run at once, and where.
    office
        Keeps the jobs; several servers may share it.
    address_of
        Returns where a project is kept, by its name.
    works
        What can be asked: "module:function" by name; `api.analyses.work.WORK` unless given. Each
        takes the project, options and a progress callback, and returns what JSON can hold.
    """

    def __init__(
        self,
        settings: Settings,
        office: Office,
        address_of: Callable[[str], str | Path],
        *,
        works: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._office = office
        self._address_of = address_of
        self._works = works
        folder = settings.jobs_folder
        base = folder_beside(_file_of(office)) if folder is None else Path(folder)
        self._folders = JobFolders(base.absolute())
        self._queue = FairQueue()
        self._running: dict[str, _Running] = {}
        self._watching = Watching(office.changed_jobs)
        self._submitting = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._here: Children | None = None
        self._away: Runs | None = None

    def start(self) -> None:
        """Begin to work off the queue; what a server that is gone has left is interrupted."""
        self._sweep()
        self._here = Children(self._modules())
        if self._settings.dask_address is not None:
            from api.jobs.cluster import Cluster

            self._away = Cluster(self._settings.dask_address)
        work = [self._keep, *[self._serve] * self._settings.jobs]
        self._threads = [threading.Thread(target=target, daemon=True) for target in work]
        for thread in self._threads:
            thread.start()

    def hang_up(self) -> None:
        """End all streams of events, so that a server that is stopping need not wait for them."""
        self._watching.hang_up()

    def stop(self) -> None:
        """Let running jobs end for ``settings.jobs_stop_s``, then interrupt what is left."""
        self.hang_up()
        with self._submitting:
            waiting = self._queue.close()
        for job_id in waiting:
            _attempt(partial(self._office.move_job, job_id, "interrupted", message=STOPPED))
        keeper, serving = self._threads[:1], self._threads[1:]
        until = time.monotonic() + self._settings.jobs_stop_s
        for thread in serving:
            thread.join(max(until - time.monotonic(), 0.0))
        for running in list(self._running.values()):
            running.end("interrupted")
        for thread in serving:
            thread.join()
        self._stopped.set()
        for thread in keeper:
            thread.join()
        for runs in (self._here, self._away):
            if runs is not None:
                runs.close()
        self._threads = []

    def submit(self, project: str, work: str, options: Mapping[str, Any], who: Author) -> str:
        """Queue a job and return its id.

        Parameters
        ----------
        project, work
            Names of both.
        options
            What the work takes. Keys that begin with "_" are the server's own: no person may give
            them, nobody sees them, and such a job runs on this machine, whose files they name.
        who
            Whose name everything bears that the job writes.

        Raises
        ------
        UnknownNameError
            There is no such project or work.
        OptionError
            The options are too large.
        QueueFullError
            Too many jobs wait already.
        """
        function = self._function(work)
        shown = {key: value for key, value in options.items() if not key.startswith("_")}
        job_id = secrets.token_urlsafe(15)
        order: dict[str, Any] = {"job": job_id, "function": function}
        order |= {"address": _from_anywhere(self._address_of(project))}
        order |= {"author": {"name": who.name, "where": who.where}, "options": dict(options)}
        _require_small(shown)
        with self._submitting:
            self._queue.require_room(project)
            self._office.add_job(
                job_id,
                project=project,
                work=work,
                options=shown,
                who=who.name,
                server=server_name(),
                beat=time.time(),
            )
            self._queue.put(Waiting(job_id, project, order))
        return job_id

    def job(self, job_id: str) -> Job:
        """Return a job.

        Raises
        ------
        UnknownNameError
            There is none of that id.
        """
        return self._office.job(job_id)

    def list(self, project: str, *, state: str | None = None, limit: int = 100) -> tuple[Job, ...]:
        """List the jobs of a project, the newest at the front, without their results."""
        return self._office.jobs(project, state=state, limit=limit)

    def cancel(self, job_id: str) -> Job:
        """Ask a job to end, and return it; one that is over stays as it is.

        Raises
        ------
        UnknownNameError
            There is none of that id.
        """
        self._office.ask_to_cancel(job_id)
        self._cancel_here(job_id)
        return self._office.job(job_id)

    def events(self, job_id: str, after: int | None = None) -> AsyncIterator[Job]:
        """Yield a job as it is (unless its ``rev`` is ``after``) and at each change, to its end."""
        return self._watching.watch(job_id, after)

    def file(self, job_id: str, name: str) -> Path:
        """Return a file that a job has made.

        Raises
        ------
        UnknownNameError
            There is no such job, or it made no such file, or that is gone.
        """
        return self._folders.file(self._office.job(job_id), name)

    def drop(self, ids: Iterable[str]) -> None:
        """End jobs that are written down nowhere any more, and remove their files."""
        for job_id in ids:
            self._queue.remove(job_id)
            if running := self._running.get(job_id):
                running.end("cancelled")
            self._folders.drop(job_id)

    def _function(self, work: str) -> str:
        works = self._known_works()
        if work not in works:
            raise UnknownNameError(f"There is no work '{work}'; give one of: {', '.join(works)}")
        return works[work]

    def _known_works(self) -> Mapping[str, str]:
        if self._works is None:
            from api.analyses.work import WORK

            self._works = WORK
        return self._works

    def _modules(self) -> tuple[str, ...]:
        """Name the modules of all works, and what opens a project: what a child may load early."""
        functions = self._known_works().values()
        return ("api.store", *sorted({function.partition(":")[0] for function in functions}))

    def _cancel_here(self, job_id: str) -> None:
        if self._queue.remove(job_id):
            self._office.move_job(job_id, "cancelled", message="Cancelled before it began")
        elif running := self._running.get(job_id):
            running.end("cancelled")

    def _serve(self) -> None:
        """Do one job after the other until the queue is closed."""
        while (job := self._queue.take()) is not None:
            running = self._running[job.id] = _Running()
            try:
                self._do(job, running)
            except Exception:
                # Its beat ends here, so that it is swept up as interrupted.
                LOG.exception("job %s could not be written down", job.id)
            finally:
                del self._running[job.id]
                self._queue.done(job)

    def _do(self, job: Waiting, running: _Running) -> None:
        if not self._office.move_job(job.id, "running", message="starting"):
            return
        LOG.info("job %s begins: %s", job.id, job.order["function"])
        try:
            end = self._run(job, running)
        except LianpianError as error:
            end = End.failed(type(error).__name__, one_line(error))
        except Exception:
            LOG.exception("job %s: a fault of ours", job.id)
            told = f"A fault of ours; whoever runs the server finds it as {job.id}"
            end = End.failed("Fault", told)
        self._write_down(job, running, end)
        self._folders.drop_if_empty(job.id)

    def _run(self, job: Waiting, running: _Running) -> End:
        own = any(key.startswith("_") for key in job.order["options"])
        runs = self._here if own or self._away is None else self._away
        assert runs is not None
        order = {**job.order, "folder": str(self._folders.make(job.id))}

        def tell(share: float, word: str) -> None:
            try:
                self._office.tell_job(job.id, share, word)
            except LianpianError as error:
                LOG.warning("job %s: its progress is not written down: %s", job.id, error)

        end = runs.run(order, tell=tell, stop=running.stop)
        if end.trace is not None:
            LOG.error("job %s: a fault of ours\n%s", job.id, end.trace)
        for name in files_of(json.loads(end.result)) if end.result is not None else ():
            if not self._folders.holds(job.id, name):
                raise FileError(
                    f"The file '{name}' did not arrive; workers on other machines must share the "
                    "folder LIANPIAN_JOBS_FOLDER with the server"
                )
        return end

    def _write_down(self, job: Waiting, running: _Running, end: End) -> None:
        LOG.info("job %s ends: %s", job.id, end.how)
        values: dict[str, Any] = {"result": end.result, "error": end.error}
        if end.how == "stopped":
            state = running.ends_as
            values["message"] = STOPPED if state == "interrupted" else "Cancelled"
        else:
            state = end.how
            values["message"] = "" if end.error is None else end.error["message"]
        for pause in PAUSES_S:
            try:
                self._office.move_job(job.id, state, **values)
            except LianpianError as error:
                LOG.warning("job %s is not written down yet: %s", job.id, one_line(error))
                self._stopped.wait(pause)
            else:
                return
        self._office.move_job(job.id, state, **values)

    def _keep(self) -> None:
        """Look after what nobody waits for: beats, calls to cancel, what is old."""
        started = time.monotonic()
        due = {self._beat: 0.0, self._sweep: started + SWEEP_S, self._clear: started}
        every = {self._beat: BEAT_S, self._sweep: SWEEP_S, self._clear: CLEAR_S}
        while not self._stopped.wait(TICK_S):
            for chore, moment in due.items():
                now = time.monotonic()
                if now >= moment:
                    due[chore] = now + every[chore]
                    _attempt(chore)
            _attempt(self._look_for_cancelled)
            room = len(self._running) < self._settings.jobs
            if room and self._here is not None and time.monotonic() - started > WARM_AFTER_S:
                _attempt(self._here.keep_warm)

    def _look_after(self, beat: float | None) -> None:
        ids = {*self._queue.waiting(), *self._running}
        if not ids:
            return
        found = self._office.beat_jobs(server_name(), ids, beat=beat)
        for job_id in found.cancel:
            self._cancel_here(job_id)
        for job_id in found.lost:
            # Ended just now, or given up by another server while this one slept.
            self._queue.remove(job_id)
            if running := self._running.get(job_id):
                running.end("interrupted")

    def _look_for_cancelled(self) -> None:
        self._look_after(None)

    def _beat(self) -> None:
        self._look_after(time.time())

    def _sweep(self) -> None:
        given_up = self._office.interrupt_jobs(server_is_gone, message=GONE)
        if given_up:
            LOG.warning("%d jobs of a server that is gone are interrupted", len(given_up))

    def _clear(self) -> None:
        self._office.forget_jobs(datetime.now(UTC) - timedelta(days=KEPT_DAYS))
        self._folders.clear(self._may_go)

    def _may_go(self, job_id: str) -> bool:
        try:
            return self._office.job(job_id).is_over
        except UnknownNameError:
            return True


def _attempt(chore: Callable[[], object]) -> None:
    try:
        chore()
    except Exception:
        LOG.exception("a chore of the jobs failed; it is tried again")


def _require_small(options: Mapping[str, Any]) -> None:
    length = len(json.dumps(options, ensure_ascii=False))
    if length > LARGEST_OPTIONS:
        raise OptionError(
            f"The options have {length:,} characters, more than {LARGEST_OPTIONS:,}; import the "
            "data instead of sending it along"
        )


def _from_anywhere(address: str | Path) -> str:
    """Return an address that also does where another folder is the current one."""
    return str(address) if is_server(address) else str(Path(address).absolute())


def _file_of(office: Office) -> Path | None:
    return None if is_server(office.address) else Path(office.address)
