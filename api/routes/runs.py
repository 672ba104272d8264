"""Runs: answers that were kept, with the stamp of what they rest on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from api.answers import JsonAnswer
from api.auth import Visit, require
from api.routes.kept_runs import stale_kinds
from api.schemas.faults import faults
from api.schemas.runs import RunsOut, RunsQuery, RunWhole
from api.store.runs import Run

router = APIRouter(
    prefix="/api/projects/{project}", tags=["runs"], responses=faults(401, 403, 404, 422)
)
Viewer = Annotated[Visit, Depends(require("viewer"))]
_ONLY_KEPT = ("reach", "scenario")
"""Parts of a result that other routes read; they can be large."""


@router.get("/runs", response_model=RunsOut)
def runs_list(visit: Viewer, query: Annotated[RunsQuery, Query()]) -> Response:
    """List runs, the newest first, without their results."""
    found = visit.live.project.runs(query.work, limit=query.offset + query.limit)
    page = found[query.offset :]
    return JsonAnswer({"runs": [_run_json(visit, run) for run in page]})


@router.get("/runs/{run}", response_model=RunWhole)
def runs_one(visit: Viewer, run: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """Return one run with its result.

    The table of estates of a coverage is not in it; ask ``coverage/estates``.
    """
    found = visit.live.project.read_run(run)
    result = {k: v for k, v in (found.result or {}).items() if k not in _ONLY_KEPT}
    told = {"assumptions": found.assumptions, "result": result}
    return JsonAnswer(_run_json(visit, found) | told)


def _run_json(visit: Visit, run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "work": run.work,
        "created": run.created,
        "who": run.who,
        "job": run.job,
        "options": run.options,
        "stamp": run.stamp,
        "stale": stale_kinds(visit, run),
    }
