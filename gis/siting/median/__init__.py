"""The least walking in all (p-median), without capacities."""

from gis.siting.median.solve import least_sum

__all__ = ["least_sum"]
