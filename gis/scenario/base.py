"""What a scenario starts from: a study laid out and walked once, kept in memory for many edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.coverage.facilities import Sought, category_codes, sought_of, wanted_by
from gis.coverage.homes import Homes, homes_of
from gis.coverage.measure import measure_coverage, measure_on
from gis.coverage.people import Crowd, Crowds, crowds_of
from gis.coverage.walks import minds_heights, mode_of
from gis.demand import NATIONAL
from gis.errors import OptionError
from gis.model import PERSONS_PER_HOUSEHOLD, Finding, Study
from gis.network import Ground, WalkNetwork, lay_ground
from gis.network.dynamic import LiveReach
from gis.network.effort import costs_of
from gis.network.ground import Origin
from gis.network.heights import with_heights
from gis.network.memory import give_back
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
ROWS_TOGETHER: Final = 8
"""Rows that are searched at the same time; of a million nodes that takes 0.1 GB."""
LOOKED_UP: Final = (
    "estates", "buildings", "gates", "walls", "streets", "barriers", "facilities",
)  # fmt: skip
"""Layers of which edits take what is near."""
STATUSES: Final = ("covered", "gap", "unlinked", "no-data")
_RANK: Final = np.array([1, 2, 0, 3], dtype=np.int8)
"""Of the statuses, by which of them speaks for an estate: its worst home that is linked."""
_OF_RANK: Final = np.argsort(_RANK).astype(np.int8)
ESTATES, HOMES, PEOPLE, KNOWN, GROUP, GROUP_KNOWN = range(6)
"""Columns of `Base.figures`: estates, homes, known people and how many homes know theirs, twice."""


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


class NewDoor(NamedTuple):
    """A facility that the base does not have: what it is, and the nodes where it is entered.

    ``floor_m2`` and ``land_m2`` are NaN where unknown.
    """

    category: str
    floor_m2: float
    land_m2: float
    node: NDArray[np.int64]


class Wants(NamedTuple):
    """What a row of a group accepts: the rule's category first, which has to be large enough."""

    categories: tuple[str, ...]
    min_floor_m2: float | None
    min_land_m2: float | None

    @classmethod
    def of(cls, rule: Rule) -> Wants:
        """Return what a rule accepts."""
        return cls(rule.categories, rule.min_floor_m2, rule.min_land_m2)

    def accepts(self, door: NewDoor) -> bool:
        """Say whether a new facility counts; unknown sizes do, as in a full measure."""
        if door.category != self.categories[0]:
            return door.category in self.categories
        least = (self.min_floor_m2, self.min_land_m2)
        sizes = zip((door.floor_m2, door.land_m2), least, strict=True)
        return not any(needed is not None and size < needed for size, needed in sizes)


