"""Jobs as the office keeps them: one row each, whose state only moves along the arrows.

Several servers may share an office. Each looks after the jobs that it was given, and says so every
few seconds by a beat in their rows; a row without a beat belongs to a server that is gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from api.store.moments import stamp
from api.store.office.schema import JOBS
from gis.errors import UnknownNameError

ARROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "queued": (),
    "running": ("queued",),
    "done": ("running",),
    "failed": ("queued", "running"),
    "cancelled": ("queued", "running"),
    "interrupted": ("queued", "running"),
}
"""From which states a job may come into each; what is not here never happens."""
OPEN: Final = ("queued", "running")
ENDED: Final = tuple(state for state in ARROWS if state not in OPEN)
_SHOWN: Final = tuple(column for column in JOBS.c if column.name not in ("cancel", "beat"))
_LISTED: Final = tuple(column for column in _SHOWN if column.name != "result")


@dataclass(frozen=True)
class Job:
    """One job as it was when it was read.

    ``rev`` counts its changes. ``result`` is what the work answered, ``error`` is
    ``{"error": class, "message": line}``; both are None before the end and where jobs are listed
    (``result``).
    """

    id: str
    project: str
    work: str
    options: Mapping[str, Any]
    who: str
    state: str
    progress: float
    message: str
    created: str
    started: str | None
    ended: str | None
    server: str | None
    error: Mapping[str, str] | None
    rev: int
    result: Any = None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class Beat:
    """What a server learns of its jobs: which shall be cancelled, which are its own no more."""

    cancel: frozenset[str]
    lost: frozenset[str]


class KeepsJobs:
    """The part of an office that keeps the jobs."""

    read: Callable[[], AbstractContextManager[Connection]]
    write: Callable[[], AbstractContextManager[Connection]]
    _clock: Callable[[], datetime]

    def add_job(
        self,
        job_id: str,
        *,
        project: str,
        work: str,
        options: Mapping[str, Any],
        who: str,
        server: str,
        beat: float,
    ) -> None:
        """Write down a new job, queued."""
        row = {"id": job_id, "project": project, "work": work, "who": who, "state": "queued"}
        row |= {"options": json.dumps(options, ensure_ascii=False), "created": stamp(self._clock)}
        with self.write() as connection:
            connection.execute(insert(JOBS).values(**row, cancel=False, server=server, beat=beat))

    def job(self, job_id: str) -> Job:
        """Return one job.

        Raises
        ------
        UnknownNameError
            There is none of that id.
        """
        with self.read() as connection:
            return _require(connection, job_id)

    def jobs(self, project: str, *, state: str | None = None, limit: int = 100) -> tuple[Job, ...]:
        """List the jobs of a project, the newest at the front, without their results."""
        query = select(*_LISTED).where(JOBS.c.project == project)
        if state is not None:
            query = query.where(JOBS.c.state == state)
        query = query.order_by(JOBS.c.created.desc(), JOBS.c.id).limit(limit)
        with self.read() as connection:
            return tuple(_job(row) for row in connection.execute(query).mappings())

    def changed_jobs(self, revs: Mapping[str, int]) -> dict[str, Job | None]:
        """Return those of some jobs that have another ``rev`` now; None for one that is gone."""
        query = select(JOBS.c.id, JOBS.c.rev).where(JOBS.c.id.in_(revs))
        with self.read() as connection:
            now: dict[str, int] = {row.id: row.rev for row in connection.execute(query)}
            changed = [job_id for job_id, rev in now.items() if rev != revs[job_id]]
            rows = connection.execute(select(*_SHOWN).where(JOBS.c.id.in_(changed))).mappings()
            found: dict[str, Job | None] = {row["id"]: _job(row) for row in rows}
        return found | dict.fromkeys(set(revs) - set(now))

    def move_job(
        self,
        job_id: str,
        state: str,
        *,
        message: str = "",
        result: str | None = None,
        error: Mapping[str, str] | None = None,
    ) -> bool:
        """Move a job into a state; return False where no arrow leads there from where it is.

        ``result`` is JSON already, as the child wrote it.
        """
        values: dict[str, Any] = {"state": state, "message": message, "rev": JOBS.c.rev + 1}
        if state in ENDED:
            told = None if error is None else json.dumps(error, ensure_ascii=False)
            values |= {"ended": stamp(self._clock), "result": result, "error": told}
            values |= {"progress": 1.0} if state == "done" else {}
        else:
            values |= {"started": stamp(self._clock)}
        change = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(ARROWS[state]))
        with self.write() as connection:
            return connection.execute(change.values(values)).rowcount == 1

    def tell_job(self, job_id: str, progress: float, message: str) -> None:
        """Say how far a running job is; what is not running stays as it is."""
        change = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state == "running")
        values = {"progress": progress, "message": message, "rev": JOBS.c.rev + 1}
        with self.write() as connection:
            connection.execute(change.values(values))

    def ask_to_cancel(self, job_id: str) -> Job:
        """Note that a job shall be cancelled, for whichever server looks after it.

        Raises
        ------
        UnknownNameError
            There is none of that id.
        """
        change = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(OPEN), ~JOBS.c.cancel)
        with self.write() as connection:
            connection.execute(change.values(cancel=True, rev=JOBS.c.rev + 1))
            return _require(connection, job_id)

    def beat_jobs(self, server: str, ids: Collection[str], *, beat: float | None) -> Beat:
        """Say that jobs are looked after (``beat`` None: only ask), and learn what became of them.

        Lost are jobs that another server has given up: it thought this one was gone.
        """
        mine = (JOBS.c.id.in_(ids), JOBS.c.server == server, JOBS.c.state.in_(OPEN))
        with self.read() if beat is None else self.write() as connection:
            if beat is not None:
                connection.execute(update(JOBS).where(*mine).values(beat=beat))
            rows = connection.execute(select(JOBS.c.id, JOBS.c.cancel).where(*mine)).all()
        cancel = frozenset(row.id for row in rows if row.cancel)
        return Beat(cancel, frozenset(ids) - {row.id for row in rows})

    def interrupt_jobs(
        self, is_gone: Callable[[str, float], bool], *, message: str
    ) -> tuple[str, ...]:
        """Give up open jobs whose server is gone, by its name and its last beat; return their ids.

        A job that beat in the meantime stays as it is.
        """
        columns = (JOBS.c.id, JOBS.c.server, JOBS.c.beat)
        with self.read() as connection:
            rows = connection.execute(select(*columns).where(JOBS.c.state.in_(OPEN))).all()
        left = [row for row in rows if is_gone(row.server or "", row.beat or 0.0)]
        if not left:
            return ()
        values = {"state": "interrupted", "message": message, "ended": stamp(self._clock)}
        given_up = []
        with self.write() as connection:
            for row in left:
                change = update(JOBS).where(
                    JOBS.c.id == row.id,
                    JOBS.c.state.in_(ARROWS["interrupted"]),
                    JOBS.c.beat.is_not_distinct_from(row.beat),
                )
                if connection.execute(change.values(**values, rev=JOBS.c.rev + 1)).rowcount:
                    given_up.append(row.id)
        return tuple(given_up)

    def forget_jobs(self, before: datetime) -> int:
        """Remove jobs that ended before a moment; return how many."""
        old = (JOBS.c.state.in_(ENDED), JOBS.c.ended < stamp(lambda: before))
        with self.write() as connection:
            return connection.execute(delete(JOBS).where(*old)).rowcount


def _require(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(*_SHOWN).where(JOBS.c.id == job_id)).mappings().one_or_none()
    if row is None:
        raise UnknownNameError("There is no such job; it may be older than what is kept")
    return _job(row)


def _job(row: RowMapping) -> Job:
    values = dict(row)
    for name in ("options", "error", "result"):
        if values.get(name) is not None:
            values[name] = json.loads(values[name])
    return Job(**values)
