"""A study laid out for walking: streets, gates and doors as one network, made once, asked often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.model import Finding, Study
from gis.network.access import DoorPlaces, estate_access, facility_access
from gis.network.attach import LONGEST_LINK_M
from gis.network.gates import AT, EstateGates, estate_gates
from gis.network.graph import WalkNetwork
from gis.network.homes import Homes, find_homes
from gis.network.linking import Linked, Places, link_places
from gis.network.memory import give_back
from gis.network.notes import door_findings, island_findings, shut_findings
from gis.network.passages import Crossings, cross_walls
from gis.network.streets import build_network

LINKS: Final = ("counted", "free")
ORIGINS: Final = ("gate", "building")

Origin = Literal["gate", "building"]


@dataclass(frozen=True, eq=False)
class Origins:
    """p places where people start, sorted by estate; an estate may have several, or none.

    ``xy`` (p, 2) m; ``node`` (p,) int64 of the network, -1 where unlinked; ``estate``,
    ``building`` and ``gate`` (p,) int64 rows of their layers, -1 where there is none; ``source``
    (p,) "gate", "assumed", "boundary", "point" or "building"; ``leg_m`` (p,) the straight way to
    the street, NaN where unlinked.
    """

    xy: NDArray[np.float64]
    node: NDArray[np.int64]
    estate: NDArray[np.int64]
    building: NDArray[np.int64]
    gate: NDArray[np.int64]
    source: NDArray[np.object_]
    leg_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Doors:
    """d places where facilities are entered, sorted by facility; each facility has at least one.

    ``xy`` (d, 2) m; ``node`` (d,) int64, -1 where unlinked; ``facility`` (d,) int64 row of the
    layer; ``leg_m`` (d,) the straight way to the street, NaN where unlinked.
    """

    xy: NDArray[np.float64]
    node: NDArray[np.int64]
    facility: NDArray[np.int64]
    leg_m: NDArray[np.float64]

    def linked(self, facilities: int) -> NDArray[np.bool_]:
        """Return (facilities,) which have a door that is linked."""
        linked = np.zeros(facilities, dtype=bool)
        linked[self.facility[self.node >= 0]] = True
        return linked


@dataclass(frozen=True, eq=False)
class Gates:
    """g pairs of a mapped gate and its estate, shut ones too, sorted by estate and then by gate.

    ``xy`` (g, 2) m; ``gate`` and ``estate`` (g,) int64 rows of their layers; ``node`` (g,) int64
    where one stands outside, -1 unlinked; ``inside`` (g,) the node within the wall, -1 where there
    is none; ``open`` (g,) whether walkers may pass at that hour; ``leg_m`` and ``width_m`` (g,)
    NaN where unlinked or unknown.
    """

    xy: NDArray[np.float64]
    gate: NDArray[np.int64]
    estate: NDArray[np.int64]
    node: NDArray[np.int64]
    inside: NDArray[np.int64]
    open: NDArray[np.bool_]
    leg_m: NDArray[np.float64]
    width_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Passages:
    """m places where a way goes through a wall: every way through gate g has ``gate`` g.

    ``xy`` (m, 2) m; ``link`` (m,) int64 the link of 0 cm that is the passage; ``gate``, ``wall``
    and ``estate`` (m,) int64 rows of their layers, -1 where there is none; ``width_m`` (m,) of the
    gate, NaN where unknown. A passage without a gate is a wall across a street, and closed; or,
    where no gate of the estate is known at all, an assumed gate, and open.
    """

    xy: NDArray[np.float64]
    link: NDArray[np.int64]
    gate: NDArray[np.int64]
    wall: NDArray[np.int64]
    estate: NDArray[np.int64]
    width_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """The walking network of a study with all that is linked to it.

    ``closed`` (e,) says which links are shut at the hour ``at``; where there are any, the network
    has costs that say the same. ``gates`` are all mapped gates with an estate; ``estates`` is how
    many estates there are; ``findings`` what a person should know about streets, gates and links.
    """

    network: WalkNetwork
    origins: Origins
    doors: Doors
    passages: Passages
    gates: Gates
    closed: NDArray[np.bool_]
    estates: int
    at: str
    findings: tuple[Finding, ...]

    def linked(self) -> NDArray[np.bool_]:
        """Return (estates,) which estates have an origin that is linked."""
        linked = np.zeros(self.estates, dtype=bool)
        linked[self.origins.estate[self.origins.node >= 0]] = True
        return linked

    def shut(self) -> NDArray[np.bool_]:
        """Return (estates,) which estates have mapped gates, and none that is open."""
        shut = np.zeros(self.estates, dtype=bool)
        shut[self.gates.estate] = True
        shut[self.gates.estate[self.gates.open]] = False
        return shut

    def narrow(self, min_width_m: float) -> NDArray[np.bool_]:
        """Return (e,) which links lead through a gate narrower than ``min_width_m``.

        A width that is not known is wide enough.
        """
        narrow = np.zeros(len(self.network.links), dtype=bool)
        narrow[self.passages.link[self.passages.width_m < min_width_m]] = True
        return narrow

    def narrow_origins(self, min_width_m: float) -> NDArray[np.bool_]:
        """Return (p,) which origins are gates narrower than ``min_width_m``."""
        gates = self.gates.gate[self.gates.width_m < min_width_m]
        return (self.origins.gate >= 0) & np.isin(self.origins.gate, gates)


def lay_ground(
    study: Study,
    *,
    at: str = AT,
    origin: Origin = "gate",
    link: str = "counted",
    longest_link_m: float = LONGEST_LINK_M,
) -> Ground:
    """Join streets, gates and doors of a study into one network.

    Streets are cut at walls (`gis.network.passages.cross_walls`) and everything is linked to them
    (`gis.network.linking.link_places`). The nodes and links are the same at every hour; the hour
    decides which are closed, and which gates are origins.

    Parameters
    ----------
    study
        Needs estates and streets; gates, walls, barriers, buildings and facilities where there are.
    at
        The hour, "HH:MM": gates that are shut then are not walked through.
    origin
        Whether people start at the gates of their estate or at their building; estates without
        buildings start at their gates.
    link
        "counted": the leg between a gate (or a facility) and its street is walked; "free": it is
        left out, as many reference results do. Ways inside estates are always walked.
    longest_link_m
        Beyond this leg a point is unlinked.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    OptionError
        An option is out of range.
    """
    _require_options(origin, link)
    network, of_streets = build_network(study.layer("streets"))
    give_back(len(network))
    gates, of_gates = estate_gates(study, at=at)
    network, crossings, of_walls = cross_walls(study, network, gates)
    give_back(len(network))
    gates = gates.only(gates.estate >= 0)
    access = estate_access(study, at=at, longest_link_m=longest_link_m, gates=gates)
    doors = DoorPlaces.none()
    if "facilities" in study:
        doors = facility_access(study, longest_link_m=longest_link_m)
    homes, of_homes = find_homes(study) if origin == "building" else (Homes.none(), ())
    places = Places(gates, access, doors, homes)
    linked = link_places(
        study,
        network,
        crossings,
        places,
        longest_link_m=longest_link_m,
        counted=link == "counted",
    )
    give_back(len(linked.network))
    passages, shut = _passages(linked, crossings, places)
    network = _with_closed(linked.network, shut)
    origins = _origins(linked, places)
    return Ground(
        network=network,
        origins=origins,
        doors=Doors(doors.xy, linked.door, doors.facility, linked.door_leg_m),
        passages=passages,
        gates=_gates(linked, gates),
        closed=shut,
        estates=len(study.layer("estates")),
        at=at,
        findings=(
            *of_streets, *of_gates, *of_walls, *of_homes,
            *shut_findings(study, gates, at),
            *door_findings(study, doors),
            *island_findings(
                study,
                network,
                shut & np.isin(np.arange(len(shut)), passages.link[passages.gate < 0]),
                (
                    ("estates", origins.xy, origins.node, origins.estate),
                    ("facilities", doors.xy, linked.door, doors.facility),
                ),
                longest_link_m,
            ),
        ),
    )  # fmt: skip


def _require_options(origin: str, link: str) -> None:
    if link not in LINKS:
        raise OptionError(f"link is '{link}'; give one of: {', '.join(LINKS)}")
    if origin not in ORIGINS:
        raise OptionError(f"origin is '{origin}'; give one of: {', '.join(ORIGINS)}")


def _gates(linked: Linked, gates: EstateGates) -> Gates:
    return Gates(
        gates.xy, gates.gate, gates.estate, linked.gate, linked.inside, gates.open,
        linked.gate_leg_m, gates.width_m,
    )  # fmt: skip


def _passages(
    linked: Linked, crossings: Crossings, places: Places
) -> tuple[Passages, NDArray[np.bool_]]:
    """Find the links of all passages, of streets and of gates, and which links are closed."""
    network, gates = linked.network, places.gates
    rows = np.flatnonzero(linked.inside >= 0)
    own = np.stack([linked.inside[rows], linked.gate[rows]], axis=1)
    pairs = np.concatenate([crossings.pairs, own])
    link = _links_between(network, pairs)
    open_ = np.concatenate([crossings.open, gates.open[rows]])
    closed = np.zeros(len(network.links), dtype=bool)
    closed[link[~open_]] = True
    return Passages(
        xy=network.xy[pairs[:, 0]],
        link=link,
        gate=np.concatenate([crossings.gate, gates.gate[rows]]),
        wall=np.concatenate([crossings.wall, np.full(len(rows), -1, dtype=np.int64)]),
        estate=np.concatenate([crossings.estate, gates.estate[rows]]),
        width_m=np.concatenate([crossings.width_m, gates.width_m[rows]]),
    ), closed


def _links_between(network: WalkNetwork, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m,) the link from ``pairs[:, 0]`` to ``pairs[:, 1]``; no street joins such a pair."""
    size = len(network.xy)
    rows = np.flatnonzero(network.street < 0)
    key = network.links[rows, 0].astype(np.int64) * size + network.links[rows, 1]
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], pairs[:, 0] * size + pairs[:, 1])
    return rows[order[place]].astype(np.int64)


