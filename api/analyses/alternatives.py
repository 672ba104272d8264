"""What asks a kept plan's question again: alternatives to it, and its links as they are today."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from api.analyses.planning import districting_of, prepare_plan
from api.analyses.plans import stamped
from api.store import Project
from api.store.plans import require_name
from gis.districts import Adjacency, DistrictPlan, neighbours
from gis.model import Progress, Study, silent
from gis.plans.alternatives import UNLIKE, WORSE, Alternatives, alternatives


def alternatives_of(
    project: Project,
    name: str,
    *,
    count: int = 3,
    worse: float = WORSE,
    unlike: float = UNLIKE,
    seed: int = 0,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Alternatives:
    """Find several good and really different plans that are asked the same as a kept one.

    They are kept as "<name>-1", "<name>-2", ..., the best first, all of them or none. The named
    plan counts as the first of the set: each differs from it, too, by at least ``unlike``.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    OptionError
        What it was asked cannot be asked any more.
    """
    require_name(f"{name}-{count}")
    tell = progress or silent
    plan = project.read_plan(name)
    study = project.read_study()
    estates = study.layer("estates")
    prepared = prepare_plan(project, study, districting_of(plan.settings, estates))
    tell(0.2, "districts")
    found = alternatives(
        prepared, count, estates=estates, named=plan, worse=worse, unlike=unlike, seed=seed,
        time_limit_s=time_limit_s, name=name,
        progress=lambda share, doing: tell(0.2 + 0.8 * share, doing),
    )  # fmt: skip
    kept = tuple(stamped(made, study) for made in found.plans if made.districts)
    project.save_plans(kept, what="alternative", who=project.author.name, note=name)
    return replace(found, plans=tuple(stamped(made, study) for made in found.plans))


def links_today(plan: DistrictPlan, study: Study) -> Adjacency:
    """Work out the links anew, by what the plan was asked, from the layers as they are now.

    Returns
    -------
    adjacency
        Between rows of the plan's estates; those that the layer no longer has are linked to none.
    """
    estates = study.layer("estates")
    how = districting_of(plan.settings, estates).link_options(estates)
    found = neighbours(study, np.arange(len(estates), dtype=np.int64), options=how)
    place = {str(uid): row for row, uid in enumerate(plan.estates)}
    row = np.array([place.get(str(uid), -1) for uid in estates.uids], dtype=np.int64)
    parts: dict[str, Any] = {}
    for pairs in ("links", "beyond"):
        ends = np.sort(row[getattr(found, pairs).reshape(-1, 2)], axis=1)
        kept = np.flatnonzero((ends >= 0).all(axis=1))
        kept = kept[np.lexsort((ends[kept, 1], ends[kept, 0]))]
        parts[pairs] = ends[kept]
        for field in fields(found):
            if field.name not in ("kind", "links", "beyond") and (
                field.name.startswith("beyond") == (pairs == "beyond")
            ):
                parts[field.name] = getattr(found, field.name)[kept]
    return Adjacency(found.kind, **parts)
