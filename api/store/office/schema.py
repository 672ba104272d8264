"""The tables of the office. Times are UTC in ISO 8601, as in the projects."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

ROLES: Final = ("viewer", "reviewer", "planner", "owner")
"""What a person may do in a project; each may do what those before it may."""

JOB_STATES: Final = ("queued", "running", "done", "failed", "cancelled", "interrupted")

OFFICE_METADATA: Final = MetaData()

PEOPLE: Final = Table(
    "people",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # what they sign in with
    Column("shown_as", Text, nullable=False),
    Column("password", Text),  # argon2 hash; none for those who come from an identity provider
    Column("subject", Text, unique=True),  # "issuer|sub" of an identity provider
    Column("admin", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", Text, nullable=False),
)

MEMBERS: Final = Table(
    "members",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("project", Text, nullable=False),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("role", Text, CheckConstraint(f"role IN {ROLES}"), nullable=False),
    UniqueConstraint("project", "person_id"),
)

SESSIONS: Final = Table(
    "sessions",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # "browser" or "token" (of a program)
    Column("label", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("expires", Text, nullable=False),
)

ATTEMPTS: Final = Table(
    "attempts",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False),  # hash of who and where from
    Column("at", Double, nullable=False),
    Index("ix_attempts_key", "key", "at"),
)

SHARES: Final = Table(
    "shares",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("project", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),  # "map" or "dashboard"
    Column("created", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires", Text),
    Column("revoked", Text),
    Column("password", Text),
    Column("opened", Integer, nullable=False, server_default="0"),
    Column("last_opened", Text),
    Column("state", LargeBinary, nullable=False),  # the frozen page, packed
)

JOBS: Final = Table(
    "jobs",
    OFFICE_METADATA,
    Column("id", Text, primary_key=True),  # unguessable
    Column("project", Text, nullable=False),
    Column("work", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("state", Text, CheckConstraint(f"state IN {JOB_STATES}"), nullable=False),
    Column("progress", Double, nullable=False, server_default="0"),
    Column("message", Text, nullable=False, server_default=""),
    Column("cancel", Boolean, nullable=False),
    Column("created", Text, nullable=False),
    Column("started", Text),
    Column("ended", Text),
    Column("beat", Double),
    Column("server", Text),  # which server process looks after it
    Column("result", Text),
    Column("error", Text),
    Column("rev", Integer, nullable=False, server_default="1"),  # +1 at every change but a beat
    Index("ix_jobs_project", "project", "created"),
)

OFFICE_AUDIT: Final = Table(
    "office_audit",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("where_from", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
)
"""Who signed in and who gave whom which rights; sealed line by line, as the audit of a project."""

OFFICE_COUNTS: Final = Table(
    "office_counts",
    OFFICE_METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("number", Integer, nullable=False),
)
