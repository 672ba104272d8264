"""Where the package keeps what is not code: rule data and the assets of the map file.

In a checkout the data lie in ``data/`` beside ``gis/``; in an installed wheel they travel inside
as ``gis/_data``. The assets are built into ``gis/static`` in both cases.
"""

from __future__ import annotations

from pathlib import Path

from gis.errors import FileError

_PACKAGE = Path(__file__).resolve().parent


def data_dir() -> Path:
    """Return the folder of the rule packs, profiles and other data.

    Returns
    -------
    Path
        ``data/`` of the checkout, else ``gis/_data`` of the installation.

    Raises
    ------
    FileError
        If neither is there.
    """
    checkout = _PACKAGE.parent
    # A folder called data may stand beside an installed gis/ by chance; ours has our project file.
    if (checkout / "data").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    bundled = _PACKAGE / "_data"
    if bundled.is_dir():
        return bundled
    raise FileError(
        f"{bundled}: the rule data are missing from this installation; install lianpian again"
    )


def static_dir() -> Path:
    """Return the folder of the assets that the map file embeds (``leaflet.js``, ``leaflet.css``).

    Returns
    -------
    Path
        ``gis/static``.

    Raises
    ------
    FileError
        If they were not built, as with ``LIANPIAN_SKIP_WEB=1``.
    """
    static = _PACKAGE / "static"
    if (static / "leaflet.js").is_file():
        return static
    raise FileError(
        f"{static}: the assets of the map are not built; run 'make setup' in the checkout "
        "(without LIANPIAN_SKIP_WEB), or install lianpian again"
    )
