"""Who walks to what: estates by category of facility, along the streets, from gate to door.

An estate is ``covered`` when the walk is at most the limit (exactly the limit is), in ``gap`` when
it is longer, ``unlinked`` when none of its gates meets a street, and ``no-data`` when nothing is
known of the category: none imported, or none of them linked, and nobody stated that there is none.
"""

from gis.coverage.measure import measure_coverage
from gis.coverage.result import STATUSES, Coverage, CoverageItem

__all__ = ["STATUSES", "Coverage", "CoverageItem", "measure_coverage"]
