"""Changes by hand on top of a saved version of a plan: a draft that several people may work on.

Every change is a line with the next number. Taking one back is a line too, so that whoever reads
all lines in order has the same draft. Who adds a line says up to which one he has read; if there
are later ones nothing is written. A new version of the plan closes the draft; its lines stay, as
the story of how the version after it came about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from api.store.json_text import to_json
from api.store.schema import PLAN_CHANGES
from gis.errors import ConflictError, OptionError

UNDO: Final = "undo"
REDO: Final = "redo"
MOST_CHANGES: Final = 10_000
LARGEST_CHANGE: Final = 4 * 1024 * 1024
"""Letters of JSON."""


@dataclass(frozen=True)
class PlanState:
    """Where a plan stands: its newest version, and the last change by hand since (0: none).

    ``mark`` tells the version from all others that were ever kept: a plan that was removed and one
    kept later under its name begin with the same numbers. Where somebody expects a state without a
    mark, the numbers alone have to be right.
    """

    version: int
    seq: int
    mark: str = field(default="", compare=False)

    def is_at(self, expected: PlanState) -> bool:
        """Tell whether this is the state that somebody read."""
        return self == expected and expected.mark in ("", self.mark)


@dataclass(frozen=True)
class PlanChange:
    """One line of a draft: what was done, in which steps, by whom, when."""

    seq: int
    what: str
    steps: tuple[Mapping[str, Any], ...]
    who: str | None
    at: str


@dataclass(frozen=True)
class Draft:
    """What is left of the lines of a draft after undo and redo.

    ``standing`` are in force, in their order; the last of ``undone`` is what a redo brings back.
    """

    standing: tuple[PlanChange, ...]
    undone: tuple[PlanChange, ...]


def replay(lines: Sequence[PlanChange]) -> Draft:
    """Work out which changes stand after every undo and redo."""
    standing: list[PlanChange] = []
    undone: list[PlanChange] = []
    for change in lines:
        if change.what == UNDO and standing:
            undone.append(standing.pop())
        elif change.what == REDO and undone:
            standing.append(undone.pop())
        elif change.what not in (UNDO, REDO):
            standing.append(change)
            undone.clear()
    return Draft(tuple(standing), tuple(undone))


def append(
    connection: Connection,
    name: str,
    at: PlanState,
    *,
    what: str,
    steps: Sequence[Mapping[str, Any]],
    who: str | None,
    now: str,
) -> PlanState:
    """Add a change to a draft that stands at ``at``; return where it stands then.

    Raises
    ------
    OptionError
        There is nothing to undo or redo, another change has to be undone first, or the change or
        the draft is too large.
    """
    if at.seq >= MOST_CHANGES:
        raise OptionError(f"The draft of '{name}' has {at.seq} changes; save it as a version first")
    if what in (UNDO, REDO):
        steps = _pointed(changes(connection, name, at.version), what, steps)
    text = to_json(list(steps))
    if len(text) > LARGEST_CHANGE:
        raise OptionError(f"A change of '{name}' is too large; make it in several")
    made = PlanState(at.version, at.seq + 1, at.mark)
    row = {"plan": name, "version": made.version, "seq": made.seq, "what": what}
    row |= {"steps": text, "who": who, "at": now}
    connection.execute(insert(PLAN_CHANGES).values(row))
    return made


def state(connection: Connection, name: str, version: int, mark: str) -> PlanState:
    """Return where a plan stands whose newest version is ``version``, with that mark."""
    columns = PLAN_CHANGES.c
    seq = connection.execute(
        select(func.max(columns.seq)).where(columns.plan == name, columns.version == version)
    ).scalar()
    return PlanState(version, int(seq or 0), mark)


def changes(
    connection: Connection, name: str, version: int, *, after: int = 0
) -> tuple[PlanChange, ...]:
    """Return the changes by hand since a version, in their order."""
    columns = PLAN_CHANGES.c
    query = (
        select(PLAN_CHANGES)
        .where(columns.plan == name, columns.version == version, columns.seq > after)
        .order_by(columns.seq)
    )
    return tuple(
        PlanChange(row.seq, row.what, tuple(json.loads(row.steps)), row.who, row.at)
        for row in connection.execute(query)
    )


def require(
    connection: Connection,
    name: str,
    now: PlanState,
    expected: PlanState,
    *,
    yours: Mapping[str, Any],
) -> None:
    """Make sure that a plan still stands where somebody read it.

    Raises
    ------
    ConflictError
        It stands elsewhere; the changes since are told.
    """
    if now.is_at(expected):
        return
    saved = "" if now.version == expected.version else f", and version {now.version} was saved"
    since = changes(connection, name, expected.version, after=expected.seq)
    who = ", ".join(dict.fromkeys(change.who or "somebody" for change in since)) or "somebody"
    raise ConflictError(
        f"The plan '{name}' was changed by {who} since you read it{saved}; take the changes over "
        "and try again",
        yours={**asdict(expected), **yours},
        theirs={**asdict(now), "changes": [asdict(change) for change in since]},
    )


def forget(connection: Connection, name: str) -> None:
    """Take the drafts of a plan out: a later plan of that name begins anew."""
    connection.execute(delete(PLAN_CHANGES).where(PLAN_CHANGES.c.plan == name))


def rename(connection: Connection, name: str, new: str) -> None:
    """Let the drafts of a plan follow it to its new name."""
    columns = PLAN_CHANGES.c
    connection.execute(update(PLAN_CHANGES).where(columns.plan == name).values(plan=new))


def _pointed(
    lines: Sequence[PlanChange], what: str, steps: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], ...]:
    draft = replay(lines)
    stack = draft.standing if what == UNDO else draft.undone
    if not stack:
        raise OptionError(f"There is no change to {what}")
    last = stack[-1].seq
    asked = steps[0].get("change", last) if steps else last
    if asked != last:
        raise OptionError(f"Change {asked} is not the next one to {what}; that is change {last}")
    return ({"change": last},)
