"""Lay out again only the blocks around an edit, and say what is another way there.

The surroundings of an edit are cut out of the layers (whole rows, nothing is clipped), edited and
laid out by `lay_ground` like any study. What comes out is held against the network of the base:
links that both have are the same links; the others have gone or come. So whatever the rules for
walls, gates and ways to the street are, an edit obeys them as a new layout would.

How far to look follows from the ways to the street: a place sees no farther than its own way. If
a way of the new layout turns out longer than was looked, it is laid out once more, farther.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Layer, Study
from gis.network import Ground, WalkNetwork
from gis.scenario.base import LOOKED_UP, Base, NewDoor, laid
from gis.scenario.plan import Rows

NEAR_M: Final = 60.0
"""How far is looked at first: few ways to the street are longer."""

_KINDS: Final = (*LOOKED_UP, "heights")


@dataclass(frozen=True, eq=False)
class Moves:
    """Nodes that owners lose and get: pairs (m, 2) of owner and node, a pair once per time."""

    gone: NDArray[np.int64]
    come: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Moves]) -> Moves:
        """Put several into one."""
        none = [np.empty((0, 2), dtype=np.int64)]
        return cls(
            np.concatenate(none + [part.gone for part in parts]),
            np.concatenate(none + [part.come for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Splice:
    """What an edit does to the network of a base.

    ``nodes`` new ones, numbered after those of the base; ``links`` (m, 2) new links and ``cost``,
    for each group (m, 2) their costs; ``gone`` (c,) links of the base that are no more; ``starts``
    the nodes where homes start, by row; ``doors`` the nodes where facilities are entered, by row;
    ``new_doors`` the facilities that the base does not have.
    """

    nodes: int
    links: NDArray[np.int64]
    cost: tuple[NDArray[np.int64], ...]
    gone: NDArray[np.int64]
    starts: Moves
    doors: Moves
    new_doors: tuple[NewDoor, ...]

    @classmethod
    def joined(cls, parts: Sequence[Splice]) -> Splice:
        """Put the splices of places that do not touch into one."""
        return cls(
            nodes=sum(part.nodes for part in parts),
            links=np.concatenate([part.links for part in parts]),
            cost=tuple(np.concatenate(cost) for cost in zip(*(p.cost for p in parts), strict=True)),
            gone=np.concatenate([part.gone for part in parts]),
            starts=Moves.joined([part.starts for part in parts]),
            doors=Moves.joined([part.doors for part in parts]),
            new_doors=tuple(door for part in parts for door in part.new_doors),
        )


def new_door(values: Mapping[str, Any], node: NDArray[np.int64]) -> NewDoor:
    """Return a facility that is to come, by the columns of its row."""
    sizes = [values.get(column) for column in ("floor_area_m2", "land_area_m2")]
    floor, land = (np.nan if size is None else float(size) for size in sizes)
    return NewDoor(str(values["category"]), floor, land, node)


def splice_of(base: Base, rows: Rows) -> Splice:
    """Lay out the surroundings of an edit, and compare.

    Places far from each other are laid out each on its own.
    """
    first_new = len(base.ground.network)
    parts: list[Splice] = []
    for places in _apart(rows.places, NEAR_M):
        parts.append(_splice_at(base, rows, places, first_new))
        first_new += parts[-1].nodes
    return Splice.joined(parts)


def _apart(places: Sequence[shapely.Geometry], margin_m: float) -> list[list[shapely.Geometry]]:
    """Put places whose surroundings touch together."""
    low, high = np.hsplit(shapely.bounds(np.asarray(places, dtype=object)), 2)
    low, high = low - 3 * margin_m, high + 3 * margin_m
    label = np.arange(len(places))
    for i in range(len(places)):
        near = (low <= high[i]).all(axis=1) & (high >= low[i]).all(axis=1)
        label[np.isin(label, label[near])] = label[near].min()
    return [[places[int(i)] for i in np.flatnonzero(label == k)] for k in np.unique(label)]


def _splice_at(
    base: Base, rows: Rows, places: Sequence[shapely.Geometry], first_new: int
) -> Splice:
    look_m = min(NEAR_M, base.options["longest_link_m"])
    while True:
        box = _Box.around(places, look_m)
        wide = _seen_from(base, box, look_m)
        part = _part(base, rows, wide)
        after = rows.within(wide.shape).apply(part.study)
        ground = laid(after, base.options)
        needed_m = _longest_leg_m(ground, box, base.options["longest_link_m"])
        if needed_m <= look_m:
            return _Comparison(base, part, after, ground, box).splice(first_new)
        look_m = needed_m


@dataclass(frozen=True, eq=False)
class _Box:
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def around(cls, places: Sequence[shapely.Geometry], margin_m: float) -> _Box:
        bounds = shapely.total_bounds(np.asarray(places, dtype=object))
        return cls(bounds[:2], bounds[2:]).grown(margin_m)

    def grown(self, margin_m: float) -> _Box:
        return _Box(self.low - margin_m, self.high + margin_m)

    def with_bounds(self, other: _Box) -> _Box:
        return _Box(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def covers(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((low >= self.low).all(axis=1) & (high <= self.high).all(axis=1))

    def touches(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((low <= self.high).all(axis=1) & (high >= self.low).all(axis=1))

    def holds(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(((xy >= self.low) & (xy <= self.high)).all(axis=-1))

    @property
    def shape(self) -> shapely.Geometry:
        return shapely.box(*self.low, *self.high)


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows cut out of a study; ``row`` are their rows in it, by kind."""

    study: Study
    row: dict[str, NDArray[np.int64]]


