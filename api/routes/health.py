"""Whether the application runs, whether it can serve, and its figures for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from api.auth import Person, visitor
from api.schemas.health import HealthOut, ReadyOut
from api.serving.metrics import exposition
from gis import __version__

router = APIRouter(tags=["health"])


@router.get("/api/health")
async def health() -> HealthOut:
    """Say that the application runs."""
    return HealthOut(status="ok", version=__version__)


@router.get("/api/ready", responses={503: {"description": "It cannot serve now, and why"}})
def ready(request: Request) -> ReadyOut:
    """Say whether projects and office can be read and jobs be taken."""
    state = request.app.state
    if state.stopping.is_set():
        raise HTTPException(503, "The server is being stopped")
    with state.office.read():
        pass
    names = state.projects.names()
    if state.projects.single is not None:
        state.projects.live(state.projects.single)
    return ReadyOut(status="ready", projects=len(names))


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, person: Annotated[Person, Depends(visitor)]) -> Response:
    """Give the figures that Prometheus collects; to administrators, where people sign in."""
    if not person.admin:
        raise HTTPException(403, "The figures of the server are for administrators")
    body, kind = exposition(request.app.state.metrics)
    return Response(body, headers={"content-type": kind})
