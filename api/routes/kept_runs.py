"""Runs as routes need them: the newest one of some options, and what has changed since."""

from __future__ import annotations

import json
from typing import Any, Final

from api.analyses.memory import changed_since
from api.analyses.still import PROFILE, stamp_of
from api.analyses.work.asking import settled
from api.analyses.work.options import Options
from api.auth import Visit
from api.store.runs import Run
from gis.errors import UnknownNameError

MOST_LOOKED_AT: Final = 200


def newest_run(visit: Visit, work: str, options: Options) -> Run:
    """Return the newest run of a work with just these options, without its result.

    Raises
    ------
    UnknownNameError
        There is none; how to start one is told.
    """
    project = visit.live.project
    asked = settled(project, options)
    for run in project.runs(work, limit=MOST_LOOKED_AT):
        if dict(run.options) == asked:
            return run
    told = json.dumps(
        {"work": work, "options": options.model_dump(mode="json", exclude_defaults=True)}
    )
    raise UnknownNameError(
        f"Nothing was computed with these options yet; start it with POST "
        f"/api/projects/{visit.live.name}/jobs {told}"
    )


def stale_kinds(visit: Visit, run: Run) -> list[str]:
    """Return what a run rests on and that has changed since."""
    project = visit.live.project
    kinds = [kind for kind in run.stamp if kind != PROFILE]
    return changed_since(run.stamp, stamp_of(project.versions(), project.profile, kinds))


def marked(visit: Visit, run: Run) -> dict[str, Any]:
    """Return which run an answer comes from, and what has changed since."""
    return {"run": run.id, "created": run.created, "stale": stale_kinds(visit, run)}
