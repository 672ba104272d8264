"""When something happened, as every table of a project writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time, with its zone."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def stamp(clock: Clock) -> str:
    """Return the time of a clock as ``2026-01-31T08:00:00.000Z``."""
    moment = clock().astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
