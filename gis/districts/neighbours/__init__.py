"""Which estates can be renewed together: on foot, over a wall, by touch, by hand.

`neighbours` finds the links with every reason and number; `LinkOptions` says what counts,
`read_link_edits` reads what a person changed. `estate_walk` and `walk_costs` tell how far it is.
"""

from gis.districts.neighbours.edits import LinkEdits, read_link_edits
from gis.districts.neighbours.link import LOOKED_FOR_GAP_M, neighbours
from gis.districts.neighbours.options import LONGEST_GAP_M, LONGEST_WALK_M, LinkOptions
from gis.districts.neighbours.walk import LOOKED_FOR_M, EstateWalk, estate_walk, walk_costs

__all__ = [
    "LONGEST_GAP_M",
    "LONGEST_WALK_M",
    "LOOKED_FOR_GAP_M",
    "LOOKED_FOR_M",
    "EstateWalk",
    "LinkEdits",
    "LinkOptions",
    "estate_walk",
    "neighbours",
    "read_link_edits",
    "walk_costs",
]
