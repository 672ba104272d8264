"""Who walks to what: estates by category of facility, along the streets, from gate to door.

An estate is ``covered`` when the walk is at most the limit (exactly the limit is), in ``gap`` when
it is longer, ``unlinked`` when none of its gates meets a street, and ``no-data`` when nothing is
known of the category: none imported, or none of them linked, and nobody stated that there is none.
"""

from gis.coverage.capacity import Capacity, CapacityItem
from gis.coverage.claims import CircleClaim, circle_claim
from gis.coverage.item import STATUSES, CoverageItem
from gis.coverage.measure import measure_coverage, measure_on
from gis.coverage.result import Coverage

__all__ = [
    "STATUSES",
    "Capacity",
    "CapacityItem",
    "CircleClaim",
    "Coverage",
    "CoverageItem",
    "circle_claim",
    "measure_coverage",
    "measure_on",
]
