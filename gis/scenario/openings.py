"""Which wall to open first: all places where an opening could help, by the people who gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.model import Finding, Progress, silent
from gis.scenario.base import COVERED, Base, lay_base
from gis.scenario.bounds import people_through, whole_gains, whole_near
from gis.scenario.difference import Trial, put_in, read_trial, tried
from gis.scenario.edits import AddGate, OpenGate
from gis.scenario.local import Splice, splice_of
from gis.scenario.plan import ON_OUTLINE_M, Rows, apply, rows_of
from gis.scenario.quick import open_gate
from gis.scenario.whatif import what_if

STEP_M: Final = 50.0
"""Along walls and outlines a place is tried at least this often."""
STREET_M: Final = 30.0
"""An opening leads somewhere if a street, or another yard, is this near."""
FROM_GATE_M: Final = 15.0
"""Beside a gate nobody needs another one."""
MOST_WHOLE: Final = 200
"""So many openings are measured on the whole edited study, each for as long as a measurement."""


@dataclass(frozen=True)
class Opening:
    """A place to open, and what that brings.

    ``kind`` is "gate" (a gate that is shut to walkers), "passage" (a wall across a street), "wall"
    or "outline" (a place on one). ``gained`` is the sum over all rules of the people newly covered
    less those no longer covered: who gains two services counts twice. ``saved_m`` the walks that
    get shorter, summed over estates and rules and each counted up to the limit. ``cost_yuan`` is
    that of the wall, None where it is not known. ``people_per_yuan`` is ``gained`` over it.
    """

    xy: tuple[float, float]
    kind: str
    gate: str | None
    wall: str | None
    estates: tuple[str, ...]
    cost_yuan: float | None
    gained: int = 0
    saved_m: float = 0.0

    @property
    def people_per_yuan(self) -> float | None:
        """People gained for each yuan; None where no cost is known or it is 0."""
        return self.gained / self.cost_yuan if self.cost_yuan else None

    @property
    def edit(self) -> AddGate | OpenGate:
        """The edit that makes this opening."""
        return AddGate(self.xy) if self.gate is None else OpenGate(self.gate)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self) | {"people_per_yuan": self.people_per_yuan}


@dataclass(frozen=True, eq=False)
class OpeningSet:
    """Openings chosen one after the other, each the best beside those before it.

    ``gained`` counts people as `Opening` does. No set of as many of the candidates gains more than
    ``bound``: the smaller of what all candidates together gain (an opening never makes a walk
    longer) and of what could be walked through the openings, see `gis.scenario.bounds`. ``share``
    is ``gained`` over ``bound``, 1.0 where nothing can be gained: a set is at least that good. (The
    usual promise of greedy choices, 63 %, does not hold here: two openings may help only together.)
    """

    openings: tuple[Opening, ...]
    gained: int
    bound: int

    @property
    def share(self) -> float:
        """How much of the bound is reached, 0 to 1."""
        return self.gained / self.bound if self.bound else 1.0


@dataclass(frozen=True, eq=False)
class Ranking:
    """Openings by people gained, ties by the walks saved; ``tried`` is how many were tried.

    ``best_set`` is there where a set was asked for. ``findings`` say what was left out, of which
    rules: stand-ins, ways back and narrow gates where a set is chosen or walks are compared.
    """

    openings: tuple[Opening, ...]
    tried: int
    best_set: OpeningSet | None = None
    findings: tuple[Finding, ...] = ()

    def by_yuan(self) -> tuple[Opening, ...]:
        """Return the openings of known cost by people gained for each yuan."""
        priced = [opening for opening in self.openings if opening.cost_yuan]
        return tuple(sorted(priced, key=lambda o: -(o.people_per_yuan or 0.0)))

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        chosen = self.best_set
        return {
            "tried": self.tried,
            "findings": [finding.to_json() for finding in self.findings],
            "openings": [opening.to_json() for opening in self.openings],
            "by_yuan": [opening.to_json() for opening in self.by_yuan()],
            "set": None
            if chosen is None
            else {
                "openings": [opening.to_json() for opening in chosen.openings],
                "gained": chosen.gained,
                "bound": chosen.bound,
                "share": chosen.share,
            },
        }


def rank_openings(
    base: Base,
    candidates: Sequence[Opening] | None = None,
    *,
    count: int = 20,
    set_size: int = 0,
    progress: Progress | None = None,
) -> Ranking:
    """Rank places for openings by the people who gain services.

    All candidates are laid out once as gates that are shut; then each is opened alone, measured
    and shut again. The first ``count`` are measured once more, each as the only new gate there is,
    so their figures are exact. Where rules have stand-ins, ways back or narrow gates
    (``base.whole``), all candidates that could be among the first by these rules are measured so,
    at most `MOST_WHOLE`; a finding tells if there were more.

    Parameters
    ----------
    base
        The study, measured.
    candidates
        Places to try; `find_openings` unless given.
    count
        How many are returned.
    set_size
        Where not 0: choose so many openings that serve best together, see `OpeningSet`.
    progress
        Told the share done, 0 to 1, and what is being done.

    Raises
    ------
    OptionError
        ``count`` is below 1 or ``set_size`` below 0.
    """
    if count < 1 or set_size < 0:
        raise OptionError(f"count is {count} and set_size {set_size}; give 1 or more, 0 or more")
    say = progress or silent
    places = tuple(find_openings(base) if candidates is None else candidates)
    if not places:
        return Ranking((), 0, OpeningSet((), 0, 0) if set_size else None)
    say(0.0, "candidates")
    trials = _Trials.of(base, places)
    gains = []
    for place, splice in enumerate(trials.splices):
        trial = tried(trials.base, splice)
        gains.append((gain_of(trials.base, trial), trial.saved_cm))
        say(0.1 + 0.5 * place / len(places), "openings")
    whole = trials.whole_at_once(base)
    more = trials.whole_near(base, whole)
    order = sorted(range(len(places)), key=lambda i: (-gains[i][0] - more[i], -gains[i][1], i))
    exact: list[tuple[Opening, int]] = []
    findings = list(_left_out(base, set_size))
    for i in order:
        best = sorted((opening.gained for opening, _ in exact), reverse=True)
        if len(exact) >= count and (not more.any() or best[count - 1] >= gains[i][0] + more[i]):
            break
        if len(exact) >= max(count, MOST_WHOLE):
            findings.append(_unsettled(base, len(exact)))
            break
        exact.append((_measured(base, places[i]), i))
        say(0.6 + 0.3 * len(exact) / max(count, MOST_WHOLE), "openings")
    exact.sort(key=lambda pair: (-pair[0].gained, -pair[0].saved_m))
    say(0.9, "sets")
    best_set = None
    if set_size:
        rows = order[: max(count, 2 * set_size)]
        best_set = trials.greedy(base, rows, set_size, exact[0][1], float(whole.sum()))
    say(1.0, "done")
    ranked = tuple(opening for opening, _ in exact[:count])
    return Ranking(ranked, len(places), best_set, tuple(findings))


def _left_out(base: Base, set_size: int) -> Iterator[Finding]:
    if not base.whole:
        return
    ids = ", ".join(base.rules[r].id for r in base.whole)
    chosen = "; a set is chosen without them, and measured with them" if set_size else ""
    yield Finding(
        "ranking-whole-rules",
        "Metres saved leave out stand-ins, ways back and narrow gates, people gained do not"
        f"{chosen}: {ids}",
        "info",
    )


def _unsettled(base: Base, measured: int) -> Finding:
    ids = ", ".join(base.rules[r].id for r in base.whole)
    return Finding(
        "ranking-unsettled",
        f"Only {measured} openings were measured with stand-ins, ways back and narrow gates; "
        f"others could gain more by: {ids}",
    )


def gain_of(base: Base, trial: Trial) -> int:
    """Return people times rules newly covered, less those not any more; without ``base.whole``."""
    people = np.nan_to_num(base.people[trial.homes])
    rules = np.setdiff1d(np.arange(len(base.rules)), base.whole)
    was = base.status[np.ix_(rules, trial.homes)] == COVERED
    now = trial.status[rules] == COVERED
    return round(float(((now.astype(np.int8) - was) * people).sum()))


def _measured(base: Base, opening: Opening) -> Opening:
    difference = what_if(base, [opening.edit])
    return replace(opening, gained=difference.gained, saved_m=difference.saved_m)


@dataclass(frozen=True, eq=False)
class _Trials:
    """A base in which all candidates are shut gates, and how each is opened."""

    base: Base
    places: tuple[Opening, ...]
    splices: tuple[Splice, ...]

    @classmethod
    def of(cls, base: Base, places: tuple[Opening, ...]) -> _Trials:
        rows: list[dict[str, Any]] = []
        known = {uid: row for row, uid in enumerate(base.study.frame("gates")["uid"])}
        first = len(known)
        gates: list[list[int]] = []
        for place in places:
            if place.gate is not None:
                gates.append([known[place.gate]])
                continue
            owners = place.estates or (np.nan,)
            gates.append(list(range(first + len(rows), first + len(rows) + len(owners))))
            rows += [
                {
                    "uid": f"candidate-{len(rows) + k}",
                    "estate": owner,
                    "access": "closed",
                    "geometry": shapely.Point(place.xy),
                }
                for k, owner in enumerate(owners)
            ]
        study = Rows(added={"gates": rows} if rows else {}).apply(base.study)
        shut = lay_base(study, base.rules, **base.options)
        walled = shut.ground.shut()
        splices = tuple(_opened(shut, of_place, walled) for of_place in gates)
        return cls(shut, places, splices)

    def whole_at_once(self, base: Base) -> NDArray[np.float64]:
        """Return (u,) what homes gain by the rules in ``base.whole`` with all candidates open."""
        if not base.whole:
            return np.zeros(len(base.homes))
        edits = [place.edit for place in self.places]
        return whole_gains(base, base.whole_status_of(apply(base.study, edits, ground=base.ground)))

    def whole_near(self, base: Base, gains: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (m,) the most that each candidate alone can gain of that."""
        if not base.whole:
            return np.zeros(len(self.places))
        row = {uid: i for i, uid in enumerate(base.study.layer("estates").uids)}
        estates = [np.array([row[uid] for uid in place.estates]) for place in self.places]
        return whole_near(base, np.array([place.xy for place in self.places]), estates, gains)

    def greedy(
        self, base: Base, rows: Sequence[int], size: int, first: int, whole: float
    ) -> OpeningSet:
        """Choose openings one after the other, of the best alone and the rows (m,).

        ``whole`` is what all candidates gain by the rules in ``base.whole``.
        """
        bound = min(self._bound(size), gain_of(self.base, self._everything)) + round(whole)
        chosen: list[int] = []
        gained = 0
        with self.base.lock:
            try:
                while len(chosen) < size:
                    left = [row for row in rows if row not in chosen]
                    best = self._best_beside(chosen, left if chosen or not whole else [first])
                    if best is None or (best[0] < (gained, 1) and (chosen or not whole)):
                        break
                    gained = best[0][0]
                    chosen.append(best[1])
                    put_in(self.base, self.splices[best[1]])
            finally:
                for live in self.base.live:
                    live.undo()
        openings = tuple(self.places[row] for row in chosen)
        if openings:
            gained = what_if(base, [opening.edit for opening in openings]).gained
        return OpeningSet(openings, gained, max(gained, bound))

    @cached_property
    def _everything(self) -> Trial:
        return tried(self.base, Splice.joined(self.splices))

    def _bound(self, size: int) -> int:
        """Return the people who could walk through the ``size`` openings that most could use."""
        trial = self._everything
        with self.base.lock:
            try:
                put_in(self.base, Splice.joined(self.splices))
                people = people_through(self.base, self.splices, trial.homes, trial.status)
            finally:
                for live in self.base.live:
                    live.undo()
        return round(float(np.sort(people)[::-1][:size].sum()))

    def _best_beside(
        self, chosen: Sequence[int], rows: Sequence[int]
    ) -> tuple[tuple[int, int], int] | None:
        """Return the gain and the walks saved of the best further opening, and which it is."""
        best: tuple[tuple[int, int], int] | None = None
        marks = [live.checkpoint() for live in self.base.live]
        for row in rows:
            put_in(self.base, self.splices[row])
            trial = read_trial(
                self.base, Splice.joined([self.splices[k] for k in (*chosen, row)]), frozenset()
            )
            for live, mark in zip(self.base.live, marks, strict=True):
                live.undo(mark)
            value = (gain_of(self.base, trial), trial.saved_cm)
            if best is None or value > best[0]:
                best = (value, row)
        return best