@dataclass(frozen=True, eq=False)
class Group:
    """Rules whose walks are one search.

    ``network`` with the costs of ``costing``; ``wants`` what each of k rows accepts;
    ``facility``, ``node`` k arrays, the rows of facilities that count and where they are entered;
    ``live`` the walks of all nodes, as far as any rule asks: edits are tried on it.
    """

    network: WalkNetwork
    costing: Costing
    wants: tuple[Wants, ...]
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
    """Where people start: s pairs of ``node`` and ``home``, sorted by node, linked ones only."""

    node: NDArray[np.int64]
    home: NDArray[np.int64]

    @cached_property
    def by_home(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same pairs sorted by home: ``home`` and ``node`` (s,)."""
        order = np.lexsort((self.node, self.home))
        return self.home[order], self.node[order]

    def of_nodes(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the homes that start at any of the nodes, each once."""
        low = np.searchsorted(self.node, nodes)
        high = np.searchsorted(self.node, nodes, "right")
        return np.unique(self.home[spread(low, high)])

    def of_homes(self, homes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pairs of some homes (c,): places in ``homes``, and nodes, (q,) each."""
        owner, node = self.by_home
        low = np.searchsorted(owner, homes)
        high = np.searchsorted(owner, homes, "right")
        return np.repeat(np.arange(len(homes)), high - low), node[spread(low, high)]


def spread(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all whole numbers from each ``low`` (m,) to below its ``high``, one after another."""
    count = high - low
    ends = np.cumsum(count)
    places = np.arange(ends[-1] if len(ends) else 0)
    return np.asarray(places + np.repeat(low - (ends - count), count), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Base:
    """A study measured, ready for edits; made by `lay_base`.

    ``homes`` are the u places that are judged: the estates, or their buildings. ``place`` (r,) is
    the group and the row in it of each rule, ``limit_cm`` (r,) its limit; ``has_data`` (r,) whether
    anything is known of its categories; ``crowds`` who lives in which home; ``status`` (r, u) int8
    places in `STATUSES`; ``walk_cm`` (r, u) the walks, `BEYOND_CM` beyond what was searched;
    ``options`` what the ground was laid with; ``grid`` finds the links near a place.
    """

    study: Study
    ground: Ground
    rules: tuple[Rule, ...]
    codes: NDArray[np.object_]
    groups: tuple[Group, ...]
    place: tuple[tuple[int, int], ...]
    limit_cm: tuple[int, ...]
    has_data: NDArray[np.bool_]
    homes: Homes
    crowds: Crowds
    starts: Starts
    status: NDArray[np.int8]
    walk_cm: NDArray[np.int64]
    options: Mapping[str, Any]
    grid: LinkGrid
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
    def whole_status(self) -> NDArray[np.int8]:
        """(w, u) what the rules in ``whole`` find, measured whole: places in `STATUSES`."""
        return self.whole_status_of(None)

    def whole_status_of(self, study: Study | None) -> NDArray[np.int8]:
        """Return the same for the study after some edits; these leave homes as they are."""
        options = self.options
        how: dict[str, Any] = {
            key: options[key]
            for key in ("link", "longest_link_m", "persons_per_household", "place")
        }
        how["terrain"] = "on" if options["terrain"] else "off"
        rules = [self.rules[r] for r in self.whole]
        if study is None:
            measured = measure_on(self.ground, self.study, rules, **how)
        else:
            how |= {"at": options["at"], "origin": options["origin"]}
            measured = measure_coverage(study, rules, **how)
        number = {word: place for place, word in enumerate(STATUSES)}
        return np.array(
            [[number[word] for word in item.home_status] for item in measured.items], dtype=np.int8
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is left out where edits are answered from what they change alone."""
        ids = ", ".join(self.rules[r].id for r in self.whole)
        if not ids:
            return ()
        text = f"Compared without stand-ins, ways back and narrow gates, which matter to: {ids}"
        return (Finding("whatif-left-out", text),)

    @property
    def people(self) -> NDArray[np.float64]:
        """(u,) the people of each home, NaN where unknown."""
        return self.crowds.of["all"].homes

    def crowd(self, rule: int) -> Crowd:
        """Return the people whom a rule is about."""
        return self.crowds.of[self.rules[rule].group]

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """(r, 4, 6) the `figures` of all homes as they stand."""
        return self.figures(self.status, np.arange(len(self.homes)), range(len(self.rules)))

    def figures(
        self, status: NDArray[np.int8], homes: NDArray[np.int64], rules: Sequence[int]
    ) -> NDArray[np.float64]:
        """Count by status: (m, 4, 6) for m rules, columns `ESTATES` to `GROUP_KNOWN`.

        Parameters
        ----------
        status
            (m, c) of the homes.
        homes
            (c,) rows, sorted; of each estate among them all its homes.
        rules
            m rows of ``rules``.
        """
        by_estate = estate_status(status, self.homes.estate[homes])
        found = np.zeros((len(rules), len(STATUSES), 6))
        for place, r in enumerate(rules):
            words = status[place]
            columns: list[tuple[int, NDArray[np.int8], NDArray[np.float64] | None]] = [
                (ESTATES, by_estate[place], None),
                (HOMES, words, None),
            ]
            for column, crowd in ((PEOPLE, self.crowds.of["all"]), (GROUP, self.crowd(r))):
                people = crowd.homes[homes]
                known = ~np.isnan(people)
                columns.append((column, words[known], people[known]))
                columns.append((column + 1, words[known], None))
            for column, of, weights in columns:
                found[place, :, column] = np.bincount(of, weights, minlength=len(STATUSES))
        return found

    @cached_property
    def first_home(self) -> NDArray[np.int64]:
        """(n + 1,) the homes of estate i are ``first_home[i]`` to below ``first_home[i + 1]``."""
        return np.searchsorted(self.homes.estate, np.arange(self.ground.estates + 1))

    def with_neighbours(self, homes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return all homes of the estates of some homes, sorted."""
        estates = np.unique(self.homes.estate[homes])
        return spread(self.first_home[estates], self.first_home[estates + 1])

    def home_at(self, estate: NDArray[np.int64], building: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (p,) the home of origins of an ``estate`` and a ``building`` or -1; -1: none."""
        of_building = np.full(int(max(building.max(initial=0), self._buildings)) + 2, -1)
        whole = self.homes.building < 0
        of_building[self.homes.building[~whole]] = np.flatnonzero(~whole)
        of_estate = np.full(self.ground.estates, -1)
        of_estate[self.homes.estate[whole]] = np.flatnonzero(whole)
        # A building of -1 reads the last place, which is none.
        found = np.where(building >= 0, of_building[building], of_estate[estate])
        return np.asarray(found, dtype=np.int64)

    @cached_property
    def _buildings(self) -> int:
        return int(self.homes.building.max(initial=-1))

    @cached_property
    def walked(self) -> NDArray[np.int32]:
        """The rows of the streets layer that are walked."""
        rows = np.unique(self.ground.network.street)
        return rows[rows >= 0]

    @cached_property
    def gated(self) -> NDArray[np.int64]:
        """The estates of which gates are mapped."""
        return np.unique(self.ground.gates.estate)


def lay_base(
    study: Study,
    rules: Sequence[Rule],
    *,
    at: str = "10:00",
    link: str = "counted",
    longest_link_m: float = 300.0,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    terrain: bool = False,
    origin: Origin = "gate",
    place: str = NATIONAL,
) -> Base:
    """Lay a study out, walk it once, and keep what edits need.

    Walks are searched as far as the rules ask and no farther: what lies beyond is a gap however far
    it is. ``origin`` and ``place`` are those of `gis.coverage.measure_coverage`: where people
    start, and whose shares estimate groups of people.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets; no buildings for ``origin="building"``; no heights
        where terrain is asked for.
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
        "origin": origin,
        "place": place,
    }
    if origin == "building":
        study.layer("buildings")
    ground = laid(study, options)
    _index(study)
    grid = LinkGrid.of(ground.network)
    give_back(len(ground.network))  # making these takes much more than they keep
    codes = category_codes(study)
    groups, places = _groups(study, ground, codes, rules, terrain=terrain)
    limits = tuple(rule.limit_cm(load_walker(rule.walker)) for rule in rules)
    homes = homes_of(ground)
    order = np.argsort(homes.node, kind="stable")
    starts = Starts(homes.node[order], homes.home[order])
    crowds = crowds_of(
        study,
        homes,
        {rule.group for rule in rules},
        place=place,
        persons_per_household=persons_per_household,
    )
    doors = ground.doors.linked(len(codes))
    has_data = np.array([_has_data(study, rule, codes, doors) for rule in rules], dtype=bool)
    walk_cm = np.empty((len(rules), len(homes)), dtype=np.int64)
    for r, (group, row) in enumerate(places):
        far = groups[group].live.cm(row, starts.node)
        walk_cm[r] = least(far, starts.home, len(homes))
    status = np.where(walk_cm <= np.array(limits)[:, None], COVERED, GAP).astype(np.int8)
    status[:, ~homes.linked] = UNLINKED
    status[~has_data] = NO_DATA
    base = Base(
        study, ground, tuple(rules), codes, groups, places, limits, has_data, homes, crowds, starts,
        status, walk_cm, options, grid,
    )  # fmt: skip
    _ = base.walked, base.sums
    give_back(len(ground.network))
    return base


def _index(study: Study) -> None:
    """Make the trees of the layers that edits look into."""
    nowhere = shapely.box(0.0, 0.0, 0.0, 0.0)
    for kind in LOOKED_UP:
        if kind in study:
            study.layer(kind).frame.sindex.query(nowhere)  # the first question makes the tree


def laid(study: Study, options: Mapping[str, Any]) -> Ground:
    """Lay a study out with the options of a base, heights included where terrain counts."""
    ground = lay_ground(
        study,
        at=options["at"],
        origin=options["origin"],
        link=options["link"],
        longest_link_m=options["longest_link_m"],
    )
    if not options["terrain"]:
        return ground
    network, _ = with_heights(ground.network, study)
    return replace(ground, network=network)


def estate_status(status: NDArray[np.int8], estate: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return (r, e) the status of each estate from those of its homes (r, c), sorted by estate.

    An estate is covered when all its linked homes are, unlinked when none is linked.
    """
    first = np.flatnonzero(np.diff(estate, prepend=-1))
    if len(first) == len(estate):
        return status
    return _OF_RANK[np.maximum.reduceat(_RANK[status], first, axis=1)]


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

    wants: Wants
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
        wants = Wants.of(rule)
        key = (wants, sought.facility.tobytes())
        limit = rule.limit_cm(walker)
        if key in rows[g]:
            limit = max(limit, rows[g][key].limit_cm)
        rows[g][key] = _Row(wants, sought, limit)
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
    cm = _walked(network, node, (int(limits.max()) + SLACK_CM) / 100)
    network.forget()
    give_back(len(network))
    live = LiveReach(network, cm, node, limits + SLACK_CM)
    return Group(
        network, costing, tuple(row.wants for row in rows),
        tuple(row.sought.facility for row in rows), node, live,
    )  # fmt: skip


def _walked(
    network: WalkNetwork, node: Sequence[NDArray[np.int64]], limit_m: float
) -> NDArray[np.int32]:
    """Return the cm (k, v) of `WalkNetwork.reach`, a few rows at a time: that takes less memory."""
    cm = np.empty((len(node), len(network)), dtype=np.int32)
    for low in range(0, len(node), ROWS_TOGETHER):
        some = slice(low, low + ROWS_TOGETHER)
        cm[some] = network.reach(node[some], limit_m=limit_m).cm
        give_back(len(network))
    return cm
