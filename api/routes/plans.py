"""Plans: how they stand, changed by hand on a map, kept as versions, checked, mended, compared."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from starlette.exceptions import HTTPException

from api.analyses.answers import packages_json, repair_json
from api.analyses.drafts import Draft, Sitting, etag_of
from api.analyses.kept import Answer
from api.analyses.memory import Memory, memory_of, still_of
from api.analyses.plan_answers import changes_json, edit_json, lasso_of, state_json
from api.analyses.plan_views import (
    check_answer,
    metrics_answer,
    plan_answer,
    sitting_at,
    state_asked,
)
from api.analyses.plans import compared, constraints_of, stamped
from api.analyses.still import Still
from api.answers import JsonAnswer
from api.auth import Visit, require
from api.live import etag_matches
from api.plain import json_text
from api.routes.named import PlanInPath
from api.routes.preconditions import MatchTag
from api.schemas import plans as said
from api.schemas.faults import faults
from api.store import Project
from api.store.plan_changes import PlanState
from api.store.plans import PlanInfo
from gis.errors import OptionError
from gis.plans import Edit, Package, package_sums
from gis.plans.packages import carried_over, check_packages
from gis.plans.repair import repair_plan
from gis.plans.stamp import changed_kinds, inputs_of

router = APIRouter(
    prefix="/api/projects/{project}", tags=["plans"], responses=faults(401, 403, 404, 422)
)
CHANGED: Final = faults(409, 412, 428)
PLAN: Final = "/plans/{plan:path}"
Viewer = Annotated[Visit, Depends(require("viewer"))]
Planner = Annotated[Visit, Depends(require("planner"))]
Version = Annotated[int | None, Query(ge=1, le=2**31)]
IfNoneMatch = Annotated[str | None, Header(max_length=1_000)]
SAME: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "It is as the ETag in If-None-Match says"}
}
_TAG: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9a-f]{12})", re.ASCII)


def _expected(tag: MatchTag) -> PlanState:
    found = _TAG.fullmatch(tag)
    if found is None:
        raise HTTPException(422, 'If-Match: give one ETag as it was answered, "version.seq.mark"')
    return PlanState(int(found[1]), int(found[2]), found[3])


Expected = Annotated[PlanState, Depends(_expected)]


@router.get("/plans", response_model=said.PlansOut)
def plans_list(request: Request, visit: Viewer) -> Response:
    """List the newest version of each plan, and the layers that changed since it was made."""
    project = visit.live.project
    infos = project.plan_infos()
    still = still_of(visit.live)
    lines = [
        _info_json(_memory(request), visit, still, info)
        | {"plan": info.name, "seq": project.plan_state(info.name).seq}
        for info in infos
    ]
    return JsonAnswer({"plans": lines})


@router.get(f"{PLAN}/metrics", response_model=said.MetricsOut, responses=SAME)
def plans_metrics(
    request: Request,
    visit: Viewer,
    plan: PlanInPath,
    query: Annotated[said.MetricsQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the metrics of each district, of the plan as it is now or of one of its versions.

    They are worked out once for each state of the plan and of what they read of the layers. Those
    of services and walks take long the first time; name the ones that are needed. While they are
    worked out anew because a layer was changed, others get the ones before: ``layers`` tells of
    which versions they are, and the header ETag is theirs. The plan's own tag is in ``etag``.
    """
    names = tuple(dict.fromkeys(query.metric)) or None
    found = metrics_answer(_memory(request), visit.live, plan, names, query.version)
    return _answered(found, if_none_match)


@router.get(f"{PLAN}/check", response_model=said.CheckOut, responses=SAME)
def plans_check(
    request: Request, visit: Viewer, plan: PlanInPath, if_none_match: IfNoneMatch = None
) -> Response:
    """Hold the plan as it is now against its constraints, without knowing how it was made.

    ``layers`` and ETag as for metrics.
    """
    memory = _memory(request)
    found = check_answer(
        memory, visit.live, plan, lambda still, kept: _stale(memory, visit, still, kept.settings)
    )
    return _answered(found, if_none_match)


