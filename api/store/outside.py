"""Changes of layers by other programs, such as QGIS: the audit is told of them when next looked at.

Triggers count every change of a layer, whoever makes it; every change by ourselves also sets up to
which version the audit accounts for it. What is counted beyond that came from outside, and gets one
line before the next change of the layer by ourselves, or when somebody reads the audit. Who it was,
and what it was, nobody can tell. Not noticed are tables that are no layers, a layer taken away as a
whole, and programs that take the triggers away; and what is committed on a server at the very
moment of a change by ourselves counts as ours.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, update

from api.store.audit import Author, note
from api.store.schema import LAYER_VERSIONS
from gis.model import KINDS

OUTSIDE: Final = "changed outside Lianpian"
"""What the line says; its subject is the kind, and it tells how many ``versions``."""

_SOMEBODY: Final = Author("unknown", "another program")
_C: Final = LAYER_VERSIONS.c
_BEYOND: Final = _C.kind.in_(list(KINDS)) & (_C.version > _C.accounted)


def note_before_change(connection: Connection, kind: str, *, now: str) -> int:
    """Note what others did to a layer that is about to be changed; return its version.

    The change itself then sets what is accounted for.
    """
    query = select(_C.version, _C.accounted, _C.changed).where(_C.kind == kind)
    row = connection.execute(query).one_or_none()
    if row is None:
        return 0
    if row.accounted is not None and row.version > row.accounted:
        _note(connection, kind, row.version - row.accounted, row.changed, now=now)
    return int(row.version)


def is_any(connection: Connection) -> bool:
    """Tell whether some layer was changed by others since it was last accounted for."""
    return connection.execute(select(_C.id).where(_BEYOND).limit(1)).first() is not None


def note_all(connection: Connection, *, now: str) -> None:
    """Note what others did to any layer, and account for it."""
    query = select(_C.kind, _C.version, _C.accounted, _C.changed).where(_BEYOND).order_by(_C.id)
    for row in connection.execute(query).all():
        _note(connection, row.kind, row.version - row.accounted, row.changed, now=now)
        # The very version that was told of: another program may count on meanwhile.
        accounted = update(LAYER_VERSIONS).where(_C.kind == row.kind)
        connection.execute(accounted.values(accounted=row.version))


def _note(connection: Connection, kind: str, versions: int, last: str, *, now: str) -> None:
    note(
        connection, _SOMEBODY, now=now, what=OUTSIDE, subject=kind, versions=versions, last=last
    )  # fmt: skip
