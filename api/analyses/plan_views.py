"""What is said of a plan as it is now, or of one of its versions: worked out once for each state.

Many look at what few change. A question is answered from memory while all that its answer rests on
is as it was: the plan with its changes by hand, and of the layers only what the answer reads. So an
estate that is moved leaves the people of all districts as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from api.analyses.drafts import Draft, Sitting, etag_of
from api.analyses.kept import Answer
from api.analyses.memory import HasLayers, Memory, still_of
from api.analyses.plan_answers import draft_json, plan_json_of, state_json
from api.analyses.plans import check_of, columns_read, metrics_of
from api.analyses.still import Still
from api.plain import json_text
from api.store import Project
from api.store.plan_changes import PlanState
from gis.districts import DistrictPlan
from gis.errors import UnknownNameError
from gis.model import KINDS, Layer, Study

_OF_VERDICTS: Final = ("uid", "people", "households")
Made = Callable[[Still], tuple[PlanState, dict[str, Any]]]


@contextmanager
def sitting_at(
    memory: Memory, live: HasLayers, plan: str, estates: Layer | None = None
) -> Iterator[Sitting]:
    """Give the draft of a plan to one at a time, as the store has it.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    """

    def layer() -> Layer:
        return live.layer("estates").layer if estates is None else estates

    with memory.desk.sit((live.name, live.project.mark), live.project, plan, layer) as sitting:
        yield sitting


def state_asked(project: Project, plan: str, version: int | None) -> PlanState:
    """Return where a plan stands, or one of its versions without changes by hand.

    Raises
    ------
    UnknownNameError
        There is no such plan, or no such version of it.
    """
    if version is None:
        return project.plan_state(plan)
    return PlanState(version, 0, project.version_mark(plan, version))


def plan_answer(
    memory: Memory, live: HasLayers, plan: str, version: int | None
) -> tuple[Answer, Mapping[str, Any]]:
    """Tell of a plan as it is now, or of one of its versions as it was kept.

    Returns
    -------
    answer
        Its tag is that of the plan, which a change has to name.
    settings
        What the version was made with.

    Raises
    ------
    UnknownNameError
        There is no such plan, or no such version of it.
    """
    state, kept = memory.desk.kept((live.name, live.project.mark), live.project, plan)
    version = None if version == state.version and state.seq == 0 else version
    if version == state.version:
        state = replace(state, seq=0)
    elif version is not None:
        state, kept = _version(live.project, plan, version)
    # To say how districts stand their bounds are held against sums of columns.
    columns = (*_OF_VERDICTS, *(kept.settings.get("sizes") or {}))

    def make(still: Still) -> tuple[PlanState, dict[str, Any]]:
        layer = still.read_layer("estates")
        if version is None:
            with sitting_at(memory, live, plan, layer) as sitting:
                return sitting.draft.state, _told(plan, sitting.draft, sitting.draft.kept)
        draft = Draft(kept, layer, state)
        return state, _told(plan, draft, kept) | plan_json_of(kept)

    key = (live.name, live.project.mark, "plan", plan, version)
    found = _answer(memory, live, key, plan, state, columns, make)
    return replace(found, etag=f'"{etag_of(found.subject[0])}"'), kept.settings


def _told(plan: str, draft: Draft, kept: DistrictPlan) -> dict[str, Any]:
    history = kept.settings.get("history") or [{}]
    return draft_json(plan, draft) | {"created": history[-1].get("when")}


def metrics_answer(
    memory: Memory, live: HasLayers, plan: str, names: tuple[str, ...] | None, version: int | None
) -> Answer:
    """Measure a plan as it is now, or one of its versions: all metrics, or those named.

    Raises
    ------
    UnknownNameError
        There is no such plan, version or metric.
    """

    def make(still: Still) -> tuple[PlanState, dict[str, Any]]:
        state, asked = _plan(memory, live, still, plan, version)
        measured = metrics_of(
            still, asked, names, coverage=lambda: memory.coverage(live.name, still)
        )
        return state, measured.to_json()

    state = state_asked(live.project, plan, version)
    key = (live.name, live.project.mark, "metrics", plan, names, version)
    return _answer(memory, live, key, plan, state, columns_read(names), make)


def check_answer(
    memory: Memory, live: HasLayers, plan: str, stale: Callable[[Still, DistrictPlan], list[str]]
) -> Answer:
    """Hold a plan as it is now against its constraints; ``stale`` tells which layers changed.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    """

    def make(still: Still) -> tuple[PlanState, dict[str, Any]]:
        state, kept = _plan(memory, live, still, plan, None)
        faults = check_of(kept, still.read_study())
        told = {"violations": [fault.to_json() for fault in faults]}
        return state, told | {"stale": stale(still, kept)}

    state = live.project.plan_state(plan)
    return _answer(
        memory, live, (live.name, live.project.mark, "check", plan), plan, state, None, make
    )


def _answer(
    memory: Memory,
    live: HasLayers,
    key: Hashable,
    plan: str,
    state: PlanState,
    columns: Collection[str] | None,
    make: Made,
) -> Answer:
    """Ask the memory; ``columns`` of the estates are all that is read of the layers, if given."""
    known = KINDS["estates"].column_names
    if columns is not None and not set(columns) <= {*known}:
        columns = None

    def made() -> Answer:
        if columns is None:
            still = still_of(live)
            mark: Hashable = tuple(sorted(still.read_at.items()))
        else:
            layer = live.layer("estates")
            mark = layer.digest(columns)
            study = Study({"estates": layer.layer}, name=live.project.name)
            still = Still.with_layers(live.project, study, {"estates": layer.version})
        profile = live.project.profile
        at, told = make(still)
        subject = (at, at.mark, profile)
        body = state_json(plan, at) | {"layers": dict(still.read_at)} | told
        digest = hashlib.sha256(repr((key, subject, mark)).encode("utf-8", "replace"))
        etag = f'"{etag_of(at)}.{digest.hexdigest()[:12]}"'
        return Answer(subject, mark, json_text(body).encode("utf-8", "replace"), etag)

    now: Hashable
    if columns is None:
        now = tuple(sorted(live.project.versions().items()))
    else:
        now = live.layer("estates").digest(columns)
    return memory.answers.get(key, (state, state.mark, live.project.profile), now, made)


def _plan(
    memory: Memory, live: HasLayers, still: Still, plan: str, version: int | None
) -> tuple[PlanState, DistrictPlan]:
    if version is not None:
        return _version(live.project, plan, version)
    layer = still.read_layer("estates")
    state, kept = memory.desk.kept((live.name, live.project.mark), live.project, plan)
    if state.seq == 0 and kept.estates.tolist() == layer.uids.tolist():
        return state, kept
    with sitting_at(memory, live, plan, layer) as sitting:
        return sitting.draft.state, sitting.draft.now()


def _version(project: Project, plan: str, version: int) -> tuple[PlanState, DistrictPlan]:
    state = state_asked(project, plan, version)
    kept = project.read_plan(plan, version=version)
    if state_asked(project, plan, version).mark != state.mark:
        raise UnknownNameError(f"The plan '{plan}' was just replaced by another one; ask again")
    return state, kept
