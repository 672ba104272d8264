"""The coordinate doctor: which reading of a layer's degrees fits a layer that is already trusted.

Map providers hand out GCJ-02 or BD-09 degrees, and files say WGS 84 all the same. The shift is as
large as a 5-minute walk, so it must be found; but correcting what was right is worse. The rule:

    a reading is *decisive* when, of all moves of up to 1.5 km, the one at which the layers fit
    most sharply lies within `LARGEST_RESIDUAL_M` of no move at all; when it stands out by
    `SHARP` standard deviations (`SHARP_EITHER` where the fit may be near or apart) and by
    `AHEAD` times the next best; when at least `FEWEST` features overlap the trusted layer; when,
    for streets in polygons and lines along streets, its misfit is at most half that of the
    declared reading; and when no part of the layer follows another reading.

The thresholds were set on real layers against themselves turned and mirrored (see tests/real).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gis.crs.landscape import (
    CAP_M,
    Grid,
    Plane,
    Raster,
    distances,
    far_from,
    landscape,
    paint,
    sharpness,
    summit,
)
from gis.crs.pieces import pieces_of, points_of
from gis.crs.shifts import CGCS2000_NOTE, COORDS_WORDS, Coords, from_wgs84, outside_china, to_wgs84
from gis.errors import CrsError

LARGEST_RESIDUAL_M: Final = 60.0
SHARP: Final = 5.0
SHARP_EITHER: Final = 6.0
AHEAD: Final = 1.2
FEWEST: Final = 8
WINDOW_M: Final = 20_000.0
"""Larger layers are judged on a square of this side about their middle."""

Floats = NDArray[np.float64]
_IN_POLYGONS = "street inside the polygons"
_FROM_STREETS = "mean distance to the nearest street"
_OUTSIDE = "outside the trusted polygons"


@dataclass(frozen=True)
class Reading:
    """How one reading of the degrees fits.

    Attributes
    ----------
    coords
        The reading.
    misfit
        The lower the better, but for points that keep clear of the trusted layer: metres of street
        inside the polygons; mean distance to the nearest street, m, counted up to 100 m; or share
        outside the trusted polygons, 0-1.
    unit
        What `misfit` is, in words.
    residual_m
        Length of the move, of up to 1.5 km, that would still improve the fit most sharply.
    east_m, north_m
        That move of the layer.
    sharpness
        How far the fit within 60 m of no move stands out from other moves, standard deviations.
    sharpest
        The same for the best of all moves.
    lead
        Sharpest fit over the next best one elsewhere.
    """

    coords: Coords
    misfit: float
    unit: str
    residual_m: float
    east_m: float
    north_m: float
    sharpness: float
    sharpest: float
    lead: float


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What the doctor found.

    Attributes
    ----------
    declared
        The reading that was declared.
    best
        The reading that fits best; the declared one when none stands out.
    decisive
        True when `best` may be applied, or, being the declared one, is confirmed.
    mixed
        A second reading which part of the layer follows, else None.
    readings
        One per candidate, the declared one first; only that one where nothing could be compared.
    verdicts
        (n,) the reading each feature seems to follow, None where it does not tell; all None
        unless `mixed`.
    used
        Number of features that were compared.
    findings
        What to tell the user, one sentence each, with the numbers.
    elsewhere
        The layers belong together, but after a move that no reading makes.
    """

    declared: Coords
    best: Coords
    decisive: bool
    mixed: Coords | None
    readings: tuple[Reading, ...]
    verdicts: NDArray[np.object_]
    used: int
    findings: tuple[str, ...]
    elsewhere: bool = False

    @property
    def coords(self) -> Coords:
        """The reading to apply: the best one when decisive, else as declared."""
        return self.best if self.decisive else self.declared

    @property
    def doubtful(self) -> bool:
        """True when the declared reading should not be trusted without a look."""
        unsure = self.best != self.declared and not self.decisive
        return unsure or self.mixed is not None or self.elsewhere


