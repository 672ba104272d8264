"""What a project can be asked: the command line, the web and a job ask in the same way.

Nothing here opens a project or prints.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd

from api.store import Project
from gis.coverage import Coverage, measure_coverage
from gis.districts import DistrictPlan, plan_districts
from gis.errors import FileError, OptionError, ProjectError, UnknownNameError
from gis.io import ImportReport, read_layer, write_layers
from gis.maps import render_map
from gis.model import KINDS, Categories, Finding, Layer, Progress
from gis.osm import read_osm
from gis.renewal import DEFAULT_PROFILE, Profile, load_profile
from gis.rules import Rule, RulePack, load_pack, own_rule
from gis.sheets import write_gap_workbook

WGS84: Final = "EPSG:4326"
FORMATS: Final = {
    ".xlsx": "xlsx",
    ".gpkg": "gpkg",
    ".geojson": "geojson",
    ".json": "geojson",
    ".csv": "csv",
    ".shp": "shp",
}
TRUSTED: Final = ("streets", "estates")
"""Layers that new ones are held against to find out their coordinates, the best one first."""


@dataclass(frozen=True)
class ImportOptions:
    """What a person says about a file; everything else is found out."""

    layer: str | None = None
    crs: str | None = None
    coords: str = "auto"
    encoding: str = "auto"
    columns: Mapping[str, str] | None = None
    values: Mapping[str, str] | None = None


def profile_of(project: Project) -> Profile:
    """Return the policy profile that the project was made with, or the national one."""
    return load_profile(project.profile or DEFAULT_PROFILE)


def import_file(
    project: Project,
    kind: str,
    path: Path,
    options: ImportOptions,
    *,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[ImportReport]:
    """Read a file into one layer (all that an OSM file has for ``kind`` "osm") in one transaction.

    Raises
    ------
    InputError
        The file cannot be used; the project is as it was.
    """
    kind = next((k.name for k in KINDS.values() if kind == k.zh), kind)
    if kind == "osm":
        items = _read_osm(project, path, options, replace=replace, progress=progress)
    else:
        items = [_read_one(project, kind, path, options, replace=replace, progress=progress)]
    if not replace:
        items = [(layer, _warn_twice(project, report)) for layer, report in items]
    if not dry_run:
        project.write_layers(items, replace=replace)
    return [report for _, report in items]


def _warn_twice(project: Project, report: ImportReport) -> ImportReport:
    """Add a finding where a file of that name is in the layer already: its rows now stand twice."""
    sources = [s for info in project.layers() if info.kind == report.kind for s in info.sources]
    if report.file not in sources:
        return report
    finding = Finding(
        "imported-twice",
        f"{report.file} was imported into {report.kind} before; its rows may now stand twice: "
        "import with --replace to have them once",
    )
    return replace(report, findings=(*report.findings, finding))


def _read_osm(
    project: Project,
    path: Path,
    options: ImportOptions,
    *,
    replace: bool,
    progress: Progress | None,
) -> list[tuple[Layer, ImportReport]]:
    told = options.columns or options.values or options.layer or options.crs
    if told or options.coords not in ("auto", "wgs84"):
        raise OptionError(
            "An OSM file says everything about itself: leave out --layer, --crs, --coords, "
            "--column and --set"
        )
    taken = {} if replace else {kind: project.uids(kind) for kind in KINDS}
    return read_osm(path, target=project.crs, taken_uids=taken, progress=progress)


def _read_one(
    project: Project,
    kind: str,
    path: Path,
    options: ImportOptions,
    *,
    replace: bool,
    progress: Progress | None,
) -> tuple[Layer, ImportReport]:
    if kind not in KINDS:
        raise UnknownNameError(f"There is no kind '{kind}'; give one of: {', '.join(KINDS)}, osm")
    taken: Collection[str] = () if replace else project.uids(kind)
    return read_layer(
        path,
        kind,
        target=project.crs,
        source_crs=options.crs,
        coords=options.coords,
        encoding=options.encoding,
        layer=options.layer,
        columns=options.columns or {},
        values=options.values or {},
        trusted=_trusted(project, besides=kind),
        taken_uids=taken,
        progress=progress,
    )


def _trusted(project: Project, *, besides: str) -> gpd.GeoSeries | None:
    here = {info.kind for info in project.layers() if info.rows}
    for kind in TRUSTED:
        if kind in here and kind != besides:
            return project.read_layer(kind).frame.geometry.to_crs(WGS84)
    return None


def state_none(project: Project, category: str, *, none: bool) -> None:
    """State that the area has no facility of a category, or take that back.

    Raises
    ------
    OptionError
        The project has such facilities.
    """
    code = Categories.load().require(category).code
    here = {info.kind for info in project.layers()}
    if none and "facilities" in here:
        count = int((project.read_layer("facilities").frame["category"] == code).sum())
        if count:
            raise OptionError(
                f"--none {category}: the project has {count} of them; take them out of the "
                "facilities first"
            )
    project.state_none(code, none=none)


def rules_of(
    project: Project,
    *,
    pack: str | None = None,
    category: str | None = None,
    metres: float | None = None,
    minutes: float | None = None,
    walker: str | None = None,
) -> tuple[RulePack | None, tuple[Rule, ...]]:
    """Return the rules asked for: a pack, one category of it, or a rule of the user's own.

    Raises
    ------
    OptionError
        Metres and minutes together, or one of them without a category.
    """
    code = Categories.load().require(category).code if category else None
    if metres is not None or minutes is not None:
        if code is None:
            raise OptionError("--metres and --minutes need --category; name what is walked to")
        if pack is not None:
            raise OptionError("--rules and an own limit exclude each other; leave one out")
        rule = own_rule(code, metres=metres, minutes=minutes, walker=walker or "standard")
        return None, (rule,)
    chosen = load_pack(pack or profile_of(project).rules)
    rules = tuple(rule for rule in chosen.rules if code in (None, rule.category))
    if not rules:
        raise OptionError(
            f"The rule pack '{chosen.name}' says nothing of {code}; "
            "add --metres or --minutes, or name another pack with --rules"
        )
    return chosen, rules


def coverage_of(
    project: Project,
    rules: Sequence[Rule],
    *,
    pack: RulePack | None = None,
    link: str = "counted",
    longest_link_m: float = 300.0,
    progress: Progress | None = None,
) -> Coverage:
    """Measure who walks to what, with the coefficients of the project's profile."""
    return measure_coverage(
        project.read_study(),
        rules,
        pack=pack,
        link=link,
        longest_link_m=longest_link_m,
        persons_per_household=profile_of(project).persons_per_household,
        progress=progress,
    )


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
    chosen, rules = rules_of(project, pack=pack)
    coverage = None
    if "estates" in study and "streets" in study:
        coverage = measure_coverage(
            study,
            rules,
            pack=chosen,
            persons_per_household=profile_of(project).persons_per_household,
            progress=progress,
        )
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


