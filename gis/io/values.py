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
from gis.io.means import means_not_understood
from gis.io.unread import Unread, mixed_units, odd, out_of_bounds, taken_as_unknown, unread
from gis.model import Categories, Column, Finding
from gis.model.layer import PANDAS_TYPES

_SHOWN: Final = 5
_EXCEL_DAYS: Final = (20_000, 80_000)
_EXCEL_EPOCH: Final = np.datetime64("1899-12-30")
_NO_YEAR: Final = frozenset([0.0, 9999.0])
_YEAR_MONTHS: Final = 190_001
_YEAR_DAYS_END: Final = 21_000_000
_SHORT_YEARS: Final = (50.0, 100.0)


@dataclass(eq=False)
class Converted:
    """One column of n rows, the rows that cannot be kept because of it, and what was noticed."""

    values: pd.Series[Any]
    refused: dict[int, str] = field(default_factory=dict)
    """Place of the row -> reason."""
    findings: list[Finding] = field(default_factory=list)
    unread: dict[int, Unread] = field(default_factory=dict)
    """Place of the row -> what was in a cell that is now unknown; the row is kept."""


def convert(
    column: Column,
    raw: NDArray[Any],
    *,
    factor: float = 1.0,
    unit_said: bool = False,
    rows: NDArray[np.int64] | None = None,
    categories: Categories | None = None,
) -> Converted:
    """Turn the raw cells of a column into values.

    Numbers that are none become unknown and are told, but for a required column, where they refuse
    their row; so do amounts that contradict themselves (below 0, infinite, beyond all bounds)
    everywhere. Words that are not known are noted: a required text keeps them as they are,
    anything else becomes unknown.

    Parameters
    ----------
    column
        What is wanted.
    raw
        (n,) cells as the file has them.
    factor
        From the unit in the heading.
    unit_said
        Whether the heading names a unit: then cells without one have it.
    rows
        (n,) numbers of the rows for messages; None to count from 1.
    categories
        The list that a ``category`` is looked up in.
    """
    if column.type in ("integer", "number"):
        done, noted = _numbers(column, raw, factor)
        shown = np.arange(1, len(raw) + 1) if rows is None else rows
        done.findings += taken_as_unknown(column, done.unread, len(raw))
        # Words for a year have their own finding; their rows are listed as all others are.
        done.unread |= {i: unread(column, cell) for i, cell in noted.vague.items()}
        if not unit_said:
            done.findings += mixed_units(column, noted.bare, noted.units, shown)
        return done
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
    if column.name == "means":
        done.findings += means_not_understood(texts)
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
        told = [*done.refused.values(), *(cell.told for cell in done.unread.values())]
        said = next(iter(told), f"'{value}' is no {column.name}")
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


@dataclass(eq=False)
class _Noted:
    """Cells of a column of numbers that were read with some freedom."""

    vague: dict[int, str] = field(default_factory=dict)
    """Place of the row -> words for a year that do not say which."""
    rough: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    """Years of two digits."""
    nowhere: list[str] = field(default_factory=list)
    """Words for a storey that say none."""
    several: list[str] = field(default_factory=list)
    """Several storeys, of which the lowest was read."""
    place: int = 0
    """Of the row that is read."""
    bare: list[int] = field(default_factory=list)
    """Places of the rows that name no unit."""
    units: list[str] = field(default_factory=list)
    """Units that cells name."""

    def findings(self, column: Column) -> list[Finding]:
        read = (
            ([*self.vague.values()], "word-unknown", "say no year and were read as unknown"),
            (self.rough, "number-rough", "are rough (约, 近, 余) and were read as the number"),
            (self.short, "year-short", "have two digits and were read as years of 1950 to 1999"),
            (self.nowhere, "word-unknown", "name no storey and were read as unknown"),
            (self.several, "storeys-several", "name several storeys; the lowest was read"),
        )
        return [_counted(column, cells, what, code=code) for cells, code, what in read if cells]


def _numbers(column: Column, raw: NDArray[Any], factor: float) -> tuple[Converted, _Noted]:
    bad: dict[int, str] = {}
    noted = _Noted()
    if raw.dtype.kind in "iuf":
        values = raw.astype(float) * factor
    else:
        values = np.full(len(raw), np.nan)
        for i, cell in enumerate(raw):
            try:
                noted.place = i
                values[i] = _number(column, cell, factor, noted)
            except ValueError:
                bad[i] = str(cell).strip()
    done = Converted(pd.Series(values, dtype="float64"))
    for i, cell in bad.items():
        told = unread(column, cell)
        if column.required:
            done.refused[i] = told.told
        else:
            done.unread[i] = told
    if column.unit == "year":
        values = _years(column, values, done, noted)
    done.findings += noted.findings(column)
    if column.unit == "share" and factor != 1.0:
        _doubt_per_cent(column, values, factor, done)
    _bounds(column, values, done)
    done.values = pd.Series(values, dtype="float64")
    if column.type == "integer":
        _note_fractions(column, values, done)
    _refuse_missing(column, done)
    return done, noted


