"""What a plan's districts are like: one list of metrics, each with its unit and what is unknown.

`METRICS` is the list; a new metric is a line in it. Every figure comes with the number of things
(estates, pipes, services) of which it is not known: unknown is never counted as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.districts import DistrictPlan
from gis.errors import UnknownNameError
from gis.model import KINDS, Study
from gis.plans.facts import Facts, Figure, centre_limit_m

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One figure per district.

    ``of`` works it out; ``zh``, ``en`` and ``unit`` (with ``unit_zh``) are how people read it,
    ``digits`` how many decimals.
    """

    name: str
    unit: str
    unit_zh: str
    zh: str
    en: str
    of: Callable[[Facts], Figure]
    digits: int = 0


def _total(column: str) -> Callable[[Facts], Figure]:
    return lambda facts: facts.summed(column)


def _names(column: str) -> Callable[[Facts], Figure]:
    return lambda facts: facts.different(column)


def _pipes(kind: str) -> Callable[[Facts], Figure]:
    return lambda facts: facts.pipes.of(kind)


_PIPES: Final = {word: said[0] for word, said in KINDS["pipelines"].column("pipe").words}

METRICS: Final[tuple[Metric, ...]] = (
    Metric("estates", "estates", "个", "小区数", "Estates", lambda f: f.estates()),
    Metric("households", "households", "户", "户数", "Households", _total("households")),
    Metric("people", "people", "人", "人口", "People", _total("people")),
    Metric("area_m2", "m2", "平方米", "小区占地", "Area of estates", _total("area_m2")),
    Metric("buildings", "buildings", "栋", "楼栋数", "Buildings", _total("buildings")),
    Metric("floor_area_m2", "m2", "平方米", "建筑面积", "Floor area", _total("floor_area_m2")),
    Metric("cost_yuan", "yuan", "元", "估算投资", "Estimated cost", _total("cost_yuan")),
    Metric("communities", "communities", "个", "涉及社区", "Communities", _names("community")),
    Metric("managers", "managers", "家", "物业单位", "Managers", _names("manager")),
    Metric("spread_m", "m", "米", "人口离散距离", "Spread of people", lambda f: f.spread()),
    Metric("centre_walk_m", "m", "米", "居民到中心步行", "Walk of people to the centre",
           lambda f: f.walks.people),
    Metric("mean_walk_m", "m", "米", "小区间平均步行", "Mean walk between estates",
           lambda f: f.walks.mean),
    Metric("longest_walk_m", "m", "米", "到中心最远步行", "Longest walk to the centre",
           lambda f: f.walks.longest),
    Metric("facilities_inside", "facilities", "处", "片区内设施", "Facilities within",
           lambda f: f.services.inside),
    Metric("facilities_shared", "facilities", "处", "全部小区可达设施", "Facilities all reach",
           lambda f: f.services.shared),
    Metric("services_missing", "services", "项", "缺少应配设施", "Required services missing",
           lambda f: f.services.missing),
    Metric("people_lacking", "people", "人", "缺应配设施人口", "People lacking some",
           lambda f: f.services.people),
    Metric("pipes_m", "m", "米", "管线", "Pipelines", _pipes("all")),
    Metric("pipes_old_m", "m", "米", "老旧管线", "Old pipelines", _pipes("old")),
    *(Metric(f"pipes_{word}_m", "m", "米", f"{zh}管线", f"Pipelines, {word}", _pipes(word))
      for word, zh in _PIPES.items()),
)  # fmt: skip
"""All metrics, in the order of tables. A metric is a line here and a figure of `Facts`."""

PIPE_METRICS: Final = tuple(f"pipes_{word}_m" for word in _PIPES)
METRIC_NAMES: Final = tuple(metric.name for metric in METRICS)


