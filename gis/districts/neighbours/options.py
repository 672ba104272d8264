"""What counts as a link between estates: every limit, with the figure used unless said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from gis.districts.neighbours.edits import LinkEdits
from gis.errors import OptionError
from gis.network import LONGEST_LINK_M

LONGEST_WALK_M: Final = 800.0
"""Longest walk between neighbouring estates, about 13 minutes."""
LONGEST_GAP_M: Final = 30.0
"""Widest gap between touching estates: a residential street with its pavements."""
WALL_GAP_M: Final = 10.0
"""Widest gap over which outlines share a wall: a wall with a lane or footway beside it."""
WALL_LENGTH_M: Final = 20.0
"""Shortest length over which outlines must face each other to share a wall: room for a way of
4 m (the least width of a fire lane, GB 50016-2014 clause 7.1.8) and its corners."""

STREET_GAP_M: Final = 60.0
"""Widest street across which estates face each other: 55 m is the widest main road between red
lines (GB 50220-95 table 7.1.6-1), and outlines are drawn a few metres inside of them."""
STREET_FRONT_M: Final = 20.0
"""Shortest front over which they must face each other: as much as for a wall, one narrow block."""

KINDS: Final = ("walk", "touch")
BORDERS: Final = ("community", "subdistrict")


@dataclass(frozen=True)
class LinkOptions:
    """What counts as a link between estates.

    ``kind`` "walk": from gate to gate, or over a wall that could be opened; "touch": outlines with
    a narrow gap, where there are no streets to walk on.

    Walking: ``max_walk_m`` the longest walk, ``at`` the hour at which gates must be open,
    ``longest_link_m`` how far a street may be from a gate. ``walls``: whether outlines at most
    ``wall_gap_m`` apart that face each other over ``wall_length_m`` are linked however long the
    way around is. ``streets``: whether outlines farther apart than ``wall_gap_m`` and at most
    ``street_gap_m`` that face each other over ``street_front_m`` with nothing in between are linked
    when the walk is within its limit, though it leads past the gates of other estates. Touching:
    ``max_gap_m`` between outlines; ``near_m`` between estates of which one is a point (None: points
    are refused). All limits are inclusive.

    ``arterials``: arterial roads (trunk, primary, secondary) are crossed only at crossings for
    walkers, bridges, tunnels and streets with lights. ``border``: links do not leave the
    "community" or the "subdistrict". ``edits``: links switched off and added by hand.

    Raises
    ------
    OptionError
        A word is unknown or a limit is no distance.
    """

    kind: Literal["walk", "touch"] = "walk"
    max_walk_m: float = LONGEST_WALK_M
    max_gap_m: float = LONGEST_GAP_M
    walls: bool = True
    wall_gap_m: float = WALL_GAP_M
    wall_length_m: float = WALL_LENGTH_M
    streets: bool = True
    street_gap_m: float = STREET_GAP_M
    street_front_m: float = STREET_FRONT_M
    arterials: bool = False
    border: Literal["community", "subdistrict"] | None = None
    near_m: float | None = None
    at: str = "10:00"
    longest_link_m: float = LONGEST_LINK_M
    edits: LinkEdits = field(default_factory=LinkEdits.none)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"There is no adjacency '{self.kind}'; give {' or '.join(KINDS)}")
        if self.border is not None and self.border not in BORDERS:
            raise OptionError(f"There is no border '{self.border}'; give {' or '.join(BORDERS)}")
        limits = {
            "longest link": self.limit_m, "gap of a common wall": self.wall_gap_m,
            "length of a common wall": self.wall_length_m,
            "widest street between estates": self.street_gap_m,
            "front across a street": self.street_front_m,
            "longest link between points": 0.0 if self.near_m is None else self.near_m,
            "longest way to a street": self.longest_link_m,
        }  # fmt: skip
        for words, metres in limits.items():
            if not 0 <= metres < np.inf:
                raise OptionError(f"The {words} is {metres} m; give metres, 0 or more")

    @property
    def limit_m(self) -> float:
        """The longest link: on foot, or between outlines."""
        return self.max_walk_m if self.kind == "walk" else self.max_gap_m

    def to_settings(self) -> dict[str, Any]:
        """Return the assumptions for the settings of a plan, as plain values."""
        said: dict[str, Any] = {
            "adjacency": self.kind, "max_link_m": self.limit_m, "arterials": self.arterials,
            "border": self.border, "links_edited": len(self.edits),
        }  # fmt: skip
        if self.kind == "touch":
            return said | {"near_m": self.near_m}
        said |= {"links_at": self.at, "longest_street_link_m": self.longest_link_m}
        if self.walls:
            said |= {"wall_gap_m": self.wall_gap_m, "wall_length_m": self.wall_length_m}
        if self.streets:
            said |= {"street_gap_m": self.street_gap_m, "street_front_m": self.street_front_m}
        return said | {"walls": self.walls, "streets": self.streets}
