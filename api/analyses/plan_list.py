"""The list of plans: which of them rest on layers that have changed since."""

from __future__ import annotations

from collections.abc import Sequence

from api.store import Project
from api.store.plans import PlanInfo
from gis.errors import UnknownNameError
from gis.plans.stamp import changed_kinds, inputs_of, layer_stamp


def stale_plans(project: Project, infos: Sequence[PlanInfo]) -> dict[tuple[str, int], list[str]]:
    """Return, for each of the plans, the layers that changed since it was made.

    Only the layers that they rest on are read, one after the other.
    """
    stamped = [info for info in infos if info.settings.get("input_stamp")]
    now = {}
    for kind in dict.fromkeys(kind for info in stamped for kind in inputs_of(info.settings)):
        try:
            now[kind] = layer_stamp(project.read_layer(kind))
        except UnknownNameError:
            continue  # there is no such layer any more
    found: dict[tuple[str, int], list[str]] = {(info.name, info.version): [] for info in infos}
    for info in stamped:
        changed = changed_kinds(info.settings, info.settings["input_stamp"], now)
        found[info.name, info.version] = list(changed)
    return found
