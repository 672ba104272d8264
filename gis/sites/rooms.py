"""What a category asks of the room or the ground it moves into, and which conditions forbid it."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal

from gis.errors import RuleError
from gis.model import Categories
from gis.resources import data_dir

ROOMS_FILE: Final = "rooms.toml"
GROUNDS: Final = ("room", "own", "open", "none")
FIGURES: Final = (
    "floor_m2", "land_m2", "lowest_storey", "highest_storey", "highest_with_lift", "plot_ratio",
)  # fmt: skip
ALL_OTHERS: Final = "*"

_PROOF: Final = ("clause", "source", "verified", "confidence")
_NOTES: Final = ("note", "note_en")
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "places": ("ground", "shares", "categories"),
    "figures": ("figure", "value", "categories"),
    "conditions": ("effect", "unless_rebuilt", "words", "exact", "not_words", "cured", "zh", "en"),
}
_WORD_LISTS: Final = ("on_ground", "below_ground", "vacant")

Ground = Literal["room", "own", "open", "none"]


@dataclass(frozen=True)
class Figure:
    """One figure with its proof; ``verified`` and ``confidence`` as in `gis.rules.Rule`."""

    value: float
    clause: str
    source: str
    verified: bool
    confidence: float | None = None
    note: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class RoomRule:
    """What a category asks of its place, beyond the sizes of a rule pack.

    ``ground``: "room", any room or a building on a plot; "own", a building on land of its own;
    "open", ground without a building; "none", no site can hold it. ``shares``: other services may
    be in the same place. ``proof`` is that of these two. ``figures`` by name, those of `FIGURES`
    that are known: "floor_m2" and "land_m2" hold where the rule pack gives none.
    """

    category: str
    ground: Ground
    shares: bool
    proof: Figure
    figures: Mapping[str, Figure]

    def value(self, figure: str) -> float | None:
        """Return a figure; None where there is none."""
        known = self.figures.get(figure)
        return None if known is None else known.value

    @property
    def plot_ratio(self) -> float:
        """Floor per land where it is built on a plot."""
        return self.figures["plot_ratio"].value

    @property
    def asks_for_storey(self) -> bool:
        """Whether it matters on which storey the room is."""
        return "lowest_storey" in self.figures or "highest_storey" in self.figures


@dataclass(frozen=True)
class Condition:
    """Words in the condition or tenure of a site that forbid its use or ask for something first.

    ``unless_rebuilt``: what is built anew there is free of it. ``exact`` words are the whole text,
    ``not_words`` are taken out before looking; a ``cured`` word says that it is over.
    """

    effect: Literal["forbid", "first"]
    unless_rebuilt: bool
    words: tuple[str, ...]
    exact: tuple[str, ...]
    not_words: tuple[str, ...]
    cured: tuple[str, ...]
    zh: str
    en: str
    clause: str
    source: str
    verified: bool
    confidence: float | None = None

    def is_meant(self, text: str) -> bool:
        """Whether a text says so."""
        plain = _plain(text)
        if any(word in plain for word in self.cured):
            return False
        for word in self.not_words:
            plain = plain.replace(word, "")
        return plain in self.exact or any(word in plain for word in self.words)


@dataclass(frozen=True)
class Rooms:
    """The whole file: categories, conditions, and words that tell what a site is."""

    of: Mapping[str, RoomRule]
    conditions: tuple[Condition, ...]
    on_ground: tuple[str, ...]
    below_ground: tuple[str, ...]
    vacant: tuple[str, ...]
    usual_ratio: float
    """Floor per land of what is built on a plot, where no category is meant."""


@cache
def load_rooms() -> Rooms:
    """Read the list that comes with Lianpian.

    Raises
    ------
    RuleError
        The file is at fault; all its faults are named.
    """
    try:
        table = tomllib.loads((data_dir() / ROOMS_FILE).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{ROOMS_FILE} is no TOML in UTF-8 ({error}); mend that line") from error
    return read_rooms(table)


def read_rooms(table: Mapping[str, Any]) -> Rooms:
    """Make the rules from the tables of the file.

    Raises
    ------
    RuleError
        A category is without a place or in two, a figure is given twice, out of range or without a
        proof, a key is missing or unknown; all faults are named.
    """
    faults = list(_faults(table))
    if faults:
        raise RuleError(f"{ROOMS_FILE} cannot be used: {'; '.join(faults)}")
    places = {code: row for row in table["places"] for code in row["categories"]}
    figures: dict[str, dict[str, Figure]] = {code: {} for code in (*places, ALL_OTHERS)}
    for row in table["figures"]:
        for code in row["categories"]:
            figures[code][row["figure"]] = _figure(row, row["value"])
    usual = figures.pop(ALL_OTHERS)
    return Rooms(
        of={
            code: RoomRule(
                code, places[code]["ground"], places[code]["shares"], _figure(places[code], 0),
                {**usual, **figures[code]},
            )
            for code in Categories.load()
        },
        conditions=tuple(map(_condition, table["conditions"])),
        usual_ratio=usual["plot_ratio"].value,
        **{key: tuple(map(_plain, table[key])) for key in _WORD_LISTS},
    )  # fmt: skip


def room_of(category: str) -> RoomRule:
    """Return what a category asks of its place.

    Raises
    ------
    UnknownNameError
        There is no such category.
    """
    return load_rooms().of[Categories.load().require(category).code]


@lru_cache(maxsize=1024)
def conditions_of(text: str) -> tuple[Condition, ...]:
    """Return the conditions that a text speaks of, in the order of the file."""
    return tuple(each for each in load_rooms().conditions if each.is_meant(text))


def says(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text holds one of some words."""
    plain = _plain(text)
    return any(word in plain for word in words)


