"""How a work is asked and its answer kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from api.analyses.how import Walking, profile_of
from api.analyses.memory import WALKED
from api.analyses.scenarios import place_in
from api.analyses.still import Still
from api.analyses.work.options import Edit, HowWalked, Options
from api.plain import plain
from api.store import Project
from gis.errors import OptionError
from gis.model import Categories
from gis.scenario import Edit as ScenarioEdit
from gis.scenario import edits_of

SITED: Final = (*WALKED, "sites", "green", "water", "projects")
PLANNED: Final = (*WALKED, "pipelines")


def walking_of(options: HowWalked, **more: Any) -> Walking:
    """Return how options say that it is walked."""
    given = {name: value for name, value in options if name in Walking.__dataclass_fields__}
    pack = getattr(options, "rules", None)
    return Walking(**(given | {"pack": pack} | more))


def settled(project: Project, options: Options) -> dict[str, Any]:
    """Return options as plain values, so that one question has one form.

    A category is told by its code, and rules by their name also where they are the usual ones.

    Raises
    ------
    UnknownNameError
        There is no such category.
    """
    told = options.model_dump(mode="json")
    if told.get("category") is not None:
        told["category"] = Categories.load().require(told["category"]).code
    own_limit = told.get("metres") is not None or told.get("minutes") is not None
    if "rules" in told and told["rules"] is None and not own_limit:
        told["rules"] = profile_of(project).rules
    return told


def kept(
    still: Still,
    work: str,
    asked_with: Options,
    options: Mapping[str, Any],
    answer: Mapping[str, Any],
    *,
    kinds: Collection[str],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Keep the answer of a work as a run, and return it with the number of that.

    Kept with it is which layers, in which version, it rests on, and ``more`` of the answer.
    """
    told: dict[str, Any] = plain(answer)
    run = still.save_run(
        work,
        options=settled(still, asked_with),
        stamp=still.stamp(kinds),
        assumptions=told.get("assumptions") or {},
        result=told | plain(more or {}),
        job=options.get("_job"),
    )
    return told | {"run": run}


def edits_in(project: Project, edits: Sequence[Edit]) -> tuple[ScenarioEdit, ...]:
    """Return edits with their places in the coordinates of the project.

    Raises
    ------
    InputError
        An edit lacks something, names what there is not, or its place is none.
    """
    words = []
    for edit in edits:
        word = {key: value for key, value in edit.model_dump().items() if value is not None}
        for key in ("at", "xy"):
            if key in word:
                word[key] = _place(project, word[key])
        if "line" in word:
            word["line"] = [_place(project, place) for place in word["line"]]
        words.append(word)
    return edits_of(words)


def _place(project: Project, place: Sequence[float]) -> tuple[float, float]:
    if len(place) != 2:
        raise OptionError(f"{list(place)} is no place; give two numbers")
    return place_in(project, (place[0], place[1]))


def folder_of(options: Mapping[str, Any]) -> Path:
    """Return the folder that files of a work are written to.

    Raises
    ------
    OptionError
        Whoever runs the work gave none.
    """
    folder = options.get("_folder")
    if folder is None:
        raise OptionError("This work writes a file and needs a folder for it")
    return Path(folder)
