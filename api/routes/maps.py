"""The map of a project: one page that carries all it needs."""

from __future__ import annotations

import gzip
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.analyses import map_of, today
from api.jobs import Jobs
from api.jobs.folders import files_of
from api.live import Live, accepts_gzip, etag_matches
from api.routes.layers import Viewer
from api.routes.once import Made, once_of
from api.schemas.faults import faults
from api.serving.pages import policy_of
from gis.errors import OptionError, UnknownNameError

router = APIRouter(prefix="/api/projects/{project}", tags=["maps"], responses=faults(401, 403, 404))
MOST_ROWS: Final = 100_000
"""Rows of all layers on a map that is made while a browser waits; more is a job."""
MOST_ESTATES: Final = 1_000
"""The same of estates: for twice as many it takes seven seconds of a processor."""
CACHED: Final = {"cache-control": "no-cache", "vary": "Accept-Encoding"}
_JOBS_SEEN: Final = 50
HTML: Final = "text/html; charset=utf-8"


@router.head("/map", include_in_schema=False)
@router.get(
    "/map",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {}}, "description": "The page"},
        304: {"description": "It is as the ETag in If-None-Match says"},
        **faults(422, 503),
    },
)
async def show_map(
    visit: Viewer,
    request: Request,
    lang: Annotated[Literal["zh", "en"], Query()] = "zh",
    plan: Annotated[
        str | None, Query(max_length=200, description="the newest unless given")
    ] = None,
) -> Response:
    """Return the map as one HTML page that also opens from a disk, without a network.

    While it is made anew because something has changed, others get the page before, under its own
    ETag. That of a large project is made by a job, "map", with the same language and plan and no
    rules; the newest one of the last day is returned here.
    """
    live = visit.live
    once = once_of(request)
    key, large = await run_in_threadpool(_key, live, lang, plan)
    given = request.headers.get("if-none-match")
    if etag_matches(given, _tag(key)):
        return Response(status_code=304, headers={"etag": _tag(key), **CACHED})
    if large:
        jobs: Jobs = request.app.state.jobs
        page = await run_in_threadpool(_page_of_job, jobs, live.name, lang, plan)
        made = await once.get(("map", *page), lambda: _packed(page[1].read_text("utf-8"), page))
    else:
        family = ("map", live.name, live.project.mark, lang, plan)
        made = await once.newest(family, key, lambda: _made(live, lang, plan, key))
    headers = {**CACHED, **made.headers}
    if etag_matches(given, made.headers["etag"]):
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request.headers.get("accept-encoding")):
        headers["content-encoding"] = "gzip"
        return Response(made.body, headers=headers, media_type=HTML)
    return Response(gzip.decompress(made.body), headers=headers, media_type=HTML)


def _key(live: Live, lang: str, plan: str | None) -> tuple[tuple[object, ...], bool]:
    """Return all that the page depends on, and whether it takes long to make."""
    project = live.project
    names = project.plan_names()
    if plan is not None and plan not in names:
        raise UnknownNameError(f"There is no plan '{plan[:60]}'; there are: {', '.join(names)}")
    versions = live.versions()
    rows = {info.kind: info.rows for info in project.layers()}
    large = sum(rows.values()) > MOST_ROWS or rows.get("estates", 0) > MOST_ESTATES
    shown = plan or (names[-1] if names else None)
    state = None if shown is None else project.plan_state(shown)
    of_plan = None if state is None else (shown, state, state.mark)
    said = (project.mark, project.name, project.profile, tuple(sorted(project.none_of)))
    key = ("map", live.name, lang, of_plan, tuple(sorted(versions.items())), said, today())
    return key, large


def _page_of_job(jobs: Jobs, project: str, lang: str, plan: str | None) -> tuple[str, Path]:
    """Return the newest job that made this page, and the page.

    Raises
    ------
    OptionError
        There is none.
    """
    wanted = {"lang": lang, "plan": plan, "rules": None}
    for job in jobs.list(project, state="done", limit=_JOBS_SEEN):
        if job.work != "map" or {name: job.options.get(name) for name in wanted} != wanted:
            continue
        for name in files_of(jobs.job(job.id).result):
            with suppress(UnknownNameError):  # it is gone after a day
                return job.id, jobs.file(job.id, name)
    options = json.dumps({"lang": lang, "plan": plan}, ensure_ascii=False)
    raise OptionError(
        "This map takes long to make: ask for it as a job, with POST .../jobs "
        f'{{"work": "map", "options": {options}}}; then it is here'
    )


def _made(live: Live, lang: str, plan: str | None, key: tuple[object, ...]) -> Made:
    return _packed(map_of(live.project, date=today(), plan=plan, lang=lang), key)


def _packed(page: str, of: tuple[object, ...]) -> Made:
    policy = policy_of(page, framed=True)
    # The time is left out: the same page is the same bytes.
    body = gzip.compress(page.encode("utf-8", "replace"), 6, mtime=0)
    return Made(body, {"etag": _tag(of), "content-security-policy": policy})


def _tag(of: tuple[object, ...]) -> str:
    return f'"{hashlib.sha256(repr(of).encode("utf-8", "replace")).hexdigest()[:24]}"'
