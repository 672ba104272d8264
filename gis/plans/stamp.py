"""What a plan rests on, as a hash for each layer, so that a plan can say which of them changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.model import Layer, Study

if TYPE_CHECKING:
    from gis.districts import DistrictPlan

INPUTS: Final = (
    "estates", "buildings", "gates", "walls", "facilities", "pipelines", "streets", "barriers",
    "communities", "heights",
)  # fmt: skip
"""Layers that a plan or its neighbours can be made of."""

_OF_NEIGHBOURS: Final[Mapping[str, tuple[str, ...]]] = {
    "walk": ("streets", "gates", "walls", "barriers", "heights"),
    "touch": ("barriers", "walls", "streets"),
}
_OF_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "communit": ("communities",),
    "subdistrict": ("communities",),
    "needs": ("facilities",),
    "facilit": ("facilities",),
    "pipe": ("pipelines",),
}
"""Part of the name of an objective or an area of a plan, and what that is read from."""

_DIGITS: Final = 16
_BETWEEN: Final = b"\x1f"


def input_stamp(study: Study, kinds: Collection[str] = INPUTS) -> dict[str, str]:
    """Return a hash of each layer of a study; the layers that it does not have are not there.

    The hash is of all rows with their columns and shapes, in their order: the same rows, read
    again, have the same stamp.
    """
    return {
        kind: layer_stamp(study.layer(kind)) for kind in INPUTS if kind in kinds and kind in study
    }


def inputs_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the kinds of layer that a plan with these settings rests on."""
    kinds = {"estates", *_OF_NEIGHBOURS.get(str(settings.get("adjacency")), ())}
    objective = settings.get("objective", ())
    words = [objective] if isinstance(objective, str) else list(objective or ())
    within = settings.get("within") or ()
    words += [within] if isinstance(within, str) else list(within)
    words += [settings.get("border") or ""]
    for word in map(str, words):
        for part, needed in _OF_WORDS.items():
            if part in word:
                kinds.update(needed)
    return tuple(kind for kind in INPUTS if kind in kinds)


def changed_inputs(plan: DistrictPlan, study: Study) -> tuple[str, ...]:
    """Return the layers that a plan rests on and that are no longer what they were.

    Empty where none changed, and for a plan that bears no stamp.
    """
    kept: Mapping[str, str] | None = plan.settings.get("input_stamp")
    if not kept:
        return ()
    return changed_kinds(plan.settings, kept, input_stamp(study, inputs_of(plan.settings)))


def changed_kinds(
    settings: Mapping[str, Any], kept: Mapping[str, str], now: Mapping[str, str]
) -> tuple[str, ...]:
    """Compare two stamps over the kinds that a plan with ``settings`` rests on."""
    return tuple(kind for kind in inputs_of(settings) if kept.get(kind) != now.get(kind))


def layer_stamp(layer: Layer) -> str:
    """Return the hash of one layer."""
    made = hashlib.sha256()
    frame = layer.frame
    for name in frame.columns:
        if name == frame.geometry.name:
            continue
        made.update(str(name).encode() + _BETWEEN)
        made.update(_bytes(frame[name]))
    made.update(_BETWEEN.join(_shapes(layer)))
    return made.hexdigest()[:_DIGITS]


def _bytes(values: pd.Series[Any]) -> bytes:
    if pd.api.types.is_float_dtype(values.dtype):
        numbers: NDArray[np.float64] = values.to_numpy(dtype="float64", na_value=np.nan)
        return np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes()
    return "\x1f".join("\x00" if pd.isna(word) else str(word) for word in values).encode()


def _shapes(layer: Layer) -> Iterable[bytes]:
    shapes = shapely.to_wkb(layer.geometries, byte_order=1)
    return (b"" if shape is None else bytes(shape) for shape in shapes)
