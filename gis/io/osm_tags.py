"""Which OpenStreetMap tags become what: ``data/osm.toml``, ready for looking up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gis.resources import data_dir

OSM_FILE: Final = "osm.toml"
NO_VALUES: Final = frozenset([None, "", "no"])
"""Values of a tag that say the object is no such thing."""
_IN_BRACKETS: Final = re.compile(r"[(（].*?[)）]")

Tags = dict[str, str]


@dataclass(frozen=True, eq=False)
class TagRules:
    """Tag combinations that stand for something, looked up by one of their tags."""

    by_tag: Mapping[tuple[str, str], tuple[tuple[int, str, Tags], ...]]

    @classmethod
    def of(cls, rules: list[tuple[str, Tags]]) -> TagRules:
        """Make rules from (meaning, tags), the first that fits counting."""
        found: dict[tuple[str, str], list[tuple[int, str, Tags]]] = {}
        for order, (meaning, tags) in enumerate(rules):
            found.setdefault(next(iter(tags.items())), []).append((order, meaning, tags))
        return cls({key: tuple(items) for key, items in found.items()})

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the tags that are looked up."""
        return frozenset(key for key, _ in self.by_tag)

    def meaning(self, tags: Tags) -> str | None:
        """Return what an object with these tags is; None when no rule fits."""
        hits = [
            (order, meaning)
            for item in tags.items()
            for order, meaning, wanted in self.by_tag.get(item, ())
            if all(tags.get(key) == value for key, value in wanted.items())
        ]
        return min(hits)[1] if hits else None


@dataclass(frozen=True, eq=False)
class OsmTable:
    """``data/osm.toml``, ready for looking up."""

    left_out: frozenset[str]
    gates: TagRules
    walls: TagRules
    estates: TagRules
    green: TagRules
    water: TagRules
    facilities: TagRules
    signals: TagRules
    """Ways that are crossings with lights."""
    barriers: Mapping[str, Any]
    schools: Mapping[str, Any]
    places: Mapping[str, Any]

    @classmethod
    def load(cls) -> OsmTable:
        """Read the table that comes with Lianpian."""
        raw = tomllib.loads((data_dir() / OSM_FILE).read_text("utf-8"))

        def rules(name: str) -> TagRules:
            return TagRules.of([(next(iter(t.values())), t) for t in raw[name]["tags"]])

        places = [(row["category"], tags) for row in raw["facilities"] for tags in row["tags"]]
        return cls(
            frozenset(raw["streets"]["leave_out"]),
            rules("gates"),
            rules("walls"),
            rules("estates"),
            rules("green"),
            rules("water"),
            TagRules.of(places),
            rules("signals"),
            raw["barriers"],
            raw["schools"],
            raw["places"],
        )

    @property
    def keys(self) -> frozenset[str]:
        """Keys of all tags that matter."""
        tables = (self.gates, self.walls, self.estates, self.green, self.water, self.facilities)
        told = [*self.places["keys"], *(key for tags in self.places["tags"] for key in tags)]
        return frozenset({"highway", "building", "railway", *told}.union(*(t.keys for t in tables)))

    def category(self, tags: Tags) -> tuple[str | None, bool]:
        """Return the category of a facility, if it is one, and whether only its name says so."""
        found = self.facilities.meaning(tags)
        if found or not self.is_school(tags):
            return found, False
        name = _IN_BRACKETS.sub("", tags.get("name", "")).strip()
        rules = self.schools["names"]
        by_name = next((r["category"] for r in rules if re.search(r["pattern"], name)), None)
        return by_name, by_name is not None

    def is_school(self, tags: Tags) -> bool:
        """Return whether an object is a school of any level."""
        return bool(self.schools["tags"].items() <= tags.items())

    def place(self, tags: Tags) -> str | None:
        """Return the tag (key=value) by which an object looks like a facility; None for others."""
        for key in self.places["keys"]:
            if tags.get(key) not in NO_VALUES:
                return f"{key}={tags[key]}"
        for wanted in self.places["tags"]:
            if wanted.items() <= tags.items():
                return "; ".join(f"{key}={value}" for key, value in wanted.items())
        return None
