"""Jobs: ask for one, watch it, cancel it, fetch the file that it made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.analyses.work import ASKABLE, read_options
from api.auth import Visit, require
from api.jobs import Job, Jobs, QueueFullError
from api.schemas.faults import faults
from api.schemas.jobs import JobIn, JobOut, JobsOut, JobState, WorkOut, WorksOut
from gis.errors import UnknownNameError

router = APIRouter(prefix="/api/projects/{project}", tags=["jobs"], responses=faults(401, 403, 404))

RETRY_S: Final = 30
"""After how many seconds it is worth asking again where too many jobs wait."""
LONGEST_EVENT_ID: Final = 18
_NO_SUCH: Final = "There is no such job in this project; it may be older than what is kept"


class TooManyJobs(HTTPException):
    """So many jobs wait already that no more is taken."""


def the_jobs(request: Request) -> Jobs:
    """Return the jobs of this server."""
    jobs: Jobs = request.app.state.jobs
    return jobs


Here = Annotated[Jobs, Depends(the_jobs)]
Viewer = Annotated[Visit, Depends(require("viewer"))]
Planner = Annotated[Visit, Depends(require("planner"))]


def _job_of(visit: Visit, jobs: Jobs, job_id: str) -> Job:
    job = jobs.job(job_id)
    if job.project != visit.live.name or not _may_see(visit, job):
        raise UnknownNameError(_NO_SUCH)
    return job


def _may_see(visit: Visit, job: Job) -> bool:
    """An import tells of the rows that it refused with what stands in their cells."""
    return job.work != "import" or visit.role in ("planner", "owner")


def job_seen(visit: Viewer, jobs: Here, job: str) -> Job:
    """Return the job of the path, if it is of this project."""
    return _job_of(visit, jobs, job)


def queue_job(visit: Visit, jobs: Jobs, work: str, options: Mapping[str, Any]) -> tuple[str, str]:
    """Queue a job for who asks; return its id and its address.

    Raises
    ------
    TooManyJobs
        So many wait already that no more is taken.
    """
    live = visit.live
    try:
        job_id = jobs.submit(live.name, work, options, live.project.author)
    except QueueFullError as error:
        raise TooManyJobs(429, str(error), {"Retry-After": str(RETRY_S)}) from error
    return job_id, f"/api/projects/{quote(live.name, safe='')}/jobs/{job_id}"


@router.get("/works", operation_id="jobs_works", dependencies=[Depends(require("viewer"))])
def list_works() -> WorksOut:
    """List the works that can be asked for as jobs: what each answers, and what it takes."""
    return WorksOut(works=[WorkOut.of(name) for name in ASKABLE])


@router.post("/jobs", status_code=202, operation_id="jobs_ask", responses=faults(422, 429))
def ask(asked: JobIn, visit: Planner, jobs: Here, response: Response) -> JobOut:
    """Queue a job; its address is in ``Location``."""
    options = read_options(asked.work, asked.options)
    job_id, response.headers["Location"] = queue_job(visit, jobs, asked.work, options)
    return JobOut.of(jobs.job(job_id))


@router.get("/jobs", operation_id="jobs_list", responses=faults(422))
def list_jobs(
    visit: Viewer,
    jobs: Here,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> JobsOut:
    """List the jobs of the project, the newest at the front, without their results."""
    found = jobs.list(visit.live.name, state=state, limit=limit)
    return JobsOut(jobs=[JobOut.of(job) for job in found if _may_see(visit, job)])


@router.get("/jobs/{job}", operation_id="jobs_read")
def read(job: Annotated[Job, Depends(job_seen)]) -> JobOut:
    """Return one job, with its result if it is done."""
    return JobOut.of(job)


@router.delete("/jobs/{job}", operation_id="jobs_cancel")
def cancel(visit: Planner, jobs: Here, job: str) -> JobOut:
    """Cancel a job: at once where it waits, within seconds where it runs, never once it is over."""
    return JobOut.of(jobs.cancel(_job_of(visit, jobs, job).id))


def job_watched(
    job: Annotated[Job, Depends(job_seen)],
    response: Response,
    last_event_id: Annotated[str | None, Header()] = None,
) -> tuple[Job, int | None]:
    """Return the job of the path and what the watcher knows of it; 204 where that is all."""
    given = last_event_id or ""
    known = int(given) if given.isdecimal() and len(given) <= LONGEST_EVENT_ID else None
    if job.is_over and known == job.rev:
        # Browsers come back whenever a stream ends; this tells them not to.
        response.status_code = 204
    return job, known


@router.get(
    "/jobs/{job}/events",
    response_class=EventSourceResponse,
    operation_id="jobs_watch",
)
async def watch(
    watched: Annotated[tuple[Job, int | None], Depends(job_watched)], jobs: Here
) -> AsyncIterator[ServerSentEvent]:
    """Send the whole job whenever it changes, until it is over; the id of an event is its number.

    A watcher that comes back with ``Last-Event-ID`` hears what changed since, and gets 204 where
    nothing more will.
    """
    job, known = watched
    async for now in jobs.events(job.id, known):
        yield ServerSentEvent(data=JobOut.of(now), id=str(now.rev))


@router.get(
    "/jobs/{job}/files/{name}",
    response_class=FileResponse,
    operation_id="jobs_file",
)
def read_file(
    visit: Annotated[Visit, Depends(require("reviewer"))], jobs: Here, job: str, name: str
) -> FileResponse:
    """Return a file that the job made, to be saved; it is kept for a day."""
    path = jobs.file(_job_of(visit, jobs, job).id, name)
    return FileResponse(path, media_type="application/octet-stream", filename=name)
