"""What is done with plans: their metrics, comparing two, work packages, plans drawn elsewhere.

A name loads its module when it is first used: telling whether a plan is stale needs none of them.
`gis.plans.alternatives` finds several plans in one run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gis.plans.alternatives import Alternatives, difference
    from gis.plans.compare import PlanDifference, compare_plans, match_districts
    from gis.plans.edit import Edit, PlanEditor
    from gis.plans.live import Verdict
    from gis.plans.metrics import METRICS, Metric, PlanMetrics, measure_plan
    from gis.plans.packages import Package, package_sums
    from gis.plans.repair import Move, Repair, repair_plan
    from gis.plans.stamp import changed_inputs, input_stamp

__all__ = [
    "METRICS",
    "Alternatives",
    "Edit",
    "Metric",
    "Move",
    "Package",
    "PlanDifference",
    "PlanEditor",
    "PlanMetrics",
    "Repair",
    "Verdict",
    "changed_inputs",
    "compare_plans",
    "difference",
    "input_stamp",
    "match_districts",
    "measure_plan",
    "package_sums",
    "repair_plan",
]

_IN: Final = {
    "alternatives": ("Alternatives", "difference"),
    "compare": ("PlanDifference", "compare_plans", "match_districts"),
    "edit": ("Edit", "PlanEditor"),
    "live": ("Verdict",),
    "metrics": ("METRICS", "Metric", "PlanMetrics", "measure_plan"),
    "packages": ("Package", "package_sums"),
    "repair": ("Move", "Repair", "repair_plan"),
    "stamp": ("changed_inputs", "input_stamp"),
}


def __getattr__(name: str) -> Any:
    for module, names in _IN.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
