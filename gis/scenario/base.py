"""What a scenario starts from: a study laid out and walked once, kept in memory for many edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.coverage.facilities import Sought, category_codes, sought_of, wanted_by
from gis.coverage.walks import minds_heights, mode_of
from gis.errors import OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Finding, Study, people_of
from gis.network import Ground, WalkNetwork, lay_ground
from gis.network.dynamic import LiveReach
from gis.network.effort import costs_of
from gis.network.heights import with_heights
from gis.rules import Rule, Walker, load_walker
from gis.scenario.near import LinkGrid

COVERED: Final = 0
GAP: Final = 1
UNLINKED: Final = 2
NO_DATA: Final = 3
SLACK_CM: Final = 3
"""Walks are kept this much farther than any rule asks: cutting a street anew rounds anew."""
BEYOND_CM: Final = 2**40
"""Farther than anything that is searched."""
STATUSES: Final = ("covered", "gap", "unlinked", "no-data")


@dataclass(frozen=True)
class Costing:
    """Whose effort a walk is measured in."""

    walker: Walker
    mode: str
    terrain: bool

    def closed(self, ground: Ground) -> NDArray[np.bool_]:
        """Return (e,) the links that are shut at that hour, or too narrow for the walker."""
        if self.walker.min_width_m is None:
            return ground.closed
        return ground.closed | ground.narrow(self.walker.min_width_m)

    def costs(self, network: WalkNetwork, closed: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return (e, 2) what the links cost, -1 where closed."""
        mode: Any = self.mode
        costs, _ = costs_of(network, self.walker, mode=mode, terrain=self.terrain, closed=closed)
        return costs