def _opened(base: Base, rows: Sequence[int], walled: NDArray[np.bool_]) -> Splice:
    """Say what changes when the shut gates ``rows`` are opened."""
    own = np.isin(base.ground.gates.gate, rows)
    if base.options["origin"] == "building" and walled[base.ground.gates.estate[own]].any():
        # Nobody got out of the buildings there, so it is not known where their ways begin.
        uids = base.study.layer("gates").uids
        edits = [OpenGate(str(uids[row])) for row in rows]
        return splice_of(base, rows_of(base.study, edits, base.ground))
    return Splice.joined([open_gate(base, row) for row in rows])


def find_openings(base: Base) -> tuple[Opening, ...]:
    """Return the places where an opening could help.

    These are the gates that are shut to walkers, the streets that a wall closes, and places at
    most 50 m apart on the walls and the outlines of estates with gates, where a street lies within
    30 m or a second yard begins. Within 15 m of a gate, or of one another, there is none. Walls
    that cannot be removed are left out. Estates without any mapped gate are not known to be walled,
    so nothing is opened there.
    """
    ground = base.ground
    closed = (ground.passages.gate < 0) & ground.closed[ground.passages.link]
    shapes = base.study.layer("estates").geometries[base.gated]
    groups = {
        "passage": ground.passages.xy[closed],
        "wall": _along(base.study.frame("walls").geometry.to_numpy()),
        "outline": _along(shapely.boundary(shapes)),
    }
    kind = np.repeat(np.array(list(groups), dtype=object), [len(xy) for xy in groups.values()])
    spots = _Spots.at(base, np.concatenate(list(groups.values())))
    kept = spots.allowed & ((kind == "passage") | _leads(base, spots))
    kept = _apart(spots.xy, kept, _gate_points(base))
    return (
        *_shut_gates(base),
        *(spots.opening(base, i, kind[i]) for i in np.flatnonzero(kept).tolist()),
    )


