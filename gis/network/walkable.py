"""Which ways can be walked: the table ``data/walkable.toml`` with its reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from gis.errors import RuleError
from gis.resources import data_dir

WALKABLE_FILE: Final = "walkable.toml"
_TABLES: Final = ("highway", "foot", "access")


@dataclass(frozen=True)
class Verdict:
    """Whether a way can be walked, and why; ``walkable`` None: its class is not in the table."""

    walkable: bool | None
    reason: str


@dataclass(frozen=True)
class WalkableTable:
    """What each value of the tags highway, foot and access means for walkers."""

    highway: Mapping[str, Verdict]
    foot: Mapping[str, Verdict]
    access: Mapping[str, Verdict]

    @classmethod
    @cache
    def load(cls) -> WalkableTable:
        """Read the table that comes with Lianpian."""
        return cls.from_toml((data_dir() / WALKABLE_FILE).read_text("utf-8"))

    @classmethod
    def from_toml(cls, text: str) -> WalkableTable:
        """Read a table in the form of ``data/walkable.toml``.

        Raises
        ------
        RuleError
            A table or a value of it is missing or is no true/false with a reason.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RuleError(f"{WALKABLE_FILE} is no TOML: {error}; mend that line") from error
        if set(tables) != set(_TABLES):
            raise RuleError(
                f"{WALKABLE_FILE} has the tables {', '.join(tables) or 'none'}; "
                f"it needs exactly {', '.join(_TABLES)}"
            )
        return cls(**{name: _verdicts(name, tables[name]) for name in _TABLES})

    def judge(
        self, highway: str | None, *, foot: str | None = None, access: str | None = None
    ) -> Verdict:
        """Return whether a way can be walked: its foot tag decides, else access, else its class.

        Values are compared without case; None and "" mean that the tag is absent. A way without
        a class and without deciding tags is walked.
        """
        for table, value in ((self.foot, foot), (self.access, access)):
            verdict = table.get((value or "").strip().lower())
            if verdict is not None:
                return verdict
        word = (highway or "").strip().lower()
        if not word:
            return Verdict(True, "no class given")
        return self.highway.get(word, Verdict(None, f"the class '{word}' is not in the table"))


def _verdicts(table: str, rows: Mapping[str, Any]) -> Mapping[str, Verdict]:
    verdicts = {}
    for value, row in rows.items():
        good = isinstance(row, dict) and isinstance(row.get("walkable"), bool)
        if not good or not row.get("reason"):
            raise RuleError(
                f"{WALKABLE_FILE}: {table}.{value} needs walkable = true or false, and a reason"
            )
        verdicts[value] = Verdict(row["walkable"], str(row["reason"]))
    return MappingProxyType(verdicts)
