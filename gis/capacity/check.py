"""The independent checker of an assignment. It shares no code with the solver.

It adds up anew who sits where, asks a maximum flow how many can be served at all, and holds the
walk against the prices that are given as the proof.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import maximum_flow


def check_assignment(
    demand: ArrayLike,
    supply: ArrayLike,
    origin: ArrayLike,
    target: ArrayLike,
    cm: ArrayLike,
    flow: ArrayLike,
    *,
    limit_cm: int | None = None,
    price: ArrayLike | None = None,
    worth_cm: int = 0,
) -> tuple[str, ...]:
    """Return what is wrong with an assignment, in words; empty when nothing is.

    Parameters
    ----------
    demand, supply
        (n,) people and (m,) places, whole; places that are not known are 0 here.
    origin, target, cm, flow
        (p,) rows of ``demand`` and ``supply``, walk in centimetres (below 0: no way), people.
    limit_cm
        Nobody may walk farther; the limit itself counts.
    price, worth_cm
        (m,) price of a place at each facility, 0 or less, and what a person served is worth: then
        the walk must be the least with which so many people can be served.
    """
    people = [int(v) for v in np.asarray(demand)]
    places = [int(v) for v in np.asarray(supply)]
    pairs = [
        (int(i), int(j), int(c), int(x))
        for i, j, c, x in zip(*(np.asarray(a).tolist() for a in (origin, target, cm, flow)),
                              strict=True)
    ]  # fmt: skip
    broken = [*_broken(people, places, pairs, limit_cm)]
    if broken:
        return tuple(broken)
    served = sum(x for *_, x in pairs)
    usable = [pair for pair in pairs if pair[2] >= 0 and (limit_cm is None or pair[2] <= limit_cm)]
    most = _most_served(people, places, usable)
    if served != most:
        broken.append(f"{served} people are served, not the {most} that can be")
    if price is not None:
        walk = sum(c * x for _, _, c, x in pairs)
        least = _least_walk(people, places, usable, np.asarray(price), worth_cm, served)
        if walk != least:
            broken.append(f"the walk is {walk} cm; the proof holds for {least} cm")
    return tuple(broken)


Pair = tuple[int, int, int, int]


def _broken(
    people: list[int], places: list[int], pairs: list[Pair], limit_cm: int | None
) -> list[str]:
    out = []
    got, taken = [0] * len(people), [0] * len(places)
    for i, j, c, x in pairs:
        got[i] += x
        taken[j] += x
        if x < 0:
            out.append(f"{x} people of unit {i} go to facility {j}")
        if x > 0 and (c < 0 or (limit_cm is not None and c > limit_cm)):
            out.append(f"{x} people of unit {i} go to facility {j}, which is out of reach")
    out += [
        f"unit {i}: {g} of {d} people"
        for i, (g, d) in enumerate(zip(got, people, strict=True))
        if g > d
    ]
    out += [
        f"facility {j}: {t} people on {s} places"
        for j, (t, s) in enumerate(zip(taken, places, strict=True))
        if t > s
    ]
    return out


def _most_served(people: list[int], places: list[int], usable: list[Pair]) -> int:
    """Return the value of a maximum flow from the people through the pairs to the places."""
    n, m = len(people), len(places)
    source, sink = n + m, n + m + 1
    tails = [source] * n + [i for i, *_ in usable] + [n + j for j in range(m)]
    heads = [*range(n), *(n + pair[1] for pair in usable), *([sink] * m)]
    room = [*people, *(min(people[i], places[j]) for i, j, *_ in usable), *places]
    size = n + m + 2
    graph = sp.csr_array((np.array(room, np.int32), (tails, heads)), shape=(size, size))
    return int(maximum_flow(graph, source, sink).flow_value)


def _least_walk(
    people: list[int],
    places: list[int],
    usable: list[Pair],
    price: NDArray[np.int64],
    worth_cm: int,
    served: int,
) -> int:
    """Return a walk below which ``served`` people cannot be served, whatever the prices are.

    Weak duality of the transport problem, in whole numbers of any size.
    """
    prices = [min(0, int(v)) for v in price]
    gain = [0] * len(people)
    for i, j, c, _ in usable:
        gain[i] = min(gain[i], c - worth_cm - prices[j])
    paid = sum(d * g for d, g in zip(people, gain, strict=True))
    paid += sum(s * v for s, v in zip(places, prices, strict=True))
    return paid + worth_cm * served
