"""Sites with capacities: each demand is served whole by one of them."""

from gis.siting.whole.solve import serve_whole

__all__ = ["serve_whole"]
