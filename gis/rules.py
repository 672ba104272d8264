"""Rule packs: the standards as data, and who walks.

A pack is a file of ``data/rules``, a walker a table of ``data/walkers.toml``; ``data/README.md``
says where each figure comes from. A pack with any fault is refused as a whole, with all its faults
at once: half a standard looks like a whole one in a table.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

from gis.errors import OptionError, RuleError, UnknownNameError
from gis.model import Categories
from gis.resources import data_dir

DEFAULT_PACK: Final = "gb50180-2018"
LONGEST_LIMIT: Final = 100_000
"""Metres or minutes of an own rule; beyond it nobody walks."""
WALKERS_FILE: Final = "walkers.toml"
SPEED_RANGE_M_S: Final = (0.2, 3.0)
"""Slower is standing, faster is running."""

_TEXT, _NUMBER, _YES_NO, _LIST = "text", "a number", "true or false", "a list of text"
_RULE_KEYS: Final[Mapping[str, tuple[str, bool]]] = {
    # key: what it holds, whether it must be there
    "id": (_TEXT, True),
    "category": (_TEXT, True),
    "zh": (_TEXT, True),
    "en": (_TEXT, True),
    "level": (_TEXT, True),
    "limit_m": (_NUMBER, False),
    "limit_s": (_NUMBER, False),
    "walker": (_TEXT, False),
    "must": (_YES_NO, True),
    "clause": (_TEXT, True),
    "source": (_TEXT, True),
    "verified": (_YES_NO, True),
    "confidence": (_NUMBER, False),
    "satisfied_by": (_LIST, False),
    "note": (_TEXT, False),
    "note_en": (_TEXT, False),
}
_NOT_TESTED_KEYS: Final = ("id", "zh", "en", "reason", "reason_en")
_PACK_KEYS: Final = ("zh", "en", "date", "source")
_PACK_NOTES: Final = ("note", "note_en")


@dataclass(frozen=True)
class Walker:
    """Somebody who walks: ``speed_m_s`` on the flat, and where that figure comes from."""

    name: str
    zh: str
    en: str
    speed_m_s: float
    source: str


@dataclass(frozen=True)
class Rule:
    """One line of a standard: to which category of facility one may have to walk how far.

    Exactly one of ``limit_m`` (metres along the streets) and ``limit_s`` (seconds of ``walker``) is
    given. ``must``: required, else where conditions call for it. ``verified``: somebody held the
    figure against the text of the source; where not, ``confidence`` is the share of such figures
    expected to be right. Facilities of the ``satisfied_by`` categories count as well.

    Raises
    ------
    RuleError
        Not exactly one limit, or one that is not positive.
    """

    id: str
    category: str
    zh: str
    en: str
    level: str
    limit_m: float | None
    limit_s: float | None
    must: bool
    clause: str
    source: str
    verified: bool
    walker: str = "standard"
    satisfied_by: tuple[str, ...] = ()
    note: str = ""
    note_en: str = ""
    confidence: float | None = None

    def __post_init__(self) -> None:
        faults = list(_limit_faults(self.limit_m, self.limit_s))
        if faults:
            raise RuleError(f"The rule '{self.id}' cannot be used: {'; '.join(faults)}")

    @property
    def categories(self) -> tuple[str, ...]:
        """The category, then those that stand in for it."""
        return (self.category, *self.satisfied_by)

    def limit_cm(self, walker: Walker) -> int:
        """Return how far ``walker`` may have to walk, in whole centimetres, inclusive."""
        metres = (
            self.limit_m if self.limit_m is not None else (self.limit_s or 0) * walker.speed_m_s
        )
        return round(metres * 100)


@dataclass(frozen=True)
class NotTested:
    """What a standard lists and no walk can test, with the reason."""

    id: str
    zh: str
    en: str
    reason: str
    reason_en: str


@dataclass(frozen=True)
class RulePack:
    """A standard: its rules in the order of the file, and what of it is not tested."""

    name: str
    zh: str
    en: str
    date: str
    source: str
    rules: tuple[Rule, ...]
    note: str = ""
    note_en: str = ""
    not_tested: tuple[NotTested, ...] = ()


def pack_names() -> tuple[str, ...]:
    """Return the names of all rule packs, in alphabetical order."""
    return tuple(sorted(path.stem for path in (data_dir() / "rules").glob("*.toml")))


def load_pack(name: str) -> RulePack:
    """Read one rule pack.

    Raises
    ------
    UnknownNameError
        There is no pack of that name.
    RuleError
        Lines of it are missing, contradict each other or are out of range; all faults are named.
    """
    if name not in pack_names():
        raise UnknownNameError(
            f"There is no rule pack '{name}'; give one of: {', '.join(pack_names())}"
        )
    return read_pack(data_dir() / "rules" / f"{name}.toml")


def read_pack(path: Path) -> RulePack:
    """Read a rule pack from a file; its name is that of the file without the ending.

    Raises
    ------
    RuleError
        The file is no TOML, or lines of it are at fault; all faults are named.
    """
    table = _read_toml(path)
    faults = [*_pack_faults(table), *_rules_faults(table.get("rules")), *_id_faults(table)]
    if faults:
        raise RuleError(f"{path.name} cannot be used: {'; '.join(faults)}")
    return RulePack(
        name=path.stem,
        rules=tuple(_rule(row) for row in table["rules"]),
        not_tested=tuple(NotTested(**row) for row in table.get("not_tested", ())),
        **{key: table[key] for key in _PACK_KEYS},
        **{key: table.get(key, "") for key in _PACK_NOTES},
    )


def own_rule(
    category: str,
    *,
    metres: float | None = None,
    minutes: float | None = None,
    walker: str = "standard",
) -> Rule:
    """Make a rule of the user's own.

    Parameters
    ----------
    category
        Code, name or another word of a category.
    metres, minutes
        Exactly one of them, > 0.
    walker
        Whose minutes.

    Raises
    ------
    UnknownNameError
        There is no such category or walker.
    OptionError
        Not exactly one limit, or one that is not positive.
    """
    known = Categories.load().require(category)
    load_walker(walker)
    if (metres is None) == (minutes is None):
        raise OptionError("An own rule has one limit; give either metres or minutes")
    limit = metres if metres is not None else minutes
    if limit is None or not 0 < limit <= LONGEST_LIMIT:
        raise OptionError(
            f"The limit is {limit:g}; give metres or minutes above 0 and up to {LONGEST_LIMIT:,}"
        )
    return Rule(
        id=f"own-{known.code}",
        category=known.code,
        zh=known.zh,
        en=known.en,
        level="own",
        limit_m=metres,
        limit_s=None if minutes is None else minutes * 60,
        must=True,
        clause="自定 (own limit)",
        source="使用者自定 (given by the user)",
        verified=True,
        walker=walker,
    )


def walker_names() -> tuple[str, ...]:
    """Return the names of all walkers, in the order of the file."""
    return tuple(_read_toml(data_dir() / WALKERS_FILE))


def load_walker(name: str) -> Walker:
    """Read one walker.

    Raises
    ------
    UnknownNameError
        There is no walker of that name.
    RuleError
        A line of it is missing or out of range; all faults are named.
    """
    walkers = _read_toml(data_dir() / WALKERS_FILE)
    if name not in walkers:
        raise UnknownNameError(f"There is no walker '{name}'; give one of: {', '.join(walkers)}")
    row = walkers[name]
    faults = list(_walker_faults(row))
    if faults:
        raise RuleError(f"{WALKERS_FILE}: the walker '{name}' {'; '.join(faults)}")
    return Walker(name, row["zh"], row["en"], float(row["speed_m_s"]), row["source"])


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path.name} is no TOML in UTF-8 ({error}); mend that line") from error


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        **{
            "limit_m": None,
            "limit_s": None,
            **row,
            "satisfied_by": tuple(row.get("satisfied_by", ())),
        }
    )


def _pack_faults(table: Mapping[str, Any]) -> Iterator[str]:
    for key in _PACK_KEYS:
        if not _is_text(table.get(key)):
            yield f"'{key}' is missing or no text; add it above the first rule"
    for key in sorted(table.keys() - {*_PACK_KEYS, *_PACK_NOTES, "rules", "not_tested"}):
        yield f"'{key}' is no key of a pack; take it out or correct its spelling"
    for row in _rows(table.get("not_tested", [])):
        if row.keys() != set(_NOT_TESTED_KEYS) or not all(map(_is_text, row.values())):
            yield (
                f"not_tested '{row.get('id', '?')}' has not exactly the texts "
                f"{', '.join(_NOT_TESTED_KEYS)}; give these"
            )


def _rules_faults(rules: object) -> Iterator[str]:
    rows = _rows(rules)
    if not rows:
        yield "it has no rules; add a [[rules]] table"
    categories, walkers = Categories.load(), walker_names()
    for number, row in enumerate(rows, start=1):
        where = f"rule '{row['id']}'" if _is_text(row.get("id")) else f"rule number {number}"
        for fault in (*_key_faults(row), *_value_faults(row, categories, walkers)):
            yield f"{where}: {fault}"


def _key_faults(row: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(row.keys() - _RULE_KEYS.keys()):
        yield f"'{key}' is no key of a rule; take it out or correct its spelling"
    for key, (holds, required) in _RULE_KEYS.items():
        if key not in row:
            if required:
                yield f"'{key}' is missing; add it"
        elif not _HOLDS[holds](row[key]):
            yield f"'{key}' is {row[key]!r}; give {holds}"


def _value_faults(
    row: Mapping[str, Any], categories: Categories, walkers: Sequence[str]
) -> Iterator[str]:
    named = row.get("satisfied_by", ())
    for code in (row.get("category"), *(named if isinstance(named, list) else ())):
        if _is_text(code) and code not in categories:
            yield f"there is no category '{code}'; use a code of categories.toml"
    if row.get("walker", "standard") not in walkers:
        yield f"there is no walker '{row['walker']}'; use one of {', '.join(walkers)}"
    limits = [row.get("limit_m"), row.get("limit_s")]
    if all(limit is None or _is_number(limit) for limit in limits):
        yield from _limit_faults(*limits)
    confidence = row.get("confidence")
    if _is_number(confidence) and not 0 < confidence <= 1:
        yield f"'confidence' is {confidence}; give a share above 0, at most 1"
    if row.get("verified") is False and confidence is None:
        yield "it is not verified and has no 'confidence'; add it, or check the figure"


def _limit_faults(limit_m: float | None, limit_s: float | None) -> Iterator[str]:
    if (limit_m is None) == (limit_s is None):
        yield "give exactly one of 'limit_m' and 'limit_s'"
    for key, limit in (("limit_m", limit_m), ("limit_s", limit_s)):
        if limit is not None and not 0 < limit < float("inf"):
            yield f"'{key}' is {limit}; give a number above 0"


def _id_faults(table: Mapping[str, Any]) -> Iterator[str]:
    ids = [row.get("id") for row in (*_rows(table.get("rules")), *_rows(table.get("not_tested")))]
    for each in sorted({str(i) for i in ids if i is not None and ids.count(i) > 1}):
        yield f"the id '{each}' occurs twice; give each line its own"


def _walker_faults(row: object) -> Iterator[str]:
    known = ("zh", "en", "speed_m_s", "source")
    table = row if isinstance(row, dict) else {}
    for key in ("zh", "en", "source"):
        if not _is_text(table.get(key)):
            yield f"has no '{key}'; add it"
    for key in sorted(table.keys() - set(known)):
        yield f"has an unknown key '{key}'; take it out"
    speed, (low, high) = table.get("speed_m_s"), SPEED_RANGE_M_S
    if not _is_number(speed) or not low <= speed <= high:
        yield f"has the speed_m_s {speed!r}; give {low} to {high} m/s"


def _rows(value: object) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_HOLDS: Final[Mapping[str, Callable[[object], bool]]] = {
    _TEXT: _is_text,
    _NUMBER: _is_number,
    _YES_NO: lambda value: isinstance(value, bool),
    _LIST: lambda value: isinstance(value, list) and all(_is_text(word) for word in value),
}