def _number(column: Column, cell: object, factor: float, noted: _Noted) -> float:
    """Return the number in a cell, NaN where it is blank; ValueError with the reason if none."""
    if _is_missing(cell):
        return np.nan
    if isinstance(cell, bool | np.bool_):
        raise ValueError(f"{column.name} is {cell}, which is no number")
    if isinstance(cell, int | float | np.number):
        if cell != 0:
            noted.bare.append(noted.place)
        return float(cell) * factor
    text = str(cell).strip()
    if words.tidy(text) in words.NOTHING:
        return np.nan
    if column.unit == "year":
        year = _year(text, noted)
        if year is not None:
            return year
    if column.name == "storey":
        return _storey(text, noted)
    exact = words.about(text)
    found = words.number(text if exact is None else exact, column.unit)
    if found is None:
        raise ValueError(f"{column.name} is '{text[:40]}', which is no number")
    if exact is not None:
        noted.rough.append(text)
    value, own_unit = found
    if own_unit:
        noted.units.append(words.named_unit(text if exact is None else exact))
    elif value != 0:  # nothing is nothing in any unit
        noted.bare.append(noted.place)
    return value if own_unit else value * factor


def _storey(text: str, noted: _Noted) -> float:
    """Return the storey in a text, NaN where it names none: the room is there all the same."""
    found = words.number(text, "storeys")
    if found is not None:
        return found[0]
    storey, several = words.storey(text)
    if storey is None:
        noted.nowhere.append(text)
        return np.nan
    if several:
        noted.several.append(text)
    return float(storey)


def _year(text: str, noted: _Noted) -> float | None:
    """Return the year in a text, NaN where it means one without saying which, None if neither."""
    exact = words.about(text)
    year = words.year(text if exact is None else exact)
    if year is not None:
        if exact is not None:
            noted.rough.append(text)
        return float(year)
    if words.vague_year(text):
        noted.vague[noted.place] = text
        return np.nan
    short = words.short_year(text)
    if short is not None:
        noted.short.append(text)
        return float(short)
    return None


def _years(
    column: Column, values: NDArray[np.float64], done: Converted, noted: _Noted
) -> NDArray[np.float64]:
    """Return years without months and days; 0 and 9999 are what databases write for none."""
    none = np.isin(values, list(_NO_YEAR))
    if none.any():
        done.findings.append(
            Finding(
                "year-empty",
                f"{int(none.sum())} rows have {column.name} 0 or 9999; read as unknown",
                "info",
            )
        )
    years = np.where(none, np.nan, np.floor(values))
    for i in np.flatnonzero((years >= _YEAR_MONTHS) & (years < _YEAR_DAYS_END)):
        years[i] = words.year(f"{years[i]:.0f}") or years[i]  # 199901 or 19990101
    short = np.isin(values, np.arange(*_SHORT_YEARS))
    noted.short += [f"{value:.0f}" for value in values[short]]
    return np.where(short, years + 1900, years)


def _bounds(column: Column, values: NDArray[np.float64], done: Converted) -> None:
    """Refuse the rows of numbers out of bounds, or in some columns make the number unknown."""
    for i in np.flatnonzero(np.isinf(values)):
        done.refused[int(i)] = f"{column.name} is infinite"
    for i in np.flatnonzero(np.isfinite(values)):
        told = _out_of_bounds(column, float(values[i]))
        if told and out_of_bounds(column):
            done.unread[int(i)] = odd(column, told, float(values[i]))
            values[i] = np.nan
        elif told:
            done.refused[int(i)] = told


def _out_of_bounds(column: Column, value: float) -> str:
    """Say which bound a number breaks, "" if none."""
    written = f"{column.name} is {value:.10g}"
    if column.low is not None and value < column.low:
        return f"{written}, below {column.low:g}"
    if column.high is None or value <= column.high:
        return ""
    per_cent = column.unit == "share" and value <= 100
    remedy = f"; write {value / 100:.10g} or {value:.10g}%" if per_cent else ""
    return f"{written}, above {column.high:g}{remedy}"


def _doubt_per_cent(
    column: Column, values: NDArray[np.float64], factor: float, done: Converted
) -> None:
    """Doubt a heading in per cent over shares: a sheet shows 0.35 as 35 % and gives 0.35."""
    known = values[~np.isnan(values)]
    if len(known) and 0 < known.max() <= factor:
        done.findings.append(
            Finding(
                "per-cent-small",
                f"The heading of {column.name} is in %, but no value is above 1; if they are "
                "shares (0.35 for 35 %), take the % out of the heading",
            )
        )


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


def _counted(column: Column, cells: list[str], what: str, *, code: str = "word-unknown") -> Finding:
    counts = Counter(cells).most_common()
    shown = ", ".join(f"'{word[:30]}' ({count})" for word, count in counts[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    return Finding(code, f"{len(cells)} values of {column.name} {what}: {shown}{more}")


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
