"""Plans drawn elsewhere into a project, and plans out of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from api.analyses.how import profile_of, today
from api.analyses.outputs import replacing, write_tables, write_text
from api.analyses.plans import Measured, check_of, neighbours_of, stamped
from api.store import Project
from api.store.plans import require_name
from gis.districts import COMMUNITY_PEOPLE, Violation
from gis.errors import ColumnError, LayerError, OptionError
from gis.io import ImportReport
from gis.io.tables import guard
from gis.model import Finding, Layer, Progress, silent
from gis.plans import PlanDifference
from gis.plans.files import BY_PLACE, plan_of_rows
from gis.sheets.plan_compare import write_comparison
from gis.sheets.plans import write_plan_workbook

OWN_VALUES: Final = ("plan", "size")
"""What ``--set`` says of a plan besides the columns of its rows: its name and its bounds."""
_TOLD: Final = 20

ReadRows = Callable[[Mapping[str, str]], tuple[Layer, ImportReport]]


def import_plan(
    project: Project,
    path: Path,
    values: Mapping[str, str],
    read: ReadRows,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Make a named plan of a file that says which estate is in which district.

    Parameters
    ----------
    values
        What was said with ``--set``: "plan" its name (the file's unless given), "size" its bounds
        as COLUMN:MIN:MAX, several by comma; anything else fills a column.
    read
        Reads the file into rows of the kind ``plan``; is given what fills columns.

    Raises
    ------
    InputError
        The file names estates that are not there, or one twice; the project is as it was.
    """
    tell = progress or silent
    name = require_name(values.get("plan", path.stem).strip())
    sizes = read_sizes(values.get("size", ""))
    rows, report = _rows(read, {k: v for k, v in values.items() if k not in OWN_VALUES})
    doubled = [note for note in report.refused if "occurs already" in note.reason]
    if doubled:
        told = "; ".join(f"row {note.row}: {note.reason}" for note in doubled[:5])
        raise LayerError(f"{path.name} names estates twice: {told}; keep one row for each")
    tell(0.3, "neighbours")
    study = project.read_study()
    adjacency, settings = neighbours_of(study)
    plan, findings = plan_of_rows(
        rows,
        study.layer("estates"),
        name=name,
        file=path.name,
        adjacency=adjacency,
        sizes=sizes,
        persons_per_household=profile_of(project).persons_per_household,
        settings=settings,
    )
    tell(0.8, "checking")
    broken = check_of(plan, study)
    plan = stamped(plan, study)
    told_of = [*report.findings, *findings]
    told_of += [Finding("plan-breaks", str(violation)) for violation in broken[:_TOLD]]
    if len(broken) > _TOLD:
        more = f"{len(broken) - _TOLD} more faults; lianpian plan check lists all"
        told_of.append(Finding("plan-breaks", more))
    if not dry_run:
        version = project.save_plan(plan, what="imported", who=project.author.name, note=path.name)
        kept = f"Kept as plan '{name}', version {version}: {len(plan.districts)} districts"
        told_of.append(Finding("plan-kept", kept, "info"))
    return replace(report, findings=tuple(told_of))


def _rows(read: ReadRows, values: dict[str, str]) -> tuple[Layer, ImportReport]:
    """Read the rows; a file without a column of estates says by place or by its key."""
    try:
        return read(values)
    except ColumnError as error:
        if "estate" in values or "district" in str(error).split("(")[0]:
            raise
        try:
            return read(values | {"estate": BY_PLACE})
        except ColumnError:
            raise error from None


def read_sizes(text: str) -> dict[str, tuple[float, float]]:
    """Read ``COLUMN:MIN:MAX``, several by comma; people:5000:12000 where nothing is said.

    An empty bound is none.

    Raises
    ------
    OptionError
        It has another form, or MIN > MAX.
    """
    if not text.strip():
        return {"people": COMMUNITY_PEOPLE}
    sizes: dict[str, tuple[float, float]] = {}
    for part in text.split(","):
        column, *bounds = (word.strip() for word in part.split(":"))
        try:
            written = [float(bound) for bound in bounds if bound]
            low, high = (
                float(bound) if bound else none
                for bound, none in zip(bounds, (0.0, math.inf), strict=True)
            )
            fits = bool(column) and 0 <= low <= high and all(map(math.isfinite, written))
        except ValueError:
            fits = False
        if not fits or column in sizes:
            raise OptionError(
                f"size '{part.strip()}' is not COLUMN:MIN:MAX with 0 <= MIN <= MAX; write for "
                "example --set size=people:5000:12000, or size=cost_yuan::50000000"
            )
        sizes[column] = (low, high)
    return sizes


