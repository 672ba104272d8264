"""What ramps bring: each searched only where it changes something, and a greedy choice of many."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.compiling import compiled
from gis.network import EffortTable, WalkNetwork
from gis.network.route import walked_route

CHAINS_TRIED: Final = 20
"""Homes per category, most people first, whose ways are looked at in each greedy step."""

_FAR_ROUND_CM: Final = np.int32(1_000_000)
"""Ten kilometres more are walked rather than over one more ramp, where nothing limits the walk."""


@dataclass(frozen=True, eq=False)
class Obstacle:
    """Neighbouring links of one street that the walker cannot use: one ramp would mend them.

    ``links`` (m,); ``kind`` "stairs", "steep" or "narrow"; ``rise_m`` NaN where unknown;
    ``ramp_slope`` the steepest ramp there may be, rise over length.
    """

    links: NDArray[np.int64]
    street: int
    kind: str
    length_m: float
    rise_m: float
    ramp_slope: float

    @property
    def ramp_m(self) -> float:
        """Length of the ramp that the rise needs, never shorter than the obstacle; NaN unknown."""
        return (
            max(self.length_m, self.rise_m / self.ramp_slope)
            if self.rise_m == self.rise_m
            else np.nan
        )


def obstacles_of(
    network: WalkNetwork, barred: NDArray[np.bool_], *, min_width_m: float | None = None
) -> list[Obstacle]:
    """Gather barred links (e,) that touch each other and are of one street.

    The rise of stairs is that of their heights where known, else of their risers. A street without
    stairs that is narrower than ``min_width_m`` is "narrow", any other is "steep".
    """
    rows = np.flatnonzero(barred)
    if len(rows) == 0:
        return []
    # A node stands for itself once per street, so that different streets do not join.
    streets = network.street[rows].astype(np.int64)
    ends = network.links[rows].astype(np.int64) + streets[:, None] * len(network)
    places, end = np.unique(ends, return_inverse=True)
    end = end.reshape(-1, 2)
    graph = coo_array((np.ones(len(rows)), (end[:, 0], end[:, 1])), shape=(len(places),) * 2)
    _, label = connected_components(graph, directed=False)
    group = label[end[:, 0]]
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    parts = sorted(np.split(rows[order], cuts), key=lambda links: int(links[0]))
    return [_obstacle(network, links, min_width_m) for links in parts]


def _obstacle(
    network: WalkNetwork, links: NDArray[np.int64], min_width_m: float | None
) -> Obstacle:
    street = int(network.street[links[0]])
    length_m = int(network.length_cm[links].sum()) / 100
    table = EffortTable.load()
    lines = network.lines
    rise = np.abs(lines.z[lines.start[links + 1] - 1] - lines.z[lines.start[links]]).sum()
    traits = network.traits
    kind = "steep"
    if traits is not None and traits.stairs[street]:
        kind = "stairs"
        if np.isnan(rise):
            rise = traits.risers[street] * table.riser_m
    elif traits is not None and traits.width_m[street] < (min_width_m or 0.0):
        kind, rise = "narrow", 0.0
    return Obstacle(links, street, kind, length_m, float(rise), table.ramp_slope)


@dataclass(frozen=True, eq=False)
class Field:
    """The ground on which ramps are tried.

    ``network`` has all ramps open; ``ramp`` (e,) int64 the obstacle that a link is of, -1 for none.
    ``reached`` (k, v) int32 cm to the nearest facility of each category without any ramp, -1
    beyond; ``doors`` their nodes. Home i of u starts at ``node[first[i]:first[i + 1]]`` and counts
    ``people`` (u,). Without a limit (``limit_cm`` None) only being reached counts.
    """

    network: WalkNetwork
    obstacles: Sequence[Obstacle]
    ramp: NDArray[np.int64]
    reached: NDArray[np.int32]
    doors: Sequence[NDArray[np.int64]]
    first: NDArray[np.int64]
    node: NDArray[np.int64]
    people: NDArray[np.float64]
    limit_cm: int | None


class Trials:
    """Ramps tried one after the other; those that are built stay."""

    def __init__(self, field: Field) -> None:
        self.field = field
        arcs = field.network.arcs(toward=True)
        self._first, self._arcs = arcs.first, arcs.arcs.copy()
        self._arc_ramp = field.ramp[arcs.link]
        self._reached = field.reached.copy()
        self._limit = 2**30 - 1 if field.limit_cm is None else field.limit_cm
        if field.limit_cm is None:
            # Where only being reached counts, nothing is gained by reaching a place sooner.
            self._arcs[:, 1] = 0
            self._reached[self._reached >= 0] = 0
        self.built = np.zeros(len(field.obstacles), dtype=bool)
        home = np.repeat(np.arange(len(field.people)), np.diff(field.first))
        order = np.argsort(field.node, kind="stable")
        self._home = home[order]
        self._home_first = np.searchsorted(field.node[order], np.arange(len(field.network) + 1))
        self.served = np.zeros((len(field.doors), len(field.people)), dtype=bool)
        for k, cm in enumerate(self._reached):
            self.served[k, home[cm[field.node] >= 0]] = True

    def gain(self, ramps: Sequence[int]) -> list[NDArray[np.int64]]:
        """Return for each category the homes that these ramps would newly serve."""
        return self._try(ramps, keep=False)

    def build(self, ramps: Sequence[int]) -> list[NDArray[np.int64]]:
        """Build ramps; return as `gain`."""
        homes = self._try(ramps, keep=True)
        self.built[list(ramps)] = True
        for k, rows in enumerate(homes):
            self.served[k, rows] = True
        return homes

    def _try(self, ramps: Sequence[int], *, keep: bool) -> list[NDArray[np.int64]]:
        links = np.concatenate([self.field.obstacles[r].links for r in ramps])
        seeds = np.unique(self.field.network.links[links])
        open_ = self.built.copy()
        open_[list(ramps)] = True
        found = []
        for k, cm in enumerate(self._reached):
            nodes = _reach_more(
                self._first, self._arcs, self._arc_ramp, open_, seeds, self._limit, cm, keep
            )
            low, high = self._home_first[nodes], self._home_first[nodes + 1]
            lived = np.flatnonzero(high > low)
            homes = [self._home[low[i] : high[i]] for i in lived.tolist()]
            rows = np.unique(np.concatenate([*homes, np.empty(0, dtype=np.int64)]))
            found.append(rows[~self.served[k, rows]])
        return found

    def gains_of(self, homes: Sequence[NDArray[np.int64]]) -> float:
        """Return people times services gained; unknown people count as none."""
        return float(sum(np.nansum(self.field.people[rows]) for rows in homes))


@compiled
def _reach_more(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    arc_ramp: NDArray[np.int64],
    open_: NDArray[np.bool_],
    seeds: NDArray[np.int32],
    limit: int,
    reached: NDArray[np.int32],
    keep: bool,
) -> NDArray[np.int64]:
    """Search on from the seeds over arcs that are open; return the nodes that were not reached.

    Only nodes whose way becomes shorter are touched (Ramalingam and Reps 1996, for links that come
    in). Unless they are kept, the old distances are put back.
    """
    queue = [(np.int64(0), np.int64(0))]
    queue.pop()
    for s in seeds:
        if reached[s] >= 0:
            heapq.heappush(queue, (np.int64(reached[s]), np.int64(s)))
    changed = [np.int64(0)]
    changed.pop()
    before = [np.int64(0)]
    before.pop()
    while len(queue) > 0:
        here, v = heapq.heappop(queue)
        if here > reached[v]:
            continue
        for arc in range(first[v], first[v + 1]):
            ramp = arc_ramp[arc]
            if ramp >= 0 and not open_[ramp]:
                continue
            t = arcs[arc, 0]
            there = here + arcs[arc, 1]
            if there <= limit and (reached[t] < 0 or there < reached[t]):
                changed.append(np.int64(t))
                before.append(np.int64(reached[t]))
                reached[t] = there
                heapq.heappush(queue, (np.int64(there), np.int64(t)))
    fresh = np.empty(len(changed), np.int64)
    count = 0
    # A node may have changed several times: the first note of it is the oldest.
    for i in range(len(changed) - 1, -1, -1):
        if before[i] < 0:
            fresh[count] = changed[i]
            count += 1
        if not keep:
            reached[changed[i]] = before[i]
    return fresh[:count]


def greedy(trials: Trials, most: int) -> list[tuple[tuple[int, ...], float]]:
    """Choose up to ``most`` ramps, each time what gains most per ramp.

    Besides single ramps it tries those that lie one behind the other on the way of a home that is
    not served, which bring nothing alone.

    Returns
    -------
    steps
        The ramps of each step, and what it gains, see `Trials.gains_of`.
    """
    steps = []
    while (left := most - int(trials.built.sum())) > 0:
        options: list[tuple[int, ...]] = [(int(r),) for r in np.flatnonzero(~trials.built)]
        options += [chain for chain in chains(trials) if len(chain) <= left]
        gains = [trials.gains_of(trials.gain(option)) for option in options]
        per_ramp = [gain / len(option) for gain, option in zip(gains, options, strict=True)]
        best = int(np.argmax(per_ramp)) if options else -1
        if best < 0 or gains[best] <= 0:
            break
        trials.build(options[best])
        steps.append((options[best], gains[best]))
    return steps


def chains(trials: Trials) -> list[tuple[int, ...]]:
    """Sets of two and more ramps that lie on the way of a home that is not served.

    Where nothing limits the walk it is the way over the fewest of them, else the shortest.
    """
    field = trials.field
    network = field.network
    needed = (field.ramp >= 0) & ~np.append(trials.built, True)[field.ramp]
    cost = network.cost_cm
    if field.limit_cm is None and cost is not None:
        network = network.with_costs(np.where(needed[:, None], cost + _FAR_ROUND_CM, cost))
    found: dict[tuple[int, ...], None] = {}
    for k, doors in enumerate(field.doors):
        if len(doors) == 0:
            continue
        limit_m = np.inf if field.limit_cm is None else field.limit_cm / 100
        reach = network.reach([doors], limit_m=limit_m)
        rows = np.flatnonzero(~trials.served[k] & (np.diff(field.first) > 0))
        rows = rows[np.argsort(-np.nan_to_num(field.people[rows]), kind="stable")][:CHAINS_TRIED]
        for row in rows.tolist():
            starts = field.node[field.first[row] : field.first[row + 1]]
            cm = np.where(reach.cm[0, starts] < 0, 2**31, reach.cm[0, starts].astype(np.int64))
            route = walked_route(network, reach, doors, int(starts[cm.argmin()]))
            if route is None:
                continue
            ramps = field.ramp[route.links[needed[route.links]]]
            chain = tuple(sorted(set(ramps.tolist())))
            if len(chain) > 1:
                found[chain] = None
    return list(found)
