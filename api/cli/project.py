"""Commands about the project file itself: init, import, layers, check, export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api import analyses
from api.cli.options import PATH, PROJECT, json_option, pairs
from api.cli.output import answer, finding_lines, number, progress_bar, table_lines
from api.store import Project
from api.store.address import name_of, shown
from gis.crs import parse_crs
from gis.model import KINDS, Categories
from gis.renewal import load_profile

if TYPE_CHECKING:
    from gis.io import ImportReport

LINES_SHOWN = 20


@click.command()
@click.argument("project", type=PROJECT)
@click.option("--name", help="Name of the project, shown on maps; the file's name unless given.")
@click.option("--profile", help="Policy profile: a file of data/profiles; national unless given.")
@click.option("--crs", help="Working CRS as EPSG:n; unless given, the first import picks it.")
@json_option
def init(
    project: str | Path, name: str | None, profile: str | None, crs: str | None, as_json: bool
) -> None:
    """Make a new project file; an existing file is never overwritten."""
    profile = load_profile(profile).name if profile else None
    chosen = parse_crs(crs) if crs else None
    with Project.create(
        project, name=name or name_of(project), profile=profile, crs=chosen
    ) as made:
        code = _crs_text(made)
        result = {"project": shown(project), "name": made.name, "crs": code, "profile": profile}
    lines = [f"Made {shown(project)}", f"Next: lianpian import {shown(project)} streets FILE"]
    answer(result, lines, as_json=as_json)


@click.command("import")
@click.argument("project", type=PROJECT)
@click.argument("kind")
@click.argument("file", type=PATH)
@click.option("--layer", help="Layer or sheet inside the file, where it has several.")
@click.option("--crs", help="CRS of the file as EPSG:n, where the file does not say or lies.")
@click.option(
    "--coords",
    type=click.Choice(["auto", "wgs84", "gcj02", "bd09", "cgcs2000"]),
    default="auto",
    show_default=True,
    help="Shifted coordinates of map providers; auto finds out against streets or estates.",
)
@click.option("--encoding", default="auto", show_default=True, help="Text encoding of the file.")
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Name a column.")
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Fill a column. Of a plan also its name (plan=NAME) and bounds (size=people:5000:12000).",
)
@click.option("--replace", is_flag=True, help="Replace the layer instead of adding to it.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@json_option
def import_(
    project: str | Path,
    kind: str,
    file: Path,
    layer: str | None,
    crs: str | None,
    coords: str,
    encoding: str,
    columns: tuple[str, ...],
    values: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read FILE into the layer KIND: every repair and every refused row is listed.

    KIND is one of the layer kinds, or osm for all that an OpenStreetMap file holds.
    """
    options = analyses.ImportOptions(
        layer=layer,
        crs=crs,
        coords=coords,
        encoding=encoding,
        columns=pairs(columns, "--column"),
        values=pairs(values, "--set"),
    )
    with Project.open(project) as opened, progress_bar("import") as progress:
        reports = analyses.import_file(
            opened, kind, file, options, replace=replace, dry_run=dry_run, progress=progress
        )
    result = _import_result(kind, reports) | {"dry_run": dry_run}
    lines = [line for report in reports for line in _report_lines(report, dry_run=dry_run)]
    answer(result, lines, as_json=as_json)


def _import_result(kind: str, reports: list[ImportReport]) -> dict[str, Any]:
    """One report as it is; several (OSM) summed up, with each under ``layers``."""
    if kind != "osm":
        return reports[0].to_json()
    parts = [report.to_json() for report in reports]
    return {
        **parts[0],
        "kind": kind,
        **{key: sum(part[key] for part in parts) for key in ("read", "accepted")},
        **{
            key: [row | {"kind": part["kind"]} for part in parts for row in part[key]]
            for key in ("repaired", "refused", "findings")
        },
        "layers": parts,
    }


