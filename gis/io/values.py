"""Raw cells to values of our columns: what is understood, what is refused, what is only noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.errors import ColumnError
from gis.io import words
from gis.model import Categories, Column, Finding
from gis.model.layer import PANDAS_TYPES

_SHOWN: Final = 5
_EXCEL_DAYS: Final = (20_000, 80_000)
_EXCEL_EPOCH: Final = np.datetime64("1899-12-30")
_NO_YEAR: Final = frozenset([0.0, 9999.0])


@dataclass(eq=False)
class Converted:
    """One column of n rows, the rows that cannot be kept because of it, and what was noticed."""

    values: pd.Series[Any]
    refused: dict[int, str] = field(default_factory=dict)
    """Place of the row -> reason."""
    findings: list[Finding] = field(default_factory=list)


def convert(
    column: Column, raw: NDArray[Any], *, factor: float = 1.0, categories: Categories | None = None
) -> Converted:
    """Turn the raw cells of a column into values.

    Numbers that are none, or out of their bounds, refuse their row. Words that are not known are
    noted: a required text keeps them as they are, anything else becomes unknown.

    Parameters
    ----------
    column
        What is wanted.
    raw
        (n,) cells as the file has them.
    factor
        From the unit in the heading.
    categories
        The list that a ``category`` is looked up in.
    """
    if column.type in ("integer", "number"):
        return _numbers(column, raw, factor)
    if column.type == "boolean":
        return _looked_up(column, raw, _boolean, "boolean")
    if column.type == "date":
        return _looked_up(column, raw, _date, "str")
    texts = text_values(raw)
    if categories is not None and column.name == "category":
        return _listed(column, texts, lambda word: _category(word, categories))
    if column.words:
        known = {words.tidy(word): ours for ours, all_ in column.words for word in (ours, *all_)}
        return _listed(column, texts, lambda word: known.get(words.tidy(word)))
    done = Converted(_series(texts, "str"))
    _refuse_missing(column, done)
    return done


def convert_constant(
    column: Column, value: str, rows: int, *, categories: Categories | None = None
) -> Converted:
    """Give all rows the value of ``--set``.

    Raises
    ------
    ColumnError
        The value does not fit the column.
    UnknownNameError
        There is no such category.
    """
    if categories is not None and column.name == "category":
        value = categories.require(value).code
    done = convert(column, np.array([value], dtype=object), categories=categories)
    if done.refused or done.values.isna().any() or done.findings:
        said = next(iter(done.refused.values()), f"'{value}' is no {column.name}")
        options = ", ".join(ours for ours, _ in column.words)
        more = f"; give one of: {options}" if options else ""
        raise ColumnError(f"--set {column.name}={value}: {said}{more or '; give another value'}")
    one = done.values.iloc[0]
    return Converted(pd.Series([one] * rows, dtype=PANDAS_TYPES[column.type]))


def unknown(column: Column, rows: int) -> Converted:
    """Return a column of which the file says nothing."""
    return Converted(pd.Series([None] * rows, dtype=PANDAS_TYPES[column.type]))


def text_values(raw: NDArray[Any]) -> list[str | None]:
    """Return cells as text: 12.0 becomes "12", blanks become None."""
    if raw.dtype != object:
        raw = raw.astype(object)
    return [_text(value) for value in raw]


def extra_values(raw: NDArray[Any]) -> pd.Series[Any]:
    """Return a column of the user's own: numbers stay numbers, all else becomes text."""
    if raw.dtype == bool:
        return pd.Series(raw, dtype="boolean")
    if raw.dtype.kind in "iuf":
        return pd.Series(raw.astype(float), dtype="float64")
    filled = [value for value in raw if not _is_missing(value) and value != ""]
    if filled and all(isinstance(value, bool | np.bool_) for value in filled):
        return pd.Series([None if _is_missing(v) else v for v in raw], dtype="boolean")
    if filled and all(isinstance(value, int | float | np.number) for value in filled):
        numbers = [np.nan if _is_missing(v) or v == "" else float(v) for v in raw]
        return pd.Series(numbers, dtype="float64")
    return _series(text_values(raw), "str")


def _numbers(column: Column, raw: NDArray[Any], factor: float) -> Converted:
    refused: dict[int, str] = {}
    vague: list[str] = []
    if raw.dtype.kind in "iuf":
        values = raw.astype(float) * factor
    else:
        values = np.full(len(raw), np.nan)
        for i, cell in enumerate(raw):
            try:
                values[i] = _number(column, cell, factor, vague)
            except ValueError as error:
                refused[i] = str(error)
    done = Converted(pd.Series(values, dtype="float64"), refused)
    if column.unit == "year":
        values = _years(column, values, done)
    if vague:
        done.findings.append(_counted(column, vague, "say no year and were read as unknown"))
    _bounds(column, values, done)
    done.values = pd.Series(values, dtype="float64")
    if column.type == "integer":
        _note_fractions(column, values, done)
    _refuse_missing(column, done)
    return done