@router.get(f"{PLAN}/changes", response_model=said.ChangesOut)
def plans_changes(
    request: Request,
    visit: Viewer,
    plan: PlanInPath,
    version: Version = None,
    since: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """Return what was changed after the change ``since`` of a version, by whomever.

    So two people who paint one plan see each other's strokes. ``reload`` where a newer version was
    kept meanwhile.
    """
    with _sitting(request, visit, plan) as sitting:
        draft = sitting.draft
        etag = {"ETag": f'"{etag_of(draft.state)}"'}
        if version is not None and version != draft.state.version:
            told = state_json(plan, draft.state) | {
                "reload": True, "changes": [], "members": {}, "verdicts": [],
                "districts": list(draft.districts),
            }  # fmt: skip
        else:
            changes = () if since >= draft.state.seq else sitting.changes()
            told = changes_json(plan, draft, changes, since)
    return JsonAnswer(told, headers=etag)


@router.post(f"{PLAN}/changes", response_model=said.EditOut, responses=CHANGED)
def plans_change(
    request: Request,
    visit: Planner,
    plan: PlanInPath,
    expected: Expected,
    body: Annotated[said.ChangeIn, Body()],
) -> Response:
    """Change the plan by hand, on top of the state that If-Match names.

    Where somebody else was faster, 412 tells what was changed since. Nothing is overwritten.
    """
    with _sitting(request, visit, plan) as sitting:
        sitting.require(expected, {"op": body.op})
        edit = _changed(visit, sitting, body)
        told = edit_json(plan, sitting.draft, edit)
    return JsonAnswer(told, headers={"ETag": told["etag"]})


@router.get(f"{PLAN}/versions", response_model=said.VersionsOut)
def plans_versions(request: Request, visit: Viewer, plan: PlanInPath) -> Response:
    """Tell what was done to a plan, version by version, the oldest first."""
    memory, still = _memory(request), still_of(visit.live)
    infos = still.plan_infos(plan)
    lines = [_info_json(memory, visit, still, info) for info in infos]
    return JsonAnswer({"plan": plan, "versions": lines})


@router.post(f"{PLAN}/versions", response_model=said.VersionOut, status_code=201, responses=CHANGED)
def plans_keep(
    request: Request, visit: Planner, plan: PlanInPath, expected: Expected, body: said.VersionIn
) -> Response:
    """Keep the plan as it is now as its next version, with its packages."""
    still = still_of(visit.live)
    with _sitting(request, visit, plan) as sitting:
        sitting.require(expected, {"note": body.note})
        draft = sitting.draft
        if draft.is_kept:
            raise OptionError(f"Nothing was changed since version {expected.version}")
        made = stamped(draft.now(), still.read_study())
        packages, lost = carried_over(made, still.read_packages(plan, version=expected.version))
        version = still.save_plan(
            made, what="edited", who=still.author.name, note=body.note, packages=packages,
            expected=draft.state,
        )  # fmt: skip
    return _made(still, plan, version, lost=list(lost))


@router.post(f"{PLAN}/restore", response_model=said.VersionOut, status_code=201, responses=CHANGED)
def plans_restore(
    request: Request, visit: Planner, plan: PlanInPath, expected: Expected, body: said.RestoreIn
) -> Response:
    """Make an older version, with its packages, the newest again; nothing kept is lost."""
    with _sitting(request, visit, plan) as sitting:
        sitting.require(expected, {"restore": body.version})
        _require_kept(sitting.draft, discard=body.discard)
        project = sitting.project
        version = project.restore_plan(
            plan, body.version, who=project.author.name, expected=sitting.draft.state
        )
    return _made(project, plan, version)


@router.post(f"{PLAN}/repair", response_model=said.RepairOut)
def plans_repair(
    request: Request, visit: Planner, plan: PlanInPath, body: said.RepairIn | None = None
) -> Response:
    """Propose the fewest moves that mend the plan as it is now; nothing is changed.

    To accept the proposal, POST its ``change`` to the plan's changes with the ETag of this answer.
    A search that takes longer is asked for with POST jobs.
    """
    seconds = (body or said.RepairIn()).time_limit
    still = still_of(visit.live)
    with _sitting(request, visit, plan) as sitting:
        state, kept, layer = sitting.draft.state, sitting.draft.plan(), sitting.draft.estates()
    classes, cost = constraints_of(kept, still.read_study())
    found = repair_plan(kept, layer, classes=classes, cost=cost, time_limit_s=seconds)
    districts = {move.estate: move.after for move in found.moved}
    change = {"op": "assign", "districts": districts} if found.plan and districts else None
    told = repair_json(found, plan, None) | state_json(plan, state) | {"change": change}
    return JsonAnswer(told, headers={"ETag": told["etag"]})


@router.get(f"{PLAN}/compare", response_model=said.CompareOut)
def plans_compare(
    request: Request,
    visit: Viewer,
    plan: PlanInPath,
    other: Annotated[str | None, Query(alias="with", min_length=1, max_length=100)] = None,
    version: Version = None,
    other_version: Version = None,
    metric: Annotated[list[str] | None, Query(max_length=100)] = None,
) -> Response:
    """Say what differs between two plans, or two versions of one: this one is before.

    Without a version a plan is taken as it is now, with its changes by hand. Metrics are compared
    where they are named.
    """
    if other is None and version == other_version:
        raise OptionError("Name another plan with 'with', or two versions of this one")
    still = still_of(visit.live)
    plans = []
    for name, number in ((plan, version), (other or plan, other_version)):
        if number is not None:
            plans.append(still.read_plan(name, version=number))
            continue
        with _sitting(request, visit, name) as sitting:
            plans.append(sitting.draft.now())
    found = compared(still, plans[0], plans[1], metrics=metric or ())
    return JsonAnswer({"first": plan, "second": other or plan, **found.to_json()})


@router.get(f"{PLAN}/packages", response_model=said.PackagesOut)
def plans_packages(visit: Viewer, plan: PlanInPath, version: Version = None) -> Response:
    """Return the work packages of the newest version, or of one, with their sums."""
    still = still_of(visit.live)
    state = state_asked(still, plan, version)
    if version is not None and version == (now := still.plan_state(plan)).version:
        state = now
    return _packages(still, plan, state)


@router.put(f"{PLAN}/packages", response_model=said.PackagesOut, responses=CHANGED)
def plans_bundle(
    request: Request, visit: Planner, plan: PlanInPath, expected: Expected, body: said.PackagesIn
) -> Response:
    """Say what the work packages are; that makes the next version of the plan."""
    still = still_of(visit.live)
    packages = tuple(
        Package(each.package, tuple(each.districts), tuple(each.estates), each.builder)
        for each in body.packages
    )
    with _sitting(request, visit, plan) as sitting:
        sitting.require(expected, {"packages": [each.package for each in body.packages]})
        _require_kept(sitting.draft, discard=False)
        check_packages(sitting.draft.kept, packages)
        version = still.change_packages(
            plan, lambda *_: packages, who=still.author.name, note=body.note,
            expected=sitting.draft.state,
        )  # fmt: skip
    return _packages(still, plan, state_asked(still, plan, version))


@router.get(PLAN, response_model=said.PlanOut)
def plans_one(
    request: Request, visit: Viewer, plan: PlanInPath, version: Version = None
) -> Response:
    """Return a plan as it is now, with the changes by hand; or one of its versions as kept.

    Its ETag is what a change has to name in If-Match.
    """
    memory = _memory(request)
    found, settings = plan_answer(memory, visit.live, plan, version)
    # To look whether layers are as they were takes long; many plans do not say what they were.
    still = still_of(visit.live) if settings.get("input_stamp") else None
    stale = json_text({"stale": _stale(memory, visit, still, settings) if still else []})
    # What is kept is joined as text: to write 20,000 estates takes a hundred times as long.
    body = found.body[:-1] + b"," + stale.encode("utf-8", "replace")[1:]
    return Response(body, headers={"ETag": found.etag}, media_type=JsonAnswer.media_type)


@router.patch(PLAN, response_model=said.StateOut, responses=CHANGED)
def plans_rename(
    request: Request, visit: Planner, plan: PlanInPath, expected: Expected, body: said.RenameIn
) -> Response:
    """Give a plan, in all its versions and with its changes by hand, another name."""
    with _sitting(request, visit, plan) as sitting:
        sitting.require(expected, {"name": body.name})
        state = sitting.draft.state
        sitting.project.rename_plan(plan, body.name, expected=state)
    told = state_json(body.name, state)
    return JsonAnswer(told, headers={"ETag": told["etag"]})


@router.delete(PLAN, response_model=said.RemovedOut, responses=CHANGED)
def plans_remove(
    request: Request, visit: Planner, plan: PlanInPath, expected: Expected
) -> Response:
    """Take a plan out, with all its versions, packages and changes by hand."""
    with _sitting(request, visit, plan) as sitting:
        sitting.require(expected, {"remove": plan})
        versions = sitting.project.remove_plan(plan, expected=sitting.draft.state)
    return JsonAnswer({"removed": plan, "versions": versions})


def _memory(request: Request) -> Memory:
    return memory_of(request.app.state.projects)


def _sitting(request: Request, visit: Visit, plan: str) -> AbstractContextManager[Sitting]:
    """Give the draft of a plan to one at a time, as the store has it."""
    return sitting_at(_memory(request), visit.live, plan)


def _answered(found: Answer, if_none_match: str | None) -> Response:
    headers = {"ETag": found.etag}
    if etag_matches(if_none_match, found.etag):
        return Response(status_code=304, headers=headers)
    return Response(found.body, headers=headers, media_type=JsonAnswer.media_type)


def _changed(visit: Visit, sitting: Sitting, body: said.ChangeIn) -> Edit:
    match body:
        case said.Turn():
            turn = sitting.undo if body.op == "undo" else sitting.redo
            return turn(others=body.others)
        case said.Lasso():
            lasso = lasso_of(body.polygon.model_dump(), visit.live.layer("estates").layer)
            return sitting.change(
                lambda d: d.lasso(lasso, body.to, rule=body.rule, skip_locked=body.skip_locked)
            )
        case said.Move():
            return sitting.change(lambda d: d.move(body.estates, body.to))
        case said.Assign():
            return sitting.change(lambda d: d.assign(body.districts))
        case said.New():
            return sitting.change(lambda d: d.new_district(body.estates, body.name))
        case said.Merge():
            return sitting.change(lambda d: d.merge(body.districts, body.into))
        case said.Split():
            return sitting.change(lambda d: d.split(body.district, body.estates, body.name))
        case said.Rename():
            return sitting.change(lambda d: d.rename(body.district, body.name))
        case said.Lock():
            lock = "lock" if body.op == "lock" else "unlock"
            return sitting.change(
                lambda d: getattr(d, lock)(estates=body.estates, districts=body.districts)
            )
        case said.Link():
            link = "link" if body.op == "link" else "unlink"
            return sitting.change(lambda d: getattr(d, link)(body.a, body.b))


def _require_kept(draft: Draft, *, discard: bool) -> None:
    if draft.standing and not discard:
        raise OptionError(
            f"There are {len(draft.standing)} changes by hand that are not kept; keep them as a "
            "version first, or undo them"
        )


def _made(project: Project, plan: str, version: int, lost: list[str] | None = None) -> Response:
    told = state_json(plan, state_asked(project, plan, version)) | {"lost": lost or []}
    return JsonAnswer(told, 201, {"ETag": told["etag"]})


def _packages(still: Still, plan: str, state: PlanState) -> Response:
    kept = still.read_plan(plan, version=state.version)
    found = still.read_packages(plan, version=state.version)
    sums = package_sums(kept, found, still.read_layer("estates")).to_dict("records")
    told = state_json(plan, state) | packages_json(found, sums)
    return JsonAnswer(told, headers={"ETag": told["etag"]})


def _info_json(memory: Memory, visit: Visit, still: Still, info: PlanInfo) -> dict[str, Any]:
    told = {key: value for key, value in vars(info).items() if key not in ("name", "settings")}
    return told | {"stale": _stale(memory, visit, still, info.settings)}


def _stale(memory: Memory, visit: Visit, still: Still, settings: Any) -> list[str]:
    """Return the layers that a plan rests on and that are not what they were."""
    stamp = settings.get("input_stamp")
    if not stamp:
        return []
    now = memory.layer_stamps(visit.live.name, still, inputs_of(settings))
    return list(changed_kinds(settings, stamp, now))