def _report_lines(report: ImportReport, *, dry_run: bool) -> Iterator[str]:
    verb = "would take" if dry_run else "took"
    # Without a CRS there were no coordinates, whatever they would have been read as.
    read_as = [report.crs, f"coordinates {report.coords}" if report.crs and report.coords else ""]
    read_as.append(f"text {report.encoding}" if report.encoding else "")
    told = ", ".join(filter(None, read_as))
    yield (
        f"{report.kind}: {verb} {number(report.accepted)} of {number(report.read)} rows from "
        f"{report.file}" + (f" ({told})" if told else "")
    )
    for title, notes in (("repaired", report.repaired), ("refused", report.refused)):
        for note in notes[:LINES_SHOWN]:
            yield f"  row {note.row} {title}: {note.reason}"
        if len(notes) > LINES_SHOWN:
            yield f"  … and {len(notes) - LINES_SHOWN} more {title}; --json lists all"
    yield from finding_lines(report.findings)


@click.command()
@click.argument("project", type=PROJECT)
@click.option("--remove", metavar="LAYER", help="Take a layer out of the project.")
@click.option("--none", "none", metavar="CATEGORY", help="State that there is no such facility.")
@click.option("--not-none", metavar="CATEGORY", help="Take that statement back.")
@json_option
def layers(
    project: str | Path, remove: str | None, none: str | None, not_none: str | None, as_json: bool
) -> None:
    """List what is in the project, or take a layer out.

    A category without any facility is no-data until someone states that there is none.
    """
    with Project.open(project) as opened:
        for text in (none, not_none):
            if text:
                Categories.load().require(text)
        if remove:
            opened.remove_layer(remove)
        for text, stated in ((none, True), (not_none, False)):
            if text:
                analyses.state_none(opened, text, none=stated)
        infos = opened.layers()
        plans, none_of = list(opened.plan_names()), sorted(opened.none_of)
        result = {
            "project": shown(project),
            "name": opened.name,
            "crs": _crs_text(opened),
            "profile": analyses.profile_of(opened).name,
            "layers": [
                {
                    "layer": info.kind,
                    "zh": KINDS[info.kind].zh,
                    "rows": info.rows,
                    "geometry": info.geometry,
                    "imported_at": info.imported_at,
                    "sources": list(info.sources),
                }
                for info in infos
            ],
            "plans": plans,
            "none_of": none_of,
        }
    rows = [["layer", "", "rows", "from"]] + [
        [info.kind, KINDS[info.kind].zh, number(info.rows), ", ".join(info.sources)]
        for info in infos
    ]
    lines = [f"{result['name']} ({result['crs'] or 'CRS still open'})", *table_lines(rows)]
    if plans:
        lines.append(f"  plans: {', '.join(plans)}")
    if none_of:
        lines.append(f"  stated that there is none of: {', '.join(none_of)}")
    answer(result, lines, as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@json_option
def check(project: str | Path, as_json: bool) -> None:
    """Look for faults in the data: coordinates that do not fit, gaps in columns, loose streets."""
    from gis.quality import check_study

    with Project.open(project) as opened, progress_bar("check") as progress:
        findings = check_study(opened.read_study(), progress=progress)
        refused = opened.refused()
    result = {
        "project": shown(project),
        "findings": [finding.to_json() for finding in findings],
        "refused": refused,
    }
    lines = list(finding_lines(findings)) or ["Nothing found."]
    if refused:
        lines.append(f"  {len(refused)} rows were refused on import; --json lists them")
    answer(result, lines, as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.option("--out", type=PATH, required=True, help="File, or folder for one file per layer.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["xlsx", "gpkg", "geojson", "csv", "shp"]),
    help="Unless given, from the name of --out.",
)
@click.option("--layer", "kinds", multiple=True, help="Only these layers; all unless given.")
@json_option
def export(
    project: str | Path, out: Path, format_: str | None, kinds: tuple[str, ...], as_json: bool
) -> None:
    """Write layers to files that other programs open; your own extra columns stay at home."""
    with Project.open(project) as opened, progress_bar("export") as progress:
        files = analyses.export_project(
            opened, out, format_=format_, kinds=kinds, progress=progress
        )
    names = [str(file) for file in files]
    answer({"files": names}, [f"Wrote {name}" for name in names], as_json=as_json)


def _crs_text(project: Project) -> str | None:
    if project.crs is None:
        return None
    code = project.crs.to_epsg()
    return f"EPSG:{code}" if code else project.crs.name
