"""Values as JSON can hold them; the command line, the API and jobs answer alike."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

_OPTION: Final = re.compile(
    r"""(?<![\w-])(?:
      (?<=\()--(?P<said>column)\ (?P<said_key>\w+)=(?P<said_value>.*?)(?=\);\ it\ has)
    | (?P<quote>')?--(?P<pair>column|set)\ (?P<inner>')?(?P<key>\w+)=
      (?P<value>(?(inner)[^']*|(?:[^\s;:,()']|:(?=[\w:]))*(?:\([^()]*\))?))(?(inner)')(?(quote)')
    | --coords\ (?P<coords>auto|wgs84|gcj02|bd09|cgcs2000)\b
    | --crs\ (?P<crs>EPSG:\w+)
    | --(?P<bare>column|set|coords|crs|layer|encoding|replace|category)\b
    )""",
    re.VERBOSE,
)
"""Options of the command line as messages about files name them."""
_FIELDS: Final = {"column": "columns", "set": "values"}


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: unknown numbers become null, arrays become lists."""
    # What Python's own types hold is met a hundred thousand times in one answer: they come first.
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # arrays and their numbers
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_text(value: Any) -> str:
    """Return ``value`` as one line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def in_json(message: str) -> str:
    """Return a message with the fields of an import's JSON where it names command line options."""
    told = _OPTION.sub(_field, message)
    return told.replace('} "columns": {', ", ").replace('} "', '}, "')


def _field(found: re.Match[str]) -> str:
    for pair, key, value in (("said", "said_key", "said_value"), ("pair", "key", "value")):
        if found[pair]:
            return f'"{_FIELDS[found[pair]]}": {json_text({found[key]: found[value]})}'
    for name in ("coords", "crs"):
        if found[name]:
            return f'"{name}": "{found[name]}"'
    bare = found["bare"]
    return '"replace": true' if bare == "replace" else f'"{_FIELDS.get(bare, bare)}"'
