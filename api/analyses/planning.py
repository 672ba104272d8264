"""Districts and the map of a project."""

from __future__ import annotations

from typing import Any

from api.analyses.walking import Walking, coverage_of, profile_of, rules_of
from api.store import Project
from gis.districts import DistrictPlan, plan_districts
from gis.maps import render_map
from gis.model import Progress


def districts_of(
    project: Project, *, progress: Progress | None = None, **options: Any
) -> DistrictPlan:
    """Group the estates into districts and keep the plan under its name.

    An answer without districts (infeasible, or nothing found in time) is no plan: it is returned,
    and what is kept under the name stays.
    """
    plan = plan_districts(
        project.read_study(),
        persons_per_household=profile_of(project).persons_per_household,
        progress=progress,
        **options,
    )
    if plan.districts:
        project.save_plan(plan)
    return plan


def map_of(
    project: Project,
    *,
    date: str,
    plan: str | None = None,
    pack: str | None = None,
    lang: str = "zh",
    progress: Progress | None = None,
) -> str:
    """Return the single-file map: the newest plan unless one is named, gaps by the rule pack."""
    names = project.plan_names()
    name = plan or (names[-1] if names else None)
    study = project.read_study()
    how = Walking(pack=pack)
    chosen, _ = rules_of(project, how)
    coverage = None
    if "estates" in study and "streets" in study:
        coverage = coverage_of(project, how, progress=progress)
    return render_map(
        study,
        coverage=coverage,
        plan=project.read_plan(name) if name else None,
        rules=chosen,
        sources={info.kind: info.sources for info in project.layers()},
        title=project.name,
        date=date,
        lang=lang,
    )
