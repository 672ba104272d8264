"""Heights of the walking network: from the streets' own z, else from spot heights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay

from gis.compiling import compiled
from gis.model import Finding, Layer, Study
from gis.network.graph import WalkNetwork
from gis.network.polylines import Polylines

SPACING_M: Final = 10.0
"""Heights closer together than this say more of the survey's noise than of the slope: 0.1 m over
1 m is 10 %."""

_FEWEST: Final = 3
_THINNEST_M: Final = 1.0
_SHAKE_M: Final = 0.01
_BAND_M: Final = 100.0
_IMPORT: Final = (
    "import a grid or spot heights (lianpian import PROJECT heights FILE) or streets with z"
)


def with_heights(network: WalkNetwork, study: Study) -> tuple[WalkNetwork, tuple[Finding, ...]]:
    """Give heights to the vertices of a network that have none.

    Heights that the streets have of their own (z) stay. The others come from the layer
    ``heights``, linear in the triangles between spot heights and unknown outside of them. A bridge
    or tunnel does not follow the ground: between the streets at its ends it rises evenly. Links
    that are no street (the way from a gate to its street) lie on the ground. Lines that get their
    heights here are smoothed, see `smoothed`; lines whose heights are known are left alone, so
    that it does no harm to call it again after links were added.

    Parameters
    ----------
    network
        Of the streets of ``study``.
    study
        Its layer ``heights``, where there is one, and the columns ``bridge`` and ``tunnel`` of
        its streets.

    Returns
    -------
    network
        The same links with `Polylines.z`.
    findings
        Where heights come from, and how many metres of streets have none: ``heights-missing``, or
        ``heights-none`` where no street has any.
    """
    lines = network.lines
    unknown = np.isnan(lines.z)
    own = 1.0 - unknown_share(network)
    findings: list[Finding] = []
    if unknown.any() and "heights" in study:
        over = _over_ground(network, study)
        places = np.flatnonzero(unknown & ~over[lines.line])
        z = lines.z.copy()
        z[places], told = _on_ground(study, lines.xy[places])
        findings += told
        z = _bridged(network, replace(lines, z=z), over)
        filled = np.zeros(len(lines), dtype=bool)
        filled[lines.line[unknown]] = True
        network = replace(network, lines=smoothed(replace(lines, z=z), only=filled))
    share = 1.0 - unknown_share(network)
    if share > 0:
        text = (
            f"Heights: {own:.1%} of the street length has z of its own, {share - own:.1%} has them "
            "from spot heights"
        )
        findings.append(Finding("heights-from", text, "info"))
    return network, (*findings, *missing_heights(network))


def smoothed(lines: Polylines, *, only: NDArray[np.bool_] | None = None) -> Polylines:
    """Return the lines with heights that are even between vertices `SPACING_M` apart.

    From the start of a line the next height that counts is that of the first vertex at least
    `SPACING_M` on, and at least as far from the end; the ends always count, and heights between
    two that count lie on a straight line. Spot heights, grids and digitised lines carry noise of
    decimetres, which over a metre or two would make slopes that nobody walks. A line with
    vertices farther apart keeps all its heights; one with an unknown height stays as it is.

    Parameters
    ----------
    lines
        n lines.
    only
        (n,) the lines that are smoothed; all unless given.
    """
    known = np.logical_and.reduceat(~np.isnan(lines.z), lines.start[:-1]) if len(lines) else only
    if known is None or not known.any():
        return lines
    rows = known if only is None else known & only
    counts = np.empty(len(lines.xy), dtype=bool)
    _mark(lines.along_m, lines.start, SPACING_M, counts)
    at = rows[lines.line]
    axis = _axis(lines)
    z = lines.z.copy()
    knots = at & counts
    if knots.any():
        z[at] = np.interp(axis[at], axis[knots], lines.z[knots])
    return replace(lines, z=z)


def unknown_share(network: WalkNetwork) -> float:
    """Return the share (0 to 1) of the street length whose heights are not known."""
    unknown_m, all_m = _unknown_m(network)
    return unknown_m / all_m if all_m > 0 else 1.0


def has_heights(study: Study) -> bool:
    """Return whether any height is known: a layer of spot heights, or streets with z."""
    if "heights" in study:
        return True
    return "streets" in study and bool(shapely.has_z(study.layer("streets").geometries).any())


def missing_heights(network: WalkNetwork) -> tuple[Finding, ...]:
    """Return the finding that says how many metres of streets have no heights; () where none."""
    unknown_m, all_m = _unknown_m(network)
    if unknown_m == 0 and all_m > 0:
        return ()
    if unknown_m == all_m:
        text = f"No street has heights; {_IMPORT}"
        return (Finding("heights-none", text),)
    text = (
        f"{unknown_m / all_m:.1%} of the street length ({unknown_m:,.0f} m of {all_m:,.0f} m) has "
        f"no heights and is walked as flat; {_IMPORT}"
    )
    return (Finding("heights-missing", text),)


def _unknown_m(network: WalkNetwork) -> tuple[float, float]:
    lines = network.lines
    step = np.diff(lines.along_m, prepend=0.0)
    step[lines.start[:-1]] = 0.0
    step[network.street[lines.line] < 0] = 0.0
    unknown = np.isnan(lines.z)
    unknown[1:] |= unknown[:-1].copy()
    return float(step[unknown].sum()), float(step.sum())


def _axis(lines: Polylines) -> NDArray[np.float64]:
    """Metres (p,) along all lines laid end to end, each beyond the end of the one before."""
    shift = np.concatenate([[0.0], np.cumsum(lines.length_m + 1.0)])[:-1]
    return np.asarray(lines.along_m + shift[lines.line])


@compiled
def _mark(
    along_m: NDArray[np.float64],
    start: NDArray[np.int64],
    spacing_m: float,
    counts: NDArray[np.bool_],
) -> None:
    """Mark in ``counts`` (p,) the vertices whose heights count, see `smoothed`."""
    for line in range(len(start) - 1):
        first, last = start[line], start[line + 1] - 1
        before = 0.0
        for place in range(first, last + 1):
            far = along_m[place] - before >= spacing_m
            far = far and along_m[last] - along_m[place] >= spacing_m
            counts[place] = far or place in (first, last)
            if far:
                before = along_m[place]


def _over_ground(network: WalkNetwork, study: Study) -> NDArray[np.bool_]:
    """Say which links (e,) belong to a bridge or tunnel."""
    frame = study.frame("streets")
    # One more than there are streets: the row -1 of links that are none.
    over = np.zeros(len(frame) + 1, dtype=bool)
    for name in ("bridge", "tunnel"):
        over[:-1] |= frame[name].fillna(False).to_numpy(dtype=bool)
    return np.asarray(over[network.street])


@dataclass(frozen=True, eq=False)
class _Net:
    """Triangles between spot heights, their places taken from ``middle``; see `_between`."""

    middle: NDArray[np.float64]
    here: NDArray[np.float64]
    shaken: NDArray[np.float64]
    z: NDArray[np.float64]
    corners: NDArray[np.int32]
    beside: NDArray[np.int32]


_NETS: Final[WeakKeyDictionary[Layer, _Net | Finding]] = WeakKeyDictionary()
"""The triangles of each layer of heights, as long as it lives: a DEM takes seconds to divide."""


def _net_of(layer: Layer) -> _Net | Finding:
    if layer not in _NETS:
        _NETS[layer] = _triangles(layer)
    return _NETS[layer]


def _triangles(layer: Layer) -> _Net | Finding:
    frame = layer.frame
    spots = pd.DataFrame(
        {"x": frame.geometry.x, "y": frame.geometry.y, "z": frame["elevation_m"].to_numpy()}
    ).dropna()
    # Several heights at one place are one: the triangles would keep but one of them.
    spots = spots.groupby(["x", "y"], as_index=False, sort=False).mean()
    here = spots[["x", "y"]].to_numpy()
    if len(here) < _FEWEST or _on_one_line(here):
        text = (
            f"The {len(here)} spot heights lie on one line or are too few to say what is between "
            "them; import more"
        )
        return Finding("heights-too-few", text)
    middle = here.mean(axis=0)  # northings of millions would cost digits
    here = here - middle
    # The squares of a grid have no best diagonal, over which the triangulation loses minutes, and
    # points on one line make triangles without area.
    shaken = here + np.random.default_rng(0).uniform(-_SHAKE_M, _SHAKE_M, here.shape)
    net = Delaunay(shaken)
    return _Net(middle, here, shaken, spots["z"].to_numpy(), net.simplices, net.neighbors)


def _on_ground(study: Study, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[Finding]]:
    """Heights (m,) of places (m, 2) between the spot heights."""
    net = _net_of(study.layer("heights"))
    z = np.full(len(xy), np.nan)
    if isinstance(net, Finding):
        return z, [net]
    # The search for the triangle of a place begins at that of the place before: neighbours first.
    order = np.lexsort((xy[:, 0], np.floor(xy[:, 1] / _BAND_M)))
    z[order] = _between(
        xy[order] - net.middle, net.here, net.shaken, net.z, net.corners, net.beside
    )
    return z, []


@compiled
def _between(
    xy: NDArray[np.float64],
    here: NDArray[np.float64],
    shaken: NDArray[np.float64],
    z: NDArray[np.float64],
    corners: NDArray[np.int32],
    beside: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Heights (m,) of places (m, 2) in the triangles of a Delaunay net, NaN outside of it.

    From the triangle of the place before, the search goes from triangle to triangle over a side
    that has the place beyond it, which comes to an end in such nets (Edelsbrunner 1990). Corners
    were shaken by less than `_SHAKE_M`: for the net they lie where they were shaken to, for the
    height where they are.
    """
    found = np.full(len(xy), np.nan)
    at = 0
    for place in range(len(xy)):
        for _ in range(len(corners)):
            part, twice = _parts(xy[place], shaken, corners[at])
            side = -1
            for k in range(3):
                beyond = part[k] < -1e-10 and beside[at, k] >= 0
                if beyond and (side < 0 or part[k] < part[side]):
                    side = k
            if side < 0:
                break
            at = beside[at, side]
        inside = True
        for k in range(3):
            if part[k] < 0:
                a, b = shaken[corners[at, (k + 1) % 3]], shaken[corners[at, (k + 2) % 3]]
                away = part[k] * twice / max(np.hypot(b[0] - a[0], b[1] - a[1]), 1e-9)
                inside = inside and away > -4.0 * _SHAKE_M
        if inside:
            real, area = _parts(xy[place], here, corners[at])
            if area > 1.0:
                part = real
            found[place] = 0.0
            for k in range(3):
                found[place] += part[k] * z[corners[at, k]]
    return found


