"""What differs between two plans: estates moved, people affected, districts split and merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from gis.districts import DistrictPlan
from gis.errors import OptionError
from gis.plans.metrics import PlanMetrics

Floats = NDArray[np.float64]

NEARLY_ALL: Final = 0.9
"""Share of the people of a district that must come along for it to have been merged."""
_HALF: Final = 0.5 - 1e-9

CHANGES: Final = ("moved", "placed", "left-out", "added", "removed")
"""Of an estate: to another district, into one, out of one; only in the second, or the first."""


@dataclass(frozen=True)
class Change:
    """An estate whose place differs: ``before`` in the first plan, ``after`` in the second.

    ``counterpart`` is the district of the second plan that ``before`` is matched with: names alone
    say nothing, D2 of one plan may be D3 of the other. ``name`` is that of the estate, if known.
    """

    estate: str
    what: str
    before: str | None
    after: str | None
    people: float
    counterpart: str | None = None
    name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain values."""
        return {
            "estate": self.estate,
            "name": self.name,
            "what": self.what,
            "from": self.before,
            "to": self.after,
            "counterpart": self.counterpart,
            "people": self.people,
        }


@dataclass(frozen=True)
class Pair:
    """Districts that are matched, each at most once; None: without a counterpart.

    ``estates`` and ``people`` are in both; ``same`` is True where they hold the same estates.
    """

    first: str | None
    second: str | None
    estates: int
    people: float
    same: bool


@dataclass(frozen=True)
class Regrouped:
    """A district of one plan that became, or came from, several of the other."""

    district: str
    parts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PlanDifference:
    """The second plan held against the first.

    ``changes`` are the estates whose place differs, in the order of the first plan;
    ``people_affected`` their people as far as known, ``people_unknown`` of how many they are not.
    ``splits`` are districts of the first whose people went to several of the second, ``merges``
    districts of the second that several of the first went into, each with nearly all its people.
    ``metrics`` are those of both.
    """

    first: DistrictPlan
    second: DistrictPlan
    changes: tuple[Change, ...]
    people_affected: float
    people_unknown: int
    pairs: tuple[Pair, ...]
    splits: tuple[Regrouped, ...]
    merges: tuple[Regrouped, ...]
    metrics: tuple[PlanMetrics, PlanMetrics] | None = None

    @property
    def moved(self) -> tuple[Change, ...]:
        """Estates that are in another district than before."""
        return tuple(change for change in self.changes if change.what == "moved")

    def side_by_side(self) -> list[dict[str, Any]]:
        """Return every metric of every pair of districts, and of the whole plans: before, after.

        ``before_unknown`` and ``after_unknown`` are of how many things the figure is not known;
        ``difference`` is NaN where either is unknown, or the one lacks more than the other: sums of
        unlike parts of two plans have no difference.
        """
        if self.metrics is None:
            return []
        one, two = (m.table.set_index("district") for m in self.metrics)
        rows = []
        for metric in self.metrics[0].metrics:
            name = metric.name
            for pair in self.pairs:
                before = _at(one, pair.first, name)
                after = _at(two, pair.second, name)
                rows.append(_row(pair.first, pair.second, metric, before, after))
            before, after = (
                (float(m.totals[name]), int(m.totals[f"{name}_unknown"])) for m in self.metrics
            )
            rows.append(_row(None, None, metric, before, after) | {"whole_plan": True})
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        counts = {f"estates_{w.replace('-', '_')}": 0 for w in CHANGES}
        for change in self.changes:
            counts[f"estates_{change.what.replace('-', '_')}"] += 1
        return {
            "differences": [change.to_json() for change in self.changes],
            **counts,
            "people_affected": self.people_affected,
            "people_unknown": self.people_unknown,
            "pairs": [vars(pair) for pair in self.pairs],
            "splits": [_regrouped(part) for part in self.splits],
            "merges": [_regrouped(part) for part in self.merges],
            "metrics": self.side_by_side(),
        }


def _regrouped(part: Regrouped) -> dict[str, Any]:
    return {"district": part.district, "parts": list(part.parts)}


def _at(table: Any, district: str | None, name: str) -> tuple[float, int]:
    if district is None:
        return float("nan"), 0
    return float(table.at[district, name]), int(table.at[district, f"{name}_unknown"])


