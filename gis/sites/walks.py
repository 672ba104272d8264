"""Who could walk to which candidate: the same ground and the same costs as coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import shapely
from numpy.typing import NDArray

from gis.coverage import Coverage, CoverageItem, measure_on
from gis.coverage.facilities import Sought
from gis.coverage.walks import pairs_of
from gis.demand import NATIONAL
from gis.errors import MissingLayerError
from gis.model import KINDS, PERSONS_PER_HOUSEHOLD, Layer, Study, append_rows, empty_frame
from gis.network import lay_ground
from gis.rules import Rule, RulePack
from gis.sites.candidates import Candidates

FARTHEST_M: Final = 10_000.0
"""Models without a limit look no farther than this."""
_CANDIDATE: Final = "candidate"
"""No category: what stands at these places counts for no rule."""


@dataclass(frozen=True)
class How:
    """How people walk: keywords of `gis.coverage.measure_coverage`, called as they are there."""

    at: str = "10:00"
    origin: str = "gate"
    link: str = "counted"
    longest_link_m: float = 300.0
    walker: str | None = None
    terrain: str = "auto"
    persons_per_household: float = PERSONS_PER_HOUSEHOLD
    place: str = NATIONAL


@dataclass(frozen=True, eq=False)
class Walked:
    """A study measured once, with k candidates joined to its streets.

    ``measured`` is its coverage by what is there; candidates count for nobody. ``facility`` (k,)
    is the row of each candidate among the facilities of ``measured.study``: a row of its own, or
    that of the facility that it would enlarge; those from ``first`` on are no facilities yet.
    ``linked`` (k,) says which of them a street is near.
    """

    measured: Coverage
    first: int
    facility: NDArray[np.int64]
    linked: NDArray[np.bool_]

    @property
    def homes(self) -> int:
        """Number of homes (u): the estates, or their buildings."""
        return len(self.measured.homes)

    def to_candidates(
        self, rule: int, chosen: NDArray[np.bool_], *, farthest_m: float | None = None
    ) -> Any:
        """Return (u, k) csr_array: flat centimetres from each home to each of some candidates.

        Parameters
        ----------
        rule
            The place of the rule among the items.
        chosen
            (k,) which candidates are walked to; the columns of others are empty.
        farthest_m
            How far; None: the limit of the rule. A stored 0 is a walk of 0.
        """
        doors = self.measured.ground.doors
        rows = np.unique(self.facility[chosen])
        mine = (doors.node >= 0) & np.isin(doors.facility, rows)
        far = self._pairs(rule, Sought(doors.facility[mine], doors.node[mine]), farthest_m)
        matrix = sp.csc_array(far)[:, self.facility]
        counts = np.diff(matrix.indptr)
        kept = np.repeat(chosen, counts)
        first = np.r_[0, np.cumsum(np.where(chosen, counts, 0))]
        parts = (matrix.data[kept], matrix.indices[kept], first)
        only = sp.csr_array(sp.csc_array(parts, shape=matrix.shape))
        only.sort_indices()
        return only

    def to_existing(self, rule: int, *, farthest_m: float | None = None) -> NDArray[np.float64]:
        """Return (u,) flat centimetres to the nearest facility that counts; NaN beyond.

        Homes that others cover in its place (stand-ins) have their walk to these.
        """
        item = self.item(rule)
        group, place = self.measured.walks.of_rule(rule)
        matrix = self._pairs(rule, group.sought[place], farthest_m)
        cm = np.full(self.homes, np.inf)
        some = np.diff(matrix.indptr) > 0
        if some.any():
            cm[some] = np.minimum.reduceat(matrix.data, matrix.indptr[:-1][some])
        covered = item.home_status == "covered"
        cm[covered] = np.minimum(cm[covered], item.home_cost_cm[covered])
        return np.where(np.isfinite(cm), cm, np.nan)

    def item(self, rule: int) -> CoverageItem:
        """Return what the rule finds today."""
        return self.measured.items[rule]

    def _pairs(self, rule: int, sought: Sought, farthest_m: float | None) -> Any:
        """Return (u, f) csr_array: centimetres from homes to facilities, those in reach."""
        item = self.item(rule)
        group, _ = self.measured.walks.of_rule(rule)
        limit_cm = item.limit_cm if farthest_m is None else round(farthest_m * 100)
        shape = (self.homes, self.first + len(self.facility))
        if len(sought.node) == 0:
            return sp.csr_array(shape, dtype=float)
        pairs = pairs_of(group, sought, limit_cm, round_trip=item.rule.round_trip)
        order = np.lexsort((pairs.facility, pairs.home))
        first_of = np.zeros(self.homes + 1, np.int64)
        np.cumsum(np.bincount(pairs.home, minlength=self.homes), out=first_of[1:])
        parts = (pairs.cm[order].astype(float), pairs.facility[order], first_of)
        return sp.csr_array(parts, shape=shape)


def walk_to(
    study: Study,
    rules: Sequence[Rule],
    candidates: Candidates,
    how: How,
    *,
    pack: RulePack | None = None,
) -> Walked:
    """Join candidates to the streets of a study and measure what is there.

    A candidate that enlarges a facility is entered where that is.

    Raises
    ------
    MissingLayerError
        The study has no estates, no streets, or, where people start there, no buildings.
    """
    for kind in ("estates", "streets", *(["buildings"] if how.origin == "building" else [])):
        if kind not in study:
            raise MissingLayerError(
                f"Sites are found by walking and there is no layer '{kind}'; import it first: "
                f"lianpian import PROJECT {kind} FILE"
            )
    first = len(study.layer("facilities")) if "facilities" in study else 0
    new = np.flatnonzero(candidates.facility < 0)
    # Several ways to use one room are one door.
    _, one, of = np.unique(candidates.place[new], return_index=True, return_inverse=True)
    wider = _with_doors(study, candidates.xy[new[one]])
    facility = np.asarray(candidates.facility, dtype=np.int64).copy()
    facility[new] = first + of
    asked = dict(vars(how))
    at, origin = asked.pop("at"), asked.pop("origin")
    ground = lay_ground(
        wider, at=at, origin=origin, link=how.link, longest_link_m=how.longest_link_m
    )
    measured = measure_on(ground, wider, rules, pack=pack, **asked)
    every = first + len(one)
    return Walked(measured, first, facility, ground.doors.linked(every)[facility])


def _with_doors(study: Study, xy: NDArray[np.float64]) -> Study:
    """Add a facility of no category at each place."""
    if len(xy) == 0:
        return study
    kind = KINDS["facilities"]
    here = "facilities" in study
    frame = study.layer("facilities").frame if here else empty_frame(kind, crs=study.crs)
    sign = _CANDIDATE
    while frame["uid"].str.startswith(f"{sign}-").any():
        sign += "-"
    points = np.atleast_1d(np.asarray(shapely.points(xy), dtype=object))
    rows = [
        {"uid": f"{sign}-{i}", "category": _CANDIDATE, "geometry": point}
        for i, point in enumerate(points)
    ]
    layers = {**study.layers, "facilities": Layer(kind, append_rows(frame, rows))}
    return Study(layers, name=study.name, none_of=study.none_of)
