"""Renewal projects: about half of the old estates, spread over all stages."""

from __future__ import annotations

import datetime
from typing import Any, Final

import numpy as np

from gis.model import Layer
from gis.sample.fabric import Shapes
from gis.sample.frames import make_layer, pick, uids
from gis.sample.terrain import Floats

YUAN_PER_HOUSEHOLD: Final = 26_700
"""2.67 ten thousand yuan per household, the national mean of 2023 and 2025."""
STAGES: Final = (
    # stage, weight, works done from-to, money spent from-to
    ("survey", 0.15, (0.0, 0.0), (0.0, 0.0)),
    ("consent", 0.13, (0.0, 0.0), (0.0, 0.01)),
    ("design", 0.12, (0.0, 0.0), (0.01, 0.04)),
    ("approval", 0.09, (0.0, 0.0), (0.03, 0.06)),
    ("tender", 0.08, (0.0, 0.0), (0.04, 0.08)),
    ("works", 0.20, (0.05, 0.95), (0.0, 0.0)),
    ("acceptance", 0.09, (1.0, 1.0), (0.82, 0.95)),
    ("closed", 0.14, (1.0, 1.0), (0.95, 1.0)),
)
UNDER_WAY: Final = ("works", "acceptance", "closed")


def project_layer(
    shapes: Shapes, uid: list[str], names: list[str], year: Floats, households: Floats,
    contractors: list[str], rng: np.random.Generator,
) -> Layer:  # fmt: skip
    """Return the projects of the estates given by shape, key, name, year and households (n,)."""
    old = np.flatnonzero((year <= 2000) & ~np.isnan(households))
    # Every stage at least once, so that each can be seen; as many as the city allows.
    count = min(len(old), max(len(STAGES), round(len(old) / 2)))
    chosen = np.sort(rng.permutation(old)[:count])
    weight = np.array([stage[1] for stage in STAGES])
    drawn = rng.choice(len(STAGES), count, p=weight / weight.sum())
    drawn[: len(STAGES)] = np.arange(len(STAGES))[:count]
    rows: dict[str, list[Any]] = {}
    for stage_row, row in zip(rng.permutation(drawn).tolist(), chosen.tolist(), strict=True):
        one = _project(STAGES[stage_row], float(households[row]), rng)
        one["name"] = f"{names[row]}改造项目"
        one["estate"] = uid[row]
        for column, value in one.items():
            rows.setdefault(column, []).append(value)
    makers = pick(rng, contractors, count)
    begun = [stage in UNDER_WAY for stage in rows.get("stage", [])]
    rows["contractor"] = [m if b else None for m, b in zip(makers, begun, strict=True)]
    rows["uid"] = uids("X", count)
    return make_layer("projects", shapes[chosen], rows)


def _project(
    stage: tuple[str, float, tuple[float, float], tuple[float, float]], households: float,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    name, _, done, spent = stage
    planned = round(households * YUAN_PER_HOUSEHOLD * float(rng.lognormal(0.0, 0.22)), -3)
    progress = float(np.round(rng.uniform(*done), 2))
    paid = float(rng.uniform(*spent))
    if name == "works":
        paid = float(np.clip(progress * rng.uniform(0.75, 1.0), 0, 1))
    begin = None
    end = None
    if name in UNDER_WAY:
        first = {"works": 2025, "acceptance": 2024, "closed": 2023}[name]
        begin = datetime.date(first, 3, 1) + datetime.timedelta(days=int(rng.integers(0, 270)))
        if name != "works":
            end = begin + datetime.timedelta(days=int(rng.integers(150, 420)))
    consent = np.nan
    if name == "consent":
        consent = float(np.round(rng.uniform(0.35, 0.79), 3))
    elif name != "survey":
        consent = float(np.round(rng.uniform(0.80, 0.995), 3))
    return {
        "stage": name,
        "year": float(begin.year) if begin else float(rng.integers(2026, 2028)),
        "planned_yuan": planned,
        "spent_yuan": round(planned * paid, -3),
        "consent_share": consent,
        "progress": progress,
        "start": begin.isoformat() if begin else None,
        "end": end.isoformat() if end else None,
    }
