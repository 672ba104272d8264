"""What questions are answered with, as plain values: the same on the command line and the web."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from api.analyses.how import today

if TYPE_CHECKING:
    # These take seconds to load; a command line must know its options at once.
    from api.analyses.plans import Measured
    from api.store.scenarios import SavedScenario
    from gis.coverage import CircleClaim, Coverage
    from gis.districts import DistrictPlan
    from gis.isochrones import Isochrones
    from gis.model import Layer
    from gis.plans import Package, Repair
    from gis.plans.alternatives import Alternatives


def coverage_json(
    measured: Coverage, *, claim: CircleClaim | None = None, capacity: bool = False
) -> dict[str, Any]:
    """Return who walks to what, by category, level and community."""
    return {
        "date": today(),
        "items": measured.summary(),
        "missing": _missing(measured),
        "grade": measured.grade.to_json(),
        "levels": measured.levels().to_dict("records"),
        "communities": measured.by_area("community").to_dict("records"),
        "claim": None if claim is None else _claim_json(claim),
        "capacity": measured.capacity().summary() if capacity else None,
        "assumptions": dict(measured.assumptions),
        "findings": [finding.to_json() for finding in measured.findings],
    }


def _claim_json(claim: CircleClaim) -> dict[str, Any]:
    return {
        "minutes": claim.minutes,
        "terrain": claim.coverage.assumptions["terrain"],
        "walker": claim.coverage.assumptions["walker"],
        "holds": claim.holds,
        "functions": claim.table().to_dict("records"),
    }


def _missing(measured: Coverage) -> list[dict[str, Any]]:
    """Estates with at least one gap, the worst first."""
    counts = measured.missing_count()
    order = sorted(range(len(counts)), key=lambda i: (-counts[i], i))
    uids = measured.estates.uids
    names = measured.estates.frame["name"].to_numpy(dtype=object, na_value=None)
    return [
        {"estate": str(uids[i]), "name": names[i], "missing": int(counts[i])}
        for i in order
        if counts[i]
    ]


def isochrones_json(found: Isochrones) -> dict[str, Any]:
    """Return what facilities reach: a row per facility and band.

    Homes are counted up to the band, streets within it.
    """
    rows = []
    for row in found.streets.itertuples():
        homes = found.homes
        near = (homes["facility"] == row.facility) & (homes["within_m"] <= row.within_m)
        rows.append(
            {
                "facility": row.facility,
                "within_m": row.within_m,
                "minutes": row.minutes,
                "streets_m": row.length_m,
                "homes": int(near.sum()),
            }
        )
    return {
        "date": today(),
        "facilities": rows,
        "unlinked": list(found.unlinked),
        "assumptions": found.assumptions,
        "findings": [finding.to_json() for finding in found.findings],
    }


def scenario_json(scenario: SavedScenario) -> dict[str, Any]:
    """Return a kept scenario: what it changes, and what it gained on the day it was kept."""
    return {
        "name": scenario.name,
        "version": scenario.version,
        "created": scenario.created,
        "edits": [dict(edit) for edit in scenario.edits],
        "people_gained": scenario.answer.get("people_gained"),
        "how": scenario.answer.get("how"),
    }


def left_out_json(plan: DistrictPlan) -> list[dict[str, Any]]:
    """Return the estates that no district could take, and why."""
    return [
        {
            "estate": left.estate,
            "reason": left.reason,
            "proved": left.proved,
            "remedy": left.remedy or None,
        }
        for left in plan.left_out
    ]


def districts_json(plan: DistrictPlan, estates: Layer) -> dict[str, Any]:
    """Return a plan that was just made, with the sums of its districts."""
    return {
        "plan": plan.name,
        "date": today(),
        "districts": plan.table(estates).to_dict("records"),
        "left_out": left_out_json(plan),
        "violations": 0,
        "objective": plan.objective,
        "terms": plan.settings["terms"],
        "bound": plan.bound,
        "gap": plan.gap,
        "status": plan.status,
        "reason": plan.reason,
        "links": dict(Counter(plan.adjacency.how.tolist())),
        "settings": dict(plan.settings),
    }


def plan_json(found: Measured) -> dict[str, Any]:
    """Return a version of a plan with all that is said of it."""
    kept = found.plan
    return {
        "plan": kept.name,
        "version": found.version,
        "date": today(),
        "status": kept.status,
        "reason": kept.reason,
        "objective": kept.objective,
        "bound": kept.bound,
        "gap": kept.gap,
        **found.metrics.to_json(),
        "left_out": [dict(vars(item)) for item in kept.left_out],
        "violations": [fault.to_json() for fault in found.violations],
        "stale": list(found.stale),
        "packages": [package.to_json() for package in found.packages],
        "settings": dict(kept.settings),
    }


def repair_json(found: Repair, name: str, saved: tuple[str, int] | None) -> dict[str, Any]:
    """Return what was moved to mend the plan ``name``; ``saved``: where it was kept."""
    return {
        "plan": name,
        "status": found.status,
        "reason": found.reason,
        "moved": [
            {"estate": m.estate, "from": m.before, "to": m.after, "people": m.people}
            for m in found.moved
        ],
        "people_moved": found.people_moved,
        "bound": found.bound,
        "violations_before": [fault.to_json() for fault in found.violations],
        "dissolved": list(found.dissolved),
        "left_out": list(found.left_out),
        "saved": None if saved is None else {"plan": saved[0], "version": saved[1]},
    }


def alternatives_json(found: Alternatives, name: str) -> dict[str, Any]:
    """Return the alternatives to the plan ``name``, the best first."""
    return {
        "plan": name,
        "alternatives": [
            {
                "plan": made.name,
                "objective": objective,
                "districts": len(made.districts),
                "left_out": len(made.left_out),
                "differs": shares,
                "differs_from_named": apart,
            }
            for made, objective, shares, apart in zip(
                found.plans, found.objectives, found.differences.tolist(), found.from_named,
                strict=True,
            )
        ],
        "tried": found.tried,
        "reason": found.reason,
    }  # fmt: skip


def packages_json(found: Sequence[Package], sums: Sequence[dict[Any, Any]]) -> dict[str, Any]:
    """Return work packages with their sums, and those of what is in none."""
    lines = [package.to_json() for package in found]
    return {
        "packages": [line | row for line, row in zip(lines, sums, strict=False)],
        "in_none": sums[-1],
    }
