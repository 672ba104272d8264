"""Jobs that wait: first come, first served within a project, and the projects take turns."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from gis.errors import LianpianError

MOST_WAITING: Final = 100
MOST_OF_A_PROJECT: Final = 25


class QueueFullError(LianpianError):
    """Too many jobs wait already; nothing was queued."""


@dataclass(frozen=True)
class Waiting:
    """A job that waits: what a child is told, with what no table holds (author, own options)."""

    id: str
    project: str
    order: dict[str, Any] = field(repr=False)


class FairQueue:
    """A bounded queue that hands out jobs so that no project starves another.

    The next job is of the project with the fewest that run, among these of the one whose turn was
    longest ago, and of that project the first that came.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: dict[str, deque[Waiting]] = {}
        self._running: dict[str, int] = {}
        self._last_turn: dict[str, int] = {}
        self._turn = 0
        self._open = True

    def require_room(self, project: str) -> None:
        """Say whether one more job of a project may wait.

        Raises
        ------
        QueueFullError
            Too many wait already, or the server is stopping.
        """
        with self._change:
            if not self._open:
                raise QueueFullError("The server is stopping; ask again when it is back")
            if sum(map(len, self._waiting.values())) >= MOST_WAITING:
                raise QueueFullError(
                    f"{MOST_WAITING} jobs wait already; try again when some have ended"
                )
            if len(self._waiting.get(project, ())) >= MOST_OF_A_PROJECT:
                raise QueueFullError(
                    f"{MOST_OF_A_PROJECT} jobs of '{project}' wait already; cancel some, or try "
                    "again when some have ended"
                )

    def put(self, job: Waiting) -> None:
        """Add a job at the end of those of its project."""
        with self._change:
            self._waiting.setdefault(job.project, deque()).append(job)
            self._change.notify()

    def take(self) -> Waiting | None:
        """Wait for the next job and count it as running; None once the queue is closed."""
        with self._change:
            while self._open:
                ready = [project for project, own in self._waiting.items() if own]
                if ready:
                    break
                self._change.wait()
            else:
                return None
            # min takes the first of equals, and the dict is in order of the first arrival.
            project = min(
                ready, key=lambda name: (self._running.get(name, 0), self._last_turn.get(name, 0))
            )
            self._turn += 1
            self._last_turn[project] = self._turn
            self._running[project] = self._running.get(project, 0) + 1
            return self._waiting[project].popleft()

    def done(self, job: Waiting) -> None:
        """Say that a job that was taken runs no more."""
        with self._change:
            self._running[job.project] -= 1

    def remove(self, job_id: str) -> bool:
        """Take a job out that still waits; return whether it did."""
        with self._change:
            for own in self._waiting.values():
                for job in own:
                    if job.id == job_id:
                        own.remove(job)
                        return True
            return False

    def waiting(self) -> tuple[str, ...]:
        """Return the ids of those that wait."""
        with self._change:
            return tuple(job.id for own in self._waiting.values() for job in own)

    def close(self) -> tuple[str, ...]:
        """Hand out nothing more; return the ids of those that waited."""
        with self._change:
            left = tuple(job.id for own in self._waiting.values() for job in own)
            self._waiting.clear()
            self._open = False
            self._change.notify_all()
            return left