def _gate_points(base: Base) -> NDArray[np.float64]:
    points = base.study.frame("gates").geometry.to_numpy()
    return shapely.get_coordinates(np.asarray(points, dtype=object)).reshape(-1, 2)


def _shut_gates(base: Base) -> list[Opening]:
    gates = base.ground.gates
    frame = base.study.frame("gates")
    uids = base.study.layer("estates").uids
    return [
        Opening(
            (float(gates.xy[first, 0]), float(gates.xy[first, 1])),
            "gate", str(frame["uid"].iat[row]), None,
            tuple(str(uid) for uid in uids[gates.estate[gates.gate == row]]), None,
        )
        for row in np.unique(gates.gate[~gates.open]).tolist()
        for first in [int(np.flatnonzero(gates.gate == row)[0])]
    ]  # fmt: skip


def _along(lines: Any) -> NDArray[np.float64]:
    """Return places (p, 2) in the middle of pieces of lines of at most 50 m."""
    parts = shapely.get_parts(np.asarray(lines, dtype=object))
    length = shapely.length(parts)
    pieces = np.maximum(np.ceil(length / STEP_M), 1).astype(np.int64)
    line = np.repeat(np.arange(len(parts)), pieces)
    place = np.arange(len(line)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    along = (place + 0.5) * (length / pieces)[line]
    return shapely.get_coordinates(shapely.line_interpolate_point(parts[line], along))


@dataclass(frozen=True, eq=False)
class _Spots:
    """Places (p, 2) on walls and outlines.

    ``wall`` (p,) the row of the wall they lie on, -1 without; ``spot`` and ``estate`` (q,) pairs of
    a place and an estate whose outline it lies on, sorted; ``allowed`` (p,) where one may open.
    """

    xy: NDArray[np.float64]
    wall: NDArray[np.int64]
    spot: NDArray[np.int64]
    estate: NDArray[np.int64]
    allowed: NDArray[np.bool_]

    @classmethod
    def at(cls, base: Base, xy: NDArray[np.float64]) -> _Spots:
        points = np.asarray(shapely.points(xy), dtype=object)
        outlines = shapely.boundary(base.study.layer("estates").geometries)
        spot, estate = shapely.STRtree(outlines).query(points, "dwithin", ON_OUTLINE_M)
        order = np.lexsort((estate, spot))
        spot, estate = spot[order], estate[order]
        allowed = np.ones(len(xy), dtype=bool)
        allowed[spot[~np.isin(estate, base.gated)]] = False
        wall = np.full(len(xy), -1, dtype=np.int64)
        if "walls" in base.study:
            layer = base.study.layer("walls")
            found, row = shapely.STRtree(layer.geometries).query_nearest(
                points, max_distance=ON_OUTLINE_M, all_matches=False
            )
            wall[found] = row
            removable = layer.frame["removable"].fillna(True).to_numpy(dtype=bool)
            allowed[found[~removable[row]]] = False
        return cls(xy, wall, spot, estate, allowed)

    def opening(self, base: Base, place: int, kind: str) -> Opening:
        low, high = np.searchsorted(self.spot, [place, place + 1])
        uids = base.study.layer("estates").frame["uid"].iloc[self.estate[low:high]]
        wall, cost = None, None
        if self.wall[place] >= 0:
            row = base.study.layer("walls").frame.iloc[self.wall[place]]
            wall = str(row["uid"])
            cost = None if pd.isna(row["cost_yuan"]) else float(row["cost_yuan"])
        x, y = self.xy[place].tolist()
        return Opening((x, y), kind, None, wall, tuple(map(str, uids)), cost)


def _leads(base: Base, spots: _Spots) -> NDArray[np.bool_]:
    """Say which places have a street near, or a second yard behind them."""
    network = base.ground.network
    lines = network.lines.take(np.flatnonzero(network.street >= 0)).shapes
    points = np.asarray(shapely.points(spots.xy), dtype=object)
    leads = np.bincount(spots.spot, minlength=len(points)) > 1
    leads[shapely.STRtree(lines).query(points, "dwithin", STREET_M)[0]] = True
    return leads


def _apart(
    xy: NDArray[np.float64], kept: NDArray[np.bool_], gates: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Take places beside a gate, or beside one that comes before, out of those kept."""
    rows = np.flatnonzero(kept)
    points = np.asarray(shapely.points(xy[rows]), dtype=object)
    tree = shapely.STRtree(np.asarray(shapely.points(gates), dtype=object))
    out = np.zeros(len(rows), dtype=bool)
    out[tree.query(points, "dwithin", FROM_GATE_M)[0]] = True
    a, b = shapely.STRtree(points).query(points, "dwithin", FROM_GATE_M)
    order = np.lexsort((b, a))
    for first, later in zip(a[order].tolist(), b[order].tolist(), strict=True):
        if first < later and not out[first]:
            out[later] = True
    left = np.zeros(len(kept), dtype=bool)
    left[rows[~out]] = True
    return left