def _part(base: Base, rows: Rows, box: _Box) -> _Part:
    """Cut the rows that touch a box out of a study; one walked street and one estate at least."""
    layers: dict[str, Layer] = {}
    taken: dict[str, NDArray[np.int64]] = {}
    for kind in _KINDS:
        if kind not in base.study:
            continue
        layer = base.study.layer(kind)
        if kind == "heights":
            # All of them: where they end, the ground is unknown and would be walked as flat.
            layers[kind], taken[kind] = layer, np.arange(len(layer))
            continue
        # The frame keeps its index, so that it is built once for all edits of a base.
        found = layer.frame.sindex.query(box.shape, predicate="intersects")
        come = rows.moved_into(kind, box.shape)
        if come:
            found = np.append(found, np.flatnonzero(layer.frame["uid"].isin(come)))
        found = np.unique(found).astype(np.int64)
        if kind == "streets" and not np.isin(found, base.walked).any():
            found = np.unique(np.append(found, base.walked[0]))
        if kind == "estates" and len(found) == 0:
            found = np.zeros(1, dtype=np.int64)
        if kind == "buildings":
            # Without all its buildings an estate would start at its gates instead.
            own = base.homes.building[np.isin(base.homes.estate, taken["estates"])]
            found = np.union1d(found, own[own >= 0])
        if len(found):
            layers[kind] = Layer(layer.kind, layer.frame.iloc[found].reset_index(drop=True))
            taken[kind] = found
    return _Part(Study(layers, none_of=base.study.none_of), taken)


def _seen_from(base: Base, box: _Box, look_m: float) -> _Box:
    """Return a box of all that can matter inside ``box``.

    That is what lies near it; the whole of estates and facilities that begin in it, since their
    places are chosen along all of their outline; and whatever is linked to a street in it.
    """
    seen = box.grown(2 * look_m)
    for kind in ("estates", "facilities"):
        if kind in base.study:
            layer = base.study.layer(kind)
            rows = layer.frame.sindex.query(box.shape, predicate="intersects")
            if len(rows):
                bounds = shapely.total_bounds(layer.geometries[rows])
                seen = seen.with_bounds(_Box(bounds[:2], bounds[2:]).grown(look_m))
    network = base.ground.network
    links = base.grid.within(box.low, box.high)
    links = links[network.street[links] < 0]
    if len(links):
        low, high = _bounds(network, links)
        seen = seen.with_bounds(_Box(low.min(axis=0), high.max(axis=0)).grown(1.0))
    return seen


def _longest_leg_m(ground: Ground, box: _Box, longest_link_m: float) -> float:
    """Return the longest way to the street inside; one that is not linked has looked that far."""
    xy = np.concatenate([ground.origins.xy, ground.doors.xy])
    leg_m = np.concatenate([ground.origins.leg_m, ground.doors.leg_m])
    leg_m = np.where(np.isnan(leg_m), longest_link_m, leg_m)
    return float(leg_m[box.holds(xy)].max(initial=0.0))


@dataclass(frozen=True, eq=False)
class _Keys:
    """What a link is known by: its street, both ends to the last digit, its length."""

    key: list[tuple[float, ...]]
    flat: NDArray[np.bool_]
    """(m,) both ends are in one place, so the ends cannot be told apart."""

    @classmethod
    def of(cls, network: WalkNetwork, links: NDArray[np.int64], street: NDArray[np.int64]) -> _Keys:
        lines = network.lines
        a, b = lines.xy[lines.start[links]], lines.xy[lines.start[links + 1] - 1]
        table = np.column_stack([street, a, b, network.length_cm[links]])
        return cls([tuple(row) for row in table.tolist()], (a == b).all(axis=1))


