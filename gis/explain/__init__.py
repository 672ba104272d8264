"""Why is this estate a gap: the walk to the nearest facility, what makes it long, what mends it.

Every figure is that of a search: the walk as it is, and the walk with one thing changed.
"""

from gis.explain.answer import explain, find_rule
from gis.explain.explanation import CAUSES, REMEDIES, Cause, Explanation, Part, Remedy

__all__ = [
    "CAUSES",
    "REMEDIES",
    "Cause",
    "Explanation",
    "Part",
    "Remedy",
    "explain",
    "find_rule",
]
