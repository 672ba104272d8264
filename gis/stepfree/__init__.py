"""Step-free ways: who has none to which elderly service, and which ramps bring most people.

A home has a step-free way to a service when the walker in a wheelchair gets there: without stairs,
without a street that is too steep (where heights are known) or too narrow. What such a way lacks is
found by one search per service; what a ramp would bring, by searching only where it changes things.
"""

from gis.stepfree.measure import step_free
from gis.stepfree.ramps import Obstacle
from gis.stepfree.result import STATUSES, Ramp, Step, StepFree

__all__ = ["STATUSES", "Obstacle", "Ramp", "Step", "StepFree", "step_free"]
