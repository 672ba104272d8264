"""How each work may be asked: one example of its options, as the API's documents show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["EXAMPLES"]

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "coverage": {"walker": "elder", "capacity": True},
    "openings": {"top": 20, "together": 3},
    "what_if": {"edits": [{"edit": "OpenGate", "uid": "G0007"}], "save": "open-gate"},
    "isochrones": {"category": "nursery", "minutes": [5, 10, 15]},
    "step_free": {"categories": ["nursery"], "ramps": 10},
    "sites": {"categories": ["nursery"], "count": 3, "budget": 2_000_000},
    "findings": {},
    "districts": {
        "plan": "plan",
        "where": "built_year <= 2000",
        "sizes": {"people": [5000, 12_000], "cost_yuan": [None, 50_000_000]},
        "not_across": ["arterials"],
    },
    "alternatives": {"plan": "plan", "count": 3},
    "repair": {"plan": "plan", "save": "mended"},
    "compare": {"plan": "plan", "other": "mended"},
    "map": {"plan": "plan", "lang": "zh"},
    "gap_list": {"lang": "zh"},
    "export": {"format": "gpkg", "layers": ["estates", "facilities"]},
    "plan_export": {"plan": "plan", "format": "xlsx"},
}
"""Options by work."""
