"""What a person may write into a row: values held against the columns of the kind, and geometries.

An import is lenient, since nobody can ask a file; an edit is strict, since whoever makes it is
there to be told. Only what an edit sets is looked at: a row that was odd can be mended in steps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.errors import LayerError
from gis.model import Categories, Column, Kind
from gis.model.layer import TYPE_IDS

LONGEST_TEXT: Final = 10_000
LONGEST_UID: Final = 200
MOST_VERTICES: Final = 1_000_000
_WORDS_TOLD: Final = 40
_FARTHEST_M: Final = 1_000_000.0
_LARGEST_EXACT: Final = 2.0**53


def checked_values(
    kind: Kind, uid: str, values: Mapping[str, Any], extras: Mapping[str, str], *, whole: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values to be stored: those of the kind's columns, and those of the user's own.

    Parameters
    ----------
    kind, uid
        Where they go; the uid is for messages and is no value.
    values
        Name of a column -> JSON value, None for unknown.
    extras
        The user's own columns of the layer, with their types; others cannot be set.
    whole
        The row is new: what a kind requires has to be among them.

    Raises
    ------
    LayerError
        A value does not do, or there is no such column.
    """
    own: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == "uid":
            continue
        if name in kind.column_names:
            found[name] = _checked(kind, uid, kind.column(name), value)
        elif name in extras:
            own[name] = _extra(kind, uid, name, extras[name], value)
        else:
            raise _refusal(kind, uid, name, "there is no such column", _columns(kind, extras))
    for column in kind.columns:
        missing = column.required and found.get(column.name) is None
        if missing and (whole or column.name in found):
            raise _refusal(kind, uid, column.name, "a value is needed", _choice(column))
    return found, own


def checked_uid(kind: Kind, uid: object) -> str:
    """Return a uid that does as the key of a row.

    Raises
    ------
    LayerError
        It is no text, blank or too long, or has letters that cannot be printed.
    """
    if (
        isinstance(uid, str)
        and 0 < len(uid) <= LONGEST_UID
        and uid.isprintable()
        and uid == uid.strip()
    ):
        return uid
    raise LayerError(
        f"A row of the {kind.name} cannot have the uid {uid!r:.40}; give 1 to {LONGEST_UID} "
        "printable characters without spaces around them, or none to have one made"
    )


def checked_geometry(
    kind: Kind, uid: str, shape: BaseGeometry | None, *, near: BaseGeometry | None
) -> None:
    """Make sure that a geometry does for a row of a kind; nothing is repaired in silence.

    Parameters
    ----------
    near
        Any geometry of the project: no city is a thousand kilometres wide.

    Raises
    ------
    LayerError
        It is missing or empty where one is needed, of a type that the kind does not have, invalid,
        or far from everything else.
    """
    if shape is None or shape.is_empty:
        if kind.geometry_required:
            raise _refusal(kind, uid, "geometry", "one is needed", f"draw a {_drawn(kind)}")
        return
    if shapely.get_type_id(shape) not in {i for word in kind.geometry for i in TYPE_IDS[word]}:
        what = f"a {shape.geom_type} does not do"
        raise _refusal(kind, uid, "geometry", what, f"draw a {_drawn(kind)}")
    points = shapely.get_coordinates(shape)
    if not np.isfinite(points).all():
        raise _refusal(kind, uid, "geometry", "a coordinate is no number", "draw it again")
    if len(points) > MOST_VERTICES:
        what = f"it has {len(points)} vertices"
        raise _refusal(kind, uid, "geometry", what, f"give at most {MOST_VERTICES}")
    if not shapely.is_valid(shape):
        why = shapely.is_valid_reason(shape)
        raise _refusal(kind, uid, "geometry", f"it is not valid ({why})", "draw it again")
    if near is not None and not near.is_empty:
        apart = _box_distance(shape, near)
        if apart > _FARTHEST_M:
            what = f"it is {apart / 1000:.0f} km away from the rest"
            raise _refusal(kind, uid, "geometry", what, "give it in the CRS of the project")


def extra_text(text: str | None, own: Mapping[str, Any], extras: Mapping[str, str]) -> str | None:
    """Return the JSON of the user's own columns after some were set, in their order."""
    kept: dict[str, Any] = {}
    try:
        found = json.loads(text) if text else {}
        kept = found if isinstance(found, dict) else {}
    except ValueError:
        pass  # broken in another program; what is set now makes it whole again
    kept = {**kept, **own}
    order = [*extras, *(name for name in kept if name not in extras)]
    told = {name: kept[name] for name in order if kept.get(name) is not None}
    return json.dumps(told, ensure_ascii=False)


