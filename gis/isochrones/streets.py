"""Reached streets and buildings: the isochrone itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from gis.errors import OptionError
from gis.isochrones.courses import courses
from gis.network import WalkNetwork
from gis.network.around import Pairs, limits_in_cm, pairs_within, stretches_within


@dataclass(frozen=True, eq=False)
class ReachedStreets:
    """The stretches of street that k sources reach, in bands.

    A band holds what is within its limit and beyond that of the band before it. The stretches of
    source s and band b are those from ``first[s * bands + b]`` up to the next entry,
    (k * bands + 1,) int64. ``link`` (m,) int32 is the link of the network, ``from_cm`` and
    ``to_cm`` (m,) int32 the stretch of it, along its course.
    """

    network: WalkNetwork
    bands_m: tuple[float, ...]
    first: NDArray[np.int64]
    link: NDArray[np.int32]
    from_cm: NDArray[np.int32]
    to_cm: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of sources."""
        return (len(self.first) - 1) // len(self.bands_m)

    @property
    def from_m(self) -> NDArray[np.float64]:
        """(m,) metres along the link where each stretch begins."""
        return self.from_cm / 100.0

    @property
    def to_m(self) -> NDArray[np.float64]:
        """(m,) metres along the link where each stretch ends."""
        return self.to_cm / 100.0

    @cached_property
    def length_m(self) -> NDArray[np.float64]:
        """(k, bands) metres of street in each band."""
        total = np.zeros(len(self.link) + 1, dtype=np.int64)
        np.cumsum(self.to_cm - self.from_cm, out=total[1:])
        sums = np.diff(total[self.first])
        return sums.reshape(len(self), len(self.bands_m)) / 100.0

    def rows(self, source: int, band: int) -> slice:
        """Return which stretches belong to a source and a band."""
        place = source * len(self.bands_m) + band
        return slice(int(self.first[place]), int(self.first[place + 1]))

    def lines(self, source: int, band: int) -> NDArray[np.object_]:
        """Return the stretches (n,) of a source and a band as LineStrings along their streets."""
        xy, start = self.courses(self.rows(source, band))
        if len(start) == 1:
            return np.empty(0, dtype=object)
        line = np.repeat(np.arange(len(start) - 1), np.diff(start))
        return np.asarray(shapely.linestrings(xy, indices=line), dtype=object)

    def courses(self, rows: slice) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return vertices (p, 2) of the stretches ``rows`` (n,), and where each begins (n + 1,).

        A length along a link is that share of its drawn course, should the two differ.
        """
        lines = self.network.lines
        link = self.link[rows]
        length = self.network.length_cm[link]
        low, high = self.from_cm[rows] / length, self.to_cm[rows] / length
        return courses(lines.xy, lines.start, lines.along_m, link, low, high)


@dataclass(frozen=True, eq=False)
class ReachedBuildings:
    """Which of n buildings k sources reach, and in which band.

    ``pairs`` lists them by source, the building as ``target``; ``band`` (m,) int8 goes with it.
    """

    pairs: Pairs
    band: NDArray[np.int8]
    buildings: int

    def of(self, source: int) -> NDArray[np.int8]:
        """(n,) band of each building for one source, -1 beyond the last band or not linked."""
        band = np.full(self.buildings, -1, dtype=np.int8)
        rows = slice(self.pairs.first[source], self.pairs.first[source + 1])
        band[self.pairs.target[rows]] = self.band[rows]
        return band

    @cached_property
    def nearest(self) -> NDArray[np.int8]:
        """(n,) band of each building for its nearest source, -1 where no source is in reach."""
        band = np.full(self.buildings, np.iinfo(np.int8).max, dtype=np.int8)
        np.minimum.at(band, self.pairs.target, self.band)
        band[band == np.iinfo(np.int8).max] = -1
        return band


def reached_streets(
    network: WalkNetwork, sources: ArrayLike, bands_m: Sequence[float], *, toward: bool = True
) -> ReachedStreets:
    """Find the stretches of street that each source reaches.

    Parameters
    ----------
    network
        The streets. With costs, limits are the flat metres that these amount to.
    sources
        (k,) node numbers; -1 for a source that is not linked, which reaches nothing.
    bands_m
        Rising limits, each inclusive, such as 300, 600, 900.
    toward
        True: from where one walks to the source. False: where one gets to from it.

    Raises
    ------
    OptionError
        A source is no node of the network, or the bands do not rise.
    """
    found = stretches_within(network, sources, bands_m, toward=toward)
    bands = tuple(float(limit) for limit in bands_m)
    return ReachedStreets(network, bands, found.first, found.link, found.from_cm, found.to_cm)


def reached_buildings(
    network: WalkNetwork,
    sources: ArrayLike,
    buildings: ArrayLike,
    bands_m: Sequence[float],
    *,
    toward: bool = True,
) -> ReachedBuildings:
    """Find the buildings that each source reaches, and the band of each.

    Parameters
    ----------
    network, sources, bands_m, toward
        As in `reached_streets`.
    buildings
        (n,) node of each building; -1 for one that is not linked, which nobody reaches.

    Raises
    ------
    OptionError
        A number is no node of the network, or the bands do not rise.
    """
    limits = limits_in_cm(bands_m, name="bands_m")
    pairs = pairs_within(network, sources, buildings, limit_m=bands_m[-1], toward=toward)
    band = np.searchsorted(limits, pairs.cm).astype(np.int8)
    return ReachedBuildings(pairs, band, len(np.asarray(buildings)))


def streets_frame(
    reached: ReachedStreets,
    uids: Sequence[str] | NDArray[np.object_],
    crs: CRS,
    *,
    speed_m_s: float | None = None,
) -> gpd.GeoDataFrame:
    """Return one row per source and band with the reached streets, for writing.

    Parameters
    ----------
    uids
        (k,) key of the facility that each source is.
    crs
        System of the network.
    speed_m_s
        Flat speed of the walker, for the column ``minutes``; None leaves it unknown.

    Returns
    -------
    GeoDataFrame
        ``facility``; ``beyond_m`` and ``within_m`` the limits of the band; ``minutes`` of
        ``within_m``; ``length_m`` of street; MultiLineStrings, empty where nothing is in the band.

    Raises
    ------
    OptionError
        There is not one uid per source, or the speed is none.
    """
    bands = len(reached.bands_m)
    table = band_columns(len(reached), reached.bands_m, uids, speed_m_s)
    table["beyond_m"] = np.tile([0.0, *reached.bands_m[:-1]], len(reached))
    table["length_m"] = reached.length_m.ravel()
    shapes = [
        shapely.multilinestrings(reached.lines(source, band))
        for source in range(len(reached))
        for band in range(bands)
    ]
    order = ["facility", "beyond_m", "within_m", "minutes", "length_m"]
    return gpd.GeoDataFrame({name: table[name] for name in order}, geometry=shapes, crs=crs)


def band_columns(
    sources: int,
    bands_m: tuple[float, ...],
    uids: Sequence[str] | NDArray[np.object_],
    speed_m_s: float | None,
) -> dict[str, NDArray[np.float64] | NDArray[np.object_]]:
    """Return the columns ``facility``, ``within_m``, ``minutes`` by source, then band.

    Raises
    ------
    OptionError
        There is not one uid per source, or the speed is none.
    """
    if len(uids) != sources:
        raise OptionError(f"There are {len(uids)} uids for {sources} sources; give one for each")
    if speed_m_s is not None and not 0 < speed_m_s < np.inf:
        raise OptionError(f"speed_m_s is {speed_m_s}; give metres per second above 0")
    within_m = np.tile(np.asarray(bands_m, dtype=np.float64), sources)
    minutes = np.full(len(within_m), np.nan) if speed_m_s is None else within_m / speed_m_s / 60
    facility = np.repeat(np.asarray(uids, dtype=object), len(bands_m))
    return {"facility": facility, "within_m": within_m, "minutes": minutes}
