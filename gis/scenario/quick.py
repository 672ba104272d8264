"""Edits that need no new layout: gates that open and shut, facilities that come, go or move.

A gate has its nodes and links at every hour; only whether they are open changes. A new door is
linked to its street by the same code as in a layout, on the few streets around it. Its street is
cut a last time then, where a new layout would cut all its streets at once; so walks may differ by
the rounding of a cut, `SLACK_CM` at most. `what_if` lays out anew where so little decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.hours import open_now
from gis.network import WalkNetwork, attach
from gis.network.attach import Refused
from gis.network.yards import Yards
from gis.scenario.base import Base
from gis.scenario.local import NEAR_M, Moves, Splice, new_door
from gis.scenario.plan import Rows

NOT_FOR_WALKERS = ("cars", "closed")
_FARTHER = 2.5
_TIE_M = 0.01
_POINT = 0
_NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def quick_splice(base: Base, rows: Rows) -> Splice | None:
    """Say what an edit does to the network, where that is known without laying anything out.

    None: something else is edited, slopes count (a street cut in two has two slopes), a new door
    finds no street by itself, or gates decide whether people get out of their buildings.
    """
    if base.options["terrain"]:
        return None
    if base.options["origin"] == "building" and "gates" in rows.changed:
        return None
    if rows.added.keys() - {"facilities"} or rows.dropped.keys() - {"facilities"}:
        return None
    if rows.changed.keys() - {"facilities", "gates"}:
        return None
    parts = [_gate(base, uid, values) for uid, values in rows.changed.get("gates", {}).items()]
    first_new = len(base.ground.network)
    uids = base.study.frame("facilities")["uid"]
    parts += [_without(base, _row_of(uids, uid)) for uid in rows.dropped.get("facilities", ())]
    places: list[tuple[Any, int | None, Mapping[str, Any]]] = [
        (row["geometry"], None, row) for row in rows.added.get("facilities", ())
    ]
    for uid, values in rows.changed.get("facilities", {}).items():
        row = _row_of(uids, uid)
        parts.append(_without(base, row))
        places.append((values["geometry"], row, values))
    for point, owner, of_row in places:
        # What is not a point is entered in several places, as a layout finds them.
        if shapely.get_type_id(point) != _POINT:
            return None
        part = _door(base, shapely.get_coordinates(point), owner, of_row, first_new)
        if part is None:
            return None
        first_new += part.nodes
        parts.append(part)
    return Splice.joined(parts)


def _row_of(uids: pd.Series[str], uid: str) -> int:
    return int(np.flatnonzero((uids == uid).to_numpy(dtype=bool))[0])


def _splice(base: Base, **parts: Any) -> Splice:
    """Return a splice of which only some parts are not empty."""
    nothing: dict[str, Any] = {
        "nodes": 0,
        "links": _NO_PAIRS,
        "cost": tuple(_NO_PAIRS for _ in base.groups),
        "gone": np.empty(0, dtype=np.int64),
        "starts": Moves(_NO_PAIRS, _NO_PAIRS),
        "doors": Moves(_NO_PAIRS, _NO_PAIRS),
        "new_doors": (),
    }
    return Splice(**(nothing | parts))


def _gate(base: Base, uid: str, values: dict[str, Any]) -> Splice:
    frame = base.study.frame("gates")
    row = _row_of(frame["uid"], uid)
    cells = [frame[column].iat[row] for column in ("access", "hours")]
    before = _is_open(cells[0], cells[1], base.options["at"])
    after = _is_open(
        values.get("access", cells[0]), values.get("hours", cells[1]), base.options["at"]
    )
    if before == after:
        return _splice(base)
    return open_gate(base, row) if after else shut_gate(base, row)


def _is_open(access: Any, hours: Any, at: str) -> bool:
    open_, _ = open_now([hours], at)
    return bool(open_[0]) and access not in NOT_FOR_WALKERS


def shut_gate(base: Base, row: int) -> Splice:
    """Say what changes when the open gate ``row`` is shut."""
    ground = base.ground
    here = ground.passages.gate == row
    return _splice(
        base, gone=ground.passages.link[here], starts=Moves(_starts(base, row), _NO_PAIRS)
    )


def open_gate(base: Base, row: int) -> Splice:
    """Say what changes when the shut gate ``row`` is opened.

    Where people start at their buildings, and no other gate of the estate is open, nobody there
    is linked in the base, so that this does not hold.
    """
    ground = base.ground
    link = ground.passages.link[ground.passages.gate == row]
    pairs = _starts(base, row)
    cost = ground.network.length_cm[link].astype(np.int64)
    return _splice(
        base,
        links=ground.network.links[link].astype(np.int64),
        cost=tuple(np.stack([cost, cost], axis=1) for _ in base.groups),
        starts=Moves(_NO_PAIRS, pairs),
    )


def _starts(base: Base, row: int) -> NDArray[np.int64]:
    """Return pairs (m, 2) of the homes that start at the gate ``row`` itself, and its nodes."""
    gates = base.ground.gates
    own = gates.gate == row
    home = base.home_at(gates.estate[own], np.full(int(own.sum()), -1))
    pairs = np.stack([home, gates.node[own]], axis=1)
    return pairs[(pairs >= 0).all(axis=1)]


def _without(base: Base, row: int) -> Splice:
    nodes = base.ground.doors.node[base.ground.doors.facility == row]
    nodes = nodes[nodes >= 0]
    return _splice(
        base, doors=Moves(np.stack([np.full(len(nodes), row), nodes], axis=1), _NO_PAIRS)
    )


def _door(
    base: Base,
    xy: NDArray[np.float64],
    owner: int | None,
    values: Mapping[str, Any],
    first_new: int,
) -> Splice | None:
    """Link a new door (1, 2) to its street; of a known facility, or of a new one of ``values``."""
    longest_m = base.options["longest_link_m"]
    radius_m = min(NEAR_M, longest_m)
    while True:
        links = base.grid.within(xy[0] - radius_m - 1.0, xy[0] + radius_m + 1.0)
        links = links[base.ground.network.street[links] >= 0]
        part = _Part.of(base.ground.network, links)
        found = attach(
            part.network,
            xy,
            longest_link_m=radius_m,
            counted=base.options["link"] == "counted",
            blockers=_blockers(base, xy[0], radius_m),
            refused=_refused(base, xy[0], radius_m),
        )
        if found.node[0] >= 0:
            if _is_tie(part.network, xy, float(found.leg_m[0]), found.foot_xy):
                return None
            return _linked(base, part, found.network, int(found.node[0]), owner, values, first_new)
        if radius_m >= longest_m:
            return None
        radius_m = min(radius_m * _FARTHER, longest_m)


@dataclass(frozen=True, eq=False)
class _Part:
    """Streets near a place: a network of ``links`` of the base, whose nodes are ``nodes`` there.

    Its links have their own numbers as streets, so that a piece tells what it was cut from.
    """

    network: WalkNetwork
    links: NDArray[np.int64]
    nodes: NDArray[np.int64]

    @classmethod
    def of(cls, network: WalkNetwork, links: NDArray[np.int64]) -> _Part:
        nodes, ends = np.unique(network.links[links], return_inverse=True)
        part = WalkNetwork(
            xy=network.xy[nodes],
            links=ends.reshape(-1, 2).astype(np.int32),
            length_cm=network.length_cm[links],
            lines=network.lines.take(links),
            street=np.arange(len(links), dtype=np.int32),
        )
        return cls(part, links, nodes.astype(np.int64))


def _is_tie(
    network: WalkNetwork, xy: NDArray[np.float64], leg_m: float, foot: NDArray[np.float64]
) -> bool:
    """Say whether another street is as near, but not in the same place as the foot (1, 2).

    A layout then takes the street that comes first in the layer, an order that is not known here.
    """
    point, at = shapely.points(xy[0]), shapely.points(foot[0])
    lines = network.lines.shapes
    near = lines[shapely.distance(lines, point) <= leg_m + _TIE_M]
    ends = shapely.union_all(shapely.boundary(near))
    return len(near) > 1 and bool(shapely.distance(ends, at) > _TIE_M)


def _shapes_near(base: Base, kind: str, xy: NDArray[np.float64], radius_m: float) -> NDArray[Any]:
    """Return the rows (m,) of a layer that touch the square around a place."""
    if kind not in base.study:
        return np.empty(0, dtype=np.int64)
    square = shapely.box(*(xy - radius_m), *(xy + radius_m))
    rows = base.study.layer(kind).frame.sindex.query(square, predicate="intersects")
    return np.sort(rows)


def _blockers(base: Base, xy: NDArray[np.float64], radius_m: float) -> NDArray[np.object_]:
    near = [
        base.study.layer(kind).geometries[rows]
        for kind in ("barriers", "walls")
        for rows in [_shapes_near(base, kind, xy, radius_m)]
        if len(rows)
    ]
    return np.concatenate([np.empty(0, dtype=object), *near])


def _refused(base: Base, xy: NDArray[np.float64], radius_m: float) -> Refused:
    """Say which ways go through a gated estate, as for every door."""
    rows = _shapes_near(base, "estates", xy, radius_m)
    gated = rows[np.isin(rows, base.gated)]
    yards = Yards.of(base.study.layer("estates").geometries, gated)

    def refused(
        place: NDArray[np.int64], _: NDArray[np.int64], way: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        return yards.entered(way, np.full(len(place), -1, dtype=np.int64))

    return refused


def _linked(
    base: Base,
    part: _Part,
    network: WalkNetwork,
    node: int,
    owner: int | None,
    values: Mapping[str, Any],
    first_new: int,
) -> Splice:
    """Turn what linking a door added to a part into a splice."""
    old = len(part.nodes)
    of_base = np.concatenate([part.nodes, first_new + np.arange(len(network) - old)])
    cut = int((network.street >= 0).sum()) > len(part.links)
    fresh = np.arange(len(part.links) - cut, len(network.links))
    pieces = fresh[network.street[fresh] >= 0]
    leg_cm = network.length_cm[fresh].astype(np.int64)
    costs = []
    for group in base.groups:
        cost = np.stack([leg_cm, leg_cm], axis=1)
        if len(pieces):
            whole = part.links[network.street[pieces[0]]]
            cost[: len(pieces)] = _shared(group.network, int(whole), leg_cm[: len(pieces)])
        costs.append(cost)
    own = of_base[[node]]
    known = np.array([[owner, own[0]]]) if owner is not None else _NO_PAIRS
    return _splice(
        base,
        nodes=len(network) - old,
        links=of_base[network.links[fresh]],
        cost=tuple(costs),
        doors=Moves(_NO_PAIRS, known),
        new_doors=() if owner is not None else (new_door(values, own),),
    )


def _shared(network: WalkNetwork, link: int, pieces_cm: NDArray[np.int64]) -> NDArray[np.int64]:
    """Share the costs of a link among its pieces (p,) by length; they add up to it."""
    if network.cost_cm is None:
        return np.stack([pieces_cm, pieces_cm], axis=1)
    whole = network.cost_cm[link].astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(pieces_cm)])
    shares = np.rint(ends[:, None] * whole / max(int(ends[-1]), 1)).astype(np.int64)
    return np.where(whole < 0, -1, np.diff(shares, axis=0))
