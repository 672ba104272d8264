"""Files into a project, and what a person states about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import geopandas as gpd

from api.analyses.plan_files import import_plan
from api.store import Project
from gis.errors import OptionError, UnknownNameError
from gis.io import ImportReport, read_layer
from gis.model import KINDS, Categories, Finding, Layer, Progress
from gis.osm import read_osm

WGS84: Final = "EPSG:4326"
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

    ``kind`` "plan" makes a named plan of it instead, see `import_plan`.

    Raises
    ------
    InputError
        The file cannot be used; the project is as it was.
    """
    kind = next((k.name for k in KINDS.values() if kind == k.zh), kind)
    if kind == "plan":

        def read(values: Mapping[str, str]) -> tuple[Layer, ImportReport]:
            return _read_one(
                project, kind, path, dataclasses.replace(options, values=values),
                replace=True, progress=progress,
            )  # fmt: skip

        given = options.values or {}
        return [import_plan(project, path, given, read, dry_run=dry_run, progress=progress)]
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