def _with_closed(network: WalkNetwork, closed: NDArray[np.bool_]) -> WalkNetwork:
    if not closed.any():
        return network
    cost_cm = np.where(closed, -1, network.length_cm).astype(np.int32)
    return network.with_costs(np.stack([cost_cm, cost_cm], axis=1))


def _origins(linked: Linked, places: Places) -> Origins:
    """Put gates, other places of estates and homes together, by estate."""
    access, gates, homes = places.access, places.gates, places.homes
    node, leg_m = linked.access.copy(), linked.access_leg_m.copy()
    of_gate = np.flatnonzero(access.gate >= 0)
    # Both are sorted by estate and then by gate.
    row = np.flatnonzero(gates.open)
    node[of_gate], leg_m[of_gate] = linked.gate[row], linked.gate_leg_m[row]
    # Walled in with all gates shut, nobody gets out of a building either.
    shut = np.setdiff1d(gates.estate, gates.estate[gates.open])
    home_node = np.where(np.isin(homes.estate, shut), -1, linked.home)
    kept = ~np.isin(access.estate, homes.estate)
    home = np.full(int(kept.sum()), -1, dtype=np.int64)
    none = np.full(len(homes), -1, dtype=np.int64)
    estate = np.concatenate([access.estate[kept], homes.estate])
    order = np.argsort(estate, kind="stable")
    words = np.full(len(homes), "building", dtype=object)
    return Origins(
        xy=np.concatenate([access.xy[kept], homes.xy])[order],
        node=np.concatenate([node[kept], home_node])[order],
        estate=estate[order],
        building=np.concatenate([home, homes.building])[order],
        gate=np.concatenate([access.gate[kept], none])[order],
        source=np.concatenate([access.source[kept], words])[order],
        leg_m=np.concatenate([leg_m[kept], linked.home_leg_m])[order],
    )
