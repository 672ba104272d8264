"""What if: the one question, over what an edit changes and what must be measured whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gis.model import Finding
from gis.scenario.base import Base
from gis.scenario.difference import (
    Difference,
    changes_of,
    difference_of,
    gains_of,
    standings_of,
)
from gis.scenario.edits import Edit, OpenWall
from gis.scenario.plan import apply


def what_if(base: Base, edits: Sequence[Edit]) -> Difference:
    """Say what edits would change, without changing anything.

    The answer is that of a full measure of `apply` (study, edits). It is computed from what the
    edits change; only the rules in ``base.whole``, for which several facilities together or a way
    there and another one back decide, are measured on the whole edited study, which takes longer.

    Raises
    ------
    UnknownNameError, OptionError
        An edit names what is not there, or places a gate where there is neither outline nor wall;
        two edits are of one thing.
    """
    difference = replace(difference_of(base, edits), findings=tuple(_told(base, edits)))
    if not base.whole:
        return difference
    was = base.whole_status
    now = base.whole_status_of(apply(base.study, edits, ground=base.ground))
    every = np.arange(len(base.homes))
    before, after = list(difference.before), list(difference.after)
    for standings, status in ((before, was), (after, now)):
        exact = standings_of(base, base.figures(status, every, base.whole), base.whole)
        for r, standing in zip(base.whole, exact, strict=True):
            standings[r] = standing
    ids = {base.rules[r].id for r in base.whole}
    changes = [change for change in difference.estates if change.rule not in ids]
    changes += changes_of(base, was, now, every, base.whole)
    people, group = gains_of(before, after)
    return replace(
        difference,
        before=tuple(before),
        after=tuple(after),
        people_gained=people,
        group_gained=group,
        estates=tuple(changes),
    )


def _told(base: Base, edits: Sequence[Edit]) -> Iterator[Finding]:
    opened = {edit.uid for edit in edits if isinstance(edit, OpenWall)}
    if opened:
        walls = base.study.layer("walls").frame
        kept = walls["uid"].isin(opened) & ~walls["removable"].fillna(True).astype(bool)
        if kept.any():
            yield Finding(
                "wall-not-removable",
                f"Not marked as removable, but opened here: {', '.join(walls['uid'][kept])}",
            )