def today() -> str:
    """Return today's date, the date that results carry."""
    return dt.datetime.now().astimezone().date().isoformat()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    FileError
        The folder is not there or cannot be written.
    """
    with _replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_gap_list(coverage: Coverage, path: Path, *, project: str, lang: str = "zh") -> None:
    """Write the gap list as a workbook, whole or not at all.

    Raises
    ------
    OptionError
        The name does not end in .xlsx.
    FileError
        The folder is not there or cannot be written.
    """
    if path.suffix.lower() != ".xlsx":
        raise OptionError(f"--out {path} is no workbook; give a name that ends in .xlsx")
    with _replacing(path) as temporary:
        write_gap_workbook(coverage, temporary, project=project, date=today(), lang=lang)


def export_project(
    project: Project,
    out: Path,
    *,
    format_: str | None = None,
    kinds: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Path]:
    """Write layers to files: one file where the format holds several layers, else a folder of them.

    The user's own extra columns stay at home; see `public_frame`.
    """
    chosen = format_ or FORMATS.get(out.suffix.lower())
    if chosen is None:
        raise OptionError(f"--out {out} does not say the format; add --format")
    if out.suffix.lower() not in ("", f".{chosen}", ".json"):
        raise OptionError(
            f"--out {out} is not named as {chosen}; give a name that ends in .{chosen}"
        )
    refuse_project(out)
    here = [info.kind for info in project.layers()]
    for kind in kinds:
        if kind not in here:
            raise UnknownNameError(f"The project has no layer '{kind}'; it has: {', '.join(here)}")
    layers = [project.read_layer(kind) for kind in kinds or here]
    return write_layers(
        [Layer(layer.kind, public_frame(layer)) for layer in layers],
        out,
        chosen,
        progress=progress,
    )


def public_frame(layer: Layer) -> gpd.GeoDataFrame:
    """Return the rows without the user's own extra columns, the only form that leaves a project.

    Those columns may hold names or telephone numbers; nobody has said that they may be shown.
    """
    return layer.frame[[*layer.kind.column_names, layer.frame.geometry.name]]


def refuse_project(path: Path) -> None:
    """Refuse to write over a project, whatever the file is called or linked to.

    Raises
    ------
    OptionError
        There is a project at ``path``.
    """
    if not path.is_file():
        return
    try:
        Project.open(path).close()
    except ProjectError:
        return
    raise OptionError(f"--out {path} is a project and would be lost; give another name")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` that takes its place when all went well."""
    refuse_project(path)
    temporary = path.with_name(f".{path.stem[:40]}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise FileError(
            f"Cannot write {path} ({error.strerror}); check the folder and its rights"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
