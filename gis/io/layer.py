"""`read_layer`: any file to a layer of one kind, with a report of everything that was decided."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gis.crs import crs_words
from gis.errors import ColumnError, CrsError, InputError, LayerError, UnknownNameError
from gis.io.columns import Match, Recognised, knows, recognise
from gis.io.formats import open_source
from gis.io.geometry import Shapes, fit, repair
from gis.io.keys import give_keys
from gis.io.line_heights import LineHeights, heights_of
from gis.io.places import check_coords, draw, file_crs, place, unknown_crs
from gis.io.report import ImportReport, RowNote
from gis.io.source import Source, Wish
from gis.io.stray import find_strays
from gis.io.values import convert, convert_constant, extra_values, text_values, unknown
from gis.io.words import UNITS, bracketed
from gis.model import KINDS, Categories, Finding, Kind, Layer, Progress, silent

_SHOWN: Final = 3
_EXTRA_SHOWN: Final = 12
_RESERVED: Final = frozenset(["geometry", "geom", "fid", "ogc_fid", "rowid"])


@dataclass(eq=False)
class _Work:
    """What is known so far about the n rows of a file."""

    source: Source
    kind: Kind
    refused: dict[int, list[str]] = field(default_factory=dict)
    repaired: dict[int, list[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, notes: Mapping[int, str]) -> None:
        for i, reason in notes.items():
            self.refused.setdefault(i, []).append(reason)

    def repair(self, notes: Mapping[int, str]) -> None:
        for i, reason in notes.items():
            self.repaired.setdefault(i, []).append(reason)

    def notes(
        self, of: Mapping[int, list[str]], *, but: Collection[int] = ()
    ) -> tuple[RowNote, ...]:
        rows = self.source.rows
        return tuple(RowNote(int(rows[i]), "; ".join(of[i])) for i in sorted(of) if i not in but)


def read_layer(
    path: Path | str,
    kind: str,
    *,
    target: CRS | None,
    source_crs: str | None = None,
    coords: str = "auto",
    encoding: str = "auto",
    layer: str | None = None,
    columns: Mapping[str, str] = {},
    values: Mapping[str, str] = {},
    trusted: gpd.GeoSeries | None = None,
    taken_uids: Collection[str] = (),
    progress: Progress | None = None,
) -> tuple[Layer, ImportReport]:
    """Read a file into a layer.

    Parameters
    ----------
    path
        A shp, zip (with a shapefile), gpkg, geojson, fgb, parquet, csv or xlsx file.
    kind
        Name of a kind, see `gis.model.KINDS`.
    target
        System of the project; None to choose a metric one for the place (`gis.crs.working_crs`).
    source_crs
        System of the file, over what it says itself.
    coords
        What degrees are read as: auto, wgs84, gcj02, bd09, cgcs2000. "auto" holds the layer
        against ``trusted`` and corrects only where that is decisive.
    encoding
        auto, or that of the text.
    layer
        Layer of a GeoPackage, sheet of a workbook, or shapefile of a zip.
    columns
        Column of ours (for tables also lon, lat, x, y, wkt) -> heading in the file.
    values
        Column of ours -> value for all rows.
    trusted
        Geometries in true degrees (WGS 84 or CGCS2000).
    taken_uids
        Uids that the project has; rows that repeat one are refused.
    progress
        Called with the share done (0-1) and what is being done.

    Returns
    -------
    layer
        The accepted rows, in ``target``, in the order of the file.
    report
        How many rows were read, which were mended or refused and why, and what was decided.

    Raises
    ------
    FileError
        The file is missing, cut, empty, too large, unsafe or of no known format.
    CrsError
        Its coordinates are in no known system, or not where that system is.
    ColumnError
        A needed column is missing, or an option names one that is not there.
    UnknownNameError
        There is no such kind, layer or category.
    LayerError
        Not one row can be used.
    """
    wanted = _kind(kind)
    check_coords(coords)
    tell = progress or silent
    path = Path(path)
    known = knows(wanted, columns)
    tell(0.0, f"reading {path.name}")
    source = open_source(path, Wish(layer, encoding, known.__contains__, kind))
    if not len(source):
        raise LayerError(f"{path.name} has no rows; check the file")
    tell(0.4, "reading columns")
    work = _Work(source, wanted, findings=list(source.findings))
    meant = recognise(
        wanted,
        source.columns,
        mapping=columns,
        constants=values,
        file=path.name,
        table=source.geometry is None,
        cut_names=source.cut_names,
    )
    work.findings += [*meant.findings, *_set_aside(wanted, meant)]
    shapes, crs = _shapes(work, meant, file_crs(source, source_crs))
    frame = _columns(work, meant)
    tell(0.6, "checking geometries")
    heights = heights_of(shapes) if wanted.name == "streets" else None
    shapes = _fitted(work, shapes, frame, meant, kept=heights is not None)
    frame["uid"], extra = _uids(work, meant, taken_uids)
    rows = [i for i in range(len(source)) if i not in work.refused]
    if not rows:
        raise _nothing_left(work)
    tell(0.8, "placing")
    trusted = None if source.grid else trusted
    shapes, where = _placed(work, shapes, rows, crs, target, coords, trusted)
    shapes = shapes if heights is None else _raised(work, shapes, heights)
    done = _assemble(work, frame, [*extra, *_extra(source, meant)], shapes, where.target)
    report = _report(work, len(done), where, source)
    tell(1.0, "read")
    return Layer(wanted, done), report


@dataclass(frozen=True)
class _Where:
    """In which system a layer was and is."""

    source: str
    coords: str
    target: CRS


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UnknownNameError(f"There is no kind '{name}'; give one of: {', '.join(KINDS)}")
    return KINDS[name]


def _shapes(work: _Work, meant: Recognised, crs: CRS | None) -> tuple[Shapes, CRS | None]:
    """Geometries of the file, or those its columns give."""
    source, kind = work.source, work.kind
    if source.geometry is not None:
        if source.closed is not None:
            closed = np.flatnonzero(source.closed).tolist()
            work.repair(dict.fromkeys(closed, "a ring was not closed and was closed"))
        return source.geometry, crs
    drawn = draw(source, meant.places, crs)
    if drawn is not None:
        work.refuse(drawn.refused | (drawn.empty if kind.geometry_required else {}))
        work.findings += drawn.findings
        return drawn.shapes, drawn.crs
    if kind.geometry_required:
        raise ColumnError(
            f"{source.file} has no coordinates; name their columns with --column lon=THEIRS "
            "--column lat=THEIRS (or x, y, or wkt for text such as POINT (119.3 26.1)); "
            f"it has: {', '.join(source.columns)}"
        )
    return np.full(len(source), None, dtype=object), crs


def _columns(work: _Work, meant: Recognised) -> dict[str, pd.Series[Any]]:
    """All columns of the kind but uid, in their order."""
    categories = Categories.load() if work.kind.name == "facilities" else None
    frame: dict[str, pd.Series[Any]] = {"uid": pd.Series(dtype="str")}
    for column in work.kind.columns:
        if column.name == "uid":
            continue
        if column.name in meant.constants:
            value = meant.constants[column.name]
            done = convert_constant(column, value, len(work.source), categories=categories)
        elif column.name in meant.columns:
            match = meant.columns[column.name]
            raw = work.source.columns[match.heading]
            done = convert(
                column,
                raw,
                factor=match.factor,
                unit_said=bool(match.unit),
                rows=work.source.rows,
                categories=categories,
            )
        else:
            done = unknown(column, len(work.source))
        work.refuse(done.refused)
        work.repair({i: cell.note for i, cell in done.unread.items()})
        work.findings += done.findings
        frame[column.name] = done.values
    absent = [n for n in work.kind.column_names if n not in {*meant.columns, *meant.constants}]
    if absent:
        work.findings.append(
            Finding("column-missing", f"Not in the file: {', '.join(absent)}", "info")
        )
    return frame


def _fitted(
    work: _Work,
    shapes: Shapes,
    frame: dict[str, pd.Series[Any]],
    meant: Recognised,
    *,
    kept: bool,
) -> Shapes:
    done = fit(shapes, work.kind)
    unread = {i for i in done.refused if i in work.refused and shapes[i] is None}
    work.refuse({i: reason for i, reason in done.refused.items() if i not in unread})
    if work.kind.name == "heights":
        _elevations(work, frame, done.heights, meant)
    elif done.flattened and not kept:
        work.findings.append(
            Finding(
                "height-dropped",
                f"{done.flattened} rows have a third coordinate, which was left out",
                "info",
            )
        )
    mended = repair(done.shapes)
    work.refuse({i: reason for i, reason in mended.refused.items() if i not in done.refused})
    work.repair(mended.repaired)
    return mended.shapes


def _raised(work: _Work, shapes: Shapes, heights: LineHeights) -> Shapes:
    """Give streets their heights back."""
    raised, lost = heights.put_back(shapes)
    work.findings += heights.findings
    if lost:
        told = f"{lost} rows were mended and lost their heights"
        work.findings.append(Finding("height-dropped", told))
    return raised


def _elevations(
    work: _Work,
    frame: dict[str, pd.Series[Any]],
    heights: np.ndarray[Any, np.dtype[np.float64]] | None,
    meant: Recognised,
) -> None:
    """The z of a point stands in where no column gives its elevation."""
    given = "elevation_m" in meant.columns or "elevation_m" in meant.constants
    column = work.kind.column("elevation_m")
    if not given and heights is None:
        raise ColumnError(
            f"{work.source.file} has no {column.name} ({column.zh}) and its points have no z; name "
            f"the column with --column {column.name}=THEIRS; it has: "
            f"{', '.join(work.source.columns) or 'no columns'}"
        )
    if given or heights is None:
        return
    done = convert(column, heights)
    work.refuse(done.refused)
    frame[column.name] = done.values
    work.findings.append(
        Finding("height-used", "elevation_m was taken from the z of the points", "info")
    )


def _uids(
    work: _Work, meant: Recognised, taken: Collection[str]
) -> tuple[pd.Series[Any], list[tuple[str, pd.Series[Any]]]]:
    """The uid of each row, and the column that was not fit to be one, as an extra."""
    match: Match | None = meant.columns.get("uid")
    texts = None if match is None else text_values(work.source.columns[match.heading])
    keys = give_keys(
        work.kind.name,
        texts,
        match,
        rows=work.source.rows,
        dead=work.refused.keys(),
        taken=taken,
    )
    work.refuse(keys.refused)
    work.findings += keys.findings
    extra = []
    if match is not None and not keys.used:
        extra.append((match.heading, extra_values(work.source.columns[match.heading])))
    return pd.Series(keys.uids, dtype="str"), extra


def _extra(source: Source, meant: Recognised) -> list[tuple[str, pd.Series[Any]]]:
    return [(heading, extra_values(source.columns[heading])) for heading in meant.extra]


def _set_aside(kind: Kind, meant: Recognised) -> list[Finding]:
    """Name the headings that mean nothing to us: one of them may be the column that is missing."""
    if not meant.extra:
        return []
    shown = ", ".join(meant.extra[:_EXTRA_SHOWN])
    more = len(meant.extra) - _EXTRA_SHOWN
    told = f"Kept as extra columns, not used: {shown}{f' and {more} more' if more > 0 else ''}"
    kept = Finding("columns-kept", f"{told} (name one with --column ours=theirs)", "info")
    return [kept, *_money_unused(kind, meant)]


_MONEY: Final = UNITS["yuan"].keys() - UNITS["people"].keys()
"""Units that can be of nothing but money; 万 alone may be of people."""


def _money_unused(kind: Kind, meant: Recognised) -> list[Finding]:
    """Doubt headings in a unit of money that are not used while no cost is known."""
    sums = [heading for heading in meant.extra if bracketed(heading) in _MONEY]
    known = {*meant.columns, *meant.constants}
    if not sums or "cost_yuan" not in kind.column_names or "cost_yuan" in known:
        return []
    told = (
        f"'{sums[0]}' is a sum of money and is not used; if it is the {kind.column('cost_yuan').zh}"
        f", name it: --column 'cost_yuan={sums[0]}'"
    )
    return [Finding("money-unused", told)]


def _placed(
    work: _Work,
    shapes: Shapes,
    rows: list[int],
    crs: CRS | None,
    target: CRS | None,
    coords: str,
    trusted: gpd.GeoSeries | None,
) -> tuple[Shapes, _Where]:
    """Put the accepted rows where they belong; the others become None."""
    kept = np.full(len(shapes), None, dtype=object)
    kept[rows] = shapes[rows]
    file = work.source.file
    if shapely.is_missing(kept).all():
        if target is None:
            raise CrsError(
                f"{file} has no coordinates and the project has no coordinate system yet; import a "
                "layer with coordinates first"
            )
        return kept, _Where("", "wgs84" if coords == "auto" else coords, target)
    if crs is None:
        raise unknown_crs(file, kept)
    _leave_strays(work, kept, crs, target)
    placed = place(
        kept,
        file=file,
        crs=crs,
        target=target,
        coords=coords,
        trusted=trusted,
        stated=all(finding.code != "crs-assumed" for finding in work.findings),
    )
    work.findings += placed.findings
    again = repair(placed.shapes)
    work.refuse(again.refused)
    work.repair(again.repaired)
    return again.shapes, _Where(_crs_name(placed.source), placed.coords, placed.target)


def _leave_strays(work: _Work, kept: Shapes, crs: CRS, target: CRS | None) -> None:
    """Refuse the single rows that would make the whole file unfit, in place."""
    strays = find_strays(kept, crs, file=work.source.file, target=target)
    work.refuse(strays.refused)
    kept[list(strays.refused)] = None
    rows = work.source.rows
    work.findings += [Finding("far-away", told, row=int(rows[i])) for i, told in strays.far.items()]


def _crs_name(crs: CRS) -> str:
    code = crs.to_epsg(min_confidence=70)
    return f"EPSG:{code}" if code else crs_words(crs)


def _assemble(
    work: _Work,
    frame: dict[str, pd.Series[Any]],
    extra: list[tuple[str, pd.Series[Any]]],
    shapes: Shapes,
    target: CRS,
) -> gpd.GeoDataFrame:
    rows = [i for i in range(len(shapes)) if i not in work.refused]
    if not rows:
        raise _nothing_left(work)
    columns = dict(frame)
    for name, values in extra:
        columns[_free_name(name, columns)] = values
    table = pd.DataFrame(columns).iloc[rows].reset_index(drop=True)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes[rows], crs=target))


def _free_name(heading: str, taken: Collection[str]) -> str:
    """A name for an extra column that no store chokes on and that is not taken, in any case."""
    name = re.sub(r"[\s\x00-\x1f\"'`;\\]+", "_", heading).strip("_") or "column"
    used = {other.casefold() for other in taken} | _RESERVED
    free, number = name, 2
    while free.casefold() in used:
        free, number = f"{name}_{number}", number + 1
    return free


def _report(work: _Work, accepted: int, where: _Where, source: Source) -> ImportReport:
    refused = work.notes(work.refused)
    return ImportReport(
        kind=work.kind.name,
        file=source.file,
        read=len(source),
        accepted=accepted,
        repaired=work.notes(work.repaired, but=work.refused),
        refused=refused,
        crs=where.source,
        coords=where.coords,
        encoding=source.encoding,
        findings=tuple(work.findings),
    )


def _nothing_left(work: _Work) -> InputError:
    notes = work.notes(work.refused)
    told = "; ".join(f"row {note.row}: {note.reason}" for note in notes[:_SHOWN])
    more = f"; and {len(notes) - _SHOWN} more" if len(notes) > _SHOWN else ""
    return LayerError(
        f"{work.source.file}: none of {len(work.source)} rows can be used as {work.kind.name} "
        f"({told}{more}); is it the right kind and file?"
    )
