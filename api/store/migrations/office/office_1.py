"""The first offices: there is nothing to change.

Revision ID: office_1
Revises:
"""

from __future__ import annotations

revision = "office_1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing: an office has had its revision from the first day."""