class _Match:
    """Which node of a new layout is which node of the base."""

    def __init__(self, base: WalkNetwork, base_links: NDArray[np.int64], new: WalkNetwork) -> None:
        self._base = base
        self._base_links = base_links
        self._new = new
        self.node = np.full(len(new), -1, dtype=np.int64)
        self.base_of = np.full(len(new.links), -1, dtype=np.int64)
        """(m,) the link of the base that each link is, -1 where it is none."""
        self._free = np.ones(len(base_links), dtype=bool)

    def run(self, base_street: NDArray[np.int64], new_street: NDArray[np.int64]) -> None:
        own = _Keys.of(self._base, self._base_links, base_street)
        other = _Keys.of(self._new, np.arange(len(self._new.links)), new_street)
        times, again = Counter(own.key), Counter(other.key)
        where = {key: place for place, key in enumerate(own.key)}
        pairs = [
            (where[key], place)
            for place, key in enumerate(other.key)
            if not other.flat[place] and times[key] == 1 and again[key] == 1
        ]
        mine, theirs = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        self.node[self._new.links[theirs]] = self._base.links[self._base_links[mine]]
        self.base_of[theirs] = self._base_links[mine]
        self._free[mine] = False
        self._places()
        self._rest(own, other)

    def _places(self) -> None:
        """Match nodes of streets that no link vouches for, where one node is all there is."""
        mine = np.unique(self._base.links[self._base_links])
        where: dict[tuple[float, float], list[int]] = {}
        for node, xy in zip(mine.tolist(), self._base.xy[mine].tolist(), strict=True):
            where.setdefault((xy[0], xy[1]), []).append(node)
        there = Counter(map(tuple, self._new.xy.tolist()))
        streets = np.unique(self._new.links[self._new.street >= 0])
        used = set(self.node.tolist())
        for node in streets[self.node[streets] < 0].tolist():
            place = tuple(self._new.xy[node].tolist())
            found = where.get(place, [])
            if there[place] == 1 and len(found) == 1 and found[0] not in used:
                self.node[node] = found[0]

    def _rest(self, own: _Keys, other: _Keys) -> None:
        """Match the links that are left by their nodes: those of 0 cm, and equal ones."""
        places: dict[tuple[int, int, tuple[float, ...]], list[int]] = {}
        for place in np.flatnonzero(self._free).tolist():
            a, b = self._base.links[self._base_links[place]].tolist()
            places.setdefault((a, b, own.key[place]), []).append(place)
        for place in np.flatnonzero(self.base_of < 0).tolist():
            a, b = self.node[self._new.links[place]].tolist()
            found = places.get((a, b, other.key[place]), [])
            if found:
                self.base_of[place] = self._base_links[found.pop()]


