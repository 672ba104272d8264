"""The made-up city: a hill town on a river, from a seed, at any size.

Nothing in it is real: no place, no firm, no person. It feeds the demonstration, the tests and the
benchmarks, so everything that the other modules read is there, with gaps one would believe.
"""

from gis.sample.city import CITY_NAME, make_city

__all__ = ["CITY_NAME", "make_city"]
