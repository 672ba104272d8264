"""Rows edited one by one or some at a time, all of them or none.

Every row has a ``rev`` that grows with each change, whoever makes it, also QGIS and SQL. Who edits
a row says which rev he read; if it has another one now, nothing is written and a `ConflictError`
holds both versions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, func, select

from api.store import history, layers, outside, stored_rows
from api.store.audit import KeepsAudit
from api.store.backend import backend_of
from api.store.cells import checked_geometry, checked_uid, checked_values, extra_text
from api.store.facts import known_kind, require_layer, settled_crs
from api.store.moments import stamp
from api.store.schema import LAYERS
from api.store.stored_rows import KEEP, Keep, Op, Row, Step
from gis.errors import ConflictError, LayerError, OptionError, ProjectError, UnknownNameError
from gis.model import KINDS, Kind

__all__ = ["KEEP", "Keep", "KeepsRows", "Row", "RowChange", "Rows", "RowsEdited"]

MOST_CHANGES: Final = 10_000
MOST_SHOWN: Final = 100
"""Rows of a conflict that are shown in full; its message says how many there are."""

STATED: Final = "statements"
"""What the statements are called among the versions."""

_MOST_TOLD: Final = 10
_ENOUGH_UIDS: Final = 100


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows of a layer by fid: (n,) fids, (n,) uids, (n,) revs, and the frame as `Layer` has it.

    The frame is not held against the kind: a row that another program broke is there as it is.
    ``version`` is that of the layer when they were read.
    """

    fids: NDArray[np.int64]
    uids: NDArray[np.object_]
    revs: NDArray[np.int64]
    frame: gpd.GeoDataFrame
    version: int

    def __len__(self) -> int:
        return len(self.fids)


@dataclass(frozen=True)
class RowChange:
    """One change of an edit.

    Parameters
    ----------
    op
        "insert", "update" or "delete".
    uid
        Of the row; an insert makes one if there is none.
    rev
        The rev that the row was read with; None changes it whatever it is now.
    values
        Column -> JSON value, None for unknown; columns of the kind, and known ones of the user's
        own. An update leaves the others as they are.
    geometry
        In the CRS of the project; `KEEP` leaves it as it is.
    """

    op: Op
    uid: str | None = None
    rev: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    geometry: BaseGeometry | Keep | None = KEEP


@dataclass(frozen=True)
class RowsEdited:
    """An edit that was made, with its rows before and after, in the order of its changes.

    ``since`` is the version of the layer that the edit began from, ``version`` that of now. A row
    that was not there before, or is not any more, is None; so is its rev.
    """

    edit_id: int
    kind: str
    since: int
    version: int
    uids: tuple[str, ...]
    revs: tuple[int | None, ...]
    before: tuple[Row | None, ...]
    after: tuple[Row | None, ...]


