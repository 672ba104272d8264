"""Works that make a file: the map, the gap list, layers, a plan."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from api.analyses.how import today
from api.analyses.outputs import export_project, write_gap_list, write_text
from api.analyses.plan_files import export_plan
from api.analyses.planning import map_of
from api.analyses.plans import measured_plan
from api.analyses.still import Still
from api.analyses.walking import coverage_of
from api.analyses.work import options as ways
from api.analyses.work.asking import folder_of, walking_of
from api.store import Project
from gis.coverage import circle_claim
from gis.model import Progress


def map_page(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Write the single-file map."""
    want = ways.Map.read(options)
    page = map_of(
        Still.of(project),
        date=today(),
        plan=want.plan,
        pack=want.rules,
        lang=want.lang,
        progress=progress,
    )
    file = folder_of(options) / "map.html"
    write_text(file, page)
    return _answer([file])


def gap_list(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Write the gap list as a workbook."""
    want = ways.GapList.read(options)
    still = Still.of(project)
    plan = still.read_plan(want.plan) if want.plan is not None else None
    measured = coverage_of(still, walking_of(want), progress=progress)
    claim = None
    if want.claim is not None:
        claim = circle_claim(measured, minutes=want.claim, walker=want.walker)
    file = folder_of(options) / "gaps.xlsx"
    write_gap_list(measured, file, project=still.name, lang=want.lang, plan=plan, claim=claim)
    return _answer([file])


def export(project: Project, options: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Write layers to a file; several files come as one .zip."""
    want = ways.Export.read(options)
    folder = folder_of(options)
    whole = want.format in ("xlsx", "gpkg")
    out = folder / f"layers.{want.format}" if whole else folder / "layers"
    files = export_project(
        Still.of(project), out, format_=want.format, kinds=want.layers, progress=progress
    )
    return _answer([_one(files, folder)])


def plan_export(
    project: Project, options: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Write a plan to a file."""
    want = ways.PlanExport.read(options)
    still = Still.of(project)
    found = measured_plan(still, want.plan, version=want.version, progress=progress)
    file = folder_of(options) / f"plan.{want.format}"
    return _answer(export_plan(found, file, project=still.name, lang=want.lang))


def _one(files: Sequence[Path], folder: Path) -> Path:
    """Return the only file, or all of them in a .zip."""
    if len(files) == 1 and files[0].is_file() and files[0].suffix != ".shp":
        return files[0]
    packed = folder / "layers.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((folder / "layers").rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder / "layers"))
    return packed


def _answer(files: Sequence[Path]) -> dict[str, Any]:
    return {"file": files[0].name, "bytes": files[0].stat().st_size, "run": None}
