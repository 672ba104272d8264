"""Pipes and cables along the streets and in the estates, of seven kinds, with their ages."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely

from gis.model import Layer
from gis.sample.compounds import Compounds
from gis.sample.fabric import Fabric
from gis.sample.frames import make_layer, read_table, uids
from gis.sample.streets import HALF_WIDTH_M, RIVER
from gis.sample.terrain import Floats, Ints

LONGEST_RUN: Final = 4
"""Stretches between junctions that one pipeline row covers at most."""
CLASSES: Final = ("primary", "secondary", "tertiary", "residential", "living_street")
PLANNED_YEARS: Final = (2026, 2031)
OLD_QUARTER: Final = 0.42
"""From this oldness on a street still has one sewer for rain and waste water."""

_Rows = dict[str, list[Any]]


def pipeline_layer(
    fabric: Fabric, line_name: list[str | None], estate_lot: Ints, estate_names: list[str],
    estate_year: Floats, plan: Compounds, rng: np.random.Generator,
) -> Layer:  # fmt: skip
    """Return all pipelines."""
    table = read_table("pipes")
    rows: _Rows = {}
    _street_pipes(fabric, line_name, table, rows, rng)
    _estate_pipes(estate_lot, estate_names, estate_year, plan, table, rows, rng)
    shapes = np.array(rows.pop("shape"), dtype=object)
    return make_layer("pipelines", shapes, {"uid": uids("P", len(shapes)), **rows})


def _runs(fabric: Fabric) -> list[list[int]]:
    """Return stretches of one street, one after the other, that lie in the built city."""
    mesh = fabric.mesh
    wild = np.where(mesh.edge_blocks >= 0, fabric.wild[mesh.edge_blocks], True).all(axis=1)
    use = fabric.kept & np.isin(fabric.highway, CLASSES) & (~wild | (mesh.crossing == RIVER))
    runs: list[list[int]] = []
    for edge in np.flatnonzero(use).tolist():
        last = runs[-1][-1] if runs else -9
        joins = last == edge - 1 and mesh.edge_line[last] == mesh.edge_line[edge]
        if joins and len(runs[-1]) < LONGEST_RUN:
            runs[-1].append(edge)
        else:
            runs.append([edge])
    return runs


def _joined(fabric: Fabric, run: list[int]) -> Any:
    coords = [shapely.get_coordinates(fabric.edge_line[edge]) for edge in run]
    return shapely.LineString(np.concatenate([coords[0], *(part[1:] for part in coords[1:])]))


def _street_pipes(
    fabric: Fabric, line_name: list[str | None], table: dict[str, Any], rows: _Rows,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    mesh = fabric.mesh
    runs = _runs(fabric)
    first = np.array([run[0] for run in runs])
    lines = np.array([_joined(fabric, run) for run in runs], dtype=object)
    classes = [str(word) for word in fabric.highway[first]]
    old = fabric.terrain.oldness(mesh.node_st[mesh.edge_nodes[first, 0]])
    laid = np.clip(np.round(rng.normal(1994 - 9 * old, 7, len(runs))), 1975, 2020)
    across_river = mesh.crossing[first] == RIVER
    for pipe, entry in table.items():
        use = np.isin(classes, entry["classes"])
        if pipe == "combined":
            use &= (old > OLD_QUARTER) & ~across_river
        elif pipe in ("storm", "sewer"):
            use &= (old <= OLD_QUARTER) & ~across_river
        some = np.flatnonzero(use)
        half = np.array([HALF_WIDTH_M[classes[k]] for k in some])
        shifted = shapely.offset_curve(lines[some], entry["side"] * half, join_style="mitre")
        own = laid[some] + np.round(rng.normal(0, 4, len(some)))
        # Part of the mains has been laid anew since.
        own = np.where(rng.random(len(some)) < 0.22, rng.integers(2006, 2021, len(some)), own)
        names = [line_name[int(mesh.edge_line[first[k]])] or "云溪大桥" for k in some]
        size = [entry["diameter_mm"][CLASSES.index(classes[k])] for k in some]
        good = ~shapely.is_empty(shifted)
        kept = np.flatnonzero(good).tolist()
        _write(
            rows, pipe, entry, own[good], shifted[good],
            [names[k] for k in kept], [size[k] for k in kept], rng,
        )  # fmt: skip


def _estate_pipes(
    estate_lot: Ints, estate_names: list[str], estate_year: Floats, plan: Compounds,
    table: dict[str, Any], rows: _Rows, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Lay water, drain and gas under the spine of each estate that has more than one lane."""
    count = len(plan.spine_x)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, plan.lane_lot, plan.lane_y)
    np.maximum.at(high, plan.lane_lot, plan.lane_y)
    rows_of = np.flatnonzero(high[estate_lot] - low[estate_lot] > 15)
    lot = estate_lot[rows_of]
    year = estate_year[rows_of]
    for pipe, off in (("water", 1.2), ("combined", 0.0), ("sewer", 0.0), ("gas", -1.2)):
        use = np.full(len(lot), True)
        if pipe in ("combined", "sewer"):
            use = (year < 1995) == (pipe == "combined")
        x = plan.spine_x[lot[use]] + off
        start = plan.frames.to_map(lot[use], np.stack([x, low[lot[use]]], axis=1))
        end = plan.frames.to_map(lot[use], np.stack([x, high[lot[use]]], axis=1))
        names = [estate_names[k] for k in rows_of[use]]
        size = [table[pipe]["diameter_mm"][-1]] * len(names)
        lines = shapely.linestrings(np.stack([start, end], axis=1))
        _write(rows, pipe, table[pipe], year[use], lines, names, size, rng)


def _write(
    rows: _Rows, pipe: str, entry: dict[str, Any], year: Floats, shapes: Any, names: list[str],
    size: list[float], rng: np.random.Generator,
) -> None:  # fmt: skip
    count = len(shapes)
    materials = entry["materials"]
    year = np.clip(year, materials[0][0], 2020)
    starts = np.array([start for start, _ in materials])
    material = [materials[int(k) - 1][1] for k in np.searchsorted(starts, year, side="right")]
    # One record in 25 does not know when the pipe was laid or of what.
    unknown = rng.random(count) < 0.04
    planned = rng.integers(*PLANNED_YEARS, count).astype(float)
    soon = rng.random(count) < np.where(year < 1996, 0.45, 0.06)
    low, high = entry["depth_m"]
    for column, values in {
        "shape": list(shapes),
        "name": [f"{name}{entry['zh']}管线" for name in names],
        "pipe": [pipe] * count,
        "material": [None if u else m for u, m in zip(unknown, material, strict=True)],
        "diameter_mm": size,
        "built_year": np.where(unknown, np.nan, year).tolist(),
        "depth_m": np.round(rng.uniform(low, high, count), 2).tolist(),
        "owner": [entry["owner"]] * count,
        "planned_year": np.where(soon, planned, np.nan).tolist(),
    }.items():
        rows.setdefault(column, []).extend(values)
