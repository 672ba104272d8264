"""Districts: estates planned together, connected and within bounds.

`plan_districts` makes a plan from the layers of a study, `prepare_districts` what several plans of
one study share; `neighbours` says which estates can be renewed together. `check_plan` verifies any
plan without knowing how it was made.
"""

from gis.districts.adjacency import Adjacency
from gis.districts.aims import NAMES as OBJECTIVES
from gis.districts.check_plan import Violation, check_plan
from gis.districts.district_plan import DistrictPlan, LeftOut
from gis.districts.locks import Locks, groups_of, read_locks
from gis.districts.neighbours import LinkEdits, LinkOptions, neighbours, read_link_edits
from gis.districts.plan import (
    COMMUNITY_PEOPLE,
    Live,
    Prepared,
    plan_districts,
    prepare_districts,
)
from gis.districts.where import select
from gis.partition import LeftUnit, Partition, check_partition, measure_partition, partition

__all__ = [
    "COMMUNITY_PEOPLE",
    "OBJECTIVES",
    "Adjacency",
    "DistrictPlan",
    "LeftOut",
    "LeftUnit",
    "LinkEdits",
    "LinkOptions",
    "Live",
    "Locks",
    "Partition",
    "Prepared",
    "Violation",
    "check_partition",
    "check_plan",
    "groups_of",
    "measure_partition",
    "neighbours",
    "partition",
    "plan_districts",
    "prepare_districts",
    "read_link_edits",
    "read_locks",
    "select",
]
