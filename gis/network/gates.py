"""Mapped gates: which estate they belong to, and which let walkers through at an hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.hours import open_now
from gis.model import Finding, Layer, Study

GATE_M: Final = 5.0
"""A gate without a known estate belongs to the estate whose outline is this close, inclusive; a
street crosses a wall at a gate if the gate is this close."""

AT: Final = "10:00"
"""The hour that is asked for unless another one is said."""

_NOT_FOR_WALKERS: Final = ("cars", "closed")


@dataclass(frozen=True, eq=False)
class EstateGates:
    """g pairs of a mapped gate and its estate, sorted by estate and then by gate.

    ``xy`` (g, 2); ``gate`` and ``estate`` (g,) rows of their layers, -1 for a gate of no estate; a
    gate in the wall between two estates is there twice. ``open`` (g,) walkers may use it at the
    hour asked for; ``width_m`` (g,) NaN where unknown.
    """

    xy: NDArray[np.float64]
    gate: NDArray[np.int64]
    estate: NDArray[np.int64]
    open: NDArray[np.bool_]
    width_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.gate)

    def only(self, kept: NDArray[np.bool_]) -> EstateGates:
        """Return the pairs marked in ``kept`` (g,)."""
        return EstateGates(
            self.xy[kept], self.gate[kept], self.estate[kept], self.open[kept], self.width_m[kept]
        )


def estate_gates(study: Study, *, at: str = AT) -> tuple[EstateGates, tuple[Finding, ...]]:
    """Find the estate of each gate, and whether the gate is open to walkers at ``at``.

    A gate belongs to the estate that its column ``estate`` names by uid or name (of several of one
    name the nearest), else to the nearest estate within 5 m of its outline, and to all that are
    equally near. Hours that cannot be read count as open, see `gis.hours.open_now`.

    Returns
    -------
    gates
        All mapped gates.
    findings
        Gates on no boundary, gates far from that of their estate, hours that cannot be read.

    Raises
    ------
    OptionError
        ``at`` is no time of day.
    """
    frame = study.frame("gates")
    open_, unreadable = open_now(frame["hours"], at)
    points = np.asarray(frame.geometry.to_numpy(), dtype=object)
    points = np.asarray(shapely.point_on_surface(points), dtype=object)
    gate, estate = _belonging(study, frame["estate"], points)
    gates = EstateGates(
        xy=shapely.get_coordinates(points)[gate],
        gate=gate,
        estate=estate,
        open=(open_ & ~frame["access"].isin(_NOT_FOR_WALKERS).to_numpy(dtype=bool))[gate],
        width_m=frame["width_m"].to_numpy(dtype=float)[gate],
    )
    found: list[Finding] = []
    if len(frame):
        if "estates" in study:
            instead = "belong to the estate on whose outline they lie, if any"
            found.extend(unknown_estates(study.layer("gates"), study.layer("estates"), instead))
        found.extend(_place_findings(study, gates, points))
        found.extend(_hours_findings(study.layer("gates"), unreadable))
    return gates, tuple(found)


def outlines_of(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Outer rings of areas (n,), without the holes, as lines; other geometries as they are."""
    result = shapes.copy()
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    parts, index = shapely.get_parts(shapes[areas], return_index=True)
    if len(parts):
        rings = shapely.get_exterior_ring(parts)
        result[areas] = shapely.multilinestrings(rings, indices=index)
    return result


