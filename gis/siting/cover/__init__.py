"""Cover most people, or all, without capacities."""

from gis.siting.cover.solve import cover_all, cover_most

__all__ = ["cover_all", "cover_most"]
