"""Hold one rule against all homes: who is covered, by what, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gis.coverage.facilities import Sought
from gis.coverage.homes import Homes
from gis.coverage.walks import (
    HomePairs,
    WalkGroup,
    metres_and_nearest,
    metres_to,
    pairs_of,
)
from gis.rules import Instead, Rule


@dataclass(frozen=True, eq=False)
class Verdict:
    """What one rule finds at each of u homes.

    ``cost_cm`` (u,) int64 flat cm of what decides, -1 beyond what was searched; ``walk_m`` (u,) the
    metres of that way, NaN beyond; ``facility`` (u,) int64 its row or -1; ``stands_in`` (u,) place
    in ``rule.instead`` of what covers the home in place of the rule's own, -1 where nothing does;
    ``status`` (u,) "covered", "gap" or "unlinked".
    """

    status: NDArray[np.object_]
    cost_cm: NDArray[np.int64]
    walk_m: NDArray[np.float64]
    facility: NDArray[np.int64]
    stands_in: NDArray[np.int64]


def judge(
    rule: Rule,
    limit_cm: int,
    homes: Homes,
    group: WalkGroup,
    row: int,
    stand_ins: Sequence[tuple[Instead, Sought]],
) -> Verdict:
    """Hold ``rule`` against the homes.

    Parameters
    ----------
    limit_cm
        The limit, inclusive.
    group, row
        The search that the rule belongs to, and its row.
    stand_ins
        What may stand in for the rule's own category where a home is not covered otherwise, with
        the facilities that count.

    Returns
    -------
    verdict
        A round trip is judged by one facility both ways, and shows the worse of its ways; where
        several facilities stand in together, the farthest of those that are needed is shown.
    """
    cost, node = group.homes.least(group.reach.cm[row])
    metres, facility = metres_and_nearest(group, row, node)
    verdict = Verdict(
        status=np.full(len(homes), "gap", dtype=object),
        cost_cm=cost,
        walk_m=metres,
        facility=facility,
        stands_in=np.full(len(homes), -1, dtype=np.int64),
    )
    if rule.round_trip and not group.same_back:
        verdict = _both_ways(verdict, homes, group, group.sought[row])
    for place, (instead, sought) in enumerate(stand_ins):
        verdict = _or_several(
            verdict, place, instead.count, limit_cm, homes, group, sought,
            round_trip=rule.round_trip,
        )  # fmt: skip
    within = (verdict.cost_cm >= 0) & (verdict.cost_cm <= limit_cm)
    verdict.status[within] = "covered"
    verdict.status[~homes.linked] = "unlinked"
    return verdict


def _both_ways(verdict: Verdict, homes: Homes, group: WalkGroup, sought: Sought) -> Verdict:
    """Replace the walk there by that to the facility whose worse way is the least."""
    pairs = pairs_of(group, sought, round(group.limit_m * 100), round_trip=True)
    nothing = replace(
        verdict,
        cost_cm=np.full(len(homes), -1, dtype=np.int64),
        facility=np.full(len(homes), -1, dtype=np.int64),
        walk_m=np.full(len(homes), np.nan),
    )
    chosen = _nth(pairs, 1, len(homes))
    return _set(nothing, group, sought, pairs, chosen, nearest=verdict)


def _or_several(
    verdict: Verdict,
    place: int,
    count: int,
    limit_cm: int,
    homes: Homes,
    group: WalkGroup,
    sought: Sought,
    *,
    round_trip: bool,
) -> Verdict:
    """Cover homes that are not, where ``count`` facilities of another kind are within the limit."""
    pairs = pairs_of(group, sought, limit_cm, round_trip=round_trip)
    chosen = _nth(pairs, count, len(homes))
    chosen[(verdict.cost_cm >= 0) & (verdict.cost_cm <= limit_cm)] = -1
    changed = _set(verdict, group, sought, pairs, chosen, nearest=verdict)
    return replace(changed, stands_in=np.where(chosen >= 0, place, verdict.stands_in))


def _nth(pairs: HomePairs, n: int, homes: int) -> NDArray[np.int64]:
    """Return (u,) the place of the n-th nearest facility of each home among the pairs, or -1."""
    first = np.searchsorted(pairs.home, np.arange(homes + 1))
    enough = np.diff(first) >= n
    return np.where(enough, first[:-1] + n - 1, -1)


def _set(
    verdict: Verdict,
    group: WalkGroup,
    sought: Sought,
    pairs: HomePairs,
    chosen: NDArray[np.int64],
    *,
    nearest: Verdict,
) -> Verdict:
    """Let the ``chosen`` pair (u,) of each home decide, where there is one.

    ``nearest`` knows the metres to the nearest facility, which is most often the chosen one.
    """
    rows = np.flatnonzero(chosen >= 0)
    pick = chosen[rows]
    cost, facility = verdict.cost_cm.copy(), verdict.facility.copy()
    metres = verdict.walk_m.copy()
    cost[rows], facility[rows] = pairs.cm[pick], pairs.facility[pick]
    if group.flat:
        metres[rows] = pairs.cm[pick] / 100.0
    else:
        metres[rows] = nearest.walk_m[rows]
        other = rows[nearest.facility[rows] != facility[rows]]
        metres[other] = metres_to(group, sought, other, facility[other])
    return replace(verdict, cost_cm=cost, facility=facility, walk_m=metres)
