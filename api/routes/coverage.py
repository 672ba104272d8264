"""Who walks to what: the newest run, its estates one by one, and why one does not reach a thing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from api.analyses.how import today
from api.analyses.memory import memory_of, still_of
from api.analyses.walking import explain_of
from api.analyses.work.asking import walking_of
from api.analyses.work.options import Coverage
from api.answers import JsonAnswer
from api.auth import Visit, require
from api.live import etag_matches
from api.routes.kept_runs import marked, newest_run
from api.schemas.coverage import (
    CoverageOut,
    CoverageQuery,
    EstateQuery,
    EstateRunOut,
    EstatesOut,
    EstatesQuery,
    ExplainQuery,
    ExplanationOut,
)
from api.schemas.faults import faults
from api.store.runs import Run

router = APIRouter(
    prefix="/api/projects/{project}", tags=["coverage"], responses=faults(401, 403, 404, 422)
)
Viewer = Annotated[Visit, Depends(require("viewer"))]
IfNoneMatch = Annotated[str | None, Header(max_length=1_000)]


@router.get("/coverage", response_model=CoverageOut, responses={304: {"description": "As it was"}})
def coverage_summary(
    request: Request,
    visit: Viewer,
    query: Annotated[CoverageQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return who walks to what by category: the newest run with just these options.

    Where there is none, 404 says how to start one.
    """
    run = _run(visit, query)
    mark = marked(visit, run)
    etag = f'"{".".join((str(run.id), visit.live.project.mark, *mark["stale"]))}"'
    if etag_matches(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    result, _ = memory_of(request.app.state.projects).coverage_run(
        visit.live.name, visit.live.project, run.id
    )
    return JsonAnswer(mark | result, headers={"ETag": etag})


@router.get("/coverage/estates", response_model=EstatesOut)
def coverage_estates(
    request: Request, visit: Viewer, query: Annotated[EstatesQuery, Query()]
) -> Response:
    """Return a page of estates by categories, from the newest run with just these options."""
    run = _run(visit, query)
    _, reach = memory_of(request.app.state.projects).coverage_run(
        visit.live.name, visit.live.project, run.id
    )
    columns = reach.columns(query.categories)
    rows = reach.rows(columns, statuses=query.status, sort=query.sort, descending=query.descending)
    page = rows[query.offset : query.offset + query.limit].tolist()
    told: dict[str, Any] = marked(visit, run)
    told |= {"matched": len(rows), "returned": len(page)}
    return JsonAnswer(told | {"estates": [reach.row(place, columns) for place in page]})


@router.get("/coverage/estates/{uid:path}", response_model=EstateRunOut)
def coverage_estate(
    request: Request,
    visit: Viewer,
    uid: Annotated[str, Path(min_length=1, max_length=200)],
    query: Annotated[EstateQuery, Query()],
) -> Response:
    """Return what the newest run with just these options says of one estate."""
    run = _run(visit, query)
    _, reach = memory_of(request.app.state.projects).coverage_run(
        visit.live.name, visit.live.project, run.id
    )
    row = reach.row(reach.find(uid), reach.columns(query.categories))
    return JsonAnswer(marked(visit, run) | row)


@router.get("/explain", response_model=ExplanationOut)
def coverage_explain(
    request: Request, visit: Viewer, query: Annotated[ExplainQuery, Query()]
) -> Response:
    """Say why an estate reaches a service or does not: the walked route, causes, remedies.

    The first question after a change of the layers lays the streets out anew.
    """
    still = still_of(visit.live)
    how = walking_of(query)
    ground = memory_of(request.app.state.projects).ground(visit.live.name, still, how)
    found = explain_of(still, query.estate, how, building=query.building, ground=ground)
    return JsonAnswer({"date": today()} | found.to_json())


def _run(visit: Visit, query: CoverageQuery) -> Run:
    names = Coverage.model_fields
    asked = Coverage.model_validate({name: value for name, value in query if name in names})
    return newest_run(visit, "coverage", asked)
