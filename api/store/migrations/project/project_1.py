"""Projects of before there were revisions: tables that the very first ones had not.

Revision ID: project_1
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.backend import backend_of
from api.store.schema import Moment

revision = "project_1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is missing."""
    backend = backend_of(op.get_bind())
    if not backend.has_table("plan_packages"):
        op.create_table(
            "plan_packages",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column(
                "plan_id", sa.Integer, sa.ForeignKey("plans.id", ondelete="CASCADE"), nullable=False
            ),
            sa.Column("place", sa.Integer, nullable=False),
            sa.Column("package", sa.Text, nullable=False),
            sa.Column("builder", sa.Text),
            sa.Column("district", sa.Text),
            sa.Column("estate", sa.Text),
        )
        op.create_index("ix_plan_packages_plan_id", "plan_packages", ["plan_id"])
    if not backend.has_table("scenarios"):
        op.create_table(
            "scenarios",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("created", Moment, nullable=False),
            sa.Column("edits", sa.Text, nullable=False),
            sa.Column("answer", sa.Text, nullable=False),
            sa.UniqueConstraint("name", "version"),
        )
