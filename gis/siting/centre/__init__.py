"""The shortest longest walk (p-center), without capacities."""

from gis.siting.centre.solve import least_most

__all__ = ["least_most"]
