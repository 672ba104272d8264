"""What is wrong with the tables of a rule pack, all of it at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final, TypeGuard

from gis.model import Categories
from gis.rules.sizes import GROUPS, MEASURES, instead_faults, size_faults
from gis.walkers import walker_names

_TEXT, _NUMBER, _WHOLE, _YES_NO = "text", "a number", "a whole number", "true or false"
_LIST, _TABLES, _BAND = "a list of text", "tables", "two whole numbers, the lower first"

_LIMITS: Final = ("limit_m", "limit_s")

Keys = Mapping[str, tuple[str, bool]]
"""Key: what it holds, and whether it must be there."""

_PROOF: Final[Keys] = {
    "clause": (_TEXT, True),
    "source": (_TEXT, True),
    "verified": (_YES_NO, True),
    "confidence": (_NUMBER, False),
    "note": (_TEXT, False),
    "note_en": (_TEXT, False),
}
_RULE_KEYS: Final[Keys] = {
    "id": (_TEXT, True),
    "category": (_TEXT, True),
    "zh": (_TEXT, True),
    "en": (_TEXT, True),
    "level": (_TEXT, True),
    "limit_m": (_NUMBER, False),
    "limit_s": (_NUMBER, False),
    "walker": (_TEXT, False),
    "group": (_TEXT, False),
    "round_trip": (_YES_NO, False),
    "must": (_YES_NO, True),
    **_PROOF,
    "satisfied_by": (_LIST, False),
    "sizes": (_TABLES, False),
    "instead": (_TABLES, False),
}
_SIZE_KEYS: Final[Keys] = {
    "measure": (_TEXT, True),
    "value": (_NUMBER, True),
    "strength": (_TEXT, False),
    "of": (_TEXT, False),
    "counts": (_LIST, False),
    **_PROOF,
}
_INSTEAD_KEYS: Final[Keys] = {
    "category": (_TEXT, True),
    "count": (_WHOLE, True),
    "min_floor_m2": (_NUMBER, False),
    "min_land_m2": (_NUMBER, False),
    **_PROOF,
}
_LEVEL_KEYS: Final[Keys] = {
    "name": (_TEXT, True),
    "zh": (_TEXT, True),
    "en": (_TEXT, True),
    "people": (_BAND, False),
    "sizes": (_TABLES, False),
    **_PROOF,
}
_UNIT_KEYS: Final[Keys] = {"people": (_BAND, True), **_PROOF}
_NOT_TESTED_KEYS: Final = ("id", "zh", "en", "reason", "reason_en")
LONGEST_LIMIT: Final = 100_000
"""Metres or minutes; beyond it nobody walks."""
LONGEST_TEXT: Final = 10_000
"""Characters; a cell of a workbook holds three times as many."""
PACK_KEYS: Final = ("zh", "en", "date", "source")
PACK_NOTES: Final = ("note", "note_en")
_PACK_TABLES: Final = ("unit", "levels", "rules", "not_tested")


def pack_faults(table: Mapping[str, Any]) -> Iterator[str]:
    """Tell every fault of a pack, in words, each with what to do."""
    for key in PACK_KEYS:
        if not _is_text(table.get(key)):
            yield f"'{key}' is missing or no text; add it above the first rule"
    yield from _text_faults(table)
    for key in sorted(table.keys() - {*PACK_KEYS, *PACK_NOTES, *_PACK_TABLES}):
        yield f"'{key}' is no key of a pack; take it out or correct its spelling"
    for key in ("levels", "rules", "not_tested"):
        if key in table and not _HOLDS[_TABLES](table[key]):
            yield f"'{key}' is {table[key]!r}; give {_TABLES}"
    if "unit" in table:
        yield from _in("the unit", _row_faults(table["unit"], _UNIT_KEYS, "the unit"))
    levels = _rows(table.get("levels"))
    for number, row in enumerate(levels, start=1):
        where = f"level '{row['name']}'" if _is_text(row.get("name")) else f"level number {number}"
        yield from _in(where, _row_faults(row, _LEVEL_KEYS, "a level"))
        yield from _in(where, _sizes_faults(row, Categories.load(), minima=False))
    yield from _twice((row.get("name") for row in levels), "the level")
    yield from _rules_faults(table.get("rules"), [row.get("name") for row in levels])
    for row in _rows(table.get("not_tested", [])):
        yield from _in(f"not_tested '{row.get('id', '?')}'", _text_faults(row))
        if row.keys() != set(_NOT_TESTED_KEYS) or not all(map(_is_text, row.values())):
            yield (
                f"not_tested '{row.get('id', '?')}' has not exactly the texts "
                f"{', '.join(_NOT_TESTED_KEYS)}; give these"
            )
    lines = (*_rows(table.get("rules")), *_rows(table.get("not_tested")))
    yield from _twice((row.get("id") for row in lines), "the id")


def limit_faults(limit_m: float | None, limit_s: float | None) -> Iterator[str]:
    """Tell what is wrong with the two limits of a rule, in words."""
    if (limit_m is None) == (limit_s is None):
        yield "give exactly one of 'limit_m' and 'limit_s'"
    for key, limit, most in (
        ("limit_m", limit_m, LONGEST_LIMIT),
        ("limit_s", limit_s, 60 * LONGEST_LIMIT),
    ):
        if limit is not None and not 0 < limit <= most:
            yield f"'{key}' is {limit}; give a number above 0, up to {most:,}"


def _rules_faults(rules: object, levels: Sequence[object]) -> Iterator[str]:
    rows = _rows(rules)
    if not rows:
        yield "it has no rules; add a [[rules]] table"
    categories, walkers = Categories.load(), walker_names()
    for number, row in enumerate(rows, start=1):
        where = f"rule '{row['id']}'" if _is_text(row.get("id")) else f"rule number {number}"
        yield from _in(where, _row_faults(row, _RULE_KEYS, "a rule"))
        yield from _in(where, _value_faults(row, categories, walkers))
        if levels and _is_text(row.get("level")) and row["level"] not in levels:
            yield f"{where}: there is no level '{row['level']}'; add it to the levels"
        yield from _in(where, _sizes_faults(row, categories, minima=True))
        yield from _in(where, _all_instead_faults(row, categories))
    yield from _contradictions(rows, levels)


def _row_faults(row: object, keys: Keys, what: str) -> Iterator[str]:
    """Tell of keys that are unknown, missing, or hold the wrong thing, and of missing proof."""
    if not isinstance(row, Mapping):
        yield f"it is no table; give {', '.join(keys)}"
        return
    for key in sorted(row.keys() - keys.keys()):
        yield f"'{key}' is no key of {what}; take it out or correct its spelling"
    for key, (holds, required) in keys.items():
        if key not in row:
            if required:
                yield f"'{key}' is missing; add it"
        elif not _HOLDS[holds](row[key]):
            yield f"'{key}' is {row[key]!r}; give {holds}"
    yield from _text_faults(row)
    confidence = row.get("confidence")
    if _is_number(confidence) and not 0 < confidence <= 1:
        yield f"'confidence' is {confidence}; give a share above 0, at most 1"
    if row.get("verified") is False and confidence is None:
        yield "it is not verified and has no 'confidence'; add it, or check the figure"


def _text_faults(row: Mapping[str, Any]) -> Iterator[str]:
    """Tell of texts that no sheet, page or terminal can show."""
    for key, text in row.items():
        if not isinstance(text, str):
            continue
        if any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in text):
            yield f"'{key}' holds control characters; take them out"
        if len(text) > LONGEST_TEXT:
            yield f"'{key}' has {len(text):,} characters; give up to {LONGEST_TEXT:,}"


def _contradictions(rows: Sequence[Mapping[str, Any]], levels: Sequence[object]) -> Iterator[str]:
    """Tell of rules that ask the same twice, and of wider circles that ask for less of a walk.

    Levels add up, so a wider circle that asks for the same category nearer by leaves the narrower
    one without meaning.
    """
    for first, second in combinations(rows, 2):
        one, other = (
            (row.get("category"), row.get("group", "all"), row.get("walker", "standard"))
            for row in (first, second)
        )
        units = [u for u in _LIMITS if _is_number(first.get(u)) and _is_number(second.get(u))]
        if one != other or not units:
            continue
        names = f"the rules '{first.get('id')}' and '{second.get('id')}' both ask '{one[0]}'"
        level, beside = first.get("level"), second.get("level")
        if level == beside:
            yield f"{names} of the level '{level}'; keep one of them"
        elif level in levels and beside in levels:
            wider = levels.index(level) > levels.index(beside)
            far, near = (first, second) if wider else (second, first)
            if far[units[0]] < near[units[0]]:
                yield f"{names}, and the wider level nearer by; correct '{units[0]}' of one"


def _value_faults(
    row: Mapping[str, Any], categories: Categories, walkers: Sequence[str]
) -> Iterator[str]:
    yield from _category_faults([row.get("category")], categories)
    others = row.get("satisfied_by")
    yield from _category_faults(others, categories)
    if isinstance(others, list) and len({row.get("category"), *map(str, others)}) <= len(others):
        yield "'satisfied_by' names a category twice, or the rule's own; name each other one once"
    if row.get("walker", "standard") not in walkers:
        yield f"there is no walker '{row['walker']}'; use one of {', '.join(walkers)}"
    if _is_text(row.get("group")) and row["group"] not in GROUPS:
        yield f"there is no group '{row['group']}'; use one of {', '.join(GROUPS)}"
    limits = [row.get("limit_m"), row.get("limit_s")]
    if all(limit is None or _is_number(limit) for limit in limits):
        yield from limit_faults(*limits)


def _sizes_faults(row: Mapping[str, Any], categories: Categories, *, minima: bool) -> Iterator[str]:
    sizes = _rows(row.get("sizes"))
    for number, size in enumerate(sizes, start=1):
        where = f"size number {number}"
        yield from _in(where, _row_faults(size, _SIZE_KEYS, "a size"))
        yield from _in(where, _category_faults(size.get("counts"), categories))
        measure, value = size.get("measure"), size.get("value")
        words = [size.get("strength", "must"), size.get("of", "all")]
        if _is_text(measure) and _is_number(value) and all(map(_is_text, words)):
            yield from _in(where, size_faults(measure, value, *words))
        if not minima and _is_text(measure) and _each_facility(measure):
            yield f"{where}: '{measure}' is a minimum of each facility; give it in a rule"
    names = (
        f"{size.get('measure')} ({size.get('strength', 'must')}, {size.get('of', 'all')})"
        for size in sizes
    )
    yield from _twice(names, "the size")


def _each_facility(measure: str) -> bool:
    return measure in MEASURES and MEASURES[measure].base is None


def _all_instead_faults(row: Mapping[str, Any], categories: Categories) -> Iterator[str]:
    own = (row.get("category"), *(row.get("satisfied_by") or ()))
    for number, other in enumerate(_rows(row.get("instead")), start=1):
        where = f"instead number {number}"
        yield from _in(where, _row_faults(other, _INSTEAD_KEYS, "a substitution"))
        yield from _in(where, _category_faults([other.get("category")], categories))
        if other.get("category") in own:
            yield f"{where}: '{other['category']}' counts already; name another category"
        count, *least = (other.get(key) for key in ("count", "min_floor_m2", "min_land_m2"))
        if _is_number(count) and all(v is None or _is_number(v) for v in least):
            yield from _in(where, instead_faults(count, least[0], least[1]))


def _category_faults(codes: object, categories: Categories) -> Iterator[str]:
    for code in codes if isinstance(codes, list) else ():
        if _is_text(code) and code not in categories:
            yield f"there is no category '{code}'; use a code of categories.toml"


def _twice(names: Iterator[Any], what: str) -> Iterator[str]:
    known = [str(name) for name in names if name is not None]
    for each in sorted({name for name in known if known.count(name) > 1}):
        yield f"{what} '{each}' occurs twice; give each line its own"


def _in(where: str, faults: Iterator[str]) -> Iterator[str]:
    return (f"{where}: {fault}" for fault in faults)


def _rows(value: object) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_band(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_whole, value)):
        return False
    return bool(0 < value[0] < value[1])


_HOLDS: Final[Mapping[str, Callable[[object], bool]]] = {
    _TEXT: _is_text,
    _NUMBER: _is_number,
    _WHOLE: _is_whole,
    _YES_NO: lambda value: isinstance(value, bool),
    _LIST: lambda value: isinstance(value, list) and all(_is_text(word) for word in value),
    _TABLES: lambda value: isinstance(value, list) and all(isinstance(t, dict) for t in value),
    _BAND: _is_band,
}
