"""Where a project is kept: one GeoPackage that also opens in QGIS.

Everything is reached through `Project`; a transaction is one method call of it.
"""

from api.store.project import LayerInfo, Project

__all__ = ["LayerInfo", "Project"]