def _condition(row: Mapping[str, Any]) -> Condition:
    lists = {k: tuple(map(_plain, row[k])) for k in row if isinstance(row[k], list)}
    return Condition(**{**row, **lists})


def _figure(row: Mapping[str, Any], value: float) -> Figure:
    return Figure(float(value), **{k: row[k] for k in (*_PROOF, *_NOTES) if k in row})


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _faults(table: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(table.keys() - {*_KEYS, *_WORD_LISTS}):
        yield f"'{key}' is no key of it; take it out or correct its spelling"
    for key in (*_KEYS, *_WORD_LISTS):
        if not isinstance(table.get(key), list) or not table[key]:
            yield f"'{key}' is missing or empty; add it"
            return
    for name, keys in _KEYS.items():
        for number, row in enumerate(table[name], start=1):
            yield from (f"{name} number {number} {f}" for f in _row_faults(row, keys))
    if all(row.keys() >= set(keys) for name, keys in _KEYS.items() for row in table[name]):
        yield from _value_faults(table)


def _row_faults(row: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    for key in (*keys, *_PROOF[:3]):
        if key not in row:
            yield f"has no '{key}'; add it"
    for key in sorted(row.keys() - {*keys, *_PROOF, *_NOTES}):
        yield f"has an unknown key '{key}'; take it out"
    confidence = row.get("confidence")
    if row.get("verified") is False and confidence is None:
        yield "is not verified and has no 'confidence'; add it"
    if confidence is not None and not 0 < confidence <= 1:
        yield f"has the confidence {confidence!r}; give a share above 0, at most 1"
    for key in ("clause", "source"):
        if key in row and not str(row[key]).strip():
            yield f"has an empty '{key}'; say where it comes from"


def _value_faults(table: Mapping[str, Any]) -> Iterator[str]:
    known = Categories.load()
    placed = [code for row in table["places"] for code in row["categories"]]
    for code in sorted(set(placed) - set(known)):
        yield f"there is no category '{code}'; use a code of categories.toml"
    for code in known:
        if placed.count(code) != 1:
            yield f"the category '{code}' is in {placed.count(code)} of the places; put it in one"
    for row in table["places"]:
        if row["ground"] not in GROUNDS:
            yield f"there is no ground '{row['ground']}'; use one of {', '.join(GROUNDS)}"
    seen: set[tuple[str, str]] = set()
    for row in table["figures"]:
        yield from _figure_faults(row, {*known, ALL_OTHERS}, seen)
    if (ALL_OTHERS, "plot_ratio") not in seen:
        yield f"there is no 'plot_ratio' of '{ALL_OTHERS}'; add it"
    for row in table["conditions"]:
        if row["effect"] not in ("forbid", "first"):
            yield f"the effect '{row['effect']}' is unknown; use forbid or first"


def _figure_faults(
    row: Mapping[str, Any], known: set[str], seen: set[tuple[str, str]]
) -> Iterator[str]:
    name, value = row["figure"], row["value"]
    if name not in FIGURES:
        yield f"there is no figure '{name}'; use one of {', '.join(FIGURES)}"
        return
    low, high = (-5, 200) if "storey" in name or "lift" in name else (0.01, 1e6)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        yield f"the {name} {value!r} is out of range; give {low:g} to {high:g}"
    for code in row["categories"]:
        if code not in known:
            yield f"the {name} names '{code}'; use a code of categories.toml"
        if (code, name) in seen:
            yield f"the {name} of '{code}' is given twice; keep one"
        seen.add((code, name))
