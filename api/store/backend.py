"""Which of the two databases a connection leads to."""

from __future__ import annotations

from sqlalchemy import Connection

from api.store.differences import Backend
from api.store.geopackage import GeoPackage
from api.store.postgis import Postgis

__all__ = ["Backend", "backend_of"]


def backend_of(connection: Connection) -> Backend:
    """Return what differs in the database of this connection."""
    if connection.dialect.name == "sqlite":
        return GeoPackage(connection)
    return Postgis(connection)