@dataclass(frozen=True, eq=False)
class Group:
    """Rules whose walks are one search.

    ``network`` with the costs of ``costing``; ``wanted`` the categories of each of k rows;
    ``facility``, ``node`` k arrays, the rows of facilities that count and where they are entered;
    ``live`` the walks of all nodes, as far as any rule asks: edits are tried on it.
    """

    network: WalkNetwork
    costing: Costing
    wanted: tuple[tuple[str, ...], ...]
    facility: tuple[NDArray[np.int64], ...]
    node: tuple[NDArray[np.int64], ...]
    live: LiveReach

    @property
    def same_back(self) -> bool:
        """Whether every way costs the same there and back."""
        return self.network.arcs(toward=True) is self.network.arcs(toward=False)

    def accepts(self, row: int, facilities: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which facilities (m,) count in a row; theirs are sorted."""
        counts = self.facility[row]
        if len(counts) == 0:
            return np.zeros(len(facilities), dtype=bool)
        place = np.minimum(np.searchsorted(counts, facilities), len(counts) - 1)
        return np.asarray(counts[place] == facilities)


@dataclass(frozen=True, eq=False)
class Starts:
    """Where estates start: s pairs of ``node`` and ``estate``, sorted by node, linked ones only."""

    node: NDArray[np.int64]
    estate: NDArray[np.int64]

    @cached_property
    def by_estate(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same pairs sorted by estate: ``estate`` and ``node`` (s,)."""
        order = np.lexsort((self.node, self.estate))
        return self.estate[order], self.node[order]

    def of_nodes(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the estates that start at any of the nodes, each once."""
        low = np.searchsorted(self.node, nodes)
        high = np.searchsorted(self.node, nodes, "right")
        rows = np.flatnonzero(high > low)
        places = [np.arange(low[i], high[i]) for i in rows]
        if not places:
            return np.empty(0, dtype=np.int64)
        return np.unique(self.estate[np.concatenate(places)])

    def of_estate(self, estate: int) -> NDArray[np.int64]:
        """Return the nodes where an estate starts."""
        estates, nodes = self.by_estate
        low, high = np.searchsorted(estates, [estate, estate + 1])
        return nodes[low:high]


@dataclass(frozen=True, eq=False)
class Base:
    """A study measured, ready for edits; made by `lay_base`.

    ``place`` (r,) is the group and the row in it of each rule, ``limit_cm`` (r,) its limit;
    ``has_data`` (r,) whether anything is known of its categories; ``people`` (n,) of the estates,
    NaN where unknown; ``status`` (r, n) int8 places in `STATUSES`; ``walk_cm`` (r, n) the walks,
    `BEYOND_CM` beyond what was searched; ``options`` what the ground was laid with.
    """

    study: Study
    ground: Ground
    rules: tuple[Rule, ...]
    codes: NDArray[np.object_]
    groups: tuple[Group, ...]
    place: tuple[tuple[int, int], ...]
    limit_cm: tuple[int, ...]
    has_data: NDArray[np.bool_]
    people: NDArray[np.float64]
    starts: Starts
    status: NDArray[np.int8]
    walk_cm: NDArray[np.int64]
    options: Mapping[str, Any]
    lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def live(self) -> tuple[LiveReach, ...]:
        """The reaches that edits are tried on, one per group; hold ``lock`` while they differ."""
        return tuple(group.live for group in self.groups)

    @cached_property
    def whole(self) -> tuple[int, ...]:
        """The rules for which more than the nearest facility or the nearest gate decides.

        Facilities stand in for another kind by their number; a way back differs from the way there
        and must lead to the same facility; a gate is too narrow for the walker.
        """
        return tuple(
            r
            for r, (rule, (group, _)) in enumerate(zip(self.rules, self.place, strict=True))
            if rule.instead
            or (rule.round_trip and not self.groups[group].same_back)
            or self._has_narrow_gates(self.groups[group].costing.walker)
        )

    def _has_narrow_gates(self, walker: Walker) -> bool:
        width_m = walker.min_width_m
        return width_m is not None and bool(self.ground.narrow_origins(width_m).any())

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is left out where edits are answered from what they change alone."""
        ids = ", ".join(self.rules[r].id for r in self.whole)
        if not ids:
            return ()
        text = f"Compared without stand-ins, ways back and narrow gates, which matter to: {ids}"
        return (Finding("whatif-left-out", text),)

    @cached_property
    def sums(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Estates and known people by rule and status, both (r, 4)."""
        return status_sums(self.status, self.people)

    @cached_property
    def walked(self) -> NDArray[np.int32]:
        """The rows of the streets layer that are walked."""
        rows = np.unique(self.ground.network.street)
        return rows[rows >= 0]

    @cached_property
    def gated(self) -> NDArray[np.int64]:
        """The estates of which gates are mapped."""
        return np.unique(self.ground.gates.estate)

    @cached_property
    def grid(self) -> LinkGrid:
        """Finds the links of the network near a place."""
        return LinkGrid.of(self.ground.network)


def lay_base(
    study: Study,
    rules: Sequence[Rule],
    *,
    at: str = "10:00",
    link: str = "counted",
    longest_link_m: float = 300.0,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    terrain: bool = False,
) -> Base:
    """Lay a study out, walk it once, and keep what edits need.

    People start at the gates of their estate. Walks are searched as far as the rules ask and no
    farther: what lies beyond is a gap however far it is.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets; no heights where terrain is asked for.
    OptionError
        No rules, or an option out of range.
    """
    if not rules:
        raise OptionError("There is no rule to measure; give a rule pack or an own limit")
    options = {
        "at": at,
        "link": link,
        "longest_link_m": longest_link_m,
        "persons_per_household": persons_per_household,
        "terrain": terrain,
    }
    ground = laid(study, options)
    codes = category_codes(study)
    groups, place = _groups(study, ground, codes, rules, terrain=terrain)
    limits = tuple(rule.limit_cm(load_walker(rule.walker)) for rule in rules)
    origins = ground.origins
    linked = np.flatnonzero(origins.node >= 0)
    linked = linked[np.argsort(origins.node[linked], kind="stable")]
    starts = Starts(origins.node[linked], origins.estate[linked])
    people, _ = people_of(study.layer("estates"), persons_per_household=persons_per_household)
    doors = ground.doors.linked(len(codes))
    has_data = np.array([_has_data(study, rule, codes, doors) for rule in rules], dtype=bool)
    walk_cm = np.empty((len(rules), ground.estates), dtype=np.int64)
    for r, (group, row) in enumerate(place):
        far = groups[group].live.cm(row, starts.node)
        walk_cm[r] = least(far, starts.estate, ground.estates)
    status = np.where(walk_cm <= np.array(limits)[:, None], COVERED, GAP).astype(np.int8)
    status[:, ~np.isin(np.arange(ground.estates), starts.estate)] = UNLINKED
    status[~has_data] = NO_DATA
    return Base(
        study, ground, tuple(rules), codes, groups, place, limits, has_data, people, starts, status,
        walk_cm, options,
    )  # fmt: skip


def laid(study: Study, options: Mapping[str, Any]) -> Ground:
    """Lay a study out with the options of a base, heights included where terrain counts."""
    ground = lay_ground(
        study,
        at=options["at"],
        link=options["link"],
        longest_link_m=options["longest_link_m"],
    )
    if not options["terrain"]:
        return ground
    network, _ = with_heights(ground.network, study)
    return replace(ground, network=network)


def status_sums(
    status: NDArray[np.int8], people: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each rule how many estates (r, n) have each status, and their known people."""
    known = np.where(np.isnan(people), 0.0, people)
    counts = np.empty((len(status), len(STATUSES)), dtype=np.int64)
    sums = np.empty(counts.shape)
    for r, words in enumerate(status):
        counts[r] = np.bincount(words, minlength=len(STATUSES))
        sums[r] = np.bincount(words, weights=known, minlength=len(STATUSES))
    return counts, sums


def least(cm: NDArray[np.int64], owner: NDArray[np.int64], owners: int) -> NDArray[np.int64]:
    """Return (owners,) the least cm (s,) of each owner (s,); -1 is beyond, `BEYOND_CM` too."""
    best = np.full(owners, BEYOND_CM, dtype=np.int64)
    reached = cm >= 0
    np.minimum.at(best, owner[reached], cm[reached])
    return best


def _has_data(
    study: Study, rule: Rule, codes: NDArray[np.object_], linked: NDArray[np.bool_]
) -> bool:
    here = np.isin(codes, rule.categories)
    return bool(linked[here].any()) if here.any() else rule.category in study.none_of


@dataclass(frozen=True, eq=False)
class _Row:
    """Rules of one group that accept the same facilities."""

    wanted: tuple[str, ...]
    sought: Sought
    limit_cm: int


def _groups(
    study: Study,
    ground: Ground,
    codes: NDArray[np.object_],
    rules: Sequence[Rule],
    *,
    terrain: bool,
) -> tuple[tuple[Group, ...], tuple[tuple[int, int], ...]]:
    """Put rules of equal costs into one group, and rules of equal facilities into one row."""
    facilities = study.layer("facilities") if "facilities" in study else None
    costings: list[tuple[Costing, NDArray[np.int32]]] = []
    rows: list[dict[tuple[object, ...], _Row]] = []
    place = []
    for rule in rules:
        walker = load_walker(rule.walker)
        mode = mode_of(rule)
        costing = Costing(walker, mode, terrain and minds_heights(mode, walker))
        costs = costing.costs(ground.network, costing.closed(ground))
        equal = (g for g, (_, known) in enumerate(costings) if np.array_equal(costs, known))
        g = next(equal, len(costings))
        if g == len(costings):
            costings.append((costing, costs))
            rows.append({})
        sought = sought_of(wanted_by(rule, codes, facilities), ground)
        key = (rule.categories, sought.facility.tobytes())
        limit = rule.limit_cm(walker)
        if key in rows[g]:
            limit = max(limit, rows[g][key].limit_cm)
        rows[g][key] = _Row(rule.categories, sought, limit)
        place.append((g, list(rows[g]).index(key)))
    groups = tuple(
        _group(ground, costing, costs, list(rows[g].values()))
        for g, (costing, costs) in enumerate(costings)
    )
    return groups, tuple(place)


def _group(
    ground: Ground, costing: Costing, costs: NDArray[np.int32], rows: Sequence[_Row]
) -> Group:
    plain = np.array_equal(costs[:, 0], costs[:, 1]) and np.array_equal(
        costs[:, 0], ground.network.length_cm
    )
    network = ground.network if plain else ground.network.with_costs(costs)
    limits = np.array([row.limit_cm for row in rows], dtype=np.int64)
    node = tuple(row.sought.node for row in rows)
    cm = network.reach(node, limit_m=(int(limits.max()) + SLACK_CM) / 100).cm
    live = LiveReach(network, cm, node, limits + SLACK_CM)
    return Group(
        network, costing, tuple(row.wanted for row in rows),
        tuple(row.sought.facility for row in rows), node, live,
    )  # fmt: skip
