"""Columns of frames as JSON values, and their headings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gis.model import Column


def values(column: pd.Series[Any]) -> list[Any]:
    """Return a column as JSON values: unknown becomes null, whole numbers lose their point."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return [None if pd.isna(value) else bool(value) for value in column]
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        return [None if np.isnan(v) else int(v) if v == int(v) else round(v, 2) for v in numbers]
    return [None if pd.isna(value) else str(value) for value in column]


def heading(column: Column) -> dict[str, Any]:
    """Return what a popup needs to show a column: headings, unit, and whether it is a count."""
    counted = column.type in ("integer", "number") and column.unit != "year"
    return {
        "name": column.name,
        "zh": column.zh,
        "en": column.en,
        "unit": column.unit,
        "type": "count" if counted else "text",
    }