def _row(
    first: str | None,
    second: str | None,
    metric: Any,
    before: tuple[float, int],
    after: tuple[float, int],
) -> dict[str, Any]:
    (a, a_unknown), (b, b_unknown) = before, after
    # Sums of fractions differ by nothing that anybody measured; nought has no sign.
    apart = round(b - a, 6) + 0.0 if a_unknown == b_unknown else float("nan")
    return {
        "first": first, "second": second, "whole_plan": False, "metric": metric.name,
        "unit": metric.unit, "before": a, "before_unknown": a_unknown,
        "after": b, "after_unknown": b_unknown, "difference": apart,
    }  # fmt: skip


def shown_difference(row: Mapping[str, Any], digits: int) -> float:
    """Return the difference of a row of `side_by_side` as readers reckon it from what they see.

    232.4 and 197.6 read 232 and 198, which are 34 apart, though the exact 34.8 would read 35.
    """
    if np.isnan(row["difference"]):
        return float("nan")
    before, after = round(float(row["before"]), digits), round(float(row["after"]), digits)
    return round(after - before, digits) + 0.0


def compare_plans(
    first: DistrictPlan,
    second: DistrictPlan,
    people: dict[str, float],
    *,
    names: Mapping[str, str | None] = MappingProxyType({}),
    metrics: tuple[PlanMetrics, PlanMetrics] | None = None,
) -> PlanDifference:
    """Say what differs between two plans.

    Districts are matched so that most people stay in theirs (the assignment problem, solved by
    `scipy.optimize.linear_sum_assignment`; of matchings with equal people the one with most
    estates). Names do not matter: a plan whose districts were only renamed differs by no estate.

    Parameters
    ----------
    first, second
        Two plans of one city; estates that only one of them has are "added" or "removed".
    people
        People of each estate by uid; NaN, or not there: unknown.
    names
        Names of estates by uid, as far as they have some.
    metrics
        What `measure_plan` says of both, to be put side by side.

    Raises
    ------
    OptionError
        The plans have no estate in common.
    """
    one, two = _members(first), _members(second)
    if not one.keys() & two.keys():
        raise OptionError(
            f"The plans '{first.name}' and '{second.name}' have no estate in common; "
            "compare plans of one project"
        )
    overlap, count = overlaps(first, second, people)
    match = match_districts(overlap, count, _of_one_name(first, second))
    twin = {first.districts[i]: second.districts[j] for i, j in match}
    changes = []
    for uid in dict.fromkeys((*one, *two)):
        what = _change(one, two, uid, twin)
        if what is not None:
            here = people.get(uid, float("nan"))
            before = one.get(uid)
            other = None if before is None else twin.get(before)
            changes.append(
                Change(uid, what, before, two.get(uid), here, other, names.get(uid) or None)
            )
    known = [c.people for c in changes if not np.isnan(c.people)]
    splits, merges = _regroupings(first, second, (overlap, count), match)
    return PlanDifference(
        first=first,
        second=second,
        changes=tuple(changes),
        people_affected=float(sum(known)) if known or not changes else float("nan"),
        people_unknown=len(changes) - len(known),
        pairs=_pairs(first, second, match, overlap, count),
        splits=splits,
        merges=merges,
        metrics=metrics,
    )


def _members(plan: DistrictPlan) -> dict[str, str | None]:
    pairs = zip(plan.estates, plan.district, strict=True)
    return {str(uid): None if district is None else str(district) for uid, district in pairs}


def _change(
    one: dict[str, str | None], two: dict[str, str | None], uid: str, twin: dict[str, str]
) -> str | None:
    if uid not in two:
        return "removed"
    if uid not in one:
        return "added"
    before, after = one[uid], two[uid]
    if before is None or after is None:
        if before == after:
            return None
        return "placed" if before is None else "left-out"
    return None if twin.get(before) == after else "moved"


def overlaps(
    first: DistrictPlan, second: DistrictPlan, people: dict[str, float]
) -> tuple[Floats, Floats]:
    """(d1, d2) known people, and (d1, d2) estates, that are in a district of both plans."""
    rows = {name: i for i, name in enumerate(first.districts)}
    columns = {name: j for j, name in enumerate(second.districts)}
    crowd = np.zeros((len(rows), len(columns)))
    count = np.zeros_like(crowd)
    other = _members(second)
    for uid, district in _members(first).items():
        there = other.get(uid)
        if district is None or there is None:
            continue
        known = people.get(uid, float("nan"))
        crowd[rows[district], columns[there]] += 0.0 if np.isnan(known) else known
        count[rows[district], columns[there]] += 1
    return crowd, count


