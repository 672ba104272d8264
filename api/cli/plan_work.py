"""The commands ``plan ...`` that work on a plan: show, check, mend, compare, bundle, export it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from api.analyses.answers import alternatives_json, packages_json, plan_json, repair_json
from api.analyses.outputs import write_text
from api.analyses.plan_files import export_comparison, export_faults, export_plan, table_text
from api.analyses.plans import (
    check_of,
    compared_plans,
    link_table,
    measured_plan,
    names_of,
    repaired_plan,
    version_in,
    version_of,
)
from api.cli.options import PATH, PROJECT, json_option
from api.cli.output import answer, number, progress_bar, table_lines
from api.cli.plan_lines import (
    compare_lines,
    estate_words,
    left_lines,
    metric_lines,
    package_lines,
    repair_lines,
    stale_words,
)
from api.store import Project
from api.store.address import shown
from gis.districts import DistrictPlan
from gis.errors import OptionError
from gis.plans import METRICS, Package, changed_inputs, package_sums
from gis.plans.metrics import PIPE_METRICS
from gis.plans.packages import assign, bundle, merge, remove, split

_version = click.option("--version", type=click.IntRange(1), help="This version; the newest else.")
_metric = click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice([metric.name for metric in METRICS]),
    metavar="NAME",
    help="Only these metrics (several times); all unless given.",
)
_seconds = click.option(
    "--time-limit",
    "time_limit_s",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    help="Seconds to search.",
)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@_version
@_metric
@json_option
def show(
    project: str | Path, name: str, version: int | None, metrics: tuple[str, ...], as_json: bool
) -> None:
    """Show a plan with the metrics of each district; a dash is unknown, never nought."""
    with Project.open(project) as opened, progress_bar("plan") as progress:
        found = measured_plan(
            opened, name, version=version, metrics=metrics or None, progress=progress
        )
    kept = found.plan
    result = {
        "project": shown(project), **plan_json(found),
    }  # fmt: skip
    told = (
        f"Plan '{name}', version {found.version}: {len(kept.districts)} districts, status "
        f"{kept.status}, {len(found.violations)} violations{stale_words(found.stale, '; ')}"
    )
    totals = {"district": "all", **found.metrics.totals}
    # Pipes by kind make the table too wide; they are shown where they are asked for.
    names = metrics or [m.name for m in found.metrics.metrics if m.name not in PIPE_METRICS]
    lines = [told, *metric_lines([*result["districts"], totals], names)]
    if any(name.endswith("_walk_m") for name in names):
        lines.append(f"  centre: {result['centre_rule']}")
    lines += left_lines(kept, names_of(found.estates))
    answer(result, lines, as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.option("--out", type=PATH, required=True, help="A .xlsx, .csv, .geojson or .gpkg file.")
@_version
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@json_option
def export(
    project: str | Path, name: str, out: Path, version: int | None, lang: str, as_json: bool
) -> None:
    """Write a plan to a file: a workbook to read, or a row per estate for other programs."""
    with Project.open(project) as opened, progress_bar("plan") as progress:
        found = measured_plan(opened, name, version=version, progress=progress)
        files = [str(f) for f in export_plan(found, out, project=opened.name, lang=lang)]
    result = {"project": shown(project), "plan": name, "version": found.version, "files": files}
    answer(result, [f"Wrote {file}" for file in files], as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@_version
@click.option("--today", "anew", is_flag=True, help="Links anew, from the layers as they are now.")
@click.option("--out", type=PATH, help="Draw what is broken: a .geojson or .gpkg file.")
@json_option
def check(
    project: str | Path, name: str, version: int | None, anew: bool, out: Path | None, as_json: bool
) -> None:
    """Hold a plan against its constraints, without knowing how it was made."""
    with Project.open(project) as opened:
        kept = opened.read_plan(name, version=version)
        study = opened.read_study()
        adjacency = None
        if anew:
            from api.analyses.alternatives import links_today

            adjacency = links_today(kept, study)
        faults = check_of(kept, study, adjacency=adjacency)
        stale = list(changed_inputs(kept, study))
        checked = version or version_in(kept) or version_of(opened, name)
        if out is not None:
            export_faults(faults, out, study.layer("estates").crs)
    result = {
        "project": shown(project), "plan": name, "version": checked,
        "violations": [fault.to_json() for fault in faults], "stale": stale,
        "file": None if out is None else str(out),
    }  # fmt: skip
    lines = [f"{len(faults)} violations{stale_words(stale, '; ')}"]
    answer(result, [*lines, *(f"  {fault}" for fault in faults)], as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.option("--save", "save", metavar="NAME", help="Keep the mended plan under this name.")
@_version
@_seconds
@json_option
def repair(
    project: str | Path,
    name: str,
    save: str | None,
    version: int | None,
    time_limit_s: float,
    as_json: bool,
) -> None:
    """Mend a plan with the fewest estates moved; nothing is kept unless --save says where."""
    with Project.open(project) as opened:
        found, saved = repaired_plan(
            opened, name, version=version, save=save, time_limit_s=time_limit_s
        )
        called = names_of(opened.read_layer("estates"))
    result = {
        "project": shown(project),
        **repair_json(found, name, None if save is None or saved is None else (save, saved)),
    }
    answer(result, repair_lines(found, name, save, saved, called), as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.argument("other", required=False)
@_version
@click.option("--other-version", type=click.IntRange(1), help="Version of the second plan.")
@_metric
@click.option("--out", type=PATH, help="Write the comparison to this .xlsx file.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@json_option
def compare(
    project: str | Path,
    name: str,
    other: str | None,
    version: int | None,
    other_version: int | None,
    metrics: tuple[str, ...],
    out: Path | None,
    lang: str,
    as_json: bool,
) -> None:
    """Say what differs between two plans, or two versions of one: NAME is before, OTHER after.

    Districts are matched by the people they share, so that names do not matter.
    """
    if other is None and version is None:
        raise OptionError("Name a second plan, or with --version an older version to compare with")
    with Project.open(project) as opened, progress_bar("compare"):
        found = compared_plans(
            opened, (name, version), (other or name, other_version), metrics=metrics or None
        )
        if out is not None:
            export_comparison(found, out, project=opened.name, lang=lang)
    result = {
        "project": shown(project), "first": name, "second": other or name, **found.to_json(),
        "file": None if out is None else str(out),
    }  # fmt: skip
    answer(result, compare_lines(found), as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.option(
    "--count",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    help="How many besides NAME.",
)
@click.option(
    "--worse",
    type=click.FloatRange(0),
    default=0.1,
    show_default=True,
    metavar="SHARE",
    help="By what share the objective may be above the best.",
)
@click.option(
    "--unlike",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    metavar="SHARE",
    help="Least share of the people in another district than in NAME, and in any other.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@_seconds
@json_option
def alternatives(
    project: str | Path,
    name: str,
    count: int,
    worse: float,
    unlike: float,
    seed: int,
    time_limit_s: float,
    as_json: bool,
) -> None:
    """Find several good and really different plans that are asked the same as NAME.

    NAME counts as the first of them and stays as it is; up to COUNT others are kept as "NAME-1",
    "NAME-2", ..., the best first. One that is like NAME is none.
    """
    from api.analyses.alternatives import alternatives_of

    with Project.open(project) as opened, progress_bar("alternatives") as progress:
        found = alternatives_of(
            opened, name, count=count, worse=worse, unlike=unlike, seed=seed,
            time_limit_s=time_limit_s, progress=progress,
        )  # fmt: skip
    result = {
        "project": shown(project), **alternatives_json(found, name),
    }  # fmt: skip
    plans = result["alternatives"]
    rows = [["plan", "objective", "districts", "left out", f"people elsewhere than in '{name}'"]]
    rows += [
        [
            line["plan"], number(line["objective"], 3), number(line["districts"]),
            number(line["left_out"]), f"{line['differs_from_named']:.0%}",
        ]
        for line in plans
    ]  # fmt: skip
    now = f"(now --worse {worse:g}, --unlike {unlike:g})"
    why = f"{found.reason} {now}" if found.reason else ""
    lines = [*(table_lines(rows) if plans else ()), *filter(None, [why])]
    answer(result, lines, as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@_version
@click.option("--cut", "only_cut", is_flag=True, help="Only links between two districts.")
@click.option("--out", type=PATH, help="Write all links to this .csv file.")
@json_option
def links(
    project: str | Path,
    name: str,
    version: int | None,
    only_cut: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """List which estates are linked, which are not, and why, with the numbers."""
    with Project.open(project) as opened:
        kept = opened.read_plan(name, version=version)
        table = link_table(kept, opened.read_layer("estates"))
    if only_cut:
        table = table[table["cut"]].reset_index(drop=True)
    if out is not None:
        if out.suffix.lower() != ".csv":
            raise OptionError(f"--out {out} is no .csv file; give a name that ends so")
        write_text(out, table_text(table))
    found = table.to_dict("records")
    beyond = [r for r in found if not r["linked"]]
    result = {
        "project": shown(project), "plan": name, "links": [r for r in found if r["linked"]],
        "beyond": beyond, "file": None if out is None else str(out),
    }  # fmt: skip
    rows = [["", "", "", "metres", "why"]] + [
        [
            estate_words(r["estate_a"], r["name_a"]), "–" if r["linked"] else "×",
            estate_words(r["estate_b"], r["name_b"]), number(r["metres"]), r["reason"],
        ]
        for r in found
    ]  # fmt: skip
    count = f"{len(found) - len(beyond)} links, {len(beyond)} pairs that are none"
    answer(result, [count, *table_lines(rows)], as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.option("--bundle", "bundles", multiple=True, metavar="P=D1,D2", help="Make a package.")
@click.option("--split", "splits", multiple=True, metavar="P", help="One package per part of P.")
@click.option("--merge", "merges", multiple=True, metavar="P,Q=R", help="Make R of P and Q.")
@click.option("--drop", "drops", multiple=True, metavar="P", help="Take a package away.")
@click.option("--builder", "builders", multiple=True, metavar="P=WHO", help="Who builds P.")
@_version
@json_option
def packages(
    project: str | Path,
    name: str,
    bundles: tuple[str, ...],
    splits: tuple[str, ...],
    merges: tuple[str, ...],
    drops: tuple[str, ...],
    builders: tuple[str, ...],
    version: int | None,
    as_json: bool,
) -> None:
    """Bundle districts (or estates) into work packages, and sum them up.

    Every change makes the next version of the plan, so that plan restore takes it back. Options
    are done in the order --split, --merge, --drop, --bundle, --builder.
    """
    changes = (splits, merges, drops, bundles, builders)
    if any(changes) and version is not None:
        raise OptionError("--version looks at an older version; change the newest one without it")

    def change(kept: DistrictPlan, old: tuple[Package, ...]) -> tuple[Package, ...]:
        return _changed(kept, old, splits, merges, drops, bundles, builders)

    with Project.open(project) as opened:
        if any(changes):
            note = " ".join([
                *(f"--split {s}" for s in splits), *(f"--merge {m}" for m in merges),
                *(f"--drop {d}" for d in drops), *(f"--bundle {b}" for b in bundles),
                *(f"--builder {b}" for b in builders),
            ])  # fmt: skip
            opened.change_packages(name, change, who=opened.author.name, note=note)
        kept = opened.read_plan(name, version=version)
        found = opened.read_packages(name, version=version)
        sums = package_sums(kept, found, opened.read_layer("estates")).to_dict("records")
        now = version or version_of(opened, name)
    result = {
        "project": shown(project), "plan": name, "version": now,
        **packages_json(found, sums),
    }  # fmt: skip
    answer(result, package_lines(found, sums), as_json=as_json)


def _changed(
    kept: DistrictPlan,
    found: tuple[Package, ...],
    splits: Sequence[str],
    merges: Sequence[str],
    drops: Sequence[str],
    bundles: Sequence[str],
    builders: Sequence[str],
) -> tuple[Package, ...]:
    for package in splits:
        found = split(kept, found, package)
    who = dict(_two(text, "--builder", "P=WHO") for text in builders)
    for text in merges:
        names, into = _two(text, "--merge", "P,Q=R")
        found = merge(kept, found, _several(names, ()), into, builder=who.get(into))
    for package in drops:
        found = remove(found, package)
    for text in bundles:
        package, parts = _two(text, "--bundle", "P=D1,D2")
        found = bundle(kept, found, package, _several(parts, kept.districts))
    for package, builder in who.items():
        found = assign(found, package, builder or None)
    return found


def _two(text: str, option: str, form: str) -> tuple[str, str]:
    before, sign, after = text.partition("=")
    if not sign or not before.strip():
        raise OptionError(f"{option} '{text}' has no '='; write {option} {form}")
    return before.strip(), after.strip()


def _several(text: str, known: Sequence[str]) -> list[str]:
    """Split at commas, unless it is the name of one district as it stands."""
    if text in known:
        return [text]
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
