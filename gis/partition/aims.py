"""What a plan is to be good at: several objectives, each with its weight and its scale.

The objective is the sum of weight x value / scale over the names asked for. With one name its
scale is 1. With several, scales bring the values to a common size, so that 1 is a sensible weight
for each; they follow from the input alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.partition.locks import whole_numbers

CUT_LINKS, BALANCE_OF, COMPACT_TO, SPREAD_OF = "cut-links", "balance", "compact", "spread"
BUILT_IN: Final = (CUT_LINKS, BALANCE_OF, COMPACT_TO, SPREAD_OF)


@dataclass(frozen=True, eq=False)
class Aims:
    """Weights and scales by name, and what follows from them, weights over scales applied.

    link_cost
        (e,) what it costs to cut each link.
    balance, compact, spread
        Factors of the three built-in figures; 0 when not asked for.
    splits
        Factor and (n,) classes of each column of classes, -1 unknown.
    """

    weights: Mapping[str, float]
    scales: Mapping[str, float]
    link_cost: NDArray[np.float64]
    balance: float
    compact: float
    spread: float
    splits: tuple[tuple[float, NDArray[np.int64]], ...]


def read_aims(
    objective: str | Mapping[str, float],
    *,
    links: NDArray[np.int64],
    given_links: NDArray[np.int64],
    link_weight: Mapping[str, ArrayLike],
    classes: Mapping[str, ArrayLike],
    first_size: NDArray[np.float64],
    cost: Any,
    xy: NDArray[np.float64] | None,
    faults: list[str],
) -> Aims:
    """Check the objectives and work their scales out; faults are added to ``faults``.

    links (e, 2) are sorted and unique; given_links are the caller's, to which link_weight belongs.
    """
    n = len(first_size)
    weights = _weights(objective, {*link_weight, *classes}, faults)
    faults.extend(
        f"'{name}' names an objective that is built in; give another name"
        for name in sorted({*link_weight, *classes} & {*BUILT_IN})
    )
    faults.extend(
        f"'{name}' is in both link_weight and classes; give two names"
        for name in sorted({*link_weight} & {*classes})
    )
    paid = {
        name: _wish(name, values, links, given_links, faults)
        for name, values in link_weight.items()
    }
    held = {
        name: whole_numbers(values, f"classes['{name}']", n, faults)
        for name, values in classes.items()
    }
    if SPREAD_OF in weights and xy is None:
        faults.append("objective spread needs xy (n, 2); give the places of the units")
    scales = dict.fromkeys(weights, 1.0)
    if len(weights) > 1 and not faults:
        scales = {
            name: _scale(name, links, paid, held, first_size, cost, xy) or 1.0 for name in weights
        }
    factor = {name: weight / scales[name] for name, weight in weights.items()}
    link_cost = np.full(len(links), factor.get(CUT_LINKS, 0.0))
    for name, values in paid.items():
        link_cost = link_cost + factor.get(name, 0.0) * values
    return Aims(
        weights, scales, link_cost, factor.get(BALANCE_OF, 0.0), factor.get(COMPACT_TO, 0.0),
        factor.get(SPREAD_OF, 0.0),
        tuple((factor[name], values) for name, values in held.items() if factor.get(name)),
    )  # fmt: skip


def _weights(
    objective: str | Mapping[str, float], named: set[str], faults: list[str]
) -> dict[str, float]:
    asked = {objective: 1.0} if isinstance(objective, str) else dict(objective)
    known = [*BUILT_IN, *sorted(named)]
    faults.extend(
        f"there is no objective '{name}'; give one of {', '.join(known)}"
        for name in asked
        if name not in known
    )
    for name, weight in asked.items():
        if not (np.isfinite(weight) and weight >= 0):
            faults.append(f"the weight of {name} is {weight:g}; give a finite number of 0 or more")
    if not any(weight > 0 for weight in asked.values()):
        faults.append("no objective has a weight above 0; give one")
    return {name: float(weight) for name, weight in asked.items()}


def _wish(
    name: str,
    values: ArrayLike,
    links: NDArray[np.int64],
    given: NDArray[np.int64],
    faults: list[str],
) -> NDArray[np.float64]:
    """(e,) cost of cutting each unique link; of a pair given several times the largest counts."""
    paid = np.asarray(values, dtype=float)
    out = np.zeros(len(links))
    if paid.shape != (len(given),):
        faults.append(f"link_weight['{name}'] has the shape {paid.shape}; give ({len(given)},)")
        return out
    wrong = ~(np.isfinite(paid) & (paid >= 0))
    if wrong.any():
        row = int(wrong.argmax())
        faults.append(
            f"link_weight['{name}'] of link {row} is {paid[row]:g}; give finite numbers of 0 or "
            "more"
        )
        return out
    if len(links):
        ends = np.sort(given.astype(np.int64), axis=1)
        real = ends[:, 0] != ends[:, 1]
        wide = int(links.max()) + 1
        place = np.searchsorted(links[:, 0] * wide + links[:, 1], ends[real] @ [wide, 1])
        np.maximum.at(out, place, paid[real])
    return out


def _scale(
    name: str,
    links: NDArray[np.int64],
    paid: Mapping[str, NDArray[np.float64]],
    held: Mapping[str, NDArray[np.int64]],
    first_size: NDArray[np.float64],
    cost: Any,
    xy: NDArray[np.float64] | None,
) -> float:
    """Return what a value is divided by when several objectives are weighed; 0 when all are 0."""
    if name == CUT_LINKS:
        return float(len(links))
    if name == COMPACT_TO:
        return float(first_size.sum()) * _usual_cost(links, cost)
    if name == SPREAD_OF and xy is not None and len(links):
        square = ((xy[links[:, 0]] - xy[links[:, 1]]) ** 2).sum(axis=1)
        return len(first_size) * float(np.median(square))
    if name in paid:
        return float(paid[name].sum())
    if name in held:
        return float(len(np.unique(held[name][held[name] >= 0])))
    return 1.0


def _usual_cost(links: NDArray[np.int64], cost: Any) -> float:
    """Median cost between linked units; of all pairs when no link has a cost."""
    rows = sp.csr_array(cost).tocoo()
    off = rows.row != rows.col
    if not off.any():
        return 0.0
    width = cost.shape[0]
    key, value = rows.row[off].astype(np.int64) * width + rows.col[off], rows.data[off]
    both = np.r_[links[:, 0] * width + links[:, 1], links[:, 1] * width + links[:, 0]]
    linked = np.isin(key, both)
    return float(np.median(value[linked] if linked.any() else value))


def score(problem: Any, label: NDArray[np.int64]) -> float:
    """Return the objective of labels (n,) of a `Problem`; units left out (-1) cost nothing."""
    aims: Aims = problem.aims
    out = _cut_cost(problem.links, aims.link_cost, label)
    placed = np.flatnonzero(label >= 0)
    if not len(placed):
        return out
    _, district = np.unique(label[placed], return_inverse=True)
    if aims.balance:
        total = np.bincount(district, weights=problem.size[placed, 0])
        mean = total.mean() if problem.mean is None else problem.mean
        out += aims.balance * float(np.abs(total / mean - 1.0).max()) if mean > 0 else 0.0
    if aims.compact:
        out += aims.compact * _to_centres(problem, label)
    if aims.spread:
        x, y = problem.xy[placed].T
        number = np.bincount(district)
        for z in (x, y):
            off = z - (np.bincount(district, weights=z) / number)[district]
            out += aims.spread * float(off @ off)
    for factor, held in aims.splits:
        known = held[placed] >= 0
        kinds, column = np.unique(held[placed][known], return_inverse=True)
        pairs = np.unique(district[known] * max(len(kinds), 1) + column)
        out += factor * (len(pairs) - len(kinds))
    return out


def lost_cost(problem: Any, label: NDArray[np.int64]) -> float:
    """Return what the links that no district can hold add to the objective."""
    return _cut_cost(problem.lost, problem.lost_cost, label)


def _cut_cost(
    links: NDArray[np.int64], paid: NDArray[np.float64], label: NDArray[np.int64]
) -> float:
    ends = label[links]
    cut = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
    return float(paid[cut].sum())


def _to_centres(problem: Any, label: NDArray[np.int64]) -> float:
    """Sum of first size x cost to the best centre of each district; inf when one has none."""
    coo = problem.cost.tocoo()
    inside = (label[coo.row] >= 0) & (label[coo.row] == label[coo.col])
    row, centre = coo.row[inside], coo.col[inside]
    paid = np.bincount(centre, coo.data[inside] * problem.size[row, 0], minlength=len(label))
    reached = np.bincount(centre, minlength=len(label))
    members = np.bincount(label[label >= 0])
    whole = (label >= 0) & (reached == members[label])
    best = np.full(len(members), np.inf)
    np.minimum.at(best, label[whole], paid[whole])
    return float(best[members > 0].sum())
