"""Where a project is kept: one GeoPackage that also opens in QGIS, or a schema of PostgreSQL.

Everything is reached through `Project`; a transaction is one method call of it.
"""

from api.store.audit import AuditCheck, AuditLine, Author
from api.store.edits import EditedRow, EditInfo
from api.store.plan_changes import Draft, PlanChange, PlanState, replay
from api.store.private import PrivatePerson
from api.store.project import LayerInfo, Project
from api.store.rows import KEEP, Row, RowChange, Rows, RowsEdited
from api.store.runs import Run

__all__ = [
    "KEEP",
    "AuditCheck",
    "AuditLine",
    "Author",
    "Draft",
    "EditInfo",
    "EditedRow",
    "LayerInfo",
    "PlanChange",
    "PlanState",
    "PrivatePerson",
    "Project",
    "Row",
    "RowChange",
    "Rows",
    "RowsEdited",
    "Run",
    "replay",
]
