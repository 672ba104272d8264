"""What is done with plans: their metrics, comparing two, work packages, plans drawn elsewhere."""

from gis.plans.alternatives import Alternatives, alternatives, difference
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
    "alternatives",
    "changed_inputs",
    "compare_plans",
    "difference",
    "input_stamp",
    "match_districts",
    "measure_plan",
    "package_sums",
    "repair_plan",
]
