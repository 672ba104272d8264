"""What leaves a project: layers, the gap list, any text; each written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import geopandas as gpd
from pyogrio.errors import DataSourceError

from api.analyses.how import today
from api.store import Project
from gis.coverage import CircleClaim, Coverage
from gis.districts import DistrictPlan
from gis.errors import FileError, OptionError, ProjectError, UnknownNameError
from gis.io import write_layers
from gis.model import Layer, Progress
from gis.sheets import write_gap_workbook

__all__ = [
    "FORMATS",
    "export_project",
    "public_frame",
    "refuse_project",
    "replacing",
    "today",
    "write_gap_list",
    "write_tables",
    "write_text",
]

FORMATS: Final = {
    ".xlsx": "xlsx",
    ".gpkg": "gpkg",
    ".geojson": "geojson",
    ".json": "geojson",
    ".csv": "csv",
    ".shp": "shp",
}


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    FileError
        The folder is not there or cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_gap_list(
    coverage: Coverage,
    path: Path,
    *,
    project: str,
    lang: str = "zh",
    plan: DistrictPlan | None = None,
    claim: CircleClaim | None = None,
) -> None:
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
    with replacing(path) as temporary:
        write_gap_workbook(
            coverage, temporary, project=project, date=today(), lang=lang, plan=plan, claim=claim
        )


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


def write_tables(tables: Mapping[str, gpd.GeoDataFrame], path: Path) -> None:
    """Write tables with geometry as layers of one GeoPackage, whole or not at all.

    Raises
    ------
    OptionError
        The name does not end in .gpkg.
    FileError
        The folder is not there or cannot be written.
    """
    if path.suffix.lower() != ".gpkg":
        raise OptionError(f"--out {path} is no GeoPackage; give a name that ends in .gpkg")
    with replacing(path) as temporary:
        for name, table in tables.items():
            try:
                table.to_file(temporary, layer=name, driver="GPKG", engine="pyogrio")
            except DataSourceError as error:
                raise FileError(f"Cannot write {path}; check the folder and its rights") from error


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
def replacing(path: Path) -> Iterator[Path]:
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
