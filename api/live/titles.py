"""What projects are called on pages that list many of them, without keeping them open."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from api.live.projects import Projects
from api.store import Project
from gis.errors import LianpianError


def title_of(projects: Projects, name: str) -> str:
    """Return the name that a project gives itself; that of its file where it cannot be opened."""
    try:
        address = projects.address(name)
        # What was written last lies beside the file until the database moves it in.
        return _title(address, _changed(address), _changed(f"{address}-wal"))
    except LianpianError:
        return name


@lru_cache(maxsize=1000)
def _title(address: str, _changed: int, _added: int) -> str:
    with Project.open(address) as project:
        return project.name


def _changed(address: str) -> int:
    try:
        return Path(address).stat().st_mtime_ns
    except OSError:
        return 0
