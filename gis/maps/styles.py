"""Colours, line styles and legend texts of the map, as data.

Covered and gap are blue and orange, which colour-blind readers tell apart; nothing rests on red
against green.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Style = dict[str, Any]

DISTRICT_COLOURS: Final = (
    "#7fc8a9", "#f2b880", "#8fb8de", "#e59aa5", "#c3aed6", "#d9d46b",
    "#8ed1cf", "#d6a77a", "#a9c46c", "#f0a6ca", "#9aa7d8", "#b8b8a0",
)  # fmt: skip
"""Neighbouring districts get different ones."""

NO_DISTRICT: Final = "#c9ced2"
PLAIN: Final = "#efe3cf"

MISSING: Final = ("#cfe3ea", "#fdebb0", "#fdc56b", "#f28c42", "#b8402a")
"""Colours from nothing missing to the most; `missing_steps` says which numbers they stand for."""


def missing_steps(counts: NDArray[np.int64]) -> list[tuple[int, int, str]]:
    """Return the classes of a legend of missing services: from, to, colour.

    None missing has its own class. The rest is cut so that each class holds about as many estates:
    a map on which all are in one class says nothing.
    """
    some = np.sort(counts[counts > 0])
    steps = [(0, 0, MISSING[0])]
    if not len(some):
        return steps
    classes = len(MISSING) - 1
    tops = np.unique(some[np.ceil(np.arange(1, classes + 1) / classes * len(some)).astype(int) - 1])
    colours = MISSING[1:] if len(tops) == classes else MISSING[-len(tops) :]
    low = 1
    for top, colour in zip(tops.tolist(), colours, strict=True):
        steps.append((low, top, colour))
        low = top + 1
    return steps


STATUS: Final = (
    ("covered", "#4f93b8"),
    ("gap", "#ee7d31"),
    ("unlinked", "#8a6bb1"),
    ("no-data", "#c9ced2"),
)

GROUP_COLOURS: Final = {
    "elderly": "#b5179e",
    "childcare": "#e85d04",
    "health": "#c1121f",
    "education": "#1d4ed8",
    "service": "#0b6e4f",
    "commerce": "#a16207",
    "culture": "#6d28d9",
    "sport": "#0e7490",
    "green": "#3f8f29",
    "sanitation": "#57534e",
    "transport": "#334155",
    "other": "#8d99a6",
}
SITE_COLOURS: Final = (
    "#c2188f", "#111827", "#f5e03c", "#0b5d45", "#4b1d8f", "#f7b6dc", "#7a4a12", "#1fb57a",
)  # fmt: skip
"""Chosen sites by what they hold: apart from each other and from covered and gap, for those too
who see no red or no green."""
GROUP_WORDS: Final = {
    "elderly": ("养老", "Elderly care"),
    "childcare": ("托育与幼儿园", "Childcare"),
    "health": ("医疗卫生", "Health"),
    "education": ("中小学", "Schools"),
    "service": ("社区服务", "Community services"),
    "commerce": ("便民商业", "Shops"),
    "culture": ("文化", "Culture"),
    "sport": ("体育活动", "Sport"),
    "green": ("绿地", "Green"),
    "sanitation": ("环卫", "Sanitation"),
    "transport": ("交通停车", "Transport"),
    "other": ("其他", "Other"),
}

PIPE_STYLES: Final = {
    "water": ("给水", "Water supply", "#1d6fd1"),
    "storm": ("雨水", "Storm drain", "#16a3a8"),
    "sewer": ("污水", "Sewer", "#7a5230"),
    "combined": ("合流", "Combined sewer", "#5b6b2f"),
    "gas": ("燃气", "Gas", "#d4a106"),
    "heat": ("供热", "Heat", "#d9480f"),
    "power": ("电力", "Power", "#c1121f"),
    "telecom": ("通信", "Telecom", "#7b2cbf"),
    "other": ("其他", "Other", "#6b7280"),
}

BARRIER_STYLES: Final = {
    "river": ("河流", "River", "#3b82c4", None),
    "railway": ("铁路", "Railway", "#3a3a3a", "6 5"),
    "expressway": ("快速路", "Expressway", "#b45309", None),
    "wall": ("围墙", "Wall", "#7c2d12", "2 3"),
    "other": ("其他", "Other", "#6b7280", "4 4"),
}

STAGE_STYLES: Final = {
    "survey": ("摸底", "Survey", "#cbd5e1"),
    "consent": ("征求意见", "Consent", "#fde68a"),
    "design": ("设计", "Design", "#fcd34d"),
    "approval": ("审批", "Approval", "#fbbf24"),
    "tender": ("招标", "Tender", "#f59e0b"),
    "works": ("施工", "Works", "#ea580c"),
    "acceptance": ("验收", "Acceptance", "#65a30d"),
    "closed": ("销号", "Closed", "#15803d"),
    "other": ("未填", "Not given", "#e5e7eb"),
}

WATER: Final[Style] = {
    "fillColor": "#b5d3e7", "fillOpacity": 1, "color": "#8fb9d6", "weight": 0.8,
}  # fmt: skip
GREEN: Final[Style] = {
    "fillColor": "#d5e8c8", "fillOpacity": 1, "color": "#bcd8aa", "weight": 0.5,
}  # fmt: skip

COMMUNITY: Final[Style] = {
    "color": "#475569", "weight": 1.6, "dashArray": "7 4 2 4", "fill": False,
}  # fmt: skip
BUILDING: Final[Style] = {
    "color": "#8b7d6b", "weight": 0.6, "fillColor": "#c8b9a2", "fillOpacity": 0.85,
}  # fmt: skip
WALL: Final[Style] = {"color": "#7c2d12", "weight": 1.4}


@dataclass(frozen=True)
class StreetStyle:
    """How streets of some classes are drawn; ``case_px`` is the width of the darker edge below."""

    classes: tuple[str, ...]
    colour: str
    width_px: float
    case_px: float = 0.0
    dash: str | None = None


FOOTWAYS: Final = (
    "footway", "path", "steps", "pedestrian", "cycleway", "track", "bridleway", "corridor",
)  # fmt: skip
STREETS: Final = (
    StreetStyle(FOOTWAYS, "#c9bfae", 0.8, dash="3 2"),
    StreetStyle(("service", "living_street"), "#ffffff", 1.2, 2.0),
    StreetStyle(("residential", "unclassified", "road", ""), "#ffffff", 2.2, 3.2),
    StreetStyle(("tertiary", "tertiary_link"), "#fffdf3", 3.0, 4.2),
    StreetStyle(("secondary", "secondary_link"), "#fdf3cf", 3.6, 5.0),
    StreetStyle(("primary", "primary_link"), "#fbe2a4", 4.4, 5.8),
    StreetStyle(("trunk", "trunk_link", "motorway", "motorway_link"), "#f4bf78", 4.8, 6.4),
)  # fmt: skip
CASE_COLOUR: Final = "#cfc8ba"
"""Drawn in this order; a class that none names is drawn as residential."""
