"""What if: the one question, over what an edit changes and what must be measured whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gis.coverage import measure_coverage
from gis.model import Finding, Study
from gis.scenario.base import COVERED, GAP, NO_DATA, STATUSES, UNLINKED, Base
from gis.scenario.difference import Difference, EstateChange, Standing, difference_of
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
        An edit names what is not there, or places a gate where there is neither outline nor wall.
    """
    difference = replace(difference_of(base, edits), findings=tuple(_told(base, edits)))
    if not base.whole:
        return difference
    was = _statuses(base, base.study)
    now = _statuses(base, apply(base.study, edits, ground=base.ground))
    before, after = list(difference.before), list(difference.after)
    gained = list(difference.people_gained)
    ids = {base.rules[r].id for r in base.whole}
    changes = [change for change in difference.estates if change.rule not in ids]
    for place, r in enumerate(base.whole):
        before[r] = _standing(base, r, was[place])
        after[r] = _standing(base, r, now[place])
        first, second = before[r].people_covered, after[r].people_covered
        gained[r] = None if first is None or second is None else second - first
        changes += _changes(base, r, was[place], now[place])
    return replace(
        difference,
        before=tuple(before),
        after=tuple(after),
        people_gained=tuple(gained),
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


def _statuses(base: Base, study: Study) -> NDArray[np.int8]:
    """Return (w, n) the place in `STATUSES` of each estate, for the rules in ``base.whole``."""
    options = base.options
    measured = measure_coverage(
        study,
        [base.rules[r] for r in base.whole],
        at=options["at"],
        link=options["link"],
        longest_link_m=options["longest_link_m"],
        persons_per_household=options["persons_per_household"],
        terrain="on" if options["terrain"] else "off",
    )
    place = {word: number for number, word in enumerate(STATUSES)}
    return np.array(
        [[place[word] for word in item.status] for item in measured.items], dtype=np.int8
    )


def _standing(base: Base, r: int, status: NDArray[np.int8]) -> Standing:
    rule = base.rules[r]
    count = np.bincount(status, minlength=len(STATUSES)).tolist()
    people: list[int | None] = [None, None]
    if not count[NO_DATA]:
        people = [round(float(np.nansum(base.people[status == word]))) for word in (COVERED, GAP)]
    return Standing(
        rule=rule.id,
        category=rule.category,
        covered=count[COVERED],
        gap=count[GAP],
        unlinked=count[UNLINKED],
        no_data=count[NO_DATA],
        people_covered=people[0],
        people_gap=people[1],
    )


def _changes(
    base: Base, r: int, was: NDArray[np.int8], now: NDArray[np.int8]
) -> Iterator[EstateChange]:
    uids = base.study.layer("estates").uids
    for i in np.flatnonzero(was != now).tolist():
        people = base.people[i]
        known = None if np.isnan(people) else round(float(people))
        yield EstateChange(uids[i], base.rules[r].id, STATUSES[was[i]], STATUSES[now[i]], known)
