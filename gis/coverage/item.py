"""One rule held against all estates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from gis.coverage.facilities import Wanted
from gis.coverage.homes import BEYOND_CM, Homes
from gis.coverage.judge import Verdict
from gis.coverage.people import Crowd
from gis.grade import Grade
from gis.model import Layer
from gis.rules import Rule
from gis.walkers import Walker

_T = TypeVar("_T", bound=np.generic)

STATUSES: Final = ("covered", "gap", "unlinked", "no-data")


@dataclass(frozen=True, eq=False)
class CoverageItem:
    """One rule, held against n estates and their u homes.

    Of an estate with several homes (its buildings) the one with the longest walk speaks: it is
    "covered" when all its linked homes are, "unlinked" when none is linked.

    ``status`` (n,) is one of `STATUSES`; ``walk_m`` (n,) the metres walked to the nearest facility,
    along the fastest way where the limit is in minutes; NaN beyond what was searched, where
    unlinked and where there is no data; ``walk_s`` (n,) the seconds of ``walker``, the worse way of
    a round trip; ``facility`` and ``facility_name`` (n,) its uid and name, or None; ``limit_cm``
    the limit in centimetres of flat walking, and ``cost_cm`` (n,) int64 the walk in the same unit,
    -1 beyond: compare these two. ``satisfied_by`` (n,) is the category that covers, or None;
    ``size_known`` (n,) is False where the size that the rule asks of that facility is unknown;
    ``too_small`` (k,) are rows of facilities that do not count for their size. ``group`` are the
    people that the rule is about. ``home_status``, ``home_cost_cm`` and ``home_facility`` (u,) say
    the same of each home.
    """

    rule: Rule
    status: NDArray[np.object_]
    walk_m: NDArray[np.float64]
    facility: NDArray[np.object_]
    facility_name: NDArray[np.object_]
    walk_s: NDArray[np.float64]
    limit_cm: int
    walker: Walker
    cost_cm: NDArray[np.int64]
    satisfied_by: NDArray[np.object_]
    size_known: NDArray[np.bool_]
    too_small: NDArray[np.int64]
    group: Crowd
    home_status: NDArray[np.object_]
    home_cost_cm: NDArray[np.int64]
    home_facility: NDArray[np.int64]
    grade: Grade

    @property
    def has_data(self) -> bool:
        """Whether the category is known of everywhere."""
        return not bool(np.any(self.status == "no-data"))

    @property
    def over_m(self) -> NDArray[np.float64]:
        """(n,) metres beyond the limit; of a limit in minutes, what they come to on the flat."""
        over = (self.cost_cm - self.limit_cm) / 100.0
        return np.where(self.cost_cm < 0, np.nan, over)


def item_of(
    rule: Rule,
    walker: Walker,
    verdict: Verdict,
    homes: Homes,
    estates: int,
    *,
    has_data: bool,
    codes: NDArray[np.object_],
    facilities: Layer | None,
    wanted: Wanted,
    group: Crowd,
    grade: Grade,
) -> CoverageItem:
    """Sum up what a rule found at the homes by estate.

    Without data on the category nothing is said of any home, but of those that others cover.
    """
    status = verdict.status.copy()
    if not has_data:
        status[verdict.stands_in < 0] = "no-data"
    speaker = _longest_walk(homes, verdict.cost_cm, estates)
    facility = _at(verdict.facility, speaker, -1)
    cost = _at(verdict.cost_cm, speaker, -1)
    walk_m = _at(verdict.walk_m, speaker, np.nan)
    found = facility >= 0
    size_known = np.ones(estates, dtype=bool)
    size_known[found] = wanted.size_known[facility[found]]
    by_estate = _at(status, speaker, "unlinked" if has_data else "no-data")
    satisfied_by = np.full(estates, None, dtype=object)
    covered = (by_estate == "covered") & found
    satisfied_by[covered] = codes[facility[covered]]
    # Minutes are those of the fastest way; metres are walked as if the way were flat.
    flat_m = walk_m if rule.limit_s is None else np.where(cost >= 0, cost / 100.0, np.nan)
    return CoverageItem(
        rule=rule,
        status=by_estate,
        walk_m=walk_m,
        facility=_words(facilities, "uid", facility),
        facility_name=_words(facilities, "name", facility),
        walk_s=flat_m / walker.speed_m_s,
        limit_cm=rule.limit_cm(walker),
        walker=walker,
        cost_cm=cost,
        satisfied_by=satisfied_by,
        size_known=size_known,
        too_small=wanted.too_small,
        group=group,
        home_status=status,
        home_cost_cm=verdict.cost_cm,
        home_facility=verdict.facility,
        grade=grade,
    )


def texts(layer: Layer, column: str) -> NDArray[np.object_]:
    """Return (n,) the words of a text column, None where there are none."""
    values = layer.frame[column].to_numpy(dtype=object, na_value=None)
    return np.array([str(v).strip() or None if v is not None else None for v in values], object)


def _longest_walk(homes: Homes, cost: NDArray[np.int64], estates: int) -> NDArray[np.int64]:
    """Return (n,) the linked home of each estate with the longest walk, or -1."""
    linked = np.flatnonzero(homes.linked)
    far = np.where(cost[linked] < 0, BEYOND_CM, cost[linked])
    order = linked[np.lexsort((-far, homes.estate[linked]))]
    row, first = np.unique(homes.estate[order], return_index=True)
    speaker = np.full(estates, -1, dtype=np.int64)
    speaker[row] = order[first]
    return speaker


def _at(values: NDArray[_T], rows: NDArray[np.int64], empty: object) -> NDArray[_T]:
    """Take ``values`` at rows (n,); ``empty`` where the row is -1."""
    taken: NDArray[_T] = np.full(len(rows), empty, dtype=values.dtype)
    taken[rows >= 0] = values[rows[rows >= 0]]
    return taken


def _words(layer: Layer | None, column: str, row: NDArray[np.int64]) -> NDArray[np.object_]:
    words = np.full(len(row), None, dtype=object)
    if layer is not None:
        found = row >= 0
        words[found] = texts(layer, column)[row[found]]
    return words
