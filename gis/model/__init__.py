"""The nouns: kinds of layer and their columns, layers, studies, findings.

A `Layer` that breaks what its kind promises cannot be made, so that no analysis has to check its
input again. Frames follow one rule for types: text is ``str`` (missing: NaN), integers and numbers
are ``float64`` (missing: NaN), booleans are pandas ``boolean``, dates are text ``YYYY-MM-DD``.
"""

from gis.model.categories import CATEGORIES_FILE, Categories, Category
from gis.model.kinds import KINDS, Column, Geometry, Kind, Type
from gis.model.layer import (
    PERSONS_PER_HOUSEHOLD,
    Finding,
    Layer,
    Study,
    append_rows,
    empty_frame,
    people_of,
)
from gis.model.progress import Progress, silent
from gis.model.text_table import TextTable

__all__ = [
    "CATEGORIES_FILE",
    "KINDS",
    "PERSONS_PER_HOUSEHOLD",
    "Categories",
    "Category",
    "Column",
    "Finding",
    "Geometry",
    "Kind",
    "Layer",
    "Progress",
    "Study",
    "TextTable",
    "Type",
    "append_rows",
    "empty_frame",
    "people_of",
    "silent",
]
