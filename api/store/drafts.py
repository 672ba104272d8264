"""Drafts of plans as part of a project; what a draft is stands in `api.store.plan_changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.store import plan_changes
from api.store.moments import stamp
from api.store.plan_changes import PlanChange, PlanState
from api.store.plans import KeepsPlans, newest_version, require_state, state_of


class KeepsPlanChanges(KeepsPlans):
    """The part of a project that keeps drafts of plans."""

    def plan_state(self, name: str) -> PlanState:
        """Tell where a plan stands.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        """
        with self._database.read() as connection:
            return state_of(connection, name)

    def changes_of(self, name: str, version: int | None = None) -> tuple[PlanChange, ...]:
        """Return the changes by hand since a version, in order; the newest unless one is named.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        """
        with self._database.read() as connection:
            newest = newest_version(connection, name)
            return plan_changes.changes(connection, name, newest if version is None else version)

    def append_plan_change(
        self, name: str, *, expected: PlanState, what: str, steps: Sequence[Mapping[str, Any]] = ()
    ) -> PlanState:
        """Add a change to the draft of a plan; return where it stands then.

        ``what`` "undo" takes the last change that stands back, "redo" brings the last one back that
        was taken back; their only step names it: ``{"change": seq}``. It is found if not given.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        ConflictError
            The plan is not at ``expected`` any more; the changes since are told.
        OptionError
            There is nothing to undo or redo, another change has to be undone first, or the change
            or the draft is too large.
        """
        with self._database.write() as connection:
            yours = {"what": what, "steps": [dict(step) for step in steps]}
            at = require_state(connection, name, expected, yours=yours)
            now = stamp(self._clock)
            made = plan_changes.append(
                connection, name, at or expected, what=what, steps=steps,
                who=self._author.name, now=now,
            )  # fmt: skip
            self._note(
                connection,
                "plan change",
                name,
                now=now,
                version=made.version,
                seq=made.seq,
                did=what,
            )
            return made
