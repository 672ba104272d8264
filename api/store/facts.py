"""What is true of a project as a whole: which layers it has, and the CRS of all of them."""

from __future__ import annotations

from pyproj import CRS
from sqlalchemy import Connection, select

from api.store import layers
from api.store.backend import backend_of
from api.store.geopackage import epsg_of
from api.store.schema import PROJECT
from gis.errors import CrsError, ProjectError, UnknownNameError
from gis.model import KINDS


def known_kind(kind: str) -> str:
    """Return a kind that is in the list.

    Raises
    ------
    UnknownNameError
        It is not.
    """
    if kind not in KINDS:
        raise UnknownNameError(f"There is no kind '{kind}'; give one of: {', '.join(KINDS)}")
    return kind


def require_layer(connection: Connection, kind: str) -> None:
    """Make sure that there is a layer of a kind.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    there = layers.kinds_in(connection)
    if kind not in there:
        listed = f"there are: {', '.join(there)}" if there else "it has none yet"
        raise UnknownNameError(f"The project has no layer '{kind}'; {listed}")


def require_metric(crs: CRS) -> None:
    """Make sure that a CRS measures in metres.

    Raises
    ------
    CrsError
        It does not.
    """
    if not crs.is_projected:
        raise CrsError(f"'{crs.name}' does not measure in metres; give a projected CRS")


def crs_text(crs: CRS) -> str:
    """Return a CRS as the project keeps it."""
    code = epsg_of(crs)
    return crs.to_wkt() if code is None else f"EPSG:{code}"


def crs_in(connection: Connection) -> CRS | None:
    """Return the CRS of the project, None as long as nothing has settled it."""
    text = connection.execute(select(PROJECT.c.crs)).scalar()
    return None if text is None else CRS.from_user_input(text)


def settled_crs(connection: Connection) -> CRS:
    """Return the CRS of a project that has layers."""
    crs = crs_in(connection)
    if crs is None:
        raise ProjectError("The project has layers but no CRS; go back to a backup")
    return crs


def settle_crs(connection: Connection, crs: CRS) -> int:
    """Make the first layer's CRS that of the project; return its number in the database.

    Raises
    ------
    CrsError
        The project is in another one.
    """
    settled = crs_in(connection)
    if settled is None:
        connection.execute(PROJECT.update().values(crs=crs_text(crs)))
    elif settled != crs:
        raise CrsError(
            f"The layer is in {crs.name}, the project in {settled.name}; bring it into the CRS of "
            "the project"
        )
    return backend_of(connection).ensure_srs(crs)
