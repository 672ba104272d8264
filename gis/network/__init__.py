"""Streets as a walking network: build it, link points to it, search it.

Lengths are whole centimetres. `build_network` makes the network of a streets layer, `attach`
links points to the nearest street, `estate_access` and `facility_access` say which points those
are, and `WalkNetwork.reach` walks from the nearest source of each category to every node.
"""

from gis.network.access import AccessPoints, estate_access, facility_access
from gis.network.attach import LONGEST_LINK_M, Attachment, attach, blockers_of
from gis.network.graph import Arcs, Reach, WalkNetwork
from gis.network.ground import Doors, Ground, Origins, Passages, lay_ground
from gis.network.streets import build_network
from gis.network.traits import StreetTraits
from gis.network.walkable import Verdict, WalkableTable

__all__ = [
    "LONGEST_LINK_M",
    "AccessPoints",
    "Arcs",
    "Attachment",
    "Doors",
    "Ground",
    "Origins",
    "Passages",
    "Reach",
    "StreetTraits",
    "Verdict",
    "WalkNetwork",
    "WalkableTable",
    "attach",
    "blockers_of",
    "build_network",
    "estate_access",
    "facility_access",
    "lay_ground",
]
