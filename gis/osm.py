"""OpenStreetMap files to layers: streets, buildings, estates, gates, walls, facilities and more.

Which tags become what is data, in ``data/osm.toml``. The file is streamed once for nodes and ways
and once before for the members of multipolygons. A file that is cut is refused as a whole: no
layer is given before the last object was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.crs import reproject, require_measurable, working_crs
from gis.errors import FileError, InputError, LayerError
from gis.io.geometry import fit, repair
from gis.io.osm_tags import NO_VALUES, OsmTable, Tags
from gis.io.report import ImportReport, RowNote
from gis.io.source import check_file
from gis.io.words import number, year
from gis.model import KINDS, Finding, Layer, Progress, silent
from gis.model.layer import PANDAS_TYPES

OSM_KINDS: Final = (
    "streets", "buildings", "estates", "gates", "walls", "facilities", "barriers", "green", "water",
)  # fmt: skip
"""The kinds that are made, in the order in which they are given back."""

_WGS84: Final = CRS.from_epsg(4326)
_ENDINGS: Final = (".osm", ".pbf")
_WORDS: Final = {"n": "node", "w": "way", "r": "relation"}
_WALK: Final = frozenset(["yes", "designated", "permissive"])
_SHOWN: Final = 12


@dataclass(eq=False)
class _Rows:
    """The rows of one kind, as they come."""

    uids: list[str] = field(default_factory=list)
    values: list[dict[str, object]] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    """Hexadecimal WKB, as osmium gives it."""
    refused: dict[str, str] = field(default_factory=dict)
    """uid -> reason."""
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False)
class _Places:
    """What looks like a facility, as far as it became none or became one by its name."""

    by_name: dict[str, str] = field(default_factory=dict)
    """uid -> category."""
    schools: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def findings(self) -> tuple[Finding, ...]:
        """Say what was left out and what was taken from names."""
        told = []
        if self.by_name:
            told.append(
                Finding(
                    "school-by-name",
                    f"{len(self.by_name)} schools have no level in their tags; it was taken from "
                    f"their names: {_counts(Counter(self.by_name.values()))}",
                    "info",
                )
            )
        if self.schools:
            told.append(
                Finding(
                    "schools-left-out",
                    f"{self.schools} schools left out: neither their tags (isced:level 1 primary, "
                    "2 junior) nor their names say the level; add it, or import them from a table",
                )
            )
        if self.others:
            told.append(
                Finding(
                    "facilities-left-out",
                    f"{self.others.total()} places have no category and were left out: "
                    f"{_counts(self.others)}",
                    "info",
                )
            )
        return tuple(told)


def read_osm(
    path: Path | str,
    *,
    target: CRS | None,
    taken_uids: Mapping[str, Collection[str]] = {},
    progress: Progress | None = None,
) -> list[tuple[Layer, ImportReport]]:
    """Read all layers an OpenStreetMap file has something for.

    Parameters
    ----------
    path
        A .osm (XML) or .osm.pbf file.
    target
        System of the project; None to choose a metric one for the place.
    taken_uids
        Kind -> uids that the project has; objects that repeat one are refused.
    progress
        Called with the share done (0-1) and what is being done.

    Returns
    -------
    list
        (layer, report) of each kind of `OSM_KINDS` that has a row. A uid is "w", "n" or "r" (way,
        node, relation) and the OSM id.

    Raises
    ------
    FileError
        The file is missing, cut, empty or no OSM file.
    CrsError
        It reaches too far for one plane, or lies where ``target`` cannot measure.
    LayerError
        There is nothing in it.
    """
    path = Path(path)
    check_file(path)
    if path.suffix.casefold() not in _ENDINGS:
        raise FileError(f"{path.name} is no OpenStreetMap file; give a .osm or .osm.pbf file")
    tell = progress or silent
    tell(0.0, f"reading {path.name}")
    rows, places = _read(path, OsmTable.load())
    kinds = [kind for kind in OSM_KINDS if rows[kind].uids]
    if not kinds:
        raise LayerError(
            f"{path.name} has no streets, buildings or anything else that can be used; take a "
            "larger extract"
        )
    shapes = {kind: shapely.from_wkb(np.array(rows[kind].shapes, dtype=object)) for kind in kinds}
    plane = _plane(path.name, np.concatenate(list(shapes.values())), target)
    done = []
    for place, kind in enumerate(kinds):
        tell(0.5 + 0.5 * place / len(kinds), f"making {kind}")
        made = _layer(path.name, kind, rows[kind], shapes[kind], plane, taken_uids.get(kind, ()))
        if made is not None:
            done.append(made)
    if not done:
        raise LayerError(f"{path.name}: all its objects are in the project already; nothing to add")
    tell(1.0, "read")
    return _with_findings(done, places.findings())


def _with_findings(
    done: list[tuple[Layer, ImportReport]], told: tuple[Finding, ...]
) -> list[tuple[Layer, ImportReport]]:
    """Add what is said of facilities to their report, or to the first where there are none."""
    kinds = [layer.kind.name for layer, _ in done]
    at = kinds.index("facilities") if "facilities" in kinds else 0
    layer, report = done[at]
    report = replace(report, findings=(*report.findings, *told))
    return [*done[:at], (layer, report), *done[at + 1 :]]


def _counts(counts: Counter[str]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(ranked) - _SHOWN} more words" if len(ranked) > _SHOWN else ""
    return ", ".join(f"{word} ({count})" for word, count in ranked[:_SHOWN]) + more


def _read(path: Path, table: OsmTable) -> tuple[dict[str, _Rows], _Places]:
    rows = {kind: _Rows() for kind in OSM_KINDS}
    reader = _Reader(table, rows)
    wanted = osmium.filter.KeyFilter(*sorted(table.keys))
    try:
        for item in osmium.FileProcessor(str(path)).with_areas().with_filter(wanted):
            reader.take(item)
    except (RuntimeError, OSError, ValueError) as error:
        words = " ".join(str(error).split())[:120]
        if "out of order" in words:
            raise FileError(
                f"{path.name} is not sorted ({words}); sort it by type and id with 'osmium sort'"
            ) from error
        raise FileError(
            f"{path.name} is cut or damaged ({words}); download or copy it once more"
        ) from error
    reader.finish()
    return rows, reader.places


class _Reader:
    """Sorts objects into kinds; osmium gives areas as objects of their own, after their ways."""

    def __init__(self, table: OsmTable, rows: dict[str, _Rows]) -> None:
        self.table = table
        self.rows = rows
        self.wkb = osmium.geom.WKBFactory()
        self.awaited: dict[str, set[str]] = {}
        """uid -> kinds of an outline that is still to come as an area."""
        self.places = _Places()

    def take(self, item: Any) -> None:
        tags = {tag.k: tag.v for tag in item.tags}
        if not item.is_area():  # an area comes as its way or relation, too
            self._count(f"{item.type_str()}{item.id}", tags)
        if item.is_node():
            self._node(item, tags)
        elif item.is_way():
            self._way(item, tags)
        elif item.is_relation():
            outline = dict(self._areas_of(tags))
            if tags.get("type") == "multipolygon":
                self.awaited[f"r{item.id}"] = set(outline)
            elif tags.get("type") != "boundary" and "facilities" in outline:
                told = f"is a relation of type '{tags.get('type', '')}', which has no outline"
                self.rows["facilities"].refused[f"r{item.id}"] = told
        elif item.is_area():
            self._area(item, tags)

    def _count(self, uid: str, tags: Tags) -> None:
        place = self.table.place(tags)
        if place is None:
            return
        category, by_name = self.table.category(tags)
        if by_name:
            self.places.by_name[uid] = str(category)
        elif category is None and self.table.is_school(tags):
            self.places.schools += 1
        elif category is None and not (self.table.green.meaning(tags)):
            self.places.others[place] += 1

    def finish(self) -> None:
        """Refuse the outlines that never became areas; an area may come before its relation."""
        for kind, rows in self.rows.items():
            made = set(rows.uids)
            for uid in (u for u, kinds in self.awaited.items() if kind in kinds and u not in made):
                rows.refused[uid] = "outline is not closed, or parts of it are missing"

    def _node(self, item: Any, tags: Tags) -> None:
        uid = f"n{item.id}"
        if self.table.gates.meaning(tags):
            self._add("gates", uid, _gate(tags), self.wkb.create_point, item)
        category, _ = self.table.category(tags)
        if category:
            self._add("facilities", uid, _facility(tags, category), self.wkb.create_point, item)

    def _way(self, item: Any, tags: Tags) -> None:
        uid = f"w{item.id}"
        outline = dict(self._areas_of(tags))
        closed = item.is_closed()
        for kind, values in self._lines_of(tags, closed=closed and bool(outline)):
            self._add(kind, uid, values, self.wkb.create_linestring, item)
        if outline and (closed or tags.get("area") == "yes" or "building" in tags):
            self.awaited[uid] = set(outline)
        elif "facilities" in outline:
            self.rows["facilities"].refused[uid] = "is a line that does not close"

    def _area(self, item: Any, tags: Tags) -> None:
        uid = f"{'w' if item.from_way() else 'r'}{item.orig_id()}"
        for kind, values in self._areas_of(tags):
            self._add(kind, uid, values, self.wkb.create_multipolygon, item)

    def _add(
        self, kind: str, uid: str, values: dict[str, object], make: Callable[[Any], str], item: Any
    ) -> None:
        rows = self.rows[kind]
        try:
            shape = make(item)
        except (RuntimeError, ValueError):  # nodes that are missing, or too few of them
            if not item.is_area():
                rows.refused[uid] = "its nodes are not all in the file, or too few"
            return
        rows.uids.append(uid)
        rows.values.append(values)
        rows.shapes.append(shape)

    def _lines_of(self, tags: Tags, *, closed: bool) -> Iterator[tuple[str, dict[str, object]]]:
        highway = tags.get("highway")
        if highway in self.table.left_out:
            self.rows["streets"].left_out[str(highway)] += 1
        elif highway:
            yield "streets", _street(tags, self.table)
        if self.table.walls.meaning(tags):
            yield "walls", _wall(tags)
        barrier = self._line_barrier(tags)
        if barrier and not (closed and barrier == "river"):
            yield "barriers", {"name": tags.get("name"), "barrier": barrier}
        if not closed and "waterway" in tags and self.table.water.meaning(tags):
            yield "water", {"name": tags.get("name"), "use": tags["waterway"]}

    def _areas_of(self, tags: Tags) -> Iterator[tuple[str, dict[str, object]]]:
        table = self.table
        if tags.get("building") not in NO_VALUES:
            yield "buildings", _building(tags)
        if table.estates.meaning(tags):
            yield "estates", {"name": tags.get("name"), "address": _address(tags)}
        category, _ = table.category(tags)
        if category and tags.get("highway") is None:
            yield "facilities", _facility(tags, category)
        green = table.green.meaning(tags)
        if green:
            yield "green", {"name": tags.get("name"), "use": green}
        water = table.water.meaning(tags)
        if water and tags.get("waterway") not in table.barriers["river_lines"] + ["stream"]:
            use = tags.get("water") or water
            yield "water", {"name": tags.get("name"), "use": use}
            if use in table.barriers["river_areas"] and not _hidden(tags):
                yield "barriers", {"name": tags.get("name"), "barrier": "river"}

    def _line_barrier(self, tags: Tags) -> str | None:
        rules = self.table.barriers
        if _hidden(tags):
            return None
        if tags.get("waterway") in rules["river_lines"]:
            return "river"
        if tags.get("bridge") not in NO_VALUES:
            return None  # one walks under a viaduct
        if tags.get("railway") in rules["railways"]:
            return "railway"
        if "highway" not in tags or tags.get("foot") in _WALK:
            return None
        fast = tags["highway"] in rules["expressways"]
        signed = any(t.items() <= tags.items() for t in rules["expressway_tags"])
        return "expressway" if fast or signed else None


def _plane(file: str, shapes: NDArray[np.object_], target: CRS | None) -> CRS:
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    try:
        if target is None:
            # Ways that leave the extract far behind are rare and long; the middle decides then.
            return working_crs([west, east], [south, north])
        require_measurable(target, [west, south, east, north])
    except InputError as error:
        raise type(error)(f"{file}: {error}") from error
    return target


def _layer(
    file: str,
    kind: str,
    rows: _Rows,
    shapes: NDArray[np.object_],
    target: CRS,
    taken: Collection[str],
) -> tuple[Layer, ImportReport] | None:
    refused = dict(rows.refused)
    shapes = _as_points(shapes) if kind == "gates" else shapes
    fitted = fit(shapes, KINDS[kind])
    mended = repair(fitted.shapes)
    known = frozenset(taken)
    for i, uid in enumerate(rows.uids):
        if uid in known:
            refused[uid] = "is in the project already"
        elif i in fitted.refused or i in mended.refused:
            refused[uid] = fitted.refused.get(i) or mended.refused[i]
    order = _order(kind, rows, refused)
    if not order:
        return None
    moved = reproject(gpd.GeoSeries(mended.shapes[order], crs=_WGS84), target, name=file)
    again = repair(np.asarray(moved.to_numpy(), dtype=object))
    frame = _frame(kind, rows, order)
    layer = Layer(
        KINDS[kind], gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(again.shapes, crs=target))
    )
    wide = _only_wide(layer) if kind == "barriers" else layer
    repaired = {uid: mended.repaired[i] for i, uid in enumerate(rows.uids) if i in mended.repaired}
    repaired |= {rows.uids[order[i]]: words for i, words in again.repaired.items()}
    return wide, _report(file, wide, rows, refused, repaired, len(layer) - len(wide))


def _report(
    file: str,
    layer: Layer,
    rows: _Rows,
    refused: dict[str, str],
    repaired: dict[str, str],
    small: int,
) -> ImportReport:
    findings = []
    if rows.left_out:
        told = ", ".join(f"{word} ({count})" for word, count in rows.left_out.most_common())
        findings.append(Finding("left-out", f"Not streets, left out: {told}", "info"))
    if small:
        findings.append(Finding("left-out", f"{small} small waters are no barrier", "info"))
    return ImportReport(
        kind=layer.kind.name,
        file=file,
        read=len(layer) + len(refused),
        accepted=len(layer),
        repaired=_notes({u: r for u, r in repaired.items() if u not in refused}),
        refused=_notes(refused),
        crs="EPSG:4326",
        coords="wgs84",
        encoding=None,
        findings=tuple(findings),
    )


def _order(kind: str, rows: _Rows, refused: Mapping[str, str]) -> list[int]:
    """Places of the rows that are kept: as in the file, but estates with a name first."""
    order = [i for i, uid in enumerate(rows.uids) if uid not in refused]
    if kind == "estates":
        order.sort(key=lambda i: not rows.values[i].get("name"))
    return order


def _frame(kind: str, rows: _Rows, order: list[int]) -> pd.DataFrame:
    values = [rows.values[i] for i in order]
    types = {c.name: PANDAS_TYPES[c.type] for c in KINDS[kind].columns}
    types |= {name: "str" for row in values[:1] for name in row if name not in types}
    columns = {
        name: pd.Series([row.get(name) for row in values], dtype=dtype)
        for name, dtype in types.items()
    }
    columns["uid"] = pd.Series([rows.uids[i] for i in order], dtype="str")
    return pd.DataFrame(columns)


def _only_wide(layer: Layer) -> Layer:
    """Leave out ponds: one walks around them."""
    least = float(OsmTable.load().barriers["water_area_m2"])
    shapes = layer.geometries
    keep = (shapely.get_dimensions(shapes) < 2) | (shapely.area(shapes) >= least)
    return layer if keep.all() else Layer(layer.kind, layer.frame[keep].reset_index(drop=True))


def _as_points(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    lines = shapely.get_type_id(shapes) == 1
    shapes[lines] = shapely.line_interpolate_point(shapes[lines], 0.5, normalized=True)
    return shapes


def _notes(of: Mapping[str, str]) -> tuple[RowNote, ...]:
    notes = (RowNote(int(uid[1:]), f"{_WORDS[uid[0]]} {uid[1:]}: {why}") for uid, why in of.items())
    return tuple(sorted(notes))


def _street(tags: Tags, table: OsmTable) -> dict[str, object]:
    return {
        "name": tags.get("name"),
        "highway": tags["highway"],
        "width_m": _metres(tags.get("width")),
        "bridge": tags.get("bridge") not in NO_VALUES,
        "tunnel": tags.get("tunnel") not in NO_VALUES,
        "risers": _count(tags.get("step_count"), high=10_000),
        # Without the tag nobody said that there are no lights.
        "signal": table.signals.meaning(tags) is not None or None,
        "foot": tags.get("foot"),
        "access": tags.get("access"),
    }


def _building(tags: Tags) -> dict[str, object]:
    return {
        "name": tags.get("name"),
        "storeys": _count(tags.get("building:levels"), high=200),
        "households": _count(tags.get("building:flats"), high=100_000),
        "built_year": year(tags.get("start_date", "")),
        "use": tags["building"],
    }


def _facility(tags: Tags, category: str) -> dict[str, object]:
    return {
        "name": tags.get("name"),
        "category": category,
        "address": _address(tags),
        "capacity": _count(tags.get("capacity"), high=1e6),
        "hours": tags.get("opening_hours"),
        "operator": tags.get("operator"),
    }


def _gate(tags: Tags) -> dict[str, object]:
    return {
        "name": tags.get("name"),
        "access": _open_to(tags),
        "hours": tags.get("opening_hours"),
        "width_m": _metres(tags.get("width") or tags.get("maxwidth")),
        "barrier": tags["barrier"],
        "osm_access": tags.get("access"),
    }


def _open_to(tags: Tags) -> str | None:
    """Whom a gate lets through, where its tags say so; residents pass private gates."""
    cars = tags.get("motor_vehicle") or tags.get("motorcar") or tags.get("vehicle")
    foot = tags.get("foot")
    if tags.get("locked") == "yes" or (tags.get("access") == "no" and foot not in _WALK):
        return "closed"
    if foot == "no":
        return "closed" if cars == "no" else "cars"
    if cars == "no":
        return "walkers"
    return "both" if foot in _WALK else None


def _wall(tags: Tags) -> dict[str, object]:
    return {
        "name": tags.get("name"),
        "height_m": _metres(tags.get("height")),
        "barrier": tags["barrier"],
    }


def _hidden(tags: Tags) -> bool:
    return tags.get("tunnel") not in NO_VALUES or tags.get("covered") == "yes"


def _address(tags: Tags) -> str | None:
    if "addr:full" in tags:
        return tags["addr:full"]
    parts = [tags[key] for key in ("addr:street", "addr:housenumber") if key in tags]
    return " ".join(parts) or None


def _metres(text: str | None) -> float | None:
    found = number(text, "m") if text else None
    return found[0] if found and found[0] >= 0 else None


def _count(text: str | None, *, high: float) -> float | None:
    found = number(text, "") if text else None
    return found[0] if found and 0 <= found[0] <= high else None
