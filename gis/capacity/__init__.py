"""Places against people: how many are within reach of how many, and who finds them full.

`floating_catchment` shares the places of each facility among all who can walk to it; `assign`
gives every person one place, as far as places go. Both take arrays: people of n units, places of
m facilities, and the p pairs of unit and facility with the walk between them in centimetres.
"""

from gis.capacity.assign import Assignment, assign
from gis.capacity.catchment import LUO_QI_WEIGHTS, Access, bands_of, floating_catchment
from gis.capacity.check import check_assignment

__all__ = [
    "LUO_QI_WEIGHTS",
    "Access",
    "Assignment",
    "assign",
    "bands_of",
    "check_assignment",
    "floating_catchment",
]
