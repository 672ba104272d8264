"""What may be changed in a scenario, one small step each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from gis.errors import OptionError
from gis.hours import Hours
from gis.model import Categories

_FARTHEST_M: Final = 1e8
"""No coordinate of a metric CRS is larger; beyond, and NaN, is no place."""


@dataclass(frozen=True)
class OpenWall:
    """Make an opening for walkers in the wall ``uid``, at its place ``at`` (x, y).

    Without a place it is opened in its middle where two estates lie on it, else where a street
    comes nearest, else in its middle.
    """

    uid: str
    at: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.at is not None:
            _require_place("OpenWall", self.at)


@dataclass(frozen=True)
class AddGate:
    """Add a gate for walkers at ``xy``, on the outline of an estate or on a wall."""

    xy: tuple[float, float]

    def __post_init__(self) -> None:
        _require_place("AddGate", self.xy)


@dataclass(frozen=True)
class OpenGate:
    """Let walkers through the gate ``uid`` at every hour."""

    uid: str


@dataclass(frozen=True)
class CloseGate:
    """Shut the gate ``uid`` to walkers for good; the estate stays walled there."""

    uid: str


@dataclass(frozen=True)
class SetHours:
    """Let the gate ``uid`` be open at ``hours``, "HH:MM-HH:MM"; empty: always.

    Raises
    ------
    InputError
        The text says no hours.
    """

    uid: str
    hours: str

    def __post_init__(self) -> None:
        Hours.parse(self.hours)


@dataclass(frozen=True)
class AddPath:
    """Add a path for walkers along ``line``, two or more places (x, y).

    It meets a street where it ends within 0.5 m of it, as every street does.
    """

    line: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        for place in self.line:
            _require_place("AddPath", place)
        if len(set(self.line)) < 2:
            raise OptionError("AddPath has no length; give two or more different places")


@dataclass(frozen=True)
class AddFacility:
    """Add a facility of ``category`` (code, name or another word of it) at ``xy``.

    Its size is unknown, so it counts as large enough.

    Raises
    ------
    UnknownNameError
        There is no such category.
    """

    category: str
    xy: tuple[float, float]

    def __post_init__(self) -> None:
        _require_place("AddFacility", self.xy)
        Categories.load().require(self.category)


@dataclass(frozen=True)
class MoveFacility:
    """Move the facility ``uid`` to ``xy``; it stays as large as it is, and is a point there."""

    uid: str
    xy: tuple[float, float]

    def __post_init__(self) -> None:
        _require_place("MoveFacility", self.xy)


@dataclass(frozen=True)
class Remove:
    """Take away the gate, wall or facility ``uid``.

    A gate that goes is walled up, the same as `CloseGate`. When the last facility of a category
    goes, there is none of it, which is a gap and not missing data.
    """

    uid: str


Edit = (
    OpenWall
    | AddGate
    | OpenGate
    | CloseGate
    | SetHours
    | AddPath
    | AddFacility
    | MoveFacility
    | Remove
)


def words_of(edits: Iterable[Edit]) -> list[dict[str, object]]:
    """Return each edit as what it does and its values, ready for JSON."""
    return [{"edit": type(edit).__name__, **vars(edit)} for edit in edits]


def _require_place(what: str, xy: tuple[float, float]) -> None:
    if len(xy) != 2 or not (np.abs(xy) < _FARTHEST_M).all():
        raise OptionError(f"{what}: {xy} is no place; give X,Y in metres of the project's CRS")
