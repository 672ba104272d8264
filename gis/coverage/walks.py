"""From the ground and the rules to centimetres: how far each home is from what it needs.

Rules are grouped by what a step costs their walker: metres and minutes on the flat are one group,
so one search serves both. Within a group each distinct set of facilities is searched once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.coverage.along import walked
from gis.coverage.facilities import Sought
from gis.coverage.homes import Homes
from gis.model import Finding
from gis.network import Ground, Reach, WalkNetwork, costs_of
from gis.network.around import pairs_within
from gis.rules import Rule
from gis.walkers import Walker

SEARCH_TIMES_LIMIT: Final = 3
SEARCH_AT_LEAST_M: Final = 3000.0
"""How far beyond the limit is searched, so that a gap says how far the nearest facility is."""

_AT_ONCE: Final = 16
"""Facilities searched together: each needs 8 bytes per node."""


@dataclass(frozen=True, eq=False)
class WalkGroup:
    """Rules for whom every step costs the same: one network, one search.

    ``network`` has their costs; ``homes`` start where these walkers may get out; ``flat`` says that
    costs are lengths; ``limit_m`` is how far was searched, in flat metres; row k of ``reach`` is
    the walk to ``sought[k]``.
    """

    network: WalkNetwork
    homes: Homes
    flat: bool
    limit_m: float
    sought: tuple[Sought, ...]
    reach: Reach

    @property
    def same_back(self) -> bool:
        """Whether every way costs the same there and back."""
        return self.network.arcs(toward=True) is self.network.arcs(toward=False)


@dataclass(frozen=True, eq=False)
class Walks:
    """All walks of a measurement; ``place[i]`` is the group and the row of its reach of rule i.

    ``terrain`` (one per rule) says whether heights were used for it.
    """

    groups: tuple[WalkGroup, ...]
    place: tuple[tuple[int, int], ...]
    terrain: tuple[bool, ...]
    findings: tuple[Finding, ...]

    def of_rule(self, i: int) -> tuple[WalkGroup, int]:
        """Return the group of rule i and its row there."""
        group, row = self.place[i]
        return self.groups[group], row


@dataclass(frozen=True, eq=False)
class HomePairs:
    """Which home is within the limit of which facility, sorted by home, then by cm.

    ``home``, ``facility`` (p,) int64 rows, each pair once; ``cm`` (p,) int64 the walk, the worse of
    both ways for a round trip.
    """

    home: NDArray[np.int64]
    facility: NDArray[np.int64]
    cm: NDArray[np.int64]


def mode_of(rule: Rule) -> str:
    """Return "distance" for a limit in metres, "time" for one in minutes."""
    return "distance" if rule.limit_s is None else "time"


def minds_heights(mode: str, walker: Walker) -> bool:
    """Whether slopes make a difference: minutes do, metres only where some are too steep."""
    return mode == "time" or walker.steepest is not None


def walk_all(
    ground: Ground,
    homes: Homes,
    rules: Sequence[Rule],
    walkers: Sequence[Walker],
    sought: Sequence[Sought],
    *,
    terrain: bool,
) -> Walks:
    """Search once per group of rules and set of facilities.

    Parameters
    ----------
    ground
        The streets with all that is linked to them.
    homes
        Where people start.
    rules, walkers, sought
        For each rule who walks, and to which facilities.
    terrain
        Whether slopes count: in minutes, and for walkers who cannot go up steep streets.
    """
    costed: dict[tuple[str, str], _Costed] = {}
    for rule, walker in zip(rules, walkers, strict=True):
        key = (mode_of(rule), walker.name)
        if key not in costed:
            costed[key] = _costs(ground, homes, walker, mode=key[0], terrain=terrain)
    stamps = list(dict.fromkeys(each.stamp for each in costed.values()))
    first_of = {each.stamp: each for each in reversed(costed.values())}
    of_rule = [
        stamps.index(costed[mode_of(r), w.name].stamp) for r, w in zip(rules, walkers, strict=True)
    ]
    groups: list[WalkGroup] = []
    row_of: dict[int, int] = {}
    for g, stamp in enumerate(stamps):
        own = [i for i, group in enumerate(of_rule) if group == g]
        distinct: dict[bytes, int] = {}
        for i in own:
            key_of_set = sought[i].node.tobytes() + b"|" + sought[i].facility.tobytes()
            row_of[i] = distinct.setdefault(key_of_set, len(distinct))
        chosen = tuple(sought[next(i for i in own if row_of[i] == k)] for k in distinct.values())
        farthest_cm = max(rules[i].limit_cm(walkers[i]) for i in own)
        limit_m = max(SEARCH_TIMES_LIMIT * farthest_cm / 100, SEARCH_AT_LEAST_M)
        each = first_of[stamp]
        reach = each.network.reach([s.node for s in chosen], limit_m=limit_m)
        groups.append(WalkGroup(each.network, each.homes, each.flat, limit_m, chosen, reach))
    told = dict.fromkeys(f for each in costed.values() for f in each.findings)
    return Walks(
        groups=tuple(groups),
        place=tuple((of_rule[i], row_of[i]) for i in range(len(rules))),
        terrain=tuple(
            terrain and minds_heights(mode_of(rule), walker)
            for rule, walker in zip(rules, walkers, strict=True)
        ),
        findings=tuple(told),
    )


@dataclass(frozen=True, eq=False)
class _Costed:
    network: WalkNetwork
    homes: Homes
    flat: bool
    stamp: bytes
    findings: tuple[Finding, ...]


def _costs(ground: Ground, homes: Homes, walker: Walker, *, mode: str, terrain: bool) -> _Costed:
    """Return the network of a walker, and a stamp that is equal where every step costs the same."""
    network, closed = ground.network, ground.closed
    if walker.min_width_m is not None:
        closed = closed | ground.narrow(walker.min_width_m)
        narrow = ground.narrow_origins(walker.min_width_m)
        if narrow.any():
            homes = homes.without(narrow)
    cost, findings = costs_of(
        network,
        walker,
        mode="time" if mode == "time" else "distance",
        terrain=terrain and minds_heights(mode, walker),
        closed=closed,
    )
    length = np.repeat(network.length_cm[:, None], 2, axis=1)
    stamp = hashlib.sha256(np.ascontiguousarray(cost).tobytes())
    stamp.update(homes.node.tobytes())
    # Without costs of its own the network keeps what it found out about its streets before.
    own = network if network.cost_cm is None and np.array_equal(cost, length) else None
    return _Costed(
        network=own or network.with_costs(cost),
        homes=homes,
        flat=bool(np.all((cost < 0) | (cost == length))),
        stamp=stamp.digest(),
        findings=tuple(findings),
    )


def metres_and_nearest(
    group: WalkGroup, row: int, node: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return for nodes (u,) the metres walked to the nearest facility, and its row of the layer.

    The nearest is the one that costs least; where costs are not lengths the metres are those of the
    way there. NaN and -1 for a node of -1.
    """
    sought = group.sought[row]
    metres = np.full(len(node), np.nan)
    facility = np.full(len(node), -1, dtype=np.int64)
    there = node >= 0
    if not there.any():
        return metres, facility
    place: NDArray[np.int32]
    if group.flat:
        metres[there] = group.reach.cm[row, node[there]] / 100.0
        place = group.reach.nearest[row, node[there]]
    else:
        owner, length = _walked(group.network, sought.node, group.reach.cm[row])
        metres[there] = length[node[there]] / 100.0
        place = owner[node[there]]
    facility[there] = sought.facility[place]
    return metres, facility


