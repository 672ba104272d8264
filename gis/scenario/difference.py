"""What if: people before and after some edits, from what changed and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.model import Finding
from gis.scenario.base import (
    COVERED,
    GAP,
    NO_DATA,
    SLACK_CM,
    STATUSES,
    UNLINKED,
    Base,
    least,
    status_sums,
)
from gis.scenario.edits import Edit, words_of
from gis.scenario.local import Splice, splice_of
from gis.scenario.plan import rows_of
from gis.scenario.quick import quick_splice


@dataclass(frozen=True)
class Standing:
    """One rule at one time: estates by status, and the people of those covered and of the gaps.

    People are summed where they are known; None where nothing is known of the category.
    """

    rule: str
    category: str
    covered: int
    gap: int
    unlinked: int
    no_data: int
    people_covered: int | None
    people_gap: int | None


@dataclass(frozen=True)
class EstateChange:
    """An estate (uid) that a rule finds in another status than before, and its people."""

    estate: str
    rule: str
    before: str
    after: str
    people: int | None


@dataclass(frozen=True, eq=False)
class Difference:
    """Before and after some edits, rule by rule in the order of the base.

    ``people_gained`` (one per rule) are the people covered after less those covered before; it is
    negative where an edit takes something away, and None where one of the two is not known.
    ``saved_m`` are the walks that get shorter less those that get longer, summed over estates and
    rules, each counted up to its limit; an estate counts once, however many people live there.
    ``gained`` is their sum: somebody who gains two services counts twice.
    """

    before: tuple[Standing, ...]
    after: tuple[Standing, ...]
    people_gained: tuple[int | None, ...]
    saved_m: float
    estates: tuple[EstateChange, ...]
    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def gained(self) -> int:
        """People times services newly in reach, less those lost."""
        return sum(gain for gain in self.people_gained if gain is not None)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "edits": words_of(self.edits),
            "before": [asdict(standing) for standing in self.before],
            "after": [asdict(standing) for standing in self.after],
            "people_gained": self.gained,
            "people_gained_by_rule": {
                standing.rule: gain
                for standing, gain in zip(self.before, self.people_gained, strict=True)
            },
            "saved_m": self.saved_m,
            "estates": [asdict(change) for change in self.estates],
            "findings": [finding.to_json() for finding in self.findings],
        }


def difference_of(base: Base, edits: Sequence[Edit]) -> Difference:
    """Say what edits would change, from what they change alone.

    The blocks around the edits are laid out again and the walks are repaired from there; nothing
    else is looked at. The rules in ``base.whole`` are answered without what they have beyond the
    nearest facility; see `gis.scenario.what_if`.

    Raises
    ------
    UnknownNameError, OptionError
        An edit names what is not there, or places a gate where there is neither outline nor wall.
    """
    rows = rows_of(base.study, edits, base.ground)
    quick = quick_splice(base, rows)
    trial = None if quick is None else tried(base, quick, rows.none_of)
    if trial is None or trial.close:
        trial = tried(base, splice_of(base, rows), rows.none_of)
    return _difference(base, trial, tuple(edits))


def tried(base: Base, splice: Splice, none_of: frozenset[str] = frozenset()) -> Trial:
    """Make the edits on the reaches of a base, read off what they change, and take them back."""
    with base.lock:
        try:
            put_in(base, splice)
            return read_trial(base, splice, none_of)
        finally:
            for live in base.live:
                live.undo()


def put_in(base: Base, splice: Splice) -> None:
    """Make the edits on the reaches of a base: first what comes, then what goes.

    In this order a street that is cut anew is never missing, so that nothing behind it is lost
    and found again.
    """
    for group, live, cost in zip(base.groups, base.live, splice.cost, strict=True):
        live.add_nodes(splice.nodes)
        live.add_links(splice.links, cost)
        for row, wanted in enumerate(group.wanted):
            come = [nodes for code, nodes in splice.new_doors if code in wanted]
            come.append(splice.doors.come[group.accepts(row, splice.doors.come[:, 0]), 1])
            gone = splice.doors.gone[group.accepts(row, splice.doors.gone[:, 0]), 1]
            live.add_sources(row, np.concatenate(come))
            live.remove_sources(row, gone)
        live.close_links(splice.gone)


@dataclass(frozen=True, eq=False)
class Trial:
    """Estates that may have changed (c,), with their ``status`` (r, c) after.

    ``close``: one of the walks that changed is so near a limit that rounding could decide.
    ``saved_cm`` is how much nearer the estates are, all rules together; where one was or is beyond
    the limit, the limit counts.
    """

    estates: NDArray[np.int64]
    status: NDArray[np.int8]
    close: bool
    saved_cm: int


def read_trial(base: Base, splice: Splice, none_of: frozenset[str]) -> Trial:
    """Read off what the edits that are in the reaches of a base have changed."""
    has_data = base.has_data.copy()
    for r, rule in enumerate(base.rules):
        new = any(code in rule.categories and len(n) for code, n in splice.new_doors)
        has_data[r] |= new or rule.category in none_of
    touched = [splice.starts.gone[:, 0], splice.starts.come[:, 0]]
    touched += [base.starts.of_nodes(np.unique(live.changed().node)) for live in base.live]
    if (has_data != base.has_data).any():
        touched.append(np.arange(base.ground.estates))
    estates = np.unique(np.concatenate(touched))
    status = np.full((len(base.rules), len(estates)), UNLINKED, dtype=np.int8)
    column, node = _starts_of(base, splice, estates)
    linked = np.isin(np.arange(len(estates)), column)
    close, saved = False, 0
    for r, (group, row) in enumerate(base.place):
        limit = base.limit_cm[r]
        now = least(base.live[group].cm(row, node), column, len(estates))
        was = base.walk_cm[r, estates]
        status[r] = np.where(linked, np.where(now <= limit, COVERED, GAP), UNLINKED)
        if not has_data[r]:
            status[r] = NO_DATA
            continue
        close |= bool((np.abs(now - limit)[now != was] <= SLACK_CM).any())
        saved += int((np.minimum(was, limit) - np.minimum(now, limit)).sum())
    return Trial(estates, status, close, saved)


def _starts_of(
    base: Base, splice: Splice, estates: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places in ``estates`` and nodes (s,) each: where they start after the edits."""
    gone = Counter(map(tuple, splice.starts.gone.tolist()))
    come: dict[int, list[int]] = {}
    for estate, node in splice.starts.come.tolist():
        come.setdefault(estate, []).append(node)
    columns: list[int] = []
    nodes: list[int] = []
    for column, estate in enumerate(estates.tolist()):
        left = Counter((estate, node) for node in base.starts.of_estate(estate).tolist()) - gone
        own = [node for _, node in left] + come.get(estate, [])
        columns += [column] * len(own)
        nodes += own
    return np.array(columns, dtype=np.int64), np.array(nodes, dtype=np.int64)


