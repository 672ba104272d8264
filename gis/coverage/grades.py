"""How good the data are that a result rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gis.coverage.facilities import Wanted
from gis.coverage.people import Crowd
from gis.grade import Grade, grade
from gis.network import Ground
from gis.rules import Rule


@dataclass(frozen=True)
class Basis:
    """What all items share: the share of estates that are linked, and of those with mapped gates.

    ``heights`` is the share of the streets' length whose heights are known.
    """

    unlinked: float
    mapped_gates: float
    heights: float


def basis_of(ground: Ground, heights: float) -> Basis:
    """Count what all items share."""
    linked = ground.linked()
    gated = np.zeros(ground.estates, dtype=bool)
    gated[ground.gates.estate] = True
    return Basis(float(np.mean(~linked)), float(np.mean(gated)), heights)


def item_grade(basis: Basis, rule: Rule, group: Crowd, wanted: Wanted, *, terrain: bool) -> Grade:
    """Grade one item; sizes matter where the rule asks for one, heights where it minds them."""
    asked = rule.min_floor_m2 is not None or rule.min_land_m2 is not None
    own = wanted.size_known[wanted.rows]
    return _graded(
        basis,
        group,
        sizes_known=float(np.mean(own)) if asked and len(own) else None,
        confidence=_confidence([rule]),
        terrain=terrain,
    )


def whole_grade(
    basis: Basis,
    rules: Sequence[Rule],
    everybody: Crowd,
    sizes_known: float | None,
    *,
    terrain: bool,
) -> Grade:
    """Grade the whole measurement."""
    return _graded(
        basis, everybody, sizes_known=sizes_known, confidence=_confidence(rules), terrain=terrain
    )


def _graded(
    basis: Basis,
    group: Crowd,
    *,
    sizes_known: float | None,
    confidence: float,
    terrain: bool,
) -> Grade:
    known = ~np.isnan(group.estates)
    return grade(
        unlinked=basis.unlinked,
        people_known=float(np.mean(known)),
        people_counted=float(np.mean(known & ~group.estimated)),
        mapped_gates=basis.mapped_gates,
        sizes_known=sizes_known,
        heights_known=basis.heights if terrain else None,
        confidence=confidence,
    )


def _confidence(rules: Sequence[Rule]) -> float:
    """Return the least confidence of figures that nobody held against the text; 1 without such."""
    return min((r.confidence or 0.0 for r in rules if not r.verified), default=1.0)
