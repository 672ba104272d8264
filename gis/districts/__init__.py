"""Districts: estates planned together, connected and within bounds.

`plan_districts` makes a plan from the layers of a study, `partition` does the same from arrays;
`check_plan` and `check_partition` verify an answer without knowing how it was found.
"""

from gis.districts.adjacency import Adjacency
from gis.districts.check_plan import check_plan
from gis.districts.district_plan import DistrictPlan, LeftOut
from gis.districts.plan import plan_districts
from gis.districts.where import select
from gis.partition import LeftUnit, Partition, check_partition, measure_partition, partition

__all__ = [
    "Adjacency",
    "DistrictPlan",
    "LeftOut",
    "LeftUnit",
    "Partition",
    "check_partition",
    "check_plan",
    "measure_partition",
    "partition",
    "plan_districts",
    "select",
]
