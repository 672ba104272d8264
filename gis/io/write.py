"""`write_layer` and `write_layers`: layers to files that other programs open."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
import xlsxwriter

from gis.crs import reproject
from gis.errors import FileError, OptionError
from gis.io.places import WGS84
from gis.io.tables import guard
from gis.model import Layer, Progress, silent

_NAME_BYTES: Final = 10
_TEXT_BYTES: Final = 254
_SHEET_ROWS: Final = 1_048_575
_CELL_TEXT: Final = 32_767
_DEGREE_DIGITS: Final = 9  # a tenth of a millimetre


def write_layer(layer: Layer, path: Path | str, *, format: str) -> None:  # noqa: A002
    """Write a layer to a file; an older file of that name is replaced, whole or not at all.

    Parameters
    ----------
    layer
        What to write.
    path
        Where to; its folder must be there.
    format
        ``gpkg`` (the CRS of the layer), ``geojson`` (degrees, as RFC 7946 has it), ``csv`` (UTF-8
        with byte order mark; degrees as lon and lat for points, else as WKT; text that a
        spreadsheet would take for a formula begins with an apostrophe) or ``shp`` (UTF-8, names
        cut to 10 bytes) or ``xlsx`` (no outlines of lines and areas).

    Raises
    ------
    OptionError
        There is no such format, or a shapefile cannot hold the layer.
    FileError
        The file cannot be written.
    """
    _check_format(format)
    _write(Path(path), format, lambda made: FORMATS[format](layer, made))


def write_layers(
    layers: Sequence[Layer],
    out: Path | str,
    format: str,  # noqa: A002
    *,
    progress: Progress | None = None,
) -> list[Path]:
    """Write several layers: into one GeoPackage or workbook, else a folder with a file for each.

    Parameters
    ----------
    layers
        What to write, each of another kind.
    out
        The file; for formats that hold one layer a folder, made where it is not there. A name with
        the format's ending is that file when there is one layer, else a folder of that name
        without the ending.
    format
        One of `FORMATS`.
    progress
        Called with the share done (0-1) and what is being done.

    Returns
    -------
    list of Path
        The files written, in the order of the layers.

    Raises
    ------
    OptionError
        There is no such format, or a shapefile cannot hold a layer.
    FileError
        A file cannot be written.
    """
    _check_format(format)
    out, tell = Path(out), progress or silent
    named = out.suffix.casefold() == f".{format}"
    if format in _ALL_IN_ONE:
        path = out if named else out.with_name(f"{out.name}.{format}")
        _write(path, format, lambda made: _ALL_IN_ONE[format](layers, made, tell))
        return [path]
    if named and len(layers) == 1:
        write_layer(layers[0], out, format=format)
        return [out]
    return _write_folder(layers, out.with_suffix("") if named else out, format, tell)


def _write_folder(layers: Sequence[Layer], folder: Path, ending: str, tell: Progress) -> list[Path]:
    """Make all files beside the folder, then move them in: when one is refused, nothing is left."""
    names = [f"{layer.kind.name}.{ending}" for layer in layers]
    try:
        with TemporaryDirectory(prefix=".lianpian-", dir=folder.parent) as made:
            for place, (layer, name) in enumerate(zip(layers, names, strict=True)):
                tell(place / len(layers), f"writing {layer.kind.name}")
                FORMATS[ending](layer, Path(made) / name)
            folder.mkdir(exist_ok=True)
            for part in sorted(Path(made).iterdir(), key=lambda p: p.suffix == f".{ending}"):
                part.replace(folder / part.name)
    except OSError as error:
        raise FileError(_cannot(folder, error)) from error
    return [folder / name for name in names]


def _check_format(name: str) -> None:
    if name not in FORMATS:
        raise OptionError(f"There is no format '{name}'; give one of: {', '.join(FORMATS)}")


def _write(path: Path, ending: str, make: Callable[[Path], None]) -> None:
    """Make a file beside its place, then move all its parts there."""
    try:
        with TemporaryDirectory(prefix=".lianpian-", dir=path.parent) as folder:
            made = Path(folder) / f"{path.stem}.{ending}"
            make(made)
            for part in sorted(Path(folder).iterdir(), key=lambda p: p.suffix == f".{ending}"):
                part.replace(path if part == made else path.with_suffix(part.suffix))
    except OSError as error:
        raise FileError(_cannot(path, error)) from error


def _cannot(path: Path, error: OSError) -> str:
    return f"{path} cannot be written ({error.strerror or error}); check the folder"


def _geopackage(layers: Sequence[Layer], path: Path, tell: Progress) -> None:
    for place, layer in enumerate(layers):
        tell(place / len(layers), f"writing {layer.kind.name}")
        _gpkg(layer, path)


def _gpkg(layer: Layer, path: Path) -> None:
    _through_gdal(layer.frame, path, driver="GPKG", layer=layer.kind.name)


def _geojson(layer: Layer, path: Path) -> None:
    frame = reproject(layer.frame, WGS84, name=layer.kind.name)
    _through_gdal(frame, path, driver="GeoJSON", RFC7946="YES", COORDINATE_PRECISION=_DEGREE_DIGITS)


def _shp(layer: Layer, path: Path) -> None:
    shapes = layer.geometries
    kinds = {str(s.geom_type).removeprefix("Multi") for s in shapes if s is not None}
    if len(kinds) > 1:
        raise OptionError(
            f"{layer.kind.name} hold {' and '.join(sorted(kinds))}, but a shapefile holds one; "
            "export as gpkg"
        )
    frame = layer.frame.copy()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.BooleanDtype):
            # A shapefile knows no missing truth: 1, 0 and blank.
            frame[name] = frame[name].astype("Float64").astype(float)
        elif name != "geometry" and isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].map(_cut_text, na_action="ignore")
    frame.columns = short_names([str(name) for name in frame.columns])
    frame = frame.set_geometry("geometry")
    _through_gdal(frame, path, driver="ESRI Shapefile", encoding="UTF-8")


def _workbook(layers: Sequence[Layer], path: Path, tell: Progress) -> None:
    """One sheet for each kind, under the Chinese headings that import recognises.

    Outlines of lines and areas are left out: a cell cannot hold them.
    """
    as_text = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    options: dict[str, Any] = {**dict.fromkeys(as_text, False), "nan_inf_to_errors": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#DCE6F0"})
        for place, layer in enumerate(layers):
            tell(place / len(layers), f"writing {layer.kind.name}")
            if len(layer) > _SHEET_ROWS:
                raise OptionError(
                    f"{layer.kind.name} have {len(layer):,} rows, but a sheet holds "
                    f"{_SHEET_ROWS:,}; export as gpkg or csv"
                )
            _sheet(book.add_worksheet(layer.kind.zh), layer, head)


def _sheet(sheet: Any, layer: Layer, head: Any) -> None:
    table = _with_places(layer, outlines=False)
    headings = {column.name: column.zh for column in layer.kind.columns}
    for at, name in enumerate(table.columns):
        heading = headings.get(str(name), {"lon": "经度", "lat": "纬度"}.get(str(name), str(name)))
        cells = [None if pd.isna(value) else value for value in table[name]]
        sheet.write_string(0, at, heading, head)
        for row, value in enumerate(cells, start=1):
            if isinstance(value, bool | np.bool_):
                sheet.write_string(row, at, "是" if value else "否")
            elif isinstance(value, str):
                sheet.write_string(row, at, value[:_CELL_TEXT])
            elif value is not None:
                sheet.write_number(row, at, value)
        longest = max((_width(str(value)) for value in cells[:200] if value is not None), default=0)
        sheet.set_column(at, at, min(40, max(_width(heading) + 2, longest + 1)))
    sheet.freeze_panes(1, 0)
    if len(table):
        sheet.autofilter(0, 0, len(table), len(table.columns) - 1)


def _width(text: str) -> int:
    """Width in letters; a Chinese one takes two."""
    return sum(2 if ord(letter) >= 0x2E80 else 1 for letter in text)


_ALL_IN_ONE: Final[dict[str, Callable[[Sequence[Layer], Path, Progress], None]]] = {
    "gpkg": _geopackage,
    "xlsx": _workbook,
}


def _with_places(layer: Layer, *, outlines: bool) -> pd.DataFrame:
    """Return the rows with points as lon and lat and, if wanted, other shapes as WKT."""
    frame = reproject(layer.frame, WGS84, name=layer.kind.name)
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    table = pd.DataFrame(frame.drop(columns="geometry"))
    there = ~shapely.is_missing(shapes)
    if there.any() and (shapely.get_type_id(shapes[there]) == 0).all():
        places = {"lon": shapely.get_x(shapes), "lat": shapely.get_y(shapes)}
        for name, numbers in places.items():
            table[_unused(name, table)] = np.round(numbers, _DEGREE_DIGITS)
    elif there.any() and outlines:
        table[_unused("wkt", table)] = shapely.to_wkt(shapes, rounding_precision=_DEGREE_DIGITS)
    return table


def _csv(layer: Layer, path: Path) -> None:
    table = _with_places(layer, outlines=True)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([guard(str(name)) for name in table.columns])
    cells = [[_cell(value) for value in table[name]] for name in table.columns]
    writer.writerows(zip(*cells, strict=True))
    path.write_text(out.getvalue(), "utf-8-sig", newline="")


FORMATS: Final[dict[str, Callable[[Layer, Path], None]]] = {
    "gpkg": _gpkg,
    "geojson": _geojson,
    "csv": _csv,
    "shp": _shp,
    "xlsx": lambda layer, path: _workbook([layer], path, silent),
}
"""Formats that can be written, by their ending."""


def short_names(names: list[str]) -> list[str]:
    """Cut names to 10 bytes of UTF-8 without cutting a character, and keep them different."""
    short: list[str] = []
    taken: set[str] = set()
    for name in names:
        cut, number = _cut_bytes(name, _NAME_BYTES), 1
        while cut.casefold() in taken:
            tail = f"_{number}"
            cut, number = _cut_bytes(name, _NAME_BYTES - len(tail)) + tail, number + 1
        taken.add(cut.casefold())
        short.append(cut)
    return short


def _through_gdal(frame: gpd.GeoDataFrame, path: Path, **options: Any) -> None:
    with warnings.catch_warnings():
        # A layer without rows has no geometry type to tell; that is no news.
        warnings.simplefilter("ignore")
        try:
            pyogrio.write_dataframe(frame, path, **options)
        except (RuntimeError, ValueError) as error:
            words = " ".join(str(error).split())[:160]
            raise FileError(f"{path.name} cannot be written ({words}); try gpkg") from error


def _cell(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    return guard(str(value))


def _unused(name: str, frame: pd.DataFrame) -> str:
    while name in frame.columns:
        name = f"{name}_"
    return name


def _cut_text(text: str) -> str:
    return _cut_bytes(text, _TEXT_BYTES)


def _cut_bytes(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