def _number(column: Column, cell: object, factor: float, vague: list[str]) -> float:
    """Return the number in a cell, NaN where it is blank; ValueError with the reason if none."""
    if _is_missing(cell):
        return np.nan
    if isinstance(cell, bool | np.bool_):
        raise ValueError(f"{column.name} is {cell}, which is no number")
    if isinstance(cell, int | float | np.number):
        return float(cell) * factor
    text = str(cell).strip()
    if words.tidy(text) in words.NOTHING:
        return np.nan
    if column.unit == "year":
        year = words.year(text)
        if year is not None:
            return float(year)
        if words.vague_year(text):
            vague.append(text)
            return np.nan
    found = words.number(text, column.unit)
    if found is None:
        raise ValueError(f"{column.name} is '{text[:40]}', which is no number")
    value, own_unit = found
    return value if own_unit else value * factor


def _years(column: Column, values: NDArray[np.float64], done: Converted) -> NDArray[np.float64]:
    """Return years without their months (1998.5); 0 and 9999 are what databases write for none."""
    none = np.isin(values, list(_NO_YEAR))
    if none.any():
        done.findings.append(
            Finding(
                "year-empty",
                f"{int(none.sum())} rows have {column.name} 0 or 9999; read as unknown",
                "info",
            )
        )
    return np.where(none, np.nan, np.floor(values))


def _bounds(column: Column, values: NDArray[np.float64], done: Converted) -> None:
    for i in np.flatnonzero(np.isinf(values)):
        done.refused[int(i)] = f"{column.name} is infinite"
    if column.low is not None:
        for i in np.flatnonzero(values < column.low):
            done.refused[int(i)] = f"{column.name} is {values[i]:.10g}, below {column.low:g}"
    if column.high is not None:
        for i in np.flatnonzero(values > column.high):
            done.refused[int(i)] = f"{column.name} is {values[i]:.10g}, above {column.high:g}"


def _note_fractions(column: Column, values: NDArray[np.float64], done: Converted) -> None:
    known = values[~np.isnan(values)]
    odd = known[known != np.round(known)]
    if len(odd):
        done.findings.append(
            Finding(
                "not-whole",
                f"{len(odd)} values of {column.name} are not whole (such as {odd[0]:g}) and "
                "were kept; if they are in thousands or 万, name the unit: "
                f"--column '{column.name}=HEADING(万{_UNIT_ZH.get(column.unit, '')})'",
            )
        )


_UNIT_ZH: Final = {"people": "人", "households": "户"}


def _looked_up(
    column: Column, raw: NDArray[Any], read: Callable[[object], object], dtype: str
) -> Converted:
    values: list[object] = []
    unknown: list[str] = []
    for cell in raw:
        if _is_missing(cell) or words.tidy(str(cell)) in words.NOTHING:
            values.append(None)
            continue
        value = read(cell)
        if value is None:
            unknown.append(str(cell).strip())
        values.append(value)
    done = Converted(pd.Series(values, dtype=dtype))
    if unknown:
        done.findings.append(_counted(column, unknown, "were not understood and read as unknown"))
    _refuse_missing(column, done)
    return done


def _boolean(cell: object) -> bool | None:
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    word = words.tidy(str(cell))
    if word in words.YES:
        return True
    return False if word in words.NO else None


def _date(cell: object) -> str | None:
    if isinstance(cell, int | float | np.number) and not isinstance(cell, bool):
        number = float(cell)
        if _EXCEL_DAYS[0] <= number <= _EXCEL_DAYS[1]:
            return str(_EXCEL_EPOCH + np.timedelta64(int(number), "D"))
        cell = f"{number:.0f}"
    return words.date(str(cell))


def _listed(
    column: Column, texts: list[str | None], find: Callable[[str], str | None]
) -> Converted:
    """Look words up in a short list; what is not in it is kept as it is, and said."""
    known = {text: find(text) for text in dict.fromkeys(texts) if text is not None}
    unknown = [text for text in texts if text is not None and known[text] is None]
    values = [None if text is None else known[text] or text for text in texts]
    done = Converted(_series(values, "str"))
    if unknown:
        code = "CODE" if column.name == "category" else "WORD"
        done.findings.append(
            _counted(
                column,
                unknown,
                f"are not known and were kept as they are; give all rows one with --set "
                f"{column.name}={code}, or change them in the file",
            )
        )
    _refuse_missing(column, done)
    return done


def _category(word: str, categories: Categories) -> str | None:
    """Find a category; map services write several levels, such as 生活服务;物流速递;邮局."""
    code = categories.recognise(word)
    if code is not None:
        return code
    levels = [part for part in word.replace("|", ";").replace("；", ";").split(";") if part.strip()]
    found = (categories.recognise(level) for level in reversed(levels))
    return next((code for code in found if code is not None), None)


def _counted(column: Column, cells: list[str], what: str) -> Finding:
    counts = Counter(cells).most_common()
    shown = ", ".join(f"'{word[:30]}' ({count})" for word, count in counts[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    return Finding("word-unknown", f"{len(cells)} values of {column.name} {what}: {shown}{more}")


def _refuse_missing(column: Column, done: Converted) -> None:
    if column.required:
        for i in np.flatnonzero(done.values.isna().to_numpy()):
            done.refused.setdefault(int(i), f"{column.name} is missing")


def _series(texts: list[Any], dtype: str) -> pd.Series[Any]:
    return pd.Series(texts, dtype=dtype)


def _text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    text = str(value).replace("\0", "").strip()
    return text or None


def _is_missing(value: object) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float | np.floating) and bool(np.isnan(value)))
    )
