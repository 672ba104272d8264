"""Rule packs: the standards as data.

A pack is a file of ``data/rules``; ``data/README.md`` says where each figure comes from. A
pack with any fault is refused as a whole, with all its faults at once: half a standard looks like a
whole one in a table.
"""

from gis.rules.faults import LONGEST_LIMIT
from gis.rules.pack import (
    DEFAULT_PACK,
    Level,
    NotTested,
    Rule,
    RulePack,
    Unit,
    load_pack,
    own_rule,
    pack_names,
    read_pack,
)
from gis.rules.sizes import GROUPS, MEASURES, STRENGTHS, Instead, Measure, Size
from gis.walkers import Walker, load_walker, walker_names

__all__ = [
    "DEFAULT_PACK",
    "GROUPS",
    "LONGEST_LIMIT",
    "MEASURES",
    "STRENGTHS",
    "Instead",
    "Level",
    "Measure",
    "NotTested",
    "Rule",
    "RulePack",
    "Size",
    "Unit",
    "Walker",
    "load_pack",
    "load_walker",
    "own_rule",
    "pack_names",
    "read_pack",
    "walker_names",
]
