"""All that one can walk or drive on: city streets cut where lanes arrive, lanes inside estates."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely

from gis.sample.compounds import Compounds
from gis.sample.estates import Gates
from gis.sample.fabric import Fabric, corridor_line
from gis.sample.frames import make_layer, uids
from gis.sample.names import Names
from gis.sample.streets import EXPRESSWAY, HALF_WIDTH_M, RAIL, RIVER
from gis.sample.terrain import Floats, Ints, Terrain

SAME_FOOT_M: Final = 2.5
RAMP_EVERY_M: Final = 1900.0
RISER_M: Final = 0.15


@dataclass
class _Rows:
    shape: list[Any] = field(default_factory=list)
    name: list[Any] = field(default_factory=list)
    highway: list[str] = field(default_factory=list)
    walkable: list[Any] = field(default_factory=list)
    width_m: list[float] = field(default_factory=list)
    bridge: list[Any] = field(default_factory=list)
    tunnel: list[Any] = field(default_factory=list)
    risers: list[float] = field(default_factory=list)

    def add(
        self, shape: Any, highway: str, width_m: float, *, name: str | None = None,
        walkable: bool | None = None, bridge: bool = False, tunnel: bool = False,
        risers: float = np.nan,
    ) -> None:  # fmt: skip
        self.shape.append(shape)
        self.name.append(name)
        self.highway.append(highway)
        self.walkable.append(walkable)
        self.width_m.append(width_m)
        self.bridge.append(bridge)
        self.tunnel.append(tunnel)
        self.risers.append(risers)


def name_streets(fabric: Fabric, names: Names) -> list[str | None]:
    """Return the name of each line of the mesh; steps, paths and links have the line's own."""
    mesh = fabric.mesh
    used = set(np.unique(mesh.edge_line[fabric.kept & (mesh.crossing == 0)]).tolist())
    fixed = {3: "滨江南路", 4: "滨江北路", 1: "铁路南街", 2: "铁路北街"}
    result: list[str | None] = []
    for line, cls in enumerate(mesh.line_cls):
        if line not in used:
            result.append(None)
        elif line in fixed:
            result.append(names.once(fixed[line]))
        else:
            result.append(names.street(cls))
    return result


def street_layer(
    fabric: Fabric, names: Names, line_name: list[str | None], estate_lot: Ints, gates: Gates,
    plan: Compounds,
) -> Any:  # fmt: skip
    """Return the layer of streets."""
    rows = _Rows()
    live = np.array([word != "closed" for word in gates.access])
    feet = _city_streets(fabric, names, line_name, gates.spot[live], plan, rows)
    _links(gates, live, plan, feet, rows)
    _lanes(estate_lot, gates, live, plan, rows)
    _expressway(fabric, names, rows)
    count = len(rows.shape)
    return make_layer(
        "streets",
        np.array(rows.shape, dtype=object),
        {
            "uid": uids("R", count), "name": rows.name, "highway": rows.highway,
            "walkable": rows.walkable, "width_m": rows.width_m, "bridge": rows.bridge,
            "tunnel": rows.tunnel, "risers": rows.risers,
        },
    )  # fmt: skip


def _city_streets(
    fabric: Fabric, names: Names, line_name: list[str | None], spots: Ints, plan: Compounds,
    rows: _Rows,
) -> dict[int, Floats]:  # fmt: skip
    """Add the city's streets; return where on them the lane of each gate spot arrives."""
    mesh = fabric.mesh
    feet: dict[int, Floats] = {}
    by_edge: dict[int, list[int]] = {}
    for spot in spots.tolist():
        by_edge.setdefault(int(plan.foot_edge[spot]), []).append(spot)
    for edge in np.flatnonzero(fabric.kept).tolist():
        kind = int(mesh.crossing[edge])
        line = int(mesh.edge_line[edge])
        highway = str(fabric.highway[edge])
        width = 2 * HALF_WIDTH_M.get(highway, 1.5)
        name = line_name[line]
        if kind == RIVER:
            pattern = names.words["other"]["footbridge" if highway == "footway" else "bridge"]
            name = names.once(pattern.format(street=names.root()))
        flags = {
            "bridge": kind == RIVER or (kind == EXPRESSWAY and highway == "footway"),
            "tunnel": kind == RAIL or (kind == EXPRESSWAY and highway != "footway"),
        }
        stops = sorted(by_edge.get(edge, []), key=lambda spot: (plan.foot_m[spot], spot))
        for piece in _split(fabric.edge_line[edge], stops, plan, feet):
            risers = _risers(fabric.terrain, piece) if highway == "steps" else np.nan
            rows.add(piece, highway, width, name=name, risers=risers, **flags)
    return feet


def _risers(terrain: Terrain, line: Any) -> float:
    """Return how many steps a stair needs between the ground at its two ends."""
    ends = shapely.get_coordinates(line)[[0, -1]]
    low, high = terrain.elevation_m(terrain.to_plan(ends))
    return float(max(1, round(abs(high - low) / RISER_M)))


