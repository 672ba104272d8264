"""The answer to where missing services should go, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.model import Finding
from gis.scenario import AddFacility, Edit, EnlargeFacility
from gis.sites.ask import Ask
from gis.sites.candidates import Candidates
from gis.sites.choose import Choice
from gis.sites.need import Need
from gis.siting.loses import Loss
from gis.siting.relax import Relaxation

_ROUNDED = 2


@dataclass(frozen=True, eq=False)
class SitedService:
    """One service before and after.

    ``rows`` the candidates chosen for it; ``serves`` (d,) the candidate that serves each home, -1
    none; ``after`` (d,) who has the service within the limit then, as walked anew. ``beyond`` are
    places among the d homes that no candidate and nothing of today reaches. ``losses`` what each
    chosen site is worth.
    """

    need: Need
    rows: NDArray[np.int64]
    serves: NDArray[np.int64]
    after: NDArray[np.bool_]
    beyond: NDArray[np.int64]
    losses: tuple[Loss, ...]

    @property
    def people_after(self) -> float:
        """People who have the service within the limit then."""
        return float(self.need.people[self.after].sum())


@dataclass(frozen=True, eq=False)
class SitePlan:
    """Where to put services that are missing.

    ``status`` is that of what was asked: "infeasible" where some homes cannot be served from any
    candidate; the choice is then the best for all others, ``rest_status`` says how good, and
    ``reason`` why. ``after`` is the coverage walked anew with what was chosen, None where nothing
    was; it agrees home by home with what the models counted on. ``relaxations``: what would make it
    possible to serve all, where it is not.
    """

    ask: Ask
    candidates: Candidates
    choice: Choice
    services: tuple[SitedService, ...]
    status: str
    rest_status: str
    reason: str
    relaxations: tuple[Relaxation, ...]
    before: Coverage
    after: Coverage | None
    assumptions: Mapping[str, Any]
    findings: tuple[Finding, ...]

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What a scenario needs to try the choice: one facility for each service and site."""
        return edits_of_rows(self.candidates, [(s.need, s.rows) for s in self.services])

    @property
    def cost_yuan(self) -> float:
        """Money of all sites chosen, as far as it is known."""
        return float(np.nansum(self._costs()))

    @property
    def cost_unknown(self) -> int:
        """Number of chosen sites of which nobody knows the cost."""
        return int(np.isnan(self._costs()).sum())

    def _costs(self) -> NDArray[np.float64]:
        """(c,) money of each site: a room is paid once, what is built for a service by it."""
        rows = self.choice.rows
        shared = np.where(self.candidates.by_service, 0.0, self.candidates.cost_yuan)[rows]
        for service in self.services:
            own = np.where(self.candidates.by_service, service.need.fit.cost_yuan, 0.0)[rows]
            shared = shared + np.where(np.isin(rows, service.rows), own, 0.0)
        return np.asarray(shared, dtype=float)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; unknown numbers are None."""
        one = self.services[0] if len(self.services) == 1 else None
        choice = self.choice
        return {
            "status": self.status,
            "rest_status": self.rest_status,
            "reason": self.reason,
            "model": self.ask.resolved,
            "objective": _number(self._told(choice.objective)),
            "objective_unit": self._unit_of_objective(),
            "bound": _number(self._told(choice.bound)),
            "gap": _number(choice.gap, 6),
            "chosen": [self._site_json(int(row)) for row in choice.rows],
            "cost_yuan": _number(self.cost_yuan),
            "cost_unknown": self.cost_unknown,
            "unit": one.need.unit if one else None,
            "people_before": _number(one.need.people_before) if one else None,
            "people_after": _number(one.people_after) if one else None,
            "people_in_all": _number(one.need.people_in_all) if one else None,
            "services": [self._service_json(service) for service in self.services],
            "left_out": [*self._left_out()],
            "relaxations": [self._relaxation_json(each) for each in self.relaxations],
            "curve": self._curve_json(),
            "rounds": self._rounds_json(),
            "classes": self._classes_json(),
            "assumptions": dict(self.assumptions),
            "findings": [finding.to_json() for finding in self.findings],
        }

    # -- Parts of it

    def _told(self, value: float) -> float:
        """Return an objective in the unit it is told in: walks are metres, not centimetres."""
        return value / 100.0 if self.ask.distances else value

    def _unit_of_objective(self) -> str:
        model, unit = self.ask.resolved, self.services[0].need.unit
        if model == "mclp":
            several = "percent of the people of each service, on average"
            return several if len(self.services) > 1 else unit
        if model == "lscp":
            return "yuan" if self.ask.cheapest else "sites"
        return f"{unit} x m" if model == "p-median" else "m"

    def _site_json(self, row: int) -> dict[str, Any]:
        c = self.candidates
        holds = [s for s in self.services if row in s.rows]
        cost = self._costs()[np.flatnonzero(self.choice.rows == row)[0]]
        return {
            "uid": str(c.uid[row]),
            "name": c.name[row],
            "kind": str(c.kind[row]),
            "means": c.means[row],
            "x": round(float(c.xy[row, 0]), 2),
            "y": round(float(c.xy[row, 1]), 2),
            "floor_m2": _number(c.floor_m2[row]),
            "land_m2": _number(c.land_m2[row]),
            "available_year": _number(c.available_year[row], 0),
            "cost_yuan": _number(cost),
            "cost_estimated": bool(c.cost_estimated[row]),
            "note": c.note_en[row],
            "note_zh": c.note_zh[row],
            "services": [self._use_json(service, row) for service in holds],
        }

    def _use_json(self, service: SitedService, row: int) -> dict[str, Any]:
        need = service.need
        here = service.serves == row
        told: dict[str, Any] = {
            "category": need.rule.category,
            "need_m2": _number(need.fit.need_m2[row]),
            "size_known": bool(need.fit.known[row]),
            "estates": self._estates(need, np.flatnonzero(here)),
            "people": _number(need.people[here].sum()),
            "newly_covered": _number(need.people[here & service.after & ~need.covered].sum()),
        }
        for loss in service.losses:
            if loss.site == row:
                told["without"] = self._loss_json(need, loss)
        return told

    def _loss_json(self, need: Need, loss: Loss) -> dict[str, Any]:
        lost = loss.people_lost
        if self.ask.capacity is not None and self.ask.resolved == "mclp":
            # Places are given out anew then: some lose theirs and others get one.
            lost = self.choice.objective - loss.objective_without
        # A site that wins nobody back is no replacement.
        instead = loss.replacement if loss.people_lost_then < loss.people_lost else None
        return {
            "people_lost": _number(lost),
            "estates": self._estates(need, loss.uncovered),
            "replaced_by": None if instead is None else str(self.candidates.uid[instead]),
            "people_lost_then": None if instead is None else _number(loss.people_lost_then),
        }

    def _service_json(self, service: SitedService) -> dict[str, Any]:
        need, rule = service.need, service.need.rule
        return {
            "rule": rule.id,
            "category": rule.category,
            "zh": rule.zh,
            "en": rule.en,
            "limit_m": rule.limit_m,
            "limit_s": rule.limit_s,
            "walker": need.item.walker.name,
            "clause": rule.clause,
            "verified": rule.verified,
            "unit": need.unit,
            "estimated": need.estimated,
            "estates_estimated": _estimated(need),
            "people_before": _number(need.people_before),
            "people_after": _number(service.people_after),
            "people_in_all": _number(need.people_in_all),
            "people_unknown": int((~need.known).sum()),
            "unlinked": len(need.unlinked),
            "offered": int(need.offered.sum()),
            "chosen": [str(uid) for uid in self.candidates.uid[service.rows]],
            "unreachable": self._estates(need, service.beyond),
            "still_without": self._without(service),
        }

    def _without(self, service: SitedService) -> list[dict[str, Any]]:
        """Tell who is without, and whether a candidate is within the limit of any home there."""
        need, estate = service.need, self.before.homes.estate
        places = np.flatnonzero(~service.after)
        within = np.unique(estate[need.home[np.setdiff1d(places, need.beyond())]])
        rows = np.unique(estate[need.home[places]])
        told = zip(self._estates(need, places), np.isin(rows, within).tolist(), strict=True)
        return [{**each, "within_reach": reach} for each, reach in told]

    def _estates(self, need: Need, places: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Tell the estates of some of a service's homes, each once, with its people there."""
        homes, estates = self.before.homes, self.before.estates
        of = homes.estate[need.home[places]]
        names = estates.frame["name"]
        return [
            {
                "estate": str(estates.uids[row]),
                "name": None if names[row] != names[row] else str(names[row]),
                "people": _number(need.people[places[of == row]].sum()),
                "people_known": bool(need.known[places[of == row]].all()),
            }
            for row in np.unique(of).tolist()
        ]

    def _left_out(self) -> Iterator[dict[str, Any]]:
        for each in self.candidates.left_out:
            told = {"uid": each.uid, "name": each.name, "means": None, "category": None}
            yield told | {"reason": each.en, "reason_zh": each.zh}
        for service in self.services:
            need = service.need
            c = self.candidates
            # A facility that could be enlarged is one for its own service only.
            other = (c.kind == "upgrade") & (c.category != need.rule.category)
            for row in np.flatnonzero(~need.offered & ~other).tolist():
                fits = bool(need.fit.fits[row])
                yield {
                    "uid": str(self.candidates.uid[row]),
                    "name": self.candidates.name[row],
                    "means": self.candidates.means[row],
                    "category": need.rule.category,
                    "reason": "no street in reach" if fits else need.fit.why_en[row],
                    "reason_zh": "附近没有可走的街道" if fits else need.fit.why_zh[row],
                }

    def _relaxation_json(self, each: Relaxation) -> dict[str, Any]:
        need = self.services[0].need
        scale, unit = 1.0, each.unit
        if each.kind == "limit":
            # Walks are centimetres of flat walking: metres, or minutes of the rule's walker.
            in_minutes = need.rule.limit_s is not None
            scale = 0.01 / (need.item.walker.speed_m_s * 60 if in_minutes else 1.0)
            unit = "min" if in_minutes else "m"
        return {
            "kind": each.kind,
            "from": _number(each.old * scale),
            # What is told is enough: rounded up.
            "to": _number(np.ceil(each.new * scale * 100 - 1e-6) / 100),
            "unit": unit,
            "proved": bool(each.proved),
            # Nothing but a way that is not there yet serves those.
            "no_way": each.kind == "unreachable" and not bool(np.isfinite(each.needs).all()),
            "estates": self._estates(need, np.asarray(each.rows, dtype=np.int64)),
        }

    def _curve_json(self) -> dict[str, Any] | None:
        curve = self.choice.curve
        if curve is None:
            return None
        points = [
            {
                "count": int(point.count),
                "people": _number(point.people),
                "bound": _number(point.bound),
                "status": point.status,
                "gain": _number(point.gain),
            }
            for point in curve.points
        ]
        knee = None if curve.knee is None else points[curve.knee]["count"]
        return {"points": points, "knee": knee, "knee_rule": curve.knee_rule}

    def _rounds_json(self) -> list[dict[str, Any]]:
        phases = self.choice.phases
        if phases is None:
            return []
        return [
            {
                "chosen": self._uids(phase.chosen),
                "added": self._uids(phase.added),
                "objective": _number(self._told(phase.siting.objective)),
                "best_alone": _number(self._told(phase.best.objective)),
                "best_alone_status": phase.best.status,
                "regret": _number(phase.regret, 6),
            }
            for phase in phases.phases
        ]

    def _classes_json(self) -> list[dict[str, Any]]:
        steps = self.choice.steps
        if steps is None:
            return []
        return [
            {
                "what": step.what,
                "class": int(step.priority),
                "people": _number(step.demand),
                "objective": _number(self._told(step.objective)),
                "bound": _number(self._told(step.bound)),
                "status": step.status,
            }
            for step in steps.steps
        ]

    def _uids(self, rows: NDArray[np.int64]) -> list[str]:
        return [str(uid) for uid in self.candidates.uid[rows]]


