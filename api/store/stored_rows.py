"""Single rows of a layer as the database has them: read, inserted, updated, deleted.

A row changes only if it is still at the ``rev`` that it was read with, so that of two writers who
both read it one finds that he came second. Whoever calls holds the right to write.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from api.store import layers
from api.store.backend import backend_of
from api.store.schema import GEOMETRY_COLUMN, LAYERS, WITH_HEIGHTS
from gis.errors import LayerError
from gis.model import KINDS, Column

Op = Literal["insert", "update", "delete"]
_UIDS_AT_ONCE: Final = 500
_FID: Final = "lianpian_fid"
_REV: Final = "lianpian_rev"
"""Names of bound values that no column has."""


class Keep(Enum):
    """Stands for a geometry that stays as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True)
class Row:
    """One row: the values of its kind's columns, those of the user's own, its geometry.

    Values are JSON values, None for unknown. ``rev`` grows with every change of the row.
    """

    fid: int
    uid: str
    rev: int
    values: Mapping[str, Any]
    extra: Mapping[str, Any] = field(repr=False)
    geometry: BaseGeometry | None
    extra_text: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """A hash of all that is in the row, the same on every database; not of ``rev``."""
        shape = None if self.geometry is None else wkb_hex(self.geometry)
        values = [_for_digest(self.values[name]) for name in sorted(self.values)]
        told = json.dumps([values, self.extra_text, shape], ensure_ascii=False)
        return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True)
class Step:
    """What is done to one row; ``columns`` are those of the table, but for key and geometry."""

    op: Op
    uid: str
    rev: int | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    geometry: BaseGeometry | Keep | None = KEEP
    fid: int | None = None


def prepare(
    connection: Connection, kind: str, geometries: Sequence[BaseGeometry | Keep | None]
) -> None:
    """Make the table of a kind ready for rows with these geometries."""
    given = [shape for shape in geometries if isinstance(shape, BaseGeometry)]
    shapes: NDArray[np.object_] = np.empty(len(given), dtype=object)
    shapes[:] = given
    layers.prepare_edit(connection, kind, shapes)


def fetch(connection: Connection, kind: str, uids: Sequence[str]) -> dict[str, Row]:
    """Return the rows of these uids that are there, held against other writers."""
    table = LAYERS[kind]
    found: list[Any] = []
    for start in range(0, len(uids), _UIDS_AT_ONCE):
        asked = list(uids[start : start + _UIDS_AT_ONCE])
        query = select(table).where(table.c.uid.in_(asked)).with_for_update()
        found += connection.execute(query).mappings()
    extras = layers.extras_of(connection, kind)
    shapes = _shapes(connection, kind, found)
    return {
        row["uid"]: _row(kind, row, shape, extras) for row, shape in zip(found, shapes, strict=True)
    }


def apply(
    connection: Connection, kind: str, steps: Sequence[Step], before: Mapping[str, Row], *, now: str
) -> dict[str, Row]:
    """Do the steps, whose rows are ``before``; return the rows as they are then."""
    blobs = _blobs(connection, kind, steps)
    fids = _new_fids(connection, kind, steps)
    # Rows of which the same is set go to the database together.
    alike: dict[tuple[Op, tuple[str, ...]], list[dict[str, Any]]] = {}
    for step, blob in zip(steps, blobs, strict=True):
        values: dict[str, Any] = dict(step.columns)
        if step.geometry is not KEEP:
            values[GEOMETRY_COLUMN] = blob
        if step.op == "insert":
            # A trigger gives it a rev larger than any that a row of this uid can ever have had.
            values |= {"uid": step.uid, "fid": next(fids) if step.fid is None else step.fid}
        else:
            row = before[step.uid]
            values |= {_FID: row.fid, _REV: row.rev}
            if step.op == "update":
                values["rev"] = row.rev + 1
        alike.setdefault((step.op, tuple(sorted(values))), []).append(values)
    for (op, _), rows in alike.items():
        _write(connection, kind, op, rows)
    layers.note_edit(connection, kind, now=now, bounds=_come(steps))
    return fetch(connection, kind, [step.uid for step in steps])


