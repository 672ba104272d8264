"""The only place where coordinates change or are judged.

- `shifts`: GCJ-02 and BD-09 to and from WGS 84, for arrays and for geometries.
- `systems`: read a coordinate system, name it, compare it, guess it from bare numbers.
- `measuring`: is the data where its system says, and may lengths be measured in it.
- `doctor`: which reading of degrees fits a layer that is already trusted.

Longitude (east) always comes first and latitude (north) second, whatever the registry says.
"""

from gis.crs.doctor import Diagnosis, Reading, diagnose
from gis.crs.measuring import (
    CHINA_BOX,
    LARGEST_SCALE_ERROR,
    check_extent,
    reproject,
    require_measurable,
    scale_error,
    to_lonlat,
    working_crs,
)
from gis.crs.shifts import (
    CGCS2000_NOTE,
    COORDS,
    COORDS_WORDS,
    Coords,
    from_wgs84,
    outside_china,
    shift_geometries,
    to_wgs84,
)
from gis.crs.systems import (
    CrsGuess,
    crs_words,
    gauss_krueger,
    guess_crs,
    old_datum,
    parse_crs,
    require_same_crs,
    same_crs,
)

__all__ = [
    "CGCS2000_NOTE",
    "CHINA_BOX",
    "COORDS",
    "COORDS_WORDS",
    "Coords",
    "CrsGuess",
    "Diagnosis",
    "LARGEST_SCALE_ERROR",
    "Reading",
    "check_extent",
    "crs_words",
    "diagnose",
    "from_wgs84",
    "gauss_krueger",
    "guess_crs",
    "old_datum",
    "outside_china",
    "parse_crs",
    "reproject",
    "require_measurable",
    "require_same_crs",
    "same_crs",
    "scale_error",
    "shift_geometries",
    "to_lonlat",
    "to_wgs84",
    "working_crs",
]
