"""Walkers: whom the minutes of a limit are meant for, and what slows or stops them.

A walker is a table of ``data/walkers.toml``; every figure of it has its own source there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from gis.errors import RuleError, UnknownNameError
from gis.resources import data_dir

WALKERS_FILE: Final = "walkers.toml"
SPEED_RANGE_M_S: Final = (0.2, 3.0)
"""Slower is standing, faster is running."""

_FIGURES: Final[Mapping[str, tuple[float, float, str, bool]]] = {
    # key: lowest, highest, unit, whether it must be there
    "speed_m_s": (*SPEED_RANGE_M_S, "m/s", True),
    "stairs_factor": (1.0, 20.0, "times the flat", False),
    "steepest": (0.0, 1.0, "as a share (0.08 is 8 %)", False),
    "min_width_m": (0.0, 10.0, "m", False),
}
_CHOICES: Final = ("downhill_gain", "stairs")
_TEXTS: Final = ("zh", "en")
_PROOF: Final = ("value", "source", "verified", "confidence")


@dataclass(frozen=True)
class Proof:
    """Where the figure ``of`` a walker comes from, and whether somebody checked it there."""

    of: str
    source: str
    verified: bool
    confidence: float | None = None


@dataclass(frozen=True)
class Walker:
    """Somebody who walks.

    ``speed_m_s`` on the flat, with its ``source``. ``downhill_gain``: faster where it goes down,
    else never faster than on the flat. ``stairs``: may use them, at ``stairs_factor`` times the
    time of the same length on the flat. Streets steeper than ``steepest`` (rise over length) and
    narrower than ``min_width_m`` are closed; None: nothing is. ``proofs`` says of each figure
    where it comes from.
    """

    name: str
    zh: str
    en: str
    speed_m_s: float
    source: str
    downhill_gain: bool = True
    stairs: bool = True
    stairs_factor: float = 3.0
    steepest: float | None = None
    min_width_m: float | None = None
    proofs: tuple[Proof, ...] = ()

    def proof(self, of: str) -> Proof | None:
        """Return where the figure called ``of`` comes from; None where the walker has none."""
        return next((proof for proof in self.proofs if proof.of == of), None)


def walker_names() -> tuple[str, ...]:
    """Return the names of all walkers, in the order of the file."""
    return tuple(_read())


def load_walker(name: str) -> Walker:
    """Read one walker.

    Raises
    ------
    UnknownNameError
        There is no walker of that name.
    RuleError
        A line of it is missing or out of range; all faults are named.
    """
    walkers = _read()
    if name not in walkers:
        raise UnknownNameError(f"There is no walker '{name}'; give one of: {', '.join(walkers)}")
    row = walkers[name]
    faults = list(_faults(row))
    if faults:
        raise RuleError(f"{WALKERS_FILE}: the walker '{name}' {'; '.join(faults)}")
    figures = {key: row[key] for key in _FIGURES if key in row}
    given: dict[str, Any] = {key: float(figure["value"]) for key, figure in figures.items()}
    given |= {key: row[key] for key in _CHOICES}
    return Walker(
        name,
        row["zh"],
        row["en"],
        source=figures["speed_m_s"]["source"],
        proofs=tuple(
            Proof(key, figure["source"], figure["verified"], figure.get("confidence"))
            for key, figure in figures.items()
        ),
        **given,
    )


def _read() -> dict[str, Any]:
    try:
        return tomllib.loads((data_dir() / WALKERS_FILE).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{WALKERS_FILE} is no TOML in UTF-8 ({error}); mend that line") from error


def _faults(row: object) -> Iterator[str]:
    table = row if isinstance(row, dict) else {}
    for key in _TEXTS:
        if not _is_text(table.get(key)):
            yield f"has no '{key}'; add it"
    for key in _CHOICES:
        if not isinstance(table.get(key), bool):
            yield f"does not say '{key}'; give true or false"
    for key in sorted(table.keys() - {*_TEXTS, *_CHOICES, *_FIGURES}):
        yield f"has an unknown key '{key}'; take it out"
    for key, (low, high, unit, required) in _FIGURES.items():
        if key in table:
            yield from _figure_faults(key, table[key], low, high, unit)
        elif required:
            yield f"has no '{key}'; add it with its source"
    if table.get("stairs") is True and "stairs_factor" not in table:
        yield "uses stairs and has no 'stairs_factor'; add it with its source"


def _figure_faults(key: str, given: object, low: float, high: float, unit: str) -> Iterator[str]:
    figure = given if isinstance(given, dict) else {}
    value = figure.get("value")
    if not _is_number(value) or not low <= value <= high:
        yield f"has the {key} {value!r}; give a 'value' of {low:g} to {high:g} {unit}"
    if not _is_text(figure.get("source")):
        yield f"does not say where its {key} comes from; add a 'source'"
    if not isinstance(figure.get("verified"), bool):
        yield f"does not say whether its {key} is verified; give true or false"
    confidence = figure.get("confidence")
    if confidence is not None and not (_is_number(confidence) and 0 < confidence <= 1):
        yield f"has for its {key} the confidence {confidence!r}; give a share above 0, at most 1"
    if figure.get("verified") is False and confidence is None:
        yield f"has no 'confidence' for its {key}, which is not verified; add it, or check it"
    for name in sorted(figure.keys() - set(_PROOF)):
        yield f"has for its {key} an unknown key '{name}'; take it out"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
