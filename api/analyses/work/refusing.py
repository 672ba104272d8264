"""What is wrong with options, in words: which one, what it must be, and which there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

__all__ = ["fault_told", "kind_told"]

_LONGEST_NAME: Final = 40
_PLAIN: Final = {
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
}


def fault_told(fault: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Say what is wrong with options.

    Parameters
    ----------
    fault
        One error of pydantic: its ``type`` and ``loc``.
    schema
        The JSON schema of the options.
    """
    path: Sequence[Any] = fault["loc"]
    there = list(schema.get("properties", {}))
    has = f"the options are: {', '.join(there)}" if there else "leave it out; there are none"
    if not path:
        return f"The options must be an object; {has}"
    name = _named(path[0])
    if fault["type"] == "extra_forbidden" and len(path) == 1:
        near = get_close_matches(str(path[0]), there, 1)
        meant = f"; did you mean '{near[0]}'?" if near else ";"
        return f"There is no option '{name}'{meant} {has}"
    found = _follow(schema, path)
    where = ".".join(_named(part) for part in found[0])
    if fault["type"] == "extra_forbidden":
        keys = ", ".join(found[1].get("properties", {}))
        return f"The option '{where}' has no '{_named(path[-1])}'; it may have: {keys}"
    missing = " is missing; it" if fault["type"] == "missing" else ""
    return f"The option '{where}'{missing} must be {kind_told(found[1], schema)}; {has}"


def kind_told(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Say in words what a part of a JSON schema allows; ``schema`` has its ``$defs``."""
    part = _resolved(part, schema)
    described = part.get("description")
    more = f" ({described})" if described and "$defs" not in part else ""
    if "enum" in part or "const" in part:
        values = part.get("enum") or [part["const"]]
        shown = ", ".join(f'"{value}"' for value in values)
        return (f"one of {shown}" if len(values) > 1 else shown) + more
    if "anyOf" in part:
        told = [kind_told(one, schema) for one in part["anyOf"]]
        return (", or " if " or " in told[0] else " or ").join(told) + more
    kind = part.get("type")
    if kind in ("number", "integer"):
        word = "a number" if kind == "number" else "a whole number"
        return word + _range(part) + more
    if kind == "string":
        longest = part.get("maxLength")
        return "a text" + (f" of at most {longest} letters" if longest else "") + more
    if kind == "array":
        return _list(part, schema) + more
    if kind == "object" and isinstance(part.get("additionalProperties"), Mapping):
        return f"an object with, by name, {kind_told(part['additionalProperties'], schema)}{more}"
    if kind == "object" and part.get("properties"):
        return f"an object with {', '.join(part['properties'])}"
    return _PLAIN.get(str(kind), "another value") + more


def _list(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    least, most = part.get("minItems"), part.get("maxItems")
    if least is not None and least == most:
        how_many = f" of {least}"
    elif least:
        how_many = f" of at least {least}"
    else:
        how_many = ""
    return f"a list{how_many}, each {kind_told(part.get('items', {}), schema)}"


def _range(part: Mapping[str, Any]) -> str:
    words = (
        ("exclusiveMinimum", "above"),
        ("minimum", "from"),
        ("maximum", "up to"),
        ("exclusiveMaximum", "below"),
    )
    return "".join(f" {word} {part[key]:.12g}" for key, word in words if key in part)


def _follow(schema: Mapping[str, Any], path: Sequence[Any]) -> tuple[list[Any], Mapping[str, Any]]:
    """Return how far a path leads into a schema, and what is there."""
    part, gone = schema, list[Any]()
    for step in path:
        deeper = _step(part, step, schema)
        if deeper is None:
            break
        part = deeper
        gone.append(step)
    return gone, _resolved(part, schema)


def _step(
    part: Mapping[str, Any], step: Any, schema: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    part = _resolved(part, schema)
    for one in part.get("anyOf", [part]):
        inside = _resolved(one, schema)
        if isinstance(step, int) and "items" in inside:
            return dict(inside["items"])
        if step in inside.get("properties", {}):
            return dict(inside["properties"][step])
        by_name = inside.get("additionalProperties")
        if isinstance(step, str) and isinstance(by_name, Mapping):
            return by_name
    return None


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Mapping[str, Any] = schema["$defs"][reference.rpartition("/")[2]]
    return found


def _named(part: Any) -> str:
    return str(part)[:_LONGEST_NAME]
