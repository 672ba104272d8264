"""Who watches a job learns of its changes; however many watch, one reader asks the office."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from api.store.office.jobs import Job

LOG: Final = logging.getLogger("lianpian.jobs")
POLL_S: Final = 0.2

ReadChanges = Callable[[Mapping[str, int]], Mapping[str, Job | None]]


@dataclass
class _Watched:
    """A job that somebody watches; ``change`` is set, and a new one made, when it changes."""

    job: Job | None = None
    is_gone: bool = False
    watchers: int = 0
    change: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self.change.set()
        self.change = asyncio.Event()


class Watching:
    """Streams of the changes of jobs, fed by one reader as long as anybody watches.

    Parameters
    ----------
    read
        Returns those of some jobs (id and known ``rev``) that have changed, None for what is gone.
        It runs in a thread, never in the loop.
    """

    def __init__(self, read: ReadChanges) -> None:
        self._read = read
        self._watched: dict[str, _Watched] = {}
        self._reader: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hung_up = False

    async def watch(self, job_id: str, after: int | None = None) -> AsyncIterator[Job]:
        """Yield the job as it is, and again whenever it changed, until it is over.

        Parameters
        ----------
        job_id
            A job that is there.
        after
            The ``rev`` that is known already.
        """
        watched = self._enter(job_id)
        known = after
        try:
            while not (self._hung_up or watched.is_gone):
                change, job = watched.change, watched.job
                if job is not None and job.rev != known:
                    known = job.rev
                    yield job
                if job is not None and job.is_over:
                    return
                if change is watched.change:
                    await change.wait()
        finally:
            self._leave(job_id)

    def hang_up(self) -> None:
        """End all streams; from any thread, also from the handler of a signal."""
        self._hung_up = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches
                self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for watched in self._watched.values():
            watched.wake()

    def _enter(self, job_id: str) -> _Watched:
        watched = self._watched.setdefault(job_id, _Watched())
        watched.watchers += 1
        self._loop = asyncio.get_running_loop()
        if self._reader is None or self._reader.done():
            self._reader = self._loop.create_task(self._read_on())
        return watched

    def _leave(self, job_id: str) -> None:
        watched = self._watched[job_id]
        watched.watchers -= 1
        if watched.watchers == 0:
            del self._watched[job_id]
        if not self._watched and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read_on(self) -> None:
        while True:
            revs = {
                job_id: watched.job.rev if watched.job is not None else -1
                for job_id, watched in self._watched.items()
            }
            try:
                changed = await asyncio.to_thread(self._read, revs)
            except Exception:
                LOG.exception("the office could not be asked for jobs")
                changed = {}
            for job_id, job in changed.items():
                watched_now = self._watched.get(job_id)
                if watched_now is not None:
                    watched_now.job, watched_now.is_gone = job, job is None
                    watched_now.wake()
            await asyncio.sleep(POLL_S)
