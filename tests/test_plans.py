"""What a plan rests on: a stamp that says which of its layers changed since it was made."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
import shapely

from gis.model import KINDS, Layer, Study
from gis.plans import changed_inputs, input_stamp
from gis.plans.stamp import inputs_of
from tests.test_plans_metrics import ESTATES, KINDERGARTEN, STREETS, layer, plan, study


def test_a_stamp_changes_with_a_value_a_row_or_a_shape_and_with_nothing_else() -> None:
    first = input_stamp(study())
    assert set(first) == {"estates", "streets"}
    assert input_stamp(study()) == first
    for change in (
        {"people": [1000, 3000, 500, None, 41]},
        {"community": ["东", "东", "东", "西", "东"]},
    ):
        frame = ESTATES.frame.assign(**{
            k: pd.Series(v).astype(ESTATES.frame[k].dtype) for k, v in change.items()
        })  # fmt: skip
        other = Study({"estates": Layer(KINDS["estates"], frame), "streets": STREETS})
        assert input_stamp(other)["estates"] != first["estates"]
        assert input_stamp(other)["streets"] == first["streets"]


def test_a_plan_is_stale_only_by_what_it_rests_on() -> None:
    stamped = dataclasses.replace(
        plan(), settings={**plan().settings, "input_stamp": input_stamp(study())}
    )
    assert changed_inputs(stamped, study()) == ()
    assert changed_inputs(stamped, study(facilities=KINDERGARTEN)) == ()
    longer = layer("streets", [shapely.LineString([(0, 0), (2100, 0)])], highway=["residential"])
    assert changed_inputs(stamped, Study({"estates": ESTATES, "streets": longer})) == ("streets",)
    wish = dataclasses.replace(
        stamped, settings={**stamped.settings, "objective": {"facilities": 1.0}}
    )
    assert changed_inputs(wish, study(facilities=KINDERGARTEN)) == ("facilities",)
    assert changed_inputs(plan(), Study({"estates": ESTATES})) == ()


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({"adjacency": "touch"}, ("estates", "walls", "streets", "barriers")),
        (
            {"adjacency": "walk", "within": ["communities"]},
            ("estates", "gates", "walls", "streets", "barriers", "communities", "heights"),
        ),
        ({"border": "subdistrict"}, ("estates", "communities")),
        ({"objective": {"needs": 1.0, "pipelines": 2.0}}, ("estates", "facilities", "pipelines")),
        ({"objective": "balance"}, ("estates",)),
        ({"objective": None, "within": None}, ("estates",)),
    ],
)
def test_settings_say_what_a_plan_rests_on(
    settings: dict[str, object], kinds: tuple[str, ...]
) -> None:
    assert inputs_of(settings) == kinds
