"""The independent checker of plans. It shares no code with the search and knows nothing of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.districts.district_plan import DistrictPlan
from gis.model import Layer
from gis.partition import check_partition


def check_plan(plan: DistrictPlan, estates: Layer) -> tuple[str, ...]:
    """Return every constraint that a plan breaks, in words; empty when none is broken.

    Sizes are read anew from the estates; neighbours are those of the plan. Each estate that takes
    part must be in one district or among the left out with a reason, never both.

    Parameters
    ----------
    plan
        What `plan_districts` returned, or what a person changed.
    estates
        The layer it was made of.
    """
    if [str(u) for u in estates.frame["uid"]] != [str(u) for u in plan.estates]:
        return ("the plan is of other estates",)
    broken: list[str] = []
    label = np.array([-1 if d is None else int(str(d)[1:]) for d in plan.district], dtype=int)
    left = {item.estate for item in plan.left_out}
    for uid, district in zip(plan.estates, label, strict=True):
        if uid in left and district >= 0:
            broken.append(f"estate {uid} is in D{district} and also left out")
    if any(not item.reason for item in plan.left_out):
        broken.append("an estate is left out without a reason")
    told = int((label >= 0).sum()) + len(plan.left_out)
    if told != plan.settings["taking_part"]:
        broken.append(f"{plan.settings['taking_part']} estates take part, {told} are told of")
    sizes = plan.settings["sizes"]
    persons = float(plan.settings["persons_per_household"])
    size = np.column_stack([_size(estates, column, persons) for column in sizes])
    if np.isnan(size[label >= 0]).any():
        broken.append("an estate of unknown size is in a district")
    bounds = np.array(list(sizes.values()), dtype=float).reshape(-1, 2)
    broken.extend(
        check_partition(
            plan.adjacency.links, np.nan_to_num(size), label, low=bounds[:, 0], high=bounds[:, 1]
        )
    )
    count = plan.settings["count"]
    if count is not None and len(plan.districts) not in (0, count):
        broken.append(f"there are {len(plan.districts)} districts, not {count}")
    return tuple(broken)


def _size(estates: Layer, column: str, persons_per_household: float) -> NDArray[np.float64]:
    frame = estates.frame
    if column == "people":
        counted, homes = _numbers(estates, "people"), _numbers(estates, "households")
        return np.where(np.isnan(counted), np.rint(homes * persons_per_household), counted)
    if column == "count":
        return np.ones(len(frame))
    if column == "area_m2" and column not in frame:
        area = np.asarray(frame.geometry.area, dtype=float)
        return np.where(area > 0, area, np.nan)
    return _numbers(estates, column)


def _numbers(estates: Layer, column: str) -> NDArray[np.float64]:
    return np.asarray(estates.frame[column].to_numpy(dtype=float, na_value=np.nan), dtype=float)
