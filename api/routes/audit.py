"""The audit of a project, for its owners."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth import Visit, require
from api.schemas.audit import AuditCheckOut, AuditLineOut, AuditOut
from api.schemas.faults import faults

router = APIRouter(tags=["audit"], responses=faults(401, 403, 404))

Owner = Annotated[Visit, Depends(require("owner"))]


@router.get("/api/projects/{project}/audit")
def audit_lines(
    visit: Owner,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> AuditOut:
    """List who changed what, when, from where, the newest first; ``before`` an id: older ones."""
    visit.live.project.note_outside_changes()
    lines = visit.live.project.audit_lines(limit, before)
    return AuditOut(
        lines=[
            AuditLineOut(
                id=line.id,
                at=line.at,
                who=line.who,
                where=line.where,
                what=line.what,
                subject=line.subject,
                detail=dict(line.detail),
                hash=line.hash,
            )
            for line in lines
        ]
    )


@router.get("/api/projects/{project}/audit/check")
def audit_check(visit: Owner) -> AuditCheckOut:
    """Work out the seal of every line anew."""
    check = visit.live.project.verify_audit()
    return AuditCheckOut(ok=check.ok, rows=check.rows, first_bad=check.first_bad, why=check.why)
