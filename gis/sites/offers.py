"""What every candidate could hold, and why not: the register of idle rooms and plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.model import Study
from gis.rules import Rule
from gis.sites.ask import Ask
from gis.sites.offering import candidates_for, fit_of


@dataclass(frozen=True)
class Offer:
    """One candidate and one category; ``category`` None: the site is no candidate at all."""

    uid: str
    name: str | None
    means: str | None
    floor_m2: float
    land_m2: float
    cost_yuan: float
    cost_estimated: bool
    category: str | None
    fits: bool
    why: str
    why_zh: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values; unknown numbers are None."""
        told = dict(vars(self))
        for key, value in told.items():
            if isinstance(value, float) and np.isnan(value):
                told[key] = None
        return told


def offers_of(study: Study, rules: Sequence[Rule], ask: Ask) -> tuple[Offer, ...]:
    """Say of every site which of the services it fits, and why not.

    Raises
    ------
    MissingLayerError, OptionError
        As `gis.sites.candidates_of`.
    """
    return tuple(_offers(study, rules, ask))


def _offers(study: Study, rules: Sequence[Rule], ask: Ask) -> Iterator[Offer]:
    c = candidates_for(study, rules, ask)
    fits = [fit_of(c, rule, ask) for rule in rules]
    for row in range(len(c)):
        for rule, found in zip(rules, fits, strict=True):
            yield Offer(
                uid=str(c.uid[row]),
                name=c.name[row],
                means=c.means[row],
                floor_m2=float(c.floor_m2[row]),
                land_m2=float(c.land_m2[row]),
                cost_yuan=float(found.cost_yuan[row]),
                cost_estimated=bool(found.cost_estimated[row]),
                category=rule.category,
                fits=bool(found.fits[row]),
                why=str(found.why_en[row]),
                why_zh=str(found.why_zh[row]),
            )
    unknown = float("nan")
    for each in c.left_out:
        yield Offer(
            each.uid,
            each.name,
            None,
            unknown,
            unknown,
            unknown,
            False,
            None,
            False,
            each.en,
            each.zh,
        )
