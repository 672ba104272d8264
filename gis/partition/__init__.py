"""Units cut into contiguous parts within bounds: arrays in, a checked answer with its proof out.

`partition` finds an answer; `check_partition` and `measure_partition` verify one without knowing
how it was found. Nothing here knows what an estate is: see `gis.districts` for that.
"""

from gis.partition.answer import Partition
from gis.partition.check import check_partition, measure_partition, measure_terms
from gis.partition.reduce import LeftUnit, connected
from gis.partition.solve import partition

__all__ = [
    "LeftUnit",
    "Partition",
    "check_partition",
    "connected",
    "measure_partition",
    "measure_terms",
    "partition",
]