def _checked(kind: Kind, uid: str, column: Column, value: Any) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    match column.type:
        case "boolean":
            if isinstance(value, bool):
                return value
            raise _refusal(kind, uid, column.name, f"{value!r:.40} is no boolean", "true or false")
        case "integer" | "number":
            return _number(kind, uid, column, value)
    text = _text(kind, uid, column.name, value)
    if column.type == "date":
        return _date(kind, uid, column, text)
    if column.name == "category":
        return _category(kind, uid, text)
    return _word(kind, uid, column, text) if column.words else text


def _number(kind: Kind, uid: str, column: Column, value: Any) -> float | int:
    name = column.name
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(kind, uid, name, f"{value!r:.40} is no number", "write digits only")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refusal(kind, uid, name, f"{value!r:.40} is no finite number", "leave it empty")
    if column.low is not None and number < column.low:
        what = f"{number:g} is below {column.low:g}"
        raise _refusal(kind, uid, name, what, _range(column))
    if column.high is not None and number > column.high:
        what = f"{number:g} is above {column.high:g}"
        raise _refusal(kind, uid, name, what, _range(column))
    if column.type == "number":
        return number
    if not number.is_integer() or abs(number) > _LARGEST_EXACT:
        raise _refusal(kind, uid, name, f"{number!r} is not whole", "give a whole number")
    return int(number)


def _text(kind: Kind, uid: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refusal(kind, uid, name, f"{value!r:.40} is no text", "put it in quotes")
    if len(value) > LONGEST_TEXT:
        what = f"the text has {len(value)} characters"
        raise _refusal(kind, uid, name, what, f"give at most {LONGEST_TEXT}")
    # PostgreSQL keeps no NUL, and half a surrogate pair is no UTF-8.
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _refusal(kind, uid, name, "the text is broken", "type it again")
    return value


def _date(kind: Kind, uid: str, column: Column, text: str) -> str:
    from gis.io.words import date

    found = date(text)
    if found is None:
        raise _refusal(kind, uid, column.name, f"{text!r:.40} is no date", "write YYYY-MM-DD")
    return found


def _category(kind: Kind, uid: str, text: str) -> str:
    categories = Categories.load()
    code = categories.recognise(text)
    if code is None:
        what = f"there is no category {text!r:.40}"
        raise _refusal(kind, uid, "category", what, f"give one of: {', '.join(categories)}")
    return code


def _word(kind: Kind, uid: str, column: Column, text: str) -> str:
    from gis.io.words import tidy

    known = {tidy(word): ours for ours, all_ in column.words for word in (ours, *all_)}
    ours = known.get(tidy(text))
    if ours is None:
        raise _refusal(kind, uid, column.name, f"{text!r:.40} is not known", _choice(column))
    return ours


def _extra(kind: Kind, uid: str, name: str, wanted: str, value: Any) -> Any:
    if value is None:
        return None
    if wanted == "boolean" and not isinstance(value, bool):
        raise _refusal(kind, uid, name, "the value is no boolean", "true or false")
    if wanted == "number":
        bad = isinstance(value, bool) or not isinstance(value, int | float)
        if bad or not math.isfinite(value):
            raise _refusal(kind, uid, name, "the value is no number", "write digits only")
        return float(value)
    return _text(kind, uid, name, value) if wanted == "text" else value


def _refusal(kind: Kind, uid: str, column: str, what: str, remedy: str) -> LayerError:
    return LayerError(f"Row '{uid}' of the {kind.name}, column {column}: {what}; {remedy}")


def _columns(kind: Kind, extras: Mapping[str, str]) -> str:
    names = [*kind.column_names[1:], *extras]
    return f"give one of: {', '.join(names)}; a new one comes with an import"


def _choice(column: Column) -> str:
    words = [ours for ours, _ in column.words]
    if not words:
        return "give one"
    more = f" and {len(words) - _WORDS_TOLD} more" if len(words) > _WORDS_TOLD else ""
    return f"give one of: {', '.join(words[:_WORDS_TOLD])}{more}"


def _range(column: Column) -> str:
    low = "" if column.low is None else f" from {column.low:g}"
    high = "" if column.high is None else f" to {column.high:g}"
    return f"give a number{low}{high}"


def _drawn(kind: Kind) -> str:
    return " or ".join(kind.geometry)


def _box_distance(one: BaseGeometry, other: BaseGeometry) -> float:
    return float(shapely.distance(shapely.box(*one.bounds), shapely.box(*other.bounds)))