@compiled
def _parts(
    place: NDArray[np.float64], xy: NDArray[np.float64], corners: NDArray[np.int32]
) -> tuple[NDArray[np.float64], float]:
    """Barycentric coordinates (3,) of a place in a triangle, and twice the triangle's area."""
    a, b, c = xy[corners[0]], xy[corners[1]], xy[corners[2]]
    twice = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
    part = np.empty(3)
    safe = twice if twice != 0.0 else 1e-300
    part[1] = ((place[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (place[1] - a[1])) / safe
    part[2] = ((b[0] - a[0]) * (place[1] - a[1]) - (place[0] - a[0]) * (b[1] - a[1])) / safe
    part[0] = 1.0 - part[1] - part[2]
    return part, abs(twice)


def _on_one_line(xy: NDArray[np.float64]) -> bool:
    """Say whether places (n, 2) lie within about a metre of one line."""
    spread = np.linalg.svd(xy - xy.mean(axis=0), compute_uv=False)
    return bool(spread[-1] < np.sqrt(len(xy)) * _THINNEST_M)


def _bridged(
    network: WalkNetwork, lines: Polylines, over: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Heights (p,) in which bridges and tunnels rise evenly between the streets at their ends."""
    z = lines.z.copy()
    first, last = lines.start[:-1], lines.start[1:] - 1
    unsure = over & np.logical_or.reduceat(np.isnan(z), first)
    if not unsure.any():
        return z
    node_z = _node_heights(network, lines, over)
    for place, node in ((first, network.links[:, 0]), (last, network.links[:, 1])):
        open_ = np.flatnonzero(unsure & np.isnan(z[place]))
        z[place[open_]] = node_z[node[open_]]
    rows = unsure & ~np.isnan(z[first]) & ~np.isnan(z[last])
    at = rows[lines.line]
    knots = at & ~np.isnan(z)
    if knots.any():
        axis = _axis(lines)
        z[at] = np.interp(axis[at], axis[knots], z[knots])
    return z


def _node_heights(
    network: WalkNetwork, lines: Polylines, over: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Heights (v,) of nodes, of bridges too; NaN where nothing says how high a node is."""
    size = len(network.xy)
    streets = np.flatnonzero(~over & (network.street >= 0))
    nodes = network.links[streets].ravel()
    ends = np.stack([lines.start[streets], lines.start[streets + 1] - 1], axis=1).ravel()
    known = ~np.isnan(lines.z[ends])
    count = np.bincount(nodes[known], minlength=size)
    total = np.bincount(nodes[known], weights=lines.z[ends[known]], minlength=size)
    node_z = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    # A node on the ground that is not known stays so; only those in the air are worked out.
    lost = np.zeros(size, dtype=bool)
    lost[nodes] = True
    lost &= count == 0
    bridges = np.flatnonzero(over & ~lost[network.links].any(axis=1))
    near = 1.0 / np.maximum(network.length_cm[bridges], 1)
    return _evened(node_z, network.links[bridges].astype(np.int64), near)


def _evened(
    z: NDArray[np.float64], links: NDArray[np.int64], near: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fill the NaN of ``z`` (v,) with the mean of their neighbours by ``links`` (e, 2).

    Neighbours count by how near they are, ``near`` (e,): along one bridge that is a straight line.
    Nodes that no known one is linked to stay NaN.
    """
    size = len(z)
    weights = coo_array((near, (links[:, 0], links[:, 1])), shape=(size, size)).tocsr()
    weights = (weights + weights.T).tocsr()
    parts, part = connected_components(weights, directed=False)
    held = np.zeros(parts, dtype=bool)
    held[part[~np.isnan(z)]] = True
    open_ = np.flatnonzero(np.isnan(z) & held[part])
    if len(open_) == 0:
        return z
    fixed = np.flatnonzero(~np.isnan(z))
    rows = weights[open_]
    balance: Any = diags_array(np.asarray(rows.sum(axis=1))) - rows[:, open_]
    evened = z.copy()
    evened[open_] = np.asarray(spsolve(balance.tocsc(), rows[:, fixed] @ z[fixed]))
    return evened