def edits_of_rows(
    candidates: Candidates, chosen: Sequence[tuple[Need, NDArray[np.int64]]]
) -> tuple[Edit, ...]:
    """Return what is built: a new facility at a site, or a larger one where it stands."""
    edits: list[Edit] = []
    for need, rows in chosen:
        for row in rows.tolist():
            floor = _or_none(need.fit.need_m2[row])
            if candidates.kind[row] == "upgrade":
                floor = _or_none(candidates.floor_m2[row])
                edits.append(EnlargeFacility(str(candidates.uid[row]), floor))
                continue
            land = _or_none(need.fit.need_land_m2[row])
            xy = (float(candidates.xy[row, 0]), float(candidates.xy[row, 1]))
            edits.append(AddFacility(need.rule.category, xy, floor, land))
    return tuple(edits)


def _estimated(need: Need) -> int:
    """Return of how many estates the people are an estimate."""
    return int(need.item.group.estimated.sum()) if need.estimated else 0


def _or_none(size: float) -> float | None:
    return float(size) if size > 0 else None


def _number(value: Any, digits: int = _ROUNDED) -> float | int | None:
    """Return a number as JSON knows it: None where unknown, whole where it is whole."""
    if value is None or not np.isfinite(value):
        return None
    rounded = round(float(value), digits)
    return int(rounded) if rounded == int(rounded) else rounded
