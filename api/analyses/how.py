"""How a question is asked: what all of them share, and what needs no library to be told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gis.renewal import DEFAULT_PROFILE, Profile, load_profile

if TYPE_CHECKING:
    # Streets and stored layers take seconds to load; a command line must know its options at once.
    from api.store import Project
    from gis.network.ground import Origin

Terrain = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class Walking:
    """How it is walked: what every question about walking can be asked with.

    ``pack``, ``category``, ``metres``, ``minutes`` choose the rules (see `rules_of`); ``walker``
    walks instead of those of the rules; ``at`` the hour "HH:MM"; ``origin`` "gate" or "building";
    ``terrain`` "auto", "on" or "off"; ``link`` "counted" or "free".
    """

    pack: str | None = None
    category: str | None = None
    metres: float | None = None
    minutes: float | None = None
    walker: str | None = None
    at: str = "10:00"
    origin: Origin = "gate"
    terrain: Terrain = "auto"
    link: str = "counted"
    longest_link_m: float = 300.0


def profile_of(project: Project) -> Profile:
    """Return the policy profile that the project was made with, or the national one."""
    return load_profile(project.profile or DEFAULT_PROFILE)


def today() -> str:
    """Return today's date, the date that results carry."""
    return dt.datetime.now().astimezone().date().isoformat()
