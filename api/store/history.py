"""Edits in the database: each row as it was and as it became, as JSON.

Of an updated row only what was set is kept, with a hash of the whole row as the edit left it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from api.store.json_text import to_json
from api.store.schema import EDITS
from api.store.stored_rows import Keep, Row, Step, wkb_hex


def record(
    connection: Connection,
    kind: str,
    steps: Sequence[Step],
    before: Mapping[str, Row],
    after: Mapping[str, Row],
    *,
    now: str,
    who: str | None,
    what: str,
    undoes: int | None,
) -> int:
    """Keep an edit with its rows as they were and as they are; return its id."""
    told = [_told(step, before.get(step.uid), after.get(step.uid)) for step in steps]
    values = {"kind": kind, "at": now, "who": who, "what": what, "undoes": undoes}
    values["changes"] = to_json({"rows": told})
    made = connection.execute(insert(EDITS).values(values).returning(EDITS.c.id)).scalar_one()
    return int(made)


def _told(step: Step, old: Row | None, new: Row | None) -> dict[str, Any]:
    """A row as it was and became; of an update only what it set."""
    names = set(step.columns) if step.op == "update" else None
    there = old or new
    moved = step.op != "update" or not isinstance(step.geometry, Keep)
    return {
        "uid": step.uid,
        "op": step.op,
        "fid": None if there is None else there.fid,
        "before": _side(old, names, moved=moved),
        "after": _side(new, names, moved=moved),
        "left": None if new is None else new.digest,
    }


def _side(row: Row | None, names: set[str] | None, *, moved: bool) -> dict[str, Any] | None:
    if row is None:
        return None
    values = {
        name: value
        for name, value in row.values.items()
        if name != "uid" and (names is None or name in names)
    }
    told: dict[str, Any] = {"values": values}
    if names is None or "extra" in names:
        told["extra"] = row.extra_text
    if moved:
        told["geometry"] = None if row.geometry is None else wkb_hex(row.geometry)
    return told
