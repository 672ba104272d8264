"""Scenarios in the database. One saved again under its name becomes its next version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from api.store.json_text import to_json
from api.store.schema import SCENARIOS
from gis.errors import UnknownNameError


@dataclass(frozen=True)
class SavedScenario:
    """Edits as plain values, and what they were found to change on the day they were saved."""

    name: str
    version: int
    created: str
    edits: tuple[Mapping[str, Any], ...]
    answer: Mapping[str, Any]


def save(
    connection: Connection,
    name: str,
    edits: Sequence[Mapping[str, Any]],
    answer: Mapping[str, Any],
    *,
    now: str,
) -> int:
    """Store a scenario; return its version, counted from 1 for each name."""
    columns = SCENARIOS.c
    last = connection.execute(
        select(func.max(columns.version)).where(columns.name == name)
    ).scalar()
    version = int(last or 0) + 1
    row = {
        "name": name,
        "version": version,
        "created": now,
        "edits": to_json(list(edits)),
        "answer": to_json(answer),
    }
    connection.execute(insert(SCENARIOS).values(row))
    return version


def names(connection: Connection) -> tuple[str, ...]:
    """Return the names of the scenarios, the one saved first at the front."""
    columns = SCENARIOS.c
    query = select(columns.name).group_by(columns.name).order_by(func.min(columns.id))
    return tuple(connection.execute(query).scalars())


def read(connection: Connection, name: str) -> SavedScenario:
    """Return the newest version of a scenario.

    Raises
    ------
    UnknownNameError
        There is none of that name.
    """
    there = names(connection)
    if name not in there:
        listed = f"there are: {', '.join(there)}" if there else "make one with: lianpian whatif"
        raise UnknownNameError(f"There is no scenario '{name}'; {listed}")
    columns = SCENARIOS.c
    query = select(SCENARIOS).where(columns.name == name).order_by(columns.version.desc()).limit(1)
    row = connection.execute(query).one()
    return SavedScenario(
        name=row.name,
        version=row.version,
        created=row.created,
        edits=tuple(json.loads(row.edits)),
        answer=json.loads(row.answer),
    )
