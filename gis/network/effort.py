"""What links cost a walker: slopes, stairs, waiting and closed ways, in centimetres of the flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.errors import LayerError, MissingLayerError, OptionError
from gis.model import Finding
from gis.network.graph import WalkNetwork
from gis.network.heights import missing_heights, unknown_share
from gis.network.polylines import Polylines
from gis.network.search import MAX_CM
from gis.network.traits import EffortTable
from gis.walkers import Walker

Mode = Literal["distance", "time"]
MODES: Final[tuple[Mode, ...]] = ("distance", "time")

STEEPEST: Final = 0.5
"""Slope as a share above which no slope counts: that of a stair. What is steeper in the data is a
stair that is not marked as one, or a slip in the heights."""

_SHORTEST_STEEP_M: Final = 1.0
"""A steep stretch shorter than this is a kerb or a slip of the pen and closes no street."""
_EXACTLY: Final = 1e-9
"""So that a slope of exactly the limit, made of decimal fractions, is within it."""


def costs_of(
    network: WalkNetwork,
    walker: Walker,
    *,
    mode: Mode,
    terrain: bool = False,
    closed: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], tuple[Finding, ...]]:
    """Return what each link costs a walker each way, in whole centimetres of flat walking.

    In the mode "distance" a link costs its length: the limits of the standards are metres, up and
    down alike. In the mode "time" it costs what the walker goes on the flat in the same time:
    slopes by `tobler` where ``terrain`` is wanted, stairs ``walker.stairs_factor`` times their
    length, signals and lifts their wait. A stair whose risers are known is as long as their treads;
    what it is longer on the plan is landings. On stairs and in lifts no slope counts. The wait and
    the risers of a street belong to all of its links by their length, so that cutting a street
    changes no sum. Each cost is rounded once.

    In both modes closed to the walker are stairs he cannot use, streets that are narrower than he
    needs, where ``terrain`` is wanted streets that are anywhere (for 1 m or more) steeper than he
    can, and the links in ``closed``. Where heights are unknown a link is walked as flat.

    Parameters
    ----------
    network
        e links, with heights from `with_heights` where ``terrain`` is wanted.
    walker
        Who walks.
    mode
        "distance" or "time".
    terrain
        Whether slopes count.
    closed
        (e,) links that are shut for everybody, such as gates at that hour.

    Returns
    -------
    cost_cm
        (e, 2) along and against the course of the link, -1 where closed; for
        `WalkNetwork.with_costs`.
    findings
        How much is closed to the walker, which slopes were capped and what has no heights.

    Raises
    ------
    MissingLayerError
        ``terrain`` is wanted and no street has heights.
    OptionError
        There is no such mode, or ``closed`` is not one per link.
    LayerError
        A link costs more than can be counted.
    """
    if mode not in MODES:
        raise OptionError(f"The mode is '{mode}'; give one of: {', '.join(MODES)}")
    if closed is not None and closed.shape != (len(network.links),):
        raise OptionError(f"closed has shape {closed.shape}; give one per link of the network")
    if terrain and unknown_share(network) == 1.0:
        raise MissingLayerError(
            "Slopes are asked for and no street has heights; import a grid or spot heights first "
            "(lianpian import PROJECT heights FILE), or streets with z"
        )
    course = _Course(network)
    findings = list(missing_heights(network)) if terrain else []
    shut = np.zeros(len(network.links), dtype=bool) if closed is None else closed.copy()
    for reason, those in _shut_to(course, walker, terrain=terrain):
        findings += _closed_finding(network, walker, reason, those & ~shut)
        shut |= those
    if walker.steepest is not None and not terrain:
        findings.append(_slopes_unknown(walker))
    cost = np.repeat(network.length_cm[:, None], 2, axis=1).astype(np.float64)
    if mode == "time":
        cost = _time_cm(course, walker, terrain=terrain)
        findings += _capped(course) if terrain else ()
    if cost.max(initial=0.0) > MAX_CM:
        row = int(cost.max(axis=1).argmax())
        raise LayerError(
            f"Link {row} of the streets costs {cost[row].max() / 100:,.0f} m of flat walking; "
            "correct its risers or its delay_s"
        )
    cost[shut] = -1
    return cost.astype(np.int32), tuple(findings)


def tobler(slope: NDArray[np.float64], *, downhill_gain: bool = True) -> NDArray[np.float64]:
    """Return the speed on slopes (n,), rise over length in walking direction, as a share of flat.

    ``exp(-3.5 (|S + 0.05| - 0.05))``: Tobler's hiking function (1993) with the flat as 1. It is
    fastest, 1.19, at 5 % down. Without ``downhill_gain`` it is 1 at most: a cautious choice for
    old people, small children and wheelchairs, whom a slope down does not help.
    """
    factor = np.exp(-3.5 * (np.abs(slope + 0.05) - 0.05))
    return factor if downhill_gain else np.minimum(factor, 1.0)


class _Course:
    """The vertices of the links: steps (p,) in m with their slopes, and sums by link (e,)."""

    def __init__(self, network: WalkNetwork) -> None:
        self.network = network
        lines = network.lines
        self.step_m = _steps(lines, lines.along_m)
        rise = _steps(lines, lines.z)
        level = np.isnan(rise) | (self.step_m == 0)
        self.slope = np.divide(rise, self.step_m, out=np.zeros_like(rise), where=~level)
        self.length_m = self.sum(self.step_m)
        self.on_street = network.street >= 0
        self.traits = network.traits
        self.stairs = self.lift = np.zeros(len(network.links), dtype=bool)
        if self.traits is not None:
            self.stairs = self.flags(self.traits.stairs)
            self.lift = self.flags(self.traits.lift)
        # Neither on stairs nor in a lift does a slope count.
        self.slope[(self.stairs | self.lift)[lines.line]] = 0.0

    def flags(self, of_street: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(e,) what is said of each link's street; False for links that are no street."""
        return np.append(of_street, False)[self.network.street]

    def numbers(self, of_street: NDArray[np.float64]) -> NDArray[np.float64]:
        """(e,) what is said of each link's street; NaN for links that are no street."""
        return np.append(of_street, np.nan)[self.network.street]

    def sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(e,) sums of the values (p,) of the vertices of each link."""
        if len(self.network.links) == 0:
            return np.empty(0)
        return np.add.reduceat(values, self.network.lines.start[:-1])

    def share_of_street(self) -> NDArray[np.float64]:
        """(e,) share of its street's length that a link is; 0 for links that are no street."""
        street = self.network.street[self.on_street]
        total = np.bincount(street, weights=self.length_m[self.on_street])
        share = np.zeros(len(self.length_m))
        share[self.on_street] = self.length_m[self.on_street] / np.maximum(total[street], 1e-12)
        return share


