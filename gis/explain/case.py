"""One estate and one rule on the ground: its walk, and the same walk after a change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from gis.model import Finding, Study
from gis.network import Ground, WalkNetwork
from gis.network.attach import blockers_of, nearest_free
from gis.network.effort import costs_of
from gis.network.heights import with_heights
from gis.network.polylines import Polylines
from gis.network.route import Route, walked_route
from gis.rules import Rule
from gis.walkers import Walker

BEYOND_CM: Final = 2**40
"""Farther than anything is searched; sums of a few still fit 64 bits."""


@dataclass(frozen=True, eq=False)
class Walk:
    """A walk from a start to a door: what it costs in flat cm, and where it leads.

    ``start`` is the place in the starts it was asked from, ``facility`` the row of the layer.
    """

    cost_cm: int
    metres: float
    seconds: float
    start: int
    facility: int
    route: Route


@dataclass(frozen=True, eq=False)
class Feet:
    """n places beside streets: the link (n,) where the straight way ends (-1: none), how far along.

    ``share`` (n,) of the course, ``xy`` and ``foot`` (n, 2) m, ``leg_cm`` (n,) what the leg costs.
    """

    xy: NDArray[np.float64]
    link: NDArray[np.int64]
    share: NDArray[np.float64]
    foot: NDArray[np.float64]
    leg_cm: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Feet:
        """Return the places ``rows``."""
        return Feet(
            self.xy[rows], self.link[rows], self.share[rows], self.foot[rows], self.leg_cm[rows]
        )


@dataclass(frozen=True, eq=False)
class Case:
    """What is needed to ask how one home walks to what one rule wants.

    ``network`` has the costs of the walker and of the rule's mode; ``time_cm`` (e, 2) int32 are
    costs in time mode, which tell seconds; ``home`` (s,) nodes where people start, ``gate`` and
    ``building`` (s,) the rows of each, -1 for none; ``door`` (m,) nodes of the facilities that
    count and ``facility`` (m,) their rows; ``lost`` the rows of those that no street leads to,
    ``small`` those too small to count. ``back``: costs are those of the way from door to home.
    """

    study: Study
    ground: Ground
    rule: Rule
    walker: Walker
    network: WalkNetwork
    time_cm: NDArray[np.int32]
    terrain: bool
    estate: int
    home: NDArray[np.int64]
    gate: NDArray[np.int64]
    building: NDArray[np.int64]
    door: NDArray[np.int64]
    facility: NDArray[np.int64]
    lost: NDArray[np.int64]
    small: NDArray[np.int64]
    counted: bool
    longest_link_m: float
    back: bool = False
    findings: tuple[Finding, ...] = ()

    def starting_at(self, kept: NDArray[np.bool_]) -> Case:
        """Return the case with only some of its starts."""
        return replace(
            self, home=self.home[kept], gate=self.gate[kept], building=self.building[kept]
        )

    def turned(self) -> Case:
        """Return the case of the way back: each link costs what it costs walked the other way."""
        cost = self.network.cost_cm
        network = self.network
        if cost is not None:
            network = network.with_costs(np.ascontiguousarray(cost[:, ::-1]))
        time_cm = np.ascontiguousarray(self.time_cm[:, ::-1])
        return replace(self, network=network, time_cm=time_cm, back=not self.back)

    @property
    def limit_cm(self) -> int:
        """What the walk may cost, inclusive."""
        return self.rule.limit_cm(self.walker)

    @cached_property
    def cost(self) -> NDArray[np.int64]:
        """(e, 2) what links cost now, `BEYOND_CM` where closed."""
        cost = self.network.cost_cm
        if cost is None:
            cost = np.repeat(self.network.length_cm[:, None], 2, axis=1)
        return np.where(cost < 0, BEYOND_CM, cost.astype(np.int64))

    @cached_property
    def there(self) -> NDArray[np.int64]:
        """(v,) cm from each node to the nearest door."""
        reach = self.network.reach([self.door], limit_m=np.inf)
        return np.where(reach.cm[0] < 0, BEYOND_CM, reach.cm[0].astype(np.int64))

    @cached_property
    def here(self) -> NDArray[np.int64]:
        """(v,) cm from home to each node."""
        reach = self.network.reach([self.home], limit_m=np.inf, toward=False)
        return np.where(reach.cm[0] < 0, BEYOND_CM, reach.cm[0].astype(np.int64))

    @cached_property
    def walk(self) -> Walk | None:
        """The walk as it is; None where no door can be reached."""
        return self.search(self.network, self.time_cm)

    def search(
        self,
        network: WalkNetwork,
        time_cm: NDArray[np.int32],
        *,
        home: NDArray[np.int64] | None = None,
        door: NDArray[np.int64] | None = None,
        facility: NDArray[np.int64] | None = None,
    ) -> Walk | None:
        """Search the walk on another network, or from and to other places."""
        home = self.home if home is None else home
        door = self.door if door is None else door
        facility = self.facility if facility is None else facility
        reach = network.reach([door], limit_m=np.inf)
        cm = np.where(reach.cm[0, home] < 0, BEYOND_CM, reach.cm[0, home].astype(np.int64))
        if len(cm) == 0 or cm.min() >= BEYOND_CM:
            return None
        start = int(cm.argmin())
        node = int(home[start])
        route = walked_route(network, reach, door, node)
        if route is None:
            return None
        return Walk(
            cost_cm=int(cm[start]),
            metres=route.metres,
            seconds=self.seconds_of(route, time_cm),
            start=start,
            facility=int(facility[reach.nearest[0, node]]),
            route=route,
        )

    def seconds_of(self, route: Route, time_cm: NDArray[np.int32]) -> float:
        """Return what the walker needs for a route; closed links count as their length."""
        cm = time_cm[route.links, np.where(route.along, 0, 1)].astype(np.int64)
        return float(np.where(cm < 0, route.length_cm, cm).sum()) / 100 / self.walker.speed_m_s

    def opened(self, links: NDArray[np.int64]) -> WalkNetwork:
        """Return the network with closed links opened at their length."""
        cost = np.where(self.cost >= BEYOND_CM, -1, self.cost).astype(np.int32)
        cost[links] = self.network.length_cm[links, None]
        return self.network.with_costs(cost)

    def with_costs_of(
        self, walker: Walker, network: WalkNetwork, *, terrain: bool
    ) -> tuple[WalkNetwork, NDArray[np.int32]]:
        """Return the network as another walker, or without some traits, and its time costs."""
        network, time_cm = costed(network, self.rule, walker, self.ground.closed, terrain=terrain)
        if not self.back or network.cost_cm is None:
            return network, time_cm
        turned = network.with_costs(np.ascontiguousarray(network.cost_cm[:, ::-1]))
        return turned, np.ascontiguousarray(time_cm[:, ::-1])

    # -- Places beside the streets

    def feet_of(
        self, places: NDArray[np.object_], blockers: NDArray[np.object_] | None = None
    ) -> Feet:
        """Link places (n,) to the nearest open street past all blockers, as `attach` would."""
        network = self.network
        near = self._links_near(places)
        walls = blockers_of(self.study) if blockers is None else blockers
        lines = network.lines.take(near)
        found = nearest_free(
            places, lines.shapes, longest_link_m=self.longest_link_m, blockers=walls
        )
        linked = found.line >= 0
        link = np.full(len(places), -1, dtype=np.int64)
        link[linked] = near[found.line[linked]]
        share = np.zeros(len(places))
        courses = lines.shapes[found.line[linked]] if linked.any() else np.empty(0, dtype=object)
        share[linked] = shapely.line_locate_point(
            courses, shapely.points(found.foot[linked]), normalized=True
        )
        leg = np.where(linked & self.counted, found.leg_cm, 0)
        return Feet(found.start, link, share, found.foot, leg.astype(np.int64))

    def _links_near(self, places: NDArray[np.object_]) -> NDArray[np.int64]:
        """Links of streets that are open, with a part within the longest link of the places."""
        lines = self.network.lines
        low_x, low_y, high_x, high_y = shapely.total_bounds(places)
        far = self.longest_link_m + 1.0
        first = lines.start[:-1]
        x, y = lines.xy.T
        near = np.maximum.reduceat(x, first) >= low_x - far
        near &= np.minimum.reduceat(x, first) <= high_x + far
        near &= np.maximum.reduceat(y, first) >= low_y - far
        near &= np.minimum.reduceat(y, first) <= high_y + far
        open_ = (self.cost < BEYOND_CM).any(axis=1)
        return np.flatnonzero(near & open_ & (self.network.street >= 0))

    def from_feet(self, feet: Feet) -> NDArray[np.int64]:
        """(n,) cm from each place to the nearest door."""
        return self._beside(feet, self.there, out=0)

    def to_feet(self, feet: Feet) -> NDArray[np.int64]:
        """(n,) cm from home to each place."""
        return self._beside(feet, self.here, out=1)

    def _beside(self, feet: Feet, cm: NDArray[np.int64], out: int) -> NDArray[np.int64]:
        linked = feet.link >= 0
        link = np.where(linked, feet.link, 0)
        if len(self.cost) == 0:
            return np.full(len(link), BEYOND_CM, dtype=np.int64)
        a, b = self.network.links[link].T
        # Leaving the place towards the end of the course costs as the course does (column 0).
        to_b = _part(self.cost[link, out], 1 - feet.share)
        to_a = _part(self.cost[link, 1 - out], feet.share)
        best = np.minimum(cm[a] + to_a, cm[b] + to_b) + feet.leg_cm
        return np.where(linked, np.minimum(best, BEYOND_CM), BEYOND_CM)

    def added(
        self, feet: Feet, *, path: bool = False, inside: bool = False
    ) -> tuple[WalkNetwork, NDArray[np.int32]]:
        """Return the network with nodes at places, and its time costs.

        The new nodes are the last ones, in the order of the places. Each is joined to both ends of
        its link, along its course. ``path``: the first two are joined straight to each other.
        ``inside``: the first is joined straight to where the home starts.
        """
        count = len(self.network.xy)
        new = _NewLinks(self, count, count + len(feet.link))
        for row in range(len(feet.link)):
            new.join_to_street(feet, row)
        if path:
            new.join(count, count + 1, feet.xy[:2])
        if inside:
            start = int(self.home[0])
            new.join(start, count, np.stack([self.network.xy[start], feet.xy[0]]))
        xy = np.concatenate([self.network.xy, feet.xy, *new.feet])
        return new.network(xy)


class _NewLinks:
    """Links that are put into a network, gathered one by one."""

    def __init__(self, case: Case, first: int, free: int) -> None:
        self.case, self.first, self.free = case, first, free
        self.feet: list[NDArray[np.float64]] = []
        self.pairs: list[tuple[int, int]] = []
        self.length: list[int] = []
        self.cost: list[tuple[int, int]] = []
        self.time: list[tuple[int, int]] = []
        self.street: list[int] = []
        self.lines: list[shapely.Geometry] = []

    def join(self, a: int, b: int, xy: NDArray[np.float64], cm: int | None = None) -> None:
        line = shapely.LineString(xy)
        cm = round(line.length * 100) if cm is None else cm
        self._add(a, b, line, cm, (cm, cm), (cm, cm), -1)

    def _add(
        self,
        a: int,
        b: int,
        line: shapely.Geometry,
        length: int,
        cost: tuple[int, int],
        time: tuple[int, int],
        street: int,
    ) -> None:
        self.pairs.append((a, b))
        self.lines.append(line)
        self.length.append(length)
        self.cost.append(cost)
        self.time.append(time)
        self.street.append(street)

    def join_to_street(self, feet: Feet, row: int) -> None:
        """Make a node at the foot, the leg to it, and the two parts of the course."""
        case, link = self.case, int(feet.link[row])
        if link < 0:
            return
        network, foot = case.network, self.free
        self.free += 1
        self.feet.append(feet.foot[row : row + 1])
        leg = np.stack([feet.xy[row], feet.foot[row]])
        self.join(self.first + row, foot, leg, int(feet.leg_cm[row]))
        course, share = network.lines.take(np.array([link])).shapes[0], float(feet.share[row])
        a, b = network.links[link].tolist()
        for node, low, high in ((a, share, 0.0), (b, share, 1.0)):
            part = abs(high - low)
            # Away from the foot runs along the course towards b, against it towards a.
            out, back = (0, 1) if high == 1.0 else (1, 0)
            self._add(
                foot,
                node,
                substring(course, low, high, normalized=True),
                round(int(network.length_cm[link]) * part),
                _both(case.cost[link], part, out, back),
                _both(case.time_cm[link], part, out, back),
                int(network.street[link]),
            )

    def network(self, xy: NDArray[np.float64]) -> tuple[WalkNetwork, NDArray[np.int32]]:
        case = self.case
        old = np.where(case.cost >= BEYOND_CM, -1, case.cost).astype(np.int32)
        lines = [_two_vertices(line) for line in self.lines]
        network = replace(
            case.network,
            xy=xy,
            links=_joined(case.network.links, self.pairs),
            length_cm=_joined(case.network.length_cm, self.length),
            lines=case.network.lines.joined(Polylines.from_lines(np.array(lines, dtype=object))),
            street=_joined(case.network.street, self.street),
            cost_cm=_joined(old, self.cost),
        )
        return self._on_slopes(network, _joined(case.time_cm, self.time))

    def _on_slopes(
        self, network: WalkNetwork, time_cm: NDArray[np.int32]
    ) -> tuple[WalkNetwork, NDArray[np.int32]]:
        """Let new ways lie on the ground, as all legs do; pieces of streets keep their costs."""
        case = self.case
        new = np.arange(len(case.network.links), len(network.links))
        new = new[network.street[new] < 0]
        # Where two streets touch without being joined, the way between them is 0 m long and has no
        # slope.
        if not case.terrain or not network.length_cm[new].any():
            return network, time_cm
        ways = WalkNetwork(
            xy=network.xy,
            links=network.links[new],
            length_cm=network.length_cm[new],
            lines=network.lines.take(new),
            street=network.street[new],
        )
        ways, _ = with_heights(ways, case.study)
        if np.isnan(ways.lines.z).all():
            return network, time_cm
        # Heights are asked for of streets only: here each way is one, without any traits.
        ways = replace(ways, street=np.zeros(len(new), dtype=np.int32))
        closed = np.zeros(len(new), dtype=bool)
        ways, way_cm = costed(ways, case.rule, case.walker, closed, terrain=True)
        cost = np.array(network.cost_cm)
        turn = slice(None, None, -1) if case.back else slice(None)
        cost[new], time_cm[new] = np.array(ways.cost_cm)[:, turn], way_cm[:, turn]
        return network.with_costs(cost), time_cm


def _joined(old: NDArray[np.int32], new: Iterable[object]) -> NDArray[np.int32]:
    more = np.array(list(new), dtype=np.int32).reshape(-1, *old.shape[1:])
    return np.concatenate([old, more])


def _two_vertices(line: shapely.Geometry) -> shapely.LineString:
    """Make a line of what may be the point at the very end of a course."""
    xy = shapely.get_coordinates(line)
    return shapely.LineString(np.repeat(xy, 2, axis=0) if len(xy) == 1 else xy)


def _both(cost: NDArray[np.integer], share: float, out: int, back: int) -> tuple[int, int]:
    closed = [int(cost[side]) < 0 or int(cost[side]) >= BEYOND_CM for side in (out, back)]
    parts = [round(int(cost[side]) * share) for side in (out, back)]
    return (-1 if closed[0] else parts[0], -1 if closed[1] else parts[1])


def _part(cost: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(cost >= BEYOND_CM, BEYOND_CM, np.rint(cost * share)).astype(np.int64)


def costed(
    network: WalkNetwork,
    rule: Rule,
    walker: Walker,
    closed: NDArray[np.bool_],
    *,
    terrain: bool,
) -> tuple[WalkNetwork, NDArray[np.int32]]:
    """Return the network with the costs of a rule's mode, and the costs (e, 2) of time mode."""
    time_cm, _ = costs_of(network, walker, mode="time", terrain=terrain, closed=closed)
    if rule.limit_m is None:
        return network.with_costs(time_cm), time_cm
    cost, _ = costs_of(network, walker, mode="distance", terrain=terrain, closed=closed)
    return network.with_costs(cost), time_cm
