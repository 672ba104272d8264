"""Names of projects in addresses and as files: none leads out of its folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Final

from gis.errors import OptionError

SUFFIX: Final = ".gpkg"
LONGEST: Final = 200
"""Bytes of a file's name without its ending; with what databases put beside it, disks take 255."""

_TAKEN_BY_WINDOWS: Final = {
    "con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10)),
}  # fmt: skip
_UNFIT: Final = re.compile(r'[\s\\/:*?"<>|%#\x00-\x1f\x7f-\x9f]+')


def is_plain(name: str) -> bool:
    """Tell whether a name can be that of a file in a folder, and of no other place."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST
        and not name.startswith(".")
        and name.isprintable()
        and not set(name) & {"/", "\\"}
    )


def file_stem(title: str) -> str:
    """Make the name of a file, without its ending, from what people call a project.

    Letters of every script stay; what a disk, an address or a command line takes amiss becomes "-".

    Raises
    ------
    OptionError
        Nothing is left of the title.
    """
    text = unicodedata.normalize("NFC", title)
    text = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    text = _UNFIT.sub("-", text).strip("-. ")
    while len(text.encode()) > LONGEST - 1:
        text = text[:-1]
    text = text.rstrip("-. ")
    if not text:
        raise OptionError(f"The name {title!r:.60} has no letter or digit; give another one")
    taken = text.partition(".")[0].lower() in _TAKEN_BY_WINDOWS
    return f"{text}_" if taken else text


def projects_in(folder: Path) -> dict[str, Path]:
    """Return the project files of a folder by their names; those with hidden names are left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        name = unicodedata.normalize("NFC", path.stem)
        if is_plain(name) and path.is_file():
            found.setdefault(name, path)
    return found


def project_in(folder: Path, name: str) -> Path | None:
    """Return the project file of a name, however its disk spells the same letters."""
    if not is_plain(name):
        return None
    wanted = unicodedata.normalize("NFC", name)
    path = folder / f"{wanted}{SUFFIX}"
    return path if path.is_file() else projects_in(folder).get(wanted)
