"""Enhanced two-step floating catchment: places within reach, shared among all in reach of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.capacity.pairs import read_pairs
from gis.errors import OptionError
from gis.model import Finding

LUO_QI_WEIGHTS: Final = (1.00, 0.68, 0.22)
"""Weights of the three bands of Luo and Qi (2009), the slower of their two falls."""

Bands = Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Access:
    """Places per person.

    ``ratio`` (m,) places of each facility per weighted person in reach of it, NaN where its
    capacity is unknown or nobody is in reach; ``in_reach`` (m,) those weighted people; ``access``
    (n,) places per person in reach of each unit, 0 where there are none; ``left_out`` (k,) rows of
    facilities of unknown capacity.
    """

    ratio: NDArray[np.float64]
    in_reach: NDArray[np.float64]
    access: NDArray[np.float64]
    left_out: NDArray[np.int64]
    findings: tuple[Finding, ...]


def bands_of(
    limit_cm: int, weights: Sequence[float] = LUO_QI_WEIGHTS
) -> tuple[tuple[float, float], ...]:
    """Return equal bands up to a limit, with their weights.

    Parameters
    ----------
    limit_cm
        Centimetres, > 0.
    weights
        One per band, from near to far.
    """
    parts = len(weights)
    return tuple((limit_cm * (i + 1) / parts, w) for i, w in enumerate(weights))


def floating_catchment(
    demand: ArrayLike,
    supply: ArrayLike,
    origin: ArrayLike,
    target: ArrayLike,
    cm: ArrayLike,
    *,
    bands: Bands,
) -> Access:
    """Share the places of each facility among the people who can walk to it.

    First, the places of a facility over the people in reach, each weighted by the band of the
    walk; then, for each unit, the sum of these ratios over the facilities in reach, weighted
    again. People times access adds up to the places of all facilities with people in reach.

    Parameters
    ----------
    demand
        (n,) people, 0 or more; NaN: unknown, they take no place and a finding says so.
    supply
        (m,) places, 0 or more; NaN: unknown, left out and named in a finding.
    origin, target, cm
        (p,) rows of ``demand`` and ``supply`` and the walk between them in whole centimetres;
        below 0 or beyond the last band: out of reach. Each pair once.
    bands
        Limits in centimetres, inclusive and rising, each with its weight above 0 and at most 1,
        never rising; see `bands_of`.

    Raises
    ------
    LayerError
        Negative people or places; the row is named.
    OptionError
        Bands out of order, arrays that do not fit, a pair given twice.

    Notes
    -----
    Luo, W. and Qi, Y. (2009): An enhanced two-step floating catchment area (E2SFCA) method for
    measuring spatial accessibility to primary care physicians. Health & Place 15, 1100-1107.
    """
    limits, weights = _read_bands(bands)
    pairs = read_pairs(demand, supply, origin, target, cm)
    band = np.searchsorted(limits, pairs.cm, side="left")
    used = (pairs.cm >= 0) & (band < len(limits)) & ~pairs.unknown[pairs.target]
    unit, door, weight = pairs.origin[used], pairs.target[used], weights[band[used]]
    people = np.bincount(door, weight * pairs.demand[unit], minlength=len(pairs.supply))
    shared = people > 0
    ratio = np.full(len(people), np.nan)
    ratio[shared] = pairs.supply[shared] / people[shared]
    offered = weight * np.nan_to_num(ratio)[door]
    return Access(
        ratio=ratio,
        in_reach=np.where(pairs.unknown, np.nan, people),
        access=np.bincount(unit, offered, minlength=len(pairs.demand)).astype(float),
        left_out=np.flatnonzero(pairs.unknown),
        findings=pairs.findings,
    )


def _read_bands(bands: Bands) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = np.asarray(bands, dtype=float).reshape(-1, 2)
    limits, weights = table[:, 0], table[:, 1]
    if not len(table) or not (limits > 0).all() or not (np.diff(limits) > 0).all():
        raise OptionError(
            f"The limits of the bands are {[float(x) for x in limits]}; give centimetres above 0, "
            "rising"
        )
    if not ((weights > 0) & (weights <= 1)).all() or (np.diff(weights) > 0).any():
        raise OptionError(
            f"The weights of the bands are {[float(x) for x in weights]}; give shares above 0, at "
            "most 1, never rising"
        )
    return limits, weights