def _write(connection: Connection, kind: str, op: Op, rows: list[dict[str, Any]]) -> None:
    """Do one thing to rows of which the same columns are set."""
    table = LAYERS[kind]
    here = (table.c.fid == bindparam(_FID)) & (table.c.rev == bindparam(_REV))
    if op == "insert":
        connection.execute(insert(table), rows)
        return
    changed = delete(table).where(here)
    statement = changed if op == "delete" else update(table).where(here)
    if connection.execute(statement, rows).rowcount != len(rows):
        raise LayerError(
            f"Rows of the {kind} were changed by another program just now; read them again"
        )


def _come(steps: Sequence[Step]) -> NDArray[np.float64] | None:
    """Bounds of the geometries that steps bring; None where one moves or goes."""
    if any(step.op != "insert" and step.geometry is not KEEP for step in steps):
        return None
    if any(step.op == "delete" for step in steps):
        return None
    shapes = [step.geometry for step in steps if isinstance(step.geometry, BaseGeometry)]
    return np.asarray(shapely.bounds(shapes), dtype=np.float64).reshape(-1, 4)


def any_geometry(connection: Connection, kind: str) -> BaseGeometry | None:
    """Return the geometry of some row of a layer, None if no row has one."""
    table = LAYERS[kind]
    geometry = table.c[GEOMETRY_COLUMN]
    row = connection.execute(
        select(table.c.fid, geometry).where(geometry.is_not(None)).limit(1)
    ).one_or_none()
    if row is None:
        return None
    shape = _shapes(connection, kind, [{"fid": row[0], GEOMETRY_COLUMN: row[1]}])[0]
    return shape if isinstance(shape, BaseGeometry) else None


def wkb_hex(shape: BaseGeometry) -> str:
    """Return a geometry as plain WKB, little end first, with its heights."""
    return str(shapely.to_wkb(shape, hex=True, byte_order=1, output_dimension=3, flavor="iso"))


def _blobs(connection: Connection, kind: str, steps: Sequence[Step]) -> list[bytes | None]:
    shapes: NDArray[np.object_] = np.empty(len(steps), dtype=object)
    shapes[:] = [None if step.geometry is KEEP else step.geometry for step in steps]
    backend = backend_of(connection)
    srs_id = backend.srs_of(kind)
    return list(backend.encode(shapes, srs_id=srs_id, heights=kind in WITH_HEIGHTS))


def _new_fids(connection: Connection, kind: str, steps: Sequence[Step]) -> Iterator[int]:
    table = LAYERS[kind]
    if not any(step.op == "insert" and step.fid is None for step in steps):
        return iter(())
    last = connection.execute(select(func.max(table.c.fid))).scalar() or 0
    given = max((step.fid for step in steps if step.fid is not None), default=0)
    first = max(last, given) + 1
    return iter(range(first, first + len(steps)))


def free_fid(connection: Connection, kind: str, fid: int) -> int | None:
    """Return ``fid`` if no row has it, so that a row which comes back has its old one."""
    table = LAYERS[kind]
    taken = connection.execute(select(table.c.fid).where(table.c.fid == fid)).first()
    return None if taken else fid


def _shapes(connection: Connection, kind: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    backend, heights = backend_of(connection), kind in WITH_HEIGHTS
    fids = [row["fid"] for row in rows]
    values = [row[GEOMETRY_COLUMN] for row in rows]
    try:
        return list(backend.decode(values, table=kind, fids=fids, heights=heights))
    except LayerError:
        return [_shape_or_none(connection, kind, row) for row in rows]


def _shape_or_none(connection: Connection, kind: str, row: Mapping[str, Any]) -> Any:
    """One geometry; what another program broke is none, so that its row can be mended."""
    try:
        found = backend_of(connection).decode(
            [row[GEOMETRY_COLUMN]],
            table=kind,
            fids=[row["fid"]],
            heights=kind in WITH_HEIGHTS,
        )
    except LayerError:
        return None
    return found[0]


def _row(kind: str, row: Mapping[str, Any], shape: Any, extras: Mapping[str, str]) -> Row:
    values = {column.name: _cell(column, row[column.name]) for column in KINDS[kind].columns}
    return Row(
        fid=row["fid"],
        uid=row["uid"],
        rev=row["rev"],
        values=values,
        extra=_own(row["extra"], extras),
        geometry=shape,
        extra_text=row["extra"],
    )


def _cell(column: Column, value: Any) -> Any:
    if isinstance(value, bytes):  # put there by another program
        return value.hex()
    if column.type == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _own(text: Any, extras: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, TypeError):
        return {}
    return {name: found.get(name) for name in extras} if isinstance(found, dict) else {}


def _for_digest(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else value
