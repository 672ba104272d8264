"""What if: people before and after some edits, from what changed and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.model import Finding
from gis.scenario.base import (
    COVERED,
    ESTATES,
    GAP,
    GROUP,
    HOMES,
    NO_DATA,
    PEOPLE,
    SLACK_CM,
    STATUSES,
    UNLINKED,
    Base,
    estate_status,
    least,
)
from gis.scenario.edits import Edit, words_of
from gis.scenario.local import Splice, splice_of
from gis.scenario.plan import rows_of
from gis.scenario.quick import quick_splice


@dataclass(frozen=True)
class Standing:
    """One rule at one time: estates by status, and the people of those covered and of the gaps.

    People are counted home by home where they are known. ``group`` are those whom the rule is
    about ("all", "people_60plus", "children_0_2", "children_3_5") and ``group_known`` how they are
    known: "counted", "estimated" (some of them, from shares) or "unknown". None where nothing is
    known of the category, or of the people.
    """

    rule: str
    category: str
    covered: int
    gap: int
    unlinked: int
    no_data: int
    people_covered: int | None
    people_gap: int | None
    group: str
    group_covered: int | None
    group_gap: int | None
    group_known: str


@dataclass(frozen=True)
class EstateChange:
    """An estate (uid) of which a rule finds homes in another status than before.

    ``before`` and ``after`` are those of the estate (equal where others of its buildings decide);
    ``people`` are those of the homes that change, None where nobody knows them.
    """

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
    ``group_gained`` says the same of the people whom the rule is about. ``saved_m`` are the walks
    that get shorter less those that get longer, summed over homes (estates, or buildings where
    people start there) and rules, each counted up to its limit; a home counts once, however many
    people live there.
    ``gained`` is their sum: somebody who gains two services counts twice.
    """

    before: tuple[Standing, ...]
    after: tuple[Standing, ...]
    people_gained: tuple[int | None, ...]
    group_gained: tuple[int | None, ...]
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
            "group_gained_by_rule": {
                standing.rule: gain
                for standing, gain in zip(self.before, self.group_gained, strict=True)
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
        for row, wants in enumerate(group.wants):
            come = [door.node for door in splice.new_doors if wants.accepts(door)]
            come.append(splice.doors.come[group.accepts(row, splice.doors.come[:, 0]), 1])
            gone = splice.doors.gone[group.accepts(row, splice.doors.gone[:, 0]), 1]
            live.add_sources(row, np.concatenate(come))
            live.remove_sources(row, gone)
        live.close_links(splice.gone)


@dataclass(frozen=True, eq=False)
class Trial:
    """Homes that may have changed (c,), with their ``status`` (r, c) after.

    ``homes`` are sorted; of each estate among them all its homes are there. ``close``: one of the
    walks that changed is so near a limit that rounding could decide. ``saved_cm`` is how much
    nearer the homes are, all rules together; where one was or is beyond the limit, the limit
    counts.
    """

    homes: NDArray[np.int64]
    status: NDArray[np.int8]
    close: bool
    saved_cm: int


def read_trial(base: Base, splice: Splice, none_of: frozenset[str]) -> Trial:
    """Read off what the edits that are in the reaches of a base have changed."""
    has_data = base.has_data.copy()
    for r, rule in enumerate(base.rules):
        new = any(door.category in rule.categories and len(door.node) for door in splice.new_doors)
        has_data[r] |= new or rule.category in none_of
    touched = [splice.starts.gone[:, 0], splice.starts.come[:, 0]]
    touched += [base.starts.of_nodes(np.unique(live.changed().node)) for live in base.live]
    if (has_data != base.has_data).any():
        touched.append(np.arange(len(base.homes)))
    homes = base.with_neighbours(np.unique(np.concatenate(touched)))
    status = np.full((len(base.rules), len(homes)), UNLINKED, dtype=np.int8)
    column, node = _starts_of(base, splice, homes)
    linked = np.isin(np.arange(len(homes)), column)
    close, saved = False, 0
    for r, (group, row) in enumerate(base.place):
        limit = base.limit_cm[r]
        now = least(base.live[group].cm(row, node), column, len(homes))
        was = base.walk_cm[r, homes]
        status[r] = np.where(linked, np.where(now <= limit, COVERED, GAP), UNLINKED)
        if not has_data[r]:
            status[r] = NO_DATA
            continue
        close |= bool((np.abs(now - limit)[now != was] <= SLACK_CM).any())
        saved += int((np.minimum(was, limit) - np.minimum(now, limit)).sum())
    return Trial(homes, status, close, saved)


def _starts_of(
    base: Base, splice: Splice, homes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places in ``homes`` and nodes (s,) each: where they start after the edits."""
    column, node = base.starts.of_homes(homes)
    kept = np.ones(len(node), dtype=bool)
    for home, gone in splice.starts.gone.tolist():
        # A pair may be there twice, and one of the two go.
        kept[np.flatnonzero(kept & (homes[column] == home) & (node == gone))[:1]] = False
    come = splice.starts.come
    return (
        np.concatenate([column[kept], np.searchsorted(homes, come[:, 0])]),
        np.concatenate([node[kept], come[:, 1]]),
    )


def _difference(base: Base, trial: Trial, edits: tuple[Edit, ...]) -> Difference:
    rules = range(len(base.rules))
    was = base.status[:, trial.homes]
    figures = base.sums - base.figures(was, trial.homes, rules)
    before = standings_of(base, base.sums, rules)
    after = standings_of(base, figures + base.figures(trial.status, trial.homes, rules), rules)
    return Difference(
        before, after, *gains_of(before, after), trial.saved_cm / 100.0,
        tuple(changes_of(base, was, trial.status, trial.homes, rules)), edits, base.findings,
    )  # fmt: skip


def gains_of(
    before: Sequence[Standing], after: Sequence[Standing]
) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """Return the people covered after less before, rule by rule: all, and those who count."""
    pairs = list(zip(before, after, strict=True))
    return (
        tuple(_less(now.people_covered, was.people_covered) for was, now in pairs),
        tuple(_less(now.group_covered, was.group_covered) for was, now in pairs),
    )


def _less(now: int | None, was: int | None) -> int | None:
    return None if now is None or was is None else now - was


def changes_of(
    base: Base,
    was: NDArray[np.int8],
    now: NDArray[np.int8],
    homes: NDArray[np.int64],
    rules: Sequence[int],
) -> Iterator[EstateChange]:
    """Tell estate by estate what differs between two statuses (m, c) of homes (c,), for m rules."""
    estate = base.homes.estate[homes]
    first = np.flatnonzero(np.diff(estate, prepend=-1))
    places = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(estate))))
    before, after = estate_status(was, estate), estate_status(now, estate)
    uids = base.study.layer("estates").frame["uid"]
    for place, r in enumerate(rules):
        changed = was[place] != now[place]
        for e in np.unique(places[changed]).tolist():
            people = base.people[homes[changed & (places == e)]]
            known = people[~np.isnan(people)]
            yield EstateChange(
                uids.iat[estate[first[e]]],
                base.rules[r].id,
                STATUSES[before[place, e]],
                STATUSES[after[place, e]],
                round(float(known.sum())) if len(known) else None,
            )


def standings_of(
    base: Base, figures: NDArray[np.float64], rules: Sequence[int]
) -> tuple[Standing, ...]:
    """Tell the figures (m, 4, 6) of m rules, as a coverage measurement does."""
    return tuple(_standing(base, r, of) for r, of in zip(rules, figures, strict=True))


def _standing(base: Base, r: int, of: NDArray[np.float64]) -> Standing:
    covered, gap, unlinked, no_data = np.rint(of[:, ESTATES]).astype(int).tolist()
    rule, crowd = base.rules[r], base.crowd(r)
    known = "estimated" if crowd.estimated.any() else "counted"
    return Standing(
        rule=rule.id,
        category=rule.category,
        covered=covered,
        gap=gap,
        unlinked=unlinked,
        no_data=no_data,
        people_covered=_people(of, COVERED, PEOPLE),
        people_gap=_people(of, GAP, PEOPLE),
        group=rule.group,
        group_covered=_people(of, COVERED, GROUP),
        group_gap=_people(of, GAP, GROUP),
        group_known="unknown" if np.isnan(crowd.homes).all() else known,
    )


def _people(of: NDArray[np.float64], status: int, column: int) -> int | None:
    """Return known people; None where nothing is known of the category or of the people."""
    here = of[status, HOMES] > 0.5
    if of[NO_DATA, ESTATES] > 0.5 and not (status == COVERED and here):
        return None
    known = of[:, column + 1]
    if known[status] < 0.5 and (here or known.sum() < 0.5):
        return None
    return round(float(of[status, column]))