def _split(line: Any, stops: list[int], plan: Compounds, feet: dict[int, Floats]) -> list[Any]:
    """Cut a line where lanes arrive, and note the very point; feet close together become one."""
    if not stops:
        return [line]
    coords = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(coords, axis=0).T))])
    pieces = []
    start, start_m = coords[0], 0.0
    for spot in stops:
        at_m = float(plan.foot_m[spot])
        if at_m - start_m < SAME_FOOT_M:
            feet[spot] = start
        elif along[-1] - at_m < SAME_FOOT_M:
            feet[spot] = coords[-1]
        else:
            inner = coords[(along > start_m + 0.01) & (along < at_m - 0.01)]
            feet[spot] = plan.foot_xy[spot]
            pieces.append(shapely.LineString([start, *inner, feet[spot]]))
            start, start_m = feet[spot], at_m
    pieces.append(shapely.LineString([start, *coords[along > start_m + 0.01]]))
    return pieces


def _links(gates: Gates, live: Any, plan: Compounds, feet: dict[int, Floats], rows: _Rows) -> None:
    for gate in np.flatnonzero(live).tolist():
        spot = int(gates.spot[gate])
        cars = gates.access[gate] == "cars"
        highway = "footway" if gates.access[gate] == "walkers" else "service"
        line = shapely.LineString([plan.spot_xy[spot], feet[spot]])
        rows.add(line, highway, float(gates.width_m[gate]), walkable=False if cars else None)


def _lanes(estate_lot: Ints, gates: Gates, live: Any, plan: Compounds, rows: _Rows) -> None:
    """Add the spine and the paths along the rows of every estate."""
    order = np.argsort(plan.lane_lot, kind="stable")
    first = np.searchsorted(plan.lane_lot[order], estate_lot)
    last = np.searchsorted(plan.lane_lot[order], estate_lot, side="right")
    lots: list[int] = []
    ends: list[tuple[float, float, float, float]] = []
    words: list[str] = []
    spots_of: dict[int, list[int]] = {}
    for gate in np.flatnonzero(live).tolist():
        spots_of.setdefault(int(gates.estate[gate]), []).append(int(gates.spot[gate]))
    for row, lot in enumerate(estate_lot.tolist()):
        x = float(plan.spine_x[lot])
        lanes = order[first[row] : last[row]].tolist()
        own = spots_of.get(row, [])
        ys = {float(plan.lane_y[lane]) for lane in lanes}
        ys |= {float(plan.spot[spot, 1]) for spot in own if plan.spot_lane[spot] < 0}
        levels = sorted(ys)
        new = [((x, a, x, b), "service") for a, b in pairwise(levels)]
        for lane in lanes:
            y = float(plan.lane_y[lane])
            gate_x = [float(plan.spot[spot, 0]) for spot in own if plan.spot_lane[spot] == lane]
            west = min([float(plan.lane_left[lane]), *gate_x])
            east = max([float(plan.lane_right[lane]), *gate_x])
            new += [((x, y, west, y), "footway"), ((x, y, east, y), "footway")]
        lots += [lot] * len(new)
        ends += [end for end, _ in new]
        words += [word for _, word in new]
    owner, box = np.array(lots), np.array(ends)
    low, high = plan.frames.to_map(owner, box[:, :2]), plan.frames.to_map(owner, box[:, 2:])
    lines = np.asarray(shapely.linestrings(np.stack([low, high], axis=1)))
    for line, word in zip(lines, words, strict=True):
        rows.add(line, word, 4.0 if word == "service" else 2.0)


def _expressway(fabric: Fabric, names: Names, rows: _Rows) -> None:
    """Add the expressway, and ramps to the streets beside it."""
    layout, mesh = fabric.terrain.layout, fabric.mesh
    line = shapely.get_coordinates(corridor_line(fabric.terrain, EXPRESSWAY))
    name = names.once(names.words["other"]["expressway"])
    kept = np.unique(mesh.edge_nodes[fabric.kept & (mesh.crossing == 0)])
    count = max(1, round(layout.length_m / RAMP_EVERY_M))
    stops = {0, len(line) - 1}
    for k in range(count):
        s = (k + 0.5) / count * layout.length_m
        for border, lead_m in ((layout.borders[5], 140.0), (layout.borders[6], -140.0)):
            near = np.hypot(mesh.node_st[kept, 0] - s, 20 * (mesh.node_st[kept, 1] - border))
            node = mesh.node_st[kept[near.argmin()]][None, :]
            end = fabric.terrain.to_map(node)[0]
            goal = fabric.terrain.to_map(node + np.array([[lead_m, 0.0]]))[0]
            at = int(np.hypot(*(line - goal).T).argmin())
            stops.add(at)
            rows.add(shapely.LineString([line[at], end]), "motorway_link", 7.0, walkable=False)
    places = sorted(stops)
    for a, b in pairwise(places):
        rows.add(shapely.LineString(line[a : b + 1]), "motorway", 26.0, name=name, walkable=False)