def _belonging(
    study: Study, names: pd.Series[str], points: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if "estates" not in study or len(points) == 0:
        return np.arange(len(points)), np.full(len(points), -1, dtype=np.int64)
    estates = study.layer("estates")
    gate, estate = named_estates(names, points, estates)
    rest = np.setdiff1d(np.arange(len(points)), gate)
    tree = shapely.STRtree(outlines_of(estates.geometries))
    (found, near), metres = tree.query_nearest(
        points[rest], max_distance=GATE_M + 1.0, return_distance=True
    )
    close = metres <= GATE_M
    gate = np.concatenate([gate, rest[found[close]]])
    estate = np.concatenate([estate, near[close]])
    lost = np.setdiff1d(np.arange(len(points)), gate)
    gate = np.concatenate([gate, lost])
    estate = np.concatenate([estate, np.full(len(lost), -1, dtype=np.int64)])
    order = np.lexsort((gate, estate))
    return gate[order], estate[order]


def named_estates(
    names: pd.Series[str], points: NDArray[np.object_], estates: Layer
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Match rows (n,) to estates by uid, else by name; of estates of one name the nearest counts.

    Returns
    -------
    row, estate
        (m,) each; rows without a word, or with one that no estate has, are left out.
    """
    by_uid = {uid: row for row, uid in enumerate(estates.uids)}
    by_name: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(estates.frame["name"]):
        if not pd.isna(name):
            by_name[str(name).strip()].append(row)
    shapes = estates.geometries
    pairs = []
    for one, given in enumerate(names):
        if pd.isna(given):
            continue
        word = str(given).strip()
        rows = [by_uid[word]] if word in by_uid else by_name.get(word, [])
        if len(rows) == 1:
            pairs.append((one, rows[0]))
        elif rows:
            pairs.append((one, rows[int(np.argmin(shapely.distance(shapes[rows], points[one])))]))
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _place_findings(
    study: Study, gates: EstateGates, points: NDArray[np.object_]
) -> Iterator[Finding]:
    layer = study.layer("gates")
    lost = np.sort(gates.gate[gates.estate < 0])
    if len(lost) and "walls" in study:
        tree = shapely.STRtree(study.layer("walls").geometries)
        lost = np.setdiff1d(lost, lost[tree.query(points[lost], "dwithin", GATE_M)[0]])
    if len(lost):
        yield Finding(
            "gate-nowhere",
            f"{len(lost)} of {len(layer)} gates name no estate there is and lie more than "
            f"{GATE_M:g} m from every outline and wall, and are not used "
            f"({told_uids(layer, lost)}); move them to their wall or fill in the column estate",
            row=int(lost[0]),
        )
    if "estates" not in study:
        return
    rows = np.flatnonzero(gates.estate >= 0)
    shapes = study.layer("estates").geometries
    is_area = shapely.get_dimensions(shapes) == 2
    rows = rows[is_area[gates.estate[rows]]]
    outlines = outlines_of(shapes[gates.estate[rows]])
    far = shapely.distance(outlines, points[gates.gate[rows]]) > GATE_M
    off = np.unique(gates.gate[rows[far]])
    if len(off):
        yield Finding(
            "gate-off-outline",
            f"{len(off)} gates lie more than {GATE_M:g} m from the outline of the estate they name "
            f"({told_uids(layer, off)}); they are used where they are: check their position and "
            "estate",
            row=int(off[0]),
        )


def _hours_findings(layer: Layer, unreadable: NDArray[np.bool_]) -> Iterator[Finding]:
    rows = np.flatnonzero(unreadable)
    if len(rows):
        told = ", ".join(f"{layer.uids[r]} '{layer.frame['hours'].iloc[r]}'" for r in rows[:3])
        yield Finding(
            "hours-unreadable",
            f"The hours of {len(rows)} gates cannot be read and count as always open ({told}); "
            "write HH:MM-HH:MM, several with a comma",
            row=int(rows[0]),
        )


def unknown_estates(layer: Layer, estates: Layer, instead: str) -> Iterator[Finding]:
    """Tell of rows of a layer whose column ``estate`` names none, and what became of them."""
    known = {*estates.uids, *estates.frame["name"].dropna().str.strip()}
    names = layer.frame["estate"]
    lost = np.flatnonzero(names.notna() & ~names.str.strip().isin(known))
    if len(lost):
        words = ", ".join(dict.fromkeys(f"'{names.iloc[row]}'" for row in lost[:3]))
        yield Finding(
            "estate-unknown",
            f"{len(lost)} of {len(layer)} {layer.kind.name} name an estate that there is not "
            f"({words}, by {told_uids(layer, lost)}) and {instead}; correct their column estate",
            row=int(lost[0]),
        )


def told_uids(layer: Layer, rows: NDArray[np.int64]) -> str:
    """Name the first three of some rows (m,), and how many there are beyond."""
    shown = ", ".join(str(uid) for uid in layer.uids[rows[:3]])
    return shown + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
