"""Rows made, changed, deleted; edits of many rows at once; the history, and undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from api.live import Live
from api.routes.drawn import conflicts_in_degrees, placed
from api.routes.layers import KindName, Planner, Uid, Viewer, row_answer
from api.routes.preconditions import MatchNumber
from api.schemas.edits import (
    ChangeIn,
    ChangesIn,
    EditedRow,
    EditOut,
    EditsOut,
    PastEdit,
    PastRow,
    RowIn,
)
from api.schemas.faults import faults
from api.schemas.layers import RowOut
from api.store import KEEP, EditInfo, RowChange, RowsEdited
from gis.errors import ColumnError, MissingLayerError, OptionError, UnknownNameError
from gis.model import KINDS, Kind

router = APIRouter(
    prefix="/api/projects/{project}", tags=["edits"], responses=faults(400, 401, 403, 404, 422)
)
ROWS_TOLD: Final = 100
"""Rows of one edit that the history tells; it says how many there are."""
EditNumber = Annotated[int, Path(ge=1, le=2**62)]


@router.post("/layers/{kind}/rows", status_code=201, response_model=RowOut, responses=faults(409))
def add_row(visit: Planner, kind: KindName, row: RowIn) -> Response:
    """Add one row; its uid is made where ``properties`` gives none."""
    # What has been checked as a part of one body need not be checked as a part of another.
    change = ChangeIn.model_construct(
        op="insert", uid=None, rev=None, properties=row.properties, geometry=row.geometry
    )
    edited = _edit(visit.live, kind, [change], crs=row.crs, what="added")
    answer = row_answer(visit.live.layer(kind), edited.uids[0], status=201)
    base = f"/api/projects/{_quoted(visit.live.name)}/layers/{kind}/rows"
    answer.headers["location"] = f"{base}/{_quoted(edited.uids[0])}"
    return answer


@router.patch("/layers/{kind}/rows/{uid:path}", response_model=RowOut, responses=faults(412, 428))
def change_row(visit: Planner, kind: KindName, uid: Uid, row: RowIn, tag: MatchNumber) -> Response:
    """Change one row: what is given replaces, what is left out stays. If-Match: the row's rev."""
    change = ChangeIn.model_construct(
        {"op", "uid", "rev", *row.model_fields_set},
        op="update", uid=uid, rev=tag.of(visit.live.project), properties=row.properties,
        geometry=row.geometry,
    )  # fmt: skip
    _edit(visit.live, kind, [change], crs=row.crs, what="changed")
    return row_answer(visit.live.layer(kind), uid)


@router.delete("/layers/{kind}/rows/{uid:path}", responses=faults(412, 428))
def delete_row(visit: Planner, kind: KindName, uid: Uid, tag: MatchNumber) -> EditOut:
    """Delete one row. If-Match: the row's rev."""
    change = ChangeIn(op="delete", uid=uid, rev=tag.of(visit.live.project))
    return _told(_edit(visit.live, kind, [change], crs=None, what="deleted"))


@router.post("/layers/{kind}/edits", status_code=201, responses=faults(409))
def edit_rows(visit: Planner, kind: KindName, edit: ChangesIn) -> EditOut:
    """Change rows together: all of them, or none.

    Each change of a row that is there says the ``rev`` that it was read with. Where one of them is
    another now, nothing is written, and all rows that differ are told in both versions (409).
    """
    for place, change in enumerate(edit.changes, start=1):
        if change.op != "insert" and (change.uid is None or change.rev is None):
            raise OptionError(
                f"Change {place} ({change.op}): give the uid and the rev of the row as it was read"
            )
    return _told(_edit(visit.live, kind, edit.changes, crs=edit.crs, what=edit.what))


@router.get("/edits")
def list_edits(
    visit: Viewer,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[
        int | None, Query(ge=1, le=2**53, description="only edits before this one")
    ] = None,
) -> EditsOut:
    """List the edits, the newest at the front; of each the first rows, as they were and became."""
    found = visit.live.project.edits(kind, limit=limit, before=before)
    return EditsOut(edits=[_past(edit) for edit in found])


@router.post("/edits/{edit}/undo", status_code=201, responses=faults(409))
def undo_edit(visit: Planner, edit: EditNumber) -> EditOut:
    """Undo an edit by a new one; to undo that is to redo it.

    Refused (409) where a row was changed since, with both versions.
    """
    with conflicts_in_degrees(visit.live.project.crs), visit.live.editing():
        edited = visit.live.project.undo_edit(edit)
        visit.live.applied(edited.kind, edited)
    return _told(edited)


def _edit(
    live: Live, kind: str, changes: Sequence[ChangeIn], *, crs: str | None, what: str
) -> RowsEdited:
    project = live.project
    known, target = _kind(kind), project.crs
    if target is None:
        raise MissingLayerError("The project has no layer yet; import a file first")
    _require_columns(known, changes)
    shapes = placed([change.geometry for change in changes], known, crs=crs, target=target)
    rows = [_row_change(change, shape) for change, shape in zip(changes, shapes, strict=True)]
    with conflicts_in_degrees(target), live.editing():
        edited = project.edit_rows(kind, rows, what=what)
        live.applied(kind, edited)
    return edited


def _row_change(change: ChangeIn, shape: Any) -> RowChange:
    kept = "geometry" not in change.model_fields_set
    return RowChange(
        change.op,
        uid=change.uid,
        rev=change.rev if change.op != "insert" else None,
        values={} if change.op == "delete" else change.properties,
        geometry=KEEP if kept or change.op == "delete" else shape,
    )


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UnknownNameError(f"There is no kind '{name}'; give one of: {', '.join(KINDS)}")
    return KINDS[name]


def _require_columns(kind: Kind, changes: Sequence[ChangeIn]) -> None:
    """Refuse columns that are not those of the kind: the user's own ones never leave or enter."""
    known = set(kind.column_names)
    for change in changes:
        for name in change.properties.keys() - known:
            raise ColumnError(
                f"The {kind.name} have no column '{name[:60]}'; give one of: "
                f"{', '.join(kind.column_names)}"
            )


def _told(edited: RowsEdited) -> EditOut:
    rows = [EditedRow(uid=uid, rev=rev) for uid, rev in zip(edited.uids, edited.revs, strict=True)]
    return EditOut(edit=edited.edit_id, layer=edited.kind, version=edited.version, rows=rows)


def _past(edit: EditInfo) -> PastEdit:
    return PastEdit(
        edit=edit.id,
        layer=edit.kind,
        at=edit.at,
        who=edit.who,
        what=edit.what,
        undoes=edit.undoes,
        undone_by=edit.undone_by,
        rows=[
            PastRow(uid=row.uid, op=row.op, columns=dict(row.columns), moved=row.moved)
            for row in edit.rows[:ROWS_TOLD]
        ],
        rows_in_all=len(edit.rows),
    )


def _quoted(text: str) -> str:
    return quote(text, safe="")