def _of_one_name(first: DistrictPlan, second: DistrictPlan) -> NDArray[np.bool_]:
    """(d1, d2) whether districts are called the same."""
    one, two = (np.array(plan.districts, dtype=object) for plan in (first, second))
    return np.asarray(one[:, None] == two[None, :], dtype=bool).reshape(len(one), len(two))


def match_districts(
    people: Floats, estates: Floats, alike: NDArray[np.bool_] | None = None
) -> list[tuple[int, int]]:
    """Match districts so that most people, then most estates, stay; sorted by the first.

    Parameters
    ----------
    people, estates
        (d1, d2) how many are in a district of the one plan and a district of the other.
    alike
        (d1, d2) which pair is taken of those with as many people and estates in common.
    """
    # Estates decide only between equal people: all of them together weigh less than one person.
    worth = people * (estates.sum() + 1.0) + estates
    if alike is not None:
        # All that are alike weigh less together than one estate.
        worth = worth * (min(alike.shape) + 1.0) + alike
    rows, columns = linear_sum_assignment(worth, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(i, j) for i, j in pairs if estates[i, j] > 0]


def _pairs(
    first: DistrictPlan,
    second: DistrictPlan,
    match: list[tuple[int, int]],
    people: Floats,
    estates: Floats,
) -> tuple[Pair, ...]:
    one, two = first.districts, second.districts
    size_one = [int((first.district == name).sum()) for name in one]
    size_two = [int((second.district == name).sum()) for name in two]
    found = []
    twin = dict(match)
    for i, name in enumerate(one):
        j = twin.get(i)
        if j is None:
            found.append(Pair(name, None, 0, 0.0, False))
            continue
        both = int(estates[i, j])
        same = both == size_one[i] == size_two[j]
        found.append(Pair(name, two[j], both, float(people[i, j]), same))
    alone = [name for j, name in enumerate(two) if j not in twin.values()]
    return (*found, *(Pair(None, name, 0, 0.0, False) for name in alone))


def _regroupings(
    first: DistrictPlan,
    second: DistrictPlan,
    shared: tuple[Floats, Floats],
    match: list[tuple[int, int]],
) -> tuple[tuple[Regrouped, ...], tuple[Regrouped, ...]]:
    """Splits and merges; ``shared`` are the (d1, d2) people and estates in common.

    A district was split where it is the main source of several, or where its people went to
    several and most of them not to its counterpart. Several were merged where each went to one
    with nearly all of its people, beside the counterpart of that one. A few estates that change
    sides make neither.
    """
    people, estates = shared
    worth = people * (estates.sum() + 1.0) + estates
    one, two = first.districts, second.districts
    if not worth.size:
        return (), ()
    source = np.where(worth.max(axis=0) > 0, worth.argmax(axis=0), -1)
    goal = np.where(worth.max(axis=1) > 0, worth.argmax(axis=1), -1)
    share = _shares(people, estates)
    kept = dict(match)
    parts: list[NDArray[np.int64]] = []
    for i in range(len(one)):
        own = np.flatnonzero(source == i)
        gone = np.flatnonzero(share[i] > 1 - NEARLY_ALL)
        stayed = share[i, kept[i]] if i in kept else 0.0
        scattered = stayed < _HALF and share[i].max() < NEARLY_ALL
        parts.append(np.union1d(own, gone) if scattered else own)
    joined = np.array([
        goal[i] if share[i].max() >= NEARLY_ALL else kept.get(i, -1) for i in range(len(one))
    ])  # fmt: skip
    return (
        _several(one, two, parts),
        _several(two, one, [np.flatnonzero(joined == j) for j in range(len(two))]),
    )


def _shares(people: Floats, estates: Floats) -> Floats:
    """(d1, d2) share of the people of each district that went to each other one.

    Of those in a district of the second plan; estates count where nobody's number is known.
    """
    crowd = np.where(people.sum(axis=1, keepdims=True) > 0, people, estates)
    return np.asarray(crowd / np.maximum(crowd.sum(axis=1, keepdims=True), 1e-12))


def _several(
    of: tuple[str, ...], parts: tuple[str, ...], groups: list[NDArray[np.int64]]
) -> tuple[Regrouped, ...]:
    """Those of the districts ``of`` that stand for several ``parts`` (rows of each group)."""
    told = [(name, tuple(parts[k] for k in own)) for name, own in zip(of, groups, strict=True)]
    return tuple(Regrouped(name, own) for name, own in told if len(own) > 1)
