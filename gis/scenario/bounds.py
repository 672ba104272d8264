"""How much openings can bring at most: bounds that hold for every choice of them.

Gains of openings do not shrink as others are opened (two walls may help only together), so that the
usual bound of greedy choices, 1 - 1/e of the best, is not valid here. Two bounds are: an opening
never makes a walk longer, so no set gains more than all candidates at once; and who gains walks
through one of the openings chosen, so that a set gains no more than the sum, over its openings, of
all who could be walking through each. The second is small where few openings are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from gis.scenario.base import COVERED, SLACK_CM, Base, Group
from gis.scenario.local import Splice

_MARGIN: Final = 1.05
"""Links are rounded to centimetres, so that a walk may come out shorter than the straight way."""
_SHORT_M: Final = 0.1


def least_cm_per_m(group: Group) -> float:
    """Return what a metre as the crow flies costs at least; 0.0 where ways are free."""
    network = group.network
    ends = network.xy[network.links]
    straight_m = np.hypot(*(ends[:, 0] - ends[:, 1]).T)
    costs = network.length_cm[:, None] if network.cost_cm is None else network.cost_cm
    costs = np.where(costs < 0, network.length_cm[:, None], costs)
    far = straight_m > _SHORT_M
    if not far.any():
        return 0.0
    return float((costs[far].min(axis=1) / straight_m[far]).min()) / _MARGIN


def people_through(
    base: Base, splices: Sequence[Splice], homes: NDArray[np.int64], status: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return (m,) for each opening the people times rules that could gain by walking through it.

    Parameters
    ----------
    base
        All openings have been put into its reaches, see `gis.scenario.difference.put_in`.
    splices
        m openings.
    homes, status
        (c,) homes and (r, c) their status with all of them open; rules in ``base.whole`` are
        left out.
    """
    found = np.zeros(len(splices))
    nodes = [np.union1d(s.links.ravel(), s.starts.come[:, 1]).astype(np.int64) for s in splices]
    estates = [np.unique(base.homes.estate[s.starts.come[:, 0]]) for s in splices]
    least = [least_cm_per_m(group) for group in base.groups]
    for r, (group, row) in enumerate(base.place):
        if r in base.whole:
            continue
        gains = (status[r] == COVERED) & (base.status[r, homes] != COVERED)
        gaining = homes[gains & (np.nan_to_num(base.people[homes]) > 0)]
        place, start = base.starts.of_homes(gaining)
        start_xy = base.ground.network.xy[start]
        limit = base.limit_cm[r] + SLACK_CM
        for c, of in enumerate(nodes):
            left = limit - base.live[group].cm(row, of)
            left[base.live[group].cm(row, of) < 0] = -1
            if not len(gaining) or (left < 0).all():
                continue
            may = np.isin(base.homes.estate[gaining], estates[c])
            for node, rest in zip(of.tolist(), left.tolist(), strict=True):
                if rest >= 0:
                    away_m = np.hypot(*(start_xy - base.ground.network.xy[node]).T)
                    may[place[away_m * least[group] <= rest]] = True
            found[c] += float(base.people[gaining[may]].sum())
    return found


def whole_gains(base: Base, now: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return (u,) people times rules in ``base.whole`` that gain with the statuses ``now``."""
    gains = (now == COVERED).astype(np.int64) - (base.whole_status == COVERED)
    return np.asarray(gains.sum(axis=0) * np.nan_to_num(base.people))


def whole_near(
    base: Base,
    xy: NDArray[np.float64],
    estates: Sequence[NDArray[np.int64]],
    gains: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (m,) the most that an opening at each place (m, 2) can gain by ``base.whole``.

    ``gains`` (u,) is what each home gains with all openings at once. A home farther from the
    opening than its walk may be, as the crow flies, does not walk through it, unless it is of one
    of its ``estates`` and starts there.
    """
    here = np.flatnonzero(gains > 0)
    place, start = base.starts.of_homes(here)
    radius_m = max(
        base.limit_cm[r] / cm if (cm := least_cm_per_m(base.groups[base.place[r][0]])) else np.inf
        for r in base.whole
    )
    tree = KDTree(base.ground.network.xy[start])
    found = np.zeros(len(xy))
    for c, near in enumerate(tree.query_ball_point(xy, radius_m) if len(start) else ()):
        may = np.isin(base.homes.estate[here], estates[c])
        may[place[near]] = True
        found[c] = gains[here[may]].sum()
    return found