def diagnose(
    geometries: gpd.GeoSeries, reference: gpd.GeoSeries, *, declared: Coords, stated: bool = True
) -> Diagnosis:
    """Find out whether degrees are WGS 84, GCJ-02 or BD-09 by their fit to a trusted layer.

    Parameters
    ----------
    geometries
        (n,) points, lines or polygons, longitude and latitude as read from the file.
    reference
        (k,) lines (streets) or polygons (estates) in true WGS 84 or CGCS2000 degrees.
    declared
        What the file says it is in, or is taken to be in.
    stated
        Whether the file itself says so; for the words only.

    Returns
    -------
    Diagnosis
        Never corrects anything; `Diagnosis.coords` is what may be applied. The same input always
        gives the same answer.

    Raises
    ------
    CrsError
        Either layer is projected or not in degrees.
    """
    compared = _compare(geometries, reference, declared)
    if isinstance(compared, str):
        return _undecided(declared, len(geometries), compared, stated=stated)
    order = sorted(_candidates(declared), key=lambda c: c != declared)
    everything = np.ones(len(compared.rows), dtype=bool)
    readings = tuple(_read(compared, coords, order, everything) for coords in order)
    best = _best(readings, compared.either)
    second, verdicts = _second_reading(compared, best, readings)
    settled = second is None and _decisive(best, readings[0], compared)
    known = np.full(len(geometries), None, dtype=object)
    known[compared.rows] = verdicts
    return Diagnosis(
        declared=declared,
        best=best.coords,
        decisive=settled,
        mixed=second,
        readings=readings,
        verdicts=known,
        used=len(compared.rows),
        findings=_words(readings, best, settled, second, verdicts, compared.either, stated),
        elsewhere=not settled and second is None and _elsewhere(readings[0], compared.either),
    )


class _Comparison(Protocol):
    """Two layers made ready to be moved against each other."""

    @property
    def rows(self) -> NDArray[np.intp]:
        """(m,) rows of the layer that are compared."""

    @property
    def either(self) -> bool:
        """Whether layers that belong together may lie apart as well as near."""

    @property
    def unit(self) -> str:
        """What the misfit is, in words."""

    def fits(self, coords: Coords, chosen: NDArray[np.bool_]) -> Floats:
        """Landscape of the fit of the chosen features (m,) for moves of the layer."""

    def misfit(self, coords: Coords) -> float:
        """Misfit of the whole layer."""

    def poor(self, coords: Coords, sign: float) -> NDArray[np.bool_]:
        """(m,) features that fit badly; sign -1 where lying apart is the good fit."""

    def place(self, coords: Coords) -> Floats:
        """(2,) middle of the layer under a reading, metres, but for a constant."""


@dataclass(frozen=True, eq=False)
class _StreetsInPolygons:
    """Streets, moved into each reading, against polygons as they were read."""

    rows: NDArray[np.intp]
    polygons: NDArray[np.object_]  # (m,) metres
    raster: Raster  # 1 inside them
    streets: Mapping[Coords, Floats]  # (p, 2) middles of street pieces, metres
    weight: Floats  # (p,) their length, m
    either: bool = False
    unit: str = _IN_POLYGONS

    def fits(self, coords: Coords, chosen: NDArray[np.bool_]) -> Floats:
        raster = self.raster
        if not chosen.all():
            raster = _inside(self.polygons[chosen], raster.grid)
        # Moving the polygons east is moving the streets west.
        return landscape(raster, self.streets[coords], self.weight)[::-1, ::-1]

    def _pairs(self, coords: Coords) -> NDArray[np.intp]:
        points = shapely.points(self.streets[coords])
        tree = shapely.STRtree(self.polygons)
        return np.asarray(tree.query(points, predicate="intersects"), np.intp)

    def misfit(self, coords: Coords) -> float:
        return float(self.weight[np.unique(self._pairs(coords)[0])].sum())

    def poor(self, coords: Coords, sign: float) -> NDArray[np.bool_]:
        street, polygon = self._pairs(coords)
        inside_m = np.bincount(polygon, self.weight[street], minlength=len(self.polygons))
        # A street that grazes the outline is no sign of anything.
        return np.asarray(inside_m * sign > 30.0)

    def place(self, coords: Coords) -> Floats:
        return np.asarray(-np.mean(self.streets[coords], axis=0))


