"""Files into a project, and what a person states about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
from shapely import get_num_coordinates

from api.analyses.plan_files import import_plan
from api.plain import in_json
from api.store import Project
from gis.errors import FileError, OptionError, UnknownNameError
from gis.io import ImportReport, read_layer
from gis.model import KINDS, Categories, Column, Finding, Layer, Progress
from gis.osm import read_osm

WGS84: Final = "EPSG:4326"
TRUSTED: Final = ("streets", "estates")
"""Layers that new ones are held against to find out their coordinates, the best one first."""
NOTES_TOLD: Final = 200
"""Rows repaired and rows refused that an answer lists; all refused ones are kept in the project."""
ROWS_SHOWN: Final = 20


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
    imported = import_layers(
        project, kind, path, options, replace=replace, dry_run=dry_run, progress=progress
    )
    return [report for _, report in imported]


def import_layers(
    project: Project,
    kind: str,
    path: Path,
    options: ImportOptions,
    *,
    replace: bool = False,
    dry_run: bool = False,
    most_vertices: int | None = None,
    progress: Progress | None = None,
) -> list[tuple[Layer | None, ImportReport]]:
    """Import a file as `import_file` does; return the rows too (None for a plan).

    Raises
    ------
    InputError
        The file cannot be used, or has more than ``most_vertices``; the project is as it was.
    """
    kind = next((k.name for k in KINDS.values() if kind == k.zh), kind)
    if kind == "plan":

        def read(values: Mapping[str, str]) -> tuple[Layer, ImportReport]:
            return _read_one(
                project, kind, path, dataclasses.replace(options, values=values),
                replace=True, progress=progress,
            )  # fmt: skip

        given = options.values or {}
        report = import_plan(project, path, given, read, dry_run=dry_run, progress=progress)
        return [(None, report)]
    if kind == "osm":
        items = _read_osm(project, path, options, replace=replace, progress=progress)
    else:
        items = [_read_one(project, kind, path, options, replace=replace, progress=progress)]
    if most_vertices is not None:
        _require_drawable(items, most_vertices)
    if not replace:
        items = [(layer, _warn_twice(project, report)) for layer, report in items]
    if not dry_run:
        project.write_layers(items, replace=replace)
    return list(items)


def _require_drawable(items: Sequence[tuple[Layer, ImportReport]], most: int) -> None:
    count = sum(int(get_num_coordinates(layer.geometries).sum()) for layer, _ in items)
    if count > most:
        raise FileError(
            f"{items[0][1].file} has {count:,} vertices, more than the {most:,} allowed; simplify "
            "its outlines, or import a part of it"
        )


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


def import_work(
    project: Project, options: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Import a file that was sent, as a job.

    ``options`` are those of `ImportOptions`, with ``kind``, ``replace``, ``dry_run``, and of the
    server ``_path`` (the file; it is removed once it is imported) and ``_most_vertices``.
    """
    path = Path(options["_path"])
    if not path.exists():
        raise FileError(f"{path.name} has been imported or removed since; send it once more")
    given = {one.name: options[one.name] for one in dataclasses.fields(ImportOptions)}
    imported = import_layers(
        project,
        options["kind"],
        path,
        ImportOptions(**given),
        replace=options["replace"],
        dry_run=options["dry_run"],
        most_vertices=options["_most_vertices"],
        progress=progress,
    )
    if not options["dry_run"]:
        path.unlink(missing_ok=True)
    return import_answer(imported, dry_run=options["dry_run"])


def import_answer(
    imported: Sequence[tuple[Layer | None, ImportReport]], *, dry_run: bool
) -> dict[str, Any]:
    """Return what an import did as plain values: its reports, and the first rows as they are now.

    Of the user's own extra columns it tells nothing but their names (in the findings).
    """
    reports = [report_told(report.to_json()) | _rows_told(layer) for layer, report in imported]
    return {"dry_run": dry_run, "reports": reports}


def report_told(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report with the first of its notes, and how many there are.

    It is for who imports with JSON; what a message advises is told in those words.
    """
    told = dict(report)
    for name in ("repaired", "refused"):
        told[f"{name}_in_all"] = len(told[name])
        told[name] = [
            note | {"reason": in_json(note["reason"])} for note in told[name][:NOTES_TOLD]
        ]
    told["findings"] = [
        finding | {"message": in_json(finding["message"])} for finding in told["findings"]
    ]
    return told


def _rows_told(layer: Layer | None) -> dict[str, Any]:
    if layer is None:
        return {"filled": [], "preview": [], "bounds": None}
    frame = layer.frame
    filled = [name for name in layer.kind.column_names if frame[name].notna().any()]
    head = frame.iloc[:ROWS_SHOWN]
    cells = [_cells(layer.kind.column(name), head[name]) for name in filled]
    drawn = frame.geometry[~frame.geometry.isna()]
    bounds = drawn.to_crs(WGS84).total_bounds.round(7).tolist() if len(drawn) else None
    return {
        "filled": filled,
        "preview": [dict(zip(filled, row, strict=True)) for row in zip(*cells, strict=True)],
        "bounds": bounds,
    }


def _cells(column: Column, values: Any) -> list[Any]:
    cells = values.to_numpy(dtype=object, na_value=None).tolist()
    if column.type != "integer":
        return list(cells)
    return [int(v) if v is not None and v.is_integer() else v for v in cells]
