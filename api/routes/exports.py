"""Layers as files that other programs open."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from api.analyses import export_project, today
from api.auth import Visit, require
from api.schemas.exports import Format
from api.schemas.faults import faults
from gis.errors import LayerError

router = APIRouter(
    prefix="/api/projects/{project}", tags=["exports"], responses=faults(401, 403, 404)
)
MOST_AT_ONCE: Final = 4
MEDIA: Final[dict[str, str]] = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_turns: Final = threading.BoundedSemaphore(MOST_AT_ONCE)

Reviewer = Annotated[Visit, Depends(require("reviewer"))]
LayerNames = Annotated[
    list[Annotated[str, Query(max_length=40)]],
    Query(description="only these; all unless given", max_length=20),
]


@router.get(
    "/exports",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The file; several are in a zip",
            "content": {media: {} for media in MEDIA.values()},
        },
        **faults(422, 503),
    },
)
def export_layers(
    visit: Reviewer,
    format: Annotated[Format, Query()],  # noqa: A002
    layer: LayerNames = [],  # noqa: B006
) -> FileResponse:
    """Write layers to a file; the user's own extra columns and personal data stay at home."""
    project = visit.live.project
    if not project.layers():
        raise LayerError("The project has no layer yet; import a file first")
    if not _turns.acquire(blocking=False):
        raise HTTPException(503, "Many exports are being made; try later", {"Retry-After": "10"})
    folder = Path(tempfile.mkdtemp(prefix="lianpian-export-"))
    try:
        # A name of our own on the disk: that of the project may be none for a file.
        kinds = list(dict.fromkeys(layer))
        made = export_project(project, folder / "layers", format_=format, kinds=kinds)
        file = made[0] if len(made) == 1 and format != "shp" else _zipped(folder)
        project.note("exported", format, layers=kinds or "all")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        _turns.release()
    return FileResponse(
        file,
        media_type=MEDIA[file.suffix[1:]],
        filename=f"{_name(project.name)}-{today()}{file.suffix}",
        headers={"cache-control": "no-store"},
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


def _zipped(folder: Path) -> Path:
    """Put all files of a folder into one."""
    parts = sorted(path for path in folder.rglob("*") if path.is_file())
    target = folder / "layers.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.write(part, part.name)
    return target


def _name(title: str) -> str:
    """Return a title as (the beginning of) a name that every system takes for a file."""
    shown = "".join(letter if letter.isprintable() else " " for letter in title)
    shown = re.sub(r'[<>:"/\\|?*%;]+', " ", shown)
    return " ".join(shown.split()).strip(" .")[:80] or "lianpian"