@dataclass(frozen=True, eq=False)
class _PointsOnRaster:
    """Points of the layer, corrected from each reading, against the trusted layer."""

    rows: NDArray[np.intp]
    points: Mapping[Coords, Floats]  # (p, 2) metres
    owner: NDArray[np.intp]  # (p,) place in rows
    weight: Floats  # (p,)
    raster: Raster
    either: bool
    unit: str

    def fits(self, coords: Coords, chosen: NDArray[np.bool_]) -> Floats:
        return landscape(self.raster, self.points[coords], self.weight * chosen[self.owner])

    def misfit(self, coords: Coords) -> float:
        return float(np.average(self.raster.under(self.points[coords]), weights=self.weight))

    def poor(self, coords: Coords, sign: float) -> NDArray[np.bool_]:
        values = self.weight * self.raster.under(self.points[coords])
        total = np.bincount(self.owner, self.weight, minlength=len(self.rows))
        sums = np.bincount(self.owner, values, minlength=len(self.rows))
        misfits = sign * sums / np.maximum(total, 1e-12)
        return np.asarray(misfits > np.median(misfits))

    def place(self, coords: Coords) -> Floats:
        return np.asarray(np.mean(self.points[coords], axis=0))


def _inside(polygons: NDArray[np.object_], grid: Grid) -> Raster:
    return Raster(paint(polygons, grid).astype(np.float64), grid, beyond=0.0)


def _candidates(declared: Coords) -> tuple[Coords, ...]:
    plain: Coords = "cgcs2000" if declared == "cgcs2000" else "wgs84"
    return (plain, "gcj02", "bd09")


# ---------------------------------------------------------------- making ready


def _compare(
    geometries: gpd.GeoSeries, reference: gpd.GeoSeries, declared: Coords
) -> _Comparison | str:
    """Two layers made ready to compare, or in words why they cannot be."""
    rows, features, size = _one_kind(geometries, "the layer")
    _, trusted, trusted_size = _one_kind(reference, "the trusted layer")
    if len(features) == 0 or len(trusted) == 0 or trusted_size == 0:
        return "there is no layer of lines or polygons to compare with"
    middles = shapely.get_coordinates(shapely.centroid(features))
    if outside_china(middles[:, 0], middles[:, 1]).mean() > 0.5:
        return "the layer lies outside China, where GCJ-02 and BD-09 are not in use"
    lon, lat = to_wgs84(middles[:, 0], middles[:, 1], coords=declared)
    near = _near(np.column_stack([lon, lat]), trusted)
    if near.sum() < FEWEST:
        return (
            f"only {int(near.sum())} of {len(features)} features overlap the trusted layer, at "
            f"least {FEWEST} are needed"
        )
    plane = Plane(*np.median(np.column_stack([lon, lat])[near], axis=0).tolist())
    offset = np.abs(plane.metres(lon, lat)).max(axis=1)
    kept = near & (offset <= WINDOW_M / 2)
    rows, features = rows[kept], features[kept]
    trusted = _in_window(trusted, plane)
    if len(features) < FEWEST or len(trusted) == 0:
        return f"only {len(features)} features lie close enough together to be compared"
    if size == 2 and trusted_size == 1:
        return _streets_in_polygons(rows, features, trusted, plane, declared)
    return _points_on_raster(rows, features, size, trusted, trusted_size, plane, declared)


def _one_kind(
    series: gpd.GeoSeries, name: str
) -> tuple[NDArray[np.intp], NDArray[np.object_], int]:
    """Rows, geometries and dimension of the commonest kind; missing and empty ones fall out."""
    if series.crs is not None and not series.crs.is_geographic:
        raise CrsError(f"{name} is in {series.crs.name}; bring it to longitude and latitude first")
    values = np.asarray(series, dtype=object)
    size = np.where(shapely.is_empty(values), -1, shapely.get_dimensions(values))
    bounds = shapely.bounds(values)
    rows = np.flatnonzero((size >= 0) & np.isfinite(bounds).all(axis=1))
    if len(rows) == 0:
        return rows, values[:0], 0
    to_wgs84(bounds[rows][:, [0, 2]], bounds[rows][:, [1, 3]], coords="wgs84")  # refuses metres
    commonest = int(np.bincount(size[rows]).argmax())
    rows = rows[size[rows] == commonest]
    return rows, values[rows], commonest