def centre_rule(plan: DistrictPlan) -> tuple[str, str]:
    """Say which estate is the centre of a district, in Chinese and English."""
    limit = centre_limit_m(plan)
    if limit is None:
        zh = "片区内居民步行平均距离最短的小区"
        en = "the estate of the district with the least mean walk of its people"
        return zh, en
    zh = (
        f"片区各小区步行均不超过 {limit:,.0f} 米的小区中，居民步行平均距离最短的一个；"
        "没有这样的小区时，不论限值取最短者"
    )
    en = (
        f"of the estates that all of the district reach within {limit:,.0f} m the one with the "
        "least mean walk of its people; of all its estates where there is none such"
    )
    return zh, en


@dataclass(frozen=True, eq=False)
class PlanMetrics:
    """The metrics of a plan's d districts.

    ``table`` has a row per district, in their order: ``district``, and for each metric its value
    (NaN: unknown) and ``<name>_unknown``, of how many it is not known; ``people_estimated`` says of
    how many estates the people come from households. ``totals`` are those of all districts
    together; where a figure of a whole plan cannot be summed it is worked out anew. ``missing``
    lists per district the required services that some of its people lack; ``centre`` the estate
    that people walk to most shortly (see `centre_rule`), or None.
    """

    plan: DistrictPlan
    metrics: tuple[Metric, ...]
    table: pd.DataFrame
    totals: Mapping[str, float]
    missing: Mapping[str, tuple[Mapping[str, Any], ...]]
    centre: Mapping[str, str | None]
    left_out: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        districts = [
            row | {"missing": list(self.missing[row["district"]])}
            | {"centre": self.centre[row["district"]]}
            for row in self.table.to_dict("records")
        ]  # fmt: skip
        return {
            "districts": districts,
            "totals": dict(self.totals),
            "left_out_sums": dict(self.left_out),
            "centre_rule": centre_rule(self.plan)[1],
            "units": {metric.name: metric.unit for metric in self.metrics},
        }


def measure_plan(
    plan: DistrictPlan,
    study: Study,
    *,
    coverage: Coverage | None = None,
    persons_per_household: float | None = None,
    names: Collection[str] | None = None,
) -> PlanMetrics:
    """Work out the metrics of each district.

    Parameters
    ----------
    plan
        n estates in d districts.
    study
        The layers; its estates are found by uid. Estates of the plan that it no longer has, and
        figures for which a layer is missing, are unknown.
    coverage
        Who walks to what: without it facilities and services are unknown.
    persons_per_household
        Unless given, that of the plan's settings, else the census mean.
    names
        Only these metrics; all unless given.

    Raises
    ------
    UnknownNameError
        There is no such metric.
    MissingLayerError
        The study has no estates.
    """
    for name in names or ():
        if name not in METRIC_NAMES:
            raise UnknownNameError(
                f"There is no metric '{name}'; give one of: {', '.join(METRIC_NAMES)}"
            )
    chosen = tuple(m for m in METRICS if names is None or m.name in names)
    facts = Facts.of(plan, study, coverage=coverage, persons_per_household=persons_per_household)
    columns: dict[str, Any] = {"district": list(facts.names)}
    totals: dict[str, float] = {}
    for metric in chosen:
        figure = metric.of(facts)
        columns[metric.name] = figure.values.astype(float)
        columns[f"{metric.name}_unknown"] = figure.unknown.astype(np.int64)
        totals[metric.name] = float(figure.total)
        totals[f"{metric.name}_unknown"] = int(figure.total_unknown)
    columns["people_estimated"] = facts.people_estimated()
    walked = any(m.name.endswith("_walk_m") for m in chosen)
    served = any(m.name in ("services_missing", "people_lacking") for m in chosen)
    return PlanMetrics(
        plan=plan,
        metrics=chosen,
        table=pd.DataFrame(columns),
        totals=totals,
        missing=facts.services.told if served else dict.fromkeys(facts.names, ()),
        centre=facts.walks.centre if walked else dict.fromkeys(facts.names),
        left_out=facts.left_out(),
    )
