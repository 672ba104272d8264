"""Projects: which there are, what is in one, what is wrong with its data."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.analyses import profile_of, state_none
from api.auth import Person, Visit, author_of, role_in, visitor
from api.jobs import Jobs
from api.live import Live, Projects
from api.plain import in_json, json_text
from api.routes.layers import Planner, Viewer, layers_in
from api.routes.once import Made, once_of
from api.routes.preconditions import MatchTag
from api.schemas.faults import faults
from api.schemas.projects import (
    FindingsOut,
    ProjectBrief,
    ProjectChange,
    ProjectIn,
    ProjectOut,
    ProjectsOut,
    Stated,
)
from gis.crs import crs_words, parse_crs
from gis.errors import ConflictError, ProjectError
from gis.model import Categories
from gis.quality import check_study
from gis.renewal import load_profile

router = APIRouter(prefix="/api/projects", tags=["projects"], responses=faults(400, 401, 403))

SignedIn = Annotated[Person, Depends(visitor)]
Category = Annotated[str, Path(max_length=60, examples=["primary_school"])]


@router.get("")
def list_projects(request: Request, person: SignedIn) -> ProjectsOut:
    """List the projects that the visitor may see."""
    projects: Projects = request.app.state.projects
    roles = [(name, role_in(request, name)) for name in projects.names()]
    seen = [ProjectBrief(project=name, role=role) for name, role in roles if role is not None]
    return ProjectsOut(projects=seen, may_create=person.admin and projects.single is None)


@router.post("", status_code=201, responses=faults(404, 409, 422))
def create_project(
    request: Request, response: Response, person: SignedIn, new: ProjectIn
) -> ProjectOut:
    """Make a new project in the folder that is served; for administrators.

    Roles, shares and jobs of a project that was called so and is gone end before.
    """
    if not person.admin:
        raise HTTPException(403, "Projects are made by administrators; ask one")
    profile = None if new.profile is None else load_profile(new.profile).name
    crs = None if new.crs is None else parse_crs(new.crs)
    author = author_of(request)
    jobs: Jobs = request.app.state.jobs

    def clear(name: str) -> None:
        jobs.drop(request.app.state.office.end_project(name, by=author))

    try:
        live = request.app.state.projects.create(new.name, profile=profile, crs=crs, clear=clear)
    except ProjectError as error:
        # Where projects lie on the server is nobody's business.
        raise ProjectError(re.sub(r"'[^']*[/\\]", "'", str(error))) from error
    if person.id is not None:
        request.app.state.office.set_role(live.name, person.id, "owner", by=author)
    live = live.acting_as(author)
    response.headers["location"] = f"/api/projects/{quote(live.name, safe='')}"
    return _answer(Visit(person, "owner", live), response)


@router.get("/{project}", responses=faults(404))
def describe_project(visit: Viewer, response: Response) -> ProjectOut:
    """Say what is in a project. The ETag is that of its name and profile, for changing them."""
    return _answer(visit, response)


@router.patch("/{project}", responses=faults(404, 412, 422, 428))
def change_project(
    visit: Planner, response: Response, change: ProjectChange, tag: MatchTag
) -> ProjectOut:
    """Change the name or the policy profile. If-Match: the ETag of the project as it was read."""
    project = visit.live.project
    given = change.model_dump(exclude_unset=True)
    if given.get("profile") is not None:
        given["profile"] = load_profile(given["profile"]).name
    stored = (project.name, project.profile)
    if tag != _tag(project.mark, *stored):
        theirs = {"name": project.name, "profile": project.profile}
        raise ConflictError(
            "The project's name or profile was changed by somebody else; read it once more",
            yours=given,
            theirs=theirs,
        )
    project.change_description(
        name=given.get("name") or project.name,
        profile=given.get("profile", project.profile),
        expected=stored,
    )
    return _answer(visit, response)


@router.put("/{project}/statements/{category}", responses=faults(404, 422))
def state_none_of(visit: Planner, category: Category) -> Stated:
    """State that the city has no facility of a category: its absence is then a gap."""
    return _state(visit.live, category, none=True)


@router.delete("/{project}/statements/{category}", responses=faults(404, 422))
def take_back_none_of(visit: Planner, category: Category) -> Stated:
    """Take the statement back: without facilities of the category it is then unknown."""
    return _state(visit.live, category, none=False)


@router.get("/{project}/findings", response_model=FindingsOut, responses=faults(404, 503))
async def find_faults(visit: Viewer, request: Request) -> Response:
    """Look for faults in the data: coordinates that do not fit, gaps in columns, loose streets.

    Answered from memory while the layers stay as they are.
    """
    live = visit.live
    versions = await run_in_threadpool(live.versions)
    key = ("findings", live.name, live.project.mark, tuple(sorted(versions.items())))
    made = await once_of(request).get(key, lambda: Made(_findings(live)))
    return Response(made.body, media_type="application/json", headers={"cache-control": "no-cache"})


def crs_told(live: Live) -> str | None:
    """Return the CRS of a project as EPSG:n, else by its name; None while there is none."""
    crs = live.project.crs
    if crs is None:
        return None
    code = crs.to_epsg()
    return crs_words(crs) if code is None else f"EPSG:{code}"


def _findings(live: Live) -> bytes:
    found = [finding.to_json() for finding in check_study(live.study())]
    for told in found:
        told["message"] = in_json(told["message"])
    return json_text({"findings": found, "refused": len(live.project.refused())}).encode()


def _state(live: Live, category: str, *, none: bool) -> Stated:
    Categories.load().require(category)
    state_none(live.project, category, none=none)
    return Stated(none_of=sorted(live.project.none_of))


def _answer(visit: Visit, response: Response) -> ProjectOut:
    live = visit.live
    project = live.project
    response.headers["etag"] = f'"{_tag(project.mark, project.name, project.profile)}"'
    response.headers["cache-control"] = "no-cache"
    told: dict[str, Any] = {
        "project": live.name,
        "name": project.name,
        "crs": crs_told(live),
        "profile": profile_of(project).name,
        "role": visit.role,
        "layers": layers_in(live),
        "plans": list(project.plan_names()),
        "scenarios": list(project.scenario_names()),
        "none_of": sorted(project.none_of),
    }
    return ProjectOut(**told)


def _tag(mark: str, name: str, profile: str | None) -> str:
    told = f"{mark}\0{name}\0{profile or ''}"
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]
