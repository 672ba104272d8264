"""The works: questions that take long, asked by name with options that are plain values.

A work is a function ``(project, options, progress)`` that answers with plain values: the keys are
those of the command line's ``--json``, and ``run`` is the number under which the answer is kept,
with the stamp of the layers that it rests on. A file is written to ``options["_folder"]`` and named
in ``file``. Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from gis.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from api.analyses.work.options import Options

__all__ = ["ASKABLE", "WORK", "options_model", "read_options"]

_HERE: Final = __name__
_MODELS: Final[Mapping[str, tuple[str, str]]] = {
    "coverage": ("walks:coverage", "Coverage"),
    "openings": ("walks:openings", "Openings"),
    "what_if": ("walks:what_if", "WhatIf"),
    "isochrones": ("walks:isochrones", "Isochrones"),
    "step_free": ("walks:step_free", "StepFree"),
    "sites": ("walks:sites", "Sites"),
    "findings": ("walks:findings", "Findings"),
    "districts": ("plans:districts", "Districts"),
    "alternatives": ("plans:alternatives", "Alternatives"),
    "repair": ("plans:repair", "Repair"),
    "compare": ("plans:compare", "Compare"),
    "map": ("files:map_page", "Map"),
    "gap_list": ("files:gap_list", "GapList"),
    "export": ("files:export", "Export"),
    "plan_export": ("files:plan_export", "PlanExport"),
}
WORK: Final[Mapping[str, str]] = {
    **{name: f"{_HERE}.{where}" for name, (where, _) in _MODELS.items()},
    "import": "api.analyses.imports:import_work",
}
"""Where the function of each work is, as "module:function"."""

ASKABLE: Final = tuple(_MODELS)
"""What people may ask for by name; an import is asked for with a file."""


def options_model(name: str) -> type[Options]:
    """Return what a work can be asked with.

    Raises
    ------
    UnknownNameError
        There is no work of that name that people may ask for.
    """
    if name not in _MODELS:
        raise UnknownNameError(f"There is no work '{name[:40]}'; give one of: {', '.join(ASKABLE)}")
    model: type[Options] = getattr(import_module(f"{_HERE}.options"), _MODELS[name][1])
    return model


def read_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options completed with what is usual, as JSON values.

    Raises
    ------
    UnknownNameError
        There is no such work.
    OptionError
        An option is unknown (also one that begins with "_"), of another type or out of range.
    """
    model = options_model(name)
    own = [key for key in options if key.startswith("_")]
    if own:
        raise OptionError(f"There is no option '{own[0][:40]}' of {name}; leave it out")
    return model.read(options).model_dump(mode="json")
