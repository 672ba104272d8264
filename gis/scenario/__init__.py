"""Scenarios: what would change if a wall were opened, a gate added, a facility moved.

`lay_base` measures a study once; `what_if` then answers edits from what they change, and `apply`
makes the edited study, whose full measure says the same.
"""

from gis.scenario.base import Base, lay_base
from gis.scenario.difference import Difference, EstateChange, Standing, difference_of
from gis.scenario.edits import (
    AddFacility,
    AddGate,
    AddPath,
    CloseGate,
    Edit,
    EnlargeFacility,
    MoveFacility,
    OpenGate,
    OpenWall,
    Remove,
    SetHours,
    edits_of,
    words_of,
)
from gis.scenario.openings import Opening, OpeningSet, Ranking, find_openings, rank_openings
from gis.scenario.plan import apply
from gis.scenario.whatif import what_if

__all__ = [
    "AddFacility",
    "AddGate",
    "AddPath",
    "Base",
    "CloseGate",
    "Difference",
    "Edit",
    "EnlargeFacility",
    "EstateChange",
    "MoveFacility",
    "OpenGate",
    "Opening",
    "OpeningSet",
    "Ranking",
    "OpenWall",
    "Remove",
    "SetHours",
    "Standing",
    "apply",
    "difference_of",
    "edits_of",
    "find_openings",
    "lay_base",
    "rank_openings",
    "what_if",
    "words_of",
]
