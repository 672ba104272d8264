"""What several people at once need: versions of layers, edits, changes of plans, runs, the audit.

Revision ID: project_2
Revises: project_1
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.backend import backend_of
from api.store.moments import stamp, utc_now
from api.store.schema import Moment

revision = "project_2"
down_revision = "project_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; every layer has been changed as often as the most changed of its rows."""
    _create_changes()
    _create_facts()
    versions = op.create_table(
        "layer_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, unique=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed", Moment, nullable=False),
    )
    connection, now = op.get_bind(), stamp(utc_now)
    for kind in sorted(backend_of(connection).kinds()):
        layer = sa.table(kind, sa.column("rev", sa.Integer))
        most = connection.execute(sa.select(sa.func.max(layer.c.rev))).scalar()
        row = {"kind": kind, "version": most or 1, "changed": now}
        connection.execute(sa.insert(versions).values(row))
    project = sa.table("project", sa.column("format_version", sa.Integer))
    op.execute(sa.update(project).values(format_version=2))


def _create_changes() -> None:
    op.create_table(
        "plan_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("plan", "version", "seq"),
    )
    op.create_index("ix_plan_changes_plan", "plan_changes", ["plan"])
    op.create_table(
        "edits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("undoes", sa.Integer, sa.ForeignKey("edits.id")),
    )


def _create_facts() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("work", sa.Text, nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("assumptions", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("job", sa.Text),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("where_from", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "private_persons",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("building", sa.Text),
        sa.Column("household", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("id_number", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_index("ix_private_persons_estate", "private_persons", ["estate"])
