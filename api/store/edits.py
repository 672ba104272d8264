"""The history of edits: what each row was and what it became, and edits taken back.

An undo is an edit of its own that sets the old values again, so that an undo taken back is a redo,
and nothing is ever struck from the history. It is refused when a row is not as the edit left it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import shapely
from sqlalchemy import Connection, select

from api.store import rows, stored_rows
from api.store.facts import require_layer
from api.store.schema import EDITS
from api.store.stored_rows import KEEP, Row, Step, wkb_hex
from gis.errors import ConflictError, UnknownNameError

_BACK: Final[Mapping[str, stored_rows.Op]] = {
    "insert": "delete",
    "update": "update",
    "delete": "insert",
}


@dataclass(frozen=True)
class EditedRow:
    """What an edit did to a row: column -> (as it was, as it became), where the two differ.

    ``extra`` are columns of the user's own. They may hold personal data: they are for those who may
    edit the project, and for no export. ``moved`` tells that the geometry changed.
    """

    uid: str
    op: stored_rows.Op
    columns: Mapping[str, tuple[Any, Any]]
    extra: Mapping[str, tuple[Any, Any]] = field(repr=False)
    moved: bool


@dataclass(frozen=True)
class EditInfo:
    """One edit: who did what when to which rows; what it takes back, and what took it back."""

    id: int
    kind: str
    at: str
    who: str | None
    what: str
    undoes: int | None
    undone_by: int | None
    rows: tuple[EditedRow, ...]


class KeepsEdits(rows.KeepsRows):
    """The part of a project that keeps the history of its rows."""

    def undo_edit(self, edit_id: int) -> rows.RowsEdited:
        """Take an edit back with a new one that sets the old values; return that.

        A deleted row comes back with all columns of its kind and the user's own; not with columns
        that another program added to the table.

        Raises
        ------
        UnknownNameError
            There is no such edit, or its layer is gone.
        ConflictError
            Rows were changed since; they are named. Take the later edits back first.
        """
        with self._database.write() as connection:
            edit = connection.execute(select(EDITS).where(EDITS.c.id == edit_id)).one_or_none()
            if edit is None:
                raise UnknownNameError(f"There is no edit {edit_id}; see the history for those")
            require_layer(connection, edit.kind)
            told = json.loads(edit.changes)["rows"]
            uids = [one["uid"] for one in told]
            steps = [_back(connection, edit.kind, one) for one in told]
            stored_rows.prepare(connection, edit.kind, [step.geometry for step in steps])
            before = stored_rows.fetch(connection, edit.kind, uids)
            _require_as_left(edit.kind, edit_id, told, before)
            return self._edit(connection, edit.kind, steps, before, what="undone", undoes=edit_id)

    def edits(
        self, kind: str | None = None, limit: int = 100, before: int | None = None
    ) -> tuple[EditInfo, ...]:
        """Return the newest edits, the newest first; of one kind, before some id."""
        query = select(EDITS).order_by(EDITS.c.id.desc()).limit(max(0, limit))
        if kind is not None:
            query = query.where(EDITS.c.kind == kind)
        if before is not None:
            query = query.where(EDITS.c.id < before)
        with self._database.read() as connection:
            found = connection.execute(query).all()
            ids = [edit.id for edit in found]
            undone = connection.execute(
                select(EDITS.c.undoes, EDITS.c.id)
                .where(EDITS.c.undoes.in_(ids))
                .order_by(EDITS.c.id)
            )
            undone_by = {row.undoes: row.id for row in undone}
        return tuple(
            EditInfo(
                edit.id, edit.kind, edit.at, edit.who, edit.what, edit.undoes,
                undone_by.get(edit.id), tuple(map(_edited, json.loads(edit.changes)["rows"])),
            )
            for edit in found
        )  # fmt: skip


def _back(connection: Connection, kind: str, told: Mapping[str, Any]) -> Step:
    op = _BACK[told["op"]]
    if op == "delete":
        return Step("delete", told["uid"])
    old = told["before"]
    columns = dict(old["values"])
    if "extra" in old:
        columns["extra"] = old["extra"]
    geometry: Any = KEEP
    if "geometry" in old:
        geometry = None if old["geometry"] is None else shapely.from_wkb(old["geometry"])
    fid = stored_rows.free_fid(connection, kind, told["fid"]) if op == "insert" else None
    return Step(op, told["uid"], columns=columns, geometry=geometry, fid=fid)


def _require_as_left(
    kind: str, edit_id: int, told: Sequence[Mapping[str, Any]], now: Mapping[str, Row]
) -> None:
    changed = []
    for one in told:
        row = now.get(one["uid"])
        if (None if row is None else row.digest) != one["left"]:
            changed.append((one, row))
    if not changed:
        return
    uids = [str(one["uid"]) for one, _ in changed]
    raise ConflictError(
        f"Edit {edit_id} cannot be taken back: of the {kind} {rows.names_of(uids)} "
        f"{'was' if len(uids) == 1 else 'were'} changed since; take the later edits back first",
        yours={
            "kind": kind,
            "rows": [
                {"uid": one["uid"], "values": (one["before"] or {}).get("values", {})}
                for one, _ in changed[: rows.MOST_SHOWN]
            ],
        },
        theirs={
            "kind": kind,
            "rows": [
                rows.gone_words(uid) if row is None else _differing(one, row)
                for uid, (one, row) in list(zip(uids, changed, strict=True))[: rows.MOST_SHOWN]
            ],
        },
    )


def _differing(one: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """A row as it is now, with the names of what is not as the edit left it."""
    left = one["after"] or {"values": {}}
    differ = [name for name, value in left["values"].items() if row.values.get(name) != value]
    shape = None if row.geometry is None else wkb_hex(row.geometry)
    if left.get("geometry", shape) != shape:
        differ.append("geometry")
    return rows.row_words(row) | {"differ": differ}


def _edited(told: Mapping[str, Any]) -> EditedRow:
    old, new = told["before"] or {"values": {}}, told["after"] or {"values": {}}
    return EditedRow(
        uid=told["uid"],
        op=told["op"],
        columns=_changed(old["values"], new["values"]),
        extra=_changed(_own(old), _own(new)),
        moved=old.get("geometry") != new.get("geometry"),
    )


def _own(side: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(side.get("extra") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = dict.fromkeys([*old, *new])
    return {
        name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }
