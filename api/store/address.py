"""Where a project or an office is kept: a file, or a schema of a PostgreSQL database.

An address of a server may hold a password. `shown` is the form for people, messages and logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gis.errors import ProjectError

if TYPE_CHECKING:
    from sqlalchemy import URL

_SCHEMES: Final = ("postgresql", "postgres")
_URL_MARK: Final = "://"
_SCHEMA_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
PUBLIC: Final = "public"


@dataclass(frozen=True)
class ServerAddress:
    """A schema of a database; ``url`` is what the driver is given, without our own parameter."""

    url: URL
    schema: str

    @property
    def shown(self) -> str:
        """The address without its password."""
        from sqlalchemy import URL

        url = URL.create(
            "postgresql", self.url.username, None, self.url.host, self.url.port, self.url.database,
            {} if self.schema == PUBLIC else {"schema": self.schema},
        )  # fmt: skip
        return url.render_as_string()

    def in_schema(self, schema: str) -> str:
        """Return the address of another schema of the same database, with the password."""
        query = {**self.url.query, "schema": schema}
        url = self.url.set(drivername="postgresql", query=query)
        return url.render_as_string(hide_password=False)


def is_server(address: str | Path) -> bool:
    """Tell whether an address is that of a PostgreSQL database."""
    scheme, mark, _ = str(address).partition(_URL_MARK)
    return bool(mark) and scheme.lower() in _SCHEMES


def parse_address(address: str | Path) -> Path | ServerAddress:
    """Take an address apart.

    Raises
    ------
    ProjectError
        It is neither a file nor a postgresql:// address, or its schema is no name.
    """
    text = str(address)
    if _URL_MARK not in text or isinstance(address, Path):
        return Path(address)
    if not is_server(text):
        scheme = text.partition(_URL_MARK)[0]
        raise ProjectError(
            f"A project at a {scheme}:// address is not possible; give a .gpkg file, or "
            "postgresql://USER@HOST/DATABASE"
        )
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Never the text itself: it may hold a password.
        raise ProjectError(
            "The postgresql:// address cannot be read; write postgresql://USER@HOST:PORT/DATABASE, "
            "with %-codes for special characters"
        ) from None
    schema = url.query.get("schema", PUBLIC)
    if not isinstance(schema, str) or not _SCHEMA_NAME.fullmatch(schema):
        raise ProjectError(
            "The schema of a postgresql:// address is no name; give letters, digits and _, at most "
            "63, a letter first"
        )
    query = {key: value for key, value in url.query.items() if key != "schema"}
    return ServerAddress(url.set(drivername="postgresql+psycopg", query=query), schema)


def shown(address: str | Path) -> str:
    """Return an address as people may see it: without a password.

    Raises
    ------
    ProjectError
        It is no address.
    """
    parsed = parse_address(address)
    return str(parsed) if isinstance(parsed, Path) else parsed.shown


def name_of(address: str | Path) -> str:
    """Return what a project is called in web addresses: its file, its schema or its database.

    Raises
    ------
    ProjectError
        It is no address.
    """
    parsed = parse_address(address)
    if isinstance(parsed, Path):
        return parsed.stem
    return parsed.schema if parsed.schema != PUBLIC else parsed.url.database or PUBLIC
