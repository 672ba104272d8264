"""What if: edits tried on top of the layers, which stay as they are; kept, and tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from api.analyses.answers import scenario_json
from api.analyses.how import Walking, today
from api.analyses.memory import memory_of, still_of
from api.analyses.scenarios import placed, replay_of, require_scenario_name, walked_then, with_far
from api.analyses.still import Still
from api.analyses.work.asking import edits_in, walking_of
from api.answers import JsonAnswer
from api.auth import Visit, require
from api.schemas.faults import faults
from api.schemas.scenarios import (
    DifferenceOut,
    KeptOut,
    ReplayIn,
    ReplayOut,
    ScenarioIn,
    ScenariosOut,
    ScenarioWhole,
    WhatIfIn,
)
from gis.scenario import Base, Difference, difference_of, what_if, words_of

router = APIRouter(
    prefix="/api/projects/{project}", tags=["scenarios"], responses=faults(401, 403, 404, 422)
)
Viewer = Annotated[Visit, Depends(require("viewer"))]
Reviewer = Annotated[Visit, Depends(require("reviewer"))]
Planner = Annotated[Visit, Depends(require("planner"))]
Name = Annotated[str, Path(max_length=100)]


@router.post("/whatif", response_model=DifferenceOut)
def scenarios_try(request: Request, visit: Reviewer, body: WhatIfIn) -> Response:
    """Say what edits would change: people before and after, and which estates.

    The first question after a change of the layers measures them anew; the next ones are answered
    from what the edits change. Nothing is kept.
    """
    _, difference, _ = _tried(request, visit, body)
    return JsonAnswer({"date": today()} | difference.to_json())


@router.get("/scenarios", response_model=ScenariosOut)
def scenarios_list(visit: Viewer) -> Response:
    """List the scenarios that were kept, the oldest first."""
    project = visit.live.project
    kept = [project.read_scenario(name) for name in project.scenario_names()]
    return JsonAnswer({"scenarios": [scenario_json(scenario) for scenario in kept]})


@router.post("/scenarios", response_model=KeptOut, status_code=201)
def scenarios_keep(request: Request, visit: Planner, body: ScenarioIn) -> Response:
    """Keep edits, with what they change today, under a name; an older one stays as a version."""
    require_scenario_name(body.name)
    how, difference, still = _tried(request, visit, body)
    told = difference.to_json()
    version = still.save_scenario(
        body.name, words_of(difference.edits), told | {"how": dict(vars(how))}
    )
    return JsonAnswer({"date": today(), "saved": body.name, "version": version} | told, 201)


@router.post("/scenarios/{scenario:path}/replay", response_model=ReplayOut)
def scenarios_replay(
    request: Request, visit: Reviewer, scenario: Name, body: ReplayIn | None = None
) -> Response:
    """Try the edits of a kept scenario on the layers of today, walked as it was then."""
    still = still_of(visit.live)
    given = {} if body is None else body.model_dump(exclude_none=True)
    saved, how = walked_then(still, scenario, given)
    base = memory_of(request.app.state.projects).base(visit.live.name, still, how)
    found = replay_of(still, scenario, given, base=base)[1]
    told: dict[str, Any] = {"date": today(), "replayed": scenario_json(saved)}
    return JsonAnswer(told | found.to_json())


@router.get("/scenarios/{scenario:path}", response_model=ScenarioWhole)
def scenarios_one(visit: Viewer, scenario: Name) -> Response:
    """Return a scenario with what was answered on the day it was kept."""
    saved = visit.live.project.read_scenario(scenario)
    return JsonAnswer(scenario_json(saved) | {"answer": saved.answer})


def _tried(request: Request, visit: Visit, body: WhatIfIn) -> tuple[Walking, Difference, Still]:
    still = still_of(visit.live)
    how = walking_of(body)
    edits = edits_in(still, body.edits)
    base: Base = memory_of(request.app.state.projects).base(visit.live.name, still, how)
    edits = tuple(placed(base, edit) for edit in edits)
    difference = what_if(base, edits) if body.exact else difference_of(base, edits)
    if not body.exact:
        difference = replace(difference, findings=base.findings)
    return how, with_far(still, difference), still
