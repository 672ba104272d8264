"""Where to put what is missing: the questions about sites that a project can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from api.analyses.how import Walking, profile_of, today
from api.analyses.outputs import refuse_project, replacing
from api.analyses.scenarios import require_scenario_name
from api.analyses.walking import rules_of
from api.store import Project
from gis.errors import FileError, OptionError
from gis.explain import find_rule
from gis.maps import render_map
from gis.model import Progress, Study
from gis.rules import Rule, RulePack
from gis.scenario import words_of
from gis.sheets.sites import write_site_workbook
from gis.sites import Ask, How, Offer, SitePlan, offers_of, plan_sites


def sites_of(
    project: Project,
    categories: Sequence[str],
    ask: Ask,
    how: Walking,
    *,
    origin: Literal["auto", "gate", "building"] = "auto",
    progress: Progress | None = None,
) -> SitePlan:
    """Choose sites for one category or several.

    ``origin`` "auto": people start at their buildings where these are known and their legs count,
    else at the gate.

    Raises
    ------
    InputError
        What is asked cannot be answered, with the remedy.
    """
    study, rules, pack = _asked(project, categories, how)
    if origin == "auto":
        origin = "building" if "buildings" in study and how.link != "free" else "gate"
    how = replace(how, origin=origin)
    return plan_sites(study, rules, ask, _how(project, how), pack=pack, progress=progress)


def keep_sites(
    project: Project, name: str, plan: SitePlan, categories: Sequence[str], how: Walking
) -> None:
    """Keep a choice as a scenario, which ``what_if`` can try again.

    Raises
    ------
    OptionError
        The name cannot be one, or nothing was chosen.
    """
    require_scenario_name(name)
    if not plan.edits:
        raise OptionError(f"There is nothing to keep as '{name}': {plan.reason or plan.status}")
    project.save_scenario(name, *scenario_of_sites(plan, categories, how))


def require_site_files(
    save: str | None = None, out: Path | None = None, map_file: Path | None = None
) -> None:
    """Refuse a name that nothing can be kept or written under, before anything is computed.

    Raises
    ------
    OptionError
        The name of the scenario cannot be one, a file has the wrong ending, or is a project.
    FileError
        The folder of a file is not there.
    """
    if save is not None:
        require_scenario_name(save)
    if out is not None and out.suffix.lower() != ".xlsx":
        raise OptionError(f"--out {out} is no workbook; give a name that ends in .xlsx")
    if map_file is not None and map_file.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"--map {map_file} is no map file; give a name that ends in .html")
    for file in (out, map_file):
        if file is None:
            continue
        refuse_project(file)
        if not file.absolute().parent.is_dir():
            raise FileError(f"There is no folder {file.parent} to write {file.name} into; make it")


def offers_in(
    project: Project, categories: Sequence[str], ask: Ask, how: Walking
) -> tuple[Offer, ...]:
    """Say of every candidate which of the categories it fits, and why not."""
    study, rules, _ = _asked(project, categories, how)
    return offers_of(study, rules, ask)


def write_site_plan(plan: SitePlan, out: Path, *, project: str, lang: str) -> None:
    """Write the choice as a workbook.

    Raises
    ------
    OptionError, FileError
        As `require_site_files`, or the folder cannot be written.
    """
    require_site_files(out=out)
    with replacing(out) as temporary:
        write_site_workbook(plan, temporary, date=today(), lang=lang, project=project)


def map_of_sites(project: Project, plan: SitePlan, *, lang: str) -> str:
    """Return the single-file map of a choice: sites, whom they serve, before and after."""
    return render_map(
        project.read_study(),
        coverage=None,
        plan=None,
        sites=plan,
        rules=plan.before.pack,
        sources={info.kind: info.sources for info in project.layers()},
        title=project.name,
        date=today(),
        lang=lang,
    )


def _asked(
    project: Project, categories: Sequence[str], how: Walking
) -> tuple[Study, list[Rule], RulePack | None]:
    if not categories:
        raise OptionError("Name what is to be placed with --category, once for each service")
    if len(categories) > 1 and (how.metres is not None or how.minutes is not None):
        raise OptionError("--metres and --minutes go with one --category; leave them out")
    pack: RulePack | None = None
    rules = []
    for word in categories:
        pack, found = rules_of(project, replace(how, category=word))
        rules.append(find_rule(found, found[0].category))
    return project.read_study(), rules, pack


def _how(project: Project, how: Walking) -> How:
    profile = profile_of(project)
    return How(
        at=how.at,
        origin=how.origin,
        link=how.link,
        longest_link_m=how.longest_link_m,
        walker=how.walker,
        terrain=how.terrain,
        persons_per_household=profile.persons_per_household,
        place=profile.name,
    )


def scenario_of_sites(
    plan: SitePlan, categories: Sequence[str], how: Walking
) -> tuple[list[dict[str, object]], dict[str, Any]]:
    """Return the edits that a choice comes to, and what the scenario tells of itself."""
    how = replace(how, origin=plan.assumptions["origin"])
    gained = [service.people_after - service.need.people_before for service in plan.services]
    one = how if len(categories) > 1 else replace(how, category=categories[0])
    told = {"people_gained": sum(gained), "how": dict(vars(one))}
    return words_of(plan.edits), told | {"sites": plan.to_json()["chosen"]}
