"""Jobs on the workers of a Dask scheduler, done there as they are here: one child process each.

A worker only looks after the child: it passes on the progress, asks the scheduler whether the job
was cancelled, and ends the child if it must. So a job can be killed on a cluster too, and one that
fills the memory takes its own process along, not the worker. If the worker is lost, the scheduler
gives the job to another one: a work that is begun twice must leave what it leaves once.
"""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from api.jobs.process import GRACE_S, Child, End, Flag, Tell
from gis.errors import OptionError, ProjectError

LOG: Final = logging.getLogger("lianpian.jobs")
TOPIC: Final = "lianpian-jobs"
CONNECT_S: Final = 10.0
ASK_S: Final = 0.3
"""How often a worker asks whether its job was cancelled; each question travels."""
_TICK_S: Final = 0.1
_PATIENCE_S: Final = GRACE_S + 5.0
"""After that a cancelled job is given up, also where its worker does not answer."""


class Cluster:
    """Runs jobs on the workers of a scheduler.

    Parameters
    ----------
    address
        Of the scheduler, as ``tcp://host:8786``.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None
        self._connecting = threading.Lock()
        self._told: dict[str, queue.SimpleQueue[tuple[float, str]]] = {}
        _dask()  # said when the server starts, not at the first job
        LOG.info(
            "Jobs run on the workers of %s; these must reach the projects: at a postgresql:// "
            "address, or in a folder that all machines have under the same name",
            address,
        )

    def run(self, order: Mapping[str, Any], *, tell: Tell, stop: Flag) -> End:
        """Have a job done by a worker, and wait for its end.

        Raises
        ------
        ProjectError
            The scheduler cannot be reached.
        """
        client = self._connected()
        job_id = order["job"]
        told = self._told[job_id] = queue.SimpleQueue()
        future = client.submit(do_on_worker, dict(order), key=f"job-{job_id}", retries=1)
        tell(0.0, "handed to the scheduler")
        asked = None
        try:
            while not future.done():
                if asked is None and stop.is_set():
                    asked = time.monotonic()
                    _ask_to_end(client, job_id)
                if asked is not None and time.monotonic() - asked > _PATIENCE_S:
                    break
                try:
                    tell(*told.get(timeout=_TICK_S))
                except queue.Empty:
                    continue
            if asked is not None and not future.done():
                future.cancel(force=True)
                return End("stopped")
            return _end_of(future, self._address)
        finally:
            del self._told[job_id]
            future.release()

    def keep_warm(self) -> None:
        """Do nothing: whatever could wait would wait on the workers."""

    def close(self) -> None:
        """Part from the scheduler, which stays as it is."""
        with self._connecting:
            if self._client is not None:
                self._client.close(timeout=GRACE_S)
                self._client = None

    def _connected(self) -> Any:
        """Return the connection, made anew where it is lost."""
        with self._connecting:
            if self._client is not None and self._client.status != "running":
                self._client.close(timeout=GRACE_S)
                self._client = None
            if self._client is None:
                try:
                    self._client = _dask().Client(
                        self._address, timeout=CONNECT_S, set_as_default=False, name="lianpian"
                    )
                except (OSError, TimeoutError) as error:
                    raise ProjectError(
                        f"The scheduler at {self._address} cannot be reached; start it, or unset "
                        "LIANPIAN_DASK_ADDRESS"
                    ) from error
                self._client.subscribe_topic(TOPIC, self._hear)
            return self._client

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take a word of progress of any job; those of other servers are none of ours."""
        _, said = event
        told = self._told.get(said["job"])
        if told is not None:
            told.put((said["share"], said["word"]))


def _ask_to_end(client: Any, job_id: str) -> None:
    try:
        _dask().Event(_flag_of(job_id), client=client).set()
    except Exception:
        # The scheduler is away; the job is given up all the same when patience is over.
        LOG.exception("job %s could not be told to end", job_id)


def do_on_worker(order: Mapping[str, Any]) -> End:
    """Do a job in a child process of the worker that this runs on."""
    worker = _dask().get_worker()
    job_id = order["job"]

    def tell(share: float, word: str) -> None:
        worker.log_event(TOPIC, {"job": job_id, "share": share, "word": word})

    folder = Path(order["folder"])
    is_shared = folder.is_dir()
    try:
        return Child().run(order, tell=tell, stop=_AskedNowAndThen(job_id))
    finally:
        if not is_shared:  # nobody would ever fetch, or clear away, what lies in it
            shutil.rmtree(folder, ignore_errors=True)


def _dask() -> Any:
    """Return the library; it is an extra, and carries no types."""
    try:
        return import_module("distributed")
    except ImportError as error:
        raise OptionError(
            "Jobs on a scheduler need another library; install it with: pip install "
            "lianpian[cluster]"
        ) from error


class _AskedNowAndThen:
    """The wish to cancel, as the scheduler knows it; it is asked a few times a second."""

    def __init__(self, job_id: str) -> None:
        self._event = _dask().Event(_flag_of(job_id))
        self._asked = 0.0
        self._is_set = False

    def is_set(self) -> bool:
        """Whether the job shall end."""
        now = time.monotonic()
        if not self._is_set and now - self._asked >= ASK_S:
            self._asked = now
            self._is_set = bool(self._event.is_set())
        return self._is_set


def _flag_of(job_id: str) -> str:
    return f"cancel-{job_id}"


def _end_of(future: Any, address: str) -> End:
    """Return what a worker answered, or why none did."""
    try:
        end: End = future.result(timeout=CONNECT_S)
    except _dask().KilledWorker:
        return End.failed(
            "WorkerLost", "Every worker that took the job broke off; look into their logs"
        )
    except Exception:
        LOG.exception("job %s got no answer from %s", future.key, address)
        return End.failed(
            "SchedulerLost", f"The scheduler at {address} went away in the middle; ask again"
        )
    return end
