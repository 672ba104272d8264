"""A study laid out for walking: streets, gates and doors as one network, made once, asked often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.model import Finding, Study
from gis.network.access import estate_access, facility_access
from gis.network.attach import LONGEST_LINK_M, attach, blockers_of
from gis.network.graph import WalkNetwork
from gis.network.streets import build_network

LINKS: Final = ("counted", "free")
ORIGINS: Final = ("gate", "building")
AT: Final = "10:00"

Origin = Literal["gate", "building"]


@dataclass(frozen=True, eq=False)
class Origins:
    """p places where people start, sorted by estate; an estate may have several.

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
    """Where facilities are entered: ``xy`` (f, 2) m, ``node`` (f,) int64 and ``leg_m`` (f,)."""

    xy: NDArray[np.float64]
    node: NDArray[np.int64]
    leg_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Passages:
    """m places where a way goes through a wall.

    ``xy`` (m, 2) m; ``link`` (m,) int64 the link of the network that is the passage; ``gate``,
    ``wall`` and ``estate`` (m,) int64 rows of their layers, -1 where there is none. A passage
    without a gate is a wall across a street, and closed.
    """

    xy: NDArray[np.float64]
    link: NDArray[np.int64]
    gate: NDArray[np.int64]
    wall: NDArray[np.int64]
    estate: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ground:
    """The walking network of a study with all that is linked to it.

    ``closed`` (e,) says which links are shut at the hour ``at``; ``findings`` what a person should
    know about streets, gates and links.
    """

    network: WalkNetwork
    origins: Origins
    doors: Doors
    passages: Passages
    closed: NDArray[np.bool_]
    estates: int
    at: str
    findings: tuple[Finding, ...]

    def linked(self) -> NDArray[np.bool_]:
        """Return (estates,) which estates have an origin that is linked."""
        linked = np.zeros(self.estates, dtype=bool)
        linked[self.origins.estate[self.origins.node >= 0]] = True
        return linked


def lay_ground(
    study: Study,
    *,
    at: str = AT,
    origin: Origin = "gate",
    link: str = "counted",
    longest_link_m: float = LONGEST_LINK_M,
) -> Ground:
    """Join streets, gates and doors of a study into one network.

    Parameters
    ----------
    study
        Needs estates and streets; gates, walls, barriers, buildings and facilities where there are.
    at
        The hour, "HH:MM": gates that are shut then are not walked through.
    origin
        Whether people start at the gates of their estate or at their building.
    link
        "counted": the leg between a gate (or a facility) and its street is walked; "free": it is
        left out, as many reference results do.
    longest_link_m
        Beyond this leg a point is unlinked.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    OptionError
        An option is out of range.
    """
    if link not in LINKS:
        raise OptionError(f"link is '{link}'; give one of: {', '.join(LINKS)}")
    network, findings = build_network(study.layer("streets"))
    access = estate_access(study, longest_link_m=longest_link_m)
    doors = np.empty((0, 2))
    if "facilities" in study:
        doors = facility_access(study, longest_link_m=longest_link_m)
    linked = attach(
        network,
        np.concatenate([access.xy, doors]),
        longest_link_m=longest_link_m,
        counted=link == "counted",
        blockers=blockers_of(study),
    )
    gates = len(access.xy)
    none = np.full(gates, -1, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    return Ground(
        network=linked.network,
        origins=Origins(
            xy=access.xy,
            node=linked.node[:gates],
            estate=access.estate,
            building=none,
            gate=none,
            source=access.source,
            leg_m=linked.leg_m[:gates],
        ),
        doors=Doors(doors, linked.node[gates:], linked.leg_m[gates:]),
        passages=Passages(np.empty((0, 2)), nothing, nothing, nothing, nothing),
        closed=np.zeros(len(linked.network.links), dtype=bool),
        estates=len(study.layer("estates")),
        at=at,
        findings=findings,
    )