def _difference(base: Base, trial: Trial, edits: tuple[Edit, ...]) -> Difference:
    was = base.status[:, trial.estates]
    people = base.people[trial.estates]
    before = _standings(base, *base.sums)
    (old_count, old_sum), (new_count, new_sum) = (
        status_sums(status, people) for status in (was, trial.status)
    )
    counts, sums = base.sums
    after = _standings(base, counts - old_count + new_count, sums - old_sum + new_sum)
    gained = [
        None
        if first.people_covered is None or second.people_covered is None
        else second.people_covered - first.people_covered
        for first, second in zip(before, after, strict=True)
    ]
    rule, place = np.nonzero(was != trial.status)
    uids = base.study.layer("estates").frame["uid"].iloc[trial.estates[place]].tolist()
    changes = [
        EstateChange(
            uid, base.rules[r].id, STATUSES[was[r, i]], STATUSES[trial.status[r, i]],
            None if np.isnan(people[i]) else round(float(people[i])),
        )
        for uid, r, i in zip(uids, rule.tolist(), place.tolist(), strict=True)
    ]  # fmt: skip
    return Difference(
        before, after, tuple(gained), trial.saved_cm / 100.0, tuple(changes), edits, base.findings
    )


def _standings(
    base: Base, counts: NDArray[np.int64], sums: NDArray[np.float64]
) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            rule.id, rule.category, *count,
            *((None, None) if count[NO_DATA] else (round(known[COVERED]), round(known[GAP]))),
        )
        for rule, count, known in zip(base.rules, counts.tolist(), sums.tolist(), strict=True)
    )  # fmt: skip
