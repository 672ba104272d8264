"""Works about walking: who walks to what, what would change that, where to put what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.analyses.answers import coverage_json, isochrones_json
from api.analyses.how import today
from api.analyses.memory import WALKED
from api.analyses.outputs import write_tables
from api.analyses.reach import reach_table
from api.analyses.scenarios import openings_of, what_if_of, with_far, with_reason
from api.analyses.siting import keep_sites, scenario_of_sites, sites_of
from api.analyses.still import Still
from api.analyses.walking import coverage_of, isochrones_of, step_free_of
from api.analyses.work import options as ways
from api.analyses.work.asking import SITED, edits_in, folder_of, kept, walking_of
from api.store import Project
from gis.coverage import circle_claim
from gis.model import KINDS, Progress
from gis.quality import check_study
from gis.sites import Ask


def coverage(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Measure who walks to what; the run has a table of estates by rules too (`reach_table`)."""
    want = ways.Coverage.read(options)
    still = Still.of(project)
    measured = coverage_of(still, walking_of(want), progress=progress)
    claim = None
    if want.claim is not None:
        claim = circle_claim(measured, minutes=want.claim, walker=want.walker)
    answer = coverage_json(measured, claim=claim, capacity=want.capacity)
    progress(1.0, "coverage")
    table = {"reach": reach_table(measured)}
    return kept(still, "coverage", want, options, answer, kinds=WALKED, more=table)


def openings(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Rank all places where a wall could be opened."""
    want = ways.Openings.read(options)
    still = Still.of(project)
    found = openings_of(
        still, walking_of(want), count=want.top, set_size=want.together, progress=progress
    )
    answer = {"date": today()} | with_reason(still, found).to_json()
    return kept(still, "openings", want, options, answer, kinds=WALKED)


def what_if(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Say what edits would change."""
    want = ways.WhatIf.read(options)
    still = Still.of(project)
    edits = edits_in(still, want.edits)
    found = what_if_of(still, edits, walking_of(want), save=want.save, progress=progress)
    answer = {"date": today()} | with_far(still, found).to_json() | {"saved": want.save}
    return kept(still, "what_if", want, options, answer, kinds=WALKED)


def isochrones(
    project: Project, options: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Find what facilities reach, in bands; 5, 10 and 15 minutes unless others are given."""
    want = ways.Isochrones.read(options)
    still = Still.of(project)
    progress(0.1, "isochrones")
    minutes = want.minutes
    if minutes is None and want.metres is None:
        minutes = [5.0, 10.0, 15.0]
    found = isochrones_of(
        still,
        walking_of(want, metres=None, minutes=None),
        facilities=want.facilities,
        metres=want.metres,
        minutes=minutes,
    )
    answer = isochrones_json(found) | {"file": None}
    if want.file:
        tables = {"streets": found.streets, "homes": found.homes, "polygons": found.polygons}
        write_tables(tables, folder_of(options) / "isochrones.gpkg")
        answer["file"] = "isochrones.gpkg"
    progress(1.0, "isochrones")
    return kept(still, "isochrones", want, options, answer, kinds=WALKED)


def step_free(
    project: Project, options: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Say which homes have no step-free way to a service, and which ramps bring most people."""
    want = ways.StepFree.read(options)
    still = Still.of(project)
    progress(0.1, "step-free")
    found = step_free_of(still, walking_of(want), categories=want.categories, ramps=want.ramps)
    progress(1.0, "step-free")
    answer = {"date": today()} | found.to_json()
    return kept(still, "step_free", want, options, answer, kinds=WALKED)


def sites(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Choose sites for what is missing."""
    want = ways.Sites.read(options)
    still = Still.of(project)
    ask = Ask(
        model=want.model,
        count=want.count,
        budget=want.budget,
        share=want.share,
        cheapest=want.cheapest,
        rounds=tuple(want.rounds),
        order="worst-first" if want.worst_first else "people",
        capacity=want.capacity,
        required=tuple(want.required),
        closed=tuple(want.closed),
        by_year=want.by_year,
        means=tuple(want.means),
        unknown="offer" if want.offer_unknown else "refuse",
        upgrades=want.upgrades,
        rent_years=want.rent_years,
        anywhere_m=want.anywhere_metres,
        curve=want.curve,
        seed=want.seed,
        time_limit_s=want.time_limit,
    )
    # Where people start is chosen by `sites_of`; the choice is kept with its answer.
    how = walking_of(want, origin="gate")
    plan = sites_of(still, want.categories, ask, how, origin=want.origin, progress=progress)
    answer = {"date": today()} | plan.to_json() | {"saved": want.save}
    if want.save is not None:
        keep_sites(still, want.save, plan, want.categories, how)
    edits, told = scenario_of_sites(plan, want.categories, how)
    more = {"scenario": {"edits": edits, "answer": told}}
    return kept(still, "sites", want, options, answer, kinds=SITED, more=more)


def findings(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Look for faults in the data."""
    want = ways.Findings.read(options)
    still = Still.of(project)
    found = check_study(still.read_study(), progress=progress)
    answer = {"findings": [finding.to_json() for finding in found], "refused": still.refused()}
    return kept(still, "findings", want, options, answer, kinds=tuple(KINDS))
