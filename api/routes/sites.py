"""Sites: the newest choice, and keeping one as a scenario. They are asked for with POST jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.analyses.scenarios import require_scenario_name
from api.answers import JsonAnswer
from api.auth import Visit, require
from api.routes.kept_runs import marked
from api.schemas.faults import faults
from api.schemas.sites import SiteScenarioIn, SiteScenarioOut, SitesOut
from gis.errors import OptionError, UnknownNameError

router = APIRouter(
    prefix="/api/projects/{project}", tags=["sites"], responses=faults(401, 403, 404, 422)
)
Viewer = Annotated[Visit, Depends(require("viewer"))]
Planner = Annotated[Visit, Depends(require("planner"))]
WORK = "sites"


@router.get("/sites", response_model=SitesOut)
def sites_newest(
    visit: Viewer, run: Annotated[int | None, Query(ge=1, le=2**53)] = None
) -> Response:
    """Return the newest choice of sites, or that of a run."""
    project = visit.live.project
    if run is None:
        newest = project.runs(WORK, limit=1)
        if not newest:
            raise UnknownNameError(
                "No sites were chosen yet; start that with POST "
                f'/api/projects/{visit.live.name}/jobs {{"work": "sites", "options": '
                '{"categories": ["nursery"], "count": 3}}'
            )
        run = newest[0].id
    found = project.read_run(run)
    _require_sites(found.work, run)
    result = {key: value for key, value in (found.result or {}).items() if key != "scenario"}
    return JsonAnswer(marked(visit, found) | {"options": found.options} | result)


@router.post("/sites/scenarios", response_model=SiteScenarioOut, status_code=201)
def sites_keep(visit: Planner, body: SiteScenarioIn) -> Response:
    """Keep the choice of a run as a scenario, so that it can be tried and tried again."""
    require_scenario_name(body.name)
    project = visit.live.project
    found = project.read_run(body.run)
    _require_sites(found.work, body.run)
    scenario = (found.result or {}).get("scenario") or {}
    if not scenario.get("edits"):
        raise OptionError(f"Run {body.run} has chosen no site; there is nothing to keep")
    version = project.save_scenario(body.name, scenario["edits"], scenario["answer"])
    return JsonAnswer({"saved": body.name, "version": version}, 201)


def _require_sites(work: str, run: int) -> None:
    if work != WORK:
        raise UnknownNameError(f"Run {run} is one of '{work}'; give one of sites")
