"""Streets as a walking network: build it, link points to it, search it.

Lengths are whole centimetres. `build_network` makes the network of a streets layer, `attach`
links points to the nearest street, `estate_access` and `facility_access` say which points those
are, and `WalkNetwork.reach` walks from the nearest source of each category to every node.
`with_heights` and `costs_of` say what slopes, stairs and waiting cost a walker.
"""

from gis.network.access import AccessPoints, DoorPlaces, estate_access, facility_access
from gis.network.attach import LONGEST_LINK_M, Attachment, attach, blockers_of
from gis.network.effort import costs_of, tobler
from gis.network.graph import Arcs, Reach, WalkNetwork
from gis.network.ground import Doors, Gates, Ground, Origins, Passages, lay_ground
from gis.network.heights import has_heights, missing_heights, unknown_share, with_heights
from gis.network.homes import building_findings, estates_of_buildings
from gis.network.inner import InnerWays, inner_ways
from gis.network.streets import build_network
from gis.network.traits import EffortTable, StreetTraits
from gis.network.walkable import Verdict, WalkableTable

__all__ = [
    "LONGEST_LINK_M",
    "AccessPoints",
    "Arcs",
    "Attachment",
    "DoorPlaces",
    "Doors",
    "EffortTable",
    "Gates",
    "Ground",
    "InnerWays",
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
    "building_findings",
    "costs_of",
    "estate_access",
    "estates_of_buildings",
    "facility_access",
    "has_heights",
    "inner_ways",
    "lay_ground",
    "missing_heights",
    "tobler",
    "unknown_share",
    "with_heights",
]