class KeepsRows(KeepsAudit):
    """The part of a project that reads and changes single rows."""

    def layer_version(self, kind: str) -> int:
        """Return the version of a layer: it grows with every change, whoever makes it.

        It never comes back: not after a layer was replaced, nor after it was removed. 0 where there
        never was a layer of that kind.

        Raises
        ------
        UnknownNameError
            There is no such kind.
        """
        known_kind(kind)
        with self._database.read() as connection:
            return layers.version(connection, kind)

    def note_outside_changes(self) -> None:
        """Add a line to the audit for each layer that other programs have changed since the last.

        Whoever may only read the project leaves that to the next who may write.
        """
        with self._database.read() as connection:
            if not outside.is_any(connection):
                return
        with contextlib.suppress(ProjectError), self._database.write() as connection:
            outside.note_all(connection, now=stamp(self._clock))

    def layer_versions(self) -> dict[str, int]:
        """Return the version of each layer that is there."""
        with self._database.read() as connection:
            return _versions(connection)

    def versions(self) -> dict[str, int]:
        """Return the version of each layer that is there, and of the ``statements``.

        It is what the stamp of a `Run` is made of.
        """
        with self._database.read() as connection:
            return {**_versions(connection), STATED: layers.version(connection, STATED)}

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that have a layer, in their order."""
        with self._database.read() as connection:
            return layers.kinds_in(connection)

    def read_revs(self, kind: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (n,) fids and (n,) revs of the rows of a layer by fid, and nothing else.

        Raises
        ------
        UnknownNameError
            There is no layer of that kind.
        """
        with self._database.read() as connection:
            require_layer(connection, kind)
            table = LAYERS[kind]
            query = select(table.c.fid, table.c.rev).order_by(table.c.fid)
            rows = [tuple(row) for row in connection.execute(query)]
        found = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    def data_mark(self) -> int:
        """Return a number that is another one whenever anybody has committed since; it is cheap.

        Only marks of the same open project can be compared.
        """
        return self._database.mark()

    def read_rows(
        self,
        kind: str,
        *,
        uids: Sequence[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
    ) -> Rows:
        """Read rows of a layer: all, those of some uids, those whose box meets ``bbox``.

        Raises
        ------
        UnknownNameError
            There is no layer of that kind.
        LayerError
            A value, put there by another program, cannot be read.
        """
        with self._database.read() as connection:
            require_layer(connection, kind)
            where = None if bbox is None else backend_of(connection).touching(kind, bbox)
            if uids is not None:
                chosen = LAYERS[kind].c.uid.in_([str(uid) for uid in uids])
                where = chosen if where is None else where & chosen
            read = layers.read_frame(connection, kind, crs=settled_crs(connection), where=where)
            return Rows(
                np.array(read.fids, dtype=np.int64),
                np.asarray(read.frame["uid"].to_numpy(), dtype=object),
                np.array(read.revs, dtype=np.int64),
                read.frame,
                layers.version(connection, kind),
            )

    def edit_rows(
        self, kind: str, changes: Sequence[RowChange], *, what: str = "edited"
    ) -> RowsEdited:
        """Insert, update and delete rows of a layer, all of them or none.

        The edit is kept with the rows as they were and as they became; see `undo_edit`.

        Parameters
        ----------
        what
            A word for the history: what was done.

        Raises
        ------
        UnknownNameError
            There is no such layer, or no such row.
        LayerError
            A value or a geometry does not do; row and column are named.
        ConflictError
            A row is no more at the rev that it was read with.
        OptionError
            There is nothing to change, or too much at once.
        """
        wanted = KINDS[known_kind(kind)]
        _require_some(changes)
        with self._database.write() as connection:
            require_layer(connection, kind)
            stored_rows.prepare(connection, kind, [change.geometry for change in changes])
            uids = _uids(connection, wanted, changes)
            before = stored_rows.fetch(connection, kind, uids)
            _require_current(wanted, changes, uids, before)
            steps = _steps(connection, wanted, changes, uids, before)
            return self._edit(connection, kind, steps, before, what=what)

    def _edit(
        self,
        connection: Connection,
        kind: str,
        steps: Sequence[Step],
        before: Mapping[str, Row],
        *,
        what: str,
        undoes: int | None = None,
    ) -> RowsEdited:
        now = stamp(self._clock)
        since = outside.note_before_change(connection, kind, now=now)
        after = stored_rows.apply(connection, kind, steps, before, now=now)
        edit_id = history.record(
            connection, kind, steps, before, after,
            now=now, who=self._author.name, what=what, undoes=undoes,
        )  # fmt: skip
        uids = tuple(step.uid for step in steps)
        ops = [step.op for step in steps]
        told = {op: ops.count(op) for op in dict.fromkeys(ops)}
        self._note(
            connection, "edit", kind, now=now, edit=edit_id, undoes=undoes, uids=uids, **told
        )
        revs = tuple(after[uid].rev if uid in after else None for uid in uids)
        version = layers.version(connection, kind)
        old, new = tuple(map(before.get, uids)), tuple(map(after.get, uids))
        return RowsEdited(edit_id, kind, since, version, uids, revs, old, new)


def row_words(row: Row) -> dict[str, Any]:
    """Return a row as JSON values for a conflict; of the user's own columns nothing."""
    shape = row.geometry
    return {
        "uid": row.uid,
        "rev": row.rev,
        "values": dict(row.values),
        "geometry": None if shape is None else shape.wkt,
    }


def gone_words(uid: str) -> dict[str, Any]:
    """Return what stands in a conflict for a row that is not there any more."""
    return {"uid": uid, "rev": None, "values": {}, "geometry": None, "differ": []}


def names_of(uids: Sequence[str]) -> str:
    """Return the first of many uids, and how many more there are."""
    more = f" and {len(uids) - _MOST_TOLD} more" if len(uids) > _MOST_TOLD else ""
    return ", ".join(f"'{uid}'" for uid in uids[:_MOST_TOLD]) + more


def _versions(connection: Connection) -> dict[str, int]:
    found = layers.versions(connection)
    return {kind: found.get(kind, 0) for kind in layers.kinds_in(connection)}


def _require_some(changes: Sequence[RowChange]) -> None:
    if not changes:
        raise OptionError("There is nothing to change; give at least one change")
    if len(changes) > MOST_CHANGES:
        raise OptionError(
            f"{len(changes)} rows are too many for one edit; give at most {MOST_CHANGES}, or "
            "import a file"
        )
    for change in changes:
        if change.op not in ("insert", "update", "delete"):
            raise OptionError(f"There is no change '{change.op}'; give insert, update or delete")
        if change.op == "update" and not change.values and change.geometry is KEEP:
            raise OptionError(f"Row '{change.uid}': give values or a geometry to change")


def _uids(connection: Connection, kind: Kind, changes: Sequence[RowChange]) -> list[str]:
    """Return the uid of each change; make those that are wanting."""
    given = [_given_uid(kind, change) for change in changes]
    known = [uid for uid in given if uid is not None]
    if len(set(known)) < len(known):
        twice = next(uid for uid in known if known.count(uid) > 1)
        raise LayerError(
            f"Row '{twice}' of the {kind.name} comes twice in one edit; make one change of both"
        )
    if len(known) == len(given):
        return known
    fresh = iter(_fresh_uids(connection, kind.name, len(given) - len(known), known))
    return [next(fresh) if uid is None else uid for uid in given]


def _fresh_uids(connection: Connection, kind: str, count: int, known: Sequence[str]) -> list[str]:
    """Make uids that nobody has, as an import does: counted on from the largest."""
    from gis.io.keys import new_uids

    column = LAYERS[kind].c.uid
    query = select(column).where(column.startswith(f"{kind}-", autoescape=True))
    # The largest number is as a rule among the longest uids: reading all of them takes long.
    largest = query.order_by(func.length(column).desc(), column.desc()).limit(_ENOUGH_UIDS)
    made = new_uids(kind, count, [*connection.execute(largest).scalars(), *known])
    for start in range(0, count, _ENOUGH_UIDS):
        asked = made[start : start + _ENOUGH_UIDS]
        if connection.execute(select(column).where(column.in_(asked)).limit(1)).first():
            return new_uids(kind, count, [*connection.execute(query).scalars(), *known])
    return made


def _given_uid(kind: Kind, change: RowChange) -> str | None:
    inside = change.values.get("uid")
    if change.op == "insert":
        asked = inside if change.uid is None else change.uid
        if inside is not None and asked != inside:
            raise LayerError(
                f"A row of the {kind.name} was given two uids, '{change.uid}' and {inside!r:.40}; "
                "give one"
            )
        return None if asked is None else checked_uid(kind, asked)
    if change.uid is None:
        raise OptionError(f"A row of the {kind.name} to {change.op} has no uid; give it")
    if inside is not None and inside != change.uid:
        raise LayerError(
            f"Row '{change.uid}' of the {kind.name}, column uid: it is the key that plans name; "
            "insert a new row and delete this one instead"
        )
    return change.uid


def _require_current(
    kind: Kind, changes: Sequence[RowChange], uids: Sequence[str], before: Mapping[str, Row]
) -> None:
    yours, theirs = [], []
    for change, uid in zip(changes, uids, strict=True):
        row = before.get(uid)
        if change.op == "insert":
            if row is not None:
                raise LayerError(
                    f"Row '{uid}' of the {kind.name}, column uid: it is in the project already; "
                    "give another one, or none"
                )
            continue
        if change.rev is None and row is None:
            raise UnknownNameError(
                f"There is no row '{uid}' of the {kind.name}; it was deleted, or never was"
            )
        if row is None or change.rev not in (None, row.rev):
            yours.append(_your_words(change, uid))
            theirs.append(gone_words(uid) if row is None else _their_words(change, row))
    if yours:
        stale = [told["uid"] for told in yours]
        raise ConflictError(
            f"Of the {kind.name} {names_of(stale)} {'was' if len(stale) == 1 else 'were'} changed "
            "by somebody else since you read it; look at both versions and decide",
            yours={"kind": kind.name, "rows": yours[:MOST_SHOWN]},
            theirs={"kind": kind.name, "rows": theirs[:MOST_SHOWN]},
        )


def _your_words(change: RowChange, uid: str) -> dict[str, Any]:
    told = {"uid": uid, "rev": change.rev, "op": change.op, "values": dict(change.values)}
    if isinstance(change.geometry, Keep):
        return told
    return told | {"geometry": None if change.geometry is None else change.geometry.wkt}


def _their_words(change: RowChange, row: Row) -> dict[str, Any]:
    there = {**row.extra, **row.values}
    differ = [name for name, value in change.values.items() if there.get(name) != value]
    own = {name: row.extra[name] for name in differ if name in row.extra}
    if not isinstance(change.geometry, Keep) and change.geometry != row.geometry:
        differ.append("geometry")
    told = row_words(row) | {"differ": differ}
    # Of the user's own columns only those that this writer wants to set anyway.
    return told | {"extra": own} if own else told


def _steps(
    connection: Connection,
    kind: Kind,
    changes: Sequence[RowChange],
    uids: Sequence[str],
    before: Mapping[str, Row],
) -> list[Step]:
    extras = layers.extras_of(connection, kind.name)
    near = stored_rows.any_geometry(connection, kind.name)
    steps = []
    for change, uid in zip(changes, uids, strict=True):
        if change.op == "delete":
            steps.append(Step("delete", uid))
            continue
        new = change.op == "insert"
        values, own = checked_values(kind, uid, change.values, extras, whole=new)
        geometry = None if new and change.geometry is KEEP else change.geometry
        if not isinstance(geometry, Keep):
            checked_geometry(kind, uid, geometry, near=near)
        if own:
            text = None if new else before[uid].extra_text
            values["extra"] = extra_text(text, own, extras)
        steps.append(Step(change.op, uid, columns=values, geometry=geometry))
    return steps
