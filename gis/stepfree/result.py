"""The answer on step-free ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.model import Finding

STATUSES: Final = ("step-free", "stairs-only", "none", "unlinked", "no-data")


@dataclass(frozen=True)
class Ramp:
    """One obstacle made step-free, and what that alone brings.

    ``kind`` says what it is now: "stairs", "steep" or "narrow". ``streets`` are uids, ``place``
    (x, y) m its middle. ``length_m`` is its length now and ``ramp_m`` that of the ramp, NaN where
    its rise is unknown. ``people`` newly have a step-free way to at least one of the services;
    ``by_category`` says to which, and ``gains`` is the sum of those: who gains two services counts
    twice. ``homes`` counts buildings or estates, of which ``homes_unknown`` have unknown people,
    who count as none.
    """

    kind: str
    streets: tuple[str, ...]
    name: str | None
    place: tuple[float, float]
    length_m: float
    ramp_m: float
    gains: float
    people: float
    by_category: Mapping[str, float]
    homes: int
    homes_unknown: int


@dataclass(frozen=True)
class Step:
    """One step of the greedy choice: places in ``StepFree.ramps``, and what they gain.

    Several ramps are one step where only together they make a way.
    """

    ramps: tuple[int, ...]
    gains: float
    gains_so_far: float


@dataclass(frozen=True, eq=False)
class StepFree:
    """Who has a step-free way to which service, and which ramps would give one.

    ``home`` (u,) uids of buildings (estates where none is known) and ``estate`` (u,) uids;
    ``kind`` (u,) "building" or "estate"; ``people`` (u,) NaN where unknown; ``status`` (u, k) one
    of `STATUSES` per category; ``free_m`` and ``stairs_m`` (u, k) the walk without and with stairs
    in metres (of flat walking where minutes limit it), NaN where there is none within the limit.

    ``ramps`` are sorted by what each alone brings, which is exact. ``chosen`` is a greedy choice:
    what the first n bring together is exact, that no other n bring more is not. No choice brings
    more than ``gains_bound``: all ramps at once.
    """

    categories: tuple[str, ...]
    home: NDArray[np.object_]
    kind: NDArray[np.object_]
    estate: NDArray[np.object_]
    people: NDArray[np.float64]
    status: NDArray[np.object_]
    free_m: NDArray[np.float64]
    stairs_m: NDArray[np.float64]
    ramps: tuple[Ramp, ...]
    chosen: tuple[Step, ...]
    gains_bound: float
    assumptions: Mapping[str, Any]
    findings: tuple[Finding, ...]

    def summary(self) -> list[dict[str, Any]]:
        """Return one dictionary per category: homes and people of each status."""
        return [self._summary_of(k) for k in range(len(self.categories))]

    def _summary_of(self, k: int) -> dict[str, Any]:
        row: dict[str, Any] = {"category": self.categories[k]}
        for status in STATUSES:
            here = self.status[:, k] == status
            key = status.replace("-", "_")
            row[f"homes_{key}"] = int(here.sum())
            row[f"people_{key}"] = float(np.nansum(self.people[here]))
        row["homes_people_unknown"] = int(np.isnan(self.people).sum())
        return row

    def without(self) -> pd.DataFrame:
        """Return one row per home and service that it has no step-free way to, stairs or not."""
        return pd.DataFrame(
            list(self._rows()),
            columns=["home", "kind", "estate", "category", "status", "people", "stairs_m"],
        )

    def _rows(self) -> Iterator[dict[str, Any]]:
        for k, category in enumerate(self.categories):
            for i in np.flatnonzero(np.isin(self.status[:, k], ("stairs-only", "none"))):
                yield {
                    "home": self.home[i],
                    "kind": self.kind[i],
                    "estate": self.estate[i],
                    "category": category,
                    "status": self.status[i, k],
                    "people": self.people[i],
                    "stairs_m": self.stairs_m[i, k],
                }

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; unknown numbers are null."""
        return {
            "items": self.summary(),
            "without": [_plain(row) for row in self._rows()],
            "ramps": [_plain(vars(ramp)) for ramp in self.ramps],
            "chosen": [_plain(vars(step)) for step in self.chosen],
            "gains_bound": self.gains_bound,
            "assumptions": dict(self.assumptions),
            "findings": [finding.to_json() for finding in self.findings],
        }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, float | np.floating):
            plain[key] = None if np.isnan(value) else float(value)
        elif isinstance(value, tuple):
            plain[key] = list(value)
        else:
            plain[key] = dict(value) if isinstance(value, Mapping) else value
    return plain
