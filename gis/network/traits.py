"""What makes a street slower to walk, or closed to some: stairs, lifts, waiting, narrow places."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.errors import RuleError
from gis.model import Layer
from gis.resources import data_dir
from gis.walkers import Proof

EFFORT_FILE: Final = "effort.toml"
_FIGURES: Final = ("signal_s", "lift_s", "tread_m", "riser_m", "ramp_slope")


@dataclass(frozen=True, eq=False)
class StreetTraits:
    """Traits of n streets, by the rows of the streets layer.

    ``stairs`` and ``lift`` (n,) bool; ``risers`` (n,) steps of a stair and ``width_m`` (n,), NaN
    where unknown; ``delay_s`` (n,) seconds waited on the whole street (signal, lift), 0 where none.
    """

    stairs: NDArray[np.bool_]
    lift: NDArray[np.bool_]
    risers: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    width_m: NDArray[np.float64]


@dataclass(frozen=True)
class EffortTable:
    """The figures of ``data/effort.toml``: what a walk costs beyond its metres, for everybody.

    ``signal_s`` seconds at a signal, ``lift_s`` seconds for a lift, ``tread_m`` plan length of one
    riser and ``riser_m`` its rise; ``ramp_slope`` the steepest ramp, rise over length; ``proofs``
    says where each comes from.
    """

    signal_s: float
    lift_s: float
    tread_m: float
    riser_m: float
    ramp_slope: float
    proofs: tuple[Proof, ...] = ()

    @classmethod
    @cache
    def load(cls) -> EffortTable:
        """Read the table that comes with Lianpian."""
        return cls.from_toml((data_dir() / EFFORT_FILE).read_text("utf-8"))

    @classmethod
    def from_toml(cls, text: str) -> EffortTable:
        """Read a table in the form of ``data/effort.toml``.

        Raises
        ------
        RuleError
            A figure is missing, is no positive number or does not say where it comes from.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RuleError(f"{EFFORT_FILE} is no TOML: {error}; mend that line") from error
        if set(tables) != set(_FIGURES):
            raise RuleError(
                f"{EFFORT_FILE} has the tables {', '.join(tables) or 'none'}; "
                f"it needs exactly {', '.join(_FIGURES)}"
            )
        wrong = [name for name in _FIGURES if not _is_figure(tables[name])]
        if wrong:
            raise RuleError(
                f"{EFFORT_FILE}: {', '.join(wrong)} needs a value above 0, a source, verified = "
                "true or false, and where it is false a confidence"
            )
        proofs = tuple(
            Proof(name, row["source"], row["verified"], row.get("confidence"))
            for name, row in tables.items()
        )
        values = {name: float(tables[name]["value"]) for name in _FIGURES}
        return cls(**values, proofs=proofs)


def _is_figure(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("verified"), bool):
        return False
    value, confidence = row.get("value"), row.get("confidence")
    numbers = [value] if row["verified"] and confidence is None else [value, confidence]
    good = all(isinstance(n, int | float) and not isinstance(n, bool) and n > 0 for n in numbers)
    return good and bool(row.get("source"))


def traits_of(streets: Layer, table: EffortTable) -> StreetTraits:
    """Return what the columns of the streets (n rows) say of walking them.

    A street is a stair by its class or because it has risers, and a lift by its class. It is waited
    for ``delay_s`` seconds where that is given (0: not at all), else as ``table`` says of signals
    and lifts; a lift with a signal is waited for twice.
    """
    frame = streets.frame
    highway = frame["highway"].fillna("").str.strip().str.lower()
    risers = frame["risers"].to_numpy(dtype=np.float64)
    lift = (highway == "elevator").to_numpy(dtype=bool)
    signal = frame["signal"].fillna(False).to_numpy(dtype=bool)
    usual_s = np.where(signal, table.signal_s, 0.0) + np.where(lift, table.lift_s, 0.0)
    given_s = frame["delay_s"].to_numpy(dtype=np.float64)
    return StreetTraits(
        stairs=(highway == "steps").to_numpy(dtype=bool) | (risers > 0),
        lift=lift,
        risers=np.where(risers > 0, risers, np.nan),
        delay_s=np.where(np.isnan(given_s), usual_s, given_s),
        width_m=frame["width_m"].to_numpy(dtype=np.float64),
    )
