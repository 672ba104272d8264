"""Which estates take part: a small safe language over the columns of a layer.

``built_year <= 2000 and subdistrict in ('鲁谷街道', '老山街道')``: names of columns (or their
Chinese headings), numbers, texts, comparisons, ``and``, ``or``, ``not``, ``in``, and arithmetic.
Nothing else can be said in it, so that it can come from a command line or a web form.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.model import Layer

_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_LONGEST: Final = 2000


def select(layer: Layer, where: str) -> tuple[NDArray[np.bool_], int]:
    """Return the rows (n,) for which ``where`` is true, and for how many it cannot be known.

    What rests on a missing value is unknown (SQL's logic: unknown or true is true), and a row for
    which the whole is unknown is not selected.

    Raises
    ------
    OptionError
        The words cannot be read; the message names the position.
    """
    if len(where) > _LONGEST:
        raise OptionError(f"where has {len(where)} characters; give at most {_LONGEST}")
    try:
        tree = ast.parse(where.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        at = getattr(error, "offset", None) or 1
        hint = "; write == to compare" if "=" in where and "==" not in where else ""
        raise OptionError(f"where '{where}' cannot be read at character {at}{hint}") from error
    try:
        value = _Reader(layer, where).value(tree.body)
    except (RecursionError, OverflowError) as error:
        raise OptionError(
            "where is nested too deep or holds too large a number; simplify it"
        ) from error
    if not (isinstance(value, pd.Series) and str(value.dtype) == "boolean"):
        raise OptionError(f"where '{where}' is no condition; compare a column, as in people > 0")
    return value.fillna(False).to_numpy(dtype=bool), int(value.isna().sum())


class _Reader:
    def __init__(self, layer: Layer, where: str) -> None:
        self.layer = layer
        self.where = where
        self.names = {column.zh: column.name for column in layer.kind.columns}

    def value(self, node: ast.expr) -> Any:
        """Work out one part of the expression."""
        match node:
            case ast.Constant(value=value) if isinstance(value, int | float | str):
                return value
            case ast.Name():
                return self.column(node)
            case ast.BoolOp(op=op, values=values):
                return self.joined(op, values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ~self.condition(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.number(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return _ARITHMETIC[type(op)](self.number(left), self.number(right))
            case ast.Compare():
                return self.compared(node)
            case _:
                raise self.fault(node, "only columns, values, comparisons, and, or, not, in")

    def column(self, node: ast.Name) -> pd.Series[Any]:
        """Return a column with nullable type, so that unknown stays unknown."""
        name = self.names.get(node.id, node.id)
        frame = self.layer.frame
        if name in ("count", "area_m2") and name not in frame:
            return pd.Series(self.layer.numbers(name)).convert_dtypes()
        if name not in frame or name == "geometry":
            known = ", ".join(str(c) for c in frame.columns if c != "geometry")
            raise self.fault(node, f"there is no column '{node.id}'; give one of: {known}")
        values: pd.Series[Any] = frame[name].reset_index(drop=True)
        return values.convert_dtypes()

    def condition(self, node: ast.expr) -> Any:
        """Work out a part that must be true, false or unknown for each row."""
        value = self.value(node)
        if not isinstance(value, pd.Series) or str(value.dtype) != "boolean":
            raise self.fault(node, "this is no condition; compare it with something")
        return value

    def number(self, node: ast.expr) -> Any:
        """Work out a part that must be a number for each row."""
        value = self.value(node)
        is_number = (
            pd.api.types.is_numeric_dtype(value.dtype)
            if isinstance(value, pd.Series)
            else isinstance(value, int | float)
        )
        if not is_number:
            raise self.fault(node, "this is no number")
        return value

    def joined(self, op: ast.boolop, values: list[ast.expr]) -> Any:
        """Join conditions by and, or."""
        out = self.condition(values[0])
        for node in values[1:]:
            other = self.condition(node)
            out = out & other if isinstance(op, ast.And) else out | other
        return out

    def compared(self, node: ast.Compare) -> Any:
        """Compare, also in a chain: 1980 <= built_year < 2000."""
        out: Any = None
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            one = self.contained(left, op, right) or self.one_comparison(left, op, right)
            out = one.value if out is None else out & one.value
            left = right
        return out

    def contained(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Held | None:
        """Read ``column in (a, b)``."""
        if not isinstance(op, ast.In | ast.NotIn):
            return None
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            raise self.fault(right, "give the values after 'in' in brackets, as in ('a', 'b')")
        column = self.value(left)
        if not isinstance(column, pd.Series):
            raise self.fault(left, "put a column before 'in'")
        values = [self.value(v) for v in right.elts]
        if any(isinstance(v, pd.Series) for v in values):
            raise self.fault(right, "give values after 'in', no columns")
        found = column.isin(values).astype("boolean").mask(column.isna())
        return _Held(~found if isinstance(op, ast.NotIn) else found)

    def one_comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Held:
        """Read one comparison of two values of one type."""
        a, b = self.value(left), self.value(right)
        if type(op) not in _COMPARE:
            raise self.fault(left, "compare with ==, !=, <, <=, >, >= or in")
        if not isinstance(a, pd.Series) and not isinstance(b, pd.Series):
            raise self.fault(left, "compare at least one column")
        if _is_text(a) != _is_text(b) and not (_all_missing(a) or _all_missing(b)):
            raise self.fault(left, "a text cannot be compared with a number")
        if _all_missing(a) or _all_missing(b):
            return _Held(pd.Series(pd.NA, index=range(len(self.layer)), dtype="boolean"))
        return _Held(_COMPARE[type(op)](a, b).astype("boolean"))

    def fault(self, node: ast.expr, words: str) -> OptionError:
        """Return an error that names the place."""
        part = ast.get_source_segment(self.where.strip(), node) or ""
        at = self.where.find(part) + 1 if part else 1
        return OptionError(f"where '{self.where}', character {at} ('{part}'): {words}")


class _Held:
    """A worked-out comparison; its truth is never asked, only its presence."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _is_text(value: Any) -> bool:
    if isinstance(value, pd.Series):
        return bool(pd.api.types.is_string_dtype(value.dtype))
    return isinstance(value, str)


def _all_missing(value: Any) -> bool:
    return isinstance(value, pd.Series) and bool(value.isna().all())
