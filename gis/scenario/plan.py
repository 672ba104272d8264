"""From edits to rows: what a scenario adds to the layers of a study, changes and takes away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.errors import OptionError, UnknownNameError
from gis.model import KINDS, Categories, Layer, Study, append_rows
from gis.network import LONGEST_LINK_M, Ground, lay_ground
from gis.network.access import AccessPoints, estate_access
from gis.network.ground import Origins
from gis.scenario.edits import (
    AddFacility,
    AddGate,
    AddPath,
    CloseGate,
    Edit,
    EnlargeFacility,
    MoveFacility,
    OpenGate,
    OpenWall,
    Remove,
    SetHours,
    require_consistent,
)

ON_OUTLINE_M: Final = 5.0
"""A new gate belongs to the estates whose outline is this close, inclusive."""

_GUESSED: Final = ("assumed", "boundary")
_REMOVED: Final = ("gates", "walls", "facilities")
_EDITED: Final = ("gates", "walls", "facilities", "streets")

FAR_M: Final = 10_000.0
"""Nobody walks there: a place this far from every street is a slip of the pen."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What becomes of the layers: rows ``added`` to a kind, cells ``changed``, rows ``dropped``.

    A row is its values by column, ``geometry`` among them; changed and dropped rows are named by
    uid. ``none_of`` are categories that are gone for good, ``places`` the geometries around which
    anything can change.
    """

    added: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    changed: Mapping[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    dropped: Mapping[str, set[str]] = field(default_factory=dict)
    none_of: frozenset[str] = frozenset()
    places: tuple[shapely.Geometry, ...] = ()

    def within(self, area: shapely.Geometry) -> Rows:
        """Return the same without the added rows that do not touch an area."""
        added = {
            kind: [row for row in rows if shapely.intersects(row["geometry"], area)]
            for kind, rows in self.added.items()
        }
        return replace(self, added=added)

    def moved_into(self, kind: str, area: shapely.Geometry) -> list[str]:
        """Return the uids of rows that get another geometry, which touches an area."""
        return [
            uid
            for uid, values in self.changed.get(kind, {}).items()
            if "geometry" in values and shapely.intersects(values["geometry"], area)
        ]

    def apply(self, study: Study) -> Study:
        """Return a study with these rows; the given one stays as it is."""
        layers = dict(study.layers)
        for kind in _EDITED:
            if kind in self.added or kind in self.changed or kind in self.dropped:
                layer = self._edited(study, kind)
                layers.pop(kind, None)
                if len(layer):
                    layers[kind] = layer
        return Study(layers, name=study.name, none_of=study.none_of | self.none_of)

    def _edited(self, study: Study, kind: str) -> Layer:
        frame = study.frame(kind)
        uids = frame["uid"]
        if self.dropped.get(kind):
            frame = frame[~uids.isin(self.dropped[kind])].reset_index(drop=True)
        changes = self.changed.get(kind, {})
        if changes:
            frame = frame.copy()
            for row in np.flatnonzero(frame["uid"].isin(changes)):
                for column, value in changes[frame["uid"].iat[row]].items():
                    frame.iat[row, frame.columns.get_loc(column)] = value
        added = self.added.get(kind, [])
        if added:
            frame = append_rows(frame, added)
        return Layer(KINDS[kind], frame)


def apply(study: Study, edits: Sequence[Edit], *, ground: Ground | None = None) -> Study:
    """Return the study as it is after the edits; a full measure of it is the check on `what_if`.

    An opening is a row of the gates layer, one for each estate whose outline it lies on, and
    nothing else. An estate of which no gate was mapped
    keeps the gates that were assumed for it: they become rows too, else its first gate would take
    them away.

    Parameters
    ----------
    ground
        The study as it was laid out, where it is at hand; it is laid out again otherwise.

    Raises
    ------
    UnknownNameError, OptionError
        An edit names what is not there, or places a gate where there is neither outline nor wall;
        two edits are of one thing.
    """
    return rows_of(study, edits, ground or lay_ground(study)).apply(study)


def rows_of(study: Study, edits: Sequence[Edit], ground: Ground) -> Rows:
    """Say which rows the edits amount to, in their order; see `apply` for the errors."""
    if not edits:
        raise OptionError("There is nothing to change; give an edit such as a wall to open")
    require_consistent(edits)
    draft = _Draft(study, ground)
    for edit in edits:
        draft.take(edit)
    return draft.rows()


@cache
def _categories() -> Categories:
    """Return the categories, read once: reading them takes as long as a whole edit."""
    return Categories.load()


class _Draft:
    """Rows being gathered."""

    def __init__(self, study: Study, ground: Ground) -> None:
        self._study = study
        self._ground = ground
        self._added: dict[str, list[dict[str, Any]]] = {}
        self._changed: dict[str, dict[str, dict[str, Any]]] = {}
        self._dropped: dict[str, set[str]] = {}
        self._places: list[shapely.Geometry] = []
        self._kept: set[int] = set()

    def rows(self) -> Rows:
        none_of = frozenset(self._emptied()) if "facilities" in self._dropped else frozenset()
        return Rows(self._added, self._changed, self._dropped, none_of, tuple(self._places))

    def take(self, edit: Edit) -> None:
        self._require_near(edit)
        if isinstance(edit, OpenWall):
            self._open_wall(edit)
        elif isinstance(edit, AddGate):
            self._add_gate(edit.xy, "the new gate")
        elif isinstance(edit, OpenGate):
            self._change("gates", edit.uid, access="walkers", hours=np.nan)
        elif isinstance(edit, CloseGate):
            self._change("gates", edit.uid, access="closed")
        elif isinstance(edit, SetHours):
            self._change("gates", edit.uid, hours=edit.hours or np.nan)
        elif isinstance(edit, AddPath):
            self._add_path(edit)
        elif isinstance(edit, AddFacility):
            code = _categories().require(edit.category).code
            sizes = {"floor_area_m2": edit.floor_area_m2, "land_area_m2": edit.land_area_m2}
            self._add("facilities", category=code, geometry=shapely.Point(edit.xy), **sizes)
        elif isinstance(edit, MoveFacility):
            self._change("facilities", edit.uid, geometry=shapely.Point(edit.xy))
            self._places.append(shapely.Point(edit.xy))
        elif isinstance(edit, EnlargeFacility):
            self._enlarge(edit)
        else:
            self._remove(edit)

    def _require_near(self, edit: Edit) -> None:
        """Refuse places far from the city: most often a slip in longitude and latitude."""
        places = getattr(edit, "line", None) or [
            xy for xy in (getattr(edit, "xy", None), getattr(edit, "at", None)) if xy is not None
        ]
        if not places:
            return
        low_x, low_y, high_x, high_y = shapely.total_bounds(self._study.layer("streets").geometries)
        for x, y in places:
            away_m = max(low_x - x, x - high_x, low_y - y, y - high_y)
            if away_m > FAR_M:
                raise OptionError(
                    f"The place {x:.1f}, {y:.1f} lies {away_m / 1000:,.0f} km from all streets; "
                    "give X,Y in metres of the project's CRS, or longitude,latitude"
                )

    def _open_wall(self, edit: OpenWall) -> None:
        wall = self._geometry("walls", self._row("walls", edit.uid))
        at = edit.at or self._opening_of(edit.uid)
        away_m = shapely.distance(wall, shapely.Point(at))
        if away_m > ON_OUTLINE_M:
            raise OptionError(
                f"The place {at[0]:.1f}, {at[1]:.1f} lies {away_m:,.1f} m from the wall "
                f"'{edit.uid}'; give one within {ON_OUTLINE_M:g} m of it"
            )
        self._add_gate(at, f"the wall '{edit.uid}'")

    def _add(self, kind: str, **values: Any) -> None:
        rows = self._added.setdefault(kind, [])
        # The uid must be new also where a saved scenario is the base of another one.
        known, own = self._study.frame(kind)["uid"], {row["uid"] for row in rows}
        number = len(own) + 1
        while (uid := f"scenario-{kind}-{number}") in own or (known == uid).any():
            number += 1
        rows.append({"uid": uid, **values})
        self._places.append(values["geometry"])

    def _enlarge(self, edit: EnlargeFacility) -> None:
        """Put a larger one in its place: what counts for a rule is found with the row."""
        row = self._row("facilities", edit.uid)
        frame = self._study.frame("facilities")
        values = frame.iloc[row].to_dict()
        for column in ("floor_area_m2", "land_area_m2"):
            if (size := getattr(edit, column)) is not None:
                values[column] = size
        values["category"] = _categories().recognise(values["category"]) or values["category"]
        values["uid"] += "-enlarged"
        while (frame["uid"] == values["uid"]).any():
            values["uid"] += "+"
        self._added.setdefault("facilities", []).append(values)
        self._dropped.setdefault("facilities", set()).add(edit.uid)
        self._places.append(values["geometry"])

    def _row(self, kind: str, uid: str) -> int:
        rows = np.flatnonzero((self._study.frame(kind)["uid"] == uid).to_numpy(dtype=bool))
        if len(rows) == 0:
            raise UnknownNameError(
                f"There is no row '{uid}' in the layer '{kind}'; give the uid of one of its "
                f"{len(self._study.frame(kind))} rows"
            )
        return int(rows[0])

    def _geometry(self, kind: str, row: int) -> Any:
        return self._study.layer(kind).geometries[row]

    def _change(self, kind: str, uid: str, **values: Any) -> None:
        row = self._row(kind, uid)
        self._places.append(self._geometry(kind, row))
        if kind == "gates":
            for estate in self._estates_of_gate(row):
                self._places.append(self._geometry("estates", estate))
        self._changed.setdefault(kind, {}).setdefault(uid, {}).update(values)

    def _estates_of_gate(self, row: int) -> list[int]:
        frame = self._study.frame("gates")
        named = frame["estate"].iat[row]
        if not pd.isna(named) and "estates" in self._study:
            frame = self._study.layer("estates").frame
            word = str(named).strip()
            found = np.flatnonzero(
                ((frame["uid"] == word) | (frame["name"] == word)).to_numpy(bool)
            )
            if len(found):
                return [int(estate) for estate in found]
        return self._estates_at(self._geometry("gates", row))

    def _estates_at(self, point: shapely.Geometry) -> list[int]:
        if "estates" not in self._study:
            return []
        shapes = self._study.layer("estates").geometries
        near = self._near("estates", point)
        close = shapely.distance(shapely.boundary(shapes[near]), point) <= ON_OUTLINE_M
        return sorted(int(row) for row in near[close])

    def _add_gate(self, xy: tuple[float, float], what: str) -> None:
        point = shapely.Point(xy)
        estates = self._estates_at(point)
        if not estates and len(self._near("walls", point)) == 0:
            raise OptionError(
                f"{what[0].upper()}{what[1:]} at {xy[0]:.1f}, {xy[1]:.1f} is farther than "
                f"{ON_OUTLINE_M:g} m from every estate's outline and wall; give a place on one"
            )
        if not estates:
            self._add("gates", access="walkers", geometry=point)
        # A gate between two yards is a gate of each: one row names one estate.
        for estate in estates:
            uid = self._study.layer("estates").frame["uid"].iat[estate]
            self._add("gates", estate=uid, access="walkers", geometry=point)
            self._places.append(self._geometry("estates", estate))
            self._keep_assumed(estate)

    def _near(self, kind: str, point: shapely.Geometry) -> NDArray[np.int64]:
        """Return the rows of a layer within 5 m; the frame keeps its index for further edits."""
        if kind not in self._study:
            return np.empty(0, dtype=np.int64)
        index = self._study.layer(kind).frame.sindex
        return np.asarray(index.query(point, "dwithin", distance=ON_OUTLINE_M), dtype=np.int64)

    def _keep_assumed(self, estate: int) -> None:
        if estate in self._kept:
            return
        self._kept.add(estate)
        if estate in self._ground.gates.estate:
            return
        origins: Origins | AccessPoints = self._ground.origins
        if (self._ground.origins.building >= 0).any():
            # People start at their buildings there; what stands in for gates is found anew.
            origins = estate_access(self._study, at=self._ground.at)
        here = (origins.estate == estate) & np.isin(origins.source, _GUESSED)
        uid = self._study.layer("estates").frame["uid"].iat[estate]
        for xy in np.unique(origins.xy[here], axis=0):
            self._add("gates", estate=uid, access="walkers", geometry=shapely.Point(xy))

    def _opening_of(self, uid: str) -> tuple[float, float]:
        """Where to open a wall that no place was given for; see `OpenWall`."""
        wall = self._geometry("walls", self._row("walls", uid))
        middle = shapely.line_interpolate_point(wall, 0.5, normalized=True)
        if len(self._estates_at(middle)) < 2 and "streets" in self._study:
            streets = self._study.layer("streets").geometries
            index = self._study.layer("streets").frame.sindex
            near = index.nearest(wall, max_distance=LONGEST_LINK_M, return_all=False)[1]
            if len(near):
                way = shapely.shortest_line(wall, streets[near[0]])
                middle = shapely.get_point(way, 0)
        return float(shapely.get_x(middle)), float(shapely.get_y(middle))

    def _add_path(self, edit: AddPath) -> None:
        line = shapely.LineString(edit.line)
        self._add("streets", highway="footway", walkable=True, geometry=line)
        self._places.extend(_relinked(self._ground, line))

    def _remove(self, edit: Remove) -> None:
        kind, uid = self._kind_and_uid(edit.uid)
        if kind == "gates":
            self._change("gates", uid, access="closed")
            return
        shape = self._geometry(kind, self._row(kind, uid))
        self._places.append(shape)
        if kind == "walls":
            self._places.extend(_relinked(self._ground, shape))
        self._dropped.setdefault(kind, set()).add(uid)

    def _kind_and_uid(self, word: str) -> tuple[str, str]:
        """Find what a uid names; uids are those of one layer, so several may have the same."""
        named, sign, rest = word.partition(":")
        found = [kind for kind in _REMOVED if (self._study.frame(kind)["uid"] == word).any()]
        if not found and sign and named in _REMOVED:
            found, word = [named], rest
        if len(found) > 1:
            raise OptionError(
                f"'{word}' is a row of {' and of '.join(found)}; say which: "
                f"{' or '.join(f'{kind}:{word}' for kind in found)}"
            )
        if not found:
            raise UnknownNameError(f"There is no gate, wall or facility '{word}'; give its uid")
        return found[0], word

    def _emptied(self) -> set[str]:
        """Categories whose last facility is taken away."""
        frame = self._study.frame("facilities")
        gone = frame["uid"].isin(self._dropped["facilities"])
        categories = _categories()
        left = {categories.recognise(word) for word in frame["category"][~gone].unique()}
        left |= {row["category"] for row in self._added.get("facilities", ())}
        found = {categories.recognise(word) for word in frame["category"][gone].unique()}
        return {code for code in found - left if code is not None}


def _relinked(ground: Ground, line: shapely.Geometry) -> list[shapely.Geometry]:
    """Return the points whose way to the street may become another one because of a line."""
    xy = np.concatenate([ground.origins.xy, ground.doors.xy])
    leg_m = np.concatenate([ground.origins.leg_m, ground.doors.leg_m])
    reach_m = np.where(np.isnan(leg_m), LONGEST_LINK_M, leg_m)
    points = np.asarray(shapely.points(xy), dtype=object)
    return list(points[shapely.distance(points, line) <= reach_m])
