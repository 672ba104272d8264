"""The library: planning and geometry, with no HTTP, no database, no screen and no print.

Each noun has its own module; import it by name, as in ``from gis.network import WalkNetwork``.
Which module may import which is a table in ``tests/test_architecture.py``.
"""

__version__ = "0.1.0"