def _near(lonlat: Floats, trusted: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which points lie in the bounds of the trusted layer, widened by the largest shift."""
    west, south, east, north = shapely.total_bounds(trusted)
    wide = 0.014
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    inside = (lon >= west - wide) & (lon <= east + wide)
    return np.asarray(inside & (lat >= south - wide) & (lat <= north + wide))


def _in_window(trusted: NDArray[np.object_], plane: Plane) -> NDArray[np.object_]:
    degree_lat = (WINDOW_M / 2 + 3000.0) / 111_000.0
    degree_lon = degree_lat / max(np.cos(np.radians(plane.lat)), 0.1)
    low = (plane.lon - degree_lon, plane.lat - degree_lat)
    window = shapely.box(*low, plane.lon + degree_lon, plane.lat + degree_lat)
    return trusted[shapely.intersects(trusted, window)]


def _streets_in_polygons(
    rows: NDArray[np.intp],
    features: NDArray[np.object_],
    trusted: NDArray[np.object_],
    plane: Plane,
    declared: Coords,
) -> _StreetsInPolygons:
    lonlat, weight, _ = pieces_of(trusted, plane)
    polygons = plane.geometries(features)
    streets = {
        coords: plane.metres(*from_wgs84(lonlat[:, 0], lonlat[:, 1], coords=coords))
        for coords in _candidates(declared)
    }
    raster = _inside(polygons, Grid.around(shapely.total_bounds(polygons)))
    return _StreetsInPolygons(rows, polygons, raster, streets, weight)


def _points_on_raster(
    rows: NDArray[np.intp],
    features: NDArray[np.object_],
    size: int,
    trusted: NDArray[np.object_],
    trusted_size: int,
    plane: Plane,
    declared: Coords,
) -> _PointsOnRaster:
    lonlat, weight, owner = points_of(features, size, plane)
    points = {
        coords: plane.metres(*to_wgs84(lonlat[:, 0], lonlat[:, 1], coords=coords))
        for coords in _candidates(declared)
    }
    flat = plane.geometries(trusted)
    half = WINDOW_M / 2 + 3000.0
    grid = Grid.around(np.clip(shapely.total_bounds(flat), -half, half))
    if trusted_size == 1:
        raster, unit = Raster(distances(flat, grid), grid, beyond=CAP_M), _FROM_STREETS
    else:
        outside = np.where(paint(flat, grid), 0.0, 1.0)
        raster, unit = Raster(outside, grid, beyond=1.0), _OUTSIDE
    # Points may line the streets or keep clear of them (middles of blocks); both tell.
    either = not (size == 1 and trusted_size == 1)
    return _PointsOnRaster(rows, points, owner, weight, raster, either, unit)


# ---------------------------------------------------------------- judging


def _read(
    compared: _Comparison,
    coords: Coords,
    candidates: Sequence[Coords],
    chosen: NDArray[np.bool_],
) -> Reading:
    stands_out = -sharpness(compared.fits(coords, chosen))
    height = np.abs(stands_out) if compared.either else stands_out
    east_m, north_m = summit(height)
    elsewhere = far_from(east_m, north_m) > 150.0
    for other in candidates:
        # The dips of the other readings are known places and compete as readings.
        east, north = compared.place(other) - compared.place(coords)
        elsewhere &= far_from(east, north) > 100.0
    rival = float(height[elsewhere].max())
    peak = float(height.max())
    return Reading(
        coords=coords,
        misfit=compared.misfit(coords),
        unit=compared.unit,
        residual_m=float(np.hypot(east_m, north_m)),
        east_m=east_m,
        north_m=north_m,
        sharpness=float(height[far_from(0.0, 0.0) <= LARGEST_RESIDUAL_M].max()),
        sharpest=peak,
        lead=peak / rival if rival > 0 else 0.0,
    )


def _best(readings: tuple[Reading, ...], either: bool) -> Reading:
    standing = [r for r in readings if r.residual_m <= LARGEST_RESIDUAL_M and r.sharpness > 0]
    if either:
        standing = [r for r in standing if r.sharpness >= SHARP]
    return max(standing, key=lambda r: r.sharpness, default=readings[0])


def _stands(reading: Reading, either: bool) -> bool:
    return (
        reading.residual_m <= LARGEST_RESIDUAL_M
        and reading.sharpness >= (SHARP_EITHER if either else SHARP)
        and reading.lead >= AHEAD
    )


def _decisive(best: Reading, declared: Reading, compared: _Comparison) -> bool:
    if not _stands(best, compared.either):
        return False
    if best is declared or compared.either:
        return True
    return best.misfit <= declared.misfit / 2


def _second_reading(
    compared: _Comparison, best: Reading, readings: tuple[Reading, ...]
) -> tuple[Coords | None, NDArray[np.object_]]:
    """Find the reading followed by the features that fit `best` poorly, if any, and verdicts (m,).

    They were picked by their fit to `best` alone; how they fit another reading is untouched by it.
    """
    verdicts = np.full(len(compared.rows), None, dtype=object)
    sign = 1.0
    if compared.either:
        fits = sharpness(compared.fits(best.coords, np.ones(len(compared.rows), bool)))
        middle = far_from(0.0, 0.0) <= LARGEST_RESIDUAL_M
        sign = 1.0 if -fits[middle].min() >= fits[middle].max() else -1.0
    poor = compared.poor(best.coords, sign)
    if poor.sum() < FEWEST or best.sharpness < SHARP:
        return None, verdicts
    order = [r.coords for r in readings]
    others = [_read(compared, c, order, poor) for c in order if c != best.coords]
    standing = [r for r in others if _stands(r, compared.either)]
    if not standing:
        return None, verdicts
    second = max(standing, key=lambda r: r.sharpness).coords
    verdicts[~poor & compared.poor(second, sign)] = best.coords
    verdicts[poor & ~compared.poor(second, sign)] = second
    return second, verdicts


# ---------------------------------------------------------------- words


def _undecided(declared: Coords, count: int, why: str, *, stated: bool) -> Diagnosis:
    words = f"{_read_as(COORDS_WORDS[declared], stated)}; it could not be checked: {why}"
    return Diagnosis(
        declared, declared, False, None, (), np.full(count, None, dtype=object), 0, (words,)
    )


def _words(
    readings: tuple[Reading, ...],
    best: Reading,
    settled: bool,
    second: Coords | None,
    verdicts: NDArray[np.object_],
    either: bool,
    stated: bool,
) -> tuple[str, ...]:
    declared = readings[0]
    name, said = COORDS_WORDS[best.coords], COORDS_WORDS[declared.coords]
    figures = _figures(declared, best, len(verdicts), stated)
    was = f"declared {said}" if stated else f"the file does not say, taken for {said}"
    read = _read_as(said, stated)
    if second is not None:
        words = f"{_mixed_words(best.coords, second, verdicts)} ({figures})"
    elif best is not declared:
        words = f"{was} but reads as {name}: {figures}"
        if not settled:
            words = (
                f"{was}; looks like {name}, which is not certain: {figures}; look at it "
                "over the streets and say which with --coords"
            )
    elif settled:
        words = f"fits as {'declared, ' if stated else ''}{said}: {figures}"
    elif _elsewhere(declared, either):
        words = (
            f"{read}, but the layers fit best after moving this one "
            f"{declared.residual_m:.0f} m ({declared.east_m:+.0f} m east, {declared.north_m:+.0f} "
            f"m north), which no known shift explains: {figures}; check its datum"
        )
    else:
        words = f"{read}; the trusted layer does not tell: {figures}"
    notes = (CGCS2000_NOTE,) if "cgcs2000" in (declared.coords, best.coords) else ()
    return (words, *notes)


def _read_as(said: str, stated: bool) -> str:
    return f"read as declared, {said}" if stated else f"read as {said}, which the file does not say"


def _mixed_words(first: Coords, second: Coords, verdicts: NDArray[np.object_]) -> str:
    one, two = int((verdicts == first).sum()), int((verdicts == second).sum())
    return (
        f"the layer mixes coordinates: {one} features read as {COORDS_WORDS[first]}, {two} as "
        f"{COORDS_WORDS[second]}, {len(verdicts) - one - two} do not tell; split the file by its "
        "sources and import each part"
    )


def _figures(declared: Reading, best: Reading, used: int, stated: bool) -> str:
    """Put the numbers in words: 86.3 km as declared, 3.5 km if GCJ-02; residual 3 m."""
    show = _SHOWN[declared.unit]
    as_what = "as declared" if stated else f"as {COORDS_WORDS[declared.coords]}"
    words = f"{declared.unit} {show(declared.misfit)} {as_what}"
    if best is not declared:
        words += f", {show(best.misfit)} if {COORDS_WORDS[best.coords]}"
    return f"{words}; residual {best.residual_m:.0f} m; {used} features compared"


def _elsewhere(declared: Reading, either: bool) -> bool:
    """Whether the layers do belong together, but after a move that no reading makes."""
    far = declared.residual_m > LARGEST_RESIDUAL_M
    sharp = declared.sharpest >= (SHARP_EITHER if either else SHARP)
    return far and sharp and declared.lead >= AHEAD


_SHOWN: Final[dict[str, Callable[[float], str]]] = {
    _IN_POLYGONS: lambda metres: f"{metres / 1000:.1f} km",
    _FROM_STREETS: lambda metres: f"{metres:.0f} m",
    _OUTSIDE: lambda share: f"{share:.0%}",
}
