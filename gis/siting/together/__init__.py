"""Several services that share rooms."""

from gis.siting.together.solve import Service, Together, locate_together

__all__ = ["Service", "Together", "locate_together"]
