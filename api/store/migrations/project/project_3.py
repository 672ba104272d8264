"""Which version of a layer the audit accounts for, so that changes by other programs are noticed.

Revision ID: project_3
Revises: project_2
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "project_3"
down_revision = "project_2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was changed before it was there is told of by nobody."""
    op.add_column("layer_versions", sa.Column("accounted", sa.Integer))
    versions = sa.table(
        "layer_versions", sa.column("version", sa.Integer), sa.column("accounted", sa.Integer)
    )
    op.execute(sa.update(versions).values(accounted=versions.c.version))