def _bounds(
    network: WalkNetwork, links: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners (m, 2) of the boxes around links (m,)."""
    lines = network.lines.take(links)
    if len(links) == 0:
        return np.empty((0, 2)), np.empty((0, 2))
    starts = lines.start[:-1]
    return np.minimum.reduceat(lines.xy, starts), np.maximum.reduceat(lines.xy, starts)


class _Comparison:
    """A new layout of some blocks, held against the base."""

    def __init__(self, base: Base, part: _Part, after: Study, ground: Ground, box: _Box) -> None:
        self._base, self._part, self._after, self._ground, self._box = (
            base, part, after, ground, box,
        )  # fmt: skip

    def splice(self, first_new: int) -> Splice:
        base, new = self._base, self._ground.network
        old = base.ground.network
        all_new = np.arange(len(new.links))
        low, high = _bounds(new, all_new)
        reach = self._box
        if len(low):
            reach = reach.with_bounds(_Box(low.min(axis=0), high.max(axis=0)))
        candidates = base.grid.within(reach.low, reach.high)
        match = _Match(old, candidates, new)
        match.run(old.street[candidates].astype(np.int64), self._street_rows())
        gone, fresh = self._changes(match, candidates, self._box.touches(low, high))
        node = match.node
        ends = np.unique(new.links[fresh])
        own = ends[node[ends] < 0]
        node[own] = first_new + np.arange(len(own))
        points = _Points(node, first_new + len(own))
        starts = self._starts(points)
        doors, new_doors = self._doors(points)
        return Splice(
            nodes=points.next - first_new,
            links=node[new.links[fresh]].astype(np.int64),
            cost=tuple(
                costing.costs(new, costing.closed(self._ground))[fresh].astype(np.int64)
                for costing in (group.costing for group in base.groups)
            ),
            gone=gone,
            starts=starts,
            doors=doors,
            new_doors=new_doors,
        )

    def _street_rows(self) -> NDArray[np.int64]:
        """Return (m,) the row of each link's street in the base; -1 no street, -2 a new one."""
        street = self._ground.network.street
        rows = self._part.row["streets"]
        added = len(self._after.layer("streets")) - len(rows)
        known = np.concatenate([rows, np.full(added, -2), [-1]])
        return known[street]

    def _changes(
        self, match: _Match, candidates: NDArray[np.int64], touches: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the links of the base that go and those of the layout that come."""
        closed, was_closed = self._ground.closed, self._base.ground.closed
        kept = match.base_of >= 0
        shut_before = np.zeros(len(closed), dtype=bool)
        shut_before[kept] = was_closed[match.base_of[kept]]
        fresh = np.flatnonzero(~closed & np.where(kept, shut_before, touches))
        left = np.setdiff1d(candidates, match.base_of[kept])
        left = left[~was_closed[left]]
        left = left[self._box.covers(*_bounds(self._base.ground.network, left))]
        shut = match.base_of[kept & closed & ~shut_before]
        return np.concatenate([left, shut]), fresh

    def _starts(self, points: _Points) -> Moves:
        before, after = self._base.ground.origins, self._ground.origins
        row = self._part.row["estates"]
        buildings = np.append(self._part.row.get("buildings", np.empty(0, dtype=np.int64)), -1)
        was = self._base.home_at(before.estate, before.building)
        now = self._base.home_at(row[after.estate], buildings[after.building])
        known = now >= 0
        return _differing(
            was, before.node, self._box.holds(before.xy),
            now[known], points.of(after.node)[known], self._box.holds(after.xy)[known],
        )  # fmt: skip

    def _doors(self, points: _Points) -> tuple[Moves, tuple[NewDoor, ...]]:
        before, after = self._base.ground.doors, self._ground.doors
        frame = self._after.frame("facilities")
        place = self._facility_rows(frame["uid"].tolist())
        facility = place[after.facility] if len(after.node) else after.facility
        node = points.of(after.node)
        known = facility >= 0
        doors = _differing(
            before.facility, before.node, self._box.holds(before.xy),
            facility[known], node[known], self._box.holds(after.xy[known]),
        )  # fmt: skip
        new_doors = tuple(
            new_door(frame.iloc[row].to_dict(), own[own >= 0])
            for row in np.flatnonzero(place < 0)
            for own in [node[after.facility == row]]
        )
        return doors, new_doors

    def _facility_rows(self, uids: list[str]) -> NDArray[np.int64]:
        if "facilities" not in self._part.study:
            return np.full(len(uids), -1, dtype=np.int64)
        known = self._part.study.layer("facilities").uids.tolist()
        where = dict(zip(known, self._part.row["facilities"].tolist(), strict=True))
        return np.array([where.get(uid, -1) for uid in uids], dtype=np.int64)


class _Points:
    """Nodes of the base for nodes of a layout; what leads nowhere gets a node of its own."""

    def __init__(self, node: NDArray[np.int64], next_free: int) -> None:
        self._node = node
        self.next = next_free

    def of(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (n,) nodes of the base or new ones; -1 stays -1."""
        for node in np.unique(nodes[nodes >= 0]).tolist():
            if self._node[node] < 0:
                self._node[node] = self.next
                self.next += 1
        return np.where(nodes >= 0, self._node[nodes], -1)


def _differing(
    owner: NDArray[np.int64],
    node: NDArray[np.int64],
    inside: NDArray[np.bool_],
    new_owner: NDArray[np.int64],
    new_node: NDArray[np.int64],
    new_inside: NDArray[np.bool_],
) -> Moves:
    """Compare the pairs of owner and node inside; a node of -1 is none."""
    inside, new_inside = inside & (node >= 0), new_inside & (new_node >= 0)
    was = Counter(zip(owner[inside].tolist(), node[inside].tolist(), strict=True))
    now = Counter(zip(new_owner[new_inside].tolist(), new_node[new_inside].tolist(), strict=True))
    gone, come = (
        np.array(list(pairs.elements()), dtype=np.int64).reshape(-1, 2)
        for pairs in (was - now, now - was)
    )
    return Moves(gone, come)
