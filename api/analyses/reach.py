"""Who reaches what, estate by estate: the table that a coverage run keeps, and questions to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.errors import OptionError, UnknownNameError
from gis.model import Categories

STATUSES: Final = ("covered", "gap", "unlinked", "no-data")
_LETTERS: Final = dict(zip("cgun", STATUSES, strict=True))
_LETTER_OF: Final = {status: letter for letter, status in _LETTERS.items()}
Sort = Literal["missing", "people", "metres", "seconds", "name", "estate"]


def reach_table(measured: Coverage) -> dict[str, Any]:
    """Return n estates by r rules as plain values that take little room.

    ``status`` has a text of n letters per rule (c covered, g gap, u unlinked, n no-data);
    ``metres``, ``seconds`` (r lists of n) are null where nothing was found in reach; ``facility``
    (r lists of n) are places in ``facilities``, -1 for none.
    """
    layer = measured.estates
    facilities: dict[str, int] = {}
    names: list[str | None] = []
    found = []
    for item in measured.items:
        column = []
        for uid, name in zip(item.facility.tolist(), item.facility_name.tolist(), strict=True):
            if uid is not None and uid not in facilities:
                facilities[uid] = len(names)
                names.append(name)
            column.append(-1 if uid is None else facilities[uid])
        found.append(column)
    return {
        "estate": [str(uid) for uid in layer.uids],
        "name": layer.frame["name"].to_numpy(dtype=object, na_value=None).tolist(),
        "people": measured.people,
        "people_estimated": measured.people_estimated,
        "access": measured.access,
        "missing": measured.missing_count(),
        "rule": [item.rule.id for item in measured.items],
        "category": [item.rule.category for item in measured.items],
        "status": ["".join(_LETTER_OF[word] for word in item.status) for item in measured.items],
        "metres": [np.round(item.walk_m, 1) for item in measured.items],
        "seconds": [np.round(item.walk_s, 1) for item in measured.items],
        "facility": found,
        "facilities": list(facilities),
        "facility_names": names,
    }


@dataclass(frozen=True, eq=False)
class Reach:
    """The table of a run, ready for questions.

    ``status`` (r, n) places in `STATUSES`; ``metres`` and ``seconds`` (r, n) float32, NaN unknown;
    ``facility`` (r, n) places in ``facilities``.
    """

    estate: NDArray[np.object_]
    name: NDArray[np.object_]
    people: NDArray[np.float64]
    people_estimated: NDArray[np.bool_]
    access: NDArray[np.object_]
    missing: NDArray[np.int64]
    rule: tuple[str, ...]
    category: tuple[str, ...]
    status: NDArray[np.int8]
    metres: NDArray[np.float32]
    seconds: NDArray[np.float32]
    facility: NDArray[np.int32]
    facilities: tuple[str, ...]
    facility_names: tuple[str | None, ...]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Reach:
        """Read the table of `reach_table` as it comes back from JSON."""
        letters = {letter: place for place, letter in enumerate(_LETTERS)}
        count, rules = len(table["estate"]), len(table["rule"])
        codes = [[letters[letter] for letter in line] for line in table["status"]]
        return cls(
            estate=_objects(table["estate"]),
            name=_objects(table["name"]),
            people=np.array(table["people"], dtype=np.float64),
            people_estimated=np.array(table["people_estimated"], dtype=bool),
            access=_objects(table["access"]),
            missing=np.array(table["missing"], dtype=np.int64),
            rule=tuple(table["rule"]),
            category=tuple(table["category"]),
            status=np.array(codes, dtype=np.int8).reshape(rules, count),
            metres=np.array(table["metres"], dtype=np.float32).reshape(rules, count),
            seconds=np.array(table["seconds"], dtype=np.float32).reshape(rules, count),
            facility=np.array(table["facility"], dtype=np.int32).reshape(rules, count),
            facilities=tuple(table["facilities"]),
            facility_names=tuple(table["facility_names"]),
        )

    @cached_property
    def _place(self) -> dict[str, int]:
        return {uid: place for place, uid in enumerate(self.estate)}

    def columns(self, categories: Sequence[str]) -> list[int]:
        """Return the rules of some categories, all of them where none is named.

        Raises
        ------
        UnknownNameError
            There is no such category, or the run has none of it.
        """
        codes = [Categories.load().require(word).code for word in categories]
        for code in codes:
            if code not in self.category:
                some = ", ".join(dict.fromkeys(self.category))
                raise UnknownNameError(f"The run says nothing of {code}; it has: {some}")
        return [r for r, code in enumerate(self.category) if not codes or code in codes]

    def rows(
        self,
        columns: Sequence[int],
        *,
        statuses: Sequence[str] = (),
        sort: Sort = "missing",
        descending: bool = True,
    ) -> NDArray[np.int64]:
        """Return the estates of which any of the rules says one of the statuses, sorted.

        "metres" and "seconds" sort by the longest walk among the rules; beyond reach and unknown
        come last.

        Raises
        ------
        OptionError
            There is no such status.
        """
        wrong = [word for word in statuses if word not in STATUSES]
        if wrong:
            raise OptionError(f"There is no status '{wrong[0][:20]}'; give {', '.join(STATUSES)}")
        places = np.arange(len(self.estate))
        if statuses:
            asked = np.isin(self.status[columns], [STATUSES.index(word) for word in statuses])
            places = places[asked.any(axis=0)]
        return places[self._order(sort, columns, places, descending)]

    def _order(
        self, sort: Sort, columns: Sequence[int], places: NDArray[np.int64], descending: bool
    ) -> NDArray[np.int64]:
        if sort in ("name", "estate"):
            words = self.name if sort == "name" else self.estate
            key = [(words[p] is None, words[p] or "", p) for p in places.tolist()]
            order = sorted(range(len(key)), key=key.__getitem__, reverse=descending)
            return np.array(order, dtype=np.int64)
        if sort in ("metres", "seconds"):
            walks = (self.metres if sort == "metres" else self.seconds)[columns][:, places]
            known = np.where(np.isnan(walks), -np.inf, walks)
            values = known.max(axis=0, initial=-np.inf).astype(float)
            values[np.isinf(values)] = np.nan
        elif sort == "people":
            values = self.people[places]
        else:
            values = self.missing[places].astype(float)
        # NaN sorts last either way.
        return np.argsort(-values if descending else values, kind="stable")

    def row(self, place: int, columns: Sequence[int]) -> dict[str, Any]:
        """Return one estate with what each rule says of it."""
        return {
            "estate": self.estate[place],
            "name": self.name[place],
            "people": float(self.people[place]),
            "people_estimated": bool(self.people_estimated[place]),
            "access": self.access[place],
            "missing": int(self.missing[place]),
            "reaches": [self._cell(place, r) for r in columns],
        }

    def _cell(self, place: int, r: int) -> dict[str, Any]:
        facility = int(self.facility[r, place])
        return {
            "rule": self.rule[r],
            "category": self.category[r],
            "status": STATUSES[self.status[r, place]],
            "metres": _rounded(self.metres[r, place]),
            "seconds": _rounded(self.seconds[r, place]),
            "facility": self.facilities[facility] if facility >= 0 else None,
            "facility_name": self.facility_names[facility] if facility >= 0 else None,
        }

    def find(self, uid: str) -> int:
        """Return the place of an estate.

        Raises
        ------
        UnknownNameError
            The run has no such estate.
        """
        place = self._place.get(uid)
        if place is None:
            raise UnknownNameError(f"The run has no estate '{uid[:80]}'; give the uid of one")
        return place


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 1)
