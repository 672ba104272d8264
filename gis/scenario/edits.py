"""What may be changed in a scenario, one small step each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

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

    A size that is not given (None, m2) is unknown, and counts as large enough.

    Raises
    ------
    UnknownNameError
        There is no such category.
    """

    category: str
    xy: tuple[float, float]
    floor_area_m2: float | None = None
    land_area_m2: float | None = None

    def __post_init__(self) -> None:
        _require_place("AddFacility", self.xy)
        _require_sizes("AddFacility", self.floor_area_m2, self.land_area_m2)
        Categories.load().require(self.category)


@dataclass(frozen=True)
class MoveFacility:
    """Move the facility ``uid`` to ``xy``; it stays as large as it is, and is a point there."""

    uid: str
    xy: tuple[float, float]

    def __post_init__(self) -> None:
        _require_place("MoveFacility", self.xy)


@dataclass(frozen=True)
class EnlargeFacility:
    """Give the facility ``uid`` another floor or land area, m2; None: as it is.

    In the edited study it is a new row, ``uid`` with "-enlarged" behind.
    """

    uid: str
    floor_area_m2: float | None = None
    land_area_m2: float | None = None

    def __post_init__(self) -> None:
        _require_sizes("EnlargeFacility", self.floor_area_m2, self.land_area_m2)


@dataclass(frozen=True)
class Remove:
    """Take away the gate, wall or facility ``uid``; ``gates:uid`` where several have the same.

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
    | EnlargeFacility
    | Remove
)


_KIND: Final = {
    OpenWall: "walls",
    OpenGate: "gates",
    CloseGate: "gates",
    SetHours: "gates",
    MoveFacility: "facilities",
    EnlargeFacility: "facilities",
}
_NAMES: Final = {kind.__name__: kind for kind in get_args(Edit)}


def require_consistent(edits: Iterable[Edit]) -> None:
    """Refuse several edits of one thing: which of them is meant cannot be told.

    One wall may be opened at several places.

    Raises
    ------
    OptionError
        Two edits name one gate, wall or facility.
    """
    named: dict[str, list[Edit]] = {}
    for edit in edits:
        if not isinstance(edit, AddGate | AddPath | AddFacility):
            kind, sign, uid = edit.uid.partition(":")
            prefixed = isinstance(edit, Remove) and sign and kind in _KIND.values()
            others = named.setdefault(uid if prefixed else edit.uid, [])
            if any(_contradict(edit, other) for other in others):
                what = " and ".join(type(each).__name__ for each in (others[0], edit))
                raise OptionError(f"Two edits name '{edit.uid}' ({what}); give one of them")
            others.append(edit)


def _contradict(one: Edit, other: Edit) -> bool:
    if isinstance(one, OpenWall) and isinstance(other, OpenWall):
        return one.at == other.at or one.at is None or other.at is None
    # Keys are those of a layer: a gate and a wall may have the same.
    kinds = {_KIND.get(type(one)), _KIND.get(type(other))}
    return None in kinds or len(kinds) == 1


def edits_of(words: Iterable[Mapping[str, Any]]) -> tuple[Edit, ...]:
    """Return the edits that `words_of` told, as they come back from JSON.

    Raises
    ------
    OptionError
        There is no such edit, or a value of it is missing or none.
    """
    return tuple(_edit_of(dict(word)) for word in words)


def _edit_of(values: dict[str, Any]) -> Edit:
    name = values.pop("edit", None)
    kind = _NAMES.get(str(name))
    try:
        for key in ("at", "xy"):
            if values.get(key) is not None:
                values[key] = tuple(map(float, values[key]))
        if "line" in values:
            values["line"] = tuple(tuple(map(float, place)) for place in values["line"])
        if kind is not None:
            edit: Edit = kind(**values)
            return edit
    except (TypeError, ValueError) as error:
        raise OptionError(f"The edit '{name}' cannot be read ({error}); make it anew") from error
    raise OptionError(f"There is no edit '{name}'; give one of: {', '.join(_NAMES)}")


def words_of(edits: Iterable[Edit]) -> list[dict[str, object]]:
    """Return each edit as what it does and its values, ready for JSON."""
    return [{"edit": type(edit).__name__, **vars(edit)} for edit in edits]


def _require_sizes(what: str, *sizes: float | None) -> None:
    for size in sizes:
        if size is not None and not 0 < size < _FARTHEST_M:
            raise OptionError(f"{what}: {size} is no area; give square metres above 0")


def _require_place(what: str, xy: tuple[float, float]) -> None:
    if len(xy) != 2 or not (np.abs(xy) < _FARTHEST_M).all():
        raise OptionError(f"{what}: {xy} is no place; give X,Y in metres of the project's CRS")
