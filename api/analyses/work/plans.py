"""Works about plans: made, mended, varied, compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from api.analyses.alternatives import alternatives_of
from api.analyses.answers import alternatives_json, districts_json, repair_json
from api.analyses.planning import Districting, districts_of
from api.analyses.plans import compared_plans, repaired_plan, version_of
from api.analyses.still import Still
from api.analyses.work import options as ways
from api.analyses.work.asking import PLANNED, kept
from api.store import Project
from gis.districts import Locks
from gis.errors import OptionError
from gis.model import Progress


def districts(
    project: Project, options: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Group estates into districts and keep the plan under its name."""
    want = ways.Districts.read(options)
    still = Still.of(project)
    plan = districts_of(
        still,
        _districting(want),
        name=want.plan,
        seed=want.seed,
        time_limit_s=want.time_limit,
        progress=progress,
    )
    version = version_of(still, want.plan) if plan.districts else None
    answer = districts_json(plan, still.read_layer("estates")) | {"version": version}
    return kept(still, "districts", want, options, answer, kinds=PLANNED)


def _districting(want: ways.Districts) -> Districting:
    given: dict[str, Any] = {}
    if want.sizes is not None:
        given["sizes"] = {column: _bounds(column, *pair) for column, pair in want.sizes.items()}
    return Districting(
        where=want.where,
        count=want.count,
        adjacency=want.adjacency,
        max_link_m=want.max_link_metres,
        near_m=want.near_metres,
        walls=want.walls,
        not_across=tuple(want.not_across),
        max_walk_minutes=want.max_walk_minutes,
        within=tuple(want.within),
        objective=want.objectives,
        pack=want.rules,
        year=want.year,
        join=tuple(map(tuple, want.join)),
        apart=tuple(map(tuple, want.apart)),
        locks=Locks(fixed=want.locks, closed=frozenset(want.closed)),
        **given,
    )


def _bounds(column: str, low: float | None, high: float | None) -> tuple[float, float]:
    least, most = low if low is not None else 0.0, high if high is not None else math.inf
    if not (0 <= least <= most) or math.isinf(least):
        raise OptionError(f"The bounds of {column} are {low} to {high}; give 0 <= least <= most")
    return least, most


def alternatives(
    project: Project, options: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Find several good and really different plans that are asked the same as a kept one."""
    want = ways.Alternatives.read(options)
    still = Still.of(project)
    found = alternatives_of(
        still,
        want.plan,
        count=want.count,
        worse=want.worse,
        unlike=want.unlike,
        seed=want.seed,
        time_limit_s=want.time_limit,
        progress=progress,
    )
    answer = alternatives_json(found, want.plan)
    return kept(still, "alternatives", want, options, answer, kinds=PLANNED)


def repair(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Mend a plan with the fewest estates moved; it is kept only where ``save`` says."""
    want = ways.Repair.read(options)
    still = Still.of(project)
    progress(0.1, "repair")
    found, saved = repaired_plan(
        still, want.plan, version=want.version, save=want.save, time_limit_s=want.time_limit
    )
    progress(1.0, "repair")
    where = None if want.save is None or saved is None else (want.save, saved)
    answer = repair_json(found, want.plan, where)
    return kept(still, "repair", want, options, answer, kinds=PLANNED)


def compare(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Say what differs between two plans, or two versions of one: ``plan`` is before."""
    want = ways.Compare.read(options)
    if want.other is None and want.version is None:
        raise OptionError("Name another plan, or an older version to compare with")
    still = Still.of(project)
    progress(0.1, "compare")
    found = compared_plans(
        still,
        (want.plan, want.version),
        (want.other or want.plan, want.other_version),
        metrics=want.metrics or None,
    )
    progress(1.0, "compare")
    answer = {"first": want.plan, "second": want.other or want.plan, **found.to_json()}
    return kept(still, "compare", want, options, answer, kinds=PLANNED)
