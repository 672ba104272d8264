"""What a plan is to be good at, by the names that planners use, as arrays for the search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.districts.adjacency import Adjacency
from gis.districts.wishes import (
    Classes,
    Wish,
    areas_of_estates,
    classes_of,
    common_needs,
    misses_of,
    pipelines_together,
    reach_of,
    shared_facilities,
)
from gis.errors import OptionError, UnknownNameError
from gis.model import Study
from gis.partition import Partition

UNITS: Final = {
    "cut-links": "links between districts",
    "balance": "largest share off the mean",
    "compact": "{size} x m to the central estate",
    "spread": "m2 to the district's mean position",
}
"""Objectives that need nothing but links, sizes and walks, and what each is counted in.

``{size}`` stands for the first size."""

AREAS: Final[Mapping[str, Literal["community", "subdistrict"]]] = {
    "communities": "community",
    "subdistricts": "subdistrict",
}
_NEED_COVERAGE: Final = ("needs", "facilities")
NAMES: Final = (*UNITS, *_NEED_COVERAGE, "pipelines", *AREAS)
"""All objectives; those after `UNITS` cost links that are cut, or areas that are split."""


@dataclass(frozen=True, eq=False)
class Aims:
    """Weights by name; wishes on the links of the adjacency; classes that are split or not left.

    ``within`` (n,) number of the class of each estate beyond which its district does not reach; an
    estate of an unknown class is a class of its own. None: no such bound.
    """

    weights: Mapping[str, float]
    wishes: tuple[Wish, ...]
    splits: Mapping[str, Classes]
    within: NDArray[np.int64] | None
    within_words: tuple[str, ...]
    classes: Mapping[str, NDArray[np.object_]]
    """(n,) words of each class of ``within``, None: unknown; for the checker."""

    def terms(self, found: Partition, size: str) -> dict[str, dict[str, Any]]:
        """What each objective comes to, with weight, scale, unit and basis, for the settings.

        ``size`` is the first size, by which walks are weighted.
        """
        unit = {
            **{name: words.format(size=size) for name, words in UNITS.items()},
            **{w.name: w.unit for w in self.wishes},
        }
        basis = {w.name: w.basis for w in self.wishes}
        return {
            name: {
                "value": found.terms[name],
                "weight": found.weights[name],
                "scale": found.scales[name],
                "unit": unit.get(name, "splits" if name in AREAS else "share of its total"),
                "basis": basis.get(name, self.splits[name].basis if name in self.splits else ""),
            }
            for name in found.terms
        }


def read_weights(objective: str | Mapping[str, float]) -> dict[str, float]:
    """Return the weights by name.

    Raises
    ------
    OptionError
        There is no such objective, or a weight is none.
    """
    asked = {objective: 1.0} if isinstance(objective, str) else dict(objective)
    for name, weight in asked.items():
        if name not in NAMES:
            raise OptionError(f"There is no objective '{name}'; give one of: {', '.join(NAMES)}")
        if not 0 <= weight < np.inf:
            raise OptionError(f"The weight of {name} is {weight:g}; give 0 or more")
    if not any(weight > 0 for weight in asked.values()):
        raise OptionError("No objective has a weight above 0; give one, such as cut-links")
    return {name: float(weight) for name, weight in asked.items() if weight > 0}


def make_aims(
    study: Study,
    beside: Adjacency,
    *,
    weights: Mapping[str, float],
    within: tuple[str, ...],
    coverage: Coverage | None,
    year: int | None,
) -> Aims:
    """Work out what the objectives and ``within`` say of each link and estate.

    Parameters
    ----------
    within
        "communities", "subdistricts" or text columns of the estates such as "manager".
    coverage
        What the estates miss and reach; ``needs`` and ``facilities`` rest on it.
    year
        First year of the works; ``pipelines`` rests on it.

    Raises
    ------
    OptionError
        An objective needs the coverage, or the year.
    UnknownNameError
        A column is none of the estates.
    """
    if coverage is None:
        for name in _NEED_COVERAGE:
            if name in weights:
                raise OptionError(f"The objective {name} rests on coverage; measure that first")
    if year is None and "pipelines" in weights:
        raise OptionError("The objective pipelines needs the first year of the works; give it")
    links = beside.links
    make: dict[str, Callable[[], Wish]] = {
        "needs": lambda: common_needs(links, misses_of(_known(coverage))),
        "facilities": lambda: shared_facilities(links, reach_of(_known(coverage))),
        "pipelines": lambda: pipelines_together(study, links, year=year or 0),
    }
    limits = [_classes(study, word) for word in within]
    return Aims(
        weights=weights,
        wishes=tuple(_named(make[name](), name) for name in make if name in weights),
        splits={
            word: areas_of_estates(study, area) for word, area in AREAS.items() if word in weights
        },
        within=_together(limits) if limits else None,
        within_words=within,
        classes={word: _words(c) for word, c in zip(within, limits, strict=True)},
    )


def _known(coverage: Coverage | None) -> Coverage:
    if coverage is None:
        raise OptionError("This rests on coverage; measure that first")
    return coverage


def _named(wish: Wish, name: str) -> Wish:
    """Call a wish by the name that its weight was given by."""
    return replace(wish, name=name)


def _classes(study: Study, word: str) -> Classes:
    if word in AREAS:
        return areas_of_estates(study, AREAS[word])
    estates = study.layer("estates")
    # A number is a class to nobody: each estate would be one of its own.
    if word not in estates.frame or word == "geometry" or _is_measured(estates.frame[word]):
        texts = [c.name for c in estates.kind.columns if c.type == "text" and c.name != "uid"]
        raise UnknownNameError(
            f"Districts cannot stay within '{word}'; give one of: {', '.join([*AREAS, *texts])}"
        )
    return classes_of(estates, word)


def _is_measured(column: pd.Series) -> bool:
    """Whether a column holds numbers or days instead of words."""
    kinds = pd.api.types
    return bool(kinds.is_numeric_dtype(column) or kinds.is_datetime64_any_dtype(column))


def _together(limits: list[Classes]) -> NDArray[np.int64]:
    """Number the combinations of several classes; each estate of an unknown one stands alone."""
    numbers = np.column_stack([c.number for c in limits])
    known = (numbers >= 0).all(axis=1)
    out = len(numbers) + np.arange(len(numbers))
    if known.any():
        out[known] = np.unique(numbers[known], axis=0, return_inverse=True)[1].ravel()
    return out


def _words(classes: Classes) -> NDArray[np.object_]:
    names = np.array([*classes.names, None], dtype=object)
    return np.asarray(names[classes.number], dtype=object)
