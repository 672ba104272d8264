"""Coordinate reference systems: read them, name them, compare them, guess them from numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import floor
from typing import Any, Final, Literal

from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from gis.errors import CrsError

CGCS2000: Final = 4490
WGS84: Final = 4326
WEB_MERCATOR: Final = 3857

_OLD_DATUMS: Final = {4214: "Beijing 1954", 4610: "Xian 1980", 4555: "New Beijing"}
_OLD_NAME = re.compile(
    r"beijing[_ ]?(19)?54|xi'?an[_ ]?(19)?80|new[_ ]?beijing|北京.?54|西安.?80", re.I
)
_CGCS_NAME = re.compile(r"cgcs|china[_ ](geodetic|2000)|d_china_2000|国家2000|2000国家", re.I)
_LON_LAT_NAMES: Final = {"crs84", "ogc:crs84", "urn:ogc:def:crs:ogc:1.3:crs84"}
# First code, first zone, last zone of the CGCS2000 Gauss-Krueger families, in the EPSG registry.
_FAMILIES: Final = {
    (6, True): (4491, 13, 23),
    (6, False): (4502, 13, 23),
    (3, True): (4513, 25, 45),
    (3, False): (4534, 25, 45),
}


@dataclass(frozen=True)
class CrsGuess:
    """One way in which bare numbers can be read.

    Attributes
    ----------
    crs
        The system, or None where the numbers leave the zone open.
    swapped
        True when the first column is north (latitude, or the X of Chinese survey files).
    words
        The reading in words, with what to do.
    """

    crs: CRS | None
    swapped: bool
    words: str


def parse_crs(text: str | int | CRS, *, allow_old: bool = False) -> CRS:
    """Read a coordinate system from a code, a name or the text of a .prj file.

    Chinese files often carry names of other makers for the CGCS2000 zones; they are identified by
    name, else by their parameters (ellipsoid, central meridian, false easting), and given back as
    the EPSG system. Heights are left out. Of a central meridian that is both a 3-degree and a
    6-degree one, the 3-degree code is given: the two are the same projection.

    Parameters
    ----------
    text
        `"EPSG:4548"`, `4548`, `"4548"`, WKT of any flavour, a PROJ string, or a CRS.
    allow_old
        Let Beijing 1954, Xian 1980 and New Beijing pass although no local parameters come with
        them. A definition that carries its own shift (TOWGS84) always passes.

    Returns
    -------
    pyproj.CRS
        The horizontal system.

    Raises
    ------
    CrsError
        Not readable, or an old datum without local parameters.
    """
    crs = _horizontal(_read(text))
    old = None if crs.is_bound else old_datum(crs)
    if old and not allow_old:
        raise CrsError(
            f"{crs.name} is on {old}, which lies tens to over 100 m off CGCS2000 unless local "
            "parameters are known; have the file converted to CGCS2000 by the surveying office, or "
            "give the system as a PROJ string with its +towgs84 parameters"
        )
    if crs.is_bound or old:
        return crs
    code = crs.to_epsg(min_confidence=70) or _epsg_by_parameters(crs)
    return CRS.from_epsg(code) if code else crs


def old_datum(crs: CRS) -> str | None:
    """Name the datum of the time before CGCS2000 on which `crs` rests, None when it is a newer one.

    Known by EPSG code, by name, and by the ellipsoid of 1975 that Xian 1980 alone uses here.
    """
    base = crs.geodetic_crs
    code = base.to_epsg(min_confidence=70) if base is not None else None
    if code in _OLD_DATUMS:
        return _OLD_DATUMS[code]
    names = " ".join(filter(None, (crs.name, base.name if base else "", _datum_name(crs))))
    found = _OLD_NAME.search(names)
    if found:
        return "Xian 1980" if re.search("80", found[0]) else "Beijing 1954"
    ball = crs.ellipsoid
    if ball is not None and ball.semi_major_metre == 6378140.0:
        return "Xian 1980"
    # Krasovsky 1940 is shared with half of Asia: only a nameless system on a Chinese zone counts.
    if ball is not None and ball.semi_major_metre == 6378245.0 and code is None:
        zone = _zone_of(crs)
        return "Beijing 1954" if zone is not None else None
    return None


def gauss_krueger(lon: float, *, width: Literal[3, 6] = 3, prefix: bool = False) -> int:
    """Give the EPSG code of the CGCS2000 Gauss-Krueger zone at a longitude.

    3-degree zone n = round(lon / 3), 6-degree zone n = floor(lon / 6) + 1; a longitude on the seam
    goes to the eastern zone.

    Parameters
    ----------
    lon
        Degrees east.
    width
        3 or 6 degrees.
    prefix
        With the zone number before the easting (39,500,000 m rather than 500,000 m).

    Returns
    -------
    int
        4491-4554.

    Raises
    ------
    CrsError
        The longitude has no zone: 73.5-136.5 E for 3 degrees, 72-138 E for 6.
    """
    if (width, prefix) not in _FAMILIES:
        raise CrsError(f"no Gauss-Krueger zones {width} degrees wide; use 3 or 6")
    first_code, first, last = _FAMILIES[(width, prefix)]
    half = 1.5 if width == 3 else 6.0
    west = first * width - half
    east = west + (last - first + 1) * width
    if not west <= lon < east:
        raise CrsError(
            f"longitude {lon:g} has no CGCS2000 {width}-degree zone (they reach from {west:g} to "
            f"{east:g} E); use a UTM zone there"
        )
    return first_code + floor((lon - west) / width)


def guess_crs(x: float, y: float, *, lon: float | None = None) -> list[CrsGuess]:
    """List the ways in which the numbers of a file without a coordinate system can be read.

    Nothing is decided: Web Mercator and the 6-degree zones 13-15 overlap, and an easting without
    prefix does not tell its zone.

    Parameters
    ----------
    x, y
        First and second coordinate of one place of the file, such as the median.
    lon
        Longitude of the administrative area, when known; it settles the zone.

    Returns
    -------
    list
        Likeliest first; empty when nothing fits. Source: ranges of the EPSG registry over China.
    """
    straight = _readings(x, y, lon)
    turned = [CrsGuess(g.crs, True, _TURN + g.words) for g in _readings(y, x, lon)]
    return straight + turned


_TURN = "columns swapped (north comes first; in Chinese survey files X is north): "


def same_crs(a: CRS, b: CRS) -> bool:
    """Tell whether two systems give the same numbers to the same place.

    Axis order is left out of it, since lon/lat is kept everywhere. CGCS2000 and WGS 84 degrees
    count as the same (they differ by centimetres to decimetres), their projections do not.
    """
    if a.equals(b, ignore_axis_order=True):
        return True
    codes = {_lon_lat_code(a), _lon_lat_code(b)}
    return codes <= {CGCS2000, WGS84}


def require_same_crs(*crs: CRS | None) -> None:
    """Refuse layers that do not share one coordinate system.

    Parameters
    ----------
    *crs
        Any number of systems, also none.

    Raises
    ------
    CrsError
        One is missing, or two differ; the message names both.
    """
    if any(one is None for one in crs):
        raise CrsError("a layer has no coordinate system; import it again with --crs EPSG:n")
    known = [one for one in crs if one is not None]
    for other in known[1:]:
        if not same_crs(known[0], other):
            raise CrsError(
                f"layers in different coordinate systems, {crs_words(known[0])} and "
                f"{crs_words(other)}; import one of them again into the system of the project"
            )


def crs_words(crs: CRS) -> str:
    """Name a system with its code, `EPSG:4548 (CGCS2000 / 3-degree Gauss-Kruger CM 117E)`."""
    code = crs.to_epsg(min_confidence=70)
    return f"EPSG:{code} ({crs.name})" if code else crs.name


def _read(text: str | int | CRS) -> CRS:
    if isinstance(text, CRS):
        return text
    given = text.strip().lstrip("\ufeff") if isinstance(text, str) else text
    if isinstance(given, str) and given.lower() in _LON_LAT_NAMES:
        return CRS.from_user_input("OGC:CRS84")
    if isinstance(given, str) and given.isdecimal():
        given = int(given)
    try:
        return CRS.from_user_input(given)
    except ProjError:
        shown = str(given) if len(str(given)) <= 60 else str(given)[:57] + "..."
        raise CrsError(
            f"no coordinate system can be read from {shown!r}; give a code such as EPSG:4548"
        ) from None


def _horizontal(crs: CRS) -> CRS:
    if not crs.is_compound:
        return crs
    return crs.sub_crs_list[0]


def _datum_name(crs: CRS) -> str:
    return crs.datum.name if crs.datum is not None else ""


def _epsg_by_parameters(crs: CRS) -> int | None:
    """Identify CGCS2000 degrees and zones whose names are not those of the EPSG registry."""
    ball = crs.ellipsoid
    if ball is None or ball.semi_major_metre != 6378137.0:
        return None
    base = crs.geodetic_crs.name if crs.geodetic_crs else ""
    named = _CGCS_NAME.search(f"{crs.name} {_datum_name(crs)} {base}")
    if not named or abs(ball.inverse_flattening - 298.257222101) > 1e-6:
        return None
    if crs.is_geographic:
        return CGCS2000
    zone = _zone_of(crs)
    return None if zone is None else gauss_krueger(zone[0], width=zone[1], prefix=zone[2])


def _zone_of(crs: CRS) -> tuple[float, Literal[3, 6], bool] | None:
    """Central meridian, width and prefix of a Chinese Gauss-Krueger zone, None for all else."""
    numbers = _parameters(crs)
    if numbers is None:
        return None
    origin, meridian, scale, easting, northing = numbers
    if origin != 0.0 or scale != 1.0 or northing != 0.0 or not 75.0 <= meridian <= 135.0:
        return None
    if easting == 500_000.0 and meridian % 3 == 0:
        return meridian, 3, False
    if easting == meridian / 3 * 1e6 + 500_000.0:
        return meridian, 3, True
    if easting == (meridian + 3) / 6 * 1e6 + 500_000.0:
        return meridian, 6, True
    return None


def _parameters(crs: CRS) -> tuple[float, float, float, float, float] | None:
    """Origin latitude, central meridian, scale, false easting and northing, degrees and metres."""
    operation: Any = crs.coordinate_operation
    if operation is None or operation.method_name not in {"Transverse Mercator", "Gauss Kruger"}:
        return None
    if any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info):
        return None
    values = [round(float(item.value), 9) for item in operation.params]
    if len(values) != 5:
        return None
    return values[0], values[1], values[2], values[3], values[4]


def _lon_lat_code(crs: CRS) -> int | None:
    if not crs.is_geographic:
        return None
    if crs.equals(CRS.from_epsg(WGS84), ignore_axis_order=True):
        return WGS84
    return CGCS2000 if crs.equals(CRS.from_epsg(CGCS2000), ignore_axis_order=True) else None


def _readings(x: float, y: float, lon: float | None) -> list[CrsGuess]:
    """List the readings of (east, north)."""
    guesses = _degree_readings(x, y)
    if 0.3e6 <= y <= 6.2e6:
        guesses += _zone_readings(x, lon)
    if 8.1e6 <= x <= 15.2e6 and 0.3e6 <= y <= 7.2e6:
        words = "Web Mercator; convert it before measuring anything"
        guesses.append(CrsGuess(CRS.from_epsg(WEB_MERCATOR), False, words))
    return guesses


def _degree_readings(x: float, y: float) -> list[CrsGuess]:
    # Only over China: everywhere else (lat, lon) and (lon, lat) are both possible places.
    if not (73.0 <= x <= 136.0 and 3.0 <= y <= 54.0):
        return []
    words = "degrees, longitude and latitude; say whether WGS 84, CGCS2000, GCJ-02 or BD-09"
    return [CrsGuess(CRS.from_epsg(CGCS2000), False, words)]


def _zone_readings(x: float, lon: float | None) -> list[CrsGuess]:
    zone, easting = divmod(x, 1e6)
    # 4 degrees beside the central meridian at 18 N, the widest anyone draws a zone.
    if not 70_000.0 <= easting <= 930_000.0:
        return []
    if zone == 0:
        return _zone_open(lon)
    for width in (3, 6):
        first_code, first, last = _FAMILIES[(width, True)]
        if first <= zone <= last:
            crs = CRS.from_epsg(first_code + int(zone) - first)
            words = f"CGCS2000 {width}-degree zone {zone:.0f} with prefix, unless it is Xian 1980"
            return [CrsGuess(crs, False, words)]
    return []


def _zone_open(lon: float | None) -> list[CrsGuess]:
    if lon is None:
        words = (
            "metres without zone prefix, zone unknown (also UTM or a local grid of the city); "
            "give the system with --crs or name the administrative area"
        )
        return [CrsGuess(None, False, words)]
    words = (
        f"CGCS2000 3-degree zone at {lon:g} E without prefix; make sure it is no local city grid"
    )
    return [CrsGuess(CRS.from_epsg(gauss_krueger(lon)), False, words)]