def metres_to(
    group: WalkGroup, sought: Sought, home: NDArray[np.int64], facility: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (p,) the metres from each ``home`` (p,) to that ``facility`` (p,), the way there.

    One search per facility: for the few pairs that are not a home and its nearest.
    """
    metres = np.full(len(home), np.nan)
    chosen = np.unique(facility)
    for start in range(0, len(chosen), _AT_ONCE):
        batch = chosen[start : start + _AT_ONCE]
        doors = [sought.node[sought.facility == f] for f in batch]
        reach = group.network.reach(doors, limit_m=group.limit_m)
        for k, f in enumerate(batch):
            rows = np.flatnonzero(facility == f)
            _, node = group.homes.least(reach.cm[k])
            _, length = _walked(group.network, doors[k], reach.cm[k])
            at = node[home[rows]]
            metres[rows] = np.where(at >= 0, length[at] / 100.0, np.nan)
    return metres


def _walked(
    network: WalkNetwork, sources: NDArray[np.int64], cm: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    arcs = network.arcs(toward=True)
    owner, length = walked(arcs.first, arcs.arcs, arcs.link, network.length_cm, sources, cm)
    return owner, length


def pairs_of(
    group: WalkGroup, sought: Sought, limit_cm: int, *, round_trip: bool = False
) -> HomePairs:
    """Find all pairs of home and facility within the limit, inclusive.

    With ``round_trip`` the way to the facility and the way back from the same one both have to be
    within it; people may leave by one gate and come back by another.
    """
    there = _pairs(group, sought, limit_cm, toward=True)
    if not round_trip or group.same_back:
        return there
    back = _pairs(group, sought, limit_cm, toward=False)
    most = 1 + int(max(there.facility.max(initial=0), back.facility.max(initial=0)))
    _, i, j = np.intersect1d(
        there.home * most + there.facility,
        back.home * most + back.facility,
        assume_unique=True,
        return_indices=True,
    )
    return _sorted(there.home[i], there.facility[i], np.maximum(there.cm[i], back.cm[j]))


def _pairs(group: WalkGroup, sought: Sought, limit_cm: int, *, toward: bool) -> HomePairs:
    pairs = pairs_within(
        group.network, sought.node, group.homes.node, limit_m=limit_cm / 100, toward=toward
    )
    home = group.homes.home[pairs.target]
    facility = sought.facility[pairs.source]
    cm = pairs.cm.astype(np.int64)
    # A home may have several gates and a facility several doors: the shortest way counts.
    order = np.lexsort((cm, facility, home))
    home, facility, cm = home[order], facility[order], cm[order]
    first = np.ones(len(home), dtype=bool)
    first[1:] = (home[1:] != home[:-1]) | (facility[1:] != facility[:-1])
    return _sorted(home[first], facility[first], cm[first])


def _sorted(
    home: NDArray[np.int64], facility: NDArray[np.int64], cm: NDArray[np.int64]
) -> HomePairs:
    order = np.lexsort((facility, cm, home))
    return HomePairs(home[order], facility[order], cm[order])