def _steps(lines: Polylines, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences (p,) from the vertex before; 0 at the start of each line."""
    steps = np.diff(values, prepend=0.0)
    steps[lines.start[:-1]] = 0.0
    return steps


def _time_cm(course: _Course, walker: Walker, *, terrain: bool) -> NDArray[np.float64]:
    network = course.network
    plan_cm = course.length_m * 100.0
    # Rounded lengths would add up: three times half a centimetre on stairs. Where a link counts as
    # something else than its course (a free leg), only that counts.
    own = np.rint(plan_cm) == network.length_cm
    base = np.where(own, plan_cm, network.length_cm)
    cost = np.empty((len(network.links), 2))
    for way, sign in enumerate((1.0, -1.0)):
        factor = np.ones(len(base))
        if terrain:
            slope = np.clip(sign * course.slope, -STEEPEST, STEEPEST)
            pace = course.step_m / tobler(slope, downhill_gain=walker.downhill_gain)
            moved = course.length_m > 0
            np.divide(course.sum(pace), course.length_m, out=factor, where=moved)
        cost[:, way] = base * factor
    if course.traits is not None:
        share = course.share_of_street()
        table = EffortTable.load()
        risers = course.numbers(course.traits.risers)
        treads_cm = np.where(np.isnan(risers), base, risers * table.tread_m * 100.0 * share)
        landing_cm = np.maximum(base - treads_cm, 0.0)
        climb_cm = treads_cm * walker.stairs_factor + landing_cm
        cost[course.stairs] = climb_cm[course.stairs, None]
        wait_s = np.where(course.on_street, course.numbers(course.traits.delay_s), 0.0)
        cost += (wait_s * share * walker.speed_m_s * 100.0)[:, None]
    return np.rint(cost)


def _shut_to(
    course: _Course, walker: Walker, *, terrain: bool
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield why links (e,) are closed to the walker, and which."""
    if not walker.stairs:
        yield "stairs", course.stairs
    if walker.min_width_m is not None and course.traits is not None:
        width = course.numbers(course.traits.width_m)
        yield f"narrower than {walker.min_width_m:g} m", width < walker.min_width_m
    if walker.steepest is not None and terrain:
        steep = np.abs(course.slope) > walker.steepest + _EXACTLY
        metres = course.sum(np.where(steep, course.step_m, 0.0))
        yield f"steeper than {walker.steepest:.0%}", metres >= _SHORTEST_STEEP_M - _EXACTLY


def _closed_finding(
    network: WalkNetwork, walker: Walker, reason: str, closed: NDArray[np.bool_]
) -> tuple[Finding, ...]:
    if not closed.any():
        return ()
    # Ways from gates and buildings to the street are no streets: how many there are depends on what
    # is asked, and the share of the streets must not.
    street = network.street >= 0
    if not street.any():
        street = np.ones(len(network.links), dtype=bool)
    metres = network.length_cm[closed & street].sum(dtype=np.int64) / 100
    share = metres / max(network.length_cm[street].sum(dtype=np.int64) / 100, 0.01)
    text = (
        f"Closed to the walker '{walker.name}': {metres:,.0f} m of streets, {share:.1%} of all "
        f"streets, {reason}"
    )
    return (Finding("walker-closed", text, "info"),)


def _slopes_unknown(walker: Walker) -> Finding:
    text = (
        f"The walker '{walker.name}' goes up to {walker.steepest or 0:.0%}, but no heights are "
        "known or asked for: no street is closed as too steep"
    )
    return Finding("slopes-not-looked-at", text)


def _capped(course: _Course) -> tuple[Finding, ...]:
    steep = (np.abs(course.slope) > STEEPEST) & course.on_street[course.network.lines.line]
    if not steep.any():
        return ()
    metres = float(course.step_m[steep].sum())
    text = (
        f"{metres:,.0f} m of streets are steeper than {STEEPEST:.0%}, the slope of a stair, and "
        "count as that; mark them as stairs (highway = steps), or look at their heights"
    )
    return (Finding("slopes-capped", text),)
