"""Where the office of what is served is kept, unless a setting says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

OFFICE_FILE: Final = ".lianpian-office.db"
OFFICE_SCHEMA: Final = "lianpian_office"


def office_address(served: str, office: str | None = None) -> str:
    """Return the address of the office: beside the project or in the folder of projects.

    Parameters
    ----------
    served
        A project file, a folder of them, or a ``postgresql://`` address.
    office
        What the setting says; it goes before all else.
    """
    if office is not None:
        return office
    if "://" in served:
        parts = urlsplit(served)
        query = [(key, value) for key, value in parse_qsl(parts.query) if key != "schema"]
        return urlunsplit(parts._replace(query=urlencode([*query, ("schema", OFFICE_SCHEMA)])))
    path = Path(served)
    return str((path if path.is_dir() else path.parent) / OFFICE_FILE)
