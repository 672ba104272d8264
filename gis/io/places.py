"""Where a file's coordinates lie, and how they get into the system of the project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import ProjError

from gis.crs import (
    COORDS,
    COORDS_WORDS,
    Coords,
    check_extent,
    crs_words,
    diagnose,
    guess_crs,
    outside_china,
    parse_crs,
    reproject,
    require_measurable,
    shift_geometries,
    working_crs,
)
from gis.errors import ColumnError, CrsError, InputError
from gis.io import words
from gis.io.geometry import Shapes
from gis.io.source import Source
from gis.model import Finding
from gis.model.layer import Severity

WGS84: Final = CRS.from_epsg(4326)
_CGCS2000: Final = 4490
_SHIFTED_NAMES: Final = (("gcj", "gcj02"), ("mars", "gcj02"), ("amap", "gcj02"), ("bd09", "bd09"),
                         ("baidu", "bd09"))  # fmt: skip
_SAY_WHICH: Final = (
    "; if they come from a map service, import again with --coords gcj02 (高德, 腾讯) or --coords "
    "bd09 (百度) and --replace, else with --coords wgs84"
)
"""What is left to do where the coordinates of an open map and of a service cannot be told apart."""


@dataclass(eq=False)
class Drawn:
    """n geometries made from the columns of a table."""

    shapes: Shapes
    crs: CRS | None
    refused: dict[int, str] = field(default_factory=dict)
    empty: dict[int, str] = field(default_factory=dict)
    """Place of the row -> which of its coordinates are not there."""
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Placed:
    """n geometries in the system of the project."""

    shapes: Shapes
    source: CRS
    target: CRS
    coords: Coords
    findings: tuple[Finding, ...]


def draw(source: Source, places: dict[str, str], crs: CRS | None) -> Drawn | None:
    """Make geometries of a table's coordinate columns; None when it has none.

    Parameters
    ----------
    source
        A table.
    places
        lon, lat, x, y, wkt -> heading.
    crs
        What the user says the coordinates are in.

    Raises
    ------
    ColumnError
        There is one half of a pair.
    CrsError
        The numbers are no degrees and nothing says what they are.
    """
    for east, north in (("lon", "lat"), ("x", "y")):
        if east in places and north in places:
            return _points(source, places[east], places[north], crs, named=east == "lon")
        if (east in places) != (north in places) and "wkt" not in places:
            has = places.get(east) or places.get(north)
            lacks = north if east in places else east
            if east == "lon" or not {"lon", "lat"} & places.keys():
                raise ColumnError(
                    f"{source.file} has '{has}' but no {lacks}; name it: --column {lacks}=THEIRS"
                )
    if "wkt" in places:
        return _from_wkt(source, places["wkt"], crs)
    return None


def place(
    shapes: Shapes,
    *,
    file: str,
    crs: CRS,
    target: CRS | None,
    coords: str,
    trusted: gpd.GeoSeries | None,
    stated: bool = True,
) -> Placed:
    """Bring geometries into the system of the project, correcting shifted coordinates.

    Parameters
    ----------
    shapes
        (n,) geometries in ``crs``, at least one that is not None.
    file
        Name for messages.
    crs
        The system of the file.
    target
        The system of the project; None to choose one for the place.
    coords
        auto, wgs84, gcj02, bd09 or cgcs2000.
    trusted
        Geometries in true degrees that "auto" holds the layer against.
    stated
        Whether the file or the user says what ``crs`` is; else it was assumed.

    Raises
    ------
    CrsError
        Coordinates lie outside their system, or too far off for the target to measure in.
    """
    there = ~shapely.is_missing(shapes)
    check_extent(shapely.total_bounds(shapes[there]), crs, name=file)
    try:
        degrees = gpd.GeoSeries(shapes[there], crs=crs)
        degrees = degrees if _is_degrees(crs) else reproject(degrees, WGS84, name=file)
        applied, findings = _decide(degrees, crs, coords, trusted, stated)
        exact = gpd.GeoSeries(shapes[there], crs=crs)
        if applied in ("gcj02", "bd09"):
            degrees = shift_geometries(degrees, coords=applied)
            exact = gpd.GeoSeries(degrees.to_numpy(), crs=WGS84)
        west, south, east, north = (float(v) for v in degrees.total_bounds)
        if target is None:
            target = working_crs([west, east], [south, north])
        else:
            require_measurable(target, [west, south, east, north])
        moved = reproject(exact, target, name=file)
    except ProjError as error:
        raise CrsError(
            f"{file}: {crs_words(crs)} cannot be converted; give another with --crs EPSG:n"
        ) from error
    except InputError as error:
        raise _named(file, error) from error
    result = shapes.copy()
    result[there] = np.asarray(moved.to_numpy(), dtype=object)
    return Placed(result, crs, target, applied, tuple(findings))


def file_crs(source: Source, said: str | None) -> CRS | None:
    """Return what the user says the system is, else what the file says; old datums are refused.

    Raises
    ------
    CrsError
        It cannot be read, or is a datum of before CGCS2000.
    """
    try:
        if said is not None:
            return parse_crs(said)
        return None if source.crs is None else parse_crs(source.crs)
    except CrsError as error:
        raise _named(source.file, error) from error


def unknown_crs(file: str, shapes: Shapes) -> CrsError:
    """Return the error for a file that does not say in which system it is, with a guess."""
    xy = shapely.get_coordinates(shapes[~shapely.is_missing(shapes)])
    guess = _guess_words(*np.median(xy, axis=0).tolist()) if len(xy) else ""
    return CrsError(
        f"{file} does not say in which coordinate system it is; give it with --crs EPSG:n{guess}"
    )


def check_coords(coords: str) -> None:
    """Refuse a reading of coordinates that does not exist.

    Raises
    ------
    CrsError
        It is none of auto, wgs84, gcj02, bd09, cgcs2000.
    """
    if coords != "auto" and coords not in COORDS:
        raise CrsError(f"--coords {coords}: there is none such; give auto, {', '.join(COORDS)}")


def _points(source: Source, east: str, north: str, crs: CRS | None, *, named: bool) -> Drawn:
    refused: dict[int, str] = {}
    x = _coordinates(source.columns[east], east, refused)
    y = _coordinates(source.columns[north], north, refused)
    there = np.isfinite(x) & np.isfinite(y)
    drawn = Drawn(np.full(len(source), None, dtype=object), crs, refused)
    for row in np.flatnonzero(~there & (np.isnan(x) | np.isnan(y))).tolist():
        if row not in refused:
            without = [name for name, cells in ((east, x), (north, y)) if np.isnan(cells[row])]
            verb = "is" if len(without) == 1 else "are"
            drawn.empty[row] = f"{' and '.join(without)} {verb} empty; write both coordinates"
    drawn.findings += _shifted_heading((east, north))
    if not there.any():
        return drawn
    given = there & ~((x == 0) & (y == 0))
    middle = (float(np.median(x[given])), float(np.median(y[given]))) if given.any() else (0.0, 0.0)
    if named:
        drawn.crs = crs or _degrees_assumed(source.file, middle, drawn.findings)
    else:
        drawn.crs, swapped = _read_xy(source.file, middle, crs, drawn.findings)
        if swapped:
            x, y = y, x
            drawn.findings.append(
                Finding(
                    "columns-swapped",
                    f"'{east}' is north and '{north}' is east, as in Chinese survey files; read so",
                    "info",
                )
            )
    drawn.shapes[there] = shapely.points(x[there], y[there])
    return drawn


def _read_xy(
    file: str, middle: tuple[float, float], crs: CRS | None, findings: list[Finding]
) -> tuple[CRS | None, bool]:
    """Which system columns called X and Y are in, and whether X is north.

    The middle of the rows decides: a single row that is swapped or mistyped does not.
    """
    x, y = middle
    if crs is not None:
        return crs, not _lies_in(x, y, crs) and _lies_in(y, x, crs)
    if abs(x) > 180 or abs(y) > 180:
        raise _no_system(file, middle)
    guesses = guess_crs(x, y)
    swapped = bool(guesses) and guesses[0].swapped
    return _assume_wgs84(findings), swapped or abs(y) > 90


def _lies_in(x: float, y: float, crs: CRS) -> bool:
    try:
        check_extent([[x, y]], crs)
    except CrsError:
        return False
    return True


def _degrees_assumed(file: str, middle: tuple[float, float], findings: list[Finding]) -> CRS:
    if abs(middle[0]) > 180 or abs(middle[1]) > 180:
        raise _no_system(file, middle)
    return _assume_wgs84(findings)


def _assume_wgs84(findings: list[Finding]) -> CRS:
    findings.append(
        Finding(
            "crs-assumed", "The degrees were read as WGS 84, since the file does not say", "info"
        )
    )
    return WGS84


def _no_system(file: str, middle: tuple[float, float]) -> CrsError:
    return CrsError(
        f"{file}: the coordinates ({middle[0]:.10g}, {middle[1]:.10g}) are no degrees; give their "
        f"system with --crs EPSG:n{_guess_words(*middle)}"
    )


def _from_wkt(source: Source, heading: str, crs: CRS | None) -> Drawn:
    cells = source.columns[heading]
    drawn = Drawn(np.full(len(source), None, dtype=object), crs)
    for i, cell in enumerate(cells):
        if cell is None or not str(cell).strip():
            continue
        text = str(cell).strip().partition(";")
        wkt = text[2] if text[0].upper().startswith("SRID") else str(cell)
        shape = shapely.from_wkt(wkt, on_invalid="ignore")
        if shape is None:
            shape = shapely.from_wkt(wkt, on_invalid="fix")
        if shape is None:
            drawn.refused[i] = f"{heading} is no WKT: '{str(cell).strip()[:40]}'"
        drawn.shapes[i] = shape
    if crs is None:
        bounds = shapely.bounds(drawn.shapes)
        bounds = bounds[np.isfinite(bounds).all(axis=1)]
        if len(bounds) and np.abs(np.median(bounds, axis=0)).max() <= 180:
            drawn.crs = _assume_wgs84(drawn.findings)
    return drawn


def _coordinates(cells: NDArray[Any], heading: str, refused: dict[int, str]) -> NDArray[np.float64]:
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if cell is None or (isinstance(cell, str) and words.tidy(cell) in words.NOTHING):
            continue
        if isinstance(cell, int | float | np.number):
            values[i] = float(cell)
            continue
        found = words.number(str(cell).rstrip("°度"), "")
        if found is None:
            refused[i] = (
                f"{heading} is '{str(cell).strip()[:40]}', which is no number of degrees or metres"
            )
        else:
            values[i] = found[0]
    return values


def _decide(
    degrees: gpd.GeoSeries, crs: CRS, coords: str, trusted: gpd.GeoSeries | None, stated: bool
) -> tuple[Coords, list[Finding]]:
    if coords != "auto":
        chosen: Coords = next(one for one in COORDS if one == coords)
        finding = Finding("coords-said", f"Read as {COORDS_WORDS[chosen]}, as said", "info")
        return chosen, [finding]
    declared = _declared(crs)
    if trusted is None or not len(trusted):
        return declared, []
    found = diagnose(degrees, trusted, declared=declared, stated=stated)
    changed = found.coords != declared
    open_ = not found.decisive and (not stated or len(found.readings) > 0)
    open_ = open_ and crs.is_geographic and declared == "wgs84" and _in_china(degrees)
    doubtful = found.doubtful or open_
    code = "coords-corrected" if changed else "coords-doubtful" if doubtful else "coords"
    severity: Severity = "warning" if changed or doubtful else "info"
    told = list(found.findings)
    if open_ and found.best == declared and found.mixed is None:
        told[0] += _SAY_WHICH
    return found.coords, [Finding(code, text, severity) for text in told]


def _in_china(degrees: gpd.GeoSeries) -> bool:
    west, south, east, north = degrees.total_bounds
    return not bool(outside_china((west + east) / 2, (south + north) / 2))


def _declared(crs: CRS) -> Coords:
    base = crs.geodetic_crs
    code = None if base is None else base.to_epsg(min_confidence=70)
    return "cgcs2000" if code == _CGCS2000 else "wgs84"


def _is_degrees(crs: CRS) -> bool:
    """Return whether coordinates are longitude and latitude as they stand, WGS 84 or CGCS2000."""
    return bool(crs.is_geographic) and crs.to_epsg(min_confidence=70) in (4326, _CGCS2000)


def _shifted_heading(headings: tuple[str, str]) -> list[Finding]:
    text = " ".join(headings).casefold().replace("-", "").replace("_", "")
    for part, coords in _SHIFTED_NAMES:
        if part in text:
            return [
                Finding(
                    "coords-doubtful",
                    f"the headings '{headings[0]}', '{headings[1]}' speak of {coords}; import with "
                    f"--coords {coords} if they mean it",
                )
            ]
    return []


def _guess_words(x: float, y: float) -> str:
    for guess in guess_crs(x, y):
        code = guess.crs.to_epsg() if guess.crs is not None else None
        return f"; the numbers look like {f'EPSG:{code}, ' if code else ''}{guess.words}"
    return ""


def _named(file: str, error: InputError) -> InputError:
    text = str(error)
    return error if text.startswith(file) else type(error)(f"{file}: {text}")
