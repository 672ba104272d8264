"""Files sent, looked into, tried and imported; what was imported, and the rows that were not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.analyses import ImportOptions, import_answer, import_layers, report_told
from api.answers import JsonAnswer
from api.auth import Visit
from api.routes.jobs import queue_job
from api.routes.layers import Planner
from api.schemas.faults import faults
from api.schemas.imports import (
    ContentOut,
    GuessOut,
    ImportBegun,
    ImportIn,
    ImportOut,
    ImportsOut,
    PastImport,
    RefusedOut,
    RefusedRow,
    UploadContent,
    UploadOut,
)
from api.uploads import Upload, Uploads
from gis.io.look import Content, contents_of

router = APIRouter(
    prefix="/api/projects/{project}", tags=["imports"], responses=faults(400, 401, 403, 404)
)
LARGEST_AT_ONCE: Final = 32_000_000
"""Bytes of a file that is imported while the client waits; a larger one becomes a job."""
_RAW: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

UploadId = Annotated[str, Path(max_length=100)]
Encoding = Annotated[str | None, Header(alias="content-encoding")]


@router.post(
    "/uploads", status_code=201, openapi_extra=_RAW, responses=faults(408, 413, 415, 422, 503)
)
async def send_file(
    visit: Planner,
    request: Request,
    name: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            description="what the file is called; letters beyond ASCII %-encoded, as UTF-8: "
            "小区.xlsx is %E5%B0%8F%E5%8C%BA.xlsx",
            examples=["estates.xlsx"],
        ),
    ],
    encoding: Encoding = None,
) -> UploadOut:
    """Send a file as it is, as the body: shp in a zip, gpkg, geojson, csv, xlsx, osm.pbf and so on.

    It is kept for an hour, for who has sent it; nothing is imported yet.
    """
    if encoding not in (None, "identity"):
        raise HTTPException(415, "Send the file as it is, without Content-Encoding")
    if request.headers.get("content-type", "").strip().lower().startswith("multipart/"):
        raise HTTPException(
            415, "Send the file as the body of the request, not as a form: curl --data-binary @FILE"
        )
    length = request.headers.get("content-length", "")
    upload = await _uploads(request).receive(
        _chunks(request),
        name=name,
        project=visit.live.name,
        person=visit.person.id,
        length=int(length) if length.isdecimal() else None,
    )
    return UploadOut(upload=upload.id, name=upload.name, bytes=upload.size)


@router.get("/uploads/{upload}", responses=faults(422))
def look_into(visit: Planner, request: Request, upload: UploadId) -> UploadContent:
    """Tell what is in a file that was sent: layers or sheets, headings, and what they may be."""
    found = _found(visit, request, upload)
    with _uploads(request).hold(found) as path:
        contents = [_content(content) for content in contents_of(path)]
    return UploadContent(upload=found.id, name=found.name, bytes=found.size, contents=contents)


@router.delete("/uploads/{upload}", status_code=204)
def remove_file(visit: Planner, request: Request, upload: UploadId) -> None:
    """Remove a file that was sent."""
    _uploads(request).remove(_found(visit, request, upload))


@router.post(
    "/imports",
    response_model=ImportOut,
    responses={
        202: {"model": ImportBegun, "description": "It goes on as a job"},
        **faults(409, 422, 429),
    },
)
def import_upload(
    visit: Planner,
    request: Request,
    asked: ImportIn,
    prefer: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Import a file that was sent; with ``dry_run`` say what would happen, and write nothing.

    A large file becomes a job, and any file does with ``Prefer: respond-async``: the job's result
    is then what would have been answered here.
    """
    uploads = _uploads(request)
    upload = _found(visit, request, asked.upload)
    if upload.size > LARGEST_AT_ONCE or "respond-async" in (prefer or ""):
        return _begin(visit, request, asked, upload)
    options = ImportOptions(**asked.model_dump(include=_OPTIONS))
    with uploads.hold(upload, alone=not asked.dry_run) as path:
        imported = import_layers(
            visit.live.project,
            asked.kind,
            path,
            options,
            replace=asked.replace,
            dry_run=asked.dry_run,
            most_vertices=request.app.state.settings.max_vertices,
        )
    if not asked.dry_run:
        uploads.remove(upload)
    return JsonAnswer(import_answer(imported, dry_run=asked.dry_run))


@router.get("/imports")
def list_imports(visit: Planner) -> ImportsOut:
    """List the imports, the oldest at the front, with their reports.

    Not for who only looks: reasons quote cells as they stand in the file, of any column.
    """
    made = visit.live.project.imports()
    return ImportsOut(
        imports=[PastImport(**{**one, "report": report_told(one["report"])}) for one in made]
    )


@router.get("/refused")
def list_refused(
    visit: Planner,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> RefusedOut:
    """List the rows that imports did not take, and why."""
    rows = visit.live.project.refused()
    page = [RefusedRow(**row) for row in rows[offset : offset + limit]]
    return RefusedOut(refused=page, in_all=len(rows))


_OPTIONS: Final = {"layer", "crs", "coords", "encoding", "columns", "values"}


def _uploads(request: Request) -> Uploads:
    uploads: Uploads = request.app.state.uploads
    return uploads


def _found(visit: Visit, request: Request, upload: str) -> Upload:
    return _uploads(request).find(upload, project=visit.live.name, person=visit.person.id)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise HTTPException(408, "The file was cut off on its way; send it once more") from None


def _begin(visit: Visit, request: Request, asked: ImportIn, upload: Upload) -> Response:
    told = asked.model_dump(exclude={"upload"})
    secret = {
        "_path": str(upload.path),
        "_most_vertices": request.app.state.settings.max_vertices,
    }
    _uploads(request).keep_for_a_job(upload)
    job, where = queue_job(visit, request.app.state.jobs, "import", told | secret)
    headers = {"location": where, "preference-applied": "respond-async"}
    return JsonAnswer({"job": job}, 202, headers)


def _content(content: Content) -> ContentOut:
    guesses = [GuessOut(kind=guess.kind, columns=guess.columns) for guess in content.guesses]
    return ContentOut(
        layer=content.layer,
        rows=content.rows,
        geometry=content.geometry,
        crs=content.crs,
        headings=list(content.headings),
        guesses=guesses,
    )