def export_plan(measured: Measured, out: Path, *, project: str, lang: str = "zh") -> list[Path]:
    """Write a plan: a workbook for people, or estates and districts for other programs.

    csv and geojson hold a row per estate with its district, gpkg a layer of districts too, xlsx
    (see `gis.sheets.plans`) also what was left out and all links.

    Raises
    ------
    OptionError
        The name does not end in .xlsx, .csv, .geojson or .gpkg, or is that of a project.
    FileError
        The file cannot be written.
    """
    ending = out.suffix.lower()
    if ending == ".xlsx":
        with replacing(out) as temporary:
            write_plan_workbook(
                measured.metrics, measured.estates, temporary, packages=measured.packages,
                project=project, date=today(), lang=lang, version=measured.version,
                stale=measured.stale, violations=measured.violations,
            )  # fmt: skip
    elif ending == ".csv":
        write_text(out, table_text(estate_rows(measured).drop(columns="geometry")))
    elif ending in (".geojson", ".json"):
        write_text(out, _geojson(estate_rows(measured)))
    elif ending == ".gpkg":
        write_tables({"estates": estate_rows(measured), "districts": district_rows(measured)}, out)
    else:
        raise OptionError(
            f"--out {out} does not say the format; give a name that ends in .xlsx, .csv, .geojson "
            "or .gpkg"
        )
    return [out]


def estate_rows(measured: Measured) -> gpd.GeoDataFrame:
    """Return a row per estate of the layer: its district, its package, or why it has none."""
    layer, plan = measured.estates, measured.plan
    frame = layer.frame
    district = dict(zip(map(str, plan.estates), plan.district, strict=True))
    reason = {item.estate: item.reason for item in plan.left_out}
    package = measured.package_of()
    uids = [str(uid) for uid in layer.uids]
    table: dict[str, Any] = {
        "estate": uids,
        "name": frame["name"].to_numpy(dtype=object, na_value=None),
        "community": frame["community"].to_numpy(dtype=object, na_value=None),
        "subdistrict": frame["subdistrict"].to_numpy(dtype=object, na_value=None),
        "district": [district.get(uid) for uid in uids],
        "package": [package[uid].name if uid in package else None for uid in uids],
        "builder": [package[uid].builder if uid in package else None for uid in uids],
        "households": layer.numbers("households"),
        "people": measured.people,
        "people_estimated": measured.estimated,
        "floor_area_m2": layer.numbers("floor_area_m2"),
        "cost_yuan": layer.numbers("cost_yuan"),
        "manager": frame["manager"].to_numpy(dtype=object, na_value=None),
        "left_out": [None if district.get(uid) else reason.get(uid) for uid in uids],
    }
    return gpd.GeoDataFrame(pd.DataFrame(table), geometry=list(layer.geometries), crs=layer.crs)


def district_rows(measured: Measured) -> gpd.GeoDataFrame:
    """Return a row per district: its metrics, and the shapes of its estates as one."""
    layer, plan = measured.estates, measured.plan
    place = {str(uid): row for row, uid in enumerate(layer.uids)}
    shapes = []
    for name in plan.districts:
        rows = [place[str(u)] for u in plan.estates[plan.district == name] if str(u) in place]
        shapes.append(shapely.union_all(layer.geometries[rows]))
    return gpd.GeoDataFrame(measured.metrics.table.copy(), geometry=shapes, crs=layer.crs)


def export_comparison(
    difference: PlanDifference, out: Path, *, project: str, lang: str = "zh"
) -> None:
    """Write what differs between two plans as a workbook, whole or not at all.

    Raises
    ------
    OptionError
        The name does not end in .xlsx.
    FileError
        The file cannot be written.
    """
    if out.suffix.lower() != ".xlsx":
        raise OptionError(f"--out {out} is no workbook; give a name that ends in .xlsx")
    with replacing(out) as temporary:
        write_comparison(difference, temporary, project=project, date=today(), lang=lang)


def export_faults(faults: Sequence[Violation], out: Path, crs: CRS) -> None:
    """Draw what a plan breaks: a row per violation, with the shape of the estates concerned.

    Raises
    ------
    OptionError
        The name does not end in .geojson or .gpkg.
    FileError
        The file cannot be written.
    """
    told = pd.DataFrame({
        "kind": [fault.kind for fault in faults],
        "district": [fault.district for fault in faults],
        "estates": [", ".join(fault.estates) for fault in faults],
        "words": [fault.words for fault in faults],
        "words_zh": [fault.words_zh for fault in faults],
    }).astype(object)  # fmt: skip
    table = gpd.GeoDataFrame(told, geometry=[fault.geometry for fault in faults], crs=crs)
    if out.suffix.lower() == ".gpkg":
        write_tables({"violations": table}, out)
    elif out.suffix.lower() in (".geojson", ".json"):
        write_text(out, _geojson(table))
    else:
        raise OptionError(f"--out {out} is no map; give a name that ends in .geojson or .gpkg")


def _geojson(table: gpd.GeoDataFrame) -> str:
    """Return rows as RFC 7946 has them: in degrees, unknown values null."""
    degrees = table.to_crs("EPSG:4326")
    return str(degrees.to_json(drop_id=True, ensure_ascii=False, na="null")) + "\n"


def table_text(table: pd.DataFrame) -> str:
    """Return a table as csv that a spreadsheet opens: its encoding marked, no cell a formula."""
    plain = pd.DataFrame(table)
    for column in plain:
        if plain[column].dtype == object or pd.api.types.is_string_dtype(plain[column]):
            plain[column] = [None if pd.isna(v) else guard(str(v)) for v in plain[column]]
        elif pd.api.types.is_float_dtype(plain[column]):
            whole = np.asarray(plain[column], dtype=float)
            plain[column] = [None if np.isnan(v) else f"{v:.15g}" for v in whole]
    return "\ufeff" + plain.to_csv(index=False, lineterminator="\n")
